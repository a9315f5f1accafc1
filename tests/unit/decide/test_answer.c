/*
 * Goal:   answers are kept, replace and retract each other as the header says, lead to a second
 *         round that knows them, are seen by the next request, and are refused with a clear error
 *         where they make no sense; tables follow the journal and can be made again from it.
 * Method: conversations with customers of a living bank; the tables are dumped, thrown away and
 *         rebuilt; a random walk of requests and answers is held against a plain model of them.
 */
#include "world.h"
#include "tests/shipped_features.h"

#include <math.h>

#include "decide/record.h"
#include "journal/journal.h"
#include "view/feature.h"

enum { CUSTOMERS = 400, SEED = 31 };

static int make_world(void **state)
{
    struct world *world = malloc(sizeof *world);
    world_open(world, CUSTOMERS, SEED);
    *state = world;
    return 0;
}

static int end_world(void **state)
{
    world_close(*state);
    free(*state);
    return 0;
}

/* Each test takes customers of its own, so that none sees another's answers. */
static int64_t next_customer = 0;

static int64_t take_customer(struct world *world, size_t items)
{
    if (world->engine == NULL) world_engine(world, ENGINE_WRITE);
    int64_t customer = find_shown(world, next_customer, items);
    next_customer = customer + 1;
    return customer;
}

static void answer(struct world *world, const char *decision, const struct answer *answers,
                   size_t count, bool is_final, struct decision *ret_decision)
{
    struct lx_error err;
    MUST(answer_record(world->engine, decision, answers, count, is_final, ret_decision, &err));
}

static void test_partial_answers_keep_the_round_open(void **state)
{
    struct world *world = *state;
    struct decision first, told;
    recommend(world, take_customer(world, 6), 3, false, &first);
    struct answer one = answer_of(first.items[1].product, BANK_ANSWER_VIEWED);
    answer(world, first.id, &one, 1, false, &told);
    assert_string_equal(told.id, first.id);
    assert_int_equal(told.round, 1);
    assert_false(told.is_final);
    assert_int_equal(told.items[1].answer, BANK_ANSWER_VIEWED);
    assert_int_equal(told.items[0].answer, BANK_ANSWER_NONE);
    decision_release(&told);
    one.answer = BANK_ANSWER_NOT_INTERESTED; /* he thinks again */
    answer(world, first.id, &one, 1, false, &told);
    assert_int_equal(told.items[1].answer, BANK_ANSWER_NOT_INTERESTED);
    decision_release(&told);
    decision_release(&first);
}

static void test_all_answers_or_final_lead_to_a_second_round(void **state)
{
    struct world *world = *state;
    for (int is_final = 0; is_final < 2; is_final++) {
        struct decision first, second;
        struct answer answers[3];
        recommend(world, take_customer(world, 7), 3, false, &first);
        for (size_t i = 0; i < 3; i++)
            answers[i] = answer_of(first.items[i].product, BANK_ANSWER_NOT_INTERESTED);
        answer(world, first.id, answers, is_final ? 1 : 3, is_final, &second);
        assert_int_equal(second.round, 2);
        assert_string_equal(second.parent, first.id);
        assert_string_not_equal(second.id, first.id);
        assert_true(second.item_count > 0 && second.item_count <= 3);
        for (size_t i = 0; i < 3; i++) {
            assert_null(item_of(&second, first.items[i].product));
            const struct decision_refusal *refusal = refusal_of(&second, first.items[i].product);
            assert_non_null(refusal);
            bool is_answered = !is_final || i == 0;
            assert_string_equal(refusal->rule, is_answered ? "answered_recently" : "shown_before");
        }
        decision_release(&first);
        decision_release(&second);
    }
}

/* The same first round twice, once answered with a yes. */
static void test_the_second_round_knows_the_answers(void **state)
{
    struct world *world = *state;
    int64_t customer = take_customer(world, 8);
    const struct bank_catalogue *catalogue = bank_catalogue(engine_bank(world->engine));
    struct decision first, again, plain, eager;
    recommend(world, customer, 3, false, &first);
    recommend(world, customer, 3, false, &again);
    enum bank_category category = catalogue->products[first.items[0].product_index].category;
    struct answer yes = answer_of(first.items[0].product, BANK_ANSWER_INTERESTED);
    answer(world, first.id, NULL, 0, true, &plain);
    answer(world, again.id, &yes, 1, true, &eager);
    size_t risen = 0;
    for (size_t i = 0; i < eager.item_count; i++) {
        const struct decision_item *item = &eager.items[i];
        const struct decision_item *was = item_of(&plain, item->product);
        if (was == NULL) continue;
        bool is_kin = catalogue->products[item->product_index].category == category;
        if (is_kin) assert_true(item->probability > was->probability);
        risen += item->probability > was->probability;
    }
    assert_true(risen > 0);
    decision_release(&first);
    decision_release(&plain);
    decision_release(&again);
    decision_release(&eager);
}

