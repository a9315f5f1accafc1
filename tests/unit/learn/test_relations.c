/*
 * Goal:   counts are those of a plain recount, figures follow from them as the header says, what is
 *         planted (complement, substitute, mere activity) is told apart, thin evidence says little.
 * Method: seeded matrices against a model that walks all rows for every pair and stratum; planted
 *         banks of 40,000; degenerate columns; each allocation made to fail.
 */
#include "cmocka_all.h"

#include <math.h>
#include <string.h>

#include "base/rng.h"
#include "learn/relations.h"
#include "learn/significance.h"

enum { COLUMNS = 8, STRATA = 3 };

/* Rows in which everything has its own rate, with a taste that all columns share. */
static struct incidence make_rows(size_t count, double shared, uint64_t seed)
{
    struct incidence rows = {0};
    struct lx_rng rng = lx_rng_of(seed, count);
    assert_int_equal(incidence_init(&rows, COLUMNS), LX_OK);
    for (size_t i = 0; i < count; i++) {
        uint8_t flags[COLUMNS];
        double taste = shared * lx_rng_normal(&rng);
        for (size_t j = 0; j < COLUMNS; j++)
            flags[j] = lx_rng_chance(&rng, 1 / (1 + exp(3 - 0.6 * (double)j - taste)));
        assert_int_equal(incidence_add_flags(&rows, flags), LX_OK);
    }
    return rows;
}

static size_t stratum_of(size_t row)
{
    return row * 7 % STRATA;
}

static struct relations_counts count_rows(const struct incidence *rows, size_t from, size_t to)
{
    struct relations_counts counts = {0};
    assert_int_equal(relations_counts_init(&counts, rows->column_count, STRATA), LX_OK);
    for (size_t i = from; i < to; i++) {
        const uint16_t *columns;
        size_t count = incidence_row(rows, i, &columns);
        relations_counts_add(&counts, columns, count, stratum_of(i));
    }
    return counts;
}

static bool has(const struct incidence *rows, size_t row, size_t column)
{
    const uint16_t *columns;
    size_t count = incidence_row(rows, row, &columns);
    for (size_t i = 0; i < count; i++)
        if (columns[i] == column) return true;
    return false;
}

/* The table of a pair in one stratum among rows with so many others, the last: and more. */
static struct table2 plain_table(const struct incidence *rows, size_t a, size_t b, size_t stratum,
                                 size_t others)
{
    struct table2 table = {0};
    for (size_t i = 0; i < rows->row_count; i++) {
        bool has_a = has(rows, i, a), has_b = has(rows, i, b);
        size_t beside = rows->starts[i + 1] - rows->starts[i] - has_a - has_b;
        if (beside > RELATIONS_LEVELS - 3) beside = RELATIONS_LEVELS - 3;
        if (stratum_of(i) != stratum || beside != others) continue;
        (*(has_a ? has_b ? &table.both : &table.first : has_b ? &table.second : &table.neither))++;
    }
    return table;
}

static void check_pair(const struct incidence *rows, const struct relations *got, size_t a,
                       size_t b)
{
    const struct relation *pair = relations_at(got, a, b);
    struct table2 tables[STRATA * RELATIONS_LEVELS], all = {0};
    size_t count = 0;
    for (size_t s = 0; s < STRATA; s++)
        for (size_t others = 0; others <= RELATIONS_LEVELS - 3; others++) {
            struct table2 table = plain_table(rows, a, b, s, others);
            all.both += table.both;
            all.first += table.first;
            all.second += table.second;
            tables[count++] = table;
        }
    all.neither = rows->row_count - all.both - all.first - all.second;
    struct mantel_haenszel odds = significance_strata(tables, count);
    if (pair->both != all.both || pair->holders_a != all.both + all.first ||
        pair->holders_b != all.both + all.second || pair->total != rows->row_count)
        fail_msg("pair %zu %zu is counted wrong", a, b);
    if (fabs(pair->odds - odds.log_odds) > 1e-9 ||
        fabs(pair->odds_variance - odds.variance) > 1e-9 ||
        fabs(pair->log_p - significance_fisher(&all)) > 1e-7)
        fail_msg("pair %zu %zu: odds %g var %g p %g, want %g %g", a, b, pair->odds,
                 pair->odds_variance, pair->log_p, odds.log_odds, odds.variance);
}

static void test_counts_and_strata_are_those_of_a_plain_recount(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 6; seed++) {
        struct incidence rows = make_rows(300 + 100 * seed, (double)seed, seed);
        struct relations_counts counts = count_rows(&rows, 0, rows.row_count);
        struct relations relations = {0};
        assert_int_equal(relations_make(&counts, &relations), LX_OK);
        for (size_t a = 0; a < COLUMNS; a++)
            for (size_t b = 0; b < COLUMNS; b++)
                if (a != b) check_pair(&rows, &relations, a, b);
        relations_release(&relations);
        relations_counts_release(&counts);
        incidence_release(&rows);
    }
}

