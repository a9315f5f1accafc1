/*
 * Goal:   Fisher's, the sign and the stratified test and the control of false discoveries say what
 *         trusted implementations say, at any size of table, also where p is no double any more.
 * Method: scipy's figures (tests/reference/relations.txt, and live where python3-scipy is); every
 *         table of up to 14 cases against a plain sum over factorials; properties: the two
 *         directions, swapped rows and columns, shuffled nothing.
 */
#include "cmocka_all.h"

#include <math.h>
#include <string.h>

#include "base/rng.h"
#include "learn/significance.h"
#include "reference.h"

enum { STRATA_MAX = 16, TESTS_MAX = 64 };

static void check_close(const char *what, double got, double want, double tolerance)
{
    if (!(fabs(got - want) <= tolerance * (1 + fabs(want))))
        fail_msg("%s: %.15g, want %.15g", what, got, want);
}

static struct table2 read_table(FILE *file)
{
    struct table2 table = {.both = read_count(file)};
    table.first = read_count(file);
    table.second = read_count(file);
    table.neither = read_count(file);
    return table;
}

static void check_strata(FILE *file)
{
    struct table2 tables[STRATA_MAX];
    size_t count = read_count(file);
    for (size_t i = 0; i < count; i++) tables[i] = read_table(file);
    struct mantel_haenszel got = significance_strata(tables, count);
    check_close("log odds", got.log_odds, read_real(file), 1e-10);
    check_close("variance", got.variance, read_real(file), 1e-10);
    check_close("p of the strata", got.log_p, read_real(file), 1e-8);
}

static void check_adjust(FILE *file)
{
    double log_p[TESTS_MAX], log_q[TESTS_MAX];
    size_t count = read_count(file);
    for (size_t i = 0; i < count; i++) log_p[i] = read_real(file);
    assert_int_equal(significance_adjust(log_p, count, log_q), LX_OK);
    for (size_t i = 0; i < count; i++) check_close("q", log_q[i], read_real(file), 1e-9);
}

static void check_reference(FILE *file)
{
    char word[64];
    size_t checked = 0;
    for (; read_word(file, word); checked++) {
        if (strcmp(word, "fisher") == 0) {
            struct table2 table = read_table(file);
            check_close("two-sided", significance_fisher(&table), read_real(file), 1e-8);
            check_close("greater", significance_fisher_greater(&table), read_real(file), 1e-8);
            check_close("less", significance_fisher_less(&table), read_real(file), 1e-8);
        } else if (strcmp(word, "sign") == 0) {
            size_t wins = read_count(file), losses = read_count(file);
            check_close("sign", significance_sign(wins, losses), read_real(file), 1e-8);
        } else if (strcmp(word, "chi") == 0) {
            double value = read_real(file);
            check_close("chi-square", significance_chi_square(value), read_real(file), 1e-7);
        } else if (strcmp(word, "strata") == 0) {
            check_strata(file);
        } else {
            assert_string_equal(word, "adjust");
            check_adjust(file);
        }
    }
    assert_true(checked > 60);
}

static void test_figures_are_those_that_scipy_gave(void **state)
{
    (void)state;
    FILE *file = open_kept("relations");
    check_reference(file);
    fclose(file);
}

static void test_figures_are_those_of_the_scipy_installed_here(void **state)
{
    (void)state;
    FILE *file = open_live("relations", "numpy, scipy");
    if (file == NULL) {
        print_message("skipped: python3-scipy is not installed\n");
        skip();
    }
    check_reference(file);
    close_live(file);
}

static double plain_factorial(uint64_t n)
{
    return n < 2 ? 1 : (double)n * plain_factorial(n - 1);
}

static double plain_probability(const struct table2 *t)
{
    uint64_t cells[] = {t->both, t->first, t->second, t->neither};
    uint64_t margins[] = {t->both + t->first, t->second + t->neither, t->both + t->second,
                          t->first + t->neither};
    double product = 1 / plain_factorial(margins[0] + margins[1]);
    for (size_t i = 0; i < 4; i++)
        product *= plain_factorial(margins[i]) / plain_factorial(cells[i]);
    return product;
}

/* Sums over every table with the same margins. */
static void plain_fisher(const struct table2 *t, double *ret_two, double *ret_greater,
                         double *ret_less)
{
    double own = plain_probability(t);
    uint64_t a = t->both + t->first, b = t->both + t->second, n = a + t->second + t->neither;
    *ret_two = *ret_greater = *ret_less = 0;
    for (uint64_t both = a + b > n ? a + b - n : 0; both <= a && both <= b; both++) {
        const struct table2 other = {both, a - both, b - both, n + both - a - b};
        double p = plain_probability(&other);
        if (p <= own * (1 + 1e-7)) *ret_two += p;
        if (both >= t->both) *ret_greater += p;
        if (both <= t->both) *ret_less += p;
    }
}

static void test_every_small_table_is_summed_exactly(void **state)
{
    (void)state;
    enum { TOTAL = 14 };
    for (uint64_t i = 0; i < 15 * 15 * 15 * 15; i++) {
        const struct table2 table = {i % 15, i / 15 % 15, i / 225 % 15, i / 3375};
        uint64_t total = table.both + table.first + table.second + table.neither;
        double two, greater, less;
        if (total == 0 || total > TOTAL) continue;
        plain_fisher(&table, &two, &greater, &less);
        check_close("two-sided", exp(significance_fisher(&table)), two, 1e-10);
        check_close("greater", exp(significance_fisher_greater(&table)), greater, 1e-10);
        check_close("less", exp(significance_fisher_less(&table)), less, 1e-10);
    }
}

