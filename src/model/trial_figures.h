#ifndef MODEL_TRIAL_FIGURES_H
#define MODEL_TRIAL_FIGURES_H

/*
 * trial_figures: from predictions to figures. A figure is computed from one score and one label a
 * case (pooled), is the mean over cases of a value of each, or was given with the predictions.
 *
 * Ownership: trial_cases owns its arrays. Errors: LX_ERR_NO_MEMORY. Threads: pure.
 */

#include "model/trial.h"
#include "model/trial_predictions.h"

enum { TRIAL_VALUES_MAX = 20 };

enum trial_figure_source {
    TRIAL_PR_AUC,
    TRIAL_ROC_AUC,
    TRIAL_TOP, /* positives among the best `parameter` cases */
    TRIAL_ECE,
    TRIAL_OVER_EXPECTED_10,
    TRIAL_OVER_EXPECTED_1,
    TRIAL_POSITIVES, /* how many cases are positive */
    TRIAL_MEAN,      /* of values[parameter] */
    TRIAL_RATIO,     /* of the mean of values[parameter + 1] to that of values[parameter] */
    TRIAL_CAPTURED,  /* the means of values[parameter], and of the two after it: what the first of
                      * them gains over it, as a share of what the second one gains */
    TRIAL_GIVEN,     /* given[parameter] */
};

struct trial_definition {
    const char *name;
    enum trial_form form;
    enum trial_figure_source source;
    size_t parameter;
    size_t usual_cases; /* TRIAL_TOP: of that many cases; a fold is scaled to it */
};

struct trial_cases {
    double *scores;
    uint8_t *labels;
    double *values; /* values[case * TRIAL_VALUES_MAX + v]; NaN: the case is left out */
    size_t count;
};

LX_MUST_USE enum lx_err trial_cases_init(struct trial_cases *cases, size_t count);
void trial_cases_release(struct trial_cases *cases);

/* One row a case: its score and label. */
void trial_cases_single(const struct trial_predictions *predictions, struct trial_cases *cases);

/* The figure over all cases; `is_fold`: TRIAL_TOP takes its share and scales to usual_cases. */
LX_MUST_USE enum lx_err trial_figure_of(const struct trial_definition *definition,
                                        const struct trial_cases *cases,
                                        const struct trial_predictions *predictions, bool is_fold,
                                        double *ret_value);

/* The figure with its bootstrap interval (none where resamples < 0 or it was given). */
LX_MUST_USE enum lx_err trial_figure_interval(const struct trial_definition *definition,
                                              const struct trial_cases *cases,
                                              const struct trial_predictions *predictions,
                                              int resamples, uint64_t seed,
                                              struct trial_figure *ret_figure);

#endif
