#ifndef DECIDE_RULE_SCHEMA_H
#define DECIDE_RULE_SCHEMA_H

/*
 * rule_schema: what a rule may speak of: all of the pair scope of view/schema.h that a snapshot
 * keeps, and the offer: where, when and in which round it is made, what the customer has answered
 * and what he was offered before. Every field and function of the offer, with its Chinese alias,
 * type and getter, stands in one table of rule_schema.c.
 *
 * Ownership: a schema borrows the view's; a question borrows all it points to.
 * Errors:    LX_ERR_NO_MEMORY; LX_ERR_OVERFLOW and the store's from the callbacks.
 * Threads:   a schema is read-only; a question belongs to one thread.
 */

#include "view/schema.h"

struct overlay_answer; /* overlay.h */

enum { RULE_PAST_DAYS_MAX = 400 }; /* how far back offers can be counted */

/* A product that was offered before, by the bank's own decisions. */
struct rule_past {
    int64_t offered_ms;
    uint64_t decision; /* position of the decision: those of one decision stand together */
    int product;
    enum bank_channel channel;
    bool is_first_round;
};

/* All that a decision knows of the customer and of the offer. */
struct rule_question {
    const struct view_context *context;
    const struct view_facts *facts;
    int64_t as_of_ms;                           /* of the facts and the features */
    const float *customer_values, *pair_values; /* pair_values: of every product; NULL where
                                                   rules_reads_pairs says no */
    size_t pair_count;
    const char *placement;     /* NULL: none */
    enum bank_channel channel; /* NONE: none in particular */
    int round;                 /* 1, 2 */
    int64_t now_ms;
    const struct overlay_answer *answers; /* of the customer, in the order of the journal */
    size_t answer_count;
    const uint64_t *shown; /* bits of the products of the round before; NULL: none */
    /* The offers of the last RULE_PAST_DAYS_MAX days, oldest first; asked at most once, and only
     * if a rule counts them. NULL: there are none. */
    enum lx_err (*past)(void *context, const struct rule_past **ret_past, size_t *ret_count,
                        struct lx_error *err);
    void *past_context;
};

/* What a field or a function depends on, as bits; a pair's does on both. The as-of moment is there
 * with each. */
enum rule_reach {
    RULE_OF_NOTHING = 0,
    RULE_OF_PRODUCT = 1,
    RULE_OF_CUSTOMER = 2, /* and on the offer */
    RULE_OF_PAIR = 3
};

struct rule_schema;
LX_MUST_USE enum lx_err rule_schema_open(const struct view_schema *view,
                                         struct rule_schema **ret_schema, struct lx_error *err);
void rule_schema_close(struct rule_schema *schema); /* NULL is fine */
const struct expr_schema *rule_schema_expr(const struct rule_schema *schema);
const struct view_schema *rule_schema_view(const struct rule_schema *schema);

/* Is what an expression reads at hand when a decision is made? LX_ERR_BAD_INPUT says why it is not;
 * the message has no place. */
struct rule_needs {
    unsigned reach;   /* enum rule_reach */
    bool reads_pairs; /* a feature of pairs */
    bool asks_peers;
};
LX_MUST_USE enum lx_err rule_schema_needs(const struct rule_schema *schema,
                                          const struct expr_read *read,
                                          struct rule_needs *ret_needs, struct lx_error *err);

/* The fields and functions of the offer, for the reference: name and alias, NULL past the last. */
const struct expr_field *rule_schema_own_field(const struct rule_schema *schema, size_t index);
const struct expr_function *rule_schema_own_function(const struct rule_schema *schema,
                                                     size_t index);

/* A question being answered: the callbacks' context. */
struct rule_reading {
    const struct rule_schema *schema;
    const struct rule_question *question;
    const uint64_t *stopped; /* bits of the products of the stop list */
    struct view_reading view;
    struct {
        enum bank_answer answer; /* the last one that stands; NONE */
        int64_t answered_ms;
    } last[LX_PRODUCT_MAX];
    bool has_past;
    const struct rule_past *past;
    size_t past_count;
};
/* `question` may be NULL where only RULE_OF_PRODUCT is read; `view` is begun by the caller. */
void rule_reading_begin(const struct rule_schema *schema, const struct rule_question *question,
                        const uint64_t *stopped, struct rule_reading *ret_reading);
void rule_reading_turn(struct rule_reading *reading, int product);
struct expr_row rule_reading_row(struct rule_reading *reading);

#endif
