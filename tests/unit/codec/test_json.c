/*
 * Goal:   what is written is one valid JSON document that means what was asked for, and a real has
 *         the fewest digits that read back as the same double.
 * Method: golden texts; seeded documents that jansson builds, ours writes and jansson reads back;
 *         seeded doubles of every size beside printf's digits.
 */
#include "cmocka_all.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "codec/json.h"

static void test_a_document_has_its_commas_and_brackets(void **state)
{
    (void)state;
    struct lx_buffer buffer;
    lx_buffer_init(&buffer, 1000);
    struct json_writer json;
    json_init(&json, &buffer);
    json_object_begin(&json);
    json_name_text(&json, "name", "张三");
    json_name(&json, "holdings");
    json_array_begin(&json);
    json_int(&json, INT64_MIN);
    json_int(&json, INT64_MAX);
    json_array_begin(&json);
    json_array_end(&json);
    json_object_begin(&json);
    json_object_end(&json);
    json_none(&json);
    json_array_end(&json);
    json_name_int(&json, "count", 0);
    json_name_real(&json, "score", 0.5);
    json_name_bool(&json, "is_new", false);
    json_name(&json, "raw");
    json_raw(&json, "{\"a\":1}", 7);
    json_object_end(&json);
    assert_string_equal(
        lx_buffer_text(&buffer),
        "{\"name\":\"张三\",\"holdings\":[-9223372036854775808,9223372036854775807,"
        "[],{},null],\"count\":0,\"score\":0.5,\"is_new\":false,\"raw\":{\"a\":1}}");
    lx_buffer_release(&buffer);
}

static void check_text(const char *text, size_t length, const char *want)
{
    struct lx_buffer buffer;
    lx_buffer_init(&buffer, 1000);
    struct json_writer json;
    json_init(&json, &buffer);
    json_text_bytes(&json, text, length);
    assert_string_equal(lx_buffer_text(&buffer), want);
    lx_buffer_release(&buffer);
}

static void test_texts_are_escaped_and_bad_bytes_replaced(void **state)
{
    (void)state;
    check_text("", 0, "\"\"");
    check_text("a\"b\\c/d", 7, "\"a\\\"b\\\\c/d\"");
    check_text("\b\f\n\r\t\x01\x1F\x7F", 8, "\"\\b\\f\\n\\r\\t\\u0001\\u001f\\u007f\"");
    check_text("a\0b", 3, "\"a\\u0000b\"");
    check_text("客\xFF😀\xE5\xAE", 10, "\"客\xEF\xBF\xBD😀\xEF\xBF\xBD\xEF\xBF\xBD\"");
    check_text("\xED\xA0\x80", 3, "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\"");
}

static void real_text(double value, char text[64])
{
    struct lx_buffer buffer;
    lx_buffer_init(&buffer, 63);
    struct json_writer json;
    json_init(&json, &buffer);
    json_number(&json, value);
    assert_int_equal(lx_buffer_error(&buffer), LX_OK);
    snprintf(text, 64, "%s", lx_buffer_text(&buffer));
    lx_buffer_release(&buffer);
}

static void test_reals_are_written_as_people_write_them(void **state)
{
    (void)state;
    static const struct {
        double value;
        const char *text;
    } rows[] = {
        {0, "0"},
        {-0.0, "-0"},
        {1, "1"},
        {-1.5, "-1.5"},
        {0.1, "0.1"},
        {0.07, "0.07"},
        {100, "100"},
        {123456.789, "123456.789"},
        {1e14, "100000000000000"},
        {0.00001, "0.00001"},
        {0.3 - 0.2, "0.09999999999999998"},
        {1.0 / 3, "0.3333333333333333"},
        {1e300, "1e+300"},
        {5e-324, "5e-324"},
        {1.7976931348623157e308, "1.7976931348623157e+308"},
        {2.5e-7, "2.5e-07"},
        {NAN, "null"},
        {INFINITY, "null"},
        {-INFINITY, "null"},
    };
    for (size_t i = 0; i < LX_COUNT_OF(rows); i++) {
        char text[64];
        real_text(rows[i].value, text);
        if (strcmp(text, rows[i].text) != 0) fail_msg("%s, want %s", text, rows[i].text);
    }
}

/* Digits from the first that is not 0 to the last that is not. */
static int significant_digits(const char *text)
{
    int count = 0, upto = 0;
    for (; *text != '\0' && *text != 'e'; text++) {
        if (*text < '0' || *text > '9' || (count == 0 && *text == '0')) continue;
        count++;
        if (*text != '0') upto = count;
    }
    return upto;
}

static double random_real(struct lx_rng *rng)
{
    static const double powers[] = {1, 10, 100, 1e3, 1e4, 1e6, 1e9, 1e12};
    uint64_t bits = lx_rng_next(rng);
    double value;
    memcpy(&value, &bits, sizeof value);
    switch (lx_rng_below(rng, 4)) {
    case 0: return value; /* any bits */
    case 1: return lx_rng_uniform(rng);
    case 2: return (double)lx_rng_below(rng, 1000000) / powers[lx_rng_below(rng, 8)];
    default:
        return ((double)lx_rng_below(rng, (uint64_t)1 << 53) - 0x1p52) /
               powers[lx_rng_below(rng, 8)];
    }
}

