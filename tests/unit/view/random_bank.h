#ifndef TESTS_RANDOM_BANK_H
#define TESTS_RANDOM_BANK_H

/* random_bank: a bank on disk whose customers are random histories; and an env for tests. */

#include "bank/load.h"
#include "random_history.h"
#include "tests/scratch.h"

static inline void test_progress(void *context, const char *what, uint64_t done, uint64_t total)
{
}

static inline struct lx_env test_env(int thread_count)
{
    return (struct lx_env){.progress = test_progress, .thread_count = thread_count};
}

/* The catalogue of random histories as a file. */
static inline size_t random_catalogue(char *text, size_t size)
{
    static const char *const categories[] = {"savings", "credit", "wealth", "protection",
                                             "payment"};
    size_t length = 0;
    for (int i = 0; i < HISTORY_PRODUCTS; i++)
        length += (size_t)snprintf(
            text + length, size - length,
            "[P%02d]\nzh = 产品%d\nen = Product %d\nfeatures_zh = 无\nfeatures_en = None\n"
            "category = %s\nrisk = R%d\nminimum_yuan = %d\nrate_percent = %d.25\nterm_days = %d\n"
            "age_min = 18\nage_max = %d\nchannels = counter, mobile\ngreen = %d\n"
            "status = on_sale\nlaunched = 20%02d-05-17\n\n",
            i + 1, i + 1, i + 1, categories[i % 5], 1 + i % 5, i * 5000, i, i * 90, 50 + i * 3,
            i % 2, 10 + i);
    assert_true(length < size);
    return length;
}

static inline void random_bank_lists(struct bank_load *load)
{
    struct lx_error err;
    char text[16];
    int number;
    for (int i = 0; i < HISTORY_BRANCHES; i++) {
        int length = snprintf(text, sizeof text, "B%02d", i);
        MUST(bank_load_list(load, BANK_LIST_BRANCH, text, (size_t)length, &number, &err));
        assert_int_equal(number, i);
    }
    static const enum bank_list lists[] = {BANK_LIST_OCCUPATION, BANK_LIST_EDUCATION,
                                           BANK_LIST_MARITAL};
    for (size_t k = 0; k < LX_COUNT_OF(lists); k++)
        for (int i = 0; i < HISTORY_OCCUPATIONS; i++) {
            int length = snprintf(text, sizeof text, "code %d", i);
            MUST(bank_load_list(load, lists[k], text, (size_t)length, &number, &err));
        }
}

/* A row of `columns`, its moments as counts of milliseconds; BANK_UNKNOWN_MS: no value. */
static inline void random_bank_row(struct bank_load *load, const char *table, const char *id,
                                   const char *column, const char *text, const int64_t moments[4],
                                   const char *const names[4])
{
    struct lx_error err;
    enum bank_put put;
    char texts[4][24];
    struct bank_value values[6] = {{"customer", id, strlen(id)}, {column, text, strlen(text)}};
    size_t count = 2;
    for (int i = 0; i < 4; i++) {
        if (moments[i] == BANK_UNKNOWN_MS) continue;
        int length = snprintf(texts[i], sizeof texts[i], "%lld", (long long)moments[i]);
        values[count++] = (struct bank_value){names[i], texts[i], (size_t)length};
    }
    MUST(bank_put_row(load, table, values, count, &put, &err));
    assert_int_equal(put, BANK_PUT_DONE);
}

static inline void random_bank_rare(struct bank_load *load, const struct random_history *random)
{
    static const char *const wish_names[] = {"at_ms", "known_at_ms", "until_ms",
                                             "until_known_at_ms"};
    static const char *const complaint_names[] = {"at_ms", "known_at_ms", "closed_at_ms",
                                                  "closed_known_at_ms"};
    for (size_t i = 0; i < random->history.do_not_contact_count; i++) {
        const struct bank_do_not_contact *wish = &random->do_not_contacts[i];
        const int64_t moments[] = {wish->at_ms, wish->known_at_ms, wish->until_ms,
                                   wish->until_known_at_ms};
        const char *channel =
            wish->channel == 0 ? "all" : bank_channel_text((enum bank_channel)wish->channel);
        random_bank_row(load, "do_not_contact", random->id, "channel", channel, moments,
                        wish_names);
    }
    for (size_t i = 0; i < random->history.complaint_count; i++) {
        const struct bank_complaint *complaint = &random->complaints[i];
        const int64_t moments[] = {complaint->at_ms, complaint->known_at_ms,
                                   complaint->closed_at_ms, complaint->closed_known_at_ms};
        char number[24];
        snprintf(number, sizeof number, "K%zu", i);
        random_bank_row(load, "complaint", random->id, "code", number, moments, complaint_names);
    }
}

