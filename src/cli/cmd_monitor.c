/* What answers say: `answers`, and `evaluate --off-policy`. */
#include "cli/cli.h"

#include "bank/catalogue.h"
#include "decide/monitor.h"

enum { RATES_ANSWERS_LEAST = 0 };

static void rate_print(struct cli_call *call, const struct bank_product *product,
                       const struct monitor_segment *segment, const struct monitor_rate *rate)
{
    if (!call->is_json) {
        cli_line(call, "  %-6s %6.2f%%  %6.2f%% .. %6.2f%%  %8.1f  %s", product->code,
                 100 * rate->mean, 100 * rate->low, 100 * rate->high, rate->answers,
                 cli_text(call, segment->zh, segment->en));
        return;
    }
    json_object_begin(&call->json);
    json_name_text(&call->json, "product", product->code);
    json_name_text(&call->json, "segment", segment->name);
    json_name_real(&call->json, "mean", rate->mean);
    json_name_real(&call->json, "low", rate->low);
    json_name_real(&call->json, "high", rate->high);
    json_name_real(&call->json, "yes", rate->yes);
    json_name_real(&call->json, "answers", rate->answers);
    json_object_end(&call->json);
}

/* A product as a whole always, its segments where there are answers. */
static void product_print(struct cli_call *call, const struct engine *engine,
                          const struct bank_product *product, int index)
{
    struct monitor_segment segment = {"", "全部客户", "all customers"};
    struct monitor_rate rate = monitor_rate(engine, NULL, index);
    rate_print(call, product, &segment, &rate);
    for (size_t i = 0; monitor_segment(engine, i, &segment); i++) {
        rate = monitor_rate(engine, segment.name, index);
        if (rate.answers > RATES_ANSWERS_LEAST) rate_print(call, product, &segment, &rate);
    }
}

enum lx_err cli_answers(struct cli_call *call, struct lx_error *err)
{
    struct engine *engine = NULL;
    enum lx_err code = engine_open(call->folder, ENGINE_READ, &call->env, &engine, err);
    if (code != LX_OK) return code;

    const struct bank_catalogue *catalogue = bank_catalogue(engine_bank(engine));
    cli_line(call, "%s",
             cli_text(call, "  产品  肯定答复率  95%区间  有效答复数  客群",
                      "  product  rate of yes  95 %  answers that count  segment"));
    if (call->is_json) {
        json_name(&call->json, "rates");
        json_array_begin(&call->json);
    }
    for (size_t i = 0; i < catalogue->count; i++)
        product_print(call, engine, &catalogue->products[i], (int)i);
    if (call->is_json) json_array_end(&call->json);
    engine_close(engine);
    return LX_OK;
}

static void estimate_json(struct cli_call *call, const char *name,
                          const struct off_policy_estimate *estimate)
{
    json_name(&call->json, name);
    json_object_begin(&call->json);
    json_name_real(&call->json, "estimate", estimate->value);
    json_name_real(&call->json, "low", estimate->low);
    json_name_real(&call->json, "high", estimate->high);
    json_object_end(&call->json);
}

static void policy_json(struct cli_call *call, enum monitor_policy policy,
                        const struct off_policy_result *result)
{
    json_object_begin(&call->json);
    json_name_text(&call->json, "policy", monitor_policy_name(policy));
    for (size_t e = 0; e < OFF_POLICY_ESTIMATORS; e++)
        estimate_json(call, off_policy_name((enum off_policy_estimator)e), &result->estimates[e]);
    json_name_real(&call->json, "effective_rows", result->effective_size);
    json_name(&call->json, "warnings");
    json_array_begin(&call->json);
    for (size_t n = 0; off_policy_warning_at(n) != OFF_POLICY_SOUND; n++) {
        enum off_policy_warning warning = off_policy_warning_at(n);
        if ((result->warnings & (unsigned)warning) != 0)
            json_text(&call->json, cli_text(call, off_policy_warning_zh(warning),
                                            off_policy_warning_en(warning)));
    }
    json_array_end(&call->json);
    json_object_end(&call->json);
}

static void policy_lines(struct cli_call *call, enum monitor_policy policy,
                         const struct off_policy_result *result)
{
    cli_line(call, "%s", cli_text(call, monitor_policy_zh(policy), monitor_policy_en(policy)));
    for (size_t e = 0; e < OFF_POLICY_ESTIMATORS; e++) {
        const struct off_policy_estimate *estimate = &result->estimates[e];
        cli_line(call, "  %-6s %7.3f%%  %.3f%% .. %.3f%%",
                 off_policy_name((enum off_policy_estimator)e), 100 * estimate->value,
                 100 * estimate->low, 100 * estimate->high);
    }
    for (size_t n = 0; off_policy_warning_at(n) != OFF_POLICY_SOUND; n++) {
        enum off_policy_warning warning = off_policy_warning_at(n);
        if ((result->warnings & (unsigned)warning) != 0)
            cli_line(
                call, "  ! %s",
                cli_text(call, off_policy_warning_zh(warning), off_policy_warning_en(warning)));
    }
}

enum lx_err cli_off_policy(struct cli_call *call, uint64_t seed, struct lx_error *err)
{
    struct engine *engine = NULL;
    struct monitor_result result = {.rows = 0};
    enum lx_err code = engine_open(call->folder, ENGINE_READ, &call->env, &engine, err);
    if (code == LX_OK) code = monitor_off_policy(engine, seed, &result, err);
    engine_close(engine);
    if (code != LX_OK) return code;

    cli_count(call, "rows", "有答复的随机展示位", "answered places left to chance",
              (int64_t)result.rows);
    cli_count(call, "explored", "其中由抽样决定", "of them drawn", (int64_t)result.explored);
    cli_figure(call, "on_policy", result.on_policy);
    if (call->is_json) {
        json_name(&call->json, "policies");
        json_array_begin(&call->json);
    }
    for (int p = 0; p < MONITOR_POLICIES; p++) {
        if (call->is_json)
            policy_json(call, (enum monitor_policy)p, &result.policies[p]);
        else
            policy_lines(call, (enum monitor_policy)p, &result.policies[p]);
    }
    if (call->is_json) json_array_end(&call->json);
    return LX_OK;
}
