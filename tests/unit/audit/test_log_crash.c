/*
 * Goal:   whatever interrupts the log, kill -9 or a full disk, the folder is that of the checkpoint
 *         before or after, every checkpoint that was told stays true, and the log goes on.
 * Method: a child appends and signs as fast as it can and tells each checkpoint through a pipe; it
 *         is killed at a random moment. Then the disk fills up after every possible number of
 *         writes.
 */
#include "audit_world.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

enum { KILLS = 25, TOLD_MAX = 4096 };

static struct lx_error err;

/* Runs in the child until it is killed. */
static _Noreturn void live(struct audit_world *world, uint64_t seed, int pipe_end)
{
    struct lx_rng rng = lx_rng_of(seed, 9);
    world->rng = lx_rng_of(seed, 10); /* another process draws other salts */
    world->journal = NULL;
    if (journal_open(world->folder, JOURNAL_APPEND, &world->journal, &err) != LX_OK) _exit(3);
    world->tags = journal_next_position(world->journal);
    while (true) {
        struct audit_checkpoint checkpoint;
        world_append(world, 1 + lx_rng_below(&rng, 400));
        if (world_try_sign(world, false, &checkpoint, &err) != LX_OK) _exit(4);
        if (write(pipe_end, &checkpoint, sizeof checkpoint) != (ssize_t)sizeof checkpoint) _exit(5);
    }
}

static size_t run_and_kill(struct audit_world *world, uint64_t seed,
                           struct audit_checkpoint told[TOLD_MAX])
{
    int ends[2], status = 0;
    struct lx_rng rng = lx_rng_of(seed, 11);
    size_t count = 0;
    assert_int_equal(pipe(ends), 0);
    fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        close(ends[0]);
        live(world, seed, ends[1]);
    }
    close(ends[1]);
    /* Every other child has told one checkpoint before its time runs, however slow the machine. */
    if (seed % 2 == 0 && read(ends[0], told, sizeof *told) == (ssize_t)sizeof *told) count = 1;
    usleep((useconds_t)(2000 + lx_rng_below(&rng, 80000)));
    kill(child, SIGKILL);
    waitpid(child, &status, 0);
    if (!WIFSIGNALED(status))
        fail_msg("seed %" PRIu64 ": the child ended with %d", seed, WEXITSTATUS(status));
    while (count < TOLD_MAX &&
           read(ends[0], &told[count], sizeof told[count]) == (ssize_t)sizeof told[count])
        count++;
    close(ends[0]);
    return count;
}

/* A checkpoint that was told is still the beginning of the log. */
static void must_be_kept(struct audit_world *world, const struct audit_checkpoint *told)
{
    struct audit_keys keys;
    struct audit_checkpoint found;
    struct lx_buffer text;
    char name[64], path[LX_PATH_MAX], newest[LX_PATH_MAX];
    lx_buffer_init(&text, AUDIT_NOTE_MAX);
    snprintf(name, sizeof name, "checkpoints/%" PRIu64, told->size);
    MUST(host_join(path, world->audit, name, &err));
    MUST(host_join(newest, world->audit, "checkpoint", &err));
    if (!host_exists(path)) memcpy(path, newest, sizeof path); /* killed between the two */
    MUST(audit_keys_read(world->public_path, &keys, &err));
    read_whole(path, &text);
    MUST(
        audit_checkpoint_open(path, lx_buffer_text(&text), text.length, &keys, &found, NULL, &err));
    assert_int_equal(found.size, told->size);
    assert_true(merkle_is_same(&found.root, &told->root));
    lx_buffer_release(&text);
}

static void test_kill_9_at_any_moment_leaves_a_log_that_verifies(void **state)
{
    (void)state;
    static struct audit_checkpoint told[TOLD_MAX];
    struct audit_world world;
    struct audit_verdict verdict;
    size_t steps = 0;
    world_init(&world, 21);
    world_append(&world, 1);
    world_sign(&world);
    journal_close(world.journal);
    world.journal = NULL;
    for (uint64_t seed = 1; seed <= KILLS; seed++) {
        size_t count = run_and_kill(&world, seed, told);
        if (world_verify(&world, &verdict, &err) != LX_OK)
            fail_msg("seed %" PRIu64 ": %s", seed, err.text);
        for (size_t i = 0; i < count; i++) must_be_kept(&world, &told[i]);
        steps += count;
    }
    world_open_journal(&world);
    world.tags = journal_next_position(world.journal);
    world_append(&world, 3);
    assert_int_equal(world_sign(&world).size, world.tags);
    world_must_verify(&world, world.tags);
    if (steps < KILLS / 2) fail_msg("only %zu checkpoints were told", steps);
    world_release(&world);
}

static void test_a_full_disk_leaves_the_checkpoint_before(void **state)
{
    (void)state;
    static const size_t sizes[] = {1, 255, 300};
    for (size_t i = 0; i < LX_COUNT_OF(sizes); i++) {
        struct audit_world world;
        bool is_done = false;
        uint64_t failures = 0;
        world_init(&world, 22 + i);
        world_append(&world, 2);
        world_sign(&world);
        world_append(&world, sizes[i]);
        for (uint64_t writes = 0; !is_done; writes++) {
            assert_true(writes < 200);
            host_fault_after(writes, writes % 2 == 0 ? ENOSPC : EIO);
            enum lx_err code = world_try_sign(&world, false, NULL, &err);
            host_fault_after(0, 0);
            is_done = code == LX_OK;
            if (is_done) break;
            assert_int_equal(code, writes % 2 == 0 ? LX_ERR_DISK_FULL : LX_ERR_IO);
            struct audit_verdict verdict = {.tiles = 0};
            if (world_verify(&world, &verdict, &err) != LX_OK)
                fail_msg("after %" PRIu64 " writes: %s", writes, err.text);
            /* One step alone, keeping it beside the others, comes after a checkpoint counts. */
            assert_true(verdict.checkpoint.size == 2 || verdict.checkpoint.size == 2 + sizes[i]);
            failures++;
        }
        assert_true(failures > 8);
        world_must_verify(&world, 2 + sizes[i]);
        world_append(&world, 1);
        assert_int_equal(world_sign(&world).size, 3 + sizes[i]);
        world_must_verify(&world, 3 + sizes[i]);
        world_release(&world);
    }
}

static void test_memory_that_is_refused_leaves_the_log_whole(void **state)
{
    (void)state;
    struct audit_world world;
    bool is_done = false;
    world_init(&world, 31);
    world.env.thread_count = 1; /* the hook that refuses memory is for one thread */
    world_append(&world, 2);
    world_sign(&world);
    world_append(&world, 300);
    for (uint64_t countdown = 1; !is_done; countdown++) {
        assert_true(countdown < 500);
        lx_alloc_fail_at(countdown);
        enum lx_err code = world_try_sign(&world, false, NULL, &err);
        lx_alloc_fail_at(0);
        is_done = code == LX_OK;
        if (!is_done && code != LX_ERR_NO_MEMORY)
            fail_msg("allocation %" PRIu64 ": %s: %s", countdown, lx_err_name(code), err.text);
        struct audit_verdict verdict;
        MUST(world_verify(&world, &verdict, &err));
    }
    world_must_verify(&world, 302);
    world_release(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kill_9_at_any_moment_leaves_a_log_that_verifies),
        cmocka_unit_test(test_a_full_disk_leaves_the_checkpoint_before),
        cmocka_unit_test(test_memory_that_is_refused_leaves_the_log_whole),
    };
    return cmocka_run_group_tests_name("audit/log_crash", tests, NULL, NULL);
}
