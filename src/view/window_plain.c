#include "view/program.h"

#include <stdlib.h>
#include <string.h>

#include "money/money.h"
#include "view/past.h"

/* --- Tallies -------------------------------------------------------------------------------- */

static double real_of(int64_t bits)
{
    double real;
    memcpy(&real, &bits, sizeof real);
    return real;
}

static int64_t bits_of(double real)
{
    int64_t bits;
    memcpy(&bits, &real, sizeof bits);
    return bits;
}

static void add_to_sum(bool is_real, struct tally *tally, struct expr_value value, int64_t days)
{
    int64_t part;
    if (is_real)
        tally->number = bits_of(real_of(tally->number) + value.as.real * (double)days);
    else if (__builtin_mul_overflow(value.as.integer, days, &part) ||
             __builtin_add_overflow(tally->number, part, &tally->number))
        tally->seen = -1;
    if (tally->seen >= 0) tally->seen += days;
}

static void keep_extreme(bool is_real, bool is_max, struct tally *tally, struct expr_value value)
{
    bool is_better =
        is_real ? value.as.real < real_of(tally->number) : value.as.integer < tally->number;
    bool is_worse =
        is_real ? value.as.real > real_of(tally->number) : value.as.integer > tally->number;
    if (tally->seen == 0 || (is_max ? is_worse : is_better))
        tally->number = is_real ? bits_of(value.as.real) : value.as.integer;
    tally->seen = 1;
}

void tally_add(const struct expr_window *window, struct tally *tally, struct expr_value value,
               int32_t day, int64_t days)
{
    bool is_real = window->argument != NULL && window->argument->type == EXPR_REAL;
    if (tally->seen < 0) return;
    switch (window->aggregate) {
    case EXPR_COUNT: tally->number += days; break;
    case EXPR_SUM:
    case EXPR_AVG: add_to_sum(is_real, tally, value, days); break;
    case EXPR_MIN:
    case EXPR_MAX: keep_extreme(is_real, window->aggregate == EXPR_MAX, tally, value); break;
    case EXPR_LAST:
        tally->number = is_real ? bits_of(value.as.real) : value.as.integer;
        tally->seen = 1;
        break;
    case EXPR_DAYS_SINCE_FIRST:
        if (tally->seen > 0) break;
        /* fall through */
    case EXPR_DAYS_SINCE_LAST:
        if (day == INT32_MIN) break; /* a holding from before the records */
        tally->number = day + days - 1;
        tally->seen = 1;
        break;
    default: lx_bug(__FILE__, __LINE__, "aggregate");
    }
}

void slope_add(const struct expr_window *window, struct slope *slope, struct expr_value value,
               int32_t first_day, int64_t days)
{
    int64_t first = first_day, last = first + days - 1;
    int64_t x = (first + last) * days / 2;
    int64_t before = first - 1;
    int64_t xx = last * (last + 1) / 2 * (2 * last + 1) / 3 -
                 before * (before + 1) / 2 * (2 * before + 1) / 3;
    slope->n += days;
    slope->x += x;
    slope->xx += xx;
    if (window->argument->type == EXPR_REAL) {
        slope->real_y += value.as.real * (double)days;
        slope->real_xy += value.as.real * (double)x;
    } else {
        slope->y += (i128)value.as.integer * days;
        slope->xy += (i128)value.as.integer * x;
    }
}

/* Least squares; the integers are exact, the division rounds. Of money in yuan a day. */
static struct expr_value slope_value(const struct expr_window *window, const struct slope *slope)
{
    i128 spread = (i128)slope->n * slope->xx - (i128)slope->x * slope->x;
    struct expr_value value = {.is_null = spread == 0};
    if (value.is_null) return value;
    double together = window->argument->type == EXPR_REAL
                          ? (double)slope->n * slope->real_xy - (double)slope->x * slope->real_y
                          : (double)(slope->n * slope->xy - slope->x * slope->y);
    value.as.real = together / (double)spread;
    if (window->argument->type == EXPR_MONEY) value.as.real /= 100;
    return value;
}

