#include "model/second_fit.h"

#include <math.h>
#include <string.h>

#include "base/rng.h"
#include "model/teach.h"

enum {
    HALVES = SECOND_HALVES,
    BOTH = HALVES,
    COEFFICIENTS = 4,
    RESAMPLES = 200,
    NEWTON_STEPS = 30
};

/* What the coefficients are held to where the log says little: intercept free, then rate, slope and
 * shift; one over their variance. */
static const double PRIOR_MEAN[COEFFICIENTS] = {0, 1, 0.5, 1};
static const double PRIOR_WEIGHT[COEFFICIENTS] = {1e-6, 25, 25, 25};

struct fitting {
    const struct second_rows *rows;
    const struct lx_env *env;
    uint64_t seed;
    uint16_t *categories;
    struct second *seconds[HALVES + 1]; /* without customers of that half; with all */
    struct second_figures figures;
    double *features; /* asked row * COEFFICIENTS */
    double *plain, *with;
    uint8_t *labels;
    struct lx_error *err;
};

static size_t half_of(const struct fitting *fitting, uint32_t customer)
{
    return second_half(fitting->seed, customer);
}

/* Is the case a replay that the second round of `half` learns from? */
static bool is_learnt_from(const struct fitting *fitting, size_t case_index, size_t half)
{
    return fitting->rows->is_replay[case_index] &&
           half_of(fitting, fitting->rows->customers[case_index]) != half;
}

static double chance(double log_odds)
{
    return 1 / (1 + exp(-log_odds));
}

static double log_odds_of(double share)
{
    return log(share / (1 - share));
}

/* ---- Replays ---- */

/* From the model's log-odds to those with which replays are true, product by product: a window of
 * months, and a sample in which those with a truth are too many. */
static void find_offset(const struct fitting *fitting, size_t half, size_t product, double *ret)
{
    const struct second_rows *rows = fitting->rows;
    double low = -20, high = 20, yes = 0.5;
    for (size_t i = 0; i < rows->case_count; i++)
        if (is_learnt_from(fitting, i, half)) yes += rows->truth[i * rows->product_count + product];
    for (int step = 0; step < 40; step++) {
        double middle = (low + high) / 2, sum = 0;
        for (size_t i = 0; i < rows->case_count; i++) {
            double f = (double)rows->log_odds[i * rows->product_count + product];
            if (is_learnt_from(fitting, i, half) && !isnan(f)) sum += chance(f + middle);
        }
        if (sum < yes)
            low = middle;
        else
            high = middle;
    }
    *ret = (low + high) / 2;
}

/* The replays that a half learns from, side by side. */
static enum lx_err collect(const struct fitting *fitting, size_t half, const struct second *second,
                           struct second_round_data *data, float *log_odds, uint8_t *truth)
{
    const struct second_rows *rows = fitting->rows;
    size_t products = rows->product_count, count = 0;
    for (size_t i = 0; i < rows->case_count; i++) {
        if (!is_learnt_from(fitting, i, half)) continue;
        for (size_t p = 0; p < products; p++)
            log_odds[count * products + p] =
                rows->log_odds[i * products + p] + (float)second->offsets[p];
        memcpy(truth + count * products, rows->truth + i * products, products);
        count++;
    }
    *data = (struct second_round_data){.customer_count = count,
                                       .product_count = products,
                                       .log_odds = log_odds,
                                       .truth = truth,
                                       .categories = fitting->categories};
    return LX_OK;
}

static bool has_truth(const struct second_rows *rows, size_t case_index)
{
    const uint8_t *truth = rows->truth + case_index * rows->product_count;
    return memchr(truth, 1, rows->product_count) != NULL;
}

