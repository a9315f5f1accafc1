#ifndef TESTS_ARM64_CMOCKA_H
#define TESTS_ARM64_CMOCKA_H

/* What a unit test without fixtures needs of cmocka, for a processor that Debian's library is not
 * installed for. A failure prints and ends the program. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

struct CMUnitTest {
    const char *name;
    void (*run)(void **state);
};

#define cmocka_unit_test(test)                                                                     \
    {                                                                                              \
#test, test                                                                                \
    }
#define print_message(...) printf(__VA_ARGS__)
#define fail_msg(...) (fprintf(stderr, __VA_ARGS__), fprintf(stderr, "\n"), exit(1))
#define assert_true(condition) ((condition) ? (void)0 : fail_msg("not true: %s", #condition))
#define assert_ptr_equal(a, b) assert_true((const void *)(a) == (const void *)(b))
#define assert_int_not_equal(a, b) assert_true((a) != (b))
#define cmocka_run_group_tests_name(group, tests, set_up, tear_down)                               \
    run_tests(group, tests, sizeof tests / sizeof *tests)

static inline int run_tests(const char *group, const struct CMUnitTest *tests, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        void *state = NULL;
        tests[i].run(&state);
        printf("%s: %s\n", group, tests[i].name);
    }
    return 0;
}

#endif
