#include "model/score.h"

#include <math.h>
#include <string.h>

#include "base/date.h"
#include "base/rng.h"
#include "model/rows_scan.h"

enum { SCORE_ROWS_MAX = 1 << 28, BATCH_ROWS = 1024 };

/* The chances of being kept. */
struct chances {
    double negative, positive, customer;
};

/* One chunk of customers. */
struct scoring {
    const struct rows_plan *plan;
    const struct score_task *task;
    struct chances chances;
    struct scored part;
    size_t margin_capacity, rival_capacity, label_capacity, moment_capacity, product_capacity;
    size_t end_capacity, unit_capacity;
    struct view_scratch *view_scratch;
    void *scratch;                        /* enough for either scorer */
    float *customer_values, *pair_values; /* of one customer, every product */
    float *rows;                          /* row_room of them, `waiting` to be scored */
    size_t row_room, waiting;
    uint16_t candidates[LX_PRODUCT_MAX];
};

static void scoring_release(struct scoring *scoring)
{
    scored_release(&scoring->part);
    view_scratch_close(scoring->view_scratch);
    lx_free(scoring->scratch);
    lx_free(scoring->customer_values);
    lx_free(scoring->pair_values);
    lx_free(scoring->rows);
    *scoring = (struct scoring){0};
}

static enum lx_err scoring_prepare(struct scoring *scoring, const struct bank_catalogue *catalogue,
                                   struct lx_error *err)
{
    const struct view_features *features = scoring->plan->features;
    size_t customer_count = view_features_count(features, VIEW_CUSTOMER);
    size_t pair_count = view_features_count(features, VIEW_PAIR);
    size_t product_count = catalogue->count;
    const struct score_task *task = scoring->task;
    size_t scratch_bytes = scorer_scratch_bytes(task->scorer);
    if (task->rival != NULL && scorer_scratch_bytes(task->rival) > scratch_bytes)
        scratch_bytes = scorer_scratch_bytes(task->rival);
    scoring->scratch = lx_malloc(scratch_bytes + 1);
    scoring->customer_values = lx_calloc(customer_count, sizeof(float));
    scoring->pair_values = lx_calloc(product_count * pair_count, sizeof(float));
    scoring->row_room = product_count + BATCH_ROWS;
    scoring->rows = lx_calloc(scoring->row_room * (customer_count + pair_count), sizeof(float));
    bool is_ready = scoring->scratch != NULL && scoring->customer_values != NULL &&
                    scoring->pair_values != NULL && scoring->rows != NULL;
    if (!is_ready) return LX_ERR_NO_MEMORY;
    return view_scratch_open(features, catalogue, &scoring->view_scratch, err);
}

static enum lx_err make_room(struct scoring *scoring, size_t rows)
{
    struct scored *part = &scoring->part;
    size_t needed = part->count + rows, max = SCORE_ROWS_MAX;
    enum lx_err code =
        lx_grow(&part->margins, &scoring->margin_capacity, needed, max, sizeof *part->margins);
    if (code == LX_OK && scoring->task->rival != NULL)
        code = lx_grow(&part->rival_margins, &scoring->rival_capacity, needed, max,
                       sizeof *part->rival_margins);
    if (code == LX_OK) code = lx_grow(&part->labels, &scoring->label_capacity, needed, max, 1);
    if (code == LX_OK) code = lx_grow(&part->moments, &scoring->moment_capacity, needed, max, 1);
    if (code == LX_OK)
        code = lx_grow(&part->products, &scoring->product_capacity, needed, max,
                       sizeof *part->products);
    if (code == LX_OK)
        code = lx_grow(&part->case_ends, &scoring->end_capacity, part->case_count + 1, max,
                       sizeof *part->case_ends);
    if (code == LX_OK)
        code = lx_grow(&part->case_units, &scoring->unit_capacity, part->case_count + 1, max,
                       sizeof *part->case_units);
    return code;
}

