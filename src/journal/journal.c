#include "journal/journal.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "host/lock.h"
#include "journal/segment.h"

enum { SEGMENTS_MAX = 99999999, MARK_EVERY = 1024 };

/* Where a record of the last segment stands, so that a seek need not begin at its front. */
struct mark {
    uint64_t position, offset;
};

struct journal {
    char folder[LX_PATH_MAX]; /* DIR/journal */
    enum journal_mode mode;
    struct host_lock lock;
    uint64_t *first_positions; /* owned: of segment i + 1 */
    size_t segment_count, segment_capacity;
    struct mark *marks; /* owned; in the last segment */
    size_t mark_count, mark_capacity;
    uint64_t cut_bytes;
    uint64_t synced_position, next_position;
    uint64_t segment_bytes; /* at most */

    /* For appending. */
    struct host_file *file; /* the last segment */
    uint64_t synced_bytes;  /* of the last segment; what follows is to be cut */
    bool must_cut;          /* the file may be longer than synced_bytes */
    bool must_begin;        /* the next segment may be there already, so nothing goes here */
    struct lx_buffer group; /* records since the last sync, as they will stand in the file */
    struct journal_place group_place; /* of the group synced last */
};

_Static_assert((int)JOURNAL_RECORD_HEADER_BYTES == (int)SEGMENT_RECORD_HEADER_BYTES,
               "the header says how far apart records stand");

struct journal_cursor {
    struct journal *journal;
    struct segment segment; /* closed while the journal has none */
};

static enum lx_err add_segment(struct journal *journal, uint64_t first_position,
                               struct lx_error *err)
{
    enum lx_err code =
        lx_grow(&journal->first_positions, &journal->segment_capacity, journal->segment_count + 1,
                SEGMENTS_MAX, sizeof *journal->first_positions);
    if (code != LX_OK)
        return lx_fail(err, code, "%s: %zu segments: %s", journal->folder, journal->segment_count,
                       lx_err_text(code));
    journal->first_positions[journal->segment_count++] = first_position;
    return LX_OK;
}

/* A mark for which there is no memory only makes a seek slower. */
static void add_mark(struct journal *journal, uint64_t position, uint64_t offset)
{
    if (position % MARK_EVERY != 0) return;
    if (lx_grow(&journal->marks, &journal->mark_capacity, journal->mark_count + 1,
                JOURNAL_SEGMENT_MAX, sizeof *journal->marks) != LX_OK)
        return;
    journal->marks[journal->mark_count++] = (struct mark){position, offset};
}

/* The segments' numbers must be 1, 2, ... without a gap; their headers say where each begins. */
static enum lx_err read_headers(struct journal *journal, struct lx_error *err)
{
    struct host_names names = {0};
    if (!host_is_folder(journal->folder)) return LX_OK;
    enum lx_err code = host_list(journal->folder, &names, err);
    for (size_t i = 0; i < names.count && code == LX_OK; i++) {
        uint32_t number = segment_number_of(names.names[i]);
        struct segment segment = {0};
        if (number == 0) continue;
        if (number != journal->segment_count + 1)
            code = lx_fail(err, LX_ERR_CORRUPT, "%s: segment %zu is missing", journal->folder,
                           journal->segment_count + 1);
        if (code == LX_OK) code = segment_open(journal->folder, number, &segment, err);
        if (code == LX_OK) code = add_segment(journal, segment.header.first_position, err);
        segment_close(&segment);
    }
    host_names_release(&names);
    return code;
}

/* Reads the last segment to its end and judges what follows. */
static enum lx_err find_end(struct journal *journal, struct lx_error *err)
{
    struct segment segment = {0};
    bool has_record = true;
    if (journal->segment_count == 0) return LX_OK;
    enum lx_err code =
        segment_open(journal->folder, (uint32_t)journal->segment_count, &segment, err);
    while (code == LX_OK && has_record) {
        const void *bytes;
        size_t length;
        add_mark(journal, segment.position, segment.offset);
        code = segment_next(&segment, &bytes, &length, &has_record, err);
    }
    if (code == LX_OK) code = segment_judge(&segment, &journal->cut_bytes, err);
    if (code == LX_OK) {
        journal->synced_bytes = segment.offset;
        journal->synced_position = journal->next_position = segment.position;
    }
    segment_close(&segment);
    return code;
}

