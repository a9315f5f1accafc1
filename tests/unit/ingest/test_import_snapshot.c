/*
 * Goal:   monthly snapshots become the openings and closings that lie between them, whether they
 *         come in one batch or in several, as 0/1 columns or as lists, and nothing else.
 * Method: small sequences beside the events that a person expects; then seeded random states of a
 *         few customers, and a model that keeps an array of what is held and compares it month by
 *         month.
 */
#include "scene.h"

#include "base/rng.h"

#define CUSTOMERS                                                                                  \
    "[file customers]\nentity = customer\nfiles = customers.csv\ncustomer = id\n"                  \
    "at = '2020-01-01'\nknown_at = at\n"
#define PROFILE "2020-01-01 known 2020-01-01 profile - - - 2 - - - -\n"
#define WIDE                                                                                       \
    CUSTOMERS "[file s]\nentity = snapshot\nfiles = s_{YYYYMM}.csv\ncustomer = id\n"               \
              "at = file date\nknown_at = at + 1 days\nheld = P*\n"
#define LONG                                                                                       \
    CUSTOMERS "[file s]\nentity = snapshot\nfiles = s_{YYYYMM}.csv\ncustomer = id\n"               \
              "at = file date\nknown_at = at + 1 days\nproduct = p\n"

static void test_wide_snapshots_are_differenced(void **state)
{
    (void)state;
    struct scene scene;
    scene_open(&scene);
    scene_text(&scene, "customers.csv", "id\nA\nB\n");
    scene_text(&scene, "s_202601.csv", "id,P01,P02\nA,1,0\nB,0,0\n");
    scene_text(&scene, "s_202602.csv", "id,P01,P02\nA,1,1\n"); /* of B nothing is said */
    scene_text(&scene, "s_202603.csv", "id,P02,P01\nA,1,0\nB,0,1\n");
    struct import_result result = scene_load(&scene, WIDE);
    assert_int_equal(result.rows_read, 7);
    assert_int_equal(result.rows_loaded, 7);
    assert_int_equal(result.facts, 2 + 4);
    scene_assert_history(&scene, "A",
                         PROFILE "2026-01-31 known 2026-02-01 open P01\n"
                                 "2026-02-28 known 2026-03-01 open P02\n"
                                 "2026-03-31 known 2026-04-01 close P01\n");
    scene_assert_history(&scene, "B", PROFILE "2026-03-31 known 2026-04-01 open P01\n");
    scene_close(&scene);
}

static void test_a_list_says_what_is_no_longer_held(void **state)
{
    (void)state;
    struct scene scene;
    scene_open(&scene);
    scene_text(&scene, "customers.csv", "id\nA\nB\nC\n");
    scene_text(&scene, "s_202601.csv", "id,p\nA,P01\nB,P01\nA,P02\n");
    scene_text(&scene, "s_202602.csv", "id,p\nA,P02\nA,P02\n"); /* B is gone, a row comes twice */
    struct import_result result = scene_load(&scene, LONG);
    assert_int_equal(result.duplicates, 1);
    scene_assert_history(&scene, "A",
                         PROFILE "2026-01-31 known 2026-02-01 open P02\n"
                                 "2026-01-31 known 2026-02-01 open P01\n"
                                 "2026-02-28 known 2026-03-01 close P01\n");
    scene_assert_history(&scene, "B",
                         PROFILE "2026-01-31 known 2026-02-01 open P01\n"
                                 "2026-02-28 known 2026-03-01 close P01\n");
    scene_assert_history(&scene, "C", PROFILE);
    scene_close(&scene);
}

