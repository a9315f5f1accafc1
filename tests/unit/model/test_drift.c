/*
 * Goal:   what moved since training is found by name and nothing else is; two columns that were
 *         swapped are both seen; traits come back from their JSON and from no other bytes; alarms
 *         are raised at the limits of their table, or at the bank's own; everybody is scored as
 *         one by one.
 * Method: a living bank, trained and refreshed; its own traits with one column moved, or two
 *         swapped, registered as another model, so that the snapshot and all else is the same.
 */
#include "tests/living_bank.h"
#include "tests/shipped_features.h"

#include <math.h>

#include "codec/digest.h"
#include "model/drift.h"
#include "model/everyone.h"
#include "model/rows.h"
#include "model/train.h"
#include "view/snapshot.h"

static struct living_bank bank = {.chance_after_view = 0.3};
static char trained[REGISTRY_ID_SIZE];

static int make_bank(void **state)
{
    struct lx_error err;
    struct living_clock clock = living_clock_of(1);
    struct lx_env env = living_env(&clock, 1);
    struct train_result result;
    struct view_refresh_result refreshed;
    const struct train_options options = {.as_of_ms = BANK_UNKNOWN_MS, .seed = 1, .rows_max = 6000};
    living_open(&bank, 1200, 21);
    MUST(train(bank.folder, &options, &env, &result, &err));
    assert_true(result.is_live);
    memcpy(trained, result.model, sizeof trained);
    MUST(view_refresh(bank.folder, BANK_UNKNOWN_MS, 0, &env, &refreshed, &err));
    return 0;
}

static int end_bank(void **state)
{
    living_remove(&bank);
    return 0;
}

static double psi_of_feature(const struct drift *drift, const char *name)
{
    for (size_t i = 0; i < drift->input_count; i++)
        if (strcmp(drift->inputs[i].feature, name) == 0) return drift->inputs[i].psi;
    fail_msg("%s: no such feature", name);
    return NAN;
}

/* The same trees with other traits, as a model of its own. */
static void save_with(const struct model_traits *traits, char id[REGISTRY_ID_SIZE])
{
    struct lx_error err;
    struct model_card card;
    struct lx_buffer trees, text;
    char path[LX_PATH_MAX];
    snprintf(path, sizeof path, "%.3800s/models/%s/model.json", bank.folder, trained);
    lx_buffer_init(&trees, FOREST_BYTES_MAX);
    lx_buffer_init(&text, TRAITS_BYTES_MAX);
    MUST(host_read_file(path, &trees, &err));
    MUST(registry_card(bank.folder, trained, &card, &err));
    traits_write(traits, &text);
    card.has_second = false; /* its files are not copied */
    memset(card.graph, 0, sizeof card.graph);
    digest_of(text.bytes, text.length, card.traits);
    MUST(registry_save(bank.folder, &card, trees.bytes, trees.length, &text, id, &err));
    lx_buffer_release(&trees);
    lx_buffer_release(&text);
}

static size_t column_of(const struct model_traits *traits, const char *name)
{
    for (size_t i = 0; i < traits->column_count; i++)
        if (strcmp(traits->names[i], name) == 0) return i;
    fail_msg("%s: no such column", name);
    return 0;
}

static void test_the_same_customers_have_not_moved(void **state)
{
    struct lx_error err;
    struct drift drift;
    MUST(drift_measure(bank.folder, NULL, &drift, &err));
    assert_string_equal(drift.model, trained);
    assert_int_equal(drift.input_count, shipped_count());
    assert_true(drift.after_rows > 1000);
    assert_true(psi_of_feature(&drift, "age") < 0.02);
    assert_true(drift.scores < PSI_ACT);
    for (size_t i = 1; i < drift.input_count; i++)
        assert_true(drift.inputs[i - 1].psi >= drift.inputs[i].psi);
    drift_release(&drift);
}

static void test_what_moved_is_found_and_nothing_else_is(void **state)
{
    struct lx_error err;
    struct model_traits traits;
    struct drift before, after;
    char id[REGISTRY_ID_SIZE];
    MUST(drift_measure(bank.folder, NULL, &before, &err));
    MUST(registry_traits(bank.folder, trained, &traits, &err));
    struct psi_bins *age = &traits.inputs[column_of(&traits, "age")];
    for (size_t i = 0; i < age->edge_count; i++) age->edges[i] -= 15; /* customers were younger */
    save_with(&traits, id);
    MUST(drift_measure(bank.folder, id, &after, &err));
    assert_true(psi_of_feature(&after, "age") > PSI_ACT);
    assert_int_equal(after.act_count, before.act_count + 1);
    for (size_t i = 0; i < before.input_count; i++) {
        const char *name = before.inputs[i].feature;
        if (strcmp(name, "age") != 0)
            assert_true(before.inputs[i].psi == psi_of_feature(&after, name));
    }
    assert_true(before.scores == after.scores);
    struct alarms alarms = {.count = 0};
    const struct alarm_limits limits = alarm_limits_default();
    drift_alarms(&after, &limits, &alarms);
    assert_true(alarms.count >= 1);
    assert_int_equal(alarms.items[0].alarm, ALARM_INPUT_DRIFT);
    drift_release(&before);
    drift_release(&after);
    traits_release(&traits);
}

