/*
 * Goal:   an expression means what SQLite says that it means, but for the deviations that
 *         docs/reference/expressions.md lists.
 * Method: random tables (nulls, extremes, Chinese) and random well-typed expressions, written twice
 *         from one tree: in our language with as few parentheses as its precedence allows, and in
 *         SQLite's fully parenthesised. An agreement is one expression whose values over all rows
 *         of a table are SQLite's. 20,000 of them, or as many as EXPR_AGREEMENTS says; EXPR_SEED
 *         chooses others.
 *
 * How the deviations are honoured: in SQL an integer that leaves 64 bits becomes a real and a date
 * that leaves the calendar null; a function of ours around each such operator notices. What it
 * notices must be refused here or not have been computed, and what is refused here must have been
 * noticed. Money that is multiplied or divided is rounded in integers, an integer beside a real is
 * cast, months are counted from the month's first day.
 */
#include "cmocka_all.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <sqlite3.h>

#include "generator.h"

/* --- SQLite --------------------------------------------------------------------------------- */

struct peer {
    sqlite3 *db;
    bool has_noticed; /* an operator left its range in this row */
};

static void pass(sqlite3_context *context, sqlite3_value *value, bool is_noticed)
{
    struct peer *peer = sqlite3_user_data(context);
    if (is_noticed) peer->has_noticed = true;
    sqlite3_result_value(context, value);
}

static void sql_whole(sqlite3_context *context, int count, sqlite3_value **values)
{
    (void)count;
    pass(context, values[0], sqlite3_value_type(values[0]) == SQLITE_FLOAT);
}

static void sql_finite(sqlite3_context *context, int count, sqlite3_value **values)
{
    (void)count;
    pass(context, values[0],
         sqlite3_value_type(values[0]) == SQLITE_FLOAT &&
             !isfinite(sqlite3_value_double(values[0])));
}

static void sql_calendar(sqlite3_context *context, int count, sqlite3_value **values)
{
    (void)count;
    int64_t day = sqlite3_value_int64(values[0]);
    bool is_null = sqlite3_value_type(values[0]) == SQLITE_NULL;
    pass(context, values[0],
         !is_null && (sqlite3_value_type(values[0]) != SQLITE_INTEGER || day < LX_DAY_MIN ||
                      day > LX_DAY_MAX));
}

/* floor(x) as an integer */
static void sql_integral(sqlite3_context *context, int count, sqlite3_value **values)
{
    (void)count;
    struct peer *peer = sqlite3_user_data(context);
    double value = sqlite3_value_double(values[0]);
    if (sqlite3_value_type(values[0]) == SQLITE_NULL)
        sqlite3_result_null(context);
    else if (value >= -0x1p63 && value < 0x1p63)
        sqlite3_result_int64(context, (int64_t)value);
    else
        peer->has_noticed = true;
}

/* A day so many months on, told by SQLite's own calendar from the first of the month. */
static void sql_shifted(sqlite3_context *context, int count, sqlite3_value **values)
{
    (void)count;
    struct peer *peer = sqlite3_user_data(context);
    if (sqlite3_value_type(values[0]) == SQLITE_NULL ||
        sqlite3_value_type(values[1]) == SQLITE_NULL)
        return;
    static const char sql[] =
        "SELECT CAST(julianday(f) - 2440587.5 AS INTEGER) + min(p, CAST(julianday(date(f, '+1 "
        "month')) - julianday(f) AS INTEGER)) - 1 FROM (SELECT date(?1 * 86400, 'unixepoch', "
        "'start "
        "of month', ?2 || ' months') AS f, CAST(strftime('%d', ?1 * 86400, 'unixepoch') AS "
        "INTEGER) "
        "AS p)";
    int64_t months = sqlite3_value_int64(values[1]);
    if (sqlite3_value_type(values[1]) != SQLITE_INTEGER || months > 200000 || months < -200000) {
        peer->has_noticed = true;
        return;
    }
    sqlite3_stmt *statement;
    LX_ASSERT(sqlite3_prepare_v2(peer->db, sql, -1, &statement, NULL) == SQLITE_OK);
    sqlite3_bind_value(statement, 1, values[0]);
    sqlite3_bind_int64(statement, 2, months);
    LX_ASSERT(sqlite3_step(statement) == SQLITE_ROW);
    int64_t day = sqlite3_column_int64(statement, 0);
    bool is_there = sqlite3_column_type(statement, 0) == SQLITE_INTEGER && day >= LX_DAY_MIN;
    sqlite3_finalize(statement);
    if (is_there)
        sqlite3_result_int64(context, day);
    else
        peer->has_noticed = true;
}

