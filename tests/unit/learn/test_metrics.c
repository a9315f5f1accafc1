/*
 * Goal:   every figure is the one that scikit-learn or its definition gives; order within a tie
 *         never matters; a figure without both classes is NaN, not a number that looks like one.
 * Method: tables that can be worked out by hand, scikit-learn's figures to 1e-12 (kept, and made
 *         anew where it is installed), and plain quadratic definitions on seeded random rows.
 */
#include "reference.h"

#include <math.h>

#include "learn/metrics.h"

#define CLOSE 1e-12

enum { ROWS_MAX = 1000 };

static void assert_close(const char *what, double got, double want, double tolerance)
{
    if (fabs(got - want) <= tolerance * fmax(1, fabs(want))) return;
    fail_msg("%s: got %.17g, want %.17g", what, got, want);
}

struct rows {
    double scores[ROWS_MAX], weights[ROWS_MAX];
    uint8_t labels[ROWS_MAX];
    size_t count;
};

static double figure_of(const struct rows *rows, const char *figure)
{
    double value = NAN;
    if (strcmp(figure, "roc_auc") == 0) {
        assert_int_equal(
            metric_roc_auc(rows->scores, rows->labels, rows->weights, rows->count, &value), LX_OK);
        return value;
    }
    if (strcmp(figure, "pr_auc") == 0) {
        assert_int_equal(
            metric_pr_auc(rows->scores, rows->labels, rows->weights, rows->count, &value), LX_OK);
        return value;
    }
    if (strcmp(figure, "log_loss") == 0)
        return metric_log_loss(rows->scores, rows->labels, rows->weights, rows->count);
    if (strcmp(figure, "brier") == 0)
        return metric_brier(rows->scores, rows->labels, rows->weights, rows->count);
    fail_msg("no figure \"%s\"", figure);
    return value;
}

/* Returns how many figures were compared. */
static size_t check_reference(FILE *file)
{
    size_t compared = 0;
    char word[64], name[64], label[256];
    while (read_word(file, word)) {
        assert_string_equal(word, "case");
        assert_true(read_word(file, name));
        struct rows rows = {.count = read_count(file)};
        assert_true(rows.count <= ROWS_MAX);
        for (size_t i = 0; i < rows.count; i++) {
            rows.scores[i] = read_real(file);
            rows.labels[i] = (uint8_t)read_count(file);
            rows.weights[i] = read_real(file);
        }
        while (read_word(file, word) && strcmp(word, "end") != 0) {
            assert_true(read_word(file, word));
            snprintf(label, sizeof label, "%s of %s", word, name);
            assert_close(label, figure_of(&rows, word), read_real(file), CLOSE);
            compared++;
        }
    }
    return compared;
}

static void test_figures_equal_those_kept_from_scikit_learn(void **state)
{
    (void)state;
    FILE *file = open_kept("metrics");
    assert_int_equal(check_reference(file), 60);
    fclose(file);
}

static void test_figures_equal_those_of_the_scikit_learn_installed_here(void **state)
{
    (void)state;
    FILE *file = open_live("metrics", "sklearn");
    if (file == NULL) {
        print_message("skipped: python3-sklearn is not installed\n");
        skip();
    }
    assert_int_equal(check_reference(file), 60);
    close_live(file);
}

/* Scores of few distinct values, so that ties are everywhere. */
static void draw(struct rows *rows, uint64_t seed)
{
    struct lx_rng rng = lx_rng_of(7, seed);
    rows->count = 2 + (size_t)lx_rng_below(&rng, 80);
    for (size_t i = 0; i < rows->count; i++) {
        rows->scores[i] = (double)(1 + lx_rng_below(&rng, 12)) / 16;
        rows->labels[i] = lx_rng_chance(&rng, 0.3);
        rows->weights[i] = 1;
    }
    rows->labels[0] = 0;
    rows->labels[1] = 1;
}

