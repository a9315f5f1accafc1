#include "codec/json.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec/utf8.h"

void json_init(struct json_writer *json, struct lx_buffer *buffer)
{
    LX_ASSERT(json != NULL && buffer != NULL);

    *json = (struct json_writer){.buffer = buffer};
}

/* Before a name, or before a value that has none: the comma. */
static void before_item(struct json_writer *json)
{
    bool *has_items = &json->has_items[json->depth];
    if (json->depth > 0 && *has_items) lx_buffer_append_byte(json->buffer, ',');
    LX_ASSERT(json->depth > 0 || !*has_items);
    *has_items = true;
}

static void before_value(struct json_writer *json)
{
    if (json->is_after_name) {
        json->is_after_name = false;
        return;
    }
    LX_ASSERT(!json->is_object[json->depth]);
    before_item(json);
}

static void begin(struct json_writer *json, bool is_object)
{
    before_value(json);
    LX_ASSERT(json->depth + 1 < JSON_DEPTH_MAX);
    json->depth++;
    json->is_object[json->depth] = is_object;
    json->has_items[json->depth] = false;
    lx_buffer_append_byte(json->buffer, is_object ? '{' : '[');
}

static void end(struct json_writer *json, bool is_object)
{
    LX_ASSERT(json->depth > 0 && json->is_object[json->depth] == is_object);
    LX_ASSERT(!json->is_after_name);

    json->depth--;
    lx_buffer_append_byte(json->buffer, is_object ? '}' : ']');
}

void json_object_begin(struct json_writer *json)
{
    begin(json, true);
}

void json_object_end(struct json_writer *json)
{
    end(json, true);
}

void json_array_begin(struct json_writer *json)
{
    begin(json, false);
}

void json_array_end(struct json_writer *json)
{
    end(json, false);
}

static void put_escape(struct lx_buffer *buffer, unsigned char byte)
{
    switch (byte) {
    case '"': lx_buffer_append(buffer, "\\\"", 2); return;
    case '\\': lx_buffer_append(buffer, "\\\\", 2); return;
    case '\n': lx_buffer_append(buffer, "\\n", 2); return;
    case '\r': lx_buffer_append(buffer, "\\r", 2); return;
    case '\t': lx_buffer_append(buffer, "\\t", 2); return;
    case '\b': lx_buffer_append(buffer, "\\b", 2); return;
    case '\f': lx_buffer_append(buffer, "\\f", 2); return;
    default: lx_buffer_printf(buffer, "\\u%04x", (unsigned)byte); return;
    }
}

/* Length of the beginning that can be copied as it is. */
static size_t plain_length(const char *text, size_t length)
{
    size_t at = 0;
    while (at < length) {
        unsigned char byte = (unsigned char)text[at];
        if (byte < 0x20 || byte == '"' || byte == '\\' || byte == 0x7F) break;
        size_t size = byte < 0x80 ? 1 : utf8_character(text + at, length - at);
        if (size == 0) break;
        at += size;
    }
    return at;
}

static void put_text(struct lx_buffer *buffer, const char *text, size_t length)
{
    lx_buffer_append_byte(buffer, '"');
    for (size_t at = 0; at < length;) {
        size_t plain = plain_length(text + at, length - at);
        if (plain > 0) lx_buffer_append(buffer, text + at, plain);
        at += plain;
        if (at == length) break;
        unsigned char byte = (unsigned char)text[at++];
        if (byte < 0x80)
            put_escape(buffer, byte);
        else
            lx_buffer_append_text(buffer, "\xEF\xBF\xBD");
    }
    lx_buffer_append_byte(buffer, '"');
}

void json_name(struct json_writer *json, const char *name)
{
    LX_ASSERT(json->is_object[json->depth] && !json->is_after_name);

    before_item(json);
    put_text(json->buffer, name, strlen(name));
    lx_buffer_append_byte(json->buffer, ':');
    json->is_after_name = true;
}

void json_text(struct json_writer *json, const char *text)
{
    json_text_bytes(json, text, strlen(text));
}

void json_text_bytes(struct json_writer *json, const char *text, size_t length)
{
    LX_ASSERT(text != NULL || length == 0);

    before_value(json);
    put_text(json->buffer, text, length);
}

void json_int(struct json_writer *json, int64_t value)
{
    before_value(json);
    char digits[20];
    size_t start = sizeof digits;
    uint64_t left = value < 0 ? -(uint64_t)value : (uint64_t)value;
    do digits[--start] = (char)('0' + left % 10);
    while ((left /= 10) > 0);
    if (value < 0) digits[--start] = '-';
    lx_buffer_append(json->buffer, digits + start, sizeof digits - start);
}

/* size = digits / 10^decimals, plainly. */
static void put_decimal(struct lx_buffer *buffer, bool is_negative, uint64_t digits, int decimals)
{
    char text[32];
    size_t start = sizeof text;
    for (int place = 0; digits > 0 || place <= decimals; place++, digits /= 10) {
        if (place > 0 && place == decimals) text[--start] = '.';
        text[--start] = (char)('0' + digits % 10);
    }
    if (is_negative) text[--start] = '-';
    lx_buffer_append(buffer, text + start, sizeof text - start);
}

/*
 * A double that some decimal of at most 15 digits stands for. That decimal's digits are size * 10^k
 * to the nearest integer, because the product is off by less than half there; and their quotient,
 * both exact, is rounded once, as reading it would be (Clinger 1990).
 */
static bool put_short_real(struct lx_buffer *buffer, double value)
{
    static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9, 1e10,
                                    1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20};
    double size = fabs(value);
    if (size < 1e-5 && size != 0) return false;
    for (int k = 0; k < (int)LX_COUNT_OF(powers) && size * powers[k] < 1e15; k++) {
        double digits = floor(size * powers[k] + 0.5);
        if (digits / powers[k] != size) continue;
        put_decimal(buffer, signbit(value), (uint64_t)digits, k);
        return true;
    }
    return false;
}

static void put_long_real(struct lx_buffer *buffer, double value)
{
    char text[40];
    int length = 0;
    /* Fewer than 15 lose nothing but zeros, except where a double has fewer bits. */
    for (int digits = fabs(value) < DBL_MIN ? 1 : 15; digits <= 17; digits++) {
        length = snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value) break;
    }
    char *comma = strchr(text, ','); /* where a library has set another locale */
    if (comma != NULL) *comma = '.';
    lx_buffer_append(buffer, text, (size_t)length);
}

void json_number(struct json_writer *json, double value)
{
    if (!isfinite(value)) {
        json_none(json);
        return;
    }
    before_value(json);
    if (!put_short_real(json->buffer, value)) put_long_real(json->buffer, value);
}

void json_bool(struct json_writer *json, bool value)
{
    json_raw(json, value ? "true" : "false", value ? 4 : 5);
}

void json_none(struct json_writer *json)
{
    json_raw(json, "null", 4);
}

void json_raw(struct json_writer *json, const char *text, size_t length)
{
    LX_ASSERT(text != NULL && length > 0);

    before_value(json);
    lx_buffer_append(json->buffer, text, length);
}

void json_name_text(struct json_writer *json, const char *name, const char *text)
{
    json_name(json, name);
    json_text(json, text);
}

void json_name_int(struct json_writer *json, const char *name, int64_t value)
{
    json_name(json, name);
    json_int(json, value);
}

void json_name_real(struct json_writer *json, const char *name, double value)
{
    json_name(json, name);
    json_number(json, value);
}

void json_name_bool(struct json_writer *json, const char *name, bool value)
{
    json_name(json, name);
    json_bool(json, value);
}
