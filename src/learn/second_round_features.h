#ifndef LEARN_SECOND_ROUND_FEATURES_H
#define LEARN_SECOND_ROUND_FEATURES_H

/*
 * second_round_features: what the learner of the second round knows of products, and how a
 * customer's answers become features of each product that is left. Private to second_round.
 *
 * Counting:  second_round_counts takes one customer after the other; two sets of counts of the same
 *            products can be subtracted, so "all but one fold" costs nothing.
 * Tables:    [asked * P + product]: what a yes (no) to `asked` adds to the log-odds of `product`.
 *            P(product | asked held) is shrunken toward the product's rate by SHRINKAGE customers.
 * Ownership: release functions. Errors: LX_ERR_NO_MEMORY. Threads: read-only once made.
 */

#include "base/base.h"

struct second_round_counts {
    size_t product_count;
    /* P * P: customers of whom both are known; of these, who holds the first; and both. */
    uint32_t *known, *first, *both;
};

LX_MUST_USE enum lx_err second_round_counts_init(struct second_round_counts *counts,
                                                 size_t product_count);
void second_round_counts_release(struct second_round_counts *counts);
void second_round_counts_add(struct second_round_counts *counts, const float *log_odds,
                             const uint8_t *truth);
/* counts -= others */
void second_round_counts_subtract(struct second_round_counts *counts,
                                  const struct second_round_counts *others);

struct second_round_tables {
    size_t product_count;
    float *rates;         /* P: log-odds of the product's share */
    float *yes, *no;      /* P * P */
    float *likeness;      /* P * P, or NULL */
    uint16_t *categories; /* P */
};

/* likeness may be NULL; categories may be NULL: all are of one. */
LX_MUST_USE enum lx_err second_round_tables_init(struct second_round_tables *tables,
                                                 const struct second_round_counts *counts,
                                                 const float *likeness, const uint16_t *categories);
void second_round_tables_release(struct second_round_tables *tables);

enum second_round_feature {
    SECOND_ROUND_LOG_ODDS,   /* of the first round */
    SECOND_ROUND_GAP,        /* below the best that is left */
    SECOND_ROUND_RANK,       /* among those left, from 0 */
    SECOND_ROUND_EVIDENCE,   /* sum of the tables' shifts */
    SECOND_ROUND_FROM_YES,   /* its part from yes */
    SECOND_ROUND_FROM_NO,    /* its part from no */
    SECOND_ROUND_UPDATED,    /* first-round log-odds and evidence */
    SECOND_ROUND_COMPLEMENT, /* surprises, weighted by how much the asked product complements it */
    SECOND_ROUND_SUBSTITUTE, /* the same, how much it stands in for it */
    SECOND_ROUND_ALIKE,      /* the same, how alike they are */
    SECOND_ROUND_SURPRISE,   /* sum of all surprises */
    SECOND_ROUND_SURPRISE_CATEGORY,
    SECOND_ROUND_YES,
    SECOND_ROUND_NO,
    SECOND_ROUND_YES_CATEGORY,
    SECOND_ROUND_NO_CATEGORY,
    SECOND_ROUND_RATE,    /* log-odds of the product's share */
    SECOND_ROUND_PRODUCT, /* its number */
    SECOND_ROUND_FIXED,   /* how many; then each product's own answer, then the profile */
};

/* Features of a row: SECOND_ROUND_FIXED + P + profile_count. */
size_t second_round_width(const struct second_round_tables *tables, size_t profile_count);

/* The name of a feature, borrowed; NULL for answers and profile. */
const char *second_round_feature_name(size_t feature);

/*
 * Fills a row for each product that is a candidate and was not asked, in the order of products;
 * their number is the result. ret_products: P numbers at most; ret_rows: P * width floats at most.
 */
size_t second_round_fill(const struct second_round_tables *tables, const float *profile,
                         size_t profile_count, const float *log_odds, const float *answers,
                         uint16_t *ret_products, float *ret_rows);

#endif
