#include <roaring/roaring.h>
#include <string.h>

#include "frame/layout.h"

/*
 * CRoaring's frozen form, as its version 0.2 wrote it first and later ones still do:
 *   bitsets   1024 words each
 *   runs      pairs of uint16_t, first row and how many follow it
 *   arrays    uint16_t each
 *   keys      uint16_t of each container: the rows' upper halves, ascending
 *   counts    uint16_t of each container: its rows - 1, or its runs
 *   kinds     uint8_t of each container
 *   header    uint32_t: cookie, and the number of containers << 15
 * roaring_bitmap_frozen_view trusts all of it but the sizes, so everything is checked first.
 */
enum { COOKIE = 13766, BITSET = 1, ARRAY = 2, RUN = 3, BITSET_WORDS = 1024 };
enum { BITSET_BYTES = BITSET_WORDS * 8, HEADER_BYTES = 4, CONTAINER_BYTES = 5 };
_Static_assert(BITSET == BITSET_CONTAINER_TYPE_CODE && ARRAY == ARRAY_CONTAINER_TYPE_CODE &&
                   RUN == RUN_CONTAINER_TYPE_CODE,
               "as the file says it");

struct frozen {
    const uint8_t *next[4]; /* by kind: the next container's data */
    const uint8_t *keys, *counts, *kinds;
    uint32_t container_count;
};

static uint16_t get_u16(const uint8_t *at, size_t index)
{
    uint16_t value;
    memcpy(&value, at + index * sizeof value, sizeof value);
    return value;
}

/* Where the parts lie; false where they are not as large as the whole. */
static bool find_parts(const uint8_t *bytes, uint64_t size, struct frozen *frozen)
{
    uint32_t header;
    if (size < HEADER_BYTES) return false;
    memcpy(&header, bytes + size - HEADER_BYTES, sizeof header);
    uint64_t count = header >> 15, left = size - HEADER_BYTES;
    if ((header & 0x7FFF) != COOKIE || count > UINT16_MAX + 1 || count * CONTAINER_BYTES > left)
        return false;
    left -= count * CONTAINER_BYTES;
    frozen->keys = bytes + left;
    frozen->counts = frozen->keys + count * 2;
    frozen->kinds = frozen->counts + count * 2;
    frozen->container_count = (uint32_t)count;
    uint64_t sizes[4] = {0};
    for (size_t i = 0; i < count; i++) {
        uint64_t number = get_u16(frozen->counts, i);
        switch (frozen->kinds[i]) {
        case BITSET: sizes[BITSET] += BITSET_BYTES; break;
        case RUN: sizes[RUN] += number * 4; break;
        case ARRAY: sizes[ARRAY] += (number + 1) * 2; break;
        default: return false;
        }
    }
    frozen->next[BITSET] = bytes;
    frozen->next[RUN] = bytes + sizes[BITSET];
    frozen->next[ARRAY] = frozen->next[RUN] + sizes[RUN];
    return sizes[BITSET] + sizes[RUN] + sizes[ARRAY] == left;
}

/* Each of these gives the last row of the next container, or -1 where it is not well formed. */

static int32_t check_bitset(struct frozen *frozen, uint32_t number)
{
    const uint8_t *data = frozen->next[BITSET];
    uint32_t count = 0;
    int32_t last = -1;
    for (int i = 0; i < BITSET_WORDS; i++) {
        uint64_t word;
        memcpy(&word, data + i * 8, sizeof word);
        count += (uint32_t)__builtin_popcountll(word);
        if (word != 0) last = i * 64 + 63 - __builtin_clzll(word);
    }
    frozen->next[BITSET] += BITSET_BYTES;
    return count == number + 1 ? last : -1;
}

static int32_t check_array(struct frozen *frozen, uint32_t number)
{
    const uint8_t *data = frozen->next[ARRAY];
    int32_t last = -1;
    for (uint32_t i = 0; i <= number; i++) {
        int32_t value = get_u16(data, i);
        if (value <= last) return -1;
        last = value;
    }
    frozen->next[ARRAY] += (size_t)(number + 1) * 2;
    return last;
}

static int32_t check_runs(struct frozen *frozen, uint32_t number)
{
    const uint8_t *data = frozen->next[RUN];
    int32_t last = -1;
    for (uint32_t i = 0; i < number; i++) {
        int32_t first = get_u16(data, 2 * (size_t)i), more = get_u16(data, 2 * (size_t)i + 1);
        if (first <= last || first + more > UINT16_MAX) return -1;
        last = first + more;
    }
    frozen->next[RUN] += (size_t)number * 4;
    return last;
}

static bool is_well_formed(const uint8_t *bytes, uint64_t size, uint64_t row_count)
{
    struct frozen frozen = {0};
    if (!find_parts(bytes, size, &frozen)) return false;
    int32_t last_key = -1;
    for (uint32_t i = 0; i < frozen.container_count; i++) {
        int32_t key = get_u16(frozen.keys, i), last;
        uint32_t number = get_u16(frozen.counts, i);
        if (frozen.kinds[i] == BITSET)
            last = check_bitset(&frozen, number);
        else if (frozen.kinds[i] == ARRAY)
            last = check_array(&frozen, number);
        else
            last = check_runs(&frozen, number);
        if (last < 0 || key <= last_key) return false;
        if (((uint64_t)key << 16 | (uint64_t)last) >= row_count) return false;
        last_key = key;
    }
    return true;
}

