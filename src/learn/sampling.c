#include "learn/sampling.h"

#include <math.h>
#include <string.h>

#include "base/buffer.h"
#include "base/rng.h"
#include "learn/neighbours.h"

enum { NEGATIVES_PER_POSITIVE = 10, SMOTE_NEIGHBOURS = 5 };

/* What every method is given, and where it writes. */
struct balancing {
    const struct matrix *matrix;
    const float *labels, *weights;
    uint32_t *positives, *negatives; /* row numbers, ascending */
    size_t positive_count, negative_count;
    struct lx_rng rng;
    int thread_count;
    struct sampled *sampled;
};

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

static float weight_of(const struct balancing *balancing, size_t row)
{
    return balancing->weights == NULL ? 1 : balancing->weights[row];
}

/* Takes these rows (NULL: the first `count`), their labels and weights, with room for `more`. */
static enum lx_err take_rows(struct balancing *balancing, const uint32_t *rows, size_t count,
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
    return take_rows(balancing, NULL, balancing->matrix->row_count, 0);
}

static enum lx_err balance_weights(struct balancing *balancing, struct lx_error *err)
{
    (void)err;
    size_t count = balancing->matrix->row_count;
    struct sampled *sampled = balancing->sampled;
    enum lx_err code = take_rows(balancing, NULL, count, 0);
    if (code != LX_OK) return code;

    double positive = 0, negative = 0;
    for (size_t i = 0; i < count; i++)
        *(balancing->labels[i] > 0 ? &positive : &negative) += (double)weight_of(balancing, i);
    if (sampled->weights == NULL) sampled->weights = lx_calloc(count, sizeof *sampled->weights);
    if (sampled->weights == NULL) return LX_ERR_NO_MEMORY;
    for (size_t i = 0; i < count; i++) {
        double factor = balancing->labels[i] > 0 ? negative / positive : 1;
        sampled->weights[i] = (float)((double)weight_of(balancing, i) * factor);
    }
    return LX_OK;
}

/* Which negatives stay is drawn; rows keep their order, so that it says nothing about the label. */
static enum lx_err balance_under(struct balancing *balancing, struct lx_error *err)
{
    (void)err;
    size_t wanted = balancing->positive_count * NEGATIVES_PER_POSITIVE, kept = 0;
    size_t left = balancing->negative_count < wanted ? balancing->negative_count : wanted;
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
    enum lx_err code = take_rows(balancing, rows, kept, 0);
    lx_free(rows);
    return code;
}

/* How many positives are missing from one to ten negatives. */
static size_t missing_positives(const struct balancing *balancing)
{
    size_t wanted = balancing->negative_count / NEGATIVES_PER_POSITIVE;
    return wanted > balancing->positive_count ? wanted - balancing->positive_count : 0;
}

/* One more row after those of the sample, a positive like `row`; ret_values is yet to be filled. */
static enum lx_err add_positive(struct balancing *balancing, size_t row, float **ret_values)
{
    struct sampled *sampled = balancing->sampled;
    enum lx_err code = matrix_add_row(&sampled->matrix, ret_values);
    if (code != LX_OK) return code;
    size_t added = sampled->matrix.row_count - 1;
    sampled->labels[added] = 1;
    if (sampled->weights != NULL) sampled->weights[added] = weight_of(balancing, row);
    return LX_OK;
}

static enum lx_err balance_over(struct balancing *balancing, struct lx_error *err)
{
    (void)err;
    size_t more = missing_positives(balancing), columns = balancing->matrix->column_count;
    enum lx_err code = take_rows(balancing, NULL, balancing->matrix->row_count, more);
    for (size_t i = 0; i < more && code == LX_OK; i++) {
        size_t pick = (size_t)lx_rng_below(&balancing->rng, balancing->positive_count);
        size_t row = balancing->positives[pick];
        float *values;
        code = add_positive(balancing, row, &values);
        if (code == LX_OK)
            memcpy(values, matrix_row(balancing->matrix, row), columns * sizeof *values);
    }
    return code;
}

/* The positives as points without gaps: a missing value stands at its column's mean. */
static enum lx_err positive_points(const struct balancing *balancing, float **ret_points)
{
    size_t count = balancing->positive_count, columns = balancing->matrix->column_count;
    float *points = lx_calloc(count * columns, sizeof *points);
    if (points == NULL) return LX_ERR_NO_MEMORY;
    for (size_t column = 0; column < columns; column++) {
        double sum = 0;
        size_t present = 0;
        for (size_t i = 0; i < count; i++) {
            float value = matrix_row(balancing->matrix, balancing->positives[i])[column];
            if (isnan(value)) continue;
            sum += (double)value;
            present++;
        }
        float mean = present > 0 ? (float)(sum / (double)present) : 0;
        for (size_t i = 0; i < count; i++) {
            float value = matrix_row(balancing->matrix, balancing->positives[i])[column];
            points[i * columns + column] = isnan(value) ? mean : value;
        }
    }
    *ret_points = points;
    return LX_OK;
}

