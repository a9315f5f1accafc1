/*
 * Goal:   every pair feature is what its definition says, with and without peers.
 * Method: the history half again in the plainest way over random histories; the derived half from
 *         facts, catalogue and peers by hand; a table for what a person should be able to read.
 */
#include "feature_check.h"
#include "view/pair.h"
#include "view/peers_table.h"

static struct bank_product products[HISTORY_PRODUCTS];
static struct bank_catalogue catalogue;
static struct view_context context;

static int prepare(void **state)
{
    history_catalogue(products, &catalogue);
    context = (struct view_context){&catalogue, NULL, HISTORY_UTC_OFFSET};
    return 0;
}

static int32_t day_of(int64_t at_ms)
{
    return lx_day_of_ms(at_ms, HISTORY_UTC_OFFSET);
}

#define KNOWN(fact) ((fact).at_ms <= now_ms && (fact).known_at_ms <= now_ms)

/* Events of a kind and product: how many, their seconds, days since the last. */
struct tally {
    double count, seconds, days_since;
};

static struct tally tally_events(const struct bank_history *history, int64_t now_ms, int kind,
                                 int product, int days)
{
    struct tally tally = {0, 0, NAN};
    for (size_t i = 0; i < history->event_count; i++) {
        const struct bank_event *event = &history->events[i];
        int ago = day_of(now_ms) - day_of(event->at_ms);
        if (!history_event_is_known(event, now_ms) || event->kind != kind ||
            event->product != product || ago >= days)
            continue;
        tally.count++;
        tally.seconds += event->quantity > 0 ? event->quantity : 0;
        tally.days_since = ago;
    }
    return tally;
}

enum asked { SHOWN, WELCOME, REFUSED };

static struct tally tally_offers(const struct bank_history *history, int64_t now_ms,
                                 enum asked asked, int product, int days)
{
    struct tally tally = {0, 0, NAN};
    for (size_t i = 0; i < history->exposure_count; i++) {
        const struct bank_exposure *offer = &history->exposures[i];
        if (!KNOWN(*offer) || offer->is_control || offer->product != product) continue;
        bool is_answered =
            offer->answer_known_at_ms != BANK_UNKNOWN_MS && offer->answer_known_at_ms <= now_ms;
        if (asked == WELCOME && !(is_answered && (offer->answer == BANK_ANSWER_INTERESTED ||
                                                  offer->answer == BANK_ANSWER_BOUGHT)))
            continue;
        if (asked == REFUSED && !(is_answered && offer->answer == BANK_ANSWER_NOT_INTERESTED))
            continue;
        if (day_of(now_ms) - day_of(offer->at_ms) < days) tally.count++;
        int64_t at_ms = asked == WELCOME ? offer->answer_known_at_ms : offer->at_ms;
        tally.days_since = fmin(isnan(tally.days_since) ? INFINITY : tally.days_since,
                                day_of(now_ms) - day_of(at_ms));
    }
    return tally;
}

enum { VIEW = BANK_EVENT_KIND_PAGE_VIEW, SKIP = BANK_EVENT_KIND_PAGE_SKIP, ALWAYS = 100000 };

static double naive_history(const char *name, const struct bank_history *h, int64_t now_ms, int p)
{
    const struct {
        const char *name;
        double value;
    } rows[] = {
        {"product_opened_before", tally_events(h, now_ms, BANK_EVENT_KIND_OPEN, p, ALWAYS).count},
        {"days_since_product_close",
         tally_events(h, now_ms, BANK_EVENT_KIND_CLOSE, p, ALWAYS).days_since},
        {"product_views_7d", tally_events(h, now_ms, VIEW, p, 7).count},
        {"product_views_30d", tally_events(h, now_ms, VIEW, p, 30).count},
        {"product_views_90d", tally_events(h, now_ms, VIEW, p, 90).count},
        {"product_dwell_30d", tally_events(h, now_ms, VIEW, p, 30).seconds},
        {"product_dwell_90d", tally_events(h, now_ms, VIEW, p, 90).seconds},
        {"product_skips_90d", tally_events(h, now_ms, SKIP, p, 90).count},
        {"days_since_product_view", tally_events(h, now_ms, VIEW, p, ALWAYS).days_since},
        {"product_shown_365d", tally_offers(h, now_ms, SHOWN, p, 365).count},
        {"product_interested_365d", tally_offers(h, now_ms, WELCOME, p, 365).count},
        {"product_refused_365d", tally_offers(h, now_ms, REFUSED, p, 365).count},
        {"days_since_product_shown", tally_offers(h, now_ms, SHOWN, p, 365).days_since},
        {"days_since_product_interest", tally_offers(h, now_ms, WELCOME, p, 365).days_since},
    };
    assert_int_equal(LX_COUNT_OF(rows), view_pair_history_count());
    for (size_t i = 0; i < LX_COUNT_OF(rows); i++)
        if (strcmp(rows[i].name, name) == 0) return rows[i].value;
    fail_msg("%s: has no naive model", name);
    return NAN;
}

