#ifndef MODEL_FIT_H
#define MODEL_FIT_H

/*
 * fit: the steps between the bank and a model's card, as train and evaluate --compare take them:
 * prepare the rows once, then for a balance method fit the trees, calibrate, measure.
 * Private to model.
 *
 * Ownership: fit_release, fitted_release. Errors: train.h's.
 */

#include "learn/xgboost.h"
#include "model/registry.h"
#include "model/rows.h"
#include "model/score.h"
#include "model/traits.h"

struct fit_options {
    int64_t as_of_ms;
    uint64_t seed;
    size_t rows_max, customers_max;
    struct rows_weights weights;
    const struct rows_rules *rules; /* must be there where `weights` are not plain */
    struct focal focal;             /* zero: the paper's */
    bool has_traits;                /* importances and what drift is measured from are made too */
    int resamples;                  /* of the quality months' customers; 0: none */
};

/* What every method sees. */
struct fit {
    const char *folder; /* borrowed */
    struct view_features *features;
    struct fit_options options;
    struct rows_split split;
    struct view_peers *peers[ROWS_MOMENTS_MAX]; /* by moment of the split */
    struct rows rows;
    struct model_card card; /* lineage; the rest is filled by fit_trees and fit_measure */
};

LX_MUST_USE enum lx_err fit_prepare(const char *folder, const struct fit_options *options,
                                    const struct lx_env *env, struct fit *ret_fit,
                                    struct lx_error *err);
void fit_release(struct fit *fit);

/* One method's trees, and the card that goes with them. */
struct fitted {
    struct lx_buffer trees; /* XGBoost's JSON */
    struct model_card card;
    int tree_count;
    uint64_t balanced_rows;
    struct lx_buffer traits;   /* JSON; empty: not asked for */
    struct quality *resamples; /* the model's figures in each; NULL without; owned */
};
LX_MUST_USE enum lx_err fit_trees(const struct fit *fit, enum sampling balance,
                                  const struct lx_env *env, struct fitted *ret_fitted,
                                  struct lx_error *err);
/* Calibrates on the calibration month, measures on the newest ones, fills the card. */
LX_MUST_USE enum lx_err fit_measure(const struct fit *fit, const struct lx_env *env,
                                    struct fitted *fitted, struct lx_error *err);
void fitted_release(struct fitted *fitted);

#endif
