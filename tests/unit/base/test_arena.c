/*
 * Goal:   what the arena hands out is zeroed, aligned, distinct and stays where it is; the maximum
 *         holds; a second request of the same sizes asks the system for nothing.
 * Method: small cases, then seeded runs in which every byte handed out carries its owner's number
 *         and is read back at the end; lx_arena_check after each step; every allocation failed
 *         once.
 */
#include "cmocka_all.h"

#include <string.h>

#include "base/arena.h"
#include "base/rng.h"

static void test_memory_is_zeroed_aligned_and_valid_even_for_nothing(void **state)
{
    (void)state;
    struct lx_arena arena;
    lx_arena_init(&arena, 1 << 20);
    for (size_t size = 0; size < 100; size++) {
        unsigned char *memory = lx_arena_alloc(&arena, size);
        assert_non_null(memory);
        assert_int_equal((uintptr_t)memory % 16, 0);
        for (size_t i = 0; i < size; i++) assert_int_equal(memory[i], 0);
        if (size > 0) memset(memory, 0xAA, size);
        lx_arena_check(&arena);
    }
    lx_arena_clear(&arena);
    unsigned char *again = lx_arena_alloc(&arena, 64);
    for (size_t i = 0; i < 64; i++) assert_int_equal(again[i], 0);
    lx_arena_release(&arena);
}

static void test_the_maximum_is_never_passed(void **state)
{
    (void)state;
    struct lx_arena arena;
    lx_arena_init(&arena, 10000);
    assert_null(lx_arena_alloc(&arena, 10001));
    assert_null(lx_arena_alloc(&arena, SIZE_MAX));
    assert_null(lx_arena_array(&arena, SIZE_MAX / 2, 3));
    assert_null(lx_arena_strndup(&arena, "x", SIZE_MAX));
    size_t count = 0;
    while (lx_arena_alloc(&arena, 100) != NULL) {
        count++;
        lx_arena_check(&arena);
    }
    /* 100 bytes take 112; a block's last piece may be lost. */
    assert_in_range(count, 8000 / 112, 10000 / 112);
    lx_arena_release(&arena);
    lx_arena_check(&arena);
}

static void test_the_whole_maximum_can_be_had_at_once(void **state)
{
    (void)state;
    struct lx_arena arena;
    lx_arena_init(&arena, 1 << 16);
    assert_non_null(lx_arena_alloc(&arena, 16));
    lx_arena_clear(&arena);
    /* The kept block is too small and must make way. */
    assert_non_null(lx_arena_alloc(&arena, (1 << 16) - 4096));
    lx_arena_check(&arena);
    lx_arena_release(&arena);
    assert_non_null(lx_arena_alloc(&arena, 1 << 16));
    lx_arena_release(&arena);
}

static void test_texts_are_copied_and_formatted(void **state)
{
    (void)state;
    struct lx_arena arena;
    lx_arena_init(&arena, 1 << 16);
    assert_string_equal(lx_arena_strndup(&arena, "customer", 4), "cust");
    assert_string_equal(lx_arena_strndup(&arena, "", 0), "");
    assert_string_equal(lx_arena_printf(&arena, "%s has %d", "张三", 3), "张三 has 3");
    int64_t *numbers = lx_arena_array(&arena, 10, sizeof *numbers);
    assert_int_equal(numbers[9], 0);
    lx_arena_release(&arena);
}

static void test_a_text_ends_whatever_comes_after_it(void **state)
{
    (void)state;
    struct lx_arena arena;
    lx_arena_init(&arena, 1 << 20);
    static const char text[] = "0123456789012345678901234567890123456789";
    for (int length = 0; length < 40; length++) {
        char *copy = lx_arena_strndup(&arena, text, (size_t)length);
        memset(lx_arena_alloc(&arena, 16), 0xAA, 16);
        char *formatted = lx_arena_printf(&arena, "%.*s", length, text);
        memset(lx_arena_alloc(&arena, 16), 0xAA, 16);
        assert_int_equal(strlen(copy), length);
        assert_int_equal(strlen(formatted), length);
    }
    lx_arena_release(&arena);
}

static void test_a_second_request_takes_nothing_from_the_system(void **state)
{
    (void)state;
    struct lx_arena arena;
    lx_arena_init(&arena, 1 << 24);
    for (int request = 0; request < 3; request++) {
        struct lx_rng rng = lx_rng_of(5, 5);
        lx_alloc_fail_at(UINT64_MAX);
        for (int i = 0; i < 1000; i++)
            assert_non_null(lx_arena_alloc(&arena, lx_rng_below(&rng, 3000)));
        uint64_t asked = lx_alloc_count();
        lx_alloc_fail_at(0);
        if (request > 0) assert_int_equal(asked, 0);
        lx_arena_check(&arena);
        lx_arena_clear(&arena);
        lx_arena_check(&arena);
    }
    lx_arena_release(&arena);
}

enum { PIECES = 200 };

static void property_pieces_never_overlap(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 50; seed++) {
        struct lx_rng rng = lx_rng_of(seed, 0);
        struct lx_arena arena;
        lx_arena_init(&arena, 1 << 20);
        for (int request = 0; request < 4; request++) {
            unsigned char *pieces[PIECES];
            size_t sizes[PIECES], count = lx_rng_below(&rng, PIECES);
            size_t scale = (size_t)1 << lx_rng_below(&rng, 12);
            for (size_t i = 0; i < count; i++) {
                sizes[i] = lx_rng_below(&rng, scale);
                pieces[i] = lx_arena_alloc(&arena, sizes[i]);
                if (pieces[i] != NULL) memset(pieces[i], (int)(i + 1), sizes[i]);
                lx_arena_check(&arena);
            }
            for (size_t i = 0; i < count; i++)
                for (size_t j = 0; pieces[i] != NULL && j < sizes[i]; j++)
                    if (pieces[i][j] != i + 1) fail_msg("seed %d: piece %zu", (int)seed, i);
            lx_arena_clear(&arena);
        }
        lx_arena_release(&arena);
    }
}

static void test_a_failed_allocation_leaves_the_arena_whole(void **state)
{
    (void)state;
    for (uint64_t chosen = 1;; chosen++) {
        struct lx_arena arena;
        lx_arena_init(&arena, 1 << 20);
        lx_alloc_fail_at(chosen);
        size_t failures = 0;
        for (int i = 0; i < 100; i++) {
            failures += lx_arena_alloc(&arena, 1000) == NULL;
            lx_arena_check(&arena);
        }
        bool was_reached = lx_alloc_count() >= chosen;
        lx_alloc_fail_at(0);
        assert_int_equal(failures, was_reached);
        lx_arena_release(&arena);
        if (!was_reached) break;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_memory_is_zeroed_aligned_and_valid_even_for_nothing),
        cmocka_unit_test(test_the_maximum_is_never_passed),
        cmocka_unit_test(test_the_whole_maximum_can_be_had_at_once),
        cmocka_unit_test(test_texts_are_copied_and_formatted),
        cmocka_unit_test(test_a_text_ends_whatever_comes_after_it),
        cmocka_unit_test(test_a_second_request_takes_nothing_from_the_system),
        cmocka_unit_test(property_pieces_never_overlap),
        cmocka_unit_test(test_a_failed_allocation_leaves_the_arena_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
