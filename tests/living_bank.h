#ifndef TESTS_LIVING_BANK_H
#define TESTS_LIVING_BANK_H

/*
 * living_bank: a small bank on disk with the shipped catalogue, rules and actions, whose customers
 * live through LIVING_MONTHS months by a seed. One thing can be learned of them: who looked at a
 * product's page is likely to open it within a few weeks.
 */

#include "tests/scratch.h"

#include "bank/load.h"
#include "base/date.h"
#include "base/rng.h"

enum { LIVING_MONTHS = 12, LIVING_OFFSET_MINUTES = 480 };

struct living_bank {
    char folder[LX_PATH_MAX];
    int64_t customers;
    uint64_t seed;
    double chance_after_view, chance; /* of an opening: in the month of a view; in any other */
};

static inline void living_progress(void *context, const char *what, uint64_t done, uint64_t total)
{
}

static inline void living_message(void *context, const char *text)
{
}

/* Time and entropy of a test: both count up, so a run can be repeated. */
struct living_clock {
    int64_t now_ms;
    struct lx_rng rng;
};

static inline int64_t living_now_ms(void *context)
{
    return ((struct living_clock *)context)->now_ms++;
}

static inline int64_t living_elapsed_ns(void *context)
{
    return 0;
}

static inline void living_entropy(void *context, void *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++)
        ((uint8_t *)bytes)[i] = (uint8_t)lx_rng_next(&((struct living_clock *)context)->rng);
}

static inline struct lx_env living_env(struct living_clock *clock, int thread_count)
{
    return (struct lx_env){.context = clock,
                           .now_ms = living_now_ms,
                           .elapsed_ns = living_elapsed_ns,
                           .entropy = living_entropy,
                           .message = living_message,
                           .progress = living_progress,
                           .thread_count = thread_count};
}

/* 2026-07-01 00:00 in the bank's time: the data ends here. */
static inline int64_t living_end_ms(void)
{
    struct lx_civil civil = {2026, 7, 1};
    return lx_ms_of_day(lx_day_of_civil(civil), LIVING_OFFSET_MINUTES);
}

static inline struct living_clock living_clock_of(uint64_t seed)
{
    return (struct living_clock){living_end_ms() + LX_MS_PER_DAY, lx_rng_of(seed, 77)};
}

static inline void living_shipped(const char *name, struct lx_buffer *buffer)
{
    struct lx_error err;
    char path[LX_PATH_MAX];
    const char *root = getenv("LINGXI_ROOT");
    snprintf(path, sizeof path, "%s/data/%s", root != NULL ? root : ".", name);
    lx_buffer_init(buffer, LX_CONFIG_MAX);
    MUST(host_read_file(path, buffer, &err));
}

/* A customer's id: 32 digits in no order. */
static inline void living_id(int64_t customer, char id[LX_ID_MAX + 1])
{
    struct lx_rng rng = lx_rng_of(99, (uint64_t)customer);
    unsigned long long high = lx_rng_next(&rng), low = lx_rng_next(&rng);
    snprintf(id, LX_ID_MAX + 1, "%016llx%016llx", high, low);
}

struct living {
    const struct living_bank *bank;
    struct bank_load *load;
    struct lx_rng rng;
    int64_t customer, begin_ms, end_ms;
    uint32_t sequence;
    uint64_t held;
    int64_t balance_fen;
};

static inline void living_put(struct living *living, enum bank_event_kind kind, int64_t at_ms,
                              int product, int64_t amount_fen)
{
    struct lx_error err;
    enum bank_put put;
    bool is_money = amount_fen != BANK_NO_AMOUNT;
    int64_t known_ms = at_ms + LX_MS_PER_DAY / 2;
    if (known_ms >= living->end_ms) return; /* the bank's records end */
    if (is_money) living->balance_fen += amount_fen;
    const struct bank_event event = {.at_ms = at_ms,
                                     .known_at_ms = known_ms,
                                     .amount_fen = amount_fen,
                                     .balance_fen = is_money ? living->balance_fen : BANK_NO_AMOUNT,
                                     .sequence = living->sequence++,
                                     .quantity = kind == BANK_EVENT_KIND_PAGE_VIEW ? 40 : 0,
                                     .product = (int16_t)product,
                                     .kind = (uint8_t)kind,
                                     .channel = BANK_CHANNEL_MOBILE};
    MUST(bank_put_event(living->load, living->customer, &event, &put, &err));
    assert_int_equal(put, BANK_PUT_DONE);
}

