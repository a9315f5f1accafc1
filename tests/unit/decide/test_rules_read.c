/*
 * Goal:   a wrong rule file is named by file, line and column with what was expected; the version
 *         of a rule set is that of what it means; the reference lists every rule, field and
 *         function, and its examples compile.
 * Method: the shipped files with one thing changed at a time; the reference read as text.
 */
#include "rule_bench.h"

static struct rule_bench bench;

static int prepare(void **state)
{
    bench_open(&bench, NULL, NULL);
    return 0;
}

static int release(void **state)
{
    bench_close(&bench);
    return 0;
}

/* A shipped file with the first `from` made `to`. */
static void changed_file(const char *name, const char *from, const char *to,
                         struct lx_buffer *changed)
{
    struct lx_buffer text;
    char path[64];
    snprintf(path, sizeof path, "rules/%s", name);
    living_shipped(path, &text);
    const char *at = strstr(lx_buffer_text(&text), from);
    if (at == NULL) fail_msg("%s has no \"%s\"", name, from);
    lx_buffer_init(changed, LX_CONFIG_MAX);
    lx_buffer_append(changed, text.bytes, (size_t)(at - text.bytes));
    lx_buffer_append_text(changed, to);
    lx_buffer_append_text(changed, at + strlen(from));
    lx_buffer_release(&text);
}

/* The line of `text` in the shipped file. */
static int line_of(const char *name, const char *text)
{
    struct lx_buffer bytes;
    char path[64];
    int line = 1;
    snprintf(path, sizeof path, "rules/%s", name);
    living_shipped(path, &bytes);
    const char *at = strstr(lx_buffer_text(&bytes), text);
    assert_non_null(at);
    for (const char *c = bytes.bytes; c < at; c++) line += *c == '\n';
    lx_buffer_release(&bytes);
    return line;
}

static void test_a_wrong_file_is_named_by_line_and_column(void **state)
{
    static const struct {
        const char *file, *from, *to, *line_of;
        int column; /* 0: none is told */
        const char *told;
    } rows[] = {
        /* clang-format off */
        {"suitability.ini", "age() >= 65", "agee() >= 65", "age() >= 65", 13, "did you mean"},
        {"suitability.ini", "is_overdue and", "is_overdew and", "is_overdue and", 13, "did you mean `is_overdue`"},
        {"suitability.ini", "product.minimum > coalesce(assets, ", "product.minimum > coalesce(asets, ", "and product.minimum > coalesce(assets", 36, "did you mean `assets`"},
        {"suitability.ini", "product.risk > 3", "product.risk > 'x'", "product.risk > 3", 44, "expected integer"},
        {"suitability.ini", "age() >= 65 and product.risk > 3", "age() + 65", "age() >= 65 and", 0, "boolean"},
        {"suitability.ini", "is_overdue and", "gender = 'male' and", "is_overdue and", 13, "in no snapshot"},
        {"suitability.ini", "is_overdue and", "count() where kind = 'login' over 30 days > 3 and", "is_overdue and", 13, "a rule has no window"},
        {"suitability.ini", "stage = suitability", "stage = suitable", "stage = suitability", 0, "is no stage; emergency_stop, eligibility"},
        {"suitability.ini", "stage = suitability\n", "", "stage = suitability", 0, "[risk_above_level] has no stage"},
        {"suitability.ini", "refuse_if = product.risk > risk_level\n", "", "stage = suitability", 0, "has no refuse_if"},
        {"suitability.ini", "refuse_if = ", "refuses_if = ", "refuse_if = ", 0, "is nothing that a rule has"},
        {"suitability.ini", "[age_unknown]", "[age unknown]", "stage = suitability\nrefuse_if = age() is null", 0, "small letters"},
        {"suitability.ini", "[age_unknown]", "[already_holds]", "stage = suitability\nrefuse_if = age() is null", 0, "a rule of this name already, eligibility.ini:"},
        {"suitability.ini", "zh = 高龄", "if_unknown = deny\nzh = 高龄", "zh = 高龄", 0, "neither refuse nor allow"},
        {"suitability.ini", "en = no high risk for customers of this age", "en =", "en = no high risk", 0, "says nothing"},
        {"contact.ini", "contacts_in_channel(30)", "contacts_in_channel(0)", "contacts_in_channel(30)", 71, "1 to 400 days"},
        {"contact.ini", "contacts_in_channel(30)", "contacts_in_channel(401)", "contacts_in_channel(30)", 71, "1 to 400 days"},
        {"contact.ini", "days_since_answer('viewed')", "days_since_answer('seen')", "days_since_answer('viewed')", 26, "seen"},
        {"emergency.ini", "[stop_list]\nproducts =", "[stop_list]\nproducts = P01, GONE", "products =\n", 0, "GONE is no product"},
        {"emergency.ini", "[stop_list]\nproducts =", "[stop_list]\ngoods =", "products =\n", 0, "only products"},
        {"emergency.ini", "refuse_if = is_on_stop_list", "refuse_if", "refuse_if = is_on_stop_list", 0, ""},
        /* clang-format on */
    };
    for (size_t i = 0; i < LX_COUNT_OF(rows); i++) {
        struct lx_error err;
        struct lx_buffer text;
        struct rules *rules = NULL;
        char place[96];
        changed_file(rows[i].file, rows[i].from, rows[i].to, &text);
        const struct rules_file file = {rows[i].file, lx_buffer_text(&text), text.length};
        int line = line_of(rows[i].file, rows[i].line_of);
        int length = snprintf(place, sizeof place, "rules/%s:%d:", rows[i].file, line);
        if (rows[i].column > 0)
            snprintf(place + length, sizeof place - (size_t)length, "%d: ", rows[i].column);
        enum lx_err code = bench_parse(&bench, &file, &rules, &err);
        if (code != LX_ERR_BAD_INPUT) fail_msg("row %zu: accepted", i);
        bool is_placed = strncmp(err.text, place, strlen(place)) == 0;
        if (!is_placed || strstr(err.text, rows[i].told) == NULL)
            fail_msg("row %zu: %s, not at %s %s", i, err.text, place, rows[i].told);
        lx_buffer_release(&text);
    }
}

