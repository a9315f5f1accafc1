#ifndef LEARN_OFF_POLICY_H
#define LEARN_OFF_POLICY_H

/*
 * off_policy: what would another policy have earned? Estimated from the log of one policy that left
 * part of its choice to chance and wrote down the chance.
 *
 * A row is one exposure: what was shown, the chance p with which the logging policy showed it, the
 * chance t with which the target policy would have, and the reward r in [0, 1] (0/1 mostly).
 * w = scale * t / p, at most `clip`; n rows; q a model of the reward.
 *
 *   IPS    mean of w r                        Horvitz and Thompson 1952
 *   SNIPS  sum of w r / sum of w              Swaminathan and Joachims 2015
 *   DR     mean of scale * sum_a t_a q_a + w (r - q)    Dudik, Langford and Li 2011
 *
 * Without clipping IPS is unbiased where p is right and above 0 wherever t is; SNIPS is consistent
 * and varies less; DR is unbiased where p or q is right, and varies less the better q is. q must
 * come from other rows than the one it is used for: off_policy_rates cross-fits it.
 *
 * Clipping: a weight above `clip` is cut to it, which takes bias (towards 0 in IPS and SNIPS,
 *           towards the model in DR) for variance. The default is the square root of n (Ionides
 *           2008): the bias vanishes as n grows. clipped_count and clipped_share say what was cut.
 * Intervals: 95 %. The standard error is the sandwich over clusters (users, rounds, days: what is
 *           not independent within). As rewards are not negative and rare, the interval is
 *           symmetric in the logarithm: value * exp(+-1.96 se / value); around a DR value that is
 *           not positive it is value +- 1.96 se; where no reward was seen it ends at
 *           -ln(0.025) / effective_size. resamples > 0 adds the percentile bootstrap over clusters.
 * Support:  what the logging policy could never show, no weight can bring back. Of the target's
 *           choice, `uncovered` (off_policy_uncovered) is that share: above
 *           OFF_POLICY_UNCOVERED_MAX the estimate is refused, below it is warned of.
 *
 * Shapes: arrays of `count`; clusters are any numbers, rows of one cluster need not be adjacent.
 * Errors: LX_ERR_BAD_INPUT (no rows; a propensity outside (0, 1], a target or reward outside
 *         [0, 1], with the row's number from 1), LX_ERR_REFUSED (uncovered), LX_ERR_NO_MEMORY.
 * Threads: pure. The same rows, options and seed give the same bytes.
 */

#include "base/base.h"

#define OFF_POLICY_UNCOVERED_MAX 0.10
#define OFF_POLICY_EFFECTIVE_MIN 100.0

struct off_policy_log {
    size_t count;
    const double *propensities; /* p */
    const double *targets;      /* t, of what was shown */
    const double *rewards;
    const double *scales;            /* weight of the row's stratum, mean 1; NULL: all 1 */
    const double *predicted;         /* q of what was shown; NULL: no DR */
    const double *predicted_targets; /* sum over actions of t_a q_a; with `predicted` */
    const uint32_t *clusters;        /* NULL: each row for itself */
};

struct off_policy_options {
    double clip;      /* 0: square root of count; INFINITY: none */
    double uncovered; /* share of the target's choice that the log could not show */
    int resamples;    /* of the bootstrap; 0: none */
    uint64_t seed;
};

enum off_policy_estimator {
    OFF_POLICY_IPS,
    OFF_POLICY_SNIPS,
    OFF_POLICY_DR,
    OFF_POLICY_ESTIMATORS
};
const char *off_policy_name(enum off_policy_estimator estimator); /* "ips" */

struct off_policy_estimate {
    double value, standard_error;
    double low, high;                     /* of the policy's value */
    double bootstrap_low, bootstrap_high; /* NaN where resamples is 0 */
};

