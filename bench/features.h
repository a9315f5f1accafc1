#ifndef BENCH_FEATURES_H
#define BENCH_FEATURES_H

/*
 * features: the shipped features of row_count customers of a synthetic bank of 24 months, on one
 * thread, in microseconds a customer.
 *
 *   ours    one ordered pass over the customer's events for all windows
 *   peer    the same expressions, each window looking at every row by itself
 * Both get the same history, as it comes from the bank, and every value of every customer and pair
 * must be equal to the bit. Of the features of pairs those are timed that come from the past.
 * Figures: reading the bank, events a second, what 1.1 million customers would take on one thread
 * (`extrapolated_...`: reckoned, not measured), the refresh of this bank; and one customer at a
 * time as of now, with up to four events that came since the snapshot, of which one in eight is
 *   late: p50_us, p99_us      ours (view/online.h), with records as large as 300 MB allow a bank of
 *                       1.1 million, warm, after the arrivals were applied
 *   read_anew_...       his events read from the bank's file, and one pass
 *   peer_...            his events read, and window by window
 *   told_by_records     the share of ours that read no events
 * Customers are drawn evenly and asked once each, and all three answers are equal to the bit.
 */

#include "bench/bench.h"

LX_MUST_USE enum lx_err bench_features(uint64_t row_count, const struct lx_env *env,
                                       struct bench_result *ret_result, struct lx_error *err);

#endif