static enum lx_err average(const struct expr_window *window, const struct tally *tally,
                           struct expr_value *ret_value, struct lx_error *err)
{
    enum expr_type type = window->argument->type;
    if (type == EXPR_MONEY)
        return money_div_round(tally->number, tally->seen, MONEY_ROUND_HALF_EVEN,
                               &ret_value->as.integer);
    double sum = type == EXPR_REAL ? real_of(tally->number) : (double)tally->number;
    ret_value->as.real = sum / (double)tally->seen;
    return LX_OK;
}

enum lx_err tally_value(const struct expr_window *window, const struct tally *tally,
                        const struct slope *slope, int32_t today, struct expr_value *ret_value,
                        struct lx_error *err)
{
    bool is_real = window->argument != NULL && window->argument->type == EXPR_REAL;
    if (tally->seen < 0)
        return lx_fail(err, LX_ERR_OVERFLOW, "a window's sum is past the range of %s",
                       expr_type_name(window->type));
    *ret_value = (struct expr_value){.is_null = tally->seen == 0};
    switch (window->aggregate) {
    case EXPR_COUNT: *ret_value = (struct expr_value){.as.integer = tally->number}; break;
    case EXPR_SLOPE: *ret_value = slope_value(window, slope); break;
    case EXPR_DAYS_SINCE_LAST:
    case EXPR_DAYS_SINCE_FIRST: ret_value->as.integer = today - tally->number; break;
    case EXPR_AVG: return tally->seen == 0 ? LX_OK : average(window, tally, ret_value, err);
    default:
        if (is_real)
            ret_value->as.real = real_of(tally->number);
        else
            ret_value->as.integer = tally->number;
    }
    return LX_OK;
}

/* --- One window by itself ------------------------------------------------------------------- */

struct plain {
    struct run *run;
    const struct expr *expr;
    const struct expr_window *window;
    struct lx_error *err;
    int32_t first_day, last_day;
    struct tally tally;
    struct slope slope;
    size_t value_count; /* distinct() */
    struct state state; /* of a field that holds */
    bool is_state;
};

static bool is_state_node(const struct view_schema *schema, const struct expr_node *node)
{
    if (node == NULL) return false;
    if (node->op == EXPR_OP_RELATION_FIELD && view_schema_scope(schema, VIEW_CUSTOMER)
                                                  ->relations[node->relation]
                                                  .fields[node->index]
                                                  .is_state)
        return true;
    for (uint32_t i = 0; i < node->child_count; i++)
        if (is_state_node(schema, node->children[i])) return true;
    return false;
}

static enum lx_err keep_value(struct plain *plain, int64_t value)
{
    struct run *run = plain->run;
    if (plain->value_count == run->value_capacity) {
        size_t capacity = run->value_capacity == 0 ? 256 : 2 * run->value_capacity;
        int64_t *values = lx_realloc(run->values, capacity * sizeof *values);
        if (values == NULL) return lx_fail(plain->err, LX_ERR_NO_MEMORY, "features: out of memory");
        run->values = values;
        run->value_capacity = capacity;
    }
    run->values[plain->value_count++] = value;
    return LX_OK;
}

/* A value that held from a day on, as many days as lie in the span. */
static enum lx_err add_value(struct plain *plain, struct expr_value value, int32_t day,
                             int64_t days)
{
    const struct expr_window *window = plain->window;
    switch (window->aggregate) {
    case EXPR_DISTINCT:
    case EXPR_TOP:
        return keep_value(plain, window->argument->type == EXPR_REAL ? bits_of(value.as.real)
                                                                     : value.as.integer);
    case EXPR_SLOPE: slope_add(window, &plain->slope, value, day, days); break;
    default: tally_add(window, &plain->tally, value, day, days);
    }
    return LX_OK;
}

