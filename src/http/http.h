#ifndef HTTP_HTTP_H
#define HTTP_HTTP_H

/*
 * http: an HTTP/1.1 server without any knowledge of what it serves.
 *
 * One event loop a core, each with a listening socket of its own on the same port (SO_REUSEPORT);
 * a connection stays with the loop that accepted it. A request goes
 *
 *   accepted -> head read -> route found -> body read -> handler -> reply sent -> the next one
 *
 * Sockets, events and TLS are libevent's; the framing (message.h) is ours, because evhttp 2.1
 * cannot say 431, has no deadline for a whole request, no limit on connections and takes bodies
 * framed in two ways.
 *
 * A handler answers at once, or holds the exchange and somebody else (a thread that syncs) has it
 * resumed later; until then nothing more is read from that connection.
 *
 * Invariants:
 *  1. Each request that was read whole is answered exactly once, and answers leave in the order of
 *     their requests (pipelining).
 *  2. A handler runs in its connection's loop and must not wait.
 *  3. A client that is slow holds a connection until its deadline and nothing else: heads and
 *     bodies have one deadline each, counted from their first byte; a reply must get on.
 *  4. After http_server_stop no request is begun, those begun are finished (up to stop_ms), and
 *     http_server_run returns.
 * Ownership: an exchange and all it hands out live until its reply was given to the connection.
 *            Options are copied, what they point to is borrowed until close.
 * Errors:    open: LX_ERR_USAGE (address), LX_ERR_BUSY (port in use), LX_ERR_IO (TLS files).
 * Threads:   http_server_stop and http_resume from any; the rest from the exchange's loop.
 */

#include "base/env.h"
#include "http/accept.h"
#include "http/message.h"
#include "http/route.h"
#include "http/target.h"

struct http_server;
struct http_exchange;

struct http_limits {
    size_t header_bytes; /* of a whole head: 431 */
    size_t connections;  /* at once: 503, then closed */
    size_t reply_bytes;  /* of one reply's body */
    int head_ms;         /* from the first byte of a request to the end of its head: 408 */
    int body_ms;         /* for its body: 408 */
    int idle_ms;         /* between two requests of a connection, or before its first: closed */
    int send_ms;         /* without a byte taken by the client: closed */
    int stop_ms;         /* what is in flight when the server stops */
};
struct http_limits http_default_limits(void);

/* What happened to a request; told to the server's owner when its reply has been handed over. */
struct http_done {
    const struct http_route *route; /* NULL: there was none */
    enum http_method method;        /* 0: the head was not read */
    int status;
    size_t reply_bytes;
    int64_t elapsed_ns; /* from the end of the head to the reply */
    int loop;
};

struct http_options {
    const char *address; /* "127.0.0.1", "::1", "0.0.0.0" */
    int port;            /* 0: one that is free */
    int loop_count;      /* >= 1 */
    struct http_limits limits;
    const struct http_route *routes;
    size_t route_count;
    void *context;                           /* handed to handlers and hooks */
    const char *certificate_file, *key_file; /* PEM; both NULL: no TLS */
    bool takes_signals;                      /* SIGTERM, SIGINT: stop; SIGHUP: on_reload */
    void (*on_reload)(void *context);        /* in loop 0: it must not wait either */
    void (*on_done)(void *context, const struct http_done *done);
    const struct lx_env *env;
};

/* Binds; nothing is accepted before run. SIGPIPE is ignored from here on. */
LX_MUST_USE enum lx_err http_server_open(const struct http_options *options,
                                         struct http_server **ret_server, struct lx_error *err);
int http_server_port(const struct http_server *server);
/* Serves until stopped; the calling thread is loop 0. */
LX_MUST_USE enum lx_err http_server_run(struct http_server *server, struct lx_error *err);
void http_server_stop(struct http_server *server);
void http_server_close(struct http_server *server); /* not while it runs; NULL is fine */
/* Is this an address that only this machine can reach? */
bool http_is_loopback(const char *address);

struct http_counters {
    uint64_t accepted, refused, timed_out, open;
};
void http_server_counters(const struct http_server *server, struct http_counters *ret_counters);

/* The request. */
const struct http_head *http_request_head(const struct http_exchange *exchange);
const struct http_route *http_request_route(const struct http_exchange *exchange);
const char *http_request_path(const struct http_exchange *exchange); /* as sent, no query */
const char *http_request_parameter(const struct http_exchange *exchange, size_t index);
const char *http_request_header(const struct http_exchange *exchange, const char *lower_name);
/* NULL: the query does not have it. */
const char *http_request_query(const struct http_exchange *exchange, const char *name);
const char *http_request_body(const struct http_exchange *exchange, size_t *ret_length);
enum http_language http_request_language(const struct http_exchange *exchange);
int http_request_loop(const struct http_exchange *exchange);
/* Memory until the reply. */
struct lx_arena *http_request_arena(struct http_exchange *exchange);

/* The reply. Fields first (name and value without control characters, copied), then exactly one
 * of the replies. A body is copied. */
void http_reply_header(struct http_exchange *exchange, const char *name, const char *value);
void http_reply(struct http_exchange *exchange, int status, const char *content_type,
                const void *body, size_t length);
/* The same with an entity tag (with its quotes): 304 where the client has it already. */
void http_reply_tagged(struct http_exchange *exchange, const char *tag, const char *content_type,
                       const void *body, size_t length);

/* A problem document (RFC 9457). */
struct http_problem {
    int status;
    const char *type;               /* "not_found"; told as urn:lingxi:problem:not_found */
    const char *detail;             /* for a person; NULL: none */
    int retry_after_s;              /* 0: not said */
    const char *extra_name, *extra; /* one further member and its value as JSON; NULL: none */
};
void http_reply_problem(struct http_exchange *exchange, const struct http_problem *problem);
/* "Not Found" and the like, in both languages. */
const char *http_status_text(int status, enum http_language language);

/* The handler returns without a reply; `run` is called in the exchange's loop once somebody says
 * http_resume, and must reply or hold again. */
void http_hold(struct http_exchange *exchange,
               void (*run)(struct http_exchange *exchange, void *context), void *context);
void http_resume(struct http_exchange *exchange);

#endif
