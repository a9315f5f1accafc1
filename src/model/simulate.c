#include "model/simulate.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "codec/csv.h"
#include "codec/field.h"
#include "codec/ini.h"
#include "host/file.h"
#include "model/rounds.h"
#include "view/snapshot.h"

enum { PLACES_DEFAULT = 5, CUSTOMERS_MAX = 1 << 28 };

const char *simulate_policy_name(enum simulate_policy policy)
{
    static const char *const names[] = {
#define X(name, text) text,
        SIMULATE_POLICY_MAP(X)
#undef X
    };
    LX_ASSERT((size_t)policy < SIMULATE_POLICY_COUNT);
    return names[policy];
}

/* What is measured of a customer: sums of true chances over the places of a round. */
enum {
    SUM_FIRST,
    SUM_SECOND = SUM_FIRST + SIMULATE_POLICY_COUNT,
    SUM_WITHOUT = SUM_SECOND + SIMULATE_POLICY_COUNT,
    SUM_COUNT
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
    struct rounds_kernel kernel;
    const struct bank_catalogue *catalogue;
    int *columns;   /* product of each column of the truth, -1: none */
    double channel; /* what the relationship manager's voice adds to the logit of a yes */
    void *scratch;
    float *customer_values, *pair_values, *rows;
    double *log_odds, *posterior, *truth, *popularity, *random;
    uint16_t *order;         /* products that may be offered, best first */
    struct case_sums *cases; /* by customer that took part */
    size_t case_count, case_capacity;
    uint64_t yes_count;
    struct lx_error *err;
};

static enum lx_err read_channel(struct simulation *simulation, const char *truth)
{
    char path[LX_PATH_MAX];
    struct lx_buffer text;
    struct ini ini = {0};
    lx_buffer_init(&text, LX_CONFIG_MAX);
    enum lx_err code = host_join(path, truth, "parameters.ini", simulation->err);
    if (code == LX_OK) code = host_read_file(path, &text, simulation->err);
    if (code == LX_OK)
        code = ini_read(path, lx_buffer_text(&text), text.length, &ini, simulation->err);
    if (code == LX_OK) {
        const char *value = ini_get(&ini, "channel", "rm");
        if (value == NULL || field_real(value, strlen(value), &simulation->channel, NULL) != LX_OK)
            code =
                lx_fail(simulation->err, LX_ERR_BAD_INPUT, "%s: [channel] rm is no number", path);
    }
    ini_release(&ini);
    lx_buffer_release(&text);
    return code;
}

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
    simulation->columns = lx_calloc(products + 1, sizeof *simulation->columns);
    simulation->order = lx_calloc(products, sizeof *simulation->order);
    double **lists[] = {&simulation->log_odds, &simulation->posterior, &simulation->truth,
                        &simulation->popularity, &simulation->random};
    bool is_ready = simulation->scratch != NULL && simulation->customer_values != NULL &&
                    simulation->pair_values != NULL && simulation->rows != NULL &&
                    simulation->columns != NULL && simulation->order != NULL;
    for (size_t i = 0; i < LX_COUNT_OF(lists); i++) {
        *lists[i] = lx_calloc(products, sizeof **lists[i]);
        is_ready = is_ready && *lists[i] != NULL;
    }
    if (!is_ready) return lx_fail(simulation->err, LX_ERR_NO_MEMORY, "simulate: out of memory");
    return view_scratch_open(features, simulation->catalogue, &simulation->view_scratch,
                             simulation->err);
}

