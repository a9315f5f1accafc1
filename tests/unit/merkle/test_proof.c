/*
 * Goal:   proofs are those of RFC 6962, right ones hold and wrong ones do not.
 * Method: the published vectors; every leaf and every pair of sizes up to 70 leaves against proofs
 *         by recursion; each of those spoiled in every way: each bit turned over (small trees), a
 *         hash too many, too few, in another order, another index, another size, another root. Then
 *         random ones over three levels of tiles.
 */
#include "memory_tiles.h"

#include "base/rng.h"
#include "codec/base64.h"

enum { LEAVES = 70, SMALL = 12, LARGE = 66000 };

static struct merkle_hasher hasher;
static struct lx_error err;
static struct memory_tiles memory;
static struct merkle_hash *leaves;
static struct merkle_grower grower;

static int setup(void **state)
{
    (void)state;
    if (merkle_hasher_init(&hasher, &err) != LX_OK) return -1;
    struct merkle_sink sink = memory_sink(&memory);
    leaves = calloc(LARGE, sizeof *leaves);
    for (uint64_t i = 0; i < LARGE; i++) leaves[i] = numbered_leaf(&hasher, i);
    merkle_grower_init(&grower, &hasher);
    if (merkle_append(&grower, leaves, LARGE, &sink, &err) != LX_OK) return -1;
    return merkle_flush(&grower, &sink, &err) == LX_OK ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    merkle_hasher_release(&hasher);
    free(memory.tiles);
    free(leaves);
    return 0;
}

static struct merkle_tree tree_of(uint64_t size)
{
    return (struct merkle_tree){&hasher, memory_source(&memory), size};
}

/* What a verifier is asked; index is the old size of a consistency proof. */
struct question {
    bool is_growth;
    uint64_t index, size;
    struct merkle_hash old, root; /* leaf hash or old root; root */
    struct merkle_proof proof;
};

static bool holds(const struct question *q)
{
    if (q->is_growth)
        return merkle_verify_consistency(&hasher, q->index, q->size, &q->old, &q->root, &q->proof);
    return merkle_verify_inclusion(&hasher, q->index, q->size, &q->old, &q->root, &q->proof);
}

static void must_not_hold(const struct question *q, const char *what, size_t number)
{
    if (holds(q))
        fail_msg("%s %d of %d: holds with %s %zu", q->is_growth ? "growth" : "leaf", (int)q->index,
                 (int)q->size, what, number);
}

static void flip(struct merkle_hash *hash, size_t bit)
{
    hash->bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
}

static void spoil_bits(struct question *q)
{
    for (size_t bit = 0; bit < 256; bit++) {
        for (size_t i = 0; i < q->proof.count; i++) {
            flip(&q->proof.hashes[i], bit);
            must_not_hold(q, "a flipped bit of the proof,", i * 256 + bit);
            flip(&q->proof.hashes[i], bit);
        }
        flip(&q->root, bit);
        must_not_hold(q, "a flipped bit of the root,", bit);
        flip(&q->root, bit);
        flip(&q->old, bit);
        must_not_hold(q, "a flipped bit of the leaf or the old root,", bit);
        flip(&q->old, bit);
    }
}

static void spoil_order(struct question *q)
{
    struct merkle_proof kept = q->proof;
    for (size_t i = 0; i + 1 < kept.count; i++) {
        q->proof.hashes[i] = kept.hashes[i + 1];
        q->proof.hashes[i + 1] = kept.hashes[i];
        must_not_hold(q, "two hashes in the other order,", i);
        q->proof = kept;
    }
    for (size_t i = 0; i < kept.count; i++) {
        for (size_t j = i; j + 1 < kept.count; j++) q->proof.hashes[j] = kept.hashes[j + 1];
        q->proof.count--;
        must_not_hold(q, "a hash too few,", i);
        q->proof = kept;
    }
    for (size_t i = 0; i <= kept.count; i++) {
        q->proof.hashes[kept.count] = kept.count > 0 ? kept.hashes[i % kept.count] : q->old;
        q->proof.count = kept.count + 1;
        must_not_hold(q, "a hash too many,", i);
        q->proof = kept;
    }
}

/* Trees of sizes that are near to each other may give a leaf a path with the same turns, so that
 * the size is only bound by whoever signs it together with the root; a much larger one has more
 * turns. */
