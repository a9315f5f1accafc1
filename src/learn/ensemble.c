#include "learn/ensemble.h"

#include <math.h>
#include <string.h>

#include "base/limits.h"
#include "base/rng.h"
#include "learn/calibration.h"
#include "learn/scorer.h"

enum { SCORE_BLOCK = 1 << 16, MODEL_BYTES_MAX = FOREST_BYTES_MAX };

struct member {
    struct scorer *scorer;
    double prior_shift;
};

struct ensemble {
    struct member *members;
    size_t member_count, output_count;
};

/* One fitting: what is learnt from, and which fold each row is in. */
struct fitting {
    const struct ensemble_params *params;
    const struct matrix *matrix;
    const float *labels, *weights;
    const struct lx_env *env;
    struct ensemble *ensemble;
    uint8_t *folds;
    int member; /* being trained */
    struct lx_error *err;
};

struct ensemble_params ensemble_params_default(enum xgb_objective objective, int class_count)
{
    struct xgb_params trees = xgb_params_default(objective);
    trees.class_count = class_count;
    trees.column_sample = 0.5;
    bool is_multiclass = objective == XGB_MULTICLASS;
    trees.learning_rate = is_multiclass ? 0.1 : 0.03;
    return (struct ensemble_params){
        .trees = trees, .member_count = is_multiclass ? 1 : 5, .seed = 1};
}

struct ensemble_params ensemble_params_plain(enum xgb_objective objective, int class_count)
{
    struct xgb_params trees = xgb_params_default(objective);
    trees.class_count = class_count;
    return (struct ensemble_params){.trees = trees, .member_count = 1, .seed = 1};
}

static uint32_t case_of(const uint32_t *cases, size_t row)
{
    return cases == NULL ? (uint32_t)row : cases[row];
}

/* Deals the cases to the folds in a drawn order, each class on its own, so that folds are equally
 * large and equally rich in the rare class. A case's class is that of its first row. */
static enum lx_err deal_folds(struct fitting *fitting, const uint32_t *cases)
{
    size_t count = fitting->matrix->row_count, case_count = 0;
    size_t class_count = fitting->params->trees.objective == XGB_MULTICLASS
                             ? (size_t)fitting->params->trees.class_count
                             : 2;
    for (size_t i = 0; i < count; i++)
        if (case_of(cases, i) >= case_count) case_count = (size_t)case_of(cases, i) + 1;
    enum lx_err code = LX_ERR_NO_MEMORY;
    uint32_t *order = lx_calloc(case_count, sizeof *order);
    float *classes = lx_calloc(case_count, sizeof *classes);
    uint8_t *case_folds = lx_calloc(case_count, 1);
    size_t *dealt = lx_calloc(class_count, sizeof *dealt);
    fitting->folds = lx_calloc(count, 1);
    if (order == NULL || classes == NULL || case_folds == NULL || dealt == NULL ||
        fitting->folds == NULL)
        goto out;

    for (size_t i = count; i > 0; i--) classes[case_of(cases, i - 1)] = fitting->labels[i - 1];
    for (size_t i = 0; i < case_count; i++) order[i] = (uint32_t)i;
    struct lx_rng rng = lx_rng_of(fitting->params->seed, 0);
    lx_rng_shuffle(&rng, order, case_count);
    for (size_t i = 0; i < case_count; i++) {
        size_t class = (size_t)classes[order[i]];
        LX_ASSERT(class < class_count);
        case_folds[order[i]] = (uint8_t)(dealt[class]++ % (size_t)fitting->params->member_count);
    }
    for (size_t i = 0; i < count; i++) fitting->folds[i] = case_folds[case_of(cases, i)];
    code = LX_OK;
out:
    lx_free(order);
    lx_free(classes);
    lx_free(case_folds);
    lx_free(dealt);
    return code;
}

/* Rounds of one member become steps of the whole. */
static void progress(void *context, const char *what, uint64_t done, uint64_t total)
{
    const struct fitting *fitting = context;
    const struct lx_env *env = fitting->env;
    if (env->progress == NULL) return;
    env->progress(env->context, what, done + total * (uint64_t)fitting->member,
                  total * (uint64_t)fitting->params->member_count);
}

static enum lx_err train_member(struct fitting *fitting, const struct xgb_params *shape,
                                const struct matrix *matrix, const float *labels,
                                const float *weights, struct member *member)
{
    struct xgb_params trees = *shape;
    struct lx_env env = {.context = fitting, .progress = progress};
    struct lx_buffer model;
    struct forest *forest = NULL;
    trees.seed = fitting->params->seed * ENSEMBLE_MEMBERS_MAX + (uint64_t)fitting->member;
    trees.thread_count = fitting->env->thread_count;
    lx_buffer_init(&model, MODEL_BYTES_MAX);
    enum lx_err code = xgb_train(&trees, matrix, labels, weights, &env, &model, fitting->err);
    if (code == LX_OK) code = forest_load_json(model.bytes, model.length, &forest, fitting->err);
    if (code == LX_OK) code = scorer_open(forest, SCORER_BEST, &member->scorer, fitting->err);
    forest_close(forest);
    lx_buffer_release(&model);
    return code;
}

