#include "model/simulate.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "host/file.h"
#include "model/second.h"
#include "model/simulate_oracle.h"
#include "view/snapshot.h"

enum { PLACES_DEFAULT = 5, CUSTOMERS_MAX = 1 << 28 };

const char *simulate_first_name(enum simulate_first policy)
{
    static const char *const names[] = {
#define X(name, text) text,
        SIMULATE_FIRST_MAP(X)
#undef X
    };
    LX_ASSERT((size_t)policy < SIMULATE_FIRST_COUNT);
    return names[policy];
}

const char *simulate_second_name(enum simulate_second policy)
{
    static const char *const names[] = {
#define X(name, text) text,
        SIMULATE_SECOND_MAP(X)
#undef X
    };
    LX_ASSERT((size_t)policy < SIMULATE_SECOND_COUNT);
    return names[policy];
}

/* What is measured of a customer: sums of true chances over the places of a round. */
enum {
    SUM_FIRST,
    SUM_SECOND = SIMULATE_FIRST_COUNT,
    SUM_COUNT = SUM_SECOND + SIMULATE_SECOND_COUNT
};
struct case_sums {
    float sums[SUM_COUNT];
};

struct simulation {
    const struct simulate_options *options;
    size_t places;
    struct bank *bank;
    struct view_snapshot *snapshot;
    struct view_scratch *view_scratch;
    size_t customer_count, pair_count; /* features of each kind */
    struct model *model;
    const struct bank_catalogue *catalogue;
    struct simulate_truth *truth;
    struct simulate_oracle *oracle; /* NULL where the truth does not say how tastes are spread */
    void *scratch, *second_scratch;
    bool *is_held;
    float *customer_values, *pair_values, *rows;
    double *log_odds, *popularity, *random;
    double *second[SIMULATE_SECOND_COUNT]; /* scores of the products, some borrowed of the above */
    uint16_t *order;                       /* products that may be offered, best first */
    struct case_sums *cases;               /* by customer that took part */
    size_t case_count, case_capacity;
    uint64_t yes_count, any_yes_count, candidate_count;
    struct lx_error *err;
};

static enum lx_err make_room(struct simulation *simulation)
{
    size_t products = simulation->catalogue->count;
    const struct view_features *features = view_snapshot_features(simulation->snapshot);
    size_t customer_count = view_features_count(features, VIEW_CUSTOMER);
    size_t pair_count = view_features_count(features, VIEW_PAIR);
    simulation->customer_count = customer_count;
    simulation->pair_count = pair_count;
    simulation->scratch = lx_malloc(model_scratch_bytes(simulation->model) + 1);
    simulation->customer_values = lx_calloc(customer_count, sizeof(float));
    simulation->pair_values = lx_calloc(products * pair_count, sizeof(float));
    simulation->rows = lx_calloc(products * (customer_count + pair_count), sizeof(float));
    simulation->order = lx_calloc(products, sizeof *simulation->order);
    simulation->is_held = lx_calloc(products, sizeof *simulation->is_held);
    simulation->second_scratch = lx_malloc(second_scratch_bytes(model_second(simulation->model)));
    double **lists[] = {&simulation->log_odds,
                        &simulation->popularity,
                        &simulation->random,
                        &simulation->second[SIMULATE_SECOND_WITH],
                        &simulation->second[SIMULATE_SECOND_MASKED],
                        &simulation->second[SIMULATE_SECOND_BAYES],
                        &simulation->second[SIMULATE_SECOND_BAYES_MASKED]};
    bool is_ready = simulation->scratch != NULL && simulation->customer_values != NULL &&
                    simulation->pair_values != NULL && simulation->rows != NULL &&
                    simulation->order != NULL && simulation->is_held != NULL &&
                    simulation->second_scratch != NULL;
    for (size_t i = 0; i < LX_COUNT_OF(lists); i++) {
        *lists[i] = lx_calloc(products, sizeof **lists[i]);
        is_ready = is_ready && *lists[i] != NULL;
    }
    if (!is_ready) return lx_fail(simulation->err, LX_ERR_NO_MEMORY, "simulate: out of memory");
    simulation->second[SIMULATE_SECOND_WITHOUT] = simulation->log_odds;
    simulation->second[SIMULATE_SECOND_POPULARITY] = simulation->popularity;
    simulation->second[SIMULATE_SECOND_RANDOM] = simulation->random;
    return view_scratch_open(features, simulation->catalogue, &simulation->view_scratch,
                             simulation->err);
}

