/*
 * Goal:   what arrives since the snapshot gives, customer by customer, the same as the batch over
 *         the same facts, whether it is told by a record that lives or read anew; memory stays
 *         within the budget and an answer from a record takes none.
 * Method: a bank of random histories, refreshed; random streams of events, late ones, corrections
 *         and deletions, asked as of random moments, with budgets from nothing to plenty. Each
 *         answer against a list of the test's own that holds everything in its place: by the
 *         batch's one pass, and window by window, to the bit.
 */
#include "random_bank.h"

#include "view/feature_set.h"
#include "view/online.h"

enum { CUSTOMERS = 240, SEED = 12, EVENTS_MAX = 400, ARRIVALS = 3000, VALUES = 4096 };

static char scratch[LX_PATH_MAX], folder[LX_PATH_MAX];
static struct bank *bank;
static struct view_snapshot *snapshot;
static struct view_context batch, plain;

static int prepare(void **state)
{
    struct lx_error err;
    struct lx_env env = test_env(1);
    struct view_refresh_result result;
    scratch_make(scratch);
    MUST(host_join(folder, scratch, "bank", &err));
    random_bank_create(folder);
    random_bank_load(folder, SEED, 0, CUSTOMERS);
    MUST(view_refresh(folder, HISTORY_NOW_MS, 1, &env, &result, &err));
    MUST(bank_open(folder, STORE_READ, &bank, &err));
    MUST(view_snapshot_open(folder, &snapshot, &err));
    batch = plain = (struct view_context){.catalogue = bank_catalogue(bank),
                                          .peers = view_snapshot_peers(snapshot),
                                          .utc_offset_minutes = HISTORY_UTC_OFFSET};
    const struct view_features *features = view_snapshot_features(snapshot);
    MUST(view_scratch_open(features, bank_catalogue(bank), &batch.scratch, &err));
    MUST(view_scratch_open(features, bank_catalogue(bank), &plain.scratch, &err));
    view_scratch_set_plain(plain.scratch, true);
    return 0;
}

static int release(void **state)
{
    view_scratch_close(batch.scratch);
    view_scratch_close(plain.scratch);
    view_snapshot_close(snapshot);
    bank_close(bank);
    scratch_remove(scratch);
    return 0;
}

/* --- The model: all versions of all events of a customer, in order ---------------------------- */

struct model {
    struct bank_history history;
    struct bank_event events[EVENTS_MAX];
    struct lx_arena arena;
};

static struct model *models; /* by customer */

static void open_models(void)
{
    struct lx_error err;
    models = calloc(CUSTOMERS, sizeof *models);
    assert_non_null(models);
    for (int64_t i = 0; i < CUSTOMERS; i++) {
        struct model *model = &models[i];
        lx_arena_init(&model->arena, LX_FILE_MAX);
        MUST(bank_history_read(bank, i, &model->arena, &model->history, &err));
        assert_true(model->history.event_count < EVENTS_MAX / 2);
        memcpy(model->events, model->history.events,
               model->history.event_count * sizeof *model->events);
        model->history.events = model->events;
    }
}

static void close_models(void)
{
    for (int64_t i = 0; i < CUSTOMERS; i++) lx_arena_release(&models[i].arena);
    free(models);
}

static void insert_at(struct model *model, size_t place, const struct bank_event *event)
{
    assert_true(model->history.event_count < EVENTS_MAX);
    memmove(model->events + place + 1, model->events + place,
            (model->history.event_count++ - place) * sizeof *event);
    model->events[place] = *event;
}

static void model_add(struct model *model, const struct bank_event *event)
{
    size_t place = 0;
    while (place < model->history.event_count &&
           (model->events[place].at_ms < event->at_ms ||
            (model->events[place].at_ms == event->at_ms &&
             model->events[place].sequence <= event->sequence)))
        place++;
    insert_at(model, place, event);
}

