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
 * (`extrapolated_...`: reckoned, not measured), the refresh of this bank, and of single customers
 * as of now, with events that came since the snapshot: p50 and p99, ours and the peer's. Customers
 * are drawn evenly and asked once each; their history is read from the bank's file.
 */

#include "bench/bench.h"

LX_MUST_USE enum lx_err bench_features(uint64_t row_count, const struct lx_env *env,
                                       struct bench_result *ret_result, struct lx_error *err);

#endif
