/*
 * Goal:   every customer feature is what its definition says.
 * Method: each is computed again in the slowest and plainest way (one scan of all facts for each
 *         feature, balances day by day) over random histories with ties, late facts and extreme
 *         amounts, and compared. A feature without a row in the table below fails the test.
 */
#include "feature_check.h"

/* What `naive` may look at. */
static const struct bank_history *history;
static int64_t now_ms;
static int32_t today;

static int32_t day_of(int64_t at_ms)
{
    return lx_day_of_ms(at_ms, HISTORY_UTC_OFFSET);
}

static bool is_within(int64_t at_ms, int days)
{
    return days == 0 || today - day_of(at_ms) < days;
}

#define KNOWN(fact) ((fact).at_ms <= now_ms && (fact).known_at_ms <= now_ms)
#define KNOWN_EVENT(event) history_event_is_known(&(event), now_ms)
#define K(kind) (1u << BANK_EVENT_KIND_##kind)

static const uint32_t acts = K(SALARY) | K(TRANSFER_IN) | K(TRANSFER_OUT) | K(CARD_PAYMENT) |
                             K(CASH_IN) | K(CASH_OUT) | K(BILL_PAYMENT) | K(LOGIN) | K(PAGE_VIEW) |
                             K(PAGE_SKIP) | K(CARD_REPLACED) | K(OPEN) | K(CLOSE) |
                             K(LOAN_REPAYMENT) | K(VISIT) | K(CALL) | K(COMPLAINT);
static const uint32_t flows = K(SALARY) | K(TRANSFER_IN) | K(TRANSFER_OUT) | K(CARD_PAYMENT) |
                              K(CASH_IN) | K(CASH_OUT) | K(BILL_PAYMENT) | K(INTEREST) |
                              K(LOAN_REPAYMENT);

/* The amounts of the features are cut at 40 billion yuan. */
static double amount_of(int64_t fen)
{
    const double most = 4e12;
    return fmax(-most, fmin(most, (double)fen));
}

enum what {
    COUNT,       /* events */
    CHANNEL,     /* events of channel `extra` */
    AMOUNT,      /* sum of absolute amounts */
    MEAN_AMOUNT, /* that, for each event */
    FLOW_IN,     /* sum of positive amounts */
    FLOW_OUT,    /* minus the sum of negative amounts */
    LARGEST,     /* positive amount */
    SPENT_SHARE, /* of merchant `extra` among negative amounts with a merchant */
    SECONDS,     /* sum of positive quantities */
    DAYS_SINCE,  /* the last one */
    DAYS_FIRST,  /* since the first one */
    ACTIVE_DAYS, /* distinct days */
    SEEN,        /* distinct products */
};

static double naive(enum what what, uint32_t kinds, int days, int extra)
{
    double sum = 0, part = 0, largest = 0, count = 0, last = NAN, first = NAN;
    bool active[1000] = {false}, seen[HISTORY_PRODUCTS] = {false};
    for (size_t i = 0; i < history->event_count; i++) {
        const struct bank_event *event = &history->events[i];
        if (!KNOWN_EVENT(*event) || (kinds >> event->kind & 1) == 0 ||
            !is_within(event->at_ms, days))
            continue;
        double amount = event->amount_fen == BANK_NO_AMOUNT ? 0 : amount_of(event->amount_fen);
        int age_days = today - day_of(event->at_ms);
        count += what != CHANNEL || event->channel == extra;
        last = age_days;
        if (isnan(first)) first = age_days;
        if (age_days < 1000) active[age_days] = true;
        if (event->product >= 0 && event->product < HISTORY_PRODUCTS) seen[event->product] = true;
        if (what == AMOUNT || what == MEAN_AMOUNT) sum += fabs(amount);
        if (what == FLOW_IN && amount > 0) sum += amount;
        if (what == FLOW_OUT && amount < 0) sum -= amount;
        if (what == SECONDS && event->quantity > 0) sum += event->quantity;
        if (amount > largest) largest = amount;
        if (what == SPENT_SHARE && amount < 0 && event->merchant != 0) {
            sum -= amount;
            if (event->merchant == extra) part -= amount;
        }
    }
    switch (what) {
    case COUNT:
    case CHANNEL: return count;
    case AMOUNT:
    case FLOW_IN:
    case FLOW_OUT:
    case SECONDS: return sum;
    case MEAN_AMOUNT: return count > 0 ? sum / count : NAN;
    case LARGEST: return largest;
    case SPENT_SHARE: return sum > 0 ? part / sum : NAN;
    case DAYS_SINCE: return last;
    case DAYS_FIRST: return first;
    case ACTIVE_DAYS:
        for (int i = 0; i < 1000; i++) sum += active[i];
        return sum;
    case SEEN:
        for (int i = 0; i < HISTORY_PRODUCTS; i++) sum += seen[i];
        return sum;
    }
    return NAN;
}

