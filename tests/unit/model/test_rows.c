/*
 * Goal:   a training row says what was known at its moment and what happened after it: labels are
 *         those of a plain reading of the histories, nothing that a customer held or that was not
 *         on sale is a candidate, windows that are not over are left out, all positives are there,
 *         and the sample does not depend on threads. A feature that peeks is caught.
 * Method: a small living bank, read again customer by customer with the obvious loops; leaks are
 *         planted by event time, by known_at and by a column that knows the label.
 */
#include "tests/living_bank.h"
#include "tests/shipped_features.h"

#include <math.h>

#include "base/date.h"
#include "model/rows.h"

enum { CUSTOMERS = 300, SEED = 5 };

struct world {
    struct living_bank bank;
    struct living_clock clock;
    struct rows_moments moments;
    struct view_peers *peers[ROWS_MOMENTS_MAX];
    struct view_features *features;
};

static int make_world(void **state)
{
    struct lx_error err;
    struct world *world = calloc(1, sizeof *world);
    living_open(&world->bank, CUSTOMERS, SEED);
    world->clock = living_clock_of(SEED);
    struct lx_env env = living_env(&world->clock, 1);
    MUST(rows_moments_find(world->bank.folder, BANK_UNKNOWN_MS, 20, &world->moments, &err));
    MUST(view_peers_build_many(world->bank.folder, world->moments.as_of_ms, world->moments.count,
                               &env, world->peers, &err));
    world->features = features_of(world->bank.folder);
    *state = world;
    return 0;
}

static int end_world(void **state)
{
    struct world *world = *state;
    for (size_t i = 0; i < world->moments.count; i++) view_peers_close(world->peers[i]);
    view_features_close(world->features);
    living_remove(&world->bank);
    free(world);
    return 0;
}

static struct rows_plan plan_of(const struct world *world, uint64_t seed)
{
    return (struct rows_plan){.folder = world->bank.folder,
                              .features = world->features,
                              .as_of_ms = world->moments.as_of_ms,
                              .peers = world->peers,
                              .moment_count = world->moments.count,
                              .complete_until_ms = world->moments.complete_until_ms,
                              .seed = seed};
}

static void build(const struct world *world, uint64_t seed, size_t rows_max, int threads,
                  struct rows *rows)
{
    struct lx_error err;
    struct living_clock clock = world->clock;
    struct lx_env env = living_env(&clock, threads);
    const struct rows_plan plan = plan_of(world, seed);
    MUST(rows_build(&plan, rows_max, &env, rows, &err));
}

static void test_moments_are_month_ends_whose_window_is_over(void **state)
{
    const struct world *world = *state;
    const struct rows_moments *moments = &world->moments;
    /* Data from July 2025 to June 2026: two months of history, and May's window is not over. */
    static const char *const days[] = {"2025-09-30", "2025-10-31", "2025-11-30", "2025-12-31",
                                       "2026-01-31", "2026-02-28", "2026-03-31", "2026-04-30"};
    assert_int_equal(moments->count, LX_COUNT_OF(days));
    for (size_t i = 0; i < moments->count; i++) {
        char text[LX_TIME_TEXT_SIZE];
        lx_ms_format(moments->as_of_ms[i], LIVING_OFFSET_MINUTES, text);
        assert_memory_equal(text, days[i], 10);
        assert_string_equal(text + 11, "23:59:59");
    }
}

static void test_an_earlier_as_of_moves_the_moments_back(void **state)
{
    const struct world *world = *state;
    struct lx_error err;
    struct rows_moments moments;
    struct lx_civil day = {2026, 2, 15};
    int64_t as_of_ms = lx_ms_of_day(lx_day_of_civil(day), LIVING_OFFSET_MINUTES);
    MUST(rows_moments_find(world->bank.folder, as_of_ms, 20, &moments, &err));
    assert_int_equal(moments.count, 4); /* the last is the end of December: January's is not over */
    assert_int_equal(moments.as_of_ms[3], world->moments.as_of_ms[3]);
    assert_true(moments.complete_until_ms <= as_of_ms);
}

