/* The methods that make new positives between those there are. */
#include <math.h>
#include <string.h>

#include "learn/neighbours.h"
#include "learn/sampling_methods.h"

enum { NEIGHBOURS = 5, BORDERLINE_NEIGHBOURS = 10 };

/* What rows are made from: some of the positives, by their place among them, and the nearest
 * positives of each. */
struct making {
    struct balancing *balancing;
    uint32_t *seeds; /* owned; NULL: every positive */
    size_t seed_count;
    uint32_t *nearest; /* owned; k of each seed */
    size_t k;
    const uint8_t *nominal; /* borrowed; NULL: no column is */
};

static void making_release(struct making *making)
{
    lx_free(making->seeds);
    lx_free(making->nearest);
}

static enum lx_err check_count(const struct balancing *balancing, struct lx_error *err)
{
    if (balancing->positive_count >= 2) return LX_OK;
    return lx_fail(err, LX_ERR_BAD_INPUT, "%s: %zu positive: it needs at least two",
                   sampling_name(balancing->plan->method), balancing->positive_count);
}

/* The seeds' nearest among the positives, whose space this is. */
static enum lx_err find_nearest(struct making *making, const struct space *space,
                                struct lx_error *err)
{
    making->k = space->count - 1 < NEIGHBOURS ? space->count - 1 : NEIGHBOURS;
    making->nearest = lx_malloc(making->seed_count * making->k * sizeof *making->nearest);
    if (making->nearest == NULL) return LX_ERR_NO_MEMORY;
    return neighbours_among(space->points, space->count, making->seeds, making->seed_count,
                            space->dimension, making->k, making->balancing->plan->thread_count,
                            making->nearest, err);
}

static const float *positive_row(const struct balancing *balancing, size_t positive)
{
    return matrix_row(balancing->matrix, balancing->positives[positive]);
}

static bool is_same(float a, float b)
{
    return a == b || (isnan(a) && isnan(b));
}

/* The value that most neighbours have in a nominal column; of several the nearest's. */
static float mode_of(const struct making *making, const uint32_t *nearest, size_t column)
{
    float best = NAN;
    size_t best_count = 0;
    for (size_t i = 0; i < making->k; i++) {
        float value = positive_row(making->balancing, nearest[i])[column];
        size_t count = 0;
        for (size_t j = 0; j < making->k; j++)
            count += is_same(value, positive_row(making->balancing, nearest[j])[column]);
        if (count <= best_count) continue;
        best_count = count;
        best = value;
    }
    return best;
}

/* One row on the segment between a seed and one of its nearest. A value missing in either is the
 * seed's own, missing or not. */
static enum lx_err make_row(const struct making *making, size_t seed)
{
    struct balancing *balancing = making->balancing;
    size_t positive = making->seeds == NULL ? seed : making->seeds[seed];
    const uint32_t *nearest = making->nearest + seed * making->k;
    const float *a = positive_row(balancing, positive);
    const float *b = positive_row(balancing, nearest[lx_rng_below(&balancing->rng, making->k)]);
    float step = (float)lx_rng_uniform(&balancing->rng), *values;
    enum lx_err code = balancing_add(balancing, balancing->positives[positive], &values);
    if (code != LX_OK) return code;
    for (size_t c = 0; c < balancing->matrix->column_count; c++) {
        if (making->nominal != NULL && making->nominal[c])
            values[c] = mode_of(making, nearest, c);
        else
            values[c] = isnan(a[c]) || isnan(b[c]) ? a[c] : a[c] + step * (b[c] - a[c]);
    }
    return LX_OK;
}

static enum lx_err make_evenly(const struct making *making, size_t more)
{
    enum lx_err code = LX_OK;
    for (size_t i = 0; i < more && code == LX_OK; i++)
        code = make_row(making, (size_t)lx_rng_below(&making->balancing->rng, making->seed_count));
    return code;
}

static enum lx_err smote(struct balancing *balancing, const uint8_t *nominal, struct lx_error *err)
{
    size_t more = balancing_missing(balancing);
    enum lx_err code = balancing_take(balancing, NULL, balancing->matrix->row_count, more);
    if (code == LX_OK && more > 0) code = check_count(balancing, err);
    if (code != LX_OK || more == 0) return code;

    struct space space = {0};
    struct making making = {
        .balancing = balancing, .seed_count = balancing->positive_count, .nominal = nominal};
    code = space_make(balancing, balancing->positives, balancing->positive_count, nominal,
                      balancing->plan->is_scaled, &space, err);
    if (code == LX_OK) code = find_nearest(&making, &space, err);
    if (code == LX_OK) code = make_evenly(&making, more);
    space_release(&space);
    making_release(&making);
    return code;
}

enum lx_err balance_smote(struct balancing *balancing, struct lx_error *err)
{
    return smote(balancing, NULL, err);
}

/* Has the column at most two values, missing ones aside? */
static bool has_two_values(const struct matrix *matrix, size_t column)
{
    float values[2];
    size_t count = 0;
    for (size_t i = 0; i < matrix->row_count; i++) {
        float value = matrix_row(matrix, i)[column];
        bool is_known = isnan(value);
        for (size_t j = 0; j < count; j++) is_known |= value == values[j];
        if (is_known) continue;
        if (count == LX_COUNT_OF(values)) return false;
        values[count++] = value;
    }
    return true;
}