static enum lx_err learn_answers(struct fitting *fitting, size_t half)
{
    const struct second_rows *rows = fitting->rows;
    struct second *second = fitting->seconds[half];
    struct second_round_params params = second_round_params_default();
    struct second_round_data data;
    size_t truths = 0, cells = rows->case_count * rows->product_count;
    for (size_t i = 0; i < rows->case_count; i++)
        truths += is_learnt_from(fitting, i, half) && has_truth(rows, i);
    if (truths < SECOND_TRUTHS_MIN / (half == BOTH ? 1 : HALVES)) return LX_OK;
    for (size_t p = 0; p < rows->product_count; p++)
        find_offset(fitting, half, p, &second->offsets[p]);
    params.member_count = 2;
    params.rows_max = 60000;
    params.round_count = 60;
    params.learning_rate = 0.1;
    params.seed = fitting->seed;
    float *log_odds = lx_malloc((cells + 1) * sizeof *log_odds);
    uint8_t *truth = lx_malloc(cells + 1);
    enum lx_err code = LX_OK;
    if (log_odds == NULL || truth == NULL)
        code = lx_fail(fitting->err, LX_ERR_NO_MEMORY, "second round: out of memory");
    if (code == LX_OK) code = collect(fitting, half, second, &data, log_odds, truth);
    if (code == LX_OK)
        code = second_round_fit(&params, &data, fitting->env, &second->learnt, fitting->err);
    lx_free(log_odds);
    lx_free(truth);
    return code;
}

/* ---- What replays show ---- */

/* One customer played with both second lists, and with a first list that would teach. */
struct replayed {
    double without, with, plain, taught; /* hits: second places; both rounds */
};

struct replaying {
    struct fitting *fitting;
    bool by_forest;
    struct replayed *cases;
    size_t count, taught_count;
    double expected, loss;
    void *scratch;
};

static void choose(uint16_t *order, size_t first, size_t count, size_t places, const double *scores)
{
    for (size_t place = first; place < first + places && place < count; place++) {
        size_t best = place;
        for (size_t i = place + 1; i < count; i++)
            if (scores[order[i]] > scores[order[best]] ||
                (scores[order[i]] == scores[order[best]] && order[i] < order[best]))
                best = i;
        uint16_t kept = order[place];
        order[place] = order[best];
        order[best] = kept;
    }
}

static double hits_of(const uint8_t *truth, const uint16_t *order, size_t first, size_t places)
{
    double hits = 0;
    for (size_t i = first; i < first + places; i++) hits += truth[order[i]];
    return hits;
}

/* The second places after the first of `order` were answered truthfully. */
static double play_second(struct replaying *replaying, const struct second *second,
                          const double *log_odds, const bool *is_held, const uint8_t *truth,
                          const uint16_t *plain_order, size_t count)
{
    float answers[LX_PRODUCT_MAX] = {0};
    double scores[LX_PRODUCT_MAX];
    uint16_t order[LX_PRODUCT_MAX];
    size_t places = SECOND_REPLAY_PLACES;
    memcpy(order, plain_order, count * sizeof *order);
    for (size_t i = 0; i < places; i++) answers[order[i]] = truth[order[i]] ? 1 : -1;
    second_score(second, log_odds, is_held, answers, replaying->scratch, scores);
    choose(order, places, count, places, scores);
    return hits_of(truth, order, places, places);
}

static size_t scratch_bytes_of(const struct fitting *fitting)
{
    size_t most = 1;
    for (size_t half = 0; half <= HALVES; half++) {
        size_t bytes = second_scratch_bytes(fitting->seconds[half]);
        if (bytes > most) most = bytes;
    }
    return most;
}

static void replay(struct replaying *replaying, size_t case_index)
{
    struct fitting *fitting = replaying->fitting;
    const struct second_rows *rows = fitting->rows;
    const struct second *second = fitting->seconds[half_of(fitting, rows->customers[case_index])];
    const float *f = rows->log_odds + case_index * rows->product_count;
    const uint8_t *truth = rows->truth + case_index * rows->product_count;
    double log_odds[LX_PRODUCT_MAX];
    float answers[LX_PRODUCT_MAX] = {0};
    bool is_held[LX_PRODUCT_MAX];
    uint16_t order[LX_PRODUCT_MAX];
    size_t count = 0, places = SECOND_REPLAY_PLACES;
    /* By what happens by itself, in the months and the sample of the replays: what was said in
     * campaigns is not what is replayed here. */
    double zeros[LX_PRODUCT_MAX] = {0};
    struct second plain = *second;
    plain.has_log = false;
    plain.shift = 1;
    plain.interest = 0;
    plain.offsets = zeros;
    if (!replaying->by_forest) plain.learnt = NULL;
    for (size_t p = 0; p < rows->product_count; p++) {
        is_held[p] = isnan(f[p]);
        log_odds[p] = is_held[p] ? 0 : (double)f[p] + second->offsets[p];
        if (!is_held[p]) order[count++] = (uint16_t)p;
    }
    if (count < 2 * places) return;
    choose(order, 0, count, count, log_odds);

    struct replayed *played = &replaying->cases[replaying->count++];
    double first = hits_of(truth, order, 0, places);
    played->without = hits_of(truth, order, places, places);
    played->with = play_second(replaying, &plain, log_odds, is_held, truth, order, count);
    played->plain = played->taught = first + played->with;
    const struct teach_question question = {.second = &plain,
                                            .log_odds = log_odds,
                                            .is_held = is_held,
                                            .answers = answers,
                                            .order = order,
                                            .count = count,
                                            .places = places};
    struct teach_choice choice = teach_choose(&question, replaying->scratch);
    for (size_t i = 0; i < places; i++) replaying->expected += chance(log_odds[order[i]]);
    if (choice.product == BANK_NO_PRODUCT) return;
    replaying->taught_count++;
    replaying->loss += (1 - TEACH_FLOOR) * choice.loss;
    for (size_t i = places; i < count; i++)
        if (order[i] == choice.product) {
            order[i] = order[places - 1];
            order[places - 1] = (uint16_t)choice.product;
            break;
        }
    double taught = hits_of(truth, order, 0, places) +
                    play_second(replaying, &plain, log_odds, is_held, truth, order, count);
    played->taught = TEACH_FLOOR * played->plain + (1 - TEACH_FLOOR) * taught;
}

