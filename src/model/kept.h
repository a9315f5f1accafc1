#ifndef MODEL_KEPT_H
#define MODEL_KEPT_H

/*
 * kept: rows of a scoring pass that outlive it, with their features. Private to model.
 *
 * Ownership: kept_release. Errors: LX_ERR_NO_MEMORY, LX_ERR_LIMIT. Threads: one writer.
 */

#include "learn/matrix.h"

enum { KEPT_ROWS_MAX = 1 << 20 };

struct kept {
    struct matrix matrix; /* columns 0: nothing was ever kept */
    uint8_t *labels;
    uint16_t *products;
    float *weights; /* how many rows this one stands for */
    size_t label_capacity, product_capacity, weight_capacity;
};

void kept_release(struct kept *kept);
LX_MUST_USE enum lx_err kept_add(struct kept *kept, const float *row, size_t column_count,
                                 uint16_t product, bool is_positive, double weight);
/* Appends the rows of another one. */
LX_MUST_USE enum lx_err kept_append(struct kept *kept, const struct kept *more);

#endif
