/*
 * Goal:   a file that is broken, cut off, huge, empty or changing, a mapping that does not fit, a
 *         full disk: each gives the right rows or one clear error, never a crash, never half a
 *         batch.
 * Method: a table of files with the error or the counts that they must give; then the troubles
 *         that need more than a text. After each refusal the bank is still empty and takes a good
 *         file.
 */
#include "scene.h"

#include <sys/stat.h>

#include "codec/digest.h"
#include "host/thread.h"
#include "ingest/import_files.h"
#include "ingest/import_read.h"

#define CUSTOMER                                                                                   \
    "[file customers]\nentity = customer\nfiles = c*.csv\ncustomer = id\n"                         \
    "at = '2020-01-01'\nknown_at = at\nname = name\n"

static void assert_bank_is_empty_and_whole(struct scene *scene)
{
    assert_int_equal(scene_customers(scene), 0);
    scene_text(scene, "cgood.csv", "id,name\nG1,x\n");
    char source[SCENE_PATH + 32];
    struct import_result result;
    snprintf(source, sizeof source, "%s/cgood.csv", scene->source);
    if (scene_import_of(scene, source, "test.ini", CUSTOMER, &result) != LX_OK)
        fail_msg("after the refusal: %s", scene->err.text);
    assert_int_equal(scene_customers(scene), 1);
}

static void test_files_of_every_shape(void **state)
{
    (void)state;
    static const struct {
        const char *what, *text;
        size_t length; /* 0: strlen */
        int loaded, rejected;
        const char *error;
    } rows[] = {
        /* clang-format off */
        {"plain",                "id,name\nA,x\nB,y\n",            0, 2, 0, NULL},
        {"no last newline",      "id,name\nA,x\nB,y",              0, 2, 0, NULL},
        {"CRLF",                 "id,name\r\nA,x\r\nB,y\r\n",      0, 2, 0, NULL},
        {"CR",                   "id,name\rA,x\rB,y\r",            0, 2, 0, NULL},
        {"BOM",                  "\xEF\xBB\xBFid,name\nA,x\n",     0, 1, 0, NULL},
        {"embedded newline",     "id,name\nA,\"x\ny\"\nB,z\n",     0, 2, 0, NULL},
        {"doubled quotes",       "id,name\n\"A\"\"1\",x\n",        0, 1, 0, NULL},
        {"blank lines",          "id,name\n\nA,x\n\n\nB,y\n\n",    0, 2, 0, NULL},
        {"columns swapped",      "name,id\nx,A\n",                 0, 1, 0, NULL},
        {"one more column",      "id,z,name\nA,,x\n",              0, 1, 0, NULL},
        {"header only",          "id,name\n",                      0, 0, 0, NULL},
        {"header without end",   "id,name",                        0, 0, 0, NULL},
        {"NUL byte",             "id,name\nA,x\0y\nB,y\n",        18, 1, 1, NULL},
        {"NUL file",             "\0\0\0\0\0\0\0\0",               8, 0, 0, ":1: a NUL byte"},
        {"empty",                "",                               0, 0, 0, "the file is empty: not even a header"},
        {"open quote",           "id,name\nA,\"x\nB,y\n",          0, 1, 1, NULL},
        {"cut off",              "id,name\nA,x\nB",                0, 0, 0, ":3: the file ends in the middle of a row"},
        {"cut off in a quote",   "id,name\nA,x\nB,\"y",            0, 0, 0, ":3: the file ends in the middle of a row"},
        {"short row",            "id,name\nA\nB,y\n",              0, 1, 1, NULL},
        {"long row",             "id,name\nA,x,z\nB,y\n",          0, 1, 1, NULL},
        {"wrong column",         "id,nom\nA,x\n",                  0, 0, 0, "has no column `name`, did you mean `nom`? Its columns: id, nom"},
        {"wrong delimiter",      "id;name\nA;x\n",                 0, 0, 0, "Its columns: id;name"},
        {"two columns of a name","id,name,name\nA,x,y\n",          0, 0, 0, "two columns of that name"},
        {"not UTF-8",            "id,name\nA,\xC0\xC0\nB,y\n",     0, 1, 1, NULL},
        {"UTF-16",               "i\0d\0,\0n\0\n\0",              10, 0, 0, ":1: a NUL byte"},
        /* clang-format on */
    };
    for (size_t i = 0; i < LX_COUNT_OF(rows); i++) {
        for (int threads = 1; threads <= 2; threads++) {
            struct scene scene;
            struct import_result result;
            scene_open(&scene);
            scene.thread_count = threads;
            size_t length = rows[i].length == 0 ? strlen(rows[i].text) : rows[i].length;
            scene_write(&scene, "c.csv", rows[i].text, length);
            enum lx_err code = scene_import(&scene, CUSTOMER, &result);
            if (rows[i].error == NULL) {
                if (code != LX_OK) fail_msg("%s: %s", rows[i].what, scene.err.text);
                if ((int)result.rows_loaded != rows[i].loaded ||
                    (int)result.rows_rejected != rows[i].rejected)
                    fail_msg("%s: loaded %" PRIu64 ", rejected %" PRIu64, rows[i].what,
                             result.rows_loaded, result.rows_rejected);
                assert_int_equal(scene_customers(&scene), rows[i].loaded);
            } else {
                if (code != LX_ERR_BAD_INPUT || strstr(scene.err.text, rows[i].error) == NULL)
                    fail_msg("%s: code %d, \"%s\", expected \"%s\"", rows[i].what, code,
                             scene.err.text, rows[i].error);
                assert_bank_is_empty_and_whole(&scene);
            }
            scene_close(&scene);
        }
    }
}

