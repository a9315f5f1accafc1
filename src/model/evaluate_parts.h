#ifndef MODEL_EVALUATE_PARTS_H
#define MODEL_EVALUATE_PARTS_H

/* evaluate_parts: what the live model is measured on. Private to model. */

#include "model/evaluate.h"
#include "model/rows.h"
#include "model/score.h"

enum { LATER_MOMENTS_MAX = 3 };

/* What evaluate works with; `scored` is filled by evaluate alone. */
struct evaluation {
    struct view_features *features;
    struct model *model;
    struct rows_moments later; /* the newest month ends that the model has not seen */
    struct view_peers *peers[LATER_MOMENTS_MAX];
    struct scored scored;
    int utc_offset_minutes;
};

LX_MUST_USE enum lx_err evaluation_open(const char *folder, const struct lx_env *env,
                                        struct evaluation *ret_evaluation, struct lx_error *err);
void evaluation_release(struct evaluation *evaluation); /* a zeroed one is fine */
struct rows_plan evaluation_plan(const struct evaluation *evaluation, const char *folder,
                                 uint64_t seed);

#endif
