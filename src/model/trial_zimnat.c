/*
 * zimnat: which product does a customer hold that we are not told of? Of each customer's products
 * one is hidden, the one whose SHA-256 of `ID:CODE` is smallest; the others are known, and the rest
 * of the catalogue is ranked.
 *
 * Training does not stop at the hidden one: every product of a training customer takes its turn as
 * the label with his others as features, each turn weighing one over their number, which is the
 * chance that the hash hides it. One model over all products; those with fewer than HOLDERS_MIN
 * training holders are too rare to be a class and keep their share as a prior, as far as the
 * customer is not known to hold them. What sells changes from month to month, so the day of joining
 * is one number too: as day, month and year apart no shallow tree finds a season of one year.
 */
#include "model/trial_kind.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/date.h"
#include "codec/digest.h"
#include "learn/ensemble.h"
#include "learn/metrics.h"

enum { PRODUCTS_MAX = 64, HOLDERS_MIN = 10, NONE = -1 };
/* A tree a class and round is what takes the time: half the rounds in steps twice as long. */
#define RATE 0.2
enum { ROUNDS = 100 };
enum { VALUE_HIT1, VALUE_HIT3, VALUE_HIT5, VALUE_MRR, VALUE_LOG_LOSS };

static const char id_name[] = "ID", last_profile_name[] = "occupation_category_code";

/* The products are the columns after the profile. */
struct products {
    const struct trial_column *columns[PRODUCTS_MAX];
    size_t count;
};

static enum lx_err find_products(const struct trial_data *data, struct products *ret_products,
                                 struct lx_error *err)
{
    const struct trial_table *table = &data->tables[0];
    const struct trial_column *last;
    enum lx_err code = trial_table_column(table, last_profile_name, &last, err);
    if (code != LX_OK) return code;
    size_t first = (size_t)(last - table->columns) + 1, count = table->column_count - first;
    if (count < 2 || count > PRODUCTS_MAX)
        return lx_fail(err, LX_ERR_BAD_INPUT, "%s: %zu products after %s, 2 to %d expected",
                       table->file, count, last_profile_name, PRODUCTS_MAX);
    for (size_t i = 0; i < count; i++) ret_products->columns[i] = &table->columns[first + i];
    ret_products->count = count;
    return LX_OK;
}

static bool is_held(const struct products *products, size_t product, size_t row)
{
    return trial_number(products->columns[product], row) > 0;
}

static size_t count_held(const struct products *products, size_t row)
{
    size_t count = 0;
    for (size_t p = 0; p < products->count; p++) count += is_held(products, p, row);
    return count;
}

static enum lx_err check(struct trial_data *data, struct lx_error *err)
{
    static const char *const needed[] = {"ID", "join_date", "sex", "birth_year", "branch_code"};
    const struct trial_table *table = &data->tables[0];
    const struct trial_column *column;
    struct products products;
    enum lx_err code = LX_OK;
    for (size_t i = 0; i < LX_COUNT_OF(needed) && code == LX_OK; i++)
        code = trial_table_column(table, needed[i], &column, err);
    if (code == LX_OK) code = find_products(data, &products, err);
    if (code != LX_OK) return code;
    for (size_t row = 0; row < data->row_count; row++) {
        for (size_t p = 0; p < products.count; p++) {
            double value = trial_number(products.columns[p], row);
            if (value != 0 && value != 1)
                return lx_fail(err, LX_ERR_BAD_INPUT, "%s: row %zu: %s is neither 0 nor 1",
                               table->file, row + 1, products.columns[p]->name);
        }
        if (count_held(&products, row) == 0)
            return lx_fail(err, LX_ERR_BAD_INPUT, "%s: row %zu: no product, so none to hide",
                           table->file, row + 1);
    }
    return LX_OK;
}

/* The held product with the smallest hash. */
static size_t hidden_of(const struct trial_data *data, const struct products *products, size_t row)
{
    const char *id = trial_text(trial_table_find(&data->tables[0], id_name), row);
    uint8_t least[DIGEST_SIZE];
    size_t hidden = products->count;
    for (size_t p = 0; p < products->count; p++) {
        if (!is_held(products, p, row)) continue;
        char text[2 * LX_FIELD_NAME_MAX];
        uint8_t hash[DIGEST_SIZE];
        int length = snprintf(text, sizeof text, "%.120s:%.120s", id, products->columns[p]->name);
        digest_of(text, (size_t)length, hash);
        if (hidden < products->count && memcmp(hash, least, sizeof hash) >= 0) continue;
        memcpy(least, hash, sizeof hash);
        hidden = p;
    }
    LX_ASSERT(hidden < products->count);
    return hidden;
}

