/*
 * Goal:   the same seed and stream give the same numbers for ever; streams do not resemble each
 *         other; each distribution has the mean, the spread and the shape that it claims.
 * Method: the published first outputs of splitmix64, golden values, and statistics at fixed seeds
 *         with bounds of five standard errors, so that a wrong constant shows and luck does not.
 */
#include "cmocka_all.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/rng.h"

enum { DRAWS = 200000 };

static void test_the_generator_is_splitmix64(void **state)
{
    (void)state;
    struct lx_rng rng = {0};
    assert_true(lx_rng_next(&rng) == 0xE220A8397B1DCDAFu);
    assert_true(lx_rng_next(&rng) == 0x6E789E6AA1B965F4u);
    assert_true(lx_rng_next(&rng) == 0x06C45D188009454Fu);
}

static void test_seed_and_stream_give_the_same_numbers_for_ever(void **state)
{
    (void)state;
    static const struct {
        uint64_t seed, stream, first;
    } rows[] = {
        {0, 0, 0x28F9FEAEBD831D6C},  {0, 1, 0x5C09D726C2F78B2D},
        {1, 0, 0xD674436882BA51D9},  {1, 1, 0xAD004E274AFA78CD},
        {42, 7, 0x2640CFD12535F514}, {UINT64_MAX, UINT64_MAX, 0x95ABCE5E608F5C9E},
    };
    for (size_t i = 0; i < LX_COUNT_OF(rows); i++) {
        struct lx_rng rng = lx_rng_of(rows[i].seed, rows[i].stream);
        uint64_t got = lx_rng_next(&rng);
        if (got != rows[i].first) fail_msg("row %zu: 0x%016" PRIX64, i, got);
    }
}

static void test_a_mixed_sequence_of_draws_never_changes(void **state)
{
    (void)state;
    struct lx_rng rng = lx_rng_of(2024, 3);
    double weights[] = {1, 2, 3};
    uint32_t order[] = {0, 1, 2, 3, 4};
    lx_rng_shuffle(&rng, order, 5);
    uint32_t digits = 0;
    for (int i = 0; i < 5; i++) digits = digits * 10 + order[i];
    assert_int_equal(digits, 12034);
    assert_int_equal(lx_rng_below(&rng, 1000), 106);
    assert_true(lx_rng_uniform(&rng) == 0.65716334090788942);
    assert_true(lx_rng_normal(&rng) == 1.4532901473151574);
    assert_true(lx_rng_exponential(&rng) == 1.6335757671424922);
    assert_int_equal(lx_rng_poisson(&rng, 4), 2);
    assert_int_equal(lx_rng_poisson(&rng, 400), 443);
    assert_true(lx_rng_gamma(&rng, 0.3) == 0.050747451883345139);
    assert_true(lx_rng_gamma(&rng, 7) == 13.277140344399388);
    assert_true(lx_rng_beta(&rng, 2, 5) == 0.27298322307109246);
    assert_int_equal(lx_rng_pick(&rng, weights, 3), 1);
}

static void test_neighbouring_streams_do_not_resemble_each_other(void **state)
{
    (void)state;
    int64_t bits = 0;
    for (uint64_t stream = 0; stream < 10000; stream++) {
        struct lx_rng a = lx_rng_of(1, stream), b = lx_rng_of(1, stream + 1);
        struct lx_rng c = lx_rng_of(2, stream);
        uint64_t next = lx_rng_next(&a);
        bits += __builtin_popcountll(next ^ lx_rng_next(&b));
        bits += __builtin_popcountll(next ^ lx_rng_next(&c));
    }
    /* 20,000 comparisons of 64 bits: mean 32, deviation 4 each. */
    assert_true(fabs((double)bits / 20000 - 32) < 5 * 4 / sqrt(20000));
}

