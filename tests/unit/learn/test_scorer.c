/*
 * Goal:   the scorer gives XGBoost's margins, whatever the model's shape, the kernel, the number of
 *         rows in a call and the number of threads; and all its ways agree to the bit.
 * Method: models of every shape trained by XGBoost; rows of mixed kinds, salted with what breaks
 *         quantising: the thresholds themselves, their neighbours, infinities, both zeros, missing.
 *         Against XGBoost, and against the plain traversal, float by float. The AVX-512 kernel also
 *         runs in C, so that it is tested on every x86 processor. LINGXI_LONG=1: a million rows.
 */
#include "unit/learn/peer.h"

#include <float.h>

#include "learn/scorer.h"
#include "learn/scorer_layout.h"

#if defined(__x86_64__)
extern const struct scorer_functions scorer_avx512_in_c_functions; /* avx512_in_c.c */
#endif

enum { KERNEL_IN_C = SCORER_AVX512 + 1 };

/* clang-format off */
static const struct peer_model models[] = {
    {"depth 6", (const char *const[]){"objective=binary:logistic", "max_depth=6", NULL}, 6000, 60, 1, 40, false, false},
    {"stumps", (const char *const[]){"objective=binary:logistic", "max_depth=1", NULL}, 3000, 12, 1, 50, false, false},
    {"depth 2", (const char *const[]){"objective=reg:squarederror", "max_depth=2", NULL}, 3000, 5, 1, 30, false, false},
    {"depth 3", (const char *const[]){"objective=binary:logistic", "max_depth=3", NULL}, 3000, 9, 1, 30, false, false},
    {"depth 4", (const char *const[]){"objective=binary:logistic", "max_depth=4", "base_score=0.02", NULL}, 3000, 31, 1, 30, false, false},
    {"depth 5", (const char *const[]){"objective=binary:logistic", "max_depth=5", NULL}, 3000, 16, 1, 30, false, false},
    {"depth 7", (const char *const[]){"objective=binary:logistic", "max_depth=7", NULL}, 6000, 17, 1, 20, false, false},
    {"depth 8", (const char *const[]){"objective=binary:logistic", "max_depth=8", NULL}, 6000, 24, 1, 20, false, false},
    {"deeper than the masks", (const char *const[]){"objective=binary:logistic", "max_depth=12", NULL}, 6000, 20, 1, 10, false, false},
    {"unbalanced", (const char *const[]){"objective=binary:logistic", "grow_policy=lossguide", "max_leaves=40", "max_depth=0", NULL}, 6000, 20, 1, 20, false, false},
    {"more than 254 thresholds", (const char *const[]){"objective=reg:squarederror", "tree_method=exact", "max_depth=8", NULL}, 6000, 2, 1, 30, false, false},
    {"many thousand thresholds", (const char *const[]){"objective=reg:squarederror", "tree_method=exact", "max_depth=8", "lambda=0", NULL}, 20000, 1, 1, 60, false, false},
    {"crowded thresholds", (const char *const[]){"objective=binary:logistic", "tree_method=exact", "max_depth=6", NULL}, 6000, 10, 1, 30, false, false},
    {"classes", (const char *const[]){"objective=multi:softprob", "num_class=5", "max_depth=5", NULL}, 4000, 21, 5, 10, true, false},
    {"parallel trees", (const char *const[]){"objective=binary:logistic", "num_parallel_tree=5", "subsample=0.6", "max_depth=6", NULL}, 4000, 30, 1, 4, false, false},
    {"single leaves", (const char *const[]){"objective=binary:logistic", NULL}, 300, 3, 1, 5, false, true},
    {"no trees", (const char *const[]){"objective=binary:logistic", "base_score=0.3", NULL}, 300, 3, 1, 0, false, false},
};
/* clang-format on */

