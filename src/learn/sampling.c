#include "learn/sampling.h"

#include <math.h>
#include <string.h>

#include "base/buffer.h"
#include "learn/sampling_methods.h"

/* One positive to ten negatives, where nothing else is asked for. */
#define RATIO 0.1

enum { FOREST_TREES = 200, FOREST_DEPTH = 8 };

static const struct {
    const char *name, *about;
} names[] = {
#define X(name, text, about) {text, about},
    SAMPLING_MAP(X)
#undef X
};

const char *sampling_name(enum sampling method)
{
    LX_ASSERT(method < SAMPLING_COUNT);
    return names[method].name;
}

const char *sampling_about(enum sampling method)
{
    LX_ASSERT(method < SAMPLING_COUNT);
    return names[method].about;
}

enum lx_err sampling_find(const char *name, enum sampling *ret_method, struct lx_error *err)
{
    for (size_t i = 0; i < SAMPLING_COUNT; i++) {
        if (strcmp(names[i].name, name) != 0) continue;
        *ret_method = (enum sampling)i;
        return LX_OK;
    }
    struct lx_buffer known;
    lx_buffer_init(&known, LX_ERROR_TEXT_MAX);
    for (size_t i = 0; i < SAMPLING_COUNT; i++)
        lx_buffer_printf(&known, "%s%s", i > 0 ? ", " : "", names[i].name);
    enum lx_err code = lx_fail(err, LX_ERR_USAGE, "balance method \"%s\" is not one of %s", name,
                               lx_buffer_text(&known));
    lx_buffer_release(&known);
    return code;
}

enum lx_err balancing_take(struct balancing *balancing, const uint32_t *rows, size_t count,
                           size_t more)
{
    struct sampled *sampled = balancing->sampled;
    enum lx_err code = matrix_copy_rows(balancing->matrix, rows, count, &sampled->matrix);
    if (code == LX_OK) code = matrix_reserve(&sampled->matrix, count + more);
    if (code != LX_OK) return code;
    sampled->labels = lx_calloc(count + more, sizeof *sampled->labels);
    if (sampled->labels == NULL) return LX_ERR_NO_MEMORY;
    for (size_t i = 0; i < count; i++)
        sampled->labels[i] = balancing->labels[rows == NULL ? i : rows[i]];
    if (balancing->weights == NULL) return LX_OK;
    sampled->weights = lx_calloc(count + more, sizeof *sampled->weights);
    if (sampled->weights == NULL) return LX_ERR_NO_MEMORY;
    for (size_t i = 0; i < count; i++)
        sampled->weights[i] = balancing->weights[rows == NULL ? i : rows[i]];
    return LX_OK;
}

static enum lx_err balance_none(struct balancing *balancing, struct lx_error *err)
{
    (void)err;
    return balancing_take(balancing, NULL, balancing->matrix->row_count, 0);
}

static enum lx_err balance_weights(struct balancing *balancing, struct lx_error *err)
{
    (void)err;
    size_t count = balancing->matrix->row_count;
    struct sampled *sampled = balancing->sampled;
    enum lx_err code = balancing_take(balancing, NULL, count, 0);
    if (code != LX_OK) return code;

    double positive = 0, negative = 0;
    for (size_t i = 0; i < count; i++)
        *(balancing->labels[i] > 0 ? &positive : &negative) +=
            (double)balancing_weight(balancing, i);
    if (sampled->weights == NULL) sampled->weights = lx_calloc(count, sizeof *sampled->weights);
    if (sampled->weights == NULL) return LX_ERR_NO_MEMORY;
    for (size_t i = 0; i < count; i++) {
        double factor = balancing->labels[i] > 0 ? negative / positive : 1;
        sampled->weights[i] = (float)((double)balancing_weight(balancing, i) * factor);
    }
    return LX_OK;
}

/* Which negatives stay is drawn; rows keep their order, so that it says nothing about the label. */
static enum lx_err balance_under(struct balancing *balancing, struct lx_error *err)
{
    (void)err;
    size_t left = balancing_negatives(balancing), kept = 0;
    uint32_t *rows = lx_calloc(balancing->matrix->row_count, sizeof *rows);
    if (rows == NULL) return LX_ERR_NO_MEMORY;
    size_t negatives_left = balancing->negative_count;
    for (size_t i = 0; i < balancing->matrix->row_count; i++) {
        if (balancing->labels[i] <= 0) {
            bool is_taken = lx_rng_below(&balancing->rng, negatives_left--) < left;
            left -= is_taken;
            if (!is_taken) continue;
        }
        rows[kept++] = (uint32_t)i;
    }
    enum lx_err code = balancing_take(balancing, rows, kept, 0);
    lx_free(rows);
    return code;
}

size_t balancing_missing(const struct balancing *balancing)
{
    size_t wanted = (size_t)((double)balancing->negative_count * balancing->ratio + 1e-9);
    return wanted > balancing->positive_count ? wanted - balancing->positive_count : 0;
}

size_t balancing_negatives(const struct balancing *balancing)
{
    double wanted = (double)balancing->positive_count / balancing->ratio + 1e-9;
    return wanted < (double)balancing->negative_count ? (size_t)wanted : balancing->negative_count;
}

enum lx_err balancing_add(struct balancing *balancing, size_t row, float **ret_values)
{
    struct sampled *sampled = balancing->sampled;
    enum lx_err code = matrix_add_row(&sampled->matrix, ret_values);
    if (code != LX_OK) return code;
    size_t added = sampled->matrix.row_count - 1;
    sampled->labels[added] = 1;
    if (sampled->weights != NULL) sampled->weights[added] = balancing_weight(balancing, row);
    return LX_OK;
}

