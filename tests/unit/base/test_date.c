/*
 * Goal:   every day of the calendar has its number and its text, months and ages are counted as
 *         people count them, and a bank day begins at the bank's midnight.
 * Method: walk every day from 1600 to 2400 beside a calendar that only knows how to add one day;
 *         tables for the cases on which people argue; the C library's gmtime as a second opinion.
 */
#include "cmocka_all.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/date.h"
#include "base/rng.h"

static bool is_leap_year(int year)
{
    if (year % 400 == 0) return true;
    if (year % 100 == 0) return false;
    return year % 4 == 0;
}

static int last_of_month(int year, int month)
{
    if (month == 2) return is_leap_year(year) ? 29 : 28;
    return month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
}

static void add_one_day(struct lx_civil *civil)
{
    if (++civil->day <= last_of_month(civil->year, civil->month)) return;
    civil->day = 1;
    if (++civil->month <= 12) return;
    civil->month = 1;
    civil->year++;
}

static void test_every_day_from_1600_to_2400_has_its_number_and_text(void **state)
{
    (void)state;
    struct lx_civil civil = {1600, 1, 1};
    int32_t day = -135140; /* 1600-01-01, from the Julian day numbers 2305448 and 2440588 */
    for (; civil.year <= 2400; add_one_day(&civil), day++) {
        struct lx_civil got = lx_civil_of_day(day);
        char text[LX_DATE_TEXT_SIZE], want[32];
        lx_day_format(day, text);
        snprintf(want, sizeof want, "%04d-%02d-%02d", civil.year, civil.month, civil.day);
        int32_t parsed = -1;
        bool is_right = lx_day_of_civil(civil) == day && got.year == civil.year &&
                        got.month == civil.month && got.day == civil.day &&
                        strcmp(text, want) == 0 && lx_day_parse(text, 10, &parsed) == LX_OK &&
                        parsed == day && lx_day_first_of_month(day) == day - civil.day + 1;
        if (!is_right) fail_msg("day %d: %s, want %s", day, text, want);
    }
    assert_int_equal(lx_day_of_civil((struct lx_civil){1970, 1, 1}), 0);
}

static void test_the_first_and_the_last_day_are_the_limits(void **state)
{
    (void)state;
    assert_int_equal(lx_day_of_civil((struct lx_civil){1, 1, 1}), LX_DAY_MIN);
    assert_int_equal(lx_day_of_civil((struct lx_civil){9999, 12, 31}), LX_DAY_MAX);
    char text[LX_DATE_TEXT_SIZE];
    lx_day_format(LX_DAY_MIN, text);
    assert_string_equal(text, "0001-01-01");
    lx_day_format(LX_DAY_MAX, text);
    assert_string_equal(text, "9999-12-31");
}

static void test_days_that_do_not_exist_are_refused(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "2023-02-29",  "1900-02-29", "2024-02-30", "2024-04-31", "2024-13-01", "2024-00-10",
        "2024-01-00",  "2024-01-32", "0000-01-01", "2024-1-01",  "24-01-01",   "2024/01/01",
        "2024-01-01 ", " 2024-01-1", "2024-01-0x", "+024-01-01", "2024-01--1", "",
    };
    for (size_t i = 0; i < LX_COUNT_OF(rows); i++) {
        int32_t day = 77;
        if (lx_day_parse(rows[i], strlen(rows[i]), &day) != LX_ERR_BAD_INPUT || day != 77)
            fail_msg("\"%s\" was taken for day %d", rows[i], day);
    }
    assert_false(lx_civil_is_valid((struct lx_civil){2023, 2, 29}));
    assert_false(lx_civil_is_valid((struct lx_civil){10000, 1, 1}));
    assert_false(lx_civil_is_valid((struct lx_civil){2024, 1, -1}));
    assert_true(lx_civil_is_valid((struct lx_civil){2024, 2, 29}));
}

static int32_t day_of(const char *text)
{
    int32_t day = 0;
    assert_int_equal(lx_day_parse(text, strlen(text), &day), LX_OK);
    return day;
}

