#include "view/online_plan.h"

#include <math.h>
#include <string.h>

#include "base/date.h"

/* Beyond it a float skips whole numbers. */
#define FLOAT_EXACT 16777216.0F

const char *view_online_home_text(enum view_online_home home)
{
    static const char *const texts[] = {"recomputed", "snapshot", "memory"};
    LX_ASSERT((size_t)home < LX_COUNT_OF(texts));
    return texts[home];
}

/* --- Forms ----------------------------------------------------------------------------------- */

static bool is_money(const struct expr_window *window)
{
    return window->argument != NULL && window->argument->type == EXPR_MONEY;
}

static bool is_real(const struct expr_window *window)
{
    return window->argument != NULL && window->argument->type == EXPR_REAL;
}

/* Reals are never kept: their sums depend on where they were cut. */
static enum online_form form_of(const struct window *window)
{
    const struct expr_window *asked = window->window;
    if (window->is_plain || asked->relation != VIEW_EVENTS || is_real(asked)) return FORM_NONE;
    switch (asked->aggregate) {
    case EXPR_COUNT: return FORM_COUNT;
    case EXPR_SUM:
    case EXPR_MIN:
    case EXPR_MAX:
    case EXPR_LAST: return window->is_state && is_money(asked) ? FORM_64 : FORM_32;
    case EXPR_AVG: return window->is_state ? FORM_AVG_64 : FORM_AVG_32;
    case EXPR_SLOPE: return FORM_SLOPE;
    case EXPR_DAYS_SINCE_LAST:
    case EXPR_DAYS_SINCE_FIRST: return window->is_state ? FORM_NONE : FORM_DAY;
    case EXPR_TOP: return FORM_TOP;
    case EXPR_DISTINCT: return window->word_count > 0 ? FORM_BITS : FORM_DAYS;
    default: return FORM_NONE;
    }
}

static uint16_t width_of(enum online_form form, const struct expr_window *window)
{
    switch (form) {
    case FORM_NONE: return 0;
    case FORM_COUNT:
    case FORM_DAY: return 2;
    case FORM_32:
    case FORM_DAYS: return 4;
    case FORM_64: return 8;
    case FORM_AVG_32: return 6;
    case FORM_AVG_64: return 10;
    case FORM_BITS: return (uint16_t)((window->argument->enumeration->value_count + 7) / 8);
    case FORM_TOP: return window->argument->enumeration->value_count;
    case FORM_SLOPE: return 48;
    }
    lx_bug(__FILE__, __LINE__, "form");
}

/* --- What a feature of the snapshot tells ----------------------------------------------------- */

static bool has_default(const struct feature *feature)
{
    return !feature->otherwise.is_null;
}

/* A default hides whether a sum was nothing or nought; where nobody else reads it that is one. */
static bool is_told(const struct feature *feature, const struct window *window, uint32_t reads)
{
    const struct expr_window *asked = window->window;
    if (feature->shape != FEATURE_WINDOW || feature->is_late || feature->is_derived) return false;
    if (window->is_plain || window->is_state || asked->relation != VIEW_EVENTS) return false;
    if (window->argument == ARGUMENT_NODE || is_money(asked) || is_real(asked)) return false;
    switch (asked->aggregate) {
    case EXPR_COUNT: return true;
    case EXPR_SUM:
        return !has_default(feature) || (reads == 1 && feature->otherwise.as.integer == 0);
    case EXPR_DAYS_SINCE_LAST:
    case EXPR_DAYS_SINCE_FIRST: return !has_default(feature);
    default: return false;
    }
}

static void find_features(struct online_plan *plan, enum view_scope scope)
{
    const struct view_features *features = plan->features;
    struct online_slot *slots = plan->slots[scope];
    for (size_t i = 0; i < features->counts[scope]; i++) {
        const struct feature *feature = &features->items[scope][i];
        for (size_t k = 0; k < expr_window_count(feature->expr); k++)
            slots[feature->places[k]].reads++;
    }
    for (size_t i = 0; i < features->counts[scope]; i++) {
        const struct feature *feature = &features->items[scope][i];
        if (feature->shape != FEATURE_WINDOW) continue;
        struct online_slot *slot = &slots[feature->places[0]];
        const struct window *window = &features->programs[scope].windows[feature->places[0]];
        if (!is_told(feature, window, slot->reads) || window->is_keyed != (scope == VIEW_PAIR))
            continue;
        slot->home = VIEW_ONLINE_SNAPSHOT;
        slot->feature = (uint16_t)i;
    }
}

