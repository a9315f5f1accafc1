#ifndef DECIDE_PAST_RULES_H
#define DECIDE_PAST_RULES_H

/*
 * past_rules: the bank's rules asked of a past moment, for training rows: which products would
 * eligibility and suitability have refused the customer by what was known then? Emergency stops and
 * contact policy are of the day and say nothing of the customer, so they are passed over, and so is
 * whatever was answered or offered: as in a first round of nobody's in particular.
 *
 * The rules are today's, of DIR/rules. Errors: rules.h's. Threads: model/rows.h's.
 */

#include "model/rows.h"

/* `folder` is borrowed. */
struct rows_rules past_rules(const char *folder);

#endif
