/* `audience`: who a condition holds of; and the kept audiences. */
#include "cli/cli.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/date.h"
#include "codec/csv.h"
#include "codec/ini.h"
#include "frame/frame.h"
#include "host/env.h"
#include "host/file.h"
#include "host/lock.h"
#include "view/audience.h"
#include "view/audience_kept.h"
#include "view/view_json.h"

#define KEPT_BYTES_MAX ((size_t)1 << 30)

enum { LIST_DEFAULT = 20, LIST_MAX = 100000 };

struct work {
    struct cli_call *call;
    struct host_lock lock;
    struct bank *bank;
    struct view_features *features;
    struct view_snapshot *snapshot;
    struct view_audience *audience;
    struct lx_arena arena;
    const char *text; /* of the condition */
    const char *name; /* of a kept audience, NULL: it is none */
    char *canonical;  /* the arena's */
    struct expr *expr;
    uint64_t *bits, count;
    double milliseconds;
    bool is_unmasked;
};

static enum lx_err out_of_memory(struct lx_error *err)
{
    return lx_fail(err, LX_ERR_NO_MEMORY, "audience: out of memory");
}

/* --- Who may see ids ------------------------------------------------------------------------ */

static enum lx_err read_permission(const struct cli_call *call, bool *ret_is_allowed,
                                   struct lx_error *err)
{
    char path[LX_PATH_MAX];
    struct ini ini = {0};
    struct lx_buffer text;
    lx_buffer_init(&text, LX_CONFIG_MAX);
    enum lx_err code = host_join(path, call->folder, "lingxi.ini", err);
    if (code == LX_OK) code = host_read_file(path, &text, err);
    if (code == LX_OK) code = ini_read(path, lx_buffer_text(&text), text.length, &ini, err);
    if (code == LX_OK) {
        const struct ini_entry *entry = ini_find(&ini, "audience", "unmasked_ids");
        const char *value = entry == NULL ? "no" : entry->value;
        *ret_is_allowed = strcmp(value, "yes") == 0;
        if (!*ret_is_allowed && strcmp(value, "no") != 0)
            code = lx_fail(err, LX_ERR_BAD_INPUT, "%s:%d: unmasked_ids \"%.20s\": yes or no", path,
                           entry->line, value);
    }
    ini_release(&ini);
    lx_buffer_release(&text);
    return code;
}

static enum lx_err check_permission(struct work *work, struct lx_error *err)
{
    work->is_unmasked = cli_flag(work->call, "--unmasked");
    if (!work->is_unmasked) return LX_OK;
    bool is_allowed = false;
    enum lx_err code = read_permission(work->call, &is_allowed, err);
    if (code == LX_OK && !is_allowed)
        code = lx_fail(err, LX_ERR_REFUSED,
                       "--unmasked: %s/lingxi.ini does not allow it; it would say "
                       "`unmasked_ids = yes` under [audience]",
                       work->call->folder);
    return code;
}

/* --- Evaluating ------------------------------------------------------------------------------ */

static enum lx_err compile(struct work *work, struct lx_error *err)
{
    struct expr_fault fault;
    enum lx_err code = view_audience_compile(work->features, work->text, strlen(work->text),
                                             &work->expr, &fault, err);
    if (code != LX_OK) return cli_fault(work->call, work->text, &fault, code, err);
    size_t size = expr_format(work->expr, NULL, 0) + 1;
    work->canonical = lx_arena_alloc(&work->arena, size);
    if (work->canonical == NULL) return out_of_memory(err);
    expr_format(work->expr, work->canonical, size);
    return LX_OK;
}

static enum lx_err open_snapshot(struct work *work, struct lx_error *err)
{
    const char *folder = work->call->folder;
    enum lx_err code = view_snapshot_open_with(folder, work->features, &work->snapshot, err);
    if (code == LX_OK)
        code = view_audience_open(folder, work->bank, work->features, work->snapshot,
                                  &work->audience, err);
    if (code != LX_OK) return code;
    size_t words = frame_bit_words((uint64_t)view_snapshot_customers(work->snapshot));
    work->bits = lx_calloc(words + 1, sizeof *work->bits);
    return work->bits == NULL ? out_of_memory(err) : LX_OK;
}

