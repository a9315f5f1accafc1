/*
 * coil2000: who holds a caravan policy? 85 columns, 43 of the neighbourhood and 42 of the policies
 * held (21 amounts P..., 21 counts A...; the fourth count is called AVRAAUT where its amount is
 * called AAUT). To the columns come four sums that no single tree of depth four can form: the
 * amounts, the counts, how many kinds of policy are held, and cars insured times their premium.
 */
#include "model/trial_kind.h"

#include <math.h>
#include <string.h>

enum { POLICY_KINDS = 21, FIRST_AMOUNT = 43, FIRST_COUNT = 64, LABEL_COLUMN = 85, EXTRA_COUNT = 4 };

static const char label_name[] = "CARAVAN";

static enum lx_err check(struct trial_data *data, struct lx_error *err)
{
    const struct trial_table *table = &data->tables[0];
    const struct trial_column *first, *last;
    enum lx_err code = trial_labels_of(data, label_name, "insurance", "noinsurance", err);
    if (code == LX_OK) code = trial_table_column(table, "PWAPART", &first, err);
    if (code == LX_OK) code = trial_table_column(table, "ABYSTAND", &last, err);
    if (code != LX_OK) return code;
    /* The sums go by position, because the source misspells some names. */
    if (table->column_count != LABEL_COLUMN + 1 || first != &table->columns[FIRST_AMOUNT] ||
        last != &table->columns[FIRST_COUNT + POLICY_KINDS - 1])
        return lx_fail(err, LX_ERR_BAD_INPUT,
                       "%s: %zu columns in another order than caravan.csv's 86", table->file,
                       table->column_count);
    return LX_OK;
}

/* The rank of an amount's label among the brackets that the source has. */
static double amount_rank(double lower_bound)
{
    static const double brackets[] = {0, 1, 50, 100, 200, 500, 1000, 5000, 10000, 20000};
    size_t rank = 0;
    while (rank + 1 < LX_COUNT_OF(brackets) && lower_bound >= brackets[rank + 1]) rank++;
    return (double)rank;
}

static double order_of(const struct trial_column *column, size_t row)
{
    double order = trial_label_order(trial_text(column, row));
    return isnan(order) ? 0 : order;
}

static void fill_extra(const void *context, const struct trial_data *data, size_t row,
                       float *ret_values)
{
    (void)context;
    const struct trial_column *columns = data->tables[0].columns;
    double amounts = 0, counts = 0, kinds = 0, cars = 0;
    for (size_t i = 0; i < POLICY_KINDS; i++) {
        double amount = amount_rank(order_of(&columns[FIRST_AMOUNT + i], row));
        double count = order_of(&columns[FIRST_COUNT + i], row);
        amounts += amount;
        counts += count;
        kinds += count > 0;
        if (strcmp(columns[FIRST_AMOUNT + i].name, "PPERSAUT") == 0) cars = amount * count;
    }
    ret_values[0] = (float)amounts;
    ret_values[1] = (float)counts;
    ret_values[2] = (float)kinds;
    ret_values[3] = (float)cars;
}

static bool is_feature(const void *context, const struct trial_column *column)
{
    (void)context;
    return strcmp(column->name, label_name) != 0;
}

static enum lx_err predict(const struct trial_task *task, struct trial_predictions *ret_predictions,
                           struct trial_predictions *ret_validation, struct lx_error *err)
{
    (void)ret_validation;
    struct trial_extra extra = {task->style == TRIAL_OURS ? EXTRA_COUNT : 0, fill_extra, NULL};
    struct trial_matrices matrices = {0};
    double *probabilities = lx_calloc(task->test_count, sizeof *probabilities);
    float *labels = lx_calloc(task->train_count, sizeof *labels);
    enum lx_err code = LX_OK;
    if (probabilities == NULL || labels == NULL) code = lx_fail(err, LX_ERR_NO_MEMORY, "coil2000");
    for (size_t i = 0; i < task->train_count && code == LX_OK; i++)
        labels[i] = task->train->labels[task->train_rows[i]];
    if (code == LX_OK) code = trial_encode(task, is_feature, NULL, &extra, &matrices, err);
    if (code == LX_OK)
        code = trial_classify(task, &matrices.train, labels, &matrices.test, probabilities, err);
    for (size_t i = 0; i < task->test_count && code == LX_OK; i++) {
        code = trial_predictions_case(ret_predictions, task->test_rows[i]);
        if (code == LX_OK)
            code = trial_predictions_add(ret_predictions, 0, probabilities[i],
                                         task->test->labels[task->test_rows[i]] != 0);
        if (code != LX_OK) lx_fail(err, code, "coil2000: predictions");
    }
    lx_free(probabilities);
    lx_free(labels);
    trial_matrices_release(&matrices);
    return code;
}

static void name_candidate(const struct trial_data *data, uint16_t candidate,
                           char text[TRIAL_NAME_SIZE])
{
    (void)data;
    (void)candidate;
    memcpy(text, label_name, sizeof label_name);
}

static const struct trial_definition figures[] = {
    {"pr_auc", TRIAL_REAL, TRIAL_PR_AUC, 0, 0},   {"roc_auc", TRIAL_REAL, TRIAL_ROC_AUC, 0, 0},
    {"top800", TRIAL_REAL, TRIAL_TOP, 800, 4000}, {"positives", TRIAL_COUNT, TRIAL_POSITIVES, 0, 0},
    {"ece", TRIAL_REAL, TRIAL_ECE, 0, 0},
};

const struct trial_kind trial_coil2000 = {
    .name = "coil2000",
    .files = {"caravan.csv"},
    .figures = figures,
    .figure_count = LX_COUNT_OF(figures),
    .check = check,
    .predict = predict,
    .summarise = trial_summarise_single,
    .name_case = trial_case_number,
    .name_candidate = name_candidate,
};
