#ifndef HOST_LOCK_H
#define HOST_LOCK_H

/*
 * lock: one owner of a data directory. The lock is flock(2) on DIR/owner.lock, which the system
 * gives back when the process ends, however it ends; the file holds the owner's pid for messages.
 * Readers share, a writer is alone. Where the pid in the file is gone (a reader that has ended
 * while others read on), the message names no process.
 * Errors: LX_ERR_BUSY with the owner's pid; LX_ERR_IO.
 */

#include "base/base.h"

struct host_lock {
    int descriptor; /* -1 when not held */
};

LX_MUST_USE enum lx_err host_lock_take(const char *folder, bool is_exclusive,
                                       struct host_lock *ret_lock, struct lx_error *err);
void host_lock_release(struct host_lock *lock);

#endif
