#include "view/arrivals.h"

#include <string.h>

static bool is_before(const struct bank_event *a, const struct bank_event *b)
{
    return a->at_ms != b->at_ms ? a->at_ms < b->at_ms : a->sequence < b->sequence;
}

enum lx_err view_history_add(const struct bank_history *history, const struct bank_event *arrivals,
                             size_t count, struct lx_arena *arena, struct bank_history *ret_history,
                             struct lx_error *err)
{
    LX_ASSERT(history != NULL && ret_history != NULL && (arrivals != NULL || count == 0));

    size_t known = history->event_count;
    struct bank_event *events = lx_arena_array(arena, known + count, sizeof *events);
    if (events == NULL) return lx_fail(err, LX_ERR_NO_MEMORY, "history: out of memory");
    if (known > 0) memcpy(events, history->events, known * sizeof *events);
    for (size_t i = 0; i < count; i++) {
        size_t place = known++;
        for (; place > 0 && is_before(&arrivals[i], &events[place - 1]); place--)
            events[place] = events[place - 1];
        events[place] = arrivals[i];
    }
    *ret_history = *history;
    ret_history->events = events;
    ret_history->event_count = known;
    return LX_OK;
}
