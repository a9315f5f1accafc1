#ifndef BENCH_BALANCE_H
#define BENCH_BALANCE_H

/*
 * balance: SMOTE and ADASYN on sixty columns, two rows in a hundred positive, one positive to ten
 * negatives afterwards, against imbalanced-learn in a Python of its own with as many threads, on
 * the same bytes; in seconds, from rows in memory to rows in memory.
 *
 * The columns come from twelve hidden traits and noise of their own, as a bank's features hang
 * together; distances are measured on them as they are, by both. Where Python or imbalanced-learn
 * is missing, the peer is a plain double loop for the neighbours of some positives, its time
 * scaled to all of them; its name says which. The plain loop runs in any case: its neighbours must
 * be ours. Rows made are as many as the peer's, and their column means the same within chance.
 */

#include "bench/bench.h"

LX_MUST_USE enum lx_err bench_smote(uint64_t row_count, const struct lx_env *env,
                                    struct bench_result *ret_result, struct lx_error *err);
LX_MUST_USE enum lx_err bench_adasyn(uint64_t row_count, const struct lx_env *env,
                                     struct bench_result *ret_result, struct lx_error *err);

#endif
