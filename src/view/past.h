#ifndef VIEW_PAST_H
#define VIEW_PAST_H

/*
 * past: what every reader of a customer's past agrees on: which facts count as of a moment, what an
 * open or close does, what is in arrears. Private to view.
 *
 * Amounts are cut at VIEW_AMOUNT_MAX (40 billion yuan), so that no sum over LX_HISTORY_EVENTS_MAX
 * events and no balance weighted with days can overflow.
 * Threads: plain values, no allocation.
 */

#include "view/feature.h"
#include "view/moment.h"

#define VIEW_AMOUNT_MAX ((int64_t)4000000000000)

_Static_assert(VIEW_AMOUNT_MAX < INT64_MAX / LX_HISTORY_EVENTS_MAX, "sums of amounts fit");

/* The newest version or assessment that was known; NULL if none was. */
const struct bank_profile *view_profile_at(const struct bank_history *history,
                                           const struct view_moment *moment);
const struct bank_risk *view_risk_at(const struct bank_history *history,
                                     const struct view_moment *moment);

/* Whole years at the moment's day; -1 where the birthday is unknown or lies ahead. */
int view_age_of(const struct bank_profile *profile, const struct view_moment *moment);

/* An amount within +-VIEW_AMOUNT_MAX. */
static inline int64_t view_cut(int64_t fen)
{
    if (fen > VIEW_AMOUNT_MAX) return VIEW_AMOUNT_MAX;
    return fen < -VIEW_AMOUNT_MAX ? -VIEW_AMOUNT_MAX : fen;
}

/* How many events have at_ms <= as_of_ms; they come first. */
size_t view_event_end(const struct bank_history *history, int64_t as_of_ms);

/* The event's product, BANK_NO_PRODUCT also where the catalogue has none of that number. */
static inline int view_product_of(int product, const struct bank_catalogue *catalogue)
{
    return product >= 0 && (size_t)product < catalogue->count ? product : BANK_NO_PRODUCT;
}

/* Open and close events make holdings; a close of what was not seen to open changes nothing. */
static inline void view_count_open(uint16_t *open_count, uint8_t kind)
{
    if (kind == BANK_EVENT_KIND_OPEN && *open_count < UINT16_MAX) (*open_count)++;
    if (kind == BANK_EVENT_KIND_CLOSE && *open_count > 0) (*open_count)--;
}

/* An answer counts from when the bank could know it; a retraction takes it back. */
static inline bool view_answer_is_known(const struct view_moment *moment,
                                        const struct bank_exposure *exposure)
{
    return exposure->answer != BANK_ANSWER_NONE && exposure->answer != BANK_ANSWER_RETRACTED &&
           exposure->answer_known_at_ms != BANK_UNKNOWN_MS &&
           exposure->answer_known_at_ms <= moment->as_of_ms;
}

/* Loans in arrears. An overdue payment is made good by a repayment of the same product, or by one
 * of no named product, which stands for all. */
struct view_arrears {
    uint64_t overdue[LX_PRODUCT_MAX / 64 + 1]; /* bit by product; the last word: no product */
};
void view_arrears_add(struct view_arrears *arrears, uint8_t kind, int product);
bool view_arrears_any(const struct view_arrears *arrears);

#endif
