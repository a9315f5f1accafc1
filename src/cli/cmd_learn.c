/* The commands that learn and measure: train, evaluate, trial. */
#include "cli/cli.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "bank/bank.h"
#include "base/date.h"
#include "cli/chart.h"
#include "decide/past_rules.h"
#include "host/file.h"
#include "host/lock.h"
#include "model/alarms.h"
#include "model/evaluate.h"
#include "model/fallback.h"
#include "model/train.h"

static enum lx_err utc_offset_of(const char *folder, int *ret_minutes, struct lx_error *err)
{
    struct bank *bank = NULL;
    enum lx_err code = bank_open(folder, STORE_READ, &bank, err);
    if (code == LX_OK) *ret_minutes = bank_utc_offset_minutes(bank);
    bank_close(bank);
    return code;
}

enum lx_err cli_balance(const struct cli_call *call, enum sampling *ret_method,
                        struct lx_error *err)
{
    const char *name = cli_value(call, "--balance");
    *ret_method = SAMPLING_NONE;
    return name == NULL ? LX_OK : sampling_find(name, ret_method, err);
}

/* --negatives REFUSED,IGNORED,RULED_OUT. */
static enum lx_err negatives_of(const struct cli_call *call, struct rows_weights *ret_weights,
                                struct lx_error *err)
{
    const char *text = cli_value(call, "--negatives");
    struct rows_weights weights;
    int length = 0;
    if (text == NULL) return LX_OK;
    int count = sscanf(text, "%lf,%lf,%lf%n", &weights.refused, &weights.ignored,
                       &weights.ruled_out, &length);
    bool is_good = count == 3 && text[length] == 0;
    const double values[] = {weights.refused, weights.ignored, weights.ruled_out};
    for (size_t i = 0; is_good && i < LX_COUNT_OF(values); i++)
        is_good = values[i] >= 0.01 && values[i] <= 100;
    if (!is_good)
        return lx_fail(
            err, LX_ERR_USAGE,
            "--negatives %.40s: three weights from 0.01 to 100 are wanted, as in 2,1,0.5", text);
    *ret_weights = weights;
    return LX_OK;
}

/* --focal GAMMA,ALPHA: of focal loss, so that another method with it is a mistake. */
static enum lx_err focal_of(const struct cli_call *call, enum sampling balance,
                            struct focal *ret_focal, struct lx_error *err)
{
    const char *text = cli_value(call, "--focal");
    struct focal focal;
    int length = 0;
    if (text == NULL) return LX_OK;
    if (balance != SAMPLING_FOCAL)
        return lx_fail(err, LX_ERR_USAGE, "--focal %.40s goes with --balance focal", text);
    int count = sscanf(text, "%lf,%lf%n", &focal.gamma, &focal.alpha, &length);
    bool is_good = count == 2 && text[length] == 0 && focal.gamma >= 0 && focal.gamma <= 10 &&
                   focal.alpha >= 0.001 && focal.alpha <= 0.999;
    if (!is_good)
        return lx_fail(
            err, LX_ERR_USAGE,
            "--focal %.40s: gamma from 0 to 10 and alpha from 0.001 to 0.999 are wanted, "
            "as in 2,0.25",
            text);
    *ret_focal = focal;
    return LX_OK;
}

/* One ranking's figures as a JSON object. */
static void quality_json(struct cli_call *call, const char *name, const struct quality *quality)
{
    json_name(&call->json, name);
    json_object_begin(&call->json);
    for (int i = 0; i < QUALITY_COUNT; i++)
        json_name_real(&call->json, quality_name((enum quality_figure)i),
                       quality_value(quality, (enum quality_figure)i));
    json_object_end(&call->json);
}

/* A table for people: a line a figure, a column a ranking. */
static void quality_table(struct cli_call *call, const struct quality quality[QUALITY_BY_COUNT],
                          const struct quality *low, const struct quality *high)
{
    cli_line(call, "  %-30s %10s %10s %10s", "", cli_text(call, "模型", "model"),
             cli_text(call, "热门", "popularity"), cli_text(call, "随机", "random"));
    for (int i = 0; i < QUALITY_COUNT; i++) {
        enum quality_figure figure = (enum quality_figure)i;
        char cells[QUALITY_BY_COUNT][16], interval[48] = "";
        for (int by = 0; by < QUALITY_BY_COUNT; by++) {
            double value = quality_value(&quality[by], figure);
            snprintf(cells[by], sizeof cells[by], isnan(value) ? "-" : "%.5g", value);
        }
        if (low != NULL)
            snprintf(interval, sizeof interval, "  %.5g .. %.5g", quality_value(low, figure),
                     quality_value(high, figure));
        cli_line(call, "  %-30s %10s %10s %10s%s", quality_name(figure), cells[QUALITY_BY_MODEL],
                 cells[QUALITY_BY_POPULARITY], cells[QUALITY_BY_RANDOM], interval);
    }
}

