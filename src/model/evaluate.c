#include "model/evaluate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/date.h"
#include "learn/metrics.h"
#include "model/evaluate_parts.h"
#include "model/fit.h"
#include "model/train.h"

/* The newest month ends after everything that the model was fitted or calibrated on. */
static enum lx_err find_later(const char *folder, const struct model_card *card,
                              struct rows_moments *ret_later, struct lx_error *err)
{
    enum lx_err code = rows_moments_after(folder, model_card_unseen_from_ms(card),
                                          LATER_MOMENTS_MAX, ret_later, err);
    if (code != LX_OK || ret_later->count > 0) return code;
    return lx_fail(err, LX_ERR_NOT_READY,
                   "evaluate: the bank has no month after the model's last one whose %d days are "
                   "over: import newer data",
                   ROWS_HORIZON_DAYS);
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

void evaluation_release(struct evaluation *evaluation)
{
    for (size_t i = 0; i < LATER_MOMENTS_MAX; i++)
        if (evaluation->peers[i] != NULL) view_peers_close(evaluation->peers[i]);
    scored_release(&evaluation->scored);
    model_close(evaluation->model);
    view_features_close(evaluation->features);
}

enum lx_err evaluation_open(const char *folder, const struct lx_env *env,
                            struct evaluation *evaluation, struct lx_error *err)
{
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
        code = view_peers_build_with(folder, evaluation->features, evaluation->later.as_of_ms,
                                     evaluation->later.count, env, evaluation->peers, err);
    return code;
}

struct rows_plan evaluation_plan(const struct evaluation *evaluation, const char *folder,
                                 uint64_t seed)
{
    return (struct rows_plan){.folder = folder,
                              .features = evaluation->features,
                              .as_of_ms = evaluation->later.as_of_ms,
                              .peers = evaluation->peers,
                              .moment_count = evaluation->later.count,
                              .complete_until_ms = evaluation->later.complete_until_ms,
                              .seed = seed};
}

static enum lx_err evaluation_score(const char *folder, const struct evaluate_options *options,
                                    const struct lx_env *env, struct evaluation *evaluation,
                                    struct lx_error *err)
{
    size_t customers_max =
        options->customers_max > 0 ? options->customers_max : TRAIN_CUSTOMERS_MAX;
    enum lx_err code = evaluation_open(folder, env, evaluation, err);
    if (code != LX_OK) return code;
    const struct rows_plan plan = evaluation_plan(evaluation, folder, options->seed);
    const struct score_task task = {.scorer = model_scorer(evaluation->model),
                                    .customers_max = customers_max};
    return score_pairs(&plan, &task, env, &evaluation->scored, err);
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

/* A comparison, and the PR-AUC of each method's resamples: [method][seed][resample], and room to
 * sort one method's. */
struct comparing {
    const struct lx_env *env;
    struct evaluate_comparison *comparison;
    int resamples;
    double *figures; /* owned */
};

static double *figures_of(const struct comparing *comparing, size_t method, int seed)
{
    size_t seeds = (size_t)comparing->comparison->seed_count;
    return comparing->figures + (method * seeds + (size_t)seed) * (size_t)comparing->resamples;
}

static void add_quality(struct quality *sum, const struct quality *quality, double share)
{
    for (int i = 0; i < QUALITY_COUNT; i++) {
        enum quality_figure figure = (enum quality_figure)i;
        quality_set(sum, figure,
                    quality_value(sum, figure) + share * quality_value(quality, figure));
    }
}

static void note_method(const struct comparing *comparing, const struct fitted *fitted, int seed,
                        double seconds)
{
    struct evaluate_comparison *comparison = comparing->comparison;
    const struct model_card *card = &fitted->card;
    struct evaluate_method *method = &comparison->methods[card->balance];
    double share = 1 / (double)comparison->seed_count;
    method->balance = card->balance;
    if (seed == 0) {
        method->rows = fitted->balanced_rows;
        comparison->rows = card->quality_rows;
        comparison->positives = card->quality_positives;
    }
    method->sampled_rate += share * card->sampled_rate;
    method->seconds += share * seconds;
    add_quality(&method->quality, &card->quality[QUALITY_BY_MODEL], share);
    if (card->balance == SAMPLING_NONE) {
        add_quality(&comparison->popularity, &card->quality[QUALITY_BY_POPULARITY], share);
        add_quality(&comparison->random, &card->quality[QUALITY_BY_RANDOM], share);
    }
    for (int i = 0; i < comparing->resamples; i++)
        figures_of(comparing, card->balance, seed)[i] = fitted->resamples[i].pr_auc;
}

static enum lx_err compare_method(const struct comparing *comparing, const struct fit *fit,
                                  enum sampling balance, int seed, struct lx_error *err)
{
    const struct lx_env *env = comparing->env;
    int64_t begin_ns = env->elapsed_ns(env->context);
    struct fitted fitted = {0};
    enum lx_err code = fit_trees(fit, balance, env, &fitted, err);
    if (code == LX_OK) code = fit_measure(fit, env, &fitted, err);
    if (code == LX_OK)
        note_method(comparing, &fitted, seed,
                    (double)(env->elapsed_ns(env->context) - begin_ns) / 1e9);
    fitted_release(&fitted);
    return code;
}

static enum lx_err compare_seed(const struct comparing *comparing, const char *folder,
                                const struct fit_options *options, int seed, struct lx_error *err)
{
    struct fit fit = {0};
    enum lx_err code = fit_prepare(folder, options, comparing->env, &fit, err);
    for (size_t i = 0; code == LX_OK && i < SAMPLING_COUNT; i++)
        code = compare_method(comparing, &fit, (enum sampling)i, seed, err);
    fit_release(&fit);
    return code;
}

static int compare_reals(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return a < b ? -1 : a > b;
}

/* The share's place among sorted values, the nearer of two. */
static double percentile(const double *sorted, size_t count, double share)
{
    return sorted[(size_t)(share * (double)(count - 1) + 0.5)];
}

/* The plain method's own figures are wanted until the last, so it comes last: to nothing. */
static void fill_differences(const struct comparing *comparing)
{
    struct evaluate_comparison *comparison = comparing->comparison;
    size_t count = (size_t)comparison->seed_count * (size_t)comparing->resamples;
    const double *plain = figures_of(comparing, SAMPLING_NONE, 0);
    double *sorted = figures_of(comparing, SAMPLING_COUNT, 0);
    for (size_t m = SAMPLING_COUNT; m-- > 0;) {
        struct evaluate_method *method = &comparison->methods[m];
        double *figures = figures_of(comparing, m, 0);
        method->difference =
            method->quality.pr_auc - comparison->methods[SAMPLING_NONE].quality.pr_auc;
        method->difference_low = method->difference_high = NAN;
        method->pr_auc_low = method->pr_auc_high = NAN;
        if (count == 0) continue;
        memcpy(sorted, figures, count * sizeof *sorted);
        qsort(sorted, count, sizeof *sorted, compare_reals);
        method->pr_auc_low = percentile(sorted, count, 0.025);
        method->pr_auc_high = percentile(sorted, count, 0.975);
        for (size_t i = 0; i < count; i++) figures[i] -= plain[i];
        qsort(figures, count, sizeof *figures, compare_reals);
        method->difference_low = percentile(figures, count, 0.025);
        method->difference_high = percentile(figures, count, 0.975);
    }
}

enum lx_err evaluate_compare(const char *folder, const struct evaluate_options *options,
                             const struct lx_env *env, struct evaluate_comparison *ret_comparison,
                             struct lx_error *err)
{
    LX_ASSERT(options->seed_count >= 0 && options->seed_count <= EVALUATE_SEEDS_MAX);

