/*
 * Goal:   SQLite behind store/store.h does what every backend does, and what is its own: a full
 *         disk, a damaged file and a file that is replaced under an open handle lose nothing.
 * Method: the conformance suite; then a limit on pages, a limit on the file's size in a child
 *         process, bytes overwritten in the file, and two handles on one file.
 */
#include "tests/cmocka_all.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/store.h"
#include "tests/scratch.h"
#include "tests/unit/store/store_conformance.h"

static char folder[LX_PATH_MAX], path[LX_PATH_MAX];
static struct lx_error err;

static int setup(void **state)
{
    scratch_make(folder);
    MUST(host_join(path, folder, "test.db", &err));
    return 0;
}

static int teardown(void **state)
{
    scratch_remove(folder);
    return 0;
}

static void fresh_url(const char *where, char ret_url[LX_PATH_MAX])
{
    snprintf(ret_url, LX_PATH_MAX, "sqlite:%.4000s/fresh.db", where);
}

static void check_integrity(struct store *store)
{
    struct store_statement *statement = NULL;
    bool has_row = false;
    MUST(store_prepare(store, "PRAGMA integrity_check", &statement, &err));
    MUST(store_step(statement, &has_row, &err));
    assert_string_equal(store_text(statement, 0, NULL), "ok");
    store_finalize(statement);
}

static struct store *open_store(enum store_mode mode)
{
    struct store *store = NULL;
    MUST(store_open(path, mode, &store, &err));
    return store;
}

static int64_t count_rows(struct store *store)
{
    struct store_statement *statement = NULL;
    bool has_row = false;
    MUST(store_prepare(store, "SELECT count(*) FROM t", &statement, &err));
    MUST(store_step(statement, &has_row, &err));
    int64_t count = store_int(statement, 0);
    store_finalize(statement);
    return count;
}

static enum lx_err fill(struct store *store, int rows)
{
    static const char bytes[4000];
    struct store_statement *put = NULL;
    enum lx_err code = store_begin(store, &err);
    if (code == LX_OK) code = store_prepare(store, "INSERT INTO t VALUES ($1)", &put, &err);
    for (int i = 0; i < rows && code == LX_OK; i++) {
        store_bind_blob(put, 1, bytes, sizeof bytes);
        code = store_run(put, &err);
    }
    store_finalize(put);
    if (code == LX_OK) return store_commit(store, &err);
    store_rollback(store);
    return code;
}

static void test_other_stores_than_sqlite_are_named(void **state)
{
    struct store *store = NULL;
    MUST_FAIL(store_open("postgresql://localhost/bank", STORE_WRITE, &store, &err),
              LX_ERR_NOT_BUILT);
    assert_non_null(strstr(err.text, "sqlite:PATH"));
    MUST_FAIL(store_open("oracle://x", STORE_WRITE, &store, &err), LX_ERR_USAGE);
    MUST_FAIL(store_open("sqlite:", STORE_WRITE, &store, &err), LX_ERR_USAGE);
}

static void test_a_store_that_is_full_says_so_and_keeps_what_it_had(void **state)
{
    struct store *store = open_store(STORE_WRITE);
    MUST(store_execute(store, "CREATE TABLE t (a BLOB)", &err));
    MUST(fill(store, 10));
    MUST(store_execute(store, "PRAGMA max_page_count = 40", &err));
    MUST_FAIL(fill(store, 200), LX_ERR_DISK_FULL);
    assert_int_equal(count_rows(store), 10);
    MUST(store_execute(store, "PRAGMA max_page_count = 4000", &err));
    MUST(fill(store, 200));
    assert_int_equal(count_rows(store), 210);
    store_close(store);
}