/* The model's figures at the top of the document, the others beside them. */
static void quality_print(struct cli_call *call, const struct quality quality[QUALITY_BY_COUNT],
                          const struct quality *low, const struct quality *high)
{
    if (!call->is_json) {
        quality_table(call, quality, low, high);
        return;
    }
    for (int i = 0; i < QUALITY_COUNT; i++)
        json_name_real(&call->json, quality_name((enum quality_figure)i),
                       quality_value(&quality[QUALITY_BY_MODEL], (enum quality_figure)i));
    quality_json(call, "popularity", &quality[QUALITY_BY_POPULARITY]);
    quality_json(call, "random", &quality[QUALITY_BY_RANDOM]);
    if (low == NULL) return;
    quality_json(call, "low", low);
    quality_json(call, "high", high);
}

static void print_days(struct cli_call *call, const char *name, const char *zh, const char *en,
                       int32_t from_day, int32_t to_day)
{
    char from[LX_DATE_TEXT_SIZE], to[LX_DATE_TEXT_SIZE];
    lx_day_format(from_day, from);
    lx_day_format(to_day, to);
    cli_pair(call, cli_text(call, zh, en), "%s .. %s", from, to);
    if (!call->is_json) return;
    json_name(&call->json, name);
    json_array_begin(&call->json);
    json_text(&call->json, from);
    json_text(&call->json, to);
    json_array_end(&call->json);
}

/* Live or not, and why. */
static void verdict_print(struct cli_call *call, const struct train_result *result)
{
    const struct life_figures *figures = &result->figures;
    if (call->is_json) {
        json_name_bool(&call->json, "is_live", result->is_live);
        json_name_text(&call->json, "live", result->live);
        json_name(&call->json, "steps");
        json_object_begin(&call->json);
        for (size_t i = 0; i < result->step_count; i++)
            json_name_real(&call->json, result->steps[i].name, result->steps[i].seconds);
        json_object_end(&call->json);
    }
    if (result->has_rival) {
        enum life_finding finding = life_finding_of(figures);
        cli_pair(call, cli_text(call, "与在用模型比较", "beside the live one"), "%s",
                 cli_text(call, life_finding_zh(finding), life_finding_en(finding)));
        if (figures->is_known)
            cli_pair(call, cli_text(call, "PR-AUC 之差", "PR-AUC difference"),
                     "%+.4f  (95 %% %+.4f .. %+.4f)", figures->difference, figures->low,
                     figures->high);
    }
    if (result->is_live)
        cli_pair(call, cli_text(call, "状态", "status"), "%s", cli_text(call, "在用", "live"));
    else
        cli_pair(call, cli_text(call, "状态", "status"),
                 cli_text(call, "候选；在用的仍是 %s（lingxi model promote %s --by 姓名）",
                          "candidate; %s stays live (lingxi model promote %s --by NAME)"),
                 result->live, result->model);
}

/* A share with its interval, where it could be measured. */
static void gain_print(struct cli_call *call, const char *name, const char *label,
                       const struct metric_interval *gain)
{
    if (call->is_json) {
        json_name(&call->json, name);
        json_array_begin(&call->json);
        json_number(&call->json, gain->value);
        json_number(&call->json, gain->low);
        json_number(&call->json, gain->high);
        json_array_end(&call->json);
    } else if (!isnan(gain->value)) {
        cli_pair(call, label, "%+.3f   %+.3f .. %+.3f", gain->value, gain->low, gain->high);
    }
}

static const char *used(const struct cli_call *call, bool is_used)
{
    return is_used ? cli_text(call, "用", "used") : cli_text(call, "未证明有益，不用", "not used");
}

