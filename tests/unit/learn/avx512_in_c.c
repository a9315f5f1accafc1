/*
 * avx512_in_c: the instructions that scorer_avx512.c uses, in plain C after Intel's intrinsics
 * guide, and the kernel's own source compiled on them, so that it is tested where the processor has
 * none of them. It appears as scorer_avx512_in_c_functions.
 */
#include <immintrin.h>
#include <stdint.h>
#include <string.h>

union in_c {
    uint8_t u8[64];
    uint16_t u16[32];
    uint32_t u32[16];
    float f32[16];
};

#define IN_C static inline __attribute__((unused))

IN_C union in_c in_c_load(const void *from)
{
    union in_c r;
    memcpy(&r, from, sizeof r);
    return r;
}

IN_C union in_c in_c_set1_epi8(char value)
{
    union in_c r;
    memset(&r, value, sizeof r);
    return r;
}

IN_C union in_c in_c_add_epi8(union in_c a, union in_c b)
{
    for (int i = 0; i < 64; i++) a.u8[i] = (uint8_t)(a.u8[i] + b.u8[i]);
    return a;
}

IN_C union in_c in_c_mask_add_epi8(union in_c source, uint64_t mask, union in_c a, union in_c b)
{
    for (int i = 0; i < 64; i++)
        if (mask >> i & 1) source.u8[i] = (uint8_t)(a.u8[i] + b.u8[i]);
    return source;
}

IN_C uint64_t in_c_test_epi8_mask(union in_c a, union in_c b)
{
    uint64_t r = 0;
    for (int i = 0; i < 64; i++) r |= (uint64_t)((a.u8[i] & b.u8[i]) != 0) << i;
    return r;
}

IN_C uint64_t in_c_movepi8_mask(union in_c a)
{
    uint64_t r = 0;
    for (int i = 0; i < 64; i++) r |= (uint64_t)(a.u8[i] >> 7) << i;
    return r;
}

IN_C union in_c in_c_permutexvar_epi8(union in_c index, union in_c a)
{
    union in_c r;
    for (int i = 0; i < 64; i++) r.u8[i] = a.u8[index.u8[i] & 63];
    return r;
}

IN_C union in_c in_c_permutex2var_epi8(union in_c a, union in_c index, union in_c b)
{
    union in_c r;
    for (int i = 0; i < 64; i++) r.u8[i] = (index.u8[i] & 64 ? b : a).u8[index.u8[i] & 63];
    return r;
}

IN_C union in_c in_c_mask_blend_epi8(uint64_t mask, union in_c a, union in_c b)
{
    for (int i = 0; i < 64; i++)
        if (mask >> i & 1) a.u8[i] = b.u8[i];
    return a;
}

/* From `first` of each quarter's 16 bytes: a0 b0 a1 b1 ... */
IN_C union in_c in_c_unpack_epi8(union in_c a, union in_c b, int first)
{
    union in_c r;
    for (int i = 0; i < 64; i++) {
        int from = i / 16 * 16 + first + i % 16 / 2;
        r.u8[i] = (i % 2 == 0 ? a : b).u8[from];
    }
    return r;
}

IN_C union in_c in_c_unpack_epi16(union in_c a, union in_c b, int first)
{
    union in_c r;
    for (int i = 0; i < 32; i++) {
        int from = i / 8 * 8 + first + i % 8 / 2;
        r.u16[i] = (i % 2 == 0 ? a : b).u16[from];
    }
    return r;
}

IN_C union in_c in_c_set4_epi32(int d, int c, int b, int a)
{
    union in_c r;
    const int four[] = {a, b, c, d};
    for (int i = 0; i < 16; i++) r.u32[i] = (uint32_t)four[i % 4];
    return r;
}

IN_C union in_c in_c_add_ps(union in_c a, union in_c b)
{
    for (int i = 0; i < 16; i++) a.f32[i] += b.f32[i];
    return a;
}

IN_C void in_c_store(void *to, union in_c a)
{
    memcpy(to, &a, sizeof a);
}

IN_C __m256i in_c_ternarylogic_epi64(__m256i a, __m256i b, __m256i c, int table)
{
    uint64_t x[4], y[4], z[4], r[4] = {0};
    memcpy(x, &a, sizeof x);
    memcpy(y, &b, sizeof y);
    memcpy(z, &c, sizeof z);
    for (int i = 0; i < 256; i++) {
        int word = i / 64, bit = i % 64;
        int place = (int)(x[word] >> bit & 1) << 2 | (int)(y[word] >> bit & 1) << 1 |
                    (int)(z[word] >> bit & 1);
        r[word] |= (uint64_t)(table >> place & 1) << bit;
    }
    memcpy(&a, r, sizeof a);
    return a;
}

#define __m512i union in_c
#define __m512 union in_c
#define __mmask64 uint64_t
#define _mm512_load_si512(from) in_c_load(from)
#define _mm512_loadu_si512(from) in_c_load(from)
#define _mm512_load_ps(from) in_c_load(from)
#define _mm512_store_ps(to, a) in_c_store(to, a)
#define _mm512_castsi512_ps(a) (a)
#define _mm512_setzero_si512() in_c_set1_epi8(0)
#define _mm512_set1_epi8(value) in_c_set1_epi8(value)
#define _mm512_set4_epi32(d, c, b, a) in_c_set4_epi32(d, c, b, a)
#undef _mm512_setr_epi32
#define _mm512_setr_epi32(...) in_c_load((const int[16]){__VA_ARGS__})
#define _mm512_add_epi8(a, b) in_c_add_epi8(a, b)
#define _mm512_mask_add_epi8(s, k, a, b) in_c_mask_add_epi8(s, k, a, b)
#define _mm512_test_epi8_mask(a, b) in_c_test_epi8_mask(a, b)
#define _mm512_movepi8_mask(a) in_c_movepi8_mask(a)
#define _mm512_permutexvar_epi8(index, a) in_c_permutexvar_epi8(index, a)
#define _mm512_permutex2var_epi8(a, index, b) in_c_permutex2var_epi8(a, index, b)
#define _mm512_mask_blend_epi8(k, a, b) in_c_mask_blend_epi8(k, a, b)
#define _mm512_unpacklo_epi8(a, b) in_c_unpack_epi8(a, b, 0)
#define _mm512_unpackhi_epi8(a, b) in_c_unpack_epi8(a, b, 8)
#define _mm512_unpacklo_epi16(a, b) in_c_unpack_epi16(a, b, 0)
#define _mm512_unpackhi_epi16(a, b) in_c_unpack_epi16(a, b, 4)
#define _mm512_add_ps(a, b) in_c_add_ps(a, b)
#undef _mm256_ternarylogic_epi64
#define _mm256_ternarylogic_epi64(a, b, c, table) in_c_ternarylogic_epi64(a, b, c, table)

#define __AVX512VL__ 1
#define scorer_avx512_functions scorer_avx512_in_c_functions
#include "learn/scorer_avx512.c"
