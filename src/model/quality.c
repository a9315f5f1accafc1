#include "model/quality.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/rng.h"
#include "host/thread.h"
#include "learn/metrics.h"

static const struct {
    const char *name, *about;
    size_t offset;
} figures[] = {
#define X(name, about) {#name, about, offsetof(struct quality, name)},
    QUALITY_MAP(X)
#undef X
};

const char *quality_name(enum quality_figure figure)
{
    LX_ASSERT((size_t)figure < QUALITY_COUNT);
    return figures[figure].name;
}

const char *quality_about(enum quality_figure figure)
{
    LX_ASSERT((size_t)figure < QUALITY_COUNT);
    return figures[figure].about;
}

double quality_value(const struct quality *quality, enum quality_figure figure)
{
    LX_ASSERT((size_t)figure < QUALITY_COUNT);
    double value;
    memcpy(&value, (const char *)quality + figures[figure].offset, sizeof value);
    return value;
}

void quality_set(struct quality *quality, enum quality_figure figure, double value)
{
    LX_ASSERT((size_t)figure < QUALITY_COUNT);
    memcpy((char *)quality + figures[figure].offset, &value, sizeof value);
}

const char *quality_ranking_name(enum quality_ranking ranking)
{
    static const char *const names[] = {
#define X(name, text) text,
        QUALITY_RANKING_MAP(X)
#undef X
    };
    LX_ASSERT((size_t)ranking < QUALITY_BY_COUNT);
    return names[ranking];
}

/* One row of a ranking, best score first. */
struct placed {
    double score;
    uint32_t unit;
    uint16_t product;
    uint8_t is_positive;
    uint8_t is_tied; /* with the row before */
};

/* Hits among the best five of a case that has a positive. */
struct top5 {
    uint32_t unit;
    float precision;
};

struct ranking {
    struct placed *placed; /* owned */
    struct top5 *top5;     /* owned */
    size_t count, top5_count, product_count;
    bool is_probability;
};

static void ranking_release(struct ranking *ranking)
{
    lx_free(ranking->placed);
    lx_free(ranking->top5);
    *ranking = (struct ranking){0};
}

static int compare_placed(const void *left, const void *right)
{
    const struct placed *a = left, *b = right;
    if (a->score != b->score) return a->score > b->score ? -1 : 1;
    if (a->unit != b->unit) return a->unit < b->unit ? -1 : 1;
    return a->product < b->product ? -1 : a->product > b->product;
}

/* A tie goes to the earlier candidate, as in metric_ranking. */
static float precision_of_case(const double *scores, const uint8_t *labels, size_t count)
{
    enum { BEST = 5 };
    size_t best[BEST], best_count = 0, hits = 0;
    for (size_t i = 0; i < count; i++) {
        size_t at = best_count;
        while (at > 0 && scores[i] > scores[best[at - 1]]) at--;
        if (at == BEST) continue;
        if (best_count < BEST) best_count++;
        memmove(best + at + 1, best + at, (best_count - at - 1) * sizeof *best);
        best[at] = i;
    }
    for (size_t i = 0; i < best_count; i++) hits += labels[best[i]];
    return (float)hits / BEST;
}

static void rank_cases(const struct quality_rows *rows, const double *scores,
                       struct ranking *ranking)
{
    size_t begin = 0;
    for (size_t i = 0; i < rows->case_count; i++) {
        size_t count = rows->case_ends[i] - begin;
        if (memchr(rows->labels + begin, 1, count) != NULL)
            ranking->top5[ranking->top5_count++] =
                (struct top5){rows->case_units[i],
                              precision_of_case(scores + begin, rows->labels + begin, count)};
        begin = rows->case_ends[i];
    }
}

static enum lx_err ranking_init(const struct quality_rows *rows, const double *scores,
                                struct ranking *ranking)
{
    ranking->count = rows->count;
    ranking->product_count = rows->product_count;
    ranking->placed = lx_malloc((rows->count + 1) * sizeof *ranking->placed);
    ranking->top5 = lx_malloc((rows->case_count + 1) * sizeof *ranking->top5);
    if (ranking->placed == NULL || ranking->top5 == NULL) return LX_ERR_NO_MEMORY;

