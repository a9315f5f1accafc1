/*
 * Goal:   what was synced is read back after any crash, nothing else is, and damage is told from a
 *         torn end (the invariants of journal/journal.h).
 * Method: a few readable cases; then random workloads against a list in memory, a file cut at every
 *         byte, every bit turned over, every write made to fail, and a writer that is killed.
 *         A failure prints its seed, byte or bit.
 */
#include "tests/cmocka_all.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/rng.h"
#include "journal/journal.h"
#include "tests/scratch.h"

enum { RECORDS_MAX = 4096, BYTES_MAX = 700 };

static size_t bytes_max = BYTES_MAX; /* of a record's content */

static char folder[LX_PATH_MAX];
static struct lx_error err;

static int setup(void **state)
{
    scratch_make(folder);
    return 0;
}

static int teardown(void **state)
{
    host_fault_after(0, 0);
    lx_alloc_fail_at(0);
    bytes_max = BYTES_MAX;
    scratch_remove(folder);
    return 0;
}

/* A record's content follows from its tag alone, so that a model need only keep tags. */
static size_t content_of(uint64_t tag, uint8_t bytes[BYTES_MAX])
{
    struct lx_rng rng = lx_rng_of(tag, 77);
    size_t length = 1 + lx_rng_below(&rng, bytes_max);
    for (size_t i = 0; i < length; i++) bytes[i] = (uint8_t)lx_rng_next(&rng);
    return length;
}

static uint64_t append(struct journal *journal, uint64_t tag)
{
    uint8_t bytes[BYTES_MAX];
    size_t length = content_of(tag, bytes);
    uint64_t position = UINT64_MAX;
    MUST(journal_append(journal, bytes, length, &position, &err));
    return position;
}

static bool is_content(const struct journal_record *record, uint64_t tag)
{
    uint8_t bytes[BYTES_MAX];
    size_t length = content_of(tag, bytes);
    return record->length == length && memcmp(record->bytes, bytes, length) == 0;
}

/* Reads from `from` to the end and compares with the model. */
static void expect(struct journal *journal, const uint64_t *tags, size_t count, size_t from,
                   const char *what, uint64_t number)
{
    struct journal_cursor *cursor = NULL;
    struct journal_record record;
    bool has_record = true;
    size_t position = from;
    MUST(journal_seek(journal, from, &cursor, &err));
    for (;; position++) {
        MUST(journal_read(cursor, &record, &has_record, &err));
        if (!has_record) break;
        if (record.position != position || position >= count ||
            !is_content(&record, tags[position]))
            fail_msg("%s %" PRIu64 ": position %zu is not what was written", what, number,
                     position);
    }
    if (position != count)
        fail_msg("%s %" PRIu64 ": %zu records, not %zu", what, number, position, count);
    journal_cursor_close(cursor);
}

static struct journal *open_journal(enum journal_mode mode)
{
    struct journal *journal = NULL;
    MUST(journal_open(folder, mode, &journal, &err));
    return journal;
}

static void segment_name(char path[LX_PATH_MAX], int number)
{
    char name[32];
    snprintf(name, sizeof name, "journal/%08d.log", number);
    MUST(host_join(path, folder, name, &err));
}

static void test_records_come_back_in_order_with_their_positions(void **state)
{
    const uint64_t tags[] = {5, 6, 7};
    struct journal *journal = open_journal(JOURNAL_APPEND);
    for (uint64_t i = 0; i < 3; i++) assert_int_equal(append(journal, tags[i]), i);
    assert_int_equal(journal_next_position(journal), 3);
    assert_int_equal(journal_synced_position(journal), 0);
    MUST(journal_sync(journal, &err));
    assert_int_equal(journal_synced_position(journal), 3);
    expect(journal, tags, 3, 0, "all", 0);
    expect(journal, tags, 3, 2, "last", 0);
    expect(journal, tags, 3, 3, "none", 0);
    struct journal_cursor *cursor = NULL;
    MUST_FAIL(journal_seek(journal, 4, &cursor, &err), LX_ERR_NOT_FOUND);
    journal_close(journal);
}

static void test_a_bank_without_a_journal_has_an_empty_one(void **state)
{
    struct journal *journal = open_journal(JOURNAL_READ);
    assert_int_equal(journal_next_position(journal), 0);
    expect(journal, NULL, 0, 0, "empty", 0);
    journal_close(journal);
}

