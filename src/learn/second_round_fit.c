/* Histories replayed as question and answer, and what is learnt from them. */
#include <math.h>
#include <string.h>

#include "base/limits.h"
#include "base/rng.h"
#include "learn/second_round_model.h"
#include "learn/xgboost.h"

/* Folds of customers for the tables where there is but one member. */
enum { TABLE_FOLDS = 5, SCORE_ROWS = 4096 };

struct rows {
    struct matrix matrix;
    float *labels, *offsets;
    size_t label_capacity, offset_capacity;
};

struct fitting {
    const struct second_round_params *params;
    const struct second_round_data *data;
    const struct lx_env *env;
    struct second_round *model;
    size_t fold_count;
    uint8_t *folds;                                              /* by customer */
    struct second_round_tables tables[SECOND_ROUND_MEMBERS_MAX]; /* without that fold */
    double kept;                                                 /* share of the lists */
    float *noisy, *answers, *filled;                             /* of one list */
    uint16_t *products;
    double *margins; /* of rows that a member has not seen; owned */
    uint8_t *labels;
    size_t margin_count, margin_capacity, label_capacity;
    struct lx_error *err;
};

struct second_round_params second_round_params_default(void)
{
    return (struct second_round_params){.lengths = {3, 5},
                                        .variants = 1,
                                        .spread = 1,
                                        .rows_max = 1000000,
                                        .member_count = 3,
                                        .round_count = 150,
                                        .max_depth = 4,
                                        .learning_rate = 0.05,
                                        .min_child_weight = 5,
                                        .subsample = 0.8,
                                        .column_sample = 0.5,
                                        .seed = 1};
}

static void rows_release(struct rows *rows)
{
    matrix_release(&rows->matrix);
    lx_free(rows->labels);
    lx_free(rows->offsets);
}

static enum lx_err check(const struct fitting *fitting)
{
    const struct second_round_data *data = fitting->data;
    size_t products = data->product_count;
    if (data->customer_count < fitting->fold_count)
        return lx_fail(fitting->err, LX_ERR_BAD_INPUT,
                       "second round: %zu customers, at least %zu are needed", data->customer_count,
                       fitting->fold_count);
    if (products < 2 || products > SECOND_ROUND_PRODUCTS_MAX)
        return lx_fail(fitting->err, LX_ERR_LIMIT, "second round: %zu products, 2 to %d allowed",
                       products, SECOND_ROUND_PRODUCTS_MAX);
    for (size_t i = 0; i < data->customer_count * products; i++) {
        if (isinf(data->log_odds[i]))
            return lx_fail(fitting->err, LX_ERR_BAD_INPUT,
                           "second round: customer %zu, product %zu: log-odds are infinite; "
                           "probabilities must be above 0 and below 1",
                           i / products, i % products);
        if (data->truth[i] > 1 && !isnan(data->log_odds[i]))
            return lx_fail(fitting->err, LX_ERR_BAD_INPUT,
                           "second round: customer %zu, product %zu: truth %d is neither 0 nor 1",
                           i / products, i % products, data->truth[i]);
    }
    return LX_OK;
}

/* ---- Replay ---- */

/* Asks the best `length` by log-odds plus noise, and takes down what is true. */
static void ask(struct fitting *fitting, size_t customer, int length, double spread,
                struct lx_rng *rng)
{
    size_t products = fitting->data->product_count;
    const float *log_odds = fitting->data->log_odds + customer * products;
    const uint8_t *truth = fitting->data->truth + customer * products;
    for (size_t p = 0; p < products; p++) {
        fitting->answers[p] = 0;
        fitting->noisy[p] = log_odds[p];
        if (spread > 0) fitting->noisy[p] -= (float)(spread * log(lx_rng_exponential(rng)));
    }
    for (int i = 0; i < length; i++) {
        size_t best = products;
        for (size_t p = 0; p < products; p++) {
            if (fitting->answers[p] != 0 || isnan(log_odds[p])) continue;
            if (best == products || fitting->noisy[p] > fitting->noisy[best]) best = p;
        }
        if (best == products) break;
        fitting->answers[best] = truth[best] ? 1 : -1;
    }
}

