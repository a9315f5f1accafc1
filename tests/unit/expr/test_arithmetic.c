/*
 * Goal:   money times and by a real is the exact result, rounded once, half to even; like takes
 *         what a person says that it takes.
 * Method: tables; then seeded reals of every size beside 113-bit arithmetic, in which the products
 *         below are exact; like beside a matcher that tries everything.
 */
#include "cmocka_all.h"

#include <math.h>
#include <string.h>

#include "base/date.h"
#include "base/rng.h"
#include "expr/arithmetic.h"

__extension__ typedef __float128 wide;

static const struct {
    int64_t fen;
    double factor;
    int64_t product; /* INT64_MIN + 1: refused */
} products[] = {
    {5, 0.5, 2},
    {15, 0.5, 8},
    {-5, 0.5, -2},
    {-15, 0.5, -8},
    {5, -0.5, -2},
    {5, 0.1, 1}, /* the real next to one tenth is a little above it */
    {100, 0.0, 0},
    {100, -0.0, 0},
    {0, 1e300, 0},
    {1, 0x1p62, INT64_C(1) << 62},
    {1, 0x1p63, INT64_MIN + 1},
    {-1, 0x1p63, INT64_MIN},
    {INT64_MAX, 1.0, INT64_MAX},
    {INT64_MIN, 1.0, INT64_MIN},
    {INT64_MIN, -1.0, INT64_MIN + 1},
    {INT64_MAX, 0x1p-64, 0},
    {INT64_MIN, 0x1p-64, 0}, /* one half exactly, to even */
    {INT64_MAX, 0x1p-1074, 0},
    {INT64_MAX, 1e300, INT64_MIN + 1},
    {9007199254740993, 1.0, 9007199254740993}, /* no double */
    {9007199254740993, 3.0, 27021597764222979},
};

static void test_money_times_a_real_is_rounded_once(void **state)
{
    (void)state;
    for (size_t i = 0; i < LX_COUNT_OF(products); i++) {
        int64_t fen = INT64_MIN + 1;
        bool is_there = arithmetic_money_times_real(products[i].fen, products[i].factor, &fen);
        if (fen != products[i].product || is_there != (fen != INT64_MIN + 1))
            fail_msg("%lld * %g: %lld, want %lld", (long long)products[i].fen, products[i].factor,
                     (long long)fen, (long long)products[i].product);
    }
}

static const struct {
    int64_t fen;
    double divisor;
    int64_t quotient; /* INT64_MIN + 1: refused */
} quotients[] = {
    {5, 2.0, 2},
    {7, 2.0, 4},
    {-7, 2.0, -4},
    {7, -2.0, -4},
    {100, 3.0, 33},
    {200, 3.0, 67},
    {1, 0.1, 10},
    {1, 1e300, 0},
    {0, 1e-300, 0},
    {1, 1e-300, INT64_MIN + 1},
    {1, 0x1p-62, INT64_C(1) << 62},
    {1, 0x1p-63, INT64_MIN + 1},
    {-1, 0x1p-63, INT64_MIN},
    {INT64_MAX, 0x1p64, 0},
    {INT64_MIN, 0x1p64, 0}, /* one half exactly, to even */
    {INT64_MAX, 1.0, INT64_MAX},
    {INT64_MIN, -1.0, INT64_MIN + 1},
    {3, 0x1.8p-60, INT64_C(1) << 61},
    {1, 0x1.fffffffffffffp-65, INT64_MIN + 1},
};

static void test_money_by_a_real_is_rounded_once(void **state)
{
    (void)state;
    for (size_t i = 0; i < LX_COUNT_OF(quotients); i++) {
        int64_t fen = INT64_MIN + 1;
        bool is_there = arithmetic_money_by_real(quotients[i].fen, quotients[i].divisor, &fen);
        if (fen != quotients[i].quotient || is_there != (fen != INT64_MIN + 1))
            fail_msg("%lld / %g: %lld, want %lld", (long long)quotients[i].fen,
                     quotients[i].divisor, (long long)fen, (long long)quotients[i].quotient);
    }
}

