#include "model/rows.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bank/bank.h"
#include "base/date.h"
#include "base/rng.h"
#include "model/rows_scan.h"

struct rows_definition rows_definition_view(const struct view_features *features)
{
    return (struct rows_definition){
        .customer_count = view_features_count(features, VIEW_CUSTOMER),
        .pair_count = view_features_count(features, VIEW_PAIR),
        .customer = view_customer_features,
        .pair = view_pair_features,
    };
}

const struct view_feature *rows_feature(const struct view_features *features, size_t column)
{
    size_t customer_count = view_features_count(features, VIEW_CUSTOMER);
    return column < customer_count ? view_features_at(features, VIEW_CUSTOMER, column)
                                   : view_features_at(features, VIEW_PAIR, column - customer_count);
}

bool rows_is_candidate(const struct bank_product *product, int product_index,
                       const struct view_facts *facts, int32_t as_of_day)
{
    return product->status == BANK_PRODUCT_ON_SALE && product->launched_day <= as_of_day &&
           !view_holds(facts, product_index);
}

bool rows_is_known(const struct bank_history *history, int64_t as_of_ms)
{
    for (size_t i = 0; i < history->profile_count; i++)
        if (history->profiles[i].at_ms <= as_of_ms && history->profiles[i].known_at_ms <= as_of_ms)
            return true;
    for (size_t i = 0; i < history->event_count && history->events[i].at_ms <= as_of_ms; i++)
        if (bank_event_is_known(&history->events[i], as_of_ms)) return true;
    return false;
}

