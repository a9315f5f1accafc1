#include "model/fallback.h"

#include <math.h>
#include <string.h>

#include "base/date.h"
#include "base/rng.h"
#include "learn/factors.h"
#include "learn/metrics.h"
#include "model/evaluate_parts.h"
#include "model/rows_scan.h"
#include "model/train.h"

enum { ROWS_MAX = 1 << 26, NEW_DAYS = 31, FIRST = 5, STACK = 4, STACK_ROUNDS = 30 };

struct fallback_row {
    float scores[FALLBACK_RANKING_COUNT];
    uint16_t product;
    uint8_t label;
};

/* A customer at a moment; his rows are [begin, end). */
struct fallback_case {
    size_t begin, end;
    uint64_t held[ROWS_PRODUCT_WORDS];
    uint32_t customer;
    uint8_t moment;
    bool is_new, is_thin;
};

/* One chunk of customers, or all of them. */
struct gathered {
    const struct rows_plan *plan;
    const struct scorer *scorer;
    double customer_rate;
    size_t cohort; /* which pair feature it is */
    struct fallback_row *rows;
    struct fallback_case *cases;
    size_t row_count, row_capacity, case_count, case_capacity;
    struct view_scratch *view_scratch;
    void *scratch;
    float *customer_values, *pair_values, *features;
};

static const char *const ranking_texts[] = {
#define X(name, text) text,
    FALLBACK_RANKING_MAP(X)
#undef X
};
static const char *const group_texts[] = {
#define X(name, text) text,
    FALLBACK_GROUP_MAP(X)
#undef X
};

const char *fallback_ranking_text(enum fallback_ranking ranking)
{
    LX_ASSERT(ranking < FALLBACK_RANKING_COUNT);
    return ranking_texts[ranking];
}

const char *fallback_group_text(enum fallback_group group)
{
    LX_ASSERT(group < FALLBACK_GROUP_COUNT);
    return group_texts[group];
}

static void gathered_release(struct gathered *gathered)
{
    view_scratch_close(gathered->view_scratch);
    lx_free(gathered->rows);
    lx_free(gathered->cases);
    lx_free(gathered->scratch);
    lx_free(gathered->customer_values);
    lx_free(gathered->pair_values);
    lx_free(gathered->features);
    *gathered = (struct gathered){.row_count = 0};
}

static enum lx_err prepare(struct gathered *gathered, const struct bank_catalogue *catalogue,
                           struct lx_error *err)
{
    const struct view_features *features = gathered->plan->features;
    size_t customer_count = view_features_count(features, VIEW_CUSTOMER);
    size_t pair_count = view_features_count(features, VIEW_PAIR);
    gathered->scratch = lx_malloc(scorer_scratch_bytes(gathered->scorer) + 1);
    gathered->customer_values = lx_calloc(customer_count, sizeof(float));
    gathered->pair_values = lx_calloc(catalogue->count * pair_count, sizeof(float));
    gathered->features = lx_calloc(customer_count + pair_count, sizeof(float));
    if (gathered->scratch == NULL || gathered->customer_values == NULL ||
        gathered->pair_values == NULL || gathered->features == NULL)
        return LX_ERR_NO_MEMORY;
    return view_scratch_open(features, catalogue, &gathered->view_scratch, err);
}

static void fill_row(struct gathered *gathered, size_t product, const uint64_t *labels,
                     const struct view_peers *peers, struct fallback_row *row)
{
    const struct view_features *features = gathered->plan->features;
    size_t customer_count = view_features_count(features, VIEW_CUSTOMER);
    size_t pair_count = view_features_count(features, VIEW_PAIR);
    const float *pair = gathered->pair_values + product * pair_count;
    memcpy(gathered->features, gathered->customer_values, customer_count * sizeof(float));
    memcpy(gathered->features + customer_count, pair, pair_count * sizeof(float));
    *row = (struct fallback_row){.product = (uint16_t)product};
    row->label = (uint8_t)(labels[product / 64] >> (product % 64) & 1);
    scorer_score(gathered->scorer, gathered->features, 1, gathered->scratch,
                 &row->scores[FALLBACK_MODEL]);
    row->scores[FALLBACK_POPULARITY] = (float)view_peers_openings(peers, (int)product);
    float cohort = pair[gathered->cohort];
    row->scores[FALLBACK_COHORT] = isnan(cohort) ? 0 : cohort;
}

