#ifndef VIEW_ASK_H
#define VIEW_ASK_H

/*
 * ask: an expression checked against what a bank knows, and its value for one customer.
 *
 * An expression that compiles in customer scope is about the customer; one that needs a field of
 * the product is about each product for him.
 *
 * Errors:  expr's; LX_ERR_BAD_INPUT with the place in struct expr_fault.
 * Threads: asking belongs to one thread.
 */

#include "view/features.h"
#include "view/peers.h"

LX_MUST_USE enum lx_err view_ask_compile(const struct view_schema *schema, const char *text,
                                         size_t length, struct expr **ret_expr,
                                         enum view_scope *ret_scope, struct expr_fault *ret_fault,
                                         struct lx_error *err);

/* Whether it reads what only a pass over all customers tells. */
bool view_ask_needs_peers(const struct view_features *features, const struct expr *expr);

/* What a customer is asked as of. */
struct view_as_of {
    const struct view_context *context; /* peers of the same moment, or NULL if none are needed */
    int64_t as_of_ms;
};

struct view_answer {
    void *context;
    /* `product`: BANK_NO_PRODUCT in customer scope, else each of the catalogue. The value is valid
     * during the call. */
    enum lx_err (*take)(void *context, int product, const struct expr_value *value,
                        struct lx_error *err);
};

LX_MUST_USE enum lx_err view_ask(const struct view_features *features, const struct expr *expr,
                                 enum view_scope scope, const struct bank_history *history,
                                 const struct view_as_of *moment, const struct view_answer *answer,
                                 struct lx_error *err);

#endif
