#include "bench/score.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <xgboost/c_api.h>

#include "base/rng.h"
#include "learn/attribution.h"
#include "learn/scorer.h"
#include "learn/xgboost.h"

enum {
    FEATURES = 60,
    TREES = 100,
    TRAINING_ROWS_MIN = 2000, /* a tenth of the rows, between these */
    TRAINING_ROWS_MAX = 20000,
    TRIALS = 5, /* the best of them counts, ours and the peer's taken in turn */
    CARD_ROWS = 19,
    CACHED_ROWS = 1024,
    MODEL_BYTES_MAX = 1 << 26,
};

#define ROWS_MAX ((uint64_t)1 << 26)

/* What one benchmark works with. */
struct trial {
    const struct lx_env *env;
    struct lx_error *err;
    size_t row_count;
    struct matrix rows;
    struct lx_buffer model;
    struct forest *forest;
    struct scorer *scorer;
    struct attribution *attribution;
    BoosterHandle booster;
    DMatrixHandle data; /* of the rows */
    void *scratch;
    float *results; /* ours */
};

static enum lx_err peer_fail(const struct trial *trial)
{
    return lx_fail(trial->err, LX_ERR_IO, "XGBoost: %s", XGBGetLastError());
}

static enum lx_err no_memory(const struct trial *trial)
{
    return lx_fail(trial->err, LX_ERR_NO_MEMORY, "bench: no memory for %zu rows", trial->row_count);
}

static double seconds_now(const struct trial *trial)
{
    return (double)trial->env->elapsed_ns(trial->env->context) * 1e-9;
}

static void keep_best(double *best, double seconds)
{
    if (seconds < *best) *best = seconds;
}

/* ---- Data and model ---- */

/* Four kinds in turn, as a bank's features are: symmetric, amounts with a heavy tail, small counts,
 * yes or no; one value in twenty is missing. */
static float random_value(struct lx_rng *rng, size_t column)
{
    uint64_t bits = lx_rng_next(rng);
    double u = (double)(bits & 0xFFFFFF) / 0x1000000, v = (double)(bits >> 40) / 0x1000000;
    if ((bits >> 24 & 0xFF) < 13) return NAN;
    switch (column % 4) {
    case 0: return (float)(u + v - 1);
    case 1: return (float)exp(8 * (u + v - 1));
    case 2: return (float)floor(10 * u);
    default: return u < 0.1 ? 1.0f : 0.0f;
    }
}

static float label_of(const float *row, struct lx_rng *rng)
{
    double sum = lx_rng_uniform(rng) - 0.5;
    for (size_t c = 0; c < FEATURES; c++) {
        double value = isnan(row[c]) ? 0.3 : c % 4 == 1 ? log((double)row[c]) / 8 : (double)row[c];
        sum += sin((double)c) * value * (c % 4 == 2 ? 0.1 : 1);
    }
    return sum > 0.5 ? 1 : 0;
}

static enum lx_err make_rows(const struct trial *trial, uint64_t seed, size_t row_count,
                             struct matrix *ret_rows)
{
    struct lx_rng rng = lx_rng_of(seed, 0);
    enum lx_err rc = matrix_init(ret_rows, FEATURES);
    if (rc == LX_OK) rc = matrix_reserve(ret_rows, row_count);
    for (size_t i = 0; i < row_count && rc == LX_OK; i++) {
        float *row = NULL;
        rc = matrix_add_row(ret_rows, &row);
        for (size_t c = 0; c < FEATURES && rc == LX_OK; c++) row[c] = random_value(&rng, c);
    }
    return rc == LX_OK ? LX_OK : no_memory(trial);
}

