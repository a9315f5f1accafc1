/* `user`: who may log in. */
#include "cli/cli.h"

#include <string.h>

#include "auth/accounts.h"
#include "auth/session.h"
#include "bank/bank.h"
#include "base/suggest.h"
#include "host/lock.h"
#include "host/secret.h"

struct user_call {
    struct cli_call *call;
    struct accounts *accounts;
    const char *name; /* NULL for list */
};

static enum lx_err role_of(const struct cli_call *call, enum policy_role *ret_role,
                           struct lx_error *err)
{
    const char *text = cli_value(call, "--role"), *names[POLICY_ROLE_COUNT];
    if (text == NULL)
        return lx_fail(err, LX_ERR_USAGE,
                       "user add: --role is missing: rm, branch_manager, head_office, risk, "
                       "auditor, security_officer or admin");
    if (policy_role_find(text, ret_role)) return LX_OK;
    for (int i = 0; i < POLICY_ROLE_COUNT; i++) names[i] = policy_role_text((enum policy_role)i);
    const char *best = lx_suggest(text, names, POLICY_ROLE_COUNT);
    return lx_fail(err, LX_ERR_USAGE, "--role %.32s: no such role%s%s%s", text,
                   best == NULL ? "" : "; did you mean ", best == NULL ? "" : best,
                   best == NULL ? "" : "?");
}

/* A code of the bank's own records, of a table whose name is its key column's. */
static enum lx_err check_code(struct bank *bank, const char *table, const char *sql,
                              const char *value, struct lx_error *err)
{
    struct store_statement *statement = NULL;
    bool has_row = false;
    if (value == NULL) return LX_OK;
    enum lx_err code = store_prepare(bank_store(bank), sql, &statement, err);
    if (code == LX_OK) {
        store_bind_text(statement, 1, value, strlen(value));
        code = store_step(statement, &has_row, err);
    }
    store_finalize(statement);
    if (code == LX_OK && !has_row)
        code = lx_fail(err, LX_ERR_NOT_FOUND, "--%s %.32s: the bank's records have no such %s",
                       table, value, table);
    return code;
}

static enum lx_err check_codes(const struct cli_call *call, struct lx_error *err)
{
    struct bank *bank = NULL;
    enum lx_err code = bank_open(call->folder, STORE_READ, &bank, err);
    if (code == LX_OK)
        code = check_code(bank, "branch", "SELECT 1 FROM branch WHERE code = $1",
                          cli_value(call, "--branch"), err);
    if (code == LX_OK)
        code = check_code(bank, "staff", "SELECT 1 FROM staff WHERE code = $1",
                          cli_value(call, "--staff"), err);
    bank_close(bank);
    return code;
}

/* From the terminal without showing it, twice; else one line of standard input. */
static enum lx_err ask_password(const struct user_call *user, char ret_hash[PASSWORD_TEXT_SIZE],
                                struct lx_error *err)
{
    char password[PASSWORD_MAX + 2], again[PASSWORD_MAX + 2];
    bool is_terminal = false;
    enum lx_err code = host_secret_read(cli_text(user->call, "密码", "password"), password,
                                        sizeof password, &is_terminal, err);
    if (code == LX_OK) code = password_check(password, user->name, err);
    if (code == LX_OK && is_terminal) {
        code = host_secret_read(cli_text(user->call, "再输一次", "once more"), again, sizeof again,
                                &is_terminal, err);
        if (code == LX_OK && strcmp(password, again) != 0)
            code = lx_fail(err, LX_ERR_BAD_INPUT, "password: the two are not the same");
    }
    if (code == LX_OK) code = password_hash(&user->call->env, password, ret_hash, err);
    secret_wipe(password, sizeof password);
    secret_wipe(again, sizeof again);
    return code;
}

static void print_account(struct cli_call *call, const struct account *account)
{
    const char *title = policy_role_title(account->role, call->language == CLI_ZH);
    if (!call->is_json) {
        cli_line(call, "  %-20s %-20s %-10s %-10s %s", account->name, title, account->branch,
                 account->staff, account->is_disabled ? cli_text(call, "停用", "disabled") : "");
        return;
    }
    json_name_text(&call->json, "name", account->name);
    json_name_text(&call->json, "role", policy_role_text(account->role));
    json_name_text(&call->json, "branch", account->branch);
    json_name_text(&call->json, "staff", account->staff);
    json_name_bool(&call->json, "disabled", account->is_disabled);
    json_name_bool(&call->json, "second_factor", account->is_second_proved);
}

static enum lx_err list_one(void *context, const struct account *account, struct lx_error *err)
{
    struct cli_call *call = context;
    if (call->is_json) json_object_begin(&call->json);
    print_account(call, account);
    if (call->is_json) json_object_end(&call->json);
    return LX_OK;
}

static enum lx_err list(struct user_call *user, struct lx_error *err)
{
    struct cli_call *call = user->call;
    if (call->is_json) {
        json_name(&call->json, "users");
        json_array_begin(&call->json);
    }
    enum lx_err code = accounts_each(user->accounts, list_one, call, err);
    if (call->is_json) json_array_end(&call->json);
    return code;
}

