#ifndef FRAME_LAYOUT_H
#define FRAME_LAYOUT_H

/*
 * layout: where things stand in a frame's file; what the writer and the reader share.
 * Private to frame. Pure functions.
 */

#include "frame/frame.h"

#define FRAME_PROLOGUE_MAGIC "LXFRAME<"
#define FRAME_EPILOGUE_MAGIC ">LXFRAME"

/* Prologue and epilogue end in the CRC-32C of the bytes before it. */
enum { FRAME_MAGIC_SIZE = 8, FRAME_EDGE_SIZE = 64, FRAME_EDGE_CRC_AT = 60 };

/* One column in the directory. */
struct frame_entry {
    char name[FRAME_NAME_MAX + 1];
    enum frame_type type;
    size_t element_size;
    uint64_t count;
    uint64_t offsets_at, values_at; /* bytes from the start; offsets_at 0: none */
    uint32_t offsets_crc, values_crc;
};

static inline bool frame_type_has_offsets(enum frame_type type)
{
    return type == FRAME_TEXT || type == FRAME_LIST;
}

/* 0 for LIST, whose elements have the size that the writer says. */
static inline size_t frame_type_size(enum frame_type type)
{
    switch (type) {
    case FRAME_F32:
    case FRAME_I32: return 4;
    case FRAME_I64: return 8;
    case FRAME_U8:
    case FRAME_TEXT:
    case FRAME_BLOB: return 1;
    case FRAME_LIST: return 0;
    }
    lx_bug(__FILE__, __LINE__, "frame type");
}

static inline uint64_t frame_padding(uint64_t position)
{
    return (0 - position) & (FRAME_ALIGNMENT - 1);
}

#endif
