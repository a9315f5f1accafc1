#include "learn/scorer_layout.h"

#include <math.h>

static const struct scorer_step always_left = {UINT32_MAX, 0};

static struct scorer_step step_of(const struct scorer *scorer, const struct forest_node *node)
{
    if (node->left == 0) return always_left;
    uint32_t half = node->is_left_default ? (uint32_t)scorer->feature_count : 0;
    return (struct scorer_step){scorer_ordered(node->value) - 1, node->feature + half};
}

/* ---- Compiling ---- */

static void place_blocks(struct scorer *scorer, const struct forest *forest)
{
    for (size_t i = 0; i < scorer->tree_count; i++) {
        struct scorer_tree *tree = &scorer->trees[i];
        tree->root = forest->trees[i].root;
        if (!tree->is_sliced) continue;

        tree->block_levels = tree->depth == 0 ? 1 : (tree->depth + 2) / 3;
        tree->block_first = (uint32_t)scorer->block_total;
        tree->exit_first = (uint32_t)scorer->exit_total;
        size_t width = 1;
        for (uint32_t level = 0; level < tree->block_levels; level++, width *= 8)
            scorer->block_total += width;
        scorer->exit_total += width;
    }
}

/* Node `index` of the forest, or a leaf stretched this far, is split `place` of block `block` of
 * block level `level`. Levels are numbered from 0; their blocks follow those of levels above. */
static void fill_steps(struct scorer *scorer, const struct scorer_tree *tree,
                       const struct forest *forest, uint32_t index, uint32_t level, uint32_t block,
                       uint32_t place)
{
    static const uint32_t blocks_above[] = {0, 1, 9, 73};
    const struct forest_node *node = &forest->nodes[index];
    if (place > 7) { /* an exit */
        block = 8 * block + place - 8;
        place = 1;
        level++;
    }
    if (level == tree->block_levels) {
        scorer->exits[tree->exit_first + block] = node->value;
        return;
    }
    scorer->blocks[tree->block_first + blocks_above[level] + block].steps[place] =
        step_of(scorer, node);
    bool is_leaf = node->left == 0;
    uint32_t left = is_leaf ? index : node->left, right = is_leaf ? index : node->left + 1;
    fill_steps(scorer, tree, forest, left, level, block, 2 * place);
    fill_steps(scorer, tree, forest, right, level, block, 2 * place + 1);
}

static void fill_nodes(struct scorer *scorer, const struct forest *forest)
{
    for (size_t i = 0; i < forest->node_count; i++) {
        const struct forest_node *node = &forest->nodes[i];
        scorer->nodes[i] = (struct scorer_node){
            .step = step_of(scorer, node),
            .left = node->left == 0 ? (uint32_t)i : node->left,
            .value = node->value,
        };
    }
}

enum lx_err scorer_compile_walk(struct scorer *scorer, const struct forest *forest,
                                struct lx_error *err)
{
    bool has_deep_tree = false;
    for (size_t i = 0; i < scorer->tree_count; i++)
        has_deep_tree = has_deep_tree || !scorer->trees[i].is_sliced;
    place_blocks(scorer, forest);
    scorer->block_memory = lx_malloc(scorer->block_total * sizeof *scorer->blocks + 64);
    scorer->exits = lx_malloc((scorer->exit_total + 1) * sizeof *scorer->exits);
    if (has_deep_tree) scorer->nodes = lx_malloc(forest->node_count * sizeof *scorer->nodes);
    if (scorer->block_memory == NULL || scorer->exits == NULL ||
        (has_deep_tree && scorer->nodes == NULL))
        return lx_fail(err, LX_ERR_NO_MEMORY, "scorer: no memory for %zu nodes",
                       forest->node_count);

    uintptr_t unaligned = (uintptr_t)scorer->block_memory;
    scorer->blocks = (void *)((uint8_t *)scorer->block_memory + (64 - unaligned % 64));
    for (size_t i = 0; i < scorer->tree_count; i++)
        if (scorer->trees[i].is_sliced)
            fill_steps(scorer, &scorer->trees[i], forest, scorer->trees[i].root, 0, 0, 1);
    if (has_deep_tree) fill_nodes(scorer, forest);
    return LX_OK;
}

/* ---- Walking ---- */

void scorer_fill_keys(const float *row, size_t feature_count, uint32_t *restrict keys)
{
    for (size_t i = 0; i < feature_count; i++) {
        uint32_t key = scorer_ordered(row[i]);
        bool is_missing = isnan(row[i]);
        keys[i] = is_missing ? UINT32_MAX : key;
        keys[feature_count + i] = is_missing ? 0 : key;
    }
}

/* place is 1 at a block's top. Unsigned, so that compilers compare and add with carry. */
static inline uint32_t next_place(const struct scorer_step *step, const uint32_t *keys,
                                  uint32_t place)
{
    return place + place + (step->limit < keys[step->feature]);
}

/* The exit of a block, 0..7. */
static inline uint32_t exit_of(const struct scorer_steps *block, const uint32_t *keys)
{
    uint32_t place = next_place(&block->steps[1], keys, 1);
    place = next_place(&block->steps[place], keys, place);
    return next_place(&block->steps[place], keys, place) - 8;
}

enum { TREES_AT_ONCE = 8 };