static void test_split_never_lets_a_label_reach_into_a_later_part(void **state)
{
    struct lx_error err;
    struct rows_split split;
    for (size_t count = 4; count <= 24; count++) {
        for (int first_month = 1; first_month <= 12; first_month++) {
            struct rows_moments moments = {.count = count};
            for (size_t i = 0; i < count; i++) {
                struct lx_civil civil = {2024, first_month, 1};
                int32_t day = lx_day_add_months(lx_day_of_civil(civil), (int)i + 1);
                moments.as_of_ms[i] = lx_ms_of_day(day, LIVING_OFFSET_MINUTES) - 1;
            }
            enum lx_err code = rows_split_make(&moments, &split, &err);
            if (code == LX_ERR_NOT_READY && count < 6) continue; /* February took one */
            assert_int_equal(code, LX_OK);
            const int64_t *at = split.moments.as_of_ms;
            size_t calibration = split.fit_count, quality = calibration + split.calibration_count;
            int64_t window_ms = ROWS_HORIZON_DAYS * LX_MS_PER_DAY;
            assert_true(split.fit_count >= 1);
            assert_true(at[calibration - 1] + window_ms <= at[calibration]);
            assert_true(at[quality - 1] + window_ms <= at[quality]);
            assert_int_equal(at[split.moments.count - 1], moments.as_of_ms[count - 1]);
        }
    }
    struct rows_moments few = {.count = 3};
    MUST_FAIL(rows_split_make(&few, &split, &err), LX_ERR_NOT_READY);
}

/* Did he open the product in the 30 days after, by the plainest reading? */
static bool naive_label(const struct bank_history *history, int product, int64_t as_of_ms,
                        int64_t complete_until_ms)
{
    for (size_t i = 0; i < history->event_count; i++) {
        const struct bank_event *event = &history->events[i];
        if (event->kind == BANK_EVENT_KIND_OPEN && event->product == product &&
            event->at_ms > as_of_ms && event->at_ms <= as_of_ms + 30 * LX_MS_PER_DAY &&
            event->known_at_ms <= complete_until_ms)
            return true;
    }
    return false;
}

static bool naive_held(const struct bank_history *history, int product, int64_t as_of_ms)
{
    int open = 0;
    for (size_t i = 0; i < history->event_count; i++) {
        const struct bank_event *event = &history->events[i];
        if (event->product != product || event->at_ms > as_of_ms || event->known_at_ms > as_of_ms)
            continue;
        if (event->kind == BANK_EVENT_KIND_OPEN) open++;
        if (event->kind == BANK_EVENT_KIND_CLOSE && open > 0) open--;
    }
    return open > 0;
}

struct count {
    size_t candidates, positives;
};

/* What the whole bank holds, counted the plain way. */
static struct count naive_count(const struct world *world)
{
    struct lx_error err;
    struct bank *bank = NULL;
    struct lx_arena arena;
    struct count count = {0};
    lx_arena_init(&arena, 64 << 20);
    MUST(bank_open(world->bank.folder, STORE_READ, &bank, &err));
    for (int64_t customer = 0; customer < CUSTOMERS; customer++) {
        struct bank_history history;
        MUST(bank_history_read(bank, customer, &arena, &history, &err));
        for (size_t m = 0; m < world->moments.count; m++) {
            for (size_t p = 0; p < bank_catalogue(bank)->count; p++) {
                int64_t as_of_ms = world->moments.as_of_ms[m];
                if (naive_held(&history, (int)p, as_of_ms)) continue;
                count.candidates++;
                count.positives +=
                    naive_label(&history, (int)p, as_of_ms, world->moments.complete_until_ms);
            }
        }
        lx_arena_clear(&arena);
    }
    bank_close(bank);
    lx_arena_release(&arena);
    return count;
}

