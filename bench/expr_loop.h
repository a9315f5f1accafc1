#ifndef BENCH_EXPR_LOOP_H
#define BENCH_EXPR_LOOP_H

/*
 * expr_loop: what somebody writes by hand for the four conditions of bench expr: over the same
 * columns, the product as a plain bitmap. The file is compiled with -O3, once as it is and once for
 * AVX2.
 */

#include <stddef.h>
#include <stdint.h>

struct expr_loop {
    const uint8_t *ages, *channels;
    const int32_t *assets_fen;
    const uint64_t *holders;
    const uint8_t *is_holder; /* the same, a byte a row */
    size_t row_count;
};

/* With `&` between the conditions, so that nothing branches. */
uint64_t expr_loop_plain(const struct expr_loop *loop);
/* The same with the product a byte a row, which compilers make vectors of. */
uint64_t expr_loop_bytes(const struct expr_loop *loop);
/* With `&&`. */
uint64_t expr_loop_branches(const struct expr_loop *loop);
#ifdef __x86_64__
uint64_t expr_loop_avx2(const struct expr_loop *loop);
uint64_t expr_loop_bytes_avx2(const struct expr_loop *loop);
#endif

#endif
