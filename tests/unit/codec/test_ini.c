/*
 * Goal:   an INI file comes out as its entries with their lines, in their order; what is wrong is
 *         refused with the file and the line; nothing is cut without a word.
 * Method: tables of files with their entries or their message; every allocation failed once; seeded
 *         files written from a list of entries and read back.
 */
#include "cmocka_all.h"

#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "base/limits.h"
#include "base/rng.h"
#include "codec/ini.h"

/* "line [section] name=value;" for each entry. */
static void print_entries(const struct ini *ini, struct lx_buffer *out)
{
    for (size_t i = 0; i < ini->count; i++)
        lx_buffer_printf(out, "%d [%s] %s=%s;", ini->entries[i].line, ini->entries[i].section,
                         ini->entries[i].name, ini->entries[i].value);
}

static void test_entries_come_out_with_their_lines(void **state)
{
    (void)state;
    static const struct {
        const char *text, *entries;
    } rows[] = {
        {"", ""},
        {"\n\n", ""},
        {"; only\n# comments\n", ""},
        {"a = 1", "1 [] a=1;"},
        {"a=1\n[s]\nb = 2\n", "1 [] a=1;3 [s] b=2;"},
        {"\xEF\xBB\xBF[s]\r\na = 1\r\n", "2 [s] a=1;"},
        {"[s]\na = x ; y # z\n", "2 [s] a=x ; y # z;"},
        {"[s]\na =\nb = \n", "2 [s] a=;3 [s] b=;"},
        {"[s]\na = b = c\n", "2 [s] a=b = c;"},
        {"[s]\na: 1\n", "2 [s] a=1;"},
        {"[s]\na = \"1\"\n", "2 [s] a=\"1\";"},
        {"[客户]\n姓名 = 张三\n", "2 [客户] 姓名=张三;"},
        {"[s]\na = 1\n  2\n\t3\nb = 4\n", "2 [s] a=1\n2\n3;5 [s] b=4;"},
        {"[s]\na = 1\n  ; no\n  2\n", "2 [s] a=1\n2;"},
        {"[s]\na =\n  1\n  2\n", "2 [s] a=\n1\n2;"},
        {"[s]\n  a = 1\n", "2 [s] a=1;"},
        {"[s]\na = 1\n  [t]\n", "2 [s] a=1\n[t];"},
        {"[s]\na=1\n[t]\na=2\n[s]\nb=3\n", "2 [s] a=1;4 [t] a=2;6 [s] b=3;"},
        {"[a b]\nc d = e f\n", "2 [a b] c d=e f;"},
    };
    for (size_t i = 0; i < LX_COUNT_OF(rows); i++) {
        struct ini ini;
        struct lx_error err = {0};
        struct lx_buffer out;
        lx_buffer_init(&out, 1000);
        enum lx_err code = ini_read("x.ini", rows[i].text, strlen(rows[i].text), &ini, &err);
        if (code != LX_OK) fail_msg("row %zu: %s", i, err.text);
        print_entries(&ini, &out);
        if (strcmp(lx_buffer_text(&out), rows[i].entries) != 0)
            fail_msg("row %zu: %s, want %s", i, lx_buffer_text(&out), rows[i].entries);
        lx_buffer_release(&out);
        ini_release(&ini);
    }
}

static void check_message(const char *text, size_t length, enum lx_err want_code, const char *want)
{
    struct ini ini = {.count = 77};
    struct lx_error err = {0};
    enum lx_err code = ini_read("map/x.ini", text, length, &ini, &err);
    if (code != want_code || strcmp(err.text, want) != 0)
        fail_msg("%s: %s: %s, want %s", text, lx_err_name(code), err.text, want);
    assert_int_equal(ini.count, 77);
    assert_int_equal(ini_read("map/x.ini", text, length, &ini, NULL), want_code);
}