static void test_with_room_for_all_every_candidate_is_a_row(void **state)
{
    const struct world *world = *state;
    struct count count = naive_count(world);
    struct rows rows;
    build(world, 1, 1000000, 2, &rows);
    assert_true(rows.negative_rate >= 1);
    assert_int_equal(rows.matrix.row_count, count.candidates);
    assert_int_equal(rows.positives, count.positives);
    assert_true(count.positives > 200);
    assert_true(fabs(rows.true_rate - (double)count.positives / (double)count.candidates) < 1e-12);
    rows_release(&rows);
}

static void test_rows_carry_the_features_and_the_label_of_their_moment(void **state)
{
    const struct world *world = *state;
    struct lx_error err;
    struct bank *bank = NULL;
    struct lx_arena arena;
    struct rows rows;
    struct view_scratch *scratch = NULL;
    size_t customers = view_features_count(world->features, VIEW_CUSTOMER);
    size_t pairs = view_features_count(world->features, VIEW_PAIR);
    float customer_values[ROWS_FEATURES_MAX];
    float *pair_values = calloc(LX_PRODUCT_MAX * pairs, sizeof *pair_values);
    build(world, 1, 5000, 1, &rows);
    lx_arena_init(&arena, 64 << 20);
    MUST(bank_open(world->bank.folder, STORE_READ, &bank, &err));
    MUST(view_scratch_open(world->features, bank_catalogue(bank), &scratch, &err));
    assert_int_equal(rows.matrix.column_count, customers + pairs);
    for (size_t i = 0; i < rows.matrix.row_count; i += 7) {
        struct bank_history history;
        size_t moment = rows.moments[i];
        int64_t as_of_ms = world->moments.as_of_ms[moment];
        const struct view_context context = {bank_catalogue(bank), world->peers[moment],
                                             LIVING_OFFSET_MINUTES, scratch};
        MUST(bank_history_read(bank, rows.customers[i], &arena, &history, &err));
        view_customer_features(&history, &context, as_of_ms, customer_values);
        view_pair_features(&history, &context, as_of_ms, customer_values, pair_values);
        const float *row = matrix_row(&rows.matrix, i);
        assert_memory_equal(row, customer_values, customers * sizeof *row);
        assert_memory_equal(row + customers, pair_values + rows.products[i] * pairs,
                            pairs * sizeof *row);
        assert_int_equal(rows.labels[i] > 0, naive_label(&history, rows.products[i], as_of_ms,
                                                         world->moments.complete_until_ms));
        lx_arena_clear(&arena);
    }
    view_scratch_close(scratch);
    bank_close(bank);
    lx_arena_release(&arena);
    rows_release(&rows);
    free(pair_values);
}

static void assert_same_rows(const struct rows *a, const struct rows *b)
{
    size_t count = a->matrix.row_count;
    assert_int_equal(count, b->matrix.row_count);
    assert_int_equal(a->positives, b->positives);
    assert_memory_equal(a->matrix.values, b->matrix.values,
                        count * a->matrix.column_count * sizeof(float));
    assert_memory_equal(a->labels, b->labels, count * sizeof *a->labels);
    assert_memory_equal(a->customers, b->customers, count * sizeof *a->customers);
    assert_memory_equal(a->products, b->products, count * sizeof *a->products);
    assert_memory_equal(a->moments, b->moments, count);
}

static void test_rows_do_not_depend_on_the_number_of_threads(void **state)
{
    const struct world *world = *state;
    struct rows one, three;
    build(world, 9, 4000, 1, &one);
    build(world, 9, 4000, 3, &three);
    assert_same_rows(&one, &three);
    rows_release(&one);
    rows_release(&three);
}

