#include "view/state.h"

#include <string.h>

enum {
    BALANCE_DAYS_MAX = 365,
    LARGE_INFLOW_FEN = 1000000, /* 10,000 yuan */
    ARREARS_WORDS = LX_PRODUCT_MAX / 64 + 1,
};

static const int32_t balance_days[VIEW_BALANCE_WINDOWS] = {30, 90, BALANCE_DAYS_MAX};

/* What a kind of event means for the accumulators. */
enum {
    IS_ACT = 1,  /* the customer did it */
    IS_FLOW = 2, /* money came from or went outside */
};

static const uint8_t traits[BANK_EVENT_KIND_END] = {
    [BANK_EVENT_KIND_SALARY] = IS_ACT | IS_FLOW,
    [BANK_EVENT_KIND_TRANSFER_IN] = IS_ACT | IS_FLOW,
    [BANK_EVENT_KIND_TRANSFER_OUT] = IS_ACT | IS_FLOW,
    [BANK_EVENT_KIND_CARD_PAYMENT] = IS_ACT | IS_FLOW,
    [BANK_EVENT_KIND_CASH_IN] = IS_ACT | IS_FLOW,
    [BANK_EVENT_KIND_CASH_OUT] = IS_ACT | IS_FLOW,
    [BANK_EVENT_KIND_BILL_PAYMENT] = IS_ACT | IS_FLOW,
    [BANK_EVENT_KIND_INTEREST] = IS_FLOW,
    [BANK_EVENT_KIND_LOGIN] = IS_ACT,
    [BANK_EVENT_KIND_PAGE_VIEW] = IS_ACT,
    [BANK_EVENT_KIND_PAGE_SKIP] = IS_ACT,
    [BANK_EVENT_KIND_CARD_REPLACED] = IS_ACT,
    [BANK_EVENT_KIND_OPEN] = IS_ACT,
    [BANK_EVENT_KIND_CLOSE] = IS_ACT,
    [BANK_EVENT_KIND_LOAN_REPAYMENT] = IS_ACT | IS_FLOW,
    [BANK_EVENT_KIND_VISIT] = IS_ACT,
    [BANK_EVENT_KIND_CALL] = IS_ACT,
    [BANK_EVENT_KIND_COMPLAINT] = IS_ACT,
};

bool view_is_act(uint8_t kind)
{
    return kind < BANK_EVENT_KIND_END && (traits[kind] & IS_ACT) != 0;
}

bool view_has_large_inflow(const struct view_state *state)
{
    double largest = (double)state->largest_inflow_30d_fen;
    double monthly = (double)state->inflow_fen[VIEW_365D] * 30 / 365;
    return largest >= LARGE_INFLOW_FEN && largest >= 3 * monthly;
}

size_t view_event_end(const struct bank_history *history, int64_t as_of_ms)
{
    size_t from = 0, to = history->event_count;
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        if (history->events[middle].at_ms <= as_of_ms)
            from = middle + 1;
        else
            to = middle;
    }
    return from;
}

const struct bank_profile *view_profile_at(const struct bank_history *history,
                                           const struct view_moment *moment)
{
    for (size_t i = history->profile_count; i-- > 0;) {
        const struct bank_profile *profile = &history->profiles[i];
        if (view_is_known(moment, profile->at_ms, profile->known_at_ms)) return profile;
    }
    return NULL;
}

const struct bank_risk *view_risk_at(const struct bank_history *history,
                                     const struct view_moment *moment)
{
    for (size_t i = history->risk_count; i-- > 0;) {
        const struct bank_risk *risk = &history->risks[i];
        if (view_is_known(moment, risk->at_ms, risk->known_at_ms)) return risk;
    }
    return NULL;
}

int view_age_of(const struct bank_profile *profile, const struct view_moment *moment)
{
    if (profile == NULL || profile->birth_day < LX_DAY_MIN || profile->birth_day > moment->day)
        return -1;
    return lx_age_of(profile->birth_day, moment->day);
}

void view_arrears_add(struct view_arrears *arrears, uint8_t kind, int product)
{
    uint64_t *word = &arrears->overdue[product < 0 ? ARREARS_WORDS - 1 : product / 64];
    uint64_t bit = (uint64_t)1 << (product < 0 ? 0 : product % 64);
    if (kind == BANK_EVENT_KIND_OVERDUE) {
        *word |= bit;
    } else if (kind == BANK_EVENT_KIND_LOAN_REPAYMENT) {
        if (product < 0) memset(arrears, 0, sizeof *arrears);
        *word &= ~bit;
        arrears->overdue[ARREARS_WORDS - 1] = 0;
    }
}

bool view_arrears_any(const struct view_arrears *arrears)
{
    uint64_t any = 0;
    for (int i = 0; i < ARREARS_WORDS; i++) any |= arrears->overdue[i];
    return any != 0;
}