/* The second round: what was shown to help on customers that it had not seen. */
static void second_print(struct cli_call *call, const struct second_figures *second)
{
    if (call->is_json) {
        json_name(&call->json, "second");
        json_object_begin(&call->json);
        json_name_bool(&call->json, "uses_log", second->uses_log);
        json_name_bool(&call->json, "uses_forest", second->uses_forest);
        json_name_bool(&call->json, "teaches", second->teaches);
    }
    cli_line(call, "%s", cli_text(call, "第二轮", "second round"));
    gain_print(call, "log_gain", cli_text(call, "营销记录：AUC 增益", "campaign log: gain in AUC"),
               &second->log_gain);
    gain_print(call, "replay_gain", cli_text(call, "回放：树的增益", "replays: gain by the forest"),
               &second->replay_gain);
    gain_print(call, "kernel_gain",
               cli_text(call, "回放：高斯过程的增益", "replays: gain by the Gaussian process"),
               &second->kernel_gain);
    gain_print(call, "teach_gain",
               cli_text(call, "第一轮留一位提问：两轮增益", "asking to learn: gain of both rounds"),
               &second->teach_gain);
    cli_pair(call, cli_text(call, "营销记录", "campaign log"), "%s", used(call, second->uses_log));
    cli_pair(call, cli_text(call, "树", "forest"), "%s", used(call, second->uses_forest));
    cli_pair(call, cli_text(call, "提问", "asking to learn"), "%s", used(call, second->teaches));
    if (call->is_json) json_object_end(&call->json);
}

static void train_print(struct cli_call *call, const struct train_result *result)
{
    if (call->is_json) json_name_text(&call->json, "model", result->model);
    cli_pair(call, cli_text(call, "模型", "model"), "%s", result->model);
    cli_count(call, "rows", "训练行", "rows fitted on", (int64_t)result->rows);
    cli_count(call, "positives", "其中正例", "of them positive", (int64_t)result->positives);
    cli_count(call, "features", "特征", "features", result->feature_count);
    cli_count(call, "trees", "树", "trees", result->tree_count);
    cli_count(call, "quality_rows", "评估行", "rows measured on", (int64_t)result->quality_rows);
    cli_count(call, "quality_positives", "其中正例", "of them positive",
              (int64_t)result->quality_positives);
    print_days(call, "fitted", "训练月末", "month ends fitted on", result->fitted_from_day,
               result->fitted_to_day);
    print_days(call, "measured", "评估月末（模型未见）", "month ends measured on, unseen",
               result->measured_from_day, result->measured_to_day);
    quality_print(call, result->quality, NULL, NULL);
    second_print(call, &result->second);
    verdict_print(call, result);
    cli_figure(call, "seconds", cli_seconds(call));
}

enum lx_err cli_train(struct cli_call *call, struct lx_error *err)
{
    struct train_options options = {0};
    struct train_result result;
    struct host_lock lock = {-1};
    int utc_offset_minutes = 0;
    int64_t seed;
    enum lx_err code = cli_balance(call, &options.balance, err);
    if (code == LX_OK) code = negatives_of(call, &options.weights, err);
    if (code == LX_OK) code = focal_of(call, options.balance, &options.focal, err);
    if (code == LX_OK) code = cli_int(call, "--seed", 0, INT64_MAX, 1, &seed, err);
    if (code == LX_OK) code = utc_offset_of(call->folder, &utc_offset_minutes, err);
    if (code == LX_OK)
        code = cli_as_of(call, "--as-of", utc_offset_minutes, &options.as_of_ms, err);
    if (code == LX_OK) code = host_lock_take(call->folder, true, &lock, err);
    if (code != LX_OK) return code;

    const struct rows_rules rules = past_rules(call->folder);
    options.seed = (uint64_t)seed;
    options.rules = &rules;
    code = train(call->folder, &options, &call->env, &result, err);
    host_lock_release(&lock);
    if (code == LX_OK) train_print(call, &result);
    return code;
}

