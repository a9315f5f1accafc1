/*
 * Goal:   the coverage of a label is how many customers of the snapshot have it, each asked by
 *         himself; a count of another snapshot or definition is not taken for it.
 * Method: a bank of random histories, refreshed; the shipped labels counted over the columns with
 *         one and three threads against a reader over every customer; then other definitions,
 *         another as-of moment, a file that is none, a window that overflows.
 */
#include "random_bank.h"

#include "view/label_coverage.h"

enum { CUSTOMERS = 700, SEED = 12 };

static char scratch[LX_PATH_MAX], folder[LX_PATH_MAX];
static struct bank *bank;
static struct view_snapshot *snapshot;
static struct view_labels *labels;

static void open_all(int64_t as_of_ms)
{
    struct lx_error err;
    struct lx_env env = test_env(2);
    struct view_refresh_result result;
    MUST(view_refresh(folder, as_of_ms, 1, &env, &result, &err));
    MUST(view_snapshot_open(folder, &snapshot, &err));
    MUST(view_labels_open(folder, view_snapshot_features(snapshot), bank_catalogue(bank), &labels,
                          &err));
}

static void close_all(void)
{
    view_labels_close(labels);
    view_snapshot_close(snapshot);
}

static int prepare(void **state)
{
    struct lx_error err;
    scratch_make(scratch);
    MUST(host_join(folder, scratch, "bank", &err));
    random_bank_create(folder);
    random_bank_load(folder, SEED, 0, CUSTOMERS);
    MUST(bank_open(folder, STORE_READ, &bank, &err));
    open_all(HISTORY_NOW_MS);
    return 0;
}

static int finish(void **state)
{
    close_all();
    bank_close(bank);
    scratch_remove(scratch);
    return 0;
}

/* Everybody asked by himself. */
struct asked {
    struct view_label_reader *reader;
    struct view_context context;
    uint64_t have[VIEW_LABELS_MAX];
};

static enum lx_err ask(void *context, const struct bank_history *history, struct lx_error *err)
{
    struct asked *asked = context;
    int64_t as_of_ms = view_snapshot_as_of_ms(snapshot);
    float values[LX_FEATURES_MAX];
    struct view_facts facts;
    view_snapshot_facts(snapshot, history->customer, &facts);
    view_snapshot_customer(snapshot, history->customer, values);
    view_label_reader_begin(asked->reader, history, &asked->context, &facts, as_of_ms, values);
    for (size_t i = 0; i < view_labels_count(labels); i++) {
        struct expr_value value;
        if (view_labels_at(labels, i)->expr == NULL) continue;
        enum lx_err code = view_label_reader_value(asked->reader, i, &value, err);
        if (code != LX_OK) return code;
        asked->have[i] += view_label_has(view_labels_at(labels, i), &value);
    }
    return LX_OK;
}

static void test_coverage_is_who_has_the_label_when_asked(void **state)
{
    struct lx_error err;
    struct asked asked = {.context = {.catalogue = bank_catalogue(bank),
                                      .peers = view_snapshot_peers(snapshot),
                                      .utc_offset_minutes = bank_utc_offset_minutes(bank)}};
    size_t some = 0;
    MUST(view_label_reader_open(labels, bank_catalogue(bank), &asked.reader, &err));
    MUST(bank_scan(bank, 0, CUSTOMERS, ask, &asked, &err));
    view_label_reader_close(asked.reader);
    for (int threads = 1; threads <= 3; threads += 2) {
        struct view_label_coverage coverage[VIEW_LABELS_MAX];
        struct lx_env env = test_env(threads);
        size_t count = 0, expressions = 0;
        MUST(view_label_coverage_count(folder, bank, labels, snapshot, &env, &count, &err));
        MUST(view_label_coverage_read(folder, labels, snapshot, coverage, &err));
        for (size_t i = 0; i < view_labels_count(labels); i++) {
            const struct expr *expr = view_labels_at(labels, i)->expr;
            bool is_expression = expr != NULL && expr_window_count(expr) == 0;
            expressions += is_expression;
            assert_int_equal(coverage[i].is_known, is_expression);
            if (!is_expression) continue;
            assert_int_equal(coverage[i].customers, CUSTOMERS);
            if (coverage[i].have != asked.have[i])
                fail_msg("%s: %lu, asked one by one %lu", view_labels_at(labels, i)->name,
                         coverage[i].have, asked.have[i]);
            some += coverage[i].have > 0 && coverage[i].have < CUSTOMERS;
        }
        assert_int_equal(count, expressions);
    }
    assert_true(some >= 20); /* the comparison was of something */
}

