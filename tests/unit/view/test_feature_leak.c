/*
 * Goal:   nothing that lies in the future, or that the bank could not know yet, reaches a feature,
 *         a pair feature or a fact.
 * Method: random histories with future and late facts against the same histories with only what was
 *         known; then leaks of each kind planted one by one with extreme values, by event time and
 *         by known_at, and one canary that must be seen because it was known.
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

/* Everything that the engine says of one customer. */
struct everything {
    float customer[VALUES_MAX], pairs[VALUES_MAX];
    struct view_facts facts;
};

static void ask(const struct bank_history *history, int64_t as_of_ms, struct everything *everything)
{
    memset(everything, 0, sizeof *everything);
    view_customer_features(history, &context, as_of_ms, everything->customer);
    view_pair_features(history, &context, as_of_ms, everything->customer, everything->pairs);
    view_facts(history, &context, as_of_ms, &everything->facts);
}

static bool same_facts(const struct view_facts *a, const struct view_facts *b)
{
    return a->age == b->age && a->risk_level == b->risk_level && a->is_overdue == b->is_overdue &&
           a->has_personal_consent == b->has_personal_consent &&
           a->is_do_not_contact == b->is_do_not_contact &&
           a->has_open_complaint == b->has_open_complaint && a->assets_fen == b->assets_fen &&
           memcmp(a->held, b->held, sizeof a->held) == 0 &&
           a->refused_channels == b->refused_channels && a->risk_expires_ms == b->risk_expires_ms &&
           a->birth_day == b->birth_day && a->branch == b->branch && a->occupation == b->occupation;
}

static void check_same(const struct everything *got, const struct everything *want, uint64_t seed,
                       const char *what)
{
    check_same_features(got->customer, want->customer, seed, what);
    check_same_pairs(got->pairs, want->pairs, HISTORY_PRODUCTS, seed, what);
    if (!same_facts(&got->facts, &want->facts))
        fail_msg("seed %lu: %s: facts differ", (unsigned long)seed, what);
}

static void test_a_history_says_no_more_than_what_was_known_of_it(void **state)
{
    for (uint64_t seed = 0; seed < 3000; seed++) {
        struct random_history whole;
        struct everything got, want;
        random_history(1, seed, &whole);
        /* Also moments in the middle of a day and of the history. */
        int64_t as_of_ms = HISTORY_NOW_MS - (int64_t)(seed % 7) * 29 * LX_MS_PER_DAY / 2;
        ask(&whole.history, as_of_ms, &got);
        history_keep_known(&whole, as_of_ms);
        ask(&whole.history, as_of_ms, &want);
        check_same(&got, &want, seed, "known only");
    }
}

enum leak {
    EVENT,
    CORRECTION,
    DELETION,
    EXPOSURE,
    PROFILE,
    RISK,
    CONSENT,
    DO_NOT_CONTACT,
    COMPLAINT,
    LEAK_COUNT
};
static const char *const leak_texts[] = {"event",    "correction",     "deletion",
                                         "exposure", "profile",        "risk",
                                         "consent",  "do_not_contact", "complaint"};

/* The newest event that stands becomes what would move most, or is deleted, from known_at_ms on. */
static void correct(struct random_history *random, bool is_deleted, uint8_t kind,
                    int64_t known_at_ms)
{
    struct bank_history counts = random->history;
    size_t place = counts.event_count;
    while (place > 0 && !(history_event_is_known(&random->events[place - 1], HISTORY_NOW_MS - 1) &&
                          random->events[place - 1].replaced_at_ms == 0))
        place--;
    if (place == 0) return;
    struct bank_event *event = &random->events[place - 1];
    event->replaced_at_ms = known_at_ms;
    if (is_deleted) return;
    LX_ASSERT(counts.event_count < HISTORY_EVENTS);
    memmove(event + 2, event + 1, (counts.event_count++ - place) * sizeof *event);
    event[1] = (struct bank_event){.at_ms = event->at_ms,
                                   .known_at_ms = known_at_ms,
                                   .amount_fen = INT64_MAX,
                                   .balance_fen = INT64_MAX,
                                   .quantity = INT32_MAX,
                                   .product = (int16_t)(kind % HISTORY_PRODUCTS),
                                   .kind = kind,
                                   .channel = 3,
                                   .merchant = 10,
                                   .is_correction = 1};
    history_finish(random, counts);
}

