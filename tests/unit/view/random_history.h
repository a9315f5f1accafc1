#ifndef TESTS_RANDOM_HISTORY_H
#define TESTS_RANDOM_HISTORY_H

/*
 * random_history: customers who never lived, made from a seed: every kind of fact, ties in time,
 * facts known late, events that are corrected or deleted later, amounts that are missing or
 * extreme, facts after the moment of interest. Moments lie on a coarse grid so that equal ones are
 * common.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bank/bank.h"
#include "base/date.h"
#include "base/rng.h"

enum {
    HISTORY_EVENTS = 160,
    HISTORY_EXPOSURES = 24,
    HISTORY_FEW = 6,
    HISTORY_RARE = 2,
    HISTORY_PRODUCTS = 9,
    HISTORY_BRANCHES = 5,
    HISTORY_OCCUPATIONS = 4,
    HISTORY_UTC_OFFSET = 480,
};

/* 2026-03-31 23:59:59.999 in the bank's time. */
#define HISTORY_NOW_MS ((int64_t)1774972799999)

struct random_history {
    struct bank_profile profiles[HISTORY_FEW];
    struct bank_event events[HISTORY_EVENTS];
    struct bank_risk risks[HISTORY_FEW];
    struct bank_exposure exposures[HISTORY_EXPOSURES];
    struct bank_consent consents[HISTORY_FEW];
    struct bank_do_not_contact do_not_contacts[HISTORY_RARE + 1]; /* room for one planted */
    struct bank_complaint complaints[HISTORY_RARE + 1];
    struct bank_history history; /* of the above */
    char id[LX_ID_MAX + 1];
};

/* A grid of 8 hours from 500 days before to 40 days after the moment, half of it in the last 60
 * days. */
static inline int64_t history_at_ms(struct lx_rng *rng)
{
    int64_t days = lx_rng_chance(rng, 0.5) ? (int64_t)lx_rng_below(rng, 540) - 40
                                           : (int64_t)lx_rng_below(rng, 90) - 30;
    return HISTORY_NOW_MS + 1 - days * LX_MS_PER_DAY -
           (int64_t)lx_rng_below(rng, 3) * (LX_MS_PER_DAY / 3);
}

static inline int64_t history_known_ms(struct lx_rng *rng, int64_t at_ms)
{
    switch (lx_rng_below(rng, 4)) {
    case 0: return at_ms;
    case 1: return at_ms + (int64_t)lx_rng_below(rng, 60) * LX_MS_PER_DAY; /* late */
    default: return at_ms + LX_MS_PER_DAY / 3 * (1 + (int64_t)lx_rng_below(rng, 5));
    }
}

static inline int64_t history_amount(struct lx_rng *rng, double missing)
{
    static const int64_t extremes[] = {0, 1, -1, INT64_MAX, INT64_MIN + 1, 100000000000000};
    if (lx_rng_chance(rng, missing)) return BANK_NO_AMOUNT;
    if (lx_rng_chance(rng, 0.02)) return extremes[lx_rng_below(rng, LX_COUNT_OF(extremes))];
    return (int64_t)lx_rng_below(rng, 4000000) - 2000000;
}

static inline int history_compare_at(const void *a, const void *b)
{
    /* Every fact begins with at_ms. */
    int64_t left, right;
    memcpy(&left, a, sizeof left);
    memcpy(&right, b, sizeof right);
    return left < right ? -1 : left > right;
}

static inline void history_sort(void *facts, size_t count, size_t size)
{
    /* Stable, as the database's order by (at, sequence) is: few enough to insert. */
    char spare[sizeof(struct bank_exposure) + sizeof(struct bank_event)], *rows = facts;
    for (size_t i = 1; i < count; i++)
        for (size_t k = i; k > 0; k--) {
            char *left = rows + (k - 1) * size, *right = rows + k * size;
            if (history_compare_at(left, right) <= 0) break;
            memcpy(spare, left, size);
            memcpy(left, right, size);
            memcpy(right, spare, size);
        }
}

