#include "learn/incidence.h"

#include <string.h>

#include "base/limits.h"

enum lx_err incidence_init(struct incidence *incidence, size_t column_count)
{
    LX_ASSERT(column_count > 0 && column_count <= INCIDENCE_COLUMNS_MAX);

    *incidence = (struct incidence){.column_count = column_count};
    enum lx_err code = lx_grow(&incidence->starts, &incidence->row_capacity, 1, LX_MEMORY_MAX,
                               sizeof *incidence->starts);
    if (code == LX_OK) incidence->starts[0] = 0;
    return code;
}

void incidence_release(struct incidence *incidence)
{
    lx_free(incidence->starts);
    lx_free(incidence->columns);
    *incidence = (struct incidence){0};
}

enum lx_err incidence_add(struct incidence *incidence, const uint16_t *columns, size_t count)
{
    for (size_t i = 0; i < count; i++)
        LX_ASSERT(columns[i] < incidence->column_count && (i == 0 || columns[i - 1] < columns[i]));

    size_t used = incidence->starts[incidence->row_count];
    enum lx_err code = lx_grow(&incidence->starts, &incidence->row_capacity,
                               incidence->row_count + 2, LX_MEMORY_MAX, sizeof *incidence->starts);
    if (code == LX_OK && count > 0)
        code = lx_grow(&incidence->columns, &incidence->column_capacity, used + count,
                       LX_MEMORY_MAX, sizeof *incidence->columns);
    if (code != LX_OK) return code;
    if (count > 0) memcpy(incidence->columns + used, columns, count * sizeof *columns);
    incidence->starts[++incidence->row_count] = used + count;
    return LX_OK;
}

enum lx_err incidence_add_flags(struct incidence *incidence, const uint8_t *flags)
{
    size_t used = incidence->starts[incidence->row_count], count = 0;
    enum lx_err code =
        lx_grow(&incidence->columns, &incidence->column_capacity, used + incidence->column_count,
                LX_MEMORY_MAX, sizeof *incidence->columns);
    if (code == LX_OK)
        code = lx_grow(&incidence->starts, &incidence->row_capacity, incidence->row_count + 2,
                       LX_MEMORY_MAX, sizeof *incidence->starts);
    if (code != LX_OK) return code;
    for (size_t i = 0; i < incidence->column_count; i++)
        if (flags[i] != 0) incidence->columns[used + count++] = (uint16_t)i;
    incidence->starts[++incidence->row_count] = used + count;
    return LX_OK;
}
