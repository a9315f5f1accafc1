#ifndef INGEST_IMPORT_REJECT_H
#define INGEST_IMPORT_REJECT_H

/*
 * import_reject: the file of rejected rows, DIR/rejects/TIME-MAPPING.csv, with the columns file,
 * line, column, reason; and how often each reason was met.
 *
 * The file is made at the first reject; a name that is there already gets a number.
 * Ownership: init/release; folder and mapping are borrowed. Errors: those of host/file.h.
 */

#include "base/buffer.h"
#include "base/dictionary.h"
#include "base/limits.h"
#include "host/file.h"
#include "ingest/import_row.h"

enum { IMPORT_REJECTS_WRITTEN_MAX = 100000 };

struct import_rejects {
    const char *folder, *mapping;
    int64_t now_ms;
    char path[LX_PATH_MAX]; /* "" until there is one */
    struct host_file *file;
    struct lx_buffer text;
    uint64_t count;
    struct lx_dictionary reasons; /* "column: reason" */
    uint64_t *counts;             /* by reason */
    size_t capacity;
    char first[256]; /* the first one, as file:line: column: reason */
};

void import_rejects_init(struct import_rejects *rejects, const char *folder, const char *mapping,
                         int64_t now_ms);
void import_rejects_release(struct import_rejects *rejects);

/* column and detail may be ""; neither may hold what is a customer's. */
LX_MUST_USE enum lx_err import_rejects_add(struct import_rejects *rejects, const char *file,
                                           uint64_t line, const char *column, size_t column_length,
                                           enum import_reason reason, const char *detail,
                                           size_t detail_length, struct lx_error *err);

/* Everything on disk; closes the file. */
LX_MUST_USE enum lx_err import_rejects_finish(struct import_rejects *rejects, struct lx_error *err);

/* The reason that was met most, of several the first: its text and its number. */
const char *import_rejects_most(const struct import_rejects *rejects, uint64_t *ret_count);

#endif
