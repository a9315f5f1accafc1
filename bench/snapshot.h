#ifndef BENCH_SNAPSHOT_H
#define BENCH_SNAPSHOT_H

/*
 * snapshot: a frame of row_count customers and 150 columns, written to a temporary folder ($TMPDIR,
 * /tmp) and opened, in milliseconds: the mapping, the directory, every column found by name and
 * every bitmap checked.
 *
 *   ours    opening; the best of several
 *   peer    reading the same file whole into memory, as a format that is loaded must; the file was
 *           just written, so it comes from the page cache and not from the disk
 * Figures: bytes, writing, verifying, and the first count of one condition after opening.
 */

#include "bench/bench.h"

LX_MUST_USE enum lx_err bench_snapshot(uint64_t row_count, const struct lx_env *env,
                                       struct bench_result *ret_result, struct lx_error *err);

#endif
