#ifndef DECIDE_RULE_BOOK_H
#define DECIDE_RULE_BOOK_H

/*
 * rule_book: the rules of a bank with what they speak of, and what they refuse in the whole bank.
 *
 * Ownership: a book owns its parts and borrows the bank. Errors: rules' and schema's.
 * Threads:   a book belongs to one thread at a time.
 */

#include "decide/rules.h"
#include "view/snapshot.h"

struct rule_book {
    struct view_features *features;
    struct rule_schema *schema;
    struct rules *rules;
};

/* DIR/rules of the bank's directory. */
LX_MUST_USE enum lx_err rule_book_open(struct bank *bank, struct rule_book *ret_book,
                                       struct lx_error *err);
/* The same with the bank's definitions, which the caller has open; the book shares them. */
LX_MUST_USE enum lx_err rule_book_open_with(struct bank *bank, const struct view_features *features,
                                            struct rule_book *ret_book, struct lx_error *err);
/* The schema alone, with the shipped features and `rules` NULL, for who has the files himself.
 * `view` has no features yet; it is taken, also after an error. */
LX_MUST_USE enum lx_err rule_book_open_schema(struct view_schema *view, struct rule_book *ret_book,
                                              struct lx_error *err);
void rule_book_release(struct rule_book *book); /* zeroed is fine */

/*
 * Every customer of the snapshot asked for every product, in a first round by a placement of that
 * channel at that moment, without what was answered and offered since: ret_drops[rule] counts the
 * pairs that the rule is the first to refuse. About 10 us a customer.
 */
LX_MUST_USE enum lx_err
rule_book_count(struct rule_book *book, const struct view_snapshot *snapshot,
                const struct view_context *context, enum bank_channel channel, int64_t now_ms,
                uint64_t *ret_drops, uint64_t *ret_pairs, struct lx_error *err);

#endif
