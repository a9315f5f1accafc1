/*
 * Goal:   every item is done exactly once and the result does not depend on the number of threads;
 *         a queue loses nothing, keeps its order, never holds more than its maximum, and ends
 *         cleanly.
 * Method: sums and places that any lost or doubled item would change, over many thread counts;
 *         producers and consumers on small queues.
 */
#include "cmocka_all.h"

#include <stdatomic.h>
#include <string.h>

#include "base/rng.h"
#include "host/thread.h"

enum { ITEMS = 10000 };

struct work {
    uint64_t results[ITEMS];
    atomic_int times[ITEMS];
};

static void draw(void *context, size_t item)
{
    struct work *work = context;
    struct lx_rng rng = lx_rng_of(42, item);
    for (int i = 0; i < 5; i++) work->results[item] += lx_rng_next(&rng);
    atomic_fetch_add(&work->times[item], 1);
}

static void test_the_result_is_the_same_for_any_number_of_threads(void **state)
{
    (void)state;
    static const int thread_counts[] = {1, 2, 3, 8, 64, 1000};
    static struct work first, work;
    assert_int_equal(host_parallel(1, ITEMS, draw, &first, NULL), LX_OK);
    for (size_t i = 0; i < LX_COUNT_OF(thread_counts); i++) {
        memset(&work, 0, sizeof work);
        assert_int_equal(host_parallel(thread_counts[i], ITEMS, draw, &work, NULL), LX_OK);
        assert_memory_equal(work.results, first.results, sizeof work.results);
        for (size_t item = 0; item < ITEMS; item++)
            if (atomic_load(&work.times[item]) != 1) fail_msg("item %zu", item);
    }
}

static void test_no_items_and_few_items_are_done(void **state)
{
    (void)state;
    static struct work work;
    assert_int_equal(host_parallel(8, 0, draw, &work, NULL), LX_OK);
    assert_int_equal(atomic_load(&work.times[0]), 0);
    assert_int_equal(host_parallel(8, 3, draw, &work, NULL), LX_OK);
    for (int i = 0; i < 4; i++) assert_int_equal(atomic_load(&work.times[i]), i < 3);
}

static void test_a_queue_gives_back_in_order(void **state)
{
    (void)state;
    struct host_queue *queue = NULL;
    int items[5];
    void *got = NULL;
    assert_int_equal(host_queue_open(3, &queue, NULL), LX_OK);
    for (int round = 0; round < 10; round++) {
        for (int i = 0; i < 3; i++) assert_true(host_queue_put(queue, &items[i]));
        for (int i = 0; i < 3; i++) {
            assert_true(host_queue_get(queue, &got));
            assert_ptr_equal(got, &items[i]);
        }
    }
    host_queue_close(queue);
    host_queue_release(queue);
    host_queue_release(NULL);
}

static void test_a_closed_queue_refuses_puts_and_drains(void **state)
{
    (void)state;
    struct host_queue *queue = NULL;
    int item;
    void *got = NULL;
    assert_int_equal(host_queue_open(3, &queue, NULL), LX_OK);
    assert_true(host_queue_put(queue, &item));
    host_queue_close(queue);
    host_queue_close(queue);
    assert_false(host_queue_put(queue, &item));
    assert_true(host_queue_get(queue, &got));
    assert_ptr_equal(got, &item);
    got = NULL;
    assert_false(host_queue_get(queue, &got));
    assert_null(got);
    host_queue_release(queue);
}

/* Two producers and two consumers; items are numbers from 1. */
struct line {
    struct host_queue *queue;
    atomic_int next;
    atomic_int_fast64_t sum, count;
};

enum { PRODUCED = 20000, MAX_WAITING = 4 };

static void produce(void *context)
{
    struct line *line = context;
    for (;;) {
        int number = atomic_fetch_add(&line->next, 1);
        if (number > PRODUCED) return;
        assert_true(host_queue_put(line->queue, (void *)(uintptr_t)number));
    }
}

static void consume(void *context)
{
    struct line *line = context;
    void *item;
    while (host_queue_get(line->queue, &item)) {
        atomic_fetch_add(&line->sum, (int64_t)(uintptr_t)item);
        atomic_fetch_add(&line->count, 1);
    }
}

static void test_many_hands_lose_nothing(void **state)
{
    (void)state;
    struct line line = {.next = 1};
    struct host_thread *producers[2] = {0}, *consumers[2] = {0};
    assert_int_equal(host_queue_open(MAX_WAITING, &line.queue, NULL), LX_OK);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(host_thread_start(consume, &line, &consumers[i], NULL), LX_OK);
        assert_int_equal(host_thread_start(produce, &line, &producers[i], NULL), LX_OK);
    }
    for (int i = 0; i < 2; i++) host_thread_join(producers[i]);
    host_queue_close(line.queue);
    for (int i = 0; i < 2; i++) host_thread_join(consumers[i]);
    host_queue_release(line.queue);
    assert_int_equal(atomic_load(&line.count), PRODUCED);
    assert_int_equal(atomic_load(&line.sum), (int64_t)PRODUCED * (PRODUCED + 1) / 2);
}

static void put_until_refused(void *context)
{
    struct line *line = context;
    int item;
    while (host_queue_put(line->queue, &item)) atomic_fetch_add(&line->count, 1);
}

static void test_put_waits_while_the_queue_is_full_and_close_wakes_it(void **state)
{
    (void)state;
    struct line line = {0};
    struct host_thread *thread = NULL;
    void *item;
    assert_int_equal(host_queue_open(MAX_WAITING, &line.queue, NULL), LX_OK);
    assert_int_equal(host_thread_start(put_until_refused, &line, &thread, NULL), LX_OK);
    for (int i = 0; i < 10; i++) assert_true(host_queue_get(line.queue, &item));
    host_queue_close(line.queue);
    host_thread_join(thread);
    int64_t left = 0;
    while (host_queue_get(line.queue, &item)) left++;
    assert_in_range(left, 0, MAX_WAITING);
    assert_int_equal(atomic_load(&line.count), 10 + left);
    host_queue_release(line.queue);
    host_thread_join(NULL);
}

static void test_short_memory_is_an_error(void **state)
{
    (void)state;
    struct host_queue *queue = NULL;
    struct host_thread *thread = NULL;
    lx_alloc_fail_at(1);
    assert_int_equal(host_queue_open(3, &queue, NULL), LX_ERR_NO_MEMORY);
    lx_alloc_fail_at(1);
    assert_int_equal(host_thread_start(consume, NULL, &thread, NULL), LX_ERR_NO_MEMORY);
    lx_alloc_fail_at(0);
    assert_null(queue);
    assert_null(thread);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_result_is_the_same_for_any_number_of_threads),
        cmocka_unit_test(test_no_items_and_few_items_are_done),
        cmocka_unit_test(test_a_queue_gives_back_in_order),
        cmocka_unit_test(test_a_closed_queue_refuses_puts_and_drains),
        cmocka_unit_test(test_many_hands_lose_nothing),
        cmocka_unit_test(test_put_waits_while_the_queue_is_full_and_close_wakes_it),
        cmocka_unit_test(test_short_memory_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
