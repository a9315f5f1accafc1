#include "merkle/grow.h"

#include <string.h>

void merkle_grower_init(struct merkle_grower *grower, struct merkle_hasher *hasher)
{
    grower->hasher = hasher;
    grower->size = grower->flushed = 0;
}

/* Hashes of a level, of which the last few stand in the grower. */
static uint64_t hashes_of(uint64_t size, int level)
{
    return size >> (level * MERKLE_TILE_BITS);
}

enum lx_err merkle_grower_resume(struct merkle_grower *grower, uint64_t size,
                                 const struct merkle_source *source, struct lx_error *err)
{
    LX_ASSERT(size <= INT64_MAX);

    for (int level = 0; level < MERKLE_LEVELS; level++) {
        uint64_t hashes = hashes_of(size, level);
        const struct merkle_tile tile = {.level = level,
                                         .index = hashes / MERKLE_TILE_WIDTH,
                                         .width = (int)(hashes % MERKLE_TILE_WIDTH)};
        if (tile.width == 0) continue;
        enum lx_err code = source->read(source->context, &tile, grower->hashes[level], err);
        if (code != LX_OK) return code;
    }
    grower->size = grower->flushed = size;
    return LX_OK;
}

/* A leaf may fill a tile, whose root may fill the next: as when one is added to a number. */
static enum lx_err append_one(struct merkle_grower *grower, const struct merkle_hash *leaf,
                              const struct merkle_sink *sink, struct lx_error *err)
{
    struct merkle_hash hash = *leaf;
    for (int level = 0; level < MERKLE_LEVELS; level++) {
        uint64_t hashes = hashes_of(grower->size, level);
        struct merkle_hash *tile = grower->hashes[level];
        tile[hashes % MERKLE_TILE_WIDTH] = hash;
        if (hashes % MERKLE_TILE_WIDTH != MERKLE_TILE_WIDTH - 1) break;
        const struct merkle_tile full = {level, hashes / MERKLE_TILE_WIDTH, MERKLE_TILE_WIDTH};
        enum lx_err code = sink->write(sink->context, &full, tile, err);
        if (code != LX_OK) return code;
        hash = merkle_complete(grower->hasher, tile, MERKLE_TILE_WIDTH);
    }
    grower->size++;
    return LX_OK;
}

enum lx_err merkle_append(struct merkle_grower *grower, const struct merkle_hash *leaves,
                          size_t count, const struct merkle_sink *sink, struct lx_error *err)
{
    LX_ASSERT(leaves != NULL || count == 0);

    if (count > INT64_MAX - grower->size)
        return lx_fail(err, LX_ERR_LIMIT, "merkle: a tree has less than 2^63 leaves");
    for (size_t i = 0; i < count; i++) {
        enum lx_err code = append_one(grower, &leaves[i], sink, err);
        if (code != LX_OK) return code;
    }
    return LX_OK;
}

enum lx_err merkle_flush(struct merkle_grower *grower, const struct merkle_sink *sink,
                         struct lx_error *err)
{
    for (int level = 0; level < MERKLE_LEVELS; level++) {
        uint64_t hashes = hashes_of(grower->size, level);
        const struct merkle_tile tile = {.level = level,
                                         .index = hashes / MERKLE_TILE_WIDTH,
                                         .width = (int)(hashes % MERKLE_TILE_WIDTH)};
        if (tile.width == 0 || hashes == hashes_of(grower->flushed, level)) continue;
        enum lx_err code = sink->write(sink->context, &tile, grower->hashes[level], err);
        if (code != LX_OK) return code;
    }
    grower->flushed = grower->size;
    return LX_OK;
}

/* Complete subtrees from the smallest, at the right edge, to the largest. */
struct merkle_hash merkle_root(const struct merkle_grower *grower)
{
    struct merkle_hash root = merkle_empty(grower->hasher);
    bool has_root = false;
    for (int level = 0; level < MERKLE_LEVELS; level++) {
        size_t width = hashes_of(grower->size, level) % MERKLE_TILE_WIDTH;
        for (size_t part = 1; part < MERKLE_TILE_WIDTH; part *= 2) {
            if ((width & part) == 0) continue;
            size_t first = width & ~(2 * part - 1);
            struct merkle_hash subtree =
                merkle_complete(grower->hasher, grower->hashes[level] + first, part);
            root = has_root ? merkle_node(grower->hasher, &subtree, &root) : subtree;
            has_root = true;
        }
    }
    return root;
}
