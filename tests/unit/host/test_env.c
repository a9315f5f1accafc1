/*
 * Goal:   the real clock, entropy, messages and progress do what base/env.h promises.
 * Method: the clocks beside the C library's; entropy must differ; messages and progress are read
 *         from a file and from a pseudo-terminal that stand in for stderr.
 */
#include "cmocka_all.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/limits.h"
#include "host/env.h"

static const char *program; /* this one */

static void test_the_clocks_tell_the_time_and_never_go_back(void **state)
{
    (void)state;
    struct lx_env env = host_env();
    int64_t before = (int64_t)time(NULL) * 1000;
    int64_t now = env.now_ms(env.context);
    int64_t after = (int64_t)time(NULL) * 1000 + 1000;
    assert_true(now >= before && now <= after);
    int64_t last = env.elapsed_ns(env.context);
    for (int i = 0; i < 1000; i++) {
        int64_t next = env.elapsed_ns(env.context);
        assert_true(next >= last);
        last = next;
    }
}

static void test_entropy_fills_every_byte_and_never_repeats(void **state)
{
    (void)state;
    struct lx_env env = host_env();
    unsigned char seen[1000] = {0}, bytes[1000], other[1000];
    for (int round = 0; round < 8; round++) {
        env.entropy(env.context, bytes, sizeof bytes);
        for (size_t i = 0; i < sizeof bytes; i++) seen[i] |= bytes[i];
    }
    size_t zeros = 0;
    for (size_t i = 0; i < sizeof seen; i++) zeros += seen[i] == 0;
    assert_int_equal(zeros, 0);
    env.entropy(env.context, other, sizeof other);
    assert_memory_not_equal(bytes, other, sizeof other);
    env.entropy(env.context, NULL, 0);
}

/* The child starts anew once, with the value; whoever set one keeps it. */
static void test_a_program_starts_anew_with_a_variable(void **state)
{
    (void)state;
    static const struct {
        const char *before, *after;
    } rows[] = {{NULL, "given"}, {"mine", "mine"}};
    for (size_t i = 0; i < LX_COUNT_OF(rows); i++) {
        char command[LX_PATH_MAX], said[64] = "";
        snprintf(command, sizeof command, "%s%s '%s' --say-variable",
                 rows[i].before != NULL ? "LX_TEST_VARIABLE=" : "env -u LX_TEST_VARIABLE",
                 rows[i].before != NULL ? rows[i].before : "", program);
        FILE *pipe = popen(command, "r");
        assert_non_null(pipe);
        assert_non_null(fgets(said, sizeof said, pipe));
        assert_int_equal(pclose(pipe), 0);
        assert_string_equal(said, rows[i].after);
    }
}

static void test_the_machine_is_described(void **state)
{
    (void)state;
    assert_in_range(host_env().thread_count, 1, LX_THREADS_MAX);
    uint64_t before = host_peak_bytes();
    assert_true(before > 100000);
    enum { SIZE = 64 << 20 };
    char *memory = lx_malloc(SIZE);
    for (size_t i = 0; i < SIZE; i += 4096) ((volatile char *)memory)[i] = 1;
    lx_free(memory);
    assert_true(host_peak_bytes() >= before + SIZE / 2);
    setenv("LINGXI_TEST_VARIABLE", "值", 1);
    assert_string_equal(host_variable("LINGXI_TEST_VARIABLE"), "值");
    assert_null(host_variable("LINGXI_TEST_NO_VARIABLE"));
}

static void speak(struct lx_env *env)
{
    env->progress(env->context, "import", 0, 1000);
    env->progress(env->context, "import", 500, 1000);
    env->message(env->context, "a message");
    env->progress(env->context, "import", 1000, 1000);
    env->progress(env->context, "scan", 7, 0);
    env->message(env->context, "the end");
}

/* What is said while `descriptor` stands for stderr. */
static void say_into(int descriptor)
{
    fflush(stderr);
    int before = dup(STDERR_FILENO);
    assert_true(before >= 0);
    dup2(descriptor, STDERR_FILENO);
    struct lx_env env = host_env();
    speak(&env);
    fflush(stderr);
    dup2(before, STDERR_FILENO);
    close(before);
}

static void check_file(const char *want)
{
    FILE *file = tmpfile();
    assert_non_null(file);
    say_into(fileno(file));
    char text[400] = "";
    rewind(file);
    size_t length = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[length] = '\0';
    assert_string_equal(text, want);
}

static void test_without_a_terminal_there_are_messages_and_no_progress(void **state)
{
    (void)state;
    unsetenv("LINGXI_PROGRESS");
    check_file("a message\nthe end\n");
}

static void test_plain_progress_is_one_line_for_a_finished_step(void **state)
{
    (void)state;
    setenv("LINGXI_PROGRESS", "plain", 1);
    check_file("a message\nimport: 1000\nthe end\n");
    unsetenv("LINGXI_PROGRESS");
}

static void test_on_a_terminal_progress_is_redrawn_in_its_line(void **state)
{
    (void)state;
    int terminal = posix_openpt(O_RDWR | O_NOCTTY);
    if (terminal < 0 || grantpt(terminal) != 0 || unlockpt(terminal) != 0) {
        print_message("skipped: no pseudo-terminal here\n");
        skip();
    }
    int screen = open(ptsname(terminal), O_RDWR | O_NOCTTY);
    assert_true(screen >= 0);
    unsetenv("LINGXI_PROGRESS");
    say_into(screen);
    char text[400] = "";
    ssize_t length = read(terminal, text, sizeof text - 1);
    close(screen);
    close(terminal);
    assert_true(length > 0);
    text[length] = '\0';
    /* The half is drawn only where a tenth of a second has gone by. */
    const char *half = strstr(text, "import  50 %") == NULL ? "" : "\r\033[Kimport  50 %";
    char want[400];
    snprintf(want, sizeof want,
             "\r\033[Kimport   0 %%%s\r\033[Ka message\r\n\r\033[Kimport 100 %%\r\n"
             "\r\033[Kscan 7\r\033[Kthe end\r\n",
             half);
    assert_string_equal(text, want);
}

int main(int argument_count, char **arguments)
{
    program = arguments[0];
    if (argument_count == 2 && strcmp(arguments[1], "--say-variable") == 0) {
        const char *value = getenv("LX_TEST_VARIABLE"); /* as it was when this program began */
        host_restart_with("LX_TEST_VARIABLE", "given", arguments);
        fputs(value != NULL ? value : "not started anew", stdout);
        return 0;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_clocks_tell_the_time_and_never_go_back),
        cmocka_unit_test(test_entropy_fills_every_byte_and_never_repeats),
        cmocka_unit_test(test_a_program_starts_anew_with_a_variable),
        cmocka_unit_test(test_the_machine_is_described),
        cmocka_unit_test(test_without_a_terminal_there_are_messages_and_no_progress),
        cmocka_unit_test(test_plain_progress_is_one_line_for_a_finished_step),
        cmocka_unit_test(test_on_a_terminal_progress_is_redrawn_in_its_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
