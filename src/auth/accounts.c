#include "auth/accounts.h"

#include <string.h>

#include "base/suggest.h"
#include "host/file.h"

extern const char auth_sql_0001[];

static const struct store_migration migrations[] = {{1, "access", auth_sql_0001}};

struct accounts {
    struct store *store;
};

enum lx_err accounts_open(const char *folder, struct accounts **ret_accounts, struct lx_error *err)
{
    char path[LX_PATH_MAX];
    struct accounts *accounts = lx_calloc(1, sizeof *accounts);
    if (accounts == NULL) return lx_fail(err, LX_ERR_NO_MEMORY, "accounts: out of memory");
    enum lx_err code = host_join(path, folder, "access.db", err);
    if (code == LX_OK) code = store_open(path, STORE_WRITE, &accounts->store, err);
    if (code == LX_OK)
        code = store_migrate(accounts->store, migrations, LX_COUNT_OF(migrations), err);
    if (code == LX_OK)
        *ret_accounts = accounts;
    else
        accounts_close(accounts);
    return code;
}

void accounts_close(struct accounts *accounts)
{
    if (accounts == NULL) return;
    store_close(accounts->store);
    lx_free(accounts);
}

struct store *accounts_store(struct accounts *accounts)
{
    return accounts->store;
}

static void bind_text(struct store_statement *statement, int index, const char *text)
{
    if (text[0] == 0)
        store_bind_null(statement, index);
    else
        store_bind_text(statement, index, text, strlen(text));
}

static bool is_name_byte(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= '0' && byte <= '9') || byte == '.' || byte == '_' || byte == '-';
}

static enum lx_err check_account(const struct account *account, struct lx_error *err)
{
    size_t length = strlen(account->name);
    bool is_good = length > 0;
    for (size_t i = 0; i < length; i++) is_good &= is_name_byte(account->name[i]);
    if (!is_good)
        return lx_fail(err, LX_ERR_BAD_INPUT,
                       "account \"%.32s\": a name is letters, digits, `.`, `_` and `-`, %d at most",
                       account->name, ACCOUNT_NAME_MAX);
    if (account->role == POLICY_RM && account->staff[0] == 0)
        return lx_fail(err, LX_ERR_BAD_INPUT,
                       "account %s: a relationship manager needs --staff, his code in the bank's "
                       "records: by it his customers are found",
                       account->name);
    if (account->role == POLICY_BRANCH_MANAGER && account->branch[0] == 0)
        return lx_fail(err, LX_ERR_BAD_INPUT,
                       "account %s: a branch manager needs --branch, the branch's code",
                       account->name);
    if (account->role == POLICY_SERVICE)
        return lx_fail(err, LX_ERR_BAD_INPUT,
                       "account %s: the bank's own systems have API keys, not accounts",
                       account->name);
    return LX_OK;
}

enum lx_err accounts_add(struct accounts *accounts, const struct account *account,
                         struct lx_error *err)
{
    struct store_statement *statement = NULL;
    enum lx_err code = check_account(account, err);
    if (code == LX_OK)
        code = store_prepare(accounts->store,
                             "INSERT INTO account (name, role, branch, staff, password, second,"
                             " second_step, is_second_proved, is_disabled, at_ms, password_ms)"
                             " VALUES ($1, $2, $3, $4, $5, NULL, 0, 0, 0, $6, $6)"
                             " ON CONFLICT (name) DO NOTHING",
                             &statement, err);
    if (code == LX_OK) {
        bind_text(statement, 1, account->name);
        bind_text(statement, 2, policy_role_text(account->role));
        bind_text(statement, 3, account->branch);
        bind_text(statement, 4, account->staff);
        bind_text(statement, 5, account->password);
        store_bind_int(statement, 6, account->at_ms);
        code = store_run(statement, err);
    }
    if (code == LX_OK && store_changes(accounts->store) == 0)
        code = lx_fail(err, LX_ERR_REFUSED, "account %s is there already", account->name);
    store_finalize(statement);
    return code;
}

