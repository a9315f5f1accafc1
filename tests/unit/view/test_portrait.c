/*
 * Goal:   labels say what is so and nothing that is not known; holdings are those left open; names
 *         are masked.
 * Method: tables of short lives; of random ones, what was said of them before labels were data;
 *         labels of random histories against facts and features; memory refused at every
 *         allocation; a bank on disk.
 */
#include "feature_check.h"
#include "random_bank.h"
#include "view/portrait.h"

static struct bank_product products[HISTORY_PRODUCTS];
static struct bank_catalogue catalogue;
static struct view_context context;
static struct view_labels *labels;

static int prepare(void **state)
{
    history_catalogue(products, &catalogue);
    context =
        (struct view_context){&catalogue, NULL, HISTORY_UTC_OFFSET, open_features(&catalogue)};
    struct lx_error err;
    MUST(view_labels_open_shipped(features, &catalogue, &labels, &err));
    return 0;
}

static int finish(void **state)
{
    view_labels_close(labels);
    return 0;
}

#define DAYS_AGO(days) (HISTORY_NOW_MS - (days)*LX_MS_PER_DAY)

static const struct portrait_label *label_of(const struct portrait *portrait, const char *name)
{
    for (size_t i = 0; i < portrait->label_count; i++)
        if (strcmp(portrait->labels[i].name, name) == 0) return &portrait->labels[i];
    return NULL;
}

static const char *value_of(const struct portrait *portrait, const char *name)
{
    const struct portrait_label *label = label_of(portrait, name);
    return label == NULL ? "" : label->value;
}

static void test_names_are_masked(void **state)
{
    static const struct {
        const char *name, *masked;
    } rows[] = {
        {"王小明", "王**"}, {"王明", "王**"}, {"李", "李**"},     {"Anna", "A**"},
        {"", ""},           {NULL, ""},       {"\xff\xfe", "**"},
    };
    for (size_t i = 0; i < LX_COUNT_OF(rows); i++) {
        char masked[PORTRAIT_MASKED_SIZE];
        portrait_mask_name(rows[i].name, masked);
        assert_string_equal(masked, rows[i].masked);
    }
}

static void test_nothing_known_makes_few_labels(void **state)
{
    struct bank_history history = {.id = "nobody"};
    struct portrait portrait;
    struct lx_error err;
    MUST(portrait_make(&history, &context, labels, HISTORY_NOW_MS, NULL, &portrait, &err));
    assert_string_equal(portrait.id, "nobody");
    assert_string_equal(portrait.masked_name, "");
    assert_int_equal(portrait.holding_count, 0);
    assert_null(label_of(&portrait, "age_band"));
    assert_null(label_of(&portrait, "assets_band"));
    assert_string_equal(value_of(&portrait, "risk_level"), "none");
    assert_string_equal(value_of(&portrait, "holdings"), "0");
    assert_string_equal(value_of(&portrait, "activity"), "dormant");
    assert_string_equal(value_of(&portrait, "marketing_value"), "low");
    portrait_release(&portrait);
}

static const struct {
    const char *name, *value, *value_zh;
    enum view_layer layer;
} one_life[] = {
    {"age_band", "40-49", "40-49岁", VIEW_LAYER_FACT},
    {"gender", "female", "女", VIEW_LAYER_FACT},
    {"tenure", "3-10", "3-10年", VIEW_LAYER_FACT},
    {"branch", "code 1", "code 1", VIEW_LAYER_FACT},
    {"occupation", "code 2", "code 2", VIEW_LAYER_FACT},
    {"risk_level", "C3", "C3", VIEW_LAYER_FACT},
    {"assets_band", "200k-500k", "20万-50万元", VIEW_LAYER_FACT},
    {"receives_salary", "yes", "是", VIEW_LAYER_FACT},
    {"holdings", "2", "2种", VIEW_LAYER_FACT},
    {"activity", "low", "低", VIEW_LAYER_VALUE},
    {"marketing_value", "medium", "中", VIEW_LAYER_VALUE}, /* 3 + 1 + 1 points */
    {"preferred_channel", "mobile", "手机银行", VIEW_LAYER_VALUE},
    {"deposit_matured", "yes", "是", VIEW_LAYER_VALUE},
    {"salary_arrived", "yes", "是", VIEW_LAYER_VALUE},
    {"viewed_not_held", "P08", "P08", VIEW_LAYER_VALUE}, /* P03 is held */
};

