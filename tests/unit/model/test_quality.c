/*
 * Goal:   the figures of a ranking are those of learn/metrics.h, ties included; a customer who is
 *         drawn twice counts like two; intervals hold the value and do not depend on threads.
 * Method: seeded rows with many ties, held against the metrics one by one; a resample by weights is
 *         held against metric_bootstrap, which repeats rows.
 */
#include "tests/scratch.h"

#include <math.h>

#include "base/rng.h"
#include "learn/metrics.h"
#include "model/quality.h"

enum { UNITS = 150, PRODUCTS = 6, MOMENTS = 2, ROWS_MAX = UNITS * PRODUCTS * MOMENTS };

struct sample {
    double probabilities[ROWS_MAX], popularity[ROWS_MAX];
    uint8_t labels[ROWS_MAX];
    uint16_t products[ROWS_MAX];
    size_t case_ends[UNITS * MOMENTS];
    uint32_t case_units[UNITS * MOMENTS];
    struct quality_rows rows;
};

/* Probabilities in steps of 1/steps, so that there are ties; labels follow them. */
static void fill(struct sample *sample, uint64_t seed, int steps)
{
    struct lx_rng rng = lx_rng_of(seed, 1);
    size_t count = 0, cases = 0;
    for (uint32_t unit = 0; unit < UNITS; unit++) {
        for (int moment = 0; moment < MOMENTS; moment++) {
            for (uint16_t product = 0; product < PRODUCTS; product++) {
                if (lx_rng_chance(&rng, 0.2)) continue; /* held */
                double p = floor(lx_rng_uniform(&rng) * steps) / steps / (1 + product);
                sample->probabilities[count] = p;
                sample->popularity[count] = 100.0 / (1 + product) + moment;
                sample->labels[count] = lx_rng_chance(&rng, p * p);
                sample->products[count++] = product;
            }
            sample->case_ends[cases] = count;
            sample->case_units[cases++] = unit;
        }
    }
    sample->rows = (struct quality_rows){.probabilities = sample->probabilities,
                                         .popularity = sample->popularity,
                                         .labels = sample->labels,
                                         .products = sample->products,
                                         .count = count,
                                         .product_count = PRODUCTS,
                                         .case_ends = sample->case_ends,
                                         .case_units = sample->case_units,
                                         .case_count = cases,
                                         .unit_count = UNITS,
                                         .seed = seed};
}

static void near(const char *what, uint64_t seed, double got, double want)
{
    bool is_near = (isnan(got) && isnan(want)) || fabs(got - want) <= 1e-12 * (1 + fabs(want));
    if (!is_near)
        fail_msg("seed %lu: %s is %.17g, want %.17g", (unsigned long)seed, what, got, want);
}

static void check(const struct sample *sample, const double *scores, const struct quality *quality,
                  bool is_probability)
{
    const struct quality_rows *rows = &sample->rows;
    double roc = 0, pr = 0, within = 0, lift1 = 0, lift5 = 0, recall = 0;
    struct metric_ranking ranking;
    struct metric_calibration calibration;
    assert_int_equal(metric_roc_auc(scores, rows->labels, NULL, rows->count, &roc), LX_OK);
    assert_int_equal(metric_pr_auc(scores, rows->labels, NULL, rows->count, &pr), LX_OK);
    assert_int_equal(
        metric_roc_auc_within(scores, rows->labels, rows->products, PRODUCTS, rows->count, &within),
        LX_OK);
    assert_int_equal(metric_lift_at(scores, rows->labels, rows->count, 0.01, &lift1, &recall),
                     LX_OK);
    assert_int_equal(metric_lift_at(scores, rows->labels, rows->count, 0.05, &lift5, &recall),
                     LX_OK);
    assert_int_equal(
        metric_ranking(scores, rows->labels, rows->case_ends, rows->case_count, &ranking), LX_OK);
    assert_int_equal(metric_calibration(scores, rows->labels, rows->count, &calibration), LX_OK);
    near("roc_auc", rows->seed, quality->roc_auc, roc);
    near("pr_auc", rows->seed, quality->pr_auc, pr);
    near("roc_auc_within", rows->seed, quality->roc_auc_within, within);
    const struct {
        double share, lift, recall;
    } cuts[] = {{0.01, quality->lift_1pct, quality->recall_1pct},
                {0.05, quality->lift_5pct, quality->recall_5pct},
                {0.10, quality->lift_10pct, quality->recall_10pct}};
    for (size_t i = 0; i < LX_COUNT_OF(cuts); i++) {
        double lift = 0;
        assert_int_equal(
            metric_lift_at(scores, rows->labels, rows->count, cuts[i].share, &lift, &recall),
            LX_OK);
        near("lift", rows->seed, cuts[i].lift, lift);
        near("recall", rows->seed, cuts[i].recall, recall);
    }
    near("lift_1pct", rows->seed, quality->lift_1pct, lift1);
    near("lift_5pct", rows->seed, quality->lift_5pct, lift5);
    assert_true(fabs(quality->precision5 - ranking.precision5) < 1e-6); /* kept as float */
    near("ece", rows->seed, quality->ece, is_probability ? calibration.ece : NAN);
    near("top10", rows->seed, quality->observed_over_expected_top10,
         is_probability ? calibration.observed_over_expected_top10 : NAN);
    near("top1", rows->seed, quality->observed_over_expected_top1,
         is_probability ? calibration.observed_over_expected_top1 : NAN);
}

