#include "model/rounds.h"

#include <math.h>
#include <string.h>

/* The spread of tastes that the model does not know, in log-odds squared; the part that a category
 * as such has in it. */
#define VARIANCE 3.0
#define CATEGORY 0.5
#define LOG_LIFT_MAX 2.0

static double log_lift(const struct view_peers *peers, size_t a, size_t b)
{
    if (a == b) return LOG_LIFT_MAX;
    double lift = view_peers_lift(peers, (int)a, (int)b);
    if (!(lift > 0)) return -LOG_LIFT_MAX;
    return fmax(-LOG_LIFT_MAX, fmin(LOG_LIFT_MAX, log(lift)));
}

static double cosine(const double *a, const double *b, size_t count)
{
    double ab = 0, aa = 0, bb = 0;
    for (size_t i = 0; i < count; i++) {
        ab += a[i] * b[i];
        aa += a[i] * a[i];
        bb += b[i] * b[i];
    }
    return ab / sqrt(aa * bb); /* the diagonal keeps both above 0 */
}

enum lx_err rounds_kernel_init(const struct bank_catalogue *catalogue,
                               const struct view_peers *peers, struct rounds_kernel *ret_kernel,
                               struct lx_error *err)
{
    size_t count = catalogue->count;
    double *lifts = lx_calloc(count * count + 1, sizeof *lifts);
    double *values = lx_calloc(count * count + 1, sizeof *values);
    if (lifts == NULL || values == NULL) {
        lx_free(lifts);
        lx_free(values);
        return lx_fail(err, LX_ERR_NO_MEMORY, "product affinities: out of memory");
    }
    for (size_t i = 0; i < count * count; i++) lifts[i] = log_lift(peers, i / count, i % count);
    for (size_t i = 0; i < count * count; i++) {
        size_t a = i / count, b = i % count;
        bool is_same = catalogue->products[a].category == catalogue->products[b].category;
        double likeness = cosine(lifts + a * count, lifts + b * count, count);
        values[i] = VARIANCE * ((is_same ? CATEGORY : 0) + (1 - CATEGORY) * likeness);
    }
    lx_free(lifts);
    *ret_kernel = (struct rounds_kernel){values, count};
    return LX_OK;
}

void rounds_kernel_release(struct rounds_kernel *kernel)
{
    lx_free(kernel->values);
    *kernel = (struct rounds_kernel){0};
}

bool rounds_answer_weight(enum bank_answer answer, double *ret_weight, bool *ret_is_yes)
{
    switch (answer) {
    case BANK_ANSWER_INTERESTED:
    case BANK_ANSWER_BOUGHT: *ret_weight = 1; break;
    case BANK_ANSWER_NOT_INTERESTED: *ret_weight = 1; break;
    case BANK_ANSWER_VIEWED: *ret_weight = 0.1; break;
    case BANK_ANSWER_IGNORED: *ret_weight = 0.3; break;
    case BANK_ANSWER_NONE:
    case BANK_ANSWER_OWNS:
    case BANK_ANSWER_RETRACTED: return false;
    }
    *ret_is_yes = answer != BANK_ANSWER_NOT_INTERESTED && answer != BANK_ANSWER_IGNORED;
    return true;
}

/* The answers that say something, and what is known of each while the mode is sought. */
struct observed {
    size_t count;
    double interest;
    size_t products[ROUNDS_ANSWERS_MAX + 1];
    double weights[ROUNDS_ANSWERS_MAX + 1], targets[ROUNDS_ANSWERS_MAX + 1];
    double alphas[ROUNDS_ANSWERS_MAX];
};

/* Leaves out the lightest where there are too many. */
static void drop_lightest(struct observed *observed)
{
    size_t lightest = 0;
    for (size_t i = 1; i < observed->count; i++)
        if (observed->weights[i] < observed->weights[lightest]) lightest = i;
    observed->count--;
    for (size_t i = lightest; i < observed->count; i++) {
        observed->products[i] = observed->products[i + 1];
        observed->weights[i] = observed->weights[i + 1];
        observed->targets[i] = observed->targets[i + 1];
    }
}

