#ifndef LEARN_FOCAL_H
#define LEARN_FOCAL_H

/*
 * focal: the loss that looks away from what is already right (Lin, Goyal, Girshick, He, Dollar
 * 2017). With t the probability given to the true class, and a = alpha for positives, 1 - alpha
 * for negatives, a row's loss is -a (1 - t)^gamma log t; gamma 0 is class-weighted log loss.
 *
 * It is no proper score: what minimises it is not the probability. Where the true rate is r, the
 * constant answer that minimises the expected loss is focal_rate(r), so a model trained with it is
 * brought back by a prior shift from focal_rate(r) to r, and by the isotonic map after that
 * (the minimiser rises with the true probability: Charoenphakdee et al. 2021).
 *
 * The loss is not convex for rows that are far wrong: the second derivative is clipped from below
 * at a (1 - t)^gamma t (1 - t), log loss's own under the same factor, so a step is never longer
 * than log loss's would be.
 *
 * Pure; threads: any.
 */

#include "base/base.h"

/* The paper's: gamma 2, alpha 0.25. */
#define FOCAL_GAMMA 2.0
#define FOCAL_ALPHA 0.25

struct focal {
    double gamma; /* 0 or more */
    double alpha; /* in (0, 1): weight of a positive; a negative weighs 1 - alpha */
};

double focal_loss(const struct focal *focal, double margin, bool is_positive);
/* First and second derivative by the margin (log-odds), the second clipped. */
void focal_derivatives(const struct focal *focal, double margin, bool is_positive,
                       double *ret_gradient, double *ret_hessian);
/* The probability that minimises the loss where `rate` are positive; 0 < rate < 1. */
double focal_rate(const struct focal *focal, double rate);

#endif
