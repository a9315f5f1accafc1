#ifndef INGEST_SYNTH_MATH_H
#define INGEST_SYNTH_MATH_H

/*
 * synth_math: the few functions that the synthetic bank draws with beyond base/rng.h. Like it they
 * use only what gives the same bits on every machine, so that a seed means the same bank anywhere.
 * Private to ingest/synth*. Threads: pure functions of their arguments.
 */

#include "base/real.h"
#include "base/rng.h"

static inline double synth_clamp(double x, double low, double high)
{
    return x < low ? low : x > high ? high : x;
}

static inline double synth_logistic(double x)
{
    return 1 / (1 + lx_exp(-x));
}

/* median * e^(spread * normal). */
static inline double synth_lognormal(struct lx_rng *rng, double median, double spread)
{
    return median * lx_exp(spread * lx_rng_normal(rng));
}

/* Exponential with that mean. */
static inline double synth_wait(struct lx_rng *rng, double mean)
{
    return mean * lx_rng_exponential(rng);
}

/* Four uniforms of 16 bits, summed and standardised: close enough to a normal for the small steps
 * of a walk, at a fifth of the price. */
static inline double synth_step(struct lx_rng *rng)
{
    uint64_t bits = lx_rng_next(rng);
    uint64_t sum = (bits & 0xFFFF) + (bits >> 16 & 0xFFFF) + (bits >> 32 & 0xFFFF) + (bits >> 48);
    return ((double)sum - 131070) * 2.6429e-5;
}

/* An index in proportion to weights whose sum is known; 0-weight items may come last only. */
static inline size_t synth_pick(struct lx_rng *rng, const double *weights, size_t count, double sum)
{
    double left = lx_rng_uniform(rng) * sum;
    for (size_t i = 0; i + 1 < count; i++) {
        left -= weights[i];
        if (left < 0) return i;
    }
    return count - 1;
}

#endif
