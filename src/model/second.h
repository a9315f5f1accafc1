#ifndef MODEL_SECOND_H
#define MODEL_SECOND_H

/*
 * second: the bank's second round: what a customer's answers, and the bank's experience with
 * offers, say of the products that are left.
 *
 *   logit P(yes | asked) = intercept + rate * (z_p - z) + slope * f_p + shift * d_p
 *
 *   f_p  the model's calibrated log-odds that he opens p by himself
 *   z_p  the log-odds of the product's share of yes in the campaign log, shrunken toward the share
 *        of all products by SECOND_SHRINKAGE offers; z of all products together
 *   d_p  what the answers move: a forest of learn/second_round.h, trained on histories that are
 *        replayed as question and answer, where it was shown to help on customers that it had not
 *        seen; else the Gaussian process of model/rounds.h, which needs no training
 *
 * Intercept, rate, slope and shift are fitted by logistic regression to the campaign log, the last
 * three penalised toward 1, 0.5 and 1, so that a short log does little. Where that was not shown to
 * order better than f_p does (second_fit.h) `has_log` is false, and the logit is f_p + d_p.
 *
 * An answer weighs +1 (interested, bought), -1 (not interested), 0.1 (viewed), -0.3 (ignored), and
 * half as much every SECOND_HALF_LIFE_DAYS. `owns` is no taste but a fact: the holdings are
 * corrected and the model asked again (decide/round.c). `retracted` says nothing.
 *
 * Ownership: second_close. Errors: LX_ERR_CORRUPT, LX_ERR_NO_MEMORY, learn's.
 * Threads:   read-only; scratch is the caller's, one for each thread.
 */

#include "bank/types.h"
#include "base/buffer.h"
#include "learn/second_round.h"
#include "model/rounds.h"

enum { SECOND_HALF_LIFE_DAYS = 90, SECOND_SHRINKAGE = 200 };

/* In [-1, 1]; 0 for what says nothing of taste. age_ms below 0 counts as 0. */
double second_answer_weight(enum bank_answer answer, int64_t age_ms);

struct second {
    size_t product_count;
    bool has_log;
    double intercept, rate, slope, shift;
    double *rates;   /* z_p - z, by product */
    double *offsets; /* from f_p to the log-odds that `learnt` was trained on */
    struct rounds_kernel kernel;
    double interest;             /* of rounds_update */
    struct second_round *learnt; /* NULL: the kernel says what answers move */
};

/* No campaign log and nothing learnt: f_p and what the kernel makes of the answers. */
LX_MUST_USE enum lx_err second_new(const struct bank_catalogue *catalogue,
                                   const struct view_peers *peers, struct second **ret_second,
                                   struct lx_error *err);
void second_close(struct second *second); /* NULL is fine */

size_t second_scratch_bytes(const struct second *second);

/*
 * Log-odds of a yes of each product. log_odds: f_p; is_held: products that he has, of which an
 * answer says nothing and which get no d_p; answers: weights, 0 where there is none. What was
 * answered gets no d_p of its own either. Without answers d_p is 0 everywhere.
 */
void second_score(const struct second *second, const double *log_odds, const bool *is_held,
                  const float *answers, void *scratch, double *ret_log_odds);

/* d_p alone; 0 for what is held or was answered. */
void second_shift(const struct second *second, const double *log_odds, const bool *is_held,
                  const float *answers, void *scratch, double *ret_shifts);

/* Canonical bytes, and back. */
LX_MUST_USE enum lx_err second_write(const struct second *second, struct lx_buffer *bytes,
                                     struct lx_error *err);
LX_MUST_USE enum lx_err second_read(const char *bytes, size_t length, struct second **ret_second,
                                    struct lx_error *err);

#endif
