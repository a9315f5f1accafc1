#include "learn/forest.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

static const struct {
    const char *name;
    enum forest_objective objective;
} objectives[] = {
    {"binary:logistic", FOREST_LOGISTIC},
    {"reg:squarederror", FOREST_SQUARED_ERROR},
    {"multi:softprob", FOREST_SOFTPROB},
    {"rank:pairwise", FOREST_RANK_PAIRWISE},
};

/* The arrays of one tree in the file, each with a value for every node. */
enum column {
    LEFT,
    RIGHT,
    FEATURE,
    VALUE,
    DEFAULT_LEFT,
    COVER,
    GAIN,
    WEIGHT,
    COLUMN_COUNT,
};

static const char *const column_names[COLUMN_COUNT] = {
    "left_children", "right_children", "split_indices", "split_conditions",
    "default_left",  "sum_hessian",    "loss_changes",  "base_weights",
};

/* A forest under construction. */
struct loader {
    struct forest *forest;
    struct lx_error *err;
    size_t tree_capacity, node_capacity;
    /* Of the tree at hand: the file's number of each node taken so far, and whether a number has
     * been taken (a node with two parents, or a cycle, would be taken twice). */
    uint32_t *origins;
    uint8_t *is_taken;
    size_t origin_capacity, taken_capacity;
    const json_t *columns[COLUMN_COUNT], *split_types;
    size_t file_node_count;
};

/* ---- Reading single values ---- */

static enum lx_err object_at(struct loader *loader, const json_t *parent, const char *name,
                             const json_t **ret_object)
{
    const json_t *object = json_object_get(parent, name);
    if (!json_is_object(object))
        return lx_fail(loader->err, LX_ERR_BAD_INPUT,
                       "model: no object \"%s\": this is not an XGBoost JSON model", name);

    *ret_object = object;
    return LX_OK;
}

static enum lx_err text_at(struct loader *loader, const json_t *parent, const char *name,
                           const char **ret_text)
{
    const char *text = json_string_value(json_object_get(parent, name));
    if (text == NULL)
        return lx_fail(loader->err, LX_ERR_BAD_INPUT, "model: \"%s\" is not there or not a text",
                       name);

    *ret_text = text;
    return LX_OK;
}

/* XGBoost writes the counts of its parameters as texts. */
static enum lx_err count_at(struct loader *loader, const json_t *parent, const char *name,
                            size_t max, size_t *ret_count)
{
    const char *text = NULL;
    enum lx_err rc = text_at(loader, parent, name, &text);
    if (rc != LX_OK) return rc;

    size_t count = 0, i = 0;
    for (; i < 10 && text[i] >= '0' && text[i] <= '9'; i++)
        count = count * 10 + (size_t)(text[i] - '0');
    if (i == 0 || text[i] != '\0')
        return lx_fail(loader->err, LX_ERR_BAD_INPUT, "model: %s \"%.40s\" is not a count", name,
                       text);
    if (count > max)
        return lx_fail(loader->err, LX_ERR_LIMIT, "model: %s is %zu, at most %zu", name, count,
                       max);

    *ret_count = count;
    return LX_OK;
}

static enum lx_err array_at(struct loader *loader, const json_t *parent, const char *name,
                            size_t tree, const json_t **ret_array)
{
    const json_t *array = json_object_get(parent, name);
    if (!json_is_array(array))
        return lx_fail(loader->err, LX_ERR_BAD_INPUT, "model:tree %zu: no array \"%s\"", tree,
                       name);

    *ret_array = array;
    return LX_OK;
}

static enum lx_err cell_fail(struct loader *loader, enum column column, uint32_t node,
                             const char *what)
{
    return lx_fail(loader->err, LX_ERR_CORRUPT, "model:tree %zu:node %u: %s %s",
                   loader->forest->tree_count, node, column_names[column], what);
}

static enum lx_err number_of(struct loader *loader, enum column column, uint32_t node,
                             float *ret_value)
{
    const json_t *cell = json_array_get(loader->columns[column], node);
    if (!json_is_number(cell)) return cell_fail(loader, column, node, "is not a number");

    float value = (float)json_number_value(cell);
    if (!isfinite(value)) return cell_fail(loader, column, node, "is beyond a float");

    *ret_value = value;
    return LX_OK;
}

