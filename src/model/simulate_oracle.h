#ifndef MODEL_SIMULATE_ORACLE_H
#define MODEL_SIMULATE_ORACLE_H

/*
 * simulate_oracle: the best that answers could do. It knows how the simulator makes customers: the
 * visible part of every logit exactly, and the distribution from which hidden tastes are drawn
 * (normal, with the truth's weights). Of a customer's own tastes it knows what his answers say, by
 * Bayes' rule over SIMULATE_ORACLE_DRAWS draws from that distribution:
 *
 *   E[chance | answers] = sum over draws of P(answers | draw) chance(draw) / sum of P(answers|draw)
 *
 * Ranking by it maximises the expected number of yeses in the second round among all policies
 * that know of hidden tastes what the answers say and no more. What the customer's past openings
 * say of his tastes it does not use, so a bank can know something that it does not; but no bank
 * knows the visible part exactly. Where a draw's logit passes the upper bound it is kept there, as
 * answers are.
 *
 * Threads: read-only once open.
 */

#include "model/simulate_truth.h"

enum { SIMULATE_ORACLE_DRAWS = 2048 };

struct simulate_oracle;

LX_MUST_USE enum lx_err simulate_oracle_open(const struct simulate_taste *taste,
                                             const struct simulate_bounds *bounds,
                                             size_t product_count, uint64_t seed,
                                             struct simulate_oracle **ret_oracle,
                                             struct lx_error *err);
void simulate_oracle_close(struct simulate_oracle *oracle); /* NULL is fine */

/* Expected chance of a yes of each product, given what was said to `count` of them; 0 where the
 * customer's own chance is 0. */
void simulate_oracle_chances(const struct simulate_oracle *oracle,
                             const struct simulate_customer *customer, const int *products,
                             const enum bank_answer *answers, size_t count, double *ret_chances);

#endif
