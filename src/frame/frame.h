#ifndef FRAME_FRAME_H
#define FRAME_FRAME_H

/*
 * frame: typed columns of equal length in one file that is mapped into memory and never changed.
 *
 * A file is written front to back and is, little-endian:
 *   prologue   64 bytes: magic, format version, row count, CRC-32C of itself
 *   blocks     of each column those it has, in this order: offsets (TEXT, LIST, DICTIONARY),
 *              strings (DICTIONARY), nulls (a bit a row, set where the value is null), values; each
 *              block begins at a multiple of 64 and is padded with zeros
 *   directory  of each column: name, type, whether it has nulls, element size, element count,
 *              count and bytes of its strings, CRC-32C of its blocks; then the meta text; padded
 *              with zeros
 *   epilogue   64 bytes: magic, column count, place, size and CRC-32C of the directory, size of
 *              the file, CRC-32C of itself
 * A block's place is not stored: it follows from the sizes of those before it, so that blocks can
 * neither overlap nor leave a gap, whatever a file claims. frame_open checks everything but the
 * blocks and touches none of them; frame_verify checks every block, its padding, offsets, strings
 * and codes, before a new frame is put in use; frame_verify_start does it beside the work, after a
 * restart.
 *
 * Column types: F32 and F64 (NaN missing); U8, I16, U16, I32, I64, each with nulls or without;
 * DICTIONARY (distinct strings in ascending order of their bytes, and a code of 1, 2 or 4 bytes a
 * row, 0 where it is null); BITMAP (a set of rows, such as the holders of a product: CRoaring's
 * frozen form, used where it lies); TEXT (offsets u64[rows + 1] and bytes); LIST (offsets
 * u64[rows + 1] and elements of a fixed size, for what most rows have little of); BLOB (bytes that
 * belong to the frame and to no row).
 * Ownership:  a frame owns its mapping; columns are borrowed until frame_close.
 * Errors:     LX_ERR_NOT_FOUND, LX_ERR_VERSION, LX_ERR_CORRUPT (truncated, flipped bit, missing
 *             column) with file and column. The writer's: host's, LX_ERR_NO_MEMORY, LX_ERR_LIMIT.
 *             Until it is verified a frame's values may be anything, but reading them through the
 *             functions below stays within the file.
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
    FRAME_BLOB,
    FRAME_I16,
    FRAME_U16,
    FRAME_F64,
    FRAME_DICTIONARY,
    FRAME_BITMAP
};

enum {
    FRAME_VERSION = 2,
    FRAME_NAME_MAX = 63,
    FRAME_COLUMNS_MAX = 4096,
    FRAME_ELEMENT_MAX = 4096, /* bytes of one element of a LIST */
    FRAME_META_MAX = 1 << 20,
    FRAME_STRINGS_MAX = 1 << 24, /* distinct strings of a DICTIONARY */
    FRAME_ALIGNMENT = 64
};

/* Distinct strings in strictly ascending order of their bytes. */
struct frame_strings {
    size_t count;
    const uint64_t *offsets; /* count + 1, from 0 */
    const char *bytes;
};

/* Words of a bit a row; bits past the last row are 0. */
static inline size_t frame_bit_words(uint64_t row_count)
{
    return (size_t)(row_count / 64 + (row_count % 64 != 0));
}

struct frame_writer;
struct roaring_bitmap_s; /* CRoaring's roaring_bitmap_t */

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
/* The same with nulls, frame_bit_words(row_count) of them; NULL: there is none. */
LX_MUST_USE enum lx_err frame_write_nullable(struct frame_writer *writer, const char *name,
                                             enum frame_type type, const void *values,
                                             const uint64_t *nulls, struct lx_error *err);
/* codes[row_count] number the strings and are written as narrow as they can be. */
LX_MUST_USE enum lx_err frame_write_dictionary(struct frame_writer *writer, const char *name,
                                               const struct frame_strings *strings,
                                               const uint32_t *codes, const uint64_t *nulls,
                                               struct lx_error *err);
/* The same from each row's text, offsets[row_count + 1]. LX_ERR_LIMIT past FRAME_STRINGS_MAX. */
LX_MUST_USE enum lx_err frame_write_strings(struct frame_writer *writer, const char *name,
                                            const uint64_t *offsets, const char *bytes,
                                            const uint64_t *nulls, struct lx_error *err);