static void test_what_a_customer_did_with_a_product_is_counted(void **state)
{
    size_t stride = view_pair_feature_count();
    for (uint64_t seed = 0; seed < 400; seed++) {
        struct random_history random;
        float values[VALUES_MAX], pairs[VALUES_MAX];
        int64_t now_ms = HISTORY_NOW_MS - (int64_t)(seed % 3) * LX_MS_PER_DAY * 11;
        random_history(6, seed, &random);
        view_customer_features(&random.history, &context, now_ms, values);
        view_pair_features(&random.history, &context, now_ms, values, pairs);
        for (int product = 0; product < HISTORY_PRODUCTS; product++)
            for (size_t i = 0; i < view_pair_history_count(); i++) {
                const char *name = view_pair_feature(i)->name;
                float got = pairs[(size_t)product * stride + i];
                double want = naive_history(name, &random.history, now_ms, product);
                if (!same_float(got, (float)want))
                    fail_msg("seed %lu: product %d: %s: got %g, want %g", (unsigned long)seed,
                             product, name, (double)got, want);
            }
    }
}

static void test_the_default_is_that_of_a_product_never_met(void **state)
{
    float values[VALUES_MAX] = {0}, pairs[VALUES_MAX], defaults[VALUES_MAX];
    struct bank_history nobody = {.id = "nobody"};
    view_pair_default(defaults);
    view_pair_features(&nobody, &context, HISTORY_NOW_MS, values, pairs);
    for (size_t i = 0; i < view_pair_history_count(); i++)
        if (memcmp(&pairs[i], &defaults[i], sizeof *pairs) != 0)
            fail_msg("%s: %g, default %g", view_pair_feature(i)->name, (double)pairs[i],
                     (double)defaults[i]);
}

static float derived_of(const struct view_facts *facts, const float *values, int product,
                        const char *name)
{
    float pairs[VALUES_MAX];
    view_pair_derived(facts, &context, HISTORY_NOW_MS, values, pairs);
    return pairs[(size_t)product * view_pair_feature_count() + pair_feature(name)];
}

static void test_what_follows_from_customer_and_product(void **state)
{
    float values[VALUES_MAX] = {0};
    struct view_facts facts = {.age = 40, .risk_level = 3, .assets_fen = 5000000};
    facts.held[0] = 1u << 0 | 1u << 5; /* categories: product % 5 */
    products[0].minimum_fen = 9900;
    products[0].risk = 1;
    products[1].minimum_fen = 10000000;
    products[1].risk = 5;
    products[1].age_max = 39;
    products[1].launched_day = lx_day_of_ms(HISTORY_NOW_MS, HISTORY_UTC_OFFSET) - 1461;
    const struct {
        int product;
        const char *name;
        double value;
    } rows[] = {
        {0, "product_held", 1},
        {1, "product_held", 0},
        {5, "category_held", 2},
        {1, "category_held", 0},
        {0, "product_is_savings", 1},
        {1, "product_is_savings", 0},
        {1, "product_is_credit", 1},
        {0, "product_minimum_log", 2},
        {1, "minimum_to_assets", 2},
        {0, "risk_gap", 2},
        {1, "risk_gap", -2},
        {0, "is_in_age_range", 1},
        {1, "is_in_age_range", 0},
        {1, "product_age_years", 4},
        {1, "product_rate", (double)products[1].rate_ppm / 1e6},
        {1, "cohort_holding_rate", NAN}, /* no peers */
        {1, "lift_max", NAN},
        {1, "lift_log_sum", NAN},
    };
    for (size_t i = 0; i < LX_COUNT_OF(rows); i++) {
        float got = derived_of(&facts, values, rows[i].product, rows[i].name);
        if (!near_float(got, (float)rows[i].value, 1e-6))
            fail_msg("product %d: %s: got %g, want %g", rows[i].product, rows[i].name, (double)got,
                     rows[i].value);
    }
    facts.age = -1;
    facts.assets_fen = BANK_NO_AMOUNT;
    assert_true(isnan(derived_of(&facts, values, 0, "is_in_age_range")));
    assert_true(isnan(derived_of(&facts, values, 0, "minimum_to_assets")));
}

