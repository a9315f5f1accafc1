#include "view/timeline.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "view/past.h"

/*
 * Each source is a list ordered by at_ms except the answers, which are ordered by nothing. So a
 * source is asked for its newest fact below a rank, and the newest of the five answers is the next
 * row: the lists by halving, the offers (some dozens in a life) by looking at all.
 */

struct rank {
    int64_t at_ms;
    enum timeline_source source;
    uint32_t ordinal;
};

/* A fact that could be the next row. */
struct candidate {
    struct rank rank;
    const void *fact; /* NULL: none */
};

struct timeline {
    const struct bank_history *history;
    const struct bank_catalogue *catalogue;
    struct view_moment moment;
};

static bool is_below(struct rank a, struct rank b)
{
    if (a.at_ms != b.at_ms) return a.at_ms < b.at_ms;
    if (a.source != b.source) return a.source < b.source;
    return a.ordinal < b.ordinal;
}

/* at_ms and known_at_ms of a fact, which every fact begins with. */
struct fact_times {
    int64_t at_ms, known_at_ms;
};

_Static_assert(offsetof(struct bank_event, known_at_ms) == sizeof(int64_t), "begins with times");
_Static_assert(offsetof(struct bank_risk, known_at_ms) == sizeof(int64_t), "begins with times");
_Static_assert(offsetof(struct bank_consent, known_at_ms) == sizeof(int64_t), "begins with times");
_Static_assert(offsetof(struct bank_exposure, known_at_ms) == sizeof(int64_t), "begins with times");

struct list {
    const char *facts;
    size_t count, size;
};

static struct fact_times times_of(const struct list *list, size_t index)
{
    struct fact_times times;
    memcpy(&times, list->facts + index * list->size, sizeof times);
    return times;
}

/* How many facts of the list have at_ms below or, with `or_equal`, at the moment. */
static size_t count_until(const struct list *list, int64_t at_ms, bool or_equal)
{
    size_t from = 0, to = list->count;
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        int64_t middle_ms = times_of(list, middle).at_ms;
        if (middle_ms < at_ms || (or_equal && middle_ms == at_ms))
            from = middle + 1;
        else
            to = middle;
    }
    return from;
}

static bool is_told(const struct timeline *timeline, enum timeline_source source,
                    const struct list *list, size_t index)
{
    struct fact_times times = times_of(list, index);
    if (!view_is_known(&timeline->moment, times.at_ms, times.known_at_ms)) return false;
    if (source == TIMELINE_EVENT)
        return bank_event_is_known(&timeline->history->events[index], timeline->moment.as_of_ms);
    if (source != TIMELINE_OFFER) return true;
    return !((const struct bank_exposure *)(const void *)list->facts)[index].is_control;
}

/* The newest fact of an ordered list below the limit. */
static struct candidate newest_of_list(const struct timeline *timeline, enum timeline_source source,
                                       struct list list, struct rank limit)
{
    size_t end = count_until(&list, limit.at_ms, true);
    size_t start = count_until(&list, limit.at_ms, false);
    if (source == limit.source && end - start > limit.ordinal) end = start + limit.ordinal;
    if (source > limit.source) end = start;
    while (end-- > 0) {
        if (!is_told(timeline, source, &list, end)) continue;
        int64_t at_ms = times_of(&list, end).at_ms;
        size_t first = count_until(&list, at_ms, false);
        return (struct candidate){{at_ms, source, (uint32_t)(end - first)},
                                  list.facts + end * list.size};
    }
    return (struct candidate){.fact = NULL};
}

/* Answers of one moment rank in the order of their offers. */
static struct candidate newest_answer(const struct timeline *timeline, struct rank limit)
{
    struct candidate best = {.fact = NULL};
    for (size_t i = 0; i < timeline->history->exposure_count; i++) {
        const struct bank_exposure *exposure = &timeline->history->exposures[i];
        if (!view_is_known(&timeline->moment, exposure->at_ms, exposure->known_at_ms) ||
            exposure->is_control || exposure->answer == BANK_ANSWER_NONE ||
            exposure->answer_known_at_ms == BANK_UNKNOWN_MS ||
            exposure->answer_known_at_ms > timeline->moment.as_of_ms)
            continue;
        struct rank rank = {exposure->answer_known_at_ms, TIMELINE_ANSWER, (uint32_t)i};
        if (!is_below(rank, limit)) continue;
        if (best.fact == NULL || is_below(best.rank, rank))
            best = (struct candidate){rank, exposure};
    }
    return best;
}

