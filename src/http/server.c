#include "http/http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/thread.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/limits.h"
#include "host/thread.h"
#include "http/parts.h"

enum { BACKLOG = 4096, ACCEPT_PAUSE_MS = 100 };

struct http_limits http_default_limits(void)
{
    return (struct http_limits){
        .header_bytes = 16 << 10,
        .connections = 4096,
        .reply_bytes = 64 << 20,
        .head_ms = 10000,
        .body_ms = 20000,
        .idle_ms = 60000,
        .send_ms = 20000,
        .stop_ms = 10000,
    };
}

/* An address in numbers: names are not looked up, so that what is bound is what was written. */
struct address {
    struct sockaddr_storage storage;
    int length;
};

static bool parse_address(const char *text, int port, struct address *ret_address)
{
    struct sockaddr_in *four = (struct sockaddr_in *)&ret_address->storage;
    struct sockaddr_in6 *six = (struct sockaddr_in6 *)&ret_address->storage;
    memset(ret_address, 0, sizeof *ret_address);
    if (inet_pton(AF_INET, text, &four->sin_addr) == 1) {
        four->sin_family = AF_INET;
        four->sin_port = htons((uint16_t)port);
        ret_address->length = sizeof *four;
        return true;
    }
    if (inet_pton(AF_INET6, text, &six->sin6_addr) == 1) {
        six->sin6_family = AF_INET6;
        six->sin6_port = htons((uint16_t)port);
        ret_address->length = sizeof *six;
        return true;
    }
    return false;
}

bool http_is_loopback(const char *address)
{
    struct in_addr four;
    struct in6_addr six;
    if (inet_pton(AF_INET, address, &four) == 1) return ntohl(four.s_addr) >> 24 == 127;
    return inet_pton(AF_INET6, address, &six) == 1 && IN6_IS_ADDR_LOOPBACK(&six);
}

static void on_accept(struct evconnlistener *listener, evutil_socket_t socket,
                      struct sockaddr *peer, int length, void *context)
{
    (void)listener;
    (void)peer;
    (void)length;
    http_connection_accept(context, socket);
}

/* Without descriptors the listener would spin; it rests until the next tick. */
static void on_accept_error(struct evconnlistener *listener, void *context)
{
    struct http_loop *loop = context;
    evconnlistener_disable(listener);
    loop->rests_until_ns = http_now_ns(loop) + (int64_t)ACCEPT_PAUSE_MS * 1000000;
}

static void begin_stop(struct http_loop *loop)
{
    loop->is_stopping = true;
    loop->stop_began_ns = http_now_ns(loop);
    evconnlistener_free(loop->listener);
    loop->listener = NULL;
}

static void on_wake(evutil_socket_t socket, short what, void *context)
{
    struct http_loop *loop = context;
    (void)socket;
    (void)what;
    http_exchange_run_resumed(loop);
    if (atomic_load(&loop->server->is_stopping) && !loop->is_stopping) begin_stop(loop);
}

static void end_stop(struct http_loop *loop, int64_t now_ns)
{
    int64_t limit_ns = (int64_t)loop->server->options.limits.stop_ms * 1000000;
    bool is_late = now_ns > loop->stop_began_ns + limit_ns;
    if (loop->held_count > 0) return; /* whoever has it will resume it */
    if (loop->connections != NULL && !is_late) return;
    event_base_loopbreak(loop->base);
}

static void on_tick(evutil_socket_t socket, short what, void *context)
{
    struct http_loop *loop = context;
    (void)socket;
    (void)what;
    int64_t now_ns = http_now_ns(loop);
    for (struct http_connection *connection = loop->connections, *next; connection != NULL;
         connection = next) {
        next = connection->next;
        http_connection_tick(connection, now_ns);
    }
    if (loop->rests_until_ns != 0 && now_ns > loop->rests_until_ns && loop->listener != NULL) {
        loop->rests_until_ns = 0;
        evconnlistener_enable(loop->listener);
    }
    if (loop->is_stopping) end_stop(loop, now_ns);
}

static void on_stop_signal(evutil_socket_t number, short what, void *context)
{
    struct http_loop *loop = context;
    (void)number;
    (void)what;
    http_server_stop(loop->server);
}

static void on_reload_signal(evutil_socket_t number, short what, void *context)
{
    const struct http_options *options = &((struct http_loop *)context)->server->options;
    (void)number;
    (void)what;
    if (options->on_reload != NULL) options->on_reload(options->context);
}

