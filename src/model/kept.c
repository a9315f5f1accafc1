#include "model/kept.h"

#include <string.h>

void kept_release(struct kept *kept)
{
    matrix_release(&kept->matrix);
    lx_free(kept->labels);
    lx_free(kept->products);
    lx_free(kept->weights);
    *kept = (struct kept){0};
}

enum lx_err kept_add(struct kept *kept, const float *row, size_t column_count, uint16_t product,
                     bool is_positive, double weight)
{
    LX_ASSERT(kept->matrix.column_count == 0 || kept->matrix.column_count == column_count);

    size_t at = kept->matrix.row_count, max = KEPT_ROWS_MAX;
    float *to = NULL;
    enum lx_err code = LX_OK;
    if (kept->matrix.column_count == 0) code = matrix_init(&kept->matrix, column_count);
    if (code == LX_OK) code = lx_grow(&kept->labels, &kept->label_capacity, at + 1, max, 1);
    if (code == LX_OK)
        code =
            lx_grow(&kept->products, &kept->product_capacity, at + 1, max, sizeof *kept->products);
    if (code == LX_OK)
        code = lx_grow(&kept->weights, &kept->weight_capacity, at + 1, max, sizeof *kept->weights);
    if (code == LX_OK) code = matrix_add_row(&kept->matrix, &to);
    if (code != LX_OK) return code;
    memcpy(to, row, column_count * sizeof *to);
    kept->labels[at] = is_positive;
    kept->products[at] = product;
    kept->weights[at] = (float)weight;
    return LX_OK;
}

enum lx_err kept_append(struct kept *kept, const struct kept *more)
{
    enum lx_err code = LX_OK;
    for (size_t i = 0; code == LX_OK && i < more->matrix.row_count; i++)
        code = kept_add(kept, matrix_row(&more->matrix, i), more->matrix.column_count,
                        more->products[i], more->labels[i] != 0, (double)more->weights[i]);
    return code;
}
