/*
 * Goal:   the server answers what it is asked in the order it was asked, refuses what is too large,
 *         too slow, unknown or malformed with the right status, holds a thousand connections at
 *         once, and stops without dropping what is in flight.
 * Method: real sockets on a port of the loopback interface; the bytes of a request are written by
 *         hand and the replies read back whole.
 */
#include "tests/cmocka_all.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

#include "host/env.h"
#include "host/thread.h"
#include "http/http.h"

enum { LARGE = 100000, REPLY_MAX = 1 << 20, MANY = 1000 };

static struct lx_env env;
static atomic_int done_count, later_count;
static atomic_bool is_released;

static void say(struct http_exchange *exchange, const char *text)
{
    http_reply(exchange, 200, "text/plain; charset=utf-8", text, strlen(text));
}

static void hello(struct http_exchange *exchange, void *context)
{
    (void)context;
    say(exchange, "hello");
}

static void special(struct http_exchange *exchange, void *context)
{
    (void)context;
    say(exchange, "special");
}

static void item(struct http_exchange *exchange, void *context)
{
    (void)context;
    const char *language = http_request_query(exchange, "q");
    say(exchange,
        lx_arena_printf(http_request_arena(exchange), "item=%s q=%s",
                        http_request_parameter(exchange, 0), language != NULL ? language : "none"));
}

static void echo(struct http_exchange *exchange, void *context)
{
    (void)context;
    size_t length = 0;
    const char *body = http_request_body(exchange, &length);
    http_reply(exchange, 200, "application/octet-stream", body, length);
}

static void large(struct http_exchange *exchange, void *context)
{
    (void)context;
    char *text = lx_arena_alloc(http_request_arena(exchange), LARGE);
    for (size_t i = 0; i < LARGE; i++) text[i] = "lingxi "[i % 7];
    http_reply_tagged(exchange, "\"v1\"", "application/json", text, LARGE);
}

static void problem(struct http_exchange *exchange, void *context)
{
    (void)context;
    const struct http_problem said = {409, "conflict", "a \"reason\"", 7};
    http_reply_problem(exchange, &said);
}

static void reply_later(struct http_exchange *exchange, void *context)
{
    (void)context;
    atomic_fetch_add(&later_count, 1);
    say(exchange, "later");
}

static void resume_when_released(void *context)
{
    while (!atomic_load(&is_released)) usleep(1000);
    http_resume(context);
}

static void later(struct http_exchange *exchange, void *context)
{
    struct host_thread **thread = context;
    struct lx_error err;
    http_hold(exchange, reply_later, NULL);
    if (host_thread_start(resume_when_released, exchange, thread, &err) != LX_OK) abort();
}

static const struct http_route routes[] = {
    {HTTP_GET, "/hello", hello, 0, 0},           {HTTP_GET, "/items/{id}", item, 0, 0},
    {HTTP_GET, "/items/special", special, 0, 0}, {HTTP_POST, "/echo", echo, 1000, 0},
    {HTTP_GET, "/files/{path*}", item, 0, 0},    {HTTP_GET, "/large", large, 0, 0},
    {HTTP_GET, "/problem", problem, 0, 0},       {HTTP_GET, "/later", later, 0, 0},
    {HTTP_DELETE, "/hello", hello, 0, 0},
};

static void count_done(void *context, const struct http_done *done)
{
    (void)context;
    (void)done;
    atomic_fetch_add(&done_count, 1);
}

struct running {
    struct http_server *server;
    struct host_thread *thread;
    struct host_thread *later; /* resumes the request to /later */
    int port;
};

static void run(void *context)
{
    struct lx_error err;
    if (http_server_run(context, &err) != LX_OK) abort();
}

static void start_with(struct running *running, struct http_limits limits, int loop_count)
{
    struct lx_error err = {0};
    *running = (struct running){.server = NULL};
    const struct http_options options = {.address = "127.0.0.1",
                                         .loop_count = loop_count,
                                         .limits = limits,
                                         .routes = routes,
                                         .route_count = LX_COUNT_OF(routes),
                                         .context = &running->later,
                                         .on_done = count_done,
                                         .env = &env};
    env = host_env();
    if (http_server_open(&options, &running->server, &err) != LX_OK) fail_msg("%s", err.text);
    if (host_thread_start(run, running->server, &running->thread, &err) != LX_OK)
        fail_msg("%s", err.text);
    running->port = http_server_port(running->server);
}