static double replay_gain(void *context, const uint32_t *units, size_t count)
{
    const struct replaying *replaying = context;
    double with = 0, without = 0;
    for (size_t i = 0; i < count; i++) {
        with += replaying->cases[units[i]].with;
        without += replaying->cases[units[i]].without;
    }
    return without > 0 ? with / without - 1 : NAN;
}

static double teach_gain(void *context, const uint32_t *units, size_t count)
{
    const struct replaying *replaying = context;
    double taught = 0, plain = 0;
    for (size_t i = 0; i < count; i++) {
        taught += replaying->cases[units[i]].taught;
        plain += replaying->cases[units[i]].plain;
    }
    return plain > 0 ? taught / plain - 1 : NAN;
}

/* Plays every replay, answers by the forest or the kernel. */
static enum lx_err measure(struct replaying *replaying, struct metric_interval *ret_gain)
{
    struct fitting *fitting = replaying->fitting;
    const struct second_rows *rows = fitting->rows;
    struct second_figures *figures = &fitting->figures;
    replaying->count = replaying->taught_count = 0;
    replaying->expected = replaying->loss = 0;
    for (size_t i = 0; i < rows->case_count; i++)
        if (rows->is_replay[i]) replay(replaying, i);
    if (replaying->count == 0) return LX_OK;
    enum lx_err code = metric_bootstrap(replaying->count, RESAMPLES, fitting->seed, replay_gain,
                                        replaying, ret_gain);
    if (code == LX_OK)
        code = metric_bootstrap(replaying->count, RESAMPLES, fitting->seed, teach_gain, replaying,
                                &figures->teach_gain);
    figures->taught = (double)replaying->taught_count / (double)replaying->count;
    figures->teach_loss = replaying->expected > 0 ? replaying->loss / replaying->expected : 0;
    return code;
}

/* The figures of teaching are those of what is used. */
static enum lx_err measure_replays(struct fitting *fitting)
{
    struct second_figures *figures = &fitting->figures;
    struct replaying replaying = {.fitting = fitting};
    size_t scratch_bytes = scratch_bytes_of(fitting);
    bool has_forests = true;
    for (size_t half = 0; half <= HALVES; half++)
        has_forests = has_forests && fitting->seconds[half]->learnt != NULL;
    replaying.scratch = lx_malloc(scratch_bytes);
    replaying.cases = lx_calloc(fitting->rows->replay_count + 1, sizeof *replaying.cases);
    enum lx_err code = LX_OK;
    if (replaying.scratch == NULL || replaying.cases == NULL) code = LX_ERR_NO_MEMORY;
    if (code == LX_OK) code = measure(&replaying, &figures->kernel_gain);
    if (code == LX_OK && has_forests) {
        const struct second_figures by_kernel = *figures;
        replaying.by_forest = true;
        code = measure(&replaying, &figures->replay_gain);
        bool is_better =
            figures->replay_gain.low > 0 && figures->replay_gain.value > figures->kernel_gain.value;
        bool is_better_taught =
            figures->teach_gain.low > 0 && figures->teach_gain.value > by_kernel.teach_gain.value;
        figures->uses_forest = is_better || is_better_taught;
        if (!figures->uses_forest) {
            figures->teach_gain = by_kernel.teach_gain;
            figures->taught = by_kernel.taught;
            figures->teach_loss = by_kernel.teach_loss;
        }
    }
    for (size_t half = 0; half <= HALVES && !figures->uses_forest; half++) {
        second_round_close(fitting->seconds[half]->learnt);
        fitting->seconds[half]->learnt = NULL;
    }
    lx_free(replaying.scratch);
    lx_free(replaying.cases);
    return code == LX_OK ? LX_OK : lx_fail(fitting->err, code, "second round: out of memory");
}

