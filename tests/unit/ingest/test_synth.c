/*
 * Goal:   a synthetic bank is the same bytes for the same options, its rates are those that the
 *         profile asks for, its rows agree with each other, and what fails says where.
 * Method: one clean bank of 20,000 customers is written once and read back with the plainest code
 *         there is: every balance is the one before plus the amount, every list is in order, every
 *         customer is known. Small banks are hashed file by file across threads, seeds and dirt.
 */
#include "cmocka_all.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/dictionary.h"
#include "codec/digest.h"
#include "host/file.h"
#include "ingest/synth.h"
#include "scene.h"

enum { CUSTOMERS = 20000, SMALL = 1500, PRODUCTS = 19, PATH_SIZE = 600, FIELDS_MAX = 24 };

static struct bank_catalogue catalogue;
static struct lx_buffer profile;
static char top[PATH_SIZE - 200];
static struct synth_result clean; /* of the bank in top/clean */

static void progress(void *context, const char *what, uint64_t done, uint64_t total)
{
    uint64_t *last = context;
    assert_string_equal(what, "synth");
    assert_true(done > *last && done <= total);
    *last = done;
}

static struct synth_options options_of(const char *name, uint64_t customers, uint64_t seed,
                                       uint32_t dirt_ppm, char path[PATH_SIZE])
{
    snprintf(path, PATH_SIZE, "%s/%s", top, name);
    return (struct synth_options){.folder = path,
                                  .catalogue = &catalogue,
                                  .profile_file = "profile.ini",
                                  .profile = lx_buffer_text(&profile),
                                  .profile_length = profile.length,
                                  .customers = customers,
                                  .months = 24,
                                  .seed = seed,
                                  .dirt_ppm = dirt_ppm};
}

static enum lx_err write_bank(const struct synth_options *options, int thread_count,
                              struct synth_result *ret_result, struct lx_error *err)
{
    uint64_t last = 0;
    struct lx_env env = {.context = &last, .progress = progress, .thread_count = thread_count};
    return synth_write(options, &env, ret_result, err);
}

static void must_write(const struct synth_options *options, int thread_count,
                       struct synth_result *ret_result)
{
    struct lx_error err = {0};
    if (write_bank(options, thread_count, ret_result, &err) != LX_OK) fail_msg("%s", err.text);
}

static void read_shipped(const char *name, struct lx_buffer *buffer)
{
    const char *root = getenv("LINGXI_ROOT");
    char path[PATH_SIZE];
    struct lx_error err = {0};
    snprintf(path, sizeof path, "%s/data/%s", root == NULL ? "." : root, name);
    lx_buffer_init(buffer, LX_CONFIG_MAX);
    if (host_read_file(path, buffer, &err) != LX_OK) fail_msg("%s", err.text);
}

static int open_all(void **state)
{
    (void)state;
    struct lx_buffer text;
    struct lx_error err = {0};
    read_shipped("catalogue.ini", &text);
    assert_int_equal(
        bank_catalogue_parse("catalogue.ini", text.bytes, text.length, &catalogue, &err), LX_OK);
    lx_buffer_release(&text);
    read_shipped("synth/profile.ini", &profile);
    char folder[LX_PATH_MAX];
    scratch_make(folder);
    assert_true(strlen(folder) < sizeof top);
    memcpy(top, folder, strlen(folder) + 1);
    char path[PATH_SIZE];
    struct synth_options options = options_of("clean", CUSTOMERS, 1, 0, path);
    must_write(&options, 2, &clean);
    return 0;
}

static int close_all(void **state)
{
    (void)state;
    struct lx_error err = {0};
    bank_catalogue_release(&catalogue);
    lx_buffer_release(&profile);
    return host_remove_tree(top, &err) == LX_OK ? 0 : -1;
}

/* One file of a bank, split into rows and fields in place. */
struct rows {
    struct lx_buffer text;
    char *next;
    const char *delimiter;
    const char *name;
    size_t line;
    char *fields[FIELDS_MAX];
    size_t count;
};

