#include "bench/rules.h"

#include <math.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "base/rng.h"
#include "expr/expr.h"

enum { RULES = 30, TRIALS = 5, TODAY = 20513, SQL_MAX = 8192 };
#define CUSTOMERS_MAX ((uint64_t)10000000)

/* ---- The customer and the product ---- */

#define FIELD_MAP(X)                                                                               \
    X(AGE, "age", EXPR_INTEGER, NULL)                                                              \
    X(ASSETS, "assets", EXPR_MONEY, NULL)                                                          \
    X(DEBT, "debt", EXPR_MONEY, NULL)                                                              \
    X(SALARY, "salary", EXPR_MONEY, NULL)                                                          \
    X(RISK, "risk", EXPR_INTEGER, NULL)                                                            \
    X(RISK_EXPIRES, "risk_expires", EXPR_DATE, NULL)                                               \
    X(OPENED, "opened", EXPR_DATE, NULL)                                                           \
    X(CHANNEL, "channel", EXPR_ENUM, &channels)                                                    \
    X(IS_OVERDUE, "is_overdue", EXPR_BOOLEAN, NULL)                                                \
    X(HAS_CONSENT, "has_consent", EXPR_BOOLEAN, NULL)                                              \
    X(CITY, "city", EXPR_STRING, NULL)                                                             \
    X(OFFERS, "offers", EXPR_INTEGER, NULL)                                                        \
    X(REFUSALS, "refusals", EXPR_INTEGER, NULL)                                                    \
    X(LAST_OFFER, "last_offer", EXPR_DATE, NULL)                                                   \
    X(SCORE, "score", EXPR_REAL, NULL)                                                             \
    X(PRODUCT_RISK, "product.risk", EXPR_INTEGER, NULL)                                            \
    X(PRODUCT_MINIMUM, "product.minimum", EXPR_MONEY, NULL)                                        \
    X(PRODUCT_AGE_MIN, "product.age_min", EXPR_INTEGER, NULL)                                      \
    X(PRODUCT_AGE_MAX, "product.age_max", EXPR_INTEGER, NULL)                                      \
    X(PRODUCT_RATE, "product.rate", EXPR_REAL, NULL)

static const char *const channel_codes[] = {"counter", "mobile", "web", "phone"};
static const struct expr_enumeration channels = {"channel", channel_codes, NULL, 4, false};

enum {
#define X(name, text, type, enumeration) FIELD_##name,
    FIELD_MAP(X)
#undef X
        FIELD_COUNT
};

static const struct expr_field fields[] = {
#define X(name, text, type, enumeration) {text, NULL, type, enumeration, false},
    FIELD_MAP(X)
#undef X
};
static const struct expr_schema schema = {.fields = fields, .field_count = FIELD_COUNT};

/* A rule twice; in SQL ?N is field N - 1 and money is fen. The 20513 there is today. */
struct rule {
    const char *ours, *sql;
};

