#include "view/feature.h"

#include <string.h>

#include "codec/digest.h"
#include "view/feature_table.h"
#include "view/peers_table.h"
#include "view/state.h"

#define ROW(column, group_, unit_, zh_, en_, definition_, expression)                              \
    {#column, zh_, en_, definition_, VIEW_GROUP_##group_, VIEW_UNIT_##unit_},

static const struct view_feature customer_features[] = {VIEW_CUSTOMER_MAP(ROW)
                                                            VIEW_CUSTOMER_PEERS_MAP(ROW)};
static const struct view_feature pair_features[] = {VIEW_PAIR_HISTORY_MAP(ROW)
                                                        VIEW_PAIR_DERIVED_MAP(ROW)};
#undef ROW

_Static_assert(LX_COUNT_OF(customer_features) >= 60, "what was promised");
_Static_assert(LX_COUNT_OF(customer_features) + LX_COUNT_OF(pair_features) <= LX_FEATURES_MAX,
               "one definition set");

const char *view_group_text(enum view_group group)
{
    static const char *const texts[] = {
#define X(name, text, zh, en) text,
        VIEW_GROUP_MAP(X)
#undef X
    };
    LX_ASSERT(group < VIEW_GROUP_COUNT);
    return texts[group];
}

size_t view_customer_feature_count(void)
{
    return LX_COUNT_OF(customer_features);
}

const struct view_feature *view_customer_feature(size_t index)
{
    LX_ASSERT(index < LX_COUNT_OF(customer_features));
    return &customer_features[index];
}

size_t view_pair_feature_count(void)
{
    return LX_COUNT_OF(pair_features);
}

const struct view_feature *view_pair_feature(size_t index)
{
    LX_ASSERT(index < LX_COUNT_OF(pair_features));
    return &pair_features[index];
}

/* Each text ends in a byte that no text contains, so that no two sets read alike. */
static void hash_features(struct digest *digest, const struct view_feature *features, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        digest_add(digest, features[i].name, strlen(features[i].name) + 1);
        digest_add(digest, features[i].definition, strlen(features[i].definition) + 1);
    }
    digest_add(digest, "", 1);
}

void view_feature_set_hash(uint8_t ret_hash[32])
{
    struct digest digest;
    enum lx_err code = digest_init(&digest);
    LX_ASSERT(code == LX_OK);
    hash_features(&digest, customer_features, LX_COUNT_OF(customer_features));
    hash_features(&digest, pair_features, LX_COUNT_OF(pair_features));
    digest_finish(&digest, ret_hash);
}

/* The words of the table's expressions. */

static float known_int(int value, bool is_known)
{
    return is_known ? (float)value : NAN;
}

static float fen(int64_t amount_fen)
{
    return amount_fen == BANK_NO_AMOUNT ? NAN : (float)amount_fen;
}

static float fen_change(int64_t now_fen, int64_t then_fen)
{
    if (now_fen == BANK_NO_AMOUNT || then_fen == BANK_NO_AMOUNT) return NAN;
    return (float)(now_fen - then_fen);
}

/* NaN where there is nothing to divide by. */
static float ratio(float part, float whole)
{
    return whole > 0 ? part / whole : NAN;
}

static float code_of(int number)
{
    return known_int(number, number >= 0);
}

static int s_age(const struct view_state *s)
{
    return view_age_of(s->profile, &s->moment);
}

static float is_male(const struct view_state *s)
{
    if (s->profile == NULL || s->profile->gender == BANK_GENDER_NONE) return NAN;
    return s->profile->gender == BANK_GENDER_MALE;
}

static float has_phone(const struct view_state *s)
{
    if (s->profile == NULL || s->profile->has_phone > 1) return NAN;
    return s->profile->has_phone;
}

static float tenure_years(const struct view_state *s)
{
    if (s->profile == NULL || s->profile->joined_day == INT32_MIN) return NAN;
    return (float)(((double)s->moment.day - s->profile->joined_day) / 365.25);
}

static int risk_level(const struct view_state *s)
{
    return s->risk == NULL || s->risk->expires_ms <= s->moment.as_of_ms ? 0 : s->risk->level;
}

