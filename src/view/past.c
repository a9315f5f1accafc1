#include "view/past.h"

#include <stdlib.h>
#include <string.h>

#include "expr/tree.h"
#include "money/money.h"
#include "view/state.h"

__extension__ typedef __int128 i128;

/* What a window has seen: values that count as often as they held days. */
struct past {
    const struct expr *expr;
    const struct expr_window *window;
    struct view_reading *reading;
    struct lx_error *err;
    int32_t first_day, last_day, row_day; /* row_day: INT32_MIN before the first row */
    int32_t first_row_day;
    int64_t count;
    bool is_real, is_state, is_held;
    struct expr_value held; /* of a state: since held_day */
    int32_t held_day;
    i128 sum;
    double real_sum;
    struct expr_value extreme, last;
    i128 x, xx, xy; /* slope: days, their squares, days times values */
    double real_xy;
    int64_t *values; /* distinct and top */
    size_t value_count, value_capacity;
};

static bool is_state(const struct expr *expr, const struct expr_node *node)
{
    if (node == NULL) return false;
    if (node->op == EXPR_OP_RELATION_FIELD &&
        expr->schema->relations[node->relation].fields[node->index].is_state)
        return true;
    for (uint32_t i = 0; i < node->child_count; i++)
        if (is_state(expr, node->children[i])) return true;
    return false;
}

static enum lx_err keep_value(struct past *past, struct expr_value value)
{
    if (past->value_count == past->value_capacity) {
        size_t capacity = past->value_capacity == 0 ? 256 : 2 * past->value_capacity;
        int64_t *values = lx_realloc(past->values, capacity * sizeof *values);
        if (values == NULL) return lx_fail(past->err, LX_ERR_NO_MEMORY, "window: out of memory");
        past->values = values;
        past->value_capacity = capacity;
    }
    int64_t bits = value.as.integer;
    if (past->is_real) memcpy(&bits, &value.as.real, sizeof bits);
    past->values[past->value_count++] = bits;
    return LX_OK;
}

static bool is_beyond(const struct past *past, struct expr_value value)
{
    bool is_max = past->window->aggregate == EXPR_MAX;
    if (past->is_real)
        return is_max ? value.as.real > past->extreme.as.real
                      : value.as.real < past->extreme.as.real;
    return is_max ? value.as.integer > past->extreme.as.integer
                  : value.as.integer < past->extreme.as.integer;
}

/* The squares of the days from..from + days - 1, and the days themselves, summed. */
static void add_days(struct past *past, struct expr_value value, int32_t from, int64_t days)
{
    i128 first = from, last = first + days - 1, before = first - 1;
    i128 x = (first + last) * days / 2;
    past->x += x;
    past->xx += (last * (last + 1) * (2 * last + 1) - before * (before + 1) * (2 * before + 1)) / 6;
    if (past->is_real)
        past->real_xy += value.as.real * (double)x;
    else
        past->xy += (i128)value.as.integer * x;
}

static enum lx_err add(struct past *past, struct expr_value value, int32_t day, int64_t days)
{
    enum expr_aggregate aggregate = past->window->aggregate;
    if (aggregate == EXPR_DISTINCT || aggregate == EXPR_TOP) return keep_value(past, value);
    if (past->count == 0 || is_beyond(past, value)) past->extreme = value;
    past->last = value;
    past->count += days;
    if (aggregate == EXPR_SUM || aggregate == EXPR_AVG || aggregate == EXPR_SLOPE) {
        if (past->is_real)
            past->real_sum += value.as.real * (double)days;
        else
            past->sum += (i128)value.as.integer * days;
    }
    if (aggregate == EXPR_SLOPE) add_days(past, value, day, days);
    if (day == INT32_MIN) return LX_OK; /* a holding from before the records */
    if (past->row_day == INT32_MIN) past->first_row_day = (int32_t)(day + days - 1);
    past->row_day = (int32_t)(day + days - 1);
    return LX_OK;
}

/* The state held up to the end of a day. */
static enum lx_err end_state(struct past *past, int32_t to)
{
    int32_t from = past->held_day > past->first_day ? past->held_day : past->first_day;
    int32_t until = to < past->last_day ? to : past->last_day;
    if (!past->is_held || from > until) return LX_OK;
    return add(past, past->held, from, (int64_t)until - from + 1);
}

