/*
 * Goal:   a second round says what its header says: answers weigh by kind and age, what was not
 *         answered moves nothing, a file gives back the same scores bit for bit and damage is seen;
 *         a place of the first round goes to what teaches most, where something teaches and not
 *         where nothing does; what was not shown to help on customers unseen is not used.
 * Method: a round made by hand of four products for what a person can check. Then planted histories
 *         of 3,000 customers: in one the answer to a product tells about three others, in one all
 *         products are independent; a campaign log that knows better than the model, and one that
 *         does not.
 */
#include "tests/living_bank.h"

#include <math.h>

#include "model/second_fit.h"
#include "model/teach.h"
#include "view/peers.h"

enum { FOUR = 4, DAY_MS = 86400000 };

/* Products 0 and 1 are near, 2 is alone, 3 is near 0 by half. */
static double values[FOUR * FOUR] = {
    /* clang-format off */
    3.0, 2.4, 0.0, 1.2,
    2.4, 3.0, 0.0, 1.0,
    0.0, 0.0, 3.0, 0.0,
    1.2, 1.0, 0.0, 3.0,
    /* clang-format on */
};
static double numbers[2 * FOUR];
static char scratch[4096];
static const double log_odds[FOUR] = {-3, -4, -5, -3.5};
static const bool nothing_held[FOUR];

static struct second by_hand(void)
{
    memset(numbers, 0, sizeof numbers);
    return (struct second){.product_count = FOUR,
                           .slope = 1,
                           .shift = 1,
                           .rates = numbers,
                           .offsets = numbers + FOUR,
                           .kernel = {values, FOUR},
                           .interest = ROUNDS_INTEREST};
}

static void test_answers_weigh_by_kind_and_age(void **state)
{
    static const struct {
        enum bank_answer answer;
        int days;
        double weight;
    } rows[] = {
        {BANK_ANSWER_INTERESTED, 0, 1},      {BANK_ANSWER_BOUGHT, 0, 1},
        {BANK_ANSWER_NOT_INTERESTED, 0, -1}, {BANK_ANSWER_VIEWED, 0, 0.1},
        {BANK_ANSWER_IGNORED, 0, -0.3},      {BANK_ANSWER_OWNS, 0, 0},
        {BANK_ANSWER_RETRACTED, 0, 0},       {BANK_ANSWER_NONE, 0, 0},
        {BANK_ANSWER_INTERESTED, 90, 0.5},   {BANK_ANSWER_NOT_INTERESTED, 180, -0.25},
        {BANK_ANSWER_VIEWED, 90, 0.05},      {BANK_ANSWER_IGNORED, 360, -0.01875},
        {BANK_ANSWER_INTERESTED, -5, 1},
    };
    for (size_t i = 0; i < LX_COUNT_OF(rows); i++) {
        double got = second_answer_weight(rows[i].answer, (int64_t)rows[i].days * DAY_MS);
        if (fabs(got - rows[i].weight) > 1e-12)
            fail_msg("row %zu: expected %g, got %g", i, rows[i].weight, got);
    }
    assert_int_equal(SECOND_HALF_LIFE_DAYS, 90);
}

static void test_without_answers_the_order_is_the_models_or_the_logs(void **state)
{
    static const float none[FOUR];
    struct second second = by_hand();
    double scores[FOUR];
    second_score(&second, log_odds, nothing_held, none, scratch, scores);
    assert_memory_equal(scores, log_odds, sizeof scores);
    second.has_log = true;
    second.intercept = -1;
    second.rate = 2;
    second.slope = 0.5;
    second.rates[1] = 0.25;
    second_score(&second, log_odds, nothing_held, none, scratch, scores);
    assert_true(fabs(scores[0] + 2.5) < 1e-12 && fabs(scores[1] + 2.5) < 1e-12);
}

