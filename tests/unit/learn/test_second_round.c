/*
 * Goal:   answers move the products that they speak of, the right way, nearly as far as the best
 *         possible ranking would move them; what says nothing moves nothing; a model is the same
 *         for the same seed, and the same after it was written and read.
 * Method: populations drawn from small joint distributions in which every conditional probability
 *         can be counted out over all sets of holdings; truths that answers cannot tell of; a
 *         model's bytes cut short, and with a bit of each kind of place flipped.
 */
#include "cmocka_all.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/rng.h"
#include "learn/second_round.h"

enum { PRODUCTS = 8, CUSTOMERS = 6000, TESTED = 6000, SETS = 1 << PRODUCTS, ASKED = 3 };

/* ---- A population: segments, in each of which products are held on their own ---- */

enum { SEGMENTS = 3 };

struct world {
    double sizes[SEGMENTS];
    double rates[SEGMENTS][PRODUCTS];
    double chances[SETS]; /* of each set of holdings */
    double marginals[PRODUCTS];
};

/* Three tastes that share two common products: who has them is known only from the answers. */
static void make_world(struct world *world)
{
    static const double sizes[SEGMENTS] = {0.4, 0.35, 0.25};
    static const double rates[SEGMENTS][PRODUCTS] = {
        {0.90, 0.10, 0.50, 0.40, 0.04, 0.03, 0.20, 0.05},
        {0.15, 0.90, 0.45, 0.03, 0.40, 0.05, 0.04, 0.22},
        {0.10, 0.15, 0.60, 0.05, 0.04, 0.50, 0.05, 0.05},
    };
    memcpy(world->sizes, sizes, sizeof sizes);
    memcpy(world->rates, rates, sizeof rates);
    memset(world->marginals, 0, sizeof world->marginals);
    for (size_t set = 0; set < SETS; set++) {
        world->chances[set] = 0;
        for (size_t s = 0; s < SEGMENTS; s++) {
            double chance = sizes[s];
            for (size_t p = 0; p < PRODUCTS; p++)
                chance *= (set >> p & 1) != 0 ? rates[s][p] : 1 - rates[s][p];
            world->chances[set] += chance;
        }
        for (size_t p = 0; p < PRODUCTS; p++)
            world->marginals[p] += (set >> p & 1) != 0 ? world->chances[set] : 0;
    }
}

/* P(product | answers), counted out over all sets that agree with the answers. */
static double best_probability(const struct world *world, const float *answers, size_t product)
{
    double agree = 0, held = 0;
    for (size_t set = 0; set < SETS; set++) {
        bool is_possible = true;
        for (size_t p = 0; p < PRODUCTS; p++)
            if (answers[p] != 0 && ((set >> p & 1) != 0) != (answers[p] > 0)) is_possible = false;
        if (!is_possible) continue;
        agree += world->chances[set];
        if ((set >> product & 1) != 0) held += world->chances[set];
    }
    return held / agree;
}

static float log_odds_of(double probability)
{
    return (float)(log(probability) - log1p(-probability));
}

struct population {
    float log_odds[CUSTOMERS * PRODUCTS];
    uint8_t truth[CUSTOMERS * PRODUCTS];
};

static void draw(const struct world *world, uint64_t seed, struct population *population)
{
    for (size_t i = 0; i < CUSTOMERS; i++) {
        struct lx_rng rng = lx_rng_of(seed, i);
        size_t set = lx_rng_pick(&rng, world->chances, SETS);
        for (size_t p = 0; p < PRODUCTS; p++) {
            population->truth[i * PRODUCTS + p] = (set >> p & 1) != 0;
            population->log_odds[i * PRODUCTS + p] = log_odds_of(world->marginals[p]);
        }
    }
}

static struct second_round_params small_params(void)
{
    struct second_round_params params = second_round_params_default();
    params.round_count = 60;
    params.learning_rate = 0.1;
    return params;
}

