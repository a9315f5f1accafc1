/*
 * Goal:   a correction or deletion of an event counts from its own known_at on and not before,
 *         whatever comes in which order and batch; holdings follow; nothing is kept twice.
 * Method: a readable table of events, changes and moments; then random batches against a list of
 *         all versions, of which the newest known one wins.
 */
#include "tests/unit/bank/bank_fixture.h"

#include <inttypes.h>

#include "bank/holdings.h"
#include "base/arena.h"
#include "base/rng.h"

enum { PRODUCT = 2, NEVER = -1, GONE = -2 };

static struct bank_change change_of(int64_t at_ms, uint32_t sequence, int64_t known_at_ms,
                                    int64_t amount_fen)
{
    struct bank_change change = {.event = fixture_event(at_ms, sequence, BANK_EVENT_KIND_SALARY)};
    change.event.known_at_ms = known_at_ms;
    change.event.amount_fen = amount_fen;
    change.is_deleted = amount_fen == GONE;
    return change;
}

static enum bank_put put_change(struct bank_load *load, int64_t customer, struct bank_change change)
{
    enum bank_put outcome;
    MUST(bank_put_change(load, customer, &change, &outcome, &err));
    return outcome;
}

static void read_customer(struct bank *bank, int64_t customer, struct lx_arena *arena,
                          struct bank_history *ret_history)
{
    MUST(bank_history_read(bank, customer, arena, ret_history, &err));
}

/* The amount of the only event as of a moment; NEVER when none is known. */
static int64_t amount_as_of(const struct bank_history *history, int64_t as_of_ms)
{
    int64_t amount_fen = NEVER;
    for (size_t i = 0; i < history->event_count; i++) {
        if (!bank_event_is_known(&history->events[i], as_of_ms)) continue;
        if (amount_fen != NEVER) fail_msg("as of %" PRId64 ": two versions", as_of_ms);
        amount_fen = history->events[i].amount_fen;
    }
    return amount_fen;
}

/* An event of 500 fen at 100, and what is learned of it. */
static const struct {
    const char *what;
    int64_t event_known_ms;
    struct {
        int64_t known_at_ms, amount_fen;
    } changes[3];
    struct {
        int64_t as_of_ms, amount_fen;
    } sees[5];
} rows[] = {
    {"no change", 110, {{0, 0}}, {{109, NEVER}, {110, 500}, {9999, 500}}},
    {"corrected", 110, {{200, 700}}, {{109, NEVER}, {110, 500}, {199, 500}, {200, 700}}},
    {"deleted", 110, {{200, GONE}}, {{110, 500}, {199, 500}, {200, NEVER}, {9999, NEVER}}},
    {"corrected twice",
     110,
     {{200, 700}, {300, 900}},
     {{199, 500}, {200, 700}, {299, 700}, {300, 900}}},
    {"the second comes first in the file",
     110,
     {{300, 900}, {200, 700}},
     {{199, 500}, {200, 700}, {299, 700}, {300, 900}}},
    {"corrected, then deleted", 110, {{200, 700}, {300, GONE}}, {{200, 700}, {300, NEVER}}},
    {"deleted, then brought back", 110, {{200, GONE}, {300, 900}}, {{200, NEVER}, {300, 900}}},
    {"corrected back", 110, {{200, 700}, {300, 500}}, {{200, 700}, {300, 500}}},
    {"two known at one moment: the later row", 110, {{200, 700}, {200, 900}}, {{200, 900}}},
    {"known with the event", 110, {{110, 700}}, {{109, NEVER}, {110, 700}}},
    {"known before the event", 110, {{105, 700}}, {{104, NEVER}, {105, 700}, {110, 700}}},
    {"deletion known before the event",
     110,
     {{105, GONE}},
     {{104, NEVER}, {105, NEVER}, {110, NEVER}}},
};

