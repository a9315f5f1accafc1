#include "view/program.h"

#include <string.h>

#include "view/past.h"

/* Tallies and tables of one thread. */
#define RUN_BYTES_MAX ((size_t)256 << 20)

/* A row of the past as the pass sees it. */
struct past {
    const void *row;
    int32_t day;
    uint8_t values[PROGRAM_DIMENSIONS]; /* 0: NULL */
    int product;
    uint64_t known, holding; /* predicates that were looked at, and those that hold */
};

enum lx_err run_open(const struct program *program, const struct bank_catalogue *catalogue,
                     struct run *ret_run, struct lx_error *err)
{
    struct run run = {.program = program, .catalogue = catalogue};
    size_t segments = 2 * program->span_count + 1;
    lx_arena_init(&run.arena, RUN_BYTES_MAX);
#define ROOM(count, member)                                                                        \
    ((run.member = lx_arena_array(&run.arena, count, sizeof *(run.member))) != NULL)
    bool is_whole = ROOM(program->tally_count, tallies) &&
                    ROOM(program->keyed_count * catalogue->count, keyed) &&
                    ROOM(program->slope_count, slopes) && ROOM(program->word_count, words) &&
                    ROOM(catalogue->count, is_touched) && ROOM(program->group_count, states) &&
                    ROOM(catalogue->count, holdings);
    for (int i = 0; i < RUN_DAYS && is_whole; i++)
        is_whole = ROOM(program->span_count, days[i].first_days) &&
                   ROOM(program->span_count, days[i].last_days) && ROOM(segments, days[i].starts) &&
                   ROOM(segments * program->words, days[i].active);
#undef ROOM
    if (!is_whole) {
        run_release(&run);
        return lx_fail(err, LX_ERR_NO_MEMORY, "features: out of memory");
    }
    *ret_run = run;
    return LX_OK;
}

void run_release(struct run *run)
{
    lx_free(run->values);
    lx_arena_release(&run->arena);
    *run = (struct run){0};
}

/* --- Spans ---------------------------------------------------------------------------------- */

static void add_start(struct day_table *table, int32_t day)
{
    size_t at = table->segment_count;
    while (at > 0 && table->starts[at - 1] > day) at--;
    if (at > 0 && table->starts[at - 1] == day) return;
    memmove(table->starts + at + 1, table->starts + at,
            (table->segment_count - at) * sizeof *table->starts);
    table->starts[at] = day;
    table->segment_count++;
}

/* Between two starts the same windows are active. */
static void make_day(const struct program *program, int32_t day, struct day_table *table)
{
    table->day = day;
    table->is_made = true;
    table->segment_count = 0;
    add_start(table, INT32_MIN);
    for (size_t i = 0; i < program->span_count; i++) {
        const struct span *span = &program->spans[i];
        struct expr_window window = {.over = span->over,
                                     .before = span->before,
                                     .is_over_months = span->is_over_months,
                                     .is_before_months = span->is_before_months};
        expr_window_span(&window, day, &table->first_days[i], &table->last_days[i]);
        add_start(table, table->first_days[i]);
        add_start(table, table->last_days[i] + 1);
    }
    memset(table->active, 0, table->segment_count * program->words * sizeof *table->active);
    for (size_t s = 0; s < table->segment_count; s++)
        for (size_t w = 0; w < program->window_count; w++) {
            size_t span = program->windows[w].span;
            int32_t start = table->starts[s];
            if (table->first_days[span] <= start && start <= table->last_days[span])
                table->active[s * program->words + w / 64] |= (uint64_t)1 << (w % 64);
        }
}

static void set_day(struct run *run, int32_t day)
{
    for (size_t i = 0; i < RUN_DAYS; i++)
        if (run->days[i].is_made && run->days[i].day == day) {
            run->day = &run->days[i];
            return;
        }
    struct day_table *table = &run->days[run->next_day++ % RUN_DAYS];
    make_day(run->program, day, table);
    run->day = table;
}

/* --- Conditions and arguments --------------------------------------------------------------- */

static bool is_so(enum expr_op op, int64_t left, int64_t right)
{
    switch (op) {
    case EXPR_OP_EQ: return left == right;
    case EXPR_OP_NE: return left != right;
    case EXPR_OP_LT: return left < right;
    case EXPR_OP_LE: return left <= right;
    case EXPR_OP_GT: return left > right;
    default: return left >= right;
    }
}

