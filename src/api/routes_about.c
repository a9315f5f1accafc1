/* About the server itself: catalogue, model, description, audit log, health, metrics. */
#include <string.h>

#include "api/parts.h"
#include "bank/catalogue.h"
#include "base/date.h"
#include "host/file.h"
#include "merkle/tile.h"
#include "model/registry.h"

extern const char api_openapi_yaml[];
extern const unsigned long api_openapi_yaml_length;

static void tell_product(struct api_call *call, const struct bank_product *product,
                         int64_t as_of_ms)
{
    struct json_writer *json = &call->json;
    struct bank_terms terms = bank_terms_as_of(product, as_of_ms);
    char day[LX_DATE_TEXT_SIZE];
    lx_day_format(product->launched_day, day);
    json_object_begin(json);
    json_name_text(json, "product", product->code);
    json_name_text(json, "name", call->is_english ? product->en : product->zh);
    json_name_text(json, "name_zh", product->zh);
    json_name_text(json, "name_en", product->en);
    json_name_text(json, "features",
                   call->is_english ? product->features_en : product->features_zh);
    json_name_text(json, "category", bank_category_text(product->category));
    json_name_int(json, "risk", product->risk);
    json_name_int(json, "minimum_fen", terms.minimum_fen);
    json_name_int(json, "rate_ppm", terms.rate_ppm);
    json_name_int(json, "term_days", terms.term_days);
    json_name_int(json, "age_min", product->age_min);
    json_name_int(json, "age_max", product->age_max);
    json_name_text(json, "launched", day);
    json_name_bool(json, "green", product->is_green);
    json_name_bool(json, "on_sale", product->status == BANK_PRODUCT_ON_SALE);
    json_object_end(json);
}

enum lx_err api_products(struct api_call *call)
{
    const struct bank_catalogue *catalogue = bank_catalogue(engine_bank(call->seat->engine));
    int64_t as_of_ms = view_snapshot_as_of_ms(engine_snapshot(call->seat->engine));
    call->is_tagged = true;
    json_name(&call->json, "products");
    json_array_begin(&call->json);
    for (size_t i = 0; i < catalogue->count; i++)
        tell_product(call, &catalogue->products[i], as_of_ms);
    json_array_end(&call->json);
    return LX_OK;
}

/* The card as it lies on the disk, where its hash is the model's name. */
enum lx_err api_model(struct api_call *call)
{
    const char *id = model_id(engine_model(call->seat->engine));
    struct lx_buffer card;
    char folder[LX_PATH_MAX], models[LX_PATH_MAX], path[LX_PATH_MAX];
    lx_buffer_init(&card, LX_CONFIG_MAX);
    enum lx_err code = host_join(models, call->api->options.folder, "models", &call->err);
    if (code == LX_OK) code = host_join(folder, models, id, &call->err);
    if (code == LX_OK) code = host_join(path, folder, "card.json", &call->err);
    if (code == LX_OK) code = host_read_file(path, &card, &call->err);
    if (code == LX_OK) {
        json_name_text(&call->json, "model", id);
        json_name(&call->json, "card");
        json_raw(&call->json, lx_buffer_text(&card), card.length);
        call->is_tagged = true;
    }
    lx_buffer_release(&card);
    return code;
}

enum lx_err api_description(struct api_call *call)
{
    lx_buffer_append(&call->seat->out, api_openapi_yaml, api_openapi_yaml_length);
    call->content_type = "application/yaml";
    call->is_tagged = true;
    return LX_OK;
}

/* A file of DIR/audit; the name is one that this program made. */
static enum lx_err send_audit_file(struct api_call *call, const char *name)
{
    char folder[LX_PATH_MAX], path[LX_PATH_MAX];
    struct lx_error err;
    enum lx_err code = host_join(folder, call->api->options.folder, "audit", &call->err);
    if (code == LX_OK) code = host_join(path, folder, name, &call->err);
    if (code == LX_OK) code = host_read_file(path, &call->seat->out, &err);
    if (code == LX_ERR_NOT_FOUND)
        return lx_fail(&call->err, LX_ERR_NOT_FOUND,
                       "%s: the log has no such file; `lingxi audit checkpoint` signs it", name);
    return code == LX_OK ? LX_OK : lx_fail(&call->err, code, "audit/%s: %.900s", name, err.text);
}

