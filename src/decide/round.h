#ifndef DECIDE_ROUND_H
#define DECIDE_ROUND_H

/*
 * round: one decision from features to record, first round and second alike. Private to decide.
 *
 * Ownership: everything of the record lives in the arena. Nothing here writes to the disk.
 */

#include "decide/engine_parts.h"

struct round_request {
    const char *customer_id;
    int64_t customer;
    const char *placement; /* a section of actions.ini */
    int count;             /* places */
    int64_t now_ms;
    const uint8_t
        *id; /* RECORD_ID_BYTES of a decision that will be recorded; NULL: draws nothing */
    /* Everything that the customer has answered, as it stands; products of the first round are not
     * shown again in the second. */
    const struct overlay_answer *answers;
    size_t answer_count;
    const struct record_decision *first; /* NULL in the first round */
    const struct record_given *given;    /* what was said to the first round */
    size_t given_count;
};

/* Fills everything but the parent. */
LX_MUST_USE enum lx_err round_decide(struct engine *engine, const struct round_request *request,
                                     struct lx_arena *arena, struct record_decision *ret_decision,
                                     struct lx_error *err);

/* The number of the first rule that refuses the product to a customer of whom only the snapshot
 * speaks, or RULE_NONE. */
LX_MUST_USE enum lx_err round_rule(struct engine *engine, int64_t customer, int product,
                                   int *ret_rule, struct lx_error *err);

/* What the caller is told. `answers` are those to this round. The result owns a copy. */
LX_MUST_USE enum lx_err round_tell(struct engine *engine, const struct record_decision *record,
                                   bool is_recorded, bool is_final,
                                   const struct record_given *answers, size_t answer_count,
                                   struct decision *ret_decision, struct lx_error *err);

/* The answers to a round as they stand, by product; from the list of the customer's answers. */
LX_MUST_USE enum lx_err round_given(const struct record_decision *round, uint64_t position,
                                    const struct overlay_answer *answers, size_t answer_count,
                                    struct lx_arena *arena, struct record_given **ret_given,
                                    size_t *ret_count, struct lx_error *err);

#endif
