#include "journal/segment.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec/digest.h"
#include "journal/journal.h"

enum { VERSION = 1, WINDOW_BYTES = 1 << 18, NAME_LENGTH = 12 };

static const char magic[8] = {'L', 'X', 'J', 'O', 'U', 'R', 'N', '1'};

static void put_u32(uint8_t *bytes, uint32_t value)
{
    for (int i = 0; i < 4; i++) bytes[i] = (uint8_t)(value >> (8 * i));
}

static void put_u64(uint8_t *bytes, uint64_t value)
{
    for (int i = 0; i < 8; i++) bytes[i] = (uint8_t)(value >> (8 * i));
}

static uint32_t get_u32(const uint8_t *bytes)
{
    uint32_t value = 0;
    for (int i = 0; i < 4; i++) value |= (uint32_t)bytes[i] << (8 * i);
    return value;
}

static uint64_t get_u64(const uint8_t *bytes)
{
    return get_u32(bytes) | (uint64_t)get_u32(bytes + 4) << 32;
}

enum lx_err segment_path(char path[LX_PATH_MAX], const char *folder, uint32_t number,
                         struct lx_error *err)
{
    char name[NAME_LENGTH + 4];
    snprintf(name, sizeof name, "%08" PRIu32 ".log", number);
    return host_join(path, folder, name, err);
}

uint32_t segment_number_of(const char *name)
{
    if (strlen(name) != NAME_LENGTH || strspn(name, "0123456789") != 8) return 0;
    return strcmp(name + 8, ".log") == 0 ? (uint32_t)strtoul(name, NULL, 10) : 0;
}

void segment_encode_header(const struct segment_header *header, uint8_t bytes[SEGMENT_HEADER_BYTES])
{
    memcpy(bytes, magic, sizeof magic);
    put_u32(bytes + 8, VERSION);
    put_u32(bytes + 12, header->number);
    put_u64(bytes + 16, header->first_position);
    put_u32(bytes + 24, 0);
    put_u32(bytes + 28, digest_crc32c(0, bytes, 28));
}

static uint32_t record_sum(const uint8_t *record, uint32_t length)
{
    uint32_t sum = digest_crc32c(0, record, 4);
    return digest_crc32c(sum, record + 8, (size_t)8 + length);
}

void segment_begin_record(uint8_t *record, uint32_t length)
{
    memset(record, 0, SEGMENT_RECORD_HEADER_BYTES);
    put_u32(record, length);
}

void segment_seal_record(uint8_t *record, uint64_t synced)
{
    put_u64(record + 8, synced);
    put_u32(record + 4, record_sum(record, get_u32(record)));
}

size_t segment_record_bytes(const uint8_t *record)
{
    return (size_t)SEGMENT_RECORD_HEADER_BYTES + get_u32(record);
}

static enum lx_err corrupt(const struct segment *segment, uint64_t offset, const char *what,
                           struct lx_error *err)
{
    return lx_fail(err, LX_ERR_CORRUPT, "%s: byte %" PRIu64 ": %s", host_path(segment->file),
                   offset, what);
}

static enum lx_err read_header(struct segment *segment, uint32_t number, struct lx_error *err)
{
    uint8_t bytes[SEGMENT_HEADER_BYTES];
    size_t length = 0;
    enum lx_err code = host_read_at(segment->file, 0, bytes, sizeof bytes, &length, err);
    if (code != LX_OK) return code;
    if (length < sizeof bytes || memcmp(bytes, magic, sizeof magic) != 0)
        return corrupt(segment, 0, "not the beginning of a journal", err);
    if (get_u32(bytes + 28) != digest_crc32c(0, bytes, 28))
        return corrupt(segment, 0, "the header's checksum is wrong", err);
    if (get_u32(bytes + 8) != VERSION)
        return lx_fail(err, LX_ERR_VERSION, "%s: format %" PRIu32 ", this program knows %d",
                       host_path(segment->file), get_u32(bytes + 8), VERSION);
    segment->header = (struct segment_header){get_u32(bytes + 12), get_u64(bytes + 16)};
    if (segment->header.number != number)
        return corrupt(segment, 12, "it is another segment's file", err);
    return LX_OK;
}

enum lx_err segment_open(const char *folder, uint32_t number, struct segment *ret_segment,
                         struct lx_error *err)
{
    char path[LX_PATH_MAX];
    struct segment segment = {.offset = SEGMENT_HEADER_BYTES};
    enum lx_err code = segment_path(path, folder, number, err);
    if (code == LX_OK) code = host_open(path, HOST_READ, &segment.file, err);
    if (code == LX_OK) code = read_header(&segment, number, err);
    if (code != LX_OK) {
        segment_close(&segment);
        return code;
    }
    segment.position = segment.header.first_position;
    *ret_segment = segment;
    return LX_OK;
}

void segment_close(struct segment *segment)
{
    host_close(segment->file);
    lx_free(segment->buffer);
    *segment = (struct segment){0};
}

