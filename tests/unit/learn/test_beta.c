/*
 * Goal:   the Beta distribution is scipy's, a table of quantiles stands for it, and the chance that
 *         an arm is the best of several is that with which its draw is the highest.
 * Method: scipy's figures (kept, and made anew where it is installed), closed forms, a round trip
 *         between distribution and quantile over random shapes, and counted draws of lx_rng_beta.
 */
#include "reference.h"

#include <math.h>

#include "base/rng.h"
#include "learn/beta.h"

static void assert_near(double got, double want, double within, const char *what)
{
    if (!(fabs(got - want) <= within)) fail_msg("%s: %.15g, want %.15g", what, got, want);
}

static void check_best(FILE *file)
{
    static struct beta_table tables[64];
    struct beta_arm arms[64];
    double want[64], got[64];
    size_t count = read_count(file);
    for (size_t i = 0; i < count; i++) {
        double a = read_real(file), b = read_real(file);
        beta_table_fill(a, b, &tables[i]);
        arms[i] = (struct beta_arm){&tables[i], read_real(file)};
        want[i] = read_real(file);
    }
    beta_best_chances(arms, count, got);
    for (size_t i = 0; i < count; i++)
        if (fabs(got[i] - want[i]) > 0.015)
            fail_msg("arm %zu of %zu, Beta(%g, %g): %.5f, scipy %.5f", i, count, tables[i].a,
                     tables[i].b, got[i], want[i]);
}

static void check_reference(FILE *file)
{
    char word[64];
    size_t lines = 0;
    for (; read_word(file, word); lines++) {
        if (strcmp(word, "best") == 0) {
            check_best(file);
            continue;
        }
        double a = read_real(file), b = read_real(file), x = read_real(file),
               want = read_real(file);
        bool is_cdf = strcmp(word, "cdf") == 0;
        double got = is_cdf ? beta_cdf(a, b, x) : beta_quantile(a, b, x);
        /* A quantile is held against what the distribution says of it: where the density is next
         * to nothing many x are the quantile to the last digit of the chance. */
        double off = is_cdf ? fabs(got - want) : fabs(beta_cdf(a, b, got) - x);
        if (!(off <= 1e-9)) fail_msg("%s %g %g %g: %.15g, scipy %.15g", word, a, b, x, got, want);
        if (!is_cdf && want > 1e-30 && fabs(got - want) > 1e-7 * want)
            fail_msg("quantile %g %g %g: %.15g, scipy %.15g", a, b, x, got, want);
    }
    assert_true(lines > 100);
}

static void test_it_is_what_scipy_computed(void **state)
{
    (void)state;
    FILE *file = open_kept("beta");
    check_reference(file);
    fclose(file);
}

static void test_it_is_what_scipy_computes_here(void **state)
{
    (void)state;
    FILE *file = open_live("beta", "scipy");
    if (file == NULL) {
        print_message("skipped: no python3-scipy\n");
        skip();
    }
    check_reference(file);
    close_live(file);
}

static void test_whole_numbers_give_binomial_sums(void **state)
{
    (void)state;
    static const struct {
        double a, b, x, want;
    } rows[] = {{1, 1, 0.3, 0.3},
                {2, 3, 0.25, 0.26171875},
                {5, 95, 0.06, 0.71502890572696831},
                {10, 10, 0.5, 0.5},
                {30, 7, 0.9, 0.93717185762416277},
                {3, 400, 0.01, 0.76628379635891142},
                {200, 300, 0.41, 0.67762816477217935},
                {1, 50, 0.001, 0.048794371802968653}};
    for (size_t i = 0; i < LX_COUNT_OF(rows); i++)
        assert_near(beta_cdf(rows[i].a, rows[i].b, rows[i].x), rows[i].want, 1e-13, "cdf");
    assert_near(beta_cdf(2, 3, -1), 0, 0, "below 0");
    assert_near(beta_cdf(2, 3, 2), 1, 0, "above 1");
    assert_near(beta_quantile(2, 3, 0), 0, 0, "least");
    assert_near(beta_quantile(2, 3, 1), 1, 0, "most");
}