static enum lx_err gather_moment(struct gathered *gathered, const struct rows_chunk *chunk,
                                 const struct bank_history *history, size_t moment)
{
    const struct rows_plan *plan = gathered->plan;
    const struct bank_catalogue *catalogue = chunk->catalogue;
    const struct view_context context = {catalogue, plan->peers[moment], chunk->utc_offset_minutes,
                                         gathered->view_scratch};
    int64_t as_of_ms = plan->as_of_ms[moment];
    int32_t day = lx_day_of_ms(as_of_ms, chunk->utc_offset_minutes);
    if (!rows_is_known(history, as_of_ms)) return LX_OK;
    enum lx_err code =
        lx_grow(&gathered->rows, &gathered->row_capacity, gathered->row_count + catalogue->count,
                ROWS_MAX, sizeof *gathered->rows);
    if (code == LX_OK)
        code = lx_grow(&gathered->cases, &gathered->case_capacity, gathered->case_count + 1,
                       ROWS_MAX, sizeof *gathered->cases);
    if (code != LX_OK) return code;
    struct view_facts facts;
    uint64_t labels[ROWS_PRODUCT_WORDS];
    int held = 0;
    view_facts(history, &context, as_of_ms, &facts);
    view_customer_features(history, &context, as_of_ms, gathered->customer_values);
    view_pair_features(history, &context, as_of_ms, gathered->customer_values,
                       gathered->pair_values);
    rows_labels(history, as_of_ms, plan->complete_until_ms, labels);
    struct fallback_case *one = &gathered->cases[gathered->case_count++];
    *one = (struct fallback_case){.begin = gathered->row_count,
                                  .customer = (uint32_t)history->customer,
                                  .moment = (uint8_t)moment};
    one->is_new = !rows_is_known(history, as_of_ms - NEW_DAYS * LX_MS_PER_DAY);
    memcpy(one->held, facts.held, sizeof one->held);
    for (size_t i = 0; i < catalogue->count; i++) {
        held += view_holds(&facts, (int)i);
        if (rows_is_candidate(&catalogue->products[i], (int)i, &facts, day))
            fill_row(gathered, i, labels, plan->peers[moment],
                     &gathered->rows[gathered->row_count++]);
    }
    one->is_thin = held <= 1;
    one->end = gathered->row_count;
    return LX_OK;
}

static enum lx_err gather_customer(struct rows_chunk *chunk, const struct bank_history *history,
                                   struct lx_error *err)
{
    struct gathered *gathered = chunk->context;
    struct lx_rng rng = lx_rng_of(gathered->plan->seed, (uint64_t)history->customer);
    enum lx_err code = LX_OK;
    if (gathered->scratch == NULL) code = prepare(gathered, chunk->catalogue, err);
    if (lx_rng_uniform(&rng) >= gathered->customer_rate) return code;
    for (size_t i = 0; code == LX_OK && i < gathered->plan->moment_count; i++)
        code = gather_moment(gathered, chunk, history, i);
    return code == LX_OK ? LX_OK : lx_fail(err, code, "evaluate: %s", lx_err_text(code));
}

static enum lx_err merge(struct gathered *parts, size_t count, struct gathered *all)
{
    size_t rows = 0, cases = 0;
    for (size_t i = 0; i < count; i++) {
        rows += parts[i].row_count;
        cases += parts[i].case_count;
    }
    all->rows = lx_malloc((rows + 1) * sizeof *all->rows);
    all->cases = lx_malloc((cases + 1) * sizeof *all->cases);
    if (all->rows == NULL || all->cases == NULL) return LX_ERR_NO_MEMORY;
    for (size_t i = 0; i < count; i++) {
        struct gathered *part = &parts[i];
        for (size_t j = 0; j < part->case_count; j++) {
            struct fallback_case *one = &all->cases[all->case_count++];
            *one = part->cases[j];
            one->begin += all->row_count;
            one->end += all->row_count;
        }
        if (part->row_count > 0)
            memcpy(all->rows + all->row_count, part->rows, part->row_count * sizeof *part->rows);
        all->row_count += part->row_count;
        gathered_release(part);
    }
    return LX_OK;
}

