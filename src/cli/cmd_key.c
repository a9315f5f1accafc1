/* `key`: how the bank's own systems are known, and what they used. */
#include "cli/cli.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "auth/api_key.h"
#include "bank/bank.h"
#include "base/date.h"
#include "host/file.h"
#include "host/lock.h"

struct key_call {
    struct cli_call *call;
    struct api_keys *keys;
    const char *subject; /* owner, id or month; NULL for list */
};

static enum lx_err scopes_of(const char *text, unsigned *ret_scopes, struct lx_error *err)
{
    unsigned scopes = 0;
    for (const char *at = text; at != NULL && *at != 0;) {
        char name[32];
        enum policy_scope scope;
        size_t length = strcspn(at, ",");
        snprintf(name, sizeof name, "%.*s", (int)(length < 31 ? length : 31), at);
        if (!policy_scope_find(name, &scope))
            return lx_fail(err, LX_ERR_USAGE,
                           "--scopes %s: no such scope; decide, answer, customer, audience, "
                           "catalogue and monitor are there",
                           name);
        scopes |= 1u << scope;
        at += length + (at[length] == ',');
    }
    if (scopes == 0)
        return lx_fail(err, LX_ERR_USAGE,
                       "key add: --scopes is missing, as in --scopes decide,answer");
    *ret_scopes = scopes;
    return LX_OK;
}

static void print_key(struct cli_call *call, const struct api_key *key)
{
    char until[LX_DATE_TEXT_SIZE], scopes[128] = "";
    lx_day_format(lx_day_of_ms(key->until_ms, 0), until);
    for (int i = POLICY_SCOPE_NONE + 1; i < POLICY_SCOPE_END; i++) {
        if ((key->scopes >> i & 1) == 0) continue;
        size_t length = strlen(scopes);
        snprintf(scopes + length, sizeof scopes - length, "%s%s", length > 0 ? "," : "",
                 policy_scope_text((enum policy_scope)i));
    }
    if (!call->is_json) {
        cli_line(call, "  %s  %-24s %-32s %s %s", key->id, key->owner, scopes, until,
                 key->revoked_ms != 0 ? cli_text(call, "已吊销", "revoked") : "");
        return;
    }
    json_name_text(&call->json, "id", key->id);
    json_name_text(&call->json, "owner", key->owner);
    json_name_text(&call->json, "scopes", scopes);
    json_name_int(&call->json, "quota", key->quota);
    json_name_int(&call->json, "price_fen", key->price_fen);
    json_name_text(&call->json, "until", until);
    json_name_bool(&call->json, "revoked", key->revoked_ms != 0);
}

static enum lx_err list(struct key_call *key)
{
    struct cli_call *call = key->call;
    if (call->is_json) {
        json_name(&call->json, "keys");
        json_array_begin(&call->json);
    }
    for (size_t i = 0; i < api_keys_count(key->keys); i++) {
        if (call->is_json) json_object_begin(&call->json);
        print_key(call, api_keys_at(key->keys, i));
        if (call->is_json) json_object_end(&call->json);
    }
    if (call->is_json) json_array_end(&call->json);
    return LX_OK;
}

static enum lx_err add(struct key_call *key, struct lx_error *err)
{
    struct cli_call *call = key->call;
    struct api_key wanted = {0}, made;
    char text[API_KEY_TEXT_SIZE];
    int64_t days = 0;
    enum lx_err code = scopes_of(cli_value(call, "--scopes"), &wanted.scopes, err);
    if (code == LX_OK) code = cli_int(call, "--days", 1, 3650, 365, &days, err);
    if (code == LX_OK) code = cli_int(call, "--quota", 0, INT64_MAX / 2, 0, &wanted.quota, err);
    if (code == LX_OK) code = cli_int(call, "--price", 0, 1000000, 0, &wanted.price_fen, err);
    if (code != LX_OK) return code;
    snprintf(wanted.owner, sizeof wanted.owner, "%s", key->subject);
    wanted.until_ms = call->env.now_ms(call->env.context) + days * LX_MS_PER_DAY;
    code = api_keys_make(key->keys, &call->env, &wanted, &made, text, err);
    if (code != LX_OK) return code;
    print_key(call, &made);
    cli_pair(call, cli_text(call, "密钥（只显示这一次）", "key (shown this once)"), "%s", text);
    if (call->is_json) json_name_text(&call->json, "key", text);
    secret_wipe(text, sizeof text);
    return LX_OK;
}

