#include "merkle/tile.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { GROUP_DIGITS = 3, GROUP = 1000, GROUPS_MAX = 7 };

void merkle_tile_path(const struct merkle_tile *tile, char ret_path[MERKLE_PATH_MAX])
{
    LX_ASSERT(tile->level >= MERKLE_ENTRIES && tile->level <= MERKLE_LEVEL_MAX);
    LX_ASSERT(tile->width >= 1 && tile->width <= MERKLE_TILE_WIDTH);

    int groups[GROUPS_MAX], count = 0, length;
    uint64_t rest = tile->index;
    do {
        groups[count++] = (int)(rest % GROUP);
        rest /= GROUP;
    } while (rest > 0);
    if (tile->level == MERKLE_ENTRIES)
        length = snprintf(ret_path, MERKLE_PATH_MAX, "tile/entries");
    else
        length = snprintf(ret_path, MERKLE_PATH_MAX, "tile/%d", tile->level);
    while (count-- > 0)
        length += snprintf(ret_path + length, (size_t)(MERKLE_PATH_MAX - length), "/%s%03d",
                           count > 0 ? "x" : "", groups[count]);
    if (tile->width < MERKLE_TILE_WIDTH)
        length +=
            snprintf(ret_path + length, (size_t)(MERKLE_PATH_MAX - length), ".p/%d", tile->width);
    LX_ASSERT(length < MERKLE_PATH_MAX);
}

/* A number of one to three digits without leading zeros that ends at `end`. */
static bool get_number(const char **at, const char *end, int max, int *ret_number)
{
    int number = 0, count = 0;
    for (; *at < end && **at >= '0' && **at <= '9' && count < GROUP_DIGITS; ++*at, count++)
        number = number * 10 + (**at - '0');
    *ret_number = number;
    return count > 0 && number <= max;
}

static bool skip(const char **at, const char *end, const char *text)
{
    size_t length = strlen(text);
    if ((size_t)(end - *at) < length || memcmp(*at, text, length) != 0) return false;
    *at += length;
    return true;
}

static bool get_index(const char **at, const char *end, uint64_t *ret_index)
{
    uint64_t index = 0;
    for (int group = 0; group < GROUPS_MAX; group++) {
        int number;
        bool has_more = skip(at, end, "x");
        if (!get_number(at, end, GROUP - 1, &number)) return false;
        if (index > (UINT64_MAX - (uint64_t)number) / GROUP) return false;
        index = index * GROUP + (uint64_t)number;
        *ret_index = index;
        if (!has_more) return true;
        if (!skip(at, end, "/")) return false;
    }
    return false;
}

bool merkle_tile_parse(const char *path, size_t length, struct merkle_tile *ret_tile)
{
    const char *at = path, *end = path + length;
    struct merkle_tile tile = {.level = MERKLE_ENTRIES, .width = MERKLE_TILE_WIDTH};
    char again[MERKLE_PATH_MAX];
    if (!skip(&at, end, "tile/")) return false;
    if (!skip(&at, end, "entries") && !get_number(&at, end, MERKLE_LEVEL_MAX, &tile.level))
        return false;
    if (!skip(&at, end, "/") || !get_index(&at, end, &tile.index)) return false;
    if (skip(&at, end, ".p/") &&
        (!get_number(&at, end, MERKLE_TILE_WIDTH - 1, &tile.width) || tile.width == 0))
        return false;
    /* Leading zeros, short groups and the like: there is one way to write a tile. */
    merkle_tile_path(&tile, again);
    if (at != end || strlen(again) != length || memcmp(again, path, length) != 0) return false;
    *ret_tile = tile;
    return true;
}

int merkle_tile_width(int level, uint64_t index, uint64_t size)
{
    LX_ASSERT(level >= MERKLE_ENTRIES && level <= MERKLE_LEVEL_MAX);

    int shift = level <= 0 ? 0 : level * MERKLE_TILE_BITS;
    uint64_t hashes = shift < 64 ? size >> shift : 0;
    if (index > hashes / MERKLE_TILE_WIDTH) return 0;
    uint64_t width = hashes - index * MERKLE_TILE_WIDTH;
    return width < MERKLE_TILE_WIDTH ? (int)width : MERKLE_TILE_WIDTH;
}

void merkle_bundle_put(struct lx_buffer *bundle, const void *entry, size_t length)
{
    LX_ASSERT(length <= MERKLE_ENTRY_MAX);

    lx_buffer_append_byte(bundle, (char)(length >> 8));
    lx_buffer_append_byte(bundle, (char)(length & 255));
    lx_buffer_append(bundle, entry, length);
}

bool merkle_bundle_next(const uint8_t *bundle, size_t length, size_t *position,
                        const uint8_t **ret_entry, size_t *ret_length)
{
    LX_ASSERT(*position <= length);

    if (length - *position < 2) return false;
    size_t size = (size_t)bundle[*position] << 8 | bundle[*position + 1];
    if (length - *position - 2 < size) return false;
    *ret_entry = bundle + *position + 2;
    *ret_length = size;
    *position += 2 + size;
    return true;
}
