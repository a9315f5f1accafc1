/* A connection: reading requests one after another, each answered before the next is begun. */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

#include "http/parts.h"

enum {
    OUTPUT_PAUSE = 256 << 10, /* no new request is begun while so much waits to be sent */
    SINGLE_WRITE = 256 << 10,
    LINGER_MS = 2000, /* how long a closed connection drains, so that its last reply arrives */
    STOP_GRACE_MS = 100,
};

static const struct http_limits *limits_of(const struct http_connection *connection)
{
    return &connection->loop->server->options.limits;
}

static void set_deadline(struct http_connection *connection, int ms)
{
    connection->deadline_ns = http_now_ns(connection->loop) + (int64_t)ms * 1000000;
}

static size_t output_length(const struct http_connection *connection)
{
    return evbuffer_get_length(bufferevent_get_output(connection->stream));
}

void http_connection_free(struct http_connection *connection)
{
    struct http_loop *loop = connection->loop;
    if (connection->is_busy) {
        connection->is_broken = true;
        return;
    }
    if (connection->exchange != NULL) {
        if (connection->exchange->is_held)
            connection->exchange->connection = NULL; /* whoever has it gives it back */
        else
            http_exchange_give(connection->exchange);
    }
    if (connection->previous != NULL)
        connection->previous->next = connection->next;
    else
        loop->connections = connection->next;
    if (connection->next != NULL) connection->next->previous = connection->previous;
    bufferevent_free(connection->stream);
    atomic_fetch_sub(&loop->server->open, 1);
    lx_free(connection);
}

/* All is said: our side is closed, and what the client still sends is thrown away, so that it does
 * not get a reset in place of the reply. */
static void begin_closing(struct http_connection *connection)
{
    connection->phase = HTTP_CLOSING;
    set_deadline(connection, LINGER_MS);
    struct evbuffer *input = bufferevent_get_input(connection->stream);
    evbuffer_drain(input, evbuffer_get_length(input));
    if (output_length(connection) > 0) return;
    if (connection->is_ended) {
        http_connection_free(connection);
        return;
    }
    evutil_socket_t socket = bufferevent_getfd(connection->stream);
    if (connection->loop->server->tls == NULL) (void)shutdown(socket, SHUT_WR);
}

static void become_idle(struct http_connection *connection)
{
    connection->phase = HTTP_IDLE;
    set_deadline(connection, limits_of(connection)->idle_ms);
}

/* Answers a request that cannot be read to its end; what follows it cannot be told apart. */
static void reject(struct http_connection *connection, int status)
{
    connection->closes = true;
    connection->phase = HTTP_ANSWERING;
    http_reply_status(connection->exchange, status);
}

static bool take_exchange(struct http_connection *connection)
{
    connection->exchange = http_exchange_take(connection->loop);
    if (connection->exchange == NULL) {
        http_connection_free(connection); /* without memory not even a refusal can be written */
        return false;
    }
    connection->exchange->connection = connection;
    return true;
}

/* Which route it is says how large the body may be. */
static int prepare_body(struct http_connection *connection)
{
    struct http_exchange *exchange = connection->exchange;
    const struct http_head *head = &exchange->head;
    const struct http_route *route = exchange->match.route;
    bool has_body = head->is_chunked || head->content_length > 0;
    connection->closes = !head->keeps_alive || connection->loop->is_stopping;
    connection->phase = HTTP_IN_BODY;
    connection->chunks = (struct http_chunks){0};
    set_deadline(connection, limits_of(connection)->body_ms);
    if (!has_body) return 0;
    if (route == NULL || exchange->match.is_malformed) {
        connection->closes = true; /* answered at once, the body is not waited for */
        connection->phase = HTTP_ANSWERING;
        return 0;
    }
    if (head->content_length > route->body_max || (head->is_chunked && route->body_max == 0))
        return 413;
    exchange->body.max_bytes = route->body_max;
    if (head->expects_continue) {
        static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
        bufferevent_write(connection->stream, go_on, sizeof go_on - 1);
    }
    return 0;
}

static int read_head(struct http_connection *connection, size_t length)
{
    struct http_exchange *exchange = connection->exchange;
    char *bytes = lx_arena_alloc(&exchange->arena, length + 1);
    if (bytes == NULL) return 503;
    evbuffer_remove(bufferevent_get_input(connection->stream), bytes, length);
    exchange->began_ns = http_now_ns(connection->loop);
    int status = http_head_read(bytes, length, &exchange->head);
    if (status != 0) return status;
    const char *target = exchange->head.target;
    size_t path_length = strcspn(target, "?");
    const char *query = target[path_length] == '?' ? target + path_length + 1 : "";
    exchange->path = lx_arena_strndup(&exchange->arena, target, path_length);
    if (exchange->path == NULL) return 503;
    const struct http_options *options = &connection->loop->server->options;
    http_route_find(options->routes, options->route_count, exchange->head.method, exchange->path,
                    &exchange->arena, &exchange->match);
    if (!http_query_read(&exchange->arena, query, &exchange->query, &exchange->query_count))
        exchange->match.is_malformed = true;
    return prepare_body(connection);
}

