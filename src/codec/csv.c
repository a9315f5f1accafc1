#include "codec/csv.h"

#include <errno.h>
#include <iconv.h>
#include <string.h>

#if defined(__SSE2__) && !defined(CSV_PLAIN)
#include <emmintrin.h>
#endif

#include "base/limits.h"
#include "codec/utf8.h"

/*
 * How a row is found. The window holds the row's bytes in one piece. 64 bytes at a time are turned
 * into a bit mask of the *special* ones (the delimiter's first, quote, CR, LF, NUL), and the
 * machine below walks from one set bit to the next.
 *
 * A newline ends a row unless it stands in quotes. A row whose quotes are wrong, or that is too
 * long although its first line is not, is given up: it is cut to its first line, and reading goes
 * on after that. Such a scan crossed every newline up to the place where it gave up inside quotes;
 * a later row that stands inside quotes at one of these newlines would go the same way, so it is
 * given up there (`doomed_until`), and no byte is scanned more than twice.
 */

enum {
    BLOCK = 64,
    CHUNK = 1 << 16, /* bytes asked from the source at once; stays in the second-level cache */
    RAW = 1 << 16,   /* bytes that wait for their conversion */
};

/* The window begins with room for a chunk and grows to this; a block may be read past its end. */
#define WINDOW_MAX ((size_t)LX_LINE_MAX + CHUNK + BLOCK)
#define NOWHERE SIZE_MAX

struct csv_reader {
    struct csv_source source;
    char delimiter[CSV_DELIMITER_MAX + 1];
    size_t delimiter_length;
    char quote;
    bool has_quote;

    iconv_t converter; /* (iconv_t)-1: the source is UTF-8 already */
    char *raw;
    size_t raw_length;

    char *window;
    size_t capacity;
    enum lx_err failure; /* the first; a reader that has failed stays so */
    bool is_source_at_end, is_begun;
    uint64_t bytes_read, line;

    /* The row that is being read; all places are relative to `row`. */
    char *row;
    size_t length;              /* bytes there are from `row` on */
    ptrdiff_t block, block_end; /* the block of `specials`; it may begin before the row */
    uint64_t specials;          /* of the block, what has not been visited */
    bool is_block_high, has_high, has_nul; /* perhaps a byte >= 0x80; certainly a NUL */
    bool is_quoted, has_escapes, has_too_many, has_first_line_too_many;
    size_t field_start, skip_to;
    size_t first_line_end, first_line_next; /* its newline, and what follows; NOWHERE: unknown */
    size_t inner_lines;
    size_t doomed_until;
    enum csv_problem doom;

    struct csv_row result;
    struct csv_field fields[LX_FIELDS_MAX];
};

const char *csv_problem_text(enum csv_problem problem)
{
    static const char *const texts[] = {
#define X(name, text) text,
        CSV_PROBLEM_MAP(X)
#undef X
    };
    LX_ASSERT((size_t)problem < LX_COUNT_OF(texts));

    return texts[problem];
}

static enum lx_err check_format(const char *delimiter, char quote, struct lx_error *err)
{
    for (const char *at = delimiter; *at != '\0'; at++)
        if ((unsigned char)*at >= 0x80 || *at == '\n' || *at == '\r' || *at == quote)
            return lx_fail(err, LX_ERR_USAGE,
                           "delimiter: only ASCII, no line ends and not the quote");
    if ((unsigned char)quote >= 0x80 || quote == '\n' || quote == '\r')
        return lx_fail(err, LX_ERR_USAGE, "quote: only ASCII and no line end");
    return LX_OK;
}

static enum lx_err open_converter(struct csv_reader *reader, struct lx_error *err)
{
    reader->converter = iconv_open("UTF-8", "GB18030");
    if (reader->converter == (iconv_t)-1)
        return lx_fail_errno(err, errno, "cannot convert from GB18030");
    reader->raw = lx_malloc(RAW);
    return reader->raw != NULL ? LX_OK : lx_fail(err, LX_ERR_NO_MEMORY, "csv: out of memory");
}

