/*
 * Goal:   the tables behind a product graph are those of a plain recount of everybody at every
 *         moment; what is planted (one product after another, one in place of another, a rule) is
 *         found and told in both languages, mere activity is not; nothing later than the moment
 *         reaches it; threads do not matter; bytes read back equal and a changed one is refused.
 * Method: seeded histories against a naive model that asks each customer at each moment; a planted
 *         bank on disk; the same bank with a future; likeness by a table.
 */
#include "tests/living_bank.h"

#include <math.h>

#include "model/product_graph.h"
#include "model/product_tally.h"
#include "model/product_words.h"
#include "model/train.h"

enum { PRODUCTS = 5, CUSTOMERS = 400, EVENTS = 60, OFFSET = 480 };

static const int64_t as_of_ms = 1700000000000, window_ms = GRAPH_WINDOW_DAYS * LX_MS_PER_DAY;

struct person {
    struct bank_event events[EVENTS];
    size_t count;
    struct bank_history history;
};

/* Opens and closes of anything, acts, some known late, some corrected; also after the moment. */
static void make_person(struct person *person, int64_t number, bool has_future)
{
    struct lx_rng rng = lx_rng_of(5, (uint64_t)number);
    int64_t at_ms = as_of_ms - 1000 * LX_MS_PER_DAY;
    double pace = lx_rng_chance(&rng, 0.5) ? 5 : 40;
    *person = (struct person){.count = 0};
    while (person->count < EVENTS) {
        at_ms += (int64_t)(lx_rng_exponential(&rng) * pace * (double)LX_MS_PER_DAY) + 1;
        uint64_t kind = lx_rng_below(&rng, 4);
        struct bank_event event = {.at_ms = at_ms,
                                   .known_at_ms = at_ms + (int64_t)lx_rng_below(&rng, 3) * 43200000,
                                   .amount_fen = BANK_NO_AMOUNT,
                                   .balance_fen = BANK_NO_AMOUNT,
                                   .product = (int16_t)lx_rng_below(&rng, PRODUCTS),
                                   .kind = kind < 2   ? BANK_EVENT_KIND_LOGIN
                                           : kind < 3 ? BANK_EVENT_KIND_OPEN
                                                      : BANK_EVENT_KIND_CLOSE};
        if (lx_rng_chance(&rng, 0.05)) event.replaced_at_ms = at_ms + LX_MS_PER_DAY * 5;
        bool is_future = at_ms > as_of_ms || event.known_at_ms > as_of_ms;
        if (is_future && !has_future && at_ms > as_of_ms) break;
        if (is_future && !has_future) continue;
        person->events[person->count++] = event;
    }
    person->history = (struct bank_history){.customer = number,
                                            .id = "somebody",
                                            .events = person->events,
                                            .event_count = person->count};
}

static void tally_people(struct product_tally *tally, int64_t first, int64_t last, bool has_future)
{
    assert_int_equal(product_tally_init(tally, PRODUCTS, as_of_ms, OFFSET), LX_OK);
    for (int64_t i = first; i < last; i++) {
        struct person person;
        make_person(&person, i, has_future);
        assert_int_equal(product_tally_add(tally, &person.history), LX_OK);
    }
}

/* How many of a product are held just after the moment, as the bank knows at as_of_ms; what is
 * closed and was never opened was held from before the records. */
static int plain_held(const struct person *person, int product, int64_t at_ms)
{
    int open = 0, held = 0, from_before = 0;
    for (size_t i = 0; i < person->count && person->events[i].at_ms <= as_of_ms; i++) {
        const struct bank_event *event = &person->events[i];
        if (event->product != product || !bank_event_is_known(event, as_of_ms)) continue;
        if (event->kind == BANK_EVENT_KIND_OPEN) open++;
        if (event->kind == BANK_EVENT_KIND_CLOSE) {
            from_before += open == 0 && event->at_ms > at_ms;
            open -= open > 0;
        }
        if (event->at_ms <= at_ms) held = open;
    }
    return held + from_before;
}

