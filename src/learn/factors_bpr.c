#include "learn/factors_parts.h"

#include <string.h>

#include "base/real.h"
#include "base/rng.h"
#include "host/thread.h"

#define LOCAL_MAX ((size_t)1 << 27)

/* A block of rows works on columns of its own during an epoch; draws come from a stream of its
 * own. So blocks may run in any order, and their columns are averaged in the order of the rows. */
struct bpr {
    const struct incidence *incidence;
    struct factors *factors;
    double *rows;  /* [row][rank] */
    double *local; /* [block][column][rank + 1]: vector and bias */
    size_t *draws; /* [block] of the epoch */
    size_t block_count;
    int epoch;
};

static void bpr_release(struct bpr *bpr)
{
    lx_free(bpr->rows);
    lx_free(bpr->local);
    lx_free(bpr->draws);
}

static double sigmoid_of_less(double margin)
{
    return 1 / (1 + lx_exp(margin));
}

/* The k-th column that the row has not. */
static size_t missing_column(const uint16_t *columns, size_t count, size_t k)
{
    for (size_t i = 0; i < count && columns[i] <= k; i++) k++;
    return k;
}

static void step(const struct factors_options *options, double pace, double *row, double *more,
                 double *less)
{
    size_t rank = (size_t)options->rank;
    double margin = more[rank] - less[rank];
    for (size_t i = 0; i < rank; i++) margin += row[i] * (more[i] - less[i]);
    double pull = sigmoid_of_less(margin), lambda = options->lambda;
    for (size_t i = 0; i < rank; i++) {
        double x = row[i], y = more[i], z = less[i];
        row[i] += pace * (pull * (y - z) - lambda * x);
        more[i] += pace * (pull * x - lambda * y);
        less[i] += pace * (-pull * x - lambda * z);
    }
    more[rank] += pace * (pull - lambda * more[rank]);
    less[rank] += pace * (-pull - lambda * less[rank]);
}

/* Which row of the block the entry belongs to. */
static size_t row_of(const struct incidence *incidence, size_t first, size_t last, size_t entry)
{
    while (last - first > 1) {
        size_t middle = first + (last - first) / 2;
        if (incidence->starts[middle] <= entry)
            first = middle;
        else
            last = middle;
    }
    return first;
}

static void copy_out(const struct factors *factors, double *local)
{
    size_t rank = (size_t)factors->options.rank;
    for (size_t i = 0; i < factors->column_count; i++) {
        memcpy(local + i * (rank + 1), factors->columns + i * rank, rank * sizeof *local);
        local[i * (rank + 1) + rank] = factors->biases[i];
    }
}

static void run_block(void *context, size_t block)
{
    const struct bpr *bpr = context;
    const struct incidence *incidence = bpr->incidence;
    const struct factors_options *options = &bpr->factors->options;
    size_t rank = (size_t)options->rank, columns_size = incidence->column_count * (rank + 1);
    size_t first = block * FACTORS_BLOCK, last = first + FACTORS_BLOCK;
    if (last > incidence->row_count) last = incidence->row_count;
    size_t begin = incidence->starts[first], entries = incidence->starts[last] - begin;
    double *local = bpr->local + block * columns_size;
    double done = (double)bpr->epoch / (double)options->epochs;
    double pace = options->learning_rate * (1 - 0.9 * done);
    struct lx_rng rng =
        lx_rng_of(options->seed, 1 + (uint64_t)bpr->epoch * bpr->block_count + block);

    copy_out(bpr->factors, local);
    bpr->draws[block] = 0;
    for (size_t i = 0; i < entries; i++) {
        size_t entry = begin + (size_t)lx_rng_below(&rng, entries);
        size_t row = row_of(incidence, first, last, entry);
        const uint16_t *columns;
        size_t count = incidence_row(incidence, row, &columns);
        if (count == incidence->column_count) continue;
        size_t k = (size_t)lx_rng_below(&rng, incidence->column_count - count);
        size_t other = missing_column(columns, count, k);
        step(options, pace, bpr->rows + row * rank, local + incidence->columns[entry] * (rank + 1),
             local + other * (rank + 1));
        bpr->draws[block]++;
    }
}

static void average(const struct bpr *bpr)
{
    struct factors *factors = bpr->factors;
    size_t rank = (size_t)factors->options.rank, columns = factors->column_count;
    size_t total = 0;
    for (size_t i = 0; i < bpr->block_count; i++) total += bpr->draws[i];
    if (total == 0) return;
    memset(factors->columns, 0, columns * rank * sizeof *factors->columns);
    memset(factors->biases, 0, columns * sizeof *factors->biases);
    for (size_t block = 0; block < bpr->block_count; block++) {
        double share = (double)bpr->draws[block] / (double)total;
        const double *local = bpr->local + block * columns * (rank + 1);
        for (size_t i = 0; i < columns; i++) {
            for (size_t j = 0; j < rank; j++)
                factors->columns[i * rank + j] += share * local[i * (rank + 1) + j];
            factors->biases[i] += share * local[i * (rank + 1) + rank];
        }
    }
}

static enum lx_err prepare(struct bpr *bpr, struct lx_error *err)
{
    const struct factors_options *options = &bpr->factors->options;
    size_t rank = (size_t)options->rank, row_count = bpr->incidence->row_count;
    size_t size = bpr->incidence->column_count * (rank + 1);
    bpr->block_count = (row_count + FACTORS_BLOCK - 1) / FACTORS_BLOCK;
    if (bpr->block_count * size > LOCAL_MAX)
        return lx_fail(err, LX_ERR_LIMIT,
                       "factors: bpr of %zu rows, %zu columns and rank %zu wants too much memory: "
                       "take a lower rank, fewer rows or als",
                       row_count, bpr->incidence->column_count, rank);
    bpr->rows = lx_malloc((row_count * rank + 1) * sizeof *bpr->rows);
    bpr->local = lx_malloc((bpr->block_count * size + 1) * sizeof *bpr->local);
    bpr->draws = lx_calloc(bpr->block_count + 1, sizeof *bpr->draws);
    if (bpr->rows == NULL || bpr->local == NULL || bpr->draws == NULL)
        return lx_fail(err, LX_ERR_NO_MEMORY, "factors: %zu rows: out of memory", row_count);
    struct lx_rng rng = lx_rng_of(options->seed, UINT64_MAX);
    for (size_t i = 0; i < row_count * rank; i++) bpr->rows[i] = 0.1 * lx_rng_normal(&rng);
    return LX_OK;
}

enum lx_err factors_fit_bpr(const struct incidence *incidence, int thread_count,
                            struct factors *factors, struct lx_error *err)
{
    struct bpr bpr = {.incidence = incidence, .factors = factors};
    enum lx_err code = prepare(&bpr, err);
    for (; code == LX_OK && bpr.epoch < factors->options.epochs; bpr.epoch++) {
        code = host_parallel(thread_count, bpr.block_count, run_block, &bpr, err);
        if (code == LX_OK) average(&bpr);
    }
    const struct factors_rows rows = {bpr.rows, NULL, incidence->row_count};
    if (code == LX_OK) factors_describe(&rows, factors);
    bpr_release(&bpr);
    return code;
}
