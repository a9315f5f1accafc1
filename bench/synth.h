#ifndef BENCH_SYNTH_H
#define BENCH_SYNTH_H

/*
 * synth: the synthetic bank, in rows written a second; row_count rows of 24 months, in a temporary
 * folder ($TMPDIR, /tmp) that is removed afterwards.
 *
 * There is no other program that writes such a bank, so the peer does the last part of the work
 * only: it has the same transactions ready in memory and prints them with fprintf, with the same
 * number of threads, a month's file each. Its files must be the same bytes. A ratio of 1 says that
 * living through the months costs no more than printing what happened in them.
 */

#include "bench/bench.h"

LX_MUST_USE enum lx_err bench_synth(uint64_t row_count, const struct lx_env *env,
                                    struct bench_result *ret_result, struct lx_error *err);

#endif
