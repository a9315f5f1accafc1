#include "model/trial_figures.h"

#include <math.h>

#include "learn/metrics.h"

enum lx_err trial_cases_init(struct trial_cases *cases, size_t count)
{
    size_t room = count > 0 ? count : 1;
    *cases = (struct trial_cases){.count = count};
    cases->scores = lx_calloc(room, sizeof *cases->scores);
    cases->labels = lx_calloc(room, 1);
    cases->values = lx_calloc(room * TRIAL_VALUES_MAX, sizeof *cases->values);
    if (cases->scores != NULL && cases->labels != NULL && cases->values != NULL) return LX_OK;
    trial_cases_release(cases);
    return LX_ERR_NO_MEMORY;
}

void trial_cases_release(struct trial_cases *cases)
{
    lx_free(cases->scores);
    lx_free(cases->labels);
    lx_free(cases->values);
    *cases = (struct trial_cases){0};
}

void trial_cases_single(const struct trial_predictions *predictions, struct trial_cases *cases)
{
    for (size_t i = 0; i < predictions->case_count; i++) {
        LX_ASSERT(predictions->case_ends[i] == i + 1);
        cases->scores[i] = predictions->scores[i];
        cases->labels[i] = predictions->labels[i];
    }
}

static double mean_of(const struct trial_cases *cases, size_t value)
{
    double sum = 0, count = 0;
    for (size_t i = 0; i < cases->count; i++) {
        double x = cases->values[i * TRIAL_VALUES_MAX + value];
        if (isnan(x)) continue;
        sum += x;
        count++;
    }
    return count > 0 ? sum / count : NAN;
}

static enum lx_err top(const struct trial_definition *definition, const struct trial_cases *cases,
                       bool is_fold, double *ret_value)
{
    double scale = is_fold ? (double)cases->count / (double)definition->usual_cases : 1, hits = 0;
    size_t k = (size_t)llround((double)definition->parameter * scale);
    enum lx_err code = metric_hits_at(cases->scores, cases->labels, cases->count, k, &hits);
    if (code == LX_OK) *ret_value = hits / scale;
    return code;
}

static enum lx_err calibration(const struct trial_definition *definition,
                               const struct trial_cases *cases, double *ret_value)
{
    struct metric_calibration figures;
    enum lx_err code = metric_calibration(cases->scores, cases->labels, cases->count, &figures);
    if (code != LX_OK) return code;
    *ret_value = definition->source == TRIAL_ECE ? figures.ece
                 : definition->source == TRIAL_OVER_EXPECTED_10
                     ? figures.observed_over_expected_top10
                     : figures.observed_over_expected_top1;
    return LX_OK;
}

/* NaN where nothing is left to gain. */
static double captured(const struct trial_definition *definition, const struct trial_cases *cases)
{
    double from = mean_of(cases, definition->parameter);
    double gain = mean_of(cases, definition->parameter + 1) - from;
    double room = mean_of(cases, definition->parameter + 2) - from;
    return room > 0 ? gain / room : NAN;
}

enum lx_err trial_figure_of(const struct trial_definition *definition,
                            const struct trial_cases *cases,
                            const struct trial_predictions *predictions, bool is_fold,
                            double *ret_value)
{
    const double *scores = cases->scores;
    const uint8_t *labels = cases->labels;
    double positives = 0;
    switch (definition->source) {
    case TRIAL_PR_AUC: return metric_pr_auc(scores, labels, NULL, cases->count, ret_value);
    case TRIAL_ROC_AUC: return metric_roc_auc(scores, labels, NULL, cases->count, ret_value);
    case TRIAL_TOP: return top(definition, cases, is_fold, ret_value);
    case TRIAL_ECE:
    case TRIAL_OVER_EXPECTED_10:
    case TRIAL_OVER_EXPECTED_1: return calibration(definition, cases, ret_value);
    case TRIAL_POSITIVES:
        for (size_t i = 0; i < cases->count; i++) positives += labels[i];
        *ret_value = positives;
        return LX_OK;
    case TRIAL_MEAN: *ret_value = mean_of(cases, definition->parameter); return LX_OK;
    case TRIAL_RATIO:
        *ret_value =
            mean_of(cases, definition->parameter + 1) / mean_of(cases, definition->parameter);
        return LX_OK;
    case TRIAL_CAPTURED: *ret_value = captured(definition, cases); return LX_OK;
    case TRIAL_GIVEN: *ret_value = predictions->given[definition->parameter]; return LX_OK;
    }
    lx_bug(__FILE__, __LINE__, "source of a figure");
}

/* What a resample is gathered into. */
struct resample {
    const struct trial_definition *definition;
    const struct trial_cases *cases;
    struct trial_cases drawn;
    enum lx_err failure;
};

static double figure_of_units(void *context, const uint32_t *units, size_t count)
{
    struct resample *resample = context;
    for (size_t i = 0; i < count; i++) {
        size_t from = units[i];
        resample->drawn.scores[i] = resample->cases->scores[from];
        resample->drawn.labels[i] = resample->cases->labels[from];
        for (size_t v = 0; v < TRIAL_VALUES_MAX; v++)
            resample->drawn.values[i * TRIAL_VALUES_MAX + v] =
                resample->cases->values[from * TRIAL_VALUES_MAX + v];
    }
    double value = NAN;
    enum lx_err code = trial_figure_of(resample->definition, &resample->drawn, NULL, false, &value);
    if (code != LX_OK) resample->failure = code;
    return value;
}

enum lx_err trial_figure_interval(const struct trial_definition *definition,
                                  const struct trial_cases *cases,
                                  const struct trial_predictions *predictions, int resamples,
                                  uint64_t seed, struct trial_figure *ret_figure)
{
    struct trial_figure figure = {
        .name = definition->name, .form = definition->form, .low = NAN, .high = NAN};
    enum lx_err code = trial_figure_of(definition, cases, predictions, false, &figure.value);
    bool is_fixed = definition->source == TRIAL_GIVEN || definition->source == TRIAL_POSITIVES;
    if (code != LX_OK || resamples < 0 || is_fixed || cases->count == 0) {
        if (code == LX_OK) *ret_figure = figure;
        return code;
    }
    struct resample resample = {.definition = definition, .cases = cases};
    struct metric_interval interval;
    code = trial_cases_init(&resample.drawn, cases->count);
    if (code == LX_OK)
        code =
            metric_bootstrap(cases->count, resamples, seed, figure_of_units, &resample, &interval);
    if (code == LX_OK) code = resample.failure;
    trial_cases_release(&resample.drawn);
    if (code != LX_OK) return code;
    figure.has_interval = true;
    figure.low = interval.low;
    figure.high = interval.high;
    *ret_figure = figure;
    return LX_OK;
}
