/* `model show`, `drift` and `score`: a card, what the model rests on, its inputs, everybody. */
#include "cli/cli.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "bank/bank.h"
#include "base/date.h"
#include "model/alarms.h"
#include "model/drift.h"
#include "model/everyone.h"
#include "model/registry.h"
#include "model/traits.h"
#include "view/features.h"

enum { TOP_MAX = LX_FEATURES_MAX, TOP = 15 };

void cli_alarms(struct cli_call *call, const struct alarms *alarms)
{
    if (call->is_json) {
        json_name(&call->json, "alarms");
        json_array_begin(&call->json);
    }
    for (size_t i = 0; i < alarms->count; i++) {
        enum alarm alarm = alarms->items[i].alarm;
        cli_line(call,
                 cli_text(call, "  ！%s：%s（%.4g，界限 %.4g）", "  ! %s: %s (%.4g, limit %.4g)"),
                 alarm_name(alarm), cli_text(call, alarm_zh(alarm), alarm_en(alarm)),
                 alarms->items[i].value, alarms->items[i].limit);
        if (!call->is_json) continue;
        json_object_begin(&call->json);
        json_name_text(&call->json, "name", alarm_name(alarm));
        json_name_text(&call->json, "zh", alarm_zh(alarm));
        json_name_text(&call->json, "en", alarm_en(alarm));
        json_name_real(&call->json, "value", alarms->items[i].value);
        json_name_real(&call->json, "threshold", alarms->items[i].limit);
        json_object_end(&call->json);
    }
    if (call->is_json)
        json_array_end(&call->json);
    else if (alarms->count == 0)
        cli_line(call, "  %s", cli_text(call, "无警报", "no alarms"));
}

/* What both need of the bank. */
struct place {
    char id[REGISTRY_ID_SIZE];
    struct view_features *features;
    int utc_offset_minutes;
};

static enum lx_err place_open(struct cli_call *call, const char *id, struct place *place,
                              struct lx_error *err)
{
    struct bank *bank = NULL;
    *place = (struct place){{0}};
    enum lx_err code = bank_open(call->folder, STORE_READ, &bank, err);
    if (code != LX_OK) return code;
    place->utc_offset_minutes = bank_utc_offset_minutes(bank);
    code = view_features_open(bank, &place->features, err);
    bank_close(bank);
    if (code == LX_OK && id == NULL) return registry_current(call->folder, place->id, err);
    if (code == LX_OK && strlen(id) >= sizeof place->id)
        return lx_fail(err, LX_ERR_USAGE, "model \"%.40s\": an id is 12 hex digits", id);
    if (code == LX_OK) memcpy(place->id, id, strlen(id) + 1);
    return code;
}

/* A feature's title; its name where today's features have none of it. */
static const char *title_of(const struct cli_call *call, const struct place *place,
                            const char *name)
{
    for (int scope = VIEW_CUSTOMER; scope <= VIEW_PAIR; scope++) {
        size_t at = view_features_find(place->features, (enum view_scope)scope, name);
        if (at == SIZE_MAX) continue;
        const struct view_feature *feature =
            view_features_at(place->features, (enum view_scope)scope, at);
        return cli_text(call, feature->zh, feature->en);
    }
    return name;
}

/* ---- Show ---- */

static void print_card(struct cli_call *call, const struct place *place,
                       const struct model_card *card)
{
    const struct quality *quality = &card->quality[QUALITY_BY_MODEL];
    char as_of[LX_DATE_TEXT_SIZE];
    lx_day_format(lx_day_of_ms(card->as_of_ms, place->utc_offset_minutes), as_of);
    cli_pair(call, cli_text(call, "模型", "model"), "%s", place->id);
    cli_pair(call, cli_text(call, "截至", "as of"), "%s", as_of);
    cli_pair(call, cli_text(call, "平衡方法", "balance"), "%s", sampling_name(card->balance));
    if (call->is_json) {
        json_name_text(&call->json, "model", place->id);
        json_name_text(&call->json, "as_of", as_of);
        json_name_text(&call->json, "balance", sampling_name(card->balance));
    }
    cli_count(call, "rows", "训练行", "rows fitted on", (int64_t)card->rows);
    cli_count(call, "positives", "其中正例", "of them positive", (int64_t)card->positives);
    cli_count(call, "features", "特征", "features", (int64_t)card->feature_count);
    cli_count(call, "quality_positives", "评估正例", "positives measured on",
              (int64_t)card->quality_positives);
    for (int i = 0; i < QUALITY_COUNT; i++)
        cli_figure(call, quality_name((enum quality_figure)i),
                   quality_value(quality, (enum quality_figure)i));
}