static void spoil_numbers(struct question *q)
{
    uint64_t index = q->index, size = q->size;
    for (uint64_t other = 0; other < size; other++) {
        if (other == index) continue;
        q->index = other;
        must_not_hold(q, "another index or old size,", (size_t)other);
    }
    q->index = size;
    if (!q->is_growth) must_not_hold(q, "an index past the end,", 0);
    q->index = size + 1;
    must_not_hold(q, "an index past the end,", 1);
    q->index = index;
    q->size = 2 * size + 1;
    must_not_hold(q, "another size,", (size_t)q->size);
    q->size = 0;
    must_not_hold(q, "no size,", 0);
    q->size = size;
}

static struct question inclusion(uint64_t index, uint64_t size)
{
    struct question q = {.index = index, .size = size, .old = leaves[index]};
    struct merkle_tree tree = tree_of(size);
    q.root = naive_root(&hasher, leaves, size);
    assert_int_equal(merkle_prove_inclusion(&tree, index, size, &q.proof, &err), LX_OK);
    return q;
}

static struct question growth(uint64_t old_size, uint64_t size)
{
    struct question q = {.is_growth = true, .index = old_size, .size = size};
    struct merkle_tree tree = tree_of(size);
    q.old = naive_root(&hasher, leaves, old_size);
    q.root = naive_root(&hasher, leaves, size);
    assert_int_equal(merkle_prove_consistency(&tree, old_size, size, &q.proof, &err), LX_OK);
    return q;
}

static void assert_same_proof(const struct merkle_proof *proof, const struct merkle_proof *expected)
{
    assert_int_equal(proof->count, expected->count);
    for (size_t i = 0; i < proof->count; i++)
        assert_memory_equal(&proof->hashes[i], &expected->hashes[i], sizeof expected->hashes[i]);
}

static void test_every_leaf_of_every_small_tree_is_proved(void **state)
{
    (void)state;
    for (uint64_t size = 1; size <= LEAVES; size++)
        for (uint64_t index = 0; index < size; index++) {
            struct question q = inclusion(index, size);
            struct merkle_proof expected = {.count = 0};
            naive_path(&hasher, index, leaves, size, &expected);
            assert_same_proof(&q.proof, &expected);
            if (!holds(&q)) fail_msg("leaf %d of %d", (int)index, (int)size);
            spoil_order(&q);
            spoil_numbers(&q);
            if (size <= SMALL) spoil_bits(&q);
        }
}

static void test_every_growth_of_every_small_tree_is_proved(void **state)
{
    (void)state;
    for (uint64_t size = 1; size <= LEAVES; size++)
        for (uint64_t old = 1; old <= size; old++) {
            struct question q = growth(old, size);
            struct merkle_proof expected = {.count = 0};
            naive_growth(&hasher, old, leaves, size, true, &expected);
            assert_same_proof(&q.proof, &expected);
            if (!holds(&q)) fail_msg("growth %d to %d", (int)old, (int)size);
            spoil_order(&q);
            spoil_numbers(&q);
            if (size <= SMALL) spoil_bits(&q);
        }
}

static void test_the_empty_tree_is_the_beginning_of_every_tree(void **state)
{
    (void)state;
    for (uint64_t size = 0; size < 9; size++) {
        struct question q = growth(0, size);
        assert_int_equal(q.proof.count, 0);
        assert_true(holds(&q));
        q.old.bytes[7] ^= 1;
        assert_false(holds(&q));
        q.old.bytes[7] ^= 1;
        q.proof.count = 1;
        assert_false(holds(&q));
    }
}

/* Paths and growths that implementations of RFC 6962 test themselves with; leaves: test_grow. */
static const char *const published_leaves[] = {"",
                                               "00",
                                               "10",
                                               "2021",
                                               "3031",
                                               "40414243",
                                               "5051525354555657",
                                               "606162636465666768696a6b6c6d6e6f"};
static const struct {
    bool is_growth;
    uint64_t index, size;
    const char *hashes[4];
} published[] = {
    {false, 0, 1, {NULL}},
    {false,
     0,
     8,
     {"96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
      "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
      "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4", NULL}},
    {false,
     5,
     8,
     {"bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
      "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
      "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7", NULL}},
    {false, 2, 3, {"fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125", NULL}},
    {false,
     1,
     5,
     {"6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
      "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
      "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b", NULL}},
    {true, 1, 1, {NULL}},
    {true,
     1,
     8,
     {"96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
      "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
      "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4", NULL}},
    {true,
     6,
     8,
     {"0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
      "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
      "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7", NULL}},
    {true,
     2,
     5,
     {"5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
      "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b", NULL}},
};