static struct second_round *fit(const struct population *population, uint64_t seed)
{
    struct second_round_params params = small_params();
    struct second_round_data data = {.customer_count = CUSTOMERS,
                                     .product_count = PRODUCTS,
                                     .log_odds = population->log_odds,
                                     .truth = population->truth};
    struct lx_env env = {.thread_count = 1};
    struct second_round *model = NULL;
    struct lx_error err = {0};
    params.seed = seed;
    if (second_round_fit(&params, &data, &env, &model, &err) != LX_OK) fail_msg("%s", err.text);
    return model;
}

static void score(const struct second_round *model, const float *log_odds, const float *answers,
                  double *ret_log_odds)
{
    void *scratch = malloc(second_round_scratch_bytes(model));
    assert_non_null(scratch);
    second_round_score(model, NULL, log_odds, answers, scratch, ret_log_odds);
    free(scratch);
}

static char *write(const struct second_round *model, size_t *ret_length)
{
    struct lx_buffer bytes;
    struct lx_error err = {0};
    lx_buffer_init(&bytes, 64 << 20);
    if (second_round_write(model, &bytes, &err) != LX_OK) fail_msg("%s", err.text);
    return lx_buffer_take(&bytes, ret_length);
}

/* The likeliest `count` that are not yet in the list get what is true of them. */
static void ask(const float *log_odds, const uint8_t *truth, size_t count, float *answers)
{
    memset(answers, 0, PRODUCTS * sizeof *answers);
    for (size_t i = 0; i < count; i++) {
        size_t best = PRODUCTS;
        for (size_t p = 0; p < PRODUCTS; p++)
            if (answers[p] == 0 && (best == PRODUCTS || log_odds[p] > log_odds[best])) best = p;
        answers[best] = truth[best] ? 1 : -1;
    }
}

static double hits(const double *scores, const uint8_t *truth, size_t count)
{
    bool is_taken[PRODUCTS] = {false};
    double sum = 0;
    for (size_t i = 0; i < count; i++) {
        size_t best = PRODUCTS;
        for (size_t p = 0; p < PRODUCTS; p++)
            if (!is_taken[p] && !isnan(scores[p]) && (best == PRODUCTS || scores[p] > scores[best]))
                best = p;
        is_taken[best] = true;
        sum += truth[best];
    }
    return sum;
}

struct gains {
    double without, with, best, oracle;
};

/* Yeses among the next ASKED places, over the tested customers. */
static struct gains measure(const struct second_round *model, const struct world *world,
                            const struct population *tested)
{
    struct gains gains = {0};
    for (size_t i = 0; i < TESTED; i++) {
        const float *log_odds = tested->log_odds + i * PRODUCTS;
        const uint8_t *truth = tested->truth + i * PRODUCTS;
        float answers[PRODUCTS];
        double before[PRODUCTS], after[PRODUCTS], best[PRODUCTS], left = 0;
        ask(log_odds, truth, ASKED, answers);
        score(model, log_odds, answers, after);
        for (size_t p = 0; p < PRODUCTS; p++) {
            bool is_left = answers[p] == 0;
            before[p] = is_left ? (double)log_odds[p] : NAN;
            best[p] = is_left ? best_probability(world, answers, p) : NAN;
            left += is_left && truth[p];
            assert_true(isnan(after[p]) == !is_left);
        }
        gains.without += hits(before, truth, ASKED);
        gains.with += hits(after, truth, ASKED);
        gains.best += hits(best, truth, ASKED);
        gains.oracle += fmin(left, ASKED);
    }
    return gains;
}

static void test_captures_nearly_what_the_best_possible_ranking_captures(void **state)
{
    (void)state;
    static struct population learnt, tested;
    struct world world;
    make_world(&world);
    draw(&world, 1, &learnt);
    draw(&world, 2, &tested);
    struct second_round *model = fit(&learnt, 1);
    struct gains gains = measure(model, &world, &tested);
    double ours = (gains.with - gains.without) / (gains.oracle - gains.without);
    double best = (gains.best - gains.without) / (gains.oracle - gains.without);
    second_round_close(model);
    if (best < 0.3) fail_msg("the best captures only %g: this world says nothing", best);
    if (ours < 0.95 * best || ours > 1.02 * best)
        fail_msg("captured %g, the best possible ranking %g", ours, best);
}