    size_t unit_case = 0;
    for (size_t i = 0; i < rows->count; i++) {
        while (i >= rows->case_ends[unit_case]) unit_case++;
        LX_ASSERT(!isnan(scores[i]));
        ranking->placed[i] = (struct placed){scores[i], rows->case_units[unit_case],
                                             rows->products[i], rows->labels[i], 0};
    }
    qsort(ranking->placed, rows->count, sizeof *ranking->placed, compare_placed);
    for (size_t i = 1; i < rows->count; i++)
        ranking->placed[i].is_tied = ranking->placed[i].score == ranking->placed[i - 1].score;
    rank_cases(rows, scores, ranking);
    return LX_OK;
}

/* Area under the curve of one product, walked from the best score down. */
struct product_curve {
    double positive, negative, area;          /* up to the last tie that is complete */
    double tie_positive, tie_negative, score; /* of the tie that is being read */
};

static void product_curve_flush(struct product_curve *curve)
{
    curve->area += curve->tie_negative * (curve->positive + curve->tie_positive / 2);
    curve->positive += curve->tie_positive;
    curve->negative += curve->tie_negative;
    curve->tie_positive = curve->tie_negative = 0;
}

static void product_curve_add(struct product_curve *curve, const struct placed *row, double weight)
{
    if (curve->score != row->score) product_curve_flush(curve);
    curve->score = row->score;
    if (row->is_positive)
        curve->tie_positive += weight;
    else
        curve->tie_negative += weight;
}

static double within_products(struct product_curve *curves, size_t count)
{
    double sum = 0, weight = 0;
    for (size_t i = 0; i < count; i++) {
        struct product_curve *curve = &curves[i];
        product_curve_flush(curve);
        if (curve->positive <= 0 || curve->negative <= 0) continue;
        sum += curve->area / curve->negative; /* AUC times positives */
        weight += curve->positive;
    }
    return weight > 0 ? sum / weight : NAN;
}

/* Depths of the ranking at which positives and expected positives are read. */
enum {
    CUT_HUNDREDTH,
    CUT_TWENTIETH,
    CUT_TENTH,
    CUT_BINS, /* METRIC_BINS of them: where bins end, the highest probabilities first */
    CUT_COUNT = CUT_BINS + METRIC_BINS
};

struct cut {
    uint64_t depth;
    double positives, expected;
    int which;
};

static int compare_cuts(const void *left, const void *right)
{
    const struct cut *a = left, *b = right;
    return a->depth < b->depth ? -1 : a->depth > b->depth;
}

static void cuts_init(struct cut cuts[CUT_COUNT], uint64_t mass)
{
    for (int i = 0; i < CUT_COUNT; i++) cuts[i] = (struct cut){.which = i};
    uint64_t hundredth = (uint64_t)llround(0.01 * (double)mass);
    uint64_t twentieth = (uint64_t)llround(0.05 * (double)mass);
    cuts[CUT_HUNDREDTH].depth = hundredth > 0 ? hundredth : 1;
    cuts[CUT_TWENTIETH].depth = twentieth > 0 ? twentieth : 1;
    cuts[CUT_TENTH].depth = (mass + 5) / 10;
    for (uint64_t i = 0; i < METRIC_BINS; i++)
        cuts[CUT_BINS + i].depth = mass - mass * (METRIC_BINS - 1 - i) / METRIC_BINS;
    qsort(cuts, CUT_COUNT, sizeof *cuts, compare_cuts);
}

/* Walks down one ranking with a weight for each customer. */
struct walk {
    const struct ranking *ranking;
    const uint16_t *weights;      /* by unit */
    struct product_curve *curves; /* by product; scratch */
    struct cut cuts[CUT_COUNT];
    double positives, negatives, expected; /* so far */
    double roc, pr;
    uint64_t mass;
    size_t next_cut;
};

