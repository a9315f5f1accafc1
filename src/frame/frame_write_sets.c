#include <roaring/roaring.h>
#include <stdlib.h>
#include <string.h>

#include "base/dictionary.h"
#include "frame/layout.h"

/* ---- Dictionaries ---- */

static size_t code_size(size_t string_count)
{
    if (string_count <= UINT8_MAX + 1) return 1;
    return string_count <= UINT16_MAX + 1 ? 2 : 4;
}

enum { NARROW_CODES = 4096 };

/* Codes as narrow as the column has them, a stretch at a time. */
static enum lx_err put_codes(struct frame_writer *writer, const uint32_t *codes, size_t size,
                             struct lx_error *err)
{
    size_t row_count = (size_t)frame_writer_rows(writer);
    if (size == sizeof *codes) return frame_column_values(writer, codes, row_count, err);
    uint16_t narrow[NARROW_CODES];
    uint8_t *bytes = (uint8_t *)narrow;
    enum lx_err code = LX_OK;
    for (size_t done = 0; done < row_count && code == LX_OK;) {
        size_t count = row_count - done < NARROW_CODES ? row_count - done : NARROW_CODES;
        for (size_t i = 0; i < count; i++) {
            if (size == 1)
                bytes[i] = (uint8_t)codes[done + i];
            else
                narrow[i] = (uint16_t)codes[done + i];
        }
        code = frame_column_values(writer, narrow, count, err);
        done += count;
    }
    return code;
}

enum lx_err frame_write_dictionary(struct frame_writer *writer, const char *name,
                                   const struct frame_strings *strings, const uint32_t *codes,
                                   const uint64_t *nulls, struct lx_error *err)
{
    size_t row_count = (size_t)frame_writer_rows(writer), size = code_size(strings->count);
    for (size_t row = 0; row < row_count; row++) {
        bool is_null = nulls != NULL && (nulls[row / 64] >> row % 64 & 1) != 0;
        LX_ASSERT(is_null ? codes[row] == 0 : codes[row] < strings->count);
    }

    enum lx_err code = frame_column_begin(writer, name, FRAME_DICTIONARY, size, err);
    if (code == LX_OK) code = frame_column_strings(writer, strings, err);
    if (code == LX_OK && nulls != NULL)
        code = frame_column_nulls(writer, nulls, frame_bit_words(row_count), err);
    if (code == LX_OK) code = put_codes(writer, codes, size, err);
    if (code == LX_OK) code = frame_column_end(writer, err);
    return code;
}

/* One distinct text and the number under which the dictionary knows it. */
struct numbered {
    const char *text;
    size_t length;
    uint32_t number;
};

static int by_bytes(const void *left, const void *right)
{
    const struct numbered *a = left, *b = right;
    int order = memcmp(a->text, b->text, a->length < b->length ? a->length : b->length);
    if (order != 0) return order;
    return (a->length > b->length) - (a->length < b->length);
}

/* What building a dictionary needs; all of it owned. */
struct builder {
    struct lx_dictionary distinct;
    struct numbered *sorted;
    uint32_t *codes, *places; /* of rows; of numbers in `sorted` */
    uint64_t *offsets;
    char *bytes;
};

static enum lx_err number_rows(struct builder *builder, const uint64_t *offsets, const char *bytes,
                               const uint64_t *nulls, size_t row_count)
{
    for (size_t row = 0; row < row_count; row++) {
        if (nulls != NULL && (nulls[row / 64] >> row % 64 & 1) != 0) continue;
        enum lx_err code = lx_dictionary_add(&builder->distinct, bytes + offsets[row],
                                             (size_t)(offsets[row + 1] - offsets[row]),
                                             &builder->codes[row], NULL);
        if (code != LX_OK) return code;
    }
    return LX_OK;
}

static enum lx_err sort_strings(struct builder *builder)
{
    size_t count = builder->distinct.count, size = 0;
    builder->sorted = lx_calloc(count + 1, sizeof *builder->sorted);
    builder->places = lx_calloc(count + 1, sizeof *builder->places);
    builder->offsets = lx_calloc(count + 1, sizeof *builder->offsets);
    if (builder->sorted == NULL || builder->places == NULL || builder->offsets == NULL)
        return LX_ERR_NO_MEMORY;
    for (uint32_t i = 0; i < count; i++) {
        struct numbered *string = &builder->sorted[i];
        string->text = lx_dictionary_text(&builder->distinct, i, &string->length);
        string->number = i;
        size += string->length;
    }
    qsort(builder->sorted, count, sizeof *builder->sorted, by_bytes);
    builder->bytes = lx_malloc(size + 1);
    if (builder->bytes == NULL) return LX_ERR_NO_MEMORY;
    for (uint32_t i = 0; i < count; i++) {
        const struct numbered *string = &builder->sorted[i];
        memcpy(builder->bytes + builder->offsets[i], string->text, string->length);
        builder->offsets[i + 1] = builder->offsets[i] + string->length;
        builder->places[string->number] = i;
    }
    return LX_OK;
}

