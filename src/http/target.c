#include "http/target.h"

#include <string.h>

#include "base/buffer.h"
#include "codec/utf8.h"

static int digit_of(char byte)
{
    if (byte >= '0' && byte <= '9') return byte - '0';
    if (byte >= 'a' && byte <= 'f') return byte - 'a' + 10;
    return byte >= 'A' && byte <= 'F' ? byte - 'A' + 10 : -1;
}

const char *http_decode(struct lx_arena *arena, const char *text, size_t length, bool is_query)
{
    char *decoded = lx_arena_alloc(arena, length + 1);
    size_t count = 0;
    if (decoded == NULL) return NULL;
    for (size_t i = 0; i < length; i++) {
        char byte = text[i];
        if (byte == '+' && is_query) byte = ' ';
        if (byte == '%') {
            int high = i + 1 < length ? digit_of(text[i + 1]) : -1;
            int low = i + 2 < length ? digit_of(text[i + 2]) : -1;
            if (high < 0 || low < 0) return NULL;
            byte = (char)(16 * high + low);
            i += 2;
        }
        if (byte == '\0') return NULL;
        decoded[count++] = byte;
    }
    if (utf8_valid_length(decoded, count) != count) return NULL;
    return decoded;
}

static bool read_pair(struct lx_arena *arena, const char *text, size_t length,
                      struct http_pair *ret_pair)
{
    const char *equals = memchr(text, '=', length);
    size_t name_length = equals != NULL ? (size_t)(equals - text) : length;
    ret_pair->name = http_decode(arena, text, name_length, true);
    ret_pair->value =
        equals != NULL ? http_decode(arena, equals + 1, length - name_length - 1, true) : "";
    return ret_pair->name != NULL && ret_pair->value != NULL;
}

bool http_query_read(struct lx_arena *arena, const char *text, struct http_pair **ret_pairs,
                     size_t *ret_count)
{
    *ret_count = 0;
    *ret_pairs = NULL;
    if (*text == '\0') return true;
    struct http_pair *pairs = lx_arena_array(arena, HTTP_QUERY_MAX, sizeof *pairs);
    if (pairs == NULL) return false;
    size_t count = 0;
    while (*text != '\0') {
        size_t length = strcspn(text, "&");
        if (length > 0) {
            if (count == HTTP_QUERY_MAX || !read_pair(arena, text, length, &pairs[count]))
                return false;
            count++;
        }
        text += length;
        if (*text == '&') text++;
    }
    *ret_pairs = pairs;
    *ret_count = count;
    return true;
}

/* RFC 6265: no white space, quotes, commas, semicolons or backslashes in a value. */
static bool is_cookie_byte(unsigned char byte)
{
    return byte > ' ' && byte < 0x7f && byte != '"' && byte != ',' && byte != ';' && byte != '\\';
}

static bool is_cookie_value(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (!is_cookie_byte((unsigned char)text[i])) return false;
    return true;
}

const char *http_cookie(struct lx_arena *arena, const char *header, const char *name)
{
    const char *found = NULL;
    size_t found_length = 0, name_length = strlen(name), count = 0;
    while (*header != '\0') {
        size_t length = strcspn(header, ";");
        const char *equals = memchr(header, '=', length);
        if (equals == NULL || equals == header || ++count > HTTP_COOKIES_MAX) return NULL;
        size_t value_length = length - (size_t)(equals - header) - 1;
        if (!is_cookie_value(equals + 1, value_length)) return NULL;
        if ((size_t)(equals - header) == name_length && memcmp(header, name, name_length) == 0) {
            if (found != NULL) return NULL; /* which of two is meant, nobody can say */
            found = equals + 1;
            found_length = value_length;
        }
        header += length;
        if (*header == ';') header += header[1] == ' ' ? 2 : 1;
    }
    return found != NULL ? lx_arena_strndup(arena, found, found_length) : NULL;
}

void http_encode(struct lx_buffer *buffer, const char *text)
{
    static const char digits[] = "0123456789ABCDEF";
    for (; *text != '\0'; text++) {
        unsigned char byte = (unsigned char)*text;
        bool is_plain = (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') ||
                        (byte >= 'A' && byte <= 'Z') || strchr("-._~", byte) != NULL;
        if (is_plain) {
            lx_buffer_append_byte(buffer, (char)byte);
            continue;
        }
        const char encoded[3] = {'%', digits[byte >> 4], digits[byte & 15]};
        lx_buffer_append(buffer, encoded, sizeof encoded);
    }
}