static void rows_open(struct rows *rows, const char *bank, const char *name)
{
    char path[PATH_SIZE];
    struct lx_error err = {0};
    memset(rows, 0, sizeof *rows);
    snprintf(path, sizeof path, "%s/%s/%s", top, bank, name);
    lx_buffer_init(&rows->text, (size_t)1 << 30);
    if (host_read_file(path, &rows->text, &err) != LX_OK) fail_msg("%s", err.text);
    rows->next = rows->text.bytes;
    rows->name = name;
    bool is_dump = strstr(name, ".dat") != NULL;
    rows->delimiter = strcmp(name, "customers.dat") == 0 ? "|@|" : is_dump ? "|!|" : ",";
    if (!is_dump) rows->next = strchr(rows->next, '\n') + 1;
}

static bool rows_next(struct rows *rows)
{
    if (rows->next == NULL || *rows->next == '\0') return false;
    char *end = strchr(rows->next, '\n'), *field = rows->next;
    assert_non_null(end);
    *end = '\0';
    rows->next = end + 1;
    rows->line++;
    for (rows->count = 0;;) {
        assert_true(rows->count < FIELDS_MAX);
        rows->fields[rows->count++] = field;
        field = strstr(field, rows->delimiter);
        if (field == NULL) break;
        *field = '\0';
        field += strlen(rows->delimiter);
    }
    if (strcmp(rows->fields[0], "END") != 0) return true;
    assert_int_equal(strtoull(rows->fields[1], NULL, 10), rows->line - 1);
    assert_true(*rows->next == '\0');
    return false;
}

static void rows_close(struct rows *rows)
{
    lx_buffer_release(&rows->text);
}

static int64_t fen_of(const char *text)
{
    bool is_negative = *text == '-';
    char *end;
    long long yuan = strtoll(text + is_negative, &end, 10);
    assert_true(end[0] == '.' && end[3] == '\0');
    int64_t fen = yuan * 100 + (end[1] - '0') * 10 + (end[2] - '0');
    return is_negative ? -fen : fen;
}

/* Customers of the clean bank, and what is known about each. */
struct person {
    int64_t balance_fen;
    uint32_t last_number;
    char last_time[16];
    bool has_balance;
};

struct people {
    struct lx_dictionary ids;
    struct person *persons;
};

static void people_open(struct people *people)
{
    struct rows rows;
    lx_dictionary_init(&people->ids, CUSTOMERS);
    rows_open(&rows, "clean", "customers.dat");
    while (rows_next(&rows)) {
        uint32_t number;
        assert_int_equal(rows.count, 12);
        assert_int_equal(strlen(rows.fields[0]), 32);
        assert_int_equal(strspn(rows.fields[0], "0123456789abcdef"), 32);
        assert_true(strlen(rows.fields[1]) >= 4); /* two characters of GB18030 */
        assert_int_equal(lx_dictionary_add(&people->ids, rows.fields[0], 32, &number, NULL), LX_OK);
    }
    rows_close(&rows);
    assert_int_equal(people->ids.count, CUSTOMERS);
    people->persons = lx_calloc(CUSTOMERS, sizeof *people->persons);
    assert_non_null(people->persons);
}

static void people_close(struct people *people)
{
    lx_dictionary_release(&people->ids);
    lx_free(people->persons);
}

static struct person *person_of(const struct people *people, const struct rows *rows,
                                const char *id)
{
    int64_t number = lx_dictionary_find(&people->ids, id, strlen(id));
    if (number < 0) fail_msg("%s:%zu: no such customer", rows->name, rows->line);
    return &people->persons[number];
}

