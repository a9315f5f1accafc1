/*
 * fuzz_journal: whatever follows a segment's header, the journal opens or says that it is damaged.
 * Where it opens, a reader and an appender find the same records, and one more can be added.
 * Checksums would stop nearly every input, so it is tried as it is and with those made right.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/file.h"
#include "journal/journal.h"
#include "journal/segment.h"
#include "tests/scratch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char folder[LX_PATH_MAX], path[LX_PATH_MAX];
static struct lx_error err;

static void require(bool holds)
{
    if (!holds) abort();
}

static void remove_folder(void)
{
    scratch_remove(folder);
}

static void make_folder(void)
{
    char inner[LX_PATH_MAX];
    if (folder[0] != '\0') return;
    scratch_make(folder);
    require(atexit(remove_folder) == 0);
    require(host_join(inner, folder, "journal", &err) == LX_OK);
    require(host_make_folder(inner, &err) == LX_OK);
    require(segment_path(path, inner, 1, &err) == LX_OK);
}

static void write_segment(const uint8_t *bytes, size_t size)
{
    uint8_t header[SEGMENT_HEADER_BYTES];
    segment_encode_header(&(struct segment_header){1, 0}, header);
    FILE *file = fopen(path, "wb");
    require(file != NULL);
    require(fwrite(header, 1, sizeof header, file) == sizeof header);
    require(size == 0 || fwrite(bytes, 1, size, file) == size);
    require(fclose(file) == 0);
}

/* Reads everything; the number of records, and a sum of their bytes. */
static uint64_t read_all(struct journal *journal, uint64_t *ret_sum)
{
    struct journal_cursor *cursor = NULL;
    struct journal_record record;
    bool has_record = true;
    uint64_t count = 0;
    *ret_sum = 0;
    require(journal_seek(journal, 0, &cursor, &err) == LX_OK);
    for (;; count++) {
        require(journal_read(cursor, &record, &has_record, &err) == LX_OK);
        if (!has_record) break;
        require(record.position == count && record.length > 0);
        for (size_t i = 0; i < record.length; i++)
            *ret_sum = *ret_sum * 31 + ((const uint8_t *)record.bytes)[i];
    }
    journal_cursor_close(cursor);
    return count;
}

static void run(const uint8_t *bytes, size_t size)
{
    struct journal *journal = NULL;
    uint64_t position, sum, again;
    write_segment(bytes, size);
    enum lx_err code = journal_open(folder, JOURNAL_READ, &journal, &err);
    if (code != LX_OK) {
        require(code == LX_ERR_CORRUPT && strstr(err.text, "byte ") != NULL);
        require(journal_open(folder, JOURNAL_APPEND, &journal, &err) == LX_ERR_CORRUPT);
        return;
    }
    uint64_t count = read_all(journal, &sum);
    require(count == journal_next_position(journal));
    journal_close(journal);
    require(journal_open(folder, JOURNAL_APPEND, &journal, &err) == LX_OK);
    require(read_all(journal, &again) == count && again == sum);
    require(journal_append(journal, "more", 4, &position, &err) == LX_OK && position == count);
    require(journal_sync(journal, &err) == LX_OK);
    require(read_all(journal, &again) == count + 1);
    journal_close(journal);
}

/* Every record that the lengths lead to gets the checksum that belongs to it. */
static void make_checksums_right(uint8_t *bytes, size_t size)
{
    for (size_t at = 0; size - at >= SEGMENT_RECORD_HEADER_BYTES;) {
        uint64_t synced = 0;
        size_t whole = segment_record_bytes(bytes + at);
        if (whole > size - at) return;
        for (int i = 0; i < 8; i++) synced |= (uint64_t)bytes[at + 8 + (size_t)i] << (8 * i);
        segment_seal_record(bytes + at, synced);
        at += whole;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > (size_t)1 << 20) return 0;
    make_folder();
    run(data, size);
    uint8_t *bytes = malloc(size == 0 ? 1 : size);
    if (bytes == NULL) return 0;
    if (size > 0) memcpy(bytes, data, size);
    make_checksums_right(bytes, size);
    run(bytes, size);
    free(bytes);
    return 0;
}
