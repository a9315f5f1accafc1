#include "auth/hasher.h"

#include <stdatomic.h>
#include <string.h>

#include "auth/secret.h"
#include "host/thread.h"

struct hasher {
    struct host_queue *queue;
    struct host_thread *threads[HASHER_THREADS];
    atomic_int waiting; /* in the queue or being done */
};

static void work(void *context)
{
    struct hasher *hasher = context;
    void *item = NULL;
    while (host_queue_get(hasher->queue, &item)) {
        struct hasher_job *job = item;
        job->is_right = false;
        job->code = password_verify(job->hash, job->password, &job->is_right, &job->error);
        secret_wipe(job->password, sizeof job->password);
        atomic_fetch_sub(&hasher->waiting, 1);
        job->done(job);
    }
}

enum lx_err hasher_open(struct hasher **ret_hasher, struct lx_error *err)
{
    struct hasher *hasher = lx_calloc(1, sizeof *hasher);
    if (hasher == NULL) return lx_fail(err, LX_ERR_NO_MEMORY, "passwords: out of memory");
    enum lx_err code = host_queue_open(HASHER_THREADS + HASHER_WAITING, &hasher->queue, err);
    for (int i = 0; i < HASHER_THREADS && code == LX_OK; i++)
        code = host_thread_start(work, hasher, &hasher->threads[i], err);
    if (code == LX_OK)
        *ret_hasher = hasher;
    else
        hasher_close(hasher);
    return code;
}

void hasher_close(struct hasher *hasher)
{
    if (hasher == NULL) return;
    if (hasher->queue != NULL) host_queue_close(hasher->queue);
    for (int i = 0; i < HASHER_THREADS; i++) host_thread_join(hasher->threads[i]);
    host_queue_release(hasher->queue);
    lx_free(hasher);
}

enum lx_err hasher_submit(struct hasher *hasher, struct hasher_job *job, struct lx_error *err)
{
    LX_ASSERT(job->done != NULL);

    /* The count is at most what the queue holds, so putting never waits. */
    int before = atomic_fetch_add(&hasher->waiting, 1);
    if (before >= HASHER_THREADS + HASHER_WAITING || !host_queue_put(hasher->queue, job)) {
        atomic_fetch_sub(&hasher->waiting, 1);
        return lx_fail(err, LX_ERR_BUSY, "too many are logging in: try again in a second");
    }
    return LX_OK;
}
