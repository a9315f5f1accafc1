/*
 * Goal:   the table of features is complete and fit to print; windows are whole bank days; the
 *         order in which facts arrived cannot matter.
 * Method: a look at every row; a table of moments around the edges of the windows; one customer's
 *         life with the values that a person can work out; a property over shuffled ties.
 */
#include "feature_check.h"

static struct bank_product products[HISTORY_PRODUCTS];
static struct bank_catalogue catalogue;
static struct view_context context;

static int prepare(void **state)
{
    history_catalogue(products, &catalogue);
    context =
        (struct view_context){&catalogue, NULL, HISTORY_UTC_OFFSET, open_features(&catalogue)};
    return 0;
}

static const struct view_feature *feature_at(size_t index)
{
    size_t count = customer_count();
    return index < count ? customer_at(index) : pair_at(index - count);
}

static bool has_chinese(const char *text)
{
    for (; *text != '\0'; text++)
        if ((unsigned char)*text >= 0xE4) return true;
    return false;
}

static void test_every_feature_has_what_a_person_needs(void **state)
{
    size_t count = customer_count() + pair_count();
    assert_true(customer_count() >= 120);
    assert_true(pair_count() >= 20);
    for (size_t i = 0; i < count; i++) {
        const struct view_feature *feature = feature_at(i);
        if (!has_chinese(feature->zh)) fail_msg("%s: zh \"%s\"", feature->name, feature->zh);
        if (has_chinese(feature->en) || strlen(feature->en) < 3)
            fail_msg("%s: en \"%s\"", feature->name, feature->en);
        if (strlen(feature->definition) < 5) fail_msg("%s: definition", feature->name);
        if (strspn(feature->name, "abcdefghijklmnopqrstuvwxyz0123456789_") != strlen(feature->name))
            fail_msg("%s: name", feature->name);
        assert_true(feature->group < VIEW_GROUP_COUNT && feature->unit <= VIEW_UNIT_CODE);
        assert_true(strlen(view_group_text(feature->group)) > 0);
        for (size_t k = 0; k < i; k++)
            if (strcmp(feature->name, feature_at(k)->name) == 0 ||
                strcmp(feature->zh, feature_at(k)->zh) == 0)
                fail_msg("%s and %s share a name or a title", feature->name, feature_at(k)->name);
    }
}

static void test_the_feature_set_hash_is_one(void **state)
{
    uint8_t a[32], b[32], zero[32] = {0};
    struct view_features *again = fixture_features(&catalogue);
    view_features_hash(features, a);
    view_features_hash(again, b);
    view_features_close(again);
    assert_memory_equal(a, b, sizeof a);
    assert_memory_not_equal(a, zero, sizeof a);
}

/* The bank day of the moment is 2026-03-31; 30 days are 2026-03-02 to 2026-03-31. */
static void test_windows_are_whole_bank_days_that_end_with_the_moments_own(void **state)
{
    static const struct {
        int days_ago, hour; /* in the bank's time */
        float in_7d, in_30d, in_90d, days_since;
    } rows[] = {
        {0, 23, 1, 1, 1, 0},  {0, 0, 1, 1, 1, 0},    {6, 0, 1, 1, 1, 6},   {7, 23, 0, 1, 1, 7},
        {29, 0, 0, 1, 1, 29}, {30, 23, 0, 0, 1, 30}, {89, 0, 0, 0, 1, 89}, {90, 23, 0, 0, 0, 90},
    };
    int32_t today = lx_day_of_ms(HISTORY_NOW_MS, HISTORY_UTC_OFFSET);
    for (size_t i = 0; i < LX_COUNT_OF(rows); i++) {
        int64_t at_ms = lx_ms_of_day(today - rows[i].days_ago, HISTORY_UTC_OFFSET) +
                        rows[i].hour * (int64_t)3600000;
        struct bank_event event = {.at_ms = at_ms,
                                   .known_at_ms = at_ms,
                                   .kind = BANK_EVENT_KIND_LOGIN,
                                   .amount_fen = BANK_NO_AMOUNT,
                                   .balance_fen = BANK_NO_AMOUNT,
                                   .product = BANK_NO_PRODUCT};
        struct bank_history history = {.id = "x", .events = &event, .event_count = 1};
        float got[VALUES_MAX];
        /* Any moment of the day gives the same windows, from the first that knows the event. */
        const int64_t as_of_ms[] = {HISTORY_NOW_MS, HISTORY_NOW_MS - 3000000};
        for (size_t k = 0; k < LX_COUNT_OF(as_of_ms); k++) {
            view_customer_features(&history, &context, as_of_ms[k], got);
            if (got[customer_feature("logins_7d")] != rows[i].in_7d ||
                got[customer_feature("logins_30d")] != rows[i].in_30d ||
                got[customer_feature("logins_90d")] != rows[i].in_90d ||
                got[customer_feature("days_since_login")] != rows[i].days_since)
                fail_msg("row %zu at moment %zu", i, k);
        }
    }
}

