#ifndef MODEL_SIMULATE_H
#define MODEL_SIMULATE_H

/*
 * simulate: the closed loop on a synthetic bank. The policy offers, customers answer as their truth
 * says, the second round knows the answers. This is the only part of the program that opens the
 * truth of a synthetic bank (OUT/truth, docs/internals/synthetic-bank.md).
 *
 * Each customer whom the gate lets have at least 2 * places products is shown `places` products,
 * twice. First places are compared between the model's, the most popular, a random and the best
 * possible list. For the second places every arm stands on the model's own first list:
 *
 *   with      the remaining products after the answers (rounds.h)
 *   without   the model's places k+1 ... 2k, as if nothing had been answered
 *   popular, random, best   likewise out of what remains
 *
 * captured = (with - without) / (best - without). An answer is drawn from the customer's true
 * chance of a yes (a no is not_interested four times in five, else ignored); what is measured is
 * the mean true chance of the places shown, so that luck counts once only. Intervals are 95 %
 * percentiles of a bootstrap over customers. Deterministic by seed.
 *
 * Errors: LX_ERR_NOT_FOUND (no truth there), LX_ERR_BAD_INPUT (file:line), LX_ERR_NOT_READY (no
 *         snapshot, no model, nobody to offer anything), LX_ERR_NO_MEMORY.
 */

#include "base/env.h"
#include "learn/metrics.h"
#include "model/registry.h"

enum { SIMULATE_PLACES_MAX = 20, SIMULATE_RESAMPLES = 200 };

#define SIMULATE_POLICY_MAP(X)                                                                     \
    X(MODEL, "model")                                                                              \
    X(POPULARITY, "popularity")                                                                    \
    X(RANDOM, "random")                                                                            \
    X(BEST, "best")

enum simulate_policy {
#define X(name, text) SIMULATE_##name,
    SIMULATE_POLICY_MAP(X)
#undef X
        SIMULATE_POLICY_COUNT
};
const char *simulate_policy_name(enum simulate_policy policy);

struct simulate_options {
    /* OUT/truth of the synthetic bank; NULL: `truth` in the folder that was imported last and has
     * one, as the import named it. */
    const char *truth;
    uint64_t seed;
    int places;    /* of a round; 0: 5 */
    int resamples; /* 0: SIMULATE_RESAMPLES */
    /* The rules: may this product be offered to this customer (numbers of the snapshot)? NULL: all
     * that he does not hold. */
    bool (*may_offer)(void *context, int64_t customer, int product);
    void *context;
};

/* Chance of a yes for each place, with its interval. */
struct simulate_result {
    char model[REGISTRY_ID_SIZE];
    uint64_t customers; /* that took part */
    int places;
    struct metric_interval first[SIMULATE_POLICY_COUNT];
    struct metric_interval second[SIMULATE_POLICY_COUNT]; /* MODEL: with answers */
    struct metric_interval second_without, captured;
    struct metric_interval ratio;                /* with over without */
    struct metric_interval total, total_without; /* of both rounds */
    double said_yes;                             /* share of first places that were a yes */
    double seconds;
};

LX_MUST_USE enum lx_err simulate(const char *folder, const struct simulate_options *options,
                                 const struct lx_env *env, struct simulate_result *ret_result,
                                 struct lx_error *err);

#endif
