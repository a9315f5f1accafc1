/*
 * Goal:   files hold what was written, a replaced file is the old one or the new one and nothing
 *         between, every refusal names the path and the reason, and planted faults come when told.
 * Method: a fresh folder for each test; every write, sync and rename of an atomic replacement
 *         failed in turn; seeded reads beside the bytes they must give.
 */
#include "cmocka_all.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/rng.h"
#include "host/file.h"

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
    host_fault_after(0, 0);
    enum lx_err code = host_remove_tree(*state, NULL);
    free(*state);
    return code == LX_OK ? 0 : -1;
}

static const char *in(void **state, const char *name)
{
    static char paths[32][LX_PATH_MAX];
    static int turn;
    char *path = paths[turn++ % 32];
    assert_int_equal(host_join(path, *state, name, NULL), LX_OK);
    return path;
}

static void write_text(const char *path, const char *text)
{
    struct host_file *file = NULL;
    assert_int_equal(host_open(path, HOST_CREATE, &file, NULL), LX_OK);
    assert_int_equal(host_write(file, text, strlen(text), NULL), LX_OK);
    host_close(file);
}

static void expect_text(const char *path, const char *want)
{
    struct lx_buffer buffer;
    struct lx_error err = {0};
    lx_buffer_init(&buffer, 1 << 20);
    if (host_read_file(path, &buffer, &err) != LX_OK) fail_msg("%s", err.text);
    assert_string_equal(lx_buffer_text(&buffer), want);
    lx_buffer_release(&buffer);
}

static void test_what_is_written_is_read(void **state)
{
    const char *path = in(state, "客户.csv");
    struct host_file *file = NULL;
    assert_int_equal(host_open(path, HOST_CREATE, &file, NULL), LX_OK);
    assert_string_equal(host_path(file), path);
    assert_int_equal(host_write(file, "hello ", 6, NULL), LX_OK);
    assert_int_equal(host_write(file, "world", 5, NULL), LX_OK);
    assert_int_equal(host_write(file, NULL, 0, NULL), LX_OK);
    assert_int_equal(host_sync(file, NULL), LX_OK);
    uint64_t size = 0;
    assert_int_equal(host_size(file, &size, NULL), LX_OK);
    assert_int_equal(size, 11);
    char bytes[20];
    size_t length = 99;
    assert_int_equal(host_read_at(file, 6, bytes, 20, &length, NULL), LX_OK);
    assert_int_equal(length, 5);
    assert_memory_equal(bytes, "world", 5);
    assert_int_equal(host_read_at(file, 100, bytes, 20, &length, NULL), LX_OK);
    assert_int_equal(length, 0);
    assert_int_equal(host_truncate(file, 5, NULL), LX_OK);
    host_close(file);
    host_close(NULL);
    expect_text(path, "hello");
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
}

static void test_append_writes_at_the_end_and_create_begins_anew(void **state)
{
    const char *path = in(state, "log");
    struct host_file *file = NULL;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(host_open(path, HOST_APPEND, &file, NULL), LX_OK);
        assert_int_equal(host_write(file, i == 0 ? "one" : "two", 3, NULL), LX_OK);
        host_close(file);
    }
    expect_text(path, "onetwo");
    write_text(path, "x");
    expect_text(path, "x");
}

static void test_an_update_changes_bytes_in_place_and_beyond_the_end(void **state)
{
    const char *path = in(state, "file");
    struct host_file *file = NULL;
    assert_int_equal(host_open(path, HOST_UPDATE, &file, NULL), LX_ERR_NOT_FOUND);
    write_text(path, "0123456789");
    assert_int_equal(host_open(path, HOST_UPDATE, &file, NULL), LX_OK);
    assert_int_equal(host_write_at(file, 10, "ab", 2, NULL), LX_OK);
    assert_int_equal(host_write_at(file, 3, "xyz", 3, NULL), LX_OK);
    assert_int_equal(host_write_at(file, 0, NULL, 0, NULL), LX_OK);
    host_fault_after(0, ENOSPC);
    assert_int_equal(host_write_at(file, 6, "!!!!", 4, NULL), LX_ERR_DISK_FULL);
    host_fault_after(0, 0);
    host_close(file);
    expect_text(path, "012xyz!!89ab");
}

