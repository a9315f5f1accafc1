/*
 * Goal:   every field, function and relation of the schema can be written in English and in Chinese
 *         and gives the value of the customer, the product or the row that is read.
 * Method: a customer, a product and rows of the past of whom everything is known, and of whom
 *         nothing is; a table of expressions with the values that a person expects; every name of
 *         the schema must stand in the table.
 */
#include "tests/scratch.h"
#include "random_history.h"
#include "view/peers_table.h"
#include "view/schema.h"

enum { HELD = 1, ASKED = 3 };

static struct bank_product products[HISTORY_PRODUCTS];
static struct bank_catalogue catalogue;
static struct view_schema *schema;
static struct view_peers *peers;
static struct view_context context;
static struct view_facts facts;
static const float customer_values[] = {40, 250000, 7, NAN};
static const float pair_values[] = {2};

static const struct bank_profile profile = {
    .birth_day = 6000,
    .joined_day = 15000,
    .gender = BANK_GENDER_MALE,
    .has_phone = 1,
    .branch = 2,
    .occupation = 1,
    .education = 3,
    .marital = 0,
    .income_fen = 812345,
};

static const struct bank_event event = {
    .at_ms = HISTORY_NOW_MS - 3 * LX_MS_PER_DAY,
    .amount_fen = -12345,
    .balance_fen = 678900,
    .quantity = 17,
    .product = ASKED,
    .kind = BANK_EVENT_KIND_CARD_PAYMENT,
    .channel = BANK_CHANNEL_POS,
    .merchant = BANK_MERCHANT_DINING,
};
static const struct bank_event bare_event = {.at_ms = HISTORY_NOW_MS,
                                             .amount_fen = BANK_NO_AMOUNT,
                                             .balance_fen = BANK_NO_AMOUNT,
                                             .product = BANK_NO_PRODUCT};
static const struct bank_exposure offer = {
    .at_ms = HISTORY_NOW_MS - 5 * LX_MS_PER_DAY,
    .answer_known_at_ms = HISTORY_NOW_MS - 2 * LX_MS_PER_DAY,
    .campaign = 0,
    .product = ASKED,
    .channel = BANK_CHANNEL_SMS,
    .answer = BANK_ANSWER_BOUGHT,
    .is_random = 1,
};
static const struct bank_exposure bare_offer = {.at_ms = HISTORY_NOW_MS,
                                                .answer_known_at_ms = HISTORY_NOW_MS + 1,
                                                .answer = BANK_ANSWER_BOUGHT,
                                                .campaign = -1,
                                                .product = BANK_NO_PRODUCT};
static const struct view_holding holding = {ASKED, 15000, 2};
static const struct view_holding bare_holding = {ASKED, INT32_MIN, 1};

static void open_schema(void)
{
    static const char *const codes[] = {"A", "B", "C", "D"};
    static const char *const campaigns[] = {"spring"};
    static const size_t cohort[] = {0, 1, 2};
    struct view_code_lists lists = {0};
    struct lx_error err;
    for (int i = BANK_LIST_BRANCH; i <= BANK_LIST_MARITAL; i++) {
        lists.texts[i] = codes;
        lists.counts[i] = LX_COUNT_OF(codes);
    }
    lists.texts[BANK_LIST_CAMPAIGN] = campaigns;
    lists.counts[BANK_LIST_CAMPAIGN] = 1;
    MUST(view_schema_open(&catalogue, &lists, &schema, &err));
    MUST(view_schema_add(schema, VIEW_CUSTOMER, "years", "岁数", EXPR_INTEGER, NULL, &err));
    MUST(view_schema_add(schema, VIEW_CUSTOMER, "money", "钱", EXPR_MONEY, NULL, &err));
    MUST(view_schema_add(schema, VIEW_CUSTOMER, "acts", "活动数", EXPR_INTEGER, NULL, &err));
    MUST(view_schema_add(schema, VIEW_CUSTOMER, "unknown", NULL, EXPR_REAL, NULL, &err));
    view_schema_seal(schema);
    MUST(view_schema_add(schema, VIEW_PAIR, "views", "浏览数", EXPR_INTEGER, NULL, &err));
    view_schema_set_cohort(schema, cohort);
}

