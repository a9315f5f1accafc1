/*
 * Goal:   a snapshot gives back the very numbers that the features gave, finds customers by their
 *         ids, and is replaced whole or not at all.
 * Method: a bank of random histories on disk, refreshed with one and with several threads and
 *         compared byte by byte; every customer's features, pairs and facts against those computed
 *         from his history; a disk that is full at every write; damage and staleness.
 */
#include "feature_check.h"
#include "random_bank.h"

#include <errno.h>

#include "frame/frame.h"
#include "view/scan.h"
#include "view/snapshot.h"

/* Two ranges and a part. */
enum { CUSTOMERS = 2 * VIEW_RANGE_CUSTOMERS + 52, SEED = 21 };

static char scratch[LX_PATH_MAX];
static char folder[LX_PATH_MAX];

static void in_bank(const char *name, char path[LX_PATH_MAX])
{
    struct lx_error err;
    MUST(host_join(path, folder, name, &err));
}

static int make_bank(void **state)
{
    struct lx_error err;
    scratch_make(scratch);
    MUST(host_join(folder, scratch, "bank", &err));
    random_bank_create(folder);
    random_bank_load(folder, SEED, 0, CUSTOMERS);
    return 0;
}

/* The bank is made once; each test begins without a snapshot. */
static int drop_snapshots(void **state)
{
    char path[LX_PATH_MAX];
    struct lx_error err;
    in_bank("snapshot", path);
    MUST(host_remove_tree(path, &err));
    return 0;
}

static int drop_bank(void **state)
{
    scratch_remove(scratch);
    return 0;
}

static struct view_refresh_result refresh(int thread_count)
{
    struct lx_error err;
    struct lx_env env = test_env(thread_count);
    struct view_refresh_result result;
    MUST(view_refresh(folder, HISTORY_NOW_MS, 77, &env, &result, &err));
    return result;
}

static struct view_snapshot *open_snapshot(void)
{
    struct lx_error err;
    struct view_snapshot *snapshot = NULL;
    MUST(view_snapshot_open(folder, &snapshot, &err));
    return snapshot;
}

static void current_path(char path[LX_PATH_MAX])
{
    struct lx_error err;
    char file[LX_PATH_MAX], name[128];
    in_bank("snapshot/current", file);
    FILE *current = fopen(file, "r");
    assert_non_null(current);
    assert_int_equal(fscanf(current, "%127s", name), 1);
    fclose(current);
    in_bank("snapshot", file);
    MUST(host_join(path, file, name, &err));
}

static size_t snapshot_files(void)
{
    struct lx_error err;
    char path[LX_PATH_MAX];
    struct host_names names = {0};
    in_bank("snapshot", path);
    MUST(host_list(path, &names, &err));
    size_t count = names.count;
    host_names_release(&names);
    return count;
}

static void check_facts(const struct view_facts *got, const struct view_facts *want,
                        int64_t customer)
{
    if (got->age != want->age || got->risk_level != want->risk_level ||
        got->is_overdue != want->is_overdue ||
        got->has_personal_consent != want->has_personal_consent ||
        got->is_do_not_contact != want->is_do_not_contact ||
        got->has_open_complaint != want->has_open_complaint ||
        memcmp(got->held, want->held, sizeof got->held) != 0 ||
        got->assets_fen != want->assets_fen || got->refused_channels != want->refused_channels ||
        got->risk_expires_ms != want->risk_expires_ms || got->birth_day != want->birth_day ||
        got->branch != want->branch || got->occupation != want->occupation)
        fail_msg("customer %ld: other facts", (long)customer);
}

/* Bits, not values: a NaN of another kind would be another number to a hash. */
static void check_bits(const float *got, const float *want, size_t count, int64_t customer)
{
    for (size_t i = 0; i < count; i++)
        if (memcmp(&got[i], &want[i], sizeof *got) != 0)
            fail_msg("customer %ld: value %zu: got %.9g, want %.9g", (long)customer, i,
                     (double)got[i], (double)want[i]);
}