static void test_reading_in_steps_gives_the_whole_file(void **state)
{
    struct lx_rng rng = lx_rng_of(42, 0);
    const char *path = in(state, "steps");
    enum { SIZE = 200000 };
    char *bytes = lx_malloc(SIZE), *got = lx_malloc(SIZE);
    for (int i = 0; i < SIZE; i++) bytes[i] = (char)lx_rng_next(&rng);
    assert_int_equal(host_write_atomic(path, bytes, SIZE, NULL), LX_OK);
    struct host_file *file = NULL;
    assert_int_equal(host_open(path, HOST_READ, &file, NULL), LX_OK);
    size_t done = 0;
    for (size_t length = 1; length > 0; done += length) {
        size_t step = 1 + lx_rng_below(&rng, 9000);
        if (step > SIZE - done) step = SIZE - done + (done == SIZE);
        char extra[2];
        assert_int_equal(host_read(file, done == SIZE ? extra : got + done, step, &length, NULL),
                         LX_OK);
    }
    assert_int_equal(done, SIZE);
    assert_memory_equal(got, bytes, SIZE);
    host_close(file);
    lx_free(bytes);
    lx_free(got);
}

static void test_a_file_larger_than_its_buffer_is_refused_whole(void **state)
{
    const char *path = in(state, "ten");
    write_text(path, "0123456789");
    for (size_t max = 8; max <= 12; max++) {
        struct lx_buffer buffer;
        struct lx_error err = {0};
        lx_buffer_init(&buffer, max);
        enum lx_err code = host_read_file(path, &buffer, &err);
        assert_int_equal(code, max < 10 ? LX_ERR_LIMIT : LX_OK);
        if (max < 10) {
            char want[LX_PATH_MAX + 50];
            snprintf(want, sizeof want, "%s: more than %zu bytes", path, max);
            assert_string_equal(err.text, want);
        } else {
            assert_string_equal(lx_buffer_text(&buffer), "0123456789");
        }
        lx_buffer_release(&buffer);
    }
}

static void test_reading_appends_to_what_the_buffer_holds(void **state)
{
    const char *path = in(state, "b");
    write_text(path, "b");
    struct lx_buffer buffer;
    lx_buffer_init(&buffer, 2);
    lx_buffer_append_byte(&buffer, 'a');
    assert_int_equal(host_read_file(path, &buffer, NULL), LX_OK);
    assert_string_equal(lx_buffer_text(&buffer), "ab");
    assert_int_equal(host_read_file(path, &buffer, NULL), LX_ERR_LIMIT);
    lx_buffer_release(&buffer);
}

static void test_refusals_name_the_path_and_the_reason(void **state)
{
    struct host_file *file = NULL;
    struct lx_error err = {0};
    struct host_map map;
    const char *missing = in(state, "no/such");
    assert_int_equal(host_open(missing, HOST_READ, &file, &err), LX_ERR_NOT_FOUND);
    assert_null(file);
    assert_non_null(strstr(err.text, "no/such: cannot open: No such file"));
    assert_int_equal(host_open(missing, HOST_CREATE, &file, &err), LX_ERR_NOT_FOUND);
    assert_int_equal(host_map_file(missing, &map, &err), LX_ERR_NOT_FOUND);
    struct lx_buffer buffer;
    lx_buffer_init(&buffer, 10);
    assert_int_equal(host_read_file(*state, &buffer, &err), LX_ERR_IO);
    assert_non_null(strstr(err.text, "Is a directory"));
    lx_buffer_release(&buffer);

    char longest[LX_PATH_MAX + 10];
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    assert_int_equal(host_open(longest, HOST_READ, &file, &err), LX_ERR_LIMIT);
    assert_int_equal(host_write_atomic(longest, "", 0, &err), LX_ERR_LIMIT);
    assert_int_equal(host_make_folder(longest, &err), LX_ERR_LIMIT);
    char path[LX_PATH_MAX];
    assert_int_equal(host_join(path, *state, longest, &err), LX_ERR_LIMIT);
}

