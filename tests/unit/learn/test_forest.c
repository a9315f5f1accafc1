/*
 * Goal:   a model of XGBoost is read for what it says, gives XGBoost's margins and probabilities,
 *         and no file, however damaged, gives anything but a clear error or a sound forest.
 * Method: a model small enough to follow by hand, damaged by a table of edits, at every length and
 *         by seeded noise; trained models of each objective against XGBoost's own predictor.
 */
#include "unit/learn/peer.h"

/*
 * Two trees over three features, base score 0.5 (margin 0).
 * Tree 0: f0 < 1.5 (missing left) ? (f2 < -2 (missing right) ? 0.25 : -0.5) : 1
 * Tree 1: a single leaf, 0.125.
 */
static const char small_model[] =
    "{\"learner\":{\"attributes\":{},\"feature_names\":[],\"feature_types\":[],"
    "\"gradient_booster\":{\"model\":{"
    "\"gbtree_model_param\":{\"num_parallel_tree\":\"1\",\"num_trees\":\"2\","
    "\"size_leaf_vector\":\"0\"},\"tree_info\":[0,0],\"trees\":["
    "{\"base_weights\":[0.1,-0.2,1,0.25,-0.5],\"categories\":[],\"categories_nodes\":[],"
    "\"categories_segments\":[],\"categories_sizes\":[],\"default_left\":[1,0,0,0,0],\"id\":0,"
    "\"left_children\":[1,3,-1,-1,-1],\"loss_changes\":[10,2.5,0,0,0],"
    "\"parents\":[2147483647,0,0,1,1],\"right_children\":[2,4,-1,-1,-1],"
    "\"split_conditions\":[1.5,-2,1,0.25,-0.5],\"split_indices\":[0,2,0,0,0],"
    "\"split_type\":[0,0,0,0,0],\"sum_hessian\":[8,6,2,1.5,4.5],"
    "\"tree_param\":{\"num_deleted\":\"0\",\"num_feature\":\"3\",\"num_nodes\":\"5\","
    "\"size_leaf_vector\":\"0\"}},"
    "{\"base_weights\":[0.125],\"categories\":[],\"categories_nodes\":[],"
    "\"categories_segments\":[],\"categories_sizes\":[],\"default_left\":[0],\"id\":1,"
    "\"left_children\":[-1],\"loss_changes\":[0],\"parents\":[2147483647],"
    "\"right_children\":[-1],\"split_conditions\":[0.125],\"split_indices\":[0],"
    "\"split_type\":[0],\"sum_hessian\":[8],"
    "\"tree_param\":{\"num_deleted\":\"0\",\"num_feature\":\"3\",\"num_nodes\":\"1\","
    "\"size_leaf_vector\":\"0\"}}]},\"name\":\"gbtree\"},"
    "\"learner_model_param\":{\"base_score\":\"5E-1\",\"boost_from_average\":\"1\","
    "\"num_class\":\"0\",\"num_feature\":\"3\",\"num_target\":\"1\"},"
    "\"objective\":{\"name\":\"binary:logistic\",\"reg_loss_param\":"
    "{\"scale_pos_weight\":\"1\"}}},\"version\":[1,7,4]}";

/* The model with the first `find` replaced; freed by the caller. */
static char *edited(const char *find, const char *replace)
{
    const char *at = strstr(small_model, find);
    if (at == NULL) fail_msg("the model has no %s", find);
    size_t size = sizeof small_model + strlen(replace);
    char *text = malloc(size);
    assert_non_null(text);
    snprintf(text, size, "%.*s%s%s", (int)(at - small_model), small_model, replace,
             at + strlen(find));
    return text;
}

static enum lx_err load(const char *text, struct forest **ret_forest, struct lx_error *err)
{
    *ret_forest = NULL;
    return forest_load_json(text, strlen(text), ret_forest, err);
}

