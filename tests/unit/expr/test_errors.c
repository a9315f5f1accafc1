/*
 * Goal:   what is wrong with a text is said with its line, its column and what was expected.
 * Method: a table of texts with the whole message; then each limit at its edge, one below and one
 *         above.
 */
#include "cmocka_all.h"

#include <stdio.h>

#include "schema.h"

static const struct {
    const char *text;
    int line, column;
    const char *message;
} rows[] = {
    /* names */
    {"assests > 5", 1, 1, "unknown field `assests`: did you mean `assets`?"},
    {"children = 2 and\n  assests > 5", 2, 3, "unknown field `assests`: did you mean `assets`?"},
    {"资产 > 5 and 子女 > 1", 1, 12, "unknown field `子女`: did you mean `子女数`?"},
    {"xyzzyplugh", 1, 1, "unknown field `xyzzyplugh`"},
    {"ages()", 1, 1, "unknown function `ages`: did you mean `age`?"},
    {"coalese(debt, 0)", 1, 1, "unknown function `coalese`: did you mean `coalesce`?"},
    {"age > 30", 1, 1, "`age` is a function: write `age()`"},
    {"today - 3 days", 1, 1, "`today` is a function: write `today()`"},
    {"offers", 1, 1,
     "`offers` is of the rows of `offers`, which are read in a window: count(offers), "
     "sum(offers.x)"},
    {"offers.amount > 3", 1, 1,
     "`offers.amount` is of the rows of `offers`, which are read in a window: count(offers), "
     "sum(offers.x)"},
    {"sum(offers.amunt)", 1, 5, "unknown field `offers.amunt`: did you mean `amount`?"},
    {"count() where is_accepted", 1, 15,
     "`is_accepted` is no field of `events`: write `offers.is_accepted`"},
    {"sum(ammount)", 1, 5, "unknown field `ammount`: did you mean `amount`?"},
    {"channel = 'mobil'", 1, 11, "unknown channel 'mobil': did you mean 'mobile'?"},
    {"channel = '手几'", 1, 11, "unknown channel '手几': did you mean '手机'?"},
    {"channel = 'teletype'", 1, 11,
     "unknown channel 'teletype': one of 'counter', 'mobile', 'web', 'phone'"},
    {"holds('welth')", 1, 7, "unknown category 'welth': did you mean 'wealth'?"},
    {"'welth' in holdings", 1, 1, "unknown category 'welth': did you mean 'wealth'?"},

    /* types */
    {"assets = 'rich'", 1, 10, "`=`: expected money, found string"},
    {"assets = opened", 1, 8, "`=` needs one type, found money and date"},
    {"assets > children", 1, 8,
     "`>` needs one type, found money and integer: only a number that is written out is taken as "
     "yuan; yuan(x) makes a real of money"},
    {"assets + children", 1, 8,
     "`+` needs one type, found money and integer: only a number that is written out is taken as "
     "yuan; yuan(x) makes a real of money"},
    {"assets > 12.345", 1, 10,
     "a number beside money is yuan with at most two decimals, found 12.345"},
    {"assets > 92233720368547758.08", 1, 10,
     "92233720368547758.08 yuan is more than money holds (92233720368547758.07)"},
    {"assets * debt", 1, 8, "`*`: money with money has no meaning"},
    {"assets * city", 1, 8, "`*`: money with string has no meaning"},
    {"assets % 3", 1, 8, "`%` takes integer; found money"},
    {"7.5 % 2", 1, 5, "`%` takes integer; found real"},
    {"children / assets", 1, 10,
     "`/` needs one type, found integer and money: only a number that is written out is taken as "
     "yuan; yuan(x) makes a real of money"},
    {"city + 1", 1, 6, "`+` takes integer, money, real; found string"},
    {"city + name", 1, 6, "`+` takes integer, money, real; found string"},
    {"city = channel", 1, 6, "`=` needs one type, found string and enumeration channel"},
    {"channel = risk", 1, 9, "`=` needs one type, found enumeration channel and enumeration risk"},
    {"channel < 'web'", 1, 9, "`<`: the values of channel have no order"},
    {"is_staff > false", 1, 10,
     "`>` takes integer, money, real, date, string, enumeration; found "
     "boolean"},
    {"holdings = holdings", 1, 10,
     "`=` takes boolean, integer, money, real, date, string, enumeration; found set category"},
    {"children and true", 1, 1, "`and`: expected boolean, found integer"},
    {"not 5", 1, 5, "`not`: expected boolean, found integer"},
    {"children is true", 1, 1, "`is true`: expected boolean, found integer"},
    {"opened > '2026-02-30'", 1, 10,
     "'2026-02-30' is no date: expected 'YYYY-MM-DD' and a day that exists"},
    {"date 'tomorrow'", 1, 6, "'tomorrow' is no date: expected 'YYYY-MM-DD' and a day that exists"},
    {"opened + 5", 1, 8,
     "`+`: beside a date expected an interval such as `90 days`, found integer"},
    {"opened + opened", 1, 8,
     "`+`: beside a date expected an interval such as `90 days`, found date"},
    {"90 days", 1, 1, "an interval stands only beside a date: today() - 90 days"},
    {"90 days > 3", 1, 9,
     "`>` takes integer, money, real, date, string, enumeration; found interval"},
    {"90 days - opened", 1, 9, "nothing is taken from an interval: expected a date before `-`"},
    {"90 days is null", 1, 1, "an interval stands only beside a date"},
    {"null = null", 1, 6, "`=` has nothing but null: its type cannot be known"},
    {"coalesce(null, null)", 1, 1, "`coalesce` has nothing but null: its type cannot be known"},
    {"case when children then 1 end", 1, 11, "a condition: expected boolean, found integer"},
    {"case when true then 1 else 'a' end", 1, 28, "`case`: expected integer, found string"},
    {"children in (1, term)", 1, 17,
     "a member of an `in` list is written out: for anything else use `=` and `or`"},
    {"channel in assets", 1, 12, "`in` needs a list in parentheses or a set, found money"},
    {"city like 'a!' escape '!'", 1, 11, "the pattern ends in its escape character"},
    {"city like 'a' escape 'ab'", 1, 22, "`escape` takes one character, found 'ab'"},
    {"children like 'a'", 1, 1, "`like`: expected string, found integer"},
    {"yuan(children)", 1, 1, "`yuan` takes money, found integer"},
    {"length(children)", 1, 8, "`length`: expected string, found integer"},
    {"abs(1, 2)", 1, 1, "`abs` takes 1 argument, found 2"},
    {"coalesce(1)", 1, 1, "`coalesce` takes 2 arguments or more, found 1"},
    {"age(3)", 1, 1, "`age` takes 0 arguments, found 1"},
    {"holds()", 1, 1, "`holds` takes 1 argument or more, found 0"},
    {"holds(city)", 1, 7, "argument 1 of `holds`: expected enumeration category, found string"},
    {"risk_allows('R9')", 1, 13, "unknown risk 'R9': did you mean 'R1'?"},
    {"9223372036854775808", 1, 1,
     "9223372036854775808 is more than an integer holds (9223372036854775807); with a point it is "
     "a "
     "real"},
    {"1e999", 1, 1, "1e999 is out of a real's range"},

    /* windows */
    {"sum(count())", 1, 5, "`count`: a window does not stand inside a window"},
    {"sum()", 1, 1, "`sum` takes 1 argument, found 0"},
    {"sum(kind)", 1, 1, "`sum` takes integer, money, real; found enumeration kind"},
    {"top(page)", 1, 1, "`top` takes enumeration; found string"},
    {"min(kind)", 1, 1, "`min`: the values of kind have no order"},
    {"sum(offers)", 1, 5, "`sum` needs a field of `offers`: sum(offers.x)"},
    {"days_since_last(amount)", 1, 17,
     "`days_since_last` takes nothing or the name of past rows; what counts stands after `where`"},
    {"age() over 90 days", 1, 1,
     "`where`, `over` and `before` belong to a window such as count(); `age` is none"},
    {"count() over 90", 1, 16, "expected `days`, `months` or `years`, found the end of the text"},
    {"count() over many days", 1, 14, "expected a number of days or months, found `many`"},
    {"count() over 0 days", 1, 14, "a window of no days: expected 1 or more"},
    {"count() over 36601 days", 1, 14, "a window of 36601 days, more than 36600"},
    {"count() over 1.5 months", 1, 14, "expected a whole number of days or months, found `1.5`"},
    {"count() over 3 days where true", 1, 21,
     "expected a window's parts in this order: `where`, `over`, `before`, found `where`"},
    {"count() where amount", 1, 15, "a condition: expected boolean, found money"},

    /* grammar */
    {"", 1, 1, "expected a value, found the end of the text"},
    {"assets >", 1, 9, "expected a value, found the end of the text"},
    {"assets > > 5", 1, 10, "expected a value, found `>`"},
    {"(assets > 5", 1, 12, "expected an operator or `)`, found the end of the text"},
    {"assets > 5)", 1, 11, "expected an operator or the end, found `)`"},
    {"1 < children < 5", 1, 14, "expected `and` between two comparisons, found `<`"},
    {"children not 5", 1, 14, "expected `between`, `in` or `like`, found `5`"},
    {"children between 1 or 5", 1, 20, "expected `and` of `between`, found `or`"},
    {"children in 5", 1, 13, "expected `(` and a list, or a set's name, found `5`"},
    {"children in ()", 1, 14, "expected a value, found `)`"},
    {"debt is 5", 1, 9, "expected `null`, `true` or `false`, found `5`"},
    {"case end", 1, 6, "expected a value, found `end`"},
    {"case when true 5 end", 1, 16, "expected `then`, found `5`"},
    {"case when true then 5", 1, 22, "expected `when`, `else` or `end`, found the end of the text"},
    {"abs(1 2)", 1, 7, "expected `,` or `)`, found `2`"},
    {"city like name", 1, 11, "expected a pattern in quotes, found `name`"},
    {"children 5", 1, 10, "expected an operator or the end, found `5`"},
    {"'open", 1, 1, "a string begins here and does not end: a quote is missing"},
    {"city = \"x\"", 1, 8, "strings stand in single quotes, names in none: found \""},
    {"5kg", 1, 2, "a number is followed by `k`: expected a space or an operator"},
    {"5.", 1, 2, "a number is followed by `.`: expected a space or an operator"},
    {"children # 5", 1, 10, "`#` is no part of the language"},
    {"年龄 ※ 5", 1, 4, "`※` is no part of the language"},
    {"a\x01", 1, 2, "character U+0001 is no part of the language"},
    {"年龄\xFF", 1, 3, "byte 0xFF is not UTF-8 text"},
};