static void simulation_release(struct simulation *simulation)
{
    static const enum simulate_second owned[] = {SIMULATE_SECOND_WITH, SIMULATE_SECOND_MASKED,
                                                 SIMULATE_SECOND_BAYES,
                                                 SIMULATE_SECOND_BAYES_MASKED};
    simulate_oracle_close(simulation->oracle);
    simulate_truth_close(simulation->truth);
    model_close(simulation->model);
    view_scratch_close(simulation->view_scratch);
    if (simulation->snapshot != NULL) view_snapshot_close(simulation->snapshot);
    if (simulation->bank != NULL) bank_close(simulation->bank);
    lx_free(simulation->scratch);
    lx_free(simulation->second_scratch);
    lx_free(simulation->is_held);
    lx_free(simulation->customer_values);
    lx_free(simulation->pair_values);
    lx_free(simulation->rows);
    lx_free(simulation->log_odds);
    lx_free(simulation->popularity);
    lx_free(simulation->random);
    for (size_t i = 0; i < LX_COUNT_OF(owned); i++) lx_free(simulation->second[owned[i]]);
    lx_free(simulation->order);
    lx_free(simulation->cases);
}

/* Scores of every product, by each policy. */
static void score_customer(struct simulation *simulation, int64_t customer)
{
    size_t products = simulation->catalogue->count;
    size_t customer_count = simulation->customer_count, pair_count = simulation->pair_count;
    const struct view_peers *peers = view_snapshot_peers(simulation->snapshot);
    struct lx_rng rng = lx_rng_of(simulation->options->seed, (uint64_t)customer);
    view_snapshot_customer(simulation->snapshot, customer, simulation->customer_values);
    view_snapshot_pairs(simulation->snapshot, customer, simulation->view_scratch,
                        simulation->pair_values);
    for (size_t i = 0; i < products; i++) {
        float *row = simulation->rows + i * (customer_count + pair_count);
        memcpy(row, simulation->customer_values, customer_count * sizeof *row);
        memcpy(row + customer_count, simulation->pair_values + i * pair_count,
               pair_count * sizeof *row);
        simulation->popularity[i] = (double)view_peers_openings(peers, (int)i);
        simulation->random[i] = lx_rng_uniform(&rng);
    }
    model_log_odds(simulation->model, simulation->rows, products, simulation->scratch,
                   simulation->log_odds);
}

static bool may_offer(const struct simulation *simulation, int64_t customer, int product)
{
    const struct simulate_options *options = simulation->options;
    struct view_facts facts;
    if (options->may_offer != NULL) return options->may_offer(options->context, customer, product);
    view_snapshot_facts(simulation->snapshot, customer, &facts);
    return !view_holds(&facts, product);
}

/* Puts the best `places` of order[first, count) first, equal ones by product. */
static void choose(uint16_t *order, size_t first, size_t count, size_t places, const double *scores)
{
    for (size_t place = first; place < first + places; place++) {
        size_t best = place;
        for (size_t i = place + 1; i < count; i++)
            if (scores[order[i]] > scores[order[best]] ||
                (scores[order[i]] == scores[order[best]] && order[i] < order[best]))
                best = i;
        uint16_t kept = order[place];
        order[place] = order[best];
        order[best] = kept;
    }
}

static float chance_of(const struct simulation *simulation, const double *chances, size_t first)
{
    double sum = 0;
    for (size_t i = first; i < first + simulation->places; i++)
        sum += chances[simulation->order[i]];
    return (float)sum;
}

/* Shows the first places of the order and hears what he says. */
static void ask(struct simulation *simulation, const struct simulate_customer *truth,
                int64_t customer, int *products, enum bank_answer *answers)
{
    struct lx_rng rng = lx_rng_of(simulation->options->seed ^ UINT64_MAX, (uint64_t)customer);
    size_t yes_count = 0;
    for (size_t i = 0; i < simulation->places; i++) {
        products[i] = simulation->order[i];
        answers[i] = simulate_answer_draw(&rng, truth->chances[products[i]], truth->has_left);
        yes_count += answers[i] == BANK_ANSWER_INTERESTED;
    }
    simulation->yes_count += yes_count;
    simulation->any_yes_count += yes_count > 0;
}

