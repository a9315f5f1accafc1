#ifndef LEARN_ENSEMBLE_H
#define LEARN_ENSEMBLE_H

/*
 * ensemble: the one way in which a table becomes a classifier: several boosted forests, each
 * trained without one fold of the cases, averaged.
 *
 * A row's own fold is what one of the members has not seen, so the same trainings also give honest
 * margins for the training rows (`own_margins`), from which a calibration can be learnt without a
 * further split. After balancing, each member's margins are brought back to the true rate.
 *
 * Margins: two classes: one a row, log-odds, the mean of the members. Several classes: class_count
 *          a row, logarithms of the members' mean probabilities.
 * Settings: ensemble_params_default is what every table gets: trees of depth 4 on half of the
 *          columns each, for two classes five members of 200 trees at rate 0.03, for several one
 *          at rate 0.1 (a tree a class and round; averaging gained nothing there). The shape was
 *          chosen by repeated cross-validation over several public tables together, not tuned to
 *          one: docs/internals/trials.md. ensemble_params_plain is what a plain tool does: one
 *          forest, 200 trees of depth 4, rate 0.1, all rows and columns.
 * Errors:  LX_ERR_BAD_INPUT (no rows, one class only), those of xgboost.h and sampling.h.
 * Threads: fitting uses env->thread_count; a fitted ensemble is read-only.
 * Source:  Breiman 1996 (bagging), with folds in place of bootstrap samples.
 */

#include "learn/sampling.h"
#include "learn/xgboost.h"

enum { ENSEMBLE_MEMBERS_MAX = 64 };

struct ensemble_params {
    struct xgb_params trees; /* seed and thread_count are set by ensemble_fit */
    int member_count;        /* 1: one forest on all rows, and no own margins */
    enum sampling balance;   /* two classes only */
    uint64_t seed;
};

struct ensemble_params ensemble_params_default(enum xgb_objective objective, int class_count);
struct ensemble_params ensemble_params_plain(enum xgb_objective objective, int class_count);

struct ensemble;

/*
 * labels, weights: as for xgb_train. cases: row_count numbers; rows of one case stay in one fold.
 * NULL: each row is a case. ret_own_margins: row_count values for two classes, row_count *
 * class_count for several, or NULL; only with member_count > 1.
 */
LX_MUST_USE enum lx_err ensemble_fit(const struct ensemble_params *params,
                                     const struct matrix *matrix, const float *labels,
                                     const float *weights, const uint32_t *cases,
                                     const struct lx_env *env, struct ensemble **ret_ensemble,
                                     double *ret_own_margins, struct lx_error *err);
void ensemble_close(struct ensemble *ensemble); /* NULL is fine */

size_t ensemble_output_count(const struct ensemble *ensemble); /* margins a row */

/* matrix: the columns of training. ret_margins: row_count * ensemble_output_count values. */
LX_MUST_USE enum lx_err ensemble_margins(const struct ensemble *ensemble,
                                         const struct matrix *matrix, int thread_count,
                                         double *ret_margins, struct lx_error *err);

#endif