static inline struct bank_event history_event(struct lx_rng *rng)
{
    struct bank_event event = {.at_ms = history_at_ms(rng)};
    event.known_at_ms = history_known_ms(rng, event.at_ms);
    event.kind = (uint8_t)(1 + lx_rng_below(rng, BANK_EVENT_KIND_END - 1));
    event.channel = (uint8_t)lx_rng_below(rng, BANK_CHANNEL_END);
    event.merchant = (uint8_t)lx_rng_below(rng, BANK_MERCHANT_END);
    event.product = (int16_t)((int64_t)lx_rng_below(rng, HISTORY_PRODUCTS + 1) - 1);
    event.amount_fen = history_amount(rng, 0.2);
    event.balance_fen = history_amount(rng, 0.6);
    event.quantity = event.kind == BANK_EVENT_KIND_PAGE_VIEW ? (int32_t)lx_rng_below(rng, 300) : 0;
    return event;
}

static inline struct bank_exposure history_exposure(struct lx_rng *rng)
{
    struct bank_exposure exposure = {.at_ms = history_at_ms(rng)};
    exposure.known_at_ms = history_known_ms(rng, exposure.at_ms);
    exposure.answer = (uint8_t)lx_rng_below(rng, 8);
    exposure.answer_known_at_ms =
        exposure.answer == 0 ? BANK_UNKNOWN_MS : history_known_ms(rng, exposure.known_at_ms);
    exposure.show_probability = 0.5;
    exposure.product = (int16_t)((int64_t)lx_rng_below(rng, HISTORY_PRODUCTS + 1) - 1);
    exposure.channel = (uint8_t)(1 + lx_rng_below(rng, BANK_CHANNEL_END - 1));
    exposure.is_control = lx_rng_chance(rng, 0.2);
    exposure.campaign = -1;
    return exposure;
}

static inline struct bank_profile history_profile(struct lx_rng *rng)
{
    struct bank_profile profile = {.at_ms = history_at_ms(rng)};
    profile.known_at_ms = history_known_ms(rng, profile.at_ms);
    profile.birth_day =
        lx_rng_chance(rng, 0.1) ? INT32_MIN : (int32_t)lx_rng_below(rng, 25000) - 9000;
    profile.joined_day =
        lx_rng_chance(rng, 0.1) ? INT32_MIN : 10000 + (int32_t)lx_rng_below(rng, 9000);
    profile.gender = (uint8_t)lx_rng_below(rng, 3);
    profile.has_phone = (uint8_t)lx_rng_below(rng, 3);
    profile.branch = (int16_t)((int64_t)lx_rng_below(rng, HISTORY_BRANCHES + 1) - 1);
    profile.occupation = (int16_t)((int64_t)lx_rng_below(rng, HISTORY_OCCUPATIONS + 1) - 1);
    profile.education = (int16_t)((int64_t)lx_rng_below(rng, 4) - 1);
    profile.marital = (int16_t)((int64_t)lx_rng_below(rng, 4) - 1);
    profile.income_fen = history_amount(rng, 0.3);
    return profile;
}

/* The lists in order, and the history that points to them. */
static inline void history_finish(struct random_history *random, struct bank_history counts)
{
    history_sort(random->profiles, counts.profile_count, sizeof *random->profiles);
    history_sort(random->events, counts.event_count, sizeof *random->events);
    history_sort(random->risks, counts.risk_count, sizeof *random->risks);
    history_sort(random->exposures, counts.exposure_count, sizeof *random->exposures);
    history_sort(random->consents, counts.consent_count, sizeof *random->consents);
    history_sort(random->do_not_contacts, counts.do_not_contact_count,
                 sizeof *random->do_not_contacts);
    history_sort(random->complaints, counts.complaint_count, sizeof *random->complaints);
    for (size_t i = 0; i < counts.event_count; i++) {
        bool is_tie = i > 0 && random->events[i].at_ms == random->events[i - 1].at_ms;
        bool is_version = random->events[i].is_correction && is_tie;
        random->events[i].sequence = is_tie ? random->events[i - 1].sequence + !is_version : 0;
    }
    random->history = counts;
    random->history.id = random->id;
    random->history.profiles = random->profiles;
    random->history.events = random->events;
    random->history.risks = random->risks;
    random->history.exposures = random->exposures;
    random->history.consents = random->consents;
    random->history.do_not_contacts = random->do_not_contacts;
    random->history.complaints = random->complaints;
}

