#include "model/fit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "codec/digest.h"
#include "learn/forest.h"
#include "model/train.h"

enum {
    LEAK_CUSTOMERS = 100,
    MOMENTS_MAX = 21,
    SAMPLE_NEGATIVES = 12000, /* of traits */
    SAMPLE_POSITIVES = 4000,
    BASELINE_ROWS = 20000,
};

static enum lx_err read_lineage(struct fit *fit, struct lx_error *err)
{
    struct bank *bank = NULL;
    struct store_statement *statement = NULL;
    struct model_card *card = &fit->card;
    bool has_row = false;
    enum lx_err code = bank_open(fit->folder, STORE_READ, &bank, err);
    if (code != LX_OK) return code;
    code = bank_customer_count(bank, &card->customers, err);
    if (code == LX_OK) code = bank_newest_known_ms(bank, &card->newest_known_ms, err);
    if (code == LX_OK)
        code = store_prepare(bank_store(bank), "SELECT max(batch) FROM batch", &statement, err);
    if (code == LX_OK) code = store_step(statement, &has_row, err);
    if (code == LX_OK && has_row) card->batches = store_int(statement, 0);
    registry_catalogue_hash(bank_catalogue(bank), card->catalogue);
    if (code == LX_OK) code = view_features_open(bank, &fit->features, err);
    store_finalize(statement);
    bank_close(bank);
    return code;
}

static struct rows_plan plan_of(const struct fit *fit, size_t first, size_t count)
{
    bool is_plain = rows_weights_are_plain(&fit->options.weights);
    LX_ASSERT(is_plain || fit->options.rules != NULL);

    return (struct rows_plan){.folder = fit->folder,
                              .features = fit->features,
                              .as_of_ms = fit->split.moments.as_of_ms + first,
                              .peers = fit->peers + first,
                              .moment_count = count,
                              .complete_until_ms = fit->split.moments.complete_until_ms,
                              .seed = fit->options.seed,
                              .rules = is_plain ? NULL : fit->options.rules};
}

static enum lx_err check_rows(const struct fit *fit, struct lx_error *err)
{
    size_t column = 0;
    double auc = NAN;
    if (fit->rows.positives < TRAIN_POSITIVES_MIN)
        return lx_fail(err, LX_ERR_NOT_READY,
                       "training: %zu openings to learn from, at least %d are needed: import more "
                       "months or customers",
                       fit->rows.positives, TRAIN_POSITIVES_MIN);
    enum lx_err code = rows_best_column(&fit->rows, &column, &auc, err);
    if (code != LX_OK || !(auc > TRAIN_LEAK_AUC)) return code;
    return lx_fail(
        err, LX_ERR_REFUSED,
        "training: feature %s alone has ROC-AUC %.4f (limit %.2f): it must have seen the "
        "future",
        rows_feature(fit->features, column)->name, auc, TRAIN_LEAK_AUC);
}

static void fill_card(struct fit *fit)
{
    struct model_card *card = &fit->card;
    const struct rows_split *split = &fit->split;
    view_features_hash(fit->features, card->feature_set);
    card->as_of_ms = split->moments.complete_until_ms;
    card->feature_count = fit->rows.matrix.column_count;
    card->horizon_days = ROWS_HORIZON_DAYS;
    card->seed = fit->options.seed;
    card->rows = fit->rows.matrix.row_count;
    card->positives = fit->rows.positives;
    card->true_rate = fit->rows.true_rate;
    card->negative_rate = fit->rows.negative_rate;
    card->fit_count = split->fit_count;
    card->calibration_count = split->calibration_count;
    card->quality_count = split->quality_count;
    memcpy(card->moments_ms, split->moments.as_of_ms,
           split->moments.count * sizeof *card->moments_ms);
}

