#ifndef HTTP_ROUTE_H
#define HTTP_ROUTE_H

/*
 * route: which handler answers a method and a path. A static table is compiled once.
 *
 * A pattern is a path whose segments are texts, `{name}` for one segment that is not empty, or, as
 * the last one, `{name*}` for all that follows. A text beats a parameter whatever the order of the
 * table. A route for GET answers HEAD, too.
 *
 * Ownership: the table is borrowed. Threads: a compiled table is only read.
 */

#include "base/arena.h"
#include "http/message.h"

struct http_exchange;

enum { HTTP_PARAMETERS_MAX = 4, HTTP_ROUTES_MAX = 256 };

struct http_route {
    enum http_method method;
    const char *pattern; /* "/api/v1/customers/{id}" */
    /* Answers at once or holds the exchange (http.h). `context` is the server's. */
    void (*handle)(struct http_exchange *exchange, void *context);
    size_t body_max; /* bytes of a request's body; 0: it has none */
    int note;        /* the server's owner's own, such as what a caller needs to come here */
};

struct http_match {
    const struct http_route *route; /* NULL: none */
    int methods;                    /* what the path knows; 0: there is no such path */
    size_t parameter_count;
    const char *parameters[HTTP_PARAMETERS_MAX]; /* decoded, in the order of the pattern */
    bool is_malformed;                           /* a parameter is not percent-encoded UTF-8 */
};

/* Aborts on a table that is wrong: two routes for the same requests, too many parameters. */
void http_routes_check(const struct http_route *routes, size_t count);

/* `path` without its query. Parameters live in the arena; is_malformed also when that is full. */
void http_route_find(const struct http_route *routes, size_t count, enum http_method method,
                     const char *path, struct lx_arena *arena, struct http_match *ret_match);

#endif