static enum lx_err out_of_memory(struct lx_error *err)
{
    return lx_fail(err, LX_ERR_NO_MEMORY, "http server: out of memory");
}

static enum lx_err open_events(struct http_loop *loop, struct lx_error *err)
{
    /* Not with EPOLL_USE_CHANGELIST: it would speak of a descriptor after another loop has it. */
    loop->base = event_base_new();
    if (loop->base == NULL) return out_of_memory(err);
    const struct timeval period = {0, HTTP_TICK_MS * 1000};
    loop->wake = event_new(loop->base, -1, EV_PERSIST, on_wake, loop);
    loop->tick = event_new(loop->base, -1, EV_PERSIST, on_tick, loop);
    bool is_open = loop->wake != NULL && loop->tick != NULL && event_add(loop->wake, NULL) == 0 &&
                   event_add(loop->tick, &period) == 0;
    return is_open ? LX_OK : out_of_memory(err);
}

static enum lx_err open_signals(struct http_loop *loop, struct lx_error *err)
{
    loop->stop_signals[0] = evsignal_new(loop->base, SIGTERM, on_stop_signal, loop);
    loop->stop_signals[1] = evsignal_new(loop->base, SIGINT, on_stop_signal, loop);
    loop->reload_signal = evsignal_new(loop->base, SIGHUP, on_reload_signal, loop);
    bool is_open = loop->stop_signals[0] != NULL && loop->stop_signals[1] != NULL &&
                   loop->reload_signal != NULL && event_add(loop->stop_signals[0], NULL) == 0 &&
                   event_add(loop->stop_signals[1], NULL) == 0 &&
                   event_add(loop->reload_signal, NULL) == 0;
    return is_open ? LX_OK : out_of_memory(err);
}

static enum lx_err fail_to_bind(const struct http_server *server, int number, struct lx_error *err)
{
    const struct http_options *options = &server->options;
    if (number == EADDRINUSE)
        return lx_fail(err, LX_ERR_BUSY, "%s:%d: another program listens there", options->address,
                       server->port);
    return lx_fail_errno(err, number, "%s:%d: cannot listen", options->address, server->port);
}

static struct evconnlistener *listen_at(struct http_loop *loop, unsigned flags)
{
    struct address address;
    bool is_parsed = parse_address(loop->server->options.address, loop->server->port, &address);
    LX_ASSERT(is_parsed);
    return evconnlistener_new_bind(loop->base, on_accept, loop, flags, BACKLOG,
                                   (const struct sockaddr *)&address.storage, address.length);
}

static int port_of(struct evconnlistener *listener)
{
    struct sockaddr_storage bound;
    socklen_t length = sizeof bound;
    if (getsockname(evconnlistener_get_fd(listener), (struct sockaddr *)&bound, &length) != 0)
        return 0;
    in_port_t port = bound.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&bound)->sin6_port
                                                 : ((struct sockaddr_in *)&bound)->sin_port;
    return ntohs(port);
}

/* With SO_REUSEPORT a second server would get a part of our connections and nobody would notice.
 * So the port is asked for once without it, which succeeds only if nobody has it. */
static enum lx_err probe_port(struct http_server *server, struct lx_error *err)
{
    struct evconnlistener *probe =
        listen_at(&server->loops[0], LEV_OPT_REUSEABLE | LEV_OPT_CLOSE_ON_FREE);
    if (probe == NULL) return fail_to_bind(server, errno, err);
    server->port = port_of(probe);
    evconnlistener_free(probe);
    return LX_OK;
}

static enum lx_err open_loops(struct http_server *server, struct lx_error *err)
{
    unsigned flags = LEV_OPT_REUSEABLE | LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC;
    if (server->options.loop_count > 1) flags |= LEV_OPT_REUSEABLE_PORT;
    enum lx_err code = LX_OK;
    for (int i = 0; code == LX_OK && i < server->options.loop_count; i++) {
        server->loops[i].server = server;
        server->loops[i].index = i;
        code = open_events(&server->loops[i], err);
    }
    if (code == LX_OK && server->options.takes_signals) code = open_signals(&server->loops[0], err);
    if (code == LX_OK) code = probe_port(server, err);
    for (int i = 0; code == LX_OK && i < server->options.loop_count; i++) {
        struct http_loop *loop = &server->loops[i];
        loop->listener = listen_at(loop, flags);
        if (loop->listener == NULL)
            code = fail_to_bind(server, errno, err);
        else
            evconnlistener_set_error_cb(loop->listener, on_accept_error);
    }
    return code;
}

