#include "host/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#include "host/file.h"

/* The pid in the file, or 0 when it names no process that lives: a reader that wrote it may have
 * gone while others still read. */
static long owner_of(int descriptor)
{
    char text[24] = "";
    ssize_t length = pread(descriptor, text, sizeof text - 1, 0);
    if (length <= 0) return 0;
    long pid = strtol(text, NULL, 10);
    bool is_alive = pid > 0 && (kill((pid_t)pid, 0) == 0 || errno == EPERM);
    return is_alive ? pid : 0;
}

static enum lx_err write_owner(int descriptor, const char *folder, struct lx_error *err)
{
    char text[24];
    int length = snprintf(text, sizeof text, "%ld\n", (long)getpid());
    if (ftruncate(descriptor, 0) != 0 || pwrite(descriptor, text, (size_t)length, 0) != length)
        return lx_fail_errno(err, errno, "%s: cannot write owner.lock", folder);
    return LX_OK;
}

static enum lx_err take(int descriptor, const char *folder, bool is_exclusive, struct lx_error *err)
{
    int status;
    do status = flock(descriptor, (is_exclusive ? LOCK_EX : LOCK_SH) | LOCK_NB);
    while (status != 0 && errno == EINTR);
    if (status == 0) return write_owner(descriptor, folder, err);
    if (errno != EWOULDBLOCK) return lx_fail_errno(err, errno, "%s: cannot lock", folder);

    long owner = owner_of(descriptor);
    if (owner == 0) return lx_fail(err, LX_ERR_BUSY, "%s is in use by another process", folder);
    return lx_fail(err, LX_ERR_BUSY, "%s is in use by process %ld", folder, owner);
}

enum lx_err host_lock_take(const char *folder, bool is_exclusive, struct host_lock *ret_lock,
                           struct lx_error *err)
{
    LX_ASSERT(folder != NULL && ret_lock != NULL);

    char path[LX_PATH_MAX];
    enum lx_err code = host_join(path, folder, "owner.lock", err);
    if (code != LX_OK) return code;
    int descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (descriptor < 0) return lx_fail_errno(err, errno, "%s: cannot open", path);

    code = take(descriptor, folder, is_exclusive, err);
    if (code != LX_OK) {
        close(descriptor);
        return code;
    }
    ret_lock->descriptor = descriptor;
    return LX_OK;
}

void host_lock_release(struct host_lock *lock)
{
    if (lock->descriptor >= 0) close(lock->descriptor);
    lock->descriptor = -1;
}
