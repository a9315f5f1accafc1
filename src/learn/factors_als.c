#include "learn/factors_parts.h"

#include <cblas.h>
#include <math.h>
#include <string.h>

#include "base/limits.h"
#include "host/thread.h"

/*
 * A million customers hold a few thousand different sets of products, so rows that have the same
 * columns become one pattern with a weight, which changes nothing but the time. Each solve is
 * alone, and sums go over patterns in the order of their first row, in fixed blocks: the threads
 * cannot matter.
 */

enum { GATHER = 256, PATTERNS_A_PIECE = 1024 };

struct als {
    struct factors *factors;
    struct incidence patterns;
    size_t weight_capacity, slot_count;
    double *weights; /* [pattern] */
    double *rows;    /* [pattern][rank] */
    double *gram;    /* [rank][rank] of the side that stands still */
    /* The patterns that have a column, ascending: holders[starts[column] ...]. */
    size_t *starts;
    uint32_t *holders;
    uint32_t *slots; /* hash table of patterns + 1; only while they are found */
    double *errors;  /* by piece */
};

static void als_release(struct als *als)
{
    incidence_release(&als->patterns);
    lx_free(als->weights);
    lx_free(als->rows);
    lx_free(als->gram);
    lx_free(als->starts);
    lx_free(als->holders);
    lx_free(als->slots);
    lx_free(als->errors);
}

static uint64_t hash_of(const uint16_t *columns, size_t count)
{
    uint64_t hash = 0xCBF29CE484222325u; /* FNV-1a over the numbers */
    for (size_t i = 0; i < count; i++) hash = (hash ^ columns[i]) * 0x100000001B3u;
    return hash ^ (hash >> 32);
}

/* The slot of this set of columns, or the empty one where it belongs. */
static size_t slot_of(const struct als *als, const uint16_t *columns, size_t count)
{
    size_t mask = als->slot_count - 1, slot = (size_t)hash_of(columns, count) & mask;
    for (; als->slots[slot] != 0; slot = (slot + 1) & mask) {
        const uint16_t *others;
        size_t other_count = incidence_row(&als->patterns, als->slots[slot] - 1, &others);
        if (other_count == count &&
            (count == 0 || memcmp(columns, others, count * sizeof *columns) == 0))
            break;
    }
    return slot;
}

static enum lx_err grow_slots(struct als *als)
{
    uint32_t *slots = lx_calloc(2 * als->slot_count, sizeof *slots);
    if (slots == NULL) return LX_ERR_NO_MEMORY;
    lx_free(als->slots);
    als->slots = slots;
    als->slot_count *= 2;
    for (size_t i = 0; i < als->patterns.row_count; i++) {
        const uint16_t *columns;
        size_t count = incidence_row(&als->patterns, i, &columns);
        als->slots[slot_of(als, columns, count)] = (uint32_t)i + 1;
    }
    return LX_OK;
}

static enum lx_err add_row(struct als *als, const uint16_t *columns, size_t count)
{
    size_t slot = slot_of(als, columns, count), pattern = als->slots[slot];
    if (pattern != 0) {
        als->weights[pattern - 1]++;
        return LX_OK;
    }
    size_t pattern_count = als->patterns.row_count;
    if (pattern_count >= UINT32_MAX / 2) return LX_ERR_LIMIT;
    enum lx_err code = lx_grow(&als->weights, &als->weight_capacity, pattern_count + 1,
                               LX_MEMORY_MAX, sizeof *als->weights);
    if (code == LX_OK) code = incidence_add(&als->patterns, columns, count);
    if (code != LX_OK) return code;
    als->weights[pattern_count] = 1;
    als->slots[slot] = (uint32_t)pattern_count + 1;
    return 2 * als->patterns.row_count > als->slot_count ? grow_slots(als) : LX_OK;
}

static enum lx_err find_patterns(struct als *als, const struct incidence *incidence)
{
    enum { SLOTS_FIRST = 1024 };
    als->slot_count = SLOTS_FIRST;
    als->slots = lx_calloc(als->slot_count, sizeof *als->slots);
    if (als->slots == NULL) return LX_ERR_NO_MEMORY;
    enum lx_err code = incidence_init(&als->patterns, incidence->column_count);
    for (size_t row = 0; code == LX_OK && row < incidence->row_count; row++) {
        const uint16_t *columns;
        size_t count = incidence_row(incidence, row, &columns);
        code = add_row(als, columns, count);
    }
    lx_free(als->slots);
    als->slots = NULL;
    return code;
}

