#ifndef API_PARTS_H
#define API_PARTS_H

/*
 * parts: what the server is made of. Private to api.
 *
 *   seat   what a thread needs to answer: an engine of its own and a buffer; one for each loop
 *   call   one request on its way through a route; lives in the exchange's arena
 */

#include "api/api.h"
#include "api/metrics.h"
#include "codec/json.h"
#include "decide/engine.h"
#include "frame/frame.h"
#include "host/lock.h"
#include "http/http.h"

enum {
    API_BODY_MAX = 64 << 10,  /* of a request */
    API_REPLY_MAX = 32 << 20, /* of an answer */
    API_TIMELINE_MAX = 1000,  /* rows of one page */
    API_ADDRESS_SIZE = 128,
};

struct api_seat {
    struct engine *engine;
    struct view_labels *labels;
    struct label_measures *measures; /* of the live model and these labels */
    struct lx_buffer out;
};

struct api {
    struct api_options options;
    struct lx_env env;
    struct host_lock lock;
    struct http_server *server;
    struct api_seat *seats;    /* by loop */
    struct frame_check *check; /* of the snapshot, block by block, since the start */
    int loop_count;
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
};

struct api_route {
    enum http_method method;
    const char *pattern;
    enum api_right right;
    size_t body_max;
    /* Writes the document into call->json; an error's text is in call->err. */
    enum lx_err (*run)(struct api_call *call);
    bool is_raw;      /* writes seat->out itself and says call->content_type */
    bool is_customer; /* the first parameter is a customer's id */
};

extern const struct api_route api_routes[];
extern const size_t api_route_count;

/* The handler of every route: asks the authorizer, runs the route, replies. */
void api_enter(struct http_exchange *exchange, void *context);

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
