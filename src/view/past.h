#ifndef VIEW_PAST_H
#define VIEW_PAST_H

/*
 * past: the value of a window over one customer's history, every row looked at by itself.
 *
 * For questions that somebody asks once; what is asked of everybody at every refresh is a feature.
 * Facts that had not happened or were not known as of the reading's moment are passed over, and so
 * are offers to a control group. A condition that overflows does not hold. A field that holds until
 * the next row (`balance`) counts by days.
 *
 * Errors:  LX_ERR_OVERFLOW, LX_ERR_NO_MEMORY.
 * Threads: none of its own; the reading's `row` and `relation` are changed.
 */

#include "view/schema.h"

LX_MUST_USE enum lx_err view_past_value(const struct expr *expr, const struct expr_window *window,
                                        const struct bank_history *history,
                                        struct view_reading *reading, struct expr_value *ret_value,
                                        struct lx_error *err);

#endif