/* New positives on the segments between a positive and one of its nearest. A value missing in
 * either is the first one's, missing or not. */
static enum lx_err interpolate(struct balancing *balancing, const uint32_t *nearest, size_t k,
                               size_t more)
{
    size_t columns = balancing->matrix->column_count;
    for (size_t i = 0; i < more; i++) {
        size_t pick = (size_t)lx_rng_below(&balancing->rng, balancing->positive_count);
        size_t other = nearest[pick * k + (size_t)lx_rng_below(&balancing->rng, k)];
        float step = (float)lx_rng_uniform(&balancing->rng), *values;
        enum lx_err code = add_positive(balancing, balancing->positives[pick], &values);
        if (code != LX_OK) return code;
        const float *a = matrix_row(balancing->matrix, balancing->positives[pick]);
        const float *b = matrix_row(balancing->matrix, balancing->positives[other]);
        for (size_t c = 0; c < columns; c++)
            values[c] = isnan(a[c]) || isnan(b[c]) ? a[c] : a[c] + step * (b[c] - a[c]);
    }
    return LX_OK;
}

static enum lx_err balance_smote(struct balancing *balancing, struct lx_error *err)
{
    size_t count = balancing->positive_count, more = missing_positives(balancing);
    enum lx_err code = take_rows(balancing, NULL, balancing->matrix->row_count, more);
    if (code != LX_OK || more == 0) return code;
    if (count < 2)
        return lx_fail(err, LX_ERR_BAD_INPUT, "smote: %zu positive: it needs at least two", count);

    size_t k = count - 1 < SMOTE_NEIGHBOURS ? count - 1 : SMOTE_NEIGHBOURS;
    float *points = NULL;
    uint32_t *nearest = lx_calloc(count * k, sizeof *nearest);
    code = nearest == NULL ? LX_ERR_NO_MEMORY : positive_points(balancing, &points);
    if (code == LX_OK)
        code = neighbours_find(points, count, points, count, balancing->matrix->column_count, k,
                               true, balancing->thread_count, nearest, err);
    if (code == LX_OK) code = interpolate(balancing, nearest, k, more);
    lx_free(points);
    lx_free(nearest);
    return code;
}

static enum lx_err (*const balance_functions[SAMPLING_COUNT])(struct balancing *balancing,
                                                              struct lx_error *err) = {
    [SAMPLING_NONE] = balance_none,   [SAMPLING_WEIGHTS] = balance_weights,
    [SAMPLING_UNDER] = balance_under, [SAMPLING_OVER] = balance_over,
    [SAMPLING_SMOTE] = balance_smote,
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

enum lx_err sampling_apply(enum sampling method, const struct matrix *matrix, const float *labels,
                           const float *weights, uint64_t seed, int thread_count,
                           struct sampled *ret_sampled, struct lx_error *err)
{
    LX_ASSERT(method < SAMPLING_COUNT && matrix->row_count <= UINT32_MAX && thread_count >= 1);

    struct sampled sampled = {0};
    struct balancing balancing = {.matrix = matrix,
                                  .labels = labels,
                                  .weights = weights,
                                  .rng = lx_rng_of(seed, method),
                                  .thread_count = thread_count,
                                  .sampled = &sampled};
    enum lx_err code = list_classes(&balancing, err);
    if (code == LX_OK) {
        code = balance_functions[method](&balancing, err);
        if (code == LX_ERR_NO_MEMORY || code == LX_ERR_LIMIT)
            lx_fail(err, code, "balancing %zu rows by %s", matrix->row_count, names[method].name);
    }
    lx_free(balancing.positives);
    lx_free(balancing.negatives);
    if (code != LX_OK) {
        sampled_release(&sampled);
        return code;
    }
    sampled.true_rate = rate_of(labels, weights, matrix->row_count);
    sampled.sampled_rate = rate_of(sampled.labels, sampled.weights, sampled.matrix.row_count);
    *ret_sampled = sampled;
    return LX_OK;
}

void sampled_release(struct sampled *sampled)
{
    matrix_release(&sampled->matrix);
    lx_free(sampled->labels);
    lx_free(sampled->weights);
    *sampled = (struct sampled){0};
}
