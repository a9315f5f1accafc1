#ifndef MODEL_FALLBACK_H
#define MODEL_FALLBACK_H

/*
 * fallback: would another ranking serve a customer better of whom little is known, and would the
 * factors of learn/factors.h help the model? On the months that evaluate takes, all candidate
 * pairs.
 *
 * Rankings: the live model; popularity (openings in the 30 days before); the cohort's rate of
 * opening (pair feature cohort_opening_rate); als and bpr, fitted on who held what at the moment
 * itself and asked by folding in what the customer held then. So no ranking knows more than the
 * moment. Groups: everybody; customers first known in the 31 days before; customers who hold at
 * most one product.
 * `found5` is the share of openings that were among the customer's first five; `difference` is it
 * less the model's, with a 95 % interval over resamples of the customers, the same for both.
 *
 * `stacked`: log-odds of the model's margin and both factor scores, fitted by logistic regression
 * on the first of the months, measured on the last, against the margin alone; PR-AUC, and the
 * difference's 95 % interval over FALLBACK_STACK_RESAMPLES resamples of the customers. NaN with one
 * month.
 *
 * Deterministic by seed, whatever the number of threads. Errors: evaluate's.
 */

#include "base/env.h"
#include "model/evaluate.h"

enum { FALLBACK_STACK_RESAMPLES = 100 };

#define FALLBACK_RANKING_MAP(X)                                                                    \
    X(MODEL, "model")                                                                              \
    X(POPULARITY, "popularity")                                                                    \
    X(COHORT, "cohort")                                                                            \
    X(ALS, "als")                                                                                  \
    X(BPR, "bpr")
#define FALLBACK_GROUP_MAP(X)                                                                      \
    X(ALL, "all")                                                                                  \
    X(NEW, "new")                                                                                  \
    X(THIN, "thin")

enum fallback_ranking {
#define X(name, text) FALLBACK_##name,
    FALLBACK_RANKING_MAP(X)
#undef X
        FALLBACK_RANKING_COUNT
};
enum fallback_group {
#define X(name, text) FALLBACK_GROUP_##name,
    FALLBACK_GROUP_MAP(X)
#undef X
        FALLBACK_GROUP_COUNT
};
const char *fallback_ranking_text(enum fallback_ranking ranking);
const char *fallback_group_text(enum fallback_group group);

struct fallback_figures {
    double pr_auc, roc_auc_within, found5; /* NaN without both kinds of label */
    double difference, difference_low, difference_high;
};
struct fallback_result {
    uint64_t cases[FALLBACK_GROUP_COUNT], rows[FALLBACK_GROUP_COUNT];
    uint64_t openings[FALLBACK_GROUP_COUNT];
    struct fallback_figures figures[FALLBACK_GROUP_COUNT][FALLBACK_RANKING_COUNT];
    double margin_pr_auc, stacked_pr_auc, stacked_difference, stacked_low, stacked_high;
    double seconds;
};

/* Of the options: seed, resamples, customers_max. */
LX_MUST_USE enum lx_err fallback_evaluate(const char *folder,
                                          const struct evaluate_options *options,
                                          const struct lx_env *env,
                                          struct fallback_result *ret_result, struct lx_error *err);

#endif
