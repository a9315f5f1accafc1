#ifndef LEARN_INCIDENCE_H
#define LEARN_INCIDENCE_H

/*
 * incidence: which row has which columns: a sparse 0/1 matrix, as customers hold products.
 *
 * Shapes:    row r has columns[starts[r] .. starts[r + 1]), ascending, none twice.
 * Ownership: the incidence owns its arrays. Errors: LX_ERR_NO_MEMORY, LX_ERR_LIMIT.
 * Threads:   read-only once filled.
 */

#include "base/base.h"

enum { INCIDENCE_COLUMNS_MAX = 65535 };

struct incidence {
    size_t row_count, column_count;
    size_t *starts; /* row_count + 1 */
    uint16_t *columns;
    size_t row_capacity, column_capacity; /* of the two arrays */
};

LX_MUST_USE enum lx_err incidence_init(struct incidence *incidence, size_t column_count);
void incidence_release(struct incidence *incidence); /* a zeroed one is fine */

/* One more row. `columns` ascend, each below column_count; `count` may be 0. */
LX_MUST_USE enum lx_err incidence_add(struct incidence *incidence, const uint16_t *columns,
                                      size_t count);
/* One more row from a row of 0/1 bytes, column_count of them. */
LX_MUST_USE enum lx_err incidence_add_flags(struct incidence *incidence, const uint8_t *flags);

static inline size_t incidence_row(const struct incidence *incidence, size_t row,
                                   const uint16_t **ret_columns)
{
    LX_ASSERT(row < incidence->row_count);
    *ret_columns = incidence->columns + incidence->starts[row];
    return incidence->starts[row + 1] - incidence->starts[row];
}

#endif