static void model_change(struct model *model, size_t place, const struct bank_change *change)
{
    while (place + 1 < model->history.event_count &&
           model->events[place + 1].at_ms == change->event.at_ms &&
           model->events[place + 1].sequence == change->event.sequence)
        place++;
    if (model->events[place].replaced_at_ms == 0)
        model->events[place].replaced_at_ms = change->event.known_at_ms;
    struct bank_event version = change->event;
    version.is_correction = 1;
    version.replaced_at_ms = 0;
    if (!change->is_deleted) insert_at(model, place + 1, &version);
}

/* --- Comparing -------------------------------------------------------------------------------- */

static struct {
    uint64_t seed;
    size_t step, answers, of_arrivals, recomputed, of_arrivals_recomputed;
} trial;

static void check_values(const char *what, enum view_scope scope, const float *got,
                         const float *want, int64_t customer)
{
    const struct view_features *features = view_snapshot_features(snapshot);
    size_t stride = view_features_count(features, scope);
    size_t count = scope == VIEW_PAIR ? stride * HISTORY_PRODUCTS : stride;
    for (size_t i = 0; i < count; i++)
        if (memcmp(&got[i], &want[i], sizeof *got) != 0)
            fail_msg("seed %lu, step %zu, customer %ld, %s: %s of product %zu: got %.9g, want %.9g",
                     (unsigned long)trial.seed, trial.step, (long)customer, what,
                     view_features_at(features, scope, i % stride)->name, i / stride,
                     (double)got[i], (double)want[i]);
}

static void check_answer(const struct view_online_values *got, int64_t customer, int64_t as_of_ms)
{
    static float values[VALUES], pairs[VALUES];
    const struct view_context *contexts[] = {&batch, &plain};
    const char *const names[] = {"against the batch", "window by window"};
    struct view_facts facts;
    for (int i = 0; i < 2; i++) {
        view_customer_features(&models[customer].history, contexts[i], as_of_ms, values);
        view_pair_features(&models[customer].history, contexts[i], as_of_ms, values, pairs);
        check_values(names[i], VIEW_CUSTOMER, got->customer, values, customer);
        check_values(names[i], VIEW_PAIR, got->pairs, pairs, customer);
    }
    view_facts(&models[customer].history, &batch, as_of_ms, &facts);
    if (got->facts.assets_fen != facts.assets_fen || got->facts.is_overdue != facts.is_overdue ||
        memcmp(got->facts.held, facts.held, sizeof facts.held) != 0 ||
        got->facts.risk_level != facts.risk_level ||
        got->facts.is_do_not_contact != facts.is_do_not_contact ||
        got->facts.has_open_complaint != facts.has_open_complaint ||
        got->facts.refused_channels != facts.refused_channels)
        fail_msg("seed %lu, step %zu, customer %ld: other facts", (unsigned long)trial.seed,
                 trial.step, (long)customer);
}

/* --- Streams ---------------------------------------------------------------------------------- */

static bool has_arrivals[CUSTOMERS];

static int64_t draw_moment(struct lx_rng *rng)
{
    switch (lx_rng_below(rng, 8)) {
    case 0: return HISTORY_NOW_MS - (int64_t)lx_rng_below(rng, LX_MS_PER_DAY);
    case 1: return HISTORY_NOW_MS + ((int64_t)lx_rng_below(rng, 80) - 40) * LX_MS_PER_DAY / 2;
    case 2: return HISTORY_NOW_MS - (int64_t)lx_rng_below(rng, LX_MS_PER_DAY / 4);
    default: return HISTORY_NOW_MS;
    }
}