static void hash_bank(const char *bank, char ret_text[DIGEST_TEXT_SIZE])
{
    char path[PATH_SIZE];
    struct lx_error err = {0};
    struct digest digest;
    assert_int_equal(digest_init(&digest), LX_OK);
    for (int is_truth = 0; is_truth < 2; is_truth++) {
        struct host_names names = {0};
        snprintf(path, sizeof path, "%s/%s%s", top, bank, is_truth ? "/truth" : "");
        assert_int_equal(host_list(path, &names, &err), LX_OK);
        assert_true(names.count >= 4);
        for (size_t i = 0; i < names.count; i++) {
            char file[PATH_SIZE + 280];
            struct lx_buffer text;
            lx_buffer_init(&text, (size_t)1 << 30);
            snprintf(file, sizeof file, "%s/%s", path, names.names[i]);
            assert_int_equal(host_read_file(file, &text, &err), LX_OK);
            digest_add(&digest, names.names[i], strlen(names.names[i]));
            digest_add(&digest, text.bytes, text.length);
            lx_buffer_release(&text);
        }
        host_names_release(&names);
    }
    uint8_t hash[DIGEST_SIZE];
    digest_finish(&digest, hash);
    digest_text(hash, ret_text);
}

static void test_same_seed_gives_the_same_bytes_whatever_the_threads(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int threads;
        uint64_t seed;
    } banks[] = {{"one", 1, 7}, {"two", 2, 7}, {"five", 5, 7}, {"other", 2, 8}};
    char hashes[4][DIGEST_TEXT_SIZE], path[PATH_SIZE];
    for (size_t i = 0; i < LX_COUNT_OF(banks); i++) {
        struct synth_result result;
        struct synth_options options = options_of(banks[i].name, SMALL, banks[i].seed, 2000, path);
        must_write(&options, banks[i].threads, &result);
        hash_bank(banks[i].name, hashes[i]);
    }
    assert_string_equal(hashes[0], hashes[1]);
    assert_string_equal(hashes[0], hashes[2]);
    assert_string_not_equal(hashes[0], hashes[3]);
}

/*
 * A bank must not depend on the compiler or the machine either. Whoever changes the model or the
 * shipped profile changes this hash, and only he: take the new one from the message.
 */
static void test_every_machine_makes_the_same_bytes(void **state)
{
    (void)state;
    static const char want[] = "cd5c5140c28407723ced55412f9c3966816dbe1cd7163095cfa3b0a38ba9f6f8";
    char path[PATH_SIZE], got[DIGEST_TEXT_SIZE];
    struct synth_result result;
    struct synth_options options = options_of("golden", 400, 20, 2000, path);
    options.months = 6;
    must_write(&options, 2, &result);
    hash_bank("golden", got);
    assert_string_equal(got, want);
}

static void test_rates_are_those_that_were_asked_for(void **state)
{
    (void)state;
    double yearly = (double)clean.events / CUSTOMERS / 2;
    double holders = (double)clean.holders / CUSTOMERS;
    double yes = (double)clean.yes / (double)clean.shown;
    print_message("%.2f events a customer and year, %.4f hold more than savings, %.4f say yes\n",
                  yearly, holders, yes);
    assert_int_equal(clean.customers, CUSTOMERS);
    assert_true(yearly > 25 && yearly < 29);
    assert_true(holders > 0.01 && holders < 0.03);
    assert_true(yes > 0.015 && yes < 0.025);
    assert_true(clean.shown < clean.exposures);
}

static void test_every_balance_is_the_one_before_plus_the_amount(void **state)
{
    (void)state;
    struct people people;
    struct rows rows;
    people_open(&people);
    rows_open(&rows, "clean", "balances.dat");
    while (rows_next(&rows)) {
        struct person *person = person_of(&people, &rows, rows.fields[0]);
        person->balance_fen = fen_of(rows.fields[2]);
        person->has_balance = true;
    }
    rows_close(&rows);
    size_t count = 0;
    for (int month = 0; month < 24; month++) {
        char name[32];
        int number = 2024 * 12 + 6 + month;
        snprintf(name, sizeof name, "txn_%04d%02d.dat", number / 12, number % 12 + 1);
        rows_open(&rows, "clean", name);
        while (rows_next(&rows)) {
            assert_int_equal(rows.count, 10);
            struct person *person = person_of(&people, &rows, rows.fields[0]);
            int64_t amount_fen = fen_of(rows.fields[4]), balance_fen = fen_of(rows.fields[5]);
            if (person->balance_fen + amount_fen != balance_fen || balance_fen < 0)
                fail_msg("%s:%zu: %" PRId64 " + %" PRId64 " is not %" PRId64, name, rows.line,
                         person->balance_fen, amount_fen, balance_fen);
            uint32_t event = (uint32_t)strtoul(rows.fields[1], NULL, 10);
            if (strcmp(person->last_time, rows.fields[2]) > 0 || event <= person->last_number)
                fail_msg("%s:%zu: out of order", name, rows.line);
            assert_memory_equal(rows.fields[2], name + 4, 6);
            assert_true(strncmp(rows.fields[9], rows.fields[2], 8) >= 0);
            person->balance_fen = balance_fen;
            person->last_number = event;
            memcpy(person->last_time, rows.fields[2], 15);
            count++;
        }
        rows_close(&rows);
    }
    assert_true(count > CUSTOMERS * 20);
    people_close(&people);
}

