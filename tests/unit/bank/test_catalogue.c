/*
 * Goal:   the shipped catalogue is read as it is meant, and every mistake in one is told with
 *         file, line and product.
 * Method: the shipped file; then one good section, changed in one place at a time.
 */
#include "tests/cmocka_all.h"

#include "bank/catalogue.h"
#include "base/date.h"
#include "tests/scratch.h"

static struct lx_error err;

static void read_shipped(struct lx_buffer *buffer)
{
    char path[LX_PATH_MAX];
    const char *root = getenv("LINGXI_ROOT");
    lx_buffer_init(buffer, LX_CONFIG_MAX);
    MUST(host_join(path, root == NULL ? "." : root, "data/catalogue.ini", &err));
    MUST(host_read_file(path, buffer, &err));
}

static void test_the_shipped_catalogue_has_the_nineteen_products(void **state)
{
    struct lx_buffer text;
    struct bank_catalogue catalogue = {0};
    int count_of[BANK_CATEGORY_END] = {0};
    read_shipped(&text);
    MUST(bank_catalogue_parse("catalogue.ini", text.bytes, text.length, &catalogue, &err));
    assert_int_equal(catalogue.count, 19);
    for (size_t i = 0; i < catalogue.count; i++) {
        const struct bank_product *product = &catalogue.products[i];
        char code[24];
        snprintf(code, sizeof code, "P%02zu", i + 1);
        assert_string_equal(product->code, code);
        assert_int_equal(bank_catalogue_find(&catalogue, code, 3), (int)i);
        assert_int_equal(product->status, BANK_PRODUCT_ON_SALE);
        assert_true(strlen(product->zh) > 0 && strlen(product->features_en) > 0);
        count_of[product->category]++;
    }
    for (int category = 1; category < BANK_CATEGORY_END; category++)
        assert_true(count_of[category] >= 2);
    assert_int_equal(bank_catalogue_find(&catalogue, "P0", 2), BANK_NO_PRODUCT);
    assert_int_equal(bank_catalogue_find(&catalogue, "P20", 3), BANK_NO_PRODUCT);
    bank_catalogue_release(&catalogue);
    lx_buffer_release(&text);
}

static const char good[] = "[P07]\n"
                           "zh = 混合类理财\n"
                           "en = Mixed wealth product\n"
                           "features_zh = 一\n"
                           "features_en = one\n"
                           "category = wealth\n"
                           "risk = R3\n"
                           "minimum_yuan = 10000.50\n"
                           "rate_percent = 3.65\n"
                           "term_days = 365\n"
                           "age_min = 18\n"
                           "age_max = 70\n"
                           "channels = counter, mobile\n"
                           "green = 1\n"
                           "status = retired\n"
                           "launched = 2019-05-01\n";

static void test_every_property_is_read(void **state)
{
    struct bank_catalogue catalogue = {0};
    MUST(bank_catalogue_parse("c.ini", good, sizeof good - 1, &catalogue, &err));
    const struct bank_product *product = &catalogue.products[0];
    assert_int_equal(catalogue.count, 1);
    assert_string_equal(product->zh, "混合类理财");
    assert_string_equal(product->en, "Mixed wealth product");
    assert_int_equal(product->category, BANK_CATEGORY_WEALTH);
    assert_int_equal(product->risk, 3);
    assert_int_equal(product->minimum_fen, 1000050);
    assert_int_equal(product->rate_ppm, 36500);
    assert_int_equal(product->term_days, 365);
    assert_int_equal(product->age_min, 18);
    assert_int_equal(product->age_max, 70);
    assert_int_equal(product->channels, 1u << BANK_CHANNEL_COUNTER | 1u << BANK_CHANNEL_MOBILE);
    assert_true(product->is_green);
    assert_int_equal(product->status, BANK_PRODUCT_RETIRED);
    assert_int_equal(product->launched_day, lx_day_of_civil((struct lx_civil){2019, 5, 1}));
    bank_catalogue_release(&catalogue);
}

/* `good` with one line replaced; an empty line drops it. */
static void replace_line(char *text, size_t size, const char *name, const char *line)
{
    const char *at = strstr(good, name), *end = strchr(at, '\n') + 1;
    snprintf(text, size, "%.*s%s%s%s", (int)(at - good), good, line, line[0] == '\0' ? "" : "\n",
             end);
}

