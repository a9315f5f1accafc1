#include "frame/frame.h"

#include <string.h>

#include "codec/bytes.h"
#include "codec/digest.h"
#include "frame/layout.h"

/* A frame is read where it lies. */
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "frames are little-endian");

/* What the epilogue says. */
struct frame_end {
    uint32_t column_count, directory_crc;
    uint64_t directory_at, directory_size;
};

#define CORRUPT FRAME_CORRUPT

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
        return lx_fail(err, LX_ERR_VERSION,
                       "%s: frame version %u, this program reads %d; run `lingxi refresh`",
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

bool frame_is_zero(const uint8_t *bytes, uint64_t from, uint64_t to)
{
    for (; from < to; from++)
        if (bytes[from] != 0) return false;
    return true;
}

static bool is_known_type(uint8_t type)
{
    return type >= FRAME_F32 && type <= FRAME_BITMAP;
}

/* The sizes of the entry's blocks; false where they cannot be told. */
static bool size_blocks(const struct frame *frame, struct frame_entry *entry)
{
    uint64_t offset_count = 0, values_size;
    if (frame_type_has_offsets(entry->type)) {
        if (frame->row_count == UINT64_MAX) return false;
        offset_count = frame->row_count + 1;
    }
    if (entry->type == FRAME_DICTIONARY) offset_count = entry->string_count + 1;
    if (__builtin_mul_overflow(entry->count, (uint64_t)entry->element_size, &values_size) ||
        __builtin_mul_overflow(offset_count, (uint64_t)sizeof(uint64_t),
                               &entry->blocks[FRAME_OFFSETS].size))
        return false;
    entry->blocks[FRAME_STRINGS].size = entry->string_bytes;
    if (entry->has_nulls)
        entry->blocks[FRAME_NULLS].size = frame_bit_words(frame->row_count) * sizeof(uint64_t);
    entry->blocks[FRAME_VALUES].size = values_size;
    return true;
}

/* The blocks lie one after the other from *position, which moves past them and their padding;
 * false where they do not end before the directory. */
static bool place_entry(const struct frame *frame, struct frame_entry *entry, uint64_t *position)
{
    if (frame_type_is_by_row(entry->type) && entry->count != frame->row_count) return false;
    if (!size_blocks(frame, entry)) return false;
    for (int i = 0; i < FRAME_BLOCK_COUNT; i++) {
        uint64_t size = entry->blocks[i].size;
        if (size > frame->directory_at - *position) return false;
        entry->blocks[i].at = *position;
        *position += size;
        *position += frame_padding(*position);
        if (*position > frame->directory_at) return false;
    }
    return true;
}

static bool read_entry(struct bytes_reader *reader, struct frame_entry *entry)
{
    size_t length;
    const char *name = bytes_get_text(reader, &length);
    uint8_t type = bytes_get_u8(reader), has_nulls = bytes_get_u8(reader);
    entry->element_size = bytes_get_u32(reader);
    entry->count = bytes_get_u64(reader);
    entry->string_count = bytes_get_u64(reader);
    entry->string_bytes = bytes_get_u64(reader);
    for (int i = 0; i < FRAME_BLOCK_COUNT; i++) entry->blocks[i].crc = bytes_get_u32(reader);
    if (reader->is_failed || !is_known_type(type) || has_nulls > 1) return false;
    if (length == 0 || length > FRAME_NAME_MAX || memchr(name, 0, length) != NULL) return false;
    memcpy(entry->name, name, length);
    entry->name[length] = '\0';
    entry->type = (enum frame_type)type;
    entry->has_nulls = has_nulls == 1;
    if (entry->has_nulls && !frame_type_has_nulls(entry->type)) return false;
    if (entry->type == FRAME_DICTIONARY ? entry->string_count > FRAME_STRINGS_MAX
                                        : entry->string_count + entry->string_bytes != 0)
        return false;
    return frame_element_size_is_valid(entry->type, entry->element_size);
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
    if (!frame_is_zero(frame->bytes, end->directory_at + end->directory_size,
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
    const uint8_t *bytes = frame->bytes;
    *column = (struct frame_column){
        .type = entry->type,
        .element_size = entry->element_size,
        .count = entry->count,
        .values = bytes + entry->blocks[FRAME_VALUES].at,
    };
    memcpy(column->name, entry->name, sizeof column->name);
    const uint64_t *offsets = (const void *)(bytes + entry->blocks[FRAME_OFFSETS].at);
    if (frame_type_has_offsets(entry->type)) column->offsets = offsets;
    if (entry->has_nulls) column->nulls = (const void *)(bytes + entry->blocks[FRAME_NULLS].at);
    if (entry->type != FRAME_DICTIONARY) return;
    column->strings.count = (size_t)entry->string_count;
    column->strings.offsets = offsets;
    column->strings.bytes = (const char *)bytes + entry->blocks[FRAME_STRINGS].at;
    column->string_bytes = entry->string_bytes;
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
