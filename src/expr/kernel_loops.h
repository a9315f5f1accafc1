#ifndef EXPR_KERNEL_LOOPS_H
#define EXPR_KERNEL_LOOPS_H

/*
 * kernel_loops: the loops that all kernels share, written so that the compiler makes vectors of
 * them with what its file's instruction set offers. Private to the kernels, one of which includes
 * it once. Whoever has a better way to make a word of 64 bytes defines kernel_word before.
 */

#include <string.h>

#include "expr/kernel.h"

#ifndef KERNEL_HAS_WORD
/* Bit i of the word is the lowest bit of byte i. Eight bytes a multiplication: each bit moves to
 * its place in the highest byte. */
static inline uint64_t kernel_word(const uint8_t bytes[64])
{
    uint64_t word = 0;
    for (int i = 0; i < 8; i++) {
        uint64_t eight;
        memcpy(&eight, bytes + 8 * i, sizeof eight);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
        word |= ((eight & 0x0101010101010101u) * 0x0102040810204080u >> 56) << 8 * i;
#else
#error "rows are packed little-endian"
#endif
    }
    return word;
}
#endif

/* For each word: 64 bytes that say of each row whether `test` (over `row`) holds. */
#define KERNEL_LOOP(test)                                                                          \
    for (size_t w = 0; w < word_count; w++) {                                                      \
        uint8_t bytes[64];                                                                         \
        for (size_t i = 0; i < 64; i++) {                                                          \
            size_t row = 64 * w + i;                                                               \
            bytes[i] = (test);                                                                     \
        }                                                                                          \
        ret_bits[w] = kernel_word(bytes);                                                          \
    }

#define KERNEL_RANGE(name, type)                                                                   \
    static inline void name(const void *values, size_t word_count, uint64_t low, uint64_t span,    \
                            uint64_t *ret_bits)                                                    \
    {                                                                                              \
        const type *own = values;                                                                  \
        const type own_low = (type)low, own_span = (type)span;                                     \
        KERNEL_LOOP((type)(own[row] - own_low) <= own_span)                                        \
    }

#define KERNEL_REAL_RANGE(name, type)                                                              \
    static inline void name(const type *values, size_t word_count, type low, type high,            \
                            uint64_t *ret_bits)                                                    \
    {                                                                                              \
        KERNEL_LOOP((values[row] >= low) & (values[row] <= high))                                  \
    }

#define KERNEL_NAN(name, type)                                                                     \
    static inline void name(const type *values, size_t word_count, uint64_t *ret_bits)             \
    {                                                                                              \
        KERNEL_LOOP(values[row] != values[row])                                                    \
    }

#define KERNEL_TABLE(name, type)                                                                   \
    static inline void name(const type *codes, size_t word_count, const uint64_t *table,           \
                            uint64_t *ret_bits)                                                    \
    {                                                                                              \
        KERNEL_LOOP(table[codes[row] / 64] >> codes[row] % 64 & 1)                                 \
    }

#define KERNEL_COMPARE(name, type)                                                                 \
    static inline void name(const type *left, const type *right, size_t word_count,                \
                            enum expr_comparison comparison, uint64_t *ret_bits)                   \
    {                                                                                              \
        if (comparison == EXPR_IS_LESS)                                                            \
            KERNEL_LOOP(left[row] < right[row])                                                    \
        else if (comparison == EXPR_IS_EQUAL)                                                      \
            KERNEL_LOOP(left[row] == right[row])                                                   \
        else                                                                                       \
            KERNEL_LOOP(left[row] > right[row])                                                    \
    }

static inline void loop_table_32(const uint32_t *codes, size_t word_count, const uint64_t *table,
                                 uint32_t limit, uint64_t *ret_bits)
{
    /* A code that there is none of looks up the first one's bit, for nothing. */
    for (size_t w = 0; w < word_count; w++) {
        uint64_t word = 0;
        for (size_t i = 0; i < 64; i++) {
            uint32_t code = codes[64 * w + i];
            uint64_t is_known = code < limit;
            code = is_known ? code : 0;
            word |= (table[code / 64] >> code % 64 & is_known) << i;
        }
        ret_bits[w] = word;
    }
}

static inline uint64_t loop_count(const uint64_t *words, size_t word_count)
{
    uint64_t count = 0;
    for (size_t w = 0; w < word_count; w++) count += (uint64_t)__builtin_popcountll(words[w]);
    return count;
}

#endif