/* What the header promises of a forest, whatever the file was. */
static void check_forest(const struct forest *forest)
{
    size_t next = 0;
    for (size_t i = 0; i < forest->tree_count; i++) {
        const struct forest_tree *tree = &forest->trees[i];
        assert_int_equal(tree->root, next);
        assert_true(tree->node_count >= 1 && tree->depth <= FOREST_DEPTH_MAX);
        assert_true(tree->group < forest->group_count);
        next += tree->node_count;
        size_t taken = tree->root + 1;
        for (size_t k = tree->root; k < next; k++) {
            const struct forest_node *node = &forest->nodes[k];
            assert_true(isfinite(node->value) && isfinite(node->gain) && node->cover >= 0);
            if (node->left == 0) continue;
            assert_int_equal(node->left, taken);
            assert_true(node->feature < forest->feature_count);
            taken += 2;
        }
        assert_int_equal(taken, next);
    }
    assert_int_equal(next, forest->node_count);
}

static void test_a_small_model_gives_the_margins_done_by_hand(void **state)
{
    (void)state;
    static const struct {
        float row[3];
        float margin;
    } rows[] = {
        /* clang-format off */
        {{ 0, 0, 0 },             -0.375f }, /* left, right */
        {{ 0, 0, -3 },             0.375f }, /* left, left */
        {{ 1.5f, 0, -3 },          1.125f }, /* at the threshold: right */
        {{ 0, 0, -2 },            -0.375f },
        {{ NAN, 9, -3 },           0.375f }, /* missing goes left at the top */
        {{ NAN, NAN, NAN },       -0.375f }, /* and right below */
        {{ INFINITY, 0, 0 },       1.125f },
        {{ -INFINITY, 0, -INFINITY }, 0.375f },
        /* clang-format on */
    };
    struct forest *forest;
    struct lx_error err = {0};
    assert_int_equal(load(small_model, &forest, &err), LX_OK);
    check_forest(forest);
    assert_int_equal(forest_feature_count(forest), 3);
    assert_int_equal(forest_group_count(forest), 1);
    assert_int_equal(forest_tree_count(forest), 2);
    for (size_t i = 0; i < LX_COUNT_OF(rows); i++) {
        float margin = 42;
        forest_predict_row_margin(forest, rows[i].row, &margin);
        if (margin != rows[i].margin)
            fail_msg("row %zu: %g, want %g", i, (double)margin, (double)rows[i].margin);
    }
    double gain[3];
    uint64_t splits[3];
    forest_importance(forest, gain, splits);
    assert_true(gain[0] == 10 && gain[1] == 0 && gain[2] == 2.5);
    assert_true(splits[0] == 1 && splits[1] == 0 && splits[2] == 1);
    forest_close(forest);
}