static enum lx_err evaluate(struct work *work, struct lx_error *err)
{
    const struct lx_env *env = &work->call->env;
    int64_t started_ns = env->elapsed_ns(env->context);
    enum lx_err code =
        view_audience_select(work->audience, work->expr, env, work->bits, &work->count, err);
    work->milliseconds = (double)(env->elapsed_ns(env->context) - started_ns) / 1e6;
    if (code != LX_OK) return cli_fault(work->call, work->text, NULL, code, err);
    if (work->name == NULL) return LX_OK;
    const struct view_kept_size size = {.at_ms = env->now_ms(env->context),
                                        .as_of_ms = view_snapshot_as_of_ms(work->snapshot),
                                        .size = (int64_t)work->count,
                                        .customers = view_snapshot_customers(work->snapshot)};
    return view_kept_count(bank_store(work->bank), work->name, &size, err);
}

static void release(struct work *work)
{
    expr_free(work->expr);
    lx_free(work->bits);
    view_audience_close(work->audience);
    view_snapshot_close(work->snapshot);
    view_features_close(work->features);
    bank_close(work->bank);
    lx_arena_release(&work->arena);
    host_lock_release(&work->lock);
}

/* Who changes what is kept is alone. */
static enum lx_err open_work(struct work *work, bool is_writing, struct lx_error *err)
{
    const char *folder = work->call->folder;
    enum lx_err code = is_writing ? host_lock_take(folder, true, &work->lock, err) : LX_OK;
    if (code == LX_OK)
        code = bank_open(folder, is_writing ? STORE_WRITE : STORE_READ, &work->bank, err);
    if (code == LX_OK) code = view_features_open(work->bank, &work->features, err);
    return code;
}

/* --- Printing -------------------------------------------------------------------------------- */

static const char *id_of(const struct work *work, size_t customer, char masked[VIEW_MASKED_ID_SIZE])
{
    size_t length;
    const char *id = view_snapshot_id(work->snapshot, (int64_t)customer, &length);
    if (length > LX_ID_MAX) length = LX_ID_MAX; /* a flipped bit */
    if (!work->is_unmasked) {
        view_mask_id(id, length, masked);
    } else {
        memcpy(masked, id, length);
        masked[length] = '\0';
    }
    return masked;
}

/* The customers selected, the first ones; false from `visit` ends it. */
static void each_customer(const struct work *work, uint64_t most,
                          void (*visit)(const struct work *work, const char *id, void *context),
                          void *context)
{
    char masked[VIEW_MASKED_ID_SIZE];
    size_t words = frame_bit_words((uint64_t)view_snapshot_customers(work->snapshot));
    uint64_t seen = 0;
    for (size_t word = 0; word < words; word++)
        for (uint64_t bits = work->bits[word]; bits != 0 && seen < most; bits &= bits - 1, seen++)
            visit(work, id_of(work, word * 64 + (size_t)__builtin_ctzll(bits), masked), context);
}

static void print_id(const struct work *work, const char *id, void *context)
{
    cli_line(work->call, "  %s", id);
    if (work->call->is_json) json_text(&work->call->json, id);
}

static void put_row(const struct work *work, const char *id, void *context)
{
    const struct csv_format format = {.delimiter = ",", .quote = '"'};
    csv_write_field(context, &format, true, id, strlen(id));
    csv_write_end(context);
}

static enum lx_err write_csv(const struct work *work, const char *path, struct lx_error *err)
{
    struct lx_buffer text;
    lx_buffer_init(&text, LX_FILE_MAX);
    lx_buffer_append_text(&text, "customer\n");
    each_customer(work, UINT64_MAX, put_row, &text);
    enum lx_err code = lx_buffer_error(&text);
    if (code != LX_OK)
        code = lx_fail(err, code, "%s: %s", path, lx_err_text(code));
    else
        code = host_write_atomic(path, text.bytes, text.length, err);
    lx_buffer_release(&text);
    return code;
}

static void print_count(struct work *work)
{
    struct cli_call *call = work->call;
    char day[LX_DATE_TEXT_SIZE];
    int64_t customers = view_snapshot_customers(work->snapshot);
    lx_day_format(
        lx_day_of_ms(view_snapshot_as_of_ms(work->snapshot), bank_utc_offset_minutes(work->bank)),
        day);
    cli_line(call, "%s", work->canonical);
    if (call->is_json) json_name_text(&call->json, "expression", work->canonical);
    if (call->is_json && work->name != NULL) json_name_text(&call->json, "name", work->name);
    if (call->is_json) json_name_text(&call->json, "as_of", day);
    cli_pair(call, cli_text(call, "截至", "as of"), "%s", day);
    cli_count(call, "count", "人数", "customers", (int64_t)work->count);
    cli_count(call, "of", "全部客户", "of all", customers);
    cli_figure(call, "milliseconds", work->milliseconds);
}

