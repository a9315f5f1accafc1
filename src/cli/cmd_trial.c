/* `trial`: a public data set end to end. */
#include "cli/cli.h"

#include <inttypes.h>
#include <stdio.h>

#include "learn/off_policy.h"
#include "model/trial.h"

enum { FOLDS = 3, REPEATS_MAX = 1000 };

static void estimate_json(struct cli_call *call, const struct trial_figure *figure)
{
    json_name(&call->json, figure->name);
    json_object_begin(&call->json);
    json_name_real(&call->json, "estimate", figure->value);
    json_name_real(&call->json, "low", figure->low);
    json_name_real(&call->json, "high", figure->high);
    json_name_real(&call->json, "standard_error", figure->standard_error);
    json_name_real(&call->json, "value_low", figure->value_low);
    json_name_real(&call->json, "value_high", figure->value_high);
    json_name_real(&call->json, "bootstrap_low", figure->bootstrap_low);
    json_name_real(&call->json, "bootstrap_high", figure->bootstrap_high);
    json_object_end(&call->json);
}

static void figure_print(struct cli_call *call, const struct trial_figure *figure)
{
    if (call->is_json && figure->form == TRIAL_ESTIMATE)
        estimate_json(call, figure);
    else if (call->is_json && figure->form == TRIAL_FLAG)
        json_name_bool(&call->json, figure->name, figure->value > 0);
    else if (call->is_json)
        json_name_real(&call->json, figure->name, figure->value);
    else if (figure->has_interval)
        cli_line(call, "  %-28s %-12.6g %.6g .. %.6g", figure->name, figure->value, figure->low,
                 figure->high);
    else
        cli_line(call, "  %-28s %.6g", figure->name, figure->value);
}

/* What a person should know before he believes an off-policy estimate. */
static void warnings_print(struct cli_call *call, unsigned warnings)
{
    for (size_t n = 0; off_policy_warning_at(n) != OFF_POLICY_SOUND; n++) {
        enum off_policy_warning warning = off_policy_warning_at(n);
        if ((warnings & (unsigned)warning) != 0)
            cli_line(
                call, "  ! %s",
                cli_text(call, off_policy_warning_zh(warning), off_policy_warning_en(warning)));
    }
    if (!call->is_json || warnings == 0) return;
    json_name(&call->json, "warnings");
    json_array_begin(&call->json);
    for (size_t n = 0; off_policy_warning_at(n) != OFF_POLICY_SOUND; n++) {
        enum off_policy_warning warning = off_policy_warning_at(n);
        if ((warnings & (unsigned)warning) != 0)
            json_text(&call->json, cli_text(call, off_policy_warning_zh(warning),
                                            off_policy_warning_en(warning)));
    }
    json_array_end(&call->json);
}

/* The same names, with the ends of their intervals. */
static void intervals_json(struct cli_call *call, const struct trial_result *result)
{
    json_name(&call->json, "intervals");
    json_object_begin(&call->json);
    for (size_t i = 0; i < result->figure_count; i++) {
        if (!result->figures[i].has_interval) continue;
        json_name(&call->json, result->figures[i].name);
        json_array_begin(&call->json);
        json_number(&call->json, result->figures[i].low);
        json_number(&call->json, result->figures[i].high);
        json_array_end(&call->json);
    }
    json_object_end(&call->json);
}

static enum lx_err trial_once(struct cli_call *call, const struct trial_options *options,
                              struct lx_error *err)
{
    struct trial_result result = {0};
    enum lx_err code = trial_run(options, &call->env, &result, err);
    if (code != LX_OK) return code;

    if (call->is_json) json_name_text(&call->json, "trial", options->name);
    cli_count(call, "train_rows", "训练行", "rows trained on", (int64_t)result.train_rows);
    cli_count(call, "test_rows", "测试行", "rows tested on", (int64_t)result.test_rows);
    for (size_t i = 0; i < result.figure_count; i++) figure_print(call, &result.figures[i]);
    warnings_print(call, result.warnings);
    if (call->is_json) intervals_json(call, &result);
    cli_figure(call, "seconds", cli_seconds(call));
    return LX_OK;
}

static void difference_print(struct cli_call *call, const struct trial_difference *difference)
{
    cli_line(call, "  %-40s %10.4f %10.4f %10.4f %+10.4f  %+.4f .. %+.4f", difference->name,
             difference->popularity, difference->plain, difference->ours, difference->difference,
             difference->low, difference->high);
    if (!call->is_json) return;
    json_name(&call->json, difference->name);
    json_object_begin(&call->json);
    json_name_real(&call->json, "ours", difference->ours);
    json_name_real(&call->json, "plain", difference->plain);
    json_name_real(&call->json, "popularity", difference->popularity);
    json_name_real(&call->json, "difference", difference->difference);
    json_name_real(&call->json, "low", difference->low);
    json_name_real(&call->json, "high", difference->high);
    json_object_end(&call->json);
}

static enum lx_err trial_repeatedly(struct cli_call *call, const struct trial_options *options,
                                    int repeats, struct lx_error *err)
{
    struct trial_crossvalidation crossvalidation = {
        .name = options->name,
        .path = options->train,
        .repeats = repeats,
        .folds = FOLDS,
        .balance = options->balance,
        .seed = options->seed,
    };
    struct trial_comparison comparison = {0};
    enum lx_err code = trial_crossvalidate(&crossvalidation, &call->env, &comparison, err);
    if (code != LX_OK) return code;

    if (call->is_json) json_name_text(&call->json, "trial", options->name);
    cli_count(call, "rows", "行", "rows", (int64_t)comparison.rows);
    cli_count(call, "parts", "测试份数", "parts measured", (int64_t)comparison.part_count);
    cli_line(call, "  %-40s %10s %10s %10s %10s  95 %%", "", "popularity", "plain", "ours",
             "difference");
    for (size_t i = 0; i < comparison.figure_count; i++)
        difference_print(call, &comparison.figures[i]);
    cli_figure(call, "seconds", cli_seconds(call));
    return LX_OK;
}

enum lx_err cli_trial(struct cli_call *call, struct lx_error *err)
{
    struct trial_options options = {
        .name = call->arguments[0],
        .train = cli_value(call, "--train"),
        .test = cli_value(call, "--test"),
        .predictions = cli_value(call, "--predictions"),
    };
    int64_t seed, repeats;
    enum lx_err code = cli_int(call, "--seed", 0, INT64_MAX, 1, &seed, err);
    if (code == LX_OK) code = cli_int(call, "--crossvalidate", 1, REPEATS_MAX, 0, &repeats, err);
    if (code == LX_OK) code = cli_balance(call, &options.balance, err);
    if (code != LX_OK) return code;
    if (options.train == NULL)
        return lx_fail(err, LX_ERR_USAGE, "--train PATH names the training data");
    if ((options.test == NULL) == (repeats == 0))
        return lx_fail(err, LX_ERR_USAGE,
                       "either --test PATH, or --crossvalidate REPEATS on the training data");
    if (options.predictions != NULL && repeats > 0)
        return lx_fail(err, LX_ERR_USAGE, "--predictions FILE goes with --test PATH");
    options.seed = (uint64_t)seed;
    return repeats > 0 ? trial_repeatedly(call, &options, (int)repeats, err)
                       : trial_once(call, &options, err);
}