static void test_contracts_open_before_they_close_and_belong_to_somebody(void **state)
{
    (void)state;
    struct people people;
    struct rows rows;
    people_open(&people);
    uint64_t in_window = 0, before = 0;
    rows_open(&rows, "clean", "contracts.dat");
    while (rows_next(&rows)) {
        assert_int_equal(rows.count, 7);
        const char *opened = rows.fields[3], *closed = rows.fields[4];
        (void)person_of(&people, &rows, rows.fields[1]);
        assert_true(bank_catalogue_find(&catalogue, rows.fields[2], strlen(rows.fields[2])) >= 0);
        assert_int_equal(strlen(opened), 14);
        *(strcmp(opened, "20240701") >= 0 ? &in_window : &before) += 1;
        if (*closed == '\0') continue;
        if (strcmp(opened, closed) > 0) fail_msg("contracts.dat:%zu: closed before", rows.line);
        *(strcmp(closed, "20240701") >= 0 ? &in_window : &before) += 1;
        assert_true(strcmp(closed, "20260701") < 0);
    }
    rows_close(&rows);
    assert_int_equal(before, clean.history);
    assert_true(in_window > 0 && in_window < clean.events);
    people_close(&people);
}

static void test_every_row_of_a_clean_bank_names_a_known_customer(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        size_t id;
    } files[] = {{"accounts.dat", 0},      {"service.csv", 1},     {"risk.csv", 0},
                 {"consents.csv", 0},      {"assignments.csv", 0}, {"campaign_log.csv", 1},
                 {"applog_202501.csv", 1}, {"complaints.csv", 0},  {"do_not_contact.csv", 0}};
    struct people people;
    people_open(&people);
    for (size_t i = 0; i < LX_COUNT_OF(files); i++) {
        struct rows rows;
        rows_open(&rows, "clean", files[i].name);
        while (rows_next(&rows)) (void)person_of(&people, &rows, rows.fields[files[i].id]);
        assert_true(rows.line > 100);
        rows_close(&rows);
    }
    people_close(&people);
}

static void test_each_complaint_opens_a_case_and_some_end(void **state)
{
    (void)state;
    struct rows rows;
    size_t cases = 0, closed = 0, complaints = 0, listed = 0, ended = 0;
    rows_open(&rows, "clean", "complaints.csv");
    for (; rows_next(&rows); cases++) {
        assert_int_equal(rows.count, 6);
        bool is_closed = rows.fields[5][0] != '\0';
        closed += is_closed;
        if (is_closed && strcmp(rows.fields[5], rows.fields[4]) <= 0)
            fail_msg("%s:%zu: closed before it was filed", rows.name, rows.line);
    }
    rows_close(&rows);
    rows_open(&rows, "clean", "service.csv");
    while (rows_next(&rows)) complaints += strcmp(rows.fields[3], "complaint") == 0;
    rows_close(&rows);
    assert_int_equal(cases, complaints);
    assert_true(closed > cases / 2 && closed < cases);
    rows_open(&rows, "clean", "do_not_contact.csv");
    for (; rows_next(&rows); listed++) {
        assert_int_equal(rows.count, 4);
        ended += rows.fields[3][0] != '\0';
        if (rows.fields[3][0] != '\0' && strcmp(rows.fields[3], rows.fields[2]) <= 0)
            fail_msg("%s:%zu: ends before it begins", rows.name, rows.line);
    }
    rows_close(&rows);
    assert_in_range(listed, CUSTOMERS * 7 / 1000, CUSTOMERS * 13 / 1000);
    assert_true(ended > 0 && ended < listed / 2);
}

