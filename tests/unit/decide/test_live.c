/*
 * Goal:   engines over a live overlay decide and answer as one writing engine does, whichever of
 *         them is asked; what another overtook is not recorded; what a failed sync took back was
 *         never there; and the tables of the next start have everything.
 * Method: two equal banks with equal clocks, one with a writing engine, one with two live engines
 *         asked in turn: the same random calls must give the same documents. Then changes made
 *         from one version, a full disk, and a reopening.
 */
#include "tests/unit/decide/world.h"

#include <errno.h>
#include <stdatomic.h>

#include "decide/decision_json.h"
#include "decide/live.h"
#include "host/thread.h"

enum { CUSTOMERS = 300, STEPS = 400, ENGINES = 2 };

struct server {
    struct world world;
    struct live *live;
    struct engine *engines[ENGINES];
};

static void server_open(struct server *server, uint64_t seed)
{
    struct lx_error err;
    server->live = NULL;
    world_open(&server->world, CUSTOMERS, seed);
    world_engine(&server->world, ENGINE_WRITE);
    MUST(engine_make_live(server->world.engine, CUSTOMERS + 10, &server->live, &err));
    for (int i = 0; i < ENGINES; i++)
        MUST(engine_open_live(server->world.bank.folder, server->live, &server->world.env,
                              &server->engines[i], &err));
}

static void server_close(struct server *server)
{
    for (int i = 0; i < ENGINES; i++) engine_close(server->engines[i]);
    live_close(server->live);
    world_close(&server->world);
}

/* What the engine wants to be recorded, alone in its group. */
static struct live_change commit(struct server *server, struct engine *engine)
{
    struct lx_error err = {0};
    struct live_change change = {.code = LX_OK};
    struct live_change *changes[] = {&change};
    if (engine_take(engine, &change)) live_commit(server->live, changes, 1, &err);
    return change;
}

static void text_of(const struct decision *decision, struct lx_buffer *text)
{
    struct json_writer json;
    lx_buffer_clear(text);
    json_init(&json, text);
    json_object_begin(&json);
    decision_json(&json, decision, true);
    json_object_end(&json);
}

struct call {
    bool is_answer, is_preview, is_final, is_look;
    int64_t customer;
    int count;
    char decision[DECISION_ID_SIZE];
    struct answer answers[8];
    size_t answer_count;
};

static enum lx_err make(struct engine *engine, const struct call *call, struct decision *ret)
{
    struct lx_error err;
    char id[LX_ID_MAX + 1];
    living_id(call->customer, id);
    const struct decide_request request = {
        .customer = id, .count = call->count, .is_preview = call->is_preview};
    if (call->is_look) return decide_find(engine, call->decision, ret, &err);
    if (call->is_answer)
        return answer_record(engine, call->decision, call->answers, call->answer_count,
                             call->is_final, ret, &err);
    return decide_recommend(engine, &request, ret, &err);
}

/* A few customers, so that they come again; decisions told before are answered and looked at. */
static struct call next_call(struct lx_rng *rng, const struct decision *told)
{
    static const enum bank_answer answers[] = {BANK_ANSWER_INTERESTED, BANK_ANSWER_NOT_INTERESTED,
                                               BANK_ANSWER_OWNS, BANK_ANSWER_RETRACTED};
    struct call call = {.customer = (int64_t)lx_rng_below(rng, 12), .count = 3};
    if (told->id[0] != '\0' && lx_rng_chance(rng, 0.7)) {
        memcpy(call.decision, told->id, sizeof call.decision);
        call.is_look = lx_rng_chance(rng, 0.2);
        call.is_answer = true;
        call.is_final = lx_rng_chance(rng, 0.5);
        for (size_t i = 0; i < told->item_count && i < 3; i++)
            if (lx_rng_chance(rng, 0.6))
                call.answers[call.answer_count++] =
                    answer_of(told->items[i].product, answers[lx_rng_below(rng, 4)]);
    } else {
        call.is_preview = lx_rng_chance(rng, 0.2);
    }
    return call;
}

static void expect_same(const char *got, const char *expected, uint64_t seed, int step)
{
    size_t at = 0;
    while (got[at] != '\0' && got[at] == expected[at]) at++;
    if (got[at] == expected[at]) return;
    size_t from = at > 60 ? at - 60 : 0;
    fail_msg("seed %lu, step %d, byte %zu:\n%.300s\nexpected\n%.300s", (unsigned long)seed, step,
             at, got + from, expected + from);
}