/* Rate, term and minimum of product 2 as of the moment. */
static void ask_terms(const struct bank_terms *terms, size_t count, float ret_values[3])
{
    static const char *const names[] = {"product_rate", "product_term_days", "minimum_to_assets"};
    const struct view_facts facts = {.age = 40, .assets_fen = 1000};
    float values[VALUES_MAX] = {0};
    products[2].terms = terms;
    products[2].terms_count = count;
    for (int i = 0; i < 3; i++) ret_values[i] = derived_of(&facts, values, 2, names[i]);
    products[2].terms = NULL;
    products[2].terms_count = 0;
}

#define NOW HISTORY_NOW_MS
#define DAY LX_MS_PER_DAY

static void test_the_terms_are_those_of_the_version_valid_and_known_then(void **state)
{
    static const struct {
        const char *what;
        struct bank_terms terms[3];
        size_t count;
        float rate, days, minimum;
    } rows[] = {
        {"the only one", {{NOW - DAY, NOW - DAY, 2000, 30000, 90}}, 1, 0.03f, 90, 2},
        {"valid and known in this moment",
         {{NOW - DAY, NOW - DAY, 2000, 30000, 90}, {NOW, NOW, 5000, 20000, 30}},
         2,
         0.02f,
         30,
         5},
        {"tomorrow's, announced", /* valid too late */
         {{NOW - DAY, NOW - DAY, 2000, 30000, 90}, {NOW + 1, NOW - DAY, 5000, 20000, 30}},
         2,
         0.03f,
         90,
         2},
        {"yesterday's, known tomorrow",
         {{NOW - 9 * DAY, NOW - 9 * DAY, 2000, 30000, 90}, {NOW - DAY, NOW + 1, 5000, 20000, 30}},
         2,
         0.03f,
         90,
         2},
        {"corrected since",
         {{NOW - DAY, NOW - DAY, 2000, 30000, 90}, {NOW - DAY, NOW, 5000, 20000, 30}},
         2,
         0.02f,
         30,
         5},
        {"corrected tomorrow",
         {{NOW - DAY, NOW - DAY, 2000, 30000, 90}, {NOW - DAY, NOW + 1, 5000, 20000, 30}},
         2,
         0.03f,
         90,
         2},
        {"before the records: what was known first",
         {{NOW - DAY, NOW + 9, 5000, 20000, 30}, {NOW + 7, NOW + 7, 2000, 30000, 90}},
         2,
         0.03f,
         90,
         2},
    };
    for (size_t i = 0; i < LX_COUNT_OF(rows); i++) {
        float got[3];
        ask_terms(rows[i].terms, rows[i].count, got);
        if (!near_float(got[0], rows[i].rate, 1e-6) || got[1] != rows[i].days ||
            !near_float(got[2], rows[i].minimum, 1e-6))
            fail_msg("%s: %g a year, %g days, %g", rows[i].what, (double)got[0], (double)got[1],
                     (double)got[2]);
    }
}

/* Once a version is known, whatever comes after the moment changes nothing. */
static void test_versions_of_the_future_change_nothing(void **state)
{
    enum { VERSIONS = 8 };
    size_t later = 0;
    for (uint64_t seed = 0; seed < 2000; seed++) {
        struct lx_rng rng = lx_rng_of(seed, 4);
        struct bank_terms all[VERSIONS + 1] = {{NOW - 90 * DAY, NOW - 90 * DAY, 1000, 10000, 1}};
        struct bank_terms known[VERSIONS + 1] = {all[0]};
        size_t count = 1, known_count = 1;
        int64_t at_ms = all[0].at_ms;
        for (; count <= VERSIONS; count++) {
            at_ms += (1 + (int64_t)lx_rng_below(&rng, 20)) * DAY;
            all[count] = (struct bank_terms){
                at_ms, at_ms + ((int64_t)lx_rng_below(&rng, 40) - 10) * DAY,
                (int64_t)lx_rng_below(&rng, 9000), (int64_t)lx_rng_below(&rng, 90000),
                (int)lx_rng_below(&rng, 900)};
            bool is_known = all[count].at_ms <= NOW && all[count].known_at_ms <= NOW;
            if (is_known) known[known_count++] = all[count];
            later += !is_known;
        }
        float got[3], want[3];
        ask_terms(all, count, got);
        ask_terms(known, known_count, want);
        if (memcmp(got, want, sizeof got) != 0) fail_msg("seed %lu", (unsigned long)seed);
    }
    assert_true(later > 2000);
}

