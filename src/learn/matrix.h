#ifndef LEARN_MATRIX_H
#define LEARN_MATRIX_H

/*
 * matrix: rows of float features, row-major, NaN where a value is missing, with names.
 *
 * Shapes:    values[row * column_count + column].
 * Ownership: the matrix owns values and names. Errors: LX_ERR_NO_MEMORY, LX_ERR_LIMIT.
 * Threads:   read-only once filled.
 */

#include "base/base.h"

struct matrix {
    float *values;
    char **names; /* by column; may be NULL */
    size_t row_count, column_count, row_capacity;
};

LX_MUST_USE enum lx_err matrix_init(struct matrix *matrix, size_t column_count);
void matrix_release(struct matrix *matrix);

/* Room for one more row; its values are NaN. Invalidates earlier pointers. */
LX_MUST_USE enum lx_err matrix_add_row(struct matrix *matrix, float **ret_row);
LX_MUST_USE enum lx_err matrix_reserve(struct matrix *matrix, size_t row_count);
LX_MUST_USE enum lx_err matrix_name(struct matrix *matrix, size_t column, const char *name);
/* The named rows, in that order (NULL: the first row_count), with the names; a new matrix. */
LX_MUST_USE enum lx_err matrix_copy_rows(const struct matrix *matrix, const uint32_t *rows,
                                         size_t row_count, struct matrix *ret_matrix);

static inline float *matrix_row(const struct matrix *matrix, size_t row)
{
    LX_ASSERT(row < matrix->row_count);
    return matrix->values + row * matrix->column_count;
}

#endif