static enum lx_err gather(const struct rows_plan *plan, const struct scorer *scorer,
                          size_t customers_max, const struct lx_env *env, struct gathered *all,
                          struct lx_error *err)
{
    int64_t customers = 0;
    size_t cohort = view_features_find(plan->features, VIEW_PAIR, "cohort_opening_rate");
    if (cohort == SIZE_MAX)
        return lx_fail(err, LX_ERR_BAD_INPUT,
                       "features.ini: [cohort_opening_rate] is missing: a ranking is made of it");
    enum lx_err code = rows_scan_customers(plan->folder, &customers, err);
    if (code != LX_OK) return code;
    size_t chunk_count = rows_scan_chunks(customers, env);
    double rate = customers > 0 ? (double)customers_max / (double)customers : 1;
    struct gathered *parts = lx_calloc(chunk_count, sizeof *parts);
    if (parts == NULL) return lx_fail(err, LX_ERR_NO_MEMORY, "evaluate: out of memory");
    for (size_t i = 0; i < chunk_count; i++)
        parts[i] = (struct gathered){
            .plan = plan, .scorer = scorer, .customer_rate = rate, .cohort = cohort};
    const struct rows_scan scan = {.folder = plan->folder,
                                   .what = "fallback",
                                   .visit = gather_customer,
                                   .contexts = (char *)parts,
                                   .context_size = sizeof *parts,
                                   .chunk_count = chunk_count,
                                   .customers = customers};
    code = rows_scan(&scan, env, err);
    if (code == LX_OK && (code = merge(parts, chunk_count, all)) != LX_OK)
        lx_fail(err, code, "evaluate: out of memory");
    for (size_t i = 0; i < chunk_count; i++) gathered_release(&parts[i]);
    lx_free(parts);
    return code;
}

static size_t columns_of(const struct fallback_case *one, size_t product_count,
                         uint16_t ret_columns[LX_PRODUCT_MAX])
{
    size_t count = 0;
    for (size_t i = 0; i < product_count; i++)
        if ((one->held[i / 64] >> (i % 64) & 1) != 0) ret_columns[count++] = (uint16_t)i;
    return count;
}

static enum lx_err fold_case(const struct factors *factors, const struct fallback_case *one,
                             size_t product_count, double scores[LX_PRODUCT_MAX])
{
    uint16_t columns[LX_PRODUCT_MAX];
    struct factors_answer answers[LX_PRODUCT_MAX];
    double vector[FACTORS_RANK_MAX];
    struct factors_known known = {.answers = answers,
                                  .count = columns_of(one, product_count, columns),
                                  .unknown_confidence = 1,
                                  .prior = FACTORS_PRIOR_POPULATION};
    for (size_t i = 0; i < known.count; i++) answers[i] = factors_holding(factors, columns[i]);
    enum lx_err code = factors_fold_in(factors, &known, vector);
    if (code == LX_OK) factors_scores(factors, vector, scores);
    return code;
}

/* Fits on what all customers of the moment held, and scores their rows. */
static enum lx_err score_factors(struct gathered *all, size_t moment, size_t product_count,
                                 enum factors_method method, const struct lx_env *env,
                                 struct lx_error *err)
{
    struct incidence held = {.row_count = 0};
    struct factors factors = {.column_count = 0};
    struct factors_options options = factors_defaults(method);
    double scores[LX_PRODUCT_MAX];
    uint16_t columns[LX_PRODUCT_MAX];
    size_t ranking = method == FACTORS_ALS ? FALLBACK_ALS : FALLBACK_BPR;
    options.seed = all->plan->seed;
    enum lx_err code = incidence_init(&held, product_count);
    for (size_t i = 0; code == LX_OK && i < all->case_count; i++)
        if (all->cases[i].moment == moment)
            code =
                incidence_add(&held, columns, columns_of(&all->cases[i], product_count, columns));
    if (code == LX_OK) code = factors_fit(&held, &options, env->thread_count, &factors, err);
    for (size_t i = 0; code == LX_OK && i < all->case_count; i++) {
        const struct fallback_case *one = &all->cases[i];
        if (one->moment != moment) continue;
        code = fold_case(&factors, one, product_count, scores);
        for (size_t j = one->begin; code == LX_OK && j < one->end; j++)
            all->rows[j].scores[ranking] = (float)scores[all->rows[j].product];
    }
    factors_release(&factors);
    incidence_release(&held);
    return code == LX_OK ? LX_OK : lx_fail(err, code, "evaluate: %s", lx_err_text(code));
}

static bool is_in(const struct fallback_case *one, enum fallback_group group)
{
    if (group == FALLBACK_GROUP_NEW) return one->is_new;
    return group == FALLBACK_GROUP_ALL || one->is_thin;
}

