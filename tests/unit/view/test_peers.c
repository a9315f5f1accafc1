/*
 * Goal:   the rates of cohorts, branches, occupations and pairs of products are the counts that
 *         they claim, whatever order and threads the customers came in, and survive being written.
 * Method: random histories counted again in the plainest way; halves merged against the whole;
 *         bytes read back, cut and changed; customer features with peers.
 */
#include "feature_check.h"
#include "view/peers_table.h"

enum { CUSTOMERS = 400 };

static struct bank_product products[HISTORY_PRODUCTS];
static struct bank_catalogue catalogue;
static struct view_context context;
static struct view_peer members[CUSTOMERS];

static int prepare(void **state)
{
    history_catalogue(products, &catalogue);
    context =
        (struct view_context){&catalogue, NULL, HISTORY_UTC_OFFSET, open_features(&catalogue)};
    for (uint64_t i = 0; i < CUSTOMERS; i++) {
        struct random_history random;
        random_history(11, i, &random);
        struct view_facts facts;
        float cohort[3];
        view_facts(&random.history, &context, HISTORY_NOW_MS, &facts);
        view_compute_cohort(feature_scratch, &random.history, &context, &facts, HISTORY_NOW_MS,
                            cohort);
        view_peer_of(&random.history, &context, HISTORY_NOW_MS, cohort, &members[i]);
    }
    return 0;
}

static struct view_peers *new_peers(void)
{
    struct view_peers *peers = NULL;
    struct lx_error err;
    enum lx_err code = view_peers_new(HISTORY_NOW_MS, HISTORY_PRODUCTS, HISTORY_BRANCHES,
                                      HISTORY_OCCUPATIONS, &peers, &err);
    assert_int_equal(code, LX_OK);
    return peers;
}

static struct view_peers *all_peers(void)
{
    struct view_peers *peers = new_peers();
    for (int i = 0; i < CUSTOMERS; i++) view_peers_add(peers, &members[i]);
    view_peers_finish(peers);
    return peers;
}

static void bytes_of(const struct view_peers *peers, struct lx_buffer *buffer)
{
    lx_buffer_init(buffer, LX_FILE_MAX);
    view_peers_write(peers, buffer);
    assert_int_equal(lx_buffer_error(buffer), LX_OK);
}

static bool bit_of(const uint64_t *bits, int index)
{
    return (bits[index / 64] >> (index % 64) & 1) != 0;
}

/* The customer as a peer is what his features and facts say of him. */
static void test_a_peer_is_what_features_and_facts_say(void **state)
{
    for (uint64_t i = 0; i < CUSTOMERS; i++) {
        struct random_history random;
        struct view_facts facts;
        float values[VALUES_MAX];
        random_history(11, i, &random);
        view_customer_features(&random.history, &context, HISTORY_NOW_MS, values);
        view_facts(&random.history, &context, HISTORY_NOW_MS, &facts);
        const struct view_peer *peer = &members[i];
        if (!same_float(peer->age, values[customer_feature("age")]) ||
            !same_float(peer->balance, values[customer_feature("balance")]) ||
            !same_float(peer->acts_90d, values[customer_feature("acts_90d")]) ||
            peer->branch != facts.branch || peer->occupation != facts.occupation ||
            memcmp(peer->held, facts.held, sizeof facts.held) != 0)
            fail_msg("customer %lu", (unsigned long)i);
    }
}

static void test_counts_are_those_of_the_members(void **state)
{
    struct view_peers *peers = all_peers();
    assert_int_equal(view_peers_customers(peers), CUSTOMERS);
    for (int product = 0; product < HISTORY_PRODUCTS; product++) {
        int holders = 0, openings = 0;
        for (int i = 0; i < CUSTOMERS; i++) {
            holders += bit_of(members[i].held, product);
            openings += bit_of(members[i].opened_30d, product);
        }
        assert_int_equal(view_peers_holders(peers, product), holders);
        assert_int_equal(view_peers_openings(peers, product), openings);
        assert_true(holders > 5 && openings > 5);
    }
    view_peers_close(peers);
}