static void peer_open(struct peer *peer)
{
    *peer = (struct peer){0};
    assert_int_equal(sqlite3_open(":memory:", &peer->db), SQLITE_OK);
    static const struct {
        const char *name;
        int count;
        void (*function)(sqlite3_context *, int, sqlite3_value **);
    } added[] = {{"whole", 1, sql_whole},
                 {"finite", 1, sql_finite},
                 {"calendar", 1, sql_calendar},
                 {"integral", 1, sql_integral},
                 {"shifted", 2, sql_shifted}};
    /* Not deterministic for SQLite, so that each is called for each row. */
    for (size_t i = 0; i < LX_COUNT_OF(added); i++)
        sqlite3_create_function(peer->db, added[i].name, added[i].count, SQLITE_UTF8, peer,
                                added[i].function, NULL, NULL);
    assert_int_equal(
        sqlite3_exec(peer->db,
                     "PRAGMA case_sensitive_like = ON;"
                     "CREATE TABLE rows (i INTEGER, j INTEGER, m INTEGER, n INTEGER, r "
                     "REAL, q REAL, d INTEGER, e INTEGER, s TEXT, t TEXT, c INTEGER, g "
                     "INTEGER, k INTEGER, h INTEGER, b INTEGER, a INTEGER)",
                     NULL, NULL, NULL),
        SQLITE_OK);
}

/* --- Tables --------------------------------------------------------------------------------- */

enum { ROW_COUNT = 8 };

struct table {
    struct expr_value values[ROW_COUNT][COLUMN_COUNT];
    uint64_t sets[ROW_COUNT];
};

static void fill_table(struct table *table, struct lx_rng *rng)
{
    for (size_t row = 0; row < ROW_COUNT; row++) {
        for (size_t column = 0; column < COLUMN_COUNT; column++)
            table->values[row][column] = random_value(rng, column_types[column]);
        table->sets[row] = lx_rng_below(rng, 16);
        table->values[row][COLUMN_H].as.set = &table->sets[row];
    }
}

static void store_table(struct peer *peer, const struct table *table)
{
    sqlite3_stmt *insert;
    sqlite3_exec(peer->db, "DELETE FROM rows", NULL, NULL, NULL);
    assert_int_equal(sqlite3_prepare_v2(peer->db,
                                        "INSERT INTO rows VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
                                        -1, &insert, NULL),
                     SQLITE_OK);
    for (size_t row = 0; row < ROW_COUNT; row++) {
        for (int column = 0; column < COLUMN_COUNT; column++) {
            const struct expr_value *value = &table->values[row][column];
            char type = column_types[column];
            if (value->is_null)
                sqlite3_bind_null(insert, column + 1);
            else if (type == 'r')
                sqlite3_bind_double(insert, column + 1, value->as.real);
            else if (type == 's')
                sqlite3_bind_text(insert, column + 1, value->as.string.text,
                                  (int)value->as.string.length, SQLITE_STATIC);
            else if (type == 'h')
                sqlite3_bind_int64(insert, column + 1, (int64_t)table->sets[row]);
            else
                sqlite3_bind_int64(insert, column + 1, value->as.integer);
        }
        assert_int_equal(sqlite3_step(insert), SQLITE_DONE);
        sqlite3_reset(insert);
    }
    sqlite3_finalize(insert);
}

static enum lx_err table_field(void *context, size_t field, struct expr_value *ret_value,
                               struct lx_error *err)
{
    (void)err;
    *ret_value = ((const struct expr_value *)context)[field];
    return LX_OK;
}

/* --- Comparing ------------------------------------------------------------------------------ */

static bool is_equal(sqlite3_stmt *statement, enum expr_type type, const struct expr_value *ours)
{
    int found = sqlite3_column_type(statement, 0);
    if (ours->is_null || found == SQLITE_NULL) return ours->is_null && found == SQLITE_NULL;
    if (type == EXPR_REAL) return sqlite3_column_double(statement, 0) == ours->as.real;
    if (type != EXPR_STRING)
        return found == SQLITE_INTEGER && sqlite3_column_int64(statement, 0) == ours->as.integer;
    const void *text = sqlite3_column_blob(statement, 0);
    size_t length = (size_t)sqlite3_column_bytes(statement, 0);
    return length == ours->as.string.length &&
           (length == 0 || memcmp(text, ours->as.string.text, length) == 0);
}

static void fail_row(const char *ours, const char *sql, size_t row, sqlite3_stmt *statement,
                     const struct expr *expr, enum lx_err code, const struct expr_value *value)
{
    char text[256] = "";
    if (code == LX_OK)
        expr_value_format(value, expr_result(expr), expr_result_enumeration(expr), text,
                          sizeof text);
    const unsigned char *theirs = sqlite3_column_text(statement, 0);
    print_error("row %zu of\n%s\n%s\n", row, ours, sql);
    fail_msg("ours %s %s, SQLite's %s", lx_err_name(code), text,
             theirs == NULL ? "null" : (const char *)theirs);
}

/* Whether SQLite may leave a part out that is computed here: `x between null and y` as a condition
 * is not true to it, whatever y is. */
static bool may_skip(const struct tree *tree)
{
    static const char *const lazy[] = {"case", "coalesce", "and", "or", "且", "或", "介于"};
    if (tree->production == NULL) return false;
    for (size_t i = 0; i < LX_COUNT_OF(lazy); i++)
        if (strstr(tree->production->ours, lazy[i]) != NULL) return true;
    for (size_t i = 0; tree->children[i] != NULL; i++)
        if (may_skip(tree->children[i])) return true;
    return false;
}

