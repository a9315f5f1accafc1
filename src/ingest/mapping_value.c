#include "ingest/mapping_value.h"

#include <string.h>

#include "bank/types.h"
#include "base/date.h"

static enum lx_err read_month(const char *text, size_t length, const char *pattern,
                              int utc_offset_minutes, int64_t *ret_at_ms, struct lx_error *err)
{
    /* The first of the month: the day is put in where the form has none. */
    char whole[16];
    bool is_compact = strlen(pattern) == 6;
    if (length != strlen(pattern))
        return lx_fail(err, LX_ERR_BAD_INPUT, "not of the form %s", pattern);
    memcpy(whole, text, length);
    memcpy(whole + length, is_compact ? "01" : "-01", is_compact ? 3 : 4);
    enum lx_err code =
        field_moment(whole, strlen(whole), is_compact ? FIELD_DATE_COMPACT : FIELD_DATE_ISO,
                     utc_offset_minutes, ret_at_ms, err);
    if (code == LX_OK || err == NULL || strncmp(err->text, "not of", 6) != 0) return code;
    return lx_fail(err, LX_ERR_BAD_INPUT, "not of the form %s", pattern);
}

static bool take_two(const char **at, const char *end, int *ret_number)
{
    if (end - *at < 2 || (*at)[0] < '0' || (*at)[0] > '9' || (*at)[1] < '0' || (*at)[1] > '9')
        return false;
    *ret_number = ((*at)[0] - '0') * 10 + ((*at)[1] - '0');
    *at += 2;
    return true;
}

/* Milliseconds of ".123456"; further digits are cut, as a moment has none. */
static bool take_fraction(const char **at, const char *end, int *ret_ms)
{
    *ret_ms = 0;
    if (*at == end || **at != '.') return true;
    const char *start = ++*at;
    for (int scale = 100; *at < end && **at >= '0' && **at <= '9'; (*at)++, scale /= 10)
        *ret_ms += (**at - '0') * scale;
    return *at > start;
}

/* "Z", "+08:00", "+0800", "+08" or nothing, which is the bank's own zone. */
static bool take_zone(const char **at, const char *end, int *minutes)
{
    if (*at == end) return true;
    char sign = *(*at)++;
    if (sign == 'Z') {
        *minutes = 0;
        return *at == end;
    }
    int hour, minute = 0;
    if ((sign != '+' && sign != '-') || !take_two(at, end, &hour)) return false;
    if (*at < end && **at == ':') (*at)++;
    if (*at < end && !take_two(at, end, &minute)) return false;
    if (*at != end || hour > 14 || minute > 59) return false;
    *minutes = (sign == '-' ? -1 : 1) * (hour * 60 + minute);
    return true;
}

static enum lx_err read_iso_8601(const char *text, size_t length, int utc_offset_minutes,
                                 int64_t *ret_at_ms, struct lx_error *err)
{
    static const char wrong[] = "not of the form YYYY-MM-DDTHH:MM:SS.fff+HH:MM";
    enum { WHOLE = 19 }; /* up to the seconds */
    if (length == 10)
        return field_moment(text, length, FIELD_DATE_ISO, utc_offset_minutes, ret_at_ms, err);
    if (length < WHOLE || (text[10] != 'T' && text[10] != ' '))
        return lx_fail(err, LX_ERR_BAD_INPUT, "%s", wrong);

    char whole[WHOLE];
    memcpy(whole, text, WHOLE);
    whole[10] = ' ';
    const char *at = text + WHOLE, *end = text + length;
    int fraction_ms, minutes = utc_offset_minutes;
    if (!take_fraction(&at, end, &fraction_ms) || !take_zone(&at, end, &minutes))
        return lx_fail(err, LX_ERR_BAD_INPUT, "%s", wrong);
    int64_t at_ms;
    enum lx_err code = field_moment(whole, WHOLE, FIELD_DATE_DATETIME, minutes, &at_ms, err);
    if (code != LX_OK) return code;
    *ret_at_ms = at_ms + fraction_ms;
    return LX_OK;
}

static enum lx_err read_moment(const struct mapping_field *field, const char *text, size_t length,
                               int utc_offset_minutes, int64_t *ret_at_ms, struct lx_error *err)
{
    switch (field->form) {
    case MAPPING_FORM_DATE:
        return field_moment(text, length, field->date_form, utc_offset_minutes, ret_at_ms, err);
    case MAPPING_FORM_MONTH:
        return read_month(text, length, "YYYY-MM", utc_offset_minutes, ret_at_ms, err);
    case MAPPING_FORM_COMPACT_MONTH:
        return read_month(text, length, "YYYYMM", utc_offset_minutes, ret_at_ms, err);
    case MAPPING_FORM_ISO_8601:
        return read_iso_8601(text, length, utc_offset_minutes, ret_at_ms, err);
    default: lx_bug(__FILE__, __LINE__, "form of a moment");
    }
}

enum lx_err mapping_constant_moment(const char *text, size_t length, int utc_offset_minutes,
                                    int64_t *ret_at_ms, struct lx_error *err)
{
    enum field_date_form form = length == 19 ? FIELD_DATE_DATETIME : FIELD_DATE_ISO;
    return field_moment(text, length, form, utc_offset_minutes, ret_at_ms, err);
}