/* Events, their versions, and the deletions that show only as an end without a next version. */
static inline void random_bank_events(struct bank_load *load, int64_t customer,
                                      const struct bank_history *history)
{
    struct lx_error err;
    enum bank_put put;
    for (size_t i = 0; i < history->event_count; i++) {
        const struct bank_event *event = &history->events[i];
        struct bank_change change = {.event = *event};
        if (event->is_correction)
            MUST(bank_put_change(load, customer, &change, &put, &err));
        else
            MUST(bank_put_event(load, customer, event, &put, &err));
        bool has_next = i + 1 < history->event_count && event[1].is_correction;
        if (event->replaced_at_ms == 0 || has_next) continue;
        change.is_deleted = true;
        change.event.known_at_ms = event->replaced_at_ms;
        MUST(bank_put_change(load, customer, &change, &put, &err));
    }
}

static inline void random_bank_customer(struct bank_load *load, const struct random_history *random)
{
    struct lx_error err;
    const struct bank_history *history = &random->history;
    enum bank_put put;
    struct bank_profile nothing = {.at_ms = HISTORY_NOW_MS - 900 * LX_MS_PER_DAY,
                                   .known_at_ms = HISTORY_NOW_MS - 900 * LX_MS_PER_DAY,
                                   .birth_day = INT32_MIN,
                                   .joined_day = INT32_MIN,
                                   .has_phone = 2,
                                   .branch = -1,
                                   .occupation = -1,
                                   .education = -1,
                                   .marital = -1,
                                   .income_fen = BANK_NO_AMOUNT};
    size_t id_length = strlen(random->id);
    MUST(bank_put_customer(load, random->id, id_length, NULL, 0, &nothing, &put, &err));
    int64_t customer = bank_load_customer(load, random->id, id_length);
    assert_true(customer >= 0);
    for (size_t i = 0; i < history->profile_count; i++)
        MUST(bank_put_customer(load, random->id, id_length, NULL, 0, &history->profiles[i], &put,
                               &err));
    random_bank_events(load, customer, history);
    for (size_t i = 0; i < history->risk_count; i++)
        MUST(bank_put_risk(load, customer, &history->risks[i], &put, &err));
    for (size_t i = 0; i < history->exposure_count; i++)
        MUST(bank_put_exposure(load, customer, &history->exposures[i], &put, &err));
    for (size_t i = 0; i < history->consent_count; i++)
        MUST(bank_put_consent(load, customer, &history->consents[i], &put, &err));
    random_bank_rare(load, random);
}

/* One more batch of customers; `folder` has a bank. Nine in ten have few facts, as in life. */
static inline void random_bank_load(const char *folder, uint64_t seed, uint64_t first,
                                    uint64_t last)
{
    struct lx_error err;
    struct bank_load *load = NULL;
    struct bank_load_result result;
    struct lx_env env = test_env(1);
    struct bank_batch batch = {
        .source = "random", .mapping = "none", .now_ms = HISTORY_NOW_MS, .thread_count = 1};
    MUST(bank_load_begin(folder, &batch, &load, &err));
    random_bank_lists(load);
    for (uint64_t customer = first; customer < last; customer++) {
        struct random_history random;
        random_history(seed, customer, &random);
        if (customer % 10 != 0) {
            random.history.event_count /= 16;
            random.history.exposure_count /= 8;
        }
        random_bank_customer(load, &random);
    }
    MUST(bank_load_commit(load, &env, &result, &err));
    bank_load_abort(load);
}

static inline void random_bank_create(const char *folder)
{
    struct lx_error err;
    char text[1 << 13];
    struct bank_file file = {"catalogue.ini", text, random_catalogue(text, sizeof text)};
    MUST(bank_create(folder, NULL, &file, 1, &err));
}

#endif
