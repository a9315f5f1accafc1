#include "model/product_tally.h"

#include <math.h>
#include <string.h>

#include "base/date.h"

static const int64_t window_ms = GRAPH_WINDOW_DAYS * LX_MS_PER_DAY;

/* What a customer does himself; openings and closings are what is asked about, not activity. */
static const uint32_t acts =
    1u << BANK_EVENT_KIND_TRANSFER_IN | 1u << BANK_EVENT_KIND_TRANSFER_OUT |
    1u << BANK_EVENT_KIND_CARD_PAYMENT | 1u << BANK_EVENT_KIND_CASH_IN |
    1u << BANK_EVENT_KIND_CASH_OUT | 1u << BANK_EVENT_KIND_BILL_PAYMENT |
    1u << BANK_EVENT_KIND_LOGIN | 1u << BANK_EVENT_KIND_PAGE_VIEW |
    1u << BANK_EVENT_KIND_PAGE_SKIP | 1u << BANK_EVENT_KIND_VISIT | 1u << BANK_EVENT_KIND_CALL;

/* One customer: since when he is known, his acts in each window back from as_of_ms, his things. */
struct life_line {
    int64_t since_ms;
    uint32_t acts[GRAPH_MOMENTS + 1];
};

static size_t cells(const struct product_tally *tally)
{
    return (size_t)GRAPH_STRATA * RELATIONS_LEVELS * tally->product_count * tally->product_count;
}

static size_t cell(const struct product_tally *tally, size_t stratum, size_t level, size_t a,
                   size_t b)
{
    return ((stratum * RELATIONS_LEVELS + level) * tally->product_count + a) *
               tally->product_count +
           b;
}

enum lx_err product_tally_init(struct product_tally *tally, size_t product_count, int64_t as_of_ms,
                               int utc_offset_minutes)
{
    *tally = (struct product_tally){.as_of_ms = as_of_ms,
                                    .product_count = product_count,
                                    .utc_offset_minutes = utc_offset_minutes};
    if (product_count == 0 || product_count > GRAPH_PRODUCTS_MAX) return LX_ERR_LIMIT;
    size_t pairs = product_count * product_count;
    enum lx_err code = relations_counts_init(&tally->now, product_count, GRAPH_STRATA);
    if (code == LX_OK) code = relations_counts_init(&tally->past, product_count, GRAPH_STRATA);
    tally->opened = lx_calloc(cells(tally), sizeof *tally->opened);
    tally->closed = lx_calloc(cells(tally), sizeof *tally->closed);
    tally->switched = lx_calloc(cells(tally), sizeof *tally->switched);
    tally->first = lx_calloc(pairs, sizeof *tally->first);
    tally->same = lx_calloc(pairs, sizeof *tally->same);
    tally->days = lx_calloc(pairs * TALLY_DAY_PLACES, sizeof *tally->days);
    bool is_there = tally->opened != NULL && tally->closed != NULL && tally->switched != NULL &&
                    tally->first != NULL && tally->same != NULL && tally->days != NULL;
    if (code == LX_OK && is_there) return LX_OK;
    product_tally_release(tally);
    return code != LX_OK ? code : LX_ERR_NO_MEMORY;
}

void product_tally_release(struct product_tally *tally)
{
    relations_counts_release(&tally->now);
    relations_counts_release(&tally->past);
    lx_free(tally->opened);
    lx_free(tally->closed);
    lx_free(tally->switched);
    lx_free(tally->first);
    lx_free(tally->same);
    lx_free(tally->days);
    bank_holdings_release(&tally->holdings);
    *tally = (struct product_tally){.as_of_ms = 0};
}

static void merge_counts(uint32_t *to, const uint32_t *from, size_t count)
{
    for (size_t i = 0; i < count; i++) to[i] += from[i];
}

void product_tally_merge(struct product_tally *tally, const struct product_tally *other)
{
    LX_ASSERT(tally->product_count == other->product_count && tally->as_of_ms == other->as_of_ms);

    size_t pairs = tally->product_count * tally->product_count;
    tally->customers += other->customers;
    relations_counts_merge(&tally->now, &other->now);
    relations_counts_merge(&tally->past, &other->past);
    merge_counts(tally->opened, other->opened, cells(tally));
    merge_counts(tally->closed, other->closed, cells(tally));
    merge_counts(tally->switched, other->switched, cells(tally));
    merge_counts(tally->first, other->first, pairs);
    merge_counts(tally->same, other->same, pairs);
    merge_counts(tally->days, other->days, pairs * TALLY_DAY_PLACES);
}

