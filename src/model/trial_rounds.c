/*
 * zimnat_rounds, coil2000_rounds: what are answers worth? All holdings of a customer are hidden;
 * the k likeliest products are asked, he answers truthfully, and k more are chosen: without the
 * answers the next ones of the first list, with them the best of a second ranking. The oracle ranks
 * what is left perfectly. Both ways share the first k places: they differ by the answers alone.
 *
 * Ours: a classifier for each product gives the first list, the learner of second_round the second.
 * The plain tool: XGBoost for each product, and once more for each product and k among those who
 * were not asked about it, with the answers as columns. No model: products by their share.
 *
 * Beside them stands a ranking that no policy can have: each product by the same learner, told all
 * the customer's other holdings, asked or not. It says about how much there is to be known.
 */
#include "model/trial_kind.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "learn/calibration.h"
#include "learn/ensemble.h"
#include "learn/relations.h"
#include "learn/second_round.h"

enum { PRODUCTS_MAX = 64, HOLDERS_MIN = 10, PLAIN_MEMBERS = 3 };

/* The lengths that are tried, and for each the ways to go on from the first list. */
static const int lengths[] = {3, 5};
enum { WITHOUT, WITH, TOLD, WAYS };
enum { LENGTHS = LX_COUNT_OF(lengths), ARMS = WAYS * LENGTHS };
static const char *const arms[ARMS] = {"k3_without", "k3_with", "k3_told",
                                       "k5_without", "k5_with", "k5_told"};

/* What differs from one data set to the other. */
struct source {
    const char *what;
    enum lx_err (*find)(const struct trial_data *data, size_t *ret_first, size_t *ret_end,
                        struct lx_error *err); /* the products' columns */
    bool (*is_profile)(const char *name, size_t position);
    size_t (*extra_count)(enum trial_style style);
    void (*fill_extra)(const void *context, const struct trial_data *data, size_t row,
                       float *ret_values);
};

struct products {
    const struct trial_column *columns[PRODUCTS_MAX];
    size_t count;
};

static bool is_held(const struct products *products, size_t product, size_t row)
{
    const struct trial_column *column = products->columns[product];
    double number = trial_number(column, row);
    return (isnan(number) ? trial_label_order(trial_text(column, row)) : number) > 0;
}

/* ---- The data sets ---- */

static enum lx_err zimnat_find(const struct trial_data *data, size_t *ret_first, size_t *ret_end,
                               struct lx_error *err)
{
    const struct trial_table *table = &data->tables[0];
    const struct trial_column *last;
    enum lx_err code = trial_table_column(table, "occupation_category_code", &last, err);
    if (code != LX_OK) return code;
    *ret_first = (size_t)(last - table->columns) + 1;
    *ret_end = table->column_count;
    return LX_OK;
}

static bool zimnat_is_profile(const char *name, size_t position)
{
    (void)position;
    return strcmp(name, "ID") != 0 && strcmp(name, "join_date") != 0;
}

static size_t zimnat_extra_count(enum trial_style style)
{
    return style == TRIAL_OURS ? TRIAL_ZIMNAT_DATES : TRIAL_ZIMNAT_DATES_PLAIN;
}

static void zimnat_fill_extra(const void *context, const struct trial_data *data, size_t row,
                              float *ret_values)
{
    const enum trial_style *style = context;
    trial_zimnat_dates(data, *style, row, ret_values);
}

enum { COIL_NEIGHBOURHOOD = 43, COIL_POLICIES = 21 };

/* By the first name: the source's own spelling of the others is not to be relied on. */
static enum lx_err coil_find(const struct trial_data *data, size_t *ret_first, size_t *ret_end,
                             struct lx_error *err)
{
    const struct trial_table *table = &data->tables[0];
    const struct trial_column *first;
    enum lx_err code = trial_table_column(table, "AWAPART", &first, err);
    if (code != LX_OK) return code;
    *ret_first = (size_t)(first - table->columns);
    *ret_end = *ret_first + COIL_POLICIES;
    if (*ret_first < COIL_NEIGHBOURHOOD || *ret_end > table->column_count)
        return lx_fail(err, LX_ERR_BAD_INPUT,
                       "%s: AWAPART is column %zu of %zu; it begins the last 21 but one",
                       table->file, *ret_first + 1, table->column_count);
    return LX_OK;
}