static const struct {
    const char *name;
    enum what what;
    uint32_t kinds;
    int days, extra;
} windows[] = {
    {"matured_30d", AMOUNT, K(DEPOSIT_MATURED), 30, 0},
    {"days_since_matured", DAYS_SINCE, K(DEPOSIT_MATURED), 0, 0},
    {"salaries_90d", COUNT, K(SALARY), 90, 0},
    {"salaries_365d", COUNT, K(SALARY), 365, 0},
    {"salary_mean_365d", MEAN_AMOUNT, K(SALARY), 365, 0},
    {"days_since_salary", DAYS_SINCE, K(SALARY), 0, 0},
    {"largest_inflow_30d", LARGEST, 0, 30, 0}, /* kinds: flows, below */
    {"transfers_in_90d", COUNT, K(TRANSFER_IN), 90, 0},
    {"transfers_out_90d", COUNT, K(TRANSFER_OUT), 90, 0},
    {"cash_90d", COUNT, K(CASH_IN) | K(CASH_OUT), 90, 0},
    {"bills_90d", COUNT, K(BILL_PAYMENT), 90, 0},
    {"card_payments_90d", COUNT, K(CARD_PAYMENT), 90, 0},
    {"repayments_90d", COUNT, K(LOAN_REPAYMENT), 90, 0},
    {"complaints_365d", COUNT, K(COMPLAINT), 365, 0},
    {"days_since_card_replaced", DAYS_SINCE, K(CARD_REPLACED), 0, 0},
    {"overdues_365d", COUNT, K(OVERDUE), 365, 0},
    {"logins_7d", COUNT, K(LOGIN), 7, 0},
    {"logins_30d", COUNT, K(LOGIN), 30, 0},
    {"logins_90d", COUNT, K(LOGIN), 90, 0},
    {"days_since_login", DAYS_SINCE, K(LOGIN), 0, 0},
    {"visits_90d", COUNT, K(VISIT), 90, 0},
    {"calls_90d", COUNT, K(CALL), 90, 0},
    {"spending_30d", AMOUNT, K(CARD_PAYMENT) | K(BILL_PAYMENT), 30, 0},
    {"spending_90d", AMOUNT, K(CARD_PAYMENT) | K(BILL_PAYMENT), 90, 0},
    {"views_7d", COUNT, K(PAGE_VIEW), 7, 0},
    {"views_30d", COUNT, K(PAGE_VIEW), 30, 0},
    {"views_90d", COUNT, K(PAGE_VIEW), 90, 0},
    {"dwell_30d", SECONDS, K(PAGE_VIEW), 30, 0},
    {"dwell_90d", SECONDS, K(PAGE_VIEW), 90, 0},
    {"skips_90d", COUNT, K(PAGE_SKIP), 90, 0},
    {"products_viewed_90d", SEEN, K(PAGE_VIEW), 90, 0},
    {"days_since_view", DAYS_SINCE, K(PAGE_VIEW), 0, 0},
    {"opens_365d", COUNT, K(OPEN), 365, 0},
    {"closes_365d", COUNT, K(CLOSE), 365, 0},
    {"days_since_open", DAYS_SINCE, K(OPEN), 0, 0},
    {"days_since_first_open", DAYS_FIRST, K(OPEN), 0, 0},
    {"days_since_close", DAYS_SINCE, K(CLOSE), 0, 0},
};

