#include "host/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/fault.h"

enum { FILE_MODE = 0600, READ_STEP = 1 << 16 };

/* The kernel refuses more than this in one call. */
#define IO_MAX ((size_t)1 << 30)

struct host_file {
    int descriptor;
    char path[];
};

static atomic_int fault_number;
static atomic_uint_fast64_t fault_countdown;

void host_fault_after(uint64_t writes, int error_number)
{
    LX_ASSERT(error_number >= 0);

    atomic_store(&fault_number, 0);
    atomic_store(&fault_countdown, writes);
    atomic_store(&fault_number, error_number);
}

int host_fault_next(void)
{
    int number = atomic_load(&fault_number);
    if (number == 0) return 0;

    uint_fast64_t left = atomic_load(&fault_countdown);
    while (left > 0)
        if (atomic_compare_exchange_weak(&fault_countdown, &left, left - 1)) return 0;
    return number;
}

static int flags_of(enum host_open mode)
{
    switch (mode) {
    case HOST_READ: return O_RDONLY;
    case HOST_CREATE: return O_RDWR | O_CREAT | O_TRUNC;
    case HOST_APPEND: return O_RDWR | O_CREAT | O_APPEND;
    case HOST_UPDATE: return O_RDWR;
    }
    lx_bug(__FILE__, __LINE__, "mode");
}

static int open_again(const char *path, int flags)
{
    int descriptor;
    do descriptor = open(path, flags | O_CLOEXEC, FILE_MODE);
    while (descriptor < 0 && errno == EINTR);
    return descriptor;
}

enum lx_err host_open(const char *path, enum host_open mode, struct host_file **ret_file,
                      struct lx_error *err)
{
    LX_ASSERT(path != NULL && ret_file != NULL);

    size_t size = strlen(path) + 1;
    if (size > LX_PATH_MAX)
        return lx_fail(err, LX_ERR_LIMIT, "%.60s...: a file name of more than %d bytes", path,
                       LX_PATH_MAX - 1);
    struct host_file *file = lx_malloc(sizeof *file + size);
    if (file == NULL) return lx_fail(err, LX_ERR_NO_MEMORY, "%s: out of memory", path);

    memcpy(file->path, path, size);
    file->descriptor = open_again(path, flags_of(mode));
    if (file->descriptor < 0) {
        int number = errno;
        lx_free(file);
        return lx_fail_errno(err, number, "%s: cannot open", path);
    }
    *ret_file = file;
    return LX_OK;
}

void host_close(struct host_file *file)
{
    if (file == NULL) return;
    close(file->descriptor);
    lx_free(file);
}

const char *host_path(const struct host_file *file)
{
    return file->path;
}

enum lx_err host_read(struct host_file *file, void *bytes, size_t size, size_t *ret_length,
                      struct lx_error *err)
{
    LX_ASSERT(file != NULL && ret_length != NULL);
    LX_ASSERT(size > 0);

    ssize_t length;
    do length = read(file->descriptor, bytes, size < IO_MAX ? size : IO_MAX);
    while (length < 0 && errno == EINTR);
    if (length < 0) return lx_fail_errno(err, errno, "%s: cannot read", file->path);

    *ret_length = (size_t)length;
    return LX_OK;
}

static enum lx_err write_all(struct host_file *file, const char *bytes, size_t length,
                             struct lx_error *err)
{
    while (length > 0) {
        ssize_t written = write(file->descriptor, bytes, length < IO_MAX ? length : IO_MAX);
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return lx_fail_errno(err, errno, "%s: cannot write", file->path);
        bytes += written;
        length -= (size_t)written;
    }
    return LX_OK;
}

enum lx_err host_write(struct host_file *file, const void *bytes, size_t length,
                       struct lx_error *err)
{
    LX_ASSERT(file != NULL);
    LX_ASSERT(bytes != NULL || length == 0);

    int fault = host_fault_next();
    enum lx_err code = write_all(file, bytes, fault == 0 ? length : length / 2, err);
    if (code != LX_OK || fault == 0) return code;
    return lx_fail_errno(err, fault, "%s: cannot write", file->path);
}

