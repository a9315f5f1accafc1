/*
 * Goal:   from the log of one policy the value of another is estimated without bias, its intervals
 *         hold it 95 times in 100, a good model makes the estimate narrower and a wrong one does
 *         not make it wrong, and what cannot be known is refused or said.
 * Method: four rows by hand; then a world of two contexts and three actions whose every value can
 *         be written down, logged some thousand times by seed, and the estimates' mean, spread and
 *         intervals beside the truth. The limits of the random tests are four standard errors.
 */
#include "cmocka_all.h"

#include <math.h>
#include <string.h>

#include "base/rng.h"
#include "learn/off_policy.h"

enum { CONTEXTS = 2, ACTIONS = 3, ROWS_MAX = 4000 };

/* What there is: contexts with their shares, two policies and the chance of a reward. */
struct world {
    double shares[CONTEXTS], logging[CONTEXTS][ACTIONS], target[CONTEXTS][ACTIONS],
        rewards[CONTEXTS][ACTIONS];
};
static const struct world common = {
    {0.7, 0.3},
    {{0.6, 0.3, 0.1}, {0.2, 0.5, 0.3}},
    {{0.1, 0.2, 0.7}, {0.4, 0.1, 0.5}},
    {{0.10, 0.20, 0.40}, {0.05, 0.30, 0.15}},
};
static const struct world rare = {
    {0.5, 0.5},
    {{0.5, 0.3, 0.2}, {0.3, 0.4, 0.3}},
    {{0.2, 0.3, 0.5}, {0.3, 0.2, 0.5}},
    {{0.010, 0.020, 0.015}, {0.005, 0.030, 0.015}},
};

static double value_of(const struct world *world, const double policy[CONTEXTS][ACTIONS])
{
    double value = 0;
    for (size_t c = 0; c < CONTEXTS; c++)
        for (size_t a = 0; a < ACTIONS; a++)
            value += world->shares[c] * policy[c][a] * world->rewards[c][a];
    return value;
}

struct sample {
    size_t count;
    double propensities[ROWS_MAX], targets[ROWS_MAX], rewards[ROWS_MAX], predicted[ROWS_MAX],
        predicted_targets[ROWS_MAX];
    uint32_t contexts[ROWS_MAX], actions[ROWS_MAX], clusters[ROWS_MAX];
    struct off_policy_log log;
};
static struct sample sample;

/* `model`: what is thought of the rewards; `told`: what is thought of the logging policy. */
static void draw(const struct world *world, const double model[CONTEXTS][ACTIONS],
                 const double told[CONTEXTS][ACTIONS], size_t count, uint64_t seed)
{
    struct lx_rng rng = lx_rng_of(seed, 17);
    sample.count = count;
    for (size_t i = 0; i < count; i++) {
        size_t c = lx_rng_pick(&rng, world->shares, CONTEXTS);
        size_t a = lx_rng_pick(&rng, world->logging[c], ACTIONS);
        sample.contexts[i] = (uint32_t)c;
        sample.actions[i] = (uint32_t)a;
        sample.clusters[i] = (uint32_t)i;
        sample.propensities[i] = told[c][a];
        sample.targets[i] = world->target[c][a];
        sample.rewards[i] = lx_rng_chance(&rng, world->rewards[c][a]);
        sample.predicted[i] = model[c][a];
        sample.predicted_targets[i] = 0;
        for (size_t b = 0; b < ACTIONS; b++)
            sample.predicted_targets[i] += world->target[c][b] * model[c][b];
    }
    sample.log = (struct off_policy_log){.count = count,
                                         .propensities = sample.propensities,
                                         .targets = sample.targets,
                                         .rewards = sample.rewards,
                                         .predicted = sample.predicted,
                                         .predicted_targets = sample.predicted_targets};
}

static struct off_policy_result estimate(double clip, int resamples, uint64_t seed)
{
    struct off_policy_options options = {.clip = clip, .resamples = resamples, .seed = seed};
    struct off_policy_result result;
    struct lx_error err;
    if (off_policy_estimate(&sample.log, &options, &result, &err) != LX_OK)
        fail_msg("%s", err.text);
    return result;
}