enum lx_err http_server_open(const struct http_options *options, struct http_server **ret_server,
                             struct lx_error *err)
{
    LX_ASSERT(options->loop_count >= 1 && options->loop_count <= LX_THREADS_MAX);
    LX_ASSERT((options->certificate_file == NULL) == (options->key_file == NULL));

    struct address address;
    http_routes_check(options->routes, options->route_count);
    if (!parse_address(options->address, options->port, &address))
        return lx_fail(err, LX_ERR_USAGE, "%s: an address is numbers, as 127.0.0.1 or ::1",
                       options->address);
    if (evthread_use_pthreads() != 0) return out_of_memory(err);
    (void)signal(SIGPIPE, SIG_IGN);
    struct http_server *server = lx_calloc(1, sizeof *server);
    if (server == NULL) return out_of_memory(err);
    server->options = *options;
    server->port = options->port;
    server->loops = lx_calloc((size_t)options->loop_count, sizeof *server->loops);
    enum lx_err code = server->loops != NULL ? LX_OK : out_of_memory(err);
    if (code == LX_OK && options->certificate_file != NULL)
        code = http_tls_open(options->certificate_file, options->key_file, &server->tls, err);
    if (code == LX_OK) code = open_loops(server, err);
    if (code == LX_OK)
        *ret_server = server;
    else
        http_server_close(server);
    return code;
}

int http_server_port(const struct http_server *server)
{
    return server->port;
}

static void run_loop(void *context)
{
    struct http_loop *loop = context;
    event_base_dispatch(loop->base);
    while (loop->connections != NULL) http_connection_free(loop->connections);
    /* libevent closes a freed connection's socket in a turn of the loop. */
    event_base_loop(loop->base, EVLOOP_NONBLOCK);
}

enum lx_err http_server_run(struct http_server *server, struct lx_error *err)
{
    struct host_thread *threads[LX_THREADS_MAX] = {NULL};
    enum lx_err code = LX_OK;
    for (int i = 1; code == LX_OK && i < server->options.loop_count; i++)
        code = host_thread_start(run_loop, &server->loops[i], &threads[i], err);
    if (code == LX_OK)
        run_loop(&server->loops[0]);
    else
        http_server_stop(server);
    for (int i = 1; i < server->options.loop_count; i++) host_thread_join(threads[i]);
    return code;
}

void http_server_stop(struct http_server *server)
{
    atomic_store(&server->is_stopping, true);
    for (int i = 0; i < server->options.loop_count; i++)
        event_active(server->loops[i].wake, EV_READ, 0);
}

static void close_loop(struct http_loop *loop)
{
    while (loop->connections != NULL) http_connection_free(loop->connections);
    for (struct http_exchange *exchange = loop->pool, *next; exchange != NULL; exchange = next) {
        next = exchange->next;
        lx_arena_release(&exchange->arena);
        lx_buffer_release(&exchange->body);
        lx_free(exchange);
    }
    if (loop->has_compressor) deflateEnd(&loop->compressor);
    if (loop->listener != NULL) evconnlistener_free(loop->listener);
    struct event *events[] = {loop->wake, loop->tick, loop->stop_signals[0], loop->stop_signals[1],
                              loop->reload_signal};
    for (size_t i = 0; i < LX_COUNT_OF(events); i++)
        if (events[i] != NULL) event_free(events[i]);
    if (loop->base != NULL) event_base_free(loop->base);
}

void http_server_close(struct http_server *server)
{
    if (server == NULL) return;
    for (int i = 0; server->loops != NULL && i < server->options.loop_count; i++)
        close_loop(&server->loops[i]);
    if (server->tls != NULL) http_tls_close(server->tls);
    lx_free(server->loops);
    lx_free(server);
}

void http_server_counters(const struct http_server *server, struct http_counters *ret_counters)
{
    *ret_counters = (struct http_counters){
        .accepted = atomic_load(&server->accepted),
        .refused = atomic_load(&server->refused),
        .timed_out = atomic_load(&server->timed_out),
        .open = atomic_load(&server->open),
    };
}
