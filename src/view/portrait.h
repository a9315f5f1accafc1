#ifndef VIEW_PORTRAIT_H
#define VIEW_PORTRAIT_H

/*
 * portrait: a customer in labels that a relationship manager reads, in three layers: what is so
 * (facts), what is likely (predictions, which whoever has a model appends), and what he is worth
 * turning to for (value: activity, marketing value, occasions).
 *
 * A label that cannot be known is not there. Bands and thresholds are named in portrait.c, each
 * with its label; values are stable words or numbers for programs, with texts in both languages.
 * Holdings are what open and close events leave, by product, the earliest opened first.
 * The name is masked (王**): the first character and two stars, whatever its length.
 * Ownership: a portrait owns everything in it. Errors: LX_ERR_NO_MEMORY, LX_ERR_LIMIT; bank's.
 * Threads:   one at a time.
 */

#include "base/arena.h"
#include "view/feature.h"

#define PORTRAIT_LAYER_MAP(X)                                                                      \
    X(FACT, "fact", "事实", "facts")                                                               \
    X(PREDICTION, "prediction", "预测", "predictions")                                             \
    X(VALUE, "value", "价值", "value")

enum portrait_layer {
#define X(name, text, zh, en) PORTRAIT_##name,
    PORTRAIT_LAYER_MAP(X)
#undef X
        PORTRAIT_LAYER_COUNT
};
const char *portrait_layer_text(enum portrait_layer layer);
const char *portrait_layer_zh(enum portrait_layer layer);
const char *portrait_layer_en(enum portrait_layer layer);

struct portrait_label {
    enum portrait_layer layer;
    const char *name, *zh, *en;              /* "assets_band", "资产", "assets" */
    const char *value, *value_zh, *value_en; /* "50k-200k", "5万-20万元", "50k to 200k yuan" */
    double confidence;                       /* of a prediction, 0-1; NaN elsewhere */
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

/* What only the bank's lists say; "" or NULL where it is not known. */
struct portrait_person {
    const char *name; /* as it is; it is masked here */
    const char *branch, *occupation, *education, *marital;
};

/* `person` may be NULL. */
LX_MUST_USE enum lx_err portrait_make(const struct bank_history *history,
                                      const struct view_context *context, int64_t as_of_ms,
                                      const struct portrait_person *person,
                                      struct portrait *ret_portrait, struct lx_error *err);
/* The same for a customer of a bank; `peers` may be NULL. */
LX_MUST_USE enum lx_err portrait_read(struct bank *bank, int64_t customer,
                                      const struct view_peers *peers, int64_t as_of_ms,
                                      struct portrait *ret_portrait, struct lx_error *err);
void portrait_release(struct portrait *portrait);

/* Appends a label; all texts are copied. Labels stay grouped by layer in the order of the enum. */
LX_MUST_USE enum lx_err portrait_add(struct portrait *portrait, const struct portrait_label *label,
                                     struct lx_error *err);

enum { PORTRAIT_LABELS_MAX = 256, PORTRAIT_MASKED_SIZE = 8 };

/* The first character and two stars; "" of nothing, "**" where the first is not UTF-8. */
void portrait_mask_name(const char *name, char ret_masked[PORTRAIT_MASKED_SIZE]);

#endif