/* A customer of whom nothing is known: counts are 0, everything else is unknown, never a lie. */
static void test_nothing_known_is_zero_events_and_unknown_values(void **state)
{
    struct bank_history history = {.id = "nobody"};
    float got[VALUES_MAX];
    view_customer_features(&history, &context, HISTORY_NOW_MS, got);
    for (size_t i = 0; i < customer_count(); i++) {
        const struct view_feature *feature = customer_at(i);
        bool is_unknown = isnan(got[i]), is_zero = got[i] == 0;
        if (!is_unknown && !is_zero) fail_msg("%s: %g", feature->name, (double)got[i]);
        if (feature->unit == VIEW_UNIT_COUNT && feature->group != VIEW_GROUP_PEERS && !is_zero)
            fail_msg("%s: a count of nothing is 0", feature->name);
        if ((feature->unit == VIEW_UNIT_DAYS || feature->unit == VIEW_UNIT_SHARE) && !is_unknown)
            fail_msg("%s: %g of nothing", feature->name, (double)got[i]);
    }
}

#define YUAN 100

static int64_t days_before_ms(int days)
{
    return HISTORY_NOW_MS - days * LX_MS_PER_DAY;
}

/* In yuan. Cards pay for travel, bills for groceries; a page of product 6 is looked at for 80 s. */
static struct bank_event life_event(int days_ago, enum bank_event_kind kind,
                                    enum bank_channel channel, int64_t amount, int64_t balance)
{
    struct bank_event event = {
        .at_ms = days_before_ms(days_ago),
        .known_at_ms = days_before_ms(days_ago - 1),
        .amount_fen = amount == BANK_NO_AMOUNT ? BANK_NO_AMOUNT : amount * YUAN,
        .balance_fen = balance == BANK_NO_AMOUNT ? BANK_NO_AMOUNT : balance * YUAN,
        .product = BANK_NO_PRODUCT,
        .kind = (uint8_t)kind,
        .channel = (uint8_t)channel,
    };
    if (kind == BANK_EVENT_KIND_OPEN) event.product = 0;
    if (kind == BANK_EVENT_KIND_CARD_PAYMENT) event.merchant = BANK_MERCHANT_TRAVEL;
    if (kind == BANK_EVENT_KIND_BILL_PAYMENT) event.merchant = BANK_MERCHANT_GROCERY;
    if (kind != BANK_EVENT_KIND_PAGE_VIEW) return event;
    event.product = 6;
    event.quantity = 80;
    return event;
}

static void test_one_life_gives_the_values_that_a_person_works_out(void **state)
{
    const int64_t none = BANK_NO_AMOUNT;
    const struct bank_event events[] = {
        life_event(100, BANK_EVENT_KIND_OPEN, BANK_CHANNEL_COUNTER, none, none),
        life_event(60, BANK_EVENT_KIND_SALARY, BANK_CHANNEL_SYSTEM, 8000, 8000),
        life_event(45, BANK_EVENT_KIND_CARD_PAYMENT, BANK_CHANNEL_POS, -3000, 5000),
        life_event(30, BANK_EVENT_KIND_SALARY, BANK_CHANNEL_SYSTEM, 10000, 15000),
        life_event(10, BANK_EVENT_KIND_BILL_PAYMENT, BANK_CHANNEL_MOBILE, -1000, 14000),
        life_event(5, BANK_EVENT_KIND_TRANSFER_IN, BANK_CHANNEL_MOBILE, 90000, 104000),
        life_event(2, BANK_EVENT_KIND_PAGE_VIEW, BANK_CHANNEL_MOBILE, none, none),
    };
    static const struct {
        const char *name;
        double value;
    } rows[] = {
        {"balance", 104000 * YUAN},
        {"balance_mean_30d", (19 * 15000.0 + 5 * 14000 + 6 * 104000) / 30 * YUAN},
        {"balance_min_90d", 5000 * YUAN},
        {"balance_max_90d", 104000 * YUAN},
        {"balance_change_30d", 89000 * YUAN},
        {"balance_change_90d", NAN},
        {"balance_in_salaries", 104000 / 9000.0},
        {"salaries_90d", 2},
        {"salary_mean_365d", 9000 * YUAN},
        {"days_since_salary", 30},
        {"inflow_30d", 90000 * YUAN},
        {"inflow_90d", 108000 * YUAN},
        {"outflow_90d", 4000 * YUAN},
        {"net_flow_90d", 104000 * YUAN},
        {"largest_inflow_30d", 90000 * YUAN},
        {"has_large_inflow_30d", 1},
        {"acts_7d", 2},
        {"acts_365d", 7},
        {"mobile_share_365d", 3 / 7.0},
        {"travel_share", 0.75},
        {"grocery_share", 0.25},
        {"dining_share", 0},
        {"views_7d", 1},
        {"dwell_30d", 80},
        {"holdings", 1},
        {"days_since_open", 100},
        {"days_since_close", NAN},
    };
    struct bank_history history = {.id = "x", .events = events, .event_count = LX_COUNT_OF(events)};
    float got[VALUES_MAX];
    view_customer_features(&history, &context, HISTORY_NOW_MS, got);
    for (size_t i = 0; i < LX_COUNT_OF(rows); i++) {
        float value = got[customer_feature(rows[i].name)];
        if (!near_float(value, (float)rows[i].value, 1e-6))
            fail_msg("%s: got %.9g, want %.9g", rows[i].name, (double)value, rows[i].value);
    }
}