static void products_print(struct cli_call *call, const struct evaluate_result *result)
{
    if (call->is_json) {
        json_name(&call->json, "products");
        json_array_begin(&call->json);
    }
    cli_line(call, "  %-10s %12s %10s %9s %12s %10s", cli_text(call, "产品", "product"),
             cli_text(call, "行", "rows"), cli_text(call, "正例", "positives"), "roc_auc",
             cli_text(call, "预测", "expected"), cli_text(call, "实际", "observed"));
    for (size_t i = 0; i < result->product_count; i++) {
        const struct evaluate_product *product = &result->products[i];
        cli_line(call, "  %-10s %12" PRIu64 " %10" PRIu64 " %9.4f %12.6f %10.6f", product->code,
                 product->rows, product->positives, product->roc_auc, product->probability,
                 product->rate);
        if (!call->is_json) continue;
        json_object_begin(&call->json);
        json_name_text(&call->json, "product", product->code);
        json_name_int(&call->json, "rows", (int64_t)product->rows);
        json_name_int(&call->json, "positives", (int64_t)product->positives);
        json_name_real(&call->json, "roc_auc", product->roc_auc);
        json_name_real(&call->json, "probability", product->probability);
        json_name_real(&call->json, "rate", product->rate);
        json_object_end(&call->json);
    }
    if (call->is_json) json_array_end(&call->json);
}

static enum lx_err evaluate_plain(struct cli_call *call, const struct evaluate_options *options,
                                  struct lx_error *err)
{
    struct evaluate_result result = {0};
    struct alarms alarms = {.count = 0};
    struct alarm_limits limits;
    enum lx_err code = evaluate(call->folder, options, &call->env, &result, err);
    if (code == LX_OK) code = alarm_limits_read(call->folder, &limits, err);
    if (code == LX_OK) {
        alarms_add_quality(&alarms, &limits, &result.quality[QUALITY_BY_MODEL], result.positives);
        code = alarms_add_answers(&alarms, &limits, call->folder, err);
    }
    if (code == LX_OK) {
        if (call->is_json) json_name_text(&call->json, "model", result.model);
        cli_pair(call, cli_text(call, "模型", "model"), "%s", result.model);
        print_days(call, "measured", "评估月末（模型未见）", "month ends measured on, unseen",
                   result.from_day, result.to_day);
        cli_count(call, "customers", "客户", "customers", (int64_t)result.customers);
        cli_count(call, "rows", "行", "rows", (int64_t)result.rows);
        cli_count(call, "positives", "其中正例", "of them positive", (int64_t)result.positives);
        quality_print(call, result.quality, &result.low[QUALITY_BY_MODEL],
                      &result.high[QUALITY_BY_MODEL]);
        products_print(call, &result);
        cli_alarms(call, &alarms);
        cli_figure(call, "seconds", cli_seconds(call));
    }
    evaluate_result_release(&result);
    return code;
}

static void method_print(struct cli_call *call, const struct evaluate_method *method)
{
    cli_line(call,
             "  %-16s %9" PRIu64 " %7.4f %7.4f %+8.4f %+8.4f %+8.4f %7.4f %7.4f %7.2f %7.2f %8.5f "
             "%6.1f",
             sampling_name(method->balance), method->rows, method->sampled_rate,
             method->quality.pr_auc, method->difference, method->difference_low,
             method->difference_high, method->quality.roc_auc, method->quality.roc_auc_within,
             method->quality.lift_1pct, method->quality.lift_5pct, method->quality.ece,
             method->seconds);
    if (!call->is_json) return;
    json_object_begin(&call->json);
    json_name_text(&call->json, "balance", sampling_name(method->balance));
    json_name_int(&call->json, "rows", (int64_t)method->rows);
    json_name_real(&call->json, "sampled_rate", method->sampled_rate);
    for (int i = 0; i < QUALITY_COUNT; i++)
        json_name_real(&call->json, quality_name((enum quality_figure)i),
                       quality_value(&method->quality, (enum quality_figure)i));
    json_name_real(&call->json, "pr_auc_low", method->pr_auc_low);
    json_name_real(&call->json, "pr_auc_high", method->pr_auc_high);
    json_name_real(&call->json, "pr_auc_difference", method->difference);
    json_name_real(&call->json, "pr_auc_difference_low", method->difference_low);
    json_name_real(&call->json, "pr_auc_difference_high", method->difference_high);
    json_name_real(&call->json, "seconds", method->seconds);
    json_object_end(&call->json);
}

