#ifndef MERKLE_GROW_H
#define MERKLE_GROW_H

/*
 * grow: a tree that grows by leaves and gives its tiles as they become full. It keeps only the
 * right edge: one unfinished tile a level, 64 KB whatever the size.
 *
 * Invariants: full tiles are given once, lowest level first, with the bytes that every larger tree
 *             has for them; partial ones only by merkle_flush.
 * Ownership:  the hasher is borrowed. Errors: those of the callbacks, LX_ERR_LIMIT at 2^63 leaves;
 *             after one the grower has to be started anew.
 * Threads:    one at a time.
 */

#include "merkle/tile.h"

/* Where tiles are read from: `width` hashes, exactly. Never asked for entries. */
struct merkle_source {
    void *context;
    enum lx_err (*read)(void *context, const struct merkle_tile *tile,
                        struct merkle_hash *ret_hashes, struct lx_error *err);
};

/* Where they go. */
struct merkle_sink {
    void *context;
    enum lx_err (*write)(void *context, const struct merkle_tile *tile,
                         const struct merkle_hash *hashes, struct lx_error *err);
};

struct merkle_grower {
    struct merkle_hasher *hasher;
    uint64_t size, flushed;
    struct merkle_hash hashes[MERKLE_LEVELS][MERKLE_TILE_WIDTH];
};

void merkle_grower_init(struct merkle_grower *grower, struct merkle_hasher *hasher);
/* Goes on from a tree of `size` leaves; reads its partial tiles. */
LX_MUST_USE enum lx_err merkle_grower_resume(struct merkle_grower *grower, uint64_t size,
                                             const struct merkle_source *source,
                                             struct lx_error *err);

LX_MUST_USE enum lx_err merkle_append(struct merkle_grower *grower,
                                      const struct merkle_hash *leaves, size_t count,
                                      const struct merkle_sink *sink, struct lx_error *err);
/* Gives the partial tiles that have changed since the last flush or resume. */
LX_MUST_USE enum lx_err merkle_flush(struct merkle_grower *grower, const struct merkle_sink *sink,
                                     struct lx_error *err);
struct merkle_hash merkle_root(const struct merkle_grower *grower);

#endif
