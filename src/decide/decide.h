#ifndef DECIDE_DECIDE_H
#define DECIDE_DECIDE_H

/*
 * decide: what to offer one customer now, in what order, and why; recorded before it is told.
 *
 *   candidates -> rules (rules.h, a hard gate) -> calibrated probability -> arbitration
 *   (probability x value x context x lever, actions.h) -> reasons (explain.h) -> record (record.h)
 *
 * probability       the calibrated chance that he opens the product within 30 days
 * show_probability  the chance with which the policy shows the product here; 1 except where the
 *                   last place may be left to chance (arbitrate.h)
 * score             0-100: 50 is the chance of the bank's average (customer, product) pair, and
 *                   every 6 points double the odds (registry.h). It is not a probability and not
 *                   the order: the order is that of `priority`, the product of the factors.
 * Ties go to the smaller product code. A customer without consent to personalisation gets the
 * products in the order of popularity: is_personalised is false, probability and score are the
 * whole bank's for the product, and there are no reasons.
 *
 * Same snapshot, model, rules, answers and environment give the same decision, byte for byte; what
 * is drawn is drawn with the decision's own id.
 * Ownership: a decision owns everything in it; decision_release gives it back.
 * Errors:    LX_ERR_NOT_FOUND (customer), LX_ERR_USAGE (count, placement), journal's; after an
 *            error nothing is recorded and nothing is told.
 */

#include "base/arena.h"
#include "decide/engine.h"
#include "decide/rules.h"

enum {
    DECISION_ID_SIZE = 33, /* 32 lower-case hex digits, 128 bits, ascending in time */
    DECISION_REASONS_MAX = 4,
    DECISION_ITEMS_MAX = LX_PRODUCT_MAX,
    DECISION_DEFAULT_COUNT = 5,
};

struct decision_reason {
    const char *zh, *en;
    const char *feature; /* its name in `lingxi features` */
    double weight;       /* what it adds to the log-odds, > 0 */
};

/* priority = probability * value * context * lever */
struct decision_factors {
    double probability, value, context, lever, priority;
};

struct decision_item {
    const char *product, *zh, *en; /* code and names */
    int product_index;
    int score;
    const char *place; /* how it came to be shown: "plain", "explored", "informative" */
    double probability, show_probability;
    struct decision_factors factors;
    struct decision_reason reasons[DECISION_REASONS_MAX];
    size_t reason_count;
    enum bank_answer answer; /* NONE while there is none */
};

struct decision_refusal {
    const char *product;
    int product_index;
    const char *rule;    /* stable name, rules.h */
    const char *stage;   /* "suitability"; "" of an old record whose rule is there no more */
    const char *zh, *en; /* what it means */
};

struct decision {
    char id[DECISION_ID_SIZE];     /* "" for a preview */
    char parent[DECISION_ID_SIZE]; /* the first round that this second round rests on, or "" */
    const char *customer;          /* the bank's id */
    const char *placement;
    int round;     /* 1 or 2 */
    bool is_final; /* all answers of this round are in */
    bool is_personalised;
    int64_t decided_ms, as_of_ms; /* now; the moment of the features */
    const char *model, *rules;    /* 12 hex digits of each */
    struct decision_item *items;
    size_t item_count;
    struct decision_refusal *refused; /* in the order of the catalogue */
    size_t refused_count;
    size_t drops[RULE_STAGE_END]; /* by stage, how many of them */
    struct lx_arena arena;        /* everything above */
};

/* Who asks for what, from where. */
struct decide_request {
    const char *customer;  /* the bank's id */
    const char *placement; /* a section of actions.ini; NULL: "rm" */
    int count;             /* 1..DECISION_ITEMS_MAX; 0: DECISION_DEFAULT_COUNT */
    bool is_preview;       /* decides and records nothing */
};

/* First round; fewer items come back where fewer may be shown. */
LX_MUST_USE enum lx_err decide_recommend(struct engine *engine,
                                         const struct decide_request *request,
                                         struct decision *ret_decision, struct lx_error *err);
void decision_release(struct decision *decision);

/* A recorded decision with the answers given since. LX_ERR_NOT_FOUND. */
LX_MUST_USE enum lx_err decide_find(struct engine *engine, const char *id,
                                    struct decision *ret_decision, struct lx_error *err);

/* Where the journal has it. LX_ERR_NOT_FOUND. */
LX_MUST_USE enum lx_err decide_position(struct engine *engine, const char *id,
                                        uint64_t *ret_position, struct lx_error *err);

/* Do the rules allow this offer, by the snapshot and without what was answered since? A rule that
 * cannot be computed does not. `engine` is a
 * struct engine; the form is that of simulate.h. */
bool decide_may_offer(void *engine, int64_t customer, int product);

/* For the portrait: what may be shown now and what is expected of it, likeliest first; of equals
 * the one that stands first in the catalogue. */
struct decide_outlook {
    bool is_personalised; /* or the whole bank's rates: he did not consent */
    size_t count;
    struct {
        int product; /* index in the catalogue */
        int score;
        double probability;
    } items[LX_PRODUCT_MAX];
};
LX_MUST_USE enum lx_err decide_outlook(struct engine *engine, const char *customer,
                                       struct decide_outlook *ret_outlook, struct lx_error *err);

#endif
