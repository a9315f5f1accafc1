#include "model/product_graph.h"

#include <math.h>
#include <stdatomic.h>
#include <string.h>

#include "bank/bank.h"
#include "learn/significance.h"
#include "model/product_tally.h"
#include "model/rows_scan.h"

#define Z95 1.959963984540054

const char *graph_kind_text(enum graph_kind kind)
{
    static const char *const texts[] = {
#define X(name, text, zh, en) text,
        GRAPH_KIND_MAP(X)
#undef X
    };
    LX_ASSERT(kind < GRAPH_KIND_COUNT);
    return texts[kind];
}

const char *graph_kind_zh(enum graph_kind kind)
{
    static const char *const texts[] = {
#define X(name, text, zh, en) zh,
        GRAPH_KIND_MAP(X)
#undef X
    };
    LX_ASSERT(kind < GRAPH_KIND_COUNT);
    return texts[kind];
}

const char *graph_kind_en(enum graph_kind kind)
{
    static const char *const texts[] = {
#define X(name, text, zh, en) en,
        GRAPH_KIND_MAP(X)
#undef X
    };
    LX_ASSERT(kind < GRAPH_KIND_COUNT);
    return texts[kind];
}

/* A tally for each thread; a chunk's visit takes whichever is free, since sums do not care. */
struct pool {
    struct product_tally *tallies;
    atomic_flag *are_taken;
    size_t count;
};

struct pool_chunk {
    struct pool *pool;
};

static enum lx_err visit(struct rows_chunk *chunk, const struct bank_history *history,
                         struct lx_error *err)
{
    struct pool *pool = ((struct pool_chunk *)chunk->context)->pool;
    size_t i = 0;
    while (atomic_flag_test_and_set(&pool->are_taken[i])) i = (i + 1) % pool->count;
    enum lx_err code = product_tally_add(&pool->tallies[i], history);
    atomic_flag_clear(&pool->are_taken[i]);
    return code == LX_OK ? LX_OK
                         : lx_fail(err, code, "product graph: customer %s: %s", history->id,
                                   lx_err_text(code));
}

static void pool_release(struct pool *pool)
{
    for (size_t i = 0; pool->tallies != NULL && i < pool->count; i++)
        product_tally_release(&pool->tallies[i]);
    lx_free(pool->tallies);
    lx_free(pool->are_taken);
}

static enum lx_err pool_init(struct pool *pool, struct bank *bank, int64_t as_of_ms,
                             struct lx_error *err)
{
    size_t products = bank_catalogue(bank)->count;
    pool->tallies = lx_calloc(pool->count, sizeof *pool->tallies);
    pool->are_taken = lx_calloc(pool->count, sizeof *pool->are_taken);
    enum lx_err code = pool->tallies != NULL && pool->are_taken != NULL ? LX_OK : LX_ERR_NO_MEMORY;
    for (size_t i = 0; code == LX_OK && i < pool->count; i++) {
        atomic_flag_clear(&pool->are_taken[i]);
        code = product_tally_init(&pool->tallies[i], products, as_of_ms,
                                  bank_utc_offset_minutes(bank));
    }
    return code == LX_OK ? LX_OK
                         : lx_fail(err, code, "product graph of %zu products: %s", products,
                                   lx_err_text(code));
}

static enum lx_err count_all(const char *folder, struct pool *pool, const struct lx_env *env,
                             struct lx_error *err)
{
    int64_t customers = 0;
    enum lx_err code = rows_scan_customers(folder, &customers, err);
    if (code != LX_OK) return code;
    size_t chunk_count = rows_scan_chunks(customers, env);
    struct pool_chunk *chunks = lx_calloc(chunk_count, sizeof *chunks);
    if (chunks == NULL) return lx_fail(err, LX_ERR_NO_MEMORY, "product graph: out of memory");
    for (size_t i = 0; i < chunk_count; i++) chunks[i].pool = pool;
    const struct rows_scan scan = {.folder = folder,
                                   .what = "product graph",
                                   .visit = visit,
                                   .contexts = (char *)chunks,
                                   .context_size = sizeof *chunks,
                                   .chunk_count = chunk_count,
                                   .customers = customers};
    code = rows_scan(&scan, env, err);
    lx_free(chunks);
    for (size_t i = 1; code == LX_OK && i < pool->count; i++)
        product_tally_merge(&pool->tallies[0], &pool->tallies[i]);
    return code;
}