/* Makes the window begin at `offset` and hold `wanted` bytes, or as many as the file has. */
static enum lx_err look(struct segment *segment, uint64_t offset, size_t wanted, size_t *ret_length,
                        struct lx_error *err)
{
    uint64_t end = segment->window + segment->length;
    if (offset < segment->window || offset + wanted > end) {
        size_t size = wanted > WINDOW_BYTES ? wanted : WINDOW_BYTES;
        enum lx_err code = lx_grow(&segment->buffer, &segment->capacity, size,
                                   JOURNAL_RECORD_MAX + 2 * WINDOW_BYTES, 1);
        if (code != LX_OK) return lx_fail(err, code, "%s: out of memory", host_path(segment->file));
        segment->window = offset;
        segment->length = 0;
        code = host_read_at(segment->file, offset, segment->buffer, size, &segment->length, err);
        if (code != LX_OK) return code;
        end = offset + segment->length;
    }
    *ret_length = end - offset < wanted ? (size_t)(end - offset) : wanted;
    return LX_OK;
}

static const uint8_t *at(const struct segment *segment, uint64_t offset)
{
    return (const uint8_t *)segment->buffer + (offset - segment->window);
}

/* The record at `offset`; *ret_record NULL if there is no whole, sound one. */
static enum lx_err record_at(struct segment *segment, uint64_t offset, const uint8_t **ret_record,
                             uint32_t *ret_length, struct lx_error *err)
{
    size_t length = 0;
    *ret_record = NULL;
    enum lx_err code = look(segment, offset, SEGMENT_RECORD_HEADER_BYTES, &length, err);
    if (code != LX_OK || length < SEGMENT_RECORD_HEADER_BYTES) return code;
    uint32_t payload = get_u32(at(segment, offset));
    if (payload == 0 || payload > JOURNAL_RECORD_MAX) return LX_OK;
    size_t whole = (size_t)SEGMENT_RECORD_HEADER_BYTES + payload;
    uint64_t size = UINT64_MAX;
    /* A length that is none must not ask for memory. */
    if (offset + whole > segment->window + segment->length)
        code = host_size(segment->file, &size, err);
    if (code != LX_OK || offset + whole > size) return code;
    code = look(segment, offset, whole, &length, err);
    if (code != LX_OK || length < whole) return code;
    const uint8_t *record = at(segment, offset);
    if (get_u32(record + 4) != record_sum(record, payload)) return LX_OK;
    *ret_record = record;
    *ret_length = payload;
    return LX_OK;
}

enum lx_err segment_next(struct segment *segment, const void **ret_bytes, size_t *ret_length,
                         bool *ret_has_record, struct lx_error *err)
{
    const uint8_t *record = NULL;
    uint32_t length = 0;
    enum lx_err code = record_at(segment, segment->offset, &record, &length, err);
    if (code == LX_OK && record == NULL) {
        /* The window may be older than what another process has written since. */
        segment->length = 0;
        code = record_at(segment, segment->offset, &record, &length, err);
    }
    *ret_has_record = record != NULL;
    if (code != LX_OK || record == NULL) return code;
    *ret_bytes = record + SEGMENT_RECORD_HEADER_BYTES;
    *ret_length = length;
    segment->offset += (uint64_t)SEGMENT_RECORD_HEADER_BYTES + length;
    segment->position++;
    return LX_OK;
}

/*
 * Whether a sound record after `bad` says that the bytes at `bad` had been synced before it. Its
 * `synced` is looked at before its sum: few bytes that are no record have a fitting one, so the
 * search stays one pass whatever the file holds.
 */
static enum lx_err was_synced(struct segment *segment, uint64_t bad, uint64_t size, bool *ret_was,
                              struct lx_error *err)
{
    *ret_was = false;
    for (uint64_t offset = bad + 1; offset + SEGMENT_RECORD_HEADER_BYTES < size; offset++) {
        const uint8_t *record = NULL;
        uint32_t length = 0;
        size_t seen = 0;
        enum lx_err code = look(segment, offset, SEGMENT_RECORD_HEADER_BYTES, &seen, err);
        if (code != LX_OK) return code;
        if (seen < SEGMENT_RECORD_HEADER_BYTES) return LX_OK;
        uint64_t synced = get_u64(at(segment, offset) + 8);
        uint64_t end = offset + segment_record_bytes(at(segment, offset));
        if (synced <= bad || synced > offset || end > size) continue;
        code = record_at(segment, offset, &record, &length, err);
        if (code != LX_OK) return code;
        *ret_was = record != NULL;
        if (*ret_was) return LX_OK;
    }
    return LX_OK;
}

enum lx_err segment_judge(struct segment *segment, uint64_t *ret_torn_bytes, struct lx_error *err)
{
    uint64_t size = 0;
    bool is_damage = false;
    enum lx_err code = host_size(segment->file, &size, err);
    if (code == LX_OK && size > segment->offset)
        code = was_synced(segment, segment->offset, size, &is_damage, err);
    if (code != LX_OK) return code;
    if (is_damage)
        return corrupt(segment, segment->offset,
                       "a record is damaged, and sound ones follow; restore this file", err);
    *ret_torn_bytes = size > segment->offset ? size - segment->offset : 0;
    return LX_OK;
}
