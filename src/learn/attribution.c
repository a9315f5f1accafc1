#include "learn/attribution.h"

#include <math.h>
#include <string.h>

#include "learn/scorer_layout.h"

/*
 * The part of one leaf of value v. U are the u different features on the way to it; for f in U,
 * z_f is the share of training rows (by cover) that pass f's splits among those that get there, and
 * the row passes them or not. With A the features that it passes, B those that it fails,
 * Z = product of z over B, and w_k = k! (u-1-k)! / u!, the definition of the Shapley value becomes
 *
 *   f in A:   v (1 - z_f) Z sum_k w_k [y^k] product over g in A, g != f of (z_g + y)
 *   f in B:  -v           Z sum_k w_k [y^k] product over g in A of (z_g + y)
 *
 * since whoever is failed contributes the factor 0 when known and z when not.
 */

enum {
    SMALL_DEPTH_MIN = 2, /* shallower trees are stretched to it */
    SMALL_DEPTH_MAX = 7, /* deeper trees have no table */
    TABLE_LANES = 8,     /* floats of an entry: depth + 1 are used */
    AHEAD = 16,          /* trees whose entries are on their way to the cache */
    WEIGHTS_STRIDE = FOREST_DEPTH_MAX + 1,
};

/* One float for each split that an entry speaks of: those above the four leaves, top first, then
 * the three between them. */
typedef float lanes __attribute__((vector_size(TABLE_LANES * sizeof(float))));

/* A tree with a table, filled up to a complete one; splits are numbered 1, then 2i and 2i + 1.
 * entries[quad << (depth + 1) | turns]: turns has bit l where the row passes the split at level l
 * towards the quad, for l < depth - 2; then one bit for each split of the quad (its top, left and
 * right), set where the row goes right. */
struct small_tree {
    uint32_t depth, group, root;
    size_t split_first, entry_first;
};

struct large_tree {
    uint32_t root, group;
};

struct attribution {
    size_t feature_count, group_count;
    struct small_tree *small;
    struct large_tree *large;
    size_t small_count, large_count;
    struct scorer_step *steps; /* of small trees */
    uint32_t *features;        /* of their splits; feature_count + 1 for those that stretch */
    size_t split_total;
    lanes *entries; /* aligned, within entry_memory */
    void *entry_memory;
    size_t entry_total;
    struct forest_node *nodes; /* the forest's; NULL if there is no large tree */
    double *means;             /* by group: base margin and the trees' means */
    double *weights;           /* weights_of(count) of all counts; NULL if there is no large tree */
};

/* ---- One leaf ---- */

/* The different features on the way to a leaf. */
struct way {
    size_t count;
    uint32_t features[FOREST_DEPTH_MAX];
    double shares[FOREST_DEPTH_MAX]; /* z */
    bool is_passed[FOREST_DEPTH_MAX];
};

/* product over the passed features of (z + y), lowest coefficient first; returns its degree. */
static size_t passed_product(const struct way *way, double *ret_product)
{
    size_t degree = 0;
    ret_product[0] = 1;
    for (size_t i = 0; i < way->count; i++) {
        if (!way->is_passed[i]) continue;
        ret_product[degree + 1] = ret_product[degree];
        for (size_t k = degree; k > 0; k--)
            ret_product[k] = ret_product[k] * way->shares[i] + ret_product[k - 1];
        ret_product[0] *= way->shares[i];
        degree++;
    }
    return degree;
}

static double weighted_sum(const double *product, size_t degree, const double *weights)
{
    double sum = 0;
    for (size_t k = 0; k <= degree; k++) sum += product[k] * weights[k];
    return sum;
}

/* The same after division by (z + y), whose coefficients are found from the top down; z <= 1 keeps
 * errors from growing. */
static double weighted_quotient(const double *product, size_t degree, double z,
                                const double *weights)
{
    double coefficient = 0, sum = 0;
    for (size_t k = degree; k > 0; k--) {
        coefficient = product[k] - z * coefficient;
        sum += coefficient * weights[k - 1];
    }
    return sum;
}

/* w_k = k! (count - 1 - k)! / count!, 0 <= k < count, and a 0 for the coefficient that a product
 * over all features has besides: it belongs to the failed ones, of which there are none. */
static void fill_weights(size_t count, double *ret_weights)
{
    ret_weights[0] = 1.0 / (double)count;
    for (size_t k = 1; k < count; k++)
        ret_weights[k] = ret_weights[k - 1] * (double)k / (double)(count - k);
    ret_weights[count] = 0;
}

/* What each feature of the way contributes through a leaf of value 1; `weights` are those of
 * way->count. */
