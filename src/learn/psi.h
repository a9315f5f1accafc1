#ifndef LEARN_PSI_H
#define LEARN_PSI_H

/*
 * psi: has a distribution moved? The population stability index between two samples, over bins that
 * were fixed by the first one: sum over bins of (q - p) * ln(q / p), with p and q the shares of the
 * two samples.
 *
 * Bins: at most PSI_BINS_MAX of equal mass of the first sample, fewer where values repeat (a value
 * that repeats is never divided: a bin is left-open and holds its upper edge), and one more for
 * missing values (NaN). Half a row is added to each count, so that an empty bin is finite.
 * Grades are those of scorecards: below 0.10 stable, to 0.25 to be looked at, above to act.
 *
 * Threads: pure. Source: Siddiqi, "Credit Risk Scorecards" (2006), 9.
 */

#include "base/base.h"

#define PSI_LOOK 0.10
#define PSI_ACT 0.25

enum { PSI_BINS_MAX = 20 };

/* What is kept of the first sample: a value falls in the first bin whose edge it does not exceed,
 * in the last without an edge otherwise; missing ones in bin `edge_count + 1`. */
struct psi_bins {
    double edges[PSI_BINS_MAX]; /* ascending; the upper edges of all bins but the last */
    size_t edge_count;
    uint64_t counts[PSI_BINS_MAX + 2]; /* of the first sample */
};

/* Sorts `values` in place (missing ones go last). bins: 2 to PSI_BINS_MAX. */
void psi_bins_make(double *values, size_t count, int bins, struct psi_bins *ret_bins);
size_t psi_bins_count(const struct psi_bins *bins); /* with the one of missing values */
size_t psi_bins_find(const struct psi_bins *bins, double value);

/* `after`: psi_bins_count counts. NaN where a sample is empty. */
double psi_of(const struct psi_bins *bins, const uint64_t *after);
/* The same of any counts, for what has bins of its own: categories, yes and no. */
double psi_of_counts(const uint64_t *before, const uint64_t *after, size_t count);

enum psi_grade { PSI_STABLE, PSI_IS_TO_LOOK, PSI_IS_TO_ACT };
enum psi_grade psi_grade_of(double psi);          /* NaN is stable */
const char *psi_grade_name(enum psi_grade grade); /* "stable", "look", "act" */

#endif
