#ifndef MODEL_EVERYONE_H
#define MODEL_EVERYONE_H

/*
 * everyone: all customers and all products that they may still open, scored over the current
 * snapshot: what a campaign, a nightly list and a capacity plan ask for.
 *
 * Rows are made and scored in blocks and forgotten; sums alone are kept, so memory does not grow
 * with the bank. Sums are taken chunk by chunk in order: the same on any number of threads.
 * Errors: LX_ERR_NOT_READY (no snapshot, no model), LX_ERR_NO_MEMORY. Threads: env->thread_count.
 */

#include "base/env.h"
#include "model/registry.h"

struct everyone {
    char model[REGISTRY_ID_SIZE];
    uint64_t customers, pairs;
    double openings; /* sum of the probabilities: how many are expected in 30 days */
    double seconds;  /* of reading, scoring and calibrating; opening not counted */
};

/* `id` NULL: the live one. */
LX_MUST_USE enum lx_err everyone_score(const char *folder, const char *id, const struct lx_env *env,
                                       struct everyone *ret_everyone, struct lx_error *err);

#endif