static void test_swapping_rows_or_columns_turns_greater_into_less(void **state)
{
    (void)state;
    struct lx_rng rng = lx_rng_of(3, 3);
    for (int i = 0; i < 500; i++) {
        uint64_t top = 1 + lx_rng_below(&rng, i < 250 ? 40 : 300000);
        struct table2 t = {lx_rng_below(&rng, top), lx_rng_below(&rng, top),
                           lx_rng_below(&rng, top), 1 + lx_rng_below(&rng, top)};
        const struct table2 swapped = {t.first, t.both, t.neither, t.second};
        const struct table2 turned = {t.both, t.second, t.first, t.neither};
        check_close("swapped", significance_fisher_greater(&t), significance_fisher_less(&swapped),
                    1e-7);
        check_close("turned", significance_fisher(&t), significance_fisher(&turned), 1e-7);
        double less = significance_fisher_less(&t), greater = significance_fisher_greater(&t);
        if (exp(less) + exp(greater) < 1 - 1e-7) fail_msg("table %d: tails miss the middle", i);
        if (significance_fisher(&t) < fmin(less, greater) - 1e-9)
            fail_msg("table %d: two sides are fewer than one", i);
    }
}

static void test_a_million_customers_give_a_finite_logarithm(void **state)
{
    (void)state;
    const struct table2 all = {30000, 0, 0, 1070000}, none = {0, 500000, 500000, 100000};
    assert_true(isfinite(significance_fisher(&all)) && significance_fisher(&all) < -100000);
    assert_true(isfinite(significance_fisher(&none)) && significance_fisher(&none) < -100000);
    assert_true(significance_fisher_less(&all) == 0 && significance_fisher_greater(&none) == 0);
    assert_true(significance_sign(1000000, 0) < -600000);
    const struct table2 even = {1000, 9000, 99000, 891000};
    assert_true(significance_fisher(&even) > -0.1);
}

static void test_what_differs_between_strata_alone_is_no_relation(void **state)
{
    (void)state;
    /* Within each stratum independent; put together, odds of 6. */
    const struct table2 tables[] = {{1, 99, 99, 9801}, {640, 160, 160, 40}};
    struct mantel_haenszel got = significance_strata(tables, 2);
    assert_true(fabs(got.log_odds) < 1e-12);
    assert_true(fabs(got.expected - got.observed) < 1e-9 && got.log_p > -1e-9);
}

static void test_a_stratum_that_says_nothing_changes_nothing(void **state)
{
    (void)state;
    const struct table2 tables[] = {{3, 5, 8, 90}, {0, 0, 0, 400}, {0, 7, 0, 3}, {0, 0, 0, 0}};
    struct mantel_haenszel one = significance_strata(tables, 1);
    struct mantel_haenszel all = significance_strata(tables, 4);
    assert_true(one.log_odds == all.log_odds && one.variance == all.variance);
    struct mantel_haenszel nothing = significance_strata(tables + 1, 3);
    assert_true(nothing.log_odds == 0 && isinf(nothing.variance) && nothing.log_p == 0);
}

static void test_no_case_in_common_gives_finite_odds_below_one(void **state)
{
    (void)state;
    const struct table2 tables[] = {{0, 40, 60, 900}, {0, 3, 2, 50}};
    struct mantel_haenszel got = significance_strata(tables, 2);
    assert_true(isfinite(got.log_odds) && got.log_odds < -1 && got.variance > 1);
    const struct table2 always[] = {{40, 0, 0, 900}};
    got = significance_strata(always, 1);
    assert_true(isfinite(got.log_odds) && got.log_odds > 5 && isfinite(got.variance));
}

static void test_nothing_is_found_where_there_is_nothing(void **state)
{
    (void)state;
    enum { ROUNDS = 400, TESTS = 40 };
    struct lx_rng rng = lx_rng_of(11, 0);
    int found = 0;
    for (int round = 0; round < ROUNDS; round++) {
        double log_p[TESTS], log_q[TESTS];
        bool is_any = false;
        for (int i = 0; i < TESTS; i++) {
            struct table2 table = {0};
            for (int j = 0; j < 200; j++) {
                bool a = lx_rng_chance(&rng, 0.3), b = lx_rng_chance(&rng, 0.2);
                (*(a ? b ? &table.both : &table.first : b ? &table.second : &table.neither))++;
            }
            log_p[i] = significance_fisher(&table);
        }
        assert_int_equal(significance_adjust(log_p, TESTS, log_q), LX_OK);
        for (int i = 0; i < TESTS; i++) is_any |= log_q[i] < log(0.05);
        found += is_any;
    }
    /* At most one round in twenty, and three standard errors. */
    if (found > 33) fail_msg("%d of %d rounds found something", found, ROUNDS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_figures_are_those_that_scipy_gave),
        cmocka_unit_test(test_figures_are_those_of_the_scipy_installed_here),
        cmocka_unit_test(test_every_small_table_is_summed_exactly),
        cmocka_unit_test(test_swapping_rows_or_columns_turns_greater_into_less),
        cmocka_unit_test(test_a_million_customers_give_a_finite_logarithm),
        cmocka_unit_test(test_what_differs_between_strata_alone_is_no_relation),
        cmocka_unit_test(test_a_stratum_that_says_nothing_changes_nothing),
        cmocka_unit_test(test_no_case_in_common_gives_finite_odds_below_one),
        cmocka_unit_test(test_nothing_is_found_where_there_is_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
