/* The command about rules: lists them, counts what they refuse, puts the shipped ones in place. */
#include "cli/cli.h"

#include <inttypes.h>
#include <string.h>

#include "cli/shipped.h"
#include "codec/digest.h"
#include "decide/rule_book.h"
#include "host/file.h"
#include "host/lock.h"
#include "model/registry.h"

static const char *const rules_folder = "rules/";

/* What the whole bank was asked; `drops` by rule. */
struct counted {
    bool is_counted;
    uint64_t drops[RULES_MAX], pairs;
};

static void rule_json(struct cli_call *call, const struct rule *rule, const uint64_t *drops)
{
    struct json_writer *json = &call->json;
    json_object_begin(json);
    json_name_text(json, "name", rule->name);
    json_name_text(json, "stage", rule_stage_text(rule->stage));
    json_name_text(json, "expression", rule->expression);
    json_name_text(json, "if_unknown", rule->refuses_unknown ? "refuse" : "allow");
    json_name_text(json, "zh", rule->zh);
    json_name_text(json, "en", rule->en);
    json_name_text(json, "file", rule->file);
    json_name_int(json, "line", rule->line);
    if (drops != NULL) json_name_int(json, "drops", (int64_t)*drops);
    json_object_end(json);
}

static void rule_lines(struct cli_call *call, const struct rule *rule, const uint64_t *drops)
{
    if (drops != NULL)
        cli_line(call, "  %s  %s  %" PRIu64, rule->name, cli_text(call, rule->zh, rule->en),
                 *drops);
    else
        cli_line(call, "  %s  %s", rule->name, cli_text(call, rule->zh, rule->en));
    cli_line(call, "      %s%s", rule->expression,
             rule->refuses_unknown ? cli_text(call, "（未知即拒绝）", " (refuses what is unknown)")
                                   : "");
}

static void stage_counts(const struct rules *rules, const struct counted *counted,
                         uint64_t ret_counts[RULE_STAGE_END])
{
    memset(ret_counts, 0, RULE_STAGE_END * sizeof *ret_counts);
    for (size_t i = 0; i < rules_count(rules); i++)
        ret_counts[rules_at(rules, i)->stage] += counted->drops[i];
}

static void print_json(struct cli_call *call, const struct rules *rules,
                       const struct counted *counted, const char *version)
{
    struct json_writer *json = &call->json;
    uint64_t counts[RULE_STAGE_END];
    json_name_text(json, "version", version);
    json_name(json, "rules");
    json_array_begin(json);
    for (size_t i = 0; i < rules_count(rules); i++)
        rule_json(call, rules_at(rules, i), counted->is_counted ? &counted->drops[i] : NULL);
    json_array_end(json);
    if (!counted->is_counted) return;
    stage_counts(rules, counted, counts);
    json_name(json, "drops");
    json_object_begin(json);
    for (int i = 1; i < RULE_STAGE_END; i++)
        json_name_int(json, rule_stage_text((enum rule_stage)i), (int64_t)counts[i]);
    json_object_end(json);
    json_name_int(json, "pairs", (int64_t)counted->pairs);
    json_name_real(json, "seconds", cli_seconds(call));
}

static void print_lines(struct cli_call *call, const struct rules *rules,
                        const struct counted *counted, const char *version)
{
    uint64_t counts[RULE_STAGE_END];
    stage_counts(rules, counted, counts);
    cli_line(call, cli_text(call, "规则版本 %s", "rule set %s"), version);
    for (int stage = 1; stage < RULE_STAGE_END; stage++) {
        const char *title = cli_text(call, rule_stage_zh((enum rule_stage)stage),
                                     rule_stage_en((enum rule_stage)stage));
        if (counted->is_counted)
            cli_line(call, "%s  %" PRIu64, title, counts[stage]);
        else
            cli_line(call, "%s", title);
        for (size_t i = 0; i < rules_count(rules); i++)
            if (rules_at(rules, i)->stage == (enum rule_stage)stage)
                rule_lines(call, rules_at(rules, i),
                           counted->is_counted ? &counted->drops[i] : NULL);
    }
    if (counted->is_counted)
        cli_line(call,
                 cli_text(call, "共 %" PRIu64 " 个客户-产品对，每对只计首条拒绝的规则",
                          "of %" PRIu64 " pairs; each counts for the first rule that refuses it"),
                 counted->pairs);
}

