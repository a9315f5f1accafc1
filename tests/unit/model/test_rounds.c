/*
 * Goal:   answers move the other products the way that their kinship says: a yes raises what is
 *         near, a no lowers it a little, nothing answered moves nothing, and the result is the mode
 *         of the posterior.
 * Method: a hand-made kernel for the cases that a person can check; the mode is found again by
 *         small steps of plain gradient ascent on random kernels.
 */
#include "tests/scratch.h"

#include <math.h>

#include "base/rng.h"
#include "model/rounds.h"

/* Products 0 and 1 are near, 2 is alone, 3 is near 0 by half. */
static double hand_values[16] = {
    /* clang-format off */
    3.0, 2.4, 0.0, 1.2,
    2.4, 3.0, 0.0, 1.0,
    0.0, 0.0, 3.0, 0.0,
    1.2, 1.0, 0.0, 3.0,
    /* clang-format on */
};
static const struct rounds_kernel hand = {hand_values, 4};
static const double before[4] = {-5, -4, -6, -3};

/* One answer to product 0. */
static void answer_first(float weight, double *ret_after)
{
    const float answers[4] = {weight, 0, 0, 0};
    rounds_update(&hand, ROUNDS_INTEREST, before, answers, ret_after);
}

static void test_nothing_answered_moves_nothing(void **state)
{
    double after[4];
    answer_first(0, after);
    assert_memory_equal(after, before, sizeof before);
}

static void test_a_yes_raises_what_is_near_in_the_order_of_nearness(void **state)
{
    double after[4];
    answer_first(1, after);
    double up[4];
    for (int i = 0; i < 4; i++) up[i] = after[i] - before[i];
    assert_true(up[0] > up[1] && up[1] > up[3] && up[3] > 0.3);
    assert_true(up[2] == 0);
}

static void test_a_no_lowers_what_is_near_but_says_less_than_a_rare_yes(void **state)
{
    double no[4], yes[4];
    answer_first(-1, no);
    answer_first(1, yes);
    assert_true(no[1] < before[1] && no[2] == before[2]);
    assert_true(before[1] - no[1] < 0.25 * (yes[1] - before[1]));
}

static void test_weak_answers_move_less_than_clear_ones(void **state)
{
    static const float order[] = {-1, -0.3F, 0, 0.3F, 1};
    double last = -100;
    for (size_t i = 0; i < LX_COUNT_OF(order); i++) {
        double after[4];
        answer_first(order[i], after);
        assert_true(after[1] > last);
        last = after[1];
    }
}

/* Of more answers than there is room for the lightest is left out. */
static void test_too_many_answers_are_cut_by_weight(void **state)
{
    enum { N = ROUNDS_ANSWERS_MAX + 1 };
    static double values[N * N];
    static const struct rounds_kernel kernel = {values, N};
    double start[N], all[N], cut[N];
    float answers[N];
    for (size_t i = 0; i < N; i++) {
        values[i * N + i] = 3;
        start[i] = -3;
        answers[i] = i == 7 ? 0.25F : 1;
    }
    rounds_update(&kernel, ROUNDS_INTEREST, start, answers, all);
    answers[7] = 0;
    rounds_update(&kernel, ROUNDS_INTEREST, start, answers, cut);
    assert_memory_equal(all, cut, sizeof all);
    assert_true(all[7] == start[7] && all[8] > start[8]);
}

/* alpha = weight (yes - P(f0 + K alpha)) at the mode, by small damped steps. */
static void naive_mode(const struct rounds_kernel *kernel, const double *start,
                       const float *answers, double *ret_after)
{
    double alphas[64] = {0};
    size_t n = kernel->product_count;
    for (int step = 0; step < 200000; step++) {
        double largest = 0;
        for (size_t i = 0; i < n; i++) {
            double weight = fabs((double)answers[i]), f = start[i];
            for (size_t j = 0; j < n; j++) f += kernel->values[i * n + j] * alphas[j];
            double p = 1 / (1 + exp(-(f + ROUNDS_INTEREST)));
            double move = weight * ((answers[i] > 0 ? 1 : 0) - p) - alphas[i];
            if (answers[i] == 0) continue;
            alphas[i] += 0.02 * move;
            largest = fmax(largest, fabs(move));
        }
        if (largest < 1e-13) break;
    }
    for (size_t i = 0; i < n; i++) {
        ret_after[i] = start[i];
        for (size_t j = 0; j < n; j++) ret_after[i] += kernel->values[i * n + j] * alphas[j];
    }
}

static void test_the_result_is_the_mode_of_the_posterior(void **state)
{
    enum { N = 9 };
    for (uint64_t seed = 1; seed <= 60; seed++) {
        struct lx_rng rng = lx_rng_of(seed, 4);
        double values[N * N] = {0}, factors[N * 3], start[N], got[N], want[N];
        const struct rounds_kernel kernel = {values, N};
        float answers[N] = {0};
        for (int i = 0; i < N * 3; i++) factors[i] = lx_rng_normal(&rng);
        for (int i = 0; i < N * N; i++)
            for (int k = 0; k < 3; k++)
                values[i] += factors[i / N * 3 + k] * factors[i % N * 3 + k];
        for (int i = 0; i < N; i++) start[i] = -6 + 5 * lx_rng_uniform(&rng);
        for (int i = 0; i < 5; i++) answers[i * 2 % N] = lx_rng_chance(&rng, 0.4) ? 1 : -0.3F;
        rounds_update(&kernel, ROUNDS_INTEREST, start, answers, got);
        naive_mode(&kernel, start, answers, want);
        for (int i = 0; i < N; i++)
            if (fabs(got[i] - want[i]) > 1e-8)
                fail_msg("seed %lu: product %d: %.12g, want %.12g", (unsigned long)seed, i, got[i],
                         want[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_answered_moves_nothing),
        cmocka_unit_test(test_a_yes_raises_what_is_near_in_the_order_of_nearness),
        cmocka_unit_test(test_a_no_lowers_what_is_near_but_says_less_than_a_rare_yes),
        cmocka_unit_test(test_weak_answers_move_less_than_clear_ones),
        cmocka_unit_test(test_too_many_answers_are_cut_by_weight),
        cmocka_unit_test(test_the_result_is_the_mode_of_the_posterior),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
