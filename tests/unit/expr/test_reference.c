/*
 * Goal:   docs/reference/expressions.md says what is so.
 * Method: every row of a table of examples, of Chinese texts and of errors is run for the customer
 *         of the page, whose past rows stand here too; a window is computed by looking at all of
 *         them. Every function and aggregate of the language must have an example.
 */
#include "cmocka_all.h"

#include <stdio.h>

#include "expr/compiler.h"
#include "expr/tree.h"
#include "schema.h"

/* --- The past ------------------------------------------------------------------------------- */

enum { NONE = -1 };

static const struct {
    int year, month, day, kind, channel, amount, seconds, balance;
    const char *page;
} events[] = {
    {2025, 11, 20, 1, 0, 2000000, NONE, 2000000, NULL},
    {2025, 12, 15, 0, 1, NONE, 30, 2000000, NULL},
    {2026, 1, 10, 1, 1, 50000, NONE, 2050000, NULL},
    {2026, 2, 1, 3, 1, NONE, 45, 2050000, "/wealth/P07"},
    {2026, 2, 10, 2, 2, 550000, NONE, 1500000, NULL},
    {2026, 2, 20, 3, 1, NONE, 15, 1500000, "/wealth/P12"},
    {2026, 3, 1, 0, 1, NONE, 20, 1500000, NULL},
};

static const struct {
    int year, month, day, amount, is_accepted, risk;
} offers[] = {{2026, 1, 5, 1000000, 0, 1}, {2026, 2, 15, 5000000, 1, 3}};

struct past {
    struct bank_row bank;
    const struct expr *expr;
    size_t at; /* the row of the past that is looked at */
};

static size_t past_count(size_t relation)
{
    return relation == 0 ? LX_COUNT_OF(events) : LX_COUNT_OF(offers);
}

static int32_t past_day(size_t relation, size_t at)
{
    return relation == 0 ? day_of(events[at].year, events[at].month, events[at].day)
                         : day_of(offers[at].year, offers[at].month, offers[at].day);
}

static struct expr_value value_or_null(int value)
{
    return value == NONE ? null_value() : integer_value(value);
}

static enum lx_err past_field(void *context, size_t relation, size_t field,
                              struct expr_value *ret_value, struct lx_error *err)
{
    const struct past *past = context;
    size_t at = past->at;
    (void)err;
    const struct expr_value of_event[] = {
        value_or_null(events[relation == 0 ? at : 0].amount),
        integer_value(events[relation == 0 ? at : 0].kind),
        integer_value(events[relation == 0 ? at : 0].channel),
        integer_value(past_day(0, relation == 0 ? at : 0)),
        value_or_null(events[relation == 0 ? at : 0].seconds),
        integer_value(events[relation == 0 ? at : 0].balance),
        events[relation == 0 ? at : 0].page == NULL ? null_value() : string_value(events[at].page),
        null_value()};
    const struct expr_value of_offer[] = {integer_value(offers[relation == 1 ? at : 0].amount),
                                          integer_value(offers[relation == 1 ? at : 0].is_accepted),
                                          integer_value(offers[relation == 1 ? at : 0].risk)};
    *ret_value = relation == 0 ? of_event[field] : of_offer[field];
    return LX_OK;
}

static enum lx_err past_own_field(void *context, size_t field, struct expr_value *ret_value,
                                  struct lx_error *err)
{
    return bank_field(&((struct past *)context)->bank, field, ret_value, err);
}

static enum lx_err past_call(void *context, size_t function, const struct expr_value *arguments,
                             size_t count, struct expr_value *ret_value, struct lx_error *err)
{
    return bank_call(&((struct past *)context)->bank, function, arguments, count, ret_value, err);
}

static enum lx_err past_window(void *context, const struct expr_window *window,
                               struct expr_value *ret_value, struct lx_error *err);

static struct expr_row row_of(struct past *past)
{
    return (struct expr_row){past,      day_of(2026, 3, 1), past_own_field,
                             past_call, past_window,        past_field};
}

/* --- Windows, the obvious way --------------------------------------------------------------- */

/* What a window saw: a value for each row, or for a state for each day. */
struct seen {
    struct expr_value values[1000];
    int32_t days[1000];
    size_t count;
};

static bool is_state(const struct expr_window *window)
{
    return window->argument != NULL && window->argument->op == EXPR_OP_RELATION_FIELD &&
           schema.relations[window->relation].fields[window->argument->index].is_state;
}

static void see(struct past *past, const struct expr_window *window, int32_t day, struct seen *seen)
{
    struct expr_row row = row_of(past);
    struct expr_value value = integer_value(1);
    struct lx_error err;
    if (window->where != NULL)
        assert_int_equal(expr_evaluate_node(past->expr, window->where, &row, &value, &err), LX_OK);
    if (value.is_null || value.as.integer == 0) return;
    if (window->argument != NULL)
        assert_int_equal(expr_evaluate_node(past->expr, window->argument, &row, &value, &err),
                         LX_OK);
    if (value.is_null) return;
    seen->values[seen->count] = value;
    seen->days[seen->count++] = day;
}

