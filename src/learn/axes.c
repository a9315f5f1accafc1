#include "learn/axes.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SWEEPS_MAX = 30 };

static void covariance_of(const float *points, size_t count, size_t dimension, const double *means,
                          double *off, double *ret_covariance)
{
    size_t step = (count + AXES_POINTS_MAX - 1) / AXES_POINTS_MAX, taken = 0;
    for (size_t row = 0; row < count; row += step, taken++) {
        for (size_t i = 0; i < dimension; i++)
            off[i] = (double)points[row * dimension + i] - means[i];
        for (size_t i = 0; i < dimension; i++)
            for (size_t j = i; j < dimension; j++)
                ret_covariance[i * dimension + j] += off[i] * off[j];
    }
    for (size_t i = 0; i < dimension; i++)
        for (size_t j = i; j < dimension; j++) {
            ret_covariance[i * dimension + j] /= (double)taken;
            ret_covariance[j * dimension + i] = ret_covariance[i * dimension + j];
        }
}

/* Turns rows a and b of `values` by an angle. */
static void turn(double *values, size_t dimension, size_t a, size_t b, double cosine, double sine)
{
    for (size_t i = 0; i < dimension; i++) {
        double x = values[a * dimension + i], y = values[b * dimension + i];
        values[a * dimension + i] = cosine * x - sine * y;
        values[b * dimension + i] = sine * x + cosine * y;
    }
}

/* One of Jacobi's rotations: after it covariance[a][b] is zero. */
static void rotate(double *covariance, double *axes, size_t dimension, size_t a, size_t b)
{
    double between = covariance[a * dimension + b];
    double half = (covariance[b * dimension + b] - covariance[a * dimension + a]) / (2 * between);
    double tangent = (half >= 0 ? 1 : -1) / (fabs(half) + sqrt(1 + half * half));
    double cosine = 1 / sqrt(1 + tangent * tangent), sine = tangent * cosine;
    turn(covariance, dimension, a, b, cosine, sine);
    for (size_t i = 0; i < dimension; i++) {
        double *row = covariance + i * dimension, x = row[a], y = row[b];
        row[a] = cosine * x - sine * y;
        row[b] = sine * x + cosine * y;
    }
    turn(axes, dimension, a, b, cosine, sine);
}

static void diagonalise(double *covariance, double *axes, size_t dimension)
{
    for (int sweep = 0; sweep < SWEEPS_MAX; sweep++) {
        double beside = 0, on = 0;
        for (size_t i = 0; i < dimension; i++)
            for (size_t j = 0; j < dimension; j++)
                *(i == j ? &on : &beside) += pow(covariance[i * dimension + j], 2);
        if (!(beside > 1e-20 * on)) return;
        for (size_t a = 0; a + 1 < dimension; a++)
            for (size_t b = a + 1; b < dimension; b++)
                if (fabs(covariance[a * dimension + b]) > 1e-300)
                    rotate(covariance, axes, dimension, a, b);
    }
}

/* Selection by falling variance: few axes, and equal ones keep their order. */
static void sort_axes(double *axes, double *variances, double *row, size_t dimension)
{
    for (size_t i = 0; i < dimension; i++) {
        size_t best = i;
        for (size_t j = i + 1; j < dimension; j++)
            if (variances[j] > variances[best]) best = j;
        if (best == i) continue;
        double variance = variances[i];
        variances[i] = variances[best];
        variances[best] = variance;
        memcpy(row, axes + i * dimension, dimension * sizeof *row);
        memcpy(axes + i * dimension, axes + best * dimension, dimension * sizeof *row);
        memcpy(axes + best * dimension, row, dimension * sizeof *row);
    }
}

enum lx_err axes_find(const float *points, size_t count, size_t dimension, const double *means,
                      double *ret_axes, double *ret_variances)
{
    LX_ASSERT(count > 0 && dimension > 0);

    double *covariance = lx_calloc(dimension * dimension, sizeof *covariance);
    double *row = lx_calloc(dimension, sizeof *row);
    enum lx_err code = LX_ERR_NO_MEMORY;
    if (covariance == NULL || row == NULL) goto out;
    covariance_of(points, count, dimension, means, row, covariance);
    memset(ret_axes, 0, dimension * dimension * sizeof *ret_axes);
    for (size_t i = 0; i < dimension; i++) ret_axes[i * dimension + i] = 1;
    diagonalise(covariance, ret_axes, dimension);
    for (size_t i = 0; i < dimension; i++) ret_variances[i] = covariance[i * dimension + i];
    sort_axes(ret_axes, ret_variances, row, dimension);
    code = LX_OK;
out:
    lx_free(covariance);
    lx_free(row);
    return code;
}