static enum lx_err train(struct trial *trial, int depth)
{
    struct matrix rows = {0};
    struct lx_rng rng = lx_rng_of(2, 0);
    struct xgb_params params = xgb_params_default(XGB_BINARY);
    params.round_count = TREES;
    params.max_depth = depth;
    params.base_score = 0.5;
    params.thread_count = trial->env->thread_count;
    size_t row_count = trial->row_count / 10;
    if (row_count < TRAINING_ROWS_MIN) row_count = TRAINING_ROWS_MIN;
    if (row_count > TRAINING_ROWS_MAX) row_count = TRAINING_ROWS_MAX;
    float *labels = lx_malloc(row_count * sizeof *labels);
    enum lx_err rc = labels == NULL ? no_memory(trial) : LX_OK;
    if (rc == LX_OK) rc = make_rows(trial, 1, row_count, &rows);
    for (size_t i = 0; i < row_count && rc == LX_OK; i++)
        labels[i] = label_of(matrix_row(&rows, i), &rng);
    if (rc == LX_OK)
        rc = xgb_train(&params, &rows, labels, NULL, trial->env, &trial->model, trial->err);
    lx_free(labels);
    matrix_release(&rows);
    return rc;
}

static enum lx_err set_threads(const struct trial *trial, int thread_count)
{
    char text[16];
    snprintf(text, sizeof text, "%d", thread_count);
    return XGBoosterSetParam(trial->booster, "nthread", text) == 0 ? LX_OK : peer_fail(trial);
}

static enum lx_err open_peer(struct trial *trial)
{
    if (XGBoosterCreate(NULL, 0, &trial->booster) != 0 ||
        XGBoosterLoadModelFromBuffer(trial->booster, trial->model.bytes, trial->model.length) != 0)
        return peer_fail(trial);
    return set_threads(trial, trial->env->thread_count);
}

static enum lx_err trial_init(struct trial *trial, uint64_t row_count, int depth,
                              const struct lx_env *env, struct lx_error *err)
{
    *trial = (struct trial){.env = env, .err = err};
    lx_buffer_init(&trial->model, MODEL_BYTES_MAX);
    if (row_count == 0 || row_count > ROWS_MAX)
        return lx_fail(err, LX_ERR_LIMIT, "bench: %llu rows; 1 to %llu are possible",
                       (unsigned long long)row_count, (unsigned long long)ROWS_MAX);
    trial->row_count = (size_t)row_count;
    enum lx_err rc = train(trial, depth);
    if (rc == LX_OK)
        rc = forest_load_json(trial->model.bytes, trial->model.length, &trial->forest, err);
    if (rc == LX_OK) rc = make_rows(trial, 3, trial->row_count, &trial->rows);
    if (rc == LX_OK) rc = open_peer(trial);
    return rc;
}

static void trial_release(struct trial *trial)
{
    XGDMatrixFree(trial->data);
    XGBoosterFree(trial->booster);
    scorer_close(trial->scorer);
    attribution_close(trial->attribution);
    forest_close(trial->forest);
    matrix_release(&trial->rows);
    lx_buffer_release(&trial->model);
    lx_free(trial->scratch);
    lx_free(trial->results);
}

/* ---- The peer's calls ---- */

static const char margin_config[] =
    "{\"type\":1,\"training\":false,\"iteration_begin\":0,\"iteration_end\":0,"
    "\"strict_shape\":false,\"missing\":NaN,\"cache_id\":0}";

static const char contribution_config[] =
    "{\"type\":2,\"training\":false,\"iteration_begin\":0,\"iteration_end\":0,"
    "\"strict_shape\":false}";

static enum lx_err peer_in_place(const struct trial *trial, const char *array,
                                 const float **ret_values)
{
    const bst_ulong *shape;
    bst_ulong dimension;
    return XGBoosterPredictFromDense(trial->booster, array, margin_config, NULL, &shape, &dimension,
                                     ret_values) == 0
               ? LX_OK
               : peer_fail(trial);
}

static enum lx_err peer_matrix(const struct trial *trial, const float *rows, size_t row_count,
                               int thread_count, DMatrixHandle *ret_data)
{
    return XGDMatrixCreateFromMat_omp(rows, row_count, FEATURES, NAN, ret_data, thread_count) == 0
               ? LX_OK
               : peer_fail(trial);
}

static enum lx_err peer_from_matrix(const struct trial *trial, DMatrixHandle data,
                                    const char *config, const float **ret_values)
{
    const bst_ulong *shape;
    bst_ulong dimension;
    return XGBoosterPredictFromDMatrix(trial->booster, data, config, &shape, &dimension,
                                       ret_values) == 0
               ? LX_OK
               : peer_fail(trial);
}

