#include "codec/field.h"

#include <locale.h>
#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/date.h"

enum { REAL_TEXT_MAX = 512 };

struct text {
    const char *at, *end;
};

static bool is_space(char byte)
{
    return byte == ' ' || byte == '\t';
}

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

static struct text trimmed(const char *text, size_t length)
{
    struct text trim = {text, length == 0 ? text : text + length};
    while (trim.at < trim.end && is_space(trim.at[0])) trim.at++;
    while (trim.at < trim.end && is_space(trim.end[-1])) trim.end--;
    return trim;
}

/* Takes a sign if there is one; true for minus. */
static bool take_sign(struct text *text)
{
    if (text->at == text->end || (text->at[0] != '-' && text->at[0] != '+')) return false;
    return *text->at++ == '-';
}

static enum lx_err check_begins_with_digit(struct text text, struct lx_error *err)
{
    if (text.at == text.end) return lx_fail(err, LX_ERR_BAD_INPUT, "not a number: no digits");
    if (!is_digit(text.at[0])) return lx_fail(err, LX_ERR_BAD_INPUT, "not a number");
    return LX_OK;
}

/* Digits as a negative number, which has the larger range. */
static enum lx_err take_digits(struct text *text, int64_t *negative, struct lx_error *err)
{
    for (; text->at < text->end && is_digit(text->at[0]); text->at++) {
        if (__builtin_mul_overflow(*negative, 10, negative) ||
            __builtin_sub_overflow(*negative, text->at[0] - '0', negative))
            return lx_fail(err, LX_ERR_OVERFLOW, "a number of more than 64 bits");
    }
    return LX_OK;
}

static enum lx_err with_sign(int64_t negative, bool is_negative, int64_t *ret_value,
                             struct lx_error *err)
{
    if (!is_negative && negative == INT64_MIN)
        return lx_fail(err, LX_ERR_OVERFLOW, "a number of more than 64 bits");
    *ret_value = is_negative ? negative : -negative;
    return LX_OK;
}

enum lx_err field_int64(const char *text, size_t length, int64_t *ret_value, struct lx_error *err)
{
    LX_ASSERT(ret_value != NULL);
    LX_ASSERT(text != NULL || length == 0);

    struct text left = trimmed(text, length);
    if (left.at == left.end) return lx_fail(err, LX_ERR_BAD_INPUT, "empty");
    bool is_negative = take_sign(&left);
    int64_t negative = 0;
    enum lx_err code = check_begins_with_digit(left, err);
    if (code == LX_OK) code = take_digits(&left, &negative, err);
    if (code != LX_OK) return code;
    if (left.at < left.end && left.at[0] == '.')
        return lx_fail(err, LX_ERR_BAD_INPUT, "not a whole number");
    if (left.at < left.end) return lx_fail(err, LX_ERR_BAD_INPUT, "not a number");
    return with_sign(negative, is_negative, ret_value, err);
}

/* A decimal number taken apart: mantissa * 10^exponent, exact unless is_cut. */
struct decimal {
    uint64_t mantissa;
    int64_t exponent;
    int digit_count; /* without leading zeros */
    bool is_cut;
};

static size_t take_mantissa_digits(struct text *text, struct decimal *decimal, int exponent_step)
{
    const char *start = text->at;
    for (; text->at < text->end && is_digit(text->at[0]); text->at++) {
        if (decimal->digit_count >= 19) {
            decimal->is_cut = true;
            continue;
        }
        decimal->mantissa = decimal->mantissa * 10 + (uint64_t)(text->at[0] - '0');
        decimal->digit_count += decimal->mantissa > 0;
        decimal->exponent += exponent_step;
    }
    return (size_t)(text->at - start);
}

static enum lx_err take_exponent(struct text *text, struct decimal *decimal, struct lx_error *err)
{
    if (text->at == text->end || (text->at[0] != 'e' && text->at[0] != 'E')) return LX_OK;
    text->at++;
    bool is_negative = take_sign(text);
    if (text->at == text->end || !is_digit(text->at[0]))
        return lx_fail(err, LX_ERR_BAD_INPUT, "not a number: no digits in the exponent");
    int64_t exponent = 0;
    for (; text->at < text->end && is_digit(text->at[0]); text->at++)
        if (exponent < 100000) exponent = exponent * 10 + (text->at[0] - '0');
    decimal->exponent += is_negative ? -exponent : exponent;
    return LX_OK;
}

