/*
 * Goal:   a batch is loaded as a whole or leaves no trace, and what is loaded is what was put.
 * Method: readable cases for each kind of fact; random batches against a model in memory; disks
 *         that fill up at every write; loads that are killed at random moments.
 */
#include "tests/unit/bank/bank_fixture.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

#include "base/arena.h"
#include "base/rng.h"
#include "host/thread.h"

static struct bank_history read_history(struct bank *bank, struct lx_arena *arena, const char *id)
{
    struct bank_history history = {0};
    int64_t customer = -1;
    MUST(bank_customer_find(bank, id, &customer, &err));
    MUST(bank_history_read(bank, customer, arena, &history, &err));
    assert_string_equal(history.id, id);
    assert_int_equal(history.customer, customer);
    return history;
}

/* One of each kind; what is not said is not known. */
static const struct bank_profile one_profile = {.at_ms = 5,
                                                .known_at_ms = 6,
                                                .birth_day = -3000,
                                                .joined_day = INT32_MIN,
                                                .gender = BANK_GENDER_MALE,
                                                .has_phone = 2,
                                                .branch = 1,
                                                .occupation = -1,
                                                .education = 0,
                                                .marital = -1,
                                                .income_fen = BANK_NO_AMOUNT};
static const struct bank_event one_event = {.at_ms = 7,
                                            .known_at_ms = 8,
                                            .amount_fen = -12345,
                                            .balance_fen = 0,
                                            .sequence = 3,
                                            .quantity = 44,
                                            .product = 18,
                                            .kind = BANK_EVENT_KIND_PAGE_VIEW,
                                            .channel = BANK_CHANNEL_SYSTEM,
                                            .merchant = BANK_MERCHANT_OTHER};
static const struct bank_risk one_risk = {
    .at_ms = -9, .known_at_ms = 9, .expires_ms = 99, .level = 5};
static const struct bank_exposure one_shown = {.at_ms = 1,
                                               .known_at_ms = 2,
                                               .answer_known_at_ms = 3,
                                               .show_probability = 0.25,
                                               .campaign = 0,
                                               .product = 4,
                                               .channel = BANK_CHANNEL_SMS,
                                               .answer = BANK_ANSWER_INTERESTED,
                                               .is_random = 1};
static const struct bank_exposure one_control = {.at_ms = 2,
                                                 .known_at_ms = 2,
                                                 .answer_known_at_ms = BANK_UNKNOWN_MS,
                                                 .show_probability = NAN,
                                                 .campaign = -1,
                                                 .product = BANK_NO_PRODUCT,
                                                 .is_control = 1};
static const struct bank_consent one_consent = {
    .at_ms = 3, .known_at_ms = 3, .channel = 0, .is_granted = 1};

static void put_one_of_each(void)
{
    struct bank_load *load = fixture_begin();
    enum bank_put outcome;
    int number = -1;
    static const char *const branches[] = {"B1", "B2"};
    for (int i = 0; i < 2; i++) {
        MUST(bank_load_list(load, BANK_LIST_BRANCH, branches[i], 2, &number, &err));
        assert_int_equal(number, i);
    }
    MUST(bank_load_list(load, BANK_LIST_EDUCATION, "大学", strlen("大学"), &number, &err));
    MUST(bank_load_list(load, BANK_LIST_CAMPAIGN, "C1", 2, &number, &err));
    MUST(bank_put_customer(load, "x", 1, "张三", strlen("张三"), &one_profile, &outcome, &err));
    assert_int_equal(outcome, BANK_PUT_DONE);
    assert_int_equal(fixture_put(load, 0, one_event), BANK_PUT_DONE);
    MUST(bank_put_risk(load, 0, &one_risk, &outcome, &err));
    MUST(bank_put_exposure(load, 0, &one_control, &outcome, &err));
    MUST(bank_put_exposure(load, 0, &one_shown, &outcome, &err));
    MUST(bank_put_consent(load, 0, &one_consent, &outcome, &err));
    struct bank_load_result result = fixture_commit(load);
    assert_int_equal(result.batch, 1);
    assert_int_equal(result.rows_loaded, 6);
    assert_int_equal(result.duplicates, 0);
}

