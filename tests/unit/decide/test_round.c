/*
 * Goal:   a second round hears every answer of the customer, of this round and of earlier ones, by
 *         kind and age: one of ninety days ago moves half as much as it weighed, one that was
 *         retracted or says what he owns moves no taste, and a first round hears none.
 * Method: one customer of a living bank, one answer at a time handed to round_decide; how far the
 *         products that are left have moved from the model's log-odds.
 */
#include "world.h"

#include <math.h>

#include "decide/round.h"

enum { CUSTOMERS = 400, SEED = 12 };

static int make_world(void **state)
{
    struct world *world = malloc(sizeof *world);
    world_open(world, CUSTOMERS, SEED);
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

/* Sum of all moves, in the round after `answers`; `is_second` false: in a first round. */
static double moved(struct world *world, int64_t customer, const struct overlay_answer *answers,
                    size_t count, int64_t now_ms, bool is_second)
{
    struct lx_error err;
    struct lx_arena arena;
    struct record_decision decision;
    const struct record_decision empty = {.round = 1};
    char id[LX_ID_MAX + 1];
    double sum = 0;
    living_id(customer, id);
    const struct round_request request = {.customer_id = id,
                                          .customer = customer,
                                          .placement = "rm",
                                          .count = 3,
                                          .now_ms = now_ms,
                                          .answers = answers,
                                          .answer_count = count,
                                          .first = is_second ? &empty : NULL};
    lx_arena_init(&arena, 1 << 26);
    MUST(round_decide(world->engine, &request, &arena, &decision, &err));
    for (size_t i = 0; i < decision.candidate_count; i++)
        sum += fabs(decision.candidates[i].log_odds - decision.candidates[i].base_log_odds);
    lx_arena_release(&arena);
    return sum;
}

static void test_answers_move_by_kind_and_age(void **state)
{
    static const struct {
        enum bank_answer answer;
        int days;
    } rows[] = {/* the less, the further down */
                {BANK_ANSWER_INTERESTED, 0},  {BANK_ANSWER_INTERESTED, 45},
                {BANK_ANSWER_INTERESTED, 90}, {BANK_ANSWER_INTERESTED, 360},
                {BANK_ANSWER_VIEWED, 360},    {BANK_ANSWER_RETRACTED, 0}};
    struct world *world = *state;
    int64_t customer = find_shown(world, 0, 6), now_ms = world->clock.now_ms;
    struct decision first;
    recommend(world, customer, 3, true, &first);
    const char *code = first.items[0].product;
    int product = bank_catalogue_find(bank_catalogue(world->engine->bank), code, strlen(code));
    decision_release(&first);
    assert_false(world->engine->second->has_log); /* too few offers: base is the model's */
    double last = INFINITY;
    for (size_t i = 0; i < LX_COUNT_OF(rows); i++) {
        struct overlay_answer answers[2] = {{.position = 1,
                                             .decision = 1,
                                             .answered_ms = now_ms - rows[i].days * LX_MS_PER_DAY,
                                             .product = product,
                                             .answer = BANK_ANSWER_INTERESTED},
                                            {.position = 2,
                                             .decision = 1,
                                             .answered_ms = now_ms - rows[i].days * LX_MS_PER_DAY,
                                             .product = product,
                                             .answer = rows[i].answer}};
        double second = moved(world, customer, answers, 2, now_ms, true);
        if (!(second < last)) fail_msg("row %zu: moved %g, before %g", i, second, last);
        if (rows[i].answer == BANK_ANSWER_RETRACTED) assert_true(second == 0);
        assert_true(moved(world, customer, answers, 2, now_ms, false) == 0);
        last = second;
    }
    assert_true(moved(world, customer, NULL, 0, now_ms, true) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_answers_move_by_kind_and_age)};
    return cmocka_run_group_tests(tests, make_world, end_world);
}
