#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "learn/sampling_methods.h"

/* One column of the rows: how its values become coordinates. */
struct axis {
    bool is_nominal;
    double mean, deviation; /* of the values that are there */
    float *values;          /* nominal: the distinct ones, ascending, a missing one last; owned */
    size_t value_count;
    size_t place; /* of its first coordinate */
};

struct mapping {
    const struct balancing *balancing;
    const uint32_t *rows;
    size_t count;
    struct axis *axes;
    size_t dimension;
    float corner; /* the coordinate of the value that is there; the others' is 0 */
};

static const float *row_of(const struct mapping *mapping, size_t i)
{
    return matrix_row(mapping->balancing->matrix, mapping->rows == NULL ? i : mapping->rows[i]);
}

/* Means first, deviations from them second, so that a large mean costs no digits. */
static enum lx_err measure_axes(struct mapping *mapping)
{
    size_t columns = mapping->balancing->matrix->column_count;
    double *sums = lx_calloc(columns, sizeof *sums), *counts = lx_calloc(columns, sizeof *counts);
    if (sums == NULL || counts == NULL) goto out;
    for (size_t i = 0; i < mapping->count; i++) {
        const float *row = row_of(mapping, i);
        for (size_t c = 0; c < columns; c++) {
            bool is_there = !isnan(row[c]);
            sums[c] += is_there ? (double)row[c] : 0;
            counts[c] += is_there;
        }
    }
    for (size_t c = 0; c < columns; c++) {
        mapping->axes[c].mean = counts[c] > 0 ? sums[c] / counts[c] : 0;
        sums[c] = 0;
    }
    for (size_t i = 0; i < mapping->count; i++) {
        const float *row = row_of(mapping, i);
        for (size_t c = 0; c < columns; c++) {
            double off = isnan(row[c]) ? 0 : (double)row[c] - mapping->axes[c].mean;
            sums[c] += off * off;
        }
    }
    for (size_t c = 0; c < columns; c++)
        mapping->axes[c].deviation = counts[c] > 0 ? sqrt(sums[c] / counts[c]) : 0;
out:;
    bool is_done = sums != NULL && counts != NULL;
    lx_free(sums);
    lx_free(counts);
    return is_done ? LX_OK : LX_ERR_NO_MEMORY;
}

static int compare_values(const void *left, const void *right)
{
    float a = *(const float *)left, b = *(const float *)right;
    if (isnan(a) || isnan(b)) return isnan(a) - isnan(b);
    return a < b ? -1 : a > b;
}

static enum lx_err list_values(const struct mapping *mapping, size_t column, struct axis *axis)
{
    float *values = lx_malloc(mapping->count * sizeof *values);
    if (values == NULL) return LX_ERR_NO_MEMORY;
    for (size_t i = 0; i < mapping->count; i++) values[i] = row_of(mapping, i)[column];
    qsort(values, mapping->count, sizeof *values, compare_values);
    for (size_t i = 0; i < mapping->count; i++)
        if (i == 0 || compare_values(&values[i], &values[axis->value_count - 1]) != 0)
            values[axis->value_count++] = values[i];
    axis->values = values;
    return LX_OK;
}

/* Two rows that differ in a nominal column differ in two coordinates by `corner`: Med^2 in all. */
static float corner_of(const struct mapping *mapping, bool is_scaled, double *deviations)
{
    size_t count = 0;
    for (size_t c = 0; c < mapping->balancing->matrix->column_count; c++) {
        if (mapping->axes[c].is_nominal) continue;
        double deviation = mapping->axes[c].deviation;
        deviations[count++] = is_scaled && deviation > 0 ? 1 : deviation;
    }
    for (size_t i = 1; i < count; i++)
        for (size_t j = i; j > 0 && deviations[j - 1] > deviations[j]; j--) {
            double swap = deviations[j];
            deviations[j] = deviations[j - 1];
            deviations[j - 1] = swap;
        }
    double median = count == 0 ? 1 : (deviations[(count - 1) / 2] + deviations[count / 2]) / 2;
    return (float)(median / sqrt(2));
}

static enum lx_err plan_axes(struct mapping *mapping, const uint8_t *nominal, bool is_scaled,
                             struct lx_error *err)
{
    size_t columns = mapping->balancing->matrix->column_count, nominal_values = 0;
    mapping->axes = lx_calloc(columns, sizeof *mapping->axes);
    double *deviations = lx_calloc(columns, sizeof *deviations);
    enum lx_err code = mapping->axes == NULL || deviations == NULL ? LX_ERR_NO_MEMORY : LX_OK;
    if (code == LX_OK) code = measure_axes(mapping);
    for (size_t c = 0; c < columns && code == LX_OK; c++) {
        struct axis *axis = &mapping->axes[c];
        axis->place = mapping->dimension;
        axis->is_nominal = nominal != NULL && nominal[c];
        if (axis->is_nominal) code = list_values(mapping, c, axis);
        mapping->dimension += axis->is_nominal ? axis->value_count : 1;
        nominal_values += axis->value_count;
        if (code == LX_OK && nominal_values > SAMPLING_NOMINAL_MAX)
            code = lx_fail(err, LX_ERR_LIMIT,
                           "nominal columns up to column %zu have %zu values, at most %d: take a "
                           "coarser code",
                           c, nominal_values, SAMPLING_NOMINAL_MAX);
    }
    if (code == LX_OK) mapping->corner = corner_of(mapping, is_scaled, deviations);
    lx_free(deviations);
    return code;
}

static void put_row(const struct mapping *mapping, const float *row, bool is_scaled, float *point)
{
    for (size_t c = 0; c < mapping->balancing->matrix->column_count; c++) {
        const struct axis *axis = &mapping->axes[c];
        if (axis->is_nominal) {
            const float *found = bsearch(&row[c], axis->values, axis->value_count,
                                         sizeof *axis->values, compare_values);
            LX_ASSERT(found != NULL);
            for (size_t i = 0; i < axis->value_count; i++) point[axis->place + i] = 0;
            point[axis->place + (size_t)(found - axis->values)] = mapping->corner;
        } else if (is_scaled) {
            double off = isnan(row[c]) ? 0 : (double)row[c] - axis->mean;
            point[axis->place] = axis->deviation > 0 ? (float)(off / axis->deviation) : 0;
        } else {
            point[axis->place] = isnan(row[c]) ? (float)axis->mean : row[c];
        }
    }
}

enum lx_err space_make(const struct balancing *balancing, const uint32_t *rows, size_t count,
                       const uint8_t *nominal, bool is_scaled, struct space *ret_space,
                       struct lx_error *err)
{
    LX_ASSERT(count > 0);

    struct mapping mapping = {.balancing = balancing, .rows = rows, .count = count};
    float *points = NULL;
    enum lx_err code = plan_axes(&mapping, nominal, is_scaled, err);
    if (code == LX_OK) {
        points = lx_malloc(count * mapping.dimension * sizeof *points);
        if (points == NULL) code = LX_ERR_NO_MEMORY;
    }
    for (size_t i = 0; i < count && code == LX_OK; i++)
        put_row(&mapping, row_of(&mapping, i), is_scaled, points + i * mapping.dimension);
    for (size_t c = 0; mapping.axes != NULL && c < balancing->matrix->column_count; c++)
        lx_free(mapping.axes[c].values);
    lx_free(mapping.axes);
    if (code != LX_OK) return code;
    *ret_space = (struct space){points, count, mapping.dimension};
    return LX_OK;
}

void space_release(struct space *space)
{
    lx_free(space->points);
    *space = (struct space){0};
}
