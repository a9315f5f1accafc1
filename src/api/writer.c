#include "api/writer.h"

#include "host/thread.h"

enum { GROUP_MAX = 1024 };

struct api_writer {
    struct live *live; /* borrowed */
    struct host_queue *queue;
    struct host_thread *thread;
    struct api_job *jobs[GROUP_MAX]; /* of the group that is written */
    struct live_change *changes[GROUP_MAX];
};

static void write_group(struct api_writer *writer, size_t count)
{
    struct lx_error err = {0};
    for (size_t i = 0; i < count; i++) writer->changes[i] = &writer->jobs[i]->change;
    live_commit(writer->live, writer->changes, count, &err);
    for (size_t i = 0; i < count; i++) {
        struct api_job *job = writer->jobs[i];
        if (job->change.code != LX_OK) job->err = err;
        job->done(job);
    }
}

static void run(void *context)
{
    struct api_writer *writer = context;
    for (;;) {
        size_t count = host_queue_get_some(writer->queue, (void **)writer->jobs, GROUP_MAX);
        if (count == 0) return;
        write_group(writer, count);
    }
}

enum lx_err api_writer_open(struct live *live, size_t jobs_max, struct api_writer **ret_writer,
                            struct lx_error *err)
{
    struct api_writer *writer = lx_calloc(1, sizeof *writer);
    if (writer == NULL) return lx_fail(err, LX_ERR_NO_MEMORY, "writer: out of memory");
    writer->live = live;
    enum lx_err code = host_queue_open(jobs_max, &writer->queue, err);
    if (code == LX_OK) code = host_thread_start(run, writer, &writer->thread, err);
    if (code == LX_OK)
        *ret_writer = writer;
    else
        api_writer_close(writer);
    return code;
}

void api_writer_close(struct api_writer *writer)
{
    if (writer == NULL) return;
    if (writer->queue != NULL) host_queue_close(writer->queue);
    host_thread_join(writer->thread);
    host_queue_release(writer->queue);
    lx_free(writer);
}

void api_writer_submit(struct api_writer *writer, struct api_job *job)
{
    LX_ASSERT(job->done != NULL);

    bool is_taken = host_queue_offer(writer->queue, job);
    LX_ASSERT(is_taken);
}

static void signal_done(struct api_job *job)
{
    (void)host_queue_put(job->context, job);
}

enum lx_err api_writer_commit(struct api_writer *writer, struct api_job *job, struct lx_error *err)
{
    struct host_queue *done = NULL;
    void *item = NULL;
    enum lx_err code = host_queue_open(1, &done, err);
    if (code != LX_OK) return code;
    job->done = signal_done;
    job->context = done;
    api_writer_submit(writer, job);
    bool has_item = host_queue_get(done, &item);
    LX_ASSERT(has_item && item == job);
    host_queue_release(done);
    if (job->change.code != LX_OK) *err = job->err;
    return job->change.code;
}

size_t api_writer_depth(const struct api_writer *writer)
{
    return host_queue_count(writer->queue);
}
