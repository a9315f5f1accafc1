#ifndef CODEC_CSV_H
#define CODEC_CSV_H

/*
 * csv: rows of fields out of delimited text, and the other way round.
 *
 * Reading follows RFC 4180, and what banks really send: delimiters of several characters
 * (`|@|`), GB18030, a BOM, LF, CRLF or CR, a missing last newline, embedded newlines in quotes.
 * Text is converted to UTF-8 before it is split, because the second byte of a GB18030 character
 * may look like a delimiter. Where RFC 4180 is silent:
 *   - A quote opens a field only as its first byte; elsewhere in an unquoted field it is text.
 *     In quotes a doubled quote is one; after the closing one a delimiter or the row's end follows.
 *   - The leftmost match of a delimiter counts: `a||@|b` is `a|` and `b`.
 *   - Blank lines are no rows. A line of one empty field is written `""`.
 *   - A row that cannot be read is an outcome, not a failure: it comes back with a problem. A row
 *     with a problem of quotes, or one that is too long although its first line is not, is cut to
 *     its first line, and reading goes on at the next: a stray quote costs its own line only. A
 *     line that is too long by itself is passed over to its end, and its row has no fields.
 *   - A row may take LX_LINE_MAX bytes with its embedded newlines; a quote that is not closed
 *     within that is one that is never closed. No byte is scanned more than twice for it.
 *
 * Invariants: a field never contains a NUL and is valid UTF-8, unless the row has a problem;
 *             memory is bounded by LX_LINE_MAX per row, whatever the file holds.
 * Ownership:  the reader owns the row; it is valid until the next csv_next or csv_reader_close.
 * Errors:     what the source reports; LX_ERR_NO_MEMORY. The format's mistakes are LX_ERR_USAGE.
 * Threads:    one thread at a time.
 */

#include "base/base.h"
#include "base/buffer.h"

enum csv_encoding { CSV_UTF8, CSV_GB18030 };

enum { CSV_DELIMITER_MAX = 8 };

struct csv_format {
    char delimiter[CSV_DELIMITER_MAX + 1]; /* 1 to 8 bytes of ASCII; "," when empty */
    char quote;                            /* '"' as a rule; 0: quotes mean nothing */
    enum csv_encoding encoding;
};

/* Where bytes come from. Writes at most `size` bytes; *ret_length 0 means the end. */
struct csv_source {
    void *context;
    enum lx_err (*read)(void *context, void *bytes, size_t size, size_t *ret_length,
                        struct lx_error *err);
};

/* What is wrong with a row, in order of precedence. */
#define CSV_PROBLEM_MAP(X)                                                                         \
    X(NONE, "none")                                                                                \
    X(TOO_LONG, "the line is longer than 1 MiB")                                                   \
    X(TOO_MANY_FIELDS, "more than 2048 fields")                                                    \
    X(NUL_BYTE, "a NUL byte")                                                                      \
    X(BAD_ENCODING, "bytes that are not in the file's encoding")                                   \
    X(OPEN_QUOTE, "a quote that is never closed")                                                  \
    X(TEXT_AFTER_QUOTE, "text after a closing quote")

enum csv_problem {
#define X(name, text) CSV_PROBLEM_##name,
    CSV_PROBLEM_MAP(X)
#undef X
};

const char *csv_problem_text(enum csv_problem problem);

struct csv_field {
    const char *text; /* not NUL-terminated */
    uint32_t length;
    bool is_quoted; /* so that `""` and nothing can be told apart */
};

struct csv_row {
    const struct csv_field *fields; /* as far as the row could be split */
    size_t count;
    uint64_t line; /* of its first character, from 1 */
    enum csv_problem problem;
    size_t problem_field; /* index of the field in which it was found */
};

struct csv_reader;

LX_MUST_USE enum lx_err csv_reader_open(const struct csv_format *format, struct csv_source source,
                                        struct csv_reader **ret_reader, struct lx_error *err);
void csv_reader_close(struct csv_reader *reader);

/* The next row; *ret_row is NULL at the end. Blank lines are passed over. After a failure every
 * further call fails. */
LX_MUST_USE enum lx_err csv_next(struct csv_reader *reader, const struct csv_row **ret_row,
                                 struct lx_error *err);

/* Bytes taken from the source so far, for progress. */
uint64_t csv_bytes_read(const struct csv_reader *reader);

/* A source over bytes in memory; `memory` must stay while the reader is used. */
struct csv_memory {
    const char *bytes;
    size_t length, position;
};
struct csv_source csv_source_of_memory(struct csv_memory *memory);

/*
 * Appends one field, after the delimiter unless it is the row's first; quoted only where needed.
 * The text is UTF-8 without NUL, and what is written is UTF-8 whatever format->encoding says. A
 * written row reads back as the same fields. Where format->quote is 0 and the field needs quotes,
 * the buffer's failure is LX_ERR_BAD_INPUT.
 */
void csv_write_field(struct lx_buffer *buffer, const struct csv_format *format, bool is_first,
                     const char *text, size_t length);
void csv_write_end(struct lx_buffer *buffer); /* LF */

#endif
