#ifndef TESTS_UNIT_LEARN_PEER_H
#define TESTS_UNIT_LEARN_PEER_H

/*
 * peer: XGBoost itself, for tests that hold our trees against it: seeded rows of mixed kinds,
 * models of any parameters, their JSON, and what XGBoost predicts and explains with them.
 *
 * Everything fails the test on error. The caller releases rows and peers.
 */

#include "cmocka_all.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xgboost/c_api.h>

#include "base/rng.h"
#include "learn/forest.h"

struct peer_rows {
    size_t count, feature_count;
    float *values; /* row-major, NaN where missing */
};

struct peer {
    BoosterHandle booster;
    char *json;
    size_t length, feature_count, group_count;
};

/* Parameters are "name=value" texts; the array ends with NULL. */
struct peer_model {
    const char *name;
    const char *const *parameters;
    size_t row_count, feature_count, group_count;
    int round_count;
    bool is_multiclass, has_constant_label;
};

static inline void peer_ok(int status)
{
    if (status != 0) fail_msg("XGBoost: %s", XGBGetLastError());
}

/* Four kinds of columns in turn: normal, log-normal with a heavy tail, small counts, yes or no;
 * one value in twelve is missing. */
static inline float peer_value(struct lx_rng *rng, size_t column)
{
    if (lx_rng_chance(rng, 1.0 / 12)) return NAN;
    switch (column % 4) {
    case 0: return (float)lx_rng_normal(rng);
    case 1: return (float)exp(2.5 * lx_rng_normal(rng));
    case 2: return (float)lx_rng_poisson(rng, 3);
    default: return lx_rng_chance(rng, 0.2) ? 1.0f : 0.0f;
    }
}

static inline struct peer_rows peer_rows_open(uint64_t seed, size_t count, size_t feature_count)
{
    struct peer_rows rows = {count, feature_count, malloc(count * feature_count * sizeof(float))};
    assert_non_null(rows.values);
    struct lx_rng rng = lx_rng_of(seed, 0);
    for (size_t i = 0; i < count; i++)
        for (size_t c = 0; c < feature_count; c++)
            rows.values[i * feature_count + c] = peer_value(&rng, c);
    return rows;
}

static inline void peer_rows_release(struct peer_rows *rows)
{
    free(rows->values);
}

/* A label that depends on every column, missing ones too, with some noise. */
static inline float peer_label(const float *row, size_t feature_count, struct lx_rng *rng,
                               const struct peer_model *model)
{
    double sum = 0.5 * lx_rng_normal(rng);
    for (size_t c = 0; c < feature_count; c++) {
        double value = isnan(row[c]) ? 0.7
                       : c % 4 == 1  ? log((double)row[c] + 0.01)
                                     : (double)row[c];
        sum += sin((double)c + 1) * value * (1 + 0.5 * sin(value));
    }
    if (model->has_constant_label) return 1;
    if (model->is_multiclass) {
        double group = floor(fabs(sum) * 1.3);
        double last = (double)model->group_count - 1;
        return (float)(group > last ? last : group);
    }
    return sum > 0 ? 1 : 0;
}

static inline void peer_set(BoosterHandle booster, const char *parameter)
{
    char name[128];
    const char *value = strchr(parameter, '=');
    assert_non_null(value);
    snprintf(name, sizeof name, "%.*s", (int)(value - parameter), parameter);
    peer_ok(XGBoosterSetParam(booster, name, value + 1));
}

static inline struct peer peer_train(const struct peer_model *model, uint64_t seed)
{
    struct peer peer = {.feature_count = model->feature_count, .group_count = model->group_count};
    struct peer_rows rows = peer_rows_open(seed, model->row_count, model->feature_count);
    struct lx_rng rng = lx_rng_of(seed, 1);
    float *labels = malloc(rows.count * sizeof *labels);
    assert_non_null(labels);
    for (size_t i = 0; i < rows.count; i++)
        labels[i] =
            peer_label(rows.values + i * rows.feature_count, rows.feature_count, &rng, model);

    DMatrixHandle data;
    peer_ok(XGDMatrixCreateFromMat(rows.values, rows.count, rows.feature_count, NAN, &data));
    peer_ok(XGDMatrixSetFloatInfo(data, "label", labels, rows.count));
    peer_ok(XGBoosterCreate(&data, 1, &peer.booster));
    peer_set(peer.booster, "nthread=1");
    peer_set(peer.booster, "tree_method=hist");
    for (size_t i = 0; model->parameters[i] != NULL; i++)
        peer_set(peer.booster, model->parameters[i]);
    for (int round = 0; round < model->round_count; round++)
        peer_ok(XGBoosterUpdateOneIter(peer.booster, round, data));

    bst_ulong length;
    const char *json;
    peer_ok(XGBoosterSaveModelToBuffer(peer.booster, "{\"format\":\"json\"}", &length, &json));
    peer.json = malloc(length);
    assert_non_null(peer.json);
    memcpy(peer.json, json, length);
    peer.length = length;
    XGDMatrixFree(data);
    free(labels);
    peer_rows_release(&rows);
    return peer;
}

static inline void peer_release(struct peer *peer)
{
    XGBoosterFree(peer->booster);
    free(peer->json);
}

static inline struct forest *peer_forest(const struct peer *peer)
{
    struct forest *forest = NULL;
    struct lx_error err = {0};
    if (forest_load_json(peer->json, peer->length, &forest, &err) != LX_OK)
        fail_msg("%s", err.text);
    return forest;
}

/* In place, so that infinities are taken as values. type: 0 predictions, 1 margins. The result is
 * XGBoost's until the next call. */
static inline const float *peer_predict(const struct peer *peer, const struct peer_rows *rows,
                                        int type)
{
    char array[256], config[256];
    bst_ulong dimension;
    const bst_ulong *shape;
    const float *values;
    snprintf(array, sizeof array,
             "{\"data\":[%zu,true],\"shape\":[%zu,%zu],\"typestr\":\"<f4\",\"version\":3}",
             (size_t)(uintptr_t)rows->values, rows->count, rows->feature_count);
    snprintf(config, sizeof config,
             "{\"type\":%d,\"training\":false,\"iteration_begin\":0,\"iteration_end\":0,"
             "\"strict_shape\":true,\"missing\":NaN,\"cache_id\":0}",
             type);
    peer_ok(
        XGBoosterPredictFromDense(peer->booster, array, config, NULL, &shape, &dimension, &values));
    return values;
}

/* rows * groups * (features + 1) values, XGBoost's until the next call; *ret_data is freed by the
 * caller. */
static inline const float *peer_explain(const struct peer *peer, const struct peer_rows *rows,
                                        DMatrixHandle *ret_data)
{
    bst_ulong dimension;
    const bst_ulong *shape;
    const float *values;
    peer_ok(XGDMatrixCreateFromMat(rows->values, rows->count, rows->feature_count, NAN, ret_data));
    peer_ok(XGBoosterPredictFromDMatrix(peer->booster, *ret_data,
                                        "{\"type\":2,\"training\":false,\"iteration_begin\":0,"
                                        "\"iteration_end\":0,\"strict_shape\":true}",
                                        &shape, &dimension, &values));
    return values;
}

/* The tests are short; LINGXI_LONG=1 makes them as long as the promises that they prove. */
static inline size_t peer_rows_wanted(size_t usual, size_t promised)
{
    const char *is_long = getenv("LINGXI_LONG");
    return is_long != NULL && strcmp(is_long, "1") == 0 ? promised : usual;
}

#endif
