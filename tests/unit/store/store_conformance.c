/*
 * Goal:   a program that uses store/store.h cannot tell which backend is behind it.
 * Method: each promise of the header is a test on a fresh database; the SQL is what both backends
 *         share.
 */
#include "tests/unit/store/store_conformance.h"

#include "tests/cmocka_all.h"

#include <errno.h>
#include <inttypes.h>

#include "store/store.h"
#include "tests/scratch.h"

static const struct store_subject *subject;
static char folder[LX_PATH_MAX], url[LX_PATH_MAX];
static struct lx_error err;

static int setup(void **state)
{
    scratch_make(folder);
    subject->fresh_url(folder, url);
    return 0;
}

static int teardown(void **state)
{
    scratch_remove(folder);
    return 0;
}

static struct store *open_store(enum store_mode mode)
{
    struct store *store = NULL;
    MUST(store_open(url, mode, &store, &err));
    return store;
}

static struct store_statement *prepare(struct store *store, const char *sql)
{
    struct store_statement *statement = NULL;
    MUST(store_prepare(store, sql, &statement, &err));
    return statement;
}

static int64_t query(struct store *store, const char *sql)
{
    struct store_statement *statement = prepare(store, sql);
    bool has_row = false;
    MUST(store_step(statement, &has_row, &err));
    assert_true(has_row);
    int64_t value = store_int(statement, 0);
    store_finalize(statement);
    return value;
}

static void test_values_of_every_type_come_back_as_they_went_in(void **state)
{
    static const int64_t integers[] = {0, 1, -1, 127, 128, INT32_MAX, INT64_MAX, INT64_MIN};
    static const char text[] = "灵犀\n\"'; --";
    static const char blob[] = {0, 1, 'x', 0, (char)0xff};
    struct store *store = open_store(STORE_WRITE);
    bool has_row = false;
    size_t length = 99;
    MUST(store_execute(store, "CREATE TABLE t (a BIGINT, b DOUBLE PRECISION, c TEXT, d BLOB)",
                       &err));
    struct store_statement *put = prepare(store, "INSERT INTO t VALUES ($1, $2, $3, $4)");
    for (size_t i = 0; i < LX_COUNT_OF(integers); i++) {
        store_bind_int(put, 1, integers[i]);
        store_bind_real(put, 2, 0.1 * (double)i);
        store_bind_text(put, 3, text, i == 0 ? 0 : sizeof text - 1);
        store_bind_blob(put, 4, blob, i == 0 ? 0 : sizeof blob);
        MUST(store_run(put, &err));
    }
    for (int i = 1; i <= 4; i++) store_bind_null(put, i);
    MUST(store_run(put, &err));
    store_finalize(put);

    for (size_t i = 0; i < LX_COUNT_OF(integers); i++) {
        struct store_statement *get = prepare(store, "SELECT a, b, c, d FROM t WHERE a = $1");
        store_bind_int(get, 1, integers[i]);
        MUST(store_step(get, &has_row, &err));
        if (!has_row || store_int(get, 0) != integers[i])
            fail_msg("%" PRId64 " did not come back", integers[i]);
        assert_true(store_real(get, 1) == 0.1 * (double)i);
        assert_non_null(store_text(get, 2, &length));
        assert_int_equal(length, i == 0 ? 0 : sizeof text - 1);
        assert_memory_equal(store_text(get, 2, NULL), text, length);
        assert_non_null(store_blob(get, 3, &length));
        assert_int_equal(length, i == 0 ? 0 : sizeof blob);
        assert_memory_equal(store_blob(get, 3, NULL), blob, length);
        assert_false(store_is_null(get, 2) || store_is_null(get, 3));
        store_finalize(get);
    }
    struct store_statement *nulls = prepare(store, "SELECT a, b, c, d FROM t WHERE a IS NULL");
    int64_t values[1] = {5};
    MUST(store_step(nulls, &has_row, &err));
    for (int i = 0; i < 4; i++) assert_true(store_is_null(nulls, i));
    assert_null(store_text(nulls, 2, &length));
    assert_int_equal(length, 0);
    store_ints(nulls, 0, 1, -7, values);
    assert_int_equal(values[0], -7);
    store_finalize(nulls);
    store_close(store);
}