static void test_a_month_on_is_the_same_day_or_the_last_one(void **state)
{
    (void)state;
    static const struct {
        const char *from;
        int count;
        const char *to;
    } rows[] = {
        /* clang-format off */
        { "2024-01-31",    1, "2024-02-29" }, /* the shorter month's last day */
        { "2023-01-31",    1, "2023-02-28" },
        { "2024-02-29",   12, "2025-02-28" },
        { "2024-02-29",   48, "2028-02-29" },
        { "2024-03-15",   -3, "2023-12-15" },
        { "2024-01-01",   -1, "2023-12-01" },
        { "2024-12-31",    2, "2025-02-28" },
        { "2024-08-31",   -6, "2024-02-29" },
        { "2024-05-05",    0, "2024-05-05" },
        { "0001-02-01",   -1, "0001-01-01" },
        { "9999-11-30",    1, "9999-12-30" },
        /* clang-format on */
    };
    for (size_t i = 0; i < LX_COUNT_OF(rows); i++) {
        char text[LX_DATE_TEXT_SIZE];
        lx_day_format(lx_day_add_months(day_of(rows[i].from), rows[i].count), text);
        if (strcmp(text, rows[i].to) != 0)
            fail_msg("%s %+d: %s, want %s", rows[i].from, rows[i].count, text, rows[i].to);
    }
}

static void test_a_person_is_a_year_older_on_his_birthday(void **state)
{
    (void)state;
    static const struct {
        const char *birth, *on;
        int age;
    } rows[] = {
        {"1990-06-15", "2024-06-14", 33}, {"1990-06-15", "2024-06-15", 34},
        {"2000-02-29", "2023-02-28", 22}, {"2000-02-29", "2023-03-01", 23},
        {"2000-02-29", "2024-02-29", 24}, {"2024-05-01", "2024-05-01", 0},
        {"2024-05-01", "2024-04-30", -1},
    };
    for (size_t i = 0; i < LX_COUNT_OF(rows); i++) {
        int age = lx_age_of(day_of(rows[i].birth), day_of(rows[i].on));
        if (age != rows[i].age)
            fail_msg("born %s, on %s: %d, want %d", rows[i].birth, rows[i].on, age, rows[i].age);
    }
}

static void test_a_bank_day_begins_at_the_banks_midnight(void **state)
{
    (void)state;
    static const struct {
        int64_t at_ms;
        int offset;
        const char *text;
    } rows[] = {
        {0, 0, "1970-01-01 00:00:00"},
        {0, 480, "1970-01-01 08:00:00"},
        {-1, 0, "1969-12-31 23:59:59"},
        {-28800000, 480, "1970-01-01 00:00:00"},
        {-28800001, 480, "1969-12-31 23:59:59"},
        {1709251199999, 480, "2024-03-01 07:59:59"},
        {1709222400000, 480, "2024-03-01 00:00:00"},
        {0, -300, "1969-12-31 19:00:00"},
    };
    for (size_t i = 0; i < LX_COUNT_OF(rows); i++) {
        char text[LX_TIME_TEXT_SIZE], date[LX_DATE_TEXT_SIZE];
        lx_ms_format(rows[i].at_ms, rows[i].offset, text);
        assert_string_equal(text, rows[i].text);
        lx_day_format(lx_day_of_ms(rows[i].at_ms, rows[i].offset), date);
        assert_memory_equal(date, rows[i].text, 10);
    }
}

static void property_moments_agree_with_gmtime(void **state)
{
    (void)state;
    struct lx_rng rng = lx_rng_of(42, 4);
    for (int run = 0; run < 100000; run++) {
        int64_t at_ms = (int64_t)lx_rng_below(&rng, 40000ull * 86400000) - 20000ll * 86400000;
        int offset = (int)lx_rng_below(&rng, 27 * 60) - 13 * 60;
        time_t seconds =
            (time_t)((at_ms + offset * 60000ll - (at_ms + offset * 60000ll < 0 ? 999 : 0)) / 1000);
        struct tm tm;
        gmtime_r(&seconds, &tm);
        char want[64], text[LX_TIME_TEXT_SIZE];
        strftime(want, sizeof want, "%Y-%m-%d %H:%M:%S", &tm);
        lx_ms_format(at_ms, offset, text);
        int32_t day = lx_day_of_ms(at_ms, offset);
        int64_t since = at_ms - lx_ms_of_day(day, offset);
        if (strcmp(text, want) != 0 || since < 0 || since >= LX_MS_PER_DAY)
            fail_msg("run %d: %s, want %s", run, text, want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_day_from_1600_to_2400_has_its_number_and_text),
        cmocka_unit_test(test_the_first_and_the_last_day_are_the_limits),
        cmocka_unit_test(test_days_that_do_not_exist_are_refused),
        cmocka_unit_test(test_a_month_on_is_the_same_day_or_the_last_one),
        cmocka_unit_test(test_a_person_is_a_year_older_on_his_birthday),
        cmocka_unit_test(test_a_bank_day_begins_at_the_banks_midnight),
        cmocka_unit_test(property_moments_agree_with_gmtime),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
