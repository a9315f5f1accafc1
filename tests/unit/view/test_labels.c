/*
 * Goal:   labels are data: a good file gives what it says, a bad one is refused at its place, and
 *         the shipped ones tell of a life what they always told.
 * Method: tables: mistakes and where they are told; values of each type and their texts in both
 *         languages; one label of each threshold over values at and around it. The six occasions of
 *         the shipped file over lives made for each, a day on either side of every limit. Then for
 *         random lives: a condition as an expression by itself agrees with the label.
 */
#include "feature_check.h"
#include "view/ask.h"
#include "view/labels.h"

static struct bank_product products[HISTORY_PRODUCTS];
static struct bank_catalogue catalogue;
static struct view_context context;

static int prepare(void **state)
{
    history_catalogue(products, &catalogue);
    products[1].term_days = 100;
    context =
        (struct view_context){&catalogue, NULL, HISTORY_UTC_OFFSET, open_features(&catalogue)};
    return 0;
}

static enum lx_err parse(const char *text, struct view_labels **ret_labels, struct lx_error *err)
{
    return view_labels_parse("l.ini", text, strlen(text), features, &catalogue, ret_labels, err);
}

/* --- The file -------------------------------------------------------------------------------- */

#define HEAD "[a]\nlayer = value\nzh = 甲\nen = a\n"

static const struct {
    const char *text, *said;
} mistakes[] = {
    {HEAD "type = count\nexpression = acts_9Od",
     "l.ini:6:14: [a] unknown field `acts_9od`: did you mean `acts_90d`?"},
    {HEAD "type = flag\nexpression = age() > 3\n    and assets > 'x'", "l.ini:7:"},
    {HEAD "expression = age()", "l.ini:5:14: [a] type is missing"},
    {HEAD "type = cuont\nexpression = age()", "l.ini:5:8: [a] unknown type `cuont`: did you mean"},
    {HEAD "type = flag\nexpression = age()", "type = flag does not fit"},
    {HEAD "type = money\nexpression = yuan(assets)", "type = money does not fit"},
    {HEAD "type = days\nexpresion = 3", "l.ini:6:1: [a] unknown setting `expresion`: did you"},
    {"[a]\nlayer = vlaue\nzh = 甲\nen = a\nexpression = age()\ntype = years",
     "l.ini:2:9: [a] unknown layer `vlaue`: did you mean `value`?"},
    {"[a]\nzh = 甲\nen = a\nexpression = age()\ntype = years", "l.ini:2:1: [a] layer is missing"},
    {"[a]\nlayer = fact\nen = a\nexpression = age()\ntype = years", "zh is missing"},
    {HEAD "type = flag", "expression is missing"},
    {"[A]\nlayer = fact\nzh = 甲\nen = a\nexpression = age()\ntype = years",
     "l.ini:2:1: [A] a label's name"},
    {HEAD "type = flag\nexpression = {dorment}\n[define]\ndormant = true",
     "l.ini:6:14: [a] unknown name {dorment}: did you mean {dormant}?"},
    {HEAD "type = years\nexpression = age()\nthreshold = 30",
     "l.ini:7:13: [a] expected <=, >=, < or > and a number"},
    {HEAD "type = years\nexpression = age()\nthreshold = >= many", "l.ini:7:16: [a] `many`:"},
    {HEAD "type = money\nexpression = assets\nthreshold = > 1.005", "l.ini:7:15: [a] `1.005`:"},
    {HEAD "type = flag\nexpression = age() > 3\nthreshold = > 1", "a threshold is of a number"},
    {HEAD "type = years\nexpression = age()\nthreshold = > 1\nbands = else | x | x | x",
     "bands or a threshold, not both"},
    {HEAD "type = years\nexpression = age()\nbands = < 18 | young | 少 | young",
     "l.ini:7:9: [a] the last band, and no other, begins with `else`"},
    {HEAD "type = years\nexpression = age()\nbands = else | a | a | a\n    < 3 | b | b | b",
     "l.ini:7:9: [a] the last band"},
    {HEAD "type = years\nexpression = age()\nbands = < 18 | a | a | a\n    < 18 | b | b | b\n"
          "    else | c | c | c",
     "l.ini:8:7: [a] not above the band before it"},
    {HEAD "type = years\nexpression = age()\nbands = > 18 | a | a | a\n    else | c | c | c",
     "begins with < and a number"},
    {HEAD "type = years\nexpression = age()\nbands = < 18 | a | a\n    else | c | c | c",
     "l.ini:7:9: [a] expected < LIMIT | value | zh | en"},
    {HEAD "type = years\nexpression = age()\nbands = < 18 | a | a | \n    else | c | c | c",
     "a text that says nothing"},
    {HEAD "type = code\nexpression = gender\nbands = else | c | c | c", "bands are of a number"},
    {HEAD "type = code\nexpression = gender\nvalues = male | 男", "expected value | zh | en"},
    {HEAD "type = years\nexpression = age()\nbands = else | c | c | c\nvalues = 1 | 1 | 1",
     "bands or values, not both"},
    {HEAD "type = years\nexpression = age()\nlift_of = welth",
     "l.ini:7:11: [a] neither a category nor a product: `welth`: did you mean `wealth`?"},
    {HEAD "model = wealth product", "l.ini:2:9: [a] a prediction is a model's output"},
    {"[a]\nlayer = prediction\nzh = 甲\nen = a\ntype = years\nexpression = age()",
     "a prediction is a model's output"},
    {"[a]\nlayer = prediction\nzh = 甲\nen = a\nmodel = P99 score",
     "l.ini:5:9: [a] neither a category nor a product: `P99`"},
    {"[a]\nlayer = prediction\nzh = 甲\nen = a\nmodel = P01 probabilty",
     "l.ini:5:13: [a] a model tells product, probability or score, not `probabilty`: did you"},
    {"[a]\nlayer = prediction\nzh = 甲\nen = a\nmodel = P01 product\nthreshold = > 1",
     "a threshold is of a number"},
    {"[a]\nlayer = prediction\nzh = 甲\nen = a\nmodel = P01 score\nexpression = age()",
     "an expression or a model's output"},
    {"[a]\nlayer = fact\n[a]\nlayer = fact", "l.ini:4"},
    {HEAD "type = flag\nexpression = product.risk > 3", "l.ini:6:14: [a]"},
};