static void test_every_kind_of_fact_comes_back_as_it_was_put(void **state)
{
    put_one_of_each();
    struct lx_arena arena;
    lx_arena_init(&arena, 1 << 20);
    struct bank *bank = fixture_open(STORE_READ);
    struct bank_history h = read_history(bank, &arena, "x");
    const char *text = NULL;
    int64_t newest = 0;
    assert_int_equal(h.profile_count, 1);
    assert_int_equal(h.profiles[0].birth_day, -3000);
    assert_int_equal(h.profiles[0].joined_day, INT32_MIN);
    assert_int_equal(h.profiles[0].gender, BANK_GENDER_MALE);
    assert_int_equal(h.profiles[0].has_phone, 2);
    assert_int_equal(h.profiles[0].branch, 1);
    assert_int_equal(h.profiles[0].occupation, -1);
    assert_int_equal(h.profiles[0].education, 0);
    assert_true(h.profiles[0].income_fen == BANK_NO_AMOUNT);
    assert_int_equal(h.event_count, 1);
    assert_memory_equal(&h.events[0], &one_event, offsetof(struct bank_event, merchant) + 1);
    assert_int_equal(h.risk_count, 1);
    assert_true(h.risks[0].at_ms == -9 && h.risks[0].known_at_ms == 9);
    assert_true(h.risks[0].expires_ms == 99 && h.risks[0].level == 5);
    assert_int_equal(h.exposure_count, 2);
    assert_memory_equal(&h.exposures[0], &one_shown,
                        offsetof(struct bank_exposure, is_control) + 1);
    assert_true(isnan(h.exposures[1].show_probability) && h.exposures[1].is_control == 1);
    assert_true(h.exposures[1].answer_known_at_ms == BANK_UNKNOWN_MS);
    assert_int_equal(h.exposures[1].campaign, -1);
    assert_int_equal(h.consent_count, 1);
    assert_true(h.consents[0].channel == 0 && h.consents[0].is_granted == 1);
    MUST(bank_list_text(bank, BANK_LIST_BRANCH, 1, &text, &err));
    assert_string_equal(text, "B2");
    MUST(bank_newest_known_ms(bank, &newest, &err));
    assert_int_equal(newest, 9);
    bank_close(bank);
    lx_arena_release(&arena);
    assert_int_equal(fixture_query("SELECT count(*) FROM customer WHERE name = '张三'"), 1);
    assert_int_equal(fixture_query("SELECT count(*) FROM code WHERE code = '大学'"), 1);
}

static void test_outcomes_that_are_no_failures(void **state)
{
    struct bank_load *load = fixture_begin();
    enum bank_put outcome = BANK_PUT_DONE;
    struct bank_event late = fixture_event(100, 0, BANK_EVENT_KIND_LOGIN);
    char long_id[LX_ID_MAX + 2];
    memset(long_id, 'i', sizeof long_id);
    late.known_at_ms = 99;
    int64_t customer = fixture_customer(load, "a");
    assert_int_equal(bank_load_customer(load, "b", 1), -1);
    assert_int_equal(fixture_put(load, -1, late), BANK_PUT_UNKNOWN_CUSTOMER);
    assert_int_equal(fixture_put(load, customer, late), BANK_PUT_KNOWN_BEFORE_IT_HAPPENED);
    MUST(bank_put_customer(load, "a", 1, NULL, 0, NULL, &outcome, &err));
    assert_int_equal(outcome, BANK_PUT_DUPLICATE);
    MUST(bank_put_customer(load, "", 0, NULL, 0, NULL, &outcome, &err));
    assert_int_equal(outcome, BANK_PUT_BAD_VALUE);
    MUST(bank_put_customer(load, long_id, sizeof long_id, NULL, 0, NULL, &outcome, &err));
    assert_int_equal(outcome, BANK_PUT_BAD_VALUE);
    assert_non_null(strstr(bank_load_refusal(load), "64 bytes"));
    MUST(bank_put_customer(load, long_id, LX_ID_MAX, NULL, 0, NULL, &outcome, &err));
    assert_int_equal(outcome, BANK_PUT_DONE);
    assert_string_equal(bank_put_text(BANK_PUT_DUPLICATE), "the same row is there already");
    struct bank_load_result result = fixture_commit(load);
    assert_int_equal(result.rows_loaded, 2);
    assert_int_equal(result.duplicates, 1);
}

static void test_events_without_a_number_are_numbered_and_with_one_are_told_apart(void **state)
{
    static const struct {
        int batch;
        int64_t at;
        uint32_t sequence;
        int quantity; /* tells them apart */
    } rows[] = {
        /* first batch: 5 is there twice, so the second is a duplicate */
        {1, 10, BANK_SEQUENCE_AUTO, 1},
        {1, 10, 5, 2},
        {1, 10, BANK_SEQUENCE_AUTO, 3},
        {1, 10, 5, 4},
        {1, 20, BANK_SEQUENCE_AUTO, 5},
        {1, 20, BANK_SEQUENCE_AUTO, 6},
        /* second batch: 5 again, and numbering goes on */
        {2, 10, 5, 7},
        {2, 10, BANK_SEQUENCE_AUTO, 8},
        {2, 15, 0, 9},
        {2, 20, 0, 10},
        {2, 20, 9, 11},
        {2, 20, BANK_SEQUENCE_AUTO, 12},
    };
    static const struct {
        int64_t at;
        uint32_t sequence;
        int quantity;
    } want[] = {{10, 5, 2}, {10, 6, 1}, {10, 7, 3},  {10, 8, 8},  {15, 0, 9},
                {20, 0, 5}, {20, 1, 6}, {20, 9, 11}, {20, 10, 12}};
    static const uint64_t duplicates[] = {0, 1, 2};
    for (int batch = 1; batch <= 2; batch++) {
        struct bank_load *load = fixture_begin();
        int64_t customer = fixture_customer(load, "a");
        uint64_t before = batch == 2 ? 1 : 0; /* the customer himself */
        for (size_t i = 0; i < LX_COUNT_OF(rows); i++) {
            struct bank_event event =
                fixture_event(rows[i].at, rows[i].sequence, BANK_EVENT_KIND_LOGIN);
            event.quantity = rows[i].quantity;
            if (rows[i].batch == batch)
                assert_int_equal(fixture_put(load, customer, event), BANK_PUT_DONE);
        }
        struct bank_load_result result = fixture_commit(load);
        assert_int_equal(result.duplicates, duplicates[batch] + before);
    }
    struct lx_arena arena;
    lx_arena_init(&arena, 1 << 20);
    struct bank *bank = fixture_open(STORE_READ);
    struct bank_history history = read_history(bank, &arena, "a");
    assert_int_equal(history.event_count, LX_COUNT_OF(want));
    for (size_t i = 0; i < LX_COUNT_OF(want); i++)
        if (history.events[i].at_ms != want[i].at ||
            history.events[i].sequence != want[i].sequence ||
            history.events[i].quantity != want[i].quantity)
            fail_msg("event %zu: %" PRId64 " %" PRIu32 " %" PRId32, i, history.events[i].at_ms,
                     history.events[i].sequence, history.events[i].quantity);
    bank_close(bank);
    lx_arena_release(&arena);
}

