#include "audit/shelf.h"

#include <string.h>

#include "host/thread.h"

enum {
    BUNDLE_MAX = MERKLE_TILE_WIDTH * (MERKLE_ENTRY_MAX + 2),
    WRITER_FILES_MAX = 48, /* that one writer keeps open until it syncs them */
    QUEUE_MAX = 256,
};

struct work {
    size_t length;
    char path[LX_PATH_MAX];
    char bytes[];
};

struct shelf_writer {
    struct host_queue *queue;   /* borrowed */
    struct host_thread *thread; /* owned */
    struct host_file *files[WRITER_FILES_MAX];
    size_t file_count;
    enum lx_err code; /* the first failure */
    struct lx_error err;
};

enum lx_err audit_shelf_init(struct audit_shelf *shelf, const char *folder, bool is_parallel,
                             struct lx_error *err)
{
    *shelf = (struct audit_shelf){.writer_max = is_parallel ? AUDIT_SHELF_WRITERS_MAX : 1};
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

/* All that is written for good; the files are closed either way. */
static void sync_files(struct shelf_writer *writer)
{
    for (size_t i = 0; i < writer->file_count; i++) {
        if (writer->code == LX_OK) writer->code = host_sync(writer->files[i], &writer->err);
        host_close(writer->files[i]);
    }
    writer->file_count = 0;
}

static void write_file(struct shelf_writer *writer, const struct work *work)
{
    struct host_file *file = NULL;
    if (writer->code == LX_OK)
        writer->code = host_open(work->path, HOST_CREATE, &file, &writer->err);
    if (file == NULL) return;
    writer->files[writer->file_count++] = file;
    writer->code = host_write(file, work->bytes, work->length, &writer->err);
    if (writer->code == LX_OK) host_sync_soon(file);
    if (writer->file_count == WRITER_FILES_MAX) sync_files(writer);
}

static void write_files(void *context)
{
    struct shelf_writer *writer = context;
    void *work = NULL;
    while (host_queue_get(writer->queue, &work)) {
        write_file(writer, work);
        lx_free(work);
    }
    sync_files(writer);
}

/* One writer more for each file, until there are enough: a small checkpoint needs few. */
static enum lx_err add_writer(struct audit_shelf *shelf, struct lx_error *err)
{
    enum lx_err code = LX_OK;
    if (shelf->writer_count == shelf->writer_max) return LX_OK;
    if (shelf->queue == NULL) code = host_queue_open(QUEUE_MAX, &shelf->queue, err);
    if (code != LX_OK) return code;
    struct shelf_writer *writer = lx_calloc(1, sizeof *writer);
    if (writer == NULL) return lx_fail(err, LX_ERR_NO_MEMORY, "%s: out of memory", shelf->folder);
    writer->queue = shelf->queue;
    code = host_thread_start(write_files, writer, &writer->thread, err);
    if (code == LX_OK)
        shelf->writers[shelf->writer_count++] = writer;
    else
        lx_free(writer);
    /* Some writers are enough. */
    return shelf->writer_count > 0 ? LX_OK : code;
}

/* The first failure of any writer. */
static enum lx_err end_writers(struct audit_shelf *shelf, struct lx_error *err)
{
    enum lx_err code = LX_OK;
    if (shelf->queue != NULL) host_queue_close(shelf->queue);
    for (int i = 0; i < shelf->writer_count; i++) {
        struct shelf_writer *writer = shelf->writers[i];
        host_thread_join(writer->thread);
        if (code == LX_OK && writer->code != LX_OK) {
            code = writer->code;
            if (err != NULL) *err = writer->err;
        }
        lx_free(writer);
    }
    host_queue_release(shelf->queue);
    shelf->queue = NULL;
    shelf->writer_count = 0;
    return code;
}

void audit_shelf_release(struct audit_shelf *shelf)
{
    enum lx_err code = end_writers(shelf, NULL);
    (void)code; /* who wants to know syncs */
    for (size_t i = 0; i < shelf->folder_count; i++) lx_free(shelf->folders[i]);
    shelf->folder_count = 0;
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
static enum lx_err note_folder(struct audit_shelf *shelf, const char *folder, bool *ret_is_new,
                               struct lx_error *err)
{
    *ret_is_new = false;
    for (size_t i = shelf->folder_count; i-- > 0;)
        if (strcmp(shelf->folders[i], folder) == 0) return LX_OK;
    if (shelf->folder_count == AUDIT_SHELF_FOLDERS_MAX) {
        enum lx_err code = audit_shelf_sync(shelf, err);
        if (code != LX_OK) return code;
    }
    char *copy = lx_strdup(folder);
    if (copy == NULL) return lx_fail(err, LX_ERR_NO_MEMORY, "%s: out of memory", folder);
    shelf->folders[shelf->folder_count++] = copy;
    *ret_is_new = true;
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

/* The folders above a file are there, and those that had no entry for it are to be synced. */
static enum lx_err prepare_folders(struct audit_shelf *shelf, const char *path,
                                   struct lx_error *err)
{
    char parent[LX_PATH_MAX];
    bool is_new = false;
    memcpy(parent, path, strlen(path) + 1);
    if (!to_parent(shelf, parent)) return LX_OK;
    enum lx_err code = note_folder(shelf, parent, &is_new, err);
    if (code != LX_OK || !is_new || host_is_folder(parent)) return code;
    code = host_make_folder(parent, err);
    while (code == LX_OK && to_parent(shelf, parent))
        code = note_folder(shelf, parent, &is_new, err);
    return code;
}

static enum lx_err hand_over(struct audit_shelf *shelf, const char *path, const void *bytes,
                             size_t length, struct lx_error *err)
{
    enum lx_err code = add_writer(shelf, err);
    struct work *work = code == LX_OK ? lx_malloc(sizeof *work + length) : NULL;
    if (code == LX_OK && work == NULL)
        code = lx_fail(err, LX_ERR_NO_MEMORY, "%s: out of memory", path);
    if (code != LX_OK) return code;
    work->length = length;
    memcpy(work->path, path, strlen(path) + 1);
    memcpy(work->bytes, bytes, length);
    bool is_taken = host_queue_put(shelf->queue, work);
    LX_ASSERT(is_taken); /* only end_writers closes the queue */
    return LX_OK;
}

static enum lx_err write_now(const char *path, const void *bytes, size_t length,
                             struct lx_error *err)
{
    struct host_file *file = NULL;
    enum lx_err code = host_open(path, HOST_CREATE, &file, err);
    if (code == LX_OK) code = host_write(file, bytes, length, err);
    if (code == LX_OK) code = host_sync(file, err);
    host_close(file);
    return code;
}

enum lx_err audit_shelf_write(struct audit_shelf *shelf, const struct merkle_tile *tile,
                              const void *bytes, size_t length, struct lx_error *err)
{
    char path[LX_PATH_MAX];
    enum lx_err code = audit_shelf_path(shelf, tile, path, err);
    if (code == LX_OK) code = prepare_folders(shelf, path, err);
    if (code != LX_OK) return code;
    if (shelf->writer_max <= 1) return write_now(path, bytes, length, err);
    return hand_over(shelf, path, bytes, length, err);
}

enum lx_err audit_shelf_sync(struct audit_shelf *shelf, struct lx_error *err)
{
    enum lx_err code = end_writers(shelf, err);
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
