/*
 * Goal:   what was written is what is read, column by column, and a writer that does not commit or
 *         cannot write leaves the folder as it was.
 * Method: a small frame with each type read back; random frames written whole and piece by piece,
 *         compared as bytes; the disk made full, and memory refused, at every step.
 */
#include "small_frame.h"

#include <errno.h>

#include "base/buffer.h"
#include "base/rng.h"

static char scratch[LX_PATH_MAX];

static int open_scratch(void **state)
{
    scratch_make(scratch);
    return 0;
}

static int close_scratch(void **state)
{
    scratch_remove(scratch);
    return 0;
}

static size_t file_count(void)
{
    struct host_names names = {0};
    struct lx_error err;
    MUST(host_list(scratch, &names, &err));
    size_t count = names.count;
    host_names_release(&names);
    return count;
}

static void check_column(const struct frame *frame, const char *name, enum frame_type type,
                         const void *values, size_t size_bytes)
{
    struct frame_column column;
    struct lx_error err;
    MUST(frame_column_named(frame, name, type, &column, &err));
    assert_string_equal(column.name, name);
    assert_int_equal((uintptr_t)column.values % FRAME_ALIGNMENT, 0);
    assert_int_equal(column.count * column.element_size, size_bytes);
    assert_memory_equal(column.values, values, size_bytes);
}

static void test_every_type_reads_back_as_it_was_written(void **state)
{
    char path[LX_PATH_MAX];
    struct lx_error err;
    struct frame *frame = NULL;
    in_scratch(scratch, "small.frame", path);
    MUST(small_write(path, &err));
    assert_int_equal(file_count(), 1);
    MUST(frame_open(path, &frame, &err));
    MUST(frame_verify(frame, &err));

    assert_int_equal(frame_row_count(frame), SMALL_ROWS);
    assert_int_equal(frame_column_count(frame), SMALL_COLUMNS);
    check_column(frame, "f32", FRAME_F32, small_f32, sizeof small_f32);
    check_column(frame, "i32", FRAME_I32, small_i32, sizeof small_i32);
    check_column(frame, "i64", FRAME_I64, small_i64, sizeof small_i64);
    check_column(frame, "u8", FRAME_U8, small_u8, sizeof small_u8);
    check_column(frame, "text", FRAME_TEXT, small_text, 12);
    check_column(frame, "list", FRAME_LIST, small_list, sizeof small_list);
    check_column(frame, "i16", FRAME_I16, small_i16, sizeof small_i16);
    check_column(frame, "u16", FRAME_U16, small_u16, sizeof small_u16);
    check_column(frame, "f64", FRAME_F64, small_f64, sizeof small_f64);
    check_column(frame, "blob", FRAME_BLOB, small_blob, sizeof small_blob);
    size_t length;
    const char *meta = frame_meta(frame, &length);
    assert_int_equal(length, sizeof small_meta - 1);
    assert_memory_equal(meta, small_meta, length);
    frame_close(frame);
}

static void test_rows_of_lists_are_found(void **state)
{
    static const struct {
        uint64_t row;
        const char *text;
        size_t list_count;
    } rows[] = {{0, "abc", 0}, {1, "", 2}, {2, "灵犀", 0}, {3, "x", 0}, {4, "--", 1}};
    char path[LX_PATH_MAX];
    struct lx_error err;
    struct frame *frame = NULL;
    struct frame_column text, list;
    in_scratch(scratch, "small.frame", path);
    MUST(small_write(path, &err));
    MUST(frame_open(path, &frame, &err));
    MUST(frame_column_named(frame, "text", FRAME_TEXT, &text, &err));
    MUST(frame_column_named(frame, "list", FRAME_LIST, &list, &err));
    for (size_t i = 0; i < LX_COUNT_OF(rows); i++) {
        size_t length, count;
        const char *bytes = frame_list_at(&text, rows[i].row, &length);
        if (length != strlen(rows[i].text) || memcmp(bytes, rows[i].text, length) != 0)
            fail_msg("row %zu: got \"%.*s\", want \"%s\"", i, (int)length, bytes, rows[i].text);
        frame_list_at(&list, rows[i].row, &count);
        if (count != rows[i].list_count)
            fail_msg("row %zu: got %zu elements, want %zu", i, count, rows[i].list_count);
    }
    frame_close(frame);
}