/* The neighbourhood alone: amounts would tell the policies, and CARAVAN is one more. */
static bool coil_is_profile(const char *name, size_t position)
{
    (void)name;
    return position < COIL_NEIGHBOURHOOD;
}

static size_t coil_extra_count(enum trial_style style)
{
    (void)style;
    return 0;
}

static const struct source zimnat = {"zimnat", zimnat_find, zimnat_is_profile, zimnat_extra_count,
                                     zimnat_fill_extra};
static const struct source coil = {"coil2000", coil_find, coil_is_profile, coil_extra_count, NULL};

static const struct source *source_of(const struct trial_data *data)
{
    return data->kind == &trial_zimnat_rounds ? &zimnat : &coil;
}

static enum lx_err find_products(const struct trial_data *data, struct products *ret_products,
                                 struct lx_error *err)
{
    const struct trial_table *table = &data->tables[0];
    size_t first, end;
    enum lx_err code = source_of(data)->find(data, &first, &end, err);
    if (code != LX_OK) return code;
    if (end - first < 2 * (size_t)lengths[LENGTHS - 1] || end - first > PRODUCTS_MAX)
        return lx_fail(err, LX_ERR_BAD_INPUT, "%s: %zu products, %d to %d expected", table->file,
                       end - first, 2 * lengths[LENGTHS - 1], PRODUCTS_MAX);
    ret_products->count = end - first;
    for (size_t i = first; i < end; i++) ret_products->columns[i - first] = &table->columns[i];
    return LX_OK;
}

static enum lx_err check(struct trial_data *data, struct lx_error *err)
{
    struct products products;
    enum lx_err code = find_products(data, &products, err);
    for (size_t p = 0; code == LX_OK && p < products.count; p++)
        for (size_t row = 0; code == LX_OK && row < data->row_count; row++) {
            const struct trial_column *column = products.columns[p];
            if (!isnan(trial_number(column, row)) ||
                !isnan(trial_label_order(trial_text(column, row))))
                continue;
            code = lx_fail(err, LX_ERR_BAD_INPUT, "%s: row %zu: %s \"%.40s\" is no number",
                           data->tables[0].file, row + 1, column->name, trial_text(column, row));
        }
    return code;
}

/* ---- First and second round ---- */

/* One part: customers by rows of the task, products by P. */
struct work {
    const struct trial_task *task;
    const struct source *source;
    struct products train, test; /* the same products in the same order */
    size_t count;                /* of products */
    struct trial_matrices profile;
    uint8_t *train_truth, *test_truth;     /* customer * P */
    float *train_log_odds, *test_log_odds; /* the training ones out of fold */
    double *second[LENGTHS];               /* test customer * P; NaN: asked */
    double *told;                          /* test customer * P; by all other holdings */
    struct lx_error *err;
};

static enum lx_err no_memory(const struct work *work)
{
    return lx_fail(work->err, LX_ERR_NO_MEMORY, "%s: %zu and %zu customers", work->source->what,
                   work->task->train_count, work->task->test_count);
}

static double log_odds_of(double share)
{
    return log(share) - log1p(-share);
}

static enum lx_err calibrate(struct work *work, const float *labels, double *own_margins,
                             double *margins)
{
    const struct trial_task *task = work->task;
    struct calibration calibration;
    uint8_t *flags = lx_calloc(task->train_count, 1);
    if (flags == NULL) return no_memory(work);
    for (size_t i = 0; i < task->train_count; i++) flags[i] = labels[i] > 0;
    enum lx_err code =
        calibration_fit(own_margins, flags, NULL, task->train_count, 0, &calibration, work->err);
    for (size_t i = 0; i < task->train_count && code == LX_OK; i++)
        own_margins[i] = calibration_log_odds(&calibration, own_margins[i]);
    for (size_t i = 0; i < task->test_count && code == LX_OK; i++)
        margins[i] = calibration_log_odds(&calibration, margins[i]);
    lx_free(flags);
    return code;
}

