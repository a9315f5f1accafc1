/*
 * Goal:   the gate refuses what it must, names the first rule in the order of stages, and never
 *         opens for what is not known; the shipped files say what the bank's rules always were.
 * Method: tables a person can read, over the shipped files; then random products, customers and
 *         answers against the rules written out one by one in C.
 */
#include "rule_bench.h"

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
        int64_t assets_fen, most_fen; /* most: the highest balance of 90 days */
        const char *rule;
    } rows[] = {
        /* clang-format off */
        {"may have it",       BANK_CATEGORY_PAYMENT, 1, 0, 120, 0, 0, 0, 30, false, false, 0, 0, ""},
        {"holds it",          BANK_CATEGORY_PAYMENT, 1, 0, 120, 0, 0, 0, 30, false, true,  0, 0, "already_holds"},
        {"not launched",      BANK_CATEGORY_PAYMENT, 1, 0, 120, 0, BENCH_DAY + 1, 0, 30, false, false, 0, 0, "not_launched"},
        {"launched that day", BANK_CATEGORY_PAYMENT, 1, 0, 120, 0, BENCH_DAY, 0, 30, false, false, 0, 0, ""},
        {"R3 for C2",         BANK_CATEGORY_WEALTH, 3, 18, 70, 0, 0, 2, 30, false, false, 0, 0, "risk_above_level"},
        {"R3 for C3",         BANK_CATEGORY_WEALTH, 3, 18, 70, 0, 0, 3, 30, false, false, 0, 0, ""},
        {"R2 unassessed",     BANK_CATEGORY_WEALTH, 2, 18, 70, 0, 0, 0, 30, false, false, 0, 0, "assessment_missing_or_expired"},
        {"R1 unassessed",     BANK_CATEGORY_WEALTH, 1, 18, 70, 0, 0, 0, 30, false, false, 0, 0, ""},
        {"17 years",          BANK_CATEGORY_WEALTH, 1, 18, 70, 0, 0, 0, 17, false, false, 0, 0, "age_out_of_range"},
        {"18 years",          BANK_CATEGORY_WEALTH, 1, 18, 70, 0, 0, 0, 18, false, false, 0, 0, ""},
        {"71 years",          BANK_CATEGORY_WEALTH, 1, 18, 70, 0, 0, 0, 71, false, false, 0, 0, "age_out_of_range"},
        {"age unknown",       BANK_CATEGORY_WEALTH, 1, 18, 70, 0, 0, 0, -1, false, false, 0, 0, "age_unknown"},
        {"any age, unknown",  BANK_CATEGORY_SAVINGS, 1, 0, 120, 0, 0, 0, -1, false, false, 0, 0, ""},
        {"R4 at 64",          BANK_CATEGORY_WEALTH, 4, 18, 80, 0, 0, 5, 64, false, false, 0, 0, ""},
        {"R4 at 65",          BANK_CATEGORY_WEALTH, 4, 18, 80, 0, 0, 5, 65, false, false, 0, 0, "over_65_high_risk"},
        {"R3 at 70",          BANK_CATEGORY_WEALTH, 3, 18, 80, 0, 0, 5, 70, false, false, 0, 0, ""},
        {"overdue, credit",   BANK_CATEGORY_CREDIT, 1, 18, 80, 0, 0, 0, 30, true, false, 0, 0, "overdue_no_credit"},
        {"overdue, savings",  BANK_CATEGORY_SAVINGS, 1, 18, 80, 0, 0, 0, 30, true, false, 0, 0, ""},
        {"minimum, short",    BANK_CATEGORY_SAVINGS, 1, 18, 80, 5001, 0, 0, 30, false, false, 5000, 0, "minimum_above_assets"},
        {"minimum, reached",  BANK_CATEGORY_SAVINGS, 1, 18, 80, 5000, 0, 0, 30, false, false, 5000, 0, ""},
        {"minimum, had it",   BANK_CATEGORY_SAVINGS, 1, 18, 80, 5001, 0, 0, 30, false, false, 5000, 6000, ""},
        {"minimum, only had", BANK_CATEGORY_SAVINGS, 1, 18, 80, 5001, 0, 0, 30, false, false, BANK_NO_AMOUNT, 6000, ""},
        {"minimum, had less", BANK_CATEGORY_SAVINGS, 1, 18, 80, 7001, 0, 0, 30, false, false, BANK_NO_AMOUNT, 6000, "minimum_above_assets"},
        {"minimum, unknown",  BANK_CATEGORY_SAVINGS, 1, 18, 80, 5001, 0, 0, 30, false, false, BANK_NO_AMOUNT, 0, ""},
        {"minimum, a loan",   BANK_CATEGORY_CREDIT, 1, 18, 80, 5001, 0, 0, 30, false, false, 0, 0, ""},
        /* clang-format on */
    };
    for (size_t i = 0; i < LX_COUNT_OF(rows); i++) {
        struct rule_bench bench;
        bench_open(&bench, NULL, NULL);
        struct bank_product *product = &bench.products[7];
        product->category = rows[i].category;
        product->risk = rows[i].risk;
        product->age_min = rows[i].age_min;
        product->age_max = rows[i].age_max;
        product->minimum_fen = rows[i].minimum_fen;
        product->launched_day = rows[i].launched_day;
        bench.facts.age = rows[i].age;
        bench.facts.risk_level = rows[i].level;
        bench.facts.is_overdue = rows[i].is_overdue;
        bench.facts.held[0] = rows[i].is_held ? 1u << 7 : 0;
        bench.facts.assets_fen = rows[i].assets_fen;
        if (rows[i].most_fen > 0)
            bench_set_feature(&bench, "balance_max_90d", (double)rows[i].most_fen);
        const char *rule = bench_ask(&bench, 7);
        if (strcmp(rule, rows[i].rule) != 0)
            fail_msg("%s: %s, not %s", rows[i].what, rule, rows[i].rule);
        bench_close(&bench);
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
    struct rule_bench bench;
    bench_open(&bench, NULL, NULL);
    for (size_t i = 0; i < LX_COUNT_OF(rows); i++) {
        bench.answers[0] =
            (struct overlay_answer){.answered_ms = 1000, .product = 2, .answer = rows[i].answer};
        bench.question.answer_count = 1;
        bench.question.now_ms = 1000 + rows[i].days * LX_MS_PER_DAY - 1;
        assert_string_equal(bench_ask(&bench, 2), "answered_recently");
        assert_string_equal(bench_ask(&bench, 3), "");
        bench.question.now_ms++;
        assert_string_equal(bench_ask(&bench, 2), "");
    }
    bench_close(&bench);
}