static void start(struct running *running)
{
    start_with(running, http_default_limits(), 2);
}

static void stop(struct running *running)
{
    http_server_stop(running->server);
    host_thread_join(running->thread);
    host_thread_join(running->later);
    http_server_close(running->server);
}

static int dial(int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int client = socket(AF_INET, SOCK_STREAM, 0);
    struct timeval patience = {10, 0};
    setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (connect(client, (struct sockaddr *)&address, sizeof address) != 0)
        fail_msg("connect: %s", strerror(errno));
    return client;
}

static void put(int client, const char *text)
{
    size_t length = strlen(text);
    assert_int_equal(send(client, text, length, MSG_NOSIGNAL), (ssize_t)length);
}

static size_t length_of(const char *reply)
{
    const char *field = strstr(reply, "\r\nContent-Length: ");
    return field != NULL ? strtoul(field + 18, NULL, 10) : 0;
}

/* One whole reply, head and body, NUL-terminated; "" when the server has closed. */
static char *get_reply_sized(int client, bool has_body, size_t *ret_body)
{
    static char reply[REPLY_MAX];
    size_t length = 0, wanted = SIZE_MAX;
    *ret_body = 0;
    while (length < wanted) {
        /* One byte at a time up to the end of the head: what follows may be the next reply. */
        size_t size = wanted == SIZE_MAX ? 1 : wanted - length;
        ssize_t got = recv(client, reply + length, size, 0);
        if (got <= 0) break;
        length += (size_t)got;
        reply[length] = '\0';
        if (wanted == SIZE_MAX && length >= 4 && strcmp(reply + length - 4, "\r\n\r\n") == 0) {
            *ret_body = has_body ? length_of(reply) : 0;
            wanted = length + *ret_body;
        }
    }
    reply[length] = '\0';
    return reply;
}

static char *get_reply(int client)
{
    size_t size;
    return get_reply_sized(client, true, &size);
}

static const char *body_of(const char *reply)
{
    const char *end = strstr(reply, "\r\n\r\n");
    return end != NULL ? end + 4 : "";
}

static int status_of(const char *reply)
{
    return strncmp(reply, "HTTP/1.1 ", 9) == 0 ? atoi(reply + 9) : 0;
}

/* Sends a request on a connection of its own, gives back the reply. */
static char *ask(int port, const char *request)
{
    int client = dial(port);
    put(client, request);
    char *reply = get_reply(client);
    close(client);
    return reply;
}

static void expect(const char *reply, int status, const char *part)
{
    if (status_of(reply) != status || (part != NULL && strstr(reply, part) == NULL))
        fail_msg("expected %d with \"%s\", got:\n%s", status, part != NULL ? part : "", reply);
}