static void put_exposure(struct bank_load *load, int64_t at, int product, enum bank_answer answer,
                         int64_t answered)
{
    const struct bank_exposure exposure = {.at_ms = at,
                                           .known_at_ms = at,
                                           .answer_known_at_ms = answered,
                                           .show_probability = 0.5,
                                           .campaign = -1,
                                           .product = (int16_t)product,
                                           .answer = (uint8_t)answer};
    enum bank_put outcome;
    MUST(bank_put_exposure(load, 0, &exposure, &outcome, &err));
    assert_int_equal(outcome, BANK_PUT_DONE);
}

static void test_an_answer_that_comes_later_completes_its_exposure(void **state)
{
    struct bank_load *load = fixture_begin();
    fixture_customer(load, "a");
    put_exposure(load, 10, 4, BANK_ANSWER_NONE, BANK_UNKNOWN_MS);
    put_exposure(load, 10, 5, BANK_ANSWER_NONE, BANK_UNKNOWN_MS);
    put_exposure(load, 10, 5, BANK_ANSWER_IGNORED, 11); /* in the same batch */
    assert_int_equal(fixture_commit(load).rows_loaded, 4);
    assert_int_equal(fixture_query("SELECT count(*) FROM exposure"), 2);
    load = fixture_begin();
    put_exposure(load, 10, 4, BANK_ANSWER_BOUGHT, 12);
    put_exposure(load, 10, 4, BANK_ANSWER_BOUGHT, 12);
    put_exposure(load, 10, 5, BANK_ANSWER_IGNORED, 11);
    struct bank_load_result result = fixture_commit(load);
    assert_int_equal(result.rows_loaded, 1);
    assert_int_equal(result.duplicates, 2);
    assert_int_equal(fixture_query("SELECT count(*) FROM exposure WHERE answer_known_at_ms IN"
                                   " (11, 12) AND answer IN (5, 6)"),
                     2);
    /* Another answer to what has one is another fact. */
    load = fixture_begin();
    put_exposure(load, 10, 4, BANK_ANSWER_RETRACTED, 13);
    assert_int_equal(fixture_commit(load).rows_loaded, 1);
    assert_int_equal(fixture_query("SELECT count(*) FROM exposure"), 3);
}

static void test_the_same_profile_again_is_a_duplicate_and_a_changed_one_is_not(void **state)
{
    struct bank_profile profile = {.at_ms = 5,
                                   .known_at_ms = 6,
                                   .branch = -1,
                                   .occupation = -1,
                                   .education = -1,
                                   .marital = -1,
                                   .income_fen = 100};
    enum bank_put outcome;
    for (int batch = 0; batch < 3; batch++) {
        struct bank_load *load = fixture_begin();
        for (int i = 0; i < 2; i++)
            MUST(bank_put_customer(load, "a", 1, NULL, 0, &profile, &outcome, &err));
        profile.income_fen = 200;
        MUST(bank_put_customer(load, "a", 1, NULL, 0, &profile, &outcome, &err));
        profile.income_fen = 100;
        struct bank_load_result result = fixture_commit(load);
        assert_int_equal(result.rows_loaded, batch == 0 ? 2 : 0);
        assert_int_equal(result.duplicates, batch == 0 ? 1 : 3);
    }
    assert_int_equal(fixture_query("SELECT count(*) FROM customer_profile"), 2);
}

static void test_names_are_kept_and_the_newest_wins(void **state)
{
    static const char *const names[] = {"Wang", "Wang Xiaoming"};
    enum bank_put outcome;
    for (int batch = 0; batch < 2; batch++) {
        struct bank_load *load = fixture_begin();
        MUST(bank_put_customer(load, "a", 1, "first", 5, NULL, &outcome, &err));
        MUST(bank_put_customer(load, "a", 1, names[batch], strlen(names[batch]), NULL, &outcome,
                               &err));
        MUST(bank_put_customer(load, "a", 1, NULL, 0, NULL, &outcome, &err));
        fixture_commit(load);
        char sql[100];
        snprintf(sql, sizeof sql, "SELECT count(*) FROM customer WHERE name = '%s'", names[batch]);
        assert_int_equal(fixture_query(sql), 1);
    }
}

