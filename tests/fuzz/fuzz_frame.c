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

static void read_all(const uint8_t *bytes, size_t size)
{
    struct lx_error err;
    struct frame *frame = NULL;
    volatile uint64_t sum = 0;
    if (frame_open_bytes("fuzz", bytes, size, &frame, &err) != LX_OK) return;
    sum += frame_verify(frame, &err) == LX_OK;
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
