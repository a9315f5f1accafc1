#ifndef LEARN_XGBOOST_H
#define LEARN_XGBOOST_H

/*
 * xgboost: training of tree ensembles by libxgboost; the only file that includes its C API.
 * What comes out is XGBoost's JSON model; our own code (forest, scorer) predicts with it.
 *
 * Same data, parameters, seed and thread count give the same model.
 * Errors: LX_ERR_BAD_INPUT (no rows, labels of one kind), LX_ERR_NO_MEMORY, LX_ERR_IO with
 *         XGBoost's own message. Threads: one training at a time uses `thread_count` threads.
 */

#include "base/buffer.h"
#include "base/env.h"
#include "learn/focal.h"
#include "learn/matrix.h"

enum xgb_objective {
    XGB_BINARY,     /* binary:logistic */
    XGB_MULTICLASS, /* multi:softprob, class_count classes */
    XGB_REGRESSION, /* reg:squarederror */
    XGB_FOCAL,      /* focal.h's loss, our own derivatives; the model says log-odds as XGB_BINARY */
};

struct xgb_params {
    enum xgb_objective objective;
    int class_count; /* XGB_MULTICLASS */
    int round_count; /* boosting rounds */
    int max_depth;
    int parallel_tree_count; /* trees a round; 1 unless a forest */
    int max_bin;             /* 0: 256 */
    double learning_rate, min_child_weight, gamma, lambda, alpha;
    double subsample, column_sample; /* 0 < x <= 1; column_sample by tree */
    double node_column_sample;       /* of those, by split; 0: all */
    double base_score;               /* 0: the mean label, or what the objective makes of it */
    const float *margins;            /* where each row starts, in base_score's place; or NULL */
    struct focal focal;              /* XGB_FOCAL */
    uint64_t seed;
    int thread_count;
    const char *extra; /* "name=value" lines, or NULL */
};

/* 200 rounds, depth 4, rate 0.1: the plain tool of the comparisons. */
struct xgb_params xgb_params_default(enum xgb_objective objective);

/*
 * labels: row_count values, 0/1 or class numbers or reals. weights may be NULL.
 * The mean label that base_score 0 stands for is weighted; several classes start equal. Focal loss
 * is scaled so that its second derivatives at the start sum to what log loss's would be: lambda and
 * min_child_weight mean the same for both. `env` may be NULL; its progress is told of each round.
 * With margins (XGB_BINARY alone; row_count log-odds) the trees learn what is to be added to them:
 * the model then says that addition, its own start is 0.
 * The model's JSON is appended to `model`.
 */
LX_MUST_USE enum lx_err xgb_train(const struct xgb_params *params, const struct matrix *matrix,
                                  const float *labels, const float *weights,
                                  const struct lx_env *env, struct lx_buffer *model,
                                  struct lx_error *err);

#endif
