/*
 * Goal:   every kernel that this processor runs gives the words that its definition says, and so
 *         all give the same ones bit for bit.
 * Method: random values with many at the bounds, infinities, NaNs and zeros of both signs, against
 *         one comparison at a time; every width, random bounds, places that are not aligned.
 */
#include "cmocka_all.h"

#include <math.h>
#include <string.h>

#include "base/rng.h"
#include "expr/kernel.h"

enum { WORDS = 3, ROWS = WORDS * 64, SEEDS = 400 };

/* One byte more, so that values can begin at a place that is aligned for no vector. */
static uint8_t memory[(ROWS + 8) * 8];
static uint64_t got[WORDS];

static void check_words(const char *what, enum expr_kernel kernel, uint64_t seed,
                        const uint64_t want[WORDS])
{
    for (size_t w = 0; w < WORDS; w++)
        if (got[w] != want[w])
            fail_msg("%s, %s, seed %lu, word %zu: got %016lx, want %016lx", what,
                     expr_kernel_name(kernel), (unsigned long)seed, w, (unsigned long)got[w],
                     (unsigned long)want[w]);
}

static void set_bit(uint64_t want[WORDS], size_t row, bool is_set)
{
    want[row / 64] |= (uint64_t)is_set << row % 64;
}

#define FOR_EACH_KERNEL(kernel)                                                                    \
    for (enum expr_kernel kernel = EXPR_KERNEL_PLAIN; kernel < EXPR_KERNEL_COUNT; kernel++)        \
        if (expr_kernel_is_supported(kernel))

/* Values near both bounds and anywhere. */
static int64_t random_integer(struct lx_rng *rng, int64_t low, int64_t high)
{
    switch (lx_rng_below(rng, 4)) {
    case 0: return (int64_t)((uint64_t)low + lx_rng_below(rng, 3) - 1);
    case 1: return (int64_t)((uint64_t)high + lx_rng_below(rng, 3) - 1);
    default: return (int64_t)lx_rng_next(rng);
    }
}

#define INTEGER_RANGE_TEST(type, member)                                                           \
    static void check_##type(uint64_t seed)                                                        \
    {                                                                                              \
        struct lx_rng rng = lx_rng_of(seed, sizeof(type));                                         \
        type *values = (type *)(void *)memory + seed % 4, low = (type)lx_rng_next(&rng),           \
             high = (type)lx_rng_next(&rng);                                                       \
        if (low > high) high = low;                                                                \
        uint64_t want[WORDS] = {0};                                                                \
        for (size_t row = 0; row < ROWS; row++) {                                                  \
            values[row] = (type)random_integer(&rng, (int64_t)low, (int64_t)high);                 \
            set_bit(want, row, values[row] >= low && values[row] <= high);                         \
        }                                                                                          \
        FOR_EACH_KERNEL(kernel)                                                                    \
        {                                                                                          \
            expr_kernel_functions_of(kernel)->member(values, WORDS, (uint64_t)low,                 \
                                                     (uint64_t)high - (uint64_t)low, got);         \
            check_words(#type, kernel, seed, want);                                                \
        }                                                                                          \
    }
INTEGER_RANGE_TEST(int8_t, range_8)
INTEGER_RANGE_TEST(uint8_t, range_8)
INTEGER_RANGE_TEST(int16_t, range_16)
INTEGER_RANGE_TEST(uint16_t, range_16)
INTEGER_RANGE_TEST(int32_t, range_32)
INTEGER_RANGE_TEST(uint32_t, range_32)
INTEGER_RANGE_TEST(int64_t, range_64)
INTEGER_RANGE_TEST(uint64_t, range_64)

static void test_a_range_of_integers_is_that_of_one_comparison_at_a_time(void **state)
{
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        check_int8_t(seed);
        check_uint8_t(seed);
        check_int16_t(seed);
        check_uint16_t(seed);
        check_int32_t(seed);
        check_uint32_t(seed);
        check_int64_t(seed);
        check_uint64_t(seed);
    }
}

static double random_real(struct lx_rng *rng, double near)
{
    static const double special[] = {0.0, -0.0, INFINITY, -INFINITY, NAN, 5e-324, 1.0};
    switch (lx_rng_below(rng, 4)) {
    case 0: return special[lx_rng_below(rng, LX_COUNT_OF(special))];
    case 1: return near;
    case 2: return nextafter(near, lx_rng_chance(rng, 0.5) ? INFINITY : -INFINITY);
    default: return lx_rng_normal(rng) * 10;
    }
}

