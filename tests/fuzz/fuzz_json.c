/*
 * fuzz_json: whatever is written, in whatever nesting, jansson reads it. The input drives the
 * writer: each byte is a step, and texts and reals take the bytes that follow.
 */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "codec/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
    const uint8_t *data;
    size_t size;
};

static uint8_t take_byte(struct input *input)
{
    if (input->size == 0) return 0;
    input->size--;
    return *input->data++;
}

static const char *take_text(struct input *input, size_t *ret_length)
{
    size_t length = take_byte(input) % 16;
    if (length > input->size) length = input->size;
    const char *text = (const char *)input->data;
    input->data += length;
    input->size -= length;
    *ret_length = length;
    return text;
}

static void write_name(struct json_writer *json, struct input *input)
{
    char name[16];
    size_t length;
    const char *text = take_text(input, &length);
    memcpy(name, text, length);
    name[length] = '\0';
    json_name(json, name);
}

static void write_value(struct json_writer *json, struct input *input)
{
    size_t length;
    uint64_t bits = 0;
    double real;
    uint8_t kind = take_byte(input);
    switch (kind % 8) {
    case 0: json_none(json); return;
    case 1: json_bool(json, kind & 8); return;
    case 2:
    case 3:
        for (int i = 0; i < 8; i++) bits = bits << 8 | take_byte(input);
        memcpy(&real, &bits, sizeof real);
        if (kind % 8 == 2)
            json_number(json, real);
        else
            json_int(json, (int64_t)bits);
        return;
    case 4:
    case 5: {
        const char *text = take_text(input, &length);
        json_text_bytes(json, text, length);
        return;
    }
    default:
        if (json->depth + 2 >= JSON_DEPTH_MAX) {
            json_int(json, kind);
            return;
        }
        if (kind % 8 == 6)
            json_object_begin(json);
        else
            json_array_begin(json);
    }
}

static void close_one(struct json_writer *json)
{
    if (json->is_object[json->depth])
        json_object_end(json);
    else
        json_array_end(json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = {data, size};
    struct lx_buffer buffer;
    struct json_writer json;
    lx_buffer_init(&buffer, (size_t)1 << 24);
    json_init(&json, &buffer);
    json_array_begin(&json);
    while (input.size > 0) {
        if (json.depth > 1 && take_byte(&input) % 4 == 0) {
            close_one(&json);
            continue;
        }
        if (json.is_object[json.depth]) write_name(&json, &input);
        write_value(&json, &input);
    }
    while (json.depth > 0) close_one(&json);
    if (lx_buffer_error(&buffer) != LX_OK) abort();
    json_t *parsed = json_loadb(buffer.bytes, buffer.length, JSON_ALLOW_NUL, NULL);
    if (parsed == NULL) abort();
    json_decref(parsed);
    lx_buffer_release(&buffer);
    return 0;
}
