#include "bench/balance.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/rng.h"
#include "host/env.h"
#include "host/file.h"
#include "learn/neighbours.h"
#include "learn/sampling.h"

enum {
    COLUMNS = 60,
    TRAITS = 12,
    POSITIVE_EVERY = 50,
    NEIGHBOURS = 5,
    CHECKED_MAX = 64, /* positives whose neighbours the plain loop finds */
    ROWS_MIN = 500,
    NAME_SIZE = 64,
};

#define ROWS_MAX ((uint64_t)1 << 24)
#define RATIO 0.1

struct run {
    const struct lx_env *env;
    struct lx_error *err;
    enum sampling method;
    struct matrix rows;
    float *labels;
    uint32_t *positives;
    size_t positive_count;
    struct sampled sampled;
    double seconds, plain_seconds, peer_seconds; /* peer_seconds NaN: imbalanced-learn is missing */
    char folder[LX_PATH_MAX];
};

static double now_seconds(const struct run *run)
{
    return (double)run->env->elapsed_ns(run->env->context) / 1e9;
}

/* Loadings fall off from trait to trait; positives are a little further along the first ones. */
static void fill_row(struct lx_rng *rng, double loadings[COLUMNS][TRAITS], bool is_positive,
                     float *row)
{
    double traits[TRAITS];
    for (size_t t = 0; t < TRAITS; t++)
        traits[t] = lx_rng_normal(rng) + (is_positive && t < 3 ? 0.7 : 0);
    for (size_t c = 0; c < COLUMNS; c++) {
        double value = 0.3 * lx_rng_normal(rng);
        for (size_t t = 0; t < TRAITS; t++) value += loadings[c][t] * traits[t];
        row[c] = (float)value;
    }
}

static enum lx_err make_rows(struct run *run, size_t count)
{
    double loadings[COLUMNS][TRAITS];
    struct lx_rng rng = lx_rng_of(1, 0);
    for (size_t c = 0; c < COLUMNS; c++)
        for (size_t t = 0; t < TRAITS; t++)
            loadings[c][t] = lx_rng_normal(&rng) / sqrt((double)(t + 1)) / 2;
    run->labels = lx_calloc(count, sizeof *run->labels);
    run->positives = lx_calloc(count / POSITIVE_EVERY + 1, sizeof *run->positives);
    enum lx_err code = matrix_init(&run->rows, COLUMNS);
    if (code == LX_OK) code = matrix_reserve(&run->rows, count);
    if (run->labels == NULL || run->positives == NULL) code = LX_ERR_NO_MEMORY;
    for (size_t i = 0; i < count && code == LX_OK; i++) {
        float *row = NULL;
        code = matrix_add_row(&run->rows, &row);
        if (code != LX_OK) break;
        bool is_positive = i % POSITIVE_EVERY == 7;
        fill_row(&rng, loadings, is_positive, row);
        run->labels[i] = is_positive;
        if (is_positive) run->positives[run->positive_count++] = (uint32_t)i;
    }
    return code == LX_OK ? LX_OK
                         : lx_fail(run->err, code, "bench %s: no memory for %zu rows",
                                   sampling_name(run->method), count);
}

static enum lx_err run_ours(struct run *run)
{
    const struct sampling_plan plan = {
        .method = run->method, .seed = 1, .thread_count = run->env->thread_count, .ratio = RATIO};
    double began = now_seconds(run);
    enum lx_err code =
        sampling_apply(&plan, &run->rows, run->labels, NULL, &run->sampled, run->err);
    run->seconds = now_seconds(run) - began;
    return code;
}

/* The nearest of one row by the plainest of loops. */
static void find_plainly(const struct run *run, size_t row, bool is_of_positives,
                         uint32_t ret_nearest[NEIGHBOURS])
{
    double distances[NEIGHBOURS];
    size_t found = 0, count = is_of_positives ? run->positive_count : run->rows.row_count;
    const float *from = matrix_row(&run->rows, row);
    for (size_t i = 0; i < count; i++) {
        size_t other = is_of_positives ? run->positives[i] : i;
        const float *to = matrix_row(&run->rows, other);
        double distance = 0;
        for (size_t c = 0; c < COLUMNS; c++) {
            double difference = (double)from[c] - (double)to[c];
            distance += difference * difference;
        }
        if (other == row || (found == NEIGHBOURS && distance >= distances[found - 1])) continue;
        size_t at = found < NEIGHBOURS ? found++ : NEIGHBOURS - 1;
        for (; at > 0 && distances[at - 1] > distance; at--) {
            distances[at] = distances[at - 1];
            ret_nearest[at] = ret_nearest[at - 1];
        }
        distances[at] = distance;
        ret_nearest[at] = (uint32_t)i;
    }
}

