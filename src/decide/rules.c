#include "decide/rules.h"

#include <string.h>

#include "base/date.h"
#include "decide/rules_parts.h"

static const struct {
    const char *text, *zh, *en;
} stages[RULE_STAGE_END] = {{"", "", ""},
#define X(name, number, text, zh, en) [number] = {text, zh, en},
                            RULE_STAGE_MAP(X)
#undef X
};

const char *rule_stage_text(enum rule_stage stage)
{
    LX_ASSERT((unsigned)stage < RULE_STAGE_END);
    return stages[stage].text;
}

const char *rule_stage_zh(enum rule_stage stage)
{
    LX_ASSERT((unsigned)stage < RULE_STAGE_END);
    return stages[stage].zh;
}

const char *rule_stage_en(enum rule_stage stage)
{
    LX_ASSERT((unsigned)stage < RULE_STAGE_END);
    return stages[stage].en;
}

size_t rules_count(const struct rules *rules)
{
    return rules->count;
}

const struct rule *rules_at(const struct rules *rules, size_t index)
{
    LX_ASSERT(index < rules->count);
    return &rules->rules[index];
}

const struct rule *rules_find(const struct rules *rules, const char *name)
{
    for (size_t i = 0; i < rules->count; i++)
        if (strcmp(rules->rules[i].name, name) == 0) return &rules->rules[i];
    return NULL;
}

const uint8_t *rules_hash(const struct rules *rules)
{
    return rules->hash;
}

size_t rules_file_count(const struct rules *rules)
{
    return rules->file_count;
}

struct rules_file rules_file_at(const struct rules *rules, size_t index)
{
    LX_ASSERT(index < rules->file_count);
    return rules->files[index];
}

bool rules_reads_pairs(const struct rules *rules)
{
    return rules->reads_pairs;
}

/* One rule over one reading. */
struct asking {
    struct rules *rules;
    const struct expr_row *row;
    struct lx_error *err;
};

/* Can the rule still refuse after the parts [first, last)? */
static enum lx_err ask_parts(const struct asking *asking, size_t rule, size_t first, size_t last,
                             bool *ret_may_refuse)
{
    const struct rule_code *code = &asking->rules->codes[rule];
    bool refuses_unknown = asking->rules->rules[rule].refuses_unknown;
    for (size_t i = first; i < last; i++) {
        struct expr_value value;
        struct lx_error why;
        enum lx_err failed =
            expr_evaluate_node(code->expr, code->parts[i].node, asking->row, &value, &why);
        if (failed != LX_OK)
            return lx_fail(asking->err, failed, "rule %s: %s", asking->rules->rules[rule].name,
                           why.text);
        bool is_met = value.is_null ? refuses_unknown : value.as.integer != 0;
        if (is_met) continue;
        *ret_may_refuse = false;
        return LX_OK;
    }
    *ret_may_refuse = true;
    return LX_OK;
}

/* Which products each rule can refuse at all, by what it says of the product alone. */
static enum lx_err prepare(struct rules *rules, const struct view_context *context,
                           int64_t as_of_ms, struct lx_error *err)
{
    static const struct view_facts nobody;
    struct rule_reading *reading = &rules->reading;
    rules->is_prepared = false;
    rule_reading_begin(rules->schema, NULL, rules->stopped, reading);
    view_reading_begin(rule_schema_view(rules->schema), context, &nobody, NULL, as_of_ms, NULL,
                       &reading->view);
    const struct expr_row row = rule_reading_row(reading);
    const struct asking asking = {rules, &row, err};
    for (size_t i = 0; i < rules->count; i++)
        memset(rules->codes[i].products, 0, sizeof rules->codes[i].products);
    for (size_t product = 0; product < rules->catalogue->count; product++) {
        rule_reading_turn(reading, (int)product);
        for (size_t i = 0; i < rules->count; i++) {
            bool may_refuse;
            enum lx_err code =
                ask_parts(&asking, i, 0, rules->codes[i].first_of_customer, &may_refuse);
            if (code != LX_OK) return code;
            if (may_refuse) rules->codes[i].products[product / 64] |= UINT64_C(1) << product % 64;
        }
    }
    rules->is_prepared = true;
    rules->prepared_ms = as_of_ms;
    return LX_OK;
}

