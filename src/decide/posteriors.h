#ifndef DECIDE_POSTERIORS_H
#define DECIDE_POSTERIORS_H

/*
 * posteriors: what is known of each product's rate of yes in each segment, from every answer ever
 * journalled, as Beta distributions.
 *
 *   counts   yes and answers by segment and product; an answer counts with its weight (rounds.h:
 *            `owns` and `viewed` count as that says) times 2^(-age / half-life). What replaces or
 *            retracts an answer of the same round takes that one out.
 *   prior    a cell shrinks to its product in the other segments, that to the other products of
 *            its category, that to all others, and that to PRIOR_YES yes in PRIOR_ANSWERS answers;
 *            each parent is worth `prior_answers` answers. So a product without an answer has its
 *            category's rate, and is known as badly as it is.
 *
 * Decay is forward (Cormode, Shkapenyuk, Srivastava, Xu 2009): a count is kept as a sum of
 * 2^((day - POSTERIORS_DAY_0) / half-life), which
 * no later answer has to touch, so an answer costs a
 * few additions whatever there is, and one that is taken out leaves what was there before.
 *
 * Derived from the journal by position: the table `posterior` holds what stands before the position
 * in `projection`, the rest is read at open. Another half-life, or a table that was thrown away,
 * and all of the journal is read again; a and b come out the same (they are rounded to 24
 * bits, so that the order of summation does not show).
 *
 * Ownership: borrows store, journal and catalogue. Errors: store's, journal's; LX_ERR_LIMIT.
 * Threads:   one at a time.
 */

#include "bank/catalogue.h"
#include "decide/actions.h"
#include "decide/record.h"
#include "journal/journal.h"
#include "learn/beta.h"
#include "store/store.h"

enum {
    POSTERIORS_SEGMENTS_MAX = 256,
    POSTERIORS_TAIL_MAX = 1024,
    POSTERIORS_DAY_0 = 19723 /* 2024-01-01 */
};

struct posteriors;

LX_MUST_USE enum lx_err posteriors_open(struct store *store, struct journal *journal,
                                        const struct bank_catalogue *catalogue,
                                        const struct actions_explore *explore,
                                        int utc_offset_minutes, struct posteriors **ret_posteriors,
                                        struct lx_error *err);
void posteriors_close(struct posteriors *posteriors); /* NULL is fine; saves nothing */

/* An answer that has just been journalled. Never fails to count for the product; a segment past
 * POSTERIORS_SEGMENTS_MAX counts as none. */
void posteriors_apply(struct posteriors *posteriors, const struct record_answer *answer);

/* Into the table, in one transaction: everything journalled so far has been applied. Without an
 * answer since, only after POSTERIORS_TAIL_MAX records of other kinds. */
LX_MUST_USE enum lx_err posteriors_save(struct posteriors *posteriors, struct lx_error *err);
/* The same where failing does no harm: what is not saved is read from the journal again. */
void posteriors_try_save(struct posteriors *posteriors);

struct posterior {
    double a, b;         /* Beta */
    double yes, answers; /* decayed counts of the cell */
};
/* As of a bank day. `segment` NULL: the product in all segments. */
struct posterior posteriors_of(const struct posteriors *posteriors, const char *segment,
                               int product, int32_t day);
/* The same as a table, kept until the posterior changes; borrowed until the next call for that
 * segment and product. */
const struct beta_table *posteriors_table(struct posteriors *posteriors, const char *segment,
                                          int product, int32_t day);

/* The names of the segments that have answers, "" among them; NULL past the last. */
const char *posteriors_segment(const struct posteriors *posteriors, size_t index);
uint64_t posteriors_position(const struct posteriors *posteriors); /* counted up to here */

#endif