static void test_below_is_uniform_and_below(void **state)
{
    (void)state;
    static const uint64_t bounds[] = {1, 2, 3, 7, 10, 100};
    for (size_t b = 0; b < LX_COUNT_OF(bounds); b++) {
        struct lx_rng rng = lx_rng_of(42, bounds[b]);
        double counts[100] = {0}, expected = (double)DRAWS / (double)bounds[b], chi = 0;
        for (int i = 0; i < DRAWS; i++) {
            uint64_t value = lx_rng_below(&rng, bounds[b]);
            assert_true(value < bounds[b]);
            counts[value]++;
        }
        for (uint64_t i = 0; i < bounds[b]; i++)
            chi += (counts[i] - expected) * (counts[i] - expected) / expected;
        double freedom = (double)bounds[b] - 1;
        if (chi > freedom + 5 * sqrt(2 * freedom) + 5)
            fail_msg("bound %d: chi-square %g", (int)bounds[b], chi);
    }
    /* The rejection: without it half of these values would come twice as often. */
    struct lx_rng rng = lx_rng_of(42, 0);
    uint64_t bound = (uint64_t)3 << 62;
    int low = 0;
    for (int i = 0; i < DRAWS; i++) low += lx_rng_below(&rng, bound) < bound / 3;
    assert_true(fabs(low - DRAWS / 3.0) < 5 * sqrt(DRAWS * 2.0 / 9));
}

enum kind { UNIFORM, NORMAL, EXPONENTIAL, POISSON, GAMMA, BETA };

static double draw(struct lx_rng *rng, enum kind kind, double a, double b)
{
    switch (kind) {
    case UNIFORM: return lx_rng_uniform(rng);
    case NORMAL: return lx_rng_normal(rng);
    case EXPONENTIAL: return lx_rng_exponential(rng);
    case POISSON: return lx_rng_poisson(rng, a);
    case GAMMA: return lx_rng_gamma(rng, a);
    case BETA: return lx_rng_beta(rng, a, b);
    }
    return NAN;
}

static void test_distributions_have_their_means_and_variances(void **state)
{
    (void)state;
    static const struct {
        enum kind kind;
        double a, b, mean, variance, fourth; /* fourth central moment over the variance squared */
    } rows[] = {
        /* clang-format off */
        { UNIFORM,       0, 0, 0.5,       1 / 12.0, 1.8 },
        { NORMAL,        0, 0, 0,         1,        3 },
        { EXPONENTIAL,   0, 0, 1,         1,        9 },
        { POISSON,     0.1, 0, 0.1,       0.1,      13 },
        { POISSON,       5, 0, 5,         5,        3.2 },
        { POISSON,      29, 0, 29,        29,       3.04 },
        { POISSON,      31, 0, 31,        31,       3.04 },
        { POISSON,     300, 0, 300,       300,      3.01 },
        { POISSON,     1e5, 0, 1e5,       1e5,      3 },
        { GAMMA,       0.2, 0, 0.2,       0.2,      33 },
        { GAMMA,         1, 0, 1,         1,        9 },
        { GAMMA,       7.5, 0, 7.5,       7.5,      3.8 },
        { BETA,          2, 5, 2 / 7.0,   10 / 392.0, 2.88 },
        { BETA,        0.5, 0.5, 0.5,     0.125,    1.5 },
        /* clang-format on */
    };
    for (size_t r = 0; r < LX_COUNT_OF(rows); r++) {
        struct lx_rng rng = lx_rng_of(42, 100 + r);
        double sum = 0, squares = 0;
        for (int i = 0; i < DRAWS; i++) {
            double off = draw(&rng, rows[r].kind, rows[r].a, rows[r].b) - rows[r].mean;
            sum += off;
            squares += off * off;
        }
        double mean_error = sum / DRAWS / sqrt(rows[r].variance / DRAWS);
        double spread_error =
            (squares / DRAWS / rows[r].variance - 1) / sqrt((rows[r].fourth - 1) / DRAWS);
        if (fabs(mean_error) > 5 || fabs(spread_error) > 5)
            fail_msg("row %zu: mean off by %.1f, variance by %.1f standard errors", r, mean_error,
                     spread_error);
    }
}

