#include "base/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { ARENA_ALIGN = 16, ARENA_BLOCK_MIN = 4096 };

struct lx_arena_block {
    struct lx_arena_block *next;
    size_t size_bytes, used_bytes;
    _Alignas(ARENA_ALIGN) unsigned char bytes[];
};

void lx_arena_init(struct lx_arena *arena, size_t max_bytes)
{
    LX_ASSERT(max_bytes > 0 && max_bytes <= SIZE_MAX / 4);

    *arena = (struct lx_arena){.max_bytes = max_bytes};
}

static void free_blocks(struct lx_arena_block *block)
{
    while (block != NULL) {
        struct lx_arena_block *next = block->next;
        lx_free(block);
        block = next;
    }
}

void lx_arena_release(struct lx_arena *arena)
{
    free_blocks(arena->first);
    *arena = (struct lx_arena){.max_bytes = arena->max_bytes};
}

void lx_arena_clear(struct lx_arena *arena)
{
    struct lx_arena_block *block = arena->first;
    for (; block != NULL; block = block->next) block->used_bytes = 0;
    arena->used_bytes = 0;
    arena->current = arena->first;
}

/* A block kept from an earlier request that does not fit this one only costs room. */
static void drop_blocks_after_current(struct lx_arena *arena)
{
    struct lx_arena_block **next = arena->current == NULL ? &arena->first : &arena->current->next;
    for (struct lx_arena_block *block = *next; block != NULL; block = block->next)
        arena->held_bytes -= block->size_bytes;
    free_blocks(*next);
    *next = NULL;
}

static struct lx_arena_block *add_block(struct lx_arena *arena, size_t needed_bytes)
{
    size_t left_bytes = arena->max_bytes - arena->held_bytes;
    if (needed_bytes > left_bytes) return NULL;

    size_t size_bytes = arena->held_bytes < ARENA_BLOCK_MIN ? ARENA_BLOCK_MIN : arena->held_bytes;
    if (size_bytes < needed_bytes) size_bytes = needed_bytes;
    if (size_bytes > left_bytes) size_bytes = left_bytes;

    struct lx_arena_block *block = lx_malloc(sizeof *block + size_bytes);
    if (block == NULL) return NULL;
    *block = (struct lx_arena_block){.size_bytes = size_bytes};
    if (arena->current == NULL)
        arena->first = block;
    else
        arena->current->next = block;
    arena->held_bytes += size_bytes;
    return block;
}

static bool has_room(const struct lx_arena_block *block, size_t needed_bytes)
{
    return block != NULL && block->size_bytes - block->used_bytes >= needed_bytes;
}

/* Makes the current block one with room. */
static bool find_room(struct lx_arena *arena, size_t needed_bytes)
{
    if (has_room(arena->current, needed_bytes)) return true;

    struct lx_arena_block *next = arena->current == NULL ? NULL : arena->current->next;
    if (!has_room(next, needed_bytes)) {
        drop_blocks_after_current(arena);
        next = add_block(arena, needed_bytes);
        if (next == NULL) return false;
    }
    arena->current = next;
    return true;
}

void *lx_arena_alloc(struct lx_arena *arena, size_t size_bytes)
{
    LX_ASSERT(arena != NULL && arena->max_bytes > 0);

    if (size_bytes > arena->max_bytes) return NULL;
    size_t padded = (size_bytes + ARENA_ALIGN - 1) / ARENA_ALIGN * ARENA_ALIGN;
    if (padded == 0) padded = ARENA_ALIGN;
    if (!find_room(arena, padded)) return NULL;

    struct lx_arena_block *block = arena->current;
    unsigned char *memory = block->bytes + block->used_bytes;
    block->used_bytes += padded;
    arena->used_bytes += padded;
    memset(memory, 0, padded);
    return memory;
}

void *lx_arena_array(struct lx_arena *arena, size_t count, size_t size_bytes)
{
    size_t total_bytes;
    if (__builtin_mul_overflow(count, size_bytes, &total_bytes)) return NULL;
    return lx_arena_alloc(arena, total_bytes);
}

char *lx_arena_strndup(struct lx_arena *arena, const char *text, size_t length)
{
    if (length >= arena->max_bytes) return NULL;
    char *copy = lx_arena_alloc(arena, length + 1);
    if (copy != NULL && length > 0) memcpy(copy, text, length);
    return copy;
}

char *lx_arena_printf(struct lx_arena *arena, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    LX_ASSERT(length >= 0);

    char *text = lx_arena_alloc(arena, (size_t)length + 1);
    if (text != NULL) vsnprintf(text, (size_t)length + 1, format, again);
    va_end(again);
    return text;
}

void lx_arena_check(const struct lx_arena *arena)
{
    size_t used_bytes = 0, held_bytes = 0;
    bool is_after_current = arena->current == NULL;
    LX_ASSERT((arena->first == NULL) == (arena->current == NULL));
    for (const struct lx_arena_block *block = arena->first; block != NULL; block = block->next) {
        LX_ASSERT(block->used_bytes <= block->size_bytes);
        LX_ASSERT(!is_after_current || block->used_bytes == 0);
        is_after_current = is_after_current || block == arena->current;
        used_bytes += block->used_bytes;
        held_bytes += block->size_bytes;
    }
    LX_ASSERT(is_after_current);
    LX_ASSERT(used_bytes == arena->used_bytes);
    LX_ASSERT(held_bytes == arena->held_bytes);
    LX_ASSERT(held_bytes <= arena->max_bytes);
}
