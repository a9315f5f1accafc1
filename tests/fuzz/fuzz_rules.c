/*
 * fuzz_rules: a rule file is refused with its name and a line, or it is whole: every rule has name,
 * stage, condition and words, its canonical condition is a condition of the same rules, and a
 * question to it is answered, or stopped by a number past its range.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/date.h"
#include "decide/rule_book.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds) abort();
}

enum { PRODUCTS = 3 };

static struct bank_product products[PRODUCTS] = {
    {.code = "P01", .category = BANK_CATEGORY_SAVINGS, .risk = 1, .age_max = 120},
    {.code = "P02", .category = BANK_CATEGORY_WEALTH, .risk = 4, .age_min = 18, .age_max = 70},
    {.code = "P03", .category = BANK_CATEGORY_CREDIT, .risk = 2, .age_min = 18, .age_max = 60},
};
static struct bank_catalogue catalogue = {.products = products, .count = PRODUCTS};

/* Made by the first input and kept to the end. */
static const struct rule_schema *schema_of_all(void)
{
    static struct rule_book book;
    const struct view_code_lists lists = {0};
    struct view_schema *view = NULL;
    struct lx_error err;
    if (book.schema != NULL) return book.schema;
    for (int i = 0; i < PRODUCTS; i++) products[i].zh = products[i].en = products[i].code;
    require(view_schema_open(&catalogue, &lists, &view, &err) == LX_OK);
    require(rule_book_open_schema(view, &book, &err) == LX_OK);
    return book.schema;
}

static void ask(struct rules *rules)
{
    static float values[LX_FEATURES_MAX], pairs[PRODUCTS * LX_FEATURES_MAX];
    const struct view_context context = {&catalogue, NULL, 480};
    const struct view_facts facts = {.age = 40, .assets_fen = 123456, .risk_level = 2};
    const struct rule_question question = {.context = &context,
                                           .facts = &facts,
                                           .as_of_ms = 20000 * LX_MS_PER_DAY,
                                           .customer_values = values,
                                           .pair_values = pairs,
                                           .pair_count = 64, /* more than there are */
                                           .channel = BANK_CHANNEL_SMS,
                                           .round = 1,
                                           .now_ms = 20001 * LX_MS_PER_DAY};
    int16_t refused[PRODUCTS];
    struct lx_error err;
    enum lx_err code = rules_judge(rules, &question, NULL, refused, &err);
    require(code == LX_OK || code == LX_ERR_OVERFLOW);
    for (int i = 0; code == LX_OK && i < PRODUCTS; i++)
        require(refused[i] >= RULE_NONE && refused[i] < (int)rules_count(rules));
}

static void check_rule(const struct rule *rule)
{
    struct expr *expr = NULL;
    struct lx_error err;
    require(rule->name[0] != '\0' && strlen(rule->name) <= RULE_NAME_MAX);
    require(rule->stage > RULE_STAGE_NONE && rule->stage < RULE_STAGE_END);
    require(rule->zh[0] != '\0' && rule->en[0] != '\0' && rule->line > 0);
    if (strlen(rule->expression) > EXPR_TEXT_MAX) return;
    require(expr_compile_as(rule_schema_expr(schema_of_all()), EXPR_BOOLEAN, rule->expression,
                            strlen(rule->expression), &expr, NULL, &err) == LX_OK);
    expr_free(expr);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct rules_file file = {"r.ini", (const char *)data, size};
    struct rules *rules = NULL;
    struct lx_error err;
    enum lx_err code = rules_parse("rules", &file, 1, schema_of_all(), &catalogue, &rules, &err);
    if (code != LX_OK) {
        require(code == LX_ERR_BAD_INPUT || code == LX_ERR_LIMIT || code == LX_ERR_OVERFLOW);
        require(strncmp(err.text, "rules/r.ini:", 12) == 0);
        return 0;
    }
    for (size_t i = 0; i < rules_count(rules); i++) check_rule(rules_at(rules, i));
    ask(rules);
    rules_close(rules);
    return 0;
}
