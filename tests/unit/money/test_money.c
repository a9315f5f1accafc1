/*
 * Goal:   amounts are exact, rounding is what the caller asked for, a split loses nothing, a
 *         failed operation leaves its result alone, and people read the amounts that they expect.
 * Method: tables for the cases that a person should be able to read, then seeded properties
 *         against schoolbook arithmetic: for division, the neighbour that the definition names is
 *         looked for among the candidates. A failure prints its row or its run.
 */
#include "cmocka_all.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "money/money.h"

__extension__ typedef __int128 i128;

static const char *const mode_names[] = {"down", "up", "half even"};

static void test_sums_differences_and_products_are_exact_or_refused(void **state)
{
    (void)state;
    static const struct {
        char operation;
        int64_t a, b, result;
        bool overflows;
    } rows[] = {
        /* clang-format off */
        { '+',         1,         2,         3, false },
        { '+', INT64_MAX,         0, INT64_MAX, false },
        { '+', INT64_MAX,         1,         0, true  },
        { '+', INT64_MIN,        -1,         0, true  },
        { '+', INT64_MIN, INT64_MAX,        -1, false },
        { '-',         1,         2,        -1, false },
        { '-',         0, INT64_MIN,         0, true  },
        { '-',        -1, INT64_MIN, INT64_MAX, false },
        { '-', INT64_MIN,         1,         0, true  },
        { '*',     12345,       -10,   -123450, false },
        { '*', INT64_MAX,         1, INT64_MAX, false },
        { '*', INT64_MAX,         2,         0, true  },
        { '*', INT64_MIN,        -1,         0, true  },
        { '*', INT64_MIN,         0,         0, false },
        /* clang-format on */
    };
    for (size_t i = 0; i < LX_COUNT_OF(rows); i++) {
        int64_t a = rows[i].a, b = rows[i].b, got = 42;
        enum lx_err code = rows[i].operation == '+'   ? money_add(a, b, &got)
                           : rows[i].operation == '-' ? money_sub(a, b, &got)
                                                      : money_mul(a, b, &got);
        int64_t want = rows[i].overflows ? 42 : rows[i].result;
        if (code != (rows[i].overflows ? LX_ERR_OVERFLOW : LX_OK) || got != want)
            fail_msg("row %zu: %s, %" PRId64 ", want %" PRId64, i, lx_err_name(code), got, want);
    }
}

static void test_a_sum_may_overflow_on_the_way_but_not_at_its_end(void **state)
{
    (void)state;
    int64_t sum = 42;
    const int64_t amounts[] = {INT64_MAX, INT64_MAX, INT64_MIN, INT64_MIN, 9};
    assert_int_equal(money_sum(amounts, 5, &sum), LX_OK);
    assert_int_equal(sum, 7);
    assert_int_equal(money_sum(amounts, 2, &sum), LX_ERR_OVERFLOW);
    assert_int_equal(sum, 7);
    assert_int_equal(money_sum(NULL, 0, &sum), LX_OK);
    assert_int_equal(sum, 0);
}

static void test_mul_ppm_rounds_as_told(void **state)
{
    (void)state;
    static const struct {
        int64_t fen, rate_ppm, down, up, half_even;
    } rows[] = {
        /* clang-format off */
        /* fen         ppm   down     up  half_even */
        {    100,   500000,    50,    50,    50 }, /* exact: every mode agrees */
        {      5,   500000,     2,     3,     2 }, /* tie, even below */
        {      7,   500000,     3,     4,     4 }, /* tie, even above */
        {     -5,   500000,    -2,    -3,    -2 }, /* symmetric about zero */
        {      5,  -500000,    -2,    -3,    -2 },
        {      1,        1,     0,     1,     0 },
        {     -1,        1,     0,    -1,     0 },
        { 123456,    35000,  4320,  4321,  4321 }, /* 3.5 % of 1,234.56 is 43.2096 */
        { INT64_MAX, 1000000, INT64_MAX, INT64_MAX, INT64_MAX },
        { INT64_MIN, 1000000, INT64_MIN, INT64_MIN, INT64_MIN },
        { INT64_MAX,       0,         0,         0,         0 },
        /* clang-format on */
    };
    for (size_t i = 0; i < LX_COUNT_OF(rows); i++) {
        const int64_t want[] = {rows[i].down, rows[i].up, rows[i].half_even};
        for (int mode = 0; mode < 3; mode++) {
            int64_t got = -1;
            assert_int_equal(
                money_mul_ppm(rows[i].fen, rows[i].rate_ppm, (enum money_rounding)mode, &got),
                LX_OK);
            if (got != want[mode])
                fail_msg("row %zu %s: %" PRId64 ", want %" PRId64, i, mode_names[mode], got,
                         want[mode]);
        }
    }
}

