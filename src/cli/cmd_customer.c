/* The commands that show a customer: customer, timeline. */
#include "cli/cli.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/date.h"
#include "decide/predict.h"
#include "money/money.h"
#include "view/view_json.h"

#define HISTORY_BYTES_MAX ((size_t)256 << 20)

enum { MOST_ACTIVE = 10, TIMELINE_LIMIT_MAX = 10000, TIMELINE_LIMIT = 50 };

/* Best first; a tie goes to the earlier customer. */
struct active {
    int64_t customers[MOST_ACTIVE];
    float acts[MOST_ACTIVE];
    size_t count;
};

static void active_add(struct active *active, int64_t customer, float acts)
{
    size_t place = active->count;
    while (place > 0 && active->acts[place - 1] < acts) place--;
    if (place == MOST_ACTIVE) return;
    if (active->count < MOST_ACTIVE) active->count++;
    for (size_t i = active->count - 1; i > place; i--) {
        active->customers[i] = active->customers[i - 1];
        active->acts[i] = active->acts[i - 1];
    }
    active->customers[place] = customer;
    active->acts[place] = acts;
}

/* Without an id: whom to look at. */
static enum lx_err list_most_active(struct cli_call *call, struct lx_error *err)
{
    float values[LX_FEATURES_MAX];
    struct view_snapshot *snapshot = NULL;
    struct active active = {.count = 0};
    enum lx_err code = view_snapshot_open(call->folder, &snapshot, err);
    if (code != LX_OK) return code;
    size_t column = view_features_find(view_snapshot_features(snapshot), VIEW_CUSTOMER, "acts_30d");
    if (column == SIZE_MAX) {
        view_snapshot_close(snapshot);
        return lx_fail(err, LX_ERR_BAD_INPUT,
                       "%s/features.ini: [acts_30d] is missing: the list is ordered by it",
                       call->folder);
    }
    for (int64_t i = 0; i < view_snapshot_customers(snapshot); i++) {
        view_snapshot_customer(snapshot, i, values);
        if (!isnan(values[column])) active_add(&active, i, values[column]);
    }
    cli_line(call, "%s",
             cli_text(call, "近30天最活跃的客户：", "most active customers of 30 days:"));
    if (call->is_json) {
        json_name(&call->json, "customers");
        json_array_begin(&call->json);
    }
    for (size_t i = 0; i < active.count; i++) {
        size_t length;
        const char *id = view_snapshot_id(snapshot, active.customers[i], &length);
        cli_line(call, "  %-34.*s %6.0f", (int)length, id, (double)active.acts[i]);
        if (!call->is_json) continue;
        json_object_begin(&call->json);
        json_name(&call->json, "id");
        json_text_bytes(&call->json, id, length);
        json_name_real(&call->json, "acts_30d", (double)active.acts[i]);
        json_object_end(&call->json);
    }
    if (call->is_json) json_array_end(&call->json);
    view_snapshot_close(snapshot);
    return LX_OK;
}

/* With what was measured of the live model. */
static enum lx_err add_predictions(const char *folder, struct engine *engine, const char *id,
                                   const struct view_labels *labels, struct portrait *portrait,
                                   struct lx_error *err)
{
    struct label_measures *measures = NULL;
    enum lx_err code =
        label_measures_open(folder, model_id(engine_model(engine)), labels, &measures, err);
    if (code == LX_OK) code = decide_predict(engine, id, labels, measures, portrait, err);
    label_measures_close(measures);
    return code;
}

static void label_line(struct cli_call *call, const struct portrait_label *label)
{
    char chance[160] = "";
    if (!isnan(label->probability) && isnan(label->confidence))
        snprintf(chance, sizeof chance, "  %s %.3f%%", cli_text(call, "概率", "chance"),
                 label->probability * 100);
    else if (!isnan(label->probability))
        snprintf(chance, sizeof chance, "  %s %.3f%%; %s %.3f%% (%.3f..%.3f%%)",
                 cli_text(call, "概率", "chance"), label->probability * 100,
                 cli_text(call, "同类实测", "came true"), label->confidence * 100,
                 label->confidence_low * 100, label->confidence_high * 100);
    cli_pair(call, cli_text(call, label->zh, label->en), "%s%s",
             cli_text(call, label->value_zh, label->value_en), chance);
}

static void portrait_lines(struct cli_call *call, const struct portrait *portrait, int utc_offset,
                           int64_t as_of_ms)
{
    char day[LX_DATE_TEXT_SIZE];
    lx_day_format(lx_day_of_ms(as_of_ms, utc_offset), day);
    cli_line(call, "%s  %s · %s %s", portrait->masked_name, portrait->id,
             cli_text(call, "截至", "as of"), day);
    for (size_t i = 0; i < portrait->label_count; i++) {
        enum view_layer layer = portrait->labels[i].layer;
        if (i == 0 || portrait->labels[i - 1].layer != layer)
            cli_line(call, "%s", cli_text(call, view_layer_zh(layer), view_layer_en(layer)));
        label_line(call, &portrait->labels[i]);
    }
    cli_line(call, "%s", cli_text(call, "持有", "holdings"));
    for (size_t i = 0; i < portrait->holding_count; i++) {
        const struct portrait_holding *holding = &portrait->holdings[i];
        day[0] = '\0';
        if (holding->opened_at_ms != BANK_UNKNOWN_MS)
            lx_day_format(lx_day_of_ms(holding->opened_at_ms, utc_offset), day);
        cli_line(call, "  %-5s %s  %s %s", holding->code, cli_text(call, holding->zh, holding->en),
                 day, cli_text(call, "起", "onwards"));
    }
}