enum lx_err fit_prepare(const char *folder, const struct fit_options *options,
                        const struct lx_env *env, struct fit *ret_fit, struct lx_error *err)
{
    struct fit fit = {.folder = folder, .options = *options};
    struct rows_moments moments;
    enum lx_err code = rows_moments_find(folder, options->as_of_ms, MOMENTS_MAX, &moments, err);
    if (code == LX_OK) code = rows_split_make(&moments, &fit.split, err);
    if (code == LX_OK) code = read_lineage(&fit, err);
    if (code == LX_OK)
        code = view_peers_build_with(folder, fit.features, fit.split.moments.as_of_ms,
                                     fit.split.moments.count, env, fit.peers, err);
    if (code != LX_OK) {
        fit_release(&fit);
        return code;
    }

    const struct rows_plan plan = plan_of(&fit, 0, fit.split.fit_count);
    code = rows_check_bank(&plan, LEAK_CUSTOMERS, err);
    if (code == LX_OK) code = rows_build(&plan, options->rows_max, env, &fit.rows, err);
    if (code == LX_OK) code = check_rows(&fit, err);
    if (code == LX_OK) {
        fill_card(&fit);
        *ret_fit = fit;
    } else {
        fit_release(&fit);
    }
    return code;
}

void fit_release(struct fit *fit)
{
    for (size_t i = 0; i < ROWS_MOMENTS_MAX; i++)
        if (fit->peers[i] != NULL) view_peers_close(fit->peers[i]);
    rows_release(&fit->rows);
    view_features_close(fit->features);
    *fit = (struct fit){0};
}

/* Codes and flags are nominal to the methods that ask. */
static void mark_nominal(const struct view_features *features, uint8_t nominal[ROWS_FEATURES_MAX],
                         size_t column_count)
{
    for (size_t i = 0; i < column_count; i++) {
        enum view_unit unit = rows_feature(features, i)->unit;
        nominal[i] = unit == VIEW_UNIT_CODE || unit == VIEW_UNIT_FLAG;
    }
}

static struct xgb_params params_of(const struct fit *fit, const struct lx_env *env)
{
    struct xgb_params params = xgb_params_default(XGB_BINARY);
    params.round_count = 120;
    params.max_depth = 5;
    params.learning_rate = 0.1;
    params.min_child_weight = 5;
    params.lambda = 2;
    params.subsample = 0.8;
    params.column_sample = 0.7;
    params.seed = fit->options.seed;
    params.thread_count = env->thread_count;
    return params;
}

static void note_params(const struct xgb_params *params, struct model_card *card)
{
    card->round_count = params->round_count;
    card->max_depth = params->max_depth;
    card->learning_rate = params->learning_rate;
    card->min_child_weight = params->min_child_weight;
    card->lambda = params->lambda;
    card->subsample = params->subsample;
    card->column_sample = params->column_sample;
}

/* By row; NULL where all weigh the same. */
static enum lx_err weigh_rows(const struct fit *fit, float **ret_weights, struct lx_error *err)
{
    const struct rows_weights *weights = &fit->options.weights;
    const float by_source[ROWS_SOURCE_COUNT] = {[ROWS_SOURCE_REFUSED] = (float)weights->refused,
                                                [ROWS_SOURCE_IGNORED] = (float)weights->ignored,
                                                [ROWS_SOURCE_RULED_OUT] = (float)weights->ruled_out,
                                                [ROWS_SOURCE_UNSEEN] = 1};
    const struct rows *rows = &fit->rows;
    *ret_weights = NULL;
    if (rows_weights_are_plain(weights)) return LX_OK;
    float *by_row = lx_malloc(rows->matrix.row_count * sizeof *by_row);
    if (by_row == NULL) return lx_fail(err, LX_ERR_NO_MEMORY, "training: out of memory");
    for (size_t i = 0; i < rows->matrix.row_count; i++)
        by_row[i] = rows->labels[i] > 0 ? 1 : by_source[rows->sources[i]];
    *ret_weights = by_row;
    return LX_OK;
}

