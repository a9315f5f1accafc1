/*
 * Goal:   errors keep their numbers, texts are cut where a reader can bear it, a bug stops the
 *         program, and the allocation functions fail when and only when they are told to.
 * Method: the whole error table written out once more by hand; texts of every length around the
 *         maximum; a child process for what must abort.
 */
#include "cmocka_all.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/base.h"
#include "base/rng.h"

static const struct {
    enum lx_err code;
    int number, status;
    bool is_retryable;
    const char *name;
} table[] = {
    /* clang-format off */
    { LX_OK,              0, 200, false, "OK" },
    { LX_ERR_OVERFLOW,   -1, 400, false, "OVERFLOW" },
    { LX_ERR_NO_MEMORY,  -2, 503, true,  "NO_MEMORY" },
    { LX_ERR_NOT_FOUND,  -3, 404, false, "NOT_FOUND" },
    { LX_ERR_BAD_INPUT,  -4, 400, false, "BAD_INPUT" },
    { LX_ERR_IO,         -5, 503, true,  "IO" },
    { LX_ERR_DISK_FULL,  -6, 503, true,  "DISK_FULL" },
    { LX_ERR_CORRUPT,    -7, 500, false, "CORRUPT" },
    { LX_ERR_LIMIT,      -8, 413, false, "LIMIT" },
    { LX_ERR_BUSY,       -9, 503, true,  "BUSY" },
    { LX_ERR_REFUSED,   -10, 409, false, "REFUSED" },
    { LX_ERR_USAGE,     -11, 400, false, "USAGE" },
    { LX_ERR_NOT_BUILT, -12, 501, false, "NOT_BUILT" },
    { LX_ERR_VERSION,   -13, 500, false, "VERSION" },
    { LX_ERR_NOT_READY, -14, 409, false, "NOT_READY" },
    { LX_ERR_CANCELLED, -15, 503, true,  "CANCELLED" },
    /* clang-format on */
};

static void test_error_numbers_names_and_statuses_never_change(void **state)
{
    (void)state;
    for (size_t i = 0; i < LX_COUNT_OF(table); i++) {
        if ((int)table[i].code != table[i].number)
            fail_msg("%s: number %d, want %d", table[i].name, (int)table[i].code, table[i].number);
        assert_string_equal(lx_err_name(table[i].code), table[i].name);
        assert_int_equal(lx_err_http_status(table[i].code), table[i].status);
        assert_int_equal(lx_err_is_retryable(table[i].code), table[i].is_retryable);
        assert_true(strlen(lx_err_text(table[i].code)) > 3);
    }
}

static void test_the_table_above_has_every_error_once(void **state)
{
    (void)state;
    enum {
        COUNT = 1
#define X(name, number, status, is_retryable, text) +1
        LX_ERR_MAP(X)
#undef X
    };
    assert_int_equal(LX_COUNT_OF(table), COUNT);
    for (size_t i = 0; i < COUNT; i++)
        for (size_t j = 0; j < i; j++) {
            assert_int_not_equal(table[i].number, table[j].number);
            assert_string_not_equal(table[i].name, table[j].name);
        }
}

static void test_fail_writes_code_and_text_and_returns_the_code(void **state)
{
    (void)state;
    struct lx_error err = {0};
    assert_int_equal(lx_fail(&err, LX_ERR_LIMIT, "%s:%d: too long", "a.csv", 7), LX_ERR_LIMIT);
    assert_int_equal(err.code, LX_ERR_LIMIT);
    assert_string_equal(err.text, "a.csv:7: too long");
    assert_int_equal(lx_fail(NULL, LX_ERR_IO, "nobody %s", "reads this"), LX_ERR_IO);
}

/* Length of the valid UTF-8 at the beginning, for two- and three-byte characters of these tests. */
static bool is_whole(const char *text)
{
    for (size_t i = 0; text[i] != '\0';) {
        unsigned char first = (unsigned char)text[i];
        int size = first < 0x80 ? 1 : first >= 0xE0 ? 3 : 2;
        for (int j = 1; j < size; j++)
            if (((unsigned char)text[i + (size_t)j] & 0xC0) != 0x80) return false;
        i += (size_t)size;
    }
    return true;
}

