#include "frame/frame.h"

#include <string.h>

#include "base/buffer.h"
#include "codec/bytes.h"
#include "codec/digest.h"
#include "frame/layout.h"
#include "host/file.h"

/* Entries, names and the meta text of the largest directory. */
#define DIRECTORY_MAX ((size_t)FRAME_COLUMNS_MAX * 128 + FRAME_META_MAX)

static const char zeros[FRAME_ALIGNMENT];

struct frame_writer {
    char path[LX_PATH_MAX], temporary[LX_PATH_MAX];
    struct host_file *file;
    uint64_t row_count, position;
    struct frame_entry *entries;
    size_t entry_count, entry_capacity;
    bool is_in_column, is_in_values, is_failed;
    uint64_t offset_count, last_offset; /* of the column in progress */
    uint64_t value_count;
};

static enum lx_err put(struct frame_writer *writer, const void *bytes, size_t length,
                       struct lx_error *err)
{
    enum lx_err code = host_write(writer->file, bytes, length, err);
    writer->position += length;
    writer->is_failed |= code != LX_OK;
    return code;
}

static enum lx_err put_padding(struct frame_writer *writer, struct lx_error *err)
{
    size_t length = (size_t)frame_padding(writer->position);
    return length == 0 ? LX_OK : put(writer, zeros, length, err);
}

/* Fills the buffer to 64 bytes, the last four of them the CRC of the others, and writes it. */
static enum lx_err put_edge(struct frame_writer *writer, struct lx_buffer *edge,
                            struct lx_error *err)
{
    lx_buffer_append(edge, zeros, FRAME_EDGE_CRC_AT - edge->length);
    if (lx_buffer_error(edge) == LX_OK)
        bytes_put_u32(edge, digest_crc32c(0, edge->bytes, FRAME_EDGE_CRC_AT));
    enum lx_err code = lx_buffer_error(edge);
    if (code != LX_OK) return lx_fail(err, code, "%s: out of memory", writer->path);
    LX_ASSERT(edge->length == FRAME_EDGE_SIZE);
    return put(writer, edge->bytes, edge->length, err);
}

static enum lx_err put_prologue(struct frame_writer *writer, struct lx_error *err)
{
    struct lx_buffer edge;
    lx_buffer_init(&edge, FRAME_EDGE_SIZE);
    lx_buffer_append(&edge, FRAME_PROLOGUE_MAGIC, FRAME_MAGIC_SIZE);
    bytes_put_u32(&edge, FRAME_VERSION);
    bytes_put_u64(&edge, writer->row_count);
    enum lx_err code = put_edge(writer, &edge, err);
    lx_buffer_release(&edge);
    return code;
}

enum lx_err frame_writer_open(const char *path, uint64_t row_count,
                              struct frame_writer **ret_writer, struct lx_error *err)
{
    LX_ASSERT(path != NULL && ret_writer != NULL);

    size_t length = strlen(path);
    if (length + sizeof ".tmp" > LX_PATH_MAX)
        return lx_fail(err, LX_ERR_LIMIT, "%.60s...: a file name of more than %zu bytes", path,
                       LX_PATH_MAX - sizeof ".tmp");
    struct frame_writer *writer = lx_calloc(1, sizeof *writer);
    if (writer == NULL) return lx_fail(err, LX_ERR_NO_MEMORY, "%s: out of memory", path);

    writer->row_count = row_count;
    memcpy(writer->path, path, length + 1);
    memcpy(writer->temporary, path, length);
    memcpy(writer->temporary + length, ".tmp", sizeof ".tmp");
    enum lx_err code = host_open(writer->temporary, HOST_CREATE, &writer->file, err);
    if (code == LX_OK) code = put_prologue(writer, err);
    if (code != LX_OK) {
        frame_writer_close(writer);
        return code;
    }
    *ret_writer = writer;
    return LX_OK;
}

static bool has_column(const struct frame_writer *writer, const char *name)
{
    for (size_t i = 0; i < writer->entry_count; i++)
        if (strcmp(writer->entries[i].name, name) == 0) return true;
    return false;
}

