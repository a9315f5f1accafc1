/*
 * Goal:   a bank is made once, found again as it was made, and every way in which it may be missing
 *         or spoilt is told.
 * Method: create, open and ask in a fresh folder; one file spoilt at a time.
 */
#include "bank/internal.h"
#include "tests/unit/bank/bank_fixture.h"

static void write_file(const char *name, const char *text)
{
    char path[LX_PATH_MAX];
    MUST(host_join(path, bank_dir, name, &err));
    MUST(host_write_atomic(path, text, strlen(text), &err));
}

static void test_a_new_bank_is_empty_and_says_so(void **state)
{
    struct bank *bank = fixture_open(STORE_READ);
    int64_t count = -1, known_ms = 0, customer = -1;
    char id[LX_ID_MAX + 1];
    int list_count = -1;
    const char *text = NULL;
    assert_string_equal(bank_folder(bank), bank_dir);
    assert_int_equal(bank_catalogue(bank)->count, 19);
    assert_int_equal(bank_utc_offset_minutes(bank), 480);
    MUST(bank_customer_count(bank, &count, &err));
    assert_int_equal(count, 0);
    MUST_FAIL(bank_newest_known_ms(bank, &known_ms, &err), LX_ERR_NOT_READY);
    assert_non_null(strstr(err.text, "lingxi import"));
    MUST_FAIL(bank_customer_find(bank, "nobody", &customer, &err), LX_ERR_NOT_FOUND);
    assert_non_null(strstr(err.text, "nobody"));
    MUST_FAIL(bank_customer_id(bank, 0, id, &err), LX_ERR_NOT_FOUND);
    MUST(bank_list_count(bank, BANK_LIST_BRANCH, &list_count, &err));
    assert_int_equal(list_count, 0);
    MUST(bank_list_text(bank, BANK_LIST_BRANCH, -1, &text, &err));
    assert_string_equal(text, "");
    MUST_FAIL(bank_list_text(bank, BANK_LIST_BRANCH, 0, &text, &err), LX_ERR_NOT_FOUND);
    bank_close(bank);
}

/* A store of the first migration only, with what the second one changes. */
static void test_a_bank_of_before_known_ends_keeps_what_it_knew(void **state)
{
    static const char rows[] =
        "INSERT INTO customer (customer, id, batch) VALUES (0, 'a', 1);"
        "INSERT INTO batch (batch, source, mapping, at_ms, rows_loaded, duplicates)"
        " VALUES (1, 's', 'm', 1, 1, 0);"
        "INSERT INTO do_not_contact (customer, at_ms, channel, known_at_ms, until_ms)"
        " VALUES (0, 10, 0, 20, 30), (0, 11, 7, 21, NULL);"
        "INSERT INTO complaint (customer, at_ms, code, known_at_ms, closed_at_ms)"
        " VALUES (0, 10, 'K1', 20, 15), (0, 10, 'K2', 20, 40), (0, 10, 'K3', 20, NULL);";
    char path[LX_PATH_MAX];
    struct store *store = NULL;
    MUST(host_join(path, bank_dir, "bank.db", &err));
    MUST(host_remove(path, &err));
    MUST(store_open(path, STORE_WRITE, &store, &err));
    MUST(store_migrate(store, bank_migrations, 1, &err));
    MUST(store_begin(store, &err));
    MUST(store_execute(store, rows, &err));
    MUST(store_commit(store, &err));
    store_close(store);

    struct bank *bank = NULL;
    MUST_FAIL(bank_open(bank_dir, STORE_READ, &bank, &err), LX_ERR_VERSION);
    bank_close(fixture_open(STORE_WRITE));
    bank = fixture_open(STORE_READ);
    struct lx_arena arena;
    struct bank_history history;
    lx_arena_init(&arena, 1 << 16);
    MUST(bank_history_read(bank, 0, &arena, &history, &err));
    static const int64_t until_known[] = {20, BANK_UNKNOWN_MS};
    static const int64_t closed_known[] = {20, 40, BANK_UNKNOWN_MS};
    assert_int_equal(history.do_not_contact_count, 2);
    assert_int_equal(history.complaint_count, 3);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(history.do_not_contacts[i].until_known_at_ms, until_known[i]);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(history.complaints[i].closed_known_at_ms, closed_known[i]);
    lx_arena_release(&arena);
    bank_close(bank);
}

