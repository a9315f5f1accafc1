/*
 * fuzz_http: whatever a client sends, reading it stays within its bytes, and a chunked body is the
 * same in one piece as in two. The first byte says which reader the rest is for.
 */
#include <stdlib.h>
#include <string.h>

#include "http/accept.h"
#include "http/message.h"
#include "http/route.h"
#include "http/target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void nothing(struct http_exchange *exchange, void *context)
{
    (void)exchange;
    (void)context;
}

static const struct http_route routes[] = {
    {HTTP_GET, "/a/{x}", nothing, 0, 0},
    {HTTP_GET, "/a/b/{y}/c", nothing, 0, 0},
    {HTTP_GET, "/f/{rest*}", nothing, 0, 0},
};

static void read_head(char *text, size_t length)
{
    struct http_head head;
    if (http_head_read(text, length, &head) != 0) return;
    if (head.target == NULL || head.header_count > HTTP_HEADERS_MAX) abort();
    if (head.is_chunked && head.content_length > 0) abort();
    for (size_t i = 0; i < head.header_count; i++)
        if (strpbrk(head.headers[i].name, "\r\n: ") != NULL ||
            strpbrk(head.headers[i].value, "\r\n") != NULL)
            abort();
}

static void read_chunks(const char *text, size_t length, size_t cut)
{
    struct http_chunks whole = {0}, parts = {0};
    struct lx_buffer a, b;
    size_t used = 0, first = 0, second = 0;
    lx_buffer_init(&a, 4096);
    lx_buffer_init(&b, 4096);
    if (cut > length) cut = length;
    int status = http_chunks_read(&whole, text, length, &a, &used);
    int again = http_chunks_read(&parts, text, cut, &b, &first);
    if (again == 0 && first == cut)
        again = http_chunks_read(&parts, text + cut, length - cut, &b, &second);
    if (status != again || (status == 0 && (used != first + second || a.length != b.length)))
        abort();
    if (status == 0 && a.length > 0 && memcmp(a.bytes, b.bytes, a.length) != 0) abort();
    lx_buffer_release(&a);
    lx_buffer_release(&b);
}

static void read_texts(const char *text, size_t length, struct lx_arena *arena)
{
    struct http_pair *pairs = NULL;
    struct http_match match;
    size_t count = 0;
    if (http_query_read(arena, text, &pairs, &count) && count > HTTP_QUERY_MAX) abort();
    const char *decoded = http_decode(arena, text, length, false);
    if (decoded != NULL && strlen(decoded) > length) abort();
    const char *cookie = http_cookie(arena, text, "s");
    if (cookie != NULL && strpbrk(cookie, "; \"\\,") != NULL) abort();
    (void)http_accept_language(text);
    (void)http_accepts_gzip(text);
    (void)http_matches_tag(text, "\"a\"");
    if (text[0] == '/') http_route_find(routes, LX_COUNT_OF(routes), HTTP_GET, text, arena, &match);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1) return 0;
    struct lx_arena arena;
    char *text = malloc(size);
    if (text == NULL) return 0;
    memcpy(text, data + 1, size - 1);
    text[size - 1] = '\0';
    lx_arena_init(&arena, 16 << 20);
    if (data[0] % 4 == 0)
        read_head(text, size - 1);
    else if (data[0] % 4 == 1)
        read_chunks(text, size - 1, data[0] / 4);
    else
        read_texts(text, strlen(text), &arena);
    lx_arena_release(&arena);
    free(text);
    return 0;
}