static void test_each_mistake_is_told_with_its_place(void **state)
{
    static const struct {
        const char *name, *line, *says;
    } rows[] = {
        /* clang-format off */
        {"[P07]",         "[P 7]",                    "product \"P 7\": a code is"},
        {"zh =",          "zh =",                     "c.ini:2: product P07: zh \"\": is empty"},
        {"category =",    "category = toys",          "c.ini:6: product P07: category \"toys\""},
        {"risk =",        "risk = R6",                "c.ini:7: product P07: risk \"R6\""},
        {"risk =",        "risk = R12",               "risk \"R12\""},
        {"minimum_yuan",  "minimum_yuan = -1",        "is negative"},
        {"minimum_yuan",  "minimum_yuan = 1.234",     "c.ini:8: product P07: minimum_yuan"},
        {"rate_percent",  "rate_percent = 101",       "is more than 100 percent"},
        {"term_days",     "term_days = x",            "c.ini:10: product P07: term_days \"x\""},
        {"age_min",       "age_min = 71",             "c.ini:12: product P07: age_max \"70\": is below"},
        {"age_max",       "age_max = 151",            "out of range"},
        {"channels",      "channels = counter, boat", "no such channel"},
        {"channels",      "channels = ,",             "names no channel"},
        {"green",         "green = 2",                "out of range"},
        {"status",        "status = gone",            "is neither on_sale nor retired"},
        {"launched",      "launched = 2019-02-29",    "is no day YYYY-MM-DD"},
        {"launched",      "",                         "has no launched"},
        {"launched",      "launcht = 2019-02-28",     "no such property of a product"},
        {"launched",      "status = on_sale",         "c.ini:16"},
        {"green",         "green = 1\nconflicts =",   "c.ini:15: product P07: conflicts \"\": is empty"},
        {"green",         "green = 1\nconflicts = P9", "c.ini:15: product P07: conflicts \"P9\": names"},
        {"green",         "green = 1\nconflicts = P07", "names the product itself"},
        /* clang-format on */
    };
    for (size_t i = 0; i < LX_COUNT_OF(rows); i++) {
        char text[2048];
        struct bank_catalogue catalogue = {0};
        replace_line(text, sizeof text, rows[i].name, rows[i].line);
        enum lx_err code = bank_catalogue_parse("c.ini", text, strlen(text), &catalogue, &err);
        if (code != LX_ERR_BAD_INPUT || strstr(err.text, rows[i].says) == NULL)
            fail_msg("row %zu: %s: %s", i, lx_err_name(code), err.text);
        assert_null(catalogue.products);
    }
}

static void test_a_conflict_that_one_side_names_holds_both_ways(void **state)
{
    struct bank_catalogue catalogue = {0};
    char text[4 * sizeof good], *at = text;
    static const char *const tops[] = {"[P07]\n", "[P08]\nconflicts = P07, P09\n", "[P09]\n"};
    for (size_t i = 0; i < 3; i++)
        at += snprintf(at, sizeof good + 64, "%s%s", tops[i], good + strlen("[P07]\n"));
    MUST(bank_catalogue_parse("c.ini", text, strlen(text), &catalogue, &err));
    for (int a = 0; a < 3; a++)
        for (int b = 0; b < 3; b++)
            assert_int_equal(bank_catalogue_conflict(&catalogue, a, b), a + b == 1 || a + b == 3);
    bank_catalogue_release(&catalogue);
}

static void test_an_empty_catalogue_and_too_large_a_one_are_refused(void **state)
{
    struct bank_catalogue catalogue = {0};
    struct lx_buffer text;
    MUST_FAIL(bank_catalogue_parse("c.ini", "", 0, &catalogue, &err), LX_ERR_BAD_INPUT);
    lx_buffer_init(&text, 1 << 20);
    for (int i = 0; i <= LX_PRODUCT_MAX; i++)
        lx_buffer_printf(&text, "[X%d]\n%s", i, good + strlen("[P07]\n"));
    MUST_FAIL(bank_catalogue_parse("c.ini", text.bytes, text.length, &catalogue, &err),
              LX_ERR_LIMIT);
    lx_buffer_release(&text);
}

static void test_every_allocation_may_fail(void **state)
{
    struct lx_buffer text;
    read_shipped(&text);
    for (uint64_t n = 1; n < 2000; n++) {
        struct bank_catalogue catalogue = {0};
        lx_alloc_fail_at(n);
        enum lx_err code = bank_catalogue_parse("c.ini", text.bytes, text.length, &catalogue, &err);
        bool is_over = lx_alloc_count() < n;
        lx_alloc_fail_at(0);
        bank_catalogue_release(&catalogue);
        if (is_over) assert_int_equal(code, LX_OK);
        if (!is_over && code != LX_ERR_NO_MEMORY)
            fail_msg("allocation %zu: %s: %s", (size_t)n, lx_err_name(code), err.text);
        if (is_over) break;
        assert_true(n < 1999);
    }
    lx_buffer_release(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_shipped_catalogue_has_the_nineteen_products),
        cmocka_unit_test(test_every_property_is_read),
        cmocka_unit_test(test_each_mistake_is_told_with_its_place),
        cmocka_unit_test(test_a_conflict_that_one_side_names_holds_both_ways),
        cmocka_unit_test(test_an_empty_catalogue_and_too_large_a_one_are_refused),
        cmocka_unit_test(test_every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