/* One group's rate of one product, by asking every customer. */
static double naive_rate(int branch, int product, bool is_opening)
{
    double bank = 0, count = 0, customers = 0;
    for (int i = 0; i < CUSTOMERS; i++) {
        bool has = bit_of(is_opening ? members[i].opened_30d : members[i].held, product);
        bank += has;
        if (members[i].branch != branch) continue;
        count += has;
        customers++;
    }
    return (count + PEERS_RATE_PRIOR * bank / CUSTOMERS) / (customers + PEERS_RATE_PRIOR);
}

static void test_a_branchs_rates_are_shrunk_toward_the_banks(void **state)
{
    struct view_peers *peers = all_peers();
    for (int branch = 0; branch < HISTORY_BRANCHES; branch++) {
        const float *rates = view_peers_rates(peers, view_peers_branch_group(peers, branch));
        for (int product = 0; product < HISTORY_PRODUCTS; product++) {
            double holding = naive_rate(branch, product, false);
            double opening = naive_rate(branch, product, true);
            if (!near_float(view_peers_rate(rates, product, PEERS_HOLDERS), (float)holding, 1e-6) ||
                !near_float(view_peers_rate(rates, product, PEERS_OPENED_30D), (float)opening,
                            1e-6))
                fail_msg("branch %d, product %d: want %g and %g", branch, product, holding,
                         opening);
        }
    }
    view_peers_close(peers);
}

static void test_lift_is_one_where_nothing_ties_and_more_where_something_does(void **state)
{
    struct view_peers *peers = new_peers(), *nobody = new_peers();
    for (int i = 0; i < 1000; i++) {
        struct view_peer peer = {.age = 30, .branch = -1, .occupation = -1};
        /* 0 and 1 together, 2 alone of the rest, 3 on its own */
        peer.held[0] = (uint64_t)(i % 10 == 0 ? 3 : 0) | (uint64_t)(i % 2) << 3;
        if (i % 10 == 5) peer.held[0] |= 4;
        view_peers_add(peers, &peer);
    }
    view_peers_finish(peers);
    view_peers_finish(nobody);
    assert_true(view_peers_lift(peers, 0, 1) > 6);
    assert_true(fabs(view_peers_lift(peers, 0, 1) - view_peers_lift(peers, 1, 0)) < 1e-12);
    assert_true(view_peers_lift(peers, 0, 2) < 0.5);
    assert_true(fabs(view_peers_lift(peers, 0, 7) - 1) < 1e-6);
    assert_true(fabs(view_peers_lift(nobody, 0, 1) - 1) < 1e-6);
    view_peers_close(peers);
    view_peers_close(nobody);
}

static void test_parts_merged_in_any_way_are_the_whole(void **state)
{
    struct view_peers *whole = all_peers();
    struct lx_buffer want;
    bytes_of(whole, &want);
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct lx_rng rng = lx_rng_of(seed, 1);
        struct view_peers *parts[4];
        struct lx_buffer got;
        for (int i = 0; i < 4; i++) parts[i] = new_peers();
        for (int i = CUSTOMERS - 1; i >= 0; i--)
            view_peers_add(parts[lx_rng_below(&rng, 4)], &members[i]);
        for (int i = 0; i < 3; i++) view_peers_merge(parts[3], parts[i]);
        view_peers_finish(parts[3]);
        bytes_of(parts[3], &got);
        assert_int_equal(got.length, want.length);
        assert_memory_equal(got.bytes, want.bytes, want.length);
        for (int i = 0; i < 4; i++) view_peers_close(parts[i]);
        lx_buffer_release(&got);
    }
    lx_buffer_release(&want);
    view_peers_close(whole);
}

