#ifndef BASE_BUFFER_H
#define BASE_BUFFER_H

/*
 * buffer: bytes that grow up to a maximum named at birth, always followed by a NUL.
 *
 * A failed append sets `is_failed` and changes nothing; later appends are ignored. So a writer
 * appends a hundred times and asks once, with lx_buffer_error, before it uses the bytes.
 *
 * Ownership: the buffer owns its bytes; lx_buffer_take moves them to the caller (lx_free).
 * Errors:    LX_ERR_LIMIT past max_bytes, LX_ERR_NO_MEMORY.
 * Threads:   one thread at a time.
 */

#include "base/base.h"

struct lx_buffer {
    char *bytes; /* NULL until the first append */
    size_t length, capacity, max_bytes;
    enum lx_err failure;
};

void lx_buffer_init(struct lx_buffer *buffer, size_t max_bytes);
void lx_buffer_release(struct lx_buffer *buffer);
void lx_buffer_clear(struct lx_buffer *buffer); /* forgets bytes and failure, keeps the memory */

void lx_buffer_append(struct lx_buffer *buffer, const void *bytes, size_t length);
void lx_buffer_append_text(struct lx_buffer *buffer, const char *text);
void lx_buffer_append_byte(struct lx_buffer *buffer, char byte);
void lx_buffer_printf(struct lx_buffer *buffer, const char *format, ...) LX_PRINTF(2, 3);

/* Room for `length` more bytes; NULL if it fails. Fill it, then lx_buffer_advance. */
LX_MUST_USE char *lx_buffer_reserve(struct lx_buffer *buffer, size_t length);
void lx_buffer_advance(struct lx_buffer *buffer, size_t length);

/* LX_OK, or the first failure since init or clear. */
LX_MUST_USE enum lx_err lx_buffer_error(const struct lx_buffer *buffer);

/* The text, "" when empty; valid until the next change. */
const char *lx_buffer_text(const struct lx_buffer *buffer);

/* The bytes move to the caller, who frees them; the buffer is empty again. NULL if it failed. */
LX_MUST_USE char *lx_buffer_take(struct lx_buffer *buffer, size_t *ret_length);

#endif
