/*
 * Goal:   a text has one canonical form, one type and, for a row, one value.
 * Method: a table of texts with the form, the type and the value that a person expects for the
 *         customer of schema.h; every canonical form is compiled again and must be itself.
 */
#include "cmocka_all.h"

#include <stdio.h>

#include "expr/tree.h"
#include "schema.h"

struct row {
    const char *text, *canonical, *type, *value;
};

static const struct row rows[] = {
    /* numbers and money */
    {"1 + 2 * 3", "1 + 2 * 3", "integer", "7"},
    {"(1 + 2) * 3", "(1 + 2) * 3", "integer", "9"},
    {"1-2-3", "1 - 2 - 3", "integer", "-4"},
    {"1-(2-3)", "1 - (2 - 3)", "integer", "2"},
    {"7 / 2", "7 / 2", "integer", "3"},
    {"-7 / 2", "-7 / 2", "integer", "-3"},
    {"-7 % 3", "-7 % 3", "integer", "-1"},
    {"7 / 0", "7 / 0", "integer", "null"},
    {"7 % 0", "7 % 0", "integer", "null"},
    {"7.0 / 2", "7.0 / 2.0", "real", "3.5"},
    {"1.5 / 0", "1.5 / 0.0", "real", "null"},
    {"children + 0.5", "children + 0.5", "real", "2.5"},
    {"- -5", "- -5", "integer", "5"},
    {"- - -children", "- - -children", "integer", "-2"},
    {"-(1.5)", "-1.5", "real", "-1.5"},
    {"-(-children)", "- -children", "integer", "2"},
    {"3 - -5", "3 - -5", "integer", "8"},
    {"- -(-0)", "0", "integer", "0"},
    {"5 / -(-0.0)", "5.0 / 0.0", "real", "null"},
    {"+5", "5", "integer", "5"},
    {"9223372036854775807", "9223372036854775807", "integer", "9223372036854775807"},
    {"-9223372036854775808", "-9223372036854775808", "integer", "-9223372036854775808"},
    {"1e3", "1000.0", "real", "1000.0"},
    {"1.5e-3", "0.0015", "real", "0.0015"},
    {"0.1 + 0.2", "0.1 + 0.2", "real", "0.30000000000000004"},
    {"1e300 * 1e8 > 0 or true", "1e+300 * 100000000.0 > 0.0 or true", "boolean", "true"},
    {"assets", "assets", "money", "123,456.78"},
    {"assets + 0.22", "assets + 0.22", "money", "123,457.00"},
    {"assets - 1", "assets - 1", "money", "123,455.78"},
    {"1 - assets", "1 - assets", "money", "-123,455.78"},
    {"assets * 3", "assets * 3", "money", "370,370.34"},
    {"3 * assets", "assets * 3", "money", "370,370.34"},
    {"assets * 0.5", "assets * 0.5", "money", "61,728.39"},
    {"assets * 0.25", "assets * 0.25", "money", "30,864.20"},
    {"assets / 3", "assets / 3", "money", "41,152.26"},
    {"assets / 0.5", "assets / 0.5", "money", "246,913.56"},
    {"assets / 0", "assets / 0", "money", "null"},
    {"assets / 0.0", "assets / 0.0", "money", "null"},
    {"assets / assets", "assets / assets", "real", "1.0"},
    {"assets / nullif(assets, 123456.78)", "assets / nullif(assets, 123456.78)", "real", "null"},
    {"61728.39 / assets", "61728.39 / assets", "real", "0.5"},
    {"assets / children", "assets / children", "money", "61,728.39"},
    {"debt + 1", "debt + 1", "money", "null"},
    {"-assets", "-assets", "money", "-123,456.78"},
    {"null + 1", "null + 1", "integer", "null"},
    {"null + null", "null + null", "integer", "null"},
    {"yuan(assets)", "yuan(assets)", "real", "123456.78"},
    {"yuan(assets) / 2", "yuan(assets) / 2.0", "real", "61728.39"},

    /* comparisons */
    {"assets >= 100000", "assets >= 100000", "boolean", "true"},
    {"assets = 123456.78", "assets = 123456.78", "boolean", "true"},
    {"assets = 123456.780", "assets = 123456.78", "boolean", "true"},
    {"assets != 0.50", "assets <> 0.50", "boolean", "true"},
    {"children <> 2", "children <> 2", "boolean", "false"},
    {"children < 2.5", "children < 2.5", "boolean", "true"},
    {"score <= children", "score <= children", "boolean", "true"},
    {"debt > 0", "debt > 0", "boolean", "null"},
    {"debt = null", "debt = null", "boolean", "null"},
    {"city = '杭州市'", "city = '杭州市'", "boolean", "true"},
    {"city < name", "city < name", "boolean", "false"},
    {"'it''s' = 'it'", "'it''s' = 'it'", "boolean", "false"},
    {"risk >= 'R2'", "risk >= 'R2'", "boolean", "true"},
    {"risk < product.risk", "risk < product.risk", "boolean", "true"},
    {"channel = 'mobile'", "channel = 'mobile'", "boolean", "true"},
    {"'mobile' = channel", "'mobile' = channel", "boolean", "true"},
    {"is_staff = false", "is_staff = false", "boolean", "true"},
    {"is_staff", "is_staff", "boolean", "false"},
    {"opened > '2024-01-01'", "opened > date '2024-01-01'", "boolean", "true"},
    {"opened = date '2024-01-31'", "opened = date '2024-01-31'", "boolean", "true"},
    {"age() between 30 and 50", "age() between 30 and 50", "boolean", "true"},
    {"age() not between 30 and 50", "age() not between 30 and 50", "boolean", "false"},
    {"not age() between 30 and 50", "age() not between 30 and 50", "boolean", "false"},
    {"5 between null and 3", "5 between null and 3", "boolean", "false"},
    {"5 between null and 9", "5 between null and 9", "boolean", "null"},
    {"risk between 'R1' and 'R3'", "risk between 'R1' and 'R3'", "boolean", "true"},
    {"children in (3, 2, 2, 1)", "children in (1, 2, 3)", "boolean", "true"},
    {"children not in (3)", "children not in (3)", "boolean", "true"},
    {"children in (3, null)", "children in (3, null)", "boolean", "null"},
    {"children in (null)", "children in (null)", "boolean", "null"},
    {"children in (-1, 2.0)", "children in (-1.0, 2.0)", "boolean", "true"},
    {"city in ('上海市', '杭州市')", "city in ('上海市', '杭州市')", "boolean", "true"},
    {"channel in ('web', 'mobile')", "channel in ('mobile', 'web')", "boolean", "true"},
    {"opened in ('2024-01-31')", "opened in (date '2024-01-31')", "boolean", "true"},
    {"assets in (1, 123456.78)", "assets in (1, 123456.78)", "boolean", "true"},
    {"'wealth' in holdings", "'wealth' in holdings", "boolean", "true"},
    {"'credit' in holdings", "'credit' in holdings", "boolean", "false"},
    {"'wealth' not in (holdings)", "'wealth' not in holdings", "boolean", "false"},
    {"name like 'Wang%'", "name like 'Wang%'", "boolean", "true"},
    {"name like 'wang%'", "name like 'wang%'", "boolean", "false"},
    {"name like 'Wang!_W%' escape '!'", "name like 'Wang\\_W%' escape '\\'", "boolean", "true"},
    {"name like 'a!!b' escape '!'", "name like 'a!b'", "boolean", "false"},
    {"name like '%\\_!%%' escape '!'", "name like '%\\\\_\\%%' escape '\\'", "boolean", "false"},
    {"city like '_州_'", "city like '_州_'", "boolean", "true"},
    {"city like '__'", "city like '__'", "boolean", "false"},
    {"city not like '%市'", "city not like '%市'", "boolean", "false"},
    {"debt is null", "debt is null", "boolean", "true"},
    {"debt is not null", "debt is not null", "boolean", "false"},
    {"not debt is null", "debt is not null", "boolean", "false"},
    {"null is null", "null is null", "boolean", "true"},
    {"is_married is true", "is_married is true", "boolean", "false"},
    {"is_married is not true", "is_married is not true", "boolean", "true"},
    {"is_staff is false", "is_staff is false", "boolean", "true"},
    {"(debt > 0) is null", "(debt > 0) is null", "boolean", "true"},
    {"debt > 0 is null", "(debt > 0) is null", "boolean", "true"},

    /* logic */
    {"true and (true and false)", "true and true and false", "boolean", "false"},
    {"is_staff or is_married", "is_staff or is_married", "boolean", "null"},
    {"(true or false) and true", "(true or false) and true", "boolean", "true"},
    {"true or false and false", "true or false and false", "boolean", "true"},
    {"not not true", "not not true", "boolean", "true"},
    {"not (true and false)", "not (true and false)", "boolean", "true"},
    {"not is_married", "not is_married", "boolean", "null"},
    {"NOT children = 2 AND TRUE", "not children = 2 and true", "boolean", "false"},

    /* dates */
    {"today()", "today()", "date", "2026-03-01"},
    {"today() - 90 days", "today() - 90 days", "date", "2025-12-01"},
    {"today() + 1 day", "today() + 1 days", "date", "2026-03-02"},
    {"opened + 1 month", "opened + 1 months", "date", "2024-02-29"},
    {"opened - 1 year", "opened - 12 months", "date", "2023-01-31"},
    {"3 months + opened", "opened + 3 months", "date", "2024-04-30"},
    {"opened + term months", "opened + term months", "date", "2024-08-31"},
    {"opened - term days", "opened - term days", "date", "2024-01-24"},
    {"opened + -(term days)", "opened - term days", "date", "2024-01-24"},
    {"opened + (term + 1) days", "opened + (term + 1) days", "date", "2024-02-08"},
    {"opened - -3 days", "opened + 3 days", "date", "2024-02-03"},
    {"today() - opened", "today() - opened", "integer", "760"},
    {"today() - '2026-02-01'", "today() - date '2026-02-01'", "integer", "28"},
    {"today() - (opened + 1 days)", "today() - (opened + 1 days)", "integer", "759"},
    {"closed + 3 days", "closed + 3 days", "date", "null"},
    {"year(opened) * 10000 + month(opened) * 100 + day(opened)",
     "year(opened) * 10000 + month(opened) * 100 + day(opened)", "integer", "20240131"},

    /* choices and functions */
    {"case when debt > 0 then 1 when children = 2 then 2 else 3 end",
     "case when debt > 0 then 1 when children = 2 then 2 else 3 end", "integer", "2"},
    {"case children when 1 then 'one' when 2 then 'two' end",
     "case when children = 1 then 'one' when children = 2 then 'two' end", "string", "two"},
    {"case when false then assets end", "case when false then assets end", "money", "null"},
    {"case when true then 1 else 2.5 end", "case when true then 1.0 else 2.5 end", "real", "1.0"},
    {"coalesce(debt, assets, 0)", "coalesce(debt, assets, 0)", "money", "123,456.78"},
    {"coalesce(debt, 0.5)", "coalesce(debt, 0.50)", "money", "0.50"},
    {"nullif(children, 2)", "nullif(children, 2)", "integer", "null"},
    {"nullif(channel, 'web')", "nullif(channel, 'web')", "enumeration", "mobile"},
    {"least(3, 1, 2)", "least(3, 1, 2)", "integer", "1"},
    {"greatest(assets, 200000)", "greatest(assets, 200000)", "money", "200,000.00"},
    {"greatest(children, null)", "greatest(children, null)", "integer", "null"},
    {"greatest(risk, product.risk)", "greatest(risk, product.risk)", "enumeration", "R4"},
    {"abs(-3)", "abs(-3)", "integer", "3"},
    {"abs(-assets)", "abs(-assets)", "money", "123,456.78"},
    {"round(2.5)", "round(2.5)", "integer", "2"},
    {"round(3.5)", "round(3.5)", "integer", "4"},
    {"round(-0.5)", "round(-0.5)", "integer", "0"},
    {"1.5 - -round(28)", "1.5 - -28.0", "real", "29.5"},
    {"round(28) + 0.5", "28.0 + 0.5", "real", "28.5"},
    {"round(children)", "children", "integer", "2"},
    {"round(assets)", "round(yuan(assets))", "integer", "123457"},
    {"floor(-1.5)", "floor(-1.5)", "integer", "-2"},
    {"ln(1)", "ln(1.0)", "real", "0.0"},
    {"ln(0)", "ln(0.0)", "real", "null"},
    {"ln(children)", "ln(children)", "real", "0.6931471805599453"},
    {"length(city)", "length(city)", "integer", "3"},
    {"count(holdings)", "count(holdings)", "integer", "2"},
    {"holdings", "holdings", "set", "{savings, wealth}"},
    {"holds('wealth')", "holds('wealth')", "boolean", "true"},
    {"not holds('credit', 'payment')", "not holds('credit', 'payment')", "boolean", "true"},
    {"risk_allows(product.risk)", "risk_allows(product.risk)", "boolean", "false"},
    {"spread(children, 0.5)", "spread(children, 0.5)", "real", "1.5"},
    {"null", "null", "null", "null"},
    {"'客户'", "'客户'", "string", "客户"},
    {"5 -- five\n + 1", "5 + 1", "integer", "6"},

    /* windows; the host of the test answers 0 */
    {"count()", "count()", "integer", NULL},
    {"count() over 90 days > 3", "count() over 90 days > 3", "boolean", NULL},
    {"sum(amount) where kind = 'transfer_in' over 90 days before 30 days",
     "sum(amount) where kind = 'transfer_in' over 90 days before 30 days", "money", NULL},
    {"count() where kind = 'login' over 30 days / 30",
     "count() where kind = 'login' over 30 days / 30", "integer", NULL},
    {"count() where kind = 'login' or seconds / 30 > 2",
     "count() where kind = 'login' or seconds / 30 > 2", "integer", NULL},
    {"(count() where kind = 'login') / 30", "(count() where kind = 'login') / 30", "integer", NULL},
    {"avg(balance) over 1 year", "avg(balance) over 12 months", "money", NULL},
    {"avg(seconds)", "avg(seconds)", "real", NULL},
    {"slope(balance) over 6 months", "slope(balance) over 6 months", "real", NULL},
    {"count(offers) over 30 days", "count(offers) over 30 days", "integer", NULL},
    {"count(events) over 30 days", "count() over 30 days", "integer", NULL},
    {"sum(offers.amount) where is_accepted", "sum(offers.amount) where offers.is_accepted", "money",
     NULL},
    {"top(channel) = 'mobile'", "top(channel) = 'mobile'", "boolean", NULL},
    {"distinct(page) before 1 day", "distinct(page) before 1 days", "integer", NULL},
    {"days_since_last() where channel = this.channel",
     "days_since_last() where channel = this.channel", "integer", NULL},
    {"days_since_last(offers) where offers.risk >= product.risk",
     "days_since_last(offers) where offers.risk >= this.product.risk", "integer", NULL},
    {"sum(case when kind = 'login' then 1 else 0 end) over 3 months",
     "sum(case when kind = 'login' then 1 else 0 end) over 3 months", "integer", NULL},
    {"max(amount) over 3 months - min(amount) over 3 months",
     "max(amount) over 3 months - min(amount) over 3 months", "money", NULL},
    {"last(at) < today() - 3 days", "last(at) < today() - 3 days", "boolean", NULL},
};