/* Ends that may lie ahead, or be known only later; some never come. */
static inline void history_rare(struct lx_rng *rng, struct random_history *random,
                                struct bank_history *counts)
{
    counts->do_not_contact_count = lx_rng_below(rng, 4) == 0 ? lx_rng_below(rng, 3) : 0;
    for (size_t i = 0; i < counts->do_not_contact_count; i++) {
        int64_t at_ms = history_at_ms(rng), until_ms = BANK_UNKNOWN_MS, known_ms = BANK_UNKNOWN_MS;
        int64_t known_at_ms = history_known_ms(rng, at_ms);
        if (lx_rng_chance(rng, 0.5)) {
            until_ms = at_ms + (int64_t)lx_rng_below(rng, 60) * LX_MS_PER_DAY;
            known_ms = history_known_ms(rng, known_at_ms);
        }
        /* Of one moment in the order of their channels, as in the bank. */
        random->do_not_contacts[i] = (struct bank_do_not_contact){
            at_ms, known_at_ms, until_ms, known_ms, (uint8_t)(3 * i + lx_rng_below(rng, 3))};
    }
    counts->complaint_count = lx_rng_below(rng, 4) == 0 ? lx_rng_below(rng, 3) : 0;
    for (size_t i = 0; i < counts->complaint_count; i++) {
        int64_t at_ms = history_at_ms(rng), closed_ms = BANK_UNKNOWN_MS, known_ms = BANK_UNKNOWN_MS;
        int64_t known_at_ms = history_known_ms(rng, at_ms);
        if (lx_rng_chance(rng, 0.5)) {
            closed_ms = at_ms + (int64_t)lx_rng_below(rng, 60) * LX_MS_PER_DAY;
            known_ms = history_known_ms(rng, closed_ms > known_at_ms ? closed_ms : known_at_ms);
        }
        int16_t product = (int16_t)((int64_t)lx_rng_below(rng, HISTORY_PRODUCTS + 1) - 1);
        random->complaints[i] =
            (struct bank_complaint){at_ms, known_at_ms, closed_ms, known_ms, product};
    }
}

/* Some events get versions behind them, or an end. From a stream of its own, so that the other
 * facts of a seed stay what they were. */
static inline void history_correct(uint64_t seed, struct random_history *random, size_t *count)
{
    struct bank_event events[HISTORY_EVENTS];
    struct lx_rng rng = lx_rng_of(seed ^ 0xC0, (uint64_t)random->history.customer);
    size_t total = *count, made = 0;
    memcpy(events, random->events, sizeof events);
    for (size_t i = 0; i < *count; i++) {
        struct bank_event *last = &random->events[made++];
        *last = events[i];
        for (int64_t known_ms = last->at_ms; lx_rng_chance(&rng, 0.12);) {
            known_ms = history_known_ms(&rng, known_ms + 1);
            last->replaced_at_ms = known_ms;
            if (total == HISTORY_EVENTS || lx_rng_chance(&rng, 0.4)) break;
            struct bank_event *version = &random->events[made++];
            *version = history_event(&rng);
            version->at_ms = last->at_ms;
            version->known_at_ms = known_ms;
            version->is_correction = 1;
            last = version;
            total++;
        }
    }
    *count = made;
}

/* The newest version that was known, told by hand. */
static inline bool history_event_is_known(const struct bank_event *event, int64_t as_of_ms)
{
    bool is_replaced = event->replaced_at_ms != 0 && event->replaced_at_ms <= as_of_ms;
    return event->at_ms <= as_of_ms && event->known_at_ms <= as_of_ms && !is_replaced;
}

static inline void random_history(uint64_t seed, uint64_t customer, struct random_history *random)
{
    struct lx_rng rng = lx_rng_of(seed, customer);
    struct bank_history counts = {.customer = (int64_t)customer};
    memset(random, 0, sizeof *random);
    snprintf(random->id, sizeof random->id, "%08x-%lu", (unsigned)(seed * 2654435761u),
             (unsigned long)customer);
    counts.event_count = lx_rng_below(&rng, HISTORY_EVENTS + 1);
    counts.exposure_count = lx_rng_below(&rng, HISTORY_EXPOSURES + 1);
    counts.profile_count = lx_rng_below(&rng, HISTORY_FEW + 1);
    counts.risk_count = lx_rng_below(&rng, HISTORY_FEW + 1);
    counts.consent_count = lx_rng_below(&rng, HISTORY_FEW + 1);
    for (size_t i = 0; i < counts.event_count; i++) random->events[i] = history_event(&rng);
    for (size_t i = 0; i < counts.exposure_count; i++)
        random->exposures[i] = history_exposure(&rng);
    for (size_t i = 0; i < counts.profile_count; i++) random->profiles[i] = history_profile(&rng);
    for (size_t i = 0; i < counts.risk_count; i++) {
        int64_t at_ms = history_at_ms(&rng);
        random->risks[i] =
            (struct bank_risk){at_ms, history_known_ms(&rng, at_ms),
                               at_ms + (int64_t)lx_rng_below(&rng, 400) * LX_MS_PER_DAY,
                               (uint8_t)(1 + lx_rng_below(&rng, 5))};
    }
    for (size_t i = 0; i < counts.consent_count; i++) {
        int64_t at_ms = history_at_ms(&rng);
        random->consents[i] = (struct bank_consent){at_ms, history_known_ms(&rng, at_ms),
                                                    (uint8_t)lx_rng_below(&rng, BANK_CHANNEL_END),
                                                    lx_rng_chance(&rng, 0.5)};
    }
    history_rare(&rng, random, &counts);
    random->history.customer = (int64_t)customer;
    history_correct(seed, random, &counts.event_count);
    history_finish(random, counts);
}

