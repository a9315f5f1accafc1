/*
 * Goal:   tiles are named, sized and filled as C2SP tlog-tiles says, and each has one name.
 * Method: the specification's own examples; paths that are none; every path read back; a bundle cut
 *         at every byte.
 */
#include "tests/cmocka_all.h"

#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "merkle/tile.h"

static void test_paths_are_those_of_the_specification(void **state)
{
    (void)state;
    static const struct {
        struct merkle_tile tile;
        const char *path;
    } rows[] = {
        {{0, 0, 256}, "tile/0/000"},
        {{0, 1234067, 256}, "tile/0/x001/x234/067"},
        {{3, 999, 255}, "tile/3/999.p/255"},
        {{63, 1000, 1}, "tile/63/x001/000.p/1"},
        {{MERKLE_ENTRIES, 5, 256}, "tile/entries/005"},
        {{MERKLE_ENTRIES, 1234067, 112}, "tile/entries/x001/x234/067.p/112"},
        {{0, UINT64_MAX, 256}, "tile/0/x018/x446/x744/x073/x709/x551/615"},
    };
    for (size_t i = 0; i < LX_COUNT_OF(rows); i++) {
        char path[MERKLE_PATH_MAX];
        struct merkle_tile tile;
        merkle_tile_path(&rows[i].tile, path);
        assert_string_equal(path, rows[i].path);
        assert_true(merkle_tile_parse(path, strlen(path), &tile));
        assert_int_equal(tile.level, rows[i].tile.level);
        assert_int_equal(tile.index, rows[i].tile.index);
        assert_int_equal(tile.width, rows[i].tile.width);
    }
}

static void test_what_is_no_path_is_refused(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "",
        "tile",
        "tile/",
        "tile/0",
        "tile/0/",
        "tile/0/0",
        "tile/0/00",
        "tile/0/0000",
        "tile/00/000",
        "tile/64/000",
        "tile/-1/000",
        "tile/0/x000/001",
        "tile/0/x001/x067",
        "tile/0/001/067",
        "tile/0/X001/067",
        "tile/0/000.p",
        "tile/0/000.p/",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/000.p/01",
        "tile/0/000.p/1/",
        "tile/0/000/",
        " tile/0/000",
        "/tile/0/000",
        "tile/entry/000",
        "tile/entries/000 ",
        "tile/0/../000",
        "tile/0/x018/x446/x744/x073/x709/x551/616",
        "tile/0/x001/x000/x000/x000/x000/x000/x000/000",
    };
    for (size_t i = 0; i < LX_COUNT_OF(rows); i++) {
        struct merkle_tile tile;
        if (merkle_tile_parse(rows[i], strlen(rows[i]), &tile))
            fail_msg("%s: taken for a tile", rows[i]);
    }
}

static void test_random_tiles_are_read_back(void **state)
{
    (void)state;
    struct lx_rng rng = lx_rng_of(11, 0);
    for (int i = 0; i < 20000; i++) {
        struct merkle_tile tile = {(int)lx_rng_below(&rng, 65) - 1,
                                   lx_rng_next(&rng) >> lx_rng_below(&rng, 64),
                                   (int)lx_rng_below(&rng, 256) + 1};
        struct merkle_tile again = {0};
        char path[MERKLE_PATH_MAX];
        merkle_tile_path(&tile, path);
        if (!merkle_tile_parse(path, strlen(path), &again) || again.level != tile.level ||
            again.index != tile.index || again.width != tile.width)
            fail_msg("%s is read back as another tile", path);
    }
}

/* The examples of the specification: trees of 70,000 and of 256 leaves. */
static void test_a_tree_has_the_tiles_of_the_specification(void **state)
{
    (void)state;
    static const struct {
        uint64_t size, index;
        int level, width;
    } rows[] = {
        {70000, 272, 0, 256}, {70000, 273, 0, 112}, {70000, 274, 0, 0}, {70000, 0, 1, 256},
        {70000, 1, 1, 17},    {70000, 2, 1, 0},     {70000, 0, 2, 1},   {70000, 0, 3, 0},
        {256, 0, 0, 256},     {256, 1, 0, 0},       {256, 0, 1, 1},     {255, 0, 0, 255},
        {255, 0, 1, 0},       {0, 0, 0, 0},         {1, 0, 0, 1},       {1, 0, MERKLE_ENTRIES, 1},
        {300, 1, -1, 44},     {300, 0, -1, 256},    {300, 0, 63, 0},
    };
    for (size_t i = 0; i < LX_COUNT_OF(rows); i++) {
        int width = merkle_tile_width(rows[i].level, rows[i].index, rows[i].size);
        if (width != rows[i].width)
            fail_msg("row %zu: %d wide, expected %d", i, width, rows[i].width);
    }
}

static void test_a_bundle_gives_back_its_entries_and_ends_where_it_is_cut(void **state)
{
    (void)state;
    static const uint8_t expected[] = {0, 0, 0, 1, 'a', 0, 3, 'b', 'c', 'd'};
    struct lx_buffer bundle;
    lx_buffer_init(&bundle, 1 << 20);
    merkle_bundle_put(&bundle, "", 0);
    merkle_bundle_put(&bundle, "a", 1);
    merkle_bundle_put(&bundle, "bcd", 3);
    assert_int_equal(bundle.length, sizeof expected);
    assert_memory_equal(bundle.bytes, expected, sizeof expected);
    for (size_t length = 0; length <= sizeof expected; length++) {
        size_t position = 0, count = 0, size = 0;
        const uint8_t *entry = NULL;
        while (merkle_bundle_next(expected, length, &position, &entry, &size)) count++;
        bool is_whole = length == 0 || length == 2 || length == 5 || length == 10;
        assert_int_equal(position == length, is_whole);
        assert_int_equal(count, (length >= 2) + (length >= 5) + (length >= 10));
    }
    lx_buffer_clear(&bundle);
    char *large = calloc(1, MERKLE_ENTRY_MAX);
    merkle_bundle_put(&bundle, large, MERKLE_ENTRY_MAX);
    free(large);
    size_t position = 0, size = 0;
    const uint8_t *entry = NULL;
    assert_true(
        merkle_bundle_next((uint8_t *)bundle.bytes, bundle.length, &position, &entry, &size));
    assert_int_equal(size, MERKLE_ENTRY_MAX);
    lx_buffer_release(&bundle);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_paths_are_those_of_the_specification),
        cmocka_unit_test(test_what_is_no_path_is_refused),
        cmocka_unit_test(test_random_tiles_are_read_back),
        cmocka_unit_test(test_a_tree_has_the_tiles_of_the_specification),
        cmocka_unit_test(test_a_bundle_gives_back_its_entries_and_ends_where_it_is_cut),
    };
    return cmocka_run_group_tests_name("merkle/tile", tests, NULL, NULL);
}
