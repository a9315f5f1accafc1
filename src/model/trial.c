#include "model/trial.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "host/file.h"
#include "model/trial_kind.h"

static const struct trial_kind *const kinds[] = {
    &trial_coil2000,      &trial_santander,       &trial_bank_marketing, &trial_zimnat,
    &trial_zimnat_rounds, &trial_coil2000_rounds, &trial_open_bandit,
};

const char *trial_name(size_t n)
{
    return n < LX_COUNT_OF(kinds) ? kinds[n]->name : NULL;
}

bool trial_exists(const char *name)
{
    return trial_kind_find(name) != NULL;
}

const struct trial_kind *trial_kind_find(const char *name)
{
    for (size_t i = 0; i < LX_COUNT_OF(kinds); i++)
        if (strcmp(kinds[i]->name, name) == 0) return kinds[i];
    return NULL;
}

const char *trial_figure_group(const struct trial_kind *kind, size_t figure)
{
    return kind->groups == NULL ? NULL : kind->groups[figure / kind->group_size];
}

static enum lx_err find(const char *name, const struct trial_kind **ret_kind, struct lx_error *err)
{
    *ret_kind = trial_kind_find(name);
    if (*ret_kind != NULL) return LX_OK;
    return lx_fail(err, LX_ERR_USAGE,
                   "no trial \"%.60s\"; there are coil2000, santander, bank_marketing, zimnat, "
                   "zimnat_rounds, coil2000_rounds, open_bandit",
                   name);
}

/* The n-th file of a folder; a file that is given in place of the folder is the first one, and its
 * sisters stand beside it. */
static enum lx_err path_of(const struct trial_kind *kind, const char *path, size_t n,
                           char ret_path[LX_PATH_MAX], struct lx_error *err)
{
    if (host_is_folder(path)) return host_join(ret_path, path, kind->files[n], err);
    if (n == 0) {
        size_t length = strlen(path);
        if (length >= LX_PATH_MAX) return lx_fail(err, LX_ERR_LIMIT, "%.60s...: too long", path);
        memcpy(ret_path, path, length + 1);
        return LX_OK;
    }
    char folder[LX_PATH_MAX] = ".";
    const char *slash = strrchr(path, '/');
    if (slash != NULL) {
        if (slash - path >= LX_PATH_MAX)
            return lx_fail(err, LX_ERR_LIMIT, "%.60s...: too long", path);
        memcpy(folder, path, (size_t)(slash - path) + 1);
        folder[slash - path + 1] = 0;
    }
    return host_join(ret_path, folder, kind->files[n], err);
}

enum lx_err trial_data_read(const struct trial_kind *kind, const char *path,
                            struct trial_data *ret_data, struct lx_error *err)
{
    struct trial_data data = {.kind = kind};
    enum lx_err code = LX_OK;
    for (size_t i = 0; i < TRIAL_FILES_MAX && kind->files[i] != NULL && code == LX_OK; i++) {
        char file[LX_PATH_MAX];
        code = path_of(kind, path, i, file, err);
        if (code == LX_OK) code = trial_table_read(file, &data.tables[i], err);
        if (code == LX_OK && i > 0 && data.tables[i].row_count != data.tables[0].row_count)
            code = lx_fail(err, LX_ERR_BAD_INPUT, "%s: %zu rows, %s has %zu", data.tables[i].file,
                           data.tables[i].row_count, data.tables[0].file, data.tables[0].row_count);
    }
    data.row_count = data.tables[0].row_count;
    if (code == LX_OK) {
        data.labels = lx_calloc(data.row_count, 1);
        code = data.labels == NULL ? lx_fail(err, LX_ERR_NO_MEMORY, "%s", path)
                                   : kind->check(&data, err);
    }
    if (code != LX_OK) {
        trial_data_release(&data);
        return code;
    }
    *ret_data = data;
    return LX_OK;
}

void trial_data_release(struct trial_data *data)
{
    for (size_t i = 0; i < TRIAL_FILES_MAX; i++) trial_table_release(&data->tables[i]);
    lx_free(data->labels);
    *data = (struct trial_data){0};
}

enum lx_err trial_measure(const struct trial_task *task, bool is_fold, double *ret_values,
                          struct lx_error *err)
{
    const struct trial_kind *kind = task->train->kind;
    struct trial_predictions predictions = {0}, validation = {0};
    struct trial_cases cases = {0};
    enum lx_err code = kind->predict(task, &predictions, &validation, err);
    if (code == LX_OK) {
        code = trial_cases_init(&cases, predictions.case_count);
        if (code == LX_OK) code = kind->summarise(&predictions, &cases);
        for (size_t i = 0; i < kind->figure_count && code == LX_OK; i++)
            code =
                trial_figure_of(&kind->figures[i], &cases, &predictions, is_fold, &ret_values[i]);
        if (code != LX_OK) lx_fail(err, code, "figures of %zu cases", predictions.case_count);
    }
    trial_cases_release(&cases);
    trial_predictions_release(&predictions);
    trial_predictions_release(&validation);
    return code;
}

void trial_case_number(const struct trial_data *data, uint32_t row, char text[TRIAL_NAME_SIZE])
{
    (void)data;
    snprintf(text, TRIAL_NAME_SIZE, "%" PRIu32, row + 1);
}

enum lx_err trial_summarise_single(const struct trial_predictions *predictions,
                                   struct trial_cases *cases)
{
    trial_cases_single(predictions, cases);
    return LX_OK;
}