static void check_row(size_t row, const char *how)
{
    struct bank *bank = fixture_open(STORE_READ);
    struct bank_history history;
    struct lx_arena arena;
    lx_arena_init(&arena, 1 << 20);
    read_customer(bank, (int64_t)row, &arena, &history);
    for (size_t i = 0; i < LX_COUNT_OF(rows[row].sees); i++) {
        int64_t as_of_ms = rows[row].sees[i].as_of_ms, want = rows[row].sees[i].amount_fen;
        if (as_of_ms == 0) continue;
        int64_t got = amount_as_of(&history, as_of_ms);
        if (got != want)
            fail_msg("%s, %s: as of %" PRId64 ": %" PRId64 ", not %" PRId64, rows[row].what, how,
                     as_of_ms, got, want);
    }
    lx_arena_release(&arena);
    bank_close(bank);
}

static void put_rows(struct bank_load *load, bool has_events, size_t change)
{
    for (size_t row = 0; row < LX_COUNT_OF(rows); row++) {
        char id[8];
        snprintf(id, sizeof id, "c%zu", row);
        int64_t customer = fixture_customer(load, id);
        struct bank_event event = fixture_event(100, 7, BANK_EVENT_KIND_SALARY);
        event.known_at_ms = rows[row].event_known_ms;
        event.amount_fen = 500;
        if (has_events) assert_int_equal(fixture_put(load, customer, event), BANK_PUT_DONE);
        for (size_t i = 0; i < 3; i++) {
            if (rows[row].changes[i].known_at_ms == 0 || (change < 3 && change != i)) continue;
            assert_int_equal(put_change(load, customer,
                                        change_of(100, 7, rows[row].changes[i].known_at_ms,
                                                  rows[row].changes[i].amount_fen)),
                             BANK_PUT_DONE);
        }
    }
}

static void test_a_change_counts_from_when_it_was_known(void **state)
{
    struct bank_load *load = fixture_begin();
    put_rows(load, true, 3);
    fixture_commit(load);
    for (size_t row = 0; row < LX_COUNT_OF(rows); row++) check_row(row, "in one batch");
}

static void test_it_is_the_same_in_later_batches_and_again_it_is_a_duplicate(void **state)
{
    struct bank_load *load = fixture_begin();
    for (size_t row = 0; row < LX_COUNT_OF(rows); row++) {
        char id[8];
        snprintf(id, sizeof id, "c%zu", row);
        struct bank_event event = fixture_event(100, 7, BANK_EVENT_KIND_SALARY);
        event.known_at_ms = rows[row].event_known_ms;
        event.amount_fen = 500;
        fixture_put(load, fixture_customer(load, id), event);
    }
    fixture_commit(load);
    for (size_t change = 0; change < 3; change++) {
        load = fixture_begin();
        put_rows(load, false, change);
        fixture_commit(load);
    }
    for (size_t row = 0; row < LX_COUNT_OF(rows); row++) check_row(row, "batch by batch");

    int64_t changes = fixture_query("SELECT count(*) FROM event_change");
    load = fixture_begin();
    put_rows(load, true, 3);
    struct bank_load_result result = fixture_commit(load);
    assert_int_equal(result.rows_loaded, 0);
    assert_int_equal(fixture_query("SELECT count(*) FROM event_change"), changes);
    for (size_t row = 0; row < LX_COUNT_OF(rows); row++) check_row(row, "again");
}

static void test_outcomes_that_are_no_failures(void **state)
{
    struct bank_load *load = fixture_begin();
    int64_t customer = fixture_customer(load, "a");
    fixture_put(load, customer, fixture_event(100, 7, BANK_EVENT_KIND_SALARY));
    assert_int_equal(put_change(load, -1, change_of(100, 7, 200, 1)), BANK_PUT_UNKNOWN_CUSTOMER);
    assert_int_equal(put_change(load, customer, change_of(100, 7, 99, 1)),
                     BANK_PUT_KNOWN_BEFORE_IT_HAPPENED);
    assert_int_equal(put_change(load, customer, change_of(-5, 7, 0, 1)), BANK_PUT_BAD_VALUE);
    /* What says nothing new is a duplicate, like the event itself again. */
    assert_int_equal(put_change(load, customer, change_of(100, 7, 200, BANK_NO_AMOUNT)),
                     BANK_PUT_DONE);
    struct bank_load_result result = fixture_commit(load);
    assert_int_equal(result.rows_loaded, 2);
    assert_int_equal(result.duplicates, 1);
    assert_int_equal(fixture_query("SELECT count(*) FROM event_change"), 0);
    assert_int_equal(fixture_query("SELECT max_known_at_ms FROM batch"), 110);
}

