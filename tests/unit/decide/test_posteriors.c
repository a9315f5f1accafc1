/*
 * Goal:   every answer counts at once for its segment and product, an answer that is replaced or
 *         retracted does not count any more, counts decay, a product without answers borrows from
 *         its category, and the table, the journal's tail and all of the journal say the same.
 * Method: conversations with customers of a living bank beside sums over the answers that stand;
 *         the engine is closed and opened, its table thrown away.
 *         A decision that was drawn is
 *         drawn again from its record.
 */
#include "world.h"
#include "tests/shipped_features.h"

#include <math.h>

#include "base/date.h"
#include "decide/arbitrate.h"
#include "decide/engine_parts.h"

enum { CUSTOMERS = 300, SEED = 77 };

static int make_world(void **state)
{
    struct world *world = malloc(sizeof *world);
    world_open(world, CUSTOMERS, SEED);
    world_engine(world, ENGINE_WRITE);
    *state = world;
    return 0;
}

static int end_world(void **state)
{
    world_close(*state);
    free(*state);
    return 0;
}

static int32_t today(const struct world *world)
{
    int64_t now_ms = world->env.now_ms(world->env.context);
    return lx_day_of_ms(now_ms, bank_utc_offset_minutes(world->engine->bank));
}

static void assert_near(double got, double want, double within, const char *what)
{
    if (!(fabs(got - want) <= within)) fail_msg("%s: %.12g, want %.12g", what, got, want);
}

static int64_t next_customer = 0;

static void first_round(struct world *world, struct decision *ret_decision)
{
    int64_t customer = find_shown(world, next_customer, 6);
    next_customer = customer + 1;
    recommend(world, customer, 3, false, ret_decision);
}

static void say(struct world *world, const struct decision *decision, size_t item,
                enum bank_answer said)
{
    struct lx_error err;
    struct decision told;
    struct answer one = answer_of(decision->items[item].product, said);
    MUST(answer_record(world->engine, decision->id, &one, 1, false, &told, &err));
    decision_release(&told);
}

/* What stands behind a posterior, over all segments and products. */
static void dump(const struct world *world, int32_t day, double *values, size_t *count)
{
    const struct posteriors *posteriors = world->engine->posteriors;
    const struct actions *actions = &world->engine->actions;
    *count = 0;
    for (size_t s = 0; s <= actions->segment_count + 1; s++)
        for (size_t p = 0; p < world->engine->product_count; p++) {
            const char *segment = s < actions->segment_count    ? actions->segments[s].name
                                  : s == actions->segment_count ? ""
                                                                : NULL;
            struct posterior one = posteriors_of(posteriors, segment, (int)p, day);
            values[(*count)++] = one.a;
            values[(*count)++] = one.b;
        }
}

static void test_an_answer_counts_at_once_and_what_it_replaces_no_more(void **state)
{
    struct world *world = *state;
    struct decision decision;
    first_round(world, &decision);
    int product = decision.items[0].product_index;
    int32_t day = today(world);
    const struct posteriors *posteriors = world->engine->posteriors;
    struct posterior before = posteriors_of(posteriors, NULL, product, day);
    say(world, &decision, 0, BANK_ANSWER_NOT_INTERESTED);
    struct posterior no = posteriors_of(posteriors, NULL, product, day);
    assert_near(no.answers - before.answers, 1, 1e-9, "one answer");
    assert_near(no.yes - before.yes, 0, 1e-9, "which is no yes");
    assert_true(no.a / (no.a + no.b) < before.a / (before.a + before.b));
    say(world, &decision, 0, BANK_ANSWER_INTERESTED); /* he thinks again */
    struct posterior yes = posteriors_of(posteriors, NULL, product, day);
    assert_near(yes.answers - before.answers, 1, 1e-9, "still one answer");
    assert_near(yes.yes - before.yes, 1, 1e-9, "which is a yes");
    say(world, &decision, 0, BANK_ANSWER_RETRACTED);
    struct posterior after = posteriors_of(posteriors, NULL, product, day);
    assert_near(after.answers, before.answers, 1e-9, "nothing is left");
    assert_near(after.yes, before.yes, 1e-9, "of it");
    decision_release(&decision);
}