static enum lx_err find_holders(struct als *als)
{
    const struct incidence *patterns = &als->patterns;
    size_t entries = patterns->starts[patterns->row_count], columns = patterns->column_count;
    als->starts = lx_calloc(columns + 2, sizeof *als->starts);
    als->holders = lx_malloc((entries + 1) * sizeof *als->holders);
    if (als->starts == NULL || als->holders == NULL) return LX_ERR_NO_MEMORY;
    for (size_t i = 0; i < entries; i++) als->starts[patterns->columns[i] + 2]++;
    for (size_t i = 2; i < columns + 2; i++) als->starts[i] += als->starts[i - 1];
    for (size_t row = 0; row < patterns->row_count; row++)
        for (size_t i = patterns->starts[row]; i < patterns->starts[row + 1]; i++)
            als->holders[als->starts[patterns->columns[i] + 1]++] = (uint32_t)row;
    return LX_OK;
}

/* matrix += sum over the numbered vectors (NULL: the first count) of scale * weight * v v', and
 * vector += the same sum of v, in blocks; its lower half. */
static void add_squares(const double *vectors, const double *weights, const uint32_t *numbers,
                        size_t count, size_t rank, double scale, double *matrix, double *vector)
{
    double gathered[GATHER * FACTORS_RANK_MAX];
    for (size_t from = 0; from < count; from += GATHER) {
        size_t size = count - from < GATHER ? count - from : GATHER;
        for (size_t i = 0; i < size; i++) {
            size_t number = numbers == NULL ? from + i : numbers[from + i];
            double weight = weights == NULL ? 1 : weights[number], root = sqrt(scale * weight);
            for (size_t j = 0; j < rank; j++) {
                double value = vectors[number * rank + j];
                gathered[i * rank + j] = root * value;
                if (vector != NULL) vector[j] += weight * value;
            }
        }
        cblas_dsyrk(CblasRowMajor, CblasLower, CblasTrans, (int)rank, (int)size, 1, gathered,
                    (int)rank, 1, matrix, (int)rank);
    }
}

static void add_lambda(const struct factors *factors, double *matrix)
{
    size_t rank = (size_t)factors->options.rank;
    for (size_t i = 0; i < rank; i++) matrix[i * rank + i] += factors->options.lambda;
}

static void solve_row(const struct als *als, size_t pattern, double *matrix)
{
    const struct factors *factors = als->factors;
    size_t rank = (size_t)factors->options.rank;
    double alpha = factors->options.alpha, *row = als->rows + pattern * rank;
    const uint16_t *columns;
    size_t count = incidence_row(&als->patterns, pattern, &columns);
    memcpy(matrix, als->gram, rank * rank * sizeof *matrix);
    memset(row, 0, rank * sizeof *row);
    for (size_t i = 0; i < count; i++) {
        const double *column = factors->columns + columns[i] * rank;
        factors_add_square(matrix, column, alpha, rank);
        for (size_t j = 0; j < rank; j++) row[j] += (1 + alpha) * column[j];
    }
    add_lambda(factors, matrix);
    factors_solve(matrix, row, rank);
}

static void solve_rows(void *context, size_t piece)
{
    const struct als *als = context;
    double matrix[FACTORS_RANK_MAX * FACTORS_RANK_MAX];
    size_t from = piece * PATTERNS_A_PIECE, to = from + PATTERNS_A_PIECE;
    if (to > als->patterns.row_count) to = als->patterns.row_count;
    for (size_t i = from; i < to; i++) solve_row(als, i, matrix);
}

static void solve_column(void *context, size_t item)
{
    const struct als *als = context;
    const struct factors *factors = als->factors;
    size_t rank = (size_t)factors->options.rank, from = als->starts[item];
    double matrix[FACTORS_RANK_MAX * FACTORS_RANK_MAX], *column = factors->columns + item * rank;
    double alpha = factors->options.alpha;
    memcpy(matrix, als->gram, rank * rank * sizeof *matrix);
    memset(column, 0, rank * sizeof *column);
    add_squares(als->rows, als->weights, als->holders + from, als->starts[item + 1] - from, rank,
                alpha, matrix, column);
    for (size_t i = 0; i < rank; i++) column[i] *= 1 + alpha;
    add_lambda(factors, matrix);
    factors_solve(matrix, column, rank);
}