static void test_parameters_go_by_number_not_by_place(void **state)
{
    struct store *store = open_store(STORE_WRITE);
    struct store_statement *statement = prepare(store, "SELECT $2 * 100 + $1 * 10 + $2");
    bool has_row = false;
    store_bind_int(statement, 1, 3);
    store_bind_int(statement, 2, 5);
    MUST(store_step(statement, &has_row, &err));
    assert_int_equal(store_int(statement, 0), 535);
    store_reset(statement);
    store_bind_int(statement, 1, 4);
    MUST(store_step(statement, &has_row, &err));
    assert_int_equal(store_int(statement, 0), 545);
    MUST(store_step(statement, &has_row, &err));
    assert_false(has_row);
    store_finalize(statement);
    store_close(store);
}

static void test_what_is_not_committed_is_not_there(void **state)
{
    struct store *store = open_store(STORE_WRITE);
    MUST(store_execute(store, "CREATE TABLE t (a INTEGER)", &err));
    MUST(store_begin(store, &err));
    MUST(store_execute(store, "INSERT INTO t VALUES (1); INSERT INTO t VALUES (2)", &err));
    store_rollback(store);
    store_rollback(store);
    assert_int_equal(query(store, "SELECT count(*) FROM t"), 0);
    MUST(store_begin(store, &err));
    MUST(store_execute(store, "INSERT INTO t VALUES (1)", &err));
    MUST(store_commit(store, &err));
    MUST(store_begin(store, &err));
    MUST(store_execute(store, "INSERT INTO t VALUES (2)", &err));
    store_close(store);
    store = open_store(STORE_READ);
    assert_int_equal(query(store, "SELECT count(*) FROM t"), 1);
    store_close(store);
}

static void test_a_broken_constraint_is_refused_and_the_rest_goes_on(void **state)
{
    struct store *store = open_store(STORE_WRITE);
    MUST(store_execute(store, "CREATE TABLE t (a INTEGER PRIMARY KEY, b INTEGER CHECK (b > 0))",
                       &err));
    struct store_statement *put = prepare(store, "INSERT INTO t VALUES ($1, $2)");
    MUST(store_begin(store, &err));
    static const struct {
        int64_t a, b;
        enum lx_err code;
    } rows[] = {{1, 1, LX_OK}, {1, 2, LX_ERR_REFUSED}, {2, 0, LX_ERR_REFUSED}, {2, 1, LX_OK}};
    for (size_t i = 0; i < LX_COUNT_OF(rows); i++) {
        store_bind_int(put, 1, rows[i].a);
        store_bind_int(put, 2, rows[i].b);
        enum lx_err code = store_run(put, &err);
        if (code != rows[i].code) fail_msg("row %zu: %s", i, lx_err_name(code));
    }
    MUST(store_commit(store, &err));
    assert_int_equal(query(store, "SELECT sum(a * 10 + b) FROM t"), 32);
    store_finalize(put);
    store_close(store);
}

static void test_a_reference_into_nothing_fails_the_commit_and_leaves_nothing(void **state)
{
    struct store *store = open_store(STORE_WRITE);
    MUST(store_execute(store,
                       "CREATE TABLE parent (a INTEGER PRIMARY KEY);"
                       "CREATE TABLE child (a INTEGER REFERENCES parent"
                       " DEFERRABLE INITIALLY DEFERRED)",
                       &err));
    MUST(store_begin(store, &err));
    MUST(store_execute(store, "INSERT INTO child VALUES (7); INSERT INTO child VALUES (8)", &err));
    MUST(store_execute(store, "INSERT INTO parent VALUES (7)", &err));
    MUST_FAIL(store_commit(store, &err), LX_ERR_REFUSED);
    assert_int_equal(query(store, "SELECT count(*) FROM child"), 0);
    assert_int_equal(query(store, "SELECT count(*) FROM parent"), 0);
    MUST(store_begin(store, &err));
    MUST(store_execute(store, "INSERT INTO child VALUES (7); INSERT INTO parent VALUES (7)", &err));
    MUST(store_commit(store, &err));
    store_close(store);
}

