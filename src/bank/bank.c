#include "bank/bank.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "bank/internal.h"
#include "codec/field.h"
#include "codec/ini.h"
#include "host/file.h"

enum { UTC_OFFSET_DEFAULT = 480, UTC_OFFSET_MAX = 14 * 60, LISTS_BYTES_MAX = 1 << 26 };

#define STORE_DEFAULT "sqlite:bank.db"

extern const char bank_sql_0001[], bank_sql_0002[], bank_sql_0003[], bank_sql_0004[],
    bank_sql_0005[];

const struct store_migration bank_migrations[] = {
    {1, "bank", bank_sql_0001},          {2, "known_ends", bank_sql_0002},
    {3, "event_changes", bank_sql_0003}, {4, "audiences", bank_sql_0004},
    {5, "posteriors", bank_sql_0005},
};
const size_t bank_migration_count = LX_COUNT_OF(bank_migrations);

const char *const bank_tables[] = {
    "batch",
    "batch_file",
    "code",
    "institution",
    "branch",
    "staff",
    "product",
    "product_version",
    "product_terms",
    "customer",
    "customer_profile",
    "risk_assessment",
    "consent",
    "do_not_contact",
    "complaint",
    "assignment",
    "account",
    "event",
    "event_change",
    "holding",
    "label",
    "legal_hold",
    "placement",
    "campaign",
    "exposure",
    "experiment",
    "experiment_arm",
    "model",
    "rule_set_version",
    "approval",
    "projection",
    "decision",
    "decision_item",
    "decision_refusal",
    "decision_exposure",
    "answer",
    "posterior",
    "task",
    "audience",
    "audience_size",
    NULL,
};

/* The settings that this folder needs; others have sections of their own in the same file. */
static const char config_text[] = "; The configuration of this bank.\n"
                                  "\n"
                                  "[bank]\n"
                                  "; sqlite:FILE, relative to this folder\n"
                                  "store = %s\n"
                                  "; the bank's time zone; a bank day ends at its midnight\n"
                                  "utc_offset_minutes = %d\n";

static enum lx_err write_config(const char *folder, const char *store_url, struct lx_error *err)
{
    char path[LX_PATH_MAX];
    struct lx_buffer text;
    lx_buffer_init(&text, LX_CONFIG_MAX);
    lx_buffer_printf(&text, config_text, store_url, UTC_OFFSET_DEFAULT);
    enum lx_err code = lx_buffer_error(&text);
    if (code != LX_OK) code = lx_fail(err, code, "%s: out of memory", folder);
    if (code == LX_OK) code = host_join(path, folder, "lingxi.ini", err);
    if (code == LX_OK) code = host_write_atomic(path, text.bytes, text.length, err);
    lx_buffer_release(&text);
    return code;
}

static enum lx_err write_files(const char *folder, const struct bank_file *files, size_t count,
                               struct lx_error *err)
{
    for (size_t i = 0; i < count; i++) {
        char path[LX_PATH_MAX], parent[LX_PATH_MAX];
        enum lx_err code = host_join(path, folder, files[i].name, err);
        if (code != LX_OK) return code;
        memcpy(parent, path, sizeof parent);
        *strrchr(parent, '/') = '\0';
        code = host_make_folder(parent, err);
        if (code == LX_OK) code = host_write_atomic(path, files[i].bytes, files[i].length, err);
        if (code != LX_OK) return code;
    }
    return LX_OK;
}

/* A relative path in a store's URL is one from the bank's folder. */
static enum lx_err store_path(const char *folder, const char *url, char ret_path[LX_PATH_MAX],
                              struct lx_error *err)
{
    const char *scheme = "sqlite:";
    if (strncmp(url, scheme, strlen(scheme)) == 0) url += strlen(scheme);
    if (url[0] != '/' && strstr(url, ":") == NULL) return host_join(ret_path, folder, url, err);
    return host_join(ret_path, "", url, err);
}

