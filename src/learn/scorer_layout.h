#ifndef LEARN_SCORER_LAYOUT_H
#define LEARN_SCORER_LAYOUT_H

/*
 * scorer_layout: what a forest is compiled to. Private to scorer*.c; scorer.h is the interface.
 *
 * Scoring a block of up to 256 rows takes three steps, each a function of the kernel:
 *
 * 1. bin: floats -> codes. Eight features (a lane each) at a time, row by row. The result is a
 *    plane of 256 bytes for each feature: plane[row] = number of thresholds at or below the value,
 *    255 for a missing value. A feature with more than 254 thresholds has a plane for each 254 of
 *    them, where the code is what it would be if the others did not exist.
 *
 * 2. masks: planes -> a table of masks of 256 bits, one bit a row. For a plane with T thresholds:
 *      T <= 8: with[t], t = 1..T: code < t; then as many with missing rows set too.
 *      T > 8:  low[t], t = 0..15: (code mod 16) < t; then high[t], t = 0..T/16+1: code/16 < t,
 *              missing rows clear; then the same with missing rows set.
 *    The row goes left at the split "value < threshold number t-1" exactly where code < t, and
 *      code < t  ==  high[t/16] | (high[t/16 + 1] & low[t%16]).
 *    So a split is two places in the table: `high`, with its successor, and `low`; for T <= 8 `low`
 *    is the mask number 0, which is empty.
 *
 * 3. trees: masks -> leaves. A tree is filled up to a complete one of 2^depth leaves. bit[l] of a
 *    row says whether it goes left at level l; bit[l] is picked among the level's split masks by
 *    bit[l-1], ..., bit[0]. The bits are the index of the leaf: sum of bit[l] << l. Leaves are
 *    added to the margins in the order of trees.
 *
 * A tree deeper than SCORER_DEPTH_MAX has no such form: its rows walk down the tree, one by one.
 * A model beyond the limits below is walked altogether.
 */

#include <math.h>
#include <string.h>

#include "learn/forest.h"
#include "learn/scorer.h"

enum {
    SCORER_BLOCK_ROWS = 256,
    SCORER_LANES = 8,
    SCORER_DEPTH_MAX = 8, /* of a bit-sliced tree */
    SCORER_SLICE_THRESHOLDS = 254,
    SCORER_MISSING = 255,
    SCORER_THRESHOLDS_MAX = 65000, /* of one feature */
    SCORER_PLANES_MAX = 1 << 15,
    SCORER_MASKS_MAX = 1 << 16,
    SCORER_LEAVES_MAX = 1 << 22, /* of all bit-sliced trees; further trees are walked */
    SCORER_SMALL_THRESHOLDS = 8,
    SCORER_DIRECT_MAX = 12, /* thresholds that are compared one by one */
    SCORER_ROWS_MIN = 32,   /* fewer rows than this walk: a block costs the same, however full */
    SCORER_BUCKETS_MIN = 64,
    SCORER_BUCKETS_MAX = 4096,
    SCORER_STEPS_MAX = 4, /* comparisons after a bucket */
    SCORER_MASK_BYTES = SCORER_BLOCK_ROWS / 8,
    SCORER_ALIGNMENT = 64,
};

enum scorer_method {
    SCORER_UNUSED, /* the model never splits on these features */
    SCORER_DIRECT, /* compare with each threshold */
    SCORER_BUCKET, /* a table says how many thresholds lie below; compare with the next few */
    SCORER_SEARCH, /* binary search */
};

/*
 * Eight neighbouring features, a lane each. A lane that does not exist (the last group's) has no
 * thresholds.
 *
 * The bucket of x is a monotone function, computed in floats by scorer_bucket and by the kernels
 * alike: u = (x - center) * scale; k = (bits of (|u| + 1) - bits of 1) >> shift, at most half - 1;
 * bucket = half + k, or half - 1 - k for a negative u. It is linear near the center and
 * logarithmic far from it. buckets[bucket_first + bucket] is the number of thresholds in lower
 * buckets; the code is that plus how many of the next `step_count` thresholds are <= x. The bucket
 * 2 * half is for missing values; its code is 255, and no threshold follows.
 */