/* A tie counts by its mean, so that a cut inside it does not depend on the order. */
static void walk_tie(struct walk *walk, double positives, uint64_t mass, double score)
{
    uint64_t end = walk->mass + mass;
    while (walk->next_cut < CUT_COUNT && walk->cuts[walk->next_cut].depth <= end) {
        struct cut *cut = &walk->cuts[walk->next_cut++];
        double depth = (double)(cut->depth - walk->mass);
        cut->positives = walk->positives + positives * depth / (double)mass;
        cut->expected = walk->expected + score * depth;
    }
    double negatives = (double)mass - positives;
    walk->roc += negatives * (walk->positives + positives / 2);
    walk->positives += positives;
    walk->negatives += negatives;
    walk->expected += score * (double)mass;
    walk->mass = end;
    if (positives > 0) walk->pr += positives * walk->positives / (double)end;
}

static void walk_down(struct walk *walk)
{
    const struct placed *placed = walk->ranking->placed;
    size_t count = walk->ranking->count;
    uint64_t tie_mass = 0, tie_positives = 0;
    for (size_t i = 0; i < count; i++) {
        unsigned weight = walk->weights[placed[i].unit];
        if (!placed[i].is_tied && tie_mass > 0) {
            walk_tie(walk, (double)tie_positives, tie_mass, placed[i - 1].score);
            tie_mass = tie_positives = 0;
        }
        if (weight == 0) continue;
        tie_mass += weight;
        tie_positives += placed[i].is_positive ? weight : 0;
        product_curve_add(&walk->curves[placed[i].product], &placed[i], weight);
    }
    if (tie_mass > 0) walk_tie(walk, (double)tie_positives, tie_mass, placed[count - 1].score);
}

static double over_expected(const struct cut *cut)
{
    return cut->expected > 0 ? cut->positives / cut->expected : NAN;
}

static double expected_error(const struct cut *by_which[CUT_COUNT], double mass)
{
    double error = 0, positives = 0, expected = 0;
    for (int i = 0; i < METRIC_BINS; i++) {
        const struct cut *cut = by_which[CUT_BINS + i];
        error += fabs((cut->positives - positives) - (cut->expected - expected));
        positives = cut->positives;
        expected = cut->expected;
    }
    return mass > 0 ? error / mass : NAN;
}

static double lift(const struct cut *cut, double positives, double mass)
{
    return positives > 0 && positives < mass
               ? cut->positives / positives * mass / (double)cut->depth
               : NAN;
}

static double recall(const struct cut *cut, double positives)
{
    return positives > 0 ? cut->positives / positives : NAN;
}

static double mean_top5(const struct ranking *ranking, const uint16_t *weights)
{
    double sum = 0, weight_sum = 0;
    for (size_t i = 0; i < ranking->top5_count; i++) {
        double weight = weights[ranking->top5[i].unit];
        sum += weight * (double)ranking->top5[i].precision;
        weight_sum += weight;
    }
    return weight_sum > 0 ? sum / weight_sum : NAN;
}

static uint64_t mass_of(const struct ranking *ranking, const uint16_t *weights)
{
    uint64_t mass = 0;
    for (size_t i = 0; i < ranking->count; i++) mass += weights[ranking->placed[i].unit];
    return mass;
}

static void measure(const struct ranking *ranking, const uint16_t *weights,
                    struct product_curve *curves, struct quality *ret_quality)
{
    struct walk walk = {.ranking = ranking, .weights = weights, .curves = curves};
    memset(curves, 0, ranking->product_count * sizeof *curves);
    for (size_t i = 0; i < ranking->product_count; i++) curves[i].score = NAN;
    cuts_init(walk.cuts, mass_of(ranking, weights));
    walk_down(&walk);

    const struct cut *by_which[CUT_COUNT] = {0};
    for (int i = 0; i < CUT_COUNT; i++) by_which[walk.cuts[i].which] = &walk.cuts[i];
    double mass = (double)walk.mass;
    bool has_both = walk.positives > 0 && walk.negatives > 0;
    *ret_quality = (struct quality){
        .pr_auc = has_both ? walk.pr / walk.positives : NAN,
        .roc_auc = has_both ? walk.roc / walk.positives / walk.negatives : NAN,
        .roc_auc_within = within_products(curves, ranking->product_count),
        .lift_1pct = lift(by_which[CUT_HUNDREDTH], walk.positives, mass),
        .lift_5pct = lift(by_which[CUT_TWENTIETH], walk.positives, mass),
        .lift_10pct = lift(by_which[CUT_TENTH], walk.positives, mass),
        .recall_1pct = recall(by_which[CUT_HUNDREDTH], walk.positives),
        .recall_5pct = recall(by_which[CUT_TWENTIETH], walk.positives),
        .recall_10pct = recall(by_which[CUT_TENTH], walk.positives),
        .precision5 = mean_top5(ranking, weights),
        .ece = NAN,
        .observed_over_expected_top10 = NAN,
        .observed_over_expected_top1 = NAN,
    };
    if (!ranking->is_probability) return;
    ret_quality->ece = expected_error(by_which, mass);
    ret_quality->observed_over_expected_top10 = over_expected(by_which[CUT_TENTH]);
    ret_quality->observed_over_expected_top1 = over_expected(by_which[CUT_HUNDREDTH]);
}

