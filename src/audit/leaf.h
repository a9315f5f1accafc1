#ifndef AUDIT_LEAF_H
#define AUDIT_LEAF_H

/*
 * leaf: what of a journal record goes into the tree, and so may be seen by anybody.
 *
 *   entry       version u8 = 1, kind u8, record version u8, at_ms i64, position u64, commitment 32
 *   commitment  SHA-256(salt || content)
 *
 * Integers are little-endian. Kind and record version are the first two bytes of the record, at_ms
 * the moment it speaks of (0: none is known), position its ordinal number in the journal and of
 * the leaf. The salt is 16 random bytes, kept apart; whoever has neither salt nor content learns
 * nothing of the content from the entry, even if he can guess it.
 *
 * Threads: pure; a hasher belongs to one thread.
 */

#include "merkle/tile.h"

enum { AUDIT_LEAF_VERSION = 1, AUDIT_LEAF_BYTES = 51, AUDIT_SALT_BYTES = 16 };

struct audit_leaf {
    uint8_t kind, version; /* of the record */
    int64_t at_ms;
    uint64_t position;
    uint8_t commitment[DIGEST_SIZE];
};

void audit_leaf_write(const struct audit_leaf *leaf, uint8_t ret_bytes[AUDIT_LEAF_BYTES]);
/* false if the bytes are no entry of this version. */
bool audit_leaf_read(const void *bytes, size_t length, struct audit_leaf *ret_leaf);

void audit_commit(struct merkle_hasher *hasher, const uint8_t salt[AUDIT_SALT_BYTES],
                  const void *content, size_t length, uint8_t ret_commitment[DIGEST_SIZE]);

#endif
