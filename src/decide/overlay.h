#ifndef DECIDE_OVERLAY_H
#define DECIDE_OVERLAY_H

/*
 * overlay: what was decided and answered, up to this moment: the tables as far as the journal has
 * been projected into them, and the journal's tail behind that in memory. The journal is the truth;
 * tables can be thrown away and come back the same.
 *
 * Invariants: a record is in the tables or in the tail, never in both; the tables hold exactly the
 *             records before projection.next_position; what an append has acknowledged is on
 *             disk for good.
 * Ownership:  bank and journal are borrowed until overlay_close.
 * Errors:     journal's and store's. After a failed append nothing was recorded.
 * Threads:    one at a time.
 */

#include "decide/actions.h"
#include "decide/record.h"
#include "journal/journal.h"

struct overlay;

/*
 * The overlay of a server's thread (live.h): what was recorded is read from `live`, and what is
 * appended is not written but kept for overlay_take: the server's one writer commits it. Each call
 * into decide begins with overlay_begin, and sees a customer as he was when it first looked.
 */
struct live;
LX_MUST_USE enum lx_err overlay_open_live(struct bank *bank, struct journal *journal,
                                          const struct live *live, struct overlay **ret_overlay,
                                          struct lx_error *err);
void overlay_begin(struct overlay *overlay);
/* What was appended since, borrowed until overlay_begin; false: nothing was. */
struct live_change;
bool overlay_take(struct overlay *overlay, struct live_change *ret_change);

/* can_write: the tables are caught up before it returns. */
LX_MUST_USE enum lx_err overlay_open(struct bank *bank, struct journal *journal, bool can_write,
                                     struct overlay **ret_overlay, struct lx_error *err);
void overlay_close(struct overlay *overlay); /* the tail stays in the journal; NULL is fine */

/* Journals, syncs, remembers. The tables are caught up from time to time; if that fails it is tried
 * again with the next record, and the record is acknowledged all the same. */
LX_MUST_USE enum lx_err overlay_append_decision(struct overlay *overlay,
                                                const struct record_decision *decision,
                                                struct lx_error *err);
LX_MUST_USE enum lx_err overlay_append_answer(struct overlay *overlay,
                                              const struct record_answer *answer,
                                              struct lx_error *err);
LX_MUST_USE enum lx_err overlay_append_rules(struct overlay *overlay,
                                             const struct record_rules *rules,
                                             struct lx_error *err);
/* The hash of the rule set that was recorded last; *ret_has_hash false: none ever was. */
LX_MUST_USE enum lx_err overlay_rules_hash(struct overlay *overlay, uint8_t ret_hash[32],
                                           bool *ret_has_hash, struct lx_error *err);
/* Moves the tail into the tables. */
LX_MUST_USE enum lx_err overlay_project(struct overlay *overlay, struct lx_error *err);
/* The same where failing does no harm: it is tried again with a later record, or when the bank is
 * opened next. */
void overlay_try_project(struct overlay *overlay);
/* The first position that is not in the tables yet. */
uint64_t overlay_position(const struct overlay *overlay);

struct overlay_decision {
    uint64_t position;
    int64_t customer;
    bool is_final;
    bool is_void; /* the round before was reopened after this one was made */
};
/* LX_ERR_NOT_FOUND naming the id. */
LX_MUST_USE enum lx_err overlay_find(struct overlay *overlay, const uint8_t id[RECORD_ID_BYTES],
                                     struct overlay_decision *ret_decision, struct lx_error *err);

/* The newest round that followed a decision. */
LX_MUST_USE enum lx_err overlay_next(struct overlay *overlay, int64_t customer,
                                     const uint8_t parent[RECORD_ID_BYTES],
                                     uint8_t ret_id[RECORD_ID_BYTES], bool *ret_has_next,
                                     struct lx_error *err);

/* An answer of a customer; lists are in the order of the journal. */
struct overlay_answer {
    uint64_t position, decision; /* of the answer; of the decision that it answers */
    int64_t answered_ms;
    int product;
    enum bank_answer answer;
};
LX_MUST_USE enum lx_err overlay_answers(struct overlay *overlay, int64_t customer,
                                        struct lx_arena *arena, struct overlay_answer **ret_answers,
                                        size_t *ret_count, struct lx_error *err);

/* What a customer was offered after `since_ms`, oldest first; a placement has no channel here. */
struct overlay_offer {
    uint64_t decision; /* its position */
    int64_t offered_ms;
    int product;
    bool is_first_round;
    char placement[ACTIONS_NAME_MAX + 1];
};
LX_MUST_USE enum lx_err overlay_offers(struct overlay *overlay, int64_t customer, int64_t since_ms,
                                       struct lx_arena *arena, struct overlay_offer **ret_offers,
                                       size_t *ret_count, struct lx_error *err);

/* The record at a position; LX_ERR_CORRUPT if it is none of this module. */
LX_MUST_USE enum lx_err overlay_read(struct overlay *overlay, uint64_t position,
                                     struct lx_arena *arena, struct record *ret_record,
                                     struct lx_error *err);

/* The answer about a product that stands: the last one that was not retracted in its round. NONE
 * (and answered_ms 0) if there is none. `decision` UINT64_MAX: of any round. */
enum bank_answer overlay_standing(const struct overlay_answer *answers, size_t count, int product,
                                  uint64_t decision, int64_t *ret_answered_ms);

#endif