static bool node_value(struct run *run, enum view_relation relation, const struct past *past,
                       const struct expr *expr, const struct expr_node *node,
                       struct expr_value *value)
{
    struct expr_row row = view_reading_row(run->reading);
    struct lx_error ignored;
    run->reading->relation = relation;
    run->reading->row = past->row;
    return expr_evaluate_node(expr, node, &row, value, &ignored) == LX_OK;
}

static bool holds(struct run *run, enum view_relation relation, const struct past *past,
                  const struct predicate *predicate)
{
    if (!predicate->is_simple) {
        struct expr_value value;
        return node_value(run, relation, past, predicate->expr, predicate->node, &value) &&
               !value.is_null && value.as.integer != 0;
    }
    const struct bank_event *event = past->row;
    if (predicate->field == VIEW_EVENT_QUANTITY)
        return is_so(predicate->op, event->quantity, predicate->constant);
    return event->amount_fen != BANK_NO_AMOUNT &&
           is_so(predicate->op, view_cut(event->amount_fen), predicate->constant);
}

static bool holds_all(struct run *run, enum view_relation relation, struct past *past,
                      uint64_t predicates)
{
    const struct stream *stream = &run->program->streams[relation];
    for (uint64_t left = predicates & ~past->known; left != 0; left &= left - 1) {
        size_t i = (size_t)__builtin_ctzll(left);
        past->known |= (uint64_t)1 << i;
        if (holds(run, relation, past, &stream->predicates[i])) past->holding |= (uint64_t)1 << i;
    }
    return (predicates & ~past->holding) == 0;
}

/* False: NULL. `seen` -1 where it cannot be computed. */
static bool argument_value(struct run *run, const struct window *window, const struct past *past,
                           struct tally *tally, struct expr_value *value)
{
    const struct bank_event *event = past->row;
    int64_t fen;
    value->is_null = false;
    switch (window->argument) {
    case ARGUMENT_NONE: return true;
    case ARGUMENT_AMOUNT:
    case ARGUMENT_ABS_AMOUNT:
        if (event->amount_fen == BANK_NO_AMOUNT) return false;
        fen = view_cut(event->amount_fen);
        value->as.integer = window->argument == ARGUMENT_ABS_AMOUNT && fen < 0 ? -fen : fen;
        return true;
    case ARGUMENT_QUANTITY: value->as.integer = event->quantity; return true;
    case ARGUMENT_DAY: value->as.integer = past->day; return true;
    case ARGUMENT_PRODUCT: value->as.integer = past->product; return past->product >= 0;
    case ARGUMENT_NODE: break;
    }
    if (node_value(run, (enum view_relation)window->window->relation, past, window->expr,
                   window->window->argument, value))
        return !value->is_null;
    tally->seen = -1;
    return false;
}

/* --- Updating ------------------------------------------------------------------------------- */

static void add_by_value(struct run *run, const struct window *window, struct tally *tally,
                         int64_t value)
{
    uint64_t *words = run->words + window->words;
    if (window->window->aggregate == EXPR_TOP) {
        words[value]++;
    } else if (window->word_count > 0) {
        words[value / 64] |= (uint64_t)1 << (value % 64);
    } else { /* days, which come in order; `seen` is the last of them and one, so that 0 is none */
        int64_t mark = value - INT32_MIN + 1;
        tally->number += tally->seen != mark;
        tally->seen = mark;
    }
}

static struct tally *tally_of(struct run *run, const struct window *window, int product)
{
    const struct program *program = run->program;
    if (!window->is_keyed) return &run->tallies[window->tally];
    struct tally *tallies = run->keyed + (size_t)product * program->keyed_count;
    if (!run->is_touched[product]) {
        run->is_touched[product] = true;
        memset(tallies, 0, program->keyed_count * sizeof *tallies);
    }
    return &tallies[window->tally];
}

/* Whether a row that comes late changes nothing, since the last or the first is another. */
static bool is_overtaken(const struct expr_window *asked, struct tally *tally, int32_t day)
{
    if (tally->seen <= 0) return false;
    if (asked->aggregate == EXPR_DAYS_SINCE_LAST) return day <= tally->number;
    if (asked->aggregate != EXPR_DAYS_SINCE_FIRST) return false;
    if (day >= tally->number) return true;
    *tally = (struct tally){0};
    return false;
}

