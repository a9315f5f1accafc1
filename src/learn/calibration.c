#include "learn/calibration.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "codec/json.h"

/* A slope this small still keeps the order of customers; the labels wanted zero or less. */
#define SLOPE_MIN 1e-3

enum { NEWTON_STEPS_MAX = 100 };

static double sigmoid(double margin)
{
    return margin >= 0 ? 1 / (1 + exp(-margin)) : exp(margin) / (1 + exp(margin));
}

static double logit(double probability)
{
    return log(probability) - log1p(-probability);
}

double calibration_prior_shift(double true_rate, double sampled_rate)
{
    LX_ASSERT(true_rate > 0 && true_rate < 1 && sampled_rate > 0 && sampled_rate < 1);

    return logit(true_rate) - logit(sampled_rate);
}

/* One row to learn from, and later a pool of neighbours that share one value. */
struct point {
    double margin, positive, weight; /* pools: sums of margin * weight, of positive weight */
    double value;
};

static int compare_points(const void *left, const void *right)
{
    const struct point *a = left, *b = right;
    return a->margin < b->margin ? -1 : a->margin > b->margin;
}

/* The logistic loss of slope and intercept, its gradient and Hessian; Lin and Weng's targets keep
 * the line finite where the classes are apart. */
struct newton {
    double loss, by_slope, by_intercept, slope_slope, slope_intercept, intercept_intercept;
};

static struct newton newton_of(const struct point *points, size_t count, double high, double low,
                               double slope, double intercept)
{
    struct newton sums = {0};
    for (size_t i = 0; i < count; i++) {
        const struct point *point = &points[i];
        double z = slope * point->margin + intercept, p = sigmoid(z);
        double target = point->positive > 0 ? high : low;
        double residual = point->weight * (p - target), curvature = point->weight * p * (1 - p);
        sums.loss += point->weight * (log1p(exp(-fabs(z))) + fmax(z, 0) - target * z);
        sums.by_slope += residual * point->margin;
        sums.by_intercept += residual;
        sums.slope_slope += curvature * point->margin * point->margin;
        sums.slope_intercept += curvature * point->margin;
        sums.intercept_intercept += curvature;
    }
    return sums;
}

/* Newton's method with halved steps; where `is_slope_fixed`, along the intercept alone. */
static void fit_line(const struct point *points, size_t count, double high, double low,
                     bool is_slope_fixed, double *slope, double *intercept)
{
    struct newton at = newton_of(points, count, high, low, *slope, *intercept);
    for (int step = 0; step < NEWTON_STEPS_MAX; step++) {
        double ridge = 1e-12 * (1 + at.slope_slope + at.intercept_intercept), a = 0, b;
        if (is_slope_fixed) {
            b = at.by_intercept / (at.intercept_intercept + ridge);
        } else {
            double ss = at.slope_slope + ridge, ii = at.intercept_intercept + ridge;
            double determinant = ss * ii - at.slope_intercept * at.slope_intercept;
            a = (ii * at.by_slope - at.slope_intercept * at.by_intercept) / determinant;
            b = (ss * at.by_intercept - at.slope_intercept * at.by_slope) / determinant;
        }
        double size = 1;
        struct newton next = newton_of(points, count, high, low, *slope - a, *intercept - b);
        for (; size > 1e-10 && !(next.loss <= at.loss); size /= 2)
            next = newton_of(points, count, high, low, *slope - a * size / 2,
                             *intercept - b * size / 2);
        if (size <= 1e-10) return;
        *slope -= a * size;
        *intercept -= b * size;
        bool is_done = at.loss - next.loss <= 1e-14 * (1 + fabs(at.loss));
        at = next;
        if (is_done) return;
    }
}

static void fit_platt(const struct point *points, size_t count, double positive, double negative,
                      struct calibration *calibration)
{
    double high = (positive + 1) / (positive + 2), low = 1 / (negative + 2);
    double slope = 1, intercept = 0;
    fit_line(points, count, high, low, false, &slope, &intercept);
    if (!(slope >= SLOPE_MIN)) {
        slope = SLOPE_MIN;
        intercept = logit((positive + 1) / (positive + negative + 2));
        fit_line(points, count, high, low, true, &slope, &intercept);
    }
    calibration->kind = CALIBRATION_PLATT;
    calibration->slope = slope;
    calibration->intercept = intercept;
}

/* Sorted points become pools of equal margins. */
static size_t pool_ties(struct point *points, size_t count)
{
    size_t pool_count = 0;
    for (size_t begin = 0, end; begin < count; begin = end) {
        struct point pool = {0};
        for (end = begin; end < count && points[end].margin == points[begin].margin; end++) {
            pool.margin += points[end].margin * points[end].weight;
            pool.positive += points[end].positive;
            pool.weight += points[end].weight;
        }
        if (pool.weight > 0) points[pool_count++] = pool;
    }
    return pool_count;
}