enum lx_err frame_column_begin(struct frame_writer *writer, const char *name, enum frame_type type,
                               size_t element_size, struct lx_error *err)
{
    LX_ASSERT(writer != NULL && !writer->is_in_column && !writer->is_failed);
    size_t name_length = strlen(name), own_size = frame_type_size(type);
    LX_ASSERT(name_length > 0 && name_length <= FRAME_NAME_MAX && !has_column(writer, name));
    LX_ASSERT(own_size == 0 || element_size == 0 || element_size == own_size);
    if (element_size == 0) element_size = own_size;
    LX_ASSERT(element_size > 0 && element_size <= FRAME_ELEMENT_MAX);

    enum lx_err code = lx_grow(&writer->entries, &writer->entry_capacity, writer->entry_count + 1,
                               FRAME_COLUMNS_MAX, sizeof *writer->entries);
    if (code != LX_OK)
        return lx_fail(err, code, "%s: column %s: %s, %d columns at most", writer->path, name,
                       lx_err_text(code), FRAME_COLUMNS_MAX);
    struct frame_entry *entry = &writer->entries[writer->entry_count++];
    *entry = (struct frame_entry){.type = type, .element_size = element_size};
    memcpy(entry->name, name, name_length + 1);
    writer->is_in_column = true;
    writer->is_in_values = false;
    writer->offset_count = writer->last_offset = writer->value_count = 0;
    return LX_OK;
}

enum lx_err frame_column_offsets(struct frame_writer *writer, const uint64_t *offsets, size_t count,
                                 struct lx_error *err)
{
    LX_ASSERT(writer != NULL && writer->is_in_column && !writer->is_in_values);
    struct frame_entry *entry = &writer->entries[writer->entry_count - 1];
    LX_ASSERT(frame_type_has_offsets(entry->type));
    LX_ASSERT(writer->offset_count + count <= writer->row_count + 1);
    LX_ASSERT(writer->offset_count > 0 || count == 0 || offsets[0] == 0);

    for (size_t i = 0; i < count; i++) {
        LX_ASSERT(offsets[i] >= writer->last_offset);
        writer->last_offset = offsets[i];
    }
    writer->offset_count += count;
    entry->offsets_crc = digest_crc32c(entry->offsets_crc, offsets, count * sizeof *offsets);
    return put(writer, offsets, count * sizeof *offsets, err);
}

/* Offsets are complete before the first value. */
static enum lx_err begin_values(struct frame_writer *writer, struct lx_error *err)
{
    struct frame_entry *entry = &writer->entries[writer->entry_count - 1];
    if (frame_type_has_offsets(entry->type))
        LX_ASSERT(writer->offset_count == writer->row_count + 1);
    writer->is_in_values = true;
    return put_padding(writer, err);
}

enum lx_err frame_column_values(struct frame_writer *writer, const void *values, size_t count,
                                struct lx_error *err)
{
    LX_ASSERT(writer != NULL && writer->is_in_column);
    LX_ASSERT(values != NULL || count == 0);

    enum lx_err code = writer->is_in_values ? LX_OK : begin_values(writer, err);
    if (code != LX_OK || count == 0) return code;
    struct frame_entry *entry = &writer->entries[writer->entry_count - 1];
    entry->values_crc = digest_crc32c(entry->values_crc, values, count * entry->element_size);
    writer->value_count += count;
    return put(writer, values, count * entry->element_size, err);
}

enum lx_err frame_column_end(struct frame_writer *writer, struct lx_error *err)
{
    LX_ASSERT(writer != NULL && writer->is_in_column);
    struct frame_entry *entry = &writer->entries[writer->entry_count - 1];

    enum lx_err code = writer->is_in_values ? LX_OK : begin_values(writer, err);
    if (code != LX_OK) return code;
    if (frame_type_has_offsets(entry->type))
        LX_ASSERT(writer->value_count == writer->last_offset);
    else if (entry->type != FRAME_BLOB)
        LX_ASSERT(writer->value_count == writer->row_count);
    entry->count = writer->value_count;
    writer->is_in_column = false;
    return put_padding(writer, err);
}

enum lx_err frame_write_column(struct frame_writer *writer, const char *name, enum frame_type type,
                               const void *values, struct lx_error *err)
{
    LX_ASSERT(!frame_type_has_offsets(type) && type != FRAME_BLOB);

    enum lx_err code = frame_column_begin(writer, name, type, 0, err);
    if (code == LX_OK) code = frame_column_values(writer, values, (size_t)writer->row_count, err);
    if (code == LX_OK) code = frame_column_end(writer, err);
    return code;
}

enum lx_err frame_write_list(struct frame_writer *writer, const char *name, enum frame_type type,
                             size_t element_size, const uint64_t *offsets, const void *elements,
                             struct lx_error *err)
{
    LX_ASSERT(frame_type_has_offsets(type));

