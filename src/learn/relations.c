#include "learn/relations.h"

#include <math.h>
#include <string.h>

#include "learn/significance.h"

#define Z95 1.959963984540054

/* Rows are counted by how many things they have, the last level being LEVELS - 1 and more. Who has
 * a and b and r others is at level r + 2, who has one of them and r others at r + 1, who has
 * neither at r. So the levels of others end at LEVELS - 3 and more, where all three are whole. */
enum { OTHERS = RELATIONS_LEVELS - 2 };

static size_t cell_of(const struct relations_counts *counts, size_t stratum, size_t level, size_t a,
                      size_t b)
{
    size_t n = counts->column_count;
    return ((stratum * RELATIONS_LEVELS + level) * n + a) * n + b;
}

static size_t cell_count(const struct relations_counts *counts)
{
    return cell_of(counts, counts->stratum_count, 0, 0, 0);
}

enum lx_err relations_counts_init(struct relations_counts *counts, size_t column_count,
                                  size_t stratum_count)
{
    LX_ASSERT(column_count > 0 && stratum_count > 0);

    if (column_count > RELATIONS_COLUMNS_MAX || stratum_count > RELATIONS_STRATA_MAX)
        return LX_ERR_LIMIT;
    *counts =
        (struct relations_counts){.column_count = column_count, .stratum_count = stratum_count};
    if (cell_count(counts) > RELATIONS_CELLS_MAX) return LX_ERR_LIMIT;
    counts->totals = lx_calloc(stratum_count * RELATIONS_LEVELS, sizeof *counts->totals);
    counts->both = lx_calloc(cell_count(counts), sizeof *counts->both);
    if (counts->totals != NULL && counts->both != NULL) return LX_OK;
    relations_counts_release(counts);
    return LX_ERR_NO_MEMORY;
}

void relations_counts_release(struct relations_counts *counts)
{
    lx_free(counts->totals);
    lx_free(counts->both);
    *counts = (struct relations_counts){0};
}

void relations_counts_add(struct relations_counts *counts, const uint16_t *columns, size_t count,
                          size_t stratum)
{
    LX_ASSERT(stratum < counts->stratum_count);
    LX_ASSERT(count == 0 || columns[count - 1] < counts->column_count);

    size_t level = count < RELATIONS_LEVELS ? count : RELATIONS_LEVELS - 1;
    counts->totals[stratum * RELATIONS_LEVELS + level]++;
    for (size_t i = 0; i < count; i++) {
        uint32_t *both = counts->both + cell_of(counts, stratum, level, columns[i], 0);
        for (size_t j = i; j < count; j++) both[columns[j]]++;
    }
}

void relations_counts_merge(struct relations_counts *counts, const struct relations_counts *other)
{
    LX_ASSERT(counts->column_count == other->column_count);
    LX_ASSERT(counts->stratum_count == other->stratum_count);

    for (size_t i = 0; i < counts->stratum_count * RELATIONS_LEVELS; i++)
        counts->totals[i] += other->totals[i];
    for (size_t i = 0; i < cell_count(counts); i++) counts->both[i] += other->both[i];
}

/* Sums over levels [from, to) of a stratum. */
static uint64_t sum_both(const struct relations_counts *counts, size_t stratum, size_t from,
                         size_t to, size_t a, size_t b)
{
    uint64_t sum = 0;
    for (size_t level = from; level < to; level++)
        sum += counts->both[cell_of(counts, stratum, level, a < b ? a : b, a < b ? b : a)];
    return sum;
}

static uint64_t sum_totals(const struct relations_counts *counts, size_t stratum, size_t from,
                           size_t to)
{
    uint64_t sum = 0;
    for (size_t level = from; level < to; level++)
        sum += counts->totals[stratum * RELATIONS_LEVELS + level];
    return sum;
}

/* The table of a pair among the rows of a stratum that have `others` things beside. */
static struct table2 table_at(const struct relations_counts *counts, size_t stratum, size_t others,
                              size_t a, size_t b)
{
    bool is_last = others == OTHERS - 1;
    size_t n = RELATIONS_LEVELS;
    size_t both_end = is_last ? n : others + 3, one_end = is_last ? n : others + 2;
    size_t none_end = is_last ? n : others + 1;
    struct table2 table = {.both = sum_both(counts, stratum, others + 2, both_end, a, b)};
    table.first = sum_both(counts, stratum, others + 1, one_end, a, a) -
                  sum_both(counts, stratum, others + 1, one_end, a, b);
    table.second = sum_both(counts, stratum, others + 1, one_end, b, b) -
                   sum_both(counts, stratum, others + 1, one_end, a, b);
    table.neither = sum_totals(counts, stratum, others, none_end) +
                    sum_both(counts, stratum, others, none_end, a, b) -
                    sum_both(counts, stratum, others, none_end, a, a) -
                    sum_both(counts, stratum, others, none_end, b, b);
    return table;
}