static const struct rule rules[RULES] = {
    {"age between product.age_min and product.age_max", "?1 BETWEEN ?18 AND ?19"},
    {"product.risk <= risk or risk_expires < today() and product.risk = 1",
     "?16 <= ?5 OR ?6 < 20513 AND ?16 = 1"},
    {"risk_expires >= today()", "?6 >= 20513"},
    {"age <= 65 or product.risk <= 3", "?1 <= 65 OR ?16 <= 3"},
    {"not is_overdue", "NOT ?9"},
    {"has_consent is true", "?10 IS TRUE"},
    {"assets >= product.minimum", "?2 >= ?17"},
    {"assets - coalesce(debt, 0) >= 10000", "?2 - coalesce(?3, 0) >= 1000000"},
    {"debt is null or debt * 2 <= assets", "?3 IS NULL OR ?3 * 2 <= ?2"},
    {"salary > 3000 or assets > 5万", "?4 > 300000 OR ?2 > 5000000"},
    {"opened <= today() - 90 days", "?7 <= 20513 - 90"},
    {"channel in ('mobile', 'web')", "?8 IN (1, 2)"},
    {"channel <> 'phone' or age < 70", "?8 <> 3 OR ?1 < 70"},
    {"offers < 5", "?12 < 5"},
    {"refusals < 3", "?13 < 3"},
    {"last_offer is null or last_offer < today() - 7 days", "?14 IS NULL OR ?14 < 20513 - 7"},
    {"refusals < 2 or last_offer < today() - 30 days", "?13 < 2 OR ?14 < 20513 - 30"},
    {"score > 0.02", "?15 > 0.02"},
    {"score * product.rate > 0.001", "?15 * ?20 > 0.001"},
    {"city like '杭州%' or city like '宁波%'", "?11 LIKE '杭州%' OR ?11 LIKE '宁波%'"},
    {"city not in ('上海市', '北京市')", "?11 NOT IN ('上海市', '北京市')"},
    {"case when age < 25 then assets >= 1000 when age < 60 then assets >= 5000 else true end",
     "CASE WHEN ?1 < 25 THEN ?2 >= 100000 WHEN ?1 < 60 THEN ?2 >= 500000 ELSE TRUE END"},
    {"product.minimum <= 1万 or assets >= 10万", "?17 <= 1000000 OR ?2 >= 10000000"},
    {"age >= 18", "?1 >= 18"},
    {"not (age >= 60 and product.risk >= 4)", "NOT (?1 >= 60 AND ?16 >= 4)"},
    {"greatest(assets, salary) > 2000", "max(?2, ?4) > 200000"},
    {"product.rate between 0.01 and 0.08", "?20 BETWEEN 0.01 AND 0.08"},
    {"opened + 30 days <= today() and offers + refusals < 10",
     "?7 + 30 <= 20513 AND ?12 + ?13 < 10"},
    {"nullif(offers, 0) is null or refusals * 2 <= offers",
     "nullif(?12, 0) IS NULL OR ?13 * 2 <= ?12"},
    {"has_consent and not is_overdue and age between 18 and 80 and assets > 0",
     "?10 AND NOT ?9 AND ?1 BETWEEN 18 AND 80 AND ?2 > 0"},
};

/* ---- Making them ---- */

struct trial {
    const struct lx_env *env;
    struct lx_error *err;
    size_t customer_count;
    struct expr_value (*customers)[FIELD_COUNT];
    uint32_t *answers; /* a bit a rule; NULL as false */
    struct expr *exprs[RULES];
    sqlite3 *db;
    sqlite3_stmt *whole, *single[RULES];
};

static double now_us(const struct trial *trial)
{
    return (double)trial->env->elapsed_ns(trial->env->context) / 1e3;
}

static struct expr_value integer(uint64_t value)
{
    return (struct expr_value){.as.integer = (int64_t)value};
}

static void make_customer(struct lx_rng *rng, struct expr_value *values)
{
    static const char *const cities[] = {"杭州市", "宁波市", "上海市", "北京市", "绍兴市"};
    const char *city = cities[lx_rng_below(rng, LX_COUNT_OF(cities))];
    for (size_t i = 0; i < FIELD_COUNT; i++) values[i] = integer(lx_rng_below(rng, 8));
    values[FIELD_AGE] = integer(10 + lx_rng_below(rng, 80));
    values[FIELD_ASSETS] = integer(lx_rng_below(rng, 20000000));
    values[FIELD_DEBT] = integer(lx_rng_below(rng, 10000000));
    values[FIELD_DEBT].is_null = lx_rng_chance(rng, 0.6);
    values[FIELD_SALARY] = integer(lx_rng_below(rng, 1000000));
    values[FIELD_RISK] = integer(1 + lx_rng_below(rng, 5));
    values[FIELD_RISK_EXPIRES] = integer(TODAY - 100 + lx_rng_below(rng, 400));
    values[FIELD_OPENED] = integer(TODAY - lx_rng_below(rng, 3000));
    values[FIELD_CHANNEL] = integer(lx_rng_below(rng, 4));
    values[FIELD_IS_OVERDUE] = integer(lx_rng_below(rng, 2));
    values[FIELD_HAS_CONSENT] = integer(lx_rng_below(rng, 2));
    values[FIELD_CITY].as.string.text = city;
    values[FIELD_CITY].as.string.length = strlen(city);
    values[FIELD_LAST_OFFER] = integer(TODAY - lx_rng_below(rng, 60));
    values[FIELD_LAST_OFFER].is_null = lx_rng_chance(rng, 0.3);
    values[FIELD_SCORE].as.real = lx_rng_uniform(rng) * 0.1;
    values[FIELD_PRODUCT_RISK] = integer(1 + lx_rng_below(rng, 5));
    values[FIELD_PRODUCT_MINIMUM] = integer(lx_rng_below(rng, 5000000));
    values[FIELD_PRODUCT_AGE_MIN] = integer(18);
    values[FIELD_PRODUCT_AGE_MAX] = integer(60 + lx_rng_below(rng, 20));
    values[FIELD_PRODUCT_RATE].as.real = lx_rng_uniform(rng) * 0.1;
}