enum lx_err csv_reader_open(const struct csv_format *format, struct csv_source source,
                            struct csv_reader **ret_reader, struct lx_error *err)
{
    LX_ASSERT(format != NULL && ret_reader != NULL && source.read != NULL);
    LX_ASSERT(memchr(format->delimiter, '\0', sizeof format->delimiter) != NULL);

    const char *delimiter = format->delimiter[0] == '\0' ? "," : format->delimiter;
    enum lx_err code = check_format(delimiter, format->quote, err);
    if (code != LX_OK) return code;

    struct csv_reader *reader = lx_malloc(sizeof *reader);
    if (reader == NULL) return lx_fail(err, LX_ERR_NO_MEMORY, "csv: out of memory");
    memset(reader, 0, offsetof(struct csv_reader, fields));
    reader->converter = (iconv_t)-1;
    reader->source = source;
    reader->quote = format->quote;
    reader->has_quote = format->quote != '\0';
    reader->delimiter_length = strlen(delimiter);
    memcpy(reader->delimiter, delimiter, reader->delimiter_length + 1);
    reader->line = 1;
    reader->capacity = CHUNK + BLOCK;
    reader->row = reader->window = lx_malloc(reader->capacity);
    if (reader->window == NULL) code = lx_fail(err, LX_ERR_NO_MEMORY, "csv: out of memory");
    if (code == LX_OK && format->encoding == CSV_GB18030) code = open_converter(reader, err);
    if (code == LX_OK)
        *ret_reader = reader;
    else
        csv_reader_close(reader);
    return code;
}

void csv_reader_close(struct csv_reader *reader)
{
    if (reader == NULL) return;
    if (reader->converter != (iconv_t)-1) iconv_close(reader->converter);
    lx_free(reader->raw);
    lx_free(reader->window);
    lx_free(reader);
}

uint64_t csv_bytes_read(const struct csv_reader *reader)
{
    return reader->bytes_read;
}

static enum lx_err read_source(struct csv_reader *reader, char *room, size_t size,
                               size_t *ret_length, struct lx_error *err)
{
    size_t length = 0;
    enum lx_err code = reader->source.read(reader->source.context, room, size, &length, err);
    if (code != LX_OK) return code;
    LX_ASSERT(length <= size);
    reader->bytes_read += length;
    reader->is_source_at_end = length == 0;
    *ret_length = length;
    return LX_OK;
}

/*
 * Converts what is in `raw`. A byte that begins no character becomes 0xFF, which is not UTF-8
 * either, so that its row is found to be bad and no other.
 */
static size_t convert(struct csv_reader *reader, char *room, size_t size)
{
    char *in = reader->raw, *out = room;
    size_t in_left = reader->raw_length, out_left = size;
    while (in_left > 0 && out_left > 0) {
        if (iconv(reader->converter, &in, &in_left, &out, &out_left) != (size_t)-1) break;
        if (errno == E2BIG || (errno == EINVAL && !reader->is_source_at_end)) break;
        if (out_left == 0) break;
        *out++ = '\xFF';
        out_left--;
        in++;
        in_left--;
        iconv(reader->converter, NULL, NULL, NULL, NULL);
    }
    memmove(reader->raw, in, in_left);
    reader->raw_length = in_left;
    return size - out_left;
}

/* At least one more byte of text into `room`, or *ret_length 0 at the end. */
static enum lx_err read_text(struct csv_reader *reader, char *room, size_t size, size_t *ret_length,
                             struct lx_error *err)
{
    if (reader->raw == NULL) return read_source(reader, room, size, ret_length, err);

    *ret_length = 0;
    while (*ret_length == 0 && !(reader->is_source_at_end && reader->raw_length == 0)) {
        size_t length = 0;
        if (!reader->is_source_at_end && reader->raw_length < RAW) {
            enum lx_err code = read_source(reader, reader->raw + reader->raw_length,
                                           RAW - reader->raw_length, &length, err);
            if (code != LX_OK) return code;
            reader->raw_length += length;
        }
        *ret_length = convert(reader, room, size);
    }
    return LX_OK;
}

static bool is_at_end(const struct csv_reader *reader)
{
    return reader->is_source_at_end && reader->raw_length == 0;
}

