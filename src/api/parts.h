#ifndef API_PARTS_H
#define API_PARTS_H

/*
 * parts: what the server is made of. Private to api.
 *
 *   seat    what a thread needs to answer: an engine of its own, labels, a buffer
 *   place   one for each loop and each worker; holds its seat, and the next one when there is a
 *           reload: the thread takes it before a request, so no lock stands between requests and it
 *   call    one request on its way through a route; lives in the exchange's arena
 *   writer  writer.h; workers run the routes that read the disk, so that loops never wait
 *
 * A call is touched by its loop, then by a worker or the writer while its exchange is held, then by
 * its loop again.
 */

#include <stdatomic.h>

#include "api/api.h"
#include "api/idempotency.h"
#include "api/metrics.h"
#include "api/writer.h"
#include "codec/json.h"
#include "decide/engine.h"
#include "frame/frame.h"
#include "host/lock.h"
#include "host/thread.h"
#include "http/http.h"

enum {
    API_BODY_MAX = 64 << 10,  /* of a request */
    API_REPLY_MAX = 32 << 20, /* of an answer */
    API_TIMELINE_MAX = 1000,  /* rows of one page */
    API_ADDRESS_SIZE = 128,
    API_WORKERS = 2,
    API_TASKS_MAX = 256,
    API_TRIES_MAX = 8,            /* of a decision that others overtake */
    API_CUSTOMERS_MORE = 1 << 20, /* who may come with reloads before a restart */
};

struct api_seat {
    struct engine *engine;
    struct view_labels *labels;
    struct label_measures *measures; /* of the live model and these labels */
    struct lx_buffer out;
};

struct api_place {
    struct api *api;
    struct api_seat *seat; /* of the thread whose place it is */
    _Atomic(struct api_seat *) next;
};

/* Something for a worker to do. */
struct api_task {
    void (*run)(struct api_task *task, struct api_place *place);
    void *context;
};

struct api {
    struct api_options options;
    struct lx_env env;
    struct host_lock lock;
    struct engine *writing; /* holds the journal; catches the tables up */
    struct live *live;
    struct frame_check *check; /* of the snapshot of the start, block by block */
    struct api_writer *writer;
    struct http_server *server;
    int loop_count;
    struct api_place *places; /* of the loops, then of the workers */
    struct host_queue *tasks;
    struct host_thread *workers[API_WORKERS];
    struct api_task reload;
    atomic_bool is_reloading;
    uint8_t rules[32]; /* the rule set recorded last; whoever reloads */
    atomic_int reloads, failed_reloads;
    struct api_idempotency *idempotency;
    struct api_metrics *metrics;
    char address[API_ADDRESS_SIZE];
    struct http_route *http_routes; /* made of api_routes */
};

struct api_route;

struct api_call {
    struct api *api;
    struct http_exchange *exchange;
    const struct api_route *route;
    struct api_seat *seat;
    struct api_credentials credentials;
    struct api_principal principal;
    struct json_writer json; /* over seat->out, inside the document's object */
    bool is_english;
    int status; /* 200 unless the route says otherwise */
    const char *content_type;
    bool is_tagged;      /* carries an ETag */
    const char *problem; /* type of the problem, where it is not that of the error */
    const char *fault;   /* of an expression, as JSON */
    struct lx_error err;
    enum lx_err code; /* of the route */
    const char *body; /* what it wrote: the seat's, or copied to the arena */
    size_t body_length;
    int tries;
    bool is_counted; /* as a decision, when it is recorded */
    enum api_outcome outcome;
    struct api_drops drops;
    bool has_ticket; /* of its Idempotency-Key */
    uint32_t ticket;
    struct api_job job;
    struct api_task task;
};

struct api_route {
    enum http_method method;
    const char *pattern;
    enum api_right right;
    size_t body_max;
    /* Writes the document into call->json; an error's text is in call->err. */
    enum lx_err (*run)(struct api_call *call);
    bool is_raw;        /* writes seat->out itself and says call->content_type */
    bool is_customer;   /* the first parameter is a customer's id */
    bool is_repeatable; /* takes an Idempotency-Key */
    bool is_slow;       /* reads the disk: a worker runs it */
};

extern const struct api_route api_routes[];
extern const size_t api_route_count;

/* The handler of every route: asks the authorizer, runs the route, replies. */
void api_enter(struct http_exchange *exchange, void *context);

/* seats.c */
LX_MUST_USE enum lx_err api_seats_open(struct api *api, struct lx_error *err);
void api_seats_close(struct api *api);
struct api_seat *api_seat_of(struct api_place *place);
LX_MUST_USE enum lx_err api_workers_start(struct api *api, struct lx_error *err);
void api_workers_stop(struct api *api);
void api_reload(void *context); /* of SIGHUP */

/* Asks again, now that the customer is known; an error is what the caller returns. */
LX_MUST_USE enum lx_err api_ask_customer(struct api_call *call, const char *customer);

/* routes_*.c */
enum lx_err api_recommend(struct api_call *call);
enum lx_err api_answer(struct api_call *call);
enum lx_err api_decision(struct api_call *call);
enum lx_err api_proof(struct api_call *call);
enum lx_err api_customer(struct api_call *call);
enum lx_err api_timeline(struct api_call *call);
enum lx_err api_audience_count(struct api_call *call);
enum lx_err api_audience_list(struct api_call *call);
enum lx_err api_audience_keep(struct api_call *call);
enum lx_err api_products(struct api_call *call);
enum lx_err api_model(struct api_call *call);
enum lx_err api_description(struct api_call *call);
enum lx_err api_checkpoint(struct api_call *call);
enum lx_err api_tile(struct api_call *call);
enum lx_err api_healthz(struct api_call *call);
enum lx_err api_readyz(struct api_call *call);
enum lx_err api_metrics_page(struct api_call *call);

#endif
