#ifndef EXPR_KERNEL_H
#define EXPR_KERNEL_H

/*
 * kernel: the innermost loops of expr/columns.h: a comparison of 64 rows becomes one word of bits.
 * Bit r of word w is row 64 * w + r. Private to expr.
 *
 * Each function exists as plain C, for AVX2, for AVX-512 and for NEON (arm64), equal bit for bit;
 * which one runs is chosen by the processor.
 * None branches on data, allocates or fails. `values` need no alignment but their element's; all
 * 64 * word_count of them are read.
 * Threads: pure functions.
 */

#include "base/base.h"

enum expr_kernel {
    EXPR_KERNEL_BEST,
    EXPR_KERNEL_PLAIN,
    EXPR_KERNEL_AVX2,
    EXPR_KERNEL_AVX512,
    EXPR_KERNEL_NEON, /* every arm64 has it */
    EXPR_KERNEL_COUNT
};
const char *expr_kernel_name(enum expr_kernel kernel);
bool expr_kernel_is_supported(enum expr_kernel kernel);
/* What EXPR_KERNEL_BEST stands for on this processor. */
enum expr_kernel expr_kernel_best(void);

enum expr_comparison { EXPR_IS_LESS, EXPR_IS_EQUAL, EXPR_IS_GREATER };

struct expr_kernel_functions {
    /* Integers of 8, 16, 32 and 64 bits, signed or not: (value - low) <= span as unsigned numbers
     * of that width, which is low <= value <= low + span for either. */
    void (*range_8)(const void *values, size_t word_count, uint64_t low, uint64_t span,
                    uint64_t *ret_bits);
    void (*range_16)(const void *values, size_t word_count, uint64_t low, uint64_t span,
                     uint64_t *ret_bits);
    void (*range_32)(const void *values, size_t word_count, uint64_t low, uint64_t span,
                     uint64_t *ret_bits);
    void (*range_64)(const void *values, size_t word_count, uint64_t low, uint64_t span,
                     uint64_t *ret_bits);
    /* low <= value <= high; never of a NaN. */
    void (*range_f32)(const float *values, size_t word_count, float low, float high,
                      uint64_t *ret_bits);
    void (*range_f64)(const double *values, size_t word_count, double low, double high,
                      uint64_t *ret_bits);
    void (*nan_f32)(const float *values, size_t word_count, uint64_t *ret_bits);
    void (*nan_f64)(const double *values, size_t word_count, uint64_t *ret_bits);
    /* Bit `code` of a table of 2^8 or 2^16 bits; of 32-bit codes those from `limit` on give 0. */
    void (*table_8)(const uint8_t *codes, size_t word_count, const uint64_t *table,
                    uint64_t *ret_bits);
    void (*table_16)(const uint16_t *codes, size_t word_count, const uint64_t *table,
                     uint64_t *ret_bits);
    void (*table_32)(const uint32_t *codes, size_t word_count, const uint64_t *table,
                     uint32_t limit, uint64_t *ret_bits);
    /* One value against another, row by row; never of a NaN. */
    void (*compare_i64)(const int64_t *left, const int64_t *right, size_t word_count,
                        enum expr_comparison comparison, uint64_t *ret_bits);
    void (*compare_f64)(const double *left, const double *right, size_t word_count,
                        enum expr_comparison comparison, uint64_t *ret_bits);
    /* How many bits are set. */
    uint64_t (*count)(const uint64_t *words, size_t word_count);
};

/* `kernel` is supported. */
const struct expr_kernel_functions *expr_kernel_functions_of(enum expr_kernel kernel);

#if defined(__x86_64__)
#define EXPR_HAS_X86 1
#elif defined(__aarch64__)
#define EXPR_HAS_NEON 1
#endif

extern const struct expr_kernel_functions expr_kernel_plain;
#ifdef EXPR_HAS_X86
extern const struct expr_kernel_functions expr_kernel_avx2, expr_kernel_avx512;
#endif
#ifdef EXPR_HAS_NEON
extern const struct expr_kernel_functions expr_kernel_neon;
#endif

#endif