/* false: more bytes must come first. */
static bool advance_head(struct http_connection *connection)
{
    struct evbuffer *input = bufferevent_get_input(connection->stream);
    size_t length = evbuffer_get_length(input), limit = limits_of(connection)->header_bytes;
    struct evbuffer_ptr from, end;
    evbuffer_ptr_set(input, &from, connection->searched, EVBUFFER_PTR_SET);
    end = evbuffer_search(input, "\r\n\r\n", 4, &from);
    if (end.pos < 0 && length <= limit) {
        connection->searched = length > 3 ? length - 3 : 0;
        return false;
    }
    connection->searched = 0;
    if (!take_exchange(connection)) return false;
    if (end.pos < 0 || (size_t)end.pos + 4 > limit) {
        connection->exchange->began_ns = http_now_ns(connection->loop);
        reject(connection, 431);
        return true;
    }
    int status = read_head(connection, (size_t)end.pos + 4);
    if (status != 0) reject(connection, status);
    return true;
}

static int take_chunks(struct http_connection *connection)
{
    struct evbuffer *input = bufferevent_get_input(connection->stream);
    int status = 0;
    while (status == 0 && !connection->chunks.is_done && evbuffer_get_length(input) > 0) {
        size_t count = evbuffer_get_contiguous_space(input), used = 0;
        const char *bytes = (const char *)evbuffer_pullup(input, (ev_ssize_t)count);
        status =
            http_chunks_read(&connection->chunks, bytes, count, &connection->exchange->body, &used);
        evbuffer_drain(input, used);
    }
    return status;
}

/* Content-Length was checked against the maximum; memory grows with what really comes. */
static int take_plain(struct http_connection *connection, uint64_t wanted)
{
    struct evbuffer *input = bufferevent_get_input(connection->stream);
    struct lx_buffer *body = &connection->exchange->body;
    while (body->length < wanted && evbuffer_get_length(input) > 0) {
        size_t count = evbuffer_get_length(input);
        if (count > wanted - body->length) count = (size_t)(wanted - body->length);
        char *room = lx_buffer_reserve(body, count);
        if (room == NULL) return 503;
        evbuffer_remove(input, room, count);
        lx_buffer_advance(body, count);
    }
    return 0;
}

static bool advance_body(struct http_connection *connection)
{
    struct http_exchange *exchange = connection->exchange;
    const struct http_head *head = &exchange->head;
    int status =
        head->is_chunked ? take_chunks(connection) : take_plain(connection, head->content_length);
    if (status != 0) {
        reject(connection, status);
        return true;
    }
    bool is_whole = head->is_chunked ? connection->chunks.is_done
                                     : exchange->body.length == head->content_length;
    if (!is_whole) return false;
    connection->phase = HTTP_ANSWERING;
    return true;
}

/* false: it is held, and goes on when it is resumed. */
static bool advance_answer(struct http_connection *connection)
{
    struct http_exchange *exchange = connection->exchange;
    if (exchange->is_held) return false;
    if (!exchange->is_replied) http_exchange_begin(exchange);
    if (exchange->is_held) return false;
    http_exchange_give(exchange);
    connection->exchange = NULL;
    become_idle(connection);
    if (connection->closes) begin_closing(connection);
    return true;
}

/* false: nothing to begin with. */
static bool advance_idle(struct http_connection *connection)
{
    struct evbuffer *input = bufferevent_get_input(connection->stream);
    if (output_length(connection) > OUTPUT_PAUSE) return false;
    /* One empty line before a request is forgiven (RFC 9112, 2.2). */
    char start[2];
    if (evbuffer_copyout(input, start, 2) == 2 && memcmp(start, "\r\n", 2) == 0)
        evbuffer_drain(input, 2);
    if (evbuffer_get_length(input) == 0) return false;
    connection->phase = HTTP_IN_HEAD;
    connection->searched = 0;
    set_deadline(connection, limits_of(connection)->head_ms);
    return true;
}

static bool advance_one(struct http_connection *connection)
{
    switch (connection->phase) {
    case HTTP_IDLE: return advance_idle(connection);
    case HTTP_IN_HEAD: return advance_head(connection);
    case HTTP_IN_BODY: return advance_body(connection);
    case HTTP_ANSWERING: return advance_answer(connection);
    case HTTP_CLOSING: return false;
    }
    return false;
}

void http_connection_advance(struct http_connection *connection)
{
    if (connection->is_busy) return;
    connection->is_busy = true;
    while (!connection->is_broken && advance_one(connection)) continue;
    connection->is_busy = false;
    bool is_waiting = connection->phase == HTTP_ANSWERING;
    /* The client has ended its side: what is left of a request will never come. */
    if (connection->is_ended && !is_waiting && output_length(connection) == 0)
        connection->is_broken = true;
    if (connection->is_broken) http_connection_free(connection);
}

