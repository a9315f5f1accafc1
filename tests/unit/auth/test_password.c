/*
 * Goal:   the right password is right and any other wrong; hashes are Argon2id of the cost that the
 *         header names, with a salt of their own; what is too easy is refused with a reason.
 * Method: a table of passwords; the text of a hash is read; nobody's hash is asked.
 */
#include "clockwork.h"

#include <string.h>

#include "auth/password.h"
#include "auth/secret.h"

static void test_the_right_password_is_right_and_others_are_wrong(void **state)
{
    struct clockwork clockwork = {1, lx_rng_of(1, 1)};
    const struct lx_env env = clockwork_env(&clockwork);
    char first[PASSWORD_TEXT_SIZE], second[PASSWORD_TEXT_SIZE];
    bool is_right = false;
    struct lx_error err;
    MUST(password_hash(&env, "春眠不觉晓处处闻啼鸟夜来", first, &err));
    MUST(password_hash(&env, "春眠不觉晓处处闻啼鸟夜来", second, &err));
    assert_string_not_equal(first, second); /* another salt */
    assert_true(strncmp(first, "$argon2id$v=19$m=65536,t=3,p=1$", 31) == 0);
    MUST(password_verify(first, "春眠不觉晓处处闻啼鸟夜来", &is_right, &err));
    assert_true(is_right);
    MUST(password_verify(first, "春眠不觉晓处处闻啼鸟夜莱", &is_right, &err));
    assert_false(is_right);
    MUST(password_verify(first, "", &is_right, &err));
    assert_false(is_right);
}

static void test_nobody_has_no_password_and_costs_the_same(void **state)
{
    struct lx_error err;
    bool is_right = true;
    MUST(password_verify(password_of_nobody(), "correct horse battery", &is_right, &err));
    assert_false(is_right);
    assert_true(strncmp(password_of_nobody(), "$argon2id$v=19$m=65536,t=3,p=1$", 31) == 0);
}

static void test_a_text_that_is_no_hash_is_damage(void **state)
{
    static const char *const texts[] = {"", "plain", "$argon2id$v=19$m=65536,t=3,p=1$short"};
    struct lx_error err;
    bool is_right;
    for (size_t i = 0; i < LX_COUNT_OF(texts); i++)
        assert_int_equal(password_verify(texts[i], "x", &is_right, &err), LX_ERR_CORRUPT);
}

static void test_what_is_too_easy_is_refused(void **state)
{
    static const struct {
        const char *password;
        bool is_good;
    } cases[] = {
        {"", false},
        {"short", false},
        {"elevenchars", false},
        {"twelve chars", true},
        {"aaaaaaaaaaaaaa", false},
        {"li.na and her bicycle", false},
        {"LI.NA and her bicycle", false},
        {"十二个汉字也就够长了对吗", true},
        {"十个汉字不够长的密码", false},
    };
    struct lx_error err;
    char long_one[PASSWORD_MAX + 2];
    for (size_t i = 0; i < LX_COUNT_OF(cases); i++)
        if ((password_check(cases[i].password, "li.na", &err) == LX_OK) != cases[i].is_good)
            fail_msg("\"%s\"", cases[i].password);
    for (size_t i = 0; i < sizeof long_one; i++) long_one[i] = (char)('a' + i % 20);
    long_one[PASSWORD_MAX + 1] = 0;
    assert_int_equal(password_check(long_one, "li.na", &err), LX_ERR_BAD_INPUT);
    assert_non_null(strstr(err.text, "at most 256"));
}

static void test_secrets_are_43_characters_and_never_the_same(void **state)
{
    struct clockwork clockwork = {1, lx_rng_of(2, 1)};
    const struct lx_env env = clockwork_env(&clockwork);
    char tokens[200][SECRET_TEXT_SIZE];
    for (size_t i = 0; i < LX_COUNT_OF(tokens); i++) {
        secret_make(&env, tokens[i]);
        assert_int_equal(strlen(tokens[i]), 43);
        assert_int_equal(strspn(tokens[i], "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                           "0123456789-_"),
                         43);
        for (size_t j = 0; j < i; j++) assert_string_not_equal(tokens[i], tokens[j]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_right_password_is_right_and_others_are_wrong),
        cmocka_unit_test(test_nobody_has_no_password_and_costs_the_same),
        cmocka_unit_test(test_a_text_that_is_no_hash_is_damage),
        cmocka_unit_test(test_what_is_too_easy_is_refused),
        cmocka_unit_test(test_secrets_are_43_characters_and_never_the_same),
    };
    return cmocka_run_group_tests_name("password", tests, NULL, NULL);
}