/* Clinger's fast path: both factors are exact doubles, so one rounding happens and it is right. */
static bool is_exact(const struct decimal *decimal, double *ret_value)
{
    static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                    1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                    1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    if (decimal->is_cut || decimal->mantissa > (uint64_t)1 << 53) return false;
    if (decimal->exponent < -22 || decimal->exponent > 22) return false;
    double mantissa = (double)decimal->mantissa;
    *ret_value = decimal->exponent < 0 ? mantissa / powers[-decimal->exponent]
                                       : mantissa * powers[decimal->exponent];
    return true;
}

/* One for the program's life, so that a library that calls setlocale cannot change our numbers. */
static locale_t c_locale(void)
{
    static _Atomic(locale_t) shared;
    locale_t locale = atomic_load(&shared);
    if (locale != (locale_t)0) return locale;

    locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    LX_ASSERT(locale != (locale_t)0);
    locale_t expected = (locale_t)0;
    if (!atomic_compare_exchange_strong(&shared, &expected, locale)) {
        freelocale(locale);
        return expected;
    }
    return locale;
}

static enum lx_err slow_real(struct text whole, double *ret_value, struct lx_error *err)
{
    char copy[REAL_TEXT_MAX + 1];
    size_t length = (size_t)(whole.end - whole.at);
    if (length > REAL_TEXT_MAX)
        return lx_fail(err, LX_ERR_BAD_INPUT, "a number of more than %d characters", REAL_TEXT_MAX);
    memcpy(copy, whole.at, length);
    copy[length] = '\0';
    char *end;
    double value = strtod_l(copy, &end, c_locale());
    LX_ASSERT(end == copy + length);
    if (!isfinite(value)) return lx_fail(err, LX_ERR_OVERFLOW, "a number of more than 1.8e308");
    *ret_value = value;
    return LX_OK;
}

enum lx_err field_real(const char *text, size_t length, double *ret_value, struct lx_error *err)
{
    LX_ASSERT(ret_value != NULL);
    LX_ASSERT(text != NULL || length == 0);

    struct text whole = trimmed(text, length), left = whole;
    if (left.at == left.end) return lx_fail(err, LX_ERR_BAD_INPUT, "empty");
    bool is_negative = take_sign(&left);
    struct decimal decimal = {0};
    size_t digit_count = take_mantissa_digits(&left, &decimal, 0);
    if (left.at < left.end && left.at[0] == '.') {
        left.at++;
        digit_count += take_mantissa_digits(&left, &decimal, -1);
    }
    if (digit_count == 0) return lx_fail(err, LX_ERR_BAD_INPUT, "not a number");
    enum lx_err code = take_exponent(&left, &decimal, err);
    if (code != LX_OK) return code;
    if (left.at < left.end) return lx_fail(err, LX_ERR_BAD_INPUT, "not a number");

    double value;
    if (!is_exact(&decimal, &value)) return slow_real(whole, ret_value, err);
    *ret_value = is_negative ? -value : value;
    return LX_OK;
}

/* The whole yuan: digits, or groups of three after a first group of one to three. */
static enum lx_err take_yuan(struct text *text, int64_t *negative, struct lx_error *err)
{
    const char *start = text->at;
    enum lx_err code = take_digits(text, negative, err);
    if (code != LX_OK || text->at == text->end || text->at[0] != ',') return code;
    if (text->at == start || text->at - start > 3)
        return lx_fail(err, LX_ERR_BAD_INPUT, "a thousands separator in the wrong place");
    while (code == LX_OK && text->at < text->end && text->at[0] == ',') {
        start = ++text->at;
        code = take_digits(text, negative, err);
        if (code == LX_OK && text->at - start != 3)
            return lx_fail(err, LX_ERR_BAD_INPUT, "a thousands separator in the wrong place");
    }
    return code;
}

