#include "learn/xgboost.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <xgboost/c_api.h>

enum { VALUE_SIZE = 64, EXTRA_LINE_MAX = 256 };

struct training {
    const struct xgb_params *params;
    const struct matrix *matrix;
    const float *labels, *weights;
    DMatrixHandle data;
    BoosterHandle booster;
    float *gradients, *hessians; /* XGB_FOCAL; owned */
    double focal_scale;
    struct lx_error *err;
};

struct xgb_params xgb_params_default(enum xgb_objective objective)
{
    return (struct xgb_params){.objective = objective,
                               .class_count = objective == XGB_MULTICLASS ? 2 : 0,
                               .round_count = 200,
                               .max_depth = 4,
                               .parallel_tree_count = 1,
                               .learning_rate = 0.1,
                               .min_child_weight = 1,
                               .lambda = 1,
                               .subsample = 1,
                               .column_sample = 1,
                               .seed = 1,
                               .thread_count = 1};
}

/* XGBoost answers with a status and keeps its message to itself until it is asked. */
static enum lx_err check(struct training *training, int status, const char *what)
{
    if (status == 0) return LX_OK;
    const char *message = XGBGetLastError();
    enum lx_err code = strstr(message, "bad_alloc") != NULL ? LX_ERR_NO_MEMORY : LX_ERR_IO;
    return lx_fail(training->err, code, "xgboost: %s: %s", what, message);
}

static enum lx_err set(struct training *training, const char *name, const char *value)
{
    return check(training, XGBoosterSetParam(training->booster, name, value), name);
}

static enum lx_err set_int(struct training *training, const char *name, int64_t value)
{
    char text[VALUE_SIZE];
    snprintf(text, sizeof text, "%" PRId64, value);
    return set(training, name, text);
}

static enum lx_err set_real(struct training *training, const char *name, double value)
{
    char text[VALUE_SIZE];
    snprintf(text, sizeof text, "%.17g", value);
    return set(training, name, text);
}

static double mean_label(const struct training *training)
{
    double sum = 0, weight_sum = 0;
    for (size_t i = 0; i < training->matrix->row_count; i++) {
        double weight = training->weights == NULL ? 1 : (double)training->weights[i];
        sum += weight * (double)training->labels[i];
        weight_sum += weight;
    }
    return sum / weight_sum;
}

/* Where boosting starts. Several classes start equal: XGBoost has one number for all of them. */
static double base_score(const struct training *training)
{
    if (training->params->margins != NULL) return 0.5;
    if (training->params->base_score != 0) return training->params->base_score;
    if (training->params->objective == XGB_MULTICLASS) return 0.5;
    double mean = mean_label(training);
    return training->params->objective == XGB_FOCAL ? focal_rate(&training->params->focal, mean)
                                                    : mean;
}

static enum lx_err set_objective(struct training *training)
{
    switch (training->params->objective) {
    case XGB_FOCAL:
    case XGB_BINARY: return set(training, "objective", "binary:logistic");
    case XGB_REGRESSION: return set(training, "objective", "reg:squarederror");
    case XGB_MULTICLASS: {
        enum lx_err code = set_int(training, "num_class", training->params->class_count);
        return code != LX_OK ? code : set(training, "objective", "multi:softprob");
    }
    }
    lx_bug(__FILE__, __LINE__, "objective");
}

/* "name=value" lines, for what struct xgb_params has no field for. */
static enum lx_err set_extra(struct training *training, const char *lines)
{
    enum lx_err code = LX_OK;
    for (const char *line = lines; line != NULL && *line != 0 && code == LX_OK;) {
        char text[EXTRA_LINE_MAX];
        size_t length = strcspn(line, "\n");
        char *equals = NULL;
        if (length < sizeof text) {
            memcpy(text, line, length);
            text[length] = 0;
            equals = strchr(text, '=');
        }
        if (length > 0 && equals == NULL)
            return lx_fail(training->err, LX_ERR_USAGE, "xgboost: \"%.40s\" is not name=value",
                           line);
        if (length > 0) {
            *equals = 0;
            code = set(training, text, equals + 1);
        }
        line += length + (line[length] == '\n');
    }
    return code;
}