static void test_a_reader_sees_the_last_commit_and_in_a_transaction_always_the_same(void **state)
{
    struct store *writer = open_store(STORE_WRITE);
    MUST(store_execute(writer, "CREATE TABLE t (a INTEGER); INSERT INTO t VALUES (1)", &err));
    struct store *reader = open_store(STORE_READ);
    MUST(store_begin(writer, &err));
    MUST(store_execute(writer, "INSERT INTO t VALUES (2)", &err));
    assert_int_equal(query(reader, "SELECT count(*) FROM t"), 1);
    MUST(store_begin_read(reader, &err));
    assert_int_equal(query(reader, "SELECT count(*) FROM t"), 1);
    MUST(store_commit(writer, &err));
    assert_int_equal(query(reader, "SELECT count(*) FROM t"), 1);
    MUST(store_commit(reader, &err));
    assert_int_equal(query(reader, "SELECT count(*) FROM t"), 2);
    store_close(reader);
    store_close(writer);
}

static void test_a_second_writer_is_told_that_the_store_is_busy(void **state)
{
    struct store *first = open_store(STORE_WRITE), *second = open_store(STORE_WRITE);
    MUST(store_begin(first, &err));
    MUST_FAIL(store_begin(second, &err), LX_ERR_BUSY);
    store_rollback(first);
    MUST(store_begin(second, &err));
    store_close(second);
    store_close(first);
}

static void test_sql_that_makes_no_sense_is_wrong_usage(void **state)
{
    struct store *store = open_store(STORE_WRITE);
    struct store_statement *statement = NULL;
    MUST_FAIL(store_prepare(store, "SELEKT 1", &statement, &err), LX_ERR_USAGE);
    MUST_FAIL(store_prepare(store, "SELECT a FROM nowhere", &statement, &err), LX_ERR_USAGE);
    MUST_FAIL(store_execute(store, "SELECT 1; SELEKT 2", &err), LX_ERR_USAGE);
    assert_null(statement);
    store_close(store);
}

static void test_a_reader_of_nothing_is_told_so(void **state)
{
    struct store *store = NULL;
    MUST_FAIL(store_open(url, STORE_READ, &store, &err), LX_ERR_NOT_FOUND);
    assert_null(store);
}

static const struct store_migration two[] = {
    {1, "one", "CREATE TABLE a (x INTEGER)"},
    {3, "two", "CREATE TABLE b (x INTEGER); INSERT INTO b VALUES (1)"},
};

static void test_migrations_run_once_in_order(void **state)
{
    struct store *store = open_store(STORE_WRITE);
    MUST(store_migrate(store, two, 1, &err));
    MUST(store_migrate(store, two, 2, &err));
    MUST(store_migrate(store, two, 2, &err));
    assert_int_equal(query(store, "SELECT count(*) FROM b"), 1);
    store_close(store);
    store = open_store(STORE_READ);
    MUST(store_migrate(store, two, 2, &err));
    store_close(store);
}

static void test_a_migration_that_fails_leaves_nothing_of_itself(void **state)
{
    static const struct store_migration bad[] = {
        {1, "one", "CREATE TABLE a (x INTEGER)"},
        {2, "bad", "CREATE TABLE c (x INTEGER); INSERT INTO nowhere VALUES (1)"},
    };
    struct store *store = open_store(STORE_WRITE);
    MUST_FAIL(store_migrate(store, bad, 2, &err), LX_ERR_USAGE);
    assert_non_null(strstr(err.text, "migration 2 (bad)"));
    assert_int_equal(query(store, "SELECT count(*) FROM a"), 0);
    MUST_FAIL(store_execute(store, "SELECT * FROM c", &err), LX_ERR_USAGE);
    MUST(store_migrate(store, two, 2, &err));
    store_close(store);
}

static void test_changed_newer_and_missing_migrations_are_told_apart(void **state)
{
    static const struct store_migration changed[] = {
        {1, "one", "CREATE TABLE a (y INTEGER)"},
        {3, "two", "CREATE TABLE b (x INTEGER); INSERT INTO b VALUES (1)"},
    };
    struct store *store = open_store(STORE_WRITE);
    MUST(store_migrate(store, two, 1, &err));
    store_close(store);
    store = open_store(STORE_READ);
    MUST_FAIL(store_migrate(store, two, 2, &err), LX_ERR_VERSION);
    assert_non_null(strstr(err.text, "lacks migration 3"));
    store_close(store);
    store = open_store(STORE_WRITE);
    MUST(store_migrate(store, two, 2, &err));
    MUST_FAIL(store_migrate(store, two, 1, &err), LX_ERR_VERSION);
    MUST_FAIL(store_migrate(store, changed, 2, &err), LX_ERR_CORRUPT);
    assert_non_null(strstr(err.text, "migration 1 (one)"));
    store_close(store);
}