enum lx_err balance_smote_nc(struct balancing *balancing, struct lx_error *err)
{
    if (balancing->plan->nominal != NULL) return smote(balancing, balancing->plan->nominal, err);

    const struct matrix *matrix = balancing->matrix;
    uint8_t *nominal = lx_malloc(matrix->column_count);
    if (nominal == NULL) return LX_ERR_NO_MEMORY;
    for (size_t c = 0; c < matrix->column_count; c++) nominal[c] = has_two_values(matrix, c);
    enum lx_err code = smote(balancing, nominal, err);
    lx_free(nominal);
    return code;
}

/* How many of each positive's k nearest rows are negative, k fewer where there are fewer rows. */
static enum lx_err count_negatives(const struct balancing *balancing, const struct space *all,
                                   size_t k, uint32_t *ret_counts, struct lx_error *err)
{
    size_t count = balancing->positive_count;
    uint32_t *nearest = lx_malloc(count * k * sizeof *nearest);
    if (nearest == NULL) return LX_ERR_NO_MEMORY;
    enum lx_err code =
        neighbours_among(all->points, all->count, balancing->positives, count, all->dimension, k,
                         balancing->plan->thread_count, nearest, err);
    for (size_t i = 0; i < count && code == LX_OK; i++) {
        ret_counts[i] = 0;
        for (size_t j = 0; j < k; j++) ret_counts[i] += balancing->labels[nearest[i * k + j]] <= 0;
    }
    lx_free(nearest);
    return code;
}

static enum lx_err take_positives(const struct balancing *balancing, const struct space *all,
                                  struct space *ret_space)
{
    size_t count = balancing->positive_count, dimension = all->dimension;
    float *points = lx_malloc(count * dimension * sizeof *points);
    if (points == NULL) return LX_ERR_NO_MEMORY;
    for (size_t i = 0; i < count; i++)
        memcpy(points + i * dimension, all->points + balancing->positives[i] * dimension,
               dimension * sizeof *points);
    *ret_space = (struct space){points, count, dimension};
    return LX_OK;
}

/* Keeps the seeds among all positives whose count lies in [least, most], and their counts. */
static void keep_seeds(struct making *making, uint32_t *counts, size_t least, size_t most)
{
    making->seed_count = 0;
    for (size_t i = 0; i < making->balancing->positive_count; i++) {
        if (counts[i] < least || counts[i] > most) continue;
        making->seeds[making->seed_count] = (uint32_t)i;
        counts[making->seed_count++] = counts[i];
    }
}

/* The first S counts' part of `more`, rounded down, so that the parts sum to it. */
static enum lx_err make_by_counts(const struct making *making, const uint32_t *counts, size_t more)
{
    uint64_t total = 0, sum = 0;
    size_t made = 0;
    for (size_t i = 0; i < making->seed_count; i++) total += counts[i];
    for (size_t i = 0; i < making->seed_count; i++) {
        sum += counts[i];
        for (size_t until = (size_t)(more * sum / total); made < until; made++) {
            enum lx_err code = make_row(making, i);
            if (code != LX_OK) return code;
        }
    }
    return LX_OK;
}

/* Positives chosen by how many of their k nearest rows are negative; `is_by_count`: the more, the
 * more is made from them, else each of them as often. */
static enum lx_err make_near_negatives(struct balancing *balancing, size_t k, bool is_borderline,
                                       struct lx_error *err)
{
    size_t more = balancing_missing(balancing), rows = balancing->matrix->row_count;
    enum lx_err code = balancing_take(balancing, NULL, rows, more);
    if (code == LX_OK && more > 0) code = check_count(balancing, err);
    if (code != LX_OK || more == 0) return code;

    struct space all = {0}, positives = {0};
    struct making making = {.balancing = balancing};
    size_t count = balancing->positive_count;
    uint32_t *counts = lx_malloc(count * sizeof *counts);
    making.seeds = lx_malloc(count * sizeof *making.seeds);
    if (k > rows - 1) k = rows - 1;
    code = counts == NULL || making.seeds == NULL ? LX_ERR_NO_MEMORY : LX_OK;
    if (code == LX_OK)
        code = space_make(balancing, NULL, rows, NULL, balancing->plan->is_scaled, &all, err);
    if (code == LX_OK) code = count_negatives(balancing, &all, k, counts, err);
    if (code == LX_OK) code = take_positives(balancing, &all, &positives);
    space_release(&all);
    if (code == LX_OK)
        keep_seeds(&making, counts, is_borderline ? (k + 1) / 2 : 1, is_borderline ? k - 1 : k);
    if (code == LX_OK && making.seed_count > 0) code = find_nearest(&making, &positives, err);
    if (code == LX_OK && making.seed_count > 0)
        code = is_borderline ? make_evenly(&making, more) : make_by_counts(&making, counts, more);
    space_release(&positives);
    lx_free(counts);
    making_release(&making);
    return code;
}

enum lx_err balance_borderline(struct balancing *balancing, struct lx_error *err)
{
    return make_near_negatives(balancing, BORDERLINE_NEIGHBOURS, true, err);
}

enum lx_err balance_adasyn(struct balancing *balancing, struct lx_error *err)
{
    return make_near_negatives(balancing, NEIGHBOURS, false, err);
}
