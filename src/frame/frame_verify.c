#include <stdatomic.h>
#include <string.h>

#include "codec/digest.h"
#include "frame/layout.h"
#include "host/thread.h"

#define CORRUPT FRAME_CORRUPT

static enum lx_err verify_block(const struct frame *frame, const struct frame_entry *entry,
                                enum frame_block block, struct lx_error *err)
{
    static const char *const names[] = {"offsets", "strings", "nulls", "values"};
    uint64_t at = entry->blocks[block].at, end = at + entry->blocks[block].size;
    if (digest_crc32c(0, frame->bytes + at, (size_t)(end - at)) != entry->blocks[block].crc)
        return CORRUPT(frame, err, "column %s: %s: checksum does not match", entry->name,
                       names[block]);
    if (!frame_is_zero(frame->bytes, end, end + frame_padding(end)))
        return CORRUPT(frame, err, "column %s: %s: the padding is not zero", entry->name,
                       names[block]);
    return LX_OK;
}

static enum lx_err verify_offsets(const struct frame *frame, const struct frame_entry *entry,
                                  struct lx_error *err)
{
    uint64_t count = entry->blocks[FRAME_OFFSETS].size / sizeof(uint64_t);
    if (count == 0) return LX_OK;
    const uint64_t *offsets = (const void *)(frame->bytes + entry->blocks[FRAME_OFFSETS].at);
    uint64_t last = entry->type == FRAME_DICTIONARY ? entry->string_bytes : entry->count;
    bool is_rising = offsets[0] == 0 && offsets[count - 1] == last;
    for (uint64_t i = 0; i + 1 < count && is_rising; i++) is_rising = offsets[i] <= offsets[i + 1];
    if (!is_rising)
        return CORRUPT(frame, err, "column %s: offsets that do not rise from 0 to %llu",
                       entry->name, (unsigned long long)last);
    return LX_OK;
}

static enum lx_err verify_nulls(const struct frame *frame, const struct frame_entry *entry,
                                struct lx_error *err)
{
    if (!entry->has_nulls || frame->row_count % 64 == 0) return LX_OK;
    const uint64_t *nulls = (const void *)(frame->bytes + entry->blocks[FRAME_NULLS].at);
    if (nulls[frame->row_count / 64] >> frame->row_count % 64 != 0)
        return CORRUPT(frame, err, "column %s: nulls past the last row", entry->name);
    return LX_OK;
}

static bool is_ascending(const struct frame_column *column)
{
    size_t length, next_length;
    for (size_t i = 0; i + 1 < column->strings.count; i++) {
        const char *text = frame_string_at(column, i, &length);
        const char *next = frame_string_at(column, i + 1, &next_length);
        int order = memcmp(text, next, length < next_length ? length : next_length);
        if (order > 0 || (order == 0 && length >= next_length)) return false;
    }
    return true;
}

static uint64_t code_at(const struct frame_column *column, uint64_t row)
{
    if (column->element_size == 1) return ((const uint8_t *)column->values)[row];
    if (column->element_size == 2) return ((const uint16_t *)column->values)[row];
    return ((const uint32_t *)column->values)[row];
}

static enum lx_err verify_dictionary(const struct frame *frame, size_t index, struct lx_error *err)
{
    struct frame_column column;
    enum lx_err code = frame_column_at(frame, index, &column, err);
    if (code != LX_OK) return code;
    if (!is_ascending(&column))
        return CORRUPT(frame, err, "column %s: strings that do not ascend", column.name);
    for (uint64_t row = 0; row < column.count; row++) {
        bool is_null = column.nulls != NULL && (column.nulls[row / 64] >> row % 64 & 1) != 0;
        uint64_t number = code_at(&column, row);
        if (is_null ? number != 0 : number >= column.strings.count)
            return CORRUPT(frame, err, "column %s: row %llu: code %llu of %zu strings", column.name,
                           (unsigned long long)row, (unsigned long long)number,
                           column.strings.count);
    }
    return LX_OK;
}

static enum lx_err verify_bitmap(const struct frame *frame, const char *name, struct lx_error *err)
{
    const struct roaring_bitmap_s *bitmap = NULL;
    enum lx_err code = frame_bitmap_open(frame, name, &bitmap, err);
    frame_bitmap_close(bitmap);
    return code;
}

static enum lx_err verify_column(const struct frame *frame, size_t index, struct lx_error *err)
{
    const struct frame_entry *entry = &frame->entries[index];
    enum lx_err code = LX_OK;
    for (int i = 0; i < FRAME_BLOCK_COUNT && code == LX_OK; i++)
        code = verify_block(frame, entry, (enum frame_block)i, err);
    if (code == LX_OK) code = verify_offsets(frame, entry, err);
    if (code == LX_OK) code = verify_nulls(frame, entry, err);
    if (code == LX_OK && entry->type == FRAME_DICTIONARY)
        code = verify_dictionary(frame, index, err);
    if (code == LX_OK && entry->type == FRAME_BITMAP) code = verify_bitmap(frame, entry->name, err);
    return code;
}

/* `is_cancelled` may be NULL. */
static enum lx_err verify(const struct frame *frame, const atomic_bool *is_cancelled,
                          struct lx_error *err)
{
    for (size_t i = 0; i < frame->entry_count; i++) {
        if (is_cancelled != NULL && atomic_load(is_cancelled))
            return lx_fail(err, LX_ERR_CANCELLED, "%s: verified %zu of %zu columns", frame->name, i,
                           frame->entry_count);
        enum lx_err code = verify_column(frame, i, err);
        if (code != LX_OK) return code;
    }
    return LX_OK;
}

enum lx_err frame_verify(const struct frame *frame, struct lx_error *err)
{
    LX_ASSERT(frame != NULL);

    return verify(frame, NULL, err);
}

struct frame_check {
    const struct frame *frame;
    struct host_thread *thread;
    atomic_bool is_cancelled, is_done;
    enum lx_err code; /* the thread's until is_done */
    struct lx_error error;
};

static void run_check(void *context)
{
    struct frame_check *check = context;
    check->code = verify(check->frame, &check->is_cancelled, &check->error);
    atomic_store(&check->is_done, true);
}

enum lx_err frame_verify_start(const struct frame *frame, struct frame_check **ret_check,
                               struct lx_error *err)
{
    LX_ASSERT(frame != NULL && ret_check != NULL);

    struct frame_check *check = lx_calloc(1, sizeof *check);
    if (check == NULL) return lx_fail(err, LX_ERR_NO_MEMORY, "%s: out of memory", frame->name);
    check->frame = frame;
    atomic_init(&check->is_cancelled, false);
    atomic_init(&check->is_done, false);
    enum lx_err code = host_thread_start(run_check, check, &check->thread, err);
    if (code != LX_OK) {
        lx_free(check);
        return code;
    }
    *ret_check = check;
    return LX_OK;
}

bool frame_check_is_done(const struct frame_check *check)
{
    return atomic_load(&check->is_done);
}

enum lx_err frame_check_peek(const struct frame_check *check, struct lx_error *err)
{
    if (!atomic_load(&check->is_done) || check->code == LX_OK) return LX_OK;
    return lx_fail(err, check->code, "%s", check->error.text);
}

void frame_check_cancel(struct frame_check *check)
{
    atomic_store(&check->is_cancelled, true);
}

enum lx_err frame_check_finish(struct frame_check *check, struct lx_error *err)
{
    LX_ASSERT(check != NULL);

    host_thread_join(check->thread);
    enum lx_err code = check->code;
    if (code != LX_OK) code = lx_fail(err, code, "%s", check->error.text);
    lx_free(check);
    return code;
}
