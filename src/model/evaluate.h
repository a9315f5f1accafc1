#ifndef MODEL_EVALUATE_H
#define MODEL_EVALUATE_H

/*
 * evaluate: how good the live model is on time it has not seen, beside popularity and chance.
 *
 * Rows are all candidate pairs (no sampling) of the newest month ends, at most three, that lie
 * after everything the model was fitted or calibrated on and whose label windows are over; of at
 * most `customers_max` customers, chosen by hash. Scores are streamed customer by customer, only
 * score, label, product and customer of a row are kept.
 * Intervals are 95 % percentile intervals of a bootstrap over customers, the same resamples for
 * all three rankings. Deterministic by seed, whatever the number of threads.
 * Errors: LX_ERR_NOT_READY (no model, no later month that is over), those of bank and registry.
 */

#include "base/env.h"
#include "learn/sampling.h"
#include "model/quality.h"
#include "model/registry.h"
#include "model/rows.h"

enum { EVALUATE_RESAMPLES = 200, EVALUATE_SEEDS_MAX = 20 };

struct evaluate_options {
    uint64_t seed;
    int resamples;                  /* 0: EVALUATE_RESAMPLES; negative: no intervals */
    size_t customers_max;           /* 0: TRAIN_CUSTOMERS_MAX */
    size_t rows_max;                /* that evaluate_compare fits on; 0: TRAIN_ROWS_MAX */
    struct rows_weights weights;    /* evaluate_compare */
    const struct rows_rules *rules; /* that `weights` speak of; must be there if not plain */
    int seed_count;                 /* evaluate_compare: seed, seed + 1 ...; 0: one */
};

struct evaluate_product {
    char code[LX_CODE_MAX + 1];
    uint64_t rows, positives;
    double roc_auc;           /* NaN without both classes */
    double probability, rate; /* mean calibrated probability; observed rate */
};

struct evaluate_result {
    char model[REGISTRY_ID_SIZE];
    uint64_t customers, rows, positives;
    int32_t from_day, to_day; /* first and last as-of day */
    struct quality quality[QUALITY_BY_COUNT], low[QUALITY_BY_COUNT], high[QUALITY_BY_COUNT];
    struct evaluate_product *products; /* owned; in the order of the catalogue */
    size_t product_count;
    double seconds;
};

LX_MUST_USE enum lx_err evaluate(const char *folder, const struct evaluate_options *options,
                                 const struct lx_env *env, struct evaluate_result *ret_result,
                                 struct lx_error *err);
void evaluate_result_release(struct evaluate_result *result);

/*
 * Every balance method of learn/sampling.h, fitted on the same rows and measured on the same later
 * months as train does, once for each seed, which draws negatives, new rows and trees anew.
 * Registers nothing. Figures are means over the seeds. `difference` is the PR-AUC less that of
 * `none`; its 95 % percentile interval is over resamples of the customers, the same for both, of
 * all seeds together, so it holds what customers and what seeds do. NaN with resamples < 0.
 */
struct evaluate_method {
    enum sampling balance;
    uint64_t rows;       /* after balancing, with the first seed */
    double sampled_rate; /* of positives */
    struct quality quality;
    double pr_auc_low, pr_auc_high; /* of the same resamples */
    double difference, difference_low, difference_high;
    double seconds; /* of training and measuring */
};
struct evaluate_comparison {
    struct evaluate_method methods[SAMPLING_COUNT];
    struct quality popularity, random;
    uint64_t rows, positives; /* measured on, with the first seed */
    int seed_count;
    double seconds;
};
LX_MUST_USE enum lx_err evaluate_compare(const char *folder, const struct evaluate_options *options,
                                         const struct lx_env *env,
                                         struct evaluate_comparison *ret_comparison,
                                         struct lx_error *err);

#endif