static enum lx_err write_csv(const char *path, const struct evaluate_comparison *comparison,
                             struct lx_error *err)
{
    struct lx_buffer text;
    lx_buffer_init(&text, LX_CONFIG_MAX);
    lx_buffer_append_text(&text, "balance,rows,sampled_rate");
    for (int i = 0; i < QUALITY_COUNT; i++)
        lx_buffer_printf(&text, ",%s", quality_name((enum quality_figure)i));
    lx_buffer_append_text(&text, ",pr_auc_low,pr_auc_high,difference,difference_low,"
                                 "difference_high,seconds\n");
    for (int m = 0; m < SAMPLING_COUNT; m++) {
        const struct evaluate_method *method = &comparison->methods[m];
        lx_buffer_printf(&text, "%s,%" PRIu64 ",%.9g", sampling_name(method->balance), method->rows,
                         method->sampled_rate);
        for (int i = 0; i < QUALITY_COUNT; i++)
            lx_buffer_printf(&text, ",%.9g",
                             quality_value(&method->quality, (enum quality_figure)i));
        lx_buffer_printf(&text, ",%.9g,%.9g,%.9g,%.9g,%.9g,%.3f\n", method->pr_auc_low,
                         method->pr_auc_high, method->difference, method->difference_low,
                         method->difference_high, method->seconds);
    }
    enum lx_err code = lx_buffer_error(&text);
    if (code != LX_OK)
        lx_fail(err, code, "%s: out of memory", path);
    else
        code = host_write_atomic(path, text.bytes, text.length, err);
    lx_buffer_release(&text);
    return code;
}

static enum lx_err write_chart(const char *path, const struct evaluate_comparison *comparison,
                               struct lx_error *err)
{
    struct chart_line lines[SAMPLING_COUNT];
    struct lx_buffer svg;
    char note[160];
    for (int i = 0; i < SAMPLING_COUNT; i++) {
        const struct evaluate_method *method = &comparison->methods[i];
        lines[i] = (struct chart_line){sampling_name(method->balance), method->quality.pr_auc,
                                       method->pr_auc_low, method->pr_auc_high};
    }
    snprintf(note, sizeof note,
             "95 %%, %d seed(s), %" PRIu64 " rows, %" PRIu64
             " positives; - - none; popularity %.4f",
             comparison->seed_count, comparison->rows, comparison->positives,
             comparison->popularity.pr_auc);
    const struct chart chart = {.zh = "各平衡方法的 PR-AUC（模型未见的月份）",
                                .en = "PR-AUC by balance method, months not seen",
                                .note = note,
                                .lines = lines,
                                .line_count = SAMPLING_COUNT,
                                .reference = comparison->methods[SAMPLING_NONE].quality.pr_auc};
    lx_buffer_init(&svg, LX_CONFIG_MAX);
    enum lx_err code = chart_write(&chart, &svg, err);
    if (code == LX_OK) code = host_write_atomic(path, svg.bytes, svg.length, err);
    lx_buffer_release(&svg);
    return code;
}

static enum lx_err evaluate_methods(struct cli_call *call, const struct evaluate_options *options,
                                    struct lx_error *err)
{
    struct evaluate_comparison comparison;
    enum lx_err code = evaluate_compare(call->folder, options, &call->env, &comparison, err);
    const char *csv = cli_value(call, "--csv"), *svg = cli_value(call, "--chart");
    if (code == LX_OK && csv != NULL) code = write_csv(csv, &comparison, err);
    if (code == LX_OK && svg != NULL) code = write_chart(svg, &comparison, err);
    if (code != LX_OK) return code;

    cli_count(call, "rows", "评估行", "rows measured on", (int64_t)comparison.rows);
    cli_count(call, "positives", "其中正例", "of them positive", (int64_t)comparison.positives);
    cli_count(call, "seeds", "随机种子数", "seeds", comparison.seed_count);
    cli_line(call, "  %-16s %9s %7s %7s %8s %8s %8s %7s %7s %7s %7s %8s %6s",
             cli_text(call, "方法", "balance"), cli_text(call, "训练行", "rows"), "rate", "pr_auc",
             "vs none", "low", "high", "roc_auc", "within", "lift1", "lift5", "ece", "s");
    if (call->is_json) {
        json_name(&call->json, "methods");
        json_array_begin(&call->json);
    }
    for (int i = 0; i < SAMPLING_COUNT; i++) method_print(call, &comparison.methods[i]);
    if (call->is_json) {
        json_array_end(&call->json);
        quality_json(call, "popularity", &comparison.popularity);
        quality_json(call, "random", &comparison.random);
    }
    cli_figure(call, "seconds", cli_seconds(call));
    return LX_OK;
}