static enum lx_err make_customers(struct trial *trial)
{
    struct lx_rng rng = lx_rng_of(2, 0);
    trial->customers = lx_calloc(trial->customer_count, sizeof *trial->customers);
    trial->answers = lx_calloc(trial->customer_count, sizeof *trial->answers);
    if (trial->customers == NULL || trial->answers == NULL)
        return lx_fail(trial->err, LX_ERR_NO_MEMORY, "bench rules: %zu customers",
                       trial->customer_count);
    for (size_t i = 0; i < trial->customer_count; i++) make_customer(&rng, trial->customers[i]);
    return LX_OK;
}

static enum lx_err compile_rules(struct trial *trial)
{
    for (size_t i = 0; i < RULES; i++) {
        enum lx_err code =
            expr_compile_as(&schema, EXPR_BOOLEAN, rules[i].ours, strlen(rules[i].ours),
                            &trial->exprs[i], NULL, trial->err);
        if (code != LX_OK) return lx_error_prefix(trial->err, "bench rules: rule %zu", i + 1);
    }
    return LX_OK;
}

static enum lx_err sqlite_fail(const struct trial *trial)
{
    return lx_fail(trial->err, LX_ERR_IO, "bench rules: SQLite: %s", sqlite3_errmsg(trial->db));
}

static enum lx_err prepare_rules(struct trial *trial)
{
    struct lx_buffer whole, single;
    lx_buffer_init(&whole, SQL_MAX);
    lx_buffer_init(&single, SQL_MAX);
    enum lx_err code = LX_OK;
    if (sqlite3_open(":memory:", &trial->db) != SQLITE_OK) code = sqlite_fail(trial);
    for (size_t i = 0; i < RULES && code == LX_OK; i++) {
        lx_buffer_printf(&whole, "%s(%s)", i == 0 ? "SELECT " : ", ", rules[i].sql);
        lx_buffer_clear(&single);
        lx_buffer_printf(&single, "SELECT %s", rules[i].sql);
        if (sqlite3_prepare_v2(trial->db, lx_buffer_text(&single), -1, &trial->single[i], NULL) !=
            SQLITE_OK)
            code = sqlite_fail(trial);
    }
    LX_ASSERT(lx_buffer_error(&whole) == LX_OK && lx_buffer_error(&single) == LX_OK);
    if (code == LX_OK &&
        sqlite3_prepare_v2(trial->db, lx_buffer_text(&whole), -1, &trial->whole, NULL) != SQLITE_OK)
        code = sqlite_fail(trial);
    lx_buffer_release(&whole);
    lx_buffer_release(&single);
    return code;
}

static void release(struct trial *trial)
{
    for (size_t i = 0; i < RULES; i++) {
        expr_free(trial->exprs[i]);
        sqlite3_finalize(trial->single[i]);
    }
    sqlite3_finalize(trial->whole);
    sqlite3_close(trial->db);
    lx_free(trial->customers);
    lx_free(trial->answers);
}

/* ---- Answering ---- */

static enum lx_err give_field(void *context, size_t field, struct expr_value *ret_value,
                              struct lx_error *err)
{
    (void)err;
    *ret_value = ((const struct expr_value *)context)[field];
    return LX_OK;
}

static enum lx_err answer_ours(struct trial *trial, size_t customer, uint32_t *ret_answer)
{
    struct expr_row row = {
        .context = trial->customers[customer], .today = TODAY, .field = give_field};
    uint32_t answer = 0;
    for (size_t i = 0; i < RULES; i++) {
        bool holds = false;
        enum lx_err code = expr_holds(trial->exprs[i], &row, &holds, trial->err);
        if (code != LX_OK) return code;
        answer |= (uint32_t)holds << i;
    }
    *ret_answer = answer;
    return LX_OK;
}