static enum lx_err integer_of(struct loader *loader, enum column column, uint32_t node,
                              int64_t *ret_value)
{
    const json_t *cell = json_array_get(loader->columns[column], node);
    if (json_is_boolean(cell)) {
        *ret_value = json_is_true(cell);
        return LX_OK;
    }
    if (!json_is_integer(cell)) return cell_fail(loader, column, node, "is not an integer");

    *ret_value = json_integer_value(cell);
    return LX_OK;
}

/* ---- One tree ---- */

static enum lx_err tree_columns(struct loader *loader, const json_t *tree)
{
    size_t number = loader->forest->tree_count;
    for (int i = 0; i < COLUMN_COUNT; i++) {
        enum lx_err rc = array_at(loader, tree, column_names[i], number, &loader->columns[i]);
        if (rc != LX_OK) return rc;
    }
    loader->file_node_count = json_array_size(loader->columns[LEFT]);
    loader->split_types = json_object_get(tree, "split_type");
    if (loader->file_node_count == 0)
        return lx_fail(loader->err, LX_ERR_CORRUPT, "model:tree %zu: has no nodes", number);
    for (int i = 0; i < COLUMN_COUNT; i++) {
        size_t count = json_array_size(loader->columns[i]);
        if (count != loader->file_node_count)
            return lx_fail(loader->err, LX_ERR_CORRUPT,
                           "model:tree %zu: %zu values of %s for %zu nodes", number, count,
                           column_names[i], loader->file_node_count);
    }
    return LX_OK;
}

/* Appends the node that the file calls `origin`; its children are filled in later. */
static enum lx_err take_node(struct loader *loader, int64_t origin, uint32_t root)
{
    struct forest *forest = loader->forest;
    size_t number = forest->tree_count;
    if (origin < 0 || (uint64_t)origin >= loader->file_node_count)
        return lx_fail(loader->err, LX_ERR_CORRUPT,
                       "model:tree %zu: a child has number %lld, there are %zu nodes", number,
                       (long long)origin, loader->file_node_count);
    if (loader->is_taken[origin])
        return lx_fail(loader->err, LX_ERR_CORRUPT,
                       "model:tree %zu:node %lld: is reached on two ways, this is no tree", number,
                       (long long)origin);
    enum lx_err rc = lx_grow(&forest->nodes, &loader->node_capacity, forest->node_count + 1,
                             FOREST_NODES_MAX, sizeof *forest->nodes);
    if (rc == LX_OK)
        rc = lx_grow(&loader->origins, &loader->origin_capacity, forest->node_count - root + 1,
                     FOREST_NODES_MAX, sizeof *loader->origins);
    if (rc != LX_OK)
        return lx_fail(loader->err, rc, "model:tree %zu: more than %d nodes, or no memory", number,
                       FOREST_NODES_MAX);

    loader->is_taken[origin] = 1;
    loader->origins[forest->node_count - root] = (uint32_t)origin;
    forest->nodes[forest->node_count] = (struct forest_node){0};
    forest->node_count++;
    return LX_OK;
}

static enum lx_err split_check(struct loader *loader, uint32_t origin, int64_t feature)
{
    const json_t *type = json_array_get(loader->split_types, origin);
    if (json_is_integer(type) && json_integer_value(type) != 0)
        return lx_fail(loader->err, LX_ERR_NOT_BUILT,
                       "model:tree %zu:node %u: a categorical split; train with numbers only",
                       loader->forest->tree_count, origin);
    if (feature < 0 || (uint64_t)feature >= loader->forest->feature_count)
        return lx_fail(
            loader->err, LX_ERR_CORRUPT, "model:tree %zu:node %u: splits on feature %lld of %zu",
            loader->forest->tree_count, origin, (long long)feature, loader->forest->feature_count);
    return LX_OK;
}

