#include "model/rivals.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bank/bank.h"
#include "base/date.h"
#include "model/score.h"
#include "model/train.h"

enum { MOMENTS_MAX = 3, BEST_MAX = 5 };

/* What a comparison works with. */
struct contest {
    struct view_features *features;
    struct model *candidate, *live;
    struct rows_moments moments;
    struct view_peers *peers[MOMENTS_MAX];
    struct scored scored;
    int utc_offset_minutes;
};

static void contest_release(struct contest *contest)
{
    for (size_t i = 0; i < MOMENTS_MAX; i++)
        if (contest->peers[i] != NULL) view_peers_close(contest->peers[i]);
    scored_release(&contest->scored);
    model_close(contest->candidate);
    model_close(contest->live);
    view_features_close(contest->features);
}

static enum lx_err open_models(const char *folder, const char *candidate, const char *live,
                               struct contest *contest, struct lx_error *err)
{
    struct bank *bank = NULL;
    enum lx_err code = bank_open(folder, STORE_READ, &bank, err);
    if (code != LX_OK) return code;
    contest->utc_offset_minutes = bank_utc_offset_minutes(bank);
    code = view_features_open(bank, &contest->features, err);
    bank_close(bank);
    if (code == LX_OK)
        code = model_open(folder, candidate, contest->features, &contest->candidate, err);
    if (code == LX_OK) code = model_open(folder, live, contest->features, &contest->live, err);
    return code;
}

static enum lx_err score_both(const char *folder, const struct rivals_options *options,
                              const struct lx_env *env, struct contest *contest,
                              struct lx_error *err)
{
    struct rows_moments *moments = &contest->moments;
    enum lx_err code = view_peers_build_with(folder, contest->features, moments->as_of_ms,
                                             moments->count, env, contest->peers, err);
    if (code != LX_OK) return code;
    const struct rows_plan plan = {.folder = folder,
                                   .features = contest->features,
                                   .as_of_ms = moments->as_of_ms,
                                   .peers = contest->peers,
                                   .moment_count = moments->count,
                                   .complete_until_ms = moments->complete_until_ms,
                                   .seed = options->seed};
    const struct score_task task = {
        .scorer = model_scorer(contest->candidate),
        .rival = model_scorer(contest->live),
        .customers_max = options->customers_max > 0 ? options->customers_max : TRAIN_CUSTOMERS_MAX};
    return score_pairs(&plan, &task, env, &contest->scored, err);
}

static int compare_reals(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return a < b ? -1 : a > b;
}

/* The interval of candidate less live, resample by resample; NaN where none has both. */
static void difference_interval(const struct quality *candidate, const struct quality *live,
                                size_t count, enum quality_figure figure, double *scratch,
                                double *ret_low, double *ret_high)
{
    size_t found = 0;
    for (size_t i = 0; i < count; i++) {
        double off = quality_value(&candidate[i], figure) - quality_value(&live[i], figure);
        if (!isnan(off)) scratch[found++] = off;
    }
    *ret_low = *ret_high = NAN;
    if (found == 0) return;
    qsort(scratch, found, sizeof *scratch, compare_reals);
    *ret_low = scratch[(size_t)(0.025 * (double)(found - 1) + 0.5)];
    *ret_high = scratch[(size_t)(0.975 * (double)(found - 1) + 0.5)];
}

/* Both models' figures over the moments [first, first + count), and the interval of one of them. */
static enum lx_err measure(const struct contest *contest, const struct rivals_options *options,
                           const struct lx_env *env, size_t first, enum quality_figure figure,
                           struct quality ret_values[2], double *ret_low, double *ret_high,
                           struct lx_error *err)
{
    int resamples = options->resamples > 0 ? options->resamples : RIVALS_RESAMPLES;
    size_t count = (size_t)resamples;
    struct quality *drawn = lx_calloc(2 * count, sizeof *drawn);
    double *scratch = lx_calloc(count, sizeof *scratch);
    enum lx_err code = LX_OK;
    if (drawn == NULL || scratch == NULL)
        code = lx_fail(err, LX_ERR_NO_MEMORY, "comparison: out of memory");
    for (size_t i = 0; i < 2 && code == LX_OK; i++) {
        const struct model *model = i == 0 ? contest->candidate : contest->live;
        struct quality values[QUALITY_BY_COUNT];
        struct scored_question question = {.calibration = &model_card(model)->calibration,
                                           .first = first,
                                           .count = contest->moments.count - first,
                                           .seed = options->seed,
                                           .thread_count = env->thread_count,
                                           .is_rival = i == 1};
        code = scored_quality(&contest->scored, &question, values, NULL, NULL, err);
        ret_values[i] = values[QUALITY_BY_MODEL];
        question.resamples = resamples;
        if (code == LX_OK)
            code = scored_resamples(&contest->scored, &question, drawn + i * count, err);
    }
    if (code == LX_OK)
        difference_interval(drawn, drawn + count, count, figure, scratch, ret_low, ret_high);
    lx_free(drawn);
    lx_free(scratch);
    return code;
}