/* 60 of 100 customers hold product 0; 30 of them and 10 of the others hold product 1, too. */
static struct view_peers *known_peers(void)
{
    struct view_peers *peers = NULL;
    struct lx_error err;
    assert_int_equal(view_peers_new(HISTORY_NOW_MS, HISTORY_PRODUCTS, 3, 2, &peers, &err), LX_OK);
    for (int i = 0; i < 100; i++) {
        struct view_peer peer = {
            .age = 40, .balance = 0, .acts_90d = 3, .branch = 1, .occupation = 0};
        peer.held[0] = (uint64_t)(i < 60) | (uint64_t)(i < 30 || i >= 90) << 1;
        peer.opened_30d[0] = i < 4 ? 2 : 0;
        peer.opened_365d[0] = i < 10 ? 2 : 0;
        view_peers_add(peers, &peer);
    }
    view_peers_finish(peers);
    return peers;
}

static void test_what_the_peers_say_of_a_product(void **state)
{
    struct view_peers *peers = known_peers();
    struct view_facts facts = {.age = 40, .branch = 1, .occupation = -1, .held = {1}};
    float values[VALUES_MAX] = {0};
    values[customer_feature("age")] = 40;
    values[customer_feature("acts_90d")] = 3;
    context.peers = peers;
    /* All are of one cohort and branch, so that mixing with the bank's rate changes nothing. */
    static const struct {
        int product;
        const char *name;
        double value;
    } rows[] = {
        {0, "bank_holding_rate", 0.6},
        {1, "bank_holding_rate", 0.4},
        {1, "bank_opening_rate", 0.04},
        {1, "bank_opening_rate_365d", 0.1},
        {1, "cohort_holding_rate", 0.4},
        {1, "cohort_opening_rate", 0.04},
        {1, "cohort_opening_rate_365d", 0.1},
        {1, "branch_holding_rate", 0.4},
        {1, "branch_opening_rate", 0.04},
        {1, "occupation_holding_rate", 0.4},
        {1, "lift_max", (30 + 5.0) / (24 + 5)}, /* 30 hold both, 24 were to be expected */
        {1, "lift_log_sum", 0.18805223},        /* its logarithm */
        {0, "lift_max", NAN},                   /* nothing else is held */
        {0, "lift_log_sum", 0},
    };
    for (size_t i = 0; i < LX_COUNT_OF(rows); i++) {
        float got = derived_of(&facts, values, rows[i].product, rows[i].name);
        if (!near_float(got, (float)rows[i].value, 1e-6))
            fail_msg("product %d: %s: got %.9g, want %.9g", rows[i].product, rows[i].name,
                     (double)got, rows[i].value);
    }
    /* Another cohort and an unknown branch: the bank's rates. */
    values[customer_feature("age")] = 70;
    facts.branch = 17;
    assert_true(near_float(derived_of(&facts, values, 1, "cohort_holding_rate"), 0.4F, 1e-6));
    assert_true(near_float(derived_of(&facts, values, 1, "branch_opening_rate"), 0.04F, 1e-6));
    context.peers = NULL;
    view_peers_close(peers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_what_a_customer_did_with_a_product_is_counted, prepare),
        cmocka_unit_test_setup(test_the_default_is_that_of_a_product_never_met, prepare),
        cmocka_unit_test_setup(test_what_follows_from_customer_and_product, prepare),
        cmocka_unit_test_setup(test_the_terms_are_those_of_the_version_valid_and_known_then,
                               prepare),
        cmocka_unit_test_setup(test_versions_of_the_future_change_nothing, prepare),
        cmocka_unit_test_setup(test_what_the_peers_say_of_a_product, prepare),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
