#ifndef BASE_ARENA_H
#define BASE_ARENA_H

/*
 * arena: memory for one request. Allocate freely, give everything back at once.
 *
 * Invariants: what was handed out stays where it is until clear or release; the total held never
 *             exceeds max_bytes; clear keeps the blocks, so a second request that asks for the
 *             same sizes takes nothing from the system.
 * Ownership:  the arena owns all it hands out; `lx_arena_init` allocates nothing.
 * Errors:     NULL when the maximum or the system's memory is reached.
 * Threads:    one thread at a time.
 */

#include "base/base.h"

struct lx_arena_block;

struct lx_arena {
    struct lx_arena_block *first, *current; /* blocks after `current` are empty */
    size_t used_bytes;                      /* handed out since the last clear, padding included */
    size_t held_bytes;                      /* asked from the system */
    size_t max_bytes;
};

void lx_arena_init(struct lx_arena *arena, size_t max_bytes);
void lx_arena_release(struct lx_arena *arena);

/* Everything handed out becomes invalid; the memory is kept for the next request. */
void lx_arena_clear(struct lx_arena *arena);

/* `size_bytes` zeroed bytes aligned for any type; size 0 gives a valid pointer. NULL on failure. */
LX_MUST_USE void *lx_arena_alloc(struct lx_arena *arena, size_t size_bytes);

/* An array; NULL also when count * size overflows. */
LX_MUST_USE void *lx_arena_array(struct lx_arena *arena, size_t count, size_t size_bytes);

LX_MUST_USE char *lx_arena_strndup(struct lx_arena *arena, const char *text, size_t length);
LX_MUST_USE char *lx_arena_printf(struct lx_arena *arena, const char *format, ...) LX_PRINTF(2, 3);

/* Aborts if an invariant is broken; for tests. */
void lx_arena_check(const struct lx_arena *arena);

#endif
