#ifndef STORE_STORE_H
#define STORE_STORE_H

/*
 * store: a relational database behind one interface. It knows SQL and rows, no bank.
 *
 * Two backends stand behind `struct store_backend`: SQLite now; `postgresql://` answers
 * LX_ERR_NOT_BUILT until its step comes. DDL is written for each, DML once in what both share;
 * parameters are $1, $2 ...
 *
 * Invariants: a write transaction is all or nothing; WAL, foreign keys on, synchronous=FULL for
 *             what is acknowledged. Text is UTF-8.
 * Ownership:  open/close, prepare/finalize; a column's text is borrowed until the next step.
 * Errors:     LX_ERR_IO, LX_ERR_DISK_FULL, LX_ERR_BUSY, LX_ERR_CORRUPT, LX_ERR_REFUSED (a
 *             constraint), LX_ERR_VERSION (a migration newer than this program), LX_ERR_NOT_BUILT,
 *             LX_ERR_NOT_FOUND (STORE_READ), LX_ERR_USAGE (SQL that it does not understand).
 *             A binding that fails is reported by the step that follows.
 * Threads:    a store and its statements belong to one thread at a time; open one for each.
 */

#include "base/base.h"

struct store;
struct store_statement;

enum store_mode {
    STORE_READ,  /* must exist; sees the last commit */
    STORE_WRITE, /* created if missing */
    /* A new file that nobody sees yet, written without a journal and made durable by store_seal:
     * the first load of a bank. */
    STORE_BULK,
};

/* "sqlite:PATH" or a bare path; "postgresql://..." */
LX_MUST_USE enum lx_err store_open(const char *url, enum store_mode mode, struct store **ret_store,
                                   struct lx_error *err);
void store_close(struct store *store); /* rolls back an open transaction; NULL is fine */

/* One or several statements without parameters or results. */
LX_MUST_USE enum lx_err store_execute(struct store *store, const char *sql, struct lx_error *err);

LX_MUST_USE enum lx_err store_begin(struct store *store, struct lx_error *err); /* for writing */
/* Several statements that see one and the same state; ended by store_commit or store_rollback. */
LX_MUST_USE enum lx_err store_begin_read(struct store *store, struct lx_error *err);
LX_MUST_USE enum lx_err store_commit(struct store *store, struct lx_error *err);
void store_rollback(struct store *store);

LX_MUST_USE enum lx_err store_prepare(struct store *store, const char *sql,
                                      struct store_statement **ret_statement, struct lx_error *err);
void store_finalize(struct store_statement *statement); /* NULL is fine */

/* Parameters from 1. Text and blobs are borrowed until the statement is stepped or reset. */
void store_bind_int(struct store_statement *statement, int index, int64_t value);
void store_bind_real(struct store_statement *statement, int index, double value);
void store_bind_text(struct store_statement *statement, int index, const char *text, size_t length);
void store_bind_blob(struct store_statement *statement, int index, const void *bytes,
                     size_t length);
void store_bind_null(struct store_statement *statement, int index);

LX_MUST_USE enum lx_err store_step(struct store_statement *statement, bool *ret_has_row,
                                   struct lx_error *err);
void store_reset(struct store_statement *statement); /* ready to be bound and stepped again */
/* Steps once, expects no row, resets. */
LX_MUST_USE enum lx_err store_run(struct store_statement *statement, struct lx_error *err);
int64_t store_changes(struct store *store); /* rows changed by the last statement that ran */

/* Columns from 0; text and blob of a null are NULL with length 0. A text ends in a NUL. */
bool store_is_null(struct store_statement *statement, int column);
int64_t store_int(struct store_statement *statement, int column);
double store_real(struct store_statement *statement, int column);
const char *store_text(struct store_statement *statement, int column, size_t *ret_length);
const void *store_blob(struct store_statement *statement, int column, size_t *ret_length);
/* `count` integer columns from `first` on at once, a null as `null_value`. */
void store_ints(struct store_statement *statement, int first, int count, int64_t null_value,
                int64_t *ret_values);