/* Appends to scoring->rows and fills scoring->candidates; how many there are. */
static size_t fill_rows(struct scoring *scoring, const struct rows_chunk *chunk,
                        const struct bank_history *history, size_t moment)
{
    const struct rows_plan *plan = scoring->plan;
    const struct bank_catalogue *catalogue = chunk->catalogue;
    const struct view_context context = {catalogue, plan->peers[moment], chunk->utc_offset_minutes,
                                         scoring->view_scratch};
    int64_t as_of_ms = plan->as_of_ms[moment];
    int32_t as_of_day = lx_day_of_ms(as_of_ms, chunk->utc_offset_minutes);
    size_t customer_count = view_features_count(plan->features, VIEW_CUSTOMER);
    size_t pair_count = view_features_count(plan->features, VIEW_PAIR);
    size_t count = 0;
    struct view_facts facts;
    view_facts(history, &context, as_of_ms, &facts);
    view_customer_features(history, &context, as_of_ms, scoring->customer_values);
    view_pair_features(history, &context, as_of_ms, scoring->customer_values, scoring->pair_values);
    for (size_t i = 0; i < catalogue->count; i++) {
        if (!rows_is_candidate(&catalogue->products[i], (int)i, &facts, as_of_day)) continue;
        float *row = scoring->rows + (scoring->waiting + count) * (customer_count + pair_count);
        memcpy(row, scoring->customer_values, customer_count * sizeof *row);
        memcpy(row + customer_count, scoring->pair_values + i * pair_count,
               pair_count * sizeof *row);
        scoring->candidates[count++] = (uint16_t)i;
    }
    return count;
}

/* The rows that wait, by both models. Many rows at once take the scorer's fast way. */
static void score_waiting(struct scoring *scoring)
{
    const struct score_task *task = scoring->task;
    struct scored *part = &scoring->part;
    size_t first = part->count - scoring->waiting;
    if (scoring->waiting == 0) return;
    scorer_score(task->scorer, scoring->rows, scoring->waiting, scoring->scratch,
                 part->margins + first);
    if (task->rival != NULL)
        scorer_score(task->rival, scoring->rows, scoring->waiting, scoring->scratch,
                     part->rival_margins + first);
    scoring->waiting = 0;
}

/* The rows of one customer at one moment, which begin at `rows`. */
static enum lx_err keep_rows(struct scoring *scoring, int64_t customer, size_t moment,
                             const float *rows, size_t count, const uint8_t *labels)
{
    const struct chances *chances = &scoring->chances;
    const struct rows_plan *plan = scoring->plan;
    struct scored *part = &scoring->part;
    struct lx_rng rng =
        lx_rng_of(plan->seed ^ UINT64_C(0x6b657074) ^ (uint64_t)moment << 48, (uint64_t)customer);
    size_t columns = scorer_feature_count(scoring->task->scorer);
    enum lx_err code = LX_OK;
    if (chances->negative + chances->positive + chances->customer <= 0) return LX_OK;
    if (moment + 1 == plan->moment_count && lx_rng_uniform(&rng) < chances->customer) {
        size_t i = (size_t)lx_rng_below(&rng, count);
        code = kept_add(&part->baseline, rows + i * columns, columns, scoring->candidates[i],
                        labels[i] != 0, 1);
    }
    if (moment < scoring->task->keeping.first) return code;
    for (size_t i = 0; code == LX_OK && i < count; i++) {
        double chance = labels[i] != 0 ? chances->positive : chances->negative;
        if (lx_rng_uniform(&rng) < chance)
            code = kept_add(&part->sample, rows + i * columns, columns, scoring->candidates[i],
                            labels[i] != 0, 1 / chance);
    }
    return code;
}

