#include "frame/frame.h"

#include <string.h>

#include "codec/bytes.h"
#include "codec/digest.h"
#include "frame/layout.h"
#include "host/file.h"

/* A frame is read where it lies. */
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "frames are little-endian");

struct frame {
    char *name; /* the file's, for messages */
    struct host_map map;
    const uint8_t *bytes;
    uint64_t size, row_count, directory_at;
    struct frame_entry *entries;
    size_t entry_count;
    const char *meta; /* in the directory */
    size_t meta_length;
};

/* What the epilogue says. */
struct frame_end {
    uint32_t column_count, directory_crc;
    uint64_t directory_at, directory_size;
};

#define CORRUPT(frame, err, format, ...)                                                           \
    lx_fail(err, LX_ERR_CORRUPT, "%s: " format, (frame)->name, __VA_ARGS__)

static enum lx_err check_edge(const struct frame *frame, uint64_t at, const char *magic,
                              const char *what, struct lx_error *err)
{
    const uint8_t *edge = frame->bytes + at;
    struct bytes_reader crc = bytes_reader_of(edge + FRAME_EDGE_CRC_AT, sizeof(uint32_t));
    if (memcmp(edge, magic, FRAME_MAGIC_SIZE) != 0)
        return CORRUPT(frame, err, "%s at byte %llu: not a frame, or truncated", what,
                       (unsigned long long)at);
    if (digest_crc32c(0, edge, FRAME_EDGE_CRC_AT) != bytes_get_u32(&crc))
        return CORRUPT(frame, err, "%s at byte %llu: checksum does not match", what,
                       (unsigned long long)at);
    return LX_OK;
}

static enum lx_err read_prologue(struct frame *frame, struct lx_error *err)
{
    enum lx_err code = check_edge(frame, 0, FRAME_PROLOGUE_MAGIC, "prologue", err);
    if (code != LX_OK) return code;
    struct bytes_reader reader =
        bytes_reader_of(frame->bytes + FRAME_MAGIC_SIZE, FRAME_EDGE_SIZE - FRAME_MAGIC_SIZE);
    uint32_t version = bytes_get_u32(&reader);
    if (version != FRAME_VERSION)
        return lx_fail(err, LX_ERR_VERSION, "%s: frame version %u, this program reads %d",
                       frame->name, version, FRAME_VERSION);
    frame->row_count = bytes_get_u64(&reader);
    return LX_OK;
}

static enum lx_err read_epilogue(struct frame *frame, struct frame_end *ret_end,
                                 struct lx_error *err)
{
    uint64_t at = frame->size - FRAME_EDGE_SIZE;
    enum lx_err code = check_edge(frame, at, FRAME_EPILOGUE_MAGIC, "epilogue", err);
    if (code != LX_OK) return code;
    struct bytes_reader reader =
        bytes_reader_of(frame->bytes + at + FRAME_MAGIC_SIZE, FRAME_EDGE_SIZE - FRAME_MAGIC_SIZE);
    struct frame_end end = {0};
    end.column_count = bytes_get_u32(&reader);
    end.directory_at = bytes_get_u64(&reader);
    end.directory_size = bytes_get_u64(&reader);
    end.directory_crc = bytes_get_u32(&reader);
    uint64_t size = bytes_get_u64(&reader);
    if (size != frame->size)
        return CORRUPT(frame, err, "%llu bytes, written as %llu", (unsigned long long)frame->size,
                       (unsigned long long)size);
    if (end.column_count > FRAME_COLUMNS_MAX || end.directory_at % FRAME_ALIGNMENT != 0 ||
        end.directory_at < FRAME_EDGE_SIZE || end.directory_at > at ||
        end.directory_size > at - end.directory_at ||
        at - end.directory_at - end.directory_size >= FRAME_ALIGNMENT)
        return CORRUPT(frame, err, "%s", "epilogue: the directory lies outside the file");
    *ret_end = end;
    return LX_OK;
}

static bool is_zero(const uint8_t *bytes, uint64_t from, uint64_t to)
{
    for (; from < to; from++)
        if (bytes[from] != 0) return false;
    return true;
}

static bool is_known_type(uint8_t type)
{
    return type >= FRAME_F32 && type <= FRAME_BLOB;
}

/* The place of a block of `count` elements that begins at *position, which moves past it and its
 * padding; false where the block does not end before the directory. */
static bool place_block(const struct frame *frame, uint64_t count, size_t element_size,
                        uint64_t *position, uint64_t *ret_at)
{
    uint64_t size;
    if (__builtin_mul_overflow(count, (uint64_t)element_size, &size)) return false;
    if (size > frame->directory_at - *position) return false;
    *ret_at = *position;
    *position += size;
    *position += frame_padding(*position);
    return *position <= frame->directory_at;
}

