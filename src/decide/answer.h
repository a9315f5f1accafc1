#ifndef DECIDE_ANSWER_H
#define DECIDE_ANSWER_H

/*
 * answer: what the customer said to a round, and the round that follows.
 *
 * An answer is in the journal and synced before answer_record returns; a final one together with
 * the second round in one record, so that neither exists without the other.
 *
 * A round is open until all its products are answered or `is_final` is said; until then a later
 * answer to a product replaces the earlier one. A final round takes the same answers again (the
 * same second round comes back, nothing is recorded) and `retracted`. `retracted` takes the answer
 * to that product back, opens the round again and voids the second round that rested on it; what
 * was said to the products of the void round stays said. There is no third round: the last answers
 * of a second round give back that round.
 *
 * Errors: LX_ERR_NOT_FOUND (decision, product), LX_ERR_BAD_INPUT (product not in this round, the
 *         same product twice, retracted without an earlier answer), LX_ERR_USAGE (text that is no
 *         answer), LX_ERR_REFUSED (round is final, or void), journal's and store's. After an error
 *         nothing of the call is recorded.
 */

#include "decide/decide.h"

struct answer {
    char product[LX_CODE_MAX + 1];
    enum bank_answer answer;
};

/* "P07=interested". LX_ERR_USAGE names the known answers. */
LX_MUST_USE enum lx_err answer_parse(const char *text, struct answer *ret_answer,
                                     struct lx_error *err);

/* The round that the caller goes on with: the second round once the first is final, else the round
 * that was answered, with the answers so far. count may be 0 with is_final. */
LX_MUST_USE enum lx_err answer_record(struct engine *engine, const char *decision,
                                      const struct answer *answers, size_t count, bool is_final,
                                      struct decision *ret_decision, struct lx_error *err);

#endif
