#include "learn/neighbours.h"

#include <cblas.h>
#include <math.h>
#include <stdatomic.h>
#include <string.h>

#include "host/thread.h"
#include "learn/axes.h"

/*
 * What must stay true: a pair may be passed over only where a lower bound of its distance is above
 * the worst of the best k found so far; every other pair is computed in double precision, in the
 * order of the columns. Bounds decide how fast the answer comes, never what it is.
 *
 * The first bound is in single precision, |q|^2 + |p|^2 - 2 q.p of centred points. Where points
 * are many it is taken in few coordinates: the first principal axes, and the length of all the
 * rest as one more. Lengths stay what they are by that, and products can only grow
 * (Cauchy-Schwarz), so it is a bound. The first block of queries shows how many pairs it lets
 * through; if too many, all coordinates are used after all.
 *
 * The second bound, for what came through, is the sum of squared differences in single precision.
 */

typedef float lanes __attribute__((vector_size(16)));
typedef int32_t lane_mask __attribute__((vector_size(16)));

enum {
    QUERY_BLOCK = 128,
    POINT_BLOCK = 512, /* products of a block stay in a second-level cache */
    LANES = 4,
    GROUP = 16, /* points looked at together */
    ROWS_AT_ONCE = 256,
    PREFETCH_STEP = 16, /* floats of a cache line */
    PREFETCH_MAX = 128,
    SHORT = 16, /* coordinates of the first bound, the length of the rest included */
    SHORT_DIMENSION_MIN = 28,
    SHORT_DIMENSION_MAX = 512,
};

/* Below this many pairs, axes cost more than they save. */
#define SHORT_PAIRS_MIN 4e6
/* Above this share of pairs let through, all coordinates cost less. */
#define THROUGH_MAX 0.02

/* Points as the first bound wants them. */
struct form {
    float *values; /* count * width; owned */
    float *floors; /* squared lengths, less what rounding may have added; owned */
};

