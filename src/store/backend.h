#ifndef STORE_BACKEND_H
#define STORE_BACKEND_H

/*
 * backend: what a database has to offer to stand behind store.h; private to this folder. store.c
 * checks arguments and states, so a backend may rely on them: no statement is stepped outside its
 * store's life, no transaction is begun inside another.
 *
 * Ownership: `open` and `prepare` hand over a struct whose first member is the common head.
 */

#include "store/store.h"

struct store {
    const struct store_backend *backend;
    char *path; /* for messages */
    enum store_mode mode;
    bool is_in_transaction;
};

struct store_statement {
    const struct store_backend *backend;
    struct store *store;
};

struct store_backend {
    enum lx_err (*open)(const char *path, enum store_mode mode, struct store **ret_store,
                        struct lx_error *err);
    void (*close)(struct store *store);
    enum lx_err (*execute)(struct store *store, const char *sql, struct lx_error *err);
    enum lx_err (*begin)(struct store *store, bool is_for_writing, struct lx_error *err);
    enum lx_err (*commit)(struct store *store, struct lx_error *err);
    void (*rollback)(struct store *store);
    enum lx_err (*prepare)(struct store *store, const char *sql,
                           struct store_statement **ret_statement, struct lx_error *err);
    void (*finalize)(struct store_statement *statement);
    void (*bind)(struct store_statement *statement, int index, const struct store_value *value);
    enum lx_err (*step)(struct store_statement *statement, bool *ret_has_row, struct lx_error *err);
    void (*reset)(struct store_statement *statement);
    int64_t (*changes)(struct store *store);
    bool (*is_null)(struct store_statement *statement, int column);
    int64_t (*integer)(struct store_statement *statement, int column);
    void (*integers)(struct store_statement *statement, int first, int count, int64_t null_value,
                     int64_t *ret_values);
    enum lx_err (*prepare_visit)(struct store *store, const char *columns, const char *rest,
                                 struct store_statement **ret_statement, struct lx_error *err);
    enum lx_err (*visit)(struct store_statement *statement, const struct store_visitor *visitor,
                         struct lx_error *err);
    double (*real)(struct store_statement *statement, int column);
    const void *(*bytes)(struct store_statement *statement, int column, bool is_text,
                         size_t *ret_length);
    enum lx_err (*append)(struct store *store, const char *table, int column_count,
                          enum store_conflict conflict, const struct store_source *source,
                          uint64_t *ret_count, struct lx_error *err);
    enum lx_err (*fill)(struct store *store, const char *table, int column_count, int key_count,
                        const struct store_int_source *source, uint64_t *ret_count,
                        struct lx_error *err);
    enum lx_err (*seal)(struct store *store, struct lx_error *err);
    enum lx_err (*retire)(struct store *store, struct lx_error *err);
};

extern const struct store_backend store_sqlite;

#endif
