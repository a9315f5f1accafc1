#include <math.h>
#include <string.h>

#include "learn/factors_parts.h"

enum { NEWTON_MAX = 100, HALVINGS_MAX = 40 };

/* What is known of each column, and what is believed of the vector before. */
struct fold {
    const struct factors *factors;
    const struct factors_known *known;
    size_t rank;
    double *weights;   /* [column] confidence of its answer; NAN: none */
    uint8_t *is_yes;   /* [column] */
    double *precision; /* [rank][rank], lower half */
    double *mean;      /* [rank] */
    double *matrix, *vector, *tried, *scores;
    void *memory;
};

static enum lx_err fold_init(struct fold *fold)
{
    size_t rank = fold->rank, columns = fold->factors->column_count;
    double *at = lx_calloc(2 * rank * rank + 3 * rank + 3 * columns, sizeof *at);
    if (at == NULL) return LX_ERR_NO_MEMORY;
    fold->memory = at;
    fold->precision = at;
    fold->matrix = fold->precision + rank * rank;
    fold->mean = fold->matrix + rank * rank;
    fold->vector = fold->mean + rank;
    fold->tried = fold->vector + rank;
    fold->weights = fold->tried + rank;
    fold->scores = fold->weights + columns;
    fold->is_yes = (uint8_t *)(fold->scores + columns);
    for (size_t i = 0; i < columns; i++) fold->weights[i] = NAN;
    for (size_t i = 0; i < fold->known->count; i++) {
        const struct factors_answer *answer = &fold->known->answers[i];
        LX_ASSERT(answer->column < columns && answer->confidence > 0);
        LX_ASSERT(isnan(fold->weights[answer->column]));
        fold->weights[answer->column] = answer->confidence;
        fold->is_yes[answer->column] = answer->is_yes;
    }
    return LX_OK;
}

/* The inverse of the covariance, a column at a time; `matrix` and `vector` are scratch. */
static void invert_covariance(struct fold *fold, double scale)
{
    size_t rank = fold->rank;
    const double *covariance = fold->factors->covariance;
    double trace = 0;
    for (size_t i = 0; i < rank; i++) trace += covariance[i * rank + i];
    double ridge = 1e-6 * trace / (double)rank + 1e-12;
    for (size_t column = 0; column < rank; column++) {
        memcpy(fold->matrix, covariance, rank * rank * sizeof *covariance);
        memset(fold->vector, 0, rank * sizeof *fold->vector);
        for (size_t i = 0; i < rank; i++) fold->matrix[i * rank + i] += ridge;
        fold->vector[column] = scale;
        factors_solve(fold->matrix, fold->vector, rank);
        for (size_t i = column; i < rank; i++) fold->precision[i * rank + column] = fold->vector[i];
    }
}

static void set_prior(struct fold *fold)
{
    const struct factors *factors = fold->factors;
    bool is_als = factors->options.method == FACTORS_ALS;
    if (fold->known->prior == FACTORS_PRIOR_POPULATION) {
        memcpy(fold->mean, factors->mean, fold->rank * sizeof *fold->mean);
        invert_covariance(fold, is_als ? fmax(factors->noise, 1e-9) : 1);
        return;
    }
    double draws = 0; /* of bpr: so often lambda pulled while a row was fitted */
    for (size_t i = 0; i < fold->known->count; i++) draws += fold->known->answers[i].confidence;
    double lambda = factors->options.lambda * (is_als ? 1 : fmax(draws, 1));
    for (size_t i = 0; i < fold->rank; i++) fold->precision[i * fold->rank + i] = lambda;
}

/* matrix = precision, vector = precision mean. */
static void begin_from_prior(struct fold *fold)
{
    size_t rank = fold->rank;
    memcpy(fold->matrix, fold->precision, rank * rank * sizeof *fold->matrix);
    for (size_t i = 0; i < rank; i++) {
        fold->vector[i] = 0;
        for (size_t j = 0; j < rank; j++)
            fold->vector[i] += fold->mean[j] * fold->precision[i > j ? i * rank + j : j * rank + i];
    }
}

static void fold_als(struct fold *fold, double *ret_vector)
{
    size_t rank = fold->rank;
    begin_from_prior(fold);
    for (size_t i = 0; i < fold->factors->column_count; i++) {
        const double *column = fold->factors->columns + i * rank;
        double weight = fold->weights[i];
        if (isnan(weight)) weight = fold->known->unknown_confidence;
        if (weight <= 0) continue;
        factors_add_square(fold->matrix, column, weight, rank);
        if (fold->is_yes[i])
            for (size_t j = 0; j < rank; j++) fold->vector[j] += weight * column[j];
    }
    factors_solve(fold->matrix, fold->vector, rank);
    memcpy(ret_vector, fold->vector, rank * sizeof *ret_vector);
}

/* One answer's confidence is shared out over its pairs: of a yes over what is not yes, of a no over
 * what is neither. 0 where there is no such pair. */
