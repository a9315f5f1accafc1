/*
 * Goal:   training finds what is planted, starts where it is told, obeys weights and parameters,
 *         gives the same bytes for the same seed, and says clearly what it cannot learn from.
 * Method: small seeded tables of known truth; XGBoost's own predictor reads the models back.
 */
#include "cmocka_all.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xgboost/c_api.h>

#include "base/rng.h"
#include "learn/xgboost.h"

enum { ROWS = 2000, COLUMNS = 3, MODEL_MAX = 64 << 20 };

struct table {
    struct matrix matrix;
    float labels[ROWS], weights[ROWS];
};

/* Column 1 alone decides; one value in ten of it is missing, and then the label is 1. */
static void make_table(struct table *table, int class_count)
{
    struct lx_rng rng = lx_rng_of(1, 1);
    assert_int_equal(matrix_init(&table->matrix, COLUMNS), LX_OK);
    for (size_t i = 0; i < ROWS; i++) {
        float *row = NULL;
        assert_int_equal(matrix_add_row(&table->matrix, &row), LX_OK);
        for (size_t c = 0; c < COLUMNS; c++) row[c] = (float)lx_rng_uniform(&rng);
        table->labels[i] = floorf(row[1] * (float)class_count);
        table->weights[i] = 1;
        if (i % 10 != 0) continue;
        row[1] = NAN;
        table->labels[i] = 1;
    }
}

static char *train(const struct xgb_params *params, const struct table *table, size_t *ret_length)
{
    struct lx_buffer model;
    struct lx_error err = {0};
    lx_buffer_init(&model, MODEL_MAX);
    if (xgb_train(params, &table->matrix, table->labels, table->weights, NULL, &model, &err) !=
        LX_OK)
        fail_msg("%s", err.text);
    return lx_buffer_take(&model, ret_length);
}

/* XGBoost's predictions for the table's own rows; `outputs` values a row. */
static void predict(const char *model, size_t length, const struct matrix *matrix, size_t outputs,
                    float *ret_predictions)
{
    DMatrixHandle data;
    BoosterHandle booster;
    bst_ulong count = 0;
    const float *values = NULL;
    assert_int_equal(
        XGDMatrixCreateFromMat(matrix->values, matrix->row_count, matrix->column_count, NAN, &data),
        0);
    assert_int_equal(XGBoosterCreate(&data, 1, &booster), 0);
    assert_int_equal(XGBoosterLoadModelFromBuffer(booster, model, length), 0);
    assert_int_equal(XGBoosterPredict(booster, data, 0, 0, 0, &count, &values), 0);
    assert_int_equal(count, matrix->row_count * outputs);
    memcpy(ret_predictions, values, count * sizeof *values);
    XGBoosterFree(booster);
    XGDMatrixFree(data);
}

static void test_what_is_planted_is_found(void **state)
{
    (void)state;
    static struct table table;
    static float predictions[ROWS * 4];
    for (int classes = 2; classes <= 4; classes += 2) {
        make_table(&table, classes);
        struct xgb_params params = xgb_params_default(classes == 2 ? XGB_BINARY : XGB_MULTICLASS);
        params.class_count = classes == 2 ? 0 : classes;
        params.round_count = 40;
        params.learning_rate = 0.3;
        size_t length = 0, right = 0, outputs = classes == 2 ? 1 : (size_t)classes;
        char *model = train(&params, &table, &length);
        predict(model, length, &table.matrix, outputs, predictions);
        for (size_t i = 0; i < ROWS; i++) {
            size_t best = outputs == 1 ? predictions[i] > 0.5f : 0;
            for (size_t c = 1; c < outputs; c++)
                if (predictions[i * outputs + c] > predictions[i * outputs + best]) best = c;
            right += table.labels[i] == (float)best;
        }
        if (right < ROWS - 20) fail_msg("%d classes: only %zu right", classes, right);
        lx_free(model);
        matrix_release(&table.matrix);
    }
}

static double base_score_of(const char *model)
{
    const char *name = strstr(model, "\"base_score\":\"");
    assert_non_null(name);
    return strtod(name + strlen("\"base_score\":\""), NULL);
}