static void test_what_is_wrong_is_said_with_file_and_line(void **state)
{
    (void)state;
    static const struct {
        const char *text, *message;
    } rows[] = {
        {"[s]\na = 1\na = 2\n", "map/x.ini:3: [s] a: already on line 2"},
        {"[s]\na=1\n[s]\n a=2\n", "map/x.ini:4: [s] a: already on line 2"},
        {"a = 1\nb\n", "map/x.ini:2: neither `[section]` nor `name = value`"},
        {"[s\na = 1\n", "map/x.ini:1: neither `[section]` nor `name = value`"},
        {"\n\n= 1\n", "map/x.ini:3: a value without a name"},
        {"[s]\na = \xFF\n", "map/x.ini:2: bytes that are not UTF-8"},
        {"[123456789012345678901234567890123456789012345678]\na = 1\n[1234567890123456789012345678"
         "901234567890123456789]\na = 1\n",
         "map/x.ini:4: [1234567890123456789012345678901234567890123456789...]: more than 48 bytes"},
    };
    for (size_t i = 0; i < LX_COUNT_OF(rows); i++)
        check_message(rows[i].text, strlen(rows[i].text), LX_ERR_BAD_INPUT, rows[i].message);
    check_message("[s]\na = 1\0\n", 11, LX_ERR_BAD_INPUT, "map/x.ini:2: a NUL byte");
}

static void test_a_line_or_a_file_that_is_too_long_is_refused(void **state)
{
    (void)state;
    static char text[LX_CONFIG_MAX + 1];
    memset(text, 'x', sizeof text);
    memcpy(text, "a = ", 4);
    text[4 + 65000] = '\n';
    struct ini ini;
    assert_int_equal(ini_read("x.ini", text, 4 + 65001, &ini, NULL), LX_OK);
    assert_int_equal(strlen(ini.entries[0].value), 65000);
    ini_release(&ini);
    text[4 + 65000] = 'x';
    check_message(text, 70000, LX_ERR_BAD_INPUT, "map/x.ini:1: a line of more than 65532 bytes");
    check_message(text, sizeof text, LX_ERR_LIMIT, "map/x.ini: more than 4194304 bytes");
}

static void test_names_are_found_and_sections_listed(void **state)
{
    (void)state;
    static const char text[] = "top = 0\n[a]\nx = 1\n[b]\nx = 2\n[a]\ny = 3\n";
    struct ini ini;
    assert_int_equal(ini_read("x.ini", text, strlen(text), &ini, NULL), LX_OK);
    assert_string_equal(ini.file, "x.ini");
    assert_string_equal(ini_get(&ini, "", "top"), "0");
    assert_string_equal(ini_get(&ini, "a", "x"), "1");
    assert_string_equal(ini_get(&ini, "b", "x"), "2");
    assert_int_equal(ini_find(&ini, "a", "y")->line, 7);
    assert_null(ini_get(&ini, "b", "y"));
    assert_null(ini_get(&ini, "c", "x"));
    assert_null(ini_get(&ini, "a\0x", ""));
    assert_string_equal(ini_section(&ini, 0), "");
    assert_string_equal(ini_section(&ini, 1), "a");
    assert_string_equal(ini_section(&ini, 2), "b");
    assert_null(ini_section(&ini, 3));
    ini_release(&ini);
    assert_null(ini_get(&ini, "a", "x"));
    assert_null(ini_section(&ini, 0));
    ini_release(&ini);
}

static void test_the_longest_section_is_found(void **state)
{
    (void)state;
    static const char section[] = "123456789012345678901234567890123456789012345678";
    char text[200];
    struct ini ini;
    int length = snprintf(text, sizeof text, "[%s]\na = 1\n", section);
    assert_int_equal(ini_read("x.ini", text, (size_t)length, &ini, NULL), LX_OK);
    assert_string_equal(ini_get(&ini, section, "a"), "1");
    snprintf(text, sizeof text, "%s9", section);
    assert_null(ini_get(&ini, text, "a"));
    ini_release(&ini);
}

static void test_long_names_keep_their_values_that_go_on(void **state)
{
    (void)state;
    static const char text[] =
        "[s]\na_name_that_is_longer_than_the_fifty_bytes_that_inih_keeps_of_it = 1\n  2\n"
        "a_name_that_is_longer_than_the_fifty_bytes_that_inih_keeps_of_another = 3\n";
    struct ini ini;
    assert_int_equal(ini_read("x.ini", text, strlen(text), &ini, NULL), LX_OK);
    assert_int_equal(ini.count, 2);
    assert_string_equal(ini.entries[0].value, "1\n2");
    assert_string_equal(ini.entries[1].value, "3");
    ini_release(&ini);
}

