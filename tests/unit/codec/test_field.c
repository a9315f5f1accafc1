/*
 * Goal:   a field is the value that it says or is refused with words that say what is wrong;
 *         nothing is guessed, cut off or rounded.
 * Method: tables of texts with the value or the message; seeded values written in every accepted
 *         form and read back; strtod as a second opinion on reals; seeded garbage beside a grammar
 *         that is written down once more.
 */
#include "cmocka_all.h"

#include <inttypes.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/date.h"
#include "base/rng.h"
#include "codec/field.h"

struct integer_row {
    const char *text;
    int64_t value;
    const char *message; /* NULL: the value */
};

static void check_integers(enum lx_err (*read)(const char *, size_t, int64_t *, struct lx_error *),
                           const struct integer_row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int64_t value = -77, want = rows[i].message == NULL ? rows[i].value : -77;
        struct lx_error err = {0};
        enum lx_err code = read(rows[i].text, strlen(rows[i].text), &value, &err);
        const char *message = rows[i].message == NULL ? "" : rows[i].message;
        if (value != want || strcmp(err.text, message) != 0 ||
            (code == LX_OK) != (err.code == LX_OK))
            fail_msg("\"%s\": %" PRId64 " \"%s\", want %" PRId64 " \"%s\"", rows[i].text, value,
                     err.text, want, message);
        assert_int_equal(read(rows[i].text, strlen(rows[i].text), &value, NULL), code);
    }
}

static void test_whole_numbers(void **state)
{
    (void)state;
    static const struct integer_row rows[] = {
        /* clang-format off */
        { "0",                    0,         NULL },
        { " \t42 ",               42,        NULL },
        { "-7",                   -7,        NULL },
        { "+7",                   7,         NULL },
        { "007",                  7,         NULL },
        { "9223372036854775807",  INT64_MAX, NULL },
        { "-9223372036854775808", INT64_MIN, NULL },
        { "9223372036854775808",  0, "a number of more than 64 bits" },
        { "-9223372036854775809", 0, "a number of more than 64 bits" },
        { "99999999999999999999999", 0, "a number of more than 64 bits" },
        { "",                     0, "empty" },
        { "   ",                  0, "empty" },
        { "-",                    0, "not a number: no digits" },
        { "abc",                  0, "not a number" },
        { "12a",                  0, "not a number" },
        { "1 2",                  0, "not a number" },
        { "--1",                  0, "not a number" },
        { "0x10",                 0, "not a number" },
        { "1e3",                  0, "not a number" },
        { "1.0",                  0, "not a whole number" },
        { "１２",                 0, "not a number" },
        /* clang-format on */
    };
    check_integers(field_int64, rows, LX_COUNT_OF(rows));
}

static void test_amounts_in_yuan(void **state)
{
    (void)state;
    static const struct integer_row rows[] = {
        /* clang-format off */
        { "0",             0,         NULL },
        { "1",             100,       NULL },
        { "1.5",           150,       NULL },
        { "1.05",          105,       NULL },
        { "-0.05",         -5,        NULL },
        { "+3.20",         320,       NULL },
        { ".5",            50,        NULL },
        { "  12.00 ",      1200,      NULL },
        { "1,234.50",      123450,    NULL },
        { "-1,234,567",    -123456700, NULL },
        { "999,999.99",    99999999,  NULL },
        { "0012",          1200,      NULL },
        { "92233720368547758.07",  INT64_MAX, NULL },
        { "-92233720368547758.08", INT64_MIN, NULL },
        { "92233720368547758.08",  0, "a number of more than 64 bits" },
        { "92233720368547759",     0, "an amount of more than 64 bits" },
        { "922337203685477580.1",  0, "an amount of more than 64 bits" },
        { "99999999999999999999",  0, "a number of more than 64 bits" },
        { "1.234",         0, "more than two decimals" },
        { "1.000",         0, "more than two decimals" },
        { "1.",            0, "no digits after the point" },
        { ".",             0, "no digits after the point" },
        { "1.x",           0, "no digits after the point" },
        { "1.2x",          0, "not a number" },
        { "1.2.3",         0, "not a number" },
        { "1,23",          0, "a thousands separator in the wrong place" },
        { "1,2345",        0, "a thousands separator in the wrong place" },
        { "1234,567",      0, "a thousands separator in the wrong place" },
        { ",123",          0, "a thousands separator in the wrong place" },
        { "1,,234",        0, "a thousands separator in the wrong place" },
        { "1,234,",        0, "a thousands separator in the wrong place" },
        { "1,234.5,0",     0, "not a number" },
        { "1.234,50",      0, "more than two decimals" },
        { "",              0, "empty" },
        { "-",             0, "not a number" },
        { "free",          0, "not a number" },
        { "¥5",            0, "not a number" },
        { "5元",           0, "not a number" },
        { "1e5",           0, "not a number" },
        /* clang-format on */
    };
    check_integers(field_yuan, rows, LX_COUNT_OF(rows));
}

