/*
 * Goal:   what was acknowledged survives kill -9 and a full disk, whole; what was not acknowledged
 *         is there whole or not at all; afterwards everything works again.
 * Method: a child process decides and answers as fast as it can and tells each acknowledged step
 *         through a pipe; it is killed at a random moment. Then the same with the disk filling up
 *         after every possible number of writes.
 */
#include "world.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

enum { CUSTOMERS = 200, SEED = 41, KILLS = 12 };

static int make_world(void **state)
{
    struct world *world = malloc(sizeof *world);
    world_open(world, CUSTOMERS, SEED);
    *state = world;
    return 0;
}

static int end_world(void **state)
{
    world_close(*state);
    free(*state);
    return 0;
}

/* What the child says after each step that was acknowledged to it. */
struct told {
    char decision[DECISION_ID_SIZE], next[DECISION_ID_SIZE]; /* next: "" without a second round */
    char product[LX_CODE_MAX + 1];
    int answer; /* enum bank_answer; NONE after a recommendation */
};

static void say(int pipe_end, const struct told *told)
{
    if (write(pipe_end, told, sizeof *told) != (ssize_t)sizeof *told) _exit(3);
}

/* Runs in the child until it is killed. */
static _Noreturn void live(struct world *world, uint64_t seed, int pipe_end)
{
    struct lx_error err;
    struct lx_rng rng = lx_rng_of(seed, 1);
    world->clock = living_clock_of(seed);
    if (engine_open(world->bank.folder, ENGINE_WRITE, &world->env, &world->engine, &err) != LX_OK)
        _exit(4);
    while (true) {
        struct decision first, second;
        char id[LX_ID_MAX + 1];
        struct told told = {.answer = BANK_ANSWER_NONE};
        living_id((int64_t)lx_rng_below(&rng, CUSTOMERS), id);
        const struct decide_request request = {.customer = id, .count = 3};
        if (decide_recommend(world->engine, &request, &first, &err) != LX_OK) _exit(5);
        memcpy(told.decision, first.id, sizeof told.decision);
        say(pipe_end, &told);
        if (first.item_count > 0) {
            struct answer answer =
                answer_of(first.items[0].product, (enum bank_answer)(1 + lx_rng_below(&rng, 5)));
            bool is_final = lx_rng_chance(&rng, 0.6);
            if (answer_record(world->engine, first.id, &answer, 1, is_final, &second, &err) !=
                LX_OK)
                _exit(6);
            told.answer = (int)answer.answer;
            memcpy(told.product, answer.product, sizeof told.product);
            if (second.round == 2) memcpy(told.next, second.id, sizeof told.next);
            say(pipe_end, &told);
            decision_release(&second);
        }
        decision_release(&first);
    }
}

static void check_told(struct world *world, const struct told *told)
{
    struct lx_error err;
    struct decision found;
    MUST(decide_find(world->engine, told->decision, &found, &err));
    if (told->answer != BANK_ANSWER_NONE) {
        const struct decision_item *item = item_of(&found, told->product);
        assert_non_null(item);
        assert_int_equal(item->answer, told->answer);
        if (told->next[0] != '\0') assert_true(found.is_final);
    }
    decision_release(&found);
    if (told->next[0] == '\0') return;
    MUST(decide_find(world->engine, told->next, &found, &err));
    assert_string_equal(found.parent, told->decision);
    decision_release(&found);
}

/* Every decision of the tables can be read whole, with its second round if it is final. */
static void check_whole(struct world *world)
{
    struct lx_error err;
    struct store_statement *statement = NULL;
    bool has_row = true;
    MUST(store_prepare(bank_store(engine_bank(world->engine)),
                       "SELECT id, is_final, round, customer, "
                       "(SELECT count(*) FROM decision AS d WHERE d.customer = decision.customer "
                       "AND d.parent = decision.id) FROM decision",
                       &statement, &err));
    while (true) {
        struct decision found;
        MUST(store_step(statement, &has_row, &err));
        if (!has_row) break;
        MUST(decide_find(world->engine, store_text(statement, 0, NULL), &found, &err));
        bool is_final = store_int(statement, 1) != 0;
        assert_int_equal(found.is_final, is_final);
        if (store_int(statement, 2) == 1)
            assert_int_equal(store_int(statement, 4), is_final ? 1 : 0);
        decision_release(&found);
    }
    store_finalize(statement);
}

