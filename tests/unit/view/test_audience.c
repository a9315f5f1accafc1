/*
 * Goal:   an audience over a snapshot's columns is who the condition holds of when each customer is
 *         asked by himself; masked ids hide what they must; kept audiences remember their sizes.
 * Method: a bank of random histories, refreshed; conditions over every kind of column, with nulls,
 *         functions, sets and windows, each against view_ask for every customer; tables for the
 *         rest.
 */
#include "random_bank.h"

#include <math.h>

#include "frame/frame.h"
#include "view/audience.h"
#include "view/audience_kept.h"

enum { CUSTOMERS = 1100, SEED = 8, WORDS = CUSTOMERS / 64 + 1 };

static char scratch[LX_PATH_MAX], folder[LX_PATH_MAX];
static struct bank *bank;
static struct view_features *features;
static struct view_snapshot *snapshot;
static struct view_audience *audience;

static int prepare(void **state)
{
    struct lx_error err;
    struct lx_env env = test_env(2);
    struct view_refresh_result result;
    scratch_make(scratch);
    MUST(host_join(folder, scratch, "bank", &err));
    random_bank_create(folder);
    random_bank_load(folder, SEED, 0, CUSTOMERS);
    MUST(view_refresh(folder, HISTORY_NOW_MS, 1, &env, &result, &err));
    MUST(bank_open(folder, STORE_WRITE, &bank, &err));
    MUST(view_features_open(bank, &features, &err));
    MUST(view_snapshot_open(folder, &snapshot, &err));
    MUST(view_audience_open(folder, bank, features, snapshot, &audience, &err));
    return 0;
}

static int release(void **state)
{
    view_audience_close(audience);
    view_snapshot_close(snapshot);
    view_features_close(features);
    bank_close(bank);
    scratch_remove(scratch);
    return 0;
}

static struct expr *compile(const char *text)
{
    struct lx_error err;
    struct expr_fault fault;
    struct expr *expr = NULL;
    enum lx_err code = view_audience_compile(features, text, strlen(text), &expr, &fault, &err);
    if (code != LX_OK) fail_msg("%s: %s", text, err.text);
    return expr;
}

static enum lx_err take(void *context, int product, const struct expr_value *value,
                        struct lx_error *err)
{
    bool *holds = context;
    *holds = !value->is_null && value->as.integer != 0;
    return LX_OK;
}

static const char *const conditions[] = {
    "age() between 30 and 50 and assets >= 1000 and not holds('wealth')",
    "gender = 'female'",
    "gender is null or has_phone",
    "birth_date < date '1980-01-01'",
    "joined is null",
    "branch in ('B00', 'B02') and occupation <> 'code 1'",
    "education = 'code 1' or marital = 'code 2'",
    "income > 3000",
    "income is null",
    "risk_level >= 3 and risk_expires > today() + 30 days",
    "risk_level is null",
    "assets between 100 and 20000.01",
    "is_overdue or has_open_complaint",
    "has_personal_consent and not is_do_not_contact",
    "holds('credit', 'payment')",
    "holds_product('P02') or holds_product('P01', 'P03')",
    "'P02' in held",
    "'sms' in refused_channels",
    "held_count('savings', 'wealth') >= 2",
    "risk_allows('P03')",
    "logins_30d >= 2",
    "balance_mean_90d > 5000 and active_days_90d > 0",
    "has_large_inflow_30d",
    "peer('branch_customers') > 150",
    "branch_customers > 150",
    "count() where kind = 'login' over 30 days >= 2",
    "age() > 40 and sum(amount) where amount > 0 over 90 days > 1000",
    "top(category) = 'wealth'",
    "slope(balance) over 90 days > 0",
    "(max(amount) where amount > this.income) is not null",
    "(count() where this.logins_30d > 1) > 5",
    "days_since_last(offers) < 60 or count(holdings) = 0",
    "last(product) = 'P02'",
    "case when age() > 50 then assets else income end > 2000",
    "null",
};

static void check_condition(const char *text, int thread_count)
{
    struct lx_error err;
    struct lx_env env = test_env(thread_count);
    struct lx_arena arena;
    struct expr *expr = compile(text);
    uint64_t bits[WORDS] = {0}, count = 0, want_count = 0;
    const struct view_context context = {.catalogue = bank_catalogue(bank),
                                         .peers = view_snapshot_peers(snapshot),
                                         .utc_offset_minutes = HISTORY_UTC_OFFSET};
    lx_arena_init(&arena, LX_FILE_MAX);
    enum lx_err code = view_audience_select(audience, expr, &env, bits, &count, &err);
    if (code != LX_OK) fail_msg("%s: %s", text, err.text);
    for (int64_t customer = 0; customer < CUSTOMERS; customer++) {
        struct bank_history history;
        bool want = false, got = (bits[customer / 64] >> (customer % 64) & 1) != 0;
        lx_arena_clear(&arena);
        MUST(bank_history_read(bank, customer, &arena, &history, &err));
        MUST(view_ask(features, expr, VIEW_CUSTOMER, &history,
                      &(struct view_as_of){&context, HISTORY_NOW_MS},
                      &(struct view_answer){&want, take}, &err));
        want_count += want;
        if (got != want)
            fail_msg("%s: customer %ld: column says %d, asked he says %d", text, (long)customer,
                     got, want);
    }
    if (count != want_count) fail_msg("%s: counted %d", text, (int)count);
    if (want_count == CUSTOMERS || (want_count == 0 && strcmp(text, "null") != 0))
        fail_msg("%s: says nothing: %d of %d", text, (int)want_count, CUSTOMERS);
    lx_arena_release(&arena);
    expr_free(expr);
}

