/*
 * Goal:   the gate refuses what it must, names the first rule in the order of the table, and never
 *         opens for what is not known; the file that sets its limits is checked by line.
 * Method: a table a person can read, then random customers and products against rules written out
 *         one by one in their order.
 */
#include "tests/living_bank.h"

#include "decide/rules.h"

static void shipped(struct rules *rules)
{
    struct lx_error err;
    struct lx_buffer text;
    living_shipped("rules.ini", &text);
    MUST(rules_parse("rules.ini", text.bytes, text.length, rules, &err));
    lx_buffer_release(&text);
}

/* A product that everybody may have. */
static const struct bank_product open_product = {.code = "X",
                                                 .category = BANK_CATEGORY_PAYMENT,
                                                 .risk = 1,
                                                 .age_min = 0,
                                                 .age_max = 120,
                                                 .status = BANK_PRODUCT_ON_SALE};

static void test_each_rule_refuses_its_case(void **state)
{
    static const struct {
        const char *what;
        enum bank_category category;
        int risk, age_min, age_max;
        int64_t minimum_fen;
        int32_t launched_day;
        int level, age; /* of the customer */
        bool is_overdue, is_held;
        int64_t assets_fen;
        enum rule rule;
    } rows[] = {
        /* clang-format off */
        {"may have it",       BANK_CATEGORY_PAYMENT, 1, 0, 120, 0, 0, 0, 30, false, false, 0, RULE_NONE},
        {"holds it",          BANK_CATEGORY_PAYMENT, 1, 0, 120, 0, 0, 0, 30, false, true,  0, RULE_ALREADY_HOLDS},
        {"not launched",      BANK_CATEGORY_PAYMENT, 1, 0, 120, 0, 101, 0, 30, false, false, 0, RULE_NOT_LAUNCHED},
        {"launched that day", BANK_CATEGORY_PAYMENT, 1, 0, 120, 0, 100, 0, 30, false, false, 0, RULE_NONE},
        {"R3 for C2",         BANK_CATEGORY_WEALTH, 3, 18, 70, 0, 0, 2, 30, false, false, 0, RULE_RISK_ABOVE_LEVEL},
        {"R3 for C3",         BANK_CATEGORY_WEALTH, 3, 18, 70, 0, 0, 3, 30, false, false, 0, RULE_NONE},
        {"R2 unassessed",     BANK_CATEGORY_WEALTH, 2, 18, 70, 0, 0, 0, 30, false, false, 0, RULE_ASSESSMENT_MISSING_OR_EXPIRED},
        {"R1 unassessed",     BANK_CATEGORY_WEALTH, 1, 18, 70, 0, 0, 0, 30, false, false, 0, RULE_NONE},
        {"17 years",          BANK_CATEGORY_WEALTH, 1, 18, 70, 0, 0, 0, 17, false, false, 0, RULE_AGE_OUT_OF_RANGE},
        {"18 years",          BANK_CATEGORY_WEALTH, 1, 18, 70, 0, 0, 0, 18, false, false, 0, RULE_NONE},
        {"71 years",          BANK_CATEGORY_WEALTH, 1, 18, 70, 0, 0, 0, 71, false, false, 0, RULE_AGE_OUT_OF_RANGE},
        {"age unknown",       BANK_CATEGORY_WEALTH, 1, 18, 70, 0, 0, 0, -1, false, false, 0, RULE_AGE_UNKNOWN},
        {"any age, unknown",  BANK_CATEGORY_SAVINGS, 1, 0, 120, 0, 0, 0, -1, false, false, 0, RULE_NONE},
        {"R4 at 64",          BANK_CATEGORY_WEALTH, 4, 18, 80, 0, 0, 5, 64, false, false, 0, RULE_NONE},
        {"R4 at 65",          BANK_CATEGORY_WEALTH, 4, 18, 80, 0, 0, 5, 65, false, false, 0, RULE_OVER_65_HIGH_RISK},
        {"R3 at 70",          BANK_CATEGORY_WEALTH, 3, 18, 80, 0, 0, 5, 70, false, false, 0, RULE_NONE},
        {"overdue, credit",   BANK_CATEGORY_CREDIT, 1, 18, 80, 0, 0, 0, 30, true, false, 0, RULE_OVERDUE_NO_CREDIT},
        {"overdue, savings",  BANK_CATEGORY_SAVINGS, 1, 18, 80, 0, 0, 0, 30, true, false, 0, RULE_NONE},
        {"minimum, short",    BANK_CATEGORY_SAVINGS, 1, 18, 80, 5001, 0, 0, 30, false, false, 5000, RULE_MINIMUM_ABOVE_ASSETS},
        {"minimum, reached",  BANK_CATEGORY_SAVINGS, 1, 18, 80, 5000, 0, 0, 30, false, false, 5000, RULE_NONE},
        {"minimum, unknown",  BANK_CATEGORY_SAVINGS, 1, 18, 80, 5001, 0, 0, 30, false, false, BANK_NO_AMOUNT, RULE_NONE},
        {"minimum, a loan",   BANK_CATEGORY_CREDIT, 1, 18, 80, 5001, 0, 0, 30, false, false, 0, RULE_NONE},
        /* clang-format on */
    };
    struct rules rules;
    shipped(&rules);
    for (size_t i = 0; i < LX_COUNT_OF(rows); i++) {
        struct bank_product product = {.category = rows[i].category,
                                       .risk = rows[i].risk,
                                       .age_min = rows[i].age_min,
                                       .age_max = rows[i].age_max,
                                       .minimum_fen = rows[i].minimum_fen,
                                       .launched_day = rows[i].launched_day,
                                       .status = BANK_PRODUCT_ON_SALE};
        struct view_facts facts = {
            .age = rows[i].age, .risk_level = rows[i].level, .is_overdue = rows[i].is_overdue};
        const struct rule_case question = {.product = &product,
                                           .facts = &facts,
                                           .assets_fen = rows[i].assets_fen,
                                           .is_held = rows[i].is_held,
                                           .as_of_day = 100};
        enum rule rule = rules_check(&rules, &question);
        if (rule != rows[i].rule)
            fail_msg("%s: %s, not %s", rows[i].what, rule_name(rule), rule_name(rows[i].rule));
    }
}