static inline int64_t living_day_ms(struct living *living, int32_t first_day, int days)
{
    int32_t day = first_day + (int32_t)lx_rng_below(&living->rng, (uint64_t)days);
    return lx_ms_of_day(day, LIVING_OFFSET_MINUTES) +
           (int64_t)lx_rng_below(&living->rng, (uint64_t)LX_MS_PER_DAY / 3);
}

static inline void living_maybe_open(struct living *living, int32_t first_day, int product,
                                     double chance)
{
    bool is_opened = lx_rng_chance(&living->rng, chance);
    int64_t at_ms = living_day_ms(living, first_day + 28, 20);
    if (!is_opened || (living->held >> product & 1) != 0) return;
    living->held |= UINT64_C(1) << product;
    living_put(living, BANK_EVENT_KIND_OPEN, at_ms, product, BANK_NO_AMOUNT);
}

/* Views fall into the month, the openings that follow into the next one. */
static inline void living_month(struct living *living, int32_t first_day, size_t product_count)
{
    const struct living_bank *bank = living->bank;
    living_put(living, BANK_EVENT_KIND_SALARY, living_day_ms(living, first_day, 28),
               BANK_NO_PRODUCT, 300000 + (int64_t)lx_rng_below(&living->rng, 900000));
    living_put(living, BANK_EVENT_KIND_CARD_PAYMENT, living_day_ms(living, first_day, 28),
               BANK_NO_PRODUCT, -(int64_t)lx_rng_below(&living->rng, 250000) - 100);
    if (lx_rng_chance(&living->rng, 0.6))
        living_put(living, BANK_EVENT_KIND_LOGIN, living_day_ms(living, first_day, 28),
                   BANK_NO_PRODUCT, BANK_NO_AMOUNT);
    for (size_t product = 1; product < product_count; product++) {
        bool is_viewed = lx_rng_chance(&living->rng, 0.02);
        if (is_viewed)
            living_put(living, BANK_EVENT_KIND_PAGE_VIEW, living_day_ms(living, first_day, 28),
                       (int)product, BANK_NO_AMOUNT);
        living_maybe_open(living, first_day, (int)product,
                          is_viewed ? bank->chance_after_view : bank->chance);
    }
}

static inline void living_papers(struct living *living)
{
    struct lx_error err;
    enum bank_put put;
    uint64_t level = lx_rng_below(&living->rng, 7); /* 0 and 6: never assessed */
    int64_t assessed_ms = living->begin_ms + 86400000ll * (int64_t)lx_rng_below(&living->rng, 300);
    if (level >= 1 && level <= 5) {
        const struct bank_risk risk = {assessed_ms, assessed_ms, assessed_ms + 365 * LX_MS_PER_DAY,
                                       (uint8_t)level};
        MUST(bank_put_risk(living->load, living->customer, &risk, &put, &err));
    }
    for (int channel = 0; channel < BANK_CHANNEL_END; channel++) {
        if (!lx_rng_chance(&living->rng, 0.04)) continue;
        const struct bank_consent consent = {assessed_ms, assessed_ms, (uint8_t)channel, 0};
        MUST(bank_put_consent(living->load, living->customer, &consent, &put, &err));
    }
}

/* The bank's list and a complaint: for customers told by their number, so that no draw moves. Every
 * 19th is on the list, every 17th complains; what he asks for ends for half of them. */
static inline void living_cases(struct living *living)
{
    struct lx_error err;
    enum bank_put put;
    char id[LX_ID_MAX + 1];
    living_id(living->customer, id);
    bool is_over = living->customer % 2 == 0;
    struct bank_value values[] = {{"customer", id, strlen(id)},
                                  {"channel", "all", 3},
                                  {"at_ms", "2025-09-01", 10},
                                  {"known_at_ms", "2025-09-02", 10},
                                  {"until_ms", "2025-10-01", is_over ? 10 : 0}};
    if (living->customer % 19 == 3)
        MUST(bank_put_row(living->load, "do_not_contact", values, 5, &put, &err));
    values[1] = (struct bank_value){"code", "K1", 2};
    values[3] = (struct bank_value){"known_at_ms", "2025-10-02", 10};
    values[4].column = "closed_at_ms";
    if (living->customer % 17 == 5)
        MUST(bank_put_row(living->load, "complaint", values, 5, &put, &err));
}