static void update(struct run *run, const struct window *window, struct past *past)
{
    const struct expr_window *asked = window->window;
    struct expr_value value;
    if (window->predicates != 0 &&
        !holds_all(run, (enum view_relation)asked->relation, past, window->predicates))
        return;
    if (window->is_keyed && past->product < 0) return;
    struct tally *tally = tally_of(run, window, past->product);
    if (run->updates != NULL) run->updates[window - run->program->windows]++;
    if (run->is_late && is_overtaken(asked, tally, past->day)) return;
    if (asked->aggregate == EXPR_COUNT && window->argument == ARGUMENT_NONE) {
        tally->number++;
        return;
    }
    if (!argument_value(run, window, past, tally, &value)) return;
    if (asked->aggregate == EXPR_DISTINCT || asked->aggregate == EXPR_TOP)
        add_by_value(run, window, tally, value.as.integer);
    else if (asked->aggregate == EXPR_SLOPE)
        slope_add(asked, &run->slopes[window->slope], value, past->day, 1);
    else
        tally_add(asked, tally, value, past->day, 1);
}

static void add_row(struct run *run, enum view_relation relation, size_t segment, struct past *past)
{
    const struct program *program = run->program;
    const struct stream *stream = &program->streams[relation];
    const uint64_t *active = run->day->active + segment * program->words;
    const uint64_t *first = stream->by_value[0] + past->values[0] * program->words;
    const uint64_t *second = stream->by_value[1] + past->values[1] * program->words;
    const uint64_t *third = stream->by_value[2] + past->values[2] * program->words;
    for (size_t word = 0; word < program->words; word++) {
        uint64_t bits = active[word] & first[word] & second[word] & third[word];
        for (; bits != 0; bits &= bits - 1)
            update(run, &program->windows[word * 64 + (size_t)__builtin_ctzll(bits)], past);
    }
}

static size_t next_segment(const struct run *run, size_t segment, int32_t day)
{
    const struct day_table *table = run->day;
    while (segment + 1 < table->segment_count && table->starts[segment + 1] <= day) segment++;
    return segment;
}

/* --- Values that hold until the next row ---------------------------------------------------- */

/* The value of a group held at the end of every day from its own to `to`. */
static void close_run(struct run *run, size_t group, int32_t to)
{
    const struct program *program = run->program;
    const struct state *state = &run->states[group];
    struct expr_value value = {.is_null = false};
    if (!state->is_known || to < state->since_day) return;
    if (program->groups[group].argument->type == EXPR_REAL)
        value.as.real = state->real;
    else
        value.as.integer = state->value;
    for (size_t i = 0; i < program->window_count; i++) {
        const struct window *window = &program->windows[i];
        if (window->is_plain || !window->is_state || window->group != group) continue;
        int32_t first = run->day->first_days[window->span],
                last = run->day->last_days[window->span];
        int32_t from = state->since_day > first ? state->since_day : first;
        int32_t until = to < last ? to : last;
        if (from > until) continue;
        if (run->updates != NULL) run->updates[i]++;
        if (window->window->aggregate == EXPR_SLOPE)
            slope_add(window->window, &run->slopes[window->slope], value, from,
                      (int64_t)until - from + 1);
        else
            tally_add(window->window, &run->tallies[window->tally], value, from,
                      (int64_t)until - from + 1);
    }
}

static bool is_balance(const struct expr_node *node)
{
    return node->op == EXPR_OP_RELATION_FIELD && node->index == VIEW_EVENT_BALANCE;
}

static void add_states(struct run *run, const struct past *past)
{
    const struct bank_event *event = past->row;
    for (size_t i = 0; i < run->program->group_count; i++) {
        const struct state_group *group = &run->program->groups[i];
        struct expr_value value;
        if (is_balance(group->argument)) {
            if (event->balance_fen == BANK_NO_AMOUNT) continue;
            value = (struct expr_value){.as.integer = view_cut(event->balance_fen)};
        } else if (!node_value(run, VIEW_EVENTS, past, group->expr, group->argument, &value) ||
                   value.is_null) {
            continue;
        }
        struct expr_value condition = {.as.integer = 1};
        if (group->where != NULL &&
            (!node_value(run, VIEW_EVENTS, past, group->expr, group->where, &condition) ||
             condition.is_null || condition.as.integer == 0))
            continue;
        close_run(run, i, past->day - 1);
        run->states[i] =
            (struct state){value.as.integer, group->argument->type == EXPR_REAL ? value.as.real : 0,
                           past->day, true};
    }
}