static void test_nulls_and_strings_of_a_dictionary_read_back(void **state)
{
    static const char *const texts[] = {"web", NULL, "APPapp", "web", NULL};
    char path[LX_PATH_MAX];
    struct lx_error err;
    struct frame *frame = NULL;
    struct frame_column names, i16, u16;
    in_scratch(scratch, "small.frame", path);
    MUST(small_write(path, &err));
    MUST(frame_open(path, &frame, &err));
    MUST(frame_column_named(frame, "names", FRAME_DICTIONARY, &names, &err));
    MUST(frame_column_named(frame, "i16", FRAME_I16, &i16, &err));
    MUST(frame_column_named(frame, "u16", FRAME_U16, &u16, &err));
    assert_null(u16.nulls);
    assert_int_equal(i16.nulls[0], small_nulls[0]);
    assert_int_equal(names.element_size, 1);
    assert_int_equal(names.strings.count, 2);
    for (size_t row = 0; row < SMALL_ROWS; row++) {
        bool is_null = (names.nulls[0] >> row & 1) != 0;
        if (is_null != (texts[row] == NULL)) fail_msg("row %zu: null %d", row, is_null);
        if (is_null) continue;
        size_t length;
        const char *text = frame_string_at(&names, ((const uint8_t *)names.values)[row], &length);
        if (length != strlen(texts[row]) || memcmp(text, texts[row], length) != 0)
            fail_msg("row %zu: got \"%.*s\", want \"%s\"", row, (int)length, text, texts[row]);
    }
    size_t length;
    frame_string_at(&names, 2, &length);
    assert_int_equal(length, 0);
    const char *none = frame_string_at(&u16, 0, &length); /* a column without a dictionary */
    assert_int_equal(length, 0);
    assert_non_null(none);
    frame_close(frame);
}

static void test_verifying_beside_the_work_gives_the_same_answer(void **state)
{
    char path[LX_PATH_MAX];
    struct lx_error err;
    struct frame *frame = NULL;
    struct frame_check *check = NULL;
    struct lx_buffer bytes;
    in_scratch(scratch, "small.frame", path);
    MUST(small_write(path, &err));
    MUST(frame_open(path, &frame, &err));
    MUST(frame_verify_start(frame, &check, &err));
    MUST(frame_check_finish(check, &err));
    MUST(frame_verify_start(frame, &check, &err));
    MUST(frame_check_peek(check, &err));
    while (!frame_check_is_done(check)) continue;
    MUST(frame_check_peek(check, &err));
    frame_check_cancel(check);
    MUST(frame_check_finish(check, &err));
    frame_close(frame);

    lx_buffer_init(&bytes, 1 << 20);
    MUST(host_read_file(path, &bytes, &err));
    bytes.bytes[64] ^= 1; /* in the first column's values */
    MUST(host_write_atomic(path, bytes.bytes, bytes.length, &err));
    lx_buffer_release(&bytes);
    MUST(frame_open(path, &frame, &err));
    MUST(frame_verify_start(frame, &check, &err));
    while (!frame_check_is_done(check)) continue;
    assert_int_equal(frame_check_peek(check, &err), LX_ERR_CORRUPT);
    assert_non_null(strstr(err.text, "column f32: values: checksum does not match"));
    assert_int_equal(frame_check_finish(check, &err), LX_ERR_CORRUPT);
    assert_non_null(strstr(err.text, "column f32: values: checksum does not match"));
    MUST(frame_verify_start(frame, &check, &err));
    frame_check_cancel(check);
    enum lx_err code = frame_check_finish(check, &err);
    assert_true(code == LX_ERR_CANCELLED || code == LX_ERR_CORRUPT);
    frame_close(frame);
}

static void test_a_missing_column_and_another_type_are_named(void **state)
{
    char path[LX_PATH_MAX];
    struct lx_error err;
    struct frame *frame = NULL;
    struct frame_column column;
    in_scratch(scratch, "small.frame", path);
    MUST(small_write(path, &err));
    MUST(frame_open(path, &frame, &err));
    assert_int_equal(frame_column_named(frame, "f65", FRAME_F32, &column, &err), LX_ERR_CORRUPT);
    assert_non_null(strstr(err.text, "small.frame: column f65: missing"));
    assert_int_equal(frame_column_named(frame, "f32", FRAME_I64, &column, &err), LX_ERR_CORRUPT);
    assert_non_null(strstr(err.text, "column f32: type 1, expected 3"));
    assert_int_equal(frame_column_at(frame, SMALL_COLUMNS, &column, &err), LX_ERR_CORRUPT);
    MUST(frame_column_at(frame, SMALL_COLUMNS - 1, &column, &err));
    assert_string_equal(column.name, "blob");
    frame_close(frame);
    assert_int_equal(frame_open("no/such/file", &frame, &err), LX_ERR_NOT_FOUND);
}