static void test_the_same_final_answers_again_give_the_same_round(void **state)
{
    struct world *world = *state;
    struct decision first, second, again;
    recommend(world, take_customer(world, 6), 3, false, &first);
    struct answer one = answer_of(first.items[0].product, BANK_ANSWER_INTERESTED);
    answer(world, first.id, &one, 1, true, &second);
    for (int i = 0; i < 2; i++) {
        if (i == 1) world_engine(world, ENGINE_WRITE); /* from the tables, too */
        answer(world, first.id, &one, 1, true, &again);
        assert_same_decision(&second, &again);
        decision_release(&again);
        answer(world, first.id, NULL, 0, true, &again);
        assert_same_decision(&second, &again);
        decision_release(&again);
    }
    decision_release(&first);
    decision_release(&second);
}

static void test_wrong_answers_are_named_and_change_nothing(void **state)
{
    struct world *world = *state;
    struct lx_error err;
    struct decision first, told;
    recommend(world, take_customer(world, 6), 3, false, &first);
    struct answer ok = answer_of(first.items[0].product, BANK_ANSWER_VIEWED);
    struct answer unknown = answer_of("P99", BANK_ANSWER_VIEWED);
    struct answer refused = answer_of(first.refused[0].product, BANK_ANSWER_VIEWED);
    struct answer early = answer_of(first.items[0].product, BANK_ANSWER_RETRACTED);
    struct answer twice[2] = {ok, ok};
    struct answer mixed[2] = {answer_of(first.items[1].product, BANK_ANSWER_VIEWED), unknown};
    const struct {
        const char *decision;
        const struct answer *answers;
        size_t count;
        enum lx_err code;
    } rows[] = {
        {"0123456789abcdef0123456789abcdef", &ok, 1, LX_ERR_NOT_FOUND},
        {"not-an-id", &ok, 1, LX_ERR_NOT_FOUND},
        {first.id, &unknown, 1, LX_ERR_NOT_FOUND},
        {first.id, &refused, 1, LX_ERR_BAD_INPUT},
        {first.id, &early, 1, LX_ERR_BAD_INPUT},
        {first.id, twice, 2, LX_ERR_BAD_INPUT},
        {first.id, mixed, 2, LX_ERR_NOT_FOUND},
        {first.id, NULL, 0, LX_ERR_USAGE},
    };
    for (size_t i = 0; i < LX_COUNT_OF(rows); i++)
        MUST_FAIL(answer_record(world->engine, rows[i].decision, rows[i].answers, rows[i].count,
                                false, &told, &err),
                  rows[i].code);
    MUST(decide_find(world->engine, first.id, &told, &err));
    for (size_t i = 0; i < told.item_count; i++)
        assert_int_equal(told.items[i].answer, BANK_ANSWER_NONE);
    decision_release(&told);
    decision_release(&first);
}