/* A set of rows below row_count <= 2^32; from a bit a row, or as it is. */
LX_MUST_USE enum lx_err frame_write_bits(struct frame_writer *writer, const char *name,
                                         const uint64_t *bits, struct lx_error *err);
LX_MUST_USE enum lx_err frame_write_bitmap(struct frame_writer *writer, const char *name,
                                           const struct roaring_bitmap_s *bitmap,
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
 * row_count + 1 of them, from 0, never falling) or all strings (DICTIONARY), all nulls if the
 * column has any, all values, end. element_size 0: the type's own.
 */
LX_MUST_USE enum lx_err frame_column_begin(struct frame_writer *writer, const char *name,
                                           enum frame_type type, size_t element_size,
                                           struct lx_error *err);
LX_MUST_USE enum lx_err frame_column_offsets(struct frame_writer *writer, const uint64_t *offsets,
                                             size_t count, struct lx_error *err);
LX_MUST_USE enum lx_err frame_column_strings(struct frame_writer *writer,
                                             const struct frame_strings *strings,
                                             struct lx_error *err);
LX_MUST_USE enum lx_err frame_column_nulls(struct frame_writer *writer, const uint64_t *nulls,
                                           size_t word_count, struct lx_error *err);
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

/*
 * The same on a thread of its own. frame_check_finish waits and frees, and must come before the
 * frame is closed; after frame_check_cancel it waits for the block in hand only and gives
 * LX_ERR_CANCELLED, unless all was done.
 */
struct frame_check;
LX_MUST_USE enum lx_err frame_verify_start(const struct frame *frame,
                                           struct frame_check **ret_check, struct lx_error *err);
bool frame_check_is_done(const struct frame_check *check);
/* LX_OK while it runs and where all is whole; else, once it is done, what is wrong. Any thread. */
LX_MUST_USE enum lx_err frame_check_peek(const struct frame_check *check, struct lx_error *err);
void frame_check_cancel(struct frame_check *check);
LX_MUST_USE enum lx_err frame_check_finish(struct frame_check *check, struct lx_error *err);

uint64_t frame_row_count(const struct frame *frame);
size_t frame_column_count(const struct frame *frame);
uint64_t frame_size_bytes(const struct frame *frame);
const char *frame_meta(const struct frame *frame, size_t *ret_length); /* not NUL-terminated */

struct frame_column {
    char name[FRAME_NAME_MAX + 1];
    enum frame_type type;
    size_t element_size;
    uint64_t count;               /* elements: the rows', or all of a TEXT's, LIST's or BLOB's */
    const void *values;           /* aligned to 64 bytes; the elements of a TEXT or LIST */
    const uint64_t *offsets;      /* TEXT and LIST, else NULL */
    const uint64_t *nulls;        /* NULL: no row is null, save by NaN */
    struct frame_strings strings; /* DICTIONARY; by frame_string_at where it is not verified */
    uint64_t string_bytes;
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

/* The string of a code, likewise; a code that there is none of gives an empty one. */
static inline const char *frame_string_at(const struct frame_column *column, uint64_t code,
                                          size_t *ret_length)
{
    const struct frame_strings *strings = &column->strings;
    uint64_t from = 0, to = 0, end = strings->count == 0 ? 0 : column->string_bytes;
    if (code < strings->count) {
        from = strings->offsets[code];
        to = strings->offsets[code + 1];
    }
    bool is_empty = from >= to || to > end;
    *ret_length = is_empty ? 0 : (size_t)(to - from);
    return is_empty ? "" : strings->bytes + from;
}

/* --- Bitmaps ------------------------------------------------------------------------------- */

/*
 * The BITMAP of that name. Everything that reading it relies on is checked: a flipped bit is
 * LX_ERR_CORRUPT or another set of rows, which frame_verify refuses; never a crash. It lies in the
 * frame's bytes and is borrowed until frame_bitmap_close, which must come before frame_close.
 */
LX_MUST_USE enum lx_err frame_bitmap_open(const struct frame *frame, const char *name,
                                          const struct roaring_bitmap_s **ret_bitmap,
                                          struct lx_error *err);
void frame_bitmap_close(const struct roaring_bitmap_s *bitmap); /* NULL is fine */

/*
 * The bits of the rows [64 * first_word, 64 * (first_word + word_count)) of any bitmap of CRoaring;
 * past its end they are 0.
 */
void frame_bitmap_words(const struct roaring_bitmap_s *bitmap, size_t first_word, size_t word_count,
                        uint64_t *ret_words);

#endif
