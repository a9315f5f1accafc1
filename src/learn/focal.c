#include "learn/focal.h"

#include <math.h>

/* log(1 / (1 + exp(-z))), without overflow. */
static double log_sigmoid(double z)
{
    return z >= 0 ? -log1p(exp(-z)) : z - log1p(exp(z));
}

double focal_loss(const struct focal *focal, double margin, bool is_positive)
{
    double z = is_positive ? margin : -margin;
    double weight = is_positive ? focal->alpha : 1 - focal->alpha;
    return -weight * exp(focal->gamma * log_sigmoid(-z)) * log_sigmoid(z);
}

/* By z, the log-odds of the true class: t = sigmoid(z), dt/dz = t (1 - t). */
void focal_derivatives(const struct focal *focal, double margin, bool is_positive,
                       double *ret_gradient, double *ret_hessian)
{
    LX_ASSERT(focal->gamma >= 0 && focal->alpha > 0 && focal->alpha < 1);

    double z = is_positive ? margin : -margin, gamma = focal->gamma;
    double weight = is_positive ? focal->alpha : 1 - focal->alpha;
    double log_t = log_sigmoid(z), t = exp(log_t), rest = exp(log_sigmoid(-z));
    double factor = weight * pow(rest, gamma);
    double slope = gamma * t * log_t - rest;
    double curvature = factor * t * (rest * (gamma * log_t + gamma + 1) - gamma * slope);
    double least = factor * t * rest;
    *ret_gradient = (is_positive ? 1 : -1) * factor * slope;
    *ret_hessian = fmax(fmax(curvature, least), 1e-16);
}

/* The expected loss of a constant answer falls before its only minimum and rises after it. */
double focal_rate(const struct focal *focal, double rate)
{
    LX_ASSERT(rate > 0 && rate < 1);

    double low = -40, high = 40;
    for (int step = 0; step < 80; step++) {
        double middle = (low + high) / 2, positive, negative, hessian;
        focal_derivatives(focal, middle, true, &positive, &hessian);
        focal_derivatives(focal, middle, false, &negative, &hessian);
        if (rate * positive + (1 - rate) * negative < 0)
            low = middle;
        else
            high = middle;
    }
    return exp(log_sigmoid((low + high) / 2));
}
