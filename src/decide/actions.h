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

enum { ACTIONS_PLACEMENTS_MAX = 32, ACTIONS_NAME_MAX = 31 };

struct actions_placement {
    char name[ACTIONS_NAME_MAX + 1];
    enum bank_channel channel; /* NONE: none in particular */
    double elsewhere;          /* weight of a product that is not sold in the channel */
    double categories[BANK_CATEGORY_END];
};

struct actions {
    double value[LX_PRODUCT_MAX], lever[LX_PRODUCT_MAX]; /* by product of the catalogue */
    struct actions_placement placements[ACTIONS_PLACEMENTS_MAX];
    size_t placement_count;
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
