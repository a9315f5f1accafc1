/*
 * Goal:   a key gives its first answer again for ten minutes and no longer, belongs to one request,
 *         and is free again after a failure; the table is bounded and forgets nothing early.
 * Method: each outcome by hand; then random keys on a clock against a plain list.
 */
#include "tests/cmocka_all.h"

#include <string.h>

#include "api/idempotency.h"
#include "base/rng.h"

static struct api_repeat_key key_of(uint32_t key, uint32_t request)
{
    struct api_repeat_key made = {{0}, {0}};
    uint32_t mixed = key * 2654435761u; /* buckets are by the first bytes */
    memcpy(made.key, &mixed, sizeof mixed);
    memcpy(made.request, &request, sizeof request);
    return made;
}

struct table {
    struct api_idempotency *table;
    struct lx_arena arena;
    uint32_t ticket;
    struct api_repeat_answer answer;
};

static void open_table(struct table *table)
{
    struct lx_error err;
    lx_arena_init(&table->arena, 16 << 20);
    assert_int_equal(api_idempotency_open(&table->table, &err), LX_OK);
}

static void close_table(struct table *table)
{
    api_idempotency_close(table->table);
    lx_arena_release(&table->arena);
}

static enum api_repeat begin(struct table *table, uint32_t key, uint32_t request, int64_t now_ms)
{
    const struct api_repeat_key made = key_of(key, request);
    return api_idempotency_begin(table->table, &made, now_ms, &table->arena, &table->ticket,
                                 &table->answer);
}

static void test_each_outcome(void **state)
{
    (void)state;
    struct table table;
    open_table(&table);
    assert_int_equal(begin(&table, 1, 1, 0), API_FIRST);
    uint32_t first = table.ticket;
    assert_int_equal(begin(&table, 1, 1, 1), API_UNDER_WAY);
    assert_int_equal(begin(&table, 1, 2, 1), API_OTHER);
    assert_int_equal(begin(&table, 2, 1, 1), API_FIRST);
    api_idempotency_end(table.table, table.ticket, 500, NULL, 0);
    assert_int_equal(begin(&table, 2, 1, 2), API_FIRST); /* after a failure it runs again */
    api_idempotency_end(table.table, first, 201, "abc", 3);
    assert_int_equal(begin(&table, 1, 1, 3), API_REPEATED);
    assert_int_equal(table.answer.status, 201);
    assert_string_equal(table.answer.body, "abc");
    assert_int_equal(begin(&table, 1, 2, 3), API_OTHER);
    assert_int_equal(begin(&table, 1, 1, API_IDEMPOTENCY_MS - 1), API_REPEATED);
    assert_int_equal(begin(&table, 1, 1, API_IDEMPOTENCY_MS), API_FIRST);
    close_table(&table);
}

static void test_a_full_table_refuses_and_forgets_nothing(void **state)
{
    (void)state;
    struct table table;
    open_table(&table);
    for (uint32_t i = 0; i < API_IDEMPOTENCY_MAX; i++) {
        assert_int_equal(begin(&table, i, 1, 0), API_FIRST);
        api_idempotency_end(table.table, table.ticket, 200, "x", 1);
    }
    assert_int_equal(begin(&table, API_IDEMPOTENCY_MAX, 1, 1), API_FULL);
    assert_int_equal(begin(&table, 0, 1, 1), API_REPEATED);
    assert_int_equal(begin(&table, API_IDEMPOTENCY_MAX, 1, API_IDEMPOTENCY_MS), API_FIRST);
    close_table(&table);
}

enum { KEYS = 50, STEPS = 20000 };

static void test_random_keys_are_as_a_plain_list_says(void **state)
{
    (void)state;
    struct table table;
    int64_t ended_ms[KEYS], now_ms = 0;
    for (int i = 0; i < KEYS; i++) ended_ms[i] = -1;
    struct lx_rng rng = lx_rng_of(3, 1);
    open_table(&table);
    for (int step = 0; step < STEPS; step++) {
        uint32_t key = (uint32_t)lx_rng_below(&rng, KEYS);
        now_ms += (int64_t)lx_rng_below(&rng, 20000);
        lx_arena_clear(&table.arena);
        bool is_kept = ended_ms[key] >= 0 && now_ms < ended_ms[key] + API_IDEMPOTENCY_MS;
        enum api_repeat outcome = begin(&table, key, key, now_ms);
        if (outcome != (is_kept ? API_REPEATED : API_FIRST))
            fail_msg("step %d: key %u: %d, kept %d", step, key, (int)outcome, is_kept);
        if (is_kept) continue;
        bool fails = lx_rng_chance(&rng, 0.3);
        api_idempotency_end(table.table, table.ticket, 200, fails ? NULL : "y", 1);
        ended_ms[key] = fails ? -1 : now_ms;
    }
    close_table(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_outcome),
        cmocka_unit_test(test_a_full_table_refuses_and_forgets_nothing),
        cmocka_unit_test(test_random_keys_are_as_a_plain_list_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
