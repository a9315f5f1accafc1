/*
 * Goal:   the facts that rules stand on are right: holdings, arrears, suitability level, consent,
 *         and the label of a pair.
 * Method: short histories in a table, one fact each; the label at the edges of its window.
 */
#include "feature_check.h"

static struct bank_product products[HISTORY_PRODUCTS];
static struct bank_catalogue catalogue;
static struct view_context context;

static int prepare(void **state)
{
    history_catalogue(products, &catalogue);
    context = (struct view_context){&catalogue, NULL, HISTORY_UTC_OFFSET};
    return 0;
}

#define DAYS_AGO(days) (HISTORY_NOW_MS - (days)*LX_MS_PER_DAY)

static struct bank_event event_of(enum bank_event_kind kind, int product, int days_ago)
{
    return (struct bank_event){.at_ms = DAYS_AGO(days_ago),
                               .known_at_ms = DAYS_AGO(days_ago),
                               .kind = (uint8_t)kind,
                               .product = (int16_t)product,
                               .amount_fen = BANK_NO_AMOUNT,
                               .balance_fen = BANK_NO_AMOUNT};
}

struct step {
    enum bank_event_kind kind;
    int product;
};

static struct view_facts facts_of_steps(const struct step *steps, size_t count)
{
    struct bank_event events[8];
    struct view_facts facts;
    assert_true(count <= LX_COUNT_OF(events));
    for (size_t i = 0; i < count; i++)
        events[i] = event_of(steps[i].kind, steps[i].product, (int)(count - i));
    struct bank_history history = {.id = "x", .events = events, .event_count = count};
    view_facts(&history, &context, HISTORY_NOW_MS, &facts);
    return facts;
}

#define OPEN BANK_EVENT_KIND_OPEN
#define CLOSE BANK_EVENT_KIND_CLOSE
#define OVERDUE BANK_EVENT_KIND_OVERDUE
#define REPAYMENT BANK_EVENT_KIND_LOAN_REPAYMENT

static void test_opens_and_closes_make_holdings(void **state)
{
    static const struct {
        struct step steps[4];
        size_t count;
        uint64_t held;
    } rows[] = {
        {{{OPEN, 2}}, 1, 1u << 2},
        {{{OPEN, 2}, {CLOSE, 2}}, 2, 0},
        {{{OPEN, 2}, {OPEN, 2}, {CLOSE, 2}}, 3, 1u << 2}, /* two deposits, one left */
        {{{CLOSE, 2}, {OPEN, 2}}, 2, 1u << 2}, /* held before the records begin, then again */
        {{{CLOSE, 2}}, 1, 0},
        {{{OPEN, 1}, {OPEN, 8}, {CLOSE, 1}}, 3, 1u << 8},
        {{{OPEN, -1}, {OPEN, 200}}, 2, 0}, /* no such product */
    };
    for (size_t i = 0; i < LX_COUNT_OF(rows); i++) {
        struct view_facts facts = facts_of_steps(rows[i].steps, rows[i].count);
        if (facts.held[0] != rows[i].held)
            fail_msg("row %zu: held %lx, want %lx", i, (unsigned long)facts.held[0],
                     (unsigned long)rows[i].held);
        for (int product = 0; product < HISTORY_PRODUCTS; product++)
            assert_int_equal(view_holds(&facts, product), (int)(rows[i].held >> product & 1));
    }
}

