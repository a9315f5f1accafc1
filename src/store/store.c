#include "store/store.h"

#include <inttypes.h>
#include <string.h>

#include "codec/digest.h"
#include "store/backend.h"

static const char migration_table[] =
    "CREATE TABLE IF NOT EXISTS store_migration ("
    " number INTEGER PRIMARY KEY, name TEXT NOT NULL, sha256 TEXT NOT NULL)";

static bool has_scheme(const char *url, const char *scheme)
{
    return strncmp(url, scheme, strlen(scheme)) == 0;
}

enum lx_err store_open(const char *url, enum store_mode mode, struct store **ret_store,
                       struct lx_error *err)
{
    LX_ASSERT(url != NULL && ret_store != NULL);
    LX_ASSERT(mode == STORE_READ || mode == STORE_WRITE || mode == STORE_BULK);

    if (has_scheme(url, "postgresql:") || has_scheme(url, "postgres:"))
        return lx_fail(err, LX_ERR_NOT_BUILT,
                       "%s: this program is built without PostgreSQL; use sqlite:PATH", url);
    if (strstr(url, "://") != NULL)
        return lx_fail(err, LX_ERR_USAGE, "%s: unknown kind of store; sqlite:PATH is meant?", url);

    const char *path = has_scheme(url, "sqlite:") ? url + strlen("sqlite:") : url;
    if (path[0] == '\0') return lx_fail(err, LX_ERR_USAGE, "store \"%s\": names no file", url);
    struct store *store;
    enum lx_err code = store_sqlite.open(path, mode, &store, err);
    if (code != LX_OK) return code;
    LX_ASSERT(store->backend == &store_sqlite && store->mode == mode);
    *ret_store = store;
    return LX_OK;
}

void store_close(struct store *store)
{
    if (store == NULL) return;
    store_rollback(store);
    store->backend->close(store);
}

enum lx_err store_execute(struct store *store, const char *sql, struct lx_error *err)
{
    LX_ASSERT(store != NULL && sql != NULL);

    return store->backend->execute(store, sql, err);
}

static enum lx_err begin(struct store *store, bool is_for_writing, struct lx_error *err)
{
    LX_ASSERT(store != NULL && !store->is_in_transaction);
    LX_ASSERT(!is_for_writing || store->mode != STORE_READ);

    enum lx_err code = store->backend->begin(store, is_for_writing, err);
    if (code == LX_OK) store->is_in_transaction = true;
    return code;
}

enum lx_err store_begin(struct store *store, struct lx_error *err)
{
    return begin(store, true, err);
}

enum lx_err store_begin_read(struct store *store, struct lx_error *err)
{
    return begin(store, false, err);
}

enum lx_err store_commit(struct store *store, struct lx_error *err)
{
    LX_ASSERT(store != NULL && store->is_in_transaction);

    enum lx_err code = store->backend->commit(store, err);
    /* A commit that failed has left nothing, whatever the reason. */
    if (code != LX_OK) store->backend->rollback(store);
    store->is_in_transaction = false;
    return code;
}

void store_rollback(struct store *store)
{
    if (!store->is_in_transaction) return;
    store->backend->rollback(store);
    store->is_in_transaction = false;
}

enum lx_err store_prepare(struct store *store, const char *sql,
                          struct store_statement **ret_statement, struct lx_error *err)
{
    LX_ASSERT(store != NULL && sql != NULL && ret_statement != NULL);

    return store->backend->prepare(store, sql, ret_statement, err);
}

void store_finalize(struct store_statement *statement)
{
    if (statement != NULL) statement->backend->finalize(statement);
}

void store_bind_int(struct store_statement *statement, int index, int64_t value)
{
    struct store_value bound = {.type = STORE_INT, .as.integer = value};
    statement->backend->bind(statement, index, &bound);
}

void store_bind_real(struct store_statement *statement, int index, double value)
{
    struct store_value bound = {.type = STORE_REAL, .as.real = value};
    statement->backend->bind(statement, index, &bound);
}