static void kill_one(struct world *world, uint64_t seed, size_t *ret_steps)
{
    int ends[2];
    struct told told, heard;
    struct lx_rng rng = lx_rng_of(seed, 2);
    assert_int_equal(pipe(ends), 0);
    fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        close(ends[0]);
        live(world, seed, ends[1]);
    }
    close(ends[1]);
    /* Every other child has told one step before its time runs, however slow the machine. */
    bool is_heard = seed % 2 == 0 && read(ends[0], &heard, sizeof heard) == (ssize_t)sizeof heard;
    useconds_t wait_us = (useconds_t)(20000 + lx_rng_below(&rng, 120000));
    usleep(wait_us);
    kill(child, SIGKILL);
    int status = 0;
    waitpid(child, &status, 0);
    if (!WIFSIGNALED(status))
        fail_msg("seed %lu: the child ended with %d", (unsigned long)seed, WEXITSTATUS(status));
    world_engine(world, ENGINE_WRITE);
    if (is_heard) {
        check_told(world, &heard);
        ++*ret_steps;
    }
    while (read(ends[0], &told, sizeof told) == (ssize_t)sizeof told) {
        check_told(world, &told);
        ++*ret_steps;
    }
    close(ends[0]);
    check_whole(world);
    engine_close(world->engine);
    world->engine = NULL;
}

static void test_kill_9_loses_nothing_that_was_acknowledged(void **state)
{
    struct world *world = *state;
    size_t steps = 0;
    for (uint64_t seed = 100; seed < 100 + KILLS; seed++) kill_one(world, seed, &steps);
    if (steps < KILLS / 2) fail_msg("only %zu steps were acknowledged", steps);
}

/* One conversation with a disk that fills up after `writes` writes; true if it went through. */
static bool talk(struct world *world, uint64_t writes, int64_t customer)
{
    struct lx_error err;
    struct decision first, second, found;
    char id[LX_ID_MAX + 1];
    bool is_done = false;
    living_id(customer, id);
    const struct decide_request request = {.customer = id, .count = 3};
    world_engine(world, ENGINE_WRITE);
    MUST(decide_recommend(world->engine, &request, &first, &err));
    struct answer yes = answer_of(first.items[0].product, BANK_ANSWER_INTERESTED);
    host_fault_after(writes, ENOSPC);
    enum lx_err code = answer_record(world->engine, first.id, &yes, 1, true, &second, &err);
    host_fault_after(0, 0);
    is_done = code == LX_OK;
    if (!is_done) {
        assert_int_equal(code, LX_ERR_DISK_FULL);
        MUST(decide_find(world->engine, first.id, &found, &err)); /* as it was */
        assert_false(found.is_final);
        assert_int_equal(found.items[0].answer, BANK_ANSWER_NONE);
        decision_release(&found);
        MUST(answer_record(world->engine, first.id, &yes, 1, true, &second, &err)); /* space */
    }
    world_engine(world, ENGINE_WRITE);
    MUST(decide_find(world->engine, first.id, &found, &err));
    assert_true(found.is_final);
    assert_int_equal(found.items[0].answer, BANK_ANSWER_INTERESTED);
    decision_release(&found);
    MUST(decide_find(world->engine, second.id, &found, &err));
    assert_string_equal(found.parent, first.id);
    decision_release(&found);
    decision_release(&first);
    decision_release(&second);
    check_whole(world);
    return is_done;
}

static void test_a_full_disk_refuses_whole_answers(void **state)
{
    struct world *world = *state;
    int64_t customer = 0;
    size_t refused = 0;
    bool is_done = false;
    world_engine(world, ENGINE_WRITE);
    for (uint64_t writes = 0; writes < 40 && !is_done; writes++) {
        customer = find_shown(world, customer, 6);
        is_done = talk(world, writes, customer++);
        refused += !is_done;
    }
    assert_true(is_done);
    assert_true(refused >= 2); /* the write and the sync, at least */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kill_9_loses_nothing_that_was_acknowledged),
        cmocka_unit_test(test_a_full_disk_refuses_whole_answers),
    };
    return cmocka_run_group_tests(tests, make_world, end_world);
}
