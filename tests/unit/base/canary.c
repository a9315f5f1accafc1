/*
 * Goal:   the harness notices a failure.
 * Method: this test must fail. It is run inverted: tests/meson.build expects failure of it, and
 *         tests/system/test_canary.sh asks for its exit status and its `not ok`.
 */
#include "cmocka_all.h"

static void test_that_must_fail(void **state)
{
    (void)state;
    assert_int_equal(1, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_that_must_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
