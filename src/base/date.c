#include "base/date.h"

#include <stdio.h>

static bool is_leap(int year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int days_in_month(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return month == 2 && is_leap(year) ? 29 : days[month - 1];
}

bool lx_civil_is_valid(struct lx_civil civil)
{
    if (civil.year < 1 || civil.year > 9999) return false;
    if (civil.month < 1 || civil.month > 12) return false;
    return civil.day >= 1 && civil.day <= days_in_month(civil.year, civil.month);
}

int32_t lx_day_of_civil(struct lx_civil civil)
{
    LX_ASSERT(lx_civil_is_valid(civil));

    /* Years run from March, so that the leap day is the last of its year. */
    int year = civil.month <= 2 ? civil.year - 1 : civil.year;
    int era = year / 400, year_of_era = year - era * 400;
    int month = civil.month > 2 ? civil.month - 3 : civil.month + 9;
    int day_of_year = (153 * month + 2) / 5 + civil.day - 1;
    int day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

struct lx_civil lx_civil_of_day(int32_t day)
{
    LX_ASSERT(day >= LX_DAY_MIN && day <= LX_DAY_MAX);

    int shifted = day + 719468;
    int era = shifted / 146097, day_of_era = shifted - era * 146097;
    int year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int month = (5 * day_of_year + 2) / 153;
    struct lx_civil civil = {
        .year = era * 400 + year_of_era + (month >= 10),
        .month = month < 10 ? month + 3 : month - 9,
        .day = day_of_year - (153 * month + 2) / 5 + 1,
    };
    return civil;
}

int32_t lx_day_of_ms(int64_t at_ms, int utc_offset_minutes)
{
    int64_t local_ms = at_ms + (int64_t)utc_offset_minutes * 60000;
    int64_t day = local_ms / LX_MS_PER_DAY - (local_ms % LX_MS_PER_DAY < 0);
    LX_ASSERT(day >= INT32_MIN && day <= INT32_MAX);
    return (int32_t)day;
}

int64_t lx_ms_of_day(int32_t day, int utc_offset_minutes)
{
    return day * LX_MS_PER_DAY - (int64_t)utc_offset_minutes * 60000;
}

int32_t lx_day_add_months(int32_t day, int count)
{
    struct lx_civil civil = lx_civil_of_day(day);
    int months = civil.year * 12 + civil.month - 1 + count;
    LX_ASSERT(months >= 12 && months < 120000);

    civil.year = months / 12;
    civil.month = months % 12 + 1;
    int last = days_in_month(civil.year, civil.month);
    if (civil.day > last) civil.day = last;
    return lx_day_of_civil(civil);
}

int32_t lx_day_first_of_month(int32_t day)
{
    return day - lx_civil_of_day(day).day + 1;
}

int lx_age_of(int32_t birth_day, int32_t day)
{
    struct lx_civil birth = lx_civil_of_day(birth_day), now = lx_civil_of_day(day);
    bool is_before_birthday =
        now.month < birth.month || (now.month == birth.month && now.day < birth.day);
    return now.year - birth.year - is_before_birthday;
}

void lx_day_format(int32_t day, char text[LX_DATE_TEXT_SIZE])
{
    struct lx_civil civil = lx_civil_of_day(day);
    char wide[40];
    snprintf(wide, sizeof wide, "%04d-%02d-%02d", civil.year, civil.month, civil.day);
    for (int i = 0; i < LX_DATE_TEXT_SIZE; i++) text[i] = wide[i];
}

void lx_ms_format(int64_t at_ms, int utc_offset_minutes, char text[LX_TIME_TEXT_SIZE])
{
    int32_t day = lx_day_of_ms(at_ms, utc_offset_minutes);
    int64_t second = (at_ms - lx_ms_of_day(day, utc_offset_minutes)) / 1000;
    char date[LX_DATE_TEXT_SIZE];
    lx_day_format(day, date);
    snprintf(text, LX_TIME_TEXT_SIZE, "%s %02d:%02d:%02d", date, (int)(second / 3600 % 24),
             (int)(second / 60 % 60), (int)(second % 60));
}

static int digits(const char *text, size_t count)
{
    int value = 0;
    for (size_t i = 0; i < count; i++) {
        if (text[i] < '0' || text[i] > '9') return -1;
        value = value * 10 + (text[i] - '0');
    }
    return value;
}

enum lx_err lx_day_parse(const char *text, size_t length, int32_t *ret_day)
{
    LX_ASSERT(ret_day != NULL);

    if (length != 10 || text[4] != '-' || text[7] != '-') return LX_ERR_BAD_INPUT;
    struct lx_civil civil = {digits(text, 4), digits(text + 5, 2), digits(text + 8, 2)};
    if (!lx_civil_is_valid(civil)) return LX_ERR_BAD_INPUT;

    *ret_day = lx_day_of_civil(civil);
    return LX_OK;
}
