/*
 * Goal:   an import that is killed at any moment leaves no trace: the bank opens, the batch is not
 *         there, and the same import works when it is run again.
 * Method: a child process imports and is killed (SIGKILL) after a random part of the time that the
 *         whole takes, many times, into an empty bank and into one that has a batch.
 */
#include "scene.h"

#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#include "base/rng.h"

enum { CUSTOMERS = 20000, KILLS = 12 };

static const char mapping[] =
    "[file c]\nentity = customer\nfiles = c*.csv\ncustomer = id\nat = '2020-01-01'\nknown_at = at\n"
    "[file e]\nentity = event\nfiles = e*.csv\ncustomer = id\nat = day\nknown_at = at\n"
    "kind = 'login'\nsequence = n\n"
    "[file x]\nentity = event_change\nfiles = x*.csv\ncustomer = id\nat = day\n"
    "known_at = at + 9 days\nkind = 'visit'\nsequence = n\n";

static void write_files(const struct scene *scene, char which, int first)
{
    struct lx_buffer customers, events, changes;
    char name[16];
    lx_buffer_init(&customers, 1 << 24);
    lx_buffer_init(&events, 1 << 26);
    lx_buffer_init(&changes, 1 << 26);
    lx_buffer_append_text(&customers, "id\n");
    lx_buffer_append_text(&events, "id,day,n\n");
    lx_buffer_append_text(&changes, "id,day,n\n");
    for (int i = first; i < first + CUSTOMERS; i++) {
        lx_buffer_printf(&customers, "C%06d\n", i);
        for (int n = 0; n < 3; n++) {
            int customer = (i * 7919) % CUSTOMERS + first, day = 1 + (i + n) % 28;
            lx_buffer_printf(&events, "C%06d,2026-01-%02d,%d\n", customer, day, i * 3 + n);
            if (n == 1 && i % 4 == 0)
                lx_buffer_printf(&changes, "C%06d,2026-01-%02d,%d\n", customer, day, i * 3 + n);
        }
    }
    assert_int_equal(lx_buffer_error(&events), LX_OK);
    snprintf(name, sizeof name, "c%c.csv", which);
    scene_write(scene, name, customers.bytes, customers.length);
    snprintf(name, sizeof name, "e%c.csv", which);
    scene_write(scene, name, events.bytes, events.length);
    snprintf(name, sizeof name, "x%c.csv", which);
    scene_write(scene, name, changes.bytes, changes.length);
    lx_buffer_release(&customers);
    lx_buffer_release(&changes);
    lx_buffer_release(&events);
}

static int64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* Imports in a child that is killed after so many microseconds; true if it had finished. */
static bool import_and_kill(struct scene *scene, int64_t after_us)
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct import_result result;
        _exit(scene_import(scene, mapping, &result) == LX_OK ? 0 : 1);
    }
    struct timespec pause = {.tv_sec = after_us / 1000000, .tv_nsec = after_us % 1000000 * 1000};
    nanosleep(&pause, NULL);
    kill(child, SIGKILL);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    if (WIFSIGNALED(status)) return false;
    assert_int_equal(WEXITSTATUS(status), 0);
    return true;
}

static int64_t count_rows(const struct scene *scene, const char *sql)
{
    struct bank *bank = scene_bank(scene);
    struct store_statement *statement = NULL;
    bool has_row = false;
    assert_int_equal(store_prepare(bank_store(bank), sql, &statement, NULL), LX_OK);
    assert_int_equal(store_step(statement, &has_row, NULL), LX_OK);
    int64_t count = store_int(statement, 0);
    store_finalize(statement);
    bank_close(bank);
    return count;
}

static int64_t count_events(const struct scene *scene)
{
    return count_rows(scene, "SELECT count(*) FROM event");
}

static int64_t count_changes(const struct scene *scene)
{
    return count_rows(scene, "SELECT count(*) FROM event_change");
}

/* A bank that holds the first files, or none, and a source with files that it does not hold. */
static void build(struct scene *scene, bool has_first)
{
    assert_int_equal(host_remove_tree(scene->bank, NULL), LX_OK);
    scene_create_bank(scene->bank);
    if (!has_first) return;
    struct import_result result;
    char source[SCENE_PATH + 32];
    snprintf(source, sizeof source, "%s/first", scene->folder);
    if (scene_import_of(scene, source, "test.ini", mapping, &result) != LX_OK)
        fail_msg("%s", scene->err.text);
}

/* The bank holds `before` customers or all of them, and never anything between. */
static void kill_many_times(struct scene *scene, bool has_first, uint64_t seed)
{
    int64_t before = has_first ? CUSTOMERS : 0;
    struct lx_rng rng = lx_rng_of(seed, 1);
    build(scene, has_first);
    int64_t started_us = now_us();
    scene_load(scene, mapping);
    int64_t whole_us = now_us() - started_us;
    build(scene, has_first);

    int killed = 0;
    for (int i = 0; i < KILLS; i++) {
        int64_t after_us = (int64_t)lx_rng_below(&rng, (uint64_t)whole_us + 1);
        bool is_done = import_and_kill(scene, after_us);
        int64_t customers = scene_customers(scene), events = count_events(scene);
        int64_t changes = count_changes(scene);
        bool is_whole = customers == before + CUSTOMERS && events == 3 * (before + CUSTOMERS) &&
                        changes == (before + CUSTOMERS) / 4;
        bool is_absent = customers == before && events == 3 * before && changes == before / 4;
        if ((is_done && !is_whole) || !(is_whole || is_absent))
            fail_msg("kill %d after %" PRId64 " of %" PRId64 " us: %" PRId64 " customers, %" PRId64
                     " events, %" PRId64 " changes",
                     i, after_us, whole_us, customers, events, changes);
        if (is_absent) killed++;
        if (is_whole) build(scene, has_first);
    }
    print_message("%d of %d killed in time; the whole takes %" PRId64 " us\n", killed, KILLS,
                  whole_us);
    assert_true(killed > 0);
    scene_load(scene, mapping);
    assert_int_equal(scene_customers(scene), before + CUSTOMERS);
    assert_int_equal(count_events(scene), 3 * (before + CUSTOMERS));
    assert_int_equal(count_changes(scene), (before + CUSTOMERS) / 4);
    assert_true(scene_load(scene, mapping).is_duplicate);
}

static void test_a_killed_import_leaves_no_trace(void **state)
{
    (void)state;
    struct scene scene;
    char first[SCENE_PATH + 32];
    scene_open(&scene);
    write_files(&scene, '1', 0);
    kill_many_times(&scene, false, 42);
    snprintf(first, sizeof first, "%s/first", scene.folder);
    assert_int_equal(rename(scene.source, first), 0);
    assert_int_equal(host_make_folder(scene.source, NULL), LX_OK);
    write_files(&scene, '2', CUSTOMERS);
    kill_many_times(&scene, true, 43);
    scene_close(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_a_killed_import_leaves_no_trace)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
