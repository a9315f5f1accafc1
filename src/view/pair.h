#ifndef VIEW_PAIR_H
#define VIEW_PAIR_H

/*
 * pair: the two halves of the pair features. What the customer did with a product comes from his
 * history; what follows from facts, catalogue and peers can be computed anew at any time, so that a
 * snapshot need not hold it. Private to view.
 *
 * Layout: values[product * view_pair_feature_count() + feature], history first.
 */

#include "view/feature.h"

size_t view_pair_history_count(void); /* how many of the pair features come from the history */

/* The history half of a product that the customer never met; view_pair_history_count() floats. */
void view_pair_default(float *ret_values);

void view_pair_history(const struct bank_history *history, const struct view_context *context,
                       int64_t as_of_ms, float *values);
void view_pair_derived(const struct view_facts *facts, const struct view_context *context,
                       int64_t as_of_ms, const float *customer_values, float *values);

#endif
