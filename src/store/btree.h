#ifndef STORE_BTREE_H
#define STORE_BTREE_H

/*
 * btree: fills one empty WITHOUT ROWID table of an SQLite file that nobody has open, from the
 * leaves up, page after page: the rows come in the order of the key, so no page is ever looked for
 * or split. About ten times as fast as inserting them.
 *
 * The format is that of https://www.sqlite.org/fileformat2.html (sections 1.3, 1.6, 2.1), which is
 * fixed. Only integers and nulls; rows far smaller than a page, so nothing overflows.
 *
 * Invariants:
 *  1. New pages are appended; of the file's old pages only the table's root and, last of all, the
 *     header's page count are written.
 *  2. Every page but the root has at least one cell.
 *  3. The page that holds byte 2^30, where SQLite locks, is left empty.
 * Not checked, so the caller's: NOT NULL, CHECK, references, other indexes of the table.
 * Errors:  LX_ERR_REFUSED (a key that is not above the one before), those of host/file.h and of the
 *          source. After any of them the file is worth nothing.
 */

#include "store/store.h"

struct btree_table {
    const char *path;
    uint32_t root;               /* the table's root page, from sqlite_schema */
    int column_count, key_count; /* the key's columns come first */
};

LX_MUST_USE enum lx_err btree_fill(const struct btree_table *table,
                                   const struct store_int_source *source, uint64_t *ret_count,
                                   struct lx_error *err);

#endif
