#ifndef CODEC_BYTES_H
#define CODEC_BYTES_H

/*
 * bytes: canonical binary encoding: the same values always give the same bytes. Integers are
 * little-endian of fixed width or LEB128 varints (zigzag when signed), texts are a varint length
 * and the bytes, reals are IEEE-754 bits. Journal records and the snapshot's header use it.
 *
 * Reading never runs past the end: the first short or wrong read sets `is_failed`, and later reads
 * give zero; ask once at the end. Threads: one at a time.
 */

#include "base/base.h"
#include "base/buffer.h"

void bytes_put_u8(struct lx_buffer *buffer, uint8_t value);
void bytes_put_u32(struct lx_buffer *buffer, uint32_t value);
void bytes_put_u64(struct lx_buffer *buffer, uint64_t value);
void bytes_put_varint(struct lx_buffer *buffer, uint64_t value);
void bytes_put_signed(struct lx_buffer *buffer, int64_t value);
void bytes_put_real(struct lx_buffer *buffer, double value);
void bytes_put_text(struct lx_buffer *buffer, const char *text, size_t length);

struct bytes_reader {
    const uint8_t *bytes; /* borrowed */
    size_t length, position;
    bool is_failed;
};

struct bytes_reader bytes_reader_of(const void *bytes, size_t length);
uint8_t bytes_get_u8(struct bytes_reader *reader);
uint32_t bytes_get_u32(struct bytes_reader *reader);
uint64_t bytes_get_u64(struct bytes_reader *reader);
uint64_t bytes_get_varint(struct bytes_reader *reader); /* the shortest form only */
int64_t bytes_get_signed(struct bytes_reader *reader);
double bytes_get_real(struct bytes_reader *reader);
const char *bytes_get_text(struct bytes_reader *reader, size_t *ret_length); /* borrowed */
bool bytes_is_at_end(const struct bytes_reader *reader); /* all read and nothing failed */

#endif