static void test_a_wrong_file_is_refused_at_its_place(void **state)
{
    for (size_t i = 0; i < LX_COUNT_OF(mistakes); i++) {
        struct view_labels *labels = NULL;
        struct lx_error err;
        enum lx_err code = parse(mistakes[i].text, &labels, &err);
        if (code != LX_ERR_BAD_INPUT || strstr(err.text, mistakes[i].said) == NULL)
            fail_msg("row %zu: %s\nexpected %s", i, code == LX_OK ? "no error" : err.text,
                     mistakes[i].said);
        assert_null(labels);
    }
}

static void test_the_shipped_file_is_whole(void **state)
{
    static const char *const occasions[] = {"deposit_matures", "salary_arrived", "large_inflow",
                                            "card_replaced",   "dormant",        "viewed_not_held"};
    size_t layers[VIEW_LAYER_COUNT] = {0};
    struct view_labels *labels = NULL;
    struct lx_error err;
    MUST(view_labels_open_shipped(features, &catalogue, &labels, &err));
    for (size_t i = 0; i < view_labels_count(labels); i++) {
        const struct view_label *label = view_labels_at(labels, i);
        layers[label->layer]++;
        assert_true(label->owner[0] != '\0' && label->zh[0] != '\0' && label->en[0] != '\0');
        assert_int_equal(view_labels_find(labels, label->name), i);
        assert_true((label->output == VIEW_OUTPUT_NONE) == (label->expr != NULL));
    }
    for (size_t i = 0; i < VIEW_LAYER_COUNT; i++) assert_true(layers[i] >= 5);
    for (size_t i = 0; i < LX_COUNT_OF(occasions); i++) {
        size_t place = view_labels_find(labels, occasions[i]);
        assert_true(place != SIZE_MAX);
        assert_int_equal(view_labels_at(labels, place)->layer, VIEW_LAYER_VALUE);
    }
    view_labels_close(labels);
}

