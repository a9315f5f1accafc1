#ifndef MODEL_LABEL_TALLY_H
#define MODEL_LABEL_TALLY_H

/*
 * label_tally: what a label is worth, from counts alone.
 *
 * A case is a customer at a past month end. Lift is the rate of openings among the cases with the
 * label over the rate among all cases. A customer is there at several month ends, and those are not
 * independent: the interval is that of the logarithm of the ratio by linearisation over customers
 * (the delta method for a ratio of means from clusters: Cochran, Sampling Techniques, 1977, ch. 6),
 * so each customer counts once. Where nobody with the label opened anything the upper end is that
 * of a Poisson count of 0 (3.69 at 95 %).
 *
 * Confidence is the share of (customer, product) pairs that came true among those whose calibrated
 * log-odds fall into the same stretch. Stretches are made from the likeliest down, each with at
 * least LABEL_BIN_OPENINGS_MIN openings and a tenth of all of them; what is left at the end joins
 * the last one. Its interval is Wilson's (1927).
 *
 * All counts are integers, so the order in which they are added cannot matter.
 * Threads: plain values.
 */

#include "base/base.h"

/* Sums over customers of what each had at his month ends: a cases with the label and an opening,
 * b cases with the label, c cases with an opening, d cases; and of their products. */
struct label_tally {
    uint64_t customers, a, b, c, d, aa, ab, ac, ad, bb, bc, bd, cc, cd, dd;
};
void label_tally_add(struct label_tally *tally, uint64_t a, uint64_t b, uint64_t c, uint64_t d);
void label_tally_merge(struct label_tally *tally, const struct label_tally *other);

struct label_lift {
    double lift, low, high; /* 95 %; NaN where there is nothing to divide by */
};
struct label_lift label_tally_lift(const struct label_tally *tally);

/* Pairs by log-odds, in cells of LABEL_CELL_WIDTH. */
#define LABEL_CELL_WIDTH 0.05
#define LABEL_CELL_FIRST (-16.0) /* what lies below is in the first cell */

enum { LABEL_CELLS = 480, LABEL_BINS_MAX = 10, LABEL_BIN_OPENINGS_MIN = 20 };

struct label_cells {
    uint64_t rows[LABEL_CELLS], openings[LABEL_CELLS];
};
void label_cells_add(struct label_cells *cells, double log_odds, bool is_opened);
void label_cells_merge(struct label_cells *cells, const struct label_cells *other);

struct label_bin {
    double from; /* lowest log-odds; -INFINITY of the last one */
    uint64_t rows, openings;
    double rate, low, high; /* openings over rows, 95 % */
};
/* The likeliest first; 0 where there are no pairs. */
size_t label_cells_bins(const struct label_cells *cells, struct label_bin ret_bins[LABEL_BINS_MAX]);

/* The 95 % interval of a share. count > 0. */
void label_wilson(uint64_t positives, uint64_t count, double *ret_low, double *ret_high);

#endif
