/*
 * fuzz_bytes: reading stays within the bytes, and what was read without failure is canonical:
 * writing it again gives the same bytes. The input says itself what to read: a kind, then its
 * value.
 */
#include <stdlib.h>
#include <string.h>

#include "codec/bytes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Reads a value of the kind and writes it again. */
static void copy_value(struct bytes_reader *reader, struct lx_buffer *copy, uint8_t kind)
{
    size_t length;
    const char *text;
    switch (kind % 7) {
    case 0: bytes_put_u8(copy, bytes_get_u8(reader)); break;
    case 1: bytes_put_u32(copy, bytes_get_u32(reader)); break;
    case 2: bytes_put_u64(copy, bytes_get_u64(reader)); break;
    case 3: bytes_put_varint(copy, bytes_get_varint(reader)); break;
    case 4: bytes_put_signed(copy, bytes_get_signed(reader)); break;
    case 5: bytes_put_real(copy, bytes_get_real(reader)); break;
    default: text = bytes_get_text(reader, &length); bytes_put_text(copy, text, length);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes_reader reader = bytes_reader_of(data, size);
    struct lx_buffer copy;
    lx_buffer_init(&copy, (size_t)1 << 24);
    while (!reader.is_failed && !bytes_is_at_end(&reader)) {
        size_t before = reader.position, copied = copy.length;
        uint8_t kind = bytes_get_u8(&reader);
        bytes_put_u8(&copy, kind);
        copy_value(&reader, &copy, kind);
        if (reader.is_failed) break;
        size_t length = reader.position - before;
        if (copy.length - copied != length ||
            memcmp(copy.bytes + copied, data + before, length) != 0)
            abort();
    }
    lx_buffer_release(&copy);
    return 0;
}
