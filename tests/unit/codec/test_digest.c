/*
 * Goal:   SHA-256 and CRC-32C are those of their standards, in one piece or in many, with the
 *         processor's instruction or without.
 * Method: the vectors of FIPS 180-4 and RFC 3720 B.4; seeded cuts; a CRC that takes one bit at a
 *         time as the definition does.
 */
#include "cmocka_all.h"

#include <string.h>

#include "base/rng.h"
#include "codec/digest.h"

static void test_sha256_gives_the_published_digests(void **state)
{
    (void)state;
    static const struct {
        const char *text, *digest;
    } rows[] = {
        {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
    };
    for (size_t i = 0; i < LX_COUNT_OF(rows); i++) {
        uint8_t hash[DIGEST_SIZE];
        char text[DIGEST_TEXT_SIZE];
        digest_of(rows[i].text, strlen(rows[i].text), hash);
        digest_text(hash, text);
        assert_string_equal(text, rows[i].digest);
    }
}

static void test_a_million_letters_in_pieces_give_their_published_digest(void **state)
{
    (void)state;
    struct lx_rng rng = lx_rng_of(42, 0);
    char letters[1000];
    memset(letters, 'a', sizeof letters);
    struct digest digest;
    assert_int_equal(digest_init(&digest), LX_OK);
    for (size_t left = 1000000; left > 0;) {
        size_t size = lx_rng_below(&rng, sizeof letters + 1);
        if (size > left) size = left;
        digest_add(&digest, letters, size);
        left -= size;
    }
    uint8_t hash[DIGEST_SIZE];
    char text[DIGEST_TEXT_SIZE];
    digest_finish(&digest, hash);
    digest_text(hash, text);
    assert_string_equal(text, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    digest_release(&digest);
}

static void test_one_digest_serves_many_messages(void **state)
{
    (void)state;
    static const char *const messages[] = {"", "abc", "", "abcdbcdecdefdefg"};
    struct digest digest;
    assert_int_equal(digest_init(&digest), LX_OK);
    for (size_t i = 0; i < LX_COUNT_OF(messages); i++) {
        uint8_t hash[DIGEST_SIZE], expected[DIGEST_SIZE];
        digest_add(&digest, messages[i], strlen(messages[i]));
        digest_next(&digest, hash);
        digest_of(messages[i], strlen(messages[i]), expected);
        assert_memory_equal(hash, expected, sizeof expected);
    }
    digest_release(&digest);
}

static void test_a_digest_may_be_dropped_before_its_end(void **state)
{
    (void)state;
    struct digest digest;
    assert_int_equal(digest_init(&digest), LX_OK);
    digest_add(&digest, "abc", 3);
    digest_release(&digest);
    digest_release(&digest);
}

static void test_crc32c_gives_the_values_of_rfc_3720(void **state)
{
    (void)state;
    uint8_t zeros[32] = {0}, ones[32], up[32], down[32];
    static const uint8_t read_command[48] = {
        0x01, 0xC0, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
        0x00, 0x00, 0x00, 0x00, 0x14, 0x00, 0x00, 0x00, 0x00, 0x00, 0x04, 0x00,
        0x00, 0x00, 0x00, 0x14, 0x00, 0x00, 0x00, 0x18, 0x28, 0x00, 0x00, 0x00,
        0x00, 0x00, 0x00, 0x00, 0x02, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00};
    for (uint8_t i = 0; i < 32; i++) {
        ones[i] = 0xFF;
        up[i] = i;
        down[i] = (uint8_t)(31 - i);
    }
    const struct {
        const void *bytes;
        size_t length;
        uint32_t crc;
    } rows[] = {{zeros, 32, 0x8A9136AA},
                {ones, 32, 0x62A8AB43},
                {up, 32, 0x46DD794E},
                {down, 32, 0x113FDB5C},
                {read_command, 48, 0xD9963A56},
                {"123456789", 9, 0xE3069283},
                {NULL, 0, 0}};
    for (size_t i = 0; i < LX_COUNT_OF(rows); i++) {
        uint32_t crc = digest_crc32c(0, rows[i].bytes, rows[i].length);
        uint32_t plain = digest_crc32c_plain(0, rows[i].bytes, rows[i].length);
        if (crc != rows[i].crc || plain != rows[i].crc)
            fail_msg("row %zu: %08X and %08X, want %08X", i, crc, plain, rows[i].crc);
    }
}

/* As the polynomial division is written down: one bit at a time. */
static uint32_t crc_by_bits(const uint8_t *bytes, size_t length)
{
    uint32_t crc = 0xFFFFFFFF;
    for (size_t i = 0; i < 8 * length; i++) {
        uint32_t bit = (crc ^ (uint32_t)(bytes[i / 8] >> (i % 8))) & 1;
        crc = bit ? crc >> 1 ^ 0x82F63B78u : crc >> 1;
    }
    return ~crc;
}

static void property_both_crcs_are_the_definitions_however_they_are_cut(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 3000; seed++) {
        struct lx_rng rng = lx_rng_of(seed, 1);
        uint8_t bytes[256];
        size_t length = lx_rng_below(&rng, sizeof bytes + 1);
        for (size_t i = 0; i < length; i++) bytes[i] = (uint8_t)lx_rng_next(&rng);
        size_t cut = lx_rng_below(&rng, length + 1);
        uint32_t want = crc_by_bits(bytes, length);
        uint32_t whole = digest_crc32c(0, bytes, length);
        uint32_t parts = digest_crc32c(digest_crc32c(0, bytes, cut), bytes + cut, length - cut);
        uint32_t plain =
            digest_crc32c_plain(digest_crc32c_plain(0, bytes, cut), bytes + cut, length - cut);
        if (whole != want || parts != want || plain != want)
            fail_msg("seed %d: %08X %08X %08X, want %08X", (int)seed, whole, parts, plain, want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sha256_gives_the_published_digests),
        cmocka_unit_test(test_a_million_letters_in_pieces_give_their_published_digest),
        cmocka_unit_test(test_one_digest_serves_many_messages),
        cmocka_unit_test(test_a_digest_may_be_dropped_before_its_end),
        cmocka_unit_test(test_crc32c_gives_the_values_of_rfc_3720),
        cmocka_unit_test(property_both_crcs_are_the_definitions_however_they_are_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
