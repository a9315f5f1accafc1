#ifndef VIEW_VIEW_JSON_H
#define VIEW_VIEW_JSON_H

/*
 * view_json: portrait and timeline as members of a JSON object, the same on the command line and
 * over HTTP. Names are stable; `name` and `title` are in the language asked for. Threads: pure.
 */

#include "codec/json.h"
#include "view/audience_kept.h"
#include "view/portrait.h"
#include "view/timeline.h"

/* customer, name (masked), as_of, labels, holdings */
void portrait_json(struct json_writer *json, const struct portrait *portrait, int64_t as_of_ms,
                   int utc_offset_minutes, bool is_english);
/* events */
void timeline_json(struct json_writer *json, const struct timeline_row *rows, size_t count,
                   int utc_offset_minutes, bool is_english);
/* One kept audience, an object of its own: name, expression, owner, since, sizes. */
void view_kept_json(struct json_writer *json, const struct view_kept *kept, int utc_offset_minutes);

#endif
