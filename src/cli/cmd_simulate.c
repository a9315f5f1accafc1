/* evaluate --simulate: how the policy fares where the truth is known. */
#include "cli/cli.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "decide/decide.h"
#include "model/simulate.h"
#include "model/simulate_answer.h"

static void interval_json(struct cli_call *call, const char *name,
                          const struct metric_interval *interval)
{
    json_name(&call->json, name);
    json_object_begin(&call->json);
    json_name_real(&call->json, "value", interval->value);
    json_name_real(&call->json, "low", interval->low);
    json_name_real(&call->json, "high", interval->high);
    json_object_end(&call->json);
}

/* A chance with its interval, in percent for people. */
static void chance_print(struct cli_call *call, const char *name, const char *label,
                         const struct metric_interval *interval)
{
    if (call->is_json) interval_json(call, name, interval);
    if (isnan(interval->value)) return;
    cli_pair(call, label, "%8.3f%%   %.3f .. %.3f", 100 * interval->value, 100 * interval->low,
             100 * interval->high);
}

static void ratio_print(struct cli_call *call, const char *name, const char *label,
                        const struct metric_interval *interval)
{
    if (call->is_json) interval_json(call, name, interval);
    if (isnan(interval->value)) return;
    cli_pair(call, label, "%8.3f    %.3f .. %.3f", interval->value, interval->low, interval->high);
}

static void object_begin(struct cli_call *call, const char *name)
{
    if (!call->is_json) return;
    json_name(&call->json, name);
    json_object_begin(&call->json);
}

static void object_end(struct cli_call *call)
{
    if (call->is_json) json_object_end(&call->json);
}

static const char *first_label(const struct cli_call *call, enum simulate_first policy)
{
    switch (policy) {
    case SIMULATE_FIRST_MODEL: return cli_text(call, "模型", "model");
    case SIMULATE_FIRST_POPULARITY: return cli_text(call, "热门", "popularity");
    case SIMULATE_FIRST_RANDOM: return cli_text(call, "随机", "random");
    case SIMULATE_FIRST_BEST: return cli_text(call, "最优（已知真值）", "best possible");
    case SIMULATE_FIRST_COUNT: break;
    }
    lx_bug(__FILE__, __LINE__, "policy");
}

static const char *second_label(const struct cli_call *call, enum simulate_second policy)
{
    switch (policy) {
    case SIMULATE_SECOND_WITH: return cli_text(call, "第二轮（已知回答）", "second round, answers");
    case SIMULATE_SECOND_WITHOUT:
        return cli_text(call, "一轮清单第 k+1…2k 位", "without: places k+1..2k");
    case SIMULATE_SECOND_MASKED:
        return cli_text(call, "第二轮（遮住回答）", "second round, answers masked");
    case SIMULATE_SECOND_POPULARITY: return cli_text(call, "热门", "popularity");
    case SIMULATE_SECOND_RANDOM: return cli_text(call, "随机", "random");
    case SIMULATE_SECOND_BAYES:
        return cli_text(call, "贝叶斯上界（已知回答）", "Bayes oracle, answers");
    case SIMULATE_SECOND_BAYES_MASKED:
        return cli_text(call, "贝叶斯上界（遮住回答）", "Bayes oracle, answers masked");
    case SIMULATE_SECOND_BEST: return cli_text(call, "最优（已知真值）", "best possible");
    case SIMULATE_SECOND_COUNT: break;
    }
    lx_bug(__FILE__, __LINE__, "policy");
}

static void first_print(struct cli_call *call, const struct simulate_result *result)
{
    cli_line(call, "%s",
             cli_text(call, "第一轮，每个位置的真实接受率",
                      "first round, true chance of a yes by place"));
    object_begin(call, "first");
    for (int i = 0; i < SIMULATE_FIRST_COUNT; i++) {
        enum simulate_first policy = (enum simulate_first)i;
        chance_print(call, simulate_first_name(policy), first_label(call, policy),
                     &result->first[i]);
    }
    object_end(call);
}

