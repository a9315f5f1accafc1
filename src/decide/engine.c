#include "decide/engine.h"

#include <string.h>

#include "decide/engine_parts.h"
#include "host/file.h"

/* Only four of a decision's products are explained at a time, so large tables would not pay. */
#define TABLE_BYTES ATTRIBUTION_TABLE_BYTES

static enum lx_err read_actions(struct engine *engine, const char *folder, struct lx_error *err)
{
    char path[LX_PATH_MAX];
    struct lx_buffer text;
    lx_buffer_init(&text, LX_CONFIG_MAX);
    enum lx_err code = host_join(path, folder, "actions.ini", err);
    if (code == LX_OK) code = host_read_file(path, &text, err);
    if (code == LX_OK)
        code = actions_parse(path, lx_buffer_text(&text), text.length, bank_catalogue(engine->bank),
                             &engine->actions, err);
    if (code == LX_OK)
        code = segments_open(path, &engine->actions, engine->book.schema, &engine->segments, err);
    lx_buffer_release(&text);
    return code;
}

/* Here a second person's approval will be asked for. */
static enum lx_err record_rules(struct engine *engine, struct lx_error *err)
{
    struct rules_file files[RULES_FILES_MAX];
    struct record_rules record = {.files = files};
    struct rules *rules = engine->book.rules;
    bool has_before = false;
    enum lx_err code = overlay_rules_hash(engine->overlay, record.before, &has_before, err);
    if (code != LX_OK) return code;
    memcpy(record.after, rules_hash(rules), sizeof record.after);
    if (has_before && memcmp(record.before, record.after, sizeof record.after) == 0) return LX_OK;
    for (; record.file_count < rules_file_count(rules); record.file_count++)
        files[record.file_count] = rules_file_at(rules, record.file_count);
    record.at_ms = engine->env->now_ms(engine->env->context);
    return overlay_append_rules(engine->overlay, &record, err);
}

static enum lx_err open_parts(struct engine *engine, const char *folder, struct lx_error *err)
{
    bool can_write = engine->mode == ENGINE_WRITE;
    enum lx_err code = bank_open(folder, can_write ? STORE_WRITE : STORE_READ, &engine->bank, err);
    if (code == LX_OK) code = rule_book_open(engine->bank, &engine->book, err);
    if (code == LX_OK) code = read_actions(engine, folder, err);
    if (code == LX_OK)
        code = view_snapshot_open_with(folder, engine->book.features, &engine->snapshot, err);
    if (code == LX_OK) engine->features = view_snapshot_features(engine->snapshot);
    if (code == LX_OK) code = model_open(folder, NULL, engine->features, &engine->model, err);
    if (code == LX_OK)
        code =
            attribution_open(model_forest(engine->model), TABLE_BYTES, &engine->attribution, err);
    if (code == LX_OK) engine->second = model_second(engine->model);
    if (code == LX_OK && engine->second == NULL) {
        code = second_new(bank_catalogue(engine->bank), view_snapshot_peers(engine->snapshot),
                          &engine->untrained, err);
        engine->second = engine->untrained;
    }
    if (code == LX_OK)
        code =
            journal_open(folder, can_write ? JOURNAL_APPEND : JOURNAL_READ, &engine->journal, err);
    if (code == LX_OK)
        code = overlay_open(engine->bank, engine->journal, can_write, &engine->overlay, err);
    if (code == LX_OK && can_write) code = record_rules(engine, err);
    if (code == LX_OK)
        code = posteriors_open(bank_store(engine->bank), engine->journal,
                               bank_catalogue(engine->bank), &engine->actions.explore,
                               bank_utc_offset_minutes(engine->bank), &engine->posteriors, err);
    return code;
}

static enum lx_err make_room(struct engine *engine, struct lx_error *err)
{
    engine->customer_count = view_features_count(engine->features, VIEW_CUSTOMER);
    engine->pair_count = view_features_count(engine->features, VIEW_PAIR);
    explain_index_init(&engine->sentences, engine->features);
    engine->product_count = bank_catalogue(engine->bank)->count;
    size_t columns = engine->customer_count + engine->pair_count;
    size_t products = engine->product_count > 0 ? engine->product_count : 1;
    engine->score_scratch = lx_malloc(model_scratch_bytes(engine->model) + 1);
    engine->second_scratch = lx_malloc(second_scratch_bytes(engine->second));
    engine->explain_scratch = lx_malloc(attribution_scratch_bytes(engine->attribution) + 1);
    engine->rows = lx_calloc(products * columns, sizeof *engine->rows);
    engine->pairs = lx_calloc(products * engine->pair_count + 1, sizeof *engine->pairs);
    engine->contributions = lx_calloc(columns + 1, sizeof *engine->contributions);
    engine->log_odds = lx_calloc(products, sizeof *engine->log_odds);
    engine->posterior = lx_calloc(products, sizeof *engine->posterior);
    bool is_ready = engine->score_scratch != NULL && engine->second_scratch != NULL &&
                    engine->explain_scratch != NULL && engine->rows != NULL &&
                    engine->pairs != NULL && engine->contributions != NULL &&
                    engine->log_odds != NULL && engine->posterior != NULL;
    if (!is_ready) return lx_fail(err, LX_ERR_NO_MEMORY, "engine: out of memory");
    return view_scratch_open(engine->features, bank_catalogue(engine->bank), &engine->view_scratch,
                             err);
}

enum lx_err engine_open(const char *folder, enum engine_mode mode, const struct lx_env *env,
                        struct engine **ret_engine, struct lx_error *err)
{
    struct engine *engine = lx_calloc(1, sizeof *engine);
    if (engine == NULL) return lx_fail(err, LX_ERR_NO_MEMORY, "engine: out of memory");
    engine->env = env;
    engine->mode = mode;
    enum lx_err code = open_parts(engine, folder, err);
    if (code == LX_OK) code = make_room(engine, err);
    if (code == LX_OK)
        *ret_engine = engine;
    else
        engine_close(engine);
    return code;
}

void engine_close(struct engine *engine)
{
    if (engine == NULL) return;
    if (engine->overlay != NULL && engine->mode == ENGINE_WRITE)
        overlay_try_project(engine->overlay);
    if (engine->posteriors != NULL && engine->mode == ENGINE_WRITE)
        posteriors_try_save(engine->posteriors);
    posteriors_close(engine->posteriors);
    segments_close(engine->segments);
    overlay_close(engine->overlay);
    journal_close(engine->journal);
    second_close(engine->untrained);
    lx_free(engine->second_scratch);
    attribution_close(engine->attribution);
    model_close(engine->model);
    view_scratch_close(engine->view_scratch);
    if (engine->snapshot != NULL) view_snapshot_close(engine->snapshot);
    rule_book_release(&engine->book);
    bank_close(engine->bank);
    lx_free(engine->score_scratch);
    lx_free(engine->explain_scratch);
    lx_free(engine->rows);
    lx_free(engine->pairs);
    lx_free(engine->contributions);
    lx_free(engine->log_odds);
    lx_free(engine->posterior);
    lx_free(engine);
}

enum lx_err engine_project(struct engine *engine, struct lx_error *err)
{
    LX_ASSERT(engine->mode == ENGINE_WRITE);

    enum lx_err code = overlay_project(engine->overlay, err);
    return code == LX_OK ? posteriors_save(engine->posteriors, err) : code;
}

struct bank *engine_bank(struct engine *engine)
{
    return engine->bank;
}

const struct view_snapshot *engine_snapshot(const struct engine *engine)
{
    return engine->snapshot;
}

const struct model *engine_model(const struct engine *engine)
{
    return engine->model;
}
