#include "bench/expr_loop.h"

#include <stdbool.h>

#ifdef EXPR_LOOP_AVX2
#define NAME expr_loop_avx2
#define BYTES_NAME expr_loop_bytes_avx2
#else
#define NAME expr_loop_plain
#define BYTES_NAME expr_loop_bytes
#endif

static inline bool is_holder(const struct expr_loop *loop, size_t row)
{
    return (loop->holders[row / 64] >> row % 64 & 1) != 0;
}

uint64_t NAME(const struct expr_loop *loop)
{
    uint64_t count = 0;
    for (size_t row = 0; row < loop->row_count; row++)
        count += (loop->ages[row] >= 30) & (loop->ages[row] <= 50) &
                 (loop->assets_fen[row] >= 50000000) & (loop->channels[row] == 1) &
                 !is_holder(loop, row);
    return count;
}

uint64_t BYTES_NAME(const struct expr_loop *loop)
{
    const uint8_t *ages = loop->ages, *channels = loop->channels, *is_holder = loop->is_holder;
    const int32_t *assets_fen = loop->assets_fen;
    uint64_t count = 0;
    for (size_t row = 0; row < loop->row_count; row++)
        count += (ages[row] >= 30) & (ages[row] <= 50) & (assets_fen[row] >= 50000000) &
                 (channels[row] == 1) & !is_holder[row];
    return count;
}

#ifndef EXPR_LOOP_AVX2
uint64_t expr_loop_branches(const struct expr_loop *loop)
{
    uint64_t count = 0;
    for (size_t row = 0; row < loop->row_count; row++)
        if (loop->ages[row] >= 30 && loop->ages[row] <= 50 && loop->channels[row] == 1 &&
            loop->assets_fen[row] >= 50000000 && !is_holder(loop, row))
            count++;
    return count;
}
#endif
