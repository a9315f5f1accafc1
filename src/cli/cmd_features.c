/* `features`: the definitions, or one customer's values. */
#include "cli/cli.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/date.h"
#include "view/online.h"
#include "view/snapshot.h"

enum { VALUES_MAX = LX_FEATURES_MAX };
#define HISTORY_BYTES_MAX ((size_t)256 << 20)

/* A value as a person reads it; amounts are in yuan, shares in percent. */
static void value_text(const struct view_feature *feature, double value, char text[64])
{
    if (isnan(value))
        snprintf(text, 64, "-");
    else if (feature->unit == VIEW_UNIT_FEN)
        snprintf(text, 64, "%.2f", value / 100);
    else if (feature->unit == VIEW_UNIT_SHARE)
        snprintf(text, 64, "%.3f%%", value * 100);
    else
        snprintf(text, 64, "%.6g", value);
}

/* `value` NULL: the definition alone. */
static void print_feature(struct cli_call *call, const struct view_feature *feature,
                          const float *value)
{
    const char *title = cli_text(call, feature->zh, feature->en);
    char text[64];
    if (value != NULL) {
        value_text(feature, (double)*value, text);
        cli_line(call, "  %-30s %16s  %s", feature->name, text, title);
    } else {
        cli_line(call, "  %-30s %-10s %s · %s", feature->name, view_group_text(feature->group),
                 title, feature->definition);
    }
    if (!call->is_json) return;

    struct json_writer *json = &call->json;
    json_object_begin(json);
    json_name_text(json, "name", feature->name);
    if (value != NULL) json_name_real(json, "value", (double)*value);
    json_name_text(json, "definition", feature->definition);
    json_name_text(json, "group", view_group_text(feature->group));
    json_name_text(json, "zh", feature->zh);
    json_name_text(json, "en", feature->en);
    json_object_end(json);
}

static void begin_list(struct cli_call *call)
{
    if (!call->is_json) return;
    json_name(&call->json, "features");
    json_array_begin(&call->json);
}

static void end_list(struct cli_call *call)
{
    if (call->is_json) json_array_end(&call->json);
}

/* The bank's definitions; where there is no bank yet those of the program. */
static enum lx_err list_definitions(struct cli_call *call, struct lx_error *err)
{
    struct view_features *features = NULL;
    struct bank *bank = NULL;
    enum lx_err code = bank_open(call->folder, STORE_READ, &bank, err);
    if (code == LX_OK)
        code = view_features_open(bank, &features, err);
    else if (code == LX_ERR_NOT_FOUND)
        code = view_features_open_shipped(&features, err);
    bank_close(bank);
    if (code != LX_OK) return code;
    begin_list(call);
    for (int scope = VIEW_CUSTOMER; scope <= VIEW_PAIR; scope++)
        for (size_t i = 0; i < view_features_count(features, (enum view_scope)scope); i++)
            print_feature(call, view_features_at(features, (enum view_scope)scope, i), NULL);
    end_list(call);
    view_features_close(features);
    return LX_OK;
}

/* The second half of docs/reference/features.md. */
static enum lx_err print_markdown(struct cli_call *call, struct lx_error *err)
{
    static const char *const titles[] = {"Of a customer", "Of a customer and a product"};
    struct view_features *features = NULL;
    enum lx_err code = view_features_open_shipped(&features, err);
    if (code != LX_OK) return code;
    for (int scope = VIEW_CUSTOMER; scope <= VIEW_PAIR; scope++) {
        cli_line(call, "\n### %s\n", titles[scope]);
        cli_line(call, "| name | group | 中文 | English | definition | default | credit |");
        cli_line(call, "|---|---|---|---|---|---|---|");
        for (size_t i = 0; i < view_features_count(features, (enum view_scope)scope); i++) {
            const struct view_feature *feature =
                view_features_at(features, (enum view_scope)scope, i);
            cli_line(call, "| `%s` | %s | %s | %s | `%s` | %s | %s |", feature->name,
                     view_group_text(feature->group), feature->zh, feature->en, feature->definition,
                     feature->otherwise == NULL ? "" : feature->otherwise,
                     feature->is_in_credit ? "yes" : "");
        }
    }
    view_features_close(features);
    return LX_OK;
}

