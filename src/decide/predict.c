#include "decide/predict.h"

#include <math.h>
#include <stdio.h>

#include "decide/decide.h"

/* A label, and the place of its product in the outlook. */
struct prediction {
    const struct view_label *label;
    const struct label_measure *measure;
    size_t place;
};

/* The first of the outlook is the likeliest. SIZE_MAX: none may be shown. */
static size_t likeliest(const struct decide_outlook *outlook, const struct view_subject *subject,
                        const struct bank_catalogue *catalogue)
{
    for (size_t i = 0; i < outlook->count; i++)
        if (view_subject_has(subject, catalogue, outlook->items[i].product)) return i;
    return SIZE_MAX;
}

/* Those that the customer has, the likeliest first. */
static size_t find_predictions(const struct decide_outlook *outlook,
                               const struct bank_catalogue *catalogue,
                               const struct view_labels *labels,
                               const struct label_measures *measures,
                               struct prediction *predictions)
{
    size_t count = 0;
    for (size_t i = 0; i < view_labels_count(labels); i++) {
        const struct view_label *label = view_labels_at(labels, i);
        struct expr_value value = {.is_null = false};
        if (label->output == VIEW_OUTPUT_NONE) continue;
        size_t place = likeliest(outlook, &label->model, catalogue), at = count;
        if (place == SIZE_MAX) continue;
        if (label->output == VIEW_OUTPUT_PROBABILITY)
            value.as.real = outlook->items[place].probability;
        else
            value.as.integer = outlook->items[place].score;
        if (!view_label_has(label, &value)) continue;
        for (; at > 0 && predictions[at - 1].place > place; at--)
            predictions[at] = predictions[at - 1];
        predictions[at] = (struct prediction){label, &measures->labels[i], place};
        count++;
    }
    return count;
}

/* The probability is the model's own and has its log-odds back. */
static void add_confidence(const struct label_measure *measure, struct portrait_label *label)
{
    double log_odds = log(label->probability / (1 - label->probability));
    const struct label_bin *bin = label_measure_bin(measure, log_odds);
    if (bin == NULL) return;
    label->confidence = bin->rate;
    label->confidence_low = bin->low;
    label->confidence_high = bin->high;
}

static const char *name_of(const char *name, const char *code)
{
    return name == NULL ? code : name;
}

static enum lx_err add_prediction(struct portrait *portrait, const struct prediction *prediction,
                                  const struct decide_outlook *outlook,
                                  const struct bank_catalogue *catalogue, struct lx_error *err)
{
    const struct view_label *label = prediction->label;
    int number = outlook->items[prediction->place].product;
    int score = outlook->items[prediction->place].score;
    const struct bank_product *product = &catalogue->products[number];
    char value[32], zh[256], en[256];
    double unknown = (double)NAN, probability = outlook->items[prediction->place].probability;
    const char *name_zh = name_of(product->zh, product->code);
    const char *name_en = name_of(product->en, product->code);
    snprintf(zh, sizeof zh, "%s（评分 %d）", name_zh, score);
    snprintf(en, sizeof en, "%s (score %d)", name_en, score);
    struct portrait_label added = {
        label->layer, label->name, label->zh, label->en, product->code, zh,
        en,           probability, unknown,   unknown,   unknown,
    };
    if (label->output == VIEW_OUTPUT_PROBABILITY) {
        snprintf(value, sizeof value, "%.9g", probability);
        snprintf(zh, sizeof zh, "%.2f%%（%s）", probability * 100, name_zh);
        snprintf(en, sizeof en, "%.2f%% (%s)", probability * 100, name_en);
        added.value = value;
    } else if (label->output == VIEW_OUTPUT_SCORE) {
        snprintf(value, sizeof value, "%d", score);
        snprintf(zh, sizeof zh, "%d分（%s）", score, name_zh);
        snprintf(en, sizeof en, "%d (%s)", score, name_en);
        added.value = value;
    }
    add_confidence(prediction->measure, &added);
    return portrait_add(portrait, &added, err);
}

enum lx_err decide_predict(struct engine *engine, const char *customer,
                           const struct view_labels *labels, const struct label_measures *measures,
                           struct portrait *portrait, struct lx_error *err)
{
    LX_ASSERT(engine != NULL && labels != NULL && measures != NULL && portrait != NULL);

    const struct bank_catalogue *catalogue = bank_catalogue(engine_bank(engine));
    struct prediction predictions[VIEW_LABELS_MAX];
    struct decide_outlook outlook;
    enum lx_err code = decide_outlook(engine, customer, &outlook, err);
    if (code != LX_OK || !outlook.is_personalised) return code;
    size_t count = find_predictions(&outlook, catalogue, labels, measures, predictions);
    for (size_t i = 0; i < count && code == LX_OK; i++)
        code = add_prediction(portrait, &predictions[i], &outlook, catalogue, err);
    return code;
}
