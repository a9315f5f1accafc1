#include "http/message.h"

#include <string.h>

enum { CHUNK_LINE_MAX = 256, TRAILERS_MAX = 4096 };

const char *http_method_text(enum http_method method)
{
    switch (method) {
#define X(name, number)                                                                            \
    case HTTP_##name: return #name;
        HTTP_METHOD_MAP(X)
#undef X
    }
    lx_bug(__FILE__, __LINE__, "a method of the table");
}

/* RFC 9110, 5.6.2. */
static bool is_token_byte(unsigned char byte)
{
    if (byte >= '0' && byte <= '9') return true;
    if ((byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z')) return true;
    return byte != '\0' && strchr("!#$%&'*+-.^_`|~", byte) != NULL;
}

static bool is_token(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (!is_token_byte((unsigned char)text[i])) return false;
    return length > 0;
}

static char lower(char byte)
{
    return byte >= 'A' && byte <= 'Z' ? (char)(byte + ('a' - 'A')) : byte;
}

static bool is_same(const char *text, size_t length, const char *wanted)
{
    if (strlen(wanted) != length) return false;
    for (size_t i = 0; i < length; i++)
        if (lower(text[i]) != wanted[i]) return false;
    return true;
}

static int read_method(const char *text, size_t length, enum http_method *ret_method)
{
    if (!is_token(text, length)) return 400;
#define X(name, number)                                                                            \
    if (length == sizeof #name - 1 && memcmp(text, #name, length) == 0) {                          \
        *ret_method = HTTP_##name;                                                                 \
        return 0;                                                                                  \
    }
    HTTP_METHOD_MAP(X)
#undef X
    return 501;
}

/* "http://host/path" is what a proxy is asked for; a server must take it, too (RFC 9112, 3.2.2). */
static char *without_authority(char *target)
{
    static const char *const schemes[] = {"http://", "https://"};
    for (size_t i = 0; i < LX_COUNT_OF(schemes); i++) {
        size_t length = strlen(schemes[i]);
        if (strlen(target) < length || !is_same(target, length, schemes[i])) continue;
        size_t authority = strcspn(target + length, "/?");
        char *path = target + length + authority;
        if (authority == 0 || *path != '/') return NULL;
        return path;
    }
    return target;
}

static int read_target(char *target, enum http_method method, const char **ret_target)
{
    size_t length = strlen(target);
    if (length > HTTP_TARGET_MAX) return 414;
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)target[i] <= ' ' || (unsigned char)target[i] >= 0x7f || target[i] == '#')
            return 400;
    if (method == HTTP_OPTIONS && strcmp(target, "*") == 0) {
        *ret_target = target;
        return 0;
    }
    const char *path = without_authority(target);
    if (path == NULL || *path != '/') return 400;
    *ret_target = path;
    return 0;
}

/* "HTTP/1.1" */
static int read_version(const char *text, int *ret_minor)
{
    bool has_form = strncmp(text, "HTTP/", 5) == 0 && text[5] >= '0' && text[5] <= '9' &&
                    text[6] == '.' && text[7] >= '0' && text[7] <= '9' && text[8] == '\0';
    if (!has_form) return 400;
    if (text[5] != '1' || text[7] > '1') return 505;
    *ret_minor = text[7] - '0';
    return 0;
}

static int read_request_line(char *line, struct http_head *head)
{
    char *target = strchr(line, ' ');
    if (target == NULL) return 400;
    *target++ = '\0';
    char *version = strchr(target, ' ');
    if (version == NULL) return 400;
    *version++ = '\0';
    int status = read_version(version, &head->minor);
    if (status == 0) status = read_method(line, strlen(line), &head->method);
    return status == 0 ? read_target(target, head->method, &head->target) : status;
}

static int read_field(char *line, struct http_head *head)
{
    char *colon = strchr(line, ':');
    if (colon == NULL || !is_token(line, (size_t)(colon - line))) return 400;
    if (head->header_count == HTTP_HEADERS_MAX) return 431;
    *colon = '\0';
    for (char *byte = line; byte < colon; byte++) *byte = lower(*byte);
    char *value = colon + 1;
    while (*value == ' ' || *value == '\t') value++;
    char *end = value + strlen(value);
    while (end > value && (end[-1] == ' ' || end[-1] == '\t')) *--end = '\0';
    head->headers[head->header_count++] = (struct http_header){line, value};
    return 0;
}

