/*
 * Goal:   the codes are those of authenticator programs; a code counts around its time and once.
 * Method: RFC 6238's table for SHA-1 (its eight digits cut to six); every step around a moment.
 */
#include "cmocka_all.h"

#include <stdio.h>
#include <string.h>

#include "auth/totp.h"

static const uint8_t secret[TOTP_SECRET_BYTES] = "12345678901234567890";

static void test_codes_are_those_of_the_rfc(void **state)
{
    static const struct {
        int64_t seconds;
        uint32_t code;
    } cases[] = {
        {59, 287082},       {1111111109, 81804},  {1111111111, 50471},
        {1234567890, 5924}, {2000000000, 279037}, {20000000000, 353130},
    };
    for (size_t i = 0; i < LX_COUNT_OF(cases); i++)
        assert_int_equal(totp_code(secret, (uint64_t)cases[i].seconds / 30), cases[i].code);
}

static void test_a_code_counts_in_its_step_and_its_neighbours(void **state)
{
    const int64_t now_ms = INT64_C(1700000000000);
    const uint64_t now = (uint64_t)now_ms / 30000;
    for (int off = -4; off <= 4; off++) {
        char code[16];
        uint64_t step = 0;
        snprintf(code, sizeof code, "%06u", (unsigned)totp_code(secret, now + (uint64_t)off));
        bool is_right = totp_check(secret, code, now_ms, 0, &step);
        assert_int_equal(is_right, off >= -1 && off <= 1);
        if (is_right) assert_int_equal(step, now + (uint64_t)off);
    }
}

static void test_a_code_counts_once(void **state)
{
    const int64_t now_ms = INT64_C(1700000000000);
    char code[16];
    uint64_t step = 0, again = 0;
    snprintf(code, sizeof code, "%06u", (unsigned)totp_code(secret, (uint64_t)now_ms / 30000));
    assert_true(totp_check(secret, code, now_ms, 0, &step));
    assert_false(totp_check(secret, code, now_ms, step, &again));
    assert_false(totp_check(secret, code, now_ms + 20000, step, &again));
}

static void test_what_is_no_code_is_refused(void **state)
{
    static const char *const texts[] = {"", "12345", "1234567", "abcdef", "12 456", "-12345"};
    uint64_t step = 0;
    for (size_t i = 0; i < LX_COUNT_OF(texts); i++)
        assert_false(totp_check(secret, texts[i], INT64_C(1700000000000), 0, &step));
}

static void test_the_secret_is_written_in_base32(void **state)
{
    char text[TOTP_SECRET_TEXT_SIZE], uri[TOTP_URI_SIZE];
    totp_secret_text(secret, text);
    assert_string_equal(text, "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
    totp_uri(secret, "li.na", uri);
    assert_string_equal(uri, "otpauth://totp/Lingxi:li.na?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
                             "&issuer=Lingxi");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_codes_are_those_of_the_rfc),
        cmocka_unit_test(test_a_code_counts_in_its_step_and_its_neighbours),
        cmocka_unit_test(test_a_code_counts_once),
        cmocka_unit_test(test_what_is_no_code_is_refused),
        cmocka_unit_test(test_the_secret_is_written_in_base32),
    };
    return cmocka_run_group_tests_name("totp", tests, NULL, NULL);
}
