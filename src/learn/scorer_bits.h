#ifndef LEARN_SCORER_BITS_H
#define LEARN_SCORER_BITS_H

/*
 * scorer_bits: the logic on masks that all kernels share, written once on vectors of 256 bits.
 * Private to the kernels. The compiler makes of it what its file's instruction set offers: four
 * words, two SSE or NEON registers, one AVX2 register; with AVX-512 three-way logic is one
 * instruction.
 */

#include "learn/scorer_layout.h"

/* 256 rows, a bit each; row r is bit r % 64 of word r / 64. */
typedef uint64_t scorer_bits __attribute__((vector_size(32)));

#define SCORER_INLINE static inline __attribute__((always_inline))

/* where ? one : other, bit by bit. */
SCORER_INLINE scorer_bits scorer_select(scorer_bits where, scorer_bits one, scorer_bits other)
{
#ifdef __AVX512VL__
    return (scorer_bits)_mm256_ternarylogic_epi64((__m256i)where, (__m256i)one, (__m256i)other,
                                                  0xCA);
#else
    return other ^ (where & (one ^ other));
#endif
}

SCORER_INLINE scorer_bits scorer_split_bits(const struct scorer_split *split, const uint8_t *masks)
{
    const scorer_bits *high = (const scorer_bits *)(masks + split->high);
    const scorer_bits *low = (const scorer_bits *)(masks + split->low);
#ifdef __AVX512VL__
    return (scorer_bits)_mm256_ternarylogic_epi64((__m256i)high[0], (__m256i)high[1],
                                                  (__m256i)low[0], 0xF8);
#else
    return high[0] | (high[1] & low[0]);
#endif
}

/*
 * scorer_pickN: among the 2^N splits of a subtree's level N, the one that each row stands at.
 * bits[0 .. N-1] are the turns it took in the subtree, the top one first.
 */
#define SCORER_PICK(deep, shallow, half, INLINE)                                                   \
    INLINE scorer_bits deep(const struct scorer_split *splits, const uint8_t *masks,               \
                            const scorer_bits *bits)                                               \
    {                                                                                              \
        scorer_bits left = shallow(splits, masks, bits + 1);                                       \
        scorer_bits right = shallow(splits + (half), masks, bits + 1);                             \
        return scorer_select(bits[0], left, right);                                                \
    }

SCORER_INLINE scorer_bits scorer_pick0(const struct scorer_split *splits, const uint8_t *masks,
                                       const scorer_bits *bits)
{
    (void)bits;
    return scorer_split_bits(splits, masks);
}
SCORER_PICK(scorer_pick1, scorer_pick0, 1, SCORER_INLINE)
SCORER_PICK(scorer_pick2, scorer_pick1, 2, SCORER_INLINE)
SCORER_PICK(scorer_pick3, scorer_pick2, 4, SCORER_INLINE)
SCORER_PICK(scorer_pick4, scorer_pick3, 8, SCORER_INLINE)
SCORER_PICK(scorer_pick5, scorer_pick4, 16, static __attribute__((noinline)))
SCORER_PICK(scorer_pick6, scorer_pick5, 32, static inline)
SCORER_PICK(scorer_pick7, scorer_pick6, 64, static inline)
#undef SCORER_PICK

/* bits[l]: which rows go left at level l of the tree. */
SCORER_INLINE void scorer_tree_bits(const struct scorer_split *splits, uint32_t depth,
                                    const uint8_t *masks, scorer_bits bits[SCORER_DEPTH_MAX])
{
    if (depth > 0) bits[0] = scorer_pick0(splits, masks, bits);
    if (depth > 1) bits[1] = scorer_pick1(splits + 1, masks, bits);
    if (depth > 2) bits[2] = scorer_pick2(splits + 3, masks, bits);
    if (depth > 3) bits[3] = scorer_pick3(splits + 7, masks, bits);
    if (depth > 4) bits[4] = scorer_pick4(splits + 15, masks, bits);
    if (depth > 5) bits[5] = scorer_pick5(splits + 31, masks, bits);
    if (depth > 6) bits[6] = scorer_pick6(splits + 63, masks, bits);
    if (depth > 7) bits[7] = scorer_pick7(splits + 127, masks, bits);
}

/* below[t], t = 0..15: which rows have a number below t, from the number's four bits inverted. */
SCORER_INLINE void scorer_below(const scorer_bits clear[4], scorer_bits below[16])
{
    below[0] = clear[0] ^ clear[0];
    below[1] = clear[0];
    for (int bit = 1; bit < 4; bit++) {
        int half = 1 << bit;
        for (int t = half - 1; t > 0; t--) below[half + t] = clear[bit] | below[t];
        below[half] = clear[bit];
        for (int t = half - 1; t > 0; t--) below[t] = clear[bit] & below[t];
    }
}

/* The masks of one plane, as scorer_layout.h describes them, from its bits: planes[b] has bit b of
 * every row's code. */
SCORER_INLINE void scorer_plane_masks(const struct scorer_plane *plane, const scorer_bits *planes,
                                      scorer_bits *masks)
{
    uint32_t count = plane->threshold_count;
    bool is_small = count <= SCORER_SMALL_THRESHOLDS;
    scorer_bits clear[4] = {~planes[0], ~planes[1], ~planes[2], ~planes[3]}, below[16];
    scorer_bits missing = planes[7];
    scorer_below(clear, below);
    if (is_small) {
        for (uint32_t t = 1; t <= count; t++) {
            masks[t - 1] = below[t] & ~missing;
            masks[count + t - 1] = below[t] | missing;
        }
        return;
    }

    for (int t = 0; t < 16; t++) masks[t] = below[t];
    masks += 16;
    uint32_t high_count = count / 16 + 2;
    for (int b = 0; b < 4; b++) {
        clear[b] = ~planes[4 + b];
        missing &= planes[b] & planes[4 + b];
    }
    scorer_below(clear, below);
    for (uint32_t t = 0; t < high_count; t++) {
        scorer_bits with = t < 16 ? below[t] : ~missing;
        masks[t] = with;
        masks[high_count + t] = with | missing;
    }
}

#endif