static enum lx_err score_moment(struct scoring *scoring, const struct rows_chunk *chunk,
                                const struct bank_history *history, size_t moment, bool *ret_any)
{
    const struct rows_plan *plan = scoring->plan;
    int64_t as_of_ms = plan->as_of_ms[moment];
    if (!rows_is_known(history, as_of_ms)) return LX_OK;
    if (scoring->waiting + chunk->catalogue->count > scoring->row_room) score_waiting(scoring);
    size_t count = fill_rows(scoring, chunk, history, moment);
    if (count == 0) return LX_OK;
    enum lx_err code = make_room(scoring, count);
    if (code != LX_OK) return code;

    uint64_t labels[ROWS_PRODUCT_WORDS];
    struct scored *part = &scoring->part;
    rows_labels(history, as_of_ms, plan->complete_until_ms, labels);
    for (size_t i = 0; i < count; i++) {
        size_t product = scoring->candidates[i], at = part->count++;
        part->labels[at] = (uint8_t)(labels[product / 64] >> (product % 64) & 1);
        part->moments[at] = (uint8_t)moment;
        part->products[at] = (uint16_t)product;
        part->positives += part->labels[at];
    }
    size_t columns = scorer_feature_count(scoring->task->scorer);
    code = keep_rows(scoring, history->customer, moment, scoring->rows + scoring->waiting * columns,
                     count, part->labels + part->count - count);
    scoring->waiting += count;
    if (code != LX_OK) return code;
    part->case_ends[part->case_count] = part->count;
    part->case_units[part->case_count++] = (uint32_t)part->unit_count;
    *ret_any = true;
    return LX_OK;
}

static enum lx_err score_customer(struct rows_chunk *chunk, const struct bank_history *history,
                                  struct lx_error *err)
{
    struct scoring *scoring = chunk->context;
    enum lx_err code = LX_OK;
    bool is_any = false;
    if (scoring->scratch == NULL) code = scoring_prepare(scoring, chunk->catalogue, err);
    for (size_t i = 0; code == LX_OK && i < scoring->plan->moment_count; i++)
        code = score_moment(scoring, chunk, history, i, &is_any);
    if (code != LX_OK) return lx_fail(err, code, "scoring the bank: out of memory");
    scoring->part.unit_count += is_any;
    return LX_OK;
}

static enum lx_err merge(struct scoring *scorings, size_t count, struct scored *scored)
{
    size_t rows = 0, cases = 0;
    enum lx_err code = LX_OK;
    for (size_t i = 0; i < count; i++) {
        rows += scorings[i].part.count;
        cases += scorings[i].part.case_count;
    }
    scored->margins = lx_malloc((rows + 1) * sizeof *scored->margins);
    bool has_rival = scorings[0].task->rival != NULL;
    if (has_rival) scored->rival_margins = lx_malloc((rows + 1) * sizeof *scored->rival_margins);
    scored->labels = lx_malloc(rows + 1);
    scored->moments = lx_malloc(rows + 1);
    scored->products = lx_malloc((rows + 1) * sizeof *scored->products);
    scored->case_ends = lx_malloc((cases + 1) * sizeof *scored->case_ends);
    scored->case_units = lx_malloc((cases + 1) * sizeof *scored->case_units);
    if (scored->margins == NULL || scored->labels == NULL || scored->moments == NULL ||
        scored->products == NULL || scored->case_ends == NULL || scored->case_units == NULL)
        return LX_ERR_NO_MEMORY;

