#ifndef LEARN_METRICS_H
#define LEARN_METRICS_H

/*
 * metrics: how good a ranking or a probability is. Definitions are scikit-learn's where it has one
 * (roc_auc_score, average_precision_score, log_loss), to 1e-12.
 *
 * Shapes: scores, labels (0/1), weights of `count` rows; weights may be NULL (all one).
 * Ties:   rows of equal score count as one threshold (AUC, PR-AUC); where a cut falls inside a tie
 *         (lift, recall at k) the tied rows count by their mean, so that order cannot matter.
 * A metric without both classes is NaN; a score that is NaN is a bug of the caller.
 * Errors: LX_ERR_NO_MEMORY. Threads: pure.
 */

#include "base/base.h"
#include "base/rng.h"

LX_MUST_USE enum lx_err metric_roc_auc(const double *scores, const uint8_t *labels,
                                       const double *weights, size_t count, double *ret_value);
/* Average precision: sum over thresholds of (recall_i - recall_{i-1}) * precision_i. */
LX_MUST_USE enum lx_err metric_pr_auc(const double *scores, const uint8_t *labels,
                                      const double *weights, size_t count, double *ret_value);
double metric_log_loss(const double *probabilities, const uint8_t *labels, const double *weights,
                       size_t count); /* clipped at 1e-15 */
double metric_brier(const double *probabilities, const uint8_t *labels, const double *weights,
                    size_t count);

/* Positives among the best `share` of the rows (rounded, at least one) over what chance gives
 * (lift), or over all positives (recall). */
LX_MUST_USE enum lx_err metric_lift_at(const double *scores, const uint8_t *labels, size_t count,
                                       double share, double *ret_lift, double *ret_recall);
/* Positives among the k best. */
LX_MUST_USE enum lx_err metric_hits_at(const double *scores, const uint8_t *labels, size_t count,
                                       size_t k, double *ret_hits);

enum { METRIC_BINS = 15 };
/* 15 bins of equal mass by probability; ECE = sum of mass * |observed - expected|. */
struct metric_calibration {
    double ece;
    double observed_over_expected_top10, observed_over_expected_top1; /* top tenth, hundredth */
    double expected[METRIC_BINS], observed[METRIC_BINS];
    size_t counts[METRIC_BINS];
};
LX_MUST_USE enum lx_err metric_calibration(const double *probabilities, const uint8_t *labels,
                                           size_t count,
                                           struct metric_calibration *ret_calibration);

/* Cases with candidates: rows of one case lie together, `case_ends[i]` is the end of case i.
 * A tie of scores goes to the earlier candidate. Cases without a positive are left out.
 * hit and mrr look at the first positive; map7 is the mean of sum(precision at each positive among
 * the best 7) / min(positives, 7). */
struct metric_ranking {
    size_t case_count;
    double hit1, hit3, hit5, mrr, map7, precision5;
};
LX_MUST_USE enum lx_err metric_ranking(const double *scores, const uint8_t *labels,
                                       const size_t *case_ends, size_t case_count,
                                       struct metric_ranking *ret_ranking);

/* Mean ROC-AUC within groups, weighted by positives; groups with one class only are left out. */
LX_MUST_USE enum lx_err metric_roc_auc_within(const double *scores, const uint8_t *labels,
                                              const uint16_t *groups, size_t group_count,
                                              size_t count, double *ret_value);

/* 95 % percentile interval of a statistic over resampled units (rows, customers); `value` is the
 * statistic of every unit once. Resamples whose statistic is NaN are left out. */
struct metric_interval {
    double value, low, high;
};
LX_MUST_USE enum lx_err metric_bootstrap(size_t unit_count, int resamples, uint64_t seed,
                                         double (*statistic)(void *context, const uint32_t *units,
                                                             size_t count),
                                         void *context, struct metric_interval *ret_interval);

/* psi.h, of two samples at hand; at most `bins` bins, 2 to PSI_BINS_MAX. */
LX_MUST_USE enum lx_err metric_psi(const double *before, size_t before_count, const double *after,
                                   size_t after_count, int bins, double *ret_psi);

#endif
