/* What the bank knows of a pair that was not opened. */
#include "base/date.h"
#include "model/rows.h"

static bool is_within(int64_t at_ms, int64_t known_at_ms, int64_t as_of_ms, int days)
{
    return at_ms <= as_of_ms && known_at_ms <= as_of_ms && at_ms > as_of_ms - days * LX_MS_PER_DAY;
}

static bool is_interest(uint8_t answer)
{
    return answer == BANK_ANSWER_INTERESTED || answer == BANK_ANSWER_OWNS ||
           answer == BANK_ANSWER_BOUGHT;
}

/* The newest answer that was known counts: who retracts a no has not said it. */
static enum rows_source source_of_exposures(const struct bank_history *history, int product,
                                            int64_t as_of_ms)
{
    enum rows_source source = ROWS_SOURCE_UNSEEN;
    for (size_t i = 0; i < history->exposure_count; i++) {
        const struct bank_exposure *exposure = &history->exposures[i];
        if (exposure->product != product || exposure->is_control) continue;
        if (!is_within(exposure->at_ms, exposure->known_at_ms, as_of_ms, ROWS_REFUSED_DAYS))
            continue;
        bool is_answered = exposure->answer_known_at_ms != BANK_UNKNOWN_MS &&
                           exposure->answer_known_at_ms <= as_of_ms;
        bool is_recent =
            is_within(exposure->at_ms, exposure->known_at_ms, as_of_ms, ROWS_HORIZON_DAYS);
        if (is_answered && exposure->answer == BANK_ANSWER_NOT_INTERESTED)
            source = ROWS_SOURCE_REFUSED;
        else if (is_answered && is_interest(exposure->answer))
            source = ROWS_SOURCE_UNSEEN;
        else if (is_answered && exposure->answer == BANK_ANSWER_RETRACTED)
            source = ROWS_SOURCE_UNSEEN;
        else if (is_recent && source == ROWS_SOURCE_UNSEEN)
            source = ROWS_SOURCE_IGNORED;
    }
    return source;
}

static bool has_viewed(const struct bank_history *history, int product, int64_t as_of_ms)
{
    for (size_t i = 0; i < history->event_count; i++) {
        const struct bank_event *event = &history->events[i];
        if (event->at_ms > as_of_ms) break;
        if (event->kind == BANK_EVENT_KIND_PAGE_VIEW && event->product == product &&
            bank_event_is_known(event, as_of_ms) &&
            is_within(event->at_ms, event->known_at_ms, as_of_ms, ROWS_HORIZON_DAYS))
            return true;
    }
    return false;
}

enum rows_source rows_source_of(const struct bank_history *history, int product_index,
                                bool is_refused, int64_t as_of_ms)
{
    enum rows_source source = source_of_exposures(history, product_index, as_of_ms);
    if (source != ROWS_SOURCE_UNSEEN) return source;
    if (has_viewed(history, product_index, as_of_ms)) return ROWS_SOURCE_IGNORED;
    return is_refused ? ROWS_SOURCE_RULED_OUT : ROWS_SOURCE_UNSEEN;
}

const char *rows_source_name(enum rows_source source)
{
    static const char *const names[] = {
#define X(name, text, about) text,
        ROWS_SOURCE_MAP(X)
#undef X
    };
    LX_ASSERT(source < ROWS_SOURCE_COUNT);
    return names[source];
}