static int prepare(void **state)
{
    struct lx_error err;
    history_catalogue(products, &catalogue);
    for (int i = 0; i < HISTORY_PRODUCTS; i++) {
        static char names[HISTORY_PRODUCTS][16];
        snprintf(names[i], sizeof names[i], "产品%d", i + 1);
        products[i].zh = names[i];
    }
    products[ASKED] = (struct bank_product){.code = "P04",
                                            .zh = products[ASKED].zh,
                                            .category = BANK_CATEGORY_WEALTH,
                                            .risk = 3,
                                            .minimum_fen = 1000000,
                                            .rate_ppm = 32500,
                                            .term_days = 180,
                                            .age_min = 18,
                                            .age_max = 65,
                                            .launched_day = 18000,
                                            .is_green = true,
                                            .status = BANK_PRODUCT_ON_SALE};
    facts = (struct view_facts){.age = 40,
                                .risk_level = 3,
                                .is_overdue = true,
                                .has_personal_consent = true,
                                .assets_fen = 5000000,
                                .refused_channels = 1U << BANK_CHANNEL_SMS,
                                .risk_expires_ms = HISTORY_NOW_MS + 30 * LX_MS_PER_DAY,
                                .birth_day = 6000,
                                .branch = 2,
                                .occupation = 1};
    facts.held[0] = 1U << HELD;
    MUST(view_peers_new(HISTORY_NOW_MS, HISTORY_PRODUCTS, HISTORY_BRANCHES, HISTORY_OCCUPATIONS,
                        &peers, &err));
    struct view_peer peer = {.age = 40,
                             .balance = 250000,
                             .acts_90d = 7,
                             .branch = 2,
                             .occupation = 1,
                             .is_beyond_savings = true};
    peer.held[0] = 1U << HELD | 1U << ASKED;
    peer.opened_30d[0] = peer.opened_365d[0] = 1U << ASKED;
    view_peers_add(peers, &peer);
    view_peers_finish(peers);
    context = (struct view_context){&catalogue, peers, HISTORY_UTC_OFFSET};
    open_schema();
    return 0;
}

static int release(void **state)
{
    view_schema_close(schema);
    view_peers_close(peers);
    return 0;
}

/* In English and Chinese; what it gives where everything is known, and where nothing is. */
struct row {
    const char *en, *zh;
    double value, unknown;
};

static const int today = 20543; /* 2026-03-31 */

static const struct row rows[] = {
    {"birth_date", "出生日期", 6000, NAN},
    {"gender = 'male'", "性别 = '男'", 1, NAN},
    {"joined", "开户日期", 15000, NAN},
    {"branch = 'C'", "网点 = 'C'", 1, NAN},
    {"occupation = 'B'", "职业 = 'B'", 1, NAN},
    {"education", "学历", 3, NAN},
    {"marital = 'A'", "婚姻状况 = 'A'", 1, NAN},
    {"income", "月收入", 812345, NAN},
    {"has_phone", "有手机号", 1, NAN},
    {"risk_level", "风险等级", 3, NAN},
    {"risk_expires - today()", "测评到期日 - 今天()", 30, NAN},
    {"assets", "资产", 5000000, NAN},
    {"is_overdue", "逾期", 1, 0},
    {"has_personal_consent", "同意个性化", 1, 0},
    {"is_do_not_contact", "拒绝联系", 0, 0},
    {"has_open_complaint", "有未结投诉", 0, 0},
    {"count(refused_channels)", "次数(拒绝的渠道)", 1, 0},
    {"'sms' in refused_channels", "'短信' 属于 拒绝的渠道", 1, 0},
    {"count(held)", "次数(持有产品)", 1, 0},
    {"'P02' in held", "'产品2' 属于 持有产品", 1, 0},
    {"years", "岁数", 40, NAN},
    {"money", "钱", 250000, NAN},
    {"acts", "活动数", 7, NAN},
    {"unknown", "unknown", NAN, NAN},
    {"product = 'P04'", "产品 = '产品4'", 1, 1},
    {"product.category = 'wealth'", "产品类别 = '理财'", 1, 1},
    {"product.risk", "产品风险", 3, 3},
    {"product.minimum", "起购金额", 1000000, 1000000},
    {"product.rate", "产品利率", 0.0325, 0.0325},
    {"product.term_days", "产品期限", 180, 180},
    {"product.age_min", "最低年龄", 18, 18},
    {"product.age_max", "最高年龄", 65, 65},
    {"product.launched", "上市日期", 18000, 18000},
    {"product.is_green", "绿色产品", 1, 1},
    {"product.is_on_sale", "在售", 1, 1},
    {"views", "浏览数", 2, NAN},
    {"age()", "年龄", 40, NAN},
    {"holds('credit')", "持有('信贷')", 1, 0},
    {"holds('savings', 'payment')", "持有('储蓄', '支付')", 0, 0},
    {"holds_product('P02', 'P01')", "持有该产品('产品2', '产品1')", 1, 0},
    {"holds_product(product)", "持有该产品(产品)", 0, 0},
    {"held_count('credit', 'wealth')", "持有数('信贷', '理财')", 1, 0},
    {"held_count(product.category)", "持有数(产品类别)", 0, 0},
    {"risk_allows(product)", "风险匹配(产品)", 1, 0},
    {"peer('cohort_holders')", "同类('同类客户持有率')", 1, NAN},
    {"peer('cohort_openings')", "同类('同类客户开通数')", 1, NAN},
    {"peer('branch_holders')", "同类('同网点客户持有率')", 1, NAN},
    {"peer('branch_customers')", "同类('同网点客户数')", 1, NAN},
    {"product_peer('cohort_holding')", "产品同类('同类客户持有比例')", 1, NAN},
    {"product_peer('cohort_opening')", "产品同类('同类客户近30天开通比例')", 1, NAN},
    {"product_peer('cohort_opening_365d')", "产品同类('同类客户近一年开通比例')", 1, NAN},
    {"product_peer('branch_holding')", "产品同类('同网点持有比例')", 1, NAN},
    {"product_peer('branch_opening')", "产品同类('同网点近30天开通比例')", 1, NAN},
    {"product_peer('occupation_holding')", "产品同类('同职业持有比例')", 1, NAN},
    {"product_peer('bank_holding')", "产品同类('全行持有比例')", 1, NAN},
    {"product_peer('bank_opening')", "产品同类('全行近30天开通比例')", 1, NAN},
    {"product_peer('bank_opening_365d')", "产品同类('全行近一年开通比例')", 1, NAN},
    {"lift_max()", "最大关联度()", 1, NAN},
    {"lift_log_sum()", "关联度合计()", 0, NAN},
};