/* A folder in which an earlier init was killed has no lingxi.ini; its store is used again, since
 * it cannot be told from one whose configuration somebody has lost. */
static enum lx_err create_store(const char *folder, const char *store_url, struct lx_error *err)
{
    char path[LX_PATH_MAX];
    struct store *store = NULL;
    int64_t batch = 0;
    enum lx_err code = store_path(folder, store_url, path, err);
    if (code == LX_OK) code = store_open(path, STORE_WRITE, &store, err);
    if (code == LX_OK) code = store_migrate(store, bank_migrations, bank_migration_count, err);
    if (code == LX_OK) code = bank_query_int(store, "SELECT max(batch) FROM batch", 0, &batch, err);
    store_close(store);
    if (code == LX_OK && batch > 0)
        code = lx_fail(err, LX_ERR_REFUSED, "%s: is the store of a bank, but %s/lingxi.ini is gone",
                       path, folder);
    return code;
}

enum lx_err bank_create(const char *folder, const char *store_url,
                        const struct bank_file *data_files, size_t data_file_count,
                        struct lx_error *err)
{
    LX_ASSERT(folder != NULL && (data_files != NULL || data_file_count == 0));

    const char *url = store_url == NULL ? STORE_DEFAULT : store_url;
    char path[LX_PATH_MAX];
    enum lx_err code = host_join(path, folder, "lingxi.ini", err);
    if (code != LX_OK) return code;
    if (host_exists(path)) return lx_fail(err, LX_ERR_REFUSED, "%s: has a bank already", folder);

    bool has_config = false;
    for (size_t i = 0; i < data_file_count; i++)
        if (strcmp(data_files[i].name, "lingxi.ini") == 0) has_config = true;
    LX_ASSERT(!has_config); /* it says which store, so it is written here */

    code = host_make_folder(folder, err);
    if (code == LX_OK) code = create_store(folder, url, err);
    if (code == LX_OK) code = write_files(folder, data_files, data_file_count, err);
    /* Last: with this file the folder is a bank. */
    if (code == LX_OK) code = write_config(folder, url, err);
    return code;
}

static enum lx_err read_text(const char *folder, const char *name, struct lx_buffer *buffer,
                             char ret_path[LX_PATH_MAX], struct lx_error *err)
{
    enum lx_err code = host_join(ret_path, folder, name, err);
    return code == LX_OK ? host_read_file(ret_path, buffer, err) : code;
}

static enum lx_err read_offset(const char *path, const struct ini *ini, int *ret_minutes,
                               struct lx_error *err)
{
    const struct ini_entry *entry = ini_find(ini, "bank", "utc_offset_minutes");
    int64_t minutes = UTC_OFFSET_DEFAULT;
    if (entry != NULL && (field_int64(entry->value, strlen(entry->value), &minutes, err) != LX_OK ||
                          minutes < -UTC_OFFSET_MAX || minutes > UTC_OFFSET_MAX))
        return lx_fail(err, LX_ERR_BAD_INPUT,
                       "%s:%d: utc_offset_minutes \"%.20s\": is none of -%d to %d", path,
                       entry->line, entry->value, UTC_OFFSET_MAX, UTC_OFFSET_MAX);
    *ret_minutes = (int)minutes;
    return LX_OK;
}

static enum lx_err read_config(struct bank *bank, struct lx_error *err)
{
    char path[LX_PATH_MAX];
    struct ini ini = {0};
    struct lx_buffer text;
    lx_buffer_init(&text, LX_CONFIG_MAX);
    enum lx_err code = read_text(bank->folder, "lingxi.ini", &text, path, err);
    if (code == LX_ERR_NOT_FOUND)
        lx_fail(err, code, "%s: no bank here; make one with `lingxi -C %s init`", bank->folder,
                bank->folder);
    if (code == LX_OK) code = ini_read(path, lx_buffer_text(&text), text.length, &ini, err);
    if (code == LX_OK) code = read_offset(path, &ini, &bank->utc_offset_minutes, err);
    if (code == LX_OK) {
        const char *url = ini_get(&ini, "bank", "store");
        code = store_path(bank->folder, url == NULL ? STORE_DEFAULT : url, bank->path, err);
    }
    ini_release(&ini);
    lx_buffer_release(&text);
    return code;
}

