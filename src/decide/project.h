#ifndef DECIDE_PROJECT_H
#define DECIDE_PROJECT_H

/*
 * project: journal records into the tables decision, decision_item, decision_refusal and answer.
 * Private to decide; overlay.h says when.
 *
 * Everything from `first` to the journal's end goes in with one transaction that also moves
 * projection.next_position, so the tables are always those of some position.
 */

#include "decide/record.h"
#include "journal/journal.h"
#include "store/store.h"

/* 0 where nothing was ever projected. */
LX_MUST_USE enum lx_err project_position(struct store *store, uint64_t *ret_position,
                                         struct lx_error *err);

/* *ret_next: the position behind the last record that is in the tables now. */
LX_MUST_USE enum lx_err project(struct store *store, struct journal *journal, uint64_t first,
                                uint64_t *ret_next, struct lx_error *err);

#endif