static void test_an_answer_that_he_has_it_counts_as_holding(void **state)
{
    struct rule_bench bench;
    bench_open(&bench, NULL, NULL);
    bench.answers[0] = (struct overlay_answer){.position = 5, .decision = 4, .product = 2};
    bench.question.answer_count = 1;
    bench.answers[0].answer = BANK_ANSWER_OWNS;
    assert_string_equal(bench_ask(&bench, 2), "already_holds");
    bench.answers[0].answer = BANK_ANSWER_BOUGHT;
    assert_string_equal(bench_ask(&bench, 2), "already_holds");
    bench.answers[1] = (struct overlay_answer){
        .position = 6, .decision = 4, .product = 2, .answer = BANK_ANSWER_RETRACTED};
    bench.question.answer_count = 2;
    assert_string_equal(bench_ask(&bench, 2), "");
    bench_close(&bench);
}

static void test_who_may_not_be_spoken_to_is_offered_nothing(void **state)
{
    uint64_t shown[(LX_PRODUCT_MAX + 63) / 64] = {1u << 1};
    struct rule_bench bench;
    bench_open(&bench, NULL, NULL);
    bench.question.channel = BANK_CHANNEL_SMS;
    bench.facts.is_do_not_contact = true;
    bench.facts.held[0] = 1u << 1;
    assert_string_equal(bench_ask(&bench, 0), "do_not_contact");
    assert_string_equal(bench_ask(&bench, 1), "already_holds"); /* an earlier stage */
    bench.facts.is_do_not_contact = false;
    bench.facts.held[0] = 0;
    bench.facts.refused_channels = 1u << BANK_CHANNEL_SMS;
    assert_string_equal(bench_ask(&bench, 1), "channel_refused");
    bench.question.channel = BANK_CHANNEL_RM;
    assert_string_equal(bench_ask(&bench, 1), "");
    bench.question.channel = BANK_CHANNEL_NONE;
    assert_string_equal(bench_ask(&bench, 1), "");
    bench.facts.has_open_complaint = true;
    assert_string_equal(bench_ask(&bench, 1), "open_complaint");
    bench.facts.has_open_complaint = false;
    bench.question.shown = shown;
    bench.question.round = 2;
    assert_string_equal(bench_ask(&bench, 1), "shown_before");
    assert_string_equal(bench_ask(&bench, 0), "");
    bench_close(&bench);
}