/* A segment's header is there as a whole or not at all. */
static enum lx_err begin_segment(struct journal *journal, struct lx_error *err)
{
    struct segment_header header = {(uint32_t)journal->segment_count + 1, journal->synced_position};
    uint8_t bytes[SEGMENT_HEADER_BYTES];
    char path[LX_PATH_MAX];
    struct host_file *file = NULL;
    segment_encode_header(&header, bytes);
    enum lx_err code = segment_path(path, journal->folder, header.number, err);
    if (code == LX_OK) code = host_write_atomic(path, bytes, sizeof bytes, err);
    if (code == LX_OK) code = host_open(path, HOST_APPEND, &file, err);
    if (code == LX_OK) code = add_segment(journal, header.first_position, err);
    if (code != LX_OK) {
        host_close(file);
        return code;
    }
    host_close(journal->file);
    journal->file = file;
    journal->synced_bytes = SEGMENT_HEADER_BYTES;
    journal->mark_count = 0;
    journal->must_begin = false;
    return LX_OK;
}

/* Takes back what a sync that failed, or a process that died, has left. */
static enum lx_err cut(struct journal *journal, struct lx_error *err)
{
    if (!journal->must_cut) return LX_OK;
    enum lx_err code = host_truncate(journal->file, journal->synced_bytes, err);
    if (code == LX_OK) journal->must_cut = false;
    return code;
}

static enum lx_err open_for_append(struct journal *journal, struct lx_error *err)
{
    char path[LX_PATH_MAX];
    enum lx_err code = LX_OK;
    if (journal->segment_count == 0) return begin_segment(journal, err);
    code = segment_path(path, journal->folder, (uint32_t)journal->segment_count, err);
    if (code == LX_OK) code = host_open(path, HOST_APPEND, &journal->file, err);
    if (code != LX_OK) return code;
    journal->must_cut = journal->cut_bytes > 0;
    code = cut(journal, err);
    /* A whole record that was found may never have been synced: from here on it counts. */
    if (code == LX_OK) code = host_sync(journal->file, err);
    return code;
}

enum lx_err journal_open(const char *folder, enum journal_mode mode, struct journal **ret_journal,
                         struct lx_error *err)
{
    LX_ASSERT(folder != NULL && ret_journal != NULL);
    LX_ASSERT(mode == JOURNAL_READ || mode == JOURNAL_APPEND);

    struct journal *journal = lx_calloc(1, sizeof *journal);
    if (journal == NULL) return lx_fail(err, LX_ERR_NO_MEMORY, "%s: out of memory", folder);
    journal->mode = mode;
    journal->lock.descriptor = -1;
    journal->segment_bytes = JOURNAL_SEGMENT_MAX;
    lx_buffer_init(&journal->group, JOURNAL_GROUP_MAX);
    enum lx_err code = host_join(journal->folder, folder, "journal", err);
    if (code == LX_OK && mode == JOURNAL_APPEND) code = host_make_folder(journal->folder, err);
    if (code == LX_OK && mode == JOURNAL_APPEND)
        code = host_lock_take(journal->folder, true, &journal->lock, err);
    if (code == LX_OK) code = read_headers(journal, err);
    if (code == LX_OK) code = find_end(journal, err);
    if (code == LX_OK && mode == JOURNAL_APPEND) code = open_for_append(journal, err);
    if (code != LX_OK) {
        journal_close(journal);
        return code;
    }
    *ret_journal = journal;
    return LX_OK;
}

void journal_close(struct journal *journal)
{
    if (journal == NULL) return;
    host_close(journal->file);
    host_lock_release(&journal->lock);
    lx_buffer_release(&journal->group);
    lx_free(journal->first_positions);
    lx_free(journal->marks);
    lx_free(journal);
}

uint64_t journal_next_position(const struct journal *journal)
{
    return journal->next_position;
}

uint64_t journal_synced_position(const struct journal *journal)
{
    return journal->synced_position;
}

uint64_t journal_cut_bytes(const struct journal *journal)
{
    return journal->cut_bytes;
}

void journal_limit_segments(struct journal *journal, uint64_t segment_bytes)
{
    LX_ASSERT(segment_bytes > SEGMENT_HEADER_BYTES && segment_bytes <= JOURNAL_SEGMENT_MAX);
    journal->segment_bytes = segment_bytes;
}

enum lx_err journal_append(struct journal *journal, const void *bytes, size_t length,
                           uint64_t *ret_position, struct lx_error *err)
{
    LX_ASSERT(journal != NULL && journal->mode == JOURNAL_APPEND);
    LX_ASSERT(bytes != NULL && length >= 1 && ret_position != NULL);

    if (length > JOURNAL_RECORD_MAX)
        return lx_fail(err, LX_ERR_LIMIT, "%s: a record of %zu bytes, at most %d", journal->folder,
                       length, JOURNAL_RECORD_MAX);
    char *room = lx_buffer_reserve(&journal->group, SEGMENT_RECORD_HEADER_BYTES + length);
    if (room == NULL) {
        enum lx_err code = lx_buffer_error(&journal->group);
        journal->group.failure = LX_OK;
        return lx_fail(err, code, "%s: %zu bytes since the last sync: %s", journal->folder,
                       journal->group.length, lx_err_text(code));
    }
    /* `synced` and the sum are set by the sync, which alone knows the segment. */
    segment_begin_record((uint8_t *)room, (uint32_t)length);
    memcpy(room + SEGMENT_RECORD_HEADER_BYTES, bytes, length);
    lx_buffer_advance(&journal->group, SEGMENT_RECORD_HEADER_BYTES + length);
    *ret_position = journal->next_position++;
    return LX_OK;
}