/* Moves the row and its fields to the beginning of the window, or of a larger one. */
static enum lx_err make_room(struct csv_reader *reader, struct lx_error *err)
{
    char *window = reader->window;
    if (reader->capacity < reader->length + CHUNK / 2 + BLOCK) {
        size_t capacity = 2 * reader->capacity < WINDOW_MAX ? 2 * reader->capacity : WINDOW_MAX;
        window = lx_malloc(capacity);
        if (window == NULL) return lx_fail(err, LX_ERR_NO_MEMORY, "csv: out of memory");
        reader->capacity = capacity;
    }
    if (window != reader->row) memmove(window, reader->row, reader->length);
    for (size_t i = 0; i < reader->result.count; i++)
        reader->fields[i].text = window + (reader->fields[i].text - reader->row);
    if (window != reader->window) lx_free(reader->window);
    reader->row = reader->window = window;
    return LX_OK;
}

/* Adds text after the row's, or finds the end. */
static enum lx_err refill(struct csv_reader *reader, struct lx_error *err)
{
    LX_ASSERT(reader->length <= LX_LINE_MAX + BLOCK && !is_at_end(reader));

    size_t length;
    enum lx_err code = make_room(reader, err);
    if (code != LX_OK) return code;
    char *room = reader->row + reader->length;
    code = read_text(reader, room, reader->capacity - BLOCK - reader->length, &length, err);
    if (code != LX_OK) return code;
    reader->length += length;
    memset(reader->row + reader->length, 0, BLOCK);
    return LX_OK;
}

/* Makes `needed` bytes of the row be there, if the source has them. */
static enum lx_err look_ahead(struct csv_reader *reader, size_t needed, struct lx_error *err)
{
    enum lx_err code = LX_OK;
    while (code == LX_OK && reader->length < needed && !is_at_end(reader))
        code = refill(reader, err);
    return code;
}

struct masks {
    uint64_t special, high;
};

#if defined(__SSE2__) && !defined(CSV_PLAIN)
static struct masks masks_of(const char *text, char delimiter, char quote)
{
    const __m128i d = _mm_set1_epi8(delimiter), q = _mm_set1_epi8(quote);
    const __m128i lf = _mm_set1_epi8('\n'), cr = _mm_set1_epi8('\r'), nul = _mm_setzero_si128();
    struct masks masks = {0};
    for (int i = 0; i < BLOCK; i += 16) {
        __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)(text + i));
        __m128i ends = _mm_or_si128(_mm_cmpeq_epi8(bytes, lf), _mm_cmpeq_epi8(bytes, cr));
        __m128i marks = _mm_or_si128(_mm_cmpeq_epi8(bytes, d), _mm_cmpeq_epi8(bytes, q));
        __m128i special = _mm_or_si128(_mm_or_si128(ends, marks), _mm_cmpeq_epi8(bytes, nul));
        masks.special |= (uint64_t)(unsigned)_mm_movemask_epi8(special) << i;
        masks.high |= (uint64_t)(unsigned)_mm_movemask_epi8(bytes) << i;
    }
    return masks;
}
#else
static struct masks masks_of(const char *text, char delimiter, char quote)
{
    struct masks masks = {0};
    for (int i = 0; i < BLOCK; i++) {
        char byte = text[i];
        uint64_t is_special =
            byte == delimiter || byte == quote || byte == '\n' || byte == '\r' || byte == '\0';
        masks.special |= is_special << i;
        masks.high |= (uint64_t)((unsigned char)byte >> 7) << i;
    }
    return masks;
}
#endif

static void load_block(struct csv_reader *reader)
{
    ptrdiff_t left = (ptrdiff_t)reader->length - reader->block_end;
    LX_ASSERT(left > 0);
    struct masks masks = masks_of(reader->row + reader->block_end, reader->delimiter[0],
                                  reader->has_quote ? reader->quote : reader->delimiter[0]);
    uint64_t there = left >= BLOCK ? UINT64_MAX : ((uint64_t)1 << left) - 1;
    reader->block = reader->block_end;
    reader->block_end += left >= BLOCK ? BLOCK : left;
    reader->specials = masks.special & there;
    reader->is_block_high = (masks.high & there) != 0;
    if (reader->is_block_high) reader->has_high = true;
}

enum stop { STOP_SPECIAL, STOP_END, STOP_LIMIT, STOP_FAILURE };