static void test_one_life_is_told_in_labels(void **state)
{
    const struct bank_profile profile = {
        .at_ms = DAYS_AGO(900),
        .known_at_ms = DAYS_AGO(900),
        .birth_day = 5479, /* 1985-01-01 */
        .joined_day = 18000,
        .gender = BANK_GENDER_FEMALE,
        .branch = 1,
        .occupation = 2,
        .education = -1,
        .marital = -1,
    };
    const struct bank_risk risk = {DAYS_AGO(30), DAYS_AGO(29), HISTORY_NOW_MS + LX_MS_PER_DAY, 3};
    const struct bank_event events[] = {
        {DAYS_AGO(400), DAYS_AGO(399), BANK_NO_AMOUNT, BANK_NO_AMOUNT, 0, 0, 5,
         BANK_EVENT_KIND_OPEN, BANK_CHANNEL_COUNTER, 0},
        {DAYS_AGO(300), DAYS_AGO(299), BANK_NO_AMOUNT, BANK_NO_AMOUNT, 0, 0, 2,
         BANK_EVENT_KIND_OPEN, BANK_CHANNEL_MOBILE, 0},
        {DAYS_AGO(20), DAYS_AGO(19), 30000000, 31000000, 0, 0, 1, BANK_EVENT_KIND_DEPOSIT_MATURED,
         BANK_CHANNEL_SYSTEM, 0},
        {DAYS_AGO(10), DAYS_AGO(10), BANK_NO_AMOUNT, BANK_NO_AMOUNT, 0, 30, 7,
         BANK_EVENT_KIND_PAGE_VIEW, BANK_CHANNEL_MOBILE, 0},
        {DAYS_AGO(9), DAYS_AGO(9), BANK_NO_AMOUNT, BANK_NO_AMOUNT, 0, 30, 2,
         BANK_EVENT_KIND_PAGE_VIEW, BANK_CHANNEL_MOBILE, 0},
        {DAYS_AGO(2), DAYS_AGO(1), 900000, 31900000, 0, 0, -1, BANK_EVENT_KIND_SALARY,
         BANK_CHANNEL_SYSTEM, 0},
    };
    struct bank_history history = {
        .id = "c-1",
        .profiles = &profile,
        .profile_count = 1,
        .risks = &risk,
        .risk_count = 1,
        .events = events,
        .event_count = LX_COUNT_OF(events),
    };
    struct portrait portrait;
    struct lx_error err;
    MUST(portrait_make(&history, &context, labels, HISTORY_NOW_MS, "王小明", &portrait, &err));
    assert_string_equal(portrait.masked_name, "王**");
    for (size_t i = 0; i < LX_COUNT_OF(one_life); i++) {
        const struct portrait_label *label = label_of(&portrait, one_life[i].name);
        if (label == NULL) fail_msg("no label %s", one_life[i].name);
        if (strcmp(label->value, one_life[i].value) != 0 ||
            strcmp(label->value_zh, one_life[i].value_zh) != 0 || label->layer != one_life[i].layer)
            fail_msg("%s: %s (%s)", one_life[i].name, label->value, label->value_zh);
    }
    assert_int_equal(portrait.label_count, LX_COUNT_OF(one_life));
    assert_int_equal(portrait.holding_count, 2);
    assert_string_equal(portrait.holdings[0].code, "P06");
    assert_int_equal(portrait.holdings[0].opened_at_ms, DAYS_AGO(400));
    assert_string_equal(portrait.holdings[1].code, "P03");
    portrait_release(&portrait);
}