static int64_t moment_ms(const struct product_tally *tally, size_t moment)
{
    return tally->as_of_ms - (int64_t)moment * window_ms;
}

/* The window of an event: 0 is the one that ends with as_of_ms; GRAPH_MOMENTS + 1: before all. */
static size_t window_of(const struct product_tally *tally, int64_t at_ms)
{
    int64_t windows = (tally->as_of_ms - at_ms) / window_ms;
    return windows > GRAPH_MOMENTS ? GRAPH_MOMENTS + 1 : (size_t)windows;
}

static enum lx_err read_events(struct product_tally *tally, const struct bank_history *history,
                               struct life_line *line)
{
    enum lx_err code = LX_OK;
    for (size_t i = 0; i < history->event_count && code == LX_OK; i++) {
        const struct bank_event *event = &history->events[i];
        if (event->at_ms > tally->as_of_ms) break;
        if (!bank_event_is_known(event, tally->as_of_ms)) continue;
        if (event->at_ms < line->since_ms) line->since_ms = event->at_ms;
        if (event->kind < 32 && (acts >> event->kind & 1) != 0) {
            size_t window = window_of(tally, event->at_ms);
            if (window <= GRAPH_MOMENTS) line->acts[window]++;
        }
        if (event->product >= 0 && (size_t)event->product < tally->product_count)
            code = bank_holdings_add(&tally->holdings, history->customer,
                                     (enum bank_event_kind)event->kind, event->product,
                                     event->at_ms, event->known_at_ms);
    }
    return code;
}

static size_t stratum_of(uint32_t count)
{
    return count == 0 ? 0 : count <= 5 ? 1 : count <= 20 ? 2 : 3;
}

static bool is_held(const struct bank_holding *holding, int64_t at_ms)
{
    return (holding->opened_at_ms == BANK_UNKNOWN_MS || holding->opened_at_ms <= at_ms) &&
           (holding->closed_at_ms == BANK_UNKNOWN_MS || holding->closed_at_ms > at_ms);
}

/* Products held at the moment, ascending, and by product. */
static size_t held_at(const struct product_tally *tally, int64_t at_ms,
                      bool held[GRAPH_PRODUCTS_MAX], uint16_t ret_products[GRAPH_PRODUCTS_MAX])
{
    size_t count = 0;
    memset(held, 0, tally->product_count * sizeof *held);
    for (size_t i = 0; i < tally->holdings.count; i++)
        if (is_held(&tally->holdings.items[i], at_ms))
            held[tally->holdings.items[i].product] = true;
    for (size_t i = 0; i < tally->product_count; i++)
        if (held[i]) ret_products[count++] = (uint16_t)i;
    return count;
}

/* Marks what was opened in the window after the moment. */
static bool opened_after(const struct product_tally *tally, int64_t at_ms,
                         bool opened[GRAPH_PRODUCTS_MAX])
{
    bool is_any = false;
    memset(opened, 0, tally->product_count * sizeof *opened);
    for (size_t i = 0; i < tally->holdings.count; i++) {
        const struct bank_holding *holding = &tally->holdings.items[i];
        if (holding->opened_at_ms <= at_ms || holding->opened_at_ms > at_ms + window_ms) continue;
        is_any = opened[holding->product] = true;
    }
    return is_any;
}

static size_t level_of(size_t count)
{
    return count < RELATIONS_LEVELS ? count : RELATIONS_LEVELS - 1;
}

static void add_moment(struct product_tally *tally, const struct life_line *line, size_t moment)
{
    bool held[GRAPH_PRODUCTS_MAX], opened[GRAPH_PRODUCTS_MAX];
    uint16_t products[GRAPH_PRODUCTS_MAX];
    int64_t at_ms = moment_ms(tally, moment);
    if (line->since_ms > at_ms) return;
    size_t count = held_at(tally, at_ms, held, products);
    size_t stratum = stratum_of(line->acts[moment]);
    relations_counts_add(&tally->past, products, count, stratum);
    if (!opened_after(tally, at_ms, opened)) return;
    for (size_t b = 0; b < tally->product_count; b++) {
        if (!opened[b] || held[b]) continue;
        tally->opened[cell(tally, stratum, level_of(count), b, b)]++;
        for (size_t i = 0; i < count; i++)
            tally->opened[cell(tally, stratum, level_of(count), products[i], b)]++;
    }
}

