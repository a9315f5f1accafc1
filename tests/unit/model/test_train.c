/*
 * Goal:   training finds what can be learned and nothing where there is nothing, is the same for
 *         the same seed, measures on months it has not seen, and says what is missing where it
 *         cannot be done; evaluating the live model gives training's own figures again.
 * Method: living banks with a strong signal, with none, too small, too short and empty.
 */
#include "tests/living_bank.h"
#include "tests/shipped_features.h"

#include <math.h>

#include "decide/past_rules.h"
#include "model/evaluate.h"
#include "model/rows.h"
#include "model/train.h"

static const struct train_options plain = {
    .as_of_ms = BANK_UNKNOWN_MS, .seed = 1, .rows_max = 6000};

static void train_bank(struct living_bank *bank, const struct train_options *options,
                       struct train_result *result)
{
    struct lx_error err;
    struct living_clock clock = living_clock_of(1);
    struct lx_env env = living_env(&clock, 1);
    MUST(train(bank->folder, options, &env, result, &err));
}

static void assert_same_quality(const struct quality *a, const struct quality *b)
{
    for (size_t i = 0; i < QUALITY_COUNT; i++) {
        double x = quality_value(a, (enum quality_figure)i);
        double y = quality_value(b, (enum quality_figure)i);
        if (!(x == y || (isnan(x) && isnan(y))))
            fail_msg("%s: %.17g and %.17g", quality_name((enum quality_figure)i), x, y);
    }
}

static void test_a_signal_is_found_and_told_again_by_evaluate(void **state)
{
    struct lx_error err;
    struct living_bank bank = {.chance_after_view = 0.3};
    struct living_clock clock = living_clock_of(2);
    struct lx_env env = living_env(&clock, 1);
    struct train_result result, again;
    struct evaluate_result evaluated;
    living_open(&bank, 900, 11);
    train_bank(&bank, &plain, &result);
    const struct quality *model = &result.quality[QUALITY_BY_MODEL];
    const struct quality *popularity = &result.quality[QUALITY_BY_POPULARITY];
    const struct quality *random = &result.quality[QUALITY_BY_RANDOM];
    assert_true(model->pr_auc > 4 * popularity->pr_auc);
    assert_true(model->roc_auc_within > 0.68);
    assert_true(model->lift_1pct > 10);
    assert_true(fabs(popularity->roc_auc_within - 0.5) < 0.1);
    assert_true(fabs(random->roc_auc - 0.5) < 0.06);
    assert_true(model->observed_over_expected_top1 > 0.6);
    assert_true(model->observed_over_expected_top1 < 1.7);
    assert_true(isnan(popularity->ece));

    train_bank(&bank, &plain, &again);
    assert_string_equal(result.model, again.model);
    struct train_options other = plain;
    other.seed = 2;
    train_bank(&bank, &other, &again);
    assert_string_not_equal(result.model, again.model);
    struct train_options weighted = plain;
    const struct rows_rules rules = past_rules(bank.folder);
    weighted.weights = (struct rows_weights){3, 3, 0.1};
    weighted.rules = &rules;
    train_bank(&bank, &weighted, &again);
    assert_string_not_equal(result.model, again.model);
    assert_true(again.quality[QUALITY_BY_MODEL].observed_over_expected_top10 > 0.6);
    assert_true(again.quality[QUALITY_BY_MODEL].observed_over_expected_top10 < 1.7);
    train_bank(&bank, &plain, &again); /* the first one is live again */

    const struct evaluate_options options = {.seed = plain.seed, .resamples = 50};
    MUST(evaluate(bank.folder, &options, &env, &evaluated, &err));
    assert_string_equal(evaluated.model, result.model);
    assert_int_equal(evaluated.rows, result.quality_rows);
    assert_int_equal(evaluated.positives, result.quality_positives);
    assert_same_quality(&evaluated.quality[QUALITY_BY_MODEL], model);
    assert_same_quality(&evaluated.quality[QUALITY_BY_POPULARITY], popularity);
    assert_true(evaluated.low[QUALITY_BY_MODEL].pr_auc < model->pr_auc);
    assert_true(evaluated.high[QUALITY_BY_MODEL].pr_auc > model->pr_auc);
    uint64_t rows = 0, positives = 0;
    for (size_t i = 0; i < evaluated.product_count; i++) {
        rows += evaluated.products[i].rows;
        positives += evaluated.products[i].positives;
    }
    assert_int_equal(rows, evaluated.rows);
    assert_int_equal(positives, evaluated.positives);
    evaluate_result_release(&evaluated);
    living_remove(&bank);
}

