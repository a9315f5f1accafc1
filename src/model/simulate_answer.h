#ifndef MODEL_SIMULATE_ANSWER_H
#define MODEL_SIMULATE_ANSWER_H

/*
 * simulate_answer: how a customer of a synthetic bank answers an offer that his relationship
 * manager makes him at the end of the window. With the bank's profile (data/synth/profile.ini) and
 * what `synth` makes of it this is the simulator that policies are tuned against, so it is frozen:
 * docs/internals/simulator.md keeps the hash of this module's two files and a test recomputes it.
 * Whoever changes them writes a new version there, and figures of different versions are not
 * compared.
 *
 * The logit of a yes is the truth's (offers.csv) plus what the channel adds, kept between the
 * bounds of [logit] in truth/parameters.ini. A no is said (not_interested) four times in five;
 * else nothing is said (ignored). Who holds the product says so (owns), though the bank did not
 * know; who has left says nothing.
 */

#include "bank/types.h"
#include "base/rng.h"

enum { SIMULATE_ANSWER_VERSION = 1 };

struct simulate_bounds {
    double channel; /* of the relationship manager, in logits */
    double minimum, maximum;
};

/* Chance of a yes, where the truth's acceptance is `ppm` in a million; 0 stays 0. */
double simulate_answer_chance(const struct simulate_bounds *bounds, int64_t ppm);

/* What he says. Always draws twice, so that one answer does not move the next. */
enum bank_answer simulate_answer_draw(struct lx_rng *rng, double chance, bool has_left);

#endif