static void test_probabilities_are_near_those_counted_out(void **state)
{
    (void)state;
    static struct population learnt;
    struct world world;
    make_world(&world);
    draw(&world, 1, &learnt);
    struct second_round *model = fit(&learnt, 1);
    for (unsigned pattern = 0; pattern < 8; pattern++) {
        float log_odds[PRODUCTS], answers[PRODUCTS];
        uint8_t truth[PRODUCTS] = {pattern & 1, pattern >> 1 & 1, pattern >> 2 & 1};
        double after[PRODUCTS];
        for (size_t p = 0; p < PRODUCTS; p++) log_odds[p] = log_odds_of(world.marginals[p]);
        ask(log_odds, truth, ASKED, answers);
        score(model, log_odds, answers, after);
        for (size_t p = 0; p < PRODUCTS; p++) {
            if (answers[p] != 0) continue;
            double expected = best_probability(&world, answers, p), got = 1 / (1 + exp(-after[p]));
            if (fabs(got - expected) > 0.06)
                fail_msg("answers %u: product %zu: %g, counted out %g", pattern, p, got, expected);
        }
    }
    second_round_close(model);
}

/* ---- A complement, a substitute, and one that has nothing to do with it ---- */

enum { ANCHOR, COMPLEMENT, SUBSTITUTE, STRANGER };

static void draw_relations(uint64_t seed, struct population *population)
{
    static const double rates[PRODUCTS] = {0.5, 0, 0, 0.25, 0.2, 0.15, 0.1, 0.05};
    for (size_t i = 0; i < CUSTOMERS; i++) {
        struct lx_rng rng = lx_rng_of(seed, i);
        uint8_t *truth = population->truth + i * PRODUCTS;
        float *log_odds = population->log_odds + i * PRODUCTS;
        for (size_t p = 0; p < PRODUCTS; p++) {
            truth[p] = lx_rng_chance(&rng, rates[p]);
            log_odds[p] = log_odds_of(fmax(rates[p], 0.275));
        }
        truth[COMPLEMENT] = lx_rng_chance(&rng, truth[ANCHOR] ? 0.5 : 0.05);
        truth[SUBSTITUTE] = lx_rng_chance(&rng, truth[ANCHOR] ? 0.05 : 0.5);
        for (size_t p = STRANGER; p < PRODUCTS; p++) log_odds[p] = log_odds_of(rates[p]);
    }
}

static void test_yes_and_no_move_complement_and_substitute_opposite_ways(void **state)
{
    (void)state;
    static struct population learnt;
    draw_relations(3, &learnt);
    struct second_round_params params = small_params();
    struct second_round_data data = {.customer_count = CUSTOMERS,
                                     .product_count = PRODUCTS,
                                     .log_odds = learnt.log_odds,
                                     .truth = learnt.truth};
    struct lx_env env = {.thread_count = 1};
    struct second_round *model = NULL;
    params.lengths[0] = 1;
    params.lengths[1] = 2;
    assert_int_equal(second_round_fit(&params, &data, &env, &model, NULL), LX_OK);
    const float *log_odds = learnt.log_odds;
    static const struct {
        float answer;
        double complement, substitute;
    } cases[] = {{1, 0.5, 0.05}, {-1, 0.05, 0.5}};
    for (size_t i = 0; i < LX_COUNT_OF(cases); i++) {
        float answers[PRODUCTS] = {cases[i].answer};
        double after[PRODUCTS];
        score(model, log_odds, answers, after);
        double complement = 1 / (1 + exp(-after[COMPLEMENT]));
        double substitute = 1 / (1 + exp(-after[SUBSTITUTE]));
        if (fabs(complement - cases[i].complement) > 0.08)
            fail_msg("answer %g: complement %g, expected %g", (double)cases[i].answer, complement,
                     cases[i].complement);
        if (fabs(substitute - cases[i].substitute) > 0.08)
            fail_msg("answer %g: substitute %g, expected %g", (double)cases[i].answer, substitute,
                     cases[i].substitute);
        for (size_t p = STRANGER; p < PRODUCTS; p++)
            if (fabs(after[p] - (double)log_odds[p]) > 0.35)
                fail_msg("answer %g: stranger %zu moved from %g to %g", (double)cases[i].answer, p,
                         (double)log_odds[p], after[p]);
    }
    second_round_close(model);
}