static bool place_entry(const struct frame *frame, struct frame_entry *entry, uint64_t *position)
{
    bool is_by_row = !frame_type_has_offsets(entry->type) && entry->type != FRAME_BLOB;
    if (is_by_row && entry->count != frame->row_count) return false;
    if (frame_type_has_offsets(entry->type)) {
        if (frame->row_count == UINT64_MAX) return false;
        if (!place_block(frame, frame->row_count + 1, sizeof(uint64_t), position,
                         &entry->offsets_at))
            return false;
    }
    return place_block(frame, entry->count, entry->element_size, position, &entry->values_at);
}

static bool read_entry(struct bytes_reader *reader, struct frame_entry *entry)
{
    size_t length;
    const char *name = bytes_get_text(reader, &length);
    uint8_t type = bytes_get_u8(reader);
    entry->element_size = bytes_get_u32(reader);
    entry->count = bytes_get_u64(reader);
    entry->offsets_crc = bytes_get_u32(reader);
    entry->values_crc = bytes_get_u32(reader);
    if (reader->is_failed || !is_known_type(type)) return false;
    if (length == 0 || length > FRAME_NAME_MAX || memchr(name, 0, length) != NULL) return false;
    memcpy(entry->name, name, length);
    entry->name[length] = '\0';
    entry->type = (enum frame_type)type;
    size_t own_size = frame_type_size(entry->type);
    if (own_size != 0) return entry->element_size == own_size;
    return entry->element_size > 0 && entry->element_size <= FRAME_ELEMENT_MAX;
}

static enum lx_err read_entries(struct frame *frame, struct bytes_reader *reader,
                                uint32_t column_count, struct lx_error *err)
{
    if (column_count > 0) frame->entries = lx_calloc(column_count, sizeof *frame->entries);
    if (column_count > 0 && frame->entries == NULL)
        return lx_fail(err, LX_ERR_NO_MEMORY, "%s: out of memory", frame->name);

    uint64_t position = FRAME_EDGE_SIZE;
    for (uint32_t i = 0; i < column_count; i++) {
        if (!read_entry(reader, &frame->entries[i]))
            return CORRUPT(frame, err, "directory: column %u: malformed", i);
        if (!place_entry(frame, &frame->entries[i], &position))
            return CORRUPT(frame, err, "directory: column %s: does not fit into the file",
                           frame->entries[i].name);
        frame->entry_count++;
    }
    if (position != frame->directory_at)
        return CORRUPT(frame, err, "directory: the columns end at byte %llu, not at %llu",
                       (unsigned long long)position, (unsigned long long)frame->directory_at);
    return LX_OK;
}

static enum lx_err read_directory(struct frame *frame, const struct frame_end *end,
                                  struct lx_error *err)
{
    const uint8_t *directory = frame->bytes + end->directory_at;
    if (digest_crc32c(0, directory, (size_t)end->directory_size) != end->directory_crc)
        return CORRUPT(frame, err, "%s", "directory: checksum does not match");
    if (!is_zero(frame->bytes, end->directory_at + end->directory_size,
                 frame->size - FRAME_EDGE_SIZE))
        return CORRUPT(frame, err, "%s", "directory: its padding is not zero");

    frame->directory_at = end->directory_at;
    struct bytes_reader reader = bytes_reader_of(directory, (size_t)end->directory_size);
    enum lx_err code = read_entries(frame, &reader, end->column_count, err);
    if (code != LX_OK) return code;
    frame->meta = bytes_get_text(&reader, &frame->meta_length);
    if (!bytes_is_at_end(&reader)) return CORRUPT(frame, err, "%s", "directory: malformed");
    return LX_OK;
}

static enum lx_err read_header(struct frame *frame, struct lx_error *err)
{
    if (frame->size < (uint64_t)2 * FRAME_EDGE_SIZE)
        return CORRUPT(frame, err, "%llu bytes, a frame has at least %d",
                       (unsigned long long)frame->size, 2 * FRAME_EDGE_SIZE);
    struct frame_end end = {0};
    enum lx_err code = read_prologue(frame, err);
    if (code == LX_OK) code = read_epilogue(frame, &end, err);
    if (code == LX_OK) code = read_directory(frame, &end, err);
    return code;
}

static struct frame *frame_new(const char *name, struct lx_error *err)
{
    struct frame *frame = lx_calloc(1, sizeof *frame);
    if (frame != NULL) frame->name = lx_strdup(name);
    if (frame != NULL && frame->name != NULL) return frame;
    lx_free(frame);
    lx_fail(err, LX_ERR_NO_MEMORY, "%s: out of memory", name);
    return NULL;
}

static enum lx_err open_with(struct frame *frame, const void *bytes, size_t size,
                             struct frame **ret_frame, struct lx_error *err)
{
    frame->bytes = bytes;
    frame->size = size;
    enum lx_err code = read_header(frame, err);
    if (code == LX_OK)
        *ret_frame = frame;
    else
        frame_close(frame);
    return code;
}

enum lx_err frame_open(const char *path, struct frame **ret_frame, struct lx_error *err)
{
    LX_ASSERT(path != NULL && ret_frame != NULL);

