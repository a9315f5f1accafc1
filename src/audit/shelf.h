#ifndef AUDIT_SHELF_H
#define AUDIT_SHELF_H

/*
 * shelf: tiles as files of a folder, laid out as C2SP tlog-tiles says, so that the folder can be
 * copied or served as it is.
 *
 * Writing: handed to threads, which make the files, write them and begin to bring them to the disk;
 * audit_shelf_sync waits until all are there for good, and their folders. Making a file waits for
 * the file system's own journal, so that more threads than processors pay. Nothing that a signed
 * checkpoint covers is ever written over with other bytes.
 * Reading: a partial tile whose file is gone is read from the full one.
 *
 * Ownership: audit_shelf_release gives back what is open. Errors: file's; LX_ERR_CORRUPT for a
 *            tile of another length, naming its file. Threads: one at a time.
 */

#include "base/limits.h"
#include "host/file.h"
#include "merkle/grow.h"

enum { AUDIT_SHELF_WRITERS_MAX = 12, AUDIT_SHELF_FOLDERS_MAX = 64 };

struct shelf_writer;

struct audit_shelf {
    char folder[LX_PATH_MAX]; /* that holds `tile` */
    int writer_max;           /* 1: no threads, each file is synced as it is written */
    struct host_queue *queue; /* owned: files to be written; NULL: no writer runs */
    struct shelf_writer *writers[AUDIT_SHELF_WRITERS_MAX]; /* owned */
    int writer_count;
    char *folders[AUDIT_SHELF_FOLDERS_MAX]; /* owned: with entries that are not synced yet */
    size_t folder_count;
};

/* is_parallel: with threads. */
LX_MUST_USE enum lx_err audit_shelf_init(struct audit_shelf *shelf, const char *folder,
                                         bool is_parallel, struct lx_error *err);
/* Ends the writers, whatever became of their files; zeroed is fine. */
void audit_shelf_release(struct audit_shelf *shelf);

LX_MUST_USE enum lx_err audit_shelf_path(const struct audit_shelf *shelf,
                                         const struct merkle_tile *tile, char path[LX_PATH_MAX],
                                         struct lx_error *err);
/* Replaces the buffer's bytes by the file's. */
LX_MUST_USE enum lx_err audit_shelf_read(const struct audit_shelf *shelf,
                                         const struct merkle_tile *tile, struct lx_buffer *buffer,
                                         struct lx_error *err);
/* The bytes are copied. What fails in a thread is told by audit_shelf_sync. */
LX_MUST_USE enum lx_err audit_shelf_write(struct audit_shelf *shelf, const struct merkle_tile *tile,
                                          const void *bytes, size_t length, struct lx_error *err);
LX_MUST_USE enum lx_err audit_shelf_sync(struct audit_shelf *shelf, struct lx_error *err);
/* Takes away the partial tiles of a full one. */
LX_MUST_USE enum lx_err audit_shelf_drop_partial(const struct audit_shelf *shelf, int level,
                                                 uint64_t index, struct lx_error *err);

/* Hashes only. */
struct merkle_source audit_shelf_source(struct audit_shelf *shelf);
struct merkle_sink audit_shelf_sink(struct audit_shelf *shelf);

#endif