static bool plain_opened(const struct person *person, int product, int64_t from_ms)
{
    for (size_t i = 0; i < person->count; i++) {
        const struct bank_event *event = &person->events[i];
        if (event->at_ms > from_ms && event->at_ms <= from_ms + window_ms &&
            event->product == product && event->kind == BANK_EVENT_KIND_OPEN &&
            event->at_ms <= as_of_ms && bank_event_is_known(event, as_of_ms))
            return true;
    }
    return false;
}

static size_t plain_stratum(const struct person *person, int64_t until_ms)
{
    size_t acts = 0;
    for (size_t i = 0; i < person->count; i++) {
        const struct bank_event *event = &person->events[i];
        acts += event->kind == BANK_EVENT_KIND_LOGIN && bank_event_is_known(event, as_of_ms) &&
                event->at_ms > until_ms - window_ms && event->at_ms <= until_ms;
    }
    return acts == 0 ? 0 : acts <= 5 ? 1 : acts <= 20 ? 2 : 3;
}

static bool plain_seen(const struct person *person, int64_t at_ms)
{
    for (size_t i = 0; i < person->count && person->events[i].at_ms <= at_ms; i++)
        if (bank_event_is_known(&person->events[i], as_of_ms)) return true;
    return false;
}

/* Adds one customer at one moment to a pair's table of openings. */
static void plain_opening(const struct person *person, int a, int b, int64_t at_ms,
                          struct table2 *tables)
{
    size_t others = 0;
    if (!plain_seen(person, at_ms) || plain_held(person, b, at_ms) > 0) return;
    for (int i = 0; i < PRODUCTS; i++) others += i != a && plain_held(person, i, at_ms) > 0;
    struct table2 *table = &tables[plain_stratum(person, at_ms) * (RELATIONS_LEVELS - 1) + others];
    bool has_a = plain_held(person, a, at_ms) > 0, is_opened = plain_opened(person, b, at_ms);
    (*(has_a       ? is_opened ? &table->both : &table->first
       : is_opened ? &table->second
                   : &table->neither))++;
}

static void check_table(const char *what, size_t i, const struct table2 *got,
                        const struct table2 *want)
{
    if (memcmp(got, want, sizeof *got) != 0)
        fail_msg("%s %zu: %ju %ju %ju %ju, want %ju %ju %ju %ju", what, i, got->both, got->first,
                 got->second, got->neither, want->both, want->first, want->second, want->neither);
}

static void test_openings_are_those_of_everybody_asked_at_every_moment(void **state)
{
    struct product_tally tally;
    tally_people(&tally, 0, CUSTOMERS, true);
    for (int a = 0; a < PRODUCTS; a++)
        for (int b = 0; b < PRODUCTS; b++) {
            struct table2 want[TALLY_TABLES] = {{0}}, got[TALLY_TABLES];
            if (a == b) continue;
            for (int64_t i = 0; i < CUSTOMERS; i++) {
                struct person person;
                make_person(&person, i, true);
                for (int moment = 1; moment <= GRAPH_MOMENTS; moment++)
                    plain_opening(&person, a, b, as_of_ms - moment * window_ms, want);
            }
            size_t count = product_tally_opening(&tally, (size_t)a, (size_t)b, got);
            assert_int_equal(count, GRAPH_STRATA * (RELATIONS_LEVELS - 1));
            for (size_t i = 0; i < count; i++) check_table("opening", i, &got[i], &want[i]);
        }
    product_tally_release(&tally);
}

