#ifndef MODEL_TRIAL_TABLE_H
#define MODEL_TRIAL_TABLE_H

/*
 * trial_table: a public data set's CSV file in memory, as text: each column holds its distinct
 * texts (levels) once, and a number of a level for each row. Surrounding spaces are dropped.
 *
 * Ownership: the table owns all; texts are borrowed until trial_table_release.
 * Errors:    LX_ERR_NOT_FOUND, LX_ERR_BAD_INPUT with `file:line` (no header, no rows, a name twice,
 *            a row of another length, what csv.h calls a problem), LX_ERR_LIMIT, LX_ERR_NO_MEMORY.
 * Threads:   read-only once read.
 */

#include "base/dictionary.h"
#include "base/limits.h"

enum { TRIAL_ROWS_MAX = 1 << 24, TRIAL_LEVELS_MAX = 1 << 24 };

struct trial_column {
    char *name;
    struct lx_dictionary levels;
    uint32_t *rows;  /* by row: number of its level */
    double *numbers; /* by level: its value, NaN where it is not a number */
    size_t capacity;
};

struct trial_table {
    char *file; /* for messages */
    struct trial_column *columns;
    size_t column_count, row_count;
};

LX_MUST_USE enum lx_err trial_table_read(const char *path, struct trial_table *ret_table,
                                         struct lx_error *err);
void trial_table_release(struct trial_table *table);

/* The column of that name; NULL if there is none. */
const struct trial_column *trial_table_find(const struct trial_table *table, const char *name);
/* The same, but a missing column is LX_ERR_BAD_INPUT. */
LX_MUST_USE enum lx_err trial_table_column(const struct trial_table *table, const char *name,
                                           const struct trial_column **ret_column,
                                           struct lx_error *err);

const char *trial_text(const struct trial_column *column, size_t row);
double trial_number(const struct trial_column *column, size_t row); /* NaN: not a number */

/*
 * The place of a label in the natural order of its column: "1 - 10%" is 1, "f 1000-4999" is 1000,
 * "30-40" is 30, "100%" is 100, "7" is 7. An optional letter and a space, digits, optionally a dash
 * with digits or "?", optionally "%"; NaN for anything else.
 */
double trial_label_order(const char *text);

#endif