static void test_a_folder_without_the_file_has_the_shipped_labels(void **state)
{
    char folder[LX_PATH_MAX], path[LX_PATH_MAX];
    struct view_labels *labels = NULL;
    struct lx_error err;
    scratch_make(folder);
    MUST(view_labels_open(folder, features, &catalogue, &labels, &err));
    assert_true(view_labels_find(labels, "age_band") != SIZE_MAX);
    view_labels_close(labels);
    MUST(host_join(path, folder, "labels.ini", &err));
    MUST(host_write_atomic(path, "[x]\nlayer = fact\n", 17, &err));
    labels = NULL;
    assert_int_equal(view_labels_open(folder, features, &catalogue, &labels, &err),
                     LX_ERR_BAD_INPUT);
    assert_non_null(strstr(err.text, "labels.ini:2:1: [x] expression is missing"));
    scratch_remove(folder);
}

/* --- Values ---------------------------------------------------------------------------------- */

/* Values of expressions that stand on nothing. */
static const struct {
    const char *settings, *value, *zh, *en; /* value NULL: he has no such label */
} sayings[] = {
    {"type = flag\nexpression = 1 < 2", "yes", "是", "yes"},
    {"type = flag\nexpression = 1 > 2", NULL, "", ""},
    {"type = flag\nexpression = assets > 2", NULL, "", ""},
    {"type = flag\nexpression = 1 < 2\nvalues = yes | 有 | there", "yes", "有", "there"},
    {"type = count\nexpression = 12", "12", "12", "12"},
    {"type = count\nexpression = 1\nunit_zh = 种\nunit_en = products", "1", "1种", "1 product"},
    {"type = count\nexpression = 2\nunit_zh = 种\nunit_en = products", "2", "2种", "2 products"},
    {"type = days\nexpression = 30", "30", "30天", "30 days"},
    {"type = days\nexpression = 1", "1", "1天", "1 day"},
    {"type = years\nexpression = 2.25", "2.25", "2.2年", "2.2 years"},
    {"type = share\nexpression = 0.125", "0.125", "12.50%", "12.50%"},
    {"type = money\nexpression = coalesce(assets, 1234567.8)", "1234567.80", "123万元",
     "1,234,567.80 yuan"},
    {"type = money\nexpression = coalesce(assets, -0.05)", "-0.05", "-0.05元", "-0.05 yuan"},
    {"type = date\nexpression = today()", "2026-03-31", "2026-03-31", "2026-03-31"},
    {"type = text\nexpression = case when 1 < 2 then 'x' end", "x", "x", "x"},
    {"type = text\nexpression = case when 1 < 2 then 'x' end\nvalues = y | 乙 | Y\n    x | 甲 "
     "| X",
     "x", "甲", "X"},
    {"type = text\nexpression = case when 1 < 2 then '' end", NULL, "", ""},
    {"type = text\nexpression = case when 1 > 2 then 'x' end", NULL, "", ""},
    {"type = days\nexpression = 30\nthreshold = <= 30", "30", "30天", "30 days"},
    {"type = days\nexpression = 31\nthreshold = <= 30", NULL, "", ""},
    {"type = days\nexpression = 30\nthreshold = >= 30", "30", "30天", "30 days"},
    {"type = days\nexpression = 29\nthreshold = >= 30", NULL, "", ""},
    {"type = days\nexpression = 30\nthreshold = < 30", NULL, "", ""},
    {"type = days\nexpression = 30\nthreshold = > 30", NULL, "", ""},
    {"type = money\nexpression = coalesce(assets, 100.01)\nthreshold = > 100", "100.01", "100.01元",
     "100.01 yuan"},
    {"type = money\nexpression = coalesce(assets, 100)\nthreshold = > 100", NULL, "", ""},
    {"type = years\nexpression = 17\nbands = < 18 | a | 甲 | A\n    < 30 | b | 乙 | B\n"
     "    else | c | 丙 | C",
     "a", "甲", "A"},
    {"type = years\nexpression = 18\nbands = < 18 | a | 甲 | A\n    < 30 | b | 乙 | B\n"
     "    else | c | 丙 | C",
     "b", "乙", "B"},
    {"type = years\nexpression = 30\nbands = < 18 | a | 甲 | A\n    < 30 | b | 乙 | B\n"
     "    else | c | 丙 | C",
     "c", "丙", "C"},
    {"type = money\nexpression = coalesce(assets, 99.99)\nbands = < 100 | a | 甲 | A\n"
     "    else | c | 丙 | C",
     "a", "甲", "A"},
    {"type = count\nexpression = 9223372036854775807 + age()", NULL, "", ""},
};

