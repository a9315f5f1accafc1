/*
 * Goal:   clusters that are there are found; each point is with its nearest centre and each centre
 *         is its points' mean; seed decides, threads do not; any failed allocation is reported.
 * Method: blobs far apart, noise, points all alike, fewer distinct points than clusters.
 */
#include "cmocka_all.h"

#include <math.h>
#include <string.h>

#include "base/rng.h"
#include "learn/kmeans.h"

enum { COUNT = 3000, DIMENSION = 3, K = 6 };

static float points[COUNT * DIMENSION], centres[K * DIMENSION];
static uint32_t clusters[COUNT];

/* Blob i is around 10 i in each coordinate, `spread` wide. */
static void make_points(double spread)
{
    struct lx_rng rng = lx_rng_of(2, 2);
    for (size_t i = 0; i < COUNT * DIMENSION; i++)
        points[i] = (float)(10.0 * (double)(i / DIMENSION % K) + spread * lx_rng_normal(&rng));
}

static void fit(uint64_t seed, int thread_count)
{
    struct lx_error err = {0};
    if (kmeans_fit(points, COUNT, DIMENSION, K, seed, thread_count, centres, clusters, &err) !=
        LX_OK)
        fail_msg("%s", err.text);
}

static double distance(const float *a, const float *b)
{
    double sum = 0;
    for (size_t i = 0; i < DIMENSION; i++) sum += pow((double)a[i] - (double)b[i], 2);
    return sum;
}

static void test_blobs_far_apart_are_the_clusters(void **state)
{
    (void)state;
    make_points(0.3);
    fit(1, 1);
    for (size_t i = 0; i < COUNT; i++) {
        if (clusters[i] != clusters[i % K]) fail_msg("point %zu is in cluster %u", i, clusters[i]);
        for (size_t j = 0; j < i % K; j++) assert_true(clusters[j] != clusters[i]);
    }
}

static void test_each_point_is_with_its_nearest_centre_and_centres_are_means(void **state)
{
    (void)state;
    make_points(6);
    fit(3, 1);
    double sums[K][DIMENSION] = {{0}}, sizes[K] = {0};
    for (size_t i = 0; i < COUNT; i++) {
        double own = distance(points + i * DIMENSION, centres + clusters[i] * DIMENSION);
        for (size_t c = 0; c < K; c++)
            assert_true(own <= distance(points + i * DIMENSION, centres + c * DIMENSION));
        for (size_t j = 0; j < DIMENSION; j++)
            sums[clusters[i]][j] += (double)points[i * DIMENSION + j];
        sizes[clusters[i]]++;
    }
    /* Twenty rounds need not be the end of all movement. */
    for (size_t c = 0; c < K; c++)
        for (size_t j = 0; j < DIMENSION; j++)
            assert_true(fabs(sums[c][j] / sizes[c] - (double)centres[c * DIMENSION + j]) < 0.5);
}

static void test_points_all_alike_are_no_trouble(void **state)
{
    (void)state;
    memset(points, 0, sizeof points);
    fit(1, 1);
    for (size_t i = 0; i < COUNT; i++) assert_int_equal(clusters[i], 0);
}

static void test_the_seed_decides_and_threads_do_not(void **state)
{
    (void)state;
    static float first[K * DIMENSION];
    make_points(6);
    fit(7, 1);
    memcpy(first, centres, sizeof first);
    fit(7, 2);
    assert_memory_equal(first, centres, sizeof first);
    fit(8, 1);
    assert_true(memcmp(first, centres, sizeof first) != 0);
}

static void test_any_failed_allocation_is_reported(void **state)
{
    (void)state;
    enum lx_err code = LX_ERR_NO_MEMORY;
    make_points(1);
    for (uint64_t n = 1; code != LX_OK; n++) {
        lx_alloc_fail_at(n);
        code = kmeans_fit(points, 200, DIMENSION, 3, 1, 1, centres, clusters, NULL);
        lx_alloc_fail_at(0);
        assert_true(code == LX_OK || code == LX_ERR_NO_MEMORY);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_blobs_far_apart_are_the_clusters),
        cmocka_unit_test(test_each_point_is_with_its_nearest_centre_and_centres_are_means),
        cmocka_unit_test(test_points_all_alike_are_no_trouble),
        cmocka_unit_test(test_the_seed_decides_and_threads_do_not),
        cmocka_unit_test(test_any_failed_allocation_is_reported),
    };
    return cmocka_run_group_tests_name("kmeans", tests, NULL, NULL);
}
