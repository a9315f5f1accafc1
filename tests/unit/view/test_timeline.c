/*
 * Goal:   a timeline tells everything that was known, once, newest first, in pages of any size.
 * Method: random histories: all facts put in one array and sorted against what is told; pages of
 *         random sizes against the whole; one life in words.
 */
#include "feature_check.h"
#include "view/timeline.h"

static struct bank_product products[HISTORY_PRODUCTS];
static struct bank_catalogue catalogue;
static struct view_context context;

static char names_zh[HISTORY_PRODUCTS][16], names_en[HISTORY_PRODUCTS][16];

static int prepare(void **state)
{
    history_catalogue(products, &catalogue);
    for (int i = 0; i < HISTORY_PRODUCTS; i++) {
        snprintf(names_zh[i], sizeof names_zh[i], "产品%d", i % 10);
        snprintf(names_en[i], sizeof names_en[i], "product %d", i % 10);
        products[i].zh = names_zh[i];
        products[i].en = names_en[i];
    }
    context = (struct view_context){&catalogue, NULL, HISTORY_UTC_OFFSET};
    return 0;
}

enum { ROWS_MAX = HISTORY_EVENTS + 2 * HISTORY_EXPOSURES + 2 * HISTORY_FEW };

/* What a row must say, with its place in its list to break ties. */
struct naive_row {
    int64_t at_ms;
    int source;
    size_t place;
    int product;
    int64_t amount_fen;
};

static int compare_rows(const void *left, const void *right)
{
    const struct naive_row *a = left, *b = right;
    if (a->at_ms != b->at_ms) return a->at_ms > b->at_ms ? -1 : 1;
    if (a->source != b->source) return b->source - a->source;
    return a->place > b->place ? -1 : 1;
}

#define KNOWN(fact) ((fact).at_ms <= HISTORY_NOW_MS && (fact).known_at_ms <= HISTORY_NOW_MS)

static size_t naive_timeline(const struct bank_history *h, struct naive_row rows[ROWS_MAX])
{
    size_t n = 0;
    for (size_t i = 0; i < h->event_count; i++)
        if (history_event_is_known(&h->events[i], HISTORY_NOW_MS))
            rows[n++] = (struct naive_row){h->events[i].at_ms, TIMELINE_EVENT, i,
                                           h->events[i].product, h->events[i].amount_fen};
    for (size_t i = 0; i < h->risk_count; i++)
        if (KNOWN(h->risks[i]))
            rows[n++] = (struct naive_row){h->risks[i].at_ms, TIMELINE_ASSESSMENT, i,
                                           BANK_NO_PRODUCT, BANK_NO_AMOUNT};
    for (size_t i = 0; i < h->consent_count; i++)
        if (KNOWN(h->consents[i]))
            rows[n++] = (struct naive_row){h->consents[i].at_ms, TIMELINE_CONSENT, i,
                                           BANK_NO_PRODUCT, BANK_NO_AMOUNT};
    for (size_t i = 0; i < h->exposure_count; i++) {
        const struct bank_exposure *offer = &h->exposures[i];
        if (!KNOWN(*offer) || offer->is_control) continue;
        rows[n++] =
            (struct naive_row){offer->at_ms, TIMELINE_OFFER, i, offer->product, BANK_NO_AMOUNT};
        if (offer->answer != 0 && offer->answer_known_at_ms <= HISTORY_NOW_MS)
            rows[n++] = (struct naive_row){offer->answer_known_at_ms, TIMELINE_ANSWER, i,
                                           offer->product, BANK_NO_AMOUNT};
    }
    qsort(rows, n, sizeof *rows, compare_rows);
    return n;
}

static void test_everything_known_is_told_once_and_newest_first(void **state)
{
    for (uint64_t seed = 0; seed < 500; seed++) {
        struct random_history random;
        struct naive_row want[ROWS_MAX];
        struct timeline_row got[ROWS_MAX];
        struct timeline_cursor cursor = {0};
        size_t count;
        random_history(31, seed, &random);
        size_t want_count = naive_timeline(&random.history, want);
        view_timeline(&random.history, &context, HISTORY_NOW_MS, &cursor, got, ROWS_MAX, &count);
        if (count != want_count)
            fail_msg("seed %lu: %zu rows, want %zu", (unsigned long)seed, count, want_count);
        for (size_t i = 0; i < count; i++)
            if (got[i].at_ms != want[i].at_ms || (int)got[i].source != want[i].source ||
                got[i].product != want[i].product || got[i].amount_fen != want[i].amount_fen)
                fail_msg("seed %lu: row %zu", (unsigned long)seed, i);
    }
}

