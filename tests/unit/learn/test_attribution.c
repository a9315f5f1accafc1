/*
 * Goal:   contributions are XGBoost's pred_contribs, sum to the margin, and are the Shapley values
 *         of their definition; by tables and leaf by leaf alike.
 * Method: models of every depth against XGBoost row by row; small models against the definition,
 *         all subsets of features enumerated. LINGXI_LONG=1: 100,000 rows.
 */
#include "unit/learn/peer.h"

#include "learn/attribution.h"

/* clang-format off */
static const struct peer_model models[] = {
    {"stumps", (const char *const[]){"objective=binary:logistic", "max_depth=1", NULL}, 2000, 12, 1, 20, false, false},
    {"depth 2", (const char *const[]){"objective=reg:squarederror", "max_depth=2", NULL}, 2000, 5, 1, 20, false, false},
    {"depth 3, few features", (const char *const[]){"objective=binary:logistic", "max_depth=3", NULL}, 2000, 2, 1, 20, false, false},
    {"depth 4", (const char *const[]){"objective=binary:logistic", "max_depth=4", "base_score=0.02", NULL}, 2000, 30, 1, 20, false, false},
    {"depth 5", (const char *const[]){"objective=binary:logistic", "max_depth=5", NULL}, 3000, 60, 1, 30, false, false},
    {"depth 6, one feature", (const char *const[]){"objective=binary:logistic", "max_depth=6", NULL}, 2000, 1, 1, 10, false, false},
    {"depth 6", (const char *const[]){"objective=binary:logistic", "max_depth=6", NULL}, 3000, 20, 1, 10, false, false},
    {"depth 7", (const char *const[]){"objective=binary:logistic", "max_depth=7", NULL}, 3000, 8, 1, 5, false, false},
    {"depth 10", (const char *const[]){"objective=binary:logistic", "max_depth=10", NULL}, 3000, 8, 1, 5, false, false},
    {"unbalanced", (const char *const[]){"objective=binary:logistic", "grow_policy=lossguide", "max_leaves=20", "max_depth=0", NULL}, 3000, 12, 1, 10, false, false},
    {"classes", (const char *const[]){"objective=multi:softprob", "num_class=4", "max_depth=4", NULL}, 2000, 9, 4, 5, true, false},
    {"single leaves", (const char *const[]){"objective=binary:logistic", NULL}, 300, 3, 1, 5, false, true},
    {"no trees", (const char *const[]){"objective=binary:logistic", "base_score=0.3", NULL}, 300, 3, 1, 0, false, false},
};
/* clang-format on */

static struct attribution *open_attribution(const struct forest *forest, size_t table_bytes_max)
{
    struct attribution *attribution = NULL;
    struct lx_error err = {0};
    if (attribution_open(forest, table_bytes_max, &attribution, &err) != LX_OK)
        fail_msg("%s", err.text);
    return attribution;
}

/* Contributions of all rows; freed by the caller. Scratch stands at an odd address. */
static float *explain(const struct forest *forest, const struct peer_rows *rows,
                      size_t table_bytes_max)
{
    struct attribution *attribution = open_attribution(forest, table_bytes_max);
    size_t width = forest->group_count * (forest->feature_count + 1);
    size_t bytes = attribution_scratch_bytes(attribution);
    float *parts = malloc(rows->count * width * sizeof *parts);
    uint8_t *scratch = malloc(bytes + 2);
    assert_true(parts != NULL && scratch != NULL);
    memset(scratch, 0xFF, bytes + 1);
    scratch[bytes + 1] = 0x5A;
    for (size_t i = 0; i < rows->count; i++)
        attribution_explain(attribution, rows->values + i * rows->feature_count, scratch + 1,
                            parts + i * width);
    assert_int_equal(scratch[bytes + 1], 0x5A);
    free(scratch);
    attribution_close(attribution);
    return parts;
}

