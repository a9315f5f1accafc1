/*
 * Goal:   a reason names a feature that raised this probability, with its value, in both languages;
 *         at most four, none twice, none that was missing, unused or against the product.
 * Method: hand-made contributions for the sentences, then random ones for the promises.
 */
#include "tests/scratch.h"
#include "tests/shipped_features.h"

#include <math.h>

#include "base/rng.h"
#include "decide/explain.h"
#include "model/rows.h"

struct scene {
    float row[ROWS_FEATURES_MAX], contributions[ROWS_FEATURES_MAX];
    struct explain_index index;
    struct bank_product products[2];
    struct bank_catalogue catalogue;
    struct view_facts facts;
    struct explain_input input;
    struct lx_arena arena;
    struct decision_reason reasons[DECISION_REASONS_MAX];
    size_t count;
};

static void scene_init(struct scene *scene)
{
    memset(scene, 0, sizeof *scene);
    explain_index_init(&scene->index, shipped());
    scene->products[0] = (struct bank_product){.code = "A", .zh = "甲", .en = "Alpha"};
    scene->products[1] = (struct bank_product){.code = "B", .zh = "乙", .en = "Beta"};
    scene->catalogue = (struct bank_catalogue){scene->products, 2, 2};
    scene->input = (struct explain_input){.index = &scene->index,
                                          .row = scene->row,
                                          .contributions = scene->contributions,
                                          .feature_count = shipped_count(),
                                          .catalogue = &scene->catalogue,
                                          .product = 1,
                                          .facts = &scene->facts};
    lx_arena_init(&scene->arena, 1 << 20);
}

static size_t column(const char *name)
{
    for (size_t i = 0; i < shipped_count(); i++)
        if (strcmp(rows_feature(shipped(), i)->name, name) == 0) return i;
    fail_msg("no feature %s", name);
    return 0;
}

static void set(struct scene *scene, const char *name, float value, float contribution)
{
    scene->row[column(name)] = value;
    scene->contributions[column(name)] = contribution;
}

static void run(struct scene *scene)
{
    struct lx_error err;
    MUST(explain(&scene->input, &scene->arena, scene->reasons, &scene->count, &err));
}

static void test_sentences_carry_the_value(void **state)
{
    static const struct {
        const char *feature;
        float value;
        const char *zh, *en;
    } rows[] = {
        /* clang-format off */
        {"product_views_30d", 3, "近30天浏览该产品页3次", "viewed this product's page 3 times in 30 days"},
        {"product_views_30d", 1, "近30天浏览该产品页1次", "viewed this product's page 1 time in 30 days"},
        {"balance", 123456768, "账户余额1,234,568元", "has a balance of 1,234,568 yuan"},
        {"balance", 100000, "账户余额1,000元", "has a balance of 1,000 yuan"},
        {"days_since_login", 0, "当天登录过", "logged in today"},
        {"days_since_login", 1, "1天前登录过", "logged in 1 day ago"},
        {"days_since_login", 12, "12天前登录过", "logged in 12 days ago"},
        {"cohort_holding_rate", 0.0123f, "同类客户中1.2%持有该产品", "1.2% of like customers hold this product"},
        {"bank_opening_rate", 0.0004f, "全行近30天有0.04%的客户开通该产品", "0.04% of all customers opened it in 30 days"},
        {"risk_level", 3, "风险承受等级为C3", "assessed risk level C3"},
        {"balance_in_salaries", 4.26f, "余额相当于4.3个月工资", "holds 4.3 monthly salaries"},
        {"product_dwell_30d", 200, "近30天在该产品页停留3分钟", "spent 3 min on this product's page in 30 days"},
        {"age", 47, "年龄47岁", "aged 47"},
        {"wealth_held", 2, "持有2种理财产品", "holds 2 wealth products"},
        /* clang-format on */
    };
    for (size_t i = 0; i < LX_COUNT_OF(rows); i++) {
        struct scene *scene = malloc(sizeof *scene);
        scene_init(scene);
        set(scene, rows[i].feature, rows[i].value, 0.5f);
        run(scene);
        assert_int_equal(scene->count, 1);
        assert_string_equal(scene->reasons[0].zh, rows[i].zh);
        assert_string_equal(scene->reasons[0].en, rows[i].en);
        assert_string_equal(scene->reasons[0].feature, rows[i].feature);
        assert_true(fabs(scene->reasons[0].weight - 0.5) < 1e-6);
        lx_arena_release(&scene->arena);
        free(scene);
    }
}