/* A closing of the last holding of its product, whose window after is over. */
static void add_closing(struct product_tally *tally, const struct life_line *line,
                        const struct bank_holding *closing)
{
    bool held[GRAPH_PRODUCTS_MAX], opened[GRAPH_PRODUCTS_MAX];
    uint16_t products[GRAPH_PRODUCTS_MAX];
    int64_t at_ms = closing->closed_at_ms;
    size_t a = (size_t)closing->product, window = window_of(tally, at_ms);
    if (at_ms > tally->as_of_ms - window_ms || window >= GRAPH_MOMENTS) return;
    size_t count = held_at(tally, at_ms, held, products);
    if (held[a]) return;
    /* His acts in the window that ended before this one: what a moment would have seen. */
    size_t stratum = stratum_of(line->acts[window + 1]), level = level_of(count);
    opened_after(tally, at_ms, opened);
    for (size_t b = 0; b < tally->product_count; b++) {
        if (b == a || held[b]) continue;
        tally->closed[cell(tally, stratum, level, a, b)]++;
        tally->switched[cell(tally, stratum, level, a, b)] += opened[b];
    }
}

static size_t day_place(int32_t days)
{
    if (days < TALLY_EXACT_DAYS) return (size_t)days;
    size_t octave = 0;
    int32_t begin = TALLY_EXACT_DAYS;
    for (; days >= 2 * begin && octave < TALLY_OCTAVES; octave++) begin *= 2;
    if (octave == TALLY_OCTAVES) return TALLY_DAY_PLACES - 1;
    size_t step = (size_t)(days - begin) * TALLY_STEPS / (size_t)begin;
    return TALLY_EXACT_DAYS + octave * TALLY_STEPS + step;
}

/* The middle of a place. */
static int32_t days_of(size_t place)
{
    if (place < TALLY_EXACT_DAYS) return (int32_t)place;
    size_t octave = (place - TALLY_EXACT_DAYS) / TALLY_STEPS;
    size_t step = (place - TALLY_EXACT_DAYS) % TALLY_STEPS;
    size_t begin = (size_t)TALLY_EXACT_DAYS << octave;
    return (int32_t)(begin + (2 * step + 1) * begin / (2 * TALLY_STEPS));
}

/* The first opening of each product that he holds; those from before the records have none. */
static void add_order(struct product_tally *tally, const uint16_t *products, size_t count)
{
    int32_t days[GRAPH_PRODUCTS_MAX];
    for (size_t i = 0; i < count; i++) days[products[i]] = INT32_MAX;
    for (size_t i = 0; i < tally->holdings.count; i++) {
        const struct bank_holding *holding = &tally->holdings.items[i];
        if (!is_held(holding, tally->as_of_ms) || holding->opened_at_ms == BANK_UNKNOWN_MS)
            continue;
        int32_t day = lx_day_of_ms(holding->opened_at_ms, tally->utc_offset_minutes);
        if (day < days[holding->product]) days[holding->product] = day;
    }
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < count; j++) {
            size_t a = products[i], b = products[j], at = a * tally->product_count + b;
            if (days[a] == INT32_MAX || days[b] == INT32_MAX || i == j) continue;
            tally->same[at] += days[a] == days[b];
            if (days[a] >= days[b]) continue;
            tally->first[at]++;
            tally->days[at * TALLY_DAY_PLACES + day_place(days[b] - days[a])]++;
        }
}

enum lx_err product_tally_add(struct product_tally *tally, const struct bank_history *history)
{
    struct life_line line = {.since_ms = INT64_MAX};
    for (size_t i = 0; i < history->profile_count; i++)
        if (history->profiles[i].known_at_ms <= tally->as_of_ms &&
            history->profiles[i].at_ms < line.since_ms)
            line.since_ms = history->profiles[i].at_ms;
    bank_holdings_clear(&tally->holdings);
    enum lx_err code = read_events(tally, history, &line);
    if (code != LX_OK || line.since_ms > tally->as_of_ms) return code;

