#include "model/train.h"

#include <string.h>

#include "base/date.h"
#include "model/fit.h"

static enum lx_err read_offset(const char *folder, int *ret_offset_minutes, struct lx_error *err)
{
    struct bank *bank = NULL;
    enum lx_err code = bank_open(folder, STORE_READ, &bank, err);
    if (code != LX_OK) return code;
    *ret_offset_minutes = bank_utc_offset_minutes(bank);
    bank_close(bank);
    return LX_OK;
}

static void fill_result(const struct fitted *fitted, int utc_offset_minutes,
                        struct train_result *result)
{
    const struct model_card *card = &fitted->card;
    size_t measured = card->fit_count + card->calibration_count;
    result->rows = card->rows;
    result->positives = card->positives;
    result->quality_rows = card->quality_rows;
    result->quality_positives = card->quality_positives;
    result->fitted_from_day = lx_day_of_ms(card->moments_ms[0], utc_offset_minutes);
    result->fitted_to_day = lx_day_of_ms(card->moments_ms[card->fit_count - 1], utc_offset_minutes);
    result->measured_from_day = lx_day_of_ms(card->moments_ms[measured], utc_offset_minutes);
    result->measured_to_day =
        lx_day_of_ms(card->moments_ms[measured + card->quality_count - 1], utc_offset_minutes);
    result->tree_count = fitted->tree_count;
    result->feature_count = (int)card->feature_count;
    memcpy(result->quality, card->quality, sizeof result->quality);
}

enum lx_err train(const char *folder, const struct train_options *options, const struct lx_env *env,
                  struct train_result *ret_result, struct lx_error *err)
{
    int64_t begin_ns = env->elapsed_ns(env->context);
    const struct fit_options fit_options = {
        .as_of_ms = options->as_of_ms,
        .seed = options->seed,
        .weights = options->weights,
        .rules = options->rules,
        .focal = options->focal,
        .rows_max = options->rows_max > 0 ? options->rows_max : TRAIN_ROWS_MAX,
        .customers_max = options->customers_max > 0 ? options->customers_max : TRAIN_CUSTOMERS_MAX};
    struct train_result result = {{0}};
    struct fit fit = {0};
    struct fitted fitted = {0};
    int utc_offset_minutes = 0;
    enum lx_err code = read_offset(folder, &utc_offset_minutes, err);
    if (code == LX_OK) code = fit_prepare(folder, &fit_options, env, &fit, err);
    if (code == LX_OK) code = fit_trees(&fit, options->balance, env, &fitted, err);
    if (code == LX_OK) code = fit_measure(&fit, env, &fitted, err);
    if (code == LX_OK)
        code = registry_save(folder, &fitted.card, fitted.trees.bytes, fitted.trees.length,
                             result.model, err);
    if (code == LX_OK) {
        fill_result(&fitted, utc_offset_minutes, &result);
        result.seconds = (double)(env->elapsed_ns(env->context) - begin_ns) / 1e9;
        *ret_result = result;
    }
    fitted_release(&fitted);
    fit_release(&fit);
    return code;
}
