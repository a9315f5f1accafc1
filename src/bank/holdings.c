#include "bank/holdings.h"

/* Of one slice of a load. */
enum { HOLDINGS_MAX = 1 << 26 };

/* The oldest holding of the product that is still open, or NULL. */
static struct bank_holding *open_one(struct bank_holdings *holdings, int product)
{
    for (size_t i = holdings->start; i < holdings->count; i++) {
        struct bank_holding *holding = &holdings->items[i];
        if (holding->product == product && holding->closed_at_ms == BANK_UNKNOWN_MS) return holding;
    }
    return NULL;
}

enum lx_err bank_holdings_add(struct bank_holdings *holdings, int64_t customer,
                              enum bank_event_kind kind, int product, int64_t at_ms,
                              int64_t known_at_ms)
{
    if (kind != BANK_EVENT_KIND_OPEN && kind != BANK_EVENT_KIND_CLOSE) return LX_OK;
    if (product == BANK_NO_PRODUCT) return LX_OK;
    LX_ASSERT(holdings->count == 0 || holdings->items[holdings->count - 1].customer <= customer);

    if (holdings->count > 0 && holdings->items[holdings->count - 1].customer != customer)
        holdings->start = holdings->count;
    struct bank_holding *open = NULL;
    if (kind == BANK_EVENT_KIND_CLOSE) open = open_one(holdings, product);
    if (open != NULL) {
        open->closed_at_ms = at_ms;
        open->closed_known_at_ms = known_at_ms;
        return LX_OK;
    }
    enum lx_err code = lx_grow(&holdings->items, &holdings->capacity, holdings->count + 1,
                               HOLDINGS_MAX, sizeof *holdings->items);
    if (code != LX_OK) return code;

    bool is_opening = kind == BANK_EVENT_KIND_OPEN;
    holdings->items[holdings->count] = (struct bank_holding){
        .customer = customer,
        .product = product,
        .sequence = (int32_t)(holdings->count - holdings->start),
        .opened_at_ms = is_opening ? at_ms : BANK_UNKNOWN_MS,
        .opened_known_at_ms = is_opening ? known_at_ms : BANK_UNKNOWN_MS,
        .closed_at_ms = is_opening ? BANK_UNKNOWN_MS : at_ms,
        .closed_known_at_ms = is_opening ? BANK_UNKNOWN_MS : known_at_ms,
    };
    holdings->count++;
    return LX_OK;
}

void bank_holdings_clear(struct bank_holdings *holdings)
{
    holdings->count = 0;
    holdings->start = 0;
}

void bank_holdings_release(struct bank_holdings *holdings)
{
    lx_free(holdings->items);
    *holdings = (struct bank_holdings){0};
}