/* In a child: files may not grow past `bytes`. Its exit status is the store's code, negated. */
static int fill_under_limit(enum store_mode mode, uint64_t bytes)
{
    pid_t child = fork();
    if (child == 0) {
        struct store *store = NULL;
        struct rlimit limit = {bytes, bytes};
        signal(SIGXFSZ, SIG_IGN);
        enum lx_err code = store_open(path, mode, &store, &err);
        if (code == LX_OK && mode == STORE_BULK)
            code = store_execute(store, "CREATE TABLE t (a BLOB)", &err);
        if (setrlimit(RLIMIT_FSIZE, &limit) != 0) _exit(100);
        if (code == LX_OK) code = fill(store, 100000);
        /* Like a process that is killed: nothing is closed. */
        _exit(-(int)code);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return -WEXITSTATUS(status);
}

static void test_a_file_that_cannot_grow_is_a_full_disk(void **state)
{
    struct store *store = open_store(STORE_WRITE);
    MUST(store_execute(store, "CREATE TABLE t (a BLOB)", &err));
    MUST(fill(store, 10));
    store_close(store);
    for (uint64_t bytes = 100000; bytes < 3000000; bytes += 700001)
        assert_int_equal(fill_under_limit(STORE_WRITE, bytes), LX_ERR_DISK_FULL);
    store = open_store(STORE_WRITE);
    assert_int_equal(count_rows(store), 10);
    MUST(fill(store, 100));
    store_close(store);
    MUST(host_remove(path, &err));
    assert_int_equal(fill_under_limit(STORE_BULK, 3000000), LX_ERR_DISK_FULL);
}

static void test_a_file_that_is_no_database_is_damaged(void **state)
{
    char text[5000];
    struct store *store = NULL;
    memset(text, 'x', sizeof text);
    MUST(host_write_atomic(path, text, sizeof text, &err));
    for (int i = 0; i < 2; i++)
        MUST_FAIL(store_open(path, i == 0 ? STORE_READ : STORE_WRITE, &store, &err),
                  LX_ERR_CORRUPT);
    assert_non_null(strstr(err.text, "test.db"));
}

static void test_a_damaged_page_is_found_when_it_is_read(void **state)
{
    struct store *store = open_store(STORE_WRITE);
    struct lx_buffer bytes;
    MUST(store_execute(store, "CREATE TABLE t (a BLOB)", &err));
    MUST(fill(store, 100));
    store_close(store);
    lx_buffer_init(&bytes, 1 << 24);
    MUST(host_read_file(path, &bytes, &err));
    for (size_t at = 8192; at < bytes.length; at += 8192) memset(bytes.bytes + at, 0xa5, 100);
    MUST(host_write_atomic(path, bytes.bytes, bytes.length, &err));
    lx_buffer_release(&bytes);
    struct store_statement *statement = NULL;
    bool has_row = false;
    store = open_store(STORE_READ);
    MUST(store_prepare(store, "SELECT sum(length(a)) FROM t", &statement, &err));
    MUST_FAIL(store_step(statement, &has_row, &err), LX_ERR_CORRUPT);
    store_finalize(statement);
    store_close(store);
}

static void test_a_bulk_store_is_a_new_file(void **state)
{
    struct store *store = open_store(STORE_WRITE);
    store_close(store);
    MUST_FAIL(store_open(path, STORE_BULK, &store, &err), LX_ERR_REFUSED);
}

static void test_a_store_is_replaced_whole_and_old_writers_are_told(void **state)
{
    char next[LX_PATH_MAX], log[LX_PATH_MAX];
    MUST(host_join(next, folder, "next.db", &err));
    MUST(host_join(log, folder, "test.db-wal", &err));
    struct store *old = open_store(STORE_WRITE), *bulk = NULL, *other = NULL;
    MUST(store_execute(old, "CREATE TABLE t (a BLOB)", &err));
    MUST(fill(old, 5));
    MUST(store_open(next, STORE_BULK, &bulk, &err));
    MUST(store_execute(bulk, "CREATE TABLE t (a BLOB)", &err));
    MUST(fill(bulk, 50));
    MUST(store_seal(bulk, &err));
    store_close(bulk);

    /* A reader on the old file keeps it from being retired; without it the log goes. */
    other = open_store(STORE_READ);
    assert_int_equal(count_rows(other), 5);
    MUST_FAIL(store_retire(old, &err), LX_ERR_BUSY);
    store_close(other);
    MUST(store_retire(old, &err));
    assert_false(host_exists(log));
    MUST(host_rename(next, path, &err));
    store_close(old);
    other = open_store(STORE_READ);
    assert_int_equal(count_rows(other), 50);
    store_close(other);
}

struct largest {
    int64_t next, end;
};

static enum lx_err next_largest(void *context, int64_t *values, bool *ret_has_row,
                                struct lx_error *error)
{
    struct largest *largest = context;
    *ret_has_row = largest->next < largest->end;
    for (int i = 0; i < STORE_COLUMNS_MAX; i++) values[i] = INT64_MAX - i;
    values[0] = INT64_MAX - 1000 + largest->next++;
    return LX_OK;
}

/* 27 rows to a leaf, 27 rows and 28 leaves to a page above: a second level begins with the 28th
 * row, a third with the 784th. */
static void test_a_tree_is_whole_whatever_its_last_pages_hold(void **state)
{
    char sql[1024], next[LX_PATH_MAX];
    int length = snprintf(sql, sizeof sql, "CREATE TABLE t (c0 INTEGER PRIMARY KEY");
    for (int i = 1; i < STORE_COLUMNS_MAX; i++)
        length += snprintf(sql + length, sizeof sql - (size_t)length, ", c%d INTEGER", i);
    snprintf(sql + length, sizeof sql - (size_t)length, ") WITHOUT ROWID");
    MUST(host_join(next, folder, "tree.db", &err));
    for (int64_t rows = 0; rows < 880; rows += rows == 90 ? 650 : 1) {
        struct largest largest = {0, rows};
        const struct store_int_source source = {&largest, INT64_MIN, next_largest};
        uint64_t count = 0;
        struct store *store = NULL;
        MUST(store_open(next, STORE_BULK, &store, &err));
        MUST(store_execute(store, sql, &err));
        MUST(store_fill(store, "t", STORE_COLUMNS_MAX, 1, &source, &count, &err));
        if (count_rows(store) != rows) fail_msg("not %d rows", (int)rows);
        check_integrity(store);
        store_close(store);
        MUST(host_remove(next, &err));
    }
}

static void test_a_store_is_for_its_owner_alone(void **state)
{
    struct stat status;
    struct store *store = open_store(STORE_WRITE);
    MUST(store_execute(store, "CREATE TABLE t (a BLOB)", &err));
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    char log[LX_PATH_MAX];
    MUST(host_join(log, folder, "test.db-wal", &err));
    assert_int_equal(stat(log, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    store_close(store);
}

static void test_a_writer_of_a_replaced_file_is_refused(void **state)
{
    char aside[LX_PATH_MAX];
    MUST(host_join(aside, folder, "aside.db", &err));
    struct store *old = open_store(STORE_WRITE);
    MUST(store_execute(old, "CREATE TABLE t (a BLOB)", &err));
    MUST(host_rename(path, aside, &err));
    MUST_FAIL(store_begin(old, &err), LX_ERR_BUSY);
    assert_non_null(strstr(err.text, "replaced"));
    MUST(host_rename(aside, path, &err));
    MUST(store_begin(old, &err));
    store_close(old);
}

int main(void)
{
    const struct store_subject subject = {"sqlite", fresh_url, " WITHOUT ROWID", check_integrity};
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(test_other_stores_than_sqlite_are_named),
        TEST(test_a_store_that_is_full_says_so_and_keeps_what_it_had),
        TEST(test_a_file_that_cannot_grow_is_a_full_disk),
        TEST(test_a_file_that_is_no_database_is_damaged),
        TEST(test_a_damaged_page_is_found_when_it_is_read),
        TEST(test_a_bulk_store_is_a_new_file),
        TEST(test_a_store_is_replaced_whole_and_old_writers_are_told),
        TEST(test_a_tree_is_whole_whatever_its_last_pages_hold),
        TEST(test_a_store_is_for_its_owner_alone),
        TEST(test_a_writer_of_a_replaced_file_is_refused),
    };
    return store_conformance_run(&subject) + cmocka_run_group_tests(tests, NULL, NULL);
}
