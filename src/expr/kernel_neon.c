#include <arm_neon.h>

#define KERNEL_HAS_WORD
#include "expr/kernel_loops.h"

/* Four vectors of bytes that are 0 or 255: each byte keeps the bit of its place in eight, and
 * adding neighbours three times makes a byte of every eight. */
static inline uint64_t bits_of_bytes(uint8x16_t a, uint8x16_t b, uint8x16_t c, uint8x16_t d)
{
    static const uint8_t places[16] = {1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128};
    const uint8x16_t powers = vld1q_u8(places);
    uint8x16_t first = vpaddq_u8(vandq_u8(a, powers), vandq_u8(b, powers));
    uint8x16_t second = vpaddq_u8(vandq_u8(c, powers), vandq_u8(d, powers));
    uint8x16_t sums = vpaddq_u8(first, second);
    return vgetq_lane_u64(vreinterpretq_u64_u8(vpaddq_u8(sums, sums)), 0);
}

static inline uint8x16_t bytes_of_shorts(uint16x8_t first, uint16x8_t second)
{
    return vcombine_u8(vmovn_u16(first), vmovn_u16(second));
}

static inline uint16x8_t shorts_of_ints(uint32x4_t first, uint32x4_t second)
{
    return vcombine_u16(vmovn_u32(first), vmovn_u32(second));
}

static inline uint32x4_t ints_of_longs(uint64x2_t first, uint64x2_t second)
{
    return vcombine_u32(vmovn_u64(first), vmovn_u64(second));
}

/* Sixteen truths of 32 bits in four vectors, or of 64 in eight, as bytes. */
static inline uint8x16_t bytes_of_ints(const uint32x4_t part[4])
{
    return bytes_of_shorts(shorts_of_ints(part[0], part[1]), shorts_of_ints(part[2], part[3]));
}

static inline uint8x16_t bytes_of_longs(const uint64x2_t part[8])
{
    const uint32x4_t ints[4] = {
        ints_of_longs(part[0], part[1]),
        ints_of_longs(part[2], part[3]),
        ints_of_longs(part[4], part[5]),
        ints_of_longs(part[6], part[7]),
    };
    return bytes_of_ints(ints);
}

static inline uint64_t kernel_word(const uint8_t bytes[64])
{
    uint8x16_t part[4];
    for (size_t i = 0; i < 4; i++) part[i] = vtstq_u8(vld1q_u8(bytes + 16 * i), vdupq_n_u8(1));
    return bits_of_bytes(part[0], part[1], part[2], part[3]);
}

/* For each word: four vectors of bytes, vector `q` by `truth`. */
#define NEON_LOOP(truth)                                                                           \
    for (size_t w = 0; w < word_count; w++) {                                                      \
        uint8x16_t quarter[4];                                                                     \
        for (size_t q = 0; q < 4; q++) {                                                           \
            size_t row = 64 * w + 16 * q;                                                          \
            quarter[q] = (truth);                                                                  \
        }                                                                                          \
        ret_bits[w] = bits_of_bytes(quarter[0], quarter[1], quarter[2], quarter[3]);               \
    }

static void range_8(const void *values, size_t word_count, uint64_t low, uint64_t span,
                    uint64_t *ret_bits)
{
    const uint8_t *own = values;
    const uint8x16_t lows = vdupq_n_u8((uint8_t)low), spans = vdupq_n_u8((uint8_t)span);
    NEON_LOOP(vcleq_u8(vsubq_u8(vld1q_u8(own + row), lows), spans))
}

static inline uint8x16_t in_range_16(const uint16_t *values, uint16x8_t lows, uint16x8_t spans)
{
    return bytes_of_shorts(vcleq_u16(vsubq_u16(vld1q_u16(values), lows), spans),
                           vcleq_u16(vsubq_u16(vld1q_u16(values + 8), lows), spans));
}

static void range_16(const void *values, size_t word_count, uint64_t low, uint64_t span,
                     uint64_t *ret_bits)
{
    const uint16_t *own = values;
    const uint16x8_t lows = vdupq_n_u16((uint16_t)low), spans = vdupq_n_u16((uint16_t)span);
    NEON_LOOP(in_range_16(own + row, lows, spans))
}