/* Cuts the bytes into lines, each with a NUL in place of its CRLF. NULL: a line that is none. */
static char *next_line(char **at, const char *end)
{
    char *line = *at;
    for (char *byte = line; byte + 1 < end; byte++) {
        unsigned char value = (unsigned char)*byte;
        if (value == '\r' && byte[1] == '\n') {
            *byte = '\0';
            *at = byte + 2;
            return line;
        }
        if ((value < ' ' && value != '\t') || value == 0x7f) return NULL;
    }
    return NULL;
}

static int read_length(const char *text, uint64_t *ret_length)
{
    uint64_t length = 0;
    size_t digits = strlen(text);
    if (digits == 0 || digits > 18) return digits == 0 ? 400 : 413;
    for (size_t i = 0; i < digits; i++) {
        if (text[i] < '0' || text[i] > '9') return 400;
        length = length * 10 + (uint64_t)(text[i] - '0');
    }
    *ret_length = length;
    return 0;
}

/* "keep-alive, Upgrade": is the token among them? */
static bool has_token(const char *list, const char *token)
{
    while (*list != '\0') {
        size_t length = strcspn(list, ",");
        const char *first = list, *last = list + length;
        while (first < last && (*first == ' ' || *first == '\t')) first++;
        while (last > first && (last[-1] == ' ' || last[-1] == '\t')) last--;
        if (is_same(first, (size_t)(last - first), token)) return true;
        list += length;
        if (*list == ',') list++;
    }
    return false;
}

struct framing {
    int hosts, lengths, codings;
};

static int read_framing_field(const struct http_header *header, struct http_head *head,
                              struct framing *seen)
{
    if (strcmp(header->name, "host") == 0) {
        seen->hosts++;
    } else if (strcmp(header->name, "content-length") == 0) {
        seen->lengths++;
        return read_length(header->value, &head->content_length);
    } else if (strcmp(header->name, "transfer-encoding") == 0) {
        seen->codings++;
        if (!is_same(header->value, strlen(header->value), "chunked")) return 501;
        head->is_chunked = true;
    } else if (strcmp(header->name, "connection") == 0) {
        if (has_token(header->value, "close")) head->keeps_alive = false;
        if (head->minor == 0 && has_token(header->value, "keep-alive")) head->keeps_alive = true;
    } else if (strcmp(header->name, "expect") == 0) {
        if (!is_same(header->value, strlen(header->value), "100-continue")) return 417;
        head->expects_continue = head->minor == 1;
    }
    return 0;
}

static int read_framing(struct http_head *head)
{
    struct framing seen = {0};
    head->keeps_alive = head->minor == 1;
    for (size_t i = 0; i < head->header_count; i++) {
        int status = read_framing_field(&head->headers[i], head, &seen);
        if (status != 0) return status;
    }
    if (seen.hosts > 1 || (seen.hosts == 0 && head->minor == 1)) return 400;
    if (seen.lengths > 1 || seen.codings > 1 || (seen.lengths > 0 && seen.codings > 0)) return 400;
    if (seen.codings > 0 && head->minor == 0) return 400;
    return 0;
}

int http_head_read(char *bytes, size_t length, struct http_head *ret_head)
{
    char *at = bytes;
    const char *end = bytes + length;
    ret_head->header_count = 0;
    ret_head->is_chunked = ret_head->expects_continue = false;
    ret_head->content_length = 0;
    char *line = next_line(&at, end);
    if (line == NULL) return 400;
    int status = read_request_line(line, ret_head);
    while (status == 0) {
        line = next_line(&at, end);
        if (line == NULL) return 400;
        if (*line == '\0') break;
        status = read_field(line, ret_head);
    }
    if (status == 0 && at != end) status = 400;
    return status == 0 ? read_framing(ret_head) : status;
}

const char *http_head_find(const struct http_head *head, const char *name)
{
    for (size_t i = 0; i < head->header_count; i++)
        if (strcmp(head->headers[i].name, name) == 0) return head->headers[i].value;
    return NULL;
}