static void test_a_final_round_takes_only_retractions(void **state)
{
    struct world *world = *state;
    struct lx_error err;
    struct decision first, second, open, third, told;
    recommend(world, take_customer(world, 7), 3, false, &first);
    struct answer yes = answer_of(first.items[0].product, BANK_ANSWER_INTERESTED);
    struct answer no = answer_of(first.items[0].product, BANK_ANSWER_NOT_INTERESTED);
    struct answer other = answer_of(first.items[1].product, BANK_ANSWER_VIEWED);
    struct answer back = answer_of(first.items[0].product, BANK_ANSWER_RETRACTED);
    answer(world, first.id, &yes, 1, true, &second);
    struct answer later = answer_of(second.items[0].product, BANK_ANSWER_VIEWED);
    MUST_FAIL(answer_record(world->engine, first.id, &no, 1, true, &told, &err), LX_ERR_REFUSED);
    MUST_FAIL(answer_record(world->engine, first.id, &other, 1, false, &told, &err),
              LX_ERR_REFUSED);

    answer(world, first.id, &back, 1, false, &open);
    assert_string_equal(open.id, first.id);
    assert_false(open.is_final);
    assert_int_equal(open.items[0].answer, BANK_ANSWER_NONE);
    MUST_FAIL(answer_record(world->engine, second.id, &later, 1, false, &told, &err),
              LX_ERR_REFUSED);
    assert_non_null(strstr(err.text, "retracted"));

    answer(world, first.id, &no, 1, true, &third);
    assert_string_not_equal(third.id, second.id);
    assert_string_equal(third.parent, first.id);
    MUST_FAIL(answer_record(world->engine, second.id, &later, 1, false, &told, &err),
              LX_ERR_REFUSED);
    later = answer_of(third.items[0].product, BANK_ANSWER_VIEWED);
    answer(world, third.id, &later, 1, false, &told);
    world_engine(world, ENGINE_WRITE);
    decision_release(&told);
    MUST_FAIL(answer_record(world->engine, second.id, &later, 1, false, &told, &err),
              LX_ERR_REFUSED);
    answer(world, third.id, &later, 1, false, &told);
    decision_release(&first);
    decision_release(&second);
    decision_release(&open);
    decision_release(&third);
    decision_release(&told);
}

static void test_there_is_no_third_round(void **state)
{
    struct world *world = *state;
    struct lx_error err;
    struct decision first, second, told;
    recommend(world, take_customer(world, 7), 3, false, &first);
    answer(world, first.id, NULL, 0, true, &second);
    struct answer yes = answer_of(second.items[0].product, BANK_ANSWER_INTERESTED);
    answer(world, second.id, &yes, 1, true, &told);
    assert_string_equal(told.id, second.id);
    assert_int_equal(told.round, 2);
    assert_true(told.is_final);
    assert_int_equal(told.items[0].answer, BANK_ANSWER_INTERESTED);
    decision_release(&told);
    MUST(decide_find(world->engine, second.id, &told, &err));
    assert_true(told.is_final);
    decision_release(&told);
    decision_release(&second);
    decision_release(&first);
}

static size_t feature_index(const char *name)
{
    size_t place = view_features_find(shipped(), VIEW_CUSTOMER, name);
    if (place == SIZE_MAX) fail_msg("no feature %s", name);
    return place;
}

/* A feature of the customer out of the journal's last record. */
static float recorded_feature(const struct world *world, const char *name)
{
    struct lx_error err;
    struct journal *journal = NULL;
    struct journal_cursor *cursor = NULL;
    struct journal_record bytes;
    struct record record;
    struct lx_arena arena;
    bool has_record = false, is_known = false;
    lx_arena_init(&arena, 1 << 24);
    MUST(journal_open(world->bank.folder, JOURNAL_READ, &journal, &err));
    MUST(journal_seek(journal, journal_next_position(journal) - 1, &cursor, &err));
    MUST(journal_read(cursor, &bytes, &has_record, &err));
    MUST(record_read(bytes.bytes, bytes.length, &arena, &record, &is_known, &err));
    assert_int_equal(record.kind, RECORD_DECISION);
    assert_int_equal(record.decision.customer_count, view_features_count(shipped(), VIEW_CUSTOMER));
    float value = record.decision.customer_values[feature_index(name)];
    journal_cursor_close(cursor);
    journal_close(journal);
    lx_arena_release(&arena);
    return value;
}

static void test_what_he_owns_is_held_from_then_on(void **state)
{
    struct world *world = *state;
    struct decision first, second, next;
    int64_t customer = take_customer(world, 7);
    float values[LX_FEATURES_MAX];
    recommend(world, customer, 3, false, &first);
    struct answer owns = answer_of(first.items[0].product, BANK_ANSWER_OWNS);
    answer(world, first.id, &owns, 1, true, &second);
    assert_string_equal(refusal_of(&second, owns.product)->rule, "already_holds");
    for (int is_reopened = 0; is_reopened < 2; is_reopened++) {
        if (is_reopened) world_engine(world, ENGINE_WRITE);
        recommend(world, customer, 5, true, &next);
        assert_string_equal(refusal_of(&next, owns.product)->rule, "already_holds");
        decision_release(&next);
    }
    /* The features that the next decision is made from count one more than the snapshot. */
    view_snapshot_customer(engine_snapshot(world->engine), customer, values);
    float held = values[feature_index("holdings")];
    recommend(world, customer, 5, false, &next);
    assert_true(recorded_feature(world, "holdings") == held + 1);
    assert_true(recorded_feature(world, "opens_365d") == values[feature_index("opens_365d")]);
    decision_release(&next);
    decision_release(&first);
    decision_release(&second);
}

