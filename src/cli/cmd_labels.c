/* `labels`: what a relationship manager reads of a customer: definitions, how many have each, what
 * each is worth. */
#include "cli/cli.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "base/date.h"
#include "host/lock.h"
#include "model/label_measure.h"
#include "view/label_coverage.h"

/* What is known of the labels. */
struct listing {
    struct view_labels *labels;
    struct view_label_coverage coverage[VIEW_LABELS_MAX];
    struct label_measures measures;
};

/* By the snapshot; of what is not counted there, at the month ends that it was measured at. */
static void print_coverage(struct cli_call *call, const struct listing *listing, size_t place)
{
    const struct view_label_coverage *counted = &listing->coverage[place];
    const struct label_measure *measured = &listing->measures.labels[place];
    bool is_counted = counted->is_known && counted->customers > 0;
    if (!is_counted && !measured->is_known) return;
    uint64_t have = is_counted ? counted->have : measured->have;
    uint64_t all = is_counted ? counted->customers : measured->cases;
    double share = (double)have / (double)all;
    cli_line(call, "    %s %.3f%% (%" PRIu64 " / %" PRIu64 ")%s",
             cli_text(call, "覆盖", "coverage"), share * 100, have, all,
             is_counted ? "" : cli_text(call, "，月末实测", ", at month ends"));
    if (!call->is_json) return;
    json_name_real(&call->json, "coverage", share);
    json_name_int(&call->json, "coverage_have", (int64_t)have);
    json_name_int(&call->json, "coverage_customers", (int64_t)all);
    json_name_text(&call->json, "coverage_of", is_counted ? "snapshot" : "month_ends");
}

static void print_lift(struct cli_call *call, const struct label_measure *measure)
{
    const struct label_lift *lift = &measure->lift;
    if (!measure->is_known || !measure->has_lift || isnan(lift->lift)) return;
    cli_line(call, "    %s %.2f (%.2f..%.2f)%s %" PRIu64 " / %" PRIu64,
             cli_text(call, "提升", "lift"), lift->lift, lift->low, lift->high,
             cli_text(call, "；有此标签者30天内开通", "; with the label opened within 30 days"),
             measure->have_openings, measure->have);
    if (!call->is_json) return;
    json_name_real(&call->json, "lift", lift->lift);
    json_name_real(&call->json, "lift_low", lift->low);
    json_name_real(&call->json, "lift_high", lift->high);
    json_name_int(&call->json, "lift_customers", (int64_t)measure->customers);
    json_name_int(&call->json, "lift_cases", (int64_t)measure->cases);
    json_name_int(&call->json, "lift_have", (int64_t)measure->have);
    json_name_int(&call->json, "lift_openings", (int64_t)measure->openings);
    json_name_int(&call->json, "lift_have_openings", (int64_t)measure->have_openings);
}

/* What confidence is read from. */
static void print_bins(struct cli_call *call, const struct label_measure *measure)
{
    struct json_writer *json = &call->json;
    if (!call->is_json || measure->bin_count == 0) return;
    json_name(json, "confidence");
    json_array_begin(json);
    for (size_t i = 0; i < measure->bin_count; i++) {
        const struct label_bin *bin = &measure->bins[i];
        json_object_begin(json);
        json_name_real(json, "from_probability",
                       isinf(bin->from) ? 0 : model_probability(bin->from));
        json_name_int(json, "pairs", (int64_t)bin->rows);
        json_name_int(json, "openings", (int64_t)bin->openings);
        json_name_real(json, "rate", bin->rate);
        json_name_real(json, "low", bin->low);
        json_name_real(json, "high", bin->high);
        json_object_end(json);
    }
    json_array_end(json);
}

