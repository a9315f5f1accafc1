/*
 * santander: which products does a customer add next month? state.csv holds the month's profile,
 * what is held (CODE) and for how many of the months before it was held (CODE + H); added.csv what
 * was added the next month (CODE + D).
 *
 * To the columns come what was held and is held no longer, product by product (who has let go of a
 * product often takes it up again), its sums, and the month of the year. One model says whether
 * anything is added, one for each product that at least PRODUCT_ROWS_MIN training rows added says
 * whether that is, of those who do not hold it; the others have their share as a prior. The chance
 * of anything is the mean of both views in log-odds, divided over the products by their models:
 * 1 - (1 - p_1) (1 - p_2) ... over a case's rows is the chance of any addition. What is held is
 * never ranked.
 */
#include "model/trial_kind.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/date.h"
#include "learn/metrics.h"

enum { STATE, ADDED };
enum { PRODUCTS_MAX = 64, FIRST_PRODUCT = 2, PRODUCT_ROWS_MIN = 8, SUM_COUNT = 6 };
enum { VALUE_MAP7 };

static const char id_name[] = "D.ncodpers", month_name[] = "fecha_dato";

/* A product's three columns; each table is searched once. */
struct products {
    const struct trial_column *added[PRODUCTS_MAX], *held[PRODUCTS_MAX], *history[PRODUCTS_MAX];
    size_t count;
};

static enum lx_err state_column(const struct trial_table *state, const char *added, size_t length,
                                const char *suffix, const struct trial_column **ret_column,
                                struct lx_error *err)
{
    char name[LX_FIELD_NAME_MAX];
    snprintf(name, sizeof name, "%.*s%s", (int)length, added, suffix);
    return trial_table_column(state, name, ret_column, err);
}

static enum lx_err find_products(const struct trial_data *data, struct products *ret_products,
                                 struct lx_error *err)
{
    const struct trial_table *state = &data->tables[STATE], *added = &data->tables[ADDED];
    size_t count = added->column_count - (size_t)FIRST_PRODUCT;
    if (added->column_count <= FIRST_PRODUCT || count > PRODUCTS_MAX)
        return lx_fail(err, LX_ERR_BAD_INPUT, "%s: %zu columns, 3 to %d expected", added->file,
                       added->column_count, FIRST_PRODUCT + PRODUCTS_MAX);
    for (size_t i = 0; i < count; i++) {
        const struct trial_column *column = &added->columns[FIRST_PRODUCT + i];
        size_t length = strlen(column->name);
        if (length < 2 || length + 2 > LX_FIELD_NAME_MAX || column->name[length - 1] != 'D')
            return lx_fail(err, LX_ERR_BAD_INPUT, "%s: column \"%.60s\" does not end in D",
                           added->file, column->name);
        ret_products->added[i] = column;
        enum lx_err code =
            state_column(state, column->name, length - 1, "", &ret_products->held[i], err);
        if (code == LX_OK)
            code =
                state_column(state, column->name, length - 1, "H", &ret_products->history[i], err);
        if (code != LX_OK) return code;
    }
    ret_products->count = count;
    return LX_OK;
}

/* The columns of a product in another reading of the files: checked when they were read. */
static struct products products_of(const struct trial_data *data)
{
    struct products products;
    enum lx_err code = find_products(data, &products, NULL);
    LX_ASSERT(code == LX_OK);
    return products;
}

static enum lx_err check_same(const struct trial_data *data, const char *name, struct lx_error *err)
{
    const struct trial_column *state, *added;
    enum lx_err code = trial_table_column(&data->tables[STATE], name, &state, err);
    if (code == LX_OK) code = trial_table_column(&data->tables[ADDED], name, &added, err);
    for (size_t i = 0; i < data->row_count && code == LX_OK; i++)
        if (strcmp(trial_text(state, i), trial_text(added, i)) != 0)
            code = lx_fail(err, LX_ERR_BAD_INPUT, "%s: row %zu: %s is %.40s, in %s it is %.40s",
                           data->tables[ADDED].file, i + 1, name, trial_text(added, i),
                           data->tables[STATE].file, trial_text(state, i));
    return code;
}