static enum lx_err read_catalogue(struct bank *bank, struct lx_error *err)
{
    char path[LX_PATH_MAX];
    struct lx_buffer text;
    lx_buffer_init(&text, LX_CONFIG_MAX);
    enum lx_err code = read_text(bank->folder, "catalogue.ini", &text, path, err);
    if (code == LX_OK)
        code =
            bank_catalogue_parse(path, lx_buffer_text(&text), text.length, &bank->catalogue, err);
    lx_buffer_release(&text);
    return code;
}

static bool is_leftover(const struct bank *bank, const char *name)
{
    const char *base = strrchr(bank->path, '/');
    base = base == NULL ? bank->path : base + 1;
    size_t length = strlen(base);
    if (strncmp(name, base, length) != 0) return false;
    return strncmp(name + length, BANK_LOADING_SUFFIX, strlen(BANK_LOADING_SUFFIX)) == 0 ||
           strncmp(name + length, BANK_SORT_SUFFIX, strlen(BANK_SORT_SUFFIX)) == 0;
}

enum lx_err bank_sweep(const struct bank *bank, struct lx_error *err)
{
    char folder[LX_PATH_MAX], path[LX_PATH_MAX];
    memcpy(folder, bank->path, sizeof folder);
    char *slash = strrchr(folder, '/');
    if (slash != NULL) *slash = '\0';
    const char *place = slash == NULL ? "." : slash == folder ? "/" : folder;

    struct host_names names = {0};
    enum lx_err code = host_list(place, &names, err);
    for (size_t i = 0; code == LX_OK && i < names.count; i++) {
        if (!is_leftover(bank, names.names[i])) continue;
        code = host_join(path, place, names.names[i], err);
        if (code == LX_OK) code = host_remove(path, err);
    }
    host_names_release(&names);
    return code;
}

/* Only under the write lock, since the files may be those of a load that is running. */
static enum lx_err sweep_if_idle(struct bank *bank, struct lx_error *err)
{
    char path[LX_PATH_MAX + sizeof BANK_LOADING_SUFFIX];
    snprintf(path, sizeof path, "%s%s", bank->path, BANK_LOADING_SUFFIX);
    if (!host_exists(path)) return LX_OK;
    enum lx_err code = store_begin(bank->store, err);
    if (code == LX_ERR_BUSY) return LX_OK;
    if (code != LX_OK) return code;
    code = bank_sweep(bank, err);
    store_rollback(bank->store);
    return code;
}

static enum lx_err open_parts(struct bank *bank, enum store_mode mode, struct lx_error *err)
{
    enum lx_err code = read_config(bank, err);
    if (code == LX_OK) code = read_catalogue(bank, err);
    if (code == LX_OK) code = store_open(bank->path, mode, &bank->store, err);
    if (code == LX_OK)
        code = store_migrate(bank->store, bank_migrations, bank_migration_count, err);
    if (code == LX_OK && mode == STORE_WRITE) code = sweep_if_idle(bank, err);
    if (code == LX_OK) code = bank_catalogue_align(&bank->catalogue, bank->store, err);
    if (code == LX_OK) code = bank_catalogue_read_terms(&bank->catalogue, bank->store, err);
    return code;
}

enum lx_err bank_open(const char *folder, enum store_mode mode, struct bank **ret_bank,
                      struct lx_error *err)
{
    LX_ASSERT(folder != NULL && ret_bank != NULL);
    LX_ASSERT(mode == STORE_READ || mode == STORE_WRITE);