/* "SCRATCH/./././name", of `length` bytes: a long name of a short path. */
static const char *padded(void **state, const char *name, size_t length)
{
    static char path[LX_PATH_MAX + 10];
    size_t at = strlen(*state), name_length = strlen(name);
    memcpy(path, *state, at);
    path[at++] = '/';
    for (; at + name_length < length; at++) path[at] = (length - at - name_length) % 2 ? '/' : '.';
    memcpy(path + at, name, name_length + 1);
    assert_int_equal(strlen(path), length);
    return path;
}

static void test_the_longest_name_is_taken_and_one_byte_more_is_not(void **state)
{
    struct host_file *file = NULL;
    for (size_t extra = 0; extra < 2; extra++) {
        enum lx_err want = extra == 0 ? LX_OK : LX_ERR_LIMIT;
        size_t length = LX_PATH_MAX - 1 + extra;
        char path[LX_PATH_MAX];
        assert_int_equal(host_open(padded(state, "f", length), HOST_CREATE, &file, NULL), want);
        if (extra == 0) host_close(file);
        assert_int_equal(host_write_atomic(padded(state, "g", length - 4), "x", 1, NULL), want);
        assert_int_equal(host_make_folder(padded(state, "d", length), NULL), want);
        assert_int_equal(host_join(path, padded(state, "d", length - 2), "n", NULL), want);
    }
    expect_text(in(state, "g"), "x");
    assert_true(host_is_folder(in(state, "d")));
}

static void test_join_puts_one_slash_between(void **state)
{
    (void)state;
    static const struct {
        const char *folder, *name, *path;
    } rows[] = {{"a", "b", "a/b"}, {"a/", "b", "a/b"}, {"/", "b", "/b"}, {"", "b", "b"}};
    for (size_t i = 0; i < LX_COUNT_OF(rows); i++) {
        char path[LX_PATH_MAX];
        assert_int_equal(host_join(path, rows[i].folder, rows[i].name, NULL), LX_OK);
        assert_string_equal(path, rows[i].path);
    }
}

static void test_a_replaced_file_is_the_old_one_or_the_new_one(void **state)
{
    const char *path = in(state, "card.ini");
    assert_int_equal(host_write_atomic(path, "old", 3, NULL), LX_OK);
    expect_text(path, "old");
    /* write, sync, rename, sync of the folder */
    for (uint64_t step = 0; step < 5; step++) {
        assert_int_equal(host_write_atomic(path, "old", 3, NULL), LX_OK);
        host_fault_after(step, step % 2 == 0 ? ENOSPC : EIO);
        struct lx_error err = {0};
        enum lx_err code = host_write_atomic(path, "brand new", 9, &err);
        host_fault_after(0, 0);
        enum lx_err want = step == 4 ? LX_OK : step % 2 == 0 ? LX_ERR_DISK_FULL : LX_ERR_IO;
        if (code != want) fail_msg("step %d: %s", (int)step, lx_err_name(code));
        if (code != LX_OK) assert_non_null(strstr(err.text, *state));
        expect_text(path, step < 3 ? "old" : "brand new");
        assert_false(host_exists(in(state, "card.ini.tmp")));
    }
}

static void test_a_planted_fault_comes_after_so_many_writes_and_stays(void **state)
{
    struct host_file *file = NULL;
    assert_int_equal(host_open(in(state, "full"), HOST_CREATE, &file, NULL), LX_OK);
    host_fault_after(2, ENOSPC);
    assert_int_equal(host_write(file, "0123", 4, NULL), LX_OK);
    assert_int_equal(host_sync(file, NULL), LX_OK);
    assert_int_equal(host_write(file, "4567", 4, NULL), LX_ERR_DISK_FULL);
    assert_int_equal(host_write(file, "89", 2, NULL), LX_ERR_DISK_FULL);
    assert_int_equal(host_sync(file, NULL), LX_ERR_DISK_FULL);
    assert_int_equal(host_truncate(file, 0, NULL), LX_ERR_DISK_FULL);
    assert_int_equal(host_rename(in(state, "full"), in(state, "other"), NULL), LX_ERR_DISK_FULL);
    assert_int_equal(host_sync_folder(*state, NULL), LX_ERR_DISK_FULL);
    host_fault_after(0, 0);
    assert_int_equal(host_write(file, "!", 1, NULL), LX_OK);
    host_close(file);
    /* Each failed write left half of its bytes. */
    expect_text(in(state, "full"), "0123458!");
}