static void test_a_yes_of_today_moves_more_than_one_of_ninety_days_ago(void **state)
{
    static const int days[] = {0, 30, 90, 180, 720};
    struct second second = by_hand();
    double last = 100;
    for (size_t i = 0; i < LX_COUNT_OF(days); i++) {
        double shifts[FOUR];
        float answers[FOUR] = {0};
        answers[0] = (float)second_answer_weight(BANK_ANSWER_INTERESTED, (int64_t)days[i] * DAY_MS);
        second_shift(&second, log_odds, nothing_held, answers, scratch, shifts);
        if (!(shifts[1] > 0 && shifts[1] < last)) fail_msg("%d days: %g", days[i], shifts[1]);
        assert_true(shifts[0] == 0 && shifts[2] == 0 && shifts[3] > 0);
        last = shifts[1];
    }
}

static void test_an_answer_about_what_he_holds_says_nothing(void **state)
{
    static const bool held[FOUR] = {true};
    static const float answers[FOUR] = {1};
    struct second second = by_hand();
    double shifts[FOUR];
    second_shift(&second, log_odds, held, answers, scratch, shifts);
    for (size_t i = 0; i < FOUR; i++) assert_true(shifts[i] == 0);
}

static void test_a_file_gives_the_same_scores_and_damage_is_seen(void **state)
{
    static const float answers[FOUR] = {1, 0, 0, -0.3F};
    struct lx_error err;
    struct lx_buffer bytes;
    struct second second = by_hand(), *read = NULL;
    double want[FOUR], got[FOUR];
    lx_buffer_init(&bytes, 1 << 20);
    second.has_log = true;
    second.rate = 0.7;
    second.rates[2] = 0.125;
    second.offsets[1] = 3;
    MUST(second_write(&second, &bytes, &err));
    MUST(second_read(bytes.bytes, bytes.length, &read, &err));
    second_score(&second, log_odds, nothing_held, answers, scratch, want);
    second_score(read, log_odds, nothing_held, answers, scratch, got);
    assert_memory_equal(want, got, sizeof want);
    assert_memory_equal(read->offsets, second.offsets, FOUR * sizeof(double));
    second_close(read);
    for (size_t length = 0; length < bytes.length; length++)
        MUST_FAIL(second_read(bytes.bytes, length, &read, &err), LX_ERR_CORRUPT);
    bytes.bytes[1] ^= 1;
    MUST_FAIL(second_read(bytes.bytes, bytes.length, &read, &err), LX_ERR_CORRUPT);
    lx_buffer_release(&bytes);
}

static void test_the_last_place_goes_to_what_teaches_and_never_for_more_than_the_limit(void **state)
{
    static const uint16_t order[FOUR] = {2, 3, 0, 1};
    static const float none[FOUR];
    struct second second = by_hand();
    double chances[FOUR] = {-1.01, -1.05, -1, -2.5};
    struct teach_question question = {.second = &second,
                                      .log_odds = chances,
                                      .is_held = nothing_held,
                                      .answers = none,
                                      .order = order,
                                      .count = FOUR,
                                      .places = 1};
    /* 2 is alone: its answer teaches nothing; 0 is kin to 1; 3 is too far down. */
    struct teach_choice choice = teach_choose(&question, scratch);
    assert_int_equal(choice.product, 0);
    assert_true(choice.gain > 0 && choice.loss > 0);
    /* Too much would be lost at once. */
    chances[0] = chances[1] = chances[3] = -1.2;
    assert_int_equal(teach_choose(&question, scratch).product, BANK_NO_PRODUCT);
    /* Nothing is kin to anything. */
    double alone[FOUR * FOUR] = {[0] = 3, [5] = 3, [10] = 3, [15] = 3};
    chances[0] = chances[1] = chances[3] = -1;
    second.kernel.values = alone;
    assert_int_equal(teach_choose(&question, scratch).product, BANK_NO_PRODUCT);
}

/* ---- Planted histories ---- */

enum { CUSTOMERS = 3000, ASKED = 6000, ME = 3, KIN = 4 };

struct planted {
    struct living_bank bank;
    struct living_clock clock;
    struct lx_env env;
    struct bank *open;
    struct view_peers *peers;
};

