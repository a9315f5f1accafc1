/*
 * Goal:   the population stability index is the sum of its definition over bins fixed once: equal
 *         samples give 0, a planted shift is seen, missing values are a bin, a value that
 *         repeats is never divided.
 * Method: a table worked out by hand; random samples against a plain loop over edges; numpy's
 *         percentiles and histogram where Debian's python3 has it.
 */
#include "tests/cmocka_all.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/rng.h"
#include "learn/psi.h"

/* Before: 1..8, two bins of four. After: six below, two above, two missing. With half a row in each
 * of three bins: p = 4.5/9.5, 4.5/9.5, 0.5/9.5; q = 6.5/11.5, 2.5/11.5, 2.5/11.5. */
static void test_the_sum_worked_out_by_hand(void **state)
{
    double values[8] = {8, 7, 6, 5, 4, 3, 2, 1};
    struct psi_bins bins;
    psi_bins_make(values, 8, 2, &bins);
    assert_int_equal(bins.edge_count, 1);
    assert_true(bins.edges[0] == 4.5);
    assert_int_equal(psi_bins_count(&bins), 3);
    assert_int_equal(bins.counts[0], 4);
    assert_int_equal(bins.counts[1], 4);
    assert_int_equal(bins.counts[2], 0);
    const uint64_t after[3] = {6, 2, 2};
    /* 0.01617 + 0.19961 + 0.23369 */
    const double p = 4.5 / 9.5, r = 0.5 / 9.5, q0 = 6.5 / 11.5, q1 = 2.5 / 11.5;
    double expected = (q0 - p) * log(q0 / p) + (q1 - p) * log(q1 / p) + (q1 - r) * log(q1 / r);
    if (fabs(psi_of(&bins, after) - expected) > 1e-15)
        fail_msg("%.17g, expected %.17g", psi_of(&bins, after), expected);
    assert_true(fabs(psi_of(&bins, after) - 0.449475120) < 1e-8);
}

static void test_a_repeated_value_stays_whole_and_missing_ones_are_a_bin(void **state)
{
    double values[10] = {0, NAN, 0, 0, NAN, 0, 0, 1, 2, 3};
    struct psi_bins bins;
    uint64_t after[PSI_BINS_MAX + 2] = {0};
    psi_bins_make(values, 10, 4, &bins);
    assert_int_equal(psi_bins_find(&bins, NAN), psi_bins_count(&bins) - 1);
    assert_int_equal(bins.counts[psi_bins_find(&bins, 0)], 5);
    assert_int_equal(bins.counts[psi_bins_count(&bins) - 1], 2);
    assert_int_equal(psi_bins_find(&bins, INFINITY), bins.edge_count);
    assert_int_equal(psi_bins_find(&bins, -INFINITY), 0);
    assert_true(isnan(psi_of(&bins, after)));
    double none[3] = {NAN, NAN, NAN};
    psi_bins_make(none, 3, 4, &bins);
    assert_int_equal(bins.edge_count, 0);
    assert_int_equal(psi_bins_count(&bins), 2);
    assert_int_equal(bins.counts[1], 3);
}

static void test_grades(void **state)
{
    assert_int_equal(psi_grade_of(0.10), PSI_STABLE);
    assert_int_equal(psi_grade_of(0.11), PSI_IS_TO_LOOK);
    assert_int_equal(psi_grade_of(0.25), PSI_IS_TO_LOOK);
    assert_int_equal(psi_grade_of(0.26), PSI_IS_TO_ACT);
    assert_int_equal(psi_grade_of(NAN), PSI_STABLE);
    assert_string_equal(psi_grade_name(PSI_IS_TO_ACT), "act");
}

enum { COUNT = 400 };

/* Values of three kinds: smooth, few levels, many missing. */
static void draw(struct lx_rng *rng, int kind, double shift, double *values)
{
    for (size_t i = 0; i < COUNT; i++) {
        values[i] = lx_rng_normal(rng) + shift;
        if (kind == 1) values[i] = floor(2 * values[i]);
        if (kind == 2 && lx_rng_chance(rng, 0.3 + 0.2 * shift)) values[i] = NAN;
    }
}