static void test_switches_are_those_of_every_last_closing(void **state)
{
    struct product_tally tally;
    uint64_t closed[PRODUCTS][PRODUCTS] = {{0}}, switched[PRODUCTS][PRODUCTS] = {{0}};
    tally_people(&tally, 0, CUSTOMERS, true);
    for (int64_t n = 0; n < CUSTOMERS; n++) {
        struct person person;
        make_person(&person, n, true);
        for (size_t i = 0; i < person.count; i++) {
            const struct bank_event *event = &person.events[i];
            if (event->kind != BANK_EVENT_KIND_CLOSE || !bank_event_is_known(event, as_of_ms) ||
                event->at_ms > as_of_ms - window_ms ||
                event->at_ms <= as_of_ms - GRAPH_MOMENTS * window_ms)
                continue;
            if (plain_held(&person, event->product, event->at_ms) > 0) continue;
            for (int b = 0; b < PRODUCTS; b++) {
                if (b == event->product || plain_held(&person, b, event->at_ms) > 0) continue;
                closed[event->product][b]++;
                switched[event->product][b] += plain_opened(&person, b, event->at_ms);
            }
        }
    }
    for (size_t a = 0; a < PRODUCTS; a++)
        for (size_t b = 0; b < PRODUCTS; b++) {
            struct table2 tables[TALLY_TABLES];
            uint64_t got_closed = 0, got_switched = 0;
            if (a == b) continue;
            size_t count = product_tally_switching(&tally, a, b, tables);
            for (size_t i = 0; i < count; i++) {
                got_closed += tables[i].both + tables[i].first;
                got_switched += tables[i].both;
            }
            if (got_closed != closed[a][b] || got_switched != switched[a][b])
                fail_msg("%zu to %zu: %ju of %ju, want %ju of %ju", a, b, got_switched, got_closed,
                         switched[a][b], closed[a][b]);
        }
    product_tally_release(&tally);
}

static bool is_same(const struct product_tally *a, const struct product_tally *b)
{
    size_t pairs = PRODUCTS * PRODUCTS, cells = GRAPH_STRATA * RELATIONS_LEVELS * pairs;
    return a->customers == b->customers &&
           memcmp(a->now.both, b->now.both, cells * sizeof *a->opened) == 0 &&
           memcmp(a->past.both, b->past.both, cells * sizeof *a->opened) == 0 &&
           memcmp(a->opened, b->opened, cells * sizeof *a->opened) == 0 &&
           memcmp(a->closed, b->closed, cells * sizeof *a->opened) == 0 &&
           memcmp(a->switched, b->switched, cells * sizeof *a->opened) == 0 &&
           memcmp(a->first, b->first, pairs * sizeof *a->first) == 0 &&
           memcmp(a->same, b->same, pairs * sizeof *a->first) == 0 &&
           memcmp(a->days, b->days, pairs * TALLY_DAY_PLACES * sizeof *a->days) == 0;
}

static void test_what_happens_or_becomes_known_later_changes_nothing(void **state)
{
    struct product_tally with, without;
    tally_people(&with, 0, CUSTOMERS, true);
    tally_people(&without, 0, CUSTOMERS, false);
    assert_true(is_same(&with, &without));
    product_tally_release(&with);
    product_tally_release(&without);
}

static void test_parts_add_up_to_the_whole(void **state)
{
    struct product_tally whole, left, right;
    tally_people(&whole, 0, CUSTOMERS, true);
    tally_people(&left, 0, 150, true);
    tally_people(&right, 150, CUSTOMERS, true);
    product_tally_merge(&right, &left);
    assert_true(is_same(&whole, &right));
    product_tally_release(&whole);
    product_tally_release(&left);
    product_tally_release(&right);
}