static void check_customer(struct bank *bank, const struct view_snapshot *snapshot,
                           int64_t customer)
{
    struct lx_error err;
    struct lx_arena arena;
    struct bank_history history;
    struct view_facts facts, own_facts;
    float values[VALUES_MAX], own[VALUES_MAX], pairs[VALUES_MAX], own_pairs[VALUES_MAX];
    struct view_context context = {bank_catalogue(bank), view_snapshot_peers(snapshot),
                                   HISTORY_UTC_OFFSET};
    MUST(view_scratch_open(view_snapshot_features(snapshot), bank_catalogue(bank), &context.scratch,
                           &err));
    lx_arena_init(&arena, LX_FILE_MAX);
    MUST(bank_history_read(bank, customer, &arena, &history, &err));
    view_customer_features(&history, &context, HISTORY_NOW_MS, values);
    view_pair_features(&history, &context, HISTORY_NOW_MS, values, pairs);
    view_facts(&history, &context, HISTORY_NOW_MS, &facts);
    view_snapshot_customer(snapshot, customer, own);
    view_snapshot_pairs(snapshot, customer, context.scratch, own_pairs);
    view_snapshot_facts(snapshot, customer, &own_facts);
    check_bits(own, values, view_features_count(view_snapshot_features(snapshot), VIEW_CUSTOMER),
               customer);
    check_bits(own_pairs, pairs,
               HISTORY_PRODUCTS * view_features_count(view_snapshot_features(snapshot), VIEW_PAIR),
               customer);
    check_facts(&own_facts, &facts, customer);

    int64_t found = -1;
    MUST(view_snapshot_find(snapshot, history.id, &found, &err));
    assert_int_equal(found, customer);
    size_t length;
    const char *id = view_snapshot_id(snapshot, customer, &length);
    assert_int_equal(length, strlen(history.id));
    assert_memory_equal(id, history.id, length);
    view_scratch_close(context.scratch);
    lx_arena_release(&arena);
}

static void test_a_snapshot_holds_what_the_features_gave(void **state)
{
    struct lx_error err;
    struct view_refresh_result result = refresh(2);
    struct view_snapshot *snapshot = open_snapshot();
    struct bank *bank = NULL;
    MUST(bank_open(folder, STORE_READ, &bank, &err));
    assert_int_equal(result.customers, CUSTOMERS);
    assert_int_equal(result.as_of_ms, HISTORY_NOW_MS);
    assert_int_equal(result.features,
                     view_features_count(view_snapshot_features(snapshot), VIEW_CUSTOMER) +
                         view_features_count(view_snapshot_features(snapshot), VIEW_PAIR));
    assert_int_equal(view_snapshot_customers(snapshot), CUSTOMERS);
    assert_int_equal(view_snapshot_as_of_ms(snapshot), HISTORY_NOW_MS);
    assert_int_equal(view_snapshot_journal_position(snapshot), 77);
    assert_int_equal(view_peers_customers(view_snapshot_peers(snapshot)), CUSTOMERS);
    MUST(view_snapshot_verify(snapshot, &err));
    for (int64_t customer = 0; customer < CUSTOMERS; customer++)
        check_customer(bank, snapshot, customer);
    bank_close(bank);
    view_snapshot_close(snapshot);
}

static void test_an_unknown_customer_is_named(void **state)
{
    static const char *const ids[] = {"", "nobody", "00000000-0", "灵犀"};
    refresh(1);
    struct view_snapshot *snapshot = open_snapshot();
    for (size_t i = 0; i < LX_COUNT_OF(ids); i++) {
        struct lx_error err;
        int64_t customer = 42;
        assert_int_equal(view_snapshot_find(snapshot, ids[i], &customer, &err), LX_ERR_NOT_FOUND);
        assert_int_equal(customer, 42);
        assert_non_null(strstr(err.text, ids[i]));
    }
    view_snapshot_close(snapshot);
}

