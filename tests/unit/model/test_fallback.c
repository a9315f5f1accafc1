/*
 * Goal:   the comparison measures the model as evaluate does, on the same rows; each ranking is
 *         what its name says; who is new or holds little is told by his history; factors add
 *         nothing where products are opened by chance; threads do not matter.
 * Method: living banks, in which only pages looked at can be learnt from; evaluate's own figures;
 *         customers counted by hand.
 */
#include "tests/living_bank.h"

#include <math.h>

#include "model/fallback.h"
#include "model/train.h"

static struct living_bank bank = {.chance_after_view = 0.3};
static struct fallback_result result;
static const struct evaluate_options options = {.seed = 3, .resamples = 30};

static void evaluate_with(int threads, struct fallback_result *ret_result)
{
    struct lx_error err;
    struct living_clock clock = living_clock_of(1);
    struct lx_env env = living_env(&clock, threads);
    MUST(fallback_evaluate(bank.folder, &options, &env, ret_result, &err));
}

static int open_bank(void **state)
{
    struct lx_error err;
    struct living_clock clock = living_clock_of(1);
    struct lx_env env = living_env(&clock, 1);
    struct train_result trained;
    const struct train_options train_options = {
        .as_of_ms = BANK_UNKNOWN_MS, .seed = 1, .rows_max = 6000};
    living_open(&bank, 700, 11);
    MUST(train(bank.folder, &train_options, &env, &trained, &err));
    evaluate_with(1, &result);
    return 0;
}

static int close_bank(void **state)
{
    living_remove(&bank);
    return 0;
}

static void test_the_model_is_measured_as_evaluate_does(void **state)
{
    struct lx_error err;
    struct living_clock clock = living_clock_of(1);
    struct lx_env env = living_env(&clock, 1);
    struct evaluate_result evaluated;
    MUST(evaluate(bank.folder, &options, &env, &evaluated, &err));
    const struct fallback_figures *model = &result.figures[FALLBACK_GROUP_ALL][FALLBACK_MODEL];
    const struct quality *quality = &evaluated.quality[QUALITY_BY_MODEL];
    const struct quality *popularity = &evaluated.quality[QUALITY_BY_POPULARITY];
    assert_int_equal(result.rows[FALLBACK_GROUP_ALL], evaluated.rows);
    assert_int_equal(result.openings[FALLBACK_GROUP_ALL], evaluated.positives);
    assert_true(fabs(model->roc_auc_within - quality->roc_auc_within) < 0.02);
    assert_true(fabs(model->pr_auc / quality->pr_auc - 1) < 0.1);
    assert_true(fabs(result.figures[FALLBACK_GROUP_ALL][FALLBACK_POPULARITY].pr_auc -
                     popularity->pr_auc) < 0.002);
    evaluate_result_release(&evaluated);
}

static void test_the_model_knows_more_than_what_others_hold(void **state)
{
    const struct fallback_figures *figures = result.figures[FALLBACK_GROUP_ALL];
    assert_true(figures[FALLBACK_MODEL].difference == 0);
    for (int i = FALLBACK_POPULARITY; i < FALLBACK_RANKING_COUNT; i++) {
        if (!(figures[i].roc_auc_within < figures[FALLBACK_MODEL].roc_auc_within - 0.1))
            fail_msg("%s: %g, the model %g", fallback_ranking_text((enum fallback_ranking)i),
                     figures[i].roc_auc_within, figures[FALLBACK_MODEL].roc_auc_within);
        assert_true(figures[i].difference_high < 0);
        assert_true(figures[i].found5 > 0.15 && figures[i].found5 < 0.6);
    }
    assert_true(result.stacked_low < 0.01);
}

static void test_nobody_of_a_bank_that_began_together_is_new(void **state)
{
    assert_int_equal(result.cases[FALLBACK_GROUP_NEW], 0);
    assert_true(isnan(result.figures[FALLBACK_GROUP_NEW][FALLBACK_ALS].pr_auc));
    assert_true(result.cases[FALLBACK_GROUP_THIN] > 0);
    assert_true(result.cases[FALLBACK_GROUP_THIN] < result.cases[FALLBACK_GROUP_ALL] / 2);
}

static void test_threads_do_not_matter(void **state)
{
    struct fallback_result again;
    evaluate_with(3, &again);
    again.seconds = result.seconds;
    assert_memory_equal(again.figures[FALLBACK_GROUP_ALL], result.figures[FALLBACK_GROUP_ALL],
                        sizeof result.figures[FALLBACK_GROUP_ALL]);
    assert_true(again.stacked_pr_auc == result.stacked_pr_auc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_model_is_measured_as_evaluate_does),
        cmocka_unit_test(test_the_model_knows_more_than_what_others_hold),
        cmocka_unit_test(test_nobody_of_a_bank_that_began_together_is_new),
        cmocka_unit_test(test_threads_do_not_matter),
    };
    return cmocka_run_group_tests(tests, open_bank, close_bank);
}