static void property_amounts_read_back_in_every_form(void **state)
{
    (void)state;
    struct lx_rng rng = lx_rng_of(42, 0);
    for (int run = 0; run < 200000; run++) {
        int64_t fen = (int64_t)(lx_rng_next(&rng) >> 1) >> lx_rng_below(&rng, 63), got;
        const char *sign = lx_rng_chance(&rng, 0.5) ? "-" : "";
        char plain[40], grouped[60];
        int digits = snprintf(plain, sizeof plain, "%" PRId64, fen / 100), length = 0;
        for (int i = 0; i < digits; i++) {
            grouped[length++] = plain[i];
            if ((digits - 1 - i) % 3 == 0 && i + 1 < digits) grouped[length++] = ',';
        }
        grouped[length] = '\0';
        char text[100];
        snprintf(text, sizeof text, "%s%s.%02d", sign, lx_rng_chance(&rng, 0.5) ? plain : grouped,
                 (int)(fen % 100));
        int64_t want = sign[0] == '-' ? -fen : fen;
        if (field_yuan(text, strlen(text), &got, NULL) != LX_OK || got != want)
            fail_msg("run %d: %s", run, text);
    }
}

static void test_reals(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        double value;
        const char *message;
    } rows[] = {
        /* clang-format off */
        { "0",           0,       NULL },
        { "-1.5",        -1.5,    NULL },
        { "+.25",        0.25,    NULL },
        { "5.",          5,       NULL },
        { " 1e3 ",       1000,    NULL },
        { "1E-2",        0.01,    NULL },
        { "1e+2",        100,     NULL },
        { "0.1",         0.1,     NULL },
        { "9007199254740993", 9007199254740992.0, NULL },      /* 2^53 + 1: ties to even */
        { "9007199254740993.00000000000000000001", 9007199254740994.0, NULL },
        { "1.7976931348623157e308", 1.7976931348623157e308, NULL },
        { "1e-400",      0,       NULL },
        { "4.9e-324",    5e-324,  NULL },
        { "1e400",       0, "a number of more than 1.8e308" },
        { "-1e999999999999", 0, "a number of more than 1.8e308" },
        { "",            0, "empty" },
        { "nan",         0, "not a number" },
        { "inf",         0, "not a number" },
        { "-Infinity",   0, "not a number" },
        { "0x1p3",       0, "not a number" },
        { "1,5",         0, "not a number" },
        { "1 5",         0, "not a number" },
        { ".",           0, "not a number" },
        { "e5",          0, "not a number" },
        { "1e",          0, "not a number: no digits in the exponent" },
        { "1e+",         0, "not a number: no digits in the exponent" },
        { "1e5x",        0, "not a number" },
        /* clang-format on */
    };
    for (size_t i = 0; i < LX_COUNT_OF(rows); i++) {
        double value = -77, want = rows[i].message == NULL ? rows[i].value : -77;
        struct lx_error err = {0};
        enum lx_err code = field_real(rows[i].text, strlen(rows[i].text), &value, &err);
        const char *message = rows[i].message == NULL ? "" : rows[i].message;
        if (value != want || strcmp(err.text, message) != 0 ||
            (code == LX_OK) != (err.code == LX_OK))
            fail_msg("\"%s\": %.17g \"%s\", want \"%s\"", rows[i].text, value, err.text, message);
    }
}

static void test_a_real_of_endless_digits_is_refused_and_not_cut(void **state)
{
    (void)state;
    char digits[2000];
    memset(digits, '3', sizeof digits);
    double value = 1;
    struct lx_error err;
    assert_int_equal(field_real(digits, 300, &value, &err), LX_OK);
    assert_true(value > 3.3e299 && value < 3.4e299);
    assert_int_equal(field_real(digits, sizeof digits, &value, &err), LX_ERR_BAD_INPUT);
    assert_string_equal(err.text, "a number of more than 512 characters");
}