static void test_roc_auc_is_the_chance_that_a_positive_stands_above_a_negative(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 300; seed++) {
        struct rows rows;
        draw(&rows, seed);
        double won = 0, pairs = 0, got = 0;
        for (size_t i = 0; i < rows.count; i++)
            for (size_t j = 0; j < rows.count; j++) {
                if (rows.labels[i] != 1 || rows.labels[j] != 0) continue;
                pairs++;
                won += rows.scores[i] > rows.scores[j] ? 1 : 0;
                won += rows.scores[i] == rows.scores[j] ? 0.5 : 0;
            }
        assert_int_equal(metric_roc_auc(rows.scores, rows.labels, NULL, rows.count, &got), LX_OK);
        char what[64];
        snprintf(what, sizeof what, "seed %d", (int)seed);
        assert_close(what, got, won / pairs, CLOSE);
    }
}

static void test_one_class_only_gives_no_number(void **state)
{
    (void)state;
    static const double scores[] = {0.1, 0.9, 0.5};
    for (uint8_t label = 0; label <= 1; label++) {
        uint8_t labels[] = {label, label, label};
        double roc = 0, pr = 0, lift = 0, recall = 0;
        assert_int_equal(metric_roc_auc(scores, labels, NULL, 3, &roc), LX_OK);
        assert_int_equal(metric_pr_auc(scores, labels, NULL, 3, &pr), LX_OK);
        assert_int_equal(metric_lift_at(scores, labels, 3, 0.5, &lift, &recall), LX_OK);
        assert_true(isnan(roc) && isnan(pr) && isnan(lift) && isnan(recall));
    }
    double roc = 0;
    assert_int_equal(metric_roc_auc(scores, (const uint8_t *)"", NULL, 0, &roc), LX_OK);
    assert_true(isnan(roc));
    assert_true(isnan(metric_log_loss(scores, (const uint8_t *)"", NULL, 0)));
}

static void test_a_cut_inside_a_tie_takes_the_tie_in_proportion(void **state)
{
    (void)state;
    /* Best first: 0.9 yes; then four at 0.5, of which two are yes; then five at 0.1, none. */
    static const double scores[] = {0.1, 0.5, 0.1, 0.5, 0.9, 0.5, 0.1, 0.5, 0.1, 0.1};
    static const uint8_t labels[] = {0, 1, 0, 0, 1, 1, 0, 0, 0, 0};
    static const struct {
        size_t k;
        double hits;
    } rows[] = {{0, 0}, {1, 1}, {2, 1.5}, {3, 2}, {5, 3}, {9, 3}, {10, 3}, {99, 3}};
    for (size_t i = 0; i < LX_COUNT_OF(rows); i++) {
        double hits = -1;
        assert_int_equal(metric_hits_at(scores, labels, 10, rows[i].k, &hits), LX_OK);
        if (hits != rows[i].hits) fail_msg("row %zu: %g, want %g", i, hits, rows[i].hits);
    }
    double lift = 0, recall = 0;
    assert_int_equal(metric_lift_at(scores, labels, 10, 0.3, &lift, &recall), LX_OK);
    assert_close("lift", lift, (2.0 / 3) / 0.3, CLOSE);
    assert_close("recall", recall, 2.0 / 3, CLOSE);
}

/* Reversing the rows must change nothing but the last digits. */
static void test_the_order_of_rows_never_matters(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 200; seed++) {
        struct rows rows, back = {.count = 0};
        draw(&rows, seed);
        for (size_t i = rows.count; i > 0; i--) {
            back.scores[back.count] = rows.scores[i - 1];
            back.labels[back.count++] = rows.labels[i - 1];
        }
        struct metric_calibration a, b;
        double hits_a = 0, hits_b = 0;
        size_t k = 1 + (size_t)seed % rows.count;
        assert_int_equal(metric_calibration(rows.scores, rows.labels, rows.count, &a), LX_OK);
        assert_int_equal(metric_calibration(back.scores, back.labels, back.count, &b), LX_OK);
        assert_int_equal(metric_hits_at(rows.scores, rows.labels, rows.count, k, &hits_a), LX_OK);
        assert_int_equal(metric_hits_at(back.scores, back.labels, back.count, k, &hits_b), LX_OK);
        char what[64];
        snprintf(what, sizeof what, "seed %d", (int)seed);
        assert_close(what, a.ece, b.ece, CLOSE);
        assert_close(what, a.observed_over_expected_top10, b.observed_over_expected_top10, CLOSE);
        assert_close(what, hits_a, hits_b, CLOSE);
    }
}

