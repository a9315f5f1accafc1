/* `labels`: the definitions of what a relationship manager reads of a customer. */
#include "cli/cli.h"

#include "bank/bank.h"
#include "view/label_coverage.h"

static void print_definition(struct cli_call *call, const struct view_label *label)
{
    const char *title = cli_text(call, label->zh, label->en);
    cli_line(call, "  %-24s %s%s%s", label->name, title,
             label->owner[0] == '\0' ? "" : cli_text(call, "；负责人 ", "; owner "), label->owner);
    cli_line(call, "    %s%s%s", label->definition, label->threshold_text[0] == '\0' ? "" : " ",
             label->threshold_text);
    if (!call->is_json) return;

    struct json_writer *json = &call->json;
    json_name_text(json, "name", label->name);
    json_name_text(json, "layer", view_layer_text(label->layer));
    json_name_text(json, "zh", label->zh);
    json_name_text(json, "en", label->en);
    json_name_text(json, "type", view_label_type_text(label->type));
    json_name_text(json, "definition", label->definition);
    json_name_text(json, "threshold", label->threshold_text);
    json_name_text(json, "owner", label->owner);
    json_name_text(json, "lift_of", label->lift_of.text);
}

static void print_labels(struct cli_call *call, const struct view_labels *labels)
{
    if (call->is_json) {
        json_name(&call->json, "labels");
        json_array_begin(&call->json);
    }
    for (int layer = 0; layer < VIEW_LAYER_COUNT; layer++) {
        enum view_layer of = (enum view_layer)layer;
        cli_line(call, "%s", cli_text(call, view_layer_zh(of), view_layer_en(of)));
        for (size_t i = 0; i < view_labels_count(labels); i++) {
            if (view_labels_at(labels, i)->layer != of) continue;
            if (call->is_json) json_object_begin(&call->json);
            print_definition(call, view_labels_at(labels, i));
            if (call->is_json) json_object_end(&call->json);
        }
    }
    if (call->is_json) json_array_end(&call->json);
}

/* The values that it may have, for the reference. */
static void print_texts(struct cli_call *call, const struct view_label *label)
{
    const struct view_label_value *list = label->band_count > 0 ? label->bands : label->values;
    size_t count = label->band_count > 0 ? label->band_count : label->value_count;
    if (count == 0) return;
    cli_line(call, "\n`%s`: %s, %s\n", label->name, label->zh, label->en);
    cli_line(call, "| value | 中文 | English |");
    cli_line(call, "|---|---|---|");
    for (size_t i = 0; i < count; i++)
        cli_line(call, "| `%s` | %s | %s |", list[i].code, list[i].zh, list[i].en);
}

/* The second half of docs/reference/labels.md. */
static void print_markdown(struct cli_call *call, const struct view_labels *labels)
{
    for (int layer = 0; layer < VIEW_LAYER_COUNT; layer++) {
        enum view_layer of = (enum view_layer)layer;
        cli_line(call, "\n### %s · %s\n", view_layer_zh(of), view_layer_en(of));
        cli_line(call, "| name | 中文 | English | definition | threshold | type | owner |");
        cli_line(call, "|---|---|---|---|---|---|---|");
        for (size_t i = 0; i < view_labels_count(labels); i++) {
            const struct view_label *label = view_labels_at(labels, i);
            if (label->layer != of) continue;
            cli_line(call, "| `%s` | %s | %s | `%s` | %s | %s | %s |", label->name, label->zh,
                     label->en, label->definition, label->threshold_text,
                     view_label_type_text(label->type), label->owner);
        }
    }
    cli_line(call, "\n### 值 · values");
    for (size_t i = 0; i < view_labels_count(labels); i++)
        print_texts(call, view_labels_at(labels, i));
}

/* Where there is no bank yet those of the program. */
static enum lx_err print_shipped(struct cli_call *call, struct lx_error *err)
{
    const struct bank_catalogue no_products = {0};
    struct view_features *features = NULL;
    struct view_labels *labels = NULL;
    enum lx_err code = view_features_open_shipped(&features, err);
    if (code == LX_OK) code = view_labels_open_shipped(features, &no_products, &labels, err);
    if (code == LX_OK && cli_flag(call, "--markdown"))
        print_markdown(call, labels);
    else if (code == LX_OK)
        print_labels(call, labels);
    view_labels_close(labels);
    view_features_close(features);
    return code;
}

enum lx_err cli_labels(struct cli_call *call, struct lx_error *err)
{
    struct bank *bank = NULL;
    struct view_features *features = NULL;
    struct view_labels *labels = NULL;
    if (cli_flag(call, "--markdown")) return print_shipped(call, err);
    enum lx_err code = bank_open(call->folder, STORE_READ, &bank, err);
    if (code == LX_ERR_NOT_FOUND) return print_shipped(call, err);
    if (code == LX_OK) code = view_features_open(bank, &features, err);
    if (code == LX_OK)
        code = view_labels_open(call->folder, features, bank_catalogue(bank), &labels, err);
    if (code == LX_OK) print_labels(call, labels);
    view_labels_close(labels);
    view_features_close(features);
    bank_close(bank);
    return code;
}

/* --- Counted by refresh ---------------------------------------------------------------------- */

enum lx_err cli_labels_count(struct cli_call *call, size_t *ret_count, struct lx_error *err)
{
    struct bank *bank = NULL;
    struct view_snapshot *snapshot = NULL;
    struct view_labels *labels = NULL;
    enum lx_err code = view_label_coverage_forget(call->folder, err);
    *ret_count = 0;
    if (code == LX_OK) code = bank_open(call->folder, STORE_READ, &bank, err);
    if (code == LX_OK) code = view_snapshot_open(call->folder, &snapshot, err);
    if (code == LX_OK) {
        code = view_labels_open(call->folder, view_snapshot_features(snapshot),
                                bank_catalogue(bank), &labels, err);
        if (code == LX_OK) {
            code = view_label_coverage_count(call->folder, bank, labels, snapshot, &call->env,
                                             ret_count, err);
        } else if (code == LX_ERR_BAD_INPUT) { /* the snapshot is good, and decisions need it */
            call->env.message(call->env.context, err->text);
            code = LX_OK;
        }
    }
    view_labels_close(labels);
    view_snapshot_close(snapshot);
    bank_close(bank);
    return code;
}
