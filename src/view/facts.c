#include "view/feature.h"

#include <string.h>

#include "view/past.h"

/* Without contact over these a customer cannot be spoken to. */
static const uint32_t contact_channels =
    1u << BANK_CHANNEL_PHONE | 1u << BANK_CHANNEL_RM | 1u << BANK_CHANNEL_SMS;

static void add_events(const struct bank_history *history, const struct bank_catalogue *catalogue,
                       int64_t as_of_ms, struct view_facts *facts)
{
    struct view_arrears arrears = {{0}};
    uint16_t open_count[LX_PRODUCT_MAX] = {0};
    size_t end = view_event_end(history, as_of_ms);
    for (size_t i = 0; i < end; i++) {
        const struct bank_event *event = &history->events[i];
        if (!bank_event_is_known(event, as_of_ms)) continue;
        int product = view_product_of(event->product, catalogue);
        view_arrears_add(&arrears, event->kind, product);
        if (product >= 0) view_count_open(&open_count[product], event->kind);
        if (event->balance_fen != BANK_NO_AMOUNT) facts->assets_fen = event->balance_fen;
    }
    for (size_t i = 0; i < catalogue->count; i++)
        facts->held[i / 64] |= (uint64_t)(open_count[i] > 0) << (i % 64);
    facts->is_overdue = view_arrears_any(&arrears);
}

/* The newest word on each channel counts. */
static void add_consents(const struct bank_history *history, const struct view_moment *moment,
                         struct view_facts *facts)
{
    for (size_t i = 0; i < history->consent_count; i++) {
        const struct bank_consent *consent = &history->consents[i];
        if (!view_is_known(moment, consent->at_ms, consent->known_at_ms)) continue;
        if (consent->channel == BANK_CHANNEL_NONE) {
            facts->has_personal_consent = consent->is_granted;
        } else if (consent->channel < BANK_CHANNEL_END) {
            uint32_t bit = 1u << consent->channel;
            facts->refused_channels &= ~bit;
            if (!consent->is_granted) facts->refused_channels |= bit;
        }
    }
}

/* An end counts once it has come and is known. */
static bool is_over(const struct view_moment *moment, int64_t end_ms, int64_t end_known_ms)
{
    return end_ms != BANK_UNKNOWN_MS && view_is_known(moment, end_ms, end_known_ms);
}

static void add_do_not_contacts(const struct bank_history *history,
                                const struct view_moment *moment, struct view_facts *facts)
{
    for (size_t i = 0; i < history->do_not_contact_count; i++) {
        const struct bank_do_not_contact *wish = &history->do_not_contacts[i];
        if (!view_is_known(moment, wish->at_ms, wish->known_at_ms)) continue;
        if (is_over(moment, wish->until_ms, wish->until_known_at_ms)) continue;
        if (wish->channel == BANK_CHANNEL_NONE)
            facts->is_do_not_contact = true;
        else if (wish->channel < BANK_CHANNEL_END)
            facts->refused_channels |= 1u << wish->channel;
    }
    if ((facts->refused_channels & contact_channels) == contact_channels)
        facts->is_do_not_contact = true;
}

static void add_complaints(const struct bank_history *history, const struct view_moment *moment,
                           struct view_facts *facts)
{
    for (size_t i = 0; i < history->complaint_count; i++) {
        const struct bank_complaint *complaint = &history->complaints[i];
        if (view_is_known(moment, complaint->at_ms, complaint->known_at_ms) &&
            !is_over(moment, complaint->closed_at_ms, complaint->closed_known_at_ms))
            facts->has_open_complaint = true;
    }
}

static void add_risk(const struct bank_risk *risk, int64_t as_of_ms, struct view_facts *facts)
{
    if (risk == NULL) return;
    facts->risk_expires_ms = risk->expires_ms;
    if (risk->expires_ms > as_of_ms) facts->risk_level = risk->level;
}

void view_facts(const struct bank_history *history, const struct view_context *context,
                int64_t as_of_ms, struct view_facts *ret_facts)
{
    LX_ASSERT(history != NULL && context != NULL && context->catalogue != NULL);
    LX_ASSERT(ret_facts != NULL);

    struct view_moment moment = view_moment_of(as_of_ms, context->utc_offset_minutes);
    const struct bank_profile *profile = view_profile_at(history, &moment);
    *ret_facts = (struct view_facts){
        .age = view_age_of(profile, &moment),
        .birth_day = profile == NULL ? INT32_MIN : profile->birth_day,
        .branch = profile == NULL ? -1 : profile->branch,
        .occupation = profile == NULL ? -1 : profile->occupation,
        .risk_expires_ms = BANK_UNKNOWN_MS,
        .has_personal_consent = true,
        .assets_fen = BANK_NO_AMOUNT,
    };
    add_risk(view_risk_at(history, &moment), as_of_ms, ret_facts);
    add_events(history, context->catalogue, as_of_ms, ret_facts);
    add_consents(history, &moment, ret_facts);
    add_do_not_contacts(history, &moment, ret_facts);
    add_complaints(history, &moment, ret_facts);
}

bool view_label_opened(const struct bank_history *history, int product, int64_t as_of_ms,
                       int horizon_days, int64_t complete_until_ms, bool *ret_is_over)
{
    LX_ASSERT(history != NULL && ret_is_over != NULL);
    LX_ASSERT(horizon_days > 0);

    int64_t end_ms = as_of_ms + horizon_days * LX_MS_PER_DAY;
    bool is_over = end_ms <= complete_until_ms, is_opened = false;
    for (size_t i = view_event_end(history, as_of_ms); i < history->event_count && is_over; i++) {
        const struct bank_event *event = &history->events[i];
        if (event->at_ms > end_ms) break;
        is_opened |= event->kind == BANK_EVENT_KIND_OPEN && event->product == product &&
                     bank_event_is_known(event, complete_until_ms);
    }
    *ret_is_over = is_over;
    return is_opened;
}
