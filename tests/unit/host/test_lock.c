/*
 * Goal:   a data directory has one writer or any number of readers; who is refused learns the
 *         owner's pid; a lock ends with its process, however it ends.
 * Method: real processes: a child takes the lock and waits for a byte before it ends or is killed.
 */
#include "cmocka_all.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host/file.h"
#include "host/lock.h"

static int make_scratch(void **state)
{
    const char *parent = getenv("TMPDIR");
    char name[LX_PATH_MAX];
    snprintf(name, sizeof name, "%s/lingxi-test-XXXXXX", parent == NULL ? "/tmp" : parent);
    *state = mkdtemp(name) == NULL ? NULL : strdup(name);
    return *state == NULL ? -1 : 0;
}

static int remove_scratch(void **state)
{
    enum lx_err code = host_remove_tree(*state, NULL);
    free(*state);
    return code == LX_OK ? 0 : -1;
}

/* Another process that holds the folder's lock until it is told to end. */
struct holder {
    pid_t pid;
    int to_child;
};

static struct holder hold(const char *folder, bool is_exclusive)
{
    int down[2], up[2];
    assert_int_equal(pipe(down), 0);
    assert_int_equal(pipe(up), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        struct host_lock lock = {-1};
        char byte = host_lock_take(folder, is_exclusive, &lock, NULL) == LX_OK ? 'y' : 'n';
        close(down[1]);
        if (write(up[1], &byte, 1) != 1) _exit(1);
        _exit(read(down[0], &byte, 1) == 0 ? 0 : 1);
    }
    close(down[0]);
    close(up[1]);
    char byte = 0;
    assert_int_equal(read(up[0], &byte, 1), 1);
    close(up[0]);
    assert_int_equal(byte, 'y');
    return (struct holder){pid, down[1]};
}

static void end(struct holder holder, bool is_killed)
{
    if (is_killed) kill(holder.pid, SIGKILL);
    close(holder.to_child);
    int status;
    assert_int_equal(waitpid(holder.pid, &status, 0), holder.pid);
}

static void test_readers_share_and_a_writer_is_alone(void **state)
{
    for (int held = 0; held < 2; held++) {
        for (int wanted = 0; wanted < 2; wanted++) {
            struct holder holder = hold(*state, held);
            struct host_lock lock = {-1};
            struct lx_error err = {0};
            enum lx_err code = host_lock_take(*state, wanted, &lock, &err);
            enum lx_err want = held || wanted ? LX_ERR_BUSY : LX_OK;
            if (code != want) fail_msg("held %d, wanted %d: %s", held, wanted, err.text);
            assert_int_equal(lock.descriptor >= 0, want == LX_OK);
            host_lock_release(&lock);
            end(holder, false);
        }
    }
}

static void test_who_is_refused_learns_the_owners_pid(void **state)
{
    struct holder holder = hold(*state, true);
    struct host_lock lock = {-1};
    struct lx_error err = {0};
    assert_int_equal(host_lock_take(*state, true, &lock, &err), LX_ERR_BUSY);
    char want[LX_PATH_MAX + 60];
    snprintf(want, sizeof want, "%s is in use by process %d", (const char *)*state,
             (int)holder.pid);
    assert_string_equal(err.text, want);
    end(holder, false);
}

static void test_a_pid_that_is_gone_is_not_named(void **state)
{
    struct holder first = hold(*state, false);
    struct holder second = hold(*state, false);
    end(second, false);
    struct host_lock lock = {-1};
    struct lx_error err = {0};
    assert_int_equal(host_lock_take(*state, true, &lock, &err), LX_ERR_BUSY);
    char want[LX_PATH_MAX + 60];
    snprintf(want, sizeof want, "%s is in use by another process", (const char *)*state);
    assert_string_equal(err.text, want);
    end(first, false);
}

static void test_a_lock_ends_with_its_process_even_if_it_is_killed(void **state)
{
    for (int is_killed = 0; is_killed < 2; is_killed++) {
        end(hold(*state, true), is_killed);
        struct host_lock lock = {-1};
        assert_int_equal(host_lock_take(*state, true, &lock, NULL), LX_OK);
        host_lock_release(&lock);
        assert_int_equal(lock.descriptor, -1);
        host_lock_release(&lock);
    }
}

static void test_one_process_cannot_take_a_writers_lock_twice(void **state)
{
    struct host_lock first = {-1}, second = {-1};
    assert_int_equal(host_lock_take(*state, true, &first, NULL), LX_OK);
    assert_int_equal(host_lock_take(*state, true, &second, NULL), LX_ERR_BUSY);
    host_lock_release(&first);
    assert_int_equal(host_lock_take(*state, true, &second, NULL), LX_OK);
    host_lock_release(&second);
}

static void test_a_folder_that_is_missing_is_not_found(void **state)
{
    char missing[LX_PATH_MAX];
    struct host_lock lock = {-1};
    struct lx_error err = {0};
    assert_int_equal(host_join(missing, *state, "nowhere", NULL), LX_OK);
    assert_int_equal(host_lock_take(missing, true, &lock, &err), LX_ERR_NOT_FOUND);
    assert_non_null(strstr(err.text, "nowhere/owner.lock"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_scratch, remove_scratch)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_readers_share_and_a_writer_is_alone),
        TEST(test_who_is_refused_learns_the_owners_pid),
        TEST(test_a_pid_that_is_gone_is_not_named),
        TEST(test_a_lock_ends_with_its_process_even_if_it_is_killed),
        TEST(test_one_process_cannot_take_a_writers_lock_twice),
        TEST(test_a_folder_that_is_missing_is_not_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