/* One customer who opens 0 and, so many days later, 1. */
static int32_t median_after(int32_t days)
{
    struct product_tally tally;
    struct bank_event events[2] = {{.at_ms = as_of_ms - 3900 * LX_MS_PER_DAY, .product = 0},
                                   {.product = 1}};
    events[1].at_ms = events[0].at_ms + days * LX_MS_PER_DAY;
    for (int i = 0; i < 2; i++) {
        events[i].kind = BANK_EVENT_KIND_OPEN;
        events[i].known_at_ms = events[i].at_ms;
    }
    const struct bank_history history = {.id = "one", .events = events, .event_count = 2};
    assert_int_equal(product_tally_init(&tally, PRODUCTS, as_of_ms, OFFSET), LX_OK);
    assert_int_equal(product_tally_add(&tally, &history), LX_OK);
    int32_t median = product_tally_median_days(&tally, 0, 1);
    assert_int_equal(product_tally_median_days(&tally, 1, 0), -1);
    product_tally_release(&tally);
    return median;
}

static void test_days_are_exact_up_to_127_and_then_to_two_in_a_hundred(void **state)
{
    for (int32_t days = 1; days < 3900; days += days < 200 ? 1 : 37) {
        int32_t got = median_after(days);
        if (days < 128 ? got != days : abs(got - days) > days * 2 / 100 + 1)
            fail_msg("%d days: %d", days, got);
    }
}

/* P02 then P16 about forty days later for most; P04 or P05, never both; P18 and P19 with activity
 * alone; P07 and P08 exclude each other by the catalogue. */
static void plant(struct living *living, size_t product_count)
{
    struct lx_error err;
    enum bank_put put;
    char id[LX_ID_MAX + 1];
    int32_t begin = lx_day_of_ms(living->begin_ms, LIVING_OFFSET_MINUTES);
    const struct bank_profile profile = {.at_ms = living->begin_ms,
                                         .known_at_ms = living->begin_ms,
                                         .birth_day = 0,
                                         .joined_day = 0,
                                         .branch = -1,
                                         .occupation = -1,
                                         .education = -1,
                                         .marital = -1,
                                         .income_fen = BANK_NO_AMOUNT};
    living_id(living->customer, id);
    MUST(bank_put_customer(living->load, id, strlen(id), NULL, 0, &profile, &put, &err));
    bool is_active = lx_rng_chance(&living->rng, 0.3);
    int32_t first = begin + 60 + (int32_t)lx_rng_below(&living->rng, 200);
    int32_t days[20] = {0};
    if (lx_rng_chance(&living->rng, 0.2)) days[1] = first;
    if (lx_rng_chance(&living->rng, days[1] > 0 ? 0.4 : 0.03))
        days[15] = first + 35 + (int32_t)lx_rng_below(&living->rng, 11);
    bool has_fourth = lx_rng_chance(&living->rng, 0.3);
    days[has_fourth ? 3 : 4] = lx_rng_chance(&living->rng, 0.6) ? first + 3 : 0;
    for (int i = 17; i < 19; i++)
        if (lx_rng_chance(&living->rng, is_active ? 0.5 : 0.05))
            days[i] = begin + 60 + (int32_t)lx_rng_below(&living->rng, 250);
    for (int32_t day = begin + 1; day < begin + 390; day++) {
        int64_t at_ms = lx_ms_of_day(day, LIVING_OFFSET_MINUTES) + 3600000;
        if (lx_rng_chance(&living->rng, is_active ? 0.4 : 0.03))
            living_put(living, BANK_EVENT_KIND_LOGIN, at_ms, BANK_NO_PRODUCT, BANK_NO_AMOUNT);
        for (int i = 0; i < (int)product_count && i < 20; i++)
            if (days[i] == day)
                living_put(living, BANK_EVENT_KIND_OPEN, at_ms + i, i, BANK_NO_AMOUNT);
    }
}