/* A decimal of random length with or without point and exponent. */
static void random_decimal(struct lx_rng *rng, char text[80])
{
    size_t length = 0;
    if (lx_rng_chance(rng, 0.3)) text[length++] = '-';
    uint64_t digits = 1 + lx_rng_below(rng, lx_rng_chance(rng, 0.5) ? 8 : 30);
    uint64_t point = lx_rng_below(rng, digits + 4);
    for (uint64_t i = 0; i < digits; i++) {
        if (i == point) text[length++] = '.';
        text[length++] = (char)('0' + lx_rng_below(rng, 10));
    }
    text[length] = '\0';
    if (lx_rng_chance(rng, 0.4))
        snprintf(text + length, 80 - length, "e%d", (int)lx_rng_below(rng, 660) - 340);
}

static void property_reals_are_those_of_strtod(void **state)
{
    (void)state;
    struct lx_rng rng = lx_rng_of(42, 1);
    for (int run = 0; run < 300000; run++) {
        char text[80];
        random_decimal(&rng, text);
        double want = strtod(text, NULL), got = 7;
        enum lx_err code = field_real(text, strlen(text), &got, NULL);
        bool is_right = isfinite(want) ? code == LX_OK && memcmp(&got, &want, sizeof got) == 0
                                       : code == LX_ERR_OVERFLOW && got == 7;
        if (!is_right) fail_msg("run %d: %s: %.17g, want %.17g", run, text, got, want);
    }
}

static void test_reals_do_not_depend_on_the_locale(void **state)
{
    (void)state;
    static const char *const locales[] = {"de_DE.UTF-8", "fr_FR.UTF-8", "ru_RU.UTF-8"};
    bool is_set = false;
    for (size_t i = 0; i < LX_COUNT_OF(locales) && !is_set; i++)
        is_set = setlocale(LC_ALL, locales[i]) != NULL;
    if (!is_set) {
        print_message("skipped: no locale with a decimal comma is installed\n");
        skip();
    }
    double value = 0;
    const char *text = "1234567890123456789.25e-5";
    enum lx_err code = field_real(text, strlen(text), &value, NULL);
    setlocale(LC_ALL, "C");
    assert_int_equal(code, LX_OK);
    assert_true(value == 1234567890123456789.25e-5);
}

/* A field lies in its row: what follows it is the next field, not its own. */
static void test_nothing_is_read_past_the_length(void **state)
{
    (void)state;
    int64_t value = 0;
    double real = 0;
    assert_int_equal(field_int64("123", 2, &value, NULL), LX_OK);
    assert_int_equal(value, 12);
    assert_int_equal(field_int64("-1", 1, &value, NULL), LX_ERR_BAD_INPUT);
    assert_int_equal(field_int64("1", 0, &value, NULL), LX_ERR_BAD_INPUT);
    assert_int_equal(field_yuan("1.25", 1, &value, NULL), LX_OK);
    assert_int_equal(value, 100);
    assert_int_equal(field_yuan("1.25", 2, &value, NULL), LX_ERR_BAD_INPUT);
    assert_int_equal(field_yuan("1.25", 3, &value, NULL), LX_OK);
    assert_int_equal(value, 120);
    assert_int_equal(field_yuan("1,2345", 5, &value, NULL), LX_OK);
    assert_int_equal(value, 123400);
    assert_int_equal(field_real("1.55", 3, &real, NULL), LX_OK);
    assert_true(real == 1.5);
    assert_int_equal(field_real("1.5e25", 5, &real, NULL), LX_OK);
    assert_true(real == 150);
    assert_int_equal(field_real("1e5", 2, &real, NULL), LX_ERR_BAD_INPUT);
    assert_int_equal(field_real("1e+5", 3, &real, NULL), LX_ERR_BAD_INPUT);
    assert_int_equal(field_moment("2024-01-012", 10, FIELD_DATE_ISO, 0, &value, NULL), LX_OK);
    assert_int_equal(field_moment("2024-01-01", 9, FIELD_DATE_ISO, 0, &value, NULL),
                     LX_ERR_BAD_INPUT);
}

static void test_every_date_form_is_found_by_its_text(void **state)
{
    (void)state;
    for (int i = 0; i < FIELD_DATE_FORM_COUNT; i++) {
        enum field_date_form form = FIELD_DATE_FORM_COUNT;
        assert_true(field_date_form_find(field_date_form_text((enum field_date_form)i), &form));
        assert_int_equal(form, i);
    }
    enum field_date_form form = FIELD_DATE_FORM_COUNT;
    assert_false(field_date_form_find("YYYY-DD-MM", &form));
    assert_int_equal(form, FIELD_DATE_FORM_COUNT);
}

