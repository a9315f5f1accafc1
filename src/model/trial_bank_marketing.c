/*
 * bank_marketing: who subscribes when phoned? Rows are in the order of time, and times change: the
 * share of yes, the economy, the way people are called.
 *
 * A number whose values in the newest fifth of the training rows hardly meet those before (PSI over
 * 2: the economic indices, which are other numbers in each quarter) tells one time from another
 * rather than one person from another; it is left out, by the inputs alone. Of the rest, older rows
 * weigh less: half at an age of a third of all.
 *
 * The last fifth of the training rows is the validation part: a model of the first four fifths is
 * measured there, its probabilities calibrated on other rows of that part. The model for the test
 * rows learns from all training rows and is calibrated on the newest fifth, on margins that its
 * members had not seen.
 */
#include "model/trial_kind.h"

#include <math.h>
#include <string.h>

#include "learn/calibration.h"
#include "learn/ensemble.h"
#include "learn/metrics.h"
#include "learn/psi.h"
#include "model/alarms.h"

#define DRIFT_LEFT_OUT 2.0
#define HALF_LIVES 3.0 /* of a row's weight, over all training rows */

enum { DRIFT_BINS = 10, CALIBRATION_FOLDS = 5 };

enum given {
    ECE_VALIDATION,
    TOP10_VALIDATION,
    TOP1_VALIDATION,
    ALARM,
    PSI_INPUTS,
    PSI_SCORES,
    PSI_LABELS
};

static const char label_name[] = "subscribed";

static enum lx_err check(struct trial_data *data, struct lx_error *err)
{
    static const char *const needed[] = {"age", "job", "contact", "month", "campaign", "poutcome"};
    const struct trial_table *table = &data->tables[0];
    const struct trial_column *column;
    for (size_t i = 0; i < LX_COUNT_OF(needed); i++) {
        enum lx_err code = trial_table_column(table, needed[i], &column, err);
        if (code != LX_OK) return code;
    }
    return trial_labels_of(data, label_name, "yes", "no", err);
}

static size_t validation_begin(size_t train_count)
{
    return train_count - train_count / 5;
}

/* ---- Which columns may be used ---- */

struct drifting {
    const struct trial_column *columns[LX_FIELDS_MAX];
    size_t count;
};

static bool is_number(const struct trial_column *column, const uint32_t *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (isnan(trial_number(column, rows[i])) && *trial_text(column, rows[i]) != 0) return false;
    return true;
}

/* PSI of one column between two parts; a text counts by its number of a level in `train`. */
static double place_of(const struct trial_column *column, const struct trial_column *train,
                       bool is_numeric, size_t row)
{
    if (is_numeric) return trial_number(column, row);
    size_t length;
    const char *text = lx_dictionary_text(&column->levels, column->rows[row], &length);
    int64_t level = lx_dictionary_find(&train->levels, text, length);
    return level == LX_DICTIONARY_NONE ? NAN : (double)level;
}

static enum lx_err column_psi(const struct trial_column *before, const uint32_t *before_rows,
                              size_t before_count, const struct trial_column *after,
                              const uint32_t *after_rows, size_t after_count, double *ret_psi)
{
    bool is_numeric = is_number(before, before_rows, before_count);
    double *a = lx_calloc(before_count, sizeof *a), *b = lx_calloc(after_count, sizeof *b);
    enum lx_err code = a == NULL || b == NULL ? LX_ERR_NO_MEMORY : LX_OK;
    for (size_t i = 0; i < before_count && code == LX_OK; i++)
        a[i] = place_of(before, before, is_numeric, before_rows[i]);
    for (size_t i = 0; i < after_count && code == LX_OK; i++)
        b[i] = place_of(after, before, is_numeric, after_rows[i]);
    if (code == LX_OK) code = metric_psi(a, before_count, b, after_count, DRIFT_BINS, ret_psi);
    lx_free(a);
    lx_free(b);
    return code;
}

static enum lx_err find_drifting(const struct trial_task *task, struct drifting *ret_drifting,
                                 struct lx_error *err)
{
    const struct trial_table *table = &task->train->tables[0];
    size_t split = validation_begin(task->train_count);
    ret_drifting->count = 0;
    for (size_t i = 0; i < table->column_count; i++) {
        const struct trial_column *column = &table->columns[i];
        double psi = 0;
        if (!is_number(column, task->train_rows, task->train_count)) continue;
        enum lx_err code = column_psi(column, task->train_rows, split, column,
                                      task->train_rows + split, task->train_count - split, &psi);
        if (code != LX_OK) return lx_fail(err, code, "%s: %s", table->file, column->name);
        if (psi > DRIFT_LEFT_OUT) ret_drifting->columns[ret_drifting->count++] = column;
    }
    return LX_OK;
}

