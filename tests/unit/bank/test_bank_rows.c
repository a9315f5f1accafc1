/*
 * Goal:   rows of the small tables go in, change what is there or are recognised, and those that
 *         are facts reach the customer's history and the catalogue with what was known when.
 * Method: tables of rows as "column=text", put batch after batch and read back.
 */
#include "tests/unit/bank/bank_fixture.h"

static struct bank_value value_of(const char *column, const char *text)
{
    return (struct bank_value){column, text, text == NULL ? 0 : strlen(text)};
}

/* Puts a row "column=text;column=text" and says what came of it. */
static enum bank_put put_row(struct bank_load *load, const char *table, const char *row)
{
    char text[256], *rest = NULL;
    struct bank_value values[12];
    size_t count = 0;
    enum bank_put outcome = BANK_PUT_DONE;
    snprintf(text, sizeof text, "%s", row);
    for (char *at = strtok_r(text, ";", &rest); at != NULL; at = strtok_r(NULL, ";", &rest)) {
        char *equals = strchr(at, '=');
        *equals = '\0';
        values[count++] = value_of(at, equals + 1);
    }
    MUST(bank_put_row(load, table, values, count, &outcome, &err));
    return outcome;
}

static const struct {
    const char *table, *row;
    enum bank_put outcome;
} small_rows[] = {
    /* clang-format off */
    {"branch", "code=B1;name=Main;opened_day=1998-03-01", BANK_PUT_DONE},
    {"branch", "code=B1;name=Main", BANK_PUT_DUPLICATE},
    {"branch", "code=B1;region=north", BANK_PUT_DONE},
    {"branch", "code=B2;opened_day=1998-13-01", BANK_PUT_BAD_VALUE},
    {"branch", "name=without", BANK_PUT_BAD_VALUE},
    {"branch", "code=B2;institution=I1;parent=B1", BANK_PUT_DONE},
    {"institution", "code=I1;name=The bank", BANK_PUT_DONE},
    {"staff", "code=S1;name=Li;branch=B9;role=rm", BANK_PUT_DONE},
    {"assignment", "customer=a;staff=S1;at_ms=2024-01-31", BANK_PUT_DONE},
    {"assignment", "customer=a;staff=S2;at_ms=2024-01-31 08:00:00", BANK_PUT_DONE},
    {"assignment", "customer=nobody;staff=S1;at_ms=2024-01-31", BANK_PUT_UNKNOWN_CUSTOMER},
    {"assignment", "customer=a;staff=S1;at_ms=2024-01-31", BANK_PUT_DUPLICATE},
    {"assignment", "customer=a;staff=S1;at_ms=2024-01-31;until_ms=2025-01-01", BANK_PUT_DONE},
    {"account", "customer=a;code=6222;product=P01;branch=B1", BANK_PUT_DONE},
    {"account", "customer=a;code=6223;product=P99", BANK_PUT_BAD_VALUE},
    {"do_not_contact", "customer=a;channel=all;at_ms=77;reason=asked", BANK_PUT_DONE},
    {"do_not_contact", "customer=a;channel=boat;at_ms=77", BANK_PUT_BAD_VALUE},
    {"complaint", "customer=a;code=K1;at_ms=5;subject=fees;product=P11", BANK_PUT_DONE},
    {"campaign", "code=C7;name=Spring;product=P08;channel=sms;control_ppm=50000", BANK_PUT_DONE},
    {"campaign", "code=C8;control_ppm=1000001", BANK_PUT_BAD_VALUE},
    {"placement", "code=login_page;channel=mobile", BANK_PUT_DONE},
    {"label", "customer=a;name=young;value=1;at_ms=3", BANK_PUT_DONE},
    {"legal_hold", "customer=a;at_ms=3;reason=court", BANK_PUT_DONE},
    {"task", "code=T1;customer=a;kind=call;staff=S7;due_ms=2024-02-01", BANK_PUT_DONE},
    {"task", "code=T1;done_at_ms=2024-01-31;customer=a;kind=call", BANK_PUT_DONE},
    {"task", "code=T2;kind=call", BANK_PUT_BAD_VALUE},
    {"experiment_arm", "experiment=E1;arm=a;share_ppm=500000;is_control=1", BANK_PUT_DONE},
    {"experiment_arm", "experiment=E1;arm=a;share_ppm=500000;is_control=1", BANK_PUT_DUPLICATE},
    {"experiment_arm", "experiment=E1;arm=b;share_ppm=1000001;is_control=0", BANK_PUT_BAD_VALUE},
    {"experiment", "code=E1;name=Spring;seed=7", BANK_PUT_DONE},
    {"product_terms", "product=P08;at_ms=5;minimum_fen=1;rate_ppm=2;term_days=3", BANK_PUT_DONE},
    {"product_terms", "product=P08;at_ms=5;minimum_fen=1;rate_ppm=2;term_days=3",
     BANK_PUT_DUPLICATE},
    {"product_terms", "product=P08;at_ms=6;minimum_fen=-1;rate_ppm=2;term_days=3",
     BANK_PUT_BAD_VALUE},
    /* clang-format on */
};

