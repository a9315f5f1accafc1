#ifndef CODEC_BASE64_H
#define CODEC_BASE64_H

/*
 * base64: the standard alphabet with padding (RFC 4648, section 4), and hexadecimal digits.
 *
 * Decoding is strict: no white space, padding where it belongs, unused bits zero. So each run of
 * bytes has one text, and a text with any bit turned over is another run of bytes or none.
 * Threads: pure.
 */

#include "base/base.h"
#include "base/buffer.h"

void base64_put(struct lx_buffer *buffer, const void *bytes, size_t length);
/* false if the text is not base64, or of more than `size` bytes; then nothing is to be used. */
bool base64_get(const char *text, size_t length, uint8_t *ret_bytes, size_t size,
                size_t *ret_length);

void hex_put(struct lx_buffer *buffer, const void *bytes, size_t length); /* lower case */
/* Exactly 2 * size lower-case digits. */
bool hex_get(const char *text, size_t length, uint8_t *ret_bytes, size_t size);

#endif
