#ifndef MODEL_SECOND_FIT_H
#define MODEL_SECOND_FIT_H

/*
 * second_fit: trains the bank's second round (second.h) beside a model, and measures it on
 * customers that it was not trained on. Customers are put into halves by a hash; what is said of
 * one half rests on the other; what is registered is trained on both.
 *
 * Figures, with 95 % intervals over customers:
 *   log_gain    ROC-AUC of the new order over offers of the campaign log, less the plain order's.
 *               Where its lower bound is not above SECOND_LOG_GAIN_MIN the campaign log is not
 *               used: the area is over all customers, and a small gain among them can be a loss
 *               within each.
 *   replay_gain on replayed histories, k = SECOND_REPLAY_PLACES: how many more (a share) are hit in
 *               the second round with answers than in places k+1 ... 2k, by the forest. Where its
 *               lower bound is not above zero the kernel says what answers move; unless the
 *               forest gains more than the kernel by what it may ask (teach_gain).
 *   kernel_gain the same by the kernel.
 *   teach_gain  the same of both rounds, of a first round that may give its last place to what
 *               teaches most (teach.h) over the plain one. Where its lower bound is not above zero
 *               the first round is plain.
 *
 * Errors: LX_ERR_NO_MEMORY, learn's, bank's. Too little to learn from is no error.
 */

#include "learn/metrics.h"
#include "model/second.h"
#include "model/second_figures.h"
#include "model/second_rows.h"

enum {
    SECOND_REPLAY_PLACES = 3,
    SECOND_TRUTHS_MIN = 200, /* customers with a truth, to learn from replays */
    SECOND_YES_MIN = 30,     /* in the campaign log */
};

#define SECOND_LOG_GAIN_MIN 0.01

LX_MUST_USE enum lx_err second_fit(const struct second_rows *rows, uint64_t seed,
                                   const struct bank_catalogue *catalogue,
                                   const struct view_peers *peers, const struct lx_env *env,
                                   struct second **ret_second, struct second_figures *ret_figures,
                                   struct lx_error *err);

#endif