/* --- The choice ------------------------------------------------------------------------------- */

static size_t bytes_of(const struct online_plan *plan, enum view_scope scope, size_t place)
{
    const struct window *window = &plan->features->programs[scope].windows[place];
    size_t bytes = plan->slots[scope][place].width;
    if (window->is_keyed) bytes *= plan->product_count;
    if (window->is_state && plan->groups[scope][window->group] == 0) bytes += sizeof(int64_t);
    return bytes;
}

static void place_window(struct online_plan *plan, enum view_scope scope, size_t place)
{
    const struct window *window = &plan->features->programs[scope].windows[place];
    struct online_slot *slot = &plan->slots[scope][place];
    size_t bytes = bytes_of(plan, scope, place);
    if (window->is_state && plan->groups[scope][window->group] == 0) {
        plan->groups[scope][window->group] = (uint32_t)plan->record_bytes;
        plan->record_bytes += sizeof(int64_t);
        bytes -= sizeof(int64_t);
    }
    slot->home = VIEW_ONLINE_MEMORY;
    slot->at = (uint32_t)plan->record_bytes;
    plan->record_bytes += bytes;
}

/* The best for each byte of those that there is room for; of equals the first. */
static bool place_best(struct online_plan *plan, size_t most)
{
    enum view_scope best_scope = VIEW_CUSTOMER;
    size_t best = SIZE_MAX;
    double best_worth = -1;
    for (int scope = VIEW_CUSTOMER; scope <= VIEW_PAIR; scope++)
        for (size_t i = 0; i < plan->features->programs[scope].window_count; i++) {
            const struct online_slot *slot = &plan->slots[scope][i];
            if (slot->home != VIEW_ONLINE_RECOMPUTED || slot->form == FORM_NONE) continue;
            size_t bytes = bytes_of(plan, (enum view_scope)scope, i);
            double worth = (1 + slot->updates) * slot->reads / (double)bytes;
            if (plan->record_bytes + bytes > most || worth <= best_worth) continue;
            best_scope = (enum view_scope)scope;
            best = i;
            best_worth = worth;
        }
    if (best != SIZE_MAX) place_window(plan, best_scope, best);
    return best != SIZE_MAX;
}

enum lx_err online_plan_make(const struct view_features *features, size_t product_count,
                             size_t record_bytes_max, uint64_t *const updates[2], size_t sampled,
                             struct online_plan *ret_plan, struct lx_error *err)
{
    LX_ASSERT(record_bytes_max >= sizeof(struct online_header));

    struct online_plan plan = {.features = features,
                               .product_count = product_count,
                               .record_bytes = sizeof(struct online_header)};
    for (int scope = VIEW_CUSTOMER; scope <= VIEW_PAIR; scope++) {
        const struct program *program = &features->programs[scope];
        plan.slots[scope] = lx_calloc(program->window_count + 1, sizeof *plan.slots[scope]);
        plan.groups[scope] = lx_calloc(program->group_count + 1, sizeof *plan.groups[scope]);
        if (plan.slots[scope] == NULL || plan.groups[scope] == NULL) {
            online_plan_release(&plan);
            return lx_fail(err, LX_ERR_NO_MEMORY, "online: out of memory");
        }
        for (size_t i = 0; i < program->window_count; i++) {
            struct online_slot *slot = &plan.slots[scope][i];
            slot->form = form_of(&program->windows[i]);
            slot->width = width_of(slot->form, program->windows[i].window);
            slot->updates = sampled == 0 ? 0 : (double)updates[scope][i] / (double)sampled;
        }
        find_features(&plan, (enum view_scope)scope);
    }
    while (place_best(&plan, record_bytes_max)) continue;
    *ret_plan = plan;
    return LX_OK;
}

void online_plan_release(struct online_plan *plan)
{
    for (int scope = VIEW_CUSTOMER; scope <= VIEW_PAIR; scope++) {
        lx_free(plan->slots[scope]);
        lx_free(plan->groups[scope]);
    }
    *plan = (struct online_plan){0};
}

/* --- Storing ---------------------------------------------------------------------------------- */

#define PUT(type, number)                                                                          \
    do {                                                                                           \
        type put_number = (type)(number);                                                          \
        memcpy(bytes, &put_number, sizeof put_number);                                             \
        bytes += sizeof put_number;                                                                \
    } while (0)

static bool fits(int64_t number, int64_t low, int64_t high)
{
    return low <= number && number <= high;
}