static void test_what_was_not_synced_is_gone_after_reopening(void **state)
{
    const uint64_t tags[] = {1};
    struct journal *journal = open_journal(JOURNAL_APPEND);
    append(journal, 1);
    MUST(journal_sync(journal, &err));
    append(journal, 2);
    journal_close(journal);
    journal = open_journal(JOURNAL_APPEND);
    assert_int_equal(journal_next_position(journal), 1);
    assert_int_equal(journal_cut_bytes(journal), 0);
    expect(journal, tags, 1, 0, "reopened", 0);
    journal_close(journal);
}

static void test_large_records_up_to_the_limit_are_kept_and_larger_refused(void **state)
{
    struct journal *journal = open_journal(JOURNAL_APPEND);
    uint8_t *bytes = lx_calloc(1, JOURNAL_RECORD_MAX + 1);
    uint64_t position = 9;
    struct journal_cursor *cursor = NULL;
    struct journal_record record;
    bool has_record = false;
    bytes[JOURNAL_RECORD_MAX - 1] = 42;
    MUST_FAIL(journal_append(journal, bytes, JOURNAL_RECORD_MAX + 1, &position, &err),
              LX_ERR_LIMIT);
    assert_int_equal(position, 9);
    for (uint64_t i = 0; i < 3; i++)
        MUST(journal_append(journal, bytes, JOURNAL_RECORD_MAX, &position, &err));
    MUST_FAIL(journal_append(journal, bytes, JOURNAL_RECORD_MAX, &position, &err), LX_ERR_LIMIT);
    assert_int_equal(position, 2);
    MUST(journal_sync(journal, &err));
    MUST(journal_append(journal, bytes, JOURNAL_RECORD_MAX, &position, &err));
    MUST(journal_sync(journal, &err));
    MUST(journal_seek(journal, 3, &cursor, &err));
    MUST(journal_read(cursor, &record, &has_record, &err));
    assert_true(has_record && record.position == 3 && record.length == JOURNAL_RECORD_MAX);
    assert_memory_equal(record.bytes, bytes, JOURNAL_RECORD_MAX);
    journal_cursor_close(cursor);
    journal_close(journal);
    lx_free(bytes);
}

static void test_a_second_appender_is_refused_while_readers_are_not(void **state)
{
    struct journal *first = open_journal(JOURNAL_APPEND), *second = NULL;
    MUST_FAIL(journal_open(folder, JOURNAL_APPEND, &second, &err), LX_ERR_BUSY);
    second = open_journal(JOURNAL_READ);
    journal_close(second);
    journal_close(first);
    second = open_journal(JOURNAL_APPEND);
    journal_close(second);
}

static void test_a_reader_finds_what_is_synced_later_in_this_and_in_new_segments(void **state)
{
    struct journal *writer = open_journal(JOURNAL_APPEND);
    struct journal *reader = open_journal(JOURNAL_READ);
    struct journal_cursor *cursor = NULL;
    struct journal_record record;
    bool has_record = true;
    journal_limit_segments(writer, 2000);
    MUST(journal_seek(reader, 0, &cursor, &err));
    MUST(journal_read(cursor, &record, &has_record, &err));
    assert_false(has_record);
    for (uint64_t i = 0; i < 50; i++) {
        append(writer, i);
        MUST(journal_read(cursor, &record, &has_record, &err));
        assert_false(has_record);
        MUST(journal_sync(writer, &err));
        MUST(journal_read(cursor, &record, &has_record, &err));
        assert_true(has_record && record.position == i && is_content(&record, i));
    }
    char path[LX_PATH_MAX];
    segment_name(path, 5);
    assert_true(host_exists(path));
    journal_cursor_close(cursor);
    journal_close(reader);
    journal_close(writer);
}

static void test_a_missing_or_exchanged_segment_is_damage(void **state)
{
    struct journal *journal = open_journal(JOURNAL_APPEND);
    char first[LX_PATH_MAX], second[LX_PATH_MAX], third[LX_PATH_MAX], aside[LX_PATH_MAX + 8];
    journal_limit_segments(journal, 1000);
    for (uint64_t i = 0; i < 20; i++) {
        append(journal, i);
        MUST(journal_sync(journal, &err));
    }
    journal_close(journal);
    segment_name(first, 1), segment_name(second, 2), segment_name(third, 3);
    snprintf(aside, sizeof aside, "%s.aside", second);
    MUST(host_rename(second, aside, &err));
    MUST_FAIL(journal_open(folder, JOURNAL_READ, &journal, &err), LX_ERR_CORRUPT);
    assert_non_null(strstr(err.text, "segment 2 is missing"));
    MUST(host_rename(third, second, &err));
    MUST(host_rename(aside, third, &err));
    MUST_FAIL(journal_open(folder, JOURNAL_APPEND, &journal, &err), LX_ERR_CORRUPT);
    assert_non_null(strstr(err.text, "00000002.log"));
}