static void same_places_print(struct cli_call *call, const struct simulate_result *result)
{
    cli_line(call, "%s",
             cli_text(call, "相同位置：第一轮清单相同，比较第二轮的 k 个位置",
                      "same places: one plain first list, then k places by"));
    object_begin(call, "same_places");
    for (int i = 0; i < SIMULATE_SECOND_COUNT; i++) {
        enum simulate_second policy = (enum simulate_second)i;
        chance_print(call, simulate_second_name(policy), second_label(call, policy),
                     &result->second[i]);
    }
    ratio_print(call, "captured", cli_text(call, "占可得增益之比", "captured of the best gain"),
                &result->captured);
    ratio_print(call, "captured_of_bayes",
                cli_text(call, "占贝叶斯增益之比", "captured of the Bayes gain"),
                &result->captured_of_bayes);
    ratio_print(call, "with_over_masked",
                cli_text(call, "回答本身带来（倍）", "what the answers add (times)"),
                &result->with_over_masked);
    ratio_print(call, "bayes_over_masked",
                cli_text(call, "回答至多能带来（倍）", "what answers can add at most (times)"),
                &result->bayes_over_masked);
    object_end(call);
}

static void total_print(struct cli_call *call, const struct simulate_result *result)
{
    cli_line(call, "%s",
             cli_text(call, "合计：k + k 对一张 2k 的清单", "total: k + k against one list of 2k"));
    object_begin(call, "total");
    chance_print(call, "with", cli_text(call, "两轮", "two rounds"), &result->total);
    chance_print(call, "without", cli_text(call, "一张清单", "one list"), &result->total_without);
    ratio_print(call, "ratio", cli_text(call, "倍", "times"), &result->total_ratio);
    object_end(call);
}

static void bank_print(struct cli_call *call, const struct simulate_result *result)
{
    cli_line(call, "%s",
             cli_text(call, "银行的问题：第二轮比一轮策略的第 k+1…2k 位精确几倍",
                      "the bank's question: how many times as precise as the one-round "
                      "strategy's places k+1..2k"));
    object_begin(call, "bank");
    ratio_print(call, "ratio", cli_text(call, "第二轮", "second round"),
                &result->with_over_without);
    ratio_print(call, "bayes", cli_text(call, "贝叶斯上界", "Bayes oracle"),
                &result->bayes_over_without);
    ratio_print(call, "best", cli_text(call, "最优（已知真值）", "best possible"),
                &result->best_over_without);
    object_end(call);
}

static void places_print(struct cli_call *call, const struct simulate_result *result)
{
    char name[16];
    snprintf(name, sizeof name, "k%d", result->places);
    cli_line(call, "%s", "");
    cli_line(call, "k = %d", result->places);
    object_begin(call, name);
    cli_count(call, "customers", "参与客户", "customers that took part",
              (int64_t)result->customers);
    cli_figure(call, "candidates", result->candidates);
    cli_figure(call, "said_yes", result->said_yes);
    cli_figure(call, "any_yes", result->any_yes);
    first_print(call, result);
    same_places_print(call, result);
    total_print(call, result);
    bank_print(call, result);
    object_end(call);
}

enum lx_err cli_simulate(struct cli_call *call, uint64_t seed, struct lx_error *err)
{
    static const int places[] = {3, 5};
    struct engine *engine = NULL;
    struct simulate_result results[LX_COUNT_OF(places)];
    enum lx_err code = engine_open(call->folder, ENGINE_READ, &call->env, &engine, err);
    for (size_t i = 0; i < LX_COUNT_OF(places) && code == LX_OK; i++) {
        const struct simulate_options options = {
            .seed = seed, .places = places[i], .may_offer = decide_may_offer, .context = engine};
        code = simulate(call->folder, &options, &call->env, &results[i], err);
    }
    engine_close(engine);
    if (code != LX_OK) return code;
    if (call->is_json) json_name_text(&call->json, "model", results[0].model);
    cli_pair(call, cli_text(call, "模型", "model"), "%s", results[0].model);
    cli_count(call, "simulator", "模拟器版本", "version of the simulator", SIMULATE_ANSWER_VERSION);
    cli_figure(call, "taste", results[0].taste);
    for (size_t i = 0; i < LX_COUNT_OF(places); i++) places_print(call, &results[i]);
    cli_figure(call, "seconds", cli_seconds(call));
    return LX_OK;
}