static void describe(char text[128], const float *rows, size_t row_count)
{
    snprintf(text, 128,
             "{\"data\":[%zu,true],\"shape\":[%zu,%d],\"typestr\":\"<f4\",\"version\":3}",
             (size_t)(uintptr_t)rows, row_count, FEATURES);
}

static enum lx_err expect_equal(const struct trial *trial, const float *theirs, size_t count,
                                float tolerance)
{
    for (size_t i = 0; i < count; i++)
        if (!(fabsf(trial->results[i] - theirs[i]) <= tolerance))
            return lx_fail(trial->err, LX_ERR_CORRUPT, "bench: value %zu is %.9g, XGBoost's %.9g",
                           i, (double)trial->results[i], (double)theirs[i]);
    return LX_OK;
}

/* ---- Batch ---- */

struct batch_times {
    double ours, from_matrix, in_place; /* seconds, the best */
};

static enum lx_err time_ours(struct trial *trial, double *best)
{
    double start = seconds_now(trial);
    enum lx_err rc = scorer_score_threads(trial->scorer, trial->rows.values, trial->row_count,
                                          trial->env->thread_count, trial->results, trial->err);
    keep_best(best, seconds_now(trial) - start);
    return rc;
}

/* A fresh DMatrix each time: XGBoost remembers what it predicted for one. */
static enum lx_err time_from_matrix(struct trial *trial, double *best)
{
    const float *values = NULL;
    XGDMatrixFree(trial->data);
    trial->data = NULL;
    enum lx_err rc = peer_matrix(trial, trial->rows.values, trial->row_count,
                                 trial->env->thread_count, &trial->data);
    if (rc != LX_OK) return rc;
    double start = seconds_now(trial);
    rc = peer_from_matrix(trial, trial->data, margin_config, &values);
    keep_best(best, seconds_now(trial) - start);
    return rc == LX_OK ? expect_equal(trial, values, trial->row_count, 1e-6f) : rc;
}

static enum lx_err time_in_place(struct trial *trial, double *best)
{
    char array[128];
    const float *values = NULL;
    describe(array, trial->rows.values, trial->row_count);
    double start = seconds_now(trial);
    enum lx_err rc = peer_in_place(trial, array, &values);
    keep_best(best, seconds_now(trial) - start);
    return rc == LX_OK ? expect_equal(trial, values, trial->row_count, 1e-6f) : rc;
}

static enum lx_err time_batch(struct trial *trial, struct batch_times *ret_times)
{
    struct batch_times times = {INFINITY, INFINITY, INFINITY};
    enum lx_err rc = LX_OK;
    for (int i = 0; i < TRIALS && rc == LX_OK; i++) {
        rc = time_ours(trial, &times.ours);
        if (rc == LX_OK) rc = time_from_matrix(trial, &times.from_matrix);
        if (rc == LX_OK) rc = time_in_place(trial, &times.in_place);
    }
    *ret_times = times;
    return rc;
}

/* Binning and all of scoring on rows that stay in the cache, one thread, nanoseconds a row. */
static void add_parts(struct trial *trial, struct bench_result *result)
{
    size_t count = trial->row_count < CACHED_ROWS ? trial->row_count : CACHED_ROWS;
    double binning = INFINITY, all = INFINITY;
    for (int i = 0; i < 20 * TRIALS; i++) {
        double start = seconds_now(trial);
        scorer_bin(trial->scorer, trial->rows.values, count, trial->scratch);
        double middle = seconds_now(trial);
        scorer_score(trial->scorer, trial->rows.values, count, trial->scratch, trial->results);
        keep_best(&binning, middle - start);
        keep_best(&all, seconds_now(trial) - middle);
    }
    bench_add(result, "cached_binning", binning / (double)count * 1e9, "ns/row");
    bench_add(result, "cached_trees", (all - binning) / (double)count * 1e9, "ns/row");
}

/* ---- One row, or one customer's products ---- */