static double phi_of(double total, double a, double b, double both)
{
    double spread = a * b * (total - a) * (total - b);
    return spread <= 0 ? 0 : (both * total - a * b) / sqrt(spread);
}

static void make_lift(struct relation *relation)
{
    double total = (double)relation->total, a = (double)relation->holders_a;
    double b = (double)relation->holders_b, both = (double)relation->both;
    relation->lift = relation->lift_low = relation->lift_high = NAN;
    relation->ratio = relation->ratio_low = relation->ratio_high = NAN;
    if (a <= 0 || b <= 0) return;
    double n = both > 0 ? both : 0.5;
    /* The logarithm's gradient by the four shares of the rows, squared and weighted, less the
     * square of its mean, which is -1. */
    double lift = n * total / (a * b);
    double gradient = 1 / n - 1 / a - 1 / b;
    double variance = n * gradient * gradient + (a - both) / (a * a) + (b - both) / (b * b);
    double spread = Z95 * sqrt(fmax(0, variance - 1 / total));
    relation->lift = both * total / (a * b);
    relation->lift_low = both > 0 ? lift * exp(-spread) : 0;
    relation->lift_high = lift * exp(spread);
    if (a >= total) return;
    double others = b - both > 0 ? b - both : 0.5, rest = total - a;
    double ratio = n / a / (others / rest);
    spread = Z95 * sqrt(fmax(0, 1 / n - 1 / a + 1 / others - 1 / rest));
    relation->ratio = both / a / (others / rest);
    relation->ratio_low = both > 0 ? ratio * exp(-spread) : 0;
    relation->ratio_high = ratio * exp(spread);
}

/* P(has a | has b) and P(has a | has not b), each among RELATIONS_PRIOR more rows of a's own
 * rate, which is kept off 0 and 1 by half a row. */
static void make_answers(struct relation *relation)
{
    double total = (double)relation->total, a = (double)relation->holders_a;
    double b = (double)relation->holders_b, both = (double)relation->both;
    double rate = (a + 0.5) / (total + 1);
    double with = (both + RELATIONS_PRIOR * rate) / (b + RELATIONS_PRIOR);
    double without = (a - both + RELATIONS_PRIOR * rate) / (total - b + RELATIONS_PRIOR);
    relation->yes = log(with / without);
    relation->no = log((1 - with) / (1 - without));
}

static void make_pair(const struct relations_counts *counts, size_t a, size_t b,
                      struct relation *relation)
{
    struct table2 tables[RELATIONS_STRATA_MAX * OTHERS];
    size_t n = 0;
    for (size_t stratum = 0; stratum < counts->stratum_count; stratum++)
        for (size_t others = 0; others < OTHERS; others++)
            tables[n++] = table_at(counts, stratum, others, a, b);
    struct mantel_haenszel odds = significance_strata(tables, n);
    relation->odds = odds.log_odds;
    relation->odds_variance = odds.variance;
    relation->odds_log_p = odds.log_p;
    relation->expected = odds.expected;

    struct table2 table = {.both = relation->both,
                           .first = relation->holders_a - relation->both,
                           .second = relation->holders_b - relation->both};
    table.neither = relation->total + relation->both - relation->holders_a - relation->holders_b;
    relation->log_p = relation->total > 0 ? significance_fisher(&table) : 0;

    double total = (double)relation->total, held_a = (double)relation->holders_a;
    double held_b = (double)relation->holders_b;
    double least = fmin(fmin(held_a, held_b), fmin(total - held_a, total - held_b));
    relation->similarity =
        phi_of(total, held_a, held_b, (double)relation->both) * least / (least + RELATIONS_PRIOR);
    make_lift(relation);
    make_answers(relation);
}

/* What both directions have in common is made once. */
static void make_reverse(const struct relation *relation, struct relation *ret_reverse)
{
    struct relation reverse = *relation;
    reverse.holders_a = relation->holders_b;
    reverse.holders_b = relation->holders_a;
    make_lift(&reverse);
    make_answers(&reverse);
    *ret_reverse = reverse;
}

