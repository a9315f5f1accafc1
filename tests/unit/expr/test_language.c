/*
 * Goal:   Chinese is the same language, three-valued logic is SQL's, and a window's span, its
 *         relation and its constness are what was written.
 * Method: tables. Chinese texts beside the English one that has the same canonical form; the truth
 *         tables of SQL in full; spans of days, months and ends of months.
 */
#include "cmocka_all.h"

#include <stdio.h>

#include "schema.h"

static struct expr *compiled(const char *text)
{
    struct expr *expr = NULL;
    struct lx_error err;
    if (expr_compile(&schema, text, strlen(text), &expr, NULL, &err) != LX_OK)
        fail_msg("%s: %s", text, err.text);
    return expr;
}

static void canonical(const char *text, char out[512])
{
    struct expr *expr = compiled(text);
    expr_format(expr, out, 512);
    expr_free(expr);
}

/* --- Chinese -------------------------------------------------------------------------------- */

static const struct {
    const char *chinese, *english;
} pairs[] = {
    {"年龄 between 30 and 50 且 资产 >= 50万", "age() between 30 and 50 and assets >= 500000"},
    {"年龄() 介于 30 与 50 之间 且 资产 大于等于 50万",
     "age() between 30 and 50 and assets >= 500000"},
    {"年龄大于30且资产小于50万", "age() > 30 and assets < 500000"},
    {"年龄大于30且资产小于50万或负债不为空", "age() > 30 and assets < 500000 or debt is not null"},
    {"资产＞＝１．５亿", "assets >= 150000000"},
    {"资产 >= 0.5万", "assets >= 5000"},
    {"资产 >= 1.23456789万", "assets >= 12345.6789"},
    {"子女数 等于 2 或 子女数 不等于 3", "children = 2 or children <> 3"},
    {"非 (资产 小于等于 100)", "not assets <= 100"},
    {"不（资产≤100）", "not assets <= 100"},
    {"渠道 属于 ('手机'，'网银')", "channel in ('mobile', 'web')"},
    {"渠道 不属于 （“手机”、“网银”）", "channel not in ('mobile', 'web')"},
    {"负债 为空", "debt is null"},
    {"开户日 < 今天() - 90 天", "opened < today() - 90 days"},
    {"开户日 < 今天() - 3 个月", "opened < today() - 3 months"},
    {"开户日 < 今天()-1年", "opened < today() - 1 year"},
    {"子女数 不介于 1 与 2", "children not between 1 and 2"},
    {"ＡＧＥ（）＞30", "age() > 30"},
    {"持有类别('理财')", "holds('wealth')"},
    {"产品。风险 = 1 or true", NULL},
    {"合计(金额) 其中 种类 等于 '转入' 近 90 天 早于 30 天",
     "sum(amount) where kind = 'transfer_in' over 90 days before 30 days"},
    {"合计(金额)其中种类等于'转入'近90天", "sum(amount) where kind = 'transfer_in' over 90 days"},
    {"次数(推荐) over 30 天", "count(offers) over 30 days"},
    {"平均(推荐.金额)", "avg(offers.amount)"},
    {"距末次天数()", "days_since_last()"},
    {"最多(渠道) 近 3 个月 = '手机'", "top(channel) over 3 months = 'mobile'"},
    {"年份(开户日) = 2024 且 真", "year(opened) = 2024 and true"},
    {"长度(姓名) > 空", "length(name) > null"},
    {"城市 = ‘杭州市’", "city = '杭州市'"},
    {"城市 like '杭%' and 资产×2÷4≠5", "city like '杭%' and assets * 2 / 4 <> 5"},
    {"this.资产 > 5", "assets > 5"},
};

