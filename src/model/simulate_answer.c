#include "model/simulate_answer.h"

#include "base/real.h"

#define SAYS_NO 0.8

double simulate_answer_chance(const struct simulate_bounds *bounds, int64_t ppm)
{
    LX_ASSERT(ppm >= 0 && ppm <= 1000000);

    if (ppm == 0) return 0;
    double chance = (double)(ppm < 1000000 ? ppm : 999999) / 1e6;
    double logit = lx_log(chance / (1 - chance)) + bounds->channel;
    if (logit < bounds->minimum) logit = bounds->minimum;
    if (logit > bounds->maximum) logit = bounds->maximum;
    return 1 / (1 + lx_exp(-logit));
}

enum bank_answer simulate_answer_draw(struct lx_rng *rng, double chance, bool has_left)
{
    bool is_yes = lx_rng_chance(rng, chance);
    bool says_no = lx_rng_chance(rng, SAYS_NO);
    if (has_left) return BANK_ANSWER_IGNORED;
    if (chance <= 0) return BANK_ANSWER_OWNS;
    if (is_yes) return BANK_ANSWER_INTERESTED;
    return says_no ? BANK_ANSWER_NOT_INTERESTED : BANK_ANSWER_IGNORED;
}