/* ---- Features ---- */

static size_t date_count(enum trial_style style)
{
    return style == TRIAL_OURS ? TRIAL_ZIMNAT_DATES : TRIAL_ZIMNAT_DATES_PLAIN;
}

/* Day, month and year of "dd-mm-yyyy", and the age on joining, for ours the day since 1970 as well;
 * missing where it is no date. */
void trial_zimnat_dates(const struct trial_data *data, enum trial_style style, size_t row,
                        float *ret_values)
{
    const struct trial_table *table = &data->tables[0];
    const char *text = trial_text(trial_table_find(table, "join_date"), row);
    double birth_year = trial_number(trial_table_find(table, "birth_year"), row);
    int day, month, year, end = 0;
    for (size_t i = 0; i < date_count(style); i++) ret_values[i] = NAN;
    if (sscanf(text, "%2d-%2d-%4d%n", &day, &month, &year, &end) != 3 || text[end] != 0) return;
    ret_values[0] = (float)day;
    ret_values[1] = (float)month;
    ret_values[2] = (float)year;
    ret_values[3] = (float)((double)year - birth_year);
    struct lx_civil joined = {.year = year, .month = month, .day = day};
    if (style == TRIAL_OURS && lx_civil_is_valid(joined))
        ret_values[4] = (float)lx_day_of_civil(joined);
}

/* A flag for each product that is known, then how many are; `hidden` is none of them. */
static void fill_known(const struct products *products, size_t row, size_t hidden,
                       float *ret_values)
{
    float known = 0;
    for (size_t p = 0; p < products->count; p++) {
        ret_values[p] = p != hidden && is_held(products, p, row);
        known += ret_values[p];
    }
    ret_values[products->count] = known;
}

/* XGBoost passes over what is missing: flags that are off, left out, allow the same splits in half
 * the time. */
static void leave_out_zeros(float *values, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (values[i] == 0) values[i] = NAN;
}

/* ---- The model ---- */

/* A customer with one of his products hidden. */
struct turn {
    uint32_t row, place; /* of the table; among the rows of the task */
    uint16_t hidden;
};

struct work {
    const struct trial_task *task;
    struct products train, test;
    struct trial_encoding encoding;
    struct turn *turns; /* of the training customers whose hidden product is a class */
    size_t turn_count, turn_capacity;
    int classes[PRODUCTS_MAX];     /* by product; NONE: too rare */
    size_t products[PRODUCTS_MAX]; /* by class */
    size_t class_count;
    double shares[PRODUCTS_MAX]; /* by product: how often it is the hidden one */
    struct lx_error *err;
};

static void count_shares(struct work *work)
{
    double holders[PRODUCTS_MAX] = {0};
    for (size_t i = 0; i < work->task->train_count; i++) {
        size_t row = work->task->train_rows[i];
        double weight = 1 / (double)count_held(&work->train, row);
        for (size_t p = 0; p < work->train.count; p++) {
            if (!is_held(&work->train, p, row)) continue;
            holders[p]++;
            work->shares[p] += weight;
        }
    }
    for (size_t p = 0; p < work->train.count; p++) {
        work->classes[p] = NONE;
        /* Half a customer more, so that a product nobody holds has a chance above nothing. */
        work->shares[p] = (work->shares[p] + 0.5) /
                          ((double)work->task->train_count + 0.5 * (double)work->train.count);
        if (holders[p] < HOLDERS_MIN) continue;
        work->products[work->class_count] = p;
        work->classes[p] = (int)work->class_count++;
    }
}

static enum lx_err add_turn(struct work *work, size_t place, size_t hidden)
{
    if (work->classes[hidden] == NONE) return LX_OK;
    enum lx_err code = lx_grow(&work->turns, &work->turn_capacity, work->turn_count + 1,
                               TRIAL_ROWS_MAX, sizeof *work->turns);
    if (code != LX_OK) return lx_fail(work->err, code, "zimnat: %zu turns", work->turn_count);
    work->turns[work->turn_count++] =
        (struct turn){work->task->train_rows[place], (uint32_t)place, (uint16_t)hidden};
    return LX_OK;
}

