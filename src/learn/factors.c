#include "learn/factors.h"

#include <math.h>
#include <string.h>

#include "base/rng.h"
#include "codec/bytes.h"
#include "codec/digest.h"
#include "learn/factors_parts.h"

static const char file_mark[8] = "LXFACT01";

struct factors_options factors_defaults(enum factors_method method)
{
    if (method == FACTORS_ALS)
        return (struct factors_options){
            .method = method, .rank = 8, .epochs = 15, .alpha = 10, .lambda = 1};
    return (struct factors_options){
        .method = method, .rank = 8, .epochs = 30, .lambda = 0.01, .learning_rate = 0.05};
}

static enum lx_err init(const struct factors_options *options, size_t column_count,
                        struct factors *ret_factors)
{
    size_t rank = (size_t)options->rank;
    *ret_factors = (struct factors){.options = *options, .column_count = column_count};
    ret_factors->options.start = NULL;
    ret_factors->columns = lx_calloc(column_count * rank, sizeof(double));
    ret_factors->biases = lx_calloc(column_count, sizeof(double));
    ret_factors->mean = lx_calloc(rank, sizeof(double));
    ret_factors->covariance = lx_calloc(rank * rank, sizeof(double));
    if (ret_factors->columns != NULL && ret_factors->biases != NULL && ret_factors->mean != NULL &&
        ret_factors->covariance != NULL)
        return LX_OK;
    factors_release(ret_factors);
    return LX_ERR_NO_MEMORY;
}

void factors_release(struct factors *factors)
{
    lx_free(factors->columns);
    lx_free(factors->biases);
    lx_free(factors->mean);
    lx_free(factors->covariance);
    *factors = (struct factors){.column_count = 0};
}

static void begin(struct factors *factors, const double *start)
{
    size_t count = factors->column_count * (size_t)factors->options.rank;
    struct lx_rng rng = lx_rng_of(factors->options.seed, 0);
    if (start != NULL)
        memcpy(factors->columns, start, count * sizeof *start);
    else
        for (size_t i = 0; i < count; i++) factors->columns[i] = 0.1 * lx_rng_normal(&rng);
}

enum lx_err factors_fit(const struct incidence *incidence, const struct factors_options *options,
                        int thread_count, struct factors *ret_factors, struct lx_error *err)
{
    bool is_als = options->method == FACTORS_ALS;
    LX_ASSERT(is_als || options->method == FACTORS_BPR);
    LX_ASSERT(options->rank > 0 && options->rank <= FACTORS_RANK_MAX && thread_count >= 1);
    LX_ASSERT(options->epochs >= 0 && options->epochs <= FACTORS_EPOCHS_MAX);
    LX_ASSERT(options->lambda > 0 && (is_als ? options->alpha : options->learning_rate) > 0);

    struct factors factors = {.column_count = 0};
    enum lx_err code = init(options, incidence->column_count, &factors);
    if (code != LX_OK) return lx_fail(err, code, "factors: out of memory");
    begin(&factors, options->start);
    code = is_als ? factors_fit_als(incidence, thread_count, &factors, err)
                  : factors_fit_bpr(incidence, thread_count, &factors, err);
    if (code == LX_OK)
        *ret_factors = factors;
    else
        factors_release(&factors);
    return code;
}

void factors_describe(const struct factors_rows *rows, struct factors *factors)
{
    size_t rank = (size_t)factors->options.rank;
    double total = 0;
    memset(factors->mean, 0, rank * sizeof *factors->mean);
    memset(factors->covariance, 0, rank * rank * sizeof *factors->covariance);
    for (size_t row = 0; row < rows->count; row++) {
        double weight = rows->weights == NULL ? 1 : rows->weights[row];
        total += weight;
        for (size_t i = 0; i < rank; i++)
            factors->mean[i] += weight * rows->vectors[row * rank + i];
    }
    if (total <= 0) return;
    for (size_t i = 0; i < rank; i++) factors->mean[i] /= total;
    for (size_t row = 0; row < rows->count; row++) {
        double apart[FACTORS_RANK_MAX];
        double weight = rows->weights == NULL ? 1 : rows->weights[row];
        for (size_t i = 0; i < rank; i++)
            apart[i] = rows->vectors[row * rank + i] - factors->mean[i];
        factors_add_square(factors->covariance, apart, weight / total, rank);
    }
    for (size_t i = 0; i < rank; i++)
        for (size_t j = i + 1; j < rank; j++)
            factors->covariance[i * rank + j] = factors->covariance[j * rank + i];
}

void factors_solve(double *matrix, double *vector, size_t rank)
{
    for (size_t i = 0; i < rank; i++) {
        for (size_t j = 0; j <= i; j++) {
            double sum =
                matrix[i * rank + j] - factors_dot(matrix + i * rank, matrix + j * rank, j);
            LX_ASSERT(i != j || sum > 0);
            matrix[i * rank + j] = i == j ? sqrt(sum) : sum / matrix[j * rank + j];
        }
        vector[i] = (vector[i] - factors_dot(matrix + i * rank, vector, i)) / matrix[i * rank + i];
    }
    for (size_t i = rank; i-- > 0;) {
        for (size_t j = i + 1; j < rank; j++) vector[i] -= matrix[j * rank + i] * vector[j];
        vector[i] /= matrix[i * rank + i];
    }
}

