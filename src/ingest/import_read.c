#include "ingest/import_read.h"

#include <inttypes.h>

void import_reader_init(struct import_reader *reader, const struct import_context *context,
                        const struct import_files *files, size_t first_task, size_t last_task)
{
    *reader = (struct import_reader){
        .context = context, .files = files, .task = first_task, .last_task = last_task};
}

static void close_file(struct import_reader *reader)
{
    import_plan_close(reader->plan);
    csv_reader_close(reader->csv);
    import_stream_close(&reader->stream);
    reader->plan = NULL;
    reader->csv = NULL;
    reader->is_open = false;
}

void import_reader_release(struct import_reader *reader)
{
    close_file(reader);
}

static enum lx_err refuse(const struct import_reader *reader, uint64_t line, const char *what,
                          struct lx_error *err)
{
    return lx_fail(err, LX_ERR_BAD_INPUT, "%s:%" PRIu64 ": %s", reader->stream.input->path, line,
                   what);
}

static enum lx_err open_plan(struct import_reader *reader, struct lx_error *err)
{
    const struct import_task *task = &reader->files->tasks[reader->task];
    const struct csv_row *first = NULL;
    int64_t count;
    enum lx_err code = csv_next(reader->csv, &first, err);
    if (code != LX_OK) return code;
    if (first == NULL && task->file->has_header)
        return refuse(reader, 1, "the file is empty: not even a header", err);
    if (first != NULL && task->file->has_header && first->problem != CSV_PROBLEM_NONE)
        return refuse(reader, first->line, csv_problem_text(first->problem), err);
    bool is_trailer = first != NULL && import_plan_is_trailer(task->file, first, &count);
    const struct csv_row *shape = is_trailer && !task->file->has_header ? NULL : first;
    code = import_plan_open(reader->context, task->file, reader->stream.input->path, task->day,
                            shape, &reader->plan, err);
    reader->pending = task->file->has_header ? NULL : first;
    return code;
}

static enum lx_err open_file(struct import_reader *reader, struct lx_error *err)
{
    const struct import_task *task = &reader->files->tasks[reader->task];
    enum lx_err code =
        import_stream_open(&reader->files->inputs[task->input], &reader->stream, err);
    if (code != LX_OK) return code;
    reader->is_open = true;
    reader->has_trailer = false;
    reader->row_count = reader->short_line = 0;
    code = csv_reader_open(&task->file->format, import_stream_source(&reader->stream), &reader->csv,
                           err);
    return code == LX_OK ? open_plan(reader, err) : code;
}

enum lx_err import_reader_check(struct import_reader *reader, struct lx_error *err)
{
    size_t first = reader->task;
    enum lx_err code = LX_OK;
    for (; code == LX_OK && reader->task < reader->last_task; reader->task++) {
        code = open_file(reader, err);
        close_file(reader);
    }
    reader->task = first;
    return code;
}

/* What can be known only when all rows have been seen. */
static enum lx_err check_end(struct import_reader *reader, struct lx_error *err)
{
    const struct mapping_file *file = reader->files->tasks[reader->task].file;
    /* First, since a file that is still being written looks cut off, too. */
    enum lx_err code = import_stream_check(&reader->stream, err);
    if (code != LX_OK) return code;
    char last = reader->stream.last_byte;
    if (reader->short_line > 0 && last != '\n' && last != '\r')
        return refuse(reader, reader->short_line,
                      "the file ends in the middle of a row: it was cut off; fetch it again", err);
    if (file->trailer.count == 0) return LX_OK;
    if (!reader->has_trailer)
        return lx_fail(err, LX_ERR_BAD_INPUT,
                       "%s: no trailer after %" PRIu64 " rows: it was cut off; fetch it again",
                       reader->stream.input->path, reader->row_count);
    if (reader->trailer_count < 0 || (uint64_t)reader->trailer_count == reader->row_count)
        return LX_OK;
    return lx_fail(err, LX_ERR_BAD_INPUT,
                   "%s: its trailer counts %" PRId64 " rows, but there are %" PRIu64
                   "; fetch it again",
                   reader->stream.input->path, reader->trailer_count, reader->row_count);
}

static enum lx_err take_row(struct import_reader *reader, const struct csv_row *row,
                            struct import_block *block, struct lx_error *err)
{
    const struct mapping_file *file = reader->plan->file;
    if (reader->has_trailer) return refuse(reader, row->line, "a row after the trailer", err);
    if (import_plan_is_trailer(file, row, &reader->trailer_count)) {
        reader->has_trailer = true;
        return LX_OK;
    }
    reader->row_count++;
    bool is_short = row->problem == CSV_PROBLEM_OPEN_QUOTE ||
                    (row->problem == CSV_PROBLEM_NONE && row->count < reader->plan->column_count);
    reader->short_line = is_short ? row->line : 0;
    return import_plan_row(reader->plan, row, block, err);
}

static bool is_full(const struct import_block *block)
{
    return block->count == IMPORT_BLOCK_ROWS || block->text.length >= IMPORT_BLOCK_TEXT;
}

/* Rows of the open file until the block is full or the file ends. */
static enum lx_err fill(struct import_reader *reader, struct import_block *block,
                        struct lx_error *err)
{
    while (!is_full(block)) {
        const struct csv_row *row = reader->pending;
        enum lx_err code = LX_OK;
        if (row == NULL) code = csv_next(reader->csv, &row, err);
        reader->pending = NULL;
        if (code != LX_OK) return code;
        if (row == NULL) {
            block->is_last_of_file = true;
            return check_end(reader, err);
        }
        code = take_row(reader, row, block, err);
        if (code != LX_OK) return code;
    }
    return LX_OK;
}

enum lx_err import_reader_next(struct import_reader *reader, struct import_block *block,
                               bool *ret_is_end, struct lx_error *err)
{
    LX_ASSERT(block->count == 0 && ret_is_end != NULL);

    *ret_is_end = reader->task == reader->last_task;
    if (*ret_is_end) return LX_OK;
    enum lx_err code = reader->is_open ? LX_OK : open_file(reader, err);
    if (code != LX_OK) return code;
    block->task = reader->task;
    block->covered = reader->plan->covered;
    code = fill(reader, block, err);
    block->bytes = reader->bytes_before + reader->stream.size_bytes;
    if (code != LX_OK || !block->is_last_of_file) return code;
    reader->bytes_before += reader->stream.size_bytes;
    reader->task++;
    close_file(reader);
    return LX_OK;
}

void import_block_init(struct import_block *block)
{
    block->count = block->value_count = block->value_capacity = 0;
    block->values = NULL;
    block->is_last_of_file = false;
    lx_buffer_init(&block->text, IMPORT_BLOCK_TEXT_MAX);
}

void import_block_clear(struct import_block *block)
{
    block->count = block->value_count = 0;
    block->is_last_of_file = false;
    lx_buffer_clear(&block->text);
}

void import_block_release(struct import_block *block)
{
    lx_free(block->values);
    lx_buffer_release(&block->text);
}