/* A resample, each in its own place; the first one is every customer once. */
struct resampling {
    const struct ranking *rankings;
    size_t ranking_count; /* the first of QUALITY_BY_COUNT */
    size_t unit_count, product_count;
    uint64_t seed;
    struct quality *results; /* QUALITY_BY_COUNT of each resample */
    enum lx_err *codes;
};

static void run_resample(void *context, size_t item)
{
    struct resampling *resampling = context;
    size_t unit_count = resampling->unit_count;
    uint16_t *weights = lx_calloc(unit_count, sizeof *weights);
    struct product_curve *curves = lx_calloc(resampling->product_count, sizeof *curves);
    resampling->codes[item] = LX_ERR_NO_MEMORY;
    if (weights == NULL || curves == NULL) goto out;

    struct lx_rng rng = lx_rng_of(resampling->seed, item);
    for (size_t i = 0; i < unit_count; i++) {
        size_t unit = item == 0 ? i : (size_t)lx_rng_below(&rng, unit_count);
        if (weights[unit] < UINT16_MAX) weights[unit]++;
    }
    for (size_t i = 0; i < resampling->ranking_count; i++)
        measure(&resampling->rankings[i], weights, curves,
                &resampling->results[item * QUALITY_BY_COUNT + i]);
    resampling->codes[item] = LX_OK;
out:
    lx_free(weights);
    lx_free(curves);
}

static int compare_reals(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return a < b ? -1 : a > b;
}

/* Linear between the sorted values, as metric_bootstrap does. */
static double quantile(const double *sorted, size_t count, double share)
{
    double place = share * (double)(count - 1);
    size_t below = (size_t)place;
    if (below + 1 >= count) return sorted[count - 1];
    return sorted[below] + (place - (double)below) * (sorted[below + 1] - sorted[below]);
}

static void intervals(const struct quality *results, size_t count, double *scratch,
                      struct quality ret_low[QUALITY_BY_COUNT],
                      struct quality ret_high[QUALITY_BY_COUNT])
{
    for (size_t i = 0; i < (size_t)QUALITY_BY_COUNT * QUALITY_COUNT; i++) {
        size_t ranking = i / QUALITY_COUNT, present = 0;
        enum quality_figure figure = (enum quality_figure)(i % QUALITY_COUNT);
        for (size_t r = 1; r < count; r++) {
            double value = quality_value(&results[r * QUALITY_BY_COUNT + ranking], figure);
            if (!isnan(value)) scratch[present++] = value;
        }
        qsort(scratch, present, sizeof *scratch, compare_reals);
        quality_set(&ret_low[ranking], figure, present ? quantile(scratch, present, 0.025) : NAN);
        quality_set(&ret_high[ranking], figure, present ? quantile(scratch, present, 0.975) : NAN);
    }
}

static enum lx_err resample(const struct ranking *rankings, const struct quality_rows *rows,
                            int resamples, int thread_count, struct quality *ret_value,
                            struct quality *ret_low, struct quality *ret_high, struct lx_error *err)
{
    size_t count = (size_t)resamples + 1;
    struct resampling resampling = {.rankings = rankings,
                                    .ranking_count = QUALITY_BY_COUNT,
                                    .unit_count = rows->unit_count,
                                    .product_count = rows->product_count,
                                    .seed = rows->seed};
    enum lx_err code = LX_ERR_NO_MEMORY;
    double *scratch = lx_calloc(count, sizeof *scratch);
    resampling.results = lx_calloc(count, QUALITY_BY_COUNT * sizeof *resampling.results);
    resampling.codes = lx_calloc(count, sizeof *resampling.codes);
    if (scratch == NULL || resampling.results == NULL || resampling.codes == NULL) goto out;

