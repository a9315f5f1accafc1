#include "bench/features.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/date.h"
#include "base/rng.h"
#include "host/env.h"
#include "host/file.h"
#include "ingest/import.h"
#include "ingest/synth.h"
#include "view/arrivals.h"
#include "view/online.h"
#include "view/snapshot.h"

extern const char bench_catalogue[], bench_profile[], bench_mapping[];
extern const unsigned long bench_catalogue_length, bench_profile_length, bench_mapping_length;

enum { MONTHS = 24, ASKED_MAX = 20000, ARRIVALS_MAX = 4, FIRST = 200 };
/* What a bank of 1.1 million customers has for each of them. */
enum { RECORD_BYTES = (300000000 - 200000 * VIEW_ONLINE_ARRIVAL_BYTES) / 1100000 };
#define CUSTOMERS_MAX ((uint64_t)1100000)
#define ARENA_MAX ((size_t)256 << 20)

/* A customer's values: his own, then those of each product. */
struct values {
    float customer[LX_FEATURES_MAX];
    float *pairs;
};

struct trial {
    const struct lx_env *env;
    struct lx_error *err;
    char folder[LX_PATH_MAX], files[LX_PATH_MAX], bank_folder[LX_PATH_MAX];
    struct bank_catalogue catalogue;
    struct bank *bank;
    struct view_snapshot *snapshot;
    struct view_context ours, plain;
    struct values got, want;
    size_t own_count, pair_count; /* values of a customer, and of all his products */
    int64_t customers, as_of_ms;
    double refresh_s, ours_us, plain_us, total_us;
    uint64_t events;
    size_t asked;
    double *ours_each, *read_each, *plain_each, *apply_each; /* microseconds, by question */
    struct view_online *online;
    struct view_online_reader *reader;
    struct view_online_memory memory;
    double warm_us;
    uint64_t recomputed;
    uint32_t *order; /* customers, shuffled */
};

static double now_us(const struct trial *trial)
{
    return (double)trial->env->elapsed_ns(trial->env->context) / 1e3;
}

/* --- The bank ------------------------------------------------------------------------------- */

static enum lx_err make_folders(struct trial *trial)
{
    uint64_t number = 0;
    char name[64];
    const char *top = host_variable("TMPDIR");
    trial->env->entropy(trial->env->context, &number, sizeof number);
    snprintf(name, sizeof name, "lingxi-bench-%016" PRIx64, number);
    enum lx_err code = host_join(trial->folder, top == NULL ? "/tmp" : top, name, trial->err);
    if (code == LX_OK) code = host_make_folder(trial->folder, trial->err);
    if (code == LX_OK) code = host_join(trial->files, trial->folder, "files", trial->err);
    if (code == LX_OK) code = host_join(trial->bank_folder, trial->folder, "bank", trial->err);
    return code;
}

static enum lx_err fill_bank(struct trial *trial)
{
    const struct synth_options synth = {.folder = trial->files,
                                        .catalogue = &trial->catalogue,
                                        .profile_file = "profile.ini",
                                        .profile = bench_profile,
                                        .profile_length = bench_profile_length,
                                        .customers = (uint64_t)trial->customers,
                                        .months = MONTHS,
                                        .seed = 1};
    const struct import_options import = {.folder = trial->bank_folder,
                                          .source = trial->files,
                                          .mapping_file = "synthetic.ini",
                                          .mapping = bench_mapping,
                                          .mapping_length = bench_mapping_length,
                                          .max_rejects_ppm = 10000};
    const struct bank_file catalogue = {"catalogue.ini", bench_catalogue, bench_catalogue_length};
    struct synth_result written;
    struct import_result imported;
    enum lx_err code = synth_write(&synth, trial->env, &written, trial->err);
    if (code == LX_OK) code = bank_create(trial->bank_folder, NULL, &catalogue, 1, trial->err);
    if (code == LX_OK) code = import_run(&import, trial->env, &imported, trial->err);
    return code;
}

