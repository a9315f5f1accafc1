#ifndef LEARN_RELATIONS_H
#define LEARN_RELATIONS_H

/*
 * relations: what having one thing says about having another, from who has what (customers and
 * products, or any 0/1 matrix), with how sure it is.
 *
 * Counting is one pass; counts add up, so neither the order of rows nor the threads matter, and
 * every figure below is made from integers. Each row has a stratum of the caller's (how active the
 * customer is; 0 where there is none), and is further put by how many OTHER things it has: of a
 * pair (a, b) by the number beside a and b, 0, 1, 2 ... RELATIONS_LEVELS - 3 and more. "Active
 * customers have everything" is thereby compared away: the odds ratio is the Mantel-Haenszel one
 * over stratum x number of others.
 *
 * Of an ordered pair (a, b), N rows, a and b how many have each, n who have both:
 *
 *   lift         P(b | a) / P(b) = n N / (a b), with half a case added to n (and its share to the
 *                rest) where n = 0; the 95 % interval is that of its logarithm by the delta method.
 *                The same both ways.
 *   log_p, log_q Fisher's exact test of the lift; Benjamini-Hochberg over all pairs.
 *   ratio        P(b | a) / P(b | not a): how many times as often a's holders have b as the others
 *                do. Interval of its logarithm (Katz et al. 1978). Differs between (a, b), (b, a).
 *   odds         Mantel-Haenszel log odds ratio over the strata, its variance, p and q.
 *
 * and the weights, which are what a round of questions wants. They shrink to 0 as evidence thins:
 *
 *   shrunk       s = odds * t / (t + variance), where t is the variance of the true log odds over
 *                all pairs by the method of moments, max(0, mean(odds^2 - variance)), of the pairs
 *                that have a finite variance (each mean weighted by 1 / variance would be that of
 *                the common pairs alone, so it is plain); t is at most RELATIONS_PRIOR_MAX.
 *   association  Yule's Q of it, tanh(s / 2), in [-1, 1]: above 0 a complement, below a substitute.
 *   similarity   the correlation of the two columns, in [-1, 1], times m / (m + RELATIONS_PRIOR)
 *                with m = min(a, b, N - a, N - b): not freed of activity.
 *   yes, no      what an answer about a says of b, in log-odds of b, nothing compared away:
 *                yes = log P(has a | has b) / P(has a | has not b),
 *                no  = log P(has not a | has b) / P(has not a | has not b),
 *                each probability mixed with RELATIONS_PRIOR rows of the rate P(a). Adding them for
 *                several answers to the log-odds of b is naive Bayes.
 *
 * Shapes:    pairs[a * column_count + b]; of (a, a) only total, holders are set.
 * Ownership: counts and relations own what they point to. Threads: counts one writer each (one a
 *            thread, then merged); relations read-only.
 * Errors:    LX_ERR_NO_MEMORY, LX_ERR_LIMIT (counts past RELATIONS_CELLS_MAX).
 */

#include "learn/incidence.h"

enum {
    RELATIONS_COLUMNS_MAX = 1024,
    RELATIONS_STRATA_MAX = 64,
    RELATIONS_LEVELS = 12, /* numbers of things a row has, 0 ... 11 and more */
    RELATIONS_CELLS_MAX = 1 << 27,
};
#define RELATIONS_PRIOR 5.0
#define RELATIONS_PRIOR_MAX 4.0

struct relations_counts {
    size_t column_count, stratum_count;
    uint64_t *totals; /* [stratum][level] rows */
    uint32_t *both;   /* [stratum][level][a][b], a <= b; [a][a]: who has a */
};

LX_MUST_USE enum lx_err relations_counts_init(struct relations_counts *counts, size_t column_count,
                                              size_t stratum_count);
void relations_counts_release(struct relations_counts *counts);
/* One row: its columns, ascending. */
void relations_counts_add(struct relations_counts *counts, const uint16_t *columns, size_t count,
                          size_t stratum);
/* Adds what another of the same shape has counted. */
void relations_counts_merge(struct relations_counts *counts, const struct relations_counts *other);

struct relation {
    uint64_t total, holders_a, holders_b, both;
    double lift, lift_low, lift_high, log_p, log_q;
    double ratio, ratio_low, ratio_high;
    double odds, odds_variance, odds_log_p, odds_log_q;
    double expected; /* `both`, if within strata one said nothing of the other */
    double shrunk, association, similarity, yes, no;
};

struct relations {
    size_t column_count;
    double prior_variance; /* t above */
    struct relation *pairs;
};

LX_MUST_USE enum lx_err relations_make(const struct relations_counts *counts,
                                       struct relations *ret_relations);
/* Counting and making in one, of a matrix without strata. */
LX_MUST_USE enum lx_err relations_of(const struct incidence *incidence,
                                     struct relations *ret_relations);
void relations_release(struct relations *relations); /* a zeroed one is fine */

static inline const struct relation *relations_at(const struct relations *relations, size_t a,
                                                  size_t b)
{
    LX_ASSERT(a < relations->column_count && b < relations->column_count);
    return &relations->pairs[a * relations->column_count + b];
}

#endif
