#include "bench/expr.h"

#include <math.h>
#include <roaring/roaring.h>
#include <sqlite3.h>
#include <string.h>

#include "base/rng.h"
#include "bench/expr_loop.h"
#include "expr/columns.h"

/* Each runs a few times in a row: what the one before it left in the caches is no help to it. */
enum { TRIALS = 40, RUNS = 3, PEER_TRIALS = 3, ASSETS_FEN_MAX = 2000000000 };
#define ROWS_MAX ((uint64_t)50000000)

static const char text[] =
    "age() between 30 and 50 and assets >= 50万 and channel = 'mobile' and not holds('wealth')";

static const char sql[] = "SELECT count(*) FROM customers WHERE age BETWEEN 30 AND 50 AND "
                          "assets >= 50000000 AND channel = 1 AND NOT wealth";

/* ---- The language ---- */

enum { FIELD_ASSETS, FIELD_CHANNEL, CALL_AGE = 0, CALL_HOLDS };

static const char *const channel_codes[] = {"counter", "mobile", "web", "phone"};
static const struct expr_enumeration channels = {"channel", channel_codes, NULL, 4, false};
static const char *const category_codes[] = {"savings", "credit", "wealth"};
static const struct expr_enumeration categories = {"category", category_codes, NULL, 3, false};
static const struct expr_field fields[] = {
    [FIELD_ASSETS] = {"assets", NULL, EXPR_MONEY, NULL, false},
    [FIELD_CHANNEL] = {"channel", NULL, EXPR_ENUM, &channels, false},
};
static const struct expr_function functions[] = {
    [CALL_AGE] = {.name = "age", .result = EXPR_INTEGER},
    [CALL_HOLDS] = {.name = "holds",
                    .result = EXPR_BOOLEAN,
                    .parameter_count = 1,
                    .parameters = {{EXPR_ENUM, &categories, true}}},
};
static const struct expr_schema schema = {.fields = fields,
                                          .field_count = LX_COUNT_OF(fields),
                                          .functions = functions,
                                          .function_count = LX_COUNT_OF(functions)};

/* ---- The customers ---- */

struct customers {
    const struct lx_env *env;
    struct lx_error *err;
    struct expr_loop columns; /* owned, but for being const */
    int64_t *wide_assets;
    roaring_bitmap_t *holders;
    bool is_wide; /* assets in eight bytes */
    struct expr *expr;
    struct expr_plan *plan;
    sqlite3 *db;
    uint64_t count; /* what the first loop counted */
};

static double now_ms(const struct customers *customers)
{
    return (double)customers->env->elapsed_ns(customers->env->context) / 1e6;
}

/* In no order of anything, so that no block can be passed over as a whole. */
static enum lx_err make_customers(struct customers *customers, size_t row_count)
{
    struct lx_rng rng = lx_rng_of(1, 0);
    uint8_t *ages = lx_malloc(row_count), *channel = lx_malloc(row_count);
    int32_t *assets = lx_calloc(row_count, sizeof *assets);
    uint64_t *holders = lx_calloc(row_count / 64 + 1, sizeof *holders);
    uint8_t *is_holder = lx_calloc(row_count, sizeof *is_holder);
    customers->columns = (struct expr_loop){ages, channel, assets, holders, is_holder, row_count};
    customers->wide_assets = lx_calloc(row_count, sizeof *customers->wide_assets);
    customers->holders = roaring_bitmap_create();
    if (ages == NULL || channel == NULL || assets == NULL || holders == NULL || is_holder == NULL ||
        customers->wide_assets == NULL || customers->holders == NULL)
        return lx_fail(customers->err, LX_ERR_NO_MEMORY, "bench expr: %zu customers", row_count);
    for (size_t row = 0; row < row_count; row++) {
        double fen = exp(13.5 + 2.2 * lx_rng_normal(&rng));
        uint64_t draw = lx_rng_below(&rng, 100);
        ages[row] = (uint8_t)(18 + lx_rng_below(&rng, 72));
        channel[row] = draw < 45 ? 1 : draw < 75 ? 0 : draw < 90 ? 2 : 3;
        assets[row] = fen < ASSETS_FEN_MAX ? (int32_t)fen : ASSETS_FEN_MAX;
        customers->wide_assets[row] = assets[row];
        if (!lx_rng_chance(&rng, 0.03)) continue;
        is_holder[row] = 1;
        holders[row / 64] |= (uint64_t)1 << row % 64;
        roaring_bitmap_add(customers->holders, (uint32_t)row);
    }
    roaring_bitmap_run_optimize(customers->holders);
    return LX_OK;
}