static void test_a_mapped_file_shows_its_bytes_and_an_empty_one_none(void **state)
{
    const char *path = in(state, "map");
    write_text(path, "mapped");
    struct host_map map = {0};
    assert_int_equal(host_map_file(path, &map, NULL), LX_OK);
    assert_int_equal(map.size, 6);
    assert_memory_equal(map.bytes, "mapped", 6);
    assert_int_equal(host_remove(path, NULL), LX_OK);
    assert_memory_equal(map.bytes, "mapped", 6);
    host_unmap(&map);
    assert_null(map.bytes);
    write_text(path, "");
    assert_int_equal(host_map_file(path, &map, NULL), LX_OK);
    assert_null(map.bytes);
    assert_int_equal(map.size, 0);
    host_unmap(&map);
}

static void test_folders_are_made_with_their_parents(void **state)
{
    const char *deep = in(state, "a/b//c/");
    assert_int_equal(host_make_folder(deep, NULL), LX_OK);
    assert_int_equal(host_make_folder(deep, NULL), LX_OK);
    assert_true(host_is_folder(in(state, "a/b/c")));
    write_text(in(state, "a/file"), "x");
    assert_false(host_is_folder(in(state, "a/file")));
    assert_true(host_exists(in(state, "a/file")));
    struct lx_error err = {0};
    assert_int_equal(host_make_folder(in(state, "a/file"), &err), LX_ERR_IO);
    assert_non_null(strstr(err.text, "a file is in the way"));
    assert_int_equal(host_make_folder(in(state, "a/file/b"), &err), LX_ERR_IO);
    struct stat status;
    assert_int_equal(stat(in(state, "a/b"), &status), 0);
    assert_int_equal(status.st_mode & 0777, 0700);
}

static void test_a_list_has_the_plain_files_in_order(void **state)
{
    static const char *const names[] = {"b.csv", "a.csv", "B.csv", "客户.csv", "10", "9"};
    static const char *const sorted[] = {"10", "9", "B.csv", "a.csv", "b.csv", "link", "客户.csv"};
    for (size_t i = 0; i < LX_COUNT_OF(names); i++) write_text(in(state, names[i]), "x");
    assert_int_equal(host_make_folder(in(state, "folder"), NULL), LX_OK);
    assert_int_equal(symlink("a.csv", in(state, "link")), 0);
    assert_int_equal(symlink("nowhere", in(state, "dangling")), 0);
    struct host_names list = {0};
    assert_int_equal(host_list(*state, &list, NULL), LX_OK);
    assert_int_equal(list.count, LX_COUNT_OF(sorted));
    for (size_t i = 0; i < list.count; i++) assert_string_equal(list.names[i], sorted[i]);
    host_names_release(&list);
    host_names_release(&list);
    assert_int_equal(host_list(in(state, "folder"), &list, NULL), LX_OK);
    assert_int_equal(list.count, 0);
    host_names_release(&list);
    assert_int_equal(host_list(in(state, "missing"), &list, NULL), LX_ERR_NOT_FOUND);
}

static void test_a_list_survives_short_memory(void **state)
{
    for (int i = 0; i < 20; i++) {
        char name[20];
        snprintf(name, sizeof name, "f%d", i);
        write_text(in(state, name), "");
    }
    for (uint64_t chosen = 1;; chosen++) {
        struct host_names list = {.count = 77};
        lx_alloc_fail_at(chosen);
        enum lx_err code = host_list(*state, &list, NULL);
        bool was_reached = lx_alloc_count() >= chosen;
        lx_alloc_fail_at(0);
        assert_int_equal(code, was_reached ? LX_ERR_NO_MEMORY : LX_OK);
        assert_int_equal(list.count, was_reached ? 77 : 20);
        if (was_reached) continue;
        host_names_release(&list);
        break;
    }
}

