/* The command about models: which there are, which is live, and changing that. */
#include "cli/cli.h"

#include <inttypes.h>
#include <string.h>

#include "bank/bank.h"
#include "base/date.h"
#include "host/lock.h"
#include "model/life.h"
#include "model/rivals.h"
#include "view/features.h"

/* ---- List ---- */

static const char *status_of(const struct life *life, const char *model)
{
    if (strcmp(life_live(life), model) == 0) return "live";
    if (strcmp(life_asked(life), model) == 0) return "asked";
    return strcmp(life_shadow(life), model) == 0 ? "shadow" : "retired";
}

static const char *status_text(const struct cli_call *call, const char *status)
{
    if (strcmp(status, "live") == 0) return cli_text(call, "在用", "live");
    if (strcmp(status, "asked") == 0) return cli_text(call, "待复核", "to be approved");
    if (strcmp(status, "shadow") == 0) return cli_text(call, "候选（影子）", "candidate, shadow");
    return cli_text(call, "停用", "retired");
}

static void date_of(int64_t at_ms, int utc_offset_minutes, char text[LX_DATE_TEXT_SIZE])
{
    lx_day_format(lx_day_of_ms(at_ms, utc_offset_minutes), text);
}

static enum lx_err print_model(struct cli_call *call, const struct life *life, const char *model,
                               int utc_offset_minutes, struct lx_error *err)
{
    struct model_card card;
    char as_of[LX_DATE_TEXT_SIZE];
    const char *status = status_of(life, model);
    enum lx_err code = registry_card(call->folder, model, &card, err);
    if (code != LX_OK) return code;
    const struct quality *quality = &card.quality[QUALITY_BY_MODEL];
    date_of(card.as_of_ms, utc_offset_minutes, as_of);
    cli_line(call, "  %s  %s  %9" PRIu64 " %8" PRIu64 " %-16s %8.4f %8.4f  %s", model, as_of,
             card.rows, card.positives, sampling_name(card.balance), quality->pr_auc,
             quality->roc_auc_within, status_text(call, status));
    if (!call->is_json) return LX_OK;
    struct json_writer *json = &call->json;
    json_object_begin(json);
    json_name_text(json, "model", model);
    json_name_text(json, "status", status);
    json_name_text(json, "as_of", as_of);
    json_name_text(json, "balance", sampling_name(card.balance));
    json_name_int(json, "rows", (int64_t)card.rows);
    json_name_int(json, "positives", (int64_t)card.positives);
    for (int i = 0; i < QUALITY_COUNT; i++)
        json_name_real(json, quality_name((enum quality_figure)i),
                       quality_value(quality, (enum quality_figure)i));
    json_object_end(json);
    return LX_OK;
}

/* Each model once, in the order in which they came. */
static bool came_before(const struct life *life, size_t index)
{
    for (size_t i = 0; i < index; i++)
        if (strcmp(life_change_at(life, i)->model, life_change_at(life, index)->model) == 0)
            return true;
    return false;
}

static enum lx_err print_models(struct cli_call *call, const struct life *life,
                                int utc_offset_minutes, struct lx_error *err)
{
    enum lx_err code = LX_OK;
    cli_line(call, "  %-12s  %-10s  %9s %8s %-16s %8s %8s", cli_text(call, "模型", "model"),
             cli_text(call, "截至", "as of"), cli_text(call, "训练行", "rows"),
             cli_text(call, "正例", "positive"), cli_text(call, "平衡方法", "balance"), "pr_auc",
             "within");
    if (life_change_count(life) == 0 && life_live(life)[0] != '\0')
        return print_model(call, life, life_live(life), utc_offset_minutes, err);
    for (size_t i = 0; code == LX_OK && i < life_change_count(life); i++)
        if (!came_before(life, i))
            code = print_model(call, life, life_change_at(life, i)->model, utc_offset_minutes, err);
    return code;
}

static void change_json(struct json_writer *json, const struct life_change *change)
{
    json_object_begin(json);
    json_name_int(json, "position", (int64_t)change->position);
    json_name_int(json, "at_ms", change->at_ms);
    json_name_text(json, "action", life_action_name(change->action));
    json_name_text(json, "model", change->model);
    if (change->before[0] != '\0') json_name_text(json, "before", change->before);
    if (change->by[0] != '\0') json_name_text(json, "by", change->by);
    if (change->asked_by[0] != '\0') json_name_text(json, "asked_by", change->asked_by);
    if (change->figures.is_known) {
        json_name_real(json, "difference", change->figures.difference);
        json_name_real(json, "low", change->figures.low);
        json_name_real(json, "high", change->figures.high);
    }
    json_object_end(json);
}