static void test_division_rounds_as_told(void **state)
{
    (void)state;
    static const struct {
        int64_t fen, divisor, down, up, half_even;
    } rows[] = {
        /* clang-format off */
        {  10,  4,  2,  3,  2 }, /* 2.5: the even neighbour */
        {  14,  4,  3,  4,  4 }, /* 3.5 */
        {  11,  4,  2,  3,  3 },
        {   9,  4,  2,  3,  2 },
        { -10,  4, -2, -3, -2 },
        {  10, -4, -2, -3, -2 },
        { -14, -4,  3,  4,  4 },
        {   0,  7,  0,  0,  0 },
        {   1, INT64_MAX, 0, 1, 0 },
        { INT64_MIN, INT64_MIN, 1, 1, 1 },
        { INT64_MIN, 1, INT64_MIN, INT64_MIN, INT64_MIN },
        /* clang-format on */
    };
    for (size_t i = 0; i < LX_COUNT_OF(rows); i++) {
        const int64_t want[] = {rows[i].down, rows[i].up, rows[i].half_even};
        for (int mode = 0; mode < 3; mode++) {
            int64_t got = -99;
            assert_int_equal(
                money_div_round(rows[i].fen, rows[i].divisor, (enum money_rounding)mode, &got),
                LX_OK);
            if (got != want[mode])
                fail_msg("row %zu %s: %" PRId64 ", want %" PRId64, i, mode_names[mode], got,
                         want[mode]);
        }
    }
}

static void test_a_ratio_is_in_parts_per_million(void **state)
{
    (void)state;
    int64_t ppm = -1;
    assert_int_equal(money_ratio_ppm(1, 3, MONEY_ROUND_HALF_EVEN, &ppm), LX_OK);
    assert_int_equal(ppm, 333333);
    assert_int_equal(money_ratio_ppm(2, 3, MONEY_ROUND_UP, &ppm), LX_OK);
    assert_int_equal(ppm, 666667);
    assert_int_equal(money_ratio_ppm(-5, 4, MONEY_ROUND_DOWN, &ppm), LX_OK);
    assert_int_equal(ppm, -1250000);
    assert_int_equal(money_ratio_ppm(INT64_MAX, INT64_MAX, MONEY_ROUND_DOWN, &ppm), LX_OK);
    assert_int_equal(ppm, 1000000);
}

static void test_a_failure_leaves_its_result_alone(void **state)
{
    (void)state;
    int64_t result = 42;
    enum money_rounding down = MONEY_ROUND_DOWN;
    assert_int_equal(money_mul_ppm(INT64_MAX, 1000001, down, &result), LX_ERR_OVERFLOW);
    assert_int_equal(money_mul_ppm(INT64_MIN, -1000000, down, &result), LX_ERR_OVERFLOW);
    assert_int_equal(money_mul_ppm(INT64_MAX, INT64_MAX, down, &result), LX_ERR_OVERFLOW);
    assert_int_equal(money_div_round(INT64_MIN, -1, down, &result), LX_ERR_OVERFLOW);
    assert_int_equal(money_ratio_ppm(INT64_MAX, 1, down, &result), LX_ERR_OVERFLOW);
    assert_int_equal(result, 42);
}

/* Is `quotient` what the mode's definition names for dividend / divisor? */
static bool is_rounded(i128 dividend, i128 divisor, i128 quotient, int mode)
{
    if (divisor < 0) {
        dividend = -dividend;
        divisor = -divisor;
    }
    i128 off = quotient * divisor - dividend; /* in units of 1 / divisor */
    i128 distance = off < 0 ? -off : off;
    bool is_toward_zero = dividend >= 0 ? off <= 0 : off >= 0;
    if (off == 0) return true;
    if (mode == MONEY_ROUND_DOWN) return distance < divisor && is_toward_zero;
    if (mode == MONEY_ROUND_UP) return distance < divisor && !is_toward_zero;
    return 2 * distance < divisor || (2 * distance == divisor && quotient % 2 == 0);
}

/* Small and huge values alike, so that ties and the ends of the range both come up. */
static int64_t random_amount(struct lx_rng *rng)
{
    uint64_t bits = lx_rng_next(rng);
    return (int64_t)bits >> lx_rng_below(rng, 64);
}

