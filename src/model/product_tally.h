#ifndef MODEL_PRODUCT_TALLY_H
#define MODEL_PRODUCT_TALLY_H

/*
 * product_tally: the counts behind a product graph, made in one pass over the histories. Private to
 * model.
 *
 * Counts are integers and add up, so neither the order of customers nor the threads matter.
 * Threads: one writer for each tally; tallies are merged.
 */

#include "bank/holdings.h"
#include "learn/significance.h"
#include "model/product_graph.h"

enum { TALLY_EXACT_DAYS = 128, TALLY_STEPS = 32, TALLY_OCTAVES = 7 };
/* Days from a to b: exact below TALLY_EXACT_DAYS, then TALLY_STEPS places an octave. */
enum { TALLY_DAY_PLACES = TALLY_EXACT_DAYS + TALLY_STEPS * TALLY_OCTAVES + 1 };

struct product_tally {
    int64_t as_of_ms;
    size_t product_count;
    int utc_offset_minutes;
    uint64_t customers;
    struct relations_counts now, past; /* who holds what: at as_of_ms, at the moments before it */
    /* [stratum][level][a][b]: at the moments before: held a and not b, opened b after; [b][b]: any
     * customer who held no b and opened it. Of closers: of a who held no b; who opened b after. */
    uint32_t *opened, *closed, *switched;
    uint32_t *first, *same; /* [a][b] among those who hold both: a first; on the same day */
    uint32_t *days;         /* [a][b][TALLY_DAY_PLACES] from a to b */
    /* Of the customer being counted. */
    struct bank_holdings holdings;
};

LX_MUST_USE enum lx_err product_tally_init(struct product_tally *tally, size_t product_count,
                                           int64_t as_of_ms, int utc_offset_minutes);
void product_tally_release(struct product_tally *tally);
LX_MUST_USE enum lx_err product_tally_add(struct product_tally *tally,
                                          const struct bank_history *history);
void product_tally_merge(struct product_tally *tally, const struct product_tally *other);

/* The strata's tables of a pair; how many. */
enum { TALLY_TABLES = GRAPH_STRATA * RELATIONS_LEVELS };
size_t product_tally_opening(const struct product_tally *tally, size_t a, size_t b,
                             struct table2 ret_tables[TALLY_TABLES]);
size_t product_tally_switching(const struct product_tally *tally, size_t a, size_t b,
                               struct table2 ret_tables[TALLY_TABLES]);
int32_t product_tally_median_days(const struct product_tally *tally, size_t a, size_t b);

#endif