static void test_moments(void **state)
{
    (void)state;
    static const struct {
        enum field_date_form form;
        const char *text, *moment, *message; /* the moment as lx_ms_format writes it at +08:00 */
    } rows[] = {
        /* clang-format off */
        { FIELD_DATE_ISO,      "2024-02-29",  "2024-02-29 00:00:00", NULL },
        { FIELD_DATE_ISO,      " 1987-12-31 ", "1987-12-31 00:00:00", NULL },
        { FIELD_DATE_ISO,      "1987-13-02",  NULL, "month 13" },
        { FIELD_DATE_ISO,      "1987-00-02",  NULL, "month 0" },
        { FIELD_DATE_ISO,      "1987-01-32",  NULL, "day 32" },
        { FIELD_DATE_ISO,      "1987-01-00",  NULL, "day 0" },
        { FIELD_DATE_ISO,      "2023-02-29",  NULL, "day 29 of month 2 in 2023" },
        { FIELD_DATE_ISO,      "0000-01-01",  NULL, "year 0" },
        { FIELD_DATE_ISO,      "87-01-01",    NULL, "not of the form YYYY-MM-DD" },
        { FIELD_DATE_ISO,      "1987-1-01",   NULL, "not of the form YYYY-MM-DD" },
        { FIELD_DATE_ISO,      "1987-01-011", NULL, "not of the form YYYY-MM-DD" },
        { FIELD_DATE_ISO,      "1987/01/01",  NULL, "not of the form YYYY-MM-DD" },
        { FIELD_DATE_ISO,      "19x7-01-01",  NULL, "not of the form YYYY-MM-DD" },
        { FIELD_DATE_ISO,      "",            NULL, "empty" },
        { FIELD_DATE_COMPACT,  "20240229",    "2024-02-29 00:00:00", NULL },
        { FIELD_DATE_COMPACT,  "2024022",     NULL, "not of the form YYYYMMDD" },
        { FIELD_DATE_COMPACT,  "20241301",    NULL, "month 13" },
        { FIELD_DATE_SLASH,    "2024/03/01",  "2024-03-01 00:00:00", NULL },
        { FIELD_DATE_DMY,      "31-12-2023",  "2023-12-31 00:00:00", NULL },
        { FIELD_DATE_DMY,      "12-31-2023",  NULL, "month 31" },
        { FIELD_DATE_YEAR,     "1987",        "1987-01-01 00:00:00", NULL },
        { FIELD_DATE_YEAR,     "87",          NULL, "not of the form YYYY" },
        { FIELD_DATE_EPOCH_SECONDS, "0",      "1970-01-01 08:00:00", NULL },
        { FIELD_DATE_EPOCH_SECONDS, "-1",     "1970-01-01 07:59:59", NULL },
        { FIELD_DATE_EPOCH_SECONDS, "1.5",    NULL, "not a whole number" },
        { FIELD_DATE_EPOCH_SECONDS, "253402271999", "9999-12-31 23:59:59", NULL },
        { FIELD_DATE_EPOCH_SECONDS, "253402272000", NULL, "a moment outside the years 1 to 9999" },
        { FIELD_DATE_EPOCH_SECONDS, "9223372036854775", NULL,
          "a moment outside the years 1 to 9999" },
        { FIELD_DATE_EPOCH_MS, "1709251199999", "2024-03-01 07:59:59", NULL },
        { FIELD_DATE_EPOCH_MS, "noon",        NULL, "not a number" },
        { FIELD_DATE_DATETIME, "2024-03-01 14:05:09", "2024-03-01 14:05:09", NULL },
        { FIELD_DATE_DATETIME, "2024-03-01T14:05:09", NULL, "not of the form YYYY-MM-DD HH:MM:SS" },
        { FIELD_DATE_DATETIME, "2024-03-01 24:00:00", NULL, "hour 24" },
        { FIELD_DATE_DATETIME, "2024-03-01 00:60:00", NULL, "minute 60" },
        { FIELD_DATE_DATETIME, "2024-03-01 00:00:60", NULL, "second 60" },
        { FIELD_DATE_DATETIME, "2024-03-01",  NULL, "not of the form YYYY-MM-DD HH:MM:SS" },
        { FIELD_DATE_COMPACT_DATETIME, "20240301140509", "2024-03-01 14:05:09", NULL },
        { FIELD_DATE_COMPACT_DATETIME, "20240301", NULL, "not of the form YYYYMMDDHHMMSS" },
        /* clang-format on */
    };
    for (size_t i = 0; i < LX_COUNT_OF(rows); i++) {
        int64_t at_ms = -77;
        struct lx_error err = {0};
        char text[LX_TIME_TEXT_SIZE] = "";
        enum lx_err code =
            field_moment(rows[i].text, strlen(rows[i].text), rows[i].form, 480, &at_ms, &err);
        if (code == LX_OK) lx_ms_format(at_ms, 480, text);
        const char *want = rows[i].message == NULL ? rows[i].moment : "";
        const char *message = rows[i].message == NULL ? "" : rows[i].message;
        if (strcmp(text, want) != 0 || strcmp(err.text, message) != 0)
            fail_msg("row %zu \"%s\": %s \"%s\", want %s \"%s\"", i, rows[i].text, text, err.text,
                     want, message);
        if (rows[i].message != NULL) assert_int_equal(at_ms, -77);
    }
}