static struct candidate newest(const struct timeline *timeline, enum timeline_source source,
                               struct rank limit)
{
    const struct bank_history *history = timeline->history;
    struct list list = {NULL, 0, 0};
    switch (source) {
    case TIMELINE_CONSENT:
        list = (struct list){(const void *)history->consents, history->consent_count,
                             sizeof *history->consents};
        break;
    case TIMELINE_ASSESSMENT:
        list = (struct list){(const void *)history->risks, history->risk_count,
                             sizeof *history->risks};
        break;
    case TIMELINE_EVENT:
        list = (struct list){(const void *)history->events, history->event_count,
                             sizeof *history->events};
        break;
    case TIMELINE_OFFER:
        list = (struct list){(const void *)history->exposures, history->exposure_count,
                             sizeof *history->exposures};
        break;
    case TIMELINE_ANSWER: return newest_answer(timeline, limit);
    case TIMELINE_SOURCE_COUNT: lx_bug(__FILE__, __LINE__, "source");
    }
    return newest_of_list(timeline, source, list, limit);
}

static struct timeline_row empty_row(const struct rank *rank)
{
    return (struct timeline_row){
        .at_ms = rank->at_ms,
        .known_at_ms = rank->at_ms,
        .source = rank->source,
        .product = BANK_NO_PRODUCT,
        .product_code = "",
        .product_zh = "",
        .product_en = "",
        .channel = "",
        .channel_zh = "",
        .channel_en = "",
        .merchant = "",
        .merchant_zh = "",
        .merchant_en = "",
        .detail = "",
        .detail_zh = "",
        .detail_en = "",
        .amount_fen = BANK_NO_AMOUNT,
        .balance_fen = BANK_NO_AMOUNT,
    };
}

static void set_kind(struct timeline_row *row, const char *kind, const char *zh, const char *en)
{
    row->kind = kind;
    row->zh = zh;
    row->en = en;
}

static void set_detail(struct timeline_row *row, const char *text, const char *zh, const char *en)
{
    row->detail = text;
    row->detail_zh = zh;
    row->detail_en = en;
}

static void set_product(struct timeline_row *row, const struct bank_catalogue *catalogue,
                        int product)
{
    row->product = view_product_of(product, catalogue);
    if (row->product == BANK_NO_PRODUCT) return;
    const struct bank_product *known = &catalogue->products[row->product];
    row->product_code = known->code;
    row->product_zh = known->zh == NULL ? "" : known->zh;
    row->product_en = known->en == NULL ? "" : known->en;
}

static void set_channel(struct timeline_row *row, uint8_t channel)
{
    if (channel >= BANK_CHANNEL_END) return;
    row->channel = bank_channel_text((enum bank_channel)channel);
    row->channel_zh = bank_channel_zh((enum bank_channel)channel);
    row->channel_en = bank_channel_en((enum bank_channel)channel);
}

static void fill_event(struct timeline_row *row, const struct bank_event *event,
                       const struct bank_catalogue *catalogue)
{
    set_kind(row, "unknown", "未知事件", "unknown event");
    if (event->kind > BANK_EVENT_KIND_NONE && event->kind < BANK_EVENT_KIND_END) {
        enum bank_event_kind kind = (enum bank_event_kind)event->kind;
        set_kind(row, bank_event_kind_text(kind), bank_event_kind_zh(kind),
                 bank_event_kind_en(kind));
    }
    set_product(row, catalogue, event->product);
    set_channel(row, event->channel);
    if (event->merchant < BANK_MERCHANT_END) {
        enum bank_merchant merchant = (enum bank_merchant)event->merchant;
        row->merchant = bank_merchant_text(merchant);
        row->merchant_zh = bank_merchant_zh(merchant);
        row->merchant_en = bank_merchant_en(merchant);
    }
    row->known_at_ms = event->known_at_ms;
    row->amount_fen = event->amount_fen;
    row->balance_fen = event->balance_fen;
    row->quantity = event->quantity;
    row->is_corrected = event->is_correction;
}

static void fill_offer(struct timeline_row *row, const struct bank_exposure *exposure,
                       const struct bank_catalogue *catalogue)
{
    set_product(row, catalogue, exposure->product);
    set_channel(row, exposure->channel);
    if (row->source == TIMELINE_OFFER) {
        set_kind(row, "offer", "推荐", "offer");
        row->known_at_ms = exposure->known_at_ms;
        return;
    }
    set_kind(row, "answer", "答复", "answer");
    if (exposure->answer > BANK_ANSWER_RETRACTED) return;
    enum bank_answer answer = (enum bank_answer)exposure->answer;
    set_detail(row, bank_answer_text(answer), bank_answer_zh(answer), bank_answer_en(answer));
}