struct tally {
    size_t values, refused, noticed, refused_alone;
};

/* One expression over all rows. `is_strict`: what is refused here must have been noticed. */
static void compare(struct peer *peer, const struct table *table, const char *ours, const char *sql,
                    bool is_strict, struct tally *tally)
{
    struct expr *expr;
    struct lx_error err;
    sqlite3_stmt *statement;
    if (expr_compile(&table_schema, ours, strlen(ours), &expr, NULL, &err) != LX_OK)
        fail_msg("%s\n%s", ours, err.text);
    if (sqlite3_prepare_v2(peer->db, sql, -1, &statement, NULL) != SQLITE_OK)
        fail_msg("%s\n%s\n%s", ours, sql, sqlite3_errmsg(peer->db));
    for (size_t i = 0; i < ROW_COUNT; i++) {
        struct expr_value value;
        struct expr_row row = {.context = (void *)(uintptr_t)table->values[i],
                               .field = table_field};
        enum lx_err code = expr_evaluate(expr, &row, &value, &err);
        if (code != LX_OK && code != LX_ERR_OVERFLOW) fail_msg("%s\n%s", ours, err.text);
        peer->has_noticed = false;
        int step = sqlite3_step(statement);
        if (step != SQLITE_ROW) { /* abs(-2^63) ends the statement */
            assert_string_equal(sqlite3_errmsg(peer->db), "integer overflow");
            break;
        }
        tally->values++;
        tally->refused += code != LX_OK;
        tally->noticed += peer->has_noticed;
        if (peer->has_noticed) continue;
        if (code != LX_OK && !is_strict) {
            tally->refused_alone++;
            continue;
        }
        if (code != LX_OK || !is_equal(statement, expr_result(expr), &value))
            fail_row(ours, sql, i, statement, expr, code, &value);
    }
    sqlite3_finalize(statement);
    expr_free(expr);
}

static uint64_t number_from(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);
    return text == NULL ? otherwise : strtoull(text, NULL, 10);
}

static void test_random_expressions_agree_with_sqlite(void **state)
{
    (void)state;
    static struct forest forest;
    static struct text ours, sql;
    uint64_t seed = number_from("EXPR_SEED", 20260301);
    uint64_t agreements = number_from("EXPR_AGREEMENTS", 20000);
    struct tally tally = {0};
    struct table table;
    struct peer peer;
    print_message("seed %" PRIu64 "\n", seed);
    peer_open(&peer);
    forest.rng = lx_rng_of(seed, 0);
    for (uint64_t i = 0; i < agreements; i++) {
        if (i % 100 == 0) {
            fill_table(&table, &forest.rng);
            store_table(&peer, &table);
        }
        static const char roots[] = "iimmrrddsckbbbbb";
        forest.count = 0;
        struct tree *tree = grow(&forest, roots[lx_rng_below(&forest.rng, sizeof roots - 1)],
                                 1 + (int)lx_rng_below(&forest.rng, 4));
        ours.length = sql.length = 0;
        write_ours(&ours, tree, 0);
        add(&sql, "SELECT ", 7);
        write_sql(&sql, tree);
        add(&sql, " FROM rows ORDER BY rowid", 25);
        compare(&peer, &table, ours.bytes, sql.bytes, !may_skip(tree), &tally);
    }
    sqlite3_close(peer.db);
    print_message("%" PRIu64
                  " expressions agree, %zu values; %zu refused, %zu noticed, %zu refused "
                  "alone\n",
                  agreements, tally.values, tally.refused, tally.noticed, tally.refused_alone);
    assert_true(tally.noticed * 5 < tally.values && tally.refused > 0);
    assert_true(tally.refused_alone * 100 < tally.refused + 100);
}

/* What did not agree once. */
static const struct {
    const char *ours, *sql;
} regressions[] = {
    {"- -9223372036854775808", "whole(-(-9223372036854775807 - 1))"}, /* could not be read */
    {"5 / -(-0.0)", "5.0 / -(-0.0)"},
    {"round(28) + 0.5", "28 + 0.5"},
};

static void test_what_did_not_agree_once_agrees(void **state)
{
    (void)state;
    struct lx_rng rng = lx_rng_of(1, 0);
    struct tally tally = {0};
    struct table table;
    struct peer peer;
    peer_open(&peer);
    fill_table(&table, &rng);
    store_table(&peer, &table);
    for (size_t i = 0; i < LX_COUNT_OF(regressions); i++) {
        char sql[256];
        snprintf(sql, sizeof sql, "SELECT %s FROM rows ORDER BY rowid", regressions[i].sql);
        compare(&peer, &table, regressions[i].ours, sql, true, &tally);
    }
    assert_int_equal(tally.values, ROW_COUNT * LX_COUNT_OF(regressions));
    sqlite3_close(peer.db);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_expressions_agree_with_sqlite),
        cmocka_unit_test(test_what_did_not_agree_once_agrees),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