    struct bank *bank = lx_calloc(1, sizeof *bank);
    if (bank == NULL) return lx_fail(err, LX_ERR_NO_MEMORY, "%s: out of memory", folder);
    for (int i = 0; i < BANK_LIST_END; i++)
        lx_dictionary_init(&bank->lists[i].numbers, BANK_LIST_MAX);
    lx_arena_init(&bank->arena, LISTS_BYTES_MAX);
    size_t length = strlen(folder);
    enum lx_err code = LX_OK;
    if (length >= sizeof bank->folder)
        code = lx_fail(err, LX_ERR_LIMIT, "%.60s...: a file name of more than %d bytes", folder,
                       LX_PATH_MAX - 1);
    if (code == LX_OK) {
        memcpy(bank->folder, folder, length + 1);
        code = open_parts(bank, mode, err);
    }
    if (code != LX_OK) {
        bank_close(bank);
        return code;
    }
    *ret_bank = bank;
    return LX_OK;
}

void bank_close(struct bank *bank)
{
    if (bank == NULL) return;
    store_finalize(bank->find);
    store_finalize(bank->id);
    bank_history_release(bank);
    for (int i = 0; i < BANK_LIST_END; i++) {
        lx_dictionary_release(&bank->lists[i].numbers);
        lx_free(bank->lists[i].texts);
    }
    lx_arena_release(&bank->arena);
    store_close(bank->store);
    bank_catalogue_release(&bank->catalogue);
    lx_free(bank);
}

const char *bank_folder(const struct bank *bank)
{
    return bank->folder;
}

const struct bank_catalogue *bank_catalogue(const struct bank *bank)
{
    return &bank->catalogue;
}

int bank_utc_offset_minutes(const struct bank *bank)
{
    return bank->utc_offset_minutes;
}

struct store *bank_store(struct bank *bank)
{
    return bank->store;
}

enum lx_err bank_query_int(struct store *store, const char *sql, int64_t null_value,
                           int64_t *ret_value, struct lx_error *err)
{
    struct store_statement *statement = NULL;
    bool has_row = false;
    int64_t value = null_value;
    enum lx_err code = store_prepare(store, sql, &statement, err);
    if (code == LX_OK) code = store_step(statement, &has_row, err);
    if (code == LX_OK && has_row) store_ints(statement, 0, 1, null_value, &value);
    store_finalize(statement);
    if (code == LX_OK) *ret_value = value;
    return code;
}

enum lx_err bank_is_empty(struct bank *bank, bool *ret_is_empty, struct lx_error *err)
{
    bool is_empty = true;
    for (size_t i = 0; bank_tables[i] != NULL && is_empty; i++) {
        char sql[96];
        int64_t has_row = 0;
        snprintf(sql, sizeof sql, "SELECT 1 FROM %s LIMIT 1", bank_tables[i]);
        enum lx_err code = bank_query_int(bank->store, sql, 0, &has_row, err);
        if (code != LX_OK) return code;
        is_empty = has_row == 0;
    }
    *ret_is_empty = is_empty;
    return LX_OK;
}

enum lx_err bank_customer_count(struct bank *bank, int64_t *ret_count, struct lx_error *err)
{
    /* Their numbers are dense, and the largest is found without a pass. */
    return bank_query_int(bank->store, "SELECT max(customer) + 1 FROM customer", 0, ret_count, err);
}

enum lx_err bank_newest_known_ms(struct bank *bank, int64_t *ret_at_ms, struct lx_error *err)
{
    int64_t at_ms = BANK_UNKNOWN_MS;
    enum lx_err code = bank_query_int(bank->store, "SELECT max(max_known_at_ms) FROM batch",
                                      BANK_UNKNOWN_MS, &at_ms, err);
    if (code != LX_OK) return code;
    if (at_ms == BANK_UNKNOWN_MS)
        return lx_fail(err, LX_ERR_NOT_READY,
                       "%s: the bank is empty; load data with `lingxi import`", bank->folder);
    *ret_at_ms = at_ms;
    return LX_OK;
}