/* Rows (i, 2 i, NULL, text, real, blob) for i in [next, end); fails at `fail_at`. */
struct numbers {
    int64_t next, end, fail_at;
    char text[24];
};

static enum lx_err next_number(void *context, struct store_value *values, bool *ret_has_row,
                               struct lx_error *error)
{
    struct numbers *numbers = context;
    if (numbers->next == numbers->fail_at)
        return lx_fail(error, LX_ERR_CANCELLED, "stopped at %" PRId64, numbers->next);
    *ret_has_row = numbers->next < numbers->end;
    if (!*ret_has_row) return LX_OK;
    int length = snprintf(numbers->text, sizeof numbers->text, "n%" PRId64, numbers->next);
    values[0] = (struct store_value){.type = STORE_INT, .as.integer = numbers->next};
    values[1] = (struct store_value){.type = STORE_INT, .as.integer = 2 * numbers->next};
    values[2] = (struct store_value){.type = STORE_NULL};
    values[3] = (struct store_value){
        .type = STORE_TEXT, .as.bytes = numbers->text, .length = (uint32_t)length};
    values[4] = (struct store_value){.type = STORE_REAL, .as.real = (double)numbers->next / 4};
    values[5] = (struct store_value){.type = STORE_BLOB, .as.bytes = numbers->text, .length = 1};
    numbers->next++;
    return LX_OK;
}

static const char numbers_table[] =
    "CREATE TABLE t (a BIGINT PRIMARY KEY, b BIGINT, c TEXT, d TEXT, e DOUBLE PRECISION, f BLOB)";

static enum lx_err append(struct store *store, struct numbers numbers, enum store_conflict conflict,
                          uint64_t *ret_count)
{
    const struct store_source source = {&numbers, next_number};
    return store_append(store, "t", 6, conflict, &source, ret_count, &err);
}

static void test_appended_rows_are_those_of_the_source(void **state)
{
    struct store *store = open_store(STORE_WRITE);
    uint64_t count = 0;
    MUST(store_execute(store, numbers_table, &err));
    MUST(store_begin(store, &err));
    MUST(append(store, (struct numbers){0, 1000, -1, ""}, STORE_CONFLICT_REFUSED, &count));
    assert_int_equal(count, 1000);
    MUST(append(store, (struct numbers){0, 0, -1, ""}, STORE_CONFLICT_REFUSED, &count));
    assert_int_equal(count, 0);
    MUST(store_commit(store, &err));
    assert_int_equal(query(store, "SELECT count(*) FROM t WHERE b = 2 * a AND c IS NULL"
                                  " AND d = 'n' || a AND e = a / 4.0 AND f IS NOT NULL"),
                     1000);
    store_close(store);
}

static void test_an_appended_row_that_is_there_is_refused_or_left_out(void **state)
{
    struct store *store = open_store(STORE_WRITE);
    uint64_t count = 0;
    MUST(store_execute(store, numbers_table, &err));
    MUST(store_begin(store, &err));
    MUST(append(store, (struct numbers){10, 20, -1, ""}, STORE_CONFLICT_REFUSED, &count));
    MUST(append(store, (struct numbers){5, 25, -1, ""}, STORE_CONFLICT_IGNORED, &count));
    assert_int_equal(count, 10);
    MUST_FAIL(append(store, (struct numbers){24, 30, -1, ""}, STORE_CONFLICT_REFUSED, &count),
              LX_ERR_REFUSED);
    store_rollback(store);
    assert_int_equal(query(store, "SELECT count(*) FROM t"), 0);
    store_close(store);
}

static void test_a_source_that_fails_is_heard(void **state)
{
    struct store *store = open_store(STORE_WRITE);
    uint64_t count = 77;
    MUST(store_execute(store, numbers_table, &err));
    MUST(store_begin(store, &err));
    MUST_FAIL(append(store, (struct numbers){0, 10, 5, ""}, STORE_CONFLICT_REFUSED, &count),
              LX_ERR_CANCELLED);
    assert_string_equal(err.text, "stopped at 5");
    assert_int_equal(count, 77);
    store_rollback(store);
    assert_int_equal(query(store, "SELECT count(*) FROM t"), 0);
    store_close(store);
}

