#ifndef VIEW_STATE_H
#define VIEW_STATE_H

/*
 * state: what one pass over a customer's history as of a moment leaves; the features are read off
 * it. Private to view.
 *
 * Sums and counts are integers, so the order of the facts of a window cannot matter. Amounts are
 * cut at VIEW_AMOUNT_MAX (40 billion yuan), so that no sum over LX_HISTORY_EVENTS_MAX events and no
 * balance weighted with days can overflow.
 * Threads: plain values, no allocation.
 */

#include "view/feature.h"
#include "view/moment.h"

#define VIEW_AMOUNT_MAX ((int64_t)4000000000000)

_Static_assert(VIEW_AMOUNT_MAX < INT64_MAX / LX_HISTORY_EVENTS_MAX, "sums of amounts fit");

/* Balance at the end of each bank day, summed over the days of a window on which it is known. */
struct view_balance_window {
    int64_t fen_days;
    int32_t days;
};

enum { VIEW_BALANCE_WINDOWS = 3 }; /* 30, 90 and 365 days */

struct view_balance {
    int64_t last_fen;    /* BANK_NO_AMOUNT before the first one */
    int32_t since_day;   /* last_fen holds from the end of this day on */
    int64_t fen_30d_ago; /* at the end of the day 30 days before the moment's; BANK_NO_AMOUNT */
    int64_t fen_90d_ago;
    int64_t min_90d_fen, max_90d_fen; /* over the days known; BANK_NO_AMOUNT */
    int64_t weighted_90d; /* sum of balance * (days since the window began), for the slope */
    int64_t weight_90d, weight_square_90d; /* sums of those days, and of their squares */
    struct view_balance_window windows[VIEW_BALANCE_WINDOWS];
};

struct view_state {
    struct view_moment moment;

    /* By window (cumulated: 30 days contain 7) and kind. */
    uint32_t counts[VIEW_WINDOW_COUNT][BANK_EVENT_KIND_END];
    int64_t sums_fen[VIEW_WINDOW_COUNT][BANK_EVENT_KIND_END]; /* of absolute amounts */
    uint32_t channels[VIEW_WINDOW_COUNT][BANK_CHANNEL_END];   /* of the customer's own acts */
    uint32_t acts[VIEW_WINDOW_COUNT];
    int64_t inflow_fen[VIEW_WINDOW_COUNT], outflow_fen[VIEW_WINDOW_COUNT];
    int64_t dwell_seconds[VIEW_WINDOW_COUNT];
    int64_t last_ms[BANK_EVENT_KIND_END]; /* BANK_UNKNOWN_MS */
    int64_t last_act_ms;
    int64_t largest_inflow_30d_fen;
    int64_t spent_fen[BANK_MERCHANT_END]; /* in 365 days */
    int64_t spent_total_fen;
    int64_t first_open_ms;
    int32_t active_days_90d;
    int32_t last_active_day;
    uint64_t viewed_90d[(LX_PRODUCT_MAX + 63) / 64];
    struct view_balance balance;

    uint16_t open_count[LX_PRODUCT_MAX]; /* holdings of each product that are open */
    int held_by_category[BANK_CATEGORY_END];
    int held_count; /* distinct products */
    bool is_overdue;

    uint32_t shown[VIEW_WINDOW_COUNT], interested[VIEW_WINDOW_COUNT], refused[VIEW_WINDOW_COUNT];
    int64_t last_shown_ms, last_answer_ms;

    const struct bank_profile *profile; /* the version known, NULL if none is */
    const struct bank_risk *risk;       /* the newest assessment known, expired or not; NULL */
};

/* Whether an event of this kind is something that the customer did. */
bool view_is_act(uint8_t kind);

void view_state_gather(const struct bank_history *history, const struct view_context *context,
                       int64_t as_of_ms, struct view_state *ret_state);

/* A single sum of the last 30 days of at least 10,000 yuan and three months' usual inflow. */
bool view_has_large_inflow(const struct view_state *state);

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

static inline bool view_is_interested(uint8_t answer)
{
    return answer == BANK_ANSWER_INTERESTED || answer == BANK_ANSWER_BOUGHT;
}

/* Loans in arrears. An overdue payment is made good by a repayment of the same product, or by one
 * of no named product, which stands for all. */
struct view_arrears {
    uint64_t overdue[LX_PRODUCT_MAX / 64 + 1]; /* bit by product; the last word: no product */
};
void view_arrears_add(struct view_arrears *arrears, uint8_t kind, int product);
bool view_arrears_any(const struct view_arrears *arrears);

#endif