static void test_what_is_written_reads_back_equal(void **state)
{
    struct view_peers *peers = all_peers(), *again = NULL;
    struct lx_buffer bytes, second;
    struct lx_error err;
    bytes_of(peers, &bytes);
    assert_int_equal(view_peers_read(bytes.bytes, bytes.length, &again, &err), LX_OK);
    bytes_of(again, &second);
    assert_int_equal(bytes.length, second.length);
    assert_memory_equal(bytes.bytes, second.bytes, bytes.length);
    assert_memory_equal(peers->rates, again->rates,
                        peers->group_count * peers->stride * sizeof *peers->rates);
    for (int a = 0; a < HISTORY_PRODUCTS; a++)
        for (int b = 0; b < HISTORY_PRODUCTS; b++)
            assert_true(view_peers_lift(peers, a, b) == view_peers_lift(again, a, b));
    view_peers_close(again);
    view_peers_close(peers);
    lx_buffer_release(&bytes);
    lx_buffer_release(&second);
}

static void test_damaged_peers_are_refused(void **state)
{
    struct view_peers *peers = all_peers(), *again = NULL;
    struct lx_buffer bytes;
    struct lx_error err;
    bytes_of(peers, &bytes);
    for (size_t length = 0; length < bytes.length; length++)
        if (view_peers_read(bytes.bytes, length, &again, &err) != LX_ERR_CORRUPT)
            fail_msg("length %zu", length);
    for (uint64_t seed = 0; seed < 3000; seed++) {
        struct lx_rng rng = lx_rng_of(seed, 5);
        size_t at = lx_rng_below(&rng, seed < 1000 ? 20 : bytes.length);
        char old = bytes.bytes[at];
        bytes.bytes[at] = (char)lx_rng_next(&rng);
        /* Some of it reads as other counts; none of it may crash. */
        if (view_peers_read(bytes.bytes, bytes.length, &again, &err) == LX_OK)
            view_peers_close(again);
        bytes.bytes[at] = old;
    }
    bytes.bytes[0]++;
    assert_int_equal(view_peers_read(bytes.bytes, bytes.length, &again, &err), LX_ERR_VERSION);
    view_peers_close(peers);
    lx_buffer_release(&bytes);
}

static void test_customer_features_tell_of_cohort_and_branch(void **state)
{
    struct view_peers *peers = all_peers();
    struct view_context with_peers = {&catalogue, peers, HISTORY_UTC_OFFSET, feature_scratch};
    size_t told = 0;
    for (uint64_t i = 0; i < CUSTOMERS; i++) {
        struct random_history random;
        float values[VALUES_MAX];
        random_history(11, i, &random);
        view_customer_features(&random.history, &with_peers, HISTORY_NOW_MS, values);
        double branch_customers = 0, beyond = 0, bank = 0;
        for (int k = 0; k < CUSTOMERS; k++) {
            bank += members[k].is_beyond_savings;
            if (members[i].branch < 0 || members[k].branch != members[i].branch) continue;
            branch_customers++;
            beyond += members[k].is_beyond_savings;
        }
        double share =
            (beyond + PEERS_RATE_PRIOR * bank / CUSTOMERS) / (branch_customers + PEERS_RATE_PRIOR);
        float got = values[customer_feature("branch_holder_share")];
        if (!near_float(got, (float)share, 1e-6))
            fail_msg("customer %lu: got %g, want %g", (unsigned long)i, (double)got, share);
        float count = values[customer_feature("branch_customers")];
        assert_true(members[i].branch < 0 ? isnan(count) : (double)count == branch_customers);
        float cohort = values[customer_feature("cohort_holder_share")];
        assert_true(cohort > 0 && cohort < 1);
        assert_true(values[customer_feature("cohort_opening_share")] > 0);
        told += members[i].branch >= 0;
    }
    assert_true(told > CUSTOMERS / 3);
    view_peers_close(peers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_peer_is_what_features_and_facts_say),
        cmocka_unit_test(test_counts_are_those_of_the_members),
        cmocka_unit_test(test_a_branchs_rates_are_shrunk_toward_the_banks),
        cmocka_unit_test(test_lift_is_one_where_nothing_ties_and_more_where_something_does),
        cmocka_unit_test(test_parts_merged_in_any_way_are_the_whole),
        cmocka_unit_test(test_what_is_written_reads_back_equal),
        cmocka_unit_test(test_damaged_peers_are_refused),
        cmocka_unit_test(test_customer_features_tell_of_cohort_and_branch),
    };
    return cmocka_run_group_tests(tests, prepare, NULL);
}