static void copy_text(struct store_statement *statement, int column, char *ret_text, size_t size)
{
    size_t length = 0;
    const char *text = store_text(statement, column, &length);
    if (length >= size) length = size - 1;
    if (length > 0) memcpy(ret_text, text, length);
    ret_text[length] = 0;
}

#define ACCOUNT_COLUMNS                                                                            \
    "name, role, branch, staff, password, second, second_step, is_second_proved, is_disabled, "    \
    "at_ms, password_ms"

static enum lx_err read_account(struct store_statement *statement, struct account *ret_account,
                                struct lx_error *err)
{
    char role[32];
    size_t length = 0;
    struct account account = {.has_second = !store_is_null(statement, 5),
                              .second_step = (uint64_t)store_int(statement, 6),
                              .is_second_proved = store_int(statement, 7) != 0,
                              .is_disabled = store_int(statement, 8) != 0,
                              .at_ms = store_int(statement, 9),
                              .password_ms = store_int(statement, 10)};
    copy_text(statement, 0, account.name, sizeof account.name);
    copy_text(statement, 1, role, sizeof role);
    copy_text(statement, 2, account.branch, sizeof account.branch);
    copy_text(statement, 3, account.staff, sizeof account.staff);
    copy_text(statement, 4, account.password, sizeof account.password);
    const void *second = store_blob(statement, 5, &length);
    if (account.has_second && length == sizeof account.second)
        memcpy(account.second, second, length);
    if (!policy_role_find(role, &account.role) ||
        (account.has_second && length != sizeof account.second))
        return lx_fail(err, LX_ERR_CORRUPT, "access.db: account %s is damaged", account.name);
    *ret_account = account;
    return LX_OK;
}

enum lx_err accounts_find(struct accounts *accounts, const char *name, struct account *ret_account,
                          struct lx_error *err)
{
    struct store_statement *statement = NULL;
    bool has_row = false;
    enum lx_err code =
        store_prepare(accounts->store, "SELECT " ACCOUNT_COLUMNS " FROM account WHERE name = $1",
                      &statement, err);
    if (code == LX_OK) {
        bind_text(statement, 1, name);
        code = store_step(statement, &has_row, err);
    }
    if (code == LX_OK && !has_row) code = lx_fail(err, LX_ERR_NOT_FOUND, "no account %.32s", name);
    if (code == LX_OK) code = read_account(statement, ret_account, err);
    store_finalize(statement);
    return code;
}

enum lx_err accounts_each(struct accounts *accounts,
                          enum lx_err (*visit)(void *context, const struct account *account,
                                               struct lx_error *err),
                          void *context, struct lx_error *err)
{
    struct store_statement *statement = NULL;
    struct account account;
    bool has_row = true;
    enum lx_err code = store_prepare(
        accounts->store, "SELECT " ACCOUNT_COLUMNS " FROM account ORDER BY name", &statement, err);
    while (code == LX_OK && has_row) {
        code = store_step(statement, &has_row, err);
        if (code != LX_OK || !has_row) break;
        code = read_account(statement, &account, err);
        if (code == LX_OK) code = visit(context, &account, err);
    }
    store_finalize(statement);
    return code;
}

/* An UPDATE of one account, whose name is $1. */
static enum lx_err run_update(struct accounts *accounts, struct store_statement *statement,
                              const char *name, struct lx_error *err)
{
    bind_text(statement, 1, name);
    enum lx_err code = store_run(statement, err);
    if (code == LX_OK && store_changes(accounts->store) == 0)
        code = lx_fail(err, LX_ERR_NOT_FOUND, "no account %.32s", name);
    store_finalize(statement);
    return code;
}

enum lx_err accounts_set_password(struct accounts *accounts, const char *name, const char *hash,
                                  int64_t now_ms, struct lx_error *err)
{
    struct store_statement *statement = NULL;
    enum lx_err code = store_prepare(
        accounts->store, "UPDATE account SET password = $2, password_ms = $3 WHERE name = $1",
        &statement, err);
    if (code != LX_OK) return code;
    bind_text(statement, 2, hash);
    store_bind_int(statement, 3, now_ms);
    return run_update(accounts, statement, name, err);
}

