#ifndef HTTP_TARGET_H
#define HTTP_TARGET_H

/*
 * target: what clients write into a path, a query and a cookie, taken apart.
 *
 * Percent-encoding (RFC 3986): "%" and two digits, anything else behind a "%" is refused, and so
 * are bytes that do not make UTF-8 and a NUL. In a query "+" is a space (as forms are sent). A path
 * is cut at its "/" before it is decoded, so that an encoded slash stays in its segment; "." and
 * ".." have no meaning and match nothing.
 *
 * Ownership: results live in the arena. Errors: false where the text is not of its form or the
 *            arena is full. Threads: pure.
 */

#include "base/arena.h"

struct http_pair {
    const char *name, *value; /* value "" where there is no "=" */
};

enum { HTTP_QUERY_MAX = 32, HTTP_COOKIES_MAX = 32 };

/* Decodes `length` bytes; NULL if they are not of the form. */
LX_MUST_USE const char *http_decode(struct lx_arena *arena, const char *text, size_t length,
                                    bool is_query);

/* "a=1&b=%E4%B8%AD"; at most HTTP_QUERY_MAX pairs. Empty pairs are skipped. */
LX_MUST_USE bool http_query_read(struct lx_arena *arena, const char *text,
                                 struct http_pair **ret_pairs, size_t *ret_count);

/* A Cookie header (RFC 6265, 4.2.1) -> the value of the named one, NULL where there is none. A
 * header that is not of the form has no cookies. */
const char *http_cookie(struct lx_arena *arena, const char *header, const char *name);

/* Appends the text percent-encoded, as one segment of a path. */
struct lx_buffer;
void http_encode(struct lx_buffer *buffer, const char *text);

#endif