static void test_swapped_columns_are_both_seen(void **state)
{
    struct lx_error err;
    struct model_traits traits;
    struct drift drift;
    char id[REGISTRY_ID_SIZE];
    MUST(registry_traits(bank.folder, trained, &traits, &err));
    size_t a = column_of(&traits, "age"), b = column_of(&traits, "acts_90d");
    struct psi_bins kept = traits.inputs[a];
    traits.inputs[a] = traits.inputs[b];
    traits.inputs[b] = kept;
    save_with(&traits, id);
    MUST(drift_measure(bank.folder, id, &drift, &err));
    assert_true(psi_of_feature(&drift, "age") > PSI_ACT);
    assert_true(psi_of_feature(&drift, "acts_90d") > PSI_ACT);
    drift_release(&drift);
    traits_release(&traits);
}

static void test_traits_come_back_and_damage_is_seen(void **state)
{
    struct lx_error err;
    struct model_traits traits, again;
    struct lx_buffer one, two;
    char path[LX_PATH_MAX];
    MUST(registry_traits(bank.folder, trained, &traits, &err));
    assert_int_equal(traits.importance.group_count, 1 + traits.product_count + TRAITS_SEGMENTS);
    assert_true(traits.importance.groups[0].positives > 20);
    lx_buffer_init(&one, TRAITS_BYTES_MAX);
    lx_buffer_init(&two, TRAITS_BYTES_MAX);
    traits_write(&traits, &one);
    MUST(traits_read(one.bytes, one.length, &again, &err));
    traits_write(&again, &two);
    assert_int_equal(one.length, two.length);
    assert_memory_equal(one.bytes, two.bytes, one.length);
    MUST_FAIL(traits_read(one.bytes, one.length / 2, &again, &err), LX_ERR_CORRUPT);
    MUST_FAIL(traits_read("{}", 2, &again, &err), LX_ERR_CORRUPT);

    snprintf(path, sizeof path, "%.3800s/models/%s/traits.json", bank.folder, trained);
    one.bytes[one.length / 2] ^= 1;
    MUST(host_write_atomic(path, one.bytes, one.length, &err));
    MUST_FAIL(registry_traits(bank.folder, trained, &traits, &err), LX_ERR_CORRUPT);
    MUST(host_write_atomic(path, two.bytes, two.length, &err));
    traits_release(&again);
    traits_release(&traits);
    lx_buffer_release(&one);
    lx_buffer_release(&two);
}

static void test_alarms_are_raised_at_their_limits(void **state)
{
    static const struct {
        double auc, top;
        uint64_t positives;
        size_t count;
        enum alarm first;
    } rows[] = {
        {0.70, 1.00, 5000, 0, ALARM_COUNT},          {0.51, 1.00, 5000, 1, ALARM_ROC_AUC_LOW},
        {0.91, 1.00, 5000, 1, ALARM_ROC_AUC_HIGH},   {0.90, 0.80, 200, 0, ALARM_COUNT},
        {0.70, 1.00, 199, 1, ALARM_POSITIVES},       {0.70, 0.79, 5000, 1, ALARM_TOP_TENTH_LOW},
        {0.70, 1.26, 5000, 1, ALARM_TOP_TENTH_HIGH}, {NAN, NAN, 10, 1, ALARM_POSITIVES},
        {0.51, 2.00, 10, 3, ALARM_ROC_AUC_LOW},
    };
    const struct alarm_limits limits = alarm_limits_default();
    for (size_t i = 0; i < LX_COUNT_OF(rows); i++) {
        struct alarms alarms = {.count = 0};
        const struct quality quality = {.roc_auc_within = rows[i].auc,
                                        .observed_over_expected_top10 = rows[i].top};
        alarms_add_quality(&alarms, &limits, &quality, rows[i].positives);
        if (alarms.count != rows[i].count ||
            (alarms.count > 0 && alarms.items[0].alarm != rows[i].first))
            fail_msg("row %zu: %zu alarms, expected %zu", i, alarms.count, rows[i].count);
    }
}