static void test_all_positives_stay_and_the_sample_fits_the_maximum(void **state)
{
    const struct world *world = *state;
    struct count count = naive_count(world);
    for (uint64_t seed = 1; seed <= 8; seed++) {
        struct rows rows;
        size_t max = 3000 + 500 * seed;
        build(world, seed, max, 1, &rows);
        assert_int_equal(rows.positives, count.positives);
        assert_true(rows.matrix.row_count <= max);
        /* The sample tells the true rate within five deviations. */
        double negatives = (double)(rows.matrix.row_count - rows.positives);
        double expected = (double)(count.candidates - count.positives) * rows.negative_rate;
        if (fabs(negatives - expected) > 5 * sqrt(expected))
            fail_msg("seed %lu: %g negatives, expected %g", (unsigned long)seed, negatives,
                     expected);
        rows_release(&rows);
    }
}

/* More positives than the peers told leave less room: negatives go by their draws, positives stay,
 * and what is left is part of what a larger maximum gives. */
static void test_where_rows_do_not_fit_negatives_go_and_the_rate_tells(void **state)
{
    const struct world *world = *state;
    struct rows rows, large;
    build(world, 3, 100000, 1, &large);
    size_t max = large.positives + large.positives / 3, at = 0;
    build(world, 3, max, 2, &rows);
    assert_int_equal(rows.matrix.row_count, max);
    assert_int_equal(rows.positives, large.positives);
    assert_true(rows.negative_rate > 0 && rows.negative_rate < large.negative_rate);
    size_t positives = 0;
    for (size_t i = 0; i < rows.matrix.row_count; i++) {
        positives += rows.labels[i] > 0;
        while (at < large.matrix.row_count &&
               (large.customers[at] != rows.customers[i] || large.moments[at] != rows.moments[i] ||
                large.products[at] != rows.products[i]))
            at++;
        if (at == large.matrix.row_count) fail_msg("row %zu is not among the larger sample's", i);
        size_t columns = rows.matrix.column_count;
        assert_memory_equal(rows.matrix.values + i * columns, large.matrix.values + at * columns,
                            columns * sizeof(float));
        assert_true(rows.labels[i] == large.labels[at] && rows.sources[i] == large.sources[at]);
    }
    assert_int_equal(positives, rows.positives);
    double expected = (double)(large.matrix.row_count - large.positives) / large.negative_rate *
                      rows.negative_rate;
    double negatives = (double)(max - positives);
    assert_true(fabs(negatives - expected) < 5 * sqrt(expected) + 1);
    rows_release(&rows);
    rows_release(&large);
}

static void test_a_maximum_below_the_positives_is_refused(void **state)
{
    const struct world *world = *state;
    struct lx_error err;
    struct living_clock clock = world->clock;
    struct lx_env env = living_env(&clock, 1);
    struct rows rows;
    const struct rows_plan plan = plan_of(world, 1);
    MUST_FAIL(rows_build(&plan, 50, &env, &rows, &err), LX_ERR_LIMIT);
}

/* Features that peek, each in one way; the rest are zero. */
static float peek_value;

static void honest_customer(const struct bank_history *history, const struct view_context *context,
                            int64_t as_of_ms, float *ret_values)
{
    ret_values[0] = 0;
    for (size_t i = 0; i < history->event_count; i++)
        if (history->events[i].at_ms <= as_of_ms &&
            bank_event_is_known(&history->events[i], as_of_ms))
            ret_values[0]++;
}

static void peek_past_deletion(const struct bank_history *history,
                               const struct view_context *context, int64_t as_of_ms,
                               float *ret_values)
{
    ret_values[0] = 0; /* forgets that the bank knew better by then */
    for (size_t i = 0; i < history->event_count; i++)
        if (history->events[i].at_ms <= as_of_ms && history->events[i].known_at_ms <= as_of_ms)
            ret_values[0]++;
}

static void peek_at_correction(const struct bank_history *history,
                               const struct view_context *context, int64_t as_of_ms,
                               float *ret_values)
{
    ret_values[0] = 0; /* sees that an event will be corrected */
    for (size_t i = 0; i < history->event_count; i++)
        if (bank_event_is_known(&history->events[i], as_of_ms) &&
            history->events[i].replaced_at_ms != 0)
            ret_values[0]++;
}