static void assert_near(double got, double want, double within, const char *what)
{
    if (!(fabs(got - want) <= within)) fail_msg("%s: %.12g, want %.12g", what, got, want);
}

static void test_four_rows_give_what_they_give_by_hand(void **state)
{
    (void)state;
    static const double p[] = {0.5, 0.25, 0.5, 0.8}, t[] = {0.25, 0.5, 0, 0.8}, r[] = {1, 1, 1, 0},
                        q[] = {0.5, 0.5, 0.25, 0.25}, v[] = {0.4, 0.4, 0.3, 0.3};
    const struct off_policy_log log = {4, p, t, r, NULL, q, v, NULL};
    const struct off_policy_options options = {.clip = INFINITY};
    struct off_policy_result result;
    struct lx_error err;
    assert_int_equal(off_policy_estimate(&log, &options, &result, &err), LX_OK);
    /* weights 0.5 2 0 1; w r 0.5 2 0 0; DR 0.4+0.25, 0.4+1, 0.3, 0.3-0.25 */
    const struct off_policy_estimate *ips = &result.estimates[OFF_POLICY_IPS],
                                     *snips = &result.estimates[OFF_POLICY_SNIPS],
                                     *dr = &result.estimates[OFF_POLICY_DR];
    assert_near(ips->value, 2.5 / 4, 1e-15, "ips");
    assert_near(snips->value, 2.5 / 3.5, 1e-15, "snips");
    assert_near(dr->value, 2.4 / 4, 1e-15, "dr");
    double ips_squares = 0.125 * 0.125 + 1.375 * 1.375 + 2 * 0.625 * 0.625;
    assert_near(ips->standard_error, sqrt(4.0 / 3 * ips_squares) / 4, 1e-15, "ips error");
    double s = 2.5 / 3.5, snips_squares = 0.25 * (1 - s) * (1 - s) + 4 * (1 - s) * (1 - s) + s * s;
    assert_near(snips->standard_error, sqrt(4.0 / 3 * snips_squares) / 3.5, 1e-15, "snips error");
    double dr_squares = 0.05 * 0.05 + 0.8 * 0.8 + 0.3 * 0.3 + 0.55 * 0.55;
    assert_near(dr->standard_error, sqrt(4.0 / 3 * dr_squares) / 4, 1e-15, "dr error");
    assert_near(ips->low * ips->high, ips->value * ips->value, 1e-12, "symmetric in logarithms");
    assert_near(ips->high, ips->value * exp(1.959963984540054 * ips->standard_error / ips->value),
                1e-12, "its width");
    assert_near(result.effective_size, 3.5 * 3.5 / 5.25, 1e-12, "effective size");
    assert_near(result.mean_weight, 0.875, 1e-15, "mean weight");
    assert_true(isnan(ips->bootstrap_low));
}

static void test_a_policy_from_its_own_log_is_its_mean(void **state)
{
    (void)state;
    draw(&common, common.rewards, common.logging, 1000, 3);
    sample.log.targets = sample.propensities;
    double mean = 0;
    for (size_t i = 0; i < sample.count; i++) mean += sample.rewards[i] / 1000;
    struct off_policy_result result = estimate(0, 0, 1);
    assert_near(result.estimates[OFF_POLICY_IPS].value, mean, 1e-12, "ips");
    assert_near(result.estimates[OFF_POLICY_SNIPS].value, mean, 1e-12, "snips");
    assert_near(result.effective_size, 1000, 1e-9, "effective size");
    assert_near(result.estimates[OFF_POLICY_IPS].standard_error, sqrt(mean * (1 - mean) / 999),
                1e-12, "error");
    assert_int_equal(result.warnings, OFF_POLICY_SOUND);
}

/* Mean and variance of the estimators over replications, and how often intervals hold the truth. */
struct spread {
    double mean[OFF_POLICY_ESTIMATORS], variance[OFF_POLICY_ESTIMATORS],
        held[OFF_POLICY_ESTIMATORS], held_bootstrap[OFF_POLICY_ESTIMATORS];
};