static void read_current(struct lx_buffer *bytes)
{
    struct lx_error err;
    char path[LX_PATH_MAX];
    current_path(path);
    lx_buffer_init(bytes, LX_FILE_MAX);
    MUST(host_read_file(path, bytes, &err));
}

static void test_any_number_of_threads_makes_the_same_bytes(void **state)
{
    struct lx_buffer one, several;
    refresh(1);
    read_current(&one);
    for (int threads = 2; threads <= 5; threads += 3) {
        refresh(threads);
        read_current(&several);
        assert_int_equal(one.length, several.length);
        assert_memory_equal(one.bytes, several.bytes, one.length);
        lx_buffer_release(&several);
    }
    lx_buffer_release(&one);
}

static void test_the_snapshot_before_is_kept_and_older_ones_go(void **state)
{
    struct lx_error err;
    char first[LX_PATH_MAX], second[LX_PATH_MAX], third[LX_PATH_MAX];
    refresh(1);
    current_path(first);
    struct view_snapshot *open_since = open_snapshot();
    refresh(1);
    current_path(second);
    assert_int_equal(snapshot_files(), 3); /* two and `current` */
    assert_true(host_exists(first));
    refresh(1);
    current_path(third);
    assert_int_equal(snapshot_files(), 3);
    assert_false(host_exists(first));
    assert_true(host_exists(second));
    assert_string_not_equal(second, third);
    /* Who has it open keeps it. */
    MUST(view_snapshot_verify(open_since, &err));
    view_snapshot_close(open_since);
}

/* A refresh whose disk is full after so many writes; true if it came through. */
static bool refresh_with_room_for(uint64_t writes, const char *before)
{
    char now[LX_PATH_MAX];
    struct lx_env env = test_env(1);
    struct view_refresh_result result = {.customers = 99};
    struct lx_error err = {LX_OK, ""};
    host_fault_after(writes, ENOSPC);
    enum lx_err code = view_refresh(folder, HISTORY_NOW_MS, 78, &env, &result, &err);
    host_fault_after(0, 0);
    if (code == LX_OK) return true;

    assert_int_equal(code, LX_ERR_DISK_FULL);
    assert_int_equal(result.customers, 99);
    current_path(now);
    struct view_snapshot *snapshot = open_snapshot();
    MUST(view_snapshot_verify(snapshot, &err));
    /* Where only the last sync of the folder failed the new one is there. */
    bool is_old = view_snapshot_journal_position(snapshot) == 77;
    assert_int_equal(strcmp(now, before) == 0, is_old);
    view_snapshot_close(snapshot);
    if (is_old && snapshot_files() != 2) fail_msg("%lu writes: a trace", (unsigned long)writes);
    return !is_old;
}

/* The first writes, some in the middle, and the last ones, found by halving. */
static void test_a_full_disk_leaves_the_old_snapshot(void **state)
{
    char before[LX_PATH_MAX];
    refresh(1);
    current_path(before);
    uint64_t fails = 0, comes_through = 0;
    for (; fails < 4; fails++) assert_false(refresh_with_room_for(fails, before));
    for (uint64_t writes = 200; comes_through == 0; writes += 200) {
        uint64_t files = snapshot_files();
        assert_int_equal(files, 2);
        if (refresh_with_room_for(writes, before))
            comes_through = writes;
        else
            fails = writes;
    }
    assert_true(fails > 300);
    while (comes_through - fails > 1) {
        uint64_t middle = fails + (comes_through - fails) / 2;
        drop_snapshots(NULL);
        refresh(1);
        current_path(before);
        if (refresh_with_room_for(middle, before))
            comes_through = middle;
        else
            fails = middle;
    }
    drop_snapshots(NULL);
    refresh(1);
    current_path(before);
    for (uint64_t last = 0; last < 5; last++)
        assert_false(refresh_with_room_for(fails - last, before));
}

