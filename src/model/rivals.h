#ifndef MODEL_RIVALS_H
#define MODEL_RIVALS_H

/*
 * rivals: a candidate and the live model over the same customers and months.
 *
 * Rows are every candidate pair of the newest month ends, at most three, that lie after everything
 * either model was fitted or calibrated on and whose label windows are over; of at most
 * `customers_max` customers, chosen by hash. Each customer's features are made once and scored by
 * both. Intervals are 95 % percentile intervals over resamples of the customers, the same for both,
 * so they are of the paired difference.
 *
 * The shadow is compared in batch and not in each decision: one pass over the newest months says
 * more than the few customers who came by, and a decision neither scores twice nor grows by it.
 *
 * Errors: those of bank, registry, learn. That nothing can be compared is an outcome:
 * figures.is_known is false. Deterministic by seed, whatever the number of threads.
 */

#include "model/life.h"

enum { RIVALS_RESAMPLES = 200 };

struct rivals_options {
    uint64_t seed;
    int resamples;        /* 0: RIVALS_RESAMPLES */
    size_t customers_max; /* 0: TRAIN_CUSTOMERS_MAX */
};

struct rivals {
    bool can_live_serve; /* false: it is of another set of features */
    struct life_figures figures;
    struct quality candidate, live; /* over all the months */
    uint64_t customers, rows, positives;
    int32_t from_day, to_day; /* as-of days */
    /* Of the customers at the newest month: whose best product is the same; mean share of the best
     * five that both have. */
    double same_first, same_five;
};

LX_MUST_USE enum lx_err rivals_compare(const char *folder, const char *candidate, const char *live,
                                       const struct rivals_options *options,
                                       const struct lx_env *env, struct rivals *ret_rivals,
                                       struct lx_error *err);

#endif