static wide absolute(wide value)
{
    return value < 0 ? -value : value;
}

/* `rest`, against `half`: the nearest, and of two as near the even one. */
static bool is_nearest(wide rest, wide half, int64_t result)
{
    return absolute(rest) < half || (absolute(rest) == half && result % 2 == 0);
}

static double random_real(struct lx_rng *rng, int most)
{
    uint64_t mantissa = lx_rng_next(rng) >> (11 + lx_rng_below(rng, 53));
    int exponent = (int)lx_rng_below(rng, (uint64_t)(2 * most)) - most;
    double value = ldexp((double)mantissa, exponent);
    return lx_rng_chance(rng, 0.5) ? value : -value;
}

static void property_no_other_amount_is_nearer_to_the_product_or_the_quotient(void **state)
{
    (void)state;
    int computed = 0;
    for (uint64_t seed = 0; seed < 500000; seed++) {
        struct lx_rng rng = lx_rng_of(seed, 0);
        int64_t fen = (int64_t)(lx_rng_next(&rng) >> (5 + lx_rng_below(&rng, 58))), result;
        double factor = random_real(&rng, 70);
        if (arithmetic_money_times_real(fen, factor, &result)) {
            wide rest = (wide)fen * factor - result;
            if (!is_nearest(rest, 0.5, result))
                fail_msg("seed %d: %lld * %a is not %lld", (int)seed, (long long)fen, factor,
                         (long long)result);
            computed++;
        } else {
            assert_true(absolute((wide)fen * factor) >= (wide)INT64_MAX);
        }
        if (factor == 0 || !arithmetic_money_by_real(fen, factor, &result)) continue;
        computed++;
        if (result >> 58 != 0 && result >> 58 != -1) continue; /* the check would not be exact */
        wide rest = (wide)result * factor - fen;
        if (!is_nearest(rest, absolute((wide)factor) / 2, result))
            fail_msg("seed %d: %lld / %a is not %lld", (int)seed, (long long)fen, factor,
                     (long long)result);
    }
    assert_true(computed > 300000);
}

static void test_rounding_goes_to_even_and_stays_in_range(void **state)
{
    (void)state;
    static const struct {
        double value;
        int64_t rounded, floored;
    } rows[] = {{0.5, 0, 0},
                {1.5, 2, 1},
                {2.5, 2, 2},
                {-0.5, 0, -1},
                {-1.5, -2, -2},
                {0.49999999999999994, 0, 0},
                {-0.1, 0, -1},
                {2251799813685249.5, 2251799813685250, 2251799813685249},
                {-0x1p63, INT64_MIN, INT64_MIN}};
    int64_t value;
    for (size_t i = 0; i < LX_COUNT_OF(rows); i++) {
        assert_true(arithmetic_round(rows[i].value, &value));
        assert_int_equal(value, rows[i].rounded);
        assert_true(arithmetic_floor(rows[i].value, &value));
        assert_int_equal(value, rows[i].floored);
    }
    assert_false(arithmetic_round(0x1p63, &value));
    assert_false(arithmetic_floor(-0x1.0000000000001p63, &value));
    assert_false(arithmetic_round(NAN, &value));
    assert_false(arithmetic_floor(INFINITY, &value));
}