struct orphans {
    uint64_t lines, count;
};

static enum lx_err note_orphan(void *context, uint32_t origin, uint64_t line,
                               struct lx_error *error)
{
    struct orphans *orphans = context;
    assert_int_equal(origin, 4);
    orphans->lines += line;
    orphans->count++;
    return LX_OK;
}

static void test_a_change_of_no_event_is_told_and_left_out(void **state)
{
    struct lx_env env = host_env();
    for (int batch = 0; batch < 2; batch++) {
        struct orphans orphans = {0};
        struct bank_load *load = fixture_begin();
        int64_t customer = fixture_customer(load, "a");
        fixture_put(load, customer, fixture_event(100, 7, BANK_EVENT_KIND_SALARY));
        const struct bank_change changes[] = {
            change_of(100, 7, 200, 1 + batch), /* there */
            change_of(100, 8, 300, 1),         /* another number */
            change_of(101, 7, 300, GONE),      /* another moment */
        };
        for (size_t i = 0; i < LX_COUNT_OF(changes); i++) {
            struct bank_change change = changes[i];
            change.origin = 4;
            change.line = 10 + i;
            put_change(load, customer, change);
        }
        const struct bank_orphans tell = {&orphans, note_orphan};
        MUST(bank_load_settle(load, &env, &tell, &err));
        assert_int_equal(orphans.count, 2);
        assert_int_equal(orphans.lines, 11 + 12);
        fixture_commit(load);
        assert_int_equal(fixture_query("SELECT count(*) FROM event_change"), 1 + batch);
        assert_int_equal(fixture_query("SELECT max(max_known_at_ms) FROM batch"), 200);
    }
    /* Whoever does not ask is not left in the dark. */
    struct bank_load *load = fixture_begin();
    struct bank_load_result result;
    put_change(load, 0, change_of(101, 7, 300, 5));
    MUST_FAIL(bank_load_commit(load, &env, &result, &err), LX_ERR_REFUSED);
    bank_load_abort(load);
    assert_int_equal(fixture_query("SELECT count(*) FROM batch"), 2);
}

static void test_holdings_follow_what_is_corrected(void **state)
{
    static const char sums[] = "SELECT count(*) * 1000 + sum(product) * 100 +"
                               " sum(closed_at_ms IS NOT NULL) FROM holding";
    struct bank_load *load = fixture_begin();
    int64_t customer = fixture_customer(load, "a");
    struct bank_event open = fixture_event(100, 1, BANK_EVENT_KIND_OPEN);
    struct bank_event close = fixture_event(300, 2, BANK_EVENT_KIND_CLOSE);
    open.product = close.product = PRODUCT;
    fixture_put(load, customer, open);
    fixture_put(load, customer, close);
    fixture_commit(load);
    assert_int_equal(fixture_query(sums), 1000 + 200 + 1);

    load = fixture_begin();
    put_change(load, customer, change_of(300, 2, 400, GONE)); /* it was not closed */
    fixture_commit(load);
    assert_int_equal(fixture_query(sums), 1000 + 200 + 0);

    load = fixture_begin();
    struct bank_change other = {.event = open};
    other.event.product = PRODUCT + 1;
    other.event.known_at_ms = 500;
    put_change(load, customer, other); /* it was another product */
    struct bank_event later = fixture_event(600, 3, BANK_EVENT_KIND_OPEN);
    later.product = PRODUCT;
    fixture_put(load, customer, later); /* derived anew with what was corrected before */
    fixture_commit(load);
    assert_int_equal(fixture_query(sums), 2000 + 500 + 0);
    assert_int_equal(fixture_query("SELECT opened_known_at_ms FROM holding WHERE sequence = 0"),
                     500);
}

/* A bank in memory: every event with its changes in the order in which they were put. */
enum { CUSTOMERS = 40, EVENTS = 400, CHANGES = 300, MOMENTS = 40 };

struct model_change {
    int64_t known_at_ms, amount_fen;
    uint8_t kind;
    bool is_deleted;
};

struct model_event {
    int64_t customer;
    struct bank_event event;
    bool is_put;
    struct model_change changes[8];
    size_t count;
};

