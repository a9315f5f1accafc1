/*
 * Goal:   from the places that were left to chance the journal tells what each order would have
 *         earned; who answered nothing is left out, an answer that was taken back too.
 * Method: customers of a living bank who say yes to a product with a chance that is its number's
 *         alone; what each policy would have earned of them is summed from the recorded rivals.
 */
#include "world.h"
#include "tests/shipped_features.h"

#include <math.h>

#include "base/rng.h"
#include "decide/engine_parts.h"
#include "decide/monitor.h"

enum { CUSTOMERS = 300, SEED = 91, ROUNDS = 500, TAKEN_BACK = 10 };

static int make_world(void **state)
{
    char path[LX_PATH_MAX], text[1 << 14];
    struct world *world = malloc(sizeof *world);
    world_open(world, CUSTOMERS, SEED);
    /* one last place in two is drawn */
    snprintf(path, sizeof path, "%s/actions.ini", world->bank.folder);
    FILE *file = fopen(path, "r+");
    assert_non_null(file);
    size_t length = fread(text, 1, sizeof text - 1, file);
    text[length] = '\0';
    char *share = strstr(text, "\nshare = 0.02");
    assert_non_null(share);
    fseek(file, share - text, SEEK_SET);
    fputs("\nshare = 0.10", file);
    fclose(file);
    world_engine(world, ENGINE_WRITE);
    *state = world;
    return 0;
}

static int end_world(void **state)
{
    world_close(*state);
    free(*state);
    return 0;
}

static double chance_of(int product)
{
    return 0.1 + 0.08 * (product % 9);
}

static void say(struct world *world, const struct decision *decision, size_t item,
                enum bank_answer said)
{
    struct lx_error err;
    struct decision told;
    struct answer one = answer_of(decision->items[item].product, said);
    MUST(answer_record(world->engine, decision->id, &one, 1, false, &told, &err));
    decision_release(&told);
}

/* What each policy would have earned in the last place of a recorded decision. */
static void add_truth(struct world *world, const char *id, double truth[MONITOR_POLICIES])
{
    struct lx_error err;
    struct lx_arena arena;
    struct record record;
    struct overlay_decision found;
    uint8_t key[RECORD_ID_BYTES];
    const struct record_candidate *best[MONITOR_POLICIES] = {NULL};
    double sum = 0, count = 0;
    lx_arena_init(&arena, 1 << 24);
    assert_true(record_id_parse(id, key));
    MUST(overlay_find(world->engine->overlay, key, &found, &err));
    MUST(overlay_read(world->engine->overlay, found.position, &arena, &record, &err));
    for (size_t i = 0; i < record.decision.candidate_count; i++) {
        const struct record_candidate *one = &record.decision.candidates[i];
        const struct record_candidate **b = best;
        if (!(one->a > 0)) continue;
        sum += chance_of(one->product);
        count++;
        if (b[0] == NULL || one->factors.priority > b[0]->factors.priority) b[0] = one;
        if (b[1] == NULL || one->factors.probability > b[1]->factors.probability) b[1] = one;
        if (b[2] == NULL || one->a / (one->a + one->b) > b[2]->a / (b[2]->a + b[2]->b)) b[2] = one;
    }
    for (int p = 0; p < MONITOR_UNIFORM; p++) truth[p] += chance_of(best[p]->product);
    truth[MONITOR_UNIFORM] += sum / count;
    lx_arena_release(&arena);
}

static void test_without_answered_places_there_is_no_estimate(void **state)
{
    struct world *world = *state;
    struct monitor_result result;
    struct lx_error err;
    assert_int_equal(monitor_off_policy(world->engine, 1, &result, &err), LX_ERR_NOT_READY);
    assert_non_null(strstr(err.text, "actions.ini"));
}

static void test_what_each_order_would_have_earned_is_within_its_interval(void **state)
{
    struct world *world = *state;
    struct lx_rng rng = lx_rng_of(SEED, 4);
    double truth[MONITOR_POLICIES] = {0};
    size_t rows = 0, yes = 0, taken_back = 0;
    int64_t customer = 0;
    for (int n = 0; n < ROUNDS; n++) {
        struct decision decision;
        recommend(world, customer++ % CUSTOMERS, 5, false, &decision);
        bool is_contested = decision.item_count == 5 && decision.items[4].show_probability < 1;
        if (is_contested && n % 7 != 0) { /* some never answer */
            bool is_yes = lx_rng_chance(&rng, chance_of(decision.items[4].product_index));
            say(world, &decision, 4, is_yes ? BANK_ANSWER_INTERESTED : BANK_ANSWER_NOT_INTERESTED);
            if (taken_back < TAKEN_BACK) {
                say(world, &decision, 4, BANK_ANSWER_RETRACTED);
                taken_back++;
            } else {
                add_truth(world, decision.id, truth);
                rows++;
                yes += is_yes;
            }
        }
        decision_release(&decision);
    }
    struct monitor_result result;
    struct lx_error err;
    MUST(monitor_off_policy(world->engine, 1, &result, &err));
    assert_int_equal(result.rows, rows);
    assert_int_equal(result.yes, yes);
    assert_true(rows > 100 && taken_back == TAKEN_BACK);
    assert_true(result.explored > rows / 3 && result.explored < 2 * rows / 3);
    for (int p = 0; p < MONITOR_POLICIES; p++)
        for (int e = 0; e < OFF_POLICY_ESTIMATORS; e++) {
            const struct off_policy_estimate *one = &result.policies[p].estimates[e];
            double want = truth[p] / (double)rows;
            if (fabs(one->value - want) > 3.5 * one->standard_error)
                fail_msg("%s %s: %.4f +- %.4f, in truth %.4f",
                         monitor_policy_name((enum monitor_policy)p),
                         off_policy_name((enum off_policy_estimator)e), one->value,
                         one->standard_error, want);
        }
}

static void test_a_rate_lies_in_its_interval_and_segments_have_names(void **state)
{
    struct world *world = *state;
    struct monitor_segment segment;
    size_t segments = 0, answered = 0;
    while (monitor_segment(world->engine, segments, &segment)) {
        assert_true(segment.zh[0] != '\0' && segment.en[0] != '\0');
        segments++;
    }
    assert_int_equal(segments, 8);
    for (size_t p = 0; p < world->engine->product_count; p++) {
        struct monitor_rate rate = monitor_rate(world->engine, NULL, (int)p);
        assert_true(0 <= rate.low && rate.low < rate.mean && rate.mean < rate.high);
        answered += rate.answers > 0;
    }
    assert_true(answered > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_without_answered_places_there_is_no_estimate),
        cmocka_unit_test(test_what_each_order_would_have_earned_is_within_its_interval),
        cmocka_unit_test(test_a_rate_lies_in_its_interval_and_segments_have_names),
    };
    return cmocka_run_group_tests(tests, make_world, end_world);
}
