/*
 * Goal:   training rows hear from the rules what a decision would have heard at that moment, as far
 *         as it is about the customer.
 * Method: every customer of a living bank; as of the snapshot against the refusals of a preview,
 *         as of earlier months against suitability written out again over his facts of then.
 */
#include "world.h"

#include "decide/past_rules.h"

enum { CUSTOMERS = 300, SEED = 5 };

static struct world world;

static int make_world(void **state)
{
    world_open(&world, CUSTOMERS, SEED);
    world_engine(&world, ENGINE_WRITE);
    return 0;
}

static int end_world(void **state)
{
    world_close(&world);
    return 0;
}

/* What the rules said of one customer, and the facts they said it of. */
struct hearing {
    const struct view_peers *peers;
    void *judge;
    struct rows_rules rules;
    struct view_scratch *scratch;
    float customer_values[LX_FEATURES_MAX], *pair_values;
    struct view_facts facts;
    uint64_t refused[ROWS_PRODUCT_WORDS];
};

static void hearing_open(struct hearing *hearing)
{
    struct lx_error err;
    const struct view_features *features = view_snapshot_features(engine_snapshot(world.engine));
    const struct bank_catalogue *catalogue = bank_catalogue(engine_bank(world.engine));
    hearing->peers = view_snapshot_peers(engine_snapshot(world.engine));
    hearing->rules = past_rules(world.bank.folder);
    MUST(hearing->rules.open(hearing->rules.context, &hearing->judge, &err));
    MUST(view_scratch_open(features, catalogue, &hearing->scratch, &err));
    hearing->pair_values =
        calloc(catalogue->count * view_features_count(features, VIEW_PAIR), sizeof(float));
}

static void hearing_close(struct hearing *hearing)
{
    hearing->rules.close(hearing->judge);
    view_scratch_close(hearing->scratch);
    free(hearing->pair_values);
}

static void hear(struct hearing *hearing, int64_t customer, int64_t as_of_ms)
{
    struct lx_error err;
    struct lx_arena arena;
    struct bank_history history;
    const struct view_context context = {bank_catalogue(engine_bank(world.engine)), hearing->peers,
                                         LIVING_OFFSET_MINUTES, hearing->scratch};
    lx_arena_init(&arena, 16 << 20);
    MUST(bank_history_read(engine_bank(world.engine), customer, &arena, &history, &err));
    view_facts(&history, &context, as_of_ms, &hearing->facts);
    view_customer_features(&history, &context, as_of_ms, hearing->customer_values);
    view_pair_features(&history, &context, as_of_ms, hearing->customer_values,
                       hearing->pair_values);
    const struct rows_asked asked = {&context, &hearing->facts, as_of_ms, hearing->customer_values,
                                     hearing->pair_values};
    memset(hearing->refused, 0, sizeof hearing->refused);
    MUST(hearing->rules.refuse(hearing->judge, &asked, hearing->refused, &err));
    lx_arena_release(&arena);
}

static bool heard(const struct hearing *hearing, int product)
{
    return hearing->refused[product / 64] >> product % 64 & 1;
}

static void test_as_of_the_snapshot_it_is_what_a_decision_hears(void **state)
{
    struct hearing hearing = {0};
    size_t of_customer = 0, of_the_day = 0;
    hearing_open(&hearing);
    for (int64_t customer = 0; customer < CUSTOMERS; customer++) {
        struct decision decision;
        recommend(&world, customer, DECISION_ITEMS_MAX, true, &decision);
        hear(&hearing, customer, view_snapshot_as_of_ms(engine_snapshot(world.engine)));
        for (size_t i = 0; i < decision.item_count; i++)
            if (heard(&hearing, decision.items[i].product_index))
                fail_msg("customer %lld: %s is offered", (long long)customer,
                         decision.items[i].product);
        for (size_t i = 0; i < decision.refused_count; i++) {
            const struct decision_refusal *refusal = &decision.refused[i];
            bool is_of_customer = strcmp(refusal->stage, "eligibility") == 0 ||
                                  strcmp(refusal->stage, "suitability") == 0;
            if (heard(&hearing, refusal->product_index) != is_of_customer)
                fail_msg("customer %lld: %s by %s (%s)", (long long)customer, refusal->product,
                         refusal->rule, refusal->stage);
            of_customer += is_of_customer;
            of_the_day += !is_of_customer;
        }
        decision_release(&decision);
    }
    assert_true(of_customer > CUSTOMERS);
    assert_true(of_the_day > 0);
    hearing_close(&hearing);
}

static void test_in_the_past_suitability_is_that_of_the_facts_of_then(void **state)
{
    const struct bank_catalogue *catalogue = bank_catalogue(engine_bank(world.engine));
    int64_t newest_ms = view_snapshot_as_of_ms(engine_snapshot(world.engine));
    struct hearing hearing = {0};
    size_t changed = 0;
    hearing_open(&hearing);
    for (int64_t customer = 0; customer < CUSTOMERS; customer++) {
        uint64_t now[ROWS_PRODUCT_WORDS];
        hear(&hearing, customer, newest_ms);
        memcpy(now, hearing.refused, sizeof now);
        hear(&hearing, customer, newest_ms - 200 * LX_MS_PER_DAY);
        changed += memcmp(now, hearing.refused, sizeof now) != 0;
        const struct view_facts *facts = &hearing.facts;
        int level = facts->risk_level > 0 ? facts->risk_level : 1;
        for (size_t i = 0; i < catalogue->count; i++) {
            const struct bank_product *product = &catalogue->products[i];
            bool is_unsuitable = product->risk > level ||
                                 (facts->age >= 0 && (facts->age < product->age_min ||
                                                      facts->age > product->age_max)) ||
                                 (facts->is_overdue && product->category == BANK_CATEGORY_CREDIT);
            if (is_unsuitable && !heard(&hearing, (int)i))
                fail_msg("customer %lld: %s", (long long)customer, product->code);
        }
    }
    assert_true(changed > 0);
    hearing_close(&hearing);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_as_of_the_snapshot_it_is_what_a_decision_hears),
        cmocka_unit_test(test_in_the_past_suitability_is_that_of_the_facts_of_then),
    };
    return cmocka_run_group_tests_name("past_rules", tests, make_world, end_world);
}
