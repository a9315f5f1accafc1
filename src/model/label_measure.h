#ifndef MODEL_LABEL_MEASURE_H
#define MODEL_LABEL_MEASURE_H

/*
 * label_measure: what each label of view/labels.h is worth, measured at month ends that the model
 * was neither fitted nor calibrated on and whose ROWS_HORIZON_DAYS are over.
 *
 * For every label: the share of cases that have it. For one without bands that some cases are
 * without also its lift (label_tally.h): openings of `lift_of` in the ROWS_HORIZON_DAYS after,
 * among those with the label over all. For a model's output also its confidence: of the pairs of
 * its category or product with like calibrated log-odds, the share that was opened. Candidates are
 * all products that the customer could open (rows_is_candidate); the rules are not asked.
 *
 * `train` measures, since it has the month ends that nothing was fitted on, their peers and the
 * model; `lingxi labels --measure` does it again without training. It is kept as
 * DIR/labels/MODEL.json. What was measured of another definition is passed over when it is read.
 *
 * At most `customers_max` customers are looked at, in blocks of neighbours chosen by a hash of
 * (seed, block) that knows nothing of labels.
 * Ownership: plain values. Errors: LX_ERR_NOT_READY (no month end), LX_ERR_CORRUPT, bank's, host's.
 * Threads:   env->thread_count; the result does not depend on their number.
 */

#include "model/label_tally.h"
#include "model/registry.h"
#include "model/rows.h"
#include "view/labels.h"

struct label_measure {
    bool is_known;
    uint64_t customers, cases;              /* looked at: customers, customers at month ends */
    uint64_t have, openings, have_openings; /* cases: with the label, with an opening, with both */
    bool has_lift;
    struct label_lift lift;
    size_t bin_count; /* of a model's output */
    struct label_bin bins[LABEL_BINS_MAX];
};

struct label_measures {
    int32_t from_day, to_day; /* the first and the last month end */
    size_t count;             /* of labels */
    struct label_measure labels[VIEW_LABELS_MAX];
};

struct label_task {
    const struct rows_plan *plan; /* the labels' features; folder, month ends and their peers */
    const struct view_labels *labels;
    const struct model *model;
    size_t customers_max;
};
LX_MUST_USE enum lx_err label_measure(const struct label_task *task, const struct lx_env *env,
                                      struct label_measures *ret_measures, struct lx_error *err);

/* The same for a model of DIR (NULL: the live one), its own month ends and the bank's labels, and
 * keeps it. */
LX_MUST_USE enum lx_err label_measure_model(const char *folder, const char *id,
                                            const struct lx_env *env,
                                            struct label_measures *ret_measures,
                                            struct lx_error *err);

LX_MUST_USE enum lx_err label_measures_write(const char *folder, const char *model,
                                             const struct view_labels *labels,
                                             const struct label_measures *measures,
                                             struct lx_error *err);
/* None is known where nothing was measured for the model. */
LX_MUST_USE enum lx_err label_measures_read(const char *folder, const char *model,
                                            const struct view_labels *labels,
                                            struct label_measures *ret_measures,
                                            struct lx_error *err);

/* The same on the heap, for who keeps them. */
LX_MUST_USE enum lx_err label_measures_open(const char *folder, const char *model,
                                            const struct view_labels *labels,
                                            struct label_measures **ret_measures,
                                            struct lx_error *err);
void label_measures_close(struct label_measures *measures); /* NULL is fine */

/* The stretch that the log-odds fall into; NULL where there is none. */
const struct label_bin *label_measure_bin(const struct label_measure *measure, double log_odds);

#endif