static void test_the_version_is_that_of_the_meaning(void **state)
{
    static const struct {
        const char *file, *from, *to;
        bool is_another;
    } rows[] = {
        {"suitability.ini", "; Whether the product suits", "; whether it suits", false},
        {"suitability.ini", "age() >= 65 and product.risk > 3",
         "(age() >= 65) 且\n    (产品风险>3)", false},
        {"suitability.ini", "age() >= 65", "age() >= 66", true},
        {"suitability.ini", "zh = 高龄", "zh = 高年龄", true},
        {"suitability.ini", "en = no high risk for", "en = no risk for", true},
        {"suitability.ini", "[over_65_high_risk]", "[over_65]", true},
        {"suitability.ini", "zh = 高龄", "if_unknown = allow\nzh = 高龄", false},
        {"suitability.ini", "zh = 高龄", "if_unknown = refuse\nzh = 高龄", true},
        {"suitability.ini", "stage = suitability", "stage = eligibility", true},
        {"emergency.ini", "[stop_list]\nproducts =", "[stop_list]\nproducts = P01", true},
        {"emergency.ini", "[stop_list]\nproducts =", "[stop_list]\nproducts = ,", false},
    };
    for (size_t i = 0; i < LX_COUNT_OF(rows); i++) {
        struct lx_error err;
        struct lx_buffer text;
        struct rules *rules = NULL;
        changed_file(rows[i].file, rows[i].from, rows[i].to, &text);
        const struct rules_file file = {rows[i].file, lx_buffer_text(&text), text.length};
        MUST(bench_parse(&bench, &file, &rules, &err));
        bool is_another = memcmp(rules_hash(rules), rules_hash(bench.book.rules), 32) != 0;
        if (is_another != rows[i].is_another) fail_msg("row %zu: %d", i, is_another);
        rules_close(rules);
        lx_buffer_release(&text);
    }
}