static void test_figures_are_those_of_the_metrics(void **state)
{
    static const int steps[] = {3, 10, 100, 100000};
    struct sample *sample = calloc(1, sizeof *sample);
    for (uint64_t seed = 1; seed <= 40; seed++) {
        struct lx_error err;
        struct quality value[QUALITY_BY_COUNT];
        fill(sample, seed, steps[seed % 4]);
        MUST(quality_measure(&sample->rows, 0, 1, value, NULL, NULL, &err));
        check(sample, sample->probabilities, &value[QUALITY_BY_MODEL], true);
        check(sample, sample->popularity, &value[QUALITY_BY_POPULARITY], false);
    }
    free(sample);
}

static void test_one_class_only_gives_no_figure(void **state)
{
    struct lx_error err;
    struct sample *sample = calloc(1, sizeof *sample);
    struct quality value[QUALITY_BY_COUNT];
    fill(sample, 1, 100);
    memset(sample->labels, 0, sizeof sample->labels);
    MUST(quality_measure(&sample->rows, 0, 1, value, NULL, NULL, &err));
    assert_true(isnan(value[QUALITY_BY_MODEL].roc_auc));
    assert_true(isnan(value[QUALITY_BY_MODEL].pr_auc));
    assert_true(isnan(value[QUALITY_BY_MODEL].lift_1pct));
    assert_true(isnan(value[QUALITY_BY_MODEL].precision5));
    assert_true(value[QUALITY_BY_MODEL].ece > 0); /* expected some, saw none */
    free(sample);
}

static double roc_of_units(void *context, const uint32_t *units, size_t count)
{
    const struct sample *sample = context;
    static double scores[4 * ROWS_MAX];
    static uint8_t labels[4 * ROWS_MAX];
    size_t rows = 0;
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < sample->rows.case_count; j++) {
            if (sample->case_units[j] != units[i]) continue;
            for (size_t k = j == 0 ? 0 : sample->case_ends[j - 1]; k < sample->case_ends[j]; k++) {
                scores[rows] = sample->probabilities[k];
                labels[rows++] = sample->labels[k];
            }
        }
    double auc = NAN;
    assert_int_equal(metric_roc_auc(scores, labels, NULL, rows, &auc), LX_OK);
    return auc;
}

/* Two bootstraps of other random numbers agree about the interval. */
static void test_weights_of_a_resample_are_repeated_customers(void **state)
{
    struct lx_error err;
    struct sample *sample = calloc(1, sizeof *sample);
    struct quality value[QUALITY_BY_COUNT], low[QUALITY_BY_COUNT], high[QUALITY_BY_COUNT];
    struct metric_interval interval;
    fill(sample, 3, 20);
    MUST(quality_measure(&sample->rows, 1500, 2, value, low, high, &err));
    assert_int_equal(metric_bootstrap(UNITS, 1500, 7, roc_of_units, sample, &interval), LX_OK);
    near("value", 3, value[QUALITY_BY_MODEL].roc_auc, interval.value);
    double width = interval.high - interval.low;
    assert_true(fabs(low[QUALITY_BY_MODEL].roc_auc - interval.low) < 0.12 * width);
    assert_true(fabs(high[QUALITY_BY_MODEL].roc_auc - interval.high) < 0.12 * width);
    free(sample);
}

static void test_intervals_hold_the_value_and_do_not_depend_on_threads(void **state)
{
    struct sample *sample = calloc(1, sizeof *sample);
    for (uint64_t seed = 1; seed <= 5; seed++) {
        struct lx_error err;
        struct quality value[2][QUALITY_BY_COUNT], low[2][QUALITY_BY_COUNT],
            high[2][QUALITY_BY_COUNT];
        fill(sample, seed, 50);
        for (int i = 0; i < 2; i++)
            MUST(quality_measure(&sample->rows, 100, 1 + 2 * i, value[i], low[i], high[i], &err));
        assert_memory_equal(value[0], value[1], sizeof value[0]);
        assert_memory_equal(low[0], low[1], sizeof low[0]);
        assert_memory_equal(high[0], high[1], sizeof high[0]);
        for (int i = 0; i < QUALITY_BY_COUNT; i++) {
            assert_true(low[0][i].roc_auc <= value[0][i].roc_auc);
            assert_true(high[0][i].roc_auc >= value[0][i].roc_auc);
        }
        /* Chance is in the middle; the model is not. */
        assert_true(low[0][QUALITY_BY_RANDOM].roc_auc < 0.55);
        assert_true(high[0][QUALITY_BY_RANDOM].roc_auc > 0.45);
        assert_true(low[0][QUALITY_BY_MODEL].roc_auc > 0.6);
    }
    free(sample);
}

static void test_every_figure_has_a_name_and_can_be_set(void **state)
{
    struct quality quality = {0};
    for (size_t i = 0; i < QUALITY_COUNT; i++) {
        quality_set(&quality, (enum quality_figure)i, (double)i + 0.5);
        assert_true(strlen(quality_name((enum quality_figure)i)) > 2);
        assert_true(strlen(quality_about((enum quality_figure)i)) > 10);
    }
    for (size_t i = 0; i < QUALITY_COUNT; i++)
        assert_true(quality_value(&quality, (enum quality_figure)i) == (double)i + 0.5);
    assert_string_equal(quality_ranking_name(QUALITY_BY_POPULARITY), "popularity");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_figures_are_those_of_the_metrics),
        cmocka_unit_test(test_one_class_only_gives_no_figure),
        cmocka_unit_test(test_weights_of_a_resample_are_repeated_customers),
        cmocka_unit_test(test_intervals_hold_the_value_and_do_not_depend_on_threads),
        cmocka_unit_test(test_every_figure_has_a_name_and_can_be_set),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