/* Ours: each product in turn. The plain tool: the hidden one only. */
static enum lx_err make_turns(struct work *work)
{
    const struct trial_task *task = work->task;
    enum lx_err code = LX_OK;
    for (size_t i = 0; i < task->train_count && code == LX_OK; i++) {
        size_t row = task->train_rows[i];
        if (task->style != TRIAL_OURS) {
            code = add_turn(work, i, hidden_of(task->train, &work->train, row));
            continue;
        }
        for (size_t p = 0; p < work->train.count && code == LX_OK; p++)
            if (is_held(&work->train, p, row)) code = add_turn(work, i, p);
    }
    return code;
}

static bool is_profile(const struct work *work, const struct trial_column *column)
{
    for (size_t p = 0; p < work->train.count; p++)
        if (work->train.columns[p] == column) return false;
    return strcmp(column->name, id_name) != 0 && strcmp(column->name, "join_date") != 0;
}

static enum lx_err make_encoding(struct work *work)
{
    const struct trial_table *table = &work->task->train->tables[0];
    enum lx_err code = LX_OK;
    for (size_t i = 0; i < table->column_count && code == LX_OK; i++)
        if (is_profile(work, &table->columns[i]))
            code = trial_encoding_add(&work->encoding, work->task->style, &table->columns[i],
                                      work->task->train_rows, work->task->train_count, work->err);
    return code;
}

/* A row for each turn: the profile, then dates and what is known. */
static enum lx_err fill_matrix(struct work *work, const struct trial_data *data,
                               const struct products *products, const struct turn *turns,
                               size_t count, struct matrix *ret_matrix)
{
    struct trial_binding binding = {.encoding = &work->encoding};
    struct matrix matrix = {0};
    enum trial_style style = work->task->style;
    size_t profile = work->encoding.count, dates = date_count(style);
    enum lx_err code = trial_bind(&work->encoding, &data->tables[0], &binding, work->err);
    if (code != LX_OK) return code;
    code = matrix_init(&matrix, profile + dates + products->count + 1);
    if (code == LX_OK && count > 0) code = matrix_reserve(&matrix, count);
    for (size_t i = 0; i < count && code == LX_OK; i++) {
        float *values;
        code = matrix_add_row(&matrix, &values);
        if (code != LX_OK) break;
        trial_fill(&binding, turns[i].row, values);
        trial_zimnat_dates(data, style, turns[i].row, values + profile);
        fill_known(products, turns[i].row, turns[i].hidden, values + profile + dates);
        if (style == TRIAL_OURS) leave_out_zeros(values, profile + dates + products->count);
    }
    trial_binding_release(&binding);
    if (code != LX_OK) {
        matrix_release(&matrix);
        return lx_fail(work->err, code, "zimnat: %zu rows: %s", count, lx_err_text(code));
    }
    *ret_matrix = matrix;
    return LX_OK;
}

static enum lx_err learn(struct work *work, struct ensemble **ret_ensemble)
{
    const struct trial_task *task = work->task;
    bool is_ours = task->style == TRIAL_OURS;
    int class_count = (int)work->class_count;
    struct ensemble_params params = is_ours ? ensemble_params_default(XGB_MULTICLASS, class_count)
                                            : ensemble_params_plain(XGB_MULTICLASS, class_count);
    if (is_ours) {
        params.trees.round_count = ROUNDS;
        params.trees.learning_rate = RATE;
    }
    params.seed = task->seed;
    struct matrix matrix = {0};
    size_t count = work->turn_count;
    float *labels = lx_calloc(count, sizeof *labels), *weights = lx_calloc(count, sizeof *weights);
    uint32_t *cases = lx_calloc(count, sizeof *cases);
    enum lx_err code = LX_OK;
    if (labels == NULL || weights == NULL || cases == NULL)
        code = lx_fail(work->err, LX_ERR_NO_MEMORY, "zimnat: %zu turns", count);
    for (size_t i = 0; i < count && code == LX_OK; i++) {
        const struct turn *turn = &work->turns[i];
        labels[i] = (float)work->classes[turn->hidden];
        weights[i] = is_ours ? 1 / (float)count_held(&work->train, turn->row) : 1;
        cases[i] = turn->place;
    }
    if (code == LX_OK)
        code = fill_matrix(work, task->train, &work->train, work->turns, count, &matrix);
    if (code == LX_OK)
        code = ensemble_fit(&params, &matrix, labels, weights, cases, task->env, ret_ensemble, NULL,
                            work->err);
    matrix_release(&matrix);
    lx_free(labels);
    lx_free(weights);
    lx_free(cases);
    return code;
}

