/* Writing replies. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/date.h"
#include "codec/json.h"
#include "http/parts.h"

enum { GZIP_MIN = 16 << 10, PROBLEM_MAX = 16 << 10, HEAD_MAX = 512 };

/* number, type of its problem, text */
#define STATUS_MAP(X)                                                                              \
    X(200, "", "成功", "OK")                                                                       \
    X(201, "", "已创建", "Created")                                                                \
    X(202, "", "已受理", "Accepted")                                                               \
    X(204, "", "无内容", "No Content")                                                             \
    X(304, "", "未变更", "Not Modified")                                                           \
    X(400, "bad_request", "请求格式有误", "Bad Request")                                           \
    X(401, "unauthorized", "需要登录", "Unauthorized")                                             \
    X(403, "forbidden", "无权访问", "Forbidden")                                                   \
    X(404, "not_found", "不存在", "Not Found")                                                     \
    X(405, "method_not_allowed", "不支持该方法", "Method Not Allowed")                             \
    X(408, "timeout", "请求超时", "Request Timeout")                                               \
    X(409, "conflict", "与现状冲突", "Conflict")                                                   \
    X(410, "gone", "已不存在", "Gone")                                                             \
    X(412, "precondition_failed", "前提不成立", "Precondition Failed")                             \
    X(413, "too_large", "内容过大", "Content Too Large")                                           \
    X(414, "target_too_long", "地址过长", "URI Too Long")                                          \
    X(415, "media_type", "不支持该内容类型", "Unsupported Media Type")                             \
    X(417, "expectation", "无法满足期望", "Expectation Failed")                                    \
    X(422, "unprocessable", "内容无法处理", "Unprocessable Content")                               \
    X(428, "precondition_required", "缺少前提", "Precondition Required")                           \
    X(429, "too_many_requests", "请求过于频繁", "Too Many Requests")                               \
    X(431, "header_too_large", "请求头过大", "Request Header Fields Too Large")                    \
    X(500, "internal", "内部错误", "Internal Server Error")                                        \
    X(501, "not_implemented", "未实现", "Not Implemented")                                         \
    X(503, "unavailable", "暂时无法服务", "Service Unavailable")                                   \
    X(505, "http_version", "不支持该 HTTP 版本", "HTTP Version Not Supported")

struct status {
    int number;
    const char *type, *zh, *en;
};

static const struct status *status_of(int number)
{
    static const struct status statuses[] = {
#define X(number, type, zh, en) {number, type, zh, en},
        STATUS_MAP(X)
#undef X
    };
    for (size_t i = 0; i < LX_COUNT_OF(statuses); i++)
        if (statuses[i].number == number) return &statuses[i];
    lx_bug(__FILE__, __LINE__, "a status of the table");
}

const char *http_status_text(int status, enum http_language language)
{
    return language == HTTP_ZH ? status_of(status)->zh : status_of(status)->en;
}

static bool is_field_text(const char *text)
{
    for (; *text != '\0'; text++)
        if ((unsigned char)*text < ' ' || *text == 0x7f) return false;
    return true;
}

void http_reply_header(struct http_exchange *exchange, const char *name, const char *value)
{
    LX_ASSERT(!exchange->is_replied);
    LX_ASSERT(is_field_text(name) && is_field_text(value));

    struct http_reply_field *field = lx_arena_alloc(&exchange->arena, sizeof *field);
    if (field == NULL) return;
    field->name = lx_arena_strndup(&exchange->arena, name, strlen(name));
    field->value = lx_arena_strndup(&exchange->arena, value, strlen(value));
    if (field->name == NULL || field->value == NULL) return;
    *exchange->fields_end = field;
    exchange->fields_end = &field->next;
}

/* "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110, 5.6.7), once a second. */
static const char *date_now(struct http_loop *loop)
{
    static const char days[] = "ThuFriSatSunMonTueWed";
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    const struct lx_env *env = loop->server->options.env;
    int64_t now_ms = env->now_ms(env->context), now_s = now_ms / 1000;
    if (now_s == loop->date_s && loop->date_text[0] != '\0') return loop->date_text;
    int32_t day = lx_day_of_ms(now_ms, 0);
    struct lx_civil civil = lx_civil_of_day(day);
    int second = (int)(now_s - (int64_t)day * 86400);
    snprintf(loop->date_text, sizeof loop->date_text, "%.3s, %02d %.3s %04d %02d:%02d:%02d GMT",
             days + 3 * (((day % 7) + 7) % 7), civil.day % 100, months + 3 * (civil.month - 1),
             civil.year % 10000, second / 3600 % 24, second / 60 % 60, second % 60);
    loop->date_s = now_s;
    return loop->date_text;
}