/* The mean of the shown share over all that the policy considered cannot be known from the log, but
 * in the log random assignments must be a share of it, and control groups a tenth. */
static void test_campaign_log_has_answers_controls_and_random_shares(void **state)
{
    (void)state;
    struct rows rows;
    size_t controls = 0, randoms = 0, yes = 0, shown = 0, silent = 0;
    rows_open(&rows, "clean", "campaign_log.csv");
    while (rows_next(&rows)) {
        assert_int_equal(rows.count, 10);
        long ppm = strtol(rows.fields[5], NULL, 10);
        assert_true(ppm > 0 && ppm < 1000000);
        bool is_control = rows.fields[7][0] == '1', has_answer = rows.fields[8][0] != '\0';
        assert_true(!(is_control && has_answer));
        assert_int_equal(has_answer, rows.fields[9][0] != '\0');
        if (has_answer) assert_true(strncmp(rows.fields[9], rows.fields[4], 10) >= 0);
        controls += is_control;
        randoms += rows.fields[6][0] == '1';
        shown += !is_control;
        yes += rows.fields[8][0] == 'Y';
        silent += !is_control && !has_answer;
    }
    double total = (double)rows.line;
    rows_close(&rows);
    assert_int_equal(shown, clean.shown);
    assert_true(yes <= clean.yes && yes + silent >= clean.yes);
    assert_true((double)controls / total > 0.08 && (double)controls / total < 0.12);
    assert_true((double)randoms / total > 0.12 && (double)randoms / total < 0.30);
}

/* Who opened P18 in the window must have had the better chances by the truth: the area under the
 * ROC curve of the logit, by counting pairs against the first thousand who did not. */
static void test_truth_knows_who_opened_what(void **state)
{
    (void)state;
    static const struct {
        const char *product;
        double auc_min;
    } products[] = {{"P02", 0.60}, {"P11", 0.65}, {"P18", 0.70}};
    struct people people;
    people_open(&people);
    for (size_t i = 0; i < LX_COUNT_OF(products); i++) {
        int product =
            bank_catalogue_find(&catalogue, products[i].product, strlen(products[i].product));
        bool *opened = lx_calloc(CUSTOMERS, sizeof *opened);
        assert_non_null(opened);
        struct rows rows;
        rows_open(&rows, "clean", "contracts.dat");
        while (rows_next(&rows))
            if (strcmp(rows.fields[2], products[i].product) == 0 &&
                strcmp(rows.fields[3], "20240701") >= 0)
                opened[person_of(&people, &rows, rows.fields[1]) - people.persons] = true;
        rows_close(&rows);

        long others[1000], openers[8000];
        size_t other_count = 0, opener_count = 0;
        rows_open(&rows, "clean", "truth/offers.csv");
        while (rows_next(&rows)) {
            assert_int_equal(rows.count, 1 + PRODUCTS);
            long logit = strtol(rows.fields[1 + product], NULL, 10);
            bool is_opener = opened[person_of(&people, &rows, rows.fields[0]) - people.persons];
            if (is_opener && opener_count < LX_COUNT_OF(openers)) openers[opener_count++] = logit;
            if (!is_opener && other_count < LX_COUNT_OF(others)) others[other_count++] = logit;
        }
        rows_close(&rows);
        double wins = 0;
        for (size_t a = 0; a < opener_count; a++)
            for (size_t b = 0; b < other_count; b++)
                wins += openers[a] > others[b] ? 1 : openers[a] == others[b] ? 0.5 : 0;
        assert_true(opener_count >= 20 && other_count == LX_COUNT_OF(others));
        double auc = wins / ((double)opener_count * (double)other_count);
        print_message("%s: %zu opened it, ROC-AUC of the truth %.3f\n", products[i].product,
                      opener_count, auc);
        assert_true(auc > products[i].auc_min);
        lx_free(opened);
    }
    people_close(&people);
}