/* The model of one product; the plain tool's margins for training rows come from members that are
 * there for that alone. */
static enum lx_err learn_first(struct work *work, const float *labels, double *own_margins,
                               double *margins)
{
    const struct trial_task *task = work->task;
    bool is_ours = task->style == TRIAL_OURS;
    struct ensemble_params params =
        is_ours ? ensemble_params_default(XGB_BINARY, 0) : ensemble_params_plain(XGB_BINARY, 0);
    struct ensemble *ensemble = NULL, *folded = NULL;
    params.seed = task->seed;
    enum lx_err code = ensemble_fit(&params, &work->profile.train, labels, NULL, NULL, task->env,
                                    &ensemble, is_ours ? own_margins : NULL, work->err);
    if (code == LX_OK && !is_ours) {
        params.member_count = PLAIN_MEMBERS;
        code = ensemble_fit(&params, &work->profile.train, labels, NULL, NULL, task->env, &folded,
                            own_margins, work->err);
    }
    if (code == LX_OK)
        code = ensemble_margins(ensemble, &work->profile.test, task->env->thread_count, margins,
                                work->err);
    if (code == LX_OK && is_ours) code = calibrate(work, labels, own_margins, margins);
    ensemble_close(ensemble);
    ensemble_close(folded);
    return code;
}

static enum lx_err first_round_of(struct work *work, size_t product)
{
    const struct trial_task *task = work->task;
    float *labels = lx_calloc(task->train_count, sizeof *labels);
    double *own_margins = lx_calloc(task->train_count, sizeof *own_margins);
    double *margins = lx_calloc(task->test_count, sizeof *margins), holders = 0;
    enum lx_err code = LX_OK;
    if (labels == NULL || own_margins == NULL || margins == NULL) code = no_memory(work);
    for (size_t i = 0; i < task->train_count && code == LX_OK; i++) {
        labels[i] = work->train_truth[i * work->count + product];
        holders += labels[i] > 0;
    }
    double rest = (double)task->train_count - holders;
    bool is_rare = holders < HOLDERS_MIN || rest < HOLDERS_MIN;
    double prior = log_odds_of((holders + 0.5) / ((double)task->train_count + 1));
    bool has_model = !is_rare && task->style != TRIAL_POPULARITY;
    if (code == LX_OK && has_model) code = learn_first(work, labels, own_margins, margins);
    for (size_t i = 0; i < task->train_count && code == LX_OK; i++)
        work->train_log_odds[i * work->count + product] =
            (float)(has_model ? own_margins[i] : prior);
    for (size_t i = 0; i < task->test_count && code == LX_OK; i++)
        work->test_log_odds[i * work->count + product] = (float)(has_model ? margins[i] : prior);
    lx_free(labels);
    lx_free(own_margins);
    lx_free(margins);
    return code;
}

/* Asks the likeliest `length`; the earlier product where two are as likely. */
static void ask(const float *log_odds, const uint8_t *truth, size_t count, int length,
                float *ret_answers)
{
    for (size_t p = 0; p < count; p++) ret_answers[p] = 0;
    for (int i = 0; i < length; i++) {
        size_t best = count;
        for (size_t p = 0; p < count; p++)
            if (ret_answers[p] == 0 && (best == count || log_odds[p] > log_odds[best])) best = p;
        ret_answers[best] = truth[best] ? 1 : -1;
    }
}

/* What is not learnt of stays as it was. */
static void second_round_as_first(struct work *work, size_t length)
{
    size_t count = work->count;
    for (size_t i = 0; i < work->task->test_count; i++) {
        float answers[PRODUCTS_MAX];
        const float *log_odds = work->test_log_odds + i * count;
        ask(log_odds, work->test_truth + i * count, count, lengths[length], answers);
        for (size_t p = 0; p < count; p++)
            work->second[length][i * count + p] = answers[p] == 0 ? (double)log_odds[p] : NAN;
    }
}