static void portrait_print(struct cli_call *call, const struct portrait *portrait, int utc_offset,
                           int64_t as_of_ms)
{
    if (call->is_json)
        portrait_json(&call->json, portrait, as_of_ms, utc_offset, call->language == CLI_EN);
    else
        portrait_lines(call, portrait, utc_offset, as_of_ms);
}

enum lx_err cli_customer(struct cli_call *call, struct lx_error *err)
{
    if (call->argument_count == 0) return list_most_active(call, err);

    const char *id = call->arguments[0];
    struct view_snapshot *snapshot = NULL;
    struct engine *engine = NULL;
    struct bank *bank = NULL;
    struct view_labels *labels = NULL;
    struct portrait portrait = {0};
    int64_t customer;
    enum lx_err code = bank_open(call->folder, STORE_READ, &bank, err);
    if (code == LX_OK) code = bank_customer_find(bank, id, &customer, err);
    if (code == LX_OK) code = view_snapshot_open(call->folder, &snapshot, err);
    if (code == LX_OK)
        code = view_labels_open(call->folder, view_snapshot_features(snapshot),
                                bank_catalogue(bank), &labels, err);
    if (code == LX_OK)
        code = portrait_read(bank, customer, labels, view_snapshot_peers(snapshot),
                             view_snapshot_as_of_ms(snapshot), &portrait, err);
    if (code != LX_OK) goto out;

    code = engine_open(call->folder, ENGINE_READ, &call->env, &engine, err);
    if (code == LX_OK) code = add_predictions(call->folder, engine, id, labels, &portrait, err);
    if (code == LX_ERR_NOT_READY) {
        /* Facts are worth showing without a model; the message says what is missing. */
        call->env.message(call->env.context, err->text);
        code = LX_OK;
    }
    if (code == LX_OK)
        portrait_print(call, &portrait, bank_utc_offset_minutes(bank),
                       view_snapshot_as_of_ms(snapshot));
    engine_close(engine);
    portrait_release(&portrait);
out:
    view_labels_close(labels);
    view_snapshot_close(snapshot);
    bank_close(bank);
    return code;
}

static void row_lines(struct cli_call *call, const struct timeline_row *row, const char *at,
                      const char *known)
{
    char amount[MONEY_TEXT_SIZE] = "", balance[MONEY_TEXT_SIZE] = "", seconds[32] = "";
    if (row->amount_fen != BANK_NO_AMOUNT) money_format(row->amount_fen, amount);
    if (row->balance_fen != BANK_NO_AMOUNT) money_format(row->balance_fen, balance);
    if (row->quantity != 0)
        snprintf(seconds, sizeof seconds, "%" PRId32 "%s", row->quantity,
                 cli_text(call, "秒", "s"));
    cli_line(call, "  %s  %s  %s  %s  %s  %s  %s  %s", at, cli_text(call, row->zh, row->en),
             cli_text(call, row->product_zh, row->product_en),
             cli_text(call, row->merchant_zh, row->merchant_en),
             cli_text(call, row->detail_zh, row->detail_en), amount, seconds,
             cli_text(call, row->channel_zh, row->channel_en));
    if (balance[0] != '\0')
        cli_line(call, "  %21s%s %s", "", cli_text(call, "余额", "balance"), balance);
    if (row->is_corrected)
        cli_line(call, "  %21s%s %s", "", cli_text(call, "更正于", "corrected"), known);
}

static void rows_print(struct cli_call *call, const struct timeline_row *rows, size_t count,
                       int utc_offset)
{
    if (call->is_json) {
        timeline_json(&call->json, rows, count, utc_offset, call->language == CLI_EN);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        char at[LX_TIME_TEXT_SIZE], known[LX_TIME_TEXT_SIZE];
        lx_ms_format(rows[i].at_ms, utc_offset, at);
        lx_ms_format(rows[i].known_at_ms, utc_offset, known);
        row_lines(call, &rows[i], at, known);
    }
    if (count == 0) cli_line(call, "  %s", cli_text(call, "没有事件", "no events"));
}

enum lx_err cli_timeline(struct cli_call *call, struct lx_error *err)
{
    const char *id = call->arguments[0];
    struct timeline_cursor cursor = {.is_set = false};
    struct bank_history history;
    struct bank *bank = NULL;
    struct lx_arena arena;
    int64_t customer, limit, newest_ms;
    size_t count = 0;
    enum lx_err code = cli_int(call, "--limit", 1, TIMELINE_LIMIT_MAX, TIMELINE_LIMIT, &limit, err);
    if (code != LX_OK) return code;
    lx_arena_init(&arena, HISTORY_BYTES_MAX);
    code = bank_open(call->folder, STORE_READ, &bank, err);
    if (code == LX_OK) code = bank_customer_find(bank, id, &customer, err);
    if (code == LX_OK) code = bank_history_read(bank, customer, &arena, &history, err);
    if (code == LX_OK) code = bank_newest_known_ms(bank, &newest_ms, err);
    if (code == LX_OK) {
        struct timeline_row *rows = lx_arena_array(&arena, (size_t)limit, sizeof *rows);
        struct view_context context = {.catalogue = bank_catalogue(bank),
                                       .utc_offset_minutes = bank_utc_offset_minutes(bank)};
        if (rows == NULL) {
            code = lx_fail(err, LX_ERR_NO_MEMORY, "%s: a history too long to show", id);
        } else {
            view_timeline(&history, &context, newest_ms, &cursor, rows, (size_t)limit, &count);
            if (call->is_json) json_name_text(&call->json, "customer", id);
            rows_print(call, rows, count, context.utc_offset_minutes);
        }
    }
    lx_arena_release(&arena);
    bank_close(bank);
    return code;
}