static enum lx_err count(struct cli_call *call, struct bank *bank, struct rule_book *book,
                         struct counted *counted, struct lx_error *err)
{
    struct view_snapshot *snapshot = NULL;
    enum lx_err code = view_snapshot_open_with(call->folder, book->features, &snapshot, err);
    if (code != LX_OK) return code;
    const struct view_context context = {bank_catalogue(bank), view_snapshot_peers(snapshot),
                                         bank_utc_offset_minutes(bank)};
    code =
        rule_book_count(book, snapshot, &context, BANK_CHANNEL_RM,
                        call->env.now_ms(call->env.context), counted->drops, &counted->pairs, err);
    counted->is_counted = code == LX_OK;
    view_snapshot_close(snapshot);
    return code;
}

static enum lx_err list(struct cli_call *call, struct lx_error *err)
{
    struct counted counted = {0};
    struct rule_book book = {0};
    struct bank *bank = NULL;
    char version[DIGEST_TEXT_SIZE];
    enum lx_err code = bank_open(call->folder, STORE_READ, &bank, err);
    if (code == LX_OK) code = rule_book_open(bank, &book, err);
    if (code == LX_OK && cli_flag(call, "--count")) code = count(call, bank, &book, &counted, err);
    if (code == LX_OK) {
        digest_text(rules_hash(book.rules), version);
        version[REGISTRY_ID_DIGITS] = '\0';
        if (call->is_json)
            print_json(call, book.rules, &counted, version);
        else
            print_lines(call, book.rules, &counted, version);
    }
    rule_book_release(&book);
    bank_close(bank);
    return code;
}

static enum lx_err install_file(struct cli_call *call, const struct shipped_file *file,
                                struct lx_error *err)
{
    char path[LX_PATH_MAX];
    enum lx_err code = host_join(path, call->folder, file->name, err);
    if (code != LX_OK || host_exists(path)) return code;
    code = host_write_atomic(path, file->bytes, file->length, err);
    if (code != LX_OK) return code;
    if (call->is_json) json_text(&call->json, file->name);
    cli_line(call, "%s", path);
    return LX_OK;
}

/* What is there stays; a rules.ini of before rules were data is kept beside under another name. */
static enum lx_err install(struct cli_call *call, struct lx_error *err)
{
    char folder[LX_PATH_MAX], old[LX_PATH_MAX], kept[LX_PATH_MAX];
    struct host_lock lock = {-1};
    struct shipped_file file;
    enum lx_err code = host_join(folder, call->folder, "lingxi.ini", err);
    if (code == LX_OK && !host_exists(folder))
        return lx_fail(err, LX_ERR_NOT_FOUND, "%s: no bank there: run `lingxi init`", call->folder);
    if (code == LX_OK) code = host_lock_take(call->folder, true, &lock, err);
    if (code == LX_OK) code = host_join(folder, call->folder, "rules", err);
    if (code == LX_OK) code = host_make_folder(folder, err);
    if (code == LX_OK && call->is_json) {
        json_name(&call->json, "installed");
        json_array_begin(&call->json);
    }
    for (size_t i = 0; code == LX_OK && shipped_at(i, &file); i++)
        if (strncmp(file.name, rules_folder, strlen(rules_folder)) == 0)
            code = install_file(call, &file, err);
    if (code == LX_OK && call->is_json) json_array_end(&call->json);
    if (code == LX_OK) code = host_join(old, call->folder, "rules.ini", err);
    if (code == LX_OK) code = host_join(kept, call->folder, "rules.ini.old", err);
    if (code == LX_OK && host_exists(old)) code = host_rename(old, kept, err);
    host_lock_release(&lock);
    return code;
}

enum lx_err cli_rules(struct cli_call *call, struct lx_error *err)
{
    return cli_flag(call, "--install") ? install(call, err) : list(call, err);
}