    struct frame *frame = frame_new(path, err);
    if (frame == NULL) return LX_ERR_NO_MEMORY;
    enum lx_err code = host_map_file(path, &frame->map, err);
    if (code == LX_OK) return open_with(frame, frame->map.bytes, frame->map.size, ret_frame, err);
    frame_close(frame);
    return code;
}

enum lx_err frame_open_bytes(const char *name, const void *bytes, size_t size,
                             struct frame **ret_frame, struct lx_error *err)
{
    LX_ASSERT(name != NULL && ret_frame != NULL && (bytes != NULL || size == 0));
    LX_ASSERT((uintptr_t)bytes % FRAME_ALIGNMENT == 0);

    struct frame *frame = frame_new(name, err);
    return frame == NULL ? LX_ERR_NO_MEMORY : open_with(frame, bytes, size, ret_frame, err);
}

void frame_close(struct frame *frame)
{
    if (frame == NULL) return;
    host_unmap(&frame->map);
    lx_free(frame->entries);
    lx_free(frame->name);
    lx_free(frame);
}

static enum lx_err verify_block(const struct frame *frame, const char *column, const char *what,
                                uint64_t at, uint64_t size, uint32_t crc, struct lx_error *err)
{
    if (digest_crc32c(0, frame->bytes + at, (size_t)size) != crc)
        return CORRUPT(frame, err, "column %s: %s: checksum does not match", column, what);
    uint64_t end = at + size;
    if (!is_zero(frame->bytes, end, end + frame_padding(end)))
        return CORRUPT(frame, err, "column %s: %s: the padding is not zero", column, what);
    return LX_OK;
}

static enum lx_err verify_offsets(const struct frame *frame, const struct frame_entry *entry,
                                  struct lx_error *err)
{
    const uint64_t *offsets = (const void *)(frame->bytes + entry->offsets_at);
    enum lx_err code =
        verify_block(frame, entry->name, "offsets", entry->offsets_at,
                     (frame->row_count + 1) * sizeof *offsets, entry->offsets_crc, err);
    if (code != LX_OK) return code;
    bool is_rising = offsets[0] == 0 && offsets[frame->row_count] == entry->count;
    for (uint64_t row = 0; row < frame->row_count && is_rising; row++)
        is_rising = offsets[row] <= offsets[row + 1];
    if (!is_rising)
        return CORRUPT(frame, err, "column %s: offsets that do not rise from 0 to %llu",
                       entry->name, (unsigned long long)entry->count);
    return LX_OK;
}

enum lx_err frame_verify(const struct frame *frame, struct lx_error *err)
{
    LX_ASSERT(frame != NULL);

    for (size_t i = 0; i < frame->entry_count; i++) {
        const struct frame_entry *entry = &frame->entries[i];
        enum lx_err code = LX_OK;
        if (frame_type_has_offsets(entry->type)) code = verify_offsets(frame, entry, err);
        if (code == LX_OK)
            code = verify_block(frame, entry->name, "values", entry->values_at,
                                entry->count * entry->element_size, entry->values_crc, err);
        if (code != LX_OK) return code;
    }
    return LX_OK;
}

uint64_t frame_row_count(const struct frame *frame)
{
    return frame->row_count;
}

size_t frame_column_count(const struct frame *frame)
{
    return frame->entry_count;
}

uint64_t frame_size_bytes(const struct frame *frame)
{
    return frame->size;
}

const char *frame_meta(const struct frame *frame, size_t *ret_length)
{
    *ret_length = frame->meta_length;
    return frame->meta;
}

static void fill_column(const struct frame *frame, const struct frame_entry *entry,
                        struct frame_column *column)
{
    *column = (struct frame_column){
        .type = entry->type,
        .element_size = entry->element_size,
        .count = entry->count,
        .values = frame->bytes + entry->values_at,
    };
    memcpy(column->name, entry->name, sizeof column->name);
    if (frame_type_has_offsets(entry->type))
        column->offsets = (const void *)(frame->bytes + entry->offsets_at);
}

enum lx_err frame_column_at(const struct frame *frame, size_t index,
                            struct frame_column *ret_column, struct lx_error *err)
{
    LX_ASSERT(frame != NULL && ret_column != NULL);

    if (index >= frame->entry_count)
        return CORRUPT(frame, err, "column %zu of %zu: no such column", index, frame->entry_count);
    fill_column(frame, &frame->entries[index], ret_column);
    return LX_OK;
}

enum lx_err frame_column_named(const struct frame *frame, const char *name, enum frame_type type,
                               struct frame_column *ret_column, struct lx_error *err)
{
    LX_ASSERT(frame != NULL && name != NULL && ret_column != NULL);

    for (size_t i = 0; i < frame->entry_count; i++) {
        if (strcmp(frame->entries[i].name, name) != 0) continue;
        if (frame->entries[i].type != type)
            return CORRUPT(frame, err, "column %s: type %d, expected %d", name,
                           (int)frame->entries[i].type, (int)type);
        fill_column(frame, &frame->entries[i], ret_column);
        return LX_OK;
    }
    return CORRUPT(frame, err, "column %s: missing", name);
}