#define REAL_TEST(type, range, nan)                                                                \
    static void check_##type(uint64_t seed)                                                        \
    {                                                                                              \
        struct lx_rng rng = lx_rng_of(seed, 20 + sizeof(type));                                    \
        type *values = (type *)(void *)memory + seed % 4;                                          \
        type low = (type)random_real(&rng, -2), high = (type)random_real(&rng, 3);                 \
        uint64_t want[WORDS] = {0}, want_nan[WORDS] = {0};                                         \
        for (size_t row = 0; row < ROWS; row++) {                                                  \
            values[row] = (type)random_real(&rng, (double)(row % 2 == 0 ? low : high));            \
            set_bit(want, row, values[row] >= low && values[row] <= high);                         \
            set_bit(want_nan, row, isnan(values[row]));                                            \
        }                                                                                          \
        FOR_EACH_KERNEL(kernel)                                                                    \
        {                                                                                          \
            const struct expr_kernel_functions *functions = expr_kernel_functions_of(kernel);      \
            functions->range(values, WORDS, low, high, got);                                       \
            check_words(#range, kernel, seed, want);                                               \
            functions->nan(values, WORDS, got);                                                    \
            check_words(#nan, kernel, seed, want_nan);                                             \
        }                                                                                          \
    }
REAL_TEST(float, range_f32, nan_f32)
REAL_TEST(double, range_f64, nan_f64)

static void test_a_range_of_reals_is_that_of_one_comparison_at_a_time(void **state)
{
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        check_float(seed);
        check_double(seed);
    }
}

static void test_a_table_gives_the_bit_of_each_code(void **state)
{
    static uint64_t table[1024];
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct lx_rng rng = lx_rng_of(seed, 40);
        uint8_t *bytes = memory + seed % 5;
        static uint16_t shorts[ROWS];
        static uint32_t ints[ROWS];
        uint32_t limit = 1 + (uint32_t)lx_rng_below(&rng, 65536);
        uint64_t want_8[WORDS] = {0}, want_16[WORDS] = {0}, want_32[WORDS] = {0};
        for (size_t i = 0; i < LX_COUNT_OF(table); i++) table[i] = lx_rng_next(&rng);
        for (size_t row = 0; row < ROWS; row++) {
            bytes[row] = (uint8_t)lx_rng_next(&rng);
            shorts[row] = (uint16_t)lx_rng_next(&rng);
            ints[row] = (uint32_t)(lx_rng_next(&rng) >> (32 + lx_rng_below(&rng, 24)));
            set_bit(want_8, row, table[bytes[row] / 64] >> bytes[row] % 64 & 1);
            set_bit(want_16, row, table[shorts[row] / 64] >> shorts[row] % 64 & 1);
            set_bit(want_32, row,
                    ints[row] < limit && (table[ints[row] / 64] >> ints[row] % 64 & 1));
        }
        FOR_EACH_KERNEL(kernel)
        {
            const struct expr_kernel_functions *functions = expr_kernel_functions_of(kernel);
            functions->table_8(bytes, WORDS, table, got);
            check_words("table_8", kernel, seed, want_8);
            functions->table_16(shorts, WORDS, table, got);
            check_words("table_16", kernel, seed, want_16);
            functions->table_32(ints, WORDS, table, limit, got);
            check_words("table_32", kernel, seed, want_32);
        }
    }
}

static void test_rows_against_rows_compare_one_by_one(void **state)
{
    static int64_t left[ROWS], right[ROWS];
    static double real_left[ROWS], real_right[ROWS];
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct lx_rng rng = lx_rng_of(seed, 50);
        enum expr_comparison comparison = (enum expr_comparison)(seed % 3);
        uint64_t want[WORDS] = {0}, want_real[WORDS] = {0};
        for (size_t row = 0; row < ROWS; row++) {
            left[row] = random_integer(&rng, INT64_MIN, INT64_MAX);
            right[row] = random_integer(&rng, left[row], left[row]);
            real_left[row] = random_real(&rng, 1);
            real_right[row] = random_real(&rng, real_left[row]);
            bool is_less = comparison == EXPR_IS_LESS, is_equal = comparison == EXPR_IS_EQUAL;
            set_bit(want, row,
                    is_less    ? left[row] < right[row]
                    : is_equal ? left[row] == right[row]
                               : left[row] > right[row]);
            set_bit(want_real, row,
                    is_less    ? real_left[row] < real_right[row]
                    : is_equal ? real_left[row] == real_right[row]
                               : real_left[row] > real_right[row]);
        }
        FOR_EACH_KERNEL(kernel)
        {
            const struct expr_kernel_functions *functions = expr_kernel_functions_of(kernel);
            functions->compare_i64(left, right, WORDS, comparison, got);
            check_words("compare_i64", kernel, seed, want);
            functions->compare_f64(real_left, real_right, WORDS, comparison, got);
            check_words("compare_f64", kernel, seed, want_real);
        }
    }
}

static void test_the_best_kernel_is_one_that_runs_here(void **state)
{
    assert_true(expr_kernel_is_supported(expr_kernel_best()));
    assert_int_not_equal(expr_kernel_best(), EXPR_KERNEL_BEST);
    assert_ptr_equal(expr_kernel_functions_of(EXPR_KERNEL_BEST),
                     expr_kernel_functions_of(expr_kernel_best()));
    print_message("best: %s\n", expr_kernel_name(expr_kernel_best()));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_range_of_integers_is_that_of_one_comparison_at_a_time),
        cmocka_unit_test(test_a_range_of_reals_is_that_of_one_comparison_at_a_time),
        cmocka_unit_test(test_a_table_gives_the_bit_of_each_code),
        cmocka_unit_test(test_rows_against_rows_compare_one_by_one),
        cmocka_unit_test(test_the_best_kernel_is_one_that_runs_here),
    };
    return cmocka_run_group_tests_name("kernel", tests, NULL, NULL);
}