static void leaf_parts(const struct way *way, const double *weights, double *ret_parts)
{
    double product[FOREST_DEPTH_MAX + 1], failed = 1;
    size_t degree = passed_product(way, product);
    for (size_t i = 0; i < way->count; i++)
        if (!way->is_passed[i]) failed *= way->shares[i];

    double of_failed = -failed * weighted_sum(product, degree, weights);
    for (size_t i = 0; i < way->count; i++)
        ret_parts[i] = way->is_passed[i]
                           ? (1 - way->shares[i]) * failed *
                                 weighted_quotient(product, degree, way->shares[i], weights)
                           : of_failed;
}

/* ---- Covers ---- */

/* The share of a split's training rows that go left; half of nothing where none came. */
static double left_share(const struct forest_node *nodes, const struct forest_node *node)
{
    double left = (double)nodes[node->left].cover, right = (double)nodes[node->left + 1].cover;
    return left + right > 0 ? left / (left + right) : 0.5;
}

static double mean_of(const struct forest *forest, uint32_t index)
{
    const struct forest_node *node = &forest->nodes[index];
    if (node->left == 0) return (double)node->value;
    double left = left_share(forest->nodes, node);
    return left * mean_of(forest, node->left) + (1 - left) * mean_of(forest, node->left + 1);
}

/* ---- Tables ---- */

/* A leaf of a small tree while its table is filled. */
struct leaf {
    double value;
    uint32_t quad;
    size_t split_count; /* real splits on the way, from the top */
    uint32_t features[SMALL_DEPTH_MAX];
    double shares[SMALL_DEPTH_MAX];
    bool is_right[SMALL_DEPTH_MAX]; /* the way's turn */
};

/* Whether a row with these turns passes the leaf's split at `level`. */
static bool passes(const struct leaf *leaf, uint32_t depth, uint32_t turns, size_t level)
{
    uint32_t quad_level = depth - 2;
    if (level < quad_level) return turns >> level & 1;
    bool goes_right = level == quad_level          ? turns >> quad_level & 1
                      : leaf->is_right[quad_level] ? turns >> (quad_level + 2) & 1
                                                   : turns >> (quad_level + 1) & 1;
    return goes_right == leaf->is_right[level];
}

/* The lane of an entry that belongs to the leaf's split at `level`. */
static size_t lane_of(const struct leaf *leaf, uint32_t depth, size_t level)
{
    if (level < depth - 1) return level;
    return depth - 1 + (leaf->is_right[depth - 2] ? 1 : 0);
}

/* places[level]: which feature of the way a split is about. */
static void way_of(const struct leaf *leaf, struct way *ret_way, size_t *ret_places)
{
    ret_way->count = 0;
    for (size_t level = 0; level < leaf->split_count; level++) {
        size_t place = 0;
        while (place < ret_way->count && ret_way->features[place] != leaf->features[level]) place++;
        if (place == ret_way->count) {
            ret_way->features[place] = leaf->features[level];
            ret_way->shares[place] = 1;
            ret_way->count++;
        }
        ret_way->shares[place] *= leaf->shares[level];
        ret_places[level] = place;
    }
}

/* Adds the leaf's parts to the entries of its quad. A feature's part goes to its first split. */
static void add_leaf(const struct leaf *leaf, uint32_t depth, lanes *entries)
{
    struct way way;
    size_t places[SMALL_DEPTH_MAX];
    double weights[FOREST_DEPTH_MAX + 1], parts[FOREST_DEPTH_MAX];
    way_of(leaf, &way, places);
    if (way.count == 0) return;
    fill_weights(way.count, weights);

    for (uint32_t turns = 0; turns < (uint32_t)2 << depth; turns++) {
        lanes *entry = &entries[(size_t)leaf->quad << (depth + 1) | turns];
        for (size_t i = 0; i < way.count; i++) way.is_passed[i] = true;
        for (size_t level = 0; level < leaf->split_count; level++)
            if (!passes(leaf, depth, turns, level)) way.is_passed[places[level]] = false;
        leaf_parts(&way, weights, parts);
        for (size_t level = leaf->split_count; level-- > 0;) {
            bool is_first = true;
            for (size_t above = 0; above < level; above++)
                is_first = is_first && places[above] != places[level];
            if (is_first)
                (*entry)[lane_of(leaf, depth, level)] +=
                    (float)(leaf->value * parts[places[level]]);
        }
    }
}

/* Node `index` stands at `place` of the complete tree; the leaf holds the way so far. A leaf above
 * the last level stands for the leftmost of its complete tree's leaves, the others are empty. */
