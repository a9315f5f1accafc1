/*
 * Goal:   lift, its interval, and the stretches of confidence are what their definitions say.
 * Method: small tables counted by hand; for seeded random customers the interval against the same
 *         sum of squared influences written out customer by customer, and its coverage of a lift
 *         that is known; stretches of random cells: they are disjoint, leave nothing out, and have
 *         the openings that they must have.
 */
#include <math.h>
#include <string.h>

#include "base/rng.h"
#include "model/label_tally.h"
#include "tests/cmocka_all.h"

static bool is_near(double a, double b)
{
    return fabs(a - b) <= 1e-9 * (1 + fabs(b));
}

static void test_a_lift_is_the_ratio_of_two_rates(void **state)
{
    struct label_tally tally = {0};
    for (int i = 0; i < 10; i++) label_tally_add(&tally, i < 2, 1, i < 2, 1); /* 2 of 10 with */
    for (int i = 0; i < 90; i++) label_tally_add(&tally, 0, 0, i < 3, 1);     /* 3 of 90 without */
    struct label_lift lift = label_tally_lift(&tally);
    assert_int_equal(tally.customers, 100);
    assert_true(is_near(lift.lift, (2.0 / 10) / (5.0 / 100)));
    assert_true(lift.low > 0 && lift.low < lift.lift && lift.high > lift.lift);
}

static void test_what_cannot_be_divided_has_no_lift(void **state)
{
    struct label_tally nobody_has = {0}, nobody_opens = {0}, all_have = {0}, none_of_them = {0};
    for (int i = 0; i < 50; i++) {
        label_tally_add(&nobody_has, 0, 0, i < 5, 1);
        label_tally_add(&nobody_opens, 0, i < 5, 0, 1);
        label_tally_add(&all_have, i < 5, 1, i < 5, 1);
        label_tally_add(&none_of_them, 0, i < 10, i >= 40, 1);
    }
    label_tally_add(&all_have, 0, 0, 0, 0); /* no case of his */
    assert_int_equal(all_have.customers, 50);
    assert_true(isnan(label_tally_lift(&nobody_has).lift));
    assert_true(isnan(label_tally_lift(&nobody_opens).lift));
    struct label_lift one = label_tally_lift(&all_have), zero = label_tally_lift(&none_of_them);
    assert_true(one.lift == 1 && is_near(one.low, 1) && is_near(one.high, 1));
    assert_true(zero.lift == 0 && zero.low == 0);
    assert_true(is_near(zero.high, -log(0.025) / 10 / (10.0 / 50)));
}

enum { PEOPLE = 4000 };

struct person {
    uint64_t a, b, c, d;
};

/* Openings twice as likely with the label; what somebody is at one month end he often is at the
 * next. */
static struct person random_person(struct lx_rng *rng)
{
    struct person person = {0};
    bool has = lx_rng_chance(rng, 0.2);
    uint64_t cases = 1 + lx_rng_below(rng, 2);
    for (uint64_t i = 0; i < cases; i++) {
        if (lx_rng_chance(rng, 0.1)) has = lx_rng_chance(rng, 0.2);
        bool opens = lx_rng_chance(rng, has ? 0.06 : 0.03);
        person.a += has && opens;
        person.b += has;
        person.c += opens;
        person.d++;
    }
    return person;
}

static void test_the_interval_counts_each_customer_once(void **state)
{
    static struct person people[PEOPLE];
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct lx_rng rng = lx_rng_of(5, seed);
        struct label_tally tally = {0}, parts[3] = {{0}};
        double a = 0, b = 0, c = 0, d = 0, variance = 0;
        for (size_t i = 0; i < PEOPLE; i++) {
            struct person *p = &people[i];
            *p = random_person(&rng);
            label_tally_add(&parts[i % 3], p->a, p->b, p->c, p->d);
            a += (double)p->a;
            b += (double)p->b;
            c += (double)p->c;
            d += (double)p->d;
        }
        for (size_t i = 0; i < PEOPLE; i++) {
            double influence = (double)people[i].a / a - (double)people[i].b / b -
                               (double)people[i].c / c + (double)people[i].d / d;
            variance += influence * influence;
        }
        for (int i = 2; i >= 0; i--) label_tally_merge(&tally, &parts[i]);
        struct label_lift lift = label_tally_lift(&tally);
        double low = lift.lift * exp(-1.959963984540054 * sqrt(variance));
        if (!is_near(lift.low, low) || !is_near(lift.low * lift.high, lift.lift * lift.lift))
            fail_msg("seed %lu: %.12g, expected %.12g", (unsigned long)seed, lift.low, low);
    }
}

