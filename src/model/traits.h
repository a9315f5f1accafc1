#ifndef MODEL_TRAITS_H
#define MODEL_TRAITS_H

/*
 * traits: what is kept of a model beside its trees and its card: how its inputs and scores were
 * distributed at the newest moment of its training (drift.h compares with that), and what it rests
 * on (importance.h), over all rows, by product and by age.
 *
 * DIR/models/<id>/traits.json; the card holds its SHA-256, so it belongs to the model's id. Nothing
 * reads it for a decision.
 *
 * Ownership: traits_release. Errors: LX_ERR_CORRUPT, LX_ERR_NOT_FOUND (a model from before there
 * were traits: train again), LX_ERR_NO_MEMORY.
 */

#include "learn/psi.h"
#include "model/importance.h"
#include "model/score.h"

enum { TRAITS_BINS = 10, TRAITS_BYTES_MAX = 32 << 20, TRAITS_SEGMENTS = 5 };

struct model_traits {
    size_t column_count;
    char (*names)[LX_FIELD_NAME_MAX + 1]; /* of the columns */
    struct psi_bins *inputs;              /* by column; 0 rows: none was kept */
    struct psi_bins scores;               /* of the margins */
    uint64_t baseline_rows;
    int64_t baseline_ms; /* the moment of the baseline */
    struct importance importance;
    size_t product_count;              /* groups 1 ... are products, then segments */
    char (*products)[LX_CODE_MAX + 1]; /* their codes */
};

/* By age, of the customer feature `age`. */
const char *traits_segment_name(size_t segment); /* "age_30_45" */
const char *traits_segment_zh(size_t segment);
const char *traits_segment_en(size_t segment);

/* From a pass that kept both kinds of rows. */
struct traits_plan {
    const struct scored *scored;
    const struct forest *forest;
    const struct view_features *features;
    const struct bank_catalogue *catalogue;
    int64_t baseline_ms;
    uint64_t seed;
};
LX_MUST_USE enum lx_err traits_make(const struct traits_plan *plan, const struct lx_env *env,
                                    struct model_traits *ret_traits, struct lx_error *err);
void traits_release(struct model_traits *traits);

void traits_write(const struct model_traits *traits, struct lx_buffer *json);
LX_MUST_USE enum lx_err traits_read(const char *json, size_t length,
                                    struct model_traits *ret_traits, struct lx_error *err);

#endif
