#ifndef DECIDE_RULES_PARTS_H
#define DECIDE_RULES_PARTS_H

/* rules_parts: what a rule set is made of. Private to rules.c and rules_read.c. */

#include "base/arena.h"
#include "decide/rules.h"

enum { RULE_WORDS = (LX_PRODUCT_MAX + 63) / 64 };

/* One part of a condition; parts are ordered by what they depend on: product, customer, pair. */
struct rule_part {
    const struct expr_node *node;
    unsigned reach;
};

struct rule_code {
    struct expr *expr;
    struct rule_part *parts;
    size_t part_count, first_of_customer, first_of_pair;
    uint64_t products[RULE_WORDS]; /* whose own parts let the rule refuse, as of prepared_ms */
};

struct rules {
    const struct rule_schema *schema;
    const struct bank_catalogue *catalogue;
    struct rule rules[RULES_MAX];
    struct rule_code codes[RULES_MAX]; /* by rule */
    size_t count;
    struct rules_file files[RULES_FILES_MAX];
    size_t file_count;
    uint64_t stopped[RULE_WORDS];
    bool has_stop_list, reads_pairs, asks_peers;
    bool is_prepared;
    int64_t prepared_ms;
    uint8_t hash[32];
    struct rule_reading reading;
    struct lx_arena arena; /* texts and parts */
};

#endif