static enum lx_err begin(struct rules *rules, const struct rule_question *question,
                         struct lx_error *err)
{
    LX_ASSERT(question->context->catalogue == rules->catalogue);
    LX_ASSERT(question->pair_values != NULL || !rules->reads_pairs);

    if (!rules->is_prepared || rules->prepared_ms != question->as_of_ms) {
        enum lx_err code = prepare(rules, question->context, question->as_of_ms, err);
        if (code != LX_OK) return code;
    }
    rule_reading_begin(rules->schema, question, rules->stopped, &rules->reading);
    if (rules->asks_peers) view_reading_find_peers(&rules->reading.view);
    return LX_OK;
}

/* Nothing of the rule depends on the pair: all products that it speaks of go at once. */
static void refuse_all(const struct rule_code *code, size_t rule, uint64_t *left,
                       int16_t *ret_rules)
{
    for (size_t word = 0; word < RULE_WORDS; word++) {
        for (uint64_t bits = left[word] & code->products[word]; bits != 0; bits &= bits - 1)
            ret_rules[word * 64 + (size_t)__builtin_ctzll(bits)] = (int16_t)rule;
        left[word] &= ~code->products[word];
    }
}

static bool has_any(const struct rule_code *code, const uint64_t *left)
{
    uint64_t any = 0;
    for (size_t word = 0; word < RULE_WORDS; word++) any |= left[word] & code->products[word];
    return any != 0;
}

/* The products of `left` that the rule refuses, which are taken from it. */
static enum lx_err judge_rule(const struct asking *asking, size_t rule, uint64_t *left,
                              int16_t *ret_rules)
{
    const struct rule_code *code = &asking->rules->codes[rule];
    bool may_refuse = false;
    if (!has_any(code, left)) return LX_OK;
    enum lx_err failed =
        ask_parts(asking, rule, code->first_of_customer, code->first_of_pair, &may_refuse);
    if (failed != LX_OK || !may_refuse) return failed;
    if (code->first_of_pair == code->part_count) {
        refuse_all(code, rule, left, ret_rules);
        return LX_OK;
    }
    for (size_t word = 0; word < RULE_WORDS; word++) {
        for (uint64_t bits = left[word] & code->products[word]; bits != 0; bits &= bits - 1) {
            int product = (int)(word * 64) + __builtin_ctzll(bits);
            bool is_refused;
            rule_reading_turn(&asking->rules->reading, product);
            failed = ask_parts(asking, rule, code->first_of_pair, code->part_count, &is_refused);
            if (failed != LX_OK) return failed;
            if (!is_refused) continue;
            ret_rules[product] = (int16_t)rule;
            left[word] &= ~(bits & -bits);
        }
    }
    return LX_OK;
}

enum lx_err rules_judge(struct rules *rules, const struct rule_question *question,
                        const uint64_t *wanted, int16_t *ret_rules, struct lx_error *err)
{
    uint64_t left[RULE_WORDS] = {0};
    enum lx_err code = begin(rules, question, err);
    if (code != LX_OK) return code;
    for (size_t i = 0; i < rules->catalogue->count; i++) {
        if (wanted != NULL && (wanted[i / 64] >> i % 64 & 1) == 0) continue;
        left[i / 64] |= UINT64_C(1) << i % 64;
        ret_rules[i] = RULE_NONE;
    }
    const struct expr_row row = rule_reading_row(&rules->reading);
    const struct asking asking = {rules, &row, err};
    for (size_t i = 0; i < rules->count && code == LX_OK; i++)
        code = judge_rule(&asking, i, left, ret_rules);
    return code;
}

enum lx_err rules_ask(struct rules *rules, size_t rule, const struct rule_question *question,
                      int product, bool *ret_is_refused, struct lx_error *err)
{
    LX_ASSERT(rule < rules->count && product >= 0);

    enum lx_err code = begin(rules, question, err);
    if (code != LX_OK) return code;
    rule_reading_turn(&rules->reading, product);
    const struct expr_row row = rule_reading_row(&rules->reading);
    const struct asking asking = {rules, &row, err};
    return ask_parts(&asking, rule, 0, rules->codes[rule].part_count, ret_is_refused);
}
