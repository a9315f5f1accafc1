/*
 * Goal:   which model is live is what the journal says, whatever happens between a change and its
 *         files; two different persons are needed where the bank says so; the rule lets through
 *         what it should and nothing else; going back goes back, and further back.
 * Method: cards in a bare folder; a change is cut off by a disk that fails at every possible write;
 *         the copy of the changes is removed and spoiled; random walks of steps against a model
 *         that keeps a plain stack.
 */
#include "tests/scratch.h"
#include "tests/shipped_features.h"

#include <errno.h>
#include <math.h>

#include "base/rng.h"
#include "journal/journal.h"
#include "learn/xgboost.h"
#include "model/life.h"

enum { MODELS = 5 };

struct place {
    char folder[LX_PATH_MAX];
    char ids[MODELS][REGISTRY_ID_SIZE];
    int64_t now_ms;
    struct lx_env env;
};

static void message(void *context, const char *text)
{
}

static int64_t now(void *context)
{
    return ((struct place *)context)->now_ms++;
}

/* Cards that differ in their seed; the trees are no trees, because nobody scores here. */
static void make_models(struct place *place)
{
    struct lx_error err;
    for (uint64_t i = 0; i < MODELS; i++) {
        const struct model_card card = {.seed = i, .calibration = {.slope = 1}};
        MUST(registry_save(place->folder, &card, "{}", 2, NULL, place->ids[i], &err));
    }
}

static void configure(const struct place *place, const char *text)
{
    struct lx_error err;
    char path[LX_PATH_MAX];
    MUST(host_join(path, place->folder, "lingxi.ini", &err));
    MUST(host_write_atomic(path, text, strlen(text), &err));
}

static int make_place(void **state)
{
    struct place *place = calloc(1, sizeof *place);
    scratch_make(place->folder);
    place->now_ms = 1000;
    place->env = (struct lx_env){
        .context = place, .now_ms = now, .elapsed_ns = now, .message = message, .thread_count = 1};
    make_models(place);
    *state = place;
    return 0;
}

static int end_place(void **state)
{
    struct place *place = *state;
    scratch_remove(place->folder);
    free(place);
    return 0;
}

static struct life *open_life(struct place *place, enum life_mode mode)
{
    struct lx_error err;
    struct life *life = NULL;
    MUST(life_open(place->folder, mode, &place->env, &life, &err));
    return life;
}

static const struct life_figures better = {true, 0.06, 0.05, 0.01, 0.005, 0.015, -0.001, 0.001};
static const struct life_figures even = {true, 0.05, 0.05, 0.001, -0.005, 0.006, -0.001, 0.001};
static const struct life_figures worse = {true, 0.04, 0.05, -0.01, -0.015, -0.005, -0.001, 0.001};
static const struct life_figures unknown;
static const struct life_figures off = {true, 0.06, 0.05, 0.01, 0.005, 0.015, 0.001, 0.002};

static void test_the_rule_is_what_its_table_says(void **state)
{
    static const struct {
        const struct life_figures *figures;
        enum life_finding finding;
        bool not_worse, better;
    } rows[] = {
        {&better, LIFE_FOUND_BETTER, true, true},    {&even, LIFE_FOUND_EVEN, true, false},
        {&worse, LIFE_FOUND_WORSE, false, false},    {&off, LIFE_FOUND_MISCALIBRATED, false, false},
        {&unknown, LIFE_FOUND_NOTHING, true, false},
    };
    for (size_t i = 0; i < LX_COUNT_OF(rows); i++) {
        enum life_finding finding = life_finding_of(rows[i].figures);
        if (finding != rows[i].finding)
            fail_msg("row %zu: %s, not %s", i, life_finding_en(finding),
                     life_finding_en(rows[i].finding));
        assert_int_equal(life_rule_allows(LIFE_NOT_WORSE, finding), rows[i].not_worse);
        assert_int_equal(life_rule_allows(LIFE_BETTER, finding), rows[i].better);
    }
}

static void test_a_change_comes_back_from_its_bytes_and_from_no_others(void **state)
{
    struct lx_error err;
    struct lx_buffer bytes;
    struct life_change change = {.at_ms = 1234567890123,
                                 .action = LIFE_APPROVED,
                                 .model = "0123456789ab",
                                 .before = "ba9876543210",
                                 .by = "李雷",
                                 .asked_by = "韩梅梅",
                                 .figures = better},
                       found;
    bool is_change = false;
    for (int i = 0; i < 32; i++) change.card[i] = (uint8_t)(7 * i);
    lx_buffer_init(&bytes, LX_CONFIG_MAX);
    life_record_write(&change, &bytes);
    MUST(life_record_read(bytes.bytes, bytes.length, &found, &is_change, &err));
    assert_true(is_change);
    assert_int_equal(found.at_ms, change.at_ms);
    assert_int_equal(found.action, change.action);
    assert_string_equal(found.model, change.model);
    assert_string_equal(found.before, change.before);
    assert_string_equal(found.by, change.by);
    assert_string_equal(found.asked_by, change.asked_by);
    assert_memory_equal(found.card, change.card, 32);
    assert_memory_equal(&found.figures, &change.figures, sizeof found.figures);
    for (size_t length = 2; length < bytes.length; length++)
        MUST_FAIL(life_record_read(bytes.bytes, length, &found, &is_change, &err), LX_ERR_CORRUPT);
    bytes.bytes[1] = 99;
    MUST_FAIL(life_record_read(bytes.bytes, bytes.length, &found, &is_change, &err),
              LX_ERR_VERSION);
    bytes.bytes[0] = 1; /* a decision */
    MUST(life_record_read(bytes.bytes, bytes.length, &found, &is_change, &err));
    assert_false(is_change);
    lx_buffer_release(&bytes);
}