static void fill_assessment(struct timeline_row *row, const struct bank_risk *risk)
{
    static const char *const levels[] = {"", "C1", "C2", "C3", "C4", "C5"};
    const char *level = risk->level < LX_COUNT_OF(levels) ? levels[risk->level] : "";
    set_kind(row, "risk_assessment", "风险测评", "risk assessment");
    set_detail(row, level, level, level);
    row->known_at_ms = risk->known_at_ms;
}

static void fill_consent(struct timeline_row *row, const struct bank_consent *consent)
{
    set_kind(row, "consent", "授权", "consent");
    set_channel(row, consent->channel);
    if (consent->channel == BANK_CHANNEL_NONE)
        set_kind(row, "consent", "个性化推荐授权", "consent to personalisation");
    if (consent->is_granted)
        set_detail(row, "granted", "同意", "granted");
    else
        set_detail(row, "withdrawn", "撤回", "withdrawn");
    row->known_at_ms = consent->known_at_ms;
}

static void fill_row(const struct timeline *timeline, const struct candidate *candidate,
                     struct timeline_row *row)
{
    *row = empty_row(&candidate->rank);
    switch (candidate->rank.source) {
    case TIMELINE_CONSENT: fill_consent(row, candidate->fact); break;
    case TIMELINE_ASSESSMENT: fill_assessment(row, candidate->fact); break;
    case TIMELINE_EVENT: fill_event(row, candidate->fact, timeline->catalogue); break;
    case TIMELINE_OFFER:
    case TIMELINE_ANSWER: fill_offer(row, candidate->fact, timeline->catalogue); break;
    case TIMELINE_SOURCE_COUNT: lx_bug(__FILE__, __LINE__, "source");
    }
}

void view_timeline(const struct bank_history *history, const struct view_context *context,
                   int64_t as_of_ms, struct timeline_cursor *cursor, struct timeline_row *ret_rows,
                   size_t limit, size_t *ret_count)
{
    LX_ASSERT(history != NULL && context != NULL && context->catalogue != NULL);
    LX_ASSERT(cursor != NULL && ret_count != NULL && (ret_rows != NULL || limit == 0));

    struct timeline timeline = {history, context->catalogue,
                                view_moment_of(as_of_ms, context->utc_offset_minutes)};
    struct rank last = {INT64_MAX, TIMELINE_SOURCE_COUNT, 0};
    if (cursor->is_set) last = (struct rank){cursor->at_ms, cursor->source, cursor->ordinal};
    struct candidate candidates[TIMELINE_SOURCE_COUNT];
    for (int i = 0; i < TIMELINE_SOURCE_COUNT; i++)
        candidates[i] = newest(&timeline, (enum timeline_source)i, last);

    size_t count = 0;
    for (; count < limit; count++) {
        const struct candidate *next = NULL;
        for (int i = 0; i < TIMELINE_SOURCE_COUNT; i++)
            if (candidates[i].fact != NULL &&
                (next == NULL || is_below(next->rank, candidates[i].rank)))
                next = &candidates[i];
        if (next == NULL) break;
        last = next->rank;
        fill_row(&timeline, next, &ret_rows[count]);
        candidates[last.source] = newest(&timeline, last.source, last);
    }
    if (count > 0) *cursor = (struct timeline_cursor){true, last.at_ms, last.source, last.ordinal};
    *ret_count = count;
}

void timeline_cursor_text(const struct timeline_cursor *cursor, char ret_text[TIMELINE_CURSOR_SIZE])
{
    ret_text[0] = '\0';
    if (!cursor->is_set) return;
    snprintf(ret_text, TIMELINE_CURSOR_SIZE, "%" PRId64 ".%d.%" PRIu32, cursor->at_ms,
             (int)cursor->source, cursor->ordinal);
}

enum lx_err timeline_cursor_parse(const char *text, struct timeline_cursor *ret_cursor,
                                  struct lx_error *err)
{
    LX_ASSERT(text != NULL && ret_cursor != NULL);

    struct timeline_cursor cursor = {.is_set = text[0] != '\0'};
    char again[TIMELINE_CURSOR_SIZE];
    int source = 0;
    if (cursor.is_set) {
        int fields =
            sscanf(text, "%20" SCNd64 ".%1d.%10" SCNu32, &cursor.at_ms, &source, &cursor.ordinal);
        if (fields == 3 && source >= 0 && source < TIMELINE_SOURCE_COUNT)
            cursor.source = (enum timeline_source)source;
        /* Only what timeline_cursor_text writes, to the letter. */
        timeline_cursor_text(&cursor, again);
        if (fields != 3 || strcmp(text, again) != 0)
            return lx_fail(err, LX_ERR_BAD_INPUT, "cursor \"%.40s\": not one of a timeline", text);
    }
    *ret_cursor = cursor;
    return LX_OK;
}