static void test_a_damaged_model_is_refused_by_name_and_place(void **state)
{
    (void)state;
    static const struct {
        const char *find, *replace;
        enum lx_err want;
        const char *text;
    } rows[] = {
        /* clang-format off */
        {"{\"learner\"", "[\"learner\"", LX_ERR_BAD_INPUT, "byte"},
        {"\"learner\":", "\"lerner\":", LX_ERR_BAD_INPUT, "\"learner\""},
        {"\"version\":[1,7,4]", "\"version\":NaN", LX_ERR_BAD_INPUT, "is not JSON"},
        {"\"gradient_booster\":{", "\"gradient_rooster\":{", LX_ERR_BAD_INPUT, "gradient_booster"},
        {"\"name\":\"gbtree\"", "\"name\":\"dart\"", LX_ERR_NOT_BUILT, "dart"},
        {"\"name\":\"gbtree\"", "\"name\":\"gblinear\"", LX_ERR_NOT_BUILT, "gblinear"},
        {"\"name\":\"gbtree\"", "\"name\":7", LX_ERR_BAD_INPUT, "name"},
        {"binary:logistic", "survival:cox", LX_ERR_NOT_BUILT, "survival:cox"},
        {"\"base_score\":\"5E-1\"", "\"base_score\":\"1\"", LX_ERR_BAD_INPUT, "base_score"},
        {"\"base_score\":\"5E-1\"", "\"base_score\":\"0\"", LX_ERR_BAD_INPUT, "base_score"},
        {"\"base_score\":\"5E-1\"", "\"base_score\":\"half\"", LX_ERR_BAD_INPUT, "base_score"},
        {"\"base_score\":\"5E-1\"", "\"base_score\":\"nan\"", LX_ERR_BAD_INPUT, "base_score"},
        {"\"base_score\":\"5E-1\"", "\"base_score\":0.5", LX_ERR_BAD_INPUT, "base_score"},
        {"\"num_class\":\"0\",\"num_feature\":\"3\"", "\"num_class\":\"0\",\"num_feature\":\"0\"", LX_ERR_BAD_INPUT, "num_feature is 0"},
        {"\"num_class\":\"0\",\"num_feature\":\"3\"", "\"num_class\":\"0\",\"num_feature\":\"-3\"", LX_ERR_BAD_INPUT, "not a count"},
        {"\"num_class\":\"0\",\"num_feature\":\"3\"", "\"num_class\":\"0\",\"num_feature\":\"9000\"", LX_ERR_LIMIT, "8192"},
        {"\"num_class\":\"0\"", "\"num_class\":\"99999999999999\"", LX_ERR_BAD_INPUT, "num_class"},
        {"\"num_class\":\"0\"", "\"num_class\":\"5000\"", LX_ERR_LIMIT, "1024"},
        {"\"tree_info\":[0,0]", "\"tree_info\":[0,1]", LX_ERR_CORRUPT, "tree 1"},
        {"\"tree_info\":[0,0]", "\"tree_info\":[0,-1]", LX_ERR_CORRUPT, "tree 1"},
        {"\"tree_info\":[0,0]", "\"tree_info\":[0]", LX_ERR_CORRUPT, "tree_info"},
        {"\"size_leaf_vector\":\"0\"},\"tree_info\"", "\"size_leaf_vector\":\"2\"},\"tree_info\"", LX_ERR_NOT_BUILT, "vectors"},
        {"\"left_children\":[1,3", "\"left_children\":[1,5", LX_ERR_CORRUPT, "number 5"},
        {"\"left_children\":[1,3", "\"left_children\":[1,-7", LX_ERR_CORRUPT, "number -7"},
        {"\"left_children\":[1,3", "\"left_children\":[1,0", LX_ERR_CORRUPT, "two ways"},
        {"\"left_children\":[1,3", "\"left_children\":[1,1", LX_ERR_CORRUPT, "two ways"},
        {"\"left_children\":[1,3", "\"left_children\":[1,4", LX_ERR_CORRUPT, "two ways"},
        {"\"left_children\":[1,3", "\"left_children\":[1,-1", LX_ERR_CORRUPT, "only one child"},
        {"\"left_children\":[1,3", "\"left_children\":[1,3.0", LX_ERR_CORRUPT, "not an integer"},
        {"\"left_children\":[1,3,-1,-1,-1]", "\"left_children\":[1,3,-1,-1]", LX_ERR_CORRUPT, "5 values"},
        {"\"left_children\":[1,3,-1,-1,-1]", "\"left_children\":[]", LX_ERR_CORRUPT, "no nodes"},
        {"\"left_children\":[1,3,-1,-1,-1]", "\"left_children\":{}", LX_ERR_BAD_INPUT, "left_children"},
        {"\"split_indices\":[0,2", "\"split_indices\":[0,3", LX_ERR_CORRUPT, "feature 3 of 3"},
        {"\"split_indices\":[0,2", "\"split_indices\":[0,-1", LX_ERR_CORRUPT, "feature -1"},
        {"\"split_conditions\":[1.5", "\"split_conditions\":[1e39", LX_ERR_CORRUPT, "beyond a float"},
        {"\"split_conditions\":[1.5", "\"split_conditions\":[\"x\"", LX_ERR_CORRUPT, "not a number"},
        {"\"split_conditions\":[1.5", "\"split_conditions\":[null", LX_ERR_CORRUPT, "not a number"},
        {"\"sum_hessian\":[8", "\"sum_hessian\":[-8", LX_ERR_CORRUPT, "below 0"},
        {"\"split_type\":[0,0", "\"split_type\":[0,1", LX_ERR_NOT_BUILT, "categorical"},
        {"\"default_left\":[1,0", "\"default_left\":[1,\"0\"", LX_ERR_CORRUPT, "default_left"},
        {"\"loss_changes\":[10,2.5", "\"loss_changes\":[10", LX_ERR_CORRUPT, "loss_changes"},
        /* clang-format on */
    };
    for (size_t i = 0; i < LX_COUNT_OF(rows); i++) {
        char *text = edited(rows[i].find, rows[i].replace);
        struct forest *forest;
        struct lx_error err = {0};
        enum lx_err got = load(text, &forest, &err);
        if (got != rows[i].want || strstr(err.text, rows[i].text) == NULL || forest != NULL)
            fail_msg("row %zu: %s, want %s with \"%s\": %s", i, lx_err_name(got),
                     lx_err_name(rows[i].want), rows[i].text, err.text);
        free(text);
    }
}