/* The four lists of logarithms that Benjamini-Hochberg wants, a place for each unordered pair. */
static enum lx_err adjust(struct relations *relations)
{
    size_t n = relations->column_count, count = n * (n - 1) / 2, at = 0;
    if (count == 0) return LX_OK;
    double *logs = lx_malloc(4 * count * sizeof *logs);
    if (logs == NULL) return LX_ERR_NO_MEMORY;
    for (size_t a = 0; a < n; a++)
        for (size_t b = a + 1; b < n; b++, at++) {
            logs[at] = relations->pairs[a * n + b].log_p;
            logs[count + at] = relations->pairs[a * n + b].odds_log_p;
        }
    enum lx_err code = significance_adjust(logs, count, logs + 2 * count);
    if (code == LX_OK) code = significance_adjust(logs + count, count, logs + 3 * count);
    at = 0;
    for (size_t a = 0; a < n; a++)
        for (size_t b = a + 1; b < n && code == LX_OK; b++, at++)
            for (int way = 0; way < 2; way++) {
                struct relation *pair = &relations->pairs[way == 0 ? a * n + b : b * n + a];
                pair->log_q = logs[2 * count + at];
                pair->odds_log_q = logs[3 * count + at];
            }
    lx_free(logs);
    return code;
}

static void shrink(struct relations *relations)
{
    size_t n = relations->column_count, informed = 0;
    double sum = 0;
    for (size_t a = 0; a < n; a++)
        for (size_t b = a + 1; b < n; b++) {
            const struct relation *pair = &relations->pairs[a * n + b];
            if (isinf(pair->odds_variance)) continue;
            sum += pair->odds * pair->odds - pair->odds_variance;
            informed++;
        }
    double prior = informed > 0 ? sum / (double)informed : 0;
    relations->prior_variance = prior = fmin(fmax(prior, 0), RELATIONS_PRIOR_MAX);
    for (size_t i = 0; i < n * n; i++) {
        struct relation *pair = &relations->pairs[i];
        if (i / n == i % n) continue;
        bool is_informed = prior > 0 && !isinf(pair->odds_variance);
        pair->shrunk = is_informed ? pair->odds * prior / (prior + pair->odds_variance) : 0;
        pair->association = tanh(pair->shrunk / 2);
    }
}

enum lx_err relations_make(const struct relations_counts *counts, struct relations *ret_relations)
{
    size_t n = counts->column_count;
    struct relations relations = {.column_count = n};
    relations.pairs = lx_calloc(n * n, sizeof *relations.pairs);
    if (relations.pairs == NULL) return LX_ERR_NO_MEMORY;
    uint64_t total = 0;
    for (size_t i = 0; i < counts->stratum_count * RELATIONS_LEVELS; i++)
        total += counts->totals[i];
    for (size_t a = 0; a < n; a++)
        for (size_t b = a; b < n; b++) {
            struct relation *pair = &relations.pairs[a * n + b];
            pair->total = total;
            for (size_t s = 0; s < counts->stratum_count; s++) {
                pair->both += sum_both(counts, s, 0, RELATIONS_LEVELS, a, b);
                pair->holders_a += sum_both(counts, s, 0, RELATIONS_LEVELS, a, a);
                pair->holders_b += sum_both(counts, s, 0, RELATIONS_LEVELS, b, b);
            }
            if (a == b) continue;
            make_pair(counts, a, b, pair);
            make_reverse(pair, &relations.pairs[b * n + a]);
        }
    enum lx_err code = adjust(&relations);
    if (code != LX_OK) {
        relations_release(&relations);
        return code;
    }
    shrink(&relations);
    *ret_relations = relations;
    return LX_OK;
}

enum lx_err relations_of(const struct incidence *incidence, struct relations *ret_relations)
{
    struct relations_counts counts = {0};
    enum lx_err code = relations_counts_init(&counts, incidence->column_count, 1);
    for (size_t row = 0; code == LX_OK && row < incidence->row_count; row++) {
        const uint16_t *columns;
        size_t count = incidence_row(incidence, row, &columns);
        relations_counts_add(&counts, columns, count, 0);
    }
    if (code == LX_OK) code = relations_make(&counts, ret_relations);
    relations_counts_release(&counts);
    return code;
}

void relations_release(struct relations *relations)
{
    lx_free(relations->pairs);
    *relations = (struct relations){0};
}