static void expect_sums(const struct peer_model *model, const struct forest *forest,
                        const struct peer_rows *rows, const float *parts)
{
    float margins[8];
    for (size_t i = 0; i < rows->count; i++) {
        forest_predict_row_margin(forest, rows->values + i * rows->feature_count, margins);
        for (size_t g = 0; g < forest->group_count; g++) {
            double sum = 0;
            for (size_t f = 0; f <= forest->feature_count; f++) sum += (double)*parts++;
            if (fabs(sum - (double)margins[g]) > 1e-4)
                fail_msg("%s: row %zu sums to %g, margin %g", model->name, i, sum,
                         (double)margins[g]);
        }
    }
}

static void test_contributions_are_xgboosts_and_sum_to_the_margin(void **state)
{
    (void)state;
    for (size_t m = 0; m < LX_COUNT_OF(models); m++) {
        const struct peer_model *model = &models[m];
        struct peer peer = peer_train(model, 300 + m);
        struct forest *forest = peer_forest(&peer);
        struct peer_rows rows =
            peer_rows_open(400 + m, peer_rows_wanted(800, 100000), model->feature_count);
        DMatrixHandle data;
        const float *want = peer_explain(&peer, &rows, &data);
        size_t total = rows.count * model->group_count * (model->feature_count + 1);
        for (int way = 0; way < 2; way++) {
            float *got = explain(forest, &rows, way == 0 ? ATTRIBUTION_TABLE_BYTES : 0);
            for (size_t i = 0; i < total; i++)
                if (!(fabsf(got[i] - want[i]) <= 1e-4f))
                    fail_msg("%s, %s: value %zu is %.9g, XGBoost %.9g", model->name,
                             way == 0 ? "tables" : "leaves", i, (double)got[i], (double)want[i]);
            expect_sums(model, forest, &rows, got);
            free(got);
        }
        XGDMatrixFree(data);
        peer_rows_release(&rows);
        forest_close(forest);
        peer_release(&peer);
    }
}

static const struct peer_model small[] = {
    {"one", (const char *const[]){"max_depth=3", NULL}, 500, 4, 1, 3, false, false},
    {"two", (const char *const[]){"max_depth=5", NULL}, 500, 7, 1, 2, false, false},
    {"three", (const char *const[]){"max_depth=9", NULL}, 500, 6, 1, 2, false, false},
};

/* The mean margin where only the features of a set are known. */
static double value_of_set(const struct forest *forest, uint32_t index, const float *row,
                           uint32_t known)
{
    const struct forest_node *node = &forest->nodes[index];
    if (node->left == 0) return (double)node->value;
    if (known >> node->feature & 1) {
        float value = row[node->feature];
        bool is_left = isnan(value) ? node->is_left_default : value < node->value;
        return value_of_set(forest, node->left + (is_left ? 0 : 1), row, known);
    }
    double left = (double)forest->nodes[node->left].cover;
    double right = (double)forest->nodes[node->left + 1].cover;
    return (left * value_of_set(forest, node->left, row, known) +
            right * value_of_set(forest, node->left + 1, row, known)) /
           (left + right);
}

/* Shapley values by definition: the feature's gain over all sets that it can join. */
static double defined_value(const struct forest *forest, const float *row, uint32_t feature)
{
    uint32_t count = (uint32_t)forest->feature_count;
    double total = 0;
    for (uint32_t set = 0; set < (uint32_t)1 << count; set++) {
        if (set >> feature & 1) continue;
        double size = (double)__builtin_popcount(set);
        double weight =
            exp(lgamma(size + 1) + lgamma((double)count - size) - lgamma((double)count + 1));
        for (size_t t = 0; t < forest->tree_count; t++) {
            uint32_t root = forest->trees[t].root;
            total += weight * (value_of_set(forest, root, row, set | (uint32_t)1 << feature) -
                               value_of_set(forest, root, row, set));
        }
    }
    return total;
}