/* The argument of a window is read of a row of the past. */
static const struct row past_rows[] = {
    {"today() - max(at)", "今天() - 最大(时间)", today - 3, today},
    {"max(day)", "最大(日期)", today - 3, today},
    {"last(kind)", "最近值(类型)", BANK_EVENT_KIND_CARD_PAYMENT - 1, NAN},
    {"last(channel)", "最近值(渠道)", BANK_CHANNEL_POS - 1, NAN},
    {"last(merchant)", "最近值(商户)", BANK_MERCHANT_DINING - 1, NAN},
    {"last(events.product)", "最近值(事件.产品)", ASKED, NAN},
    {"last(category)", "最近值(类别)", BANK_CATEGORY_WEALTH - 1, NAN},
    {"last(amount)", "最近值(金额)", -12345, NAN},
    {"last(balance)", "最近值(余额)", 678900, NAN},
    {"last(quantity)", "最近值(数量)", 17, 0},
    {"last(offers.at)", "最近值(触达.时间)", today - 5, today},
    {"last(offers.answered)", "最近值(触达.答复日期)", today - 2, NAN},
    {"last(offers.product)", "最近值(触达.产品)", ASKED, NAN},
    {"last(offers.category)", "最近值(触达.类别)", BANK_CATEGORY_WEALTH - 1, NAN},
    {"last(offers.channel)", "最近值(触达.渠道)", BANK_CHANNEL_SMS - 1, NAN},
    {"last(offers.answer)", "最近值(触达.答复)", BANK_ANSWER_BOUGHT - 1, NAN},
    {"last(offers.campaign)", "最近值(触达.活动)", 0, NAN},
    {"last(offers.is_random)", "最近值(触达.随机)", 1, 0},
    {"last(holdings.product)", "最近值(持仓.产品)", ASKED, ASKED},
    {"last(holdings.category)", "最近值(持仓.类别)", BANK_CATEGORY_WEALTH - 1,
     BANK_CATEGORY_WEALTH - 1},
    {"last(holdings.opened)", "最近值(持仓.开通日期)", 15000, NAN},
    {"last(holdings.matures)", "最近值(持仓.到期日)", 15180, NAN},
    {"last(holdings.quantity)", "最近值(持仓.数量)", 2, 1},
};

static struct expr *compile(const char *text)
{
    struct expr *expr = NULL;
    struct lx_error err;
    enum lx_err code =
        expr_compile(view_schema_scope(schema, VIEW_PAIR), text, strlen(text), &expr, NULL, &err);
    if (code != LX_OK) fail_msg("%s: %s", text, err.text);
    return expr;
}