static void simulation_release(struct simulation *simulation)
{
    rounds_kernel_release(&simulation->kernel);
    model_close(simulation->model);
    view_scratch_close(simulation->view_scratch);
    if (simulation->snapshot != NULL) view_snapshot_close(simulation->snapshot);
    if (simulation->bank != NULL) bank_close(simulation->bank);
    lx_free(simulation->columns);
    lx_free(simulation->scratch);
    lx_free(simulation->customer_values);
    lx_free(simulation->pair_values);
    lx_free(simulation->rows);
    lx_free(simulation->log_odds);
    lx_free(simulation->posterior);
    lx_free(simulation->truth);
    lx_free(simulation->popularity);
    lx_free(simulation->random);
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

static float chance_of(const struct simulation *simulation, size_t first, size_t places)
{
    double sum = 0;
    for (size_t i = first; i < first + places; i++) sum += simulation->truth[simulation->order[i]];
    return (float)sum;
}

static enum bank_answer draw_answer(struct lx_rng *rng, double chance)
{
    if (lx_rng_chance(rng, chance)) return BANK_ANSWER_INTERESTED;
    return lx_rng_chance(rng, 0.8) ? BANK_ANSWER_NOT_INTERESTED : BANK_ANSWER_IGNORED;
}

static void second_round(struct simulation *simulation, int64_t customer, size_t count,
                         struct case_sums *sums)
{
    size_t places = simulation->places;
    struct rounds_answer answers[SIMULATE_PLACES_MAX];
    struct lx_rng rng = lx_rng_of(simulation->options->seed ^ UINT64_MAX, (uint64_t)customer);
    const double *second[SIMULATE_POLICY_COUNT] = {simulation->posterior, simulation->popularity,
                                                   simulation->random, simulation->truth};
    choose(simulation->order, 0, count, places, simulation->log_odds);
    for (size_t i = 0; i < places; i++) {
        int product = simulation->order[i];
        answers[i] = (struct rounds_answer){product, draw_answer(&rng, simulation->truth[product])};
        simulation->yes_count += answers[i].answer == BANK_ANSWER_INTERESTED;
    }
    rounds_update(&simulation->kernel, simulation->log_odds, answers, places,
                  simulation->posterior);
    choose(simulation->order, places, count, places, simulation->log_odds);
    sums->sums[SUM_WITHOUT] = chance_of(simulation, places, places);
    for (size_t i = 0; i < SIMULATE_POLICY_COUNT; i++) {
        choose(simulation->order, places, count, places, second[i]);
        sums->sums[SUM_SECOND + i] = chance_of(simulation, places, places);
    }
}

static enum lx_err play(struct simulation *simulation, int64_t customer)
{
    size_t count = 0, products = simulation->catalogue->count, places = simulation->places;
    for (size_t i = 0; i < products; i++)
        if (may_offer(simulation, customer, (int)i)) simulation->order[count++] = (uint16_t)i;
    if (count < 2 * places) return LX_OK;
    enum lx_err code = lx_grow(&simulation->cases, &simulation->case_capacity,
                               simulation->case_count + 1, CUSTOMERS_MAX, sizeof(struct case_sums));
    if (code != LX_OK) return lx_fail(simulation->err, code, "simulate: out of memory");

    struct case_sums *sums = &simulation->cases[simulation->case_count++];
    score_customer(simulation, customer);
    const double *first[SIMULATE_POLICY_COUNT] = {simulation->log_odds, simulation->popularity,
                                                  simulation->random, simulation->truth};
    for (size_t i = 0; i < SIMULATE_POLICY_COUNT; i++) {
        choose(simulation->order, 0, count, places, first[i]);
        sums->sums[SUM_FIRST + i] = chance_of(simulation, 0, places);
    }
    second_round(simulation, customer, count, sums);
    return LX_OK;
}

static enum lx_err read_header(struct simulation *simulation, const struct csv_row *row,
                               const char *path)
{
    size_t products = simulation->catalogue->count;
    if (row == NULL || row->count < 2 || row->count > products + 1)
        return lx_fail(simulation->err, LX_ERR_BAD_INPUT,
                       "%s:1: not a customer and %zu products of the catalogue", path, products);
    for (size_t i = 1; i < row->count; i++) {
        simulation->columns[i - 1] =
            bank_catalogue_find(simulation->catalogue, row->fields[i].text, row->fields[i].length);
        if (simulation->columns[i - 1] == BANK_NO_PRODUCT)
            return lx_fail(simulation->err, LX_ERR_BAD_INPUT,
                           "%s:1: product %.*s is not in the catalogue", path,
                           (int)row->fields[i].length, row->fields[i].text);
    }
    return LX_OK;
}

/* Parts per million to the chance when the relationship manager asks; 0 stays 0. */
static double chance_by_manager(const struct simulation *simulation, int64_t ppm)
{
    double chance = (double)ppm / 1e6;
    if (ppm <= 0 || ppm >= 1000000) return chance;
    return model_probability(log(chance / (1 - chance)) + simulation->channel);
}

static enum lx_err read_truth(struct simulation *simulation, const struct csv_row *row,
                              size_t column_count, const char *path)
{
    bool is_bad = row->problem != CSV_PROBLEM_NONE || row->count != column_count;
    memset(simulation->truth, 0, simulation->catalogue->count * sizeof *simulation->truth);
    for (size_t i = 1; !is_bad && i < row->count; i++) {
        int64_t ppm = 0;
        is_bad = field_int64(row->fields[i].text, row->fields[i].length, &ppm, NULL) != LX_OK ||
                 ppm < 0 || ppm > 1000000;
        simulation->truth[simulation->columns[i - 1]] = chance_by_manager(simulation, ppm);
    }
    if (!is_bad) return LX_OK;
    return lx_fail(simulation->err, LX_ERR_BAD_INPUT,
                   "%s:%llu: not a customer and %zu chances in ppm", path,
                   (unsigned long long)row->line, column_count - 1);
}

static enum lx_err play_row(struct simulation *simulation, const struct csv_row *row,
                            size_t column_count, const char *path)
{
    char id[LX_ID_MAX + 1];
    int64_t customer = 0;
    enum lx_err code = read_truth(simulation, row, column_count, path);
    if (code != LX_OK) return code;
    if (row->fields[0].length > LX_ID_MAX) return LX_OK;
    memcpy(id, row->fields[0].text, row->fields[0].length);
    id[row->fields[0].length] = '\0';
    /* Some of the dirt's victims never got into the bank. */
    if (view_snapshot_find(simulation->snapshot, id, &customer, NULL) != LX_OK) return LX_OK;
    return play(simulation, customer);
}

static enum lx_err read_bytes(void *context, void *bytes, size_t size, size_t *ret_length,
                              struct lx_error *err)
{
    return host_read(context, bytes, size, ret_length, err);
}

static enum lx_err play_file(struct simulation *simulation, const char *truth)
{
    static const struct csv_format format = {.delimiter = ",", .quote = '"'};
    char path[LX_PATH_MAX];
    struct host_file *file = NULL;
    struct csv_reader *reader = NULL;
    const struct csv_row *row = NULL;
    size_t column_count = 0;
    enum lx_err code = host_join(path, truth, "acceptance.csv", simulation->err);
    if (code == LX_OK) code = host_open(path, HOST_READ, &file, simulation->err);
    if (code == LX_OK)
        code = csv_reader_open(&format, (struct csv_source){file, read_bytes}, &reader,
                               simulation->err);
    if (code == LX_OK) code = csv_next(reader, &row, simulation->err);
    if (code == LX_OK) code = read_header(simulation, row, path);
    if (code == LX_OK) column_count = row->count;
    while (code == LX_OK) {
        code = csv_next(reader, &row, simulation->err);
        if (code != LX_OK || row == NULL) break;
        code = play_row(simulation, row, column_count, path);
    }
    if (reader != NULL) csv_reader_close(reader);
    host_close(file);
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

static enum lx_err fill_result(const struct simulation *simulation, struct simulate_result *result)
{
    enum lx_err code = LX_OK;
    for (int i = 0; code == LX_OK && i < SIMULATE_POLICY_COUNT; i++) {
        code = mean_of(simulation, SUM_FIRST + i, -1, &result->first[i]);
        if (code == LX_OK) code = mean_of(simulation, SUM_SECOND + i, -1, &result->second[i]);
    }
    const int with = SUM_SECOND + SIMULATE_MODEL, best = SUM_SECOND + SIMULATE_BEST;
    const int first = SUM_FIRST + SIMULATE_MODEL;
    if (code == LX_OK) code = mean_of(simulation, SUM_WITHOUT, -1, &result->second_without);
    if (code == LX_OK) code = mean_of(simulation, first, with, &result->total);
    if (code == LX_OK) code = mean_of(simulation, first, SUM_WITHOUT, &result->total_without);
    if (code == LX_OK) code = quotient_of(simulation, with, best, SUM_WITHOUT, &result->captured);
    if (code == LX_OK) code = quotient_of(simulation, with, SUM_WITHOUT, -1, &result->ratio);
    result->customers = simulation->case_count;
    result->places = (int)simulation->places;
    result->said_yes = (double)simulation->yes_count /
                       ((double)simulation->case_count * (double)simulation->places);
    memcpy(result->model, model_id(simulation->model), sizeof result->model);
    return code == LX_OK ? LX_OK : lx_fail(simulation->err, code, "simulate: out of memory");
}

enum lx_err simulate(const char *folder, const struct simulate_options *options,
                     const struct lx_env *env, struct simulate_result *ret_result,
                     struct lx_error *err)
{
    LX_ASSERT(options->places >= 0 && options->places <= SIMULATE_PLACES_MAX);

    int64_t begin_ns = env->elapsed_ns(env->context);
    struct simulate_result result = {{0}};
    char truth[LX_PATH_MAX];
    struct simulation simulation = {.options = options, .err = err};
    simulation.places = options->places > 0 ? (size_t)options->places : PLACES_DEFAULT;
    enum lx_err code = bank_open(folder, STORE_READ, &simulation.bank, err);
    if (code == LX_OK) simulation.catalogue = bank_catalogue(simulation.bank);
    if (code == LX_OK) code = view_snapshot_open(folder, &simulation.snapshot, err);
    if (code == LX_OK)
        code = model_open(folder, NULL, view_snapshot_features(simulation.snapshot),
                          &simulation.model, err);
    if (code == LX_OK)
        code = rounds_kernel_init(simulation.catalogue, view_snapshot_peers(simulation.snapshot),
                                  &simulation.kernel, err);
    if (code == LX_OK) code = make_room(&simulation);
    if (code == LX_OK && options->truth == NULL) code = find_truth(simulation.bank, truth, err);
    const char *folder_of_truth = options->truth != NULL ? options->truth : truth;
    if (code == LX_OK) code = read_channel(&simulation, folder_of_truth);
    if (code == LX_OK) code = play_file(&simulation, folder_of_truth);
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