static void test_a_later_batch_goes_on_from_the_banks_state(void **state)
{
    (void)state;
    struct scene scene;
    scene_open(&scene);
    scene_text(&scene, "customers.csv", "id\nA\nB\n");
    scene_text(&scene, "s_202601.csv", "id,p\nA,P01\nB,P02\n");
    scene_load(&scene, LONG);
    scene_text(&scene, "s_202602.csv", "id,p\nA,P01\nA,P03\n");
    struct import_result result = scene_load(&scene, LONG);
    assert_int_equal(result.files_seen, 2);
    assert_int_equal(result.facts, 2);
    scene_assert_history(&scene, "A",
                         PROFILE "2026-01-31 known 2026-02-01 open P01\n"
                                 "2026-02-28 known 2026-03-01 open P03\n");
    scene_assert_history(&scene, "B",
                         PROFILE "2026-01-31 known 2026-02-01 open P02\n"
                                 "2026-02-28 known 2026-03-01 close P02\n");
    scene_close(&scene);
}

static void test_snapshots_that_cannot_be_placed_are_rejected(void **state)
{
    (void)state;
    struct scene scene;
    scene_open(&scene);
    scene_text(&scene, "customers.csv", "id\nA\nB\n");
    scene_text(&scene, "s_202602.csv", "id,P01,P02\nA,1,0\nA,1,1\nB,0,0\nZ,1,1\n");
    struct import_result result = scene_load(&scene, WIDE);
    assert_int_equal(result.rows_rejected, 2);
    assert_int_equal(result.rows_loaded, 2 + 2);
    scene_assert_rejects(
        &result, "s_202602.csv,5,id,no such customer in the bank or in this batch: 1 bytes\n"
                 "s_202602.csv,3,id,another row of this customer and moment says"
                 " otherwise\n");
    scene_text(&scene, "s_202601.csv", "id,P01,P02\nA,0,1\nB,0,1\n");
    result = scene_load(&scene, WIDE);
    assert_int_equal(result.rows_rejected, 1);
    scene_assert_rejects(&result,
                         "s_202601.csv,2,at,a snapshot not later than what the bank knows of"
                         " this customer\n");
    scene_assert_history(&scene, "A", PROFILE "2026-02-28 known 2026-03-01 open P01\n");
    scene_assert_history(&scene, "B", PROFILE "2026-01-31 known 2026-02-01 open P02\n");
    scene_close(&scene);
}

static void test_columns_that_a_snapshot_does_not_have_stay_as_they_are(void **state)
{
    (void)state;
    struct scene scene;
    scene_open(&scene);
    scene_text(&scene, "customers.csv", "id\nA\n");
    scene_text(&scene, "k.csv", "id,p,d\nA,P09,2025-01-01\n");
    scene_text(&scene, "s_202601.csv", "id,P01,P02\nA,1,1\n");
    scene_text(&scene, "s_202602.csv", "id,P01\nA,0\n");
    scene_load(&scene, WIDE "[file k]\nentity = contract\nfiles = k.csv\ncustomer = id\n"
                            "product = p\nopened = d\nknown_at = at\n");
    scene_assert_history(&scene, "A",
                         PROFILE "2025-01-01 known 2025-01-01 open P09\n"
                                 "2026-01-31 known 2026-02-01 open P02\n"
                                 "2026-01-31 known 2026-02-01 open P01\n"
                                 "2026-02-28 known 2026-03-01 close P01\n");
    scene_close(&scene);
}

static void test_first_openings_can_be_dated_back(void **state)
{
    (void)state;
    struct scene scene;
    scene_open(&scene);
    scene_text(&scene, "customers.csv", "id\nA\nB\n");
    scene_text(&scene, "s_202601.csv", "id,P01,P02,since\nA,1,0,2015-06-01\nB,1,0,2027-01-01\n");
    scene_text(&scene, "s_202602.csv", "id,P01,P02,since\nA,1,1,2015-06-01\n");
    struct import_result result = scene_load(&scene, WIDE "first_at = since\n");
    scene_assert_rejects(&result, "s_202601.csv,3,since,does not have its form: later than the"
                                  " snapshot\n");
    scene_assert_history(&scene, "A",
                         PROFILE "2015-06-01 known 2026-02-01 open P01\n"
                                 "2026-02-28 known 2026-03-01 open P02\n");
    scene_close(&scene);
}