struct search {
    const float *points, *queries; /* as given: what distances are finally computed from */
    size_t point_count, query_count, dimension, k;
    const uint32_t *rows; /* which point a query is, where is_among; NULL: its own number */
    bool is_among;
    double *means, *axes; /* owned; axes NULL: all coordinates, as they are */
    size_t width;         /* of forms */
    struct form point_form, query_form;
    size_t first_block;
    atomic_uint_least64_t through; /* pairs that the first bound let through */
    uint32_t *indices;
    enum lx_err *failures; /* by block of queries; owned */
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

/* Not above the distance but for rounding: no term is off by more than three roundings, no sum by
 * more than one for each term. */
static float quick_distance_of(const float *a, const float *b, size_t dimension)
{
    lanes sums[2] = {{0}, {0}};
    size_t i = 0;
    for (; i + 2 * LANES <= dimension; i += 2 * LANES)
        for (size_t j = 0; j < 2; j++) {
            lanes x, y;
            memcpy(&x, a + i + j * LANES, sizeof x);
            memcpy(&y, b + i + j * LANES, sizeof y);
            sums[j] += (x - y) * (x - y);
        }
    sums[0] += sums[1];
    float sum = sums[0][0] + sums[0][1] + sums[0][2] + sums[0][3];
    for (; i < dimension; i++) sum += (a[i] - b[i]) * (a[i] - b[i]);
    return sum * (float)(1 - (double)(dimension + 16) * 0x1p-24);
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

/* May one of GROUP points be near? Written so that a NaN (lengths past what a float holds) is
 * looked at, not passed over. */
static bool is_any_near(const float *bounds, float limit)
{
    lane_mask all = {-1, -1, -1, -1};
    for (size_t i = 0; i < GROUP; i += LANES) {
        lanes bound;
        memcpy(&bound, bounds + i, sizeof bound);
        all &= bound > limit;
    }
    uint64_t halves[2];
    memcpy(halves, &all, sizeof halves);
    return (halves[0] & halves[1]) != UINT64_MAX;
}

/* The places in the block whose bound does not rule them out; they are on their way to the cache
 * when they are wanted. */
static size_t list_near(const struct search *search, size_t begin, size_t count,
                        const float *bounds, float limit, uint16_t ret_places[POINT_BLOCK])
{
    size_t found = 0;
    for (size_t group = 0; group < count; group += GROUP) {
        size_t end = group + GROUP < count ? group + GROUP : count, before = found;
        if (end - group == GROUP && !is_any_near(bounds + group, limit)) continue;
        for (size_t i = group; i < end; i++) {
            ret_places[found] = (uint16_t)i;
            found += !(bounds[i] > limit);
        }
        for (; before < found; before++) {
            const float *point = search->points + (begin + ret_places[before]) * search->dimension;
            for (size_t i = 0; i < search->dimension && i < PREFETCH_MAX; i += PREFETCH_STEP)
                __builtin_prefetch(point + i);
        }
    }
    return found;
}

/* One query against some points; `bounds` are |p|^2 - 2 q.p. How many came through. */
static size_t scan(const struct search *search, size_t query, size_t begin, size_t count,
                   const float *bounds, struct best *best)
{
    uint16_t places[POINT_BLOCK];
    const float *from = search->queries + query * search->dimension;
    float limit = limit_of(best, search->k), base = search->query_form.floors[query];
    size_t own = own_point(search, query);
    size_t found = list_near(search, begin, count, bounds, limit - base, places);
    for (size_t i = 0; i < found; i++) {
        size_t point = begin + places[i];
        const float *to = search->points + point * search->dimension;
        if (point == own || quick_distance_of(from, to, search->dimension) > limit) continue;
        offer(best, search->k, distance_of(from, to, search->dimension), (uint32_t)point);
        limit = limit_of(best, search->k);
    }
    return found;
}

/* The first points a few at a time: there is no limit yet, and each few lower it. */
static size_t scan_first(const struct search *search, size_t query, size_t count,
                         const float *bounds, struct best *best)
{
    size_t found = 0;
    for (size_t begin = 0; begin < count; begin += GROUP) {
        size_t left = count - begin;
        found += scan(search, query, begin, left < GROUP ? left : GROUP, bounds + begin, best);
    }
    return found;
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

/* The product is added to the points' floors, which is all that a bound needs. */
static uint64_t scan_block(const struct search *search, size_t begin, size_t count, float *bounds,
                           struct best *best)
{
    int width = (int)search->width;
    uint64_t through = 0;
    for (size_t point = 0; point < search->point_count; point += POINT_BLOCK) {
        size_t left = search->point_count - point, size = left < POINT_BLOCK ? left : POINT_BLOCK;
        for (size_t i = 0; i < count; i++)
            memcpy(bounds + i * POINT_BLOCK, search->point_form.floors + point,
                   size * sizeof *bounds);
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)count, (int)size, width, -2,
                    search->query_form.values + begin * search->width, width,
                    search->point_form.values + point * search->width, width, 1, bounds,
                    POINT_BLOCK);
        for (size_t i = 0; i < count; i++)
            through +=
                point == 0
                    ? scan_first(search, begin + i, size, bounds + i * POINT_BLOCK, &best[i])
                    : scan(search, begin + i, point, size, bounds + i * POINT_BLOCK, &best[i]);
    }
    return through;
}

static void search_block(void *context, size_t item)
{
    struct search *search = context;
    size_t block = search->first_block + item;
    size_t begin = block * QUERY_BLOCK, left = search->query_count - begin;
    size_t count = left < QUERY_BLOCK ? left : QUERY_BLOCK, k = search->k;
    float *bounds = lx_malloc(QUERY_BLOCK * POINT_BLOCK * sizeof *bounds);
    double *distances = lx_malloc(count * k * sizeof *distances);
    uint32_t *indices = lx_malloc(count * k * sizeof *indices);
    if (bounds == NULL || distances == NULL || indices == NULL) {
        search->failures[block] = LX_ERR_NO_MEMORY;
    } else {
        struct best best[QUERY_BLOCK];
        for (size_t i = 0; i < count; i++)
            best[i] = (struct best){distances + i * k, indices + i * k, 0};
        atomic_fetch_add(&search->through, scan_block(search, begin, count, bounds, best));
        for (size_t i = 0; i < count; i++) keep(search, begin + i, &best[i]);
    }
    lx_free(bounds);
    lx_free(distances);
    lx_free(indices);
}

static void form_release(struct form *form)
{
    lx_free(form->values);
    lx_free(form->floors);
    *form = (struct form){0};
}

/* Some rows in the coordinates of the bound, and their floors. `off` and `turned` are scratch.
 *
 * Rounding: a coordinate is off by at most u of itself (u = 2^-24; axes are right to 1e-12), the
 * product of `width` terms and the two squared lengths by at most (width + 3) u of |q|^2 + |p|^2.
 * Twice that and some more, for all of the dimensions, is taken off each squared length. */
static void form_rows(const struct search *search, const float *values, size_t count, double *off,
                      double *turned, float *ret_values, float *ret_floors)
{
    size_t dimension = search->dimension, width = search->width;
    double slack = (double)(dimension + 32) * 0x1p-23;
    for (size_t i = 0; i < count * dimension; i++)
        off[i] = (double)values[i] - search->means[i % dimension];
    if (search->axes != NULL)
        cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)count, (int)width - 1,
                    (int)dimension, 1, off, (int)dimension, search->axes, (int)dimension, 0, turned,
                    (int)width);
    for (size_t row = 0; row < count; row++) {
        double square = 0, known = 0, *out = turned + row * width;
        for (size_t i = 0; i < dimension; i++) square += pow(off[row * dimension + i], 2);
        if (search->axes == NULL) {
            out = off + row * dimension;
        } else {
            for (size_t i = 0; i + 1 < width; i++) known += out[i] * out[i];
            out[width - 1] = sqrt(fmax(square - known, 0));
        }
        for (size_t i = 0; i < width; i++) ret_values[row * width + i] = (float)out[i];
        ret_floors[row] = (float)(square * (1 - slack));
    }
}

