/*
 * Goal:   a first round shows only what may be shown, in the order of priority, with reasons that
 *         hold; it is recorded before it is told, a preview never; the same inputs give the same
 *         bytes; what is missing is named.
 * Method: every customer of a living bank, with the rules written out again over his facts; two
 *         banks made alike are compared byte by byte, journal included.
 */
#include "world.h"
#include "tests/shipped_features.h"

#include <math.h>

#include "base/date.h"
#include "view/feature.h"

enum { CUSTOMERS = 400, SEED = 21 };

static int make_world(void **state)
{
    struct world *world = malloc(sizeof *world);
    world_open(world, CUSTOMERS, SEED);
    world_engine(world, ENGINE_WRITE);
    *state = world;
    return 0;
}

static int end_world(void **state)
{
    world_close(*state);
    free(*state);
    return 0;
}

static void test_product_above_customer_risk_is_never_shown(void **state)
{
    struct world *world = *state;
    const struct view_snapshot *snapshot = engine_snapshot(world->engine);
    const struct bank_catalogue *catalogue = bank_catalogue(engine_bank(world->engine));
    int32_t as_of_day = lx_day_of_ms(view_snapshot_as_of_ms(snapshot), LIVING_OFFSET_MINUTES);
    size_t shown = 0, refused = 0;
    for (int64_t customer = 0; customer < CUSTOMERS; customer++) {
        struct decision decision;
        struct view_facts facts;
        recommend(world, customer, DECISION_ITEMS_MAX, true, &decision);
        view_snapshot_facts(snapshot, customer, &facts);
        for (size_t i = 0; i < decision.item_count; i++) {
            const struct bank_product *product =
                &catalogue->products[decision.items[i].product_index];
            int level = facts.risk_level > 0 ? facts.risk_level : 1;
            bool may = product->risk <= level && product->launched_day <= as_of_day &&
                       product->status == BANK_PRODUCT_ON_SALE &&
                       !view_holds(&facts, decision.items[i].product_index) &&
                       !facts.is_do_not_contact && !facts.has_open_complaint &&
                       (facts.refused_channels >> BANK_CHANNEL_RM & 1) == 0;
            may = may &&
                  (facts.age < 0 ? product->age_min == 0 && product->age_max >= 120
                                 : facts.age >= product->age_min && facts.age <= product->age_max);
            may = may && !(facts.age >= 65 && product->risk >= 4);
            may = may && !(facts.is_overdue && product->category == BANK_CATEGORY_CREDIT);
            if (!may)
                fail_msg("customer %lld, product %s", (long long)customer,
                         decision.items[i].product);
        }
        /* Every product is either shown or refused. */
        assert_int_equal(decision.item_count + decision.refused_count, catalogue->count);
        shown += decision.item_count;
        refused += decision.refused_count;
        decision_release(&decision);
    }
    assert_true(shown > CUSTOMERS && refused > CUSTOMERS);
}

static void check_reasons(const struct decision_item *item)
{
    assert_true(item->reason_count <= DECISION_REASONS_MAX);
    for (size_t j = 0; j < item->reason_count; j++) {
        const struct decision_reason *reason = &item->reasons[j];
        bool is_feature =
            view_features_find(shipped(), VIEW_CUSTOMER, reason->feature) != SIZE_MAX ||
            view_features_find(shipped(), VIEW_PAIR, reason->feature) != SIZE_MAX;
        assert_true(is_feature && reason->weight > 0);
        assert_true(strlen(reason->zh) > 0 && strlen(reason->en) > 0);
    }
}