static void test_a_tree_is_removed_and_links_are_not_followed(void **state)
{
    assert_int_equal(host_make_folder(in(state, "tree/a/b"), NULL), LX_OK);
    assert_int_equal(host_make_folder(in(state, "kept"), NULL), LX_OK);
    write_text(in(state, "kept/file"), "x");
    write_text(in(state, "tree/a/file"), "x");
    assert_int_equal(symlink("../kept", in(state, "tree/link")), 0);
    assert_int_equal(host_remove_tree(in(state, "tree"), NULL), LX_OK);
    assert_false(host_exists(in(state, "tree")));
    expect_text(in(state, "kept/file"), "x");
    assert_int_equal(host_remove_tree(in(state, "tree"), NULL), LX_OK);
    assert_int_equal(host_remove_tree(in(state, "kept/file"), NULL), LX_OK);
    assert_false(host_exists(in(state, "kept/file")));
}

static void test_a_tree_that_is_too_deep_is_refused(void **state)
{
    char path[LX_PATH_MAX];
    int length = snprintf(path, sizeof path, "%s/deep", (const char *)*state);
    for (int i = 0; i < 66; i++) length += snprintf(path + length, 3, "/d");
    assert_int_equal(host_make_folder(path, NULL), LX_OK);
    struct lx_error err = {0};
    assert_int_equal(host_remove_tree(in(state, "deep"), &err), LX_ERR_LIMIT);
    assert_non_null(strstr(err.text, "folders more than 64 deep"));
    char moved[LX_PATH_MAX];
    snprintf(moved, sizeof moved, "%s/deep/d/d/d/d", (const char *)*state);
    assert_int_equal(host_rename(moved, in(state, "rest"), NULL), LX_OK);
}

static void test_removing_and_renaming(void **state)
{
    write_text(in(state, "one"), "1");
    assert_int_equal(host_rename(in(state, "one"), in(state, "two"), NULL), LX_OK);
    assert_false(host_exists(in(state, "one")));
    expect_text(in(state, "two"), "1");
    assert_int_equal(host_remove(in(state, "two"), NULL), LX_OK);
    assert_int_equal(host_remove(in(state, "two"), NULL), LX_OK);
    struct lx_error err = {0};
    assert_int_equal(host_rename(in(state, "two"), in(state, "three"), &err), LX_ERR_NOT_FOUND);
    assert_int_equal(host_remove(*state, &err), LX_ERR_IO);
    assert_int_equal(host_sync_folder(*state, NULL), LX_OK);
    assert_int_equal(host_sync_folder(in(state, "two"), NULL), LX_ERR_NOT_FOUND);
}

static void test_a_name_without_a_folder_is_in_the_current_one(void **state)
{
    char *before = getcwd(NULL, 0);
    assert_int_equal(chdir(*state), 0);
    enum lx_err code = host_write_atomic("plain", "x", 1, NULL);
    bool is_there = host_exists("plain");
    assert_int_equal(chdir(before), 0);
    free(before);
    assert_int_equal(code, LX_OK);
    assert_true(is_there);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_scratch, remove_scratch)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_what_is_written_is_read),
        TEST(test_append_writes_at_the_end_and_create_begins_anew),
        TEST(test_an_update_changes_bytes_in_place_and_beyond_the_end),
        TEST(test_reading_in_steps_gives_the_whole_file),
        TEST(test_a_file_larger_than_its_buffer_is_refused_whole),
        TEST(test_reading_appends_to_what_the_buffer_holds),
        TEST(test_refusals_name_the_path_and_the_reason),
        TEST(test_the_longest_name_is_taken_and_one_byte_more_is_not),
        TEST(test_join_puts_one_slash_between),
        TEST(test_a_replaced_file_is_the_old_one_or_the_new_one),
        TEST(test_a_planted_fault_comes_after_so_many_writes_and_stays),
        TEST(test_a_mapped_file_shows_its_bytes_and_an_empty_one_none),
        TEST(test_folders_are_made_with_their_parents),
        TEST(test_a_list_has_the_plain_files_in_order),
        TEST(test_a_list_survives_short_memory),
        TEST(test_a_tree_is_removed_and_links_are_not_followed),
        TEST(test_a_tree_that_is_too_deep_is_refused),
        TEST(test_removing_and_renaming),
        TEST(test_a_name_without_a_folder_is_in_the_current_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