static bool is_feature(const void *context, const struct trial_column *column)
{
    const struct drifting *drifting = context;
    if (strcmp(column->name, label_name) == 0) return false;
    for (size_t i = 0; i < drifting->count; i++)
        if (drifting->columns[i] == column) return false;
    return true;
}

/* ---- One model: margins of the test rows, and honest ones of the training rows ---- */

struct margins {
    double *own, *test;
    uint8_t *train_labels, *test_labels;
};

static void release_margins(struct margins *margins)
{
    lx_free(margins->own);
    lx_free(margins->test);
    lx_free(margins->train_labels);
    lx_free(margins->test_labels);
}

/* Every row alike, by the share of yes. */
static void take_share(const struct trial_task *task, struct margins *margins)
{
    double positives = 0, count = (double)task->train_count;
    for (size_t i = 0; i < task->train_count; i++) positives += margins->train_labels[i];
    double margin = log((positives + 0.5) / (count - positives + 0.5));
    for (size_t i = 0; i < task->train_count; i++) margins->own[i] = margin;
    for (size_t i = 0; i < task->test_count; i++) margins->test[i] = margin;
}

static enum lx_err learn(const struct trial_task *task, const struct trial_matrices *matrices,
                         struct margins *margins, struct lx_error *err)
{
    bool is_ours = task->style == TRIAL_OURS;
    struct ensemble_params params =
        is_ours ? ensemble_params_default(XGB_BINARY, 0) : ensemble_params_plain(XGB_BINARY, 0);
    params.seed = task->seed;
    if (is_ours) params.balance = task->balance;
    struct ensemble *ensemble = NULL;
    size_t count = task->train_count;
    float *labels = lx_calloc(count, sizeof *labels), *weights = lx_calloc(count, sizeof *weights);
    enum lx_err code = LX_OK;
    if (labels == NULL || weights == NULL) code = lx_fail(err, LX_ERR_NO_MEMORY, "labels");
    for (size_t i = 0; i < count && code == LX_OK; i++) {
        labels[i] = margins->train_labels[i];
        weights[i] = (float)exp2(-HALF_LIVES * (double)(count - 1 - i) / (double)count);
    }
    if (code == LX_OK)
        code = ensemble_fit(&params, &matrices->train, labels, is_ours ? weights : NULL, NULL,
                            task->env, &ensemble, is_ours ? margins->own : NULL, err);
    if (code == LX_OK)
        code = ensemble_margins(ensemble, &matrices->test, task->env->thread_count, margins->test,
                                err);
    if (code == LX_OK && !is_ours)
        code = ensemble_margins(ensemble, &matrices->train, task->env->thread_count, margins->own,
                                err);
    ensemble_close(ensemble);
    lx_free(labels);
    lx_free(weights);
    return code;
}

static enum lx_err fit(const struct trial_task *task, const struct drifting *drifting,
                       struct margins *ret_margins, struct lx_error *err)
{
    struct trial_matrices matrices = {0};
    struct margins margins = {
        .own = lx_calloc(task->train_count, sizeof(double)),
        .test = lx_calloc(task->test_count, sizeof(double)),
        .train_labels = lx_calloc(task->train_count, 1),
        .test_labels = lx_calloc(task->test_count, 1),
    };
    enum lx_err code = LX_OK;
    if (margins.own == NULL || margins.test == NULL || margins.train_labels == NULL ||
        margins.test_labels == NULL)
        code = lx_fail(err, LX_ERR_NO_MEMORY, "margins of %zu rows", task->train_count);
    for (size_t i = 0; i < task->train_count && code == LX_OK; i++)
        margins.train_labels[i] = task->train->labels[task->train_rows[i]];
    for (size_t i = 0; i < task->test_count && code == LX_OK; i++)
        margins.test_labels[i] = task->test->labels[task->test_rows[i]];
    if (code == LX_OK) code = trial_encode(task, is_feature, drifting, NULL, &matrices, err);
    if (code == LX_OK && task->style == TRIAL_POPULARITY)
        take_share(task, &margins);
    else if (code == LX_OK)
        code = learn(task, &matrices, &margins, err);
    trial_matrices_release(&matrices);
    if (code != LX_OK) {
        release_margins(&margins);
        return code;
    }
    *ret_margins = margins;
    return LX_OK;
}

/* ---- The validation part ---- */