static void test_a_product_on_the_stop_list_goes_first(void **state)
{
    static const char text[] = "[stop_list]\nproducts = P03, P05\n"
                               "[on_stop_list]\nstage = emergency_stop\n"
                               "refuse_if = is_on_stop_list\nzh = 停\nen = stopped\n";
    const struct rules_file changed = {"emergency.ini", text, sizeof text - 1};
    struct rule_bench bench;
    struct lx_error err;
    bench_open(&bench, NULL, NULL);
    rules_close(bench.book.rules);
    bench.book.rules = NULL;
    MUST(bench_parse(&bench, &changed, &bench.book.rules, &err));
    bench.facts.held[0] = 1u << 3 | 1u << 4;
    assert_string_equal(bench_ask(&bench, 3), "on_stop_list");
    assert_string_equal(bench_ask(&bench, 4), "already_holds");
    assert_string_equal(bench_ask(&bench, 5), "on_stop_list");
    assert_string_equal(bench_ask(&bench, 6), "");
    bench_close(&bench);
}

/* --- Contact policy ------------------------------------------------------------------------- */

static void test_quiet_hours_are_the_bank_s_own(void **state)
{
    static const struct {
        int hour;
        enum bank_channel channel;
        const char *rule;
    } rows[] = {{7, BANK_CHANNEL_SMS, "quiet_hours"}, {8, BANK_CHANNEL_SMS, ""},
                {20, BANK_CHANNEL_PHONE, ""},         {21, BANK_CHANNEL_PHONE, "quiet_hours"},
                {0, BANK_CHANNEL_SMS, "quiet_hours"}, {23, BANK_CHANNEL_RM, ""},
                {3, BANK_CHANNEL_MOBILE, ""}};
    struct rule_bench bench;
    bench_open(&bench, NULL, NULL);
    for (size_t i = 0; i < LX_COUNT_OF(rows); i++) {
        bench.question.channel = rows[i].channel;
        bench.question.now_ms = bench_day_ms(BENCH_DAY) + rows[i].hour * LX_MS_PER_DAY / 24;
        const char *rule = bench_ask(&bench, 1);
        if (strcmp(rule, rows[i].rule) != 0)
            fail_msg("%d o'clock: %s, not %s", rows[i].hour, rule, rows[i].rule);
    }
    bench_close(&bench);
}