static void test_a_long_text_ends_in_dots_and_never_inside_a_character(void **state)
{
    (void)state;
    static const char *const characters[] = {"x", "é", "客"};
    for (size_t c = 0; c < LX_COUNT_OF(characters); c++) {
        for (size_t lead = 0; lead < 4; lead++) {
            char text[3 * LX_ERROR_TEXT_MAX + 8] = "";
            memset(text, 'a', lead);
            while (strlen(text) < LX_ERROR_TEXT_MAX + 10) strcat(text, characters[c]);
            struct lx_error err;
            lx_fail(&err, LX_ERR_IO, "%s", text);
            size_t length = strlen(err.text);
            if (length >= LX_ERROR_TEXT_MAX || length < LX_ERROR_TEXT_MAX - 4)
                fail_msg("character %zu, lead %zu: length %zu", c, lead, length);
            assert_string_equal(err.text + length - 3, "...");
            err.text[length - 3] = '\0';
            assert_true(is_whole(err.text));
            assert_memory_equal(err.text, text, length - 3);
        }
    }
}

static void test_a_text_of_exactly_the_maximum_is_kept(void **state)
{
    (void)state;
    struct lx_error err;
    lx_fail(&err, LX_ERR_IO, "%*s", LX_ERROR_TEXT_MAX - 1, "end");
    assert_int_equal(strlen(err.text), LX_ERROR_TEXT_MAX - 1);
    assert_string_equal(err.text + LX_ERROR_TEXT_MAX - 4, "end");
}

static void test_errno_values_become_the_errors_that_a_caller_tells_apart(void **state)
{
    (void)state;
    static const struct {
        int number;
        enum lx_err code;
    } rows[] = {
        {ENOSPC, LX_ERR_DISK_FULL}, {EDQUOT, LX_ERR_DISK_FULL}, {EFBIG, LX_ERR_DISK_FULL},
        {ENOMEM, LX_ERR_NO_MEMORY}, {ENOENT, LX_ERR_NOT_FOUND}, {ENOTDIR, LX_ERR_NOT_FOUND},
        {EOVERFLOW, LX_ERR_LIMIT},  {EIO, LX_ERR_IO},           {EACCES, LX_ERR_IO},
        {EROFS, LX_ERR_IO},
    };
    for (size_t i = 0; i < LX_COUNT_OF(rows); i++) {
        struct lx_error err;
        enum lx_err code = lx_fail_errno(&err, rows[i].number, "/data/x: cannot %s", "write");
        if (code != rows[i].code || err.code != code)
            fail_msg("errno %d: %s, want %s", rows[i].number, lx_err_name(code),
                     lx_err_name(rows[i].code));
        char want[256];
        snprintf(want, sizeof want, "/data/x: cannot write: %s", strerror(rows[i].number));
        assert_string_equal(err.text, want);
    }
    assert_int_equal(lx_fail_errno(NULL, EIO, "nobody reads this"), LX_ERR_IO);
}

static void test_a_prefix_goes_before_the_text_and_keeps_the_code(void **state)
{
    (void)state;
    struct lx_error err;
    lx_fail(&err, LX_ERR_BAD_INPUT, "month 13");
    assert_int_equal(lx_error_prefix(&err, "%s:%d", "customers.csv", 1042), LX_ERR_BAD_INPUT);
    assert_string_equal(err.text, "customers.csv:1042: month 13");
}

/* Runs `act` in a child whose stderr is captured; true if it died by SIGABRT. */
static bool aborts(void (*act)(void), char *text, size_t size)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct rlimit no_core = {0, 0};
        setrlimit(RLIMIT_CORE, &no_core);
        signal(SIGABRT, SIG_DFL);
        dup2(ends[1], STDERR_FILENO);
        act();
        _exit(0);
    }
    close(ends[1]);
    size_t length = 0;
    for (ssize_t got = 1; got > 0 && length < size - 1; length += (size_t)got) {
        got = read(ends[0], text + length, size - 1 - length);
        assert_true(got >= 0);
    }
    text[length] = '\0';
    close(ends[0]);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

static void assert_that_water_is_dry(void)
{
    volatile bool is_water_dry = false;
    LX_ASSERT(is_water_dry);
}

static void ask_for_an_unknown_error(void)
{
    lx_err_name((enum lx_err)1);
}

static void allocate_nothing(void)
{
    lx_free(lx_malloc(0));
}