/* The rows of one list. */
static enum lx_err add_list(struct fitting *fitting, size_t customer, struct rows *rows)
{
    const struct second_round_data *data = fitting->data;
    size_t products = data->product_count, profile_count = fitting->model->profile_count;
    size_t width = second_round_width(&fitting->model->tables, profile_count);
    const float *profile = profile_count == 0 ? NULL : matrix_row(data->profile, customer);
    const float *log_odds = data->log_odds + customer * products;
    size_t count =
        second_round_fill(&fitting->tables[fitting->folds[customer]], profile, profile_count,
                          log_odds, fitting->answers, fitting->products, fitting->filled);
    size_t before = rows->matrix.row_count, needed = before + count;
    enum lx_err code =
        lx_grow(&rows->labels, &rows->label_capacity, needed, LX_MEMORY_MAX, sizeof *rows->labels);
    if (code == LX_OK)
        code = lx_grow(&rows->offsets, &rows->offset_capacity, needed, LX_MEMORY_MAX,
                       sizeof *rows->offsets);
    for (size_t i = 0; i < count && code == LX_OK; i++) {
        float *row;
        code = matrix_add_row(&rows->matrix, &row);
        if (code != LX_OK) break;
        memcpy(row, fitting->filled + i * width, width * sizeof *row);
        rows->labels[before + i] = data->truth[customer * products + fitting->products[i]];
        rows->offsets[before + i] = log_odds[fitting->products[i]];
    }
    return code;
}

/* Every list of one customer. What is drawn depends on seed and customer alone, so each member
 * meets the same lists. */
static enum lx_err replay_customer(struct fitting *fitting, size_t customer, struct rows *rows)
{
    const struct second_round_params *params = fitting->params;
    struct lx_rng rng = lx_rng_of(params->seed, customer);
    enum lx_err code = LX_OK;
    for (int i = 0; i < SECOND_ROUND_LENGTHS_MAX; i++) {
        for (int variant = 0; variant <= params->variants && code == LX_OK; variant++) {
            if (params->lengths[i] == 0) continue;
            bool is_kept = lx_rng_chance(&rng, fitting->kept);
            ask(fitting, customer, params->lengths[i], variant == 0 ? 0 : params->spread, &rng);
            if (is_kept) code = add_list(fitting, customer, rows);
        }
    }
    return code;
}

/* The customers inside one fold, or all others. */
static enum lx_err replay(struct fitting *fitting, size_t fold, bool is_inside,
                          struct rows *ret_rows)
{
    size_t width = second_round_width(&fitting->model->tables, fitting->model->profile_count);
    enum lx_err code = matrix_init(&ret_rows->matrix, width);
    for (size_t i = 0; i < fitting->data->customer_count && code == LX_OK; i++)
        if ((fitting->folds[i] == fold) == is_inside) code = replay_customer(fitting, i, ret_rows);
    if (code != LX_OK)
        return lx_fail(fitting->err, code, "second round: %zu replayed rows: %s",
                       ret_rows->matrix.row_count, lx_err_text(code));
    return LX_OK;
}

/* ---- Members ---- */

