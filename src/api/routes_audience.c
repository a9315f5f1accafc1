/* Audiences: counted, listed, kept. */
#include <string.h>

#include "api/body.h"
#include "api/parts.h"
#include "base/date.h"
#include "frame/frame.h"
#include "view/audience.h"
#include "view/view_json.h"

#define KEPT_BYTES_MAX ((size_t)64 << 20)

/* The place of a fault, for a client that shows it. */
static enum lx_err say_fault(struct api_call *call, const struct expr_fault *fault,
                             enum lx_err code)
{
    struct lx_arena *arena = http_request_arena(call->exchange);
    struct lx_buffer text;
    struct json_writer json;
    lx_buffer_init(&text, 4096);
    json_init(&json, &text);
    json_object_begin(&json);
    json_name_int(&json, "line", fault->line);
    json_name_int(&json, "column", fault->column);
    json_name_text(&json, "message", fault->message);
    json_object_end(&json);
    if (lx_buffer_error(&text) == LX_OK)
        call->fault = lx_arena_strndup(arena, text.bytes, text.length);
    lx_buffer_release(&text);
    call->problem = "expression";
    return code;
}

static enum lx_err compile(struct api_call *call, const char *text, struct expr **ret_expr)
{
    struct expr_fault fault = {0};
    const struct view_features *features =
        view_snapshot_features(engine_snapshot(call->seat->engine));
    enum lx_err code =
        view_audience_compile(features, text, strlen(text), ret_expr, &fault, &call->err);
    return code == LX_ERR_BAD_INPUT ? say_fault(call, &fault, code) : code;
}

static const char *canonical(struct api_call *call, const struct expr *expr)
{
    size_t size = expr_format(expr, NULL, 0) + 1;
    char *text = lx_arena_alloc(http_request_arena(call->exchange), size);
    if (text != NULL) expr_format(expr, text, size);
    return text;
}

static enum lx_err select_customers(struct api_call *call, const struct expr *expr,
                                    uint64_t *ret_count)
{
    struct engine *engine = call->seat->engine;
    struct view_audience *audience = NULL;
    const struct view_snapshot *snapshot = engine_snapshot(engine);
    size_t words = frame_bit_words((uint64_t)view_snapshot_customers(snapshot));
    uint64_t *bits = lx_calloc(words + 1, sizeof *bits);
    enum lx_err code =
        bits != NULL ? LX_OK : lx_fail(&call->err, LX_ERR_NO_MEMORY, "audience: out of memory");
    if (code == LX_OK)
        code =
            view_audience_open(call->api->options.folder, engine_bank(engine),
                               view_snapshot_features(snapshot), snapshot, &audience, &call->err);
    if (code == LX_OK)
        code = view_audience_select(audience, expr, &call->api->env, bits, ret_count, &call->err);
    view_audience_close(audience);
    lx_free(bits);
    return code;
}

static enum lx_err read_expression(struct api_body *body, const char **ret_text)
{
    *ret_text = api_body_text(body, "expression", EXPR_TEXT_MAX, NULL);
    enum lx_err code = api_body_end(body);
    if (code == LX_OK && *ret_text == NULL)
        code = lx_fail(body->err, LX_ERR_BAD_INPUT, "body: \"expression\" is missing");
    return code;
}

static void tell_count(struct api_call *call, const char *text, uint64_t count, int64_t elapsed_ns)
{
    struct engine *engine = call->seat->engine;
    const struct view_snapshot *snapshot = engine_snapshot(engine);
    char day[LX_DATE_TEXT_SIZE];
    lx_day_format(lx_day_of_ms(view_snapshot_as_of_ms(snapshot),
                               bank_utc_offset_minutes(engine_bank(engine))),
                  day);
    json_name_text(&call->json, "expression", text);
    json_name_text(&call->json, "as_of", day);
    json_name_int(&call->json, "count", (int64_t)count);
    json_name_int(&call->json, "of", view_snapshot_customers(snapshot));
    json_name_real(&call->json, "milliseconds", (double)elapsed_ns / 1e6);
}

enum lx_err api_audience_count(struct api_call *call)
{
    const struct lx_env *env = &call->api->env;
    struct api_body body;
    struct expr *expr = NULL;
    const char *text = NULL;
    size_t length = 0;
    uint64_t count = 0;
    const char *bytes = http_request_body(call->exchange, &length);
    enum lx_err code = api_body_read(bytes, length, &body, &call->err);
    if (code == LX_OK) code = read_expression(&body, &text);
    if (code == LX_OK) code = compile(call, text, &expr);
    if (code == LX_OK) {
        int64_t began_ns = env->elapsed_ns(env->context);
        const char *form = canonical(call, expr);
        code = form != NULL ? select_customers(call, expr, &count)
                            : lx_fail(&call->err, LX_ERR_NO_MEMORY, "audience: out of memory");
        if (code == LX_OK) tell_count(call, form, count, env->elapsed_ns(env->context) - began_ns);
    }
    expr_free(expr);
    api_body_release(&body);
    return code;
}

enum lx_err api_audience_list(struct api_call *call)
{
    struct bank *bank = engine_bank(call->seat->engine);
    struct view_kept *list = NULL;
    struct lx_arena arena;
    size_t count = 0;
    lx_arena_init(&arena, KEPT_BYTES_MAX);
    enum lx_err code = view_kept_list(bank_store(bank), &arena, &list, &count, &call->err);
    if (code == LX_OK) {
        json_name(&call->json, "audiences");
        json_array_begin(&call->json);
        for (size_t i = 0; i < count; i++)
            view_kept_json(&call->json, &list[i], bank_utc_offset_minutes(bank));
        json_array_end(&call->json);
        call->is_tagged = true;
    }
    lx_arena_release(&arena);
    return code;
}

enum lx_err api_audience_keep(struct api_call *call)
{
    const struct lx_env *env = &call->api->env;
    struct bank *bank = NULL; /* the seat's is only read */
    struct view_kept kept;
    struct api_body body;
    struct expr *expr = NULL;
    const char *text = NULL, *name = NULL, *form = NULL;
    size_t length = 0;
    const char *bytes = http_request_body(call->exchange, &length);
    enum lx_err code = api_body_read(bytes, length, &body, &call->err);
    if (code == LX_OK) {
        name = api_body_text(&body, "name", VIEW_KEPT_NAME_MAX, "");
        code = read_expression(&body, &text);
    }
    if (code == LX_OK) code = compile(call, text, &expr);
    if (code == LX_OK) form = canonical(call, expr);
    if (code == LX_OK && form == NULL)
        code = lx_fail(&call->err, LX_ERR_NO_MEMORY, "audience: out of memory");
    if (code == LX_OK) code = bank_open(call->api->options.folder, STORE_WRITE, &bank, &call->err);
    if (code == LX_OK)
        code = view_kept_add(bank_store(bank), name, form, call->principal.name,
                             env->now_ms(env->context), &call->err);
    if (code == LX_OK)
        code = view_kept_find(bank_store(bank), name, http_request_arena(call->exchange), &kept,
                              &call->err);
    if (code == LX_OK) {
        call->status = 201;
        json_name(&call->json, "audience");
        view_kept_json(&call->json, &kept, bank_utc_offset_minutes(bank));
    }
    if (bank != NULL) bank_close(bank);
    expr_free(expr);
    api_body_release(&body);
    return code;
}