    for (size_t i = 0; i < count; i++) {
        struct scored *part = &scorings[i].part;
        for (size_t j = 0; j < part->case_count; j++) {
            scored->case_ends[scored->case_count] = scored->count + part->case_ends[j];
            scored->case_units[scored->case_count++] =
                (uint32_t)scored->unit_count + part->case_units[j];
        }
        if (part->count > 0) {
            size_t at = scored->count, n = part->count;
            memcpy(scored->margins + at, part->margins, n * sizeof *part->margins);
            if (has_rival)
                memcpy(scored->rival_margins + at, part->rival_margins,
                       n * sizeof *part->rival_margins);
            memcpy(scored->labels + at, part->labels, n);
            memcpy(scored->moments + at, part->moments, n);
            memcpy(scored->products + at, part->products, n * sizeof *part->products);
        }
        scored->count += part->count;
        scored->positives += part->positives;
        scored->unit_count += part->unit_count;
        code = kept_append(&scored->sample, &part->sample);
        if (code == LX_OK) code = kept_append(&scored->baseline, &part->baseline);
        if (code != LX_OK) return code;
        scoring_release(&scorings[i]);
    }
    return LX_OK;
}

static enum lx_err fill_popularity(const struct rows_plan *plan, struct scored *scored,
                                   struct lx_error *err)
{
    struct bank *bank = NULL;
    enum lx_err code = bank_open(plan->folder, STORE_READ, &bank, err);
    if (code != LX_OK) return code;
    scored->product_count = bank_catalogue(bank)->count;
    bank_close(bank);
    scored->popularity =
        lx_calloc(plan->moment_count * scored->product_count + 1, sizeof *scored->popularity);
    if (scored->popularity == NULL) return LX_ERR_NO_MEMORY;
    for (size_t i = 0; i < plan->moment_count; i++)
        for (size_t j = 0; j < scored->product_count; j++)
            scored->popularity[i * scored->product_count + j] =
                (double)view_peers_openings(plan->peers[i], (int)j);
    return LX_OK;
}

/* What share of the rows makes about as many as are wanted; the peers tell of the positives. */
static enum lx_err find_chances(const struct rows_plan *plan, const struct score_task *task,
                                double customers, struct chances *ret_chances, struct lx_error *err)
{
    const struct score_keeping *keeping = &task->keeping;
    double moments = (double)(plan->moment_count - keeping->first), openings = 0;
    struct bank *bank = NULL;
    enum lx_err code = bank_open(plan->folder, STORE_READ, &bank, err);
    if (code != LX_OK) return code;
    size_t product_count = bank_catalogue(bank)->count;
    double share = customers / (double)view_peers_customers(plan->peers[plan->moment_count - 1]);
    bank_close(bank);
    for (size_t i = keeping->first; i < plan->moment_count; i++)
        for (size_t j = 0; j < product_count; j++)
            openings += (double)view_peers_openings(plan->peers[i], (int)j);
    double pairs = customers * moments * (double)product_count;
    *ret_chances = (struct chances){
        .negative = fmin(1, (double)keeping->sample_negatives / fmax(pairs, 1)),
        .positive = fmin(1, (double)keeping->sample_positives / fmax(share * openings, 1)),
        .customer = fmin(1, (double)keeping->baseline_rows / fmax(customers, 1))};
    return LX_OK;
}