/* The decimals, as if there were always two. */
static enum lx_err take_decimals(struct text *text, int64_t *negative, struct lx_error *err)
{
    struct text decimals = *text;
    enum lx_err code = take_digits(&decimals, negative, err);
    size_t count = (size_t)(decimals.at - text->at);
    if (count > 2) return lx_fail(err, LX_ERR_BAD_INPUT, "more than two decimals");
    if (count == 0) return lx_fail(err, LX_ERR_BAD_INPUT, "no digits after the point");
    *text = decimals;
    if (code == LX_OK && count == 1 && __builtin_mul_overflow(*negative, 10, negative))
        code = LX_ERR_OVERFLOW;
    return code == LX_OK ? LX_OK : lx_fail(err, code, "an amount of more than 64 bits");
}

enum lx_err field_yuan(const char *text, size_t length, int64_t *ret_fen, struct lx_error *err)
{
    LX_ASSERT(ret_fen != NULL);
    LX_ASSERT(text != NULL || length == 0);

    struct text left = trimmed(text, length);
    if (left.at == left.end) return lx_fail(err, LX_ERR_BAD_INPUT, "empty");
    bool is_negative = take_sign(&left);
    int64_t negative = 0;
    const char *start = left.at;
    enum lx_err code = take_yuan(&left, &negative, err);
    if (code != LX_OK) return code;
    bool has_point = left.at < left.end && left.at[0] == '.';
    if (left.at == start && !has_point) return lx_fail(err, LX_ERR_BAD_INPUT, "not a number");
    if (has_point) {
        left.at++;
        code = take_decimals(&left, &negative, err);
        if (code != LX_OK) return code;
    } else if (__builtin_mul_overflow(negative, 100, &negative)) {
        return lx_fail(err, LX_ERR_OVERFLOW, "an amount of more than 64 bits");
    }
    if (left.at < left.end) return lx_fail(err, LX_ERR_BAD_INPUT, "not a number");
    return with_sign(negative, is_negative, ret_fen, err);
}

/* Letters stand for digits of their part; anything else stands for itself. */
static const struct {
    const char *text, *pattern; /* NULL: not of fixed width */
} date_forms[] = {
    [FIELD_DATE_ISO] = {"YYYY-MM-DD", "YYYY-MM-DD"},
    [FIELD_DATE_COMPACT] = {"YYYYMMDD", "YYYYMMDD"},
    [FIELD_DATE_SLASH] = {"YYYY/MM/DD", "YYYY/MM/DD"},
    [FIELD_DATE_DMY] = {"DD-MM-YYYY", "DD-MM-YYYY"},
    [FIELD_DATE_YEAR] = {"YYYY", "YYYY"},
    [FIELD_DATE_EPOCH_SECONDS] = {"epoch-seconds", NULL},
    [FIELD_DATE_EPOCH_MS] = {"epoch-ms", NULL},
    [FIELD_DATE_DATETIME] = {"YYYY-MM-DD HH:MM:SS", "YYYY-MM-DD hh:mm:ss"},
    [FIELD_DATE_COMPACT_DATETIME] = {"YYYYMMDDHHMMSS", "YYYYMMDDhhmmss"},
};
_Static_assert(LX_COUNT_OF(date_forms) == FIELD_DATE_FORM_COUNT, "a row for each form");

const char *field_date_form_text(enum field_date_form form)
{
    LX_ASSERT((unsigned)form < FIELD_DATE_FORM_COUNT);

    return date_forms[form].text;
}

bool field_date_form_find(const char *text, enum field_date_form *ret_form)
{
    LX_ASSERT(text != NULL && ret_form != NULL);

    for (int form = 0; form < FIELD_DATE_FORM_COUNT; form++) {
        if (strcmp(date_forms[form].text, text) != 0) continue;
        *ret_form = (enum field_date_form)form;
        return true;
    }
    return false;
}

struct parts {
    int year, month, day, hour, minute, second;
};

static int *part_of(struct parts *parts, char letter)
{
    switch (letter) {
    case 'Y': return &parts->year;
    case 'M': return &parts->month;
    case 'D': return &parts->day;
    case 'h': return &parts->hour;
    case 'm': return &parts->minute;
    case 's': return &parts->second;
    default: return NULL;
    }
}

