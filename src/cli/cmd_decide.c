/* The commands that decide: recommend, answer. */
#include "cli/cli.h"

#include <stdio.h>
#include <string.h>

#include "decide/answer.h"
#include "decide/decide.h"
#include "decide/decision_json.h"
#include "host/lock.h"

static void item_lines(struct cli_call *call, size_t rank, const struct decision_item *item)
{
    cli_line(call, "%zu. %s %s  %s %d/100  %s %.3f%%%s%s", rank, item->product,
             cli_text(call, item->zh, item->en), cli_text(call, "评分", "score"), item->score,
             cli_text(call, "概率", "probability"), item->probability * 100,
             item->answer == BANK_ANSWER_NONE ? "" : "  · ",
             item->answer == BANK_ANSWER_NONE
                 ? ""
                 : cli_text(call, bank_answer_zh(item->answer), bank_answer_en(item->answer)));
    if (strcmp(item->place, "explored") == 0)
        cli_line(call,
                 cli_text(call, "     · 随机探索位，展示概率 %.1f%%",
                          "     · a place left to chance, shown with chance %.1f%%"),
                 item->show_probability * 100);
    for (size_t i = 0; i < item->reason_count; i++)
        cli_line(call, "     · %s", cli_text(call, item->reasons[i].zh, item->reasons[i].en));
}

/* "removed by stage: eligibility 3, suitability 8" */
static void drop_lines(struct cli_call *call, const struct decision *decision)
{
    char text[160] = "";
    size_t length = 0;
    for (int i = 1; i < RULE_STAGE_END; i++) {
        enum rule_stage stage = (enum rule_stage)i;
        if (decision->drops[i] == 0) continue;
        length += (size_t)snprintf(text + length, sizeof text - length, "%s%s %zu",
                                   length == 0 ? "" : cli_text(call, "，", ", "),
                                   cli_text(call, rule_stage_zh(stage), rule_stage_en(stage)),
                                   decision->drops[i]);
        LX_ASSERT(length < sizeof text);
    }
    if (length > 0) cli_line(call, "%s%s", cli_text(call, "按阶段：", "by stage: "), text);
}

static void decision_lines(struct cli_call *call, const struct decision *decision)
{
    const char *id = decision->id[0] == '\0'
                         ? cli_text(call, "预览，未记录", "preview, not recorded")
                         : decision->id;
    cli_line(call,
             cli_text(call, "客户 %s · 第 %d 轮 · 决策 %s", "customer %s · round %d · decision %s"),
             decision->customer, decision->round, id);
    if (!decision->is_personalised)
        cli_line(call, "  %s",
                 cli_text(call, "客户未同意个性化推荐，按热门程度排列",
                          "no consent to personalisation: in order of popularity"));
    for (size_t i = 0; i < decision->item_count; i++) item_lines(call, i + 1, &decision->items[i]);
    if (decision->item_count == 0)
        cli_line(call, "  %s", cli_text(call, "没有可以推荐的产品", "nothing may be offered"));
    if (decision->refused_count > 0)
        cli_line(call, "%s", cli_text(call, "不予推荐：", "not offered:"));
    for (size_t i = 0; i < decision->refused_count; i++)
        cli_line(call, "     %s  %s (%s)", decision->refused[i].product,
                 cli_text(call, decision->refused[i].zh, decision->refused[i].en),
                 decision->refused[i].rule);
    drop_lines(call, decision);
    if (decision->id[0] != '\0' && decision->round == 1 && !decision->is_final &&
        decision->item_count > 0)
        cli_line(call, "%s lingxi answer %s %s=interested ... --final",
                 cli_text(call, "回答：", "answer:"), decision->id, decision->items[0].product);
}

static void decision_print(struct cli_call *call, const struct decision *decision)
{
    if (call->is_json)
        decision_json(&call->json, decision, call->language == CLI_EN);
    else
        decision_lines(call, decision);
}

enum lx_err cli_recommend(struct cli_call *call, struct lx_error *err)
{
    struct engine *engine = NULL;
    struct decision decision = {0};
    struct host_lock lock = {-1};
    int64_t count;
    bool is_preview = cli_flag(call, "--preview");
    enum lx_err code =
        cli_int(call, "-n", 1, DECISION_ITEMS_MAX, DECISION_DEFAULT_COUNT, &count, err);
    if (code == LX_OK && !is_preview) code = host_lock_take(call->folder, true, &lock, err);
    if (code == LX_OK)
        code = engine_open(call->folder, is_preview ? ENGINE_READ : ENGINE_WRITE, &call->env,
                           &engine, err);
    if (code != LX_OK) goto out;

    struct decide_request request = {
        .customer = call->arguments[0],
        .placement = cli_value(call, "--placement"),
        .count = (int)count,
        .is_preview = is_preview,
    };
    code = decide_recommend(engine, &request, &decision, err);
    if (code == LX_OK) decision_print(call, &decision);
    decision_release(&decision);
out:
    engine_close(engine);
    host_lock_release(&lock);
    return code;
}

enum lx_err cli_answer(struct cli_call *call, struct lx_error *err)
{
    struct answer answers[CLI_ARGUMENTS_MAX];
    struct engine *engine = NULL;
    struct decision decision = {0};
    struct host_lock lock = {-1};
    size_t count = (size_t)call->argument_count - 1;
    bool is_final = cli_flag(call, "--final");
    if (count == 0 && !is_final)
        return lx_fail(err, LX_ERR_USAGE, "no answer: give PRODUCT=ANSWER, or --final");
    for (size_t i = 0; i < count; i++) {
        enum lx_err code = answer_parse(call->arguments[i + 1], &answers[i], err);
        if (code != LX_OK) return code;
    }
    enum lx_err code = host_lock_take(call->folder, true, &lock, err);
    if (code == LX_OK) code = engine_open(call->folder, ENGINE_WRITE, &call->env, &engine, err);
    if (code == LX_OK)
        code = answer_record(engine, call->arguments[0], answers, count, is_final, &decision, err);
    if (code == LX_OK) {
        decision_print(call, &decision);
        decision_release(&decision);
    }
    engine_close(engine);
    host_lock_release(&lock);
    return code;
}