/* ---- The campaign log ---- */

/* Shares of yes among customers outside `half`. */
static void find_rates(struct fitting *fitting, size_t half)
{
    const struct second_rows *rows = fitting->rows;
    size_t products = rows->product_count;
    uint64_t shown = 0, yes = 0, own_shown[LX_PRODUCT_MAX] = {0}, own_yes[LX_PRODUCT_MAX] = {0};
    for (size_t i = 0; i < HALVES * products; i++) {
        if (i / products == half) continue;
        own_shown[i % products] += rows->shown[i];
        own_yes[i % products] += rows->yes[i];
        shown += rows->shown[i];
        yes += rows->yes[i];
    }
    double share = ((double)yes + 0.5) / ((double)shown + 1);
    for (size_t p = 0; p < products; p++) {
        double own = ((double)own_yes[p] + SECOND_SHRINKAGE * share) /
                     ((double)own_shown[p] + SECOND_SHRINKAGE);
        fitting->seconds[half]->rates[p] = log_odds_of(own) - log_odds_of(share);
    }
}

/* What the logistic regression sees of an offer; answers as the other half has learnt them. */
static void fill_features(struct fitting *fitting, size_t row, void *scratch)
{
    const struct second_rows *rows = fitting->rows;
    const struct second_asked *asked = &rows->asked[row];
    const struct second *second = fitting->seconds[half_of(fitting, asked->customer)];
    const float *f = rows->log_odds + asked->case_index * rows->product_count;
    double log_odds[LX_PRODUCT_MAX], shifts[LX_PRODUCT_MAX];
    float answers[LX_PRODUCT_MAX] = {0};
    bool is_held[LX_PRODUCT_MAX];
    for (size_t p = 0; p < rows->product_count; p++) {
        is_held[p] = isnan(f[p]);
        log_odds[p] = is_held[p] ? 0 : (double)f[p];
    }
    for (size_t i = 0; i < asked->given_count; i++) {
        const struct second_given *given = &rows->given[asked->given_first + i];
        answers[given->product] = given->weight;
    }
    second_shift(second, log_odds, is_held, answers, scratch, shifts);
    double *to = fitting->features + row * COEFFICIENTS;
    to[0] = 1;
    to[1] = second->rates[asked->product];
    to[2] = log_odds[asked->product];
    to[3] = shifts[asked->product];
    fitting->plain[row] = log_odds[asked->product];
    fitting->labels[row] = asked->is_yes;
}

static double linear(const double *features, const double *coefficients)
{
    double sum = 0;
    for (size_t i = 0; i < COEFFICIENTS; i++) sum += features[i] * coefficients[i];
    return sum;
}

/* Solves the symmetric positive definite system in place (Cholesky); x in b. */
static void solve(double a[COEFFICIENTS][COEFFICIENTS], double b[COEFFICIENTS])
{
    enum { N = COEFFICIENTS };
    for (size_t j = 0; j < N; j++) {
        for (size_t k = 0; k < j; k++) a[j][j] -= a[j][k] * a[j][k];
        a[j][j] = sqrt(a[j][j]);
        for (size_t i = j + 1; i < N; i++) {
            for (size_t k = 0; k < j; k++) a[i][j] -= a[i][k] * a[j][k];
            a[i][j] /= a[j][j];
        }
    }
    for (size_t i = 0; i < N; i++) {
        for (size_t k = 0; k < i; k++) b[i] -= a[i][k] * b[k];
        b[i] /= a[i][i];
    }
    for (size_t i = N; i-- > 0;) {
        for (size_t k = i + 1; k < N; k++) b[i] -= a[k][i] * b[k];
        b[i] /= a[i][i];
    }
}