static void test_an_overdue_payment_lasts_until_it_is_made_good(void **state)
{
    static const struct {
        struct step steps[4];
        size_t count;
        bool is_overdue;
    } rows[] = {
        {{{REPAYMENT, 3}}, 1, false},
        {{{OVERDUE, 3}}, 1, true},
        {{{OVERDUE, 3}, {REPAYMENT, 3}}, 2, false},
        {{{OVERDUE, 3}, {REPAYMENT, 4}}, 2, true}, /* another loan */
        {{{OVERDUE, 3}, {REPAYMENT, -1}}, 2, false},
        {{{OVERDUE, -1}, {REPAYMENT, 4}}, 2, false},
        {{{REPAYMENT, 3}, {OVERDUE, 3}}, 2, true},
        {{{OVERDUE, 3}, {OVERDUE, 4}, {REPAYMENT, 3}}, 3, true},
        {{{OVERDUE, 3}, {OVERDUE, 4}, {REPAYMENT, 3}, {REPAYMENT, 4}}, 4, false},
    };
    for (size_t i = 0; i < LX_COUNT_OF(rows); i++)
        if (facts_of_steps(rows[i].steps, rows[i].count).is_overdue != rows[i].is_overdue)
            fail_msg("row %zu: want %d", i, rows[i].is_overdue);
}

static void test_only_an_unexpired_assessment_gives_a_level(void **state)
{
    static const struct {
        struct bank_risk risks[2];
        size_t count;
        int level;
    } rows[] = {
        {{{0}}, 0, 0},
        {{{DAYS_AGO(10), DAYS_AGO(9), HISTORY_NOW_MS + 1, 3}}, 1, 3},
        {{{DAYS_AGO(10), DAYS_AGO(9), HISTORY_NOW_MS, 3}}, 1, 0}, /* expires in this moment */
        {{{DAYS_AGO(400), DAYS_AGO(399), DAYS_AGO(35), 5}}, 1, 0},
        /* The newer one counts, also when it says less or has expired. */
        {{{DAYS_AGO(9), DAYS_AGO(9), INT64_MAX, 5}, {DAYS_AGO(8), DAYS_AGO(8), INT64_MAX, 2}},
         2,
         2},
        {{{DAYS_AGO(9), DAYS_AGO(9), INT64_MAX, 5}, {DAYS_AGO(8), DAYS_AGO(8), DAYS_AGO(1), 2}},
         2,
         0},
        /* The newer one was not known yet. */
        {{{DAYS_AGO(9), DAYS_AGO(9), INT64_MAX, 5},
          {DAYS_AGO(8), HISTORY_NOW_MS + 1, INT64_MAX, 2}},
         2,
         5},
    };
    for (size_t i = 0; i < LX_COUNT_OF(rows); i++) {
        struct bank_history history = {
            .id = "x", .risks = rows[i].risks, .risk_count = rows[i].count};
        struct view_facts facts;
        view_facts(&history, &context, HISTORY_NOW_MS, &facts);
        if (facts.risk_level != rows[i].level)
            fail_msg("row %zu: level %d, want %d", i, facts.risk_level, rows[i].level);
    }
}

static void test_the_newest_word_on_a_channel_counts(void **state)
{
    static const uint32_t none = 0;
    const struct {
        struct bank_consent consents[4];
        size_t count;
        bool has_personal_consent, is_do_not_contact;
        uint32_t refused_channels;
    } rows[] = {
        {{{0}}, 0, true, false, none},
        {{{DAYS_AGO(5), DAYS_AGO(4), 0, 0}}, 1, false, false, none},
        {{{DAYS_AGO(5), DAYS_AGO(4), 0, 0}, {DAYS_AGO(2), DAYS_AGO(2), 0, 1}},
         2,
         true,
         false,
         none},
        {{{DAYS_AGO(5), DAYS_AGO(4), 0, 0}, {DAYS_AGO(2), HISTORY_NOW_MS + 1, 0, 1}},
         2,
         false,
         false,
         none}, /* the new word is not known yet */
        {{{DAYS_AGO(5), DAYS_AGO(5), BANK_CHANNEL_SMS, 0}}, 1, true, false, 1u << BANK_CHANNEL_SMS},
        {{{DAYS_AGO(5), DAYS_AGO(5), BANK_CHANNEL_SMS, 0},
          {DAYS_AGO(4), DAYS_AGO(4), BANK_CHANNEL_SMS, 1}},
         2,
         true,
         false,
         none},
        {{{DAYS_AGO(5), DAYS_AGO(5), BANK_CHANNEL_SMS, 0},
          {DAYS_AGO(5), DAYS_AGO(5), BANK_CHANNEL_RM, 0},
          {DAYS_AGO(5), DAYS_AGO(5), BANK_CHANNEL_PHONE, 0}},
         3,
         true,
         true,
         1u << BANK_CHANNEL_SMS | 1u << BANK_CHANNEL_RM | 1u << BANK_CHANNEL_PHONE},
    };
    for (size_t i = 0; i < LX_COUNT_OF(rows); i++) {
        struct bank_history history = {
            .id = "x", .consents = rows[i].consents, .consent_count = rows[i].count};
        struct view_facts facts;
        view_facts(&history, &context, HISTORY_NOW_MS, &facts);
        if (facts.has_personal_consent != rows[i].has_personal_consent ||
            facts.is_do_not_contact != rows[i].is_do_not_contact ||
            facts.refused_channels != rows[i].refused_channels)
            fail_msg("row %zu", i);
    }
}

