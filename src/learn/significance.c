#include "learn/significance.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/real.h"

/* A sum of probabilities is done where the next one is below this share of it. */
#define NEGLIGIBLE 1e-17
/* scipy's and R's: probabilities this close count as equal. */
#define EQUAL 1e-7
/* e^SIGNIFICANCE_EXACT_LOG, about; and how many places a sum of strata may have. */
#define SUM_NEGLIGIBLE 1e-100
enum { SUM_PLACES = 1024 };
#define LOG_HALF (-0.693147180559945309417232)
#define LOG_PI 1.14472988584940017414343

/* ln n!, by Stirling's series from 16 on: its fourth term is below 1e-12 there. */
static double log_factorial(uint64_t n)
{
    if (n < 16) {
        double product = 1;
        for (uint64_t i = 2; i <= n; i++) product *= (double)i;
        return lx_log(product);
    }
    double x = (double)n, r = 1 / x, r2 = r * r;
    double series = r * (1.0 / 12 - r2 * (1.0 / 360 - r2 * (1.0 / 1260 - r2 / 1680)));
    return (x + 0.5) * lx_log(x) - x + 0.91893853320467274178 + series;
}

static double log_choose(uint64_t n, uint64_t k)
{
    return log_factorial(n) - log_factorial(k) - log_factorial(n - k);
}

/* A distribution over whole numbers from `low` to `high` that rises and then falls: of `both`
 * given the margins, or of wins. */
struct spread {
    uint64_t first, second, total; /* margins; total 0: wins among `first` fair trials */
    uint64_t low, high;
    double log_norm;
};

static struct spread spread_of_table(const struct table2 *table)
{
    struct spread spread = {.first = table->both + table->first,
                            .second = table->both + table->second,
                            .total = table->both + table->first + table->second + table->neither};
    LX_ASSERT(spread.total > 0);

    spread.high = spread.first < spread.second ? spread.first : spread.second;
    spread.low = spread.first + spread.second > spread.total
                     ? spread.first + spread.second - spread.total
                     : 0;
    spread.log_norm = log_choose(spread.total, spread.second);
    return spread;
}

static double log_probability(const struct spread *spread, uint64_t k)
{
    if (spread->total == 0) return log_choose(spread->first, k) + LOG_HALF * (double)spread->first;
    return log_choose(spread->first, k) +
           log_choose(spread->total - spread->first, spread->second - k) - spread->log_norm;
}

/* P(k + 1) / P(k). */
static double step_up(const struct spread *spread, uint64_t k)
{
    double up = (double)(spread->first - k) / (double)(k + 1);
    if (spread->total == 0) return up;
    uint64_t left = spread->total - spread->first - spread->second;
    return up * (double)(spread->second - k) / (double)(left + k + 1);
}

/* ln of the sum of P from k on, in the direction; falls outside the support to -infinity. */
static double log_tail(const struct spread *spread, uint64_t k, bool is_up)
{
    double sum = 1, term = 1;
    for (uint64_t i = k; is_up ? i < spread->high : i > spread->low;) {
        term *= is_up ? step_up(spread, i) : 1 / step_up(spread, i - 1);
        i = is_up ? i + 1 : i - 1;
        sum += term;
        if (term < NEGLIGIBLE * sum) break;
    }
    return fmin(0, log_probability(spread, k) + lx_log(sum));
}

/* The whole tail from the far side of the mode would be summed term by term; the rest of 1 is
 * the other tail, which is short. */
static double log_from(const struct spread *spread, uint64_t k, bool is_up)
{
    bool is_falling = is_up ? k == spread->high || step_up(spread, k) <= 1
                            : k == spread->low || step_up(spread, k - 1) >= 1;
    if (is_falling) return log_tail(spread, k, is_up);
    if (is_up ? k == spread->low : k == spread->high) return 0;
    double rest = lx_exp(log_tail(spread, is_up ? k - 1 : k + 1, !is_up));
    return rest < 1 ? lx_log(1 - rest) : -INFINITY;
}