static struct model_event model[EVENTS];

/* The newest version known at a moment: the last put of those with the greatest known_at, and the
 * event's own row only where no change is known. False: nothing, or deleted. */
static bool model_as_of(const struct model_event *event, int64_t as_of_ms,
                        struct model_change *ret_version)
{
    const struct model_change *newest = NULL;
    for (size_t i = 0; i < event->count; i++) {
        const struct model_change *change = &event->changes[i];
        if (change->known_at_ms > as_of_ms) continue;
        if (newest == NULL || change->known_at_ms >= newest->known_at_ms) newest = change;
    }
    *ret_version = newest != NULL
                       ? *newest
                       : (struct model_change){event->event.known_at_ms, event->event.amount_fen,
                                               event->event.kind, false};
    if (newest != NULL) return !newest->is_deleted;
    return event->is_put && event->event.known_at_ms <= as_of_ms;
}

static void check_customer(const struct bank_history *history, uint64_t seed)
{
    for (int64_t as_of_ms = 0; as_of_ms < 120; as_of_ms += 3) {
        size_t at = 0;
        for (size_t i = 0; i < EVENTS; i++) {
            struct model_change want;
            if (model[i].customer != history->customer || !model[i].is_put) continue;
            if (!model_as_of(&model[i], as_of_ms, &want)) continue;
            while (at < history->event_count &&
                   !bank_event_is_known(&history->events[at], as_of_ms))
                at++;
            const struct bank_event *got = &history->events[at];
            if (at == history->event_count || got->at_ms != model[i].event.at_ms ||
                got->sequence != model[i].event.sequence || got->amount_fen != want.amount_fen ||
                got->kind != want.kind || got->known_at_ms != want.known_at_ms)
                fail_msg("seed %" PRIu64 ", customer %" PRId64 ", event %zu as of %" PRId64
                         ": want amount %" PRId64 " known %" PRId64,
                         seed, history->customer, i, as_of_ms, want.amount_fen, want.known_at_ms);
            at++;
        }
        for (; at < history->event_count; at++)
            if (bank_event_is_known(&history->events[at], as_of_ms))
                fail_msg("seed %" PRIu64 ", customer %" PRId64 ": one event too many", seed,
                         history->customer);
    }
}

static void check_holdings(uint64_t seed)
{
    struct bank_holdings holdings = {0};
    int64_t hash = 0, open = 0;
    for (size_t i = 0; i < EVENTS; i++) {
        struct model_change last;
        if (!model[i].is_put || !model_as_of(&model[i], INT64_MAX, &last)) continue;
        MUST(bank_holdings_add(&holdings, model[i].customer, (enum bank_event_kind)last.kind,
                               PRODUCT, model[i].event.at_ms, last.known_at_ms));
    }
    for (size_t i = 0; i < holdings.count; i++) {
        const struct bank_holding *holding = &holdings.items[i];
        bool is_closed = holding->closed_at_ms != BANK_UNKNOWN_MS;
        bool has_opening = holding->opened_at_ms != BANK_UNKNOWN_MS;
        hash += (holding->customer + 1) * (holding->sequence + 3) *
                ((has_opening ? holding->opened_at_ms + holding->opened_known_at_ms : 7) +
                 2 * (is_closed ? holding->closed_at_ms + holding->closed_known_at_ms : 5));
        open += !is_closed;
    }
    int64_t got = fixture_query("SELECT total(0) + coalesce(sum((customer + 1) * (sequence + 3) *"
                                " (coalesce(opened_at_ms + opened_known_at_ms, 7) +"
                                " 2 * coalesce(closed_at_ms + closed_known_at_ms, 5))), 0)"
                                " FROM holding");
    int64_t got_open = fixture_query("SELECT count(*) FROM holding WHERE closed_at_ms IS NULL");
    if (got != hash || got_open != open)
        fail_msg("seed %" PRIu64 ": holdings: %" PRId64 " open, want %" PRId64, seed, got_open,
                 open);
    bank_holdings_release(&holdings);
}

