#include "learn/metrics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "learn/psi.h"

/* One row of a ranking; best score first, equal scores in the order of the rows. */
struct ranked {
    double score, positive, weight; /* positive: weight of the row where its label is 1, else 0 */
    size_t row;
};

static int compare_ranked(const void *left, const void *right)
{
    const struct ranked *a = left, *b = right;
    if (a->score != b->score) return a->score > b->score ? -1 : 1;
    return a->row < b->row ? -1 : a->row > b->row;
}

static enum lx_err rank_rows(const double *scores, const uint8_t *labels, const double *weights,
                             size_t count, struct ranked **ret_ranked)
{
    struct ranked *ranked = lx_calloc(count > 0 ? count : 1, sizeof *ranked);
    if (ranked == NULL) return LX_ERR_NO_MEMORY;
    for (size_t i = 0; i < count; i++) {
        LX_ASSERT(!isnan(scores[i]) && labels[i] <= 1);
        double weight = weights == NULL ? 1 : weights[i];
        LX_ASSERT(weight >= 0);
        ranked[i] = (struct ranked){scores[i], labels[i] ? weight : 0, weight, i};
    }
    qsort(ranked, count, sizeof *ranked, compare_ranked);
    *ret_ranked = ranked;
    return LX_OK;
}

static size_t tie_end(const struct ranked *ranked, size_t begin, size_t count)
{
    size_t end = begin + 1;
    while (end < count && ranked[end].score == ranked[begin].score) end++;
    return end;
}

/* Every row of a tie carries the tie's mean, so that where a cut falls inside it cannot matter. */
static void level_ties(struct ranked *ranked, size_t count)
{
    for (size_t begin = 0, end; begin < count; begin = end) {
        end = tie_end(ranked, begin, count);
        double sum = 0;
        for (size_t i = begin; i < end; i++) sum += ranked[i].positive;
        for (size_t i = begin; i < end; i++) ranked[i].positive = sum / (double)(end - begin);
    }
}

static void sum_ranked(const struct ranked *ranked, size_t count, double *ret_positive,
                       double *ret_negative)
{
    double positive = 0, negative = 0;
    for (size_t i = 0; i < count; i++) {
        positive += ranked[i].positive;
        negative += ranked[i].weight - ranked[i].positive;
    }
    *ret_positive = positive;
    *ret_negative = negative;
}

/* Walks the thresholds from the best score down; area by trapezoids, precision as a step. */
static void curves(const struct ranked *ranked, size_t count, double *ret_roc, double *ret_pr)
{
    double positive, negative, true_positive = 0, false_positive = 0, roc = 0, pr = 0;
    sum_ranked(ranked, count, &positive, &negative);
    for (size_t begin = 0, end; begin < count; begin = end) {
        end = tie_end(ranked, begin, count);
        double tie_positive = 0, tie_negative = 0;
        for (size_t i = begin; i < end; i++) {
            tie_positive += ranked[i].positive;
            tie_negative += ranked[i].weight - ranked[i].positive;
        }
        roc += tie_negative * (true_positive + tie_positive / 2);
        true_positive += tie_positive;
        false_positive += tie_negative;
        if (tie_positive > 0) pr += tie_positive * true_positive / (true_positive + false_positive);
    }
    bool has_both = positive > 0 && negative > 0;
    *ret_roc = has_both ? roc / (positive * negative) : NAN;
    *ret_pr = has_both ? pr / positive : NAN;
}

enum lx_err metric_roc_auc(const double *scores, const uint8_t *labels, const double *weights,
                           size_t count, double *ret_value)
{
    struct ranked *ranked;
    enum lx_err code = rank_rows(scores, labels, weights, count, &ranked);
    if (code != LX_OK) return code;

    double pr;
    curves(ranked, count, ret_value, &pr);
    lx_free(ranked);
    return LX_OK;
}

