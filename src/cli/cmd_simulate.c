/* evaluate --simulate: how the policy fares where the truth is known. */
#include "cli/cli.h"

#include <inttypes.h>

#include "decide/decide.h"
#include "model/simulate.h"

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

/* A figure with its interval, in percent for people. */
static void interval_print(struct cli_call *call, const char *name, const char *label,
                           const struct metric_interval *interval)
{
    cli_pair(call, label, "%8.3f%%   %.3f .. %.3f", 100 * interval->value, 100 * interval->low,
             100 * interval->high);
    if (call->is_json) interval_json(call, name, interval);
}

static const char *policy_label(const struct cli_call *call, enum simulate_policy policy)
{
    switch (policy) {
    case SIMULATE_MODEL: return cli_text(call, "模型", "model");
    case SIMULATE_POPULARITY: return cli_text(call, "热门", "popularity");
    case SIMULATE_RANDOM: return cli_text(call, "随机", "random");
    case SIMULATE_BEST: return cli_text(call, "最优（已知真值）", "best possible");
    case SIMULATE_POLICY_COUNT: break;
    }
    lx_bug(__FILE__, __LINE__, "policy");
}

/* One round: a line for each policy. */
static void round_print(struct cli_call *call, const char *name, const char *title,
                        const struct metric_interval values[SIMULATE_POLICY_COUNT])
{
    cli_line(call, "%s", title);
    if (call->is_json) {
        json_name(&call->json, name);
        json_object_begin(&call->json);
    }
    for (int i = 0; i < SIMULATE_POLICY_COUNT; i++) {
        enum simulate_policy policy = (enum simulate_policy)i;
        interval_print(call, simulate_policy_name(policy), policy_label(call, policy), &values[i]);
    }
    if (call->is_json) json_object_end(&call->json);
}

static void simulate_print(struct cli_call *call, const struct simulate_result *result)
{
    if (call->is_json) json_name_text(&call->json, "model", result->model);
    cli_pair(call, cli_text(call, "模型", "model"), "%s", result->model);
    cli_count(call, "customers", "参与客户", "customers that took part",
              (int64_t)result->customers);
    cli_count(call, "places", "每轮推荐数", "places of a round", result->places);
    cli_figure(call, "said_yes", result->said_yes);
    round_print(call, "first",
                cli_text(call, "第一轮，每个位置的真实接受率",
                         "first round, true chance of a yes by place"),
                result->first);
    round_print(call, "second",
                cli_text(call, "第二轮（已知第一轮回答）", "second round, after the answers"),
                result->second);
    interval_print(call, "second_without",
                   cli_text(call, "不用回答（第 k+1…2k 位）", "without answers (places k+1..2k)"),
                   &result->second_without);
    cli_line(call, "%s", cli_text(call, "两轮合计", "both rounds"));
    interval_print(call, "total", cli_text(call, "有回答", "with answers"), &result->total);
    interval_print(call, "total_without", cli_text(call, "一张 2k 的清单", "one list of 2k"),
                   &result->total_without);
    cli_pair(call, cli_text(call, "第二轮比不用回答精确几倍", "times as precise as without"),
             "%8.3f    %.3f .. %.3f", result->ratio.value, result->ratio.low, result->ratio.high);
    cli_pair(call, cli_text(call, "占可得增益之比", "captured of the possible gain"),
             "%8.3f    %.3f .. %.3f", result->captured.value, result->captured.low,
             result->captured.high);
    if (call->is_json) {
        interval_json(call, "ratio", &result->ratio);
        interval_json(call, "captured", &result->captured);
    }
    cli_figure(call, "seconds", cli_seconds(call));
}

enum lx_err cli_simulate(struct cli_call *call, uint64_t seed, struct lx_error *err)
{
    struct engine *engine = NULL;
    struct simulate_result result;
    enum lx_err code = engine_open(call->folder, ENGINE_READ, &call->env, &engine, err);
    if (code == LX_OK) {
        const struct simulate_options options = {
            .seed = seed, .may_offer = decide_may_offer, .context = engine};
        code = simulate(call->folder, &options, &call->env, &result, err);
    }
    engine_close(engine);
    if (code == LX_OK) simulate_print(call, &result);
    return code;
}