/* What the product graph says of each pair, from the training customers: an array of P * P. */
static enum lx_err associate(struct work *work, float **ret_likeness)
{
    size_t count = work->count;
    struct relations_counts counts = {0};
    struct relations relations = {0};
    float *likeness = lx_calloc(count * count, sizeof *likeness);
    enum lx_err code = relations_counts_init(&counts, count, 1);
    for (size_t i = 0; i < work->task->train_count && code == LX_OK; i++) {
        uint16_t held[PRODUCTS_MAX];
        size_t held_count = 0;
        for (size_t p = 0; p < count; p++)
            if (work->train_truth[i * count + p]) held[held_count++] = (uint16_t)p;
        relations_counts_add(&counts, held, held_count, 0);
    }
    if (code == LX_OK) code = relations_make(&counts, &relations);
    if (code != LX_OK || likeness == NULL) {
        lx_free(likeness);
        likeness = NULL;
        code = no_memory(work);
    }
    for (size_t i = 0; i < count * count && code == LX_OK; i++)
        if (i / count != i % count) likeness[i] = (float)relations.pairs[i].association;
    relations_release(&relations);
    relations_counts_release(&counts);
    *ret_likeness = likeness;
    return code;
}

static enum lx_err second_round_ours(struct work *work)
{
    const struct trial_task *task = work->task;
    float *likeness = NULL;
    struct second_round_params params = second_round_params_default();
    struct second_round_data data = {.customer_count = task->train_count,
                                     .product_count = work->count,
                                     .profile = &work->profile.train,
                                     .log_odds = work->train_log_odds,
                                     .truth = work->train_truth};
    struct second_round *model = NULL;
    void *scratch = NULL;
    params.seed = task->seed;
    enum lx_err code = associate(work, &likeness);
    data.likeness = likeness;
    if (code == LX_OK) code = second_round_fit(&params, &data, task->env, &model, work->err);
    if (code == LX_OK) {
        scratch = lx_malloc(second_round_scratch_bytes(model));
        if (scratch == NULL) code = no_memory(work);
    }
    for (size_t length = 0; length < LENGTHS && code == LX_OK; length++)
        for (size_t i = 0; i < task->test_count; i++) {
            float answers[PRODUCTS_MAX];
            const float *log_odds = work->test_log_odds + i * work->count;
            ask(log_odds, work->test_truth + i * work->count, work->count, lengths[length],
                answers);
            second_round_score(model, matrix_row(&work->profile.test, i), log_odds, answers,
                               scratch, work->second[length] + i * work->count);
        }
    lx_free(likeness);
    lx_free(scratch);
    second_round_close(model);
    return code;
}

/* ---- The plain tool's second round ---- */

/* The profile, then the answers: 1, 0, or missing where nothing was asked. */
static enum lx_err plain_row(const struct work *work, const struct matrix *profile, size_t row,
                             const float *answers, struct matrix *matrix)
{
    float *values;
    enum lx_err code = matrix_add_row(matrix, &values);
    if (code != LX_OK) return code;
    memcpy(values, matrix_row(profile, row), profile->column_count * sizeof *values);
    for (size_t p = 0; p < work->count; p++)
        values[profile->column_count + p] = answers[p] == 0 ? NAN : answers[p] > 0 ? 1 : 0;
    return LX_OK;
}

/* Rows of those who were not asked about the product, who they are, and what is true of them. */
static enum lx_err plain_rows(const struct work *work, size_t length, size_t product, bool is_train,
                              struct matrix *ret_matrix, uint32_t *ret_rows, float *ret_labels)
{
    const struct matrix *profile = is_train ? &work->profile.train : &work->profile.test;
    const float *log_odds = is_train ? work->train_log_odds : work->test_log_odds;
    const uint8_t *truth = is_train ? work->train_truth : work->test_truth;
    enum lx_err code = matrix_init(ret_matrix, profile->column_count + work->count);
    for (size_t i = 0; i < profile->row_count && code == LX_OK; i++) {
        float answers[PRODUCTS_MAX];
        ask(log_odds + i * work->count, truth + i * work->count, work->count, lengths[length],
            answers);
        if (answers[product] != 0) continue;
        size_t at = ret_matrix->row_count;
        ret_rows[at] = (uint32_t)i;
        if (ret_labels != NULL) ret_labels[at] = truth[i * work->count + product];
        code = plain_row(work, profile, i, answers, ret_matrix);
    }
    return code == LX_OK ? LX_OK : no_memory(work);
}