/* What form_rows needs to be spread over threads. */
struct forming {
    const struct search *search;
    const float *values;
    size_t count;
    struct form *form;
    atomic_bool has_failed;
};

static void form_item(void *context, size_t item)
{
    struct forming *forming = context;
    const struct search *search = forming->search;
    size_t begin = item * ROWS_AT_ONCE, left = forming->count - begin;
    size_t count = left < ROWS_AT_ONCE ? left : ROWS_AT_ONCE;
    double *off = lx_malloc(count * search->dimension * sizeof *off);
    double *turned = lx_malloc(count * search->width * sizeof *turned);
    if (off != NULL && turned != NULL)
        form_rows(search, forming->values + begin * search->dimension, count, off, turned,
                  forming->form->values + begin * search->width, forming->form->floors + begin);
    else
        atomic_store(&forming->has_failed, true);
    lx_free(off);
    lx_free(turned);
}

static enum lx_err form_make(const struct search *search, const float *values, size_t count,
                             int thread_count, struct form *form, struct lx_error *err)
{
    struct forming forming = {.search = search, .values = values, .count = count, .form = form};
    form->values = lx_malloc(count * search->width * sizeof *form->values);
    form->floors = lx_malloc(count * sizeof *form->floors);
    if (form->values == NULL || form->floors == NULL) return LX_ERR_NO_MEMORY;
    enum lx_err code = host_parallel(thread_count, (count + ROWS_AT_ONCE - 1) / ROWS_AT_ONCE,
                                     form_item, &forming, err);
    return code == LX_OK && atomic_load(&forming.has_failed) ? LX_ERR_NO_MEMORY : code;
}

