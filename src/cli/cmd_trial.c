/* `trial`: a public data set end to end. */
#include "cli/cli.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

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

/* Figures of one group stand together: in JSON as an object of that name. */
static bool is_first_of_group(const char *group, const char *before)
{
    return group != NULL && (before == NULL || strcmp(group, before) != 0);
}

static void figure_line(struct cli_call *call, const struct trial_figure *figure)
{
    char name[64];
    snprintf(name, sizeof name, "%s%s%s", figure->group == NULL ? "" : figure->group,
             figure->group == NULL ? "" : ".", figure->name);
    if (figure->has_interval)
        cli_line(call, "  %-28s %-12.6g %.6g .. %.6g", name, figure->value, figure->low,
                 figure->high);
    else
        cli_line(call, "  %-28s %.6g", name, figure->value);
}

static void figure_print(struct cli_call *call, const struct trial_figure *figure)
{
    if (!call->is_json)
        figure_line(call, figure);
    else if (figure->form == TRIAL_ESTIMATE)
        estimate_json(call, figure);
    else if (figure->form == TRIAL_FLAG)
        json_name_bool(&call->json, figure->name, figure->value > 0);
    else
        json_name_real(&call->json, figure->name, figure->value);
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

/* The same names, with the ends of their intervals; those of one group, or of none. */
static void intervals_json(struct cli_call *call, const struct trial_figure *figures, size_t count)
{
    json_name(&call->json, "intervals");
    json_object_begin(&call->json);
    for (size_t i = 0; i < count; i++) {
        if (!figures[i].has_interval) continue;
        json_name(&call->json, figures[i].name);
        json_array_begin(&call->json);
        json_number(&call->json, figures[i].low);
        json_number(&call->json, figures[i].high);
        json_array_end(&call->json);
    }
    json_object_end(&call->json);
}

static void figures_print(struct cli_call *call, const struct trial_result *result)
{
    const struct trial_figure *figures = result->figures;
    size_t begin = 0;
    for (size_t i = 0; i < result->figure_count; i++) {
        const char *before = i == 0 ? NULL : figures[i - 1].group;
        bool is_last = i + 1 == result->figure_count ||
                       is_first_of_group(figures[i + 1].group, figures[i].group);
        if (i == 0 || is_first_of_group(figures[i].group, before)) {
            begin = i;
            if (call->is_json && figures[i].group != NULL) {
                json_name(&call->json, figures[i].group);
                json_object_begin(&call->json);
            }
        }
        figure_print(call, &figures[i]);
        if (!is_last || !call->is_json) continue;
        intervals_json(call, &figures[begin], i + 1 - begin);
        if (figures[i].group != NULL) json_object_end(&call->json);
    }
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
    figures_print(call, &result);
    warnings_print(call, result.warnings);
    cli_figure(call, "seconds", cli_seconds(call));
    return LX_OK;
}

static void difference_print(struct cli_call *call, const struct trial_difference *difference)
{
    char name[64];
    snprintf(name, sizeof name, "%s%s%s", difference->group == NULL ? "" : difference->group,
             difference->group == NULL ? "" : ".", difference->name);
    cli_line(call, "  %-40s %10.4f %10.4f %10.4f %+10.4f  %+.4f .. %+.4f", name,
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

static void method_print(struct cli_call *call, const struct trial_methods *methods, size_t figure)
{
    const char *name = methods->methods[0].figures[figure].name;
    cli_line(call, "%s", name);
    if (call->is_json) {
        json_name(&call->json, name);
        json_array_begin(&call->json);
    }
    for (int i = 0; i < SAMPLING_COUNT; i++) {
        const struct trial_method *method = &methods->methods[i];
        const struct trial_difference *found = &method->figures[figure];
        cli_line(call, "  %-18s %10.4f %+10.4f  %+.4f .. %+.4f %8.1f s",
                 sampling_name(method->balance), found->ours, found->difference, found->low,
                 found->high, method->seconds);
        if (!call->is_json) continue;
        json_object_begin(&call->json);
        json_name_text(&call->json, "balance", sampling_name(method->balance));
        json_name_real(&call->json, "value", found->ours);
        json_name_real(&call->json, "difference", found->difference);
        json_name_real(&call->json, "low", found->low);
        json_name_real(&call->json, "high", found->high);
        json_object_end(&call->json);
    }
    if (call->is_json) json_array_end(&call->json);
}

/* Every method beside none; the name is the data set's own. */
static enum lx_err trial_methods(struct cli_call *call, const struct trial_crossvalidation *options,
                                 struct lx_error *err)
{
    struct trial_methods *methods = lx_calloc(1, sizeof *methods);
    if (methods == NULL) return lx_fail(err, LX_ERR_NO_MEMORY, "trial: out of memory");
    enum lx_err code = trial_compare(options, &call->env, methods, err);
    if (code == LX_OK) {
        if (call->is_json) json_name_text(&call->json, "trial", options->name);
        cli_count(call, "rows", "行", "rows", (int64_t)methods->rows);
        cli_count(call, "parts", "测试份数", "parts measured", (int64_t)methods->part_count);
        cli_line(call, "  %-18s %10s %10s  95 %%", cli_text(call, "方法", "balance"),
                 cli_text(call, "值", "value"), cli_text(call, "减 none", "less none"));
        for (size_t i = 0; i < methods->figure_count; i++) method_print(call, methods, i);
        cli_figure(call, "seconds", cli_seconds(call));
    }
    lx_free(methods);
    return code;
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
    if (cli_flag(call, "--compare")) return trial_methods(call, &crossvalidation, err);
    enum lx_err code = trial_crossvalidate(&crossvalidation, &call->env, &comparison, err);
    if (code != LX_OK) return code;

    if (call->is_json) json_name_text(&call->json, "trial", options->name);
    cli_count(call, "rows", "行", "rows", (int64_t)comparison.rows);
    cli_count(call, "parts", "测试份数", "parts measured", (int64_t)comparison.part_count);
    cli_line(call, "  %-40s %10s %10s %10s %10s  95 %%", "", "popularity", "plain", "ours",
             "difference");
    for (size_t i = 0; i < comparison.figure_count; i++) {
        const char *group = comparison.figures[i].group;
        const char *before = i == 0 ? NULL : comparison.figures[i - 1].group;
        bool is_new = is_first_of_group(group, before);
        if (call->is_json && is_new && before != NULL) json_object_end(&call->json);
        if (call->is_json && is_new) {
            json_name(&call->json, group);
            json_object_begin(&call->json);
        }
        difference_print(call, &comparison.figures[i]);
    }
    if (call->is_json && comparison.figures[comparison.figure_count - 1].group != NULL)
        json_object_end(&call->json);
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
    if (cli_flag(call, "--compare") && repeats == 0)
        return lx_fail(err, LX_ERR_USAGE, "--compare goes with --crossvalidate REPEATS");
    if (options.predictions != NULL && repeats > 0)
        return lx_fail(err, LX_ERR_USAGE, "--predictions FILE goes with --test PATH");
    options.seed = (uint64_t)seed;
    return repeats > 0 ? trial_repeatedly(call, &options, (int)repeats, err)
                       : trial_once(call, &options, err);
}