static void test_where_no_bank_is_init_is_named(void **state)
{
    struct bank *bank = NULL;
    MUST_FAIL(bank_open(folder, STORE_READ, &bank, &err), LX_ERR_NOT_FOUND);
    assert_non_null(strstr(err.text, "init"));
    assert_null(bank);
}

static void test_a_bank_is_made_once(void **state)
{
    MUST_FAIL(bank_create(bank_dir, NULL, NULL, 0, &err), LX_ERR_REFUSED);
    assert_non_null(strstr(err.text, "has a bank already"));
}

static void test_a_bank_whose_configuration_is_gone_is_not_made_anew(void **state)
{
    char path[LX_PATH_MAX];
    struct bank_load *load = fixture_begin();
    fixture_customer(load, "a");
    fixture_commit(load);
    MUST(host_join(path, bank_dir, "lingxi.ini", &err));
    MUST(host_remove(path, &err));
    MUST_FAIL(bank_create(bank_dir, NULL, NULL, 0, &err), LX_ERR_REFUSED);
    assert_non_null(strstr(err.text, "lingxi.ini is gone"));
}

static void test_an_init_that_was_killed_is_finished_by_the_next(void **state)
{
    /* After any number of writes; then once more in peace. */
    char dir[LX_PATH_MAX];
    MUST(host_join(dir, folder, "other", &err));
    const struct bank_file files[] = {{"rules.ini", "a", 1}, {"maps/deep.ini", "bc", 2}};
    for (uint64_t writes = 0;; writes++) {
        host_fault_after(writes, 28);
        enum lx_err code = bank_create(dir, NULL, files, 2, &err);
        host_fault_after(0, 0);
        /* When all but the folder's last sync was done, the bank is there. */
        if (code == LX_OK || code == LX_ERR_REFUSED) break;
        assert_int_equal(code, LX_ERR_DISK_FULL);
        assert_true(writes < 100);
    }
    MUST_FAIL(bank_create(dir, NULL, files, 2, &err), LX_ERR_REFUSED);
    struct lx_buffer text;
    char path[LX_PATH_MAX];
    lx_buffer_init(&text, 100);
    MUST(host_join(path, dir, "maps/deep.ini", &err));
    MUST(host_read_file(path, &text, &err));
    assert_string_equal(lx_buffer_text(&text), "bc");
    lx_buffer_release(&text);
}

static void test_spoilt_files_are_told_with_their_names(void **state)
{
    static const struct {
        const char *name, *text, *says;
        enum lx_err code;
    } rows[] = {
        {"lingxi.ini", "[bank]\nstore = postgresql://x\n", "PostgreSQL", LX_ERR_NOT_BUILT},
        {"lingxi.ini", "[bank]\nstore = bank.db\nutc_offset_minutes = 9999\n",
         "lingxi.ini:3: utc_offset_minutes", LX_ERR_BAD_INPUT},
        {"lingxi.ini", "[bank\n", "lingxi.ini:1", LX_ERR_BAD_INPUT},
        {"lingxi.ini", "[bank]\nstore = gone.db\n", "gone.db", LX_ERR_NOT_FOUND},
        {"lingxi.ini", "[bank]\nutc_offset_minutes = -300\n", "", LX_OK},
        {"bank.db", "this is no database, whatever its name says", "bank.db", LX_ERR_CORRUPT},
        {"catalogue.ini", "[P01]\nzh = x\n", "catalogue.ini: product P01: has no en",
         LX_ERR_BAD_INPUT},
    };
    for (size_t i = 0; i < LX_COUNT_OF(rows); i++) {
        struct bank *bank = NULL;
        write_file(rows[i].name, rows[i].text);
        enum lx_err code = bank_open(bank_dir, STORE_READ, &bank, &err);
        if (code != rows[i].code || (code != LX_OK && strstr(err.text, rows[i].says) == NULL))
            fail_msg("row %zu: %s: %s", i, lx_err_name(code), err.text);
        if (code == LX_OK) assert_int_equal(bank_utc_offset_minutes(bank), -300);
        bank_close(bank);
    }
}

