/*
 * Goal:   no benchmark rots: each runs, finds its answers equal to its peer's, and reports figures
 *         that can be believed.
 * Method: every one of the table, small, on the real clock.
 */
#include "cmocka_all.h"

#include <math.h>
#include <string.h>

#include "bench/bench.h"
#include "host/env.h"

static const char *const names[] = {"score",  "attribution", "synth",    "expr",
                                    "rules",  "features",    "snapshot", "smote",
                                    "adasyn", "audit",       "rounds"};

static void test_every_benchmark_runs_and_measures(void **state)
{
    (void)state;
    struct lx_env env = host_env();
    env.thread_count = 1; /* XGBoost's threads spin where others want to compute */
    for (size_t i = 0; i < LX_COUNT_OF(names); i++) {
        struct bench_result result = {0};
        struct lx_error err = {0};
        assert_non_null(bench_find(names[i]));
        if (bench_run(names[i], 700, &env, &result, &err) != LX_OK)
            fail_msg("%s: %s", names[i], err.text);
        assert_string_equal(result.name, names[i]);
        assert_true(result.ours > 0 && result.peer > 0 && isfinite(result.ratio));
        assert_true(result.ratio > 0 && result.unit[0] != '\0');
        assert_true(result.ours_name[0] != '\0' && result.peer_name[0] != '\0');
        assert_true(result.figure_count <= BENCH_FIGURES_MAX);
        for (size_t k = 0; k < result.figure_count; k++)
            if (!(result.figures[k].value > 0) || !isfinite(result.figures[k].value))
                fail_msg("%s: %s is %g", names[i], result.figures[k].name, result.figures[k].value);
    }
}

static void test_a_benchmark_that_is_not_there_is_named_beside_those_that_are(void **state)
{
    (void)state;
    struct lx_env env = host_env();
    struct bench_result result = {0};
    struct lx_error err = {0};
    assert_null(bench_find("scores"));
    assert_int_equal(bench_run("scores", 0, &env, &result, &err), LX_ERR_NOT_FOUND);
    for (size_t i = 0; i < bench_count(); i++) assert_non_null(strstr(err.text, bench_at(i)->name));
    assert_int_equal(bench_run("score", UINT64_MAX, &env, &result, &err), LX_ERR_LIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_benchmark_runs_and_measures),
        cmocka_unit_test(test_a_benchmark_that_is_not_there_is_named_beside_those_that_are),
    };
    return cmocka_run_group_tests_name("bench", tests, NULL, NULL);
}