static enum lx_err look_at(struct past *past, const void *row, int32_t day)
{
    const struct expr_window *window = past->window;
    struct expr_row of = view_reading_row(past->reading);
    struct expr_value value = {.as.integer = 1};
    bool is_in_span = past->first_day <= day && day <= past->last_day;
    if (!past->is_state && !is_in_span) return LX_OK;
    past->reading->relation = (enum view_relation)window->relation;
    past->reading->row = row;
    enum lx_err code = LX_OK;
    if (window->where != NULL)
        code = expr_evaluate_node(past->expr, window->where, &of, &value, past->err);
    if (code == LX_ERR_OVERFLOW) return LX_OK;
    if (code != LX_OK || value.is_null || value.as.integer == 0) return code;
    if (window->argument != NULL)
        code = expr_evaluate_node(past->expr, window->argument, &of, &value, past->err);
    if (code == LX_ERR_OVERFLOW && past->is_state) return LX_OK;
    if (code != LX_OK || value.is_null) return code;
    if (!past->is_state) return add(past, value, day, 1);
    code = end_state(past, day - 1);
    past->is_held = true;
    past->held = value;
    past->held_day = day;
    return code;
}

static enum lx_err look_at_events(struct past *past, const struct bank_history *history,
                                  const struct view_moment *moment)
{
    enum lx_err code = LX_OK;
    for (size_t i = 0; i < history->event_count && code == LX_OK; i++) {
        const struct bank_event *event = &history->events[i];
        if (view_is_known(moment, event->at_ms, event->known_at_ms))
            code = look_at(past, event, view_day_of(moment, event->at_ms));
    }
    return code == LX_OK && past->is_state ? end_state(past, moment->day) : code;
}

static enum lx_err look_at_offers(struct past *past, const struct bank_history *history,
                                  const struct view_moment *moment)
{
    enum lx_err code = LX_OK;
    for (size_t i = 0; i < history->exposure_count && code == LX_OK; i++) {
        const struct bank_exposure *offer = &history->exposures[i];
        if (view_is_known(moment, offer->at_ms, offer->known_at_ms) && !offer->is_control)
            code = look_at(past, offer, view_day_of(moment, offer->at_ms));
    }
    return code;
}

/* Of one product: what is closed is what was opened first. The day of the oldest that is open, and how
 * many are. False: none. */
static bool holding_of(const struct bank_history *history, const struct view_moment *moment,
                       const struct bank_catalogue *catalogue, int product,
                       struct view_holding *ret_holding)
{
    uint16_t open = 0;
    size_t closed = 0, opened = 0;
    int32_t day = INT32_MIN;
    for (int pass = 0; pass < 2; pass++) {
        open = 0;
        for (size_t i = 0; i < history->event_count; i++) {
            const struct bank_event *event = &history->events[i];
            if (!view_is_known(moment, event->at_ms, event->known_at_ms)) continue;
            if (view_product_of(event->product, catalogue) != product) continue;
            uint16_t before = open;
            view_count_open(&open, event->kind);
            if (pass == 0 && open < before) closed++;
            if (pass == 1 && open > before && opened++ == closed)
                day = view_day_of(moment, event->at_ms);
        }
    }
    *ret_holding = (struct view_holding){product, day, open};
    return open > 0;
}

/* The longest held first. */
static enum lx_err look_at_holdings(struct past *past, const struct bank_history *history,
                                    const struct view_moment *moment)
{
    const struct bank_catalogue *catalogue = past->reading->context->catalogue;
    struct view_holding holdings[LX_PRODUCT_MAX], holding;
    size_t count = 0;
    enum lx_err code = LX_OK;
    for (size_t i = 0; i < catalogue->count; i++) {
        if (!view_holds(past->reading->facts, (int)i)) continue;
        if (!holding_of(history, moment, catalogue, (int)i, &holding)) continue;
        size_t place = count++;
        for (; place > 0 && holdings[place - 1].opened_day > holding.opened_day; place--)
            holdings[place] = holdings[place - 1];
        holdings[place] = holding;
    }
    for (size_t i = 0; i < count && code == LX_OK; i++)
        code = look_at(past, &holdings[i], holdings[i].opened_day);
    return code;
}

static int compare_integers(const void *left, const void *right)
{
    const int64_t *a = left, *b = right;
    return (*a > *b) - (*a < *b);
}

/* How many different values there are, or which stands most often, the smallest of equals. */
static struct expr_value value_of_values(struct past *past)
{
    int64_t distinct = 0, top = 0;
    size_t most = 0, length = 0;
    if (past->value_count > 0)
        qsort(past->values, past->value_count, sizeof *past->values, compare_integers);
    for (size_t i = 0; i < past->value_count; i++) {
        length = i > 0 && past->values[i] == past->values[i - 1] ? length + 1 : 1;
        distinct += length == 1;
        if (length <= most) continue;
        most = length;
        top = past->values[i];
    }
    if (past->window->aggregate == EXPR_DISTINCT)
        return (struct expr_value){.as.integer = distinct};
    return (struct expr_value){.is_null = most == 0, .as.integer = top};
}

