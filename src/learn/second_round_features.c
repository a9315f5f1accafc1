#include "learn/second_round_features.h"

#include <math.h>
#include <string.h>

/* So many customers of the average kind are added to each conditional share. */
#define SHRINKAGE 4.0
#define SHARE_MIN 1e-5

static const char *const names[SECOND_ROUND_FIXED] = {
    [SECOND_ROUND_LOG_ODDS] = "log_odds",
    [SECOND_ROUND_GAP] = "gap",
    [SECOND_ROUND_RANK] = "rank",
    [SECOND_ROUND_EVIDENCE] = "evidence",
    [SECOND_ROUND_FROM_YES] = "evidence_yes",
    [SECOND_ROUND_FROM_NO] = "evidence_no",
    [SECOND_ROUND_UPDATED] = "updated",
    [SECOND_ROUND_COMPLEMENT] = "complement",
    [SECOND_ROUND_SUBSTITUTE] = "substitute",
    [SECOND_ROUND_ALIKE] = "alike",
    [SECOND_ROUND_SURPRISE] = "surprise",
    [SECOND_ROUND_SURPRISE_CATEGORY] = "surprise_category",
    [SECOND_ROUND_YES] = "yes",
    [SECOND_ROUND_NO] = "no",
    [SECOND_ROUND_YES_CATEGORY] = "yes_category",
    [SECOND_ROUND_NO_CATEGORY] = "no_category",
    [SECOND_ROUND_RATE] = "rate",
    [SECOND_ROUND_PRODUCT] = "product",
};

const char *second_round_feature_name(size_t feature)
{
    return feature < SECOND_ROUND_FIXED ? names[feature] : NULL;
}

enum lx_err second_round_counts_init(struct second_round_counts *counts, size_t product_count)
{
    size_t cells = product_count * product_count;
    *counts = (struct second_round_counts){.product_count = product_count};
    counts->known = lx_calloc(cells, sizeof *counts->known);
    counts->first = lx_calloc(cells, sizeof *counts->first);
    counts->both = lx_calloc(cells, sizeof *counts->both);
    if (counts->known != NULL && counts->first != NULL && counts->both != NULL) return LX_OK;
    second_round_counts_release(counts);
    return LX_ERR_NO_MEMORY;
}

void second_round_counts_release(struct second_round_counts *counts)
{
    lx_free(counts->known);
    lx_free(counts->first);
    lx_free(counts->both);
    *counts = (struct second_round_counts){0};
}

void second_round_counts_add(struct second_round_counts *counts, const float *log_odds,
                             const uint8_t *truth)
{
    size_t count = counts->product_count;
    for (size_t a = 0; a < count; a++) {
        if (isnan(log_odds[a])) continue;
        for (size_t b = 0; b < count; b++) {
            if (isnan(log_odds[b])) continue;
            counts->known[a * count + b]++;
            counts->first[a * count + b] += truth[a];
            counts->both[a * count + b] += truth[a] & truth[b];
        }
    }
}

void second_round_counts_subtract(struct second_round_counts *counts,
                                  const struct second_round_counts *others)
{
    LX_ASSERT(counts->product_count == others->product_count);
    for (size_t i = 0; i < counts->product_count * counts->product_count; i++) {
        counts->known[i] -= others->known[i];
        counts->first[i] -= others->first[i];
        counts->both[i] -= others->both[i];
    }
}

static double log_odds_of(double share)
{
    double clipped = fmin(fmax(share, SHARE_MIN), 1 - SHARE_MIN);
    return log(clipped) - log1p(-clipped);
}

/* What is known of b where a was asked: among those of whom both are known. */
static void tabulate(struct second_round_tables *tables, const struct second_round_counts *counts,
                     size_t a, size_t b)
{
    size_t count = tables->product_count, ab = a * count + b, ba = b * count + a;
    double known = counts->known[ab], held = counts->first[ab], both = counts->both[ab];
    double others = counts->first[ba];
    double share = (others + 0.5) / (known + 1);
    double with = (both + SHRINKAGE * share) / (held + SHRINKAGE);
    double without = (others - both + SHRINKAGE * share) / (known - held + SHRINKAGE);
    if (a == b) return;
    tables->yes[ab] = (float)(log_odds_of(with) - log_odds_of(share));
    tables->no[ab] = (float)(log_odds_of(without) - log_odds_of(share));
}

enum lx_err second_round_tables_init(struct second_round_tables *tables,
                                     const struct second_round_counts *counts,
                                     const float *likeness, const uint16_t *categories)
{
    size_t count = counts->product_count, cells = count * count;
    *tables = (struct second_round_tables){.product_count = count};
    tables->rates = lx_calloc(count, sizeof *tables->rates);
    tables->yes = lx_calloc(cells, sizeof *tables->yes);
    tables->no = lx_calloc(cells, sizeof *tables->no);
    tables->categories = lx_calloc(count, sizeof *tables->categories);
    if (likeness != NULL) tables->likeness = lx_calloc(cells, sizeof *tables->likeness);
    if (tables->rates == NULL || tables->yes == NULL || tables->no == NULL ||
        tables->categories == NULL || (likeness != NULL && tables->likeness == NULL)) {
        second_round_tables_release(tables);
        return LX_ERR_NO_MEMORY;
    }
    if (likeness != NULL) memcpy(tables->likeness, likeness, cells * sizeof *likeness);
    if (categories != NULL) memcpy(tables->categories, categories, count * sizeof *categories);
    for (size_t a = 0; a < count; a++) {
        double known = counts->known[a * count + a], held = counts->first[a * count + a];
        tables->rates[a] = (float)log_odds_of((held + 0.5) / (known + 1));
        for (size_t b = 0; b < count; b++) tabulate(tables, counts, a, b);
    }
    return LX_OK;
}