static void state_init(struct view_state *state, int64_t as_of_ms, int utc_offset_minutes)
{
    memset(state, 0, sizeof *state);
    state->moment = view_moment_of(as_of_ms, utc_offset_minutes);
    for (int i = 0; i < BANK_EVENT_KIND_END; i++) state->last_ms[i] = BANK_UNKNOWN_MS;
    state->last_act_ms = state->first_open_ms = BANK_UNKNOWN_MS;
    state->last_shown_ms = state->last_answer_ms = BANK_UNKNOWN_MS;
    state->last_active_day = INT32_MIN;
    state->balance.last_fen = BANK_NO_AMOUNT;
    state->balance.fen_30d_ago = state->balance.fen_90d_ago = BANK_NO_AMOUNT;
    state->balance.min_90d_fen = state->balance.max_90d_fen = BANK_NO_AMOUNT;
}

static int32_t max_day(int32_t a, int32_t b)
{
    return a > b ? a : b;
}

/* 0 + 1 + ... + n, and the same of squares. */
static int64_t sum_to(int64_t n)
{
    return n * (n + 1) / 2;
}

static int64_t square_sum_to(int64_t n)
{
    return n * (n + 1) * (2 * n + 1) / 6;
}

/* The last balance has held at the end of each of the days `from` to `to` of the last 90. */
static void add_slope_days(struct view_balance *balance, int64_t from, int64_t to)
{
    int64_t weight = sum_to(to) - sum_to(from - 1);
    balance->weighted_90d += balance->last_fen * weight;
    balance->weight_90d += weight;
    balance->weight_square_90d += square_sum_to(to) - square_sum_to(from - 1);
    if (balance->min_90d_fen == BANK_NO_AMOUNT || balance->last_fen < balance->min_90d_fen)
        balance->min_90d_fen = balance->last_fen;
    if (balance->max_90d_fen == BANK_NO_AMOUNT || balance->last_fen > balance->max_90d_fen)
        balance->max_90d_fen = balance->last_fen;
}

/* The last balance has held at the end of every day from since_day to `to`. */
static void add_balance_days(struct view_balance *balance, int32_t today, int32_t to)
{
    if (balance->last_fen == BANK_NO_AMOUNT || to < balance->since_day) return;

    if (balance->since_day <= today - 30 && today - 30 <= to)
        balance->fen_30d_ago = balance->last_fen;
    if (balance->since_day <= today - 90 && today - 90 <= to)
        balance->fen_90d_ago = balance->last_fen;
    for (int i = VIEW_BALANCE_WINDOWS; i-- > 0;) {
        int32_t start = today - balance_days[i] + 1, from = max_day(balance->since_day, start);
        if (from > to) break;
        balance->windows[i].fen_days += balance->last_fen * (to - from + 1);
        balance->windows[i].days += to - from + 1;
        if (balance_days[i] == 90) add_slope_days(balance, from - start, to - start);
    }
}

static void set_balance(struct view_state *state, const struct bank_event *event)
{
    int32_t day = view_day_of(&state->moment, event->at_ms);
    add_balance_days(&state->balance, state->moment.day, day - 1);
    state->balance.last_fen = view_cut(event->balance_fen);
    state->balance.since_day = day;
}

static void add_amount(struct view_state *state, const struct bank_event *event, uint8_t kind,
                       enum view_window window)
{
    int64_t fen = view_cut(event->amount_fen), size_fen = fen < 0 ? -fen : fen;
    state->sums_fen[window][kind] += size_fen;
    if ((traits[kind] & IS_FLOW) == 0) return;
    if (fen > 0) {
        state->inflow_fen[window] += fen;
        if (window <= VIEW_30D && fen > state->largest_inflow_30d_fen)
            state->largest_inflow_30d_fen = fen;
        return;
    }
    state->outflow_fen[window] += size_fen;
    if (window == VIEW_EVER || event->merchant == BANK_MERCHANT_NONE ||
        event->merchant >= BANK_MERCHANT_END)
        return;
    state->spent_fen[event->merchant] += size_fen;
    state->spent_total_fen += size_fen;
}

static void add_act(struct view_state *state, const struct bank_event *event,
                    enum view_window window)
{
    uint8_t channel = event->channel < BANK_CHANNEL_END ? event->channel : BANK_CHANNEL_NONE;
    state->channels[window][channel]++;
    state->acts[window]++;
    state->last_act_ms = event->at_ms;
    if (window > VIEW_90D) return;
    int32_t day = view_day_of(&state->moment, event->at_ms);
    state->active_days_90d += day != state->last_active_day;
    state->last_active_day = day;
}

static void add_view(struct view_state *state, const struct bank_event *event, int product,
                     enum view_window window)
{
    if (event->quantity > 0) state->dwell_seconds[window] += event->quantity;
    if (window <= VIEW_90D && product >= 0)
        state->viewed_90d[product / 64] |= (uint64_t)1 << (product % 64);
}

