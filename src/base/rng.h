#ifndef BASE_RNG_H
#define BASE_RNG_H

/*
 * rng: random numbers that are handed in. The same (seed, stream) gives the same numbers on every
 * machine; give each customer, tree or fold its own stream and the order of threads cannot matter.
 *
 * The generator is splitmix64 (Steele, Lea, Flood 2014), seeded by mixing seed and stream. The
 * distributions use base/real.h, so their bits do not depend on the C library either.
 * It is for simulation and sampling, never for secrets: those come from env->entropy.
 */

#include "base/base.h"

struct lx_rng {
    uint64_t state;
};

struct lx_rng lx_rng_of(uint64_t seed, uint64_t stream);
uint64_t lx_rng_next(struct lx_rng *rng);

/* Uniform in [0, bound), without bias (Lemire 2019); bound > 0. */
uint64_t lx_rng_below(struct lx_rng *rng, uint64_t bound);

double lx_rng_uniform(struct lx_rng *rng);                  /* in [0, 1), 53 bits */
bool lx_rng_chance(struct lx_rng *rng, double probability); /* true with that probability */
double lx_rng_normal(struct lx_rng *rng);                   /* mean 0, deviation 1 */
double lx_rng_exponential(struct lx_rng *rng);              /* mean 1 */
uint32_t lx_rng_poisson(struct lx_rng *rng, double mean);   /* 0 <= mean <= 1e6 */
double lx_rng_gamma(struct lx_rng *rng, double shape);      /* scale 1, shape > 0 */
double lx_rng_beta(struct lx_rng *rng, double a, double b); /* a, b > 0 */

/* An index in [0, count) in proportion to weights >= 0 whose sum is > 0. */
size_t lx_rng_pick(struct lx_rng *rng, const double *weights, size_t count);

/* Fisher-Yates over an array of indices. */
void lx_rng_shuffle(struct lx_rng *rng, uint32_t *values, size_t count);

#endif