static enum lx_err refresh(struct trial *trial)
{
    struct view_refresh_result result;
    double start = now_us(trial);
    enum lx_err code =
        view_refresh(trial->bank_folder, BANK_UNKNOWN_MS, 0, trial->env, &result, trial->err);
    trial->refresh_s = (now_us(trial) - start) / 1e6;
    if (code == LX_OK) code = view_snapshot_open(trial->bank_folder, &trial->snapshot, trial->err);
    if (code != LX_OK) return code;
    trial->as_of_ms = result.as_of_ms;
    trial->customers = (int64_t)result.customers;
    return LX_OK;
}

static enum lx_err open_scratches(struct trial *trial)
{
    const struct view_features *features = view_snapshot_features(trial->snapshot);
    struct view_context context = {.catalogue = bank_catalogue(trial->bank),
                                   .peers = view_snapshot_peers(trial->snapshot),
                                   .utc_offset_minutes = bank_utc_offset_minutes(trial->bank)};
    trial->ours = trial->plain = context;
    enum lx_err code =
        view_scratch_open(features, context.catalogue, &trial->ours.scratch, trial->err);
    if (code == LX_OK)
        code = view_scratch_open(features, context.catalogue, &trial->plain.scratch, trial->err);
    if (code != LX_OK) return code;
    view_scratch_set_plain(trial->plain.scratch, true);
    trial->own_count = view_features_count(features, VIEW_CUSTOMER);
    trial->pair_count = context.catalogue->count * view_features_count(features, VIEW_PAIR);
    trial->got.pairs = lx_calloc(trial->pair_count + 1, sizeof(float));
    trial->want.pairs = lx_calloc(trial->pair_count + 1, sizeof(float));
    double **const each[] = {&trial->ours_each, &trial->read_each, &trial->plain_each,
                             &trial->apply_each};
    bool is_whole = trial->got.pairs != NULL && trial->want.pairs != NULL;
    for (size_t i = 0; i < LX_COUNT_OF(each); i++) {
        *each[i] = lx_calloc(ASKED_MAX, sizeof(double));
        is_whole = is_whole && *each[i] != NULL;
    }
    trial->order = lx_calloc((size_t)trial->customers, sizeof *trial->order);
    is_whole = is_whole && trial->order != NULL;
    return is_whole ? LX_OK : lx_fail(trial->err, LX_ERR_NO_MEMORY, "bench features: no memory");
}

/* --- Computing and comparing ----------------------------------------------------------------- */

/* What the past tells: what a snapshot keeps. */
static void compute_past(const struct view_context *context, const struct bank_history *history,
                         int64_t as_of_ms, struct view_facts *facts, struct values *values)
{
    view_facts(history, context, as_of_ms, facts);
    view_compute_customer(context->scratch, history, context, facts, as_of_ms, values->customer);
    view_compute_kept(context->scratch, history, context, facts, as_of_ms, values->customer,
                      values->pairs);
}

static void compute(const struct view_context *context, const struct bank_history *history,
                    int64_t as_of_ms, struct values *values)
{
    struct view_facts facts;
    compute_past(context, history, as_of_ms, &facts, values);
    view_compute_derived(context->scratch, context, &facts, as_of_ms, values->customer,
                         values->pairs);
}

/* Bits: what is missing is missing in both. */
static enum lx_err compare(const struct trial *trial, const char *id)
{
    for (size_t i = 0; i < trial->own_count + trial->pair_count; i++) {
        bool is_own = i < trial->own_count;
        const float *got =
            is_own ? &trial->got.customer[i] : &trial->got.pairs[i - trial->own_count];
        const float *want =
            is_own ? &trial->want.customer[i] : &trial->want.pairs[i - trial->own_count];
        if (memcmp(got, want, sizeof *got) != 0)
            return lx_fail(trial->err, LX_ERR_CORRUPT,
                           "bench features: customer %s: value %zu is %.9g, window by window %.9g",
                           id, i, (double)*got, (double)*want);
    }
    return LX_OK;
}

/* --- Everybody ------------------------------------------------------------------------------- */

