/*
 * Goal:   every distinct key gets the next number and keeps it; what was not added is not found;
 *         failures change nothing.
 * Method: small cases with keys that differ where a careless hash or comparison would not look,
 *         then seeded runs beside a list that is searched from its beginning.
 */
#include "cmocka_all.h"

#include <stdio.h>
#include <string.h>

#include "base/dictionary.h"
#include "base/rng.h"

static void assert_number(struct lx_dictionary *dictionary, const char *key, size_t length,
                          int64_t number)
{
    int64_t found = lx_dictionary_find(dictionary, key, length);
    if (found != number) fail_msg("%.*s: %d, want %d", (int)length, key, (int)found, (int)number);
    if (number < 0) return;
    size_t text_length;
    const char *text = lx_dictionary_text(dictionary, (uint32_t)number, &text_length);
    assert_int_equal(text_length, length);
    assert_memory_equal(text, key, length);
    assert_int_equal(text[length], '\0');
}

static void test_keys_are_numbered_in_the_order_of_their_first_appearance(void **state)
{
    (void)state;
    static const struct {
        const char *key;
        size_t length;
        uint32_t number;
    } rows[] = {{"savings", 7, 0}, {"wealth", 6, 1},   {"savings", 7, 0}, {"", 0, 2},
                {"a\0b", 3, 3},    {"a\0c", 3, 4},     {"a", 1, 5},       {"", 0, 2},
                {"saving", 6, 6},  {"savings\0", 8, 7}};
    struct lx_dictionary dictionary;
    lx_dictionary_init(&dictionary, 100);
    assert_number(&dictionary, "savings", 7, LX_DICTIONARY_NONE);
    uint32_t next = 0;
    for (size_t i = 0; i < LX_COUNT_OF(rows); i++) {
        uint32_t number = UINT32_MAX;
        bool is_new;
        assert_int_equal(
            lx_dictionary_add(&dictionary, rows[i].key, rows[i].length, &number, &is_new), LX_OK);
        assert_int_equal(number, rows[i].number);
        assert_int_equal(is_new, number == next);
        next += is_new;
    }
    for (size_t i = 0; i < LX_COUNT_OF(rows); i++)
        assert_number(&dictionary, rows[i].key, rows[i].length, rows[i].number);
    assert_number(&dictionary, "b", 1, LX_DICTIONARY_NONE);
    assert_int_equal(dictionary.count, 8);
    lx_dictionary_release(&dictionary);
}

static void test_the_maximum_refuses_new_keys_and_finds_old_ones(void **state)
{
    (void)state;
    struct lx_dictionary dictionary;
    lx_dictionary_init(&dictionary, 2);
    uint32_t number = 9;
    bool is_new = false;
    assert_int_equal(lx_dictionary_add(&dictionary, "a", 1, &number, NULL), LX_OK);
    assert_int_equal(lx_dictionary_add(&dictionary, "b", 1, &number, NULL), LX_OK);
    number = 9;
    assert_int_equal(lx_dictionary_add(&dictionary, "c", 1, &number, &is_new), LX_ERR_LIMIT);
    assert_int_equal(number, 9);
    assert_false(is_new);
    assert_int_equal(lx_dictionary_add(&dictionary, "a", 1, &number, &is_new), LX_OK);
    assert_int_equal(number, 0);
    lx_dictionary_release(&dictionary);
}

enum { KEYS = 400 };

/* Short keys over a small alphabet meet often; long ones end in the eight bytes at a time. */
static size_t random_key(struct lx_rng *rng, char key[40])
{
    size_t length = lx_rng_chance(rng, 0.5) ? lx_rng_below(rng, 3) : lx_rng_below(rng, 40);
    for (size_t i = 0; i < length; i++) key[i] = (char)('a' + lx_rng_below(rng, 3));
    if (length > 4) memset(key, 'x', length - 4);
    return length;
}

static void property_a_dictionary_is_a_list_without_repeats(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 40; seed++) {
        struct lx_rng rng = lx_rng_of(seed, 3);
        struct lx_dictionary dictionary;
        lx_dictionary_init(&dictionary, KEYS);
        static char keys[KEYS][40];
        size_t lengths[KEYS], count = 0;
        for (int step = 0; step < KEYS; step++) {
            char key[40];
            size_t length = random_key(&rng, key), model = 0;
            while (model < count &&
                   (lengths[model] != length || memcmp(keys[model], key, length) != 0))
                model++;
            int64_t found = lx_dictionary_find(&dictionary, key, length);
            uint32_t number;
            bool is_new;
            assert_int_equal(lx_dictionary_add(&dictionary, key, length, &number, &is_new), LX_OK);
            bool is_right = number == model && is_new == (model == count) &&
                            found == (is_new ? LX_DICTIONARY_NONE : (int64_t)model);
            if (!is_right) fail_msg("seed %d step %d: number %u", (int)seed, step, number);
            if (!is_new) continue;
            memcpy(keys[count], key, length);
            lengths[count++] = length;
        }
        for (size_t i = 0; i < count; i++)
            assert_number(&dictionary, keys[i], lengths[i], (int64_t)i);
        lx_dictionary_release(&dictionary);
    }
}

static void test_a_hundred_thousand_ids_are_all_found(void **state)
{
    (void)state;
    struct lx_dictionary dictionary;
    lx_dictionary_init(&dictionary, 100000);
    char key[40];
    for (uint32_t i = 0; i < 100000; i++) {
        uint32_t number;
        int length = snprintf(key, sizeof key, "6217%012u", i * 7);
        assert_int_equal(lx_dictionary_add(&dictionary, key, (size_t)length, &number, NULL), LX_OK);
        assert_int_equal(number, i);
    }
    for (uint32_t i = 0; i < 700000; i++) {
        int length = snprintf(key, sizeof key, "6217%012u", i);
        int64_t want = i % 7 == 0 ? (int64_t)(i / 7) : LX_DICTIONARY_NONE;
        assert_int_equal(lx_dictionary_find(&dictionary, key, (size_t)length), want);
    }
    lx_dictionary_release(&dictionary);
}

static void test_short_memory_changes_nothing(void **state)
{
    (void)state;
    for (uint64_t chosen = 1;; chosen++) {
        struct lx_dictionary dictionary;
        lx_dictionary_init(&dictionary, 1000);
        lx_alloc_fail_at(chosen);
        bool was_reached = false;
        for (uint32_t i = 0; i < 300; i++) {
            char key[8];
            int length = snprintf(key, sizeof key, "%u", i);
            uint32_t number = UINT32_MAX;
            enum lx_err code = lx_dictionary_add(&dictionary, key, (size_t)length, &number, NULL);
            if (code != LX_OK) {
                assert_int_equal(code, LX_ERR_NO_MEMORY);
                assert_false(was_reached);
                assert_int_equal(number, UINT32_MAX);
                assert_int_equal(dictionary.count, i);
                assert_number(&dictionary, key, (size_t)length, LX_DICTIONARY_NONE);
                was_reached = true;
                code = lx_dictionary_add(&dictionary, key, (size_t)length, &number, NULL);
            }
            assert_int_equal(code, LX_OK);
            assert_int_equal(number, i);
        }
        lx_alloc_fail_at(0);
        lx_dictionary_release(&dictionary);
        if (!was_reached) break;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys_are_numbered_in_the_order_of_their_first_appearance),
        cmocka_unit_test(test_the_maximum_refuses_new_keys_and_finds_old_ones),
        cmocka_unit_test(property_a_dictionary_is_a_list_without_repeats),
        cmocka_unit_test(test_a_hundred_thousand_ids_are_all_found),
        cmocka_unit_test(test_short_memory_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
