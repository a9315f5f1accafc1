#include "base/buffer.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void lx_buffer_init(struct lx_buffer *buffer, size_t max_bytes)
{
    LX_ASSERT(max_bytes > 0 && max_bytes < SIZE_MAX / 4);

    *buffer = (struct lx_buffer){.max_bytes = max_bytes};
}

void lx_buffer_release(struct lx_buffer *buffer)
{
    lx_free(buffer->bytes);
    *buffer = (struct lx_buffer){.max_bytes = buffer->max_bytes};
}

void lx_buffer_clear(struct lx_buffer *buffer)
{
    buffer->length = 0;
    buffer->failure = LX_OK;
    if (buffer->bytes != NULL) buffer->bytes[0] = '\0';
}

char *lx_buffer_reserve(struct lx_buffer *buffer, size_t length)
{
    if (buffer->failure != LX_OK) return NULL;
    if (length > buffer->max_bytes - buffer->length) {
        buffer->failure = LX_ERR_LIMIT;
        return NULL;
    }
    /* One more byte for the NUL that always follows. */
    buffer->failure = lx_grow(&buffer->bytes, &buffer->capacity, buffer->length + length + 1,
                              buffer->max_bytes + 1, 1);
    if (buffer->failure != LX_OK) return NULL;
    buffer->bytes[buffer->length] = '\0'; /* also where nothing is written and advanced */
    return buffer->bytes + buffer->length;
}

void lx_buffer_advance(struct lx_buffer *buffer, size_t length)
{
    LX_ASSERT(length < buffer->capacity - buffer->length);

    buffer->length += length;
    buffer->bytes[buffer->length] = '\0';
}

void lx_buffer_append(struct lx_buffer *buffer, const void *bytes, size_t length)
{
    char *room = lx_buffer_reserve(buffer, length);
    if (room == NULL) return;
    if (length > 0) memcpy(room, bytes, length);
    lx_buffer_advance(buffer, length);
}

void lx_buffer_append_text(struct lx_buffer *buffer, const char *text)
{
    lx_buffer_append(buffer, text, strlen(text));
}

void lx_buffer_append_byte(struct lx_buffer *buffer, char byte)
{
    lx_buffer_append(buffer, &byte, 1);
}

void lx_buffer_printf(struct lx_buffer *buffer, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    LX_ASSERT(length >= 0);

    char *room = lx_buffer_reserve(buffer, (size_t)length);
    if (room != NULL) {
        vsnprintf(room, (size_t)length + 1, format, again);
        lx_buffer_advance(buffer, (size_t)length);
    }
    va_end(again);
}

enum lx_err lx_buffer_error(const struct lx_buffer *buffer)
{
    return buffer->failure;
}

const char *lx_buffer_text(const struct lx_buffer *buffer)
{
    return buffer->bytes == NULL ? "" : buffer->bytes;
}

char *lx_buffer_take(struct lx_buffer *buffer, size_t *ret_length)
{
    if (buffer->bytes == NULL) lx_buffer_append(buffer, "", 0);
    if (buffer->failure != LX_OK) return NULL;

    char *bytes = buffer->bytes;
    if (ret_length != NULL) *ret_length = buffer->length;
    *buffer = (struct lx_buffer){.max_bytes = buffer->max_bytes};
    return bytes;
}