/* The next special byte of the row that skip_to does not pass over. */
static enum stop next_special(struct csv_reader *reader, size_t *ret_at, enum lx_err *ret_code,
                              struct lx_error *err)
{
    for (;;) {
        while (reader->specials == 0) {
            if (reader->block_end > LX_LINE_MAX) return STOP_LIMIT;
            if (reader->block_end == (ptrdiff_t)reader->length) {
                if (is_at_end(reader)) return STOP_END;
                *ret_code = refill(reader, err);
                if (*ret_code != LX_OK) return STOP_FAILURE;
                continue;
            }
            load_block(reader);
        }
        ptrdiff_t at = reader->block + __builtin_ctzll(reader->specials);
        if (at > LX_LINE_MAX) return STOP_LIMIT;
        reader->specials &= reader->specials - 1;
        if (at < (ptrdiff_t)reader->skip_to) continue;
        *ret_at = (size_t)at;
        return STOP_SPECIAL;
    }
}

static void add_field(struct csv_reader *reader, size_t end)
{
    if (reader->result.count == LX_FIELDS_MAX) {
        reader->has_too_many = true;
        return;
    }
    reader->fields[reader->result.count++] = (struct csv_field){
        .text = reader->row + reader->field_start,
        .length = (uint32_t)(end - reader->field_start),
        .is_quoted = reader->is_quoted,
    };
}

static bool is_newline(char byte)
{
    return byte == '\n' || byte == '\r';
}

static bool has_delimiter_at(const struct csv_reader *reader, size_t at)
{
    return reader->length - at >= reader->delimiter_length &&
           memcmp(reader->row + at, reader->delimiter, reader->delimiter_length) == 0;
}

/* What comes after the newline at `at`: CRLF is one. */
static enum lx_err after_newline(struct csv_reader *reader, size_t at, size_t *ret_next,
                                 struct lx_error *err)
{
    *ret_next = at + 1;
    if (reader->row[at] != '\r') return LX_OK;
    enum lx_err code = look_ahead(reader, at + 2, err);
    if (code == LX_OK && reader->length > at + 1 && reader->row[at + 1] == '\n') *ret_next = at + 2;
    return code;
}

/* Goes on to the next row, which begins at `next`. */
static void consume(struct csv_reader *reader, size_t next)
{
    LX_ASSERT(next <= reader->length);

    reader->row += next;
    reader->length -= next;
    reader->block -= (ptrdiff_t)next;
    reader->block_end -= (ptrdiff_t)next;
    if (reader->block_end < 0) {
        reader->block_end = 0;
        reader->specials = 0;
        reader->is_block_high = false;
    }
    reader->doomed_until = reader->doomed_until > next ? reader->doomed_until - next : 0;
}

static void begin_row(struct csv_reader *reader)
{
    reader->result = (struct csv_row){.fields = reader->fields, .line = reader->line};
    reader->has_high = reader->is_block_high;
    reader->has_nul = reader->is_quoted = reader->has_escapes = reader->has_too_many = false;
    reader->field_start = reader->skip_to = reader->inner_lines = 0;
    reader->first_line_end = reader->first_line_next = NOWHERE;
}

static void set_problem(struct csv_row *row, enum csv_problem problem, size_t field)
{
    row->problem = problem;
    row->problem_field = field;
}

/* The field in which the byte `at` stands. */
static size_t field_at(const struct csv_reader *reader, size_t at)
{
    size_t index = 0;
    while (index + 1 < reader->result.count && reader->fields[index + 1].text <= reader->row + at)
        index++;
    return index;
}

/* Looks for what is wrong with the row's `end` bytes; `worst` is known to be. */
static void check_row(struct csv_reader *reader, size_t end)
{
    struct csv_row *row = &reader->result;
    if (reader->has_too_many) {
        set_problem(row, CSV_PROBLEM_TOO_MANY_FIELDS, LX_FIELDS_MAX);
        return;
    }
    const char *nul = reader->has_nul ? memchr(reader->row, '\0', end) : NULL;
    if (nul != NULL) {
        set_problem(row, CSV_PROBLEM_NUL_BYTE, field_at(reader, (size_t)(nul - reader->row)));
        return;
    }
    size_t valid = reader->has_high ? utf8_valid_length(reader->row, end) : end;
    if (valid < end) set_problem(row, CSV_PROBLEM_BAD_ENCODING, field_at(reader, valid));
}