enum lx_err frame_bitmap_open(const struct frame *frame, const char *name,
                              const struct roaring_bitmap_s **ret_bitmap, struct lx_error *err)
{
    LX_ASSERT(frame != NULL && name != NULL && ret_bitmap != NULL);

    struct frame_column column;
    enum lx_err code = frame_column_named(frame, name, FRAME_BITMAP, &column, err);
    if (code != LX_OK) return code;
    if (!is_well_formed(column.values, column.count, frame->row_count))
        return FRAME_CORRUPT(frame, err, "column %s: not a bitmap of %llu rows", name,
                             (unsigned long long)frame->row_count);
    const roaring_bitmap_t *bitmap =
        roaring_bitmap_frozen_view(column.values, (size_t)column.count);
    if (bitmap == NULL)
        return lx_fail(err, LX_ERR_NO_MEMORY, "%s: column %s: out of memory", frame->name, name);
    *ret_bitmap = bitmap;
    return LX_OK;
}

void frame_bitmap_close(const struct roaring_bitmap_s *bitmap)
{
    if (bitmap != NULL) roaring_bitmap_free(bitmap);
}

/* ---- Bits of a stretch of rows ---- */

/* Sets the bits [from, to). */
static void set_bits(uint64_t *words, uint32_t from, uint32_t to)
{
    while (from < to) {
        uint32_t in_word = from % 64, count = 64 - in_word;
        if (count > to - from) count = to - from;
        words[from / 64] |= (~(uint64_t)0 >> (64 - count)) << in_word;
        from += count;
    }
}

/* The first index whose value is not below `low`. */
static int32_t find_value(const uint16_t *values, int32_t count, uint32_t low)
{
    int32_t from = 0, to = count;
    while (from < to) {
        int32_t middle = from + (to - from) / 2;
        if (values[middle] < low)
            from = middle + 1;
        else
            to = middle;
    }
    return from;
}

static inline void set_bit(uint64_t *words, uint32_t bit)
{
    words[bit / 64] |= (uint64_t)1 << bit % 64;
}

/* Four stretches side by side: neighbours often fall into the same word, where each has to wait for
 * the one before it to be stored. */
static void array_words(const array_container_t *array, uint32_t low, uint32_t high,
                        uint64_t *words)
{
    int32_t from = find_value(array->array, array->cardinality, low);
    int32_t count = find_value(array->array, array->cardinality, high) - from;
    const uint16_t *values = array->array + from;
    int32_t quarter = count / 4;
    for (int32_t i = 0; i < quarter; i++)
        for (int32_t k = 0; k < 4; k++) set_bit(words, values[k * quarter + i] - low);
    for (int32_t i = 4 * quarter; i < count; i++) set_bit(words, values[i] - low);
}

static void run_words(const run_container_t *runs, uint32_t low, uint32_t high, uint64_t *words)
{
    int32_t from = 0, to = runs->n_runs; /* the first run that does not end before `low` */
    while (from < to) {
        int32_t middle = from + (to - from) / 2;
        const rle16_t *run = &runs->runs[middle];
        if ((uint32_t)run->value + run->length < low)
            from = middle + 1;
        else
            to = middle;
    }
    for (; from < runs->n_runs && runs->runs[from].value < high; from++) {
        uint32_t first = runs->runs[from].value;
        uint32_t end = first + runs->runs[from].length + 1;
        set_bits(words, (first > low ? first : low) - low, (end < high ? end : high) - low);
    }
}

/* The bits [low, high) of one container, whole words. */
static void container_words(const roaring_array_t *containers, int32_t index, uint32_t low,
                            uint32_t high, uint64_t *words)
{
    uint8_t kind = containers->typecodes[index];
    const void *container = container_unwrap_shared(containers->containers[index], &kind);
    if (kind == BITSET) {
        const uint64_t *bits = ((const bitset_container_t *)container)->array;
        memcpy(words, bits + low / 64, (high - low) / 8);
    } else if (kind == ARRAY) {
        array_words(container, low, high, words);
    } else {
        run_words(container, low, high, words);
    }
}

void frame_bitmap_words(const struct roaring_bitmap_s *bitmap, size_t first_word, size_t word_count,
                        uint64_t *ret_words)
{
    const roaring_array_t *containers = &bitmap->high_low_container;
    size_t end_word = first_word + word_count;
    memset(ret_words, 0, word_count * sizeof *ret_words);
    int32_t index =
        find_value(containers->keys, containers->size, (uint32_t)(first_word / BITSET_WORDS));
    for (; index < containers->size; index++) {
        size_t key_word = (size_t)containers->keys[index] * BITSET_WORDS;
        if (key_word >= end_word) break;
        size_t from = key_word > first_word ? key_word : first_word;
        size_t to = key_word + BITSET_WORDS < end_word ? key_word + BITSET_WORDS : end_word;
        container_words(containers, index, (uint32_t)(from - key_word) * 64,
                        (uint32_t)(to - key_word) * 64, ret_words + (from - first_word));
    }
}
