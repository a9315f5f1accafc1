#include "audit/shelf.h"

#include <string.h>

#include "host/thread.h"

enum { BUNDLE_MAX = MERKLE_TILE_WIDTH * (MERKLE_ENTRY_MAX + 2) };

enum lx_err audit_shelf_init(struct audit_shelf *shelf, const char *folder, int thread_count,
                             struct lx_error *err)
{
    *shelf = (struct audit_shelf){.thread_count = thread_count};
    /* Room for the longest tile's path is made sure of here. */
    char longest[LX_PATH_MAX];
    enum lx_err code = host_join(shelf->folder, folder, "", err);
    if (code == LX_OK) {
        shelf->folder[strlen(shelf->folder) - 1] = '\0';
        code = host_join(longest, folder,
                         "tile/entries/x018/x446/x744/x073/x709/x551/615.p/255.checkpoints", err);
    }
    return code;
}

void audit_shelf_release(struct audit_shelf *shelf)
{
    for (size_t i = 0; i < shelf->file_count; i++) host_close(shelf->files[i]);
    for (size_t i = 0; i < shelf->folder_count; i++) lx_free(shelf->folders[i]);
    shelf->file_count = shelf->folder_count = 0;
}

enum lx_err audit_shelf_path(const struct audit_shelf *shelf, const struct merkle_tile *tile,
                             char path[LX_PATH_MAX], struct lx_error *err)
{
    char name[MERKLE_PATH_MAX];
    merkle_tile_path(tile, name);
    return host_join(path, shelf->folder, name, err);
}

enum lx_err audit_shelf_read(const struct audit_shelf *shelf, const struct merkle_tile *tile,
                             struct lx_buffer *buffer, struct lx_error *err)
{
    char path[LX_PATH_MAX];
    struct merkle_tile full = *tile;
    full.width = MERKLE_TILE_WIDTH;
    lx_buffer_clear(buffer);
    enum lx_err code = audit_shelf_path(shelf, tile, path, err);
    if (code == LX_OK && tile->width < MERKLE_TILE_WIDTH && !host_exists(path))
        code = audit_shelf_path(shelf, &full, path, err);
    return code == LX_OK ? host_read_file(path, buffer, err) : code;
}

/* Remembers that an entry of the folder is to be synced. */
static enum lx_err note_folder(struct audit_shelf *shelf, const char *folder, struct lx_error *err)
{
    for (size_t i = shelf->folder_count; i-- > 0;)
        if (strcmp(shelf->folders[i], folder) == 0) return LX_OK;
    if (shelf->folder_count == AUDIT_SHELF_FOLDERS_MAX) {
        enum lx_err code = audit_shelf_sync(shelf, err);
        if (code != LX_OK) return code;
    }
    char *copy = lx_strdup(folder);
    if (copy == NULL) return lx_fail(err, LX_ERR_NO_MEMORY, "%s: out of memory", folder);
    shelf->folders[shelf->folder_count++] = copy;
    return LX_OK;
}

/* Cuts the last part off; false at the shelf's own folder. */
static bool to_parent(const struct audit_shelf *shelf, char path[LX_PATH_MAX])
{
    char *slash = strrchr(path, '/');
    if (slash == NULL || (size_t)(slash - path) < strlen(shelf->folder)) return false;
    *slash = '\0';
    return true;
}

/* The folders above a path down from the shelf's, those that are missing. */
static enum lx_err make_parents(struct audit_shelf *shelf, const char *path, struct lx_error *err)
{
    char parent[LX_PATH_MAX];
    memcpy(parent, path, strlen(path) + 1);
    if (!to_parent(shelf, parent)) return LX_OK;
    enum lx_err code = host_make_folder(parent, err);
    while (code == LX_OK && to_parent(shelf, parent)) code = note_folder(shelf, parent, err);
    return code;
}

static enum lx_err create(struct audit_shelf *shelf, const char *path, struct host_file **ret_file,
                          struct lx_error *err)
{
    char parent[LX_PATH_MAX];
    enum lx_err code = host_open(path, HOST_CREATE, ret_file, err);
    if (code == LX_ERR_NOT_FOUND) {
        code = make_parents(shelf, path, err);
        if (code == LX_OK) code = host_open(path, HOST_CREATE, ret_file, err);
    }
    if (code != LX_OK) return code;
    memcpy(parent, path, strlen(path) + 1);
    if (to_parent(shelf, parent)) code = note_folder(shelf, parent, err);
    if (code != LX_OK) host_close(*ret_file);
    return code;
}

