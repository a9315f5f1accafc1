#include <immintrin.h>

#define KERNEL_HAS_WORD
#include "expr/kernel_loops.h"

static inline uint64_t kernel_word(const uint8_t bytes[64])
{
    __m512i rows = _mm512_loadu_si512(bytes);
    return _mm512_test_epi8_mask(rows, _mm512_set1_epi8(1));
}

static inline __m512i load(const void *values, size_t vector)
{
    return _mm512_loadu_si512((const uint8_t *)values + 64 * vector);
}

static void range_8(const void *values, size_t word_count, uint64_t low, uint64_t span,
                    uint64_t *ret_bits)
{
    const __m512i lows = _mm512_set1_epi8((char)low), spans = _mm512_set1_epi8((char)span);
    for (size_t w = 0; w < word_count; w++)
        ret_bits[w] = _mm512_cmple_epu8_mask(_mm512_sub_epi8(load(values, w), lows), spans);
}

static void range_16(const void *values, size_t word_count, uint64_t low, uint64_t span,
                     uint64_t *ret_bits)
{
    const __m512i lows = _mm512_set1_epi16((short)low), spans = _mm512_set1_epi16((short)span);
    for (size_t w = 0; w < word_count; w++) {
        uint64_t word = 0;
        for (size_t i = 0; i < 2; i++) {
            __m512i distance = _mm512_sub_epi16(load(values, 2 * w + i), lows);
            word |= (uint64_t)_mm512_cmple_epu16_mask(distance, spans) << 32 * i;
        }
        ret_bits[w] = word;
    }
}

static void range_32(const void *values, size_t word_count, uint64_t low, uint64_t span,
                     uint64_t *ret_bits)
{
    const __m512i lows = _mm512_set1_epi32((int)low), spans = _mm512_set1_epi32((int)span);
    for (size_t w = 0; w < word_count; w++) {
        uint64_t word = 0;
        for (size_t i = 0; i < 4; i++) {
            __m512i distance = _mm512_sub_epi32(load(values, 4 * w + i), lows);
            word |= (uint64_t)_mm512_cmple_epu32_mask(distance, spans) << 16 * i;
        }
        ret_bits[w] = word;
    }
}

static void range_64(const void *values, size_t word_count, uint64_t low, uint64_t span,
                     uint64_t *ret_bits)
{
    const __m512i lows = _mm512_set1_epi64((int64_t)low);
    const __m512i spans = _mm512_set1_epi64((int64_t)span);
    for (size_t w = 0; w < word_count; w++) {
        uint64_t word = 0;
        for (size_t i = 0; i < 8; i++) {
            __m512i distance = _mm512_sub_epi64(load(values, 8 * w + i), lows);
            word |= (uint64_t)_mm512_cmple_epu64_mask(distance, spans) << 8 * i;
        }
        ret_bits[w] = word;
    }
}

static void range_f32(const float *values, size_t word_count, float low, float high,
                      uint64_t *ret_bits)
{
    const __m512 lows = _mm512_set1_ps(low), highs = _mm512_set1_ps(high);
    for (size_t w = 0; w < word_count; w++) {
        uint64_t word = 0;
        for (size_t i = 0; i < 4; i++) {
            __m512 value = _mm512_loadu_ps(values + 64 * w + 16 * i);
            __mmask16 is_high = _mm512_cmp_ps_mask(value, lows, _CMP_GE_OQ);
            word |= (uint64_t)_mm512_mask_cmp_ps_mask(is_high, value, highs, _CMP_LE_OQ) << 16 * i;
        }
        ret_bits[w] = word;
    }
}

static void range_f64(const double *values, size_t word_count, double low, double high,
                      uint64_t *ret_bits)
{
    const __m512d lows = _mm512_set1_pd(low), highs = _mm512_set1_pd(high);
    for (size_t w = 0; w < word_count; w++) {
        uint64_t word = 0;
        for (size_t i = 0; i < 8; i++) {
            __m512d value = _mm512_loadu_pd(values + 64 * w + 8 * i);
            __mmask8 is_high = _mm512_cmp_pd_mask(value, lows, _CMP_GE_OQ);
            word |= (uint64_t)_mm512_mask_cmp_pd_mask(is_high, value, highs, _CMP_LE_OQ) << 8 * i;
        }
        ret_bits[w] = word;
    }
}

/* As in kernel_avx2.c, 64 codes at a time. */
static void table_8(const uint8_t *codes, size_t word_count, const uint64_t *table,
                    uint64_t *ret_bits)
{
    const __m128i *halves = (const __m128i *)(const void *)table;
    const __m512i low_half = _mm512_broadcast_i32x4(_mm_loadu_si128(halves));
    const __m512i high_half = _mm512_broadcast_i32x4(_mm_loadu_si128(halves + 1));
    const __m512i powers = _mm512_broadcast_i32x4(
        _mm_setr_epi8(1, 2, 4, 8, 16, 32, 64, -128, 1, 2, 4, 8, 16, 32, 64, -128));
    const __m512i fifteen = _mm512_set1_epi8(15), seven = _mm512_set1_epi8(7);
    for (size_t w = 0; w < word_count; w++) {
        __m512i code = load(codes, w);
        __m512i place = _mm512_and_si512(_mm512_srli_epi16(code, 3), fifteen);
        __m512i byte = _mm512_mask_shuffle_epi8(_mm512_shuffle_epi8(low_half, place),
                                                _mm512_movepi8_mask(code), high_half, place);
        __m512i bit = _mm512_shuffle_epi8(powers, _mm512_and_si512(code, seven));
        ret_bits[w] = _mm512_test_epi8_mask(byte, bit);
    }
}

KERNEL_NAN(nan_f32, float)
KERNEL_NAN(nan_f64, double)
KERNEL_TABLE(table_16, uint16_t)
KERNEL_COMPARE(compare_i64, int64_t)
KERNEL_COMPARE(compare_f64, double)

const struct expr_kernel_functions expr_kernel_avx512 = {
    range_8, range_16, range_32, range_64,      range_f32,   range_f64,   nan_f32,
    nan_f64, table_8,  table_16, loop_table_32, compare_i64, compare_f64, loop_count,
};