/* YYYY-MM as CSV to --out, or to the terminal. */
static enum lx_err statement(struct key_call *key, struct lx_error *err)
{
    struct cli_call *call = key->call;
    const char *out = cli_value(call, "--out");
    struct lx_buffer csv;
    int year = 0, month = 0, length = 0;
    if (sscanf(key->subject, "%4d-%2d%n", &year, &month, &length) != 2 ||
        key->subject[length] != 0 || year < 1970 || month < 1 || month > 12)
        return lx_fail(err, LX_ERR_USAGE, "key statement %.20s: a month is wanted, as in 2026-11",
                       key->subject);
    const struct lx_civil first = {year, month, 1},
                          next = {month == 12 ? year + 1 : year, month % 12 + 1, 1};
    lx_buffer_init(&csv, LX_FILE_MAX);
    enum lx_err code =
        api_keys_statement(key->keys, lx_day_of_civil(first), lx_day_of_civil(next) - 1, &csv, err);
    if (code == LX_OK && out != NULL) code = host_write_atomic(out, csv.bytes, csv.length, err);
    if (code == LX_OK && out == NULL && call->is_json)
        json_name_text(&call->json, "csv", lx_buffer_text(&csv));
    else if (code == LX_OK && out == NULL)
        cli_line(call, "%.*s", (int)csv.length - 1, csv.bytes);
    else if (code == LX_OK)
        cli_pair(call, cli_text(call, "对账单", "statement"), "%s", out);
    lx_buffer_release(&csv);
    return code;
}

static enum lx_err run(struct key_call *key, const char *what, struct lx_error *err)
{
    struct cli_call *call = key->call;
    if (strcmp(what, "list") == 0) return list(key);
    if (key->subject == NULL)
        return lx_fail(err, LX_ERR_USAGE, "key %.20s: an owner, an id or a month is missing", what);
    if (strcmp(what, "add") == 0) return add(key, err);
    if (strcmp(what, "statement") == 0) return statement(key, err);
    if (strcmp(what, "revoke") == 0) {
        enum lx_err code =
            api_keys_revoke(key->keys, key->subject, call->env.now_ms(call->env.context), err);
        if (code == LX_OK) cli_pair(call, cli_text(call, "已吊销", "revoked"), "%s", key->subject);
        if (code == LX_OK && call->is_json) json_name_text(&call->json, "id", key->subject);
        return code;
    }
    return lx_fail(err, LX_ERR_USAGE, "key %.20s: add, list, revoke or statement is wanted", what);
}

enum lx_err cli_key(struct cli_call *call, struct lx_error *err)
{
    struct host_lock lock = {-1};
    struct bank *bank = NULL;
    struct accounts *accounts = NULL;
    struct key_call key = {.call = call,
                           .subject = call->argument_count > 1 ? call->arguments[1] : NULL};
    enum lx_err code = bank_open(call->folder, STORE_READ, &bank, err); /* a bank, not any folder */
    bank_close(code == LX_OK ? bank : NULL);
    if (code == LX_OK) code = host_lock_take(call->folder, true, &lock, err);
    if (code == LX_OK) code = accounts_open(call->folder, &accounts, err);
    if (code == LX_OK) code = api_keys_open(accounts, &key.keys, err);
    if (code == LX_OK) code = run(&key, call->arguments[0], err);
    api_keys_close(key.keys);
    accounts_close(accounts);
    host_lock_release(&lock);
    return code;
}