enum chunk_state {
    CHUNK_SIZE,      /* in the digits */
    CHUNK_EXTENSION, /* behind them, up to the line's end */
    CHUNK_SIZE_END,  /* CR was there */
    CHUNK_DATA,
    CHUNK_DATA_CR,
    CHUNK_DATA_LF,
    CHUNK_TRAILER,      /* at the beginning of a line */
    CHUNK_TRAILER_LINE, /* within one */
    CHUNK_TRAILER_LF,
    CHUNK_LAST_LF,
};

static int hex_digit(char byte)
{
    if (byte >= '0' && byte <= '9') return byte - '0';
    byte = lower(byte);
    return byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : -1;
}

static int size_byte(struct http_chunks *chunks, char byte)
{
    int digit = hex_digit(byte);
    if (digit >= 0) {
        if (chunks->left >> 56 != 0) return 413;
        chunks->left = chunks->left * 16 + (uint64_t)digit;
        return 0;
    }
    if (chunks->line_size == 1) return 400; /* not one digit */
    if (byte == '\r')
        chunks->state = CHUNK_SIZE_END;
    else if (byte == ';')
        chunks->state = CHUNK_EXTENSION;
    else
        return 400;
    return 0;
}

static int extension_byte(struct http_chunks *chunks, char byte)
{
    if (byte == '\r')
        chunks->state = CHUNK_SIZE_END;
    else if (((unsigned char)byte < ' ' && byte != '\t') || byte == 0x7f)
        return 400;
    return 0;
}

static int expect_byte(struct http_chunks *chunks, char byte, char wanted, int next)
{
    if (byte != wanted) return 400;
    chunks->state = next;
    return 0;
}

static int trailer_byte(struct http_chunks *chunks, char byte)
{
    bool is_first = chunks->state == CHUNK_TRAILER;
    if (byte == '\r')
        chunks->state = is_first ? CHUNK_LAST_LF : CHUNK_TRAILER_LF;
    else if (((unsigned char)byte < ' ' && byte != '\t') || byte == 0x7f)
        return 400;
    else
        chunks->state = CHUNK_TRAILER_LINE;
    return 0;
}

/* Everything but the data itself. */
static int frame_byte(struct http_chunks *chunks, char byte)
{
    size_t limit = chunks->state >= CHUNK_TRAILER ? TRAILERS_MAX : CHUNK_LINE_MAX;
    if (++chunks->line_size > limit) return 400;
    switch ((enum chunk_state)chunks->state) {
    case CHUNK_SIZE: return size_byte(chunks, byte);
    case CHUNK_EXTENSION: return extension_byte(chunks, byte);
    case CHUNK_SIZE_END:
        chunks->line_size = 0;
        return expect_byte(chunks, byte, '\n', chunks->left > 0 ? CHUNK_DATA : CHUNK_TRAILER);
    case CHUNK_DATA_CR: return expect_byte(chunks, byte, '\r', CHUNK_DATA_LF);
    case CHUNK_DATA_LF: chunks->line_size = 0; return expect_byte(chunks, byte, '\n', CHUNK_SIZE);
    case CHUNK_TRAILER:
    case CHUNK_TRAILER_LINE: return trailer_byte(chunks, byte);
    case CHUNK_TRAILER_LF: return expect_byte(chunks, byte, '\n', CHUNK_TRAILER);
    case CHUNK_LAST_LF: chunks->is_done = byte == '\n'; return chunks->is_done ? 0 : 400;
    case CHUNK_DATA: break;
    }
    lx_bug(__FILE__, __LINE__, "a byte between chunks");
}

static int failure_of(const struct lx_buffer *body)
{
    enum lx_err code = lx_buffer_error(body);
    if (code == LX_OK) return 0;
    return code == LX_ERR_LIMIT ? 413 : 503;
}

int http_chunks_read(struct http_chunks *chunks, const char *bytes, size_t length,
                     struct lx_buffer *body, size_t *ret_used)
{
    size_t used = 0;
    int status = 0;
    while (status == 0 && used < length && !chunks->is_done) {
        if (chunks->state != CHUNK_DATA) {
            status = frame_byte(chunks, bytes[used++]);
            continue;
        }
        size_t count = length - used;
        if (count > chunks->left) count = (size_t)chunks->left;
        lx_buffer_append(body, bytes + used, count);
        status = failure_of(body);
        used += count;
        chunks->left -= count;
        if (chunks->left == 0) chunks->state = CHUNK_DATA_CR;
    }
    *ret_used = used;
    return status;
}
