/*
 * Goal:   without a good key there is no authorizer, and with one nobody else comes in.
 * Method: a table of keys and of Authorization fields.
 */
#include "tests/cmocka_all.h"

#include <string.h>

#include "api/authorize.h"

#define KEY "0123456789abcdef0123456789abcdef"

static void test_only_a_long_printable_key_is_taken(void **state)
{
    (void)state;
    struct api_lone_key key;
    struct lx_error err = {0};
    assert_int_equal(api_lone_key_init(KEY, &key, &err), LX_OK);
    assert_int_equal(api_lone_key_init(NULL, &key, &err), LX_ERR_REFUSED);
    assert_non_null(strstr(err.text, "LINGXI_API_KEY"));
    assert_int_equal(api_lone_key_init("", &key, &err), LX_ERR_REFUSED);
    assert_int_equal(api_lone_key_init("0123456789abcdef0123456789abcde", &key, &err),
                     LX_ERR_REFUSED);
    assert_int_equal(api_lone_key_init("0123456789abcdef 123456789abcdef", &key, &err),
                     LX_ERR_REFUSED);
    assert_int_equal(api_lone_key_init(KEY "\n", &key, &err), LX_ERR_REFUSED);
}

static void test_who_has_the_key_comes_in_and_nobody_else(void **state)
{
    (void)state;
    static const struct {
        const char *authorization;
        enum api_verdict verdict;
    } rows[] = {
        {"Bearer " KEY, API_ALLOWED},
        {"bearer " KEY, API_ALLOWED},
        {NULL, API_STRANGER},
        {"", API_STRANGER},
        {"Bearer", API_STRANGER},
        {"Bearer ", API_STRANGER},
        {KEY, API_STRANGER},
        {"Basic " KEY, API_STRANGER},
        {"Bearer " KEY "0", API_STRANGER},
        {"Bearer  " KEY, API_STRANGER},
        {"Bearer 0123456789abcdef0123456789abcdee", API_STRANGER},
        {"Bearer 0123456789abcdef0123456789abcde", API_STRANGER},
    };
    struct api_lone_key key;
    struct lx_error err;
    assert_int_equal(api_lone_key_init(KEY, &key, &err), LX_OK);
    const struct api_authorizer authorizer = api_lone_key_authorizer(&key);
    assert_false(authorizer.is_for_network);
    for (int right = API_OPEN; right < API_RIGHT_COUNT; right++) {
        for (size_t i = 0; i < LX_COUNT_OF(rows); i++) {
            struct api_principal principal = {.name = ""};
            const struct api_credentials credentials = {.authorization = rows[i].authorization};
            const struct api_question question = {.right = (enum api_right)right};
            enum api_verdict expected = right == API_OPEN ? API_ALLOWED : rows[i].verdict;
            enum api_verdict got =
                authorizer.ask(authorizer.context, &credentials, &question, &principal);
            if (got != expected)
                fail_msg("%s, row %zu: %d", api_right_text(question.right), i, (int)got);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_only_a_long_printable_key_is_taken),
        cmocka_unit_test(test_who_has_the_key_comes_in_and_nobody_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