enum lx_err metric_pr_auc(const double *scores, const uint8_t *labels, const double *weights,
                          size_t count, double *ret_value)
{
    struct ranked *ranked;
    enum lx_err code = rank_rows(scores, labels, weights, count, &ranked);
    if (code != LX_OK) return code;

    double roc;
    curves(ranked, count, &roc, ret_value);
    lx_free(ranked);
    return LX_OK;
}

double metric_log_loss(const double *probabilities, const uint8_t *labels, const double *weights,
                       size_t count)
{
    double sum = 0, weight_sum = 0;
    for (size_t i = 0; i < count; i++) {
        double weight = weights == NULL ? 1 : weights[i];
        double p = fmin(fmax(probabilities[i], 1e-15), 1 - 1e-15);
        sum -= weight * (labels[i] ? log(p) : log1p(-p));
        weight_sum += weight;
    }
    return weight_sum > 0 ? sum / weight_sum : NAN;
}

double metric_brier(const double *probabilities, const uint8_t *labels, const double *weights,
                    size_t count)
{
    double sum = 0, weight_sum = 0;
    for (size_t i = 0; i < count; i++) {
        double weight = weights == NULL ? 1 : weights[i];
        double difference = probabilities[i] - (labels[i] ? 1 : 0);
        sum += weight * difference * difference;
        weight_sum += weight;
    }
    return weight_sum > 0 ? sum / weight_sum : NAN;
}

/* How many rows a share is: the nearest whole number, one at least where there are any. */
static size_t rows_of(double share, size_t count)
{
    size_t rows = (size_t)llround(share * (double)count);
    return rows > 0 || count == 0 ? rows : 1;
}

static double sum_best(const struct ranked *ranked, size_t k)
{
    double hits = 0;
    for (size_t i = 0; i < k; i++) hits += ranked[i].positive;
    return hits;
}

enum lx_err metric_lift_at(const double *scores, const uint8_t *labels, size_t count, double share,
                           double *ret_lift, double *ret_recall)
{
    LX_ASSERT(share > 0 && share <= 1);

    struct ranked *ranked;
    enum lx_err code = rank_rows(scores, labels, NULL, count, &ranked);
    if (code != LX_OK) return code;

    level_ties(ranked, count);
    double positive, negative;
    sum_ranked(ranked, count, &positive, &negative);
    size_t k = rows_of(share, count);
    bool has_both = positive > 0 && negative > 0;
    double recall = has_both ? sum_best(ranked, k) / positive : NAN;
    *ret_lift = recall * (double)count / (double)k;
    *ret_recall = recall;
    lx_free(ranked);
    return LX_OK;
}

enum lx_err metric_hits_at(const double *scores, const uint8_t *labels, size_t count, size_t k,
                           double *ret_hits)
{
    struct ranked *ranked;
    enum lx_err code = rank_rows(scores, labels, NULL, count, &ranked);
    if (code != LX_OK) return code;

    level_ties(ranked, count);
    *ret_hits = sum_best(ranked, k < count ? k : count);
    lx_free(ranked);
    return LX_OK;
}

/* Observed over expected among the best k, of rows ranked by probability. */
static double over_expected(const struct ranked *ranked, size_t k)
{
    double observed = 0, expected = 0;
    for (size_t i = 0; i < k; i++) {
        observed += ranked[i].positive;
        expected += ranked[i].score;
    }
    return expected > 0 ? observed / expected : NAN;
}

enum lx_err metric_calibration(const double *probabilities, const uint8_t *labels, size_t count,
                               struct metric_calibration *ret_calibration)
{
    struct ranked *ranked;
    enum lx_err code = rank_rows(probabilities, labels, NULL, count, &ranked);
    if (code != LX_OK) return code;