static void bind_bytes(struct store_statement *statement, int index, enum store_type type,
                       const void *bytes, size_t length)
{
    LX_ASSERT(bytes != NULL || length == 0);
    LX_ASSERT(length <= INT32_MAX);

    /* An empty value is not a null, wherever its bytes may point. */
    struct store_value bound = {.type = type, .length = (uint32_t)length};
    bound.as.bytes = bytes == NULL ? "" : bytes;
    statement->backend->bind(statement, index, &bound);
}

void store_bind_text(struct store_statement *statement, int index, const char *text, size_t length)
{
    bind_bytes(statement, index, STORE_TEXT, text, length);
}

void store_bind_blob(struct store_statement *statement, int index, const void *bytes, size_t length)
{
    bind_bytes(statement, index, STORE_BLOB, bytes, length);
}

void store_bind_null(struct store_statement *statement, int index)
{
    struct store_value bound = {.type = STORE_NULL};
    statement->backend->bind(statement, index, &bound);
}

enum lx_err store_step(struct store_statement *statement, bool *ret_has_row, struct lx_error *err)
{
    LX_ASSERT(statement != NULL && ret_has_row != NULL);

    return statement->backend->step(statement, ret_has_row, err);
}

void store_reset(struct store_statement *statement)
{
    statement->backend->reset(statement);
}

enum lx_err store_run(struct store_statement *statement, struct lx_error *err)
{
    bool has_row = false;
    enum lx_err code = store_step(statement, &has_row, err);
    LX_ASSERT(code != LX_OK || !has_row);
    store_reset(statement);
    return code;
}

int64_t store_changes(struct store *store)
{
    return store->backend->changes(store);
}

bool store_is_null(struct store_statement *statement, int column)
{
    return statement->backend->is_null(statement, column);
}

int64_t store_int(struct store_statement *statement, int column)
{
    return statement->backend->integer(statement, column);
}

double store_real(struct store_statement *statement, int column)
{
    return statement->backend->real(statement, column);
}

const char *store_text(struct store_statement *statement, int column, size_t *ret_length)
{
    return statement->backend->bytes(statement, column, true, ret_length);
}

const void *store_blob(struct store_statement *statement, int column, size_t *ret_length)
{
    return statement->backend->bytes(statement, column, false, ret_length);
}

void store_ints(struct store_statement *statement, int first, int count, int64_t null_value,
                int64_t *ret_values)
{
    LX_ASSERT(first >= 0 && count >= 0 && ret_values != NULL);

    statement->backend->integers(statement, first, count, null_value, ret_values);
}

enum lx_err store_prepare_visit(struct store *store, const char *columns, const char *rest,
                                struct store_statement **ret_statement, struct lx_error *err)
{
    LX_ASSERT(store != NULL && columns != NULL && rest != NULL && ret_statement != NULL);

    return store->backend->prepare_visit(store, columns, rest, ret_statement, err);
}

enum lx_err store_visit(struct store_statement *statement, const struct store_visitor *visitor,
                        struct lx_error *err)
{
    LX_ASSERT(statement != NULL && visitor != NULL && visitor->visit != NULL);

    return statement->backend->visit(statement, visitor, err);
}

enum lx_err store_append(struct store *store, const char *table, int column_count,
                         enum store_conflict conflict, const struct store_source *source,
                         uint64_t *ret_count, struct lx_error *err)
{
    LX_ASSERT(store != NULL && table != NULL && source != NULL && ret_count != NULL);
    LX_ASSERT(column_count >= 1 && column_count <= STORE_COLUMNS_MAX);
    LX_ASSERT(store->is_in_transaction);

    return store->backend->append(store, table, column_count, conflict, source, ret_count, err);
}

static void hash_of(const struct store_migration *migration, char ret_text[DIGEST_TEXT_SIZE])
{
    uint8_t hash[DIGEST_SIZE];
    digest_of(migration->sql, strlen(migration->sql), hash);
    digest_text(hash, ret_text);
}

