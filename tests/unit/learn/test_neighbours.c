/*
 * Goal:   neighbours are those of a plain double loop, number for number, with ties and duplicates,
 *         however many threads there are and whichever bound does the work; axes are at right
 *         angles and lie along the spread.
 * Method: tables in which few coordinates tell all, in which none does, on a lattice, repeated, far
 *         from zero and past what a float can square.
 */
#include "cmocka_all.h"

#include <math.h>
#include <string.h>

#include "base/rng.h"
#include "learn/axes.h"
#include "learn/neighbours.h"

/* Enough pairs that principal axes are tried. */
enum { POINTS = 2600, QUERIES = 1600, COLUMNS = 40, TRAITS = 4, K = 6 };

static float points[POINTS * COLUMNS];
static uint32_t rows[QUERIES], got[QUERIES * K], again[QUERIES * K];

static void fill_traits(struct lx_rng *rng, double noise, double scale, double offset)
{
    double loadings[COLUMNS][TRAITS];
    for (size_t i = 0; i < (size_t)COLUMNS * TRAITS; i++)
        loadings[i / TRAITS][i % TRAITS] = lx_rng_normal(rng);
    for (size_t p = 0; p < POINTS; p++) {
        double traits[TRAITS];
        for (size_t t = 0; t < TRAITS; t++) traits[t] = lx_rng_normal(rng);
        for (size_t c = 0; c < COLUMNS; c++) {
            double value = noise * lx_rng_normal(rng);
            for (size_t t = 0; t < TRAITS; t++) value += loadings[c][t] * traits[t];
            points[p * COLUMNS + c] = (float)(offset + scale * value);
        }
    }
}

static void fill_few_traits(struct lx_rng *rng)
{
    fill_traits(rng, 0.05, 1, 0);
}

static void fill_noise(struct lx_rng *rng)
{
    fill_traits(rng, 50, 1, 0);
}

static void fill_far_from_zero(struct lx_rng *rng)
{
    fill_traits(rng, 0.05, 1, 1e6);
}

/* Squared lengths are past what a float holds. */
static void fill_huge(struct lx_rng *rng)
{
    fill_traits(rng, 0.05, 1e25, 0);
}

/* Two values a column: nearly all distances are ties. */
static void fill_lattice(struct lx_rng *rng)
{
    for (size_t i = 0; i < (size_t)POINTS * COLUMNS; i++)
        points[i] = i % COLUMNS < 12 ? (float)lx_rng_below(rng, 2) : 0;
}

static void fill_repeated(struct lx_rng *rng)
{
    fill_traits(rng, 0.05, 1, 3);
    for (size_t p = 300; p < POINTS; p++)
        memcpy(points + p * COLUMNS, points + p % 300 * COLUMNS, COLUMNS * sizeof *points);
}

static void fill_alike(struct lx_rng *rng)
{
    (void)rng;
    for (size_t i = 0; i < (size_t)POINTS * COLUMNS; i++) points[i] = 7;
}

static const struct {
    const char *name;
    void (*fill)(struct lx_rng *rng);
} tables[] = {{"few traits", fill_few_traits},
              {"noise", fill_noise},
              {"far from zero", fill_far_from_zero},
              {"huge", fill_huge},
              {"lattice", fill_lattice},
              {"repeated", fill_repeated},
              {"alike", fill_alike}};

static double distance_of(const float *a, const float *b)
{
    double sum = 0;
    for (size_t i = 0; i < COLUMNS; i++) {
        double difference = (double)a[i] - (double)b[i];
        sum += difference * difference;
    }
    return sum;
}

/* By distance, then number; `own` is left out. */
static void find_plainly(const float *query, size_t own, uint32_t nearest[K])
{
    double distances[K];
    size_t found = 0;
    for (size_t p = 0; p < POINTS; p++) {
        double distance = distance_of(query, points + p * COLUMNS);
        if (p == own || (found == K && distance >= distances[K - 1])) continue;
        size_t at = found < K ? found++ : K - 1;
        for (; at > 0 && distances[at - 1] > distance; at--) {
            distances[at] = distances[at - 1];
            nearest[at] = nearest[at - 1];
        }
        distances[at] = distance;
        nearest[at] = (uint32_t)p;
    }
}

static void check(const char *name, const float *queries, bool is_among)
{
    for (size_t q = 0; q < QUERIES; q++) {
        uint32_t want[K];
        const float *query = is_among ? points + rows[q] * COLUMNS : queries + q * COLUMNS;
        find_plainly(query, is_among ? rows[q] : SIZE_MAX, want);
        for (size_t k = 0; k < K; k++)
            if (got[q * K + k] != want[k])
                fail_msg("%s: query %zu, place %zu: %u, want %u", name, q, k, got[q * K + k],
                         want[k]);
    }
}