/* What the labels of the first version, which were compiled, said of random lives. */
static const char *const lives[] = {
    "age_band=under-18 gender=female risk_level=expired overdue=yes "
    "assets_band=under-10k receives_salary=yes holdings=1 activity=medium "
    "marketing_value=medium preferred_channel=mobile deposit_matured=yes "
    "large_inflow=yes",
    "gender=female tenure=3-10 risk_level=C5 overdue=yes assets_band=under-10k "
    "receives_salary=yes holdings=4 activity=high marketing_value=medium "
    "preferred_channel=counter deposit_matured=yes viewed_not_held=P01",
    "age_band=40-49 gender=female tenure=10-up risk_level=C2 overdue=yes "
    "assets_band=under-10k receives_salary=yes holdings=3 activity=high "
    "marketing_value=medium preferred_channel=counter deposit_matured=yes "
    "large_inflow=yes card_replaced=yes",
    "age_band=30-39 gender=male risk_level=C5 overdue=yes no_personalisation=yes "
    "assets_band=10k-50k holdings=0 activity=medium marketing_value=medium "
    "preferred_channel=mobile viewed_not_held=P08",
    "age_band=under-18 gender=female tenure=10-up risk_level=expired overdue=yes "
    "assets_band=under-10k holdings=0 activity=low marketing_value=low "
    "preferred_channel=mobile deposit_matured=yes",
    "age_band=60-69 gender=female tenure=10-up risk_level=C4 overdue=yes "
    "assets_band=under-10k receives_salary=yes holdings=2 activity=high "
    "marketing_value=medium preferred_channel=counter deposit_matured=yes "
    "salary_arrived=yes",
    "age_band=60-69 gender=female tenure=10-up risk_level=C5 overdue=yes "
    "assets_band=under-10k receives_salary=yes holdings=3 activity=high "
    "marketing_value=medium preferred_channel=counter deposit_matured=yes "
    "card_replaced=yes",
    "risk_level=C4 overdue=yes open_complaint=yes assets_band=under-10k "
    "receives_salary=yes holdings=2 activity=high marketing_value=medium "
    "preferred_channel=atm card_replaced=yes viewed_not_held=P09",
    "age_band=18-29 tenure=10-up risk_level=C1 overdue=yes assets_band=under-10k "
    "holdings=0 activity=low marketing_value=low",
    "age_band=30-39 tenure=10-up risk_level=C5 overdue=yes assets_band=under-10k "
    "holdings=5 activity=high marketing_value=medium preferred_channel=mobile "
    "deposit_matured=yes card_replaced=yes",
    "age_band=30-39 gender=female tenure=10-up risk_level=expired overdue=yes "
    "open_complaint=yes assets_band=under-10k receives_salary=yes holdings=3 "
    "activity=high marketing_value=medium preferred_channel=counter "
    "salary_arrived=yes card_replaced=yes",
    "age_band=60-69 gender=female risk_level=C3 overdue=yes open_complaint=yes "
    "assets_band=under-10k receives_salary=yes holdings=1 activity=high "
    "marketing_value=medium preferred_channel=atm large_inflow=yes card_replaced=yes",
    "age_band=18-29 gender=female tenure=10-up risk_level=expired overdue=yes "
    "assets_band=under-10k holdings=2 activity=low marketing_value=medium "
    "preferred_channel=counter",
    "age_band=40-49 gender=female tenure=10-up risk_level=none assets_band=under-10k "
    "receives_salary=yes holdings=1 activity=medium marketing_value=low "
    "preferred_channel=atm deposit_matured=yes",
    "risk_level=C1 overdue=yes assets_band=under-10k receives_salary=yes holdings=4 "
    "activity=high marketing_value=medium preferred_channel=web deposit_matured=yes "
    "viewed_not_held=P03",
    "age_band=18-29 gender=male tenure=10-up risk_level=C3 overdue=yes "
    "assets_band=under-10k receives_salary=yes holdings=1 activity=low "
    "marketing_value=low preferred_channel=web",
};

/* Later ones, and those that stand on the lists of the bank. */
static bool is_told(const char *name)
{
    static const char *const others[] = {"branch",  "occupation",      "education",
                                         "marital", "deposit_matures", "dormant"};
    for (size_t i = 0; i < LX_COUNT_OF(others); i++)
        if (strcmp(name, others[i]) == 0) return false;
    return true;
}