static void test_where_nothing_can_be_learned_nothing_is(void **state)
{
    struct living_bank bank = {.chance_after_view = 0.012, .chance = 0.012};
    struct train_result result;
    living_open(&bank, 700, 12);
    train_bank(&bank, &plain, &result);
    assert_true(fabs(result.quality[QUALITY_BY_MODEL].roc_auc_within - 0.5) < 0.06);
    assert_true(result.quality[QUALITY_BY_MODEL].lift_1pct < 2.5);
    living_remove(&bank);
}

static void test_the_quality_months_come_after_the_fitted_ones(void **state)
{
    struct lx_error err;
    struct living_bank bank = {0};
    struct train_result result;
    struct model *model = NULL;
    living_open(&bank, 500, 13);
    train_bank(&bank, &plain, &result);
    assert_true(result.fitted_to_day + ROWS_HORIZON_DAYS <= result.measured_from_day);
    MUST(model_open(bank.folder, NULL, shipped(), &model, &err));
    const struct model_card *card = model_card(model);
    assert_int_equal(card->customers, 500);
    assert_int_equal(card->batches, 1);
    assert_int_equal(card->rows, result.rows);
    for (size_t i = 1; i < card->fit_count + card->calibration_count + card->quality_count; i++)
        assert_true(card->moments_ms[i - 1] < card->moments_ms[i]);
    model_close(model);
    living_remove(&bank);
}

static void test_balance_methods_keep_probabilities_true(void **state)
{
    struct lx_error err;
    struct living_bank bank = {0};
    struct living_clock clock = living_clock_of(2);
    struct lx_env env = living_env(&clock, 1);
    struct evaluate_comparison comparison;
    const struct evaluate_options options = {.seed = 4, .rows_max = 3000, .resamples = 20};
    living_open(&bank, 500, 14);
    MUST(evaluate_compare(bank.folder, &options, &env, &comparison, &err));
    for (int i = 0; i < SAMPLING_COUNT; i++) {
        const struct evaluate_method *method = &comparison.methods[i];
        assert_int_equal(method->balance, i);
        assert_true(method->rows > 0);
        if (!(method->quality.pr_auc > 2 * comparison.popularity.pr_auc))
            fail_msg("%s: PR-AUC %g, popularity %g", sampling_name(method->balance),
                     method->quality.pr_auc, comparison.popularity.pr_auc);
        if (i == SAMPLING_NONE)
            assert_true(method->difference_low == 0 && method->difference_high == 0);
        assert_true(method->difference_low <= method->difference_high);
        double ratio = method->quality.observed_over_expected_top10;
        if (!(ratio > 0.6 && ratio < 1.6))
            fail_msg("%s: observed over expected in the top tenth %g",
                     sampling_name(method->balance), ratio);
    }
    struct model *model = NULL;
    MUST_FAIL(model_open(bank.folder, NULL, shipped(), &model, &err),
              LX_ERR_NOT_READY); /* nothing registered */
    living_remove(&bank);
}

static void test_an_empty_bank_says_import_first(void **state)
{
    struct lx_error err;
    struct living_bank bank = {0};
    struct living_clock clock = living_clock_of(1);
    struct lx_env env = living_env(&clock, 1);
    struct train_result result;
    struct evaluate_result evaluated;
    const struct evaluate_options options = {.seed = 1};
    living_create(&bank);
    MUST_FAIL(train(bank.folder, &plain, &env, &result, &err), LX_ERR_NOT_READY);
    assert_non_null(strstr(err.text, "lingxi import"));
    MUST_FAIL(evaluate(bank.folder, &options, &env, &evaluated, &err), LX_ERR_NOT_READY);
    assert_non_null(strstr(err.text, "lingxi train"));
    living_remove(&bank);
}

static void test_too_few_months_or_customers_are_named(void **state)
{
    struct lx_error err;
    struct living_bank bank = {0};
    struct living_clock clock = living_clock_of(1);
    struct lx_env env = living_env(&clock, 1);
    struct train_result result;
    struct train_options early = plain;
    struct lx_civil day = {2025, 12, 20};
    early.as_of_ms = lx_ms_of_day(lx_day_of_civil(day), LIVING_OFFSET_MINUTES);
    living_open(&bank, 5, 15);
    MUST_FAIL(train(bank.folder, &early, &env, &result, &err), LX_ERR_NOT_READY);
    assert_non_null(strstr(err.text, "month ends"));
    MUST_FAIL(train(bank.folder, &plain, &env, &result, &err), LX_ERR_NOT_READY);
    assert_non_null(strstr(err.text, "openings to learn from"));
    living_remove(&bank);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_signal_is_found_and_told_again_by_evaluate),
        cmocka_unit_test(test_where_nothing_can_be_learned_nothing_is),
        cmocka_unit_test(test_the_quality_months_come_after_the_fitted_ones),
        cmocka_unit_test(test_balance_methods_keep_probabilities_true),
        cmocka_unit_test(test_an_empty_bank_says_import_first),
        cmocka_unit_test(test_too_few_months_or_customers_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