static enum lx_err plain_product(struct work *work, size_t length, size_t product)
{
    const struct trial_task *task = work->task;
    struct matrix train = {0}, test = {0};
    float *labels = lx_calloc(task->train_count, sizeof *labels), holders = 0;
    uint32_t *train_rows = lx_calloc(task->train_count, sizeof *train_rows);
    uint32_t *test_rows = lx_calloc(task->test_count, sizeof *test_rows);
    double *margins = lx_calloc(task->test_count, sizeof *margins);
    struct ensemble_params params = ensemble_params_plain(XGB_BINARY, 0);
    struct ensemble *ensemble = NULL;
    enum lx_err code = LX_OK;
    if (labels == NULL || train_rows == NULL || test_rows == NULL || margins == NULL)
        code = no_memory(work);
    if (code == LX_OK) code = plain_rows(work, length, product, true, &train, train_rows, labels);
    if (code == LX_OK) code = plain_rows(work, length, product, false, &test, test_rows, NULL);
    for (size_t i = 0; i < train.row_count && code == LX_OK; i++) holders += labels[i];
    bool has_model = holders >= HOLDERS_MIN && (float)train.row_count - holders >= HOLDERS_MIN;
    params.seed = task->seed;
    if (code == LX_OK && has_model && test.row_count > 0) {
        code = ensemble_fit(&params, &train, labels, NULL, NULL, task->env, &ensemble, NULL,
                            work->err);
        if (code == LX_OK)
            code = ensemble_margins(ensemble, &test, task->env->thread_count, margins, work->err);
        for (size_t i = 0; i < test.row_count && code == LX_OK; i++)
            work->second[length][test_rows[i] * work->count + product] = margins[i];
    }
    ensemble_close(ensemble);
    matrix_release(&train);
    matrix_release(&test);
    lx_free(labels);
    lx_free(train_rows);
    lx_free(test_rows);
    lx_free(margins);
    return code;
}

static enum lx_err second_round(struct work *work)
{
    if (work->task->style == TRIAL_OURS) return second_round_ours(work);
    enum lx_err code = LX_OK;
    for (size_t length = 0; length < LENGTHS && code == LX_OK; length++) {
        second_round_as_first(work, length);
        if (work->task->style == TRIAL_POPULARITY) continue;
        for (size_t p = 0; p < work->count && code == LX_OK; p++)
            code = plain_product(work, length, p);
    }
    return code;
}

/* ---- Told all the rest ---- */

/* The same learner, but of lists that ask for all products but one, which chance leaves out. */
static enum lx_err learn_told(struct work *work, struct second_round **ret_model)
{
    const struct trial_task *task = work->task;
    struct second_round_params params = second_round_params_default();
    struct second_round_data data = {.customer_count = task->train_count,
                                     .product_count = work->count,
                                     .log_odds = work->train_log_odds,
                                     .truth = work->train_truth};
    float *likeness = NULL;
    params.lengths[0] = (int)work->count - 1;
    params.lengths[1] = 0;
    params.variants = (int)work->count;
    params.spread = 1000; /* beside which no log-odds count */
    params.seed = task->seed;
    enum lx_err code = associate(work, &likeness);
    data.likeness = likeness;
    if (code == LX_OK) code = second_round_fit(&params, &data, task->env, ret_model, work->err);
    lx_free(likeness);
    return code;
}

static void score_told(struct work *work, const struct second_round *model, void *scratch)
{
    size_t count = work->count;
    for (size_t i = 0; i < work->task->test_count; i++) {
        float answers[PRODUCTS_MAX];
        double log_odds[PRODUCTS_MAX];
        for (size_t p = 0; p < count; p++) answers[p] = work->test_truth[i * count + p] ? 1 : -1;
        for (size_t p = 0; p < count; p++) {
            float known = answers[p];
            answers[p] = 0;
            second_round_score(model, NULL, work->test_log_odds + i * count, answers, scratch,
                               log_odds);
            work->told[i * count + p] = log_odds[p];
            answers[p] = known;
        }
    }
}

