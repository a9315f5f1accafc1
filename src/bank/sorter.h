#ifndef BANK_SORTER_H
#define BANK_SORTER_H

/*
 * sorter: many records of one size, put in any order, given back in the order of their keys.
 *
 * A record begins with a struct sorter_key. Order: customer, moment, sequence; records of equal
 * keys keep the order in which they were put, whatever the number of threads. What does not fit in
 * `memory_bytes` goes to temporary files that lose their names as soon as they are open, so that a
 * killed process leaves nothing behind.
 *
 * Use: init, put ..., finish, next ... until NULL, release.
 * Errors:  LX_ERR_NO_MEMORY, and those of host/file.h: LX_ERR_DISK_FULL, LX_ERR_IO.
 * Threads: one at a time; finish uses `thread_count` inside.
 */

#include "base/base.h"
#include "base/limits.h"

struct sorter_key {
    int64_t at_ms;
    uint32_t customer, sequence;
};

struct sorter_run;

struct sorter {
    char path[LX_PATH_MAX]; /* of the temporary files, but for a number */
    size_t record_bytes, max_records;
    int thread_count;

    char *records; /* those in memory */
    size_t count, capacity;
    uint32_t *order; /* their indices in order once sorted; NULL: as they are */
    bool is_in_order;
    uint64_t total; /* records put so far */

    struct sorter_run *runs; /* what is on disk, oldest first; the last one is in memory */
    size_t run_count, run_capacity;
    uint32_t *heap; /* indices of runs, the one with the least record first */
    size_t heap_count;
    bool has_given; /* heap[0]'s record was handed out and has to be passed */
};

/* `path` is where temporary files may be made. */
void sorter_init(struct sorter *sorter, const char *path, size_t record_bytes, size_t memory_bytes,
                 int thread_count);
void sorter_release(struct sorter *sorter);

/* Room for one more record, to be filled by the caller before the next call. */
LX_MUST_USE enum lx_err sorter_put(struct sorter *sorter, const struct sorter_key *key,
                                   void **ret_record, struct lx_error *err);

LX_MUST_USE enum lx_err sorter_finish(struct sorter *sorter, struct lx_error *err);

/* The next record in order, NULL past the last; valid until the next call. */
LX_MUST_USE enum lx_err sorter_next(struct sorter *sorter, const void **ret_record,
                                    struct lx_error *err);

#endif