void second_round_tables_release(struct second_round_tables *tables)
{
    lx_free(tables->rates);
    lx_free(tables->yes);
    lx_free(tables->no);
    lx_free(tables->likeness);
    lx_free(tables->categories);
    *tables = (struct second_round_tables){0};
}

size_t second_round_width(const struct second_round_tables *tables, size_t profile_count)
{
    return SECOND_ROUND_FIXED + tables->product_count + profile_count;
}

/* One answer: the product, how much it counts, and by how much it was not expected. */
struct asked {
    size_t product;
    float weight, surprise;
    bool is_yes;
};

static float surprise_of(float answer, float log_odds)
{
    float expected = 1 / (1 + expf(-log_odds));
    return fabsf(answer) * ((answer > 0 ? 1.0F : 0.0F) - expected);
}

static void add_answer(const struct second_round_tables *tables, const struct asked *asked,
                       size_t product, float *row)
{
    size_t cell = asked->product * tables->product_count + product;
    float shift = tables->yes[cell] - tables->no[cell];
    bool is_same = tables->categories[asked->product] == tables->categories[product];
    row[asked->is_yes ? SECOND_ROUND_FROM_YES : SECOND_ROUND_FROM_NO] +=
        asked->weight * (asked->is_yes ? tables->yes[cell] : tables->no[cell]);
    row[shift > 0 ? SECOND_ROUND_COMPLEMENT : SECOND_ROUND_SUBSTITUTE] += asked->surprise * shift;
    if (tables->likeness != NULL)
        row[SECOND_ROUND_ALIKE] += asked->surprise * tables->likeness[cell];
    row[SECOND_ROUND_SURPRISE] += asked->surprise;
    row[asked->is_yes ? SECOND_ROUND_YES : SECOND_ROUND_NO] += asked->weight;
    if (!is_same) return;
    row[SECOND_ROUND_SURPRISE_CATEGORY] += asked->surprise;
    row[asked->is_yes ? SECOND_ROUND_YES_CATEGORY : SECOND_ROUND_NO_CATEGORY] += asked->weight;
}

static size_t rank_of(const float *log_odds, const uint16_t *products, size_t count, size_t at)
{
    size_t rank = 0;
    for (size_t i = 0; i < count; i++) {
        float other = log_odds[products[i]], own = log_odds[products[at]];
        rank += other > own || (other == own && i < at);
    }
    return rank;
}

size_t second_round_fill(const struct second_round_tables *tables, const float *profile,
                         size_t profile_count, const float *log_odds, const float *answers,
                         uint16_t *ret_products, float *ret_rows)
{
    size_t products = tables->product_count, count = 0;
    size_t width = second_round_width(tables, profile_count);
    float best = -INFINITY;
    for (size_t p = 0; p < products; p++) {
        if (answers[p] != 0 || isnan(log_odds[p])) continue;
        best = fmaxf(best, log_odds[p]);
        ret_products[count++] = (uint16_t)p;
    }
    for (size_t i = 0; i < count; i++) {
        size_t product = ret_products[i];
        float *row = ret_rows + i * width, own = log_odds[product];
        memset(row, 0, SECOND_ROUND_FIXED * sizeof *row);
        for (size_t p = 0; p < products; p++) {
            bool is_asked = answers[p] != 0 && !isnan(log_odds[p]);
            row[SECOND_ROUND_FIXED + p] = is_asked ? answers[p] : NAN;
            if (!is_asked) continue;
            struct asked asked = {p, fabsf(answers[p]), surprise_of(answers[p], log_odds[p]),
                                  answers[p] > 0};
            add_answer(tables, &asked, product, row);
        }
        row[SECOND_ROUND_LOG_ODDS] = own;
        row[SECOND_ROUND_GAP] = best - own;
        row[SECOND_ROUND_RANK] = (float)rank_of(log_odds, ret_products, count, i);
        row[SECOND_ROUND_EVIDENCE] = row[SECOND_ROUND_FROM_YES] + row[SECOND_ROUND_FROM_NO];
        row[SECOND_ROUND_UPDATED] = own + row[SECOND_ROUND_EVIDENCE];
        row[SECOND_ROUND_RATE] = tables->rates[product];
        row[SECOND_ROUND_PRODUCT] = (float)product;
        if (profile_count > 0)
            memcpy(row + SECOND_ROUND_FIXED + products, profile, profile_count * sizeof *row);
    }
    return count;
}