static void test_a_normal_draw_has_the_normal_tails(void **state)
{
    (void)state;
    static const struct {
        double below, probability;
    } rows[] = {{-3, 0.001350}, {-2, 0.022750}, {-1, 0.158655}, {0, 0.5}, {1.5, 0.933193}};
    for (size_t r = 0; r < LX_COUNT_OF(rows); r++) {
        struct lx_rng rng = lx_rng_of(42, 200 + r);
        int count = 0;
        for (int i = 0; i < DRAWS; i++) count += lx_rng_normal(&rng) < rows[r].below;
        double p = rows[r].probability;
        assert_true(fabs(count - DRAWS * p) < 5 * sqrt(DRAWS * p * (1 - p)));
    }
}

static void test_poisson_counts_come_with_their_probabilities(void **state)
{
    (void)state;
    struct lx_rng rng = lx_rng_of(42, 300);
    int counts[4] = {0};
    for (int i = 0; i < DRAWS; i++) {
        uint32_t count = lx_rng_poisson(&rng, 1.5);
        if (count < 4) counts[count]++;
    }
    double p = exp(-1.5);
    for (int k = 0; k < 4; p *= 1.5 / ++k)
        assert_true(fabs(counts[k] - DRAWS * p) < 5 * sqrt(DRAWS * p * (1 - p)));
    assert_int_equal(lx_rng_poisson(&rng, 0), 0);
}

static void test_pick_follows_its_weights_and_never_takes_a_zero(void **state)
{
    (void)state;
    static const double weights[] = {0, 1, 0, 3, 6, 0};
    struct lx_rng rng = lx_rng_of(42, 400);
    int counts[6] = {0};
    for (int i = 0; i < DRAWS; i++) counts[lx_rng_pick(&rng, weights, 6)]++;
    for (int i = 0; i < 6; i++) {
        double p = weights[i] / 10;
        if (fabs(counts[i] - DRAWS * p) > 5 * sqrt(DRAWS * p * (1 - p)))
            fail_msg("index %d: %d times of %d", i, counts[i], DRAWS);
    }
}

static void test_chance_of_zero_never_happens_and_of_one_always(void **state)
{
    (void)state;
    struct lx_rng rng = lx_rng_of(42, 500);
    int hits = 0;
    for (int i = 0; i < DRAWS; i++) {
        assert_false(lx_rng_chance(&rng, 0));
        assert_true(lx_rng_chance(&rng, 1));
        hits += lx_rng_chance(&rng, 0.02);
    }
    assert_true(fabs(hits - DRAWS * 0.02) < 5 * sqrt(DRAWS * 0.02 * 0.98));
}

static void test_every_order_is_as_likely_as_any_other(void **state)
{
    (void)state;
    struct lx_rng rng = lx_rng_of(42, 600);
    int counts[64] = {0};
    for (int i = 0; i < DRAWS; i++) {
        uint32_t order[] = {0, 1, 2};
        lx_rng_shuffle(&rng, order, 3);
        counts[order[0] << 4 | order[1] << 2 | order[2]]++;
    }
    int orders = 0;
    for (int i = 0; i < 64; i++) {
        if (counts[i] == 0) continue;
        orders++;
        assert_true(fabs(counts[i] - DRAWS / 6.0) < 5 * sqrt(DRAWS * 5.0 / 36));
    }
    assert_int_equal(orders, 6);
    lx_rng_shuffle(&rng, NULL, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_generator_is_splitmix64),
        cmocka_unit_test(test_seed_and_stream_give_the_same_numbers_for_ever),
        cmocka_unit_test(test_a_mixed_sequence_of_draws_never_changes),
        cmocka_unit_test(test_neighbouring_streams_do_not_resemble_each_other),
        cmocka_unit_test(test_below_is_uniform_and_below),
        cmocka_unit_test(test_distributions_have_their_means_and_variances),
        cmocka_unit_test(test_a_normal_draw_has_the_normal_tails),
        cmocka_unit_test(test_poisson_counts_come_with_their_probabilities),
        cmocka_unit_test(test_pick_follows_its_weights_and_never_takes_a_zero),
        cmocka_unit_test(test_chance_of_zero_never_happens_and_of_one_always),
        cmocka_unit_test(test_every_order_is_as_likely_as_any_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
