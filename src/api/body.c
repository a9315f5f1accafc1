#include "api/body.h"

#include <inttypes.h>
#include <jansson.h>
#include <string.h>

#include "base/suggest.h"

enum lx_err api_body_read(const char *bytes, size_t length, struct api_body *ret_body,
                          struct lx_error *err)
{
    json_error_t fault;
    *ret_body = (struct api_body){.err = err};
    if (length == 0) return LX_OK;
    json_t *root = json_loadb(bytes, length, JSON_REJECT_DUPLICATES, &fault);
    if (root == NULL)
        return lx_fail(err, LX_ERR_BAD_INPUT, "body: line %d, column %d: %.160s", fault.line,
                       fault.column, fault.text);
    ret_body->root = root;
    if (json_is_object(root)) return LX_OK;
    return lx_fail(err, LX_ERR_BAD_INPUT, "body: an object is expected");
}

void api_body_release(struct api_body *body)
{
    json_decref(body->root);
    body->root = NULL;
}

static json_t *find(struct api_body *body, const char *name)
{
    LX_ASSERT(body->known_count < LX_COUNT_OF(body->known));
    body->known[body->known_count++] = name;
    return json_object_get(body->root, name);
}

static void fail(struct api_body *body, const char *name, const char *expected)
{
    if (body->code != LX_OK) return;
    body->code = lx_fail(body->err, LX_ERR_BAD_INPUT, "body: \"%s\": %s", name, expected);
}

static const char *text_of(struct api_body *body, const json_t *value, const char *name,
                           size_t length_max)
{
    if (!json_is_string(value)) {
        fail(body, name, "a text is expected");
        return "";
    }
    const char *text = json_string_value(value);
    size_t length = json_string_length(value);
    if (strlen(text) != length) fail(body, name, "a text has no NUL");
    if (length > length_max && body->code == LX_OK)
        body->code = lx_fail(body->err, LX_ERR_BAD_INPUT, "body: \"%s\": %zu bytes, at most %zu",
                             name, length, length_max);
    return text;
}

const char *api_body_text(struct api_body *body, const char *name, size_t length_max,
                          const char *fallback)
{
    const json_t *value = find(body, name);
    return value == NULL ? fallback : text_of(body, value, name, length_max);
}

int64_t api_body_int(struct api_body *body, const char *name, int64_t low, int64_t high,
                     int64_t fallback)
{
    const json_t *value = find(body, name);
    if (value == NULL) return fallback;
    int64_t number = json_integer_value(value);
    bool is_good = json_is_integer(value) && number >= low && number <= high;
    if (!is_good && body->code == LX_OK)
        body->code =
            lx_fail(body->err, LX_ERR_BAD_INPUT,
                    "body: \"%s\": a whole number from %" PRId64 " to %" PRId64, name, low, high);
    return is_good ? number : fallback;
}

bool api_body_bool(struct api_body *body, const char *name, bool fallback)
{
    const json_t *value = find(body, name);
    if (value == NULL) return fallback;
    if (!json_is_boolean(value)) fail(body, name, "true or false is expected");
    return json_is_true(value);
}

size_t api_body_count(struct api_body *body, const char *name, size_t count_max)
{
    const json_t *value = find(body, name);
    if (value == NULL) return 0;
    if (!json_is_array(value)) {
        fail(body, name, "an array is expected");
        return 0;
    }
    size_t count = json_array_size(value);
    if (count <= count_max) return count;
    if (body->code == LX_OK)
        body->code = lx_fail(body->err, LX_ERR_BAD_INPUT, "body: \"%s\": %zu items, at most %zu",
                             name, count, count_max);
    return 0;
}

const char *api_body_item(struct api_body *body, const char *name, size_t index, const char *member,
                          size_t length_max)
{
    const json_t *item = json_array_get(json_object_get(body->root, name), index);
    const json_t *value = json_object_get(item, member);
    if (value == NULL) {
        fail(body, name, "an object lacks a member");
        return "";
    }
    return text_of(body, value, member, length_max);
}

enum lx_err api_body_end(struct api_body *body)
{
    const char *name;
    json_t *value;
    if (body->code != LX_OK) return body->code;
    json_object_foreach(body->root, name, value)
    {
        bool is_known = false;
        for (size_t i = 0; i < body->known_count; i++)
            if (strcmp(body->known[i], name) == 0) is_known = true;
        if (is_known) continue;
        const char *best = lx_suggest(name, body->known, body->known_count);
        if (best != NULL)
            return lx_fail(body->err, LX_ERR_BAD_INPUT,
                           "body: no member \"%.64s\"; did you mean \"%s\"?", name, best);
        return lx_fail(body->err, LX_ERR_BAD_INPUT, "body: no member \"%.64s\"", name);
    }
    return LX_OK;
}