/* What each arm of the second round makes of the answers. */
static void score_second(struct simulation *simulation, const struct simulate_customer *truth,
                         const int *products, const enum bank_answer *answers)
{
    const struct second *learnt = model_second(simulation->model);
    float weights[LX_PRODUCT_MAX] = {0};
    double **second = simulation->second;
    size_t places = simulation->places;
    second_score(learnt, simulation->log_odds, simulation->is_held, weights,
                 simulation->second_scratch, second[SIMULATE_SECOND_MASKED]);
    for (size_t i = 0; i < places; i++)
        weights[products[i]] = (float)second_answer_weight(answers[i], 0);
    second_score(learnt, simulation->log_odds, simulation->is_held, weights,
                 simulation->second_scratch, second[SIMULATE_SECOND_WITH]);
    if (simulation->oracle == NULL) return;
    simulate_oracle_chances(simulation->oracle, truth, products, answers, places,
                            second[SIMULATE_SECOND_BAYES]);
    simulate_oracle_chances(simulation->oracle, truth, NULL, NULL, 0,
                            second[SIMULATE_SECOND_BAYES_MASKED]);
}

static void second_round(struct simulation *simulation, const struct simulate_customer *truth,
                         int64_t customer, size_t count, struct case_sums *sums)
{
    int products[SIMULATE_PLACES_MAX];
    enum bank_answer answers[SIMULATE_PLACES_MAX];
    size_t places = simulation->places;
    choose(simulation->order, 0, count, places, simulation->log_odds);
    ask(simulation, truth, customer, products, answers);
    score_second(simulation, truth, products, answers);
    for (size_t i = 0; i < SIMULATE_SECOND_COUNT; i++) {
        const double *scores = i == SIMULATE_SECOND_BEST ? truth->chances : simulation->second[i];
        choose(simulation->order, places, count, places, scores);
        sums->sums[SUM_SECOND + i] = chance_of(simulation, truth->chances, places);
    }
}

static enum lx_err play(struct simulation *simulation, const struct simulate_customer *truth,
                        int64_t customer)
{
    size_t count = 0, products = simulation->catalogue->count, places = simulation->places;
    for (size_t i = 0; i < products; i++)
        if (may_offer(simulation, customer, (int)i)) simulation->order[count++] = (uint16_t)i;
    if (count < 2 * places) return LX_OK;
    enum lx_err code = lx_grow(&simulation->cases, &simulation->case_capacity,
                               simulation->case_count + 1, CUSTOMERS_MAX, sizeof(struct case_sums));
    if (code != LX_OK) return lx_fail(simulation->err, code, "simulate: out of memory");

    struct case_sums *sums = &simulation->cases[simulation->case_count++];
    simulation->candidate_count += count;
    score_customer(simulation, customer);
    struct view_facts facts;
    view_snapshot_facts(simulation->snapshot, customer, &facts);
    for (size_t i = 0; i < products; i++) simulation->is_held[i] = view_holds(&facts, (int)i);
    const double *first[SIMULATE_FIRST_COUNT] = {simulation->log_odds, simulation->popularity,
                                                 simulation->random, truth->chances};
    for (size_t i = 0; i < SIMULATE_FIRST_COUNT; i++) {
        choose(simulation->order, 0, count, places, first[i]);
        sums->sums[SUM_FIRST + i] = chance_of(simulation, truth->chances, 0);
    }
    second_round(simulation, truth, customer, count, sums);
    return LX_OK;
}

static enum lx_err play_all(struct simulation *simulation, const char *folder)
{
    const struct simulate_customer *truth = NULL;
    size_t products = simulation->catalogue->count;
    enum lx_err code =
        simulate_truth_open(folder, simulation->catalogue, &simulation->truth, simulation->err);
    if (code != LX_OK) return code;
    const struct simulate_taste *taste = simulate_truth_taste(simulation->truth);
    if (taste != NULL)
        code =
            simulate_oracle_open(taste, simulate_truth_bounds(simulation->truth), products,
                                 simulation->options->seed, &simulation->oracle, simulation->err);
    while (code == LX_OK) {
        int64_t customer = 0;
        code = simulate_truth_next(simulation->truth, &truth, simulation->err);
        if (code != LX_OK || truth == NULL) break;
        /* Some of the dirt's victims never got into the bank. */
        if (view_snapshot_find(simulation->snapshot, truth->id, &customer, NULL) == LX_OK)
            code = play(simulation, truth, customer);
    }
    return code;
}

