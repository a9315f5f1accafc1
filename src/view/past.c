#include "view/past.h"

#include <string.h>

enum { ARREARS_WORDS = LX_PRODUCT_MAX / 64 + 1 };

size_t view_event_end(const struct bank_history *history, int64_t as_of_ms)
{
    size_t from = 0, to = history->event_count;
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        if (history->events[middle].at_ms <= as_of_ms)
            from = middle + 1;
        else
            to = middle;
    }
    return from;
}

const struct bank_profile *view_profile_at(const struct bank_history *history,
                                           const struct view_moment *moment)
{
    for (size_t i = history->profile_count; i-- > 0;) {
        const struct bank_profile *profile = &history->profiles[i];
        if (view_is_known(moment, profile->at_ms, profile->known_at_ms)) return profile;
    }
    return NULL;
}

const struct bank_risk *view_risk_at(const struct bank_history *history,
                                     const struct view_moment *moment)
{
    for (size_t i = history->risk_count; i-- > 0;) {
        const struct bank_risk *risk = &history->risks[i];
        if (view_is_known(moment, risk->at_ms, risk->known_at_ms)) return risk;
    }
    return NULL;
}

int view_age_of(const struct bank_profile *profile, const struct view_moment *moment)
{
    if (profile == NULL || profile->birth_day < LX_DAY_MIN || profile->birth_day > moment->day)
        return -1;
    return lx_age_of(profile->birth_day, moment->day);
}

void view_arrears_add(struct view_arrears *arrears, uint8_t kind, int product)
{
    uint64_t *word = &arrears->overdue[product < 0 ? ARREARS_WORDS - 1 : product / 64];
    uint64_t bit = (uint64_t)1 << (product < 0 ? 0 : product % 64);
    if (kind == BANK_EVENT_KIND_OVERDUE) {
        *word |= bit;
    } else if (kind == BANK_EVENT_KIND_LOAN_REPAYMENT) {
        if (product < 0) memset(arrears, 0, sizeof *arrears);
        *word &= ~bit;
        arrears->overdue[ARREARS_WORDS - 1] = 0;
    }
}

bool view_arrears_any(const struct view_arrears *arrears)
{
    uint64_t any = 0;
    for (int i = 0; i < ARREARS_WORDS; i++) any |= arrears->overdue[i];
    return any != 0;
}
