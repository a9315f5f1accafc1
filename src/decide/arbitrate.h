#ifndef DECIDE_ARBITRATE_H
#define DECIDE_ARBITRATE_H

/*
 * arbitrate: which candidate gets which place, and with what chance. The one place where a list is
 * put together, in the first round and the second.
 *
 *   plain     by priority, ties to the smaller code
 *   explored  the last place, with the chance places x share (new_share where a candidate without
 *             a place before it is new; at most 1): drawn by Thompson sampling among the
 *             candidates that have no place before it, out of what customers of the segment have
 *             answered (posteriors.h), each rate times value x context x lever. Where one of them
 *             is new, the new ones and the one whose place it is compete alone. Each of the m that
 *             compete gets at least the chance `floor` (at most 1 / 2m) once the place is drawn.
 *
 *   informative   the last place, where it is not explored, with the chance 1 - teach_floor: the
 *             product `teach`, whose answer would teach most (model/teach.h, which keeps what that
 *             may cost below its limit); with the chance teach_floor the plain one. Only where the
 *             model's card says that this gains over both rounds.
 *
 * show_probability is filled in for every candidate, shown or not: 1 for the plain places before
 * the last, for the others the chance with which this decision shows them over its seed. The
 * draw is from these very numbers, so they are exact, however near beta_best_chances comes to the
 * posterior's own. A candidate that cannot come up has 0.
 *
 * One place at most, and never the only one, is left to chance: a first list loses at most what
 * lies between its last product and another one, in the
 * share of the decisions that the bank chose. Only
 * candidates that the rules let through come here, so no kind of place can relax them.
 *
 * Fills rank (1 ... in the order of the list; 0: not shown), place, a, b and show_probability.
 * Threads: pure. The same plan and candidates give the same list.
 */

#include "decide/record.h"
#include "learn/beta.h"

struct arbitrate_explore {
    double share, new_share; /* of all places; both 0: nothing is left to chance */
    double floor;            /* above 0 */
    uint64_t seed;           /* of the draw */
    bool is_drawn;           /* also whether `teach` is: false: the plain list, with the chances */
    const struct beta_table *const *tables; /* by candidate; unless both shares are 0 */
    const bool *is_new;                     /* by candidate, likewise */
};

struct arbitrate_plan {
    int places; /* in all */
    struct arbitrate_explore explore;
    const struct record_candidate *teach; /* a candidate; NULL: none would teach */
    double teach_floor;
};

/* The chance with which the last place was left to chance; 0 where nothing competes for it. */
double arbitrate(const struct arbitrate_plan *plan, struct record_candidate *candidates,
                 size_t count);

/* Priority first; equal ones by code, so that the order is the same everywhere. */
bool arbitrate_is_before(const struct record_candidate *a, const struct record_candidate *b);

/* Of a decision's id, whose last bytes are of chance and recorded: what it draws with. */
uint64_t arbitrate_seed(const uint8_t id[RECORD_ID_BYTES]);

#endif