static bool same_row(const struct timeline_row *a, const struct timeline_row *b)
{
    return a->at_ms == b->at_ms && a->known_at_ms == b->known_at_ms && a->source == b->source &&
           strcmp(a->kind, b->kind) == 0 && a->product == b->product &&
           strcmp(a->channel, b->channel) == 0 && strcmp(a->merchant, b->merchant) == 0 &&
           strcmp(a->detail, b->detail) == 0 && a->amount_fen == b->amount_fen &&
           a->balance_fen == b->balance_fen && a->quantity == b->quantity;
}

static void test_pages_of_any_size_are_the_whole(void **state)
{
    struct lx_error err;
    for (uint64_t seed = 0; seed < 500; seed++) {
        struct random_history random;
        struct lx_rng rng = lx_rng_of(seed, 3);
        struct timeline_row whole[ROWS_MAX], page[ROWS_MAX];
        struct timeline_cursor cursor = {0};
        size_t whole_count, count, done = 0;
        random_history(32, seed, &random);
        view_timeline(&random.history, &context, HISTORY_NOW_MS, &cursor, whole, ROWS_MAX,
                      &whole_count);
        cursor = (struct timeline_cursor){0};
        for (;;) {
            char text[TIMELINE_CURSOR_SIZE];
            size_t limit = 1 + lx_rng_below(&rng, 7);
            view_timeline(&random.history, &context, HISTORY_NOW_MS, &cursor, page, limit, &count);
            assert_true(done + count <= whole_count);
            for (size_t i = 0; i < count; i++, done++)
                if (!same_row(&page[i], &whole[done]))
                    fail_msg("seed %lu: row %zu", (unsigned long)seed, done);
            if (count < limit) break;
            /* As a client sends it back. */
            timeline_cursor_text(&cursor, text);
            assert_int_equal(timeline_cursor_parse(text, &cursor, &err), LX_OK);
        }
        assert_int_equal(done, whole_count);
    }
}

static void test_a_cursor_that_is_none_is_refused(void **state)
{
    static const char *const texts[] = {"x",
                                        "1",
                                        "1.2",
                                        "1.2.",
                                        "1.9.3",
                                        "01.2.3",
                                        "1.2.3 ",
                                        "1.2.3.4",
                                        "1.-1.3",
                                        "1.2.-3",
                                        "99999999999999999999.2.3",
                                        "1.2.99999999999"};
    struct timeline_cursor cursor = {.ordinal = 42};
    struct lx_error err;
    for (size_t i = 0; i < LX_COUNT_OF(texts); i++) {
        if (timeline_cursor_parse(texts[i], &cursor, &err) != LX_ERR_BAD_INPUT)
            fail_msg("\"%s\" was taken", texts[i]);
        assert_int_equal(cursor.ordinal, 42);
    }
    assert_int_equal(timeline_cursor_parse("", &cursor, &err), LX_OK);
    assert_false(cursor.is_set);
    assert_int_equal(timeline_cursor_parse("-5.2.3", &cursor, &err), LX_OK);
    assert_int_equal(cursor.at_ms, -5);
}

#define DAYS_AGO(days) (HISTORY_NOW_MS - (days)*LX_MS_PER_DAY)