static struct spread replicate(const struct world *world, const double model[CONTEXTS][ACTIONS],
                               const double told[CONTEXTS][ACTIONS], size_t count, int replications,
                               int resamples)
{
    struct spread spread = {{0}, {0}, {0}, {0}};
    double truth = value_of(world, world->target), n = replications;
    for (int r = 0; r < replications; r++) {
        draw(world, model, told, count, (uint64_t)r + 1);
        struct off_policy_result result = estimate(INFINITY, resamples, (uint64_t)r);
        for (size_t e = 0; e < OFF_POLICY_ESTIMATORS; e++) {
            const struct off_policy_estimate *one = &result.estimates[e];
            spread.mean[e] += one->value / n;
            spread.variance[e] += (one->value - truth) * (one->value - truth) / n;
            spread.held[e] += (one->low <= truth && truth <= one->high) / n;
            spread.held_bootstrap[e] +=
                (one->bootstrap_low <= truth && truth <= one->bootstrap_high) / n;
        }
    }
    return spread;
}

static const double wrong_model[CONTEXTS][ACTIONS] = {{0.3, 0.1, 0.1}, {0.2, 0.2, 0.4}};
static const double wrong_logging[CONTEXTS][ACTIONS] = {{0.4, 0.3, 0.3}, {0.4, 0.3, 0.3}};

static void test_over_many_logs_the_mean_is_the_truth(void **state)
{
    (void)state;
    enum { REPLICATIONS = 4000 };
    double truth = value_of(&common, common.target);
    struct spread right = replicate(&common, common.rewards, common.logging, 200, REPLICATIONS, 0);
    struct spread wrong = replicate(&common, wrong_model, common.logging, 200, REPLICATIONS, 0);
    double error_ips = 4 * sqrt(right.variance[OFF_POLICY_IPS] / REPLICATIONS);
    assert_near(right.mean[OFF_POLICY_IPS], truth, error_ips, "ips");
    assert_near(right.mean[OFF_POLICY_SNIPS], truth, error_ips + 0.005, "snips (consistent)");
    assert_near(right.mean[OFF_POLICY_DR], truth,
                4 * sqrt(right.variance[OFF_POLICY_DR] / REPLICATIONS), "dr");
    assert_near(wrong.mean[OFF_POLICY_DR], truth,
                4 * sqrt(wrong.variance[OFF_POLICY_DR] / REPLICATIONS), "dr with a wrong model");
    /* What IPS varies by is known here: (E[w^2 r] - V^2) / n. */
    double second = 0;
    for (size_t c = 0; c < CONTEXTS; c++)
        for (size_t a = 0; a < ACTIONS; a++)
            second += common.shares[c] * common.target[c][a] * common.target[c][a] /
                      common.logging[c][a] * common.rewards[c][a];
    assert_near(right.variance[OFF_POLICY_IPS], (second - truth * truth) / 200, 0.1 * second / 200,
                "variance of ips");
    assert_true(right.variance[OFF_POLICY_DR] < 0.85 * right.variance[OFF_POLICY_IPS]);
}

static void test_a_right_model_mends_wrong_propensities(void **state)
{
    (void)state;
    double truth = value_of(&common, common.target);
    struct spread spread = replicate(&common, common.rewards, wrong_logging, 500, 1000, 0);
    assert_near(spread.mean[OFF_POLICY_DR], truth, 4 * sqrt(spread.variance[OFF_POLICY_DR] / 1000),
                "dr");
    assert_true(fabs(spread.mean[OFF_POLICY_IPS] - truth) > 0.05);
    draw(&common, common.rewards, wrong_logging, ROWS_MAX, 1);
    assert_true(estimate(INFINITY, 0, 1).warnings & OFF_POLICY_MISMATCH);
}

