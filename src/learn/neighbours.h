#ifndef LEARN_NEIGHBOURS_H
#define LEARN_NEIGHBOURS_H

/*
 * neighbours: the k nearest points by Euclidean distance, exactly, in blocks on OpenBLAS.
 *
 * Distances come first from a single-precision product with a bound on its error, of a few
 * principal coordinates where that is enough; only pairs that the bound lets through are computed
 * again in double precision. So the answer is that of a plain double loop.
 *
 * Shapes:  points[point_count][dimension], queries[query_count][dimension], row-major, finite.
 *          ret_indices[query or row][k], nearest first; equal distances by index.
 * Errors:  LX_ERR_NO_MEMORY, host_parallel's. Threads: one call at a time (OpenBLAS's own thread
 *          count is set to one while it runs); it uses `thread_count` threads. The answer does not
 *          depend on how many.
 */

#include "base/base.h"

/* The nearest points of each query; k is at most point_count. */
LX_MUST_USE enum lx_err neighbours_find(const float *points, size_t point_count,
                                        const float *queries, size_t query_count, size_t dimension,
                                        size_t k, int thread_count, uint32_t *ret_indices,
                                        struct lx_error *err);

/*
 * The nearest other points of the points numbered `rows` (NULL: of all of them, row_count ==
 * point_count). A point is left out by its number, so that its duplicates stay; k < point_count.
 */
LX_MUST_USE enum lx_err neighbours_among(const float *points, size_t point_count,
                                         const uint32_t *rows, size_t row_count, size_t dimension,
                                         size_t k, int thread_count, uint32_t *ret_indices,
                                         struct lx_error *err);

#endif
