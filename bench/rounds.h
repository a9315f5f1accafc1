#ifndef BENCH_ROUNDS_H
#define BENCH_ROUNDS_H

/*
 * rounds: what a second round costs, with 19 products.
 */

#include "bench/bench.h"

/*
 * row_count customers, each with five answers. Ours: a second round by the forest (features out of
 * the answers, two forests of 60 trees, calibration), all of second_score. Peer: XGBoost scores as
 * many rows with as many trees of the same depth, its features ready-made, in place; twice, for the
 * two forests. Figures: microseconds of one customer by the forest, by the Gaussian process and by
 * the peer, and of choosing what would teach most. Ours is checked against a second round read back
 * from its bytes.
 * Errors: LX_ERR_CORRUPT where that differs, XGBoost's.
 */
LX_MUST_USE enum lx_err bench_rounds(uint64_t row_count, const struct lx_env *env,
                                     struct bench_result *ret_result, struct lx_error *err);

#endif
