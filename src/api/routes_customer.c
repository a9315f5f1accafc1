/* Customers: portrait and timeline. */
#include <string.h>

#include "api/parts.h"
#include "codec/field.h"
#include "decide/predict.h"
#include "view/view_json.h"

#define HISTORY_BYTES_MAX ((size_t)256 << 20)

enum { TIMELINE_DEFAULT = 50 };

enum lx_err api_customer(struct api_call *call)
{
    struct engine *engine = call->seat->engine;
    struct bank *bank = engine_bank(engine);
    const struct view_snapshot *snapshot = engine_snapshot(engine);
    const char *id = http_request_parameter(call->exchange, 0);
    struct portrait portrait = {0};
    int64_t customer = 0, as_of_ms = view_snapshot_as_of_ms(snapshot);
    enum lx_err code = view_snapshot_find(snapshot, id, &customer, &call->err);
    if (code == LX_OK)
        code = portrait_read(bank, customer, call->seat->labels, view_snapshot_peers(snapshot),
                             as_of_ms, &portrait, &call->err);
    if (code == LX_OK)
        code = decide_predict(engine, id, call->seat->labels, call->seat->measures, &portrait,
                              &call->err);
    if (code == LX_OK) {
        call->is_tagged = true;
        portrait_json(&call->json, &portrait, as_of_ms, bank_utc_offset_minutes(bank),
                      call->is_english);
    }
    portrait_release(&portrait);
    return code;
}

/* ?limit=50&cursor=... */
static enum lx_err read_page(struct api_call *call, size_t *ret_limit,
                             struct timeline_cursor *ret_cursor)
{
    const char *limit = http_request_query(call->exchange, "limit");
    const char *cursor = http_request_query(call->exchange, "cursor");
    int64_t rows = TIMELINE_DEFAULT;
    enum lx_err code = LX_OK;
    if (limit != NULL) code = field_int64(limit, strlen(limit), &rows, &call->err);
    if (code != LX_OK || rows < 1 || rows > API_TIMELINE_MAX)
        return lx_fail(&call->err, LX_ERR_BAD_INPUT, "limit: a whole number from 1 to %d",
                       API_TIMELINE_MAX);
    *ret_limit = (size_t)rows;
    *ret_cursor = (struct timeline_cursor){.is_set = false};
    return cursor != NULL ? timeline_cursor_parse(cursor, ret_cursor, &call->err) : LX_OK;
}

enum lx_err api_timeline(struct api_call *call)
{
    struct engine *engine = call->seat->engine;
    struct bank *bank = engine_bank(engine);
    const char *id = http_request_parameter(call->exchange, 0);
    struct timeline_cursor cursor;
    struct bank_history history;
    struct lx_arena arena;
    int64_t customer = 0, newest_ms = 0;
    size_t limit = 0, count = 0;
    enum lx_err code = read_page(call, &limit, &cursor);
    if (code != LX_OK) return code;
    lx_arena_init(&arena, HISTORY_BYTES_MAX);
    code = bank_customer_find(bank, id, &customer, &call->err);
    if (code == LX_OK) code = bank_history_read(bank, customer, &arena, &history, &call->err);
    if (code == LX_OK) code = bank_newest_known_ms(bank, &newest_ms, &call->err);
    struct timeline_row *rows = code == LX_OK ? lx_arena_array(&arena, limit, sizeof *rows) : NULL;
    if (code == LX_OK && rows == NULL)
        code = lx_fail(&call->err, LX_ERR_NO_MEMORY, "%s: a history too long to show", id);
    if (code == LX_OK) {
        char text[TIMELINE_CURSOR_SIZE];
        const struct view_context context = {.catalogue = bank_catalogue(bank),
                                             .utc_offset_minutes = bank_utc_offset_minutes(bank)};
        view_timeline(&history, &context, newest_ms, &cursor, rows, limit, &count);
        json_name_text(&call->json, "customer", id);
        timeline_json(&call->json, rows, count, context.utc_offset_minutes, call->is_english);
        timeline_cursor_text(&cursor, text);
        if (count == limit) json_name_text(&call->json, "next", text);
        call->is_tagged = true;
    }
    lx_arena_release(&arena);
    return code;
}
