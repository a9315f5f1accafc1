/*
 * Goal:   focal loss has the derivatives it claims, its curvature never turns a step round, the
 *         constant that minimises it is the one that focal_rate names, and training with it is
 *         log loss's where it is log loss.
 * Method: differences of the loss beside the derivatives, a search beside focal_rate, XGBoost's own
 *         binary:logistic beside gamma 0 and alpha one half.
 */
#include "cmocka_all.h"

#include <math.h>

#include "base/rng.h"
#include "learn/focal.h"
#include "learn/forest.h"
#include "learn/scorer.h"
#include "learn/xgboost.h"

static const struct focal shapes[] = {{0, 0.5}, {0, 0.25}, {1, 0.5}, {2, 0.25}, {5, 0.9}};

static void test_the_gradient_is_the_slope_of_the_loss(void **state)
{
    (void)state;
    for (size_t s = 0; s < LX_COUNT_OF(shapes); s++)
        for (double margin = -12; margin <= 12; margin += 0.37)
            for (int positive = 0; positive < 2; positive++) {
                double step = 1e-5, gradient, hessian;
                double want = (focal_loss(&shapes[s], margin + step, positive) -
                               focal_loss(&shapes[s], margin - step, positive)) /
                              (2 * step);
                focal_derivatives(&shapes[s], margin, positive, &gradient, &hessian);
                if (fabs(gradient - want) > 1e-8)
                    fail_msg("shape %zu, margin %g, label %d: %.12g, want %.12g", s, margin,
                             positive, gradient, want);
            }
}

static void
test_the_second_derivative_is_right_where_it_is_not_clipped_and_never_too_small(void **state)
{
    (void)state;
    for (size_t s = 0; s < LX_COUNT_OF(shapes); s++)
        for (double margin = -30; margin <= 30; margin += 0.31)
            for (int positive = 0; positive < 2; positive++) {
                double step = 1e-5, low, high, unused, gradient, hessian;
                focal_derivatives(&shapes[s], margin - step, positive, &low, &unused);
                focal_derivatives(&shapes[s], margin + step, positive, &high, &unused);
                focal_derivatives(&shapes[s], margin, positive, &gradient, &hessian);
                double want = (high - low) / (2 * step);
                double t = 1 / (1 + exp(positive ? -margin : margin));
                double rest = 1 / (1 + exp(positive ? margin : -margin));
                double weight = positive ? shapes[s].alpha : 1 - shapes[s].alpha;
                double least = weight * pow(rest, shapes[s].gamma) * t * rest;
                assert_true(hessian > 0 && hessian >= least * (1 - 1e-9) - 1e-18);
                if (want > least && fabs(hessian - want) > 1e-8)
                    fail_msg("shape %zu, margin %g, label %d: %.12g, want %.12g", s, margin,
                             positive, hessian, want);
            }
}

static void test_the_rate_minimises_the_expected_loss(void **state)
{
    (void)state;
    static const double rates[] = {0.001, 0.02, 0.3, 0.5, 0.9};
    for (size_t s = 0; s < LX_COUNT_OF(shapes); s++)
        for (size_t r = 0; r < LX_COUNT_OF(rates); r++) {
            double best = INFINITY, at = 0;
            for (double margin = -12; margin < 12; margin += 0.001) {
                double loss = rates[r] * focal_loss(&shapes[s], margin, true) +
                              (1 - rates[r]) * focal_loss(&shapes[s], margin, false);
                if (loss >= best) continue;
                best = loss;
                at = margin;
            }
            double got = focal_rate(&shapes[s], rates[r]);
            if (fabs(log(got / (1 - got)) - at) > 0.002)
                fail_msg("shape %zu, rate %g: %g, want %g", s, rates[r], log(got / (1 - got)), at);
        }
    assert_true(fabs(focal_rate(&shapes[0], 0.02) - 0.02) < 1e-12);
}

enum { ROWS = 4000, COLUMNS = 5 };