static void test_moments_in_a_column_may_come_in_any_order(void **state)
{
    (void)state;
    struct scene scene;
    scene_open(&scene);
    scene_text(&scene, "customers.csv", "id\nA\n");
    scene_text(&scene, "s.csv",
               "id,day,P01,P02\nA,2026-03-31,1,0\nA,2026-01-31,1,1\n"
               "A,2026-02-28,0,0\n");
    scene_text(&scene, "added.csv", "id,day,P01,P02,P03\nA,2026-02-28,0,0,1\n");
    scene_load(&scene,
               CUSTOMERS "[file s]\nentity = snapshot\nfiles = s.csv\ncustomer = id\nat = day\n"
                         "known_at = at\nheld = P*\n"
                         "[file added]\nentity = snapshot\nfiles = added.csv\ncustomer = id\n"
                         "at = day + 10 days\nknown_at = at\nheld = P*\nunheld = unknown\n");
    scene_assert_history(&scene, "A",
                         PROFILE "2026-01-31 known 2026-01-31 open P02\n"
                                 "2026-01-31 known 2026-01-31 open P01\n"
                                 "2026-02-28 known 2026-02-28 close P01\n"
                                 "2026-02-28 known 2026-02-28 close P02\n"
                                 "2026-03-10 known 2026-03-10 open P03\n"
                                 "2026-03-31 known 2026-03-31 open P01\n");
    scene_close(&scene);
}

enum { PEOPLE = 7, PRODUCTS = 5, MONTHS = 6, LINES_MAX = PEOPLE * PRODUCTS * MONTHS * 2 };

struct model {
    bool is_wide, is_absent_closed, is_unheld_unknown;
    bool held[PEOPLE][PRODUCTS];
    char lines[LINES_MAX][64];
    size_t count;
};

static void change(struct model *model, int month, int person, int product, bool is_open)
{
    static const int last_days[MONTHS] = {31, 28, 31, 30, 31, 30};
    snprintf(model->lines[model->count++], sizeof model->lines[0], "%d 2026-%02d-%02d %s P0%d",
             person, month + 1, last_days[month], is_open ? "open" : "close", product + 1);
    model->held[person][product] = is_open;
}

/* One month: what the file says of each person, and what that means. */
static void live(struct model *model, struct lx_rng *rng, int month, struct lx_buffer *file)
{
    bool is_anybody_there = false, is_there[PEOPLE], now[PEOPLE][PRODUCTS];
    lx_buffer_append_text(file, model->is_wide ? "id,P01,P02,P03,P04,P05\n" : "id,p\n");
    for (int person = 0; person < PEOPLE; person++) {
        bool any = false;
        is_there[person] = lx_rng_chance(rng, 0.8);
        for (int product = 0; product < PRODUCTS; product++) {
            now[person][product] = lx_rng_chance(rng, 0.3);
            any = any || now[person][product];
            if (is_there[person] && !model->is_wide && now[person][product])
                lx_buffer_printf(file, "c%d,P0%d\n", person, product + 1);
        }
        if (!model->is_wide && !any) is_there[person] = false;
        if (!is_there[person]) continue;
        is_anybody_there = true;
        if (!model->is_wide) continue;
        lx_buffer_printf(file, "c%d", person);
        for (int product = 0; product < PRODUCTS; product++)
            lx_buffer_printf(file, ",%d", now[person][product]);
        lx_buffer_append_text(file, "\n");
    }
    for (int person = 0; person < PEOPLE; person++) {
        for (int product = 0; product < PRODUCTS; product++) {
            bool is_held = is_there[person] && now[person][product];
            bool can_close = is_there[person] ? !model->is_unheld_unknown
                                              : model->is_absent_closed && is_anybody_there;
            if (is_held && !model->held[person][product])
                change(model, month, person, product, true);
            if (!is_held && model->held[person][product] && can_close)
                change(model, month, person, product, false);
        }
    }
}

static int compare_lines(const void *a, const void *b)
{
    return strcmp(a, b);
}

