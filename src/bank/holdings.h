#ifndef BANK_HOLDINGS_H
#define BANK_HOLDINGS_H

/*
 * holdings: what a customer holds and held, derived from his open and close events in their order.
 *
 * A close ends the oldest open holding of its product. A close of what was never opened is a
 * holding from before the bank's records begin: its opening is BANK_UNKNOWN_MS.
 * Ownership: the list owns its items. Errors: LX_ERR_LIMIT, LX_ERR_NO_MEMORY.
 */

#include "bank/types.h"

struct bank_holding {
    int64_t customer;
    int64_t opened_at_ms, opened_known_at_ms; /* BANK_UNKNOWN_MS */
    int64_t closed_at_ms, closed_known_at_ms; /* BANK_UNKNOWN_MS while it is held */
    int32_t product, sequence;                /* from 0 for each customer */
};

struct bank_holdings {
    struct bank_holding *items;
    size_t count, capacity;
    size_t start; /* the last customer's first holding */
};

/* Customers must come in order, each one's events in order; other kinds are passed over. */
LX_MUST_USE enum lx_err bank_holdings_add(struct bank_holdings *holdings, int64_t customer,
                                          enum bank_event_kind kind, int product, int64_t at_ms,
                                          int64_t known_at_ms);
void bank_holdings_clear(struct bank_holdings *holdings);
void bank_holdings_release(struct bank_holdings *holdings);

#endif