/* Two classes go through balancing, which says by how much it moved the rate. */
static enum lx_err balance_and_train(struct fitting *fitting, const struct matrix *matrix,
                                     const float *labels, const float *weights,
                                     struct member *member)
{
    struct xgb_params shape = fitting->params->trees;
    if (shape.objective != XGB_BINARY || fitting->params->balance == SAMPLING_NONE)
        return train_member(fitting, &shape, matrix, labels, weights, member);

    struct sampled sampled;
    const struct sampling_plan plan = {.method = fitting->params->balance,
                                       .seed = fitting->params->seed * ENSEMBLE_MEMBERS_MAX +
                                               (uint64_t)fitting->member,
                                       .thread_count = fitting->env->thread_count,
                                       .is_scaled = true};
    enum lx_err code = sampling_apply(&plan, matrix, labels, weights, &sampled, fitting->err);
    if (code != LX_OK) return code;
    sampling_shape(&plan, &shape);
    code = train_member(fitting, &shape, &sampled.matrix, sampled.labels, sampled.weights, member);
    member->prior_shift = calibration_prior_shift(sampled.true_rate, sampled.sampled_rate);
    sampled_release(&sampled);
    return code;
}

/* The rows outside the member's fold; all of them where there is but one member. */
static enum lx_err fit_member(struct fitting *fitting, struct member *member)
{
    size_t count = fitting->matrix->row_count, kept = 0;
    if (fitting->params->member_count == 1)
        return balance_and_train(fitting, fitting->matrix, fitting->labels, fitting->weights,
                                 member);
    struct matrix matrix = {0};
    enum lx_err code = LX_ERR_NO_MEMORY;
    uint32_t *rows = lx_calloc(count, sizeof *rows);
    float *labels = lx_calloc(count, sizeof *labels), *weights = lx_calloc(count, sizeof *weights);
    if (rows == NULL || labels == NULL || weights == NULL) goto out;
    for (size_t i = 0; i < count; i++) {
        if (fitting->folds[i] == fitting->member) continue;
        labels[kept] = fitting->labels[i];
        weights[kept] = fitting->weights == NULL ? 1 : fitting->weights[i];
        rows[kept++] = (uint32_t)i;
    }
    code = matrix_copy_rows(fitting->matrix, rows, kept, &matrix);
    if (code == LX_OK)
        code = balance_and_train(fitting, &matrix, labels,
                                 fitting->weights == NULL ? NULL : weights, member);
out:
    lx_free(rows);
    lx_free(labels);
    lx_free(weights);
    matrix_release(&matrix);
    return code;
}

static void softmax(double *values, size_t count)
{
    double highest = values[0], sum = 0;
    for (size_t i = 1; i < count; i++) highest = fmax(highest, values[i]);
    for (size_t i = 0; i < count; i++) sum += values[i] = exp(values[i] - highest);
    for (size_t i = 0; i < count; i++) values[i] /= sum;
}

/* Adds one member's say of a row to `sums`: its log-odds, or its probabilities. */
static void add_row(const struct ensemble *ensemble, const struct member *member,
                    const float *margins, double *sums)
{
    double values[FOREST_GROUPS_MAX];
    size_t outputs = ensemble->output_count;
    for (size_t i = 0; i < outputs; i++) values[i] = (double)margins[i] + member->prior_shift;
    if (outputs > 1) softmax(values, outputs);
    for (size_t i = 0; i < outputs; i++) sums[i] += values[i];
}

/* From sums over `members` to margins. A probability of nothing stays finite. */
static void finish_rows(const struct ensemble *ensemble, double members, size_t row_count,
                        double *sums)
{
    for (size_t i = 0; i < row_count * ensemble->output_count; i++) {
        double mean = sums[i] / members;
        sums[i] = ensemble->output_count > 1 ? log(fmax(mean, 1e-30)) : mean;
    }
}

static enum lx_err add_margins(const struct ensemble *ensemble, const struct member *member,
                               const struct matrix *matrix, int thread_count, double *sums,
                               struct lx_error *err)
{
    size_t outputs = ensemble->output_count, count = matrix->row_count;
    float *margins =
        lx_calloc((count < SCORE_BLOCK ? count + 1 : SCORE_BLOCK) * outputs, sizeof *margins);
    if (margins == NULL) return lx_fail(err, LX_ERR_NO_MEMORY, "scoring %zu rows", count);
    enum lx_err code = LX_OK;
    for (size_t begin = 0; begin < count && code == LX_OK; begin += SCORE_BLOCK) {
        size_t left = count - begin, size = left < SCORE_BLOCK ? left : SCORE_BLOCK;
        code = scorer_score_threads(member->scorer, matrix_row(matrix, begin), size, thread_count,
                                    margins, err);
        for (size_t i = 0; i < size && code == LX_OK; i++)
            add_row(ensemble, member, margins + i * outputs, sums + (begin + i) * outputs);
    }
    lx_free(margins);
    return code;
}

