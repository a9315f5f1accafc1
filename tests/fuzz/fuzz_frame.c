/*
 * fuzz_frame: whatever bytes a file holds, opening, verifying and reading it stays within them.
 * Checksums would stop nearly every input at the door, so an input is read once as it is and once
 * with the checksums of its edges and its directory made right.
 */
#include <stdlib.h>
#include <string.h>

#include "codec/digest.h"
#include "frame/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t read_bitmap(const struct frame *frame, const char *name)
{
    const struct roaring_bitmap_s *bitmap = NULL;
    struct lx_error err;
    uint64_t words[1024], sum = 0, row_words = frame_bit_words(frame_row_count(frame));
    if (frame_bitmap_open(frame, name, &bitmap, &err) != LX_OK) return 0;
    for (size_t first = 0; first < row_words && first < 1 << 20; first += LX_COUNT_OF(words)) {
        frame_bitmap_words(bitmap, first, LX_COUNT_OF(words), words);
        for (size_t i = 0; i < LX_COUNT_OF(words); i++) sum += words[i];
    }
    frame_bitmap_close(bitmap);
    return sum;
}

static void read_all(const uint8_t *bytes, size_t size)
{
    struct lx_error err;
    struct frame *frame = NULL;
    volatile uint64_t sum = 0;
    if (frame_open_bytes("fuzz", bytes, size, &frame, &err) != LX_OK) return;
    sum += frame_verify(frame, &err) == LX_OK;
    size_t words = frame_bit_words(frame_row_count(frame));
    for (size_t i = 0; i < frame_column_count(frame); i++) {
        struct frame_column column;
        if (frame_column_at(frame, i, &column, &err) != LX_OK) abort();
        for (uint64_t k = 0; k < column.count * column.element_size; k++)
            sum += ((const uint8_t *)column.values)[k];
        for (uint64_t row = 0; column.offsets != NULL && row < frame_row_count(frame); row++) {
            size_t count;
            const uint8_t *elements = frame_list_at(&column, row, &count);
            for (size_t k = 0; k < count * column.element_size; k++) sum += elements[k];
        }
        for (size_t word = 0; column.nulls != NULL && word < words; word++)
            sum += column.nulls[word];
        for (uint64_t k = 0; k <= column.strings.count; k++) {
            size_t count;
            const char *text = frame_string_at(&column, k, &count);
            for (size_t byte = 0; byte < count; byte++) sum += (uint8_t)text[byte];
        }
        if (column.type == FRAME_BITMAP) sum += read_bitmap(frame, column.name);
    }
    (void)sum;
    frame_close(frame);
}

static void make_checksums_right(uint8_t *bytes, size_t size)
{
    uint8_t *end = bytes + size - 64;
    uint64_t at, length;
    uint32_t crc;
    memcpy(&at, end + 12, sizeof at);
    memcpy(&length, end + 20, sizeof length);
    if (at <= size && length <= size - at) {
        crc = digest_crc32c(0, bytes + at, (size_t)length);
        memcpy(end + 28, &crc, sizeof crc);
    }
    crc = digest_crc32c(0, end, 60);
    memcpy(end + 60, &crc, sizeof crc);
    crc = digest_crc32c(0, bytes, 60);
    memcpy(bytes + 60, &crc, sizeof crc);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > (size_t)1 << 20) return 0;
    /* aligned_alloc wants a multiple; the frame ends where the input ends all the same. */
    uint8_t *bytes = aligned_alloc(FRAME_ALIGNMENT, (size + FRAME_ALIGNMENT) & ~(size_t)63);
    if (bytes == NULL) return 0;
    if (size > 0) memcpy(bytes, data, size);
    read_all(bytes, size);
    if (size >= 128) {
        make_checksums_right(bytes, size);
        read_all(bytes, size);
    }
    free(bytes);
    return 0;
}
