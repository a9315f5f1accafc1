/*
 * Goal:   base64 and hexadecimal digits are those of RFC 4648, and a run of bytes has one text
 *         only.
 * Method: the vectors of RFC 4648, section 10; texts that are none; every text of four
 *         characters that is accepted is the one that is written.
 */
#include "cmocka_all.h"

#include <string.h>

#include "base/rng.h"
#include "codec/base64.h"

static void test_base64_gives_the_texts_of_rfc_4648(void **state)
{
    (void)state;
    static const char *const rows[][2] = {{"", ""},
                                          {"f", "Zg=="},
                                          {"fo", "Zm8="},
                                          {"foo", "Zm9v"},
                                          {"foob", "Zm9vYg=="},
                                          {"fooba", "Zm9vYmE="},
                                          {"foobar", "Zm9vYmFy"},
                                          {"\xFB\xFF", "+/8="}};
    for (size_t i = 0; i < LX_COUNT_OF(rows); i++) {
        struct lx_buffer text;
        uint8_t bytes[8];
        size_t length = 99;
        lx_buffer_init(&text, 100);
        base64_put(&text, rows[i][0], strlen(rows[i][0]));
        assert_string_equal(lx_buffer_text(&text), rows[i][1]);
        assert_true(base64_get(rows[i][1], strlen(rows[i][1]), bytes, sizeof bytes, &length));
        assert_int_equal(length, strlen(rows[i][0]));
        assert_memory_equal(bytes, rows[i][0], length);
        lx_buffer_release(&text);
    }
}

static void test_what_is_not_base64_is_refused(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "Z",     "Zg",   "Zg=",      "Zh==",      "Zm9=", "Z===", "====",
        "Zm9v=", "Z g=", "Zg==Zg==", "Zm9vYmF\n", "Zm9-", "=Zg="};
    for (size_t i = 0; i < LX_COUNT_OF(rows); i++) {
        uint8_t bytes[16];
        size_t length;
        if (base64_get(rows[i], strlen(rows[i]), bytes, sizeof bytes, &length))
            fail_msg("\"%s\" is taken for base64", rows[i]);
    }
    uint8_t bytes[2];
    size_t length;
    assert_false(base64_get("Zm9v", 4, bytes, sizeof bytes, &length)); /* three bytes */
}

static void test_what_is_accepted_is_what_is_written(void **state)
{
    (void)state;
    static const char signs[] = "ABYZabyz0189+/=-_ ";
    size_t accepted = 0;
    for (size_t i = 0; i < 18 * 18 * 18 * 18; i++) {
        char text[4] = {signs[i % 18], signs[i / 18 % 18], signs[i / 324 % 18], signs[i / 5832]};
        uint8_t bytes[3];
        size_t length;
        if (!base64_get(text, 4, bytes, sizeof bytes, &length)) continue;
        struct lx_buffer again;
        lx_buffer_init(&again, 8);
        base64_put(&again, bytes, length);
        assert_int_equal(again.length, 4);
        assert_memory_equal(again.bytes, text, 4);
        lx_buffer_release(&again);
        accepted++;
    }
    assert_true(accepted > 14 * 14 * 14 * 14);
}

static void test_hexadecimal_digits_are_lower_case_and_exact(void **state)
{
    (void)state;
    uint8_t bytes[2] = {0};
    struct lx_buffer text;
    lx_buffer_init(&text, 8);
    hex_put(&text, "\x0F\xA9", 2);
    assert_string_equal(lx_buffer_text(&text), "0fa9");
    lx_buffer_release(&text);
    assert_true(hex_get("0fa9", 4, bytes, 2));
    assert_int_equal(bytes[0], 0x0F);
    assert_int_equal(bytes[1], 0xA9);
    assert_false(hex_get("0fA9", 4, bytes, 2));
    assert_false(hex_get("0fa", 3, bytes, 2));
    assert_false(hex_get("0f\0a", 4, bytes, 2));
    assert_false(hex_get("0fag", 4, bytes, 2));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_base64_gives_the_texts_of_rfc_4648),
        cmocka_unit_test(test_what_is_not_base64_is_refused),
        cmocka_unit_test(test_what_is_accepted_is_what_is_written),
        cmocka_unit_test(test_hexadecimal_digits_are_lower_case_and_exact),
    };
    return cmocka_run_group_tests_name("codec/base64", tests, NULL, NULL);
}
