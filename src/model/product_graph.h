#ifndef MODEL_PRODUCT_GRAPH_H
#define MODEL_PRODUCT_GRAPH_H

/*
 * product_graph: what the bank's products have to do with each other, from what its customers did,
 * as of a moment; a table with a row (edge) for each ordered pair (a, b), and the evidence in it.
 *
 *   holding    who holds a and b now: learn/relations.h. Strata: acts of the customer's own in the
 *              90 days before (0, 1-5, 6-20, more) x number of other products held.
 *   opening    does holding a go before opening b? At GRAPH_MOMENTS moments, GRAPH_WINDOW_DAYS
 *              apart, everybody known who does not hold b: who of a's holders, and who of the
 *              others, opened b in the window after? `ratio` compares the shares as they are,
 *              `odds` within strata as above, so that "active customers open everything" is
 *              compared away.
 *   switching  does closing a go before opening b? Who closed his last a and held no b, against
 *              everybody known who held no b, within strata; opened b within GRAPH_WINDOW_DAYS.
 *   order      among those who hold both: how many had a first, how many b, a sign test, and the
 *              median of the days from a to b among those who had a first (exact below 128 days,
 *              then to about 2 in 100).
 *   likeness   of the two products' own properties, 0 to 1: product_likeness.
 *   conflict   the catalogue says that they exclude each other (`conflicts = P03 P04`).
 *
 * q-values are over all pairs that have evidence (Benjamini-Hochberg), each kind of test by itself.
 * The kind of an edge is the first that is true:
 *   conflict    the catalogue says so;
 *   complement  opening: odds at least GRAPH_ODDS_MIN, q below GRAPH_Q_MAX;
 *   substitute  opening or holding: odds at most 1 / GRAPH_ODDS_MIN, q below GRAPH_Q_MAX; or
 *               switching: odds at least GRAPH_ODDS_MIN, q below GRAPH_Q_MAX, the same category,
 *               and fewer hold both than strata let expect;
 *   none        else.
 * `weight` in [-1, 1], what a round of questions adds up: tanh(s / 2) of the pooled log odds
 *   s = (h / vh + o / vo) / (1 / vh + 1 / vo + 1 / t)
 * where h, vh are the holding's log odds and variance, o, vo the opening's, and t their variance
 * over the pairs (prior_variance), so that it is 0 without evidence; -1 for a conflict.
 *
 * Nothing counts that happened, or became known, after as_of_ms; windows end by then. What closed
 * and never opened was held from before the records begin (bank/holdings.h).
 * Ownership: product_graph_release. Threads: building uses env->thread_count, integers are summed,
 *            so the result does not depend on how many; read-only afterwards.
 * Errors:    LX_ERR_NOT_READY (the model has no graph: train again), LX_ERR_CORRUPT, LX_ERR_LIMIT
 *            (more than GRAPH_PRODUCTS_MAX products), bank's.
 */

#include "bank/catalogue.h"
#include "base/buffer.h"
#include "base/env.h"
#include "learn/relations.h"

enum {
    GRAPH_WINDOW_DAYS = 90,
    GRAPH_MOMENTS = 8,
    GRAPH_STRATA = 4,
    GRAPH_PRODUCTS_MAX = LX_PRODUCT_MAX,
};
#define GRAPH_ODDS_MIN 1.25
#define GRAPH_Q_MAX 0.05

#define GRAPH_KIND_MAP(X)                                                                          \
    X(NONE, "none", "无明显关系", "no clear relation")                                             \
    X(COMPLEMENT, "complement", "互补", "complement")                                              \
    X(SUBSTITUTE, "substitute", "替代", "substitute")                                              \
    X(CONFLICT, "conflict", "互斥", "conflict")

enum graph_kind {
#define X(name, text, zh, en) GRAPH_KIND_##name,
    GRAPH_KIND_MAP(X)
#undef X
        GRAPH_KIND_COUNT
};
const char *graph_kind_text(enum graph_kind kind);
const char *graph_kind_zh(enum graph_kind kind);
const char *graph_kind_en(enum graph_kind kind);

/* Shares of two groups who opened b, and what is left within strata. */
struct graph_test {
    uint64_t with, with_opened;          /* those who hold (closed) a, and who of them opened b */
    uint64_t without, without_opened;    /* the others */
    double ratio, ratio_low, ratio_high; /* of the shares, with a 95 % interval; NAN: nobody */
    double odds, variance, log_p,
        log_q; /* log odds within strata; variance INFINITY: no evidence */
};

struct product_edge {
    enum graph_kind kind;
    struct relation holding;
    struct graph_test opening, switching;
    uint64_t a_first, b_first, same_day;
    double order_log_p, order_log_q;
    int32_t median_days; /* -1: nobody had a first */
    double likeness, weight;
    bool is_conflict;
};

struct product_graph {
    int64_t as_of_ms;
    uint64_t customers;
    size_t product_count;
    double prior_variance;
    struct product_edge *edges; /* [a][b]; of (a, a) only the holders */
};

LX_MUST_USE enum lx_err product_graph_build(const char *folder, int64_t as_of_ms,
                                            const struct lx_env *env,
                                            struct product_graph *ret_graph, struct lx_error *err);
void product_graph_release(struct product_graph *graph); /* a zeroed one is fine */

static inline const struct product_edge *product_graph_edge(const struct product_graph *graph,
                                                            size_t a, size_t b)
{
    LX_ASSERT(a < graph->product_count && b < graph->product_count);
    return &graph->edges[a * graph->product_count + b];
}

/*
 * How alike two products are: 0.35 same category, 0.15 risk (1 less a quarter for each level), and
 * 0.1 each of term, minimum (the smaller over the larger, by their logarithms of 1 + days, 1 +
 * yuan), ages (days in common over days together), channels (the same of sets), and the describing
 * line (pairs of neighbouring characters in common, Dice; Chinese). The same both ways; 1 of a
 * product with itself.
 */
double product_likeness(const struct bank_product *a, const struct bank_product *b);

/* Canonical bytes with a version and a checksum, and back. */
void product_graph_write(const struct product_graph *graph, struct lx_buffer *buffer);
LX_MUST_USE enum lx_err product_graph_read(const void *bytes, size_t length,
                                           struct product_graph *ret_graph, struct lx_error *err);

/* That of a model in DIR (`id` NULL: the live one), from models/<id>/products.graph, whose SHA-256
 * is on the model's card. */
LX_MUST_USE enum lx_err product_graph_open(const char *folder, const char *id,
                                           struct product_graph *ret_graph, struct lx_error *err);

#endif