static void plant_conflict(const struct living_bank *bank)
{
    struct lx_error err;
    struct lx_buffer text, changed;
    char path[LX_PATH_MAX];
    lx_buffer_init(&text, LX_CONFIG_MAX);
    lx_buffer_init(&changed, LX_CONFIG_MAX);
    MUST(host_join(path, bank->folder, "catalogue.ini", &err));
    MUST(host_read_file(path, &text, &err));
    char *at = strstr(text.bytes, "[P08]\n");
    assert_non_null(at);
    lx_buffer_append(&changed, text.bytes, (size_t)(at - text.bytes));
    lx_buffer_append_text(&changed, "[P08]\nconflicts = P07\n");
    lx_buffer_append_text(&changed, at + strlen("[P08]\n"));
    MUST(host_write_atomic(path, changed.bytes, changed.length, &err));
    lx_buffer_release(&text);
    lx_buffer_release(&changed);
}

static void open_planted(struct living_bank *bank, int64_t customers)
{
    struct lx_error err;
    struct bank_load_result result;
    struct living_clock clock = living_clock_of(1);
    struct lx_env env = living_env(&clock, 1);
    const struct bank_batch batch = {
        .source = "planted", .mapping = "none", .now_ms = living_end_ms(), .thread_count = 1};
    living_create(bank);
    plant_conflict(bank);
    struct living living = {.bank = bank, .end_ms = living_end_ms()};
    int32_t end_day = lx_day_of_ms(living.end_ms, LIVING_OFFSET_MINUTES);
    living.begin_ms = lx_ms_of_day(end_day - 400, LIVING_OFFSET_MINUTES);
    MUST(bank_load_begin(bank->folder, &batch, &living.load, &err));
    size_t product_count = bank_load_catalogue(living.load)->count;
    for (; living.customer < customers; living.customer++) {
        living.rng = lx_rng_of(8, (uint64_t)living.customer);
        living.sequence = 0;
        plant(&living, product_count);
    }
    MUST(bank_load_commit(living.load, &env, &result, &err));
    bank_load_abort(living.load);
}

static void build(const struct living_bank *bank, int threads, struct product_graph *graph,
                  struct lx_buffer *bytes)
{
    struct lx_error err;
    struct living_clock clock = living_clock_of(1);
    struct lx_env env = living_env(&clock, threads);
    MUST(product_graph_build(bank->folder, living_end_ms(), &env, graph, &err));
    lx_buffer_init(bytes, LX_FILE_MAX);
    product_graph_write(graph, bytes);
    assert_int_equal(lx_buffer_error(bytes), LX_OK);
}

static void check_said(const struct living_bank *bank, const struct product_edge *edge, int a,
                       int b, const char *zh, const char *en)
{
    struct lx_error err;
    struct bank *opened = NULL;
    enum graph_word words[GRAPH_WORD_COUNT];
    struct lx_buffer text[2];
    MUST(bank_open(bank->folder, STORE_READ, &opened, &err));
    const struct bank_product *products = bank_catalogue(opened)->products;
    size_t count = product_words(edge, words);
    for (int is_zh = 0; is_zh < 2; is_zh++) {
        lx_buffer_init(&text[is_zh], LX_CONFIG_MAX);
        for (size_t i = 0; i < count; i++)
            product_words_write(words[i], edge, &products[a], &products[b], is_zh == 1,
                                &text[is_zh]);
        const char *said = lx_buffer_text(&text[is_zh]), *want = is_zh == 1 ? zh : en;
        if (strstr(said, want) == NULL || strchr(said, '{') != NULL || strstr(said, "nan") != NULL)
            fail_msg("\"%s\" is not said: %s", want, said);
        lx_buffer_release(&text[is_zh]);
    }
    bank_close(opened);
}