static void test_items_stand_in_the_order_of_priority_with_their_reasons(void **state)
{
    struct world *world = *state;
    size_t reasons = 0, items = 0;
    for (int64_t customer = 0; customer < CUSTOMERS; customer++) {
        struct decision decision;
        recommend(world, customer, 5, true, &decision);
        assert_true(decision.item_count <= 5);
        for (size_t i = 0; i < decision.item_count; i++) {
            const struct decision_item *item = &decision.items[i];
            const struct decision_factors *f = &item->factors;
            if (i > 0) assert_true(decision.items[i - 1].factors.priority >= f->priority);
            assert_true(f->priority == f->probability * f->value * f->context * f->lever);
            assert_true(item->probability == f->probability);
            assert_true(item->probability > 0 && item->probability < 1);
            assert_true(item->show_probability <= 1);
            /* A preview shows the plain list, and says what is left to chance of its last place. */
            assert_true(i + 1 == 5 ? item->show_probability >= 0.5 : item->show_probability == 1);
            assert_true(item->score >= 0 && item->score <= 100);
            check_reasons(item);
            if (!decision.is_personalised) assert_int_equal(item->reason_count, 0);
            reasons += item->reason_count;
            items++;
        }
        decision_release(&decision);
    }
    assert_true(reasons > items);
}

static void test_a_page_viewed_is_a_reason(void **state)
{
    struct world *world = *state;
    size_t found = 0;
    for (int64_t customer = 0; customer < CUSTOMERS; customer++) {
        struct decision decision;
        recommend(world, customer, 3, true, &decision);
        for (size_t i = 0; i < decision.item_count; i++)
            for (size_t j = 0; j < decision.items[i].reason_count; j++)
                found += strstr(decision.items[i].reasons[j].en, "this product's page") != NULL;
        decision_release(&decision);
    }
    assert_true(found > 20);
}

static void test_without_consent_everybody_gets_what_is_popular(void **state)
{
    struct world *world = *state;
    const struct view_snapshot *snapshot = engine_snapshot(world->engine);
    const struct view_peers *peers = view_snapshot_peers(snapshot);
    size_t seen = 0;
    for (int64_t customer = 0; customer < CUSTOMERS; customer++) {
        struct decision decision;
        struct view_facts facts;
        view_snapshot_facts(snapshot, customer, &facts);
        recommend(world, customer, 5, true, &decision);
        assert_int_equal(decision.is_personalised, facts.has_personal_consent);
        for (size_t i = 1; !decision.is_personalised && i < decision.item_count; i++) {
            const struct decision_item *a = &decision.items[i - 1], *b = &decision.items[i];
            if (a->factors.context != b->factors.context) continue;
            assert_true(view_peers_openings(peers, a->product_index) >=
                        view_peers_openings(peers, b->product_index));
            seen++;
        }
        decision_release(&decision);
    }
    assert_true(seen > 5);
}

/* What no earlier stage refuses is refused by this rule, and there is something of it. */
static void check_withheld(const struct decision *decision, const char *rule)
{
    size_t dropped = 0;
    for (size_t i = 0; i < decision->refused_count; i++) {
        const struct decision_refusal *refusal = &decision->refused[i];
        if (strcmp(refusal->stage, "contact_policy") != 0) continue;
        assert_string_equal(refusal->rule, rule);
        dropped++;
    }
    assert_true(dropped > 0);
    assert_int_equal(decision->drops[RULE_STAGE_CONTACT_POLICY], dropped);
}

static void test_who_refuses_contact_is_offered_nothing(void **state)
{
    struct world *world = *state;
    const struct view_snapshot *snapshot = engine_snapshot(world->engine);
    size_t seen = 0;
    for (int64_t customer = 0; customer < CUSTOMERS; customer++) {
        struct decision decision;
        struct view_facts facts;
        view_snapshot_facts(snapshot, customer, &facts);
        if ((facts.refused_channels >> BANK_CHANNEL_RM & 1) == 0) continue;
        recommend(world, customer, 5, true, &decision);
        assert_int_equal(decision.item_count, 0);
        check_withheld(&decision, facts.is_do_not_contact ? "do_not_contact" : "channel_refused");
        decision_release(&decision);
        seen++;
    }
    assert_true(seen > 3);
}

/* Of the living bank every 19th customer is on the list of those who are not to be contacted and
 * every 17th complains; for the even ones both are over. */
