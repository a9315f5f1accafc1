#include "view/pair.h"

#include <string.h>

#include "base/real.h"
#include "view/feature_table.h"
#include "view/peers_table.h"
#include "view/state.h"

enum {
#define X(name, group, unit, zh, en, definition, expression) HISTORY_##name,
    VIEW_PAIR_HISTORY_MAP(X)
#undef X
        HISTORY_COUNT
};

/* What one customer did with one product. */
struct product_history {
    uint32_t opens, views[VIEW_WINDOW_COUNT], skips_90d;
    uint32_t shown_365d, interested_365d, refused_365d;
    int64_t dwell_seconds[VIEW_WINDOW_COUNT];
    int64_t last_close_ms, last_view_ms, last_shown_ms, last_interest_ms;
};

static const struct product_history untouched = {
    .last_close_ms = BANK_UNKNOWN_MS,
    .last_view_ms = BANK_UNKNOWN_MS,
    .last_shown_ms = BANK_UNKNOWN_MS,
    .last_interest_ms = BANK_UNKNOWN_MS,
};

size_t view_pair_history_count(void)
{
    return HISTORY_COUNT;
}

static void add_view(struct product_history *product, const struct bank_event *event,
                     const struct view_moment *moment)
{
    product->last_view_ms = event->at_ms;
    for (int w = (int)view_window_of(moment, event->at_ms); w < VIEW_WINDOW_COUNT; w++) {
        product->views[w]++;
        if (event->quantity > 0) product->dwell_seconds[w] += event->quantity;
    }
}

static void add_event(struct product_history *product, const struct bank_event *event,
                      const struct view_moment *moment)
{
    switch (event->kind) {
    case BANK_EVENT_KIND_OPEN: product->opens++; break;
    case BANK_EVENT_KIND_CLOSE: product->last_close_ms = event->at_ms; break;
    case BANK_EVENT_KIND_PAGE_VIEW: add_view(product, event, moment); break;
    case BANK_EVENT_KIND_PAGE_SKIP:
        product->skips_90d += event->at_ms >= moment->start_ms[VIEW_90D];
        break;
    default: break;
    }
}

static void add_exposure(struct product_history *product, const struct bank_exposure *exposure,
                         const struct view_moment *moment)
{
    bool is_recent = exposure->at_ms >= moment->start_ms[VIEW_365D];
    product->last_shown_ms = exposure->at_ms;
    product->shown_365d += is_recent;
    if (!view_answer_is_known(moment, exposure)) return;
    product->refused_365d += is_recent && exposure->answer == BANK_ANSWER_NOT_INTERESTED;
    if (!view_is_interested(exposure->answer)) return;
    product->interested_365d += is_recent;
    if (exposure->answer_known_at_ms > product->last_interest_ms)
        product->last_interest_ms = exposure->answer_known_at_ms;
}

static void write_history(const struct product_history *h, const struct view_moment *moment,
                          float *value)
{
#define X(name, group, unit, zh, en, definition, expression) *value++ = (expression);
    VIEW_PAIR_HISTORY_MAP(X)
#undef X
}

void view_pair_default(float *ret_values)
{
    struct view_moment moment = view_moment_of(0, 0);
    write_history(&untouched, &moment, ret_values);
}

void view_pair_history(const struct bank_history *history, const struct view_context *context,
                       int64_t as_of_ms, float *values)
{
    const struct bank_catalogue *catalogue = context->catalogue;
    struct view_moment moment = view_moment_of(as_of_ms, context->utc_offset_minutes);
    struct product_history products[LX_PRODUCT_MAX];
    for (size_t i = 0; i < catalogue->count; i++) products[i] = untouched;

    size_t end = view_event_end(history, as_of_ms);
    for (size_t i = 0; i < end; i++) {
        const struct bank_event *event = &history->events[i];
        int product = view_product_of(event->product, catalogue);
        if (product >= 0 && bank_event_is_known(event, as_of_ms))
            add_event(&products[product], event, &moment);
    }
    for (size_t i = 0; i < history->exposure_count; i++) {
        const struct bank_exposure *exposure = &history->exposures[i];
        int product = view_product_of(exposure->product, catalogue);
        if (product >= 0 && !exposure->is_control &&
            view_is_known(&moment, exposure->at_ms, exposure->known_at_ms))
            add_exposure(&products[product], exposure, &moment);
    }
    for (size_t i = 0; i < catalogue->count; i++)
        write_history(&products[i], &moment, values + i * view_pair_feature_count());
}

/* What the peers say of the product. */
struct product_rates {
    float cohort_holding, cohort_opening, cohort_opening_365d, branch_holding, branch_opening;
    float occupation_holding, bank_holding, bank_opening, bank_opening_365d;
};

struct customer_groups {
    const float *cohort, *branch, *occupation, *bank; /* rates; NULL without peers */
    int product_count;
};

struct derived {
    const struct view_facts *facts;
    const struct view_peers *peers; /* or NULL */
    const struct bank_catalogue *catalogue;
    const struct bank_product *product;
    struct bank_terms terms; /* of the product as of the moment */
    int index;
    int32_t today;
    struct product_rates rates;
};