enum lx_err ensemble_margins(const struct ensemble *ensemble, const struct matrix *matrix,
                             int thread_count, double *ret_margins, struct lx_error *err)
{
    size_t value_count = matrix->row_count * ensemble->output_count;
    for (size_t i = 0; i < value_count; i++) ret_margins[i] = 0;
    for (size_t i = 0; i < ensemble->member_count; i++) {
        LX_ASSERT(scorer_feature_count(ensemble->members[i].scorer) == matrix->column_count);
        enum lx_err code =
            add_margins(ensemble, &ensemble->members[i], matrix, thread_count, ret_margins, err);
        if (code != LX_OK) return code;
    }
    finish_rows(ensemble, (double)ensemble->member_count, matrix->row_count, ret_margins);
    return LX_OK;
}

/* What the member that has not seen it says of each row. */
static enum lx_err own_margins(const struct fitting *fitting, double *ret_margins)
{
    const struct ensemble *ensemble = fitting->ensemble;
    size_t count = fitting->matrix->row_count, outputs = ensemble->output_count;
    double *all = lx_calloc(count * outputs, sizeof *all);
    if (all == NULL) return lx_fail(fitting->err, LX_ERR_NO_MEMORY, "margins of %zu rows", count);
    enum lx_err code = LX_OK;
    for (size_t m = 0; m < ensemble->member_count && code == LX_OK; m++) {
        memset(all, 0, count * outputs * sizeof *all);
        code = add_margins(ensemble, &ensemble->members[m], fitting->matrix,
                           fitting->env->thread_count, all, fitting->err);
        for (size_t i = 0; i < count && code == LX_OK; i++)
            if (fitting->folds[i] == m)
                memcpy(ret_margins + i * outputs, all + i * outputs, outputs * sizeof *all);
    }
    finish_rows(ensemble, 1, count, ret_margins);
    lx_free(all);
    return code;
}

static enum lx_err fit(struct fitting *fitting, const uint32_t *cases)
{
    struct ensemble *ensemble = fitting->ensemble;
    size_t member_count = (size_t)fitting->params->member_count;
    ensemble->members = lx_calloc(member_count, sizeof *ensemble->members);
    enum lx_err code = ensemble->members == NULL ? LX_ERR_NO_MEMORY : deal_folds(fitting, cases);
    for (size_t i = 0; i < member_count && code == LX_OK; i++) {
        fitting->member = (int)i;
        ensemble->member_count = i + 1;
        code = fit_member(fitting, &ensemble->members[i]);
        if (code == LX_ERR_BAD_INPUT) lx_error_prefix(fitting->err, "part %zu", i + 1);
    }
    if (code == LX_ERR_NO_MEMORY)
        lx_fail(fitting->err, code, "training on %zu rows", fitting->matrix->row_count);
    return code;
}

enum lx_err ensemble_fit(const struct ensemble_params *params, const struct matrix *matrix,
                         const float *labels, const float *weights, const uint32_t *cases,
                         const struct lx_env *env, struct ensemble **ret_ensemble,
                         double *ret_own_margins, struct lx_error *err)
{
    LX_ASSERT(params->trees.margins == NULL); /* members have rows of their own */
    LX_ASSERT(params->member_count >= 1 && params->member_count <= ENSEMBLE_MEMBERS_MAX);
    LX_ASSERT(ret_own_margins == NULL || params->member_count > 1);
    LX_ASSERT(params->trees.objective != XGB_REGRESSION && matrix->row_count <= UINT32_MAX);

    if (matrix->row_count == 0) return lx_fail(err, LX_ERR_BAD_INPUT, "training: no rows");
    struct fitting fitting = {.params = params,
                              .matrix = matrix,
                              .labels = labels,
                              .weights = weights,
                              .env = env,
                              .err = err};
    fitting.ensemble = lx_calloc(1, sizeof *fitting.ensemble);
    if (fitting.ensemble == NULL) return lx_fail(err, LX_ERR_NO_MEMORY, "training");
    fitting.ensemble->output_count =
        params->trees.objective == XGB_MULTICLASS ? (size_t)params->trees.class_count : 1;
    enum lx_err code = fit(&fitting, cases);
    if (code == LX_OK && ret_own_margins != NULL) code = own_margins(&fitting, ret_own_margins);
    lx_free(fitting.folds);
    if (code != LX_OK) {
        ensemble_close(fitting.ensemble);
        return code;
    }
    *ret_ensemble = fitting.ensemble;
    return LX_OK;
}

void ensemble_close(struct ensemble *ensemble)
{
    if (ensemble == NULL) return;
    for (size_t i = 0; i < ensemble->member_count; i++) scorer_close(ensemble->members[i].scorer);
    lx_free(ensemble->members);
    lx_free(ensemble);
}

size_t ensemble_output_count(const struct ensemble *ensemble)
{
    return ensemble->output_count;
}