/* --- Windows online -------------------------------------------------------------------------- */

enum { WINDOW_TEXT_MAX = 2048 };

static const char *home_title(struct cli_call *call, enum view_online_home home)
{
    switch (home) {
    case VIEW_ONLINE_MEMORY: return cli_text(call, "常驻内存", "memory");
    case VIEW_ONLINE_SNAPSHOT: return cli_text(call, "取自快照", "snapshot");
    case VIEW_ONLINE_RECOMPUTED: break;
    }
    return cli_text(call, "按需重算", "recomputed");
}

static void print_window(struct cli_call *call, const struct view_online *online, size_t index)
{
    char text[WINDOW_TEXT_MAX];
    struct view_online_window window;
    view_online_window_at(online, index, &window);
    view_online_window_text(online, index, text, sizeof text);
    cli_line(call, "  %-10s %5zu %5u %9.3f  %s", home_title(call, window.home), window.bytes,
             window.reads, window.updates, text);
    if (!call->is_json) return;
    struct json_writer *json = &call->json;
    json_object_begin(json);
    json_name_text(json, "window", text);
    json_name_text(json, "scope", window.scope == VIEW_CUSTOMER ? "customer" : "pair");
    json_name_text(json, "home", view_online_home_text(window.home));
    json_name_int(json, "bytes", (int64_t)window.bytes);
    json_name_int(json, "reads", window.reads);
    json_name_real(json, "updates", window.updates);
    json_object_end(json);
}

static void print_memory(struct cli_call *call, const struct view_online_memory *memory)
{
    cli_line(call,
             cli_text(call,
                      "预算 %.1f MB，占用 %.1f MB：%" PRId64 " 位客户各 %zu 字节，到达事件 %.1f MB",
                      "budget %.1f MB, taken %.1f MB: %" PRId64
                      " customers of %zu bytes, arrivals %.1f MB"),
             (double)memory->budget_bytes / 1e6, (double)memory->total_bytes / 1e6,
             memory->customers, memory->record_bytes, (double)memory->arrivals_bytes / 1e6);
    if (!call->is_json) return;
    json_name_int(&call->json, "budget_bytes", (int64_t)memory->budget_bytes);
    json_name_int(&call->json, "total_bytes", (int64_t)memory->total_bytes);
    json_name_int(&call->json, "customers", memory->customers);
    json_name_int(&call->json, "record_bytes", (int64_t)memory->record_bytes);
    json_name_int(&call->json, "arrivals_bytes", (int64_t)memory->arrivals_bytes);
}

/* What a process that serves this bank would keep. */
static enum lx_err list_windows(struct cli_call *call, struct lx_error *err)
{
    struct view_online_options options;
    struct view_snapshot *snapshot = NULL;
    struct view_online *online = NULL;
    enum lx_err code = view_snapshot_open(call->folder, &snapshot, err);
    if (code == LX_OK) code = view_online_options_read(call->folder, &options, err);
    if (code == LX_OK) code = view_online_open(call->folder, snapshot, &options, &online, err);
    if (code == LX_OK) {
        const struct view_online_memory memory = view_online_memory(online);
        cli_line(call, "  %-10s %5s %5s %9s  %s", cli_text(call, "位置", "home"),
                 cli_text(call, "字节", "bytes"), cli_text(call, "引用", "reads"),
                 cli_text(call, "行数", "rows"), cli_text(call, "窗口", "window"));
        if (call->is_json) {
            json_name(&call->json, "windows");
            json_array_begin(&call->json);
        }
        for (size_t i = 0; i < view_online_window_count(online); i++) print_window(call, online, i);
        if (call->is_json) json_array_end(&call->json);
        print_memory(call, &memory);
    }
    view_online_close(online);
    view_snapshot_close(snapshot);
    return code;
}

/* --- Values ---------------------------------------------------------------------------------- */