static void print_label(struct cli_call *call, const struct listing *listing, size_t place)
{
    const struct view_label *label = view_labels_at(listing->labels, place);
    struct json_writer *json = &call->json;
    if (call->is_json) {
        json_object_begin(json);
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
    cli_line(call, "  %-24s %s%s%s", label->name, cli_text(call, label->zh, label->en),
             label->owner[0] == '\0' ? "" : cli_text(call, "；负责人 ", "; owner "), label->owner);
    cli_line(call, "    %s%s%s", label->definition, label->threshold_text[0] == '\0' ? "" : " ",
             label->threshold_text);
    print_coverage(call, listing, place);
    print_lift(call, &listing->measures.labels[place]);
    print_bins(call, &listing->measures.labels[place]);
    if (call->is_json) json_object_end(json);
}

static void print_months(struct cli_call *call, const struct label_measures *measures)
{
    char from[LX_DATE_TEXT_SIZE], to[LX_DATE_TEXT_SIZE];
    bool is_known = false;
    for (size_t i = 0; i < measures->count; i++) is_known |= measures->labels[i].is_known;
    if (!is_known) return;
    lx_day_format(measures->from_day, from);
    lx_day_format(measures->to_day, to);
    cli_pair(call, cli_text(call, "提升的实测月末", "month ends of lift"), "%s .. %s", from, to);
    if (!call->is_json) return;
    json_name_text(&call->json, "measured_from", from);
    json_name_text(&call->json, "measured_to", to);
}

static void print_labels(struct cli_call *call, const struct listing *listing)
{
    print_months(call, &listing->measures);
    if (call->is_json) {
        json_name(&call->json, "labels");
        json_array_begin(&call->json);
    }
    for (int layer = 0; layer < VIEW_LAYER_COUNT; layer++) {
        enum view_layer of = (enum view_layer)layer;
        cli_line(call, "%s", cli_text(call, view_layer_zh(of), view_layer_en(of)));
        for (size_t i = 0; i < view_labels_count(listing->labels); i++)
            if (view_labels_at(listing->labels, i)->layer == of) print_label(call, listing, i);
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
static enum lx_err print_shipped(struct cli_call *call, struct listing *listing,
                                 struct lx_error *err)
{
    const struct bank_catalogue no_products = {0};
    struct view_features *features = NULL;
    enum lx_err code = view_features_open_shipped(&features, err);
    if (code == LX_OK)
        code = view_labels_open_shipped(features, &no_products, &listing->labels, err);
    if (code == LX_OK && cli_flag(call, "--markdown"))
        print_markdown(call, listing->labels);
    else if (code == LX_OK)
        print_labels(call, listing);
    view_labels_close(listing->labels);
    view_features_close(features);
    return code;
}

/* What refresh counted and train measured; a bank may have neither yet. */
static enum lx_err read_figures(struct cli_call *call, struct listing *listing,
                                struct lx_error *err)
{
    struct view_snapshot *snapshot = NULL;
    char model[REGISTRY_ID_SIZE];
    enum lx_err code = view_snapshot_open(call->folder, &snapshot, err);
    if (code == LX_OK)
        code = view_label_coverage_read(call->folder, listing->labels, snapshot, listing->coverage,
                                        err);
    view_snapshot_close(snapshot);
    if (code != LX_OK && code != LX_ERR_NOT_READY) return code;
    code = registry_current(call->folder, model, err);
    if (code == LX_OK)
        code = label_measures_read(call->folder, model, listing->labels, &listing->measures, err);
    return code == LX_ERR_NOT_READY ? LX_OK : code;
}

static enum lx_err measure_again(struct cli_call *call, struct listing *listing,
                                 struct lx_error *err)
{
    struct host_lock lock = {-1};
    enum lx_err code = host_lock_take(call->folder, true, &lock, err);
    if (code == LX_OK)
        code = label_measure_model(call->folder, NULL, &call->env, &listing->measures, err);
    host_lock_release(&lock);
    return code;
}

static enum lx_err print_bank(struct cli_call *call, struct bank *bank, struct listing *listing,
                              struct lx_error *err)
{
    struct view_features *features = NULL;
    enum lx_err code = view_features_open(bank, &features, err);
    if (code == LX_OK)
        code =
            view_labels_open(call->folder, features, bank_catalogue(bank), &listing->labels, err);
    if (code == LX_OK && cli_flag(call, "--measure")) code = measure_again(call, listing, err);
    if (code == LX_OK) code = read_figures(call, listing, err);
    if (code == LX_OK) print_labels(call, listing);
    view_labels_close(listing->labels);
    view_features_close(features);
    return code;
}

enum lx_err cli_labels(struct cli_call *call, struct lx_error *err)
{
    struct listing *listing = lx_calloc(1, sizeof *listing);
    struct bank *bank = NULL;
    if (listing == NULL) return lx_fail(err, LX_ERR_NO_MEMORY, "labels: out of memory");
    bool is_shipped = cli_flag(call, "--markdown");
    enum lx_err code = is_shipped ? LX_OK : bank_open(call->folder, STORE_READ, &bank, err);
    if (is_shipped || (code == LX_ERR_NOT_FOUND && !cli_flag(call, "--measure")))
        code = print_shipped(call, listing, err);
    else if (code == LX_OK)
        code = print_bank(call, bank, listing, err);
    bank_close(bank);
    lx_free(listing);
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