/* `count` contacts `days` ago, each of one product. */
static void add_past(struct rule_bench *bench, int count, int days, int product,
                     enum bank_channel channel, bool is_first_round)
{
    for (int i = 0; i < count; i++) {
        size_t at = bench->past_count++;
        bench->past[at] =
            (struct rule_past){.offered_ms = bench->question.now_ms - days * LX_MS_PER_DAY,
                               .decision = at,
                               .product = product,
                               .channel = channel,
                               .is_first_round = is_first_round};
    }
}

static void test_too_many_offers_in_a_rolling_window_are_refused(void **state)
{
    struct rule_bench bench;
    bench_open(&bench, NULL, NULL);
    bench.products[2].category = BANK_CATEGORY_WEALTH;
    bench.question.channel = BANK_CHANNEL_SMS;
    add_past(&bench, 3, 29, 1, BANK_CHANNEL_PHONE, false);
    assert_string_equal(bench_ask(&bench, 1), "product_too_often");
    assert_string_equal(bench_ask(&bench, 2), "");
    bench.past_count = 0;
    add_past(&bench, 3, 30, 1, BANK_CHANNEL_PHONE, false); /* out of the window */
    assert_string_equal(bench_ask(&bench, 1), "");
    bench.past_count = 0;
    add_past(&bench, 8, 3, 4, BANK_CHANNEL_PHONE, false);
    assert_string_equal(bench_ask(&bench, 1), "group_too_often");
    assert_string_equal(bench_ask(&bench, 2), "");
    bench.past_count = 0;
    add_past(&bench, 4, 3, 2, BANK_CHANNEL_SMS, true);
    assert_string_equal(bench_ask(&bench, 1), "channel_too_often");
    bench.question.channel = BANK_CHANNEL_PHONE;
    assert_string_equal(bench_ask(&bench, 1), "");
    bench.question.channel = BANK_CHANNEL_SMS;
    for (size_t i = 0; i < bench.past_count; i++) bench.past[i].decision = 9; /* one contact */
    assert_string_equal(bench_ask(&bench, 1), "");
    bench_close(&bench);
}

static void test_refusals_in_a_row_bring_a_rest(void **state)
{
    struct rule_bench bench;
    bench_open(&bench, NULL, NULL);
    bench.question.channel = BANK_CHANNEL_PHONE;
    for (int i = 0; i < 3; i++)
        bench.answers[i] =
            (struct overlay_answer){.position = (uint64_t)i,
                                    .decision = 90,
                                    .answered_ms = bench.question.now_ms - LX_MS_PER_DAY,
                                    .product = i,
                                    .answer = BANK_ANSWER_NOT_INTERESTED};
    bench.question.answer_count = 3;
    assert_string_equal(bench_ask(&bench, 9), "refused_in_a_row");
    bench.question.round = 2; /* the talk goes on */
    assert_string_equal(bench_ask(&bench, 9), "");
    bench.question.round = 1;
    bench.answers[1].answer = BANK_ANSWER_INTERESTED;
    assert_string_equal(bench_ask(&bench, 9), "");
    bench.answers[1].answer = BANK_ANSWER_IGNORED; /* neither yes nor no */
    assert_string_equal(bench_ask(&bench, 9), "");
    bench.answers[1].answer = BANK_ANSWER_NOT_INTERESTED;
    bench.question.now_ms += 29 * LX_MS_PER_DAY;
    assert_string_equal(bench_ask(&bench, 9), "");
    bench_close(&bench);
}

/* --- Against the rules in C ----------------------------------------------------------------- */

static struct bank_product random_product(struct lx_rng *rng)
{
    return (struct bank_product){.category = (enum bank_category)(1 + lx_rng_below(rng, 5)),
                                 .risk = 1 + (int)lx_rng_below(rng, 5),
                                 .minimum_fen = (int64_t)lx_rng_below(rng, 3) * 1000,
                                 .age_min = (int)lx_rng_below(rng, 2) * 18,
                                 .age_max = 60 + (int)lx_rng_below(rng, 3) * 30,
                                 .launched_day = BENCH_DAY - 10 + (int)lx_rng_below(rng, 12),
                                 .status = lx_rng_chance(rng, 0.05) ? BANK_PRODUCT_RETIRED
                                                                    : BANK_PRODUCT_ON_SALE};
}

