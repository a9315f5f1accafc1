/*
 * Goal:   a request's head is read as RFC 9112 says and refused, with the right status, where two
 *         readers could differ about it; a chunked body gives the same bytes however it is cut.
 * Method: a table of heads and their statuses; then random bodies in random chunks, fed in random
 *         pieces, against the body that was written.
 */
#include "tests/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "http/message.h"

#define H "Host: x\r\n"

static int read_text(const char *text, struct http_head *head)
{
    static char bytes[70000];
    size_t length = strlen(text);
    memcpy(bytes, text, length + 1);
    return http_head_read(bytes, length, head);
}

static void test_heads_are_taken_or_refused_with_their_status(void **state)
{
    (void)state;
    static const struct {
        int status;
        const char *head;
    } rows[] = {
        {0, "GET / HTTP/1.1\r\n" H "\r\n"},
        {0, "GET / HTTP/1.0\r\n\r\n"},
        {0, "GET http://h:80/a?b HTTP/1.1\r\n" H "\r\n"},
        {0, "OPTIONS * HTTP/1.1\r\n" H "\r\n"},
        {0, "POST / HTTP/1.1\r\n" H "Content-Length: 0\r\n\r\n"},
        {0, "POST / HTTP/1.1\r\n" H "Transfer-Encoding: Chunked\r\n\r\n"},
        {0, "GET / HTTP/1.1\r\n" H "X:\r\n\r\n"},
        {0, "GET / HTTP/1.1\r\n" H "X: \xe4\xb8\xad\r\n\r\n"},
        {400, ""},
        {400, "GET / HTTP/1.1"},
        {400, "GET / HTTP/1.1\r\n\r\n"}, /* no Host */
        {400, "GET / HTTP/1.1\r\n" H H "\r\n"},
        {400, "GET / HTTP/1.1\n" H "\r\n"},
        {400, "GET / HTTP/1.1\r\nHost: x\n\r\n"},
        {400, "GET / HTTP/1.1\r\n" H "X: a\rb\r\n\r\n"},
        {400, "GET / HTTP/1.1\r\n" H "X : a\r\n\r\n"},
        {400, "GET / HTTP/1.1\r\n" H "X: a\r\n b\r\n\r\n"}, /* folded */
        {400, "GET / HTTP/1.1\r\n" H ": a\r\n\r\n"},
        {400, "GET / HTTP/1.1\r\n" H "X\r\n\r\n"},
        {400, "GET / HTTP/1.1\r\n" H "X: \x01\r\n\r\n"},
        {400, "GET  / HTTP/1.1\r\n" H "\r\n"},
        {400, "GET /\r\n" H "\r\n"},
        {400, "GET / HTTP/1.1 \r\n" H "\r\n"},
        {400, "GET / http/1.1\r\n" H "\r\n"},
        {400, "GET x HTTP/1.1\r\n" H "\r\n"},
        {400, "GET * HTTP/1.1\r\n" H "\r\n"},
        {400, "GET http:// HTTP/1.1\r\n" H "\r\n"},
        {400, "GET /a#b HTTP/1.1\r\n" H "\r\n"},
        {400, "GET /\xe4 HTTP/1.1\r\n" H "\r\n"},
        {400, "G@T / HTTP/1.1\r\n" H "\r\n"},
        {400, "POST / HTTP/1.1\r\n" H "Content-Length: -1\r\n\r\n"},
        {400, "POST / HTTP/1.1\r\n" H "Content-Length: +1\r\n\r\n"},
        {400, "POST / HTTP/1.1\r\n" H "Content-Length: 1, 1\r\n\r\n"},
        {400, "POST / HTTP/1.1\r\n" H "Content-Length: \r\n\r\n"},
        {400, "POST / HTTP/1.1\r\n" H "Content-Length: 1\r\nContent-Length: 1\r\n\r\n"},
        {400, "POST / HTTP/1.1\r\n" H "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"},
        {400, "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"},
        {413, "POST / HTTP/1.1\r\n" H "Content-Length: 1234567890123456789\r\n\r\n"},
        {417, "POST / HTTP/1.1\r\n" H "Expect: tea\r\n\r\n"},
        {501, "POST / HTTP/1.1\r\n" H "Transfer-Encoding: gzip, chunked\r\n\r\n"},
        {501, "get / HTTP/1.1\r\n" H "\r\n"},
        {501, "CONNECT h:1 HTTP/1.1\r\n" H "\r\n"},
        {505, "GET / HTTP/1.2\r\n" H "\r\n"},
        {505, "GET / HTTP/2.0\r\n" H "\r\n"},
    };
    for (size_t i = 0; i < LX_COUNT_OF(rows); i++) {
        struct http_head head;
        int status = read_text(rows[i].head, &head);
        if (status != rows[i].status)
            fail_msg("row %zu: %d, expected %d:\n%s", i, status, rows[i].status, rows[i].head);
    }
}

