/*
 * Goal:   the same values give the same bytes, and the bytes give the values back; bytes that are
 *         short, long or not the shortest form are refused without reading past them.
 * Method: golden encodings; seeded records written and read; every record cut at every length, in
 *         memory of exactly that size so that a sanitizer sees a read past the end.
 */
#include "cmocka_all.h"

#include <math.h>
#include <string.h>

#include "base/rng.h"
#include "codec/bytes.h"

static void check_golden(const struct lx_buffer *buffer, const char *want, size_t length)
{
    assert_int_equal(lx_buffer_error(buffer), LX_OK);
    assert_int_equal(buffer->length, length);
    assert_memory_equal(buffer->bytes, want, length);
}

static void test_fixed_widths_are_little_endian(void **state)
{
    (void)state;
    struct lx_buffer buffer;
    lx_buffer_init(&buffer, 100);
    bytes_put_u8(&buffer, 0xAB);
    bytes_put_u32(&buffer, 0x01020304);
    bytes_put_u64(&buffer, 0x1112131415161718);
    bytes_put_real(&buffer, 1.0);
    check_golden(&buffer,
                 "\xAB\x04\x03\x02\x01\x18\x17\x16\x15\x14\x13\x12\x11\0\0\0\0\0\0\xF0\x3F", 21);
    lx_buffer_release(&buffer);
}

static void test_varints_and_texts_have_their_known_bytes(void **state)
{
    (void)state;
    static const struct {
        uint64_t value;
        const char *bytes;
        size_t length;
    } rows[] = {
        {0, "\0", 1},
        {127, "\x7F", 1},
        {128, "\x80\x01", 2},
        {300, "\xAC\x02", 2},
        {16384, "\x80\x80\x01", 3},
        {UINT64_MAX, "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01", 10},
    };
    static const struct {
        int64_t value;
        uint64_t zigzag;
    } signed_rows[] = {
        {0, 0}, {-1, 1}, {1, 2}, {-2, 3}, {INT64_MAX, UINT64_MAX - 1}, {INT64_MIN, UINT64_MAX}};
    struct lx_buffer buffer, other;
    lx_buffer_init(&buffer, 100);
    lx_buffer_init(&other, 100);
    for (size_t i = 0; i < LX_COUNT_OF(rows); i++) {
        lx_buffer_clear(&buffer);
        bytes_put_varint(&buffer, rows[i].value);
        check_golden(&buffer, rows[i].bytes, rows[i].length);
    }
    for (size_t i = 0; i < LX_COUNT_OF(signed_rows); i++) {
        lx_buffer_clear(&buffer);
        lx_buffer_clear(&other);
        bytes_put_signed(&buffer, signed_rows[i].value);
        bytes_put_varint(&other, signed_rows[i].zigzag);
        check_golden(&buffer, other.bytes, other.length);
    }
    lx_buffer_clear(&buffer);
    bytes_put_text(&buffer, "灵", 3);
    bytes_put_text(&buffer, NULL, 0);
    check_golden(&buffer, "\x03\xE7\x81\xB5\0", 5);
    lx_buffer_release(&buffer);
    lx_buffer_release(&other);
}

static void test_a_varint_that_is_not_the_shortest_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t length;
    } rows[] = {
        {"\x80\x00", 2},                                      /* 0 in two bytes */
        {"\xFF\x80\x00", 3},                                  /* 127 in three */
        {"\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x02", 10},     /* bit 64 */
        {"\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x81\x00", 11}, /* eleven bytes */
        {"\x80", 1},                                          /* cut */
        {"", 0},
    };
    for (size_t i = 0; i < LX_COUNT_OF(rows); i++) {
        struct bytes_reader reader = bytes_reader_of(rows[i].bytes, rows[i].length);
        uint64_t value = bytes_get_varint(&reader);
        if (!reader.is_failed || value != 0) fail_msg("row %zu was taken", i);
    }
}

