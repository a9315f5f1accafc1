#ifndef BASE_DATE_H
#define BASE_DATE_H

/*
 * date: days and times as integers. A day is an int32_t count since 1970-01-01, a moment an
 * int64_t count of milliseconds since 1970-01-01 00:00 UTC.
 *
 * The bank's time zone is a fixed offset from UTC in minutes (China: 480, no summer time); a bank
 * day ends at its midnight. Proleptic Gregorian calendar, years 1 to 9999.
 * Source: Howard Hinnant, "chrono-compatible low-level date algorithms".
 */

#include "base/base.h"

#define LX_MS_PER_DAY ((int64_t)86400000)

enum { LX_DAY_MIN = -719162, LX_DAY_MAX = 2932896 }; /* 0001-01-01 to 9999-12-31 */

struct lx_civil {
    int year, month, day; /* 1-12, 1-31 */
};

bool lx_civil_is_valid(struct lx_civil civil);
int32_t lx_day_of_civil(struct lx_civil civil); /* civil must be valid */
struct lx_civil lx_civil_of_day(int32_t day);

/* The bank day that a moment falls on, and the moment at which a bank day begins. */
int32_t lx_day_of_ms(int64_t at_ms, int utc_offset_minutes);
int64_t lx_ms_of_day(int32_t day, int utc_offset_minutes);

/* The same day `count` calendar months on; the 31st becomes the last day of a shorter month. */
int32_t lx_day_add_months(int32_t day, int count);
int32_t lx_day_first_of_month(int32_t day);

/* Whole years from `birth_day` to `day`, as a person counts his age. */
int lx_age_of(int32_t birth_day, int32_t day);

enum { LX_DATE_TEXT_SIZE = 11, LX_TIME_TEXT_SIZE = 24 };

/* "2026-03-01". */
void lx_day_format(int32_t day, char text[LX_DATE_TEXT_SIZE]);

/* "2026-03-01 14:05:09" in the bank's time. */
void lx_ms_format(int64_t at_ms, int utc_offset_minutes, char text[LX_TIME_TEXT_SIZE]);

/* Exactly YYYY-MM-DD and a day that exists. Other forms are read by codec/field.h. */
LX_MUST_USE enum lx_err lx_day_parse(const char *text, size_t length, int32_t *ret_day);

#endif
