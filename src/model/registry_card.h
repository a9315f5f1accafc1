#ifndef MODEL_REGISTRY_CARD_H
#define MODEL_REGISTRY_CARD_H

/* registry_card: the plain numbers of a model card, one table for writing and reading. Private to
 * model. */

#include "model/registry.h"

/* Its name in JSON is its name here. */
#define CARD_MAP(X)                                                                                \
    X(INT64, as_of_ms)                                                                             \
    X(INT64, newest_known_ms)                                                                      \
    X(INT64, customers)                                                                            \
    X(INT64, batches)                                                                              \
    X(SIZE, feature_count)                                                                         \
    X(INT, horizon_days)                                                                           \
    X(UINT64, seed)                                                                                \
    X(INT, round_count)                                                                            \
    X(INT, max_depth)                                                                              \
    X(REAL, learning_rate)                                                                         \
    X(REAL, min_child_weight)                                                                      \
    X(REAL, lambda)                                                                                \
    X(REAL, subsample)                                                                             \
    X(REAL, column_sample)                                                                         \
    X(UINT64, rows)                                                                                \
    X(UINT64, positives)                                                                           \
    X(REAL, true_rate)                                                                             \
    X(REAL, negative_rate)                                                                         \
    X(REAL, sampled_rate)                                                                          \
    X(UINT64, quality_rows)                                                                        \
    X(UINT64, quality_positives)                                                                   \
    X(SIZE, fit_count)                                                                             \
    X(SIZE, calibration_count)                                                                     \
    X(SIZE, quality_count)

enum card_type { CARD_INT64, CARD_UINT64, CARD_SIZE, CARD_INT, CARD_REAL };

struct card_field {
    const char *name;
    enum card_type type;
    size_t offset; /* in struct model_card */
};

enum {
#define X(type, name) CARD_FIELD_##name,
    CARD_MAP(X)
#undef X
        CARD_FIELD_COUNT
};
extern const struct card_field card_fields[CARD_FIELD_COUNT];

#endif