static void test_what_a_killed_refresh_left_is_swept(void **state)
{
    struct lx_error err;
    char path[LX_PATH_MAX], snapshots[LX_PATH_MAX];
    static const char *const left[] = {"2026-03-31-9.frame", "2026-03-31-9.frame.tmp",
                                       "2026-03-31-9.frame.spool-0", "current.tmp"};
    refresh(1);
    for (size_t i = 0; i < LX_COUNT_OF(left); i++) {
        in_bank("snapshot", snapshots);
        MUST(host_join(path, snapshots, left[i], &err));
        MUST(host_write_atomic(path, "half", 4, &err));
    }
    refresh(1);
    assert_int_equal(snapshot_files(), 3);
    current_path(path);
    assert_non_null(strstr(path, "2026-03-31-10.frame")); /* no name is used twice */
}

static void test_without_a_snapshot_or_customers_the_error_says_what_to_do(void **state)
{
    char empty[LX_PATH_MAX];
    struct lx_error err;
    struct lx_env env = test_env(1);
    struct view_snapshot *snapshot = NULL;
    struct view_refresh_result result;
    assert_int_equal(view_snapshot_open(folder, &snapshot, &err), LX_ERR_NOT_READY);
    assert_non_null(strstr(err.text, "lingxi refresh"));
    MUST(host_join(empty, scratch, "empty", &err));
    random_bank_create(empty);
    assert_int_equal(view_refresh(empty, BANK_UNKNOWN_MS, 0, &env, &result, &err),
                     LX_ERR_NOT_READY);
    assert_non_null(strstr(err.text, "lingxi import"));
    assert_int_equal(view_refresh("no/such/bank", BANK_UNKNOWN_MS, 0, &env, &result, &err),
                     LX_ERR_NOT_FOUND);
}

static void test_the_default_moment_is_the_end_of_the_newest_facts_day(void **state)
{
    struct lx_error err;
    struct lx_env env = test_env(1);
    struct view_refresh_result result;
    struct bank *bank = NULL;
    int64_t newest_ms = 0;
    MUST(bank_open(folder, STORE_READ, &bank, &err));
    MUST(bank_newest_known_ms(bank, &newest_ms, &err));
    bank_close(bank);
    MUST(view_refresh(folder, BANK_UNKNOWN_MS, 0, &env, &result, &err));
    assert_true(result.as_of_ms >= newest_ms);
    assert_true(result.as_of_ms < newest_ms + LX_MS_PER_DAY);
    int64_t next_ms = result.as_of_ms + 1;
    assert_int_equal(lx_ms_of_day(lx_day_of_ms(next_ms, HISTORY_UTC_OFFSET), HISTORY_UTC_OFFSET),
                     next_ms);
}

static void test_a_damaged_snapshot_is_refused(void **state)
{
    char path[LX_PATH_MAX];
    struct lx_error err;
    struct lx_buffer bytes;
    struct view_snapshot *snapshot = NULL;
    refresh(1);
    current_path(path);
    read_current(&bytes);
    MUST(host_write_atomic(path, bytes.bytes, bytes.length - 64, &err));
    assert_int_equal(view_snapshot_open(folder, &snapshot, &err), LX_ERR_CORRUPT);
    assert_non_null(strstr(err.text, path));
    bytes.bytes[bytes.length / 2] ^= 1;
    MUST(host_write_atomic(path, bytes.bytes, bytes.length, &err));
    snapshot = open_snapshot(); /* the blocks are not read to open it */
    assert_int_equal(view_snapshot_verify(snapshot, &err), LX_ERR_CORRUPT);
    view_snapshot_close(snapshot);
    lx_buffer_release(&bytes);
    in_bank("snapshot/current", path);
    MUST(host_write_atomic(path, "../../etc\n", 10, &err));
    assert_int_equal(view_snapshot_open(folder, &snapshot, &err), LX_ERR_CORRUPT);
}

