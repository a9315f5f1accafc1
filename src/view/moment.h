#ifndef VIEW_MOMENT_H
#define VIEW_MOMENT_H

/*
 * moment: the as-of moment with its bank day and the beginnings of the windows that end with it.
 * Private to view. Plain values.
 */

#include <math.h>

#include "bank/types.h"
#include "base/date.h"

/* The windows over which events are counted, each within the next; EVER has no beginning. */
enum view_window { VIEW_7D, VIEW_30D, VIEW_90D, VIEW_365D, VIEW_EVER, VIEW_WINDOW_COUNT };

struct view_moment {
    int64_t as_of_ms;
    int32_t day; /* the bank day that as_of_ms falls on */
    int utc_offset_minutes;
    int64_t start_ms[VIEW_EVER]; /* the first moment of each window */
};

static inline struct view_moment view_moment_of(int64_t as_of_ms, int utc_offset_minutes)
{
    static const int days[VIEW_EVER] = {7, 30, 90, 365};
    struct view_moment moment = {
        .as_of_ms = as_of_ms,
        .day = lx_day_of_ms(as_of_ms, utc_offset_minutes),
        .utc_offset_minutes = utc_offset_minutes,
    };
    for (int i = 0; i < VIEW_EVER; i++)
        moment.start_ms[i] = lx_ms_of_day(moment.day - days[i] + 1, utc_offset_minutes);
    return moment;
}

/* Whether a fact may be used: it had happened, and the bank's systems could know it. */
static inline bool view_is_known(const struct view_moment *moment, int64_t at_ms,
                                 int64_t known_at_ms)
{
    return at_ms <= moment->as_of_ms && known_at_ms <= moment->as_of_ms;
}

/* The bank day of a stored moment, which may be anything: what lies outside the calendar (an
 * assessment that never expires) counts as the end of it. */
static inline int32_t view_day_of(const struct view_moment *moment, int64_t at_ms)
{
    const int64_t first_ms = LX_DAY_MIN * LX_MS_PER_DAY, last_ms = LX_DAY_MAX * LX_MS_PER_DAY;
    if (at_ms < first_ms) return LX_DAY_MIN;
    if (at_ms > last_ms) return LX_DAY_MAX;
    return lx_day_of_ms(at_ms, moment->utc_offset_minutes);
}

#endif