static void test_boosting_starts_at_the_mean_label_or_where_it_is_told(void **state)
{
    (void)state;
    static struct table table;
    make_table(&table, 2);
    double positive = 0, sum = 0;
    for (size_t i = 0; i < ROWS; i++) {
        table.weights[i] = table.labels[i] > 0 ? 0.25f : 1;
        positive += (double)(table.labels[i] * table.weights[i]);
        sum += (double)table.weights[i];
    }
    struct xgb_params params = xgb_params_default(XGB_BINARY);
    params.round_count = 1;
    size_t length = 0;
    char *model = train(&params, &table, &length);
    assert_true(fabs(base_score_of(model) - positive / sum) < 1e-6);
    lx_free(model);
    params.base_score = 0.125;
    model = train(&params, &table, &length);
    assert_true(base_score_of(model) == 0.125);
    lx_free(model);
    matrix_release(&table.matrix);
}

/* Where every row starts from its own log-odds, trees learn what is missing from them: here 1.5 up
 * or down by column 1, and nothing by the start itself. */
static void test_trees_add_to_the_margins_that_rows_start_from(void **state)
{
    (void)state;
    static struct table table;
    static float margins[ROWS], predictions[ROWS];
    make_table(&table, 2);
    struct lx_rng rng = lx_rng_of(2, 2);
    for (size_t i = 0; i < ROWS; i++) {
        float *row = matrix_row(&table.matrix, i);
        margins[i] = lx_rng_chance(&rng, 0.5) ? 2 : -2;
        row[1] = lx_rng_chance(&rng, 0.5) ? 1 : 0;
        double log_odds = (double)margins[i] + (row[1] > 0 ? 1.5 : -1.5);
        table.labels[i] = lx_rng_chance(&rng, 1 / (1 + exp(-log_odds)));
        row[0] = row[2] = 0;
    }
    struct xgb_params params = xgb_params_default(XGB_BINARY);
    params.round_count = 60;
    params.margins = margins;
    size_t length = 0;
    char *model = train(&params, &table, &length);
    assert_true(base_score_of(model) == 0.5);
    predict(model, length, &table.matrix, 1, predictions);
    for (size_t i = 0; i < ROWS; i++) {
        double expected = matrix_row(&table.matrix, i)[1] > 0 ? 1.5 : -1.5;
        double got = log((double)predictions[i]) - log1p(-(double)predictions[i]);
        if (fabs(got - expected) > 0.3) fail_msg("row %zu: adds %g, expected %g", i, got, expected);
    }
    lx_free(model);
    matrix_release(&table.matrix);
}

static void test_a_row_of_weight_two_counts_as_two_rows(void **state)
{
    (void)state;
    static struct table table;
    static float predictions[ROWS], doubled[ROWS];
    make_table(&table, 2);
    for (size_t i = 0; i < ROWS; i++) {
        matrix_row(&table.matrix, i)[1] = 0; /* nothing to see: the mean is all there is */
        matrix_row(&table.matrix, i)[0] = 0;
        matrix_row(&table.matrix, i)[2] = 0;
        table.labels[i] = i < ROWS / 4;
    }
    struct xgb_params params = xgb_params_default(XGB_BINARY);
    params.round_count = 5;
    size_t length = 0;
    char *model = train(&params, &table, &length);
    predict(model, length, &table.matrix, 1, predictions);
    lx_free(model);
    for (size_t i = 0; i < ROWS / 4; i++) table.weights[i] = 2;
    model = train(&params, &table, &length);
    predict(model, length, &table.matrix, 1, doubled);
    lx_free(model);
    assert_true(fabsf(predictions[0] - 0.25f) < 1e-4f);
    assert_true(fabsf(doubled[0] - 0.4f) < 1e-4f);
    matrix_release(&table.matrix);
}

static void test_seed_and_parameters_decide_every_byte(void **state)
{
    (void)state;
    static struct table table;
    make_table(&table, 2);
    struct xgb_params params = xgb_params_default(XGB_BINARY);
    params.round_count = 10;
    params.subsample = 0.5;
    size_t lengths[4] = {0};
    char *models[4];
    models[0] = train(&params, &table, &lengths[0]);
    models[1] = train(&params, &table, &lengths[1]);
    params.seed = 2;
    models[2] = train(&params, &table, &lengths[2]);
    params.seed = 1;
    params.extra = "max_leaves=2\ngrow_policy=lossguide\n";
    models[3] = train(&params, &table, &lengths[3]);
    assert_int_equal(lengths[0], lengths[1]);
    assert_memory_equal(models[0], models[1], lengths[0]);
    assert_true(lengths[0] != lengths[2] || memcmp(models[0], models[2], lengths[0]) != 0);
    assert_true(lengths[3] < lengths[0]);
    for (size_t i = 0; i < 4; i++) lx_free(models[i]);
    matrix_release(&table.matrix);
}

