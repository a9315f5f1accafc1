/* What the data sets share: from tables to matrices, and the one classifier. */
#include "model/trial_kind.h"

#include <math.h>

#include "learn/calibration.h"
#include "learn/ensemble.h"

enum lx_err trial_matrix(const struct trial_binding *binding, const struct trial_extra *extra,
                         const struct trial_data *data, const uint32_t *rows, size_t row_count,
                         struct matrix *ret_matrix, struct lx_error *err)
{
    size_t shared = binding->encoding->count;
    struct matrix matrix = {0};
    if (shared + extra->count == 0)
        return lx_fail(err, LX_ERR_BAD_INPUT, "%s: no column that changes from row to row",
                       data->tables[0].file);
    enum lx_err code = matrix_init(&matrix, shared + extra->count);
    if (code == LX_OK && row_count > 0) code = matrix_reserve(&matrix, row_count);
    for (size_t i = 0; i < row_count && code == LX_OK; i++) {
        float *values;
        code = matrix_add_row(&matrix, &values);
        if (code != LX_OK) break;
        trial_fill(binding, rows[i], values);
        if (extra->count > 0) extra->fill(extra->context, data, rows[i], values + shared);
    }
    if (code != LX_OK) {
        matrix_release(&matrix);
        return lx_fail(err, code, "%s: %zu rows of %zu features: %s", data->tables[0].file,
                       row_count, shared + extra->count, lx_err_text(code));
    }
    *ret_matrix = matrix;
    return LX_OK;
}

static enum lx_err matrices_of(const struct trial_task *task, const struct trial_encoding *encoding,
                               const struct trial_extra *extra, struct trial_matrices *ret_matrices,
                               struct lx_error *err)
{
    struct trial_binding train = {.encoding = encoding}, test = {.encoding = encoding};
    struct trial_matrices matrices = {0};
    enum lx_err code = trial_bind(encoding, &task->train->tables[0], &train, err);
    if (code == LX_OK) code = trial_bind(encoding, &task->test->tables[0], &test, err);
    if (code == LX_OK)
        code = trial_matrix(&train, extra, task->train, task->train_rows, task->train_count,
                            &matrices.train, err);
    if (code == LX_OK)
        code = trial_matrix(&test, extra, task->test, task->test_rows, task->test_count,
                            &matrices.test, err);
    trial_binding_release(&train);
    trial_binding_release(&test);
    if (code != LX_OK) {
        trial_matrices_release(&matrices);
        return code;
    }
    *ret_matrices = matrices;
    return LX_OK;
}

enum lx_err trial_encode(const struct trial_task *task,
                         bool (*is_used)(const void *context, const struct trial_column *column),
                         const void *context, const struct trial_extra *extra,
                         struct trial_matrices *ret_matrices, struct lx_error *err)
{
    static const struct trial_extra none = {0};
    const struct trial_table *table = &task->train->tables[0];
    struct trial_encoding encoding = {0};
    enum lx_err code = LX_OK;
    for (size_t i = 0; i < table->column_count && code == LX_OK; i++)
        if (is_used == NULL || is_used(context, &table->columns[i]))
            code = trial_encoding_add(&encoding, task->style, &table->columns[i], task->train_rows,
                                      task->train_count, err);
    if (code == LX_OK)
        code = matrices_of(task, &encoding, extra == NULL ? &none : extra, ret_matrices, err);
    trial_encoding_release(&encoding);
    return code;
}

void trial_matrices_release(struct trial_matrices *matrices)
{
    matrix_release(&matrices->train);
    matrix_release(&matrices->test);
}

static enum lx_err calibrate(const float *labels, const double *own_margins, size_t count,
                             struct calibration *ret_calibration, struct lx_error *err)
{
    uint8_t *flags = lx_calloc(count, 1);
    if (flags == NULL) return lx_fail(err, LX_ERR_NO_MEMORY, "calibration of %zu rows", count);
    for (size_t i = 0; i < count; i++) flags[i] = labels[i] > 0;
    enum lx_err code = calibration_fit(own_margins, flags, NULL, count, 0, ret_calibration, err);
    lx_free(flags);
    return code;
}

static void take_share(const float *labels, size_t label_count, size_t count,
                       double *ret_probabilities)
{
    double positives = 0;
    for (size_t i = 0; i < label_count; i++) positives += labels[i] > 0;
    for (size_t i = 0; i < count; i++) ret_probabilities[i] = positives / (double)label_count;
}

enum lx_err trial_classify(const struct trial_task *task, const struct matrix *train,
                           const float *labels, const struct matrix *test,
                           double *ret_probabilities, struct lx_error *err)
{
    if (task->style == TRIAL_POPULARITY) {
        take_share(labels, train->row_count, test->row_count, ret_probabilities);
        return LX_OK;
    }
    bool is_ours = task->style == TRIAL_OURS;
    struct ensemble_params params =
        is_ours ? ensemble_params_default(XGB_BINARY, 0) : ensemble_params_plain(XGB_BINARY, 0);
    struct calibration calibration = {.kind = CALIBRATION_IDENTITY};
    struct ensemble *ensemble = NULL;
    params.seed = task->seed;
    if (is_ours) params.balance = task->balance;
    double *own_margins = lx_calloc(train->row_count + 1, sizeof *own_margins);
    enum lx_err code = own_margins == NULL ? lx_fail(err, LX_ERR_NO_MEMORY, "margins") : LX_OK;
    if (code == LX_OK)
        code = ensemble_fit(&params, train, labels, NULL, NULL, task->env, &ensemble,
                            is_ours ? own_margins : NULL, err);
    if (code == LX_OK && is_ours)
        code = calibrate(labels, own_margins, train->row_count, &calibration, err);
    if (code == LX_OK)
        code = ensemble_margins(ensemble, test, task->env->thread_count, ret_probabilities, err);
    for (size_t i = 0; i < test->row_count && code == LX_OK; i++)
        ret_probabilities[i] = calibration_probability(&calibration, ret_probabilities[i]);
    lx_free(own_margins);
    ensemble_close(ensemble);
    return code;
}
