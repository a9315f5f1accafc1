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
    arena->used_bytes = 0;
    if (arena->first == NULL) return;

    free_blocks(arena->first->next);
    arena->first->next = NULL;
    arena->first->used_bytes = 0;
    arena->held_bytes = arena->first->size_bytes;
    arena->current = arena->first;
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
    arena->current = block;
    arena->held_bytes += size_bytes;
    return block;
}

void *lx_arena_alloc(struct lx_arena *arena, size_t size_bytes)
{
    LX_ASSERT(arena != NULL && arena->max_bytes > 0);

    if (size_bytes > arena->max_bytes) return NULL;
    size_t padded = (size_bytes + ARENA_ALIGN - 1) / ARENA_ALIGN * ARENA_ALIGN;
    if (padded == 0) padded = ARENA_ALIGN;

    struct lx_arena_block *block = arena->current;
    if (block == NULL || block->size_bytes - block->used_bytes < padded) {
        block = add_block(arena, padded);
        if (block == NULL) return NULL;
    }
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
    const struct lx_arena_block *last = NULL;
    for (const struct lx_arena_block *block = arena->first; block != NULL; block = block->next) {
        LX_ASSERT(block->used_bytes <= block->size_bytes);
        used_bytes += block->used_bytes;
        held_bytes += block->size_bytes;
        last = block;
    }
    LX_ASSERT(last == arena->current);
    LX_ASSERT(used_bytes == arena->used_bytes);
    LX_ASSERT(held_bytes == arena->held_bytes);
    LX_ASSERT(held_bytes <= arena->max_bytes);
}
