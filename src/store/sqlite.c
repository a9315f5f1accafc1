/*
 * The embedded backend.
 *
 * 1. What is acknowledged is durable: WAL with synchronous=FULL syncs the log at every commit.
 * 2. A store being filled (STORE_BULK) has no journal: it is worth nothing until `seal` has synced
 *    it, and its owner removes it after any failure.
 * 3. A file that has been renamed over is never written through an old handle: SQLite would do
 *    that without complaint, and the rows would be gone with the last close. So every write
 *    transaction asks, with its lock held, whether the file is still the one at the path.
 */
#include "store/backend.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sqlite3.h>

#include "base/limits.h"
#include "host/file.h"
#include "store/btree.h"

enum { BUSY_TIMEOUT_MS = 5000, PARAMETERS_MAX = 64, SQL_MAX = 2048 };

struct sqlite_store {
    struct store head;
    sqlite3 *db;
    /* Whom `store_rows` asks for the rows of the append that is running, and whom `store_visit`
     * tells of those of a visit; what they fail with, and where they say so. */
    const struct store_source *source;
    const struct store_visitor *visitor;
    enum lx_err callback_failure;
    struct lx_error *callback_err;
};

struct sqlite_statement {
    struct store_statement head;
    sqlite3_stmt *stmt;
    int bind_failure;                 /* SQLite's code of the first binding that failed */
    uint8_t index_of[PARAMETERS_MAX]; /* $n -> SQLite's index, 0: not in the statement */
};

static sqlite3 *db_of(struct store *store)
{
    return ((struct sqlite_store *)store)->db;
}

static sqlite3_stmt *stmt_of(struct store_statement *statement)
{
    return ((struct sqlite_statement *)statement)->stmt;
}

static bool is_full_errno(int number)
{
    return number == ENOSPC || number == EDQUOT || number == EFBIG;
}

/* SQLite knows ENOSPC as a full disk; a quota and a limit on a file's size look like any failure,
 * except to the file (the database, its log) that met them. */
static bool is_disk_full(sqlite3 *db)
{
    int number = 0;
    sqlite3_file *file = NULL;
    if (is_full_errno(sqlite3_system_errno(db))) return true;
    if (sqlite3_file_control(db, "main", SQLITE_FCNTL_LAST_ERRNO, &number) == SQLITE_OK &&
        is_full_errno(number))
        return true;
    int status = sqlite3_file_control(db, "main", SQLITE_FCNTL_JOURNAL_POINTER, (void *)&file);
    if (status != SQLITE_OK || file == NULL || file->pMethods == NULL) return false;
    status = file->pMethods->xFileControl(file, SQLITE_FCNTL_LAST_ERRNO, &number);
    return status == SQLITE_OK && is_full_errno(number);
}

static enum lx_err err_of(sqlite3 *db, int status)
{
    switch (status & 0xff) {
    case SQLITE_FULL: return LX_ERR_DISK_FULL;
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return LX_ERR_BUSY;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB: return LX_ERR_CORRUPT;
    case SQLITE_CONSTRAINT: return LX_ERR_REFUSED;
    case SQLITE_NOMEM: return LX_ERR_NO_MEMORY;
    case SQLITE_TOOBIG: return LX_ERR_LIMIT;
    case SQLITE_INTERRUPT: return LX_ERR_CANCELLED;
    case SQLITE_ERROR: return LX_ERR_USAGE;
    default: return is_disk_full(db) ? LX_ERR_DISK_FULL : LX_ERR_IO;
    }
}

static enum lx_err fail(struct store *store, int status, struct lx_error *err)
{
    sqlite3 *db = db_of(store);
    enum lx_err code = err_of(db, status);
    return lx_fail(err, code, "%s: %s", store->path,
                   code == LX_ERR_DISK_FULL ? "no space left" : sqlite3_errmsg(db));
}