static enum lx_err train_member(struct fitting *fitting, size_t member, const struct rows *rows)
{
    const struct second_round_params *params = fitting->params;
    struct xgb_params trees = xgb_params_default(XGB_BINARY);
    trees.round_count = params->round_count;
    trees.max_depth = params->max_depth;
    trees.learning_rate = params->learning_rate;
    trees.min_child_weight = params->min_child_weight;
    trees.subsample = params->subsample;
    trees.column_sample = params->column_sample;
    trees.margins = rows->offsets;
    trees.seed = params->seed + member;
    trees.thread_count = fitting->env->thread_count;
    struct lx_buffer json;
    lx_buffer_init(&json, FOREST_BYTES_MAX);
    enum lx_err code =
        xgb_train(&trees, &rows->matrix, rows->labels, NULL, NULL, &json, fitting->err);
    size_t length = 0;
    char *bytes = code == LX_OK ? lx_buffer_take(&json, &length) : NULL;
    lx_buffer_release(&json);
    if (code != LX_OK) return lx_error_prefix(fitting->err, "second round");
    return second_round_add_member(fitting->model, bytes, length, fitting->err);
}

/* What a member says of customers it has not seen: from these the calibration is learnt. */
static enum lx_err keep_margins(struct fitting *fitting, size_t member, const struct rows *rows)
{
    size_t count = rows->matrix.row_count, needed = fitting->margin_count + count;
    if (count == 0) return LX_OK;
    float *margins = lx_calloc(count, sizeof *margins);
    enum lx_err code = margins == NULL ? LX_ERR_NO_MEMORY : LX_OK;
    if (code == LX_OK)
        code = lx_grow(&fitting->margins, &fitting->margin_capacity, needed, LX_MEMORY_MAX,
                       sizeof *fitting->margins);
    if (code == LX_OK)
        code = lx_grow(&fitting->labels, &fitting->label_capacity, needed, LX_MEMORY_MAX, 1);
    if (code != LX_OK) {
        lx_free(margins);
        return lx_fail(fitting->err, code, "second round: margins of %zu rows", needed);
    }
    code = scorer_score_threads(fitting->model->members[member].scorer, rows->matrix.values, count,
                                fitting->env->thread_count, margins, fitting->err);
    for (size_t i = 0; i < count && code == LX_OK; i++) {
        fitting->margins[fitting->margin_count] = (double)margins[i] + (double)rows->offsets[i];
        fitting->labels[fitting->margin_count++] = rows->labels[i] > 0;
    }
    lx_free(margins);
    return code;
}

static enum lx_err fit_member(struct fitting *fitting, size_t member)
{
    bool is_only = fitting->params->member_count == 1;
    struct rows seen = {0}, unseen = {0};
    enum lx_err code = replay(fitting, is_only ? SIZE_MAX : member, false, &seen);
    if (code == LX_OK) code = train_member(fitting, member, &seen);
    rows_release(&seen);
    if (code == LX_OK && !is_only) {
        code = replay(fitting, member, true, &unseen);
        if (code == LX_OK) code = keep_margins(fitting, member, &unseen);
    }
    rows_release(&unseen);
    return code;
}

/* ---- Statistics of products ---- */

static enum lx_err no_memory(const struct fitting *fitting)
{
    return lx_fail(fitting->err, LX_ERR_NO_MEMORY, "second round: %zu customers, %zu products",
                   fitting->data->customer_count, fitting->data->product_count);
}

static void count_customers(const struct fitting *fitting, size_t fold,
                            struct second_round_counts *counts)
{
    size_t products = fitting->data->product_count;
    for (size_t i = 0; i < fitting->data->customer_count; i++)
        if (fitting->folds[i] == fold || fold == SIZE_MAX)
            second_round_counts_add(counts, fitting->data->log_odds + i * products,
                                    fitting->data->truth + i * products);
}

static enum lx_err tabulate(struct fitting *fitting, size_t fold,
                            struct second_round_tables *tables)
{
    const struct second_round_data *data = fitting->data;
    struct second_round_counts all = {0}, own = {0};
    enum lx_err code = second_round_counts_init(&all, data->product_count);
    if (code == LX_OK) code = second_round_counts_init(&own, data->product_count);
    if (code == LX_OK) {
        count_customers(fitting, SIZE_MAX, &all);
        if (fold != SIZE_MAX) count_customers(fitting, fold, &own);
        second_round_counts_subtract(&all, &own);
        code = second_round_tables_init(tables, &all, data->likeness, data->categories);
    }
    second_round_counts_release(&all);
    second_round_counts_release(&own);
    return code == LX_OK ? LX_OK : no_memory(fitting);
}