static void test_booleans_and_deleted_nodes_are_read(void **state)
{
    (void)state;
    /* An unreachable node may hold anything. */
    char *text = edited("\"left_children\":[1,3,-1,-1,-1],\"loss_changes\":[10,2.5,0,0,0],"
                        "\"parents\":[2147483647,0,0,1,1],\"right_children\":[2,4,-1,-1,-1],"
                        "\"split_conditions\":[1.5,-2,1,0.25,-0.5],\"split_indices\":[0,2,0,0,0]",
                        "\"left_children\":[1,-1,-1,77,-1],\"loss_changes\":[10,2.5,0,0,0],"
                        "\"parents\":[2147483647,0,0,1,1],\"right_children\":[2,-1,-1,-1,-1],"
                        "\"split_conditions\":[1.5,-2,1,0.25,-0.5],"
                        "\"split_indices\":[0,2,0,2147483647,0]");
    struct forest *forest;
    struct lx_error err = {0};
    assert_int_equal(load(text, &forest, &err), LX_OK);
    check_forest(forest);
    assert_int_equal(forest->node_count, 4);
    forest_close(forest);
    free(text);

    text = edited("\"default_left\":[1,0,0,0,0]", "\"default_left\":[true,false,false,0,0]");
    assert_int_equal(load(text, &forest, &err), LX_OK);
    assert_true(forest->nodes[0].is_left_default && !forest->nodes[1].is_left_default);
    forest_close(forest);
    free(text);
}

/* A tree that is a chain of `depth` splits. */
static char *chain(int depth)
{
    size_t size = (size_t)depth * 400 + 4096;
    char *text = malloc(size);
    assert_non_null(text);
    const char *const names[] = {"base_weights",  "default_left",   "left_children",
                                 "loss_changes",  "right_children", "split_conditions",
                                 "split_indices", "sum_hessian"};
    size_t at =
        (size_t)snprintf(text, size,
                         "{\"learner\":{\"gradient_booster\":{\"name\":\"gbtree\",\"model\":{"
                         "\"gbtree_model_param\":{},\"tree_info\":[0],\"trees\":[{");
    for (size_t n = 0; n < LX_COUNT_OF(names); n++) {
        at += (size_t)snprintf(text + at, size - at, "%s\"%s\":[", n == 0 ? "" : ",", names[n]);
        for (int i = 0; i <= 2 * depth; i++) {
            bool is_split = i % 2 == 0 && i < 2 * depth;
            int value = n == 2   ? (is_split ? i + 1 : -1)
                        : n == 4 ? (is_split ? i + 2 : -1)
                        : n == 6 ? 0
                                 : i;
            at += (size_t)snprintf(text + at, size - at, "%s%d", i == 0 ? "" : ",", value);
        }
        at += (size_t)snprintf(text + at, size - at, "]");
    }
    snprintf(text + at, size - at,
             "}]}},\"learner_model_param\":{\"base_score\":\"0\",\"num_class\":\"0\","
             "\"num_feature\":\"1\"},\"objective\":{\"name\":\"reg:squarederror\"}}}");
    return text;
}

