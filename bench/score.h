#ifndef BENCH_SCORE_H
#define BENCH_SCORE_H

/*
 * score: the tree scorer and the attribution against XGBoost, with one hundred trees over sixty
 * features of mixed kinds, trained on the spot.
 */

#include "bench/bench.h"

/*
 * Margins of row_count rows: depth 6, batch, env->thread_count threads on both sides, in rows a
 * second. The peer is the faster of XGBoosterPredictFromDMatrix, with the building of the DMatrix
 * not counted, and XGBoosterPredictFromDense; ours counts from the raw floats, binning included.
 * Besides: one row at a time, ours against the faster of XGBoost's calls from raw floats; 19 rows
 * at a time; and binning apart.
 */
LX_MUST_USE enum lx_err bench_score(uint64_t row_count, const struct lx_env *env,
                                    struct bench_result *ret_result, struct lx_error *err);

/* Contributions of row_count rows: depth 5, one thread, in microseconds a row; the peer is
 * XGBoost's pred_contribs on a tenth of the rows, at least 100. */
LX_MUST_USE enum lx_err bench_attribution(uint64_t row_count, const struct lx_env *env,
                                          struct bench_result *ret_result, struct lx_error *err);

#endif