static void check_value(const char *text, const struct expr_value *value, enum expr_type type,
                        double want)
{
    double got = value->is_null      ? (double)NAN
                 : type == EXPR_REAL ? value->as.real
                                     : (double)value->as.integer;
    bool is_same = isnan(want) ? isnan(got) : fabs(got - want) < 1e-9;
    if (!is_same) fail_msg("%s: got %g, want %g", text, got, want);
}

static void check_text(const char *text, struct view_reading *reading, double want)
{
    struct expr *expr = compile(text);
    struct expr_row row = view_reading_row(reading);
    struct expr_value value;
    struct lx_error err;
    MUST(expr_evaluate(expr, &row, &value, &err));
    check_value(text, &value, expr_result(expr), want);
    expr_free(expr);
}

static struct view_reading full_reading(void)
{
    struct view_reading reading;
    view_reading_begin(schema, &context, &facts, &profile, HISTORY_NOW_MS, customer_values,
                       &reading);
    view_reading_find_peers(&reading);
    view_reading_turn(&reading, ASKED, pair_values);
    return reading;
}

static struct view_reading bare_reading(const struct view_context *without_peers)
{
    static const float none[] = {NAN, NAN, NAN, NAN};
    static const struct view_facts stranger = {.age = -1,
                                               .assets_fen = BANK_NO_AMOUNT,
                                               .risk_expires_ms = BANK_UNKNOWN_MS,
                                               .birth_day = INT32_MIN,
                                               .branch = -1,
                                               .occupation = -1};
    struct view_reading reading;
    view_reading_begin(schema, without_peers, &stranger, NULL, HISTORY_NOW_MS, none, &reading);
    view_reading_find_peers(&reading);
    view_reading_turn(&reading, ASKED, none);
    return reading;
}

static void test_every_field_and_function_reads_in_both_languages(void **state)
{
    struct view_context without_peers = {&catalogue, NULL, HISTORY_UTC_OFFSET};
    struct view_reading full = full_reading(), bare = bare_reading(&without_peers);
    for (size_t i = 0; i < LX_COUNT_OF(rows); i++) {
        check_text(rows[i].en, &full, rows[i].value);
        check_text(rows[i].zh, &full, rows[i].value);
        check_text(rows[i].en, &bare, rows[i].unknown);
    }
}

static void check_past(const struct row *row, struct view_reading *reading, bool is_bare)
{
    struct expr *expr = compile(row->en), *in_chinese = compile(row->zh);
    const struct expr_window *window = expr_window_at(expr, 0);
    const struct expr_window *other = expr_window_at(in_chinese, 0);
    const void *pasts[][2] = {
        {&event, &bare_event}, {&offer, &bare_offer}, {&holding, &bare_holding}};
    struct expr_row of = view_reading_row(reading);
    struct expr_value value;
    struct lx_error err;
    assert_int_equal(window->relation, other->relation);
    assert_int_equal(window->aggregate, other->aggregate);
    reading->row = pasts[window->relation][is_bare];
    double want = is_bare ? row->unknown : row->value;
    MUST(expr_evaluate_node(expr, window->argument, &of, &value, &err));
    check_value(row->en, &value, window->type, want);
    MUST(expr_evaluate_node(in_chinese, other->argument, &of, &value, &err));
    check_value(row->zh, &value, window->type, want);
    expr_free(expr);
    expr_free(in_chinese);
}

static void test_every_field_of_the_past_reads_in_both_languages(void **state)
{
    struct view_reading reading = full_reading();
    for (size_t i = 0; i < LX_COUNT_OF(past_rows); i++) {
        check_past(&past_rows[i], &reading, false);
        check_past(&past_rows[i], &reading, true);
    }
}

static bool has_name(const struct row *table, size_t count, const char *name, bool is_zh)
{
    for (size_t i = 0; i < count; i++)
        if (strstr(is_zh ? table[i].zh : table[i].en, name) != NULL) return true;
    return false;
}

static void test_the_tables_above_leave_no_name_out(void **state)
{
    const struct expr_schema *scope = view_schema_scope(schema, VIEW_PAIR);
    size_t count = LX_COUNT_OF(rows);
    for (size_t i = 0; i < scope->field_count; i++) {
        const struct expr_field *field = &scope->fields[i];
        if (!has_name(rows, count, field->name, false)) fail_msg("%s: no row", field->name);
        if (field->zh != NULL && !has_name(rows, count, field->zh, true))
            fail_msg("%s: no row", field->zh);
    }
    for (size_t i = 0; i < scope->function_count; i++) {
        const struct expr_function *function = &scope->functions[i];
        if (!has_name(rows, count, function->name, false)) fail_msg("%s: no row", function->name);
        if (!has_name(rows, count, function->zh, true)) fail_msg("%s: no row", function->zh);
    }
    for (size_t k = 0; k < scope->relation_count; k++)
        for (size_t i = 0; i < scope->relations[k].field_count; i++)
            if (!has_name(past_rows, LX_COUNT_OF(past_rows), scope->relations[k].fields[i].name,
                          false))
                fail_msg("%s.%s: no row", scope->relations[k].name,
                         scope->relations[k].fields[i].name);
}

