/*
 * Goal:   all three importances put a planted signal on top and give noise nothing, each product is
 *         told what it rests on itself, and the numbers do not depend on the threads.
 * Method: rows whose label follows one column in all products and another column in one product
 *         only; forests trained on other rows of the same kind; a column that no row needs.
 */
#include "tests/scratch.h"

#include <math.h>

#include "base/rng.h"
#include "learn/xgboost.h"
#include "model/importance.h"

enum { ROWS = 6000, COLUMNS = 8, PRODUCTS = 3, SIGNAL = 2, OF_PRODUCT_2 = 5, NOISE = 7 };

static int64_t no_clock(void *context)
{
    return 0;
}

static void no_message(void *context, const char *text)
{
}

static void no_progress(void *context, const char *what, uint64_t done, uint64_t total)
{
}

static struct lx_env env_of(int threads)
{
    return (struct lx_env){.now_ms = no_clock,
                           .elapsed_ns = no_clock,
                           .message = no_message,
                           .progress = no_progress,
                           .thread_count = threads};
}

static void draw(uint64_t seed, struct kept *rows, float *labels)
{
    struct lx_rng rng = lx_rng_of(seed, 8);
    *rows = (struct kept){.labels = NULL};
    for (size_t i = 0; i < ROWS; i++) {
        float values[COLUMNS];
        for (size_t j = 0; j < COLUMNS; j++) values[j] = (float)lx_rng_normal(&rng);
        size_t product = (size_t)lx_rng_below(&rng, PRODUCTS);
        values[0] = (float)product;
        double log_odds = -3 + 2 * (double)values[SIGNAL];
        if (product == 2) log_odds = -3 + 2 * (double)values[OF_PRODUCT_2];
        bool is_positive = lx_rng_chance(&rng, 1 / (1 + exp(-log_odds)));
        assert_int_equal(kept_add(rows, values, COLUMNS, (uint16_t)product, is_positive, 1), LX_OK);
        labels[i] = is_positive;
    }
}

static void train_forest(const struct kept *rows, const float *labels, struct forest **ret_forest)
{
    struct lx_error err;
    struct lx_buffer trees;
    struct lx_env env = env_of(1);
    struct xgb_params params = xgb_params_default(XGB_BINARY);
    params.round_count = 40;
    params.max_depth = 4;
    params.learning_rate = 0.15;
    params.min_child_weight = 20;
    lx_buffer_init(&trees, FOREST_BYTES_MAX);
    MUST(xgb_train(&params, &rows->matrix, labels, NULL, &env, &trees, &err));
    MUST(forest_load_json(trees.bytes, trees.length, ret_forest, &err));
    lx_buffer_release(&trees);
}

static void measure(const struct forest *forest, const struct kept *rows, int threads,
                    struct importance *importance)
{
    struct lx_error err;
    struct lx_env env = env_of(threads);
    uint16_t *groups = calloc(2 * ROWS, sizeof *groups);
    for (size_t i = 0; i < ROWS; i++) groups[2 * i] = (uint16_t)(1 + rows->products[i]);
    const struct importance_plan plan = {rows, groups, 1 + PRODUCTS, 3};
    MUST(importance_measure(forest, &plan, &env, importance, &err));
    free(groups);
}

static uint16_t first_of(const struct importance *importance, size_t group,
                         enum importance_kind kind)
{
    uint16_t order[COLUMNS];
    importance_order(&importance->groups[group], kind, COLUMNS, order);
    return order[0];
}

