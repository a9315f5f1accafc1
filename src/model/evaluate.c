#include "model/evaluate.h"

#include <math.h>
#include <string.h>

#include "base/date.h"
#include "learn/metrics.h"
#include "model/fit.h"
#include "model/train.h"

enum { LATER_MOMENTS_MAX = 3 };

/* The newest month ends after everything that the model was fitted or calibrated on. */
static enum lx_err find_later(const char *folder, const struct model_card *card,
                              struct rows_moments *ret_later, struct lx_error *err)
{
    size_t used = card->fit_count + card->calibration_count;
    int64_t after_ms =
        used > 0 ? card->moments_ms[used - 1] + ROWS_HORIZON_DAYS * LX_MS_PER_DAY : INT64_MIN;
    struct rows_moments moments;
    enum lx_err code = rows_moments_find(folder, BANK_UNKNOWN_MS, LATER_MOMENTS_MAX, &moments, err);
    if (code != LX_OK) return code;
    size_t first = 0;
    while (first < moments.count && moments.as_of_ms[first] < after_ms) first++;
    if (first == moments.count)
        return lx_fail(err, LX_ERR_NOT_READY,
                       "evaluate: the bank has no month after the model's last one whose %d days "
                       "are over: import newer data",
                       ROWS_HORIZON_DAYS);
    *ret_later = (struct rows_moments){.count = moments.count - first,
                                       .complete_until_ms = moments.complete_until_ms};
    memcpy(ret_later->as_of_ms, moments.as_of_ms + first,
           ret_later->count * sizeof *ret_later->as_of_ms);
    return LX_OK;
}

/* All rows of one product put together. */
struct product_rows {
    double *scores;
    uint8_t *labels;
    size_t count;
    double probability_sum;
};

static enum lx_err measure_product(const struct scored *scored,
                                   const struct calibration *calibration, size_t product,
                                   struct product_rows *rows, struct evaluate_product *ret_product)
{
    rows->count = 0;
    rows->probability_sum = 0;
    ret_product->positives = 0;
    for (size_t i = 0; i < scored->count; i++) {
        if (scored->products[i] != product) continue;
        double probability = calibration_probability(calibration, (double)scored->margins[i]);
        rows->scores[rows->count] = probability;
        rows->labels[rows->count++] = scored->labels[i];
        rows->probability_sum += probability;
        ret_product->positives += scored->labels[i];
    }
    double count = (double)rows->count;
    ret_product->rows = rows->count;
    ret_product->probability = count > 0 ? rows->probability_sum / count : NAN;
    ret_product->rate = count > 0 ? (double)ret_product->positives / count : NAN;
    return metric_roc_auc(rows->scores, rows->labels, NULL, rows->count, &ret_product->roc_auc);
}

static enum lx_err measure_products(const char *folder, const struct scored *scored,
                                    const struct calibration *calibration,
                                    struct evaluate_result *result, struct lx_error *err)
{
    struct bank *bank = NULL;
    struct product_rows rows = {0};
    enum lx_err code = bank_open(folder, STORE_READ, &bank, err);
    if (code != LX_OK) return code;
    rows.scores = lx_malloc((scored->count + 1) * sizeof *rows.scores);
    rows.labels = lx_malloc(scored->count + 1);
    result->products = lx_calloc(scored->product_count + 1, sizeof *result->products);
    if (rows.scores == NULL || rows.labels == NULL || result->products == NULL)
        code = LX_ERR_NO_MEMORY;
    for (size_t i = 0; code == LX_OK && i < scored->product_count; i++) {
        struct evaluate_product *product = &result->products[result->product_count++];
        memcpy(product->code, bank_catalogue(bank)->products[i].code, sizeof product->code);
        code = measure_product(scored, calibration, i, &rows, product);
    }
    bank_close(bank);
    lx_free(rows.scores);
    lx_free(rows.labels);
    return code == LX_OK ? LX_OK : lx_fail(err, code, "evaluate: out of memory");
}

/* What evaluate works with. */
struct evaluation {
    struct view_features *features;
    struct model *model;
    struct rows_moments later;
    struct view_peers *peers[LATER_MOMENTS_MAX];
    struct scored scored;
    int utc_offset_minutes;
};

static void evaluation_release(struct evaluation *evaluation)
{
    for (size_t i = 0; i < LATER_MOMENTS_MAX; i++)
        if (evaluation->peers[i] != NULL) view_peers_close(evaluation->peers[i]);
    scored_release(&evaluation->scored);
    model_close(evaluation->model);
    view_features_close(evaluation->features);
}

static enum lx_err evaluation_score(const char *folder, const struct evaluate_options *options,
                                    const struct lx_env *env, struct evaluation *evaluation,
                                    struct lx_error *err)
{
    size_t customers_max =
        options->customers_max > 0 ? options->customers_max : TRAIN_CUSTOMERS_MAX;
    struct bank *bank = NULL;
    enum lx_err code = bank_open(folder, STORE_READ, &bank, err);
    if (code != LX_OK) return code;
    evaluation->utc_offset_minutes = bank_utc_offset_minutes(bank);
    code = view_features_open(bank, &evaluation->features, err);
    bank_close(bank);
    if (code == LX_OK)
        code = model_open(folder, NULL, evaluation->features, &evaluation->model, err);
    if (code == LX_OK)
        code = find_later(folder, model_card(evaluation->model), &evaluation->later, err);
    if (code == LX_OK)
        code = view_peers_build_many(folder, evaluation->later.as_of_ms, evaluation->later.count,
                                     env, evaluation->peers, err);
    if (code != LX_OK) return code;
    const struct rows_plan plan = {.folder = folder,
                                   .features = evaluation->features,
                                   .as_of_ms = evaluation->later.as_of_ms,
                                   .peers = evaluation->peers,
                                   .moment_count = evaluation->later.count,
                                   .complete_until_ms = evaluation->later.complete_until_ms,
                                   .seed = options->seed};
    return score_pairs(&plan, model_scorer(evaluation->model), customers_max, env,
                       &evaluation->scored, err);
}

