#include "learn/psi.h"

#include <math.h>
#include <stdlib.h>

static int compare_reals(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return a < b ? -1 : a > b;
}

/* Linear between the sorted values (Hyndman and Fan's type 7). */
static double quantile(const double *sorted, size_t count, double share)
{
    double at = share * (double)(count - 1);
    size_t below = (size_t)at;
    if (below + 1 >= count) return sorted[count - 1];
    return sorted[below] + (at - (double)below) * (sorted[below + 1] - sorted[below]);
}

void psi_bins_make(double *values, size_t count, int bins, struct psi_bins *ret_bins)
{
    LX_ASSERT(bins >= 2 && bins <= PSI_BINS_MAX);

    size_t present = 0;
    *ret_bins = (struct psi_bins){.edge_count = 0};
    for (size_t i = 0; i < count; i++) {
        double value = values[i];
        if (isnan(value)) continue;
        values[i] = values[present]; /* a missing one, or itself */
        values[present++] = value;
    }
    qsort(values, present, sizeof *values, compare_reals);
    for (int i = 1; i < bins && present > 0; i++) {
        double edge = quantile(values, present, (double)i / bins);
        if (ret_bins->edge_count == 0 || edge > ret_bins->edges[ret_bins->edge_count - 1])
            ret_bins->edges[ret_bins->edge_count++] = edge;
    }
    for (size_t i = 0; i < count; i++) ret_bins->counts[psi_bins_find(ret_bins, values[i])]++;
}

size_t psi_bins_count(const struct psi_bins *bins)
{
    return bins->edge_count + 2;
}

size_t psi_bins_find(const struct psi_bins *bins, double value)
{
    size_t low = 0, high = bins->edge_count;
    if (isnan(value)) return bins->edge_count + 1;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (value <= bins->edges[middle])
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

double psi_of_counts(const uint64_t *before, const uint64_t *after, size_t count)
{
    double before_total = 0, after_total = 0, half = (double)count / 2, psi = 0;
    for (size_t i = 0; i < count; i++) {
        before_total += (double)before[i];
        after_total += (double)after[i];
    }
    if (!(before_total > 0 && after_total > 0)) return NAN;
    for (size_t i = 0; i < count; i++) {
        double p = ((double)before[i] + 0.5) / (before_total + half);
        double q = ((double)after[i] + 0.5) / (after_total + half);
        psi += (q - p) * log(q / p);
    }
    return psi;
}

double psi_of(const struct psi_bins *bins, const uint64_t *after)
{
    return psi_of_counts(bins->counts, after, psi_bins_count(bins));
}

enum psi_grade psi_grade_of(double psi)
{
    if (psi > PSI_ACT) return PSI_IS_TO_ACT;
    return psi > PSI_LOOK ? PSI_IS_TO_LOOK : PSI_STABLE;
}

const char *psi_grade_name(enum psi_grade grade)
{
    static const char *const names[] = {"stable", "look", "act"};
    return names[grade];
}