/* "" -> ", in place: the row's bytes are not read again. */
static void unescape(struct csv_reader *reader)
{
    for (size_t i = 0; i < reader->result.count; i++) {
        struct csv_field *field = &reader->fields[i];
        if (!field->is_quoted) continue;
        char *text = reader->row + (field->text - reader->row);
        char *in = memchr(text, reader->quote, field->length), *out = in,
             *end = text + field->length;
        if (in == NULL) continue;
        while (in < end) {
            *out++ = *in;
            in += *in == reader->quote ? 2 : 1;
        }
        field->length = (uint32_t)(out - text);
    }
}

static void finish_row(struct csv_reader *reader, size_t end, size_t next)
{
    check_row(reader, end);
    if (reader->has_escapes) unescape(reader);
    reader->line += reader->inner_lines + (next > end);
    consume(reader, next);
}

/* The first newline at or after `from`; the row's length at the end of the file or past the limit.
 */
static enum lx_err find_newline(struct csv_reader *reader, size_t from, size_t *ret_at,
                                struct lx_error *err)
{
    for (;;) {
        size_t left = reader->length - from;
        const char *text = reader->row + from;
        const char *lf = memchr(text, '\n', left);
        const char *cr = memchr(text, '\r', lf == NULL ? left : (size_t)(lf - text));
        const char *found = cr != NULL ? cr : lf;
        *ret_at = found != NULL ? (size_t)(found - reader->row) : reader->length;
        if (found != NULL || is_at_end(reader) || reader->length > LX_LINE_MAX) return LX_OK;
        from = reader->length;
        enum lx_err code = refill(reader, err);
        if (code != LX_OK) return code;
    }
}

/* Passes over a line of any length, holding none of it. No newline stands before `from`. */
static enum lx_err skip_line(struct csv_reader *reader, size_t from, struct lx_error *err)
{
    set_problem(&reader->result, CSV_PROBLEM_TOO_LONG, reader->result.count);
    reader->result.count = 0;
    size_t at = from, next;
    for (;;) {
        enum lx_err code = find_newline(reader, at, &at, err);
        if (code != LX_OK) return code;
        if (at < reader->length) break;
        consume(reader, at);
        at = 0;
        if (is_at_end(reader)) return LX_OK;
    }
    enum lx_err code = after_newline(reader, at, &next, err);
    if (code != LX_OK) return code;
    reader->line++;
    consume(reader, next);
    return LX_OK;
}

/* Goes on reading at `next`, whatever has been scanned after it. */
static void rewind_to(struct csv_reader *reader, size_t next)
{
    reader->block_end = (ptrdiff_t)next;
    reader->specials = 0;
    reader->is_block_high = false;
    consume(reader, next);
}

/* Leaves the fields that begin on the row's first line; the last one gets the rest of the line. */
static void cut_fields(struct csv_reader *reader, size_t line_end)
{
    struct csv_row *row = &reader->result;
    const char *end = reader->row + line_end;
    if (reader->field_start <= line_end) add_field(reader, line_end);
    while (row->count > 0 && reader->fields[row->count - 1].text > end) row->count--;
    if (row->count == 0) return;
    struct csv_field *last = &reader->fields[row->count - 1];
    if (last->length > end - last->text) last->length = (uint32_t)(end - last->text);
}

/*
 * The row cannot be read, as was found at `at`: cuts it to its first line.
 * A TOO_LONG row whose first line is too long is passed over without being held.
 */