static struct expr *compiled(const char *text)
{
    struct expr *expr = NULL;
    struct lx_error err;
    if (expr_compile(&schema, text, strlen(text), &expr, NULL, &err) != LX_OK)
        fail_msg("%s: %s", text, err.text);
    return expr;
}

static void check_text(const char *text, const char *what, const char *got, const char *want)
{
    if (strcmp(got, want) != 0) fail_msg("%s: %s is %s, want %s", text, what, got, want);
}

static void test_a_text_has_its_canonical_form_and_type(void **state)
{
    (void)state;
    for (size_t i = 0; i < LX_COUNT_OF(rows); i++) {
        char text[512];
        struct expr *expr = compiled(rows[i].text);
        size_t length = expr_format(expr, text, sizeof text);
        assert_int_equal(length, strlen(text));
        check_text(rows[i].text, "form", text, rows[i].canonical);
        check_text(rows[i].text, "type", expr_type_name(expr_result(expr)), rows[i].type);
        struct expr *again = compiled(text);
        if (!expr_node_equal(expr->root, again->root)) fail_msg("%s: another tree", text);
        char second[512];
        expr_format(again, second, sizeof second);
        check_text(text, "form", second, text);
        expr_free(expr);
        expr_free(again);
    }
}

static void test_a_text_has_its_value(void **state)
{
    (void)state;
    for (size_t i = 0; i < LX_COUNT_OF(rows); i++) {
        struct expr *expr = compiled(rows[i].text);
        struct bank_row bank;
        bank_row_init(&bank);
        bank.expr = expr;
        struct expr_row row = bank_expr_row(&bank);
        struct expr_value value;
        struct lx_error err;
        if (expr_evaluate(expr, &row, &value, &err) != LX_OK)
            fail_msg("%s: %s", rows[i].text, err.text);
        char text[512];
        expr_value_format(&value, expr_result(expr), expr_result_enumeration(expr), text,
                          sizeof text);
        if (rows[i].value != NULL) check_text(rows[i].text, "value", text, rows[i].value);
        expr_free(expr);
    }
}

