#include "model/label_measure.h"

#include <math.h>
#include <string.h>

#include "base/date.h"
#include "base/rng.h"
#include "host/thread.h"
#include "model/train.h"

enum { BLOCK_CUSTOMERS = 64, CHUNKS_A_THREAD = 8, MOMENTS_MAX = 2 };

/* The pass over the bank. */
struct pass {
    const struct label_task *task;
    const struct lx_env *env;
    int64_t customers;
    double rate; /* of blocks looked at */
    size_t chunk_count;
    struct chunk *chunks;
};

/* Some blocks, and what one thread works with. */
struct chunk {
    const struct pass *pass;
    const struct bank_catalogue *catalogue;
    int utc_offset_minutes;
    struct view_scratch *scratch;
    struct view_label_reader *reader;
    void *model_scratch;
    float *customer_values, *pair_values, *rows; /* rows: of the candidates */
    double *log_odds;                            /* by candidate */
    uint16_t candidates[LX_PRODUCT_MAX];
    struct label_tally tallies[VIEW_LABELS_MAX];
    struct label_cells *cells; /* by product */
    size_t product_count;
    enum lx_err code;
    struct lx_error error;
};

/* A customer's cases, by label. */
struct sums {
    uint64_t a[VIEW_LABELS_MAX], b[VIEW_LABELS_MAX], c[VIEW_LABELS_MAX], d;
};

/* --- A case ---------------------------------------------------------------------------------- */

static size_t score_case(struct chunk *chunk, const struct bank_history *history,
                         const struct view_context *context, const struct view_facts *facts,
                         int64_t as_of_ms)
{
    const struct label_task *task = chunk->pass->task;
    const struct view_features *features = task->plan->features;
    size_t customer_count = view_features_count(features, VIEW_CUSTOMER);
    size_t pair_count = view_features_count(features, VIEW_PAIR), count = 0;
    int32_t as_of_day = lx_day_of_ms(as_of_ms, chunk->utc_offset_minutes);
    view_pair_features(history, context, as_of_ms, chunk->customer_values, chunk->pair_values);
    for (size_t i = 0; i < chunk->product_count; i++) {
        if (!rows_is_candidate(&chunk->catalogue->products[i], (int)i, facts, as_of_day)) continue;
        float *row = chunk->rows + count * (customer_count + pair_count);
        memcpy(row, chunk->customer_values, customer_count * sizeof *row);
        memcpy(row + customer_count, chunk->pair_values + i * pair_count, pair_count * sizeof *row);
        chunk->candidates[count++] = (uint16_t)i;
    }
    model_log_odds(task->model, chunk->rows, count, chunk->model_scratch, chunk->log_odds);
    return count;
}

/* The likeliest of the label's products, as decide takes it. */
static bool has_output(const struct chunk *chunk, const struct view_label *label,
                       size_t candidate_count)
{
    struct expr_value value = {.is_null = true};
    double best = -(double)INFINITY;
    for (size_t i = 0; i < candidate_count; i++)
        if (view_subject_has(&label->model, chunk->catalogue, chunk->candidates[i]) &&
            chunk->log_odds[i] > best)
            best = chunk->log_odds[i];
    value.is_null = isinf(best);
    if (label->output == VIEW_OUTPUT_PROBABILITY)
        value.as.real = model_probability(best);
    else
        value.as.integer = value.is_null ? 0 : model_score(chunk->pass->task->model, best);
    return view_label_has(label, &value);
}

static bool has_opened(const uint64_t *opened, const struct view_subject *subject,
                       const struct bank_catalogue *catalogue)
{
    for (size_t i = 0; i < catalogue->count; i++)
        if ((opened[i / 64] >> (i % 64) & 1) != 0 && view_subject_has(subject, catalogue, (int)i))
            return true;
    return false;
}

