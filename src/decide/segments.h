#ifndef DECIDE_SEGMENTS_H
#define DECIDE_SEGMENTS_H

/*
 * segments: which of the segments of actions.ini a customer is in: the first whose condition holds.
 * A condition speaks of the customer alone.
 *
 * Ownership: borrows actions and schema. Errors: LX_ERR_BAD_INPUT with file:line and what is wrong
 *            with the condition; LX_ERR_OVERFLOW from a condition that cannot be computed.
 * Threads:   one at a time.
 */

#include "decide/actions.h"
#include "decide/rule_schema.h"

struct segments;

/* `file` is only named in messages. */
LX_MUST_USE enum lx_err segments_open(const char *file, const struct actions *actions,
                                      const struct rule_schema *schema,
                                      struct segments **ret_segments, struct lx_error *err);
void segments_close(struct segments *segments); /* NULL is fine */

/* The segment's name, "" for none; borrowed from actions. */
LX_MUST_USE enum lx_err segments_find(struct segments *segments,
                                      const struct rule_question *question, const char **ret_name,
                                      struct lx_error *err);

#endif