enum lx_err api_checkpoint(struct api_call *call)
{
    call->content_type = "text/plain; charset=utf-8";
    call->is_tagged = true;
    return send_audit_file(call, "checkpoint");
}

enum lx_err api_tile(struct api_call *call)
{
    char path[MERKLE_PATH_MAX];
    struct merkle_tile tile;
    const char *said = http_request_parameter(call->exchange, 0);
    const char *full = lx_arena_printf(http_request_arena(call->exchange), "tile/%s", said);
    if (full == NULL) return lx_fail(&call->err, LX_ERR_NO_MEMORY, "tile: out of memory");
    if (!merkle_tile_parse(full, strlen(full), &tile))
        return lx_fail(&call->err, LX_ERR_NOT_FOUND, "%.80s: not the path of a tile", full);
    merkle_tile_path(&tile, path);
    http_reply_header(call->exchange, "Cache-Control", "public, max-age=31536000, immutable");
    call->content_type = "application/octet-stream";
    return send_audit_file(call, path);
}

enum lx_err api_healthz(struct api_call *call)
{
    json_name_text(&call->json, "status", "ok");
    return LX_OK;
}

enum lx_err api_readyz(struct api_call *call)
{
    struct engine *engine = call->seat->engine;
    char day[LX_DATE_TEXT_SIZE];
    enum lx_err code = frame_check_peek(call->api->check, &call->err);
    if (code != LX_OK) return code;
    lx_day_format(lx_day_of_ms(view_snapshot_as_of_ms(engine_snapshot(engine)),
                               bank_utc_offset_minutes(engine_bank(engine))),
                  day);
    json_name_text(&call->json, "status", "ready");
    json_name_text(&call->json, "as_of", day);
    json_name_text(&call->json, "model", model_id(engine_model(engine)));
    json_name_int(&call->json, "customers", view_snapshot_customers(engine_snapshot(engine)));
    return LX_OK;
}

static void name_of(size_t route, const char **ret_method, const char **ret_pattern)
{
    bool is_known = route < api_route_count;
    *ret_method = is_known ? http_method_text(api_routes[route].method) : "";
    *ret_pattern = is_known ? api_routes[route].pattern : "none";
}

enum lx_err api_metrics_page(struct api_call *call)
{
    struct api *api = call->api;
    struct lx_buffer *out = &call->seat->out;
    struct http_counters counters;
    int64_t as_of_ms = view_snapshot_as_of_ms(engine_snapshot(call->seat->engine));
    int64_t age_ms = api->env.now_ms(api->env.context) - as_of_ms;
    call->content_type = "text/plain; version=0.0.4; charset=utf-8";
    api_metrics_write(api->metrics, out, name_of);
    http_server_counters(api->server, &counters);
    api_metrics_gauge(out, "lingxi_connections", "Connections that are open.",
                      (double)counters.open);
    api_metrics_gauge(out, "lingxi_connections_refused",
                      "Connections refused since the start because there were too many.",
                      (double)counters.refused);
    api_metrics_gauge(out, "lingxi_connections_timed_out",
                      "Connections dropped since the start because they were too slow.",
                      (double)counters.timed_out);
    api_metrics_gauge(out, "lingxi_writer_queue_depth", "Records that wait to be written.",
                      (double)api_writer_depth(api->writer));
    api_metrics_gauge(out, "lingxi_worker_queue_depth", "Requests that wait for a worker.",
                      (double)host_queue_count(api->tasks));
    api_metrics_gauge(out, "lingxi_live_bytes", "Memory of decisions and answers.",
                      (double)live_bytes(api->live));
    api_metrics_gauge(out, "lingxi_reloads", "Reloads since the start.",
                      (double)atomic_load(&api->reloads));
    api_metrics_gauge(out, "lingxi_reloads_failed", "Reloads that failed since the start.",
                      (double)atomic_load(&api->failed_reloads));
    api_metrics_gauge(out, "lingxi_snapshot_age_seconds", "How old the features are.",
                      (double)age_ms / 1000);
    return LX_OK;
}