static double plain_psi(const struct psi_bins *bins, const double *before, const double *after)
{
    double psi = 0, half = (double)(bins->edge_count + 2) / 2;
    for (size_t b = 0; b < bins->edge_count + 2; b++) {
        double p = 0.5, q = 0.5;
        for (size_t i = 0; i < COUNT; i++) {
            double low = b == 0 ? -INFINITY : bins->edges[b - 1];
            double high = b < bins->edge_count ? bins->edges[b] : INFINITY;
            bool is_missing = b == bins->edge_count + 1;
            p += is_missing ? isnan(before[i]) != 0 : before[i] > low && before[i] <= high;
            q += is_missing ? isnan(after[i]) != 0 : after[i] > low && after[i] <= high;
        }
        p /= COUNT + half;
        q /= COUNT + half;
        psi += (q - p) * log(q / p);
    }
    return psi;
}

static void test_samples_agree_with_a_plain_loop_and_a_planted_shift_is_seen(void **state)
{
    for (uint64_t seed = 1; seed <= 60; seed++) {
        struct lx_rng rng = lx_rng_of(seed, 4);
        double before[COUNT], after[COUNT], sorted[COUNT];
        int kind = (int)(seed % 3);
        double shift = seed % 2 == 0 ? 1 : 0;
        struct psi_bins bins;
        uint64_t counts[PSI_BINS_MAX + 2] = {0};
        draw(&rng, kind, 0, before);
        draw(&rng, kind, shift, after);
        memcpy(sorted, before, sizeof sorted);
        psi_bins_make(sorted, COUNT, 10, &bins);
        for (size_t i = 0; i < COUNT; i++) counts[psi_bins_find(&bins, after[i])]++;
        double psi = psi_of(&bins, counts), expected = plain_psi(&bins, before, after);
        if (fabs(psi - expected) > 1e-12)
            fail_msg("seed %d: %.17g, expected %.17g", (int)seed, psi, expected);
        if ((psi > PSI_ACT) != (shift > 0))
            fail_msg("seed %d: shift %g, psi %g", (int)seed, shift, psi);
    }
}

static void test_numpy_finds_the_same(void **state)
{
    char path[] = "/tmp/lingxi-psi-XXXXXX", command[400];
    double before[COUNT], after[COUNT], sorted[COUNT], theirs = 0;
    struct lx_rng rng = lx_rng_of(9, 4);
    struct psi_bins bins;
    uint64_t counts[PSI_BINS_MAX + 2] = {0};
    if (system("/usr/bin/python3 -c 'import numpy' 2>/dev/null") != 0) {
        print_message("skipped: no python3-numpy\n");
        skip();
    }
    draw(&rng, 2, 0, before);
    draw(&rng, 2, 0.5, after);
    int descriptor = mkstemp(path);
    assert_true(descriptor >= 0);
    FILE *file = fdopen(descriptor, "w");
    for (size_t i = 0; i < COUNT; i++) fprintf(file, "%.17g %.17g\n", before[i], after[i]);
    fclose(file);
    snprintf(
        command, sizeof command,
        "/usr/bin/python3 -c \"import numpy as n; a, b = n.loadtxt('%s').T; s = a[~n.isnan(a)]; "
        "e = n.percentile(s, [10 * i for i in range(1, 10)]); "
        "c = lambda v: n.append(n.bincount(n.searchsorted(e, v[~n.isnan(v)]), minlength=10), "
        "n.isnan(v).sum()) + 0.5; p, q = c(a), c(b); p, q = p / p.sum(), q / q.sum(); "
        "print(repr(float(((q - p) * n.log(q / p)).sum())))\"",
        path);
    FILE *answer = popen(command, "r");
    assert_int_equal(fscanf(answer, "%lf", &theirs), 1);
    pclose(answer);
    unlink(path);
    memcpy(sorted, before, sizeof sorted);
    psi_bins_make(sorted, COUNT, 10, &bins);
    for (size_t i = 0; i < COUNT; i++) counts[psi_bins_find(&bins, after[i])]++;
    if (fabs(psi_of(&bins, counts) - theirs) > 1e-12)
        fail_msg("%.17g, numpy says %.17g", psi_of(&bins, counts), theirs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_sum_worked_out_by_hand),
        cmocka_unit_test(test_a_repeated_value_stays_whole_and_missing_ones_are_a_bin),
        cmocka_unit_test(test_grades),
        cmocka_unit_test(test_samples_agree_with_a_plain_loop_and_a_planted_shift_is_seen),
        cmocka_unit_test(test_numpy_finds_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
