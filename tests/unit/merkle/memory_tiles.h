#ifndef TESTS_MEMORY_TILES_H
#define TESTS_MEMORY_TILES_H

/* memory_tiles: the tiles of a tree in memory, by what the sink was given; and the tree as RFC 6962
 * defines it, by recursion over all leaves. */
#include "tests/cmocka_all.h"

#include <stdlib.h>
#include <string.h>

#include "merkle/proof.h"

enum { MEMORY_TILES_MAX = 4096 };

struct memory_tile {
    struct merkle_tile tile;
    struct merkle_hash hashes[MERKLE_TILE_WIDTH];
};

struct memory_tiles {
    struct memory_tile *tiles;
    size_t count;
};

static inline enum lx_err memory_write(void *context, const struct merkle_tile *tile,
                                       const struct merkle_hash *hashes, struct lx_error *err)
{
    struct memory_tiles *memory = context;
    (void)err;
    if (memory->tiles == NULL) memory->tiles = calloc(MEMORY_TILES_MAX, sizeof *memory->tiles);
    assert_true(memory->count < MEMORY_TILES_MAX);
    struct memory_tile *entry = &memory->tiles[memory->count++];
    entry->tile = *tile;
    memcpy(entry->hashes, hashes, (size_t)tile->width * sizeof *hashes);
    return LX_OK;
}

/* The narrowest tile that was given and is wide enough: a partial one may be gone or not. */
static inline enum lx_err memory_read(void *context, const struct merkle_tile *tile,
                                      struct merkle_hash *ret_hashes, struct lx_error *err)
{
    const struct memory_tiles *memory = context;
    for (size_t i = memory->count; i-- > 0;) {
        const struct memory_tile *entry = &memory->tiles[i];
        if (entry->tile.level != tile->level || entry->tile.index != tile->index ||
            entry->tile.width < tile->width)
            continue;
        memcpy(ret_hashes, entry->hashes, (size_t)tile->width * sizeof *ret_hashes);
        return LX_OK;
    }
    return lx_fail(err, LX_ERR_NOT_FOUND, "tile %d/%d: not there", tile->level, (int)tile->index);
}

static inline struct merkle_sink memory_sink(struct memory_tiles *memory)
{
    return (struct merkle_sink){memory, memory_write};
}

static inline struct merkle_source memory_source(struct memory_tiles *memory)
{
    return (struct merkle_source){memory, memory_read};
}

/* MTH of RFC 6962, section 2.1. */
static inline struct merkle_hash naive_root(struct merkle_hasher *hasher,
                                            const struct merkle_hash *leaves, uint64_t count)
{
    uint64_t split = 1;
    if (count == 0) return merkle_empty(hasher);
    if (count == 1) return leaves[0];
    while (split * 2 < count) split *= 2;
    struct merkle_hash left = naive_root(hasher, leaves, split);
    struct merkle_hash right = naive_root(hasher, leaves + split, count - split);
    return merkle_node(hasher, &left, &right);
}

/* PATH of RFC 6962, section 2.1.1. */
static inline void naive_path(struct merkle_hasher *hasher, uint64_t index,
                              const struct merkle_hash *leaves, uint64_t count,
                              struct merkle_proof *proof)
{
    uint64_t split = 1;
    if (count <= 1) return;
    while (split * 2 < count) split *= 2;
    if (index < split) {
        naive_path(hasher, index, leaves, split, proof);
        proof->hashes[proof->count++] = naive_root(hasher, leaves + split, count - split);
    } else {
        naive_path(hasher, index - split, leaves + split, count - split, proof);
        proof->hashes[proof->count++] = naive_root(hasher, leaves, split);
    }
}

/* SUBPROOF of RFC 6962, section 2.1.2. */
static inline void naive_growth(struct merkle_hasher *hasher, uint64_t old,
                                const struct merkle_hash *leaves, uint64_t count, bool is_whole,
                                struct merkle_proof *proof)
{
    uint64_t split = 1;
    if (old == count) {
        if (!is_whole) proof->hashes[proof->count++] = naive_root(hasher, leaves, count);
        return;
    }
    while (split * 2 < count) split *= 2;
    if (old <= split) {
        naive_growth(hasher, old, leaves, split, is_whole, proof);
        proof->hashes[proof->count++] = naive_root(hasher, leaves + split, count - split);
    } else {
        naive_growth(hasher, old - split, leaves + split, count - split, false, proof);
        proof->hashes[proof->count++] = naive_root(hasher, leaves, split);
    }
}

static inline struct merkle_hash numbered_leaf(struct merkle_hasher *hasher, uint64_t number)
{
    return merkle_leaf(hasher, &number, sizeof number);
}

#endif
