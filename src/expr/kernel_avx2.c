#include <immintrin.h>

#define KERNEL_HAS_WORD
#include "expr/kernel_loops.h"

static inline uint64_t kernel_word(const uint8_t bytes[64])
{
    /* The lowest bit of each byte becomes its highest. */
    __m256i low = _mm256_loadu_si256((const __m256i *)(const void *)bytes);
    __m256i high = _mm256_loadu_si256((const __m256i *)(const void *)(bytes + 32));
    uint32_t low_bits = (uint32_t)_mm256_movemask_epi8(_mm256_slli_epi16(low, 7));
    uint32_t high_bits = (uint32_t)_mm256_movemask_epi8(_mm256_slli_epi16(high, 7));
    return (uint64_t)high_bits << 32 | low_bits;
}

static inline __m256i load(const void *values, size_t vector)
{
    return _mm256_loadu_si256((const __m256i *)values + vector);
}

static inline uint64_t bits_of_bytes(__m256i bytes)
{
    return (uint32_t)_mm256_movemask_epi8(bytes);
}

static void range_8(const void *values, size_t word_count, uint64_t low, uint64_t span,
                    uint64_t *ret_bits)
{
    const __m256i lows = _mm256_set1_epi8((char)low), spans = _mm256_set1_epi8((char)span);
    for (size_t w = 0; w < word_count; w++) {
        __m256i a = _mm256_sub_epi8(load(values, 2 * w), lows);
        __m256i b = _mm256_sub_epi8(load(values, 2 * w + 1), lows);
        a = _mm256_cmpeq_epi8(_mm256_min_epu8(a, spans), a);
        b = _mm256_cmpeq_epi8(_mm256_min_epu8(b, spans), b);
        ret_bits[w] = bits_of_bytes(a) | bits_of_bytes(b) << 32;
    }
}

static inline __m256i in_range_16(const void *values, size_t vector, __m256i lows, __m256i spans)
{
    __m256i distance = _mm256_sub_epi16(load(values, vector), lows);
    return _mm256_cmpeq_epi16(_mm256_min_epu16(distance, spans), distance);
}

/* Packing works within halves of 128 bits, so the quarters come out as 0 2 1 3. */
static inline uint64_t bits_of_shorts(__m256i first, __m256i second)
{
    return bits_of_bytes(_mm256_permute4x64_epi64(_mm256_packs_epi16(first, second), 0xD8));
}

static void range_16(const void *values, size_t word_count, uint64_t low, uint64_t span,
                     uint64_t *ret_bits)
{
    const __m256i lows = _mm256_set1_epi16((short)low), spans = _mm256_set1_epi16((short)span);
    for (size_t w = 0; w < word_count; w++) {
        __m256i part[4];
        for (size_t i = 0; i < 4; i++) part[i] = in_range_16(values, 4 * w + i, lows, spans);
        ret_bits[w] = bits_of_shorts(part[0], part[1]) | bits_of_shorts(part[2], part[3]) << 32;
    }
}

static inline __m256i in_range_32(const void *values, size_t vector, __m256i lows, __m256i spans)
{
    __m256i distance = _mm256_sub_epi32(load(values, vector), lows);
    return _mm256_cmpeq_epi32(_mm256_min_epu32(distance, spans), distance);
}

/* Four vectors of eight: the eighths come out as 0 2 4 6 1 3 5 7. */
static inline uint64_t bits_of_ints(const __m256i part[4])
{
    const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
    __m256i first = _mm256_packs_epi32(part[0], part[1]);
    __m256i second = _mm256_packs_epi32(part[2], part[3]);
    return bits_of_bytes(_mm256_permutevar8x32_epi32(_mm256_packs_epi16(first, second), order));
}

static void range_32(const void *values, size_t word_count, uint64_t low, uint64_t span,
                     uint64_t *ret_bits)
{
    const __m256i lows = _mm256_set1_epi32((int)low), spans = _mm256_set1_epi32((int)span);
    for (size_t w = 0; w < word_count; w++) {
        __m256i part[8];
        for (size_t i = 0; i < 8; i++) part[i] = in_range_32(values, 8 * w + i, lows, spans);
        ret_bits[w] = bits_of_ints(part) | bits_of_ints(part + 4) << 32;
    }
}