static enum lx_err copy_column(const struct frame *frame, struct frame_writer *writer,
                               const struct frame_column *column, struct lx_error *err)
{
    const struct roaring_bitmap_s *bitmap = NULL;
    enum lx_err code = LX_OK;
    switch (column->type) {
    case FRAME_TEXT:
    case FRAME_LIST:
        return frame_write_list(writer, column->name, column->type, column->element_size,
                                column->offsets, column->values, err);
    case FRAME_BLOB:
        return frame_write_blob(writer, column->name, column->values, (size_t)column->count, err);
    case FRAME_BITMAP:
        code = frame_bitmap_open(frame, column->name, &bitmap, err);
        if (code == LX_OK) code = frame_write_bitmap(writer, column->name, bitmap, err);
        frame_bitmap_close(bitmap);
        return code;
    default:
        return frame_write_nullable(writer, column->name, column->type, column->values,
                                    column->nulls, err);
    }
}

/* The current snapshot without one of its columns, whole in every other way. */
static void drop_column(const char *name)
{
    char path[LX_PATH_MAX];
    struct lx_error err;
    struct frame *frame = NULL;
    struct frame_writer *writer = NULL;
    size_t length, dropped = 0;
    current_path(path);
    MUST(frame_open(path, &frame, &err));
    MUST(frame_writer_open(path, frame_row_count(frame), &writer, &err));
    for (size_t i = 0; i < frame_column_count(frame); i++) {
        struct frame_column column;
        MUST(frame_column_at(frame, i, &column, &err));
        if (strcmp(column.name, name) == 0)
            dropped++;
        else
            MUST(copy_column(frame, writer, &column, &err));
    }
    assert_int_equal(dropped, 1);
    const char *meta = frame_meta(frame, &length);
    MUST(frame_writer_commit(writer, meta, length, &err));
    frame_writer_close(writer);
    frame_close(frame);
}

static void test_a_snapshot_without_a_column_is_refused_by_its_name(void **state)
{
    static const char *const names[] = {"logins_30d", "act_trend", "facts.age", "id.hash", "pairs"};
    for (size_t i = 0; i < LX_COUNT_OF(names); i++) {
        struct view_snapshot *snapshot = NULL;
        struct lx_error err;
        refresh(1);
        drop_column(names[i]);
        assert_int_equal(view_snapshot_open(folder, &snapshot, &err), LX_ERR_CORRUPT);
        if (strstr(err.text, names[i]) == NULL) fail_msg("%s: %s", names[i], err.text);
    }
}

/* As a server does after a restart: it answers at once, and finds the damage beside the work. */
static void test_damage_is_found_beside_the_work(void **state)
{
    char path[LX_PATH_MAX];
    struct lx_error err;
    struct lx_buffer bytes;
    struct frame_check *check = NULL;
    refresh(1);
    current_path(path);
    read_current(&bytes);
    for (int is_damaged = 0; is_damaged < 2; is_damaged++) {
        bytes.bytes[bytes.length / 3] ^= (char)is_damaged;
        MUST(host_write_atomic(path, bytes.bytes, bytes.length, &err));
        struct view_snapshot *snapshot = open_snapshot();
        MUST(frame_verify_start(view_snapshot_frame(snapshot), &check, &err));
        while (!frame_check_is_done(check)) continue;
        assert_int_equal(frame_check_peek(check, &err), is_damaged ? LX_ERR_CORRUPT : LX_OK);
        assert_int_equal(frame_check_finish(check, &err), is_damaged ? LX_ERR_CORRUPT : LX_OK);
        view_snapshot_close(snapshot);
    }
    lx_buffer_release(&bytes);
}

