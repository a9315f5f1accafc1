#ifndef LEARN_SAMPLING_H
#define LEARN_SAMPLING_H

/*
 * sampling: what training is given when positives are one in a hundred; one interface, chosen by
 * name (`--balance`). After any of them the probability is brought back to the true rate by
 * calibration.h, with the rates reported here.
 *
 * Labels are 0 or 1. Rows that stay keep their order; new ones come after them. SMOTE measures
 * distances on the values as they are given, as imbalanced-learn does: a caller whose columns have
 * different scales hands in standardised ones. A missing value counts as its column's mean in the
 * distance and stays missing in what is made from its row.
 *
 * Deterministic by seed, whatever the number of threads. Errors: LX_ERR_USAGE for an unknown name
 * (lists the known ones), LX_ERR_BAD_INPUT (one class only), LX_ERR_NO_MEMORY.
 */

#include "learn/matrix.h"

#define SAMPLING_MAP(X)                                                                            \
    X(NONE, "none", "every row as it is")                                                          \
    X(WEIGHTS, "weights", "positives weigh as much as negatives together")                         \
    X(UNDER, "under", "random under-sampling of negatives, ten to a positive")                     \
    X(OVER, "over", "random over-sampling of positives, one to ten negatives")                     \
    X(SMOTE, "smote", "SMOTE (Chawla et al. 2002), 5 neighbours, one to ten negatives")

enum sampling {
#define X(name, text, about) SAMPLING_##name,
    SAMPLING_MAP(X)
#undef X
        SAMPLING_COUNT
};
const char *sampling_name(enum sampling method);
const char *sampling_about(enum sampling method);
LX_MUST_USE enum lx_err sampling_find(const char *name, enum sampling *ret_method,
                                      struct lx_error *err);

struct sampled {
    struct matrix matrix;           /* owned */
    float *labels, *weights;        /* owned; weights NULL when all are one */
    double true_rate, sampled_rate; /* weighted share of positives before and after */
};
LX_MUST_USE enum lx_err sampling_apply(enum sampling method, const struct matrix *matrix,
                                       const float *labels, const float *weights, uint64_t seed,
                                       int thread_count, struct sampled *ret_sampled,
                                       struct lx_error *err);
void sampled_release(struct sampled *sampled);

#endif
