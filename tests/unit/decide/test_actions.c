/*
 * Goal:   the weights of arbitration are what the file says, a product's own before its category's,
 *         1 where nothing is said; a wrong file is named by line.
 * Method: small files over a catalogue of two products.
 */
#include "tests/scratch.h"

#include "decide/actions.h"

static struct bank_product products[2] = {
    {.code = "A", .category = BANK_CATEGORY_WEALTH, .channels = 1u << BANK_CHANNEL_MOBILE},
    {.code = "B", .category = BANK_CATEGORY_CREDIT, .channels = 1u << BANK_CHANNEL_RM}};
static const struct bank_catalogue catalogue = {products, 2, 2};

static enum lx_err parse(const char *text, struct actions *actions, struct lx_error *err)
{
    return actions_parse("a.ini", text, strlen(text), &catalogue, actions, err);
}

static void test_a_product_goes_before_its_category(void **state)
{
    struct lx_error err;
    struct actions actions;
    MUST(parse("[product.A]\nvalue = 3\n[category.wealth]\nvalue = 2\nlever = 0.5\n", &actions,
               &err));
    assert_true(actions.value[0] == 3 && actions.lever[0] == 0.5);
    assert_true(actions.value[1] == 1 && actions.lever[1] == 1);
}

static void test_context_weighs_place_and_category(void **state)
{
    struct lx_error err;
    struct actions actions;
    const struct actions_placement *placement = NULL;
    MUST(parse("[placement.app]\nchannel = mobile\nelsewhere = 0.5\ncategory.credit = 0.8\n"
               "[placement.any]\n category.wealth = 2\n",
               &actions, &err));
    MUST(actions_placement(&actions, "app", &placement, &err));
    assert_int_equal(placement->channel, BANK_CHANNEL_MOBILE);
    assert_true(actions_context(placement, &products[0]) == 1);
    assert_true(actions_context(placement, &products[1]) == 0.4); /* not sold there */
    MUST(actions_placement(&actions, "any", &placement, &err));
    assert_true(actions_context(placement, &products[0]) == 2);
    assert_true(actions_context(placement, &products[1]) == 1);
    MUST_FAIL(actions_placement(&actions, "shop", &placement, &err), LX_ERR_USAGE);
    assert_non_null(strstr(err.text, "app, any"));
}

static void test_a_wrong_file_is_named_by_line(void **state)
{
    static const struct {
        const char *text, *told;
    } rows[] = {
        {"[category.gold]\nvalue = 1\n", "a.ini:2: [category.gold] value \"1\": no such category"},
        {"[category.credit]\nworth = 1\n", "a value and a lever"},
        {"[category.credit]\nvalue = 0\n", "not above 0"},
        {"[category.credit]\nvalue = -2\n", "not above 0"},
        {"[category.credit]\nvalue = 101\n", "at most 100"},
        {"[category.credit]\nvalue = much\n", "no number"},
        {"[product.Z]\nvalue = 1\n", "no such product"},
        {"[placement.x]\nchannel = pigeon\n", "no such channel"},
        {"[placement.x]\ncolour = red\n", "a placement has"},
        {"[placement.]\nelsewhere = 1\n", "1 to 31 bytes"},
        {"[prices]\nA = 1\n", "a section is"},
        {"[explore]\nshare = 0.6\n", "a.ini:2: [explore] share \"0.6\": 0 to 0.5 expected"},
        {"[explore]\nfloor = 0\n", "0.0001 to 0.1"},
        {"[explore]\nhalf_life_days = 7\n", "14 to 3650"},
        {"[explore]\nshares = 0.1\n", "explore has share"},
        {"[placement.x]\nexplore_share = -1\n", "0 to 0.5"},
        {"[segment.young]\nwhen = age() < 30\nzh = x\n", "needs when, zh and en"},
        {"[segment.young]\nif = age() < 30\n", "a segment has when, zh and en"},
        {"[segment.]\nwhen = age() < 30\n", "1 to 31 bytes"},
    };
    for (size_t i = 0; i < LX_COUNT_OF(rows); i++) {
        struct lx_error err;
        struct actions actions;
        MUST_FAIL(parse(rows[i].text, &actions, &err), LX_ERR_BAD_INPUT);
        if (strstr(err.text, rows[i].told) == NULL) fail_msg("row %zu: %s", i, err.text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_product_goes_before_its_category),
        cmocka_unit_test(test_context_weighs_place_and_category),
        cmocka_unit_test(test_a_wrong_file_is_named_by_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