static void test_intervals_hold_the_truth_95_times_in_100(void **state)
{
    (void)state;
    static const struct {
        const struct world *world;
        size_t count;
        int replications, resamples;
        double least, most;
    } rows[] = {
        {&common, 1000, 2000, 0, 0.935, 0.965},
        {&rare, 3000, 1500, 0, 0.93, 0.97},
        {&common, 500, 400, 300, 0.91, 0.98},
    };
    for (size_t i = 0; i < LX_COUNT_OF(rows); i++) {
        const struct world *world = rows[i].world;
        struct spread spread = replicate(world, wrong_model, world->logging, rows[i].count,
                                         rows[i].replications, rows[i].resamples);
        for (size_t e = 0; e < OFF_POLICY_ESTIMATORS; e++) {
            const char *name = off_policy_name((enum off_policy_estimator)e);
            if (spread.held[e] < rows[i].least || spread.held[e] > rows[i].most)
                fail_msg("row %zu, %s: %.4f held", i, name, spread.held[e]);
            if (rows[i].resamples > 0 && (spread.held_bootstrap[e] < rows[i].least ||
                                          spread.held_bootstrap[e] > rows[i].most))
                fail_msg("row %zu, %s, bootstrap: %.4f held", i, name, spread.held_bootstrap[e]);
        }
    }
}

static void test_the_next_log_lies_in_its_interval_95_times_in_100(void **state)
{
    (void)state;
    enum { REPLICATIONS = 1500, COUNT = 1000, NEXT = 700 };
    double truth = value_of(&common, common.target), held = 0;
    for (int r = 0; r < REPLICATIONS; r++) {
        struct lx_rng rng = lx_rng_of((uint64_t)r, 5);
        double low, high, mean = 0;
        draw(&common, common.rewards, common.logging, COUNT, (uint64_t)r + 1);
        struct off_policy_result result = estimate(INFINITY, 0, 1);
        off_policy_predict(&result.estimates[OFF_POLICY_DR], NEXT, &low, &high);
        for (int i = 0; i < NEXT; i++) mean += lx_rng_chance(&rng, truth) / (double)NEXT;
        held += (low <= mean && mean <= high) / (double)REPLICATIONS;
    }
    if (held < 0.93 || held > 0.97) fail_msg("%.4f held", held);
}

static void test_rows_of_one_cluster_count_as_one(void **state)
{
    (void)state;
    enum { COUNT = 500, COPIES = 4 };
    draw(&common, common.rewards, common.logging, COUNT, 9);
    struct off_policy_result once = estimate(INFINITY, 50, 1);
    for (size_t i = COUNT; i < COUNT * COPIES; i++) {
        sample.propensities[i] = sample.propensities[i - COUNT];
        sample.targets[i] = sample.targets[i - COUNT];
        sample.rewards[i] = sample.rewards[i - COUNT];
        sample.predicted[i] = sample.predicted[i - COUNT];
        sample.predicted_targets[i] = sample.predicted_targets[i - COUNT];
        sample.clusters[i] = sample.clusters[i - COUNT];
    }
    sample.log.count = COUNT * COPIES;
    struct off_policy_result loose = estimate(INFINITY, 0, 1);
    sample.log.clusters = sample.clusters;
    struct off_policy_result together = estimate(INFINITY, 50, 1);
    assert_int_equal(together.cluster_count, COUNT);
    for (size_t e = 0; e < OFF_POLICY_ESTIMATORS; e++) {
        assert_near(together.estimates[e].value, once.estimates[e].value, 1e-12, "value");
        assert_near(together.estimates[e].standard_error, once.estimates[e].standard_error, 1e-12,
                    "error");
        assert_near(together.estimates[e].bootstrap_high, once.estimates[e].bootstrap_high, 1e-12,
                    "bootstrap");
        assert_true(loose.estimates[e].standard_error < 0.51 * once.estimates[e].standard_error);
    }
}