static enum lx_err give_up(struct csv_reader *reader, enum csv_problem problem, size_t at,
                           struct lx_error *err)
{
    size_t end = reader->first_line_end, next = reader->first_line_next;
    if (end == NOWHERE) {
        enum lx_err code = find_newline(reader, at, &end, err);
        if (code != LX_OK) return code;
        if (end > LX_LINE_MAX) return skip_line(reader, end, err);
        next = end;
        if (end < reader->length) code = after_newline(reader, end, &next, err);
        if (code != LX_OK) return code;
    } else {
        reader->has_too_many = reader->has_first_line_too_many;
    }
    if (at > reader->doomed_until) {
        reader->doomed_until = at;
        reader->doom = problem;
    }
    cut_fields(reader, end);
    /* The rest of the line has not been scanned. */
    reader->has_high = reader->has_nul = true;
    size_t last = reader->result.count == 0 ? 0 : reader->result.count - 1;
    set_problem(&reader->result, problem, last);
    if (problem != CSV_PROBLEM_TOO_LONG) check_row(reader, end);
    reader->line += next > end;
    rewind_to(reader, next);
    return LX_OK;
}

enum step { STEP_ON, STEP_ROW, STEP_FAILURE };

static enum step step_of(enum lx_err code, enum lx_err *ret_code)
{
    *ret_code = code;
    return code == LX_OK ? STEP_ROW : STEP_FAILURE;
}

static enum step end_row(struct csv_reader *reader, size_t at, enum lx_err *ret_code,
                         struct lx_error *err)
{
    size_t next;
    *ret_code = after_newline(reader, at, &next, err);
    if (*ret_code != LX_OK) return STEP_FAILURE;
    finish_row(reader, at, next);
    return STEP_ROW;
}

/* A quote inside quotes: half of an escape, or the end of the field. */
static enum step on_closing_quote(struct csv_reader *reader, size_t at, enum lx_err *ret_code,
                                  struct lx_error *err)
{
    size_t after = at + 1;
    *ret_code = look_ahead(reader, after + reader->delimiter_length, err);
    if (*ret_code != LX_OK) return STEP_FAILURE;
    if (after < reader->length && reader->row[after] == reader->quote) {
        reader->has_escapes = true;
        reader->skip_to = after + 1;
        return STEP_ON;
    }
    bool is_delimiter = has_delimiter_at(reader, after);
    bool is_last = after == reader->length || is_newline(reader->row[after]);
    if (!is_delimiter && !is_last)
        return step_of(give_up(reader, CSV_PROBLEM_TEXT_AFTER_QUOTE, after, err), ret_code);

    add_field(reader, at);
    reader->is_quoted = false;
    if (is_delimiter) {
        reader->field_start = reader->skip_to = after + reader->delimiter_length;
        return STEP_ON;
    }
    if (after < reader->length) return end_row(reader, after, ret_code, err);
    finish_row(reader, after, after);
    return STEP_ROW;
}

static enum step on_newline_in_quotes(struct csv_reader *reader, size_t at, enum lx_err *ret_code,
                                      struct lx_error *err)
{
    size_t next;
    *ret_code = after_newline(reader, at, &next, err);
    if (*ret_code != LX_OK) return STEP_FAILURE;
    if (reader->first_line_end == NOWHERE) {
        reader->first_line_end = at;
        reader->first_line_next = next;
        /* The field that the newline stands in is one more. */
        reader->has_first_line_too_many = reader->result.count == LX_FIELDS_MAX;
    }
    if (at < reader->doomed_until) return step_of(give_up(reader, reader->doom, at, err), ret_code);
    reader->inner_lines++;
    reader->skip_to = next;
    return STEP_ON;
}

static enum step on_special_in_quotes(struct csv_reader *reader, size_t at, enum lx_err *ret_code,
                                      struct lx_error *err)
{
    char byte = reader->row[at];
    if (byte == reader->quote) return on_closing_quote(reader, at, ret_code, err);
    if (is_newline(byte)) return on_newline_in_quotes(reader, at, ret_code, err);
    if (byte == '\0') reader->has_nul = true;
    return STEP_ON;
}

static enum step on_special(struct csv_reader *reader, size_t at, enum lx_err *ret_code,
                            struct lx_error *err)
{
    char byte = reader->row[at];
    if (byte == reader->delimiter[0]) {
        if (reader->delimiter_length > 1) {
            *ret_code = look_ahead(reader, at + reader->delimiter_length, err);
            if (*ret_code != LX_OK) return STEP_FAILURE;
            if (!has_delimiter_at(reader, at)) return STEP_ON;
        }
        add_field(reader, at);
        reader->field_start = reader->skip_to = at + reader->delimiter_length;
    } else if (is_newline(byte)) {
        add_field(reader, at);
        return end_row(reader, at, ret_code, err);
    } else if (byte == '\0') {
        reader->has_nul = true;
    } else if (at == reader->field_start) {
        reader->is_quoted = true;
        reader->field_start = at + 1;
    }
    return STEP_ON;
}

