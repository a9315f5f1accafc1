#ifndef LEARN_KMEANS_H
#define LEARN_KMEANS_H

/*
 * kmeans: points in k clusters, each point with the nearest centre (Lloyd 1982), the centres begun
 * by k-means++ (Arthur, Vassilvitskii 2007) and moved until no point changes or KMEANS_ROUNDS_MAX.
 *
 * Centres are learnt on at most KMEANS_POINTS_MAX points, drawn evenly; then every point is given
 * to its nearest centre, equal distances to the first. A cluster that loses its points keeps its
 * centre.
 *
 * Shapes:  points[count][dimension], ret_centres[k][dimension], ret_clusters[count]; row-major.
 * Errors:  LX_ERR_NO_MEMORY, host_parallel's. Threads: as neighbours_find; the answer does not
 *          depend on how many.
 */

#include "base/base.h"

enum { KMEANS_ROUNDS_MAX = 20, KMEANS_POINTS_MAX = 65536 };

LX_MUST_USE enum lx_err kmeans_fit(const float *points, size_t count, size_t dimension, size_t k,
                                   uint64_t seed, int thread_count, float *ret_centres,
                                   uint32_t *ret_clusters, struct lx_error *err);

#endif
