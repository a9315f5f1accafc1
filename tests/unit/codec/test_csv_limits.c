/*
 * Goal:   whatever the file holds, a row takes bounded memory and time: a line that is too long
 *         costs itself only, an open quote costs its own line only, and a failure of the source or
 *         of memory comes back as such.
 * Method: lines around every limit; a source that makes up 100 MB as it goes, with the process's
 *         peak memory watched; a file in which every line opens a quote that is never closed,
 *         which takes hours unless the work is linear; every allocation and every read failed
 *         once.
 */
#include "cmocka_all.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "base/limits.h"
#include "codec/csv.h"

static const struct csv_format comma = {.quote = '"'};

static void append_many(struct lx_buffer *buffer, char byte, size_t count)
{
    char *room = lx_buffer_reserve(buffer, count);
    assert_non_null(room);
    memset(room, byte, count);
    lx_buffer_advance(buffer, count);
}

static struct csv_reader *open_text(const struct lx_buffer *text, struct csv_memory *memory)
{
    *memory = (struct csv_memory){lx_buffer_text(text), text->length, 0};
    struct csv_reader *reader = NULL;
    assert_int_equal(csv_reader_open(&comma, csv_source_of_memory(memory), &reader, NULL), LX_OK);
    return reader;
}

static const struct csv_row *next_row(struct csv_reader *reader)
{
    const struct csv_row *row;
    assert_int_equal(csv_next(reader, &row, NULL), LX_OK);
    return row;
}

static void expect_row(struct csv_reader *reader, uint64_t line, enum csv_problem problem,
                       size_t count)
{
    const struct csv_row *row = next_row(reader);
    if (row == NULL) fail_msg("the end, want line %d", (int)line);
    if (row->line != line || row->problem != problem || row->count != count)
        fail_msg("line %d: %s, %zu fields; want line %d: %s, %zu fields", (int)row->line,
                 csv_problem_text(row->problem), row->count, (int)line, csv_problem_text(problem),
                 count);
}

static void test_a_line_of_the_maximum_is_read_and_one_byte_more_is_not(void **state)
{
    (void)state;
    static const char *const ends[] = {"\n", "\r\n", "\r", ""};
    for (size_t i = 0; i < 2 * LX_COUNT_OF(ends); i++) {
        const char *end = ends[i / 2];
        size_t extra = i % 2;
        struct lx_buffer text;
        lx_buffer_init(&text, 4 << 20);
        lx_buffer_append_text(&text, "first\n");
        append_many(&text, 'x', LX_LINE_MAX - 2 + extra);
        lx_buffer_append_text(&text, ",y");
        lx_buffer_append_text(&text, end);
        if (end[0] != '\0') lx_buffer_append_text(&text, "last,row");
        struct csv_memory memory;
        struct csv_reader *reader = open_text(&text, &memory);
        expect_row(reader, 1, CSV_PROBLEM_NONE, 1);
        if (extra == 0)
            expect_row(reader, 2, CSV_PROBLEM_NONE, 2);
        else
            expect_row(reader, 2, CSV_PROBLEM_TOO_LONG, 0);
        if (end[0] != '\0') expect_row(reader, 3, CSV_PROBLEM_NONE, 2);
        assert_null(next_row(reader));
        csv_reader_close(reader);
        lx_buffer_release(&text);
    }
}

static void test_the_largest_row_keeps_its_bytes(void **state)
{
    (void)state;
    struct lx_buffer text;
    lx_buffer_init(&text, 4 << 20);
    lx_buffer_append_text(&text, "a\n\"");
    while (text.length < LX_LINE_MAX - 100) lx_buffer_printf(&text, "%zu\"\"\n", text.length);
    lx_buffer_append_text(&text, "\",客户\nb\n");
    struct csv_memory memory;
    struct csv_reader *reader = open_text(&text, &memory);
    expect_row(reader, 1, CSV_PROBLEM_NONE, 1);
    const struct csv_row *row = next_row(reader);
    assert_int_equal(row->problem, CSV_PROBLEM_NONE);
    assert_int_equal(row->count, 2);
    size_t at = 0, lines = 0;
    for (size_t number = 3; at < row->fields[0].length; lines++) {
        char want[32];
        int length = snprintf(want, sizeof want, "%zu\"\n", number);
        assert_memory_equal(row->fields[0].text + at, want, (size_t)length);
        at += (size_t)length;
        number += (size_t)length + 1;
    }
    assert_memory_equal(row->fields[1].text, "客户", 6);
    expect_row(reader, 2 + lines + 1, CSV_PROBLEM_NONE, 1);
    csv_reader_close(reader);
    lx_buffer_release(&text);
}

/* A row, a line of `length` bytes, a row; made up on the way. */
struct long_line {
    uint64_t length, at;
};

