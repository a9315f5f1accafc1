#include "learn/scorer_layout.h"

#include <string.h>

static enum lx_err place_trees(struct scorer *scorer, const struct forest *forest)
{
    scorer->trees = lx_calloc(forest->tree_count + 1, sizeof *scorer->trees);
    if (scorer->trees == NULL) return LX_ERR_NO_MEMORY;
    for (size_t i = 0; i < forest->tree_count; i++) {
        struct scorer_tree *tree = &scorer->trees[i];
        tree->group = forest->trees[i].group;
        tree->depth = forest->trees[i].depth;
        if (scorer->is_walked || tree->depth > SCORER_DEPTH_MAX) continue;
        uint32_t leaves = (uint32_t)1 << tree->depth;
        if (scorer->leaf_total + leaves > SCORER_LEAVES_MAX) continue;

        tree->is_sliced = true;
        tree->split_first = (uint32_t)scorer->split_total;
        tree->leaf_first = (uint32_t)scorer->leaf_total;
        tree->byte_first = (uint32_t)scorer->byte_total;
        tree->byte_stride = leaves < 16 ? 16 : leaves;
        scorer->split_total += leaves - 1;
        scorer->leaf_total += leaves;
        scorer->byte_total += (size_t)4 * tree->byte_stride;
    }
    scorer->splits = lx_calloc(scorer->split_total + 1, sizeof *scorer->splits);
    scorer->leaves = lx_calloc(scorer->leaf_total + 1, sizeof *scorer->leaves);
    /* A kernel reads 64 bytes where a table has 16. */
    scorer->leaf_bytes = lx_calloc(scorer->byte_total + 64, 1);
    if (scorer->splits == NULL || scorer->leaves == NULL || scorer->leaf_bytes == NULL)
        return LX_ERR_NO_MEMORY;
    return LX_OK;
}

static struct scorer_split split_of(const struct scorer *scorer, const struct forest_node *node)
{
    uint32_t rank = scorer_threshold_rank(scorer, node->feature, node->value);
    const struct scorer_plane *plane =
        &scorer
             ->planes[scorer->features[node->feature].plane_first + rank / SCORER_SLICE_THRESHOLDS];
    uint32_t bound = rank % SCORER_SLICE_THRESHOLDS + 1; /* left where code < bound */
    uint32_t high = plane->mask_first, low = 0;
    if (plane->threshold_count <= SCORER_SMALL_THRESHOLDS) {
        high += bound - 1 + (node->is_left_default ? plane->threshold_count : 0);
    } else {
        high += 16 + bound / 16 + (node->is_left_default ? plane->threshold_count / 16 + 2 : 0);
        if (bound % 16 != 0) low = plane->mask_first + bound % 16;
    }
    return (struct scorer_split){high * SCORER_MASK_BYTES, low * SCORER_MASK_BYTES};
}

/* Below a leaf that comes early the splits stay at 0 and every leaf has its value. */
static void fill_leaves(float *leaves, uint32_t depth, uint32_t level, uint32_t bits, float value)
{
    for (uint32_t rest = 0; rest < (uint32_t)1 << (depth - level); rest++)
        leaves[bits | rest << level] = value;
}

/* `place` is the node's among those of its level; `bits` says how the way there turned. */
static void fill_tree(struct scorer *scorer, const struct scorer_tree *tree,
                      const struct forest *forest, uint32_t index, uint32_t level, uint32_t place,
                      uint32_t bits)
{
    const struct forest_node *node = &forest->nodes[index];
    if (node->left == 0) {
        fill_leaves(scorer->leaves + tree->leaf_first, tree->depth, level, bits, node->value);
        return;
    }
    uint32_t level_first = ((uint32_t)1 << level) - 1;
    scorer->splits[tree->split_first + level_first + place] = split_of(scorer, node);
    fill_tree(scorer, tree, forest, node->left, level + 1, 2 * place, bits | (uint32_t)1 << level);
    fill_tree(scorer, tree, forest, node->left + 1, level + 1, 2 * place + 1, bits);
}

static void fill_bytes(const struct scorer *scorer, const struct scorer_tree *tree)
{
    for (uint32_t i = 0; i < (uint32_t)1 << tree->depth; i++) {
        uint32_t value;
        memcpy(&value, &scorer->leaves[tree->leaf_first + i], sizeof value);
        for (uint32_t byte = 0; byte < 4; byte++)
            scorer->leaf_bytes[tree->byte_first + byte * tree->byte_stride + i] =
                (uint8_t)(value >> (8 * byte));
    }
}

enum lx_err scorer_compile_trees(struct scorer *scorer, const struct forest *forest,
                                 struct lx_error *err)
{
    if (place_trees(scorer, forest) != LX_OK)
        return lx_fail(err, LX_ERR_NO_MEMORY, "scorer: no memory for %zu trees",
                       forest->tree_count);

    bool has_sliced_tree = false;
    for (size_t i = 0; i < forest->tree_count; i++) {
        const struct scorer_tree *tree = &scorer->trees[i];
        if (!tree->is_sliced) continue;
        has_sliced_tree = true;
        fill_tree(scorer, tree, forest, forest->trees[i].root, 0, 0, 0);
        fill_bytes(scorer, tree);
    }
    scorer->is_walked = !has_sliced_tree;
    return LX_OK;
}
