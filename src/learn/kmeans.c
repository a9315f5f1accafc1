#include "learn/kmeans.h"

#include <math.h>
#include <string.h>

#include "base/rng.h"
#include "learn/neighbours.h"

/* What centres are learnt on. */
struct learning {
    float *points; /* owned */
    size_t count, dimension, k;
    struct lx_rng rng;
    double *distances, *sums; /* by point: squared, to the nearest centre yet; by centre */
    size_t *sizes;
    uint32_t *clusters, *before;
    float *centres;
};

static void learning_release(struct learning *learning)
{
    lx_free(learning->points);
    lx_free(learning->distances);
    lx_free(learning->sums);
    lx_free(learning->sizes);
    lx_free(learning->clusters);
    lx_free(learning->before);
}

/* Every point, or an even draw of them in their order. */
static enum lx_err learning_init(struct learning *learning, const float *points, size_t count)
{
    size_t dimension = learning->dimension, k = learning->k;
    size_t left = count < KMEANS_POINTS_MAX ? count : KMEANS_POINTS_MAX;
    if (left < k) left = k;
    learning->points = lx_malloc(left * dimension * sizeof *learning->points);
    learning->distances = lx_malloc(left * sizeof *learning->distances);
    learning->sums = lx_malloc(k * dimension * sizeof *learning->sums);
    learning->sizes = lx_malloc(k * sizeof *learning->sizes);
    learning->clusters = lx_calloc(left, sizeof *learning->clusters);
    learning->before = lx_calloc(left, sizeof *learning->before);
    if (learning->points == NULL || learning->distances == NULL || learning->sums == NULL ||
        learning->sizes == NULL || learning->clusters == NULL || learning->before == NULL)
        return LX_ERR_NO_MEMORY;
    for (size_t i = 0; i < count && left > 0; i++) {
        if (lx_rng_below(&learning->rng, count - i) >= left) continue;
        memcpy(learning->points + learning->count++ * dimension, points + i * dimension,
               dimension * sizeof *points);
        left--;
    }
    return LX_OK;
}

static double square_distance(const float *a, const float *b, size_t dimension)
{
    double sum = 0;
    for (size_t i = 0; i < dimension; i++) {
        double difference = (double)a[i] - (double)b[i];
        sum += difference * difference;
    }
    return sum;
}

/* The first centre is any point, each further one a point drawn by its squared distance to those
 * there are; where all distances are nothing, any point again. */
static void begin_centres(struct learning *learning)
{
    size_t dimension = learning->dimension;
    for (size_t i = 0; i < learning->count; i++) learning->distances[i] = INFINITY;
    for (size_t c = 0; c < learning->k; c++) {
        double sum = 0;
        for (size_t i = 0; c > 0 && i < learning->count; i++) sum += learning->distances[i];
        size_t pick = c > 0 && sum > 0
                          ? lx_rng_pick(&learning->rng, learning->distances, learning->count)
                          : (size_t)lx_rng_below(&learning->rng, learning->count);
        float *centre = learning->centres + c * dimension;
        memcpy(centre, learning->points + pick * dimension, dimension * sizeof *centre);
        for (size_t i = 0; i < learning->count; i++) {
            double distance = square_distance(learning->points + i * dimension, centre, dimension);
            learning->distances[i] = fmin(learning->distances[i], distance);
        }
    }
}

static void move_centres(struct learning *learning)
{
    size_t dimension = learning->dimension;
    memset(learning->sums, 0, learning->k * dimension * sizeof *learning->sums);
    memset(learning->sizes, 0, learning->k * sizeof *learning->sizes);
    for (size_t i = 0; i < learning->count; i++) {
        const float *point = learning->points + i * dimension;
        double *sums = learning->sums + learning->clusters[i] * dimension;
        for (size_t j = 0; j < dimension; j++) sums[j] += (double)point[j];
        learning->sizes[learning->clusters[i]]++;
    }
    for (size_t c = 0; c < learning->k; c++)
        for (size_t j = 0; j < dimension && learning->sizes[c] > 0; j++)
            learning->centres[c * dimension + j] =
                (float)(learning->sums[c * dimension + j] / (double)learning->sizes[c]);
}

static enum lx_err learn_centres(struct learning *learning, int thread_count, struct lx_error *err)
{
    begin_centres(learning);
    for (int round = 0; round < KMEANS_ROUNDS_MAX; round++) {
        enum lx_err code =
            neighbours_find(learning->centres, learning->k, learning->points, learning->count,
                            learning->dimension, 1, thread_count, learning->clusters, err);
        if (code != LX_OK) return code;
        size_t size_bytes = learning->count * sizeof *learning->clusters;
        if (round > 0 && memcmp(learning->clusters, learning->before, size_bytes) == 0) break;
        memcpy(learning->before, learning->clusters, size_bytes);
        move_centres(learning);
    }
    return LX_OK;
}

enum lx_err kmeans_fit(const float *points, size_t count, size_t dimension, size_t k, uint64_t seed,
                       int thread_count, float *ret_centres, uint32_t *ret_clusters,
                       struct lx_error *err)
{
    LX_ASSERT(k > 0 && k <= count && dimension > 0 && thread_count >= 1);

    struct learning learning = {
        .dimension = dimension, .k = k, .rng = lx_rng_of(seed, k), .centres = ret_centres};
    enum lx_err code = learning_init(&learning, points, count);
    if (code == LX_OK)
        code = learn_centres(&learning, thread_count, err);
    else
        lx_fail(err, code, "k-means: %zu points of %zu values", count, dimension);
    learning_release(&learning);
    if (code != LX_OK) return code;
    return neighbours_find(ret_centres, k, points, count, dimension, 1, thread_count, ret_clusters,
                           err);
}