static enum lx_err half_rows(struct als *als, int thread_count, struct lx_error *err)
{
    size_t rank = (size_t)als->factors->options.rank, count = als->patterns.row_count;
    memset(als->gram, 0, rank * rank * sizeof *als->gram);
    add_squares(als->factors->columns, NULL, NULL, als->patterns.column_count, rank, 1, als->gram,
                NULL);
    return host_parallel(thread_count, (count + PATTERNS_A_PIECE - 1) / PATTERNS_A_PIECE,
                         solve_rows, als, err);
}

static enum lx_err half_columns(struct als *als, int thread_count, struct lx_error *err)
{
    size_t rank = (size_t)als->factors->options.rank;
    memset(als->gram, 0, rank * rank * sizeof *als->gram);
    add_squares(als->rows, als->weights, NULL, als->patterns.row_count, rank, 1, als->gram, NULL);
    return host_parallel(thread_count, als->patterns.column_count, solve_column, als, err);
}

/* Sum of c (p - x.y)^2 over the columns of each pattern of a piece, by its weight. */
static void measure(void *context, size_t piece)
{
    const struct als *als = context;
    const struct factors *factors = als->factors;
    size_t rank = (size_t)factors->options.rank;
    size_t from = piece * PATTERNS_A_PIECE, to = from + PATTERNS_A_PIECE;
    if (to > als->patterns.row_count) to = als->patterns.row_count;
    for (size_t i = from; i < to; i++) {
        const uint16_t *columns;
        size_t count = incidence_row(&als->patterns, i, &columns), held = 0;
        double sum = 0;
        for (size_t j = 0; j < factors->column_count; j++) {
            bool has = held < count && columns[held] == j;
            double score = factors_dot(als->rows + i * rank, factors->columns + j * rank, rank);
            double apart = (has ? 1 : 0) - score;
            sum += (has ? 1 + factors->options.alpha : 1) * apart * apart;
            held += has;
        }
        als->errors[piece] += als->weights[i] * sum;
    }
}

static enum lx_err finish(struct als *als, size_t row_count, int thread_count, struct lx_error *err)
{
    size_t pieces = (als->patterns.row_count + PATTERNS_A_PIECE - 1) / PATTERNS_A_PIECE;
    double sum = 0;
    enum lx_err code = half_rows(als, thread_count, err);
    if (code == LX_OK) code = host_parallel(thread_count, pieces, measure, als, err);
    if (code != LX_OK) return code;
    for (size_t i = 0; i < pieces; i++) sum += als->errors[i];
    als->factors->noise =
        row_count > 0 ? sum / (double)(row_count * als->factors->column_count) : 0;
    const struct factors_rows rows = {als->rows, als->weights, als->patterns.row_count};
    factors_describe(&rows, als->factors);
    return LX_OK;
}

static enum lx_err prepare(struct als *als, const struct incidence *incidence)
{
    size_t rank = (size_t)als->factors->options.rank;
    enum lx_err code = find_patterns(als, incidence);
    if (code == LX_OK) code = find_holders(als);
    if (code != LX_OK) return code;
    als->rows = lx_calloc(als->patterns.row_count + 1, rank * sizeof *als->rows);
    als->gram = lx_calloc(rank * rank, sizeof *als->gram);
    als->errors = lx_calloc(als->patterns.row_count / PATTERNS_A_PIECE + 1, sizeof *als->errors);
    bool is_there = als->rows != NULL && als->gram != NULL && als->errors != NULL;
    return is_there ? LX_OK : LX_ERR_NO_MEMORY;
}

enum lx_err factors_fit_als(const struct incidence *incidence, int thread_count,
                            struct factors *factors, struct lx_error *err)
{
    struct als als = {.factors = factors};
    enum lx_err code = prepare(&als, incidence);
    if (code != LX_OK) {
        als_release(&als);
        return lx_fail(err, code, "factors: %zu rows: out of memory", incidence->row_count);
    }
    int blas_threads = openblas_get_num_threads();
    openblas_set_num_threads(1);
    for (int epoch = 0; code == LX_OK && epoch < factors->options.epochs; epoch++) {
        code = half_rows(&als, thread_count, err);
        if (code == LX_OK) code = half_columns(&als, thread_count, err);
    }
    if (code == LX_OK) code = finish(&als, incidence->row_count, thread_count, err);
    openblas_set_num_threads(blas_threads);
    als_release(&als);
    return code;
}
