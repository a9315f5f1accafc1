#ifndef AUDIT_SHELF_H
#define AUDIT_SHELF_H

/*
 * shelf: tiles as files of a folder, laid out as C2SP tlog-tiles says, so that the folder can be
 * copied or served as it is.
 *
 * Writing: files are written at once and are on disk for good after audit_shelf_sync, which syncs
 * them on several threads and then the folders that they are in. Nothing that a signed checkpoint
 * covers is ever written over with other bytes.
 * Reading: a partial tile whose file is gone is read from the full one.
 *
 * Ownership: audit_shelf_release gives back what is open. Errors: file's; LX_ERR_CORRUPT for a
 *            tile of another length, naming its file. Threads: one at a time.
 */

#include "base/limits.h"
#include "host/file.h"
#include "merkle/grow.h"

enum { AUDIT_SHELF_OPEN_MAX = 256, AUDIT_SHELF_FOLDERS_MAX = 64 };

struct audit_shelf {
    char folder[LX_PATH_MAX]; /* that holds `tile` */
    int thread_count;
    struct host_file *files[AUDIT_SHELF_OPEN_MAX]; /* owned: written and not synced yet */
    size_t file_count;
    char *folders[AUDIT_SHELF_FOLDERS_MAX]; /* owned: with entries that are not synced yet */
    size_t folder_count;
};

LX_MUST_USE enum lx_err audit_shelf_init(struct audit_shelf *shelf, const char *folder,
                                         int thread_count, struct lx_error *err);
void audit_shelf_release(struct audit_shelf *shelf); /* zeroed is fine */

LX_MUST_USE enum lx_err audit_shelf_path(const struct audit_shelf *shelf,
                                         const struct merkle_tile *tile, char path[LX_PATH_MAX],
                                         struct lx_error *err);
/* Replaces the buffer's bytes by the file's. */
LX_MUST_USE enum lx_err audit_shelf_read(const struct audit_shelf *shelf,
                                         const struct merkle_tile *tile, struct lx_buffer *buffer,
                                         struct lx_error *err);
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