static void test_neighbours_are_those_of_a_plain_loop(void **state)
{
    (void)state;
    for (size_t t = 0; t < LX_COUNT_OF(tables); t++) {
        struct lx_rng rng = lx_rng_of(4, t);
        tables[t].fill(&rng);
        for (size_t q = 0; q < QUERIES; q++) rows[q] = (uint32_t)lx_rng_below(&rng, POINTS);
        assert_int_equal(neighbours_among(points, POINTS, rows, QUERIES, COLUMNS, K, 1, got, NULL),
                         LX_OK);
        check(tables[t].name, NULL, true);
        assert_int_equal(
            neighbours_among(points, POINTS, rows, QUERIES, COLUMNS, K, 2, again, NULL), LX_OK);
        assert_memory_equal(got, again, sizeof got);
    }
}

static void test_foreign_queries_are_answered_like_the_points_own(void **state)
{
    (void)state;
    static float queries[QUERIES * COLUMNS];
    struct lx_rng rng = lx_rng_of(6, 0);
    fill_few_traits(&rng);
    for (size_t i = 0; i < (size_t)QUERIES * COLUMNS; i++)
        queries[i] = points[i] + (float)lx_rng_normal(&rng) * 0.1f;
    assert_int_equal(neighbours_find(points, POINTS, queries, QUERIES, COLUMNS, K, 2, got, NULL),
                     LX_OK);
    check("foreign", queries, false);
}

static void test_any_failed_allocation_is_reported(void **state)
{
    (void)state;
    static void (*const fills[])(struct lx_rng * rng) = {fill_few_traits, fill_noise};
    for (size_t f = 0; f < LX_COUNT_OF(fills); f++) {
        struct lx_rng rng = lx_rng_of(2, f);
        enum lx_err code = LX_ERR_NO_MEMORY;
        uint64_t n = 1;
        fills[f](&rng);
        for (size_t q = 0; q < QUERIES; q++) rows[q] = (uint32_t)q;
        /* Once every row and block has had its turn, a stride tells as much in less time. */
        for (; code != LX_OK; n += n < 30 ? 1 : 9) {
            lx_alloc_fail_at(n);
            code = neighbours_among(points, POINTS, rows, QUERIES, COLUMNS, K, 1, got, NULL);
            lx_alloc_fail_at(0);
            assert_true(code == LX_OK || code == LX_ERR_NO_MEMORY);
        }
        assert_true(n > 30);
    }
}

static void test_axes_are_at_right_angles_and_lie_along_the_spread(void **state)
{
    (void)state;
    static double means[COLUMNS], axes[COLUMNS * COLUMNS], variances[COLUMNS];
    struct lx_rng rng = lx_rng_of(9, 9);
    fill_few_traits(&rng);
    memset(means, 0, sizeof means);
    for (size_t i = 0; i < (size_t)POINTS * COLUMNS; i++)
        means[i % COLUMNS] += (double)points[i] / POINTS;
    assert_int_equal(axes_find(points, POINTS, COLUMNS, means, axes, variances), LX_OK);
    for (size_t a = 0; a < COLUMNS; a++) {
        double along = 0;
        for (size_t b = 0; b < COLUMNS; b++) {
            double product = 0;
            for (size_t i = 0; i < COLUMNS; i++)
                product += axes[a * COLUMNS + i] * axes[b * COLUMNS + i];
            assert_true(fabs(product - (a == b)) < 1e-12);
        }
        for (size_t p = 0; p < POINTS; p++) {
            double place = 0;
            for (size_t i = 0; i < COLUMNS; i++)
                place += axes[a * COLUMNS + i] * ((double)points[p * COLUMNS + i] - means[i]);
            along += place * place / POINTS;
        }
        assert_true(fabs(along - variances[a]) < 1e-9 * variances[0]);
        assert_true(a == 0 || variances[a] <= variances[a - 1]);
    }
    assert_true(variances[TRAITS] < 0.01 && variances[TRAITS - 1] > 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_neighbours_are_those_of_a_plain_loop),
        cmocka_unit_test(test_foreign_queries_are_answered_like_the_points_own),
        cmocka_unit_test(test_any_failed_allocation_is_reported),
        cmocka_unit_test(test_axes_are_at_right_angles_and_lie_along_the_spread),
    };
    return cmocka_run_group_tests_name("neighbours", tests, NULL, NULL);
}
