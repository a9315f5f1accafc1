#ifndef TESTS_SMALL_FRAME_H
#define TESTS_SMALL_FRAME_H

/* small_frame: one frame with a column of each type, small enough to damage in every place. */

#include <string.h>

#include "frame/frame.h"
#include "tests/scratch.h"

enum { SMALL_ROWS = 5, SMALL_COLUMNS = 12 };

static const float small_f32[SMALL_ROWS] = {0, -1.5F, 3.25F, 1e30F, -0.0F};
static const int32_t small_i32[SMALL_ROWS] = {0, -1, INT32_MAX, INT32_MIN, 7};
static const int64_t small_i64[SMALL_ROWS] = {0, -1, INT64_MAX, INT64_MIN, 7};
static const uint8_t small_u8[SMALL_ROWS] = {0, 1, 255, 3, 4};
static const uint64_t small_text_offsets[SMALL_ROWS + 1] = {0, 3, 3, 9, 10, 12};
static const char small_text[] = "abc\xe7\x81\xb5\xe7\x8a\x80x--";
static const uint64_t small_list_offsets[SMALL_ROWS + 1] = {0, 0, 2, 2, 2, 3};
static const uint64_t small_list[] = {11, 22, 33};
static const int16_t small_i16[SMALL_ROWS] = {0, -1, INT16_MAX, INT16_MIN, 7};
static const uint16_t small_u16[SMALL_ROWS] = {0, 1, UINT16_MAX, 3, 4};
static const double small_f64[SMALL_ROWS] = {0, -1.5, 0.1, 1e300, -0.0};
static const uint64_t small_nulls[] = {0x12}; /* rows 1 and 4 */
static const uint64_t small_name_offsets[SMALL_ROWS + 1] = {0, 3, 3, 9, 12, 12};
static const char small_names[] = "webAPPappweb"; /* rows "web", null, "APPapp", "web", null */
static const uint64_t small_bits[] = {0x0D};      /* rows 0, 2 and 3 */
static const char small_blob[] = "belongs to no row";
static const char small_meta[] = "{\"as_of\": \"2026-03-31\"}";

static inline const char *in_scratch(const char *folder, const char *name, char path[LX_PATH_MAX])
{
    struct lx_error err;
    MUST(host_join(path, folder, name, &err));
    return path;
}

/* The first failure, with everything given back. */
static inline enum lx_err small_write(const char *path, struct lx_error *err)
{
    struct frame_writer *writer = NULL;
    enum lx_err code = frame_writer_open(path, SMALL_ROWS, &writer, err);
    if (code == LX_OK) code = frame_write_column(writer, "f32", FRAME_F32, small_f32, err);
    if (code == LX_OK) code = frame_write_column(writer, "i32", FRAME_I32, small_i32, err);
    if (code == LX_OK) code = frame_write_column(writer, "i64", FRAME_I64, small_i64, err);
    if (code == LX_OK) code = frame_write_column(writer, "u8", FRAME_U8, small_u8, err);
    if (code == LX_OK)
        code = frame_write_list(writer, "text", FRAME_TEXT, 1, small_text_offsets, small_text, err);
    if (code == LX_OK)
        code = frame_write_list(writer, "list", FRAME_LIST, sizeof(uint64_t), small_list_offsets,
                                small_list, err);
    if (code == LX_OK)
        code = frame_write_nullable(writer, "i16", FRAME_I16, small_i16, small_nulls, err);
    if (code == LX_OK) code = frame_write_column(writer, "u16", FRAME_U16, small_u16, err);
    if (code == LX_OK) code = frame_write_column(writer, "f64", FRAME_F64, small_f64, err);
    if (code == LX_OK)
        code =
            frame_write_strings(writer, "names", small_name_offsets, small_names, small_nulls, err);
    if (code == LX_OK) code = frame_write_bits(writer, "bitmap", small_bits, err);
    if (code == LX_OK) code = frame_write_blob(writer, "blob", small_blob, sizeof small_blob, err);
    if (code == LX_OK) code = frame_writer_commit(writer, small_meta, sizeof small_meta - 1, err);
    frame_writer_close(writer);
    return code;
}

#endif
