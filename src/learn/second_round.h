#ifndef LEARN_SECOND_ROUND_H
#define LEARN_SECOND_ROUND_H

/*
 * second_round: a ranking that has heard the answers. A customer was asked about a few products and
 * said yes or no to each; what do his answers say about the products that are left?
 *
 * It is learnt from histories that are replayed as question and answer: what a training customer
 * holds (or opened later) is hidden, a first list is asked as the policy would ask it (the best k
 * by log-odds), and also lists drawn at random about it, so that other policies' questions are no
 * surprise; the true answers are revealed; each product left is a row with its truth as label.
 * Statistics of products (how much likelier j is where i is held, and where it is not) are of the
 * training customers alone.
 *
 * A customer and a product become these features:
 *   the first-round log-odds, and by how much the best one left exceeds them;
 *   answers as surprises, a - sigmoid(first log-odds): the sum of all (how generous he is compared
 *   with what was expected), of those of the same category, and sums weighted by how much each
 *   asked product is a complement, a substitute, alike;
 *   conditional log-odds of the product given the answers, from shrunken counts;
 *   each product's own answer; the product; his profile.
 *
 * Shapes:    P products and C customers; [customer * P + product]. All floats.
 *   log_odds   of the first round, finite; NaN: no candidate (held, refused), which is neither
 *              asked, nor ranked, nor learnt from. In training they must be OUT OF FOLD: given by a
 *              model that has not seen this customer's truth. From a model that has, the second
 *              round would learn that the first is always right, and answers count for nothing.
 *   answers    in [-1, 1]; 0: not asked; 1 yes, -1 no; between: one that counts less, because it is
 *              old or was only a look (0.3) or a shrug (-0.3).
 *   profile    as the training matrix, NaN where missing; NULL where there was none.
 * Ownership: a model copies all it needs; second_round_close frees.
 * Errors:    LX_ERR_BAD_INPUT (no customers, one kind of label, infinite log-odds: with the place),
 *            LX_ERR_LIMIT, LX_ERR_NO_MEMORY, those of xgboost.h; reading: LX_ERR_CORRUPT (the hash
 *            differs, or it contradicts itself), LX_ERR_VERSION.
 * Threads:   fitting uses env->thread_count; a model is read-only: any number of readers, each with
 *            its own scratch. The same data, parameters and thread count give the same bytes.
 */

#include "base/buffer.h"
#include "base/env.h"
#include "learn/matrix.h"

enum { SECOND_ROUND_PRODUCTS_MAX = 256 };

struct second_round_data {
    size_t customer_count, product_count;
    const struct matrix *profile; /* C rows, or NULL */
    const float *log_odds;        /* C * P, out of fold */
    const uint8_t *truth;         /* C * P, 0 or 1: what he would answer */
    const uint16_t *categories;   /* P numbers, or NULL: all products are of one */
    const float *likeness;        /* P * P in [-1, 1], or NULL: how near the product graph puts two
                                   * products (relations.h's association, or likeness of terms) */
};

enum { SECOND_ROUND_LENGTHS_MAX = 4, SECOND_ROUND_MEMBERS_MAX = 16 };

struct second_round_params {
    int lengths[SECOND_ROUND_LENGTHS_MAX]; /* of first lists that are replayed; 0: unused */
    int variants;      /* lists drawn at random beside the policy's own, for each length */
    double spread;     /* of the noise on the log-odds that draws them */
    size_t rows_max;   /* rows to learn from; of more, lists are left out by chance */
    bool with_profile; /* also learn from the profile */
    int member_count;  /* forests, each without one fold of the customers; 1: no calibration */
    int round_count, max_depth;
    double learning_rate, min_child_weight, subsample, column_sample;
    uint64_t seed;
};

/* Lists of 3 and 5, as the policy asks them and drawn at random once; 3 members of 150 trees. */
struct second_round_params second_round_params_default(void);

struct second_round;

LX_MUST_USE enum lx_err second_round_fit(const struct second_round_params *params,
                                         const struct second_round_data *data,
                                         const struct lx_env *env, struct second_round **ret_model,
                                         struct lx_error *err);
void second_round_close(struct second_round *model); /* NULL is fine */

size_t second_round_product_count(const struct second_round *model);
size_t second_round_profile_count(const struct second_round *model); /* 0: trained without */

/* Of the caller's, any alignment, one for each thread. */
size_t second_round_scratch_bytes(const struct second_round *model);

/*
 * One customer: the log-odds of his products now that he has answered. NaN for what was asked and
 * for what is no candidate. Nothing asked: the first-round log-odds as they are. An answer about a
 * product that is no candidate is passed over. Allocates nothing; the order in which questions were
 * asked does not matter.
 */
void second_round_score(const struct second_round *model, const float *profile,
                        const float *log_odds, const float *answers, void *scratch,
                        double *ret_log_odds);

/* One document with version and SHA-256, and back; scores are equal bit for bit. */
LX_MUST_USE enum lx_err second_round_write(const struct second_round *model,
                                           struct lx_buffer *bytes, struct lx_error *err);
LX_MUST_USE enum lx_err second_round_read(const char *bytes, size_t length,
                                          struct second_round **ret_model, struct lx_error *err);

#endif