/* The same, of all flows, all acts or all merchants. */
static const struct {
    const char *name;
    enum what what;
    bool is_act;
    int days, extra;
} wide_windows[] = {
    {"inflow_30d", FLOW_IN, false, 30, 0},
    {"inflow_90d", FLOW_IN, false, 90, 0},
    {"outflow_30d", FLOW_OUT, false, 30, 0},
    {"outflow_90d", FLOW_OUT, false, 90, 0},
    {"acts_7d", COUNT, true, 7, 0},
    {"acts_30d", COUNT, true, 30, 0},
    {"acts_90d", COUNT, true, 90, 0},
    {"acts_365d", COUNT, true, 365, 0},
    {"active_days_90d", ACTIVE_DAYS, true, 90, 0},
    {"days_since_act", DAYS_SINCE, true, 0, 0},
    {"mobile_acts_90d", CHANNEL, true, 90, BANK_CHANNEL_MOBILE},
    {"counter_acts_90d", CHANNEL, true, 90, BANK_CHANNEL_COUNTER},
    {"atm_acts_90d", CHANNEL, true, 90, BANK_CHANNEL_ATM},
    {"web_acts_90d", CHANNEL, true, 90, BANK_CHANNEL_WEB},
    {"grocery_share", SPENT_SHARE, false, 365, BANK_MERCHANT_GROCERY},
    {"dining_share", SPENT_SHARE, false, 365, BANK_MERCHANT_DINING},
    {"health_share", SPENT_SHARE, false, 365, BANK_MERCHANT_HEALTH},
    {"education_share", SPENT_SHARE, false, 365, BANK_MERCHANT_EDUCATION},
    {"travel_share", SPENT_SHARE, false, 365, BANK_MERCHANT_TRAVEL},
    {"home_share", SPENT_SHARE, false, 365, BANK_MERCHANT_HOME},
    {"mother_child_share", SPENT_SHARE, false, 365, BANK_MERCHANT_MOTHER_CHILD},
    {"luxury_share", SPENT_SHARE, false, 365, BANK_MERCHANT_LUXURY},
    {"farming_share", SPENT_SHARE, false, 365, BANK_MERCHANT_FARMING},
    {"wholesale_share", SPENT_SHARE, false, 365, BANK_MERCHANT_WHOLESALE},
    {"securities_share", SPENT_SHARE, false, 365, BANK_MERCHANT_SECURITIES},
    {"insurance_share", SPENT_SHARE, false, 365, BANK_MERCHANT_INSURANCE},
};

/* Balance at the end of a bank day, NaN before the first one: a scan for each day. */
static double balance_on(int32_t day)
{
    double balance = NAN;
    for (size_t i = 0; i < history->event_count; i++) {
        const struct bank_event *event = &history->events[i];
        if (KNOWN_EVENT(*event) && event->balance_fen != BANK_NO_AMOUNT &&
            day_of(event->at_ms) <= day)
            balance = amount_of(event->balance_fen);
    }
    return balance;
}

struct balances {
    double now, mean[3], min, max, slope, ago_30, ago_90;
};

static struct balances naive_balances(void)
{
    static const int days[] = {30, 90, 365};
    struct balances ret = {balance_on(today),      {NAN, NAN, NAN},       INFINITY, -INFINITY, NAN,
                           balance_on(today - 30), balance_on(today - 90)};
    double sums[3] = {0}, counts[3] = {0};
    long double x = 0, y = 0, xx = 0, xy = 0, n = 0;
    for (int ago = 364; ago >= 0; ago--) {
        double balance = balance_on(today - ago);
        if (isnan(balance)) continue;
        for (int w = 0; w < 3; w++) {
            if (ago >= days[w]) continue;
            sums[w] += balance;
            counts[w]++;
        }
        if (ago >= 90) continue;
        ret.min = fmin(ret.min, balance);
        ret.max = fmax(ret.max, balance);
        x += 90 - ago;
        y += balance;
        xx += (long double)(90 - ago) * (90 - ago);
        xy += (long double)(90 - ago) * balance;
        n++;
    }
    for (int w = 0; w < 3; w++)
        if (counts[w] > 0) ret.mean[w] = sums[w] / counts[w];
    if (n == 0) ret.min = ret.max = NAN;
    if (n > 1) ret.slope = (double)((n * xy - x * y) / (n * xx - x * x) * 30);
    return ret;
}

/* Holdings by counting opens and closes of each product in order. */
static int naive_held(int product)
{
    int open = 0;
    for (size_t i = 0; i < history->event_count; i++) {
        const struct bank_event *event = &history->events[i];
        if (!KNOWN_EVENT(*event) || event->product != product) continue;
        if (event->kind == BANK_EVENT_KIND_OPEN) open++;
        if (event->kind == BANK_EVENT_KIND_CLOSE && open > 0) open--;
    }
    return open > 0;
}

static double naive_held_in(int category)
{
    double count = 0;
    for (int i = 0; i < HISTORY_PRODUCTS; i++)
        count += naive_held(i) && (category == 0 || 1 + i % 5 == category);
    return count;
}

/* Overdue and not followed by a repayment that covers it. */
static bool naive_overdue(void)
{
    for (size_t i = 0; i < history->event_count; i++) {
        const struct bank_event *late = &history->events[i];
        bool is_good = !KNOWN_EVENT(*late) || late->kind != BANK_EVENT_KIND_OVERDUE;
        for (size_t k = i + 1; k < history->event_count && !is_good; k++) {
            const struct bank_event *paid = &history->events[k];
            is_good = KNOWN_EVENT(*paid) && paid->kind == BANK_EVENT_KIND_LOAN_REPAYMENT &&
                      (paid->product == late->product || paid->product < 0 || late->product < 0);
        }
        if (!is_good) return true;
    }
    return false;
}