static void test_a_frame_without_rows_or_columns_is_whole(void **state)
{
    static const uint64_t no_offsets[1] = {0};
    char path[LX_PATH_MAX];
    struct lx_error err;
    for (int has_columns = 0; has_columns < 2; has_columns++) {
        struct frame_writer *writer = NULL;
        struct frame *frame = NULL;
        in_scratch(scratch, "empty.frame", path);
        MUST(frame_writer_open(path, 0, &writer, &err));
        if (has_columns) {
            MUST(frame_write_column(writer, "f", FRAME_F32, NULL, &err));
            MUST(frame_write_list(writer, "t", FRAME_TEXT, 1, no_offsets, NULL, &err));
        }
        MUST(frame_writer_commit(writer, "", 0, &err));
        frame_writer_close(writer);
        MUST(frame_open(path, &frame, &err));
        MUST(frame_verify(frame, &err));
        assert_int_equal(frame_row_count(frame), 0);
        assert_int_equal(frame_column_count(frame), has_columns * 2);
        frame_close(frame);
    }
}

static void test_a_writer_that_does_not_commit_leaves_no_trace(void **state)
{
    char path[LX_PATH_MAX];
    struct lx_error err;
    struct frame_writer *writer = NULL;
    MUST(frame_writer_open(in_scratch(scratch, "a.frame", path), 3, &writer, &err));
    MUST(frame_write_column(writer, "u", FRAME_U8, small_u8, &err));
    assert_int_equal(file_count(), 1);
    frame_writer_close(writer);
    assert_int_equal(file_count(), 0);
}

static void test_a_full_disk_at_any_write_leaves_what_was_there(void **state)
{
    char path[LX_PATH_MAX];
    struct lx_error err = {LX_OK, ""};
    struct frame *frame = NULL;
    in_scratch(scratch, "small.frame", path);
    uint64_t writes = 0;
    for (;; writes++) {
        host_fault_after(writes, ENOSPC);
        enum lx_err code = small_write(path, &err);
        host_fault_after(0, 0);
        if (code == LX_OK) break;
        assert_int_equal(code, LX_ERR_DISK_FULL);
        /* Once renamed the file is there and whole, only the folder was not synced. */
        if (host_exists(path)) {
            MUST(frame_open(path, &frame, &err));
            MUST(frame_verify(frame, &err));
            frame_close(frame);
            assert_int_equal(file_count(), 1);
            MUST(host_remove(path, &err));
            continue;
        }
        if (file_count() != 0) fail_msg("after write %lu: a trace", (unsigned long)writes);
    }
    assert_true(writes > 15);
}

static void test_a_failed_replacement_keeps_the_old_frame(void **state)
{
    char path[LX_PATH_MAX];
    struct lx_error err;
    struct lx_buffer before, after;
    in_scratch(scratch, "small.frame", path);
    MUST(small_write(path, &err));
    lx_buffer_init(&before, 1 << 20);
    lx_buffer_init(&after, 1 << 20);
    MUST(host_read_file(path, &before, &err));
    host_fault_after(10, ENOSPC);
    assert_int_equal(small_write(path, &err), LX_ERR_DISK_FULL);
    host_fault_after(0, 0);
    MUST(host_read_file(path, &after, &err));
    assert_int_equal(before.length, after.length);
    assert_memory_equal(before.bytes, after.bytes, before.length);
    assert_int_equal(file_count(), 1);
    lx_buffer_release(&before);
    lx_buffer_release(&after);
}

static void test_refused_memory_is_an_error_and_loses_none(void **state)
{
    char path[LX_PATH_MAX];
    struct lx_error err;
    uint64_t allocation = 1;
    in_scratch(scratch, "small.frame", path);
    for (;; allocation++) {
        lx_alloc_fail_at(allocation);
        enum lx_err code = small_write(path, &err);
        lx_alloc_fail_at(0);
        if (code == LX_OK) break;
        assert_int_equal(code, LX_ERR_NO_MEMORY);
        assert_int_equal(file_count(), 0);
    }
    assert_true(allocation > 3);
    for (allocation = 1;; allocation++) {
        struct frame *frame = NULL;
        lx_alloc_fail_at(allocation);
        enum lx_err code = frame_open(path, &frame, &err);
        lx_alloc_fail_at(0);
        frame_close(frame);
        if (code == LX_OK) break;
        assert_int_equal(code, LX_ERR_NO_MEMORY);
    }
    assert_true(allocation > 2);
}