static void test_chinese_gives_the_same_tree(void **state)
{
    (void)state;
    for (size_t i = 0; i < LX_COUNT_OF(pairs); i++) {
        char ours[512], theirs[512];
        if (pairs[i].english == NULL) {
            struct expr *expr;
            assert_int_equal(expr_compile(&schema, pairs[i].chinese, strlen(pairs[i].chinese),
                                          &expr, NULL, NULL),
                             LX_ERR_BAD_INPUT);
            continue;
        }
        if (strcmp(pairs[i].english, "assets >= 12345.6789") == 0) {
            struct expr *expr; /* more than two decimals, once 万 is multiplied */
            assert_int_equal(expr_compile(&schema, pairs[i].chinese, strlen(pairs[i].chinese),
                                          &expr, NULL, NULL),
                             LX_ERR_BAD_INPUT);
            continue;
        }
        canonical(pairs[i].chinese, ours);
        canonical(pairs[i].english, theirs);
        if (strcmp(ours, theirs) != 0)
            fail_msg("%s is %s, want %s", pairs[i].chinese, ours, theirs);
    }
}

/* --- Three-valued logic --------------------------------------------------------------------- */

static const char *value_of(const char *text, char out[512])
{
    struct expr *expr = compiled(text);
    struct bank_row bank;
    bank_row_init(&bank);
    bank.expr = expr;
    struct expr_row row = bank_expr_row(&bank);
    struct expr_value value;
    struct lx_error err;
    enum lx_err code = expr_evaluate(expr, &row, &value, &err);
    if (code != LX_OK)
        snprintf(out, 512, "%.500s", err.text);
    else
        expr_value_format(&value, expr_result(expr), expr_result_enumeration(expr), out, 512);
    expr_free(expr);
    return out;
}

static void test_and_or_and_not_have_sqls_truth_tables(void **state)
{
    (void)state;
    static const char *const operands[] = {"true", "false", "is_married"};
    static const char *const both[3][3] = {
        {"true", "false", "null"}, {"false", "false", "false"}, {"null", "false", "null"}};
    static const char *const either[3][3] = {
        {"true", "true", "true"}, {"true", "false", "null"}, {"true", "null", "null"}};
    static const char *const negated[] = {"false", "true", "null"};
    char text[128], out[512];
    for (int i = 0; i < 3; i++) {
        for (int j = 0; j < 3; j++) {
            snprintf(text, sizeof text, "%s and %s", operands[i], operands[j]);
            assert_string_equal(value_of(text, out), both[i][j]);
            snprintf(text, sizeof text, "%s or %s", operands[i], operands[j]);
            assert_string_equal(value_of(text, out), either[i][j]);
        }
        snprintf(text, sizeof text, "not %s", operands[i]);
        assert_string_equal(value_of(text, out), negated[i]);
    }
}

static void test_a_condition_holds_only_if_it_is_true(void **state)
{
    (void)state;
    static const char *const texts[] = {"true", "false", "is_married", "debt > 0"};
    for (size_t i = 0; i < LX_COUNT_OF(texts); i++) {
        struct expr *expr = compiled(texts[i]);
        struct bank_row bank;
        bank_row_init(&bank);
        struct expr_row row = bank_expr_row(&bank);
        bool holds = i != 0;
        struct lx_error err;
        assert_int_equal(expr_holds(expr, &row, &holds, &err), LX_OK);
        assert_int_equal(holds, i == 0);
        expr_free(expr);
    }
}

/* --- Overflow ------------------------------------------------------------------------------- */