/* A twelfth, half to even. */
static int64_t month_of_year(int64_t year_fen)
{
    int64_t quotient = year_fen / 12, rest = year_fen % 12;
    int64_t away = year_fen < 0 ? -1 : 1;
    int64_t twice = rest < 0 ? -2 * rest : 2 * rest;
    return twice > 12 || (twice == 12 && quotient % 2 != 0) ? quotient + away : quotient;
}

/* Yuan with any number of decimals, to the nearest fen, half to even. */
static enum lx_err read_rounded(const char *text, size_t length, int64_t *ret_fen,
                                struct lx_error *err)
{
    const char *point = memchr(text, '.', length), *end = text + length;
    if (point == NULL || end - point <= 3) return field_yuan(text, length, ret_fen, err);
    const char *rest = point + 3;
    bool is_above = rest[0] > '5', is_half = rest[0] == '5';
    for (const char *at = rest; at < end; at++) {
        if (*at < '0' || *at > '9') return lx_fail(err, LX_ERR_BAD_INPUT, "not a number");
        if (at > rest && *at != '0' && is_half) is_above = true;
    }
    int64_t fen = 0;
    enum lx_err code = field_yuan(text, (size_t)(rest - text), &fen, err);
    if (code != LX_OK) return code;
    bool is_odd = fen % 2 != 0;
    int64_t step = text[0] == '-' ? -1 : 1;
    if ((is_above || (is_half && is_odd)) && __builtin_add_overflow(fen, step, &fen))
        return lx_fail(err, LX_ERR_OVERFLOW, "an amount of more than 64 bits");
    *ret_fen = fen;
    return LX_OK;
}

static enum lx_err read_amount(const struct mapping_field *field, const char *text, size_t length,
                               int64_t *ret_fen, struct lx_error *err)
{
    if (field->form == MAPPING_FORM_FEN) {
        int64_t fen;
        enum lx_err code = field_int64(text, length, &fen, err);
        if (code == LX_OK) *ret_fen = fen;
        if (code == LX_OK && fen == INT64_MIN)
            return lx_fail(err, LX_ERR_OVERFLOW, "a number of more than 64 bits");
        return code;
    }
    int64_t fen = 0;
    enum lx_err code = field->form == MAPPING_FORM_YUAN ? field_yuan(text, length, &fen, err)
                                                        : read_rounded(text, length, &fen, err);
    if (code != LX_OK) return code;
    if (fen == INT64_MIN) return lx_fail(err, LX_ERR_OVERFLOW, "an amount of more than 64 bits");
    *ret_fen = field->form == MAPPING_FORM_YUAN_A_YEAR ? month_of_year(fen) : fen;
    return LX_OK;
}

static enum lx_err read_integer(const char *text, size_t length, int64_t max, int64_t *ret_value,
                                struct lx_error *err)
{
    int64_t value;
    enum lx_err code = field_int64(text, length, &value, err);
    if (code != LX_OK) return code;
    if (value < 0 || value > max)
        return lx_fail(err, LX_ERR_BAD_INPUT, "not between 0 and %lld", (long long)max);
    *ret_value = value;
    return LX_OK;
}

int mapping_shown_length(const char *text, size_t length)
{
    if (length <= LX_CODE_MAX) return (int)length;
    length = LX_CODE_MAX;
    while (length > 0 && ((unsigned char)text[length] & 0xC0) == 0x80) length--;
    return (int)length;
}

double mapping_share_of(int64_t value)
{
    double share;
    memcpy(&share, &value, sizeof share);
    return share;
}

static enum lx_err read_share(const struct mapping_field *field, const char *text, size_t length,
                              int64_t *ret_value, struct lx_error *err)
{
    double share;
    enum lx_err code = field_real(text, length, &share, err);
    if (code != LX_OK) return code;
    if (field->form == MAPPING_FORM_PERCENT) share /= 100;
    if (field->form == MAPPING_FORM_PPM) share /= 1000000;
    if (!(share >= 0 && share <= 1)) return lx_fail(err, LX_ERR_BAD_INPUT, "not between 0 and 1");
    memcpy(ret_value, &share, sizeof share);
    return LX_OK;
}

static enum lx_err read_bool(const struct mapping_file *file, const char *text, size_t length,
                             int64_t *ret_value, struct lx_error *err)
{
    if (lx_dictionary_find(&file->yes, text, length) >= 0) {
        *ret_value = 1;
        return LX_OK;
    }
    if (lx_dictionary_find(&file->no, text, length) < 0)
        return lx_fail(err, LX_ERR_BAD_INPUT, "neither of `yes` nor of `no`");
    *ret_value = 0;
    return LX_OK;
}

static enum lx_err read_sign(const char *text, size_t length, int64_t *ret_value,
                             struct lx_error *err)
{
    if (length != 1 || (text[0] != '+' && text[0] != '-'))
        return lx_fail(err, LX_ERR_BAD_INPUT, "neither + nor -");
    *ret_value = text[0] == '-' ? -1 : 1;
    return LX_OK;
}