/* Among the positives for SMOTE, among all rows for ADASYN: what each of them mostly does. */
static enum lx_err run_plain(struct run *run)
{
    bool is_of_positives = run->method == SAMPLING_SMOTE;
    size_t count = run->positive_count < CHECKED_MAX ? run->positive_count : CHECKED_MAX;
    uint32_t want[CHECKED_MAX][NEIGHBOURS], got[CHECKED_MAX][NEIGHBOURS], chosen[CHECKED_MAX];
    double began = now_seconds(run);
    for (size_t i = 0; i < count; i++)
        find_plainly(run, run->positives[i * run->positive_count / count], is_of_positives,
                     want[i]);
    run->plain_seconds = (now_seconds(run) - began) * (double)run->positive_count / (double)count;

    struct matrix points = {0};
    const struct matrix *among = &run->rows;
    enum lx_err code = LX_OK;
    if (is_of_positives) {
        code = matrix_copy_rows(&run->rows, run->positives, run->positive_count, &points);
        among = &points;
    }
    for (size_t i = 0; i < count; i++) {
        size_t place = i * run->positive_count / count;
        chosen[i] = is_of_positives ? (uint32_t)place : run->positives[place];
    }
    if (code == LX_OK)
        code = neighbours_among(among->values, among->row_count, chosen, count, COLUMNS, NEIGHBOURS,
                                run->env->thread_count, got[0], run->err);
    matrix_release(&points);
    if (code != LX_OK) return code;
    return memcmp(want, got, count * sizeof *want) == 0
               ? LX_OK
               : lx_fail(run->err, LX_ERR_CORRUPT, "bench %s: a plain loop finds other neighbours",
                         sampling_name(run->method));
}

static enum lx_err write_file(const struct run *run, const char *name, const void *bytes,
                              size_t size)
{
    char path[LX_PATH_MAX];
    struct host_file *file = NULL;
    enum lx_err code = host_join(path, run->folder, name, run->err);
    if (code == LX_OK) code = host_open(path, HOST_CREATE, &file, run->err);
    if (code == LX_OK) code = host_write(file, bytes, size, run->err);
    host_close(file);
    return code;
}

static enum lx_err write_rows(struct run *run)
{
    uint64_t number = 0;
    char name[NAME_SIZE];
    const char *top = host_variable("TMPDIR");
    size_t count = run->rows.row_count;
    run->env->entropy(run->env->context, &number, sizeof number);
    snprintf(name, sizeof name, "lingxi-bench-%016" PRIx64, number);
    enum lx_err code = host_join(run->folder, top == NULL ? "/tmp" : top, name, run->err);
    if (code == LX_OK) code = host_make_folder(run->folder, run->err);
    if (code == LX_OK)
        code = write_file(run, "rows", run->rows.values, count * COLUMNS * sizeof(float));
    if (code == LX_OK) code = write_file(run, "labels", run->labels, count * sizeof(float));
    return code;
}

static const char script[] =
    "import sys, time\n"
    "import numpy as np\n"
    "from imblearn.over_sampling import ADASYN, SMOTE\n"
    "folder, name, columns, ratio = sys.argv[1:]\n"
    "rows = np.fromfile(folder + '/rows', np.float32).reshape(-1, int(columns))\n"
    "labels = np.fromfile(folder + '/labels', np.float32).astype(np.int32)\n"
    "method = {'smote': SMOTE, 'adasyn': ADASYN}[name]\n"
    "method = method(sampling_strategy=float(ratio), random_state=1)\n"
    "began = time.perf_counter()\n"
    "made = method.fit_resample(rows, labels)[0][len(rows):]\n"
    "print(time.perf_counter() - began, len(made), *made.mean(axis=0, dtype=np.float64))\n";

/* What the peer made must be as many, and on the mean the same within six standard errors. ADASYN
 * rounds each positive's share there, here only their sum. */
static enum lx_err compare(const struct run *run, size_t count, const double means[COLUMNS])
{
    size_t first = run->rows.row_count, made = run->sampled.matrix.row_count - first;
    size_t slack = run->method == SAMPLING_ADASYN ? run->positive_count : 0;
    if (made > count + slack || count > made + slack)
        return lx_fail(run->err, LX_ERR_CORRUPT, "bench %s: %zu rows made, %zu by the peer",
                       sampling_name(run->method), made, count);
    for (size_t c = 0; c < COLUMNS; c++) {
        double sum = 0, square = 0, n = (double)made;
        for (size_t i = 0; i < made; i++) {
            double value = (double)matrix_row(&run->sampled.matrix, first + i)[c];
            sum += value;
            square += value * value;
        }
        double mean = sum / n, error = sqrt(2 * (square / n - mean * mean) / n);
        /* Rows made from one positive hang together; five or so come from each. */
        if (!(fabs(mean - means[c]) < 6 * 3 * error))
            return lx_fail(run->err, LX_ERR_CORRUPT,
                           "bench %s: column %zu has mean %g, the peer's %g, error %g",
                           sampling_name(run->method), c, mean, means[c], error);
    }
    return LX_OK;
}