enum lx_err score_pairs(const struct rows_plan *plan, const struct score_task *task,
                        const struct lx_env *env, struct scored *ret_scored, struct lx_error *err)
{
    LX_ASSERT(plan->moment_count > 0 && plan->moment_count <= ROWS_MOMENTS_MAX);
    LX_ASSERT(scorer_feature_count(task->scorer) ==
              view_features_count(plan->features, VIEW_CUSTOMER) +
                  view_features_count(plan->features, VIEW_PAIR));

    int64_t customers = 0;
    struct scored scored = {0};
    enum lx_err code = rows_scan_customers(plan->folder, &customers, err);
    if (code != LX_OK) return code;
    size_t chunk_count = rows_scan_chunks(customers, env);
    struct chances chances;
    code = find_chances(plan, task, fmin((double)customers, (double)task->customers_max), &chances,
                        err);
    if (code != LX_OK) return code;
    double share = customers > 0 ? (double)task->customers_max / (double)customers : 1;
    struct scoring *scorings = lx_calloc(chunk_count, sizeof *scorings);
    if (scorings == NULL) return lx_fail(err, LX_ERR_NO_MEMORY, "scoring: out of memory");
    for (size_t i = 0; i < chunk_count; i++)
        scorings[i] = (struct scoring){.plan = plan, .task = task, .chances = chances};
    const struct rows_scan scan = {.folder = plan->folder,
                                   .what = "scoring",
                                   .visit = score_customer,
                                   .contexts = (char *)scorings,
                                   .context_size = sizeof *scorings,
                                   .chunk_count = chunk_count,
                                   .customers = customers,
                                   .share = share,
                                   .block_seed = plan->seed};
    code = rows_scan(&scan, env, err);
    for (size_t i = 0; code == LX_OK && i < chunk_count; i++) score_waiting(&scorings[i]);
    if (code == LX_OK) code = merge(scorings, chunk_count, &scored);
    if (code == LX_OK) code = fill_popularity(plan, &scored, err);
    if (code == LX_ERR_NO_MEMORY) code = lx_fail(err, code, "scoring: out of memory");
    if (code == LX_OK && scored.count == 0)
        code = lx_fail(err, LX_ERR_NOT_READY, "scoring: no customer may still open a product");
    for (size_t i = 0; i < chunk_count; i++) scoring_release(&scorings[i]);
    lx_free(scorings);
    if (code == LX_OK)
        *ret_scored = scored;
    else
        scored_release(&scored);
    return code;
}

void scored_release(struct scored *scored)
{
    lx_free(scored->margins);
    lx_free(scored->rival_margins);
    lx_free(scored->labels);
    lx_free(scored->moments);
    lx_free(scored->products);
    lx_free(scored->case_ends);
    lx_free(scored->case_units);
    lx_free(scored->popularity);
    kept_release(&scored->sample);
    kept_release(&scored->baseline);
    *scored = (struct scored){0};
}

static bool is_within(const struct scored *scored, size_t row, size_t first, size_t count)
{
    return scored->moments[row] >= first && scored->moments[row] < first + count;
}

size_t scored_margins(const struct scored *scored, size_t first, size_t count, double *ret_margins,
                      uint8_t *ret_labels)
{
    size_t found = 0;
    for (size_t i = 0; i < scored->count; i++) {
        if (!is_within(scored, i, first, count)) continue;
        ret_labels[found] = scored->labels[i];
        ret_margins[found++] = (double)scored->margins[i];
    }
    return found;
}

size_t scored_log_odds(const struct scored *scored, const struct calibration *calibration,
                       size_t first, size_t count, double *ret_log_odds)
{
    size_t found = 0;
    for (size_t i = 0; i < scored->count; i++)
        if (is_within(scored, i, first, count))
            ret_log_odds[found++] = calibration_log_odds(calibration, (double)scored->margins[i]);
    return found;
}

/* The rows of some of the moments, as quality_measure wants them. */
struct selection {
    double *probabilities, *popularity;
    uint8_t *labels;
    uint16_t *products;
    size_t *case_ends;
    uint32_t *case_units;
    size_t count, case_count, unit_count;
};

static void selection_release(struct selection *selection)
{
    lx_free(selection->probabilities);
    lx_free(selection->popularity);
    lx_free(selection->labels);
    lx_free(selection->products);
    lx_free(selection->case_ends);
    lx_free(selection->case_units);
}

static enum lx_err selection_init(struct selection *selection, const struct scored *scored)
{
    size_t rows = scored->count + 1, cases = scored->case_count + 1;
    selection->probabilities = lx_malloc(rows * sizeof *selection->probabilities);
    selection->popularity = lx_malloc(rows * sizeof *selection->popularity);
    selection->labels = lx_malloc(rows);
    selection->products = lx_malloc(rows * sizeof *selection->products);
    selection->case_ends = lx_malloc(cases * sizeof *selection->case_ends);
    selection->case_units = lx_malloc(cases * sizeof *selection->case_units);
    bool is_ready = selection->probabilities != NULL && selection->popularity != NULL &&
                    selection->labels != NULL && selection->products != NULL &&
                    selection->case_ends != NULL && selection->case_units != NULL;
    return is_ready ? LX_OK : LX_ERR_NO_MEMORY;
}