static void random_answers(struct rule_bench *bench, struct lx_rng *rng)
{
    bench->question.answer_count = (size_t)lx_rng_below(rng, 9);
    for (size_t i = 0; i < bench->question.answer_count; i++)
        bench->answers[i] = (struct overlay_answer){
            .position = i,
            .decision = lx_rng_below(rng, 3),
            .answered_ms = bench->question.now_ms -
                           (int64_t)lx_rng_below(rng, 120) * LX_MS_PER_DAY +
                           (int64_t)lx_rng_below(rng, 3) - 1,
            .product = (int)lx_rng_below(rng, 6),
            .answer = (enum bank_answer)(1 + lx_rng_below(rng, BANK_ANSWER_RETRACTED))};
}

static void random_customer(struct rule_bench *bench, struct lx_rng *rng)
{
    bench_customer(bench);
    bench->facts.age = (int)lx_rng_below(rng, 100) - 5;
    if (bench->facts.age < 0) bench->facts.age = -1;
    bench->facts.risk_level = (int)lx_rng_below(rng, 6);
    bench->facts.is_overdue = lx_rng_chance(rng, 0.2);
    bench->facts.is_do_not_contact = lx_rng_chance(rng, 0.05);
    bench->facts.has_open_complaint = lx_rng_chance(rng, 0.1);
    bench->facts.refused_channels = lx_rng_chance(rng, 0.1) ? 1u << BANK_CHANNEL_RM : 0;
    bench->facts.held[0] = lx_rng_next(rng) & lx_rng_next(rng) & lx_rng_next(rng) & 0x7ffff;
    if (!lx_rng_chance(rng, 0.2)) bench->facts.assets_fen = (int64_t)lx_rng_below(rng, 3000);
    if (!lx_rng_chance(rng, 0.2))
        bench_set_feature(bench, "balance_max_90d", (double)lx_rng_below(rng, 3000));
    bench->question.channel = lx_rng_chance(rng, 0.5) ? BANK_CHANNEL_RM : BANK_CHANNEL_NONE;
    bench->question.as_of_ms += (int64_t)lx_rng_below(rng, 3) * LX_MS_PER_DAY;
    random_answers(bench, rng);
}

static int64_t most_fen(const struct rule_bench *bench)
{
    int64_t last_fen = bench->facts.assets_fen;
    double most =
        (double)bench
            ->values[view_features_find(bench->book.features, VIEW_CUSTOMER, "balance_max_90d")];
    if (!isnan(most) && (last_fen == BANK_NO_AMOUNT || most > (double)last_fen))
        return (int64_t)most;
    return last_fen;
}