struct visits {
    int64_t sum, count, stop_after;
};

static enum lx_err visit_row(void *context, const int64_t *values, struct lx_error *error)
{
    struct visits *visits = context;
    if (visits->count == visits->stop_after) return lx_fail(error, LX_ERR_LIMIT, "enough");
    visits->sum += values[0] * 1000 + values[1];
    visits->count++;
    return LX_OK;
}

static void test_a_visit_sees_every_row_and_can_end_the_pass(void **state)
{
    struct store *store = open_store(STORE_WRITE);
    struct store_statement *statement = NULL;
    struct visits visits = {.stop_after = -1};
    struct store_visitor visitor = {&visits, -5, visit_row};
    MUST(store_execute(store,
                       "CREATE TABLE t (a BIGINT PRIMARY KEY, b BIGINT);"
                       "INSERT INTO t VALUES (1, 10), (2, NULL), (3, 0), (4, 40)",
                       &err));
    MUST(store_prepare_visit(store, "a, b", "FROM t WHERE a >= $1", &statement, &err));
    store_bind_int(statement, 1, 2);
    MUST(store_visit(statement, &visitor, &err));
    assert_int_equal(visits.count, 3);
    assert_int_equal(visits.sum, 9000 - 5 + 0 + 40);
    store_bind_int(statement, 1, 4);
    MUST(store_visit(statement, &visitor, &err));
    assert_int_equal(visits.count, 4);
    visits = (struct visits){.stop_after = 2};
    store_bind_int(statement, 1, 1);
    MUST_FAIL(store_visit(statement, &visitor, &err), LX_ERR_LIMIT);
    assert_string_equal(err.text, "enough");
    assert_int_equal(visits.count, 2);
    visits.stop_after = -1;
    MUST(store_visit(statement, &visitor, &err));
    assert_int_equal(visits.count, 6);
    store_finalize(statement);
    store_close(store);
}

static void test_a_bulk_store_that_was_sealed_is_like_any_other(void **state)
{
    struct store *store = open_store(STORE_BULK);
    uint64_t count = 0;
    MUST(store_migrate(store, two, 2, &err));
    MUST(store_begin(store, &err));
    MUST(store_execute(store, numbers_table, &err));
    MUST(append(store, (struct numbers){0, 5000, -1, ""}, STORE_CONFLICT_REFUSED, &count));
    MUST(store_commit(store, &err));
    MUST(store_seal(store, &err));
    store_close(store);
    store = open_store(STORE_WRITE);
    MUST(store_migrate(store, two, 2, &err));
    MUST(store_begin(store, &err));
    MUST(append(store, (struct numbers){5000, 5010, -1, ""}, STORE_CONFLICT_REFUSED, &count));
    MUST(store_commit(store, &err));
    assert_int_equal(query(store, "SELECT count(*) FROM t"), 5010);
    store_close(store);
}

/* Rows of `columns` numbers that follow from their index: of every size, and nulls. */
struct wide {
    uint64_t next, end, repeat_at;
    int columns;
};

static int64_t wide_value(uint64_t row, int column)
{
    static const int sizes[] = {1, 8, 15, 16, 24, 31, 33, 47, 48, 55, 63, 2};
    if (column == 0) return (int64_t)(row / 3) - 50;
    if (column == 1) return (int64_t)(row % 3);
    uint64_t bits = (row + 1) * 0x9E3779B97F4A7C15u * (uint64_t)(column + 1);
    if (bits % 13 == 0) return INT64_MIN;
    int64_t value = (int64_t)(bits >> (64 - sizes[(size_t)column % LX_COUNT_OF(sizes)]));
    return bits % 2 == 0 ? value : -value;
}

static enum lx_err next_wide(void *context, int64_t *values, bool *ret_has_row,
                             struct lx_error *error)
{
    struct wide *wide = context;
    *ret_has_row = wide->next < wide->end;
    if (!*ret_has_row) return LX_OK;
    if (wide->next == wide->repeat_at) wide->next--;
    for (int i = 0; i < wide->columns; i++) values[i] = wide_value(wide->next, i);
    wide->next++;
    return LX_OK;
}

