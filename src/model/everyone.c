#include "model/everyone.h"

#include <string.h>

#include "base/date.h"
#include "bank/bank.h"
#include "host/thread.h"
#include "model/rows.h"
#include "view/snapshot.h"

enum { CHUNK_CUSTOMERS = 4096, BLOCK_ROWS = 1024 };

struct chunk {
    uint64_t pairs;
    double openings;
    enum lx_err code;
};

struct scoring {
    struct bank *bank;
    struct view_snapshot *snapshot;
    struct model *model;
    size_t customer_count, pair_count; /* features of each kind */
    int32_t as_of_day;
    struct chunk *chunks;
};

/* One thread's room. */
struct room {
    struct view_scratch *view;
    void *score;
    float *customer, *pairs, *rows;
    double *log_odds;
    size_t waiting;
};

static void room_release(struct room *room)
{
    view_scratch_close(room->view);
    lx_free(room->score);
    lx_free(room->customer);
    lx_free(room->pairs);
    lx_free(room->rows);
    lx_free(room->log_odds);
}

static enum lx_err room_init(const struct scoring *scoring, struct room *room)
{
    const struct bank_catalogue *catalogue = bank_catalogue(scoring->bank);
    size_t room_rows = BLOCK_ROWS + catalogue->count;
    struct lx_error ignored;
    room->score = lx_malloc(model_scratch_bytes(scoring->model) + 1);
    room->customer = lx_calloc(scoring->customer_count + 1, sizeof(float));
    room->pairs = lx_calloc(catalogue->count * scoring->pair_count + 1, sizeof(float));
    room->rows =
        lx_calloc(room_rows * (scoring->customer_count + scoring->pair_count) + 1, sizeof(float));
    room->log_odds = lx_calloc(room_rows, sizeof(double));
    bool is_ready = room->score != NULL && room->customer != NULL && room->pairs != NULL &&
                    room->rows != NULL && room->log_odds != NULL;
    if (!is_ready) return LX_ERR_NO_MEMORY;
    return view_scratch_open(view_snapshot_features(scoring->snapshot), catalogue, &room->view,
                             &ignored);
}

static void score_waiting(const struct scoring *scoring, struct room *room, struct chunk *chunk)
{
    if (room->waiting == 0) return;
    model_log_odds(scoring->model, room->rows, room->waiting, room->score, room->log_odds);
    for (size_t i = 0; i < room->waiting; i++)
        chunk->openings += model_probability(room->log_odds[i]);
    chunk->pairs += room->waiting;
    room->waiting = 0;
}

static void add_customer(const struct scoring *scoring, int64_t customer, struct room *room)
{
    const struct bank_catalogue *catalogue = bank_catalogue(scoring->bank);
    size_t customer_count = scoring->customer_count, pair_count = scoring->pair_count;
    struct view_facts facts;
    view_snapshot_facts(scoring->snapshot, customer, &facts);
    view_snapshot_customer(scoring->snapshot, customer, room->customer);
    view_snapshot_pairs(scoring->snapshot, customer, room->view, room->pairs);
    for (size_t i = 0; i < catalogue->count; i++) {
        if (!rows_is_candidate(&catalogue->products[i], (int)i, &facts, scoring->as_of_day))
            continue;
        float *row = room->rows + room->waiting++ * (customer_count + pair_count);
        memcpy(row, room->customer, customer_count * sizeof *row);
        memcpy(row + customer_count, room->pairs + i * pair_count, pair_count * sizeof *row);
    }
}

static void run_chunk(void *context, size_t item)
{
    const struct scoring *scoring = context;
    struct chunk *chunk = &scoring->chunks[item];
    struct room room = {0};
    int64_t customers = view_snapshot_customers(scoring->snapshot);
    int64_t first = (int64_t)item * CHUNK_CUSTOMERS, last = first + CHUNK_CUSTOMERS;
    chunk->code = room_init(scoring, &room);
    for (int64_t i = first; chunk->code == LX_OK && i < last && i < customers; i++) {
        if (room.waiting >= BLOCK_ROWS) score_waiting(scoring, &room, chunk);
        add_customer(scoring, i, &room);
    }
    if (chunk->code == LX_OK) score_waiting(scoring, &room, chunk);
    room_release(&room);
}

static enum lx_err scoring_open(const char *folder, const char *id, struct scoring *scoring,
                                struct lx_error *err)
{
    enum lx_err code = bank_open(folder, STORE_READ, &scoring->bank, err);
    if (code == LX_OK) code = view_snapshot_open(folder, &scoring->snapshot, err);
    if (code != LX_OK) return code;
    const struct view_features *features = view_snapshot_features(scoring->snapshot);
    scoring->customer_count = view_features_count(features, VIEW_CUSTOMER);
    scoring->pair_count = view_features_count(features, VIEW_PAIR);
    scoring->as_of_day = lx_day_of_ms(view_snapshot_as_of_ms(scoring->snapshot),
                                      bank_utc_offset_minutes(scoring->bank));
    return model_open(folder, id, features, &scoring->model, err);
}

static enum lx_err score_all(struct scoring *scoring, const struct lx_env *env,
                             struct everyone *everyone, struct lx_error *err)
{
    int64_t begin_ns = env->elapsed_ns(env->context);
    everyone->customers = (uint64_t)view_snapshot_customers(scoring->snapshot);
    size_t chunk_count = (size_t)(everyone->customers / CHUNK_CUSTOMERS) + 1;
    scoring->chunks = lx_calloc(chunk_count, sizeof *scoring->chunks);
    if (scoring->chunks == NULL) return lx_fail(err, LX_ERR_NO_MEMORY, "scoring: out of memory");
    enum lx_err code = host_parallel(env->thread_count, chunk_count, run_chunk, scoring, err);
    for (size_t i = 0; code == LX_OK && i < chunk_count; i++) {
        code = scoring->chunks[i].code;
        if (code != LX_OK) lx_fail(err, code, "scoring: %s", lx_err_text(code));
        everyone->pairs += scoring->chunks[i].pairs;
        everyone->openings += scoring->chunks[i].openings;
    }
    everyone->seconds = (double)(env->elapsed_ns(env->context) - begin_ns) / 1e9;
    return code;
}

enum lx_err everyone_score(const char *folder, const char *id, const struct lx_env *env,
                           struct everyone *ret_everyone, struct lx_error *err)
{
    struct scoring scoring = {0};
    struct everyone everyone = {{0}};
    enum lx_err code = scoring_open(folder, id, &scoring, err);
    if (code == LX_OK) code = score_all(&scoring, env, &everyone, err);
    if (code == LX_OK) {
        memcpy(everyone.model, model_id(scoring.model), sizeof everyone.model);
        *ret_everyone = everyone;
    }
    model_close(scoring.model);
    if (scoring.snapshot != NULL) view_snapshot_close(scoring.snapshot);
    bank_close(scoring.bank);
    lx_free(scoring.chunks);
    return code;
}
