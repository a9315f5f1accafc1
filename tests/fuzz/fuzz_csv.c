/*
 * fuzz_csv: whatever a file holds, rows come with growing lines and, where they have no problem,
 * with fields that are text; such rows can be written and read back the same. The first three
 * bytes choose the format and the size of the source's pieces.
 */
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "codec/csv.h"
#include "codec/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct pieces {
    struct csv_memory memory;
    size_t step;
};

static enum lx_err read_piece(void *context, void *bytes, size_t size, size_t *ret_length,
                              struct lx_error *err)
{
    struct pieces *pieces = context;
    struct csv_source source = csv_source_of_memory(&pieces->memory);
    return source.read(source.context, bytes, size < pieces->step ? size : pieces->step, ret_length,
                       err);
}

static void require(bool holds)
{
    if (!holds) abort();
}

static void check_row(const struct csv_row *row, uint64_t last_line)
{
    require(row->line > last_line && row->count <= LX_FIELDS_MAX);
    require(row->count > 0 || row->problem == CSV_PROBLEM_TOO_LONG);
    require(row->problem_field <= row->count);
    for (size_t i = 0; i < row->count && row->problem == CSV_PROBLEM_NONE; i++) {
        const struct csv_field *field = &row->fields[i];
        require(memchr(field->text, '\0', field->length) == NULL);
        require(utf8_valid_length(field->text, field->length) == field->length);
    }
}

static struct csv_reader *open_reader(const struct csv_format *format, struct csv_source source)
{
    struct csv_reader *reader = NULL;
    require(csv_reader_open(format, source, &reader, NULL) == LX_OK);
    return reader;
}

static const struct csv_row *next_row(struct csv_reader *reader)
{
    const struct csv_row *row = NULL;
    require(csv_next(reader, &row, NULL) == LX_OK);
    return row;
}

static void check_same(const struct csv_row *row, const struct csv_row *again)
{
    require(again != NULL && again->problem == CSV_PROBLEM_NONE && again->count == row->count);
    for (size_t i = 0; i < row->count; i++) {
        const struct csv_field *a = &row->fields[i], *b = &again->fields[i];
        require(a->length == b->length && memcmp(a->text, b->text, a->length) == 0);
    }
}

/* Writes the row where that is possible: without quotes not every one is. */
static bool write_row(struct lx_buffer *buffer, const struct csv_format *format,
                      const struct csv_row *row)
{
    size_t before = buffer->length;
    for (size_t i = 0; i < row->count; i++)
        csv_write_field(buffer, format, i == 0, row->fields[i].text, row->fields[i].length);
    csv_write_end(buffer);
    if (lx_buffer_error(buffer) == LX_OK) return true;

    require(format->quote == '\0' && lx_buffer_error(buffer) == LX_ERR_BAD_INPUT);
    buffer->failure = LX_OK;
    buffer->length = before;
    return false;
}

/* Reads the input again beside what was written of it. */
static void check_written(const struct csv_format *format, struct pieces pieces,
                          const struct lx_buffer *written)
{
    struct csv_memory memory = {lx_buffer_text(written), written->length, 0};
    struct csv_format utf8 = *format;
    utf8.encoding = CSV_UTF8;
    struct csv_reader *reader = open_reader(format, (struct csv_source){&pieces, read_piece});
    struct csv_reader *again = open_reader(&utf8, csv_source_of_memory(&memory));
    struct lx_buffer scratch;
    lx_buffer_init(&scratch, (size_t)1 << 24);
    for (const struct csv_row *row; (row = next_row(reader)) != NULL; lx_buffer_clear(&scratch))
        if (row->problem == CSV_PROBLEM_NONE && write_row(&scratch, format, row))
            check_same(row, next_row(again));
    require(next_row(again) == NULL);
    lx_buffer_release(&scratch);
    csv_reader_close(reader);
    csv_reader_close(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const delimiters[] = {"", ",", "|", "|@|", "@@", "\t", "|!|", ";"};
    if (size < 3) return 0;
    struct csv_format format = {.quote = data[0] & 1 ? '\0' : '"',
                                .encoding = data[0] & 2 ? CSV_GB18030 : CSV_UTF8};
    strcpy(format.delimiter, delimiters[data[1] % LX_COUNT_OF(delimiters)]);
    const struct pieces start = {{(const char *)data + 3, size - 3, 0}, (size_t)data[2] + 1};
    struct pieces pieces = start;
    struct lx_buffer written;
    lx_buffer_init(&written, (size_t)1 << 24);
    struct csv_reader *reader = open_reader(&format, (struct csv_source){&pieces, read_piece});
    uint64_t last_line = 0;
    for (const struct csv_row *row; (row = next_row(reader)) != NULL; last_line = row->line) {
        check_row(row, last_line);
        if (row->problem == CSV_PROBLEM_NONE) write_row(&written, &format, row);
    }
    require(csv_bytes_read(reader) == size - 3);
    csv_reader_close(reader);
    check_written(&format, start, &written);
    lx_buffer_release(&written);
    return 0;
}