static void fill_small(struct attribution *attribution, const struct small_tree *tree,
                       const struct forest *forest, uint32_t index, uint32_t place,
                       struct leaf leaf)
{
    const struct forest_node *node = &forest->nodes[index];
    if (node->left == 0) {
        for (size_t level = leaf.split_count; level < tree->depth; level++) place *= 2;
        leaf.value = (double)node->value;
        leaf.quad = place / 4 - ((uint32_t)1 << (tree->depth - 2));
        add_leaf(&leaf, tree->depth, attribution->entries + tree->entry_first);
        return;
    }
    size_t split = tree->split_first + place, level = leaf.split_count++;
    size_t second_half = node->is_left_default ? attribution->feature_count : 0;
    attribution->steps[split].limit = scorer_ordered(node->value) - 1;
    attribution->steps[split].feature = node->feature + (uint32_t)second_half;
    attribution->features[split] = node->feature;
    double left = left_share(forest->nodes, node);
    leaf.features[level] = node->feature;
    leaf.shares[level] = left;
    leaf.is_right[level] = false;
    fill_small(attribution, tree, forest, node->left, 2 * place, leaf);
    leaf.shares[level] = 1 - left;
    leaf.is_right[level] = true;
    fill_small(attribution, tree, forest, node->left + 1, 2 * place + 1, leaf);
}

/* ---- Opening ---- */

static size_t entries_of(uint32_t depth)
{
    return (size_t)1 << (depth - 2 + depth + 1);
}

static void place_trees(struct attribution *attribution, const struct forest *forest,
                        size_t table_bytes_max)
{
    size_t entry_max = table_bytes_max / sizeof(lanes);
    for (size_t i = 0; i < forest->tree_count; i++) {
        const struct forest_tree *tree = &forest->trees[i];
        uint32_t depth = tree->depth < SMALL_DEPTH_MIN ? SMALL_DEPTH_MIN : tree->depth;
        if (tree->depth == 0) continue; /* its mean is all it says */
        if (depth > SMALL_DEPTH_MAX || attribution->entry_total + entries_of(depth) > entry_max) {
            attribution->large[attribution->large_count++] =
                (struct large_tree){tree->root, tree->group};
            continue;
        }
        attribution->small[attribution->small_count++] = (struct small_tree){
            .depth = depth,
            .group = tree->group,
            .root = tree->root,
            .split_first = attribution->split_total,
            .entry_first = attribution->entry_total,
        };
        attribution->split_total += (size_t)1 << depth;
        attribution->entry_total += entries_of(depth);
    }
}

static enum lx_err allocate(struct attribution *attribution, const struct forest *forest,
                            size_t table_bytes_max)
{
    attribution->small = lx_calloc(forest->tree_count + 1, sizeof *attribution->small);
    attribution->large = lx_calloc(forest->tree_count + 1, sizeof *attribution->large);
    attribution->means = lx_calloc(forest->group_count, sizeof *attribution->means);
    if (attribution->small == NULL || attribution->large == NULL || attribution->means == NULL)
        return LX_ERR_NO_MEMORY;

    place_trees(attribution, forest, table_bytes_max);
    size_t splits = attribution->split_total;
    attribution->steps = lx_calloc(splits + 1, sizeof *attribution->steps);
    attribution->features = lx_calloc(splits + 1, sizeof *attribution->features);
    attribution->entry_memory = lx_calloc(attribution->entry_total + 1, sizeof(lanes));
    if (attribution->steps == NULL || attribution->features == NULL ||
        attribution->entry_memory == NULL)
        return LX_ERR_NO_MEMORY;

    uintptr_t unaligned = (uintptr_t)attribution->entry_memory;
    attribution->entries = (void *)((uint8_t *)attribution->entry_memory +
                                    (sizeof(lanes) - unaligned % sizeof(lanes)) % sizeof(lanes));
    if (attribution->large_count == 0) return LX_OK;
    attribution->nodes = lx_malloc(forest->node_count * sizeof *attribution->nodes);
    attribution->weights =
        lx_malloc((FOREST_DEPTH_MAX + 1) * WEIGHTS_STRIDE * sizeof *attribution->weights);
    if (attribution->nodes == NULL || attribution->weights == NULL) return LX_ERR_NO_MEMORY;
    return LX_OK;
}