/* Adds a fact with the values that would move most. */
static void plant(struct random_history *random, enum leak leak, uint8_t kind, int64_t at_ms,
                  int64_t known_at_ms)
{
    struct bank_history counts = random->history;
    int16_t product = (int16_t)(kind % HISTORY_PRODUCTS);
    switch (leak) {
    case EVENT:
        if (counts.event_count == HISTORY_EVENTS) counts.event_count--;
        random->events[counts.event_count++] = (struct bank_event){.at_ms = at_ms,
                                                                   .known_at_ms = known_at_ms,
                                                                   .amount_fen = INT64_MAX,
                                                                   .balance_fen = INT64_MAX,
                                                                   .quantity = INT32_MAX,
                                                                   .product = product,
                                                                   .kind = kind,
                                                                   .channel = 3,
                                                                   .merchant = 10};
        break;
    case CORRECTION:
    case DELETION: correct(random, leak == DELETION, kind, known_at_ms); return;
    case EXPOSURE:
        if (counts.exposure_count == HISTORY_EXPOSURES) counts.exposure_count--;
        random->exposures[counts.exposure_count++] = (struct bank_exposure){
            at_ms, known_at_ms, known_at_ms, 1, -1, product, 3, BANK_ANSWER_INTERESTED, 0, 0};
        break;
    case PROFILE:
        if (counts.profile_count == HISTORY_FEW) counts.profile_count--;
        random->profiles[counts.profile_count++] = (struct bank_profile){
            at_ms, known_at_ms, -20000, 1, BANK_GENDER_MALE, 1, 4, 3, 2, 2, INT64_MAX};
        break;
    case RISK:
        if (counts.risk_count == HISTORY_FEW) counts.risk_count--;
        random->risks[counts.risk_count++] =
            (struct bank_risk){at_ms, known_at_ms, INT64_MAX / 2, 5};
        break;
    case CONSENT:
        if (counts.consent_count == HISTORY_FEW) counts.consent_count--;
        random->consents[counts.consent_count++] =
            (struct bank_consent){at_ms, known_at_ms, BANK_CHANNEL_NONE, 0};
        break;
    case DO_NOT_CONTACT:
        random->do_not_contacts[counts.do_not_contact_count++] = (struct bank_do_not_contact){
            at_ms, known_at_ms, BANK_UNKNOWN_MS, BANK_UNKNOWN_MS, BANK_CHANNEL_NONE};
        break;
    case COMPLAINT:
        random->complaints[counts.complaint_count++] =
            (struct bank_complaint){at_ms, known_at_ms, BANK_UNKNOWN_MS, BANK_UNKNOWN_MS, product};
        break;
    case LEAK_COUNT: break;
    }
    history_finish(random, counts);
}

/* Room for the planted fact is made before the features are asked for. */
static void plantable_history(uint64_t seed, struct random_history *random)
{
    random_history(2, seed, random);
    struct bank_history counts = random->history;
    if (counts.event_count == HISTORY_EVENTS) counts.event_count--;
    if (counts.exposure_count == HISTORY_EXPOSURES) counts.exposure_count--;
    if (counts.profile_count == HISTORY_FEW) counts.profile_count--;
    if (counts.risk_count == HISTORY_FEW) counts.risk_count--;
    if (counts.consent_count == HISTORY_FEW) counts.consent_count--;
    history_finish(random, counts);
}

static void check_planted(int64_t at_ms, int64_t known_at_ms, const char *what)
{
    for (uint64_t seed = 0; seed < 60; seed++)
        for (int leak = 0; leak < LEAK_COUNT; leak++)
            for (uint8_t kind = 1; kind < (leak <= CORRECTION ? BANK_EVENT_KIND_END : 2); kind++) {
                struct random_history random;
                struct everything before, after;
                char text[100];
                plantable_history(seed, &random);
                ask(&random.history, HISTORY_NOW_MS, &before);
                plant(&random, (enum leak)leak, kind, at_ms, known_at_ms);
                ask(&random.history, HISTORY_NOW_MS, &after);
                snprintf(text, sizeof text, "%s, kind %u, %s", leak_texts[leak], kind, what);
                check_same(&after, &before, seed, text);
            }
}

