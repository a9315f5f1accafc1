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
    const struct lx_buffer *out = &call->seat->out;
    char tag[2 + 24 + 1];
    http_reply_header(call->exchange, "Content-Language", call->is_english ? "en" : "zh");
    if (!call->is_tagged || call->status != 200) {
        http_reply(call->exchange, call->status, call->content_type, out->bytes, out->length);
        return;
    }
    uint8_t hash[DIGEST_SIZE];
    char text[DIGEST_TEXT_SIZE];
    digest_of(out->bytes, out->length, hash);
    digest_text(hash, text);
    snprintf(tag, sizeof tag, "\"%.24s\"", text);
    http_reply_tagged(call->exchange, tag, call->content_type, out->bytes, out->length);
}

static void run(struct api_call *call)
{
    struct lx_buffer *out = &call->seat->out;
    lx_buffer_clear(out);
    json_init(&call->json, out);
    if (!call->route->is_raw) json_object_begin(&call->json);
    enum lx_err code = call->route->run(call);
    if (code == LX_OK && !call->route->is_raw) json_object_end(&call->json);
    if (code == LX_OK && lx_buffer_error(out) != LX_OK)
        code = lx_fail(&call->err, LX_ERR_NO_MEMORY, "the answer is too large");
    if (code == LX_OK)
        reply_document(call);
    else
        reply_failure(call, code);
}

void api_enter(struct http_exchange *exchange, void *context)
{
    struct api *api = context;
    struct api_call *call = lx_arena_alloc(http_request_arena(exchange), sizeof *call);
    if (call == NULL) {
        const struct http_problem problem = {503, "unavailable", NULL, 1};
        http_reply_problem(exchange, &problem);
        return;
    }
    *call = (struct api_call){.api = api,
                              .exchange = exchange,
                              .route = &api_routes[http_request_route(exchange)->note],
                              .seat = &api->seats[http_request_loop(exchange)],
                              .is_english = http_request_language(exchange) == HTTP_EN,
                              .status = 200,
                              .content_type = "application/json"};
    enum api_verdict verdict = authorize(call);
    if (verdict != API_ALLOWED) {
        reply_verdict(exchange, verdict);
    } else if (!has_good_type(exchange)) {
        const struct http_problem problem = {415, "media_type", "application/json", 0};
        http_reply_problem(exchange, &problem);
    } else {
        run(call);
    }
}