static void print_changes(struct cli_call *call, const struct life *life, int utc_offset_minutes)
{
    if (call->is_json) {
        json_name(&call->json, "changes");
        json_array_begin(&call->json);
    }
    for (size_t i = 0; i < life_change_count(life); i++) {
        const struct life_change *change = life_change_at(life, i);
        char day[LX_DATE_TEXT_SIZE];
        date_of(change->at_ms, utc_offset_minutes, day);
        cli_line(call, "  #%-8" PRIu64 " %s  %s  %s%s%s", change->position, day, change->model,
                 cli_text(call, life_action_zh(change->action), life_action_en(change->action)),
                 change->by[0] != '\0' ? cli_text(call, "，", ", ") : "", change->by);
        if (call->is_json) change_json(&call->json, change);
    }
    if (call->is_json) json_array_end(&call->json);
}

static enum lx_err offset_of(const char *folder, int *ret_minutes, struct lx_error *err)
{
    struct bank *bank = NULL;
    enum lx_err code = bank_open(folder, STORE_READ, &bank, err);
    if (code != LX_OK) return code;
    *ret_minutes = bank_utc_offset_minutes(bank);
    bank_close(bank);
    return LX_OK;
}

static enum lx_err list(struct cli_call *call, struct lx_error *err)
{
    struct life *life = NULL;
    int utc_offset_minutes = 0;
    enum lx_err code = offset_of(call->folder, &utc_offset_minutes, err);
    if (code == LX_OK) code = life_open(call->folder, LIFE_READ, &call->env, &life, err);
    if (code != LX_OK) return code;
    struct life_policy policy = life_policy_of(life);
    if (call->is_json) {
        json_name_text(&call->json, "live", life_live(life));
        json_name_text(&call->json, "shadow", life_shadow(life));
        json_name_text(&call->json, "asked", life_asked(life));
        json_name_text(&call->json, "asked_by", life_asked_by(life));
        json_name_text(&call->json, "approval", life_approval_name(policy.approval));
        json_name_text(&call->json, "promote", life_rule_name(policy.rule));
        json_name(&call->json, "models");
        json_array_begin(&call->json);
    }
    cli_pair(call, cli_text(call, "上线规则", "going live"), "approval = %s, promote = %s",
             life_approval_name(policy.approval), life_rule_name(policy.rule));
    code = print_models(call, life, utc_offset_minutes, err);
    if (call->is_json) json_array_end(&call->json);
    if (code == LX_OK) print_changes(call, life, utc_offset_minutes);
    life_close(life);
    return code;
}

/* ---- Compare ---- */

static void rivals_json(struct json_writer *json, const struct rivals *rivals)
{
    const struct life_figures *figures = &rivals->figures;
    const struct quality *sides[] = {&rivals->candidate, &rivals->live};
    static const char *const names[] = {"candidate_quality", "live_quality"};
    json_name_int(json, "customers", (int64_t)rivals->customers);
    json_name_int(json, "rows", (int64_t)rivals->rows);
    json_name_int(json, "positives", (int64_t)rivals->positives);
    json_name_real(json, "difference", figures->difference);
    json_name_real(json, "low", figures->low);
    json_name_real(json, "high", figures->high);
    json_name_real(json, "ece_low", figures->ece_low);
    json_name_real(json, "ece_high", figures->ece_high);
    json_name_real(json, "same_first", rivals->same_first);
    json_name_real(json, "same_five", rivals->same_five);
    for (size_t i = 0; i < LX_COUNT_OF(sides); i++) {
        json_name(json, names[i]);
        json_object_begin(json);
        for (int j = 0; j < QUALITY_COUNT; j++)
            json_name_real(json, quality_name((enum quality_figure)j),
                           quality_value(sides[i], (enum quality_figure)j));
        json_object_end(json);
    }
}

