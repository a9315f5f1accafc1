#ifndef MODEL_SIMULATE_H
#define MODEL_SIMULATE_H

/*
 * simulate: the closed loop on a synthetic bank. The policy offers, customers answer as their truth
 * says, the second round knows the answers. This is the only part of the program that opens the
 * truth of a synthetic bank (OUT/truth, docs/internals/synthetic-bank.md). How customers answer is
 * frozen (simulate_answer.h, docs/internals/simulator.md).
 *
 * Each customer whom the gate lets have at least 2 * places products is shown `places` products,
 * twice. What is measured is the mean true chance of a yes of the places shown, so that luck counts
 * once only. Three questions are answered side by side:
 *
 *   same places   every arm stands on the plain first list of the model; second places by
 *                   with            the second round, after the answers
 *                   without         the model's places k+1 ... 2k, as if nothing had been answered
 *                   masked          the second round, none of the answers known
 *                   popularity, random
 *                   bayes           who knows how customers are made, and the answers
 *                   bayes_masked    the same, none of the answers known
 *                   best            who knows each customer's truth
 *                 captured = (with - without) / (best - without)
 *   total         k + k against one list of 2k: the mean of both rounds
 *   bank          how many times as precise the second round is as the one-round strategy's places
 *                 k+1 ... 2k
 *
 * with / masked is what the answers add, masked / without what the second round knows otherwise;
 * bayes / bayes_masked is what answers can add at most to one who knows everything else.
 *
 * Intervals are 95 % percentiles of a bootstrap over customers. Deterministic by seed.
 *
 * Errors: LX_ERR_NOT_FOUND (no truth there), LX_ERR_BAD_INPUT (file:line), LX_ERR_NOT_READY (no
 *         snapshot, no model, nobody to offer anything), LX_ERR_NO_MEMORY.
 */

#include "base/env.h"
#include "learn/metrics.h"
#include "model/registry.h"

enum { SIMULATE_PLACES_MAX = 20, SIMULATE_RESAMPLES = 200 };

/* Who fills the first places; the second ones. */
#define SIMULATE_FIRST_MAP(X)                                                                      \
    X(MODEL, "model")                                                                              \
    X(POPULARITY, "popularity")                                                                    \
    X(RANDOM, "random")                                                                            \
    X(BEST, "best")

#define SIMULATE_SECOND_MAP(X)                                                                     \
    X(WITH, "with")                                                                                \
    X(WITHOUT, "without")                                                                          \
    X(MASKED, "masked")                                                                            \
    X(POPULARITY, "popularity")                                                                    \
    X(RANDOM, "random")                                                                            \
    X(BAYES, "bayes")                                                                              \
    X(BAYES_MASKED, "bayes_masked")                                                                \
    X(BEST, "best")

enum simulate_first {
#define X(name, text) SIMULATE_FIRST_##name,
    SIMULATE_FIRST_MAP(X)
#undef X
        SIMULATE_FIRST_COUNT
};
enum simulate_second {
#define X(name, text) SIMULATE_SECOND_##name,
    SIMULATE_SECOND_MAP(X)
#undef X
        SIMULATE_SECOND_COUNT
};
const char *simulate_first_name(enum simulate_first policy);
const char *simulate_second_name(enum simulate_second policy);

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

/* Chances of a yes for each place, with their intervals. */
struct simulate_result {
    char model[REGISTRY_ID_SIZE];
    uint64_t customers; /* that took part */
    int places;
    double candidates; /* mean number of products that may be offered to one of them */
    bool has_bayes;    /* the truth says how hidden tastes are spread; else both bayes are NaN */
    double taste;      /* strength of hidden tastes; NaN where the truth does not say */
    struct metric_interval first[SIMULATE_FIRST_COUNT];
    struct metric_interval second[SIMULATE_SECOND_COUNT];
    struct metric_interval captured, captured_of_bayes; /* of best's, of bayes' gain */
    struct metric_interval with_over_without, with_over_masked;
    struct metric_interval bayes_over_without, bayes_over_masked, best_over_without;
    struct metric_interval total, total_without, total_ratio; /* of both rounds */
    double said_yes; /* share of first places that were a yes */
    double any_yes;  /* share of customers who said it at least once */
    double seconds;
};

LX_MUST_USE enum lx_err simulate(const char *folder, const struct simulate_options *options,
                                 const struct lx_env *env, struct simulate_result *ret_result,
                                 struct lx_error *err);

#endif
