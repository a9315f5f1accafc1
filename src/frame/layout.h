#ifndef FRAME_LAYOUT_H
#define FRAME_LAYOUT_H

/*
 * layout: where things stand in a frame's file; what the writer and the reader share.
 * Private to frame. Pure functions.
 */

#include "frame/frame.h"
#include "host/file.h"

#define FRAME_PROLOGUE_MAGIC "LXFRAME<"
#define FRAME_EPILOGUE_MAGIC ">LXFRAME"

/* Prologue and epilogue end in the CRC-32C of the bytes before it. */
enum { FRAME_MAGIC_SIZE = 8, FRAME_EDGE_SIZE = 64, FRAME_EDGE_CRC_AT = 60 };

/* A column's blocks in the order in which they lie. */
enum frame_block { FRAME_OFFSETS, FRAME_STRINGS, FRAME_NULLS, FRAME_VALUES, FRAME_BLOCK_COUNT };

/* One column in the directory. */
struct frame_entry {
    char name[FRAME_NAME_MAX + 1];
    enum frame_type type;
    bool has_nulls;
    size_t element_size;
    uint64_t count, string_count, string_bytes;
    struct {
        uint64_t at, size; /* bytes, from the start */
        uint32_t crc;
    } blocks[FRAME_BLOCK_COUNT];
};

static inline bool frame_type_has_offsets(enum frame_type type)
{
    return type == FRAME_TEXT || type == FRAME_LIST;
}

/* Whether a value that is null is marked in a bitmap. */
static inline bool frame_type_has_nulls(enum frame_type type)
{
    switch (type) {
    case FRAME_U8:
    case FRAME_I16:
    case FRAME_U16:
    case FRAME_I32:
    case FRAME_I64:
    case FRAME_DICTIONARY: return true;
    default: return false;
    }
}

/* Whether there is one value a row. */
static inline bool frame_type_is_by_row(enum frame_type type)
{
    return frame_type_has_nulls(type) || type == FRAME_F32 || type == FRAME_F64;
}

/* 0 for LIST and DICTIONARY, whose elements have the size that the writer says. */
static inline size_t frame_type_size(enum frame_type type)
{
    switch (type) {
    case FRAME_F32:
    case FRAME_I32: return 4;
    case FRAME_F64:
    case FRAME_I64: return 8;
    case FRAME_I16:
    case FRAME_U16: return 2;
    case FRAME_U8:
    case FRAME_TEXT:
    case FRAME_BITMAP:
    case FRAME_BLOB: return 1;
    case FRAME_DICTIONARY:
    case FRAME_LIST: return 0;
    }
    lx_bug(__FILE__, __LINE__, "frame type");
}

static inline bool frame_element_size_is_valid(enum frame_type type, size_t size)
{
    size_t own_size = frame_type_size(type);
    if (own_size != 0) return size == own_size;
    if (type == FRAME_DICTIONARY) return size == 1 || size == 2 || size == 4;
    return size > 0 && size <= FRAME_ELEMENT_MAX;
}

static inline uint64_t frame_padding(uint64_t position)
{
    return (0 - position) & (FRAME_ALIGNMENT - 1);
}

/* What a frame is made of, for the files of this folder. */
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

uint64_t frame_writer_rows(const struct frame_writer *writer);
bool frame_is_zero(const uint8_t *bytes, uint64_t from, uint64_t to);

#define FRAME_CORRUPT(frame, err, format, ...)                                                     \
    lx_fail(err, LX_ERR_CORRUPT, "%s: " format, (frame)->name, __VA_ARGS__)

#endif