/* ---- Predictions ---- */

/* Probabilities over the products that are not known: the prior for the rare ones, the model's
 * share of the rest for the others. */
static void spread(const struct work *work, const struct turn *turn, const double *margins,
                   double *ret_probabilities)
{
    double rare = 0, common = 0;
    for (size_t p = 0; p < work->test.count; p++) {
        bool is_known = p != turn->hidden && is_held(&work->test, p, turn->row);
        int class = work->classes[p];
        ret_probabilities[p] = is_known ? 0 : class == NONE ? work->shares[p] : exp(margins[class]);
        *(class == NONE ? &rare : &common) += ret_probabilities[p];
    }
    for (size_t p = 0; p < work->test.count; p++)
        if (common > 0 && work->classes[p] != NONE) ret_probabilities[p] *= (1 - rare) / common;
    for (size_t p = 0; p < work->test.count; p++)
        if (common <= 0) ret_probabilities[p] /= rare;
}

static enum lx_err add_case(const struct work *work, const struct turn *turn, const double *margins,
                            struct trial_predictions *predictions)
{
    double probabilities[PRODUCTS_MAX];
    spread(work, turn, margins, probabilities);
    enum lx_err code = trial_predictions_case(predictions, turn->row);
    for (size_t p = 0; p < work->test.count && code == LX_OK; p++) {
        bool is_hidden = p == turn->hidden;
        if (is_hidden || !is_held(&work->test, p, turn->row))
            code = trial_predictions_add(predictions, (uint16_t)p, probabilities[p], is_hidden);
    }
    return code;
}

/* Each product as often as it is hidden, whoever the customer is. */
static void margins_of_shares(const struct work *work, size_t count, double *ret_margins)
{
    for (size_t i = 0; i < count; i++)
        for (size_t c = 0; c < work->class_count; c++)
            ret_margins[i * work->class_count + c] = log(work->shares[work->products[c]]);
}

/* ensemble: NULL, and shares alone decide. */
static enum lx_err score(struct work *work, const struct ensemble *ensemble,
                         struct trial_predictions *ret_predictions)
{
    const struct trial_task *task = work->task;
    struct matrix matrix = {0};
    struct turn *turns = lx_calloc(task->test_count, sizeof *turns);
    double *margins = lx_calloc(task->test_count * work->class_count, sizeof *margins);
    enum lx_err code = LX_OK;
    if (turns == NULL || margins == NULL)
        code = lx_fail(work->err, LX_ERR_NO_MEMORY, "zimnat: %zu rows", task->test_count);
    for (size_t i = 0; i < task->test_count && code == LX_OK; i++)
        turns[i] = (struct turn){task->test_rows[i], (uint32_t)i,
                                 (uint16_t)hidden_of(task->test, &work->test, task->test_rows[i])};
    if (code == LX_OK)
        code = fill_matrix(work, task->test, &work->test, turns, task->test_count, &matrix);
    if (code == LX_OK && ensemble == NULL)
        margins_of_shares(work, task->test_count, margins);
    else if (code == LX_OK)
        code = ensemble_margins(ensemble, &matrix, task->env->thread_count, margins, work->err);
    for (size_t i = 0; i < task->test_count && code == LX_OK; i++) {
        code = add_case(work, &turns[i], margins + i * work->class_count, ret_predictions);
        if (code != LX_OK) lx_fail(work->err, code, "zimnat: predictions");
    }
    matrix_release(&matrix);
    lx_free(margins);
    lx_free(turns);
    return code;
}

