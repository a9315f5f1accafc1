/* `expr`: checks an expression, or evaluates it for one customer. */
#include "cli/cli.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/date.h"
#include "view/ask.h"
#include "view/snapshot.h"

#define HISTORY_BYTES_MAX ((size_t)256 << 20)

enum { VALUE_TEXT_MAX = EXPR_STRING_MAX };

struct question {
    struct cli_call *call;
    struct bank *bank;
    struct view_features *features;
    struct expr *expr;
    enum view_scope scope;
};

static void print_set(struct json_writer *json, const struct expr_value *value,
                      const struct expr_enumeration *enumeration)
{
    json_array_begin(json);
    for (size_t i = 0; i < enumeration->value_count; i++)
        if ((value->as.set[i / 64] >> (i % 64) & 1) != 0) json_text(json, enumeration->codes[i]);
    json_array_end(json);
}

/* Yuan as digits that a program reads: no thousands. */
static void print_money(struct json_writer *json, int64_t fen)
{
    char text[32];
    uint64_t size = fen < 0 ? 0 - (uint64_t)fen : (uint64_t)fen;
    snprintf(text, sizeof text, "%s%" PRIu64 ".%02" PRIu64, fen < 0 ? "-" : "", size / 100,
             size % 100);
    json_text(json, text);
    json_name_int(json, "value_fen", fen);
}

static void print_value(struct cli_call *call, const struct expr *expr,
                        const struct expr_value *value)
{
    struct json_writer *json = &call->json;
    const struct expr_enumeration *enumeration = expr_result_enumeration(expr);
    char text[VALUE_TEXT_MAX];
    json_name(json, "value");
    if (value->is_null) {
        json_none(json);
        return;
    }
    switch (expr_result(expr)) {
    case EXPR_BOOLEAN: json_bool(json, value->as.integer != 0); break;
    case EXPR_INTEGER: json_int(json, value->as.integer); break;
    case EXPR_REAL: json_number(json, value->as.real); break;
    case EXPR_ENUM: json_text(json, enumeration->codes[value->as.integer]); break;
    case EXPR_SET: print_set(json, value, enumeration); break;
    case EXPR_MONEY: print_money(json, value->as.integer); break;
    case EXPR_STRING: json_text_bytes(json, value->as.string.text, value->as.string.length); break;
    default:
        expr_value_format(value, expr_result(expr), enumeration, text, sizeof text);
        json_text(json, text);
    }
}

static enum lx_err take_answer(void *context, int product, const struct expr_value *value,
                               struct lx_error *err)
{
    const struct question *question = context;
    struct cli_call *call = question->call;
    char text[VALUE_TEXT_MAX];
    expr_value_format(value, expr_result(question->expr), expr_result_enumeration(question->expr),
                      text, sizeof text);
    if (product == BANK_NO_PRODUCT) {
        cli_pair(call, cli_text(call, "值", "value"), "%s", text);
        if (call->is_json) print_value(call, question->expr, value);
        return LX_OK;
    }
    const char *code = bank_catalogue(question->bank)->products[product].code;
    cli_pair(call, code, "%s", text);
    if (!call->is_json) return LX_OK;
    json_object_begin(&call->json);
    json_name_text(&call->json, "product", code);
    print_value(call, question->expr, value);
    json_object_end(&call->json);
    return LX_OK;
}

/* The peers as of the moment: the snapshot's, or those of a pass over the bank if asked for. */
static enum lx_err peers_of(struct question *question, int64_t *as_of_ms,
                            struct view_snapshot **ret_snapshot, struct view_peers **ret_peers,
                            struct lx_error *err)
{
    struct cli_call *call = question->call;
    if (*as_of_ms == BANK_UNKNOWN_MS) {
        enum lx_err code =
            view_snapshot_open_with(call->folder, question->features, ret_snapshot, err);
        if (code == LX_OK) *as_of_ms = view_snapshot_as_of_ms(*ret_snapshot);
        return code;
    }
    if (!view_ask_needs_peers(question->features, question->expr)) return LX_OK;
    return view_peers_build_with(call->folder, question->features, as_of_ms, 1, &call->env,
                                 ret_peers, err);
}

static void print_moment(const struct question *question, const char *id, int64_t as_of_ms)
{
    struct cli_call *call = question->call;
    char day[LX_DATE_TEXT_SIZE];
    lx_day_format(lx_day_of_ms(as_of_ms, bank_utc_offset_minutes(question->bank)), day);
    cli_line(call, "%s · %s %s", id, cli_text(call, "截至", "as of"), day);
    if (!call->is_json) return;
    json_name_text(&call->json, "customer", id);
    json_name_text(&call->json, "as_of", day);
}

