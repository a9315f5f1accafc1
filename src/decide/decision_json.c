#include "decide/decision_json.h"

static void reasons_json(struct json_writer *json, const struct decision_item *item)
{
    json_name(json, "reasons");
    json_array_begin(json);
    for (size_t i = 0; i < item->reason_count; i++) {
        const struct decision_reason *reason = &item->reasons[i];
        json_object_begin(json);
        json_name_text(json, "zh", reason->zh);
        json_name_text(json, "en", reason->en);
        json_name_text(json, "feature", reason->feature);
        json_name_real(json, "weight", reason->weight);
        json_object_end(json);
    }
    json_array_end(json);
}

static void factors_json(struct json_writer *json, const struct decision_factors *factors)
{
    json_name(json, "factors");
    json_object_begin(json);
    json_name_real(json, "probability", factors->probability);
    json_name_real(json, "value", factors->value);
    json_name_real(json, "context", factors->context);
    json_name_real(json, "lever", factors->lever);
    json_name_real(json, "priority", factors->priority);
    json_object_end(json);
}

static void item_json(struct json_writer *json, const struct decision_item *item, bool is_english)
{
    json_object_begin(json);
    json_name_text(json, "product", item->product);
    json_name_text(json, "name", is_english ? item->en : item->zh);
    json_name_text(json, "name_zh", item->zh);
    json_name_text(json, "name_en", item->en);
    json_name_int(json, "score", item->score);
    json_name_real(json, "probability", item->probability);
    json_name_real(json, "show_probability", item->show_probability);
    json_name_text(json, "place", item->place);
    factors_json(json, &item->factors);
    reasons_json(json, item);
    if (item->answer != BANK_ANSWER_NONE)
        json_name_text(json, "answer", bank_answer_text(item->answer));
    json_object_end(json);
}

void decision_json(struct json_writer *json, const struct decision *decision, bool is_english)
{
    json_name_text(json, "decision", decision->id);
    if (decision->parent[0] != '\0') json_name_text(json, "parent", decision->parent);
    json_name_text(json, "customer", decision->customer);
    json_name_int(json, "round", decision->round);
    json_name_bool(json, "final", decision->is_final);
    json_name_bool(json, "personalised", decision->is_personalised);
    json_name_text(json, "placement", decision->placement);
    json_name(json, "items");
    json_array_begin(json);
    for (size_t i = 0; i < decision->item_count; i++)
        item_json(json, &decision->items[i], is_english);
    json_array_end(json);
    json_name(json, "refused");
    json_array_begin(json);
    for (size_t i = 0; i < decision->refused_count; i++) {
        json_object_begin(json);
        json_name_text(json, "product", decision->refused[i].product);
        json_name_text(json, "rule", decision->refused[i].rule);
        json_name_text(json, "stage", decision->refused[i].stage);
        json_name_text(json, "zh", decision->refused[i].zh);
        json_name_text(json, "en", decision->refused[i].en);
        json_object_end(json);
    }
    json_array_end(json);
    json_name(json, "drops");
    json_object_begin(json);
    for (int i = 1; i < RULE_STAGE_END; i++)
        json_name_int(json, rule_stage_text((enum rule_stage)i), (int64_t)decision->drops[i]);
    json_object_end(json);
    json_name_text(json, "model", decision->model);
    json_name_text(json, "rules", decision->rules);
}
