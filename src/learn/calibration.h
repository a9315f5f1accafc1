#ifndef LEARN_CALIBRATION_H
#define LEARN_CALIBRATION_H

/*
 * calibration: from a model's margin (log-odds) to the true probability.
 *
 * First the prior shift (Saerens, Latinne, Decaestecker 2002; King, Zeng 2001) undoes what sampling
 * did to the rate: margin + log(rate / (1 - rate)) - log(sampled / (1 - sampled)). Then a monotone
 * map learnt on rows that no sampling touched: isotonic regression by pool adjacent violators
 * (Ayer et al. 1955), linear between the blocks' means, or Platt's logistic line where positives
 * are few. The map is strictly increasing, by a least slope also where the labels show no or the
 * opposite tendency, so the order of customers stays.
 *
 * Ownership: plain value of bounded size. Errors: LX_ERR_BAD_INPUT without both classes.
 * Threads:   read-only once fitted.
 */

#include "base/base.h"
#include "base/buffer.h"

enum { CALIBRATION_KNOTS_MAX = 256, CALIBRATION_POSITIVES_MIN = 200 };

enum calibration_kind { CALIBRATION_IDENTITY, CALIBRATION_PLATT, CALIBRATION_ISOTONIC };

struct calibration {
    enum calibration_kind kind;
    double prior_shift; /* added to the margin first */
    double slope, intercept;
    size_t knot_count;
    double margins[CALIBRATION_KNOTS_MAX], log_odds[CALIBRATION_KNOTS_MAX];
};

double calibration_prior_shift(double true_rate, double sampled_rate);

/* Isotonic where there are at least CALIBRATION_POSITIVES_MIN positives, else Platt. */
LX_MUST_USE enum lx_err calibration_fit(const double *margins, const uint8_t *labels,
                                        const double *weights, size_t count, double prior_shift,
                                        struct calibration *ret_calibration, struct lx_error *err);

double calibration_log_odds(const struct calibration *calibration, double margin);
double calibration_probability(const struct calibration *calibration, double margin);

/* JSON of the calibration, and back; equal bit for bit. */
void calibration_write(const struct calibration *calibration, struct lx_buffer *json);
LX_MUST_USE enum lx_err calibration_read(const char *json, size_t length,
                                         struct calibration *ret_calibration, struct lx_error *err);

#endif