static enum lx_err add_case(struct chunk *chunk, const struct bank_history *history, size_t moment,
                            struct sums *sums, struct lx_error *err)
{
    const struct label_task *task = chunk->pass->task;
    const struct rows_plan *plan = task->plan;
    int64_t as_of_ms = plan->as_of_ms[moment];
    const struct view_context context = {chunk->catalogue, plan->peers[moment],
                                         chunk->utc_offset_minutes, chunk->scratch};
    uint64_t opened[ROWS_PRODUCT_WORDS];
    struct view_facts facts;
    enum lx_err code = LX_OK;
    if (!rows_is_known(history, as_of_ms)) return LX_OK;
    rows_labels(history, as_of_ms, plan->complete_until_ms, opened);
    view_facts(history, &context, as_of_ms, &facts);
    view_compute_customer(chunk->scratch, history, &context, &facts, as_of_ms,
                          chunk->customer_values);
    view_label_reader_begin(chunk->reader, history, &context, &facts, as_of_ms,
                            chunk->customer_values);
    size_t candidates = score_case(chunk, history, &context, &facts, as_of_ms);
    for (size_t i = 0; i < candidates; i++) {
        size_t product = chunk->candidates[i];
        label_cells_add(&chunk->cells[product], chunk->log_odds[i],
                        (opened[product / 64] >> (product % 64) & 1) != 0);
    }
    sums->d++;
    for (size_t i = 0; i < view_labels_count(task->labels) && code == LX_OK; i++) {
        const struct view_label *label = view_labels_at(task->labels, i);
        struct expr_value value = {.is_null = true};
        if (label->expr != NULL) code = view_label_reader_value(chunk->reader, i, &value, err);
        bool has = label->expr != NULL ? view_label_has(label, &value)
                                       : has_output(chunk, label, candidates);
        bool is_opened = has_opened(opened, &label->lift_of, chunk->catalogue);
        sums->a[i] += has && is_opened;
        sums->b[i] += has;
        sums->c[i] += is_opened;
    }
    return code;
}

static enum lx_err visit(void *context, const struct bank_history *history, struct lx_error *err)
{
    struct chunk *chunk = context;
    const struct label_task *task = chunk->pass->task;
    struct sums sums = {0};
    for (size_t i = 0; i < task->plan->moment_count; i++) {
        enum lx_err code = add_case(chunk, history, i, &sums, err);
        if (code != LX_OK) return code;
    }
    for (size_t i = 0; i < view_labels_count(task->labels); i++)
        label_tally_add(&chunk->tallies[i], sums.a[i], sums.b[i], sums.c[i], sums.d);
    return LX_OK;
}

/* --- A chunk --------------------------------------------------------------------------------- */

static enum lx_err prepare(struct chunk *chunk, struct lx_error *err)
{
    const struct label_task *task = chunk->pass->task;
    const struct view_features *features = task->plan->features;
    size_t customer_count = view_features_count(features, VIEW_CUSTOMER);
    size_t pair_count = view_features_count(features, VIEW_PAIR), products = chunk->product_count;
    chunk->model_scratch = lx_malloc(model_scratch_bytes(task->model) + 1);
    chunk->customer_values = lx_calloc(customer_count + 1, sizeof(float));
    chunk->pair_values = lx_calloc(products * pair_count + 1, sizeof(float));
    chunk->rows = lx_calloc(products * (customer_count + pair_count) + 1, sizeof(float));
    chunk->log_odds = lx_calloc(products + 1, sizeof(double));
    chunk->cells = lx_calloc(products + 1, sizeof *chunk->cells);
    if (chunk->model_scratch == NULL || chunk->customer_values == NULL ||
        chunk->pair_values == NULL || chunk->rows == NULL || chunk->log_odds == NULL ||
        chunk->cells == NULL)
        return lx_fail(err, LX_ERR_NO_MEMORY, "labels: out of memory");
    enum lx_err code = view_scratch_open(features, chunk->catalogue, &chunk->scratch, err);
    if (code == LX_OK)
        code = view_label_reader_open(task->labels, chunk->catalogue, &chunk->reader, err);
    return code;
}

/* All but the counts. */
static void put_tools_away(struct chunk *chunk)
{
    view_label_reader_close(chunk->reader);
    view_scratch_close(chunk->scratch);
    lx_free(chunk->model_scratch);
    lx_free(chunk->customer_values);
    lx_free(chunk->pair_values);
    lx_free(chunk->rows);
    lx_free(chunk->log_odds);
}