/* Mostly of today and in order, as it is; some late, some known tomorrow. */
static struct bank_event draw_event(struct lx_rng *rng, size_t step, size_t step_count)
{
    static const uint8_t usual[] = {BANK_EVENT_KIND_LOGIN,       BANK_EVENT_KIND_PAGE_VIEW,
                                    BANK_EVENT_KIND_PAGE_SKIP,   BANK_EVENT_KIND_CARD_PAYMENT,
                                    BANK_EVENT_KIND_TRANSFER_IN, BANK_EVENT_KIND_TRANSFER_OUT};
    struct bank_event event = history_event(rng);
    int64_t start_ms = HISTORY_NOW_MS + 1 - LX_MS_PER_DAY / 4;
    if (lx_rng_below(rng, 8) > 0) {
        event.at_ms = start_ms + (int64_t)(step * (uint64_t)(LX_MS_PER_DAY / 4 - 1) / step_count);
        event.known_at_ms = event.at_ms + (int64_t)lx_rng_below(rng, 3) * 1000;
    } else {
        event.known_at_ms = lx_rng_below(rng, 4) == 0 ? HISTORY_NOW_MS + 5 : start_ms;
        if (event.known_at_ms < event.at_ms) event.known_at_ms = event.at_ms;
    }
    if (lx_rng_below(rng, 4) > 0) event.kind = usual[lx_rng_below(rng, LX_COUNT_OF(usual))];
    if (event.kind != BANK_EVENT_KIND_PAGE_VIEW) event.quantity = 0;
    if (lx_rng_below(rng, 2) == 0) event.balance_fen = BANK_NO_AMOUNT;
    event.sequence = 1000000 + (uint32_t)step;
    return event;
}

static void apply_one(struct view_online *online, struct view_online_reader *reader,
                      struct lx_rng *rng, int64_t customer, size_t step_count)
{
    struct lx_error err;
    struct model *model = &models[customer];
    has_arrivals[customer] = true;
    if (lx_rng_below(rng, 6) > 0 || model->history.event_count == 0) {
        struct bank_event event = draw_event(rng, trial.step, step_count);
        MUST(view_online_apply(online, reader, customer, &event, &err));
        model_add(model, &event);
        return;
    }
    size_t place = lx_rng_below(rng, model->history.event_count);
    struct bank_change change = {.event = draw_event(rng, trial.step, step_count),
                                 .is_deleted = lx_rng_below(rng, 3) == 0};
    change.event.at_ms = model->events[place].at_ms;
    change.event.sequence = model->events[place].sequence;
    change.event.known_at_ms = HISTORY_NOW_MS - 1000000 + (int64_t)trial.step * 100;
    MUST(view_online_change(online, reader, customer, &change, &err));
    model_change(model, place, &change);
}

static void ask_one(const struct view_online *online, struct view_online_reader *reader,
                    int64_t customer, int64_t as_of_ms)
{
    struct lx_error err;
    struct view_online_values got;
    MUST(view_online_vector(online, reader, customer, as_of_ms, &got, &err));
    check_answer(&got, customer, as_of_ms);
    trial.answers++;
    trial.recomputed += got.is_recomputed;
    trial.of_arrivals += has_arrivals[customer];
    trial.of_arrivals_recomputed += has_arrivals[customer] && got.is_recomputed;
}

/* Two thirds are warm before anything arrives, some become so between, the rest never. */
static void run_stream(uint64_t seed, size_t budget_bytes, size_t step_count)
{
    struct lx_error err;
    struct view_online *online = NULL;
    struct view_online_reader *reader = NULL, *writer = NULL;
    const struct view_online_options options = {budget_bytes, ARRIVALS};
    struct lx_rng rng = lx_rng_of(seed, 41);
    memset(&trial, 0, sizeof trial);
    memset(has_arrivals, 0, sizeof has_arrivals);
    trial.seed = seed;
    open_models();
    MUST(view_online_open(folder, snapshot, &options, &online, &err));
    MUST(view_online_reader_open(online, &reader, &err));
    MUST(view_online_reader_open(online, &writer, &err));
    struct view_online_memory memory = view_online_memory(online);
    assert_true(memory.total_bytes <= budget_bytes);
    MUST(view_online_warm(online, writer, 0, CUSTOMERS * 2 / 3, &err));
    for (trial.step = 0; trial.step < step_count; trial.step++) {
        int64_t customer = (int64_t)lx_rng_below(&rng, CUSTOMERS);
        if (lx_rng_below(&rng, 3) == 0) apply_one(online, writer, &rng, customer, step_count);
        if (trial.step % 16 == 0 && customer >= CUSTOMERS * 2 / 3)
            MUST(view_online_warm(online, writer, customer, customer + 1, &err));
        ask_one(online, reader, customer, draw_moment(&rng));
    }
    view_online_reader_close(reader);
    view_online_reader_close(writer);
    view_online_close(online);
    close_models();
}