static void range_64(const void *values, size_t word_count, uint64_t low, uint64_t span,
                     uint64_t *ret_bits)
{
    const int64_t sign = INT64_MIN;
    const __m256i lows = _mm256_set1_epi64x((int64_t)low);
    const __m256i signs = _mm256_set1_epi64x(sign);
    const __m256i spans = _mm256_set1_epi64x((int64_t)span ^ sign);
    for (size_t w = 0; w < word_count; w++) {
        uint64_t past = 0;
        for (size_t i = 0; i < 16; i++) {
            __m256i distance = _mm256_sub_epi64(load(values, 16 * w + i), lows);
            __m256i is_past = _mm256_cmpgt_epi64(_mm256_xor_si256(distance, signs), spans);
            past |= (uint64_t)_mm256_movemask_pd(_mm256_castsi256_pd(is_past)) << 4 * i;
        }
        ret_bits[w] = ~past;
    }
}

static void range_f32(const float *values, size_t word_count, float low, float high,
                      uint64_t *ret_bits)
{
    const __m256 lows = _mm256_set1_ps(low), highs = _mm256_set1_ps(high);
    for (size_t w = 0; w < word_count; w++) {
        __m256i part[8];
        for (size_t i = 0; i < 8; i++) {
            __m256 value = _mm256_loadu_ps(values + 64 * w + 8 * i);
            part[i] = _mm256_castps_si256(_mm256_and_ps(_mm256_cmp_ps(value, lows, _CMP_GE_OQ),
                                                        _mm256_cmp_ps(value, highs, _CMP_LE_OQ)));
        }
        ret_bits[w] = bits_of_ints(part) | bits_of_ints(part + 4) << 32;
    }
}

static void range_f64(const double *values, size_t word_count, double low, double high,
                      uint64_t *ret_bits)
{
    const __m256d lows = _mm256_set1_pd(low), highs = _mm256_set1_pd(high);
    for (size_t w = 0; w < word_count; w++) {
        uint64_t word = 0;
        for (size_t i = 0; i < 16; i++) {
            __m256d value = _mm256_loadu_pd(values + 64 * w + 4 * i);
            __m256d is_in = _mm256_and_pd(_mm256_cmp_pd(value, lows, _CMP_GE_OQ),
                                          _mm256_cmp_pd(value, highs, _CMP_LE_OQ));
            word |= (uint64_t)_mm256_movemask_pd(is_in) << 4 * i;
        }
        ret_bits[w] = word;
    }
}

/* Bit `code` of the table: its byte by code / 8, half of the table a shuffle; its bit by
 * code % 8. */
static inline uint64_t table_bits(__m256i codes, __m256i low_half, __m256i high_half)
{
    const __m256i fifteen = _mm256_set1_epi8(15), seven = _mm256_set1_epi8(7);
    const __m256i powers = _mm256_broadcastsi128_si256(
        _mm_setr_epi8(1, 2, 4, 8, 16, 32, 64, -128, 1, 2, 4, 8, 16, 32, 64, -128));
    __m256i place = _mm256_and_si256(_mm256_srli_epi16(codes, 3), fifteen);
    __m256i byte = _mm256_blendv_epi8(_mm256_shuffle_epi8(low_half, place),
                                      _mm256_shuffle_epi8(high_half, place), codes);
    __m256i bit = _mm256_shuffle_epi8(powers, _mm256_and_si256(codes, seven));
    return bits_of_bytes(_mm256_cmpeq_epi8(_mm256_and_si256(byte, bit), bit));
}

static void table_8(const uint8_t *codes, size_t word_count, const uint64_t *table,
                    uint64_t *ret_bits)
{
    const __m128i *halves = (const __m128i *)(const void *)table;
    const __m256i low_half = _mm256_broadcastsi128_si256(_mm_loadu_si128(halves));
    const __m256i high_half = _mm256_broadcastsi128_si256(_mm_loadu_si128(halves + 1));
    for (size_t w = 0; w < word_count; w++)
        ret_bits[w] = table_bits(load(codes, 2 * w), low_half, high_half) |
                      table_bits(load(codes, 2 * w + 1), low_half, high_half) << 32;
}

KERNEL_NAN(nan_f32, float)
KERNEL_NAN(nan_f64, double)
KERNEL_TABLE(table_16, uint16_t)
KERNEL_COMPARE(compare_i64, int64_t)
KERNEL_COMPARE(compare_f64, double)

const struct expr_kernel_functions expr_kernel_avx2 = {
    range_8, range_16, range_32, range_64,      range_f32,   range_f64,   nan_f32,
    nan_f64, table_8,  table_16, loop_table_32, compare_i64, compare_f64, loop_count,
};
