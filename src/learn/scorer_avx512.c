#include <immintrin.h>
#include <string.h>

#include "learn/scorer_bits.h"

/* Floats become codes as with AVX2: it is bound by its gathers, which are no faster in 512 bits. */

/* ---- Codes to masks ---- */

/* 256 codes become 8 masks in their place: bit 0 of all, bit 1 of all ... */
static void codes_to_bits(uint8_t *plane)
{
    __m512i codes[4];
    uint64_t words[8][4];
    for (int i = 0; i < 4; i++) codes[i] = _mm512_load_si512((const __m512i *)plane + i);
    for (int b = 0; b < 8; b++)
        for (int i = 0; i < 4; i++)
            words[b][i] = _mm512_test_epi8_mask(codes[i], _mm512_set1_epi8((char)(1 << b)));
    memcpy(plane, words, sizeof words);
}

static void avx512_mask(const struct scorer *scorer, uint8_t *codes, uint8_t *masks)
{
    for (size_t i = 0; i < scorer->used_plane_count; i++)
        codes_to_bits(codes + (size_t)scorer->planes[i].plane * SCORER_BLOCK_ROWS);
    for (size_t i = 0; i < scorer->used_plane_count; i++) {
        const struct scorer_plane *plane = &scorer->planes[i];
        const uint8_t *bits = codes + (size_t)plane->plane * SCORER_BLOCK_ROWS;
        scorer_plane_masks(plane, (const scorer_bits *)(const void *)bits,
                           (scorer_bits *)(void *)masks + plane->mask_first);
    }
}

/* ---- Masks to margins ---- */

/* One byte of the leaves of 64 rows, from a table of up to 64, 128 or 256. `top` is bit 7. */
SCORER_INLINE __m512i leaf_byte(const uint8_t *table, __m512i index, uint32_t depth, __mmask64 top)
{
    __m512i first = _mm512_loadu_si512(table);
    if (depth <= 6) return _mm512_permutexvar_epi8(index, first);

    __m512i second = _mm512_loadu_si512(table + 64);
    __m512i low = _mm512_permutex2var_epi8(first, index, second);
    if (depth == 7) return low;

    __m512i high = _mm512_permutex2var_epi8(_mm512_loadu_si512(table + 128), index,
                                            _mm512_loadu_si512(table + 192));
    return _mm512_mask_blend_epi8(top, low, high);
}

SCORER_INLINE void add_sixteen(float *margins, __m512i leaves)
{
    _mm512_store_ps(margins, _mm512_add_ps(_mm512_load_ps(margins), _mm512_castsi512_ps(leaves)));
}

SCORER_INLINE void add_sixty_four(const uint8_t *tables, size_t stride, __m512i index,
                                  uint32_t depth, __mmask64 top, float *margins)
{
    __m512i b0 = leaf_byte(tables, index, depth, top);
    __m512i b1 = leaf_byte(tables + stride, index, depth, top);
    __m512i b2 = leaf_byte(tables + 2 * stride, index, depth, top);
    __m512i b3 = leaf_byte(tables + 3 * stride, index, depth, top);
    __m512i low01 = _mm512_unpacklo_epi8(b0, b1), low23 = _mm512_unpacklo_epi8(b2, b3);
    __m512i high01 = _mm512_unpackhi_epi8(b0, b1), high23 = _mm512_unpackhi_epi8(b2, b3);
    add_sixteen(margins, _mm512_unpacklo_epi16(low01, low23));
    add_sixteen(margins + 16, _mm512_unpackhi_epi16(low01, low23));
    add_sixteen(margins + 32, _mm512_unpacklo_epi16(high01, high23));
    add_sixteen(margins + 48, _mm512_unpackhi_epi16(high01, high23));
}

/* Interleaving bytes two and then four at a time must put rows 0 to 15 first, then 16 to 31 ...:
 * in quarter q of the register bytes 4j to 4j+3 are rows 16j + 4q to 16j + 4q + 3. */
SCORER_INLINE __m512i interleaving_order(void)
{
    const __m512i bytes = _mm512_set4_epi32(0x33323130, 0x23222120, 0x13121110, 0x03020100);
    const __m512i quarter = _mm512_setr_epi32(
        0, 0, 0, 0, 0x04040404, 0x04040404, 0x04040404, 0x04040404, 0x08080808, 0x08080808,
        0x08080808, 0x08080808, 0x0C0C0C0C, 0x0C0C0C0C, 0x0C0C0C0C, 0x0C0C0C0C);
    return _mm512_add_epi8(bytes, quarter);
}

SCORER_INLINE void add_tree(const struct scorer *scorer, const struct scorer_tree *tree,
                            const scorer_bits *bits, uint32_t depth, float *margins)
{
    const uint8_t *tables = scorer->leaf_bytes + tree->byte_first;
    const __m512i order = interleaving_order();
    for (int i = 0; i < SCORER_BLOCK_ROWS / 64; i++) {
        __m512i index = _mm512_setzero_si512();
        for (uint32_t l = 0; l < depth; l++)
            index =
                _mm512_mask_add_epi8(index, bits[l][i], index, _mm512_set1_epi8((char)(1 << l)));
        index = _mm512_permutexvar_epi8(order, index);
        __mmask64 top = depth == 8 ? _mm512_movepi8_mask(index) : 0;
        add_sixty_four(tables, tree->byte_stride, index, depth, top, margins + 64 * i);
    }
}

static void avx512_add(const struct scorer *scorer, const struct scorer_tree *tree,
                       const uint8_t *masks, float *margins)
{
    scorer_bits bits[SCORER_DEPTH_MAX];
    scorer_tree_bits(scorer->splits + tree->split_first, tree->depth, masks, bits);
    switch (tree->depth) {
    case 8: add_tree(scorer, tree, bits, 8, margins); break;
    case 7: add_tree(scorer, tree, bits, 7, margins); break;
    case 6: add_tree(scorer, tree, bits, 6, margins); break;
    case 5: add_tree(scorer, tree, bits, 5, margins); break;
    case 4: add_tree(scorer, tree, bits, 4, margins); break;
    default: add_tree(scorer, tree, bits, tree->depth, margins); break;
    }
}

const struct scorer_functions scorer_avx512_functions = {scorer_avx2_bin, avx512_mask, avx512_add};