/* One column decides whether the second product goes with the anchor or against it: only a learner
 * that hears the profile can know. Categories and association go to disk and back with it. */
static void test_profile_turns_what_an_answer_means(void **state)
{
    (void)state;
    static struct population learnt;
    static const uint16_t categories[PRODUCTS] = {0, 0, 1, 1, 2, 2, 3, 3};
    float likeness[PRODUCTS * PRODUCTS] = {[1] = 0.5F, [PRODUCTS] = 0.5F};
    struct matrix profile;
    assert_int_equal(matrix_init(&profile, 1), LX_OK);
    for (size_t i = 0; i < CUSTOMERS; i++) {
        struct lx_rng rng = lx_rng_of(4, i);
        float *row = NULL;
        assert_int_equal(matrix_add_row(&profile, &row), LX_OK);
        row[0] = i % 2 == 0 ? 1 : 0;
        for (size_t p = 0; p < PRODUCTS; p++) {
            double rate = p == 0 ? 0.5 : 0.3;
            bool is_with = p == 1 && (learnt.truth[i * PRODUCTS] != 0) == (row[0] > 0);
            if (p == 1) rate = is_with ? 0.55 : 0.05;
            learnt.truth[i * PRODUCTS + p] = lx_rng_chance(&rng, rate);
            learnt.log_odds[i * PRODUCTS + p] = log_odds_of(p == 0 ? 0.5 : 0.3);
        }
    }
    struct second_round_params params = small_params();
    struct second_round_data data = {.customer_count = CUSTOMERS,
                                     .product_count = PRODUCTS,
                                     .profile = &profile,
                                     .log_odds = learnt.log_odds,
                                     .truth = learnt.truth,
                                     .categories = categories,
                                     .likeness = likeness};
    struct lx_env env = {.thread_count = 1};
    struct second_round *model = NULL, *read = NULL;
    params.lengths[0] = 1;
    params.with_profile = true;
    params.column_sample = 1;
    assert_int_equal(second_round_fit(&params, &data, &env, &model, NULL), LX_OK);
    assert_int_equal(second_round_profile_count(model), 1);
    size_t length;
    char *bytes = write(model, &length);
    assert_int_equal(second_round_read(bytes, length, &read, NULL), LX_OK);
    void *scratch = malloc(second_round_scratch_bytes(model));
    assert_non_null(scratch);
    for (int i = 0; i < 4; i++) {
        float row = i % 2 == 0 ? 1 : 0, answers[PRODUCTS] = {i / 2 == 0 ? 1 : -1};
        double after[PRODUCTS], again[PRODUCTS];
        double expected = (answers[0] > 0) == (row > 0) ? 0.55 : 0.05;
        second_round_score(model, &row, learnt.log_odds, answers, scratch, after);
        second_round_score(read, &row, learnt.log_odds, answers, scratch, again);
        double got = 1 / (1 + exp(-after[1]));
        if (fabs(got - expected) > 0.1)
            fail_msg("profile %g, answer %g: %g, expected %g", (double)row, (double)answers[0], got,
                     expected);
        assert_memory_equal(after + 1, again + 1, (PRODUCTS - 1) * sizeof *after);
    }
    free(scratch);
    lx_free(bytes);
    second_round_close(read);
    second_round_close(model);
    matrix_release(&profile);
}

/* ---- Nothing to be learnt ---- */

