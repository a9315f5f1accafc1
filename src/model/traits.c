#include "model/traits.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "codec/json.h"
#include "learn/scorer.h"

static const struct {
    const char *name, *zh, *en;
    double below; /* years */
} segments[TRAITS_SEGMENTS] = {
    {"age_below_30", "30岁以下", "under 30", 30},
    {"age_30_45", "30-44岁", "30 to 44", 45},
    {"age_45_60", "45-59岁", "45 to 59", 60},
    {"age_60_up", "60岁及以上", "60 and over", INFINITY},
    {"age_unknown", "年龄不详", "age unknown", NAN},
};

const char *traits_segment_name(size_t segment)
{
    return segments[segment].name;
}

const char *traits_segment_zh(size_t segment)
{
    return segments[segment].zh;
}

const char *traits_segment_en(size_t segment)
{
    return segments[segment].en;
}

static size_t segment_of(float age)
{
    size_t segment = 0;
    if (isnan(age)) return TRAITS_SEGMENTS - 1;
    while (!((double)age < segments[segment].below)) segment++;
    return segment;
}

static enum lx_err out_of_memory(struct lx_error *err)
{
    return lx_fail(err, LX_ERR_NO_MEMORY, "traits: out of memory");
}

static enum lx_err traits_init(struct model_traits *traits, size_t column_count,
                               size_t product_count, struct lx_error *err)
{
    *traits = (struct model_traits){.column_count = column_count, .product_count = product_count};
    traits->names = lx_calloc(column_count + 1, sizeof *traits->names);
    traits->inputs = lx_calloc(column_count + 1, sizeof *traits->inputs);
    traits->products = lx_calloc(product_count + 1, sizeof *traits->products);
    bool is_ready = traits->names != NULL && traits->inputs != NULL && traits->products != NULL;
    return is_ready ? LX_OK : out_of_memory(err);
}

void traits_release(struct model_traits *traits)
{
    lx_free(traits->names);
    lx_free(traits->inputs);
    lx_free(traits->products);
    importance_release(&traits->importance);
    *traits = (struct model_traits){0};
}

/* ---- Making ---- */

static enum lx_err make_bins(const struct traits_plan *plan, struct model_traits *traits,
                             struct lx_error *err)
{
    const struct kept *baseline = &plan->scored->baseline;
    size_t count = baseline->matrix.row_count, columns = traits->column_count;
    struct scorer *scorer = NULL;
    traits->baseline_rows = count;
    traits->baseline_ms = plan->baseline_ms;
    if (count == 0) return LX_OK;
    double *values = lx_malloc(count * sizeof *values);
    float *margins = lx_malloc(count * sizeof *margins);
    enum lx_err code = scorer_open(plan->forest, SCORER_BEST, &scorer, err);
    void *scratch = code == LX_OK ? lx_malloc(scorer_scratch_bytes(scorer) + 1) : NULL;
    if (code == LX_OK && (values == NULL || margins == NULL || scratch == NULL))
        code = out_of_memory(err);
    for (size_t j = 0; code == LX_OK && j < columns; j++) {
        for (size_t i = 0; i < count; i++)
            values[i] = (double)baseline->matrix.values[i * columns + j];
        psi_bins_make(values, count, TRAITS_BINS, &traits->inputs[j]);
    }
    if (code == LX_OK) {
        scorer_score(scorer, baseline->matrix.values, count, scratch, margins);
        for (size_t i = 0; i < count; i++) values[i] = (double)margins[i];
        psi_bins_make(values, count, TRAITS_BINS, &traits->scores);
    }
    lx_free(values);
    lx_free(margins);
    lx_free(scratch);
    scorer_close(scorer);
    return code;
}