static const char *const other_labels =
    "[dormant]\nlayer = value\nzh = 甲\nen = a\ntype = days\nexpression = days_since_act\n"
    "threshold = >= 90\n"
    "[overdue]\nlayer = fact\nzh = 乙\nen = b\ntype = flag\nexpression = not is_overdue\n";

static void test_a_count_of_something_else_is_passed_over(void **state)
{
    struct lx_error err;
    struct view_label_coverage coverage[VIEW_LABELS_MAX];
    struct view_labels *other = NULL;
    struct lx_env env = test_env(1);
    size_t count = 0;
    MUST(view_label_coverage_count(folder, bank, labels, snapshot, &env, &count, &err));
    MUST(view_labels_parse("l.ini", other_labels, strlen(other_labels),
                           view_snapshot_features(snapshot), bank_catalogue(bank), &other, &err));
    MUST(view_label_coverage_read(folder, other, snapshot, coverage, &err));
    assert_true(coverage[0].is_known);
    assert_false(coverage[1].is_known);
    view_labels_close(other);

    close_all();
    open_all(HISTORY_NOW_MS - 40 * LX_MS_PER_DAY);
    MUST(view_label_coverage_read(folder, labels, snapshot, coverage, &err));
    for (size_t i = 0; i < view_labels_count(labels); i++) assert_false(coverage[i].is_known);
    MUST(view_label_coverage_count(folder, bank, labels, snapshot, &env, &count, &err));
    MUST(view_label_coverage_forget(folder, &err));
    MUST(view_label_coverage_read(folder, labels, snapshot, coverage, &err));
    for (size_t i = 0; i < view_labels_count(labels); i++) assert_false(coverage[i].is_known);
}

static void test_a_file_that_is_none_is_refused(void **state)
{
    static const char *const files[] = {"", "{", "[]",
                                        "{\"as_of_ms\": 1, \"customers\": 2, \"labels\": {}}"};
    struct view_label_coverage coverage[VIEW_LABELS_MAX];
    char path[LX_PATH_MAX];
    struct lx_error err;
    MUST(host_join(path, folder, VIEW_LABELS_FOLDER "/coverage.json", &err));
    for (size_t i = 0; i < LX_COUNT_OF(files); i++) {
        MUST(host_write_atomic(path, files[i], strlen(files[i]), &err));
        MUST_FAIL(view_label_coverage_read(folder, labels, snapshot, coverage, &err),
                  LX_ERR_CORRUPT);
        assert_non_null(strstr(err.text, "coverage.json"));
    }
    MUST(view_label_coverage_forget(folder, &err));
}

/* The others are counted all the same, and it is told of. */
static size_t messages;

static void take_message(void *context, const char *text)
{
    messages += strstr(text, "too_much") != NULL;
}

static void test_a_label_that_overflows_is_left_out(void **state)
{
    static const char *const text =
        "[too_much]\nlayer = fact\nzh = 甲\nen = a\ntype = count\n"
        "expression = 9223372036854775807 + count(held) + 1\n"
        "[overdue]\nlayer = fact\nzh = 乙\nen = b\ntype = flag\nexpression = is_overdue\n";
    struct lx_error err;
    struct view_label_coverage coverage[VIEW_LABELS_MAX];
    struct view_labels *other = NULL;
    struct lx_env env = test_env(1);
    size_t count = 0;
    env.message = take_message;
    MUST(view_labels_parse("l.ini", text, strlen(text), view_snapshot_features(snapshot),
                           bank_catalogue(bank), &other, &err));
    MUST(view_label_coverage_count(folder, bank, other, snapshot, &env, &count, &err));
    MUST(view_label_coverage_read(folder, other, snapshot, coverage, &err));
    assert_int_equal(count, 1);
    assert_int_equal(messages, 1);
    assert_true(!coverage[0].is_known && coverage[1].is_known);
    view_labels_close(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_coverage_is_who_has_the_label_when_asked),
        cmocka_unit_test(test_a_count_of_something_else_is_passed_over),
        cmocka_unit_test(test_a_file_that_is_none_is_refused),
        cmocka_unit_test(test_a_label_that_overflows_is_left_out),
    };
    return cmocka_run_group_tests(tests, prepare, finish);
}