static size_t budget_of(size_t record_bytes)
{
    return record_bytes * CUSTOMERS + ARRIVALS * 96;
}

static void test_what_arrives_gives_what_the_batch_gives(void **state)
{
    static const size_t records[] = {24, 64, 128, 272, 4096};
    size_t least = SIZE_MAX;
    for (uint64_t seed = 0; seed < 2 * LX_COUNT_OF(records); seed++) {
        size_t bytes = records[seed % LX_COUNT_OF(records)];
        run_stream(seed, budget_of(bytes), 700);
        if (bytes == 4096 && trial.of_arrivals - trial.of_arrivals_recomputed < least)
            least = trial.of_arrivals - trial.of_arrivals_recomputed;
        if (trial.recomputed == 0 || trial.recomputed == trial.answers)
            fail_msg("seed %lu: %zu of %zu were read anew", (unsigned long)seed, trial.recomputed,
                     trial.answers);
    }
    if (least < 15) fail_msg("of customers with arrivals records told %zu only", least);
}

/* --- Budget and memory ------------------------------------------------------------------------ */

static void test_more_memory_lets_more_windows_live_and_never_more_than_there_is(void **state)
{
    size_t lived = 0;
    for (size_t bytes = 24; bytes <= 2048; bytes = bytes * 3 / 2) {
        struct lx_error err;
        struct view_online *online = NULL;
        const struct view_online_options options = {budget_of(bytes), ARRIVALS};
        MUST(view_online_open(folder, snapshot, &options, &online, &err));
        struct view_online_memory memory = view_online_memory(online);
        size_t live = 0, live_bytes = 0;
        for (size_t i = 0; i < view_online_window_count(online); i++) {
            struct view_online_window window;
            char text[1024];
            view_online_window_at(online, i, &window);
            live += window.home == VIEW_ONLINE_MEMORY;
            live_bytes += window.bytes;
            assert_int_equal(window.bytes > 0, window.home == VIEW_ONLINE_MEMORY);
            assert_true(view_online_window_text(online, i, text, sizeof text) < sizeof text);
        }
        if (memory.total_bytes > options.budget_bytes || live < lived ||
            live_bytes > memory.record_bytes)
            fail_msg("%zu bytes a customer: %zu of %zu taken, %zu windows live, %zu before", bytes,
                     memory.total_bytes, memory.budget_bytes, live, lived);
        lived = live;
        view_online_close(online);
    }
    assert_true(lived > 20);
    struct lx_error err;
    struct view_online *none = NULL;
    const struct view_online_options little = {1000, ARRIVALS};
    assert_int_equal(view_online_open(folder, snapshot, &little, &none, &err), LX_ERR_LIMIT);
    assert_non_null(strstr(err.text, "budget_megabytes"));
}

static void test_an_answer_from_a_record_allocates_nothing(void **state)
{
    struct lx_error err;
    struct view_online *online = NULL;
    struct view_online_reader *reader = NULL;
    struct view_online_values got;
    const struct view_online_options options = {budget_of(4096), ARRIVALS};
    size_t told = 0;
    MUST(view_online_open(folder, snapshot, &options, &online, &err));
    MUST(view_online_reader_open(online, &reader, &err));
    MUST(view_online_warm(online, reader, 0, CUSTOMERS, &err));
    for (int64_t customer = 0; customer < CUSTOMERS; customer++) {
        const struct bank_event event = {.at_ms = HISTORY_NOW_MS - 5,
                                         .known_at_ms = HISTORY_NOW_MS - 5,
                                         .amount_fen = BANK_NO_AMOUNT,
                                         .balance_fen = BANK_NO_AMOUNT,
                                         .product = 2,
                                         .quantity = 11,
                                         .kind = BANK_EVENT_KIND_PAGE_VIEW,
                                         .channel = BANK_CHANNEL_MOBILE};
        MUST(view_online_apply(online, reader, customer, &event, &err));
        lx_alloc_fail_at(1);
        enum lx_err code = view_online_vector(online, reader, customer, HISTORY_NOW_MS, &got, &err);
        uint64_t count = lx_alloc_count();
        lx_alloc_fail_at(0);
        if (code == LX_OK && !got.is_recomputed) {
            if (count != 0) fail_msg("customer %ld: %lu allocations", (long)customer, (long)count);
            told++;
        }
    }
    if (told < CUSTOMERS / 4) fail_msg("%zu of %d told by records", told, CUSTOMERS);
    view_online_reader_close(reader);
    view_online_close(online);
}