/* The file has ended, or the row has become too long. */
static enum step on_stop(struct csv_reader *reader, enum stop stop, enum lx_err *ret_code,
                         struct lx_error *err)
{
    enum csv_problem problem = reader->is_quoted ? CSV_PROBLEM_OPEN_QUOTE : CSV_PROBLEM_TOO_LONG;
    if (stop == STOP_LIMIT && reader->first_line_end == NOWHERE)
        return step_of(skip_line(reader, LX_LINE_MAX + 1, err), ret_code);
    if (stop == STOP_LIMIT || reader->is_quoted) {
        size_t at = stop == STOP_LIMIT ? LX_LINE_MAX + 1 : reader->length;
        return step_of(give_up(reader, problem, at, err), ret_code);
    }
    add_field(reader, reader->length);
    finish_row(reader, reader->length, reader->length);
    return STEP_ROW;
}

static enum lx_err scan_row(struct csv_reader *reader, struct lx_error *err)
{
    enum lx_err code = LX_OK;
    enum step step = STEP_ON;
    begin_row(reader);
    while (step == STEP_ON) {
        size_t at = 0;
        enum stop stop = next_special(reader, &at, &code, err);
        if (stop == STOP_FAILURE) return code;
        if (stop != STOP_SPECIAL)
            step = on_stop(reader, stop, &code, err);
        else if (reader->is_quoted)
            step = on_special_in_quotes(reader, at, &code, err);
        else
            step = on_special(reader, at, &code, err);
    }
    return code;
}

static enum lx_err skip_byte_order_mark(struct csv_reader *reader, struct lx_error *err)
{
    enum lx_err code = look_ahead(reader, 3, err);
    if (code != LX_OK) return code;
    reader->is_begun = true;
    if (reader->length >= 3 && memcmp(reader->row, "\xEF\xBB\xBF", 3) == 0) consume(reader, 3);
    return LX_OK;
}

/* Passes over blank lines; a row is there, or the end. */
static enum lx_err find_row(struct csv_reader *reader, struct lx_error *err)
{
    enum lx_err code = reader->is_begun ? LX_OK : skip_byte_order_mark(reader, err);
    while (code == LX_OK) {
        code = look_ahead(reader, 1, err);
        if (code != LX_OK || reader->length == 0 || !is_newline(reader->row[0])) break;
        size_t next;
        code = after_newline(reader, 0, &next, err);
        if (code != LX_OK) break;
        reader->line++;
        consume(reader, next);
    }
    return code;
}

static enum lx_err next_row(struct csv_reader *reader, const struct csv_row **ret_row,
                            struct lx_error *err)
{
    reader->result.count = 0;
    enum lx_err code = find_row(reader, err);
    if (code != LX_OK) return code;
    if (reader->length == 0) {
        *ret_row = NULL;
        return LX_OK;
    }
    code = scan_row(reader, err);
    if (code == LX_OK) *ret_row = &reader->result;
    return code;
}

enum lx_err csv_next(struct csv_reader *reader, const struct csv_row **ret_row,
                     struct lx_error *err)
{
    LX_ASSERT(reader != NULL && ret_row != NULL);

    if (reader->failure != LX_OK)
        return lx_fail(err, reader->failure, "csv: reading has failed before");
    reader->failure = next_row(reader, ret_row, err);
    return reader->failure;
}

static enum lx_err read_memory(void *context, void *bytes, size_t size, size_t *ret_length,
                               struct lx_error *err)
{
    (void)err;
    struct csv_memory *memory = context;
    size_t left = memory->length - memory->position, length = left < size ? left : size;
    if (length > 0) memcpy(bytes, memory->bytes + memory->position, length);
    memory->position += length;
    *ret_length = length;
    return LX_OK;
}

struct csv_source csv_source_of_memory(struct csv_memory *memory)
{
    LX_ASSERT(memory->bytes != NULL || memory->length == 0);

    return (struct csv_source){memory, read_memory};
}
