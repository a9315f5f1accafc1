#ifndef DECIDE_ARBITRATE_H
#define DECIDE_ARBITRATE_H

/*
 * arbitrate: which candidate gets which place, and with what chance. The one place where a list is
 * put together, in the first round and the second.
 *
 *   plain     by priority, ties to the smaller code; show_probability 1
 *
 * Only candidates that the rules let through come here, so no kind of place can relax them.
 *
 * Fills rank (1 ... in the order of the list; 0: not shown) and show_probability of each candidate.
 * Threads: pure.
 */

#include "decide/record.h"

struct arbitrate_plan {
    int places; /* in all */
};

void arbitrate(const struct arbitrate_plan *plan, struct record_candidate *candidates,
               size_t count);

#endif
