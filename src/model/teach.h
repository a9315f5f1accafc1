#ifndef MODEL_TEACH_H
#define MODEL_TEACH_H

/*
 * teach: may the last place of a first round go to a product whose answer would teach more?
 *
 * The value of asking q in the last place, over both rounds, k places each:
 *
 *   V(q) = c_q + c_q * T(list with q, q said yes) + (1 - c_q) * T(list with q, q said no)
 *
 * where c are the chances of a yes as they stand, and T the sum of the k best chances that are left
 * after that answer (second.h). The other places are the same on both sides and count as not yet
 * answered. The place goes to the q of largest V, if V exceeds that of the plain last product and
 * the first round loses no more than `limit` of the sum of its chances; else the list is plain.
 *
 * Only candidates that the rules let through may be handed in. Whether any of this is done at all
 * is decided when a model is trained (second_fit.h): on replayed histories the gain over both
 * rounds must have a lower bound above zero.
 *
 * What is chosen is shown with the chance 1 - TEACH_FLOOR, else the plain one: either way what
 * stands there has a show_probability of at least TEACH_FLOOR, so that what is learnt can be
 * weighed later.
 *
 * Threads: pure; scratch is the caller's.
 */

#include "model/second.h"

#define TEACH_FLOOR 0.2
#define TEACH_LIMIT 0.1 /* of the first round's expected yeses */

enum { TEACH_CANDIDATES_MAX = 10 };

struct teach_question {
    const struct second *second;
    const double *log_odds; /* f_p of second.h */
    const bool *is_held;
    const float *answers;  /* that he gave before */
    const uint16_t *order; /* candidates, the plain order */
    size_t count;
    size_t places; /* of each round; less than `count` */
};

struct teach_choice {
    int product; /* for the last place; BANK_NO_PRODUCT: the plain one */
    double gain; /* expected yeses over both rounds, less the plain list's */
    double loss; /* of them in the first round */
};

/* Bytes of scratch for second_scratch_bytes' second. */
size_t teach_scratch_bytes(const struct second *second);

struct teach_choice teach_choose(const struct teach_question *question, void *scratch);

#endif