static const struct {
    const char *text, *value;
} edges[] = {
    {"9223372036854775807 + 1", "1:21: the result is past the range of integer"},
    {"-9223372036854775808 - 1", "1:22: the result is past the range of integer"},
    {"-9223372036854775808 / -1", "1:22: the result is past the range of integer"},
    {"-9223372036854775808 % -1", "0"},
    {"-(-9223372036854775808 + 0)", "1:1: the result is past the range of integer"},
    {"abs(-9223372036854775808)", "1:1: the result is past the range of integer"},
    {"9223372036854775807 * 2", "1:21: the result is past the range of integer"},
    {"assets * 9223372036854775807", "1:8: the result is past the range of money"},
    {"assets * 1e18", "1:8: the result is past the range of money"},
    {"assets / 1e-18", "1:8: the result is past the range of money"},
    {"assets * 1e-300", "0.00"},
    {"assets / 1e300", "0.00"},
    {"1e308 * 10", "1:7: the result is past the range of real"},
    {"round(1e19)", "1:1: the result is past the range of integer"},
    {"round(9223372036854774784.0)", "9223372036854774784"},
    {"date '9999-12-31' + 1 day", "1:19: the result is past the range of date"},
    {"date '0001-01-01' - 1 month", "1:19: the result is past the range of date"},
    {"date '9999-12-31' + 0 days", "9999-12-31"},
    /* what is not needed is not computed */
    {"false and 9223372036854775807 + 1 > 0", "false"},
    {"true or 9223372036854775807 + 1 > 0", "true"},
    {"case when true then 1 else 9223372036854775807 + 1 end", "1"},
    {"coalesce(1, 9223372036854775807 + 1)", "1"},
    {"term between 9 and 9223372036854775807 + 1", "false"},
    {"debt is not null and 9223372036854775807 + 1 > 0", "false"},
    {"is_married and 9223372036854775807 + 1 > 0", "1:36: the result is past the range of integer"},
    /* money by reals: one exact product, one rounding */
    {"least(assets, 0.05) * 0.1", "0.01"}, /* 0.1 is a little above one tenth */
    {"least(assets, 0.05) * 0.5", "0.02"}, /* 2.5 fen, to even */
    {"least(assets, 0.15) * 0.5", "0.08"}, /* 7.5 fen, to even */
    {"least(assets, -0.05) * 0.5", "-0.02"},
    {"least(assets, 0.05) / 2", "0.02"},
    {"least(assets, 0.07) / 2", "0.04"},
    {"least(assets, -0.07) / -2", "0.04"},
    {"greatest(assets, 90071992547409.93) * 1.0", "90,071,992,547,409.93"},
    {"greatest(assets, 90071992547409.93) * 3.0", "270,215,977,642,229.79"},
    {"greatest(assets, 90071992547409.93) / 0.125", "720,575,940,379,279.44"},
    {"greatest(assets, 92233720368547758.07) * 1.0", "92,233,720,368,547,758.07"},
    {"greatest(assets, 92233720368547758.07) / 1.0", "92,233,720,368,547,758.07"},
};

static void test_a_value_is_exact_or_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < LX_COUNT_OF(edges); i++) {
        char out[512];
        value_of(edges[i].text, out);
        if (strcmp(out, edges[i].value) != 0)
            fail_msg("%s is %s, want %s", edges[i].text, out, edges[i].value);
    }
}

/* --- A wanted type -------------------------------------------------------------------------- */

static void test_a_wanted_type_takes_integers_and_refuses_the_rest(void **state)
{
    (void)state;
    static const struct {
        enum expr_type type;
        const char *text, *value; /* of the error, if it is none */
    } wanted[] = {
        {EXPR_MONEY, "500", "500.00"},
        {EXPR_MONEY, "children * 250", "500.00"},
        {EXPR_MONEY, "case when is_staff then 1 else 0 end", "0.00"},
        {EXPR_MONEY, "assets", "123,456.78"},
        {EXPR_MONEY, "null", "null"},
        {EXPR_MONEY, "score", "1:1: the whole text: expected money, found real"},
        {EXPR_REAL, "children", "2.0"},
        {EXPR_REAL, "3", "3.0"},
        {EXPR_REAL, "assets", "1:1: the whole text: expected real, found money"},
        {EXPR_BOOLEAN, "null", "null"},
        {EXPR_BOOLEAN, "children", "1:1: the whole text: expected boolean, found integer"},
        {EXPR_DATE, "'2026-01-02'", "2026-01-02"},
        {EXPR_INTEGER, "2.5", "1:1: expected an integer, found 2.5"},
        {EXPR_STRING, "'a'", "a"},
    };
    for (size_t i = 0; i < LX_COUNT_OF(wanted); i++) {
        struct expr *expr = NULL;
        struct lx_error err;
        char out[512];
        enum lx_err code = expr_compile_as(&schema, wanted[i].type, wanted[i].text,
                                           strlen(wanted[i].text), &expr, NULL, &err);
        if (code == LX_OK) {
            struct bank_row bank;
            bank_row_init(&bank);
            struct expr_row row = bank_expr_row(&bank);
            struct expr_value value;
            assert_int_equal(expr_result(expr), wanted[i].type);
            assert_int_equal(expr_evaluate(expr, &row, &value, &err), LX_OK);
            expr_value_format(&value, wanted[i].type, NULL, out, sizeof out);
            expr_free(expr);
        } else {
            snprintf(out, sizeof out, "%.500s", err.text);
        }
        if (strcmp(out, wanted[i].value) != 0)
            fail_msg("%s: %s, want %s", wanted[i].text, out, wanted[i].value);
    }
}