/* SOURCE/truth of the newest batch that has one. */
static enum lx_err find_truth(struct bank *bank, char path[LX_PATH_MAX], struct lx_error *err)
{
    char file[LX_PATH_MAX], source[LX_PATH_MAX] = "none";
    struct store_statement *statement = NULL;
    bool has_row = true, is_found = false;
    enum lx_err code = store_prepare(
        bank_store(bank), "SELECT source FROM batch ORDER BY batch DESC", &statement, err);
    while (code == LX_OK && !is_found) {
        code = store_step(statement, &has_row, err);
        if (code != LX_OK || !has_row) break;
        snprintf(source, sizeof source, "%s", store_text(statement, 0, NULL));
        code = host_join(path, source, "truth", err);
        if (code == LX_OK) code = host_join(file, path, "acceptance.csv", err);
        is_found = code == LX_OK && host_exists(file);
    }
    store_finalize(statement);
    if (code == LX_OK && !is_found)
        code = lx_fail(err, LX_ERR_NOT_FOUND,
                       "%s: no truth/acceptance.csv beside the files that were imported (%s): this "
                       "is no synthetic bank, or run from the folder in which it was imported",
                       bank_folder(bank), source);
    return code;
}

/* What the intervals are of: a linear figure of the sums, or a quotient of two. */
struct figure {
    const struct simulation *simulation;
    double over[SUM_COUNT], under[SUM_COUNT]; /* under all 0: places of a round */
    double places;
};

static double evaluate_figure(void *context, const uint32_t *units, size_t count)
{
    const struct figure *figure = context;
    double over = 0, under = 0;
    for (size_t i = 0; i < count; i++) {
        const struct case_sums *sums = &figure->simulation->cases[units[i]];
        for (size_t j = 0; j < SUM_COUNT; j++) {
            over += figure->over[j] * (double)sums->sums[j];
            under += figure->under[j] * (double)sums->sums[j];
        }
    }
    double divisor = figure->places > 0 ? figure->places * (double)count : under;
    return divisor > 0 ? over / divisor : NAN;
}

static enum lx_err interval_of(struct figure *figure, struct metric_interval *ret_interval)
{
    const struct simulate_options *options = figure->simulation->options;
    int resamples = options->resamples > 0 ? options->resamples : SIMULATE_RESAMPLES;
    return metric_bootstrap(figure->simulation->case_count, resamples, options->seed,
                            evaluate_figure, figure, ret_interval);
}

/* The mean over `rounds` rounds of one or two sums. */
static enum lx_err mean_of(const struct simulation *simulation, int sum, int other_sum,
                           struct metric_interval *ret_interval)
{
    struct figure figure = {.simulation = simulation,
                            .places = (double)simulation->places * (other_sum >= 0 ? 2 : 1)};
    figure.over[sum] = 1;
    if (other_sum >= 0) figure.over[other_sum] = 1;
    return interval_of(&figure, ret_interval);
}

/* (a - minus) / (b - minus); minus < 0: a / b. */
static enum lx_err quotient_of(const struct simulation *simulation, int a, int b, int minus,
                               struct metric_interval *ret_interval)
{
    struct figure figure = {.simulation = simulation};
    figure.over[a] = 1;
    figure.under[b] = 1;
    if (minus >= 0) {
        figure.over[minus] -= 1;
        figure.under[minus] -= 1;
    }
    return interval_of(&figure, ret_interval);
}

/* Both rounds with answers over one list of 2k. */
static enum lx_err total_ratio(const struct simulation *simulation,
                               struct metric_interval *ret_interval)
{
    struct figure figure = {.simulation = simulation};
    figure.over[SUM_FIRST + SIMULATE_FIRST_MODEL] = 1;
    figure.under[SUM_FIRST + SIMULATE_FIRST_MODEL] = 1;
    figure.over[SUM_SECOND + SIMULATE_SECOND_WITH] = 1;
    figure.under[SUM_SECOND + SIMULATE_SECOND_WITHOUT] = 1;
    return interval_of(&figure, ret_interval);
}

static enum lx_err fill_ratios(const struct simulation *simulation, struct simulate_result *result)
{
    const int with = SUM_SECOND + SIMULATE_SECOND_WITH,
              without = SUM_SECOND + SIMULATE_SECOND_WITHOUT;
    const int masked = SUM_SECOND + SIMULATE_SECOND_MASKED,
              best = SUM_SECOND + SIMULATE_SECOND_BEST;
    const int bayes = SUM_SECOND + SIMULATE_SECOND_BAYES;
    const int bayes_masked = SUM_SECOND + SIMULATE_SECOND_BAYES_MASKED;
    const struct {
        struct metric_interval *value;
        int a, b, minus;
    } ratios[] = {
        {&result->captured, with, best, without},
        {&result->captured_of_bayes, with, bayes, without},
        {&result->with_over_without, with, without, -1},
        {&result->with_over_masked, with, masked, -1},
        {&result->bayes_over_without, bayes, without, -1},
        {&result->bayes_over_masked, bayes, bayes_masked, -1},
        {&result->best_over_without, best, without, -1},
    };
    enum lx_err code = LX_OK;
    for (size_t i = 0; i < LX_COUNT_OF(ratios) && code == LX_OK; i++)
        code = quotient_of(simulation, ratios[i].a, ratios[i].b, ratios[i].minus, ratios[i].value);
    return code;
}