static enum lx_err tell_all(struct work *work)
{
    if (work->task->style == TRIAL_POPULARITY) {
        for (size_t i = 0; i < work->task->test_count * work->count; i++)
            work->told[i] = (double)work->test_log_odds[i];
        return LX_OK;
    }
    struct second_round *model = NULL;
    enum lx_err code = learn_told(work, &model);
    if (code != LX_OK) return code;
    void *scratch = lx_malloc(second_round_scratch_bytes(model));
    if (scratch == NULL)
        code = no_memory(work);
    else
        score_told(work, model, scratch);
    lx_free(scratch);
    second_round_close(model);
    return code;
}

/* ---- Predictions ---- */

/* The products in a list: those by `scores` that are not in it yet, the likeliest first. */
static void append_by(const double *scores, size_t count, size_t until, bool *is_placed,
                      size_t *list, size_t *length)
{
    while (*length < until) {
        size_t best = count;
        for (size_t p = 0; p < count; p++)
            if (!is_placed[p] && (best == count || scores[p] > scores[best])) best = p;
        is_placed[best] = true;
        list[(*length)++] = best;
    }
}

static enum lx_err add_arm(const struct work *work, size_t customer, size_t length, int way,
                           struct trial_predictions *predictions)
{
    size_t count = work->count, places = 0, list[PRODUCTS_MAX], k = (size_t)lengths[length];
    double first[PRODUCTS_MAX];
    bool is_placed[PRODUCTS_MAX] = {false};
    const double *second = way == WITH   ? work->second[length] + customer * count
                           : way == TOLD ? work->told + customer * count
                                         : first;
    for (size_t p = 0; p < count; p++) first[p] = (double)work->test_log_odds[customer * count + p];
    append_by(first, count, k, is_placed, list, &places);
    append_by(second, count, count, is_placed, list, &places);
    for (size_t i = 0; i < count; i++) {
        double log_odds = i < k ? first[list[i]] : second[list[i]];
        struct trial_place place = {(uint16_t)(WAYS * length + (size_t)way), i < k ? 1 : 2,
                                    (uint16_t)(i + 1)};
        enum lx_err code =
            trial_predictions_add_place(predictions, (uint16_t)list[i], 1 / (1 + exp(-log_odds)),
                                        work->test_truth[customer * count + list[i]] != 0, place);
        if (code != LX_OK) return code;
    }
    return LX_OK;
}

static enum lx_err add_customers(const struct work *work, struct trial_predictions *predictions)
{
    enum lx_err code = LX_OK;
    predictions->arms = arms;
    for (size_t i = 0; i < work->task->test_count && code == LX_OK; i++) {
        code = trial_predictions_case(predictions, work->task->test_rows[i]);
        for (size_t length = 0; length < LENGTHS; length++)
            for (int way = WITHOUT; way < WAYS && code == LX_OK; way++)
                code = add_arm(work, i, length, way, predictions);
    }
    return code == LX_OK ? LX_OK : no_memory(work);
}

/* ---- Putting it together ---- */

struct use {
    const struct source *source;
    const struct trial_table *table;
    struct products products;
};

static bool is_used(const void *context, const struct trial_column *column)
{
    const struct use *use = context;
    for (size_t p = 0; p < use->products.count; p++)
        if (use->products.columns[p] == column) return false;
    return use->source->is_profile(column->name, (size_t)(column - use->table->columns));
}

static enum lx_err truth_of(const struct work *work, const struct products *products,
                            const uint32_t *rows, size_t row_count, uint8_t **ret_truth)
{
    uint8_t *truth = *ret_truth = lx_calloc(row_count * products->count, 1);
    if (truth == NULL) return no_memory(work);
    for (size_t i = 0; i < row_count; i++)
        for (size_t p = 0; p < products->count; p++)
            truth[i * products->count + p] = is_held(products, p, rows[i]);
    return LX_OK;
}

