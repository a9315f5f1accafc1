#ifndef LEARN_FACTORS_PARTS_H
#define LEARN_FACTORS_PARTS_H

/* factors_parts: what the files of learn/factors.h share. Private to them. */

#include "learn/factors.h"

/* Vectors of rows, each standing for `weights` of them (NULL: one). */
struct factors_rows {
    const double *vectors;
    const double *weights;
    size_t count;
};

/* The columns are given; they are changed in place. Fills `noise`, mean and covariance too. */
LX_MUST_USE enum lx_err factors_fit_als(const struct incidence *incidence, int thread_count,
                                        struct factors *factors, struct lx_error *err);
LX_MUST_USE enum lx_err factors_fit_bpr(const struct incidence *incidence, int thread_count,
                                        struct factors *factors, struct lx_error *err);

void factors_describe(const struct factors_rows *rows, struct factors *factors);

static inline double factors_dot(const double *a, const double *b, size_t rank)
{
    double sum = 0;
    for (size_t i = 0; i < rank; i++) sum += a[i] * b[i];
    return sum;
}

/* matrix += weight * vector vector', its lower half. */
static inline void factors_add_square(double *matrix, const double *vector, double weight,
                                      size_t rank)
{
    for (size_t i = 0; i < rank; i++)
        for (size_t j = 0; j <= i; j++) matrix[i * rank + j] += weight * vector[i] * vector[j];
}

/* Solves matrix x = vector for a positive definite matrix, of which the lower half is looked at and
 * becomes its Cholesky factor; x replaces vector. */
void factors_solve(double *matrix, double *vector, size_t rank);

#endif
