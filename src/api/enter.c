/* The handler of every route. */
#include <stdio.h>
#include <string.h>

#include "api/parts.h"
#include "codec/digest.h"

/* What a person may not read: the machine's paths and states, when it is the machine's fault. */
static void reply_failure(struct api_call *call, enum lx_err code)
{
    int status = lx_err_http_status(code);
    bool is_ours = status >= 500;
    struct http_problem problem = {.status = status,
                                   .type = call->problem,
                                   .detail = is_ours ? NULL : call->err.text,
                                   .retry_after_s = lx_err_is_retryable(code) ? 1 : 0};
    char type[32];
    if (call->fault != NULL) {
        problem.extra_name = "fault";
        problem.extra = call->fault;
    }
    if (problem.type == NULL) {
        const char *name = lx_err_name(code);
        size_t i = 0;
        for (; name[i] != '\0' && i < sizeof type - 1; i++)
            type[i] = name[i] >= 'A' && name[i] <= 'Z' ? (char)(name[i] + ('a' - 'A')) : name[i];
        type[i] = '\0';
        problem.type = type;
    }
    if (is_ours) {
        char line[LX_ERROR_TEXT_MAX + 128];
        snprintf(line, sizeof line, "level=error route=\"%s\" error=%s text=\"%s\"",
                 call->route->pattern, lx_err_name(code), call->err.text);
        call->api->env.message(call->api->env.context, line);
    }
    http_reply_problem(call->exchange, &problem);
}

static void reply_verdict(struct http_exchange *exchange, enum api_verdict verdict)
{
    struct http_problem problem = {.status = 404, .type = "not_found"};
    switch (verdict) {
    case API_BUSY: problem = (struct http_problem){429, "too_many_requests", NULL, 1}; break;
    case API_STRANGER:
        http_reply_header(exchange, "WWW-Authenticate", "Bearer realm=\"lingxi\"");
        problem = (struct http_problem){401, "unauthorized", NULL, 0};
        break;
    case API_FORBIDDEN: problem = (struct http_problem){403, "forbidden", NULL, 0}; break;
    case API_HIDDEN:
    case API_ALLOWED: break;
    }
    http_reply_problem(exchange, &problem);
}

static struct api_question question_of(const struct api_call *call, const char *customer)
{
    return (struct api_question){.right = call->route->right,
                                 .method = call->route->method,
                                 .pattern = call->route->pattern,
                                 .customer = customer};
}

enum lx_err api_ask_customer(struct api_call *call, const char *customer)
{
    const struct api_authorizer *authorizer = call->api->options.authorizer;
    const struct api_question question = question_of(call, customer);
    if (!authorizer->asks_customers) return LX_OK;
    enum api_verdict verdict =
        authorizer->ask(authorizer->context, &call->credentials, &question, &call->principal);
    if (verdict == API_ALLOWED) return LX_OK;
    /* That it exists is as much as what it says. */
    return lx_fail(&call->err, LX_ERR_NOT_FOUND, "there is no such decision");
}

static enum api_verdict authorize(struct api_call *call)
{
    const struct api_authorizer *authorizer = call->api->options.authorizer;
    const struct http_exchange *exchange = call->exchange;
    const char *customer = call->route->is_customer ? http_request_parameter(exchange, 0) : NULL;
    const struct api_question question = question_of(call, customer);
    call->credentials = (struct api_credentials){
        .authorization = http_request_header(exchange, "authorization"),
        .cookie = http_request_header(exchange, "cookie"),
        .csrf_token = http_request_header(exchange, "x-csrf-token"),
        .origin = http_request_header(exchange, "origin"),
        .is_secure = call->api->options.certificate_file != NULL,
    };
    return authorizer->ask(authorizer->context, &call->credentials, &question, &call->principal);
}

/* "application/json", perhaps with parameters. */
static bool is_json(const char *type)
{
    static const char wanted[] = "application/json";
    if (type == NULL) return false;
    for (size_t i = 0; wanted[i] != '\0'; i++) {
        char byte = type[i] >= 'A' && type[i] <= 'Z' ? (char)(type[i] + ('a' - 'A')) : type[i];
        if (byte != wanted[i]) return false;
    }
    char next = type[sizeof wanted - 1];
    return next == '\0' || next == ';' || next == ' ';
}

static bool has_good_type(const struct http_exchange *exchange)
{
    size_t length = 0;
    (void)http_request_body(exchange, &length);
    return length == 0 || is_json(http_request_header(exchange, "content-type"));
}