static void seal_group(struct journal *journal)
{
    uint8_t *bytes = (uint8_t *)journal->group.bytes;
    for (size_t at = 0; at < journal->group.length; at += segment_record_bytes(bytes + at))
        segment_seal_record(bytes + at, journal->synced_bytes);
}

static enum lx_err write_group(struct journal *journal, struct lx_error *err)
{
    uint64_t end = journal->synced_bytes + journal->group.length;
    if (end > journal->segment_bytes && journal->synced_bytes > SEGMENT_HEADER_BYTES)
        journal->must_begin = true;
    enum lx_err code = cut(journal, err);
    if (code == LX_OK && journal->must_begin) code = begin_segment(journal, err);
    if (code != LX_OK) return code;
    seal_group(journal);
    journal->must_cut = true;
    code = host_write(journal->file, journal->group.bytes, journal->group.length, err);
    if (code == LX_OK) code = host_sync(journal->file, err);
    if (code == LX_OK) journal->must_cut = false;
    return code;
}

static void note_group(struct journal *journal)
{
    uint8_t *bytes = (uint8_t *)journal->group.bytes;
    journal->group_place =
        (struct journal_place){(uint32_t)journal->segment_count, journal->synced_bytes};
    for (size_t at = 0; at < journal->group.length; at += segment_record_bytes(bytes + at)) {
        add_mark(journal, journal->synced_position, journal->synced_bytes + at);
        journal->synced_position++;
    }
    journal->synced_bytes += journal->group.length;
    LX_ASSERT(journal->synced_position == journal->next_position);
}

enum lx_err journal_sync(struct journal *journal, struct lx_error *err)
{
    LX_ASSERT(journal != NULL && journal->mode == JOURNAL_APPEND);

    if (journal->group.length == 0) return LX_OK;
    enum lx_err code = write_group(journal, err);
    if (code == LX_OK) {
        note_group(journal);
    } else {
        /* After a sync that failed nobody knows what is on disk, so the group is not kept for
         * another try. If the cut fails, too, the next sync begins with it. */
        journal->next_position = journal->synced_position;
        enum lx_err later = cut(journal, NULL);
        (void)later;
    }
    lx_buffer_clear(&journal->group);
    return code;
}

struct journal_place journal_group_place(const struct journal *journal)
{
    return journal->group_place;
}

enum lx_err journal_read_place(const char *folder, struct journal_place place,
                               struct lx_buffer *bytes, struct lx_error *err)
{
    char path[LX_PATH_MAX];
    struct segment segment = {0};
    const void *record = NULL;
    size_t length = 0;
    bool has_record = false;
    enum lx_err code = host_join(path, folder, "journal", err);
    if (code == LX_OK) code = segment_open(path, place.segment, &segment, err);
    if (code != LX_OK) return code;
    segment.offset = place.offset;
    code = segment_next(&segment, &record, &length, &has_record, err);
    if (code == LX_OK && !has_record)
        code = lx_fail(err, LX_ERR_CORRUPT, "%s: byte %" PRIu64 ": no sound record",
                       host_path(segment.file), place.offset);
    if (code == LX_OK) lx_buffer_append(bytes, record, length);
    segment_close(&segment);
    if (code == LX_OK) code = lx_buffer_error(bytes);
    return code;
}

/* The last segment that begins at or before the position. */
static size_t segment_of(const struct journal *journal, uint64_t position)
{
    size_t low = 0, high = journal->segment_count;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (journal->first_positions[middle] <= position)
            low = middle;
        else
            high = middle;
    }
    return low;
}

/* Moves to the last mark at or before the position. */
static void use_marks(const struct journal *journal, uint64_t position, struct segment *segment)
{
    size_t low = 0, high = journal->mark_count;
    while (high > low) {
        size_t middle = low + (high - low) / 2;
        if (journal->marks[middle].position <= position)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0) return;
    segment->position = journal->marks[low - 1].position;
    segment->offset = journal->marks[low - 1].offset;
}

static enum lx_err pass_to(struct journal_cursor *cursor, uint64_t position, struct lx_error *err)
{
    struct journal_record record;
    bool has_record = true;
    enum lx_err code = LX_OK;
    while (code == LX_OK && has_record && cursor->segment.position < position)
        code = journal_read(cursor, &record, &has_record, err);
    if (code == LX_OK && !has_record)
        code = lx_fail(err, LX_ERR_CORRUPT, "%s: ends before position %" PRIu64,
                       cursor->journal->folder, position);
    return code;
}

