#include "learn/neighbours.h"

#include <cblas.h>
#include <math.h>
#include <string.h>

#include "host/thread.h"

enum { QUERY_BLOCK = 64, POINT_BLOCK = 2048, LANE = 16 };

struct search {
    const float *points, *queries; /* as given: what distances are finally computed from */
    const float *centred_points, *centred_queries;
    const float *point_floors, *query_floors; /* squared norms, less what rounding may have added */
    size_t point_count, query_count, dimension, k;
    const uint32_t *rows; /* which point a query is, where is_among; NULL: its own number */
    bool is_among;
    uint32_t *indices;
    enum lx_err *failures; /* by block of queries */
};

/* The best k of one query so far, worst first (a heap by distance, then index). */
struct best {
    double *distances;
    uint32_t *indices;
    size_t count;
};

static double distance_of(const float *a, const float *b, size_t dimension)
{
    double sum = 0;
    for (size_t i = 0; i < dimension; i++) {
        double difference = (double)a[i] - (double)b[i];
        sum += difference * difference;
    }
    return sum;
}

static bool is_farther(const struct best *best, size_t i, double distance, uint32_t index)
{
    return best->distances[i] > distance ||
           (best->distances[i] == distance && best->indices[i] > index);
}

static void sift_down(struct best *best, size_t at, double distance, uint32_t index)
{
    for (size_t child; (child = 2 * at + 1) < best->count; at = child) {
        if (child + 1 < best->count &&
            is_farther(best, child + 1, best->distances[child], best->indices[child]))
            child++;
        if (!is_farther(best, child, distance, index)) break;
        best->distances[at] = best->distances[child];
        best->indices[at] = best->indices[child];
    }
    best->distances[at] = distance;
    best->indices[at] = index;
}

static void offer(struct best *best, size_t k, double distance, uint32_t index)
{
    if (best->count == k) {
        if (is_farther(best, 0, distance, index)) sift_down(best, 0, distance, index);
        return;
    }
    size_t at = best->count++;
    for (; at > 0; at = (at - 1) / 2) {
        size_t parent = (at - 1) / 2;
        if (is_farther(best, parent, distance, index)) break;
        best->distances[at] = best->distances[parent];
        best->indices[at] = best->indices[parent];
    }
    best->distances[at] = distance;
    best->indices[at] = index;
}

/* A squared distance that is certainly not below the worst of the best. */
static float limit_of(const struct best *best, size_t k)
{
    return best->count < k ? INFINITY : (float)(best->distances[0] * (1 + 1e-6));
}

/* The point that the query itself is; none where it is not one of them. */
static size_t own_point(const struct search *search, size_t query)
{
    if (!search->is_among) return SIZE_MAX;
    return search->rows == NULL ? query : search->rows[query];
}

/* One query against one block of points; `products` are -2 q.p. */
static void scan(const struct search *search, size_t query, size_t begin, size_t count,
                 const float *products, struct best *best)
{
    const float *floors = search->point_floors + begin;
    float base = search->query_floors[query], limit = limit_of(best, search->k);
    size_t own = own_point(search, query);
    for (size_t lane = 0; lane < count; lane += LANE) {
        size_t end = lane + LANE < count ? lane + LANE : count;
        bool is_near = false;
        /* Written so that a NaN (norms past what a float holds) is looked at, not passed over. */
        for (size_t i = lane; i < end; i++) is_near |= !(floors[i] + products[i] > limit - base);
        for (size_t i = lane; is_near && i < end; i++) {
            size_t point = begin + i;
            if (floors[i] + products[i] > limit - base) continue;
            if (point == own) continue;
            double distance =
                distance_of(search->queries + query * search->dimension,
                            search->points + point * search->dimension, search->dimension);
            offer(best, search->k, distance, (uint32_t)point);
            limit = limit_of(best, search->k);
        }
    }
}

/* Empties the heap into the query's place, nearest first. */
static void keep(const struct search *search, size_t query, struct best *best)
{
    LX_ASSERT(best->count == search->k);

    while (best->count > 0) {
        search->indices[query * search->k + best->count - 1] = best->indices[0];
        best->count--;
        sift_down(best, 0, best->distances[best->count], best->indices[best->count]);
    }
}

static void scan_block(const struct search *search, size_t begin, size_t count, float *products,
                       struct best *best)
{
    int dimension = (int)search->dimension;
    for (size_t point = 0; point < search->point_count; point += POINT_BLOCK) {
        size_t left = search->point_count - point, width = left < POINT_BLOCK ? left : POINT_BLOCK;
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)count, (int)width, dimension, -2,
                    search->centred_queries + begin * search->dimension, dimension,
                    search->centred_points + point * search->dimension, dimension, 0, products,
                    POINT_BLOCK);
        for (size_t i = 0; i < count; i++)
            scan(search, begin + i, point, width, products + i * POINT_BLOCK, &best[i]);
    }
}

static void search_block(void *context, size_t block)
{
    struct search *search = context;
    size_t begin = block * QUERY_BLOCK, left = search->query_count - begin;
    size_t count = left < QUERY_BLOCK ? left : QUERY_BLOCK, k = search->k;
    float *products = lx_calloc(QUERY_BLOCK * POINT_BLOCK, sizeof *products);
    double *distances = lx_calloc(count * k, sizeof *distances);
    uint32_t *indices = lx_calloc(count * k, sizeof *indices);
    if (products == NULL || distances == NULL || indices == NULL) {
        search->failures[block] = LX_ERR_NO_MEMORY;
    } else {
        struct best best[QUERY_BLOCK];
        for (size_t i = 0; i < count; i++)
            best[i] = (struct best){distances + i * k, indices + i * k, 0};
        scan_block(search, begin, count, products, best);
        for (size_t i = 0; i < count; i++) keep(search, begin + i, &best[i]);
    }
    lx_free(products);
    lx_free(distances);
    lx_free(indices);
}

