#ifndef MODEL_ROWS_WEIGHTS_H
#define MODEL_ROWS_WEIGHTS_H

/*
 * rows_weights: what negatives weigh by where they come from (rows.h's sources); positives and
 * unseen negatives weigh one. All zero stands for one each. Pure.
 */

#include "base/base.h"

struct rows_weights {
    double refused, ignored, ruled_out; /* 0 or more */
};

static inline bool rows_weights_are_plain(const struct rows_weights *weights)
{
    bool is_unset = weights->refused == 0 && weights->ignored == 0 && weights->ruled_out == 0;
    return is_unset || (weights->refused == 1 && weights->ignored == 1 && weights->ruled_out == 1);
}

#endif
