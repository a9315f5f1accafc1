#ifndef HTTP_PARTS_H
#define HTTP_PARTS_H

/*
 * parts: what a server is made of. Private to http.
 *
 *   server      options, counters, loops
 *   loop        an event base, a listener, its connections, a pool of exchanges, a compressor;
 *               everything of a loop is touched by its thread alone, except `resumed`
 *   connection  a bufferevent and the request that is being read or answered on it
 *   exchange    one request and its reply, with the arena of both
 */

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <stdatomic.h>
#include <zlib.h>

#include "http/http.h"

enum {
    HTTP_ARENA_MAX = 32 << 20,
    HTTP_ARENA_KEPT = 512 << 10, /* an arena that grew past it gives its memory back */
    HTTP_BODY_KEPT = 64 << 10,
    HTTP_TICK_MS = 100,
};

enum http_phase {
    HTTP_IDLE, /* between requests */
    HTTP_IN_HEAD,
    HTTP_IN_BODY,
    HTTP_ANSWERING, /* the handler has it, or holds it */
    HTTP_CLOSING,   /* the last reply is on its way */
};

struct http_reply_field {
    const char *name, *value;
    struct http_reply_field *next;
};

struct http_exchange {
    struct http_loop *loop;
    struct http_connection *connection; /* NULL: the client has gone */
    struct http_head head;
    struct http_match match;
    const char *path;
    struct http_pair *query;
    size_t query_count;
    struct lx_buffer body;
    struct lx_arena arena;
    struct http_reply_field *fields, **fields_end;
    int64_t began_ns;
    bool is_replied, is_held;
    void (*run)(struct http_exchange *exchange, void *context);
    void *run_context;
    struct http_exchange *next; /* in the pool, or among the resumed */
};

struct http_connection {
    struct http_loop *loop;
    struct bufferevent *stream;
    struct http_connection *next, *previous; /* of the loop */
    enum http_phase phase;
    int64_t deadline_ns;
    size_t searched;     /* of a head: no end in these first bytes */
    size_t output_bytes; /* at the last tick, to see that a reply gets on */
    int64_t send_deadline_ns;
    struct http_exchange *exchange;
    struct http_chunks chunks;
    bool closes;    /* after this reply */
    bool is_busy;   /* in http_connection_advance */
    bool is_broken; /* to be freed when advance ends */
    bool is_ended;  /* the client has closed its side */
};

struct http_loop {
    struct http_server *server;
    int index;
    struct event_base *base;
    struct evconnlistener *listener;
    struct event *wake, *tick, *stop_signals[2], *reload_signal;
    struct http_connection *connections;
    struct http_exchange *pool;
    size_t held_count; /* exchanges that somebody else has */
    _Atomic(struct http_exchange *) resumed;
    z_stream compressor;
    bool has_compressor, is_stopping;
    int64_t stop_began_ns, rests_until_ns;
    int64_t date_s; /* of date_text */
    char date_text[64];
};

struct http_server {
    struct http_options options;
    struct http_loop *loops;
    int port;
    void *tls;
    atomic_bool is_stopping;
    atomic_uint_fast64_t accepted, refused, timed_out, open;
};

static inline int64_t http_now_ns(const struct http_loop *loop)
{
    const struct lx_env *env = loop->server->options.env;
    return env->elapsed_ns(env->context);
}

/* connection.c */
void http_connection_accept(struct http_loop *loop, evutil_socket_t socket);
void http_connection_free(struct http_connection *connection);
void http_connection_tick(struct http_connection *connection, int64_t now_ns);
/* Goes on as far as the bytes that are there allow. */
void http_connection_advance(struct http_connection *connection);

/* exchange.c */
struct http_exchange *http_exchange_take(struct http_loop *loop);
void http_exchange_give(struct http_exchange *exchange);
/* Answers what has been read: calls the handler. */
void http_exchange_begin(struct http_exchange *exchange);
void http_exchange_run_resumed(struct http_loop *loop);

/* reply.c */
/* A problem that stands before any handler. */
void http_reply_status(struct http_exchange *exchange, int status);

/* tls.c */
LX_MUST_USE enum lx_err http_tls_open(const char *certificate_file, const char *key_file,
                                      void **ret_tls, struct lx_error *err);
void http_tls_close(void *tls);
struct bufferevent *http_tls_stream(void *tls, struct event_base *base, evutil_socket_t socket);

#endif