static bool take_parts(struct text text, const char *pattern, struct parts *parts)
{
    for (; *pattern != '\0'; pattern++, text.at++) {
        if (text.at == text.end) return false;
        int *part = part_of(parts, *pattern);
        if (part == NULL && text.at[0] != *pattern) return false;
        if (part == NULL) continue;
        if (!is_digit(text.at[0])) return false;
        *part = *part * 10 + (text.at[0] - '0');
    }
    return text.at == text.end;
}

static enum lx_err check_parts(const struct parts *parts, struct lx_error *err)
{
    struct lx_civil civil = {parts->year, parts->month, parts->day};
    if (parts->year < 1) return lx_fail(err, LX_ERR_BAD_INPUT, "year %d", parts->year);
    if (parts->month < 1 || parts->month > 12)
        return lx_fail(err, LX_ERR_BAD_INPUT, "month %d", parts->month);
    if (parts->day < 1 || parts->day > 31)
        return lx_fail(err, LX_ERR_BAD_INPUT, "day %d", parts->day);
    if (!lx_civil_is_valid(civil))
        return lx_fail(err, LX_ERR_BAD_INPUT, "day %d of month %d in %d", parts->day, parts->month,
                       parts->year);
    if (parts->hour > 23) return lx_fail(err, LX_ERR_BAD_INPUT, "hour %d", parts->hour);
    if (parts->minute > 59) return lx_fail(err, LX_ERR_BAD_INPUT, "minute %d", parts->minute);
    if (parts->second > 59) return lx_fail(err, LX_ERR_BAD_INPUT, "second %d", parts->second);
    return LX_OK;
}

/* A moment whose day is between 0001-01-01 and 9999-12-31. */
static enum lx_err epoch(struct text text, int64_t unit_ms, int utc_offset_minutes,
                         int64_t *ret_at_ms, struct lx_error *err)
{
    int64_t count;
    enum lx_err code = field_int64(text.at, (size_t)(text.end - text.at), &count, err);
    if (code != LX_OK) return code;
    int64_t first_ms = lx_ms_of_day(LX_DAY_MIN, utc_offset_minutes);
    int64_t last_ms = lx_ms_of_day(LX_DAY_MAX, utc_offset_minutes) + LX_MS_PER_DAY - 1;
    int64_t at_ms;
    if (__builtin_mul_overflow(count, unit_ms, &at_ms) || at_ms < first_ms || at_ms > last_ms)
        return lx_fail(err, LX_ERR_OVERFLOW, "a moment outside the years 1 to 9999");
    *ret_at_ms = at_ms;
    return LX_OK;
}

enum lx_err field_moment(const char *text, size_t length, enum field_date_form form,
                         int utc_offset_minutes, int64_t *ret_at_ms, struct lx_error *err)
{
    LX_ASSERT(ret_at_ms != NULL && (unsigned)form < FIELD_DATE_FORM_COUNT);
    LX_ASSERT(text != NULL || length == 0);

    struct text whole = trimmed(text, length);
    if (whole.at == whole.end) return lx_fail(err, LX_ERR_BAD_INPUT, "empty");
    const char *pattern = date_forms[form].pattern;
    if (pattern == NULL)
        return epoch(whole, form == FIELD_DATE_EPOCH_SECONDS ? 1000 : 1, utc_offset_minutes,
                     ret_at_ms, err);

    struct parts parts = {0};
    if (!take_parts(whole, pattern, &parts))
        return lx_fail(err, LX_ERR_BAD_INPUT, "not of the form %s", date_forms[form].text);
    if (form == FIELD_DATE_YEAR) parts.month = parts.day = 1;
    enum lx_err code = check_parts(&parts, err);
    if (code != LX_OK) return code;

    int32_t day = lx_day_of_civil((struct lx_civil){parts.year, parts.month, parts.day});
    int64_t second = parts.hour * 3600 + parts.minute * 60 + parts.second;
    *ret_at_ms = lx_ms_of_day(day, utc_offset_minutes) + second * 1000;
    return LX_OK;
}
