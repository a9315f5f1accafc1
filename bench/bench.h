#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

/*
 * bench: what `lingxi bench NAME` runs. Each benchmark does the same work with our code and with
 * its best-known peer, in one process and with the same number of threads, checks that both gave
 * the same answer, and states how many times faster, or smaller, ours was.
 *
 * Sizes are for a person who waits; a test runs every benchmark small, so that none can rot.
 * Ownership: results own nothing; their texts are constants.
 * Errors:    those of the work; LX_ERR_CORRUPT where the two answers differ.
 * Threads:   one benchmark at a time.
 */

#include "base/base.h"
#include "base/env.h"

enum { BENCH_FIGURES_MAX = 24 };

struct bench_figure {
    const char *name; /* as in JSON: letters, digits, underscores */
    double value;
    const char *unit; /* "" for a mere number */
};

struct bench_result {
    const char *name;
    double ours, peer; /* in `unit` */
    double ratio;      /* how many times better ours is; above 1 is better, whatever the unit */
    const char *ours_name, *peer_name; /* which of our ways ran, and which peer */
    const char *unit;
    struct bench_figure figures[BENCH_FIGURES_MAX]; /* what else was measured, in this order */
    size_t figure_count;
};

struct bench {
    const char *name;
    uint64_t usual_rows; /* what 0 stands for */
    enum lx_err (*run)(uint64_t row_count, const struct lx_env *env,
                       struct bench_result *ret_result, struct lx_error *err);
};

/* All benchmarks, in the order in which help lists them. */
size_t bench_count(void);
const struct bench *bench_at(size_t index);
const struct bench *bench_find(const char *name); /* NULL: no such benchmark */

/* Runs one; row_count 0 is its usual size. LX_ERR_NOT_FOUND names those that there are. */
LX_MUST_USE enum lx_err bench_run(const char *name, uint64_t row_count, const struct lx_env *env,
                                  struct bench_result *ret_result, struct lx_error *err);

/* For benchmarks: appends a figure. */
void bench_add(struct bench_result *result, const char *name, double value, const char *unit);

#endif