static void test_large_weights_are_cut_at_the_root_of_the_rows_and_it_is_said(void **state)
{
    (void)state;
    static double p[400], t[400], r[400], weights[400];
    for (size_t i = 0; i < 400; i++) {
        p[i] = i == 7 ? 0.001 : 0.5;
        t[i] = 0.5;
        r[i] = i % 10 == 7;
    }
    const struct off_policy_log log = {.count = 400, .propensities = p, .targets = t, .rewards = r};
    struct off_policy_options options = {0};
    struct off_policy_result result;
    struct lx_error err;
    assert_int_equal(off_policy_estimate(&log, &options, &result, &err), LX_OK);
    off_policy_weights(&log, 0, weights);
    assert_near(weights[7], 20, 0, "cut");
    assert_near(weights[8], 1, 1e-15, "not cut");
    assert_near(result.clip, 20, 0, "clip");
    assert_int_equal(result.clipped_count, 1);
    assert_near(result.largest_weight, 500, 1e-9, "largest");
    assert_near(result.clipped_share, 480.0 / 899, 1e-9, "share");
    assert_true(result.warnings & OFF_POLICY_CLIPPED);
    assert_false(result.has_dr);
    assert_near(result.estimates[OFF_POLICY_IPS].value, (20 + 39) / 400.0, 1e-12, "ips");
    options.clip = INFINITY;
    assert_int_equal(off_policy_estimate(&log, &options, &result, &err), LX_OK);
    assert_int_equal(result.clipped_count, 0);
    assert_near(result.estimates[OFF_POLICY_IPS].value, (500 + 39) / 400.0, 1e-12, "ips");
}

static void test_what_was_never_possible_is_refused_or_said(void **state)
{
    (void)state;
    static const double logging[] = {0.5, 0.5, 0, 0}, little[] = {0.5, 0.45, 0.05, 0},
                        much[] = {0.5, 0.3, 0.1, 0.1};
    struct off_policy_options options = {.uncovered = off_policy_uncovered(logging, little, 4)};
    struct off_policy_result result;
    struct lx_error err;
    draw(&common, common.rewards, common.logging, 1000, 1);
    assert_near(options.uncovered, 0.05, 1e-15, "little");
    assert_int_equal(off_policy_estimate(&sample.log, &options, &result, &err), LX_OK);
    assert_int_equal(result.warnings, OFF_POLICY_UNCOVERED);
    options.uncovered = off_policy_uncovered(logging, much, 4);
    assert_near(options.uncovered, 0.2, 1e-15, "much");
    assert_int_equal(off_policy_estimate(&sample.log, &options, &result, &err), LX_ERR_REFUSED);
    assert_non_null(strstr(err.text, "20.0 %"));
    for (size_t n = 0; off_policy_warning_at(n) != OFF_POLICY_SOUND; n++) {
        assert_non_null(off_policy_warning_zh(off_policy_warning_at(n)));
        assert_non_null(off_policy_warning_en(off_policy_warning_at(n)));
    }
}

static void test_impossible_rows_are_refused_with_their_number(void **state)
{
    (void)state;
    static const struct {
        double propensity, target, reward;
        const char *text;
    } rows[] = {{0, 0.5, 1, "row 2: propensity 0"},       {1.5, 0.5, 1, "row 2: propensity 1.5"},
                {-0.1, 0.5, 1, "row 2: propensity -0.1"}, {0.5, 1.1, 1, "row 2: chance 1.1"},
                {0.5, -0.1, 1, "row 2: chance -0.1"},     {0.5, 0.5, 2, "row 2: reward 2"},
                {NAN, 0.5, 1, "row 2: propensity"},       {0.5, NAN, 1, "row 2: chance"},
                {0.5, 0.5, NAN, "row 2: reward"}};
    struct off_policy_options options = {0};
    struct off_policy_result result;
    struct lx_error err;
    for (size_t i = 0; i < LX_COUNT_OF(rows); i++) {
        draw(&common, common.rewards, common.logging, 10, 1);
        sample.propensities[1] = rows[i].propensity;
        sample.targets[1] = rows[i].target;
        sample.rewards[1] = rows[i].reward;
        assert_int_equal(off_policy_estimate(&sample.log, &options, &result, &err),
                         LX_ERR_BAD_INPUT);
        if (strstr(err.text, rows[i].text) == NULL) fail_msg("%zu: %s", i, err.text);
    }
    sample.log.count = 0;
    assert_int_equal(off_policy_estimate(&sample.log, &options, &result, &err), LX_ERR_BAD_INPUT);
}

