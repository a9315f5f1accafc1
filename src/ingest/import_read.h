#ifndef INGEST_IMPORT_READ_H
#define INGEST_IMPORT_READ_H

/*
 * import_read: the reading half of an import: files into blocks of converted rows, in the order of
 * the tasks; a block never holds rows of two tasks.
 *
 * Errors:  what is wrong with a whole file: no header, a column that is not there, no trailer,
 *          cut off, changed.
 * Threads: one at a time.
 */

#include "ingest/import_files.h"
#include "ingest/import_plan.h"

struct import_reader {
    const struct import_context *context;
    const struct import_files *files;
    size_t task, last_task; /* the tasks [task, last_task) are still to be read */
    uint64_t bytes_before;  /* of the tasks that are done */
    struct import_stream stream;
    struct csv_reader *csv;
    struct import_plan *plan;
    const struct csv_row *pending; /* a first row that is no header */
    bool is_open, has_trailer;
    uint64_t row_count,
        short_line; /* short_line: of a row with too few fields, if it was the last */
    int64_t trailer_count;
};

void import_reader_init(struct import_reader *reader, const struct import_context *context,
                        const struct import_files *files, size_t first_task, size_t last_task);
void import_reader_release(struct import_reader *reader);

/* Opens every file and looks for its columns, so that a wrong mapping is found before the rows. */
LX_MUST_USE enum lx_err import_reader_check(struct import_reader *reader, struct lx_error *err);

/* Fills a block that was cleared; *ret_is_end is set, and the block empty, after the last one. */
LX_MUST_USE enum lx_err import_reader_next(struct import_reader *reader, struct import_block *block,
                                           bool *ret_is_end, struct lx_error *err);

void import_block_init(struct import_block *block);
void import_block_clear(struct import_block *block);
void import_block_release(struct import_block *block);

#endif
