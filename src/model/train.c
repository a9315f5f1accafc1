#include "model/train.h"

#include <stdio.h>
#include <string.h>

#include "base/date.h"
#include "base/limits.h"
#include "codec/digest.h"
#include "model/fit.h"
#include "model/label_measure.h"
#include "model/life.h"
#include "model/product_graph.h"
#include "model/rivals.h"
#include "model/second_fit.h"

/* What the steps hand on to each other. */
struct training {
    const char *folder;
    const struct train_options *options;
    const struct lx_env *env;
    struct fit fit;
    struct fitted fitted;
    struct lx_buffer graph;  /* the products' relations, as their file has them */
    struct lx_buffer second; /* the second round, likewise */
    struct train_result result;
};

static enum lx_err read_offset(const char *folder, int *ret_offset_minutes, struct lx_error *err)
{
    struct bank *bank = NULL;
    enum lx_err code = bank_open(folder, STORE_READ, &bank, err);
    if (code != LX_OK) return code;
    *ret_offset_minutes = bank_utc_offset_minutes(bank);
    bank_close(bank);
    return LX_OK;
}

static enum lx_err gather(struct training *training, struct lx_error *err)
{
    const struct train_options *options = training->options;
    const struct fit_options fit_options = {
        .as_of_ms = options->as_of_ms,
        .seed = options->seed,
        .weights = options->weights,
        .rules = options->rules,
        .focal = options->focal,
        .has_traits = true,
        .rows_max = options->rows_max > 0 ? options->rows_max : TRAIN_ROWS_MAX,
        .customers_max = options->customers_max > 0 ? options->customers_max : TRAIN_CUSTOMERS_MAX};
    return fit_prepare(training->folder, &fit_options, training->env, &training->fit, err);
}

static enum lx_err fit_model(struct training *training, struct lx_error *err)
{
    return fit_trees(&training->fit, training->options->balance, training->env, &training->fitted,
                     err);
}

static enum lx_err measure(struct training *training, struct lx_error *err)
{
    return fit_measure(&training->fit, training->env, &training->fitted, err);
}

/* As of the training's moment: rounds of questions rest on them, the trees do not. */
static enum lx_err relate(struct training *training, struct lx_error *err)
{
    struct product_graph graph = {.product_count = 0};
    struct model_card *card = &training->fitted.card;
    enum lx_err code =
        product_graph_build(training->folder, card->as_of_ms, training->env, &graph, err);
    if (code != LX_OK) return code;
    product_graph_write(&graph, &training->graph);
    product_graph_release(&graph);
    code = lx_buffer_error(&training->graph);
    if (code != LX_OK) return lx_fail(err, code, "product graph: %s", lx_err_text(code));
    digest_of(training->graph.bytes, training->graph.length, card->graph);
    return LX_OK;
}

/* On what the trees have not seen. */
static enum lx_err train_second(struct training *training, struct lx_error *err)
{
    const struct fit *fit = &training->fit;
    struct fitted *fitted = &training->fitted;
    struct model *model = NULL;
    struct bank *bank = NULL;
    struct second *second = NULL;
    struct second_rows rows = {0};
    enum lx_err code = bank_open(fit->folder, STORE_READ, &bank, err);
    if (code == LX_OK)
        code = model_of(&fitted->card, fitted->trees.bytes, fitted->trees.length, &model, err);
    if (code == LX_OK) code = second_rows_build(fit, model, training->env, &rows, err);
    if (code == LX_OK)
        code = second_fit(&rows, fit->options.seed, bank_catalogue(bank),
                          fit->peers[fit->split.fit_count], training->env, &second,
                          &fitted->card.second, err);
    if (code == LX_OK) code = second_write(second, &training->second, err);
    if (code == LX_OK) {
        fitted->card.has_second = true;
        digest_of(training->second.bytes, training->second.length, fitted->card.second_hash);
    }
    second_close(second);
    second_rows_release(&rows);
    model_close(model);
    bank_close(bank);
    return code;
}

static enum lx_err enregister(struct training *training, struct lx_error *err)
{
    const struct fitted *fitted = &training->fitted;
    const struct lx_buffer *graph = &training->graph, *second = &training->second;
    char *id = training->result.model;
    enum lx_err code = registry_save(training->folder, &fitted->card, fitted->trees.bytes,
                                     fitted->trees.length, &fitted->traits, id, err);
    if (code == LX_OK)
        code = registry_save_graph(training->folder, id, graph->bytes, graph->length, err);
    if (code == LX_OK)
        code = registry_save_second(training->folder, id, second->bytes, second->length, err);
    return code;
}

