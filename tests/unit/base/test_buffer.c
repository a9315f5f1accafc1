/*
 * Goal:   a buffer holds exactly what was appended, always ends in a NUL, never passes its maximum,
 *         and a failure changes nothing and is remembered until clear.
 * Method: small cases, then seeded appends of every kind beside a plain array that is the model;
 *         every allocation failed once.
 */
#include "cmocka_all.h"

#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "base/rng.h"

static void test_an_empty_buffer_is_an_empty_text(void **state)
{
    (void)state;
    struct lx_buffer buffer;
    lx_buffer_init(&buffer, 100);
    assert_string_equal(lx_buffer_text(&buffer), "");
    assert_int_equal(lx_buffer_error(&buffer), LX_OK);
    lx_buffer_append(&buffer, NULL, 0);
    assert_string_equal(lx_buffer_text(&buffer), "");
    lx_buffer_release(&buffer);
    lx_buffer_release(&buffer);
}

static void test_the_maximum_counts_bytes_without_the_nul(void **state)
{
    (void)state;
    struct lx_buffer buffer;
    lx_buffer_init(&buffer, 5);
    lx_buffer_append_text(&buffer, "abcde");
    assert_int_equal(lx_buffer_error(&buffer), LX_OK);
    lx_buffer_append_byte(&buffer, 'f');
    assert_int_equal(lx_buffer_error(&buffer), LX_ERR_LIMIT);
    assert_string_equal(lx_buffer_text(&buffer), "abcde");
    assert_null(lx_buffer_take(&buffer, NULL));
    lx_buffer_clear(&buffer);
    lx_buffer_append_text(&buffer, "xy");
    assert_int_equal(lx_buffer_error(&buffer), LX_OK);
    assert_string_equal(lx_buffer_text(&buffer), "xy");
    lx_buffer_release(&buffer);
}

static void test_nothing_is_added_after_the_first_failure(void **state)
{
    (void)state;
    struct lx_buffer buffer;
    lx_buffer_init(&buffer, 4);
    lx_buffer_append_text(&buffer, "abc");
    lx_buffer_append_text(&buffer, "too much");
    lx_buffer_append_text(&buffer, "d");
    lx_buffer_printf(&buffer, "%d", 1);
    assert_null(lx_buffer_reserve(&buffer, 0));
    assert_string_equal(lx_buffer_text(&buffer), "abc");
    assert_int_equal(lx_buffer_error(&buffer), LX_ERR_LIMIT);
    lx_buffer_release(&buffer);
}

static void test_take_moves_the_bytes_and_leaves_an_empty_buffer(void **state)
{
    (void)state;
    struct lx_buffer buffer;
    lx_buffer_init(&buffer, 100);
    lx_buffer_append(&buffer, "a\0b", 3);
    size_t length;
    char *bytes = lx_buffer_take(&buffer, &length);
    assert_int_equal(length, 3);
    assert_memory_equal(bytes, "a\0b", 4);
    lx_free(bytes);
    assert_int_equal(buffer.length, 0);
    char *nothing = lx_buffer_take(&buffer, &length);
    assert_non_null(nothing);
    assert_string_equal(nothing, "");
    assert_int_equal(length, 0);
    lx_free(nothing);
}

enum { MODEL_MAX = 3000 };

struct model {
    char bytes[MODEL_MAX];
    size_t length, max;
    bool is_failed;
};

static void model_append(struct model *model, const char *bytes, size_t length)
{
    if (model->is_failed || length > model->max - model->length) {
        model->is_failed = true;
        return;
    }
    memcpy(model->bytes + model->length, bytes, length);
    model->length += length;
}

static void append_somehow(struct lx_buffer *buffer, struct model *model, struct lx_rng *rng)
{
    char text[300];
    size_t length = lx_rng_below(rng, sizeof text);
    for (size_t i = 0; i < length; i++) text[i] = (char)('a' + lx_rng_below(rng, 26));
    text[length] = '\0';
    switch (lx_rng_below(rng, 5)) {
    case 0: lx_buffer_append(buffer, text, length); break;
    case 1: lx_buffer_append_text(buffer, text); break;
    case 2: lx_buffer_printf(buffer, "%s", text); break;
    case 3:
        length = 1;
        lx_buffer_append_byte(buffer, text[0]);
        break;
    default: {
        char *room = lx_buffer_reserve(buffer, length);
        if (room == NULL) break;
        memcpy(room, text, length);
        lx_buffer_advance(buffer, length);
    }
    }
    model_append(model, text, length);
}

static void property_a_buffer_is_what_was_appended(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 500; seed++) {
        struct lx_rng rng = lx_rng_of(seed, 2);
        struct model model = {.max = 1 + lx_rng_below(&rng, MODEL_MAX)};
        struct lx_buffer buffer;
        lx_buffer_init(&buffer, model.max);
        for (int i = 0; i < 20; i++) {
            append_somehow(&buffer, &model, &rng);
            const char *text = lx_buffer_text(&buffer);
            bool is_same = buffer.length == model.length && text[buffer.length] == '\0' &&
                           memcmp(text, model.bytes, model.length) == 0;
            bool is_failed = lx_buffer_error(&buffer) == LX_ERR_LIMIT;
            if (!is_same || is_failed != model.is_failed)
                fail_msg("seed %d step %d: %zu bytes, want %zu", (int)seed, i, buffer.length,
                         model.length);
        }
        lx_buffer_release(&buffer);
    }
}

static void test_memory_that_is_short_is_a_failure_that_changes_nothing(void **state)
{
    (void)state;
    for (uint64_t chosen = 1;; chosen++) {
        struct lx_buffer buffer;
        lx_buffer_init(&buffer, 1 << 20);
        lx_alloc_fail_at(chosen);
        size_t written = 0;
        for (int i = 0; i < 1000 && lx_buffer_error(&buffer) == LX_OK; i++) {
            written = buffer.length;
            lx_buffer_printf(&buffer, "%05d", i);
        }
        bool was_reached = lx_alloc_count() >= chosen;
        lx_alloc_fail_at(0);
        assert_int_equal(lx_buffer_error(&buffer), was_reached ? LX_ERR_NO_MEMORY : LX_OK);
        assert_int_equal(buffer.length, was_reached ? written : 5000);
        assert_int_equal(lx_buffer_text(&buffer)[buffer.length], '\0');
        lx_buffer_release(&buffer);
        if (!was_reached) break;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_empty_buffer_is_an_empty_text),
        cmocka_unit_test(test_the_maximum_counts_bytes_without_the_nul),
        cmocka_unit_test(test_nothing_is_added_after_the_first_failure),
        cmocka_unit_test(test_take_moves_the_bytes_and_leaves_an_empty_buffer),
        cmocka_unit_test(property_a_buffer_is_what_was_appended),
        cmocka_unit_test(test_memory_that_is_short_is_a_failure_that_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