/* Openings among his first five; equal scores by product. */
static size_t found_first(const struct gathered *all, const struct fallback_case *one,
                          enum fallback_ranking ranking)
{
    size_t found = 0;
    for (size_t i = one->begin; i < one->end; i++) {
        size_t above = 0;
        float score = all->rows[i].scores[ranking];
        if (all->rows[i].label == 0) continue;
        for (size_t j = one->begin; j < one->end; j++) {
            float other = all->rows[j].scores[ranking];
            above += other > score || (other == score && j < i);
        }
        found += above < FIRST;
    }
    return found;
}

/* By customer: openings, and how many were found by two rankings. */
struct found {
    struct found_unit {
        double openings, ours, model;
    } * units;
    size_t count;
};

static double found_difference(void *context, const uint32_t *units, size_t count)
{
    const struct found *found = context;
    double openings = 0, difference = 0;
    for (size_t i = 0; i < count; i++) {
        const struct found_unit *unit = &found->units[units[i]];
        openings += unit->openings;
        difference += unit->ours - unit->model;
    }
    return openings > 0 ? difference / openings : NAN;
}

static void count_found(const struct gathered *all, enum fallback_group group,
                        enum fallback_ranking ranking, struct found *found)
{
    uint32_t last = UINT32_MAX;
    found->count = 0;
    for (size_t i = 0; i < all->case_count; i++) {
        const struct fallback_case *one = &all->cases[i];
        if (!is_in(one, group)) continue;
        if (one->customer != last) found->units[found->count++] = (struct found_unit){0};
        last = one->customer;
        struct found_unit *unit = &found->units[found->count - 1];
        for (size_t j = one->begin; j < one->end; j++) unit->openings += all->rows[j].label;
        unit->ours += (double)found_first(all, one, ranking);
        unit->model += (double)found_first(all, one, FALLBACK_MODEL);
    }
}

/* What the figures of a group are made from. */
struct measuring {
    double *scores;
    uint8_t *labels;
    uint16_t *products;
    struct found found;
};

static enum lx_err measure(const struct gathered *all, enum fallback_group group,
                           enum fallback_ranking ranking, const struct evaluate_options *options,
                           size_t product_count, struct measuring *at,
                           struct fallback_result *result)
{
    struct fallback_figures *figures = &result->figures[group][ranking];
    size_t count = 0, cases = 0, openings = 0;
    for (size_t i = 0; i < all->case_count; i++) {
        const struct fallback_case *one = &all->cases[i];
        if (!is_in(one, group)) continue;
        cases++;
        for (size_t j = one->begin; j < one->end; j++, count++) {
            at->scores[count] = (double)all->rows[j].scores[ranking];
            at->labels[count] = all->rows[j].label;
            at->products[count] = all->rows[j].product;
            openings += all->rows[j].label;
        }
    }
    result->cases[group] = cases;
    result->rows[group] = count;
    result->openings[group] = openings;
    *figures = (struct fallback_figures){NAN, NAN, NAN, NAN, NAN, NAN};
    if (openings == 0 || openings == count) return LX_OK;
    struct metric_interval interval;
    int resamples = options->resamples == 0 ? EVALUATE_RESAMPLES : options->resamples;
    double found = 0;
    enum lx_err code = metric_pr_auc(at->scores, at->labels, NULL, count, &figures->pr_auc);
    if (code == LX_OK)
        code = metric_roc_auc_within(at->scores, at->labels, at->products, product_count, count,
                                     &figures->roc_auc_within);
    count_found(all, group, ranking, &at->found);
    for (size_t i = 0; i < at->found.count; i++) found += at->found.units[i].ours;
    figures->found5 = found / (double)openings;
    if (code == LX_OK)
        code = metric_bootstrap(at->found.count, resamples > 0 ? resamples : 1, options->seed,
                                found_difference, &at->found, &interval);
    if (code != LX_OK) return code;
    figures->difference = interval.value;
    figures->difference_low = resamples > 0 ? interval.low : NAN;
    figures->difference_high = resamples > 0 ? interval.high : NAN;
    return LX_OK;
}