static void observe(const float *answers, size_t count, struct observed *observed)
{
    for (size_t i = 0; i < count; i++) {
        if (answers[i] == 0) continue;
        size_t at = observed->count++;
        observed->products[at] = i;
        observed->weights[at] = fabs((double)answers[i]);
        observed->targets[at] = answers[i] > 0 ? 1 : 0;
        if (observed->count > ROUNDS_ANSWERS_MAX) drop_lightest(observed);
    }
}

static double sigmoid(double x)
{
    return x >= 0 ? 1 / (1 + exp(-x)) : exp(x) / (1 + exp(x));
}

/* Solves the small system a x = b in place, by Gauss with partial pivots; x in b. */
static void solve(double *a, double *b, size_t n)
{
    for (size_t column = 0; column < n; column++) {
        size_t pivot = column;
        for (size_t i = column + 1; i < n; i++)
            if (fabs(a[i * n + column]) > fabs(a[pivot * n + column])) pivot = i;
        for (size_t j = 0; pivot != column && j < n; j++) {
            double kept = a[column * n + j];
            a[column * n + j] = a[pivot * n + j];
            a[pivot * n + j] = kept;
        }
        double kept = b[column];
        b[column] = b[pivot];
        b[pivot] = kept;
        for (size_t i = column + 1; i < n; i++) {
            double factor = a[i * n + column] / a[column * n + column];
            for (size_t j = column; j < n; j++) a[i * n + j] -= factor * a[column * n + j];
            b[i] -= factor * b[column];
        }
    }
    for (size_t i = n; i-- > 0;) {
        for (size_t j = i + 1; j < n; j++) b[i] -= a[i * n + j] * b[j];
        b[i] /= a[i * n + i];
    }
}

static double shift_of(const struct rounds_kernel *kernel, const struct observed *observed,
                       size_t product)
{
    double shift = 0;
    for (size_t i = 0; i < observed->count; i++)
        shift += kernel->values[product * kernel->product_count + observed->products[i]] *
                 observed->alphas[i];
    return shift;
}

/* One Newton step toward alpha = weight (yes - P(f + K alpha)); how far it went. With W the
 * likelihood's curvature, (I + W K) step = weight (yes - P) - alpha; W K has no negative
 * eigenvalue, so the system always has a solution. */
static double newton_step(const struct rounds_kernel *kernel, const double *before,
                          struct observed *observed)
{
    size_t n = observed->count;
    double matrix[ROUNDS_ANSWERS_MAX * ROUNDS_ANSWERS_MAX], step[ROUNDS_ANSWERS_MAX];
    double length = 0;
    for (size_t i = 0; i < n; i++) {
        size_t product = observed->products[i];
        double p =
            sigmoid(before[product] + shift_of(kernel, observed, product) + observed->interest);
        double curvature = observed->weights[i] * p * (1 - p);
        step[i] = observed->weights[i] * (observed->targets[i] - p) - observed->alphas[i];
        for (size_t j = 0; j < n; j++)
            matrix[i * n + j] =
                curvature *
                    kernel->values[product * kernel->product_count + observed->products[j]] +
                (i == j ? 1 : 0);
    }
    solve(matrix, step, n);
    for (size_t i = 0; i < n; i++) {
        observed->alphas[i] += step[i];
        length = fmax(length, fabs(step[i]));
    }
    return length;
}

void rounds_update(const struct rounds_kernel *kernel, double interest, const double *before,
                   const float *answers, double *ret_after)
{
    enum { STEPS_MAX = 50 };

    struct observed observed = {.interest = interest};
    observe(answers, kernel->product_count, &observed);
    for (int i = 0; i < STEPS_MAX && observed.count > 0; i++)
        if (newton_step(kernel, before, &observed) < 1e-12) break;
    for (size_t i = 0; i < kernel->product_count; i++)
        ret_after[i] = before[i] + shift_of(kernel, &observed, i);
}