static void rivals_lines(struct cli_call *call, const struct rivals *rivals)
{
    const struct life_figures *figures = &rivals->figures;
    cli_line(call, "  %-30s %12s %12s", "", cli_text(call, "候选", "candidate"),
             cli_text(call, "在用", "live"));
    for (int i = 0; i < QUALITY_COUNT; i++) {
        enum quality_figure figure = (enum quality_figure)i;
        cli_line(call, "  %-30s %12.5g %12.5g", quality_name(figure),
                 quality_value(&rivals->candidate, figure), quality_value(&rivals->live, figure));
    }
    cli_pair(call, cli_text(call, "PR-AUC 之差", "PR-AUC difference"),
             "%+.4f  (95 %% %+.4f .. %+.4f)", figures->difference, figures->low, figures->high);
    cli_pair(call, cli_text(call, "最近一月 ECE 之差", "ECE difference, newest month"),
             "95 %% %+.5f .. %+.5f", figures->ece_low, figures->ece_high);
    cli_pair(call, cli_text(call, "首选相同的客户", "customers with the same first product"),
             "%.1f %%", 100 * rivals->same_first);
    cli_pair(call, cli_text(call, "前五相同的份额", "share of the best five in both"), "%.1f %%",
             100 * rivals->same_five);
}

/* The candidate of the command line, or the shadow. */
static enum lx_err candidate_of(const struct cli_call *call, const struct life *life,
                                const char **ret_model, struct lx_error *err)
{
    *ret_model = call->argument_count > 1 ? call->arguments[1] : life_shadow(life);
    if ((*ret_model)[0] != '\0') return LX_OK;
    return lx_fail(err, LX_ERR_NOT_READY,
                   "models: there is no candidate beside the live one: `lingxi train` makes one");
}

static enum lx_err run_rivals(struct cli_call *call, const struct life *life, const char *model,
                              struct rivals *ret_rivals, struct lx_error *err)
{
    int64_t seed;
    *ret_rivals = (struct rivals){0};
    enum lx_err code = cli_int(call, "--seed", 0, INT64_MAX, 1, &seed, err);
    if (code != LX_OK || life_live(life)[0] == '\0' || strcmp(model, life_live(life)) == 0)
        return code;
    const struct rivals_options options = {.seed = (uint64_t)seed};
    return rivals_compare(call->folder, model, life_live(life), &options, &call->env, ret_rivals,
                          err);
}

static void print_finding(struct cli_call *call, const struct rivals *rivals)
{
    enum life_finding finding = life_finding_of(&rivals->figures);
    cli_pair(call, cli_text(call, "结论", "finding"), "%s",
             cli_text(call, life_finding_zh(finding), life_finding_en(finding)));
    if (call->is_json) json_name_text(&call->json, "finding", life_finding_en(finding));
    if (!rivals->figures.is_known) return;
    if (call->is_json)
        rivals_json(&call->json, rivals);
    else
        rivals_lines(call, rivals);
}

static enum lx_err compare(struct cli_call *call, struct lx_error *err)
{
    struct life *life = NULL;
    struct rivals rivals;
    const char *model = NULL;
    enum lx_err code = life_open(call->folder, LIFE_READ, &call->env, &life, err);
    if (code == LX_OK) code = candidate_of(call, life, &model, err);
    if (code == LX_OK && strcmp(model, life_live(life)) == 0)
        code = lx_fail(err, LX_ERR_REFUSED, "model %s: it is the live one", model);
    if (code == LX_OK) code = run_rivals(call, life, model, &rivals, err);
    if (code == LX_OK) {
        if (call->is_json) {
            json_name_text(&call->json, "candidate", model);
            json_name_text(&call->json, "live", life_live(life));
        }
        cli_pair(call, cli_text(call, "候选", "candidate"), "%s", model);
        cli_pair(call, cli_text(call, "在用", "live"), "%s", life_live(life));
        print_finding(call, &rivals);
        cli_figure(call, "seconds", cli_seconds(call));
    }
    life_close(life);
    return code;
}

/* ---- Change ---- */

