#ifndef MODEL_SECOND_ROWS_H
#define MODEL_SECOND_ROWS_H

/*
 * second_rows: what the second round learns from, taken from the bank in one pass.
 *
 * A *case* is a customer as of a moment that the trees were not fitted on: the model's log-odds of
 * every product, NaN where he holds it or it is not sold. At the first of these moments cases are
 * *replays*: what he opened, or said yes to, until the data ends was hidden from the features, is
 * his truth, and answers as if he had been asked. Everybody with a truth is taken, of the others a
 * share, by a hash that knows nothing of labels.
 *
 * An *asked* row is an offer of the campaign log in the month after any moment of the split, with
 * its answer and those that the customer gave before it, weighed by age (second.h). The trees have
 * seen what was opened after most of these moments, which flatters the model's own order and
 * nothing else: what is to be shown better than it has a harder task. An offer nothing was said to
 * counts as no when SECOND_SILENT_DAYS have passed; control groups were not asked.
 *
 * Ownership: second_rows_release. The result does not depend on the number of threads.
 */

#include "model/fit.h"

enum {
    SECOND_REPLAYS = 40000,   /* customers without a truth, about */
    SECOND_ASKED_MAX = 40000, /* customers whose offers are taken, about */
    SECOND_SILENT_DAYS = 30,
};

/* Which half of the customers: a hash that knows nothing of them. */
enum { SECOND_HALVES = 2 };
size_t second_half(uint64_t seed, int64_t customer);

struct second_given {
    uint16_t product;
    float weight;
};

struct second_asked {
    size_t case_index;
    uint32_t customer;
    uint16_t product;
    bool is_yes;
    size_t given_first, given_count;
};

struct second_rows {
    size_t product_count;
    size_t case_count, replay_count;
    float *log_odds;     /* case * product */
    uint8_t *truth;      /* case * product; of replays */
    uint8_t *is_replay;  /* by case */
    uint32_t *customers; /* by case */
    struct second_asked *asked;
    size_t asked_count;
    struct second_given *given;
    size_t given_count;
    /* The whole campaign log: offers and yeses, by half of the customers and product. */
    uint64_t *shown, *yes;
};

LX_MUST_USE enum lx_err second_rows_build(const struct fit *fit, const struct model *model,
                                          const struct lx_env *env, struct second_rows *ret_rows,
                                          struct lx_error *err);
void second_rows_release(struct second_rows *rows);

#endif