/* The group of --for; SIZE_MAX: there is none of that name. */
static size_t find_group(const struct model_traits *traits, const char *name)
{
    if (name == NULL) return 0;
    for (size_t i = 0; i < traits->product_count; i++)
        if (strcmp(traits->products[i], name) == 0) return 1 + i;
    for (size_t i = 0; i < TRAITS_SEGMENTS; i++)
        if (strcmp(traits_segment_name(i), name) == 0) return 1 + traits->product_count + i;
    return SIZE_MAX;
}

static void print_top(struct cli_call *call, const struct place *place,
                      const struct model_traits *traits, const struct importance_group *group,
                      enum importance_kind kind, size_t top)
{
    static const char *const zh[] = {"增益（训练时）", "SHAP（未见行）", "置换（PR-AUC 下降）"};
    static const char *const en[] = {"gain, at training", "SHAP, unseen rows",
                                     "permutation, PR-AUC lost"};
    uint16_t order[LX_FEATURES_MAX];
    importance_order(group, kind, traits->column_count, order);
    cli_line(call, "%s", cli_text(call, zh[kind], en[kind]));
    if (call->is_json) {
        json_name(&call->json, importance_kind_name(kind));
        json_array_begin(&call->json);
    }
    for (size_t i = 0; i < top && i < traits->column_count; i++) {
        double value = group->values[kind][order[i]];
        const char *name = traits->names[order[i]];
        if (isnan(value)) {
            if (i == 0) cli_line(call, "  %s", cli_text(call, "正例太少", "too few positives"));
            break;
        }
        cli_line(call, "  %8.4f  %-32s %s", value, name, title_of(call, place, name));
        if (!call->is_json) continue;
        json_object_begin(&call->json);
        json_name_text(&call->json, "feature", name);
        json_name_text(&call->json, "title", title_of(call, place, name));
        json_name_real(&call->json, "value", value);
        json_object_end(&call->json);
    }
    if (call->is_json) json_array_end(&call->json);
}

static enum lx_err print_importance(struct cli_call *call, const struct place *place, size_t top,
                                    struct lx_error *err)
{
    struct model_traits traits = {0};
    const char *wanted = cli_value(call, "--for");
    enum lx_err code = registry_traits(call->folder, place->id, &traits, err);
    if (code != LX_OK) return code;
    size_t group = find_group(&traits, wanted);
    if (group == SIZE_MAX)
        code = lx_fail(err, LX_ERR_USAGE,
                       "--for %.40s: neither a product of the model nor one of age_below_30, "
                       "age_30_45, age_45_60, age_60_up, age_unknown",
                       wanted);
    if (code == LX_OK && group >= traits.importance.group_count)
        code = lx_fail(err, LX_ERR_NOT_READY, "model %s: it has no importances", place->id);
    if (code == LX_OK) {
        const struct importance_group *found = &traits.importance.groups[group];
        if (call->is_json) {
            json_name(&call->json, "importance");
            json_object_begin(&call->json);
            if (wanted != NULL) json_name_text(&call->json, "for", wanted);
            json_name_int(&call->json, "rows", (int64_t)found->rows);
            json_name_int(&call->json, "positives", (int64_t)found->positives);
        }
        cli_line(call,
                 cli_text(call, "重要性：%" PRIu64 " 行，其中正例 %" PRIu64,
                          "importances over %" PRIu64 " rows, %" PRIu64 " of them positive"),
                 found->rows, found->positives);
        for (int kind = 0; kind < IMPORTANCE_KINDS; kind++)
            print_top(call, place, &traits, found, (enum importance_kind)kind, top);
        if (call->is_json) json_object_end(&call->json);
    }
    traits_release(&traits);
    return code;
}

enum lx_err cli_model_show(struct cli_call *call, const char *id, struct lx_error *err)
{
    struct place place;
    struct model_card card;
    struct alarm_limits limits;
    struct alarms alarms = {.count = 0};
    int64_t top;
    enum lx_err code = place_open(call, id, &place, err);
    if (code == LX_OK) code = cli_int(call, "--top", 1, TOP_MAX, TOP, &top, err);
    if (code == LX_OK) code = registry_card(call->folder, place.id, &card, err);
    if (code == LX_OK) code = alarm_limits_read(call->folder, &limits, err);
    if (code == LX_OK) {
        alarms_add_quality(&alarms, &limits, &card.quality[QUALITY_BY_MODEL],
                           card.quality_positives);
        code = alarms_add_answers(&alarms, &limits, call->folder, err);
    }
    if (code == LX_OK) {
        print_card(call, &place, &card);
        cli_alarms(call, &alarms);
    }
    if (code == LX_OK && (cli_flag(call, "--importance") || cli_value(call, "--for") != NULL))
        code = print_importance(call, &place, (size_t)top, err);
    view_features_close(place.features);
    return code;
}

/* ---- Drift ---- */