static void test_planted_relations_are_found_and_told(void **state)
{
    struct living_bank bank = {.customers = 4000};
    struct product_graph graph = {0};
    struct lx_buffer bytes;
    open_planted(&bank, bank.customers);
    build(&bank, 1, &graph, &bytes);
    assert_int_equal(graph.customers, 4000);
    const struct product_edge *complement = product_graph_edge(&graph, 1, 15);
    assert_int_equal(complement->kind, GRAPH_KIND_COMPLEMENT);
    assert_true(complement->weight > 0.5 && complement->opening.ratio_low > 2);
    assert_true(complement->median_days >= 38 && complement->median_days <= 42);
    assert_true(complement->a_first > 9 * complement->b_first);
    check_said(&bank, complement, 1, 15, "先定期存款后意外伤害保险，多在定期存款之后约4",
               "had Time deposit first, Accident insurance mostly about 4");
    const struct product_edge *substitute = product_graph_edge(&graph, 3, 4);
    assert_int_equal(substitute->kind, GRAPH_KIND_SUBSTITUTE);
    assert_int_equal(substitute->holding.both, 0);
    assert_true(substitute->weight < -0.5);
    const struct product_edge *active = product_graph_edge(&graph, 17, 18);
    assert_true(active->holding.lift_low > 1.5);
    assert_int_equal(active->kind, GRAPH_KIND_NONE);
    for (int way = 0; way < 2; way++) {
        const struct product_edge *conflict = product_graph_edge(&graph, way ? 6 : 7, way ? 7 : 6);
        assert_int_equal(conflict->kind, GRAPH_KIND_CONFLICT);
        assert_true(conflict->weight == -1);
        check_said(&bank, conflict, way ? 6 : 7, way ? 7 : 6, "互斥", "exclude each other");
    }
    /* Nobody has P03: nothing is known of it. */
    const struct product_edge *unknown = product_graph_edge(&graph, 2, 10);
    assert_true(unknown->kind == GRAPH_KIND_NONE && unknown->weight == 0);
    assert_int_equal(unknown->median_days, -1);
    lx_buffer_release(&bytes);
    product_graph_release(&graph);
    living_remove(&bank);
}

static void test_threads_do_not_matter_and_bytes_read_back(void **state)
{
    struct living_bank bank = {.customers = 900};
    struct product_graph one = {0}, three = {0}, read = {0};
    struct lx_buffer first, again;
    struct lx_error err;
    open_planted(&bank, bank.customers);
    build(&bank, 1, &one, &first);
    build(&bank, 3, &three, &again);
    assert_int_equal(first.length, again.length);
    assert_memory_equal(first.bytes, again.bytes, first.length);
    lx_buffer_clear(&again);
    MUST(product_graph_read(first.bytes, first.length, &read, &err));
    product_graph_write(&read, &again);
    assert_int_equal(first.length, again.length);
    assert_memory_equal(first.bytes, again.bytes, first.length);
    product_graph_release(&read);
    for (size_t i = 0; i < first.length; i += 101) {
        first.bytes[i] ^= 4;
        assert_int_equal(product_graph_read(first.bytes, first.length, &read, &err),
                         LX_ERR_CORRUPT);
        assert_int_equal(product_graph_read(first.bytes, i, &read, &err), LX_ERR_CORRUPT);
        first.bytes[i] ^= 4;
    }
    lx_buffer_release(&first);
    lx_buffer_release(&again);
    product_graph_release(&one);
    product_graph_release(&three);
    living_remove(&bank);
}

static void change_file(const char *folder, const char *id, size_t at)
{
    struct lx_error err;
    struct lx_buffer bytes;
    char path[LX_PATH_MAX];
    lx_buffer_init(&bytes, LX_FILE_MAX);
    snprintf(path, sizeof path, "%s/models/%s/products.graph", folder, id);
    MUST(host_read_file(path, &bytes, &err));
    bytes.bytes[at % bytes.length] ^= 1;
    MUST(host_write_atomic(path, bytes.bytes, bytes.length, &err));
    lx_buffer_release(&bytes);
}

