#ifndef BENCH_RULES_H
#define BENCH_RULES_H

/*
 * rules: thirty rules over one customer and a product, in microseconds for all thirty, row by row
 * with expr_holds; row_count customers in turn.
 *
 *   ours    thirty compiled expressions, values through callbacks as a decision has them
 *   peer    SQLite: one prepared statement that computes the same thirty from parameters
 * Figures: SQLite with a statement for each rule, and compiling. Every answer must be the same.
 */

#include "bench/bench.h"

LX_MUST_USE enum lx_err bench_rules(uint64_t row_count, const struct lx_env *env,
                                    struct bench_result *ret_result, struct lx_error *err);

#endif