    int64_t begin_ns = env->elapsed_ns(env->context);
    int resamples = options->resamples == 0 ? EVALUATE_RESAMPLES : options->resamples;
    struct evaluate_comparison comparison = {.seed_count =
                                                 options->seed_count > 0 ? options->seed_count : 1};
    struct comparing comparing = {
        .env = env, .comparison = &comparison, .resamples = resamples > 0 ? resamples : 0};
    size_t figure_count =
        ((size_t)SAMPLING_COUNT + 1) * (size_t)comparison.seed_count * (size_t)comparing.resamples;
    comparing.figures = lx_calloc(figure_count + 1, sizeof *comparing.figures);
    if (comparing.figures == NULL) return lx_fail(err, LX_ERR_NO_MEMORY, "evaluate: out of memory");
    enum lx_err code = LX_OK;
    for (int seed = 0; seed < comparison.seed_count && code == LX_OK; seed++) {
        const struct fit_options fit_options = {
            .as_of_ms = BANK_UNKNOWN_MS,
            .seed = options->seed + (uint64_t)seed,
            .rows_max = options->rows_max > 0 ? options->rows_max : TRAIN_ROWS_MAX,
            .customers_max =
                options->customers_max > 0 ? options->customers_max : TRAIN_CUSTOMERS_MAX,
            .weights = options->weights,
            .rules = options->rules,
            .resamples = comparing.resamples};
        code = compare_seed(&comparing, folder, &fit_options, seed, err);
    }
    if (code == LX_OK) fill_differences(&comparing);
    lx_free(comparing.figures);
    if (code != LX_OK) return code;
    comparison.seconds = (double)(env->elapsed_ns(env->context) - begin_ns) / 1e9;
    *ret_comparison = comparison;
    return LX_OK;
}