static enum lx_err fill_result(const char *folder, const struct evaluate_options *options,
                               const struct lx_env *env, const struct evaluation *evaluation,
                               struct evaluate_result *result, struct lx_error *err)
{
    const struct scored *scored = &evaluation->scored;
    const struct rows_moments *later = &evaluation->later;
    const struct calibration *calibration = &model_card(evaluation->model)->calibration;
    int resamples = options->resamples == 0 ? EVALUATE_RESAMPLES : options->resamples;
    memcpy(result->model, model_id(evaluation->model), sizeof result->model);
    result->customers = scored->unit_count;
    result->rows = scored->count;
    result->positives = scored->positives;
    result->from_day = lx_day_of_ms(later->as_of_ms[0], evaluation->utc_offset_minutes);
    result->to_day =
        lx_day_of_ms(later->as_of_ms[later->count - 1], evaluation->utc_offset_minutes);
    for (size_t i = 0; i < (size_t)QUALITY_BY_COUNT * QUALITY_COUNT; i++) {
        enum quality_figure figure = (enum quality_figure)(i % QUALITY_COUNT);
        quality_set(&result->low[i / QUALITY_COUNT], figure, NAN);
        quality_set(&result->high[i / QUALITY_COUNT], figure, NAN);
    }
    const struct scored_question question = {.calibration = calibration,
                                             .count = later->count,
                                             .seed = options->seed,
                                             .resamples = resamples > 0 ? resamples : 0,
                                             .thread_count = env->thread_count};
    enum lx_err code =
        scored_quality(scored, &question, result->quality, result->low, result->high, err);
    return code == LX_OK ? measure_products(folder, scored, calibration, result, err) : code;
}

enum lx_err evaluate(const char *folder, const struct evaluate_options *options,
                     const struct lx_env *env, struct evaluate_result *ret_result,
                     struct lx_error *err)
{
    int64_t begin_ns = env->elapsed_ns(env->context);
    struct evaluation evaluation = {0};
    struct evaluate_result result = {{0}};
    enum lx_err code = evaluation_score(folder, options, env, &evaluation, err);
    if (code == LX_OK) code = fill_result(folder, options, env, &evaluation, &result, err);
    evaluation_release(&evaluation);
    if (code != LX_OK) {
        evaluate_result_release(&result);
        return code;
    }
    result.seconds = (double)(env->elapsed_ns(env->context) - begin_ns) / 1e9;
    *ret_result = result;
    return LX_OK;
}

void evaluate_result_release(struct evaluate_result *result)
{
    lx_free(result->products);
    *result = (struct evaluate_result){{0}};
}

static enum lx_err compare_method(const struct fit *fit, enum sampling balance,
                                  const struct lx_env *env, struct evaluate_comparison *comparison,
                                  struct lx_error *err)
{
    int64_t begin_ns = env->elapsed_ns(env->context);
    struct evaluate_method *method = &comparison->methods[balance];
    struct fitted fitted = {0};
    enum lx_err code = fit_trees(fit, balance, env, &fitted, err);
    if (code == LX_OK) code = fit_measure(fit, env, &fitted, err);
    if (code == LX_OK) {
        const struct model_card *card = &fitted.card;
        *method = (struct evaluate_method){
            .balance = balance,
            .rows = fitted.balanced_rows,
            .sampled_rate = card->sampled_rate,
            .quality = card->quality[QUALITY_BY_MODEL],
            .seconds = (double)(env->elapsed_ns(env->context) - begin_ns) / 1e9};
        comparison->popularity = card->quality[QUALITY_BY_POPULARITY];
        comparison->random = card->quality[QUALITY_BY_RANDOM];
        comparison->rows = card->quality_rows;
        comparison->positives = card->quality_positives;
    }
    fitted_release(&fitted);
    return code;
}

enum lx_err evaluate_compare(const char *folder, const struct evaluate_options *options,
                             const struct lx_env *env, struct evaluate_comparison *ret_comparison,
                             struct lx_error *err)
{
    int64_t begin_ns = env->elapsed_ns(env->context);
    const struct fit_options fit_options = {
        .as_of_ms = BANK_UNKNOWN_MS,
        .seed = options->seed,
        .rows_max = options->rows_max > 0 ? options->rows_max : TRAIN_ROWS_MAX,
        .customers_max = options->customers_max > 0 ? options->customers_max : TRAIN_CUSTOMERS_MAX};
    struct evaluate_comparison comparison = {0};
    struct fit fit = {0};
    enum lx_err code = fit_prepare(folder, &fit_options, env, &fit, err);
    for (size_t i = 0; code == LX_OK && i < SAMPLING_COUNT; i++)
        code = compare_method(&fit, (enum sampling)i, env, &comparison, err);
    fit_release(&fit);
    if (code != LX_OK) return code;
    comparison.seconds = (double)(env->elapsed_ns(env->context) - begin_ns) / 1e9;
    *ret_comparison = comparison;
    return LX_OK;
}