static enum lx_err answer(struct question *question, const char *id, int64_t as_of_ms,
                          struct lx_error *err)
{
    struct cli_call *call = question->call;
    struct view_snapshot *snapshot = NULL;
    struct view_peers *peers = NULL;
    struct bank_history history;
    struct lx_arena arena;
    int64_t customer;
    lx_arena_init(&arena, HISTORY_BYTES_MAX);
    enum lx_err code = bank_customer_find(question->bank, id, &customer, err);
    if (code == LX_OK) code = peers_of(question, &as_of_ms, &snapshot, &peers, err);
    if (code == LX_OK) code = bank_history_read(question->bank, customer, &arena, &history, err);
    if (code == LX_OK) {
        bool is_list = question->scope == VIEW_PAIR;
        const struct view_context context = {
            .catalogue = bank_catalogue(question->bank),
            .peers = snapshot == NULL ? peers : view_snapshot_peers(snapshot),
            .utc_offset_minutes = bank_utc_offset_minutes(question->bank)};
        print_moment(question, id, as_of_ms);
        if (call->is_json && is_list) {
            json_name(&call->json, "values");
            json_array_begin(&call->json);
        }
        code = view_ask(question->features, question->expr, question->scope, &history,
                        &(struct view_as_of){&context, as_of_ms},
                        &(struct view_answer){question, take_answer}, err);
        if (code == LX_OK && call->is_json && is_list) json_array_end(&call->json);
    }
    view_peers_close(peers);
    view_snapshot_close(snapshot);
    lx_arena_release(&arena);
    return cli_fault(call, call->arguments[0], NULL, code, err);
}

static enum lx_err print_expression(const struct question *question, struct lx_error *err)
{
    struct cli_call *call = question->call;
    const struct expr_enumeration *enumeration = expr_result_enumeration(question->expr);
    const char *scope = question->scope == VIEW_PAIR ? "pair" : "customer";
    size_t size = expr_format(question->expr, NULL, 0) + 1;
    char *text = lx_malloc(size);
    if (text == NULL) return lx_fail(err, LX_ERR_NO_MEMORY, "expr: out of memory");
    expr_format(question->expr, text, size);
    cli_line(call, "%s", text);
    cli_pair(call, cli_text(call, "类型", "type"), "%s%s%s",
             expr_type_name(expr_result(question->expr)), enumeration == NULL ? "" : " ",
             enumeration == NULL ? "" : enumeration->name);
    cli_pair(call, cli_text(call, "范围", "scope"), "%s",
             question->scope == VIEW_PAIR ? cli_text(call, "客户与产品", "customer and product")
                                          : cli_text(call, "客户", "customer"));
    if (call->is_json) {
        json_name_text(&call->json, "expression", text);
        json_name_text(&call->json, "type", expr_type_name(expr_result(question->expr)));
        if (enumeration != NULL) json_name_text(&call->json, "enumeration", enumeration->name);
        json_name_text(&call->json, "scope", scope);
    }
    lx_free(text);
    return LX_OK;
}

enum lx_err cli_expr(struct cli_call *call, struct lx_error *err)
{
    struct question question = {.call = call};
    const char *text = call->arguments[0], *id = cli_value(call, "--customer");
    struct expr_fault fault;
    int64_t as_of_ms = BANK_UNKNOWN_MS;
    if (id == NULL && cli_value(call, "--as-of") != NULL)
        return lx_fail(err, LX_ERR_USAGE, "--as-of goes with --customer ID");

    enum lx_err code = bank_open(call->folder, STORE_READ, &question.bank, err);
    if (code == LX_OK)
        code = cli_as_of(call, "--as-of", bank_utc_offset_minutes(question.bank), &as_of_ms, err);
    if (code == LX_OK) code = view_features_open(question.bank, &question.features, err);
    if (code == LX_OK) {
        code = view_ask_compile(view_features_schema(question.features), text, strlen(text),
                                &question.expr, &question.scope, &fault, err);
        code = cli_fault(call, text, &fault, code, err);
    }
    if (code == LX_OK) code = print_expression(&question, err);
    if (code == LX_OK && id != NULL) code = answer(&question, id, as_of_ms, err);
    expr_free(question.expr);
    view_features_close(question.features);
    bank_close(question.bank);
    return code;
}