static void test_a_value_is_told_as_its_type_says(void **state)
{
    struct bank_history history = {.id = "nobody"};
    struct view_facts facts;
    float values[LX_FEATURES_MAX];
    view_facts(&history, &context, HISTORY_NOW_MS, &facts);
    facts.age = 1; /* the last row passes the range */
    view_compute_customer(context.scratch, &history, &context, &facts, HISTORY_NOW_MS, values);
    for (size_t i = 0; i < LX_COUNT_OF(sayings); i++) {
        char text[1024];
        struct view_labels *labels = NULL;
        struct view_label_reader *reader = NULL;
        struct expr_value value;
        struct view_saying saying;
        struct lx_error err;
        snprintf(text, sizeof text, HEAD "%s", sayings[i].settings);
        if (parse(text, &labels, &err) != LX_OK) fail_msg("row %zu: %s", i, err.text);
        const struct view_label *label = view_labels_at(labels, 0);
        MUST(view_label_reader_open(labels, &catalogue, &reader, &err));
        view_label_reader_begin(reader, &history, &context, &facts, HISTORY_NOW_MS, values);
        MUST(view_label_reader_value(reader, 0, &value, &err));
        bool has =
            view_label_has(label, &value) && view_label_say(label, &catalogue, &value, &saying);
        if (has != (sayings[i].value != NULL)) fail_msg("row %zu: has it: %d", i, has);
        if (has && (strcmp(saying.value, sayings[i].value) != 0 ||
                    strcmp(saying.zh, sayings[i].zh) != 0 || strcmp(saying.en, sayings[i].en) != 0))
            fail_msg("row %zu: %s / %s / %s", i, saying.value, saying.zh, saying.en);
        view_label_reader_close(reader);
        view_labels_close(labels);
    }
}

/* --- Occasions ------------------------------------------------------------------------------- */

/* One event so many days ago, of the product, with the amount. */
struct occasion {
    const char *label;
    uint8_t kind;
    int days_ago, product;
    int64_t amount_fen;
    const char *value; /* NULL: he does not have the label */
};

