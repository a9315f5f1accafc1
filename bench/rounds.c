#include "bench/rounds.h"

#include <stdio.h>
#include <string.h>

#include <xgboost/c_api.h>

#include "base/limits.h"
#include "base/rng.h"
#include "learn/forest.h"
#include "learn/xgboost.h"
#include "model/teach.h"

enum { PRODUCTS = 19, ASKED = 5, LEARNT = 3000, TREES = 60, DEPTH = 4, FORESTS = 2, FEATURES = 37 };

struct trial {
    const struct lx_env *env;
    struct second second;
    double numbers[2 * PRODUCTS], kernel[PRODUCTS * PRODUCTS];
    double log_odds[LEARNT][PRODUCTS];
    float answers[LEARNT][PRODUCTS];
    void *scratch;
    struct lx_error *err;
};

static double seconds_now(const struct trial *trial)
{
    return (double)trial->env->elapsed_ns(trial->env->context) / 1e9;
}

/* Two tastes; a customer has one of them or none. */
static enum lx_err learn(struct trial *trial)
{
    static float log_odds[LEARNT * PRODUCTS];
    static uint8_t truth[LEARNT * PRODUCTS];
    struct second_round_params params = second_round_params_default();
    const struct second_round_data data = {
        .customer_count = LEARNT, .product_count = PRODUCTS, .log_odds = log_odds, .truth = truth};
    for (size_t i = 0; i < LEARNT; i++) {
        struct lx_rng rng = lx_rng_of(1, i);
        size_t taste = lx_rng_below(&rng, 3);
        for (size_t p = 0; p < PRODUCTS; p++) {
            double f = -2 + 0.5 * lx_rng_normal(&rng);
            bool is_liked = p % 3 == taste;
            log_odds[i * PRODUCTS + p] = (float)f;
            trial->log_odds[i][p] = f;
            truth[i * PRODUCTS + p] = lx_rng_chance(&rng, is_liked ? 0.4 : 0.05);
        }
        for (size_t j = 0; j < ASKED; j++) {
            size_t p = lx_rng_below(&rng, PRODUCTS);
            trial->answers[i][p] = truth[i * PRODUCTS + p] ? 1 : -1;
        }
    }
    params.member_count = FORESTS;
    params.round_count = TREES;
    params.max_depth = DEPTH;
    params.rows_max = 20000;
    return second_round_fit(&params, &data, trial->env, &trial->second.learnt, trial->err);
}

static enum lx_err trial_init(struct trial *trial, const struct lx_env *env, struct lx_error *err)
{
    trial->env = env;
    trial->err = err;
    for (size_t i = 0; i < PRODUCTS; i++)
        for (size_t j = 0; j < PRODUCTS; j++)
            trial->kernel[i * PRODUCTS + j] = i == j ? 3 : i % 3 == j % 3 ? 1.5 : 0;
    trial->second = (struct second){.product_count = PRODUCTS,
                                    .slope = 1,
                                    .shift = 1,
                                    .interest = ROUNDS_INTEREST,
                                    .rates = trial->numbers,
                                    .offsets = trial->numbers + PRODUCTS,
                                    .kernel = {trial->kernel, PRODUCTS}};
    enum lx_err code = learn(trial);
    if (code != LX_OK) return code;
    trial->scratch = lx_malloc(second_scratch_bytes(&trial->second));
    return trial->scratch != NULL ? LX_OK : lx_fail(err, LX_ERR_NO_MEMORY, "bench: out of memory");
}

/* Seconds a customer. */
static double time_second(const struct trial *trial, const struct second *second, uint64_t count)
{
    static const bool nothing_held[PRODUCTS];
    double scores[PRODUCTS], start = seconds_now(trial);
    for (uint64_t i = 0; i < count; i++)
        second_score(second, trial->log_odds[i % LEARNT], nothing_held, trial->answers[i % LEARNT],
                     trial->scratch, scores);
    return (seconds_now(trial) - start) / (double)count;
}

static double time_teaching(const struct trial *trial, uint64_t count)
{
    static const bool nothing_held[PRODUCTS];
    static const float none[PRODUCTS];
    uint16_t order[PRODUCTS];
    for (uint16_t p = 0; p < PRODUCTS; p++) order[p] = p;
    double start = seconds_now(trial);
    for (uint64_t i = 0; i < count; i++) {
        const struct teach_question question = {.second = &trial->second,
                                                .log_odds = trial->log_odds[i % LEARNT],
                                                .is_held = nothing_held,
                                                .answers = none,
                                                .order = order,
                                                .count = PRODUCTS,
                                                .places = ASKED};
        teach_choose(&question, trial->scratch);
    }
    return (seconds_now(trial) - start) / (double)count;
}