static struct scorer *open_scorer(const struct forest *forest, int kernel)
{
    struct scorer *scorer = NULL;
    struct lx_error err = {0};
    enum scorer_kernel opened = kernel == KERNEL_IN_C ? SCORER_PLAIN : (enum scorer_kernel)kernel;
    if (scorer_open(forest, opened, &scorer, &err) != LX_OK) fail_msg("%s", err.text);
#if defined(__x86_64__)
    if (kernel == KERNEL_IN_C) {
        scorer->functions = &scorer_avx512_in_c_functions;
        assert_true(scorer_kernel_is_supported(SCORER_AVX2)); /* whose binning it uses */
    }
#endif
    return scorer;
}

static bool is_runnable(int kernel)
{
    if (kernel == KERNEL_IN_C) return scorer_kernel_is_supported(SCORER_AVX2);
    return scorer_kernel_is_supported((enum scorer_kernel)kernel);
}

static const char *name_of(int kernel)
{
    return kernel == KERNEL_IN_C ? "avx512 in C" : scorer_kernel_name((enum scorer_kernel)kernel);
}

/* Replaces one value in four by something that quantising could get wrong. */
static void salt(struct peer_rows *rows, const struct forest *forest, uint64_t seed)
{
    struct lx_rng rng = lx_rng_of(seed, 2);
    for (size_t i = 0; i < rows->count * rows->feature_count / 4; i++) {
        size_t row = lx_rng_below(&rng, rows->count);
        const struct forest_node *node =
            &forest->nodes[forest->node_count == 0 ? 0 : lx_rng_below(&rng, forest->node_count)];
        bool is_split = forest->node_count > 0 && node->left != 0;
        size_t feature = is_split ? node->feature : lx_rng_below(&rng, rows->feature_count);
        float threshold = is_split ? node->value : 0;
        const float values[] = {
            threshold,
            nextafterf(threshold, INFINITY),
            nextafterf(threshold, -INFINITY),
            INFINITY,
            -INFINITY,
            FLT_MAX,
            -FLT_MAX,
            FLT_MIN / 2,
            0.0f,
            -0.0f,
            NAN,
            -NAN,
        };
        rows->values[row * rows->feature_count + feature] =
            values[lx_rng_below(&rng, LX_COUNT_OF(values))];
    }
}

static void expect_margins(const struct peer_model *model, const char *kernel, const float *got,
                           const float *want, size_t count)
{
    if (memcmp(got, want, count * sizeof *got) == 0) return;
    for (size_t i = 0; i < count; i++)
        if (got[i] != want[i])
            fail_msg("%s, %s: margin %zu of %zu is %.9g, want %.9g", model->name, kernel, i, count,
                     (double)got[i], (double)want[i]);
    fail_msg("%s, %s: a zero has the other sign", model->name, kernel);
}

/* Which of the scorer's ways a model takes, so that the models together take all. */
struct ways {
    bool unused, direct, bucket, search, several_slices, walked_tree;
};

static void note_ways(const struct scorer *scorer, struct ways *ways)
{
    for (size_t g = 0; g < scorer->lane_group_count; g++) {
        const struct scorer_group *group = &scorer->groups[g];
        ways->unused |= group->method == SCORER_UNUSED;
        ways->direct |= group->method == SCORER_DIRECT;
        ways->bucket |= group->method == SCORER_BUCKET;
        ways->search |= group->method == SCORER_SEARCH;
        ways->several_slices |= group->slice_count > 1;
    }
    for (size_t i = 0; i < scorer->tree_count; i++)
        ways->walked_tree |= !scorer->trees[i].is_sliced;
}