static void test_training_keeps_the_graph_of_its_moment_under_the_card_s_hash(void **state)
{
    struct lx_error err;
    struct living_bank bank = {.chance_after_view = 0.3};
    struct living_clock clock = living_clock_of(1);
    struct lx_env env = living_env(&clock, 1);
    struct train_result trained;
    struct product_graph graph = {0}, built = {0};
    struct lx_buffer kept, again;
    const struct train_options options = {
        .as_of_ms = living_end_ms() - 40 * LX_MS_PER_DAY, .seed = 1, .rows_max = 4000};
    MUST_FAIL(product_graph_open("/nowhere", NULL, &graph, &err), LX_ERR_NOT_READY);
    living_open(&bank, 500, 5);
    MUST_FAIL(product_graph_open(bank.folder, NULL, &graph, &err), LX_ERR_NOT_READY);
    MUST(train(bank.folder, &options, &env, &trained, &err));
    MUST(product_graph_open(bank.folder, NULL, &graph, &err));
    assert_true(graph.as_of_ms <= options.as_of_ms && graph.customers == 500);
    MUST(product_graph_build(bank.folder, graph.as_of_ms, &env, &built, &err));
    lx_buffer_init(&kept, LX_FILE_MAX);
    lx_buffer_init(&again, LX_FILE_MAX);
    product_graph_write(&graph, &kept);
    product_graph_write(&built, &again);
    assert_int_equal(kept.length, again.length);
    assert_memory_equal(kept.bytes, again.bytes, kept.length);
    product_graph_release(&graph);
    for (size_t at = 3; at < kept.length; at += kept.length / 5) {
        change_file(bank.folder, trained.model, at);
        MUST_FAIL(product_graph_open(bank.folder, trained.model, &graph, &err), LX_ERR_CORRUPT);
        assert_non_null(strstr(err.text, "products.graph"));
        change_file(bank.folder, trained.model, at);
    }
    MUST(product_graph_open(bank.folder, trained.model, &graph, &err));
    product_graph_release(&graph);
    product_graph_release(&built);
    lx_buffer_release(&kept);
    lx_buffer_release(&again);
    living_remove(&bank);
}

static void test_likeness_follows_the_properties(void **state)
{
    struct bank_product a = {.category = BANK_CATEGORY_WEALTH,
                             .risk = 2,
                             .minimum_fen = 100,
                             .term_days = 180,
                             .age_min = 18,
                             .age_max = 75,
                             .channels = 6,
                             .features_zh = (char[]){"期限约半年"}};
    struct bank_product b = a;
    assert_true(fabs(product_likeness(&a, &b) - 1) < 1e-12);
    b.category = BANK_CATEGORY_CREDIT;
    assert_true(fabs(product_likeness(&a, &b) - 0.65) < 1e-12);
    b = a;
    b.risk = 4;
    assert_true(fabs(product_likeness(&a, &b) - 0.925) < 1e-12);
    b = a;
    b.channels = 2;
    assert_true(fabs(product_likeness(&a, &b) - 0.95) < 1e-12);
    b = a;
    b.age_max = 46; /* 29 of 58 years */
    assert_true(fabs(product_likeness(&a, &b) - 0.95) < 1e-12);
    b = a;
    b.features_zh = (char[]){"期限一年"}; /* one pair in common, of 4 and 3 */
    assert_true(fabs(product_likeness(&a, &b) - 0.9 - 0.1 * 2 / 7) < 1e-12);
    assert_true(product_likeness(&a, &b) == product_likeness(&b, &a));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_openings_are_those_of_everybody_asked_at_every_moment),
        cmocka_unit_test(test_switches_are_those_of_every_last_closing),
        cmocka_unit_test(test_what_happens_or_becomes_known_later_changes_nothing),
        cmocka_unit_test(test_parts_add_up_to_the_whole),
        cmocka_unit_test(test_days_are_exact_up_to_127_and_then_to_two_in_a_hundred),
        cmocka_unit_test(test_planted_relations_are_found_and_told),
        cmocka_unit_test(test_threads_do_not_matter_and_bytes_read_back),
        cmocka_unit_test(test_training_keeps_the_graph_of_its_moment_under_the_card_s_hash),
        cmocka_unit_test(test_likeness_follows_the_properties),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