void factors_scores(const struct factors *factors, const double *vector, double *ret_scores)
{
    size_t rank = (size_t)factors->options.rank;
    for (size_t i = 0; i < factors->column_count; i++)
        ret_scores[i] = factors->biases[i] + factors_dot(vector, factors->columns + i * rank, rank);
}

static void put_reals(struct lx_buffer *buffer, const double *values, size_t count)
{
    for (size_t i = 0; i < count; i++) bytes_put_real(buffer, values[i]);
}

void factors_write(const struct factors *factors, struct lx_buffer *buffer)
{
    const struct factors_options *options = &factors->options;
    size_t rank = (size_t)options->rank, from = buffer->length;
    lx_buffer_append(buffer, file_mark, sizeof file_mark);
    bytes_put_u8(buffer, (uint8_t)options->method);
    bytes_put_u32(buffer, (uint32_t)options->rank);
    bytes_put_u32(buffer, (uint32_t)options->epochs);
    bytes_put_real(buffer, options->alpha);
    bytes_put_real(buffer, options->lambda);
    bytes_put_real(buffer, options->learning_rate);
    bytes_put_u64(buffer, options->seed);
    bytes_put_u32(buffer, (uint32_t)factors->column_count);
    put_reals(buffer, factors->columns, factors->column_count * rank);
    put_reals(buffer, factors->biases, factors->column_count);
    put_reals(buffer, factors->mean, rank);
    put_reals(buffer, factors->covariance, rank * rank);
    bytes_put_real(buffer, factors->noise);
    if (lx_buffer_error(buffer) == LX_OK)
        bytes_put_u32(buffer, digest_crc32c(0, buffer->bytes + from, buffer->length - from));
}

static enum lx_err damaged(struct lx_error *err, const char *what)
{
    return lx_fail(err, LX_ERR_CORRUPT, "factors: %s: fit them again", what);
}

static void get_reals(struct bytes_reader *reader, double *values, size_t count, bool *is_finite)
{
    for (size_t i = 0; i < count; i++) {
        values[i] = bytes_get_real(reader);
        *is_finite &= isfinite(values[i]) != 0;
    }
}

/* What the checksum covers and the rest of the program takes for granted all the same. */
static bool options_are_good(const struct factors_options *options, size_t column_count)
{
    bool is_als = options->method == FACTORS_ALS;
    double pace = is_als ? options->alpha : options->learning_rate;
    return (is_als || options->method == FACTORS_BPR) && options->rank > 0 &&
           options->rank <= FACTORS_RANK_MAX && options->epochs >= 0 &&
           options->epochs <= FACTORS_EPOCHS_MAX && isfinite(options->lambda) &&
           options->lambda > 0 && isfinite(pace) && pace > 0 && column_count > 0 &&
           column_count <= INCIDENCE_COLUMNS_MAX;
}

enum lx_err factors_read(const void *bytes, size_t length, struct factors *ret_factors,
                         struct lx_error *err)
{
    enum { CHECKSUM_BYTES = 4 };
    const uint8_t *at = bytes;
    if (length < sizeof file_mark + CHECKSUM_BYTES || memcmp(at, file_mark, sizeof file_mark) != 0)
        return damaged(err, "not a file of factors, or of another version");
    size_t covered = length - CHECKSUM_BYTES;
    struct bytes_reader end = bytes_reader_of(at + covered, CHECKSUM_BYTES);
    if (bytes_get_u32(&end) != digest_crc32c(0, at, covered))
        return damaged(err, "the checksum does not hold");

    struct bytes_reader reader = bytes_reader_of(at + sizeof file_mark, covered - sizeof file_mark);
    struct factors_options options = {.method = (enum factors_method)bytes_get_u8(&reader)};
    options.rank = (int)bytes_get_u32(&reader);
    options.epochs = (int)bytes_get_u32(&reader);
    options.alpha = bytes_get_real(&reader);
    options.lambda = bytes_get_real(&reader);
    options.learning_rate = bytes_get_real(&reader);
    options.seed = bytes_get_u64(&reader);
    size_t column_count = bytes_get_u32(&reader);
    if (reader.is_failed || !options_are_good(&options, column_count))
        return damaged(err, "the options are not such");
    struct factors factors;
    enum lx_err code = init(&options, column_count, &factors);
    if (code != LX_OK) return lx_fail(err, code, "factors: out of memory");
    size_t rank = (size_t)options.rank;
    bool is_finite = true;
    get_reals(&reader, factors.columns, column_count * rank, &is_finite);
    get_reals(&reader, factors.biases, column_count, &is_finite);
    get_reals(&reader, factors.mean, rank, &is_finite);
    get_reals(&reader, factors.covariance, rank * rank, &is_finite);
    get_reals(&reader, &factors.noise, 1, &is_finite);
    if (!is_finite || !bytes_is_at_end(&reader)) {
        factors_release(&factors);
        return damaged(err, "the numbers are not as many as they should be, or not finite");
    }
    *ret_factors = factors;
    return LX_OK;
}