static void test_an_arrival_too_many_and_a_correction_of_nothing_are_refused(void **state)
{
    struct lx_error err;
    struct view_online *online = NULL;
    struct view_online_reader *reader = NULL;
    const struct view_online_options options = {budget_of(64), 3};
    struct bank_change change = {.event = {.at_ms = 4711, .known_at_ms = HISTORY_NOW_MS}};
    struct bank_event event = {.at_ms = HISTORY_NOW_MS - 5,
                               .known_at_ms = HISTORY_NOW_MS - 5,
                               .amount_fen = BANK_NO_AMOUNT,
                               .balance_fen = BANK_NO_AMOUNT,
                               .product = BANK_NO_PRODUCT,
                               .kind = BANK_EVENT_KIND_LOGIN};
    MUST(view_online_open(folder, snapshot, &options, &online, &err));
    MUST(view_online_reader_open(online, &reader, &err));
    assert_int_equal(view_online_change(online, reader, 7, &change, &err), LX_ERR_NOT_FOUND);
    for (uint32_t i = 0; i < 3; i++) {
        event.sequence = i;
        MUST(view_online_apply(online, reader, 7, &event, &err));
    }
    assert_int_equal(view_online_apply(online, reader, 7, &event, &err), LX_ERR_LIMIT);
    assert_non_null(strstr(err.text, "lingxi refresh"));
    view_online_reader_close(reader);
    view_online_close(online);
}

static void test_the_budget_is_read_from_the_configuration(void **state)
{
    char path[LX_PATH_MAX], inner[LX_PATH_MAX];
    struct lx_error err;
    struct view_online_options options;
    static const char good[] =
        "[bank]\nstore = x\n[online]\nbudget_megabytes = 120\narrivals = 9\n";
    static const char bad[] = "[online]\nbudget_megabytes = much\n";
    MUST(view_online_options_read(folder, &options, &err));
    assert_int_equal(options.budget_bytes, 300000000);
    assert_int_equal(options.arrivals_max, 200000);
    MUST(host_join(inner, scratch, "other", &err));
    MUST(host_make_folder(inner, &err));
    MUST(host_join(path, inner, "lingxi.ini", &err));
    MUST(host_write_atomic(path, good, sizeof good - 1, &err));
    MUST(view_online_options_read(inner, &options, &err));
    assert_int_equal(options.budget_bytes, 120000000);
    assert_int_equal(options.arrivals_max, 9);
    MUST(host_write_atomic(path, bad, sizeof bad - 1, &err));
    assert_int_equal(view_online_options_read(inner, &options, &err), LX_ERR_BAD_INPUT);
    assert_non_null(strstr(err.text, ":2: budget_megabytes \"much\""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_arrives_gives_what_the_batch_gives),
        cmocka_unit_test(test_more_memory_lets_more_windows_live_and_never_more_than_there_is),
        cmocka_unit_test(test_an_answer_from_a_record_allocates_nothing),
        cmocka_unit_test(test_an_arrival_too_many_and_a_correction_of_nothing_are_refused),
        cmocka_unit_test(test_the_budget_is_read_from_the_configuration),
    };
    return cmocka_run_group_tests_name("view/online", tests, prepare, release);
}