enum lx_err host_write_at(struct host_file *file, uint64_t offset, const void *bytes, size_t length,
                          struct lx_error *err)
{
    LX_ASSERT(file != NULL && offset <= INT64_MAX - length);
    LX_ASSERT(bytes != NULL || length == 0);

    int fault = host_fault_next();
    size_t wanted = fault == 0 ? length : length / 2;
    for (size_t done = 0; done < wanted;) {
        size_t step = wanted - done < IO_MAX ? wanted - done : IO_MAX;
        ssize_t written =
            pwrite(file->descriptor, (const char *)bytes + done, step, (off_t)(offset + done));
        if (written < 0 && errno == EINTR) continue;
        if (written < 0)
            return lx_fail_errno(err, errno, "%s: cannot write at byte %llu", file->path,
                                 (unsigned long long)offset);
        done += (size_t)written;
    }
    if (fault == 0) return LX_OK;
    return lx_fail_errno(err, fault, "%s: cannot write at byte %llu", file->path,
                         (unsigned long long)offset);
}

enum lx_err host_read_at(struct host_file *file, uint64_t offset, void *bytes, size_t size,
                         size_t *ret_length, struct lx_error *err)
{
    LX_ASSERT(file != NULL && ret_length != NULL);
    LX_ASSERT(offset <= INT64_MAX - size);

    size_t done = 0;
    while (done < size) {
        size_t wanted = size - done < IO_MAX ? size - done : IO_MAX;
        ssize_t length =
            pread(file->descriptor, (char *)bytes + done, wanted, (off_t)(offset + done));
        if (length < 0 && errno == EINTR) continue;
        if (length < 0)
            return lx_fail_errno(err, errno, "%s: cannot read at byte %llu", file->path,
                                 (unsigned long long)offset);
        if (length == 0) break;
        done += (size_t)length;
    }
    *ret_length = done;
    return LX_OK;
}

enum lx_err host_sync(struct host_file *file, struct lx_error *err)
{
    LX_ASSERT(file != NULL);

    int fault = host_fault_next();
    if (fault != 0) return lx_fail_errno(err, fault, "%s: cannot sync", file->path);
    int status;
    do status = fdatasync(file->descriptor);
    while (status != 0 && errno == EINTR);
    if (status != 0) return lx_fail_errno(err, errno, "%s: cannot sync", file->path);
    return LX_OK;
}

void host_sync_soon(struct host_file *file)
{
    int status = sync_file_range(file->descriptor, 0, 0, SYNC_FILE_RANGE_WRITE);
    (void)status; /* some file systems have no such thing */
}

enum lx_err host_truncate(struct host_file *file, uint64_t size, struct lx_error *err)
{
    LX_ASSERT(file != NULL);
    LX_ASSERT(size <= INT64_MAX);

    int fault = host_fault_next();
    if (fault != 0) return lx_fail_errno(err, fault, "%s: cannot truncate", file->path);
    int status;
    do status = ftruncate(file->descriptor, (off_t)size);
    while (status != 0 && errno == EINTR);
    if (status != 0) return lx_fail_errno(err, errno, "%s: cannot truncate", file->path);
    return LX_OK;
}

enum lx_err host_size(struct host_file *file, uint64_t *ret_size, struct lx_error *err)
{
    LX_ASSERT(file != NULL && ret_size != NULL);

    struct stat status;
    if (fstat(file->descriptor, &status) != 0)
        return lx_fail_errno(err, errno, "%s: cannot ask for the size", file->path);
    *ret_size = (uint64_t)status.st_size;
    return LX_OK;
}