static enum lx_err prepare(struct work *work)
{
    const struct trial_task *task = work->task;
    enum lx_err code = find_products(task->train, &work->train, work->err);
    if (code != LX_OK) return code;
    size_t count = work->count = work->test.count = work->train.count;
    for (size_t p = 0; p < count && code == LX_OK; p++)
        code = trial_table_column(&task->test->tables[0], work->train.columns[p]->name,
                                  &work->test.columns[p], work->err);
    struct use use = {work->source, &task->train->tables[0], work->train};
    struct trial_extra extra = {work->source->extra_count(task->style), work->source->fill_extra,
                                &task->style};
    if (code == LX_OK) code = trial_encode(task, is_used, &use, &extra, &work->profile, work->err);
    if (code == LX_OK)
        code =
            truth_of(work, &work->train, task->train_rows, task->train_count, &work->train_truth);
    if (code == LX_OK)
        code = truth_of(work, &work->test, task->test_rows, task->test_count, &work->test_truth);
    if (code != LX_OK) return code;
    work->train_log_odds = lx_calloc(task->train_count * count, sizeof *work->train_log_odds);
    work->test_log_odds = lx_calloc(task->test_count * count, sizeof *work->test_log_odds);
    work->told = lx_calloc(task->test_count * count, sizeof *work->told);
    bool is_whole =
        work->train_log_odds != NULL && work->test_log_odds != NULL && work->told != NULL;
    for (size_t length = 0; length < LENGTHS; length++) {
        work->second[length] = lx_calloc(task->test_count * count, sizeof *work->second[length]);
        is_whole = is_whole && work->second[length] != NULL;
    }
    return is_whole ? LX_OK : no_memory(work);
}

static enum lx_err predict(const struct trial_task *task, struct trial_predictions *ret_predictions,
                           struct trial_predictions *ret_validation, struct lx_error *err)
{
    (void)ret_validation;
    if (task->balance != SAMPLING_NONE)
        return lx_fail(err, LX_ERR_USAGE,
                       "%s has many products; balancing by %s is for one. "
                       "Leave it at none",
                       task->train->kind->name, sampling_name(task->balance));
    struct work work = {.task = task, .source = source_of(task->train), .err = err};
    enum lx_err code = prepare(&work);
    for (size_t p = 0; p < work.count && code == LX_OK; p++) code = first_round_of(&work, p);
    if (code == LX_OK) code = second_round(&work);
    if (code == LX_OK) code = tell_all(&work);
    if (code == LX_OK) code = add_customers(&work, ret_predictions);
    trial_matrices_release(&work.profile);
    lx_free(work.train_truth);
    lx_free(work.test_truth);
    lx_free(work.train_log_odds);
    lx_free(work.test_log_odds);
    lx_free(work.told);
    for (size_t length = 0; length < LENGTHS; length++) lx_free(work.second[length]);
    return code;
}

/* ---- Figures ---- */

/* Of each length: yeses over places. */
enum {
    VALUE_FIRST,
    VALUE_WITHOUT, /* captured is of three that follow each other, hence twice */
    VALUE_WITH,
    VALUE_ORACLE,
    VALUE_WITHOUT_AGAIN,
    VALUE_TOLD,
    VALUE_ORACLE_AGAIN,
    VALUE_ONE_LIST,
    VALUE_TOTAL,
    VALUES
};
_Static_assert(LENGTHS *VALUES <= TRIAL_VALUES_MAX, "room for the values of each length");