static enum lx_err balance_over(struct balancing *balancing, struct lx_error *err)
{
    (void)err;
    size_t more = balancing_missing(balancing), columns = balancing->matrix->column_count;
    enum lx_err code = balancing_take(balancing, NULL, balancing->matrix->row_count, more);
    for (size_t i = 0; i < more && code == LX_OK; i++) {
        size_t pick = (size_t)lx_rng_below(&balancing->rng, balancing->positive_count);
        size_t row = balancing->positives[pick];
        float *values;
        code = balancing_add(balancing, row, &values);
        if (code == LX_OK)
            memcpy(values, matrix_row(balancing->matrix, row), columns * sizeof *values);
    }
    return code;
}

static enum lx_err (*const balance_functions[SAMPLING_COUNT])(struct balancing *balancing,
                                                              struct lx_error *err) = {
    [SAMPLING_NONE] = balance_none,
    [SAMPLING_WEIGHTS] = balance_weights,
    [SAMPLING_UNDER] = balance_under,
    [SAMPLING_OVER] = balance_over,
    [SAMPLING_SMOTE] = balance_smote,
    [SAMPLING_SMOTE_NC] = balance_smote_nc,
    [SAMPLING_BORDERLINE] = balance_borderline,
    [SAMPLING_ADASYN] = balance_adasyn,
    [SAMPLING_CLUSTERS] = balance_clusters,
    [SAMPLING_FOCAL] = balance_none,
    [SAMPLING_FOREST] = balance_weights,
};

static enum lx_err list_classes(struct balancing *balancing, struct lx_error *err)
{
    size_t count = balancing->matrix->row_count;
    balancing->positives = lx_calloc(count > 0 ? count : 1, sizeof *balancing->positives);
    balancing->negatives = lx_calloc(count > 0 ? count : 1, sizeof *balancing->negatives);
    if (balancing->positives == NULL || balancing->negatives == NULL)
        return lx_fail(err, LX_ERR_NO_MEMORY, "balancing %zu rows", count);
    for (size_t i = 0; i < count; i++) {
        LX_ASSERT(balancing->labels[i] == 0 || balancing->labels[i] == 1);
        if (balancing->labels[i] > 0)
            balancing->positives[balancing->positive_count++] = (uint32_t)i;
        else
            balancing->negatives[balancing->negative_count++] = (uint32_t)i;
    }
    if (balancing->positive_count > 0 && balancing->negative_count > 0) return LX_OK;
    return lx_fail(err, LX_ERR_BAD_INPUT,
                   "balancing: %zu of %zu rows are positive: both kinds "
                   "are needed",
                   balancing->positive_count, count);
}

static double rate_of(const float *labels, const float *weights, size_t count)
{
    double positive = 0, sum = 0;
    for (size_t i = 0; i < count; i++) {
        double weight = weights == NULL ? 1 : (double)weights[i];
        positive += labels[i] > 0 ? weight : 0;
        sum += weight;
    }
    return positive / sum;
}

static struct focal focal_of(const struct sampling_plan *plan)
{
    bool is_given = plan->focal.alpha > 0;
    return is_given ? plan->focal : (struct focal){FOCAL_GAMMA, FOCAL_ALPHA};
}

enum lx_err sampling_apply(const struct sampling_plan *plan, const struct matrix *matrix,
                           const float *labels, const float *weights, struct sampled *ret_sampled,
                           struct lx_error *err)
{
    LX_ASSERT(plan->method < SAMPLING_COUNT && matrix->row_count <= UINT32_MAX);
    LX_ASSERT(plan->thread_count >= 1 && plan->ratio >= 0);

    struct sampled sampled = {0};
    struct balancing balancing = {.plan = plan,
                                  .matrix = matrix,
                                  .labels = labels,
                                  .weights = weights,
                                  .ratio = plan->ratio > 0 ? plan->ratio : RATIO,
                                  .rng = lx_rng_of(plan->seed, plan->method),
                                  .sampled = &sampled};
    enum lx_err code = list_classes(&balancing, err);
    if (code == LX_OK) {
        code = balance_functions[plan->method](&balancing, err);
        if (code == LX_ERR_NO_MEMORY)
            lx_fail(err, code, "balancing %zu rows by %s: out of memory", matrix->row_count,
                    names[plan->method].name);
    }
    lx_free(balancing.positives);
    lx_free(balancing.negatives);
    if (code != LX_OK) {
        sampled_release(&sampled);
        return code;
    }
    sampled.true_rate = rate_of(labels, weights, matrix->row_count);
    sampled.sampled_rate = rate_of(sampled.labels, sampled.weights, sampled.matrix.row_count);
    if (plan->method == SAMPLING_FOCAL) {
        struct focal focal = focal_of(plan);
        sampled.sampled_rate = focal_rate(&focal, sampled.true_rate);
    }
    *ret_sampled = sampled;
    return LX_OK;
}

/* A tree of the forest sees two rows of three, as a bootstrap sample does, and a third of the
 * columns at each split. One round has no gentle steps: its rate is 1. */
void sampling_shape(const struct sampling_plan *plan, struct xgb_params *params)
{
    if (plan->method == SAMPLING_FOCAL) {
        params->objective = XGB_FOCAL;
        params->focal = focal_of(plan);
    } else if (plan->method == SAMPLING_FOREST) {
        params->round_count = 1;
        params->parallel_tree_count = FOREST_TREES;
        params->max_depth = FOREST_DEPTH;
        params->learning_rate = 1;
        params->subsample = 0.632;
        params->column_sample = 1;
        params->node_column_sample = 1 / 3.0;
    }
}

void sampled_release(struct sampled *sampled)
{
    matrix_release(&sampled->matrix);
    lx_free(sampled->labels);
    lx_free(sampled->weights);
    *sampled = (struct sampled){0};
}
