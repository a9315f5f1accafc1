#ifndef MODEL_TRAIN_H
#define MODEL_TRAIN_H

/*
 * train: from the bank to a registered model.
 *
 * Month ends whose label window is over are split by time: the newest two are for the quality that
 * is printed, the one before them for calibration, the rest (at most 18) for fitting. A label
 * window never reaches into the as-of moment of the next part: month ends between that would be
 * are left out. Nothing is fitted on the newest two, and the model that is registered is the very
 * one whose quality was measured; it is not refitted on the newest months afterwards.
 *
 * Fitting sees all positives and a sample of the negatives (rows.h); `balance` is applied to those
 * rows. Calibration and quality see every candidate pair of their months (of at most
 * `customers_max` customers, chosen by hash), as the bank's true rate is.
 *
 * Beside it the second round is trained (second_fit.h), on the months that the trees have not seen.
 *
 * Same data, options and thread count give the same model, byte for byte. It is registered and, by
 * the policy of life.h, live or in the shadow of the live one.
 * Errors: LX_ERR_NOT_READY (empty bank; fewer than four usable month ends; fewer than
 *         TRAIN_POSITIVES_MIN positives to fit on or none to calibrate and measure by),
 *         LX_ERR_REFUSED (a single feature separates the labels better than TRAIN_LEAK_AUC: it
 *         must have seen the future), and those of bank, view, learn, registry.
 */

#include "base/env.h"
#include "learn/sampling.h"
#include "model/life.h"
#include "model/quality.h"
#include "model/registry.h"
#include "model/rows.h"

#define TRAIN_LEAK_AUC 0.98

enum {
    TRAIN_POSITIVES_MIN = 20,
    TRAIN_ROWS_MAX = 400000,
    TRAIN_CUSTOMERS_MAX = 100000,
    TRAIN_STEPS_MAX = 8,
};

struct train_options {
    int64_t as_of_ms;      /* only what was known by then; BANK_UNKNOWN_MS: everything */
    enum sampling balance; /* SAMPLING_NONE as a rule */
    struct rows_weights weights;
    const struct rows_rules *rules; /* that `weights` speak of; must be there if not plain */
    struct focal focal;             /* of balance focal; zero: the paper's */
    uint64_t seed;
    size_t rows_max;      /* rows to fit on; 0: TRAIN_ROWS_MAX */
    size_t customers_max; /* for calibration and quality; 0: TRAIN_CUSTOMERS_MAX */
};

struct train_step {
    const char *name;
    double seconds;
};

struct train_result {
    char model[REGISTRY_ID_SIZE], live[REGISTRY_ID_SIZE];
    bool is_live;                /* model is live */
    bool has_rival;              /* figures compare it with the model that was live before */
    struct life_figures figures; /* is_known false: no month was unseen by both */
    struct life_policy policy;
    uint64_t rows, positives;                 /* fitted on */
    uint64_t quality_rows, quality_positives; /* measured on */
    int32_t fitted_from_day, fitted_to_day;   /* first and last as-of day of each part */
    int32_t measured_from_day, measured_to_day;
    int tree_count, feature_count;
    struct quality quality[QUALITY_BY_COUNT]; /* on time not seen */
    struct train_step steps[TRAIN_STEPS_MAX]; /* where the seconds went */
    size_t step_count;
    struct second_figures second; /* of the second round */
    double seconds;
};

LX_MUST_USE enum lx_err train(const char *folder, const struct train_options *options,
                              const struct lx_env *env, struct train_result *ret_result,
                              struct lx_error *err);

#endif