static void print_ids(struct work *work, int64_t most)
{
    struct cli_call *call = work->call;
    if (call->is_json) {
        json_name_bool(&call->json, "masked", !work->is_unmasked);
        json_name(&call->json, "ids");
        json_array_begin(&call->json);
    }
    each_customer(work, (uint64_t)most, print_id, NULL);
    if (call->is_json) json_array_end(&call->json);
    if (work->count > (uint64_t)most)
        cli_line(call, cli_text(call, "  ……另有 %" PRIu64 " 位", "  ... and %" PRIu64 " more"),
                 work->count - (uint64_t)most);
}

static enum lx_err print_result(struct work *work, int64_t most, struct lx_error *err)
{
    struct cli_call *call = work->call;
    const char *path = cli_value(call, "--out");
    enum lx_err code = path == NULL ? LX_OK : write_csv(work, path, err);
    if (code != LX_OK) return code;
    print_count(work);
    if (path != NULL) {
        cli_pair(call, cli_text(call, "写入", "written to"), "%s", path);
        if (!call->is_json) return LX_OK;
        json_name_text(&call->json, "out", path);
        json_name_bool(&call->json, "masked", !work->is_unmasked);
    } else if (!cli_flag(call, "--count")) {
        print_ids(work, most);
    }
    return LX_OK;
}

/* --- Kept audiences -------------------------------------------------------------------------- */

static void print_kept(struct cli_call *call, const struct view_kept *kept, int utc_offset)
{
    if (call->is_json)
        view_kept_json(&call->json, kept, utc_offset);
    else if (kept->size_count > 0)
        cli_pair(call, kept->name, "%10" PRId64 "  %s  %s", kept->sizes[kept->size_count - 1].size,
                 kept->owner, kept->expression);
    else
        cli_pair(call, kept->name, "%10s  %s  %s", "-", kept->owner, kept->expression);
}

static enum lx_err list_kept(struct work *work, struct lx_error *err)
{
    struct cli_call *call = work->call;
    struct view_kept *list = NULL;
    size_t count = 0;
    enum lx_err code = bank_open(call->folder, STORE_READ, &work->bank, err);
    if (code == LX_OK)
        code = view_kept_list(bank_store(work->bank), &work->arena, &list, &count, err);
    if (code != LX_OK) return code;
    if (call->is_json) {
        json_name(&call->json, "audiences");
        json_array_begin(&call->json);
    }
    for (size_t i = 0; i < count; i++)
        print_kept(call, &list[i], bank_utc_offset_minutes(work->bank));
    if (call->is_json) json_array_end(&call->json);
    if (count == 0) cli_line(call, "  %s", cli_text(call, "没有保存的客群", "no audience is kept"));
    return LX_OK;
}

static enum lx_err drop_kept(struct work *work, struct lx_error *err)
{
    struct cli_call *call = work->call;
    const char *name = cli_value(call, "--drop");
    enum lx_err code = host_lock_take(call->folder, true, &work->lock, err);
    if (code == LX_OK) code = bank_open(call->folder, STORE_WRITE, &work->bank, err);
    if (code == LX_OK) code = view_kept_drop(bank_store(work->bank), name, err);
    if (code != LX_OK) return code;
    if (call->is_json) json_name_text(&call->json, "dropped", name);
    cli_line(call, cli_text(call, "已删除客群 %s", "removed the audience %s"), name);
    return LX_OK;
}

static enum lx_err find_text(struct work *work, const char *argument, struct lx_error *err)
{
    struct view_kept kept;
    work->text = argument;
    if (argument[0] != '@') return LX_OK;
    work->name = argument + 1;
    enum lx_err code = view_kept_find(bank_store(work->bank), work->name, &work->arena, &kept, err);
    if (code == LX_OK) work->text = kept.expression;
    return code;
}

static enum lx_err keep(struct work *work, struct lx_error *err)
{
    const struct lx_env *env = &work->call->env;
    const char *owner = cli_value(work->call, "--owner");
    work->name = cli_value(work->call, "--keep");
    if (owner == NULL) owner = host_variable("LOGNAME");
    return view_kept_add(bank_store(work->bank), work->name, work->canonical,
                         owner == NULL ? "" : owner, env->now_ms(env->context), err);
}

/* What is kept counts from now on; before the first refresh there is nobody to count. */
static enum lx_err keep_only(struct work *work, const struct lx_error *why)
{
    struct cli_call *call = work->call;
    call->env.message(call->env.context, why->text);
    cli_line(call, "%s", work->canonical);
    if (!call->is_json) return LX_OK;
    json_name_text(&call->json, "expression", work->canonical);
    json_name_text(&call->json, "name", work->name);
    return LX_OK;
}