static void release_customers(struct customers *customers)
{
    lx_free((void *)(uintptr_t)customers->columns.ages);
    lx_free((void *)(uintptr_t)customers->columns.channels);
    lx_free((void *)(uintptr_t)customers->columns.assets_fen);
    lx_free((void *)(uintptr_t)customers->columns.holders);
    lx_free((void *)(uintptr_t)customers->columns.is_holder);
    lx_free(customers->wide_assets);
    if (customers->holders != NULL) roaring_bitmap_free(customers->holders);
    expr_plan_close(customers->plan);
    expr_free(customers->expr);
    sqlite3_close(customers->db);
}

static enum lx_err give_field(void *context, size_t field, struct expr_column *ret_column,
                              struct lx_error *err)
{
    const struct customers *customers = context;
    (void)err;
    *ret_column =
        (struct expr_column){.storage = EXPR_STORE_U8, .values = customers->columns.channels};
    if (field == FIELD_ASSETS && customers->is_wide)
        *ret_column =
            (struct expr_column){.storage = EXPR_STORE_I64, .values = customers->wide_assets};
    else if (field == FIELD_ASSETS)
        *ret_column = (struct expr_column){.storage = EXPR_STORE_I32,
                                           .values = customers->columns.assets_fen};
    return LX_OK;
}

static enum lx_err give_call(void *context, size_t function, const struct expr_value *arguments,
                             size_t argument_count, struct expr_column *ret_column, bool *ret_has,
                             struct lx_error *err)
{
    const struct customers *customers = context;
    (void)arguments, (void)argument_count, (void)err;
    *ret_has = true;
    *ret_column = (struct expr_column){.storage = EXPR_STORE_U8, .values = customers->columns.ages};
    if (function == CALL_HOLDS)
        *ret_column =
            (struct expr_column){.storage = EXPR_STORE_ROARING, .values = customers->holders};
    return LX_OK;
}

/* ---- Ours and the loops ---- */

static void keep_best(double *best, double value)
{
    if (value < *best) *best = value;
}

static enum lx_err expect_count(struct customers *customers, const char *who, uint64_t count)
{
    if (count == customers->count) return LX_OK;
    return lx_fail(customers->err, LX_ERR_CORRUPT, "bench expr: %s counts %llu, the loop %llu", who,
                   (unsigned long long)count, (unsigned long long)customers->count);
}

static enum lx_err time_count(struct customers *customers, int thread_count, double *best)
{
    uint64_t count = 0;
    enum lx_err code = LX_OK;
    for (int i = 0; i < RUNS && code == LX_OK; i++) {
        double start = now_ms(customers);
        code = expr_plan_count(customers->plan, thread_count, &count, customers->err);
        keep_best(best, now_ms(customers) - start);
    }
    return code == LX_OK ? expect_count(customers, "the plan", count) : code;
}

static enum lx_err time_loop(struct customers *customers, uint64_t (*run)(const struct expr_loop *),
                             double *best)
{
    uint64_t count = 0;
    for (int i = 0; i < RUNS; i++) {
        double start = now_ms(customers);
        count = run(&customers->columns);
        keep_best(best, now_ms(customers) - start);
    }
    return expect_count(customers, "a loop", count);
}