static void peek_by_time(const struct bank_history *history, const struct view_context *context,
                         int64_t as_of_ms, float *ret_values)
{
    ret_values[0] = 0; /* counts a day too many */
    for (size_t i = 0; i < history->event_count; i++)
        if (history->events[i].at_ms <= as_of_ms + LX_MS_PER_DAY) ret_values[0]++;
}

static void peek_by_known(const struct bank_history *history, const struct view_context *context,
                          int64_t as_of_ms, float *ret_values)
{
    ret_values[0] = 0; /* forgets that the bank learnt of it later */
    for (size_t i = 0; i < history->event_count; i++)
        if (history->events[i].at_ms <= as_of_ms) ret_values[0]++;
}

static void peek_at_answer(const struct bank_history *history, const struct view_context *context,
                           int64_t as_of_ms, float *ret_values)
{
    ret_values[0] = 0; /* the offer was known, its answer was not */
    for (size_t i = 0; i < history->exposure_count; i++)
        if (history->exposures[i].known_at_ms <= as_of_ms &&
            history->exposures[i].answer == BANK_ANSWER_INTERESTED)
            ret_values[0]++;
}

static void no_pairs(const struct bank_history *history, const struct view_context *context,
                     int64_t as_of_ms, const float *customer_values, float *ret_values)
{
    for (size_t i = 0; i < context->catalogue->count; i++) ret_values[i] = peek_value;
}

static void peek_in_pair(const struct bank_history *history, const struct view_context *context,
                         int64_t as_of_ms, const float *customer_values, float *ret_values)
{
    for (size_t i = 0; i < context->catalogue->count; i++) ret_values[i] = 0;
    for (size_t i = 0; i < history->event_count; i++)
        if (history->events[i].kind == BANK_EVENT_KIND_OPEN)
            ret_values[history->events[i].product]++;
}

static void test_planted_leaks_are_caught(void **state)
{
    enum { NOW = 1000, LATER = 2000 };
    const struct bank_event events[] = {
        {.at_ms = 100, .known_at_ms = 200, .product = 0, .kind = BANK_EVENT_KIND_LOGIN},
        {.at_ms = 300,
         .known_at_ms = 300,
         .product = 0,
         .kind = BANK_EVENT_KIND_LOGIN,
         .replaced_at_ms = LATER},
        {.at_ms = 300,
         .known_at_ms = LATER,
         .product = 0,
         .kind = BANK_EVENT_KIND_LOGIN,
         .is_correction = 1},
        {.at_ms = 400,
         .known_at_ms = 400,
         .product = 0,
         .kind = BANK_EVENT_KIND_LOGIN,
         .replaced_at_ms = NOW},
        {.at_ms = 900, .known_at_ms = 1100, .product = 0, .kind = BANK_EVENT_KIND_LOGIN},
        {.at_ms = LATER, .known_at_ms = LATER, .product = 1, .kind = BANK_EVENT_KIND_OPEN}};
    const struct bank_exposure exposures[] = {{.at_ms = 50,
                                               .known_at_ms = 50,
                                               .answer_known_at_ms = LATER,
                                               .answer = BANK_ANSWER_INTERESTED}};
    struct bank_history history = {.events = events,
                                   .event_count = LX_COUNT_OF(events),
                                   .exposures = exposures,
                                   .exposure_count = 1};
    struct bank_product products[2] = {{.code = "A"}, {.code = "B"}};
    const struct bank_catalogue catalogue = {products, 2, 2};
    const struct view_context context = {&catalogue, NULL, 480};
    static const struct {
        const char *what;
        void (*customer)(const struct bank_history *, const struct view_context *, int64_t,
                         float *);
        void (*pair)(const struct bank_history *, const struct view_context *, int64_t,
                     const float *, float *);
        bool is_leak;
        size_t column;
        int product;
    } rows[] = {
        /* clang-format off */
        {"honest",          honest_customer, no_pairs,     false, 0, BANK_NO_PRODUCT},
        {"by event time",   peek_by_time,    no_pairs,     true,  0, BANK_NO_PRODUCT},
        {"by known_at",     peek_by_known,   no_pairs,     true,  0, BANK_NO_PRODUCT},
        {"by an answer",    peek_at_answer,  no_pairs,     true,  0, BANK_NO_PRODUCT},
        {"past a deletion", peek_past_deletion, no_pairs,  true,  0, BANK_NO_PRODUCT},
        {"at a correction", peek_at_correction, no_pairs,  true,  0, BANK_NO_PRODUCT},
        {"in a pair",       honest_customer, peek_in_pair, true,  1, 1},
        /* clang-format on */
    };
    for (size_t i = 0; i < LX_COUNT_OF(rows); i++) {
        struct lx_error err;
        struct lx_arena arena;
        struct rows_leak leak;
        const struct rows_definition definition = {1, 1, rows[i].customer, rows[i].pair};
        lx_arena_init(&arena, 1 << 20);
        MUST(rows_check_leak(&definition, &history, &context, NOW, &arena, &leak, &err));
        if (leak.is_leak != rows[i].is_leak)
            fail_msg("%s: %s", rows[i].what, leak.is_leak ? "caught" : "not caught");
        if (leak.is_leak) {
            assert_int_equal(leak.column, rows[i].column);
            assert_int_equal(leak.product, rows[i].product);
            assert_true(leak.value > leak.honest);
        }
        lx_arena_release(&arena);
    }
}

