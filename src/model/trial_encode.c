#include "model/trial_encode.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* What the training rows show of a column. */
struct survey {
    const struct trial_column *column;
    uint32_t *counts; /* by level */
    size_t row_count, level_count;
    bool is_number, is_ordered;
};

static double value_of(const struct trial_column *column, uint32_t level)
{
    double number = column->numbers[level];
    return isnan(number) ? trial_label_order(lx_dictionary_text(&column->levels, level, NULL))
                         : number;
}

static enum lx_err survey_column(const struct trial_column *column, const uint32_t *rows,
                                 size_t row_count, struct survey *ret_survey)
{
    struct survey survey = {.column = column, .row_count = row_count};
    survey.counts = lx_calloc(column->levels.count, sizeof *survey.counts);
    if (survey.counts == NULL) return LX_ERR_NO_MEMORY;
    for (size_t i = 0; i < row_count; i++) survey.counts[column->rows[rows[i]]]++;
    survey.is_number = survey.is_ordered = true;
    for (uint32_t level = 0; level < column->levels.count; level++) {
        if (survey.counts[level] == 0) continue;
        survey.level_count++;
        if (*lx_dictionary_text(&column->levels, level, NULL) == 0) continue;
        if (isnan(column->numbers[level])) survey.is_number = false;
        if (isnan(value_of(column, level))) survey.is_ordered = false;
    }
    *ret_survey = survey;
    return LX_OK;
}

/* Takes over by_level, also when it fails. */
static enum lx_err add(struct trial_encoding *encoding, struct trial_feature feature)
{
    enum lx_err code = lx_grow(&encoding->features, &encoding->capacity, encoding->count + 1,
                               LX_FEATURES_MAX, sizeof *encoding->features);
    if (code != LX_OK) {
        lx_free(feature.by_level);
        return code;
    }
    encoding->features[encoding->count++] = feature;
    return LX_OK;
}

/* An indicator, or the frequency where `level` is none. */
static enum lx_err add_mapped(struct trial_encoding *encoding, const struct survey *survey,
                              enum trial_feature_kind kind, uint32_t level)
{
    float *by_level = lx_calloc(survey->column->levels.count, sizeof *by_level);
    if (by_level == NULL) return LX_ERR_NO_MEMORY;
    for (size_t i = 0; i < survey->column->levels.count; i++)
        by_level[i] = kind == TRIAL_INDICATOR ? (float)(i == level)
                                              : (float)survey->counts[i] / (float)survey->row_count;
    return add(encoding, (struct trial_feature){kind, survey->column, level, by_level});
}

static enum lx_err add_levels(struct trial_encoding *encoding, const struct survey *survey)
{
    enum lx_err code = LX_OK;
    for (uint32_t level = 0; level < survey->column->levels.count && code == LX_OK; level++)
        if (survey->counts[level] >= TRIAL_LEVEL_ROWS_MIN)
            code = add_mapped(encoding, survey, TRIAL_INDICATOR, level);
    if (code == LX_OK && survey->level_count >= TRIAL_FREQUENCY_LEVELS_MIN)
        code = add_mapped(encoding, survey, TRIAL_FREQUENCY, 0);
    return code;
}

struct named_level {
    const char *text;
    uint32_t level;
};

static int compare_levels(const void *left, const void *right)
{
    const struct named_level *a = left, *b = right;
    return strcmp(a->text, b->text);
}

/* A level that no training row has has no place in the alphabet. */
static enum lx_err add_code(struct trial_encoding *encoding, const struct survey *survey)
{
    size_t level_count = survey->column->levels.count, used = 0;
    float *by_level = lx_calloc(level_count, sizeof *by_level);
    struct named_level *levels = lx_calloc(level_count, sizeof *levels);
    if (by_level == NULL || levels == NULL) {
        lx_free(by_level);
        lx_free(levels);
        return LX_ERR_NO_MEMORY;
    }
    for (uint32_t i = 0; i < level_count; i++) {
        by_level[i] = NAN;
        if (survey->counts[i] == 0) continue;
        levels[used++] =
            (struct named_level){lx_dictionary_text(&survey->column->levels, i, NULL), i};
    }
    qsort(levels, used, sizeof *levels, compare_levels);
    for (size_t i = 0; i < used; i++) by_level[levels[i].level] = (float)i;
    lx_free(levels);
    return add(encoding, (struct trial_feature){TRIAL_CODE, survey->column, 0, by_level});
}

