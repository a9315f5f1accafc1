#include "model/trial.h"

#include <math.h>

#include "base/rng.h"
#include "model/trial_kind.h"

enum { PARTS_MAX = 10000 };

/* One part of the data predicted from other rows, in all three ways. */
struct part {
    double ours[TRIAL_FIGURES_MAX], plain[TRIAL_FIGURES_MAX], popularity[TRIAL_FIGURES_MAX];
    double test_over_train; /* how many rows of each */
    double by_method[SAMPLING_COUNT][TRIAL_FIGURES_MAX], seconds[SAMPLING_COUNT];
};

struct validation {
    const struct trial_crossvalidation *options;
    const struct lx_env *env;
    struct trial_data data;
    uint32_t *order; /* of all rows: drawn, or as they are */
    uint32_t *train_rows, *test_rows;
    struct part *parts;
    size_t part_count;
    bool has_methods; /* every balance method in place of the three ways */
};

static size_t part_total(const struct validation *validation)
{
    return (size_t)validation->options->repeats * (size_t)validation->options->folds;
}

/* Consecutive blocks of the later half; the rows before a block are what it is learnt from. */
static void split_by_time(const struct validation *validation, size_t part, size_t *ret_train,
                          size_t *ret_test)
{
    size_t count = validation->data.row_count, half = count / 2, total = part_total(validation);
    size_t begin = half + (count - half) * part / total;
    size_t end = half + (count - half) * (part + 1) / total;
    for (size_t i = 0; i < end; i++)
        *(i < begin ? &validation->train_rows[i] : &validation->test_rows[i - begin]) = (uint32_t)i;
    *ret_train = begin;
    *ret_test = end - begin;
}

/* The rare class is dealt to the folds on its own, so that each has its share of it. */
static void split_by_chance(struct validation *validation, size_t part, size_t *ret_train,
                            size_t *ret_test)
{
    size_t folds = (size_t)validation->options->folds, count = validation->data.row_count;
    size_t fold = part % folds, dealt[2] = {0}, train = 0, test = 0;
    for (size_t i = 0; i < count; i++) validation->order[i] = (uint32_t)i;
    struct lx_rng rng = lx_rng_of(validation->options->seed, part / folds);
    lx_rng_shuffle(&rng, validation->order, count);
    for (size_t i = 0; i < count; i++) {
        uint32_t row = validation->order[i];
        if (dealt[validation->data.labels[row]]++ % folds == fold)
            validation->test_rows[test++] = row;
        else
            validation->train_rows[train++] = row;
    }
    *ret_train = train;
    *ret_test = test;
}

/* Two steps a part: ours, then the plain tool. */
static void report(const struct validation *validation, size_t steps)
{
    const struct lx_env *env = validation->env;
    if (env->progress != NULL)
        env->progress(env->context, "cross-validation", steps, 2 * part_total(validation));
}

static enum lx_err run_methods(const struct validation *validation, struct trial_task *task,
                               struct part *part, struct lx_error *err)
{
    const struct lx_env *env = validation->env;
    for (int i = 0; i < SAMPLING_COUNT; i++) {
        int64_t begin_ns = env->elapsed_ns(env->context);
        task->balance = (enum sampling)i;
        enum lx_err code = trial_measure(task, true, part->by_method[i], err);
        if (code != LX_OK) return lx_error_prefix(err, "%s", sampling_name(task->balance));
        part->seconds[i] = (double)(env->elapsed_ns(env->context) - begin_ns) / 1e9;
    }
    return LX_OK;
}

static enum lx_err run_part(struct validation *validation, size_t n, struct lx_error *err)
{
    struct part *part = &validation->parts[n];
    size_t train = 0, test = 0;
    if (validation->data.kind->is_in_time_order)
        split_by_time(validation, n, &train, &test);
    else
        split_by_chance(validation, n, &train, &test);
    if (train == 0 || test == 0)
        return lx_fail(err, LX_ERR_BAD_INPUT, "%s: %zu rows are too few for %zu parts",
                       validation->data.tables[0].file, validation->data.row_count,
                       part_total(validation));