static void on_read(struct bufferevent *stream, void *context)
{
    struct http_connection *connection = context;
    if (connection->phase == HTTP_CLOSING) {
        struct evbuffer *input = bufferevent_get_input(stream);
        evbuffer_drain(input, evbuffer_get_length(input));
        return;
    }
    http_connection_advance(connection);
}

/* Everything is sent. */
static void on_write(struct bufferevent *stream, void *context)
{
    struct http_connection *connection = context;
    (void)stream;
    if (connection->phase == HTTP_CLOSING)
        begin_closing(connection);
    else
        http_connection_advance(connection);
}

static void on_event(struct bufferevent *stream, short what, void *context)
{
    struct http_connection *connection = context;
    (void)stream;
    if ((what & BEV_EVENT_ERROR) != 0) {
        http_connection_free(connection);
        return;
    }
    if ((what & BEV_EVENT_EOF) == 0) return;
    connection->is_ended = true;
    if (connection->phase == HTTP_CLOSING && output_length(connection) == 0)
        http_connection_free(connection);
    else
        http_connection_advance(connection);
}

static void refuse(struct http_loop *loop, evutil_socket_t socket)
{
    static const char busy[] = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\n"
                               "Content-Length: 0\r\nConnection: close\r\n\r\n";
    atomic_fetch_add(&loop->server->refused, 1);
    if (loop->server->tls == NULL)
        (void)send(socket, busy, sizeof busy - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
    evutil_closesocket(socket);
}

static struct bufferevent *open_stream(struct http_loop *loop, evutil_socket_t socket)
{
    int on = 1;
    (void)setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (loop->server->tls != NULL) return http_tls_stream(loop->server->tls, loop->base, socket);
    return bufferevent_socket_new(loop->base, socket, BEV_OPT_CLOSE_ON_FREE);
}

void http_connection_accept(struct http_loop *loop, evutil_socket_t socket)
{
    struct http_server *server = loop->server;
    if (atomic_fetch_add(&server->open, 1) >= server->options.limits.connections) {
        atomic_fetch_sub(&server->open, 1);
        refuse(loop, socket);
        return;
    }
    struct http_connection *connection = lx_calloc(1, sizeof *connection);
    struct bufferevent *stream = connection != NULL ? open_stream(loop, socket) : NULL;
    if (stream == NULL) {
        lx_free(connection);
        atomic_fetch_sub(&server->open, 1);
        refuse(loop, socket);
        return;
    }
    atomic_fetch_add(&server->accepted, 1);
    connection->loop = loop;
    connection->stream = stream;
    connection->next = loop->connections;
    if (loop->connections != NULL) loop->connections->previous = connection;
    loop->connections = connection;
    set_deadline(connection, limits_of(connection)->idle_ms);
    bufferevent_setcb(stream, on_read, on_write, on_event, connection);
    bufferevent_set_max_single_write(stream, SINGLE_WRITE);
    bufferevent_setwatermark(stream, EV_READ, 0, server->options.limits.header_bytes + (64 << 10));
    bufferevent_enable(stream, EV_READ | EV_WRITE);
}

static bool is_sending_stuck(struct http_connection *connection, int64_t now_ns)
{
    size_t output = output_length(connection);
    if (output == 0) {
        connection->output_bytes = 0;
        return false;
    }
    if (connection->output_bytes == 0 || output < connection->output_bytes) {
        connection->output_bytes = output;
        connection->send_deadline_ns = now_ns + (int64_t)limits_of(connection)->send_ms * 1000000;
    }
    return now_ns > connection->send_deadline_ns;
}

void http_connection_tick(struct http_connection *connection, int64_t now_ns)
{
    struct http_loop *loop = connection->loop;
    bool is_idle = connection->phase == HTTP_IDLE;
    if (loop->is_stopping && is_idle && output_length(connection) == 0 &&
        now_ns > loop->stop_began_ns + (int64_t)STOP_GRACE_MS * 1000000) {
        http_connection_free(connection);
        return;
    }
    if (is_sending_stuck(connection, now_ns)) {
        atomic_fetch_add(&loop->server->timed_out, 1);
        http_connection_free(connection);
        return;
    }
    if (connection->phase == HTTP_ANSWERING || now_ns <= connection->deadline_ns) return;
    bool is_over = is_idle || connection->phase == HTTP_CLOSING;
    if (is_over && output_length(connection) > 0) return; /* a reply is still on its way */
    if (connection->phase == HTTP_IN_HEAD || connection->phase == HTTP_IN_BODY) {
        atomic_fetch_add(&loop->server->timed_out, 1);
        if (connection->exchange == NULL && !take_exchange(connection)) return;
        reject(connection, 408);
        http_connection_advance(connection);
        return;
    }
    http_connection_free(connection);
}
