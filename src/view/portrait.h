#ifndef VIEW_PORTRAIT_H
#define VIEW_PORTRAIT_H

/*
 * portrait: a customer in labels that a relationship manager reads (view/labels.h), what he holds,
 * and his masked name.
 *
 * A label that cannot be known is not there. Values are stable words or numbers for programs, with
 * texts in both languages. The labels of a model's output are appended by whoever has the model
 * (decide/predict.h). Holdings are what open and close events leave, by product, the earliest
 * opened first. The name is masked (王**): the first character and two stars, whatever its length.
 * Ownership: a portrait owns everything in it. Errors: LX_ERR_NO_MEMORY, LX_ERR_LIMIT; bank's.
 * Threads:   one at a time.
 */

#include "base/arena.h"
#include "view/labels.h"

struct portrait_label {
    enum view_layer layer;
    const char *name, *zh, *en;              /* "assets_band", "资产", "assets" */
    const char *value, *value_zh, *value_en; /* "50k-200k", "5万-20万元", "50k to 200k yuan" */
    /* Of a prediction; NaN elsewhere, and where it was not measured. */
    double probability;                                 /* calibrated, of this customer */
    double confidence, confidence_low, confidence_high; /* share that came true among alike ones */
};

struct portrait_holding {
    int product; /* index in the catalogue */
    const char *code, *zh, *en;
    enum bank_category category;
    int count;            /* how many of this product */
    int64_t opened_at_ms; /* of the oldest that is open */
};

struct portrait {
    const char *id, *masked_name; /* "" without a name */
    struct portrait_label *labels;
    struct portrait_holding *holdings;
    size_t label_count, label_capacity, holding_count;
    struct lx_arena arena; /* the texts */
};

/* The context's scratch is of the labels' features. `name` is as it is, and is masked here; it may
 * be NULL. */
LX_MUST_USE enum lx_err portrait_make(const struct bank_history *history,
                                      const struct view_context *context,
                                      const struct view_labels *labels, int64_t as_of_ms,
                                      const char *name, struct portrait *ret_portrait,
                                      struct lx_error *err);
/* The same for a customer of a bank; `peers` may be NULL. */
LX_MUST_USE enum lx_err portrait_read(struct bank *bank, int64_t customer,
                                      const struct view_labels *labels,
                                      const struct view_peers *peers, int64_t as_of_ms,
                                      struct portrait *ret_portrait, struct lx_error *err);
void portrait_release(struct portrait *portrait);

/* Appends a label; all texts are copied. Labels stay grouped by layer in the order of the enum. */
LX_MUST_USE enum lx_err portrait_add(struct portrait *portrait, const struct portrait_label *label,
                                     struct lx_error *err);

enum { PORTRAIT_LABELS_MAX = VIEW_LABELS_MAX, PORTRAIT_MASKED_SIZE = 8 };

/* The first character and two stars; "" of nothing, "**" where the first is not UTF-8. */
void portrait_mask_name(const char *name, char ret_masked[PORTRAIT_MASKED_SIZE]);

#endif