/* Newton's method on the penalised log-likelihood of customers outside `half`. */
static void regress(const struct fitting *fitting, size_t half, double coefficients[COEFFICIENTS])
{
    const struct second_rows *rows = fitting->rows;
    memcpy(coefficients, PRIOR_MEAN, sizeof PRIOR_MEAN);
    for (int step = 0; step < NEWTON_STEPS; step++) {
        double hessian[COEFFICIENTS][COEFFICIENTS] = {{0}}, gradient[COEFFICIENTS], length = 0;
        for (size_t i = 0; i < COEFFICIENTS; i++) {
            hessian[i][i] = PRIOR_WEIGHT[i];
            gradient[i] = PRIOR_WEIGHT[i] * (PRIOR_MEAN[i] - coefficients[i]);
        }
        for (size_t row = 0; row < rows->asked_count; row++) {
            if (half_of(fitting, rows->asked[row].customer) == half) continue;
            const double *x = fitting->features + row * COEFFICIENTS;
            double p = chance(linear(x, coefficients));
            for (size_t i = 0; i < COEFFICIENTS; i++) {
                gradient[i] += ((double)fitting->labels[row] - p) * x[i];
                for (size_t j = 0; j < COEFFICIENTS; j++)
                    hessian[i][j] += p * (1 - p) * x[i] * x[j];
            }
        }
        solve(hessian, gradient);
        for (size_t i = 0; i < COEFFICIENTS; i++) {
            double bounded = fmax(-2, fmin(2, gradient[i]));
            coefficients[i] += bounded;
            length = fmax(length, fabs(bounded));
        }
        if (length < 1e-10) break;
    }
}

/* Rows of one customer stand together, and are drawn together. */
struct resampling {
    const struct fitting *fitting;
    size_t *ends; /* of each customer's rows */
    size_t customer_count;
    double *plain, *with;
    uint8_t *labels;
};

static double log_gain(void *context, const uint32_t *units, size_t count)
{
    struct resampling *resampling = context;
    const struct fitting *fitting = resampling->fitting;
    size_t rows = 0, room = fitting->rows->asked_count * 2;
    for (size_t i = 0; i < count; i++) {
        size_t unit = units[i];
        for (size_t row = unit > 0 ? resampling->ends[unit - 1] : 0;
             row < resampling->ends[unit] && rows < room; row++, rows++) {
            resampling->plain[rows] = fitting->plain[row];
            resampling->with[rows] = fitting->with[row];
            resampling->labels[rows] = fitting->labels[row];
        }
    }
    double plain = NAN, with = NAN;
    if (metric_roc_auc(resampling->plain, resampling->labels, NULL, rows, &plain) != LX_OK ||
        metric_roc_auc(resampling->with, resampling->labels, NULL, rows, &with) != LX_OK)
        return NAN;
    return with - plain;
}

static enum lx_err measure_log(struct fitting *fitting)
{
    const struct second_rows *rows = fitting->rows;
    struct resampling resampling = {.fitting = fitting};
    size_t room = rows->asked_count * 2 + 1;
    resampling.ends = lx_calloc(rows->asked_count + 1, sizeof *resampling.ends);
    resampling.plain = lx_calloc(room, sizeof *resampling.plain);
    resampling.with = lx_calloc(room, sizeof *resampling.with);
    resampling.labels = lx_calloc(room, 1);
    enum lx_err code = LX_ERR_NO_MEMORY;
    if (resampling.ends != NULL && resampling.plain != NULL && resampling.with != NULL &&
        resampling.labels != NULL) {
        for (size_t i = 0; i < rows->asked_count; i++) {
            bool is_same = i > 0 && rows->asked[i].customer == rows->asked[i - 1].customer;
            if (!is_same) resampling.customer_count++;
            resampling.ends[resampling.customer_count - 1] = i + 1;
        }
        code = metric_bootstrap(resampling.customer_count, RESAMPLES, fitting->seed, log_gain,
                                &resampling, &fitting->figures.log_gain);
    }
    lx_free(resampling.ends);
    lx_free(resampling.plain);
    lx_free(resampling.with);
    lx_free(resampling.labels);
    return code == LX_OK ? LX_OK : lx_fail(fitting->err, code, "second round: out of memory");
}