static void test_a_head_is_taken_apart(void **state)
{
    (void)state;
    struct http_head head;
    assert_int_equal(read_text("POST http://h/a/b?c=d HTTP/1.1\r\nHOST: h\r\nX-Key:\t a b \t\r\n"
                               "Content-Length: 12\r\nExpect: 100-Continue\r\n"
                               "Connection: upgrade , Close\r\n\r\n",
                               &head),
                     0);
    assert_int_equal(head.method, HTTP_POST);
    assert_string_equal(head.target, "/a/b?c=d");
    assert_string_equal(http_head_find(&head, "x-key"), "a b");
    assert_null(http_head_find(&head, "X-Key"));
    assert_int_equal(head.content_length, 12);
    assert_true(head.expects_continue);
    assert_false(head.keeps_alive);
    assert_int_equal(read_text("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", &head), 0);
    assert_true(head.keeps_alive);
    assert_int_equal(read_text("GET / HTTP/1.0\r\n\r\n", &head), 0);
    assert_false(head.keeps_alive);
}

static void test_a_nul_in_a_head_is_refused(void **state)
{
    (void)state;
    char bytes[] = "GET / HTTP/1.1\r\nHost: x\r\nX: a\0b\r\n\r\n";
    struct http_head head;
    assert_int_equal(http_head_read(bytes, sizeof bytes - 1, &head), 400);
}

static void test_chunks_are_taken_or_refused(void **state)
{
    (void)state;
    static const struct {
        const char *bytes, *body; /* NULL: refused; "..." behind the end is left */
        bool is_done;
    } rows[] = {
        {"0\r\n\r\n", "", true},
        {"3\r\nabc\r\n0\r\n\r\n", "abc", true},
        {"03;a=b\r\nabc\r\n1\r\nd\r\n0\r\nT: x\r\n\r\n", "abcd", true},
        {"3\r\nab", "ab", false},
        {"", "", false},
        {"\r\n", NULL, false},
        {"g\r\n", NULL, false},
        {"3\nabc", NULL, false},
        {"3 \r\nabc", NULL, false},
        {"0x3\r\nabc", NULL, false},
        {"3\r\nabcd", NULL, false},
        {"3\r\nabc\n", NULL, false},
        {"fffffffffffffffff\r\n", NULL, false},
        {"0\r\n\rx", NULL, false},
    };
    for (size_t i = 0; i < LX_COUNT_OF(rows); i++) {
        struct http_chunks chunks = {0};
        struct lx_buffer body;
        size_t used = 0;
        lx_buffer_init(&body, 100);
        int status = http_chunks_read(&chunks, rows[i].bytes, strlen(rows[i].bytes), &body, &used);
        if ((status == 0) != (rows[i].body != NULL)) fail_msg("row %zu: status %d", i, status);
        if (status == 0) {
            assert_string_equal(lx_buffer_text(&body), rows[i].body);
            assert_int_equal(chunks.is_done, rows[i].is_done);
            assert_int_equal(used, strlen(rows[i].bytes));
        }
        lx_buffer_release(&body);
    }
}

static void write_chunks(struct lx_rng *rng, const struct lx_buffer *body, struct lx_buffer *coded)
{
    for (size_t at = 0; at < body->length;) {
        size_t count = 1 + lx_rng_below(rng, 40);
        if (count > body->length - at) count = body->length - at;
        lx_buffer_printf(coded, lx_rng_chance(rng, 0.3) ? "%zX;x=\"y\"\r\n" : "%zx\r\n", count);
        lx_buffer_append(coded, body->bytes + at, count);
        lx_buffer_append_text(coded, "\r\n");
        at += count;
    }
    lx_buffer_append_text(coded, lx_rng_chance(rng, 0.5) ? "0\r\n\r\n" : "00\r\nA: b\r\n\r\n");
}

static void test_a_body_is_the_same_however_it_is_cut(void **state)
{
    (void)state;
    struct lx_buffer body, coded, read;
    lx_buffer_init(&body, 1000);
    lx_buffer_init(&coded, 100000);
    lx_buffer_init(&read, 1000);
    for (uint64_t seed = 0; seed < 2000; seed++) {
        struct lx_rng rng = lx_rng_of(seed, 1);
        lx_buffer_clear(&body), lx_buffer_clear(&coded), lx_buffer_clear(&read);
        for (size_t i = lx_rng_below(&rng, 300); i > 0; i--)
            lx_buffer_append_byte(&body, (char)lx_rng_below(&rng, 256));
        write_chunks(&rng, &body, &coded);
        struct http_chunks chunks = {0};
        lx_buffer_append_text(&coded, "GET /next"); /* of the next request: not to be touched */
        size_t at = 0;
        while (!chunks.is_done && at < coded.length) {
            size_t count = 1 + lx_rng_below(&rng, 30), used = 0;
            if (count > coded.length - at) count = coded.length - at;
            int status = http_chunks_read(&chunks, coded.bytes + at, count, &read, &used);
            if (status != 0) fail_msg("seed %lu: status %d", (unsigned long)seed, status);
            at += used;
        }
        if (!chunks.is_done || coded.length - at != 9 || read.length != body.length ||
            memcmp(lx_buffer_text(&read), lx_buffer_text(&body), body.length) != 0)
            fail_msg("seed %lu: %zu bytes of %zu", (unsigned long)seed, read.length, body.length);
    }
    lx_buffer_release(&body), lx_buffer_release(&coded), lx_buffer_release(&read);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_heads_are_taken_or_refused_with_their_status),
        cmocka_unit_test(test_a_head_is_taken_apart),
        cmocka_unit_test(test_a_nul_in_a_head_is_refused),
        cmocka_unit_test(test_chunks_are_taken_or_refused),
        cmocka_unit_test(test_a_body_is_the_same_however_it_is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
