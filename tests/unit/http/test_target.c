/*
 * Goal:   what clients write into paths, queries, cookies and Accept fields is read as the RFCs say
 *         and refused where it is not of the form.
 * Method: tables; then random texts encoded and decoded again.
 */
#include "tests/cmocka_all.h"

#include <string.h>

#include "base/buffer.h"
#include "base/rng.h"
#include "http/accept.h"
#include "http/target.h"

static void test_percent_encoding_is_decoded_or_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text, *path, *query; /* NULL: refused */
    } rows[] = {
        {"", "", ""},
        {"abc", "abc", "abc"},
        {"a+b", "a+b", "a b"},
        {"a%20b", "a b", "a b"},
        {"%E4%B8%ad", "中", "中"},
        {"%2f%2F", "//", "//"},
        {"%", NULL, NULL},
        {"%2", NULL, NULL},
        {"%zz", NULL, NULL},
        {"%00", NULL, NULL},
        {"%ff", NULL, NULL},
        {"%c0%80", NULL, NULL},
    };
    struct lx_arena arena;
    lx_arena_init(&arena, 1 << 16);
    for (size_t i = 0; i < LX_COUNT_OF(rows); i++) {
        for (int is_query = 0; is_query < 2; is_query++) {
            const char *expected = is_query ? rows[i].query : rows[i].path;
            const char *got = http_decode(&arena, rows[i].text, strlen(rows[i].text), is_query);
            bool is_same =
                expected == NULL ? got == NULL : got != NULL && strcmp(got, expected) == 0;
            if (!is_same) fail_msg("row %zu: %s", i, got != NULL ? got : "refused");
        }
    }
    lx_arena_release(&arena);
}

static void test_queries_are_pairs(void **state)
{
    (void)state;
    struct lx_arena arena;
    struct http_pair *pairs = NULL;
    size_t count = 0;
    char many[HTTP_QUERY_MAX * 4 + 8] = "";
    lx_arena_init(&arena, 1 << 16);
    assert_true(http_query_read(&arena, "a=1&&b=%26&c&=d&e=f=g", &pairs, &count));
    assert_int_equal(count, 5);
    assert_string_equal(pairs[1].value, "&");
    assert_string_equal(pairs[2].name, "c");
    assert_string_equal(pairs[2].value, "");
    assert_string_equal(pairs[3].name, "");
    assert_string_equal(pairs[4].value, "f=g");
    assert_false(http_query_read(&arena, "a=%1", &pairs, &count));
    for (int i = 0; i < HTTP_QUERY_MAX; i++) strcat(many, "a=1&");
    assert_true(http_query_read(&arena, many, &pairs, &count));
    strcat(many, "a=1");
    assert_false(http_query_read(&arena, many, &pairs, &count));
    lx_arena_release(&arena);
}

static void test_cookies_are_found_by_name(void **state)
{
    (void)state;
    static const struct {
        const char *header, *value;
    } rows[] = {
        {"s=abc", "abc"},   {"a=b; s=abc; c=d", "abc"},
        {"xs=1; s=", ""},   {"S=1", NULL},
        {"s=1; s=2", NULL}, {"s", NULL},
        {"s=a b", NULL},    {"s=\"a\"", NULL},
        {"a=b;s=1", "1"},   {"s=\xe4\xb8\xad", NULL},
        {"", NULL},         {"=s", NULL},
    };
    struct lx_arena arena;
    lx_arena_init(&arena, 1 << 16);
    for (size_t i = 0; i < LX_COUNT_OF(rows); i++) {
        const char *value = http_cookie(&arena, rows[i].header, "s");
        bool is_same = rows[i].value == NULL ? value == NULL
                                             : value != NULL && strcmp(value, rows[i].value) == 0;
        if (!is_same) fail_msg("row %zu: %s", i, value != NULL ? value : "none");
    }
    lx_arena_release(&arena);
}