/* One thread, as the hook asks for; every allocation to open, one in seven to refresh. */
static void test_refused_memory_is_an_error_and_leaves_the_old_snapshot(void **state)
{
    struct lx_env env = test_env(1);
    struct lx_error err;
    refresh(1);
    for (uint64_t allocation = 1;; allocation++) {
        struct view_snapshot *snapshot = NULL;
        lx_alloc_fail_at(allocation);
        enum lx_err code = view_snapshot_open(folder, &snapshot, &err);
        lx_alloc_fail_at(0);
        view_snapshot_close(snapshot);
        if (code == LX_OK) break;
        assert_int_equal(code, LX_ERR_NO_MEMORY);
    }
    for (uint64_t allocation = 1;; allocation += 7) {
        struct view_refresh_result result;
        lx_alloc_fail_at(allocation);
        enum lx_err code = view_refresh(folder, HISTORY_NOW_MS, 78, &env, &result, &err);
        lx_alloc_fail_at(0);
        if (code == LX_OK) break;
        assert_int_equal(code, LX_ERR_NO_MEMORY);
        struct view_snapshot *snapshot = open_snapshot();
        assert_int_equal(view_snapshot_journal_position(snapshot), 77);
        view_snapshot_close(snapshot);
        assert_int_equal(snapshot_files(), 2);
    }
}

static void test_another_catalogue_asks_for_a_new_snapshot(void **state)
{
    char path[LX_PATH_MAX], text[1 << 13];
    struct lx_error err;
    struct view_snapshot *snapshot = NULL;
    refresh(1);
    size_t length = random_catalogue(text, sizeof text);
    in_bank("catalogue.ini", path);
    char *risk = strstr(text, "risk = R2");
    risk[strlen("risk = R")] = '3';
    MUST(host_write_atomic(path, text, length, &err));
    assert_int_equal(view_snapshot_open(folder, &snapshot, &err), LX_ERR_NOT_READY);
    assert_non_null(strstr(err.text, "another catalogue of products"));
    refresh(1);
    view_snapshot_close(open_snapshot());
}

static void test_a_new_customer_is_in_the_next_snapshot(void **state)
{
    struct random_history random;
    struct lx_error err;
    int64_t customer;
    random_history(SEED, CUSTOMERS, &random);
    refresh(1);
    struct view_snapshot *snapshot = open_snapshot();
    random_bank_load(folder, SEED, CUSTOMERS, CUSTOMERS + 1);
    assert_int_equal(view_snapshot_find(snapshot, random.id, &customer, &err), LX_ERR_NOT_FOUND);
    view_snapshot_close(snapshot);
    refresh(1);
    snapshot = open_snapshot();
    MUST(view_snapshot_find(snapshot, random.id, &customer, &err));
    assert_int_equal(customer, CUSTOMERS);
    view_snapshot_close(snapshot);
}

#define TEST(name) cmocka_unit_test_setup(name, drop_snapshots)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_snapshot_holds_what_the_features_gave),
        TEST(test_an_unknown_customer_is_named),
        TEST(test_any_number_of_threads_makes_the_same_bytes),
        TEST(test_the_snapshot_before_is_kept_and_older_ones_go),
        TEST(test_a_full_disk_leaves_the_old_snapshot),
        TEST(test_what_a_killed_refresh_left_is_swept),
        TEST(test_without_a_snapshot_or_customers_the_error_says_what_to_do),
        TEST(test_the_default_moment_is_the_end_of_the_newest_facts_day),
        TEST(test_a_damaged_snapshot_is_refused),
        TEST(test_a_snapshot_without_a_column_is_refused_by_its_name),
        TEST(test_damage_is_found_beside_the_work),
        TEST(test_refused_memory_is_an_error_and_leaves_the_old_snapshot),
        TEST(test_another_catalogue_asks_for_a_new_snapshot),
        TEST(test_a_new_customer_is_in_the_next_snapshot),
    };
    return cmocka_run_group_tests(tests, make_bank, drop_bank);
}