static enum lx_err fault_of(const char *text, struct expr_fault *fault, struct lx_error *err)
{
    struct expr *expr = NULL;
    enum lx_err code = expr_compile(&schema, text, strlen(text), &expr, fault, err);
    if (code == LX_OK) expr_free(expr);
    return code;
}

static void test_a_fault_names_its_place_and_what_was_expected(void **state)
{
    (void)state;
    int failures = 0;
    for (size_t i = 0; i < LX_COUNT_OF(rows); i++) {
        struct expr_fault fault;
        struct lx_error err;
        char text[600];
        enum lx_err code = fault_of(rows[i].text, &fault, &err);
        if (code == LX_OK) {
            print_error("%s: is accepted\n", rows[i].text);
            failures++;
            continue;
        }
        snprintf(text, sizeof text, "%d:%d: %s", rows[i].line, rows[i].column, rows[i].message);
        if (strcmp(text, err.text) != 0 || fault.line != rows[i].line ||
            fault.column != rows[i].column || strcmp(fault.message, rows[i].message) != 0) {
            print_error("%s\n  got  %s\n  want %s\n", rows[i].text, err.text, text);
            failures++;
        }
    }
    assert_int_equal(failures, 0);
}

/* --- Limits --------------------------------------------------------------------------------- */

/* "head" + count times "part" + "tail" */
static char *repeated(const char *head, const char *part, size_t count, const char *tail)
{
    char *text = malloc(strlen(head) + strlen(part) * count + strlen(tail) + 1);
    assert_non_null(text);
    strcpy(text, head);
    size_t length = strlen(head), size = strlen(part);
    for (size_t i = 0; i < count; i++, length += size) memcpy(text + length, part, size);
    strcpy(text + length, tail);
    return text;
}

