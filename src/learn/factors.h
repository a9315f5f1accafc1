#ifndef LEARN_FACTORS_H
#define LEARN_FACTORS_H

/*
 * factors: every row (customer) and every column (product) as a short vector, whose product says
 * how likely the one is to have the other; learnt from who has what.
 *
 * als  Implicit alternating least squares. Having is preference 1 with confidence 1 + alpha, not
 *      having preference 0 with confidence 1; minimises sum c (p - x.y)^2 + lambda (|x|^2 + |y|^2)
 *      by exact Cholesky solves, rows and columns in turn.
 * bpr  Bayesian personalised ranking: maximises sum log sigmoid(x.(y_i - y_j) + b_i - b_j) less
 *      lambda |.|^2 over rows, columns i that the row has and columns j that it has not, drawn
 *      evenly; plain stochastic gradients. Rows are dealt in blocks of FACTORS_BLOCK; each block
 *      goes on from the columns of the epoch's begin and the columns of all are averaged by the
 *      number of draws after it, so the answer does not depend on the threads.
 *
 * Rows that have the same columns have, under als, the same vector: they are solved once.
 *
 * Folding in gives the vector of a row that was not there, from what is known of it, the columns as
 * they are. `prior` says what is believed before anything is known:
 *   zero        as in fitting: nothing known gives score 0 (bpr: the biases);
 *   population  N(mean, covariance) of the rows that were fitted: nothing known gives the mean
 *               customer's order, about that of popularity.
 * als minimises sum c (p - x.y)^2 + lambda |x|^2, or + noise (x - mean)' covariance^-1 (x - mean).
 * bpr maximises, by Newton's method, sum over yes of confidence times the mean of log sigmoid over
 * the pairs with what is not yes, and over no of the same with what is neither, less
 * lambda / 2 |x|^2 for each unit of confidence, or 1/2 (x - mean)' covariance^-1 (x - mean).
 * A covariance that is not of full rank gets a millionth of its mean diagonal added.
 *
 * Shapes:    columns[column][rank], biases[column] (0 under als).
 * Ownership: factors own their arrays. Threads: factors_fit uses thread_count threads, the result
 *            does not depend on how many; one fit at a time (OpenBLAS's own thread count is set to
 *            one while it runs). Read-only afterwards.
 * Errors:    LX_ERR_NO_MEMORY, LX_ERR_LIMIT (bpr: blocks x columns x rank past 2^27),
 *            host_parallel's, LX_ERR_CORRUPT (factors_read).
 * Source:    Hu, Koren, Volinsky, "Collaborative filtering for implicit feedback datasets" (2008);
 *            Rendle, Freudenthaler, Gantner, Schmidt-Thieme, "BPR" (2009).
 */

#include "base/buffer.h"
#include "learn/incidence.h"

enum { FACTORS_RANK_MAX = 128, FACTORS_BLOCK = 16384, FACTORS_EPOCHS_MAX = 1000 };

enum factors_method { FACTORS_ALS = 1, FACTORS_BPR = 2 };

struct factors_options {
    enum factors_method method;
    int rank, epochs;
    double alpha;         /* als: > 0 */
    double lambda;        /* > 0 */
    double learning_rate; /* bpr: > 0; falls evenly to a tenth of it */
    uint64_t seed;
    const double *start; /* [column][rank] to begin with; NULL: small, drawn by seed */
};
/* What is used where nothing else is said: rank 8; als 15 epochs, alpha 10, lambda 1; bpr
 * 30 epochs, learning rate 0.05, lambda 0.01. */
struct factors_options factors_defaults(enum factors_method method);

struct factors {
    struct factors_options options;
    size_t column_count;
    double *columns, *biases;
    double *mean;       /* [rank] of the rows' vectors */
    double *covariance; /* [rank][rank] of them */
    double noise;       /* als: mean of c (p - x.y)^2 over all rows and columns */
};

LX_MUST_USE enum lx_err factors_fit(const struct incidence *incidence,
                                    const struct factors_options *options, int thread_count,
                                    struct factors *ret_factors, struct lx_error *err);
void factors_release(struct factors *factors); /* a zeroed one is fine */

/* What is known of a row. */
struct factors_answer {
    uint16_t column;
    bool is_yes;
    double confidence; /* als: in place of 1 + alpha, > 0; bpr: weight of its pairs, > 0 */
};
enum factors_prior { FACTORS_PRIOR_ZERO, FACTORS_PRIOR_POPULATION };
struct factors_known {
    const struct factors_answer *answers; /* each column at most once */
    size_t count;
    /* als: confidence that a column without an answer is not had: 1 as in fitting, 0 where nothing
     * is known of it. bpr: weight of such columns as the lesser of a pair with a yes. */
    double unknown_confidence;
    enum factors_prior prior;
};
/* A holding, as fitting saw it. */
struct factors_answer factors_holding(const struct factors *factors, uint16_t column);

/* ret_vector[rank]. */
LX_MUST_USE enum lx_err factors_fold_in(const struct factors *factors,
                                        const struct factors_known *known, double *ret_vector);
/* ret_scores[column_count]. Of als about 0 to 1; of bpr only the order counts. */
void factors_scores(const struct factors *factors, const double *vector, double *ret_scores);

/* With a version and a checksum; the same factors give the same bytes. */
void factors_write(const struct factors *factors, struct lx_buffer *buffer);
LX_MUST_USE enum lx_err factors_read(const void *bytes, size_t length, struct factors *ret_factors,
                                     struct lx_error *err);

#endif
