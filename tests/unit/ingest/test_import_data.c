/*
 * Goal:   each shipped mapping reads the public data set it is made for, whole and right.
 * Method: the data in $LINGXI_DATA or ../shared/data is imported; counts are compared with its
 *         README, and with sums that are computed here straight from the file's text.
 */
#include "scene.h"

#include "codec/csv.h"

static bool find_data(const char *name, char path[SCENE_PATH])
{
    const char *data = getenv("LINGXI_DATA");
    if (data != NULL)
        snprintf(path, SCENE_PATH, "%s/%s", data, name);
    else
        snprintf(path, SCENE_PATH, "%s/../shared/data/%s", scene_root(), name);
    if (host_is_folder(path)) return true;
    print_message("skipped: no %s\n", path);
    return false;
}

static struct import_result load(struct scene *scene, const char *mapping, const char *data)
{
    char path[1024];
    struct lx_buffer text;
    struct import_result result;
    scene_open(scene);
    scene->max_rejects_ppm = 0;
    snprintf(path, sizeof path, "%s/data/mappings/%s.ini", scene_root(), mapping);
    lx_buffer_init(&text, LX_CONFIG_MAX);
    assert_int_equal(host_read_file(path, &text, NULL), LX_OK);
    if (scene_import_of(scene, data, path, lx_buffer_text(&text), &result) != LX_OK)
        fail_msg("%s", scene->err.text);
    lx_buffer_release(&text);
    return result;
}

static int64_t query(const struct scene *scene, const char *sql)
{
    struct bank *bank = scene_bank(scene);
    struct store_statement *statement = NULL;
    struct lx_error err = {0};
    bool has_row = false;
    if (store_prepare(bank_store(bank), sql, &statement, &err) != LX_OK ||
        store_step(statement, &has_row, &err) != LX_OK)
        fail_msg("%s: %s", sql, err.text);
    int64_t value = has_row ? store_int(statement, 0) : -1;
    store_finalize(statement);
    bank_close(bank);
    return value;
}

/* How many fields of the columns [first, last] of a file are neither "0" nor empty. */
static int64_t count_cells(const char *folder, const char *name, size_t first, size_t last,
                           const char *zero)
{
    char path[SCENE_PATH + 64];
    struct host_map map;
    struct csv_reader *reader = NULL;
    const struct csv_row *row;
    struct csv_format format = {.quote = '"'};
    int64_t count = -1; /* for the header */
    snprintf(path, sizeof path, "%s/%s", folder, name);
    assert_int_equal(host_map_file(path, &map, NULL), LX_OK);
    struct csv_memory memory = {.bytes = (const char *)map.bytes, .length = map.size};
    assert_int_equal(csv_reader_open(&format, csv_source_of_memory(&memory), &reader, NULL), LX_OK);
    for (bool is_header = true;; is_header = false) {
        assert_int_equal(csv_next(reader, &row, NULL), LX_OK);
        if (row == NULL) break;
        if (is_header) count = 0;
        for (size_t i = first; !is_header && i <= last; i++) {
            const struct csv_field *field = &row->fields[i];
            bool is_zero =
                field->length == strlen(zero) && memcmp(field->text, zero, field->length) == 0;
            if (!is_zero && field->length > 0) count++;
        }
    }
    csv_reader_close(reader);
    host_unmap(&map);
    return count;
}

static void test_zimnat(void **state)
{
    (void)state;
    char data[SCENE_PATH];
    struct scene scene;
    if (!find_data("zimnat", data)) skip();
    struct import_result result = load(&scene, "zimnat", data);
    assert_int_equal(scene_customers(&scene), 20343);
    assert_int_equal(result.rows_read, 2 * 20343);
    assert_int_equal(result.rows_loaded, 2 * 20343);
    assert_int_equal(result.duplicates, 0);
    assert_int_equal(query(&scene, "SELECT count(*) FROM event WHERE kind = 14"),
                     count_cells(data, "customers.csv", 8, 28, "0"));
    assert_int_equal(query(&scene, "SELECT count(*) FROM holding h JOIN product p USING (product)"
                                   " WHERE p.code = 'GYSR'"),
                     count_cells(data, "customers.csv", 13, 13, "0"));
    assert_int_equal(query(&scene, "SELECT count(*) FROM product"), 19 + 21);
    /* 2YKDILJ,01-06-2013,M,U,1991,748L,QZYX,90QI, holds SOP4 RVSZ ECY3 */
    struct lx_buffer out;
    lx_buffer_init(&out, 1 << 20);
    scene_history(&scene, "2YKDILJ", &out);
    const char *text = lx_buffer_text(&out);
    assert_non_null(strstr(text, "2013-06-01 known 2013-06-01 profile 1991-01-01 2013-06-01 male 2"
                                 " 748L QZYX - U\n"));
    assert_non_null(strstr(text, "2013-06-01 known 2013-06-01 open SOP4\n"));
    assert_non_null(strstr(text, "2013-06-01 known 2013-06-01 open RVSZ\n"));
    assert_non_null(strstr(text, "2013-06-01 known 2013-06-01 open ECY3\n"));
    lx_buffer_release(&out);
    scene_close(&scene);
}