struct shares {
    size_t unknown, no;
    double below; /* weight of what is below a yes */
};

static struct shares shares_of(const struct fold *fold)
{
    struct shares shares = {0};
    for (size_t i = 0; i < fold->factors->column_count; i++) {
        shares.unknown += isnan(fold->weights[i]) ? 1 : 0;
        shares.no += (size_t)(!isnan(fold->weights[i]) && !fold->is_yes[i]);
    }
    shares.below = fold->known->unknown_confidence * (double)shares.unknown + (double)shares.no;
    return shares;
}

/* Weight of a pair of columns: `more` should be above `less`. 0: no such pair. */
static double pair_weight(const struct fold *fold, const struct shares *shares, size_t more,
                          size_t less)
{
    bool is_more_known = !isnan(fold->weights[more]), is_less_known = !isnan(fold->weights[less]);
    if (is_less_known && fold->is_yes[less]) return 0;
    if (is_more_known && fold->is_yes[more])
        return fold->weights[more] * (is_less_known ? 1 : fold->known->unknown_confidence) /
               shares->below;
    return !is_more_known && is_less_known ? fold->weights[less] / (double)shares->unknown : 0;
}

static double log_sigmoid(double x)
{
    return x > 0 ? -log1p(exp(-x)) : x - log1p(exp(x));
}

/* Visits each pair: the objective, and where `is_full` its gradient (in vector) and minus its
 * second derivative (in matrix), the prior included. */
static double add_pairs(struct fold *fold, const double *x, bool is_full)
{
    size_t rank = fold->rank, columns = fold->factors->column_count;
    double sum = 0, apart[FACTORS_RANK_MAX];
    const struct shares shares = shares_of(fold);
    factors_scores(fold->factors, x, fold->scores);
    for (size_t more = 0; more < columns; more++)
        for (size_t less = 0; less < columns; less++) {
            double weight = more == less ? 0 : pair_weight(fold, &shares, more, less);
            if (!(weight > 0)) continue; /* shares->below may be 0 */
            double margin = fold->scores[more] - fold->scores[less];
            sum += weight * log_sigmoid(margin);
            if (!is_full) continue;
            double pull = 1 / (1 + exp(margin));
            for (size_t i = 0; i < rank; i++)
                apart[i] = fold->factors->columns[more * rank + i] -
                           fold->factors->columns[less * rank + i];
            factors_add_square(fold->matrix, apart, weight * pull * (1 - pull), rank);
            for (size_t i = 0; i < rank; i++) fold->vector[i] += weight * pull * apart[i];
        }
    for (size_t i = 0; i < rank; i++)
        for (size_t j = 0; j < rank; j++) {
            double p = fold->precision[i > j ? i * rank + j : j * rank + i];
            sum -= p * (x[i] - fold->mean[i]) * (x[j] - fold->mean[j]) / 2;
            if (is_full) fold->vector[i] -= p * (x[j] - fold->mean[j]);
        }
    return sum;
}

static void fold_bpr(struct fold *fold, double *ret_vector)
{
    size_t rank = fold->rank;
    memcpy(ret_vector, fold->mean, rank * sizeof *ret_vector);
    for (int round = 0; round < NEWTON_MAX; round++) {
        memcpy(fold->matrix, fold->precision, rank * rank * sizeof *fold->matrix);
        memset(fold->vector, 0, rank * sizeof *fold->vector);
        double before = add_pairs(fold, ret_vector, true), after = before, largest = 0;
        factors_solve(fold->matrix, fold->vector, rank);
        double share = 1;
        for (int i = 0; i < HALVINGS_MAX; i++, share /= 2) {
            for (size_t j = 0; j < rank; j++)
                fold->tried[j] = ret_vector[j] + share * fold->vector[j];
            after = add_pairs(fold, fold->tried, false);
            if (after >= before) break;
        }
        if (after < before) return;
        for (size_t j = 0; j < rank; j++) largest = fmax(largest, fabs(share * fold->vector[j]));
        memcpy(ret_vector, fold->tried, rank * sizeof *ret_vector);
        if (largest < 1e-12) return;
    }
}

enum lx_err factors_fold_in(const struct factors *factors, const struct factors_known *known,
                            double *ret_vector)
{
    LX_ASSERT(known->unknown_confidence >= 0);

    struct fold fold = {.factors = factors, .known = known, .rank = (size_t)factors->options.rank};
    enum lx_err code = fold_init(&fold);
    if (code != LX_OK) return code;
    set_prior(&fold);
    if (factors->options.method == FACTORS_ALS)
        fold_als(&fold, ret_vector);
    else
        fold_bpr(&fold, ret_vector);
    lx_free(fold.memory);
    return LX_OK;
}

struct factors_answer factors_holding(const struct factors *factors, uint16_t column)
{
    bool is_als = factors->options.method == FACTORS_ALS;
    return (struct factors_answer){column, true, is_als ? 1 + factors->options.alpha : 1};
}