static enum lx_err select_customers(struct work *work, int64_t most, struct lx_error *err)
{
    struct cli_call *call = work->call;
    const char *argument = call->arguments[0];
    bool is_keeping = cli_value(call, "--keep") != NULL;
    enum lx_err code = open_work(work, is_keeping || argument[0] == '@', err);
    if (code == LX_OK) code = find_text(work, argument, err);
    if (code == LX_OK) code = compile(work, err);
    if (code == LX_OK && is_keeping) code = keep(work, err);
    if (code == LX_OK) {
        code = open_snapshot(work, err);
        if (code == LX_ERR_NOT_READY && is_keeping) return keep_only(work, err);
    }
    if (code == LX_OK) code = evaluate(work, err);
    return code == LX_OK ? print_result(work, most, err) : code;
}

static enum lx_err check_usage(const struct cli_call *call, struct lx_error *err)
{
    bool has_argument = call->argument_count > 0, is_list = cli_flag(call, "--list");
    bool is_drop = cli_value(call, "--drop") != NULL, is_keep = cli_value(call, "--keep") != NULL;
    if (has_argument + is_list + is_drop != 1)
        return lx_fail(err, LX_ERR_USAGE, "one of EXPR, @NAME, --list and --drop NAME");
    if (is_keep && (!has_argument || call->arguments[0][0] == '@'))
        return lx_fail(err, LX_ERR_USAGE, "--keep NAME goes with EXPR");
    if (cli_value(call, "--owner") != NULL && !is_keep)
        return lx_fail(err, LX_ERR_USAGE, "--owner goes with --keep NAME");
    if (cli_flag(call, "--count") && cli_value(call, "--out") != NULL)
        return lx_fail(err, LX_ERR_USAGE, "--count or --out FILE, not both");
    return LX_OK;
}

enum lx_err cli_audience(struct cli_call *call, struct lx_error *err)
{
    struct work work = {.call = call, .lock = {-1}};
    int64_t most = LIST_DEFAULT;
    lx_arena_init(&work.arena, KEPT_BYTES_MAX);
    enum lx_err code = check_usage(call, err);
    if (code == LX_OK) code = cli_int(call, "--limit", 0, LIST_MAX, LIST_DEFAULT, &most, err);
    if (code == LX_OK) code = check_permission(&work, err);
    if (code == LX_OK) {
        if (cli_flag(call, "--list"))
            code = list_kept(&work, err);
        else if (cli_value(call, "--drop") != NULL)
            code = drop_kept(&work, err);
        else
            code = select_customers(&work, most, err);
    }
    /* A kept condition is the arena's, which goes before the place of its fault is shown. */
    if (call->expression != NULL && call->expression != call->arguments[0]) call->expression = NULL;
    release(&work);
    return code;
}

/* --- After a refresh -------------------------------------------------------------------------- */

static enum lx_err count_one(struct work *work, const struct view_kept *kept, struct lx_error *err)
{
    struct lx_error why;
    struct expr_fault fault;
    work->name = kept->name;
    enum lx_err code = view_audience_compile(work->features, kept->expression,
                                             strlen(kept->expression), &work->expr, &fault, &why);
    if (code == LX_OK) code = evaluate(work, &why);
    expr_free(work->expr);
    work->expr = NULL;
    work->call->expression = NULL;
    if (code != LX_ERR_BAD_INPUT && code != LX_ERR_OVERFLOW)
        return code == LX_OK ? LX_OK : lx_fail(err, code, "audience %s: %s", kept->name, why.text);
    /* A field or a product that is gone: its owner's to mend, and no reason to stop. */
    char text[LX_ERROR_TEXT_MAX];
    snprintf(text, sizeof text, "audience %s: %.900s", kept->name, why.text);
    work->call->env.message(work->call->env.context, text);
    return LX_OK;
}

enum lx_err cli_audiences_count(struct cli_call *call, size_t *ret_count, struct lx_error *err)
{
    struct work work = {.call = call, .lock = {-1}};
    struct view_kept *list = NULL;
    size_t count = 0;
    lx_arena_init(&work.arena, KEPT_BYTES_MAX);
    enum lx_err code = bank_open(call->folder, STORE_WRITE, &work.bank, err);
    if (code == LX_OK)
        code = view_kept_list(bank_store(work.bank), &work.arena, &list, &count, err);
    if (code == LX_OK && count > 0) code = view_features_open(work.bank, &work.features, err);
    if (code == LX_OK && count > 0) code = open_snapshot(&work, err);
    for (size_t i = 0; i < count && code == LX_OK; i++) code = count_one(&work, &list[i], err);
    if (code == LX_OK) *ret_count = count;
    release(&work);
    return code;
}