static enum lx_err train_balanced(const struct fit *fit, enum sampling balance,
                                  const struct lx_env *env, struct xgb_params *params,
                                  struct fitted *fitted, struct lx_error *err)
{
    uint8_t nominal[ROWS_FEATURES_MAX];
    struct sampled sampled = {0};
    const struct sampling_plan plan = {.method = balance,
                                       .seed = fit->options.seed,
                                       .thread_count = env->thread_count,
                                       .is_scaled = true,
                                       .focal = fit->options.focal,
                                       .nominal = nominal};
    float *weights = NULL;
    mark_nominal(fit->features, nominal, fit->rows.matrix.column_count);
    enum lx_err code = weigh_rows(fit, &weights, err);
    if (code == LX_OK)
        code = sampling_apply(&plan, &fit->rows.matrix, fit->rows.labels, weights, &sampled, err);
    if (code == LX_OK) {
        fitted->balanced_rows = sampled.matrix.row_count;
        fitted->card.sampled_rate = sampled.sampled_rate;
        sampling_shape(&plan, params);
        fitted->card.focal = params->focal;
        code = xgb_train(params, &sampled.matrix, sampled.labels, sampled.weights, env,
                         &fitted->trees, err);
    }
    sampled_release(&sampled);
    lx_free(weights);
    return code;
}

enum lx_err fit_trees(const struct fit *fit, enum sampling balance, const struct lx_env *env,
                      struct fitted *ret_fitted, struct lx_error *err)
{
    struct xgb_params params = params_of(fit, env);
    struct fitted fitted = {.card = fit->card};
    enum lx_err code = LX_OK;
    lx_buffer_init(&fitted.trees, FOREST_BYTES_MAX);
    lx_buffer_init(&fitted.traits, TRAITS_BYTES_MAX);
    env->progress(env->context, "training", 0, 0);
    bool is_plain = balance == SAMPLING_NONE && rows_weights_are_plain(&fit->options.weights);
    if (is_plain) { /* no copy of the rows is needed */
        fitted.balanced_rows = fit->rows.matrix.row_count;
        fitted.card.sampled_rate = (double)fit->rows.positives / (double)fitted.balanced_rows;
        code =
            xgb_train(&params, &fit->rows.matrix, fit->rows.labels, NULL, env, &fitted.trees, err);
    } else {
        code = train_balanced(fit, balance, env, &params, &fitted, err);
    }
    fitted.card.balance = balance;
    fitted.card.weights = fit->options.weights;
    if (rows_weights_are_plain(&fit->options.weights))
        fitted.card.weights = (struct rows_weights){1, 1, 1};
    fitted.tree_count = params.round_count * params.parallel_tree_count;
    note_params(&params, &fitted.card);
    if (code == LX_OK)
        *ret_fitted = fitted;
    else
        fitted_release(&fitted);
    return code;
}

void fitted_release(struct fitted *fitted)
{
    lx_buffer_release(&fitted->trees);
    lx_buffer_release(&fitted->traits);
    lx_free(fitted->resamples);
    *fitted = (struct fitted){0};
}

/* `scored` holds the months of calibration, then those of quality. */
static enum lx_err calibrate(const struct fit *fit, const struct scored *scored,
                             struct model_card *card, struct lx_error *err)
{
    double shift = calibration_prior_shift(card->true_rate, card->sampled_rate);
    double *margins = lx_malloc((scored->count + 1) * sizeof *margins);
    uint8_t *labels = lx_malloc(scored->count + 1);
    enum lx_err code = LX_OK;
    if (margins == NULL || labels == NULL) {
        code = lx_fail(err, LX_ERR_NO_MEMORY, "calibration: out of memory");
    } else {
        size_t count = scored_margins(scored, 0, fit->split.calibration_count, margins, labels);
        if (memchr(labels, 1, count) == NULL)
            code = lx_fail(err, LX_ERR_NOT_READY,
                           "training: nobody opened a product in the month for calibration: "
                           "import more months or customers");
        else
            code = calibration_fit(margins, labels, NULL, count, shift, &card->calibration, err);
    }
    lx_free(margins);
    lx_free(labels);
    return code;
}

