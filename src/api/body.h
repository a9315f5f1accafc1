#ifndef API_BODY_H
#define API_BODY_H

/*
 * body: the JSON object of a request, read strictly: no duplicate names, no names that the route
 * does not know, each value of its type and within its limits.
 *
 * A failure is remembered, and asked for once at the end (api_body_end): a reader reads on.
 * Ownership: texts are borrowed until api_body_release. Errors: LX_ERR_BAD_INPUT naming the member.
 * Threads:   one at a time.
 */

#include "base/base.h"

struct json_t;

struct api_body {
    struct json_t *root; /* NULL: an empty body, which is an empty object */
    const char *known[16];
    size_t known_count;
    struct lx_error *err;
    enum lx_err code;
};

/* `length` 0 is an empty object. The caller releases it, also after an error. */
LX_MUST_USE enum lx_err api_body_read(const char *bytes, size_t length, struct api_body *ret_body,
                                      struct lx_error *err);
void api_body_release(struct api_body *body);

/* The fallback where the member is missing. */
const char *api_body_text(struct api_body *body, const char *name, size_t length_max,
                          const char *fallback);
int64_t api_body_int(struct api_body *body, const char *name, int64_t low, int64_t high,
                     int64_t fallback);
bool api_body_bool(struct api_body *body, const char *name, bool fallback);
/* An array of objects of texts, as {"product": "P07", "answer": "interested"}: how many, and one
 * text of one. */
size_t api_body_count(struct api_body *body, const char *name, size_t count_max);
const char *api_body_item(struct api_body *body, const char *name, size_t index, const char *member,
                          size_t length_max);

/* LX_OK, or what was wrong first; also with a member that nobody asked for. */
LX_MUST_USE enum lx_err api_body_end(struct api_body *body);

#endif
