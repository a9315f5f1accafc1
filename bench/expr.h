#ifndef BENCH_EXPR_H
#define BENCH_EXPR_H

/*
 * expr: four conditions over row_count customers, in milliseconds a count: an age between two,
 * assets from half a million, one channel, and a product that is not held.
 *
 *   ours    expr_plan_count on one thread, the plan made beforehand
 *   peer    the fastest of five loops in C over the same columns (expr_loop.h)
 * Figures: each loop, ours with all threads and with assets of eight bytes, compiling and planning,
 * and SQLite with the same rows in memory. All must count the same.
 */

#include "bench/bench.h"

LX_MUST_USE enum lx_err bench_expr(uint64_t row_count, const struct lx_env *env,
                                   struct bench_result *ret_result, struct lx_error *err);

#endif