/* Beside the live one; the first model, and one whose live rival cannot serve, have no rival. */
static enum lx_err judge(struct training *training, struct lx_error *err)
{
    struct train_result *result = &training->result;
    struct life *life = NULL;
    struct rivals rivals = {0};
    const struct rivals_options options = {.seed = training->options->seed,
                                           .customers_max = training->options->customers_max};
    enum lx_err code = life_open(training->folder, LIFE_WRITE, training->env, &life, err);
    if (code != LX_OK) return code;
    const char *live = life_live(life);
    bool has_rival = live[0] != '\0' && strcmp(live, result->model) != 0;
    if (has_rival)
        code = rivals_compare(training->folder, result->model, live, &options, training->env,
                              &rivals, err);
    if (code == LX_OK)
        code = life_register(life, result->model, rivals.can_live_serve ? &rivals.figures : NULL,
                             &result->is_live, err);
    if (code == LX_OK) {
        snprintf(result->live, sizeof result->live, "%s", life_live(life));
        result->has_rival = has_rival && rivals.can_live_serve;
        result->figures = rivals.figures;
        result->policy = life_policy_of(life);
    }
    life_close(life);
    return code;
}

/* The quality months' peers are still there; a file of labels that is no good is told of, and is no
 * reason to lose a model. */
static enum lx_err measure_labels(struct training *training, struct lx_error *err)
{
    const struct fit *fit = &training->fit;
    const struct lx_env *env = training->env;
    size_t first = fit->split.fit_count + fit->split.calibration_count;
    const struct rows_plan plan = {.folder = training->folder,
                                   .features = fit->features,
                                   .as_of_ms = fit->split.moments.as_of_ms + first,
                                   .peers = fit->peers + first,
                                   .moment_count = fit->split.quality_count,
                                   .complete_until_ms = fit->split.moments.complete_until_ms,
                                   .seed = training->options->seed};
    struct label_task task = {.plan = &plan, .customers_max = fit->options.customers_max};
    struct label_measures *measures = lx_malloc(sizeof *measures);
    struct view_labels *labels = NULL;
    struct model *model = NULL;
    struct bank *bank = NULL;
    if (measures == NULL) return lx_fail(err, LX_ERR_NO_MEMORY, "labels: out of memory");
    enum lx_err code = bank_open(training->folder, STORE_READ, &bank, err);
    if (code == LX_OK)
        code =
            view_labels_open(training->folder, fit->features, bank_catalogue(bank), &labels, err);
    bank_close(bank);
    if (code == LX_ERR_BAD_INPUT) {
        env->message(env->context, err->text);
        code = LX_OK;
    } else if (code == LX_OK) {
        code = model_open(training->folder, training->result.model, fit->features, &model, err);
        task.labels = labels;
        task.model = model;
        if (code == LX_OK) code = label_measure(&task, env, measures, err);
        if (code == LX_OK)
            code = label_measures_write(training->folder, training->result.model, labels, measures,
                                        err);
    }
    model_close(model);
    view_labels_close(labels);
    lx_free(measures);
    return code;
}

/* In this order. */
static const struct {
    const char *name;
    enum lx_err (*run)(struct training *training, struct lx_error *err);
} steps[] = {
    {"rows", gather},
    {"trees", fit_model},
    {"quality", measure},
    {"relations", relate},
    {"second round", train_second},
    {"register", enregister},
    {"labels", measure_labels},
    {"judge", judge},
};
_Static_assert(LX_COUNT_OF(steps) <= TRAIN_STEPS_MAX,
               "the result has room for each step's seconds");

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
    result->second = card->second;
}

enum lx_err train(const char *folder, const struct train_options *options, const struct lx_env *env,
                  struct train_result *ret_result, struct lx_error *err)
{
    int64_t begin_ns = env->elapsed_ns(env->context), last_ns = begin_ns;
    struct training training = {.folder = folder, .options = options, .env = env};
    struct train_result *result = &training.result;
    int utc_offset_minutes = 0;
    lx_buffer_init(&training.graph, LX_FILE_MAX);
    lx_buffer_init(&training.second, LX_FILE_MAX);
    enum lx_err code = read_offset(folder, &utc_offset_minutes, err);
    for (size_t i = 0; code == LX_OK && i < LX_COUNT_OF(steps); i++) {
        code = steps[i].run(&training, err);
        int64_t now_ns = env->elapsed_ns(env->context);
        result->steps[result->step_count++] =
            (struct train_step){steps[i].name, (double)(now_ns - last_ns) / 1e9};
        last_ns = now_ns;
    }
    if (code == LX_OK) {
        fill_result(&training.fitted, utc_offset_minutes, result);
        result->seconds = (double)(last_ns - begin_ns) / 1e9;
        *ret_result = *result;
    }
    lx_buffer_release(&training.graph);
    lx_buffer_release(&training.second);
    fitted_release(&training.fitted);
    fit_release(&training.fit);
    return code;
}
