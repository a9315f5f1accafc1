#ifndef LEARN_FOREST_H
#define LEARN_FOREST_H

/*
 * forest: a boosted ensemble of trees, read from XGBoost's JSON model, and the plain way to
 * evaluate it. What is fast (scorer) and what explains (attribution) is compiled from it.
 *
 * A row is feature_count floats; NaN means missing and goes the split's default way; any other
 * value goes left when value < threshold. A margin is the base margin plus the leaves' values,
 * added as floats in the order of the trees, so it equals XGBoost's bit for bit. Each tree adds to
 * one group; several groups are the classes of multi:softprob.
 *
 * Read:      gbtree models of XGBoost 1.x with numerical splits; binary:logistic,
 *            reg:squarederror, multi:softprob, rank:pairwise; several trees a round too.
 * Invariants (of what is loaded, whatever the file said): nodes of a tree stand together in
 *            breadth-first order, so children come after their parent and right is left + 1; every
 *            feature is below feature_count, every number finite, no cover below 0.
 * Ownership: forest_load_json copies all it needs; forest_close frees.
 * Errors:    LX_ERR_BAD_INPUT (not such a model), LX_ERR_CORRUPT (one that contradicts itself),
 *            LX_ERR_NOT_BUILT (dart, gblinear, categorical splits, other objectives),
 *            LX_ERR_LIMIT, LX_ERR_NO_MEMORY.
 * Threads:   read-only once loaded; any number of readers.
 * Source:    XGBoost 1.7, doc/model.schema and src/predictor/cpu_predictor.cc (behaviour).
 */

#include "base/base.h"

enum {
    FOREST_FEATURES_MAX = 8192,
    FOREST_GROUPS_MAX = 1024,
    FOREST_TREES_MAX = 1 << 17,
    FOREST_NODES_MAX = 1 << 23, /* of all trees */
    FOREST_DEPTH_MAX = 64,      /* splits between a root and a leaf */
    FOREST_BYTES_MAX = 1 << 28, /* of the JSON text */
};

enum forest_objective {
    FOREST_LOGISTIC,      /* probability = sigmoid of the margin */
    FOREST_SQUARED_ERROR, /* the margin is the prediction */
    FOREST_SOFTPROB,      /* probabilities = softmax over the groups */
    FOREST_RANK_PAIRWISE, /* the margin only orders */
};

struct forest_node {
    float value;      /* a split's threshold, a leaf's addition to the margin */
    uint32_t feature; /* of a split */
    uint32_t left;    /* index of the left child, the right one follows it; 0: this is a leaf */
    float cover;      /* sum of hessians of the training rows that came here */
    float gain;       /* loss reduction of a split; 0 in a leaf */
    float weight;     /* what this node would add if it were a leaf */
    bool is_left_default;
};

struct forest_tree {
    uint32_t root, node_count; /* nodes [root, root + node_count) */
    uint32_t depth;            /* splits on the longest way to a leaf; 0: the root is a leaf */
    uint32_t group;
};

struct forest {
    enum forest_objective objective;
    size_t feature_count, group_count, tree_count, node_count;
    struct forest_tree *trees;
    struct forest_node *nodes;
    float base_score;  /* as the model states it */
    float base_margin; /* what every margin starts from: its logit for binary:logistic */
};

LX_MUST_USE enum lx_err forest_load_json(const char *bytes, size_t length,
                                         struct forest **ret_forest, struct lx_error *err);
void forest_close(struct forest *forest); /* NULL is fine */

size_t forest_feature_count(const struct forest *forest);
size_t forest_group_count(const struct forest *forest);
size_t forest_tree_count(const struct forest *forest);

/* The index of the leaf that a row of feature_count values reaches in a tree. */
uint32_t forest_leaf(const struct forest *forest, const struct forest_tree *tree, const float *row);

/* ret_margins: group_count values. The reference that the scorer is held against. */
void forest_predict_row_margin(const struct forest *forest, const float *row, float *ret_margins);

/* Turns row_count * group_count margins into predictions (probabilities, or the margins
 * themselves), in place, with XGBoost's formulas. */
void forest_transform(const struct forest *forest, float *margins, size_t row_count);

/* Sum of the gain of each feature's splits, and how many there are; feature_count values each.
 * XGBoost calls them total_gain and weight; their quotient is its gain. */
void forest_importance(const struct forest *forest, double *ret_total_gain,
                       uint64_t *ret_split_count);

#endif