static void test_a_trailer_proves_that_a_dump_is_whole(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int loaded;
        const char *error;
    } rows[] = {
        {"A|@|x\nB|@|y\nEND|@|2\n", 2, NULL},
        {"A|@|x\nB|@|y\nEND|@|2", 2, NULL},
        {"A|@|x|@|\nEND|@|1|@|\n", 1, NULL}, /* each row ends in a delimiter */
        {"END|@|0\n", 0, NULL},
        {"A|@|x\nB|@|y\n", 0, "no trailer after 2 rows: it was cut off"},
        {"A|@|x\nB|@|y\nEN", 0, ":3: the file ends in the middle of a row"},
        {"A|@|x\nEND|@|2\n", 0, "its trailer counts 2 rows, but there are 1"},
        {"A|@|x\nEND|@|1\nB|@|y\n", 0, ":3: a row after the trailer"},
        {"", 0, "no trailer after 0 rows"},
    };
    static const char mapping[] = "[file c]\nentity = customer\nfiles = c.csv\nheader = no\n"
                                  "delimiter = |@|\ncolumns = id name\ntrailer = END {count}\n"
                                  "customer = id\nname = name\nat = '2020-01-01'\nknown_at = at\n";
    for (size_t i = 0; i < LX_COUNT_OF(rows); i++) {
        struct scene scene;
        struct import_result result;
        scene_open(&scene);
        scene_text(&scene, "c.csv", rows[i].text);
        enum lx_err code = scene_import(&scene, mapping, &result);
        if (rows[i].error == NULL) {
            if (code != LX_OK) fail_msg("row %zu: %s", i, scene.err.text);
            assert_int_equal(result.rows_loaded, rows[i].loaded);
            assert_int_equal(result.rows_read, rows[i].loaded);
        } else if (code != LX_ERR_BAD_INPUT || strstr(scene.err.text, rows[i].error) == NULL) {
            fail_msg("row %zu: code %d, \"%s\"", i, code, scene.err.text);
        }
        scene_close(&scene);
    }
}

static void test_a_line_of_a_hundred_megabytes_costs_only_itself(void **state)
{
    (void)state;
    enum { HUGE_LINE = 100 * 1000 * 1000, MANY_FIELDS = 100000 };
    struct scene scene;
    struct import_result result;
    scene_open(&scene);
    char path[SCENE_PATH + 32];
    snprintf(path, sizeof path, "%s/c.csv", scene.source);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    fputs("id,name\nA,x\nB,", file);
    char part[10000];
    memset(part, 'z', sizeof part);
    for (size_t i = 0; i < HUGE_LINE / sizeof part; i++) fwrite(part, 1, sizeof part, file);
    fputs("\nC,", file);
    for (int i = 0; i < MANY_FIELDS; i++) fputs("1,", file);
    fputs("\nD,y\n", file);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(scene_import(&scene, CUSTOMER, &result), LX_OK);
    assert_int_equal(result.rows_read, 4);
    assert_int_equal(result.rows_loaded, 2);
    scene_assert_rejects(&result, "c.csv,3,name,cannot be read: the line is longer than 1 MiB\n"
                                  "c.csv,4,,cannot be read: more than 2048 fields\n");
    scene_close(&scene);
}