static int make_planted(void **state)
{
    struct lx_error err;
    struct rows_moments moments;
    struct planted *planted = calloc(1, sizeof *planted);
    living_open(&planted->bank, 300, 3);
    planted->clock = living_clock_of(1);
    planted->env = living_env(&planted->clock, 1);
    MUST(bank_open(planted->bank.folder, STORE_READ, &planted->open, &err));
    MUST(rows_moments_find(planted->bank.folder, BANK_UNKNOWN_MS, 4, &moments, &err));
    MUST(view_peers_build_many(planted->bank.folder, moments.as_of_ms, 1, &planted->env,
                               &planted->peers, &err));
    *state = planted;
    return 0;
}

static int end_planted(void **state)
{
    struct planted *planted = *state;
    view_peers_close(planted->peers);
    bank_close(planted->open);
    living_remove(&planted->bank);
    free(planted);
    return 0;
}

static double log_odds_of(double share)
{
    return log(share / (1 - share));
}

/* Products 0 to 2 at 0.30; ME at 0.28, whose yes makes KIN to KIN + 2 come true at 0.8 and whose no
 * at 0.02, or all by themselves; the others at 0.02. The model knows the shares. */
static void plant(struct second_rows *rows, size_t products, bool is_informative)
{
    double shares[LX_PRODUCT_MAX];
    for (size_t p = 0; p < products; p++)
        shares[p] = p < ME ? 0.30 : p == ME ? 0.28 : p < KIN + 3 ? 0.28 * 0.8 + 0.72 * 0.02 : 0.02;
    *rows = (struct second_rows){.product_count = products,
                                 .case_count = CUSTOMERS,
                                 .replay_count = CUSTOMERS,
                                 .log_odds = calloc(CUSTOMERS * products, sizeof(float)),
                                 .truth = calloc(CUSTOMERS * products, 1),
                                 .is_replay = calloc(CUSTOMERS, 1),
                                 .customers = calloc(CUSTOMERS, sizeof(uint32_t)),
                                 .asked = calloc(ASKED, sizeof(struct second_asked)),
                                 .shown = calloc(SECOND_HALVES * products, sizeof(uint64_t)),
                                 .yes = calloc(SECOND_HALVES * products, sizeof(uint64_t))};
    for (size_t i = 0; i < CUSTOMERS; i++) {
        struct lx_rng rng = lx_rng_of(9, i);
        uint8_t *truth = rows->truth + i * products;
        rows->is_replay[i] = 1;
        rows->customers[i] = (uint32_t)i;
        for (size_t p = 0; p < products; p++) {
            double share = shares[p];
            if (is_informative && p >= KIN && p < KIN + 3) share = truth[ME] ? 0.8 : 0.02;
            truth[p] = lx_rng_chance(&rng, share);
            rows->log_odds[i * products + p] = (float)log_odds_of(shares[p]);
        }
    }
}

/* Offers whose chance goes by the product in a way that the model has not, or has. */
static void plant_log(struct second_rows *rows, bool knows_better)
{
    struct lx_rng rng = lx_rng_of(11, 0);
    for (size_t i = 0; i < ASKED; i++) {
        size_t case_index = i / 2, product = (size_t)lx_rng_below(&rng, rows->product_count);
        double f = (double)rows->log_odds[case_index * rows->product_count + product];
        double share = knows_better ? (product % 2 == 0 ? 0.15 : 0.02) : 1 / (1 + exp(2 - f));
        bool is_yes = lx_rng_chance(&rng, share);
        size_t half = second_half(1, (int64_t)case_index);
        rows->asked[rows->asked_count++] = (struct second_asked){.case_index = case_index,
                                                                 .customer = (uint32_t)case_index,
                                                                 .product = (uint16_t)product,
                                                                 .is_yes = is_yes};
        rows->shown[half * rows->product_count + product]++;
        rows->yes[half * rows->product_count + product] += is_yes;
    }
}

static void unplant(struct second_rows *rows)
{
    free(rows->log_odds);
    free(rows->truth);
    free(rows->is_replay);
    free(rows->customers);
    free(rows->asked);
    free(rows->shown);
    free(rows->yes);
}