static void test_a_half_life_later_an_answer_counts_half(void **state)
{
    struct world *world = *state;
    struct decision decision;
    first_round(world, &decision);
    int product = decision.items[1].product_index;
    say(world, &decision, 1, BANK_ANSWER_INTERESTED);
    int32_t day = today(world);
    const struct posteriors *posteriors = world->engine->posteriors;
    struct posterior now = posteriors_of(posteriors, NULL, product, day),
                     later = posteriors_of(posteriors, NULL, product, day + 90),
                     much_later = posteriors_of(posteriors, NULL, product, day + 9000);
    assert_near(later.answers, now.answers / 2, 1e-9, "half");
    assert_near(later.yes, now.yes / 2, 1e-9, "half of the yes");
    assert_near(much_later.a + much_later.b, 10, 1e-6, "the prior alone");
    assert_near(much_later.a, 1, 1e-6, "one yes in ten");
    decision_release(&decision);
}

static void test_a_product_without_answers_has_its_category_s_rate(void **state)
{
    struct world *world = *state;
    for (int i = 0; i < 30; i++) {
        struct decision decision;
        first_round(world, &decision);
        say(world, &decision, 0, i % 3 == 0 ? BANK_ANSWER_INTERESTED : BANK_ANSWER_NOT_INTERESTED);
        decision_release(&decision);
    }
    int32_t day = today(world);
    const struct bank_catalogue *catalogue = bank_catalogue(world->engine->bank);
    size_t checked = 0;
    for (size_t p = 0; p < catalogue->count; p++) {
        struct posterior whole = posteriors_of(world->engine->posteriors, NULL, (int)p, day);
        if (whole.answers > 1e-9) continue;
        double yes = 0, answers = 0, all_yes = 0, all_answers = 0;
        for (size_t q = 0; q < catalogue->count; q++) {
            struct posterior other = posteriors_of(world->engine->posteriors, NULL, (int)q, day);
            bool is_same = catalogue->products[q].category == catalogue->products[p].category;
            yes += is_same ? other.yes : 0;
            answers += is_same ? other.answers : 0;
            all_yes += is_same ? 0 : other.yes;
            all_answers += is_same ? 0 : other.answers;
        }
        double rate = (yes + 10 * (all_yes + 1) / (all_answers + 10)) / (answers + 10);
        assert_near(whole.a / (whole.a + whole.b), rate, 1e-6, catalogue->products[p].code);
        assert_near(whole.a + whole.b, 10, 1e-5, "known as badly as it is");
        checked++;
    }
    assert_true(checked > 0);
}

static void test_table_tail_and_journal_say_the_same(void **state)
{
    struct world *world = *state;
    static double before[8192], after[8192];
    size_t count, again;
    struct lx_error err;
    struct decision decision;
    for (int i = 0; i < 10; i++) {
        first_round(world, &decision);
        say(world, &decision, 0, BANK_ANSWER_INTERESTED);
        say(world, &decision, 1, BANK_ANSWER_IGNORED);
        if (i % 2 == 0) say(world, &decision, 0, BANK_ANSWER_NOT_INTERESTED);
        if (i == 5) MUST(engine_project(world->engine, &err)); /* some in the table, some not */
        decision_release(&decision);
    }
    int32_t day = today(world);
    dump(world, day, before, &count);
    assert_true(count <= LX_COUNT_OF(before));
    static const char *const spoil[] = {
        NULL, /* closed and opened */
        "DELETE FROM posterior; DELETE FROM projection WHERE name LIKE 'posterior/%'",
        "UPDATE posterior SET yes = 99; UPDATE projection SET name = 'posterior/50' "
        "WHERE name LIKE 'posterior/%'", /* as another half-life would have left it */
    };
    for (size_t i = 0; i < LX_COUNT_OF(spoil); i++) {
        struct bank *bank = NULL;
        engine_close(world->engine);
        world->engine = NULL;
        MUST(bank_open(world->bank.folder, STORE_WRITE, &bank, &err));
        if (spoil[i] != NULL) MUST(store_execute(bank_store(bank), spoil[i], &err));
        bank_close(bank);
        world_engine(world, ENGINE_READ);
        dump(world, day, after, &again);
        assert_int_equal(again, count);
        for (size_t j = 0; j < count; j++)
            if (after[j] != before[j])
                fail_msg("after %zu: value %zu is %.17g, was %.17g", i, j, after[j], before[j]);
        world_engine(world, ENGINE_WRITE);
        first_round(world, &decision); /* and what comes after is saved on top of it */
        say(world, &decision, 0, BANK_ANSWER_VIEWED);
        decision_release(&decision);
        dump(world, day, before, &count);
    }
}