/* --- A schema ------------------------------------------------------------------------------- */

static void check_field_name(const char *name, const char *zh, const char *message)
{
    const struct expr_field fields[] = {{"assets", "资产", EXPR_MONEY, NULL, false},
                                        {name, zh, EXPR_INTEGER, NULL, false}};
    const struct expr_schema small = {fields, 2, NULL, 0, NULL, 0};
    struct lx_error err = {.text = ""};
    enum lx_err code = expr_schema_check(&small, &err);
    if ((code == LX_OK) != (message == NULL) ||
        (message != NULL && strstr(err.text, message) == NULL))
        fail_msg("%s, %s: %s", name, zh == NULL ? "" : zh, err.text);
}

static void test_a_schema_has_only_names_that_can_be_said(void **state)
{
    (void)state;
    struct lx_error err;
    if (expr_schema_check(&schema, &err) != LX_OK) fail_msg("%s", err.text);
    check_field_name("children", "近90天子女数", NULL);
    check_field_name("product.risk", "AUM余额", NULL);
    check_field_name("end", NULL, "`end`: an expression cannot say this name");
    check_field_name("a b", NULL, "`a b`: an expression cannot say this name");
    check_field_name("children", "余额(元)", "`余额(元)`: an expression cannot say this name");
    check_field_name("children", "且", "`且`: an expression cannot say this name");
    check_field_name("assets", NULL, "that of `assets` too");
    check_field_name("children", "资产", "that of `assets` too");
    const struct expr_field typeless = {"channel", NULL, EXPR_ENUM, NULL, false};
    const struct expr_schema one = {&typeless, 1, NULL, 0, NULL, 0};
    assert_int_equal(expr_schema_check(&one, &err), LX_ERR_BAD_INPUT);
    const struct expr_function own = {.name = "coalesce", .result = EXPR_INTEGER};
    const struct expr_schema two = {NULL, 0, &own, 1, NULL, 0};
    assert_int_equal(expr_schema_check(&two, &err), LX_ERR_BAD_INPUT);
}

static void test_what_does_not_fit_is_cut_and_counted(void **state)
{
    (void)state;
    struct expr *expr = compiled("assets >= 100 and city = '杭州市'");
    const char *want = "assets >= 100 and city = '杭州市'";
    for (size_t size = 0; size < 40; size++) {
        char text[40];
        memset(text, '#', sizeof text);
        assert_int_equal(expr_format(expr, text, size), strlen(want));
        size_t kept = size == 0 ? 0 : size - 1 < strlen(want) ? size - 1 : strlen(want);
        assert_memory_equal(text, want, kept);
        if (size > 0) assert_int_equal(text[kept], '\0');
        assert_int_equal(text[size < 39 ? size : 39], '#');
    }
    struct expr_value value = integer_value(12345678);
    char text[8];
    assert_int_equal(expr_value_format(&value, EXPR_MONEY, NULL, text, sizeof text), 10);
    assert_string_equal(text, "123,456");
    expr_free(expr);
}

/* --- Windows -------------------------------------------------------------------------------- */