static void fill_tables(struct attribution *attribution, const struct forest *forest)
{
    for (size_t g = 0; g < forest->group_count; g++)
        attribution->means[g] = (double)forest->base_margin;
    for (size_t i = 0; i < forest->tree_count; i++)
        attribution->means[forest->trees[i].group] += mean_of(forest, forest->trees[i].root);

    for (size_t i = 0; i < attribution->split_total; i++) {
        attribution->steps[i].limit = UINT32_MAX;
        attribution->features[i] = (uint32_t)attribution->feature_count + 1;
    }
    for (size_t i = 0; i < attribution->small_count; i++) {
        const struct small_tree *tree = &attribution->small[i];
        fill_small(attribution, tree, forest, tree->root, 1, (struct leaf){0});
    }
    if (attribution->large_count == 0) return;
    memcpy(attribution->nodes, forest->nodes, forest->node_count * sizeof *forest->nodes);
    for (size_t count = 1; count <= FOREST_DEPTH_MAX; count++)
        fill_weights(count, attribution->weights + count * WEIGHTS_STRIDE);
}

enum lx_err attribution_open(const struct forest *forest, size_t table_bytes_max,
                             struct attribution **ret_attribution, struct lx_error *err)
{
    LX_ASSERT(forest != NULL && ret_attribution != NULL);

    struct attribution *attribution = lx_calloc(1, sizeof *attribution);
    enum lx_err rc = attribution == NULL ? LX_ERR_NO_MEMORY : LX_OK;
    if (rc == LX_OK) {
        attribution->feature_count = forest->feature_count;
        attribution->group_count = forest->group_count;
        rc = allocate(attribution, forest, table_bytes_max);
    }
    if (rc != LX_OK) {
        attribution_close(attribution);
        return lx_fail(err, rc, "attribution: no memory for the tables of %zu trees",
                       forest->tree_count);
    }

    fill_tables(attribution, forest);
    *ret_attribution = attribution;
    return LX_OK;
}

void attribution_close(struct attribution *attribution)
{
    if (attribution == NULL) return;
    lx_free(attribution->small);
    lx_free(attribution->large);
    lx_free(attribution->steps);
    lx_free(attribution->features);
    lx_free(attribution->entry_memory);
    lx_free(attribution->nodes);
    lx_free(attribution->means);
    lx_free(attribution->weights);
    lx_free(attribution);
}

/* ---- Explaining ---- */

#define DEPTH_INLINE static inline __attribute__((always_inline))

/* Which entry each quad of a tree needs. It is fetched while other trees are decided: the tables of
 * a hundred trees are larger than the caches near the processor. */
DEPTH_INLINE void find_entries(const struct attribution *attribution, const struct small_tree *tree,
                               uint32_t depth, const uint32_t *keys, uint32_t *ret_found)
{
    const struct scorer_step *steps = attribution->steps + tree->split_first;
    const uint32_t quads = (uint32_t)1 << (depth - 2);
    uint32_t is_right[1 << SMALL_DEPTH_MAX], turns[1 << (SMALL_DEPTH_MAX - 1)];

    for (uint32_t i = 1; i < 4 * quads; i++) is_right[i] = steps[i].limit < keys[steps[i].feature];
    turns[1] = 0;
    for (uint32_t level = 0; level < depth - 2; level++)
        for (uint32_t i = (uint32_t)1 << level; i < (uint32_t)2 << level; i++) {
            turns[2 * i] = turns[i] | (is_right[i] ^ 1) << level;
            turns[2 * i + 1] = turns[i] | is_right[i] << level;
        }
    for (uint32_t quad = 0; quad < quads; quad++) {
        uint32_t top = quads + quad;
        uint32_t own = is_right[top] | is_right[2 * top] << 1 | is_right[2 * top + 1] << 2;
        ret_found[quad] = quad << (depth + 1) | turns[top] | own << (depth - 2);
        __builtin_prefetch(attribution->entries + tree->entry_first + ret_found[quad], 0, 3);
    }
}

/* `parts` is the group's: by feature, the mean, and a place for the splits that stretch a tree. */
DEPTH_INLINE void add_entries(const struct attribution *attribution, const struct small_tree *tree,
                              uint32_t depth, const uint32_t *found, float *parts)
{
    const uint32_t *features = attribution->features + tree->split_first;
    const lanes *entries = attribution->entries + tree->entry_first;
    const uint32_t quads = (uint32_t)1 << (depth - 2);
    lanes sums[1 << (SMALL_DEPTH_MAX - 2)];

    for (uint32_t quad = 0; quad < quads; quad++) {
        uint32_t top = quads + quad;
        sums[quad] = entries[found[quad]];
        parts[features[top]] += sums[quad][depth - 2];
        parts[features[2 * top]] += sums[quad][depth - 1];
        parts[features[2 * top + 1]] += sums[quad][depth];
    }
    for (uint32_t level = depth - 2; level-- > 0;)
        for (uint32_t i = 0; i < (uint32_t)1 << level; i++) {
            sums[i] = sums[2 * i] + sums[2 * i + 1];
            parts[features[((uint32_t)1 << level) + i]] += sums[i][level];
        }
}