static void test_an_answer_rests_for_its_days(void **state)
{
    static const struct {
        enum bank_answer answer;
        int days;
    } rows[] = {{BANK_ANSWER_INTERESTED, 30},
                {BANK_ANSWER_NOT_INTERESTED, 90},
                {BANK_ANSWER_VIEWED, 7},
                {BANK_ANSWER_IGNORED, 14}};
    struct rules rules;
    const struct view_facts facts = {.age = 30};
    shipped(&rules);
    for (size_t i = 0; i < LX_COUNT_OF(rows); i++) {
        struct rule_case question = {.product = &open_product,
                                     .facts = &facts,
                                     .assets_fen = BANK_NO_AMOUNT,
                                     .answer = rows[i].answer,
                                     .answered_ms = 1000};
        question.now_ms = 1000 + rows[i].days * LX_MS_PER_DAY - 1;
        assert_int_equal(rules_check(&rules, &question), RULE_ANSWERED_RECENTLY);
        question.now_ms++;
        assert_int_equal(rules_check(&rules, &question), RULE_NONE);
    }
}

static void test_who_may_not_be_spoken_to_is_offered_nothing(void **state)
{
    struct rules rules;
    struct view_facts facts = {.age = 30, .is_do_not_contact = true};
    struct rule_case question = {.product = &open_product,
                                 .facts = &facts,
                                 .assets_fen = BANK_NO_AMOUNT,
                                 .is_held = true,
                                 .channel = BANK_CHANNEL_SMS};
    shipped(&rules);
    assert_int_equal(rules_check(&rules, &question), RULE_DO_NOT_CONTACT);
    facts = (struct view_facts){.age = 30, .refused_channels = 1u << BANK_CHANNEL_SMS};
    question.is_held = false;
    assert_int_equal(rules_check(&rules, &question), RULE_CHANNEL_REFUSED);
    question.channel = BANK_CHANNEL_RM;
    assert_int_equal(rules_check(&rules, &question), RULE_NONE);
    question.is_shown_before = true;
    assert_int_equal(rules_check(&rules, &question), RULE_SHOWN_BEFORE);
}