static void test_a_planted_signal_is_on_top_and_noise_is_nothing(void **state)
{
    static float labels[ROWS];
    struct kept rows, others;
    struct forest *forest = NULL;
    struct importance importance, again;
    draw(1, &others, labels);
    train_forest(&others, labels, &forest);
    draw(2, &rows, labels);
    measure(forest, &rows, 1, &importance);
    measure(forest, &rows, 3, &again);
    for (int kind = 0; kind < IMPORTANCE_KINDS; kind++) {
        const char *name = importance_kind_name((enum importance_kind)kind);
        for (size_t group = 0; group <= PRODUCTS; group++) {
            uint16_t first = first_of(&importance, group, (enum importance_kind)kind);
            uint16_t expected = group == 3 ? OF_PRODUCT_2 : SIGNAL;
            if (group == 3 && kind == IMPORTANCE_GAIN) continue; /* it passes the others' splits */
            if (first != expected) fail_msg("%s, group %zu: column %d", name, group, first);
        }
        assert_memory_equal(importance.groups[0].values[kind], again.groups[0].values[kind],
                            COLUMNS * sizeof(double));
    }
    assert_true(importance.groups[3].values[IMPORTANCE_GAIN][OF_PRODUCT_2] >
                importance.groups[1].values[IMPORTANCE_GAIN][OF_PRODUCT_2]);
    double sum[2] = {0};
    for (size_t i = 0; i < COLUMNS; i++) {
        sum[0] += importance.groups[2].values[IMPORTANCE_GAIN][i];
        sum[1] += importance.groups[0].values[IMPORTANCE_SHAP][i];
    }
    assert_true(fabs(sum[0] - 1) < 1e-9 && fabs(sum[1] - 1) < 1e-9);
    const double *lost = importance.groups[0].values[IMPORTANCE_PERMUTATION];
    assert_true(lost[SIGNAL] > 0.1);
    assert_true(fabs(lost[NOISE]) < 0.01);
    assert_true(importance.groups[0].values[IMPORTANCE_SHAP][NOISE] < 0.1);
    assert_int_equal(importance.groups[0].rows, ROWS);
    importance_release(&importance);
    importance_release(&again);
    forest_close(forest);
    kept_release(&rows);
    kept_release(&others);
}

/* Shared among the rows, every group together has what the splits that rows reach have. */
static void test_the_gain_of_all_groups_is_the_forests_own(void **state)
{
    static float labels[ROWS];
    struct kept rows;
    struct forest *forest = NULL;
    struct importance importance;
    double total[COLUMNS], sum = 0;
    uint64_t splits[COLUMNS];
    draw(1, &rows, labels);
    train_forest(&rows, labels, &forest);
    measure(forest, &rows, 1, &importance); /* the rows it was fitted on: each split is reached */
    forest_importance(forest, total, splits);
    for (size_t i = 0; i < COLUMNS; i++) sum += total[i];
    for (size_t i = 0; i < COLUMNS; i++) {
        double ours = importance.groups[0].values[IMPORTANCE_GAIN][i];
        if (fabs(ours - total[i] / sum) > 1e-6)
            fail_msg("column %zu: %.9f, expected %.9f", i, ours, total[i] / sum);
    }
    importance_release(&importance);
    forest_close(forest);
    kept_release(&rows);
}

static void test_too_few_positives_have_no_permutation(void **state)
{
    static float labels[ROWS];
    struct kept rows;
    struct forest *forest = NULL;
    struct importance importance;
    draw(1, &rows, labels);
    train_forest(&rows, labels, &forest);
    size_t left = IMPORTANCE_POSITIVES_MIN - 1;
    for (size_t i = 0; i < ROWS; i++) {
        if (rows.products[i] != 1 || rows.labels[i] == 0) continue;
        if (left > 0)
            left--;
        else
            rows.labels[i] = 0;
    }
    measure(forest, &rows, 1, &importance);
    assert_true(importance.groups[2].positives < IMPORTANCE_POSITIVES_MIN);
    assert_true(isnan(importance.groups[2].values[IMPORTANCE_PERMUTATION][SIGNAL]));
    assert_true(importance.groups[1].values[IMPORTANCE_PERMUTATION][SIGNAL] > 0);
    importance_release(&importance);
    forest_close(forest);
    kept_release(&rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_planted_signal_is_on_top_and_noise_is_nothing),
        cmocka_unit_test(test_the_gain_of_all_groups_is_the_forests_own),
        cmocka_unit_test(test_too_few_positives_have_no_permutation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
