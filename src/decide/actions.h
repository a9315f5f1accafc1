#ifndef DECIDE_ACTIONS_H
#define DECIDE_ACTIONS_H

/*
 * actions: what an offer is worth to the bank, how hard it is pushed, and how well it fits the
 * place (actions.ini). priority = probability x value x context x lever.
 *
 * Ownership: plain values. Errors: LX_ERR_BAD_INPUT with file, line
 *            and name; LX_ERR_USAGE for an unknown placement, naming the known ones.
 * Threads:   read-only once parsed.
 */

#include "bank/catalogue.h"

enum {
    ACTIONS_PLACEMENTS_MAX = 32,
    ACTIONS_SEGMENTS_MAX = 32,
    ACTIONS_NAME_MAX = 31,
    ACTIONS_TITLE_MAX = 95,
    ACTIONS_CONDITION_MAX = 511
};

/* Customers whose answers are counted together (posteriors.h): the first that holds. */
struct actions_segment {
    char name[ACTIONS_NAME_MAX + 1];
    char zh[ACTIONS_TITLE_MAX + 1], en[ACTIONS_TITLE_MAX + 1];
    char when[ACTIONS_CONDITION_MAX + 1]; /* compiled by segments.h */
    int line;                             /* of `when` */
};

/* [explore]: the places that are left to chance (arbitrate.h). A file without the section explores
 * nothing. */
struct actions_explore {
    double share;          /* of all places, where no candidate is new */
    double new_share;      /* where one is */
    double floor;          /* least chance of a candidate in a place that is left to chance */
    double new_days;       /* new: launched so lately ... */
    double new_answers;    /* ... and with fewer answers, decayed */
    double prior_answers;  /* how many answers the prior of a rate is worth */
    double half_life_days; /* after which an answer counts half */
};

struct actions_placement {
    char name[ACTIONS_NAME_MAX + 1];
    enum bank_channel channel; /* NONE: none in particular */
    double elsewhere;          /* weight of a product that is not sold in the channel */
    double categories[BANK_CATEGORY_END];
    double explore_share, explore_new_share; /* NaN: those of [explore] */
};

struct actions {
    double value[LX_PRODUCT_MAX], lever[LX_PRODUCT_MAX]; /* by product of the catalogue */
    struct actions_placement placements[ACTIONS_PLACEMENTS_MAX];
    size_t placement_count;
    struct actions_segment segments[ACTIONS_SEGMENTS_MAX]; /* in the order of the file */
    size_t segment_count;
    struct actions_explore explore;
    uint8_t hash[32]; /* SHA-256 of the file */
};

LX_MUST_USE enum lx_err actions_parse(const char *file, const char *bytes, size_t length,
                                      const struct bank_catalogue *catalogue,
                                      struct actions *ret_actions, struct lx_error *err);

LX_MUST_USE enum lx_err actions_placement(const struct actions *actions, const char *name,
                                          const struct actions_placement **ret_placement,
                                          struct lx_error *err);

double actions_context(const struct actions_placement *placement,
                       const struct bank_product *product);

#endif