static bool store_tally(enum online_form form, const struct tally *tally, uint8_t *bytes)
{
    bool has = tally->seen > 0;
    if (tally->seen < 0) return false;
    switch (form) {
    case FORM_COUNT:
        if (!fits(tally->number, 0, UINT16_MAX)) return false;
        PUT(uint16_t, tally->number);
        return true;
    case FORM_DAY:
        if (has && !fits(tally->number, INT16_MIN + 1, INT16_MAX)) return false;
        PUT(int16_t, has ? tally->number : INT16_MIN);
        return true;
    case FORM_AVG_32:
    case FORM_32:
        if (has && !fits(tally->number, INT32_MIN + 1, INT32_MAX)) return false;
        PUT(int32_t, has ? tally->number : INT32_MIN);
        break;
    default:
        if (has && tally->number == INT64_MIN) return false;
        PUT(int64_t, has ? tally->number : INT64_MIN);
    }
    if (form != FORM_AVG_32 && form != FORM_AVG_64) return true;
    if (tally->seen > UINT16_MAX) return false;
    PUT(uint16_t, tally->seen);
    return true;
}

static bool store_days(const struct tally *tally, uint8_t *bytes)
{
    int64_t day = tally->seen - 1 + INT32_MIN;
    if (tally->seen == 0) day = INT16_MIN;
    if (!fits(tally->number, 0, UINT16_MAX) || !fits(day, INT16_MIN, INT16_MAX)) return false;
    if (tally->seen != 0 && day == INT16_MIN) return false;
    PUT(uint16_t, tally->number);
    PUT(int16_t, day);
    return true;
}

static bool store_slope(const struct slope *slope, uint8_t *bytes)
{
    PUT(int64_t, slope->n);
    PUT(int64_t, slope->x);
    PUT(int64_t, slope->xx);
    if (slope->y > INT64_MAX / 2 || slope->y < INT64_MIN / 2) return false;
    PUT(int64_t, slope->y);
    PUT(i128, slope->xy);
    return true;
}

static bool store_values(const struct window *window, enum online_form form, uint16_t width,
                         const uint64_t *words, uint8_t *bytes)
{
    for (size_t i = 0; i < width; i++) {
        uint64_t part = form == FORM_TOP ? words[i] : words[i / 8] >> (i % 8 * 8) & 0xFF;
        if (part > UINT8_MAX) return false;
        bytes[i] = (uint8_t)part;
    }
    LX_ASSERT(window->word_count > 0);
    return true;
}

static bool store_window(const struct online_slot *slot, const struct window *window,
                         const struct run *run, const struct tally *tally, uint8_t *bytes)
{
    switch (slot->form) {
    case FORM_BITS:
    case FORM_TOP:
        return store_values(window, slot->form, slot->width, run->words + window->words, bytes);
    case FORM_DAYS: return store_days(tally, bytes);
    case FORM_SLOPE: return store_slope(&run->slopes[window->slope], bytes);
    default: return store_tally(slot->form, tally, bytes);
    }
}

static const struct tally *tally_at(const struct run *run, const struct window *window,
                                    size_t product)
{
    static const struct tally nothing = {0};
    if (!window->is_keyed) return &run->tallies[window->tally];
    if (!run->is_touched[product]) return &nothing;
    return run->keyed + product * run->program->keyed_count + window->tally;
}

bool online_store(const struct online_plan *plan, enum view_scope scope, const struct run *run,
                  uint8_t *record)
{
    const struct program *program = run->program;
    for (size_t i = 0; i < program->window_count; i++) {
        const struct online_slot *slot = &plan->slots[scope][i];
        const struct window *window = &program->windows[i];
        if (slot->home != VIEW_ONLINE_MEMORY) continue;
        size_t products = window->is_keyed ? plan->product_count : 1;
        for (size_t k = 0; k < products; k++)
            if (!store_window(slot, window, run, tally_at(run, window, k),
                              record + slot->at + k * slot->width))
                return false;
    }
    for (size_t i = 0; i < program->group_count; i++) {
        int64_t value = run->states[i].is_known ? run->states[i].value : INT64_MIN;
        if (plan->groups[scope][i] == 0) continue;
        if (run->states[i].is_known && value == INT64_MIN) return false;
        memcpy(record + plan->groups[scope][i], &value, sizeof value);
    }
    return true;
}

/* --- Loading ---------------------------------------------------------------------------------- */

