#ifndef LEARN_SAMPLING_METHODS_H
#define LEARN_SAMPLING_METHODS_H

/* sampling_methods: what the balance methods share, and those with a file of their own. Private to
 * sampling. */

#include "base/rng.h"
#include "learn/sampling.h"

/* What every method is given, and where it writes. */
struct balancing {
    const struct sampling_plan *plan;
    const struct matrix *matrix;
    const float *labels, *weights;
    uint32_t *positives, *negatives; /* row numbers, ascending */
    size_t positive_count, negative_count;
    double ratio;
    struct lx_rng rng;
    struct sampled *sampled;
};

static inline float balancing_weight(const struct balancing *balancing, size_t row)
{
    return balancing->weights == NULL ? 1 : balancing->weights[row];
}

/* Takes these rows (NULL: the first `count`), their labels and weights, with room for `more`. */
LX_MUST_USE enum lx_err balancing_take(struct balancing *balancing, const uint32_t *rows,
                                       size_t count, size_t more);
/* How many positives are missing from the ratio, and how many negatives it leaves. */
size_t balancing_missing(const struct balancing *balancing);
size_t balancing_negatives(const struct balancing *balancing);
/* One more row after those of the sample, a positive like `row`; ret_values is yet to be filled. */
LX_MUST_USE enum lx_err balancing_add(struct balancing *balancing, size_t row, float **ret_values);

/* Rows as points between which distances are measured. */
struct space {
    float *points; /* owned; count * dimension */
    size_t count, dimension;
};
/* rows NULL: all of the matrix. `nominal` by column, or NULL: none is. Means, deviations and the
 * values of nominal columns are those of these rows. */
LX_MUST_USE enum lx_err space_make(const struct balancing *balancing, const uint32_t *rows,
                                   size_t count, const uint8_t *nominal, bool is_scaled,
                                   struct space *ret_space, struct lx_error *err);
void space_release(struct space *space);

LX_MUST_USE enum lx_err balance_smote(struct balancing *balancing, struct lx_error *err);
LX_MUST_USE enum lx_err balance_smote_nc(struct balancing *balancing, struct lx_error *err);
LX_MUST_USE enum lx_err balance_borderline(struct balancing *balancing, struct lx_error *err);
LX_MUST_USE enum lx_err balance_adasyn(struct balancing *balancing, struct lx_error *err);
LX_MUST_USE enum lx_err balance_clusters(struct balancing *balancing, struct lx_error *err);

#endif