static void test_rules_stand_by_stage_then_file_then_place(void **state)
{
    const struct rules *rules = bench.book.rules;
    for (size_t i = 0; i < rules_count(rules); i++) {
        const struct rule *rule = rules_at(rules, i);
        assert_ptr_equal(rules_find(rules, rule->name), rule);
        assert_true(strlen(rule->zh) > 5 && strlen(rule->en) > 5);
        if (i == 0) continue;
        const struct rule *before = rules_at(rules, i - 1);
        assert_true(before->stage <= rule->stage);
        if (before->stage == rule->stage && strcmp(before->file, rule->file) == 0)
            assert_true(before->line < rule->line);
    }
    assert_null(rules_find(rules, "no_such_rule"));
    assert_int_equal(rules_file_count(rules), SHIPPED_FILES);
}

/* --- The reference -------------------------------------------------------------------------- */

static void read_reference(struct lx_buffer *text)
{
    struct lx_error err;
    char path[LX_PATH_MAX];
    const char *root = getenv("LINGXI_ROOT");
    snprintf(path, sizeof path, "%s/docs/reference/rules.md", root != NULL ? root : ".");
    lx_buffer_init(text, LX_CONFIG_MAX);
    MUST(host_read_file(path, text, &err));
}

static void must_say(const struct lx_buffer *text, const char *what, const char *more)
{
    char wanted[1024];
    snprintf(wanted, sizeof wanted, "| `%s` | %s", what, more);
    if (strstr(text->bytes, wanted) == NULL) fail_msg("docs/reference/rules.md lacks %s", wanted);
}

static void test_the_reference_lists_every_rule_field_and_function(void **state)
{
    const struct rule_schema *schema = bench.book.schema;
    struct lx_buffer text;
    read_reference(&text);
    lx_buffer_text(&text);
    for (size_t i = 0; i < rules_count(bench.book.rules); i++) {
        const struct rule *rule = rules_at(bench.book.rules, i);
        char more[700];
        snprintf(more, sizeof more, "%s | %s |", rule_stage_text(rule->stage), rule->en);
        must_say(&text, rule->name, more);
    }
    for (size_t i = 0; rule_schema_own_field(schema, i) != NULL; i++)
        must_say(&text, rule_schema_own_field(schema, i)->name,
                 rule_schema_own_field(schema, i)->zh);
    for (size_t i = 0; rule_schema_own_function(schema, i) != NULL; i++)
        must_say(&text, rule_schema_own_function(schema, i)->name,
                 rule_schema_own_function(schema, i)->zh);
    lx_buffer_release(&text);
}

/* The last column of the two tables of fields and functions: `example`. */
static void test_the_examples_of_the_reference_compile(void **state)
{
    struct lx_buffer text;
    size_t count = 0;
    read_reference(&text);
    for (const char *at = strstr(lx_buffer_text(&text), "<!-- offer -->"); at != NULL;) {
        const char *end = strstr(at, "` |\n");
        if (end == NULL || end > strstr(at, "<!-- /offer -->")) break;
        const char *begin = end;
        while (begin[-1] != '`') begin--;
        char rule[1024];
        int length = snprintf(rule, sizeof rule,
                              "[example]\nstage = eligibility\nrefuse_if = %.*s\nzh = 例\nen = e\n",
                              (int)(end - begin), begin);
        const struct rules_file file = {"example.ini", rule, (size_t)length};
        struct rules *rules = NULL;
        struct lx_error err;
        if (bench_parse(&bench, &file, &rules, &err) != LX_OK)
            fail_msg("%.*s: %s", (int)(end - begin), begin, err.text);
        rules_close(rules);
        count++;
        at = end + 1;
    }
    size_t wanted = 0;
    while (rule_schema_own_field(bench.book.schema, wanted) != NULL) wanted++;
    for (size_t i = 0; rule_schema_own_function(bench.book.schema, i) != NULL; i++) wanted++;
    assert_int_equal(count, wanted);
    lx_buffer_release(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_wrong_file_is_named_by_line_and_column),
        cmocka_unit_test(test_the_version_is_that_of_the_meaning),
        cmocka_unit_test(test_rules_stand_by_stage_then_file_then_place),
        cmocka_unit_test(test_the_reference_lists_every_rule_field_and_function),
        cmocka_unit_test(test_the_examples_of_the_reference_compile),
    };
    return cmocka_run_group_tests(tests, prepare, release);
}