static enum lx_err make_importance(const struct traits_plan *plan, const struct lx_env *env,
                                   struct model_traits *traits, struct lx_error *err)
{
    const struct kept *sample = &plan->scored->sample;
    size_t count = sample->matrix.row_count;
    size_t age = view_features_find(plan->features, VIEW_CUSTOMER, "age");
    if (count == 0) return LX_OK;
    uint16_t *groups = lx_malloc(2 * count * sizeof *groups);
    if (groups == NULL) return out_of_memory(err);
    for (size_t i = 0; i < count; i++) {
        float years = age == SIZE_MAX ? NAN : matrix_row(&sample->matrix, i)[age];
        groups[2 * i] = (uint16_t)(1 + sample->products[i]);
        groups[2 * i + 1] = (uint16_t)(1 + traits->product_count + segment_of(years));
    }
    const struct importance_plan asked = {.rows = sample,
                                          .groups = groups,
                                          .group_count =
                                              1 + traits->product_count + TRAITS_SEGMENTS,
                                          .seed = plan->seed};
    enum lx_err code = importance_measure(plan->forest, &asked, env, &traits->importance, err);
    lx_free(groups);
    return code;
}

enum lx_err traits_make(const struct traits_plan *plan, const struct lx_env *env,
                        struct model_traits *ret_traits, struct lx_error *err)
{
    struct model_traits traits;
    size_t columns = forest_feature_count(plan->forest);
    enum lx_err code = traits_init(&traits, columns, plan->catalogue->count, err);
    for (size_t i = 0; code == LX_OK && i < columns; i++)
        snprintf(traits.names[i], sizeof traits.names[i], "%s",
                 rows_feature(plan->features, i)->name);
    for (size_t i = 0; code == LX_OK && i < traits.product_count; i++)
        memcpy(traits.products[i], plan->catalogue->products[i].code, sizeof traits.products[i]);
    if (code == LX_OK) code = make_bins(plan, &traits, err);
    if (code == LX_OK) code = make_importance(plan, env, &traits, err);
    if (code == LX_OK)
        *ret_traits = traits;
    else
        traits_release(&traits);
    return code;
}

/* ---- Writing ---- */

static void write_bins(struct json_writer *json, const struct psi_bins *bins)
{
    json_name(json, "edges");
    json_array_begin(json);
    for (size_t i = 0; i < bins->edge_count; i++) json_number(json, bins->edges[i]);
    json_array_end(json);
    json_name(json, "counts");
    json_array_begin(json);
    for (size_t i = 0; i < psi_bins_count(bins); i++) json_int(json, (int64_t)bins->counts[i]);
    json_array_end(json);
}

static void write_group(struct json_writer *json, const struct importance_group *group,
                        size_t column_count)
{
    json_object_begin(json);
    json_name_int(json, "rows", (int64_t)group->rows);
    json_name_int(json, "positives", (int64_t)group->positives);
    for (int kind = 0; kind < IMPORTANCE_KINDS; kind++) {
        json_name(json, importance_kind_name((enum importance_kind)kind));
        json_array_begin(json);
        for (size_t i = 0; i < column_count; i++) json_number(json, group->values[kind][i]);
        json_array_end(json);
    }
    json_object_end(json);
}

void traits_write(const struct model_traits *traits, struct lx_buffer *buffer)
{
    struct json_writer json;
    json_init(&json, buffer);
    json_object_begin(&json);
    json_name_int(&json, "baseline_ms", traits->baseline_ms);
    json_name_int(&json, "baseline_rows", (int64_t)traits->baseline_rows);
    json_name(&json, "scores");
    json_object_begin(&json);
    write_bins(&json, &traits->scores);
    json_object_end(&json);
    json_name(&json, "inputs");
    json_array_begin(&json);
    for (size_t i = 0; i < traits->column_count; i++) {
        json_object_begin(&json);
        json_name_text(&json, "feature", traits->names[i]);
        write_bins(&json, &traits->inputs[i]);
        json_object_end(&json);
    }
    json_array_end(&json);
    json_name(&json, "products");
    json_array_begin(&json);
    for (size_t i = 0; i < traits->product_count; i++) json_text(&json, traits->products[i]);
    json_array_end(&json);
    json_name(&json, "importance");
    json_array_begin(&json);
    for (size_t i = 0; i < traits->importance.group_count; i++)
        write_group(&json, &traits->importance.groups[i], traits->column_count);
    json_array_end(&json);
    json_object_end(&json);
    lx_buffer_append_byte(buffer, '\n');
}

/* ---- Reading ---- */