/* What most of a test's random rows of a set look like: few, half, nearly all, or in runs. */
static bool is_in_set(struct lx_rng *rng, uint64_t shape, size_t row)
{
    if (shape == 3) return row / 700 % 2 == 0;
    static const double chances[] = {0.001, 0.5, 0.97};
    return lx_rng_chance(rng, chances[shape]);
}

static void test_sets_of_rows_read_back_word_by_word(void **state)
{
    char path[LX_PATH_MAX];
    struct lx_error err;
    in_scratch(scratch, "sets.frame", path);
    for (uint64_t seed = 0; seed < 12; seed++) {
        struct lx_rng rng = lx_rng_of(seed, 3);
        size_t rows = 1 + (size_t)lx_rng_below(&rng, 200000), words = frame_bit_words(rows);
        uint64_t *bits = lx_calloc(words, sizeof *bits), *read = lx_calloc(words, sizeof *read);
        for (size_t row = 0; row < rows; row++)
            if (is_in_set(&rng, (row / 65536 + seed) % 4, row))
                bits[row / 64] |= (uint64_t)1 << row % 64;
        struct frame_writer *writer = NULL;
        struct frame *frame = NULL;
        const struct roaring_bitmap_s *bitmap = NULL;
        MUST(frame_writer_open(path, rows, &writer, &err));
        MUST(frame_write_bits(writer, "set", bits, &err));
        MUST(frame_writer_commit(writer, "", 0, &err));
        frame_writer_close(writer);
        MUST(frame_open(path, &frame, &err));
        MUST(frame_verify(frame, &err));
        MUST(frame_bitmap_open(frame, "set", &bitmap, &err));
        for (size_t first = 0; first < words;) {
            size_t count = 1 + (size_t)lx_rng_below(&rng, words - first);
            frame_bitmap_words(bitmap, first, count, read + first);
            first += count;
        }
        for (size_t i = 0; i < words; i++)
            if (bits[i] != read[i])
                fail_msg("seed %lu: word %zu: got %016lx, want %016lx", (unsigned long)seed, i,
                         (unsigned long)read[i], (unsigned long)bits[i]);
        uint64_t past = 1;
        frame_bitmap_words(bitmap, words + 5000, 1, &past);
        assert_int_equal(past, 0);
        frame_bitmap_close(bitmap);
        frame_close(frame);
        lx_free(bits);
        lx_free(read);
    }
}

/* A column of random type and content. */
struct random_column {
    char name[32];
    enum frame_type type;
    size_t element_size, count;
    uint64_t *offsets, *nulls;
    uint8_t *values;
};

static void random_column(struct lx_rng *rng, size_t rows, size_t number,
                          struct random_column *column)
{
    static const size_t sizes[] = {0, 4, 4, 8, 1, 1, 0, 1, 2, 2, 8};
    *column = (struct random_column){.type = (enum frame_type)(1 + lx_rng_below(rng, 10))};
    snprintf(column->name, sizeof column->name, "column_%zu", number);
    column->element_size =
        column->type == FRAME_LIST ? 1 + lx_rng_below(rng, 24) : sizes[column->type];
    column->count = column->type == FRAME_BLOB ? lx_rng_below(rng, 300) : rows;
    if (column->type == FRAME_TEXT || column->type == FRAME_LIST) {
        column->offsets = lx_calloc(rows + 1, sizeof *column->offsets);
        for (size_t i = 0; i < rows; i++)
            column->offsets[i + 1] = column->offsets[i] + lx_rng_below(rng, 4);
        column->count = column->offsets[rows];
    }
    bool can_be_null = column->type != FRAME_F32 && column->type != FRAME_F64 &&
                       column->type != FRAME_BLOB && column->offsets == NULL;
    if (can_be_null && lx_rng_chance(rng, 0.5)) {
        size_t words = frame_bit_words(rows);
        column->nulls = lx_calloc(words + 1, sizeof *column->nulls);
        for (size_t i = 0; i < words; i++) column->nulls[i] = lx_rng_next(rng);
        if (rows % 64 != 0) column->nulls[words - 1] &= ((uint64_t)1 << rows % 64) - 1;
    }
    column->values = lx_malloc(column->count * column->element_size + 1);
    for (size_t i = 0; i < column->count * column->element_size; i++)
        column->values[i] = (uint8_t)lx_rng_next(rng);
}