static void test_rows_of_the_small_tables_are_put_changed_and_recognised(void **state)
{
    struct bank_load *load = fixture_begin();
    enum bank_put outcome;
    int number = -1;
    fixture_customer(load, "a");
    for (size_t i = 0; i < LX_COUNT_OF(small_rows); i++) {
        outcome = put_row(load, small_rows[i].table, small_rows[i].row);
        if (outcome != small_rows[i].outcome)
            fail_msg("row %zu: %s; %s", i, bank_put_text(outcome), bank_load_refusal(load));
    }
    assert_int_equal(put_row(load, "campaign", "code=C8;random_ppm=-1"), BANK_PUT_BAD_VALUE);
    assert_int_equal(strncmp(bank_load_refusal(load), "campaign: constraint failed", 27), 0);
    MUST(bank_load_list(load, BANK_LIST_BRANCH, "B1", 2, &number, &err));
    assert_int_equal(number, 0);
    struct bank_load_result result = fixture_commit(load);
    assert_int_equal(result.rows_loaded, 21);
    assert_int_equal(result.duplicates, 4);
    assert_int_equal(fixture_query("SELECT opened_day FROM branch WHERE code = 'B1'"
                                   " AND name = 'Main' AND region = 'north' AND branch = 0"),
                     10286);
    assert_int_equal(fixture_query("SELECT count(*) FROM branch"), 3);
    assert_int_equal(fixture_query("SELECT count(*) FROM staff"), 3);
    assert_int_equal(fixture_query("SELECT seed FROM experiment WHERE name = 'Spring'"), 7);
    assert_int_equal(fixture_query("SELECT count(*) FROM task WHERE done_at_ms IS NOT NULL"), 1);
    assert_int_equal(fixture_query("SELECT count(*) FROM assignment WHERE at_ms = 1706630400000"
                                   " AND until_ms IS NOT NULL"),
                     1);
    assert_int_equal(fixture_query("SELECT channel FROM do_not_contact"), 0);
    assert_int_equal(fixture_query("SELECT count(*) FROM pragma_foreign_key_check"), 0);
    /* No moment was given, so nothing is said about how far the data reach. */
    assert_int_equal(fixture_query("SELECT count(*) FROM batch WHERE max_known_at_ms IS NULL"), 1);

    load = fixture_begin();
    assert_int_equal(put_row(load, "branch", "code=B2;known_at_ms=123"), BANK_PUT_DUPLICATE);
    assert_int_equal(put_row(load, "branch", "code=B2;name=Two;known_at_ms=123"), BANK_PUT_DONE);
    assert_int_equal(put_row(load, "staff", "code=S2;name=Zhao;known_at_ms=1234"), BANK_PUT_DONE);
    assert_int_equal(put_row(load, "staff", "code=S3;branch=B4"), BANK_PUT_DONE);
    fixture_commit(load);
    assert_int_equal(fixture_query("SELECT max(max_known_at_ms) FROM batch"), 1234);
    assert_int_equal(fixture_query("SELECT branch FROM branch WHERE code = 'B4'"), 3);
}

/* The history of customer number 0. */
static struct bank_history history_of_first(struct bank *bank, struct lx_arena *arena)
{
    struct bank_history history;
    MUST(bank_history_read(bank, 0, arena, &history, &err));
    return history;
}