/* Truths are dealt out among the customers, product by product: rates stay, relations go. */
static void shuffle_truths(struct population *population, uint64_t seed)
{
    for (size_t p = 0; p < PRODUCTS; p++) {
        struct lx_rng rng = lx_rng_of(seed, p);
        for (size_t i = CUSTOMERS; i-- > 1;) {
            size_t j = lx_rng_below(&rng, i + 1);
            uint8_t kept = population->truth[i * PRODUCTS + p];
            population->truth[i * PRODUCTS + p] = population->truth[j * PRODUCTS + p];
            population->truth[j * PRODUCTS + p] = kept;
        }
    }
}

static void test_shuffled_labels_give_no_gain(void **state)
{
    (void)state;
    static struct population learnt, tested;
    struct world world;
    make_world(&world);
    for (uint64_t seed = 1; seed <= 3; seed++) {
        draw(&world, seed, &learnt);
        draw(&world, seed + 100, &tested);
        shuffle_truths(&learnt, seed);
        struct second_round *model = fit(&learnt, seed);
        struct gains on_true = measure(model, &world, &tested);
        shuffle_truths(&tested, seed);
        struct gains on_shuffled = measure(model, &world, &tested);
        second_round_close(model);
        double noise = 3 * sqrt(on_shuffled.without);
        if (on_shuffled.with - on_shuffled.without > noise)
            fail_msg("seed %d: %g yeses with answers, %g without, of which nothing can be learnt",
                     (int)seed, on_shuffled.with, on_shuffled.without);
        if (on_true.with - on_true.without > 0.1 * (on_true.best - on_true.without))
            fail_msg("seed %d: relations were found that the training did not hold", (int)seed);
    }
}

/* ---- What is promised of the interface ---- */

static void test_unanswered_and_no_candidates_are_left_as_they_are(void **state)
{
    (void)state;
    static struct population learnt;
    struct world world;
    make_world(&world);
    draw(&world, 1, &learnt);
    for (size_t i = 0; i < CUSTOMERS; i += 3) learnt.log_odds[i * PRODUCTS + i % PRODUCTS] = NAN;
    struct second_round *model = fit(&learnt, 1);
    float log_odds[PRODUCTS], answers[PRODUCTS] = {0};
    double after[PRODUCTS], again[PRODUCTS];
    for (size_t p = 0; p < PRODUCTS; p++) log_odds[p] = log_odds_of(world.marginals[p]);
    score(model, log_odds, answers, after);
    for (size_t p = 0; p < PRODUCTS; p++) assert_true(after[p] == (double)log_odds[p]);

    log_odds[5] = NAN;
    answers[0] = 1;
    score(model, log_odds, answers, after);
    assert_true(isnan(after[0]) && isnan(after[5]) && !isnan(after[1]));
    answers[5] = -1; /* about what is no candidate */
    score(model, log_odds, answers, again);
    for (size_t p = 0; p < PRODUCTS; p++)
        if (isnan(after[p]) ? !isnan(again[p]) : after[p] != again[p])
            fail_msg("product %zu: %g, then %g", p, after[p], again[p]);
    second_round_close(model);
}

static void test_scoring_allocates_nothing(void **state)
{
    (void)state;
    static struct population learnt;
    struct world world;
    make_world(&world);
    draw(&world, 1, &learnt);
    struct second_round *model = fit(&learnt, 1);
    char *scratch = malloc(second_round_scratch_bytes(model) + 1);
    assert_non_null(scratch);
    float answers[PRODUCTS] = {1, -1, 1};
    double after[PRODUCTS], odd[PRODUCTS];
    lx_alloc_fail_at(0);
    second_round_score(model, NULL, learnt.log_odds, answers, scratch, after);
    second_round_score(model, NULL, learnt.log_odds, answers, scratch + 1, odd);
    assert_int_equal(lx_alloc_count(), 0);
    for (size_t p = 0; p < PRODUCTS; p++) assert_true(after[p] == odd[p] || isnan(after[p]));
    free(scratch);
    second_round_close(model);
}