static void add_case(struct selection *selection, const struct scored *scored, size_t begin,
                     size_t end, const struct scored_question *question)
{
    const float *margins = question->is_rival ? scored->rival_margins : scored->margins;
    for (size_t i = begin; i < end; i++) {
        size_t at = selection->count++;
        size_t place = scored->moments[i] * scored->product_count + scored->products[i];
        selection->probabilities[at] =
            calibration_probability(question->calibration, (double)margins[i]);
        selection->popularity[at] = scored->popularity[place];
        selection->labels[at] = scored->labels[i];
        selection->products[at] = scored->products[i];
    }
    selection->case_ends[selection->case_count++] = selection->count;
}

static void select_rows(struct selection *selection, const struct scored *scored,
                        const struct scored_question *question)
{
    size_t begin = 0;
    uint32_t last_unit = UINT32_MAX;
    for (size_t i = 0; i < scored->case_count; i++) {
        size_t end = scored->case_ends[i];
        if (is_within(scored, begin, question->first, question->count)) {
            if (scored->case_units[i] != last_unit) selection->unit_count++;
            last_unit = scored->case_units[i];
            selection->case_units[selection->case_count] = (uint32_t)selection->unit_count - 1;
            add_case(selection, scored, begin, end, question);
        }
        begin = end;
    }
}

static struct quality_rows rows_of(const struct selection *selection, const struct scored *scored,
                                   uint64_t seed)
{
    return (struct quality_rows){.probabilities = selection->probabilities,
                                 .popularity = selection->popularity,
                                 .labels = selection->labels,
                                 .products = selection->products,
                                 .count = selection->count,
                                 .product_count = scored->product_count,
                                 .case_ends = selection->case_ends,
                                 .case_units = selection->case_units,
                                 .case_count = selection->case_count,
                                 .unit_count = selection->unit_count,
                                 .seed = seed};
}

static enum lx_err selection_make(const struct scored *scored,
                                  const struct scored_question *question,
                                  struct selection *selection, struct lx_error *err)
{
    enum lx_err code = selection_init(selection, scored);
    if (code == LX_OK) select_rows(selection, scored, question);
    if (code == LX_OK && selection->count == 0)
        code = lx_fail(err, LX_ERR_NOT_READY, "quality: no customer may still open a product");
    return code == LX_ERR_NO_MEMORY ? lx_fail(err, code, "quality: out of memory") : code;
}

enum lx_err scored_quality(const struct scored *scored, const struct scored_question *question,
                           struct quality ret_value[QUALITY_BY_COUNT],
                           struct quality ret_low[QUALITY_BY_COUNT],
                           struct quality ret_high[QUALITY_BY_COUNT], struct lx_error *err)
{
    struct selection selection = {0};
    enum lx_err code = selection_make(scored, question, &selection, err);
    if (code == LX_OK) {
        const struct quality_rows rows = rows_of(&selection, scored, question->seed);
        code = quality_measure(&rows, question->resamples, question->thread_count, ret_value,
                               ret_low, ret_high, err);
    }
    selection_release(&selection);
    return code;
}

enum lx_err scored_resamples(const struct scored *scored, const struct scored_question *question,
                             struct quality *ret_resamples, struct lx_error *err)
{
    struct selection selection = {0};
    enum lx_err code = selection_make(scored, question, &selection, err);
    if (code == LX_OK) {
        const struct quality_rows rows = rows_of(&selection, scored, question->seed);
        code = quality_resamples(&rows, question->resamples, question->thread_count, ret_resamples,
                                 err);
    }
    selection_release(&selection);
    return code;
}