/* The tables added up give the shares, within strata the odds. */
static struct graph_test make_test(const struct table2 *tables, size_t count)
{
    struct graph_test test = {.ratio = NAN, .ratio_low = NAN, .ratio_high = NAN};
    for (size_t i = 0; i < count; i++) {
        test.with_opened += tables[i].both;
        test.with += tables[i].both + tables[i].first;
        test.without_opened += tables[i].second;
        test.without += tables[i].second + tables[i].neither;
    }
    struct mantel_haenszel odds = significance_strata(tables, count);
    test.odds = odds.log_odds;
    test.variance = odds.variance;
    test.log_p = odds.log_p;
    if (test.with == 0 || test.without == 0) return test;
    double a = (double)test.with_opened, b = (double)test.without_opened;
    if (a + b <= 0) return test;
    double share = (a > 0 ? a : 0.5) / (double)test.with;
    double other = (b > 0 ? b : 0.5) / (double)test.without;
    double spread = 1 / (a > 0 ? a : 0.5) - 1 / (double)test.with + 1 / (b > 0 ? b : 0.5) -
                    1 / (double)test.without;
    spread = Z95 * sqrt(fmax(0, spread));
    test.ratio = a / (double)test.with / other;
    test.ratio_low = a > 0 ? share / other * exp(-spread) : 0;
    test.ratio_high = b > 0 ? share / other * exp(spread) : INFINITY;
    return test;
}

static void make_edge(const struct product_tally *tally, const struct relations *relations,
                      size_t a, size_t b, struct product_edge *edge)
{
    struct table2 tables[TALLY_TABLES];
    edge->holding = *relations_at(relations, a, b);
    edge->opening = make_test(tables, product_tally_opening(tally, a, b, tables));
    edge->switching = make_test(tables, product_tally_switching(tally, a, b, tables));
    edge->a_first = tally->first[a * tally->product_count + b];
    edge->b_first = tally->first[b * tally->product_count + a];
    edge->same_day = tally->same[a * tally->product_count + b];
    edge->order_log_p = significance_sign(edge->a_first, edge->b_first);
    edge->median_days = product_tally_median_days(tally, a, b);
}

/* The tests of all edges that have evidence, adjusted together. */
struct adjusting {
    double log_p, *log_q;
};

static enum lx_err adjust(struct adjusting *tests, double *logs, size_t count)
{
    for (size_t i = 0; i < count; i++) logs[i] = tests[i].log_p;
    enum lx_err code = significance_adjust(logs, count, logs + count);
    for (size_t i = 0; code == LX_OK && i < count; i++) *tests[i].log_q = logs[count + i];
    return code;
}

static void list_tests(struct product_graph *graph, int kind, struct adjusting *tests,
                       size_t *ret_count)
{
    size_t n = graph->product_count;
    *ret_count = 0;
    for (size_t i = 0; i < n * n; i++) {
        struct product_edge *edge = &graph->edges[i];
        struct adjusting test = {edge->order_log_p, &edge->order_log_q};
        bool is_informed = edge->a_first + edge->b_first > 0 && i / n < i % n;
        if (kind < 2) {
            struct graph_test *of = kind == 0 ? &edge->opening : &edge->switching;
            test = (struct adjusting){of->log_p, &of->log_q};
            is_informed = !isinf(of->variance) && i / n != i % n;
        }
        if (is_informed) tests[(*ret_count)++] = test;
    }
}

static enum lx_err adjust_all(struct product_graph *graph)
{
    size_t n = graph->product_count, count = 0;
    struct adjusting *tests = lx_malloc(n * n * sizeof *tests);
    double *logs = lx_malloc(2 * n * n * sizeof *logs);
    enum lx_err code = tests != NULL && logs != NULL ? LX_OK : LX_ERR_NO_MEMORY;
    for (int kind = 0; code == LX_OK && kind < 3; kind++) {
        list_tests(graph, kind, tests, &count);
        code = adjust(tests, logs, count);
    }
    for (size_t a = 0; a < n; a++) /* a sign test is the same both ways */
        for (size_t b = 0; b < a; b++)
            graph->edges[a * n + b].order_log_q = graph->edges[b * n + a].order_log_q;
    lx_free(tests);
    lx_free(logs);
    return code;
}

/* Of the true log odds, by the method of moments over all tests that have evidence. */
static double variance_of_odds(const struct product_graph *graph)
{
    size_t n = graph->product_count, count = 0;
    double sum = 0;
    for (size_t i = 0; i < n * n; i++) {
        const struct product_edge *edge = &graph->edges[i];
        if (i / n == i % n) continue;
        const double odds[] = {edge->holding.odds, edge->opening.odds};
        const double variances[] = {edge->holding.odds_variance, edge->opening.variance};
        for (int j = 0; j < 2; j++) {
            if (isinf(variances[j])) continue;
            sum += odds[j] * odds[j] - variances[j];
            count++;
        }
    }
    return count > 0 ? fmin(fmax(sum / (double)count, 0), RELATIONS_PRIOR_MAX) : 0;
}