static void test_dates_stay_in_the_calendar(void **state)
{
    (void)state;
    int64_t day;
    assert_true(arithmetic_plus_days(LX_DAY_MAX - 1, 1, &day) && day == LX_DAY_MAX);
    assert_false(arithmetic_plus_days(LX_DAY_MAX, 1, &day));
    assert_false(arithmetic_plus_days(LX_DAY_MIN, -1, &day));
    assert_false(arithmetic_plus_days(1, INT64_MAX, &day));
    assert_true(arithmetic_plus_months(LX_DAY_MIN, 12 * 9999 - 1, &day));
    assert_false(arithmetic_plus_months(LX_DAY_MIN, 12 * 9999, &day));
    assert_false(arithmetic_plus_months(LX_DAY_MIN, -1, &day));
    assert_false(arithmetic_plus_months(0, INT64_MIN, &day));
    for (int32_t start = 0; start < 1500; start++)
        for (int months = -30; months < 30; months++) {
            assert_true(arithmetic_plus_months(start, months, &day));
            assert_int_equal(day, lx_day_add_months(start, months));
        }
}

/* --- like ----------------------------------------------------------------------------------- */

/* Tries every way; characters of one byte. */
static bool matches(const char *text, const char *pattern, char escape)
{
    if (*pattern == '\0') return *text == '\0';
    if (*pattern == '%')
        return matches(text, pattern + 1, escape) ||
               (*text != '\0' && matches(text + 1, pattern, escape));
    if (*text == '\0') return false;
    if (escape != 0 && *pattern == escape && pattern[1] != '\0')
        return *text == pattern[1] && matches(text + 1, pattern + 2, escape);
    return (*pattern == '_' || *pattern == *text) && matches(text + 1, pattern + 1, escape);
}

static void property_like_finds_what_trying_everything_finds(void **state)
{
    (void)state;
    int found = 0;
    for (uint64_t seed = 0; seed < 300000; seed++) {
        struct lx_rng rng = lx_rng_of(seed, 0);
        char text[16], pattern[12], escape = lx_rng_chance(&rng, 0.3) ? '\\' : 0;
        size_t length = lx_rng_below(&rng, sizeof text), size = lx_rng_below(&rng, sizeof pattern);
        for (size_t i = 0; i < length; i++) text[i] = "aab%\\"[lx_rng_below(&rng, 5)];
        for (size_t i = 0; i < size; i++) pattern[i] = "aab%%_\\"[lx_rng_below(&rng, 7)];
        text[length] = pattern[size] = '\0';
        bool want = matches(text, pattern, escape);
        found += want;
        if (arithmetic_is_like(text, length, pattern, size, escape) != want)
            fail_msg("seed %d: '%s' like '%s', escape %d: want %d", (int)seed, text, pattern,
                     escape, want);
    }
    assert_true(found > 10000);
}

static void test_an_underscore_is_one_character_of_any_length(void **state)
{
    (void)state;
    static const struct {
        const char *text, *pattern;
        bool is_like;
    } rows[] = {{"客户经理", "____", true},
                {"客户经理", "___", false},
                {"客", "_", true},
                {"客", "__", false},
                {"😀é", "__", true},
                {"客户", "%户", true},
                {"客户经理", "客%理", true},
                {"客户", "户%", false},
                {"", "%", true},
                {"", "_", false},
                {"a客", "a_", true},
                {"杭州市", "_州_", true}};
    for (size_t i = 0; i < LX_COUNT_OF(rows); i++)
        if (arithmetic_is_like(rows[i].text, strlen(rows[i].text), rows[i].pattern,
                               strlen(rows[i].pattern), 0) != rows[i].is_like)
            fail_msg("'%s' like '%s'", rows[i].text, rows[i].pattern);
    assert_int_equal(arithmetic_length("客a😀", 8), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_money_times_a_real_is_rounded_once),
        cmocka_unit_test(test_money_by_a_real_is_rounded_once),
        cmocka_unit_test(property_no_other_amount_is_nearer_to_the_product_or_the_quotient),
        cmocka_unit_test(test_rounding_goes_to_even_and_stays_in_range),
        cmocka_unit_test(test_dates_stay_in_the_calendar),
        cmocka_unit_test(property_like_finds_what_trying_everything_finds),
        cmocka_unit_test(test_an_underscore_is_one_character_of_any_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