static enum lx_err prepare_once(struct bank *bank, const char *sql,
                                struct store_statement **statement, struct lx_error *err)
{
    return *statement != NULL ? LX_OK : store_prepare(bank->store, sql, statement, err);
}

enum lx_err bank_customer_find(struct bank *bank, const char *id, int64_t *ret_customer,
                               struct lx_error *err)
{
    LX_ASSERT(id != NULL && ret_customer != NULL);

    bool has_row = false;
    int64_t customer = -1;
    enum lx_err code =
        prepare_once(bank, "SELECT customer FROM customer WHERE id = $1", &bank->find, err);
    if (code != LX_OK) return code;
    store_bind_text(bank->find, 1, id, strlen(id));
    code = store_step(bank->find, &has_row, err);
    if (code == LX_OK && has_row) customer = store_int(bank->find, 0);
    store_reset(bank->find);
    if (code != LX_OK) return code;
    if (!has_row)
        return lx_fail(err, LX_ERR_NOT_FOUND, "customer \"%.*s\": not in this bank", LX_ID_MAX, id);
    *ret_customer = customer;
    return LX_OK;
}

enum lx_err bank_customer_id(struct bank *bank, int64_t customer, char ret_id[LX_ID_MAX + 1],
                             struct lx_error *err)
{
    LX_ASSERT(ret_id != NULL);

    bool has_row = false;
    enum lx_err code =
        prepare_once(bank, "SELECT id FROM customer WHERE customer = $1", &bank->id, err);
    if (code != LX_OK) return code;
    store_bind_int(bank->id, 1, customer);
    code = store_step(bank->id, &has_row, err);
    if (code == LX_OK && !has_row)
        code = lx_fail(err, LX_ERR_NOT_FOUND, "customer number %" PRId64 ": not in this bank",
                       customer);
    if (code == LX_OK) {
        size_t length;
        const char *id = store_text(bank->id, 0, &length);
        if (id == NULL || length > LX_ID_MAX)
            code = lx_fail(err, LX_ERR_CORRUPT, "%s: customer number %" PRId64 " has a bad id",
                           bank->path, customer);
        else
            memcpy(ret_id, id, length + 1);
    }
    store_reset(bank->id);
    return code;
}

enum lx_err bank_customer_name(struct bank *bank, int64_t customer, struct lx_arena *arena,
                               const char **ret_name, struct lx_error *err)
{
    LX_ASSERT(arena != NULL && ret_name != NULL);

    bool has_row = false;
    const char *copy = NULL;
    struct store_statement *statement = NULL;
    enum lx_err code = store_prepare(bank->store, "SELECT name FROM customer WHERE customer = $1",
                                     &statement, err);
    if (code == LX_OK) {
        store_bind_int(statement, 1, customer);
        code = store_step(statement, &has_row, err);
    }
    if (code == LX_OK && !has_row)
        code = lx_fail(err, LX_ERR_NOT_FOUND, "customer number %" PRId64 ": not in this bank",
                       customer);
    if (code == LX_OK && !store_is_null(statement, 0)) {
        size_t length;
        const char *name = store_text(statement, 0, &length);
        copy = lx_arena_strndup(arena, name, length);
        if (copy == NULL) code = lx_fail(err, LX_ERR_NO_MEMORY, "name: out of memory");
    }
    store_finalize(statement);
    if (code == LX_OK) *ret_name = copy;
    return code;
}