static void train(struct matrix *rows, const float *labels, const float *weights,
                  enum xgb_objective objective, struct focal focal, float *ret_margins)
{
    struct xgb_params params = xgb_params_default(objective);
    struct lx_buffer model;
    struct forest *forest = NULL;
    struct scorer *scorer = NULL;
    struct lx_error err = {0};
    params.round_count = 30;
    params.min_child_weight = 3;
    params.focal = focal;
    lx_buffer_init(&model, FOREST_BYTES_MAX);
    if (xgb_train(&params, rows, labels, weights, NULL, &model, &err) != LX_OK)
        fail_msg("%s", err.text);
    assert_int_equal(forest_load_json(model.bytes, model.length, &forest, &err), LX_OK);
    assert_int_equal(scorer_open(forest, SCORER_BEST, &scorer, &err), LX_OK);
    assert_int_equal(scorer_score_threads(scorer, rows->values, ROWS, 1, ret_margins, &err), LX_OK);
    scorer_close(scorer);
    forest_close(forest);
    lx_buffer_release(&model);
}

static void test_without_focus_training_is_that_of_log_loss(void **state)
{
    (void)state;
    static float labels[ROWS], weights[ROWS], logistic[ROWS], focal[ROWS], focused[ROWS];
    struct lx_rng rng = lx_rng_of(5, 0);
    struct matrix rows;
    assert_int_equal(matrix_init(&rows, COLUMNS), LX_OK);
    for (size_t i = 0; i < ROWS; i++) {
        float *row;
        assert_int_equal(matrix_add_row(&rows, &row), LX_OK);
        for (size_t c = 0; c < COLUMNS; c++) row[c] = (float)lx_rng_normal(&rng);
        labels[i] = lx_rng_chance(&rng, 1 / (1 + exp(3 - 1.5 * (double)row[0])));
        weights[i] = (float)(1 + i % 2);
    }
    train(&rows, labels, weights, XGB_BINARY, (struct focal){0}, logistic);
    train(&rows, labels, weights, XGB_FOCAL, (struct focal){0, 0.5}, focal);
    train(&rows, labels, weights, XGB_FOCAL, (struct focal){2, 0.25}, focused);
    double difference = 0;
    for (size_t i = 0; i < ROWS; i++) {
        if (fabs((double)logistic[i] - (double)focal[i]) > 1e-3)
            fail_msg("row %zu: %g, log loss %g", i, (double)focal[i], (double)logistic[i]);
        difference += fabs((double)logistic[i] - (double)focused[i]) / ROWS;
    }
    assert_true(difference > 0.1);
    matrix_release(&rows);
}

static void test_a_failed_allocation_is_reported(void **state)
{
    (void)state;
    float labels[] = {0, 1, 0, 1}, *row;
    struct matrix rows;
    assert_int_equal(matrix_init(&rows, 1), LX_OK);
    for (size_t i = 0; i < 4; i++) assert_int_equal(matrix_add_row(&rows, &row), LX_OK);
    struct xgb_params params = xgb_params_default(XGB_FOCAL);
    params.focal = shapes[3];
    for (uint64_t n = 1; n <= 2; n++) {
        struct lx_buffer model;
        lx_buffer_init(&model, FOREST_BYTES_MAX);
        lx_alloc_fail_at(n);
        assert_int_equal(xgb_train(&params, &rows, labels, NULL, NULL, &model, NULL),
                         LX_ERR_NO_MEMORY);
        lx_alloc_fail_at(0);
        lx_buffer_release(&model);
    }
    matrix_release(&rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_gradient_is_the_slope_of_the_loss),
        cmocka_unit_test(
            test_the_second_derivative_is_right_where_it_is_not_clipped_and_never_too_small),
        cmocka_unit_test(test_the_rate_minimises_the_expected_loss),
        cmocka_unit_test(test_without_focus_training_is_that_of_log_loss),
        cmocka_unit_test(test_a_failed_allocation_is_reported),
    };
    return cmocka_run_group_tests_name("focal", tests, NULL, NULL);
}
