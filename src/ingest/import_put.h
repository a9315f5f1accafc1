#ifndef INGEST_IMPORT_PUT_H
#define INGEST_IMPORT_PUT_H

/*
 * import_put: the putting half of an import: blocks of rows into a batch of the bank.
 *
 * It alone touches the bank_load, so that the reading half can run beside it.
 * Ownership: borrows everything it is given. Errors: the bank's; those of the reject file.
 * Threads:   one at a time.
 */

#include "bank/load.h"
#include "ingest/import_files.h"
#include "ingest/import_read.h"
#include "ingest/import_reject.h"
#include "ingest/import_snapshot.h"

/* The last version of a customer that was put: its content and since when it holds. */
struct import_version {
    uint64_t content; /* 0: none yet */
    int64_t at_ms;
};

struct import_loader {
    struct bank_load *load;
    const struct import_files *files;
    const struct import_context *context;
    struct import_rejects *rejects;
    struct import_version *versions; /* owned; by customer */
    size_t version_count, version_capacity;
    struct import_snapshots snapshots;
    uint64_t rows_read, rows_loaded, rows_passed;
    uint64_t duplicates; /* facts that were not even put, as they say nothing new */
    bool has_changes;    /* of events */
};

void import_loader_init(struct import_loader *loader, struct bank_load *load,
                        const struct import_files *files, const struct import_context *context,
                        struct import_rejects *rejects);
void import_loader_release(struct import_loader *loader);

/* What the bank knew before this batch, where the tasks need it: the customers' last versions, and
 * what they hold. `folder` is the bank's; it must have customers. */
LX_MUST_USE enum lx_err import_loader_prepare(struct import_loader *loader, const char *folder,
                                              struct lx_error *err);

/* Puts a block's rows. Snapshots are kept until all of their moment are there. */
LX_MUST_USE enum lx_err import_loader_take(struct import_loader *loader,
                                           const struct import_block *block, struct lx_error *err);
/* After the last block: rejects what only all rows together show. With changes of events the batch
 * is settled then (bank/load.h). */
LX_MUST_USE enum lx_err import_loader_finish(struct import_loader *loader, const struct lx_env *env,
                                             struct lx_error *err);

/* Rejects a row of a task; `column` is the field's in the mapping. */
LX_MUST_USE enum lx_err import_loader_reject(struct import_loader *loader, size_t task,
                                             uint64_t line, enum mapping_field_id field,
                                             enum import_reason reason, const char *detail,
                                             struct lx_error *err);

#endif