static void test_without_a_reward_the_interval_still_ends_above_0(void **state)
{
    (void)state;
    draw(&common, common.rewards, common.logging, 1000, 1);
    for (size_t i = 0; i < sample.count; i++) sample.rewards[i] = 0;
    struct off_policy_result result = estimate(0, 20, 1);
    const struct off_policy_estimate *ips = &result.estimates[OFF_POLICY_IPS];
    double low, high;
    assert_true(result.warnings & OFF_POLICY_NO_REWARD);
    assert_near(ips->value, 0, 0, "value");
    assert_near(ips->high, -log(0.025) / result.effective_size, 1e-15, "high");
    off_policy_predict(ips, 1000, &low, &high);
    assert_true(low == 0 && high > ips->high);
    /* DR is below 0 here, as the model expected rewards: its interval is symmetric. */
    const struct off_policy_estimate *dr = &result.estimates[OFF_POLICY_DR];
    if (dr->value <= 0) assert_near(dr->high - dr->value, dr->value - dr->low, 1e-12, "symmetric");
}

static void test_the_direct_model_never_saw_the_row_that_it_predicts(void **state)
{
    (void)state;
    enum { COUNT = 600 };
    static double before[COUNT], before_targets[COUNT], after[COUNT], after_targets[COUNT];
    struct lx_error err;
    draw(&common, common.rewards, common.logging, COUNT, 4);
    for (size_t i = 0; i < COUNT; i++) sample.clusters[i] = (uint32_t)(i / 3);
    const struct off_policy_cells cells = {
        COUNT,           ACTIONS,        CONTEXTS,        sample.actions,
        sample.contexts, sample.rewards, sample.clusters, &common.target[0][0]};
    assert_int_equal(off_policy_rates(&cells, 5, 1, before, before_targets, &err), LX_OK);
    for (size_t i = 30; i < 33; i++) sample.rewards[i] = 1 - sample.rewards[i];
    sample.rewards[31] = sample.rewards[30]; /* so that the sum cannot stay as it was */
    assert_int_equal(off_policy_rates(&cells, 5, 1, after, after_targets, &err), LX_OK);
    size_t changed = 0;
    for (size_t i = 0; i < COUNT; i++) changed += before[i] != after[i];
    assert_true(changed > COUNT / 2);
    for (size_t i = 30; i < 33; i++) {
        assert_near(after[i], before[i], 0, "own prediction");
        assert_near(after_targets[i], before_targets[i], 0, "own expectation");
    }
}

static void test_the_direct_model_comes_near_the_truth_and_shrinks_what_is_rare(void **state)
{
    (void)state;
    static double predicted[ROWS_MAX], targets[ROWS_MAX];
    struct lx_error err;
    draw(&common, common.rewards, common.logging, ROWS_MAX, 6);
    const struct off_policy_cells cells = {
        ROWS_MAX,        ACTIONS,        CONTEXTS, sample.actions,
        sample.contexts, sample.rewards, NULL,     &common.target[0][0]};
    assert_int_equal(off_policy_rates(&cells, 5, 1, predicted, targets, &err), LX_OK);
    for (size_t i = 0; i < ROWS_MAX; i++) {
        size_t c = sample.contexts[i];
        double want = 0;
        for (size_t a = 0; a < ACTIONS; a++) want += common.target[c][a] * common.rewards[c][a];
        assert_near(predicted[i], common.rewards[c][sample.actions[i]], 0.1, "of what was shown");
        assert_near(targets[i], want, 0.07, "under the other policy");
    }
    for (size_t i = 0; i < ROWS_MAX; i++) sample.rewards[i] = 0;
    assert_int_equal(off_policy_rates(&cells, 5, 1, predicted, targets, &err), LX_OK);
    assert_true(predicted[0] > 0 && predicted[0] < 0.001);
}