static enum lx_err set_params(struct training *training)
{
    const struct xgb_params *params = training->params;
    const struct {
        const char *name;
        double value;
    } reals[] = {
        {"learning_rate", params->learning_rate},
        {"min_child_weight", params->min_child_weight},
        {"gamma", params->gamma},
        {"lambda", params->lambda},
        {"alpha", params->alpha},
        {"subsample", params->subsample},
        {"colsample_bytree", params->column_sample},
        {"colsample_bynode", params->node_column_sample == 0 ? 1 : params->node_column_sample},
        {"base_score", base_score(training)}};
    const struct {
        const char *name;
        int64_t value;
    } integers[] = {{"max_depth", params->max_depth},
                    {"num_parallel_tree", params->parallel_tree_count},
                    {"max_bin", params->max_bin == 0 ? 256 : params->max_bin},
                    {"seed", (int64_t)(params->seed & INT32_MAX)},
                    {"nthread", params->thread_count},
                    {"verbosity", 0}};
    enum lx_err code = set(training, "tree_method", "hist");
    if (code == LX_OK) code = set_objective(training);
    for (size_t i = 0; i < LX_COUNT_OF(reals) && code == LX_OK; i++)
        code = set_real(training, reals[i].name, reals[i].value);
    for (size_t i = 0; i < LX_COUNT_OF(integers) && code == LX_OK; i++)
        code = set_int(training, integers[i].name, integers[i].value);
    return code != LX_OK ? code : set_extra(training, params->extra);
}

static bool has_all_names(const struct matrix *matrix)
{
    for (size_t i = 0; matrix->names != NULL && i < matrix->column_count; i++)
        if (matrix->names[i] == NULL) return false;
    return matrix->names != NULL;
}

static enum lx_err load(struct training *training)
{
    const struct matrix *matrix = training->matrix;
    int status = XGDMatrixCreateFromMat_omp(matrix->values, matrix->row_count, matrix->column_count,
                                            NAN, &training->data, training->params->thread_count);
    enum lx_err code = check(training, status, "rows");
    if (code != LX_OK) return code;
    status = XGDMatrixSetFloatInfo(training->data, "label", training->labels, matrix->row_count);
    if (status == 0 && training->weights != NULL)
        status =
            XGDMatrixSetFloatInfo(training->data, "weight", training->weights, matrix->row_count);
    if (status == 0 && training->params->margins != NULL)
        status = XGDMatrixSetFloatInfo(training->data, "base_margin", training->params->margins,
                                       matrix->row_count);
    if (status == 0 && has_all_names(matrix))
        status = XGDMatrixSetStrFeatureInfo(training->data, "feature_name",
                                            (const char **)matrix->names, matrix->column_count);
    code = check(training, status, "labels");
    if (code != LX_OK) return code;
    return check(training, XGBoosterCreate(&training->data, 1, &training->booster), "model");
}

/* Derivatives of every row at these margins, by weight; their second ones' sum is the result. */
static double derive(const struct training *training, const float *margins, double start)
{
    double sum = 0;
    for (size_t i = 0; i < training->matrix->row_count; i++) {
        double gradient, hessian, margin = margins == NULL ? start : (double)margins[i];
        double weight = training->weights == NULL ? 1 : (double)training->weights[i];
        focal_derivatives(&training->params->focal, margin, training->labels[i] > 0, &gradient,
                          &hessian);
        weight *= training->focal_scale;
        training->gradients[i] = (float)(weight * gradient);
        training->hessians[i] = (float)(weight * hessian);
        sum += weight * hessian;
    }
    return sum;
}

static enum lx_err prepare_focal(struct training *training)
{
    size_t count = training->matrix->row_count;
    training->gradients = lx_malloc(count * sizeof *training->gradients);
    training->hessians = lx_malloc(count * sizeof *training->hessians);
    if (training->gradients == NULL || training->hessians == NULL)
        return lx_fail(training->err, LX_ERR_NO_MEMORY, "focal loss of %zu rows", count);
    double start = base_score(training), rate = mean_label(training), weight_sum = 0;
    for (size_t i = 0; i < count; i++)
        weight_sum += training->weights == NULL ? 1 : (double)training->weights[i];
    training->focal_scale = 1;
    double sum = derive(training, NULL, log(start) - log1p(-start));
    training->focal_scale = weight_sum * rate * (1 - rate) / sum;
    return LX_OK;
}