static enum lx_err close_plain_run(struct plain *plain, int32_t to)
{
    const struct state *state = &plain->state;
    struct expr_value value = {.as.integer = state->value};
    if (!state->is_known) return LX_OK;
    if (plain->window->argument->type == EXPR_REAL) value.as.real = state->real;
    int32_t from = state->since_day > plain->first_day ? state->since_day : plain->first_day;
    int32_t until = to < plain->last_day ? to : plain->last_day;
    return from > until ? LX_OK : add_value(plain, value, from, (int64_t)until - from + 1);
}

static enum lx_err look_at(struct plain *plain, const void *past, int32_t day)
{
    const struct expr_window *window = plain->window;
    struct view_reading *reading = plain->run->reading;
    struct expr_row row = view_reading_row(reading);
    struct expr_value value = {.as.integer = 1};
    reading->relation = (enum view_relation)window->relation;
    reading->row = past;
    bool is_in_span = plain->first_day <= day && day <= plain->last_day;
    if (!plain->is_state && !is_in_span) return LX_OK;
    enum lx_err code = LX_OK;
    if (window->where != NULL)
        code = expr_evaluate_node(plain->expr, window->where, &row, &value, plain->err);
    if (code == LX_ERR_OVERFLOW) return LX_OK; /* what cannot be computed does not hold */
    if (code != LX_OK || value.is_null || value.as.integer == 0) return code;
    if (window->argument != NULL)
        code = expr_evaluate_node(plain->expr, window->argument, &row, &value, plain->err);
    if (code != LX_OK || value.is_null)
        return plain->is_state && code == LX_ERR_OVERFLOW ? LX_OK : code;
    if (!plain->is_state) return add_value(plain, value, day, 1);
    code = close_plain_run(plain, day - 1);
    plain->state = (struct state){value.as.integer, value.as.real, day, true};
    return code;
}

static enum lx_err look_at_events(struct plain *plain, const struct view_moment *moment)
{
    const struct bank_history *history = plain->run->history;
    enum lx_err code = LX_OK;
    for (size_t i = 0; i < history->event_count && code == LX_OK; i++) {
        const struct bank_event *event = &history->events[i];
        if (event->at_ms <= moment->as_of_ms && bank_event_is_known(event, moment->as_of_ms))
            code = look_at(plain, event, view_day_of(moment, event->at_ms));
    }
    return code == LX_OK && plain->is_state ? close_plain_run(plain, moment->day) : code;
}

static enum lx_err look_at_offers(struct plain *plain, const struct view_moment *moment)
{
    const struct bank_history *history = plain->run->history;
    enum lx_err code = LX_OK;
    for (size_t i = 0; i < history->exposure_count && code == LX_OK; i++) {
        const struct bank_exposure *exposure = &history->exposures[i];
        if (view_is_known(moment, exposure->at_ms, exposure->known_at_ms) && !exposure->is_control)
            code = look_at(plain, exposure, view_day_of(moment, exposure->at_ms));
    }
    return code;
}

static enum lx_err look_at_holdings(struct plain *plain)
{
    struct view_holding holdings[LX_PRODUCT_MAX];
    size_t count = holdings_of(plain->run->history, plain->run->reading, holdings);
    enum lx_err code = LX_OK;
    for (size_t i = 0; i < count && code == LX_OK; i++)
        code = look_at(plain, &holdings[i], holdings[i].opened_day);
    return code;
}

static int compare_integers(const void *left, const void *right)
{
    const int64_t *a = left, *b = right;
    return (*a > *b) - (*a < *b);
}