static void test_a_window_covers_the_days_that_it_names(void **state)
{
    (void)state;
    static const struct {
        const char *tail, *as_of, *first, *last;
    } spans[] = {
        {"over 30 days", "2026-03-01", "2026-01-31", "2026-03-01"},
        {"over 1 day", "2026-03-01", "2026-03-01", "2026-03-01"},
        {"over 30 days before 30 days", "2026-03-01", "2026-01-01", "2026-01-30"},
        {"over 3 months", "2026-03-01", "2025-12-02", "2026-03-01"},
        {"over 1 month", "2026-03-31", "2026-03-01", "2026-03-31"},
        {"over 1 month", "2026-05-31", "2026-05-01", "2026-05-31"},
        {"over 1 month", "2024-03-30", "2024-03-01", "2024-03-30"},
        {"over 12 months", "2024-02-29", "2023-03-01", "2024-02-29"},
        {"over 1 year", "2026-03-01", "2025-03-02", "2026-03-01"},
        {"before 1 month", "2026-03-31", NULL, "2026-02-28"},
        {"over 7 days before 1 month", "2026-03-31", "2026-02-22", "2026-02-28"},
        {"", "2026-03-01", NULL, "2026-03-01"},
    };
    for (size_t i = 0; i < LX_COUNT_OF(spans); i++) {
        char text[64];
        snprintf(text, sizeof text, "count() %s", spans[i].tail);
        struct expr *expr = compiled(text);
        int32_t as_of, want_first = INT32_MIN, want_last, first, last;
        assert_int_equal(lx_day_parse(spans[i].as_of, 10, &as_of), LX_OK);
        assert_int_equal(lx_day_parse(spans[i].last, 10, &want_last), LX_OK);
        if (spans[i].first != NULL)
            assert_int_equal(lx_day_parse(spans[i].first, 10, &want_first), LX_OK);
        expr_window_span(expr_window_at(expr, 0), as_of, &first, &last);
        if (first != want_first || last != want_last)
            fail_msg("%s as of %s: %d to %d, want %d to %d", text, spans[i].as_of, first, last,
                     want_first, want_last);
        expr_free(expr);
    }
}

static void test_windows_of_months_tile_the_days_without_gap_or_overlap(void **state)
{
    (void)state;
    struct expr *newer = compiled("count() over 1 month");
    struct expr *older = compiled("count() over 1 month before 1 month");
    for (int32_t day = day_of(2023, 1, 1); day < day_of(2028, 3, 1); day++) {
        int32_t first, last, older_first, older_last;
        expr_window_span(expr_window_at(newer, 0), day, &first, &last);
        expr_window_span(expr_window_at(older, 0), day, &older_first, &older_last);
        assert_int_equal(last, day);
        assert_int_equal(older_last, first - 1);
        assert_true(last - first >= 27 && last - first <= 30);
    }
    expr_free(newer);
    expr_free(older);
}

static void test_a_window_tells_its_relation_type_and_constness(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum expr_aggregate aggregate;
        int relation;
        enum expr_type type;
        bool is_constant, has_argument, has_where;
    } windows[] = {
        {"count()", EXPR_COUNT, 0, EXPR_INTEGER, true, false, false},
        {"count(amount)", EXPR_COUNT, 0, EXPR_INTEGER, true, true, false},
        {"count(offers)", EXPR_COUNT, 1, EXPR_INTEGER, true, false, false},
        {"sum(offers.amount)", EXPR_SUM, 1, EXPR_MONEY, true, true, false},
        {"count() where offers.is_accepted", EXPR_COUNT, 1, EXPR_INTEGER, true, false, true},
        {"count() where channel = this.channel", EXPR_COUNT, 0, EXPR_INTEGER, false, false, true},
        {"count() where amount > assets", EXPR_COUNT, 0, EXPR_INTEGER, false, false, true},
        {"count() where at > today() - 9 days", EXPR_COUNT, 0, EXPR_INTEGER, true, false, true},
        {"count() where holds('wealth')", EXPR_COUNT, 0, EXPR_INTEGER, false, false, true},
        {"avg(balance)", EXPR_AVG, 0, EXPR_MONEY, true, true, false},
        {"avg(seconds)", EXPR_AVG, 0, EXPR_REAL, true, true, false},
        {"min(at)", EXPR_MIN, 0, EXPR_DATE, true, true, false},
        {"last(page)", EXPR_LAST, 0, EXPR_STRING, true, true, false},
        {"distinct(channel)", EXPR_DISTINCT, 0, EXPR_INTEGER, true, true, false},
        {"top(channel)", EXPR_TOP, 0, EXPR_ENUM, true, true, false},
        {"slope(balance)", EXPR_SLOPE, 0, EXPR_REAL, true, true, false},
        {"days_since_first(offers)", EXPR_DAYS_SINCE_FIRST, 1, EXPR_INTEGER, true, false, false},
    };
    for (size_t i = 0; i < LX_COUNT_OF(windows); i++) {
        struct expr *expr = compiled(windows[i].text);
        assert_int_equal(expr_window_count(expr), 1);
        const struct expr_window *window = expr_window_at(expr, 0);
        if (window->aggregate != windows[i].aggregate || window->relation != windows[i].relation ||
            window->type != windows[i].type || window->is_constant != windows[i].is_constant ||
            (window->argument != NULL) != windows[i].has_argument ||
            (window->where != NULL) != windows[i].has_where)
            fail_msg("%s: another window", windows[i].text);
        assert_int_equal(expr_field_count(expr), 0);
        expr_free(expr);
    }
}