static void test_the_first_goes_live_and_the_rule_decides_about_the_next(void **state)
{
    struct lx_error err;
    struct place *place = *state;
    struct life *life = open_life(place, LIFE_WRITE);
    char current[REGISTRY_ID_SIZE];
    bool is_live = false;
    MUST_FAIL(registry_current(place->folder, current, &err), LX_ERR_NOT_READY);
    MUST(life_register(life, place->ids[0], NULL, &is_live, &err));
    assert_true(is_live);
    MUST(life_register(life, place->ids[1], &worse, &is_live, &err));
    assert_false(is_live);
    assert_string_equal(life_live(life), place->ids[0]);
    assert_string_equal(life_shadow(life), place->ids[1]);
    MUST(life_register(life, place->ids[2], &even, &is_live, &err));
    assert_true(is_live);
    assert_string_equal(life_shadow(life), "");
    size_t count = life_change_count(life);
    MUST(life_register(life, place->ids[2], NULL, &is_live, &err)); /* the live one again */
    assert_true(is_live);
    assert_int_equal(life_change_count(life), count);
    life_close(life);
    MUST(registry_current(place->folder, current, &err));
    assert_string_equal(current, place->ids[2]);
}

static void test_two_persons_are_two(void **state)
{
    struct lx_error err;
    struct place *place = *state;
    bool is_live = true;
    configure(place, "[model]\napproval = two_persons\n");
    struct life *life = open_life(place, LIFE_WRITE);
    assert_int_equal(life_policy_of(life).rule, LIFE_BETTER);
    MUST(life_register(life, place->ids[0], NULL, &is_live, &err));
    assert_true(is_live);
    MUST(life_register(life, place->ids[1], &better, &is_live, &err));
    assert_false(is_live);
    MUST_FAIL(life_approve(life, place->ids[1], "li", &err), LX_ERR_REFUSED); /* not asked for */
    MUST_FAIL(life_promote(life, place->ids[1], "li", &even, &is_live, &err), LX_ERR_REFUSED);
    MUST_FAIL(life_promote(life, place->ids[1], " li", &better, &is_live, &err), LX_ERR_USAGE);
    MUST_FAIL(life_promote(life, place->ids[1], "", &better, &is_live, &err), LX_ERR_USAGE);
    MUST(life_promote(life, place->ids[1], "li", &better, &is_live, &err));
    assert_false(is_live);
    assert_string_equal(life_live(life), place->ids[0]);
    MUST_FAIL(life_approve(life, place->ids[1], "li", &err), LX_ERR_REFUSED);
    MUST_FAIL(life_approve(life, place->ids[1], "LI", &err), LX_ERR_REFUSED);
    MUST_FAIL(life_approve(life, place->ids[2], "han", &err), LX_ERR_REFUSED);
    life_close(life);

    life = open_life(place, LIFE_WRITE); /* a request outlives the program */
    assert_string_equal(life_asked(life), place->ids[1]);
    assert_string_equal(life_asked_by(life), "li");
    MUST(life_approve(life, place->ids[1], "han", &err));
    assert_string_equal(life_live(life), place->ids[1]);
    const struct life_change *last = life_change_at(life, life_change_count(life) - 1);
    assert_string_equal(last->by, "han");
    assert_string_equal(last->asked_by, "li");
    assert_true(last->figures.difference == better.difference);
    MUST(life_roll_back(life, "li", &err));
    assert_string_equal(life_live(life), place->ids[0]);
    MUST_FAIL(life_roll_back(life, "li", &err), LX_ERR_REFUSED); /* nothing before it */
    life_close(life);
    configure(place, "[model]\napproval = nobody\n");
    MUST_FAIL(life_open(place->folder, LIFE_READ, &place->env, &life, &err), LX_ERR_BAD_INPUT);
}

static void assert_same_state(const struct life *a, const struct life *b)
{
    assert_string_equal(life_live(a), life_live(b));
    assert_string_equal(life_shadow(a), life_shadow(b));
    assert_string_equal(life_asked(a), life_asked(b));
    assert_int_equal(life_change_count(a), life_change_count(b));
}