/* Fills the node at `index`; *ret_children gets the file's numbers of its two children, or -1. */
static enum lx_err fill_node(struct loader *loader, uint32_t index, uint32_t origin,
                             int64_t ret_children[2])
{
    struct forest_node node = {0};
    int64_t children[2] = {0}, feature = 0, is_left_default = 0;
    enum lx_err rc = integer_of(loader, LEFT, origin, &children[0]);
    if (rc == LX_OK) rc = integer_of(loader, RIGHT, origin, &children[1]);
    if (rc == LX_OK) rc = integer_of(loader, FEATURE, origin, &feature);
    if (rc == LX_OK) rc = integer_of(loader, DEFAULT_LEFT, origin, &is_left_default);
    if (rc == LX_OK) rc = number_of(loader, VALUE, origin, &node.value);
    if (rc == LX_OK) rc = number_of(loader, COVER, origin, &node.cover);
    if (rc == LX_OK) rc = number_of(loader, GAIN, origin, &node.gain);
    if (rc == LX_OK) rc = number_of(loader, WEIGHT, origin, &node.weight);
    if (rc != LX_OK) return rc;

    if ((children[0] == -1) != (children[1] == -1))
        return cell_fail(loader, LEFT, origin, "and right_children: only one child");
    if (node.cover < 0) return cell_fail(loader, COVER, origin, "is below 0");
    if (children[0] != -1) {
        rc = split_check(loader, origin, feature);
        if (rc != LX_OK) return rc;
        node.feature = (uint32_t)feature;
        node.is_left_default = is_left_default != 0;
    } else {
        node.gain = 0;
    }

    loader->forest->nodes[index] = node;
    memcpy(ret_children, children, sizeof children);
    return LX_OK;
}

/* Breadth first: the nodes taken but not yet filled are the queue. */
static enum lx_err tree_nodes(struct loader *loader, struct forest_tree *tree)
{
    struct forest *forest = loader->forest;
    size_t level_end = forest->node_count;
    for (size_t i = tree->root; i < forest->node_count; i++) {
        if (i == level_end) {
            level_end = forest->node_count;
            if (++tree->depth > FOREST_DEPTH_MAX)
                return lx_fail(loader->err, LX_ERR_LIMIT,
                               "model:tree %zu: deeper than %d splits; train with max_depth",
                               forest->tree_count, FOREST_DEPTH_MAX);
        }
        int64_t children[2] = {-1, -1};
        enum lx_err rc = fill_node(loader, (uint32_t)i, loader->origins[i - tree->root], children);
        if (rc != LX_OK) return rc;
        if (children[0] == -1) continue;

        forest->nodes[i].left = (uint32_t)forest->node_count;
        for (int side = 0; side < 2; side++) {
            rc = take_node(loader, children[side], tree->root);
            if (rc != LX_OK) return rc;
        }
    }
    tree->node_count = (uint32_t)(forest->node_count - tree->root);
    return LX_OK;
}

static enum lx_err load_tree(struct loader *loader, const json_t *json, const json_t *info)
{
    struct forest *forest = loader->forest;
    enum lx_err rc = tree_columns(loader, json);
    if (rc != LX_OK) return rc;
    if (!json_is_integer(info) || json_integer_value(info) < 0 ||
        (uint64_t)json_integer_value(info) >= forest->group_count)
        return lx_fail(loader->err, LX_ERR_CORRUPT,
                       "model:tree %zu: tree_info is no group below %zu", forest->tree_count,
                       forest->group_count);

    rc = lx_grow(&loader->is_taken, &loader->taken_capacity, loader->file_node_count,
                 FOREST_NODES_MAX, sizeof *loader->is_taken);
    if (rc != LX_OK)
        return lx_fail(loader->err, rc, "model:tree %zu: %zu nodes, at most %d", forest->tree_count,
                       loader->file_node_count, FOREST_NODES_MAX);
    memset(loader->is_taken, 0, loader->file_node_count);

    struct forest_tree tree = {
        .root = (uint32_t)forest->node_count,
        .group = (uint32_t)json_integer_value(info),
    };
    rc = take_node(loader, 0, tree.root);
    if (rc == LX_OK) rc = tree_nodes(loader, &tree);
    if (rc != LX_OK) return rc;

    forest->trees[forest->tree_count++] = tree;
    return LX_OK;
}

/* ---- The model around the trees ---- */

static enum lx_err load_trees(struct loader *loader, const json_t *model)
{
    struct forest *forest = loader->forest;
    const json_t *parameters = NULL, *trees = json_object_get(model, "trees"),
                 *info = json_object_get(model, "tree_info");
    size_t leaf_size = 0;
    enum lx_err rc = object_at(loader, model, "gbtree_model_param", &parameters);
    if (rc == LX_OK && json_object_get(parameters, "size_leaf_vector") != NULL)
        rc = count_at(loader, parameters, "size_leaf_vector", SIZE_MAX, &leaf_size);
    if (rc != LX_OK) return rc;
    if (leaf_size > 1)
        return lx_fail(loader->err, LX_ERR_NOT_BUILT, "model: leaves are vectors of %zu numbers",
                       leaf_size);
    size_t count = json_array_size(trees);
    if (!json_is_array(trees) || !json_is_array(info) || json_array_size(info) != count)
        return lx_fail(loader->err, LX_ERR_CORRUPT, "model: trees and tree_info do not agree");
    if (count > FOREST_TREES_MAX)
        return lx_fail(loader->err, LX_ERR_LIMIT, "model: %zu trees, at most %d", count,
                       FOREST_TREES_MAX);

