#include "frame/frame.h"

#include <string.h>

#include "base/buffer.h"
#include "codec/bytes.h"
#include "codec/digest.h"
#include "frame/layout.h"
#include "host/file.h"

/* Entries, names and the meta text of the largest directory. */
#define DIRECTORY_MAX ((size_t)FRAME_COLUMNS_MAX * 192 + FRAME_META_MAX)

static const char zeros[FRAME_ALIGNMENT];

struct frame_writer {
    char path[LX_PATH_MAX], temporary[LX_PATH_MAX];
    struct host_file *file;
    uint64_t row_count, position;
    struct frame_entry *entries;
    size_t entry_count, entry_capacity;
    bool is_in_column, is_failed;
    /* Of the column in progress: the block being written, how many of its elements there are, and
     * of all its blocks; the offset written last. */
    enum frame_block block;
    uint64_t counts[FRAME_BLOCK_COUNT], last_offset;
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
    if (element_size == 0) element_size = own_size;
    LX_ASSERT(frame_element_size_is_valid(type, element_size));

    enum lx_err code = lx_grow(&writer->entries, &writer->entry_capacity, writer->entry_count + 1,
                               FRAME_COLUMNS_MAX, sizeof *writer->entries);
    if (code != LX_OK)
        return lx_fail(err, code, "%s: column %s: %s, %d columns at most", writer->path, name,
                       lx_err_text(code), FRAME_COLUMNS_MAX);
    struct frame_entry *entry = &writer->entries[writer->entry_count++];
    *entry = (struct frame_entry){.type = type, .element_size = element_size};
    memcpy(entry->name, name, name_length + 1);
    writer->is_in_column = true;
    writer->block = FRAME_OFFSETS;
    memset(writer->counts, 0, sizeof writer->counts);
    writer->last_offset = 0;
    return LX_OK;
}

/* Blocks come in their order, each after the padding of the one before. */
static enum lx_err put_block(struct frame_writer *writer, enum frame_block block, const void *bytes,
                             size_t count, size_t element_size, struct lx_error *err)
{
    LX_ASSERT(writer->is_in_column && writer->block <= block);
    struct frame_entry *entry = &writer->entries[writer->entry_count - 1];

    if (writer->block != block) {
        enum lx_err code = put_padding(writer, err);
        if (code != LX_OK) return code;
        writer->block = block;
    }
    if (count == 0) return LX_OK;
    writer->counts[block] += count;
    entry->blocks[block].size += count * element_size;
    entry->blocks[block].crc = digest_crc32c(entry->blocks[block].crc, bytes, count * element_size);
    return put(writer, bytes, count * element_size, err);
}

enum lx_err frame_column_offsets(struct frame_writer *writer, const uint64_t *offsets, size_t count,
                                 struct lx_error *err)
{
    LX_ASSERT(writer != NULL && writer->is_in_column);
    uint64_t before = writer->counts[FRAME_OFFSETS];
    LX_ASSERT(frame_type_has_offsets(writer->entries[writer->entry_count - 1].type));
    LX_ASSERT(before + count <= writer->row_count + 1);
    LX_ASSERT(before > 0 || count == 0 || offsets[0] == 0);

    for (size_t i = 0; i < count; i++) {
        LX_ASSERT(offsets[i] >= writer->last_offset);
        writer->last_offset = offsets[i];
    }
    return put_block(writer, FRAME_OFFSETS, offsets, count, sizeof *offsets, err);
}

static bool is_ascending(const struct frame_strings *strings)
{
    const uint64_t *offsets = strings->offsets;
    if (offsets[0] != 0) return false;
    for (size_t i = 0; i + 1 < strings->count; i++) {
        if (offsets[i + 1] < offsets[i] || offsets[i + 2] < offsets[i + 1]) return false;
        uint64_t length = offsets[i + 1] - offsets[i], next = offsets[i + 2] - offsets[i + 1];
        int order = memcmp(strings->bytes + offsets[i], strings->bytes + offsets[i + 1],
                           (size_t)(length < next ? length : next));
        if (order > 0 || (order == 0 && length >= next)) return false;
    }
    return true;
}

enum lx_err frame_column_strings(struct frame_writer *writer, const struct frame_strings *strings,
                                 struct lx_error *err)
{
    LX_ASSERT(writer != NULL && writer->is_in_column && strings != NULL);
    struct frame_entry *entry = &writer->entries[writer->entry_count - 1];
    LX_ASSERT(entry->type == FRAME_DICTIONARY && entry->blocks[FRAME_OFFSETS].size == 0);
    LX_ASSERT(is_ascending(strings));