static void read_bytes(const char *path, struct lx_buffer *buffer)
{
    lx_buffer_init(buffer, 1 << 24);
    MUST(host_read_file(path, buffer, &err));
}

static void test_damage_in_an_earlier_segment_is_found_by_reading(void **state)
{
    struct journal *journal = open_journal(JOURNAL_APPEND);
    struct journal_cursor *cursor = NULL;
    struct journal_record record;
    struct lx_buffer bytes;
    bool has_record = true;
    char path[LX_PATH_MAX];
    journal_limit_segments(journal, 1000);
    for (uint64_t i = 0; i < 20; i++) {
        append(journal, i);
        MUST(journal_sync(journal, &err));
    }
    journal_close(journal);
    segment_name(path, 2);
    /* Cut off a whole record of a complete segment, then only its last byte. */
    read_bytes(path, &bytes);
    for (int i = 0; i < 2; i++) {
        MUST(host_write_atomic(path, bytes.bytes, i == 0 ? 32 : bytes.length - 1, &err));
        journal = open_journal(JOURNAL_READ);
        MUST(journal_seek(journal, 0, &cursor, &err));
        enum lx_err code = LX_OK;
        for (has_record = true; code == LX_OK && has_record;)
            code = journal_read(cursor, &record, &has_record, &err);
        assert_int_equal(code, LX_ERR_CORRUPT);
        journal_cursor_close(cursor);
        journal_close(journal);
    }
    lx_buffer_release(&bytes);
}

/* One run: append, sync, forget, reopen and read in random order, in segments of random size. */
static void run_workload(uint64_t seed)
{
    static uint64_t tags[RECORDS_MAX];
    struct lx_rng rng = lx_rng_of(seed, 1);
    size_t synced = 0, next = 0;
    struct journal *journal = open_journal(JOURNAL_APPEND);
    for (int step = 0; step < 300; step++) {
        uint64_t choice = lx_rng_below(&rng, 100);
        journal_limit_segments(journal, 64 + lx_rng_below(&rng, 1 << 14));
        if (choice < 60 && next < RECORDS_MAX) {
            tags[next] = lx_rng_next(&rng);
            assert_int_equal(append(journal, tags[next]), next);
            next++;
        } else if (choice < 85) {
            MUST(journal_sync(journal, &err));
            synced = next;
        } else if (choice < 95) {
            expect(journal, tags, synced, lx_rng_below(&rng, synced + 1), "seed", seed);
        } else {
            journal_close(journal);
            next = synced;
            journal = open_journal(JOURNAL_APPEND);
            assert_int_equal(journal_next_position(journal), synced);
        }
    }
    journal_close(journal);
}

static void test_random_workloads_agree_with_a_list(void **state)
{
    for (uint64_t seed = 1; seed <= 12; seed++) {
        run_workload(seed);
        MUST(host_remove_tree(folder, &err));
    }
}

static const uint64_t group_tags[] = {11, 12, 13, 14, 15, 16, 17, 18};

/* Eight records in three groups: 0-2, 3-5, 6-7. *ret_ends are where the records end. */
static void write_groups(struct lx_buffer *ret_bytes, size_t ret_ends[8])
{
    char path[LX_PATH_MAX];
    struct journal *journal = open_journal(JOURNAL_APPEND);
    size_t end = 32;
    bytes_max = 24;
    for (size_t i = 0; i < 8; i++) {
        uint8_t bytes[BYTES_MAX];
        end += 16 + content_of(group_tags[i], bytes);
        ret_ends[i] = end;
        append(journal, group_tags[i]);
        if (i == 2 || i == 5 || i == 7) MUST(journal_sync(journal, &err));
    }
    journal_close(journal);
    segment_name(path, 1);
    read_bytes(path, ret_bytes);
    assert_int_equal(ret_bytes->length, end);
}

/* Not synced: nobody pulls the plug here, and there are thousands. */
static void write_bytes(const char *path, const struct lx_buffer *bytes, size_t length)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes->bytes, 1, length, file), length);
    assert_int_equal(fclose(file), 0);
}