/* --- The pass ------------------------------------------------------------------------------- */

static uint8_t number_below(unsigned number, unsigned end)
{
    return (uint8_t)(number < end ? number : 0);
}

static struct past past_of(const struct run *run, const struct view_moment *moment,
                           const struct bank_event *event)
{
    return (struct past){
        .row = event,
        .day = view_day_of(moment, event->at_ms),
        .values = {number_below(event->kind, BANK_EVENT_KIND_END),
                   number_below(event->channel, BANK_CHANNEL_END),
                   number_below(event->merchant, BANK_MERCHANT_END)},
        .product = view_product_of(event->product, run->catalogue),
    };
}

static void add_events(struct run *run, const struct view_moment *moment)
{
    const struct bank_history *history = run->history;
    size_t end = view_event_end(history, moment->as_of_ms), segment = 0;
    bool has_windows = run->program->streams[VIEW_EVENTS].window_count > 0;
    bool has_states = run->program->group_count > 0;
    for (size_t i = 0; i < end; i++) {
        const struct bank_event *event = &history->events[i];
        if (!bank_event_is_known(event, moment->as_of_ms)) continue;
        struct past past = past_of(run, moment, event);
        segment = next_segment(run, segment, past.day);
        if (has_windows) add_row(run, VIEW_EVENTS, segment, &past);
        if (has_states) add_states(run, &past);
    }
}

static void add_offers(struct run *run, const struct view_moment *moment)
{
    const struct bank_history *history = run->history;
    size_t segment = 0;
    for (size_t i = 0; i < history->exposure_count; i++) {
        const struct bank_exposure *exposure = &history->exposures[i];
        if (!view_is_known(moment, exposure->at_ms, exposure->known_at_ms)) continue;
        if (exposure->is_control) continue; /* held back: he has seen nothing */
        struct past past = {
            .row = exposure,
            .day = view_day_of(moment, exposure->at_ms),
            .product = view_product_of(exposure->product, run->catalogue),
        };
        segment = next_segment(run, segment, past.day);
        add_row(run, VIEW_OFFERS, segment, &past);
    }
}

static void add_holdings(struct run *run)
{
    size_t segment = 0;
    for (size_t i = 0; i < run->holding_count; i++) {
        struct past past = {.row = &run->holdings[i],
                            .day = run->holdings[i].opened_day,
                            .product = run->holdings[i].product};
        segment = next_segment(run, segment, past.day);
        add_row(run, VIEW_HOLDINGS, segment, &past);
    }
}

static struct view_moment moment_of(const struct view_reading *reading)
{
    return (struct view_moment){.as_of_ms = reading->as_of_ms,
                                .day = reading->today,
                                .utc_offset_minutes = reading->context->utc_offset_minutes};
}

void run_begin(struct run *run, struct view_reading *reading)
{
    const struct program *program = run->program;
    run->reading = reading;
    set_day(run, reading->today);
    memset(run->tallies, 0, program->tally_count * sizeof *run->tallies);
    memset(run->slopes, 0, program->slope_count * sizeof *run->slopes);
    memset(run->words, 0, program->word_count * sizeof *run->words);
    memset(run->states, 0, program->group_count * sizeof *run->states);
    memset(run->is_touched, 0, run->catalogue->count * sizeof *run->is_touched);
    run->holding_count = 0;
}

/* Everything but the end of today. */
static void pass(struct run *run, const struct bank_history *history, struct view_reading *reading)
{
    const struct program *program = run->program;
    const struct view_moment moment = moment_of(reading);
    run->history = history;
    run->reading = reading;
    if (run->is_plain) return;
    run_begin(run, reading);
    if (program->streams[VIEW_EVENTS].window_count > 0 || program->group_count > 0)
        add_events(run, &moment);
    if (program->streams[VIEW_OFFERS].window_count > 0) add_offers(run, &moment);
    if (program->streams[VIEW_HOLDINGS].window_count > 0) {
        run->holding_count = holdings_of(history, reading, run->holdings);
        add_holdings(run);
    }
}

void run_close(struct run *run)
{
    for (size_t i = 0; i < run->program->group_count; i++) close_run(run, i, run->day->day);
}

void run_pass(struct run *run, const struct bank_history *history, struct view_reading *reading)
{
    pass(run, history, reading);
    if (!run->is_plain) run_close(run);
}