/* Each fold's rows are calibrated on the other folds', so that no row calibrates itself. */
static enum lx_err calibrate_crosswise(const double *margins, const uint8_t *labels, size_t count,
                                       double *ret_probabilities, struct lx_error *err)
{
    double *others = lx_calloc(count, sizeof *others);
    uint8_t *other_labels = lx_calloc(count, 1);
    enum lx_err code = LX_OK;
    if (others == NULL || other_labels == NULL)
        code = lx_fail(err, LX_ERR_NO_MEMORY, "validation of %zu rows", count);
    for (size_t fold = 0; fold < CALIBRATION_FOLDS && code == LX_OK; fold++) {
        struct calibration calibration;
        size_t other_count = 0;
        for (size_t i = 0; i < count; i++) {
            if (i % CALIBRATION_FOLDS == fold) continue;
            others[other_count] = margins[i];
            other_labels[other_count++] = labels[i];
        }
        code = calibration_fit(others, other_labels, NULL, other_count, 0, &calibration, err);
        for (size_t i = fold; i < count && code == LX_OK; i += CALIBRATION_FOLDS)
            ret_probabilities[i] = calibration_probability(&calibration, margins[i]);
    }
    lx_free(others);
    lx_free(other_labels);
    return code;
}

static void take_as_they_are(const double *margins, size_t count, double *ret_probabilities)
{
    static const struct calibration identity = {.kind = CALIBRATION_IDENTITY};
    for (size_t i = 0; i < count; i++)
        ret_probabilities[i] = calibration_probability(&identity, margins[i]);
}

static enum lx_err add_cases(struct trial_predictions *predictions, const uint32_t *rows,
                             const double *probabilities, const uint8_t *labels, size_t count,
                             struct lx_error *err)
{
    enum lx_err code = LX_OK;
    for (size_t i = 0; i < count && code == LX_OK; i++) {
        code = trial_predictions_case(predictions, rows[i]);
        if (code == LX_OK)
            code = trial_predictions_add(predictions, 0, probabilities[i], labels[i] != 0);
    }
    return code == LX_OK ? LX_OK : lx_fail(err, code, "predictions of %zu rows", count);
}

static enum lx_err validate(const struct trial_task *task, const struct drifting *drifting,
                            double *given, struct trial_predictions *ret_validation,
                            struct lx_error *err)
{
    size_t split = validation_begin(task->train_count), count = task->train_count - split;
    struct trial_task past = *task;
    past.train_count = split;
    past.test = task->train;
    past.test_rows = task->train_rows + split;
    past.test_count = count;
    struct margins margins;
    enum lx_err code = fit(&past, drifting, &margins, err);
    if (code != LX_OK) return lx_error_prefix(err, "validation");

    struct metric_calibration figures;
    double *probabilities = lx_calloc(count, sizeof *probabilities);
    if (probabilities == NULL) code = lx_fail(err, LX_ERR_NO_MEMORY, "validation");
    if (code == LX_OK && task->style == TRIAL_OURS)
        code = calibrate_crosswise(margins.test, margins.test_labels, count, probabilities, err);
    else if (code == LX_OK)
        take_as_they_are(margins.test, count, probabilities);
    if (code == LX_OK) {
        code = metric_calibration(probabilities, margins.test_labels, count, &figures);
        if (code != LX_OK) lx_fail(err, code, "validation");
    }
    if (code == LX_OK) {
        given[ECE_VALIDATION] = figures.ece;
        given[TOP10_VALIDATION] = figures.observed_over_expected_top10;
        given[TOP1_VALIDATION] = figures.observed_over_expected_top1;
        code = add_cases(ret_validation, past.test_rows, probabilities, margins.test_labels, count,
                         err);
    }
    lx_free(probabilities);
    release_margins(&margins);
    return code;
}

/* ---- Drift ---- */

/* How many are no, and how many yes. */
static void count_labels(const uint8_t *labels, size_t count, uint64_t ret_counts[2])
{
    ret_counts[0] = ret_counts[1] = 0;
    for (size_t i = 0; i < count; i++) ret_counts[labels[i] != 0]++;
}

/*
 * What can be seen before the test rows' labels are: every input and the scores against those of
 * the training rows, and whether the rate of yes moved within the training rows.
 */
static enum lx_err measure_drift(const struct trial_task *task, const struct margins *margins,
                                 double *given, struct lx_error *err)
{
    const struct trial_table *train = &task->train->tables[0], *test = &task->test->tables[0];
    size_t split = validation_begin(task->train_count), newest = task->train_count - split;
    given[PSI_INPUTS] = 0;
    enum lx_err code = LX_OK;
    for (size_t i = 0; i < train->column_count && code == LX_OK; i++) {
        const struct trial_column *column;
        double psi = 0;
        if (strcmp(train->columns[i].name, label_name) == 0) continue;
        code = trial_table_column(test, train->columns[i].name, &column, err);
        if (code != LX_OK) return code;
        code = column_psi(&train->columns[i], task->train_rows, task->train_count, column,
                          task->test_rows, task->test_count, &psi);
        given[PSI_INPUTS] = fmax(given[PSI_INPUTS], psi);
    }
    if (code == LX_OK)
        code = metric_psi(margins->own, task->train_count, margins->test, task->test_count,
                          DRIFT_BINS, &given[PSI_SCORES]);
    if (code != LX_OK) return lx_fail(err, code, "drift");
    const struct alarm_limits limits = alarm_limits_default();
    uint64_t before[2], after[2];
    count_labels(margins->train_labels, split, before);
    count_labels(margins->train_labels + split, newest, after);
    given[PSI_LABELS] = psi_of_counts(before, after, 2);
    given[ALARM] = alarm_is_raised(&limits, ALARM_INPUT_DRIFT, given[PSI_INPUTS]) ||
                   alarm_is_raised(&limits, ALARM_SCORE_DRIFT, given[PSI_SCORES]) ||
                   alarm_is_raised(&limits, ALARM_LABEL_DRIFT, given[PSI_LABELS]);
    return LX_OK;
}