#define NEVER BANK_UNKNOWN_MS

static void test_a_wish_not_to_be_contacted_holds_from_when_it_is_known_to_its_end(void **state)
{
    const struct {
        struct bank_do_not_contact wishes[2];
        size_t count;
        bool is_do_not_contact;
        uint32_t refused_channels;
    } rows[] = {
        {{{0}}, 0, false, 0},
        {{{DAYS_AGO(5), DAYS_AGO(4), NEVER, NEVER, 0}}, 1, true, 0},
        {{{DAYS_AGO(5), HISTORY_NOW_MS, NEVER, NEVER, 0}}, 1, true, 0},
        {{{DAYS_AGO(5), HISTORY_NOW_MS + 1, NEVER, NEVER, 0}}, 1, false, 0}, /* not known yet */
        {{{HISTORY_NOW_MS + 1, DAYS_AGO(4), NEVER, NEVER, 0}}, 1, false, 0}, /* not begun yet */
        /* It ends with the moment of its end, if that is known by then. */
        {{{DAYS_AGO(5), DAYS_AGO(4), HISTORY_NOW_MS + 1, DAYS_AGO(4), 0}}, 1, true, 0},
        {{{DAYS_AGO(5), DAYS_AGO(4), HISTORY_NOW_MS, DAYS_AGO(4), 0}}, 1, false, 0},
        {{{DAYS_AGO(5), DAYS_AGO(4), DAYS_AGO(1), HISTORY_NOW_MS + 1, 0}}, 1, true, 0},
        {{{DAYS_AGO(5), DAYS_AGO(4), DAYS_AGO(1), HISTORY_NOW_MS, 0}}, 1, false, 0},
        /* One wish ends, the other does not. */
        {{{DAYS_AGO(9), DAYS_AGO(9), DAYS_AGO(3), DAYS_AGO(3), 0},
          {DAYS_AGO(5), DAYS_AGO(4), NEVER, NEVER, 0}},
         2,
         true,
         0},
        {{{DAYS_AGO(5), DAYS_AGO(4), NEVER, NEVER, BANK_CHANNEL_SMS}},
         1,
         false,
         1u << BANK_CHANNEL_SMS},
        {{{DAYS_AGO(5), DAYS_AGO(4), DAYS_AGO(2), DAYS_AGO(2), BANK_CHANNEL_SMS}}, 1, false, 0},
    };
    for (size_t i = 0; i < LX_COUNT_OF(rows); i++) {
        struct bank_history history = {
            .id = "x", .do_not_contacts = rows[i].wishes, .do_not_contact_count = rows[i].count};
        struct view_facts facts;
        view_facts(&history, &context, HISTORY_NOW_MS, &facts);
        if (facts.is_do_not_contact != rows[i].is_do_not_contact ||
            facts.refused_channels != rows[i].refused_channels)
            fail_msg("row %zu: %d, channels %x", i, facts.is_do_not_contact,
                     facts.refused_channels);
    }
}