static void reply_document(struct api_call *call)
{
    char tag[2 + 24 + 1];
    http_reply_header(call->exchange, "Content-Language", call->is_english ? "en" : "zh");
    if (!call->is_tagged || call->status != 200) {
        http_reply(call->exchange, call->status, call->content_type, call->body, call->body_length);
        return;
    }
    uint8_t hash[DIGEST_SIZE];
    char text[DIGEST_TEXT_SIZE];
    digest_of(call->body, call->body_length, hash);
    digest_text(hash, text);
    snprintf(tag, sizeof tag, "\"%.24s\"", text);
    http_reply_tagged(call->exchange, tag, call->content_type, call->body, call->body_length);
}

static void finish(struct api_call *call)
{
    if (call->has_ticket)
        api_idempotency_end(call->api->idempotency, call->ticket, call->status,
                            call->code == LX_OK ? call->body : NULL, call->body_length);
    if (call->code != LX_OK) {
        reply_failure(call, call->code);
        return;
    }
    if (call->is_counted)
        api_metrics_decision(call->api->metrics, http_request_loop(call->exchange), call->outcome,
                             &call->drops);
    reply_document(call);
}

/* Runs the route in whatever thread the seat is of. */
static void compute(struct api_call *call, struct api_seat *seat)
{
    struct lx_buffer *out = &seat->out;
    call->seat = seat;
    call->status = 200;
    call->is_counted = false;
    lx_buffer_clear(out);
    json_init(&call->json, out);
    engine_begin(seat->engine);
    if (!call->route->is_raw) json_object_begin(&call->json);
    call->code = call->route->run(call);
    if (call->code == LX_OK && !call->route->is_raw) json_object_end(&call->json);
    if (call->code == LX_OK && lx_buffer_error(out) != LX_OK)
        call->code = lx_fail(&call->err, LX_ERR_NO_MEMORY, "the answer is too large");
    call->body = lx_buffer_text(out);
    call->body_length = out->length;
}

/* The seat will be another request's before this one is answered. */
static void keep_body(struct api_call *call)
{
    if (call->code != LX_OK) return;
    call->body =
        lx_arena_strndup(http_request_arena(call->exchange), call->body, call->body_length);
    if (call->body == NULL) call->code = lx_fail(&call->err, LX_ERR_NO_MEMORY, "out of memory");
}

static void *copy(struct api_call *call, const void *bytes, size_t length)
{
    void *copied = lx_arena_alloc(http_request_arena(call->exchange), length);
    if (copied != NULL) memcpy(copied, bytes, length);
    return copied;
}

static void run_here(struct api_call *call);

static void on_committed(struct http_exchange *exchange, void *context)
{
    struct api_call *call = context;
    const struct api_job *job = &call->job;
    (void)exchange;
    if (job->change.code == LX_OK && job->change.is_overtaken && ++call->tries < API_TRIES_MAX) {
        run_here(call);
        return;
    }
    if (job->change.code != LX_OK) {
        call->code = job->change.code;
        call->err = job->err;
    } else if (job->change.is_overtaken) {
        call->code = lx_fail(&call->err, LX_ERR_BUSY, "others decide for this customer, too");
    }
    finish(call);
}

static void tell_loop(struct api_job *job)
{
    http_resume(job->context);
}

/* What was decided is answered once it is on disk for good. */
static void submit(struct api_call *call, const struct live_change *change)
{
    struct api_job *job = &call->job;
    job->change = *change;
    job->change.bytes = copy(call, change->bytes, change->length);
    job->change.cells = copy(call, change->cells, change->cell_count * sizeof *change->cells);
    keep_body(call);
    if (job->change.bytes == NULL || job->change.cells == NULL || call->code != LX_OK) {
        call->code = lx_fail(&call->err, LX_ERR_NO_MEMORY, "out of memory");
        finish(call);
        return;
    }
    job->done = tell_loop;
    job->context = call->exchange;
    http_hold(call->exchange, on_committed, call);
    api_writer_submit(call->api->writer, job);
}

static void run_here(struct api_call *call)
{
    struct live_change change;
    struct api_place *place = &call->api->places[http_request_loop(call->exchange)];
    compute(call, api_seat_of(place));
    if (call->code == LX_OK && engine_take(call->seat->engine, &change))
        submit(call, &change);
    else
        finish(call);
}

static void on_worked(struct http_exchange *exchange, void *context)
{
    (void)exchange;
    finish(context);
}