static void test_the_list_of_tables_is_that_of_the_store(void **state)
{
    size_t count = 0;
    while (bank_tables[count] != NULL) {
        char sql[200];
        snprintf(sql, sizeof sql,
                 "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = '%s'"
                 " AND sql LIKE '%%STRICT%%'",
                 bank_tables[count]);
        if (fixture_query(sql) != 1) fail_msg("%s: no strict table", bank_tables[count]);
        count++;
    }
    assert_int_equal(fixture_query("SELECT count(*) FROM sqlite_schema WHERE type = 'table'"
                                   " AND name NOT LIKE 'sqlite_%' AND name <> 'store_migration'"),
                     count);
}

static void test_a_catalogue_may_change_and_grow_but_numbers_stay(void **state)
{
    struct lx_buffer text;
    char path[LX_PATH_MAX];
    struct bank_load *load = fixture_begin();
    fixture_customer(load, "a");
    fixture_commit(load);
    assert_int_equal(fixture_query("SELECT count(*) FROM product_version"), 19);

    /* P03 goes from the file, A00 comes before all others, P01 costs something. */
    lx_buffer_init(&text, LX_CONFIG_MAX);
    MUST(host_join(path, bank_dir, "catalogue.ini", &err));
    MUST(host_read_file(path, &text, &err));
    char *third = strstr(text.bytes, "[P03]");
    memcpy(third, "[A00]", 5);
    memcpy(strstr(text.bytes, "minimum_yuan = 0"), "minimum_yuan = 7", 16);
    MUST(host_write_atomic(path, text.bytes, text.length, &err));
    lx_buffer_release(&text);

    for (int i = 0; i < 2; i++) {
        struct bank *bank = fixture_open(STORE_READ);
        const struct bank_catalogue *catalogue = bank_catalogue(bank);
        assert_int_equal(catalogue->count, 20);
        assert_int_equal(bank_catalogue_find(catalogue, "P01", 3), 0);
        assert_int_equal(bank_catalogue_find(catalogue, "P03", 3), 2);
        assert_int_equal(bank_catalogue_find(catalogue, "P19", 3), 18);
        assert_int_equal(bank_catalogue_find(catalogue, "A00", 3), 19);
        assert_int_equal(catalogue->products[0].minimum_fen, 700);
        assert_string_equal(catalogue->products[2].zh, "大额存单");
        assert_int_equal(catalogue->products[2].minimum_fen, 20000000);
        bank_close(bank);
        load = fixture_begin();
        fixture_customer(load, i == 0 ? "b" : "c");
        fixture_commit(load);
        assert_int_equal(fixture_query("SELECT count(*) FROM product"), 20);
        assert_int_equal(fixture_query("SELECT count(*) FROM product_version"), 21);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
        TEST(test_a_new_bank_is_empty_and_says_so),
        TEST(test_a_bank_of_before_known_ends_keeps_what_it_knew),
        TEST(test_where_no_bank_is_init_is_named),
        TEST(test_a_bank_is_made_once),
        TEST(test_a_bank_whose_configuration_is_gone_is_not_made_anew),
        TEST(test_an_init_that_was_killed_is_finished_by_the_next),
        TEST(test_spoilt_files_are_told_with_their_names),
        TEST(test_the_list_of_tables_is_that_of_the_store),
        TEST(test_a_catalogue_may_change_and_grow_but_numbers_stay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
