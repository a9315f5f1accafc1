#include "learn/beta.h"

#include <float.h>
#include <math.h>

enum { FRACTION_STEPS = 2000, QUANTILE_STEPS = 200 };

double beta_mean(double a, double b)
{
    return a / (a + b);
}

double beta_deviation(double a, double b)
{
    double sum = a + b;
    return sqrt(a * b / (sum * sum * (sum + 1)));
}

static double log_gamma(double x)
{
    int sign;
    return lgamma_r(x, &sign);
}

/* ln of 1 / B(a, b). */
static double log_norm(double a, double b)
{
    return log_gamma(a + b) - log_gamma(a) - log_gamma(b);
}

static double away_from_0(double x)
{
    return fabs(x) < DBL_MIN / DBL_EPSILON ? DBL_MIN / DBL_EPSILON : x;
}

/* Converges fast for x < (a + 1) / (a + b + 2). */
static double fraction(double a, double b, double x)
{
    double c = 1, d = 1 / away_from_0(1 - (a + b) * x / (a + 1)), result = d;
    for (int i = 1; i <= FRACTION_STEPS; i++) {
        double m = i, even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
        double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
        d = 1 / away_from_0(1 + even * d);
        c = away_from_0(1 + even / c);
        result *= d * c;
        d = 1 / away_from_0(1 + odd * d);
        c = away_from_0(1 + odd / c);
        result *= d * c;
        if (fabs(d * c - 1) < 4 * DBL_EPSILON) break;
    }
    return result;
}

static double cdf(double a, double b, double norm, double x)
{
    if (!(x > 0)) return 0;
    if (x >= 1) return 1;
    double front = exp(norm + a * log(x) + b * log1p(-x));
    if (x < (a + 1) / (a + b + 2)) return front * fraction(a, b, x) / a;
    return 1 - front * fraction(b, a, 1 - x) / b;
}

double beta_cdf(double a, double b, double x)
{
    LX_ASSERT(a > 0 && b > 0 && isfinite(a) && isfinite(b));

    return cdf(a, b, log_norm(a, b), x);
}

/* Newton's step, and halving wherever it would leave the bracket that is known. `start` is a guess
 * in (0, 1). */
static double quantile(double a, double b, double norm, double chance, double start)
{
    double low = 0, high = 1, x = start;
    for (int i = 0; i < QUANTILE_STEPS; i++) {
        double off = cdf(a, b, norm, x) - chance;
        if (off > 0)
            high = x;
        else
            low = x;
        if (fabs(off) <= 1e-13 || high - low <= 4 * DBL_EPSILON * high) break;
        double slope = exp(norm + (a - 1) * log(x) + (b - 1) * log1p(-x));
        double next = x - off / slope;
        /* Near 0 a bracket is halved in the logarithm, or a small rate takes hundreds of steps. */
        double middle = low > 0 ? sqrt(low * high) : high < 1e-3 ? high * high : high / 2;
        if (high > 0.25) middle = (low + high) / 2;
        x = next > low && next < high ? next : middle;
        if (!(x > 0)) return 0;
    }
    return x;
}

double beta_quantile(double a, double b, double chance)
{
    LX_ASSERT(a > 0 && b > 0 && isfinite(a) && isfinite(b) && chance >= 0 && chance <= 1);

    if (chance <= 0) return 0;
    if (chance >= 1) return 1;
    return quantile(a, b, log_norm(a, b), chance, beta_mean(a, b));
}

void beta_table_fill(double a, double b, struct beta_table *ret_table)
{
    LX_ASSERT(a > 0 && b > 0 && isfinite(a) && isfinite(b));

    double norm = log_norm(a, b), start = beta_mean(a, b);
    ret_table->a = a;
    ret_table->b = b;
    /* From the middle outwards, each quantile starting at its neighbour. */
    for (int i = BETA_LEVELS / 2; i < BETA_LEVELS; i++) {
        double x = quantile(a, b, norm, (i + 0.5) / BETA_LEVELS, start);
        ret_table->quantiles[i] = x;
        if (x > 0 && x < 1) start = x;
    }
    start = ret_table->quantiles[BETA_LEVELS / 2];
    if (!(start > 0 && start < 1)) start = beta_mean(a, b);
    for (int i = BETA_LEVELS / 2 - 1; i >= 0; i--) {
        double x = quantile(a, b, norm, (i + 0.5) / BETA_LEVELS, start);
        ret_table->quantiles[i] = fmin(x, ret_table->quantiles[i + 1]);
        if (x > 0 && x < 1) start = x;
    }
}

/* The chance below x; quantiles[*at - 1] <= x < quantiles[*at], where *at only grows. Beyond the
 * outermost quantiles it runs straight to 0 and to 1, as far again as the next quantile is. */
static double chance_at(const double *q, int *at, double x)
{
    while (*at < BETA_LEVELS && q[*at] <= x) (*at)++;
    int i = *at;
    double low, high, base;
    if (i == 0) {
        high = q[0];
        low = fmax(0, q[0] - (q[1] - q[0]) / 2);
        return x <= low || high <= low ? 0 : (x - low) / (high - low) * 0.5 / BETA_LEVELS;
    }
    if (i == BETA_LEVELS) {
        low = q[BETA_LEVELS - 1];
        high = fmin(1, low + (low - q[BETA_LEVELS - 2]) / 2);
        base = (BETA_LEVELS - 0.5) / BETA_LEVELS;
        return x >= high ? 1 : base + (x - low) / (high - low) * 0.5 / BETA_LEVELS;
    }
    low = q[i - 1];
    high = q[i];
    base = (i - 0.5) / BETA_LEVELS;
    return base + (x - low) / (high - low) / BETA_LEVELS;
}

double beta_table_cdf(const struct beta_table *table, double x)
{
    int at = 0;
    return chance_at(table->quantiles, &at, x);
}

void beta_best_chances(const struct beta_arm *arms, size_t count, double *ret_chances)
{
    LX_ASSERT(count > 0 && count <= BETA_ARMS_MAX);

    double sum = 0;
    for (size_t i = 0; i < count; i++) {
        double product[BETA_LEVELS];
        for (int g = 0; g < BETA_LEVELS; g++) product[g] = 1;
        for (size_t j = 0; j < count; j++) {
            int at = 0;
            double ratio = arms[i].scale / arms[j].scale;
            for (int g = 0; j != i && g < BETA_LEVELS; g++)
                product[g] *=
                    chance_at(arms[j].table->quantiles, &at, ratio * arms[i].table->quantiles[g]);
        }
        ret_chances[i] = 0;
        for (int g = 0; g < BETA_LEVELS; g++) ret_chances[i] += product[g] / BETA_LEVELS;
        sum += ret_chances[i];
    }
    /* Rates that are all known to be equal to the last digit: nothing tells them apart. */
    for (size_t i = 0; i < count; i++)
        ret_chances[i] = sum > 0 ? ret_chances[i] / sum : 1 / (double)count;
}