static enum lx_err visit(void *context, const struct bank_history *history, struct lx_error *err)
{
    struct trial *trial = context;
    struct view_facts facts;
    double start = now_us(trial);
    compute_past(&trial->ours, history, trial->as_of_ms, &facts, &trial->got);
    double middle = now_us(trial);
    compute_past(&trial->plain, history, trial->as_of_ms, &facts, &trial->want);
    trial->ours_us += middle - start;
    trial->plain_us += now_us(trial) - middle;
    trial->events += history->event_count;
    (void)err; /* the trial's own */
    return compare(trial, history->id);
}

static enum lx_err compute_all(struct trial *trial)
{
    double start = now_us(trial);
    enum lx_err code = bank_scan(trial->bank, 0, trial->customers, visit, trial, trial->err);
    trial->total_us = now_us(trial) - start;
    return code;
}

/* --- One at a time --------------------------------------------------------------------------- */

/* What he did since the snapshot, the newest last; one in eight came late. */
static size_t draw_arrivals(const struct trial *trial, struct lx_rng *rng, int64_t now_ms,
                            struct bank_event *events)
{
    static const uint8_t kinds[] = {BANK_EVENT_KIND_LOGIN, BANK_EVENT_KIND_PAGE_VIEW,
                                    BANK_EVENT_KIND_TRANSFER_OUT, BANK_EVENT_KIND_CARD_PAYMENT};
    size_t count = lx_rng_below(rng, ARRIVALS_MAX + 1);
    for (size_t i = 0; i < count; i++) {
        size_t kind = lx_rng_below(rng, LX_COUNT_OF(kinds));
        bool is_money = kind >= 2, is_late = lx_rng_below(rng, 8) == 0;
        int64_t at_ms = is_late ? trial->as_of_ms - (int64_t)lx_rng_below(rng, 40) * LX_MS_PER_DAY
                                : now_ms - (int64_t)(count - i) * 60000;
        events[i] = (struct bank_event){
            .at_ms = at_ms,
            .known_at_ms = now_ms,
            .amount_fen = is_money ? -(int64_t)lx_rng_below(rng, 100000) - 1 : BANK_NO_AMOUNT,
            .balance_fen = BANK_NO_AMOUNT,
            .sequence = UINT32_MAX - 1,
            .quantity = kind == 1 ? (int32_t)lx_rng_below(rng, 90) : 0,
            .product = kind == 1 ? (int16_t)lx_rng_below(rng, trial->ours.catalogue->count)
                                 : BANK_NO_PRODUCT,
            .kind = kinds[kind],
            .channel = BANK_CHANNEL_MOBILE,
        };
    }
    return count;
}

static enum lx_err answer(const struct trial *trial, const struct view_context *context,
                          int64_t customer, const struct bank_event *arrivals, size_t count,
                          int64_t now_ms, struct lx_arena *arena, struct values *values)
{
    struct bank_history history;
    lx_arena_clear(arena);
    enum lx_err code = bank_history_read(trial->bank, customer, arena, &history, trial->err);
    if (code == LX_OK)
        code = view_history_add(&history, arrivals, count, arena, &history, trial->err);
    if (code == LX_OK) compute(context, &history, now_ms, values);
    return code;
}

static enum lx_err open_online(struct trial *trial)
{
    const uint32_t arrivals = ASKED_MAX * ARRIVALS_MAX;
    const struct view_online_options options = {(size_t)trial->customers * RECORD_BYTES +
                                                    (size_t)arrivals * VIEW_ONLINE_ARRIVAL_BYTES,
                                                arrivals};
    enum lx_err code =
        view_online_open(trial->bank_folder, trial->snapshot, &options, &trial->online, trial->err);
    if (code == LX_OK) code = view_online_reader_open(trial->online, &trial->reader, trial->err);
    double start = now_us(trial);
    if (code == LX_OK)
        code = view_online_warm(trial->online, trial->reader, 0, trial->customers, trial->err);
    trial->warm_us = now_us(trial) - start;
    if (code == LX_OK) trial->memory = view_online_memory(trial->online);
    return code;
}