static void test_an_open_complaint_withholds_offers_where_the_bank_says_so(void **state)
{
    struct rules rules;
    const struct view_facts facts = {.age = 30, .has_open_complaint = true};
    const struct rule_case question = {
        .product = &open_product, .facts = &facts, .assets_fen = BANK_NO_AMOUNT};
    shipped(&rules);
    assert_int_equal(rules_check(&rules, &question), RULE_OPEN_COMPLAINT);
    rules.is_complaint_refused = false;
    assert_int_equal(rules_check(&rules, &question), RULE_NONE);
}

/* Every rule by itself; the first in the order of the table is the answer. */
static enum rule naive(const struct rule_case *q)
{
    const struct bank_product *p = q->product;
    const struct view_facts *f = q->facts;
    static const int rest[] = {0, 30, 90, 0, 7, 14, 0, 0};
    bool refused[RULE_COUNT] = {false};
    refused[RULE_DO_NOT_CONTACT] = f->is_do_not_contact;
    refused[RULE_CHANNEL_REFUSED] = q->channel != 0 && (f->refused_channels & 1u << q->channel);
    refused[RULE_OPEN_COMPLAINT] = f->has_open_complaint;
    refused[RULE_ALREADY_HOLDS] = q->is_held;
    refused[RULE_NOT_ON_SALE] = p->status == BANK_PRODUCT_RETIRED;
    refused[RULE_NOT_LAUNCHED] = p->launched_day > q->as_of_day;
    refused[RULE_RISK_ABOVE_LEVEL] = f->risk_level >= 1 && p->risk > f->risk_level;
    refused[RULE_ASSESSMENT_MISSING_OR_EXPIRED] = f->risk_level == 0 && p->risk > 1;
    refused[RULE_AGE_OUT_OF_RANGE] = f->age >= 0 && (f->age < p->age_min || f->age > p->age_max);
    refused[RULE_AGE_UNKNOWN] = f->age < 0 && (p->age_min > 0 || p->age_max < 120);
    refused[RULE_OVER_65_HIGH_RISK] = f->age >= 65 && p->risk >= 4;
    refused[RULE_OVERDUE_NO_CREDIT] = f->is_overdue && p->category == BANK_CATEGORY_CREDIT;
    refused[RULE_MINIMUM_ABOVE_ASSETS] =
        (p->category == BANK_CATEGORY_SAVINGS || p->category == BANK_CATEGORY_WEALTH) &&
        q->assets_fen != BANK_NO_AMOUNT && q->assets_fen < p->minimum_fen;
    refused[RULE_ANSWERED_RECENTLY] =
        (q->now_ms - q->answered_ms) < rest[q->answer] * LX_MS_PER_DAY;
    refused[RULE_SHOWN_BEFORE] = q->is_shown_before;
    for (int i = 1; i < RULE_COUNT; i++)
        if (refused[i]) return (enum rule)i;
    return RULE_NONE;
}