static void test_the_list_and_open_complaints_withhold_every_offer(void **state)
{
    struct world *world = *state;
    size_t listed = 0, complaining = 0, over = 0;
    for (int64_t customer = 0; customer < CUSTOMERS; customer++) {
        struct decision decision;
        struct view_facts facts;
        bool is_listed = customer % 19 == 3, complains = customer % 17 == 5;
        view_snapshot_facts(engine_snapshot(world->engine), customer, &facts);
        if (!is_listed && !complains) continue;
        assert_int_equal(facts.has_open_complaint, complains && customer % 2 == 1);
        if (is_listed && customer % 2 == 1) assert_true(facts.is_do_not_contact);
        if ((facts.refused_channels >> BANK_CHANNEL_RM & 1) != 0) continue;
        recommend(world, customer, 5, true, &decision);
        if (customer % 2 == 1) {
            assert_int_equal(decision.item_count, 0);
            check_withheld(&decision, is_listed ? "do_not_contact" : "open_complaint");
        }
        listed += is_listed && customer % 2 == 1;
        complaining += complains && !is_listed && customer % 2 == 1;
        over += customer % 2 == 0 && decision.item_count > 0;
        decision_release(&decision);
    }
    assert_true(listed > 2 && complaining > 2 && over > 2);
}

static uint64_t journal_length(const struct world *world)
{
    struct lx_error err;
    struct lx_buffer bytes;
    char path[LX_PATH_MAX];
    MUST(host_join(path, world->bank.folder, "journal/00000001.log", &err));
    lx_buffer_init(&bytes, LX_FILE_MAX);
    if (host_exists(path)) MUST(host_read_file(path, &bytes, &err));
    uint64_t length = bytes.length;
    lx_buffer_release(&bytes);
    return length;
}

static void test_a_preview_is_told_the_same_and_not_recorded(void **state)
{
    struct world *world = *state;
    struct lx_error err;
    struct decision preview, told, found;
    int64_t customer = find_shown(world, 0, 5);
    struct living_clock before = world->clock;
    uint64_t length = journal_length(world);
    recommend(world, customer, 5, true, &preview);
    assert_string_equal(preview.id, "");
    assert_int_equal(journal_length(world), length);
    world->clock = before;
    recommend(world, customer, 5, false, &told);
    assert_true(journal_length(world) > length);
    MUST(decide_find(world->engine, told.id, &found, &err));
    assert_same_decision(&told, &found);
    memcpy(told.id, preview.id, sizeof told.id);
    assert_same_decision(&told, &preview);
    decision_release(&preview);
    decision_release(&told);
    decision_release(&found);
}

static void test_wrong_requests_are_named(void **state)
{
    struct world *world = *state;
    struct lx_error err;
    struct decision decision;
    char id[LX_ID_MAX + 1];
    living_id(3, id);
    struct decide_request request = {.customer = "nobody", .count = 5};
    MUST_FAIL(decide_recommend(world->engine, &request, &decision, &err), LX_ERR_NOT_FOUND);
    assert_non_null(strstr(err.text, "nobody"));
    request = (struct decide_request){.customer = id, .count = 5, .placement = "moon"};
    MUST_FAIL(decide_recommend(world->engine, &request, &decision, &err), LX_ERR_USAGE);
    assert_non_null(strstr(err.text, "mobile"));
    request = (struct decide_request){.customer = id, .count = 257};
    MUST_FAIL(decide_recommend(world->engine, &request, &decision, &err), LX_ERR_USAGE);
    MUST_FAIL(decide_find(world->engine, "x", &decision, &err), LX_ERR_NOT_FOUND);
    MUST_FAIL(decide_find(world->engine, "0123456789abcdef0123456789abcdef", &decision, &err),
              LX_ERR_NOT_FOUND);
}