static enum lx_err read_long_line(void *context, void *bytes, size_t size, size_t *ret_length,
                                  struct lx_error *err)
{
    (void)err;
    static const char head[] = "id,name\n", tail[] = "\nlast,\"row\"\n";
    struct long_line *line = context;
    uint64_t total = sizeof head - 1 + line->length + sizeof tail - 1, done = 0;
    for (char *out = bytes; done < size && line->at < total; line->at++, done++) {
        if (line->at < sizeof head - 1)
            out[done] = head[line->at];
        else if (line->at < sizeof head - 1 + line->length)
            out[done] = line->at % 10 == 0 ? ',' : 'x';
        else
            out[done] = tail[line->at - (sizeof head - 1) - line->length];
    }
    *ret_length = (size_t)done;
    return LX_OK;
}

static void test_a_line_of_100_mb_costs_itself_and_little_memory(void **state)
{
    (void)state;
    struct rusage before, after;
    getrusage(RUSAGE_SELF, &before);
    struct long_line line = {.length = 100000000};
    struct csv_reader *reader = NULL;
    struct csv_source source = {&line, read_long_line};
    assert_int_equal(csv_reader_open(&comma, source, &reader, NULL), LX_OK);
    expect_row(reader, 1, CSV_PROBLEM_NONE, 2);
    expect_row(reader, 2, CSV_PROBLEM_TOO_LONG, 0);
    expect_row(reader, 3, CSV_PROBLEM_NONE, 2);
    assert_null(next_row(reader));
    assert_int_equal(csv_bytes_read(reader), 100000000 + 8 + 12);
    csv_reader_close(reader);
    getrusage(RUSAGE_SELF, &after);
    assert_true(after.ru_maxrss - before.ru_maxrss < 8 * 1024);
}

static void test_an_open_quote_is_given_up_after_the_maximum(void **state)
{
    (void)state;
    enum { LINES = 200000 };
    struct lx_buffer text;
    lx_buffer_init(&text, 8 << 20);
    lx_buffer_append_text(&text, "1,\"open\n");
    for (int i = 2; i <= LINES; i++) lx_buffer_printf(&text, "%d,good\n", i);
    assert_true(text.length > LX_LINE_MAX + 1000);
    struct csv_memory memory;
    struct csv_reader *reader = open_text(&text, &memory);
    expect_row(reader, 1, CSV_PROBLEM_OPEN_QUOTE, 2);
    for (uint64_t i = 2; i <= LINES; i++) expect_row(reader, i, CSV_PROBLEM_NONE, 2);
    assert_null(next_row(reader));
    csv_reader_close(reader);
    lx_buffer_release(&text);
}

static void test_a_row_that_is_too_long_after_its_quotes_is_cut_to_its_first_line(void **state)
{
    (void)state;
    struct lx_buffer text;
    lx_buffer_init(&text, 8 << 20);
    lx_buffer_append_text(&text, "1,\"two\nlines\",");
    append_many(&text, 'x', LX_LINE_MAX);
    lx_buffer_append_text(&text, "\n3,c\n");
    struct csv_memory memory;
    struct csv_reader *reader = open_text(&text, &memory);
    expect_row(reader, 1, CSV_PROBLEM_TOO_LONG, 2);
    expect_row(reader, 2, CSV_PROBLEM_TOO_LONG, 0);
    expect_row(reader, 3, CSV_PROBLEM_NONE, 2);
    assert_null(next_row(reader));
    csv_reader_close(reader);
    lx_buffer_release(&text);
}

static void test_a_stray_quote_on_a_line_around_the_maximum(void **state)
{
    (void)state;
    for (size_t extra = 0; extra < 2; extra++) {
        struct lx_buffer text;
        lx_buffer_init(&text, 4 << 20);
        lx_buffer_append_text(&text, "\"a\"");
        append_many(&text, 'x', LX_LINE_MAX - 3 + extra);
        lx_buffer_append_text(&text, "\n2,b\n");
        struct csv_memory memory;
        struct csv_reader *reader = open_text(&text, &memory);
        if (extra == 0)
            expect_row(reader, 1, CSV_PROBLEM_TEXT_AFTER_QUOTE, 1);
        else
            expect_row(reader, 1, CSV_PROBLEM_TOO_LONG, 0);
        expect_row(reader, 2, CSV_PROBLEM_NONE, 2);
        assert_null(next_row(reader));
        csv_reader_close(reader);
        lx_buffer_release(&text);
    }
}

static void test_time_is_linear_when_every_line_opens_a_quote(void **state)
{
    (void)state;
    enum { LINES = 150000 };
    struct lx_buffer text;
    lx_buffer_init(&text, 8 << 20);
    /* Outside quotes the first two are text and the third opens; inside, the first closes. */
    for (int i = 0; i < LINES; i++) lx_buffer_append_text(&text, "a\",\"\"\",b\n");
    struct csv_memory memory;
    struct csv_reader *reader = open_text(&text, &memory);
    for (uint64_t i = 1; i <= LINES; i++) expect_row(reader, i, CSV_PROBLEM_OPEN_QUOTE, 2);
    assert_null(next_row(reader));
    csv_reader_close(reader);
    lx_buffer_release(&text);
}