static void test_every_model_gives_xgboosts_margins_with_every_kernel(void **state)
{
    (void)state;
    struct ways ways = {0};
    for (size_t m = 0; m < LX_COUNT_OF(models); m++) {
        const struct peer_model *model = &models[m];
        struct peer peer = peer_train(model, 100 + m);
        struct forest *forest = peer_forest(&peer);
        struct peer_rows rows =
            peer_rows_open(200 + m, peer_rows_wanted(12000, 1000000), model->feature_count);
        salt(&rows, forest, m);
        size_t total = rows.count * model->group_count;
        float *plain = malloc(total * sizeof *plain), *got = malloc(total * sizeof *got);
        assert_true(plain != NULL && got != NULL);
        for (size_t i = 0; i < rows.count; i++)
            forest_predict_row_margin(forest, rows.values + i * rows.feature_count,
                                      plain + i * model->group_count);
        expect_margins(model, "traversal", plain, peer_predict(&peer, &rows, 1), total);
        for (int kernel = SCORER_PLAIN; kernel <= KERNEL_IN_C; kernel++) {
            if (!is_runnable(kernel)) continue;
            struct scorer *scorer = open_scorer(forest, kernel);
            void *scratch = malloc(scorer_scratch_bytes(scorer));
            note_ways(scorer, &ways);
            memset(got, 0xAA, total * sizeof *got);
            scorer_score(scorer, rows.values, rows.count, scratch, got);
            expect_margins(model, name_of(kernel), got, plain, total);
            free(scratch);
            scorer_close(scorer);
        }
        free(plain);
        free(got);
        peer_rows_release(&rows);
        forest_close(forest);
        peer_release(&peer);
    }
    assert_true(ways.unused && ways.direct && ways.bucket && ways.search);
    assert_true(ways.several_slices && ways.walked_tree);
}

/* More thresholds of one feature than are quantised: no model, but a file could say so. */
static void test_a_forest_beyond_the_limits_is_walked(void **state)
{
    (void)state;
    enum { TREES = 600, SPLITS = 127, NODES = 2 * SPLITS + 1, ROWS = 300 };
    struct lx_rng rng = lx_rng_of(21, 0);
    struct forest_tree *trees = calloc(TREES, sizeof *trees);
    struct forest_node *nodes = calloc((size_t)TREES * NODES, sizeof *nodes);
    assert_true(trees != NULL && nodes != NULL);
    struct forest forest = {
        FOREST_SQUARED_ERROR, 1, 1, TREES, (size_t)TREES * NODES, trees, nodes, 0.5f, 0.5f};
    for (uint32_t t = 0; t < TREES; t++) {
        trees[t] = (struct forest_tree){t * NODES, NODES, 7, 0};
        for (uint32_t i = 0; i < NODES; i++) {
            struct forest_node *node = &nodes[t * NODES + i];
            node->value = (float)lx_rng_normal(&rng);
            node->left = i < SPLITS ? t * NODES + 2 * i + 1 : 0;
            node->is_left_default = lx_rng_chance(&rng, 0.5);
        }
    }
    struct peer_rows rows = peer_rows_open(22, ROWS, 1);
    salt(&rows, &forest, 23);
    struct scorer *scorer = open_scorer(&forest, SCORER_BEST);
    assert_true(scorer->is_walked);
    void *scratch = malloc(scorer_scratch_bytes(scorer));
    float want[ROWS], got[ROWS];
    for (size_t i = 0; i < ROWS; i++) forest_predict_row_margin(&forest, rows.values + i, want + i);
    scorer_score(scorer, rows.values, ROWS, scratch, got);
    expect_margins(&(struct peer_model){.name = "beyond"}, "walk", got, want, ROWS);
    scorer_bin(scorer, rows.values, ROWS, scratch);
    free(scratch);
    scorer_close(scorer);
    peer_rows_release(&rows);
    free(trees);
    free(nodes);
}