static const struct occasion occasions[] = {
    /* a product of 100 days matures 100 days after it was opened */
    {"deposit_matures", BANK_EVENT_KIND_OPEN, 69, 1, BANK_NO_AMOUNT, NULL},
    {"deposit_matures", BANK_EVENT_KIND_OPEN, 70, 1, BANK_NO_AMOUNT, "30"},
    {"deposit_matures", BANK_EVENT_KIND_OPEN, 100, 1, BANK_NO_AMOUNT, "0"},
    {"deposit_matures", BANK_EVENT_KIND_OPEN, 101, 1, BANK_NO_AMOUNT, NULL},
    {"salary_arrived", BANK_EVENT_KIND_SALARY, 0, -1, 500000, "yes"},
    {"salary_arrived", BANK_EVENT_KIND_SALARY, 2, -1, 500000, "yes"},
    {"salary_arrived", BANK_EVENT_KIND_SALARY, 3, -1, 500000, NULL},
    {"large_inflow", BANK_EVENT_KIND_TRANSFER_IN, 29, -1, 1000000, "yes"},
    {"large_inflow", BANK_EVENT_KIND_TRANSFER_IN, 29, -1, 999999, NULL},
    {"large_inflow", BANK_EVENT_KIND_TRANSFER_IN, 30, -1, 1000000, NULL},
    {"card_replaced", BANK_EVENT_KIND_CARD_REPLACED, 29, -1, BANK_NO_AMOUNT, "yes"},
    {"card_replaced", BANK_EVENT_KIND_CARD_REPLACED, 30, -1, BANK_NO_AMOUNT, NULL},
    {"dormant", BANK_EVENT_KIND_LOGIN, 89, -1, BANK_NO_AMOUNT, NULL},
    {"dormant", BANK_EVENT_KIND_LOGIN, 90, -1, BANK_NO_AMOUNT, "90"},
    {"dormant", BANK_EVENT_KIND_BALANCE, 90, -1, BANK_NO_AMOUNT, NULL}, /* no act of his */
    {"viewed_not_held", BANK_EVENT_KIND_PAGE_VIEW, 29, 4, BANK_NO_AMOUNT, "P05"},
    {"viewed_not_held", BANK_EVENT_KIND_PAGE_VIEW, 30, 4, BANK_NO_AMOUNT, NULL},
    {"viewed_not_held", BANK_EVENT_KIND_PAGE_SKIP, 1, 4, BANK_NO_AMOUNT, NULL},
    {"viewed_not_held", BANK_EVENT_KIND_PAGE_VIEW, 1, 6, BANK_NO_AMOUNT, NULL}, /* is held */
};

static void test_the_six_occasions_begin_and_end_on_their_days(void **state)
{
    struct view_labels *labels = NULL;
    struct view_label_reader *reader = NULL;
    struct lx_error err;
    MUST(view_labels_open_shipped(features, &catalogue, &labels, &err));
    MUST(view_label_reader_open(labels, &catalogue, &reader, &err));
    for (size_t i = 0; i < LX_COUNT_OF(occasions); i++) {
        const struct occasion *row = &occasions[i];
        const int64_t at_ms = HISTORY_NOW_MS - row->days_ago * LX_MS_PER_DAY;
        const int64_t long_ago_ms = HISTORY_NOW_MS - 700 * LX_MS_PER_DAY;
        const struct bank_event events[] = {
            {.at_ms = long_ago_ms,
             .known_at_ms = long_ago_ms,
             .kind = BANK_EVENT_KIND_OPEN,
             .product = 6,
             .amount_fen = BANK_NO_AMOUNT,
             .balance_fen = BANK_NO_AMOUNT},
            {.at_ms = at_ms,
             .known_at_ms = at_ms,
             .kind = row->kind,
             .product = (int16_t)row->product,
             .amount_fen = row->amount_fen,
             .balance_fen = BANK_NO_AMOUNT},
        };
        /* Only who has acted can be dormant; the others began with an opening. */
        bool is_of_dormant = strcmp(row->label, "dormant") == 0;
        const struct bank_history history = {
            .id = "x", .events = events + is_of_dormant, .event_count = 2 - (size_t)is_of_dormant};
        float values[LX_FEATURES_MAX];
        struct view_facts facts;
        struct expr_value value;
        struct view_saying saying;
        size_t place = view_labels_find(labels, row->label);
        const struct view_label *label = view_labels_at(labels, place);
        view_facts(&history, &context, HISTORY_NOW_MS, &facts);
        view_compute_customer(context.scratch, &history, &context, &facts, HISTORY_NOW_MS, values);
        view_label_reader_begin(reader, &history, &context, &facts, HISTORY_NOW_MS, values);
        MUST(view_label_reader_value(reader, place, &value, &err));
        bool has =
            view_label_has(label, &value) && view_label_say(label, &catalogue, &value, &saying);
        const char *told = has ? saying.value : "-";
        if (strcmp(told, row->value == NULL ? "-" : row->value) != 0)
            fail_msg("row %zu, %s, %d days ago: %s", i, row->label, row->days_ago, told);
    }
    view_label_reader_close(reader);
    view_labels_close(labels);
}