/* Every rule by itself, as the program had them compiled in. */
static bool naive(const struct rule_bench *bench, const char *rule, int product)
{
    static const int rest[] = {0, 30, 90, 0, 7, 14, 0, 0};
    const struct rule_question *q = &bench->question;
    const struct bank_product *p = &bench->products[product];
    const struct view_facts *f = &bench->facts;
    int64_t answered_ms = 0, most = most_fen(bench);
    enum bank_answer answer =
        overlay_standing(q->answers, q->answer_count, product, UINT64_MAX, &answered_ms);
    int32_t as_of_day = lx_day_of_ms(q->as_of_ms, LIVING_OFFSET_MINUTES);
    const struct {
        const char *name;
        bool is_refused;
    } rows[] = {
        {"do_not_contact", f->is_do_not_contact},
        {"channel_refused", q->channel != 0 && (f->refused_channels >> q->channel & 1) != 0},
        {"open_complaint", f->has_open_complaint},
        {"already_holds",
         view_holds(f, product) || answer == BANK_ANSWER_OWNS || answer == BANK_ANSWER_BOUGHT},
        {"not_on_sale", p->status != BANK_PRODUCT_ON_SALE},
        {"not_launched", p->launched_day > as_of_day},
        {"risk_above_level", f->risk_level >= 1 && p->risk > f->risk_level},
        {"assessment_missing_or_expired", f->risk_level == 0 && p->risk > 1},
        {"age_out_of_range", f->age >= 0 && (f->age < p->age_min || f->age > p->age_max)},
        {"age_unknown", f->age < 0 && (p->age_min > 0 || p->age_max < 120)},
        {"over_65_high_risk", f->age >= 65 && p->risk >= 4},
        {"overdue_no_credit", f->is_overdue && p->category == BANK_CATEGORY_CREDIT},
        {"minimum_above_assets",
         (p->category == BANK_CATEGORY_SAVINGS || p->category == BANK_CATEGORY_WEALTH) &&
             most != BANK_NO_AMOUNT && most < p->minimum_fen},
        {"answered_recently",
         rest[answer] > 0 && (q->now_ms - answered_ms) < rest[answer] * LX_MS_PER_DAY},
        {"shown_before", q->shown != NULL && (q->shown[0] >> product & 1) != 0},
    };
    for (size_t i = 0; i < LX_COUNT_OF(rows); i++)
        if (strcmp(rows[i].name, rule) == 0) return rows[i].is_refused;
    return false; /* those of the shipped files that speak of text messages and calls */
}

static void check_customer(struct rule_bench *bench, uint64_t seed, size_t *seen)
{
    int16_t refused[BENCH_PRODUCTS];
    struct lx_error err;
    struct rules *rules = bench->book.rules;
    MUST(rules_judge(rules, &bench->question, NULL, refused, &err));
    for (int product = 0; product < BENCH_PRODUCTS; product++) {
        int want = RULE_NONE;
        for (size_t i = 0; i < rules_count(rules) && want == RULE_NONE; i++)
            if (naive(bench, rules_at(rules, i)->name, product)) want = (int)i;
        if (refused[product] != want)
            fail_msg("seed %lu, product %d: rule %d, not %d", (unsigned long)seed, product,
                     refused[product], want);
        seen[want + 1]++;
    }
}

static void test_the_first_rule_of_the_order_answers(void **state)
{
    size_t seen[RULES_MAX + 1] = {0};
    struct rule_bench bench;
    for (uint64_t seed = 1; seed <= 60; seed++) {
        struct lx_rng rng = lx_rng_of(seed, 8);
        bench_open(&bench, random_product, &rng);
        for (int i = 0; i < 200; i++) {
            uint64_t shown[(LX_PRODUCT_MAX + 63) / 64] = {lx_rng_next(&rng) & lx_rng_next(&rng)};
            random_customer(&bench, &rng);
            bench.question.shown = lx_rng_chance(&rng, 0.5) ? shown : NULL;
            bench.question.round = bench.question.shown != NULL ? 2 : 1;
            check_customer(&bench, seed, seen);
        }
        if (seed < 60) bench_close(&bench);
    }
    for (size_t i = 0; i < rules_count(bench.book.rules); i++) {
        const struct rule *rule = rules_at(bench.book.rules, i);
        if (strstr(rule->expression, "'sms'") != NULL || rule->stage == 1) continue;
        if (seen[i + 1] == 0) fail_msg("%s was never the answer", rule->name);
    }
    assert_true(seen[0] > 1000);
    bench_close(&bench);
}

