/*
 * Goal:   lx_log and lx_exp are the logarithm and the exponential, within 4 units in the last
 *         place, and their bits never change.
 * Method: exact values; the C library in long double as a second opinion over the whole range; a
 *         golden sum of bits over seeded arguments.
 */
#include "cmocka_all.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/real.h"
#include "base/rng.h"

static uint64_t bits_of(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static double of_bits(uint64_t bits)
{
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* How many units in the last place of `want` lie between the two. */
static double error_ulp(double got, long double want)
{
    double rounded = (double)want;
    if (got == rounded) return 0;
    double unit = nextafter(fabs(rounded), INFINITY) - fabs(rounded);
    return (double)(fabsl((long double)got - want) / (long double)unit);
}

static void test_exact_values_are_exact(void **state)
{
    (void)state;
    assert_true(lx_log(1) == 0);
    assert_true(lx_exp(0) == 1);
    assert_true(lx_exp(1) == 0x1.5bf0a8b145769p+1);
    assert_true(lx_log(2) == 0x1.62e42fefa39efp-1);
    assert_true(lx_exp(710) == INFINITY);
    assert_true(lx_exp(INFINITY) == INFINITY);
    assert_true(lx_exp(-746) == 0);
    assert_true(lx_exp(-INFINITY) == 0);
    assert_true(isfinite(lx_exp(709.78)));
    assert_true(lx_exp(-745) > 0);
}

static void property_log_is_near_the_true_logarithm(void **state)
{
    (void)state;
    struct lx_rng rng = lx_rng_of(42, 5);
    double worst = 0;
    for (int run = 0; run < 300000; run++) {
        /* Every exponent, subnormals included; every third one near 1, where digits cancel. */
        double x = of_bits(lx_rng_next(&rng) >> 1);
        if (run % 3 == 0) x = 0.5 + lx_rng_uniform(&rng);
        if (!isfinite(x) || x == 0) continue;
        double error = error_ulp(lx_log(x), logl((long double)x));
        if (error > worst) worst = error;
        if (error > 4) fail_msg("run %d: log(%.17g) = %.17g, off by %g", run, x, lx_log(x), error);
    }
    print_message("log: at most %.2f units in the last place\n", worst);
}

static void property_exp_is_near_the_true_exponential(void **state)
{
    (void)state;
    struct lx_rng rng = lx_rng_of(42, 6);
    double worst = 0;
    for (int run = 0; run < 300000; run++) {
        double x = run % 2 == 0 ? (lx_rng_uniform(&rng) - 0.5) * 1400 : lx_rng_normal(&rng);
        long double want = expl((long double)x);
        if (want < DBL_MIN || want > DBL_MAX) continue;
        double error = error_ulp(lx_exp(x), want);
        if (error > worst) worst = error;
        if (error > 4) fail_msg("run %d: exp(%.17g) = %.17g, off by %g", run, x, lx_exp(x), error);
    }
    print_message("exp: at most %.2f units in the last place\n", worst);
}

static void test_the_bits_never_change(void **state)
{
    (void)state;
    struct lx_rng rng = lx_rng_of(7, 7);
    uint64_t logs = 0, exps = 0;
    for (int i = 0; i < 100000; i++) {
        double u = lx_rng_uniform(&rng);
        logs = logs * 31 + bits_of(lx_log(u + 0x1p-60));
        exps = exps * 31 + bits_of(lx_exp((u - 0.5) * 100));
    }
    if (logs != 0x824113114E06DDBBu || exps != 0x6D9A373CC697C012u)
        fail_msg("bits %016llx %016llx", (unsigned long long)logs, (unsigned long long)exps);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exact_values_are_exact),
        cmocka_unit_test(property_log_is_near_the_true_logarithm),
        cmocka_unit_test(property_exp_is_near_the_true_exponential),
        cmocka_unit_test(test_the_bits_never_change),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
