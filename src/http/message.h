#ifndef HTTP_MESSAGE_H
#define HTTP_MESSAGE_H

/*
 * message: the head of an HTTP/1.1 request and the chunks of its body, from bytes that nobody
 * trusts (RFC 9110, RFC 9112).
 *
 * Where the RFC lets a server choose, the strict way is taken, because what two programs in a row
 * read in two ways is how requests are smuggled: lines end in CRLF; no white space before a colon,
 * no folded lines, no NUL or other control character; one Host; one Content-Length, of digits
 * alone, or Transfer-Encoding: chunked, never both; trailers are read and forgotten.
 *
 * Ownership: a head's texts point into the caller's bytes, which are changed (texts get their NUL).
 * Errors:    the status that the client is to be answered with, 0 where all is well.
 * Threads:   pure.
 */

#include "base/base.h"
#include "base/buffer.h"

/* Numbers are bits, so that a set of methods is an int. */
#define HTTP_METHOD_MAP(X)                                                                         \
    X(GET, 1)                                                                                      \
    X(HEAD, 2)                                                                                     \
    X(POST, 4)                                                                                     \
    X(PUT, 8)                                                                                      \
    X(PATCH, 16)                                                                                   \
    X(DELETE, 32)                                                                                  \
    X(OPTIONS, 64)

enum http_method {
#define X(name, number) HTTP_##name = (number),
    HTTP_METHOD_MAP(X)
#undef X
};
const char *http_method_text(enum http_method method);

enum { HTTP_HEADERS_MAX = 100, HTTP_TARGET_MAX = 8192 };

struct http_header {
    const char *name; /* lower case */
    const char *value;
};

struct http_head {
    enum http_method method;
    const char *target; /* in origin form: "/path?query"; "*" of OPTIONS */
    int minor;          /* HTTP/1.minor: 0 or 1 */
    bool keeps_alive, is_chunked, expects_continue;
    uint64_t content_length; /* 0 where none was said */
    struct http_header headers[HTTP_HEADERS_MAX];
    size_t header_count;
};

/* Reads a whole head, the empty line at its end included. 0; 400; 414 (target); 417 (Expect); 431
 * (too many fields); 501 (method or transfer coding); 505 (version). */
int http_head_read(char *bytes, size_t length, struct http_head *ret_head);

/* The value of a header field by its lower-case name, NULL where there is none; the first of
 * several. */
const char *http_head_find(const struct http_head *head, const char *name);

/* A chunked body, as far as it has come. Zeroed to begin. */
struct http_chunks {
    int state;
    uint64_t left;    /* bytes of the chunk that are still to come */
    size_t line_size; /* bytes of the size line or of the trailers so far */
    bool is_done;
};

/* Takes bytes of a chunked body and appends what they carry; ret_used: how many were taken, all of
 * them unless the body has ended. 0; 400; 413 past the buffer's maximum; 503 without memory. */
int http_chunks_read(struct http_chunks *chunks, const char *bytes, size_t length,
                     struct lx_buffer *body, size_t *ret_used);

#endif
