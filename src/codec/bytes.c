#include "codec/bytes.h"

#include <string.h>

static void put_little_endian(struct lx_buffer *buffer, uint64_t value, int size)
{
    char bytes[8];
    for (int i = 0; i < size; i++) bytes[i] = (char)(value >> (8 * i) & 0xFF);
    lx_buffer_append(buffer, bytes, (size_t)size);
}

void bytes_put_u8(struct lx_buffer *buffer, uint8_t value)
{
    put_little_endian(buffer, value, 1);
}

void bytes_put_u32(struct lx_buffer *buffer, uint32_t value)
{
    put_little_endian(buffer, value, 4);
}

void bytes_put_u64(struct lx_buffer *buffer, uint64_t value)
{
    put_little_endian(buffer, value, 8);
}

void bytes_put_varint(struct lx_buffer *buffer, uint64_t value)
{
    char bytes[10];
    size_t length = 0;
    for (; value >= 0x80; value >>= 7) bytes[length++] = (char)(value | 0x80);
    bytes[length++] = (char)value;
    lx_buffer_append(buffer, bytes, length);
}

void bytes_put_signed(struct lx_buffer *buffer, int64_t value)
{
    uint64_t doubled = (uint64_t)value << 1;
    bytes_put_varint(buffer, value < 0 ? ~doubled : doubled);
}

void bytes_put_real(struct lx_buffer *buffer, double value)
{
    uint64_t bits;
    _Static_assert(sizeof bits == sizeof value, "IEEE-754 binary64");
    memcpy(&bits, &value, sizeof bits);
    bytes_put_u64(buffer, bits);
}

void bytes_put_text(struct lx_buffer *buffer, const char *text, size_t length)
{
    bytes_put_varint(buffer, length);
    lx_buffer_append(buffer, text, length);
}

struct bytes_reader bytes_reader_of(const void *bytes, size_t length)
{
    LX_ASSERT(bytes != NULL || length == 0);

    return (struct bytes_reader){.bytes = bytes, .length = length};
}

/* The next `size` bytes, or NULL for good. */
static const uint8_t *take(struct bytes_reader *reader, uint64_t size)
{
    if (reader->is_failed || size > reader->length - reader->position) {
        reader->is_failed = true;
        return NULL;
    }
    const uint8_t *bytes = reader->bytes + reader->position;
    reader->position += (size_t)size;
    return bytes;
}

static uint64_t get_little_endian(struct bytes_reader *reader, int size)
{
    const uint8_t *bytes = take(reader, (uint64_t)size);
    uint64_t value = 0;
    for (int i = 0; bytes != NULL && i < size; i++) value |= (uint64_t)bytes[i] << (8 * i);
    return value;
}

uint8_t bytes_get_u8(struct bytes_reader *reader)
{
    return (uint8_t)get_little_endian(reader, 1);
}

uint32_t bytes_get_u32(struct bytes_reader *reader)
{
    return (uint32_t)get_little_endian(reader, 4);
}

uint64_t bytes_get_u64(struct bytes_reader *reader)
{
    return get_little_endian(reader, 8);
}

uint64_t bytes_get_varint(struct bytes_reader *reader)
{
    uint64_t value = 0;
    for (int shift = 0; shift < 70; shift += 7) {
        uint8_t byte = bytes_get_u8(reader);
        if (reader->is_failed) return 0;
        /* The tenth byte has one bit left to give; a last byte of 0 could have been left out. */
        if (shift == 63 && byte > 1) break;
        if (shift > 0 && byte == 0) break;
        value |= (uint64_t)(byte & 0x7F) << shift;
        if (byte < 0x80) return value;
    }
    reader->is_failed = true;
    return 0;
}

int64_t bytes_get_signed(struct bytes_reader *reader)
{
    uint64_t value = bytes_get_varint(reader);
    uint64_t half = value >> 1;
    return (int64_t)(value & 1 ? ~half : half);
}

double bytes_get_real(struct bytes_reader *reader)
{
    uint64_t bits = bytes_get_u64(reader);
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

const char *bytes_get_text(struct bytes_reader *reader, size_t *ret_length)
{
    LX_ASSERT(ret_length != NULL);

    uint64_t length = bytes_get_varint(reader);
    const uint8_t *bytes = take(reader, length);
    *ret_length = bytes == NULL ? 0 : (size_t)length;
    return bytes == NULL ? "" : (const char *)bytes;
}

bool bytes_is_at_end(const struct bytes_reader *reader)
{
    return !reader->is_failed && reader->position == reader->length;
}