static void test_what_a_customer_wishes_and_complains_of_is_in_his_history(void **state)
{
    static const struct {
        const char *table, *row;
        enum bank_put outcome;
    } batches[][4] = {
        /* clang-format off */
        {{"do_not_contact", "customer=a;channel=all;at_ms=50;known_at_ms=60", BANK_PUT_DONE},
         {"do_not_contact", "customer=a;channel=sms;at_ms=20;known_at_ms=30;until_ms=500", BANK_PUT_DONE},
         {"complaint", "customer=a;code=K1;product=P02;at_ms=40;known_at_ms=45", BANK_PUT_DONE},
         {"complaint", "customer=a;code=K2;at_ms=40;known_at_ms=45;closed_at_ms=46", BANK_PUT_KNOWN_BEFORE_IT_HAPPENED}},
        /* The ends come later; what was known stays known since then. */
        {{"do_not_contact", "customer=a;channel=all;at_ms=50;known_at_ms=90;until_ms=80", BANK_PUT_DONE},
         {"complaint", "customer=a;code=K1;at_ms=40;known_at_ms=99;closed_at_ms=70;closed_known_at_ms=75", BANK_PUT_DONE},
         {"complaint", "customer=a;code=K1;at_ms=40;known_at_ms=120;closed_at_ms=70", BANK_PUT_DUPLICATE},
         {"do_not_contact", "customer=b;channel=rm;at_ms=1;known_at_ms=2", BANK_PUT_DONE}},
        /* clang-format on */
    };
    for (size_t batch = 0; batch < LX_COUNT_OF(batches); batch++) {
        struct bank_load *load = fixture_begin();
        fixture_customer(load, "a");
        fixture_customer(load, "b");
        for (size_t i = 0; i < LX_COUNT_OF(batches[0]); i++) {
            enum bank_put outcome = put_row(load, batches[batch][i].table, batches[batch][i].row);
            if (outcome != batches[batch][i].outcome)
                fail_msg("batch %zu row %zu: %s; %s", batch, i, bank_put_text(outcome),
                         bank_load_refusal(load));
        }
        fixture_commit(load);
        struct bank *bank = fixture_open(STORE_READ);
        struct lx_arena arena;
        lx_arena_init(&arena, 1 << 16);
        struct bank_history history = history_of_first(bank, &arena);
        assert_int_equal(history.do_not_contact_count, 2);
        assert_int_equal(history.complaint_count, 1);
        const struct bank_do_not_contact *wishes = history.do_not_contacts;
        const struct bank_complaint *complaint = history.complaints;
        assert_int_equal(wishes[0].channel, BANK_CHANNEL_SMS);
        assert_int_equal(wishes[0].until_ms, 500);
        assert_int_equal(wishes[0].until_known_at_ms, 30);
        assert_int_equal(wishes[1].channel, 0);
        assert_int_equal(wishes[1].known_at_ms, 60);
        assert_int_equal(wishes[1].until_ms, batch == 0 ? BANK_UNKNOWN_MS : 80);
        assert_int_equal(wishes[1].until_known_at_ms, batch == 0 ? BANK_UNKNOWN_MS : 90);
        assert_int_equal(complaint->known_at_ms, 45);
        assert_int_equal(complaint->product, 1);
        assert_int_equal(complaint->closed_at_ms, batch == 0 ? BANK_UNKNOWN_MS : 70);
        assert_int_equal(complaint->closed_known_at_ms, batch == 0 ? BANK_UNKNOWN_MS : 75);
        lx_arena_release(&arena);
        bank_close(bank);
    }
}

static void test_the_terms_of_a_product_are_those_known_as_of_a_moment(void **state)
{
    static const char *const rows[] = {
        "product=P08;at_ms=10;known_at_ms=10;minimum_fen=100;rate_ppm=30000;term_days=90",
        "product=P08;at_ms=20;known_at_ms=30;minimum_fen=200;rate_ppm=25000;term_days=90",
        "product=P08;at_ms=20;known_at_ms=40;minimum_fen=300;rate_ppm=25000;term_days=90",
        "product=P08;at_ms=60;known_at_ms=50;minimum_fen=400;rate_ppm=20000;term_days=30",
    };
    static const struct {
        int64_t as_of_ms, minimum_fen, rate_ppm;
    } want[] = {
        {5, 100, 30000}, /* before the records begin: what was known first */
        {10, 100, 30000}, {29, 100, 30000}, {30, 200, 25000}, {39, 200, 25000},
        {40, 300, 25000}, {55, 300, 25000}, {60, 400, 20000},
    };
    struct bank_load *load = fixture_begin();
    fixture_customer(load, "a");
    for (size_t i = 0; i < LX_COUNT_OF(rows); i++)
        assert_int_equal(put_row(load, "product_terms", rows[i]), BANK_PUT_DONE);
    fixture_commit(load);
    struct bank *bank = fixture_open(STORE_READ);
    const struct bank_product *product = &bank_catalogue(bank)->products[7];
    assert_string_equal(product->code, "P08");
    for (size_t i = 0; i < LX_COUNT_OF(want); i++) {
        struct bank_terms terms = bank_terms_as_of(product, want[i].as_of_ms);
        if (terms.minimum_fen != want[i].minimum_fen || terms.rate_ppm != want[i].rate_ppm)
            fail_msg("as of %ld: %ld fen at %ld ppm", (long)want[i].as_of_ms,
                     (long)terms.minimum_fen, (long)terms.rate_ppm);
    }
    /* The catalogue's own word of the import is newer. */
    assert_int_equal(bank_terms_as_of(product, FIXTURE_NOW).rate_ppm, product->rate_ppm);
    bank_close(bank);
}

static void test_a_table_or_a_column_that_is_not_there_is_wrong_usage(void **state)
{
    struct bank_load *load = fixture_begin();
    const struct bank_value wrong = value_of("colour", "red");
    enum bank_put outcome;
    MUST_FAIL(bank_put_row(load, "branch", &wrong, 1, &outcome, &err), LX_ERR_USAGE);
    MUST_FAIL(bank_put_row(load, "boats", &wrong, 1, &outcome, &err), LX_ERR_USAGE);
    bank_load_abort(load);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
        TEST(test_rows_of_the_small_tables_are_put_changed_and_recognised),
        TEST(test_what_a_customer_wishes_and_complains_of_is_in_his_history),
        TEST(test_the_terms_of_a_product_are_those_known_as_of_a_moment),
        TEST(test_a_table_or_a_column_that_is_not_there_is_wrong_usage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