static enum lx_err scan_blocks(struct chunk *chunk, struct bank *bank, int64_t first, int64_t last,
                               struct lx_error *err)
{
    const struct pass *pass = chunk->pass;
    enum lx_err code = LX_OK;
    for (int64_t block = first; block < last && code == LX_OK; block++) {
        struct lx_rng rng = lx_rng_of(pass->task->plan->seed, (uint64_t)block);
        int64_t begin = block * BLOCK_CUSTOMERS, end = begin + BLOCK_CUSTOMERS;
        if (lx_rng_uniform(&rng) >= pass->rate) continue;
        if (end > pass->customers) end = pass->customers;
        code = bank_scan(bank, begin, end, visit, chunk, err);
    }
    return code;
}

static void run_chunk(void *context, size_t item)
{
    struct pass *pass = context;
    struct chunk *chunk = &pass->chunks[item];
    struct bank *bank = NULL;
    int64_t blocks = (pass->customers + BLOCK_CUSTOMERS - 1) / BLOCK_CUSTOMERS;
    int64_t count = (int64_t)pass->chunk_count;
    int64_t first = blocks * (int64_t)item / count, last = blocks * ((int64_t)item + 1) / count;
    chunk->pass = pass;
    chunk->code = bank_open(pass->task->plan->folder, STORE_READ, &bank, &chunk->error);
    if (chunk->code != LX_OK) return;
    chunk->catalogue = bank_catalogue(bank);
    chunk->utc_offset_minutes = bank_utc_offset_minutes(bank);
    chunk->product_count = chunk->catalogue->count;
    chunk->code = prepare(chunk, &chunk->error);
    if (chunk->code == LX_OK) chunk->code = scan_blocks(chunk, bank, first, last, &chunk->error);
    put_tools_away(chunk);
    bank_close(bank);
}

/* --- Together -------------------------------------------------------------------------------- */

static void fill_label(const struct pass *pass, const struct bank_catalogue *catalogue,
                       size_t place, struct label_measure *measure)
{
    const struct view_label *label = view_labels_at(pass->task->labels, place);
    struct label_tally tally = {0};
    for (size_t i = 0; i < pass->chunk_count; i++)
        label_tally_merge(&tally, &pass->chunks[i].tallies[place]);
    *measure = (struct label_measure){
        .is_known = tally.d > 0,
        .customers = tally.customers,
        .cases = tally.d,
        .have = tally.b,
        .openings = tally.c,
        .have_openings = tally.a,
        /* Of what somebody may be without. */
        .has_lift =
            label->band_count == 0 && label->output != VIEW_OUTPUT_PRODUCT && tally.b < tally.d,
        .lift = label_tally_lift(&tally),
    };
    if (label->output == VIEW_OUTPUT_NONE) return;
    struct label_cells cells = {{0}, {0}};
    for (size_t i = 0; i < pass->chunk_count; i++)
        for (size_t product = 0; product < catalogue->count; product++)
            if (view_subject_has(&label->model, catalogue, (int)product))
                label_cells_merge(&cells, &pass->chunks[i].cells[product]);
    measure->bin_count = label_cells_bins(&cells, measure->bins);
}

static enum lx_err fill_measures(const struct pass *pass, struct label_measures *measures,
                                 struct lx_error *err)
{
    const struct rows_plan *plan = pass->task->plan;
    struct bank *bank = NULL;
    enum lx_err code = bank_open(plan->folder, STORE_READ, &bank, err);
    if (code != LX_OK) return code;
    int offset = bank_utc_offset_minutes(bank);
    measures->from_day = lx_day_of_ms(plan->as_of_ms[0], offset);
    measures->to_day = lx_day_of_ms(plan->as_of_ms[plan->moment_count - 1], offset);
    measures->count = view_labels_count(pass->task->labels);
    for (size_t i = 0; i < measures->count; i++)
        fill_label(pass, bank_catalogue(bank), i, &measures->labels[i]);
    bank_close(bank);
    return LX_OK;
}

enum lx_err label_measure(const struct label_task *task, const struct lx_env *env,
                          struct label_measures *ret_measures, struct lx_error *err)
{
    LX_ASSERT(task != NULL && env != NULL && ret_measures != NULL);
    LX_ASSERT(task->plan->moment_count > 0);
    LX_ASSERT(view_labels_features(task->labels) == task->plan->features);