/* Opens for appending what stands in the file, expects `count` records, appends and reads on. */
static void expect_recovered(size_t count, size_t cut, const char *what, uint64_t number)
{
    uint64_t tags[9];
    memcpy(tags, group_tags, sizeof group_tags);
    struct journal *journal = open_journal(JOURNAL_READ);
    expect(journal, tags, count, 0, what, number);
    journal_close(journal);
    journal = open_journal(JOURNAL_APPEND);
    if (journal_next_position(journal) != count || journal_cut_bytes(journal) != cut)
        fail_msg("%s %" PRIu64 ": %" PRIu64 " records and %" PRIu64 " bytes cut, not %zu and %zu",
                 what, number, journal_next_position(journal), journal_cut_bytes(journal), count,
                 cut);
    tags[count] = 99;
    append(journal, 99);
    MUST(journal_sync(journal, &err));
    expect(journal, tags, count + 1, 0, what, number);
    journal_close(journal);
}

static void test_a_file_cut_at_any_byte_keeps_its_whole_records(void **state)
{
    struct lx_buffer bytes;
    size_t ends[8];
    char path[LX_PATH_MAX];
    segment_name(path, 1);
    write_groups(&bytes, ends);
    for (size_t length = 0; length <= bytes.length; length++) {
        struct journal *journal = NULL;
        write_bytes(path, &bytes, length);
        if (length < 32) {
            MUST_FAIL(journal_open(folder, JOURNAL_APPEND, &journal, &err), LX_ERR_CORRUPT);
            continue;
        }
        size_t count = 0;
        while (count < 8 && ends[count] <= length) count++;
        expect_recovered(count, length - (count == 0 ? 32 : ends[count - 1]), "length", length);
    }
    lx_buffer_release(&bytes);
}

static void test_any_bit_turned_over_is_damage_or_the_torn_end_of_the_last_group(void **state)
{
    struct lx_buffer bytes;
    size_t ends[8];
    char path[LX_PATH_MAX];
    segment_name(path, 1);
    write_groups(&bytes, ends);
    for (size_t bit = 0; bit < bytes.length * 8; bit++) {
        struct journal *journal = NULL;
        size_t byte = bit / 8;
        bytes.bytes[byte] = (char)(bytes.bytes[byte] ^ 1 << bit % 8);
        write_bytes(path, &bytes, bytes.length);
        bytes.bytes[byte] = (char)(bytes.bytes[byte] ^ 1 << bit % 8);
        if (byte < ends[5]) {
            enum lx_err code = journal_open(folder, JOURNAL_APPEND, &journal, &err);
            if (code != LX_ERR_CORRUPT || strstr(err.text, "00000001.log: byte ") == NULL)
                fail_msg("bit %zu: %s: %s", bit, lx_err_name(code), err.text);
            continue;
        }
        size_t count = byte < ends[6] ? 6 : 7;
        expect_recovered(count, bytes.length - ends[count - 1], "bit", bit);
    }
    lx_buffer_release(&bytes);
}

/* Groups of three; a sync that fails takes its group back. Ends when nothing failed. */
static bool run_with_faults(uint64_t writes, int number)
{
    static uint64_t tags[RECORDS_MAX];
    size_t count = 0;
    bool has_failed = false;
    struct journal *journal = NULL;
    host_fault_after(writes, number);
    enum lx_err code = journal_open(folder, JOURNAL_APPEND, &journal, &err);
    has_failed = code != LX_OK;
    host_fault_after(has_failed ? 0 : writes, has_failed ? 0 : number);
    if (has_failed) journal = open_journal(JOURNAL_APPEND);
    journal_limit_segments(journal, 2500);
    for (uint64_t group = 0; group < 8; group++) {
        for (uint64_t i = 0; i < 3; i++) {
            tags[count + i] = group * 3 + i;
            assert_int_equal(append(journal, tags[count + i]), count + i);
        }
        code = journal_sync(journal, &err);
        if (code == LX_OK) count += 3;
        if (code == LX_OK) continue;
        has_failed = true;
        assert_int_equal(code, number == ENOSPC ? LX_ERR_DISK_FULL : LX_ERR_IO);
        assert_int_equal(journal_next_position(journal), count);
        expect(journal, tags, count, 0, "while failing, after writes", writes);
        /* Space comes back after the second failure. */
        if (group % 2 == 1) host_fault_after(0, 0);
    }
    host_fault_after(0, 0);
    tags[count++] = 1234;
    append(journal, 1234);
    MUST(journal_sync(journal, &err));
    expect(journal, tags, count, 0, "after writes", writes);
    journal_close(journal);
    journal = open_journal(JOURNAL_READ);
    expect(journal, tags, count, 0, "reopened after writes", writes);
    journal_close(journal);
    MUST(host_remove_tree(folder, &err));
    return has_failed;
}