/* Consent given again does not take the wish back; a wish for the last open channel leaves none. */
static void test_wishes_and_withdrawn_consents_count_together(void **state)
{
    const struct bank_consent consents[] = {
        {DAYS_AGO(5), DAYS_AGO(5), BANK_CHANNEL_RM, 0},
        {DAYS_AGO(5), DAYS_AGO(5), BANK_CHANNEL_PHONE, 0},
        {DAYS_AGO(1), DAYS_AGO(1), BANK_CHANNEL_SMS, 1},
    };
    const struct bank_do_not_contact wish = {DAYS_AGO(3), DAYS_AGO(3), NEVER, NEVER,
                                             BANK_CHANNEL_SMS};
    struct bank_history history = {.id = "x", .consents = consents, .consent_count = 3};
    struct view_facts facts;
    view_facts(&history, &context, HISTORY_NOW_MS, &facts);
    assert_false(facts.is_do_not_contact);
    history.do_not_contacts = &wish;
    history.do_not_contact_count = 1;
    view_facts(&history, &context, HISTORY_NOW_MS, &facts);
    assert_true(facts.is_do_not_contact);
}

static void test_a_complaint_is_open_until_its_end_is_known(void **state)
{
    static const struct {
        struct bank_complaint complaints[2];
        size_t count;
        bool is_open;
    } rows[] = {
        {{{0}}, 0, false},
        {{{DAYS_AGO(5), DAYS_AGO(4), NEVER, NEVER, 2}}, 1, true},
        {{{DAYS_AGO(5), HISTORY_NOW_MS + 1, NEVER, NEVER, 2}}, 1, false},
        {{{DAYS_AGO(5), DAYS_AGO(4), DAYS_AGO(2), DAYS_AGO(1), 2}}, 1, false},
        {{{DAYS_AGO(5), DAYS_AGO(4), DAYS_AGO(2), HISTORY_NOW_MS + 1, 2}}, 1, true},
        {{{DAYS_AGO(5), DAYS_AGO(4), HISTORY_NOW_MS + 1, HISTORY_NOW_MS + 1, 2}}, 1, true},
        {{{DAYS_AGO(5), DAYS_AGO(4), DAYS_AGO(2), DAYS_AGO(1), 2},
          {DAYS_AGO(3), DAYS_AGO(3), NEVER, NEVER, BANK_NO_PRODUCT}},
         2,
         true},
    };
    for (size_t i = 0; i < LX_COUNT_OF(rows); i++) {
        struct bank_history history = {
            .id = "x", .complaints = rows[i].complaints, .complaint_count = rows[i].count};
        struct view_facts facts;
        view_facts(&history, &context, HISTORY_NOW_MS, &facts);
        if (facts.has_open_complaint != rows[i].is_open) fail_msg("row %zu", i);
    }
}

static void test_a_label_covers_the_days_after_the_moment_and_only_those(void **state)
{
    const int64_t as_of_ms = DAYS_AGO(60), end_ms = DAYS_AGO(30);
    const struct {
        int64_t at_ms, known_at_ms, complete_until_ms;
        int product;
        bool is_opened, is_over;
    } rows[] = {
        {as_of_ms + 1, as_of_ms + 1, end_ms, 4, true, true},
        {as_of_ms, as_of_ms, end_ms, 4, false, true}, /* it was known already */
        {end_ms, end_ms, end_ms, 4, true, true},
        {end_ms + 1, end_ms + 1, HISTORY_NOW_MS, 4, false, true},
        {as_of_ms + 1, as_of_ms + 1, end_ms - 1, 4, false, false}, /* the window is not over */
        {as_of_ms + 1, as_of_ms + 1, end_ms, 5, false, true},      /* another product */
        {as_of_ms + 1, end_ms + 1, end_ms, 4, false, true}, /* known too late to be counted */
    };
    for (size_t i = 0; i < LX_COUNT_OF(rows); i++) {
        struct bank_event event = event_of(OPEN, rows[i].product, 0);
        event.at_ms = rows[i].at_ms;
        event.known_at_ms = rows[i].known_at_ms;
        struct bank_history history = {.id = "x", .events = &event, .event_count = 1};
        bool is_over;
        bool is_opened =
            view_label_opened(&history, 4, as_of_ms, 30, rows[i].complete_until_ms, &is_over);
        if (is_opened != rows[i].is_opened || is_over != rows[i].is_over)
            fail_msg("row %zu: opened %d, over %d", i, is_opened, is_over);
    }
}