struct times {
    double compile, plan, ours, threads, wide, plain, bytes, branches, avx2, bytes_avx2,
        sqlite; /* milliseconds */
};

static enum lx_err open_plan(struct customers *customers, const struct expr_table *table,
                             struct times *times)
{
    double start = now_ms(customers);
    expr_free(customers->expr);
    customers->expr = NULL;
    enum lx_err code =
        expr_compile(&schema, text, strlen(text), &customers->expr, NULL, customers->err);
    double middle = now_ms(customers);
    expr_plan_close(customers->plan);
    customers->plan = NULL;
    if (code == LX_OK)
        code = expr_plan_open(customers->expr, table, EXPR_KERNEL_BEST, &customers->plan,
                              customers->err);
    keep_best(&times->compile, middle - start);
    keep_best(&times->plan, now_ms(customers) - middle);
    return code;
}

static bool has_avx2(void)
{
#ifdef __x86_64__
    return __builtin_cpu_supports("avx2");
#else
    return false;
#endif
}

/* All in turn, so that none has the quiet moments for itself. */
static enum lx_err time_all(struct customers *customers, const struct expr_table *table,
                            struct times *times)
{
    int threads = customers->env->thread_count;
    enum lx_err code = LX_OK;
    customers->count = expr_loop_plain(&customers->columns);
    for (int i = 0; i < TRIALS && code == LX_OK; i++) {
        customers->is_wide = true;
        code = open_plan(customers, table, times);
        if (code == LX_OK) code = time_count(customers, 1, &times->wide);
        customers->is_wide = false;
        if (code == LX_OK) code = open_plan(customers, table, times);
        if (code == LX_OK) code = time_count(customers, 1, &times->ours);
        if (code == LX_OK) code = time_count(customers, threads, &times->threads);
        if (code == LX_OK) code = time_loop(customers, expr_loop_plain, &times->plain);
        if (code == LX_OK) code = time_loop(customers, expr_loop_bytes, &times->bytes);
        if (code == LX_OK) code = time_loop(customers, expr_loop_branches, &times->branches);
#ifdef __x86_64__
        if (code == LX_OK && has_avx2()) code = time_loop(customers, expr_loop_avx2, &times->avx2);
        if (code == LX_OK && has_avx2())
            code = time_loop(customers, expr_loop_bytes_avx2, &times->bytes_avx2);
#endif
    }
    return code;
}

/* ---- SQLite ---- */

static enum lx_err sqlite_fail(struct customers *customers)
{
    return lx_fail(customers->err, LX_ERR_IO, "bench expr: SQLite: %s",
                   sqlite3_errmsg(customers->db));
}

static enum lx_err fill_sqlite(struct customers *customers)
{
    static const char create[] =
        "CREATE TABLE customers (age INTEGER, assets INTEGER, channel INTEGER, wealth INTEGER);"
        "BEGIN";
    sqlite3_stmt *insert = NULL;
    const struct expr_loop *columns = &customers->columns;
    if (sqlite3_open(":memory:", &customers->db) != SQLITE_OK ||
        sqlite3_exec(customers->db, create, NULL, NULL, NULL) != SQLITE_OK ||
        sqlite3_prepare_v2(customers->db, "INSERT INTO customers VALUES (?, ?, ?, ?)", -1, &insert,
                           NULL) != SQLITE_OK)
        return sqlite_fail(customers);
    int state = SQLITE_DONE;
    for (size_t row = 0; row < columns->row_count && state == SQLITE_DONE; row++) {
        sqlite3_bind_int(insert, 1, columns->ages[row]);
        sqlite3_bind_int64(insert, 2, columns->assets_fen[row]);
        sqlite3_bind_int(insert, 3, columns->channels[row]);
        sqlite3_bind_int(insert, 4, (columns->holders[row / 64] >> row % 64 & 1) != 0);
        state = sqlite3_step(insert);
        sqlite3_reset(insert);
    }
    sqlite3_finalize(insert);
    if (state != SQLITE_DONE ||
        sqlite3_exec(customers->db, "COMMIT", NULL, NULL, NULL) != SQLITE_OK)
        return sqlite_fail(customers);
    return LX_OK;
}