/* One step more than the size says, so that a plain file needs one growth and pipes work too. */
static enum lx_err read_rest(struct host_file *file, uint64_t size, struct lx_buffer *buffer,
                             struct lx_error *err)
{
    for (uint64_t done = 0;;) {
        size_t left = buffer->max_bytes - buffer->length;
        uint64_t step = size > done ? size - done + 1 : READ_STEP;
        if (step > left) step = left;
        if (step == 0 || size > done + left) break;
        char *room = lx_buffer_reserve(buffer, (size_t)step);
        if (room == NULL)
            return lx_fail(err, lx_buffer_error(buffer), "%s: out of memory", file->path);
        size_t length;
        enum lx_err code = host_read(file, room, (size_t)step, &length, err);
        if (code != LX_OK || length == 0) return code;
        lx_buffer_advance(buffer, length);
        done += length;
    }
    char byte;
    size_t length;
    enum lx_err code = host_read(file, &byte, 1, &length, err);
    if (code != LX_OK || length == 0) return code;
    return lx_fail(err, LX_ERR_LIMIT, "%s: more than %zu bytes", file->path, buffer->max_bytes);
}

enum lx_err host_read_file(const char *path, struct lx_buffer *buffer, struct lx_error *err)
{
    LX_ASSERT(buffer != NULL);

    struct host_file *file = NULL;
    uint64_t size = 0;
    enum lx_err code = host_open(path, HOST_READ, &file, err);
    if (code == LX_OK) code = host_size(file, &size, err);
    if (code == LX_OK) code = read_rest(file, size, buffer, err);
    host_close(file);
    return code;
}

/* The folder that holds `path`, "." when the path names none. */
static void folder_of(const char *path, char folder[LX_PATH_MAX])
{
    const char *slash = strrchr(path, '/');
    size_t length = slash == NULL ? 0 : (size_t)(slash - path);
    if (slash == path) length = 1;
    LX_ASSERT(length < LX_PATH_MAX);
    if (slash == NULL)
        memcpy(folder, ".", 2);
    else
        memcpy(folder, path, length);
    if (slash != NULL) folder[length] = '\0';
}

static enum lx_err write_whole(const char *path, const void *bytes, size_t length,
                               struct lx_error *err)
{
    struct host_file *file = NULL;
    enum lx_err code = host_open(path, HOST_CREATE, &file, err);
    if (code == LX_OK) code = host_write(file, bytes, length, err);
    if (code == LX_OK) code = host_sync(file, err);
    host_close(file);
    return code;
}

enum lx_err host_write_atomic(const char *path, const void *bytes, size_t length,
                              struct lx_error *err)
{
    LX_ASSERT(path != NULL);

    char temporary[LX_PATH_MAX + 4], folder[LX_PATH_MAX];
    int size = snprintf(temporary, sizeof temporary, "%s.tmp", path);
    if (size < 0 || size >= LX_PATH_MAX)
        return lx_fail(err, LX_ERR_LIMIT, "%.60s...: a file name of more than %d bytes", path,
                       LX_PATH_MAX - 5);

    enum lx_err code = write_whole(temporary, bytes, length, err);
    if (code == LX_OK) code = host_rename(temporary, path, err);
    if (code != LX_OK) {
        unlink(temporary);
        return code;
    }
    folder_of(path, folder);
    return host_sync_folder(folder, err);
}

enum lx_err host_map_file(const char *path, struct host_map *ret_map, struct lx_error *err)
{
    LX_ASSERT(ret_map != NULL);

    struct host_file *file = NULL;
    uint64_t size = 0;
    void *bytes = NULL;
    enum lx_err code = host_open(path, HOST_READ, &file, err);
    if (code == LX_OK) code = host_size(file, &size, err);
    if (code == LX_OK && size > 0) {
        bytes = mmap(NULL, (size_t)size, PROT_READ, MAP_PRIVATE, file->descriptor, 0);
        if (bytes == MAP_FAILED) code = lx_fail_errno(err, errno, "%s: cannot map", path);
    }
    host_close(file);
    if (code == LX_OK) *ret_map = (struct host_map){bytes, (size_t)size};
    return code;
}

void host_unmap(struct host_map *map)
{
    if (map->bytes != NULL) {
        /* munmap takes what mmap gave; only our own view of it is const. */
        int status = munmap((void *)(uintptr_t)map->bytes, map->size);
        LX_ASSERT(status == 0);
    }
    *map = (struct host_map){NULL, 0};
}
