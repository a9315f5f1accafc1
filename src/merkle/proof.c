#include "merkle/proof.h"

#include <inttypes.h>

/* The largest power of two below `count`, which is at least 2. */
static uint64_t split_of(uint64_t count)
{
    uint64_t split = 1;
    while (split < count - split) split *= 2;
    return split;
}

/* The complete subtree of 2^height leaves from number index * 2^height on. */
static enum lx_err read_node(const struct merkle_tree *tree, int height, uint64_t index,
                             struct merkle_hash *ret_hash, struct lx_error *err)
{
    struct merkle_hash hashes[MERKLE_TILE_WIDTH];
    int level = height / MERKLE_TILE_BITS, inner = height % MERKLE_TILE_BITS;
    uint64_t first = index << inner;
    struct merkle_tile tile = {.level = level, .index = first / MERKLE_TILE_WIDTH};
    tile.width = merkle_tile_width(level, tile.index, tree->size);
    size_t offset = first % MERKLE_TILE_WIDTH, count = (size_t)1 << inner;
    LX_ASSERT(offset + count <= (size_t)tile.width);
    enum lx_err code = tree->source.read(tree->source.context, &tile, hashes, err);
    if (code == LX_OK) *ret_hash = merkle_complete(tree->hasher, hashes + offset, count);
    return code;
}

/* The root over leaves first to end - 1, where `first` is a multiple of a power of two that is no
 * smaller than their number: complete subtrees, largest first, joined from the right. */
static enum lx_err read_range(const struct merkle_tree *tree, uint64_t first, uint64_t end,
                              struct merkle_hash *ret_hash, struct lx_error *err)
{
    struct merkle_hash parts[64], hash;
    size_t count = 0;
    for (int height = 63; height >= 0; height--) {
        uint64_t rest = (end - first) & (((uint64_t)1 << height << 1) - 1);
        if ((rest >> height & 1) == 0) continue;
        enum lx_err code = read_node(tree, height, (end - rest) >> height, &parts[count++], err);
        if (code != LX_OK) return code;
    }
    LX_ASSERT(count > 0);
    hash = parts[--count];
    while (count > 0) hash = merkle_node(tree->hasher, &parts[--count], &hash);
    *ret_hash = hash;
    return LX_OK;
}

static enum lx_err check_size(const struct merkle_tree *tree, uint64_t size, struct lx_error *err)
{
    LX_ASSERT(tree->size <= INT64_MAX);

    if (size <= tree->size) return LX_OK;
    return lx_fail(err, LX_ERR_NOT_FOUND,
                   "merkle: no tree of %" PRIu64 " leaves, there are %" PRIu64, size, tree->size);
}

enum lx_err merkle_root_at(const struct merkle_tree *tree, uint64_t size,
                           struct merkle_hash *ret_root, struct lx_error *err)
{
    enum lx_err code = check_size(tree, size, err);
    if (code != LX_OK) return code;
    if (size > 0) return read_range(tree, 0, size, ret_root, err);
    *ret_root = merkle_empty(tree->hasher);
    return LX_OK;
}

/* Adds the root over a range; the proof is turned round at its end. */
static enum lx_err push(const struct merkle_tree *tree, uint64_t first, uint64_t end,
                        struct merkle_proof *proof, struct lx_error *err)
{
    LX_ASSERT(proof->count < MERKLE_PROOF_MAX);
    return read_range(tree, first, end, &proof->hashes[proof->count++], err);
}

static void turn_round(struct merkle_proof *proof)
{
    for (size_t i = 0; i < proof->count / 2; i++) {
        struct merkle_hash hash = proof->hashes[i];
        proof->hashes[i] = proof->hashes[proof->count - 1 - i];
        proof->hashes[proof->count - 1 - i] = hash;
    }
}

/* From the root down: at each step the half that the leaf is not in. */
enum lx_err merkle_prove_inclusion(const struct merkle_tree *tree, uint64_t index, uint64_t size,
                                   struct merkle_proof *ret_proof, struct lx_error *err)
{
    struct merkle_proof proof = {.count = 0};
    uint64_t first = 0, end = size;
    enum lx_err code = check_size(tree, size, err);
    if (code == LX_OK && index >= size)
        code = lx_fail(err, LX_ERR_NOT_FOUND, "merkle: no leaf %" PRIu64 " in a tree of %" PRIu64,
                       index, size);
    while (code == LX_OK && end - first > 1) {
        uint64_t middle = first + split_of(end - first);
        if (index < middle) {
            code = push(tree, middle, end, &proof, err);
            end = middle;
        } else {
            code = push(tree, first, middle, &proof, err);
            first = middle;
        }
    }
    if (code != LX_OK) return code;
    turn_round(&proof);
    *ret_proof = proof;
    return LX_OK;
}

