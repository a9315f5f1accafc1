#ifndef MERKLE_TILE_H
#define MERKLE_TILE_H

/*
 * tile: how a tree lies in files, byte for byte as C2SP tlog-tiles says.
 *
 *   tile/<L>/<N>[.p/<W>]       W (1 to 256) consecutive hashes of level 8 L, from number 256 N on
 *   tile/entries/<N>[.p/<W>]   the entries of W leaves, each with its length before it (u16,
 *                              big-endian)
 *
 * N is written in groups of three digits, all but the last behind an x: 1234067 is x001/x234/067.
 * A hash stands in a tile only once it is final: the tile of level L of a tree of s leaves has
 * floor(s / 256^L) hashes, and the last W of them are a partial tile unless W is 256.
 *
 * Ownership: all is the caller's. Errors: none but false. Threads: pure.
 */

#include "base/buffer.h"
#include "merkle/hash.h"

enum {
    MERKLE_TILE_BITS = 8,
    MERKLE_TILE_WIDTH = 256,
    MERKLE_LEVELS = 8,        /* that a tree of less than 2^64 leaves can fill */
    MERKLE_LEVEL_MAX = 63,    /* that a path can name */
    MERKLE_ENTRIES = -1,      /* the level of entry bundles */
    MERKLE_PATH_MAX = 64,     /* bytes of a path, with the final NUL */
    MERKLE_ENTRY_MAX = 65535, /* bytes of an entry */
};

struct merkle_tile {
    int level; /* 0 to MERKLE_LEVEL_MAX, or MERKLE_ENTRIES */
    uint64_t index;
    int width; /* 1 to MERKLE_TILE_WIDTH */
};

void merkle_tile_path(const struct merkle_tile *tile, char ret_path[MERKLE_PATH_MAX]);
/* Only the text that merkle_tile_path writes. */
bool merkle_tile_parse(const char *path, size_t length, struct merkle_tile *ret_tile);

/* How wide that tile of a tree of `size` leaves is; 0: the tree has no such tile. */
int merkle_tile_width(int level, uint64_t index, uint64_t size);

/* Appends an entry of at most MERKLE_ENTRY_MAX bytes to a bundle. */
void merkle_bundle_put(struct lx_buffer *bundle, const void *entry, size_t length);
/* The entry at *position of the bundle, which moves on; false at its end, and where the bundle is
 * cut off (then *position is not the length). */
bool merkle_bundle_next(const uint8_t *bundle, size_t length, size_t *position,
                        const uint8_t **ret_entry, size_t *ret_length);

#endif