    if (count > 0) forest->trees = lx_calloc(count, sizeof *forest->trees);
    if (count > 0 && forest->trees == NULL)
        return lx_fail(loader->err, LX_ERR_NO_MEMORY, "model: no memory for %zu trees", count);
    for (size_t i = 0; i < count && rc == LX_OK; i++)
        rc = load_tree(loader, json_array_get(trees, i), json_array_get(info, i));
    return rc;
}

static enum lx_err load_objective(struct loader *loader, const json_t *learner)
{
    const json_t *object = NULL;
    const char *name = NULL;
    enum lx_err rc = object_at(loader, learner, "objective", &object);
    if (rc == LX_OK) rc = text_at(loader, object, "name", &name);
    if (rc != LX_OK) return rc;

    for (size_t i = 0; i < LX_COUNT_OF(objectives); i++)
        if (strcmp(name, objectives[i].name) == 0) {
            loader->forest->objective = objectives[i].objective;
            return LX_OK;
        }
    return lx_fail(loader->err, LX_ERR_NOT_BUILT,
                   "model: objective \"%.40s\"; binary:logistic, reg:squarederror, multi:softprob "
                   "and rank:pairwise are read",
                   name);
}

static enum lx_err load_base(struct loader *loader, const json_t *parameters)
{
    struct forest *forest = loader->forest;
    const char *text = NULL;
    enum lx_err rc = text_at(loader, parameters, "base_score", &text);
    if (rc != LX_OK) return rc;

    char *end;
    float base = strtof(text, &end);
    bool is_number = end != text && *end == '\0' && isfinite(base);
    bool is_chance = forest->objective != FOREST_LOGISTIC || (base > 0 && base < 1);
    if (!is_number || !is_chance)
        return lx_fail(loader->err, LX_ERR_BAD_INPUT, "model: base_score \"%.40s\" is not a %s",
                       text, is_number ? "probability between 0 and 1" : "number");

    forest->base_score = base;
    forest->base_margin = forest->objective == FOREST_LOGISTIC ? -logf(1.0f / base - 1.0f) : base;
    return LX_OK;
}

static enum lx_err load_shape(struct loader *loader, const json_t *parameters)
{
    struct forest *forest = loader->forest;
    size_t class_count = 0, target_count = 0;
    enum lx_err rc =
        count_at(loader, parameters, "num_feature", FOREST_FEATURES_MAX, &forest->feature_count);
    if (rc == LX_OK)
        rc = count_at(loader, parameters, "num_class", FOREST_GROUPS_MAX, &class_count);
    if (rc == LX_OK && json_object_get(parameters, "num_target") != NULL)
        rc = count_at(loader, parameters, "num_target", FOREST_GROUPS_MAX, &target_count);
    if (rc != LX_OK) return rc;
    if (forest->feature_count == 0)
        return lx_fail(loader->err, LX_ERR_BAD_INPUT, "model: num_feature is 0");

    forest->group_count = class_count > target_count ? class_count : target_count;
    if (forest->group_count == 0) forest->group_count = 1;
    return LX_OK;
}

static enum lx_err load_model(struct loader *loader, const json_t *root)
{
    const json_t *learner = NULL, *parameters = NULL, *booster = NULL, *model = NULL;
    const char *name = NULL;
    enum lx_err rc = object_at(loader, root, "learner", &learner);
    if (rc == LX_OK) rc = object_at(loader, learner, "gradient_booster", &booster);
    if (rc == LX_OK) rc = text_at(loader, booster, "name", &name);
    if (rc != LX_OK) return rc;
    if (strcmp(name, "gbtree") != 0)
        return lx_fail(loader->err, LX_ERR_NOT_BUILT, "model: booster \"%.40s\"; gbtree is read",
                       name);

    rc = load_objective(loader, learner);
    if (rc == LX_OK) rc = object_at(loader, learner, "learner_model_param", &parameters);
    if (rc == LX_OK) rc = load_shape(loader, parameters);
    if (rc == LX_OK) rc = load_base(loader, parameters);
    if (rc == LX_OK) rc = object_at(loader, booster, "model", &model);
    if (rc == LX_OK) rc = load_trees(loader, model);
    return rc;
}