static enum lx_err measure_all(const struct gathered *all, const struct evaluate_options *options,
                               size_t product_count, struct fallback_result *result)
{
    struct measuring at = {0};
    at.scores = lx_malloc((all->row_count + 1) * sizeof *at.scores);
    at.labels = lx_malloc(all->row_count + 1);
    at.products = lx_malloc((all->row_count + 1) * sizeof *at.products);
    at.found.units = lx_malloc((all->case_count + 1) * sizeof *at.found.units);
    enum lx_err code = LX_OK;
    if (at.scores == NULL || at.labels == NULL || at.products == NULL || at.found.units == NULL)
        code = LX_ERR_NO_MEMORY;
    for (int i = 0; code == LX_OK && i < FALLBACK_GROUP_COUNT * FALLBACK_RANKING_COUNT; i++)
        code = measure(all, (enum fallback_group)(i / FALLBACK_RANKING_COUNT),
                       (enum fallback_ranking)(i % FALLBACK_RANKING_COUNT), options, product_count,
                       &at, result);
    lx_free(at.scores);
    lx_free(at.labels);
    lx_free(at.products);
    lx_free(at.found.units);
    return code;
}

/* Rows of one month, with what is stacked: 1, margin, als, bpr. */
struct stack {
    const struct gathered *all;
    size_t moment;
    double weights[STACK];
    double *margins, *stacked, *counts; /* of the month's rows */
    uint8_t *labels;
    uint32_t *units; /* of the month's rows: place of the customer */
    double *drawn;   /* [unit] */
    size_t row_count, unit_count;
};

static void stack_values(const struct fallback_row *row, double ret_values[STACK])
{
    ret_values[0] = 1;
    ret_values[1] = (double)row->scores[FALLBACK_MODEL];
    ret_values[2] = (double)row->scores[FALLBACK_ALS];
    ret_values[3] = (double)row->scores[FALLBACK_BPR];
}

/* One step of Newton's method for logistic regression; a little ridge keeps it solvable. */
static void stack_step(struct stack *stack, size_t moment)
{
    double matrix[STACK][STACK + 1] = {{0}};
    for (size_t i = 0; i < stack->all->case_count; i++) {
        const struct fallback_case *one = &stack->all->cases[i];
        for (size_t j = one->begin; one->moment == moment && j < one->end; j++) {
            double values[STACK], margin = 0;
            stack_values(&stack->all->rows[j], values);
            for (size_t k = 0; k < STACK; k++) margin += stack->weights[k] * values[k];
            double p = 1 / (1 + exp(-margin)), apart = (double)stack->all->rows[j].label - p;
            for (size_t k = 0; k < STACK; k++) {
                for (size_t l = 0; l < STACK; l++)
                    matrix[k][l] += p * (1 - p) * values[k] * values[l];
                matrix[k][STACK] += apart * values[k];
            }
        }
    }
    for (size_t k = 0; k < STACK; k++) matrix[k][k] += 1e-6;
    for (size_t k = 0; k < STACK; k++)
        for (size_t l = 0; l < STACK; l++) {
            double share = matrix[l][k] / matrix[k][k];
            for (size_t m = k; l != k && m <= STACK; m++) matrix[l][m] -= share * matrix[k][m];
        }
    for (size_t k = 0; k < STACK; k++)
        stack->weights[k] += fmax(-2, fmin(2, matrix[k][STACK] / matrix[k][k]));
}

static void stack_rows(struct stack *stack)
{
    uint32_t last = UINT32_MAX;
    for (size_t i = 0; i < stack->all->case_count; i++) {
        const struct fallback_case *one = &stack->all->cases[i];
        if (one->moment != stack->moment || one->begin == one->end) continue;
        stack->unit_count += one->customer != last;
        last = one->customer;
        for (size_t j = one->begin; j < one->end; j++) {
            double values[STACK];
            size_t at = stack->row_count++;
            stack_values(&stack->all->rows[j], values);
            stack->margins[at] = values[1];
            stack->stacked[at] = 0;
            for (size_t k = 0; k < STACK; k++) stack->stacked[at] += stack->weights[k] * values[k];
            stack->labels[at] = stack->all->rows[j].label;
            stack->units[at] = (uint32_t)stack->unit_count - 1;
        }
    }
}

static double stack_difference(void *context, const uint32_t *units, size_t count)
{
    struct stack *stack = context;
    double ours = NAN, margin = NAN;
    memset(stack->drawn, 0, stack->unit_count * sizeof *stack->drawn);
    for (size_t i = 0; i < count; i++) stack->drawn[units[i]]++;
    for (size_t i = 0; i < stack->row_count; i++) stack->counts[i] = stack->drawn[stack->units[i]];
    bool is_good = metric_pr_auc(stack->stacked, stack->labels, stack->counts, stack->row_count,
                                 &ours) == LX_OK &&
                   metric_pr_auc(stack->margins, stack->labels, stack->counts, stack->row_count,
                                 &margin) == LX_OK;
    return is_good ? ours - margin : NAN;
}