void run_pass_open(struct run *run, const struct bank_history *history,
                   struct view_reading *reading)
{
    LX_ASSERT(!run->is_plain);

    pass(run, history, reading);
    int32_t today = run->day->day;
    for (size_t i = 0; i < run->program->group_count; i++) {
        close_run(run, i, today - 1);
        if (run->states[i].since_day < today) run->states[i].since_day = today;
    }
}

void run_add_event(struct run *run, const struct bank_event *event)
{
    const struct view_moment moment = moment_of(run->reading);
    struct past past = past_of(run, &moment, event);
    if (run->program->streams[VIEW_EVENTS].window_count > 0)
        add_row(run, VIEW_EVENTS, next_segment(run, 0, past.day), &past);
    if (run->program->group_count > 0) add_states(run, &past);
}

/* Windows that are counted by themselves may read anything. */
static bool may_change(struct run *run, const struct window *window, struct past *past)
{
    if (window->window->relation != VIEW_EVENTS) return false;
    if (window->is_plain) return true;
    if (window->is_state)
        return ((const struct bank_event *)past->row)->balance_fen != BANK_NO_AMOUNT ||
               !is_balance(run->program->groups[window->group].argument);
    const uint64_t *first = run->program->streams[VIEW_EVENTS].by_value[0];
    const uint64_t *second = run->program->streams[VIEW_EVENTS].by_value[1];
    const uint64_t *third = run->program->streams[VIEW_EVENTS].by_value[2];
    size_t place = (size_t)(window - run->program->windows), words = run->program->words;
    uint64_t bits = first[past->values[0] * words + place / 64] &
                    second[past->values[1] * words + place / 64] &
                    third[past->values[2] * words + place / 64];
    if ((bits >> (place % 64) & 1) == 0) return false;
    if (past->day < run->day->first_days[window->span] ||
        past->day > run->day->last_days[window->span])
        return false;
    if (window->is_keyed && past->product < 0) return false;
    return holds_all(run, VIEW_EVENTS, past, window->predicates);
}

void run_touch(struct run *run, const struct bank_event *event, uint64_t *touched)
{
    const struct view_moment moment = moment_of(run->reading);
    struct past past = past_of(run, &moment, event);
    for (size_t i = 0; i < run->program->window_count; i++)
        if (may_change(run, &run->program->windows[i], &past))
            touched[i / 64] |= (uint64_t)1 << (i % 64);
}

/* --- Values --------------------------------------------------------------------------------- */

static int64_t count_bits(const uint64_t *words, size_t count)
{
    int64_t bits = 0;
    for (size_t i = 0; i < count; i++) bits += __builtin_popcountll(words[i]);
    return bits;
}

/* Of equals the smallest. */
static struct expr_value top_of(const uint64_t *counts, size_t count)
{
    struct expr_value value = {.is_null = true};
    uint64_t best = 0;
    for (size_t i = 0; i < count; i++)
        if (counts[i] > best) {
            best = counts[i];
            value = (struct expr_value){.as.integer = (int64_t)i};
        }
    return value;
}

enum lx_err run_value(struct run *run, size_t place, struct expr_value *ret_value,
                      struct lx_error *err)
{
    static const struct tally untouched = {0};
    const struct window *window = &run->program->windows[place];
    const struct expr_window *asked = window->window;
    if (window->is_plain || run->is_plain)
        return window_plain(run, window->expr, asked, ret_value, err);
    const struct tally *tally = &untouched;
    if (!window->is_keyed)
        tally = &run->tallies[window->tally];
    else if (run->is_touched[run->reading->product])
        tally =
            run->keyed + (size_t)run->reading->product * run->program->keyed_count + window->tally;
    if (asked->aggregate == EXPR_TOP) {
        *ret_value = top_of(run->words + window->words, window->word_count);
    } else if (asked->aggregate == EXPR_DISTINCT) {
        int64_t count = window->word_count > 0
                            ? count_bits(run->words + window->words, window->word_count)
                            : tally->number;
        *ret_value = (struct expr_value){.as.integer = count};
    } else {
        const struct slope *slope =
            asked->aggregate == EXPR_SLOPE ? &run->slopes[window->slope] : NULL;
        return tally_value(asked, tally, slope, run->day->day, ret_value, err);
    }
    return LX_OK;
}