/* The share of positives in a pool, at least `floor_rows` of a row off 0 and 1. */
static double pool_value(const struct point *pool, double floor_rows)
{
    double floor = floor_rows / (pool->weight + 1);
    return fmin(fmax(pool->positive / pool->weight, floor), 1 - floor);
}

static void merge(struct point *into, const struct point *other)
{
    into->margin += other->margin;
    into->positive += other->positive;
    into->weight += other->weight;
}

/* Pool adjacent violators, until values rise strictly. */
static size_t pool_violators(struct point *pools, size_t count, double floor_rows)
{
    size_t top = 0;
    for (size_t i = 0; i < count; i++) {
        pools[top] = pools[i];
        pools[top].value = pool_value(&pools[top], floor_rows);
        for (top++; top > 1 && pools[top - 2].value >= pools[top - 1].value; top--) {
            merge(&pools[top - 2], &pools[top - 1]);
            pools[top - 2].value = pool_value(&pools[top - 2], floor_rows);
        }
    }
    return top;
}

/* Joins the two neighbours that are lightest together, until there are few enough. */
static size_t bound_pools(struct point *pools, size_t count)
{
    while (count > CALIBRATION_KNOTS_MAX) {
        size_t best = 0;
        for (size_t i = 1; i + 1 < count; i++)
            if (pools[i].weight + pools[i + 1].weight < pools[best].weight + pools[best + 1].weight)
                best = i;
        merge(&pools[best], &pools[best + 1]);
        for (size_t i = best + 1; i + 1 < count; i++) pools[i] = pools[i + 1];
        count--;
    }
    return count;
}

static void fit_isotonic(struct point *points, size_t count, struct calibration *calibration)
{
    qsort(points, count, sizeof *points, compare_points);
    size_t pool_count = pool_violators(points, pool_ties(points, count), 0);
    /* The log-odds of 0 and 1 are infinite: the ends are moved in by half a row, which may make
     * them violators again. */
    pool_count = pool_violators(points, bound_pools(points, pool_count), 0.5);
    calibration->kind = CALIBRATION_ISOTONIC;
    calibration->knot_count = 0;
    for (size_t i = 0; i < pool_count; i++) {
        double margin = points[i].margin / points[i].weight, value = logit(points[i].value);
        size_t k = calibration->knot_count;
        /* Rounding of the means could let two knots meet. */
        if (k > 0 &&
            !(margin > calibration->margins[k - 1] && value > calibration->log_odds[k - 1]))
            continue;
        calibration->margins[k] = margin;
        calibration->log_odds[k] = value;
        calibration->knot_count++;
    }
}

enum lx_err calibration_fit(const double *margins, const uint8_t *labels, const double *weights,
                            size_t count, double prior_shift, struct calibration *ret_calibration,
                            struct lx_error *err)
{
    LX_ASSERT(isfinite(prior_shift) && ret_calibration != NULL);

    struct calibration calibration = {.prior_shift = prior_shift};
    struct point *points = lx_calloc(count > 0 ? count : 1, sizeof *points);
    if (points == NULL) return lx_fail(err, LX_ERR_NO_MEMORY, "calibration: %zu rows", count);
    double positive = 0, negative = 0;
    size_t positive_count = 0;
    for (size_t i = 0; i < count; i++) {
        double weight = weights == NULL ? 1 : weights[i];
        LX_ASSERT(isfinite(margins[i]) && weight >= 0 && labels[i] <= 1);
        points[i] = (struct point){margins[i] + prior_shift, labels[i] ? weight : 0, weight, 0};
        *(labels[i] ? &positive : &negative) += weight;
        positive_count += labels[i];
    }
    enum lx_err code = LX_OK;
    if (!(positive > 0 && negative > 0))
        code = lx_fail(err, LX_ERR_BAD_INPUT,
                       "calibration: %zu rows, %zu positive: both kinds are needed", count,
                       positive_count);
    else if (positive_count >= CALIBRATION_POSITIVES_MIN)
        fit_isotonic(points, count, &calibration);
    else
        fit_platt(points, count, positive, negative, &calibration);
    lx_free(points);
    if (code == LX_OK) *ret_calibration = calibration;
    return code;
}

/* Linear between knots. Beyond the first and the last the rows of an end pool say that nothing
 * changes any more; the least slope keeps their order. */
static double isotonic_log_odds(const struct calibration *calibration, double margin)
{
    const double *x = calibration->margins, *y = calibration->log_odds;
    size_t low = 0, high = calibration->knot_count - 1;
    if (margin <= x[low]) return y[low] + SLOPE_MIN * (margin - x[low]);
    if (margin >= x[high]) return y[high] + SLOPE_MIN * (margin - x[high]);
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (x[middle] <= margin)
            low = middle;
        else
            high = middle;
    }
    return y[low] + (margin - x[low]) / (x[high] - x[low]) * (y[high] - y[low]);
}