static void test_santander(void **state)
{
    (void)state;
    char data[SCENE_PATH];
    struct scene scene;
    if (!find_data("santander", data)) skip();
    struct import_result result = load(&scene, "santander", data);
    assert_int_equal(result.rows_read, 3 * 7380);
    assert_int_equal(result.rows_rejected, 0);
    int64_t customers = scene_customers(&scene);
    assert_true(customers > 7000 && customers < 7380);
    /* Nothing is both opened and closed at one moment, and what was added is an opening, unless a
     * state of that very month had said so already. */
    assert_int_equal(query(&scene, "SELECT count(*) FROM event a JOIN event b USING (customer,"
                                   " at_ms, product) WHERE a.kind = 14 AND b.kind = 15"),
                     0);
    int64_t held = count_cells(data, "state.csv", 371, 394, "0");
    int64_t added = count_cells(data, "added.csv", 2, 25, "0");
    assert_int_equal(held, 11107);
    assert_int_equal(added, 326);
    int64_t opened = query(&scene, "SELECT count(*) FROM event WHERE kind = 14");
    assert_true(opened <= held + added);
    assert_true(opened >= held + added - 1500); /* second months of a customer open little */
    assert_int_equal(query(&scene, "SELECT count(*) FROM product"), 19 + 24);
    /* 1293966, 2015-02-28, 47 years old, 118084.53 a year, and adds nothing. */
    struct lx_buffer out;
    lx_buffer_init(&out, 1 << 20);
    scene_history(&scene, "1293966", &out);
    assert_non_null(strstr(lx_buffer_text(&out), "2015-02-28 known 2015-02-28 profile 1968-02-28 -"
                                                 " - 2 - - - - income=984038\n"));
    lx_buffer_release(&out);
    scene_close(&scene);
}

static void test_bank_marketing(void **state)
{
    (void)state;
    char data[SCENE_PATH];
    struct scene scene;
    if (!find_data("bank_marketing", data)) skip();
    struct import_result result = load(&scene, "bank_marketing", data);
    assert_int_equal(result.rows_read, 3 * 32156);
    assert_int_equal(result.rows_rejected, 0);
    assert_int_equal(scene_customers(&scene), 32156);
    assert_int_equal(query(&scene, "SELECT count(*) FROM exposure"), 32156);
    assert_int_equal(query(&scene, "SELECT count(*) FROM exposure WHERE answer = 6"),
                     count_cells(data, "contacts.csv", 18, 18, "no"));
    assert_int_equal(query(&scene, "SELECT count(*) FROM holding"), 16971 + 5019);
    assert_int_equal(query(&scene, "SELECT count(DISTINCT at_ms) FROM exposure"), 10);
    scene_assert_history(&scene, "contacts-1",
                         "2008-05-01 known 2008-05-01 profile 1952-05-01 - - 2 - housemaid basic.4y"
                         " married\n"
                         "2008-05-01 known 2008-05-01 exposure P02 term-deposit not_interested"
                         " 2008-05-01 phone\n");
    scene_close(&scene);
}

static void test_coil2000(void **state)
{
    (void)state;
    char data[SCENE_PATH];
    struct scene scene;
    if (!find_data("coil2000", data)) skip();
    struct import_result result = load(&scene, "coil2000", data);
    assert_int_equal(result.rows_read, 3 * 5822);
    assert_int_equal(result.rows_rejected, 0);
    assert_int_equal(scene_customers(&scene), 5822);
    assert_int_equal(query(&scene, "SELECT count(*) FROM holding h JOIN product p USING (product)"
                                   " WHERE p.code <> 'CARAVAN'"),
                     count_cells(data, "caravan.csv", 64, 84, "0"));
    assert_int_equal(query(&scene, "SELECT count(*) FROM holding h JOIN product p USING (product)"
                                   " WHERE p.code = 'CARAVAN'"),
                     348);
    scene_close(&scene);
}

static void check_open_bandit(const char *data, int64_t clicks_men, int64_t clicks_women)
{
    struct scene scene;
    struct import_result result = load(&scene, "open_bandit", data);
    assert_int_equal(result.rows_read, 34 + 46 + 4 * 10000);
    assert_int_equal(result.rows_rejected, 0);
    assert_int_equal(query(&scene, "SELECT count(*) FROM product"), 19 + 34 + 46);
    /* Each row of men and women is read twice: as a visitor and as an exposure. */
    int64_t exposures = query(&scene, "SELECT count(*) FROM exposure");
    int64_t versions = query(&scene, "SELECT count(*) FROM customer_profile");
    assert_int_equal(result.facts, exposures + versions);
    assert_int_equal(result.facts + result.duplicates, 2 * 20000);
    assert_true(exposures > 19900);
    assert_int_equal(scene_customers(&scene),
                     query(&scene, "SELECT count(DISTINCT customer) FROM exposure"));
    assert_int_equal(query(&scene, "SELECT count(*) FROM exposure WHERE answer = 1"),
                     clicks_men + clicks_women);
    scene_close(&scene);
}

static void test_open_bandit(void **state)
{
    (void)state;
    char data[SCENE_PATH];
    if (!find_data("open_bandit/random", data)) skip();
    check_open_bandit(data, 46, 46);
    if (!find_data("open_bandit/bts", data)) skip();
    check_open_bandit(data, 69, 46);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_zimnat),         cmocka_unit_test(test_santander),
        cmocka_unit_test(test_bank_marketing), cmocka_unit_test(test_coil2000),
        cmocka_unit_test(test_open_bandit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