static void test_a_connection_is_kept_for_the_next_request(void **state)
{
    (void)state;
    struct running running;
    start(&running);
    int client = dial(running.port);
    for (int i = 0; i < 5; i++) {
        put(client, "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
        assert_string_equal(body_of(get_reply(client)), "hello");
    }
    put(client, "GET /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    expect(get_reply(client), 200, "\r\nConnection: close\r\n");
    assert_string_equal(get_reply(client), "");
    close(client);
    client = dial(running.port);
    put(client, "GET /hello HTTP/1.0\r\n\r\n");
    expect(get_reply(client), 200, "hello");
    assert_string_equal(get_reply(client), "");
    close(client);
    stop(&running);
}

static void test_pipelined_requests_are_answered_in_their_order(void **state)
{
    (void)state;
    struct running running;
    char request[128], expected[64];
    start(&running);
    int client = dial(running.port);
    for (int i = 0; i < 100; i++) {
        snprintf(request, sizeof request, "GET /items/%d?q=a%%20b HTTP/1.1\r\nHost: x\r\n\r\n", i);
        put(client, request);
    }
    put(client, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc");
    put(client, "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
    shutdown(client, SHUT_WR);
    for (int i = 0; i < 100; i++) {
        snprintf(expected, sizeof expected, "item=%d q=a b", i);
        assert_string_equal(body_of(get_reply(client)), expected);
    }
    assert_string_equal(body_of(get_reply(client)), "abc");
    assert_string_equal(body_of(get_reply(client)), "hello");
    assert_string_equal(get_reply(client), "");
    close(client);
    stop(&running);
}

static void test_a_request_that_comes_byte_by_byte_is_read(void **state)
{
    (void)state;
    static const char request[] = "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
                                  "\r\n3\r\nabc\r\nA;x=1\r\n0123456789\r\n0\r\nT: 1\r\n\r\n";
    struct running running;
    start(&running);
    int client = dial(running.port), on = 1;
    setsockopt(client, IPPROTO_TCP, 1 /* TCP_NODELAY */, &on, sizeof on);
    for (size_t i = 0; request[i] != '\0'; i++) {
        assert_int_equal(send(client, request + i, 1, MSG_NOSIGNAL), 1);
        if (i % 16 == 0) usleep(1000);
    }
    assert_string_equal(body_of(get_reply(client)), "abc0123456789");
    close(client);
    stop(&running);
}

static void test_unknown_paths_and_methods_are_told_apart(void **state)
{
    (void)state;
    struct running running;
    start(&running);
    int port = running.port;
    expect(ask(port, "GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n"), 404,
           "urn:lingxi:problem:not_found");
    expect(ask(port, "GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n"), 404, "不存在");
    expect(ask(port, "GET /nothing HTTP/1.1\r\nHost: x\r\nAccept-Language: en\r\n\r\n"), 404,
           "Not Found\"");
    expect(ask(port, "PUT /hello HTTP/1.1\r\nHost: x\r\n\r\n"), 405,
           "\r\nAllow: GET, HEAD, DELETE, OPTIONS\r\n");
    expect(ask(port, "GET /echo HTTP/1.1\r\nHost: x\r\n\r\n"), 405, "\r\nAllow: POST, OPTIONS\r\n");
    expect(ask(port, "OPTIONS /echo HTTP/1.1\r\nHost: x\r\n\r\n"), 204, "Allow: POST, OPTIONS");
    expect(ask(port, "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n"), 204, "Allow: ");
    expect(ask(port, "BREW /hello HTTP/1.1\r\nHost: x\r\n\r\n"), 501, NULL);
    expect(ask(port, "GET /hello HTTP/2.0\r\nHost: x\r\n\r\n"), 505, NULL);
    expect(ask(port, "GET /hello HTTP/1.1\r\n\r\n"), 400, NULL);
    expect(ask(port, "GET /items/%zz HTTP/1.1\r\nHost: x\r\n\r\n"), 400, NULL);
    expect(ask(port, "GET /items/special HTTP/1.1\r\nHost: x\r\n\r\n"), 200, "special");
    expect(ask(port, "GET /items/a%2Fb HTTP/1.1\r\nHost: x\r\n\r\n"), 200, "item=a/b");
    expect(ask(port, "GET /files/a/b/c HTTP/1.1\r\nHost: x\r\n\r\n"), 200, "item=a/b/c");
    expect(ask(port, "GET /problem HTTP/1.1\r\nHost: x\r\n\r\n"), 409, "\r\nRetry-After: 7\r\n");
    stop(&running);
}

static void test_head_has_the_head_of_get_and_no_body(void **state)
{
    (void)state;
    struct running running;
    size_t size;
    start(&running);
    int client = dial(running.port);
    put(client, "HEAD /hello HTTP/1.1\r\nHost: x\r\n\r\n");
    expect(get_reply_sized(client, false, &size), 200, "\r\nContent-Length: 5\r\n");
    put(client, "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
    expect(get_reply(client), 200, "hello"); /* nothing of a body came in between */
    close(client);
    stop(&running);
}

static void test_what_is_too_large_is_refused_by_name(void **state)
{
    (void)state;
    struct running running;
    start(&running);
    int client = dial(running.port);
    char *request = malloc(40000);
    strcpy(request, "GET /hello HTTP/1.1\r\nHost: x\r\nX: ");
    memset(request + strlen(request), 'a', 30000);
    strcpy(request + 30033, "\r\n\r\n");
    put(client, request);
    expect(get_reply(client), 431, "header_too_large");
    assert_string_equal(get_reply(client), "");
    close(client);
    int length = sprintf(request, "GET /hello HTTP/1.1\r\nHost: x\r\n");
    for (int i = 0; i < 120; i++) length += sprintf(request + length, "X-%d: 1\r\n", i);
    strcpy(request + length, "\r\n");
    expect(ask(running.port, request), 431, NULL);
    memset(request, 'a', 40000);
    memcpy(request, "GET /", 5);
    strcpy(request + 9000, " HTTP/1.1\r\nHost: x\r\n\r\n");
    expect(ask(running.port, request), 414, NULL);
    free(request);
    /* The body is refused by what its head says, before it comes. */
    expect(ask(running.port, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1001\r\n\r\n"), 413,
           "too_large");
    expect(ask(running.port, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: "
                             "99999999999999999999\r\n\r\n"),
           413, NULL);
    expect(ask(running.port, "GET /hello HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\na"), 413,
           NULL);
    char chunked[1400] =
        "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n";
    memset(chunked + strlen(chunked), 'b', 1001);
    expect(ask(running.port, chunked), 413, NULL);
    expect(ask(running.port, "POST /echo HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"
                             "Content-Length: 1001\r\n\r\n"),
           413, NULL);
    stop(&running);
}

static void test_a_client_that_asks_first_is_told_to_go_on(void **state)
{
    (void)state;
    struct running running;
    start(&running);
    int client = dial(running.port);
    put(client, "POST /echo HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"
                "Content-Length: 2\r\n\r\n");
    expect(get_reply(client), 100, NULL);
    put(client, "ok");
    assert_string_equal(body_of(get_reply(client)), "ok");
    close(client);
    stop(&running);
}

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* A byte every 50 ms never lets a timeout between bytes run out; the deadline counts the whole. */
static void test_a_slow_client_is_dropped(void **state)
{
    (void)state;
    static const char *const beginnings[] = {
        "GET /hello HTTP/1.1\r\nHost: x\r\n",
        "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 900\r\n\r\n"};
    struct running running;
    struct http_limits limits = http_default_limits();
    limits.head_ms = limits.body_ms = 400;
    start_with(&running, limits, 1);
    for (size_t i = 0; i < LX_COUNT_OF(beginnings); i++) {
        int client = dial(running.port);
        int64_t began_ms = now_ms();
        put(client, beginnings[i]);
        struct pollfd readable = {client, POLLIN, 0};
        while (poll(&readable, 1, 50) == 0 && now_ms() < began_ms + 5000)
            (void)send(client, "X", 1, MSG_NOSIGNAL);
        expect(get_reply(client), 408, "timeout");
        int64_t took_ms = now_ms() - began_ms;
        if (took_ms < 350 || took_ms > 3000) fail_msg("dropped after %ld ms", (long)took_ms);
        assert_string_equal(get_reply(client), "");
        close(client);
    }
    /* Meanwhile others are served. */
    expect(ask(running.port, "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n"), 200, "hello");
    struct http_counters counters;
    http_server_counters(running.server, &counters);
    assert_int_equal(counters.timed_out, 2);
    stop(&running);
}

static void test_a_client_that_does_not_read_is_dropped(void **state)
{
    (void)state;
    struct running running;
    struct http_limits limits = http_default_limits();
    limits.send_ms = 300;
    start_with(&running, limits, 1);
    int client = dial(running.port);
    for (int i = 0; i < 400; i++) {
        static const char request[] = "GET /large HTTP/1.1\r\nHost: x\r\n\r\n";
        if (send(client, request, sizeof request - 1, MSG_NOSIGNAL | MSG_DONTWAIT) < 0) break;
    }
    struct http_counters counters = {0};
    for (int i = 0; i < 100 && counters.timed_out == 0; i++) {
        usleep(50000);
        http_server_counters(running.server, &counters);
    }
    assert_int_equal(counters.timed_out, 1);
    assert_int_equal(counters.open, 0);
    close(client);
    stop(&running);
}

static void test_an_idle_connection_is_closed(void **state)
{
    (void)state;
    struct running running;
    struct http_limits limits = http_default_limits();
    limits.idle_ms = 200;
    start_with(&running, limits, 1);
    int client = dial(running.port);
    put(client, "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
    expect(get_reply(client), 200, NULL);
    assert_string_equal(get_reply(client), ""); /* closed, without a word */
    close(client);
    stop(&running);
}

static void inflate_reply(const char *reply, size_t size)
{
    static unsigned char text[LARGE + 1];
    z_stream stream = {.next_in = (Bytef *)(uintptr_t)body_of(reply), .avail_in = (uInt)size};
    stream.next_out = text;
    stream.avail_out = sizeof text;
    assert_int_equal(inflateInit2(&stream, 15 + 16), Z_OK);
    assert_int_equal(inflate(&stream, Z_FINISH), Z_STREAM_END);
    inflateEnd(&stream);
    assert_int_equal(sizeof text - stream.avail_out, LARGE);
    for (size_t i = 0; i < LARGE; i++)
        if (text[i] != (unsigned char)"lingxi "[i % 7]) fail_msg("byte %zu", i);
}

static void test_large_answers_are_compressed_where_that_is_welcome(void **state)
{
    (void)state;
    struct running running;
    size_t size;
    start(&running);
    expect(ask(running.port, "GET /large HTTP/1.1\r\nHost: x\r\n\r\n"), 200,
           "\r\nContent-Length: 100000\r\n");
    expect(ask(running.port, "GET /large HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip;q=0\r\n\r\n"),
           200, "\r\nContent-Length: 100000\r\n");
    int client = dial(running.port);
    for (int i = 0; i < 3; i++) {
        put(client, "GET /large HTTP/1.1\r\nHost: x\r\nAccept-Encoding: br, gzip\r\n\r\n");
        const char *reply = get_reply_sized(client, true, &size);
        expect(reply, 200, "\r\nContent-Encoding: gzip\r\n");
        expect(reply, 200, "\r\nETag: W/\"v1\"\r\n");
        assert_true(size < LARGE / 10);
        inflate_reply(reply, size);
    }
    put(client, "GET /hello HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\n\r\n");
    expect(get_reply(client), 200, "\r\n\r\nhello");
    close(client);
    stop(&running);
}

static void test_what_the_client_has_already_is_not_sent_again(void **state)
{
    (void)state;
    struct running running;
    start(&running);
    int client = dial(running.port);
    put(client, "GET /large HTTP/1.1\r\nHost: x\r\nIf-None-Match: \"v0\", W/\"v1\"\r\n\r\n");
    expect(get_reply(client), 304, "\r\nETag: \"v1\"\r\n");
    put(client, "GET /large HTTP/1.1\r\nHost: x\r\nIf-None-Match: \"v0\"\r\n\r\n");
    expect(get_reply(client), 200, "\r\nContent-Length: 100000\r\n");
    close(client);
    stop(&running);
}

static void test_a_held_request_is_finished_before_the_server_stops(void **state)
{
    (void)state;
    struct running running;
    atomic_store(&is_released, false);
    start(&running);
    int client = dial(running.port), idle = dial(running.port);
    put(client, "GET /later HTTP/1.1\r\nHost: x\r\n\r\nGET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
    usleep(100000);
    http_server_stop(running.server);
    usleep(300000);
    assert_string_equal(get_reply(idle), ""); /* nothing in flight there: closed */
    atomic_store(&is_released, true);
    expect(get_reply(client), 200, "later");
    stop(&running);
    close(client);
    close(idle);
}

static void test_a_client_that_leaves_while_its_request_is_held_harms_nobody(void **state)
{
    (void)state;
    struct running running;
    atomic_store(&is_released, false);
    atomic_store(&later_count, 0);
    start(&running);
    int client = dial(running.port);
    put(client, "GET /later HTTP/1.1\r\nHost: x\r\n\r\n");
    usleep(100000);
    const struct linger reset = {1, 0};
    setsockopt(client, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    close(client);
    usleep(100000);
    atomic_store(&is_released, true);
    for (int i = 0; i < 100 && atomic_load(&later_count) == 0; i++) usleep(10000);
    assert_int_equal(atomic_load(&later_count), 1);
    expect(ask(running.port, "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n"), 200, "hello");
    stop(&running);
}

static void test_a_thousand_connections_at_once_are_answered(void **state)
{
    (void)state;
    static int clients[MANY];
    struct running running;
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur < 2 * MANY + 100) {
        limit.rlim_cur = limit.rlim_max < 4096 ? limit.rlim_max : 4096;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
    if (limit.rlim_cur < 2 * MANY + 100) {
        print_message("skipped: %ld files may be open\n", (long)limit.rlim_cur);
        skip();
    }
    start(&running);
    for (int round = 0; round < 3; round++) {
        char request[64], expected[32];
        for (int i = 0; i < MANY; i++) {
            if (round == 0) clients[i] = dial(running.port);
            snprintf(request, sizeof request, "GET /items/%d HTTP/1.1\r\nHost: x\r\n\r\n", i);
            put(clients[i], request);
        }
        for (int i = 0; i < MANY; i++) {
            snprintf(expected, sizeof expected, "item=%d q=none", i);
            const char *reply = get_reply(clients[i]);
            if (strcmp(body_of(reply), expected) != 0) fail_msg("connection %d: %s", i, reply);
        }
    }
    struct http_counters counters;
    http_server_counters(running.server, &counters);
    assert_int_equal(counters.open, MANY);
    assert_int_equal(counters.refused, 0);
    for (int i = 0; i < MANY; i++) close(clients[i]);
    stop(&running);
}

static void test_connections_past_the_limit_are_refused_and_others_go_on(void **state)
{
    (void)state;
    struct running running;
    struct http_limits limits = http_default_limits();
    limits.connections = 3;
    start_with(&running, limits, 2);
    int clients[3];
    for (int i = 0; i < 3; i++) {
        clients[i] = dial(running.port);
        put(clients[i], "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
        expect(get_reply(clients[i]), 200, "hello");
    }
    int refused = dial(running.port);
    expect(get_reply(refused), 503, "Retry-After");
    close(refused);
    put(clients[0], "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
    expect(get_reply(clients[0]), 200, "hello");
    close(clients[0]);
    usleep(100000);
    expect(ask(running.port, "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n"), 200, "hello");
    for (int i = 1; i < 3; i++) close(clients[i]);
    stop(&running);
}

static void test_two_servers_do_not_share_a_port(void **state)
{
    (void)state;
    struct running running;
    struct http_server *second = NULL;
    struct lx_error err = {0};
    start(&running);
    const struct http_options options = {.address = "127.0.0.1",
                                         .port = running.port,
                                         .loop_count = 2,
                                         .limits = http_default_limits(),
                                         .routes = routes,
                                         .route_count = LX_COUNT_OF(routes),
                                         .env = &env};
    assert_int_equal(http_server_open(&options, &second, &err), LX_ERR_BUSY);
    assert_non_null(strstr(err.text, "another program listens"));
    stop(&running);
}

static void test_addresses_are_numbers_and_loopback_is_known(void **state)
{
    (void)state;
    struct http_server *server = NULL;
    struct lx_error err = {0};
    const struct http_options options = {
        .address = "localhost", .loop_count = 1, .limits = http_default_limits(), .env = &env};
    assert_int_equal(http_server_open(&options, &server, &err), LX_ERR_USAGE);
    assert_true(http_is_loopback("127.0.0.1") && http_is_loopback("127.9.0.1"));
    assert_true(http_is_loopback("::1"));
    assert_false(http_is_loopback("0.0.0.0") || http_is_loopback("::") ||
                 http_is_loopback("10.0.0.1") || http_is_loopback("localhost"));
}

static void test_every_request_is_told_of_once(void **state)
{
    (void)state;
    struct running running;
    start(&running);
    atomic_store(&done_count, 0);
    for (int i = 0; i < 7; i++) ask(running.port, "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
    ask(running.port, "nonsense\r\n\r\n");
    assert_int_equal(atomic_load(&done_count), 8);
    stop(&running);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_connection_is_kept_for_the_next_request),
        cmocka_unit_test(test_pipelined_requests_are_answered_in_their_order),
        cmocka_unit_test(test_a_request_that_comes_byte_by_byte_is_read),
        cmocka_unit_test(test_unknown_paths_and_methods_are_told_apart),
        cmocka_unit_test(test_head_has_the_head_of_get_and_no_body),
        cmocka_unit_test(test_what_is_too_large_is_refused_by_name),
        cmocka_unit_test(test_a_client_that_asks_first_is_told_to_go_on),
        cmocka_unit_test(test_a_slow_client_is_dropped),
        cmocka_unit_test(test_a_client_that_does_not_read_is_dropped),
        cmocka_unit_test(test_an_idle_connection_is_closed),
        cmocka_unit_test(test_large_answers_are_compressed_where_that_is_welcome),
        cmocka_unit_test(test_what_the_client_has_already_is_not_sent_again),
        cmocka_unit_test(test_a_held_request_is_finished_before_the_server_stops),
        cmocka_unit_test(test_a_client_that_leaves_while_its_request_is_held_harms_nobody),
        cmocka_unit_test(test_a_thousand_connections_at_once_are_answered),
        cmocka_unit_test(test_connections_past_the_limit_are_refused_and_others_go_on),
        cmocka_unit_test(test_two_servers_do_not_share_a_port),
        cmocka_unit_test(test_addresses_are_numbers_and_loopback_is_known),
        cmocka_unit_test(test_every_request_is_told_of_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
