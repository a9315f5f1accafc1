/*
 * Goal:   no decision rests on rules that the journal does not hold; a rule of the bank's own
 *         refuses by its name; a decision keeps the words of a rule that is gone; a directory
 *         without rules is told what to do.
 * Method: a living bank whose rule files are changed between two openings; the journal is read
 *         record by record.
 */
#include "world.h"

#include "codec/digest.h"
#include "decide/record.h"
#include "decide/rule_book.h"
#include "journal/journal.h"

static struct world world;

static int make_world(void **state)
{
    world_open(&world, 120, 9);
    return 0;
}

static int end_world(void **state)
{
    world_close(&world);
    return 0;
}

static void write_rule(const char *file, const char *text)
{
    struct lx_error err;
    char path[LX_PATH_MAX], name[64];
    snprintf(name, sizeof name, "rules/%s", file);
    MUST(host_join(path, world.bank.folder, name, &err));
    if (text != NULL)
        MUST(host_write_atomic(path, text, strlen(text), &err));
    else
        MUST(host_remove(path, &err));
}

/* The rule sets of the journal, in order; the newest in `ret_last` (its texts in the arena). */
static size_t recorded(struct lx_arena *arena, struct record_rules *ret_last)
{
    struct journal *journal = NULL;
    struct journal_cursor *cursor = NULL;
    struct journal_record found;
    struct lx_error err;
    bool has_record = true;
    size_t count = 0;
    MUST(journal_open(world.bank.folder, JOURNAL_READ, &journal, &err));
    MUST(journal_seek(journal, 0, &cursor, &err));
    for (;;) {
        struct record record;
        bool is_known = false;
        MUST(journal_read(cursor, &found, &has_record, &err));
        if (!has_record) break;
        MUST(record_read(found.bytes, found.length, arena, &record, &is_known, &err));
        if (!is_known || record.kind != RECORD_RULES) continue;
        *ret_last = record.rules;
        count++;
    }
    journal_cursor_close(cursor);
    journal_close(journal);
    return count;
}

static void close_engine(void)
{
    engine_close(world.engine);
    world.engine = NULL;
}

static void test_a_change_is_journalled_before_a_decision_rests_on_it(void **state)
{
    static const char own[] = "[no_cards]\nstage = eligibility\n"
                              "refuse_if = product.category = 'payment'\n"
                              "zh = 暂不发卡\nen = no cards for now\n";
    struct record_rules last;
    struct lx_arena arena;
    struct decision decision, found;
    struct lx_error err;
    uint8_t first[32];
    char version[DIGEST_TEXT_SIZE];
    lx_arena_init(&arena, 16 << 20);

    world_engine(&world, ENGINE_READ);
    close_engine();
    assert_int_equal(recorded(&arena, &last), 0);
    world_engine(&world, ENGINE_WRITE);
    assert_int_equal(recorded(&arena, &last), 1);
    static const uint8_t none[32];
    assert_memory_equal(last.before, none, 32);
    assert_int_equal(last.file_count, 4);
    memcpy(first, last.after, 32);
    world_engine(&world, ENGINE_WRITE); /* the same rules */
    assert_int_equal(recorded(&arena, &last), 1);

    close_engine();
    write_rule("own.ini", own);
    world_engine(&world, ENGINE_WRITE);
    assert_int_equal(recorded(&arena, &last), 2);
    assert_memory_equal(last.before, first, 32);
    assert_int_equal(last.file_count, 5);
    assert_string_equal(last.files[3].name, "own.ini");
    assert_string_equal(last.files[3].bytes, own);
    int64_t customer = find_shown(&world, 0, 2);
    recommend(&world, customer, 5, false, &decision);
    digest_text(last.after, version);
    version[REGISTRY_ID_DIGITS] = '\0';
    assert_string_equal(decision.rules, version);
    size_t refused = 0;
    for (size_t i = 0; i < decision.refused_count; i++) {
        if (strcmp(decision.refused[i].rule, "no_cards") != 0) continue;
        assert_string_equal(decision.refused[i].stage, "eligibility");
        assert_string_equal(decision.refused[i].en, "no cards for now");
        refused++;
    }
    assert_true(refused > 0);

    /* The rule goes; what was decided is told as it was. */
    close_engine();
    write_rule("own.ini", NULL);
    world_engine(&world, ENGINE_WRITE);
    assert_int_equal(recorded(&arena, &last), 3);
    assert_memory_equal(last.after, first, 32);
    MUST(decide_find(world.engine, decision.id, &found, &err));
    assert_same_decision(&decision, &found);
    assert_memory_equal(decision.drops, found.drops, sizeof decision.drops);
    decision_release(&decision);
    decision_release(&found);
    close_engine();
    lx_arena_release(&arena);
}