static void test_the_most_fields_are_read_and_one_more_is_a_problem(void **state)
{
    (void)state;
    for (size_t extra = 0; extra < 2; extra++) {
        struct lx_buffer text;
        lx_buffer_init(&text, 1 << 20);
        for (size_t i = 1; i < LX_FIELDS_MAX + extra; i++) lx_buffer_append_text(&text, "1,");
        lx_buffer_append_text(&text, "1\nnext,row\n");
        struct csv_memory memory;
        struct csv_reader *reader = open_text(&text, &memory);
        expect_row(reader, 1, extra == 0 ? CSV_PROBLEM_NONE : CSV_PROBLEM_TOO_MANY_FIELDS,
                   LX_FIELDS_MAX);
        expect_row(reader, 2, CSV_PROBLEM_NONE, 2);
        assert_null(next_row(reader));
        csv_reader_close(reader);
        lx_buffer_release(&text);
    }
}

/* Bytes of `memory` in pieces of 7; the read number `fails_at` fails. */
struct faulty {
    struct csv_memory memory;
    int reads, fails_at;
};

static enum lx_err read_faulty(void *context, void *bytes, size_t size, size_t *ret_length,
                               struct lx_error *err)
{
    struct faulty *faulty = context;
    if (++faulty->reads == faulty->fails_at)
        return lx_fail(err, LX_ERR_IO, "dump.csv: cannot read");
    struct csv_source source = csv_source_of_memory(&faulty->memory);
    return source.read(source.context, bytes, size < 7 ? size : 7, ret_length, err);
}

static void test_a_failure_of_the_source_is_passed_on(void **state)
{
    (void)state;
    static const char text[] = "id,name\n1,\"a\r\nb\"\"\r\"\r\n2,|@|x\n";
    for (int fails_at = 1;; fails_at++) {
        struct faulty faulty = {{text, sizeof text - 1, 0}, 0, fails_at};
        struct csv_reader *reader = NULL;
        const struct csv_row *row = NULL;
        struct lx_error err = {0};
        struct csv_format format = {.quote = '"',
                                    .encoding = fails_at % 2 ? CSV_UTF8 : CSV_GB18030};
        struct csv_source source = {&faulty, read_faulty};
        enum lx_err code = csv_reader_open(&format, source, &reader, &err);
        do code = csv_next(reader, &row, &err);
        while (code == LX_OK && row != NULL);
        bool was_reached = faulty.reads >= fails_at;
        assert_int_equal(code, was_reached ? LX_ERR_IO : LX_OK);
        if (was_reached) assert_string_equal(err.text, "dump.csv: cannot read");
        assert_int_equal(csv_next(reader, &row, &err), code);
        csv_reader_close(reader);
        if (!was_reached) break;
    }
}

/* The text is larger than the first window, so that reading allocates, too. */
static void test_short_memory_is_an_error_and_leaks_nothing(void **state)
{
    (void)state;
    struct lx_buffer text;
    lx_buffer_init(&text, 1 << 20);
    append_many(&text, 'x', 500000);
    for (uint64_t chosen = 1;; chosen++) {
        struct csv_memory memory = {text.bytes, text.length, 0};
        struct csv_format format = {.quote = '"', .encoding = CSV_GB18030};
        struct csv_reader *reader = NULL;
        const struct csv_row *row = NULL;
        lx_alloc_fail_at(chosen);
        enum lx_err code = csv_reader_open(&format, csv_source_of_memory(&memory), &reader, NULL);
        assert_int_equal(reader == NULL, code != LX_OK);
        if (code == LX_OK) code = csv_next(reader, &row, NULL);
        bool was_reached = lx_alloc_count() >= chosen;
        lx_alloc_fail_at(0);
        assert_int_equal(code, was_reached ? LX_ERR_NO_MEMORY : LX_OK);
        assert_int_equal(row == NULL, was_reached);
        if (reader != NULL) assert_int_equal(csv_next(reader, &row, NULL), code);
        csv_reader_close(reader);
        if (!was_reached) break;
    }
    lx_buffer_release(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_line_of_the_maximum_is_read_and_one_byte_more_is_not),
        cmocka_unit_test(test_the_largest_row_keeps_its_bytes),
        cmocka_unit_test(test_a_line_of_100_mb_costs_itself_and_little_memory),
        cmocka_unit_test(test_an_open_quote_is_given_up_after_the_maximum),
        cmocka_unit_test(test_a_row_that_is_too_long_after_its_quotes_is_cut_to_its_first_line),
        cmocka_unit_test(test_a_stray_quote_on_a_line_around_the_maximum),
        cmocka_unit_test(test_time_is_linear_when_every_line_opens_a_quote),
        cmocka_unit_test(test_the_most_fields_are_read_and_one_more_is_a_problem),
        cmocka_unit_test(test_a_failure_of_the_source_is_passed_on),
        cmocka_unit_test(test_short_memory_is_an_error_and_leaks_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