static void test_live_engines_decide_as_a_writing_engine_does(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 3; seed++) {
        struct server server;
        struct world plain;
        struct lx_buffer expected, got;
        struct decision told = {0}, other = {0};
        struct lx_rng rng = lx_rng_of(seed, 7);
        size_t recorded = 0, failed = 0;
        lx_buffer_init(&expected, 1 << 20);
        lx_buffer_init(&got, 1 << 20);
        server_open(&server, seed);
        world_open(&plain, CUSTOMERS, seed);
        world_engine(&plain, ENGINE_WRITE);
        for (int step = 0; step < STEPS; step++) {
            struct call call = next_call(&rng, &told);
            struct engine *engine = server.engines[lx_rng_below(&rng, ENGINES)];
            struct decision a = {0}, b = {0};
            plain.clock = server.world.clock =
                (struct living_clock){.now_ms = INT64_C(1790000000000) + step * 60000,
                                      .rng = lx_rng_of(seed, 100 + (uint64_t)step)};
            engine_begin(engine);
            enum lx_err wanted = make(plain.engine, &call, &a), code = make(engine, &call, &b);
            if (wanted != code)
                fail_msg("seed %lu, step %d: %s, expected %s", (unsigned long)seed, step,
                         lx_err_name(code), lx_err_name(wanted));
            failed += code != LX_OK;
            if (code != LX_OK) continue;
            struct live_change change = commit(&server, engine);
            assert_int_equal(change.code, LX_OK);
            assert_false(change.is_overtaken);
            recorded += change.length > 0;
            text_of(&a, &expected);
            text_of(&b, &got);
            expect_same(lx_buffer_text(&got), lx_buffer_text(&expected), seed, step);
            decision_release(&told);
            decision_release(&other);
            told = b;
            other = a;
        }
        assert_true(recorded > STEPS / 4 && failed > 0);
        decision_release(&told);
        decision_release(&other);
        lx_buffer_release(&expected);
        lx_buffer_release(&got);
        world_close(&plain);
        server_close(&server);
    }
}

static void decide(struct engine *engine, int64_t customer, struct decision *ret)
{
    struct lx_error err;
    char id[LX_ID_MAX + 1];
    living_id(customer, id);
    const struct decide_request request = {.customer = id, .count = 3};
    engine_begin(engine);
    MUST(decide_recommend(engine, &request, ret, &err));
}

static void test_what_another_overtook_is_not_recorded(void **state)
{
    (void)state;
    struct server server;
    struct lx_error err = {0};
    struct decision first = {0}, second = {0}, third = {0};
    server_open(&server, 5);
    decide(server.engines[0], 1, &first);
    decide(server.engines[1], 1, &second);
    struct live_change a, b;
    assert_true(engine_take(server.engines[0], &a) && engine_take(server.engines[1], &b));
    struct live_change *changes[] = {&a, &b};
    live_commit(server.live, changes, 2, &err); /* both of one group */
    assert_int_equal(a.code, LX_OK);
    assert_false(a.is_overtaken);
    assert_true(b.is_overtaken);
    struct live_change *again[] = {&b};
    live_commit(server.live, again, 1, &err); /* and of a later one */
    assert_true(b.is_overtaken);
    engine_begin(server.engines[1]);
    MUST_FAIL(decide_find(server.engines[1], second.id, &third, &err), LX_ERR_NOT_FOUND);
    MUST(decide_find(server.engines[1], first.id, &third, &err));
    decision_release(&third);
    /* Another customer's is nobody's business. */
    decision_release(&second);
    decide(server.engines[1], 2, &second);
    assert_false(commit(&server, server.engines[1]).is_overtaken);
    decision_release(&first);
    decision_release(&second);
    server_close(&server);
}