/* Products that differ in everything a feature reads. */
static inline void history_catalogue(struct bank_product products[HISTORY_PRODUCTS],
                                     struct bank_catalogue *catalogue)
{
    struct lx_rng rng = lx_rng_of(7, 7);
    memset(products, 0, HISTORY_PRODUCTS * sizeof *products);
    for (int i = 0; i < HISTORY_PRODUCTS; i++) {
        struct bank_product *product = &products[i];
        snprintf(product->code, sizeof product->code, "P%02d", i + 1);
        product->category = (enum bank_category)(1 + i % (BANK_CATEGORY_END - 1));
        product->risk = 1 + (int)lx_rng_below(&rng, 5);
        product->minimum_fen = (int64_t)lx_rng_below(&rng, 30000000);
        product->rate_ppm = (int64_t)lx_rng_below(&rng, 60000);
        product->term_days = (int)lx_rng_below(&rng, 1000);
        product->age_min = 18;
        product->age_max = 40 + (int)lx_rng_below(&rng, 60);
        product->launched_day = 15000 + (int32_t)lx_rng_below(&rng, 5000);
        product->is_green = lx_rng_chance(&rng, 0.3);
        product->status = BANK_PRODUCT_ON_SALE;
    }
    *catalogue = (struct bank_catalogue){products, HISTORY_PRODUCTS, HISTORY_PRODUCTS};
}

/* Drops every fact that was not known at `as_of_ms`; an answer that was not known becomes none, and
 * what was corrected or deleted only later stands. */
static inline void history_keep_known(struct random_history *random, int64_t as_of_ms)
{
    struct bank_history counts = random->history;
    counts.event_count = 0;
#define KEEP(list, count)                                                                          \
    do {                                                                                           \
        size_t kept = 0;                                                                           \
        for (size_t i = 0; i < random->history.count; i++)                                         \
            if (random->list[i].at_ms <= as_of_ms && random->list[i].known_at_ms <= as_of_ms)      \
                random->list[kept++] = random->list[i];                                            \
        counts.count = kept;                                                                       \
    } while (0)
    KEEP(profiles, profile_count);
    for (size_t i = 0; i < random->history.event_count; i++) {
        if (!history_event_is_known(&random->events[i], as_of_ms)) continue;
        random->events[counts.event_count] = random->events[i];
        random->events[counts.event_count++].replaced_at_ms = 0;
    }
    KEEP(risks, risk_count);
    KEEP(exposures, exposure_count);
    KEEP(consents, consent_count);
    KEEP(do_not_contacts, do_not_contact_count);
    KEEP(complaints, complaint_count);
#undef KEEP
    for (size_t i = 0; i < counts.exposure_count; i++) {
        struct bank_exposure *exposure = &random->exposures[i];
        if (exposure->answer_known_at_ms <= as_of_ms) continue;
        exposure->answer = BANK_ANSWER_NONE;
        exposure->answer_known_at_ms = BANK_UNKNOWN_MS;
    }
    for (size_t i = 0; i < counts.do_not_contact_count; i++)
        if (random->do_not_contacts[i].until_known_at_ms > as_of_ms)
            random->do_not_contacts[i].until_ms = BANK_UNKNOWN_MS;
    for (size_t i = 0; i < counts.complaint_count; i++)
        if (random->complaints[i].closed_known_at_ms > as_of_ms)
            random->complaints[i].closed_at_ms = BANK_UNKNOWN_MS;
    random->history = counts;
}

#endif