static void test_contributions_are_shapley_values_by_definition(void **state)
{
    (void)state;
    for (size_t m = 0; m < LX_COUNT_OF(small); m++) {
        struct peer peer = peer_train(&small[m], m);
        struct forest *forest = peer_forest(&peer);
        struct peer_rows rows = peer_rows_open(50 + m, 25, small[m].feature_count);
        for (int way = 0; way < 2; way++) {
            float *got = explain(forest, &rows, way == 0 ? ATTRIBUTION_TABLE_BYTES : 0);
            for (size_t i = 0; i < rows.count; i++)
                for (uint32_t f = 0; f < forest->feature_count; f++) {
                    double want = defined_value(forest, rows.values + i * rows.feature_count, f);
                    double value = (double)got[i * (forest->feature_count + 1) + f];
                    if (fabs(value - want) > 1e-6)
                        fail_msg("%s: row %zu feature %u is %.9g, by definition %.9g",
                                 small[m].name, i, f, value, want);
                }
            free(got);
        }
        peer_rows_release(&rows);
        forest_close(forest);
        peer_release(&peer);
    }
}

/* No training row came to the left child's side: its share is 0; none came to the split at all: the
 * two sides are halves. Neither may give a NaN. */
static void test_covers_of_zero_give_numbers(void **state)
{
    (void)state;
    struct forest_tree tree = {0, 7, 2, 0};
    struct forest_node nodes[7] = {
        {.value = 0, .feature = 0, .left = 1, .cover = 10},
        {.value = 0, .feature = 1, .left = 3},
        {.value = 0, .feature = 1, .left = 5, .cover = 10},
        {.value = 1},
        {.value = 2},
        {.value = 3, .cover = 10},
        {.value = 4},
    };
    struct forest forest = {FOREST_SQUARED_ERROR, 2, 1, 1, 7, &tree, nodes, 0, 0};
    float values[] = {-1, -1, -1, 1, 1, -1, 1, 1, NAN, NAN};
    struct peer_rows rows = {5, 2, values};
    for (int way = 0; way < 2; way++) {
        float *got = explain(&forest, &rows, way == 0 ? ATTRIBUTION_TABLE_BYTES : 0);
        for (size_t i = 0; i < 15; i++) assert_true(isfinite(got[i]));
        assert_float_equal(got[2], 3, 1e-6); /* the mean of those who came */
        expect_sums(&(struct peer_model){.name = "zero"}, &forest, &rows, got);
        free(got);
    }
}

static void test_running_out_of_memory_is_an_error_at_every_point(void **state)
{
    (void)state;
    struct peer peer = peer_train(&models[9], 1);
    struct forest *forest = peer_forest(&peer);
    for (int way = 0; way < 2; way++) {
        size_t table_bytes_max = way == 0 ? ATTRIBUTION_TABLE_BYTES : 0;
        lx_alloc_fail_at(UINT64_MAX);
        attribution_close(open_attribution(forest, table_bytes_max));
        uint64_t count = lx_alloc_count();
        for (uint64_t n = 1; n <= count; n++) {
            struct attribution *attribution = NULL;
            struct lx_error err = {0};
            lx_alloc_fail_at(n);
            enum lx_err got = attribution_open(forest, table_bytes_max, &attribution, &err);
            lx_alloc_fail_at(0);
            if (got != LX_ERR_NO_MEMORY)
                fail_msg("allocation %zu: %s", (size_t)n, lx_err_name(got));
        }
    }
    forest_close(forest);
    peer_release(&peer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_contributions_are_xgboosts_and_sum_to_the_margin),
        cmocka_unit_test(test_contributions_are_shapley_values_by_definition),
        cmocka_unit_test(test_covers_of_zero_give_numbers),
        cmocka_unit_test(test_running_out_of_memory_is_an_error_at_every_point),
    };
    return cmocka_run_group_tests_name("learn/attribution", tests, NULL, NULL);
}