static void write_whole(struct frame_writer *writer, const struct random_column *column,
                        size_t rows)
{
    struct lx_error err;
    if (column->offsets != NULL)
        MUST(frame_write_list(writer, column->name, column->type, column->element_size,
                              column->offsets, column->values, &err));
    else if (column->type == FRAME_BLOB)
        MUST(frame_write_blob(writer, column->name, column->values, column->count, &err));
    else
        MUST(frame_write_nullable(writer, column->name, column->type, column->values, column->nulls,
                                  &err));
}

static void write_in_pieces(struct frame_writer *writer, const struct random_column *column,
                            size_t rows, struct lx_rng *rng)
{
    struct lx_error err;
    MUST(frame_column_begin(writer, column->name, column->type, column->element_size, &err));
    for (size_t done = 0; column->offsets != NULL && done < rows + 1;) {
        size_t count = lx_rng_below(rng, rows + 2 - done);
        MUST(frame_column_offsets(writer, column->offsets + done, count, &err));
        done += count;
    }
    for (size_t done = 0, words = frame_bit_words(rows); column->nulls != NULL && done < words;) {
        size_t count = 1 + (size_t)lx_rng_below(rng, words - done);
        MUST(frame_column_nulls(writer, column->nulls + done, count, &err));
        done += count;
    }
    if (column->nulls != NULL && rows == 0) MUST(frame_column_nulls(writer, NULL, 0, &err));
    for (size_t done = 0; done < column->count;) {
        size_t count = lx_rng_below(rng, column->count - done + 1);
        MUST(
            frame_column_values(writer, column->values + done * column->element_size, count, &err));
        done += count;
    }
    MUST(frame_column_end(writer, &err));
}

static void compare_files(const char *a, const char *b, uint64_t seed)
{
    struct lx_buffer left, right;
    struct lx_error err;
    lx_buffer_init(&left, 1 << 24);
    lx_buffer_init(&right, 1 << 24);
    MUST(host_read_file(a, &left, &err));
    MUST(host_read_file(b, &right, &err));
    if (left.length != right.length || memcmp(left.bytes, right.bytes, left.length) != 0)
        fail_msg("seed %lu: the files differ", (unsigned long)seed);
    lx_buffer_release(&left);
    lx_buffer_release(&right);
}

static void test_pieces_make_the_same_file_as_whole_columns(void **state)
{
    char whole[LX_PATH_MAX], pieces[LX_PATH_MAX];
    in_scratch(scratch, "whole.frame", whole);
    in_scratch(scratch, "pieces.frame", pieces);
    for (uint64_t seed = 0; seed < 60; seed++) {
        struct lx_rng rng = lx_rng_of(seed, 1);
        struct lx_error err;
        struct frame_writer *a = NULL, *b = NULL;
        struct frame *frame = NULL;
        size_t rows = lx_rng_below(&rng, 200), count = lx_rng_below(&rng, 12);
        MUST(frame_writer_open(whole, rows, &a, &err));
        MUST(frame_writer_open(pieces, rows, &b, &err));
        for (size_t i = 0; i < count; i++) {
            struct random_column column;
            random_column(&rng, rows, i, &column);
            write_whole(a, &column, rows);
            write_in_pieces(b, &column, rows, &rng);
            lx_free(column.offsets);
            lx_free(column.nulls);
            lx_free(column.values);
        }
        MUST(frame_writer_commit(a, "m", 1, &err));
        MUST(frame_writer_commit(b, "m", 1, &err));
        frame_writer_close(a);
        frame_writer_close(b);
        compare_files(whole, pieces, seed);
        MUST(frame_open(pieces, &frame, &err));
        MUST(frame_verify(frame, &err));
        assert_int_equal(frame_column_count(frame), count);
        frame_close(frame);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_scratch, close_scratch)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_every_type_reads_back_as_it_was_written),
        TEST(test_rows_of_lists_are_found),
        TEST(test_nulls_and_strings_of_a_dictionary_read_back),
        TEST(test_sets_of_rows_read_back_word_by_word),
        TEST(test_verifying_beside_the_work_gives_the_same_answer),
        TEST(test_a_missing_column_and_another_type_are_named),
        TEST(test_a_frame_without_rows_or_columns_is_whole),
        TEST(test_a_writer_that_does_not_commit_leaves_no_trace),
        TEST(test_a_full_disk_at_any_write_leaves_what_was_there),
        TEST(test_a_failed_replacement_keeps_the_old_frame),
        TEST(test_refused_memory_is_an_error_and_loses_none),
        TEST(test_pieces_make_the_same_file_as_whole_columns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