static enum lx_err sqlite_execute(struct store *store, const char *sql, struct lx_error *err)
{
    int status = sqlite3_exec(db_of(store), sql, NULL, NULL, NULL);
    return status == SQLITE_OK ? LX_OK : fail(store, status, err);
}

/*
 * The cache holds what an ordered load or pass touches at once; a bulk load also fills an index
 * of customers' ids in random order.
 */
static const char *settings_of(enum store_mode mode)
{
    switch (mode) {
    case STORE_READ: return "PRAGMA query_only=ON; PRAGMA cache_size=-16384";
    case STORE_WRITE:
        return "PRAGMA page_size=8192; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
               "PRAGMA foreign_keys=ON; PRAGMA cache_size=-65536; PRAGMA temp_store=MEMORY";
    case STORE_BULK:
        return "PRAGMA page_size=8192; PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF;"
               "PRAGMA locking_mode=EXCLUSIVE; PRAGMA foreign_keys=OFF;"
               "PRAGMA cache_size=-262144; PRAGMA temp_store=MEMORY";
    }
    lx_bug(__FILE__, __LINE__, "mode");
}

static int flags_of(enum store_mode mode)
{
    int access =
        mode == STORE_READ ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
    return access | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
}

static const sqlite3_module rows_module;
static void visit_row(sqlite3_context *context, int count, sqlite3_value **values);
static void visit_end(sqlite3_context *context);

/* Made here, since SQLite would let everybody read it. */
static enum lx_err make_file(const struct store *store, struct lx_error *err)
{
    struct host_file *file = NULL;
    bool is_there = host_exists(store->path);
    if (store->mode == STORE_BULK && is_there)
        return lx_fail(err, LX_ERR_REFUSED, "%s: is there already", store->path);
    if (store->mode == STORE_READ || is_there) return LX_OK;
    enum lx_err code = host_open(store->path, HOST_APPEND, &file, err);
    host_close(file);
    return code;
}

static enum lx_err open_file(struct sqlite_store *store, struct lx_error *err)
{
    struct store *head = &store->head;
    int status = sqlite3_open_v2(head->path, &store->db, flags_of(head->mode), NULL);
    if (store->db == NULL) return lx_fail(err, LX_ERR_NO_MEMORY, "%s: out of memory", head->path);
    if (status != SQLITE_OK && sqlite3_system_errno(store->db) == ENOENT)
        return lx_fail(err, LX_ERR_NOT_FOUND, "%s: no such store", head->path);
    if (status != SQLITE_OK) return fail(head, status, err);