/* The first event after the moment. */
static size_t first_event_after(const struct bank_history *history, int64_t at_ms)
{
    size_t low = 0, high = history->event_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (history->events[middle].at_ms <= at_ms)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

void rows_labels(const struct bank_history *history, int64_t as_of_ms, int64_t complete_until_ms,
                 uint64_t ret_bits[ROWS_PRODUCT_WORDS])
{
    memset(ret_bits, 0, ROWS_PRODUCT_WORDS * sizeof *ret_bits);
    /* A day more than the window, because view counts whole bank days. */
    int64_t until_ms = as_of_ms + (ROWS_HORIZON_DAYS + 1) * LX_MS_PER_DAY;
    for (size_t i = first_event_after(history, as_of_ms); i < history->event_count; i++) {
        const struct bank_event *event = &history->events[i];
        if (event->at_ms > until_ms) break;
        if (event->kind != BANK_EVENT_KIND_OPEN || event->product == BANK_NO_PRODUCT) continue;
        if (!bank_event_is_known(event, complete_until_ms)) continue;
        bool is_over = false;
        if (view_label_opened(history, event->product, as_of_ms, ROWS_HORIZON_DAYS,
                              complete_until_ms, &is_over) &&
            is_over)
            ret_bits[event->product / 64] |= UINT64_C(1) << (event->product % 64);
    }
}

static bool has_bit(const uint64_t *bits, size_t index)
{
    return (bits[index / 64] >> (index % 64) & 1) != 0;
}

/* What one chunk of customers gives, and what it works with. */
struct gathering {
    const struct rows_plan *plan;
    double negative_rate;
    struct matrix matrix;
    float *labels;
    uint32_t *customers;
    uint16_t *products;
    uint8_t *moments, *sources;
    size_t label_capacity, customer_capacity, product_capacity, moment_capacity, source_capacity;
    size_t positives, rows_max;
    struct view_scratch *scratch;
    void *judge;        /* of plan->rules */
    float *pair_values; /* of every product */
    float customer_values[ROWS_FEATURES_MAX];
};

static void gathering_release(struct gathering *gathering)
{
    matrix_release(&gathering->matrix);
    lx_free(gathering->labels);
    lx_free(gathering->customers);
    lx_free(gathering->products);
    lx_free(gathering->moments);
    lx_free(gathering->sources);
    lx_free(gathering->pair_values);
    view_scratch_close(gathering->scratch);
    if (gathering->judge != NULL) gathering->plan->rules->close(gathering->judge);
    *gathering = (struct gathering){0};
}

/* A pair's draw is the product's place in this stream. */
static struct lx_rng draws_of(const struct rows_plan *plan, int64_t customer, size_t moment)
{
    return lx_rng_of(plan->seed ^ (uint64_t)plan->as_of_ms[moment], (uint64_t)customer);
}

/* The pairs that this customer and moment are asked for: positives, and the negatives whose hash
 * is below the rate. Held or not is seen later: it costs more than the hash. */
static bool choose(const struct gathering *gathering, const struct bank_history *history,
                   size_t moment, size_t product_count, const uint64_t *labels,
                   uint64_t ret_chosen[ROWS_PRODUCT_WORDS])
{
    const struct rows_plan *plan = gathering->plan;
    struct lx_rng rng = draws_of(plan, history->customer, moment);
    uint64_t any = 0;
    memcpy(ret_chosen, labels, ROWS_PRODUCT_WORDS * sizeof *ret_chosen);
    for (size_t i = 0; i < product_count; i++)
        if (lx_rng_uniform(&rng) < gathering->negative_rate)
            ret_chosen[i / 64] |= UINT64_C(1) << (i % 64);
    for (size_t i = 0; i < ROWS_PRODUCT_WORDS; i++) any |= ret_chosen[i];
    return any != 0;
}

static enum lx_err add_row(struct gathering *gathering, int64_t customer, size_t product,
                           size_t moment, bool is_positive, enum rows_source source,
                           struct lx_error *err)
{
    struct gathering *g = gathering;
    size_t at = g->matrix.row_count, max = g->rows_max;
    if (at >= max)
        return lx_fail(err, LX_ERR_LIMIT, "training rows: more than %zu: raise the maximum", max);
    float *row = NULL;
    enum lx_err code = lx_grow(&g->labels, &g->label_capacity, at + 1, max, sizeof *g->labels);
    if (code == LX_OK)
        code = lx_grow(&g->customers, &g->customer_capacity, at + 1, max, sizeof *g->customers);
    if (code == LX_OK)
        code = lx_grow(&g->products, &g->product_capacity, at + 1, max, sizeof *g->products);
    if (code == LX_OK)
        code = lx_grow(&g->moments, &g->moment_capacity, at + 1, max, sizeof *g->moments);
    if (code == LX_OK)
        code = lx_grow(&g->sources, &g->source_capacity, at + 1, max, sizeof *g->sources);
    if (code == LX_OK) code = matrix_add_row(&g->matrix, &row);
    if (code != LX_OK) return lx_fail(err, code, "training rows: out of memory");

    const struct view_features *features = g->plan->features;
    size_t customer_count = view_features_count(features, VIEW_CUSTOMER);
    size_t pair_count = view_features_count(features, VIEW_PAIR);
    memcpy(row, g->customer_values, customer_count * sizeof *row);
    memcpy(row + customer_count, g->pair_values + product * pair_count, pair_count * sizeof *row);
    g->labels[at] = is_positive ? 1 : 0;
    g->customers[at] = (uint32_t)customer;
    g->products[at] = (uint16_t)product;
    g->moments[at] = (uint8_t)moment;
    g->sources[at] = (uint8_t)source;
    g->positives += is_positive;
    return LX_OK;
}

static enum lx_err ask_rules(struct gathering *gathering, const struct view_context *context,
                             const struct view_facts *facts, int64_t as_of_ms,
                             uint64_t ret_refused[ROWS_PRODUCT_WORDS], struct lx_error *err)
{
    const struct rows_rules *rules = gathering->plan->rules;
    if (rules == NULL) return LX_OK;
    const struct rows_asked asked = {context, facts, as_of_ms, gathering->customer_values,
                                     gathering->pair_values};
    enum lx_err code = LX_OK;
    if (gathering->judge == NULL) code = rules->open(rules->context, &gathering->judge, err);
    return code == LX_OK ? rules->refuse(gathering->judge, &asked, ret_refused, err) : code;
}

static enum lx_err gather_moment(struct gathering *gathering, const struct bank_history *history,
                                 const struct rows_chunk *chunk, size_t moment,
                                 struct lx_error *err)
{
    const struct rows_plan *plan = gathering->plan;
    const struct bank_catalogue *catalogue = chunk->catalogue;
    int64_t as_of_ms = plan->as_of_ms[moment];
    uint64_t labels[ROWS_PRODUCT_WORDS], chosen[ROWS_PRODUCT_WORDS];
    rows_labels(history, as_of_ms, plan->complete_until_ms, labels);
    if (!choose(gathering, history, moment, catalogue->count, labels, chosen)) return LX_OK;
    if (!rows_is_known(history, as_of_ms)) return LX_OK;

    const struct view_context context = {catalogue, plan->peers[moment], chunk->utc_offset_minutes,
                                         gathering->scratch};
    struct view_facts facts;
    int32_t as_of_day = lx_day_of_ms(as_of_ms, chunk->utc_offset_minutes);
    uint64_t refused[ROWS_PRODUCT_WORDS] = {0};
    bool has_features = false;
    view_facts(history, &context, as_of_ms, &facts);
    for (size_t i = 0; i < catalogue->count; i++) {
        if (!has_bit(chosen, i)) continue;
        if (!rows_is_candidate(&catalogue->products[i], (int)i, &facts, as_of_day)) continue;
        if (!has_features) {
            view_customer_features(history, &context, as_of_ms, gathering->customer_values);
            view_pair_features(history, &context, as_of_ms, gathering->customer_values,
                               gathering->pair_values);
            has_features = true;
            enum lx_err code = ask_rules(gathering, &context, &facts, as_of_ms, refused, err);
            if (code != LX_OK) return code;
        }
        enum rows_source source = rows_source_of(history, (int)i, has_bit(refused, i), as_of_ms);
        enum lx_err code =
            add_row(gathering, history->customer, i, moment, has_bit(labels, i), source, err);
        if (code != LX_OK) return code;
    }
    return LX_OK;
}

static enum lx_err gather(struct rows_chunk *chunk, const struct bank_history *history,
                          struct lx_error *err)
{
    struct gathering *gathering = chunk->context;
    if (gathering->pair_values == NULL) {
        const struct view_features *features = gathering->plan->features;
        size_t pair_count = view_features_count(features, VIEW_PAIR);
        gathering->pair_values = lx_calloc(chunk->catalogue->count * pair_count, sizeof(float));
        if (gathering->pair_values == NULL)
            return lx_fail(err, LX_ERR_NO_MEMORY, "training rows: out of memory");
        enum lx_err code = view_scratch_open(features, chunk->catalogue, &gathering->scratch, err);
        if (code != LX_OK) return code;
    }
    for (size_t i = 0; i < gathering->plan->moment_count; i++) {
        enum lx_err code = gather_moment(gathering, history, chunk, i, err);
        if (code != LX_OK) return code;
    }
    return LX_OK;
}

/*
 * As many negatives as fit beside the positives, of which the peers tell about how many there will
 * be; six deviations of the sample's size are left free. More than ROWS_NEGATIVES to a positive do
 * not make a better model (measured on the synthetic bank), so they are not taken where there are
 * many positives.
 */
static double choose_rate(const struct rows_plan *plan, size_t product_count, int64_t customers,
                          size_t rows_max)
{
    double positives = 0;
    for (size_t i = 0; i < plan->moment_count; i++)
        for (size_t j = 0; j < product_count; j++)
            positives += (double)view_peers_openings(plan->peers[i], (int)j);
    double pairs = (double)customers * (double)product_count * (double)plan->moment_count;
    double room = (double)rows_max - 1.25 * positives - 6 * sqrt((double)rows_max);
    double enough = fmax(ROWS_NEGATIVES * positives, ROWS_NEGATIVES_MIN);
    if (room > enough) room = enough;
    if (room < positives) room = positives; /* rows_max is below what the positives need */
    return pairs > room ? room / pairs : 1;
}

static enum lx_err merge(struct gathering *gatherings, size_t count, struct rows *rows)
{
    size_t total = 0;
    for (size_t i = 0; i < count; i++) total += gatherings[i].matrix.row_count;
    size_t room = total > 0 ? total : 1;
    rows->labels = lx_malloc(room * sizeof *rows->labels);
    rows->customers = lx_malloc(room * sizeof *rows->customers);
    rows->products = lx_malloc(room * sizeof *rows->products);
    rows->moments = lx_malloc(room * sizeof *rows->moments);
    rows->sources = lx_malloc(room * sizeof *rows->sources);
    enum lx_err code = matrix_reserve(&rows->matrix, room);
    if (code != LX_OK || rows->labels == NULL || rows->customers == NULL ||
        rows->products == NULL || rows->moments == NULL || rows->sources == NULL)
        return LX_ERR_NO_MEMORY;

    for (size_t i = 0; i < count; i++) {
        struct gathering *part = &gatherings[i];
        size_t n = part->matrix.row_count, at = rows->matrix.row_count;
        if (n == 0) continue;
        size_t columns = rows->matrix.column_count;
        memcpy(rows->matrix.values + at * columns, part->matrix.values,
               n * columns * sizeof(float));
        memcpy(rows->labels + at, part->labels, n * sizeof *rows->labels);
        memcpy(rows->customers + at, part->customers, n * sizeof *rows->customers);
        memcpy(rows->products + at, part->products, n * sizeof *rows->products);
        memcpy(rows->moments + at, part->moments, n * sizeof *rows->moments);
        memcpy(rows->sources + at, part->sources, n * sizeof *rows->sources);
        rows->matrix.row_count += n;
        rows->positives += part->positives;
        gathering_release(part);
    }
    return LX_OK;
}

static double draw_of(const struct rows_plan *plan, const struct rows *rows, size_t row)
{
    struct lx_rng rng = draws_of(plan, rows->customers[row], rows->moments[row]);
    double draw = lx_rng_uniform(&rng);
    for (size_t i = 0; i < rows->products[row]; i++) draw = lx_rng_uniform(&rng);
    return draw;
}

static int compare_reals(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return a < b ? -1 : a > b;
}

static void copy_row(struct rows *rows, size_t to, size_t from)
{
    size_t columns = rows->matrix.column_count;
    if (to == from) return;
    memcpy(rows->matrix.values + to * columns, rows->matrix.values + from * columns,
           columns * sizeof *rows->matrix.values);
    rows->labels[to] = rows->labels[from];
    rows->customers[to] = rows->customers[from];
    rows->products[to] = rows->products[from];
    rows->moments[to] = rows->moments[from];
    rows->sources[to] = rows->sources[from];
}

/*
 * There were more positives than the peers told: the rate becomes what it should have been, and
 * the negatives with a draw above it go, as if they had never been drawn.
 */
static enum lx_err thin(const struct rows_plan *plan, size_t rows_max, struct rows *rows,
                        struct lx_error *err)
{
    size_t count = rows->matrix.row_count, negatives = 0, kept = 0;
    if (count <= rows_max) return LX_OK;
    if (5 * rows->positives > 4 * rows_max)
        return lx_fail(err, LX_ERR_LIMIT,
                       "training rows: %zu openings leave no room for others among %zu rows: raise "
                       "the maximum",
                       rows->positives, rows_max);
    double *draws = lx_malloc(2 * count * sizeof *draws);
    if (draws == NULL) return lx_fail(err, LX_ERR_NO_MEMORY, "training rows: out of memory");
    double *sorted = draws + count;
    for (size_t i = 0; i < count; i++) {
        draws[i] = rows->labels[i] > 0 ? -1 : draw_of(plan, rows, i);
        if (draws[i] >= 0) sorted[negatives++] = draws[i];
    }
    qsort(sorted, negatives, sizeof *sorted, compare_reals);
    double rate = sorted[rows_max - rows->positives];
    for (size_t i = 0; i < count; i++)
        if (draws[i] < rate) copy_row(rows, kept++, i);
    rows->matrix.row_count = kept;
    rows->negative_rate = rate;
    lx_free(draws);
    return LX_OK;
}

static enum lx_err name_columns(const struct view_features *features, struct matrix *matrix)
{
    for (size_t i = 0; i < matrix->column_count; i++) {
        enum lx_err code = matrix_name(matrix, i, rows_feature(features, i)->name);
        if (code != LX_OK) return code;
    }
    return LX_OK;
}

static enum lx_err gather_all(const struct rows_plan *plan, size_t rows_max,
                              const struct lx_env *env, int64_t customers, double negative_rate,
                              struct rows *rows, struct lx_error *err)
{
    size_t chunk_count = rows_scan_chunks(customers, env);
    size_t column_count = view_features_count(plan->features, VIEW_CUSTOMER) +
                          view_features_count(plan->features, VIEW_PAIR);
    struct gathering *gatherings = lx_calloc(chunk_count, sizeof *gatherings);
    if (gatherings == NULL) return lx_fail(err, LX_ERR_NO_MEMORY, "training rows: out of memory");
    enum lx_err code = LX_OK;
    for (size_t i = 0; code == LX_OK && i < chunk_count; i++) {
        gatherings[i].plan = plan;
        gatherings[i].negative_rate = negative_rate;
        gatherings[i].rows_max = rows_max;
        code = matrix_init(&gatherings[i].matrix, column_count);
    }
    if (code == LX_OK) code = matrix_init(&rows->matrix, column_count);
    if (code == LX_OK) code = name_columns(plan->features, &rows->matrix);
    if (code == LX_OK) {
        const struct rows_scan scan = {.folder = plan->folder,
                                       .what = "training rows",
                                       .visit = gather,
                                       .contexts = (char *)gatherings,
                                       .context_size = sizeof *gatherings,
                                       .chunk_count = chunk_count,
                                       .customers = customers};
        code = rows_scan(&scan, env, err);
        if (code == LX_OK) code = merge(gatherings, chunk_count, rows);
    }
    if (code == LX_ERR_NO_MEMORY) code = lx_fail(err, code, "training rows: out of memory");
    for (size_t i = 0; i < chunk_count; i++) gathering_release(&gatherings[i]);
    lx_free(gatherings);
    return code;
}

static enum lx_err count_products(const char *folder, size_t *ret_count, struct lx_error *err)
{
    struct bank *bank = NULL;
    enum lx_err code = bank_open(folder, STORE_READ, &bank, err);
    if (code != LX_OK) return code;
    *ret_count = bank_catalogue(bank)->count;
    bank_close(bank);
    return LX_OK;
}

enum lx_err rows_build(const struct rows_plan *plan, size_t rows_max, const struct lx_env *env,
                       struct rows *ret_rows, struct lx_error *err)
{
    LX_ASSERT(plan->moment_count > 0 && plan->moment_count <= ROWS_MOMENTS_MAX && rows_max > 0);
    LX_ASSERT(plan->features != NULL);

    int64_t customers = 0;
    size_t product_count = 0;
    struct rows rows = {0};
    enum lx_err code = rows_scan_customers(plan->folder, &customers, err);
    if (code == LX_OK) code = count_products(plan->folder, &product_count, err);
    if (code != LX_OK) return code;

    rows.negative_rate = choose_rate(plan, product_count, customers, rows_max);
    code = gather_all(plan, rows_max, env, customers, rows.negative_rate, &rows, err);
    if (code == LX_OK) code = thin(plan, rows_max, &rows, err);
    if (code != LX_OK) {
        rows_release(&rows);
        return code;
    }
    double positives = (double)rows.positives;
    double negatives = ((double)rows.matrix.row_count - positives) / rows.negative_rate;
    rows.true_rate = positives + negatives > 0 ? positives / (positives + negatives) : 0;
    *ret_rows = rows;
    return LX_OK;
}

void rows_release(struct rows *rows)
{
    matrix_release(&rows->matrix);
    lx_free(rows->labels);
    lx_free(rows->customers);
    lx_free(rows->products);
    lx_free(rows->moments);
    lx_free(rows->sources);
    *rows = (struct rows){0};
}