enum lx_err audit_shelf_write(struct audit_shelf *shelf, const struct merkle_tile *tile,
                              const void *bytes, size_t length, struct lx_error *err)
{
    char path[LX_PATH_MAX];
    struct host_file *file = NULL;
    enum lx_err code = audit_shelf_path(shelf, tile, path, err);
    if (code == LX_OK && shelf->file_count == AUDIT_SHELF_OPEN_MAX)
        code = audit_shelf_sync(shelf, err);
    if (code == LX_OK) code = create(shelf, path, &file, err);
    if (code != LX_OK) return code;
    shelf->files[shelf->file_count++] = file;
    return host_write(file, bytes, length, err);
}

struct syncing {
    struct audit_shelf *shelf;
    struct {
        enum lx_err code;
        struct lx_error err;
    } results[AUDIT_SHELF_OPEN_MAX];
};

static void sync_one(void *context, size_t item)
{
    struct syncing *syncing = context;
    syncing->results[item].code =
        host_sync(syncing->shelf->files[item], &syncing->results[item].err);
}

static enum lx_err sync_files(struct audit_shelf *shelf, struct lx_error *err)
{
    if (shelf->file_count == 0) return LX_OK;
    struct syncing *syncing = lx_calloc(1, sizeof *syncing);
    if (syncing == NULL) return lx_fail(err, LX_ERR_NO_MEMORY, "%s: out of memory", shelf->folder);
    syncing->shelf = shelf;
    enum lx_err code =
        host_parallel(shelf->thread_count, shelf->file_count, sync_one, syncing, err);
    for (size_t i = 0; code == LX_OK && i < shelf->file_count; i++) {
        code = syncing->results[i].code;
        if (code != LX_OK && err != NULL) *err = syncing->results[i].err;
    }
    lx_free(syncing);
    return code;
}

enum lx_err audit_shelf_sync(struct audit_shelf *shelf, struct lx_error *err)
{
    enum lx_err code = sync_files(shelf, err);
    for (size_t i = 0; code == LX_OK && i < shelf->folder_count; i++)
        code = host_sync_folder(shelf->folders[i], err);
    audit_shelf_release(shelf);
    return code;
}

enum lx_err audit_shelf_drop_partial(const struct audit_shelf *shelf, int level, uint64_t index,
                                     struct lx_error *err)
{
    char path[LX_PATH_MAX];
    const struct merkle_tile tile = {level, index, 1};
    enum lx_err code = audit_shelf_path(shelf, &tile, path, err);
    if (code != LX_OK) return code;
    *strrchr(path, '/') = '\0';
    return host_remove_tree(path, err);
}

static enum lx_err read_hashes(void *context, const struct merkle_tile *tile,
                               struct merkle_hash *ret_hashes, struct lx_error *err)
{
    const struct audit_shelf *shelf = context;
    struct lx_buffer bytes;
    size_t wanted = (size_t)tile->width * sizeof *ret_hashes;
    char path[LX_PATH_MAX];
    lx_buffer_init(&bytes, BUNDLE_MAX);
    enum lx_err code = audit_shelf_read(shelf, tile, &bytes, err);
    if (code == LX_OK && bytes.length != wanted &&
        bytes.length != MERKLE_TILE_WIDTH * sizeof *ret_hashes) {
        code = audit_shelf_path(shelf, tile, path, err);
        if (code == LX_OK)
            code =
                lx_fail(err, LX_ERR_CORRUPT, "%s: %zu bytes, not %zu", path, bytes.length, wanted);
    }
    if (code == LX_OK) memcpy(ret_hashes, bytes.bytes, wanted);
    lx_buffer_release(&bytes);
    return code;
}

static enum lx_err write_hashes(void *context, const struct merkle_tile *tile,
                                const struct merkle_hash *hashes, struct lx_error *err)
{
    return audit_shelf_write(context, tile, hashes, (size_t)tile->width * sizeof *hashes, err);
}

struct merkle_source audit_shelf_source(struct audit_shelf *shelf)
{
    return (struct merkle_source){shelf, read_hashes};
}

struct merkle_sink audit_shelf_sink(struct audit_shelf *shelf)
{
    return (struct merkle_sink){shelf, write_hashes};
}
