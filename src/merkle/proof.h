#ifndef MERKLE_PROOF_H
#define MERKLE_PROOF_H

/*
 * proof: that an entry is in a tree, and that a tree is the beginning of a larger one (RFC 9162,
 * sections 2.1.3 and 2.1.4; the same proofs as RFC 6962).
 *
 * Making a proof reads tiles of a tree of a known size; whether they are the right ones shows when
 * the proof is checked against a root that somebody signed. Checking needs nothing but the proof.
 * The empty tree is the beginning of every tree: then the proof is empty and the old root that of
 * the empty tree.
 *
 * Errors:  LX_ERR_NOT_FOUND (no such leaf, no such size), those of the source.
 * Threads: a hasher belongs to one thread.
 */

#include "merkle/grow.h"

enum { MERKLE_PROOF_MAX = 65 };

struct merkle_proof {
    size_t count;
    struct merkle_hash hashes[MERKLE_PROOF_MAX]; /* from the leaves towards the root */
};

/* A tree of `size` leaves that stands somewhere. */
struct merkle_tree {
    struct merkle_hasher *hasher; /* borrowed */
    struct merkle_source source;
    uint64_t size;
};

/* The root that the tree had with `size` leaves. */
LX_MUST_USE enum lx_err merkle_root_at(const struct merkle_tree *tree, uint64_t size,
                                       struct merkle_hash *ret_root, struct lx_error *err);
/* Of leaf `index` in the tree as it was with `size` leaves. */
LX_MUST_USE enum lx_err merkle_prove_inclusion(const struct merkle_tree *tree, uint64_t index,
                                               uint64_t size, struct merkle_proof *ret_proof,
                                               struct lx_error *err);
LX_MUST_USE enum lx_err merkle_prove_consistency(const struct merkle_tree *tree, uint64_t old_size,
                                                 uint64_t size, struct merkle_proof *ret_proof,
                                                 struct lx_error *err);

bool merkle_verify_inclusion(struct merkle_hasher *hasher, uint64_t index, uint64_t size,
                             const struct merkle_hash *leaf, const struct merkle_hash *root,
                             const struct merkle_proof *proof);
bool merkle_verify_consistency(struct merkle_hasher *hasher, uint64_t old_size, uint64_t size,
                               const struct merkle_hash *old_root, const struct merkle_hash *root,
                               const struct merkle_proof *proof);

#endif