/* --- Conditions ------------------------------------------------------------------------------ */

static enum lx_err take_holds(void *holds, int product, const struct expr_value *value,
                              struct lx_error *err)
{
    *(bool *)holds = !value->is_null && value->as.integer != 0;
    return LX_OK;
}

/* What an audience is asked by is what a customer is told. */
static void test_a_label_and_its_condition_agree(void **state)
{
    struct view_labels *labels = NULL;
    struct view_label_reader *reader = NULL;
    struct lx_error err;
    size_t had = 0, asked = 0;
    const struct view_as_of moment = {&context, HISTORY_NOW_MS};
    MUST(view_labels_open_shipped(features, &catalogue, &labels, &err));
    MUST(view_label_reader_open(labels, &catalogue, &reader, &err));
    for (uint64_t seed = 0; seed < 60; seed++) {
        struct random_history random;
        float values[LX_FEATURES_MAX];
        struct view_facts facts;
        random_history(77, seed, &random);
        view_facts(&random.history, &context, HISTORY_NOW_MS, &facts);
        view_compute_customer(context.scratch, &random.history, &context, &facts, HISTORY_NOW_MS,
                              values);
        for (size_t i = 0; i < view_labels_count(labels); i++) {
            const struct view_label *label = view_labels_at(labels, i);
            struct expr_value value;
            struct expr_fault fault;
            struct expr *expr = NULL;
            enum view_scope scope;
            bool holds = false;
            const struct view_answer answer = {&holds, take_holds};
            if (label->expr == NULL) continue;
            view_label_reader_begin(reader, &random.history, &context, &facts, HISTORY_NOW_MS,
                                    values);
            MUST(view_label_reader_value(reader, i, &value, &err));
            if (view_ask_compile(view_features_schema(features), label->condition,
                                 strlen(label->condition), &expr, &scope, &fault, &err) != LX_OK)
                fail_msg("%s: %s: %s", label->name, label->condition, err.text);
            MUST(view_ask(features, expr, scope, &random.history, &moment, &answer, &err));
            if (holds != view_label_has(label, &value))
                fail_msg("seed %lu, %s: condition %d", (unsigned long)seed, label->name, holds);
            had += holds;
            asked++;
            expr_free(expr);
        }
    }
    assert_true(had > asked / 4 && had < asked);
    view_label_reader_close(reader);
    view_labels_close(labels);
}

static void test_refused_memory_is_an_error(void **state)
{
    uint64_t allocation = 1;
    for (;; allocation++) {
        struct view_labels *labels = NULL;
        struct lx_error err;
        lx_alloc_fail_at(allocation);
        enum lx_err code = view_labels_open_shipped(features, &catalogue, &labels, &err);
        lx_alloc_fail_at(0);
        if (code == LX_OK) {
            view_labels_close(labels);
            break;
        }
        assert_int_equal(code, LX_ERR_NO_MEMORY);
    }
    assert_true(allocation > 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_wrong_file_is_refused_at_its_place),
        cmocka_unit_test(test_the_shipped_file_is_whole),
        cmocka_unit_test(test_a_folder_without_the_file_has_the_shipped_labels),
        cmocka_unit_test(test_a_value_is_told_as_its_type_says),
        cmocka_unit_test(test_the_six_occasions_begin_and_end_on_their_days),
        cmocka_unit_test(test_a_label_and_its_condition_agree),
        cmocka_unit_test(test_refused_memory_is_an_error),
    };
    return cmocka_run_group_tests(tests, prepare, NULL);
}