static enum lx_err stack_measure(struct stack *stack, const struct evaluate_options *options,
                                 struct fallback_result *result)
{
    struct metric_interval interval;
    int resamples = options->resamples == 0 ? FALLBACK_STACK_RESAMPLES : options->resamples;
    stack->weights[0] = -6;
    for (int i = 0; i < STACK_ROUNDS; i++) stack_step(stack, 0);
    stack_rows(stack);
    enum lx_err code = metric_pr_auc(stack->margins, stack->labels, NULL, stack->row_count,
                                     &result->margin_pr_auc);
    if (code == LX_OK)
        code = metric_pr_auc(stack->stacked, stack->labels, NULL, stack->row_count,
                             &result->stacked_pr_auc);
    if (code == LX_OK && resamples > 0)
        code = metric_bootstrap(stack->unit_count, resamples, options->seed, stack_difference,
                                stack, &interval);
    if (code != LX_OK || resamples <= 0) return code;
    result->stacked_difference = interval.value;
    result->stacked_low = interval.low;
    result->stacked_high = interval.high;
    return LX_OK;
}

static enum lx_err stack_all(const struct gathered *all, const struct evaluate_options *options,
                             struct fallback_result *result)
{
    size_t rows = all->row_count + 1;
    struct stack stack = {.all = all, .moment = all->plan->moment_count - 1};
    result->margin_pr_auc = result->stacked_pr_auc = NAN;
    result->stacked_difference = result->stacked_low = result->stacked_high = NAN;
    if (stack.moment == 0) return LX_OK;
    double *reals = lx_malloc((3 * rows + all->case_count + 1) * sizeof *reals);
    stack.labels = lx_malloc(rows);
    stack.units = lx_malloc(rows * sizeof *stack.units);
    enum lx_err code = LX_ERR_NO_MEMORY;
    if (reals != NULL && stack.labels != NULL && stack.units != NULL) {
        stack.margins = reals;
        stack.stacked = reals + rows;
        stack.counts = reals + 2 * rows;
        stack.drawn = reals + 3 * rows;
        code = stack_measure(&stack, options, result);
    }
    lx_free(reals);
    lx_free(stack.labels);
    lx_free(stack.units);
    return code;
}

static enum lx_err product_count_of(const char *folder, size_t *ret_count, struct lx_error *err)
{
    struct bank *bank = NULL;
    enum lx_err code = bank_open(folder, STORE_READ, &bank, err);
    if (code == LX_OK) *ret_count = bank_catalogue(bank)->count;
    bank_close(bank);
    return code;
}

enum lx_err fallback_evaluate(const char *folder, const struct evaluate_options *options,
                              const struct lx_env *env, struct fallback_result *ret_result,
                              struct lx_error *err)
{
    int64_t begin_ns = env->elapsed_ns(env->context);
    struct evaluation evaluation = {0};
    struct fallback_result result = {{0}};
    struct gathered all = {.row_count = 0};
    size_t product_count = 0;
    size_t customers_max =
        options->customers_max > 0 ? options->customers_max : TRAIN_CUSTOMERS_MAX;
    enum lx_err code = product_count_of(folder, &product_count, err);
    if (code == LX_OK) code = evaluation_open(folder, env, &evaluation, err);
    const struct rows_plan plan = evaluation_plan(&evaluation, folder, options->seed);
    all.plan = &plan;
    if (code == LX_OK)
        code = gather(&plan, model_scorer(evaluation.model), customers_max, env, &all, err);
    for (size_t i = 0; code == LX_OK && i < plan.moment_count; i++) {
        code = score_factors(&all, i, product_count, FACTORS_ALS, env, err);
        if (code == LX_OK) code = score_factors(&all, i, product_count, FACTORS_BPR, env, err);
    }
    if (code == LX_OK) {
        code = measure_all(&all, options, product_count, &result);
        if (code == LX_OK) code = stack_all(&all, options, &result);
        if (code != LX_OK) lx_fail(err, code, "evaluate: %s", lx_err_text(code));
    }
    gathered_release(&all);
    evaluation_release(&evaluation);
    if (code != LX_OK) return code;
    result.seconds = (double)(env->elapsed_ns(env->context) - begin_ns) / 1e9;
    *ret_result = result;
    return LX_OK;
}