static enum lx_err learn_log(struct fitting *fitting)
{
    const struct second_rows *rows = fitting->rows;
    struct second_figures *figures = &fitting->figures;
    double coefficients[HALVES + 1][COEFFICIENTS];
    size_t shown_yes = 0;
    for (size_t i = 0; i < rows->asked_count; i++) figures->asked_yes += rows->asked[i].is_yes;
    for (size_t i = 0; i < HALVES * rows->product_count; i++) shown_yes += rows->yes[i];
    figures->asked = rows->asked_count;
    if (figures->asked_yes < SECOND_YES_MIN || shown_yes < SECOND_YES_MIN) return LX_OK;
    for (size_t half = 0; half <= HALVES; half++) find_rates(fitting, half);
    void *scratch = lx_malloc(scratch_bytes_of(fitting));
    fitting->features = lx_calloc(rows->asked_count * COEFFICIENTS, sizeof(double));
    fitting->plain = lx_calloc(rows->asked_count, sizeof(double));
    fitting->with = lx_calloc(rows->asked_count, sizeof(double));
    fitting->labels = lx_calloc(rows->asked_count, 1);
    enum lx_err code = LX_OK;
    if (scratch == NULL || fitting->features == NULL || fitting->plain == NULL ||
        fitting->with == NULL || fitting->labels == NULL)
        code = lx_fail(fitting->err, LX_ERR_NO_MEMORY, "second round: out of memory");
    for (size_t i = 0; i < rows->asked_count && code == LX_OK; i++)
        fill_features(fitting, i, scratch);
    for (size_t half = 0; half <= HALVES && code == LX_OK; half++)
        regress(fitting, half, coefficients[half]);
    for (size_t i = 0; i < rows->asked_count && code == LX_OK; i++)
        fitting->with[i] = linear(fitting->features + i * COEFFICIENTS,
                                  coefficients[half_of(fitting, rows->asked[i].customer)]);
    if (code == LX_OK) code = measure_log(fitting);
    lx_free(scratch);
    if (code != LX_OK || !(figures->log_gain.low > SECOND_LOG_GAIN_MIN)) return code;
    const double *found = coefficients[BOTH];
    struct second *second = fitting->seconds[BOTH];
    second->has_log = figures->uses_log = true;
    second->intercept = found[0];
    second->rate = found[1];
    second->slope = found[2];
    second->shift = found[3];
    return LX_OK;
}

enum lx_err second_fit(const struct second_rows *rows, uint64_t seed,
                       const struct bank_catalogue *catalogue, const struct view_peers *peers,
                       const struct lx_env *env, struct second **ret_second,
                       struct second_figures *ret_figures, struct lx_error *err)
{
    const struct metric_interval unknown = {NAN, NAN, NAN};
    struct fitting fitting = {.rows = rows, .env = env, .seed = seed, .err = err};
    enum lx_err code = LX_OK;
    fitting.figures.log_gain = fitting.figures.replay_gain = unknown;
    fitting.figures.kernel_gain = fitting.figures.teach_gain = unknown;
    fitting.figures.replayed = rows->replay_count;
    for (size_t i = 0; i < rows->case_count; i++)
        fitting.figures.replayed_yes += rows->is_replay[i] && has_truth(rows, i);
    fitting.categories = lx_calloc(catalogue->count, sizeof *fitting.categories);
    if (fitting.categories == NULL)
        code = lx_fail(err, LX_ERR_NO_MEMORY, "second round: out of memory");
    for (size_t p = 0; p < catalogue->count && code == LX_OK; p++)
        fitting.categories[p] = (uint16_t)catalogue->products[p].category;
    for (size_t half = 0; half <= HALVES && code == LX_OK; half++) {
        code = second_new(catalogue, peers, &fitting.seconds[half], err);
        if (code == LX_OK) code = learn_answers(&fitting, half);
    }
    if (code == LX_OK) code = measure_replays(&fitting);
    if (code == LX_OK) code = learn_log(&fitting);
    fitting.figures.teaches = fitting.figures.teach_gain.low > 0;
    for (size_t half = 0; half < HALVES; half++) second_close(fitting.seconds[half]);
    lx_free(fitting.categories);
    lx_free(fitting.features);
    lx_free(fitting.plain);
    lx_free(fitting.with);
    lx_free(fitting.labels);
    if (code != LX_OK) {
        second_close(fitting.seconds[BOTH]);
        return code;
    }
    *ret_second = fitting.seconds[BOTH];
    *ret_figures = fitting.figures;
    return LX_OK;
}
