#include "api/api.h"

#include <stdio.h>
#include <string.h>

#include "api/parts.h"

/* "127.0.0.1:8080", "[::1]:8080" */
static enum lx_err parse_listen(const char *text, char address[API_ADDRESS_SIZE], int *ret_port,
                                struct lx_error *err)
{
    const char *colon = strrchr(text, ':');
    size_t length = colon != NULL ? (size_t)(colon - text) : 0, digits = 0;
    int port = 0;
    for (const char *at = colon != NULL ? colon + 1 : ""; *at >= '0' && *at <= '9' && digits < 6;
         at++, digits++)
        port = port * 10 + (*at - '0');
    bool is_good = colon != NULL && length > 0 && length < API_ADDRESS_SIZE && digits > 0 &&
                   colon[1 + digits] == '\0' && port <= 65535;
    if (is_good && text[0] == '[') {
        is_good = length > 2 && text[length - 1] == ']';
        text++;
        length = is_good ? length - 2 : 0;
    }
    if (!is_good)
        return lx_fail(err, LX_ERR_USAGE,
                       "--listen: ADDRESS:PORT, as 127.0.0.1:8080 or [::1]:8080");
    memcpy(address, text, length);
    address[length] = '\0';
    *ret_port = port;
    return LX_OK;
}

/* No door that only looks shut: without users there is no network. */
static enum lx_err check_reach(const struct api_options *options, const char *address,
                               struct lx_error *err)
{
    if (options->authorizer->is_for_network || http_is_loopback(address)) return LX_OK;
    return lx_fail(err, LX_ERR_REFUSED,
                   "--listen %s: with the one key of LINGXI_API_KEY only this machine may be let "
                   "in: listen on 127.0.0.1 or [::1]",
                   address);
}

/* The tables are caught up, and what they hold is put into memory. */
static enum lx_err open_live(struct api *api, struct lx_error *err)
{
    const char *folder = api->options.folder;
    enum lx_err code = engine_open(folder, ENGINE_WRITE, &api->env, &api->writing, err);
    if (code != LX_OK) return code;
    int64_t customers = view_snapshot_customers(engine_snapshot(api->writing));
    code = engine_make_live(api->writing, customers + API_CUSTOMERS_MORE, &api->live, err);
    /* One request a connection is held at a time, and a reload's record. */
    size_t jobs = http_default_limits().connections + 64;
    if (code == LX_OK) code = api_writer_open(api->live, jobs, &api->writer, err);
    /* It was whole when it was made; what the disk did to it since is found beside the work. */
    if (code == LX_OK)
        code = frame_verify_start(view_snapshot_frame(engine_snapshot(api->writing)), &api->check,
                                  err);
    return code;
}

static void on_done(void *context, const struct http_done *done)
{
    struct api *api = context;
    size_t route = done->route != NULL ? (size_t)done->route->note : api_route_count;
    api_metrics_request(api->metrics, done->loop, route, done->status, done->elapsed_ns);
}

static enum lx_err open_http(struct api *api, const char *address, int port, struct lx_error *err)
{
    api->http_routes = lx_calloc(api_route_count, sizeof *api->http_routes);
    if (api->http_routes == NULL) return lx_fail(err, LX_ERR_NO_MEMORY, "server: out of memory");
    for (size_t i = 0; i < api_route_count; i++)
        api->http_routes[i] = (struct http_route){.method = api_routes[i].method,
                                                  .pattern = api_routes[i].pattern,
                                                  .handle = api_enter,
                                                  .body_max = api_routes[i].body_max,
                                                  .note = (int)i};
    const struct http_options options = {.address = address,
                                         .port = port,
                                         .loop_count = api->loop_count,
                                         .limits = http_default_limits(),
                                         .routes = api->http_routes,
                                         .route_count = api_route_count,
                                         .context = api,
                                         .certificate_file = api->options.certificate_file,
                                         .key_file = api->options.key_file,
                                         .takes_signals = true,
                                         .on_reload = api_reload,
                                         .on_done = on_done,
                                         .env = &api->env};
    enum lx_err code = http_server_open(&options, &api->server, err);
    if (code != LX_OK) return code;
    bool is_six = strchr(address, ':') != NULL;
    snprintf(api->address, sizeof api->address, "%s://%s%.100s%s:%d",
             api->options.certificate_file != NULL ? "https" : "http", is_six ? "[" : "", address,
             is_six ? "]" : "", http_server_port(api->server));
    return LX_OK;
}

enum lx_err api_open(const struct api_options *options, struct api **ret_api, struct lx_error *err)
{
    LX_ASSERT(options->authorizer != NULL);

    char address[API_ADDRESS_SIZE];
    int port = 0;
    enum lx_err code = parse_listen(options->listen, address, &port, err);
    if (code == LX_OK) code = check_reach(options, address, err);
    if (code != LX_OK) return code;
    struct api *api = lx_calloc(1, sizeof *api);
    if (api == NULL) return lx_fail(err, LX_ERR_NO_MEMORY, "server: out of memory");
    api->options = *options;
    api->env = *options->env;
    api->lock.descriptor = -1;
    api->loop_count = options->loop_count > 0 ? options->loop_count : api->env.thread_count;
    code = host_lock_take(options->folder, true, &api->lock, err);
    if (code == LX_OK)
        code = api_metrics_open(api->loop_count, api_route_count, &api->metrics, err);
    if (code == LX_OK) code = api_idempotency_open(&api->idempotency, err);
    if (code == LX_OK) code = open_live(api, err);
    if (code == LX_OK) code = api_seats_open(api, err);
    if (code == LX_OK) code = open_http(api, address, port, err);
    if (code == LX_OK) code = api_workers_start(api, err);
    if (code == LX_OK)
        *ret_api = api;
    else
        api_close(api);
    return code;
}

const char *api_address(const struct api *api)
{
    return api->address;
}

enum lx_err api_run(struct api *api, struct lx_error *err)
{
    return http_server_run(api->server, err);
}

static void stop_check(struct api *api)
{
    struct lx_error ignored; /* who wanted to know asked /readyz */
    if (api->check == NULL) return;
    frame_check_cancel(api->check);
    enum lx_err code = frame_check_finish(api->check, &ignored);
    (void)code;
}

/* Loops wait for what others have of theirs, so workers and writer go after them. */
void api_close(struct api *api)
{
    if (api == NULL) return;
    api_workers_stop(api);
    api_writer_close(api->writer);
    http_server_close(api->server);
    api_seats_close(api);
    stop_check(api);
    live_close(api->live);
    engine_close(api->writing);
    api_metrics_close(api->metrics);
    api_idempotency_close(api->idempotency);
    host_lock_release(&api->lock);
    lx_free(api->http_routes);
    lx_free(api);
}
