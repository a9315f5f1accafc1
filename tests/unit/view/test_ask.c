/*
 * Goal:   an expression asked of one customer sees his fields, features and past as of the moment,
 *         and nothing else.
 * Method: a bank of random histories, facts of the future among them; expressions with windows
 *         against the features that count the same in another way; scopes, peers and faults in
 *         tables.
 */
#include "random_bank.h"

#include "view/ask.h"

enum { CUSTOMERS = 300, SEED = 5 };

static char scratch[LX_PATH_MAX], folder[LX_PATH_MAX];
static struct bank *bank;
static struct view_features *features;
static struct view_peers *peers;

static int prepare(void **state)
{
    struct lx_error err;
    struct lx_env env = test_env(1);
    scratch_make(scratch);
    MUST(host_join(folder, scratch, "bank", &err));
    random_bank_create(folder);
    random_bank_load(folder, SEED, 0, CUSTOMERS);
    MUST(bank_open(folder, STORE_READ, &bank, &err));
    MUST(view_features_open(bank, &features, &err));
    MUST(view_peers_build(folder, HISTORY_NOW_MS, &env, &peers, &err));
    return 0;
}

static int release(void **state)
{
    view_peers_close(peers);
    view_features_close(features);
    bank_close(bank);
    scratch_remove(scratch);
    return 0;
}

static struct expr *compile(const char *text, enum view_scope *ret_scope)
{
    struct lx_error err;
    struct expr *expr = NULL;
    enum lx_err code = view_ask_compile(view_features_schema(features), text, strlen(text), &expr,
                                        ret_scope, NULL, &err);
    if (code != LX_OK) fail_msg("%s: %s", text, err.text);
    return expr;
}

struct answers {
    const struct expr *expr;
    double values[LX_PRODUCT_MAX];
    int count;
};

static enum lx_err take(void *context, int product, const struct expr_value *value,
                        struct lx_error *err)
{
    struct answers *answers = context;
    answers->values[answers->count++] =
        (double)view_value_to_float(value, expr_result(answers->expr));
    assert_int_equal(product, answers->count == 1 && product < 0 ? -1 : answers->count - 1);
    return LX_OK;
}

static struct answers ask(const struct expr *expr, enum view_scope scope, int64_t customer)
{
    struct lx_error err;
    struct lx_arena arena;
    struct bank_history history;
    struct answers answers = {.expr = expr};
    const struct view_context context = {bank_catalogue(bank), peers, HISTORY_UTC_OFFSET};
    lx_arena_init(&arena, LX_FILE_MAX);
    MUST(bank_history_read(bank, customer, &arena, &history, &err));
    MUST(view_ask(features, expr, scope, &history, &(struct view_as_of){&context, HISTORY_NOW_MS},
                  &(struct view_answer){&answers, take}, &err));
    lx_arena_release(&arena);
    return answers;
}

/* Both sides for every customer; `slack` fen, where a feature is a float of a mean. */
static const struct {
    const char *window, *feature;
    double slack;
} pairs[] = {
    {"count() where kind = 'login' over 7 days", "logins_7d", 0},
    {"count() where kind = 'login' over 90 days", "logins_90d", 0},
    {"days_since_last() where kind = 'login'", "days_since_login", 0},
    {"days_since_last() where kind = 'open'", "days_since_open", 0},
    {"days_since_first() where kind = 'open'", "days_since_first_open", 0},
    {"coalesce(sum(quantity) where kind = 'page_view' over 90 days, 0)", "dwell_90d", 0},
    {"distinct(product) where kind = 'page_view' over 90 days", "products_viewed_90d", 0},
    {"count(offers) over 365 days", "shown_365d", 0},
    {"count(offers) where answer in ('interested', 'bought') over 365 days", "interested_365d", 0},
    {"days_since_last(offers)", "days_since_shown", 0},
    {"count(holdings)", "holdings", 0},
    {"count(holdings) where category = 'wealth'", "wealth_held", 0},
    {"last(balance)", "balance", 1},
    {"min(balance) over 90 days", "balance_min_90d", 1},
    {"max(balance) over 90 days", "balance_max_90d", 1},
    {"avg(balance) over 90 days", "balance_mean_90d", 2},
    {"assets", "balance", 1},
    {"age()", "age", 0},
    {"held_count('savings')", "savings_held", 0},
};