static void test_calibration_bins_hold_equal_mass_and_sum_to_the_gap(void **state)
{
    (void)state;
    /* 30 rows, two a bin, probability i / 100; only the rows above 0.14 are positive. */
    double probabilities[30];
    uint8_t labels[30];
    double gap = 0;
    for (int i = 0; i < 30; i++) {
        probabilities[i] = i / 100.0;
        labels[i] = i >= 15;
        if (i % 2 == 1) {
            double expected = (i - 0.5) / 100, observed = (labels[i] + labels[i - 1]) / 2.0;
            gap += fabs(observed - expected) * 2 / 30;
        }
    }
    struct metric_calibration got;
    assert_int_equal(metric_calibration(probabilities, labels, 30, &got), LX_OK);
    for (size_t bin = 0; bin < METRIC_BINS; bin++) assert_int_equal(got.counts[bin], 2);
    assert_close("expected", got.expected[14], 0.285, CLOSE);
    assert_close("observed", got.observed[7], 0.5, CLOSE);
    assert_close("ece", got.ece, gap, CLOSE);
    assert_close("top tenth", got.observed_over_expected_top10, 3 / (0.27 + 0.28 + 0.29), CLOSE);
}

static void test_ranking_figures_are_those_worked_out_by_hand(void **state)
{
    (void)state;
    static const double scores[] = {
        0.9, 0.8, 0.7,                          /* positive second */
        0.5, 0.5, 0.1,                          /* a tie: the earlier candidate, positive, wins */
        0.3, 0.2,                               /* no positive: left out */
        0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, /* positives third and eighth */
    };
    static const uint8_t labels[] = {0, 1, 0, 1, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1};
    static const size_t ends[] = {3, 6, 8, 16};
    struct metric_ranking got;
    assert_int_equal(metric_ranking(scores, labels, ends, 4, &got), LX_OK);
    assert_int_equal(got.case_count, 3);
    assert_close("hit1", got.hit1, 1.0 / 3, CLOSE);
    assert_close("hit3", got.hit3, 1, CLOSE);
    assert_close("hit5", got.hit5, 1, CLOSE);
    assert_close("mrr", got.mrr, (0.5 + 1 + 1.0 / 3) / 3, CLOSE);
    assert_close("map7", got.map7, (0.5 + 1 + (1.0 / 3) / 2) / 3, CLOSE);
    assert_close("precision5", got.precision5, (0.2 + 0.2 + 0.2) / 3, CLOSE);
}

static void test_roc_auc_within_groups_leaves_out_groups_of_one_class(void **state)
{
    (void)state;
    /* Group 0: perfect, one positive. Group 2: upside down, two positives. Group 1: no positive,
     * whose high scores would spoil a pooled figure. Group 3: empty. */
    static const double scores[] = {0.2, 0.9, 0.1, 0.8, 0.3, 0.7, 0.95};
    static const uint8_t labels[] = {1, 0, 0, 0, 1, 0, 0};
    static const uint16_t groups[] = {0, 1, 0, 2, 2, 2, 1};
    double got = 0;
    assert_int_equal(metric_roc_auc_within(scores, labels, groups, 4, 7, &got), LX_OK);
    assert_close("within", got, (1 * 1 + 0 * 1) / 2.0, CLOSE);
}

static double mean_of(void *context, const uint32_t *units, size_t count)
{
    const double *values = context;
    double sum = 0;
    for (size_t i = 0; i < count; i++) sum += values[units[i]];
    return sum / (double)count;
}