static void test_the_engines_own_features_do_not_leak(void **state)
{
    const struct world *world = *state;
    struct lx_error err;
    const struct rows_plan plan = plan_of(world, 1);
    MUST(rows_check_bank(&plan, 60, &err));
}

static void test_a_negatives_source_is_what_was_known_at_the_moment(void **state)
{
    (void)state;
    const int64_t now = INT64_C(20000) * LX_MS_PER_DAY, day = LX_MS_PER_DAY;
    const int64_t never = BANK_UNKNOWN_MS;
    enum { OURS = 3, OTHER = 4 };
    /* One exposure (answer_days < 0: none yet) and one page view, each `days` before the moment;
     * 0 days: there is none. */
    static const struct {
        const char *what;
        int exposure_days, answer_days, answer, is_control, product, view_days, view_known_days;
        bool is_refused;
        enum rows_source want;
    } cases[] = {
        /* clang-format off */
        {"nothing known",         0,  0, 0, 0, OURS,   0,  0, false, ROWS_SOURCE_UNSEEN},
        {"a no",                 90, 89, BANK_ANSWER_NOT_INTERESTED, 0, OURS, 0, 0, false, ROWS_SOURCE_REFUSED},
        {"a no long ago",       200, 199, BANK_ANSWER_NOT_INTERESTED, 0, OURS, 0, 0, false, ROWS_SOURCE_UNSEEN},
        {"a no to another",      90, 89, BANK_ANSWER_NOT_INTERESTED, 0, OTHER, 0, 0, false, ROWS_SOURCE_UNSEEN},
        {"a no not known yet",   10, -1, BANK_ANSWER_NOT_INTERESTED, 0, OURS, 0, 0, false, ROWS_SOURCE_IGNORED},
        {"a no taken back",      10,  9, BANK_ANSWER_RETRACTED, 0, OURS, 0, 0, false, ROWS_SOURCE_UNSEEN},
        {"interest",             10,  9, BANK_ANSWER_INTERESTED, 0, OURS, 0, 0, false, ROWS_SOURCE_UNSEEN},
        {"shown, no answer",     10, -1, 0, 0, OURS,   0,  0, false, ROWS_SOURCE_IGNORED},
        {"shown long ago",       40, -1, 0, 0, OURS,   0,  0, false, ROWS_SOURCE_UNSEEN},
        {"in the control group", 10, -1, 0, 1, OURS,   0,  0, false, ROWS_SOURCE_UNSEEN},
        {"viewed",                0,  0, 0, 0, OURS,  29, 28, false, ROWS_SOURCE_IGNORED},
        {"viewed long ago",       0,  0, 0, 0, OURS,  30, 29, false, ROWS_SOURCE_UNSEEN},
        {"viewed, not known yet", 0,  0, 0, 0, OURS,   1, -1, false, ROWS_SOURCE_UNSEEN},
        {"refused by a rule",             0,  0, 0, 0, OURS,   0,  0, true, ROWS_SOURCE_RULED_OUT},
        {"viewed and refused by a rule",  0,  0, 0, 0, OURS,   5,  4, true, ROWS_SOURCE_IGNORED},
        /* clang-format on */
    };
    for (size_t i = 0; i < LX_COUNT_OF(cases); i++) {
        const struct bank_exposure exposure = {
            .at_ms = now - cases[i].exposure_days * day,
            .known_at_ms = now - cases[i].exposure_days * day,
            .answer_known_at_ms = cases[i].answer == 0 ? never : now - cases[i].answer_days * day,
            .product = (int16_t)cases[i].product,
            .answer = (uint8_t)cases[i].answer,
            .is_control = (uint8_t)cases[i].is_control};
        const struct bank_event view = {.at_ms = now - cases[i].view_days * day,
                                        .known_at_ms = now - cases[i].view_known_days * day,
                                        .product = OURS,
                                        .kind = BANK_EVENT_KIND_PAGE_VIEW};
        const struct bank_history history = {.exposures = &exposure,
                                             .exposure_count = cases[i].exposure_days > 0,
                                             .events = &view,
                                             .event_count = cases[i].view_days > 0};
        enum rows_source got = rows_source_of(&history, OURS, cases[i].is_refused, now);
        if (got != cases[i].want)
            fail_msg("%s: %s, want %s", cases[i].what, rows_source_name(got),
                     rows_source_name(cases[i].want));
    }
}