    bool held[GRAPH_PRODUCTS_MAX];
    uint16_t products[GRAPH_PRODUCTS_MAX];
    size_t count = held_at(tally, tally->as_of_ms, held, products);
    tally->customers++;
    relations_counts_add(&tally->now, products, count, stratum_of(line.acts[0]));
    add_order(tally, products, count);
    for (size_t i = 1; i <= GRAPH_MOMENTS; i++) add_moment(tally, &line, i);
    for (size_t i = 0; i < tally->holdings.count; i++)
        if (tally->holdings.items[i].closed_at_ms != BANK_UNKNOWN_MS)
            add_closing(tally, &line, &tally->holdings.items[i]);
    return LX_OK;
}

/* Of the moments before: how many stood at [from, to) of a stratum's levels and held a (and b). */
static uint64_t sum_of(const struct product_tally *tally, const uint32_t *counts, size_t stratum,
                       size_t from, size_t to, size_t a, size_t b)
{
    uint64_t sum = 0;
    for (size_t level = from; level < to; level++) sum += counts[cell(tally, stratum, level, a, b)];
    return sum;
}

static uint64_t held_both(const struct product_tally *tally, size_t stratum, size_t from, size_t to,
                          size_t a, size_t b)
{
    return sum_of(tally, tally->past.both, stratum, from, to, a < b ? a : b, a < b ? b : a);
}

static uint64_t seen(const struct product_tally *tally, size_t stratum, size_t from, size_t to)
{
    uint64_t sum = 0;
    for (size_t level = from; level < to; level++)
        sum += tally->past.totals[stratum * RELATIONS_LEVELS + level];
    return sum;
}

/* b is not held, so who holds a and `others` things beside is at level others + 1, who does not at
 * level others; the last: and more. */
size_t product_tally_opening(const struct product_tally *tally, size_t a, size_t b,
                             struct table2 ret_tables[TALLY_TABLES])
{
    enum { LAST = RELATIONS_LEVELS - 2 };
    size_t count = 0;
    for (size_t s = 0; s < GRAPH_STRATA; s++)
        for (size_t others = 0; others <= LAST; others++) {
            size_t with_end = others == LAST ? RELATIONS_LEVELS : others + 2;
            size_t end = others == LAST ? RELATIONS_LEVELS : others + 1;
            uint64_t with = held_both(tally, s, others + 1, with_end, a, a) -
                            held_both(tally, s, others + 1, with_end, a, b);
            uint64_t without =
                seen(tally, s, others, end) - held_both(tally, s, others, end, a, a) -
                held_both(tally, s, others, end, b, b) + held_both(tally, s, others, end, a, b);
            uint64_t with_opened = sum_of(tally, tally->opened, s, others + 1, with_end, a, b);
            uint64_t without_opened = sum_of(tally, tally->opened, s, others, end, b, b) -
                                      sum_of(tally, tally->opened, s, others, end, a, b);
            ret_tables[count++] = (struct table2){with_opened, with - with_opened, without_opened,
                                                  without - without_opened};
        }
    return count;
}

size_t product_tally_switching(const struct product_tally *tally, size_t a, size_t b,
                               struct table2 ret_tables[TALLY_TABLES])
{
    size_t count = 0;
    for (size_t s = 0; s < GRAPH_STRATA; s++)
        for (size_t level = 0; level < RELATIONS_LEVELS; level++) {
            size_t at = cell(tally, s, level, a, b);
            uint64_t closed = tally->closed[at], switched = tally->switched[at];
            uint64_t without =
                seen(tally, s, level, level + 1) - held_both(tally, s, level, level + 1, b, b);
            uint64_t opened = tally->opened[cell(tally, s, level, b, b)];
            ret_tables[count++] =
                (struct table2){switched, closed - switched, opened, without - opened};
        }
    return count;
}

int32_t product_tally_median_days(const struct product_tally *tally, size_t a, size_t b)
{
    size_t at = a * tally->product_count + b;
    uint64_t total = tally->first[at], before = 0;
    if (total == 0) return -1;
    const uint32_t *days = tally->days + at * TALLY_DAY_PLACES;
    size_t place = 0;
    while ((before += days[place]) * 2 < total) place++;
    return days_of(place);
}