struct scorer_group {
    enum scorer_method method;
    uint32_t lane_count;   /* features that exist */
    uint32_t step_count;   /* comparisons (DIRECT), bits (SEARCH) */
    uint32_t slice_count;  /* planes a feature; 1 for DIRECT and BUCKET */
    uint32_t plane_first;  /* of lane 0, slice 0; then lane 1 ...; then slice 1 */
    uint32_t direct_first; /* DIRECT: thresholds[direct_first + step * 8 + lane], NaN where none */
    float center[SCORER_LANES], scale[SCORER_LANES];
    int32_t shift[SCORER_LANES], half[SCORER_LANES];
    int32_t bucket_first[SCORER_LANES], threshold_first[SCORER_LANES];
    uint32_t lane_steps[SCORER_LANES]; /* BUCKET: comparisons */
};

struct scorer_feature {
    size_t threshold_first; /* in thresholds */
    uint32_t threshold_count;
    uint32_t plane_first; /* in planes; one for each 254 thresholds */
};

/* A plane that splits look at. */
struct scorer_plane {
    uint32_t plane, threshold_count;
    uint32_t mask_first;
};

struct scorer_split {
    uint32_t high, low; /* byte offsets into the mask table */
};

struct scorer_tree {
    uint32_t depth, group;
    uint32_t split_first; /* 2^depth - 1 splits, level by level */
    uint32_t leaf_first;  /* 2^depth leaves */
    uint32_t byte_first;  /* 4 tables of `byte_stride` bytes: the leaves' first, second ... bytes */
    uint32_t byte_stride;
    uint32_t block_first, block_levels; /* to walk it: 1 + 8 + 64 ... blocks */
    uint32_t exit_first;                /* 8^block_levels leaves, in `exits` */
    uint32_t root;                      /* in `nodes`, if it is not sliced */
    bool is_sliced;                     /* it has splits, leaves, blocks and exits */
};

/*
 * To walk, a tree is cut into blocks of three levels, one cache line each: split i = 1..7 of a
 * block is followed by 2i or 2i + 1, and 8 + e is its exit e, which leads to block 8b + e of the
 * next three levels. Where the tree has fewer levels the splits always go left. A row goes right
 * where limit < key; keys are the row's values as scorer_ordered numbers, twice: missing is above
 * all limits in the first feature_count keys, below them in the second.
 */
struct scorer_step {
    uint32_t limit;
    uint32_t feature; /* + feature_count where missing goes left */
};

struct scorer_steps {
    _Alignas(64) struct scorer_step steps[8]; /* the first is unused */
};

/* A node of a tree that is too deep for blocks. A leaf leads to itself. */
struct scorer_node {
    struct scorer_step step;
    uint32_t left; /* the right one follows */
    float value;
};

struct scorer {
    const struct scorer_functions *functions;
    enum scorer_kernel kernel;
    size_t feature_count, group_count, tree_count;
    float base_margin;
    bool is_walked; /* no tree is bit-sliced */

    struct scorer_group *groups; /* of features */
    size_t lane_group_count, plane_count;
    struct scorer_feature *features;
    float *thresholds; /* ascending for each feature, then NaN for the kernels to run into */
    uint32_t *limits;  /* the same as scorer_ordered numbers less 1, UINT32_MAX for NaN */
    uint8_t *buckets;
    size_t threshold_total, bucket_total;

    struct scorer_plane *planes;
    size_t used_plane_count, mask_count;

    struct scorer_tree *trees;
    struct scorer_split *splits;
    float *leaves;
    uint8_t *leaf_bytes;
    size_t split_total, leaf_total, byte_total;