static void test_the_language_is_the_one_wanted_more(void **state)
{
    (void)state;
    static const struct {
        const char *header;
        enum http_language language;
    } rows[] = {
        {NULL, HTTP_ZH},
        {"", HTTP_ZH},
        {"en", HTTP_EN},
        {"EN-gb", HTTP_EN},
        {"de, fr", HTTP_ZH},
        {"zh-CN,zh;q=0.9,en;q=0.8", HTTP_ZH},
        {"en-US,en;q=0.9,zh;q=0.8", HTTP_EN},
        {"zh;q=0.5, en;q=0.501", HTTP_EN},
        {"en;q=0", HTTP_ZH},
        {"zh;q=0, *", HTTP_EN},
        {"*", HTTP_ZH},
        {"english", HTTP_ZH},
        {"en;q=2", HTTP_ZH},
        {"en;level=1", HTTP_ZH},
    };
    for (size_t i = 0; i < LX_COUNT_OF(rows); i++)
        if (http_accept_language(rows[i].header) != rows[i].language)
            fail_msg("row %zu: %s", i, rows[i].header);
}

static void test_gzip_and_entity_tags_are_matched(void **state)
{
    (void)state;
    assert_true(http_accepts_gzip("gzip") && http_accepts_gzip("br, GZIP;q=0.001"));
    assert_true(http_accepts_gzip("*") && http_accepts_gzip("deflate , gzip"));
    assert_false(http_accepts_gzip(NULL) || http_accepts_gzip("") || http_accepts_gzip("br"));
    assert_false(http_accepts_gzip("gzip;q=0") || http_accepts_gzip("gzip;q=0, *;q=1"));
    assert_false(http_accepts_gzip("xgzip") || http_accepts_gzip("gzipx"));
    assert_true(http_matches_tag("\"a\"", "\"a\"") && http_matches_tag("*", "\"a\""));
    assert_true(http_matches_tag("\"b\", W/\"a\"", "\"a\""));
    assert_false(http_matches_tag(NULL, "\"a\"") || http_matches_tag("", "\"a\""));
    assert_false(http_matches_tag("a", "\"a\"") || http_matches_tag("\"a", "\"a\""));
    assert_false(http_matches_tag("\"aa\"", "\"a\""));
}

static void test_what_is_encoded_is_decoded_again(void **state)
{
    (void)state;
    static const char *const parts[] = {"a", "/", "%", " ", "+", "中", "&", "=", "?", "~", "\x7f"};
    struct lx_arena arena;
    struct lx_buffer text, encoded;
    lx_arena_init(&arena, 1 << 20);
    lx_buffer_init(&text, 1000);
    lx_buffer_init(&encoded, 10000);
    for (uint64_t seed = 0; seed < 1000; seed++) {
        struct lx_rng rng = lx_rng_of(seed, 2);
        lx_buffer_clear(&text), lx_buffer_clear(&encoded), lx_arena_clear(&arena);
        for (size_t i = lx_rng_below(&rng, 20); i > 0; i--)
            lx_buffer_append_text(&text, parts[lx_rng_below(&rng, LX_COUNT_OF(parts))]);
        http_encode(&encoded, lx_buffer_text(&text));
        const char *decoded =
            http_decode(&arena, lx_buffer_text(&encoded), encoded.length, seed % 2 == 0);
        if (decoded == NULL || strcmp(decoded, lx_buffer_text(&text)) != 0)
            fail_msg("seed %lu: %s", (unsigned long)seed, lx_buffer_text(&encoded));
    }
    lx_buffer_release(&text), lx_buffer_release(&encoded);
    lx_arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_percent_encoding_is_decoded_or_refused),
        cmocka_unit_test(test_queries_are_pairs),
        cmocka_unit_test(test_cookies_are_found_by_name),
        cmocka_unit_test(test_the_language_is_the_one_wanted_more),
        cmocka_unit_test(test_gzip_and_entity_tags_are_matched),
        cmocka_unit_test(test_what_is_encoded_is_decoded_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
