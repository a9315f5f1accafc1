/*
 * Goal:   a person who mistypes does not notice; whoever guesses waits longer and longer, and
 *         cannot make the table forget him or grow.
 * Method: a table of waits; a flood of other keys; random failures against a plain list.
 */
#include "cmocka_all.h"

#include <stdio.h>
#include <string.h>

#include "auth/throttle.h"
#include "base/rng.h"

static struct throttle *open_throttle(void)
{
    struct throttle *throttle = NULL;
    struct lx_error err;
    assert_int_equal(throttle_open(&throttle, &err), LX_OK);
    return throttle;
}

static void test_each_failure_past_the_free_ones_doubles_the_wait(void **state)
{
    struct throttle *throttle = open_throttle();
    int64_t now_ms = 1000000, want_ms = 1000;
    for (int failure = 1; failure <= 40; failure++) {
        throttle_failed(throttle, "li.na", now_ms);
        int64_t wait_ms = throttle_wait_ms(throttle, "li.na", now_ms);
        if (failure < THROTTLE_FREE) {
            assert_int_equal(wait_ms, 0);
            continue;
        }
        assert_int_equal(wait_ms, want_ms);
        assert_int_equal(throttle_wait_ms(throttle, "li.na", now_ms + wait_ms - 1), 1);
        assert_int_equal(throttle_wait_ms(throttle, "li.na", now_ms + wait_ms), 0);
        now_ms += wait_ms;
        if (want_ms < THROTTLE_WAIT_MAX_MS) want_ms *= 2;
        if (want_ms > THROTTLE_WAIT_MAX_MS) want_ms = THROTTLE_WAIT_MAX_MS;
    }
    assert_int_equal(throttle_wait_ms(throttle, "wang.wei", now_ms), 0);
    throttle_close(throttle);
}

static void test_a_success_or_an_hour_forgets(void **state)
{
    struct throttle *throttle = open_throttle();
    for (int i = 0; i < 10; i++) throttle_failed(throttle, "a", 5000);
    for (int i = 0; i < 10; i++) throttle_failed(throttle, "b", 5000);
    throttle_succeeded(throttle, "a");
    assert_int_equal(throttle_wait_ms(throttle, "a", 5000), 0);
    assert_true(throttle_wait_ms(throttle, "b", 5000) > 0);
    throttle_failed(throttle, "b", 5000 + THROTTLE_FORGET_MS);
    assert_int_equal(throttle_wait_ms(throttle, "b", 5000 + THROTTLE_FORGET_MS), 0);
    throttle_close(throttle);
}

static void test_a_flood_of_others_does_not_make_it_forget_who_is_guessed_at(void **state)
{
    struct throttle *throttle = open_throttle();
    char key[32];
    for (int i = 0; i < 8; i++) throttle_failed(throttle, "victim", 1000);
    for (int i = 0; i < 5 * THROTTLE_KEYS_MAX; i++) {
        snprintf(key, sizeof key, "10.%d.%d.%d", i >> 16, i >> 8 & 255, i & 255);
        throttle_failed(throttle, key, 2000 + i / 100);
    }
    assert_true(throttle_wait_ms(throttle, "victim", 2000) > 0);
    throttle_close(throttle);
}

static void test_keys_are_told_apart_as_far_as_they_count(void **state)
{
    struct throttle *throttle = open_throttle();
    char long_key[200];
    memset(long_key, 'x', sizeof long_key);
    long_key[sizeof long_key - 1] = 0;
    for (int i = 0; i < 6; i++) throttle_failed(throttle, long_key, 1000);
    assert_true(throttle_wait_ms(throttle, long_key, 1000) > 0);
    long_key[THROTTLE_KEY_MAX - 1] = 'y';
    assert_int_equal(throttle_wait_ms(throttle, long_key, 1000), 0);
    assert_int_equal(throttle_wait_ms(throttle, "x", 1000), 0);
    throttle_close(throttle);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_failure_past_the_free_ones_doubles_the_wait),
        cmocka_unit_test(test_a_success_or_an_hour_forgets),
        cmocka_unit_test(test_a_flood_of_others_does_not_make_it_forget_who_is_guessed_at),
        cmocka_unit_test(test_keys_are_told_apart_as_far_as_they_count),
    };
    return cmocka_run_group_tests_name("throttle", tests, NULL, NULL);
}