static inline uint8x16_t in_range_32(const uint32_t *values, uint32x4_t lows, uint32x4_t spans)
{
    uint32x4_t part[4];
    for (size_t i = 0; i < 4; i++)
        part[i] = vcleq_u32(vsubq_u32(vld1q_u32(values + 4 * i), lows), spans);
    return bytes_of_ints(part);
}

static void range_32(const void *values, size_t word_count, uint64_t low, uint64_t span,
                     uint64_t *ret_bits)
{
    const uint32_t *own = values;
    const uint32x4_t lows = vdupq_n_u32((uint32_t)low), spans = vdupq_n_u32((uint32_t)span);
    NEON_LOOP(in_range_32(own + row, lows, spans))
}

static inline uint8x16_t in_range_64(const uint64_t *values, uint64x2_t lows, uint64x2_t spans)
{
    uint64x2_t part[8];
    for (size_t i = 0; i < 8; i++)
        part[i] = vcleq_u64(vsubq_u64(vld1q_u64(values + 2 * i), lows), spans);
    return bytes_of_longs(part);
}

static void range_64(const void *values, size_t word_count, uint64_t low, uint64_t span,
                     uint64_t *ret_bits)
{
    const uint64_t *own = values;
    const uint64x2_t lows = vdupq_n_u64(low), spans = vdupq_n_u64(span);
    NEON_LOOP(in_range_64(own + row, lows, spans))
}

static inline uint8x16_t in_range_f32(const float *values, float32x4_t lows, float32x4_t highs)
{
    uint32x4_t part[4];
    for (size_t i = 0; i < 4; i++) {
        float32x4_t value = vld1q_f32(values + 4 * i);
        part[i] = vandq_u32(vcgeq_f32(value, lows), vcleq_f32(value, highs));
    }
    return bytes_of_ints(part);
}

static void range_f32(const float *values, size_t word_count, float low, float high,
                      uint64_t *ret_bits)
{
    const float32x4_t lows = vdupq_n_f32(low), highs = vdupq_n_f32(high);
    NEON_LOOP(in_range_f32(values + row, lows, highs))
}

static inline uint8x16_t in_range_f64(const double *values, float64x2_t lows, float64x2_t highs)
{
    uint64x2_t part[8];
    for (size_t i = 0; i < 8; i++) {
        float64x2_t value = vld1q_f64(values + 2 * i);
        part[i] = vandq_u64(vcgeq_f64(value, lows), vcleq_f64(value, highs));
    }
    return bytes_of_longs(part);
}

static void range_f64(const double *values, size_t word_count, double low, double high,
                      uint64_t *ret_bits)
{
    const float64x2_t lows = vdupq_n_f64(low), highs = vdupq_n_f64(high);
    NEON_LOOP(in_range_f64(values + row, lows, highs))
}

/* Bit `code` of the table: its byte by code / 8 out of all 32, its bit by code % 8. */
static inline uint8x16_t in_table(const uint8_t *codes, uint8x16x2_t table)
{
    uint8x16_t code = vld1q_u8(codes);
    uint8x16_t byte = vqtbl2q_u8(table, vshrq_n_u8(code, 3));
    uint8x16_t place = vandq_u8(code, vdupq_n_u8(7));
    return vtstq_u8(byte, vshlq_u8(vdupq_n_u8(1), vreinterpretq_s8_u8(place)));
}

static void table_8(const uint8_t *codes, size_t word_count, const uint64_t *table,
                    uint64_t *ret_bits)
{
    const uint8_t *bytes = (const uint8_t *)table;
    const uint8x16x2_t halves = {{vld1q_u8(bytes), vld1q_u8(bytes + 16)}};
    NEON_LOOP(in_table(codes + row, halves))
}

static inline uint64_t count(const uint64_t *words, size_t word_count)
{
    uint64_t bits = 0;
    for (size_t w = 0; w < word_count; w++)
        bits += vaddv_u8(vcnt_u8(vreinterpret_u8_u64(vld1_u64(words + w))));
    return bits;
}

KERNEL_NAN(nan_f32, float)
KERNEL_NAN(nan_f64, double)
KERNEL_TABLE(table_16, uint16_t)
KERNEL_COMPARE(compare_i64, int64_t)
KERNEL_COMPARE(compare_f64, double)

const struct expr_kernel_functions expr_kernel_neon = {
    range_8, range_16, range_32, range_64,      range_f32,   range_f64,   nan_f32,
    nan_f64, table_8,  table_16, loop_table_32, compare_i64, compare_f64, count,
};