    if (strings->count > FRAME_STRINGS_MAX)
        return lx_fail(err, LX_ERR_LIMIT, "%s: column %s: %zu distinct strings, %d at most",
                       writer->path, entry->name, strings->count, FRAME_STRINGS_MAX);
    entry->string_count = strings->count;
    entry->string_bytes = strings->offsets[strings->count];
    enum lx_err code = put_block(writer, FRAME_OFFSETS, strings->offsets, strings->count + 1,
                                 sizeof *strings->offsets, err);
    if (code == LX_OK)
        code =
            put_block(writer, FRAME_STRINGS, strings->bytes, (size_t)entry->string_bytes, 1, err);
    return code;
}

enum lx_err frame_column_nulls(struct frame_writer *writer, const uint64_t *nulls,
                               size_t word_count, struct lx_error *err)
{
    LX_ASSERT(writer != NULL && writer->is_in_column && (nulls != NULL || word_count == 0));
    struct frame_entry *entry = &writer->entries[writer->entry_count - 1];
    LX_ASSERT(frame_type_has_nulls(entry->type));
    uint64_t done = writer->counts[FRAME_NULLS] + word_count;
    LX_ASSERT(done <= frame_bit_words(writer->row_count));
    if (word_count > 0 && done * 64 > writer->row_count)
        LX_ASSERT(nulls[word_count - 1] >> writer->row_count % 64 == 0);

    entry->has_nulls = true;
    return put_block(writer, FRAME_NULLS, nulls, word_count, sizeof *nulls, err);
}

enum lx_err frame_column_values(struct frame_writer *writer, const void *values, size_t count,
                                struct lx_error *err)
{
    LX_ASSERT(writer != NULL && writer->is_in_column);
    LX_ASSERT(values != NULL || count == 0);

    size_t element_size = writer->entries[writer->entry_count - 1].element_size;
    return put_block(writer, FRAME_VALUES, values, count, element_size, err);
}

/* Whether what the directory will say of the blocks is what was written. */
static bool is_complete(const struct frame_writer *writer, const struct frame_entry *entry)
{
    const uint64_t *counts = writer->counts;
    if (frame_type_has_offsets(entry->type))
        return counts[FRAME_OFFSETS] == writer->row_count + 1 &&
               counts[FRAME_VALUES] == writer->last_offset;
    if (entry->type == FRAME_DICTIONARY && counts[FRAME_OFFSETS] != entry->string_count + 1)
        return false;
    if (entry->has_nulls && counts[FRAME_NULLS] != frame_bit_words(writer->row_count)) return false;
    return !frame_type_is_by_row(entry->type) || counts[FRAME_VALUES] == writer->row_count;
}

enum lx_err frame_column_end(struct frame_writer *writer, struct lx_error *err)
{
    LX_ASSERT(writer != NULL && writer->is_in_column);
    struct frame_entry *entry = &writer->entries[writer->entry_count - 1];

    LX_ASSERT(is_complete(writer, entry));
    entry->count = writer->counts[FRAME_VALUES];
    writer->is_in_column = false;
    return put_padding(writer, err);
}

enum lx_err frame_write_column(struct frame_writer *writer, const char *name, enum frame_type type,
                               const void *values, struct lx_error *err)
{
    return frame_write_nullable(writer, name, type, values, NULL, err);
}

enum lx_err frame_write_nullable(struct frame_writer *writer, const char *name,
                                 enum frame_type type, const void *values, const uint64_t *nulls,
                                 struct lx_error *err)
{
    LX_ASSERT(frame_type_is_by_row(type) && type != FRAME_DICTIONARY);

    size_t row_count = (size_t)writer->row_count;
    enum lx_err code = frame_column_begin(writer, name, type, 0, err);
    if (code == LX_OK && nulls != NULL)
        code = frame_column_nulls(writer, nulls, frame_bit_words(row_count), err);
    if (code == LX_OK) code = frame_column_values(writer, values, row_count, err);
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
    bytes_put_u8(directory, entry->has_nulls);
    bytes_put_u32(directory, (uint32_t)entry->element_size);
    bytes_put_u64(directory, entry->count);
    bytes_put_u64(directory, entry->string_count);
    bytes_put_u64(directory, entry->string_bytes);
    for (int i = 0; i < FRAME_BLOCK_COUNT; i++) bytes_put_u32(directory, entry->blocks[i].crc);
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

uint64_t frame_writer_rows(const struct frame_writer *writer)
{
    return writer->row_count;
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
