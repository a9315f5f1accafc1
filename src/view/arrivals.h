#ifndef VIEW_ARRIVALS_H
#define VIEW_ARRIVALS_H

/*
 * arrivals: a customer's history with events that came since it was read: late ones, and
 * corrections of what is long past. What is computed of it is what the batch gives once the same
 * events are in the bank.
 *
 * Ownership: the new list lives in the arena; the rest is borrowed. Errors: LX_ERR_NO_MEMORY.
 */

#include "base/arena.h"
#include "bank/types.h"

/* Puts the events in their places by (at, sequence); of equal ones those of the history are first,
 * then the arrivals as they stand. `ret_history` may be `history`. */
LX_MUST_USE enum lx_err view_history_add(const struct bank_history *history,
                                         const struct bank_event *arrivals, size_t count,
                                         struct lx_arena *arena, struct bank_history *ret_history,
                                         struct lx_error *err);

/* A later version of an event, or its end: from change->event.known_at_ms on the version before it
 * no longer stands. Of one event they come in the order in which they became known.
 * LX_ERR_NOT_FOUND: the history has no event of that at and sequence. */
LX_MUST_USE enum lx_err view_history_change(const struct bank_history *history,
                                            const struct bank_change *change,
                                            struct lx_arena *arena,
                                            struct bank_history *ret_history, struct lx_error *err);

#endif
