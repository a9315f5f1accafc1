/* `audit`: the tamper-evident log over the journal. */
#include "cli/cli.h"

#include <inttypes.h>
#include <string.h>

#include "audit/keyring.h"
#include "audit/log.h"
#include "audit/verify.h"
#include "audit/witness.h"
#include "bank/bank.h"
#include "codec/base64.h"
#include "decide/overlay.h"
#include "host/file.h"
#include "host/lock.h"

static void name_hex(struct json_writer *json, const char *name, const void *bytes, size_t length)
{
    struct lx_buffer text;
    lx_buffer_init(&text, LX_CONFIG_MAX);
    hex_put(&text, bytes, length);
    json_name(json, name);
    json_text_bytes(json, lx_buffer_text(&text), text.length);
    lx_buffer_release(&text);
}

static void print_checkpoint(struct cli_call *call, const struct audit_checkpoint *checkpoint)
{
    char root[DIGEST_TEXT_SIZE];
    digest_text(checkpoint->root.bytes, root);
    if (call->is_json) {
        json_name_text(&call->json, "origin", checkpoint->origin);
        json_name_int(&call->json, "tree_size", (int64_t)checkpoint->size);
        json_name_text(&call->json, "root", root);
        return;
    }
    cli_pair(call, cli_text(call, "日志", "log"), "%s", checkpoint->origin);
    cli_pair(call, cli_text(call, "条目数", "entries"), "%" PRIu64, checkpoint->size);
    cli_pair(call, cli_text(call, "根哈希", "root"), "%s", root);
}

/* Signing needs the lock and a journal whose records are all on disk; proving reads. */
static enum lx_err checkpoint(struct cli_call *call, struct lx_error *err)
{
    struct host_lock lock = {-1};
    struct journal *journal = NULL;
    struct audit_log *log = NULL;
    struct bank *bank = NULL;
    const struct audit_sign_options options = {.name = cli_value(call, "--name"),
                                               .is_rebuilt = cli_flag(call, "--rebuild")};
    enum lx_err code = bank_open(call->folder, STORE_READ, &bank, err); /* a bank, not any folder */
    bank_close(code == LX_OK ? bank : NULL);
    if (code == LX_OK) code = host_lock_take(call->folder, true, &lock, err);
    if (code == LX_OK) code = journal_open(call->folder, JOURNAL_APPEND, &journal, err);
    if (code == LX_OK)
        code = audit_log_open(call->folder, journal, record_moment, &call->env, &log, err);
    if (code == LX_OK) code = audit_log_sign(log, &options, err);
    if (code == LX_OK) {
        print_checkpoint(call, audit_log_checkpoint(log));
        if (call->is_json) {
            json_name_text(&call->json, "checkpoint", audit_log_note(log));
            json_name_real(&call->json, "seconds", cli_seconds(call));
        }
    }
    audit_log_close(log);
    journal_close(journal);
    host_lock_release(&lock);
    return code;
}

static void print_evidence(struct cli_call *call, const struct audit_evidence *evidence,
                           const struct lx_buffer *content)
{
    struct json_writer *json = &call->json;
    struct lx_buffer text;
    char leaf[DIGEST_TEXT_SIZE];
    digest_text(evidence->leaf.bytes, leaf);
    cli_pair(call, cli_text(call, "序号", "index"), "%" PRIu64, evidence->index);
    cli_pair(call, cli_text(call, "叶哈希", "leaf"), "%s", leaf);
    cli_pair(call, cli_text(call, "证明步数", "steps of the proof"), "%zu", evidence->proof.count);
    if (!call->is_json) return;
    json_name_int(json, "index", (int64_t)evidence->index);
    json_name_text(json, "leaf", leaf);
    name_hex(json, "entry", evidence->entry, sizeof evidence->entry);
    name_hex(json, "salt", evidence->salt, sizeof evidence->salt);
    json_name(json, "proof");
    json_array_begin(json);
    for (size_t i = 0; i < evidence->proof.count; i++) {
        char hash[DIGEST_TEXT_SIZE];
        digest_text(evidence->proof.hashes[i].bytes, hash);
        json_text(json, hash);
    }
    json_array_end(json);
    lx_buffer_init(&text, 2 * JOURNAL_RECORD_MAX);
    base64_put(&text, content->bytes, content->length);
    json_name(json, "content");
    json_text_bytes(json, lx_buffer_text(&text), text.length);
    lx_buffer_release(&text);
}

static enum lx_err find_decision(struct cli_call *call, struct journal *journal, const char *id,
                                 uint64_t *ret_position, struct lx_error *err)
{
    struct bank *bank = NULL;
    struct overlay *overlay = NULL;
    struct overlay_decision found;
    uint8_t key[RECORD_ID_BYTES];
    if (!record_id_parse(id, key))
        return lx_fail(err, LX_ERR_NOT_FOUND, "decision \"%.40s\": an id is 32 hex digits", id);
    enum lx_err code = bank_open(call->folder, STORE_READ, &bank, err);
    if (code == LX_OK) code = overlay_open(bank, journal, false, &overlay, err);
    if (code == LX_OK) code = overlay_find(overlay, key, &found, err);
    if (code == LX_OK) *ret_position = found.position;
    overlay_close(overlay);
    bank_close(bank);
    return code;
}

