#include "decide/engine.h"

#include <string.h>

#include "decide/engine_parts.h"
#include "decide/live.h"
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

/* `before` all zero: the first. */
static void fill_rules(struct engine *engine, const uint8_t before[32], struct rules_file *files,
                       struct record_rules *ret_record)
{
    const struct rules *rules = engine->book.rules;
    *ret_record = (struct record_rules){.files = files};
    memcpy(ret_record->before, before, sizeof ret_record->before);
    memcpy(ret_record->after, rules_hash(rules), sizeof ret_record->after);
    for (; ret_record->file_count < rules_file_count(rules); ret_record->file_count++)
        files[ret_record->file_count] = rules_file_at(rules, ret_record->file_count);
    ret_record->at_ms = engine->env->now_ms(engine->env->context);
}

/* Here a second person's approval will be asked for. */
static enum lx_err record_rules(struct engine *engine, struct lx_error *err)
{
    struct rules_file files[RULES_FILES_MAX];
    struct record_rules record;
    uint8_t before[32] = {0};
    bool has_before = false;
    enum lx_err code = overlay_rules_hash(engine->overlay, before, &has_before, err);
    if (code != LX_OK) return code;
    if (has_before && memcmp(before, rules_hash(engine->book.rules), sizeof before) == 0)
        return LX_OK;
    fill_rules(engine, before, files, &record);
    return overlay_append_rules(engine->overlay, &record, err);
}

void engine_rules_hash(const struct engine *engine, uint8_t ret_hash[32])
{
    memcpy(ret_hash, rules_hash(engine->book.rules), 32);
}

enum lx_err engine_rules_record(struct engine *engine, uint8_t hash[32], struct lx_buffer *record,
                                bool *ret_is_new, struct lx_error *err)
{
    struct rules_file files[RULES_FILES_MAX];
    struct record_rules rules;
    *ret_is_new = memcmp(hash, rules_hash(engine->book.rules), 32) != 0;
    if (!*ret_is_new) return LX_OK;
    fill_rules(engine, hash, files, &rules);
    record_rules_write(&rules, record);
    enum lx_err code = lx_buffer_error(record);
    if (code != LX_OK) return lx_fail(err, code, "rules: %s", lx_err_text(code));
    engine_rules_hash(engine, hash);
    return LX_OK;
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
    return code;
}

static enum lx_err open_overlay(struct engine *engine, const char *folder, const struct live *live,
                                struct lx_error *err)
{
    bool can_write = engine->mode == ENGINE_WRITE;
    enum lx_err code =
        journal_open(folder, can_write ? JOURNAL_APPEND : JOURNAL_READ, &engine->journal, err);
    engine->live = live;
    if (code == LX_OK && live != NULL)
        code = overlay_open_live(engine->bank, engine->journal, live, &engine->overlay, err);
    else if (code == LX_OK)
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

static enum lx_err open_engine(const char *folder, enum engine_mode mode, const struct live *live,
                               const struct lx_env *env, struct engine **ret_engine,
                               struct lx_error *err)
{
    struct engine *engine = lx_calloc(1, sizeof *engine);
    if (engine == NULL) return lx_fail(err, LX_ERR_NO_MEMORY, "engine: out of memory");
    engine->env = env;
    engine->mode = mode;
    enum lx_err code = open_parts(engine, folder, err);
    if (code == LX_OK) code = open_overlay(engine, folder, live, err);
    if (code == LX_OK) code = make_room(engine, err);
    if (code == LX_OK && live != NULL &&
        view_snapshot_customers(engine->snapshot) > live_customers_max(live))
        code = lx_fail(err, LX_ERR_REFUSED,
                       "the snapshot has more customers than the server made room for: start it "
                       "anew");
    if (code == LX_OK)
        *ret_engine = engine;
    else
        engine_close(engine);
    return code;
}

enum lx_err engine_open(const char *folder, enum engine_mode mode, const struct lx_env *env,
                        struct engine **ret_engine, struct lx_error *err)
{
    LX_ASSERT(mode != ENGINE_SERVE);

    return open_engine(folder, mode, NULL, env, ret_engine, err);
}

enum lx_err engine_open_live(const char *folder, const struct live *live, const struct lx_env *env,
                             struct engine **ret_engine, struct lx_error *err)
{
    LX_ASSERT(live != NULL);

    return open_engine(folder, ENGINE_SERVE, live, env, ret_engine, err);
}

/* What was answered since, in whatever thread, counts for the posteriors of this one, too. */
static void hear_answers(struct engine *engine)
{
    struct record_given given[LX_PRODUCT_MAX];
    struct live_told told;
    while (live_next_answer(engine->live, &engine->heard, &told, given)) {
        if (told.position < posteriors_position(engine->posteriors)) continue;
        const struct record_answer answer = {.answered_ms = told.answered_ms,
                                             .segment = told.segment,
                                             .given = given,
                                             .given_count = told.given_count};
        posteriors_apply(engine->posteriors, &answer);
    }
}

void engine_begin(struct engine *engine)
{
    LX_ASSERT(engine->mode == ENGINE_SERVE);

    hear_answers(engine);
    overlay_begin(engine->overlay);
}

bool engine_take(struct engine *engine, struct live_change *ret_change)
{
    return overlay_take(engine->overlay, ret_change);
}

enum lx_err engine_make_live(struct engine *writer, int64_t customers_max, struct live **ret_live,
                             struct lx_error *err)
{
    LX_ASSERT(writer->mode == ENGINE_WRITE);

    /* The rules may have been recorded a moment ago: the tables are to hold all that is before. */
    enum lx_err code = overlay_project(writer->overlay, err);
    if (code == LX_OK) code = posteriors_save(writer->posteriors, err);
    if (code != LX_OK) return code;
    /* From here on it hears no answers, so it must save nothing. */
    posteriors_close(writer->posteriors);
    writer->posteriors = NULL;
    return live_open(writer->bank, writer->journal, overlay_position(writer->overlay),
                     customers_max, writer->env->now_ms(writer->env->context), ret_live, err);
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