static void create_wide(struct store *store, int columns)
{
    char sql[1024];
    int length = snprintf(sql, sizeof sql,
                          "CREATE TABLE other (a BIGINT PRIMARY KEY);"
                          "CREATE TABLE wide (c0 BIGINT, c1 BIGINT");
    for (int i = 2; i < columns; i++)
        length += snprintf(sql + length, sizeof sql - (size_t)length, ", c%d BIGINT", i);
    snprintf(sql + length, sizeof sql - (size_t)length, ", PRIMARY KEY (c0, c1))%s",
             subject->key_clustered);
    MUST(store_execute(store, sql, &err));
}

static void compare_wide(struct store *store, uint64_t rows, int columns)
{
    struct store_statement *all = prepare(store, "SELECT * FROM wide ORDER BY c0, c1");
    struct store_statement *one = prepare(store, "SELECT count(*) FROM wide WHERE c0 = $1");
    bool has_row = false;
    for (uint64_t row = 0;; row++) {
        int64_t values[STORE_COLUMNS_MAX];
        MUST(store_step(all, &has_row, &err));
        if (has_row != (row < rows)) fail_msg("%" PRIu64 " of %" PRIu64 " rows", row, rows);
        if (!has_row) break;
        store_ints(all, 0, columns, INT64_MIN, values);
        for (int i = 0; i < columns; i++)
            if (values[i] != wide_value(row, i))
                fail_msg("%" PRIu64 " rows: row %" PRIu64 " column %d: %" PRId64 ", not %" PRId64,
                         rows, row, i, values[i], wide_value(row, i));
        if (row % 101 != 0) continue;
        store_bind_int(one, 1, values[0]);
        MUST(store_step(one, &has_row, &err));
        assert_int_equal(store_int(one, 0), rows - row / 3 * 3 < 3 ? rows % 3 : 3);
        store_reset(one);
    }
    store_finalize(all);
    store_finalize(one);
}

static void test_a_filled_table_has_the_rows_of_the_source(void **state)
{
    static const uint64_t counts[] = {0, 1, 2, 27, 28, 29, 700, 757, 20000};
    static const int columns[] = {2, 12, STORE_COLUMNS_MAX};
    for (size_t i = 0; i < LX_COUNT_OF(counts) * LX_COUNT_OF(columns); i++) {
        struct wide wide = {0, counts[i / LX_COUNT_OF(columns)], UINT64_MAX,
                            columns[i % LX_COUNT_OF(columns)]};
        const struct store_int_source source = {&wide, INT64_MIN, next_wide};
        uint64_t count = UINT64_MAX, rows = wide.end;
        char where[LX_PATH_MAX];
        MUST(host_join(where, folder, "fill", &err));
        MUST(host_make_folder(where, &err));
        subject->fresh_url(where, url);
        struct store *store = open_store(STORE_BULK);
        create_wide(store, wide.columns);
        MUST(store_fill(store, "wide", wide.columns, 2, &source, &count, &err));
        assert_int_equal(count, rows);
        MUST(store_begin(store, &err));
        MUST(store_execute(store, "INSERT INTO other VALUES (1)", &err));
        MUST(store_commit(store, &err));
        MUST(store_seal(store, &err));
        store_close(store);
        store = open_store(STORE_WRITE);
        compare_wide(store, rows, wide.columns);
        subject->check(store);
        /* It is a table like any other. */
        MUST(store_execute(store,
                           "DELETE FROM wide WHERE c1 = 1;"
                           "INSERT INTO wide (c0, c1) SELECT c0, 1 FROM wide WHERE c1 = 0",
                           &err));
        assert_int_equal(query(store, "SELECT count(*) FROM wide"), rows + (rows % 3 == 1));
        subject->check(store);
        store_close(store);
        MUST(host_remove_tree(where, &err));
    }
}