    struct lx_env env = *validation->env;
    env.progress = NULL; /* what is counted are the parts, not the trees in them */
    struct trial_task task = {.train = &validation->data,
                              .test = &validation->data,
                              .train_rows = validation->train_rows,
                              .test_rows = validation->test_rows,
                              .train_count = train,
                              .test_count = test,
                              .style = TRIAL_OURS,
                              .balance = validation->options->balance,
                              .seed = validation->options->seed + n,
                              .env = &env};
    part->test_over_train = (double)test / (double)train;
    if (validation->has_methods) return run_methods(validation, &task, part, err);
    enum lx_err code = trial_measure(&task, true, part->ours, err);
    if (code == LX_OK) report(validation, 2 * n + 1);
    task.style = TRIAL_PLAIN;
    task.balance = SAMPLING_NONE;
    if (code == LX_OK) code = trial_measure(&task, true, part->plain, err);
    task.style = TRIAL_POPULARITY;
    if (code == LX_OK) code = trial_measure(&task, true, part->popularity, err);
    return code;
}

/* The 97.5 % point of Student's distribution: Hill's expansion about the normal's (Abramowitz and
 * Stegun 26.7.5), good to a thousandth from four degrees of freedom on. */
static double student(double freedom)
{
    const double z = 1.959963984540054, z3 = z * z * z, z5 = z3 * z * z, z7 = z5 * z * z;
    double g1 = (z3 + z) / 4, g2 = (5 * z5 + 16 * z3 + 3 * z) / 96;
    double g3 = (3 * z7 + 19 * z5 + 17 * z3 - 15 * z) / 384;
    return z + g1 / freedom + g2 / pow(freedom, 2) + g3 / pow(freedom, 3);
}

static void compare(const struct validation *validation, size_t figure,
                    struct trial_difference *ret_difference)
{
    double ours = 0, plain = 0, popularity = 0, square = 0, overlap = 0, count = 0;
    for (size_t i = 0; i < validation->part_count; i++) {
        const struct part *part = &validation->parts[i];
        if (isnan(part->ours[figure]) || isnan(part->plain[figure])) continue;
        ours += part->ours[figure];
        plain += part->plain[figure];
        popularity += part->popularity[figure];
        overlap += part->test_over_train;
        count++;
    }
    double mean = (ours - plain) / count;
    for (size_t i = 0; i < validation->part_count; i++) {
        const struct part *part = &validation->parts[i];
        double off = part->ours[figure] - part->plain[figure] - mean;
        if (!isnan(off)) square += off * off;
    }
    double half = NAN;
    if (count > 1)
        half = student(count - 1) * sqrt((1 / count + overlap / count) * square / (count - 1));
    *ret_difference = (struct trial_difference){
        .name = validation->data.kind->figures[figure].name,
        .group = trial_figure_group(validation->data.kind, figure),
        .ours = ours / count,
        .plain = plain / count,
        .popularity = popularity / count,
        .difference = mean,
        .low = mean - half,
        .high = mean + half,
    };
}

/* One method in the place of ours, none in that of the plain tool. */
static void compare_with_none(struct validation *validation, int method, size_t figure,
                              struct trial_difference *ret_difference)
{
    for (size_t i = 0; i < validation->part_count; i++) {
        struct part *part = &validation->parts[i];
        part->ours[figure] = part->by_method[method][figure];
        part->plain[figure] = part->by_method[SAMPLING_NONE][figure];
    }
    compare(validation, figure, ret_difference);
}