static void property_every_division_is_rounded_as_its_mode_says(void **state)
{
    (void)state;
    struct lx_rng rng = lx_rng_of(42, 0);
    for (int run = 0; run < 200000; run++) {
        int64_t a = random_amount(&rng), b = random_amount(&rng), got = 0;
        int mode = (int)lx_rng_below(&rng, 3);
        enum money_rounding rounding = (enum money_rounding)mode;
        if (b != 0 && money_div_round(a, b, rounding, &got) == LX_OK &&
            !is_rounded(a, b, got, mode))
            fail_msg("run %d: %" PRId64 " / %" PRId64 " %s", run, a, b, mode_names[mode]);
        if (money_mul_ppm(a, b, rounding, &got) == LX_OK &&
            !is_rounded((i128)a * b, 1000000, got, mode))
            fail_msg("run %d: %" PRId64 " * %" PRId64 " ppm %s", run, a, b, mode_names[mode]);
        if (b != 0 && money_ratio_ppm(a, b, rounding, &got) == LX_OK &&
            !is_rounded((i128)a * 1000000, b, got, mode))
            fail_msg("run %d: %" PRId64 " of %" PRId64 " %s", run, a, b, mode_names[mode]);
    }
}

static void test_split_gives_the_odd_fen_to_the_largest_remainder(void **state)
{
    (void)state;
    static const struct {
        int64_t total, weights[4], parts[4];
        size_t count;
    } rows[] = {
        /* clang-format off */
        {        100, { 1, 1, 1 },    { 34, 33, 33 },     3 }, /* a tie goes to the earlier part */
        {         10, { 0, 7, 4 },    { 0, 6, 4 },        3 },
        {        100, { 1, 2, 3, 1 }, { 14, 29, 43, 14 }, 4 },
        {          0, { 5, 5 },       { 0, 0 },           2 },
        {          1, { 1, 1, 1, 1 }, { 1, 0, 0, 0 },     4 },
        {          7, { 3 },          { 7 },              1 },
        {  INT64_MAX, { 1, 1 },       { INT64_MAX / 2 + 1, INT64_MAX / 2 }, 2 },
        {  INT64_MAX, { INT64_MAX, INT64_MAX, 0 }, { INT64_MAX / 2 + 1, INT64_MAX / 2, 0 }, 3 },
        /* clang-format on */
    };
    for (size_t i = 0; i < LX_COUNT_OF(rows); i++) {
        int64_t parts[4] = {-1, -1, -1, -1};
        money_split(rows[i].total, rows[i].weights, rows[i].count, parts);
        for (size_t j = 0; j < rows[i].count; j++)
            if (parts[j] != rows[i].parts[j])
                fail_msg("row %zu part %zu: %" PRId64 ", want %" PRId64, i, j, parts[j],
                         rows[i].parts[j]);
    }
}

/* Whatever the weights: the parts sum to the total, and none is a fen from its exact share. */
static void property_a_split_is_fair(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 5000; seed++) {
        struct lx_rng rng = lx_rng_of(seed, 1);
        int64_t weights[12], parts[12], total = random_amount(&rng) & INT64_MAX;
        i128 sum = 0, weight_sum = 0;
        size_t count = 1 + lx_rng_below(&rng, 12);
        for (size_t i = 0; i < count; i++)
            weight_sum += weights[i] = (random_amount(&rng) & INT64_MAX) >> 8;
        if (weight_sum == 0) continue;
        money_split(total, weights, count, parts);
        for (size_t i = 0; i < count; i++) {
            sum += parts[i];
            i128 off = (i128)parts[i] * weight_sum - (i128)total * weights[i];
            if (off >= weight_sum || -off >= weight_sum)
                fail_msg("seed %d: part %zu is unfair", (int)seed, i);
        }
        if (sum != total) fail_msg("seed %d: the parts are not the whole", (int)seed);
    }
}

static void test_the_largest_number_of_parts_is_taken(void **state)
{
    (void)state;
    int64_t weights[MONEY_PARTS_MAX], parts[MONEY_PARTS_MAX], sum = 0;
    for (size_t i = 0; i < MONEY_PARTS_MAX; i++) weights[i] = 1;
    money_split(1000, weights, MONEY_PARTS_MAX, parts);
    for (size_t i = 0; i < MONEY_PARTS_MAX; i++) {
        assert_int_equal(parts[i], i < 400 ? 2 : 1);
        sum += parts[i];
    }
    assert_int_equal(sum, 1000);
}