/*
 * The fast way to read many rows of integers, about half as fast again as stepping: a query whose
 * every row goes to `visit` from inside the database. `columns` is a list of at most
 * STORE_COLUMNS_MAX, `rest` begins with FROM and has no ORDER BY: rows come in the order of the
 * index that it uses. A visit that returns an error ends the pass.
 */
struct store_visitor {
    void *context;
    int64_t null_value;
    enum lx_err (*visit)(void *context, const int64_t *values, struct lx_error *err);
};
LX_MUST_USE enum lx_err store_prepare_visit(struct store *store, const char *columns,
                                            const char *rest,
                                            struct store_statement **ret_statement,
                                            struct lx_error *err);
/* Runs the statement to its end and resets it. */
LX_MUST_USE enum lx_err store_visit(struct store_statement *statement,
                                    const struct store_visitor *visitor, struct lx_error *err);

/*
 * Many rows into one table: `next` fills a value for each of the table's columns, in their order,
 * or says that there are no more. Rows that come in the order of the primary key are appended,
 * several times as fast as by an INSERT each. *ret_count is the number of rows that went in.
 */
enum store_type { STORE_NULL, STORE_INT, STORE_REAL, STORE_TEXT, STORE_BLOB };
struct store_value {
    union {
        int64_t integer;
        double real;
        const void *bytes; /* borrowed until the next call of `next` */
    } as;
    uint32_t length; /* of bytes */
    enum store_type type;
};
struct store_source {
    void *context;
    enum lx_err (*next)(void *context, struct store_value *values, bool *ret_has_row,
                        struct lx_error *err);
};
/* What happens to a row whose primary key is there already: LX_ERR_REFUSED, or it is left out. */
enum store_conflict { STORE_CONFLICT_REFUSED, STORE_CONFLICT_IGNORED };
enum { STORE_COLUMNS_MAX = 32 };
LX_MUST_USE enum lx_err store_append(struct store *store, const char *table, int column_count,
                                     enum store_conflict conflict,
                                     const struct store_source *source, uint64_t *ret_count,
                                     struct lx_error *err);

/* Numbered, immutable: the store keeps number and SHA-256 of what it has run, runs what is missing
 * in order, each in a transaction of its own, and refuses a changed one (LX_ERR_CORRUPT). */
struct store_migration {
    int number;
    const char *name, *sql;
};
LX_MUST_USE enum lx_err store_migrate(struct store *store, const struct store_migration *migrations,
                                      size_t count, struct lx_error *err);

/*
 * The fast way to fill one large table of a STORE_BULK store: an empty one of integers, without
 * other indexes, outside a transaction and with no statement of the store open. Its first
 * `key_count` columns are its primary key, and rows must come in ascending order of it
 * (LX_ERR_REFUSED). The source keeps what the table's constraints ask for: they are not looked at.
 * After a failure the store can only be closed and removed.
 */
struct store_int_source {
    void *context;
    int64_t null_value;
    enum lx_err (*next)(void *context, int64_t *values, bool *ret_has_row, struct lx_error *err);
};
LX_MUST_USE enum lx_err store_fill(struct store *store, const char *table, int column_count,
                                   int key_count, const struct store_int_source *source,
                                   uint64_t *ret_count, struct lx_error *err);

/* Ends STORE_BULK: everything on disk, WAL from now on. */
LX_MUST_USE enum lx_err store_seal(struct store *store, struct lx_error *err);

/* Before another file is renamed over this store's: ends a transaction, moves everything into the
 * one file, nothing beside it, and keeps every other writer out until store_close. A writer that
 * had the old file open is told LX_ERR_BUSY by its next store_begin. */
LX_MUST_USE enum lx_err store_retire(struct store *store, struct lx_error *err);

#endif