    struct metric_calibration result = {.ece = count > 0 ? 0 : NAN};
    level_ties(ranked, count);
    for (size_t bin = 0; bin < METRIC_BINS; bin++) {
        /* Bins go from the lowest probabilities up, the ranking from the highest down. */
        size_t end = count - count * bin / METRIC_BINS;
        size_t begin = count - count * (bin + 1) / METRIC_BINS;
        double mass = (double)(end - begin);
        result.counts[bin] = end - begin;
        if (begin == end) continue;
        for (size_t i = begin; i < end; i++) {
            result.expected[bin] += ranked[i].score / mass;
            result.observed[bin] += ranked[i].positive / mass;
        }
        result.ece += fabs(result.observed[bin] - result.expected[bin]) * mass / (double)count;
    }
    result.observed_over_expected_top10 = over_expected(ranked, rows_of(0.1, count));
    result.observed_over_expected_top1 = over_expected(ranked, rows_of(0.01, count));
    lx_free(ranked);
    *ret_calibration = result;
    return LX_OK;
}

/* Adds what one case gives to the sums; false where it has no positive. `ranked` is its rows. */
static bool add_case(const struct ranked *ranked, size_t count, struct metric_ranking *sums)
{
    double found = 0, precision_sum = 0, first = 0, positive_count = 0;
    for (size_t i = 0; i < count; i++) {
        if (ranked[i].positive <= 0) continue;
        positive_count++;
        if (first == 0) first = (double)i + 1;
        if (i >= 7) continue;
        found++;
        precision_sum += found / ((double)i + 1);
    }
    if (first == 0) return false;

    sums->hit1 += first <= 1;
    sums->hit3 += first <= 3;
    sums->hit5 += first <= 5;
    sums->mrr += 1 / first;
    sums->map7 += precision_sum / fmin(positive_count, 7);
    sums->precision5 += sum_best(ranked, count < 5 ? count : 5) / 5;
    return true;
}

enum lx_err metric_ranking(const double *scores, const uint8_t *labels, const size_t *case_ends,
                           size_t case_count, struct metric_ranking *ret_ranking)
{
    struct metric_ranking sums = {0};
    size_t begin = 0;
    for (size_t i = 0; i < case_count; i++) {
        LX_ASSERT(case_ends[i] >= begin);
        struct ranked *ranked;
        size_t count = case_ends[i] - begin;
        enum lx_err code = rank_rows(scores + begin, labels + begin, NULL, count, &ranked);
        if (code != LX_OK) return code;
        sums.case_count += add_case(ranked, count, &sums);
        lx_free(ranked);
        begin = case_ends[i];
    }

    double cases = sums.case_count > 0 ? (double)sums.case_count : NAN;
    *ret_ranking = (struct metric_ranking){
        sums.case_count,  sums.hit1 / cases, sums.hit3 / cases,      sums.hit5 / cases,
        sums.mrr / cases, sums.map7 / cases, sums.precision5 / cases};
    return LX_OK;
}

/* Rows of each group put together: `order` lists them group by group, starts has group_count + 1.
 */
static enum lx_err group_rows(const uint16_t *groups, size_t group_count, size_t count,
                              size_t *starts, size_t **ret_order)
{
    size_t *order = lx_calloc(count > 0 ? count : 1, sizeof *order);
    if (order == NULL) return LX_ERR_NO_MEMORY;
    for (size_t i = 0; i < count; i++) {
        LX_ASSERT(groups[i] < group_count);
        starts[groups[i] + 1]++;
    }
    for (size_t g = 0; g < group_count; g++) starts[g + 1] += starts[g];
    for (size_t i = 0; i < count; i++) order[starts[groups[i]]++] = i;
    for (size_t g = group_count; g > 0; g--) starts[g] = starts[g - 1];
    starts[0] = 0;
    *ret_order = order;
    return LX_OK;
}

