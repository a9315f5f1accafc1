#ifndef BASE_ENV_H
#define BASE_ENV_H

/*
 * env: what the outside hands in. Time, entropy, messages and progress reach the program through
 * this table and in no other way; host/env.h fills it for real, tests fill it by hand.
 *
 * Domain code that only computes takes a moment and a seed as plain arguments instead.
 */

#include "base/base.h"

struct lx_env {
    void *context;
    int64_t (*now_ms)(void *context);                           /* wall clock, UTC */
    int64_t (*elapsed_ns)(void *context);                       /* monotonic */
    void (*entropy)(void *context, void *bytes, size_t length); /* never fails */
    void (*message)(void *context, const char *text);           /* one line, for a person */
    /* Work done so far of `total` (0: unknown); shown on a terminal, ignored elsewhere. */
    void (*progress)(void *context, const char *what, uint64_t done, uint64_t total);
    int thread_count; /* how many threads to use, >= 1 */
};

#endif