static void test_proofs_are_the_published_ones(void **state)
{
    (void)state;
    struct memory_tiles small = {0};
    struct merkle_sink sink = memory_sink(&small);
    static struct merkle_grower small_grower;
    merkle_grower_init(&small_grower, &hasher);
    for (size_t i = 0; i < LX_COUNT_OF(published_leaves); i++) {
        uint8_t entry[16];
        size_t length = strlen(published_leaves[i]) / 2;
        assert_true(hex_get(published_leaves[i], 2 * length, entry, length));
        struct merkle_hash leaf = merkle_leaf(&hasher, entry, length);
        assert_int_equal(merkle_append(&small_grower, &leaf, 1, &sink, &err), LX_OK);
        assert_int_equal(merkle_flush(&small_grower, &sink, &err), LX_OK);
    }
    struct merkle_tree tree = {&hasher, memory_source(&small), 8};
    for (size_t i = 0; i < LX_COUNT_OF(published); i++) {
        struct merkle_proof proof;
        enum lx_err code = published[i].is_growth
                               ? merkle_prove_consistency(&tree, published[i].index,
                                                          published[i].size, &proof, &err)
                               : merkle_prove_inclusion(&tree, published[i].index,
                                                        published[i].size, &proof, &err);
        assert_int_equal(code, LX_OK);
        for (size_t j = 0; j < proof.count; j++) {
            char text[DIGEST_TEXT_SIZE];
            digest_text(proof.hashes[j].bytes, text);
            assert_non_null(published[i].hashes[j]);
            assert_string_equal(text, published[i].hashes[j]);
        }
        assert_null(published[i].hashes[proof.count]);
    }
    free(small.tiles);
}

static void test_proofs_over_several_levels_of_tiles_hold(void **state)
{
    (void)state;
    struct lx_rng rng = lx_rng_of(5, 0);
    struct merkle_tree tree = tree_of(LARGE);
    for (int i = 0; i < 30; i++) {
        uint64_t size = LARGE - lx_rng_below(&rng, 4) * lx_rng_below(&rng, 20000);
        uint64_t index = lx_rng_below(&rng, size), old = 1 + lx_rng_below(&rng, size);
        struct question in = {.index = index, .size = size, .old = leaves[index]};
        struct question grown = {.is_growth = true, .index = old, .size = size};
        in.root = grown.root = naive_root(&hasher, leaves, size);
        grown.old = naive_root(&hasher, leaves, old);
        struct merkle_hash root;
        assert_int_equal(merkle_root_at(&tree, size, &root, &err), LX_OK);
        assert_true(merkle_is_same(&root, &in.root));
        assert_int_equal(merkle_prove_inclusion(&tree, index, size, &in.proof, &err), LX_OK);
        assert_int_equal(merkle_prove_consistency(&tree, old, size, &grown.proof, &err), LX_OK);
        if (!holds(&in) || !holds(&grown))
            fail_msg("leaf %d, %d to %d", (int)index, (int)old, (int)size);
        spoil_order(&in);
        spoil_order(&grown);
    }
}

static void test_what_is_not_in_the_tree_is_not_proved(void **state)
{
    (void)state;
    struct merkle_tree tree = tree_of(100);
    struct merkle_proof proof;
    struct merkle_hash root;
    assert_int_equal(merkle_prove_inclusion(&tree, 100, 100, &proof, &err), LX_ERR_NOT_FOUND);
    assert_int_equal(merkle_prove_inclusion(&tree, 5, 101, &proof, &err), LX_ERR_NOT_FOUND);
    assert_int_equal(merkle_prove_inclusion(&tree, 0, 0, &proof, &err), LX_ERR_NOT_FOUND);
    assert_int_equal(merkle_prove_consistency(&tree, 7, 6, &proof, &err), LX_ERR_NOT_FOUND);
    assert_int_equal(merkle_prove_consistency(&tree, 7, 101, &proof, &err), LX_ERR_NOT_FOUND);
    assert_int_equal(merkle_root_at(&tree, 101, &root, &err), LX_ERR_NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_proofs_are_the_published_ones),
        cmocka_unit_test(test_every_leaf_of_every_small_tree_is_proved),
        cmocka_unit_test(test_every_growth_of_every_small_tree_is_proved),
        cmocka_unit_test(test_the_empty_tree_is_the_beginning_of_every_tree),
        cmocka_unit_test(test_proofs_over_several_levels_of_tiles_hold),
        cmocka_unit_test(test_what_is_not_in_the_tree_is_not_proved),
    };
    return cmocka_run_group_tests_name("merkle/proof", tests, setup, teardown);
}