static enum lx_err read_level(const char *text, size_t length, int64_t *ret_value,
                              struct lx_error *err)
{
    if (length == 2 && (text[0] == 'C' || text[0] == 'c')) {
        text++;
        length--;
    }
    if (length != 1 || text[0] < '1' || text[0] > '5')
        return lx_fail(err, LX_ERR_BAD_INPUT, "not a level from C1 to C5");
    *ret_value = text[0] - '0';
    return LX_OK;
}

static enum lx_err read_code(const struct mapping_field *field, const char *text, size_t length,
                             int64_t *ret_value, struct lx_error *err)
{
    int64_t value = 0;
    switch (mapping_field_type(field->id)) {
    case MAPPING_KIND: value = bank_event_kind_find(text, length); break;
    case MAPPING_CHANNEL: value = bank_channel_find(text, length); break;
    case MAPPING_ANSWER: value = bank_answer_find(text, length); break;
    case MAPPING_GENDER: value = bank_gender_find(text, length); break;
    case MAPPING_MERCHANT: value = bank_merchant_find(text, length); break;
    default: lx_bug(__FILE__, __LINE__, "type of a code");
    }
    if (value == 0)
        return lx_fail(err, LX_ERR_BAD_INPUT, "unknown code \"%.*s\"",
                       mapping_shown_length(text, length), text);
    *ret_value = value;
    return LX_OK;
}

enum lx_err mapping_value(const struct mapping_file *file, const struct mapping_field *field,
                          const char *text, size_t length, int utc_offset_minutes,
                          int64_t *ret_value, struct lx_error *err)
{
    LX_ASSERT(text != NULL && ret_value != NULL);

    switch (mapping_field_type(field->id)) {
    case MAPPING_MOMENT:
        return read_moment(field, text, length, utc_offset_minutes, ret_value, err);
    case MAPPING_DAY: {
        int64_t at_ms;
        enum lx_err code = read_moment(field, text, length, utc_offset_minutes, &at_ms, err);
        if (code == LX_OK) *ret_value = lx_day_of_ms(at_ms, utc_offset_minutes);
        return code;
    }
    case MAPPING_AMOUNT: return read_amount(field, text, length, ret_value, err);
    case MAPPING_COUNT: return read_integer(text, length, INT32_MAX, ret_value, err);
    case MAPPING_SEQUENCE: return read_integer(text, length, UINT32_MAX, ret_value, err);
    case MAPPING_SHARE: return read_share(field, text, length, ret_value, err);
    case MAPPING_BOOL: return read_bool(file, text, length, ret_value, err);
    case MAPPING_SIGN: return read_sign(text, length, ret_value, err);
    case MAPPING_LEVEL: return read_level(text, length, ret_value, err);
    case MAPPING_KIND:
    case MAPPING_CHANNEL:
    case MAPPING_ANSWER:
    case MAPPING_GENDER:
    case MAPPING_MERCHANT: return read_code(field, text, length, ret_value, err);
    case MAPPING_TEXT:
    case MAPPING_ID:
    case MAPPING_PRODUCT_CODE:
    case MAPPING_HELD: break;
    }
    lx_bug(__FILE__, __LINE__, "a type without a number");
}

enum lx_err mapping_value_written(const struct mapping_file *file,
                                  const struct mapping_field *field, const char *text,
                                  int utc_offset_minutes, int64_t *ret_value, struct lx_error *err)
{
    size_t length = strlen(text);
    enum mapping_type type = mapping_field_type(field->id);
    if (type != MAPPING_MOMENT && type != MAPPING_DAY)
        return mapping_value(file, field, text, length, utc_offset_minutes, ret_value, err);

    int64_t at_ms;
    enum lx_err code = mapping_constant_moment(text, length, utc_offset_minutes, &at_ms, err);
    if (code != LX_OK) return code;
    *ret_value = type == MAPPING_DAY ? lx_day_of_ms(at_ms, utc_offset_minutes) : at_ms;
    return LX_OK;
}

enum lx_err mapping_month(const char *text, size_t length, int *ret_month, struct lx_error *err)
{
    static const char *const months[] = {"january",   "february", "march",    "april",
                                         "may",       "june",     "july",     "august",
                                         "september", "october",  "november", "december"};
    char lower[16];
    for (size_t i = 0; i < length && i < sizeof lower; i++)
        lower[i] = text[i] >= 'A' && text[i] <= 'Z' ? (char)(text[i] + ('a' - 'A')) : text[i];
    for (int month = 0; month < 12; month++) {
        size_t whole = strlen(months[month]);
        if ((length != 3 && length != whole) || memcmp(lower, months[month], length) != 0) continue;
        *ret_month = month + 1;
        return LX_OK;
    }
    return lx_fail(err, LX_ERR_BAD_INPUT, "not the name of a month");
}

enum lx_err mapping_age(const char *text, size_t length, int *ret_years, struct lx_error *err)
{
    int64_t years = 0;
    enum lx_err code = read_integer(text, length, 150, &years, err);
    if (code == LX_OK) *ret_years = (int)years;
    return code;
}