static double naive_offers(int days, int answer)
{
    double count = 0;
    for (size_t i = 0; i < history->exposure_count; i++) {
        const struct bank_exposure *offer = &history->exposures[i];
        if (!KNOWN(*offer) || offer->is_control || !is_within(offer->at_ms, days)) continue;
        bool is_answered = offer->answer != 0 && offer->answer_known_at_ms <= now_ms;
        count +=
            answer == 0 ||
            (is_answered && (offer->answer == answer || (answer == BANK_ANSWER_INTERESTED &&
                                                         offer->answer == BANK_ANSWER_BOUGHT)));
    }
    return count;
}

static double naive_offer_days(bool is_answer)
{
    double days = NAN;
    for (size_t i = 0; i < history->exposure_count; i++) {
        const struct bank_exposure *offer = &history->exposures[i];
        if (!KNOWN(*offer) || offer->is_control) continue;
        bool is_answered = offer->answer != 0 && offer->answer != BANK_ANSWER_RETRACTED &&
                           offer->answer != BANK_ANSWER_IGNORED &&
                           offer->answer_known_at_ms <= now_ms;
        if (is_answer && !is_answered) continue;
        int64_t at_ms = is_answer ? offer->answer_known_at_ms : offer->at_ms;
        days = fmin(isnan(days) ? INFINITY : days, today - day_of(at_ms));
    }
    return days;
}

static double code(int number)
{
    return number < 0 ? (double)NAN : number;
}

/* A feature by name; false where this model does not know it. */
static bool naive_profile(const char *name, double *ret)
{
    const struct bank_profile *p = NULL;
    for (size_t i = 0; i < history->profile_count; i++)
        if (KNOWN(history->profiles[i])) p = &history->profiles[i];
    const struct bank_risk *risk = NULL;
    for (size_t i = 0; i < history->risk_count; i++)
        if (KNOWN(history->risks[i])) risk = &history->risks[i];
    *ret = NAN;
    if (strcmp(name, "risk_level") == 0) {
        *ret = risk == NULL || risk->expires_ms <= now_ms ? 0 : risk->level;
        return true;
    }
    if (strcmp(name, "days_to_risk_expiry") == 0) {
        if (risk != NULL) *ret = day_of(risk->expires_ms) - today;
        return true;
    }
    static const char *const names[] = {"age",       "is_male", "tenure_years",   "has_phone",
                                        "education", "marital", "declared_income"};
    size_t which = 0;
    while (which < LX_COUNT_OF(names) && strcmp(name, names[which]) != 0) which++;
    if (which == LX_COUNT_OF(names)) return false;
    if (p == NULL) return true;
    switch (which) {
    case 0:
        if (p->birth_day != INT32_MIN && p->birth_day <= today)
            *ret = lx_age_of(p->birth_day, today);
        break;
    case 1: *ret = p->gender == 0 ? NAN : p->gender == BANK_GENDER_MALE; break;
    case 2:
        if (p->joined_day != INT32_MIN) *ret = (today - p->joined_day) / 365.25;
        break;
    case 3: *ret = p->has_phone > 1 ? NAN : p->has_phone; break;
    case 4: *ret = code(p->education); break;
    case 5: *ret = code(p->marital); break;
    default:
        if (p->income_fen != BANK_NO_AMOUNT) *ret = (double)(float)p->income_fen;
    }
    return true;
}