/* SUBPROOF of RFC 9162, 2.1.4.1, as a loop: until the range ends where the old tree ended. */
enum lx_err merkle_prove_consistency(const struct merkle_tree *tree, uint64_t old_size,
                                     uint64_t size, struct merkle_proof *ret_proof,
                                     struct lx_error *err)
{
    struct merkle_proof proof = {.count = 0};
    uint64_t first = 0, end = size;
    bool is_old_root = true; /* the range that is left begins where the tree does */
    enum lx_err code = check_size(tree, size, err);
    if (code == LX_OK && old_size > size)
        code = lx_fail(err, LX_ERR_NOT_FOUND,
                       "merkle: a tree of %" PRIu64 " leaves is no beginning of one of %" PRIu64,
                       old_size, size);
    while (code == LX_OK && old_size > 0 && end != old_size) {
        uint64_t middle = first + split_of(end - first);
        if (old_size <= middle) {
            code = push(tree, middle, end, &proof, err);
            end = middle;
        } else {
            code = push(tree, first, middle, &proof, err);
            first = middle;
            is_old_root = false;
        }
    }
    if (code == LX_OK && !is_old_root) code = push(tree, first, end, &proof, err);
    if (code != LX_OK) return code;
    turn_round(&proof);
    *ret_proof = proof;
    return LX_OK;
}

/* RFC 9162, 2.1.3.2. */
bool merkle_verify_inclusion(struct merkle_hasher *hasher, uint64_t index, uint64_t size,
                             const struct merkle_hash *leaf, const struct merkle_hash *root,
                             const struct merkle_proof *proof)
{
    if (index >= size) return false;
    uint64_t node = index, last = size - 1;
    struct merkle_hash hash = *leaf;
    for (size_t i = 0; i < proof->count; i++) {
        if (last == 0) return false;
        if ((node & 1) == 1 || node == last) {
            hash = merkle_node(hasher, &proof->hashes[i], &hash);
            while ((node & 1) == 0 && node != 0) {
                node >>= 1;
                last >>= 1;
            }
        } else {
            hash = merkle_node(hasher, &hash, &proof->hashes[i]);
        }
        node >>= 1;
        last >>= 1;
    }
    return last == 0 && merkle_is_same(&hash, root);
}

/* RFC 9162, 2.1.4.2; `old_size` is above 0 and below `size`. */
static bool verify_growth(struct merkle_hasher *hasher, uint64_t old_size, uint64_t size,
                          const struct merkle_hash *old_root, const struct merkle_hash *root,
                          const struct merkle_proof *proof)
{
    bool is_power = (old_size & (old_size - 1)) == 0;
    size_t next = 0;
    uint64_t node = old_size - 1, last = size - 1;
    if (proof->count == 0) return false;
    while ((node & 1) == 1) {
        node >>= 1;
        last >>= 1;
    }
    struct merkle_hash old_hash = is_power ? *old_root : proof->hashes[next++];
    struct merkle_hash hash = old_hash;
    for (; next < proof->count; next++) {
        const struct merkle_hash *step = &proof->hashes[next];
        if (last == 0) return false;
        if ((node & 1) == 1 || node == last) {
            old_hash = merkle_node(hasher, step, &old_hash);
            hash = merkle_node(hasher, step, &hash);
            while ((node & 1) == 0 && node != 0) {
                node >>= 1;
                last >>= 1;
            }
        } else {
            hash = merkle_node(hasher, &hash, step);
        }
        node >>= 1;
        last >>= 1;
    }
    return last == 0 && merkle_is_same(&old_hash, old_root) && merkle_is_same(&hash, root);
}

bool merkle_verify_consistency(struct merkle_hasher *hasher, uint64_t old_size, uint64_t size,
                               const struct merkle_hash *old_root, const struct merkle_hash *root,
                               const struct merkle_proof *proof)
{
    if (old_size > size) return false;
    if (old_size == size) return proof->count == 0 && merkle_is_same(old_root, root);
    if (old_size > 0) return verify_growth(hasher, old_size, size, old_root, root, proof);
    struct merkle_hash empty = merkle_empty(hasher);
    return proof->count == 0 && merkle_is_same(old_root, &empty);
}
