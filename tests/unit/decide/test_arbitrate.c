/*
 * Goal:   places go by priority, except the last one in the share of the decisions that the bank
 *         chose; the chance that is recorded for a candidate is the chance with which it is shown,
 *         and only a candidate of the list is ever shown.
 * Method: lists by hand; then the same list over many seeds, counted beside what was recorded; the
 *         limits are four standard errors.
 */
#include "cmocka_all.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/rng.h"
#include "decide/arbitrate.h"

enum { COUNT = 8, SEEDS = 20000 };

static char codes[COUNT][8];
static struct record_candidate candidates[COUNT];
static struct beta_table tables[COUNT];
static const struct beta_table *table_list[COUNT];
static bool news[COUNT];

/* Priorities fall with the number; what is answered is in no order. */
static struct arbitrate_plan fresh(int places, double share, double new_share, uint64_t seed)
{
    static const double a[COUNT] = {5, 3, 2, 1, 2, 4, 0.5, 8},
                        b[COUNT] = {95, 60, 30, 9, 38, 50, 9.5, 92};
    memset(candidates, 0, sizeof candidates);
    for (int i = 0; i < COUNT; i++) {
        snprintf(codes[i], sizeof codes[i], "P%02d", i);
        candidates[i] = (struct record_candidate){
            .product = i,
            .code = codes[i],
            .factors = {0.5 - 0.05 * i, 1, i % 2 == 0 ? 1 : 0.5, 1, 0.5 - 0.05 * i}};
        if (table_list[i] == NULL) beta_table_fill(a[i], b[i], &tables[i]);
        table_list[i] = &tables[i];
    }
    return (struct arbitrate_plan){
        .places = places, .explore = {share, new_share, 0.01, seed, true, table_list, news}};
}

static size_t shown_at(int rank)
{
    for (size_t i = 0; i < COUNT; i++)
        if (candidates[i].rank == rank) return i;
    return COUNT;
}

static void test_without_a_share_places_go_by_priority(void **state)
{
    (void)state;
    struct arbitrate_plan plan = fresh(5, 0, 0, 1);
    assert_true(arbitrate(&plan, candidates, COUNT) == 0);
    for (int i = 0; i < COUNT; i++) {
        assert_int_equal(candidates[i].rank, i < 5 ? i + 1 : 0);
        assert_true(candidates[i].show_probability == (i < 5 ? 1 : 0));
    }
}

static void test_equal_priorities_go_by_code(void **state)
{
    (void)state;
    struct arbitrate_plan plan = fresh(3, 0, 0, 1);
    for (int i = 0; i < COUNT; i++) candidates[i].factors.priority = 0.25;
    candidates[6].code = "A";
    arbitrate(&plan, candidates, COUNT);
    assert_int_equal(candidates[6].rank, 1);
    assert_int_equal(candidates[0].rank, 2);
    assert_int_equal(candidates[1].rank, 3);
}

static void test_an_only_place_and_a_full_list_are_never_left_to_chance(void **state)
{
    (void)state;
    static const struct {
        int places;
        size_t count;
    } rows[] = {{1, COUNT}, {COUNT, COUNT}, {COUNT + 2, COUNT}, {5, 5}, {5, 3}, {5, 0}};
    for (size_t i = 0; i < LX_COUNT_OF(rows); i++)
        for (uint64_t seed = 0; seed < 100; seed++) {
            struct arbitrate_plan plan = fresh(rows[i].places, 0.5, 0.5, seed);
            assert_true(arbitrate(&plan, candidates, rows[i].count) == 0);
            for (size_t j = 0; j < rows[i].count && (int)j < rows[i].places; j++)
                assert_int_equal(candidates[j].rank, (int)j + 1);
        }
}

static void check_shares(int places, double share, double new_share, double want_chance)
{
    double shown[COUNT] = {0}, told[COUNT], sum = 0, explored = 0;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct arbitrate_plan plan = fresh(places, share, new_share, seed * 977);
        double chance = arbitrate(&plan, candidates, COUNT);
        if (fabs(chance - want_chance) > 1e-12) fail_msg("chance %g, want %g", chance, want_chance);
        for (int rank = 1; rank < places; rank++) assert_int_equal(shown_at(rank), rank - 1);
        size_t last = shown_at(places);
        assert_true(last >= (size_t)places - 1 && last < COUNT);
        explored += candidates[last].place == RECORD_PLACE_EXPLORED;
        for (size_t i = 0; i < COUNT; i++) {
            shown[i] += candidates[i].rank > 0;
            if (seed > 0 && told[i] != candidates[i].show_probability)
                fail_msg("seed %d: the chance of %zu depends on the seed", (int)seed, i);
            told[i] = candidates[i].show_probability;
        }
    }
    for (size_t i = 0; i < COUNT; i++) {
        double got = shown[i] / SEEDS, error = sqrt(told[i] * (1 - told[i]) / SEEDS);
        if (fabs(got - told[i]) > 4 * error + 1e-12)
            fail_msg("product %zu was shown in %.4f, recorded %.4f", i, got, told[i]);
        if (told[i] > 0 && told[i] < want_chance * 0.01 - 1e-12)
            fail_msg("product %zu is below the floor: %g", i, told[i]);
        sum += told[i];
    }
    assert_true(fabs(sum - places) < 1e-9);
    assert_true(fabs(explored / SEEDS - want_chance) <
                4 * sqrt(want_chance * (1 - want_chance) / SEEDS) + 1e-9);
}

static void test_what_is_recorded_is_the_chance_with_which_it_is_shown(void **state)
{
    (void)state;
    check_shares(5, 0.02, 0.1, 0.1);
    check_shares(3, 0.5, 0, 1);
    check_shares(2, 0.2, 0, 0.4);
}