static const char *grade_text(const struct cli_call *call, double psi)
{
    enum psi_grade grade = psi_grade_of(psi);
    if (grade == PSI_STABLE) return "";
    return grade == PSI_IS_TO_ACT ? cli_text(call, "须处理", "act")
                                  : cli_text(call, "须查看", "look");
}

static void print_inputs(struct cli_call *call, const struct place *place,
                         const struct drift *drift, size_t top)
{
    if (call->is_json) {
        json_name(&call->json, "inputs");
        json_array_begin(&call->json);
    }
    cli_line(call, "  %8s %9s %9s  %s", "PSI", cli_text(call, "原缺失", "missing"),
             cli_text(call, "今缺失", "now"), cli_text(call, "特征", "feature"));
    for (size_t i = 0; i < drift->input_count && (i < top || call->is_json); i++) {
        const struct drift_input *input = &drift->inputs[i];
        cli_line(call, "  %8.4f %9.4f %9.4f  %-32s %s  %s", input->psi, input->missing_before,
                 input->missing_after, input->feature, title_of(call, place, input->feature),
                 grade_text(call, input->psi));
        if (!call->is_json) continue;
        json_object_begin(&call->json);
        json_name_text(&call->json, "feature", input->feature);
        json_name_real(&call->json, "psi", input->psi);
        json_name_text(&call->json, "grade", psi_grade_name(psi_grade_of(input->psi)));
        json_name_real(&call->json, "missing_before", input->missing_before);
        json_name_real(&call->json, "missing_after", input->missing_after);
        json_object_end(&call->json);
    }
    if (call->is_json) json_array_end(&call->json);
}

static void print_drift(struct cli_call *call, const struct place *place, const struct drift *drift,
                        const struct alarms *alarms, size_t top)
{
    char before[LX_DATE_TEXT_SIZE], after[LX_DATE_TEXT_SIZE];
    lx_day_format(lx_day_of_ms(drift->before_ms, place->utc_offset_minutes), before);
    lx_day_format(lx_day_of_ms(drift->after_ms, place->utc_offset_minutes), after);
    cli_pair(call, cli_text(call, "模型", "model"), "%s", drift->model);
    cli_pair(call, cli_text(call, "训练时点", "at training"), "%s", before);
    cli_pair(call, cli_text(call, "当前快照", "snapshot"), "%s", after);
    if (call->is_json) {
        json_name_text(&call->json, "model", drift->model);
        json_name_text(&call->json, "before", before);
        json_name_text(&call->json, "after", after);
    }
    cli_count(call, "before_rows", "训练时客户", "customers then", (int64_t)drift->before_rows);
    cli_count(call, "after_rows", "今日客户", "customers now", (int64_t)drift->after_rows);
    cli_count(call, "look", "须查看的特征", "features to look at", (int64_t)drift->look_count);
    cli_count(call, "act", "须处理的特征", "features to act on", (int64_t)drift->act_count);
    cli_figure(call, "psi_scores", drift->scores);
    print_inputs(call, place, drift, top);
    cli_alarms(call, alarms);
    cli_figure(call, "seconds", cli_seconds(call));
}

enum lx_err cli_model_drift(struct cli_call *call, const char *id, struct lx_error *err)
{
    struct place place;
    struct drift drift = {{0}};
    struct alarm_limits limits;
    struct alarms alarms = {.count = 0};
    int64_t top;
    enum lx_err code = place_open(call, id, &place, err);
    if (code == LX_OK) code = cli_int(call, "--top", 1, TOP_MAX, TOP, &top, err);
    if (code == LX_OK) code = alarm_limits_read(call->folder, &limits, err);
    if (code == LX_OK) code = drift_measure(call->folder, place.id, &drift, err);
    if (code == LX_OK) {
        drift_alarms(&drift, &limits, &alarms);
        print_drift(call, &place, &drift, &alarms, (size_t)top);
    }
    drift_release(&drift);
    view_features_close(place.features);
    return code;
}

/* ---- Score ---- */

enum lx_err cli_model_score(struct cli_call *call, const char *id, struct lx_error *err)
{
    struct place place;
    struct everyone everyone;
    enum lx_err code = place_open(call, id, &place, err);
    if (code == LX_OK) code = everyone_score(call->folder, place.id, &call->env, &everyone, err);
    if (code == LX_OK) {
        cli_pair(call, cli_text(call, "模型", "model"), "%s", everyone.model);
        if (call->is_json) json_name_text(&call->json, "model", everyone.model);
        cli_count(call, "customers", "客户", "customers", (int64_t)everyone.customers);
        cli_count(call, "pairs", "客户-产品对", "pairs scored", (int64_t)everyone.pairs);
        cli_figure(call, "openings", everyone.openings);
        cli_figure(call, "seconds", everyone.seconds);
    }
    view_features_close(place.features);
    return code;
}
