#ifndef API_WRITER_H
#define API_WRITER_H

/*
 * writer: the one thread that writes what loops have decided: it takes all that is there, commits
 * it with one sync (decide/live.h), and has each request resumed in its loop.
 *
 * Ownership: live is borrowed until close; a job is the submitter's, who may not touch it until it
 *            is told. Threads: submit from any; open, close from one.
 */

#include "decide/live.h"

struct api_job {
    struct live_change change;         /* its code says how it went */
    struct lx_error err;               /* where it did not */
    void (*done)(struct api_job *job); /* in the writer's thread; must not wait */
    void *context;
};

struct api_writer;
LX_MUST_USE enum lx_err api_writer_open(struct live *live, size_t jobs_max,
                                        struct api_writer **ret_writer, struct lx_error *err);
/* Commits what was submitted, then ends; NULL is fine. */
void api_writer_close(struct api_writer *writer);

/* Never waits as long as there are no more than jobs_max at a time. */
void api_writer_submit(struct api_writer *writer, struct api_job *job);
/* The same for who may wait, until it is done. */
LX_MUST_USE enum lx_err api_writer_commit(struct api_writer *writer, struct api_job *job,
                                          struct lx_error *err);
size_t api_writer_depth(const struct api_writer *writer); /* jobs that wait */

#endif
