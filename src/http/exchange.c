/* One request on its way: taken from the pool, begun, perhaps held, resumed, given back. */
#include <string.h>

#include "http/parts.h"

struct http_exchange *http_exchange_take(struct http_loop *loop)
{
    struct http_exchange *exchange = loop->pool;
    if (exchange != NULL) {
        loop->pool = exchange->next;
    } else {
        exchange = lx_calloc(1, sizeof *exchange);
        if (exchange == NULL) return NULL;
        exchange->loop = loop;
        lx_arena_init(&exchange->arena, HTTP_ARENA_MAX);
        lx_buffer_init(&exchange->body, 1);
    }
    exchange->next = NULL;
    exchange->connection = NULL;
    exchange->head.method = 0;
    exchange->head.target = NULL;
    exchange->head.header_count = 0;
    exchange->head.minor = 1;
    exchange->match = (struct http_match){.route = NULL};
    exchange->path = "";
    exchange->query = NULL;
    exchange->query_count = 0;
    exchange->fields = NULL;
    exchange->fields_end = &exchange->fields;
    exchange->is_replied = exchange->is_held = false;
    return exchange;
}

void http_exchange_give(struct http_exchange *exchange)
{
    if (exchange->arena.held_bytes > HTTP_ARENA_KEPT)
        lx_arena_release(&exchange->arena);
    else
        lx_arena_clear(&exchange->arena);
    if (exchange->body.capacity > HTTP_BODY_KEPT)
        lx_buffer_release(&exchange->body);
    else
        lx_buffer_clear(&exchange->body);
    exchange->next = exchange->loop->pool;
    exchange->loop->pool = exchange;
}

static void allow(struct http_exchange *exchange)
{
    char allowed[64] = "";
    size_t length = 0;
    int methods = exchange->match.methods | HTTP_OPTIONS;
    for (int bit = HTTP_GET; bit <= HTTP_OPTIONS; bit <<= 1) {
        if ((methods & bit) == 0) continue;
        const char *name = http_method_text((enum http_method)bit);
        if (length > 0) {
            memcpy(allowed + length, ", ", 3);
            length += 2;
        }
        memcpy(allowed + length, name, strlen(name) + 1);
        length += strlen(name);
    }
    http_reply_header(exchange, "Allow", allowed);
}

void http_exchange_begin(struct http_exchange *exchange)
{
    const struct http_route *route = exchange->match.route;
    bool is_for_server = strcmp(exchange->path, "*") == 0;
    if (exchange->match.methods == 0 && !is_for_server) {
        http_reply_status(exchange, 404);
    } else if (route == NULL) {
        allow(exchange);
        if (exchange->head.method == HTTP_OPTIONS)
            http_reply(exchange, 204, NULL, NULL, 0);
        else
            http_reply_status(exchange, 405);
    } else if (exchange->match.is_malformed) {
        http_reply_status(exchange, 400);
    } else {
        route->handle(exchange, exchange->loop->server->options.context);
    }
    LX_ASSERT(exchange->is_replied != exchange->is_held);
}

void http_hold(struct http_exchange *exchange,
               void (*run)(struct http_exchange *exchange, void *context), void *context)
{
    LX_ASSERT(!exchange->is_held && !exchange->is_replied);

    exchange->is_held = true;
    exchange->run = run;
    exchange->run_context = context;
    exchange->loop->held_count++;
}

/* A stack that any thread pushes to and the loop takes whole; who finds it empty wakes the loop. */
void http_resume(struct http_exchange *exchange)
{
    struct http_loop *loop = exchange->loop;
    struct http_exchange *first = atomic_load_explicit(&loop->resumed, memory_order_relaxed);
    do exchange->next = first;
    while (!atomic_compare_exchange_weak_explicit(&loop->resumed, &first, exchange,
                                                  memory_order_release, memory_order_relaxed));
    if (first == NULL) event_active(loop->wake, EV_READ, 0);
}

static void run_one(struct http_exchange *exchange)
{
    struct http_connection *connection = exchange->connection;
    exchange->next = NULL;
    exchange->is_held = false;
    exchange->loop->held_count--;
    exchange->run(exchange, exchange->run_context);
    LX_ASSERT(exchange->is_replied != exchange->is_held);
    if (exchange->is_held) return;
    if (connection != NULL)
        http_connection_advance(connection);
    else
        http_exchange_give(exchange);
}

void http_exchange_run_resumed(struct http_loop *loop)
{
    struct http_exchange *taken =
        atomic_exchange_explicit(&loop->resumed, NULL, memory_order_acquire);
    struct http_exchange *in_order = NULL;
    while (taken != NULL) {
        struct http_exchange *next = taken->next;
        taken->next = in_order;
        in_order = taken;
        taken = next;
    }
    while (in_order != NULL) {
        struct http_exchange *next = in_order->next;
        run_one(in_order);
        in_order = next;
    }
}

const struct http_head *http_request_head(const struct http_exchange *exchange)
{
    return &exchange->head;
}

const struct http_route *http_request_route(const struct http_exchange *exchange)
{
    return exchange->match.route;
}

const char *http_request_path(const struct http_exchange *exchange)
{
    return exchange->path;
}

const char *http_request_parameter(const struct http_exchange *exchange, size_t index)
{
    LX_ASSERT(index < exchange->match.parameter_count);
    return exchange->match.parameters[index];
}

const char *http_request_header(const struct http_exchange *exchange, const char *lower_name)
{
    return http_head_find(&exchange->head, lower_name);
}

const char *http_request_query(const struct http_exchange *exchange, const char *name)
{
    for (size_t i = 0; i < exchange->query_count; i++)
        if (strcmp(exchange->query[i].name, name) == 0) return exchange->query[i].value;
    return NULL;
}

const char *http_request_body(const struct http_exchange *exchange, size_t *ret_length)
{
    *ret_length = exchange->body.length;
    return lx_buffer_text(&exchange->body);
}

enum http_language http_request_language(const struct http_exchange *exchange)
{
    return http_accept_language(http_head_find(&exchange->head, "accept-language"));
}

int http_request_loop(const struct http_exchange *exchange)
{
    return exchange->loop->index;
}

struct lx_arena *http_request_arena(struct http_exchange *exchange)
{
    return &exchange->arena;
}