/* Rows of up to 16 things of 20, so that the last level is many levels put together. */
static void test_rows_with_very_many_things_stand_together_in_the_last_level(void **state)
{
    (void)state;
    enum { WIDE = 20, ROWS = 900 };
    struct incidence rows = {0};
    struct lx_rng rng = lx_rng_of(4, 4);
    assert_int_equal(incidence_init(&rows, WIDE), LX_OK);
    for (size_t i = 0; i < ROWS; i++) {
        uint8_t flags[WIDE];
        double rate = lx_rng_uniform(&rng);
        for (size_t j = 0; j < WIDE; j++) flags[j] = lx_rng_chance(&rng, rate);
        assert_int_equal(incidence_add_flags(&rows, flags), LX_OK);
    }
    struct relations_counts counts = count_rows(&rows, 0, ROWS);
    struct relations relations = {0};
    assert_int_equal(relations_make(&counts, &relations), LX_OK);
    for (size_t a = 0; a < 4; a++)
        for (size_t b = 15; b < WIDE; b++) check_pair(&rows, &relations, a, b);
    relations_release(&relations);
    relations_counts_release(&counts);
    incidence_release(&rows);
}

static void test_counts_of_parts_add_up(void **state)
{
    (void)state;
    struct incidence rows = make_rows(1000, 1, 9);
    struct relations_counts whole = count_rows(&rows, 0, 1000);
    struct relations_counts left = count_rows(&rows, 0, 333);
    struct relations_counts right = count_rows(&rows, 333, 1000);
    struct relations one = {0}, two = {0};
    relations_counts_merge(&right, &left);
    assert_int_equal(relations_make(&whole, &one), LX_OK);
    assert_int_equal(relations_make(&right, &two), LX_OK);
    assert_memory_equal(one.pairs, two.pairs, COLUMNS * COLUMNS * sizeof *one.pairs);
    relations_release(&one);
    relations_release(&two);
    relations_counts_release(&whole);
    relations_counts_release(&left);
    relations_counts_release(&right);
    incidence_release(&rows);
}

enum { PLANTED = 12 };

/* Columns 0-7 go with how active somebody is and nothing else; 8 and 9 go together, 10 and 11
 * keep each other away; one customer in a hundred has column 7. */
static struct incidence make_planted(size_t count, uint64_t seed)
{
    struct incidence rows = {0};
    struct lx_rng rng = lx_rng_of(seed, 0);
    assert_int_equal(incidence_init(&rows, PLANTED), LX_OK);
    for (size_t i = 0; i < count; i++) {
        uint8_t flags[PLANTED] = {0};
        double active = lx_rng_chance(&rng, 0.3) ? 0.5 : 0.06;
        for (size_t j = 0; j < 8; j++) flags[j] = lx_rng_chance(&rng, active);
        flags[7] = lx_rng_chance(&rng, 0.01);
        flags[8] = lx_rng_chance(&rng, active / 2);
        flags[9] = lx_rng_chance(&rng, flags[8] ? 0.6 : active / 4);
        flags[10] = lx_rng_chance(&rng, active);
        flags[11] = lx_rng_chance(&rng, flags[10] ? active / 2 : active);
        assert_int_equal(incidence_add_flags(&rows, flags), LX_OK);
    }
    return rows;
}

static void test_complement_substitute_and_mere_activity_are_told_apart(void **state)
{
    (void)state;
    struct incidence rows = make_planted(40000, 1);
    struct relations relations = {0};
    assert_int_equal(relations_of(&rows, &relations), LX_OK);
    const struct relation *complement = relations_at(&relations, 8, 9);
    const struct relation *substitute = relations_at(&relations, 10, 11);
    assert_true(complement->association > 0.6 && complement->odds_log_q < log(1e-10));
    assert_true(complement->ratio > 5 && complement->lift_low > 2);
    assert_true(substitute->association < -0.2 && substitute->odds_log_q < log(1e-10));
    /* Active customers have everything: a lift there is, and almost nothing is left of it. */
    for (size_t a = 0; a < 7; a++)
        for (size_t b = a + 1; b < 7; b++) {
            const struct relation *pair = relations_at(&relations, a, b);
            assert_true(pair->lift > 1.5 && pair->log_q < log(1e-10));
            if (fabs(pair->association) > 0.3)
                fail_msg("%zu %zu: lift %g association %g", a, b, pair->lift, pair->association);
        }
    /* So have the substitutes: held together more often than by chance, if one does not compare. */
    assert_true(substitute->lift > 1.1);
    relations_release(&relations);
    incidence_release(&rows);
}

static void test_the_same_shares_of_fewer_rows_weigh_less(void **state)
{
    (void)state;
    static const size_t sizes[] = {200, 2000, 40000};
    double before_association = 0, before_width = INFINITY, before_yes = 0;
    for (size_t i = 0; i < 3; i++) {
        struct incidence rows = make_planted(sizes[i], 5);
        struct relations relations = {0};
        assert_int_equal(relations_of(&rows, &relations), LX_OK);
        const struct relation *pair = relations_at(&relations, 8, 9);
        double width = log(pair->lift_high / pair->lift_low);
        if (!(pair->association > before_association && width < before_width))
            fail_msg("%zu rows: %g after %g", sizes[i], pair->association, before_association);
        assert_true(pair->yes > 0 && pair->no < 0);
        assert_true(i == 0 || pair->yes > before_yes - 0.2);
        before_association = pair->association;
        before_width = width;
        before_yes = pair->yes;
        relations_release(&relations);
        incidence_release(&rows);
    }
}

