#ifndef MODEL_QUALITY_H
#define MODEL_QUALITY_H

/*
 * quality: how good a ranking of (customer, product) pairs is, as one row of figures.
 *
 * The same rows are ranked by the model, by popularity (openings of the product in the 30 days
 * before, the same for every customer) and by chance. Figures are metrics.h's; the pair figures
 * pool all rows, `roc_auc_within` compares customers of one product only, and `precision5` is the
 * share of positives among the best five products of a customer who opened something.
 * For popularity and chance the calibration figures are NaN: they are no probabilities.
 */

#include "base/base.h"

#define QUALITY_MAP(X)                                                                             \
    X(pr_auc, "average precision over all pairs")                                                  \
    X(roc_auc, "chance that a positive pair stands above a negative one")                          \
    X(roc_auc_within, "the same among pairs of one product, mean weighted by positives")           \
    X(lift_1pct, "positives among the best hundredth over what chance gives")                      \
    X(lift_5pct, "positives among the best twentieth over what chance gives")                      \
    X(lift_10pct, "positives among the best tenth over what chance gives")                         \
    X(recall_1pct, "share of all positives that are among the best hundredth")                     \
    X(recall_5pct, "share of all positives that are among the best twentieth")                     \
    X(recall_10pct, "share of all positives that are among the best tenth")                        \
    X(precision5, "positives among a customer's best five, where he opened something")             \
    X(ece, "expected calibration error, 15 bins of equal mass")                                    \
    X(observed_over_expected_top10, "openings over the sum of probabilities, top tenth")           \
    X(observed_over_expected_top1, "openings over the sum of probabilities, top hundredth")

struct quality {
#define X(name, about) double name;
    QUALITY_MAP(X)
#undef X
};

enum quality_figure {
#define X(name, about) QUALITY_##name,
    QUALITY_MAP(X)
#undef X
        QUALITY_COUNT
};

const char *quality_name(enum quality_figure figure);
const char *quality_about(enum quality_figure figure);
double quality_value(const struct quality *quality, enum quality_figure figure);
void quality_set(struct quality *quality, enum quality_figure figure, double value);

#define QUALITY_RANKING_MAP(X)                                                                     \
    X(MODEL, "model")                                                                              \
    X(POPULARITY, "popularity")                                                                    \
    X(RANDOM, "random")

enum quality_ranking {
#define X(name, text) QUALITY_BY_##name,
    QUALITY_RANKING_MAP(X)
#undef X
        QUALITY_BY_COUNT
};
const char *quality_ranking_name(enum quality_ranking ranking);

/*
 * Rows to measure on: those of a customer lie together, and within him those of one moment (a
 * case). Borrowed. `probabilities` and `popularity` by row; the random ranking is made from `seed`.
 */
struct quality_rows {
    const double *probabilities, *popularity;
    const uint8_t *labels;
    const uint16_t *products;
    size_t count, product_count;
    const size_t *case_ends;    /* by case, ascending; the last one is count */
    const uint32_t *case_units; /* the customer of a case: 0, 1 ..., ascending */
    size_t case_count, unit_count;
    uint64_t seed;
};

/*
 * The figures of each ranking and, with resamples > 0, their 95 % percentile intervals over
 * bootstrap resamples of the customers, the same for all rankings. ret_low and ret_high may be NULL
 * with resamples 0. One pass over each sorted ranking gives all figures of a resample: a customer
 * drawn w times counts w times, in ties too. Errors: LX_ERR_NO_MEMORY, host_parallel's.
 */
LX_MUST_USE enum lx_err quality_measure(const struct quality_rows *rows, int resamples,
                                        int thread_count,
                                        struct quality ret_value[QUALITY_BY_COUNT],
                                        struct quality ret_low[QUALITY_BY_COUNT],
                                        struct quality ret_high[QUALITY_BY_COUNT],
                                        struct lx_error *err);

/*
 * The model's figures in each of these resamples, which are the same for the same unit_count and
 * seed: what two models differ by in one resample is a paired difference. ret_resamples:
 * `resamples` rows, at least one.
 */
LX_MUST_USE enum lx_err quality_resamples(const struct quality_rows *rows, int resamples,
                                          int thread_count, struct quality *ret_resamples,
                                          struct lx_error *err);

#endif