    size_t row_count = (size_t)writer->row_count;
    enum lx_err code = frame_column_begin(writer, name, type, element_size, err);
    if (code == LX_OK) code = frame_column_offsets(writer, offsets, row_count + 1, err);
    if (code == LX_OK)
        code = frame_column_values(writer, elements, (size_t)offsets[row_count], err);
    if (code == LX_OK) code = frame_column_end(writer, err);
    return code;
}

enum lx_err frame_write_blob(struct frame_writer *writer, const char *name, const void *bytes,
                             size_t length, struct lx_error *err)
{
    enum lx_err code = frame_column_begin(writer, name, FRAME_BLOB, 0, err);
    if (code == LX_OK) code = frame_column_values(writer, bytes, length, err);
    if (code == LX_OK) code = frame_column_end(writer, err);
    return code;
}

static void put_entry(struct lx_buffer *directory, const struct frame_entry *entry)
{
    bytes_put_text(directory, entry->name, strlen(entry->name));
    bytes_put_u8(directory, (uint8_t)entry->type);
    bytes_put_u32(directory, (uint32_t)entry->element_size);
    bytes_put_u64(directory, entry->count);
    bytes_put_u32(directory, entry->offsets_crc);
    bytes_put_u32(directory, entry->values_crc);
}

static enum lx_err put_end(struct frame_writer *writer, const char *meta, size_t meta_length,
                           struct lx_error *err)
{
    struct lx_buffer directory, edge;
    lx_buffer_init(&directory, DIRECTORY_MAX);
    lx_buffer_init(&edge, FRAME_EDGE_SIZE);
    for (size_t i = 0; i < writer->entry_count; i++) put_entry(&directory, &writer->entries[i]);
    bytes_put_text(&directory, meta, meta_length);
    enum lx_err code = lx_buffer_error(&directory);
    if (code != LX_OK) {
        code = lx_fail(err, code, "%s: directory: %s", writer->path, lx_err_text(code));
        goto out;
    }
    uint64_t at = writer->position;
    code = put(writer, directory.bytes, directory.length, err);
    if (code == LX_OK) code = put_padding(writer, err);
    if (code != LX_OK) goto out;

    lx_buffer_append(&edge, FRAME_EPILOGUE_MAGIC, FRAME_MAGIC_SIZE);
    bytes_put_u32(&edge, (uint32_t)writer->entry_count);
    bytes_put_u64(&edge, at);
    bytes_put_u64(&edge, directory.length);
    bytes_put_u32(&edge, digest_crc32c(0, directory.bytes, directory.length));
    bytes_put_u64(&edge, writer->position + FRAME_EDGE_SIZE);
    code = put_edge(writer, &edge, err);

out:
    lx_buffer_release(&directory);
    lx_buffer_release(&edge);
    return code;
}

static enum lx_err sync_parent(const char *path, struct lx_error *err)
{
    char folder[LX_PATH_MAX];
    const char *slash = strrchr(path, '/');
    if (slash == NULL) return host_sync_folder(".", err);
    size_t length = slash == path ? 1 : (size_t)(slash - path);
    memcpy(folder, path, length);
    folder[length] = '\0';
    return host_sync_folder(folder, err);
}

enum lx_err frame_writer_commit(struct frame_writer *writer, const char *meta, size_t meta_length,
                                struct lx_error *err)
{
    LX_ASSERT(writer != NULL && !writer->is_in_column && !writer->is_failed);
    LX_ASSERT(writer->file != NULL && meta_length <= FRAME_META_MAX);

    enum lx_err code = put_end(writer, meta, meta_length, err);
    if (code == LX_OK) code = host_sync(writer->file, err);
    if (code == LX_OK) code = host_rename(writer->temporary, writer->path, err);
    if (code != LX_OK) {
        writer->is_failed = true;
        return code;
    }
    host_close(writer->file);
    writer->file = NULL;
    return sync_parent(writer->path, err);
}

void frame_writer_close(struct frame_writer *writer)
{
    if (writer == NULL) return;
    if (writer->file != NULL) {
        host_close(writer->file);
        /* Where even this is refused the file stays; its name says that nobody reads it. */
        struct lx_error ignored;
        enum lx_err code = host_remove(writer->temporary, &ignored);
        (void)code;
    }
    lx_free(writer->entries);
    lx_free(writer);
}
