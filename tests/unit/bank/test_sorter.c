/*
 * Goal:   records come back in the order of their keys, equal keys in the order of their arrival,
 *         whatever the memory, the number of threads and the order in which they were put.
 * Method: random records against a stable sort of an array; disks that fill up; the folder
 *         afterwards.
 */
#include "tests/cmocka_all.h"

#include <errno.h>
#include <inttypes.h>

#include "bank/sorter.h"
#include "base/rng.h"
#include "tests/scratch.h"

struct record {
    struct sorter_key key;
    uint64_t arrival;
};

static char folder[LX_PATH_MAX], path[LX_PATH_MAX];
static struct lx_error err;

static int setup(void **state)
{
    scratch_make(folder);
    MUST(host_join(path, folder, "sort-", &err));
    return 0;
}

static int teardown(void **state)
{
    host_fault_after(0, 0);
    lx_alloc_fail_at(0);
    scratch_remove(folder);
    return 0;
}

static int compare(const void *a, const void *b)
{
    const struct record *left = a, *right = b;
    if (left->key.customer != right->key.customer)
        return left->key.customer < right->key.customer ? -1 : 1;
    if (left->key.at_ms != right->key.at_ms) return left->key.at_ms < right->key.at_ms ? -1 : 1;
    if (left->key.sequence != right->key.sequence)
        return left->key.sequence < right->key.sequence ? -1 : 1;
    return left->arrival < right->arrival ? -1 : 1;
}

enum shape { SHAPE_RANDOM, SHAPE_SORTED, SHAPE_BACKWARDS, SHAPE_ONE_CUSTOMER, SHAPE_WIDE };

static struct sorter_key key_of(enum shape shape, struct lx_rng *rng, uint64_t i, uint64_t count)
{
    int64_t at = (int64_t)lx_rng_below(rng, 50) - 25;
    uint32_t sequence = (uint32_t)lx_rng_below(rng, 3);
    switch (shape) {
    case SHAPE_RANDOM: break;
    case SHAPE_SORTED: return (struct sorter_key){0, (uint32_t)i, 0};
    case SHAPE_BACKWARDS: return (struct sorter_key){0, (uint32_t)(count - i), 0};
    case SHAPE_ONE_CUSTOMER: return (struct sorter_key){at, 7, sequence};
    case SHAPE_WIDE:
        if (i % 3 == 0) at = i % 2 == 0 ? INT64_MIN : INT64_MAX;
        return (struct sorter_key){at, (uint32_t)lx_rng_next(rng), UINT32_MAX};
    }
    return (struct sorter_key){at, (uint32_t)lx_rng_below(rng, 200), sequence};
}

static enum lx_err put(struct sorter *sorter, const struct record *record)
{
    void *room = NULL;
    enum lx_err code = sorter_put(sorter, &record->key, &room, &err);
    if (code == LX_OK) memcpy(room, record, sizeof *record);
    return code;
}

static void run(enum shape shape, uint64_t count, size_t memory_bytes, int threads)
{
    struct record *model = lx_calloc(count + 1, sizeof *model);
    struct lx_rng rng = lx_rng_of(count, (uint64_t)shape);
    struct sorter sorter;
    sorter_init(&sorter, path, sizeof(struct record), memory_bytes, threads);
    for (uint64_t i = 0; i < count; i++) {
        model[i] = (struct record){key_of(shape, &rng, i, count), i};
        MUST(put(&sorter, &model[i]));
    }
    MUST(sorter_finish(&sorter, &err));
    qsort(model, count, sizeof *model, compare);
    for (uint64_t i = 0; i <= count; i++) {
        const void *record = NULL;
        MUST(sorter_next(&sorter, &record, &err));
        if (i == count && record != NULL) fail_msg("more than %" PRIu64 " records", count);
        if (i < count && (record == NULL || memcmp(record, &model[i], sizeof model[i]) != 0))
            fail_msg("shape %d, %" PRIu64 " records, %zu bytes, %d threads: place %" PRIu64,
                     (int)shape, count, memory_bytes, threads, i);
    }
    sorter_release(&sorter);
    lx_free(model);
}

static void test_records_come_back_in_order(void **state)
{
    static const uint64_t counts[] = {0, 1, 2, 3, 17, 1000, 30000};
    static const size_t memories[] = {1, 200, 28 * 1000, 1 << 20};
    for (int shape = SHAPE_RANDOM; shape <= SHAPE_WIDE; shape++)
        for (size_t c = 0; c < LX_COUNT_OF(counts); c++)
            for (size_t m = 0; m < LX_COUNT_OF(memories); m++)
                if (counts[c] * sizeof(struct record) / memories[m] < 2000)
                    run((enum shape)shape, counts[c], memories[m], 1 + (int)(m % 3));
}

static void test_temporary_files_have_no_names(void **state)
{
    struct sorter sorter;
    struct host_names names = {0};
    sorter_init(&sorter, path, sizeof(struct record), 1000, 1);
    for (uint64_t i = 0; i < 500; i++)
        MUST(put(&sorter, &(struct record){{0, (uint32_t)(500 - i), 0}, i}));
    assert_true(sorter.run_count > 5);
    MUST(host_list(folder, &names, &err));
    assert_int_equal(names.count, 0);
    host_names_release(&names);
    sorter_release(&sorter);
}

/* One of puts and finish fails, or all is well. */
static enum lx_err try_once(void)
{
    struct sorter sorter;
    enum lx_err code = LX_OK;
    sorter_init(&sorter, path, sizeof(struct record), 1000, 1);
    for (uint64_t i = 0; i < 200 && code == LX_OK; i++)
        code = put(&sorter, &(struct record){{0, (uint32_t)(500 - i), 0}, i});
    if (code == LX_OK) code = sorter_finish(&sorter, &err);
    const void *record = NULL;
    for (uint64_t i = 0; i < 200 && code == LX_OK; i++) code = sorter_next(&sorter, &record, &err);
    if (code == LX_OK) assert_int_equal(((const struct record *)record)->arrival, 0);
    sorter_release(&sorter);
    return code;
}

static void test_a_full_disk_is_told(void **state)
{
    uint64_t writes = 0;
    for (;; writes++) {
        host_fault_after(writes, ENOSPC);
        enum lx_err code = try_once();
        host_fault_after(0, 0);
        if (code == LX_OK) break;
        assert_int_equal(code, LX_ERR_DISK_FULL);
        assert_non_null(strstr(err.text, "sort-"));
    }
    assert_true(writes >= 5);
}

static void test_every_allocation_may_fail(void **state)
{
    for (uint64_t n = 1;; n++) {
        lx_alloc_fail_at(n);
        enum lx_err code = try_once();
        bool is_over = lx_alloc_count() < n;
        lx_alloc_fail_at(0);
        assert_int_equal(code, is_over ? LX_OK : LX_ERR_NO_MEMORY);
        if (is_over) break;
        assert_true(n < 1000);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(test_records_come_back_in_order),
        TEST(test_temporary_files_have_no_names),
        TEST(test_a_full_disk_is_told),
        TEST(test_every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
