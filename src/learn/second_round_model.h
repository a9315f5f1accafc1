#ifndef LEARN_SECOND_ROUND_MODEL_H
#define LEARN_SECOND_ROUND_MODEL_H

/* second_round_model: what a second_round is made of; private to its files. */

#include "learn/calibration.h"
#include "learn/second_round.h"
#include "learn/second_round_features.h"
#include "learn/scorer.h"

struct second_round_member {
    char *trees; /* XGBoost's JSON; owned */
    size_t trees_bytes;
    struct scorer *scorer;
};

struct second_round {
    struct second_round_tables tables;
    struct calibration calibration;
    struct second_round_member members[SECOND_ROUND_MEMBERS_MAX];
    size_t member_count, profile_count, scorer_bytes;
};

/* Takes the trees over, also when it fails, and compiles them as the next member. */
LX_MUST_USE enum lx_err second_round_add_member(struct second_round *model, char *trees,
                                                size_t trees_bytes, struct lx_error *err);

#endif