static void figures_print(struct cli_call *call, enum fallback_ranking ranking,
                          const struct fallback_figures *figures)
{
    struct json_writer *json = &call->json;
    const char *name = fallback_ranking_text(ranking);
    if (isnan(figures->pr_auc))
        cli_line(call, "  %-12s %s", name, cli_text(call, "没有开通", "no opening to measure by"));
    else
        cli_line(call, "  %-12s %10.5f %10.4f %10.4f  %+.4f  %+.4f .. %+.4f", name, figures->pr_auc,
                 figures->roc_auc_within, figures->found5, figures->difference,
                 figures->difference_low, figures->difference_high);
    if (!call->is_json) return;
    json_name(json, name);
    json_object_begin(json);
    json_name_real(json, "pr_auc", figures->pr_auc);
    json_name_real(json, "roc_auc_within", figures->roc_auc_within);
    json_name_real(json, "found5", figures->found5);
    json_name_real(json, "difference", figures->difference);
    json_name_real(json, "difference_low", figures->difference_low);
    json_name_real(json, "difference_high", figures->difference_high);
    json_object_end(json);
}

static void group_print(struct cli_call *call, enum fallback_group group,
                        const struct fallback_result *result)
{
    struct json_writer *json = &call->json;
    const char *name = fallback_group_text(group);
    cli_line(call, "%s: %" PRIu64 " / %" PRIu64 " / %" PRIu64, name, result->cases[group],
             result->rows[group], result->openings[group]);
    if (call->is_json) {
        json_name(json, name);
        json_object_begin(json);
        json_name_int(json, "cases", (int64_t)result->cases[group]);
        json_name_int(json, "rows", (int64_t)result->rows[group]);
        json_name_int(json, "openings", (int64_t)result->openings[group]);
    }
    for (int i = 0; i < FALLBACK_RANKING_COUNT; i++)
        figures_print(call, (enum fallback_ranking)i, &result->figures[group][i]);
    if (call->is_json) json_object_end(json);
}

static enum lx_err evaluate_factors(struct cli_call *call, const struct evaluate_options *options,
                                    struct lx_error *err)
{
    struct fallback_result result;
    enum lx_err code = fallback_evaluate(call->folder, options, &call->env, &result, err);
    if (code != LX_OK) return code;
    cli_line(
        call, "%s",
        cli_text(call,
                 "客户·时点 / 客户-产品对 / 开通；PR-AUC，产品内 ROC-AUC，前五命中，与模型之差",
                 "customers at moments / pairs / openings; PR-AUC, ROC-AUC within product, "
                 "found among five, less the model's"));
    for (int i = 0; i < FALLBACK_GROUP_COUNT; i++)
        group_print(call, (enum fallback_group)i, &result);
    cli_figure(call, "margin_pr_auc", result.margin_pr_auc);
    cli_figure(call, "stacked_pr_auc", result.stacked_pr_auc);
    cli_figure(call, "stacked_difference", result.stacked_difference);
    cli_figure(call, "stacked_low", result.stacked_low);
    cli_figure(call, "stacked_high", result.stacked_high);
    cli_figure(call, "seconds", result.seconds);
    return LX_OK;
}

enum lx_err cli_evaluate(struct cli_call *call, struct lx_error *err)
{
    int64_t seed;
    int64_t seed_count;
    enum lx_err code = cli_int(call, "--seed", 0, INT64_MAX, 1, &seed, err);
    if (code == LX_OK) code = cli_int(call, "--seeds", 1, EVALUATE_SEEDS_MAX, 1, &seed_count, err);
    if (code != LX_OK) return code;

    const struct rows_rules rules = past_rules(call->folder);
    struct evaluate_options options = {
        .seed = (uint64_t)seed, .seed_count = (int)seed_count, .rules = &rules};
    code = negatives_of(call, &options.weights, err);
    if (code != LX_OK) return code;
    if (cli_flag(call, "--off-policy")) return cli_off_policy(call, (uint64_t)seed, err);
    if (cli_flag(call, "--simulate")) return cli_simulate(call, (uint64_t)seed, err);
    if (cli_flag(call, "--factors")) return evaluate_factors(call, &options, err);
    bool has_file = cli_value(call, "--csv") != NULL || cli_value(call, "--chart") != NULL;
    if (has_file && !cli_flag(call, "--compare"))
        return lx_fail(err, LX_ERR_USAGE, "--csv and --chart go with --compare");
    if (cli_flag(call, "--compare")) return evaluate_methods(call, &options, err);
    return evaluate_plain(call, &options, err);
}