static void test_a_fact_of_the_next_millisecond_changes_nothing(void **state)
{
    check_planted(HISTORY_NOW_MS + 1, HISTORY_NOW_MS + 1, "a millisecond later");
}

static void test_a_fact_of_the_next_month_changes_nothing(void **state)
{
    int64_t later_ms = HISTORY_NOW_MS + 30 * LX_MS_PER_DAY;
    check_planted(later_ms, later_ms, "a month later");
}

static void test_a_past_fact_that_was_not_known_changes_nothing(void **state)
{
    check_planted(HISTORY_NOW_MS - LX_MS_PER_DAY, HISTORY_NOW_MS + 1, "yesterday, known too late");
    check_planted(HISTORY_NOW_MS - 3 * LX_MS_PER_DAY, HISTORY_NOW_MS + 90 * LX_MS_PER_DAY,
                  "days ago, known in months");
}

/* The same plants do change something once they are known; else the tests above prove nothing. */
static void test_the_same_facts_are_seen_once_they_are_known(void **state)
{
    for (int leak = 0; leak < LEAK_COUNT; leak++) {
        size_t changed = 0;
        for (uint64_t seed = 0; seed < 60; seed++) {
            struct random_history random;
            struct everything before, after;
            plantable_history(seed, &random);
            ask(&random.history, HISTORY_NOW_MS, &before);
            plant(&random, (enum leak)leak, BANK_EVENT_KIND_SALARY, HISTORY_NOW_MS, HISTORY_NOW_MS);
            ask(&random.history, HISTORY_NOW_MS, &after);
            changed += !same_facts(&before.facts, &after.facts) ||
                       memcmp(before.customer, after.customer, sizeof before.customer) != 0;
        }
        if (changed < 20) fail_msg("%s: seen by %zu of 60", leak_texts[leak], changed);
    }
}

static void test_an_answer_counts_from_when_it_was_known(void **state)
{
    static const struct {
        int64_t answer_known_ms;
        uint8_t answer;
        float interested, refused;
    } rows[] = {
        {HISTORY_NOW_MS, BANK_ANSWER_INTERESTED, 1, 0},
        {HISTORY_NOW_MS + 1, BANK_ANSWER_INTERESTED, 0, 0},
        {HISTORY_NOW_MS, BANK_ANSWER_BOUGHT, 1, 0},
        {HISTORY_NOW_MS, BANK_ANSWER_NOT_INTERESTED, 0, 1},
        {HISTORY_NOW_MS + 1, BANK_ANSWER_NOT_INTERESTED, 0, 0},
        {HISTORY_NOW_MS, BANK_ANSWER_RETRACTED, 0, 0},
        {BANK_UNKNOWN_MS, BANK_ANSWER_NONE, 0, 0},
    };
    for (size_t i = 0; i < LX_COUNT_OF(rows); i++) {
        int64_t at_ms = HISTORY_NOW_MS - 5 * LX_MS_PER_DAY;
        struct bank_exposure exposure = {at_ms, at_ms, rows[i].answer_known_ms, 1, -1,
                                         2,     3,     rows[i].answer,          0, 0};
        struct bank_history history = {.id = "x", .exposures = &exposure, .exposure_count = 1};
        struct everything got;
        ask(&history, HISTORY_NOW_MS, &got);
        const float *pair = got.pairs + 2 * view_pair_feature_count();
        float interested = got.customer[customer_feature("interested_365d")];
        float refused = got.customer[customer_feature("refused_365d")];
        if (interested != rows[i].interested || refused != rows[i].refused ||
            pair[pair_feature("product_interested_365d")] != interested ||
            pair[pair_feature("product_refused_365d")] != refused ||
            got.customer[customer_feature("shown_90d")] != 1)
            fail_msg("row %zu: interested %g, refused %g", i, (double)interested, (double)refused);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_history_says_no_more_than_what_was_known_of_it),
        cmocka_unit_test(test_a_fact_of_the_next_millisecond_changes_nothing),
        cmocka_unit_test(test_a_fact_of_the_next_month_changes_nothing),
        cmocka_unit_test(test_a_past_fact_that_was_not_known_changes_nothing),
        cmocka_unit_test(test_the_same_facts_are_seen_once_they_are_known),
        cmocka_unit_test(test_an_answer_counts_from_when_it_was_known),
    };
    return cmocka_run_group_tests(tests, prepare, NULL);
}