static void test_a_table_is_filled_in_the_order_of_its_key_and_once(void **state)
{
    struct wide wide = {0, 1000, 500, 3};
    const struct store_int_source source = {&wide, INT64_MIN, next_wide};
    uint64_t count = 0;
    struct store *store = open_store(STORE_BULK);
    create_wide(store, 3);
    MUST_FAIL(store_fill(store, "wide", 3, 2, &source, &count, &err), LX_ERR_REFUSED);
    assert_non_null(strstr(err.text, "row 500"));
    store_close(store);
    MUST(host_remove_tree(folder, &err));
    MUST(host_make_folder(folder, &err));
    store = open_store(STORE_BULK);
    create_wide(store, 3);
    MUST(store_execute(store, "CREATE INDEX i ON other (a); INSERT INTO wide VALUES (1, 1, 1)",
                       &err));
    MUST_FAIL(store_fill(store, "other", 1, 1, &source, &count, &err), LX_ERR_USAGE);
    wide = (struct wide){0, 1, UINT64_MAX, 3};
    MUST_FAIL(store_fill(store, "wide", 3, 2, &source, &count, &err), LX_ERR_CORRUPT);
    store_close(store);
}

static void test_a_disk_that_fills_up_while_filling_is_told(void **state)
{
    uint64_t writes = 0;
    for (;; writes++) {
        struct wide wide = {0, 30000, UINT64_MAX, STORE_COLUMNS_MAX};
        const struct store_int_source source = {&wide, INT64_MIN, next_wide};
        uint64_t count = 0;
        struct store *store = open_store(STORE_BULK);
        create_wide(store, STORE_COLUMNS_MAX);
        host_fault_after(writes, ENOSPC);
        enum lx_err code = store_fill(store, "wide", STORE_COLUMNS_MAX, 2, &source, &count, &err);
        host_fault_after(0, 0);
        store_close(store);
        MUST(host_remove_tree(folder, &err));
        MUST(host_make_folder(folder, &err));
        if (code == LX_OK) break;
        assert_int_equal(code, LX_ERR_DISK_FULL);
    }
    assert_true(writes >= 4);
}

static void test_changes_counts_the_rows_of_the_last_statement(void **state)
{
    struct store *store = open_store(STORE_WRITE);
    MUST(store_execute(store,
                       "CREATE TABLE t (a BIGINT PRIMARY KEY);"
                       "INSERT INTO t VALUES (1), (2), (3)",
                       &err));
    struct store_statement *put =
        prepare(store, "INSERT INTO t VALUES ($1) ON CONFLICT (a) DO NOTHING");
    store_bind_int(put, 1, 3);
    MUST(store_run(put, &err));
    assert_int_equal(store_changes(store), 0);
    store_bind_int(put, 1, 4);
    MUST(store_run(put, &err));
    assert_int_equal(store_changes(store), 1);
    store_finalize(put);
    store_close(store);
}

int store_conformance_run(const struct store_subject *of)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(test_values_of_every_type_come_back_as_they_went_in),
        TEST(test_parameters_go_by_number_not_by_place),
        TEST(test_what_is_not_committed_is_not_there),
        TEST(test_a_broken_constraint_is_refused_and_the_rest_goes_on),
        TEST(test_a_reference_into_nothing_fails_the_commit_and_leaves_nothing),
        TEST(test_a_reader_sees_the_last_commit_and_in_a_transaction_always_the_same),
        TEST(test_a_second_writer_is_told_that_the_store_is_busy),
        TEST(test_sql_that_makes_no_sense_is_wrong_usage),
        TEST(test_a_reader_of_nothing_is_told_so),
        TEST(test_migrations_run_once_in_order),
        TEST(test_a_migration_that_fails_leaves_nothing_of_itself),
        TEST(test_changed_newer_and_missing_migrations_are_told_apart),
        TEST(test_appended_rows_are_those_of_the_source),
        TEST(test_an_appended_row_that_is_there_is_refused_or_left_out),
        TEST(test_a_source_that_fails_is_heard),
        TEST(test_a_visit_sees_every_row_and_can_end_the_pass),
        TEST(test_a_bulk_store_that_was_sealed_is_like_any_other),
        TEST(test_a_filled_table_has_the_rows_of_the_source),
        TEST(test_a_table_is_filled_in_the_order_of_its_key_and_once),
        TEST(test_a_disk_that_fills_up_while_filling_is_told),
        TEST(test_changes_counts_the_rows_of_the_last_statement),
#undef TEST
    };
    subject = of;
    return cmocka_run_group_tests_name(of->name, tests, NULL, NULL);
}