    code = host_parallel(thread_count, count, run_resample, &resampling, err);
    for (size_t i = 0; code == LX_OK && i < count; i++) code = resampling.codes[i];
    if (code != LX_OK) goto out;
    memcpy(ret_value, resampling.results, QUALITY_BY_COUNT * sizeof *ret_value);
    if (resamples > 0) intervals(resampling.results, count, scratch, ret_low, ret_high);
out:
    lx_free(scratch);
    lx_free(resampling.results);
    lx_free(resampling.codes);
    return code;
}

static void fill_random(const struct quality_rows *rows, double *scores)
{
    struct lx_rng rng = lx_rng_of(rows->seed, UINT64_MAX);
    for (size_t i = 0; i < rows->count; i++) scores[i] = lx_rng_uniform(&rng);
}

enum lx_err quality_measure(const struct quality_rows *rows, int resamples, int thread_count,
                            struct quality ret_value[QUALITY_BY_COUNT],
                            struct quality ret_low[QUALITY_BY_COUNT],
                            struct quality ret_high[QUALITY_BY_COUNT], struct lx_error *err)
{
    LX_ASSERT(rows->count > 0 && rows->unit_count > 0 && resamples >= 0);
    LX_ASSERT(rows->case_ends[rows->case_count - 1] == rows->count);

    struct ranking rankings[QUALITY_BY_COUNT] = {{0}};
    enum lx_err code = LX_ERR_NO_MEMORY;
    double *random = lx_malloc(rows->count * sizeof *random);
    if (random == NULL) goto out;
    fill_random(rows, random);
    code = ranking_init(rows, rows->probabilities, &rankings[QUALITY_BY_MODEL]);
    rankings[QUALITY_BY_MODEL].is_probability = true;
    if (code == LX_OK)
        code = ranking_init(rows, rows->popularity, &rankings[QUALITY_BY_POPULARITY]);
    if (code == LX_OK) code = ranking_init(rows, random, &rankings[QUALITY_BY_RANDOM]);
    if (code == LX_OK)
        code = resample(rankings, rows, resamples, thread_count, ret_value, ret_low, ret_high, err);
out:
    for (size_t i = 0; i < QUALITY_BY_COUNT; i++) ranking_release(&rankings[i]);
    lx_free(random);
    if (code == LX_ERR_NO_MEMORY) return lx_fail(err, code, "quality: out of memory");
    return code;
}

enum lx_err quality_resamples(const struct quality_rows *rows, int resamples, int thread_count,
                              struct quality *ret_resamples, struct lx_error *err)
{
    LX_ASSERT(rows->count > 0 && rows->unit_count > 0 && resamples > 0);

    struct ranking ranking = {0};
    size_t count = (size_t)resamples + 1;
    struct resampling resampling = {.rankings = &ranking,
                                    .ranking_count = 1,
                                    .unit_count = rows->unit_count,
                                    .product_count = rows->product_count,
                                    .seed = rows->seed};
    resampling.results = lx_calloc(count, QUALITY_BY_COUNT * sizeof *resampling.results);
    resampling.codes = lx_calloc(count, sizeof *resampling.codes);
    enum lx_err code = LX_ERR_NO_MEMORY;
    if (resampling.results != NULL && resampling.codes != NULL)
        code = ranking_init(rows, rows->probabilities, &ranking);
    ranking.is_probability = true;
    if (code == LX_OK) code = host_parallel(thread_count, count, run_resample, &resampling, err);
    for (size_t i = 0; code == LX_OK && i < count; i++) code = resampling.codes[i];
    for (size_t i = 1; code == LX_OK && i < count; i++)
        ret_resamples[i - 1] = resampling.results[i * QUALITY_BY_COUNT + QUALITY_BY_MODEL];
    ranking_release(&ranking);
    lx_free(resampling.results);
    lx_free(resampling.codes);
    return code == LX_ERR_NO_MEMORY ? lx_fail(err, code, "quality: out of memory") : code;
}
