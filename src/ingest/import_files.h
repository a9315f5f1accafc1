#ifndef INGEST_IMPORT_FILES_H
#define INGEST_IMPORT_FILES_H

/*
 * import_files: which files an import reads, in which order, and whether they stay as they are.
 *
 * A file's identity is SHA-256 of its bytes, and of the date in its name where a section takes one
 * from there: the same balances in two months are two facts. While a file is read its CRC-32C is
 * compared with that of the bytes that were hashed.
 * Ownership: init/release. Errors: LX_ERR_NOT_FOUND, LX_ERR_IO, LX_ERR_BUSY (a file changed).
 */

#include "base/limits.h"
#include "codec/csv.h"
#include "codec/digest.h"
#include "host/file.h"
#include "ingest/mapping.h"

struct import_input {
    char *name, *path; /* owned */
    uint64_t size_bytes;
    uint32_t crc;
    uint8_t identity[DIGEST_SIZE];
    bool is_matched, is_new;
};

/* One section over one file. */
struct import_task {
    const struct mapping_file *file;
    size_t section, input;
    int32_t day; /* from the name; INT32_MIN without */
};

struct import_files {
    struct import_input *inputs; /* owned, by name */
    size_t input_count, input_capacity;
    struct import_task *tasks; /* owned, in the order in which they are read */
    size_t task_count, task_capacity;
};

/* The files of `source` that a section of the mapping names. LX_ERR_NOT_FOUND if there are none. */
LX_MUST_USE enum lx_err import_files_find(const struct mapping *mapping, const char *source,
                                          struct import_files *ret_files, struct lx_error *err);
void import_files_release(struct import_files *files);

/* Sets size, crc and identity of every file that a section names. */
LX_MUST_USE enum lx_err import_files_hash(struct import_files *files, int thread_count,
                                          struct lx_error *err);

/* Leaves only the tasks of files that are new. */
void import_files_keep_new(struct import_files *files);

/* A file while it is read. */
struct import_stream {
    struct host_file *file;
    const struct import_input *input;
    uint64_t size_bytes;
    uint32_t crc;
    char last_byte; /* of what was read so far; LF at the start */
};

LX_MUST_USE enum lx_err import_stream_open(const struct import_input *input,
                                           struct import_stream *ret_stream, struct lx_error *err);
void import_stream_close(struct import_stream *stream);
struct csv_source import_stream_source(struct import_stream *stream);
/* At the end: LX_ERR_BUSY if these are not the bytes that were hashed. */
LX_MUST_USE enum lx_err import_stream_check(const struct import_stream *stream,
                                            struct lx_error *err);

#endif