static void add_event(struct view_state *state, struct view_arrears *arrears,
                      const struct bank_event *event, const struct bank_catalogue *catalogue,
                      enum view_window window)
{
    uint8_t kind = event->kind < BANK_EVENT_KIND_END ? event->kind : BANK_EVENT_KIND_NONE;
    int product = view_product_of(event->product, catalogue);
    state->counts[window][kind]++;
    state->last_ms[kind] = event->at_ms;
    if ((traits[kind] & IS_ACT) != 0) add_act(state, event, window);
    if (event->balance_fen != BANK_NO_AMOUNT) set_balance(state, event);
    if (event->amount_fen != BANK_NO_AMOUNT) add_amount(state, event, kind, window);
    switch (kind) {
    case BANK_EVENT_KIND_PAGE_VIEW: add_view(state, event, product, window); break;
    case BANK_EVENT_KIND_OPEN:
        if (state->first_open_ms == BANK_UNKNOWN_MS) state->first_open_ms = event->at_ms;
        /* fall through */
    case BANK_EVENT_KIND_CLOSE:
        if (product >= 0) view_count_open(&state->open_count[product], kind);
        break;
    case BANK_EVENT_KIND_OVERDUE:
    case BANK_EVENT_KIND_LOAN_REPAYMENT: view_arrears_add(arrears, kind, product); break;
    default: break;
    }
}

static void add_events(struct view_state *state, const struct bank_history *history,
                       const struct bank_catalogue *catalogue)
{
    struct view_arrears arrears = {{0}};
    size_t end = view_event_end(history, state->moment.as_of_ms);
    int window = VIEW_EVER;
    for (size_t i = 0; i < end; i++) {
        const struct bank_event *event = &history->events[i];
        while (window > 0 && event->at_ms >= state->moment.start_ms[window - 1]) window--;
        if (!bank_event_is_known(event, state->moment.as_of_ms)) continue;
        add_event(state, &arrears, event, catalogue, (enum view_window)window);
    }
    add_balance_days(&state->balance, state->moment.day, state->moment.day);
    state->is_overdue = view_arrears_any(&arrears);
}

static void add_exposures(struct view_state *state, const struct bank_history *history)
{
    for (size_t i = 0; i < history->exposure_count; i++) {
        const struct bank_exposure *exposure = &history->exposures[i];
        if (!view_is_known(&state->moment, exposure->at_ms, exposure->known_at_ms)) continue;
        if (exposure->is_control) continue; /* held back: he has seen nothing */
        enum view_window window = view_window_of(&state->moment, exposure->at_ms);
        state->shown[window]++;
        state->last_shown_ms = exposure->at_ms;
        if (!view_answer_is_known(&state->moment, exposure)) continue;
        state->interested[window] += view_is_interested(exposure->answer);
        state->refused[window] += exposure->answer == BANK_ANSWER_NOT_INTERESTED;
        if (exposure->answer != BANK_ANSWER_IGNORED &&
            exposure->answer_known_at_ms > state->last_answer_ms)
            state->last_answer_ms = exposure->answer_known_at_ms;
    }
}

/* Until here each event stands in the smallest window it lies in. */
static void cumulate(struct view_state *state)
{
    for (int w = 1; w < VIEW_WINDOW_COUNT; w++) {
        for (int kind = 0; kind < BANK_EVENT_KIND_END; kind++) {
            state->counts[w][kind] += state->counts[w - 1][kind];
            state->sums_fen[w][kind] += state->sums_fen[w - 1][kind];
        }
        for (int channel = 0; channel < BANK_CHANNEL_END; channel++)
            state->channels[w][channel] += state->channels[w - 1][channel];
        state->acts[w] += state->acts[w - 1];
        state->inflow_fen[w] += state->inflow_fen[w - 1];
        state->outflow_fen[w] += state->outflow_fen[w - 1];
        state->dwell_seconds[w] += state->dwell_seconds[w - 1];
        state->shown[w] += state->shown[w - 1];
        state->interested[w] += state->interested[w - 1];
        state->refused[w] += state->refused[w - 1];
    }
}

static void count_held(struct view_state *state, const struct bank_catalogue *catalogue)
{
    for (size_t product = 0; product < catalogue->count; product++) {
        if (state->open_count[product] == 0) continue;
        state->held_count++;
        state->held_by_category[catalogue->products[product].category]++;
    }
}

void view_state_gather(const struct bank_history *history, const struct view_context *context,
                       int64_t as_of_ms, struct view_state *ret_state)
{
    LX_ASSERT(history != NULL && context != NULL && context->catalogue != NULL);
    LX_ASSERT(context->catalogue->count <= LX_PRODUCT_MAX);

    state_init(ret_state, as_of_ms, context->utc_offset_minutes);
    ret_state->profile = view_profile_at(history, &ret_state->moment);
    ret_state->risk = view_risk_at(history, &ret_state->moment);
    add_events(ret_state, history, context->catalogue);
    add_exposures(ret_state, history);
    cumulate(ret_state);
    count_held(ret_state, context->catalogue);
}