    struct bank *bank = NULL;
    struct pass pass = {.task = task, .env = env};
    enum lx_err code = bank_open(task->plan->folder, STORE_READ, &bank, err);
    if (code == LX_OK) code = bank_customer_count(bank, &pass.customers, err);
    bank_close(bank);
    if (code != LX_OK) return code;
    pass.rate = pass.customers == 0 ? 1 : (double)task->customers_max / (double)pass.customers;
    pass.chunk_count = (size_t)env->thread_count * CHUNKS_A_THREAD;
    pass.chunks = lx_calloc(pass.chunk_count, sizeof *pass.chunks);
    if (pass.chunks == NULL) return lx_fail(err, LX_ERR_NO_MEMORY, "labels: out of memory");
    env->progress(env->context, "labels", 0, 0);
    code = host_parallel(env->thread_count, pass.chunk_count, run_chunk, &pass, err);
    for (size_t i = 0; code == LX_OK && i < pass.chunk_count; i++) {
        if (pass.chunks[i].code == LX_OK) continue;
        code = pass.chunks[i].code;
        if (err != NULL) *err = pass.chunks[i].error;
    }
    if (code == LX_OK) code = fill_measures(&pass, ret_measures, err);
    for (size_t i = 0; i < pass.chunk_count; i++) lx_free(pass.chunks[i].cells);
    lx_free(pass.chunks);
    return code;
}

const struct label_bin *label_measure_bin(const struct label_measure *measure, double log_odds)
{
    for (size_t i = 0; i < measure->bin_count; i++)
        if (log_odds >= measure->bins[i].from) return &measure->bins[i];
    return NULL;
}

/* --- Of a bank ------------------------------------------------------------------------------- */

struct workplace {
    struct view_features *features;
    struct view_labels *labels;
    struct model *model;
    struct rows_moments moments;
    struct view_peers *peers[MOMENTS_MAX];
};

static void leave(struct workplace *place)
{
    for (size_t i = 0; i < MOMENTS_MAX; i++) view_peers_close(place->peers[i]);
    model_close(place->model);
    view_labels_close(place->labels);
    view_features_close(place->features);
}

static enum lx_err enter(const char *folder, const char *id, const struct lx_env *env,
                         struct workplace *place, struct lx_error *err)
{
    struct bank *bank = NULL;
    enum lx_err code = bank_open(folder, STORE_READ, &bank, err);
    if (code == LX_OK) code = view_features_open(bank, &place->features, err);
    if (code == LX_OK)
        code = view_labels_open(folder, place->features, bank_catalogue(bank), &place->labels, err);
    bank_close(bank);
    if (code == LX_OK) code = model_open(folder, id, place->features, &place->model, err);
    if (code == LX_OK)
        code = rows_moments_after(folder, model_card_unseen_from_ms(model_card(place->model)),
                                  MOMENTS_MAX, &place->moments, err);
    if (code == LX_OK && place->moments.count == 0)
        code = lx_fail(err, LX_ERR_NOT_READY,
                       "labels: the bank has no month after the model's last one whose %d days are "
                       "over: import newer data",
                       ROWS_HORIZON_DAYS);
    if (code == LX_OK)
        code = view_peers_build_many(folder, place->moments.as_of_ms, place->moments.count, env,
                                     place->peers, err);
    return code;
}

enum lx_err label_measure_model(const char *folder, const char *id, const struct lx_env *env,
                                struct label_measures *ret_measures, struct lx_error *err)
{
    struct workplace place = {0};
    enum lx_err code = enter(folder, id, env, &place, err);
    if (code == LX_OK) {
        const struct rows_plan plan = {.folder = folder,
                                       .features = place.features,
                                       .as_of_ms = place.moments.as_of_ms,
                                       .peers = place.peers,
                                       .moment_count = place.moments.count,
                                       .complete_until_ms = place.moments.complete_until_ms,
                                       .seed = model_card(place.model)->seed};
        const struct label_task task = {&plan, place.labels, place.model, TRAIN_CUSTOMERS_MAX};
        code = label_measure(&task, env, ret_measures, err);
    }
    if (code == LX_OK)
        code = label_measures_write(folder, model_id(place.model), place.labels, ret_measures, err);
    leave(&place);
    return code;
}