static enum lx_err run_parts(struct validation *validation, struct lx_error *err)
{
    size_t total = part_total(validation), count = validation->data.row_count;
    validation->order = lx_calloc(count, sizeof *validation->order);
    validation->train_rows = lx_calloc(count, sizeof *validation->train_rows);
    validation->test_rows = lx_calloc(count, sizeof *validation->test_rows);
    validation->parts = lx_calloc(total, sizeof *validation->parts);
    if (validation->order == NULL || validation->train_rows == NULL ||
        validation->test_rows == NULL || validation->parts == NULL)
        return lx_fail(err, LX_ERR_NO_MEMORY, "cross-validation of %zu rows", count);
    enum lx_err code = LX_OK;
    report(validation, 0);
    for (size_t n = 0; n < total && code == LX_OK; n++) {
        code = run_part(validation, n, err);
        if (code != LX_OK) {
            lx_error_prefix(err, "part %zu of %zu", n + 1, total);
            break;
        }
        validation->part_count++;
        report(validation, 2 * n + 2);
    }
    return code;
}

/* Reads the data and measures every part. */
static enum lx_err validate(struct validation *validation, struct lx_error *err)
{
    const struct trial_crossvalidation *options = validation->options;
    const struct trial_kind *kind = trial_kind_find(options->name);
    if (kind == NULL) return lx_fail(err, LX_ERR_USAGE, "no trial \"%.60s\"", options->name);
    if (kind->run != NULL)
        return lx_fail(err, LX_ERR_USAGE,
                       "%s has a training and a test part of its own: --test PATH", kind->name);
    if (options->repeats < 1 || options->folds < 2 ||
        (int64_t)options->repeats * options->folds > PARTS_MAX)
        return lx_fail(err, LX_ERR_USAGE,
                       "%d repeats of %d folds: at least 1 of 2, at most %d parts in all",
                       options->repeats, options->folds, PARTS_MAX);
    enum lx_err code = trial_data_read(kind, options->path, &validation->data, err);
    return code == LX_OK ? run_parts(validation, err) : code;
}

static void validation_release(struct validation *validation)
{
    lx_free(validation->order);
    lx_free(validation->train_rows);
    lx_free(validation->test_rows);
    lx_free(validation->parts);
    trial_data_release(&validation->data);
}

enum lx_err trial_crossvalidate(const struct trial_crossvalidation *options,
                                const struct lx_env *env, struct trial_comparison *ret_comparison,
                                struct lx_error *err)
{
    int64_t begin_ns = env->elapsed_ns(env->context);
    struct validation validation = {.options = options, .env = env};
    struct trial_comparison comparison = {.figure_count = 0};
    enum lx_err code = validate(&validation, err);
    if (code == LX_OK) {
        comparison.figure_count = validation.data.kind->figure_count;
        for (size_t i = 0; i < comparison.figure_count; i++)
            compare(&validation, i, &comparison.figures[i]);
        comparison.part_count = validation.part_count;
        comparison.rows = validation.data.row_count;
        comparison.seconds = (double)(env->elapsed_ns(env->context) - begin_ns) / 1e9;
        *ret_comparison = comparison;
    }
    validation_release(&validation);
    return code;
}

enum lx_err trial_compare(const struct trial_crossvalidation *options, const struct lx_env *env,
                          struct trial_methods *ret_methods, struct lx_error *err)
{
    int64_t begin_ns = env->elapsed_ns(env->context);
    struct validation validation = {.options = options, .env = env, .has_methods = true};
    enum lx_err code = validate(&validation, err);
    if (code == LX_OK) {
        *ret_methods = (struct trial_methods){.figure_count = validation.data.kind->figure_count,
                                              .part_count = validation.part_count,
                                              .rows = validation.data.row_count};
        for (int m = 0; m < SAMPLING_COUNT; m++) {
            struct trial_method *method = &ret_methods->methods[m];
            method->balance = (enum sampling)m;
            for (size_t i = 0; i < ret_methods->figure_count; i++)
                compare_with_none(&validation, m, i, &method->figures[i]);
            for (size_t i = 0; i < validation.part_count; i++)
                method->seconds += validation.parts[i].seconds[m];
        }
        ret_methods->seconds = (double)(env->elapsed_ns(env->context) - begin_ns) / 1e9;
    }
    validation_release(&validation);
    return code;
}
