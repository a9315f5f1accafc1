#include "learn/off_policy.h"

#include <math.h>
#include <stdlib.h>

#include "base/rng.h"

#define Z95 1.959963984540054
#define CLIPPED_SHARE_MAX 0.01
#define MISMATCH_SIGMAS 4.0
#define MISMATCH_LEAST 0.05

const char *off_policy_name(enum off_policy_estimator estimator)
{
    static const char *const names[OFF_POLICY_ESTIMATORS] = {"ips", "snips", "dr"};
    LX_ASSERT(estimator < OFF_POLICY_ESTIMATORS);
    return names[estimator];
}

static const struct {
    enum off_policy_warning warning;
    const char *zh, *en;
} warnings[] = {
#define X(name, bit, zh, en) {OFF_POLICY_##name, zh, en},
    OFF_POLICY_WARNING_MAP(X)
#undef X
};

enum off_policy_warning off_policy_warning_at(size_t n)
{
    return n < LX_COUNT_OF(warnings) ? warnings[n].warning : OFF_POLICY_SOUND;
}

const char *off_policy_warning_zh(enum off_policy_warning warning)
{
    for (size_t i = 0; i < LX_COUNT_OF(warnings); i++)
        if (warnings[i].warning == warning) return warnings[i].zh;
    return NULL;
}

const char *off_policy_warning_en(enum off_policy_warning warning)
{
    for (size_t i = 0; i < LX_COUNT_OF(warnings); i++)
        if (warnings[i].warning == warning) return warnings[i].en;
    return NULL;
}

/* One sum a cluster of everything that the estimators need, so that both the sandwich and the
 * bootstrap are one pass over clusters. */
struct cluster {
    uint32_t id;
    double rows, weight, reward, robust; /* n, sum of w, of w r, of DR's terms */
};

struct estimation {
    const struct off_policy_log *log;
    double *weights;
    struct cluster *clusters;
    size_t cluster_count;
    bool has_dr;
};

static double raw_weight(const struct off_policy_log *log, size_t row)
{
    double scale = log->scales != NULL ? log->scales[row] : 1;
    return scale * log->targets[row] / log->propensities[row];
}

static double clip_of(const struct off_policy_log *log, double clip)
{
    return clip > 0 ? clip : sqrt((double)log->count);
}

void off_policy_weights(const struct off_policy_log *log, double clip, double *ret_weights)
{
    double most = clip_of(log, clip);
    for (size_t i = 0; i < log->count; i++) ret_weights[i] = fmin(raw_weight(log, i), most);
}

static enum lx_err check_row(const struct off_policy_log *log, size_t row, struct lx_error *err)
{
    double propensity = log->propensities[row], target = log->targets[row],
           reward = log->rewards[row];
    if (!(propensity > 0 && propensity <= 1))
        return lx_fail(err, LX_ERR_BAD_INPUT,
                       "off-policy: row %zu: propensity %g: above 0 and at most 1 expected",
                       row + 1, propensity);
    if (!(target >= 0 && target <= 1))
        return lx_fail(err, LX_ERR_BAD_INPUT,
                       "off-policy: row %zu: chance %g under the other policy: 0 to 1 expected",
                       row + 1, target);
    if (!(reward >= 0 && reward <= 1))
        return lx_fail(err, LX_ERR_BAD_INPUT, "off-policy: row %zu: reward %g: 0 to 1 expected",
                       row + 1, reward);
    return LX_OK;
}

static enum lx_err check(const struct off_policy_log *log, const struct off_policy_options *options,
                         struct lx_error *err)
{
    if (log->count == 0) return lx_fail(err, LX_ERR_BAD_INPUT, "off-policy: the log has no rows");
    if (options->uncovered > OFF_POLICY_UNCOVERED_MAX)
        return lx_fail(err, LX_ERR_REFUSED,
                       "off-policy: %.1f %% of what the policy would show could never be shown by "
                       "the logging policy (at most %.0f %%): no estimate; show it to somebody "
                       "first, or compare a policy that stays within what was shown",
                       100 * options->uncovered, 100 * OFF_POLICY_UNCOVERED_MAX);
    enum lx_err code = LX_OK;
    for (size_t i = 0; i < log->count && code == LX_OK; i++) code = check_row(log, i, err);
    return code;
}