static enum lx_err time_sqlite(struct customers *customers, double *best)
{
    sqlite3_stmt *select = NULL;
    enum lx_err code = fill_sqlite(customers);
    if (code == LX_OK && sqlite3_prepare_v2(customers->db, sql, -1, &select, NULL) != SQLITE_OK)
        code = sqlite_fail(customers);
    for (int i = 0; i < PEER_TRIALS && code == LX_OK; i++) {
        double start = now_ms(customers);
        if (sqlite3_step(select) != SQLITE_ROW) code = sqlite_fail(customers);
        keep_best(best, now_ms(customers) - start);
        if (code == LX_OK)
            code = expect_count(customers, "SQLite", (uint64_t)sqlite3_column_int64(select, 0));
        sqlite3_reset(select);
    }
    sqlite3_finalize(select);
    return code;
}

/* ---- The benchmark ---- */

static void report(const struct customers *customers, const struct times *times,
                   struct bench_result *result)
{
    *result = (struct bench_result){.name = "expr", .unit = "ms"};
    result->ours = times->ours;
    result->ours_name = expr_kernel_name(expr_kernel_best());
    result->peer = fmin(fmin(times->plain, times->bytes),
                        fmin(times->branches, fmin(times->avx2, times->bytes_avx2)));
    result->peer_name = "the fastest C loop";
    result->ratio = result->peer / result->ours;
    bench_add(result, "rows", (double)customers->columns.row_count, "");
    bench_add(result, "rows_that_hold", (double)customers->count, "");
    bench_add(result, "threads", customers->env->thread_count, "");
    bench_add(result, "ours_all_threads", times->threads, "ms");
    bench_add(result, "ours_assets_of_8_bytes", times->wide, "ms");
    bench_add(result, "loop_without_branches", times->plain, "ms");
    bench_add(result, "loop_of_bytes", times->bytes, "ms");
    bench_add(result, "loop_with_branches", times->branches, "ms");
    if (has_avx2()) bench_add(result, "loop_avx2", times->avx2, "ms");
    if (has_avx2()) bench_add(result, "loop_of_bytes_avx2", times->bytes_avx2, "ms");
    bench_add(result, "compile", times->compile * 1e3, "us");
    bench_add(result, "plan", times->plan * 1e3, "us");
    bench_add(result, "sqlite", times->sqlite, "ms");
    bench_add(result, "sqlite_ratio", times->sqlite / times->ours, "");
}

enum lx_err bench_expr(uint64_t row_count, const struct lx_env *env,
                       struct bench_result *ret_result, struct lx_error *err)
{
    if (row_count == 0 || row_count > ROWS_MAX)
        return lx_fail(err, LX_ERR_LIMIT, "bench: %llu rows; 1 to %llu are possible",
                       (unsigned long long)row_count, (unsigned long long)ROWS_MAX);
    struct customers customers = {.env = env, .err = err};
    const struct expr_table table = {.context = &customers,
                                     .row_count = (size_t)row_count,
                                     .field = give_field,
                                     .call = give_call};
    struct times times = {INFINITY, INFINITY, INFINITY, INFINITY, INFINITY, INFINITY,
                          INFINITY, INFINITY, INFINITY, INFINITY, INFINITY};
    enum lx_err code = make_customers(&customers, (size_t)row_count);
    if (code == LX_OK) code = time_all(&customers, &table, &times);
    if (code == LX_OK) code = time_sqlite(&customers, &times.sqlite);
    if (code == LX_OK) report(&customers, &times, ret_result);
    release_customers(&customers);
    return code;
}