static void test_what_a_failed_sync_took_back_was_never_there(void **state)
{
    (void)state;
    struct server server;
    struct lx_error err = {0};
    struct decision lost = {0}, kept = {0}, found = {0};
    server_open(&server, 6);
    decide(server.engines[0], 1, &lost);
    uint32_t version = live_version(server.live, 1);
    host_fault_after(0, ENOSPC);
    struct live_change change = commit(&server, server.engines[0]);
    host_fault_after(0, 0);
    assert_int_equal(change.code, LX_ERR_DISK_FULL);
    assert_int_equal(live_version(server.live, 1), version);
    engine_begin(server.engines[1]);
    MUST_FAIL(decide_find(server.engines[1], lost.id, &found, &err), LX_ERR_NOT_FOUND);
    decide(server.engines[0], 1, &kept);
    assert_int_equal(commit(&server, server.engines[0]).code, LX_OK);
    engine_begin(server.engines[1]);
    MUST(decide_find(server.engines[1], kept.id, &found, &err));
    decision_release(&found);

    /* The next start finds in the tables what was acknowledged, and nothing else. */
    for (int i = 0; i < ENGINES; i++) engine_close(server.engines[i]);
    live_close(server.live);
    world_engine(&server.world, ENGINE_WRITE);
    MUST(decide_find(server.world.engine, kept.id, &found, &err));
    MUST_FAIL(decide_find(server.world.engine, lost.id, &lost, &err), LX_ERR_NOT_FOUND);
    decision_release(&found);
    decision_release(&kept);
    decision_release(&lost);
    world_close(&server.world);
}

/* Answers of the tables are in memory from the start on: what was owned before is not offered. */
static void test_a_start_loads_what_was_answered_before(void **state)
{
    (void)state;
    struct server server;
    struct lx_error err = {0};
    struct decision first = {0}, next = {0};
    server_open(&server, 8);
    for (int i = 0; i < ENGINES; i++) engine_close(server.engines[i]);
    live_close(server.live);
    world_engine(&server.world, ENGINE_WRITE);
    int64_t customer = find_shown(&server.world, 0, 1);
    recommend(&server.world, customer, 3, false, &first);
    assert_true(first.item_count > 0);
    const struct answer owned = answer_of(first.items[0].product, BANK_ANSWER_OWNS);
    MUST(answer_record(server.world.engine, first.id, &owned, 1, false, &next, &err));
    decision_release(&next);
    world_engine(&server.world, ENGINE_WRITE);
    MUST(engine_make_live(server.world.engine, CUSTOMERS + 10, &server.live, &err));
    for (int i = 0; i < ENGINES; i++)
        MUST(engine_open_live(server.world.bank.folder, server.live, &server.world.env,
                              &server.engines[i], &err));
    decide(server.engines[0], customer, &next);
    assert_null(item_of(&next, owned.product));
    decision_release(&next);
    engine_begin(server.engines[1]);
    MUST(decide_find(server.engines[1], first.id, &next, &err));
    assert_int_equal(item_of(&next, owned.product)->answer, BANK_ANSWER_OWNS);
    decision_release(&next);
    decision_release(&first);
    server_close(&server);
}

struct reading {
    const struct live *live;
    atomic_bool is_over;
    size_t seen;
};

/* Each look must be of one moment: positions fall along a chain, and lists have no holes. */
static void read_on(void *context)
{
    struct reading *reading = context;
    struct lx_arena arena;
    lx_arena_init(&arena, 16 << 20);
    while (!atomic_load(&reading->is_over)) {
        struct overlay_offer *offers = NULL;
        size_t count = 0;
        lx_arena_clear(&arena);
        uint32_t version = live_version(reading->live, 1);
        if (live_offers(reading->live, version, INT64_MIN, &arena, &offers, &count) != LX_OK) break;
        for (size_t i = 1; i < count; i++) LX_ASSERT(offers[i].decision >= offers[i - 1].decision);
        LX_ASSERT(count >= reading->seen);
        reading->seen = count;
    }
    lx_arena_release(&arena);
}

static void test_readers_see_whole_entries_while_the_writer_writes(void **state)
{
    (void)state;
    struct server server;
    struct lx_error err = {0};
    struct host_thread *thread = NULL;
    server_open(&server, 9);
    struct reading reading = {.live = server.live};
    MUST(host_thread_start(read_on, &reading, &thread, &err));
    struct decision decision = {0};
    size_t offered = 0;
    for (int i = 0; i < 60; i++) {
        decide(server.engines[i % ENGINES], 1, &decision);
        assert_int_equal(commit(&server, server.engines[i % ENGINES]).code, LX_OK);
        offered += decision.item_count;
        decision_release(&decision);
    }
    atomic_store(&reading.is_over, true);
    host_thread_join(thread);
    assert_true(reading.seen <= offered);
    server_close(&server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_live_engines_decide_as_a_writing_engine_does),
        cmocka_unit_test(test_what_another_overtook_is_not_recorded),
        cmocka_unit_test(test_what_a_failed_sync_took_back_was_never_there),
        cmocka_unit_test(test_a_start_loads_what_was_answered_before),
        cmocka_unit_test(test_readers_see_whole_entries_while_the_writer_writes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
