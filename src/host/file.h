#ifndef HOST_FILE_H
#define HOST_FILE_H

/*
 * file: files and folders. Everything durable goes through here, so that tests can make the N-th
 * write fail or the disk be full (host_fault).
 *
 * Errors:  name the path and the system's reason: LX_ERR_NOT_FOUND, LX_ERR_DISK_FULL, LX_ERR_IO,
 *          LX_ERR_LIMIT. Threads: distinct handles may be used at once.
 */

#include "base/base.h"
#include "base/buffer.h"
#include "base/limits.h"

/* Appends the whole file to the buffer; LX_ERR_LIMIT past the buffer's maximum. */
LX_MUST_USE enum lx_err host_read_file(const char *path, struct lx_buffer *buffer,
                                       struct lx_error *err);

/*
 * Replaces the file by these bytes or leaves it as it was: PATH.tmp, fsync, rename, fsync of the
 * folder. Only if that last step fails may the new bytes be there and yet be lost by a power cut.
 * One writer for a path at a time.
 */
LX_MUST_USE enum lx_err host_write_atomic(const char *path, const void *bytes, size_t length,
                                          struct lx_error *err);

struct host_file; /* an open file */

enum host_open {
    HOST_READ,   /* must exist */
    HOST_CREATE, /* written anew, mode 0600 */
    HOST_APPEND, /* created if missing, written at the end */
    HOST_UPDATE, /* must exist, written anywhere by host_write_at */
};

LX_MUST_USE enum lx_err host_open(const char *path, enum host_open mode,
                                  struct host_file **ret_file, struct lx_error *err);
void host_close(struct host_file *file); /* NULL is fine; does not sync */
const char *host_path(const struct host_file *file);

/* Up to `size` > 0 bytes at the current place, perhaps fewer; *ret_length 0 at the end. */
LX_MUST_USE enum lx_err host_read(struct host_file *file, void *bytes, size_t size,
                                  size_t *ret_length, struct lx_error *err);
/* All the bytes, or a failure. */
LX_MUST_USE enum lx_err host_write(struct host_file *file, const void *bytes, size_t length,
                                   struct lx_error *err);
LX_MUST_USE enum lx_err host_write_at(struct host_file *file, uint64_t offset, const void *bytes,
                                      size_t length, struct lx_error *err);
/* As many of the `size` bytes at `offset` as the file has. */
LX_MUST_USE enum lx_err host_read_at(struct host_file *file, uint64_t offset, void *bytes,
                                     size_t size, size_t *ret_length, struct lx_error *err);
LX_MUST_USE enum lx_err host_sync(struct host_file *file, struct lx_error *err); /* fdatasync */
/* Begins to write to the disk and does not wait: where many files are to be synced, syncing them
 * then waits once and not for each. A hint that may do nothing, and no sync. */
void host_sync_soon(struct host_file *file);
LX_MUST_USE enum lx_err host_truncate(struct host_file *file, uint64_t size, struct lx_error *err);
LX_MUST_USE enum lx_err host_size(struct host_file *file, uint64_t *ret_size, struct lx_error *err);

/* Read-only view of a whole file. An empty file gives a NULL pointer and size 0. */
struct host_map {
    const uint8_t *bytes;
    size_t size;
};
LX_MUST_USE enum lx_err host_map_file(const char *path, struct host_map *ret_map,
                                      struct lx_error *err);
void host_unmap(struct host_map *map);

bool host_exists(const char *path);
bool host_is_folder(const char *path);
LX_MUST_USE enum lx_err host_make_folder(const char *path, struct lx_error *err); /* and parents */
LX_MUST_USE enum lx_err host_rename(const char *from, const char *to, struct lx_error *err);
LX_MUST_USE enum lx_err host_sync_folder(const char *path, struct lx_error *err);
LX_MUST_USE enum lx_err host_remove(const char *path, struct lx_error *err); /* missing is fine */
/* A folder and all that is in it, or a file; links are not followed; missing is fine. */
LX_MUST_USE enum lx_err host_remove_tree(const char *path, struct lx_error *err);

/* Names (not paths) of a folder's plain files and of links to such, sorted by bytes. */
struct host_names {
    char **names; /* owned */
    size_t count, capacity;
};
LX_MUST_USE enum lx_err host_list(const char *folder, struct host_names *ret_names,
                                  struct lx_error *err);
void host_names_release(struct host_names *names);

/* "folder/name" into path; LX_ERR_LIMIT if it does not fit. */
LX_MUST_USE enum lx_err host_join(char path[LX_PATH_MAX], const char *folder, const char *name,
                                  struct lx_error *err);

/*
 * Test hook: after `writes` more successful writes, syncs, truncations and renames every further
 * one fails with this errno value (ENOSPC, EIO), until it is set again; errno 0 switches it off.
 * A write that fails has written half of its bytes, as a full disk does.
 */
void host_fault_after(uint64_t writes, int error_number);

#endif