static void test_depth_has_a_limit(void **state)
{
    (void)state;
    for (int depth = FOREST_DEPTH_MAX; depth <= FOREST_DEPTH_MAX + 1; depth++) {
        char *text = chain(depth);
        struct forest *forest;
        struct lx_error err = {0};
        enum lx_err got = load(text, &forest, &err);
        if (depth == FOREST_DEPTH_MAX) {
            if (got != LX_OK) fail_msg("%s", err.text);
            check_forest(forest);
            assert_int_equal(forest->trees[0].depth, depth);
        } else {
            assert_int_equal(got, LX_ERR_LIMIT);
        }
        forest_close(forest);
        free(text);
    }
}

static void test_a_model_cut_short_anywhere_is_refused(void **state)
{
    (void)state;
    for (size_t length = 0; length < sizeof small_model - 1; length++) {
        struct forest *forest = NULL;
        struct lx_error err = {0};
        enum lx_err got = forest_load_json(small_model, length, &forest, &err);
        if (got != LX_ERR_BAD_INPUT) fail_msg("length %zu: %s", length, lx_err_name(got));
    }
}

/* Digits and punctuation mostly, so that many of the texts are still JSON. */
static void test_noise_gives_an_error_or_a_sound_forest(void **state)
{
    (void)state;
    static const char letters[] = "0123456789-.,[]{}\":eE";
    struct lx_rng rng = lx_rng_of(7, 0);
    size_t read = 0;
    for (int run = 0; run < 20000; run++) {
        char text[sizeof small_model];
        memcpy(text, small_model, sizeof text);
        for (uint64_t edits = 1 + lx_rng_below(&rng, 3); edits > 0; edits--)
            text[lx_rng_below(&rng, sizeof text - 1)] =
                letters[lx_rng_below(&rng, sizeof letters - 1)];
        struct forest *forest;
        struct lx_error err = {0};
        if (load(text, &forest, &err) != LX_OK) {
            assert_true(err.text[0] != '\0');
            continue;
        }
        check_forest(forest);
        read++;
        float *row = calloc(forest->feature_count, sizeof *row);
        float *margins = malloc(forest->group_count * sizeof *margins);
        assert_true(row != NULL && margins != NULL);
        forest_predict_row_margin(forest, row, margins);
        free(row);
        free(margins);
        forest_close(forest);
    }
    assert_true(read > 500); /* else the test says little */
}

static void test_running_out_of_memory_is_an_error_at_every_point(void **state)
{
    (void)state;
    struct forest *forest;
    struct lx_error err = {0};
    lx_alloc_fail_at(UINT64_MAX);
    assert_int_equal(load(small_model, &forest, &err), LX_OK);
    forest_close(forest);
    uint64_t count = lx_alloc_count();
    assert_true(count >= 4);
    for (uint64_t n = 1; n <= count; n++) {
        lx_alloc_fail_at(n);
        enum lx_err got = load(small_model, &forest, &err);
        lx_alloc_fail_at(0);
        if (got != LX_ERR_NO_MEMORY) fail_msg("allocation %zu: %s", (size_t)n, lx_err_name(got));
    }
}

/* clang-format off */
static const struct peer_model models[] = {
    {"logistic", (const char *const[]){"objective=binary:logistic", "max_depth=6", "base_score=0.02", NULL}, 3000, 20, 1, 20, false, false},
    {"regression", (const char *const[]){"objective=reg:squarederror", "max_depth=5", "base_score=0.25", NULL}, 3000, 20, 1, 20, false, false},
    {"softprob", (const char *const[]){"objective=multi:softprob", "num_class=4", "max_depth=4", NULL}, 3000, 20, 4, 8, true, false},
    {"ranking", (const char *const[]){"objective=rank:pairwise", "max_depth=4", NULL}, 500, 8, 1, 5, false, false},
    {"parallel", (const char *const[]){"objective=binary:logistic", "num_parallel_tree=6", "subsample=0.7", "max_depth=4", NULL}, 3000, 20, 1, 4, false, false},
    {"pruned", (const char *const[]){"objective=binary:logistic", "tree_method=exact", "gamma=4", "max_depth=7", NULL}, 3000, 20, 1, 10, false, false},
    {"constant", (const char *const[]){"objective=binary:logistic", "max_depth=3", NULL}, 300, 3, 1, 3, false, true},
    {"no rounds", (const char *const[]){"objective=binary:logistic", "base_score=0.1", NULL}, 300, 3, 1, 0, false, false},
};
/* clang-format on */