/* Product 6 would teach; the plain last product keeps the floor, and what is left to chance is left
 * to chance first. */
static void test_what_would_teach_gets_the_last_place_with_the_chance_that_is_recorded(void **state)
{
    (void)state;
    static const struct {
        double share, six, four; /* the least chances */
    } rows[] = {{0, 0.8, 0.2}, {0.1, 0.4, 0.1}};
    for (size_t row = 0; row < LX_COUNT_OF(rows); row++) {
        double shown[COUNT] = {0}, informative = 0;
        for (uint64_t seed = 0; seed < SEEDS; seed++) {
            struct arbitrate_plan plan = fresh(5, rows[row].share, 0, seed * 31);
            plan.teach = &candidates[6];
            plan.teach_floor = 0.2;
            arbitrate(&plan, candidates, COUNT);
            int places = 0;
            for (size_t i = 0; i < COUNT; i++) {
                shown[i] += candidates[i].rank > 0;
                places += candidates[i].rank > 0;
                informative += candidates[i].place == RECORD_PLACE_INFORMATIVE;
                assert_true(candidates[i].rank > 0 || candidates[i].place == RECORD_PLACE_PLAIN);
            }
            assert_int_equal(places, 5);
        }
        double sum = 0;
        for (size_t i = 0; i < COUNT; i++) {
            double told = candidates[i].show_probability, got = shown[i] / SEEDS;
            if (fabs(got - told) > 4 * sqrt(told * (1 - told) / SEEDS) + 1e-12)
                fail_msg("row %zu: product %zu was shown in %.4f, recorded %.4f", row, i, got,
                         told);
            sum += told;
        }
        assert_true(fabs(sum - 5) < 1e-9);
        assert_true(candidates[6].show_probability >= rows[row].six);
        assert_true(candidates[4].show_probability >= rows[row].four);
        assert_true(fabs(informative / SEEDS - (1 - 5 * rows[row].share) * 0.8) < 0.02);
    }
}

static void test_a_preview_does_not_teach_and_neither_does_an_only_place(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 100; seed++) {
        struct arbitrate_plan plan = fresh(5, 0, 0, seed);
        plan.teach = &candidates[6];
        plan.teach_floor = 0.2;
        plan.explore.is_drawn = false;
        arbitrate(&plan, candidates, COUNT);
        assert_int_equal(candidates[4].rank, 5);
        assert_true(candidates[6].show_probability == 0.8);
        plan = fresh(1, 0, 0, seed);
        plan.teach = &candidates[6];
        plan.teach_floor = 0.2;
        arbitrate(&plan, candidates, COUNT);
        assert_true(candidates[0].show_probability == 1 && candidates[6].show_probability == 0);
    }
}

static void test_new_products_compete_with_the_last_place_alone(void **state)
{
    (void)state;
    news[6] = true;
    check_shares(5, 0.02, 0.1, 0.5);
    for (size_t i = 0; i < COUNT; i++) {
        bool competes = i == 4 || i == 6;
        if (competes != (candidates[i].show_probability > 0 && candidates[i].show_probability < 1))
            fail_msg("product %zu: %g", i, candidates[i].show_probability);
    }
    news[6] = false;
    news[1] = true; /* it has a place by itself: nobody new is waiting */
    check_shares(5, 0.02, 0.1, 0.1);
    news[1] = false;
}

static void test_a_preview_shows_the_plain_list_with_the_same_chances(void **state)
{
    (void)state;
    double told[COUNT];
    struct arbitrate_plan plan = fresh(5, 0.2, 0.2, 1);
    arbitrate(&plan, candidates, COUNT);
    for (size_t i = 0; i < COUNT; i++) told[i] = candidates[i].show_probability;
    for (uint64_t seed = 0; seed < 50; seed++) {
        plan = fresh(5, 0.2, 0.2, seed);
        plan.explore.is_drawn = false;
        arbitrate(&plan, candidates, COUNT);
        for (size_t i = 0; i < COUNT; i++) {
            assert_int_equal(candidates[i].rank, i < 5 ? (int)i + 1 : 0);
            assert_true(candidates[i].show_probability == told[i]);
        }
    }
}

static void test_the_better_answered_product_is_drawn_more_often_and_value_counts(void **state)
{
    (void)state;
    struct arbitrate_plan plan = fresh(2, 0.5, 0, 1);
    arbitrate(&plan, candidates, COUNT);
    /* 5: Beta(4, 50) at half the context; 2: Beta(2, 30) at the whole of it */
    assert_true(candidates[2].show_probability > candidates[5].show_probability);
    plan = fresh(2, 0.5, 0, 1);
    candidates[5].factors.context = 4;
    arbitrate(&plan, candidates, COUNT);
    assert_true(candidates[2].show_probability < candidates[5].show_probability);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_without_a_share_places_go_by_priority),
        cmocka_unit_test(test_equal_priorities_go_by_code),
        cmocka_unit_test(test_an_only_place_and_a_full_list_are_never_left_to_chance),
        cmocka_unit_test(test_what_is_recorded_is_the_chance_with_which_it_is_shown),
        cmocka_unit_test(
            test_what_would_teach_gets_the_last_place_with_the_chance_that_is_recorded),
        cmocka_unit_test(test_a_preview_does_not_teach_and_neither_does_an_only_place),
        cmocka_unit_test(test_new_products_compete_with_the_last_place_alone),
        cmocka_unit_test(test_a_preview_shows_the_plain_list_with_the_same_chances),
        cmocka_unit_test(test_the_better_answered_product_is_drawn_more_often_and_value_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