static bool naive_other(const char *name, double *ret)
{
    struct balances b = naive_balances();
    double salary = naive(MEAN_AMOUNT, K(SALARY), 365, 0);
    double largest = naive(LARGEST, flows, 30, 0), yearly = naive(FLOW_IN, flows, 365, 0);
    double acts_90 = naive(COUNT, acts, 90, 0), acts_365 = naive(COUNT, acts, 365, 0);
    const struct {
        const char *name;
        double value;
    } rows[] = {
        {"balance", b.now},
        {"balance_mean_30d", b.mean[0]},
        {"balance_mean_90d", b.mean[1]},
        {"balance_mean_365d", b.mean[2]},
        {"balance_min_90d", b.min},
        {"balance_max_90d", b.max},
        {"balance_slope_90d", b.slope},
        {"balance_change_30d", b.now - b.ago_30},
        {"balance_change_90d", b.now - b.ago_90},
        {"balance_to_mean_365d", b.mean[2] > 0 ? b.now / b.mean[2] : NAN},
        {"balance_in_salaries", salary > 0 ? b.now / salary : NAN},
        {"net_flow_90d", naive(FLOW_IN, flows, 90, 0) - naive(FLOW_OUT, flows, 90, 0)},
        {"has_large_inflow_30d", largest >= 1e6 && largest >= 3 * yearly * 30 / 365},
        {"act_trend", acts_365 > 0 ? acts_90 * 365 / (acts_365 * 90) : NAN},
        {"is_overdue", naive_overdue()},
        {"mobile_share_365d",
         acts_365 > 0 ? naive(CHANNEL, acts, 365, BANK_CHANNEL_MOBILE) / acts_365 : NAN},
        {"transport_share", naive(SPENT_SHARE, flows, 365, BANK_MERCHANT_TRANSPORT) +
                                naive(SPENT_SHARE, flows, 365, BANK_MERCHANT_FUEL)},
        {"holdings", naive_held_in(0)},
        {"savings_held", naive_held_in(BANK_CATEGORY_SAVINGS)},
        {"credit_held", naive_held_in(BANK_CATEGORY_CREDIT)},
        {"wealth_held", naive_held_in(BANK_CATEGORY_WEALTH)},
        {"protection_held", naive_held_in(BANK_CATEGORY_PROTECTION)},
        {"payment_held", naive_held_in(BANK_CATEGORY_PAYMENT)},
        {"shown_90d", naive_offers(90, 0)},
        {"shown_365d", naive_offers(365, 0)},
        {"interested_365d", naive_offers(365, BANK_ANSWER_INTERESTED)},
        {"refused_365d", naive_offers(365, BANK_ANSWER_NOT_INTERESTED)},
        {"days_since_shown", naive_offer_days(false)},
        {"days_since_answer", naive_offer_days(true)},
        /* No peers here; test_peers.c has them. */
        {"cohort_holder_share", NAN},
        {"cohort_opening_share", NAN},
        {"branch_holder_share", NAN},
        {"branch_customers", NAN},
    };
    for (size_t i = 0; i < LX_COUNT_OF(rows); i++) {
        if (strcmp(rows[i].name, name) != 0) continue;
        *ret = rows[i].value;
        return true;
    }
    return false;
}

static bool naive_feature(const char *name, double *ret)
{
    for (size_t i = 0; i < LX_COUNT_OF(windows); i++) {
        if (strcmp(windows[i].name, name) != 0) continue;
        uint32_t kinds = windows[i].what == LARGEST ? flows : windows[i].kinds;
        *ret = naive(windows[i].what, kinds, windows[i].days, windows[i].extra);
        return true;
    }
    for (size_t i = 0; i < LX_COUNT_OF(wide_windows); i++) {
        if (strcmp(wide_windows[i].name, name) != 0) continue;
        *ret = naive(wide_windows[i].what, wide_windows[i].is_act ? acts : flows,
                     wide_windows[i].days, wide_windows[i].extra);
        return true;
    }
    return naive_profile(name, ret) || naive_other(name, ret);
}

static void test_every_feature_is_what_its_definition_says(void **state)
{
    struct bank_product products[HISTORY_PRODUCTS];
    struct bank_catalogue catalogue;
    history_catalogue(products, &catalogue);
    struct view_context context = {&catalogue, NULL, HISTORY_UTC_OFFSET};
    size_t known[VALUES_MAX] = {0};
    for (uint64_t seed = 0; seed < 300; seed++) {
        struct random_history random;
        float got[VALUES_MAX];
        random_history(3, seed, &random);
        history = &random.history;
        now_ms = HISTORY_NOW_MS - (int64_t)(seed % 5) * (LX_MS_PER_DAY * 7 + 1234567);
        today = day_of(now_ms);
        view_customer_features(history, &context, now_ms, got);
        for (size_t i = 0; i < view_customer_feature_count(); i++) {
            const char *name = view_customer_feature(i)->name;
            double want = NAN;
            if (!naive_feature(name, &want)) fail_msg("%s: has no naive model", name);
            if (!near_float(got[i], (float)want, 2e-6))
                fail_msg("seed %lu: %s: got %.9g, want %.9g", (unsigned long)seed, name,
                         (double)got[i], want);
            known[i] += !isnan(want) && want != 0;
        }
    }
    /* A feature that was never anything has not been tested. */
    for (size_t i = 0; i < view_customer_feature_count(); i++)
        if (known[i] < 5 && view_customer_feature(i)->group != VIEW_GROUP_PEERS)
            fail_msg("%s: told something only %zu times", view_customer_feature(i)->name, known[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_feature_is_what_its_definition_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