static void test_customer_scope_knows_no_product_and_a_misspelled_name_is_told(void **state)
{
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"product.risk > 1", "unknown field `product.risk`"},
        {"views > 1", "unknown field `views`"},
        {"lift_max() > 1", "unknown function `lift_max`"},
        {"assests > 1", "did you mean `assets`?"},
        {"count() where kind = 'logn'", "did you mean 'login'?"},
        {"holds_product('P99')", "'P99'"},
    };
    for (size_t i = 0; i < LX_COUNT_OF(cases); i++) {
        struct expr *expr = NULL;
        struct lx_error err;
        enum lx_err code = expr_compile(view_schema_scope(schema, VIEW_CUSTOMER), cases[i].text,
                                        strlen(cases[i].text), &expr, NULL, &err);
        assert_int_equal(code, LX_ERR_BAD_INPUT);
        if (strstr(err.text, cases[i].message) == NULL)
            fail_msg("%s: \"%s\" does not tell \"%s\"", cases[i].text, err.text, cases[i].message);
    }
}

static void test_kinds_of_fields_are_told_apart(void **state)
{
    static const struct {
        const char *name;
        enum view_field_kind kind;
        size_t place;
    } cases[] = {
        {"assets", VIEW_FIELD_FACT, 0},       {"gender", VIEW_FIELD_PROFILE, 0},
        {"income", VIEW_FIELD_PROFILE, 0},    {"acts", VIEW_FIELD_CUSTOMER_FEATURE, 2},
        {"product.risk", VIEW_FIELD_FACT, 0}, {"views", VIEW_FIELD_PAIR_FEATURE, 0},
    };
    for (size_t i = 0; i < LX_COUNT_OF(cases); i++) {
        struct expr *expr = compile(cases[i].name);
        size_t place = SIZE_MAX;
        assert_int_equal(expr_field_count(expr), 1);
        assert_int_equal(view_schema_field_kind(schema, expr_field_at(expr, 0), &place),
                         cases[i].kind);
        assert_int_equal(place, cases[i].place);
        expr_free(expr);
    }
}

static void test_a_value_survives_what_a_snapshot_keeps_of_it(void **state)
{
    static const struct {
        enum expr_type type;
        int64_t integer;
        double real;
    } cases[] = {
        {EXPR_BOOLEAN, 1, 0},  {EXPR_INTEGER, -7, 0}, {EXPR_MONEY, 1234567, 0},
        {EXPR_DATE, 20543, 0}, {EXPR_ENUM, 21, 0},    {EXPR_REAL, 0, 0.15625},
    };
    for (size_t i = 0; i < LX_COUNT_OF(cases); i++) {
        struct expr_value value = {.is_null = false};
        if (cases[i].type == EXPR_REAL)
            value.as.real = cases[i].real;
        else
            value.as.integer = cases[i].integer;
        struct expr_value back =
            view_value_of_float(view_value_to_float(&value, cases[i].type), cases[i].type);
        assert_false(back.is_null);
        assert_int_equal(back.as.integer, value.as.integer);
    }
    struct expr_value null = {.is_null = true};
    assert_true(isnan(view_value_to_float(&null, EXPR_MONEY)));
    assert_true(view_value_of_float(NAN, EXPR_MONEY).is_null);
    assert_true(view_value_of_float(1e30F, EXPR_MONEY).is_null);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_field_and_function_reads_in_both_languages),
        cmocka_unit_test(test_every_field_of_the_past_reads_in_both_languages),
        cmocka_unit_test(test_the_tables_above_leave_no_name_out),
        cmocka_unit_test(test_customer_scope_knows_no_product_and_a_misspelled_name_is_told),
        cmocka_unit_test(test_kinds_of_fields_are_told_apart),
        cmocka_unit_test(test_a_value_survives_what_a_snapshot_keeps_of_it),
    };
    return cmocka_run_group_tests_name("view/schema", tests, prepare, release);
}