static float days_to_risk_expiry(const struct view_state *s)
{
    return s->risk == NULL ? NAN : -view_days_since(&s->moment, s->risk->expires_ms);
}

static float balance_mean(const struct view_state *s, int window)
{
    const struct view_balance_window *balance = &s->balance.windows[window];
    return balance->days == 0 ? NAN : (float)((double)balance->fen_days / balance->days);
}

/* Least squares over the days of the last 90 on which the balance is known, times 30 days. The
 * integers are exact; the one division rounds. */
static float balance_slope(const struct view_state *s)
{
    const struct view_balance *balance = &s->balance;
    int64_t days = balance->windows[1].days;
    int64_t spread = days * balance->weight_square_90d - balance->weight_90d * balance->weight_90d;
    if (spread == 0) return NAN;
    int64_t together =
        days * balance->weighted_90d - balance->weight_90d * balance->windows[1].fen_days;
    return (float)((double)together / (double)spread * 30);
}

#define count(s, window, kind) ((float)(s)->counts[window][BANK_EVENT_KIND_##kind])
#define sum(s, window, kind) ((float)(s)->sums_fen[window][BANK_EVENT_KIND_##kind])
#define channel(s, window, name) ((float)(s)->channels[window][BANK_CHANNEL_##name])
#define held(s, category) ((float)(s)->held_by_category[BANK_CATEGORY_##category])
#define mean_amount(s, window, kind) ratio(sum(s, window, kind), count(s, window, kind))
#define days_since(s, kind) view_days_since(&(s)->moment, (s)->last_ms[BANK_EVENT_KIND_##kind])
#define spent_share(s, name)                                                                       \
    ratio((float)(s)->spent_fen[BANK_MERCHANT_##name], (float)(s)->spent_total_fen)

static float products_viewed(const struct view_state *s)
{
    int bits = 0;
    for (size_t i = 0; i < LX_COUNT_OF(s->viewed_90d); i++)
        bits += __builtin_popcountll(s->viewed_90d[i]);
    return (float)bits;
}

struct customer_peers {
    float cohort_holders, cohort_openings, branch_holders, branch_customers;
};

static struct customer_peers peers_of(const struct view_peers *peers, int cohort, int branch)
{
    const float *cohort_rates = view_peers_rates(peers, cohort);
    struct customer_peers ret = {cohort_rates[PEERS_BEYOND_SAVINGS], cohort_rates[PEERS_CUSTOMERS],
                                 view_peers_rates(peers, branch)[PEERS_BEYOND_SAVINGS], NAN};
    if (branch != PEERS_NO_GROUP)
        ret.branch_customers =
            (float)peers->counts[(size_t)branch * peers->stride + PEERS_CUSTOMERS];
    return ret;
}

void view_peer_features(const struct view_peers *peers, float age, float balance, float acts_90d,
                        int branch, float *ret_values)
{
    struct customer_peers c = {NAN, NAN, NAN, NAN};
    if (peers != NULL)
        c = peers_of(peers, view_peers_cohort_group(age, balance, acts_90d),
                     view_peers_branch_group(peers, branch));
    float *value = ret_values;
#define X(name, group, unit, zh, en, definition, expression) *value++ = (expression);
    VIEW_CUSTOMER_PEERS_MAP(X)
#undef X
}

void view_customer_features(const struct bank_history *history, const struct view_context *context,
                            int64_t as_of_ms, float *ret_values)
{
    LX_ASSERT(history != NULL && context != NULL && ret_values != NULL);

    struct view_state state;
    view_state_gather(history, context, as_of_ms, &state);
    const struct view_state *s = &state;
    float *value = ret_values;
#define X(name, group, unit, zh, en, definition, expression) *value++ = (expression);
    VIEW_CUSTOMER_MAP(X)
#undef X
    view_peer_features(context->peers, ret_values[VIEW_CUSTOMER_age],
                       ret_values[VIEW_CUSTOMER_balance], ret_values[VIEW_CUSTOMER_acts_90d],
                       s->profile == NULL ? -1 : (int)s->profile->branch, value);
}
