/*
 * Goal:   numbers and texts of the enumerations belong together, both ways.
 * Method: every number of every enumeration, and texts that are none.
 */
#include "tests/cmocka_all.h"

#include <string.h>

#include "bank/types.h"

#define CHECK(name, NAME, MAP)                                                                     \
    static void check_##name(void)                                                                 \
    {                                                                                              \
        static const enum bank_##name values[] = {MAP(BANK_##NAME##_VALUE)};                       \
        for (size_t i = 0; i < LX_COUNT_OF(values); i++) {                                         \
            const char *text = bank_##name##_text(values[i]);                                      \
            assert_int_equal(bank_##name##_find(text, strlen(text)), values[i]);                   \
            assert_int_equal(bank_##name##_find(text, strlen(text) - 1), 0);                       \
            assert_true(bank_##name##_zh(values[i])[0] != '\0');                                   \
            assert_true(bank_##name##_en(values[i])[0] != '\0');                                   \
            for (size_t j = 0; j < i; j++) assert_int_not_equal(values[i], values[j]);             \
        }                                                                                          \
        assert_string_equal(bank_##name##_text(BANK_##NAME##_NONE), "");                           \
        assert_int_equal(bank_##name##_find("", 0), 0);                                            \
        assert_int_equal(bank_##name##_find("nonsense", 8), 0);                                    \
    }

#define BANK_EVENT_KIND_VALUE(name, number, text, zh, en) BANK_EVENT_KIND_##name,
#define BANK_CHANNEL_VALUE(name, number, text, zh, en) BANK_CHANNEL_##name,
#define BANK_CATEGORY_VALUE(name, number, text, zh, en) BANK_CATEGORY_##name,
#define BANK_ANSWER_VALUE(name, number, text, zh, en) BANK_ANSWER_##name,
#define BANK_GENDER_VALUE(name, number, text, zh, en) BANK_GENDER_##name,
#define BANK_MERCHANT_VALUE(name, number, text, zh, en) BANK_MERCHANT_##name,

CHECK(event_kind, EVENT_KIND, BANK_EVENT_KIND_MAP)
CHECK(channel, CHANNEL, BANK_CHANNEL_MAP)
CHECK(category, CATEGORY, BANK_CATEGORY_MAP)
CHECK(answer, ANSWER, BANK_ANSWER_MAP)
CHECK(gender, GENDER, BANK_GENDER_MAP)
CHECK(merchant, MERCHANT, BANK_MERCHANT_MAP)

static void test_every_text_finds_its_number_and_nothing_else_does(void **state)
{
    check_event_kind();
    check_channel();
    check_category();
    check_answer();
    check_gender();
    check_merchant();
}

static void test_numbers_that_are_in_databases_stay(void **state)
{
    assert_int_equal(bank_event_kind_find("open", 4), 14);
    assert_int_equal(bank_event_kind_find("balance", 7), 21);
    assert_int_equal(bank_channel_find("system", 6), 9);
    assert_int_equal(bank_category_find("payment", 7), 5);
    assert_int_equal(bank_answer_find("retracted", 9), 7);
    assert_int_equal(bank_gender_find("male", 4), 2);
    assert_int_equal(bank_merchant_find("other", 5), 15);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_text_finds_its_number_and_nothing_else_does),
        cmocka_unit_test(test_numbers_that_are_in_databases_stay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
