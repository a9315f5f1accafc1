#ifndef MODEL_SIMULATE_TRUTH_H
#define MODEL_SIMULATE_TRUTH_H

/*
 * simulate_truth: the truth of a synthetic bank (OUT/truth, docs/internals/synthetic-bank.md),
 * customer by customer. Private to the simulator; nothing else in the program may open these files.
 *
 *   acceptance.csv   the chance of a yes, in ppm, without channel
 *   hidden.csv       the part of its logit that is hidden taste, in thousandths
 *   parameters.ini   [channel] rm, [logit] minimum and maximum, [taste] strength and what each
 *                    hidden taste weighs in each product's logit
 *
 * Errors: LX_ERR_NOT_FOUND, LX_ERR_BAD_INPUT (file:line, or file and section), LX_ERR_NO_MEMORY.
 */

#include "bank/catalogue.h"
#include "model/simulate_answer.h"

enum { SIMULATE_TASTES_MAX = 16 };

struct simulate_truth;

/* What is true of one customer; borrowed until the next. */
struct simulate_customer {
    const char *id;
    bool has_left;
    const double *chances; /* of a yes by the manager's voice, by product of the catalogue */
    const double *hidden;  /* logits, by product; NULL where the truth has none */
};

LX_MUST_USE enum lx_err simulate_truth_open(const char *folder,
                                            const struct bank_catalogue *catalogue,
                                            struct simulate_truth **ret_truth,
                                            struct lx_error *err);
void simulate_truth_close(struct simulate_truth *truth); /* NULL is fine */

/* *ret_customer NULL: that was the last. Ids longer than LX_ID_MAX are passed over. */
LX_MUST_USE enum lx_err simulate_truth_next(struct simulate_truth *truth,
                                            const struct simulate_customer **ret_customer,
                                            struct lx_error *err);

const struct simulate_bounds *simulate_truth_bounds(const struct simulate_truth *truth);

/* The spread of hidden tastes, from which customers were made: what a deviation of the product's
 * own taste (first) and of each shared one adds to the logit, by product. NULL where the truth has
 * no hidden.csv: it is of an older `synth`. */
struct simulate_taste {
    double strength;
    size_t count;                               /* of shared tastes */
    double (*weights)[SIMULATE_TASTES_MAX + 1]; /* by product; own, then shared */
};
const struct simulate_taste *simulate_truth_taste(const struct simulate_truth *truth);

#endif