static enum lx_err check(struct trial_data *data, struct lx_error *err)
{
    struct products products;
    enum lx_err code = check_same(data, id_name, err);
    if (code == LX_OK) code = check_same(data, month_name, err);
    if (code == LX_OK) code = find_products(data, &products, err);
    if (code != LX_OK) return code;
    for (size_t p = 0; p < products.count; p++)
        for (size_t i = 0; i < data->row_count; i++) {
            double value = trial_number(products.added[p], i);
            if (value != 0 && value != 1)
                return lx_fail(err, LX_ERR_BAD_INPUT, "%s: row %zu: %s is neither 0 nor 1",
                               data->tables[ADDED].file, i + 1, products.added[p]->name);
            data->labels[i] |= value > 0;
        }
    return LX_OK;
}

static bool is_added(const struct products *products, size_t product, size_t row)
{
    return trial_number(products->added[product], row) > 0;
}

static bool is_held(const struct products *products, size_t product, size_t row)
{
    return trial_number(products->held[product], row) > 0;
}

/* ---- Features ---- */

/* Which rows of which reading the extra features are of. */
struct view {
    struct products train, test;
    const struct trial_data *train_data;
};

static double month_of_year(const struct trial_data *data, size_t row)
{
    const struct trial_column *column = trial_table_find(&data->tables[STATE], month_name);
    double seconds = trial_number(column, row);
    if (isnan(seconds) || fabs(seconds) > 1e11) return NAN;
    return lx_civil_of_day(lx_day_of_ms((int64_t)(seconds * 1000), 0)).month;
}

static void fill_extra(const void *context, const struct trial_data *data, size_t row,
                       float *ret_values)
{
    const struct view *view = context;
    const struct products *products = data == view->train_data ? &view->train : &view->test;
    double held = 0, months = 0, let_go = 0, known = 0, fresh = 0;
    for (size_t p = 0; p < products->count; p++) {
        double history = trial_number(products->history[p], row);
        bool is_now = is_held(products, p, row);
        held += is_now;
        months += history > 0 ? history : 0;
        known += history > 0;
        let_go += history > 0 && !is_now;
        fresh += is_now && history < 3;
        ret_values[SUM_COUNT + p] = is_now ? NAN : (float)history;
    }
    ret_values[0] = (float)held;
    ret_values[1] = (float)months;
    ret_values[2] = (float)known;
    ret_values[3] = (float)let_go;
    ret_values[4] = (float)fresh;
    ret_values[5] = (float)month_of_year(data, row);
}

/* ---- Models ---- */

struct work {
    const struct trial_task *task;
    struct view view;
    struct trial_matrices matrices;
    float *labels;      /* of training rows */
    uint32_t *rows;     /* of the training matrix */
    double *any;        /* by test row */
    double *by_product; /* by test row and product */
    struct lx_error *err;
};

static enum lx_err learn_any(struct work *work)
{
    const struct trial_task *task = work->task;
    for (size_t i = 0; i < task->train_count; i++)
        work->labels[i] = task->train->labels[task->train_rows[i]];
    return trial_classify(task, &work->matrices.train, work->labels, &work->matrices.test,
                          work->any, work->err);
}

/* Those who do not hold the product, and whether they add it; how many do. */
static size_t collect(struct work *work, size_t product, size_t *ret_positives)
{
    size_t count = 0, positives = 0;
    for (size_t i = 0; i < work->task->train_count; i++) {
        size_t row = work->task->train_rows[i];
        if (is_held(&work->view.train, product, row)) continue;
        bool is_positive = is_added(&work->view.train, product, row);
        work->rows[count] = (uint32_t)i;
        work->labels[count++] = is_positive;
        positives += is_positive;
    }
    *ret_positives = positives;
    return count;
}