enum lx_err journal_seek(struct journal *journal, uint64_t position,
                         struct journal_cursor **ret_cursor, struct lx_error *err)
{
    LX_ASSERT(journal != NULL && ret_cursor != NULL);

    if (position > journal->synced_position)
        return lx_fail(err, LX_ERR_NOT_FOUND, "%s: no position %" PRIu64 ", there are %" PRIu64,
                       journal->folder, position, journal->synced_position);
    struct journal_cursor *cursor = lx_calloc(1, sizeof *cursor);
    if (cursor == NULL) return lx_fail(err, LX_ERR_NO_MEMORY, "%s: out of memory", journal->folder);
    cursor->journal = journal;
    enum lx_err code = LX_OK;
    if (journal->segment_count > 0) {
        size_t number = segment_of(journal, position) + 1;
        code = segment_open(journal->folder, (uint32_t)number, &cursor->segment, err);
        if (code == LX_OK && number == journal->segment_count)
            use_marks(journal, position, &cursor->segment);
        if (code == LX_OK) code = pass_to(cursor, position, err);
    }
    if (code != LX_OK) {
        journal_cursor_close(cursor);
        return code;
    }
    *ret_cursor = cursor;
    return LX_OK;
}

void journal_cursor_close(struct journal_cursor *cursor)
{
    if (cursor == NULL) return;
    segment_close(&cursor->segment);
    lx_free(cursor);
}

static enum lx_err has_segment(const struct journal *journal, uint32_t number, bool *ret_has,
                               struct lx_error *err)
{
    char path[LX_PATH_MAX];
    enum lx_err code = segment_path(path, journal->folder, number, err);
    if (code == LX_OK) *ret_has = host_exists(path);
    return code;
}

/* From the end of one segment to the front of the next. */
static enum lx_err enter(struct journal_cursor *cursor, uint32_t number, struct lx_error *err)
{
    struct segment *segment = &cursor->segment, next = {0};
    uint64_t torn_bytes = 0, position = segment->position;
    enum lx_err code = LX_OK;
    if (segment->file != NULL) code = segment_judge(segment, &torn_bytes, err);
    if (code == LX_OK && torn_bytes > 0)
        code = lx_fail(err, LX_ERR_CORRUPT, "%s: byte %" PRIu64 ": a record is damaged",
                       host_path(segment->file), segment->offset);
    if (code == LX_OK) code = segment_open(cursor->journal->folder, number, &next, err);
    if (code == LX_OK && next.header.first_position != position)
        code = lx_fail(err, LX_ERR_CORRUPT,
                       "%s: begins at position %" PRIu64 ", the segment before ends at %" PRIu64,
                       host_path(next.file), next.header.first_position, position);
    if (code != LX_OK) {
        segment_close(&next);
        return code;
    }
    segment_close(segment);
    *segment = next;
    return LX_OK;
}

static enum lx_err read_on(struct journal_cursor *cursor, struct journal_record *record,
                           bool *ret_has_record, struct lx_error *err)
{
    const struct journal *journal = cursor->journal;
    *ret_has_record = false;
    if (cursor->segment.file == NULL) return LX_OK;
    /* A sync that failed may have left records that could not be cut off yet. */
    if (journal->mode == JOURNAL_APPEND && cursor->segment.position >= journal->synced_position)
        return LX_OK;
    enum lx_err code =
        segment_next(&cursor->segment, &record->bytes, &record->length, ret_has_record, err);
    if (code == LX_OK && *ret_has_record) record->position = cursor->segment.position - 1;
    return code;
}

enum lx_err journal_read(struct journal_cursor *cursor, struct journal_record *ret_record,
                         bool *ret_has_record, struct lx_error *err)
{
    LX_ASSERT(cursor != NULL && ret_record != NULL && ret_has_record != NULL);

    struct journal_record record = {0};
    bool has_record = false;
    enum lx_err code = read_on(cursor, &record, &has_record, err);
    while (code == LX_OK && !has_record) {
        struct segment *segment = &cursor->segment;
        uint32_t number = segment->file == NULL ? 1 : segment->header.number + 1;
        bool has_next = false;
        uint64_t torn_bytes;
        code = has_segment(cursor->journal, number, &has_next, err);
        /* Once there is a next one this one is complete, so it is asked again. */
        if (code == LX_OK && has_next) code = read_on(cursor, &record, &has_record, err);
        if (code != LX_OK || has_record) break;
        if (!has_next && segment->file != NULL) code = segment_judge(segment, &torn_bytes, err);
        if (!has_next) break;
        code = enter(cursor, number, err);
        if (code == LX_OK) code = read_on(cursor, &record, &has_record, err);
    }
    if (code != LX_OK) return code;
    *ret_record = record;
    *ret_has_record = has_record;
    return LX_OK;
}