static void test_one_life_is_told_in_words(void **state)
{
    const struct bank_event events[] = {
        {DAYS_AGO(9), DAYS_AGO(8), 800000, 900000, 0, 0, -1, BANK_EVENT_KIND_SALARY,
         BANK_CHANNEL_SYSTEM, 0},
        {DAYS_AGO(5), DAYS_AGO(4), -30000, 870000, 0, 0, -1, BANK_EVENT_KIND_CARD_PAYMENT,
         BANK_CHANNEL_POS, BANK_MERCHANT_TRAVEL},
        {DAYS_AGO(3), DAYS_AGO(3), BANK_NO_AMOUNT, BANK_NO_AMOUNT, 0, 45, 2,
         BANK_EVENT_KIND_PAGE_VIEW, BANK_CHANNEL_MOBILE, 0},
    };
    const struct bank_exposure exposures[] = {{DAYS_AGO(2), DAYS_AGO(2), DAYS_AGO(1), 0.5, 0, 2,
                                               BANK_CHANNEL_RM, BANK_ANSWER_INTERESTED, 0, 0}};
    const struct bank_risk risks[] = {{DAYS_AGO(4), DAYS_AGO(4), INT64_MAX, 3}};
    const struct bank_consent consents[] = {{DAYS_AGO(6), DAYS_AGO(6), BANK_CHANNEL_SMS, 0}};
    static const struct {
        const char *kind, *zh, *product_code, *channel_zh, *merchant_en, *detail, *detail_zh;
        int32_t quantity;
    } rows[] = {
        {"answer", "答复", "P03", "客户经理", "", "interested", "感兴趣", 0},
        {"offer", "推荐", "P03", "客户经理", "", "", "", 0},
        {"page_view", "浏览产品页", "P03", "手机银行", "", "", "", 45},
        {"risk_assessment", "风险测评", "", "", "", "C3", "C3", 0},
        {"card_payment", "刷卡消费", "", "商户收单", "travel", "", "", 0},
        {"consent", "授权", "", "短信", "", "withdrawn", "撤回", 0},
        {"salary", "工资入账", "", "系统", "", "", "", 0},
    };
    struct bank_history history = {
        .id = "x",
        .events = events,
        .event_count = LX_COUNT_OF(events),
        .exposures = exposures,
        .exposure_count = 1,
        .risks = risks,
        .risk_count = 1,
        .consents = consents,
        .consent_count = 1,
    };
    struct timeline_cursor cursor = {0};
    struct timeline_row got[20];
    size_t count;
    view_timeline(&history, &context, HISTORY_NOW_MS, &cursor, got, 20, &count);
    assert_int_equal(count, LX_COUNT_OF(rows));
    for (size_t i = 0; i < count; i++) {
        assert_string_equal(got[i].kind, rows[i].kind);
        assert_string_equal(got[i].zh, rows[i].zh);
        assert_string_equal(got[i].product_code, rows[i].product_code);
        assert_string_equal(got[i].channel_zh, rows[i].channel_zh);
        assert_string_equal(got[i].merchant_en, rows[i].merchant_en);
        assert_string_equal(got[i].detail, rows[i].detail);
        assert_string_equal(got[i].detail_zh, rows[i].detail_zh);
        assert_int_equal(got[i].quantity, rows[i].quantity);
    }
    assert_string_equal(got[0].product_zh, "产品2");
    assert_int_equal(got[6].balance_fen, 900000);
}

static void test_an_event_is_told_as_it_is_now_known_and_marked(void **state)
{
    const int64_t at_ms = HISTORY_NOW_MS - 9 * LX_MS_PER_DAY;
    const int64_t corrected_ms = at_ms + 3 * LX_MS_PER_DAY, deleted_ms = at_ms + 6 * LX_MS_PER_DAY;
    const struct bank_event events[] = {
        {.at_ms = at_ms,
         .known_at_ms = at_ms,
         .amount_fen = 500,
         .kind = BANK_EVENT_KIND_SALARY,
         .replaced_at_ms = corrected_ms},
        {.at_ms = at_ms,
         .known_at_ms = corrected_ms,
         .amount_fen = 700,
         .kind = BANK_EVENT_KIND_SALARY,
         .is_correction = 1,
         .replaced_at_ms = deleted_ms},
    };
    const struct bank_history history = {.id = "x", .events = events, .event_count = 2};
    static const struct {
        int days;
        size_t count;
        int64_t amount_fen;
        bool is_corrected;
    } rows[] = {{0, 1, 500, false}, {2, 1, 500, false}, {3, 1, 700, true},
                {5, 1, 700, true},  {6, 0, 0, false},   {9, 0, 0, false}};
    for (size_t i = 0; i < LX_COUNT_OF(rows); i++) {
        struct timeline_cursor cursor = {.is_set = false};
        struct timeline_row row = {.amount_fen = 0};
        size_t count = 0;
        view_timeline(&history, &context, at_ms + rows[i].days * LX_MS_PER_DAY, &cursor, &row, 1,
                      &count);
        if (count != rows[i].count || row.amount_fen != rows[i].amount_fen ||
            row.is_corrected != rows[i].is_corrected)
            fail_msg("after %d days: %zu rows, %ld fen, corrected %d", rows[i].days, count,
                     (long)row.amount_fen, row.is_corrected);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_everything_known_is_told_once_and_newest_first),
        cmocka_unit_test(test_pages_of_any_size_are_the_whole),
        cmocka_unit_test(test_a_cursor_that_is_none_is_refused),
        cmocka_unit_test(test_one_life_is_told_in_words),
        cmocka_unit_test(test_an_event_is_told_as_it_is_now_known_and_marked),
    };
    return cmocka_run_group_tests(tests, prepare, NULL);
}