enum lx_err frame_write_strings(struct frame_writer *writer, const char *name,
                                const uint64_t *offsets, const char *bytes, const uint64_t *nulls,
                                struct lx_error *err)
{
    LX_ASSERT(writer != NULL && name != NULL && offsets != NULL);

    size_t row_count = (size_t)frame_writer_rows(writer);
    struct builder builder = {.codes = lx_calloc(row_count + 1, sizeof *builder.codes)};
    lx_dictionary_init(&builder.distinct, FRAME_STRINGS_MAX);
    enum lx_err code = builder.codes == NULL ? LX_ERR_NO_MEMORY : LX_OK;
    if (code == LX_OK) code = number_rows(&builder, offsets, bytes, nulls, row_count);
    if (code == LX_OK) code = sort_strings(&builder);
    if (code != LX_OK) {
        code = lx_fail(err, code, "column %s: %s, %d distinct strings at most", name,
                       lx_err_text(code), FRAME_STRINGS_MAX);
        goto out;
    }
    for (size_t row = 0; row < row_count; row++)
        if (nulls == NULL || (nulls[row / 64] >> row % 64 & 1) == 0)
            builder.codes[row] = builder.places[builder.codes[row]];
    struct frame_strings strings = {builder.distinct.count, builder.offsets, builder.bytes};
    code = frame_write_dictionary(writer, name, &strings, builder.codes, nulls, err);

out:
    lx_free(builder.codes);
    lx_free(builder.places);
    lx_free(builder.sorted);
    lx_free(builder.offsets);
    lx_free(builder.bytes);
    lx_dictionary_release(&builder.distinct);
    return code;
}

/* ---- Bitmaps ---- */

enum lx_err frame_write_bitmap(struct frame_writer *writer, const char *name,
                               const struct roaring_bitmap_s *bitmap, struct lx_error *err)
{
    LX_ASSERT(writer != NULL && name != NULL && bitmap != NULL);
    LX_ASSERT(roaring_bitmap_is_empty(bitmap) ||
              roaring_bitmap_maximum(bitmap) < frame_writer_rows(writer));

    size_t size = roaring_bitmap_frozen_size_in_bytes(bitmap);
    char *bytes = lx_malloc(size + 1);
    if (bytes == NULL) return lx_fail(err, LX_ERR_NO_MEMORY, "column %s: out of memory", name);
    roaring_bitmap_frozen_serialize(bitmap, bytes);
    enum lx_err code = frame_column_begin(writer, name, FRAME_BITMAP, 0, err);
    if (code == LX_OK) code = frame_column_values(writer, bytes, size, err);
    if (code == LX_OK) code = frame_column_end(writer, err);
    lx_free(bytes);
    return code;
}

enum { ROWS_AT_ONCE = 4096 };

static void add_words(roaring_bitmap_t *bitmap, const uint64_t *bits, size_t from, size_t to)
{
    uint32_t rows[ROWS_AT_ONCE];
    size_t count = 0;
    for (size_t word = from; word < to; word++)
        for (uint64_t left = bits[word]; left != 0; left &= left - 1)
            rows[count++] = (uint32_t)(word * 64) + (uint32_t)__builtin_ctzll(left);
    roaring_bitmap_add_many(bitmap, count, rows);
}

enum lx_err frame_write_bits(struct frame_writer *writer, const char *name, const uint64_t *bits,
                             struct lx_error *err)
{
    LX_ASSERT(writer != NULL && (bits != NULL || frame_writer_rows(writer) == 0));
    uint64_t row_count = frame_writer_rows(writer);
    LX_ASSERT(row_count <= (uint64_t)UINT32_MAX + 1);

    roaring_bitmap_t *bitmap = roaring_bitmap_create();
    if (bitmap == NULL) return lx_fail(err, LX_ERR_NO_MEMORY, "column %s: out of memory", name);
    size_t words = frame_bit_words(row_count), step = ROWS_AT_ONCE / 64;
    for (size_t word = 0; word < words; word += step)
        add_words(bitmap, bits, word, word + step < words ? word + step : words);
    roaring_bitmap_run_optimize(bitmap);
    enum lx_err code = frame_write_bitmap(writer, name, bitmap, err);
    roaring_bitmap_free(bitmap);
    return code;
}