static void test_a_file_is_recognised_by_its_content_once_its_batch_is_done(void **state)
{
    uint8_t first[32] = {1}, second[32] = {2};
    bool is_known = true;
    struct bank_load *load = fixture_begin();
    MUST(bank_load_file(load, "a.csv", first, 10, &is_known, &err));
    assert_false(is_known);
    bank_load_abort(load);
    load = fixture_begin();
    MUST(bank_load_file(load, "a.csv", first, 10, &is_known, &err));
    assert_false(is_known);
    MUST(bank_load_file(load, "copy of a.csv", first, 10, &is_known, &err));
    assert_false(is_known);
    fixture_commit(load);
    load = fixture_begin();
    MUST(bank_load_file(load, "renamed.csv", first, 10, &is_known, &err));
    assert_true(is_known);
    MUST(bank_load_file(load, "b.csv", second, 10, &is_known, &err));
    assert_false(is_known);
    assert_int_equal(fixture_commit(load).batch, 2);
    assert_int_equal(fixture_query("SELECT count(*) FROM batch_file"), 2);
}

static void test_a_product_that_a_batch_brings_stays_and_keeps_its_number(void **state)
{
    struct bank_product product = {.code = "SAN01",
                                   .zh = NULL,
                                   .en = NULL,
                                   .risk = 1,
                                   .category = BANK_CATEGORY_CREDIT,
                                   .age_max = 120,
                                   .channels = 2,
                                   .status = BANK_PRODUCT_ON_SALE};
    char name[] = "Foreign account", empty[] = "";
    int number = -1;
    product.zh = product.en = name;
    product.features_zh = product.features_en = empty;
    struct bank_load *load = fixture_begin();
    MUST(bank_load_product(load, &product, &number, &err));
    assert_int_equal(number, 19);
    assert_int_equal(bank_load_catalogue(load)->count, 20);
    bank_load_abort(load);
    for (int batch = 0; batch < 2; batch++) {
        load = fixture_begin();
        assert_int_equal(bank_load_catalogue(load)->count, 19 + batch);
        MUST(bank_load_product(load, &product, &number, &err));
        assert_int_equal(number, 19);
        int64_t customer = fixture_customer(load, batch == 0 ? "a" : "b");
        struct bank_event event = fixture_event(5, 0, BANK_EVENT_KIND_OPEN);
        event.product = (int16_t)number;
        fixture_put(load, customer, event);
        fixture_commit(load);
    }
    struct bank *bank = fixture_open(STORE_READ);
    assert_int_equal(bank_catalogue(bank)->count, 20);
    assert_string_equal(bank_catalogue(bank)->products[19].code, "SAN01");
    assert_string_equal(bank_catalogue(bank)->products[19].en, "Foreign account");
    assert_int_equal(bank_catalogue(bank)->products[19].category, BANK_CATEGORY_CREDIT);
    bank_close(bank);
    assert_int_equal(fixture_query("SELECT count(*) FROM holding WHERE product = 19"), 2);
}

static void test_two_loads_at_once_are_refused_and_an_aborted_one_leaves_no_trace(void **state)
{
    for (int round = 0; round < 2; round++) {
        struct bank_load *load = fixture_begin(), *second = NULL;
        struct bank_batch batch = fixture_batch();
        fixture_customer(load, "gone");
        MUST_FAIL(bank_load_begin(bank_dir, &batch, &second, &err), LX_ERR_BUSY);
        bank_load_abort(load);
        assert_int_equal(fixture_query("SELECT count(*) FROM customer WHERE id = 'gone'"), 0);
        struct host_names names = {0};
        MUST(host_list(bank_dir, &names, &err));
        for (size_t i = 0; i < names.count; i++) assert_null(strstr(names.names[i], "loading"));
        host_names_release(&names);
        load = fixture_begin();
        fixture_customer(load, round == 0 ? "a" : "b");
        fixture_commit(load);
    }
    assert_int_equal(fixture_query("SELECT count(*) FROM customer"), 2);
}

static void test_a_first_load_needs_the_bank_for_itself(void **state)
{
    struct bank_load *load = fixture_begin();
    struct lx_env env = host_env();
    struct bank_load_result result;
    fixture_customer(load, "a");
    struct bank *reader = fixture_open(STORE_READ);
    int64_t count = -1;
    MUST(bank_customer_count(reader, &count, &err));
    MUST_FAIL(bank_load_commit(load, &env, &result, &err), LX_ERR_BUSY);
    bank_load_abort(load);
    bank_close(reader);
    assert_int_equal(fixture_query("SELECT count(*) FROM customer"), 0);
    load = fixture_begin();
    fixture_customer(load, "a");
    fixture_commit(load);
    assert_int_equal(fixture_query("SELECT count(*) FROM customer"), 1);
}