/* Of the sorted values: how many there are, or which stands most often, the smallest of equals. */
static struct expr_value value_of_values(const struct plain *plain)
{
    const int64_t *values = plain->run->values;
    int64_t distinct = 0, top = 0;
    size_t most = 0, length = 0;
    if (plain->value_count > 0)
        qsort(plain->run->values, plain->value_count, sizeof *values, compare_integers);
    for (size_t i = 0; i < plain->value_count; i++) {
        length = i > 0 && values[i] == values[i - 1] ? length + 1 : 1;
        distinct += length == 1;
        if (length > most) {
            most = length;
            top = values[i];
        }
    }
    if (plain->window->aggregate == EXPR_DISTINCT)
        return (struct expr_value){.as.integer = distinct};
    return (struct expr_value){.is_null = most == 0, .as.integer = top};
}

enum lx_err window_plain(struct run *run, const struct expr *expr, const struct expr_window *window,
                         struct expr_value *ret_value, struct lx_error *err)
{
    struct view_reading *reading = run->reading;
    const struct view_moment moment = {.as_of_ms = reading->as_of_ms,
                                       .day = reading->today,
                                       .utc_offset_minutes = reading->context->utc_offset_minutes};
    struct plain plain = {.run = run, .expr = expr, .window = window, .err = err};
    plain.is_state = is_state_node(reading->schema, window->argument);
    expr_window_span(window, reading->today, &plain.first_day, &plain.last_day);
    enum lx_err code = LX_OK;
    switch ((enum view_relation)window->relation) {
    case VIEW_EVENTS: code = look_at_events(&plain, &moment); break;
    case VIEW_OFFERS: code = look_at_offers(&plain, &moment); break;
    case VIEW_HOLDINGS: code = look_at_holdings(&plain); break;
    case VIEW_RELATION_COUNT: lx_bug(__FILE__, __LINE__, "relation");
    }
    if (code != LX_OK) return code;
    if (window->aggregate != EXPR_DISTINCT && window->aggregate != EXPR_TOP)
        return tally_value(window, &plain.tally, &plain.slope, reading->today, ret_value, err);
    *ret_value = value_of_values(&plain);
    return LX_OK;
}

/* --- Holdings ------------------------------------------------------------------------------- */

/* First in, first out: the oldest that is open is the one after as many as were closed. */
size_t holdings_of(const struct bank_history *history, const struct view_reading *reading,
                   struct view_holding *ret_holdings)
{
    const struct bank_catalogue *catalogue = reading->context->catalogue;
    const struct view_moment moment = {.as_of_ms = reading->as_of_ms,
                                       .day = reading->today,
                                       .utc_offset_minutes = reading->context->utc_offset_minutes};
    uint16_t open_count[LX_PRODUCT_MAX] = {0}, opens[LX_PRODUCT_MAX] = {0};
    uint16_t closes[LX_PRODUCT_MAX] = {0};
    int32_t opened[LX_PRODUCT_MAX];
    size_t end = view_event_end(history, moment.as_of_ms), count = 0;
    for (int pass = 0; pass < 2; pass++) {
        if (pass == 1) memset(open_count, 0, sizeof open_count);
        for (size_t i = 0; i < end; i++) {
            const struct bank_event *event = &history->events[i];
            if (event->kind != BANK_EVENT_KIND_OPEN && event->kind != BANK_EVENT_KIND_CLOSE)
                continue;
            int product = view_product_of(event->product, catalogue);
            if (product < 0 || !bank_event_is_known(event, moment.as_of_ms)) continue;
            uint16_t before = open_count[product];
            view_count_open(&open_count[product], event->kind);
            bool is_opened = open_count[product] > before;
            if (pass == 0 && open_count[product] < before) closes[product]++;
            if (pass == 1 && is_opened && opens[product]++ == closes[product])
                opened[product] = view_day_of(&moment, event->at_ms);
        }
    }
    for (int product = 0; product < (int)catalogue->count; product++) {
        if (open_count[product] == 0) continue;
        struct view_holding holding = {product, opened[product], open_count[product]};
        size_t place = count++;
        for (; place > 0 && ret_holdings[place - 1].opened_day > holding.opened_day; place--)
            ret_holdings[place] = ret_holdings[place - 1];
        ret_holdings[place] = holding;
    }
    return count;
}