/* True lift: 0.06 over 0.2 * 0.06 + 0.8 * 0.03. Of 400 intervals all but some 20 hold it. */
static void test_intervals_hold_the_true_lift(void **state)
{
    int held = 0;
    for (uint64_t seed = 0; seed < 400; seed++) {
        struct lx_rng rng = lx_rng_of(6, seed);
        struct label_tally tally = {0};
        for (size_t i = 0; i < PEOPLE; i++) {
            struct person p = random_person(&rng);
            label_tally_add(&tally, p.a, p.b, p.c, p.d);
        }
        struct label_lift lift = label_tally_lift(&tally);
        held += lift.low <= 0.06 / 0.036 && 0.06 / 0.036 <= lift.high;
    }
    if (held < 365 || held > 396) fail_msg("%d of 400", held);
}

static void test_a_share_has_wilsons_interval(void **state)
{
    static const struct {
        uint64_t positives, count;
        double low, high;
    } rows[] = {
        {0, 10, 0, 0.2775328},  {1, 10, 0.0178762, 0.4041500},    {5, 10, 0.2365931, 0.7634069},
        {10, 10, 0.7224672, 1}, {50, 1000, 0.0381303, 0.0653139},
    };
    for (size_t i = 0; i < LX_COUNT_OF(rows); i++) {
        double low, high;
        label_wilson(rows[i].positives, rows[i].count, &low, &high);
        if (fabs(low - rows[i].low) > 2e-6 || fabs(high - rows[i].high) > 2e-6)
            fail_msg("row %zu: %.7f %.7f", i, low, high);
    }
}

static void test_stretches_leave_nothing_out(void **state)
{
    for (uint64_t seed = 0; seed < 300; seed++) {
        struct lx_rng rng = lx_rng_of(8, seed);
        struct label_cells cells = {{0}, {0}};
        struct label_bin bins[LABEL_BINS_MAX];
        uint64_t rows = 0, openings = 0, count = lx_rng_below(&rng, 20000), of_rows = 0,
                 of_open = 0;
        double chance = lx_rng_uniform(&rng) * 0.2;
        for (uint64_t i = 0; i < count; i++) {
            bool is_opened = lx_rng_chance(&rng, chance);
            label_cells_add(&cells, lx_rng_uniform(&rng) * 40 - 25, is_opened);
            rows++;
            openings += is_opened;
        }
        size_t made = label_cells_bins(&cells, bins);
        assert_int_equal(made == 0, rows == 0);
        for (size_t i = 0; i < made; i++) {
            of_rows += bins[i].rows;
            of_open += bins[i].openings;
            assert_true(i == 0 || bins[i].from < bins[i - 1].from);
            assert_true(bins[i].low <= bins[i].rate && bins[i].rate <= bins[i].high);
            if (made > 1 && bins[i].openings < LABEL_BIN_OPENINGS_MIN)
                fail_msg("seed %lu: stretch %zu has %lu openings", (unsigned long)seed, i,
                         (unsigned long)bins[i].openings);
        }
        assert_int_equal(of_rows, rows);
        assert_int_equal(of_open, openings);
        if (made > 0) assert_true(isinf(bins[made - 1].from));
    }
}

static void test_a_pair_is_found_in_its_own_stretch(void **state)
{
    struct label_cells cells = {{0}, {0}};
    struct label_bin bins[LABEL_BINS_MAX];
    for (int i = 0; i < 1000; i++) {
        label_cells_add(&cells, -2.01, i < 500); /* half of them */
        label_cells_add(&cells, -6.01, i < 30);  /* 3 % */
        label_cells_add(&cells, -1e9, i < 1);    /* below the cells, and too few to stand alone */
        label_cells_add(&cells, (double)NAN, false);
    }
    size_t made = label_cells_bins(&cells, bins);
    assert_int_equal(made, 1); /* a tenth of 531 is 54, which the second stretch does not reach */
    memset(&cells, 0, sizeof cells);
    for (int i = 0; i < 1000; i++) {
        label_cells_add(&cells, -2.01, i < 50);
        label_cells_add(&cells, -6.01, i < 30);
    }
    made = label_cells_bins(&cells, bins);
    assert_int_equal(made, 2);
    assert_true(bins[0].rate == 0.05 && bins[1].rate == 0.03);
    assert_true(bins[0].from <= -2.01 && bins[0].from > -2.1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_lift_is_the_ratio_of_two_rates),
        cmocka_unit_test(test_what_cannot_be_divided_has_no_lift),
        cmocka_unit_test(test_the_interval_counts_each_customer_once),
        cmocka_unit_test(test_intervals_hold_the_true_lift),
        cmocka_unit_test(test_a_share_has_wilsons_interval),
        cmocka_unit_test(test_stretches_leave_nothing_out),
        cmocka_unit_test(test_a_pair_is_found_in_its_own_stretch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