enum lx_err metric_roc_auc_within(const double *scores, const uint8_t *labels,
                                  const uint16_t *groups, size_t group_count, size_t count,
                                  double *ret_value)
{
    enum lx_err code = LX_ERR_NO_MEMORY;
    double sum = 0, weight_sum = 0;
    size_t *order = NULL, *starts = lx_calloc(group_count + 1, sizeof *starts);
    double *group_scores = lx_calloc(count > 0 ? count : 1, sizeof *group_scores);
    uint8_t *group_labels = lx_calloc(count > 0 ? count : 1, 1);
    if (starts == NULL || group_scores == NULL || group_labels == NULL) goto out;
    code = group_rows(groups, group_count, count, starts, &order);
    for (size_t g = 0; code == LX_OK && g < group_count; g++) {
        size_t size = starts[g + 1] - starts[g], positives = 0;
        for (size_t i = 0; i < size; i++) {
            group_scores[i] = scores[order[starts[g] + i]];
            group_labels[i] = labels[order[starts[g] + i]];
            positives += group_labels[i];
        }
        if (positives == 0 || positives == size) continue;
        double value = 0;
        code = metric_roc_auc(group_scores, group_labels, NULL, size, &value);
        sum += value * (double)positives;
        weight_sum += (double)positives;
    }
    if (code == LX_OK) *ret_value = weight_sum > 0 ? sum / weight_sum : NAN;
out:
    lx_free(order);
    lx_free(starts);
    lx_free(group_scores);
    lx_free(group_labels);
    return code;
}

static int compare_reals(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return a < b ? -1 : a > b;
}

/* The quantile of sorted values, linear between them (Hyndman and Fan's type 7). */
static double quantile(const double *sorted, size_t count, double share)
{
    double place = share * (double)(count - 1);
    size_t below = (size_t)place;
    if (below + 1 >= count) return sorted[count - 1];
    return sorted[below] + (place - (double)below) * (sorted[below + 1] - sorted[below]);
}

enum lx_err metric_bootstrap(size_t unit_count, int resamples, uint64_t seed,
                             double (*statistic)(void *context, const uint32_t *units,
                                                 size_t count),
                             void *context, struct metric_interval *ret_interval)
{
    LX_ASSERT(unit_count > 0 && unit_count <= UINT32_MAX && resamples > 0 && statistic != NULL);

    enum lx_err code = LX_ERR_NO_MEMORY;
    struct metric_interval interval = {NAN, NAN, NAN};
    uint32_t *units = lx_calloc(unit_count, sizeof *units);
    double *values = lx_calloc((size_t)resamples, sizeof *values);
    if (units == NULL || values == NULL) goto out;

    for (size_t i = 0; i < unit_count; i++) units[i] = (uint32_t)i;
    interval.value = statistic(context, units, unit_count);
    size_t value_count = 0;
    for (int r = 0; r < resamples; r++) {
        struct lx_rng rng = lx_rng_of(seed, (uint64_t)r);
        for (size_t i = 0; i < unit_count; i++) units[i] = (uint32_t)lx_rng_below(&rng, unit_count);
        double value = statistic(context, units, unit_count);
        if (!isnan(value)) values[value_count++] = value;
    }
    qsort(values, value_count, sizeof *values, compare_reals);
    if (value_count > 0) {
        interval.low = quantile(values, value_count, 0.025);
        interval.high = quantile(values, value_count, 0.975);
    }
    *ret_interval = interval;
    code = LX_OK;
out:
    lx_free(units);
    lx_free(values);
    return code;
}

enum lx_err metric_psi(const double *before, size_t before_count, const double *after,
                       size_t after_count, int bins, double *ret_psi)
{
    LX_ASSERT(before_count > 0 && after_count > 0);

    struct psi_bins kept;
    uint64_t counts[PSI_BINS_MAX + 2] = {0};
    double *values = lx_malloc(before_count * sizeof *values);
    if (values == NULL) return LX_ERR_NO_MEMORY;
    memcpy(values, before, before_count * sizeof *values);
    psi_bins_make(values, before_count, bins, &kept);
    lx_free(values);
    for (size_t i = 0; i < after_count; i++) counts[psi_bins_find(&kept, after[i])]++;
    *ret_psi = psi_of(&kept, counts);
    return LX_OK;
}