static enum lx_err values_of_snapshot(struct cli_call *call, const struct view_features *features,
                                      const char *id, float *values, int64_t *ret_as_of_ms,
                                      struct lx_error *err)
{
    struct view_snapshot *snapshot = NULL;
    int64_t customer;
    enum lx_err code = view_snapshot_open_with(call->folder, features, &snapshot, err);
    if (code == LX_OK) code = view_snapshot_find(snapshot, id, &customer, err);
    if (code == LX_OK) {
        view_snapshot_customer(snapshot, customer, values);
        *ret_as_of_ms = view_snapshot_as_of_ms(snapshot);
    }
    view_snapshot_close(snapshot);
    return code;
}

/* Computed from the customer's facts; the peers of that moment take a pass over the bank. */
static enum lx_err values_at(struct cli_call *call, struct bank *bank,
                             const struct view_features *features, const char *id, int64_t as_of_ms,
                             float *values, struct lx_error *err)
{
    struct view_peers *peers = NULL;
    struct bank_history history;
    struct lx_arena arena;
    int64_t customer;
    lx_arena_init(&arena, HISTORY_BYTES_MAX);
    enum lx_err code = bank_customer_find(bank, id, &customer, err);
    if (code == LX_OK) code = bank_history_read(bank, customer, &arena, &history, err);
    if (code == LX_OK)
        code = view_peers_build_with(call->folder, features, &as_of_ms, 1, &call->env, &peers, err);
    if (code == LX_OK) {
        struct view_context context = {
            .catalogue = bank_catalogue(bank),
            .peers = peers,
            .utc_offset_minutes = bank_utc_offset_minutes(bank),
        };
        code = view_scratch_open(features, bank_catalogue(bank), &context.scratch, err);
        if (code == LX_OK) view_customer_features(&history, &context, as_of_ms, values);
        view_scratch_close(context.scratch);
    }
    view_peers_close(peers);
    lx_arena_release(&arena);
    return code;
}

static void print_values(struct cli_call *call, const struct view_features *features,
                         const char *id, const char *day, const float *values)
{
    cli_line(call, "%s · %s %s", id, cli_text(call, "截至", "as of"), day);
    if (call->is_json) {
        json_name_text(&call->json, "customer", id);
        json_name_text(&call->json, "as_of", day);
    }
    begin_list(call);
    for (size_t i = 0; i < view_features_count(features, VIEW_CUSTOMER); i++)
        print_feature(call, view_features_at(features, VIEW_CUSTOMER, i), &values[i]);
    end_list(call);
}

enum lx_err cli_features(struct cli_call *call, struct lx_error *err)
{
    const char *id = cli_value(call, "--customer");
    if (id == NULL && cli_value(call, "--as-of") != NULL)
        return lx_fail(err, LX_ERR_USAGE, "--as-of goes with --customer ID");
    if (cli_flag(call, "--markdown")) return print_markdown(call, err);
    if (id != NULL && cli_flag(call, "--windows"))
        return lx_fail(err, LX_ERR_USAGE, "--windows is of the bank, --customer of one");
    if (cli_flag(call, "--windows")) return list_windows(call, err);
    if (id == NULL) return list_definitions(call, err);

    float values[VALUES_MAX];
    struct bank *bank = NULL;
    struct view_features *features = NULL;
    int64_t as_of_ms;
    enum lx_err code = bank_open(call->folder, STORE_READ, &bank, err);
    if (code != LX_OK) return code;
    int utc_offset_minutes = bank_utc_offset_minutes(bank);
    code = cli_as_of(call, "--as-of", utc_offset_minutes, &as_of_ms, err);
    if (code == LX_OK) code = view_features_open(bank, &features, err);
    if (code == LX_OK)
        code = as_of_ms == BANK_UNKNOWN_MS
                   ? values_of_snapshot(call, features, id, values, &as_of_ms, err)
                   : values_at(call, bank, features, id, as_of_ms, values, err);
    bank_close(bank);
    if (code == LX_OK) {
        char day[LX_DATE_TEXT_SIZE];
        lx_day_format(lx_day_of_ms(as_of_ms, utc_offset_minutes), day);
        print_values(call, features, id, day, values);
    }
    view_features_close(features);
    return code;
}
