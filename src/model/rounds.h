#ifndef MODEL_ROUNDS_H
#define MODEL_ROUNDS_H

/*
 * rounds: what the answers to one product say about the others.
 *
 * The log-odds f of a customer's products are taken as a Gaussian process: its mean is the model's
 * log-odds before any answer, its covariance K says which products share a taste:
 *
 *   K_ij = VARIANCE * (CATEGORY * [same category] + (1 - CATEGORY) * cos(L_i, L_j))
 *
 * where L_i are the logarithms of product i's co-holding lifts with every product, so that products
 * held together, or with the same others, are near. An answer is a Bernoulli observation of its
 * product with P(yes) = sigmoid(f + interest): interest is commoner than opening. The posterior
 * mode (Laplace; Rasmussen and Williams 2006, chapter 3.4) gives every product its new log-odds:
 * f' = f + K alpha, alpha_a = weight_a (yes_a - P_a(f')).
 * So a rare yes says much and an expected no says little; where nothing was answered nothing moves,
 * and the order of the answers does not matter.
 *
 * Ownership: rounds_kernel_release. Threads: a kernel is read-only once made.
 */

#include "bank/catalogue.h"
#include "view/peers.h"

enum { ROUNDS_ANSWERS_MAX = 64 };

struct rounds_kernel {
    double *values; /* product_count squared, symmetric, positive semi-definite */
    size_t product_count;
};

LX_MUST_USE enum lx_err rounds_kernel_init(const struct bank_catalogue *catalogue,
                                           const struct view_peers *peers,
                                           struct rounds_kernel *ret_kernel, struct lx_error *err);
void rounds_kernel_release(struct rounds_kernel *kernel);

/* How much an answer weighs, and whether it is a yes; false for one that says nothing of taste
 * (owns: the corrected holdings say it; retracted). */
bool rounds_answer_weight(enum bank_answer answer, double *ret_weight, bool *ret_is_yes);

/* How much commoner interest is than opening within 30 days, in log-odds. */
#define ROUNDS_INTEREST 2.0

/*
 * before, ret_after: log-odds of every product of the catalogue; finite. answers: by product, in
 * [-1, 1]; the sign says yes or no, the size how much it counts, 0: none. Of more than
 * ROUNDS_ANSWERS_MAX those of the greatest weight count.
 */
void rounds_update(const struct rounds_kernel *kernel, double interest, const double *before,
                   const float *answers, double *ret_after);

#endif