static void test_columns_answer_as_each_customer_does(void **state)
{
    for (size_t i = 0; i < LX_COUNT_OF(conditions); i++)
        check_condition(conditions[i], 1 + (int)(i % 2));
}

/* --- Random conditions over features, and over windows that are features --------------------- */

static const char *pick_feature(struct lx_rng *rng, char *text, size_t size)
{
    const struct expr_schema *schema =
        view_schema_scope(view_features_schema(features), VIEW_CUSTOMER);
    size_t own = view_schema_own_count();
    const struct expr_field *field =
        &schema->fields[own + lx_rng_below(rng, schema->field_count - own)];
    static const char *const operators[] = {"=", "<>", "<", "<=", ">", ">="};
    static float values[LX_FEATURES_MAX];
    size_t place = view_features_find(features, VIEW_CUSTOMER, field->name);
    int64_t customer = (int64_t)lx_rng_below(rng, CUSTOMERS);
    view_snapshot_customer(snapshot, customer, values);
    float value = values[place];
    const char *definition = view_features_at(features, VIEW_CUSTOMER, place)->definition;
    /* The window itself instead of its feature's name: both must say the same. */
    bool is_window = lx_rng_below(rng, 2) == 0 && strchr("cmsad", definition[0]) != NULL &&
                     strstr(definition, " over ") != NULL && strstr(definition, ") ") != NULL &&
                     strpbrk(definition, "/*+<>,'") == NULL;
    char name[512];
    snprintf(name, sizeof name, is_window ? "(%s)" : "%s", is_window ? definition : field->name);
    if (lx_rng_below(rng, 5) == 0 || isnan(value))
        snprintf(text, size, "%s is %snull", name, lx_rng_below(rng, 2) == 0 ? "" : "not ");
    else if (field->type == EXPR_BOOLEAN)
        snprintf(text, size, "%s%s", lx_rng_below(rng, 2) == 0 ? "not " : "", name);
    else if (field->type == EXPR_ENUM)
        snprintf(text, size, "%s = '%s'", name, field->enumeration->codes[(int)value]);
    else if (field->type == EXPR_MONEY)
        snprintf(text, size, "%s %s %ld.%02ld", name, operators[lx_rng_below(rng, 6)],
                 labs((long)value) / 100, labs((long)value) % 100);
    else
        snprintf(text, size, "%s %s %.9g", name, operators[lx_rng_below(rng, 6)], (double)value);
    return text;
}

static void test_random_conditions_over_typed_columns_answer_as_rows_do(void **state)
{
    for (uint64_t seed = 0; seed < 300; seed++) {
        struct lx_rng rng = lx_rng_of(seed, 31);
        char first[640], second[640], text[1400];
        struct lx_error err;
        struct lx_env env = test_env(1);
        uint64_t bits[WORDS] = {0}, count = 0;
        struct lx_arena arena;
        snprintf(text, sizeof text, "%s %s %s", pick_feature(&rng, first, sizeof first),
                 lx_rng_below(&rng, 2) == 0 ? "and" : "or",
                 pick_feature(&rng, second, sizeof second));
        struct expr *expr = compile(text);
        const struct view_context context = {.catalogue = bank_catalogue(bank),
                                             .peers = view_snapshot_peers(snapshot),
                                             .utc_offset_minutes = HISTORY_UTC_OFFSET};
        if (view_audience_select(audience, expr, &env, bits, &count, &err) != LX_OK)
            fail_msg("seed %lu: %s: %s", (unsigned long)seed, text, err.text);
        lx_arena_init(&arena, LX_FILE_MAX);
        for (int i = 0; i < 25; i++) {
            int64_t customer = (int64_t)lx_rng_below(&rng, CUSTOMERS);
            struct bank_history history;
            bool want = false, got = (bits[customer / 64] >> (customer % 64) & 1) != 0;
            lx_arena_clear(&arena);
            MUST(bank_history_read(bank, customer, &arena, &history, &err));
            MUST(view_ask(features, expr, VIEW_CUSTOMER, &history,
                          &(struct view_as_of){&context, HISTORY_NOW_MS},
                          &(struct view_answer){&want, take}, &err));
            if (got != want)
                fail_msg("seed %lu: %s: customer %ld: column says %d, asked he says %d",
                         (unsigned long)seed, text, (long)customer, got, want);
        }
        lx_arena_release(&arena);
        expr_free(expr);
    }
}

