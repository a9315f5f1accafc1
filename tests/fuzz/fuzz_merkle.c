/*
 * fuzz_merkle: a tile's path that is accepted is the one that would be written; a bundle is read
 * within its bytes; a proof of any shape is judged without reading past it, and one that holds
 * holds for its own leaf alone; a proof that is made from these leaves holds.
 */
#include <stdlib.h>
#include <string.h>

#include "merkle/proof.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct merkle_hasher hasher;
static struct lx_error err;

static void require(bool holds)
{
    if (!holds) abort();
}

static void read_path(const uint8_t *data, size_t size)
{
    struct merkle_tile tile;
    char path[MERKLE_PATH_MAX];
    if (!merkle_tile_parse((const char *)data, size, &tile)) return;
    merkle_tile_path(&tile, path);
    require(strlen(path) == size && memcmp(path, data, size) == 0);
}

static void read_bundle(const uint8_t *data, size_t size)
{
    size_t position = 0, length = 0;
    const uint8_t *entry = NULL;
    struct lx_buffer again;
    lx_buffer_init(&again, 1 << 22);
    while (merkle_bundle_next(data, size, &position, &entry, &length)) {
        require(position <= size && entry + length == data + position);
        merkle_bundle_put(&again, entry, length);
    }
    require(again.length == position);
    require(position == 0 || memcmp(again.bytes, data, position) == 0);
    lx_buffer_release(&again);
}

static uint64_t get_number(const uint8_t *data, size_t size, size_t at)
{
    uint64_t number = 0;
    for (size_t i = at; i < at + 8 && i < size; i++) number = number << 8 | data[i];
    return number;
}

/* index, size, then hashes: whatever they are, they are judged. */
static void judge(const uint8_t *data, size_t size)
{
    struct merkle_proof proof = {.count = 0};
    struct merkle_hash leaf = {{1}}, root = {{2}};
    uint64_t index = get_number(data, size, 0), count = get_number(data, size, 8);
    for (size_t at = 16; at + DIGEST_SIZE <= size && proof.count < MERKLE_PROOF_MAX;
         at += DIGEST_SIZE)
        memcpy(proof.hashes[proof.count++].bytes, data + at, DIGEST_SIZE);
    require(!merkle_verify_inclusion(&hasher, index, count, &leaf, &root, &proof));
    bool is_same = index == count && merkle_is_same(&leaf, &root);
    require(is_same || !merkle_verify_consistency(&hasher, index, count, &leaf, &root, &proof));
}

struct tiles {
    struct merkle_hash hashes[2][MERKLE_TILE_WIDTH];
};

static enum lx_err read_tile(void *context, const struct merkle_tile *tile,
                             struct merkle_hash *ret_hashes, struct lx_error *ret_err)
{
    const struct tiles *tiles = context;
    (void)ret_err;
    require(tile->level < 2 && tile->index == 0);
    memcpy(ret_hashes, tiles->hashes[tile->level], (size_t)tile->width * sizeof *ret_hashes);
    return LX_OK;
}

/* Each byte is a leaf; every proof of that tree holds, and none for another leaf. */
static void prove(const uint8_t *data, size_t size)
{
    static struct tiles tiles;
    struct merkle_tree tree = {&hasher, {&tiles, read_tile}, size < 200 ? size : 200};
    struct merkle_proof proof;
    struct merkle_hash root, old;
    if (tree.size == 0) return;
    for (uint64_t i = 0; i < tree.size; i++) tiles.hashes[0][i] = merkle_leaf(&hasher, data + i, 1);
    uint64_t index = data[0] % tree.size;
    require(merkle_root_at(&tree, tree.size, &root, &err) == LX_OK);
    require(merkle_prove_inclusion(&tree, index, tree.size, &proof, &err) == LX_OK);
    require(
        merkle_verify_inclusion(&hasher, index, tree.size, &tiles.hashes[0][index], &root, &proof));
    require(!merkle_verify_inclusion(&hasher, index, tree.size, &root, &root, &proof) ||
            tree.size == 1);
    require(merkle_root_at(&tree, index, &old, &err) == LX_OK);
    require(merkle_prove_consistency(&tree, index, tree.size, &proof, &err) == LX_OK);
    require(merkle_verify_consistency(&hasher, index, tree.size, &old, &root, &proof));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 1 << 16) return 0;
    require(merkle_hasher_init(&hasher, &err) == LX_OK);
    if (size == 0) return 0;
    read_path(data, size);
    read_bundle(data, size);
    judge(data, size);
    prove(data, size);
    return 0;
}