/* What is read back says the same, bit for bit. */
static enum lx_err check(const struct trial *trial)
{
    static const bool nothing_held[PRODUCTS];
    struct second *read = NULL;
    struct lx_buffer bytes;
    double ours[PRODUCTS], theirs[PRODUCTS];
    lx_buffer_init(&bytes, LX_FILE_MAX);
    enum lx_err code = second_write(&trial->second, &bytes, trial->err);
    if (code == LX_OK) code = second_read(bytes.bytes, bytes.length, &read, trial->err);
    for (size_t i = 0; i < 100 && code == LX_OK; i++) {
        second_score(&trial->second, trial->log_odds[i], nothing_held, trial->answers[i],
                     trial->scratch, ours);
        second_score(read, trial->log_odds[i], nothing_held, trial->answers[i], trial->scratch,
                     theirs);
        if (memcmp(ours, theirs, sizeof ours) != 0)
            code = lx_fail(trial->err, LX_ERR_CORRUPT, "rounds: customer %zu differs", i);
    }
    second_close(read);
    lx_buffer_release(&bytes);
    return code;
}

/* A forest of the same size over rows of the same width. */
static enum lx_err train_peer(const struct trial *trial, struct matrix *rows,
                              struct lx_buffer *trees)
{
    struct xgb_params params = xgb_params_default(XGB_BINARY);
    struct lx_rng rng = lx_rng_of(2, 0);
    static float labels[LEARNT];
    enum lx_err code = matrix_init(rows, FEATURES);
    for (size_t i = 0; i < LEARNT && code == LX_OK; i++) {
        float *row = NULL;
        code = matrix_add_row(rows, &row);
        for (size_t j = 0; j < FEATURES && code == LX_OK; j++) row[j] = (float)lx_rng_normal(&rng);
        if (code == LX_OK) labels[i] = row[0] + row[1] * row[2] > 1;
    }
    if (code != LX_OK) return lx_fail(trial->err, code, "bench: out of memory");
    params.round_count = TREES;
    params.max_depth = DEPTH;
    params.thread_count = 1;
    return xgb_train(&params, rows, labels, NULL, trial->env, trees, trial->err);
}

static enum lx_err peer_fail(const struct trial *trial)
{
    return lx_fail(trial->err, LX_ERR_IO, "XGBoost: %s", XGBGetLastError());
}

static enum lx_err time_peer(const struct trial *trial, uint64_t count, double *ret_seconds)
{
    static const char config[] = "{\"type\":1,\"training\":false,\"iteration_begin\":0,"
                                 "\"iteration_end\":0,\"strict_shape\":false,\"missing\":NaN,"
                                 "\"cache_id\":0}";
    struct matrix rows = {0};
    struct lx_buffer trees;
    BoosterHandle booster = NULL;
    lx_buffer_init(&trees, FOREST_BYTES_MAX);
    enum lx_err code = train_peer(trial, &rows, &trees);
    if (code == LX_OK && (XGBoosterCreate(NULL, 0, &booster) != 0 ||
                          XGBoosterLoadModelFromBuffer(booster, trees.bytes, trees.length) != 0 ||
                          XGBoosterSetParam(booster, "nthread", "1") != 0))
        code = peer_fail(trial);
    double start = seconds_now(trial);
    for (uint64_t i = 0; i < FORESTS * count && code == LX_OK; i++) {
        char array[200];
        const bst_ulong *shape;
        bst_ulong dimension;
        const float *values;
        const float *from = matrix_row(&rows, i * (PRODUCTS - ASKED) % (LEARNT - PRODUCTS));
        snprintf(array, sizeof array,
                 "{\"data\":[%llu,true],\"shape\":[%d,%d],\"typestr\":\"<f4\",\"version\":3}",
                 (unsigned long long)(uintptr_t)from, PRODUCTS - ASKED, FEATURES);
        if (XGBoosterPredictFromDense(booster, array, config, NULL, &shape, &dimension, &values) !=
            0)
            code = peer_fail(trial);
    }
    *ret_seconds = (seconds_now(trial) - start) / (double)count;
    if (booster != NULL) XGBoosterFree(booster);
    matrix_release(&rows);
    lx_buffer_release(&trees);
    return code;
}

enum lx_err bench_rounds(uint64_t row_count, const struct lx_env *env,
                         struct bench_result *ret_result, struct lx_error *err)
{
    struct bench_result result = {.name = "rounds",
                                  .unit = "customers/s",
                                  .ours_name = "answers to a new list",
                                  .peer_name = "XGBoost, the same trees in place"};
    struct trial *trial = lx_calloc(1, sizeof *trial);
    if (trial == NULL) return lx_fail(err, LX_ERR_NO_MEMORY, "bench: out of memory");
    uint64_t peer_count = row_count / 20 + 1;
    double peer = 0;
    enum lx_err code = trial_init(trial, env, err);
    if (code == LX_OK) code = check(trial);
    if (code == LX_OK) code = time_peer(trial, peer_count, &peer);
    if (code == LX_OK) {
        struct second by_kernel = trial->second;
        by_kernel.learnt = NULL;
        double ours = time_second(trial, &trial->second, row_count);
        double kernel = time_second(trial, &by_kernel, row_count);
        result.ours = 1 / ours;
        result.peer = 1 / peer;
        result.ratio = result.ours / result.peer;
        bench_add(&result, "forest", ours * 1e6, "us");
        bench_add(&result, "gaussian_process", kernel * 1e6, "us");
        bench_add(&result, "xgboost", peer * 1e6, "us");
        bench_add(&result, "teaching", time_teaching(trial, peer_count) * 1e6, "us");
        *ret_result = result;
    }
    second_round_close(trial->second.learnt);
    lx_free(trial->scratch);
    lx_free(trial);
    return code;
}
