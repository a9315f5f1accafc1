#include "host/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/fault.h"

enum { FOLDER_MODE = 0700, TREE_DEPTH_MAX = 64, NAMES_MAX = 1 << 20 };

bool host_exists(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0;
}

bool host_is_folder(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

static enum lx_err make_one(const char *path, struct lx_error *err)
{
    if (mkdir(path, FOLDER_MODE) == 0 || host_is_folder(path)) return LX_OK;
    if (errno == EEXIST || errno == ENOTDIR)
        return lx_fail(err, LX_ERR_IO, "%s: cannot make this folder: a file is in the way", path);
    return lx_fail_errno(err, errno, "%s: cannot make this folder", path);
}

enum lx_err host_make_folder(const char *path, struct lx_error *err)
{
    LX_ASSERT(path != NULL && path[0] != '\0');

    char part[LX_PATH_MAX];
    size_t length = strlen(path);
    if (length >= sizeof part)
        return lx_fail(err, LX_ERR_LIMIT, "%.60s...: a file name of more than %d bytes", path,
                       LX_PATH_MAX - 1);
    memcpy(part, path, length + 1);
    for (size_t i = 1; i < length; i++) {
        if (part[i] != '/') continue;
        part[i] = '\0';
        enum lx_err code = make_one(part, err);
        if (code != LX_OK) return code;
        part[i] = '/';
    }
    return make_one(part, err);
}

enum lx_err host_rename(const char *from, const char *to, struct lx_error *err)
{
    LX_ASSERT(from != NULL && to != NULL);

    int fault = host_fault_next();
    if (fault != 0) return lx_fail_errno(err, fault, "%s: cannot rename to %s", from, to);
    if (rename(from, to) != 0)
        return lx_fail_errno(err, errno, "%s: cannot rename to %s", from, to);
    return LX_OK;
}

enum lx_err host_sync_folder(const char *path, struct lx_error *err)
{
    LX_ASSERT(path != NULL);

    int fault = host_fault_next();
    if (fault != 0) return lx_fail_errno(err, fault, "%s: cannot sync", path);
    int descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0) return lx_fail_errno(err, errno, "%s: cannot open", path);
    int status = fsync(descriptor), number = errno;
    close(descriptor);
    if (status != 0) return lx_fail_errno(err, number, "%s: cannot sync", path);
    return LX_OK;
}

enum lx_err host_remove(const char *path, struct lx_error *err)
{
    LX_ASSERT(path != NULL);

    if (unlink(path) == 0 || errno == ENOENT) return LX_OK;
    return lx_fail_errno(err, errno, "%s: cannot remove", path);
}

static enum lx_err remove_contents(int folder, int depth, const char *path, struct lx_error *err);

/* Links are removed, never followed. */
static enum lx_err remove_entry(int folder, const char *name, int depth, const char *path,
                                struct lx_error *err)
{
    if (unlinkat(folder, name, 0) == 0 || errno == ENOENT) return LX_OK;
    if (errno != EISDIR && errno != EPERM)
        return lx_fail_errno(err, errno, "%s: cannot remove %s", path, name);

    int inner = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (inner < 0) return lx_fail_errno(err, errno, "%s: cannot remove %s", path, name);
    enum lx_err code = remove_contents(inner, depth + 1, path, err);
    if (code == LX_OK && unlinkat(folder, name, AT_REMOVEDIR) != 0)
        code = lx_fail_errno(err, errno, "%s: cannot remove %s", path, name);
    return code;
}

static bool is_dots(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/* Takes the descriptor `folder`. */
static enum lx_err remove_contents(int folder, int depth, const char *path, struct lx_error *err)
{
    enum lx_err code = LX_OK;
    DIR *stream = fdopendir(folder);
    if (stream == NULL) {
        code = lx_fail_errno(err, errno, "%s: cannot read the folder", path);
        close(folder);
        return code;
    }
    if (depth > TREE_DEPTH_MAX)
        code = lx_fail(err, LX_ERR_LIMIT, "%s: folders more than %d deep", path, TREE_DEPTH_MAX);
    while (code == LX_OK) {
        errno = 0;
        struct dirent *entry = readdir(stream);
        if (entry == NULL && errno != 0)
            code = lx_fail_errno(err, errno, "%s: cannot read the folder", path);
        if (entry == NULL) break;
        if (!is_dots(entry->d_name))
            code = remove_entry(dirfd(stream), entry->d_name, depth, path, err);
    }
    closedir(stream);
    return code;
}

enum lx_err host_remove_tree(const char *path, struct lx_error *err)
{
    LX_ASSERT(path != NULL && path[0] != '\0');

    return remove_entry(AT_FDCWD, path, 0, path, err);
}

static bool is_plain_file(DIR *stream, const char *name)
{
    struct stat status;
    return fstatat(dirfd(stream), name, &status, 0) == 0 && S_ISREG(status.st_mode);
}

static enum lx_err add_name(struct host_names *names, const char *folder, const char *name,
                            struct lx_error *err)
{
    enum lx_err code =
        lx_grow(&names->names, &names->capacity, names->count + 1, NAMES_MAX, sizeof *names->names);
    if (code == LX_ERR_LIMIT)
        return lx_fail(err, code, "%s: more than %d files", folder, NAMES_MAX);
    char *copy = code == LX_OK ? lx_strdup(name) : NULL;
    if (copy == NULL) return lx_fail(err, LX_ERR_NO_MEMORY, "%s: out of memory", folder);
    names->names[names->count++] = copy;
    return LX_OK;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

enum lx_err host_list(const char *folder, struct host_names *ret_names, struct lx_error *err)
{
    LX_ASSERT(folder != NULL && ret_names != NULL);

    struct host_names names = {0};
    enum lx_err code = LX_OK;
    DIR *stream = opendir(folder);
    if (stream == NULL) return lx_fail_errno(err, errno, "%s: cannot read the folder", folder);
    while (code == LX_OK) {
        errno = 0;
        struct dirent *entry = readdir(stream);
        if (entry == NULL && errno != 0)
            code = lx_fail_errno(err, errno, "%s: cannot read the folder", folder);
        if (entry == NULL) break;
        if (is_plain_file(stream, entry->d_name))
            code = add_name(&names, folder, entry->d_name, err);
    }
    closedir(stream);
    if (code != LX_OK) {
        host_names_release(&names);
        return code;
    }
    if (names.count > 0) qsort(names.names, names.count, sizeof *names.names, compare_names);
    *ret_names = names;
    return LX_OK;
}

void host_names_release(struct host_names *names)
{
    for (size_t i = 0; i < names->count; i++) lx_free(names->names[i]);
    lx_free(names->names);
    *names = (struct host_names){0};
}

enum lx_err host_join(char path[LX_PATH_MAX], const char *folder, const char *name,
                      struct lx_error *err)
{
    size_t length = strlen(folder);
    const char *slash = length > 0 && folder[length - 1] != '/' ? "/" : "";
    int size = snprintf(path, LX_PATH_MAX, "%s%s%s", folder, slash, name);
    if (size < 0 || size >= LX_PATH_MAX)
        return lx_fail(err, LX_ERR_LIMIT, "%.60s/%.60s: a file name of more than %d bytes", folder,
                       name, LX_PATH_MAX - 1);
    return LX_OK;
}
