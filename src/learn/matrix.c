#include "learn/matrix.h"

#include <math.h>
#include <string.h>

#include "base/limits.h"

enum lx_err matrix_init(struct matrix *matrix, size_t column_count)
{
    LX_ASSERT(matrix != NULL && column_count > 0);

    *matrix = (struct matrix){.column_count = column_count};
    return LX_OK;
}

static void release_names(struct matrix *matrix)
{
    if (matrix->names == NULL) return;
    for (size_t i = 0; i < matrix->column_count; i++) lx_free(matrix->names[i]);
    lx_free(matrix->names);
}

void matrix_release(struct matrix *matrix)
{
    release_names(matrix);
    lx_free(matrix->values);
    *matrix = (struct matrix){0};
}

enum lx_err matrix_reserve(struct matrix *matrix, size_t row_count)
{
    size_t row_bytes = matrix->column_count * sizeof *matrix->values;
    return lx_grow(&matrix->values, &matrix->row_capacity, row_count, LX_MEMORY_MAX / row_bytes,
                   row_bytes);
}

enum lx_err matrix_add_row(struct matrix *matrix, float **ret_row)
{
    enum lx_err code = matrix_reserve(matrix, matrix->row_count + 1);
    if (code != LX_OK) return code;

    float *row = matrix->values + matrix->row_count * matrix->column_count;
    for (size_t i = 0; i < matrix->column_count; i++) row[i] = NAN;
    matrix->row_count++;
    *ret_row = row;
    return LX_OK;
}

enum lx_err matrix_name(struct matrix *matrix, size_t column, const char *name)
{
    LX_ASSERT(column < matrix->column_count && name != NULL);

    if (matrix->names == NULL) {
        matrix->names = lx_calloc(matrix->column_count, sizeof *matrix->names);
        if (matrix->names == NULL) return LX_ERR_NO_MEMORY;
    }
    char *copy = lx_strdup(name);
    if (copy == NULL) return LX_ERR_NO_MEMORY;
    lx_free(matrix->names[column]);
    matrix->names[column] = copy;
    return LX_OK;
}

enum lx_err matrix_copy_rows(const struct matrix *matrix, const uint32_t *rows, size_t row_count,
                             struct matrix *ret_matrix)
{
    struct matrix copy;
    enum lx_err code = matrix_init(&copy, matrix->column_count);
    if (code == LX_OK && row_count > 0) code = matrix_reserve(&copy, row_count);
    for (size_t i = 0; matrix->names != NULL && i < matrix->column_count && code == LX_OK; i++)
        if (matrix->names[i] != NULL) code = matrix_name(&copy, i, matrix->names[i]);
    if (code != LX_OK) {
        matrix_release(&copy);
        return code;
    }
    copy.row_count = row_count;
    size_t row_bytes = matrix->column_count * sizeof *matrix->values;
    for (size_t i = 0; i < row_count; i++)
        memcpy(matrix_row(&copy, i), matrix_row(matrix, rows == NULL ? i : rows[i]), row_bytes);
    *ret_matrix = copy;
    return LX_OK;
}