static enum lx_err prove(struct cli_call *call, struct lx_error *err)
{
    struct journal *journal = NULL;
    struct audit_log *log = NULL;
    struct audit_evidence evidence;
    struct lx_buffer content;
    uint64_t position = 0;
    lx_buffer_init(&content, JOURNAL_RECORD_MAX);
    enum lx_err code = journal_open(call->folder, JOURNAL_READ, &journal, err);
    if (code == LX_OK) code = find_decision(call, journal, call->arguments[1], &position, err);
    if (code == LX_OK)
        code = audit_log_open(call->folder, journal, record_moment, &call->env, &log, err);
    if (code == LX_OK) code = audit_log_prove(log, position, &evidence, &content, err);
    if (code == LX_OK) {
        if (call->is_json) json_name_text(&call->json, "decision", call->arguments[1]);
        print_checkpoint(call, audit_log_checkpoint(log));
        print_evidence(call, &evidence, &content);
        if (call->is_json) json_name_text(&call->json, "checkpoint", audit_log_note(log));
    }
    lx_buffer_release(&content);
    audit_log_close(log);
    journal_close(journal);
    return code;
}

/* FILE of --key, or the directory's own. */
static enum lx_err read_keys(struct cli_call *call, struct audit_keys *keys, struct lx_error *err)
{
    char path[LX_PATH_MAX];
    const char *file = cli_value(call, "--key");
    enum lx_err code = LX_OK;
    if (file == NULL) {
        code = audit_keyring_public_path(call->folder, AUDIT_LOG_KEYS, path, err);
        file = path;
        if (code == LX_OK && !host_exists(path))
            return lx_fail(
                err, LX_ERR_NOT_READY,
                "%s: nothing was signed here: run `lingxi audit checkpoint`, or name the "
                "log's public keys with --key FILE",
                path);
    }
    return code == LX_OK ? audit_keys_read(file, keys, err) : code;
}

static void print_verdict(struct cli_call *call, const struct audit_verdict *verdict)
{
    struct json_writer *json = &call->json;
    if (call->is_json) json_name_bool(json, "ok", true);
    print_checkpoint(call, &verdict->checkpoint);
    cli_count(call, "checkpoints", "检查点", "checkpoints", (int64_t)verdict->checkpoints);
    cli_count(call, "tiles", "哈希文件", "tiles", (int64_t)verdict->tiles);
    cli_count(call, "bundles", "条目文件", "bundles of entries", (int64_t)verdict->bundles);
    cli_count(call, "signatures_log", "日志签名", "signatures of the log",
              (int64_t)verdict->signatures.of_log);
    cli_count(call, "signatures_witness", "见证签名", "signatures of witnesses",
              (int64_t)verdict->signatures.of_witnesses);
    cli_count(call, "signatures_unknown", "未知签名", "signatures of unknown keys",
              (int64_t)verdict->signatures.unknown);
    cli_line(call, "%s", cli_text(call, "验证通过", "the log holds"));
}

static enum lx_err verify(struct cli_call *call, struct lx_error *err)
{
    char own[LX_PATH_MAX];
    struct audit_keys keys;
    struct audit_verdict verdict;
    const char *folder = call->argument_count > 1 ? call->arguments[1] : own;
    enum lx_err code = host_join(own, call->folder, "audit", err);
    if (code == LX_OK) code = read_keys(call, &keys, err);
    if (code != LX_OK) return code;
    call->is_judging = true;
    code = audit_verify(folder, &keys, cli_value(call, "--since"), &verdict, err);
    if (code == LX_OK) print_verdict(call, &verdict);
    return code;
}

static enum lx_err cosign(struct cli_call *call, struct lx_error *err)
{
    struct host_lock lock = {-1};
    struct audit_keys keys;
    struct audit_checkpoint signed_checkpoint;
    if (cli_value(call, "--key") == NULL)
        return lx_fail(err, LX_ERR_USAGE,
                       "audit cosign: --key FILE names the log's public keys (its keys/audit.pub)");
    enum lx_err code = read_keys(call, &keys, err);
    if (code == LX_OK) code = host_make_folder(call->folder, err);
    if (code == LX_OK) code = host_lock_take(call->folder, true, &lock, err);
    if (code == LX_OK)
        code = audit_witness_cosign(call->folder, call->arguments[1], &keys,
                                    cli_value(call, "--name"), &call->env, &signed_checkpoint, err);
    if (code == LX_OK) print_checkpoint(call, &signed_checkpoint);
    host_lock_release(&lock);
    return code;
}

static enum lx_err replay(struct cli_call *call, struct lx_error *err)
{
    (void)call;
    return lx_fail(err, LX_ERR_NOT_BUILT,
                   "audit replay is not built: records do not hold the customer's facts and the "
                   "bank's rates that a decision was made from; `audit prove` shows what was "
                   "recorded");
}

static const struct {
    const char *name;
    int argument_min, argument_max; /* behind the name */
    const char *usage;
    enum lx_err (*run)(struct cli_call *call, struct lx_error *err);
} actions[] = {
    {"checkpoint", 0, 0, "audit checkpoint", checkpoint},
    {"prove", 1, 1, "audit prove DECISION", prove},
    {"verify", 0, 1, "audit verify [FOLDER]", verify},
    {"cosign", 1, 1, "audit cosign FOLDER --key FILE", cosign},
    {"replay", 1, 1, "audit replay DECISION", replay},
};

enum lx_err cli_audit(struct cli_call *call, struct lx_error *err)
{
    for (size_t i = 0; i < LX_COUNT_OF(actions); i++) {
        int count = call->argument_count - 1;
        if (strcmp(actions[i].name, call->arguments[0]) != 0) continue;
        if (count < actions[i].argument_min || count > actions[i].argument_max)
            return lx_fail(err, LX_ERR_USAGE, "usage: lingxi %s; see `lingxi help audit`",
                           actions[i].usage);
        return actions[i].run(call, err);
    }
    return lx_fail(err, LX_ERR_USAGE,
                   "no action `audit %s`; there are checkpoint, prove, verify, cosign and replay",
                   call->arguments[0]);
}