/* What a person should know before he believes the figures. */
#define OFF_POLICY_WARNING_MAP(X)                                                                  \
    X(UNCOVERED, 1, "日志策略不可能展示目标策略的部分选择",                                        \
      "the logging policy could not show part of what the other policy shows")                     \
    X(FEW, 2, "有效样本量不足100,少数几行决定结果",                                                \
      "fewer than 100 effective rows: a few of them decide")                                       \
    X(CLIPPED, 4, "截断的权重超过1%,估计有偏",                                                     \
      "more than 1 % of the weight was cut: the estimates are biased")                             \
    X(MISMATCH, 8, "平均权重与1相差过大：目标策略展示的样本太少，或记录的展示概率与日志不符",      \
      "the mean weight is far from 1: too few rows of what the policy shows, or recorded chances " \
      "that do not fit the log")                                                                   \
    X(NO_REWARD, 16, "日志中没有任何正反馈", "the log has no reward at all")

enum off_policy_warning {
    OFF_POLICY_SOUND = 0,
#define X(name, bit, zh, en) OFF_POLICY_##name = (bit),
    OFF_POLICY_WARNING_MAP(X)
#undef X
};

struct off_policy_result {
    struct off_policy_estimate estimates[OFF_POLICY_ESTIMATORS];
    bool has_dr;
    size_t cluster_count;
    double clip;                        /* that was used */
    double effective_size;              /* (sum of w)^2 / sum of w^2 */
    double mean_weight, largest_weight; /* before clipping */
    size_t clipped_count;
    double clipped_share; /* of the sum of weights */
    unsigned warnings;    /* enum off_policy_warning */
};

LX_MUST_USE enum lx_err off_policy_estimate(const struct off_policy_log *log,
                                            const struct off_policy_options *options,
                                            struct off_policy_result *ret_result,
                                            struct lx_error *err);

/* The weight of each row as it was used, after clipping. */
void off_policy_weights(const struct off_policy_log *log, double clip, double *ret_weights);

/*
 * 95 % interval for the mean reward that a log of `row_count` further rows of the target policy
 * will show: the estimate's own variance and that of a mean of so many 0/1 rewards.
 */
void off_policy_predict(const struct off_policy_estimate *estimate, size_t row_count,
                        double *ret_low, double *ret_high);

/* The share of the target's choice among `count` actions that the logging policy never makes. */
double off_policy_uncovered(const double *logging, const double *target, size_t count);

/*
 * How often a policy whose chances changed while it ran makes each choice, on the whole: of `count`
 * rows with what was shown and the chance recorded for it alone. From the share f of an action in
 * its context, corrected by what is known beside it, that 1/p summed over the rows of an action is
 * the number of all rows of the context: f - b (mean of 1/p - 1), b the regression coefficient of
 * the one on the other. So it is exact where the chances do not change, and never worse than f
 * where they do. It sums to 1 in each context, and uses no rewards.
 *
 * ret_shares[context * action_count + action]; a context without rows gets 0. LX_ERR_NO_MEMORY.
 */
LX_MUST_USE enum lx_err off_policy_shares(const uint32_t *contexts, const uint32_t *actions,
                                          const double *propensities, size_t count,
                                          size_t context_count, size_t action_count,
                                          double *ret_shares, struct lx_error *err);

/* The words of one warning; the n-th, NULL past the last. */
const char *off_policy_warning_zh(enum off_policy_warning warning);
const char *off_policy_warning_en(enum off_policy_warning warning);
enum off_policy_warning off_policy_warning_at(size_t n);

/*
 * The direct model: the mean reward of an action in a context, shrunk to the action's, that to
 * everybody's, each prior worth OFF_POLICY_PRIOR_REWARDS expected rewards. Cross-fitted over
 * `folds` random parts of the clusters: the prediction for a row never saw its cluster.
 *
 * target[context * action_count + action]: the target policy; ret_predicted of what was shown,
 * ret_predicted_targets: sum over actions.
 */
#define OFF_POLICY_PRIOR_REWARDS 2.0
enum { OFF_POLICY_FOLDS = 5 };

struct off_policy_cells {
    size_t count, action_count, context_count;
    const uint32_t *actions, *contexts; /* by row */
    const double *rewards;
    const uint32_t *clusters; /* NULL: each row for itself */
    const double *target;
    const double *row_targets; /* in its stead where each row has chances of its own:
                                  [row * action_count + action]; NULL: `target` */
};

LX_MUST_USE enum lx_err off_policy_rates(const struct off_policy_cells *cells, int folds,
                                         uint64_t seed, double *ret_predicted,
                                         double *ret_predicted_targets, struct lx_error *err);

#endif