static void test_a_bug_names_its_place_and_aborts(void **state)
{
    (void)state;
    char text[512];
    assert_true(aborts(assert_that_water_is_dry, text, sizeof text));
    assert_non_null(strstr(text, "test_base.c:"));
    assert_non_null(strstr(text, "bug: is_water_dry"));
    assert_true(aborts(ask_for_an_unknown_error, text, sizeof text));
    assert_true(aborts(allocate_nothing, text, sizeof text));
}

static void test_exactly_the_chosen_allocation_fails(void **state)
{
    (void)state;
    for (uint64_t chosen = 1; chosen <= 4; chosen++) {
        lx_alloc_fail_at(chosen);
        void *memory[4] = {lx_malloc(8), lx_calloc(2, 4), lx_realloc(NULL, 8), lx_strdup("seven")};
        uint64_t asked = lx_alloc_count();
        lx_alloc_fail_at(0);
        for (uint64_t i = 0; i < 4; i++) {
            assert_int_equal(memory[i] == NULL, i + 1 == chosen);
            lx_free(memory[i]);
        }
        assert_int_equal(asked, 4);
    }
}

static void test_calloc_refuses_a_product_that_overflows(void **state)
{
    (void)state;
    volatile size_t huge = SIZE_MAX / 2;
    assert_null(lx_calloc(huge, 3));
}

static void test_strdup_copies(void **state)
{
    (void)state;
    char text[] = "灵犀";
    char *copy = lx_strdup(text);
    text[0] = 'x';
    assert_string_equal(copy, "灵犀");
    lx_free(copy);
}

/* Whatever is asked for: enough room or a failure, never past the maximum, never smaller. */
static void property_grow_gives_enough_and_never_too_much(void **state)
{
    (void)state;
    struct lx_rng rng = lx_rng_of(42, 1);
    for (int run = 0; run < 2000; run++) {
        size_t max = 1 + lx_rng_below(&rng, 300), capacity = 0;
        int32_t *array = NULL;
        for (int step = 0; step < 6; step++) {
            size_t needed = lx_rng_below(&rng, 400), before = capacity;
            enum lx_err code = lx_grow(&array, &capacity, needed, max, sizeof *array);
            bool is_right = needed <= before ? code == LX_OK && capacity == before
                            : needed <= max  ? code == LX_OK && capacity >= needed
                                             : code == LX_ERR_LIMIT && capacity == before;
            if (!is_right || capacity > max)
                fail_msg("run %d step %d: needed %zu of %zu: %s, capacity %zu -> %zu", run, step,
                         needed, max, lx_err_name(code), before, capacity);
            if (capacity > 0) array[capacity - 1] = 7;
        }
        lx_free(array);
    }
}

static void test_grow_leaves_everything_as_it_was_when_memory_is_short(void **state)
{
    (void)state;
    size_t capacity = 0;
    char *array = NULL;
    assert_int_equal(lx_grow(&array, &capacity, 5, 100, 1), LX_OK);
    memcpy(array, "abcd", 5);
    char *before = array;
    lx_alloc_fail_at(1);
    assert_int_equal(lx_grow(&array, &capacity, 50, 100, 1), LX_ERR_NO_MEMORY);
    lx_alloc_fail_at(0);
    assert_ptr_equal(array, before);
    assert_int_equal(capacity, 8);
    assert_string_equal(array, "abcd");
    lx_free(array);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_error_numbers_names_and_statuses_never_change),
        cmocka_unit_test(test_the_table_above_has_every_error_once),
        cmocka_unit_test(test_fail_writes_code_and_text_and_returns_the_code),
        cmocka_unit_test(test_a_long_text_ends_in_dots_and_never_inside_a_character),
        cmocka_unit_test(test_a_text_of_exactly_the_maximum_is_kept),
        cmocka_unit_test(test_errno_values_become_the_errors_that_a_caller_tells_apart),
        cmocka_unit_test(test_a_prefix_goes_before_the_text_and_keeps_the_code),
        cmocka_unit_test(test_a_bug_names_its_place_and_aborts),
        cmocka_unit_test(test_exactly_the_chosen_allocation_fails),
        cmocka_unit_test(test_calloc_refuses_a_product_that_overflows),
        cmocka_unit_test(test_strdup_copies),
        cmocka_unit_test(property_grow_gives_enough_and_never_too_much),
        cmocka_unit_test(test_grow_leaves_everything_as_it_was_when_memory_is_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