/* Who knows how customers are made plays only where the truth says it. */
static void forget_bayes(struct simulate_result *result)
{
    struct metric_interval *values[] = {
        &result->second[SIMULATE_SECOND_BAYES], &result->second[SIMULATE_SECOND_BAYES_MASKED],
        &result->captured_of_bayes, &result->bayes_over_without, &result->bayes_over_masked};
    for (size_t i = 0; i < LX_COUNT_OF(values); i++)
        *values[i] = (struct metric_interval){NAN, NAN, NAN};
}

static enum lx_err fill_result(const struct simulation *simulation, struct simulate_result *result)
{
    const struct simulate_taste *taste = simulate_truth_taste(simulation->truth);
    const int first = SUM_FIRST + SIMULATE_FIRST_MODEL;
    enum lx_err code = LX_OK;
    for (int i = 0; code == LX_OK && i < SIMULATE_FIRST_COUNT; i++)
        code = mean_of(simulation, SUM_FIRST + i, -1, &result->first[i]);
    for (int i = 0; code == LX_OK && i < SIMULATE_SECOND_COUNT; i++)
        code = mean_of(simulation, SUM_SECOND + i, -1, &result->second[i]);
    if (code == LX_OK) code = fill_ratios(simulation, result);
    if (code == LX_OK)
        code = mean_of(simulation, first, SUM_SECOND + SIMULATE_SECOND_WITH, &result->total);
    if (code == LX_OK)
        code = mean_of(simulation, first, SUM_SECOND + SIMULATE_SECOND_WITHOUT,
                       &result->total_without);
    if (code == LX_OK) code = total_ratio(simulation, &result->total_ratio);
    result->customers = simulation->case_count;
    result->places = (int)simulation->places;
    result->has_bayes = taste != NULL;
    if (taste == NULL) forget_bayes(result);
    result->taste = taste != NULL ? taste->strength : NAN;
    result->said_yes = (double)simulation->yes_count /
                       ((double)simulation->case_count * (double)simulation->places);
    result->candidates = (double)simulation->candidate_count / (double)simulation->case_count;
    result->any_yes = (double)simulation->any_yes_count / (double)simulation->case_count;
    memcpy(result->model, model_id(simulation->model), sizeof result->model);
    return code == LX_OK ? LX_OK : lx_fail(simulation->err, code, "simulate: out of memory");
}

enum lx_err simulate(const char *folder, const struct simulate_options *options,
                     const struct lx_env *env, struct simulate_result *ret_result,
                     struct lx_error *err)
{
    LX_ASSERT(options->places >= 0 && options->places <= SIMULATE_PLACES_MAX);

    int64_t begin_ns = env->elapsed_ns(env->context);
    struct simulate_result result = {.places = 0};
    char truth[LX_PATH_MAX];
    struct simulation simulation = {.options = options, .err = err};
    simulation.places = options->places > 0 ? (size_t)options->places : PLACES_DEFAULT;
    enum lx_err code = bank_open(folder, STORE_READ, &simulation.bank, err);
    if (code == LX_OK) simulation.catalogue = bank_catalogue(simulation.bank);
    if (code == LX_OK) code = view_snapshot_open(folder, &simulation.snapshot, err);
    if (code == LX_OK)
        code = model_open(folder, NULL, view_snapshot_features(simulation.snapshot),
                          &simulation.model, err);
    if (code == LX_OK && model_second(simulation.model) == NULL)
        code =
            lx_fail(err, LX_ERR_NOT_READY, "model %s: it has no second round: run `lingxi train`",
                    model_id(simulation.model));
    if (code == LX_OK) code = make_room(&simulation);
    if (code == LX_OK && options->truth == NULL) code = find_truth(simulation.bank, truth, err);
    const char *folder_of_truth = options->truth != NULL ? options->truth : truth;
    if (code == LX_OK) code = play_all(&simulation, folder_of_truth);
    if (code == LX_OK && simulation.case_count == 0)
        code = lx_fail(err, LX_ERR_NOT_READY, "simulate: no customer may be offered %zu products",
                       2 * simulation.places);
    if (code == LX_OK) code = fill_result(&simulation, &result);
    simulation_release(&simulation);
    if (code != LX_OK) return code;
    result.seconds = (double)(env->elapsed_ns(env->context) - begin_ns) / 1e9;
    *ret_result = result;
    return LX_OK;
}