static void test_the_outlook_is_all_that_may_be_shown_likeliest_first(void **state)
{
    struct world *world = *state;
    for (int64_t customer = 0; customer < 50; customer++) {
        struct lx_error err;
        struct decision decision;
        struct decide_outlook outlook;
        char id[LX_ID_MAX + 1];
        living_id(customer, id);
        MUST(decide_outlook(world->engine, id, &outlook, &err));
        recommend(world, customer, DECISION_ITEMS_MAX, true, &decision);
        assert_int_equal(outlook.count, decision.item_count);
        assert_int_equal(outlook.is_personalised, decision.is_personalised);
        for (size_t i = 0; i < outlook.count; i++) {
            size_t item = 0;
            while (decision.items[item].product_index != outlook.items[i].product) item++;
            assert_true(outlook.items[i].probability == decision.items[item].probability);
            assert_int_equal(outlook.items[i].score, decision.items[item].score);
            if (i > 0)
                assert_true(outlook.items[i - 1].probability >= outlook.items[i].probability);
        }
        decision_release(&decision);
    }
}

static void test_the_same_inputs_give_the_same_bytes(void **state)
{
    struct lx_buffer journals[2];
    for (int run = 0; run < 2; run++) {
        struct lx_error err;
        struct world world;
        char path[LX_PATH_MAX];
        world_open(&world, 200, 5);
        world_engine(&world, ENGINE_WRITE);
        for (int64_t customer = 0; customer < 40; customer++) {
            struct decision decision;
            recommend(&world, customer, 4, false, &decision);
            decision_release(&decision);
        }
        MUST(host_join(path, world.bank.folder, "journal/00000001.log", &err));
        lx_buffer_init(&journals[run], LX_FILE_MAX);
        MUST(host_read_file(path, &journals[run], &err));
        world_close(&world);
    }
    assert_int_equal(journals[0].length, journals[1].length);
    assert_memory_equal(journals[0].bytes, journals[1].bytes, journals[0].length);
    for (int run = 0; run < 2; run++) lx_buffer_release(&journals[run]);
}

static void test_what_is_missing_is_named(void **state)
{
    struct lx_error err;
    struct living_bank bank = {0};
    struct living_clock clock = living_clock_of(1);
    struct lx_env env = living_env(&clock, 1);
    struct engine *engine = NULL;
    struct view_refresh_result refreshed;
    MUST_FAIL(engine_open("/nonexistent", ENGINE_READ, &env, &engine, &err), LX_ERR_NOT_FOUND);
    living_open(&bank, 20, 3);
    MUST_FAIL(engine_open(bank.folder, ENGINE_READ, &env, &engine, &err), LX_ERR_NOT_READY);
    assert_non_null(strstr(err.text, "lingxi refresh"));
    MUST(view_refresh(bank.folder, BANK_UNKNOWN_MS, 0, &env, &refreshed, &err));
    MUST_FAIL(engine_open(bank.folder, ENGINE_READ, &env, &engine, &err), LX_ERR_NOT_READY);
    assert_non_null(strstr(err.text, "lingxi train"));
    living_remove(&bank);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_product_above_customer_risk_is_never_shown),
        cmocka_unit_test(test_items_stand_in_the_order_of_priority_with_their_reasons),
        cmocka_unit_test(test_a_page_viewed_is_a_reason),
        cmocka_unit_test(test_without_consent_everybody_gets_what_is_popular),
        cmocka_unit_test(test_who_refuses_contact_is_offered_nothing),
        cmocka_unit_test(test_the_list_and_open_complaints_withhold_every_offer),
        cmocka_unit_test(test_a_preview_is_told_the_same_and_not_recorded),
        cmocka_unit_test(test_wrong_requests_are_named),
        cmocka_unit_test(test_the_outlook_is_all_that_may_be_shown_likeliest_first),
        cmocka_unit_test(test_the_same_inputs_give_the_same_bytes),
        cmocka_unit_test(test_what_is_missing_is_named),
    };
    return cmocka_run_group_tests(tests, make_world, end_world);
}
