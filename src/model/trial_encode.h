#ifndef MODEL_TRIAL_ENCODE_H
#define MODEL_TRIAL_ENCODE_H

/*
 * trial_encode: columns of text become features. What a column is, and which levels it has, is
 * learnt from the training rows alone; a level that they do not show is no level (all its
 * indicators are 0, its frequency is 0, its code is missing).
 *
 * A column whose levels are all numbers is taken as it is; one whose levels are labels with a
 * natural order (trial_label_order) by that order. Any other gets, for the models, an indicator for
 * each level that is frequent enough and the frequency of the row's level; for the plain tool, the
 * level's place in the alphabet. A column that never changes is left out.
 *
 * Ownership: the encoding borrows the training table, which must outlive it. A binding borrows the
 *            encoding and its table.
 * Errors:    LX_ERR_BAD_INPUT (the other table lacks a column), LX_ERR_NO_MEMORY.
 * Threads:   read-only once made.
 */

#include "learn/matrix.h"
#include "model/trial_table.h"

enum trial_style {
    TRIAL_OURS,
    TRIAL_PLAIN,
    TRIAL_POPULARITY, /* encoded as for the plain tool, but nothing is learnt: shares alone */
};

enum { TRIAL_LEVEL_ROWS_MIN = 20, TRIAL_FREQUENCY_LEVELS_MIN = 12 };

enum trial_feature_kind {
    TRIAL_VALUE,     /* the number, or the label's order */
    TRIAL_INDICATOR, /* 1 where the level is `level` */
    TRIAL_FREQUENCY, /* share of the training rows that have the level */
    TRIAL_CODE,      /* place in the alphabet */
};

struct trial_feature {
    enum trial_feature_kind kind;
    const struct trial_column *column; /* of the training table */
    uint32_t level;                    /* TRIAL_INDICATOR */
    float *by_level;                   /* owned; the others but TRIAL_VALUE: by training level */
};

struct trial_encoding {
    struct trial_feature *features;
    size_t count, capacity;
};

/* Adds the features of one column, as the given rows of its table show it. */
LX_MUST_USE enum lx_err trial_encoding_add(struct trial_encoding *encoding, enum trial_style style,
                                           const struct trial_column *column, const uint32_t *rows,
                                           size_t row_count, struct lx_error *err);
void trial_encoding_release(struct trial_encoding *encoding);

/* The encoding over one table: a value for each feature and level. */
struct trial_binding {
    const struct trial_encoding *encoding;
    const struct trial_column **columns; /* owned array; by feature */
    float **by_level;                    /* owned */
};

LX_MUST_USE enum lx_err trial_bind(const struct trial_encoding *encoding,
                                   const struct trial_table *table,
                                   struct trial_binding *ret_binding, struct lx_error *err);
void trial_binding_release(struct trial_binding *binding);

/* Writes encoding->count values. */
void trial_fill(const struct trial_binding *binding, size_t row, float *ret_values);

#endif