static bool is_compressible(const char *type)
{
    return type != NULL && (strstr(type, "json") != NULL || strncmp(type, "text/", 5) == 0 ||
                            strstr(type, "yaml") != NULL || strstr(type, "javascript") != NULL ||
                            strstr(type, "svg") != NULL);
}

/* NULL: the body goes as it is. */
static const void *compress_body(struct http_exchange *exchange, const char *type, const void *body,
                                 size_t length, size_t *ret_length)
{
    struct http_loop *loop = exchange->loop;
    bool is_wanted = length >= GZIP_MIN && length < UINT32_MAX && is_compressible(type) &&
                     http_accepts_gzip(http_head_find(&exchange->head, "accept-encoding"));
    if (!is_wanted) return NULL;
    z_stream *stream = &loop->compressor;
    if (!loop->has_compressor) {
        int status = deflateInit2(stream, Z_BEST_SPEED, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
        if (status != Z_OK) return NULL;
        loop->has_compressor = true;
    }
    size_t room = deflateBound(stream, length);
    unsigned char *bytes = lx_arena_alloc(&exchange->arena, room);
    if (bytes == NULL) return NULL;
    stream->next_in = (z_const Bytef *)body;
    stream->avail_in = (uInt)length;
    stream->next_out = bytes;
    stream->avail_out = (uInt)room;
    int status = deflate(stream, Z_FINISH);
    *ret_length = room - stream->avail_out;
    deflateReset(stream);
    return status == Z_STREAM_END && *ret_length < length ? bytes : NULL;
}

struct written {
    int status;
    const char *type, *tag;
    const void *body;
    size_t length; /* of the body as it would be sent for a GET */
    bool is_compressed;
};

static bool has_field(const struct http_exchange *exchange, const char *name)
{
    for (const struct http_reply_field *field = exchange->fields; field != NULL;
         field = field->next)
        if (strcmp(field->name, name) == 0) return true;
    return false;
}

static void add_field(struct evbuffer *output, const char *name, const char *prefix,
                      const char *value)
{
    evbuffer_add(output, name, strlen(name));
    evbuffer_add(output, ": ", 2);
    evbuffer_add(output, prefix, strlen(prefix));
    evbuffer_add(output, value, strlen(value));
    evbuffer_add(output, "\r\n", 2);
}

static void write_head(struct http_exchange *exchange, struct evbuffer *output,
                       const struct written *reply)
{
    char head[HEAD_MAX];
    bool has_length = reply->status != 204 && reply->status != 304;
    int length = snprintf(
        head, sizeof head, "HTTP/1.1 %d %s\r\nDate: %s\r\nX-Content-Type-Options: nosniff\r\n%s%s",
        reply->status, http_status_text(reply->status, HTTP_EN), date_now(exchange->loop),
        has_field(exchange, "Cache-Control") ? "" : "Cache-Control: no-store\r\n",
        exchange->connection->closes ? "Connection: close\r\n" : "");
    LX_ASSERT(length > 0 && (size_t)length < sizeof head);
    evbuffer_add(output, head, (size_t)length);
    if (exchange->head.minor == 0 && !exchange->connection->closes)
        add_field(output, "Connection", "", "keep-alive");
    if (reply->type != NULL) add_field(output, "Content-Type", "", reply->type);
    if (reply->tag != NULL) add_field(output, "ETag", reply->is_compressed ? "W/" : "", reply->tag);
    if (is_compressible(reply->type))
        add_field(output, "Vary", "", "Accept-Encoding, Accept-Language");
    if (reply->is_compressed) add_field(output, "Content-Encoding", "", "gzip");
    for (const struct http_reply_field *field = exchange->fields; field != NULL;
         field = field->next)
        add_field(output, field->name, "", field->value);
    if (has_length) {
        char digits[24];
        snprintf(digits, sizeof digits, "%zu", reply->length);
        add_field(output, "Content-Length", "", digits);
    }
    evbuffer_add(output, "\r\n", 2);
}

static void send_reply(struct http_exchange *exchange, struct written *reply)
{
    LX_ASSERT(!exchange->is_replied && !exchange->is_held);

    const struct http_options *options = &exchange->loop->server->options;
    exchange->is_replied = true;
    if (exchange->connection != NULL) {
        size_t length = 0;
        const void *compressed =
            compress_body(exchange, reply->type, reply->body, reply->length, &length);
        if (compressed != NULL) {
            reply->body = compressed;
            reply->length = length;
            reply->is_compressed = true;
        }
        struct evbuffer *output = bufferevent_get_output(exchange->connection->stream);
        write_head(exchange, output, reply);
        if (exchange->head.method != HTTP_HEAD && reply->length > 0)
            evbuffer_add(output, reply->body, reply->length);
    }
    if (options->on_done == NULL) return;
    const struct http_done done = {
        .route = exchange->match.route,
        .method = exchange->head.method,
        .status = reply->status,
        .reply_bytes = reply->length,
        .elapsed_ns = http_now_ns(exchange->loop) - exchange->began_ns,
        .loop = exchange->loop->index,
    };
    options->on_done(options->context, &done);
}

void http_reply(struct http_exchange *exchange, int status, const char *content_type,
                const void *body, size_t length)
{
    LX_ASSERT(length == 0 || (status != 204 && status != 304));

    if (length > exchange->loop->server->options.limits.reply_bytes) {
        http_reply_status(exchange, 500);
        return;
    }
    struct written reply = {.status = status, .type = content_type, .body = body, .length = length};
    send_reply(exchange, &reply);
}

void http_reply_tagged(struct http_exchange *exchange, const char *tag, const char *content_type,
                       const void *body, size_t length)
{
    LX_ASSERT(tag[0] == '"' && is_field_text(tag));

    struct written reply = {
        .status = 200, .type = content_type, .tag = tag, .body = body, .length = length};
    if (http_matches_tag(http_head_find(&exchange->head, "if-none-match"), tag))
        reply = (struct written){.status = 304, .tag = tag};
    if (!has_field(exchange, "Cache-Control"))
        http_reply_header(exchange, "Cache-Control", "private, no-cache");
    send_reply(exchange, &reply);
}

void http_reply_problem(struct http_exchange *exchange, const struct http_problem *problem)
{
    static const char last_word[] = "{\"type\":\"urn:lingxi:problem:unavailable\",\"status\":503}";
    enum http_language language = http_request_language(exchange);
    const char *title = http_status_text(problem->status, language);
    struct lx_buffer text;
    struct json_writer json;
    char type[96], digits[16];
    lx_buffer_init(&text, PROBLEM_MAX);
    json_init(&json, &text);
    json_object_begin(&json);
    snprintf(type, sizeof type, "urn:lingxi:problem:%s", problem->type);
    json_name_text(&json, "type", type);
    json_name_text(&json, "title", title);
    json_name_int(&json, "status", problem->status);
    if (problem->detail != NULL) json_name_text(&json, "detail", problem->detail);
    if (problem->extra_name != NULL) {
        json_name(&json, problem->extra_name);
        json_raw(&json, problem->extra, strlen(problem->extra));
    }
    json_object_end(&json);
    http_reply_header(exchange, "Content-Language", http_language_text(language));
    if (problem->retry_after_s > 0) {
        snprintf(digits, sizeof digits, "%d", problem->retry_after_s);
        http_reply_header(exchange, "Retry-After", digits);
    }
    bool is_written = lx_buffer_error(&text) == LX_OK;
    struct written reply = {.status = is_written ? problem->status : 503,
                            .type = "application/problem+json",
                            .body = is_written ? text.bytes : last_word,
                            .length = is_written ? text.length : sizeof last_word - 1};
    send_reply(exchange, &reply);
    lx_buffer_release(&text);
}

void http_reply_status(struct http_exchange *exchange, int status)
{
    const struct http_problem problem = {.status = status, .type = status_of(status)->type};
    http_reply_problem(exchange, &problem);
}