double calibration_log_odds(const struct calibration *calibration, double margin)
{
    double shifted = margin + calibration->prior_shift;
    switch (calibration->kind) {
    case CALIBRATION_IDENTITY: return shifted;
    case CALIBRATION_PLATT: return calibration->slope * shifted + calibration->intercept;
    case CALIBRATION_ISOTONIC: return isotonic_log_odds(calibration, shifted);
    }
    lx_bug(__FILE__, __LINE__, "calibration kind");
}

double calibration_probability(const struct calibration *calibration, double margin)
{
    return sigmoid(calibration_log_odds(calibration, margin));
}

static const char *const kind_names[] = {
    [CALIBRATION_IDENTITY] = "identity",
    [CALIBRATION_PLATT] = "platt",
    [CALIBRATION_ISOTONIC] = "isotonic",
};

static void write_reals(struct json_writer *json, const char *name, const double *values,
                        size_t count)
{
    json_name(json, name);
    json_array_begin(json);
    for (size_t i = 0; i < count; i++) json_number(json, values[i]);
    json_array_end(json);
}

void calibration_write(const struct calibration *calibration, struct lx_buffer *buffer)
{
    struct json_writer json;
    json_init(&json, buffer);
    json_object_begin(&json);
    json_name_text(&json, "kind", kind_names[calibration->kind]);
    json_name_real(&json, "prior_shift", calibration->prior_shift);
    json_name_real(&json, "slope", calibration->slope);
    json_name_real(&json, "intercept", calibration->intercept);
    write_reals(&json, "margins", calibration->margins, calibration->knot_count);
    write_reals(&json, "log_odds", calibration->log_odds, calibration->knot_count);
    json_object_end(&json);
}

static bool read_real(const json_t *object, const char *name, double *ret_value)
{
    const json_t *value = json_object_get(object, name);
    if (!json_is_number(value)) return false;
    *ret_value = json_number_value(value);
    return isfinite(*ret_value);
}

/* Rising numbers, at most CALIBRATION_KNOTS_MAX. */
static bool read_reals(const json_t *object, const char *name, double *values, size_t *ret_count)
{
    const json_t *array = json_object_get(object, name);
    size_t count = json_array_size(array);
    if (!json_is_array(array) || count > CALIBRATION_KNOTS_MAX) return false;
    for (size_t i = 0; i < count; i++) {
        const json_t *value = json_array_get(array, i);
        if (!json_is_number(value)) return false;
        values[i] = json_number_value(value);
        if (!isfinite(values[i]) || (i > 0 && values[i] <= values[i - 1])) return false;
    }
    *ret_count = count;
    return true;
}

static bool read_kind(const json_t *object, enum calibration_kind *ret_kind)
{
    const json_t *kind = json_object_get(object, "kind");
    for (size_t i = 0; json_is_string(kind) && i < LX_COUNT_OF(kind_names); i++) {
        if (strcmp(json_string_value(kind), kind_names[i]) != 0) continue;
        *ret_kind = (enum calibration_kind)i;
        return true;
    }
    return false;
}

enum lx_err calibration_read(const char *json, size_t length, struct calibration *ret_calibration,
                             struct lx_error *err)
{
    json_error_t where;
    json_t *object = json_loadb(json, length, JSON_REJECT_DUPLICATES, &where);
    if (object == NULL)
        return lx_fail(err, LX_ERR_BAD_INPUT, "calibration:%d: %s", where.line, where.text);

    struct calibration calibration = {0};
    size_t log_odds_count = 0;
    bool is_whole = read_kind(object, &calibration.kind) &&
                    read_real(object, "prior_shift", &calibration.prior_shift) &&
                    read_real(object, "slope", &calibration.slope) &&
                    read_real(object, "intercept", &calibration.intercept) &&
                    read_reals(object, "margins", calibration.margins, &calibration.knot_count) &&
                    read_reals(object, "log_odds", calibration.log_odds, &log_odds_count) &&
                    log_odds_count == calibration.knot_count &&
                    (calibration.kind != CALIBRATION_ISOTONIC || log_odds_count > 0) &&
                    (calibration.kind != CALIBRATION_PLATT || calibration.slope > 0);
    json_decref(object);
    if (!is_whole)
        return lx_fail(err, LX_ERR_BAD_INPUT,
                       "calibration: kind, prior_shift, slope, intercept, margins or log_odds "
                       "missing or out of range");
    *ret_calibration = calibration;
    return LX_OK;
}
