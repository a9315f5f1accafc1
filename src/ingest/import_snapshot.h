#ifndef INGEST_IMPORT_SNAPSHOT_H
#define INGEST_IMPORT_SNAPSHOT_H

/*
 * import_snapshot: snapshots of what customers hold, differenced into open and close events.
 *
 * Rows are gathered until their group is complete: all files of one date where every section takes
 * `at` from the file's date in the same way, else all snapshot files of the batch. A group is then
 * worked through in order of (at, section, customer, file, line). What a wide row names, or all
 * long rows of that section, customer and moment, is compared with what the customer was known to
 * hold: a new product gives an open event; one that the section covers (a wide one its columns, a
 * long one every product) and that is no longer held a close event. What the same batch says by
 * events or contracts is not looked at.
 *
 * Invariants: a product is opened only when it is not held and closed only when it is.
 * Errors:     LX_ERR_LIMIT past IMPORT_SNAPSHOT_ROWS_MAX rows of a group, LX_ERR_NO_MEMORY, the
 *             bank's.
 */

#include "bank/bank.h"
#include "base/dictionary.h"
#include "ingest/import_row.h"

struct import_loader;

#define IMPORT_SNAPSHOT_ROWS_MAX ((size_t)1 << 27)

/* What a customer is known to hold. */
struct import_holder {
    struct import_products held;
    int64_t changed_ms; /* last opening or closing in the bank; INT64_MIN: none */
    bool is_known;      /* the bank or a snapshot has said what he holds */
};

struct import_snapshot_row {
    int64_t at_ms, known_at_ms, first_at_ms;
    uint64_t line;
    uint32_t customer, section, task;
    uint32_t held, covered; /* numbers of sets of products in `sets` */
};

struct import_snapshots {
    struct import_snapshot_row *rows; /* owned */
    size_t count, capacity;
    struct lx_dictionary sets;    /* bytes of struct import_products */
    struct import_holder *states; /* owned; by customer */
    size_t state_count, state_capacity;
};

void import_snapshots_init(struct import_snapshots *snapshots);
void import_snapshots_release(struct import_snapshots *snapshots);

/* What the bank's customers held before this batch. */
LX_MUST_USE enum lx_err import_snapshots_read(struct import_snapshots *snapshots, struct bank *bank,
                                              struct lx_error *err);

LX_MUST_USE enum lx_err import_snapshots_add(struct import_snapshots *snapshots, size_t task,
                                             size_t section, uint32_t customer,
                                             const struct import_row *row,
                                             const struct import_products *covered,
                                             struct lx_error *err);

/* Turns the gathered rows into events and forgets them. */
LX_MUST_USE enum lx_err import_snapshots_flush(struct import_loader *loader, struct lx_error *err);

#endif