/* Calls the function with the depth as a constant, so that its loops have fixed bounds. */
#define WITH_DEPTH(function, attribution, tree, ...)                                               \
    switch ((tree)->depth) {                                                                       \
    case 2: function(attribution, tree, 2, __VA_ARGS__); break;                                    \
    case 3: function(attribution, tree, 3, __VA_ARGS__); break;                                    \
    case 4: function(attribution, tree, 4, __VA_ARGS__); break;                                    \
    case 5: function(attribution, tree, 5, __VA_ARGS__); break;                                    \
    case 6: function(attribution, tree, 6, __VA_ARGS__); break;                                    \
    case 7: function(attribution, tree, 7, __VA_ARGS__); break;                                    \
    default: lx_bug(__FILE__, __LINE__, "depth");                                                  \
    }

/* Finding runs some trees ahead of adding, in a ring of AHEAD trees' entries. */
static void add_small_trees(const struct attribution *attribution, const uint32_t *keys,
                            float *parts, size_t stride)
{
    uint32_t found[AHEAD][1 << (SMALL_DEPTH_MAX - 2)];
    for (size_t i = 0; i < attribution->small_count + AHEAD; i++) {
        if (i >= AHEAD) {
            const struct small_tree *tree = &attribution->small[i - AHEAD];
            WITH_DEPTH(add_entries, attribution, tree, found[i % AHEAD],
                       parts + tree->group * stride)
        }
        if (i < attribution->small_count) {
            const struct small_tree *tree = &attribution->small[i];
            WITH_DEPTH(find_entries, attribution, tree, keys, found[i % AHEAD])
        }
    }
}

/* One step down a large tree, or its leaf; the way is as before when it returns. */
static void descend(const struct attribution *attribution, uint32_t index, const float *row,
                    struct way *way, float *parts)
{
    const struct forest_node *node = &attribution->nodes[index];
    if (node->left == 0) {
        double of_leaf[FOREST_DEPTH_MAX];
        leaf_parts(way, attribution->weights + way->count * WEIGHTS_STRIDE, of_leaf);
        for (size_t i = 0; i < way->count; i++)
            parts[way->features[i]] += (float)((double)node->value * of_leaf[i]);
        return;
    }
    size_t place = 0, count = way->count;
    while (place < count && way->features[place] != node->feature) place++;
    bool is_new = place == count;
    double share = is_new ? 1 : way->shares[place];
    bool is_passed = is_new || way->is_passed[place];
    float value = row[node->feature];
    bool is_left = isnan(value) ? node->is_left_default : value < node->value;
    double left = left_share(attribution->nodes, node);

    way->features[place] = node->feature;
    if (is_new) way->count++;
    way->shares[place] = share * left;
    way->is_passed[place] = is_passed && is_left;
    descend(attribution, node->left, row, way, parts);
    way->shares[place] = share * (1 - left);
    way->is_passed[place] = is_passed && !is_left;
    descend(attribution, node->left + 1, row, way, parts);
    way->shares[place] = share;
    way->is_passed[place] = is_passed;
    way->count = count;
}

size_t attribution_scratch_bytes(const struct attribution *attribution)
{
    return sizeof(uint64_t) + 2 * attribution->feature_count * sizeof(uint32_t) +
           attribution->group_count * (attribution->feature_count + 2) * sizeof(float);
}

void attribution_explain(const struct attribution *attribution, const float *row, void *scratch,
                         float *ret_contributions)
{
    LX_ASSERT(scratch != NULL);

    size_t feature_count = attribution->feature_count, stride = feature_count + 2;
    uintptr_t address = (uintptr_t)scratch;
    uint32_t *keys = (void *)((uint8_t *)scratch + (8 - address % 8) % 8);
    float *parts = (void *)(keys + 2 * feature_count);
    scorer_fill_keys(row, feature_count, keys);
    memset(parts, 0, attribution->group_count * stride * sizeof *parts);
    add_small_trees(attribution, keys, parts, stride);
    struct way way = {0};
    for (size_t i = 0; i < attribution->large_count; i++) {
        const struct large_tree *tree = &attribution->large[i];
        descend(attribution, tree->root, row, &way, parts + tree->group * stride);
    }

    for (size_t g = 0; g < attribution->group_count; g++) {
        parts[g * stride + feature_count] = (float)attribution->means[g];
        memcpy(ret_contributions + g * (feature_count + 1), parts + g * stride,
               (feature_count + 1) * sizeof *parts);
    }
}