static void property_a_real_has_the_fewest_digits_that_read_back(void **state)
{
    (void)state;
    struct lx_rng rng = lx_rng_of(42, 0);
    for (int run = 0; run < 100000; run++) {
        double value = random_real(&rng);
        if (!isfinite(value)) continue;
        char text[64], fewest[64];
        real_text(value, text);
        int digits = 1;
        do snprintf(fewest, sizeof fewest, "%.*g", digits, value);
        while (strtod(fewest, NULL) != value && ++digits <= 17);
        double back = strtod(text, NULL);
        if (memcmp(&back, &value, sizeof value) != 0 ||
            significant_digits(text) != significant_digits(fewest))
            fail_msg("run %d: %s, want the digits of %s", run, text, fewest);
        json_t *parsed = json_loads(text, JSON_DECODE_ANY, NULL);
        if (parsed == NULL) fail_msg("run %d: %s is not JSON", run, text);
        json_decref(parsed);
    }
}

static json_t *random_text(struct lx_rng *rng)
{
    static const char *const pieces[] = {"a",    "\"", "\\", "\n", "\x01",
                                         "客户", "😀",  "/",  "é",  "\x7F"};
    char text[64] = "";
    for (uint64_t i = lx_rng_below(rng, 6); i > 0; i--)
        strcat(text, pieces[lx_rng_below(rng, LX_COUNT_OF(pieces))]);
    return json_string(text);
}

static json_t *random_document(struct lx_rng *rng, int depth)
{
    uint64_t kind = lx_rng_below(rng, depth > 0 ? 8 : 6), count = lx_rng_below(rng, 5);
    json_t *value;
    switch (kind) {
    case 0: return json_null();
    case 1: return json_boolean(lx_rng_chance(rng, 0.5));
    case 2: return json_integer((json_int_t)(lx_rng_next(rng) >> lx_rng_below(rng, 64)));
    case 3: return json_integer(-(json_int_t)(lx_rng_next(rng) >> (1 + lx_rng_below(rng, 63))));
    case 4: return json_real(lx_rng_normal(rng) + 0x1p-30);
    case 5: return random_text(rng);
    case 6:
        value = json_array();
        for (; count > 0; count--) json_array_append_new(value, random_document(rng, depth - 1));
        return value;
    default:
        value = json_object();
        for (; count > 0; count--) {
            json_t *name = random_text(rng);
            json_object_set_new(value, json_string_value(name), random_document(rng, depth - 1));
            json_decref(name);
        }
        return value;
    }
}

static void write_document(struct json_writer *json, json_t *value)
{
    const char *name;
    json_t *item;
    size_t index;
    switch (json_typeof(value)) {
    case JSON_NULL: json_none(json); break;
    case JSON_TRUE: json_bool(json, true); break;
    case JSON_FALSE: json_bool(json, false); break;
    case JSON_INTEGER: json_int(json, json_integer_value(value)); break;
    case JSON_REAL: json_number(json, json_real_value(value)); break;
    case JSON_STRING:
        json_text_bytes(json, json_string_value(value), json_string_length(value));
        break;
    case JSON_ARRAY:
        json_array_begin(json);
        json_array_foreach(value, index, item) write_document(json, item);
        json_array_end(json);
        break;
    case JSON_OBJECT:
        json_object_begin(json);
        json_object_foreach(value, name, item)
        {
            json_name(json, name);
            write_document(json, item);
        }
        json_object_end(json);
    }
}

static void property_jansson_reads_what_jansson_built_and_ours_wrote(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 20000; seed++) {
        struct lx_rng rng = lx_rng_of(seed, 1);
        json_t *document = random_document(&rng, 5);
        struct lx_buffer buffer;
        lx_buffer_init(&buffer, 1 << 20);
        struct json_writer json;
        json_init(&json, &buffer);
        write_document(&json, document);
        assert_int_equal(lx_buffer_error(&buffer), LX_OK);
        json_error_t error;
        json_t *parsed =
            json_loadb(buffer.bytes, buffer.length,
                       JSON_DECODE_ANY | JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES, &error);
        if (parsed == NULL || !json_equal(parsed, document))
            fail_msg("seed %d: %s: %s", (int)seed, parsed == NULL ? error.text : "differs",
                     buffer.bytes);
        json_decref(parsed);
        json_decref(document);
        lx_buffer_release(&buffer);
    }
}

static void test_a_document_that_is_too_large_fails_once_and_stays_failed(void **state)
{
    (void)state;
    struct lx_buffer buffer;
    lx_buffer_init(&buffer, 20);
    struct json_writer json;
    json_init(&json, &buffer);
    json_array_begin(&json);
    for (int i = 0; i < 100; i++) json_text(&json, "customer");
    json_array_end(&json);
    assert_int_equal(lx_buffer_error(&buffer), LX_ERR_LIMIT);
    lx_buffer_release(&buffer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_document_has_its_commas_and_brackets),
        cmocka_unit_test(test_texts_are_escaped_and_bad_bytes_replaced),
        cmocka_unit_test(test_reals_are_written_as_people_write_them),
        cmocka_unit_test(property_a_real_has_the_fewest_digits_that_read_back),
        cmocka_unit_test(property_jansson_reads_what_jansson_built_and_ours_wrote),
        cmocka_unit_test(test_a_document_that_is_too_large_fails_once_and_stays_failed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