static void test_a_bank_sets_limits_of_its_own(void **state)
{
    struct lx_error err;
    char path[LX_PATH_MAX];
    struct alarm_limits limits;
    struct lx_buffer text;
    MUST(host_join(path, bank.folder, "lingxi.ini", &err));
    lx_buffer_init(&text, LX_CONFIG_MAX);
    MUST(host_read_file(path, &text, &err));
    size_t length = text.length;
    lx_buffer_append_text(&text, "\n[alarms]\nroc_auc_high = 0.97\n");
    MUST(host_write_atomic(path, text.bytes, text.length, &err));
    MUST(alarm_limits_read(bank.folder, &limits, &err));
    assert_true(limits.limits[ALARM_ROC_AUC_HIGH] == 0.97);
    assert_true(limits.limits[ALARM_ROC_AUC_LOW] == 0.52);
    lx_buffer_append_text(&text, "rock_auc = 1\n");
    MUST(host_write_atomic(path, text.bytes, text.length, &err));
    MUST_FAIL(alarm_limits_read(bank.folder, &limits, &err), LX_ERR_BAD_INPUT);
    assert_non_null(strstr(err.text, "rock_auc"));
    MUST(host_write_atomic(path, text.bytes, length, &err));
    lx_buffer_release(&text);
}

/* Row by row, as a decision would. */
static void score_plainly(uint64_t *ret_pairs, double *ret_openings)
{
    struct lx_error err;
    struct bank *opened = NULL;
    struct view_snapshot *snapshot = NULL;
    struct view_scratch *scratch = NULL;
    struct model *model = NULL;
    MUST(bank_open(bank.folder, STORE_READ, &opened, &err));
    MUST(view_snapshot_open(bank.folder, &snapshot, &err));
    const struct view_features *features = view_snapshot_features(snapshot);
    const struct bank_catalogue *catalogue = bank_catalogue(opened);
    MUST(model_open(bank.folder, NULL, features, &model, &err));
    MUST(view_scratch_open(features, catalogue, &scratch, &err));
    size_t columns = view_features_count(features, VIEW_CUSTOMER);
    size_t pair_count = view_features_count(features, VIEW_PAIR);
    float *row = calloc(columns + pair_count, sizeof *row);
    float *pairs = calloc(catalogue->count * pair_count, sizeof *pairs);
    void *room = malloc(model_scratch_bytes(model) + 1);
    int32_t day = lx_day_of_ms(view_snapshot_as_of_ms(snapshot), LIVING_OFFSET_MINUTES);
    *ret_pairs = 0;
    *ret_openings = 0;
    for (int64_t i = 0; i < view_snapshot_customers(snapshot); i++) {
        struct view_facts facts;
        view_snapshot_facts(snapshot, i, &facts);
        view_snapshot_customer(snapshot, i, row);
        view_snapshot_pairs(snapshot, i, scratch, pairs);
        for (size_t j = 0; j < catalogue->count; j++) {
            double log_odds;
            if (!rows_is_candidate(&catalogue->products[j], (int)j, &facts, day)) continue;
            memcpy(row + columns, pairs + j * pair_count, pair_count * sizeof *row);
            model_log_odds(model, row, 1, room, &log_odds);
            *ret_openings += model_probability(log_odds);
            ++*ret_pairs;
        }
    }
    free(row);
    free(pairs);
    free(room);
    view_scratch_close(scratch);
    model_close(model);
    view_snapshot_close(snapshot);
    bank_close(opened);
}

static void test_everyone_is_scored_as_one_by_one(void **state)
{
    struct lx_error err;
    struct living_clock clock = living_clock_of(1);
    struct everyone one, three;
    uint64_t pairs;
    double openings;
    score_plainly(&pairs, &openings);
    struct lx_env env = living_env(&clock, 1);
    MUST(everyone_score(bank.folder, NULL, &env, &one, &err));
    env.thread_count = 3;
    MUST(everyone_score(bank.folder, trained, &env, &three, &err));
    assert_string_equal(one.model, trained);
    assert_int_equal(one.customers, bank.customers);
    assert_int_equal(one.pairs, pairs);
    assert_true(pairs > 10000);
    if (fabs(one.openings - openings) > 1e-9 * openings)
        fail_msg("%.12g, row by row %.12g", one.openings, openings);
    assert_true(one.openings == three.openings && one.pairs == three.pairs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_same_customers_have_not_moved),
        cmocka_unit_test(test_what_moved_is_found_and_nothing_else_is),
        cmocka_unit_test(test_swapped_columns_are_both_seen),
        cmocka_unit_test(test_traits_come_back_and_damage_is_seen),
        cmocka_unit_test(test_everyone_is_scored_as_one_by_one),
        cmocka_unit_test(test_alarms_are_raised_at_their_limits),
        cmocka_unit_test(test_a_bank_sets_limits_of_its_own),
    };
    return cmocka_run_group_tests(tests, make_bank, end_bank);
}
