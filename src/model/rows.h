#ifndef MODEL_ROWS_H
#define MODEL_ROWS_H

/*
 * rows: what a model learns from: (customer, product, as-of moment) with features and label.
 *
 * As-of moments are month ends: the last millisecond of a month in the bank's time. A row's label
 * says whether the product was opened in the ROWS_HORIZON_DAYS after; a moment whose window
 * reaches past what the bank knows is left out. A pair is a candidate where the product is on
 * sale, was launched by then and is not held then, and the customer was known then. Pairs that
 * suitability refuses stay in: the label is what customers do by themselves, and the rules stand
 * before the model when it decides.
 *
 * For fitting all positives are kept and negatives with the same chance each, by a hash of (seed,
 * customer, moment, product): the sample does not depend on threads, and `negative_rate` undoes it.
 *
 * Ownership: rows own their columns; rows_release. Threads: env->thread_count, each with a bank of
 *            its own over a range of customers; the result does not depend on their number.
 * Errors:    LX_ERR_NOT_READY (no usable moment), LX_ERR_LIMIT, bank's, view's.
 */

#include "base/arena.h"
#include "base/env.h"
#include "learn/matrix.h"
#include "view/features.h"
#include "view/peers.h"

enum {
    ROWS_HORIZON_DAYS = 30,
    ROWS_MOMENTS_MAX = 64,
    ROWS_FEATURES_MAX = LX_FEATURES_MAX,
    ROWS_NEGATIVES = 12, /* for each positive, where there are enough of them: */
    ROWS_NEGATIVES_MIN = 100000,
};

/* Where features come from: view's, or a test's that peeks into the future. */
struct rows_definition {
    size_t customer_count, pair_count; /* values of each kind */
    void (*customer)(const struct bank_history *history, const struct view_context *context,
                     int64_t as_of_ms, float *ret_values);
    void (*pair)(const struct bank_history *history, const struct view_context *context,
                 int64_t as_of_ms, const float *customer_values, float *ret_values);
};
/* The features behind the context's scratch. */
struct rows_definition rows_definition_view(const struct view_features *features);
/* Title of a column: customer features first, then pair features. */
const struct view_feature *rows_feature(const struct view_features *features, size_t column);

/*
 * Usable month ends of the bank in DIR as of a moment (BANK_UNKNOWN_MS: everything it knows),
 * ascending, at most `max`, the newest. The first two months of the data only serve as history.
 */
struct rows_moments {
    int64_t as_of_ms[ROWS_MOMENTS_MAX];
    size_t count;
    int64_t complete_until_ms;
};
LX_MUST_USE enum lx_err rows_moments_find(const char *folder, int64_t as_of_ms, size_t max,
                                          struct rows_moments *ret_moments, struct lx_error *err);

/* Of these (with everything known) those at or after `after_ms`; there may be none. */
LX_MUST_USE enum lx_err rows_moments_after(const char *folder, int64_t after_ms, size_t max,
                                           struct rows_moments *ret_moments, struct lx_error *err);

/* Split by time: [0, fit) to fit on, [.., + calibration), [.., + quality) the newest. */
struct rows_split {
    struct rows_moments moments; /* those in between that would leak are gone */
    size_t fit_count, calibration_count, quality_count;
};
/* LX_ERR_NOT_READY with fewer than four moments. */
LX_MUST_USE enum lx_err rows_split_make(const struct rows_moments *moments,
                                        struct rows_split *ret_split, struct lx_error *err);

/*
 * What the bank's rules say of a customer as of a past moment. They live above this folder
 * (decide/past_rules.h), so they are handed in.
 */
enum { ROWS_PRODUCT_WORDS = LX_PRODUCT_MAX / 64 };
struct rows_asked {
    const struct view_context *context;
    const struct view_facts *facts;
    int64_t as_of_ms;
    const float *customer_values, *pair_values; /* pair_values: of every product */
};
struct rows_rules {
    void *context; /* of open; shared by threads */
    /* A judge belongs to one thread. */
    enum lx_err (*open)(void *context, void **ret_judge, struct lx_error *err);
    /* A bit for each product that a rule refuses him for good. */
    enum lx_err (*refuse)(void *judge, const struct rows_asked *asked,
                          uint64_t ret_refused[ROWS_PRODUCT_WORDS], struct lx_error *err);
    void (*close)(void *judge); /* NULL is fine */
};