static enum lx_err code_of(char *text)
{
    struct expr_fault fault = {0};
    struct lx_error err;
    enum lx_err code = fault_of(text, &fault, &err);
    if (code != LX_OK) assert_true(fault.line >= 1 && fault.column >= 1 && fault.message[0] != 0);
    free(text);
    return code;
}

/* The text of `count` parts is fine, and of one more LX_ERR_LIMIT. */
static void check_edge(const char *what, const char *head, const char *part, size_t count,
                       const char *tail)
{
    enum lx_err below = code_of(repeated(head, part, count, tail));
    enum lx_err above = code_of(repeated(head, part, count + 1, tail));
    if (below != LX_OK || above != LX_ERR_LIMIT)
        fail_msg("%s: %zu %s, %zu %s", what, count, below == LX_OK ? "OK" : lx_err_name(below),
                 count + 1, above == LX_OK ? "OK" : lx_err_name(above));
}

static void test_each_limit_is_refused_one_past_its_edge(void **state)
{
    (void)state;
    check_edge("bytes", "", " ", EXPR_TEXT_MAX - 1, "1");
    check_edge("sum", "1", "+1", EXPR_DEPTH_MAX - 1, "");
    check_edge("not", "", "not ", EXPR_DEPTH_MAX - 1, "true");
    check_edge("minus", "", "- ", EXPR_DEPTH_MAX - 1, "children");
    check_edge("members", "children in (1", ",1", EXPR_SET_MAX - 1, ")");
    check_edge("nodes", "true", " or 1=1", (EXPR_NODES_MAX - 2) / 3, "");
    check_edge("string", "city = '", "x", EXPR_STRING_MAX, "'");
}