static inline void living_customer(struct living *living, size_t product_count)
{
    struct lx_error err;
    enum bank_put put;
    char id[LX_ID_MAX + 1];
    int32_t end_day = lx_day_of_ms(living->end_ms, LIVING_OFFSET_MINUTES);
    int age = 16 + (int)lx_rng_below(&living->rng, 64);
    const struct bank_profile profile = {
        .at_ms = living->begin_ms,
        .known_at_ms = living->begin_ms,
        .birth_day = lx_rng_chance(&living->rng, 0.05) ? INT32_MIN
                                                       : lx_day_add_months(end_day, -12 * age - 3),
        .joined_day = end_day - 1500,
        .gender = (uint8_t)(1 + lx_rng_below(&living->rng, 2)),
        .has_phone = 1,
        .branch = -1,
        .occupation = -1,
        .education = -1,
        .marital = -1,
        .income_fen = BANK_NO_AMOUNT};
    living_id(living->customer, id);
    MUST(bank_put_customer(living->load, id, strlen(id), NULL, 0, &profile, &put, &err));
    living->balance_fen = 1000 * (int64_t)lx_rng_below(&living->rng, 100000);
    living->held = 1;
    living_papers(living);
    living_cases(living);
    living_put(living, BANK_EVENT_KIND_OPEN, living->begin_ms, 0, BANK_NO_AMOUNT);
    int32_t first_day = lx_day_add_months(end_day, -LIVING_MONTHS);
    for (int month = 0; month < LIVING_MONTHS; month++)
        living_month(living, lx_day_add_months(first_day, month), product_count);
}

/* A bank without customers. */
static inline void living_create(struct living_bank *bank)
{
    struct lx_error err;
    enum { FILES = 6 };
    struct bank_file files[FILES] = {{"catalogue.ini"},       {"actions.ini"},
                                     {"rules/contact.ini"},   {"rules/eligibility.ini"},
                                     {"rules/emergency.ini"}, {"rules/suitability.ini"}};
    struct lx_buffer texts[FILES];
    for (int i = 0; i < FILES; i++) {
        living_shipped(files[i].name, &texts[i]);
        files[i].bytes = texts[i].bytes;
        files[i].length = texts[i].length;
    }
    scratch_make(bank->folder);
    char folder[LX_PATH_MAX];
    MUST(host_join(folder, bank->folder, "bank", &err));
    memcpy(bank->folder, folder, sizeof folder);
    MUST(bank_create(bank->folder, NULL, files, FILES, &err));
    for (int i = 0; i < FILES; i++) lx_buffer_release(&texts[i]);
}

/* The bank with its customers in one batch. Zero chances mean 0.3 and 0.004. */
static inline void living_open(struct living_bank *bank, int64_t customers, uint64_t seed)
{
    struct lx_error err;
    struct bank_load_result result;
    struct living_clock clock = living_clock_of(seed);
    struct lx_env env = living_env(&clock, 1);
    const struct bank_batch batch = {
        .source = "living", .mapping = "none", .now_ms = living_end_ms(), .thread_count = 1};
    if (bank->chance_after_view == 0) bank->chance_after_view = 0.3;
    if (bank->chance == 0) bank->chance = 0.004;
    bank->customers = customers;
    bank->seed = seed;
    living_create(bank);

    struct living living = {.bank = bank, .end_ms = living_end_ms()};
    int32_t end_day = lx_day_of_ms(living.end_ms, LIVING_OFFSET_MINUTES);
    living.begin_ms = lx_ms_of_day(lx_day_add_months(end_day, -LIVING_MONTHS) - 40, 480);
    MUST(bank_load_begin(bank->folder, &batch, &living.load, &err));
    size_t product_count = bank_load_catalogue(living.load)->count;
    for (living.customer = 0; living.customer < customers; living.customer++) {
        living.rng = lx_rng_of(seed, (uint64_t)living.customer);
        living_customer(&living, product_count);
    }
    MUST(bank_load_commit(living.load, &env, &result, &err));
    bank_load_abort(living.load);
}

/* The folder above the bank is the scratch one. */
static inline void living_remove(struct living_bank *bank)
{
    *strrchr(bank->folder, '/') = '\0';
    scratch_remove(bank->folder);
}

#endif