enum lx_err forest_load_json(const char *bytes, size_t length, struct forest **ret_forest,
                             struct lx_error *err)
{
    LX_ASSERT(bytes != NULL && ret_forest != NULL);

    struct loader loader = {.err = err};
    json_t *root = NULL;
    enum lx_err rc = LX_OK;
    if (length > FOREST_BYTES_MAX) {
        rc = lx_fail(err, LX_ERR_LIMIT, "model: %zu bytes, at most %d", length, FOREST_BYTES_MAX);
        goto out;
    }
    json_error_t position;
    root = json_loadb(bytes, length, 0, &position);
    if (root == NULL) {
        rc = lx_fail(err, LX_ERR_BAD_INPUT, "model:byte %d: is not JSON: %s", position.position,
                     position.text);
        goto out;
    }
    loader.forest = lx_calloc(1, sizeof *loader.forest);
    if (loader.forest == NULL) {
        rc = lx_fail(err, LX_ERR_NO_MEMORY, "model: no memory");
        goto out;
    }

    rc = load_model(&loader, root);
    if (rc != LX_OK) goto out;
    *ret_forest = loader.forest;
    loader.forest = NULL;
out:
    json_decref(root);
    lx_free(loader.origins);
    lx_free(loader.is_taken);
    forest_close(loader.forest);
    return rc;
}

void forest_close(struct forest *forest)
{
    if (forest == NULL) return;
    lx_free(forest->trees);
    lx_free(forest->nodes);
    lx_free(forest);
}

size_t forest_feature_count(const struct forest *forest)
{
    return forest->feature_count;
}

size_t forest_group_count(const struct forest *forest)
{
    return forest->group_count;
}

size_t forest_tree_count(const struct forest *forest)
{
    return forest->tree_count;
}

/* ---- Evaluation ---- */

uint32_t forest_leaf(const struct forest *forest, const struct forest_tree *tree, const float *row)
{
    uint32_t index = tree->root;
    for (;;) {
        const struct forest_node *node = &forest->nodes[index];
        if (node->left == 0) return index;

        float value = row[node->feature];
        bool is_left = isnan(value) ? node->is_left_default : value < node->value;
        index = node->left + (is_left ? 0 : 1);
    }
}

void forest_predict_row_margin(const struct forest *forest, const float *row, float *ret_margins)
{
    for (size_t i = 0; i < forest->group_count; i++) ret_margins[i] = forest->base_margin;
    for (size_t i = 0; i < forest->tree_count; i++) {
        const struct forest_tree *tree = &forest->trees[i];
        ret_margins[tree->group] += forest->nodes[forest_leaf(forest, tree, row)].value;
    }
}

static void softmax(float *values, size_t count)
{
    float largest = values[0];
    for (size_t i = 1; i < count; i++)
        if (values[i] > largest) largest = values[i];
    double sum = 0;
    for (size_t i = 0; i < count; i++) {
        values[i] = expf(values[i] - largest);
        sum += values[i];
    }
    for (size_t i = 0; i < count; i++) values[i] /= (float)sum;
}

void forest_transform(const struct forest *forest, float *margins, size_t row_count)
{
    size_t count = row_count * forest->group_count;
    switch (forest->objective) {
    case FOREST_LOGISTIC:
        for (size_t i = 0; i < count; i++) margins[i] = 1.0f / (expf(-margins[i]) + 1.0f);
        return;
    case FOREST_SOFTPROB:
        for (size_t i = 0; i < count; i += forest->group_count)
            softmax(margins + i, forest->group_count);
        return;
    case FOREST_SQUARED_ERROR:
    case FOREST_RANK_PAIRWISE: return;
    }
    lx_bug(__FILE__, __LINE__, "objective");
}

void forest_importance(const struct forest *forest, double *ret_total_gain,
                       uint64_t *ret_split_count)
{
    for (size_t i = 0; i < forest->feature_count; i++) {
        ret_total_gain[i] = 0;
        ret_split_count[i] = 0;
    }
    for (size_t i = 0; i < forest->node_count; i++) {
        const struct forest_node *node = &forest->nodes[i];
        if (node->left == 0) continue;
        ret_total_gain[node->feature] += (double)node->gain;
        ret_split_count[node->feature]++;
    }
}