static void take(struct trial *trial, const struct view_online_values *values)
{
    memcpy(trial->got.customer, values->customer, trial->own_count * sizeof(float));
    memcpy(trial->got.pairs, values->pairs, trial->pair_count * sizeof(float));
    trial->recomputed += values->is_recomputed;
}

/* Ours comes first, when nothing of the customer has been touched but what his arrivals needed. */
static enum lx_err ask(struct trial *trial, struct lx_rng *rng, int64_t customer,
                       struct lx_arena *arena)
{
    struct bank_event arrivals[ARRIVALS_MAX];
    struct view_online_values values;
    int64_t now_ms = trial->as_of_ms;
    size_t count = draw_arrivals(trial, rng, now_ms, arrivals), place = trial->asked++;
    double start = now_us(trial);
    enum lx_err code = LX_OK;
    for (size_t i = 0; i < count && code == LX_OK; i++)
        code = view_online_apply(trial->online, trial->reader, customer, &arrivals[i], trial->err);
    double applied = now_us(trial);
    if (code == LX_OK)
        code =
            view_online_vector(trial->online, trial->reader, customer, now_ms, &values, trial->err);
    double answered = now_us(trial);
    if (code == LX_OK) take(trial, &values);
    double before = now_us(trial);
    if (code == LX_OK)
        code = answer(trial, &trial->plain, customer, arrivals, count, now_ms, arena, &trial->want);
    trial->plain_each[place] = now_us(trial) - before;
    if (code == LX_OK) code = compare(trial, "drawn");
    before = now_us(trial);
    if (code == LX_OK)
        code = answer(trial, &trial->ours, customer, arrivals, count, now_ms, arena, &trial->got);
    trial->read_each[place] = now_us(trial) - before;
    trial->ours_each[place] = answered - applied;
    trial->apply_each[place] = count == 0 ? 0 : (applied - start) / (double)count;
    return code == LX_OK ? compare(trial, "drawn, read anew") : code;
}

static int compare_reals(const void *left, const void *right)
{
    const double *a = left, *b = right;
    return (*a > *b) - (*a < *b);
}

/* The first ones make statements and buffers, and do not count. */
static enum lx_err ask_some(struct trial *trial)
{
    struct lx_rng rng = lx_rng_of(1, 77);
    struct lx_arena arena;
    size_t customers = (size_t)trial->customers,
           first = customers / 2 < FIRST ? customers / 2 : FIRST;
    size_t most = customers - first < ASKED_MAX - FIRST ? customers : ASKED_MAX;
    enum lx_err code = open_online(trial);
    for (size_t i = 0; i < customers; i++) trial->order[i] = (uint32_t)i;
    lx_rng_shuffle(&rng, trial->order, customers);
    lx_arena_init(&arena, ARENA_MAX);
    for (size_t i = 0; i < most && code == LX_OK; i++) {
        if (i == first) trial->asked = trial->recomputed = 0;
        code = ask(trial, &rng, trial->order[i], &arena);
    }
    lx_arena_release(&arena);
    double *const each[] = {trial->ours_each, trial->read_each, trial->plain_each,
                            trial->apply_each};
    for (size_t i = 0; i < LX_COUNT_OF(each); i++)
        qsort(each[i], trial->asked, sizeof(double), compare_reals);
    return code;
}

/* --- The benchmark --------------------------------------------------------------------------- */

static double at_share(const double *sorted, size_t count, double share)
{
    return sorted[(size_t)((double)(count - 1) * share)];
}

static void add_shares(const struct trial *trial, struct bench_result *result, const char *half,
                       const char *most, const double *sorted)
{
    bench_add(result, half, at_share(sorted, trial->asked, 0.50), "us");
    bench_add(result, most, at_share(sorted, trial->asked, 0.99), "us");
}