static void test_after_a_failure_everything_reads_as_nothing(void **state)
{
    (void)state;
    struct bytes_reader reader = bytes_reader_of("\x05"
                                                 "ab\x07",
                                                 4);
    size_t length = 99;
    assert_string_equal(bytes_get_text(&reader, &length), "");
    assert_int_equal(length, 0);
    assert_int_equal(bytes_get_u8(&reader), 0);
    assert_int_equal(bytes_get_u32(&reader), 0);
    assert_int_equal(bytes_get_signed(&reader), 0);
    assert_true(bytes_get_real(&reader) == 0);
    assert_false(bytes_is_at_end(&reader));
}

static void test_bytes_left_over_are_not_the_end(void **state)
{
    (void)state;
    struct bytes_reader reader = bytes_reader_of("\x01\x02", 2);
    bytes_get_u8(&reader);
    assert_false(bytes_is_at_end(&reader));
    bytes_get_u8(&reader);
    assert_true(bytes_is_at_end(&reader));
    struct bytes_reader empty = bytes_reader_of(NULL, 0);
    assert_true(bytes_is_at_end(&empty));
}

/* Writes or reads the seed's record; one function, so that the two cannot differ. */
static bool walk(uint64_t seed, struct lx_buffer *buffer, struct bytes_reader *reader)
{
    struct lx_rng rng = lx_rng_of(seed, 0);
    bool is_same = true;
    for (uint64_t i = lx_rng_below(&rng, 12) + 1; i > 0; i--) {
        uint64_t kind = lx_rng_below(&rng, 7), value = lx_rng_next(&rng) >> lx_rng_below(&rng, 64);
        double real = ldexp((double)value, (int)lx_rng_below(&rng, 200) - 100);
        size_t length = value % 20;
        if (buffer != NULL) switch (kind) {
            case 0: bytes_put_u8(buffer, (uint8_t)value); break;
            case 1: bytes_put_u32(buffer, (uint32_t)value); break;
            case 2: bytes_put_u64(buffer, value); break;
            case 3: bytes_put_varint(buffer, value); break;
            case 4: bytes_put_signed(buffer, (int64_t)value); break;
            case 5: bytes_put_real(buffer, real); break;
            default: bytes_put_text(buffer, "twenty bytes of text", length); break;
            }
        if (reader != NULL) switch (kind) {
            case 0: is_same &= bytes_get_u8(reader) == (uint8_t)value; break;
            case 1: is_same &= bytes_get_u32(reader) == (uint32_t)value; break;
            case 2: is_same &= bytes_get_u64(reader) == value; break;
            case 3: is_same &= bytes_get_varint(reader) == value; break;
            case 4: is_same &= bytes_get_signed(reader) == (int64_t)value; break;
            case 5: is_same &= bytes_get_real(reader) == real; break;
            default: {
                size_t got;
                const char *text = bytes_get_text(reader, &got);
                is_same &= got == length && memcmp(text, "twenty bytes of text", got) == 0;
            }
            }
    }
    return is_same;
}

static void property_records_read_back_and_no_cut_one_is_whole(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 2000; seed++) {
        struct lx_buffer buffer;
        lx_buffer_init(&buffer, 1000);
        walk(seed, &buffer, NULL);
        struct bytes_reader reader = bytes_reader_of(buffer.bytes, buffer.length);
        if (!walk(seed, NULL, &reader) || !bytes_is_at_end(&reader))
            fail_msg("seed %d does not read back", (int)seed);
        for (size_t cut = 0; cut < buffer.length; cut++) {
            char *exact = lx_malloc(cut + 1);
            memcpy(exact + 1, buffer.bytes, cut);
            struct bytes_reader short_reader = bytes_reader_of(exact + 1, cut);
            walk(seed, NULL, &short_reader);
            if (bytes_is_at_end(&short_reader)) fail_msg("seed %d cut at %zu", (int)seed, cut);
            lx_free(exact);
        }
        lx_buffer_release(&buffer);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fixed_widths_are_little_endian),
        cmocka_unit_test(test_varints_and_texts_have_their_known_bytes),
        cmocka_unit_test(test_a_varint_that_is_not_the_shortest_is_refused),
        cmocka_unit_test(test_after_a_failure_everything_reads_as_nothing),
        cmocka_unit_test(test_bytes_left_over_are_not_the_end),
        cmocka_unit_test(property_records_read_back_and_no_cut_one_is_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