static void test_lives_are_told_as_ever(void **state)
{
    for (size_t i = 0; i < LX_COUNT_OF(lives); i++) {
        struct random_history random;
        struct portrait portrait;
        struct lx_error err;
        char told[2048] = "";
        size_t length = 0;
        random_history(1985, i, &random);
        MUST(portrait_make(&random.history, &context, labels, HISTORY_NOW_MS, NULL, &portrait,
                           &err));
        for (size_t k = 0; k < portrait.label_count; k++)
            if (is_told(portrait.labels[k].name))
                length += (size_t)snprintf(told + length, sizeof told - length, "%s%s=%s",
                                           length == 0 ? "" : " ", portrait.labels[k].name,
                                           portrait.labels[k].value);
        if (strcmp(told, lives[i]) != 0) fail_msg("life %zu:\n%s\nexpected\n%s", i, told, lives[i]);
        portrait_release(&portrait);
    }
}

/* First in, first out: what is left of several is the younger. */
static void test_a_holding_is_as_old_as_its_oldest_open_one(void **state)
{
    static const struct {
        uint8_t kinds[5];
        size_t count;
        int opened_days_ago, left; /* event i happened 100 - i days ago */
    } rows[] = {
        {{14}, 1, 100, 1},
        {{14, 14}, 2, 100, 2},
        {{14, 14, 15}, 3, 99, 1},
        {{15, 14, 14}, 3, 99, 2}, /* the close is of one from before the records */
        {{14, 15, 14}, 3, 98, 1},
        {{14, 14, 15, 14, 15}, 5, 97, 1},
    };
    for (size_t i = 0; i < LX_COUNT_OF(rows); i++) {
        struct bank_event events[5];
        struct portrait portrait;
        struct lx_error err;
        for (size_t k = 0; k < rows[i].count; k++)
            events[k] = (struct bank_event){.at_ms = DAYS_AGO(100 - (int)k),
                                            .known_at_ms = DAYS_AGO(100 - (int)k),
                                            .kind = rows[i].kinds[k],
                                            .product = 3,
                                            .amount_fen = BANK_NO_AMOUNT,
                                            .balance_fen = BANK_NO_AMOUNT};
        struct bank_history history = {.id = "x", .events = events, .event_count = rows[i].count};
        MUST(portrait_make(&history, &context, labels, HISTORY_NOW_MS, NULL, &portrait, &err));
        assert_int_equal(portrait.holding_count, 1);
        if (portrait.holdings[0].opened_at_ms != DAYS_AGO(rows[i].opened_days_ago) ||
            portrait.holdings[0].count != rows[i].left)
            fail_msg("row %zu", i);
        portrait_release(&portrait);
    }
}

static void test_labels_of_random_lives_agree_with_their_facts(void **state)
{
    for (uint64_t seed = 0; seed < 500; seed++) {
        struct random_history random;
        struct portrait portrait;
        struct view_facts facts;
        struct lx_error err;
        random_history(41, seed, &random);
        view_facts(&random.history, &context, HISTORY_NOW_MS, &facts);
        MUST(portrait_make(&random.history, &context, labels, HISTORY_NOW_MS, NULL, &portrait,
                           &err));
        size_t held = 0;
        for (int product = 0; product < HISTORY_PRODUCTS; product++)
            held += view_holds(&facts, product);
        assert_int_equal(portrait.holding_count, held);
        assert_int_equal(atoi(value_of(&portrait, "holdings")), held);
        for (size_t i = 0; i < portrait.holding_count; i++) {
            assert_true(view_holds(&facts, portrait.holdings[i].product));
            assert_true(i == 0 ||
                        portrait.holdings[i].opened_at_ms >= portrait.holdings[i - 1].opened_at_ms);
            assert_true(portrait.holdings[i].opened_at_ms <= HISTORY_NOW_MS);
        }
        assert_int_equal(label_of(&portrait, "overdue") != NULL, facts.is_overdue);
        assert_int_equal(label_of(&portrait, "do_not_contact") != NULL, facts.is_do_not_contact);
        assert_int_equal(label_of(&portrait, "no_personalisation") == NULL,
                         facts.has_personal_consent);
        assert_int_equal(label_of(&portrait, "age_band") != NULL, facts.age >= 0);
        for (size_t i = 0; i < portrait.label_count; i++) {
            const struct portrait_label *label = &portrait.labels[i];
            assert_true(i == 0 || label->layer >= portrait.labels[i - 1].layer);
            assert_true(strlen(label->value) > 0 && strlen(label->value_zh) > 0 &&
                        strlen(label->value_en) > 0 && strlen(label->zh) > 0);
        }
        portrait_release(&portrait);
    }
}

