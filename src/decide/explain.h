#ifndef DECIDE_EXPLAIN_H
#define DECIDE_EXPLAIN_H

/*
 * explain: from exact tree attributions to at most four sentences that a relationship manager can
 * say, in Chinese and in English.
 *
 * Features that tell the same (logins in 7, 30, 90 days) form a topic. A topic is a reason where
 * its contributions sum to more than EXPLAIN_WEIGHT_MIN log-odds; its sentence is that of the
 * member that adds most by itself and whose value can be said (say_from and say_to in
 * features.ini): three views can, no views cannot, a missing value never. So a sentence always
 * names a feature that the model used for this customer and product, with its value, and that
 * raised the probability. Topics come by weight, ties by the order of the features.
 *
 * Ownership: sentences live in the arena. Errors: LX_ERR_NO_MEMORY. Threads: pure.
 */

#include "base/arena.h"
#include "base/limits.h"
#include "decide/decide.h"
#include "view/features.h"
#include "view/peers.h"

#define EXPLAIN_WEIGHT_MIN 0.01

/* The features that can be said, in their order; looked up once, for they never change. */
enum { EXPLAIN_SENTENCES_MAX = LX_FEATURES_MAX };
struct explain_sentence {
    const struct view_feature *feature; /* borrowed */
    uint16_t column, topic;
};
struct explain_index {
    struct explain_sentence sentences[EXPLAIN_SENTENCES_MAX];
    size_t count, topic_count;
};
void explain_index_init(struct explain_index *index, const struct view_features *features);

struct explain_input {
    const struct explain_index *index;
    const float *row;           /* customer features, then pair features */
    const float *contributions; /* of each, to the margin */
    size_t feature_count;
    const struct bank_catalogue *catalogue;
    int product;
    const struct view_facts *facts; /* for which held product a tie is strongest */
    const struct view_peers *peers;
};

LX_MUST_USE enum lx_err explain(const struct explain_input *input, struct lx_arena *arena,
                                struct decision_reason ret_reasons[DECISION_REASONS_MAX],
                                size_t *ret_count, struct lx_error *err);

#endif