static void test_the_first_rule_of_the_order_answers(void **state)
{
    struct rules rules;
    size_t seen[RULE_COUNT] = {0};
    shipped(&rules);
    for (uint64_t seed = 1; seed <= 200000; seed++) {
        struct lx_rng rng = lx_rng_of(seed, 8);
        struct bank_product product = {.category = (enum bank_category)(1 + lx_rng_below(&rng, 5)),
                                       .risk = 1 + (int)lx_rng_below(&rng, 5),
                                       .minimum_fen = (int64_t)lx_rng_below(&rng, 3) * 1000,
                                       .age_min = (int)lx_rng_below(&rng, 2) * 18,
                                       .age_max = 60 + (int)lx_rng_below(&rng, 3) * 30,
                                       .launched_day = 90 + (int)lx_rng_below(&rng, 12),
                                       .status = lx_rng_chance(&rng, 0.05) ? BANK_PRODUCT_RETIRED
                                                                           : BANK_PRODUCT_ON_SALE};
        struct view_facts facts = {.age = (int)lx_rng_below(&rng, 100) - 5,
                                   .risk_level = (int)lx_rng_below(&rng, 6),
                                   .is_overdue = lx_rng_chance(&rng, 0.2),
                                   .is_do_not_contact = lx_rng_chance(&rng, 0.05),
                                   .has_open_complaint = lx_rng_chance(&rng, 0.1),
                                   .refused_channels =
                                       lx_rng_chance(&rng, 0.1) ? 1u << BANK_CHANNEL_RM : 0};
        if (facts.age < 0) facts.age = -1;
        const struct rule_case question = {
            .product = &product,
            .facts = &facts,
            .assets_fen =
                lx_rng_chance(&rng, 0.2) ? BANK_NO_AMOUNT : (int64_t)lx_rng_below(&rng, 3000),
            .is_held = lx_rng_chance(&rng, 0.1),
            .is_shown_before = lx_rng_chance(&rng, 0.1),
            .as_of_day = 100,
            .channel = lx_rng_chance(&rng, 0.5) ? BANK_CHANNEL_RM : BANK_CHANNEL_NONE,
            .answer = (enum bank_answer)lx_rng_below(&rng, BANK_ANSWER_RETRACTED + 1),
            .answered_ms = 0,
            .now_ms = (int64_t)lx_rng_below(&rng, 120) * LX_MS_PER_DAY};
        enum rule got = rules_check(&rules, &question), want = naive(&question);
        if (got != want)
            fail_msg("seed %lu: %s, not %s", (unsigned long)seed, rule_name(got), rule_name(want));
        seen[got]++;
    }
    for (int i = 0; i < RULE_COUNT; i++)
        if (seen[i] == 0) fail_msg("%s was never the answer", rule_name((enum rule)i));
}

static void test_names_are_found_again_and_have_words(void **state)
{
    for (int i = 1; i < RULE_COUNT; i++) {
        enum rule rule = (enum rule)i;
        assert_int_equal(rule_find(rule_name(rule), strlen(rule_name(rule))), rule);
        assert_true(strlen(rule_zh(rule)) > 5 && strlen(rule_en(rule)) > 5);
    }
    assert_int_equal(rule_find("no_such_rule", 12), RULE_NONE);
    assert_int_equal(rule_find("", 0), RULE_NONE);
}

static void test_a_wrong_file_is_named_by_line(void **state)
{
    static const struct {
        const char *from, *to, *told;
    } rows[] = {
        {"senior_age = 65", "senior_age = old", "whole number"},
        {"senior_age = 65", "senior_age = -1", "out of range"},
        {"senior_max_risk = 3", "senior_max_risk = 6", "out of range"},
        {"refuse_overdue = yes", "refuse_overdue = maybe", "neither yes nor no"},
        {"refuse_open_complaint = yes", "", "refuse_open_complaint is missing"},
        {"savings, wealth", "savings, gold", "no such category"},
        {"ignored_days = 14", "ignore_days = 14", "no rule has this name"},
        {"ignored_days = 14", "", "ignored_days is missing"},
    };
    struct lx_buffer text;
    living_shipped("rules.ini", &text);
    for (size_t i = 0; i < LX_COUNT_OF(rows); i++) {
        struct lx_error err;
        struct rules rules;
        struct lx_buffer changed;
        const char *at = strstr(lx_buffer_text(&text), rows[i].from);
        assert_non_null(at);
        lx_buffer_init(&changed, LX_CONFIG_MAX);
        lx_buffer_append(&changed, text.bytes, (size_t)(at - text.bytes));
        lx_buffer_append_text(&changed, rows[i].to);
        lx_buffer_append_text(&changed, at + strlen(rows[i].from));
        MUST_FAIL(rules_parse("r.ini", changed.bytes, changed.length, &rules, &err),
                  LX_ERR_BAD_INPUT);
        if (strstr(err.text, rows[i].told) == NULL || strncmp(err.text, "r.ini:", 6) != 0)
            fail_msg("row %zu: %s", i, err.text);
        lx_buffer_release(&changed);
    }
    lx_buffer_release(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_rule_refuses_its_case),
        cmocka_unit_test(test_an_answer_rests_for_its_days),
        cmocka_unit_test(test_who_may_not_be_spoken_to_is_offered_nothing),
        cmocka_unit_test(test_an_open_complaint_withholds_offers_where_the_bank_says_so),
        cmocka_unit_test(test_the_first_rule_of_the_order_answers),
        cmocka_unit_test(test_names_are_found_again_and_have_words),
        cmocka_unit_test(test_a_wrong_file_is_named_by_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