static void test_a_column_that_knows_the_label_stands_out(void **state)
{
    const struct world *world = *state;
    struct lx_error err;
    struct rows rows;
    size_t column = 0;
    double auc = 0;
    build(world, 3, 4000, 1, &rows);
    MUST(rows_best_column(&rows, &column, &auc, &err));
    assert_true(auc > 0.6 && auc < 0.98); /* views tell something, not everything */

    enum { PLANTED = 17 };
    struct lx_rng rng = lx_rng_of(1, 1);
    for (size_t i = 0; i < rows.matrix.row_count; i++) {
        float *row = matrix_row(&rows.matrix, i);
        row[PLANTED] = rows.labels[i] > 0 ? NAN : (float)lx_rng_normal(&rng);
    }
    MUST(rows_best_column(&rows, &column, &auc, &err)); /* even where it is only missing */
    assert_int_equal(column, PLANTED);
    assert_true(auc > 0.999);
    rows_release(&rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_moments_are_month_ends_whose_window_is_over),
        cmocka_unit_test(test_an_earlier_as_of_moves_the_moments_back),
        cmocka_unit_test(test_split_never_lets_a_label_reach_into_a_later_part),
        cmocka_unit_test(test_with_room_for_all_every_candidate_is_a_row),
        cmocka_unit_test(test_rows_carry_the_features_and_the_label_of_their_moment),
        cmocka_unit_test(test_rows_do_not_depend_on_the_number_of_threads),
        cmocka_unit_test(test_all_positives_stay_and_the_sample_fits_the_maximum),
        cmocka_unit_test(test_where_rows_do_not_fit_negatives_go_and_the_rate_tells),
        cmocka_unit_test(test_a_maximum_below_the_positives_is_refused),
        cmocka_unit_test(test_planted_leaks_are_caught),
        cmocka_unit_test(test_the_engines_own_features_do_not_leak),
        cmocka_unit_test(test_a_negatives_source_is_what_was_known_at_the_moment),
        cmocka_unit_test(test_a_column_that_knows_the_label_stands_out),
    };
    return cmocka_run_group_tests(tests, make_world, end_world);
}
