#ifndef DECIDE_MONITOR_H
#define DECIDE_MONITOR_H

/*
 * monitor: what another order of the products would have earned, from the places that were left to
 * chance (arbitrate.h), as the journal has them.
 *
 * A row is a first round whose last place was contested and whose product in it has an answer that
 * stands: the candidates that competed, the chance recorded for each, and whether the answer was a
 * yes (interested, bought). Rounds without an answer are left out: who answers must not depend on
 * what stands there.
 * At most the newest MONITOR_ROWS_MAX rows count. Clusters are customers; the direct
 * model of DR is the rate by segment and product, cross-fitted (off_policy.h).
 *
 * Policies for that place: what the bank does without chance (the greatest priority), the greatest
 * probability of the model, the product that is answered yes most often (the recorded posterior's
 * mean), and each alike.
 *
 * Errors: journal's; LX_ERR_NOT_READY where no such row is there yet, and what to do.
 */

#include "decide/engine.h"
#include "learn/off_policy.h"

enum { MONITOR_ROWS_MAX = 100000 };

#define MONITOR_POLICY_MAP(X)                                                                      \
    X(PRIORITY, "priority", "按优先级", "by priority, as without chance")                          \
    X(PROBABILITY, "probability", "按模型概率", "by the model's probability")                      \
    X(POPULARITY, "popularity", "按答复率", "by how often it is answered yes")                     \
    X(UNIFORM, "uniform", "均匀随机", "each alike")

enum monitor_policy {
#define X(name, text, zh, en) MONITOR_##name,
    MONITOR_POLICY_MAP(X)
#undef X
        MONITOR_POLICIES
};
const char *monitor_policy_name(enum monitor_policy policy);
const char *monitor_policy_zh(enum monitor_policy policy);
const char *monitor_policy_en(enum monitor_policy policy);

struct monitor_result {
    size_t rows, yes, explored; /* explored: rows whose product was drawn */
    double on_policy;           /* what the policy that ran earned in that place */
    struct off_policy_result policies[MONITOR_POLICIES];
};

LX_MUST_USE enum lx_err monitor_off_policy(struct engine *engine, uint64_t seed,
                                           struct monitor_result *ret_result, struct lx_error *err);

/* The rate of yes of a product in a segment of actions.ini (NULL: in all) today, with its 95 %
 * interval. */
struct monitor_rate {
    double yes, answers; /* decayed */
    double mean, low, high;
};
struct monitor_rate monitor_rate(const struct engine *engine, const char *segment, int product);

/* The segments, in the order of actions.ini; NULL past the last. */
struct monitor_segment {
    const char *name, *zh, *en;
};
bool monitor_segment(const struct engine *engine, size_t index,
                     struct monitor_segment *ret_segment);

#endif