static void test_sources_that_are_not_there(void **state)
{
    (void)state;
    struct scene scene;
    struct import_result result;
    scene_open(&scene);
    assert_int_equal(scene_import(&scene, CUSTOMER, &result), LX_ERR_NOT_FOUND);
    assert_non_null(strstr(scene.err.text, "no file for the mapping test, which reads c*.csv"));
    scene_text(&scene, "x.csv", "id,name\nA,x\n");
    assert_int_equal(scene_import(&scene, CUSTOMER, &result), LX_ERR_NOT_FOUND);
    assert_int_equal(scene_import_of(&scene, "no/such/place", "test.ini", CUSTOMER, &result),
                     LX_ERR_NOT_FOUND);
    assert_non_null(strstr(scene.err.text, "no/such/place: no such file or folder"));

    char source[SCENE_PATH + 32];
    snprintf(source, sizeof source, "%s/x.csv", scene.source);
    assert_int_equal(scene_import_of(&scene, source, "test.ini", CUSTOMER, &result),
                     LX_ERR_NOT_FOUND);

    scene_text(&scene, "c.csv", "id,name\nA,x\n");
    assert_int_equal(scene_import(&scene, CUSTOMER, &result), LX_OK);
    assert_non_null(strstr(scene.message, "1 files that the mapping test does not name: x.csv"));

    assert_int_equal(host_remove_tree(scene.bank, NULL), LX_OK);
    scene_text(&scene, "c2.csv", "id,name\nB,x\n");
    assert_int_equal(scene_import(&scene, CUSTOMER, &result), LX_ERR_NOT_FOUND);
    assert_non_null(strstr(scene.err.text, "no bank here"));
    scene_close(&scene);
}

/* The reading half alone, so that the file can change between the two looks at it. */
static void test_a_file_that_changes_or_goes_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *after; /* NULL: the file goes */
        enum lx_err code;
        const char *error;
    } rows[] = {
        {"id,name\nA,x\nB,y\n", LX_OK, ""},
        {"id,name\nA,x\nB,z\n", LX_ERR_BUSY, "changed while it was imported"},
        {"id,name\nA,x\n", LX_ERR_BUSY, "changed while it was imported"},
        {"id,name\nA,x\nB,y\nC,", LX_ERR_BUSY, "changed while it was imported"},
        {NULL, LX_ERR_NOT_FOUND, "c.csv"},
    };
    for (size_t i = 0; i < LX_COUNT_OF(rows); i++) {
        struct scene scene;
        struct mapping mapping;
        struct import_files files;
        struct import_reader reader;
        struct import_context context = {.mapping_file = "test.ini"};
        struct lx_error err = {0};
        bool is_end = false;
        scene_open(&scene);
        scene_text(&scene, "c.csv", "id,name\nA,x\nB,y\n");
        assert_int_equal(mapping_parse("test.ini", CUSTOMER, strlen(CUSTOMER), &mapping, &err),
                         LX_OK);
        assert_int_equal(import_files_find(&mapping, scene.source, &files, &err), LX_OK);
        assert_int_equal(import_files_hash(&files, 1, &err), LX_OK);
        if (rows[i].after == NULL)
            scene_remove(&scene, "c.csv");
        else
            scene_text(&scene, "c.csv", rows[i].after);

        struct import_block *block = lx_calloc(1, sizeof *block);
        import_block_init(block);
        import_reader_init(&reader, &context, &files, 0, 1);
        enum lx_err code = import_reader_next(&reader, block, &is_end, &err);
        if (code != rows[i].code || strstr(err.text, rows[i].error) == NULL)
            fail_msg("row %zu: code %d \"%s\"", i, code, err.text);
        import_reader_release(&reader);
        import_block_release(block);
        lx_free(block);
        import_files_release(&files);
        mapping_release(&mapping);
        scene_close(&scene);
    }
}