static void property_moments_read_back_in_every_form(void **state)
{
    (void)state;
    static const char *const formats[] = {"%04d-%02d-%02d", "%04d%02d%02d", "%04d/%02d/%02d"};
    struct lx_rng rng = lx_rng_of(42, 2);
    for (int run = 0; run < 100000; run++) {
        int32_t day = (int32_t)lx_rng_below(&rng, LX_DAY_MAX - LX_DAY_MIN + 1) + LX_DAY_MIN;
        int offset = (int)lx_rng_below(&rng, 1560) - 720;
        int64_t second = (int64_t)lx_rng_below(&rng, 86400), got;
        struct lx_civil civil = lx_civil_of_day(day);
        char text[64];
        for (int form = 0; form < 3; form++) {
            snprintf(text, sizeof text, formats[form], civil.year, civil.month, civil.day);
            enum lx_err code =
                field_moment(text, strlen(text), (enum field_date_form)form, offset, &got, NULL);
            if (code != LX_OK || got != lx_ms_of_day(day, offset))
                fail_msg("run %d: %s", run, text);
        }
        int64_t want = lx_ms_of_day(day, offset) + second * 1000;
        lx_ms_format(want, offset, text);
        enum lx_err code =
            field_moment(text, strlen(text), FIELD_DATE_DATETIME, offset, &got, NULL);
        if (code != LX_OK || got != want) fail_msg("run %d: %s", run, text);
        snprintf(text, sizeof text, "%" PRId64, want);
        code = field_moment(text, strlen(text), FIELD_DATE_EPOCH_MS, offset, &got, NULL);
        if (code != LX_OK || got != want) fail_msg("run %d: %s", run, text);
    }
}

/* [+-]? ( D+ | D{1,3} (, DDD)+ )? ( . D{1,2} )? with a digit somewhere. */
static bool is_amount(const char *text)
{
    text += *text == '+' || *text == '-';
    size_t digits = strspn(text, "0123456789");
    const char *at = text + digits;
    if (*at == ',' && (digits < 1 || digits > 3)) return false;
    for (; *at == ','; at += 4)
        if (strspn(at + 1, "0123456789") != 3) return false;
    if (*at == '\0') return digits > 0;
    size_t decimals = strspn(at + 1, "0123456789");
    return *at == '.' && decimals >= 1 && decimals <= 2 && at[1 + decimals] == '\0';
}

static void property_garbage_is_judged_by_the_grammar(void **state)
{
    (void)state;
    struct lx_rng rng = lx_rng_of(42, 3);
    for (int run = 0; run < 300000; run++) {
        char text[12];
        size_t length = 1 + lx_rng_below(&rng, sizeof text - 1);
        for (size_t i = 0; i < length; i++) text[i] = "0123459,,.-+e"[lx_rng_below(&rng, 13)];
        text[length] = '\0';
        int64_t fen;
        struct lx_error err = {0};
        bool is_taken = field_yuan(text, length, &fen, &err) == LX_OK;
        if (is_taken != is_amount(text)) fail_msg("run %d: %s: %s", run, text, err.text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole_numbers),
        cmocka_unit_test(test_amounts_in_yuan),
        cmocka_unit_test(property_amounts_read_back_in_every_form),
        cmocka_unit_test(test_reals),
        cmocka_unit_test(test_a_real_of_endless_digits_is_refused_and_not_cut),
        cmocka_unit_test(property_reals_are_those_of_strtod),
        cmocka_unit_test(test_reals_do_not_depend_on_the_locale),
        cmocka_unit_test(test_nothing_is_read_past_the_length),
        cmocka_unit_test(test_every_date_form_is_found_by_its_text),
        cmocka_unit_test(test_moments),
        cmocka_unit_test(property_moments_read_back_in_every_form),
        cmocka_unit_test(property_garbage_is_judged_by_the_grammar),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