/* 19 products and the shipped shape of a model; processor time, so that neighbours do not count. */
static void test_a_second_round_costs_under_a_millisecond(void **state)
{
    (void)state;
    enum { SOLD = 19, ROUNDS = 500 };
    static float log_odds[2000 * SOLD];
    static uint8_t truth[2000 * SOLD];
    struct lx_rng rng = lx_rng_of(1, 1);
    for (size_t i = 0; i < LX_COUNT_OF(truth); i++) {
        log_odds[i] = (float)(lx_rng_normal(&rng) - 1.5);
        truth[i] = lx_rng_chance(&rng, 1 / (1 + exp(-(double)log_odds[i])));
    }
    struct second_round_params params = second_round_params_default();
    struct second_round_data data = {
        .customer_count = 2000, .product_count = SOLD, .log_odds = log_odds, .truth = truth};
    struct lx_env env = {.thread_count = 1};
    struct second_round *model = NULL;
    struct lx_error err = {0};
    if (second_round_fit(&params, &data, &env, &model, &err) != LX_OK) fail_msg("%s", err.text);
    void *scratch = malloc(second_round_scratch_bytes(model));
    float answers[SOLD] = {1, -1, -1, 0, 1, -1};
    double after[SOLD];
    assert_non_null(scratch);
    clock_t begin = clock();
    for (size_t i = 0; i < ROUNDS; i++)
        second_round_score(model, NULL, log_odds + i * SOLD, answers, scratch, after);
    double microseconds = (double)(clock() - begin) * 1e6 / CLOCKS_PER_SEC / ROUNDS;
    print_message("a second round over %d products: %.1f microseconds\n", SOLD, microseconds);
    free(scratch);
    second_round_close(model);
    if (microseconds > 1000) fail_msg("a second round costs %g microseconds", microseconds);
}

static void test_same_seed_gives_the_same_bytes_another_seed_others(void **state)
{
    (void)state;
    static struct population learnt;
    struct world world;
    make_world(&world);
    draw(&world, 1, &learnt);
    struct second_round *models[3] = {fit(&learnt, 1), fit(&learnt, 1), fit(&learnt, 2)};
    size_t lengths[3];
    char *bytes[3];
    for (size_t i = 0; i < 3; i++) bytes[i] = write(models[i], &lengths[i]);
    assert_int_equal(lengths[0], lengths[1]);
    assert_memory_equal(bytes[0], bytes[1], lengths[0]);
    assert_false(lengths[0] == lengths[2] && memcmp(bytes[0], bytes[2], lengths[0]) == 0);
    for (size_t i = 0; i < 3; i++) {
        lx_free(bytes[i]);
        second_round_close(models[i]);
    }
}

static void test_a_model_that_was_read_scores_as_the_one_that_was_written(void **state)
{
    (void)state;
    static struct population learnt;
    struct world world;
    make_world(&world);
    draw(&world, 1, &learnt);
    struct second_round *model = fit(&learnt, 1), *read = NULL;
    struct lx_error err = {0};
    size_t length;
    char *bytes = write(model, &length);
    if (second_round_read(bytes, length, &read, &err) != LX_OK) fail_msg("%s", err.text);
    assert_int_equal(second_round_product_count(read), PRODUCTS);
    assert_int_equal(second_round_profile_count(read), 0);
    for (size_t i = 0; i < 200; i++) {
        const float *log_odds = learnt.log_odds + i * PRODUCTS;
        float answers[PRODUCTS];
        double before[PRODUCTS], after[PRODUCTS];
        ask(log_odds, learnt.truth + i * PRODUCTS, 1 + i % 5, answers);
        score(model, log_odds, answers, before);
        score(read, log_odds, answers, after);
        for (size_t p = 0; p < PRODUCTS; p++)
            if (memcmp(&before[p], &after[p], sizeof before[p]) != 0 && !isnan(before[p]))
                fail_msg("customer %zu, product %zu: %.17g, read back %.17g", i, p, before[p],
                         after[p]);
    }
    second_round_close(read);
    for (uint64_t n = 1;; n++) {
        lx_alloc_fail_at(n);
        enum lx_err code = second_round_read(bytes, length, &read, &err);
        lx_alloc_fail_at(0);
        if (code == LX_OK) {
            assert_true(n > 5);
            second_round_close(read);
            break;
        }
        if (code != LX_ERR_NO_MEMORY) fail_msg("allocation %d fails: %s", (int)n, err.text);
    }

    static const size_t cuts[] = {0, 7, 12, 43, 44, 100, 1000};
    for (size_t i = 0; i < LX_COUNT_OF(cuts); i++)
        assert_int_equal(second_round_read(bytes, cuts[i], &read, &err), LX_ERR_CORRUPT);
    assert_int_equal(second_round_read(bytes, length - 1, &read, &err), LX_ERR_CORRUPT);
    for (size_t at = 0; at < length; at += at < 64 ? 1 : 997) {
        bytes[at] ^= 1;
        enum lx_err code = second_round_read(bytes, length, &read, &err);
        bytes[at] ^= 1;
        if (code != (at >= 8 && at < 12 ? LX_ERR_VERSION : LX_ERR_CORRUPT))
            fail_msg("byte %zu flipped: %s", at, lx_err_name(code));
    }
    lx_free(bytes);
    second_round_close(model);
}