/* The best `count` rows of a case, by margin and then by place; isotonic steps keep their order. */
static size_t best_of(const float *margins, size_t begin, size_t end, size_t ret_best[BEST_MAX])
{
    size_t count = 0;
    for (size_t i = begin; i < end; i++) {
        size_t at = count < BEST_MAX ? count : BEST_MAX;
        while (at > 0 && margins[i] > margins[ret_best[at - 1]]) at--;
        if (at == BEST_MAX) continue;
        if (count < BEST_MAX) count++;
        memmove(ret_best + at + 1, ret_best + at, (count - 1 - at) * sizeof *ret_best);
        ret_best[at] = i;
    }
    return count;
}

static void measure_agreement(const struct contest *contest, struct rivals *rivals)
{
    const struct scored *scored = &contest->scored;
    size_t begin = 0, cases = 0, newest = contest->moments.count - 1;
    double first = 0, five = 0;
    for (size_t i = 0; i < scored->case_count; i++) {
        size_t end = scored->case_ends[i], ours[BEST_MAX], theirs[BEST_MAX], both = 0;
        if (scored->moments[begin] == newest) {
            size_t count = best_of(scored->margins, begin, end, ours);
            (void)best_of(scored->rival_margins, begin, end, theirs);
            for (size_t j = 0; j < count; j++)
                for (size_t k = 0; k < count; k++) both += ours[j] == theirs[k];
            first += ours[0] == theirs[0];
            five += (double)both / (double)count;
            cases++;
        }
        begin = end;
    }
    rivals->same_first = cases > 0 ? first / (double)cases : NAN;
    rivals->same_five = cases > 0 ? five / (double)cases : NAN;
}

static enum lx_err fill(const struct contest *contest, const struct rivals_options *options,
                        const struct lx_env *env, struct rivals *rivals, struct lx_error *err)
{
    struct life_figures *figures = &rivals->figures;
    const struct rows_moments *moments = &contest->moments;
    struct quality values[2], newest[2];
    enum lx_err code = measure(contest, options, env, 0, QUALITY_pr_auc, values, &figures->low,
                               &figures->high, err);
    if (code == LX_OK)
        code = measure(contest, options, env, moments->count - 1, QUALITY_ece, newest,
                       &figures->ece_low, &figures->ece_high, err);
    if (code != LX_OK) return code;
    rivals->candidate = values[0];
    rivals->live = values[1];
    rivals->customers = contest->scored.unit_count;
    rivals->rows = contest->scored.count;
    rivals->positives = contest->scored.positives;
    rivals->from_day = lx_day_of_ms(moments->as_of_ms[0], contest->utc_offset_minutes);
    rivals->to_day =
        lx_day_of_ms(moments->as_of_ms[moments->count - 1], contest->utc_offset_minutes);
    figures->pr_auc = values[0].pr_auc;
    figures->live_pr_auc = values[1].pr_auc;
    figures->difference = figures->pr_auc - figures->live_pr_auc;
    figures->is_known = !isnan(figures->low) && !isnan(figures->ece_low);
    measure_agreement(contest, rivals);
    return LX_OK;
}

enum lx_err rivals_compare(const char *folder, const char *candidate, const char *live,
                           const struct rivals_options *options, const struct lx_env *env,
                           struct rivals *ret_rivals, struct lx_error *err)
{
    struct contest contest = {0};
    struct rivals rivals = {.can_live_serve = true};
    enum lx_err code = open_models(folder, candidate, live, &contest, err);
    if (code == LX_ERR_NOT_READY && contest.candidate != NULL) { /* the live one cannot serve */
        contest_release(&contest);
        *ret_rivals = (struct rivals){0};
        return LX_OK;
    }
    if (code == LX_OK) {
        int64_t a = model_card_unseen_from_ms(model_card(contest.candidate));
        int64_t b = model_card_unseen_from_ms(model_card(contest.live));
        code = rows_moments_after(folder, a > b ? a : b, MOMENTS_MAX, &contest.moments, err);
    }
    if (code == LX_OK && contest.moments.count > 0) {
        code = score_both(folder, options, env, &contest, err);
        if (code == LX_OK) code = fill(&contest, options, env, &rivals, err);
    }
    contest_release(&contest);
    if (code == LX_OK) *ret_rivals = rivals;
    return code;
}