static void test_a_drawn_decision_is_drawn_again_from_its_record(void **state)
{
    struct world *world = *state;
    size_t explored = 0, checked = 0;
    for (int n = 0; n < 400; n++) {
        struct decision decision;
        struct lx_error err;
        struct lx_arena arena;
        struct record record;
        struct overlay_decision found;
        uint8_t id[RECORD_ID_BYTES];
        /* by the counter: contact limits are for those that the bank calls on */
        recommend(world, find_shown(world, n % CUSTOMERS / 2, 6), 5, false, &decision);
        lx_arena_init(&arena, 1 << 24);
        assert_true(record_id_parse(decision.id, id));
        MUST(overlay_find(world->engine->overlay, id, &found, &err));
        MUST(overlay_read(world->engine->overlay, found.position, &arena, &record, &err));
        const struct record_decision *recorded = &record.decision;
        struct record_candidate again[LX_PRODUCT_MAX];
        static struct beta_table tables[LX_PRODUCT_MAX];
        const struct beta_table *list[LX_PRODUCT_MAX];
        bool news[LX_PRODUCT_MAX];
        for (size_t i = 0; i < recorded->candidate_count; i++) {
            again[i] = recorded->candidates[i];
            again[i].rank = 0;
            again[i].place = RECORD_PLACE_PLAIN;
            again[i].show_probability = 0;
            news[i] = false;
            list[i] = &tables[i];
            if (again[i].a > 0) beta_table_fill(again[i].a, again[i].b, &tables[i]);
        }
        double share = recorded->explore / recorded->asked;
        struct arbitrate_plan plan = {
            recorded->asked, {share, share, 0.01, arbitrate_seed(recorded->id), true, list, news}};
        arbitrate(&plan, again, recorded->candidate_count);
        for (size_t i = 0; i < recorded->candidate_count; i++) {
            const struct record_candidate *was = &recorded->candidates[i];
            assert_int_equal(again[i].rank, was->rank);
            assert_int_equal(again[i].place, was->place);
            assert_near(again[i].show_probability, was->show_probability, 1e-12, was->code);
            explored += was->place == RECORD_PLACE_EXPLORED;
        }
        checked++;
        lx_arena_release(&arena);
        decision_release(&decision);
    }
    assert_true(checked == 400 && explored >= 15 && explored <= 75); /* a tenth */
}

static void test_a_segment_is_recorded_and_counted_by(void **state)
{
    struct world *world = *state;
    struct decision decision;
    struct lx_error err;
    struct lx_arena arena;
    struct record record;
    struct overlay_decision found;
    uint8_t id[RECORD_ID_BYTES];
    first_round(world, &decision);
    lx_arena_init(&arena, 1 << 24);
    assert_true(record_id_parse(decision.id, id));
    MUST(overlay_find(world->engine->overlay, id, &found, &err));
    MUST(overlay_read(world->engine->overlay, found.position, &arena, &record, &err));
    const char *segment = record.decision.segment;
    assert_true(segment[0] != '\0');
    int product = decision.items[0].product_index;
    const struct posteriors *posteriors = world->engine->posteriors;
    double before = posteriors_of(posteriors, segment, product, today(world)).answers;
    double others = posteriors_of(posteriors, "no such segment", product, today(world)).answers;
    say(world, &decision, 0, BANK_ANSWER_BOUGHT);
    assert_near(posteriors_of(posteriors, segment, product, today(world)).answers, before + 1, 1e-9,
                "its own");
    assert_true(others == 0 &&
                posteriors_of(posteriors, "no such segment", product, today(world)).answers == 0);
    lx_arena_release(&arena);
    decision_release(&decision);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_answer_counts_at_once_and_what_it_replaces_no_more),
        cmocka_unit_test(test_a_half_life_later_an_answer_counts_half),
        cmocka_unit_test(test_a_product_without_answers_has_its_category_s_rate),
        cmocka_unit_test(test_table_tail_and_journal_say_the_same),
        cmocka_unit_test(test_a_segment_is_recorded_and_counted_by),
        cmocka_unit_test(test_a_drawn_decision_is_drawn_again_from_its_record),
    };
    return cmocka_run_group_tests(tests, make_world, end_world);
}