/* Debian's packages belong to Debian's Python. False where that or a package is missing. */
static bool ask_peer(const struct run *run, const char *python, double *ret_seconds,
                     size_t *ret_count, double ret_means[COLUMNS])
{
    char command[LX_PATH_MAX + sizeof script + 512];
    snprintf(command, sizeof command,
             "OMP_NUM_THREADS=%d OPENBLAS_NUM_THREADS=%d %s -W ignore -c \"%s\" '%s' %s %d %g "
             "2>/dev/null",
             run->env->thread_count, run->env->thread_count, python, script, run->folder,
             sampling_name(run->method), COLUMNS, RATIO);
    FILE *pipe = popen(command, "r");
    if (pipe == NULL) return false;
    bool is_read = fscanf(pipe, "%lf %zu", ret_seconds, ret_count) == 2;
    for (size_t c = 0; c < COLUMNS && is_read; c++)
        is_read = fscanf(pipe, "%lf", &ret_means[c]) == 1;
    return pclose(pipe) == 0 && is_read;
}

static enum lx_err run_peer(struct run *run)
{
    static const char *const pythons[] = {"/usr/bin/python3", "python3"};
    double seconds = 0, means[COLUMNS];
    size_t count = 0;
    run->peer_seconds = NAN;
    enum lx_err code = write_rows(run);
    bool is_done = false;
    for (size_t i = 0; i < LX_COUNT_OF(pythons) && code == LX_OK && !is_done; i++)
        is_done = ask_peer(run, pythons[i], &seconds, &count, means);
    if (is_done) {
        run->peer_seconds = seconds;
        code = compare(run, count, means);
    }
    struct lx_error removing = {0};
    if (run->folder[0] != 0 && host_remove_tree(run->folder, &removing) != LX_OK && code == LX_OK)
        code = lx_fail(run->err, removing.code, "%s", removing.text);
    return code;
}

static void report(const struct run *run, struct bench_result *ret_result)
{
    bool has_peer = !isnan(run->peer_seconds);
    struct bench_result result = {.name = sampling_name(run->method), .unit = "s"};
    result.ours = run->seconds;
    result.peer = has_peer ? run->peer_seconds : run->plain_seconds;
    result.ratio = result.peer / result.ours;
    result.ours_name = "blocked, exact";
    result.peer_name = has_peer ? "imbalanced-learn" : "plain loops, neighbours alone";
    bench_add(&result, "threads", run->env->thread_count, "");
    bench_add(&result, "rows", (double)run->rows.row_count, "");
    bench_add(&result, "positives", (double)run->positive_count, "");
    bench_add(&result, "made", (double)(run->sampled.matrix.row_count - run->rows.row_count), "");
    bench_add(&result, "plain_loops_seconds", run->plain_seconds, "s");
    *ret_result = result;
}

static enum lx_err measure(enum sampling method, uint64_t row_count, const struct lx_env *env,
                           struct bench_result *ret_result, struct lx_error *err)
{
    if (row_count < ROWS_MIN || row_count > ROWS_MAX)
        return lx_fail(err, LX_ERR_LIMIT, "bench %s: %" PRIu64 " rows; %d to %" PRIu64,
                       sampling_name(method), row_count, ROWS_MIN, ROWS_MAX);
    struct run run = {.env = env, .err = err, .method = method};
    enum lx_err code = make_rows(&run, (size_t)row_count);
    if (code == LX_OK) code = run_ours(&run);
    if (code == LX_OK) code = run_plain(&run);
    if (code == LX_OK) code = run_peer(&run);
    if (code == LX_OK) report(&run, ret_result);
    matrix_release(&run.rows);
    sampled_release(&run.sampled);
    lx_free(run.labels);
    lx_free(run.positives);
    return code;
}

enum lx_err bench_smote(uint64_t row_count, const struct lx_env *env,
                        struct bench_result *ret_result, struct lx_error *err)
{
    return measure(SAMPLING_SMOTE, row_count, env, ret_result, err);
}

enum lx_err bench_adasyn(uint64_t row_count, const struct lx_env *env,
                         struct bench_result *ret_result, struct lx_error *err)
{
    return measure(SAMPLING_ADASYN, row_count, env, ret_result, err);
}