static void test_what_cannot_be_said_is_not(void **state)
{
    static const struct {
        const char *what, *feature;
        float value, contribution;
    } rows[] = {
        {"lowered it", "logins_30d", 9, -0.4f},
        {"was not used", "logins_30d", 9, 0},
        {"is missing", "logins_30d", NAN, 0.4f},
        {"was none", "logins_30d", 0, 0.4f},
        {"is long ago", "days_since_login", 400, 0.4f},
        {"weighs nothing", "logins_30d", 9, 0.001f},
        {"is a code", "education", 2, 0.9f},
        {"is the product", "product_term_days", 90, 0.9f},
    };
    for (size_t i = 0; i < LX_COUNT_OF(rows); i++) {
        struct scene *scene = malloc(sizeof *scene);
        scene_init(scene);
        set(scene, rows[i].feature, rows[i].value, rows[i].contribution);
        run(scene);
        if (scene->count != 0) fail_msg("%s: %s", rows[i].what, scene->reasons[0].en);
        lx_arena_release(&scene->arena);
        free(scene);
    }
}

static void test_features_that_tell_the_same_are_one_reason(void **state)
{
    struct scene *scene = malloc(sizeof *scene);
    scene_init(scene);
    set(scene, "logins_7d", 2, 0.3f);
    set(scene, "logins_30d", 9, 0.4f);
    set(scene, "logins_90d", 20, -0.1f);
    set(scene, "age", 40, 0.5f);
    run(scene);
    assert_int_equal(scene->count, 2);
    assert_string_equal(scene->reasons[0].feature, "logins_30d"); /* 0.6 together */
    assert_true(fabs(scene->reasons[0].weight - 0.6) < 1e-6);
    assert_string_equal(scene->reasons[1].feature, "age");

    set(scene, "logins_90d", 20, -0.9f); /* together they speak against it */
    run(scene);
    assert_int_equal(scene->count, 1);
    assert_string_equal(scene->reasons[0].feature, "age");
    lx_arena_release(&scene->arena);
    free(scene);
}

static void test_reasons_keep_their_promises(void **state)
{
    struct scene *scene = malloc(sizeof *scene);
    for (uint64_t seed = 1; seed <= 2000; seed++) {
        struct lx_rng rng = lx_rng_of(seed, 6);
        scene_init(scene);
        for (size_t i = 0; i < scene->input.feature_count; i++) {
            scene->row[i] = lx_rng_chance(&rng, 0.2) ? NAN : (float)lx_rng_below(&rng, 400);
            scene->contributions[i] =
                lx_rng_chance(&rng, 0.5) ? 0 : (float)(0.2 * lx_rng_normal(&rng));
        }
        run(scene);
        assert_true(scene->count <= DECISION_REASONS_MAX);
        for (size_t i = 0; i < scene->count; i++) {
            const struct decision_reason *reason = &scene->reasons[i];
            size_t at = column(reason->feature);
            bool is_good = scene->contributions[at] > 0 && !isnan(scene->row[at]) &&
                           reason->weight >= EXPLAIN_WEIGHT_MIN &&
                           (i == 0 || reason->weight <= scene->reasons[i - 1].weight) &&
                           strchr(reason->zh, '{') == NULL && strchr(reason->en, '{') == NULL;
            for (size_t j = 0; j < i; j++)
                is_good = is_good && strcmp(scene->reasons[j].en, reason->en) != 0;
            if (!is_good) fail_msg("seed %lu: %s", (unsigned long)seed, reason->en);
        }
        lx_arena_release(&scene->arena);
    }
    free(scene);
}

static void test_most_shipped_features_can_be_said(void **state)
{
    struct scene *scene = malloc(sizeof *scene);
    scene_init(scene);
    assert_true(scene->index.count > 80 && scene->index.count < shipped_count());
    assert_true(scene->index.topic_count > 30 && scene->index.topic_count < scene->index.count);
    lx_arena_release(&scene->arena);
    free(scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sentences_carry_the_value),
        cmocka_unit_test(test_what_cannot_be_said_is_not),
        cmocka_unit_test(test_features_that_tell_the_same_are_one_reason),
        cmocka_unit_test(test_reasons_keep_their_promises),
        cmocka_unit_test(test_most_shipped_features_can_be_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