static void test_quantile_and_distribution_undo_each_other(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 2000; seed++) {
        struct lx_rng rng = lx_rng_of(seed, 1);
        double a = exp(lx_rng_uniform(&rng) * 15 - 2), b = exp(lx_rng_uniform(&rng) * 15 - 2),
               chance = lx_rng_uniform(&rng);
        double x = beta_quantile(a, b, chance);
        if (x > 1e-300 && x < 1 - 1e-7 && fabs(beta_cdf(a, b, x) - chance) > 1e-9)
            fail_msg("seed %d: Beta(%g, %g) at %g: %.15g", (int)seed, a, b, chance, x);
    }
}

static void test_a_table_ascends_and_stands_for_its_distribution(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 500; seed++) {
        struct lx_rng rng = lx_rng_of(seed, 2);
        double a = exp(lx_rng_uniform(&rng) * 12 - 2), b = exp(lx_rng_uniform(&rng) * 12 - 2);
        struct beta_table table;
        beta_table_fill(a, b, &table);
        for (int g = 1; g < BETA_LEVELS; g++)
            if (table.quantiles[g] < table.quantiles[g - 1])
                fail_msg("seed %d: quantile %d is below the one before", (int)seed, g);
        double x = beta_quantile(a, b, lx_rng_uniform(&rng));
        if (fabs(beta_table_cdf(&table, x) - beta_cdf(a, b, x)) > 0.02)
            fail_msg("seed %d: Beta(%g, %g) at %g: %g, want %g", (int)seed, a, b, x,
                     beta_table_cdf(&table, x), beta_cdf(a, b, x));
    }
}

static void test_draws_have_the_moments_and_the_best_is_drawn_with_its_chance(void **state)
{
    (void)state;
    enum { DRAWS = 200000, ARMS = 4 };
    static const double a[ARMS] = {2, 3, 0.5, 12}, b[ARMS] = {18, 30, 4.5, 88},
                        scale[ARMS] = {1, 1.5, 1, 0.8};
    struct beta_table tables[ARMS];
    struct beta_arm arms[ARMS];
    double chances[ARMS], wins[ARMS] = {0}, sum[ARMS] = {0}, squares[ARMS] = {0}, total = 0;
    struct lx_rng rng = lx_rng_of(7, 7);
    for (size_t i = 0; i < ARMS; i++) {
        beta_table_fill(a[i], b[i], &tables[i]);
        arms[i] = (struct beta_arm){&tables[i], scale[i]};
    }
    beta_best_chances(arms, ARMS, chances);
    for (int n = 0; n < DRAWS; n++) {
        size_t best = 0;
        double most = -1;
        for (size_t i = 0; i < ARMS; i++) {
            double x = lx_rng_beta(&rng, a[i], b[i]);
            sum[i] += x;
            squares[i] += x * x;
            if (scale[i] * x > most) {
                most = scale[i] * x;
                best = i;
            }
        }
        wins[best] += 1.0 / DRAWS;
    }
    for (size_t i = 0; i < ARMS; i++) {
        double mean = sum[i] / DRAWS, deviation = beta_deviation(a[i], b[i]);
        assert_near(mean, beta_mean(a[i], b[i]), 4 * deviation / sqrt(DRAWS), "mean");
        assert_near(sqrt(squares[i] / DRAWS - mean * mean), deviation, 0.02 * deviation, "spread");
        assert_near(chances[i], wins[i], 0.01, "chance of being the best");
        total += chances[i];
    }
    assert_near(total, 1, 1e-12, "sum");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_it_is_what_scipy_computed),
        cmocka_unit_test(test_it_is_what_scipy_computes_here),
        cmocka_unit_test(test_whole_numbers_give_binomial_sums),
        cmocka_unit_test(test_quantile_and_distribution_undo_each_other),
        cmocka_unit_test(test_a_table_ascends_and_stands_for_its_distribution),
        cmocka_unit_test(test_draws_have_the_moments_and_the_best_is_drawn_with_its_chance),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