/* An opening of product 4 that turned out, 20 days ago, to have been one of product 5, and, 10 days
 * ago, not to have been; the balance with it. */
static void test_what_was_corrected_counts_as_it_was_known(void **state)
{
    static const struct {
        int days_ago;
        uint64_t held;
        int64_t assets_fen;
    } rows[] = {
        {31, 0, BANK_NO_AMOUNT}, {30, 1u << 4, 100}, {21, 1u << 4, 100},
        {20, 1u << 5, 900},      {11, 1u << 5, 900}, {10, 0, BANK_NO_AMOUNT},
        {0, 0, BANK_NO_AMOUNT},
    };
    struct bank_event events[] = {event_of(OPEN, 4, 30), event_of(OPEN, 5, 30)};
    events[0].balance_fen = 100;
    events[0].replaced_at_ms = DAYS_AGO(20);
    events[1].balance_fen = 900;
    events[1].known_at_ms = DAYS_AGO(20);
    events[1].replaced_at_ms = DAYS_AGO(10);
    events[1].is_correction = 1;
    struct bank_history history = {.id = "x", .events = events, .event_count = 2};
    for (size_t i = 0; i < LX_COUNT_OF(rows); i++) {
        struct view_facts facts;
        view_facts(&history, &context, DAYS_AGO(rows[i].days_ago), &facts);
        if (facts.held[0] != rows[i].held || facts.assets_fen != rows[i].assets_fen)
            fail_msg("%d days ago: held %lx, assets %ld", rows[i].days_ago,
                     (unsigned long)facts.held[0], (long)facts.assets_fen);
    }
    /* The label of product 4 or 5 as it was known when the data ended. */
    static const struct {
        int known_until_days_ago, product;
        bool is_opened;
    } labels[] = {{21, 4, true}, {20, 4, false}, {21, 5, false}, {20, 5, true}, {10, 5, false}};
    for (size_t i = 0; i < LX_COUNT_OF(labels); i++) {
        bool is_over;
        bool is_opened = view_label_opened(&history, labels[i].product, DAYS_AGO(32), 10,
                                           DAYS_AGO(labels[i].known_until_days_ago), &is_over);
        if (is_opened != labels[i].is_opened || !is_over)
            fail_msg("label %zu: opened %d, over %d", i, is_opened, is_over);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_opens_and_closes_make_holdings),
        cmocka_unit_test(test_an_overdue_payment_lasts_until_it_is_made_good),
        cmocka_unit_test(test_only_an_unexpired_assessment_gives_a_level),
        cmocka_unit_test(test_the_newest_word_on_a_channel_counts),
        cmocka_unit_test(test_a_wish_not_to_be_contacted_holds_from_when_it_is_known_to_its_end),
        cmocka_unit_test(test_wishes_and_withdrawn_consents_count_together),
        cmocka_unit_test(test_a_complaint_is_open_until_its_end_is_known),
        cmocka_unit_test(test_a_label_covers_the_days_after_the_moment_and_only_those),
        cmocka_unit_test(test_what_was_corrected_counts_as_it_was_known),
    };
    return cmocka_run_group_tests(tests, prepare, NULL);
}