static void test_predictions_go_between_facts_and_value(void **state)
{
    struct bank_history history = {.id = "nobody"};
    struct portrait portrait;
    struct lx_error err;
    char name[16] = "next_wealth", value[16] = "P07";
    MUST(portrait_make(&history, &context, labels, HISTORY_NOW_MS, NULL, &portrait, &err));
    struct portrait_label label = {VIEW_LAYER_PREDICTION,
                                   name,
                                   "可能需要的理财",
                                   "likely wealth",
                                   value,
                                   "稳健理财",
                                   "steady fund",
                                   0.125,
                                   0.1,
                                   0.05,
                                   0.2};
    size_t count = portrait.label_count;
    MUST(portrait_add(&portrait, &label, &err));
    memset(name, 'x', 5); /* it was copied */
    memset(value, 'x', 3);
    assert_int_equal(portrait.label_count, count + 1);
    assert_string_equal(value_of(&portrait, "next_wealth"), "P07");
    for (size_t i = 1; i < portrait.label_count; i++)
        assert_true(portrait.labels[i].layer >= portrait.labels[i - 1].layer);
    for (; portrait.label_count < PORTRAIT_LABELS_MAX;) MUST(portrait_add(&portrait, &label, &err));
    assert_int_equal(portrait_add(&portrait, &label, &err), LX_ERR_LIMIT);
    portrait_release(&portrait);
}

static void test_refused_memory_is_an_error(void **state)
{
    struct random_history random;
    uint64_t allocation = 1;
    random_history(41, 3, &random);
    for (;; allocation++) {
        struct portrait portrait;
        struct lx_error err;
        lx_alloc_fail_at(allocation);
        enum lx_err code =
            portrait_make(&random.history, &context, labels, HISTORY_NOW_MS, NULL, &portrait, &err);
        lx_alloc_fail_at(0);
        if (code == LX_OK) {
            portrait_release(&portrait);
            break;
        }
        assert_int_equal(code, LX_ERR_NO_MEMORY);
    }
    assert_true(allocation > 2);
}

static void test_a_customer_of_a_bank_has_his_branch(void **state)
{
    char scratch[LX_PATH_MAX], folder[LX_PATH_MAX];
    struct lx_error err;
    struct bank *bank = NULL;
    struct view_features *own = NULL;
    struct view_labels *own_labels = NULL;
    struct portrait portrait;
    size_t branches = 0;
    scratch_make(scratch);
    MUST(host_join(folder, scratch, "bank", &err));
    random_bank_create(folder);
    random_bank_load(folder, 51, 0, 40);
    MUST(bank_open(folder, STORE_READ, &bank, &err));
    MUST(view_features_open(bank, &own, &err));
    MUST(view_labels_open(folder, own, bank_catalogue(bank), &own_labels, &err));
    for (int64_t customer = 0; customer < 40; customer++) {
        MUST(portrait_read(bank, customer, own_labels, NULL, HISTORY_NOW_MS, &portrait, &err));
        branches += strncmp(value_of(&portrait, "branch"), "B0", 2) == 0;
        assert_true(strlen(portrait.id) > 8);
        portrait_release(&portrait);
    }
    assert_true(branches > 10);
    assert_int_equal(portrait_read(bank, 40, own_labels, NULL, HISTORY_NOW_MS, &portrait, &err),
                     LX_ERR_NOT_FOUND);
    view_labels_close(own_labels);
    view_features_close(own);
    bank_close(bank);
    scratch_remove(scratch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_are_masked),
        cmocka_unit_test(test_nothing_known_makes_few_labels),
        cmocka_unit_test(test_one_life_is_told_in_labels),
        cmocka_unit_test(test_lives_are_told_as_ever),
        cmocka_unit_test(test_a_holding_is_as_old_as_its_oldest_open_one),
        cmocka_unit_test(test_labels_of_random_lives_agree_with_their_facts),
        cmocka_unit_test(test_predictions_go_between_facts_and_value),
        cmocka_unit_test(test_refused_memory_is_an_error),
        cmocka_unit_test(test_a_customer_of_a_bank_has_his_branch),
    };
    return cmocka_run_group_tests(tests, prepare, finish);
}