static enum lx_err stop_at_three(void *context, const struct bank_history *history,
                                 struct lx_error *error)
{
    int *visits = context;
    (*visits)++;
    return history->customer == 3 ? lx_fail(error, LX_ERR_CANCELLED, "three") : LX_OK;
}

static void test_a_scan_covers_its_range_and_stops_when_told(void **state)
{
    struct bank_load *load = fixture_begin();
    for (int i = 0; i < 10; i++) {
        char id[24];
        snprintf(id, sizeof id, "c%d", i);
        int64_t customer = fixture_customer(load, id);
        if (i % 2 == 0) fixture_put(load, customer, fixture_event(i, 0, BANK_EVENT_KIND_LOGIN));
    }
    fixture_commit(load);
    struct bank *bank = fixture_open(STORE_READ);
    static const struct {
        int64_t first, last;
        int visits;
        enum lx_err code;
    } rows[] = {{0, 10, 4, LX_ERR_CANCELLED}, {4, 10, 6, LX_OK},
                {4, 1000, 6, LX_OK},          {7, 7, 0, LX_OK},
                {10, 20, 0, LX_OK},           {3, 4, 1, LX_ERR_CANCELLED}};
    for (size_t i = 0; i < LX_COUNT_OF(rows); i++) {
        int visits = 0;
        enum lx_err code =
            bank_scan(bank, rows[i].first, rows[i].last, stop_at_three, &visits, &err);
        if (code != rows[i].code || visits != rows[i].visits)
            fail_msg("row %zu: %s, %d visits", i, lx_err_name(code), visits);
    }
    struct lx_arena arena;
    struct bank_history history;
    lx_arena_init(&arena, 1 << 16);
    MUST_FAIL(bank_history_read(bank, 10, &arena, &history, &err), LX_ERR_NOT_FOUND);
    lx_arena_release(&arena);
    bank_close(bank);
}

/* The model: what a customer's events must be, in order. */
enum { MODEL_CUSTOMERS = 30, MODEL_EVENTS_MAX = 400 };

struct model_customer {
    struct bank_event events[MODEL_EVENTS_MAX];
    size_t count;
};

struct model {
    struct model_customer customers[MODEL_CUSTOMERS];
    size_t count;
    uint64_t loaded, duplicates;
};

static int compare_events(const void *a, const void *b)
{
    const struct bank_event *left = a, *right = b;
    if (left->at_ms != right->at_ms) return left->at_ms < right->at_ms ? -1 : 1;
    if (left->sequence != right->sequence) return left->sequence < right->sequence ? -1 : 1;
    return 0;
}

static bool has_number(const struct model_customer *customer, int64_t at_ms, uint32_t sequence)
{
    for (size_t i = 0; i < customer->count; i++)
        if (customer->events[i].at_ms == at_ms && customer->events[i].sequence == sequence)
            return true;
    return false;
}

static uint32_t number_after(const struct model_customer *customer, int64_t at_ms)
{
    uint32_t number = 0;
    for (size_t i = 0; i < customer->count; i++)
        if (customer->events[i].at_ms == at_ms && customer->events[i].sequence >= number)
            number = customer->events[i].sequence + 1;
    return number;
}

/* Numbered events go in first, then those without, each in the order of arrival. */
static void model_commit(struct model *model, const int64_t *customers,
                         const struct bank_event *events, size_t count)
{
    for (int pass = 0; pass < 2; pass++)
        for (size_t i = 0; i < count; i++) {
            struct model_customer *customer = &model->customers[customers[i]];
            struct bank_event event = events[i];
            if ((event.sequence == BANK_SEQUENCE_AUTO) != (pass == 1)) continue;
            bool is_duplicate = pass == 0 && has_number(customer, event.at_ms, event.sequence);
            model->duplicates += is_duplicate;
            model->loaded += !is_duplicate;
            if (is_duplicate) continue;
            if (pass == 1) event.sequence = number_after(customer, event.at_ms);
            assert_true(customer->count < MODEL_EVENTS_MAX);
            customer->events[customer->count++] = event;
        }
    for (size_t i = 0; i < model->count; i++)
        qsort(model->customers[i].events, model->customers[i].count, sizeof(struct bank_event),
              compare_events);
}

struct comparing {
    const struct model *model;
    uint64_t seed;
    size_t visits;
};

static enum lx_err compare_history(void *context, const struct bank_history *history,
                                   struct lx_error *error)
{
    struct comparing *comparing = context;
    const struct model_customer *want = &comparing->model->customers[history->customer];
    if (history->event_count != want->count)
        fail_msg("seed %" PRIu64 ": customer %" PRId64 " has %zu events, not %zu", comparing->seed,
                 history->customer, history->event_count, want->count);
    for (size_t i = 0; i < want->count; i++)
        if (memcmp(&history->events[i], &want->events[i],
                   offsetof(struct bank_event, merchant) + 1) != 0)
            fail_msg("seed %" PRIu64 ": customer %" PRId64 ": event %zu", comparing->seed,
                     history->customer, i);
    comparing->visits++;
    return LX_OK;
}

