/* Seats, the workers that sit on some of them, and how all are exchanged while requests go on. */
#include <stdio.h>
#include <string.h>

#include "api/parts.h"
#include "model/label_measure.h"
#include "view/labels.h"

static size_t place_count(const struct api *api)
{
    return (size_t)api->loop_count + API_WORKERS;
}

static void close_seat(struct api_seat *seat)
{
    if (seat == NULL) return;
    label_measures_close(seat->measures);
    view_labels_close(seat->labels);
    engine_close(seat->engine);
    lx_buffer_release(&seat->out);
    lx_free(seat);
}

static enum lx_err open_seat(const struct api *api, struct api_seat **ret_seat,
                             struct lx_error *err)
{
    const char *folder = api->options.folder;
    struct api_seat *seat = lx_calloc(1, sizeof *seat);
    if (seat == NULL) return lx_fail(err, LX_ERR_NO_MEMORY, "server: out of memory");
    lx_buffer_init(&seat->out, API_REPLY_MAX);
    enum lx_err code = engine_open_live(folder, api->live, &api->env, &seat->engine, err);
    if (code == LX_OK)
        code = view_labels_open(folder, view_snapshot_features(engine_snapshot(seat->engine)),
                                bank_catalogue(engine_bank(seat->engine)), &seat->labels, err);
    if (code == LX_OK)
        code = label_measures_open(folder, model_id(engine_model(seat->engine)), seat->labels,
                                   &seat->measures, err);
    if (code == LX_OK)
        *ret_seat = seat;
    else
        close_seat(seat);
    return code;
}

enum lx_err api_seats_open(struct api *api, struct lx_error *err)
{
    api->places = lx_calloc(place_count(api), sizeof *api->places);
    if (api->places == NULL) return lx_fail(err, LX_ERR_NO_MEMORY, "server: out of memory");
    enum lx_err code = LX_OK;
    for (size_t i = 0; code == LX_OK && i < place_count(api); i++) {
        api->places[i].api = api;
        code = open_seat(api, &api->places[i].seat, err);
    }
    if (code == LX_OK) engine_rules_hash(api->places[0].seat->engine, api->rules);
    return code;
}

void api_seats_close(struct api *api)
{
    if (api->places == NULL) return;
    for (size_t i = 0; i < place_count(api); i++) {
        close_seat(api->places[i].seat);
        close_seat(atomic_load(&api->places[i].next));
    }
    lx_free(api->places);
    api->places = NULL;
}

/* --- Reload ---------------------------------------------------------------------------------- */

struct leaving {
    struct api_task task;
    struct api_seat *seat;
};

static void close_leaving(struct api_task *task, struct api_place *place)
{
    struct leaving *leaving = task->context;
    (void)place;
    close_seat(leaving->seat);
    lx_free(leaving);
}

/* Closing gives back a whole snapshot, which a loop should not wait for. */
static void leave(struct api *api, struct api_seat *seat)
{
    struct leaving *leaving = lx_malloc(sizeof *leaving);
    if (leaving != NULL) {
        *leaving = (struct leaving){{close_leaving, leaving}, seat};
        if (host_queue_offer(api->tasks, &leaving->task)) return;
    }
    lx_free(leaving);
    close_seat(seat);
}

struct api_seat *api_seat_of(struct api_place *place)
{
    if (atomic_load_explicit(&place->next, memory_order_relaxed) == NULL) return place->seat;
    struct api_seat *next = atomic_exchange(&place->next, NULL);
    if (next != NULL) {
        leave(place->api, place->seat);
        place->seat = next;
    }
    return place->seat;
}

/* No decision rests on rules that are not in the journal: they go there before anybody has them. */
static enum lx_err record_rules(struct api *api, struct engine *engine, struct lx_error *err)
{
    struct api_job job = {.change = {.customer = -1}};
    struct lx_buffer record;
    uint8_t hash[32];
    bool is_new = false;
    memcpy(hash, api->rules, sizeof hash);
    lx_buffer_init(&record, JOURNAL_RECORD_MAX);
    enum lx_err code = engine_rules_record(engine, hash, &record, &is_new, err);
    if (code == LX_OK && is_new) {
        job.change.bytes = record.bytes;
        job.change.length = record.length;
        code = api_writer_commit(api->writer, &job, err);
    }
    if (code == LX_OK) memcpy(api->rules, hash, sizeof hash);
    lx_buffer_release(&record);
    return code;
}

static enum lx_err open_next(struct api *api, struct api_seat **seats, struct lx_error *err)
{
    enum lx_err code = LX_OK;
    for (size_t i = 0; code == LX_OK && i < place_count(api); i++)
        code = open_seat(api, &seats[i], err);
    if (code == LX_OK) code = record_rules(api, seats[0]->engine, err);
    return code;
}

static void reload(struct api_task *task, struct api_place *place)
{
    struct api *api = task->context;
    struct lx_error err = {0};
    char line[LX_ERROR_TEXT_MAX + 128];
    struct api_seat **seats = lx_calloc(place_count(api), sizeof *seats);
    (void)place;
    enum lx_err code = seats != NULL ? open_next(api, seats, &err)
                                     : lx_fail(&err, LX_ERR_NO_MEMORY, "server: out of memory");
    if (code == LX_OK) {
        for (size_t i = 0; i < place_count(api); i++)
            close_seat(atomic_exchange(&api->places[i].next, seats[i]));
        atomic_fetch_add(&api->reloads, 1);
        snprintf(line, sizeof line, "level=info event=reloaded");
    } else {
        for (size_t i = 0; seats != NULL && i < place_count(api); i++) close_seat(seats[i]);
        atomic_fetch_add(&api->failed_reloads, 1);
        snprintf(line, sizeof line, "level=error event=reload_failed text=\"%s\"", err.text);
    }
    lx_free(seats);
    api->env.message(api->env.context, line);
    atomic_store(&api->is_reloading, false);
}

void api_reload(void *context)
{
    struct api *api = context;
    if (atomic_exchange(&api->is_reloading, true)) return; /* the one under way is not over */
    api->reload = (struct api_task){reload, api};
    if (host_queue_offer(api->tasks, &api->reload)) return;
    atomic_store(&api->is_reloading, false);
    api->env.message(api->env.context, "level=error event=reload_failed text=\"too much to do\"");
}

/* --- Workers --------------------------------------------------------------------------------- */

static void work(void *context)
{
    struct api_place *place = context;
    void *item = NULL;
    while (host_queue_get(place->api->tasks, &item)) {
        struct api_task *task = item;
        task->run(task, place);
    }
}

enum lx_err api_workers_start(struct api *api, struct lx_error *err)
{
    enum lx_err code = host_queue_open(API_TASKS_MAX, &api->tasks, err);
    for (size_t i = 0; code == LX_OK && i < API_WORKERS; i++)
        code = host_thread_start(work, &api->places[(size_t)api->loop_count + i], &api->workers[i],
                                 err);
    return code;
}

void api_workers_stop(struct api *api)
{
    if (api->tasks == NULL) return;
    host_queue_close(api->tasks);
    for (size_t i = 0; i < API_WORKERS; i++) host_thread_join(api->workers[i]);
    host_queue_release(api->tasks);
    api->tasks = NULL;
}