static void compare_with_peer(const struct peer_model *model)
{
    struct peer peer = peer_train(model, 11);
    struct forest *forest = peer_forest(&peer);
    struct peer_rows rows = peer_rows_open(12, 4000, model->feature_count);
    size_t groups = model->group_count, total = rows.count * groups;
    float *margins = malloc(total * sizeof *margins);
    assert_non_null(margins);
    check_forest(forest);
    assert_int_equal(forest_group_count(forest), groups);
    for (size_t i = 0; i < rows.count; i++)
        forest_predict_row_margin(forest, rows.values + i * rows.feature_count,
                                  margins + i * groups);
    const float *want = peer_predict(&peer, &rows, 1);
    for (size_t i = 0; i < total; i++)
        if (margins[i] != want[i])
            fail_msg("%s: margin %zu is %.9g, XGBoost %.9g", model->name, i, (double)margins[i],
                     (double)want[i]);
    forest_transform(forest, margins, rows.count);
    want = peer_predict(&peer, &rows, 0);
    for (size_t i = 0; i < total; i++)
        if (fabsf(margins[i] - want[i]) > 1e-6f)
            fail_msg("%s: prediction %zu is %.9g, XGBoost %.9g", model->name, i, (double)margins[i],
                     (double)want[i]);
    free(margins);
    peer_rows_release(&rows);
    forest_close(forest);
    peer_release(&peer);
}

static void test_margins_are_those_of_xgboost_to_the_bit(void **state)
{
    (void)state;
    for (size_t i = 0; i < LX_COUNT_OF(models); i++) compare_with_peer(&models[i]);
}

/* XGBoost's total_gain or weight of each feature; absent ones are 0. */
static void peer_importance(const struct peer *peer, const char *kind, double *ret_scores)
{
    char config[128];
    bst_ulong count, dimension;
    const bst_ulong *shape;
    const char **names;
    const float *scores;
    snprintf(config, sizeof config, "{\"importance_type\":\"%s\"}", kind);
    peer_ok(
        XGBoosterFeatureScore(peer->booster, config, &count, &names, &dimension, &shape, &scores));
    for (size_t f = 0; f < peer->feature_count; f++) ret_scores[f] = 0;
    for (bst_ulong i = 0; i < count; i++)
        ret_scores[strtoul(names[i] + 1, NULL, 10)] = (double)scores[i];
}

static void test_importances_are_those_of_xgboost(void **state)
{
    (void)state;
    struct peer peer = peer_train(&models[0], 13);
    struct forest *forest = peer_forest(&peer);
    double gain[20], want_gain[20], want_splits[20];
    uint64_t splits[20];
    forest_importance(forest, gain, splits);
    peer_importance(&peer, "total_gain", want_gain);
    peer_importance(&peer, "weight", want_splits);
    for (size_t f = 0; f < 20; f++) {
        if (fabs(gain[f] - want_gain[f]) > 1e-5 * want_gain[f] ||
            (double)splits[f] != want_splits[f])
            fail_msg("feature %zu: gain %g, splits %zu; XGBoost %g, %g", f, gain[f],
                     (size_t)splits[f], want_gain[f], want_splits[f]);
    }
    forest_close(forest);
    peer_release(&peer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_small_model_gives_the_margins_done_by_hand),
        cmocka_unit_test(test_a_damaged_model_is_refused_by_name_and_place),
        cmocka_unit_test(test_booleans_and_deleted_nodes_are_read),
        cmocka_unit_test(test_depth_has_a_limit),
        cmocka_unit_test(test_a_model_cut_short_anywhere_is_refused),
        cmocka_unit_test(test_noise_gives_an_error_or_a_sound_forest),
        cmocka_unit_test(test_running_out_of_memory_is_an_error_at_every_point),
        cmocka_unit_test(test_margins_are_those_of_xgboost_to_the_bit),
        cmocka_unit_test(test_importances_are_those_of_xgboost),
    };
    return cmocka_run_group_tests_name("learn/forest", tests, NULL, NULL);
}
