#include "codec/base64.h"

#include <string.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char digits[] = "0123456789abcdef";

void base64_put(struct lx_buffer *buffer, const void *bytes, size_t length)
{
    const uint8_t *from = bytes;
    for (size_t i = 0; i < length; i += 3) {
        size_t count = length - i < 3 ? length - i : 3;
        uint32_t group = 0;
        for (size_t j = 0; j < 3; j++) group = group << 8 | (j < count ? from[i + j] : 0u);
        for (size_t j = 0; j < 4; j++) {
            bool is_padding = j > count;
            lx_buffer_append_byte(buffer, is_padding ? '=' : alphabet[group >> (18 - 6 * j) & 63u]);
        }
    }
}

/* 64 for a byte outside the alphabet. */
static uint32_t value_of(char digit)
{
    if (digit >= 'A' && digit <= 'Z') return (uint32_t)(digit - 'A');
    if (digit >= 'a' && digit <= 'z') return (uint32_t)(digit - 'a') + 26;
    if (digit >= '0' && digit <= '9') return (uint32_t)(digit - '0') + 52;
    if (digit == '+') return 62;
    return digit == '/' ? 63 : 64;
}

bool base64_get(const char *text, size_t length, uint8_t *ret_bytes, size_t size,
                size_t *ret_length)
{
    size_t padding = 0, count = 0;
    if (length % 4 != 0) return false;
    while (padding < 2 && padding < length && text[length - 1 - padding] == '=') padding++;
    if (length / 4 * 3 - padding > size) return false;
    for (size_t i = 0; i < length; i += 4) {
        size_t digits_here = i + 4 == length ? 4 - padding : 4;
        uint32_t group = 0;
        for (size_t j = 0; j < 4; j++) {
            uint32_t value = j < digits_here ? value_of(text[i + j]) : 0;
            if (value > 63) return false;
            group = group << 6 | value;
        }
        for (size_t j = 0; j + 1 < digits_here; j++)
            ret_bytes[count++] = (uint8_t)(group >> (16 - 8 * j));
        uint32_t unused = digits_here == 4 ? 0 : group & (digits_here == 3 ? 0xFFu : 0xFFFFu);
        if (unused != 0) return false;
    }
    *ret_length = count;
    return true;
}

void hex_put(struct lx_buffer *buffer, const void *bytes, size_t length)
{
    const uint8_t *from = bytes;
    for (size_t i = 0; i < length; i++) {
        lx_buffer_append_byte(buffer, digits[from[i] >> 4]);
        lx_buffer_append_byte(buffer, digits[from[i] & 15]);
    }
}

bool hex_get(const char *text, size_t length, uint8_t *ret_bytes, size_t size)
{
    if (length != 2 * size) return false;
    for (size_t i = 0; i < length; i++) {
        const char *digit = text[i] == '\0' ? NULL : strchr(digits, text[i]);
        if (digit == NULL) return false;
        uint8_t value = (uint8_t)(digit - digits);
        ret_bytes[i / 2] = (uint8_t)(i % 2 == 0 ? value << 4 : ret_bytes[i / 2] | value);
    }
    return true;
}