static enum lx_err boost_focal(struct training *training)
{
    static const char config[] =
        "{\"type\": 1, \"training\": true, \"iteration_begin\": 0, \"iteration_end\": 0, "
        "\"strict_shape\": false}";
    const bst_ulong *shape = NULL;
    bst_ulong dimension = 0, count = training->matrix->row_count;
    const float *margins = NULL;
    int status = XGBoosterPredictFromDMatrix(training->booster, training->data, config, &shape,
                                             &dimension, &margins);
    enum lx_err code = check(training, status, "margins of training");
    if (code != LX_OK) return code;
    derive(training, margins, 0);
    return check(training,
                 XGBoosterBoostOneIter(training->booster, training->data, training->gradients,
                                       training->hessians, count),
                 "a round of training");
}

static enum lx_err boost(struct training *training, const struct lx_env *env)
{
    bool is_focal = training->params->objective == XGB_FOCAL;
    enum lx_err code = is_focal ? prepare_focal(training) : LX_OK;
    for (int round = 0; round < training->params->round_count && code == LX_OK; round++) {
        code = is_focal ? boost_focal(training)
                        : check(training,
                                XGBoosterUpdateOneIter(training->booster, round, training->data),
                                "a round of training");
        if (env != NULL && env->progress != NULL)
            env->progress(env->context, "training", (uint64_t)round + 1,
                          (uint64_t)training->params->round_count);
    }
    return code;
}

static enum lx_err save(struct training *training, struct lx_buffer *model)
{
    bst_ulong length = 0;
    const char *bytes = NULL;
    int status =
        XGBoosterSaveModelToBuffer(training->booster, "{\"format\": \"json\"}", &length, &bytes);
    enum lx_err code = check(training, status, "saving the model");
    if (code != LX_OK) return code;
    lx_buffer_append(model, bytes, length);
    code = lx_buffer_error(model);
    return code == LX_OK
               ? LX_OK
               : lx_fail(training->err, code, "xgboost: a model of %" PRIu64 " bytes, limit %zu",
                         (uint64_t)length, model->max_bytes);
}

/* Labels that the objective can learn from: right range, and not all the same. */
static enum lx_err check_labels(const struct training *training)
{
    size_t count = training->matrix->row_count;
    if (count == 0) return lx_fail(training->err, LX_ERR_BAD_INPUT, "training: no rows");
    bool is_multiclass = training->params->objective == XGB_MULTICLASS, differ = false;
    float highest = is_multiclass ? (float)(training->params->class_count - 1) : 1;
    for (size_t i = 0; i < count; i++) {
        float label = training->labels[i];
        bool is_fine = training->params->objective == XGB_REGRESSION
                           ? isfinite(label)
                           : label >= 0 && label <= highest && label == floorf(label);
        if (!is_fine)
            return lx_fail(training->err, LX_ERR_BAD_INPUT,
                           "training: row %zu: label %g is outside the objective's range", i,
                           (double)label);
        differ |= label != training->labels[0];
    }
    if (differ || training->params->objective == XGB_REGRESSION) return LX_OK;
    return lx_fail(training->err, LX_ERR_BAD_INPUT,
                   "training: all %zu labels are %g: there is nothing to learn", count,
                   (double)training->labels[0]);
}

enum lx_err xgb_train(const struct xgb_params *params, const struct matrix *matrix,
                      const float *labels, const float *weights, const struct lx_env *env,
                      struct lx_buffer *model, struct lx_error *err)
{
    LX_ASSERT(params->round_count > 0 && params->max_depth > 0 && params->parallel_tree_count > 0);
    LX_ASSERT(params->thread_count > 0);
    LX_ASSERT(params->objective != XGB_MULTICLASS || params->class_count >= 2);
    LX_ASSERT(params->margins == NULL || params->objective == XGB_BINARY);

    struct training training = {
        .params = params, .matrix = matrix, .labels = labels, .weights = weights, .err = err};
    enum lx_err code = check_labels(&training);
    if (code == LX_OK) code = load(&training);
    if (code == LX_OK) code = set_params(&training);
    if (code == LX_OK) code = boost(&training, env);
    if (code == LX_OK) code = save(&training, model);
    if (training.booster != NULL) XGBoosterFree(training.booster);
    if (training.data != NULL) XGDMatrixFree(training.data);
    lx_free(training.gradients);
    lx_free(training.hessians);
    return code;
}