/* ---- The test part ---- */

static enum lx_err probabilities_of(const struct trial_task *task, const struct margins *margins,
                                    double *ret_probabilities, struct lx_error *err)
{
    struct calibration calibration = {.kind = CALIBRATION_IDENTITY};
    size_t split = validation_begin(task->train_count);
    if (task->style == TRIAL_OURS) {
        enum lx_err code = calibration_fit(margins->own + split, margins->train_labels + split,
                                           NULL, task->train_count - split, 0, &calibration, err);
        if (code != LX_OK) return code;
    }
    for (size_t i = 0; i < task->test_count; i++)
        ret_probabilities[i] = calibration_probability(&calibration, margins->test[i]);
    return LX_OK;
}

static enum lx_err predict(const struct trial_task *task, struct trial_predictions *ret_predictions,
                           struct trial_predictions *ret_validation, struct lx_error *err)
{
    if (task->train_count < 2 * CALIBRATION_FOLDS * 5)
        return lx_fail(err, LX_ERR_BAD_INPUT, "%s: %zu rows are too few to hold a fifth back",
                       task->train->tables[0].file, task->train_count);
    struct drifting drifting = {.count = 0};
    struct margins margins = {0};
    double *given = ret_predictions->given;
    double *probabilities = lx_calloc(task->test_count, sizeof *probabilities);
    enum lx_err code = LX_OK;
    if (probabilities == NULL) code = lx_fail(err, LX_ERR_NO_MEMORY, "bank_marketing");
    if (code == LX_OK && task->style == TRIAL_OURS) code = find_drifting(task, &drifting, err);
    if (code == LX_OK) code = validate(task, &drifting, given, ret_validation, err);
    if (code == LX_OK) code = fit(task, &drifting, &margins, err);
    if (code == LX_OK) code = measure_drift(task, &margins, given, err);
    if (code == LX_OK) code = probabilities_of(task, &margins, probabilities, err);
    if (code == LX_OK)
        code = add_cases(ret_predictions, task->test_rows, probabilities, margins.test_labels,
                         task->test_count, err);
    lx_free(probabilities);
    release_margins(&margins);
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
    {"pr_auc", TRIAL_REAL, TRIAL_PR_AUC, 0, 0},
    {"roc_auc", TRIAL_REAL, TRIAL_ROC_AUC, 0, 0},
    {"ece_validation", TRIAL_REAL, TRIAL_GIVEN, ECE_VALIDATION, 0},
    {"ece_test", TRIAL_REAL, TRIAL_ECE, 0, 0},
    {"drift_alarm", TRIAL_FLAG, TRIAL_GIVEN, ALARM, 0},
    {"psi_inputs", TRIAL_REAL, TRIAL_GIVEN, PSI_INPUTS, 0},
    {"psi_scores", TRIAL_REAL, TRIAL_GIVEN, PSI_SCORES, 0},
    {"psi_labels", TRIAL_REAL, TRIAL_GIVEN, PSI_LABELS, 0},
    {"observed_over_expected_top10_validation", TRIAL_REAL, TRIAL_GIVEN, TOP10_VALIDATION, 0},
    {"observed_over_expected_top1_validation", TRIAL_REAL, TRIAL_GIVEN, TOP1_VALIDATION, 0},
    {"observed_over_expected_top10_test", TRIAL_REAL, TRIAL_OVER_EXPECTED_10, 0, 0},
    {"observed_over_expected_top1_test", TRIAL_REAL, TRIAL_OVER_EXPECTED_1, 0, 0},
    {"positives", TRIAL_COUNT, TRIAL_POSITIVES, 0, 0},
};

const struct trial_kind trial_bank_marketing = {
    .name = "bank_marketing",
    .files = {"contacts.csv"},
    .is_in_time_order = true,
    .figures = figures,
    .figure_count = LX_COUNT_OF(figures),
    .check = check,
    .predict = predict,
    .summarise = trial_summarise_single,
    .name_case = trial_case_number,
    .name_candidate = name_candidate,
};
