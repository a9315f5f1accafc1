#ifndef MODEL_IMPORTANCE_H
#define MODEL_IMPORTANCE_H

/*
 * importance: what a model rests on, three ways, over all rows and over those of one product or one
 * segment of customers.
 *
 *   gain         loss reduction of the splits on a feature. A split's gain is shared by the rows
 *                that come through it, so products and segments divide the whole among them; a
 *                share of 1 in all. It is of training: a feature with many values gets more of it
 *                than it deserves.
 *   shap         mean absolute contribution to the log-odds (attribution.h); a share of 1 in all.
 *   permutation  PR-AUC less PR-AUC with the feature's values dealt anew among the rows; not a
 *                share. Near 0 for what does not help on rows that were not fitted on; exactly 0
 *                for what no tree asks; NaN with fewer than IMPORTANCE_POSITIVES_MIN positives.
 *
 * Rows weigh what they stand for. Deterministic by seed, whatever the number of threads.
 * Ownership: importance_release. Errors: LX_ERR_NO_MEMORY, learn's.
 * Source:    Breiman 2001 (permutation); Lundberg and others 2018.
 */

#include "base/env.h"
#include "learn/forest.h"
#include "model/kept.h"

enum { IMPORTANCE_POSITIVES_MIN = 10 };

enum importance_kind { IMPORTANCE_GAIN, IMPORTANCE_SHAP, IMPORTANCE_PERMUTATION, IMPORTANCE_KINDS };
const char *importance_kind_name(enum importance_kind kind);

struct importance_group {
    uint64_t rows, positives;         /* of the sample */
    double *values[IMPORTANCE_KINDS]; /* by column */
};

struct importance {
    size_t column_count, group_count;
    struct importance_group *groups; /* 0: all rows; then as the caller numbered them */
    double *storage;
};

/* `groups[row * 2]`, `[row * 2 + 1]`: the product's and the segment's group of a row, 0: none. */
struct importance_plan {
    const struct kept *rows;
    const uint16_t *groups;
    size_t group_count; /* with group 0 */
    uint64_t seed;
};
LX_MUST_USE enum lx_err importance_measure(const struct forest *forest,
                                           const struct importance_plan *plan,
                                           const struct lx_env *env,
                                           struct importance *ret_importance, struct lx_error *err);
LX_MUST_USE enum lx_err importance_init(struct importance *importance, size_t column_count,
                                        size_t group_count, struct lx_error *err);
void importance_release(struct importance *importance);

/* The columns by falling value, NaN last; ret_order: column_count of them. */
void importance_order(const struct importance_group *group, enum importance_kind kind,
                      size_t column_count, uint16_t *ret_order);

#endif
