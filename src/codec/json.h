#ifndef CODEC_JSON_H
#define CODEC_JSON_H

/*
 * json: writing one JSON document (RFC 8259) into a buffer. Commas, nesting and escapes are the
 * writer's business; asking for a value where a name belongs is a bug. (Reading is jansson's.)
 *
 * Numbers: integers as they are; reals with the fewest digits that read back as the same double,
 * NaN and infinities as null. Text must be UTF-8; a bad byte becomes U+FFFD.
 * Names:   json_real and json_null are symbols of jansson, and one of ours would be called in their
 *          place; hence json_number and json_none.
 * Errors:  the buffer's; ask lx_buffer_error once at the end. Threads: one at a time.
 */

#include "base/base.h"
#include "base/buffer.h"

enum { JSON_DEPTH_MAX = 32 };

struct json_writer {
    struct lx_buffer *buffer; /* borrowed */
    int depth;
    bool is_object[JSON_DEPTH_MAX], has_items[JSON_DEPTH_MAX], is_after_name;
};

void json_init(struct json_writer *json, struct lx_buffer *buffer);
void json_object_begin(struct json_writer *json);
void json_object_end(struct json_writer *json);
void json_array_begin(struct json_writer *json);
void json_array_end(struct json_writer *json);
void json_name(struct json_writer *json, const char *name);
void json_text(struct json_writer *json, const char *text);
void json_text_bytes(struct json_writer *json, const char *text, size_t length);
void json_int(struct json_writer *json, int64_t value);
void json_number(struct json_writer *json, double value); /* a real */
void json_bool(struct json_writer *json, bool value);
void json_none(struct json_writer *json); /* null */
/* Already JSON, taken as it is. */
void json_raw(struct json_writer *json, const char *text, size_t length);

/* name and value in one. */
void json_name_text(struct json_writer *json, const char *name, const char *text);
void json_name_int(struct json_writer *json, const char *name, int64_t value);
void json_name_real(struct json_writer *json, const char *name, double value);
void json_name_bool(struct json_writer *json, const char *name, bool value);

#endif