/* Least squares; of money in yuan a day. */
static struct expr_value slope_of(const struct past *past)
{
    i128 spread = (i128)past->count * past->xx - past->x * past->x;
    struct expr_value value = {.is_null = spread == 0};
    if (value.is_null) return value;
    double together = past->is_real
                          ? (double)past->count * past->real_xy - (double)past->x * past->real_sum
                          : (double)(past->count * past->xy - past->x * past->sum);
    value.as.real = together / (double)spread;
    if (past->window->argument->type == EXPR_MONEY) value.as.real /= 100;
    return value;
}

static enum lx_err out_of_range(const struct past *past)
{
    return lx_fail(past->err, LX_ERR_OVERFLOW, "a window's sum is past the range of %s",
                   expr_type_name(past->window->type));
}

static enum lx_err sum_of(const struct past *past, struct expr_value *value)
{
    bool is_average = past->window->aggregate == EXPR_AVG;
    if (past->is_real) {
        value->as.real = is_average ? past->real_sum / (double)past->count : past->real_sum;
        return LX_OK;
    }
    if (past->sum > INT64_MAX || past->sum < INT64_MIN) return out_of_range(past);
    if (!is_average)
        value->as.integer = (int64_t)past->sum;
    else if (past->window->type == EXPR_MONEY)
        return money_div_round((int64_t)past->sum, past->count, MONEY_ROUND_HALF_EVEN,
                               &value->as.integer);
    else
        value->as.real = (double)past->sum / (double)past->count;
    return LX_OK;
}

static enum lx_err value_of(struct past *past, struct expr_value *ret_value)
{
    struct expr_value value = {.is_null = past->count == 0};
    enum lx_err code = LX_OK;
    switch (past->window->aggregate) {
    case EXPR_COUNT: value = (struct expr_value){.as.integer = past->count}; break;
    case EXPR_SUM:
    case EXPR_AVG:
        if (past->count > 0) code = sum_of(past, &value);
        break;
    case EXPR_MIN:
    case EXPR_MAX:
        if (past->count > 0) value = past->extreme;
        break;
    case EXPR_LAST:
        if (past->count > 0) value = past->last;
        break;
    case EXPR_DISTINCT:
    case EXPR_TOP: value = value_of_values(past); break;
    case EXPR_SLOPE: value = slope_of(past); break;
    case EXPR_DAYS_SINCE_LAST:
    case EXPR_DAYS_SINCE_FIRST:
        value.is_null = past->row_day == INT32_MIN;
        value.as.integer = past->reading->today;
        value.as.integer -=
            past->window->aggregate == EXPR_DAYS_SINCE_LAST ? past->row_day : past->first_row_day;
        break;
    case EXPR_AGGREGATE_COUNT: lx_bug(__FILE__, __LINE__, "aggregate");
    }
    if (code == LX_OK) *ret_value = value;
    return code;
}

enum lx_err view_past_value(const struct expr *expr, const struct expr_window *window,
                            const struct bank_history *history, struct view_reading *reading,
                            struct expr_value *ret_value, struct lx_error *err)
{
    LX_ASSERT(expr != NULL && window != NULL && history != NULL && reading != NULL);

    const struct view_moment moment =
        view_moment_of(reading->as_of_ms, reading->context->utc_offset_minutes);
    struct past past = {.expr = expr,
                        .window = window,
                        .reading = reading,
                        .err = err,
                        .row_day = INT32_MIN,
                        .is_real = window->argument != NULL && window->argument->type == EXPR_REAL,
                        .is_state = is_state(expr, window->argument)};
    expr_window_span(window, reading->today, &past.first_day, &past.last_day);
    enum lx_err code = LX_OK;
    switch ((enum view_relation)window->relation) {
    case VIEW_EVENTS: code = look_at_events(&past, history, &moment); break;
    case VIEW_OFFERS: code = look_at_offers(&past, history, &moment); break;
    case VIEW_HOLDINGS: code = look_at_holdings(&past, history, &moment); break;
    case VIEW_RELATION_COUNT: lx_bug(__FILE__, __LINE__, "relation");
    }
    if (code == LX_OK) code = value_of(&past, ret_value);
    lx_free(past.values);
    return code;
}