/* Whole numbers are kept as such, and as narrow as they are. */
static void test_features_lie_in_columns_of_their_type(void **state)
{
    static const struct {
        const char *name;
        enum frame_type type;
    } rows[] = {
        {"logins_30d", FRAME_U8},        {"is_male", FRAME_U8},  {"top_channel_365d", FRAME_U8},
        {"days_since_login", FRAME_I16}, {"balance", FRAME_I64}, {"act_trend", FRAME_F32},
        {"branch_customers", FRAME_F32},
    };
    struct lx_error err;
    for (size_t i = 0; i < LX_COUNT_OF(rows); i++) {
        struct frame_column column;
        if (frame_column_named(view_snapshot_frame(snapshot), rows[i].name, rows[i].type, &column,
                               &err) != LX_OK)
            fail_msg("%s: %s", rows[i].name, err.text);
    }
}

static void test_what_is_no_condition_over_customers_is_refused(void **state)
{
    static const struct {
        const char *text, *says;
        int column;
    } rows[] = {
        {"assets", "", 1},
        {"age() > 30 and product.risk < 3", "an audience is of customers", 16},
        {"assests > 3", "did you mean `assets`?", 1},
    };
    for (size_t i = 0; i < LX_COUNT_OF(rows); i++) {
        struct lx_error err;
        struct expr_fault fault;
        struct expr *expr = NULL;
        assert_int_equal(view_audience_compile(features, rows[i].text, strlen(rows[i].text), &expr,
                                               &fault, &err),
                         LX_ERR_BAD_INPUT);
        assert_int_equal(fault.column, rows[i].column);
        if (strstr(fault.message, rows[i].says) == NULL)
            fail_msg("%s: %s", rows[i].text, fault.message);
    }
}

static void test_masked_ids_show_their_ends_only(void **state)
{
    static const char *const rows[][2] = {
        {"512199647938c1d8", "51************d8"},
        {"12345", "12*45"},
        {"1234", "***4"},
        {"12", "*2"},
        {"7", "7"},
        {"", ""},
        {"客户一二三", "客户*二三"},
        {"客户", "*户"},
    };
    for (size_t i = 0; i < LX_COUNT_OF(rows); i++) {
        char masked[VIEW_MASKED_ID_SIZE];
        view_mask_id(rows[i][0], strlen(rows[i][0]), masked);
        assert_string_equal(masked, rows[i][1]);
    }
}

static void test_kept_audiences_remember_their_sizes(void **state)
{
    struct lx_error err;
    struct store *store = bank_store(bank);
    struct lx_arena arena;
    struct view_kept kept, *list;
    size_t count;
    lx_arena_init(&arena, LX_FILE_MAX);
    MUST(view_kept_add(store, "rich", "assets > 1000", "li", 5, &err));
    MUST(view_kept_add(store, "青年", "age() < 30", "", 6, &err));
    assert_int_equal(view_kept_add(store, "rich", "1 = 1", "", 7, &err), LX_ERR_REFUSED);
    assert_int_equal(view_kept_add(store, "two words", "1 = 1", "", 7, &err), LX_ERR_BAD_INPUT);
    assert_int_equal(view_kept_add(store, "", "1 = 1", "", 7, &err), LX_ERR_BAD_INPUT);
    for (int64_t i = 1; i <= 3; i++)
        MUST(view_kept_count(store, "rich", &(struct view_kept_size){10 * i, i, 100 - i, CUSTOMERS},
                             &err));
    MUST(view_kept_find(store, "rich", &arena, &kept, &err));
    assert_string_equal(kept.expression, "assets > 1000");
    assert_string_equal(kept.owner, "li");
    assert_int_equal(kept.size_count, 3);
    assert_int_equal(kept.sizes[0].at_ms, 10);
    assert_int_equal(kept.sizes[2].size, 97);
    MUST(view_kept_list(store, &arena, &list, &count, &err));
    assert_int_equal(count, 2);
    assert_string_equal(list[1].name, "青年");
    assert_int_equal(list[1].size_count, 0);
    assert_int_equal(view_kept_find(store, "rihc", &arena, &kept, &err), LX_ERR_NOT_FOUND);
    assert_non_null(strstr(err.text, "did you mean `rich`?"));
    MUST(view_kept_drop(store, "rich", &err));
    assert_int_equal(view_kept_drop(store, "rich", &err), LX_ERR_NOT_FOUND);
    assert_int_equal(view_kept_count(store, "rich", &(struct view_kept_size){0}, &err),
                     LX_ERR_REFUSED);
    MUST(view_kept_drop(store, "青年", &err));
    lx_arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_columns_answer_as_each_customer_does),
        cmocka_unit_test(test_random_conditions_over_typed_columns_answer_as_rows_do),
        cmocka_unit_test(test_features_lie_in_columns_of_their_type),
        cmocka_unit_test(test_what_is_no_condition_over_customers_is_refused),
        cmocka_unit_test(test_masked_ids_show_their_ends_only),
        cmocka_unit_test(test_kept_audiences_remember_their_sizes),
    };
    return cmocka_run_group_tests(tests, prepare, release);
}