static void run_task(struct api_task *task, struct api_place *place)
{
    struct api_call *call = task->context;
    compute(call, api_seat_of(place));
    keep_body(call);
    http_resume(call->exchange);
}

static void run_elsewhere(struct api_call *call)
{
    call->task = (struct api_task){run_task, call};
    http_hold(call->exchange, on_worked, call);
    if (host_queue_offer(call->api->tasks, &call->task)) return;
    call->code = lx_fail(&call->err, LX_ERR_BUSY, "%d requests wait already", API_TASKS_MAX);
    http_resume(call->exchange);
}

static void reply_repeat(struct api_call *call, enum api_repeat repeat)
{
    struct http_problem problem = {.status = 503, .type = "busy", .retry_after_s = 1};
    if (repeat == API_OTHER)
        problem =
            (struct http_problem){.status = 422,
                                  .type = "idempotency_key",
                                  .detail = "Idempotency-Key: it came with another request before"};
    if (repeat == API_UNDER_WAY)
        problem = (struct http_problem){.status = 409,
                                        .type = "idempotency_key",
                                        .detail = "Idempotency-Key: the same request is under way",
                                        .retry_after_s = 1};
    http_reply_problem(call->exchange, &problem);
}

/* 1 to 255 printable characters. */
static bool is_good_key(const char *key)
{
    size_t length = strlen(key);
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)key[i] <= ' ' || (unsigned char)key[i] >= 0x7f) return false;
    return length >= 1 && length <= 255;
}

static void hash_parts(const char *a, const char *b, const void *c, size_t c_length,
                       uint8_t ret_hash[DIGEST_SIZE])
{
    struct digest digest;
    enum lx_err code = digest_init(&digest);
    LX_ASSERT(code == LX_OK);
    digest_add(&digest, a, strlen(a) + 1); /* their NULs keep the parts apart */
    digest_add(&digest, b, strlen(b) + 1);
    digest_add(&digest, c, c_length);
    digest_finish(&digest, ret_hash);
    digest_release(&digest);
}

/* false: it was answered here. */
static bool is_to_be_run(struct api_call *call)
{
    const struct lx_env *env = &call->api->env;
    const char *said = http_request_header(call->exchange, "idempotency-key");
    struct api_repeat_key key;
    struct api_repeat_answer answer;
    size_t length = 0;
    if (said == NULL || !call->route->is_repeatable) return true;
    if (!is_good_key(said)) {
        const struct http_problem problem = {
            .status = 400,
            .type = "idempotency_key",
            .detail = "Idempotency-Key: 1 to 255 printable characters without spaces"};
        http_reply_problem(call->exchange, &problem);
        return false;
    }
    const char *body = http_request_body(call->exchange, &length);
    hash_parts(call->principal.name, said, "", 0, key.key);
    hash_parts(http_method_text(call->route->method), http_request_path(call->exchange), body,
               length, key.request);
    enum api_repeat repeat =
        api_idempotency_begin(call->api->idempotency, &key, env->now_ms(env->context),
                              http_request_arena(call->exchange), &call->ticket, &answer);
    call->has_ticket = repeat == API_FIRST;
    if (repeat == API_FIRST) return true;
    if (repeat == API_REPEATED)
        http_reply(call->exchange, answer.status, "application/json", answer.body, answer.length);
    else
        reply_repeat(call, repeat);
    return false;
}

void api_enter(struct http_exchange *exchange, void *context)
{
    struct api *api = context;
    struct api_call *call = lx_arena_alloc(http_request_arena(exchange), sizeof *call);
    if (call == NULL) {
        const struct http_problem problem = {503, "unavailable", NULL, 1, NULL, NULL};
        http_reply_problem(exchange, &problem);
        return;
    }
    call->api = api;
    call->exchange = exchange;
    call->route = &api_routes[http_request_route(exchange)->note];
    call->is_english = http_request_language(exchange) == HTTP_EN;
    call->content_type = "application/json";
    enum api_verdict verdict = authorize(call);
    if (verdict != API_ALLOWED) {
        reply_verdict(exchange, verdict);
    } else if (!has_good_type(exchange)) {
        const struct http_problem problem = {415, "media_type", "application/json", 0, NULL, NULL};
        http_reply_problem(exchange, &problem);
    } else if (!is_to_be_run(call)) {
        return;
    } else if (call->route->is_slow) {
        run_elsewhere(call);
    } else {
        run_here(call);
    }
}