/* The migrations that have run must be the first of the given ones, unchanged. */
static enum lx_err check_done(struct store *store, const struct store_migration *migrations,
                              size_t count, size_t *ret_done, struct lx_error *err)
{
    struct store_statement *statement = NULL;
    size_t done = 0;
    bool has_row = false;
    enum lx_err code = store_prepare(
        store, "SELECT number, sha256 FROM store_migration ORDER BY number", &statement, err);
    while (code == LX_OK && (code = store_step(statement, &has_row, err)) == LX_OK && has_row) {
        int64_t number = store_int(statement, 0);
        const char *stored = store_text(statement, 1, NULL);
        char hash[DIGEST_TEXT_SIZE] = "";
        if (done == count || number != migrations[done].number) {
            code = lx_fail(err, LX_ERR_VERSION,
                           "%s: has migration %" PRId64 ", which this program does not know; it "
                           "was written by a newer one",
                           store->path, number);
            break;
        }
        hash_of(&migrations[done], hash);
        if (stored == NULL || strcmp(stored, hash) != 0) {
            code = lx_fail(err, LX_ERR_CORRUPT,
                           "%s: migration %d (%s) is not the one that was run: a migration never "
                           "changes, a new one has to be added",
                           store->path, migrations[done].number, migrations[done].name);
            break;
        }
        done++;
    }
    store_finalize(statement);
    if (code == LX_OK) *ret_done = done;
    return code;
}

static enum lx_err record_migration(struct store *store, const struct store_migration *migration,
                                    struct lx_error *err)
{
    struct store_statement *statement = NULL;
    char hash[DIGEST_TEXT_SIZE];
    hash_of(migration, hash);
    enum lx_err code = store_prepare(
        store, "INSERT INTO store_migration (number, name, sha256) VALUES ($1, $2, $3)", &statement,
        err);
    if (code != LX_OK) return code;
    store_bind_int(statement, 1, migration->number);
    store_bind_text(statement, 2, migration->name, strlen(migration->name));
    store_bind_text(statement, 3, hash, strlen(hash));
    code = store_run(statement, err);
    store_finalize(statement);
    return code;
}

static enum lx_err run_migration(struct store *store, const struct store_migration *migration,
                                 struct lx_error *err)
{
    enum lx_err code = store_begin(store, err);
    if (code != LX_OK) return code;
    code = store_execute(store, migration->sql, err);
    if (code == LX_OK) code = record_migration(store, migration, err);
    if (code == LX_OK) code = store_commit(store, err);
    if (code == LX_OK) return LX_OK;

    store_rollback(store);
    return lx_error_prefix(err, "migration %d (%s)", migration->number, migration->name);
}

enum lx_err store_migrate(struct store *store, const struct store_migration *migrations,
                          size_t count, struct lx_error *err)
{
    LX_ASSERT(store != NULL && (migrations != NULL || count == 0));
    for (size_t i = 1; i < count; i++) LX_ASSERT(migrations[i].number > migrations[i - 1].number);

    size_t done = 0;
    enum lx_err code = LX_OK;
    if (store->mode != STORE_READ) code = store_execute(store, migration_table, err);
    if (code == LX_OK) code = check_done(store, migrations, count, &done, err);
    if (code == LX_OK && done < count && store->mode == STORE_READ)
        return lx_fail(err, LX_ERR_VERSION,
                       "%s: lacks migration %d (%s); run a command that writes first", store->path,
                       migrations[done].number, migrations[done].name);
    for (; code == LX_OK && done < count; done++)
        code = run_migration(store, &migrations[done], err);
    return code;
}

enum lx_err store_fill(struct store *store, const char *table, int column_count, int key_count,
                       const struct store_int_source *source, uint64_t *ret_count,
                       struct lx_error *err)
{
    LX_ASSERT(store != NULL && table != NULL && source != NULL && ret_count != NULL);
    LX_ASSERT(key_count >= 1 && key_count <= column_count && column_count <= STORE_COLUMNS_MAX);
    LX_ASSERT(store->mode == STORE_BULK && !store->is_in_transaction);

    return store->backend->fill(store, table, column_count, key_count, source, ret_count, err);
}

enum lx_err store_seal(struct store *store, struct lx_error *err)
{
    LX_ASSERT(store != NULL && store->mode == STORE_BULK && !store->is_in_transaction);

    return store->backend->seal(store, err);
}

enum lx_err store_retire(struct store *store, struct lx_error *err)
{
    LX_ASSERT(store != NULL && store->mode == STORE_WRITE);

    store_rollback(store);
    return store->backend->retire(store, err);
}