static double weight_of(const struct product_edge *edge, double prior)
{
    double weight = 0, sum = 0;
    if (edge->is_conflict) return -1;
    if (prior <= 0) return 0;
    if (!isinf(edge->holding.odds_variance)) {
        weight += 1 / edge->holding.odds_variance;
        sum += edge->holding.odds / edge->holding.odds_variance;
    }
    if (!isinf(edge->opening.variance)) {
        weight += 1 / edge->opening.variance;
        sum += edge->opening.odds / edge->opening.variance;
    }
    return tanh(sum / (weight + 1 / prior) / 2);
}

static bool is_shown(double odds, double log_q, bool is_above)
{
    double limit = log(GRAPH_ODDS_MIN);
    return log_q < log(GRAPH_Q_MAX) && (is_above ? odds >= limit : odds <= -limit);
}

static enum graph_kind kind_of(const struct product_edge *edge, bool is_same_category)
{
    const struct relation *holding = &edge->holding;
    const struct graph_test *opening = &edge->opening, *switching = &edge->switching;
    if (edge->is_conflict) return GRAPH_KIND_CONFLICT;
    if (is_shown(opening->odds, opening->log_q, true)) return GRAPH_KIND_COMPLEMENT;
    if (is_shown(opening->odds, opening->log_q, false)) return GRAPH_KIND_SUBSTITUTE;
    if (is_shown(holding->odds, holding->odds_log_q, false)) return GRAPH_KIND_SUBSTITUTE;
    if (is_same_category && (double)holding->both < holding->expected &&
        is_shown(switching->odds, switching->log_q, true))
        return GRAPH_KIND_SUBSTITUTE;
    return GRAPH_KIND_NONE;
}

static enum lx_err make_edges(const struct product_tally *tally,
                              const struct bank_catalogue *catalogue, struct product_graph *graph)
{
    struct relations relations = {0};
    size_t n = graph->product_count;
    enum lx_err code = relations_make(&tally->now, &relations);
    if (code != LX_OK) return code;
    for (size_t i = 0; i < n * n; i++) {
        struct product_edge *edge = &graph->edges[i];
        size_t a = i / n, b = i % n;
        edge->median_days = -1;
        edge->likeness = product_likeness(&catalogue->products[a], &catalogue->products[b]);
        edge->is_conflict = bank_catalogue_conflict(catalogue, (int)a, (int)b);
        if (a == b)
            edge->holding = *relations_at(&relations, a, b);
        else
            make_edge(tally, &relations, a, b, edge);
    }
    relations_release(&relations);
    code = adjust_all(graph);
    graph->prior_variance = variance_of_odds(graph);
    for (size_t i = 0; i < n * n; i++) {
        struct product_edge *edge = &graph->edges[i];
        const struct bank_product *a = &catalogue->products[i / n];
        if (i / n == i % n) continue;
        edge->weight = weight_of(edge, graph->prior_variance);
        edge->kind = kind_of(edge, a->category == catalogue->products[i % n].category);
    }
    return code;
}

enum lx_err product_graph_build(const char *folder, int64_t as_of_ms, const struct lx_env *env,
                                struct product_graph *ret_graph, struct lx_error *err)
{
    struct pool pool = {.count = (size_t)env->thread_count};
    struct product_graph graph = {.as_of_ms = as_of_ms};
    struct bank *bank = NULL;
    enum lx_err code = bank_open(folder, STORE_READ, &bank, err);
    if (code != LX_OK) return code;
    code = pool_init(&pool, bank, as_of_ms, err);
    if (code == LX_OK) code = count_all(folder, &pool, env, err);
    if (code == LX_OK) {
        graph.product_count = bank_catalogue(bank)->count;
        graph.customers = pool.tallies[0].customers;
        graph.edges = lx_calloc(graph.product_count * graph.product_count, sizeof *graph.edges);
        code = graph.edges == NULL ? LX_ERR_NO_MEMORY
                                   : make_edges(&pool.tallies[0], bank_catalogue(bank), &graph);
        if (code != LX_OK) lx_fail(err, code, "product graph: out of memory");
    }
    pool_release(&pool);
    bank_close(bank);
    if (code == LX_OK)
        *ret_graph = graph;
    else
        product_graph_release(&graph);
    return code;
}

void product_graph_release(struct product_graph *graph)
{
    lx_free(graph->edges);
    *graph = (struct product_graph){0};
}
