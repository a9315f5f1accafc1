/*
 * Goal:   the features that the file defines are the compiled ones.
 * Method: random histories at random moments, with peers and facts that are known late; both ways
 *         of every feature, bit for bit where the arithmetic is the same, else within a tolerance
 *         that the table says.
 */
#include "feature_check.h"
#include "features_fixture.h"
#include "view/peers_table.h"

static struct bank_product products[HISTORY_PRODUCTS];
static struct bank_catalogue catalogue;
static struct view_features *features;
static struct view_scratch *scratch;
static struct view_peers *peers;

static int prepare(void **state)
{
    struct lx_error err;
    history_catalogue(products, &catalogue);
    features = fixture_features(&catalogue);
    MUST(view_scratch_open(features, &catalogue, &scratch, &err));
    struct view_context context = {&catalogue, NULL, HISTORY_UTC_OFFSET};
    MUST(view_peers_new(HISTORY_NOW_MS, HISTORY_PRODUCTS, HISTORY_BRANCHES, HISTORY_OCCUPATIONS,
                        &peers, &err));
    for (uint64_t i = 0; i < 300; i++) {
        struct random_history random;
        struct view_peer peer;
        random_history(99, i, &random);
        view_peer_of(&random.history, &context, HISTORY_NOW_MS, &peer);
        view_peers_add(peers, &peer);
    }
    view_peers_finish(peers);
    return 0;
}

static int release(void **state)
{
    view_scratch_close(scratch);
    view_features_close(features);
    view_peers_close(peers);
    return 0;
}

/*
 * Where the language computes otherwise than the compiled code did: an average of money is money,
 * rounded to the fen; a share divides exact amounts, where the code divided those rounded to floats.
 */
static const struct {
    const char *name;
    double fen, relative; /* how far apart they may be */
} near_rows[] = {
    {"balance_mean_30d", 0.5, 1e-7},  {"balance_mean_90d", 0.5, 1e-7},
    {"balance_mean_365d", 0.5, 1e-7}, {"balance_slope_90d", 0.5, 1e-7},
    {"salary_mean_365d", 0.5, 1e-7},  {"balance_to_mean_365d", 0, 2e-7},
    {"balance_in_salaries", 0, 2e-7}, {"spending_30d", 0, 1e-7},
    {"spending_90d", 0, 1e-7},        {"grocery_share", 0, 2e-7},
    {"dining_share", 0, 2e-7},        {"transport_share", 0, 2e-7},
    {"health_share", 0, 2e-7},        {"education_share", 0, 2e-7},
    {"travel_share", 0, 2e-7},        {"home_share", 0, 2e-7},
    {"mother_child_share", 0, 2e-7},  {"luxury_share", 0, 2e-7},
    {"farming_share", 0, 2e-7},       {"wholesale_share", 0, 2e-7},
    {"securities_share", 0, 2e-7},    {"insurance_share", 0, 2e-7},
};

static bool is_near(const char *name, float old, float now)
{
    if (same_float(old, now)) return true;
    for (size_t i = 0; i < LX_COUNT_OF(near_rows); i++)
        if (strcmp(near_rows[i].name, name) == 0)
            return fabs((double)old - (double)now) <=
                   near_rows[i].fen + near_rows[i].relative * fabs((double)old);
    return false;
}

static void compare(const char *name, enum view_scope scope, float old, const float *now,
                    uint64_t seed)
{
    size_t place = view_features_find(features, scope, name);
    if (place == SIZE_MAX) fail_msg("the file has no feature %s", name);
    if (!is_near(name, old, now[place]))
        fail_msg("seed %lu: %s: compiled %.9g, defined %.9g", (unsigned long)seed, name,
                 (double)old, (double)now[place]);
}

static float old[VALUES_MAX], now[VALUES_MAX], old_pairs[4 * VALUES_MAX], now_pairs[4 * VALUES_MAX];

static void compute_both(const struct bank_history *history, const struct view_context *context,
                         int64_t now_ms)
{
    struct view_facts facts;
    view_facts(history, context, now_ms, &facts);
    view_customer_features(history, context, now_ms, old);
    view_pair_features(history, context, now_ms, old, old_pairs);
    view_compute_customer(scratch, history, context, &facts, now_ms, now);
    view_compute_kept(scratch, history, context, &facts, now_ms, now, now_pairs);
    view_compute_derived(scratch, context, &facts, now_ms, now, now_pairs);
}

static void test_the_file_defines_what_was_compiled(void **state)
{
    const size_t stride = view_features_count(features, VIEW_PAIR);
    for (uint64_t seed = 0; seed < 6000; seed++) {
        struct random_history random;
        struct lx_rng rng = lx_rng_of(seed, 17);
        struct view_context context = {&catalogue, seed % 3 == 0 ? NULL : peers,
                                       HISTORY_UTC_OFFSET};
        random_history(3, seed, &random);
        compute_both(&random.history, &context,
                     HISTORY_NOW_MS - (int64_t)lx_rng_below(&rng, 1200) * LX_MS_PER_DAY / 3);
        for (size_t i = 0; i < view_customer_feature_count(); i++)
            compare(view_customer_feature(i)->name, VIEW_CUSTOMER, old[i], now, seed);
        for (size_t product = 0; product < catalogue.count; product++)
            for (size_t i = 0; i < view_pair_feature_count(); i++)
                compare(view_pair_feature(i)->name, VIEW_PAIR,
                        old_pairs[product * view_pair_feature_count() + i],
                        now_pairs + product * stride, seed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_file_defines_what_was_compiled),
    };
    return cmocka_run_group_tests_name("view/features", tests, prepare, release);
}
