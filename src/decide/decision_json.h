#ifndef DECIDE_DECISION_JSON_H
#define DECIDE_DECISION_JSON_H

/*
 * decision_json: a decision as the members of a JSON object, the same on the command line and over
 * HTTP. Its fields are those of docs/reference/commands.md and openapi.yaml; names are stable.
 * Threads: pure.
 */

#include "codec/json.h"
#include "decide/decide.h"

/* Between json_object_begin and json_object_end. `name` of a product is in the language asked for;
 * the other texts come in both. */
void decision_json(struct json_writer *json, const struct decision *decision, bool is_english);

#endif