static enum lx_err summarise(const struct trial_predictions *predictions, struct trial_cases *cases)
{
    size_t row = 0;
    for (size_t i = 0; i < predictions->case_count; i++) {
        double first[LENGTHS] = {0}, second[ARMS] = {0}, left[LENGTHS] = {0};
        for (; row < predictions->case_ends[i]; row++) {
            const struct trial_place *place = &predictions->places[row];
            size_t length = place->arm / WAYS, k = (size_t)lengths[length];
            if (!predictions->labels[row]) continue;
            if (place->round == 2 && place->position <= 2 * k) second[place->arm]++;
            if (place->arm % WAYS == WITHOUT) (place->round == 1 ? first : left)[length]++;
        }
        for (size_t length = 0; length < LENGTHS; length++) {
            double *values = cases->values + i * TRIAL_VALUES_MAX + length * VALUES;
            double k = lengths[length], without = second[WAYS * length + WITHOUT];
            double with = second[WAYS * length + WITH];
            values[VALUE_FIRST] = first[length] / k;
            values[VALUE_WITHOUT] = values[VALUE_WITHOUT_AGAIN] = without / k;
            values[VALUE_WITH] = with / k;
            values[VALUE_TOLD] = second[WAYS * length + TOLD] / k;
            values[VALUE_ORACLE] = values[VALUE_ORACLE_AGAIN] = fmin(left[length], k) / k;
            values[VALUE_ONE_LIST] = (first[length] + without) / (2 * k);
            values[VALUE_TOTAL] = (first[length] + with) / (2 * k);
        }
    }
    return LX_OK;
}

static void name_zimnat(const struct trial_data *data, uint32_t row, char text[TRIAL_NAME_SIZE])
{
    const struct trial_column *id = trial_table_find(&data->tables[0], "ID");
    if (id == NULL)
        trial_case_number(data, row, text);
    else
        snprintf(text, TRIAL_NAME_SIZE, "%.60s", trial_text(id, row));
}

static void name_candidate(const struct trial_data *data, uint16_t candidate,
                           char text[TRIAL_NAME_SIZE])
{
    struct products products;
    enum lx_err code = find_products(data, &products, NULL);
    LX_ASSERT(code == LX_OK && candidate < products.count);
    snprintf(text, TRIAL_NAME_SIZE, "%.60s", products.columns[candidate]->name);
}

/* clang-format off */
#define FIGURES_OF(length)                                                                         \
    {"first", TRIAL_REAL, TRIAL_MEAN, (length) * VALUES + VALUE_FIRST, 0},                         \
    {"without", TRIAL_REAL, TRIAL_MEAN, (length) * VALUES + VALUE_WITHOUT, 0},                     \
    {"with", TRIAL_REAL, TRIAL_MEAN, (length) * VALUES + VALUE_WITH, 0},                           \
    {"oracle", TRIAL_REAL, TRIAL_MEAN, (length) * VALUES + VALUE_ORACLE, 0},                       \
    {"ratio", TRIAL_REAL, TRIAL_RATIO, (length) * VALUES + VALUE_WITHOUT, 0},                      \
    {"captured", TRIAL_REAL, TRIAL_CAPTURED, (length) * VALUES + VALUE_WITHOUT, 0},                \
    {"told_all", TRIAL_REAL, TRIAL_MEAN, (length) * VALUES + VALUE_TOLD, 0},                       \
    {"captured_told_all", TRIAL_REAL, TRIAL_CAPTURED, (length) * VALUES + VALUE_WITHOUT_AGAIN, 0}, \
    {"total", TRIAL_REAL, TRIAL_MEAN, (length) * VALUES + VALUE_TOTAL, 0},                         \
    {"total_one_list", TRIAL_REAL, TRIAL_MEAN, (length) * VALUES + VALUE_ONE_LIST, 0}
/* clang-format on */

static const struct trial_definition figures[] = {FIGURES_OF(0), FIGURES_OF(1)};
static const char *const groups[LENGTHS] = {"k3", "k5"};

const struct trial_kind trial_zimnat_rounds = {
    .name = "zimnat_rounds",
    .files = {"customers.csv"},
    .figures = figures,
    .figure_count = LX_COUNT_OF(figures),
    .groups = groups,
    .group_size = LX_COUNT_OF(figures) / LENGTHS,
    .check = check,
    .predict = predict,
    .summarise = summarise,
    .name_case = name_zimnat,
    .name_candidate = name_candidate,
};

const struct trial_kind trial_coil2000_rounds = {
    .name = "coil2000_rounds",
    .files = {"caravan.csv"},
    .figures = figures,
    .figure_count = LX_COUNT_OF(figures),
    .groups = groups,
    .group_size = LX_COUNT_OF(figures) / LENGTHS,
    .check = check,
    .predict = predict,
    .summarise = summarise,
    .name_case = trial_case_number,
    .name_candidate = name_candidate,
};
