#ifndef VIEW_AUDIENCE_H
#define VIEW_AUDIENCE_H

/*
 * audience: which customers of a snapshot a condition holds of.
 *
 * The condition runs over the snapshot's columns (expr/columns.h); what has no column but is in the
 * snapshot (held_count, risk_allows, peer) is asked row by row where it is still wanted. A window
 * that a feature is made of alone uses that feature's column, if no float has rounded it; all
 * others of the condition are computed in one ordered pass over the bank, as of the snapshot's
 * moment, and are columns from then on. A window that overflows for any customer is an error,
 * whoever is wanted.
 *
 * Ownership: borrows bank, features and snapshot.
 * Errors:    LX_ERR_BAD_INPUT with the place in struct expr_fault, LX_ERR_OVERFLOW, LX_ERR_LIMIT,
 *            LX_ERR_NO_MEMORY, the bank's.
 * Threads:   one at a time; it uses env->thread_count by itself.
 */

#include "base/env.h"
#include "view/ask.h"
#include "view/snapshot.h"

/* A condition over customers: BOOLEAN, and of customer scope. */
LX_MUST_USE enum lx_err view_audience_compile(const struct view_features *features,
                                              const char *text, size_t length,
                                              struct expr **ret_expr, struct expr_fault *ret_fault,
                                              struct lx_error *err);

struct view_audience;

/* `folder` is the bank's: a pass over it opens it once a thread. */
LX_MUST_USE enum lx_err view_audience_open(const char *folder, struct bank *bank,
                                           const struct view_features *features,
                                           const struct view_snapshot *snapshot,
                                           struct view_audience **ret_audience,
                                           struct lx_error *err);
void view_audience_close(struct view_audience *audience); /* NULL is fine */

/* A bit a customer, in frame_bit_words(customers) words, and how many are set. */
LX_MUST_USE enum lx_err view_audience_select(struct view_audience *audience,
                                             const struct expr *expr, const struct lx_env *env,
                                             uint64_t *ret_bits, uint64_t *ret_count,
                                             struct lx_error *err);

enum { VIEW_MASKED_ID_SIZE = LX_ID_MAX + 1 };

/*
 * An id for who may not see it: the first two and the last two characters stand, each one between
 * is a star; of four characters and fewer only the last stands.
 */
void view_mask_id(const char *id, size_t length, char ret_masked[VIEW_MASKED_ID_SIZE]);

#endif