#define TAKE(type, into)                                                                           \
    do {                                                                                           \
        type taken;                                                                                \
        memcpy(&taken, bytes, sizeof taken);                                                       \
        (into) = taken;                                                                            \
        bytes += sizeof taken;                                                                     \
    } while (0)

static void load_tally(enum online_form form, const uint8_t *bytes, struct tally *tally)
{
    int64_t none = INT64_MIN;
    switch (form) {
    case FORM_COUNT: TAKE(uint16_t, tally->number); return;
    case FORM_DAY:
        TAKE(int16_t, tally->number);
        none = INT16_MIN;
        break;
    case FORM_AVG_32:
    case FORM_32:
        TAKE(int32_t, tally->number);
        none = INT32_MIN;
        break;
    default: TAKE(int64_t, tally->number);
    }
    tally->seen = tally->number != none;
    if (tally->seen == 0) tally->number = 0;
    if (form == FORM_AVG_32 || form == FORM_AVG_64) TAKE(uint16_t, tally->seen);
}

static void load_days(const uint8_t *bytes, struct tally *tally)
{
    int64_t day;
    TAKE(uint16_t, tally->number);
    TAKE(int16_t, day);
    tally->seen = day == INT16_MIN ? 0 : day - INT32_MIN + 1;
}

static void load_slope(const uint8_t *bytes, struct slope *slope)
{
    TAKE(int64_t, slope->n);
    TAKE(int64_t, slope->x);
    TAKE(int64_t, slope->xx);
    TAKE(int64_t, slope->y);
    TAKE(i128, slope->xy);
}

static void load_window(const struct online_slot *slot, const struct window *window,
                        const uint8_t *bytes, struct run *run, struct tally *tally)
{
    uint64_t *words = run->words + window->words;
    *tally = (struct tally){0};
    switch (slot->form) {
    case FORM_BITS:
        memset(words, 0, window->word_count * sizeof *words);
        for (size_t i = 0; i < slot->width; i++) words[i / 8] |= (uint64_t)bytes[i] << (i % 8 * 8);
        break;
    case FORM_TOP:
        for (size_t i = 0; i < slot->width; i++) words[i] = bytes[i];
        break;
    case FORM_DAYS: load_days(bytes, tally); break;
    case FORM_SLOPE: load_slope(bytes, &run->slopes[window->slope]); break;
    default: load_tally(slot->form, bytes, tally);
    }
}

static struct tally *open_tally(struct run *run, const struct window *window, size_t product)
{
    if (!window->is_keyed) return &run->tallies[window->tally];
    struct tally *tallies = run->keyed + product * run->program->keyed_count;
    if (!run->is_touched[product]) {
        run->is_touched[product] = true;
        memset(tallies, 0, run->program->keyed_count * sizeof *tallies);
    }
    return &tallies[window->tally];
}

void online_load(const struct online_plan *plan, enum view_scope scope, const uint8_t *record,
                 struct run *run)
{
    const struct program *program = run->program;
    for (size_t i = 0; i < program->window_count; i++) {
        const struct online_slot *slot = &plan->slots[scope][i];
        const struct window *window = &program->windows[i];
        if (slot->home != VIEW_ONLINE_MEMORY) continue;
        size_t products = window->is_keyed ? plan->product_count : 1;
        for (size_t k = 0; k < products; k++)
            load_window(slot, window, record + slot->at + k * slot->width, run,
                        open_tally(run, window, k));
    }
    for (size_t i = 0; i < program->group_count; i++) {
        struct state state = {.since_day = run->day->day};
        if (plan->groups[scope][i] == 0) continue;
        memcpy(&state.value, record + plan->groups[scope][i], sizeof state.value);
        state.is_known = state.value != INT64_MIN;
        run->states[i] = state;
    }
}

bool online_load_feature(const struct online_plan *plan, enum view_scope scope, size_t place,
                         int product, float value, struct run *run)
{
    const struct window *window = &plan->features->programs[scope].windows[place];
    enum expr_aggregate aggregate = window->window->aggregate;
    struct tally *tally = open_tally(run, window, product < 0 ? 0 : (size_t)product);
    if (!isnan(value) && (value >= FLOAT_EXACT || value <= -FLOAT_EXACT)) return false;
    *tally = (struct tally){0};
    if (isnan(value)) return true;
    bool is_day = aggregate == EXPR_DAYS_SINCE_LAST || aggregate == EXPR_DAYS_SINCE_FIRST;
    tally->number = is_day ? run->day->day - (int64_t)value : (int64_t)value;
    tally->seen = aggregate == EXPR_COUNT ? 0 : 1;
    return true;
}