enum lx_err accounts_set_disabled(struct accounts *accounts, const char *name, bool is_disabled,
                                  struct lx_error *err)
{
    struct store_statement *statement = NULL;
    enum lx_err code = store_prepare(
        accounts->store, "UPDATE account SET is_disabled = $2 WHERE name = $1", &statement, err);
    if (code != LX_OK) return code;
    store_bind_int(statement, 2, is_disabled);
    return run_update(accounts, statement, name, err);
}

enum lx_err accounts_set_second(struct accounts *accounts, const char *name,
                                const uint8_t secret[TOTP_SECRET_BYTES], struct lx_error *err)
{
    struct store_statement *statement = NULL;
    enum lx_err code = store_prepare(accounts->store,
                                     "UPDATE account SET second = $2, second_step = 0,"
                                     " is_second_proved = 0 WHERE name = $1",
                                     &statement, err);
    if (code != LX_OK) return code;
    store_bind_blob(statement, 2, secret, TOTP_SECRET_BYTES);
    return run_update(accounts, statement, name, err);
}

enum lx_err accounts_use_second(struct accounts *accounts, const char *name, uint64_t step,
                                struct lx_error *err)
{
    struct store_statement *statement = NULL;
    enum lx_err code = store_prepare(accounts->store,
                                     "UPDATE account SET second_step = $2, is_second_proved = 1"
                                     " WHERE name = $1 AND second_step < $2",
                                     &statement, err);
    if (code != LX_OK) return code;
    bind_text(statement, 1, name);
    store_bind_int(statement, 2, (int64_t)step);
    code = store_run(statement, err);
    if (code == LX_OK && store_changes(accounts->store) == 0)
        code = lx_fail(err, LX_ERR_REFUSED, "account %.32s: this code was used before", name);
    store_finalize(statement);
    return code;
}

static enum lx_err check_reason(const char *reason, struct lx_error *err)
{
    size_t characters = 0;
    for (const char *at = reason; *at != 0; at++)
        characters += ((unsigned char)*at & 0xC0) != 0x80 && *at != ' ';
    if (characters >= ACCOUNT_REASON_MIN && strlen(reason) <= ACCOUNT_REASON_MAX) return LX_OK;
    return lx_fail(
        err, LX_ERR_BAD_INPUT,
        "reason: %d characters at least and %d bytes at most; it is kept for the auditor",
        ACCOUNT_REASON_MIN, ACCOUNT_REASON_MAX);
}

enum lx_err accounts_grant(struct accounts *accounts, const char *name, const char *customer,
                           const char *reason, int64_t now_ms, int64_t *ret_until_ms,
                           struct lx_error *err)
{
    struct store_statement *statement = NULL;
    enum lx_err code = check_reason(reason, err);
    if (code == LX_OK)
        code = store_prepare(accounts->store,
                             "INSERT INTO access_grant (account, customer, at_ms, until_ms, reason)"
                             " VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING",
                             &statement, err);
    if (code == LX_OK) {
        bind_text(statement, 1, name);
        bind_text(statement, 2, customer);
        store_bind_int(statement, 3, now_ms);
        store_bind_int(statement, 4, now_ms + ACCOUNT_ACCESS_MS);
        bind_text(statement, 5, reason);
        code = store_run(statement, err);
    }
    store_finalize(statement);
    if (code == LX_OK) *ret_until_ms = now_ms + ACCOUNT_ACCESS_MS;
    return code;
}

enum lx_err accounts_has_access(struct accounts *accounts, const char *name, const char *customer,
                                int64_t now_ms, bool *ret_has_access, struct lx_error *err)
{
    struct store_statement *statement = NULL;
    bool has_row = false;
    enum lx_err code = store_prepare(accounts->store,
                                     "SELECT 1 FROM access_grant WHERE account = $1 AND customer ="
                                     " $2 AND at_ms <= $3 AND until_ms > $3 LIMIT 1",
                                     &statement, err);
    if (code == LX_OK) {
        bind_text(statement, 1, name);
        bind_text(statement, 2, customer);
        store_bind_int(statement, 3, now_ms);
        code = store_step(statement, &has_row, err);
    }
    store_finalize(statement);
    if (code == LX_OK) *ret_has_access = has_row;
    return code;
}
