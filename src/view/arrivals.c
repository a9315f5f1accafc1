#include "view/arrivals.h"

#include <inttypes.h>
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

/* The place of the last version of an event; SIZE_MAX: there is none. */
static size_t last_version(const struct bank_history *history, int64_t at_ms, uint32_t sequence)
{
    size_t found = SIZE_MAX;
    for (size_t i = 0; i < history->event_count; i++)
        if (history->events[i].at_ms == at_ms && history->events[i].sequence == sequence) found = i;
    return found;
}

enum lx_err view_history_change(const struct bank_history *history,
                                const struct bank_change *change, struct lx_arena *arena,
                                struct bank_history *ret_history, struct lx_error *err)
{
    LX_ASSERT(history != NULL && change != NULL && ret_history != NULL);

    size_t count = history->event_count;
    size_t last = last_version(history, change->event.at_ms, change->event.sequence);
    if (last == SIZE_MAX)
        return lx_fail(err, LX_ERR_NOT_FOUND,
                       "customer %.*s: a correction of no event: at %" PRId64 ", number %" PRIu32,
                       LX_ID_MAX, history->id, change->event.at_ms, change->event.sequence);
    struct bank_event *events = lx_arena_array(arena, count + 1, sizeof *events);
    if (events == NULL) return lx_fail(err, LX_ERR_NO_MEMORY, "history: out of memory");
    memcpy(events, history->events, (last + 1) * sizeof *events);
    /* What was deleted already stays so from then on. */
    if (events[last].replaced_at_ms == 0) events[last].replaced_at_ms = change->event.known_at_ms;
    size_t added = !change->is_deleted;
    if (added > 0) {
        events[last + 1] = change->event;
        events[last + 1].is_correction = 1;
        events[last + 1].replaced_at_ms = 0;
    }
    if (last + 1 < count)
        memcpy(events + last + 1 + added, history->events + last + 1,
               (count - last - 1) * sizeof *events);
    *ret_history = *history;
    ret_history->events = events;
    ret_history->event_count = count + added;
    return LX_OK;
}