/* The number of open holdings of each customer and product, from the model's events. */
static void compare_holdings(const struct model *model, uint64_t seed)
{
    for (size_t c = 0; c < model->count; c++)
        for (int product = 0; product < 3; product++) {
            int open = 0;
            for (size_t i = 0; i < model->customers[c].count; i++) {
                const struct bank_event *event = &model->customers[c].events[i];
                if (event->product != product) continue;
                if (event->kind == BANK_EVENT_KIND_OPEN) open++;
                if (event->kind == BANK_EVENT_KIND_CLOSE && open > 0) open--;
            }
            char sql[160];
            snprintf(sql, sizeof sql,
                     "SELECT count(*) FROM holding WHERE customer = %zu AND product = %d"
                     " AND closed_at_ms IS NULL",
                     c, product);
            if (fixture_query(sql) != open)
                fail_msg("seed %" PRIu64 ": customer %zu product %d: not %d open", seed, c, product,
                         open);
        }
}

static struct bank_event random_event(struct lx_rng *rng)
{
    static const enum bank_event_kind kinds[] = {BANK_EVENT_KIND_OPEN, BANK_EVENT_KIND_CLOSE,
                                                 BANK_EVENT_KIND_LOGIN, BANK_EVENT_KIND_SALARY};
    uint32_t sequence = (uint32_t)lx_rng_below(rng, 4);
    struct bank_event event =
        fixture_event((int64_t)lx_rng_below(rng, 12) - 3,
                      sequence == 3 ? BANK_SEQUENCE_AUTO : sequence, kinds[lx_rng_below(rng, 4)]);
    event.product = (int16_t)(lx_rng_below(rng, 4) - 1);
    event.quantity = (int32_t)lx_rng_below(rng, 1000);
    event.amount_fen = lx_rng_chance(rng, 0.3) ? BANK_NO_AMOUNT : -(int64_t)lx_rng_below(rng, 1000);
    event.channel = (uint8_t)lx_rng_below(rng, BANK_CHANNEL_END);
    event.merchant = (uint8_t)lx_rng_below(rng, BANK_MERCHANT_END);
    event.known_at_ms = event.at_ms + (int64_t)lx_rng_below(rng, 3);
    return event;
}

static void run_batch(struct model *model, struct lx_rng *rng, uint64_t seed)
{
    static int64_t customers[500];
    static struct bank_event events[500];
    struct bank_batch batch = fixture_batch();
    struct bank_load *load = NULL;
    size_t count = lx_rng_below(rng, 250), known = model->count;
    batch.memory_bytes = lx_rng_chance(rng, 0.5) ? 2000 : 1 << 20;
    batch.thread_count = 1 + (int)lx_rng_below(rng, 3);
    MUST(bank_load_begin(bank_dir, &batch, &load, &err));
    for (uint64_t more = lx_rng_below(rng, 10); more > 0 && model->count < MODEL_CUSTOMERS;
         more--) {
        char id[16];
        snprintf(id, sizeof id, "id%zu", model->count);
        assert_int_equal(fixture_customer(load, id), model->count);
        model->count++;
    }
    if (model->count == 0) count = 0;
    for (size_t i = 0; i < count; i++) {
        customers[i] = (int64_t)lx_rng_below(rng, model->count);
        events[i] = random_event(rng);
        fixture_put(load, customers[i], events[i]);
    }
    if (lx_rng_chance(rng, 0.2)) {
        bank_load_abort(load);
        model->count = known;
        return;
    }
    model->loaded = model->duplicates = 0;
    model_commit(model, customers, events, count);
    struct bank_load_result result = fixture_commit(load);
    if (result.duplicates != model->duplicates ||
        result.rows_loaded != model->loaded + (model->count - known))
        fail_msg("seed %" PRIu64 ": %" PRIu64 " loaded, %" PRIu64 " duplicates, not %" PRIu64
                 " and %" PRIu64,
                 seed, result.rows_loaded, result.duplicates,
                 model->loaded + (model->count - known), model->duplicates);
}

static void test_random_batches_agree_with_the_model(void **state)
{
    static struct model model;
    for (uint64_t seed = 1; seed <= 10; seed++) {
        struct lx_rng rng = lx_rng_of(seed, 9);
        model = (struct model){0};
        MUST(host_remove_tree(bank_dir, &err));
        fixture_create();
        for (int batch = 0; batch < 4; batch++) {
            run_batch(&model, &rng, seed);
            struct bank *bank = fixture_open(STORE_READ);
            struct comparing comparing = {&model, seed, 0};
            MUST(bank_scan(bank, 0, MODEL_CUSTOMERS, compare_history, &comparing, &err));
            assert_int_equal(comparing.visits, model.count);
            bank_close(bank);
        }
        compare_holdings(&model, seed);
        assert_int_equal(fixture_query("SELECT count(*) FROM pragma_foreign_key_check"), 0);
        assert_int_equal(fixture_query("SELECT count(*) FROM pragma_integrity_check"
                                       " WHERE integrity_check <> 'ok'"),
                         0);
    }
}