static void test_windows_count_what_the_features_count(void **state)
{
    for (size_t i = 0; i < LX_COUNT_OF(pairs); i++) {
        enum view_scope scope, other_scope;
        struct expr *window = compile(pairs[i].window, &scope);
        struct expr *feature = compile(pairs[i].feature, &other_scope);
        int known = 0;
        for (int64_t customer = 0; customer < CUSTOMERS; customer++) {
            double got = ask(window, scope, customer).values[0];
            double want = ask(feature, other_scope, customer).values[0];
            double slack = pairs[i].slack + fabs(want) * (pairs[i].slack > 0 ? 1e-6 : 0);
            known += !isnan(want);
            if (isnan(want) ? !isnan(got) : !(fabs(got - want) <= slack))
                fail_msg("customer %ld: %s is %.9g, %s is %.9g", (long)customer, pairs[i].window,
                         got, pairs[i].feature, want);
        }
        if (known < CUSTOMERS / 20) fail_msg("%s: known of %d only", pairs[i].feature, known);
        expr_free(window);
        expr_free(feature);
    }
}

static void test_scope_follows_from_what_is_read(void **state)
{
    static const struct {
        const char *text;
        enum view_scope scope;
        bool needs_peers;
    } rows[] = {
        {"age() > 30", VIEW_CUSTOMER, false},
        {"product.risk <= 3", VIEW_PAIR, false},
        {"count() where product = this.product", VIEW_PAIR, false},
        {"cohort_holder_share > 0.1", VIEW_CUSTOMER, true},
        {"peer('cohort_holders') > 0.1", VIEW_CUSTOMER, true},
        {"lift_max() > 1", VIEW_PAIR, true},
        {"bank_holding_rate > 0.1", VIEW_PAIR, true},
    };
    for (size_t i = 0; i < LX_COUNT_OF(rows); i++) {
        enum view_scope scope;
        struct expr *expr = compile(rows[i].text, &scope);
        if (scope != rows[i].scope) fail_msg("%s: scope %d", rows[i].text, scope);
        if (view_ask_needs_peers(features, expr) != rows[i].needs_peers)
            fail_msg("%s: peers", rows[i].text);
        expr_free(expr);
    }
}

static void test_pair_scope_answers_for_every_product(void **state)
{
    enum view_scope scope;
    struct expr *windows =
        compile("count() where kind = 'page_view' and product = this.product over 90 days", &scope);
    struct expr *counted = compile("product_views_90d", &scope);
    int seen = 0;
    for (int64_t customer = 0; customer < CUSTOMERS; customer++) {
        struct answers got = ask(windows, scope, customer), want = ask(counted, scope, customer);
        assert_int_equal(got.count, HISTORY_PRODUCTS);
        for (int i = 0; i < HISTORY_PRODUCTS; i++) {
            seen += want.values[i] > 0;
            if (got.values[i] != want.values[i])
                fail_msg("customer %ld product %d: %g, feature %g", (long)customer, i,
                         got.values[i], want.values[i]);
        }
    }
    assert_true(seen > 0);
    expr_free(windows);
    expr_free(counted);
}

static void test_a_fault_has_its_place(void **state)
{
    struct lx_error err;
    struct expr *expr = NULL;
    struct expr_fault fault;
    enum view_scope scope;
    static const char text[] = "年龄 > 3 且 assests > 5";
    assert_int_equal(view_ask_compile(view_features_schema(features), text, strlen(text), &expr,
                                      &scope, &fault, &err),
                     LX_ERR_BAD_INPUT);
    assert_int_equal(fault.line, 1);
    assert_int_equal(fault.column, 10);
    assert_non_null(strstr(fault.message, "did you mean `assets`?"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_windows_count_what_the_features_count),
        cmocka_unit_test(test_scope_follows_from_what_is_read),
        cmocka_unit_test(test_pair_scope_answers_for_every_product),
        cmocka_unit_test(test_a_fault_has_its_place),
    };
    return cmocka_run_group_tests(tests, prepare, release);
}