static size_t read_lines(const struct scene *scene, char lines[LINES_MAX][64])
{
    struct bank *bank = scene_bank(scene);
    size_t count = 0;
    for (int person = 0; person < PEOPLE; person++) {
        char id[16];
        int64_t customer;
        struct lx_arena arena;
        struct bank_history history;
        lx_arena_init(&arena, 1 << 24);
        snprintf(id, sizeof id, "c%d", person);
        assert_int_equal(bank_customer_find(bank, id, &customer, NULL), LX_OK);
        assert_int_equal(bank_history_read(bank, customer, &arena, &history, NULL), LX_OK);
        for (size_t i = 0; i < history.event_count; i++) {
            const struct bank_event *event = &history.events[i];
            char day[LX_TIME_TEXT_SIZE];
            lx_ms_format(event->at_ms, SCENE_OFFSET, day);
            assert_int_equal(event->known_at_ms - event->at_ms, LX_MS_PER_DAY);
            assert_true(count < LINES_MAX);
            snprintf(lines[count++], 64, "%d %.10s %s %s", person, day,
                     bank_event_kind_text((enum bank_event_kind)event->kind),
                     scene_product(bank, event->product));
        }
        lx_arena_release(&arena);
    }
    bank_close(bank);
    return count;
}

static void run_model(uint64_t seed)
{
    static struct model model;
    static char actual[LINES_MAX][64];
    struct lx_rng rng = lx_rng_of(seed, 0);
    struct scene scene;
    struct lx_buffer file;
    char mapping[1024], name[32];
    memset(&model, 0, sizeof model);
    model.is_wide = lx_rng_chance(&rng, 0.5);
    model.is_absent_closed = lx_rng_chance(&rng, 0.5);
    model.is_unheld_unknown = model.is_wide && lx_rng_chance(&rng, 0.3);
    scene_open(&scene);
    scene.thread_count = 1 + (int)lx_rng_below(&rng, 2);
    lx_buffer_init(&file, 1 << 20);
    scene_text(&scene, "customers.csv", "id\nc0\nc1\nc2\nc3\nc4\nc5\nc6\n");
    snprintf(mapping, sizeof mapping, "%sabsent = %s\n%s", model.is_wide ? WIDE : LONG,
             model.is_absent_closed ? "closed" : "unknown",
             model.is_unheld_unknown ? "unheld = unknown\n" : "");
    for (int month = 0; month < MONTHS; month++) {
        lx_buffer_clear(&file);
        live(&model, &rng, month, &file);
        snprintf(name, sizeof name, "s_2026%02d.csv", month + 1);
        scene_write(&scene, name, file.bytes, file.length);
        if (lx_rng_chance(&rng, 0.4)) scene_load(&scene, mapping);
    }
    scene_load(&scene, mapping);
    size_t count = read_lines(&scene, actual);
    qsort(model.lines, model.count, sizeof model.lines[0], compare_lines);
    qsort(actual, count, sizeof actual[0], compare_lines);
    for (size_t i = 0; i < count || i < model.count; i++) {
        const char *got = i < count ? actual[i] : "nothing";
        const char *want = i < model.count ? model.lines[i] : "nothing";
        if (strcmp(got, want) != 0)
            fail_msg("seed %" PRIu64 ": got %s, want %s\n%s", seed, got, want, mapping);
    }
    lx_buffer_release(&file);
    scene_close(&scene);
}

static void test_random_states_against_a_model(void **state)
{
    (void)state;
    enum { SEEDS = 40 };
    const char *one = getenv("LINGXI_SEED");
    if (one != NULL) run_model(strtoull(one, NULL, 10));
    for (uint64_t seed = 1; one == NULL && seed <= SEEDS; seed++) run_model(seed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wide_snapshots_are_differenced),
        cmocka_unit_test(test_a_list_says_what_is_no_longer_held),
        cmocka_unit_test(test_a_later_batch_goes_on_from_the_banks_state),
        cmocka_unit_test(test_snapshots_that_cannot_be_placed_are_rejected),
        cmocka_unit_test(test_columns_that_a_snapshot_does_not_have_stay_as_they_are),
        cmocka_unit_test(test_first_openings_can_be_dated_back),
        cmocka_unit_test(test_moments_in_a_column_may_come_in_any_order),
        cmocka_unit_test(test_random_states_against_a_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