/* The test file's products, in the order of the training file's. */
static enum lx_err match_products(struct work *work)
{
    enum lx_err code = find_products(work->task->train, &work->train, work->err);
    work->test.count = work->train.count;
    for (size_t p = 0; p < work->train.count && code == LX_OK; p++)
        code = trial_table_column(&work->task->test->tables[0], work->train.columns[p]->name,
                                  &work->test.columns[p], work->err);
    return code;
}

static enum lx_err predict(const struct trial_task *task, struct trial_predictions *ret_predictions,
                           struct trial_predictions *ret_validation, struct lx_error *err)
{
    (void)ret_validation;
    if (task->balance != SAMPLING_NONE)
        return lx_fail(err, LX_ERR_USAGE,
                       "zimnat has many classes; balancing by %s is for two. Leave it at none",
                       sampling_name(task->balance));
    struct work work = {.task = task, .err = err};
    struct ensemble *ensemble = NULL;
    enum lx_err code = match_products(&work);
    if (code == LX_OK) {
        count_shares(&work);
        if (work.class_count < 2)
            code =
                lx_fail(err, LX_ERR_BAD_INPUT, "%s: %zu products have %d holders, two are needed",
                        task->train->tables[0].file, work.class_count, HOLDERS_MIN);
    }
    if (code == LX_OK) code = make_turns(&work);
    if (code == LX_OK) code = make_encoding(&work);
    if (code == LX_OK && task->style != TRIAL_POPULARITY) code = learn(&work, &ensemble);
    if (code == LX_OK) code = score(&work, ensemble, ret_predictions);
    ensemble_close(ensemble);
    trial_encoding_release(&work.encoding);
    lx_free(work.turns);
    return code;
}

/* ---- Figures ---- */

static enum lx_err summarise(const struct trial_predictions *predictions, struct trial_cases *cases)
{
    size_t begin = 0;
    for (size_t i = 0; i < predictions->case_count; i++) {
        struct metric_ranking ranking;
        size_t count = predictions->case_ends[i] - begin;
        const double *scores = predictions->scores + begin;
        const uint8_t *labels = predictions->labels + begin;
        enum lx_err code = metric_ranking(scores, labels, &count, 1, &ranking);
        if (code != LX_OK) return code;
        double *values = cases->values + i * TRIAL_VALUES_MAX;
        values[VALUE_HIT1] = ranking.hit1;
        values[VALUE_HIT3] = ranking.hit3;
        values[VALUE_HIT5] = ranking.hit5;
        values[VALUE_MRR] = ranking.mrr;
        for (size_t row = 0; row < count; row++)
            if (labels[row]) values[VALUE_LOG_LOSS] = -log(fmax(scores[row], 1e-15));
        begin = predictions->case_ends[i];
    }
    return LX_OK;
}

static void name_case(const struct trial_data *data, uint32_t row, char text[TRIAL_NAME_SIZE])
{
    snprintf(text, TRIAL_NAME_SIZE, "%.60s",
             trial_text(trial_table_find(&data->tables[0], id_name), row));
}

static void name_candidate(const struct trial_data *data, uint16_t candidate,
                           char text[TRIAL_NAME_SIZE])
{
    struct products products;
    enum lx_err code = find_products(data, &products, NULL);
    LX_ASSERT(code == LX_OK && candidate < products.count);
    snprintf(text, TRIAL_NAME_SIZE, "%.60s", products.columns[candidate]->name);
}

static const struct trial_definition figures[] = {
    {"hit1", TRIAL_REAL, TRIAL_MEAN, VALUE_HIT1, 0},
    {"hit3", TRIAL_REAL, TRIAL_MEAN, VALUE_HIT3, 0},
    {"hit5", TRIAL_REAL, TRIAL_MEAN, VALUE_HIT5, 0},
    {"mrr", TRIAL_REAL, TRIAL_MEAN, VALUE_MRR, 0},
    {"log_loss", TRIAL_REAL, TRIAL_MEAN, VALUE_LOG_LOSS, 0},
};

const struct trial_kind trial_zimnat = {
    .name = "zimnat",
    .files = {"customers.csv"},
    .figures = figures,
    .figure_count = LX_COUNT_OF(figures),
    .check = check,
    .predict = predict,
    .summarise = summarise,
    .name_case = name_case,
    .name_candidate = name_candidate,
};