static void test_dirt_is_the_share_asked_for_and_changes_nothing_that_happened(void **state)
{
    (void)state;
    static const uint32_t shares_ppm[] = {0, 2000, 50000};
    struct synth_result results[3];
    char path[PATH_SIZE];
    for (size_t i = 0; i < LX_COUNT_OF(shares_ppm); i++) {
        char name[32];
        snprintf(name, sizeof name, "dirt-%u", shares_ppm[i]);
        struct synth_options options = options_of(name, SMALL, 3, shares_ppm[i], path);
        must_write(&options, 2, &results[i]);
        double ppm = (double)results[i].dirty * 1e6 / (double)results[i].rows;
        if (shares_ppm[i] == 0)
            assert_int_equal(results[i].dirty, 0);
        else if (ppm < 0.85 * shares_ppm[i] || ppm > 1.15 * shares_ppm[i])
            fail_msg("asked for %u ppm, got %.0f", shares_ppm[i], ppm);
        assert_int_equal(results[i].events, results[0].events);
        assert_int_equal(results[i].holders, results[0].holders);
        assert_int_equal(results[i].yes, results[0].yes);
    }
    assert_true(results[1].rows > results[0].rows && results[2].rows > results[1].rows);

    /* Spoilt rows are there: an empty customer, a day that does not exist, no such code. */
    struct rows rows;
    size_t gaps = 0, days = 0, codes = 0;
    rows_open(&rows, "dirt-50000", "txn_202501.dat");
    while (rows_next(&rows)) {
        gaps += rows.fields[0][0] == '\0';
        days += strncmp(rows.fields[2], "19871302", 8) == 0;
        codes += strcmp(rows.fields[3], "9999") == 0;
    }
    rows_close(&rows);
    assert_true(gaps > 0 && days > 0 && codes > 0);
}

static enum lx_err count_facts(void *context, const struct bank_history *history,
                               struct lx_error *err)
{
    (void)err;
    uint64_t *counts = context;
    for (size_t i = 0; i < history->event_count; i++) {
        const struct bank_event *event = &history->events[i];
        counts[event->is_correction ? 3 : 0]++;
        counts[4] += event->replaced_at_ms != 0;
    }
    counts[1] += history->exposure_count;
    counts[2] += history->profile_count > 0;
    return LX_OK;
}

/* The shipped mapping takes every row of a clean bank, of a dirty one all that is not spoilt. */
static void test_importer_takes_what_is_clean_and_only_that(void **state)
{
    (void)state;
    static const uint32_t shares_ppm[] = {0, 2000};
    struct lx_buffer mapping;
    read_shipped("mappings/synthetic.ini", &mapping);
    for (size_t i = 0; i < LX_COUNT_OF(shares_ppm); i++) {
        struct scene scene;
        struct synth_result written;
        struct import_result read;
        struct lx_error err = {0};
        uint64_t counts[5] = {0};
        char path[PATH_SIZE], name[32];
        scene_open(&scene);
        scene.max_rejects_ppm = 10000;
        snprintf(name, sizeof name, "import-%u", shares_ppm[i]);
        struct synth_options options = options_of(name, SMALL, 5, shares_ppm[i], path);
        must_write(&options, 2, &written);
        if (scene_import_of(&scene, path, "synthetic.ini", lx_buffer_text(&mapping), &read) !=
            LX_OK)
            fail_msg("%s", scene.err.text);
        struct bank *bank = scene_bank(&scene);
        assert_int_equal(bank_scan(bank, 0, SMALL, count_facts, counts, &err), LX_OK);
        bank_close(bank);
        assert_int_equal(scene_customers(&scene), SMALL);
        assert_int_equal(counts[2], SMALL);
        /* Each change is there: a version of its own, or an event that is no more. */
        assert_true(written.changes > 0);
        assert_int_equal(counts[4], written.changes);
        assert_true(counts[3] > 0 && counts[3] < written.changes);
        if (shares_ppm[i] == 0) {
            assert_int_equal(read.rows_rejected, 0);
            assert_int_equal(counts[0], written.events + written.history);
            assert_int_equal(counts[1], written.exposures);
        } else {
            assert_true(read.rows_rejected > 0 && read.rows_rejected <= written.dirty);
            assert_true(counts[0] < written.events + written.history);
            assert_true(counts[0] + written.dirty >= written.events + written.history);
        }
        scene_close(&scene);
    }
    lx_buffer_release(&mapping);
}