static void test_short_memory_is_an_error_and_leaks_nothing(void **state)
{
    (void)state;
    static const char text[] = "[s]\na = 1\n  more\nb = 2\n[t]\nc = 3\n";
    for (uint64_t chosen = 1;; chosen++) {
        struct ini ini = {.count = 77};
        struct lx_error err = {0};
        lx_alloc_fail_at(chosen);
        enum lx_err code = ini_read("x.ini", text, strlen(text), &ini, &err);
        bool was_reached = lx_alloc_count() >= chosen;
        lx_alloc_fail_at(0);
        assert_int_equal(code, was_reached ? LX_ERR_NO_MEMORY : LX_OK);
        assert_int_equal(ini.count, was_reached ? 77 : 3);
        if (was_reached) {
            assert_int_equal(err.code, LX_ERR_NO_MEMORY);
            continue;
        }
        ini_release(&ini);
        break;
    }
}

static void property_a_file_reads_back_as_it_was_written(void **state)
{
    (void)state;
    static const char *const words[] = {"rate", "名称", "x",   "a b", "\"q\"",
                                        "1;2",  "#3",   "k=v", "["};
    for (uint64_t seed = 0; seed < 2000; seed++) {
        struct lx_rng rng = lx_rng_of(seed, 0);
        struct lx_buffer text, want, got;
        lx_buffer_init(&text, 1 << 20);
        lx_buffer_init(&want, 1 << 20);
        lx_buffer_init(&got, 1 << 20);
        int line = 1, section = -1;
        for (int i = 0; i < 30; i++) {
            if (section < 0 || lx_rng_chance(&rng, 0.2)) {
                section = (int)lx_rng_below(&rng, 4);
                lx_buffer_printf(&text, "[part %d]\n", section);
                line++;
            }
            const char *value = words[lx_rng_below(&rng, LX_COUNT_OF(words))];
            lx_buffer_printf(&text, "name %d %s %s\n", i, lx_rng_chance(&rng, 0.8) ? "=" : ":",
                             value);
            lx_buffer_printf(&want, "%d [part %d] name %d=%s", line++, section, i, value);
            for (uint64_t more = lx_rng_below(&rng, 3); more > 0; more--, line++) {
                const char *next = words[lx_rng_below(&rng, 5)];
                lx_buffer_printf(&text, "  %s\n", next);
                lx_buffer_printf(&want, "\n%s", next);
            }
            lx_buffer_append_byte(&want, ';');
            if (lx_rng_chance(&rng, 0.2)) {
                lx_buffer_append_text(&text, lx_rng_chance(&rng, 0.5) ? "\n" : "; note = 1\n");
                line++;
            }
        }
        struct ini ini;
        struct lx_error err = {0};
        if (ini_read("x.ini", text.bytes, text.length, &ini, &err) != LX_OK)
            fail_msg("seed %d: %s\n%s", (int)seed, err.text, text.bytes);
        print_entries(&ini, &got);
        if (strcmp(lx_buffer_text(&got), lx_buffer_text(&want)) != 0)
            fail_msg("seed %d:\n got %s\nwant %s", (int)seed, got.bytes, want.bytes);
        ini_release(&ini);
        lx_buffer_release(&text);
        lx_buffer_release(&want);
        lx_buffer_release(&got);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_entries_come_out_with_their_lines),
        cmocka_unit_test(test_what_is_wrong_is_said_with_file_and_line),
        cmocka_unit_test(test_a_line_or_a_file_that_is_too_long_is_refused),
        cmocka_unit_test(test_names_are_found_and_sections_listed),
        cmocka_unit_test(test_the_longest_section_is_found),
        cmocka_unit_test(test_long_names_keep_their_values_that_go_on),
        cmocka_unit_test(test_short_memory_is_an_error_and_leaks_nothing),
        cmocka_unit_test(property_a_file_reads_back_as_it_was_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