static void test_unreadable_file_is_an_error(void **state)
{
    (void)state;
    struct scene scene;
    struct import_result result;
    if (geteuid() == 0) {
        print_message("skipped: root may read everything\n");
        skip();
    }
    scene_open(&scene);
    scene_text(&scene, "c.csv", "id,name\nA,x\n");
    char path[SCENE_PATH + 32];
    snprintf(path, sizeof path, "%s/c.csv", scene.source);
    assert_int_equal(chmod(path, 0), 0);
    assert_int_equal(scene_import(&scene, CUSTOMER, &result), LX_ERR_IO);
    scene_close(&scene);
}

/* A folder with a bad file beside good ones loads nothing of the good ones. */
static void test_one_bad_file_keeps_the_whole_batch_out(void **state)
{
    (void)state;
    struct scene scene;
    struct import_result result;
    scene_open(&scene);
    struct lx_buffer text;
    lx_buffer_init(&text, 1 << 24);
    lx_buffer_append_text(&text, "id,name\n");
    for (int i = 0; i < 50000; i++) lx_buffer_printf(&text, "A%d,x\n", i);
    scene_write(&scene, "c1.csv", text.bytes, text.length);
    lx_buffer_append_text(&text, "cut");
    scene_write(&scene, "c2.csv", text.bytes, text.length);
    lx_buffer_release(&text);
    for (int threads = 1; threads <= 2; threads++) {
        scene.thread_count = threads;
        assert_int_equal(scene_import(&scene, CUSTOMER, &result), LX_ERR_BAD_INPUT);
        assert_non_null(strstr(scene.err.text, "c2.csv:50002: the file ends in the middle"));
    }
    assert_bank_is_empty_and_whole(&scene);
    scene_close(&scene);
}

/* The same in a bank that has a batch already, which is another way through the store. */
static void test_a_refused_second_batch_leaves_the_first(void **state)
{
    (void)state;
    struct scene scene;
    struct import_result result;
    scene_open(&scene);
    scene_text(&scene, "c1.csv", "id,name\nA,x\n");
    scene_load(&scene, CUSTOMER);
    scene_text(&scene, "c2.csv", "id,name\nB,x\nC");
    assert_int_equal(scene_import(&scene, CUSTOMER, &result), LX_ERR_BAD_INPUT);
    assert_int_equal(scene_customers(&scene), 1);
    scene_text(&scene, "c2.csv", "id,name\nB,x\nC,y\n");
    result = scene_load(&scene, CUSTOMER);
    assert_int_equal(result.batch, 2);
    assert_int_equal(scene_customers(&scene), 3);
    scene_close(&scene);
}

/* The N-th write fails, for every N until the import gets through. */
static void test_a_full_disk_loses_nothing_and_leaves_nothing(void **state)
{
    (void)state;
    struct scene scene;
    struct import_result result;
    scene_open(&scene);
    scene_text(&scene, "c1.csv", "id,name\nA,x\nbad\nB,y\n");
    int failures = 0;
    for (uint64_t n = 0; n < 2000; n++) {
        host_fault_after(n, ENOSPC);
        enum lx_err code = scene_import(&scene, CUSTOMER, &result);
        host_fault_after(0, 0);
        if (code == LX_OK) break;
        failures++;
        if (code != LX_ERR_DISK_FULL) fail_msg("write %" PRIu64 ": %s", n, scene.err.text);
        if (scene_customers(&scene) == 2) break; /* only the folder's entry was not synced */
        assert_int_equal(scene_customers(&scene), 0);
    }
    assert_true(failures > 3);
    result = scene_load(&scene, CUSTOMER);
    assert_true(result.is_duplicate);
    assert_int_equal(scene_customers(&scene), 2);

    scene_text(&scene, "c2.csv", "id,name\nC,x\n");
    for (uint64_t n = 0; n < 2000; n++) {
        host_fault_after(n, ENOSPC);
        enum lx_err code = scene_import(&scene, CUSTOMER, &result);
        host_fault_after(0, 0);
        if (code == LX_OK) break;
        failures++;
        if (code != LX_ERR_DISK_FULL) fail_msg("write %" PRIu64 ": %s", n, scene.err.text);
        assert_int_equal(scene_customers(&scene), 2);
    }
    assert_int_equal(scene_customers(&scene), 3);
    print_message("%d failed writes\n", failures);
    scene_close(&scene);
}