/* The profile with `from` replaced by `to`. */
static void change_profile(const char *from, const char *to, struct lx_buffer *ret_text)
{
    const char *text = lx_buffer_text(&profile), *found = strstr(text, from);
    assert_non_null(found);
    lx_buffer_init(ret_text, LX_CONFIG_MAX);
    lx_buffer_append(ret_text, text, (size_t)(found - text));
    lx_buffer_append_text(ret_text, to);
    lx_buffer_append_text(ret_text, found + strlen(from));
    assert_int_equal(lx_buffer_error(ret_text), LX_OK);
}

static void test_bad_profile_is_refused_with_its_line(void **state)
{
    (void)state;
    static const struct {
        const char *from, *to, *message;
    } rows[] = {
        {"end = 2026-06-30", "end = 2026-06-29", ": end = \"2026-06-29\": must be the last day"},
        {"end = 2026-06-30", "ende = 2026-06-30", ": [window] has no \"ende\""},
        {"focus = ", "focuss = ", ": [campaign] has no \"focuss\""},
        {"per_month = 4", "per_month = four", ": per_month = \"four\": not a number"},
        {"per_month = 4", "per_month = 4000", ": per_month = 4000: must lie in 1 to 40"},
        {"per_month = 4", "", "profile.ini: [campaign] lacks \"per_month\""},
        {"[need yield]", "[need yields]", ": no such section: [need yields]"},
        {"[stage farmer]", "[stage farmers]", ": no such section: [stage farmers]"},
        {"flow = deposit", "flow = hope", ": flow = \"hope\": no such flow"},
        {"flow = current", "flow = service", "exactly one product must have `flow = current`"},
        {"need.yield = ", "need.gold = ", " has no \"need.gold\""},
        {"with.P02 = ", "with.P77 = ", " has no \"with.P77\""},
        {"[product P19]", "[product P20]", ": no such section: [product P20]"},
    };
    for (size_t i = 0; i < LX_COUNT_OF(rows); i++) {
        char path[PATH_SIZE];
        struct lx_buffer text;
        struct lx_error err = {0};
        struct synth_result result;
        change_profile(rows[i].from, rows[i].to, &text);
        struct synth_options options = options_of("refused", 10, 1, 0, path);
        options.profile = text.bytes;
        options.profile_length = text.length;
        assert_int_equal(write_bank(&options, 1, &result, &err), LX_ERR_BAD_INPUT);
        if (strstr(err.text, rows[i].message) == NULL || strncmp(err.text, "profile.ini:", 12) != 0)
            fail_msg("row %zu: \"%s\"", i, err.text);
        assert_false(host_exists(path));
        lx_buffer_release(&text);
    }
}

static void test_numbers_out_of_range_are_refused(void **state)
{
    (void)state;
    char path[PATH_SIZE];
    struct synth_result result;
    struct lx_error err = {0};
    struct synth_options options = options_of("range", 0, 1, 0, path);
    assert_int_equal(write_bank(&options, 1, &result, &err), LX_ERR_USAGE);
    options.customers = 10;
    options.months = SYNTH_MONTHS_MAX + 1;
    assert_int_equal(write_bank(&options, 1, &result, &err), LX_ERR_USAGE);
    options.months = 24;
    options.dirt_ppm = SYNTH_DIRT_PPM_MAX + 1;
    assert_int_equal(write_bank(&options, 1, &result, &err), LX_ERR_USAGE);
    assert_false(host_exists(path));
}

