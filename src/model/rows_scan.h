#ifndef MODEL_ROWS_SCAN_H
#define MODEL_ROWS_SCAN_H

/*
 * rows_scan: one pass over the bank by several threads, in chunks of neighbouring customers. Each
 * chunk has a context of its own, so what the pass gives, put together in the order of the chunks,
 * does not depend on the threads. Private to model.
 */

#include "bank/bank.h"
#include "base/env.h"

enum { ROWS_SCAN_BLOCK = 64 };

struct rows_scan;

struct rows_chunk {
    const struct rows_scan *scan;
    const struct bank_catalogue *catalogue;
    int utc_offset_minutes;
    void *context; /* of this chunk */
    enum lx_err code;
    struct lx_error error;
};

struct rows_scan {
    const char *folder, *what; /* `what` for progress */
    enum lx_err (*visit)(struct rows_chunk *chunk, const struct bank_history *history,
                         struct lx_error *err);
    char *contexts; /* chunk_count of context_size bytes */
    size_t context_size, chunk_count;
    int64_t customers; /* [0, customers) */
    /*
     * Above 0 and below 1: only this share of the customers is visited, in blocks of
     * ROWS_SCAN_BLOCK neighbouring numbers drawn by (block_seed, block), so that what is not wanted
     * is not read either. Each customer's chance is the share, whatever the order of numbers means.
     */
    double share;
    uint64_t block_seed;
};

/* The error of the first chunk that failed. */
LX_MUST_USE enum lx_err rows_scan(const struct rows_scan *scan, const struct lx_env *env,
                                  struct lx_error *err);

/* How many chunks for so many customers. */
size_t rows_scan_chunks(int64_t customers, const struct lx_env *env);

/* Number of customers of the bank in DIR. */
LX_MUST_USE enum lx_err rows_scan_customers(const char *folder, int64_t *ret_customers,
                                            struct lx_error *err);

#endif