static void test_parentheses_are_limited_in_depth(void **state)
{
    (void)state;
    for (size_t depth = 1; depth < 2000; depth += depth < 70 ? 1 : 400) {
        char *open = repeated("", "(", depth, "1");
        enum lx_err code = code_of(repeated(open, ")", depth, ""));
        free(open);
        assert_int_equal(code, depth < EXPR_DEPTH_MAX ? LX_OK : LX_ERR_LIMIT);
    }
}

static void test_a_long_chain_of_conditions_is_no_depth(void **state)
{
    (void)state;
    assert_int_equal(code_of(repeated("true", " and is_staff", 1000, "")), LX_OK);
    assert_int_equal(code_of(repeated("coalesce(1", ",2", 1000, ")")), LX_OK);
    assert_int_equal(code_of(repeated("case", " when is_staff then 1", 500, " end")), LX_OK);
}

static void test_long_runs_of_letters_are_refused_without_going_deep(void **state)
{
    (void)state;
    assert_int_equal(code_of(repeated("资", ".资产", 2000, "")), LX_ERR_BAD_INPUT);
    assert_int_equal(code_of(repeated("", "且", 5000, "")), LX_ERR_BAD_INPUT);
    assert_int_equal(code_of(repeated("", "资产", 2500, "")), LX_ERR_BAD_INPUT);
    assert_int_equal(code_of(repeated("", "a", 16000, "")), LX_ERR_BAD_INPUT);
    assert_int_equal(code_of(repeated("", "鑫", 5000, "")), LX_ERR_BAD_INPUT);
}

static void test_windows_are_counted_without_repeats(void **state)
{
    (void)state;
    assert_int_equal(code_of(repeated("count()", ">0 and count()", 200, ">0")), LX_OK);
    for (int windows = EXPR_WINDOWS_MAX; windows <= EXPR_WINDOWS_MAX + 1; windows++) {
        char *text = repeated("true", " and count() over 999 days > 0", (size_t)windows, "");
        char *at = text;
        for (int i = 0; i < windows; i++) {
            at = strstr(at, "999");
            at[1] = (char)('0' + i / 10);
            at[2] = (char)('0' + i % 10);
        }
        assert_int_equal(code_of(text), windows <= EXPR_WINDOWS_MAX ? LX_OK : LX_ERR_LIMIT);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_fault_names_its_place_and_what_was_expected),
        cmocka_unit_test(test_each_limit_is_refused_one_past_its_edge),
        cmocka_unit_test(test_parentheses_are_limited_in_depth),
        cmocka_unit_test(test_a_long_chain_of_conditions_is_no_depth),
        cmocka_unit_test(test_long_runs_of_letters_are_refused_without_going_deep),
        cmocka_unit_test(test_windows_are_counted_without_repeats),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
