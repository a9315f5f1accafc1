#include "model/label_tally.h"

#include <math.h>

/* Of the normal distribution, two-sided at 95 %. */
#define Z95 1.959963984540054

/* The upper 97.5 % end of a Poisson mean of which nothing was seen: -ln(0.025). */
#define POISSON_ZERO_HIGH 3.688879454113936

void label_tally_add(struct label_tally *tally, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    LX_ASSERT(a <= b && a <= c && b <= d && c <= d);

    if (d == 0) return;
    const struct label_tally one = {1,     a,     b,     c,     d,     a * a, a * b, a * c,
                                    a * d, b * b, b * c, b * d, c * c, c * d, d * d};
    label_tally_merge(tally, &one);
}

void label_tally_merge(struct label_tally *tally, const struct label_tally *other)
{
    tally->customers += other->customers;
    tally->a += other->a;
    tally->b += other->b;
    tally->c += other->c;
    tally->d += other->d;
    tally->aa += other->aa;
    tally->ab += other->ab;
    tally->ac += other->ac;
    tally->ad += other->ad;
    tally->bb += other->bb;
    tally->bc += other->bc;
    tally->bd += other->bd;
    tally->cc += other->cc;
    tally->cd += other->cd;
    tally->dd += other->dd;
}

struct label_lift label_tally_lift(const struct label_tally *tally)
{
    const double unknown = (double)NAN;
    double a = (double)tally->a, b = (double)tally->b, c = (double)tally->c, d = (double)tally->d;
    if (tally->b == 0 || tally->c == 0) return (struct label_lift){unknown, unknown, unknown};
    if (tally->a == 0) return (struct label_lift){0, 0, POISSON_ZERO_HIGH / b / (c / d)};

    /* The sum over customers of (a_i/A - b_i/B - c_i/C + d_i/D) squared. */
    double variance = (double)tally->aa / (a * a) + (double)tally->bb / (b * b) +
                      (double)tally->cc / (c * c) + (double)tally->dd / (d * d);
    variance += 2 * ((double)tally->ad / (a * d) + (double)tally->bc / (b * c));
    variance -= 2 * ((double)tally->ab / (a * b) + (double)tally->ac / (a * c) +
                     (double)tally->bd / (b * d) + (double)tally->cd / (c * d));
    double lift = a / b / (c / d), width = Z95 * sqrt(variance > 0 ? variance : 0);
    return (struct label_lift){lift, lift * exp(-width), lift * exp(width)};
}

void label_cells_add(struct label_cells *cells, double log_odds, bool is_opened)
{
    double place = (log_odds - LABEL_CELL_FIRST) / LABEL_CELL_WIDTH;
    size_t cell = !(place >= 0) ? 0 : place >= LABEL_CELLS ? LABEL_CELLS - 1 : (size_t)place;
    cells->rows[cell]++;
    cells->openings[cell] += is_opened;
}

void label_cells_merge(struct label_cells *cells, const struct label_cells *other)
{
    for (size_t i = 0; i < LABEL_CELLS; i++) {
        cells->rows[i] += other->rows[i];
        cells->openings[i] += other->openings[i];
    }
}

void label_wilson(uint64_t positives, uint64_t count, double *ret_low, double *ret_high)
{
    LX_ASSERT(count > 0 && positives <= count);

    double n = (double)count, share = (double)positives / n, z2 = Z95 * Z95;
    double middle = (share + z2 / (2 * n)) / (1 + z2 / n);
    double half = Z95 * sqrt(share * (1 - share) / n + z2 / (4 * n * n)) / (1 + z2 / n);
    *ret_low = positives == 0 ? 0 : middle - half;
    *ret_high = positives == count ? 1 : middle + half;
}

static void finish_bin(struct label_bin *bin)
{
    bin->rate = (double)bin->openings / (double)bin->rows;
    label_wilson(bin->openings, bin->rows, &bin->low, &bin->high);
}

size_t label_cells_bins(const struct label_cells *cells, struct label_bin ret_bins[LABEL_BINS_MAX])
{
    uint64_t total = 0, rows = 0;
    size_t count = 0;
    for (size_t i = 0; i < LABEL_CELLS; i++) total += cells->openings[i];
    uint64_t wanted = (total + LABEL_BINS_MAX - 1) / LABEL_BINS_MAX;
    if (wanted < LABEL_BIN_OPENINGS_MIN) wanted = LABEL_BIN_OPENINGS_MIN;
    struct label_bin open = {0};
    for (size_t i = LABEL_CELLS; i-- > 0;) {
        open.rows += cells->rows[i];
        open.openings += cells->openings[i];
        rows += cells->rows[i];
        open.from = LABEL_CELL_FIRST + LABEL_CELL_WIDTH * (double)i;
        if (open.openings < wanted) continue;
        LX_ASSERT(count < LABEL_BINS_MAX);
        ret_bins[count++] = open;
        open = (struct label_bin){0};
    }
    if (rows == 0) return 0;
    if (count == 0) {
        ret_bins[count++] = open;
    } else { /* what is left has too few openings to stand alone */
        ret_bins[count - 1].rows += open.rows;
        ret_bins[count - 1].openings += open.openings;
    }
    ret_bins[count - 1].from = -(double)INFINITY;
    for (size_t i = 0; i < count; i++) finish_bin(&ret_bins[i]);
    return count;
}
