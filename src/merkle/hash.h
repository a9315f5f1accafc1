#ifndef MERKLE_HASH_H
#define MERKLE_HASH_H

/*
 * hash: leaves and nodes of an RFC 6962 Merkle tree over SHA-256.
 *
 *   leaf  SHA-256(0x00 || entry)
 *   node  SHA-256(0x01 || left || right)
 *   tree without leaves  SHA-256("")
 *
 * The leading byte keeps a node from being passed off as an entry.
 * Ownership: a hasher owns its digest. Errors: LX_ERR_NO_MEMORY at init only.
 * Threads:   a hasher belongs to one thread.
 */

#include "codec/digest.h"

struct merkle_hash {
    uint8_t bytes[DIGEST_SIZE];
};

struct merkle_hasher {
    struct digest digest;
};

LX_MUST_USE enum lx_err merkle_hasher_init(struct merkle_hasher *hasher, struct lx_error *err);
void merkle_hasher_release(struct merkle_hasher *hasher); /* zeroed is fine */

struct merkle_hash merkle_leaf(struct merkle_hasher *hasher, const void *entry, size_t length);
struct merkle_hash merkle_node(struct merkle_hasher *hasher, const struct merkle_hash *left,
                               const struct merkle_hash *right);
struct merkle_hash merkle_empty(struct merkle_hasher *hasher);
bool merkle_is_same(const struct merkle_hash *a, const struct merkle_hash *b);

/* The root of a complete subtree over `count` (a power of two, at most 256) hashes. */
struct merkle_hash merkle_complete(struct merkle_hasher *hasher, const struct merkle_hash *hashes,
                                   size_t count);

#endif