/* The N-th allocation fails, on one thread, as the hook wants it. */
static void test_memory_that_runs_out_at_any_place_leaves_nothing(void **state)
{
    (void)state;
    static const char mapping[] =
        CUSTOMER "[file e]\nentity = event\nfiles = e.csv\ncustomer = id\nat = day\n"
                 "known_at = at\nkind = kind\nkind.l = login\n"
                 "[file s]\nentity = snapshot\nfiles = s_{YYYYMM}.csv\ncustomer = id\n"
                 "at = file date\nknown_at = at\nproduct = p\n";
    struct scene scene;
    struct import_result result;
    scene_open(&scene);
    scene.thread_count = 1;
    scene_text(&scene, "c.csv", "id,name\nA,x\nB,y\nbad\n");
    scene_text(&scene, "e.csv", "id,day,kind\nA,2026-01-01,l\nB,2026-01-02,login\n");
    scene_text(&scene, "s_202601.csv", "id,p\nA,P01\nA,P02\n");
    uint64_t n = 1;
    for (;; n++) {
        lx_alloc_fail_at(n);
        enum lx_err code = scene_import(&scene, mapping, &result);
        lx_alloc_fail_at(0);
        if (code == LX_OK) break;
        if (code != LX_ERR_NO_MEMORY)
            fail_msg("allocation %" PRIu64 ": code %d, %s", n, code, scene.err.text);
        assert_int_equal(scene_customers(&scene), 0);
        assert_true(n < 20000);
    }
    assert_true(n > 50);
    assert_int_equal(scene_customers(&scene), 2);
    print_message("%" PRIu64 " allocations\n", n);
    scene_close(&scene);
}

static void test_rejects_past_a_hundred_thousand_are_only_counted(void **state)
{
    (void)state;
    enum { BAD = 100003 };
    struct scene scene;
    struct import_result result;
    struct lx_buffer text;
    scene_open(&scene);
    lx_buffer_init(&text, 1 << 24);
    lx_buffer_append_text(&text, "id,name\n");
    for (int i = 0; i < BAD; i++) lx_buffer_append_text(&text, ",x\n");
    scene_write(&scene, "c.csv", text.bytes, text.length);
    assert_int_equal(scene_import(&scene, CUSTOMER, &result), LX_OK);
    assert_int_equal(result.rows_rejected, BAD);
    lx_buffer_clear(&text);
    assert_int_equal(host_read_file(result.rejects, &text, NULL), LX_OK);
    size_t lines = 0;
    for (size_t i = 0; i < text.length; i++) lines += text.bytes[i] == '\n';
    assert_int_equal(lines, 1 + 100000 + 1);
    assert_non_null(strstr(text.bytes, ",,,and 3 more rows\n"));
    lx_buffer_release(&text);
    scene_close(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_files_of_every_shape),
        cmocka_unit_test(test_a_trailer_proves_that_a_dump_is_whole),
        cmocka_unit_test(test_a_line_of_a_hundred_megabytes_costs_only_itself),
        cmocka_unit_test(test_sources_that_are_not_there),
        cmocka_unit_test(test_a_file_that_changes_or_goes_is_refused),
        cmocka_unit_test(test_unreadable_file_is_an_error),
        cmocka_unit_test(test_one_bad_file_keeps_the_whole_batch_out),
        cmocka_unit_test(test_a_refused_second_batch_leaves_the_first),
        cmocka_unit_test(test_a_full_disk_loses_nothing_and_leaves_nothing),
        cmocka_unit_test(test_memory_that_runs_out_at_any_place_leaves_nothing),
        cmocka_unit_test(test_rejects_past_a_hundred_thousand_are_only_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