static void test_folder_with_files_is_left_alone(void **state)
{
    (void)state;
    char path[PATH_SIZE], before[DIGEST_TEXT_SIZE], after[DIGEST_TEXT_SIZE];
    struct synth_result result;
    struct lx_error err = {0};
    struct synth_options options = options_of("full", 300, 1, 0, path);
    options.months = 1;
    must_write(&options, 1, &result);
    hash_bank("full", before);
    assert_int_equal(write_bank(&options, 1, &result, &err), LX_ERR_REFUSED);
    assert_non_null(strstr(err.text, path));
    hash_bank("full", after);
    assert_string_equal(before, after);
}

/* Headers, then the small files, then rows and last rows: a failure in each of them. */
static void test_full_disk_names_the_file_and_leaves_nothing(void **state)
{
    (void)state;
    static const uint64_t writes[] = {0, 5, 9, 14, 25, 35};
    for (size_t i = 0; i < LX_COUNT_OF(writes); i++) {
        char path[PATH_SIZE];
        struct synth_result result;
        struct lx_error err = {0};
        struct host_names names = {0};
        struct synth_options options = options_of("disk", 300, 1, 0, path);
        options.months = 3;
        host_fault_after(writes[i], ENOSPC);
        enum lx_err code = write_bank(&options, 2, &result, &err);
        host_fault_after(0, 0);
        if (code != LX_ERR_DISK_FULL || strstr(err.text, path) == NULL)
            fail_msg("after %" PRIu64 " writes: %s: %s", writes[i], lx_err_name(code), err.text);
        assert_int_equal(host_list(path, &names, &err), LX_OK);
        assert_int_equal(names.count, 0);
        host_names_release(&names);
    }
}

static void test_no_memory_is_a_failure_and_not_a_crash(void **state)
{
    (void)state;
    static const uint64_t places[] = {1, 2, 3, 5, 8, 21, 55, 144, 190};
    size_t failed = 0;
    for (size_t i = 0; i < LX_COUNT_OF(places); i++) {
        char path[PATH_SIZE], name[32];
        struct synth_result result;
        struct lx_error err = {0};
        snprintf(name, sizeof name, "memory-%zu", i);
        struct synth_options options = options_of(name, 300, 1, 0, path);
        options.months = 2;
        lx_alloc_fail_at(places[i]);
        enum lx_err code = write_bank(&options, 1, &result, &err);
        lx_alloc_fail_at(0);
        if (code != LX_OK && code != LX_ERR_NO_MEMORY)
            fail_msg("allocation %" PRIu64 ": %s", places[i], err.text);
        if (code == LX_OK) continue;
        assert_true(err.text[0] != '\0');
        failed++;
    }
    assert_true(failed >= 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rates_are_those_that_were_asked_for),
        cmocka_unit_test(test_every_balance_is_the_one_before_plus_the_amount),
        cmocka_unit_test(test_contracts_open_before_they_close_and_belong_to_somebody),
        cmocka_unit_test(test_every_row_of_a_clean_bank_names_a_known_customer),
        cmocka_unit_test(test_each_complaint_opens_a_case_and_some_end),
        cmocka_unit_test(test_campaign_log_has_answers_controls_and_random_shares),
        cmocka_unit_test(test_truth_knows_who_opened_what),
        cmocka_unit_test(test_same_seed_gives_the_same_bytes_whatever_the_threads),
        cmocka_unit_test(test_every_machine_makes_the_same_bytes),
        cmocka_unit_test(test_dirt_is_the_share_asked_for_and_changes_nothing_that_happened),
        cmocka_unit_test(test_importer_takes_what_is_clean_and_only_that),
        cmocka_unit_test(test_bad_profile_is_refused_with_its_line),
        cmocka_unit_test(test_numbers_out_of_range_are_refused),
        cmocka_unit_test(test_folder_with_files_is_left_alone),
        cmocka_unit_test(test_full_disk_names_the_file_and_leaves_nothing),
        cmocka_unit_test(test_no_memory_is_a_failure_and_not_a_crash),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
