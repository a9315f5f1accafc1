#include "view/scan.h"

#include <stdatomic.h>

#include "host/thread.h"

struct scan_worker {
    struct scan_run *run;
    int number;
    enum lx_err code;
    size_t failed_range;
    struct lx_error err;
};

struct scan_run {
    const struct view_scan *scan;
    const struct lx_env *env;
    size_t range_count;
    atomic_size_t next_range;
    atomic_uint_fast64_t done;
    atomic_flag is_reporting;
    struct scan_worker workers[LX_THREADS_MAX];
};

size_t view_range_count(int64_t customers)
{
    LX_ASSERT(customers >= 0);
    return (size_t)((customers + VIEW_RANGE_CUSTOMERS - 1) / VIEW_RANGE_CUSTOMERS);
}

/* One thread at a time speaks; the others have better things to do than to wait for it. */
static void report(struct scan_run *run, uint64_t count)
{
    atomic_fetch_add(&run->done, count);
    if (atomic_flag_test_and_set(&run->is_reporting)) return;
    run->env->progress(run->env->context, run->scan->what, atomic_load(&run->done),
                       (uint64_t)run->scan->customers);
    atomic_flag_clear(&run->is_reporting);
}

static enum lx_err run_ranges(struct scan_worker *worker, struct bank *bank)
{
    struct scan_run *run = worker->run;
    const struct view_scan *scan = run->scan;
    for (;;) {
        size_t range = atomic_fetch_add(&run->next_range, 1);
        if (range >= run->range_count) return LX_OK;
        int64_t first = (int64_t)range * VIEW_RANGE_CUSTOMERS, last = first + VIEW_RANGE_CUSTOMERS;
        if (last > scan->customers) last = scan->customers;
        worker->failed_range = range;
        enum lx_err code =
            scan->run(scan->context, worker->number, bank, range, first, last, &worker->err);
        if (code != LX_OK) return code;
        report(run, (uint64_t)(last - first));
    }
}

static void run_worker(void *context, size_t item)
{
    struct scan_run *run = context;
    struct scan_worker *worker = &run->workers[item];
    struct bank *bank = NULL;
    worker->code = bank_open(run->scan->folder, STORE_READ, &bank, &worker->err);
    if (worker->code == LX_OK) worker->code = run_ranges(worker, bank);
    if (worker->code != LX_OK) atomic_store(&run->next_range, run->range_count);
    bank_close(bank);
}

static enum lx_err first_failure(const struct scan_run *run, int worker_count, struct lx_error *err)
{
    const struct scan_worker *first = NULL;
    for (int i = 0; i < worker_count; i++) {
        const struct scan_worker *worker = &run->workers[i];
        if (worker->code == LX_OK) continue;
        if (first == NULL || worker->failed_range < first->failed_range) first = worker;
    }
    if (first == NULL) return LX_OK;
    return lx_fail(err, first->code, "%s", first->err.text);
}

enum lx_err view_scan_run(const struct view_scan *scan, const struct lx_env *env,
                          struct lx_error *err)
{
    LX_ASSERT(scan != NULL && scan->run != NULL && env != NULL);
    LX_ASSERT(env->thread_count >= 1 && env->thread_count <= LX_THREADS_MAX);

    struct scan_run *run = lx_calloc(1, sizeof *run);
    if (run == NULL) return lx_fail(err, LX_ERR_NO_MEMORY, "%s: out of memory", scan->what);
    run->scan = scan;
    run->env = env;
    run->range_count = view_range_count(scan->customers);
    atomic_flag_clear(&run->is_reporting);
    for (int i = 0; i < env->thread_count; i++)
        run->workers[i] = (struct scan_worker){.run = run, .number = i};
    enum lx_err code =
        host_parallel(env->thread_count, (size_t)env->thread_count, run_worker, run, err);
    if (code == LX_OK) code = first_failure(run, env->thread_count, err);
    lx_free(run);
    return code;
}