/* A load of 300 customers, 3,000 events and 300 corrections that spills; its outcome. */
static enum lx_err load_some(int first)
{
    struct bank_batch batch = fixture_batch();
    struct bank_load *load = NULL;
    struct lx_env env = host_env();
    struct bank_load_result result;
    enum bank_put outcome;
    batch.memory_bytes = 50000;
    enum lx_err code = bank_load_begin(bank_dir, &batch, &load, &err);
    for (int i = 0; i < 300 && code == LX_OK; i++) {
        char id[16];
        snprintf(id, sizeof id, "id%d", first + i);
        code = bank_put_customer(load, id, strlen(id), NULL, 0, NULL, &outcome, &err);
    }
    for (int i = 0; i < 3000 && code == LX_OK; i++) {
        struct bank_event event = fixture_event(i, 0, BANK_EVENT_KIND_OPEN);
        event.product = 2;
        code = bank_put_event(load, i * 7 % 300, &event, &outcome, &err);
        if (i % 10 != 0 || code != LX_OK) continue;
        struct bank_change change = {.event = event, .is_deleted = i % 20 == 0 && first == 0};
        change.event.known_at_ms += first + 1;
        change.event.product = (int16_t)(3 + first / 300 % 2); /* never what it was */
        code = bank_put_change(load, i * 7 % 300, &change, &outcome, &err);
    }
    if (code == LX_OK) code = bank_load_commit(load, &env, &result, &err);
    bank_load_abort(load);
    return code;
}

static void expect_whole_batches(int64_t count)
{
    assert_int_equal(fixture_query("SELECT count(*) FROM batch"), count);
    assert_int_equal(fixture_query("SELECT count(*) FROM customer"), 300 * count);
    assert_int_equal(fixture_query("SELECT count(*) FROM event_change"), 300 * count);
    assert_int_equal(fixture_query("SELECT count(*) FROM pragma_integrity_check"
                                   " WHERE integrity_check <> 'ok'"),
                     0);
}

static void test_a_disk_that_fills_up_while_sorting_leaves_no_trace(void **state)
{
    for (int64_t batch = 0; batch < 2; batch++) {
        uint64_t writes = 0;
        for (;; writes++) {
            host_fault_after(writes, ENOSPC);
            enum lx_err code = load_some((int)batch * 300);
            host_fault_after(0, 0);
            /* The rename was done, and only the folder's sync failed. */
            bool is_there = fixture_query("SELECT count(*) FROM batch") > batch;
            if (code == LX_OK || is_there) break;
            assert_int_equal(code, LX_ERR_DISK_FULL);
            expect_whole_batches(batch);
            assert_true(writes < 100);
        }
        assert_true(writes > 1);
        expect_whole_batches(batch + 1);
    }
}

