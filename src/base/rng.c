#include "base/rng.h"

#include <math.h>

#include "base/real.h"

static uint64_t mix(uint64_t z)
{
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

struct lx_rng lx_rng_of(uint64_t seed, uint64_t stream)
{
    uint64_t state = mix(seed + 0x9E3779B97F4A7C15u);
    return (struct lx_rng){mix(state ^ mix(stream * 0xD1342543DE82EF95u + 1))};
}

uint64_t lx_rng_next(struct lx_rng *rng)
{
    return mix(rng->state += 0x9E3779B97F4A7C15u);
}

__extension__ typedef unsigned __int128 u128;

uint64_t lx_rng_below(struct lx_rng *rng, uint64_t bound)
{
    LX_ASSERT(bound > 0);

    u128 product = (u128)lx_rng_next(rng) * bound;
    if ((uint64_t)product < bound) {
        uint64_t threshold = (0 - bound) % bound;
        while ((uint64_t)product < threshold) product = (u128)lx_rng_next(rng) * bound;
    }
    return (uint64_t)(product >> 64);
}

double lx_rng_uniform(struct lx_rng *rng)
{
    return (double)(lx_rng_next(rng) >> 11) * 0x1p-53;
}

bool lx_rng_chance(struct lx_rng *rng, double probability)
{
    return lx_rng_uniform(rng) < probability;
}

/* Marsaglia's polar method; the second value is dropped so that a draw depends on nothing kept. */
double lx_rng_normal(struct lx_rng *rng)
{
    for (;;) {
        double u = 2 * lx_rng_uniform(rng) - 1, v = 2 * lx_rng_uniform(rng) - 1;
        double square = u * u + v * v;
        if (square > 0 && square < 1) return u * sqrt(-2 * lx_log(square) / square);
    }
}

double lx_rng_exponential(struct lx_rng *rng)
{
    /* 1 - u is exact. */
    return -lx_log(1 - lx_rng_uniform(rng));
}

/* Knuth's product for small means; larger ones are brought down first. */
uint32_t lx_rng_poisson(struct lx_rng *rng, double mean)
{
    LX_ASSERT(mean >= 0 && mean <= 1e6);

    uint32_t count = 0;
    while (mean > 30) {
        /* The gamma trick (Ahrens, Dieter 1974): jump to the m-th arrival of a unit process. */
        uint32_t m = (uint32_t)(mean * 7 / 8);
        double arrival = lx_rng_gamma(rng, m);
        if (arrival > mean) {
            uint32_t hits = 0;
            for (uint32_t i = 1; i < m; i++) hits += lx_rng_uniform(rng) < mean / arrival;
            return count + hits;
        }
        count += m;
        mean -= arrival;
    }
    double limit = lx_exp(-mean), product = lx_rng_uniform(rng);
    for (; product > limit; product *= lx_rng_uniform(rng)) count++;
    return count;
}

/* Marsaglia and Tsang 2000; shapes below one by the power of a uniform. */
double lx_rng_gamma(struct lx_rng *rng, double shape)
{
    LX_ASSERT(shape > 0);

    if (shape < 1) {
        double boost = lx_exp(lx_log(1 - lx_rng_uniform(rng)) / shape);
        return lx_rng_gamma(rng, shape + 1) * boost;
    }
    double d = shape - 1.0 / 3, c = 1 / sqrt(9 * d);
    for (;;) {
        double x = lx_rng_normal(rng), t = 1 + c * x;
        if (t <= 0) continue;
        double v = t * t * t, u = 1 - lx_rng_uniform(rng);
        if (lx_log(u) < 0.5 * x * x + d - d * v + d * lx_log(v)) return d * v;
    }
}

double lx_rng_beta(struct lx_rng *rng, double a, double b)
{
    double x = lx_rng_gamma(rng, a), y = lx_rng_gamma(rng, b);
    return x / (x + y);
}

size_t lx_rng_pick(struct lx_rng *rng, const double *weights, size_t count)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++) {
        LX_ASSERT(weights[i] >= 0);
        sum += weights[i];
    }
    LX_ASSERT(sum > 0);

    double left = lx_rng_uniform(rng) * sum;
    size_t last = 0;
    for (size_t i = 0; i < count; i++) {
        if (weights[i] <= 0) continue;
        last = i;
        left -= weights[i];
        if (left < 0) return i;
    }
    return last;
}

void lx_rng_shuffle(struct lx_rng *rng, uint32_t *values, size_t count)
{
    for (size_t i = count; i > 1; i--) {
        size_t j = (size_t)lx_rng_below(rng, i);
        uint32_t value = values[i - 1];
        values[i - 1] = values[j];
        values[j] = value;
    }
}