static bool read_bins(const json_t *object, struct psi_bins *ret_bins)
{
    const json_t *edges = json_object_get(object, "edges");
    const json_t *counts = json_object_get(object, "counts");
    size_t count = json_array_size(edges);
    if (!json_is_array(edges) || count > PSI_BINS_MAX || json_array_size(counts) != count + 2)
        return false;
    ret_bins->edge_count = count;
    for (size_t i = 0; i < count; i++)
        ret_bins->edges[i] = json_number_value(json_array_get(edges, i));
    for (size_t i = 0; i < count + 2; i++)
        ret_bins->counts[i] = (uint64_t)json_integer_value(json_array_get(counts, i));
    return true;
}

static bool read_text(const json_t *value, char *ret_text, size_t size)
{
    const char *text = json_string_value(value);
    if (text == NULL || strlen(text) >= size) return false;
    memcpy(ret_text, text, strlen(text) + 1);
    return true;
}

static bool read_group(const json_t *object, size_t column_count, struct importance_group *group)
{
    group->rows = (uint64_t)json_integer_value(json_object_get(object, "rows"));
    group->positives = (uint64_t)json_integer_value(json_object_get(object, "positives"));
    for (int kind = 0; kind < IMPORTANCE_KINDS; kind++) {
        const json_t *values =
            json_object_get(object, importance_kind_name((enum importance_kind)kind));
        if (json_array_size(values) != column_count) return false;
        for (size_t i = 0; i < column_count; i++) {
            const json_t *value = json_array_get(values, i);
            group->values[kind][i] = json_is_null(value) ? NAN : json_number_value(value);
        }
    }
    return true;
}

static enum lx_err read_all(const json_t *root, struct model_traits *traits, struct lx_error *err)
{
    const json_t *inputs = json_object_get(root, "inputs");
    const json_t *products = json_object_get(root, "products");
    const json_t *groups = json_object_get(root, "importance");
    size_t group_count = json_array_size(groups);
    bool is_good = json_is_array(inputs) && json_is_array(products) && json_is_array(groups) &&
                   json_array_size(inputs) <= LX_FEATURES_MAX &&
                   json_array_size(products) <= LX_PRODUCT_MAX;
    if (!is_good) return lx_fail(err, LX_ERR_CORRUPT, "traits: a list is missing");
    enum lx_err code = traits_init(traits, json_array_size(inputs), json_array_size(products), err);
    if (code == LX_OK && group_count > 0)
        code = importance_init(&traits->importance, traits->column_count, group_count, err);
    if (code != LX_OK) return code;
    is_good = group_count == 0 || group_count == 1 + traits->product_count + TRAITS_SEGMENTS;
    is_good = is_good && read_bins(json_object_get(root, "scores"), &traits->scores);
    for (size_t i = 0; is_good && i < traits->column_count; i++) {
        const json_t *input = json_array_get(inputs, i);
        is_good = read_text(json_object_get(input, "feature"), traits->names[i],
                            sizeof traits->names[i]) &&
                  read_bins(input, &traits->inputs[i]);
    }
    for (size_t i = 0; is_good && i < traits->product_count; i++)
        is_good =
            read_text(json_array_get(products, i), traits->products[i], sizeof traits->products[i]);
    for (size_t i = 0; is_good && i < group_count; i++)
        is_good = read_group(json_array_get(groups, i), traits->column_count,
                             &traits->importance.groups[i]);
    if (!is_good) return lx_fail(err, LX_ERR_CORRUPT, "traits: a field is missing or wrong");
    traits->baseline_ms = json_integer_value(json_object_get(root, "baseline_ms"));
    traits->baseline_rows = (uint64_t)json_integer_value(json_object_get(root, "baseline_rows"));
    return LX_OK;
}

enum lx_err traits_read(const char *json, size_t length, struct model_traits *ret_traits,
                        struct lx_error *err)
{
    json_error_t where;
    struct model_traits traits = {0};
    json_t *root = json_loadb(json, length, JSON_REJECT_DUPLICATES, &where);
    if (root == NULL)
        return lx_fail(err, LX_ERR_CORRUPT, "traits: line %d: %s", where.line, where.text);
    enum lx_err code = read_all(root, &traits, err);
    json_decref(root);
    if (code == LX_OK)
        *ret_traits = traits;
    else
        traits_release(&traits);
    return code;
}