static void look(struct past *past, const struct expr_window *window, struct seen *seen)
{
    int32_t first, last;
    expr_window_span(window, day_of(2026, 3, 1), &first, &last);
    size_t count = past_count(window->relation);
    seen->count = 0;
    if (!is_state(window)) {
        for (past->at = 0; past->at < count; past->at++) {
            int32_t day = past_day(window->relation, past->at);
            if (day >= first && day <= last) see(past, window, day, seen);
        }
        return;
    }
    int32_t start = past_day(window->relation, 0);
    for (int32_t day = first > start ? first : start; day <= last; day++) {
        past->at = 0;
        while (past->at + 1 < count && past_day(window->relation, past->at + 1) <= day) past->at++;
        see(past, window, day, seen);
    }
}

static double number_of(const struct expr_window *window, const struct expr_value *value)
{
    enum expr_type type = window->argument->type;
    if (type == EXPR_REAL) return value->as.real;
    return type == EXPR_MONEY ? (double)value->as.integer / 100 : (double)value->as.integer;
}

static struct expr_value slope_of(const struct expr_window *window, const struct seen *seen)
{
    double days = 0, values = 0, above = 0, below = 0, count = (double)seen->count;
    for (size_t i = 0; i < seen->count; i++) {
        days += seen->days[i] / count;
        values += number_of(window, &seen->values[i]) / count;
    }
    for (size_t i = 0; i < seen->count; i++) {
        above += (seen->days[i] - days) * (number_of(window, &seen->values[i]) - values);
        below += (seen->days[i] - days) * (seen->days[i] - days);
    }
    return below == 0 ? null_value() : real_value(above / below + 0.0);
}

/* Values and how often each is there. */
static size_t distinct_of(const struct expr_window *window, const struct seen *seen,
                          struct expr_value *ret_top)
{
    size_t different = 0, most = 0;
    for (size_t i = 0; i < seen->count; i++) {
        size_t same = 0, before = 0;
        for (size_t j = 0; j < seen->count; j++) {
            bool is_same =
                expr_value_compare(window->argument->type, &seen->values[i], &seen->values[j]) == 0;
            same += is_same;
            before += is_same && j < i;
        }
        different += before == 0;
        bool is_smaller = same == most && seen->values[i].as.integer < ret_top->as.integer;
        if (same > most || is_smaller) *ret_top = seen->values[i];
        if (same > most) most = same;
    }
    return different;
}

static struct expr_value average_of(const struct expr_window *window, const struct seen *seen)
{
    double sum = 0;
    for (size_t i = 0; i < seen->count; i++) sum += number_of(window, &seen->values[i]);
    if (seen->count == 0) return null_value();
    double average = sum / (double)seen->count;
    if (window->type != EXPR_MONEY) return real_value(average);
    return integer_value((int64_t)(average * 100 + 0.5));
}

static struct expr_value extreme_of(const struct expr_window *window, const struct seen *seen)
{
    struct expr_value best = null_value();
    int wanted = window->aggregate == EXPR_MIN ? -1 : 1;
    for (size_t i = 0; i < seen->count; i++)
        if (i == 0 || expr_value_compare(window->type, &seen->values[i], &best) * wanted > 0)
            best = seen->values[i];
    return best;
}

static enum lx_err past_window(void *context, const struct expr_window *window,
                               struct expr_value *ret_value, struct lx_error *err)
{
    static struct seen seen;
    struct past *past = context;
    int64_t sum = 0;
    (void)err;
    look(past, window, &seen);
    *ret_value = null_value();
    size_t last = seen.count - 1;
    for (size_t i = 0; i < seen.count; i++) sum += seen.values[i].as.integer;
    switch (window->aggregate) {
    case EXPR_COUNT: *ret_value = integer_value((int64_t)seen.count); break;
    case EXPR_SUM: *ret_value = seen.count == 0 ? null_value() : integer_value(sum); break;
    case EXPR_AVG: *ret_value = average_of(window, &seen); break;
    case EXPR_SLOPE: *ret_value = slope_of(window, &seen); break;
    case EXPR_DISTINCT: {
        struct expr_value ignored = null_value();
        *ret_value = integer_value((int64_t)distinct_of(window, &seen, &ignored));
        break;
    }
    case EXPR_TOP: distinct_of(window, &seen, ret_value); break;
    case EXPR_MIN:
    case EXPR_MAX: *ret_value = extreme_of(window, &seen); break;
    case EXPR_LAST:
        if (seen.count > 0) *ret_value = seen.values[last];
        break;
    default:
        if (seen.count > 0)
            *ret_value =
                integer_value(day_of(2026, 3, 1) -
                              seen.days[window->aggregate == EXPR_DAYS_SINCE_LAST ? last : 0]);
    }
    return LX_OK;
}

/* --- The page ------------------------------------------------------------------------------- */

static char page[1 << 18];

