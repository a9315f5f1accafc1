/*
 * Goal:   exactly the byte sequences of RFC 3629 are valid.
 * Method: every code point is encoded and must be taken; every sequence of one to three bytes, and
 *         seeded ones of four, beside a decoder that asks whether the shortest form was used; texts
 *         around the eight bytes that are looked at together.
 */
#include "cmocka_all.h"

#include <string.h>

#include "base/rng.h"
#include "codec/utf8.h"

static size_t encode(uint32_t code, unsigned char out[4])
{
    if (code < 0x80) {
        out[0] = (unsigned char)code;
        return 1;
    }
    size_t size = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    static const unsigned marks[] = {0, 0, 0xC0, 0xE0, 0xF0};
    for (size_t i = size; i-- > 1; code >>= 6) out[i] = (unsigned char)(0x80 | (code & 0x3F));
    out[0] = (unsigned char)(marks[size] | code);
    return size;
}

static void test_every_code_point_is_taken_and_surrogates_are_not(void **state)
{
    (void)state;
    for (uint32_t code = 0; code < 0x110000; code++) {
        unsigned char bytes[4];
        size_t size = encode(code, bytes);
        bool is_surrogate = code >= 0xD800 && code < 0xE000;
        size_t got = utf8_character((const char *)bytes, size);
        if (got != (is_surrogate ? 0 : size)) fail_msg("U+%04X: %zu of %zu bytes", code, got, size);
        for (size_t cut = 1; cut < size; cut++)
            if (utf8_character((const char *)bytes, cut) != 0)
                fail_msg("U+%04X: %zu of %zu bytes are taken", code, cut, size);
    }
}

/* The length of the character that the bytes begin with, by decoding and encoding again. */
static size_t by_encoding_again(const unsigned char *bytes, size_t length)
{
    for (size_t size = 1; size <= 4 && size <= length; size++) {
        static const uint32_t masks[] = {0, 0x7F, 0x1F, 0x0F, 0x07};
        uint32_t code = bytes[0] & masks[size];
        for (size_t i = 1; i < size; i++) code = code << 6 | (bytes[i] & 0x3F);
        if (code > 0x10FFFF || (code >= 0xD800 && code < 0xE000)) continue;
        unsigned char again[4];
        if (encode(code, again) == size && memcmp(again, bytes, size) == 0) return size;
    }
    return 0;
}

static void test_every_short_sequence_is_judged_as_encoding_again_would(void **state)
{
    (void)state;
    for (uint32_t value = 0; value < 1 << 24; value++) {
        const unsigned char bytes[3] = {(unsigned char)(value >> 16), (unsigned char)(value >> 8),
                                        (unsigned char)value};
        size_t got = utf8_character((const char *)bytes, 3), want = by_encoding_again(bytes, 3);
        if (got != want) fail_msg("%06X: %zu, want %zu", value, got, want);
    }
}

static void property_sequences_of_four_bytes_are_judged_alike(void **state)
{
    (void)state;
    struct lx_rng rng = lx_rng_of(42, 0);
    for (int run = 0; run < 3000000; run++) {
        uint64_t bits = lx_rng_next(&rng);
        const unsigned char bytes[4] = {
            (unsigned char)(0xE8 | (bits & 0x1F)), (unsigned char)(bits >> 8),
            (unsigned char)(0x80 | (bits >> 16 & (bits >> 40 & 7 ? 0x3F : 0x7F))),
            (unsigned char)(0x80 | (bits >> 24 & (bits >> 43 & 7 ? 0x3F : 0x7F)))};
        size_t got = utf8_character((const char *)bytes, 4), want = by_encoding_again(bytes, 4);
        if (got != want) fail_msg("run %d: %zu, want %zu", run, got, want);
    }
}

static void property_the_valid_beginning_ends_at_the_first_bad_byte(void **state)
{
    (void)state;
    static const char *const pieces[] = {"a", "abcdefgh", "é", "客", "😀"};
    for (uint64_t seed = 0; seed < 20000; seed++) {
        struct lx_rng rng = lx_rng_of(seed, 1);
        char text[400] = "";
        for (uint64_t i = lx_rng_below(&rng, 30); i > 0; i--)
            strcat(text, pieces[lx_rng_below(&rng, LX_COUNT_OF(pieces))]);
        size_t length = strlen(text), cut = length;
        assert_int_equal(utf8_valid_length(text, length), length);
        if (length == 0) continue;
        cut = lx_rng_below(&rng, length);
        text[cut] = '\xFF';
        size_t want = cut;
        while (want > 0 && ((unsigned char)text[want - 1] & 0xC0) == 0x80) want--;
        /* The lead byte before the bad one has lost its tail, unless the bad one stands for it. */
        if (want > 0 && (unsigned char)text[want - 1] >= 0xC0 &&
            utf8_character(text + want - 1, length - want + 1) == 0)
            want--;
        else
            want = cut;
        size_t got = utf8_valid_length(text, length);
        if (got != want) fail_msg("seed %d: %zu, want %zu", (int)seed, got, want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_code_point_is_taken_and_surrogates_are_not),
        cmocka_unit_test(test_every_short_sequence_is_judged_as_encoding_again_would),
        cmocka_unit_test(property_sequences_of_four_bytes_are_judged_alike),
        cmocka_unit_test(property_the_valid_beginning_ends_at_the_first_bad_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