/* Only the parameters that the statement has. */
static void bind(sqlite3_stmt *statement, const struct expr_value *values)
{
    int count = sqlite3_bind_parameter_count(statement);
    for (int i = 0; i < count; i++) {
        if (values[i].is_null)
            sqlite3_bind_null(statement, i + 1);
        else if (fields[i].type == EXPR_REAL)
            sqlite3_bind_double(statement, i + 1, values[i].as.real);
        else if (fields[i].type == EXPR_STRING)
            sqlite3_bind_text(statement, i + 1, values[i].as.string.text,
                              (int)values[i].as.string.length, SQLITE_STATIC);
        else
            sqlite3_bind_int64(statement, i + 1, values[i].as.integer);
    }
}

static enum lx_err answer_whole(struct trial *trial, size_t customer, uint32_t *ret_answer)
{
    uint32_t answer = 0;
    bind(trial->whole, trial->customers[customer]);
    bool has_row = sqlite3_step(trial->whole) == SQLITE_ROW;
    for (int i = 0; i < RULES && has_row; i++)
        answer |= (uint32_t)(sqlite3_column_int(trial->whole, i) != 0) << i;
    sqlite3_reset(trial->whole);
    *ret_answer = answer;
    return has_row ? LX_OK : sqlite_fail(trial);
}

static enum lx_err answer_singly(struct trial *trial, size_t customer, uint32_t *ret_answer)
{
    uint32_t answer = 0;
    for (size_t i = 0; i < RULES; i++) {
        bind(trial->single[i], trial->customers[customer]);
        if (sqlite3_step(trial->single[i]) != SQLITE_ROW) return sqlite_fail(trial);
        answer |= (uint32_t)(sqlite3_column_int(trial->single[i], 0) != 0) << i;
        sqlite3_reset(trial->single[i]);
    }
    *ret_answer = answer;
    return LX_OK;
}

/* Microseconds a customer. The first who answers is right, and the others must agree. */
static enum lx_err time_answers(struct trial *trial,
                                enum lx_err (*answer_one)(struct trial *, size_t, uint32_t *),
                                bool is_first, double *best)
{
    for (int i = 0; i < TRIALS; i++) {
        double start = now_us(trial);
        for (size_t customer = 0; customer < trial->customer_count; customer++) {
            uint32_t found = 0;
            enum lx_err code = answer_one(trial, customer, &found);
            if (code != LX_OK) return code;
            if (is_first && i == 0) trial->answers[customer] = found;
            if (found != trial->answers[customer])
                return lx_fail(trial->err, LX_ERR_CORRUPT,
                               "bench rules: customer %zu: ours %08x, SQLite %08x", customer,
                               trial->answers[customer], found);
        }
        double used = (now_us(trial) - start) / (double)trial->customer_count;
        if (used < *best) *best = used;
    }
    return LX_OK;
}

enum lx_err bench_rules(uint64_t row_count, const struct lx_env *env,
                        struct bench_result *ret_result, struct lx_error *err)
{
    if (row_count == 0 || row_count > CUSTOMERS_MAX)
        return lx_fail(err, LX_ERR_LIMIT, "bench: %llu rows; 1 to %llu are possible",
                       (unsigned long long)row_count, (unsigned long long)CUSTOMERS_MAX);
    struct trial trial = {.env = env, .err = err, .customer_count = (size_t)row_count};
    struct bench_result result = {
        .name = "rules", .unit = "us", .ours_name = "row by row", .peer_name = "SQLite, prepared"};
    double singly = INFINITY;
    result.ours = result.peer = INFINITY;
    enum lx_err code = make_customers(&trial);
    double start = now_us(&trial);
    if (code == LX_OK) code = compile_rules(&trial);
    double compile_us = now_us(&trial) - start;
    if (code == LX_OK) code = prepare_rules(&trial);
    if (code == LX_OK) code = time_answers(&trial, answer_ours, true, &result.ours);
    if (code == LX_OK) code = time_answers(&trial, answer_whole, false, &result.peer);
    if (code == LX_OK) code = time_answers(&trial, answer_singly, false, &singly);
    release(&trial);
    if (code != LX_OK) return code;
    result.ratio = result.peer / result.ours;
    bench_add(&result, "rules", RULES, "");
    bench_add(&result, "customers", (double)row_count, "");
    bench_add(&result, "sqlite_a_statement_a_rule", singly, "us");
    bench_add(&result, "compile_all", compile_us, "us");
    *ret_result = result;
    return LX_OK;
}