static int by_id(const void *a, const void *b)
{
    uint32_t x = ((const struct cluster *)a)->id, y = ((const struct cluster *)b)->id;
    return (x > y) - (x < y);
}

static double robust_term(const struct off_policy_log *log, const double *weights, size_t row)
{
    double scale = log->scales != NULL ? log->scales[row] : 1;
    return scale * log->predicted_targets[row] +
           weights[row] * (log->rewards[row] - log->predicted[row]);
}

static void gather(struct estimation *estimation)
{
    const struct off_policy_log *log = estimation->log;
    struct cluster *clusters = estimation->clusters;
    for (size_t i = 0; i < log->count; i++) {
        double weight = estimation->weights[i];
        clusters[i] = (struct cluster){
            .id = log->clusters != NULL ? log->clusters[i] : (uint32_t)i,
            .rows = 1,
            .weight = weight,
            .reward = weight * log->rewards[i],
            .robust = estimation->has_dr ? robust_term(log, estimation->weights, i) : 0};
    }
    estimation->cluster_count = log->count;
    if (log->clusters == NULL) return;
    qsort(clusters, log->count, sizeof *clusters, by_id);
    size_t last = 0;
    for (size_t i = 1; i < log->count; i++) {
        if (clusters[i].id != clusters[last].id) {
            clusters[++last] = clusters[i];
            continue;
        }
        clusters[last].rows += 1;
        clusters[last].weight += clusters[i].weight;
        clusters[last].reward += clusters[i].reward;
        clusters[last].robust += clusters[i].robust;
    }
    estimation->cluster_count = last + 1;
}

/* numerator and denominator of an estimator in one cluster; every one is a ratio of sums. */
static double numerator(const struct cluster *cluster, enum off_policy_estimator estimator)
{
    return estimator == OFF_POLICY_DR ? cluster->robust : cluster->reward;
}

static double denominator(const struct cluster *cluster, enum off_policy_estimator estimator)
{
    return estimator == OFF_POLICY_SNIPS ? cluster->weight : cluster->rows;
}

static double ratio(double above, double below)
{
    return below > 0 ? above / below : 0;
}

static void set_interval(double value, double error, double effective, double *low, double *high)
{
    if (value > 0) {
        double factor = exp(fmin(Z95 * error / value, 700));
        *low = value / factor;
        *high = value * factor;
    } else if (error > 0) {
        *low = value - Z95 * error;
        *high = value + Z95 * error;
    } else {
        *low = 0;
        *high = effective > 0 ? fmin(-log(0.025) / effective, 1) : 1;
    }
}