static void print_state(struct cli_call *call, const struct life *life, const char *model)
{
    const struct life_change *last = life_change_at(life, life_change_count(life) - 1);
    cli_pair(call, cli_text(call, "模型", "model"), "%s  %s", model,
             cli_text(call, life_action_zh(last->action), life_action_en(last->action)));
    cli_pair(call, cli_text(call, "在用", "live"), "%s", life_live(life));
    if (!call->is_json) return;
    json_name_text(&call->json, "model", model);
    json_name_text(&call->json, "action", life_action_name(last->action));
    json_name_text(&call->json, "live", life_live(life));
    json_name_text(&call->json, "asked", life_asked(life));
    json_name_int(&call->json, "position", (int64_t)last->position);
}

static enum lx_err promote(struct cli_call *call, struct life *life, const char *by,
                           struct lx_error *err)
{
    struct rivals rivals;
    bool is_live = false;
    const char *model = call->arguments[1];
    struct model_card card;
    enum lx_err code = registry_card(call->folder, model, &card, err);
    if (code == LX_OK) code = run_rivals(call, life, model, &rivals, err);
    if (code == LX_OK) code = life_promote(life, model, by, &rivals.figures, &is_live, err);
    if (code == LX_OK) print_state(call, life, model);
    return code;
}

static enum lx_err approve(struct cli_call *call, struct life *life, const char *by,
                           struct lx_error *err)
{
    enum lx_err code = life_approve(life, call->arguments[1], by, err);
    if (code == LX_OK) print_state(call, life, call->arguments[1]);
    return code;
}

/* What is gone back to must be able to serve. */
static enum lx_err roll_back(struct cli_call *call, struct life *life, const char *by,
                             struct lx_error *err)
{
    struct bank *bank = NULL;
    struct view_features *features = NULL;
    struct model *model = NULL;
    const char *earlier = life_earlier(life);
    enum lx_err code = LX_OK;
    if (earlier[0] != '\0') {
        code = bank_open(call->folder, STORE_READ, &bank, err);
        if (code == LX_OK) code = view_features_open(bank, &features, err);
        if (code == LX_OK) code = model_open(call->folder, earlier, features, &model, err);
        model_close(model);
        view_features_close(features);
        bank_close(bank);
    }
    if (code == LX_OK) code = life_roll_back(life, by, err);
    if (code == LX_OK) print_state(call, life, life_live(life));
    return code;
}

static enum lx_err change(struct cli_call *call,
                          enum lx_err (*run)(struct cli_call *call, struct life *life,
                                             const char *by, struct lx_error *err),
                          int arguments, struct lx_error *err)
{
    struct host_lock lock = {-1};
    struct life *life = NULL;
    const char *by = cli_value(call, "--by");
    int utc_offset_minutes = 0;
    if (call->argument_count != arguments)
        return lx_fail(err, LX_ERR_USAGE, "model %s: %s", call->arguments[0],
                       arguments == 2 ? "ID names the model" : "takes no ID");
    if (by == NULL)
        return lx_fail(err, LX_ERR_USAGE, "model %s: --by NAME says who", call->arguments[0]);
    enum lx_err code =
        offset_of(call->folder, &utc_offset_minutes, err); /* a bank, not any folder */
    if (code == LX_OK) code = host_lock_take(call->folder, true, &lock, err);
    if (code == LX_OK) code = life_open(call->folder, LIFE_WRITE, &call->env, &life, err);
    if (code == LX_OK) code = run(call, life, by, err);
    life_close(life);
    host_lock_release(&lock);
    return code;
}

enum lx_err cli_model(struct cli_call *call, struct lx_error *err)
{
    const char *action = call->argument_count > 0 ? call->arguments[0] : "list";
    if (strcmp(action, "list") == 0) return list(call, err);
    if (strcmp(action, "compare") == 0) return compare(call, err);
    const char *id = call->argument_count > 1 ? call->arguments[1] : NULL;
    if (strcmp(action, "show") == 0) return cli_model_show(call, id, err);
    if (strcmp(action, "drift") == 0) return cli_model_drift(call, id, err);
    if (strcmp(action, "score") == 0) return cli_model_score(call, id, err);
    if (strcmp(action, "promote") == 0) return change(call, promote, 2, err);
    if (strcmp(action, "approve") == 0) return change(call, approve, 2, err);
    if (strcmp(action, "rollback") == 0) return change(call, roll_back, 1, err);
    return lx_fail(
        err, LX_ERR_USAGE,
        "model %.40s: list, show, compare, drift, score, promote, approve or rollback is wanted",
        action);
}