static struct customer_groups groups_of(const struct view_facts *facts,
                                        const struct view_peers *peers,
                                        const float *customer_values)
{
    if (peers == NULL) return (struct customer_groups){0};
    int cohort = view_peers_cohort_group(customer_values[VIEW_CUSTOMER_age],
                                         customer_values[VIEW_CUSTOMER_balance],
                                         customer_values[VIEW_CUSTOMER_acts_90d]);
    return (struct customer_groups){
        view_peers_rates(peers, cohort),
        view_peers_rates(peers, view_peers_branch_group(peers, facts->branch)),
        view_peers_rates(peers, view_peers_occupation_group(peers, facts->occupation)),
        view_peers_rates(peers, PEERS_NO_GROUP),
        (int)peers->product_count,
    };
}

static struct product_rates rates_of(const struct customer_groups *groups, int product)
{
    /* Peers may be older than the newest product. */
    if (groups->bank == NULL || product >= groups->product_count)
        return (struct product_rates){NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN};
    return (struct product_rates){
        .cohort_holding = view_peers_rate(groups->cohort, product, PEERS_HOLDERS),
        .cohort_opening = view_peers_rate(groups->cohort, product, PEERS_OPENED_30D),
        .cohort_opening_365d = view_peers_rate(groups->cohort, product, PEERS_OPENED_365D),
        .branch_holding = view_peers_rate(groups->branch, product, PEERS_HOLDERS),
        .branch_opening = view_peers_rate(groups->branch, product, PEERS_OPENED_30D),
        .occupation_holding = view_peers_rate(groups->occupation, product, PEERS_HOLDERS),
        .bank_holding = view_peers_rate(groups->bank, product, PEERS_HOLDERS),
        .bank_opening = view_peers_rate(groups->bank, product, PEERS_OPENED_30D),
        .bank_opening_365d = view_peers_rate(groups->bank, product, PEERS_OPENED_365D),
    };
}

/* The words of the table's expressions. */

#define is_category(d, name) ((float)((d)->product->category == BANK_CATEGORY_##name))

static float minimum_log(const struct derived *d)
{
    const double ln_10 = 2.302585092994046;
    return (float)(lx_log(1 + (double)d->terms.minimum_fen / 100) / ln_10);
}

static float product_age_years(const struct derived *d)
{
    return (float)(((double)d->today - d->product->launched_day) / 365.25);
}

static float category_held(const struct derived *d)
{
    int count = 0;
    for (size_t i = 0; i < d->catalogue->count; i++)
        count += view_holds(d->facts, (int)i) &&
                 d->catalogue->products[i].category == d->product->category;
    return (float)count;
}

static float minimum_to_assets(const struct derived *d)
{
    int64_t assets_fen = d->facts->assets_fen;
    if (assets_fen == BANK_NO_AMOUNT || assets_fen <= 0) return NAN;
    return (float)((double)d->terms.minimum_fen / (double)assets_fen);
}

static float risk_gap(const struct derived *d)
{
    return (float)(d->facts->risk_level - d->product->risk);
}

static float is_in_age_range(const struct derived *d)
{
    if (d->facts->age < 0) return NAN;
    return d->facts->age >= d->product->age_min && d->facts->age <= d->product->age_max;
}

static bool has_lifts(const struct derived *d)
{
    return d->peers != NULL && d->index < (int)d->peers->product_count;
}

/* NaN where nothing else is held. */
static float lift_max(const struct derived *d)
{
    float best = NAN;
    if (!has_lifts(d)) return NAN;
    for (int a = 0; a < (int)d->peers->product_count; a++) {
        if (a == d->index || !view_holds(d->facts, a)) continue;
        float lift = d->peers->lifts[(size_t)a * d->peers->product_count + (size_t)d->index];
        if (!(best >= lift)) best = lift;
    }
    return best;
}

static float lift_log_sum(const struct derived *d)
{
    float sum = 0;
    if (!has_lifts(d)) return NAN;
    for (int a = 0; a < (int)d->peers->product_count; a++) {
        if (a == d->index || !view_holds(d->facts, a)) continue;
        sum += d->peers->lift_logs[(size_t)a * d->peers->product_count + (size_t)d->index];
    }
    return sum;
}

static void write_derived(const struct derived *d, float *value)
{
#define X(name, group, unit, zh, en, definition, expression) *value++ = (expression);
    VIEW_PAIR_DERIVED_MAP(X)
#undef X
}

void view_pair_derived(const struct view_facts *facts, const struct view_context *context,
                       int64_t as_of_ms, const float *customer_values, float *values)
{
    LX_ASSERT(context->peers == NULL || context->peers->product_count >= context->catalogue->count);

    struct customer_groups groups = groups_of(facts, context->peers, customer_values);
    struct derived derived = {
        .facts = facts,
        .peers = context->peers,
        .catalogue = context->catalogue,
        .today = lx_day_of_ms(as_of_ms, context->utc_offset_minutes),
    };
    for (size_t i = 0; i < context->catalogue->count; i++) {
        derived.product = &context->catalogue->products[i];
        derived.terms = bank_terms_as_of(derived.product, as_of_ms);
        derived.index = (int)i;
        derived.rates = rates_of(&groups, (int)i);
        write_derived(&derived, values + i * view_pair_feature_count() + HISTORY_COUNT);
    }
}

void view_pair_features(const struct bank_history *history, const struct view_context *context,
                        int64_t as_of_ms, const float *customer_values, float *ret_values)
{
    LX_ASSERT(history != NULL && context != NULL && context->catalogue != NULL);
    LX_ASSERT(customer_values != NULL && ret_values != NULL);

    struct view_facts facts;
    view_facts(history, context, as_of_ms, &facts);
    view_pair_history(history, context, as_of_ms, ret_values);
    view_pair_derived(&facts, context, as_of_ms, customer_values, ret_values);
}