/* A policy that is one of two at any moment; what it does on the whole is known. */
static void test_what_a_changing_policy_does_is_found_from_its_log_without_rewards(void **state)
{
    (void)state;
    enum { COUNT = 1000, REPLICATIONS = 1500 };
    static const double moments[2][ACTIONS] = {{0.7, 0.2, 0.1}, {0.5, 0.2, 0.3}},
                        whole[ACTIONS] = {0.6, 0.2, 0.2};
    double mean[ACTIONS] = {0}, squares[ACTIONS] = {0}, plain[ACTIONS] = {0};
    struct lx_error err;
    for (int r = 0; r < REPLICATIONS; r++) {
        struct lx_rng rng = lx_rng_of((uint64_t)r, 2);
        double counts[ACTIONS] = {0}, shares[CONTEXTS * ACTIONS];
        for (size_t i = 0; i < COUNT; i++) {
            const double *now = moments[lx_rng_below(&rng, 2)];
            size_t a = lx_rng_pick(&rng, now, ACTIONS);
            sample.contexts[i] = 0;
            sample.actions[i] = (uint32_t)a;
            sample.propensities[i] = now[a];
            counts[a] += 1;
        }
        assert_int_equal(off_policy_shares(sample.contexts, sample.actions, sample.propensities,
                                           COUNT, CONTEXTS, ACTIONS, shares, &err),
                         LX_OK);
        assert_near(shares[0] + shares[1] + shares[2], 1, 1e-12, "sum");
        assert_near(shares[ACTIONS], 0, 0, "a context without rows");
        for (size_t a = 0; a < ACTIONS; a++) {
            mean[a] += shares[a] / REPLICATIONS;
            squares[a] += (shares[a] - whole[a]) * (shares[a] - whole[a]) / REPLICATIONS;
            double off = counts[a] / COUNT - whole[a];
            plain[a] += off * off / REPLICATIONS;
        }
    }
    for (size_t a = 0; a < ACTIONS; a++) {
        assert_near(mean[a], whole[a], 4 * sqrt(squares[a] / REPLICATIONS) + 2e-4, "mean");
        assert_true(squares[a] < 0.7 * plain[a]);
    }
}

static void test_chances_that_do_not_change_are_found_as_they_are(void **state)
{
    (void)state;
    double shares[CONTEXTS * ACTIONS];
    struct lx_error err;
    draw(&common, common.rewards, common.logging, 200, 8);
    assert_int_equal(off_policy_shares(sample.contexts, sample.actions, sample.propensities, 200,
                                       CONTEXTS, ACTIONS, shares, &err),
                     LX_OK);
    for (size_t i = 0; i < CONTEXTS * ACTIONS; i++)
        assert_near(shares[i], common.logging[i / ACTIONS][i % ACTIONS], 1e-12, "share");
}

static void test_the_same_seed_gives_the_same_bytes(void **state)
{
    (void)state;
    draw(&common, common.rewards, common.logging, 300, 2);
    struct off_policy_result first = estimate(0, 100, 5), again = estimate(0, 100, 5),
                             other = estimate(0, 100, 6);
    assert_memory_equal(&first.estimates, &again.estimates, sizeof first.estimates);
    assert_true(first.estimates[0].bootstrap_low != other.estimates[0].bootstrap_low);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_four_rows_give_what_they_give_by_hand),
        cmocka_unit_test(test_a_policy_from_its_own_log_is_its_mean),
        cmocka_unit_test(test_over_many_logs_the_mean_is_the_truth),
        cmocka_unit_test(test_a_right_model_mends_wrong_propensities),
        cmocka_unit_test(test_intervals_hold_the_truth_95_times_in_100),
        cmocka_unit_test(test_the_next_log_lies_in_its_interval_95_times_in_100),
        cmocka_unit_test(test_rows_of_one_cluster_count_as_one),
        cmocka_unit_test(test_large_weights_are_cut_at_the_root_of_the_rows_and_it_is_said),
        cmocka_unit_test(test_what_was_never_possible_is_refused_or_said),
        cmocka_unit_test(test_impossible_rows_are_refused_with_their_number),
        cmocka_unit_test(test_without_a_reward_the_interval_still_ends_above_0),
        cmocka_unit_test(test_the_direct_model_never_saw_the_row_that_it_predicts),
        cmocka_unit_test(test_the_direct_model_comes_near_the_truth_and_shrinks_what_is_rare),
        cmocka_unit_test(test_what_a_changing_policy_does_is_found_from_its_log_without_rewards),
        cmocka_unit_test(test_chances_that_do_not_change_are_found_as_they_are),
        cmocka_unit_test(test_the_same_seed_gives_the_same_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