/* In the order of the bank: customer, moment, sequence. */
static void make_model(struct lx_rng *rng)
{
    static const enum bank_event_kind kinds[] = {BANK_EVENT_KIND_OPEN, BANK_EVENT_KIND_CLOSE,
                                                 BANK_EVENT_KIND_SALARY};
    for (size_t i = 0; i < EVENTS; i++) {
        int64_t at_ms = (int64_t)(i % (EVENTS / CUSTOMERS)) / 3;
        struct bank_event event =
            fixture_event(at_ms, (uint32_t)(i % (EVENTS / CUSTOMERS)), kinds[lx_rng_below(rng, 3)]);
        event.known_at_ms = at_ms + 1 + (int64_t)lx_rng_below(rng, MOMENTS);
        event.amount_fen = (int64_t)lx_rng_below(rng, 1000);
        event.product = PRODUCT;
        model[i] =
            (struct model_event){.customer = (int64_t)(i * CUSTOMERS / EVENTS), .event = event};
    }
}

static void put_random_change(struct lx_rng *rng, struct bank_load *load, int64_t number)
{
    struct model_event *event = &model[lx_rng_below(rng, EVENTS)];
    if (!event->is_put || event->count == LX_COUNT_OF(event->changes)) return;
    struct bank_change change = {.event = event->event, .is_deleted = lx_rng_chance(rng, 0.3)};
    change.event.known_at_ms = event->event.at_ms + 1 + (int64_t)lx_rng_below(rng, MOMENTS * 2);
    change.event.amount_fen = 1000 + number; /* never the same again */
    if (lx_rng_chance(rng, 0.4)) change.event.kind = BANK_EVENT_KIND_CLOSE;
    if (lx_rng_chance(rng, 0.4)) change.event.kind = BANK_EVENT_KIND_OPEN;
    /* Two deletions at one moment are one, and a deletion of what is deleted says nothing. */
    if (change.is_deleted && event->count > 0) change.is_deleted = false;
    assert_int_equal(put_change(load, event->customer, change), BANK_PUT_DONE);
    event->changes[event->count++] = (struct model_change){
        change.event.known_at_ms, change.event.amount_fen, change.event.kind, change.is_deleted};
}

struct checking {
    uint64_t seed;
    int64_t customers;
};

static enum lx_err visit(void *context, const struct bank_history *history, struct lx_error *error)
{
    struct checking *checking = context;
    check_customer(history, checking->seed);
    checking->customers++;
    return LX_OK;
}

static void test_random_batches_agree_with_a_list_of_all_versions(void **state)
{
    for (uint64_t seed = 0; seed < 12; seed++) {
        struct lx_rng rng = lx_rng_of(seed, 91);
        make_model(&rng);
        int64_t number = 0;
        for (int batch = 0; batch < 3; batch++) {
            struct bank_load *load = fixture_begin();
            for (int64_t i = 0; i < CUSTOMERS; i++) {
                char id[8];
                snprintf(id, sizeof id, "r%d", (int)i);
                assert_int_equal(fixture_customer(load, id), i);
            }
            for (size_t i = 0; i < EVENTS; i++) {
                if (model[i].is_put || !lx_rng_chance(&rng, batch == 2 ? 1 : 0.4)) continue;
                model[i].is_put = true;
                fixture_put(load, model[i].customer, model[i].event);
            }
            for (int i = 0; i < CHANGES / 3; i++) put_random_change(&rng, load, number++);
            fixture_commit(load);
            struct checking checking = {seed, 0};
            struct bank *bank = fixture_open(STORE_READ);
            MUST(bank_scan(bank, 0, CUSTOMERS, visit, &checking, &err));
            bank_close(bank);
            assert_int_equal(checking.customers, CUSTOMERS);
            check_holdings(seed);
        }
        assert_int_equal(fixture_query("SELECT count(*) FROM pragma_foreign_key_check"), 0);
        fixture_teardown(state);
        fixture_setup(state);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_a_change_counts_from_when_it_was_known),
        TEST(test_it_is_the_same_in_later_batches_and_again_it_is_a_duplicate),
        TEST(test_outcomes_that_are_no_failures),
        TEST(test_a_change_of_no_event_is_told_and_left_out),
        TEST(test_holdings_follow_what_is_corrected),
        TEST(test_random_batches_agree_with_a_list_of_all_versions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
