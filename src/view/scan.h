#ifndef VIEW_SCAN_H
#define VIEW_SCAN_H

/*
 * scan: all customers of a bank in ranges, spread over threads, each with a bank handle of its own.
 * Private to view.
 *
 * Ranges are of equal size, whatever the number of threads, and which worker does a range must not
 * matter to the result. After a failure no new range is begun, and the error is that of the
 * earliest range that failed.
 */

#include "bank/bank.h"
#include "base/env.h"

enum { VIEW_RANGE_CUSTOMERS = 1024 };

struct view_scan {
    const char *folder;
    const char *what; /* for env->progress */
    int64_t customers;
    void *context;
    /* `worker` counts from 0 to env->thread_count - 1; `range` from 0 in order of customers. */
    enum lx_err (*run)(void *context, int worker, struct bank *bank, size_t range, int64_t first,
                       int64_t last, struct lx_error *err);
};

size_t view_range_count(int64_t customers);

LX_MUST_USE enum lx_err view_scan_run(const struct view_scan *scan, const struct lx_env *env,
                                      struct lx_error *err);

#endif
