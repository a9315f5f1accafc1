/*
 * Goal:   a tree that grows has the roots of RFC 6962, gives each full tile once and always the
 *         same bytes, and goes on from its tiles as if it had never stopped.
 * Method: the published vectors; then random batches, stopped and resumed, against the tree by
 *         recursion, with tiles recomputed from the leaves.
 */
#include "memory_tiles.h"

#include "base/rng.h"
#include "codec/base64.h"

/* The leaves and roots that implementations of RFC 6962 test themselves with. */
static const char *const vector_leaves[] = {"",
                                            "00",
                                            "10",
                                            "2021",
                                            "3031",
                                            "40414243",
                                            "5051525354555657",
                                            "606162636465666768696a6b6c6d6e6f"};
static const char *const vector_roots[] = {
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"};

static struct merkle_hasher hasher;
static struct lx_error err;

static int setup(void **state)
{
    (void)state;
    return merkle_hasher_init(&hasher, &err) == LX_OK ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    merkle_hasher_release(&hasher);
    return 0;
}

static void assert_hash(const struct merkle_hash *hash, const char *expected)
{
    char text[DIGEST_TEXT_SIZE];
    digest_text(hash->bytes, text);
    assert_string_equal(text, expected);
}

static void test_roots_are_the_published_ones(void **state)
{
    (void)state;
    static struct merkle_grower grower;
    struct memory_tiles memory = {0};
    struct merkle_sink sink = memory_sink(&memory);
    merkle_grower_init(&grower, &hasher);
    struct merkle_hash root = merkle_root(&grower);
    assert_hash(&root, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    for (size_t i = 0; i < LX_COUNT_OF(vector_leaves); i++) {
        uint8_t entry[16];
        size_t length = strlen(vector_leaves[i]) / 2;
        assert_true(hex_get(vector_leaves[i], 2 * length, entry, length));
        struct merkle_hash leaf = merkle_leaf(&hasher, entry, length);
        assert_int_equal(merkle_append(&grower, &leaf, 1, &sink, &err), LX_OK);
        root = merkle_root(&grower);
        assert_hash(&root, vector_roots[i]);
    }
    assert_int_equal(memory.count, 0); /* no tile is full yet */
    free(memory.tiles);
}

/* Every hash of every tile that was given, from the leaves by recursion. */
static void check_tiles(const struct memory_tiles *memory, const struct merkle_hash *leaves)
{
    for (size_t i = 0; i < memory->count; i++) {
        const struct memory_tile *entry = &memory->tiles[i];
        uint64_t span = (uint64_t)1 << entry->tile.level * MERKLE_TILE_BITS;
        for (int j = 0; j < entry->tile.width; j++) {
            uint64_t first = (entry->tile.index * MERKLE_TILE_WIDTH + (uint64_t)j) * span;
            struct merkle_hash expected = naive_root(&hasher, leaves + first, span);
            if (!merkle_is_same(&expected, &entry->hashes[j]))
                fail_msg("tile %d/%d: hash %d", entry->tile.level, (int)entry->tile.index, j);
        }
    }
}

static void test_random_batches_grow_the_tree_of_the_definition(void **state)
{
    (void)state;
    enum { LEAVES = 70000 };
    static struct merkle_grower grower;
    struct merkle_hash *leaves = calloc(LEAVES, sizeof *leaves);
    for (uint64_t i = 0; i < LEAVES; i++) leaves[i] = numbered_leaf(&hasher, i);
    for (uint64_t seed = 1; seed <= 4; seed++) {
        struct lx_rng rng = lx_rng_of(seed, 0);
        struct memory_tiles memory = {0};
        struct merkle_sink sink = memory_sink(&memory);
        struct merkle_source source = memory_source(&memory);
        uint64_t size = 0;
        size_t full = 0;
        merkle_grower_init(&grower, &hasher);
        while (size < LEAVES) {
            uint64_t count = lx_rng_below(&rng, seed == 1 ? 1000 : 9000);
            if (count > LEAVES - size) count = LEAVES - size;
            assert_int_equal(merkle_append(&grower, leaves + size, count, &sink, &err), LX_OK);
            size += count;
            assert_int_equal(merkle_flush(&grower, &sink, &err), LX_OK);
            if (lx_rng_chance(&rng, 0.5)) { /* the process ends, another one goes on */
                memset(&grower, 0xA5, sizeof grower);
                merkle_grower_init(&grower, &hasher);
                assert_int_equal(merkle_grower_resume(&grower, size, &source, &err), LX_OK);
            }
            struct merkle_hash root = merkle_root(&grower);
            struct merkle_hash expected = naive_root(&hasher, leaves, size);
            if (!merkle_is_same(&root, &expected))
                fail_msg("seed %d: another root at %d leaves", (int)seed, (int)size);
        }
        for (size_t i = 0; i < memory.count; i++)
            if (memory.tiles[i].tile.width == MERKLE_TILE_WIDTH) full++;
        assert_int_equal(full, 273 + 1); /* each once */
        check_tiles(&memory, leaves);
        free(memory.tiles);
    }
    free(leaves);
}

static void test_flushing_twice_gives_a_partial_tile_once(void **state)
{
    (void)state;
    static struct merkle_grower grower;
    struct memory_tiles memory = {0};
    struct merkle_sink sink = memory_sink(&memory);
    merkle_grower_init(&grower, &hasher);
    for (uint64_t i = 0; i < 300; i++) {
        struct merkle_hash leaf = numbered_leaf(&hasher, i);
        assert_int_equal(merkle_append(&grower, &leaf, 1, &sink, &err), LX_OK);
    }
    assert_int_equal(memory.count, 1); /* 0/000 */
    assert_int_equal(merkle_flush(&grower, &sink, &err), LX_OK);
    assert_int_equal(memory.count, 3); /* and 0/001.p/44, 1/000.p/1 */
    assert_int_equal(merkle_flush(&grower, &sink, &err), LX_OK);
    assert_int_equal(memory.count, 3);
    struct merkle_hash leaf = numbered_leaf(&hasher, 300);
    assert_int_equal(merkle_append(&grower, &leaf, 1, &sink, &err), LX_OK);
    assert_int_equal(merkle_flush(&grower, &sink, &err), LX_OK);
    assert_int_equal(memory.count, 4); /* 0/001.p/45; level 1 has not changed */
    free(memory.tiles);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_roots_are_the_published_ones),
        cmocka_unit_test(test_random_batches_grow_the_tree_of_the_definition),
        cmocka_unit_test(test_flushing_twice_gives_a_partial_tile_once),
    };
    return cmocka_run_group_tests_name("merkle/grow", tests, setup, teardown);
}
