#ifndef MODEL_DRIFT_H
#define MODEL_DRIFT_H

/*
 * drift: are today's customers still those that the model was made on?
 *
 * The newest moment of a model's training and the current snapshot, each by one random candidate
 * pair a customer: PSI of every input and of the scores, over the bins of the model's traits.
 * 0.10 is to be looked at, 0.25 to be acted on. At most DRIFT_CUSTOMERS of the snapshot are asked,
 * by hash; two samples of that size of one and the same bank differ by 0.001.
 *
 * Ownership: drift_release. Errors: LX_ERR_NOT_READY (no snapshot, no model, one from before there
 * were traits), registry's, view's. Threads: one.
 */

#include "model/alarms.h"
#include "model/registry.h"
#include "model/traits.h"

enum { DRIFT_CUSTOMERS = 20000 };

struct drift_input {
    char feature[LX_FIELD_NAME_MAX + 1];
    double psi, missing_before, missing_after; /* shares */
};

struct drift {
    char model[REGISTRY_ID_SIZE];
    int64_t before_ms, after_ms;
    uint64_t before_rows, after_rows;
    double scores;              /* PSI */
    struct drift_input *inputs; /* by falling PSI */
    size_t input_count, look_count, act_count;
};

/* `id` NULL: the live one. */
LX_MUST_USE enum lx_err drift_measure(const char *folder, const char *id, struct drift *ret_drift,
                                      struct lx_error *err);
void drift_release(struct drift *drift);
/* The worst input, and the scores. */
void drift_alarms(const struct drift *drift, const struct alarm_limits *limits,
                  struct alarms *alarms);

#endif