/* Some of the moments, with the peers of each. */
struct rows_plan {
    const char *folder;
    const struct view_features *features;
    const int64_t *as_of_ms;
    struct view_peers *const *peers; /* by moment */
    size_t moment_count;
    int64_t complete_until_ms;
    uint64_t seed;
    const struct rows_rules *rules; /* NULL: no row is of the source `ruled_out` */
};

bool rows_is_candidate(const struct bank_product *product, int product_index,
                       const struct view_facts *facts, int32_t as_of_day);
/* Was anything known of the customer by then? */
bool rows_is_known(const struct bank_history *history, int64_t as_of_ms);
/* The labels of a customer as of a moment, a bit by product; what was known later than
 * `complete_until_ms` is no label. The window must be over by then. */
void rows_labels(const struct bank_history *history, int64_t as_of_ms, int64_t complete_until_ms,
                 uint64_t ret_bits[ROWS_PRODUCT_WORDS]);

/*
 * Why a negative is one, as far as the bank knew at the moment. It is made of what came before the
 * moment alone, so weighing rows by it moves no probability, only what is learnt most from. The
 * first that is true, in this order; `unseen` where none is.
 */
#define ROWS_SOURCE_MAP(X)                                                                         \
    X(REFUSED, "refused", "said no in the last ROWS_REFUSED_DAYS, and did not take it back")       \
    X(IGNORED, "ignored", "was offered it, or opened its page, in the last 30 days")               \
    X(RULED_OUT, "ruled_out", "a rule of eligibility or suitability refuses it")                   \
    X(UNSEEN, "unseen", "nothing is known")

enum rows_source {
#define X(name, text, about) ROWS_SOURCE_##name,
    ROWS_SOURCE_MAP(X)
#undef X
        ROWS_SOURCE_COUNT
};
enum { ROWS_REFUSED_DAYS = 180 };
const char *rows_source_name(enum rows_source source);
/* is_refused: a rule says never. */
enum rows_source rows_source_of(const struct bank_history *history, int product_index,
                                bool is_refused, int64_t as_of_ms);

struct rows {
    struct matrix matrix;
    float *labels;       /* 0 or 1 */
    uint32_t *customers; /* dense number */
    uint16_t *products;
    uint8_t *moments; /* index in the plan */
    uint8_t *sources; /* enum rows_source, of positives too */
    size_t positives;
    double negative_rate; /* share of negative candidates that was kept */
    double true_rate;     /* of positives among all candidates, estimated from the sample */
};
LX_MUST_USE enum lx_err rows_build(const struct rows_plan *plan, size_t rows_max,
                                   const struct lx_env *env, struct rows *ret_rows,
                                   struct lx_error *err);
void rows_release(struct rows *rows);

/*
 * Compares the features of a history as of a moment with those of the same history without
 * anything that happened or became known later. The first column that differs is a leak.
 * Errors: LX_ERR_NO_MEMORY; a leak is an outcome.
 */
struct rows_leak {
    bool is_leak;
    size_t column;
    int product;         /* of a pair feature, else BANK_NO_PRODUCT */
    float value, honest; /* with and without the future */
};
LX_MUST_USE enum lx_err rows_check_leak(const struct rows_definition *definition,
                                        const struct bank_history *history,
                                        const struct view_context *context, int64_t as_of_ms,
                                        struct lx_arena *arena, struct rows_leak *ret_leak,
                                        struct lx_error *err);

/* The same for `customer_count` customers spread over the bank at each moment of the plan;
 * LX_ERR_REFUSED naming feature, customer and moment. */
LX_MUST_USE enum lx_err rows_check_bank(const struct rows_plan *plan, size_t customer_count,
                                        struct lx_error *err);

/* The column that separates the labels best by itself, in either direction, with missing values
 * at either end; columns named in no error. NaN AUC with fewer than 50 positives. */
LX_MUST_USE enum lx_err rows_best_column(const struct rows *rows, size_t *ret_column,
                                         double *ret_auc, struct lx_error *err);

#endif