static void test_what_cannot_be_learnt_from_is_refused_with_its_place(void **state)
{
    (void)state;
    static struct population learnt;
    struct world world;
    make_world(&world);
    draw(&world, 1, &learnt);
    struct second_round_params params = small_params();
    struct second_round_data data = {.customer_count = CUSTOMERS,
                                     .product_count = PRODUCTS,
                                     .log_odds = learnt.log_odds,
                                     .truth = learnt.truth};
    struct lx_env env = {.thread_count = 1};
    struct second_round *model = NULL;
    struct lx_error err = {0};

    learnt.log_odds[5 * PRODUCTS + 2] = INFINITY;
    assert_int_equal(second_round_fit(&params, &data, &env, &model, &err), LX_ERR_BAD_INPUT);
    assert_non_null(strstr(err.text, "customer 5, product 2"));
    learnt.log_odds[5 * PRODUCTS + 2] = 0;

    learnt.truth[6 * PRODUCTS + 1] = 2;
    assert_int_equal(second_round_fit(&params, &data, &env, &model, &err), LX_ERR_BAD_INPUT);
    assert_non_null(strstr(err.text, "customer 6, product 1"));

    memset(learnt.truth, 0, sizeof learnt.truth);
    assert_int_equal(second_round_fit(&params, &data, &env, &model, &err), LX_ERR_BAD_INPUT);
    assert_non_null(strstr(err.text, "nothing to learn"));

    data.customer_count = 2;
    assert_int_equal(second_round_fit(&params, &data, &env, &model, &err), LX_ERR_BAD_INPUT);
    assert_non_null(strstr(err.text, "2 customers"));
    data.customer_count = CUSTOMERS;
    data.product_count = 1;
    assert_int_equal(second_round_fit(&params, &data, &env, &model, &err), LX_ERR_LIMIT);
    assert_null(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_captures_nearly_what_the_best_possible_ranking_captures),
        cmocka_unit_test(test_probabilities_are_near_those_counted_out),
        cmocka_unit_test(test_yes_and_no_move_complement_and_substitute_opposite_ways),
        cmocka_unit_test(test_profile_turns_what_an_answer_means),
        cmocka_unit_test(test_shuffled_labels_give_no_gain),
        cmocka_unit_test(test_unanswered_and_no_candidates_are_left_as_they_are),
        cmocka_unit_test(test_scoring_allocates_nothing),
        cmocka_unit_test(test_a_second_round_costs_under_a_millisecond),
        cmocka_unit_test(test_same_seed_gives_the_same_bytes_another_seed_others),
        cmocka_unit_test(test_a_model_that_was_read_scores_as_the_one_that_was_written),
        cmocka_unit_test(test_what_cannot_be_learnt_from_is_refused_with_its_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
