#ifndef INGEST_IMPORT_H
#define INGEST_IMPORT_H

/*
 * import: a file, or the files of a folder, into the bank as a mapping says: one batch, all or
 * nothing, invisible until it is complete.
 *
 * A file is known by its content (and by the date in its name, where the mapping uses that): one
 * that a finished batch has had is passed over, and if that is true of all, nothing changes at all.
 * Rows are read in the order of the entities (what is named comes before who names it), then of the
 * sections, then of the files' names, so the same files give the same bank.
 *
 * A bad row is written to a file in DIR/rejects: file, line, column and reason, never the row's
 * values: codes of the bank's are named, what may be a customer's is not. A customer's id shows its
 * first and last character. The file holds the first 100,000; all are counted. Past max_rejects_ppm
 * of the rows read nothing is loaded.
 *
 * What is wrong with a whole file stops the import: a column that the mapping names is not there, a
 * file without its trailer, a last row that is cut off, a file that changes while it is read.
 *
 * Two threads work, where env->thread_count allows: one reads, checks and converts, the other looks
 * customers up and hands the rows to the bank.
 *
 * Ownership: everything handed in is borrowed for the call.
 * Errors:    LX_ERR_BAD_INPUT (mapping or file, with its line), LX_ERR_NOT_FOUND (no bank, no
 *            source, no file for the mapping), LX_ERR_LIMIT (too many rejects; the text says how
 *            many, why and where they are), LX_ERR_BUSY (a file changed), and the bank's. After a
 *            failure the bank is as it was.
 * Threads:   one import at a time in a bank; the caller holds the bank's lock (host/lock.h).
 */

#include "base/env.h"
#include "base/limits.h"

struct import_options {
    const char *folder;       /* the bank's */
    const char *source;       /* a file or a folder */
    const char *mapping_file; /* named in messages and kept with the batch */
    const char *mapping;      /* its text */
    size_t mapping_length;
    uint32_t max_rejects_ppm; /* of the rows read */
    size_t memory_bytes;      /* for sorting; 0: the bank's default */
};

struct import_result {
    int64_t batch; /* 0 when there was nothing new */
    /* rows_read = rows_loaded + rows_rejected + rows_passed. Headers and trailers are no rows; a
     * file that feeds several sections is counted once for each. */
    uint64_t rows_read, rows_loaded, rows_rejected;
    uint64_t rows_passed; /* left out by `only` and `except` */
    /* A loaded row makes none, one or several facts: an open event for each product held, say.
     * `facts` are new in the bank, `duplicates` only repeat what it or the batch had said. */
    uint64_t facts, duplicates;
    uint64_t files_new, files_seen; /* seen: by an earlier batch, and passed over */
    double seconds;
    bool is_duplicate;         /* every file was seen before; nothing has changed */
    char rejects[LX_PATH_MAX]; /* the file of rejected rows, "" when there are none */
};

/* *ret_result is also written when LX_ERR_LIMIT refuses the batch, for its counts and `rejects`. */
LX_MUST_USE enum lx_err import_run(const struct import_options *options, const struct lx_env *env,
                                   struct import_result *ret_result, struct lx_error *err);

#endif