/* `call_rows` rows a call, another place of the rows each time; seconds a call. */
static double time_ours_small(struct trial *trial, size_t call_rows, size_t call_count)
{
    double best = INFINITY;
    for (int i = 0; i < TRIALS; i++) {
        double start = seconds_now(trial);
        for (size_t call = 0; call < call_count; call++) {
            size_t first = call * call_rows % (trial->row_count - call_rows + 1);
            scorer_score(trial->scorer, matrix_row(&trial->rows, first), call_rows, trial->scratch,
                         trial->results + first);
        }
        keep_best(&best, (seconds_now(trial) - start) / (double)call_count);
    }
    return best;
}

/* Rows are copied to one place that XGBoost knows, so that describing the array is not counted. */
static enum lx_err time_peer_in_place(struct trial *trial, size_t call_rows, size_t call_count,
                                      double *ret_seconds)
{
    float place[CARD_ROWS * FEATURES];
    char array[128];
    const float *values = NULL;
    double best = INFINITY;
    describe(array, place, call_rows);
    for (int i = 0; i < TRIALS; i++) {
        double start = seconds_now(trial);
        for (size_t call = 0; call < call_count; call++) {
            size_t first = call * call_rows % (trial->row_count - call_rows + 1);
            memcpy(place, matrix_row(&trial->rows, first), call_rows * FEATURES * sizeof *place);
            enum lx_err rc = peer_in_place(trial, array, &values);
            if (rc != LX_OK) return rc;
        }
        keep_best(&best, (seconds_now(trial) - start) / (double)call_count);
    }
    *ret_seconds = best;
    return LX_OK;
}

static enum lx_err time_peer_matrix(struct trial *trial, size_t call_rows, size_t call_count,
                                    double *ret_seconds)
{
    const float *values = NULL;
    double best = INFINITY;
    for (int i = 0; i < TRIALS; i++) {
        double start = seconds_now(trial);
        for (size_t call = 0; call < call_count; call++) {
            size_t first = call * call_rows % (trial->row_count - call_rows + 1);
            DMatrixHandle data = NULL;
            enum lx_err rc =
                peer_matrix(trial, matrix_row(&trial->rows, first), call_rows, 1, &data);
            if (rc == LX_OK) rc = peer_from_matrix(trial, data, margin_config, &values);
            XGDMatrixFree(data);
            if (rc != LX_OK) return rc;
        }
        keep_best(&best, (seconds_now(trial) - start) / (double)call_count);
    }
    *ret_seconds = best;
    return LX_OK;
}

struct small_names {
    const char *ours, *in_place, *matrix, *ratio;
};

static enum lx_err add_small(struct trial *trial, size_t call_rows, size_t call_count,
                             const struct small_names *names, struct bench_result *result)
{
    double in_place = 0, matrix = 0;
    double ours = time_ours_small(trial, call_rows, 20 * call_count);
    enum lx_err rc = time_peer_in_place(trial, call_rows, call_count, &in_place);
    if (rc == LX_OK) rc = time_peer_matrix(trial, call_rows, call_count, &matrix);
    if (rc != LX_OK) return rc;

    bench_add(result, names->ours, ours * 1e6, "us");
    bench_add(result, names->in_place, in_place * 1e6, "us");
    bench_add(result, names->matrix, matrix * 1e6, "us");
    bench_add(result, names->ratio, fmin(in_place, matrix) / ours, "");
    return LX_OK;
}

static enum lx_err add_all_small(struct trial *trial, struct bench_result *result)
{
    static const struct small_names one = {"one_row_ours", "one_row_xgboost_in_place",
                                           "one_row_xgboost_dmatrix", "one_row_ratio"};
    static const struct small_names card = {"rows_19_ours", "rows_19_xgboost_in_place",
                                            "rows_19_xgboost_dmatrix", "rows_19_ratio"};
    size_t calls = trial->row_count < 20000 ? trial->row_count / 20 + 1 : 1000;
    /* One thread is XGBoost's fastest for so few rows. */
    enum lx_err rc = set_threads(trial, 1);
    if (rc == LX_OK) rc = add_small(trial, 1, calls, &one, result);
    if (rc == LX_OK && trial->row_count >= CARD_ROWS)
        rc = add_small(trial, CARD_ROWS, calls / 5 + 1, &card, result);
    return rc;
}

/* ---- The benchmarks ---- */