/* Precomputing what a condition says of the product or of the customer alone changes nothing. */
static void test_a_rule_by_itself_is_asked_the_same(void **state)
{
    for (uint64_t seed = 100; seed <= 110; seed++) {
        struct lx_rng rng = lx_rng_of(seed, 9);
        struct rule_bench bench;
        bench_open(&bench, random_product, &rng);
        for (int i = 0; i < 20; i++) {
            random_customer(&bench, &rng);
            int product = (int)lx_rng_below(&rng, BENCH_PRODUCTS);
            for (size_t k = 0; k < rules_count(bench.book.rules); k++) {
                const char *name = rules_at(bench.book.rules, k)->name;
                struct lx_error err;
                bool is_refused;
                MUST(rules_ask(bench.book.rules, k, &bench.question, product, &is_refused, &err));
                if (is_refused != naive(&bench, name, product))
                    fail_msg("seed %lu: %s", (unsigned long)seed, name);
            }
        }
        bench_close(&bench);
    }
}

static void test_what_is_not_known_refuses_where_the_rule_says_so(void **state)
{
    static const char *const unknown[] = {"", "if_unknown = allow\n", "if_unknown = refuse\n"};
    for (int i = 0; i < 3; i++) {
        char text[256];
        struct lx_error err;
        struct rule_bench bench;
        int length = snprintf(text, sizeof text,
                              "[few_assets]\nstage = suitability\nrefuse_if = assets < 1万 and "
                              "product.risk >= 1\n%szh = 少\nen = few\n",
                              unknown[i]);
        const struct rules_file own = {"own.ini", text, (size_t)length};
        bench_open(&bench, NULL, NULL);
        rules_close(bench.book.rules);
        bench.book.rules = NULL;
        MUST(bench_parse(&bench, &own, &bench.book.rules, &err));
        assert_string_equal(bench_ask(&bench, 1), i == 2 ? "few_assets" : "");
        bench.facts.assets_fen = 100;
        assert_string_equal(bench_ask(&bench, 1), "few_assets");
        bench.facts.assets_fen = 100000000;
        assert_string_equal(bench_ask(&bench, 1), "");
        bench.facts.assets_fen = BANK_NO_AMOUNT;
        bench.products[1].risk = 0; /* false is certain, whatever the assets */
        bench.question.as_of_ms++;
        assert_string_equal(bench_ask(&bench, 1), "");
        bench_close(&bench);
    }
}

static void test_a_condition_past_all_numbers_stops_the_decision(void **state)
{
    static const char text[] = "[huge]\nstage = suitability\nrefuse_if = assets * 1000000 > 1\n"
                               "zh = 大\nen = huge\n";
    const struct rules_file own = {"own.ini", text, sizeof text - 1};
    int16_t refused[BENCH_PRODUCTS];
    struct lx_error err;
    struct rule_bench bench;
    bench_open(&bench, NULL, NULL);
    rules_close(bench.book.rules);
    bench.book.rules = NULL;
    MUST(bench_parse(&bench, &own, &bench.book.rules, &err));
    bench.facts.assets_fen = INT64_MAX / 2;
    MUST_FAIL(rules_judge(bench.book.rules, &bench.question, NULL, refused, &err), LX_ERR_OVERFLOW);
    assert_non_null(strstr(err.text, "rule huge"));
    bench_close(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_rule_refuses_its_case),
        cmocka_unit_test(test_an_answer_rests_for_its_days),
        cmocka_unit_test(test_an_answer_that_he_has_it_counts_as_holding),
        cmocka_unit_test(test_who_may_not_be_spoken_to_is_offered_nothing),
        cmocka_unit_test(test_a_product_on_the_stop_list_goes_first),
        cmocka_unit_test(test_quiet_hours_are_the_bank_s_own),
        cmocka_unit_test(test_too_many_offers_in_a_rolling_window_are_refused),
        cmocka_unit_test(test_refusals_in_a_row_bring_a_rest),
        cmocka_unit_test(test_the_first_rule_of_the_order_answers),
        cmocka_unit_test(test_a_rule_by_itself_is_asked_the_same),
        cmocka_unit_test(test_what_is_not_known_refuses_where_the_rule_says_so),
        cmocka_unit_test(test_a_condition_past_all_numbers_stops_the_decision),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