enum lx_err trial_encoding_add(struct trial_encoding *encoding, enum trial_style style,
                               const struct trial_column *column, const uint32_t *rows,
                               size_t row_count, struct lx_error *err)
{
    LX_ASSERT(row_count > 0);

    struct survey survey;
    enum lx_err code = survey_column(column, rows, row_count, &survey);
    if (code == LX_OK) {
        if (survey.level_count == 1)
            code = LX_OK;
        else if (survey.is_number || survey.is_ordered)
            code = add(encoding, (struct trial_feature){TRIAL_VALUE, column, 0, NULL});
        else
            code =
                style == TRIAL_OURS ? add_levels(encoding, &survey) : add_code(encoding, &survey);
        lx_free(survey.counts);
    }
    if (code != LX_OK)
        return lx_fail(err, code, "column \"%.60s\": %s (at most %d features)", column->name,
                       lx_err_text(code), LX_FEATURES_MAX);
    return LX_OK;
}

void trial_encoding_release(struct trial_encoding *encoding)
{
    for (size_t i = 0; i < encoding->count; i++) lx_free(encoding->features[i].by_level);
    lx_free(encoding->features);
    *encoding = (struct trial_encoding){0};
}

static float mapped(const struct trial_feature *feature, const struct trial_column *column,
                    uint32_t level)
{
    if (feature->kind == TRIAL_VALUE) return (float)value_of(column, level);

    size_t length;
    const char *text = lx_dictionary_text(&column->levels, level, &length);
    int64_t known = lx_dictionary_find(&feature->column->levels, text, length);
    if (known != LX_DICTIONARY_NONE) return feature->by_level[known];
    return feature->kind == TRIAL_CODE ? NAN : 0;
}

enum lx_err trial_bind(const struct trial_encoding *encoding, const struct trial_table *table,
                       struct trial_binding *ret_binding, struct lx_error *err)
{
    size_t count = encoding->count;
    struct trial_binding binding = {.encoding = encoding};
    binding.columns = lx_calloc(count + 1, sizeof *binding.columns);
    binding.by_level = lx_calloc(count + 1, sizeof *binding.by_level);
    enum lx_err code = binding.columns == NULL || binding.by_level == NULL
                           ? lx_fail(err, LX_ERR_NO_MEMORY, "%s", table->file)
                           : LX_OK;
    for (size_t i = 0; i < count && code == LX_OK; i++) {
        const struct trial_feature *feature = &encoding->features[i];
        code = trial_table_column(table, feature->column->name, &binding.columns[i], err);
        if (code != LX_OK) break;
        size_t level_count = binding.columns[i]->levels.count;
        binding.by_level[i] = lx_calloc(level_count, sizeof **binding.by_level);
        if (binding.by_level[i] == NULL) code = lx_fail(err, LX_ERR_NO_MEMORY, "%s", table->file);
        for (uint32_t level = 0; level < level_count && code == LX_OK; level++)
            binding.by_level[i][level] = mapped(feature, binding.columns[i], level);
    }
    if (code != LX_OK) {
        trial_binding_release(&binding);
        return code;
    }
    *ret_binding = binding;
    return LX_OK;
}

void trial_binding_release(struct trial_binding *binding)
{
    for (size_t i = 0; binding->by_level != NULL && i < binding->encoding->count; i++)
        lx_free(binding->by_level[i]);
    lx_free(binding->by_level);
    lx_free(binding->columns);
    *binding = (struct trial_binding){0};
}

void trial_fill(const struct trial_binding *binding, size_t row, float *ret_values)
{
    for (size_t i = 0; i < binding->encoding->count; i++)
        ret_values[i] = binding->by_level[i][binding->columns[i]->rows[row]];
}
