#ifndef LEARN_SIGNIFICANCE_H
#define LEARN_SIGNIFICANCE_H

/*
 * significance: is it more than chance? Exact and stratified tests of 2 x 2 tables, the sign test,
 * and the control of false discoveries over many tests.
 *
 * p-values come as natural logarithms, since those of a million customers are far below the
 * smallest double. 0 means p = 1. Logarithms of factorials are base/real.h's, so that Fisher's and
 * the sign test's bits are the same on every machine.
 * Errors:  none but significance_adjust's LX_ERR_NO_MEMORY. Threads: pure functions.
 * Source:  Fisher 1935; Mantel, Haenszel 1959; Robins, Breslow, Greenland 1986; Benjamini,
 *          Hochberg 1995.
 */

#include "base/base.h"

/* Counts of a 2 x 2 table: has the first thing or not, has the second or not. */
struct table2 {
    uint64_t both, first, second, neither; /* first: the first alone */
};

/* Fisher's exact test. Two-sided: all tables with the same margins that are not likelier (to one
 * part in 10^7) than this one. */
double significance_fisher(const struct table2 *table);
/* One-sided: `both` at least, at most, as large as this. */
double significance_fisher_greater(const struct table2 *table);
double significance_fisher_less(const struct table2 *table);

/* Two-sided exact sign test: `wins` against `losses`, each as likely as the other. */
double significance_sign(uint64_t wins, uint64_t losses);

/* Two-sided p of a chi-square with one degree of freedom. */
double significance_chi_square(double chi_square);

/*
 * The odds ratio that tables of several strata have in common. `log_odds` and `variance` (Robins,
 * Breslow, Greenland) are those of the Mantel-Haenszel estimator; where one of its two sums is 0,
 * half a case is added to each cell of the stratum that informs most. `log_p` is that of the
 * Cochran-Mantel-Haenszel chi-square without a correction for continuity; where the variance of
 * `both` is below SIGNIFICANCE_EXACT_VARIANCE, so that a chi-square would see too much in few
 * cases, it is exact: two-sided over the distribution of the strata's sum, and at least
 * SIGNIFICANCE_EXACT_LOG. Where no stratum informs (each has an empty margin), log_odds is 0,
 * variance INFINITY, log_p 0.
 */
#define SIGNIFICANCE_EXACT_VARIANCE 25.0
#define SIGNIFICANCE_EXACT_LOG (-230.0)
struct mantel_haenszel {
    double log_odds, variance, log_p;
    double expected, observed; /* `both` over the strata: if there were nothing, and as it is */
};
struct mantel_haenszel significance_strata(const struct table2 *tables, size_t count);

/*
 * Benjamini-Hochberg: the smallest rate of false discoveries at which each test would be one, as
 * logarithms. log_q[i] >= log_p[i]; both of `count`.
 */
LX_MUST_USE enum lx_err significance_adjust(const double *log_p, size_t count, double *ret_log_q);

#endif