static enum lx_err learn_product(struct work *work, size_t product, double *probabilities)
{
    size_t positives, count = collect(work, product, &positives);
    size_t test_count = work->task->test_count, product_count = work->view.train.count;
    if (positives < PRODUCT_ROWS_MIN) {
        double prior = ((double)positives + 0.1) / ((double)count + 10);
        for (size_t i = 0; i < test_count; i++)
            work->by_product[i * product_count + product] = prior;
        return LX_OK;
    }
    struct matrix matrix;
    enum lx_err code = matrix_copy_rows(&work->matrices.train, work->rows, count, &matrix);
    if (code != LX_OK) return lx_fail(work->err, code, "santander: %zu rows", count);
    code = trial_classify(work->task, &matrix, work->labels, &work->matrices.test, probabilities,
                          work->err);
    matrix_release(&matrix);
    if (code != LX_OK)
        return lx_error_prefix(work->err, "%s", work->view.train.added[product]->name);
    for (size_t i = 0; i < test_count; i++)
        work->by_product[i * product_count + product] = probabilities[i];
    return LX_OK;
}

static double log_odds(double probability)
{
    double p = fmin(fmax(probability, 1e-9), 1 - 1e-9);
    return log(p / (1 - p));
}

/* One case: its products that are not held, so that together they give the chance of any. */
static enum lx_err add_case(const struct work *work, size_t i,
                            struct trial_predictions *predictions)
{
    const struct products *products = &work->view.test;
    const double *by_product = work->by_product + i * products->count;
    size_t row = work->task->test_rows[i];
    double none = 1, sum = 0;
    for (size_t p = 0; p < products->count; p++) {
        if (is_held(products, p, row)) continue;
        none *= 1 - by_product[p];
        sum += by_product[p];
    }
    double any = log_odds(work->any[i]);
    if (work->task->style == TRIAL_OURS) any = (any + log_odds(1 - none)) / 2;
    double log_none = -log1p(exp(any)); /* of nothing being added */
    enum lx_err code = trial_predictions_case(predictions, (uint32_t)row);
    for (size_t p = 0; p < products->count && code == LX_OK; p++)
        if (!is_held(products, p, row))
            code = trial_predictions_add(predictions, (uint16_t)p,
                                         -expm1(log_none * by_product[p] / sum),
                                         is_added(products, p, row));
    return code;
}

static enum lx_err allocate(struct work *work)
{
    const struct trial_task *task = work->task;
    size_t product_count = work->view.train.count;
    work->labels = lx_calloc(task->train_count, sizeof *work->labels);
    work->rows = lx_calloc(task->train_count, sizeof *work->rows);
    work->any = lx_calloc(task->test_count, sizeof *work->any);
    work->by_product = lx_calloc(task->test_count * product_count, sizeof *work->by_product);
    if (work->labels != NULL && work->rows != NULL && work->any != NULL && work->by_product != NULL)
        return LX_OK;
    return lx_fail(work->err, LX_ERR_NO_MEMORY, "santander: %zu rows", task->train_count);
}

/* Both readings must speak of the same products, in the same order. */
static enum lx_err check_products(const struct trial_task *task, const struct view *view,
                                  struct lx_error *err)
{
    bool is_same = view->train.count == view->test.count;
    for (size_t p = 0; is_same && p < view->train.count; p++)
        is_same = strcmp(view->train.added[p]->name, view->test.added[p]->name) == 0;
    if (is_same) return LX_OK;
    return lx_fail(err, LX_ERR_BAD_INPUT, "%s: other products than in %s",
                   task->test->tables[ADDED].file, task->train->tables[ADDED].file);
}