static void test_every_write_may_fail_and_the_journal_goes_on(void **state)
{
    static const int numbers[] = {ENOSPC, EIO};
    for (size_t i = 0; i < 2; i++) {
        uint64_t writes = 0;
        while (run_with_faults(writes, numbers[i])) writes++;
        assert_true(writes > 20);
    }
}

static void test_every_allocation_may_fail(void **state)
{
    struct journal *journal = open_journal(JOURNAL_APPEND);
    append(journal, 1);
    MUST(journal_sync(journal, &err));
    journal_close(journal);
    for (uint64_t n = 1; n < 200; n++) {
        struct journal_cursor *cursor = NULL;
        struct journal_record record = {0};
        uint64_t position;
        bool has_record = false;
        journal = NULL;
        lx_alloc_fail_at(n);
        enum lx_err code = journal_open(folder, JOURNAL_APPEND, &journal, &err);
        if (code == LX_OK) code = journal_append(journal, "x", 1, &position, &err);
        if (code == LX_OK) code = journal_seek(journal, 0, &cursor, &err);
        if (code == LX_OK) code = journal_read(cursor, &record, &has_record, &err);
        bool is_whole = code == LX_OK && has_record && is_content(&record, 1);
        bool is_over = lx_alloc_count() < n;
        lx_alloc_fail_at(0);
        journal_cursor_close(cursor);
        journal_close(journal);
        if (code != LX_OK && code != LX_ERR_NO_MEMORY)
            fail_msg("allocation %" PRIu64 ": %s: %s", n, lx_err_name(code), err.text);
        if (code == LX_OK) assert_true(is_whole);
        if (is_over) return;
    }
    fail_msg("more than 200 allocations");
}

/* Appends groups for ever; tells each synced count through the pipe. */
static _Noreturn void write_until_killed(int descriptor, uint64_t count)
{
    struct journal *journal = NULL;
    if (journal_open(folder, JOURNAL_APPEND, &journal, &err) != LX_OK) _exit(1);
    journal_limit_segments(journal, 10000);
    for (;;) {
        for (int i = 0; i < 3; i++) append(journal, count++);
        if (journal_sync(journal, &err) != LX_OK) _exit(2);
        if (write(descriptor, &count, sizeof count) != sizeof count) _exit(3);
    }
}

static void test_a_killed_writer_leaves_everything_that_it_had_synced(void **state)
{
    static uint64_t tags[1 << 20];
    uint64_t count = 0;
    struct lx_rng rng = lx_rng_of(4, 4);
    for (uint64_t i = 0; i < LX_COUNT_OF(tags); i++) tags[i] = i;
    for (uint64_t round = 0; round < 8; round++) {
        int ends[2];
        assert_int_equal(pipe(ends), 0);
        pid_t child = fork();
        if (child == 0) write_until_killed(ends[1], count);
        close(ends[1]);
        uint64_t synced = count, more = 0;
        uint64_t wanted = count + 3 + lx_rng_below(&rng, 100);
        while (synced < wanted && read(ends[0], &more, sizeof more) == sizeof more) synced = more;
        kill(child, SIGKILL);
        while (read(ends[0], &more, sizeof more) == sizeof more) synced = more;
        close(ends[0]);
        int status = 0;
        waitpid(child, &status, 0);
        assert_true(WIFSIGNALED(status));
        struct journal *journal = open_journal(JOURNAL_APPEND);
        count = journal_next_position(journal);
        if (count < synced || count > LX_COUNT_OF(tags))
            fail_msg("round %" PRIu64 ": %" PRIu64 " records, %" PRIu64 " were synced", round,
                     count, synced);
        expect(journal, tags, (size_t)count, 0, "round", round);
        journal_close(journal);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(test_records_come_back_in_order_with_their_positions),
        TEST(test_a_bank_without_a_journal_has_an_empty_one),
        TEST(test_what_was_not_synced_is_gone_after_reopening),
        TEST(test_large_records_up_to_the_limit_are_kept_and_larger_refused),
        TEST(test_a_second_appender_is_refused_while_readers_are_not),
        TEST(test_a_reader_finds_what_is_synced_later_in_this_and_in_new_segments),
        TEST(test_a_missing_or_exchanged_segment_is_damage),
        TEST(test_damage_in_an_earlier_segment_is_found_by_reading),
        TEST(test_random_workloads_agree_with_a_list),
        TEST(test_a_file_cut_at_any_byte_keeps_its_whole_records),
        TEST(test_any_bit_turned_over_is_damage_or_the_torn_end_of_the_last_group),
        TEST(test_every_write_may_fail_and_the_journal_goes_on),
        TEST(test_every_allocation_may_fail),
        TEST(test_a_killed_writer_leaves_everything_that_it_had_synced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