    struct scorer_steps *blocks; /* aligned, within block_memory */
    void *block_memory;
    float *exits;
    size_t block_total, exit_total;
    struct scorer_node *nodes; /* of all trees, as in the forest; NULL if all are sliced */
};

/* One kernel. `codes` has plane_count planes of 256 bytes, `masks` mask_count + 1 masks of 32
 * bytes, `margins` 256 floats; all aligned to 64 bytes. */
struct scorer_functions {
    void (*bin)(const struct scorer *scorer, const float *rows, size_t row_count, uint8_t *codes);
    void (*mask)(const struct scorer *scorer, uint8_t *codes, uint8_t *masks);
    /* Adds the tree's leaves to the margins of its group. */
    void (*add)(const struct scorer *scorer, const struct scorer_tree *tree, const uint8_t *masks,
                float *margins);
};

#if defined(__x86_64__)
#define SCORER_HAS_X86 1
#endif

extern const struct scorer_functions scorer_plain_functions;
#ifdef SCORER_HAS_X86
extern const struct scorer_functions scorer_avx2_functions, scorer_avx512_functions;
void scorer_avx2_bin(const struct scorer *scorer, const float *rows, size_t row_count,
                     uint8_t *codes);
#endif

/* scorer_bin.c: fills groups, thresholds, buckets and the planes. */
LX_MUST_USE enum lx_err scorer_compile_bins(struct scorer *scorer, const struct forest *forest,
                                            struct lx_error *err);
/* scorer_tree.c: fills splits, leaves and trees. After scorer_compile_bins. */
LX_MUST_USE enum lx_err scorer_compile_trees(struct scorer *scorer, const struct forest *forest,
                                             struct lx_error *err);
/* scorer_walk.c: fills blocks, exits and nodes. After scorer_compile_trees. */
LX_MUST_USE enum lx_err scorer_compile_walk(struct scorer *scorer, const struct forest *forest,
                                            struct lx_error *err);

/* The bucket of a value for one lane; the kernels do the same. */
static inline int32_t scorer_bucket(const struct scorer_group *group, uint32_t lane, float value)
{
    float u = (value - group->center[lane]) * group->scale[lane];
    float one = 1.0f, grown = fabsf(u) + 1.0f;
    int32_t u_bits, one_bits, grown_bits;
    memcpy(&u_bits, &u, sizeof u_bits);
    memcpy(&one_bits, &one, sizeof one_bits);
    memcpy(&grown_bits, &grown, sizeof grown_bits);

    int32_t k = (grown_bits - one_bits) >> group->shift[lane];
    if (k > group->half[lane] - 1) k = group->half[lane] - 1;
    return group->half[lane] + (k ^ (u_bits >> 31));
}

/* The order of floats as the order of unsigned numbers; both zeros are one. Not for NaN. */
static inline uint32_t scorer_ordered(float value)
{
    float with_one_zero = value + 0.0f;
    uint32_t bits;
    memcpy(&bits, &with_one_zero, sizeof bits);
    return bits ^ ((uint32_t) - (int32_t)(bits >> 31) | 0x80000000u);
}

/* The place of a threshold of the forest among its feature's; it must be there. */
uint32_t scorer_threshold_rank(const struct scorer *scorer, uint32_t feature, float threshold);

/* scorer_walk.c: a row's 2 * feature_count keys, see struct scorer_steps. */
void scorer_fill_keys(const float *row, size_t feature_count, uint32_t *keys);

/* scorer_walk.c: all trees for one row; keys has room for 2 * feature_count numbers. */
void scorer_walk(const struct scorer *scorer, const float *row, uint32_t *keys, float *ret_margins);
/* One tree for some rows; margins of one group, a value a row. */
void scorer_walk_tree(const struct scorer *scorer, const struct scorer_tree *tree,
                      const float *rows, size_t row_count, float *margins);

#endif