static uint64_t mode_of(const struct spread *spread)
{
    uint64_t low = spread->low, high = spread->high;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (step_up(spread, middle) > 1)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static double log_sum(double a, double b)
{
    double most = fmax(a, b), least = fmin(a, b);
    return least < -1e300 ? most : most + lx_log(1 + lx_exp(least - most));
}

/* The tail that holds k, and on the other side of the mode all that is not likelier than k. */
static double log_two_sided(const struct spread *spread, uint64_t k)
{
    uint64_t mode = mode_of(spread);
    double limit = log_probability(spread, k) + EQUAL;
    if (log_probability(spread, mode) <= limit) return 0;
    bool is_up = k > mode;
    double own = log_from(spread, k, is_up);
    /* (inside, outside]: the first place out from the mode that is not likelier. */
    uint64_t inside = mode, outside = is_up ? spread->low : spread->high;
    if (outside == mode || log_probability(spread, outside) > limit) return own;
    while (inside > outside ? inside - outside > 1 : outside - inside > 1) {
        uint64_t middle =
            inside > outside ? outside + (inside - outside) / 2 : inside + (outside - inside) / 2;
        if (log_probability(spread, middle) > limit)
            inside = middle;
        else
            outside = middle;
    }
    return fmin(0, log_sum(own, log_tail(spread, outside, !is_up)));
}

double significance_fisher(const struct table2 *table)
{
    struct spread spread = spread_of_table(table);
    return log_two_sided(&spread, table->both);
}

double significance_fisher_greater(const struct table2 *table)
{
    struct spread spread = spread_of_table(table);
    return log_from(&spread, table->both, true);
}

double significance_fisher_less(const struct table2 *table)
{
    struct spread spread = spread_of_table(table);
    return log_from(&spread, table->both, false);
}

double significance_sign(uint64_t wins, uint64_t losses)
{
    struct spread spread = {.first = wins + losses, .high = wins + losses};
    if (wins == losses) return 0;
    uint64_t most = wins > losses ? wins : losses;
    return fmin(0, log_tail(&spread, most, true) - LOG_HALF);
}

double significance_chi_square(double chi_square)
{
    LX_ASSERT(chi_square >= 0);

    double x = sqrt(chi_square / 2);
    if (x < 20) return log(erfc(x));
    double r = 1 / (2 * x * x);
    return -x * x - log(x) - LOG_PI / 2 + log1p(-r * (1 - 3 * r * (1 - 5 * r)));
}

/* One stratum's cells, perhaps with half a case more in each. */
struct cells {
    double both, first, second, neither, total;
};

static struct cells cells_of(const struct table2 *table, double more)
{
    struct cells cells = {(double)table->both + more, (double)table->first + more,
                          (double)table->second + more, (double)table->neither + more, 0};
    cells.total = cells.both + cells.first + cells.second + cells.neither;
    return cells;
}

/* Sums over strata: of the estimator, its variance, and the chi-square. */
struct strata {
    double r, s, pr, ps_qr, qs;
    double observed, expected, variance;
};

static double hypergeometric_variance(const struct cells *cells)
{
    if (cells->total <= 1) return 0;
    double first = cells->both + cells->first, second = cells->both + cells->second;
    return first * second * (cells->total - first) * (cells->total - second) /
           (cells->total * cells->total * (cells->total - 1));
}

static void add_odds(struct strata *strata, const struct cells *cells, double sign)
{
    double n = cells->total;
    double r = cells->both * cells->neither / n, s = cells->first * cells->second / n;
    double p = (cells->both + cells->neither) / n, q = (cells->first + cells->second) / n;
    strata->r += sign * r;
    strata->s += sign * s;
    strata->pr += sign * p * r;
    strata->ps_qr += sign * (p * s + q * r);
    strata->qs += sign * q * s;
}

/* Where the parts of a sum lie: chances[i] is that of first + i. */
struct sum {
    double chances[SUM_PLACES];
    size_t count;
    uint64_t first;
};

/* One stratum's distribution, without what is rarer than SUM_NEGLIGIBLE; false: too wide. */
static bool part_of_sum(const struct table2 *table, struct sum *part)
{
    struct spread spread = spread_of_table(table);
    uint64_t mode = mode_of(&spread), low = mode, high = mode;
    double at_mode = lx_exp(log_probability(&spread, mode)), chance = at_mode;
    while (low > spread.low && chance > SUM_NEGLIGIBLE) chance /= step_up(&spread, --low);
    for (chance = at_mode; high < spread.high && chance > SUM_NEGLIGIBLE; high++)
        chance *= step_up(&spread, high);
    if (high - low >= SUM_PLACES) return false;
    part->first = low;
    part->count = (size_t)(high - low) + 1;
    part->chances[mode - low] = at_mode;
    for (uint64_t k = mode; k > low; k--)
        part->chances[k - 1 - low] = part->chances[k - low] / step_up(&spread, k - 1);
    for (uint64_t k = mode; k < high; k++)
        part->chances[k + 1 - low] = part->chances[k - low] * step_up(&spread, k);
    return true;
}

static bool add_part(struct sum *sum, const struct sum *part)
{
    double chances[SUM_PLACES] = {0};
    if (sum->count + part->count > SUM_PLACES) return false;
    for (size_t i = 0; i < sum->count; i++)
        for (size_t j = 0; j < part->count; j++)
            chances[i + j] += sum->chances[i] * part->chances[j];
    sum->count += part->count - 1;
    sum->first += part->first;
    memcpy(sum->chances, chances, sum->count * sizeof *chances);
    return true;
}

/* Two-sided p of the strata's sum; false where the sum is too wide to be written down. */
static bool exact_strata(const struct table2 *tables, size_t count, double *ret_log_p)
{
    struct sum sum = {.chances = {1}, .count = 1}, part;
    uint64_t observed = 0;
    for (size_t i = 0; i < count; i++) {
        if (tables[i].both + tables[i].first + tables[i].second + tables[i].neither == 0) continue;
        observed += tables[i].both;
        if (!part_of_sum(&tables[i], &part) || !add_part(&sum, &part)) return false;
    }
    double p = 0, own = 0;
    if (observed >= sum.first && observed - sum.first < sum.count)
        own = sum.chances[observed - sum.first];
    for (size_t i = 0; i < sum.count; i++)
        if (sum.chances[i] <= own * (1 + EQUAL)) p += sum.chances[i];
    *ret_log_p = p > SUM_NEGLIGIBLE ? fmin(0, lx_log(p)) : SIGNIFICANCE_EXACT_LOG;
    return true;
}

struct mantel_haenszel significance_strata(const struct table2 *tables, size_t count)
{
    struct strata sums = {0};
    double most = 0;
    size_t informing = 0;
    for (size_t i = 0; i < count; i++) {
        struct cells cells = cells_of(&tables[i], 0);
        if (cells.total < 2) continue;
        double variance = hypergeometric_variance(&cells);
        sums.observed += cells.both;
        sums.expected += (cells.both + cells.first) * (cells.both + cells.second) / cells.total;
        sums.variance += variance;
        add_odds(&sums, &cells, 1);
        if (variance > most) {
            most = variance;
            informing = i;
        }
    }
    struct mantel_haenszel result = {
        .variance = INFINITY, .expected = sums.expected, .observed = sums.observed};
    if (most <= 0) return result;
    double apart = sums.observed - sums.expected;
    if (sums.variance >= SIGNIFICANCE_EXACT_VARIANCE || !exact_strata(tables, count, &result.log_p))
        result.log_p = significance_chi_square(apart * apart / sums.variance);
    if (sums.r <= 0 || sums.s <= 0) {
        struct cells plain = cells_of(&tables[informing], 0);
        struct cells more = cells_of(&tables[informing], 0.5);
        add_odds(&sums, &plain, -1);
        add_odds(&sums, &more, 1);
    }
    result.log_odds = log(sums.r / sums.s);
    result.variance = sums.pr / (2 * sums.r * sums.r) + sums.ps_qr / (2 * sums.r * sums.s) +
                      sums.qs / (2 * sums.s * sums.s);
    return result;
}

struct ranked {
    double log_p;
    size_t index;
};

static int by_p(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    if (x->log_p != y->log_p) return x->log_p < y->log_p ? -1 : 1;
    return x->index < y->index ? -1 : 1;
}

enum lx_err significance_adjust(const double *log_p, size_t count, double *ret_log_q)
{
    if (count == 0) return LX_OK;
    struct ranked *ranked = lx_malloc(count * sizeof *ranked);
    if (ranked == NULL) return LX_ERR_NO_MEMORY;
    for (size_t i = 0; i < count; i++) ranked[i] = (struct ranked){log_p[i], i};
    qsort(ranked, count, sizeof *ranked, by_p);
    double least = 0;
    for (size_t rank = count; rank > 0; rank--) {
        double log_q = ranked[rank - 1].log_p + log((double)count / (double)rank);
        least = fmin(least, log_q);
        ret_log_q[ranked[rank - 1].index] = least;
    }
    lx_free(ranked);
    return LX_OK;
}