/* Order matters only to what has an order: which balance is the last, what was open when it was
 * closed, which payment made good which. Those events keep theirs. */
static bool has_order(const struct bank_event *event)
{
    return event->balance_fen != BANK_NO_AMOUNT || event->kind == BANK_EVENT_KIND_OPEN ||
           event->kind == BANK_EVENT_KIND_CLOSE || event->kind == BANK_EVENT_KIND_OVERDUE ||
           event->kind == BANK_EVENT_KIND_LOAN_REPAYMENT;
}

static size_t shuffle_ties(struct random_history *random, struct lx_rng *rng)
{
    size_t moved = 0;
    for (size_t i = 1; i < random->history.event_count; i++) {
        struct bank_event *a = &random->events[i - 1], *b = &random->events[i];
        if (a->at_ms != b->at_ms || has_order(a) || has_order(b) || lx_rng_chance(rng, 0.3))
            continue;
        struct bank_event spare = *a;
        *a = *b;
        *b = spare;
        moved++;
    }
    for (size_t i = 1; i < random->history.exposure_count; i++) {
        struct bank_exposure *a = &random->exposures[i - 1], *b = &random->exposures[i];
        if (a->at_ms != b->at_ms) continue;
        struct bank_exposure spare = *a;
        *a = *b;
        *b = spare;
        moved++;
    }
    return moved;
}

static void test_events_of_one_moment_may_come_in_any_order(void **state)
{
    size_t moved = 0;
    for (uint64_t seed = 0; seed < 2000; seed++) {
        struct random_history random;
        struct lx_rng rng = lx_rng_of(seed, 99);
        float before[VALUES_MAX], after[VALUES_MAX], pairs[VALUES_MAX], shuffled[VALUES_MAX];
        random_history(4, seed, &random);
        view_customer_features(&random.history, &context, HISTORY_NOW_MS, before);
        view_pair_features(&random.history, &context, HISTORY_NOW_MS, before, pairs);
        moved += shuffle_ties(&random, &rng);
        view_customer_features(&random.history, &context, HISTORY_NOW_MS, after);
        view_pair_features(&random.history, &context, HISTORY_NOW_MS, after, shuffled);
        check_same_features(after, before, seed, "shuffled");
        check_same_pairs(shuffled, pairs, HISTORY_PRODUCTS, seed, "shuffled");
    }
    assert_true(moved > 2000);
}

/* What a damaged store could hand over: kinds, channels and products that do not exist. */
static void test_numbers_outside_the_tables_do_no_harm(void **state)
{
    for (uint64_t seed = 0; seed < 500; seed++) {
        struct random_history random;
        struct lx_rng rng = lx_rng_of(seed, 98);
        struct view_facts facts;
        float values[VALUES_MAX], pairs[VALUES_MAX];
        random_history(5, seed, &random);
        for (size_t i = 0; i < random.history.event_count; i++) {
            struct bank_event *event = &random.events[i];
            event->kind = (uint8_t)lx_rng_next(&rng);
            event->channel = (uint8_t)lx_rng_next(&rng);
            event->merchant = (uint8_t)lx_rng_next(&rng);
            event->product = (int16_t)lx_rng_next(&rng);
            event->quantity = (int32_t)lx_rng_next(&rng);
            event->amount_fen = (int64_t)lx_rng_next(&rng);
        }
        for (size_t i = 0; i < random.history.consent_count; i++)
            random.consents[i].channel = (uint8_t)lx_rng_next(&rng);
        for (size_t i = 0; i < random.history.profile_count; i++)
            random.profiles[i].birth_day = (int32_t)lx_rng_next(&rng);
        view_customer_features(&random.history, &context, HISTORY_NOW_MS, values);
        view_pair_features(&random.history, &context, HISTORY_NOW_MS, values, pairs);
        view_facts(&random.history, &context, HISTORY_NOW_MS, &facts);
        for (size_t i = 0; i < customer_count(); i++) assert_true(!isinf(values[i]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_feature_has_what_a_person_needs),
        cmocka_unit_test(test_the_feature_set_hash_is_one),
        cmocka_unit_test(test_windows_are_whole_bank_days_that_end_with_the_moments_own),
        cmocka_unit_test(test_nothing_known_is_zero_events_and_unknown_values),
        cmocka_unit_test(test_one_life_gives_the_values_that_a_person_works_out),
        cmocka_unit_test(test_events_of_one_moment_may_come_in_any_order),
        cmocka_unit_test(test_numbers_outside_the_tables_do_no_harm),
    };
    return cmocka_run_group_tests(tests, prepare, NULL);
}