static void test_intervals_hold_what_is_true_nineteen_times_of_twenty(void **state)
{
    (void)state;
    enum { ROUNDS = 1000, ROWS = 500 };
    struct lx_rng rng = lx_rng_of(21, 0);
    int lift_misses = 0, ratio_misses = 0;
    for (int round = 0; round < ROUNDS; round++) {
        struct incidence rows = {0};
        struct relations relations = {0};
        assert_int_equal(incidence_init(&rows, 2), LX_OK);
        for (int i = 0; i < ROWS; i++) {
            uint8_t flags[2] = {lx_rng_chance(&rng, 0.3)};
            flags[1] = lx_rng_chance(&rng, flags[0] ? 0.5 : 0.2);
            assert_int_equal(incidence_add_flags(&rows, flags), LX_OK);
        }
        assert_int_equal(relations_of(&rows, &relations), LX_OK);
        const struct relation *pair = relations_at(&relations, 0, 1);
        lift_misses += pair->lift_low > 0.5 / 0.29 || pair->lift_high < 0.5 / 0.29;
        ratio_misses += pair->ratio_low > 2.5 || pair->ratio_high < 2.5;
        relations_release(&relations);
        incidence_release(&rows);
    }
    if (lift_misses < 25 || lift_misses > 80 || ratio_misses < 25 || ratio_misses > 80)
        fail_msg("of %d intervals %d and %d miss", ROUNDS, lift_misses, ratio_misses);
}

static void test_nobody_and_everybody_are_no_trouble(void **state)
{
    (void)state;
    struct incidence rows = {0};
    struct relations relations = {0};
    assert_int_equal(incidence_init(&rows, 4), LX_OK);
    assert_int_equal(relations_of(&rows, &relations), LX_OK); /* no row at all */
    assert_true(relations_at(&relations, 0, 1)->association == 0);
    relations_release(&relations);
    for (int i = 0; i < 100; i++) {
        /* 0: nobody, 1: everybody, 2: one customer, 3: every third. */
        const uint8_t flags[] = {0, 1, i == 5, i % 3 == 0};
        assert_int_equal(incidence_add_flags(&rows, flags), LX_OK);
    }
    assert_int_equal(relations_of(&rows, &relations), LX_OK);
    for (size_t a = 0; a < 4; a++)
        for (size_t b = 0; b < 4; b++) {
            const struct relation *pair = relations_at(&relations, a, b);
            if (a == b) continue;
            assert_true(isfinite(pair->yes) && isfinite(pair->no));
            assert_true(fabs(pair->association) <= 1 && fabs(pair->similarity) <= 1);
            if (a < 2 || b < 2)
                assert_true(pair->association == 0 && pair->similarity == 0 && pair->log_p == 0);
            assert_true(fabs(pair->association - relations_at(&relations, b, a)->association) == 0);
        }
    assert_true(isnan(relations_at(&relations, 0, 1)->lift));
    assert_true(relations_at(&relations, 1, 3)->lift == 1);
    relations_release(&relations);
    incidence_release(&rows);
}

static void test_limits_and_failed_allocations_are_reported(void **state)
{
    (void)state;
    struct relations_counts counts = {0};
    assert_int_equal(relations_counts_init(&counts, RELATIONS_COLUMNS_MAX + 1, 1), LX_ERR_LIMIT);
    assert_int_equal(relations_counts_init(&counts, 4, RELATIONS_STRATA_MAX + 1), LX_ERR_LIMIT);
    assert_int_equal(relations_counts_init(&counts, RELATIONS_COLUMNS_MAX, RELATIONS_STRATA_MAX),
                     LX_ERR_LIMIT);
    struct incidence rows = make_rows(50, 1, 2);
    struct relations relations = {0};
    for (uint64_t n = 1;; n++) {
        lx_alloc_fail_at(n);
        enum lx_err code = relations_of(&rows, &relations);
        lx_alloc_fail_at(0);
        if (code == LX_OK) {
            assert_true(n > 3);
            break;
        }
        assert_int_equal(code, LX_ERR_NO_MEMORY);
    }
    relations_release(&relations);
    incidence_release(&rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counts_and_strata_are_those_of_a_plain_recount),
        cmocka_unit_test(test_rows_with_very_many_things_stand_together_in_the_last_level),
        cmocka_unit_test(test_counts_of_parts_add_up),
        cmocka_unit_test(test_complement_substitute_and_mere_activity_are_told_apart),
        cmocka_unit_test(test_the_same_shares_of_fewer_rows_weigh_less),
        cmocka_unit_test(test_intervals_hold_what_is_true_nineteen_times_of_twenty),
        cmocka_unit_test(test_nobody_and_everybody_are_no_trouble),
        cmocka_unit_test(test_limits_and_failed_allocations_are_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