enum lx_err bench_score(uint64_t row_count, const struct lx_env *env,
                        struct bench_result *ret_result, struct lx_error *err)
{
    struct trial trial;
    struct batch_times times;
    struct bench_result result = {.name = "score", .unit = "rows/s"};
    enum lx_err rc = trial_init(&trial, row_count, 6, env, err);
    if (rc == LX_OK) rc = scorer_open(trial.forest, SCORER_BEST, &trial.scorer, err);
    if (rc != LX_OK) goto out;
    trial.scratch = lx_malloc(scorer_scratch_bytes(trial.scorer));
    trial.results = lx_malloc(trial.row_count * sizeof *trial.results);
    rc = trial.scratch == NULL || trial.results == NULL ? no_memory(&trial) : LX_OK;
    if (rc == LX_OK) rc = time_batch(&trial, &times);
    if (rc != LX_OK) goto out;

    bool is_matrix_faster = times.from_matrix < times.in_place;
    result.ours = (double)row_count / times.ours;
    result.peer = (double)row_count / fmin(times.from_matrix, times.in_place);
    result.peer_name = is_matrix_faster ? "XGBoost, from a DMatrix" : "XGBoost, in place";
    result.ours_name = scorer_kernel_name(scorer_kernel_used(trial.scorer));
    result.ratio = result.ours / result.peer;
    bench_add(&result, "threads", env->thread_count, "");
    bench_add(&result, "rows", (double)row_count, "");
    bench_add(&result, "xgboost_from_dmatrix", (double)row_count / times.from_matrix, "rows/s");
    bench_add(&result, "xgboost_in_place", (double)row_count / times.in_place, "rows/s");
    add_parts(&trial, &result);
    rc = add_all_small(&trial, &result);
    if (rc == LX_OK) *ret_result = result;
out:
    trial_release(&trial);
    return rc;
}

static double time_explaining(struct trial *trial)
{
    double best = INFINITY;
    for (int i = 0; i < TRIALS; i++) {
        double start = seconds_now(trial);
        for (size_t r = 0; r < trial->row_count; r++)
            attribution_explain(trial->attribution, matrix_row(&trial->rows, r), trial->scratch,
                                trial->results + r * (FEATURES + 1));
        keep_best(&best, (seconds_now(trial) - start) / (double)trial->row_count);
    }
    return best;
}

enum lx_err bench_attribution(uint64_t row_count, const struct lx_env *env,
                              struct bench_result *ret_result, struct lx_error *err)
{
    struct trial trial;
    struct bench_result result = {.name = "attribution",
                                  .unit = "us/row",
                                  .ours_name = "tables",
                                  .peer_name = "XGBoost, pred_contribs"};
    const float *values = NULL;
    enum lx_err rc = trial_init(&trial, row_count, 5, env, err);
    if (rc == LX_OK)
        rc = attribution_open(trial.forest, ATTRIBUTION_TABLE_BYTES, &trial.attribution, err);
    if (rc == LX_OK) rc = set_threads(&trial, 1);
    if (rc != LX_OK) goto out;
    trial.scratch = lx_malloc(attribution_scratch_bytes(trial.attribution));
    trial.results = lx_malloc(trial.row_count * (FEATURES + 1) * sizeof *trial.results);
    rc = trial.scratch == NULL || trial.results == NULL ? no_memory(&trial) : LX_OK;
    if (rc != LX_OK) goto out;

    result.ours = time_explaining(&trial) * 1e6;
    size_t peer_rows = trial.row_count / 10 < 100 ? trial.row_count : trial.row_count / 10;
    rc = peer_matrix(&trial, trial.rows.values, peer_rows, env->thread_count, &trial.data);
    double start = seconds_now(&trial);
    if (rc == LX_OK) rc = peer_from_matrix(&trial, trial.data, contribution_config, &values);
    result.peer = (seconds_now(&trial) - start) / (double)peer_rows * 1e6;
    if (rc == LX_OK) rc = expect_equal(&trial, values, peer_rows * (FEATURES + 1), 1e-4f);
    if (rc != LX_OK) goto out;
    result.ratio = result.peer / result.ours;
    bench_add(&result, "rows", (double)row_count, "");
    bench_add(&result, "xgboost_rows", (double)peer_rows, "");
    *ret_result = result;
out:
    trial_release(&trial);
    return rc;
}