/* The row path, the block path, and every mixture of the two. */
static void test_any_number_of_rows_gives_the_same_margins(void **state)
{
    (void)state;
    static const size_t counts[] = {0,  1,   2,   19,  30,  31,  32,  63,  64,  65,
                                    66, 127, 128, 129, 255, 256, 257, 303, 304, 600};
    static const size_t chosen[] = {0, 8, 9, 10, 13};
    for (size_t c = 0; c < LX_COUNT_OF(chosen); c++) {
        const struct peer_model *model = &models[chosen[c]];
        struct peer peer = peer_train(model, 1);
        struct forest *forest = peer_forest(&peer);
        struct peer_rows rows = peer_rows_open(2, 600, model->feature_count);
        salt(&rows, forest, 3);
        float want[600 * 5], got[600 * 5 + 1];
        for (size_t i = 0; i < rows.count; i++)
            forest_predict_row_margin(forest, rows.values + i * rows.feature_count,
                                      want + i * model->group_count);
        for (int kernel = SCORER_PLAIN; kernel <= KERNEL_IN_C; kernel++) {
            if (!is_runnable(kernel)) continue;
            struct scorer *scorer = open_scorer(forest, kernel);
            /* At an odd address, with a canary behind it. */
            size_t bytes = scorer_scratch_bytes(scorer);
            uint8_t *scratch = malloc(bytes + 2);
            scratch[bytes + 1] = 0x5A;
            for (size_t i = 0; i < LX_COUNT_OF(counts); i++) {
                size_t total = counts[i] * model->group_count;
                memset(scratch + 1, 0xFF, bytes);
                got[total] = 42;
                scorer_score(scorer, rows.values, counts[i], scratch + 1, got);
                expect_margins(model, name_of(kernel), got, want, total);
                assert_true(got[total] == 42 && scratch[bytes + 1] == 0x5A);
            }
            free(scratch);
            scorer_close(scorer);
        }
        peer_rows_release(&rows);
        forest_close(forest);
        peer_release(&peer);
    }
}

static void test_threads_do_not_change_the_margins(void **state)
{
    (void)state;
    struct peer peer = peer_train(&models[13], 5);
    struct forest *forest = peer_forest(&peer);
    struct peer_rows rows = peer_rows_open(6, 3001, models[13].feature_count);
    struct scorer *scorer = open_scorer(forest, SCORER_BEST);
    size_t total = rows.count * models[13].group_count;
    float *want = malloc(total * sizeof *want), *got = malloc(total * sizeof *got);
    void *scratch = malloc(scorer_scratch_bytes(scorer));
    assert_true(want != NULL && got != NULL);
    scorer_score(scorer, rows.values, rows.count, scratch, want);
    for (int threads = 1; threads <= 16; threads *= 2) {
        struct lx_error err = {0};
        memset(got, 0, total * sizeof *got);
        if (scorer_score_threads(scorer, rows.values, rows.count, threads, got, &err) != LX_OK)
            fail_msg("%s", err.text);
        expect_margins(&models[13], "threads", got, want, total);
    }
    assert_int_equal(scorer_score_threads(scorer, rows.values, 0, 4, got, NULL), LX_OK);
    free(scratch);
    free(want);
    free(got);
    scorer_close(scorer);
    peer_rows_release(&rows);
    forest_close(forest);
    peer_release(&peer);
}

static void test_a_kernel_the_processor_lacks_is_refused(void **state)
{
    (void)state;
    struct peer peer = peer_train(&models[1], 1);
    struct forest *forest = peer_forest(&peer);
    for (int kernel = SCORER_BEST; kernel <= SCORER_AVX512; kernel++) {
        struct scorer *scorer = NULL;
        struct lx_error err = {0};
        bool is_supported = scorer_kernel_is_supported((enum scorer_kernel)kernel);
        enum lx_err got = scorer_open(forest, (enum scorer_kernel)kernel, &scorer, &err);
        assert_int_equal(got, is_supported ? LX_OK : LX_ERR_NOT_BUILT);
        if (!is_supported) {
            assert_null(scorer);
            assert_non_null(strstr(err.text, scorer_kernel_name((enum scorer_kernel)kernel)));
            continue;
        }
        assert_int_equal(scorer_feature_count(scorer), models[1].feature_count);
        assert_int_equal(scorer_group_count(scorer), 1);
        enum scorer_kernel used = scorer_kernel_used(scorer);
        assert_true(used != SCORER_BEST && (kernel == SCORER_BEST || (int)used == kernel));
        scorer_close(scorer);
    }
    forest_close(forest);
    peer_release(&peer);
}