static enum lx_err make_forms(struct search *search, int thread_count, struct lx_error *err)
{
    form_release(&search->point_form);
    form_release(&search->query_form);
    enum lx_err code = form_make(search, search->points, search->point_count, thread_count,
                                 &search->point_form, err);
    if (code == LX_OK)
        code = form_make(search, search->queries, search->query_count, thread_count,
                         &search->query_form, err);
    return code;
}

static void means_of(const struct search *search)
{
    size_t dimension = search->dimension;
    for (size_t i = 0; i < dimension; i++) search->means[i] = 0;
    for (size_t row = 0; row < search->point_count; row++)
        for (size_t i = 0; i < dimension; i++)
            search->means[i] += (double)search->points[row * dimension + i];
    for (size_t i = 0; i < dimension; i++) search->means[i] /= (double)search->point_count;
}

/* Means, and the axes where they may pay. */
static enum lx_err prepare(struct search *search)
{
    size_t dimension = search->dimension;
    double pairs = (double)search->point_count * (double)search->query_count;
    search->means = lx_malloc(dimension * sizeof *search->means);
    if (search->means == NULL) return LX_ERR_NO_MEMORY;
    means_of(search);
    search->width = dimension;
    if (dimension < SHORT_DIMENSION_MIN || dimension > SHORT_DIMENSION_MAX ||
        pairs < SHORT_PAIRS_MIN)
        return LX_OK;
    double *variances = lx_malloc(dimension * sizeof *variances);
    search->axes = lx_malloc(dimension * dimension * sizeof *search->axes);
    enum lx_err code = variances == NULL || search->axes == NULL ? LX_ERR_NO_MEMORY : LX_OK;
    if (code == LX_OK)
        code = axes_find(search->points, search->point_count, dimension, search->means,
                         search->axes, variances);
    lx_free(variances);
    search->width = SHORT;
    return code;
}

/* Where there are axes, the first block of queries says whether they are enough. */
static enum lx_err run(struct search *search, int thread_count, struct lx_error *err)
{
    size_t block_count = (search->query_count + QUERY_BLOCK - 1) / QUERY_BLOCK;
    search->failures = lx_calloc(block_count, sizeof *search->failures);
    if (search->failures == NULL) return LX_ERR_NO_MEMORY;
    enum lx_err code = make_forms(search, thread_count, err);
    if (code == LX_OK && search->axes != NULL) {
        search_block(search, 0);
        search->first_block = 1;
        size_t queries = search->query_count < QUERY_BLOCK ? search->query_count : QUERY_BLOCK;
        double pairs = (double)queries * (double)search->point_count;
        if ((double)atomic_load(&search->through) > THROUGH_MAX * pairs && block_count > 1) {
            lx_free(search->axes);
            search->axes = NULL;
            search->width = search->dimension;
            code = make_forms(search, thread_count, err);
        }
    }
    if (code == LX_OK && block_count > search->first_block)
        code = host_parallel(thread_count, block_count - search->first_block, search_block, search,
                             err);
    for (size_t i = 0; i < block_count && code == LX_OK; i++) code = search->failures[i];
    return code;
}

static enum lx_err find(struct search *search, int thread_count, struct lx_error *err)
{
    int blas_threads = openblas_get_num_threads();
    openblas_set_num_threads(1);
    enum lx_err code = prepare(search);
    if (code == LX_OK) code = run(search, thread_count, err);
    openblas_set_num_threads(blas_threads);
    if (code == LX_ERR_NO_MEMORY)
        lx_fail(err, code, "neighbours: %zu points of %zu values", search->point_count,
                search->dimension);
    lx_free(search->means);
    lx_free(search->axes);
    lx_free(search->failures);
    form_release(&search->point_form);
    form_release(&search->query_form);
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