static void estimate(const struct estimation *estimation, enum off_policy_estimator estimator,
                     double effective, struct off_policy_estimate *ret_estimate)
{
    double above = 0, below = 0, squares = 0;
    size_t count = estimation->cluster_count;
    for (size_t i = 0; i < count; i++) {
        above += numerator(&estimation->clusters[i], estimator);
        below += denominator(&estimation->clusters[i], estimator);
    }
    double value = ratio(above, below);
    for (size_t i = 0; i < count; i++) {
        const struct cluster *cluster = &estimation->clusters[i];
        double rest = numerator(cluster, estimator) - value * denominator(cluster, estimator);
        squares += rest * rest;
    }
    double corrected = count > 1 ? (double)count / (double)(count - 1) : 1;
    *ret_estimate =
        (struct off_policy_estimate){.value = value,
                                     .standard_error = ratio(sqrt(corrected * squares), below),
                                     .bootstrap_low = NAN,
                                     .bootstrap_high = NAN};
    set_interval(value, ret_estimate->standard_error, effective, &ret_estimate->low,
                 &ret_estimate->high);
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Linear between order statistics. */
static double quantile(const double *sorted, size_t count, double share)
{
    double at = share * (double)(count - 1);
    size_t below = (size_t)at;
    size_t above = below + 1 < count ? below + 1 : below;
    return sorted[below] + (at - (double)below) * (sorted[above] - sorted[below]);
}

static void resample(const struct estimation *estimation, struct lx_rng *rng,
                     double ret_values[OFF_POLICY_ESTIMATORS])
{
    double above[OFF_POLICY_ESTIMATORS] = {0}, below[OFF_POLICY_ESTIMATORS] = {0};
    for (size_t i = 0; i < estimation->cluster_count; i++) {
        const struct cluster *cluster =
            &estimation->clusters[lx_rng_below(rng, estimation->cluster_count)];
        for (int e = 0; e < OFF_POLICY_ESTIMATORS; e++) {
            above[e] += numerator(cluster, (enum off_policy_estimator)e);
            below[e] += denominator(cluster, (enum off_policy_estimator)e);
        }
    }
    for (int e = 0; e < OFF_POLICY_ESTIMATORS; e++) ret_values[e] = ratio(above[e], below[e]);
}

static enum lx_err bootstrap(const struct estimation *estimation,
                             const struct off_policy_options *options,
                             struct off_policy_result *result, struct lx_error *err)
{
    if (options->resamples <= 0) return LX_OK;
    size_t count = (size_t)options->resamples;
    double *values = lx_calloc(OFF_POLICY_ESTIMATORS * count, sizeof *values);
    if (values == NULL) return lx_fail(err, LX_ERR_NO_MEMORY, "off-policy: bootstrap");
    for (size_t i = 0; i < count; i++) {
        struct lx_rng rng = lx_rng_of(options->seed, i);
        double drawn[OFF_POLICY_ESTIMATORS];
        resample(estimation, &rng, drawn);
        for (size_t e = 0; e < OFF_POLICY_ESTIMATORS; e++) values[e * count + i] = drawn[e];
    }
    for (size_t e = 0; e < OFF_POLICY_ESTIMATORS; e++) {
        qsort(values + e * count, count, sizeof *values, by_value);
        result->estimates[e].bootstrap_low = quantile(values + e * count, count, 0.025);
        result->estimates[e].bootstrap_high = quantile(values + e * count, count, 0.975);
    }
    lx_free(values);
    return LX_OK;
}

static void diagnose(const struct estimation *estimation, const struct off_policy_options *options,
                     struct off_policy_result *result)
{
    const struct off_policy_log *log = estimation->log;
    double raw = 0, raw_squares = 0, kept = 0, kept_squares = 0, rewards = 0;
    for (size_t i = 0; i < log->count; i++) {
        double weight = raw_weight(log, i), used = estimation->weights[i];
        raw += weight;
        raw_squares += weight * weight;
        kept += used;
        kept_squares += used * used;
        rewards += log->rewards[i];
        result->clipped_count += used < weight;
        result->largest_weight = fmax(result->largest_weight, weight);
    }
    double n = (double)log->count;
    result->mean_weight = raw / n;
    result->effective_size = ratio(kept * kept, kept_squares);
    result->clipped_share = ratio(raw - kept, raw);
    double off = fabs(result->mean_weight - 1);
    double error = sqrt(fmax(raw_squares / n - result->mean_weight * result->mean_weight, 0) / n);
    if (options->uncovered > 0) result->warnings |= OFF_POLICY_UNCOVERED;
    if (result->effective_size < OFF_POLICY_EFFECTIVE_MIN) result->warnings |= OFF_POLICY_FEW;
    if (result->clipped_share > CLIPPED_SHARE_MAX) result->warnings |= OFF_POLICY_CLIPPED;
    if (off > MISMATCH_LEAST && off > MISMATCH_SIGMAS * error)
        result->warnings |= OFF_POLICY_MISMATCH;
    if (rewards <= 0) result->warnings |= OFF_POLICY_NO_REWARD;
}

enum lx_err off_policy_estimate(const struct off_policy_log *log,
                                const struct off_policy_options *options,
                                struct off_policy_result *ret_result, struct lx_error *err)
{
    enum lx_err code = check(log, options, err);
    if (code != LX_OK) return code;

    struct estimation estimation = {.log = log, .has_dr = log->predicted != NULL};
    struct off_policy_result result = {.has_dr = estimation.has_dr,
                                       .clip = clip_of(log, options->clip)};
    estimation.weights = lx_calloc(log->count, sizeof *estimation.weights);
    estimation.clusters = lx_calloc(log->count, sizeof *estimation.clusters);
    if (estimation.weights == NULL || estimation.clusters == NULL)
        code = lx_fail(err, LX_ERR_NO_MEMORY, "off-policy: %zu rows", log->count);
    if (code == LX_OK) {
        off_policy_weights(log, options->clip, estimation.weights);
        gather(&estimation);
        diagnose(&estimation, options, &result);
        for (int e = 0; e < OFF_POLICY_ESTIMATORS; e++)
            estimate(&estimation, (enum off_policy_estimator)e, result.effective_size,
                     &result.estimates[e]);
        result.cluster_count = estimation.cluster_count;
        code = bootstrap(&estimation, options, &result, err);
    }
    lx_free(estimation.weights);
    lx_free(estimation.clusters);
    if (code == LX_OK) *ret_result = result;
    return code;
}

void off_policy_predict(const struct off_policy_estimate *estimate, size_t row_count,
                        double *ret_low, double *ret_high)
{
    LX_ASSERT(row_count > 0);

    /* With no reward seen, the end of the interval stands for the value. */
    double value = estimate->value > 0 ? estimate->value : fmax(estimate->high, 0);
    double chance = fmin(value, 1) * (1 - fmin(value, 1)) / (double)row_count;
    double error = sqrt(estimate->standard_error * estimate->standard_error + chance);
    if (estimate->value > 0) {
        set_interval(estimate->value, error, 0, ret_low, ret_high);
    } else {
        *ret_low = fmin(estimate->low, estimate->value);
        *ret_high = estimate->high + Z95 * sqrt(chance);
    }
}

double off_policy_uncovered(const double *logging, const double *target, size_t count)
{
    double uncovered = 0, all = 0;
    for (size_t i = 0; i < count; i++) {
        all += target[i];
        if (!(logging[i] > 0)) uncovered += target[i];
    }
    return ratio(uncovered, all);
}

/* f - b (m - 1), where m is the mean of 1/p over the context's rows and e that of 1/p^2. */
static double share_of(double f, double m, double e)
{
    double variance = e - m * m;
    if (!(variance > 0)) return f;
    return f - m * (1 - f) / variance * (m - 1); /* above 0 where f is, by Cauchy and Schwarz */
}

enum lx_err off_policy_shares(const uint32_t *contexts, const uint32_t *actions,
                              const double *propensities, size_t count, size_t context_count,
                              size_t action_count, double *ret_shares, struct lx_error *err)
{
    size_t cells = context_count * action_count;
    double *rows = lx_calloc(3 * cells + 1, sizeof *rows);
    if (rows == NULL) return lx_fail(err, LX_ERR_NO_MEMORY, "off-policy: %zu cells", cells);
    double *inverse = rows + cells, *squares = rows + 2 * cells;
    for (size_t i = 0; i < count; i++) {
        size_t cell = contexts[i] * action_count + actions[i];
        rows[cell] += 1;
        inverse[cell] += 1 / propensities[i];
        squares[cell] += 1 / (propensities[i] * propensities[i]);
    }
    for (size_t c = 0; c < context_count; c++) {
        double all = 0, sum = 0, *shares = ret_shares + c * action_count;
        for (size_t a = 0; a < action_count; a++) all += rows[c * action_count + a];
        for (size_t a = 0; a < action_count; a++) {
            size_t cell = c * action_count + a;
            shares[a] =
                all > 0 ? share_of(rows[cell] / all, inverse[cell] / all, squares[cell] / all) : 0;
            sum += shares[a];
        }
        for (size_t a = 0; a < action_count && sum > 0; a++) shares[a] /= sum;
    }
    lx_free(rows);
    return LX_OK;
}

/* Sums over the rows outside a fold. */
struct rates {
    const struct off_policy_cells *cells;
    double count, reward;
    double *action_counts, *action_rewards; /* by action */
    double *cell_counts, *cell_rewards;     /* by context and action */
    double *rates;                          /* by context and action */
};

static uint64_t fold_of(const struct off_policy_cells *cells, size_t row, int folds, uint64_t seed)
{
    uint64_t cluster = cells->clusters != NULL ? cells->clusters[row] : row;
    struct lx_rng rng = lx_rng_of(seed, cluster);
    return lx_rng_below(&rng, (uint64_t)folds);
}

static void count_rows(struct rates *rates, uint64_t fold, int folds, uint64_t seed)
{
    const struct off_policy_cells *cells = rates->cells;
    size_t cell_count = cells->action_count * cells->context_count;
    rates->count = rates->reward = 0;
    for (size_t i = 0; i < cells->action_count; i++)
        rates->action_counts[i] = rates->action_rewards[i] = 0;
    for (size_t i = 0; i < cell_count; i++) rates->cell_counts[i] = rates->cell_rewards[i] = 0;
    for (size_t i = 0; i < cells->count; i++) {
        if (fold_of(cells, i, folds, seed) == fold) continue;
        size_t cell = cells->contexts[i] * cells->action_count + cells->actions[i];
        rates->count += 1;
        rates->reward += cells->rewards[i];
        rates->action_counts[cells->actions[i]] += 1;
        rates->action_rewards[cells->actions[i]] += cells->rewards[i];
        rates->cell_counts[cell] += 1;
        rates->cell_rewards[cell] += cells->rewards[i];
    }
}

/* Half a reward on one more row keeps the overall rate above 0 where there was none. */
static void shrink(struct rates *rates)
{
    const struct off_policy_cells *cells = rates->cells;
    double overall = (rates->reward + 0.5) / (rates->count + 1);
    for (size_t a = 0; a < cells->action_count; a++) {
        double rate = (rates->action_rewards[a] + OFF_POLICY_PRIOR_REWARDS) /
                      (rates->action_counts[a] + OFF_POLICY_PRIOR_REWARDS / overall);
        for (size_t c = 0; c < cells->context_count; c++) {
            size_t cell = c * cells->action_count + a;
            rates->rates[cell] = (rates->cell_rewards[cell] + OFF_POLICY_PRIOR_REWARDS) /
                                 (rates->cell_counts[cell] + OFF_POLICY_PRIOR_REWARDS / rate);
        }
    }
}

static void predict_fold(const struct rates *rates, uint64_t fold, int folds, uint64_t seed,
                         double *ret_predicted, double *ret_predicted_targets)
{
    const struct off_policy_cells *cells = rates->cells;
    for (size_t i = 0; i < cells->count; i++) {
        if (fold_of(cells, i, folds, seed) != fold) continue;
        size_t first = cells->contexts[i] * cells->action_count;
        double sum = 0;
        const double *target = cells->row_targets != NULL
                                   ? cells->row_targets + i * cells->action_count
                                   : cells->target + first;
        for (size_t a = 0; a < cells->action_count; a++) sum += target[a] * rates->rates[first + a];
        ret_predicted[i] = rates->rates[first + cells->actions[i]];
        ret_predicted_targets[i] = sum;
    }
}

enum lx_err off_policy_rates(const struct off_policy_cells *cells, int folds, uint64_t seed,
                             double *ret_predicted, double *ret_predicted_targets,
                             struct lx_error *err)
{
    LX_ASSERT(folds > 1 && cells->action_count > 0 && cells->context_count > 0);

    size_t cell_count = cells->action_count * cells->context_count;
    double *room = lx_calloc(2 * cells->action_count + 3 * cell_count, sizeof *room);
    if (room == NULL) return lx_fail(err, LX_ERR_NO_MEMORY, "off-policy: %zu cells", cell_count);
    struct rates rates = {.cells = cells,
                          .action_counts = room,
                          .action_rewards = room + cells->action_count,
                          .cell_counts = room + 2 * cells->action_count,
                          .cell_rewards = room + 2 * cells->action_count + cell_count,
                          .rates = room + 2 * cells->action_count + 2 * cell_count};
    for (uint64_t fold = 0; fold < (uint64_t)folds; fold++) {
        count_rows(&rates, fold, folds, seed);
        shrink(&rates);
        predict_fold(&rates, fold, folds, seed, ret_predicted, ret_predicted_targets);
    }
    lx_free(room);
    return LX_OK;
}