static void test_running_out_of_memory_is_an_error_at_every_point(void **state)
{
    (void)state;
    struct peer peer = peer_train(&models[8], 1);
    struct forest *forest = peer_forest(&peer);
    struct scorer *scorer = NULL;
    lx_alloc_fail_at(UINT64_MAX);
    assert_int_equal(scorer_open(forest, SCORER_BEST, &scorer, NULL), LX_OK);
    uint64_t count = lx_alloc_count();
    scorer_close(scorer);
    assert_true(count >= 10);
    for (uint64_t n = 1; n <= count; n++) {
        struct lx_error err = {0};
        lx_alloc_fail_at(n);
        enum lx_err got = scorer_open(forest, SCORER_BEST, &scorer, &err);
        lx_alloc_fail_at(0);
        if (got != LX_ERR_NO_MEMORY) fail_msg("allocation %zu: %s", (size_t)n, lx_err_name(got));
    }
    forest_close(forest);
    peer_release(&peer);
}

/* The bucket of a larger value is never a smaller one, at any center and scale that is chosen. */
static void test_buckets_keep_the_order_of_values(void **state)
{
    (void)state;
    struct peer peer = peer_train(&models[0], 9);
    struct forest *forest = peer_forest(&peer);
    struct scorer *scorer = open_scorer(forest, SCORER_PLAIN);
    struct lx_rng rng = lx_rng_of(10, 0);
    size_t tried = 0;
    for (size_t g = 0; g < scorer->lane_group_count; g++) {
        const struct scorer_group *group = &scorer->groups[g];
        if (group->method != SCORER_BUCKET) continue;
        for (uint32_t lane = 0; lane < group->lane_count; lane++, tried++) {
            int32_t last = 0, highest = 2 * group->half[lane] - 1;
            float value = -INFINITY;
            for (int i = 0; i < 3000; i++) {
                int32_t bucket = scorer_bucket(group, lane, value);
                if (bucket < last || bucket > highest)
                    fail_msg("group %zu lane %u value %.9g: bucket %d after %d of %d", g, lane,
                             (double)value, bucket, last, highest);
                last = bucket;
                /* Steps of all sizes, from one float to the next up to doubling. */
                uint32_t key = scorer_ordered(value == -INFINITY ? -FLT_MAX : value);
                uint64_t step = (uint64_t)1 << lx_rng_below(&rng, 23);
                if (key + step >= scorer_ordered(INFINITY)) break;
                uint32_t bits = (uint32_t)(key + step);
                bits ^= bits >> 31 ? 0x80000000u : UINT32_MAX;
                memcpy(&value, &bits, sizeof value);
            }
            assert_int_equal(scorer_bucket(group, lane, INFINITY), highest);
        }
    }
    assert_true(tried > 8);
    scorer_close(scorer);
    forest_close(forest);
    peer_release(&peer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_model_gives_xgboosts_margins_with_every_kernel),
        cmocka_unit_test(test_a_forest_beyond_the_limits_is_walked),
        cmocka_unit_test(test_any_number_of_rows_gives_the_same_margins),
        cmocka_unit_test(test_threads_do_not_change_the_margins),
        cmocka_unit_test(test_a_kernel_the_processor_lacks_is_refused),
        cmocka_unit_test(test_running_out_of_memory_is_an_error_at_every_point),
        cmocka_unit_test(test_buckets_keep_the_order_of_values),
    };
    return cmocka_run_group_tests_name("learn/scorer", tests, NULL, NULL);
}
