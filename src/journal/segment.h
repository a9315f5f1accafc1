#ifndef JOURNAL_SEGMENT_H
#define JOURNAL_SEGMENT_H

/*
 * segment: the format of one journal file, for reading and for finding its end. Private to this
 * folder. The reader sees whole, sound records only; whatever follows the last of them is judged
 * by segment_judge.
 */

#include "base/base.h"
#include "base/limits.h"
#include "host/file.h"

enum { SEGMENT_HEADER_BYTES = 32, SEGMENT_RECORD_HEADER_BYTES = 16 };

struct segment_header {
    uint32_t number; /* from 1 */
    uint64_t first_position;
};

/* A file being read from front to back. */
struct segment {
    struct host_file *file; /* owned; NULL: closed */
    struct segment_header header;
    uint64_t offset;   /* of the next record */
    uint64_t position; /* of the next record */
    char *buffer;      /* owned: a window on the file */
    size_t capacity, length;
    uint64_t window; /* offset of the buffer's first byte */
};

enum lx_err segment_path(char path[LX_PATH_MAX], const char *folder, uint32_t number,
                         struct lx_error *err);
/* The number of a file's name, 0 if it is not one of a segment. */
uint32_t segment_number_of(const char *name);

void segment_encode_header(const struct segment_header *header,
                           uint8_t bytes[SEGMENT_HEADER_BYTES]);
/* Begins a record whose payload will stand behind its header; seals it once `synced` is known. */
void segment_begin_record(uint8_t *record, uint32_t length);
void segment_seal_record(uint8_t *record, uint64_t synced);
size_t segment_record_bytes(const uint8_t *record); /* header and all */

/* LX_ERR_NOT_FOUND, LX_ERR_CORRUPT (its header), LX_ERR_VERSION. */
enum lx_err segment_open(const char *folder, uint32_t number, struct segment *ret_segment,
                         struct lx_error *err);
void segment_close(struct segment *segment);

/* The next sound record; *ret_has_record false where there is none at `offset`. */
enum lx_err segment_next(struct segment *segment, const void **ret_bytes, size_t *ret_length,
                         bool *ret_has_record, struct lx_error *err);

/*
 * What follows the last sound record: *ret_torn_bytes 0 if the file ends there, else the length of
 * a torn end (invariant 5); LX_ERR_CORRUPT if it is no torn end.
 */
enum lx_err segment_judge(struct segment *segment, uint64_t *ret_torn_bytes, struct lx_error *err);

#endif