    sqlite3_busy_timeout(store->db, BUSY_TIMEOUT_MS);
    /* Defensive mode refuses journal_mode=OFF, which is what a bulk load is about. */
    sqlite3_db_config(store->db, SQLITE_DBCONFIG_DEFENSIVE, head->mode != STORE_BULK, NULL);
    sqlite3_db_config(store->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    status = sqlite3_create_module(store->db, "store_rows", &rows_module, store);
    if (status == SQLITE_OK)
        status =
            sqlite3_create_function(store->db, "store_visit", -1, SQLITE_UTF8 | SQLITE_DIRECTONLY,
                                    store, NULL, visit_row, visit_end);
    if (status != SQLITE_OK) return fail(head, status, err);
    enum lx_err code = sqlite_execute(head, settings_of(head->mode), err);
    /* Reads the header, so that a file that is no database is found out here. */
    if (code == LX_OK)
        code = sqlite_execute(head, "SELECT count(*) FROM sqlite_schema LIMIT 1", err);
    return code;
}

static void sqlite_close(struct store *store)
{
    int status = sqlite3_close(db_of(store));
    LX_ASSERT(status == SQLITE_OK); /* a statement that was not finalized is a bug */
    lx_free(store->path);
    lx_free(store);
}

static enum lx_err sqlite_open(const char *path, enum store_mode mode, struct store **ret_store,
                               struct lx_error *err)
{
    struct sqlite_store *store = lx_calloc(1, sizeof *store);
    if (store == NULL) return lx_fail(err, LX_ERR_NO_MEMORY, "%s: out of memory", path);
    store->head = (struct store){.backend = &store_sqlite, .mode = mode, .path = lx_strdup(path)};
    enum lx_err code = LX_OK;
    if (store->head.path == NULL) code = lx_fail(err, LX_ERR_NO_MEMORY, "%s: out of memory", path);
    if (code == LX_OK) code = make_file(&store->head, err);
    if (code == LX_OK) code = open_file(store, err);
    if (code == LX_OK)
        *ret_store = &store->head;
    else
        sqlite_close(&store->head);
    return code;
}

static enum lx_err check_in_place(struct store *store, struct lx_error *err)
{
    int has_moved = 0;
    int status = sqlite3_file_control(db_of(store), "main", SQLITE_FCNTL_HAS_MOVED, &has_moved);
    if (status != SQLITE_OK) return fail(store, status, err);
    if (has_moved != 0)
        return lx_fail(err, LX_ERR_BUSY, "%s: was replaced by another process; open it again",
                       store->path);
    return LX_OK;
}

static void sqlite_rollback(struct store *store)
{
    /* After some failures (disk full, ...) SQLite has rolled back by itself. */
    if (sqlite3_get_autocommit(db_of(store))) return;
    int status = sqlite3_exec(db_of(store), "ROLLBACK", NULL, NULL, NULL);
    LX_ASSERT(status == SQLITE_OK || sqlite3_get_autocommit(db_of(store)));
}

static enum lx_err sqlite_begin(struct store *store, bool is_for_writing, struct lx_error *err)
{
    if (!is_for_writing) return sqlite_execute(store, "BEGIN", err);
    enum lx_err code = sqlite_execute(store, "BEGIN IMMEDIATE", err);
    if (code != LX_OK) return code;
    code = check_in_place(store, err);
    if (code != LX_OK) sqlite_rollback(store);
    return code;
}

static enum lx_err sqlite_commit(struct store *store, struct lx_error *err)
{
    return sqlite_execute(store, "COMMIT", err);
}

/* "$12" -> 12; SQLite numbers `$n` by first appearance, whatever n says. */
static void map_parameters(struct sqlite_statement *statement)
{
    int count = sqlite3_bind_parameter_count(statement->stmt);
    for (int i = 1; i <= count; i++) {
        const char *name = sqlite3_bind_parameter_name(statement->stmt, i);
        LX_ASSERT(name != NULL && name[0] == '$');
        long number = strtol(name + 1, NULL, 10);
        LX_ASSERT(number >= 1 && number < PARAMETERS_MAX);
        statement->index_of[number] = (uint8_t)i;
    }
}

static enum lx_err sqlite_prepare(struct store *store, const char *sql,
                                  struct store_statement **ret_statement, struct lx_error *err)
{
    struct sqlite_statement *statement = lx_calloc(1, sizeof *statement);
    if (statement == NULL) return lx_fail(err, LX_ERR_NO_MEMORY, "%s: out of memory", store->path);
    statement->head = (struct store_statement){&store_sqlite, store};
    const char *rest = NULL;
    int status = sqlite3_prepare_v3(db_of(store), sql, -1, SQLITE_PREPARE_PERSISTENT,
                                    &statement->stmt, &rest);
    if (status != SQLITE_OK) {
        lx_free(statement);
        return fail(store, status, err);
    }
    LX_ASSERT(statement->stmt != NULL && rest[0] == '\0'); /* one statement, not none, not two */
    map_parameters(statement);
    *ret_statement = &statement->head;
    return LX_OK;
}

static void sqlite_finalize(struct store_statement *statement)
{
    sqlite3_finalize(stmt_of(statement));
    lx_free(statement);
}

static int bind_value(sqlite3_stmt *stmt, int index, const struct store_value *value)
{
    int length = (int)value->length;
    switch (value->type) {
    case STORE_NULL: return sqlite3_bind_null(stmt, index);
    case STORE_INT: return sqlite3_bind_int64(stmt, index, value->as.integer);
    case STORE_REAL: return sqlite3_bind_double(stmt, index, value->as.real);
    case STORE_TEXT: return sqlite3_bind_text(stmt, index, value->as.bytes, length, SQLITE_STATIC);
    case STORE_BLOB: return sqlite3_bind_blob(stmt, index, value->as.bytes, length, SQLITE_STATIC);
    }
    lx_bug(__FILE__, __LINE__, "type of value");
}

static void sqlite_bind(struct store_statement *head, int index, const struct store_value *value)
{
    struct sqlite_statement *statement = (struct sqlite_statement *)head;
    LX_ASSERT(index >= 1 && index < PARAMETERS_MAX && statement->index_of[index] != 0);

    int status = bind_value(statement->stmt, statement->index_of[index], value);
    LX_ASSERT(status != SQLITE_MISUSE); /* bound while it is being stepped */
    if (statement->bind_failure == SQLITE_OK) statement->bind_failure = status;
}

static void sqlite_reset(struct store_statement *head)
{
    struct sqlite_statement *statement = (struct sqlite_statement *)head;
    sqlite3_reset(statement->stmt);
    statement->bind_failure = SQLITE_OK;
}

static enum lx_err sqlite_step(struct store_statement *head, bool *ret_has_row,
                               struct lx_error *err)
{
    struct sqlite_statement *statement = (struct sqlite_statement *)head;
    int status = statement->bind_failure;
    if (status == SQLITE_OK) status = sqlite3_step(statement->stmt);
    if (status == SQLITE_ROW || status == SQLITE_DONE) {
        *ret_has_row = status == SQLITE_ROW;
        return LX_OK;
    }
    enum lx_err code = fail(head->store, status, err);
    sqlite_reset(head);
    return code;
}

static int64_t sqlite_changes(struct store *store)
{
    return sqlite3_changes64(db_of(store));
}

static bool sqlite_is_null(struct store_statement *statement, int column)
{
    return sqlite3_column_type(stmt_of(statement), column) == SQLITE_NULL;
}

static int64_t sqlite_integer(struct store_statement *statement, int column)
{
    return sqlite3_column_int64(stmt_of(statement), column);
}

static void sqlite_integers(struct store_statement *statement, int first, int count,
                            int64_t null_value, int64_t *ret_values)
{
    sqlite3_stmt *stmt = stmt_of(statement);
    for (int i = 0; i < count; i++) {
        int64_t value = sqlite3_column_int64(stmt, first + i);
        /* A null reads as 0, so only a 0 has to be looked at twice. */
        if (value == 0 && sqlite3_column_type(stmt, first + i) == SQLITE_NULL) value = null_value;
        ret_values[i] = value;
    }
}

static double sqlite_real(struct store_statement *statement, int column)
{
    return sqlite3_column_double(stmt_of(statement), column);
}

static const void *sqlite_bytes(struct store_statement *statement, int column, bool is_text,
                                size_t *ret_length)
{
    sqlite3_stmt *stmt = stmt_of(statement);
    const void *bytes = is_text ? (const void *)sqlite3_column_text(stmt, column)
                                : sqlite3_column_blob(stmt, column);
    size_t length = (size_t)sqlite3_column_bytes(stmt, column);
    if (ret_length != NULL) *ret_length = length;
    /* SQLite gives an empty blob as NULL, too. */
    bool is_empty = bytes == NULL && sqlite3_column_type(stmt, column) != SQLITE_NULL;
    return is_empty ? "" : bytes;
}

/*
 * store_visit: an aggregate that has no result. The rows never leave the virtual machine, which
 * saves a call for each row and each column.
 */
static void visit_row(sqlite3_context *context, int count, sqlite3_value **values)
{
    struct sqlite_store *store = sqlite3_user_data(context);
    const struct store_visitor *visitor = store->visitor;
    int64_t integers[STORE_COLUMNS_MAX];
    LX_ASSERT(count <= STORE_COLUMNS_MAX);
    if (visitor == NULL) {
        sqlite3_result_error_code(context, SQLITE_MISUSE);
        return;
    }
    for (int i = 0; i < count; i++) {
        integers[i] = sqlite3_value_int64(values[i]);
        if (integers[i] == 0 && sqlite3_value_type(values[i]) == SQLITE_NULL)
            integers[i] = visitor->null_value;
    }
    store->callback_failure = visitor->visit(visitor->context, integers, store->callback_err);
    if (store->callback_failure != LX_OK) sqlite3_result_error_code(context, SQLITE_ABORT);
}

static void visit_end(sqlite3_context *context)
{
    sqlite3_result_null(context);
}

static enum lx_err sqlite_prepare_visit(struct store *store, const char *columns, const char *rest,
                                        struct store_statement **ret_statement,
                                        struct lx_error *err)
{
    char sql[SQL_MAX];
    int length = snprintf(sql, sizeof sql, "SELECT store_visit(%s) %s", columns, rest);
    LX_ASSERT(length > 0 && (size_t)length < sizeof sql);
    return sqlite_prepare(store, sql, ret_statement, err);
}

static enum lx_err sqlite_visit(struct store_statement *statement,
                                const struct store_visitor *visitor, struct lx_error *err)
{
    struct sqlite_store *store = (struct sqlite_store *)statement->store;
    struct lx_error why = {0};
    bool has_row = false;
    LX_ASSERT(store->source == NULL && store->visitor == NULL); /* one at a time */
    store->visitor = visitor;
    store->callback_failure = LX_OK;
    store->callback_err = err;
    enum lx_err code = sqlite_step(statement, &has_row, &why);
    store->visitor = NULL;
    store->callback_err = NULL;
    sqlite_reset(statement);
    if (store->callback_failure != LX_OK) return store->callback_failure;
    return code == LX_OK ? LX_OK : lx_fail(err, code, "%s", why.text);
}

/*
 * store_rows: the source of an append as a virtual table. One INSERT ... SELECT keeps its place in
 * the b-tree from row to row, where an INSERT for each row has to find it again.
 */
struct rows_cursor {
    sqlite3_vtab_cursor base;
    struct sqlite_store *store;
    bool is_at_end;
    sqlite3_int64 row;
    struct store_value values[STORE_COLUMNS_MAX];
};

struct rows_table {
    sqlite3_vtab base;
    struct sqlite_store *store;
};

static int rows_connect(sqlite3 *db, void *context, int argc, const char *const *argv,
                        sqlite3_vtab **ret_table, char **ret_message)
{
    char sql[SQL_MAX];
    int length = snprintf(sql, sizeof sql, "CREATE TABLE x(c0");
    for (int i = 1; i < STORE_COLUMNS_MAX; i++)
        length += snprintf(sql + length, sizeof sql - (size_t)length, ", c%d", i);
    snprintf(sql + length, sizeof sql - (size_t)length, ")");
    int status = sqlite3_declare_vtab(db, sql);
    if (status != SQLITE_OK) return status;

    struct rows_table *table = lx_calloc(1, sizeof *table);
    if (table == NULL) return SQLITE_NOMEM;
    table->store = context;
    *ret_table = &table->base;
    return SQLITE_OK;
}

static int rows_disconnect(sqlite3_vtab *table)
{
    lx_free(table);
    return SQLITE_OK;
}

static int rows_best_index(sqlite3_vtab *table, sqlite3_index_info *info)
{
    info->estimatedCost = 1e6;
    return SQLITE_OK;
}

static int rows_open(sqlite3_vtab *table, sqlite3_vtab_cursor **ret_cursor)
{
    struct rows_cursor *cursor = lx_calloc(1, sizeof *cursor);
    if (cursor == NULL) return SQLITE_NOMEM;
    cursor->store = ((struct rows_table *)table)->store;
    *ret_cursor = &cursor->base;
    return SQLITE_OK;
}

static int rows_close(sqlite3_vtab_cursor *cursor)
{
    lx_free(cursor);
    return SQLITE_OK;
}

static int rows_next(sqlite3_vtab_cursor *base)
{
    struct rows_cursor *cursor = (struct rows_cursor *)base;
    struct sqlite_store *store = cursor->store;
    if (store->source == NULL) return SQLITE_MISUSE;
    bool has_row = false;
    store->callback_failure =
        store->source->next(store->source->context, cursor->values, &has_row, store->callback_err);
    if (store->callback_failure != LX_OK) return SQLITE_ABORT;
    cursor->is_at_end = !has_row;
    cursor->row++;
    return SQLITE_OK;
}

static int rows_filter(sqlite3_vtab_cursor *cursor, int number, const char *text, int argc,
                       sqlite3_value **argv)
{
    return rows_next(cursor);
}

static int rows_eof(sqlite3_vtab_cursor *cursor)
{
    return ((struct rows_cursor *)cursor)->is_at_end;
}

static int rows_column(sqlite3_vtab_cursor *cursor, sqlite3_context *context, int column)
{
    const struct store_value *value = &((struct rows_cursor *)cursor)->values[column];
    int length = (int)value->length;
    switch (value->type) {
    case STORE_NULL: sqlite3_result_null(context); break;
    case STORE_INT: sqlite3_result_int64(context, value->as.integer); break;
    case STORE_REAL: sqlite3_result_double(context, value->as.real); break;
    case STORE_TEXT: sqlite3_result_text(context, value->as.bytes, length, SQLITE_STATIC); break;
    case STORE_BLOB: sqlite3_result_blob(context, value->as.bytes, length, SQLITE_STATIC); break;
    }
    return SQLITE_OK;
}

static int rows_rowid(sqlite3_vtab_cursor *cursor, sqlite3_int64 *ret_row)
{
    *ret_row = ((struct rows_cursor *)cursor)->row;
    return SQLITE_OK;
}

static const sqlite3_module rows_module = {
    .xConnect = rows_connect,
    .xBestIndex = rows_best_index,
    .xDisconnect = rows_disconnect,
    .xOpen = rows_open,
    .xClose = rows_close,
    .xFilter = rows_filter,
    .xNext = rows_next,
    .xEof = rows_eof,
    .xColumn = rows_column,
    .xRowid = rows_rowid,
};

static enum lx_err sqlite_append(struct store *head, const char *table, int column_count,
                                 enum store_conflict conflict, const struct store_source *source,
                                 uint64_t *ret_count, struct lx_error *err)
{
    struct sqlite_store *store = (struct sqlite_store *)head;
    LX_ASSERT(store->source == NULL && store->visitor == NULL); /* one at a time */
    char sql[SQL_MAX];
    int length = snprintf(sql, sizeof sql, "INSERT INTO %s SELECT c0", table);
    for (int i = 1; i < column_count; i++)
        length += snprintf(sql + length, sizeof sql - (size_t)length, ", c%d", i);
    length +=
        snprintf(sql + length, sizeof sql - (size_t)length, " FROM store_rows%s",
                 conflict == STORE_CONFLICT_IGNORED ? " WHERE true ON CONFLICT DO NOTHING" : "");
    LX_ASSERT((size_t)length < sizeof sql);

    store->source = source;
    store->callback_failure = LX_OK;
    store->callback_err = err;
    int status = sqlite3_exec(store->db, sql, NULL, NULL, NULL);
    store->source = NULL;
    store->callback_err = NULL;
    if (store->callback_failure != LX_OK) return store->callback_failure;
    if (status != SQLITE_OK) return fail(head, status, err);
    *ret_count = (uint64_t)sqlite3_changes64(store->db);
    return LX_OK;
}

static enum lx_err root_of(struct store *store, const char *table, uint32_t *ret_root,
                           struct lx_error *err)
{
    struct store_statement *statement = NULL;
    bool has_row = false;
    enum lx_err code = sqlite_prepare(store,
                                      "SELECT rootpage FROM sqlite_schema WHERE name = $1"
                                      " AND NOT EXISTS (SELECT 1 FROM sqlite_schema"
                                      " WHERE tbl_name = $1 AND type <> 'table')",
                                      &statement, err);
    if (code != LX_OK) return code;
    store_bind_text(statement, 1, table, strlen(table));
    code = sqlite_step(statement, &has_row, err);
    if (code == LX_OK && !has_row)
        code = lx_fail(err, LX_ERR_USAGE, "%s: no table %s without indexes", store->path, table);
    if (code == LX_OK) *ret_root = (uint32_t)sqlite_integer(statement, 0);
    sqlite_finalize(statement);
    return code;
}

/* SQLite lets go of the file meanwhile. */
static enum lx_err sqlite_fill(struct store *head, const char *table, int column_count,
                               int key_count, const struct store_int_source *source,
                               uint64_t *ret_count, struct lx_error *err)
{
    struct sqlite_store *store = (struct sqlite_store *)head;
    struct btree_table filled = {
        .path = head->path, .column_count = column_count, .key_count = key_count};
    enum lx_err code = root_of(head, table, &filled.root, err);
    if (code != LX_OK) return code;
    int status = sqlite3_close(store->db);
    LX_ASSERT(status == SQLITE_OK); /* no statement is open */
    store->db = NULL;
    code = btree_fill(&filled, source, ret_count, err);
    return code == LX_OK ? open_file(store, err) : code;
}

static enum lx_err sync_file(struct store *store, struct lx_error *err)
{
    sqlite3_file *file = NULL;
    int status =
        sqlite3_file_control(db_of(store), "main", SQLITE_FCNTL_FILE_POINTER, (void *)&file);
    if (status == SQLITE_OK) status = file->pMethods->xSync(file, SQLITE_SYNC_FULL);
    return status == SQLITE_OK ? LX_OK : fail(store, status, err);
}

static enum lx_err sqlite_seal(struct store *store, struct lx_error *err)
{
    enum lx_err code = sqlite_execute(store,
                                      "PRAGMA locking_mode=NORMAL; PRAGMA synchronous=FULL;"
                                      "SELECT count(*) FROM sqlite_schema LIMIT 1;"
                                      "PRAGMA journal_mode=WAL; PRAGMA foreign_keys=ON",
                                      err);
    if (code == LX_OK) code = sync_file(store, err);
    return code;
}

static enum lx_err sqlite_retire(struct store *store, struct lx_error *err)
{
    /* Leaving WAL needs every other connection to be gone; then the log is folded in and removed.
     * A log left beside the file would be taken for the new file's. */
    enum lx_err code = sqlite_execute(store, "PRAGMA journal_mode=DELETE", err);
    if (code == LX_OK) code = sqlite_execute(store, "BEGIN EXCLUSIVE", err);
    if (code == LX_OK) code = check_in_place(store, err);
    if (code == LX_OK) store->is_in_transaction = true;
    return code;
}

const struct store_backend store_sqlite = {
    .open = sqlite_open,
    .close = sqlite_close,
    .execute = sqlite_execute,
    .begin = sqlite_begin,
    .commit = sqlite_commit,
    .rollback = sqlite_rollback,
    .prepare = sqlite_prepare,
    .finalize = sqlite_finalize,
    .bind = sqlite_bind,
    .step = sqlite_step,
    .reset = sqlite_reset,
    .changes = sqlite_changes,
    .is_null = sqlite_is_null,
    .integer = sqlite_integer,
    .integers = sqlite_integers,
    .prepare_visit = sqlite_prepare_visit,
    .visit = sqlite_visit,
    .real = sqlite_real,
    .bytes = sqlite_bytes,
    .append = sqlite_append,
    .fill = sqlite_fill,
    .seal = sqlite_seal,
    .retire = sqlite_retire,
};
