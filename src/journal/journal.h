#ifndef JOURNAL_JOURNAL_H
#define JOURNAL_JOURNAL_H

/*
 * journal: the append-only record of a bank, DIR/journal/00000001.log, 00000002.log ...
 *
 * A record is a run of bytes; its position is its ordinal number: 0, 1, 2 ... over all segments.
 *
 *   segment  magic "LXJOURN1", version u32, number u32, first position u64, zero u32,
 *            CRC-32C u32 of what stands before; then records
 *   record   length u32, CRC-32C u32, synced u64, payload. The sum is over length, synced and
 *            payload; `synced` is how many bytes of the segment were on disk for good when this
 *            record was written. Integers are little-endian.
 *
 * Invariants:
 *  1. What journal_sync has acknowledged is read back, byte for byte, after any crash.
 *  2. Records have no gaps: position n + 1 exists only if n does.
 *  3. Nothing is written except by journal_sync. A sync that fails takes back every record since
 *     the last one that succeeded: their positions are given again, and none of them is read.
 *     (Only if the file cannot even be cut and the process dies then may they still be found.)
 *  4. A new segment begins only after the one before is complete and synced, so damage in any but
 *     the last segment is damage.
 *  5. In the last segment, a bad record is the torn end of a sync that never succeeded if no whole
 *     record after it says that it had been synced; then opening for append cuts it off, and
 *     reading ends before it. Otherwise it is LX_ERR_CORRUPT, naming the file and the byte.
 *  6. Nothing acknowledged is ever cut, except a last record whose bytes have rotted: from inside
 *     the file it looks torn. A signed checkpoint tells the difference; journal_cut_bytes says
 *     what was cut.
 *  7. There is one appender: it holds the lock of DIR/journal from open to close.
 *
 * Ownership: a record's bytes are borrowed until the cursor's next read.
 * Errors:    LX_ERR_CORRUPT, LX_ERR_VERSION, LX_ERR_BUSY (a second appender), LX_ERR_LIMIT,
 *            LX_ERR_DISK_FULL, LX_ERR_IO. After any of them the journal may go on being used.
 * Threads:   a journal and a cursor each belong to one thread at a time. Other processes may read
 *            while one appends; they may see a record a moment before it is synced.
 */

#include "base/base.h"

struct journal;
struct journal_cursor;

enum {
    JOURNAL_RECORD_MAX = 16 << 20,   /* bytes of one record */
    JOURNAL_GROUP_MAX = 64 << 20,    /* bytes between two syncs */
    JOURNAL_SEGMENT_MAX = 256 << 20, /* bytes of a segment */
};

enum journal_mode {
    JOURNAL_READ, /* a bank without a journal has an empty one */
    JOURNAL_APPEND,
};

/* `folder` is the bank's data directory. */
LX_MUST_USE enum lx_err journal_open(const char *folder, enum journal_mode mode,
                                     struct journal **ret_journal, struct lx_error *err);
/* Forgets what was appended and not synced; NULL is fine. */
void journal_close(struct journal *journal);

/* The position that the next append will get; for a reader, the number of records at open. */
uint64_t journal_next_position(const struct journal *journal);
/* Records before this position are on disk for good. */
uint64_t journal_synced_position(const struct journal *journal);
/* Bytes of a torn end that opening has cut off, or would have; 0 as a rule. */
uint64_t journal_cut_bytes(const struct journal *journal);

/* Gathers a record in memory, 1 to JOURNAL_RECORD_MAX bytes. LX_ERR_LIMIT when JOURNAL_GROUP_MAX
 * is reached: sync first. An append that fails changes nothing. */
LX_MUST_USE enum lx_err journal_append(struct journal *journal, const void *bytes, size_t length,
                                       uint64_t *ret_position, struct lx_error *err);

/* All that was appended goes to disk, or nothing of it (3). */
LX_MUST_USE enum lx_err journal_sync(struct journal *journal, struct lx_error *err);

/* Where a record stands in the files; it stays there for ever. */
enum { JOURNAL_RECORD_HEADER_BYTES = 16 };
struct journal_place {
    uint32_t segment; /* number of the file */
    uint64_t offset;
};
/* Of the first record of the group that was synced last; each one after it stands
 * JOURNAL_RECORD_HEADER_BYTES and the length of the one before further on. */
struct journal_place journal_group_place(const struct journal *journal);

struct journal_record {
    uint64_t position;
    const void *bytes;
    size_t length;
};

/* A cursor that stands before the record at `position`; LX_ERR_NOT_FOUND past the next one. */
LX_MUST_USE enum lx_err journal_seek(struct journal *journal, uint64_t position,
                                     struct journal_cursor **ret_cursor, struct lx_error *err);
void journal_cursor_close(struct journal_cursor *cursor); /* NULL is fine */

/* The one record that stands there, appended to the buffer; from any thread, without a journal that
 * is open. `folder` is the bank's. LX_ERR_CORRUPT where there is no sound record at that place. */
struct lx_buffer;
LX_MUST_USE enum lx_err journal_read_place(const char *folder, struct journal_place place,
                                           struct lx_buffer *bytes, struct lx_error *err);

/* The next record; *ret_has_record is false at the end. What is synced later, by this journal or
 * another process, is found by reading on. */
LX_MUST_USE enum lx_err journal_read(struct journal_cursor *cursor,
                                     struct journal_record *ret_record, bool *ret_has_record,
                                     struct lx_error *err);

/* For tests: segments of at most so many bytes from now on. */
void journal_limit_segments(struct journal *journal, uint64_t segment_bytes);

#endif