static void test_walks_agree_with_a_stack_and_the_journal_alone_tells_them(void **state)
{
    struct lx_error err;
    struct place *place = *state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct lx_rng rng = lx_rng_of(seed, 1);
        const char *stack[100];
        size_t height = 0;
        scratch_remove(place->folder);
        MUST(host_make_folder(place->folder, &err));
        make_models(place);
        struct life *life = open_life(place, LIFE_WRITE);
        for (int step = 0; step < 40; step++) {
            const char *id = place->ids[lx_rng_below(&rng, MODELS)];
            bool is_live = false, was_live = height > 0 && strcmp(stack[height - 1], id) == 0;
            switch (lx_rng_below(&rng, 3)) {
            case 0:
                MUST(life_register(life, id, height > 0 ? &worse : NULL, &is_live, &err));
                if (height == 0) stack[height++] = id;
                break;
            case 1: {
                enum lx_err code = life_promote(life, id, "li", &better, &is_live, &err);
                assert_int_equal(code, was_live ? LX_ERR_REFUSED : LX_OK);
                if (code == LX_OK) stack[height++] = id;
                break;
            }
            default: {
                enum lx_err code = life_roll_back(life, "han", &err);
                assert_int_equal(code, height < 2 ? LX_ERR_REFUSED : LX_OK);
                if (code == LX_OK) height--;
            }
            }
            if (strcmp(life_live(life), height > 0 ? stack[height - 1] : "") != 0)
                fail_msg("seed %d step %d: live is %s", (int)seed, step, life_live(life));
        }
        life_close(life);
        char path[LX_PATH_MAX];
        MUST(host_join(path, place->folder, "models/life", &err));
        life = open_life(place, LIFE_READ);
        MUST(host_remove(path, &err));
        struct life *again = open_life(place, LIFE_READ);
        assert_same_state(life, again);
        life_close(again);
        MUST(host_write_atomic(path, "LXMODELS junk that is no copy of anything at all", 48, &err));
        again = open_life(place, LIFE_READ);
        assert_same_state(life, again);
        life_close(again);
        life_close(life);
    }
}

/* A change whose record is on disk is in force although the program died before its files were. */
static void test_a_change_is_in_force_from_its_record_on(void **state)
{
    struct lx_error err;
    struct place *place = *state;
    char current[REGISTRY_ID_SIZE];
    bool is_live;
    int seen_old = 0, seen_new = 0;
    for (uint64_t writes = 0;; writes++) {
        scratch_remove(place->folder);
        MUST(host_make_folder(place->folder, &err));
        make_models(place);
        struct life *life = open_life(place, LIFE_WRITE);
        MUST(life_register(life, place->ids[0], NULL, &is_live, &err));
        host_fault_after(writes, EIO);
        enum lx_err code = life_promote(life, place->ids[1], "li", &better, &is_live, &err);
        host_fault_after(0, 0);
        life_close(life);

        struct journal *journal = NULL;
        MUST(journal_open(place->folder, JOURNAL_READ, &journal, &err));
        bool is_recorded = journal_next_position(journal) == 3; /* registered, first, promoted */
        journal_close(journal);
        MUST(registry_current(place->folder, current, &err));
        if (strcmp(current, place->ids[is_recorded ? 1 : 0]) != 0)
            fail_msg("write %d: recorded %d, live is %s", (int)writes, is_recorded, current);
        life = open_life(place, LIFE_WRITE);
        assert_string_equal(life_live(life), current);
        life_close(life);
        MUST(registry_named(place->folder, current, &err));
        assert_string_equal(current, place->ids[is_recorded ? 1 : 0]);
        (void)(is_recorded ? seen_new++ : seen_old++);
        if (code == LX_OK) break;
    }
    assert_true(seen_old >= 1 && seen_new >= 2);
}

static void test_a_model_from_before_is_adopted(void **state)
{
    struct lx_error err;
    struct place *place = *state;
    bool is_live = true;
    MUST(registry_set_current(place->folder, place->ids[3], &err));
    struct life *life = open_life(place, LIFE_READ);
    assert_string_equal(life_live(life), place->ids[3]);
    life_close(life);
    life = open_life(place, LIFE_WRITE);
    assert_int_equal(life_change_at(life, 0)->action, LIFE_ADOPTED);
    MUST(life_promote(life, place->ids[4], "li", &better, &is_live, &err));
    MUST(life_roll_back(life, "li", &err));
    assert_string_equal(life_live(life), place->ids[3]);
    life_close(life);
}

int main(void)
{
#define EACH(name) cmocka_unit_test_setup_teardown(name, make_place, end_place)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_rule_is_what_its_table_says),
        cmocka_unit_test(test_a_change_comes_back_from_its_bytes_and_from_no_others),
        EACH(test_the_first_goes_live_and_the_rule_decides_about_the_next),
        EACH(test_two_persons_are_two),
        EACH(test_walks_agree_with_a_stack_and_the_journal_alone_tells_them),
        EACH(test_a_change_is_in_force_from_its_record_on),
        EACH(test_a_model_from_before_is_adopted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