static void report(const struct trial *trial, struct bench_result *result)
{
    double customers = (double)trial->customers;
    double read_us = trial->total_us - trial->ours_us - trial->plain_us;
    double whole_us = trial->ours_us + read_us;
    *result = (struct bench_result){.name = "features",
                                    .unit = "us",
                                    .ours = trial->ours_us / customers,
                                    .peer = trial->plain_us / customers,
                                    .ours_name = "one ordered pass",
                                    .peer_name = "window by window"};
    result->ratio = result->peer / result->ours;
    bench_add(result, "threads", 1, "");
    bench_add(result, "customers", customers, "");
    bench_add(result, "events", (double)trial->events, "");
    bench_add(result, "values_a_customer", (double)(trial->own_count + trial->pair_count), "");
    bench_add(result, "events_per_second", (double)trial->events / (trial->ours_us / 1e6),
              "events/s");
    bench_add(result, "reading_us", read_us / customers, "us");
    bench_add(result, "extrapolated_1100000_customers_s", whole_us / customers * 1.1, "s");
    bench_add(result, "refresh_s", trial->refresh_s, "s");
    bench_add(result, "asked", (double)trial->asked, "");
    bench_add(result, "record_bytes", (double)trial->memory.record_bytes, "");
    bench_add(result, "warm_us", trial->warm_us / customers, "us");
    bench_add(result, "told_by_records", 1 - (double)trial->recomputed / (double)trial->asked, "");
    add_shares(trial, result, "p50_us", "p99_us", trial->ours_each);
    add_shares(trial, result, "read_anew_p50_us", "read_anew_p99_us", trial->read_each);
    add_shares(trial, result, "peer_p50_us", "peer_p99_us", trial->plain_each);
    bench_add(result, "apply_p99_us", at_share(trial->apply_each, trial->asked, 0.99), "us");
}

static void release(struct trial *trial)
{
    view_online_reader_close(trial->reader);
    view_online_close(trial->online);
    view_scratch_close(trial->ours.scratch);
    view_scratch_close(trial->plain.scratch);
    view_snapshot_close(trial->snapshot);
    bank_close(trial->bank);
    bank_catalogue_release(&trial->catalogue);
    lx_free(trial->got.pairs);
    lx_free(trial->want.pairs);
    lx_free(trial->ours_each);
    lx_free(trial->plain_each);
    lx_free(trial->read_each);
    lx_free(trial->apply_each);
    lx_free(trial->order);
}

enum lx_err bench_features(uint64_t row_count, const struct lx_env *env,
                           struct bench_result *ret_result, struct lx_error *err)
{
    if (row_count == 0 || row_count > CUSTOMERS_MAX)
        return lx_fail(err, LX_ERR_LIMIT, "bench: %llu rows; 1 to %llu are possible",
                       (unsigned long long)row_count, (unsigned long long)CUSTOMERS_MAX);
    struct trial *trial = lx_calloc(1, sizeof *trial);
    if (trial == NULL) return lx_fail(err, LX_ERR_NO_MEMORY, "bench features: out of memory");
    trial->env = env;
    trial->err = err;
    trial->customers = (int64_t)row_count;
    enum lx_err code = bank_catalogue_parse("catalogue.ini", bench_catalogue,
                                            bench_catalogue_length, &trial->catalogue, err);
    if (code == LX_OK) code = make_folders(trial);
    if (code == LX_OK) code = fill_bank(trial);
    if (code == LX_OK) code = refresh(trial);
    if (code == LX_OK) code = bank_open(trial->bank_folder, STORE_READ, &trial->bank, err);
    if (code == LX_OK) code = open_scratches(trial);
    if (code == LX_OK) code = compute_all(trial);
    if (code == LX_OK) code = ask_some(trial);
    if (code == LX_OK) report(trial, ret_result);
    release(trial);
    struct lx_error removing = {0};
    if (trial->folder[0] != '\0' && host_remove_tree(trial->folder, &removing) != LX_OK &&
        code == LX_OK)
        code = lx_fail(err, removing.code, "%s", removing.text);
    lx_free(trial);
    return code;
}