/* A new secret for the second factor, told this once. */
static enum lx_err give_second(struct user_call *user, struct lx_error *err)
{
    uint8_t secret[TOTP_SECRET_BYTES];
    char uri[TOTP_URI_SIZE];
    const struct lx_env *env = &user->call->env;
    env->entropy(env->context, secret, sizeof secret);
    enum lx_err code = accounts_set_second(user->accounts, user->name, secret, err);
    if (code == LX_OK) {
        totp_uri(secret, user->name, uri);
        cli_pair(user->call,
                 cli_text(user->call, "第二因素（存入验证器，只显示这一次）",
                          "second factor (for an authenticator, shown this once)"),
                 "%s", uri);
        if (user->call->is_json) json_name_text(&user->call->json, "second_factor_uri", uri);
    }
    secret_wipe(secret, sizeof secret);
    secret_wipe(uri, sizeof uri);
    return code;
}

static enum lx_err add(struct user_call *user, struct lx_error *err)
{
    struct cli_call *call = user->call;
    const char *branch = cli_value(call, "--branch"), *staff = cli_value(call, "--staff");
    struct account account = {.at_ms = call->env.now_ms(call->env.context)};
    enum lx_err code = role_of(call, &account.role, err);
    if (code == LX_OK) code = check_codes(call, err);
    if (code != LX_OK) return code;
    if (strlen(user->name) > ACCOUNT_NAME_MAX)
        return lx_fail(err, LX_ERR_BAD_INPUT, "account %.40s...: %d characters at most", user->name,
                       ACCOUNT_NAME_MAX);
    memcpy(account.name, user->name, strlen(user->name));
    if (branch != NULL) memcpy(account.branch, branch, strnlen(branch, LX_CODE_MAX));
    if (staff != NULL) memcpy(account.staff, staff, strnlen(staff, LX_CODE_MAX));
    code = ask_password(user, account.password, err);
    if (code == LX_OK) code = accounts_add(user->accounts, &account, err);
    if (code == LX_OK) print_account(call, &account);
    if (code == LX_OK && policy_role_needs_second(account.role)) code = give_second(user, err);
    return code;
}

static enum lx_err end_sessions(struct user_call *user, struct lx_error *err)
{
    struct sessions *sessions = NULL;
    const struct lx_env *env = &user->call->env;
    enum lx_err code = sessions_open(user->accounts, env->now_ms(env->context), &sessions, err);
    if (code == LX_OK) code = sessions_end_account(sessions, user->name, err);
    sessions_close(sessions);
    return code;
}

static enum lx_err change(struct user_call *user, const char *what, struct lx_error *err)
{
    char hash[PASSWORD_TEXT_SIZE];
    struct account account;
    const struct lx_env *env = &user->call->env;
    bool is_password = strcmp(what, "password") == 0;
    enum lx_err code = accounts_find(user->accounts, user->name, &account, err);
    if (code != LX_OK) return code;
    if (strcmp(what, "second") == 0) return give_second(user, err);
    if (is_password) code = ask_password(user, hash, err);
    if (code == LX_OK && is_password)
        code =
            accounts_set_password(user->accounts, user->name, hash, env->now_ms(env->context), err);
    if (code == LX_OK && !is_password)
        code = accounts_set_disabled(user->accounts, user->name, strcmp(what, "disable") == 0, err);
    if (code == LX_OK) code = end_sessions(user, err);
    if (code == LX_OK) code = accounts_find(user->accounts, user->name, &account, err);
    if (code == LX_OK) print_account(user->call, &account);
    return code;
}

static enum lx_err run(struct user_call *user, const char *what, struct lx_error *err)
{
    static const char *const changes[] = {"password", "second", "disable", "enable"};
    if (strcmp(what, "list") == 0) return list(user, err);
    if (user->name == NULL)
        return lx_fail(err, LX_ERR_USAGE, "user %.20s: whose? a name is missing", what);
    if (strcmp(what, "add") == 0) return add(user, err);
    for (size_t i = 0; i < LX_COUNT_OF(changes); i++)
        if (strcmp(what, changes[i]) == 0) return change(user, what, err);
    return lx_fail(err, LX_ERR_USAGE,
                   "user %.20s: add, list, password, second, disable or enable is wanted", what);
}

enum lx_err cli_user(struct cli_call *call, struct lx_error *err)
{
    struct host_lock lock = {-1};
    struct bank *bank = NULL;
    struct user_call user = {.call = call,
                             .name = call->argument_count > 1 ? call->arguments[1] : NULL};
    enum lx_err code = bank_open(call->folder, STORE_READ, &bank, err); /* a bank, not any folder */
    bank_close(code == LX_OK ? bank : NULL);
    if (code == LX_OK) code = host_lock_take(call->folder, true, &lock, err);
    if (code == LX_OK) code = accounts_open(call->folder, &user.accounts, err);
    if (code == LX_OK) code = run(&user, call->arguments[0], err);
    accounts_close(user.accounts);
    host_lock_release(&lock);
    return code;
}