/* Several trees of two block levels side by side hide each other's latency. */
static inline void walk_several(const struct scorer *scorer, const struct scorer_tree *trees,
                                const uint32_t *keys, float ret_values[TREES_AT_ONCE])
{
    uint32_t exits[TREES_AT_ONCE];
    for (int i = 0; i < TREES_AT_ONCE; i++)
        exits[i] = exit_of(&scorer->blocks[trees[i].block_first], keys);
    for (int i = 0; i < TREES_AT_ONCE; i++) {
        const struct scorer_steps *block = &scorer->blocks[trees[i].block_first + 1 + exits[i]];
        exits[i] = 8 * exits[i] + exit_of(block, keys);
    }
    for (int i = 0; i < TREES_AT_ONCE; i++)
        ret_values[i] = scorer->exits[trees[i].exit_first + exits[i]];
}

/* The same for trees without blocks, until each has come to its leaf. */
static inline void walk_several_deep(const struct scorer *scorer, const struct scorer_tree *trees,
                                     const uint32_t *keys, float ret_values[TREES_AT_ONCE])
{
    const struct scorer_node *nodes = scorer->nodes;
    uint32_t at[TREES_AT_ONCE], moved = 1;
    for (int i = 0; i < TREES_AT_ONCE; i++) at[i] = trees[i].root;
    while (moved != 0) {
        moved = 0;
        for (int i = 0; i < TREES_AT_ONCE; i++) {
            const struct scorer_node *node = &nodes[at[i]];
            uint32_t next = node->left + (node->step.limit < keys[node->step.feature]);
            moved |= next ^ at[i];
            at[i] = next;
        }
    }
    for (int i = 0; i < TREES_AT_ONCE; i++) ret_values[i] = nodes[at[i]].value;
}

/* All of them: 2, or 0 for trees without blocks. */
static bool have_levels(const struct scorer_tree *trees, uint32_t levels)
{
    for (int i = 0; i < TREES_AT_ONCE; i++)
        if (trees[i].block_levels != levels) return false;
    return true;
}

static float walk_blocks(const struct scorer *scorer, const struct scorer_tree *tree,
                         const uint32_t *keys)
{
    const struct scorer_steps *blocks = scorer->blocks + tree->block_first;
    uint32_t place = 0;
    for (uint32_t level = 0, width = 1; level < tree->block_levels; level++, width *= 8) {
        place = 8 * place + exit_of(blocks + place, keys);
        blocks += width;
    }
    return scorer->exits[tree->exit_first + place];
}

static float walk_nodes(const struct scorer *scorer, const struct scorer_tree *tree,
                        const uint32_t *keys)
{
    uint32_t at = tree->root;
    while (scorer->nodes[at].left != at)
        at = scorer->nodes[at].left +
             (scorer->nodes[at].step.limit < keys[scorer->nodes[at].step.feature]);
    return scorer->nodes[at].value;
}

/* What `count` trees give; count is TREES_AT_ONCE except at the end. */
static void walk_trees(const struct scorer *scorer, const struct scorer_tree *trees, size_t count,
                       const uint32_t *keys, float ret_values[TREES_AT_ONCE])
{
    if (count == TREES_AT_ONCE && have_levels(trees, 2)) {
        walk_several(scorer, trees, keys, ret_values);
        return;
    }
    if (count == TREES_AT_ONCE && have_levels(trees, 0)) {
        walk_several_deep(scorer, trees, keys, ret_values);
        return;
    }
    for (size_t i = 0; i < count; i++)
        ret_values[i] = trees[i].is_sliced ? walk_blocks(scorer, &trees[i], keys)
                                           : walk_nodes(scorer, &trees[i], keys);
}

void scorer_walk(const struct scorer *scorer, const float *row, uint32_t *keys, float *ret_margins)
{
    scorer_fill_keys(row, scorer->feature_count, keys);
    for (size_t i = 0; i < scorer->group_count; i++) ret_margins[i] = scorer->base_margin;

    /* The only group's sum stays in a register: through memory each addition waits for the last. */
    bool has_one_group = scorer->group_count == 1;
    float sum = scorer->base_margin;
    for (size_t i = 0; i < scorer->tree_count; i += TREES_AT_ONCE) {
        size_t left = scorer->tree_count - i;
        size_t count = left < TREES_AT_ONCE ? left : TREES_AT_ONCE;
        const struct scorer_tree *trees = &scorer->trees[i];
        float values[TREES_AT_ONCE];
        walk_trees(scorer, trees, count, keys, values);
        if (has_one_group)
            for (size_t j = 0; j < count; j++) sum += values[j];
        else
            for (size_t j = 0; j < count; j++) ret_margins[trees[j].group] += values[j];
    }
    if (has_one_group) ret_margins[0] = sum;
}

void scorer_walk_tree(const struct scorer *scorer, const struct scorer_tree *tree,
                      const float *rows, size_t row_count, float *margins)
{
    size_t feature_count = scorer->feature_count;
    for (size_t r = 0; r < row_count; r++) {
        uint32_t at = tree->root;
        while (scorer->nodes[at].left != at) {
            const struct scorer_step *step = &scorer->nodes[at].step;
            bool is_left_default = step->feature >= feature_count;
            size_t feature = step->feature - (is_left_default ? feature_count : 0);
            float value = rows[r * feature_count + feature];
            uint32_t missing = is_left_default ? 0 : UINT32_MAX;
            uint32_t key = isnan(value) ? missing : scorer_ordered(value);
            at = scorer->nodes[at].left + (step->limit < key);
        }
        margins[r] += scorer->nodes[at].value;
    }
}