static void test_a_no_rests_and_comes_back(void **state)
{
    struct world *world = *state;
    struct decision first, told, next;
    int64_t customer = take_customer(world, 6);
    struct living_clock clock = world->clock;
    recommend(world, customer, 5, false, &first);
    struct answer no = answer_of(first.items[0].product, BANK_ANSWER_NOT_INTERESTED);
    answer(world, first.id, &no, 1, false, &told);
    recommend(world, customer, 5, true, &next);
    assert_string_equal(refusal_of(&next, no.product)->rule, "answered_recently");
    decision_release(&next);
    world->clock.now_ms += 91 * LX_MS_PER_DAY;
    recommend(world, customer, 5, true, &next);
    assert_string_equal(next.items[0].product, no.product);
    world->clock = clock;
    decision_release(&next);
    decision_release(&told);
    decision_release(&first);
}

static void test_a_reader_sees_what_is_not_in_the_tables_yet(void **state)
{
    struct world *world = *state;
    struct lx_error err;
    struct decision first, told, seen;
    struct engine *reader = NULL;
    recommend(world, take_customer(world, 6), 3, false, &first);
    struct answer yes = answer_of(first.items[0].product, BANK_ANSWER_INTERESTED);
    answer(world, first.id, &yes, 1, true, &told);
    MUST(engine_open(world->bank.folder, ENGINE_READ, &world->env, &reader, &err));
    MUST(decide_find(reader, told.id, &seen, &err));
    assert_same_decision(&told, &seen);
    decision_release(&seen);
    MUST(decide_find(reader, first.id, &seen, &err));
    assert_int_equal(seen.items[0].answer, BANK_ANSWER_INTERESTED);
    assert_true(seen.is_final);
    decision_release(&seen);
    engine_close(reader);
    decision_release(&told);
    decision_release(&first);
}

static void test_answers_are_parsed_strictly(void **state)
{
    static const char *const bad[] = {
        "", "P01", "=interested", "P01=", "P01=yes", "P01=Interested", "P01=none"};
    struct lx_error err;
    struct answer made;
    MUST(answer_parse("P07=not_interested", &made, &err));
    assert_string_equal(made.product, "P07");
    assert_int_equal(made.answer, BANK_ANSWER_NOT_INTERESTED);
    for (size_t i = 0; i < LX_COUNT_OF(bad); i++)
        MUST_FAIL(answer_parse(bad[i], &made, &err), LX_ERR_USAGE);
    assert_non_null(strstr(err.text, "not_interested"));
}

/* A walk of requests and answers, every one remembered in the plainest way. */
enum { WALK_DECISIONS = 60, WALK_ITEMS = 8 };
struct walk_decision {
    char id[DECISION_ID_SIZE];
    size_t count;
    char products[WALK_ITEMS][LX_CODE_MAX + 1];
    enum bank_answer answers[WALK_ITEMS];
    bool is_final;
};

static void remember(struct walk_decision *walk, const struct decision *decision)
{
    *walk = (struct walk_decision){.count = decision->item_count};
    snprintf(walk->id, sizeof walk->id, "%s", decision->id);
    for (size_t i = 0; i < decision->item_count; i++)
        snprintf(walk->products[i], sizeof walk->products[i], "%s", decision->items[i].product);
}

static void check_walk(struct world *world, const struct walk_decision *walks, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct lx_error err;
        struct decision found;
        MUST(decide_find(world->engine, walks[i].id, &found, &err));
        assert_int_equal(found.item_count, walks[i].count);
        assert_int_equal(found.is_final, walks[i].is_final);
        for (size_t j = 0; j < found.item_count; j++) {
            assert_string_equal(found.items[j].product, walks[i].products[j]);
            assert_int_equal(found.items[j].answer, walks[i].answers[j]);
        }
        decision_release(&found);
    }
}