static void fit(const struct planted *planted, const struct second_rows *rows,
                struct second **ret_second, struct second_figures *ret_figures)
{
    struct lx_error err;
    MUST(second_fit(rows, 1, bank_catalogue(planted->open), planted->peers, &planted->env,
                    ret_second, ret_figures, &err));
}

static void test_where_an_answer_tells_of_others_it_is_asked_for_and_used(void **state)
{
    const struct planted *planted = *state;
    size_t products = bank_catalogue(planted->open)->count;
    struct second_rows rows;
    struct second *second = NULL;
    struct second_figures figures;
    plant(&rows, products, true);
    plant_log(&rows, true);
    fit(planted, &rows, &second, &figures);
    print_message("replays %+.3f (from %.3f), teaching %+.3f (from %.3f), log %+.3f (from %.3f)\n",
                  figures.replay_gain.value, figures.replay_gain.low, figures.teach_gain.value,
                  figures.teach_gain.low, figures.log_gain.value, figures.log_gain.low);
    /* The plain first list asks nothing that tells; the forest is used for what it gains when it
     * may ask. */
    assert_true(figures.uses_forest && second->learnt != NULL);
    assert_true(figures.teaches && figures.teach_gain.low > 0);
    assert_true(figures.taught > 0.5 && figures.teach_loss < TEACH_LIMIT);
    assert_true(figures.uses_log && second->has_log && figures.log_gain.low > 0);
    assert_true(second->rates[2] > second->rates[1] + 1);
    second_close(second);
    unplant(&rows);
}

static void test_where_nothing_tells_of_anything_the_order_stays_plain(void **state)
{
    const struct planted *planted = *state;
    size_t products = bank_catalogue(planted->open)->count;
    struct second_rows rows;
    struct second *second = NULL;
    struct second_figures figures;
    plant(&rows, products, false);
    plant_log(&rows, false);
    fit(planted, &rows, &second, &figures);
    print_message("replays %+.3f (to %.3f), teaching %+.3f (from %.3f), log %+.3f (from %.3f)\n",
                  figures.replay_gain.value, figures.replay_gain.high, figures.teach_gain.value,
                  figures.teach_gain.low, figures.log_gain.value, figures.log_gain.low);
    assert_true(!figures.uses_forest && second->learnt == NULL);
    assert_true(!figures.teaches && !(figures.teach_gain.low > 0));
    assert_true(!figures.uses_log && !second->has_log);
    second_close(second);
    unplant(&rows);
}

static void test_too_little_to_learn_from_is_no_error(void **state)
{
    const struct planted *planted = *state;
    struct second_rows rows;
    struct second *second = NULL;
    struct second_figures figures;
    plant(&rows, bank_catalogue(planted->open)->count, true);
    rows.case_count = rows.replay_count = 50;
    fit(planted, &rows, &second, &figures);
    assert_true(second->learnt == NULL && !figures.uses_forest && !figures.uses_log);
    assert_true(isnan(figures.replay_gain.value) && isnan(figures.log_gain.value));
    second_close(second);
    unplant(&rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers_weigh_by_kind_and_age),
        cmocka_unit_test(test_without_answers_the_order_is_the_models_or_the_logs),
        cmocka_unit_test(test_a_yes_of_today_moves_more_than_one_of_ninety_days_ago),
        cmocka_unit_test(test_an_answer_about_what_he_holds_says_nothing),
        cmocka_unit_test(test_a_file_gives_the_same_scores_and_damage_is_seen),
        cmocka_unit_test(
            test_the_last_place_goes_to_what_teaches_and_never_for_more_than_the_limit),
        cmocka_unit_test(test_where_an_answer_tells_of_others_it_is_asked_for_and_used),
        cmocka_unit_test(test_where_nothing_tells_of_anything_the_order_stays_plain),
        cmocka_unit_test(test_too_little_to_learn_from_is_no_error),
    };
    return cmocka_run_group_tests(tests, make_planted, end_planted);
}