static int load_in_child(uint64_t file_bytes)
{
    pid_t child = fork();
    if (child == 0) {
        struct rlimit limit = {file_bytes, file_bytes};
        signal(SIGXFSZ, SIG_IGN);
        if (setrlimit(RLIMIT_FSIZE, &limit) != 0) _exit(100);
        _exit(-(int)load_some(0));
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return -WEXITSTATUS(status);
}

static void test_a_store_that_cannot_grow_leaves_no_trace(void **state)
{
    for (uint64_t bytes = 10000; bytes <= 400000; bytes += 39000) {
        int code = load_in_child(bytes);
        if (code != LX_ERR_DISK_FULL) fail_msg("%" PRIu64 " bytes: %d", bytes, code);
        expect_whole_batches(0);
    }
    assert_int_equal(load_some(0), LX_OK);
    expect_whole_batches(1);
}

static void test_a_killed_load_leaves_no_trace(void **state)
{
    struct lx_rng rng = lx_rng_of(8, 8);
    int64_t done = 0;
    int killed = 0;
    for (int round = 0; round < 60; round++) {
        pid_t child = fork();
        if (child == 0) _exit(load_some((int)done * 300) == LX_OK ? 0 : 1);
        struct timespec pause = {0, (long)lx_rng_below(&rng, 40000000)};
        nanosleep(&pause, NULL);
        kill(child, SIGKILL);
        int status = 0;
        waitpid(child, &status, 0);
        killed += WIFSIGNALED(status) != 0;
        bool is_done = WIFEXITED(status) && WEXITSTATUS(status) == 0;
        struct bank *bank = fixture_open(STORE_WRITE);
        bank_close(bank);
        int64_t batches = fixture_query("SELECT count(*) FROM batch");
        if (batches < done + is_done || batches > done + 1)
            fail_msg("round %d: %" PRId64 " batches after %" PRId64, round, batches, done);
        done = batches;
        expect_whole_batches(done);
        struct host_names names = {0};
        MUST(host_list(bank_dir, &names, &err));
        for (size_t i = 0; i < names.count; i++)
            if (strstr(names.names[i], "loading") != NULL) fail_msg("%s is left", names.names[i]);
        host_names_release(&names);
    }
    assert_true(killed > 0);
}

/* Between the seal and the rename two stores lie side by side; the old one is the bank. */
static void test_a_load_killed_before_its_rename_is_swept_away(void **state)
{
    char store[LX_PATH_MAX], loading[LX_PATH_MAX];
    struct lx_buffer empty;
    lx_buffer_init(&empty, 1 << 24);
    MUST(host_join(store, bank_dir, "bank.db", &err));
    MUST(host_join(loading, bank_dir, "bank.db.loading", &err));
    MUST(host_read_file(store, &empty, &err));
    assert_int_equal(load_some(0), LX_OK);
    MUST(host_rename(store, loading, &err));
    MUST(host_write_atomic(store, empty.bytes, empty.length, &err));
    lx_buffer_release(&empty);
    struct bank *bank = fixture_open(STORE_READ);
    bank_close(bank);
    assert_true(host_exists(loading));
    bank = fixture_open(STORE_WRITE);
    bank_close(bank);
    assert_false(host_exists(loading));
    expect_whole_batches(0);
    assert_int_equal(load_some(0), LX_OK);
    expect_whole_batches(1);
}

struct range {
    struct bank *bank;
    int64_t first, last, events, customers;
    enum lx_err code;
};

static enum lx_err count_history(void *context, const struct bank_history *history,
                                 struct lx_error *error)
{
    struct range *range = context;
    range->customers += history->customer;
    range->events += (int64_t)history->event_count;
    return LX_OK;
}

static void scan_range(void *context, size_t item)
{
    struct range *range = (struct range *)context + item;
    struct lx_error own = {0};
    range->code = bank_scan(range->bank, range->first, range->last, count_history, range, &own);
}

static void test_several_threads_scan_disjoint_ranges(void **state)
{
    enum { RANGES = 5 };
    struct range ranges[RANGES] = {0};
    int64_t events = 0, customers = 0;
    assert_int_equal(load_some(0), LX_OK);
    for (int64_t i = 0; i < RANGES; i++) {
        ranges[i].bank = fixture_open(STORE_READ);
        ranges[i].first = i * 300 / RANGES;
        ranges[i].last = (i + 1) * 300 / RANGES;
    }
    MUST(host_parallel(3, RANGES, scan_range, ranges, &err));
    for (int i = 0; i < RANGES; i++) {
        assert_int_equal(ranges[i].code, LX_OK);
        events += ranges[i].events;
        customers += ranges[i].customers;
        bank_close(ranges[i].bank);
    }
    assert_int_equal(events, 3000 + 150);
    assert_int_equal(customers, 300 * 299 / 2);
}

static void test_every_allocation_may_fail(void **state)
{
    for (int64_t batch = 0; batch < 2; batch++) {
        for (uint64_t n = 1;; n += n < 300 ? 1 : 37) {
            struct bank_load *load = NULL;
            struct bank_batch options = fixture_batch();
            struct lx_env env = host_env();
            struct bank_load_result result;
            struct bank_event event = fixture_event(1, BANK_SEQUENCE_AUTO, BANK_EVENT_KIND_OPEN);
            enum bank_put outcome;
            char id[24];
            snprintf(id, sizeof id, "c%d", (int)batch);
            options.thread_count = 1;
            event.product = 1;
            lx_alloc_fail_at(n);
            enum lx_err code = bank_load_begin(bank_dir, &options, &load, &err);
            if (code == LX_OK) code = bank_put_customer(load, id, 2, "n", 1, NULL, &outcome, &err);
            if (code == LX_OK) code = bank_put_event(load, 0, &event, &outcome, &err);
            if (code == LX_OK) code = bank_load_commit(load, &env, &result, &err);
            bank_load_abort(load);
            bool is_over = lx_alloc_count() < n;
            lx_alloc_fail_at(0);
            if (code != LX_OK && code != LX_ERR_NO_MEMORY)
                fail_msg("allocation %" PRIu64 ": %s: %s", n, lx_err_name(code), err.text);
            if (code == LX_OK) assert_true(is_over);
            if (code == LX_OK) break;
            assert_int_equal(fixture_query("SELECT count(*) FROM customer"), batch);
        }
        assert_int_equal(fixture_query("SELECT count(*) FROM customer"), batch + 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
        TEST(test_every_kind_of_fact_comes_back_as_it_was_put),
        TEST(test_outcomes_that_are_no_failures),
        TEST(test_events_without_a_number_are_numbered_and_with_one_are_told_apart),
        TEST(test_an_answer_that_comes_later_completes_its_exposure),
        TEST(test_the_same_profile_again_is_a_duplicate_and_a_changed_one_is_not),
        TEST(test_names_are_kept_and_the_newest_wins),
        TEST(test_a_file_is_recognised_by_its_content_once_its_batch_is_done),
        TEST(test_a_product_that_a_batch_brings_stays_and_keeps_its_number),
        TEST(test_two_loads_at_once_are_refused_and_an_aborted_one_leaves_no_trace),
        TEST(test_a_first_load_needs_the_bank_for_itself),
        TEST(test_a_scan_covers_its_range_and_stops_when_told),
        TEST(test_random_batches_agree_with_the_model),
        TEST(test_a_disk_that_fills_up_while_sorting_leaves_no_trace),
        TEST(test_a_store_that_cannot_grow_leaves_no_trace),
        TEST(test_a_killed_load_leaves_no_trace),
        TEST(test_a_load_killed_before_its_rename_is_swept_away),
        TEST(test_several_threads_scan_disjoint_ranges),
        TEST(test_every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