static const char *list_query(enum bank_list list)
{
    switch (list) {
    case BANK_LIST_BRANCH:
        return "SELECT branch, code FROM branch WHERE branch >= $2 AND $1 > 0 ORDER BY branch";
    case BANK_LIST_CAMPAIGN:
        return "SELECT campaign, code FROM campaign WHERE campaign >= $2 AND $1 > 0 "
               "ORDER BY campaign";
    case BANK_LIST_OCCUPATION:
    case BANK_LIST_EDUCATION:
    case BANK_LIST_MARITAL:
        return "SELECT number, code FROM code WHERE list = $1 AND number >= $2 ORDER BY number";
    }
    lx_bug(__FILE__, __LINE__, "list");
}

static enum lx_err add_text(struct store_statement *statement, enum bank_list list,
                            struct lx_dictionary *dictionary, struct lx_error *err)
{
    size_t length;
    uint32_t number = 0;
    const char *text = store_text(statement, 1, &length);
    if (text == NULL || store_int(statement, 0) != (int64_t)dictionary->count)
        return lx_fail(err, LX_ERR_CORRUPT, "code list %d: number %zu is missing", (int)list,
                       dictionary->count);
    enum lx_err code = lx_dictionary_add(dictionary, text, length, &number, NULL);
    return code == LX_OK ? LX_OK : lx_fail(err, code, "code list %d: too long", (int)list);
}

enum lx_err bank_list_read(struct store *store, enum bank_list list,
                           struct lx_dictionary *dictionary, struct lx_error *err)
{
    struct store_statement *statement = NULL;
    bool has_row = false;
    enum lx_err code = store_prepare(store, list_query(list), &statement, err);
    if (code == LX_OK) {
        store_bind_int(statement, 1, list);
        store_bind_int(statement, 2, (int64_t)dictionary->count);
    }
    while (code == LX_OK && (code = store_step(statement, &has_row, err)) == LX_OK && has_row)
        code = add_text(statement, list, dictionary, err);
    store_finalize(statement);
    return code;
}

/* A caller keeps the texts that he has got, and the dictionary moves its own when it grows. */
static enum lx_err refresh_list(struct bank *bank, enum bank_list list, struct lx_error *err)
{
    struct bank_texts *texts = &bank->lists[list];
    enum lx_err code = bank_list_read(bank->store, list, &texts->numbers, err);
    size_t count = texts->numbers.count;
    if (code != LX_OK || texts->count == count) return code;
    code = lx_grow(&texts->texts, &texts->capacity, count, BANK_LIST_MAX, sizeof *texts->texts);
    while (code == LX_OK && texts->count < count) {
        size_t length;
        const char *text = lx_dictionary_text(&texts->numbers, (uint32_t)texts->count, &length);
        char *copy = lx_arena_strndup(&bank->arena, text, length);
        if (copy == NULL) code = LX_ERR_NO_MEMORY;
        if (copy != NULL) texts->texts[texts->count++] = copy;
    }
    return code == LX_OK ? LX_OK : lx_fail(err, code, "code list %d: out of memory", (int)list);
}

enum lx_err bank_list_count(struct bank *bank, enum bank_list list, int *ret_count,
                            struct lx_error *err)
{
    LX_ASSERT(ret_count != NULL);

    enum lx_err code = refresh_list(bank, list, err);
    if (code == LX_OK) *ret_count = (int)bank->lists[list].count;
    return code;
}

enum lx_err bank_list_text(struct bank *bank, enum bank_list list, int number,
                           const char **ret_text, struct lx_error *err)
{
    LX_ASSERT(number >= -1 && ret_text != NULL);

    struct bank_texts *texts = &bank->lists[list];
    if (number == -1) {
        *ret_text = "";
        return LX_OK;
    }
    enum lx_err code = LX_OK;
    if ((size_t)number >= texts->count) code = refresh_list(bank, list, err);
    if (code != LX_OK) return code;
    if ((size_t)number >= texts->count)
        return lx_fail(err, LX_ERR_NOT_FOUND, "code list %d: no number %d", (int)list, number);
    *ret_text = texts->texts[number];
    return LX_OK;
}