/* Fields, calls and windows that a part reads, as "f0 c1 w0 "; a literal first argument adds '. */
static void note_read(void *context, const struct expr_read *read)
{
    char *text = context;
    size_t length = strlen(text);
    snprintf(text + length, 64 - length, "%c%zu%s ", "fcw"[read->source], read -> index,
             read -> argument != NULL ? "'" : "");
    assert_true(read->line == 1 && read->column > 0);
}

static void test_a_condition_falls_into_the_parts_that_and_joins(void **state)
{
    static const char text[] = "assets > 5 and (is_staff or debt < 1) and "
                               "(count() where amount > this.debt over 3 days) > 2";
    struct expr *expr = NULL;
    struct lx_error err;
    char fields[2][64] = {"", ""}, wanted[64], window[64] = "", none[64] = "";
    (void)state;
    assert_int_equal(expr_compile(&schema, text, strlen(text), &expr, NULL, &err), LX_OK);
    assert_int_equal(expr_part_count(expr), 3);
    expr_part_reads(expr_part_at(expr, 0), note_read, fields[0]);
    expr_part_reads(expr_part_at(expr, 1), note_read, fields[1]);
    expr_part_reads(expr_part_at(expr, 2), note_read, window);
    snprintf(wanted, sizeof wanted, "f%d ", FIELD_ASSETS);
    assert_string_equal(fields[0], wanted);
    snprintf(wanted, sizeof wanted, "f%d f%d ", FIELD_IS_STAFF, FIELD_DEBT);
    assert_string_equal(fields[1], wanted);
    assert_string_equal(window, "w0 ");
    expr_free(expr);
    assert_int_equal(expr_compile(&schema, "is_staff or true", 16, &expr, NULL, &err), LX_OK);
    assert_int_equal(expr_part_count(expr), 1);
    expr_free(expr);
    assert_int_equal(expr_compile(&schema, "holds('wealth')", 15, &expr, NULL, &err), LX_OK);
    expr_part_reads(expr_part_at(expr, 0), note_read, none);
    assert_true(none[0] == 'c' && strchr(none, '\'') != NULL);
    expr_free(expr);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_condition_falls_into_the_parts_that_and_joins),
        cmocka_unit_test(test_a_text_has_its_canonical_form_and_type),
        cmocka_unit_test(test_a_text_has_its_value),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