static enum lx_err prepare(struct fitting *fitting)
{
    const struct second_round_data *data = fitting->data;
    size_t products = data->product_count, lists = 0;
    struct second_round *model = fitting->model = lx_calloc(1, sizeof *model);
    if (model == NULL) return no_memory(fitting);
    model->calibration.kind = CALIBRATION_IDENTITY;
    if (fitting->params->with_profile && data->profile != NULL)
        model->profile_count = data->profile->column_count;
    fitting->folds = lx_calloc(data->customer_count, 1);
    fitting->noisy = lx_calloc(products, sizeof *fitting->noisy);
    fitting->answers = lx_calloc(products, sizeof *fitting->answers);
    fitting->products = lx_calloc(products, sizeof *fitting->products);
    if (fitting->folds == NULL || fitting->noisy == NULL || fitting->answers == NULL ||
        fitting->products == NULL)
        return no_memory(fitting);
    for (size_t i = 0; i < data->customer_count; i++) {
        struct lx_rng rng = lx_rng_of(fitting->params->seed, UINT64_MAX - i);
        fitting->folds[i] = (uint8_t)lx_rng_below(&rng, fitting->fold_count);
    }
    enum lx_err code = tabulate(fitting, SIZE_MAX, &model->tables);
    for (size_t f = 0; f < fitting->fold_count && code == LX_OK; f++)
        code = tabulate(fitting, f, &fitting->tables[f]);
    size_t width = code == LX_OK ? second_round_width(&model->tables, model->profile_count) : 1;
    fitting->filled = lx_calloc(products * width, sizeof *fitting->filled);
    if (code == LX_OK && fitting->filled == NULL) code = no_memory(fitting);
    for (int i = 0; i < SECOND_ROUND_LENGTHS_MAX; i++)
        if (fitting->params->lengths[i] > 0) lists += (size_t)fitting->params->variants + 1;
    double rows = (double)(data->customer_count * lists * products);
    fitting->kept = rows > 0 ? fmin(1, (double)fitting->params->rows_max / rows) : 1;
    return code;
}

enum lx_err second_round_fit(const struct second_round_params *params,
                             const struct second_round_data *data, const struct lx_env *env,
                             struct second_round **ret_model, struct lx_error *err)
{
    LX_ASSERT(params->member_count >= 1 && params->member_count <= SECOND_ROUND_MEMBERS_MAX);
    LX_ASSERT(data->profile == NULL || data->profile->row_count == data->customer_count);

    struct fitting fitting = {.params = params, .data = data, .env = env, .err = err};
    fitting.fold_count =
        params->member_count == 1 ? (size_t)TABLE_FOLDS : (size_t)params->member_count;
    enum lx_err code = check(&fitting);
    if (code == LX_OK) code = prepare(&fitting);
    for (int m = 0; m < params->member_count && code == LX_OK; m++)
        code = fit_member(&fitting, (size_t)m);
    if (code == LX_OK && fitting.margin_count > 0)
        code = calibration_fit(fitting.margins, fitting.labels, NULL, fitting.margin_count, 0,
                               &fitting.model->calibration, err);
    for (size_t f = 0; f < fitting.fold_count; f++) second_round_tables_release(&fitting.tables[f]);
    lx_free(fitting.folds);
    lx_free(fitting.noisy);
    lx_free(fitting.answers);
    lx_free(fitting.filled);
    lx_free(fitting.products);
    lx_free(fitting.margins);
    lx_free(fitting.labels);
    if (code != LX_OK) {
        second_round_close(fitting.model);
        return code;
    }
    *ret_model = fitting.model;
    return LX_OK;
}