static enum lx_err predict(const struct trial_task *task, struct trial_predictions *ret_predictions,
                           struct trial_predictions *ret_validation, struct lx_error *err)
{
    (void)ret_validation;
    struct work work = {.task = task, .err = err};
    work.view = (struct view){products_of(task->train), products_of(task->test), task->train};
    struct trial_extra extra = {SUM_COUNT + work.view.train.count, fill_extra, &work.view};
    if (task->style != TRIAL_OURS) extra.count = 0;
    double *probabilities = lx_calloc(task->test_count, sizeof *probabilities);
    enum lx_err code = check_products(task, &work.view, err);
    if (code == LX_OK && probabilities == NULL)
        code = lx_fail(err, LX_ERR_NO_MEMORY, "santander: %zu rows", task->test_count);
    if (code == LX_OK) code = allocate(&work);
    if (code == LX_OK) code = trial_encode(task, NULL, NULL, &extra, &work.matrices, err);
    if (code == LX_OK) code = learn_any(&work);
    for (size_t p = 0; p < work.view.train.count && code == LX_OK; p++)
        code = learn_product(&work, p, probabilities);
    for (size_t i = 0; i < task->test_count && code == LX_OK; i++) {
        code = add_case(&work, i, ret_predictions);
        if (code != LX_OK) lx_fail(err, code, "santander: predictions");
    }
    lx_free(probabilities);
    lx_free(work.labels);
    lx_free(work.rows);
    lx_free(work.any);
    lx_free(work.by_product);
    trial_matrices_release(&work.matrices);
    return code;
}

/* ---- Figures ---- */

static enum lx_err summarise(const struct trial_predictions *predictions, struct trial_cases *cases)
{
    size_t begin = 0;
    for (size_t i = 0; i < predictions->case_count; i++) {
        double log_none = 0;
        bool is_adder = false;
        for (size_t row = begin; row < predictions->case_ends[i]; row++) {
            log_none += log1p(-predictions->scores[row]);
            is_adder |= predictions->labels[row] != 0;
        }
        /* As a float: cases that differ by rounding alone are equal. */
        cases->scores[i] = (float)-expm1(log_none);
        cases->labels[i] = is_adder;
        struct metric_ranking ranking;
        size_t count = predictions->case_ends[i] - begin;
        enum lx_err code = metric_ranking(predictions->scores + begin, predictions->labels + begin,
                                          &count, 1, &ranking);
        if (code != LX_OK) return code;
        cases->values[i * TRIAL_VALUES_MAX + VALUE_MAP7] = ranking.map7;
        begin = predictions->case_ends[i];
    }
    return LX_OK;
}

static void name_case(const struct trial_data *data, uint32_t row, char text[TRIAL_NAME_SIZE])
{
    const struct trial_table *state = &data->tables[STATE];
    snprintf(text, TRIAL_NAME_SIZE, "%.40s/%.20s",
             trial_text(trial_table_find(state, id_name), row),
             trial_text(trial_table_find(state, month_name), row));
}

/* The name of its column of additions, without the D. */
static void name_candidate(const struct trial_data *data, uint16_t candidate,
                           char text[TRIAL_NAME_SIZE])
{
    const char *added = data->tables[ADDED].columns[FIRST_PRODUCT + candidate].name;
    snprintf(text, TRIAL_NAME_SIZE, "%.*s", (int)strlen(added) - 1, added);
}

static const struct trial_definition figures[] = {
    {"pr_auc_any", TRIAL_REAL, TRIAL_PR_AUC, 0, 0},
    {"map7", TRIAL_REAL, TRIAL_MEAN, VALUE_MAP7, 0},
    {"adders", TRIAL_COUNT, TRIAL_POSITIVES, 0, 0},
    {"roc_auc_any", TRIAL_REAL, TRIAL_ROC_AUC, 0, 0},
    {"ece_any", TRIAL_REAL, TRIAL_ECE, 0, 0},
};

const struct trial_kind trial_santander = {
    .name = "santander",
    .files = {"state.csv", "added.csv"},
    .figures = figures,
    .figure_count = LX_COUNT_OF(figures),
    .check = check,
    .predict = predict,
    .summarise = summarise,
    .name_case = name_case,
    .name_candidate = name_candidate,
};
