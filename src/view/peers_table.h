#ifndef VIEW_PEERS_TABLE_H
#define VIEW_PEERS_TABLE_H

/*
 * peers_table: the counts behind struct view_peers and how they are asked. Private to view.
 *
 * A group is a set of customers that are alike: group 0 the whole bank, then the cohorts (age band
 * x assets band x activity class), then the branches, then the occupations. Of each group stand the
 * customers, those who hold more than savings, and for each product its holders and those who
 * opened it in the 30 and in the 365 days before. Counts are integers, so neither the order of
 * customers nor the number of threads matters; rates are made once, at the end, and are shrunk
 * toward the bank's.
 * Threads: read-only once finished.
 */

#include "view/moment.h"
#include "view/peers.h"

enum {
    PEERS_AGE_BANDS = 7,
    PEERS_ASSETS_BANDS = 5,
    PEERS_ACTIVITY_CLASSES = 4,
    PEERS_COHORTS = PEERS_AGE_BANDS * PEERS_ASSETS_BANDS * PEERS_ACTIVITY_CLASSES,
    PEERS_BRANCHES_MAX = 8192,
    PEERS_OCCUPATIONS_MAX = 256,
    PEERS_NO_GROUP = -1,
};

/* How many customers of the bank's rate a group is mixed with, and how many co-holders of no
 * lift a pair of products. */
#define PEERS_RATE_PRIOR 100.0
#define PEERS_LIFT_PRIOR 5.0

/* A group's row of counts: customers, holders of more than savings, then three for each product. */
enum { PEERS_CUSTOMERS, PEERS_BEYOND_SAVINGS, PEERS_BY_PRODUCT };
enum { PEERS_HOLDERS, PEERS_OPENED_30D, PEERS_OPENED_365D, PEERS_COUNTS };

static inline size_t view_peers_place(size_t product, int count)
{
    return PEERS_BY_PRODUCT + PEERS_COUNTS * product + (size_t)count;
}

struct view_peers {
    int64_t as_of_ms, customers;
    size_t product_count, branch_count, occupation_count, group_count;
    size_t stride;        /* PEERS_BY_PRODUCT + PEERS_COUNTS * product_count */
    uint32_t *counts;     /* [group][stride] */
    uint32_t *co_holders; /* [product][product] */
    float *rates;         /* [group][stride]; the first two: as described at view_peers_finish */
    float *lifts, *lift_logs; /* [product][product]: of the second, given the first */
};

/* What counts of one customer. */
struct view_peer {
    float age, balance, acts_90d; /* as his features have them; NaN unknown */
    int branch, occupation;       /* -1 unknown */
    bool is_beyond_savings;
    uint64_t held[(LX_PRODUCT_MAX + 63) / 64];
    uint64_t opened_30d[(LX_PRODUCT_MAX + 63) / 64], opened_365d[(LX_PRODUCT_MAX + 63) / 64];
};

/* How many branches and occupations of the bank get a group of their own. */
LX_MUST_USE enum lx_err view_peers_groups(struct bank *bank, size_t *ret_branch_count,
                                          size_t *ret_occupation_count, struct lx_error *err);
LX_MUST_USE enum lx_err view_peers_new(int64_t as_of_ms, size_t product_count, size_t branch_count,
                                       size_t occupation_count, struct view_peers **ret_peers,
                                       struct lx_error *err);
/* `cohort`: age, balance and acts_90d as his features have them. */
void view_peer_of(const struct bank_history *history, const struct view_context *context,
                  int64_t as_of_ms, const float cohort[3], struct view_peer *ret_peer);
void view_peers_add(struct view_peers *peers, const struct view_peer *peer);
void view_peers_merge(struct view_peers *peers, const struct view_peers *other);
/* Makes the rates; rates[group][PEERS_CUSTOMERS] is the openings of one customer in 30 days. */
void view_peers_finish(struct view_peers *peers);

int view_peers_cohort_group(float age, float balance, float acts_90d);
int view_peers_branch_group(const struct view_peers *peers, int branch);
int view_peers_occupation_group(const struct view_peers *peers, int occupation);

/* A group's rates; those of the bank for PEERS_NO_GROUP. */
static inline const float *view_peers_rates(const struct view_peers *peers, int group)
{
    return peers->rates + (size_t)(group < 0 ? 0 : group) * peers->stride;
}

static inline float view_peers_rate(const float *rates, int product, int count)
{
    return rates[view_peers_place((size_t)product, count)];
}

#endif