static int read_page(void **state)
{
    (void)state;
    const char *root = getenv("LINGXI_ROOT");
    char path[4096];
    snprintf(path, sizeof path, "%s/docs/reference/expressions.md", root == NULL ? "." : root);
    FILE *file = fopen(path, "rb");
    if (file == NULL) return -1;
    size_t length = fread(page, 1, sizeof page - 1, file);
    fclose(file);
    page[length] = '\0';
    return length == sizeof page - 1 ? -1 : 0;
}

/* What stands in the cell that begins at `at`, without spaces and, if all of it is code, without
 * the marks around it. Returns the next cell's beginning. */
static const char *cell(const char *at, char text[512])
{
    const char *end = strchr(at, '|');
    assert_non_null(end);
    const char *next = end + 1;
    while (at < end && *at == ' ') at++;
    while (end > at && end[-1] == ' ') end--;
    bool is_code =
        end - at > 1 && *at == '`' && memchr(at + 1, '`', (size_t)(end - at) - 2) == NULL;
    snprintf(text, 512, "%.*s", (int)(end - at) - 2 * is_code, at + is_code);
    return next;
}

/* Runs `check` on the two cells of each row of the tables that begin with `head`. */
static int for_each_row(const char *head, int (*check)(const char *left, const char *right))
{
    int rows = 0, failures = 0;
    for (const char *table = strstr(page, head); table != NULL; table = strstr(table, head)) {
        table += strlen(head);
        const char *line = strchr(table, '\n') + 1;
        for (; line[0] == '|'; line = strchr(line, '\n') + 1, rows++) {
            char left[512], right[512];
            cell(cell(line + 1, left), right);
            failures += check(left, right);
        }
    }
    if (failures > 0) fail_msg("%d rows are not so", failures);
    return rows;
}

static void value_or_error(const char *text, char out[600])
{
    static struct past past;
    struct expr *expr;
    struct lx_error err;
    struct expr_value value;
    enum lx_err code = expr_compile(&schema, text, strlen(text), &expr, NULL, &err);
    if (code == LX_OK) {
        bank_row_init(&past.bank);
        past.expr = expr;
        struct expr_row row = row_of(&past);
        code = expr_evaluate(expr, &row, &value, &err);
        if (code == LX_OK)
            expr_value_format(&value, expr_result(expr), expr_result_enumeration(expr), out, 600);
        expr_free(expr);
    }
    if (code != LX_OK) snprintf(out, 600, "%.599s", err.text);
}

static int check_value(const char *text, const char *value)
{
    char out[600];
    value_or_error(text, out);
    if (strcmp(out, value) == 0) return 0;
    print_error("%s\n  is   %s\n  not  %s\n", text, out, value);
    return 1;
}

static int check_same(const char *chinese, const char *english)
{
    char forms[2][512];
    const char *const texts[2] = {chinese, english};
    for (int i = 0; i < 2; i++) {
        struct expr *expr;
        struct lx_error err;
        if (expr_compile(&schema, texts[i], strlen(texts[i]), &expr, NULL, &err) != LX_OK) {
            print_error("%s: %s\n", texts[i], err.text);
            return 1;
        }
        expr_format(expr, forms[i], sizeof forms[i]);
        expr_free(expr);
    }
    if (strcmp(forms[0], forms[1]) == 0) return 0;
    print_error("%s\n  is   %s\n  not  %s\n", chinese, forms[0], forms[1]);
    return 1;
}

static void test_every_example_has_its_value(void **state)
{
    (void)state;
    assert_true(for_each_row("| example | value |\n", check_value) > 100);
}

static void test_every_error_is_said_so(void **state)
{
    (void)state;
    assert_true(for_each_row("| text | error |\n", check_value) > 10);
}

static void test_every_chinese_text_is_the_same_as_the_other(void **state)
{
    (void)state;
    assert_true(for_each_row("| Chinese | the same as |\n", check_same) > 5);
}

static void check_has_example(const char *name, const char *zh)
{
    char call[64];
    snprintf(call, sizeof call, "%s(", name);
    bool has_example = false;
    for (const char *at = strstr(page, "\n| `"); at != NULL; at = strstr(at + 1, "\n| `")) {
        const char *found = strstr(at, call);
        has_example = has_example || (found != NULL && found < strchr(at + 1, '\n'));
    }
    if (!has_example) fail_msg("%s has no example", name);
    if (zh != NULL && strstr(page, zh) == NULL) fail_msg("%s is not named %s", name, zh);
}

static void test_every_function_and_aggregate_has_an_example_and_its_chinese_name(void **state)
{
    (void)state;
    for (size_t i = 0; i < expr_builtin_count; i++)
        check_has_example(expr_builtins[i].name, expr_builtins[i].zh);
    for (size_t i = 0; i < EXPR_AGGREGATE_COUNT; i++)
        check_has_example(expr_aggregates[i].name, expr_aggregates[i].zh);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_example_has_its_value),
        cmocka_unit_test(test_every_error_is_said_so),
        cmocka_unit_test(test_every_chinese_text_is_the_same_as_the_other),
        cmocka_unit_test(test_every_function_and_aggregate_has_an_example_and_its_chinese_name),
    };
    return cmocka_run_group_tests(tests, read_page, NULL);
}
