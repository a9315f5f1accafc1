/* Corrections and deletions on their way out: merged into the events of a block of customers. */
#include <inttypes.h>

#include "bank/internal.h"

/* Columns: customer, is_deleted, and those of bank_event_of. */
static enum lx_err take_change(void *context, const int64_t *v, struct lx_error *err)
{
    struct bank_block *block = context;
    enum lx_err code = LX_OK;
    if (block->change_count == block->change_capacity)
        code = lx_grow(&block->changes, &block->change_capacity, block->change_count + 1,
                       LX_MEMORY_MAX / sizeof *block->changes, sizeof *block->changes);
    if (code != LX_OK)
        return lx_fail(err, code, "customer number %" PRId64 ": %zu corrections: %s", v[0],
                       block->change_count, lx_err_text(code));
    struct bank_read_change *change = &block->changes[block->change_count++];
    *change = (struct bank_read_change){.customer = v[0], .is_deleted = v[1] != 0};
    change->event = bank_event_of(v + 2);
    change->event.is_correction = 1;
    return LX_OK;
}

static enum lx_err read_changes(struct bank *bank, struct lx_error *err)
{
    struct bank_block *block = &bank->block;
    const struct store_visitor visitor = {block, INT64_MIN, take_change};
    enum lx_err code = LX_OK;
    block->change_count = 0;
    /* No ORDER BY: like the events they come in the order of the only index there is. */
    if (block->change_statement == NULL)
        code = store_prepare_visit(bank->store,
                                   "customer, is_deleted, at_ms, sequence, known_at_ms, kind,"
                                   " product, channel, merchant, amount_fen, balance_fen, quantity",
                                   "FROM event_change WHERE customer >= $1 AND customer < $2",
                                   &block->change_statement, err);
    if (code != LX_OK) return code;
    store_bind_int(block->change_statement, 1, block->first);
    store_bind_int(block->change_statement, 2, block->last);
    return store_visit(block->change_statement, &visitor, err);
}

/* The versions of an event behind it; returns how many changes that took. Of each version the next
 * one says until when it stood; a deletion leaves none behind. */
static size_t add_versions(struct bank_block *block, int64_t customer, size_t next, size_t *count)
{
    struct bank_event *last = &block->merged[*count - 1];
    const int64_t at_ms = last->at_ms;
    const uint32_t sequence = last->sequence;
    size_t used = 0;
    for (; next + used < block->change_count; used++) {
        const struct bank_read_change *change = &block->changes[next + used];
        if (change->customer != customer || change->event.at_ms != at_ms ||
            change->event.sequence != sequence)
            break;
        if (last != NULL) last->replaced_at_ms = change->event.known_at_ms;
        last = NULL;
        if (change->is_deleted) continue;
        last = &block->merged[(*count)++];
        *last = change->event;
    }
    return used;
}

static enum lx_err merge_changes(struct bank *bank, struct lx_error *err)
{
    struct bank_block *block = &bank->block;
    size_t from = 0, next = 0, count = 0, most = block->count + block->change_count;
    enum lx_err code = lx_grow(&block->merged, &block->merged_capacity, most,
                               LX_MEMORY_MAX / sizeof *block->merged, sizeof *block->merged);
    if (code != LX_OK) return lx_fail(err, code, "%s: corrections: out of memory", bank->path);
    for (size_t place = 0; place < block->end_count; place++) {
        int64_t customer = block->first + (int64_t)place;
        size_t start = count;
        for (; from < block->ends[place]; from++) {
            block->merged[count++] = block->events[from];
            next += add_versions(block, customer, next, &count);
        }
        block->ends[place] = count;
        if (count - start > LX_HISTORY_EVENTS_MAX)
            return lx_fail(err, LX_ERR_LIMIT,
                           "customer number %" PRId64
                           ": more than %d events with their corrections",
                           customer, LX_HISTORY_EVENTS_MAX);
    }
    if (next < block->change_count)
        return lx_fail(err, LX_ERR_CORRUPT,
                       "%s: event_change: customer number %" PRId64 ": a correction of no event",
                       bank->path, block->changes[next].customer);
    struct bank_event *events = block->events;
    size_t capacity = block->capacity;
    block->events = block->merged;
    block->capacity = block->merged_capacity;
    block->merged = events;
    block->merged_capacity = capacity;
    block->count = count;
    return LX_OK;
}

enum lx_err bank_block_correct(struct bank *bank, struct lx_error *err)
{
    enum lx_err code = read_changes(bank, err);
    if (code != LX_OK || bank->block.change_count == 0) return code;
    return merge_changes(bank, err);
}

void bank_block_release(struct bank_block *block)
{
    store_finalize(block->statement);
    store_finalize(block->change_statement);
    lx_free(block->events);
    lx_free(block->merged);
    lx_free(block->changes);
    lx_free(block->ends);
    *block = (struct bank_block){0};
}
