/*
 * Goal:   passwords are verified elsewhere, each job once; more than the queue holds are sent away;
 *         no password stays in memory.
 * Method: a flood of jobs from one thread; what each one says is held against what was asked.
 */
#include "clockwork.h"

#include <stdatomic.h>

#include "auth/hasher.h"

static atomic_int done_count;

static void count_done(struct hasher_job *job)
{
    atomic_fetch_add((atomic_int *)job->context, 1);
    atomic_fetch_add(&done_count, 1);
}

static void test_every_job_that_was_taken_is_done_once(void **state)
{
    enum { JOBS = HASHER_THREADS + HASHER_WAITING + 20 };
    static struct hasher_job jobs[JOBS];
    static atomic_int done[JOBS];
    struct clockwork clockwork = {1, lx_rng_of(1, 1)};
    const struct lx_env env = clockwork_env(&clockwork);
    struct hasher *hasher = NULL;
    struct lx_error err;
    char hash[PASSWORD_TEXT_SIZE];
    int taken[JOBS] = {0}, taken_count = 0;
    MUST(password_hash(&env, "the right password", hash, &err));
    MUST(hasher_open(&hasher, &err));
    for (int i = 0; i < JOBS; i++) {
        snprintf(jobs[i].hash, sizeof jobs[i].hash, "%s", i % 3 == 2 ? password_of_nobody() : hash);
        snprintf(jobs[i].password, sizeof jobs[i].password, "%s",
                 i % 3 == 0 ? "the right password" : "a wrong password");
        jobs[i].done = count_done;
        jobs[i].context = &done[i];
        enum lx_err code = hasher_submit(hasher, &jobs[i], &err);
        if (code != LX_OK) assert_int_equal(code, LX_ERR_BUSY);
        taken[i] = code == LX_OK;
        taken_count += taken[i];
    }
    assert_true(taken_count >= HASHER_THREADS + HASHER_WAITING && taken_count < JOBS);
    hasher_close(hasher);
    assert_int_equal(atomic_load(&done_count), taken_count);
    for (int i = 0; i < JOBS; i++) {
        assert_int_equal(atomic_load(&done[i]), taken[i]);
        if (!taken[i]) continue;
        assert_int_equal(jobs[i].code, LX_OK);
        assert_int_equal(jobs[i].is_right, i % 3 == 0);
        for (size_t j = 0; j < sizeof jobs[i].password; j++)
            assert_int_equal(jobs[i].password[j], 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_job_that_was_taken_is_done_once),
    };
    return cmocka_run_group_tests_name("hasher", tests, NULL, NULL);
}