static void test_bootstrap_of_a_mean_is_as_wide_as_theory_says(void **state)
{
    (void)state;
    enum { UNITS = 400 };
    double values[UNITS], square = 0;
    struct lx_rng rng = lx_rng_of(5, 5);
    for (size_t i = 0; i < UNITS; i++) values[i] = lx_rng_normal(&rng);
    struct metric_interval got, again;
    assert_int_equal(metric_bootstrap(UNITS, 4000, 1, mean_of, values, &got), LX_OK);
    assert_int_equal(metric_bootstrap(UNITS, 4000, 1, mean_of, values, &again), LX_OK);
    assert_true(got.low == again.low && got.high == again.high);
    for (size_t i = 0; i < UNITS; i++) square += (values[i] - got.value) * (values[i] - got.value);
    double half = 1.96 * sqrt(square / UNITS / UNITS);
    assert_close("low", got.low, got.value - half, 0.1 * half);
    assert_close("high", got.high, got.value + half, 0.1 * half);
}

static void test_psi_is_zero_for_the_same_rows_and_grows_with_drift(void **state)
{
    (void)state;
    enum { COUNT = 5000 };
    double before[COUNT], same[COUNT], near[COUNT], far[COUNT], missing[COUNT], psi[4];
    struct lx_rng rng = lx_rng_of(6, 6);
    for (size_t i = 0; i < COUNT; i++) {
        before[i] = lx_rng_normal(&rng);
        same[COUNT - 1 - i] = before[i];
        near[i] = lx_rng_normal(&rng) + 0.1;
        far[i] = lx_rng_normal(&rng) + 2;
        missing[i] = i % 2 == 0 ? NAN : before[i];
    }
    assert_int_equal(metric_psi(before, COUNT, same, COUNT, 10, &psi[0]), LX_OK);
    assert_int_equal(metric_psi(before, COUNT, near, COUNT, 10, &psi[1]), LX_OK);
    assert_int_equal(metric_psi(before, COUNT, far, COUNT, 10, &psi[2]), LX_OK);
    assert_int_equal(metric_psi(before, COUNT, missing, COUNT, 10, &psi[3]), LX_OK);
    assert_close("same", psi[0], 0, CLOSE);
    assert_true(psi[1] > 0 && psi[1] < 0.1);
    assert_true(psi[2] > 0.25);
    assert_true(psi[3] > 0.25);
}

static void test_psi_of_two_bins_is_the_textbook_sum(void **state)
{
    (void)state;
    /* Half and half before; a quarter and three quarters after; half a row in each count. */
    double before[100], after[100], psi = 0;
    for (int i = 0; i < 100; i++) {
        before[i] = i < 50;
        after[i] = i < 75;
    }
    assert_int_equal(metric_psi(before, 100, after, 100, 2, &psi), LX_OK);
    /* The median of 50 zeros and 50 ones is 0.5; the bin of missing values is empty. */
    double total = 100 + 1.5, p = 50.5 / total, q0 = 25.5 / total, q1 = 75.5 / total;
    assert_close("psi", psi, (q0 - p) * log(q0 / p) + (q1 - p) * log(q1 / p), CLOSE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_figures_equal_those_kept_from_scikit_learn),
        cmocka_unit_test(test_figures_equal_those_of_the_scikit_learn_installed_here),
        cmocka_unit_test(test_roc_auc_is_the_chance_that_a_positive_stands_above_a_negative),
        cmocka_unit_test(test_one_class_only_gives_no_number),
        cmocka_unit_test(test_a_cut_inside_a_tie_takes_the_tie_in_proportion),
        cmocka_unit_test(test_the_order_of_rows_never_matters),
        cmocka_unit_test(test_calibration_bins_hold_equal_mass_and_sum_to_the_gap),
        cmocka_unit_test(test_ranking_figures_are_those_worked_out_by_hand),
        cmocka_unit_test(test_roc_auc_within_groups_leaves_out_groups_of_one_class),
        cmocka_unit_test(test_bootstrap_of_a_mean_is_as_wide_as_theory_says),
        cmocka_unit_test(test_psi_is_zero_for_the_same_rows_and_grows_with_drift),
        cmocka_unit_test(test_psi_of_two_bins_is_the_textbook_sum),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