static void test_a_stop_takes_a_product_out_of_every_list(void **state)
{
    struct decision decision;
    char text[256];
    world_engine(&world, ENGINE_READ);
    int64_t customer = find_shown(&world, 0, 2);
    recommend(&world, customer, 5, true, &decision);
    snprintf(text, sizeof text,
             "[stop_list]\nproducts = %s\n[on_stop_list]\nstage = emergency_stop\n"
             "refuse_if = is_on_stop_list\nzh = 停\nen = stopped\n",
             decision.items[0].product);
    char *stopped = strdup(decision.items[0].product);
    decision_release(&decision);
    close_engine();
    write_rule("emergency.ini", text);
    world_engine(&world, ENGINE_READ);
    for (int64_t i = 0; i < world.bank.customers; i++) {
        recommend(&world, i, DECISION_ITEMS_MAX, true, &decision);
        assert_null(item_of(&decision, stopped));
        assert_string_equal(refusal_of(&decision, stopped)->rule, "on_stop_list");
        assert_int_equal(decision.drops[RULE_STAGE_EMERGENCY_STOP], 1);
        decision_release(&decision);
    }
    free(stopped);
    close_engine();
}

/* The count over the bank is the sum of what each customer is refused. */
static void test_the_count_of_the_bank_is_that_of_its_customers(void **state)
{
    uint64_t drops[RULES_MAX], pairs, wanted[RULE_STAGE_END] = {0}, got[RULE_STAGE_END] = {0};
    struct rule_book book = {0};
    struct lx_error err;
    world_engine(&world, ENGINE_READ);
    struct bank *bank = engine_bank(world.engine);
    const struct view_snapshot *snapshot = engine_snapshot(world.engine);
    const struct view_context context = {bank_catalogue(bank), view_snapshot_peers(snapshot),
                                         bank_utc_offset_minutes(bank)};
    MUST(rule_book_open(bank, &book, &err));
    /* That of a customer without answers: the tests before gave none. */
    MUST(rule_book_count(&book, snapshot, &context, BANK_CHANNEL_RM, living_end_ms(), drops, &pairs,
                         &err));
    assert_int_equal(pairs, (uint64_t)world.bank.customers * bank_catalogue(bank)->count);
    for (size_t i = 0; i < rules_count(book.rules); i++)
        got[rules_at(book.rules, i)->stage] += drops[i];
    for (int64_t i = 0; i < world.bank.customers; i++) {
        struct decision decision;
        recommend(&world, i, 1, true, &decision);
        for (int stage = 0; stage < RULE_STAGE_END; stage++) wanted[stage] += decision.drops[stage];
        decision_release(&decision);
    }
    for (int stage = 0; stage < RULE_STAGE_END; stage++)
        assert_int_equal(got[stage], wanted[stage]);
    assert_true(got[RULE_STAGE_ELIGIBILITY] > 0 && got[RULE_STAGE_SUITABILITY] > 0 &&
                got[RULE_STAGE_CONTACT_POLICY] > 0);
    rule_book_release(&book);
    close_engine();
}

static void test_without_rules_it_says_what_to_do(void **state)
{
    struct lx_error err;
    char path[LX_PATH_MAX], old[LX_PATH_MAX];
    MUST(host_join(path, world.bank.folder, "rules", &err));
    MUST(host_remove_tree(path, &err));
    MUST_FAIL(engine_open(world.bank.folder, ENGINE_READ, &world.env, &world.engine, &err),
              LX_ERR_NOT_READY);
    assert_non_null(strstr(err.text, "lingxi rules --install"));
    MUST(host_join(old, world.bank.folder, "rules.ini", &err));
    MUST(host_write_atomic(old, "[rest]\n", 7, &err));
    MUST_FAIL(engine_open(world.bank.folder, ENGINE_READ, &world.env, &world.engine, &err),
              LX_ERR_NOT_READY);
    assert_non_null(strstr(err.text, "rules.ini is of an older version"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_change_is_journalled_before_a_decision_rests_on_it),
        cmocka_unit_test(test_a_stop_takes_a_product_out_of_every_list),
        cmocka_unit_test(test_the_count_of_the_bank_is_that_of_its_customers),
        cmocka_unit_test(test_without_rules_it_says_what_to_do),
    };
    return cmocka_run_group_tests(tests, make_world, end_world);
}