static void test_a_window_has_a_text_of_its_own(void **state)
{
    (void)state;
    struct expr *expr = compiled("sum(amount) where amount>this.debt over 1 year / 12 > 100 and "
                                 "count(offers) where offers.is_accepted over 30 days > 3");
    const char *const want[] = {"sum(amount) where amount > this.debt over 12 months",
                                "count(offers) where offers.is_accepted over 30 days"};
    assert_int_equal(expr_window_count(expr), 2);
    for (size_t i = 0; i < 2; i++) {
        char text[128];
        assert_int_equal(expr_window_format(expr, i, text, sizeof text), strlen(want[i]));
        assert_string_equal(text, want[i]);
    }
    expr_free(expr);
}

static void test_the_condition_of_a_window_is_evaluated_for_a_row_of_the_past(void **state)
{
    (void)state;
    struct expr *expr = compiled("sum(amount) where kind = 'transfer_in' and amount < this.assets "
                                 "and channel <> this.channel");
    const struct expr_window *window = expr_window_at(expr, 0);
    struct bank_row bank;
    bank_row_init(&bank);
    struct expr_row row = bank_expr_row(&bank);
    struct expr_value value;
    struct lx_error err;
    assert_int_equal(expr_evaluate_node(expr, window->where, &row, &value, &err), LX_OK);
    assert_int_equal(value.as.integer, 1);
    assert_int_equal(expr_evaluate_node(expr, window->argument, &row, &value, &err), LX_OK);
    assert_int_equal(value.as.integer, 50000);
    bank.event[0] = integer_value(12345678);
    assert_int_equal(expr_evaluate_node(expr, window->where, &row, &value, &err), LX_OK);
    assert_int_equal(value.as.integer, 0);
    expr_free(expr);
}

static void test_an_expression_tells_which_fields_it_reads(void **state)
{
    (void)state;
    struct expr *expr = compiled(
        "score > 0 and assets > 5 and assets < 9 and count() where amount > debt over 3 days > 0");
    assert_int_equal(expr_field_count(expr), 2);
    assert_int_equal(expr_field_at(expr, 0), FIELD_ASSETS);
    assert_int_equal(expr_field_at(expr, 1), FIELD_SCORE);
    expr_free(expr);
    expr = compiled("avg(balance) over 30 days > 2 * avg(balance) over 30 days");
    assert_int_equal(expr_window_count(expr), 1); /* written twice, computed once */
    expr_free(expr);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_chinese_gives_the_same_tree),
        cmocka_unit_test(test_and_or_and_not_have_sqls_truth_tables),
        cmocka_unit_test(test_a_condition_holds_only_if_it_is_true),
        cmocka_unit_test(test_a_value_is_exact_or_refused),
        cmocka_unit_test(test_a_wanted_type_takes_integers_and_refuses_the_rest),
        cmocka_unit_test(test_a_schema_has_only_names_that_can_be_said),
        cmocka_unit_test(test_what_does_not_fit_is_cut_and_counted),
        cmocka_unit_test(test_a_window_covers_the_days_that_it_names),
        cmocka_unit_test(test_windows_of_months_tile_the_days_without_gap_or_overlap),
        cmocka_unit_test(test_a_window_tells_its_relation_type_and_constness),
        cmocka_unit_test(test_a_window_has_a_text_of_its_own),
        cmocka_unit_test(test_the_condition_of_a_window_is_evaluated_for_a_row_of_the_past),
        cmocka_unit_test(test_an_expression_tells_which_fields_it_reads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