static void name_case(const void *context, uint32_t row, char text[TRIAL_NAME_SIZE])
{
    const struct trial_data *data = context;
    data->kind->name_case(data, row, text);
}

static void name_candidate(const void *context, uint16_t candidate, char text[TRIAL_NAME_SIZE])
{
    const struct trial_data *data = context;
    data->kind->name_candidate(data, candidate, text);
}

static enum lx_err write(const struct trial_options *options, const struct trial_task *task,
                         const struct trial_predictions *predictions,
                         const struct trial_predictions *validation, struct lx_error *err)
{
    if (options->predictions == NULL) return LX_OK;
    struct trial_names names = {task->test, name_case, name_candidate};
    enum lx_err code = trial_predictions_write(predictions, &names, options->predictions, err);
    if (code != LX_OK || validation->case_count == 0) return code;

    char path[LX_PATH_MAX];
    int length = snprintf(path, sizeof path, "%s.validation", options->predictions);
    if (length < 0 || (size_t)length >= sizeof path)
        return lx_fail(err, LX_ERR_LIMIT, "%.60s...: too long", options->predictions);
    names.context = task->train;
    return trial_predictions_write(validation, &names, path, err);
}

enum lx_err trial_labels_of(struct trial_data *data, const char *column, const char *positive,
                            const char *negative, struct lx_error *err)
{
    const struct trial_column *label;
    enum lx_err code = trial_table_column(&data->tables[0], column, &label, err);
    for (size_t i = 0; i < data->row_count && code == LX_OK; i++) {
        const char *text = trial_text(label, i);
        data->labels[i] = strcmp(text, positive) == 0;
        if (!data->labels[i] && strcmp(text, negative) != 0)
            code = lx_fail(err, LX_ERR_BAD_INPUT, "%s: row %zu: %s \"%.40s\" is neither %s nor %s",
                           data->tables[0].file, i + 1, column, text, positive, negative);
    }
    return code;
}

static enum lx_err figures_of(const struct trial_options *options, const struct trial_kind *kind,
                              const struct trial_predictions *predictions,
                              struct trial_result *result, struct lx_error *err)
{
    struct trial_cases cases;
    int resamples = options->resamples == 0 ? TRIAL_RESAMPLES : options->resamples;
    enum lx_err code = trial_cases_init(&cases, predictions->case_count);
    if (code == LX_OK) {
        code = kind->summarise(predictions, &cases);
        for (size_t i = 0; i < kind->figure_count && code == LX_OK; i++) {
            code = trial_figure_interval(&kind->figures[i], &cases, predictions, resamples,
                                         options->seed, &result->figures[i]);
            result->figures[i].group = trial_figure_group(kind, i);
        }
        trial_cases_release(&cases);
    }
    result->figure_count = kind->figure_count;
    if (code != LX_OK) return lx_fail(err, code, "figures of %zu cases", predictions->case_count);
    return LX_OK;
}

static enum lx_err run(const struct trial_options *options, struct trial_task *task,
                       struct trial_result *result, struct lx_error *err)
{
    const struct trial_kind *kind = task->train->kind;
    struct trial_predictions predictions = {0}, validation = {0};
    enum lx_err code = kind->predict(task, &predictions, &validation, err);
    if (code == LX_OK) code = figures_of(options, kind, &predictions, result, err);
    if (code == LX_OK) code = write(options, task, &predictions, &validation, err);
    trial_predictions_release(&predictions);
    trial_predictions_release(&validation);
    return code;
}

/* Row numbers 0, 1, 2 ...; NULL without memory. */
static uint32_t *all_rows(size_t count)
{
    uint32_t *rows = lx_calloc(count, sizeof *rows);
    for (size_t i = 0; rows != NULL && i < count; i++) rows[i] = (uint32_t)i;
    return rows;
}

enum lx_err trial_run(const struct trial_options *options, const struct lx_env *env,
                      struct trial_result *ret_result, struct lx_error *err)
{
    int64_t begin_ns = env->elapsed_ns(env->context);
    const struct trial_kind *kind;
    enum lx_err code = find(options->name, &kind, err);
    if (code != LX_OK) return code;

    struct trial_data train = {0}, test = {0};
    struct trial_result result = {0};
    if (kind->run != NULL) {
        code = kind->run(options, env, &result, err);
        if (code != LX_OK) return code;
        result.seconds = (double)(env->elapsed_ns(env->context) - begin_ns) / 1e9;
        *ret_result = result;
        return LX_OK;
    }
    uint32_t *train_rows = NULL, *test_rows = NULL;
    code = trial_data_read(kind, options->train, &train, err);
    if (code == LX_OK) code = trial_data_read(kind, options->test, &test, err);
    if (code == LX_OK) {
        train_rows = all_rows(train.row_count);
        test_rows = all_rows(test.row_count);
        if (train_rows == NULL || test_rows == NULL)
            code = lx_fail(err, LX_ERR_NO_MEMORY, "trial %s", options->name);
    }
    if (code == LX_OK) {
        struct trial_task task = {
            &train,         &test,      train_rows,       test_rows,     train.row_count,
            test.row_count, TRIAL_OURS, options->balance, options->seed, env};
        code = run(options, &task, &result, err);
    }
    result.train_rows = train.row_count;
    result.test_rows = test.row_count;
    lx_free(train_rows);
    lx_free(test_rows);
    trial_data_release(&train);
    trial_data_release(&test);
    if (code != LX_OK) return code;
    result.seconds = (double)(env->elapsed_ns(env->context) - begin_ns) / 1e9;
    *ret_result = result;
    return LX_OK;
}
