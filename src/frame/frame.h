#ifndef FRAME_FRAME_H
#define FRAME_FRAME_H

/*
 * frame: typed columns of equal length in one file that is mapped into memory and never changed.
 *
 * A file is written front to back and is, little-endian:
 *   prologue   64 bytes: magic, format version, row count, CRC-32C of itself
 *   blocks     of each column: the offsets (TEXT and LIST), then the values; each block begins at a
 *              multiple of 64 and is padded with zeros
 *   directory  of each column: name, type, element size, element count, CRC-32C of its blocks;
 *              then the meta text; padded with zeros
 *   epilogue   64 bytes: magic, column count, place, size and CRC-32C of the directory, size of
 *              the file, CRC-32C of itself
 * A block's place is not stored: it follows from the sizes of those before it, so that blocks can
 * neither overlap nor leave a gap, whatever a file claims. frame_open checks everything but the
 * blocks and touches none of them; frame_verify checks every block, its padding and its offsets.
 *
 * Column types: F32 (NaN missing), I32, I64, U8; TEXT (offsets u64[rows + 1] and bytes); LIST
 * (offsets u64[rows + 1] and elements of a fixed size, for what most rows have little of);
 * BLOB (bytes that belong to the frame and to no row).
 * Ownership:  a frame owns its mapping; columns are borrowed until frame_close.
 * Errors:     LX_ERR_NOT_FOUND, LX_ERR_VERSION, LX_ERR_CORRUPT (truncated, flipped bit, missing
 *             column) with file and column. The writer's: host's, LX_ERR_NO_MEMORY, LX_ERR_LIMIT.
 * Threads:    a frame may be read by any number of threads; a writer belongs to one.
 */

#include "base/base.h"
#include "base/limits.h"

enum frame_type {
    FRAME_F32 = 1,
    FRAME_I32,
    FRAME_I64,
    FRAME_U8,
    FRAME_TEXT,
    FRAME_LIST,
    FRAME_BLOB
};

enum {
    FRAME_VERSION = 1,
    FRAME_NAME_MAX = 63,
    FRAME_COLUMNS_MAX = 4096,
    FRAME_ELEMENT_MAX = 4096, /* bytes of one element of a LIST */
    FRAME_META_MAX = 1 << 20,
    FRAME_ALIGNMENT = 64
};

struct frame_writer;

/*
 * Written beside `path` and renamed at commit. After an error from commit `path` holds what it held
 * before, or the whole new file where only the folder could not be synced.
 */
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
LX_MUST_USE enum lx_err frame_write_blob(struct frame_writer *writer, const char *name,
                                         const void *bytes, size_t length, struct lx_error *err);

/*
 * The same piece by piece, for what does not fit into memory: begin, all offsets (TEXT and LIST,
 * row_count + 1 of them, from 0, never falling), all values, end. element_size 0: the type's own.
 */
LX_MUST_USE enum lx_err frame_column_begin(struct frame_writer *writer, const char *name,
                                           enum frame_type type, size_t element_size,
                                           struct lx_error *err);
LX_MUST_USE enum lx_err frame_column_offsets(struct frame_writer *writer, const uint64_t *offsets,
                                             size_t count, struct lx_error *err);
LX_MUST_USE enum lx_err frame_column_values(struct frame_writer *writer, const void *values,
                                            size_t count, struct lx_error *err);
LX_MUST_USE enum lx_err frame_column_end(struct frame_writer *writer, struct lx_error *err);

/* A text that describes the frame (JSON): as-of moment, feature-set hash, journal position. */
LX_MUST_USE enum lx_err frame_writer_commit(struct frame_writer *writer, const char *meta,
                                            size_t meta_length, struct lx_error *err);
void frame_writer_close(struct frame_writer *writer); /* without commit: leaves no trace */

struct frame;

LX_MUST_USE enum lx_err frame_open(const char *path, struct frame **ret_frame,
                                   struct lx_error *err);
/* The same over bytes in memory, aligned to 64, borrowed until frame_close; `name` is for
 * messages. */
LX_MUST_USE enum lx_err frame_open_bytes(const char *name, const void *bytes, size_t size,
                                         struct frame **ret_frame, struct lx_error *err);
void frame_close(struct frame *frame);
LX_MUST_USE enum lx_err frame_verify(const struct frame *frame, struct lx_error *err);

uint64_t frame_row_count(const struct frame *frame);
size_t frame_column_count(const struct frame *frame);
uint64_t frame_size_bytes(const struct frame *frame);
const char *frame_meta(const struct frame *frame, size_t *ret_length); /* not NUL-terminated */

struct frame_column {
    char name[FRAME_NAME_MAX + 1];
    enum frame_type type;
    size_t element_size;
    uint64_t count;          /* elements: the rows', or all of a TEXT's, LIST's or BLOB's */
    const void *values;      /* aligned to 64 bytes; the elements of a TEXT or LIST */
    const uint64_t *offsets; /* TEXT and LIST, else NULL */
};
LX_MUST_USE enum lx_err frame_column_at(const struct frame *frame, size_t index,
                                        struct frame_column *ret_column, struct lx_error *err);
LX_MUST_USE enum lx_err frame_column_named(const struct frame *frame, const char *name,
                                           enum frame_type type, struct frame_column *ret_column,
                                           struct lx_error *err);

/*
 * The elements of one row of a TEXT or LIST. Offsets of a frame that was opened and not verified
 * may be anything: where they do not lie within the column this gives no elements.
 */
static inline const void *frame_list_at(const struct frame_column *column, uint64_t row,
                                        size_t *ret_count)
{
    uint64_t from = column->offsets[row], to = column->offsets[row + 1];
    if (from > to || to > column->count) from = to = 0;
    *ret_count = (size_t)(to - from);
    return (const char *)column->values + from * column->element_size;
}

#endif
