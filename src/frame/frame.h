#ifndef FRAME_FRAME_H
#define FRAME_FRAME_H

/*
 * frame: typed columns of equal length in one file that is mapped into memory and never changed.
 *
 * A file is: header (magic, format version, sizes, row count, column table with name, type, offset,
 * size and CRC-32C of each block, meta text, CRC-32C of the header itself), then the columns, each
 * aligned to 64 bytes. Little-endian. Opening checks the header and sizes; frame_verify checks
 * every block.
 *
 * Column types: F32 (NaN missing), I32, I64, U8; TEXT (offsets u64[rows + 1] and bytes); LIST
 * (offsets u64[rows + 1] and elements of a fixed size, for what most rows have little of).
 * Ownership:  a frame owns its mapping; columns are borrowed until frame_close.
 * Errors:     LX_ERR_NOT_FOUND, LX_ERR_VERSION, LX_ERR_CORRUPT (truncated, flipped bit, missing
 *             column) with file and column.
 * Threads:    a frame may be read by any number of threads; a writer belongs to one.
 */

#include "base/base.h"
#include "base/limits.h"

enum frame_type { FRAME_F32 = 1, FRAME_I32, FRAME_I64, FRAME_U8, FRAME_TEXT, FRAME_LIST };

enum { FRAME_VERSION = 1, FRAME_NAME_MAX = 63, FRAME_COLUMNS_MAX = 4096 };

struct frame_writer;

/* Written beside `path` and renamed at commit. */
LX_MUST_USE enum lx_err frame_writer_open(const char *path, uint64_t row_count,
                                          struct frame_writer **ret_writer, struct lx_error *err);
/* One whole column: row_count elements. */
LX_MUST_USE enum lx_err frame_write_column(struct frame_writer *writer, const char *name,
                                           enum frame_type type, const void *values,
                                           struct lx_error *err);
/* TEXT (element_size 1) or LIST: offsets[row_count + 1] counted in elements. */
LX_MUST_USE enum lx_err frame_write_list(struct frame_writer *writer, const char *name,
                                         enum frame_type type, size_t element_size,
                                         const uint64_t *offsets, const void *elements,
                                         struct lx_error *err);
/* A text that describes the frame (JSON): as-of moment, feature-set hash, journal position. */
LX_MUST_USE enum lx_err frame_writer_commit(struct frame_writer *writer, const char *meta,
                                            size_t meta_length, struct lx_error *err);
void frame_writer_close(struct frame_writer *writer); /* without commit: leaves no trace */

struct frame;

LX_MUST_USE enum lx_err frame_open(const char *path, struct frame **ret_frame,
                                   struct lx_error *err);
void frame_close(struct frame *frame);
LX_MUST_USE enum lx_err frame_verify(const struct frame *frame, struct lx_error *err);

uint64_t frame_row_count(const struct frame *frame);
size_t frame_column_count(const struct frame *frame);
const char *frame_meta(const struct frame *frame, size_t *ret_length);

struct frame_column {
    char name[FRAME_NAME_MAX + 1];
    enum frame_type type;
    size_t element_size;
    const void *values;      /* aligned to 64 bytes; the elements of a TEXT or LIST */
    const uint64_t *offsets; /* TEXT and LIST, else NULL */
};
LX_MUST_USE enum lx_err frame_column_at(const struct frame *frame, size_t index,
                                        struct frame_column *ret_column, struct lx_error *err);
LX_MUST_USE enum lx_err frame_column_named(const struct frame *frame, const char *name,
                                           enum frame_type type, struct frame_column *ret_column,
                                           struct lx_error *err);

#endif