static void test_people_read_the_amounts_that_they_expect(void **state)
{
    (void)state;
    static const struct {
        int64_t fen;
        const char *exact, *brief;
    } rows[] = {
        /* clang-format off */
        {             0, "0.00",               "0" },
        {             5, "0.05",               "0.05" },
        {            -5, "-0.05",              "-0.05" },
        {         50000, "500.00",             "500" },
        {         99900, "999.00",             "999" },
        {        123450, "1,234.50",           "1,234.50" },
        {       -123400, "-1,234.00",          "-1,234" },
        {        999999, "9,999.99",           "9,999.99" },
        {       1000000, "10,000.00",          "1万" },
        {       3200000, "32,000.00",          "3.2万" },
        {       3204999, "32,049.99",          "3.2万" },
        {       3205000, "32,050.00",          "3.2万" },  /* 3.205: half to even */
        {       3215000, "32,150.00",          "3.22万" }, /* 3.215 */
        {       9999999, "99,999.99",          "10万" },
        {      12500000, "125,000.00",         "12.5万" },
        {      12340000, "123,400.00",         "12.3万" },
        {     123456789, "1,234,567.89",       "123万" },
        {    1234567890, "12,345,678.90",      "1,235万" },
        {    9999499999, "99,994,999.99",      "9,999万" },
        {    9999500000, "99,995,000.00",      "1亿" },    /* 9,999.5 wan would be 10,000 */
        {   10000000000, "100,000,000.00",     "1亿" },
        {   10500000000, "105,000,000.00",     "1.05亿" },
        {  -10500000000, "-105,000,000.00",    "-1.05亿" },
        { 1234567890123, "12,345,678,901.23",  "123亿" },
        { INT64_MAX, "92,233,720,368,547,758.07",  "922,337,204亿" },
        { INT64_MIN, "-92,233,720,368,547,758.08", "-922,337,204亿" },
        /* clang-format on */
    };
    for (size_t i = 0; i < LX_COUNT_OF(rows); i++) {
        char exact[MONEY_TEXT_SIZE], brief[MONEY_TEXT_SIZE];
        money_format(rows[i].fen, exact);
        money_format_short(rows[i].fen, brief);
        if (strcmp(exact, rows[i].exact) != 0 || strcmp(brief, rows[i].brief) != 0)
            fail_msg("row %zu: %s and %s, want %s and %s", i, exact, brief, rows[i].exact,
                     rows[i].brief);
    }
}

static double value_of(const char *text)
{
    char plain[MONEY_TEXT_SIZE];
    size_t length = 0;
    for (; *text != '\0' && (unsigned char)*text < 0x80; text++)
        if (*text != ',') plain[length++] = *text;
    plain[length] = '\0';
    double unit = strcmp(text, "万") == 0 ? 1e4 : strcmp(text, "亿") == 0 ? 1e8 : 1;
    return strtod(plain, NULL) * unit;
}

static void property_a_short_form_is_within_half_a_percent(void **state)
{
    (void)state;
    struct lx_rng rng = lx_rng_of(42, 2);
    for (int run = 0; run < 100000; run++) {
        int64_t fen = random_amount(&rng);
        char text[MONEY_TEXT_SIZE];
        money_format_short(fen, text);
        double yuan = (double)fen / 100, off = value_of(text) - yuan;
        double allowed = (yuan < 0 ? -yuan : yuan) * 0.005 + 1e-6;
        if (off > allowed || -off > allowed) fail_msg("run %d: %" PRId64 ": %s", run, fen, text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sums_differences_and_products_are_exact_or_refused),
        cmocka_unit_test(test_a_sum_may_overflow_on_the_way_but_not_at_its_end),
        cmocka_unit_test(test_mul_ppm_rounds_as_told),
        cmocka_unit_test(test_division_rounds_as_told),
        cmocka_unit_test(test_a_ratio_is_in_parts_per_million),
        cmocka_unit_test(test_a_failure_leaves_its_result_alone),
        cmocka_unit_test(property_every_division_is_rounded_as_its_mode_says),
        cmocka_unit_test(test_split_gives_the_odd_fen_to_the_largest_remainder),
        cmocka_unit_test(property_a_split_is_fair),
        cmocka_unit_test(test_the_largest_number_of_parts_is_taken),
        cmocka_unit_test(test_people_read_the_amounts_that_they_expect),
        cmocka_unit_test(property_a_short_form_is_within_half_a_percent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