static enum lx_err measure(const struct fit *fit, const struct scored *scored,
                           const struct lx_env *env, struct fitted *fitted, struct lx_error *err)
{
    struct model_card *card = &fitted->card;
    struct scored_question question = {.calibration = &card->calibration,
                                       .first = fit->split.calibration_count,
                                       .count = fit->split.quality_count,
                                       .seed = fit->options.seed,
                                       .thread_count = env->thread_count};
    card->quality_rows = card->quality_positives = 0;
    for (size_t i = 0; i < scored->count; i++) {
        if (scored->moments[i] < question.first) continue;
        card->quality_rows++;
        card->quality_positives += scored->labels[i];
    }
    if (card->quality_positives == 0)
        return lx_fail(err, LX_ERR_NOT_READY,
                       "training: nobody opened a product in the newest months, so quality cannot "
                       "be measured: import more customers");
    enum lx_err code = scored_quality(scored, &question, card->quality, NULL, NULL, err);
    if (code != LX_OK || fit->options.resamples == 0) return code;
    question.resamples = fit->options.resamples;
    fitted->resamples = lx_calloc((size_t)question.resamples, sizeof *fitted->resamples);
    if (fitted->resamples == NULL) return lx_fail(err, LX_ERR_NO_MEMORY, "quality: out of memory");
    return scored_resamples(scored, &question, fitted->resamples, err);
}

static enum lx_err make_traits(const struct fit *fit, const struct scored *scored,
                               const struct forest *forest, const struct lx_env *env,
                               struct fitted *fitted, struct lx_error *err)
{
    struct bank *bank = NULL;
    struct model_traits traits = {0};
    const struct rows_moments *moments = &fit->split.moments;
    enum lx_err code = bank_open(fit->folder, STORE_READ, &bank, err);
    if (code != LX_OK) return code;
    const struct traits_plan plan = {.scored = scored,
                                     .forest = forest,
                                     .features = fit->features,
                                     .catalogue = bank_catalogue(bank),
                                     .baseline_ms = moments->as_of_ms[moments->count - 1],
                                     .seed = fit->options.seed};
    code = traits_make(&plan, env, &traits, err);
    bank_close(bank);
    if (code != LX_OK) return code;
    traits_write(&traits, &fitted->traits);
    traits_release(&traits);
    code = lx_buffer_error(&fitted->traits);
    if (code != LX_OK) return lx_fail(err, code, "traits: %s", lx_err_text(code));
    digest_of(fitted->traits.bytes, fitted->traits.length, fitted->card.traits);
    return LX_OK;
}

enum lx_err fit_measure(const struct fit *fit, const struct lx_env *env, struct fitted *fitted,
                        struct lx_error *err)
{
    const struct rows_plan plan =
        plan_of(fit, fit->split.fit_count, fit->split.calibration_count + fit->split.quality_count);
    struct forest *forest = NULL;
    struct scorer *scorer = NULL;
    struct scored scored = {0};
    enum lx_err code = forest_load_json(fitted->trees.bytes, fitted->trees.length, &forest, err);
    if (code == LX_OK) code = scorer_open(forest, SCORER_BEST, &scorer, err);
    struct score_task task = {.scorer = scorer, .customers_max = fit->options.customers_max};
    if (fit->options.has_traits)
        task.keeping = (struct score_keeping){.first = fit->split.calibration_count,
                                              .sample_negatives = SAMPLE_NEGATIVES,
                                              .sample_positives = SAMPLE_POSITIVES,
                                              .baseline_rows = BASELINE_ROWS};
    if (code == LX_OK) code = score_pairs(&plan, &task, env, &scored, err);
    if (code == LX_OK) code = calibrate(fit, &scored, &fitted->card, err);
    if (code == LX_OK) code = measure(fit, &scored, env, fitted, err);
    if (code == LX_OK && fit->options.has_traits)
        code = make_traits(fit, &scored, forest, env, fitted, err);
    scored_release(&scored);
    scorer_close(scorer);
    forest_close(forest);
    return code;
}