static void test_a_walk_is_kept_and_the_tables_come_back_from_the_journal(void **state)
{
    struct world *world = *state;
    struct walk_decision walks[WALK_DECISIONS];
    struct lx_rng rng = lx_rng_of(5, 5);
    size_t count = 0;
    world_engine(world, ENGINE_WRITE);
    for (int step = 0; step < 150; step++) {
        size_t which = count == 0 ? 0 : (size_t)lx_rng_below(&rng, count);
        struct walk_decision *walk = &walks[which];
        struct decision told;
        if (count == 0 || (count + 1 < WALK_DECISIONS && lx_rng_chance(&rng, 0.3))) {
            recommend(world, (int64_t)lx_rng_below(&rng, CUSTOMERS), 4, false, &told);
            remember(&walks[count++], &told);
        } else if (walk->count == 0 || walk->is_final) {
            continue;
        } else {
            size_t item = (size_t)lx_rng_below(&rng, walk->count);
            enum bank_answer kind = (enum bank_answer)(1 + lx_rng_below(&rng, 5));
            bool is_final = lx_rng_chance(&rng, 0.3);
            struct answer one = answer_of(walk->products[item], kind);
            answer(world, walk->id, &one, 1, is_final, &told);
            walk->answers[item] = kind;
            bool is_full = true;
            for (size_t i = 0; i < walk->count; i++) is_full &= walk->answers[i] != 0;
            walk->is_final = is_final || is_full;
            if (told.round == 2 && strcmp(told.id, walk->id) != 0 && count < WALK_DECISIONS)
                remember(&walks[count++], &told);
        }
        decision_release(&told);
        if (step % 40 == 39) world_engine(world, ENGINE_WRITE);
    }
    check_walk(world, walks, count);

    struct lx_error err;
    struct lx_buffer before, after;
    struct bank *bank = NULL;
    engine_close(world->engine);
    world->engine = NULL;
    lx_buffer_init(&before, LX_FILE_MAX);
    lx_buffer_init(&after, LX_FILE_MAX);
    dump_tables(world, &before);
    MUST(bank_open(world->bank.folder, STORE_WRITE, &bank, &err));
    MUST(store_execute(bank_store(bank),
                       "DELETE FROM answer; DELETE FROM decision_item; DELETE FROM "
                       "decision_refusal; DELETE FROM decision; DELETE FROM projection",
                       &err));
    bank_close(bank);
    world_engine(world, ENGINE_WRITE);
    check_walk(world, walks, count);
    engine_close(world->engine);
    world->engine = NULL;
    dump_tables(world, &after);
    assert_true(before.length > 1000);
    assert_string_equal(lx_buffer_text(&before), lx_buffer_text(&after));
    lx_buffer_release(&before);
    lx_buffer_release(&after);
}

static void test_a_missing_journal_is_seen(void **state)
{
    struct world *world = *state;
    struct lx_error err;
    struct engine *engine = NULL;
    char path[LX_PATH_MAX];
    engine_close(world->engine);
    world->engine = NULL;
    MUST(host_join(path, world->bank.folder, "journal", &err));
    MUST(host_remove_tree(path, &err));
    MUST_FAIL(engine_open(world->bank.folder, ENGINE_WRITE, &world->env, &engine, &err),
              LX_ERR_CORRUPT);
    assert_non_null(strstr(err.text, "journal"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_partial_answers_keep_the_round_open),
        cmocka_unit_test(test_all_answers_or_final_lead_to_a_second_round),
        cmocka_unit_test(test_the_second_round_knows_the_answers),
        cmocka_unit_test(test_the_same_final_answers_again_give_the_same_round),
        cmocka_unit_test(test_wrong_answers_are_named_and_change_nothing),
        cmocka_unit_test(test_a_final_round_takes_only_retractions),
        cmocka_unit_test(test_there_is_no_third_round),
        cmocka_unit_test(test_what_he_owns_is_held_from_then_on),
        cmocka_unit_test(test_a_no_rests_and_comes_back),
        cmocka_unit_test(test_a_reader_sees_what_is_not_in_the_tables_yet),
        cmocka_unit_test(test_answers_are_parsed_strictly),
        cmocka_unit_test(test_a_walk_is_kept_and_the_tables_come_back_from_the_journal),
        cmocka_unit_test(test_a_missing_journal_is_seen),
    };
    return cmocka_run_group_tests(tests, make_world, end_world);
}