/*
 * Rounding: centring moves a point by at most u of its norm (u = 2^-24), the product of `dimension`
 * terms and the two norms are off by at most (dimension + 3) u of |q|^2 + |p|^2. Twice that and
 * some more is taken off each norm.
 */
static void centre(const float *values, size_t count, size_t dimension, const double *means,
                   float *ret_centred, float *ret_floors)
{
    double slack = (double)(dimension + 32) * 0x1p-23;
    for (size_t row = 0; row < count; row++) {
        double norm = 0;
        for (size_t i = 0; i < dimension; i++) {
            float value = (float)((double)values[row * dimension + i] - means[i]);
            ret_centred[row * dimension + i] = value;
            norm += (double)value * (double)value;
        }
        ret_floors[row] = (float)(norm * (1 - slack));
    }
}

static void means_of(const float *points, size_t count, size_t dimension, double *ret_means)
{
    memset(ret_means, 0, dimension * sizeof *ret_means);
    for (size_t row = 0; row < count; row++)
        for (size_t i = 0; i < dimension; i++)
            ret_means[i] += (double)points[row * dimension + i] / (double)count;
}

static enum lx_err run(struct search *search, int thread_count, struct lx_error *err)
{
    size_t block_count = (search->query_count + QUERY_BLOCK - 1) / QUERY_BLOCK;
    search->failures = lx_calloc(block_count, sizeof *search->failures);
    if (search->failures == NULL) return lx_fail(err, LX_ERR_NO_MEMORY, "neighbours");

    int blas_threads = openblas_get_num_threads();
    openblas_set_num_threads(1);
    enum lx_err code = host_parallel(thread_count, block_count, search_block, search, err);
    openblas_set_num_threads(blas_threads);
    for (size_t i = 0; i < block_count && code == LX_OK; i++)
        if (search->failures[i] != LX_OK) code = lx_fail(err, search->failures[i], "neighbours");
    lx_free(search->failures);
    return code;
}

/* Centres points and queries and searches; queries that are the points share what is centred. */
static enum lx_err find(struct search *search, int thread_count, struct lx_error *err)
{
    size_t dimension = search->dimension, count = search->point_count;
    size_t query_count = search->query_count;
    bool is_same = search->queries == search->points;
    enum lx_err code = LX_ERR_NO_MEMORY;
    double *means = lx_calloc(dimension, sizeof *means);
    float *points = lx_malloc(count * dimension * sizeof *points), *queries = points;
    float *point_floors = lx_malloc(count * sizeof *point_floors), *query_floors = point_floors;
    if (!is_same) {
        queries = lx_malloc(query_count * dimension * sizeof *queries);
        query_floors = lx_malloc(query_count * sizeof *query_floors);
    }
    if (means == NULL || points == NULL || queries == NULL || point_floors == NULL ||
        query_floors == NULL) {
        lx_fail(err, code, "neighbours: %zu points of %zu values", count, dimension);
        goto out;
    }
    means_of(search->points, count, dimension, means);
    centre(search->points, count, dimension, means, points, point_floors);
    if (!is_same) centre(search->queries, query_count, dimension, means, queries, query_floors);
    search->centred_points = points;
    search->centred_queries = queries;
    search->point_floors = point_floors;
    search->query_floors = query_floors;
    code = run(search, thread_count, err);
out:
    lx_free(means);
    lx_free(points);
    lx_free(point_floors);
    if (!is_same) lx_free(queries);
    if (!is_same) lx_free(query_floors);
    return code;
}

enum lx_err neighbours_find(const float *points, size_t point_count, const float *queries,
                            size_t query_count, size_t dimension, size_t k, int thread_count,
                            uint32_t *ret_indices, struct lx_error *err)
{
    LX_ASSERT(dimension > 0 && dimension <= INT32_MAX && point_count <= UINT32_MAX);
    LX_ASSERT(k > 0 && k <= point_count && thread_count >= 1);

    if (query_count == 0) return LX_OK;
    struct search search = {.points = points,
                            .queries = queries,
                            .point_count = point_count,
                            .query_count = query_count,
                            .dimension = dimension,
                            .k = k,
                            .indices = ret_indices};
    return find(&search, thread_count, err);
}

enum lx_err neighbours_among(const float *points, size_t point_count, const uint32_t *rows,
                             size_t row_count, size_t dimension, size_t k, int thread_count,
                             uint32_t *ret_indices, struct lx_error *err)
{
    LX_ASSERT(dimension > 0 && dimension <= INT32_MAX && point_count <= UINT32_MAX);
    LX_ASSERT(k > 0 && k < point_count && thread_count >= 1);
    LX_ASSERT(rows != NULL || row_count == point_count);

    if (row_count == 0) return LX_OK;
    struct search search = {.points = points,
                            .queries = points,
                            .point_count = point_count,
                            .query_count = row_count,
                            .dimension = dimension,
                            .k = k,
                            .rows = rows,
                            .is_among = true,
                            .indices = ret_indices};
    float *queries = NULL;
    if (rows != NULL) {
        queries = lx_malloc(row_count * dimension * sizeof *queries);
        if (queries == NULL)
            return lx_fail(err, LX_ERR_NO_MEMORY, "neighbours of %zu points", row_count);
        for (size_t i = 0; i < row_count; i++)
            memcpy(queries + i * dimension, points + rows[i] * dimension,
                   dimension * sizeof *queries);
        search.queries = queries;
    }
    enum lx_err code = find(&search, thread_count, err);
    lx_free(queries);
    return code;
}