static void test_what_cannot_be_learnt_is_named(void **state)
{
    (void)state;
    static const struct {
        enum xgb_objective objective;
        float first, rest;
        size_t rows;
        const char *extra, *text;
    } rows[] = {
        {XGB_BINARY, 0, 0, 50, NULL, "all 50 labels are 0"},
        {XGB_BINARY, 2, 1, 50, NULL, "row 0: label 2 is outside"},
        {XGB_MULTICLASS, 0, 0.5f, 50, NULL, "row 1: label 0.5 is outside"},
        {XGB_MULTICLASS, 3, 0, 50, NULL, "row 0: label 3 is outside"},
        {XGB_REGRESSION, 0, INFINITY, 50, NULL, "row 1: label inf is outside"},
        {XGB_BINARY, 0, 1, 0, NULL, "no rows"},
        {XGB_BINARY, 0, 1, 50, "max_depth", "is not name=value"},
        {XGB_BINARY, 0, 1, 50, "booster=none", "none"},
    };
    for (size_t i = 0; i < LX_COUNT_OF(rows); i++) {
        struct matrix matrix;
        float labels[50];
        struct lx_buffer model;
        struct lx_error err = {0};
        lx_buffer_init(&model, MODEL_MAX);
        assert_int_equal(matrix_init(&matrix, 1), LX_OK);
        for (size_t r = 0; r < rows[i].rows; r++) {
            float *row = NULL;
            assert_int_equal(matrix_add_row(&matrix, &row), LX_OK);
            row[0] = (float)r;
            labels[r] = r == 0 ? rows[i].first : rows[i].rest;
        }
        struct xgb_params params = xgb_params_default(rows[i].objective);
        params.class_count = 3;
        params.extra = rows[i].extra;
        enum lx_err code = xgb_train(&params, &matrix, labels, NULL, NULL, &model, &err);
        if (code == LX_OK || strstr(err.text, rows[i].text) == NULL)
            fail_msg("row %zu: %s \"%s\"", i, lx_err_name(code), err.text);
        assert_int_equal(model.length, 0);
        lx_buffer_release(&model);
        matrix_release(&matrix);
    }
}

static void test_a_model_larger_than_its_buffer_is_refused(void **state)
{
    (void)state;
    static struct table table;
    make_table(&table, 2);
    struct xgb_params params = xgb_params_default(XGB_BINARY);
    struct lx_buffer model;
    struct lx_error err = {0};
    lx_buffer_init(&model, 1000);
    assert_int_equal(xgb_train(&params, &table.matrix, table.labels, NULL, NULL, &model, &err),
                     LX_ERR_LIMIT);
    assert_non_null(strstr(err.text, "limit 1000"));
    lx_buffer_release(&model);
    matrix_release(&table.matrix);
}

static void count_round(void *context, const char *what, uint64_t done, uint64_t total)
{
    uint64_t *rounds = context;
    assert_string_equal(what, "training");
    assert_int_equal(done, *rounds + 1);
    assert_int_equal(total, 7);
    *rounds = done;
}

static void test_every_round_is_reported(void **state)
{
    (void)state;
    static struct table table;
    make_table(&table, 2);
    uint64_t rounds = 0;
    struct lx_env env = {.context = &rounds, .progress = count_round};
    struct xgb_params params = xgb_params_default(XGB_BINARY);
    params.round_count = 7;
    struct lx_buffer model;
    lx_buffer_init(&model, MODEL_MAX);
    assert_int_equal(xgb_train(&params, &table.matrix, table.labels, NULL, &env, &model, NULL),
                     LX_OK);
    assert_int_equal(rounds, 7);
    lx_buffer_release(&model);
    matrix_release(&table.matrix);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_planted_is_found),
        cmocka_unit_test(test_boosting_starts_at_the_mean_label_or_where_it_is_told),
        cmocka_unit_test(test_trees_add_to_the_margins_that_rows_start_from),
        cmocka_unit_test(test_a_row_of_weight_two_counts_as_two_rows),
        cmocka_unit_test(test_seed_and_parameters_decide_every_byte),
        cmocka_unit_test(test_what_cannot_be_learnt_is_named),
        cmocka_unit_test(test_a_model_larger_than_its_buffer_is_refused),
        cmocka_unit_test(test_every_round_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
