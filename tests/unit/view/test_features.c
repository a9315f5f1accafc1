/*
 * Goal:   the windows engine gives what looking at every row gives; what arrives online gives what
 *         the batch gives; a definition file that is wrong is refused at the very place.
 * Method: every window of the shipped file and thousands of random ones, by engine and one by one,
 *         over random histories and moments; histories that grow event by event, late and corrected
 *         ones among them, against the whole; a table of broken files with line, column and hint.
 */
#include "feature_check.h"
#include "view/arrivals.h"
#include "view/feature_set.h"

static struct bank_product products[HISTORY_PRODUCTS];
static struct bank_catalogue catalogue;
static struct view_context context;

static int prepare(void **state)
{
    history_catalogue(products, &catalogue);
    context =
        (struct view_context){&catalogue, NULL, HISTORY_UTC_OFFSET, open_features(&catalogue)};
    return 0;
}

static int release(void **state)
{
    view_scratch_close(feature_scratch);
    view_features_close(features);
    return 0;
}

/* --- The engine against one window at a time ------------------------------------------------- */

static bool same_value(enum expr_type type, const struct expr_value *a, const struct expr_value *b)
{
    if (a->is_null || b->is_null) return a->is_null == b->is_null;
    if (type == EXPR_REAL) return fabs(a->as.real - b->as.real) <= 1e-12 * (1 + fabs(a->as.real));
    return a->as.integer == b->as.integer;
}

static void check_window(struct run *run, size_t place, uint64_t seed)
{
    const struct window *window = &run->program->windows[place];
    struct expr_value got = {0}, want = {0};
    struct lx_error err;
    enum lx_err code = run_value(run, place, &got, &err);
    assert_int_equal(window_plain(run, window->expr, window->window, &want, &err), code);
    if (code == LX_OK && !same_value(window->window->type, &got, &want)) {
        char text[1024];
        expr_format(window->expr, text, sizeof text);
        fail_msg("seed %lu: a window of %s: engine %s%ld, one by one %s%ld", (unsigned long)seed,
                 text, got.is_null ? "null " : "", (long)got.as.integer,
                 want.is_null ? "null " : "", (long)want.as.integer);
    }
}

/* Every window of the program, and keyed ones for every product. */
static void check_program(const struct program *program, uint64_t seed)
{
    static const float nothing[LX_FEATURES_MAX];
    struct random_history random;
    struct lx_rng rng = lx_rng_of(seed, 21);
    int64_t now_ms = HISTORY_NOW_MS - (int64_t)lx_rng_below(&rng, 1200) * LX_MS_PER_DAY / 3;
    struct view_facts facts;
    struct view_reading reading;
    struct run run;
    struct lx_error err;
    MUST(run_open(program, &catalogue, &run, &err));
    random_history(5, seed, &random);
    view_facts(&random.history, &context, now_ms, &facts);
    view_reading_begin(program->schema, &context, &facts, NULL, now_ms, nothing, &reading);
    run_pass(&run, &random.history, &reading);
    for (int product = 0; product < HISTORY_PRODUCTS; product++) {
        view_reading_turn(&reading, product, nothing);
        for (size_t i = 0; i < program->window_count; i++)
            if (product == 0 || program->windows[i].is_keyed) check_window(&run, i, seed);
    }
    run_release(&run);
}

static void test_the_shipped_windows_are_what_looking_at_every_row_gives(void **state)
{
    for (uint64_t seed = 0; seed < 150; seed++) {
        check_program(&features->programs[VIEW_CUSTOMER], seed);
        check_program(&features->programs[VIEW_PAIR], seed);
    }
}

static const char *pick(struct lx_rng *rng, const char *const *words, size_t count)
{
    return words[lx_rng_below(rng, count)];
}
#define PICK(words) pick(rng, words, LX_COUNT_OF(words))

static void random_window(struct lx_rng *rng, char *text, size_t size)
{
    static const char *const of_events[] = {
        "count()",           "count(amount)",        "sum(amount)",       "avg(amount)",
        "min(amount)",       "max(-amount)",         "last(amount)",      "distinct(amount)",
        "slope(amount)",     "top(channel)",         "distinct(kind)",    "distinct(day)",
        "sum(quantity)",     "avg(quantity)",        "avg(balance)",      "min(balance)",
        "max(balance)",      "sum(balance)",         "last(balance)",     "slope(balance)",
        "count(balance)",    "avg(yuan(amount))",    "days_since_last()", "days_since_first()",
        "distinct(balance)", "last(events.product)", "max(abs(amount))",  "slope(quantity)",
    };
    static const char *const of_offers[] = {
        "count(offers)",       "days_since_last(offers)", "last(offers.answer)",
        "top(offers.channel)", "max(offers.answered)",    "distinct(offers.product)",
    };
    static const char *const conditions[] = {
        "kind = 'login'",
        "kind in ('salary', 'interest')",
        "channel <> 'atm'",
        "amount > 0",
        "not (amount > 100)",
        "merchant is null",
        "kind = 'visit' or channel = 'web'",
        "product = this.product",
        "quantity between 10 and 200",
        "category = 'wealth'",
        "category = this.product.category",
        "amount * 2 < -500",
        "day > today() - 50 days",
        "null",
        "true",
        "channel in ('mobile', null)",
    };
    static const char *const of_answers[] = {
        "answer = 'bought'",
        "product = this.product",
        "answer is null",
        "channel = 'sms'",
    };
    static const char *const overs[] = {
        "", "", " over 1 day", " over 7 days", " over 90 days", " over 3 months", " over 400 days"};
    static const char *const befores[] = {"", "", "", " before 30 days", " before 1 month"};
    bool is_offer = lx_rng_below(rng, 5) == 0;
    const char *first = is_offer ? PICK(of_answers) : PICK(conditions);
    const char *second = is_offer ? PICK(of_answers) : PICK(conditions);
    bool has_where = lx_rng_below(rng, 4) > 0, has_two = lx_rng_below(rng, 2) == 0;
    snprintf(text, size, "%s%s%s%s%s%s%s", is_offer ? PICK(of_offers) : PICK(of_events),
             has_where ? " where " : "", has_where ? first : "",
             has_where && has_two ? " and " : "", has_where && has_two ? second : "", PICK(overs),
             PICK(befores));
}

static void test_random_windows_are_what_looking_at_every_row_gives(void **state)
{
    enum { WINDOWS = 90 };
    for (uint64_t seed = 0; seed < 60; seed++) {
        struct lx_rng rng = lx_rng_of(seed, 22);
        struct program_source sources[WINDOWS];
        static uint16_t places[WINDOWS];
        struct program program;
        struct lx_error err;
        for (size_t i = 0; i < WINDOWS; i++) {
            char text[512];
            struct expr *expr = NULL;
            random_window(&rng, text, sizeof text);
            enum lx_err code = expr_compile(view_schema_scope(features->schema, VIEW_PAIR), text,
                                            strlen(text), &expr, NULL, &err);
            if (code != LX_OK) fail_msg("%s: %s", text, err.text);
            sources[i] = (struct program_source){expr, &places[i]};
        }
        MUST(program_make(features->schema, sources, WINDOWS, &program, &err));
        for (uint64_t k = 0; k < 4; k++) check_program(&program, 100 * seed + k);
        program_release(&program);
        for (size_t i = 0; i < WINDOWS; i++) expr_free((struct expr *)(uintptr_t)sources[i].expr);
    }
}

/* --- Online ---------------------------------------------------------------------------------- */

static void compute(const struct bank_history *history, int64_t now_ms, float *values, float *pairs)
{
    view_customer_features(history, &context, now_ms, values);
    view_pair_features(history, &context, now_ms, values, pairs);
}

/* The history as the bank had it, and the rest in any order: late events, corrections. */
static void test_what_arrives_online_gives_what_the_batch_gives(void **state)
{
    for (uint64_t seed = 0; seed < 400; seed++) {
        static float got[VALUES_MAX], got_pairs[VALUES_MAX], want[VALUES_MAX],
            want_pairs[VALUES_MAX];
        struct random_history random;
        struct bank_event had[HISTORY_EVENTS], arrivals[HISTORY_EVENTS];
        struct lx_rng rng = lx_rng_of(seed, 23);
        struct lx_arena arena;
        struct lx_error err;
        size_t had_count = 0, arrival_count = 0;
        random_history(8, seed, &random);
        for (size_t i = 0; i < random.history.event_count; i++)
            if (lx_rng_chance(&rng, 0.8))
                had[had_count++] = random.events[i];
            else
                arrivals[arrival_count++] = random.events[i];
        for (size_t i = arrival_count; i > 1; i--) {
            size_t other = lx_rng_below(&rng, i);
            struct bank_event event = arrivals[i - 1];
            arrivals[i - 1] = arrivals[other];
            arrivals[other] = event;
        }
        struct bank_history online = random.history;
        online.events = had;
        online.event_count = had_count;
        lx_arena_init(&arena, 64 << 20);
        for (size_t done = 0; done < arrival_count;) { /* some at a time */
            size_t count = 1 + lx_rng_below(&rng, arrival_count - done);
            MUST(view_history_add(&online, arrivals + done, count, &arena, &online, &err));
            done += count;
        }
        int64_t now_ms = HISTORY_NOW_MS - (int64_t)lx_rng_below(&rng, 300) * LX_MS_PER_DAY / 3;
        compute(&random.history, now_ms, want, want_pairs);
        compute(&online, now_ms, got, got_pairs);
        check_same_features(got, want, seed, "online");
        check_same_pairs(got_pairs, want_pairs, HISTORY_PRODUCTS, seed, "online");
        lx_arena_release(&arena);
    }
}

/* --- Files that are wrong -------------------------------------------------------------------- */

#define REST "type = count\ngroup = activity\nzh = 数\nen = number\n"

static void test_a_wrong_file_is_refused_at_its_place(void **state)
{
    static const struct {
        const char *text, *message;
    } rows[] = {
        {"[a]\nexpression = cuont()\n" REST,
         "f.ini:2:14: [a] unknown function `cuont`: did you mean `count`?"},
        {"[a]\nexpression = 1 +\n    assests\n" REST, "f.ini:3:5: [a] unknown field `assests`"},
        {"[define]\nx = kind = 'logn'\n[a]\nexpression = count() where {x}\n" REST,
         "f.ini:2:12: [a] unknown kind 'logn': did you mean 'login'?"},
        {"[define]\nact = true\n[a]\nexpression = count() where {atc}\n" REST,
         "f.ini:4:28: [a] unknown name {atc}: did you mean {act}?"},
        {"[a]\nexpression = gender\n" REST,
         "type = count does not fit an expression that is enumeration"},
        {"[a]\nexpression = 1\ntype = cuont\ngroup = activity\nzh = x\nen = x\n",
         "f.ini:3:8: [a] unknown type `cuont`: did you mean `count`?"},
        {"[a]\nexpression = 1\ntype = count\ngroup = asets\nzh = x\nen = x\n",
         "did you mean `assets`?"},
        {"[a]\nexpresion = 1\n" REST,
         "f.ini:2:1: [a] unknown setting `expresion`: did you mean `expression`?"},
        {"[a]\nexpression = 1\ntype = count\ngroup = assets\nzh = x\n", "[a] en is missing"},
        {"[A b]\nexpression = 1\n" REST, "small letters"},
        {"[a]\nexpression = b\n" REST "[b]\nexpression = 1\n" REST, "unknown field `b`"},
        {"[a]\nscope = pare\nexpression = 1\n" REST, "did you mean `pair`?"},
        {"[a]\nexpression = sum(quantity)\ndefault = 'x'\n" REST, "f.ini:3:11: [a]"},
        {"[a]\nexpression = count() where peer('cohort_holders') > 0.5\n" REST,
         "[a] asks the peers and has a window"},
        {"[a]\nexpression = 1\n" REST "say_zh = 数\n", "f.ini:7:10: [a] say_en is missing"},
        {"[a]\nexpression = 1\n" REST "topic = x\n", "f.ini:7:9: [a] say_zh is missing"},
        {"[a]\nexpression = 1\n" REST "say_zh = {n}\nsay_en = has {m}\n",
         "f.ini:8:14: [a] in braces stands n"},
        {"[a]\nexpression = 1\n" REST "say_zh = 数\nsay_en = x\nsay_from = few\n",
         "[a] a number is wanted"},
        {"[a]\nexpression = 1\n" REST, "[age] is missing"},
    };
    for (size_t i = 0; i < LX_COUNT_OF(rows); i++) {
        struct view_features *none = NULL;
        struct lx_error err;
        enum lx_err code = view_features_parse("f.ini", rows[i].text, strlen(rows[i].text),
                                               fixture_schema(&catalogue), &none, &err);
        assert_int_equal(code, LX_ERR_BAD_INPUT);
        if (strstr(err.text, rows[i].message) == NULL)
            fail_msg("case %zu: \"%s\" does not tell \"%s\"", i, err.text, rows[i].message);
    }
}

static void hash_with(const char *from, const char *to, uint8_t ret_hash[32])
{
    struct view_features *changed = NULL;
    struct lx_buffer text;
    struct lx_error err;
    fixture_file(&text);
    const char *at = strstr(lx_buffer_text(&text), from);
    assert_non_null(at);
    size_t before = (size_t)(at - text.bytes);
    struct lx_buffer other;
    lx_buffer_init(&other, LX_CONFIG_MAX);
    lx_buffer_append(&other, text.bytes, before);
    lx_buffer_append(&other, to, strlen(to));
    lx_buffer_append(&other, at + strlen(from), text.length - before - strlen(from));
    MUST(view_features_parse("f.ini", lx_buffer_text(&other), other.length,
                             fixture_schema(&catalogue), &changed, &err));
    view_features_hash(changed, ret_hash);
    view_features_close(changed);
    lx_buffer_release(&other);
    lx_buffer_release(&text);
}

static void test_the_hash_is_of_meaning_not_of_spelling(void **state)
{
    uint8_t own[32], hash[32];
    view_features_hash(features, own);
    hash_with("expression = count() where kind = 'login' over 30 days",
              "expression = (count()   where (kind='login') over 30 days)", hash);
    assert_memory_equal(own, hash, sizeof own);
    hash_with("zh = 近30天登录次数", "zh = 登录", hash);
    assert_memory_equal(own, hash, sizeof own);
    hash_with("kind = 'login' over 30 days", "kind = 'login' over 31 days", hash);
    assert_memory_not_equal(own, hash, sizeof own);
    hash_with("[logins_30d]", "[logins_in_30d]", hash);
    assert_memory_not_equal(own, hash, sizeof own);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_shipped_windows_are_what_looking_at_every_row_gives),
        cmocka_unit_test(test_random_windows_are_what_looking_at_every_row_gives),
        cmocka_unit_test(test_what_arrives_online_gives_what_the_batch_gives),
        cmocka_unit_test(test_a_wrong_file_is_refused_at_its_place),
        cmocka_unit_test(test_the_hash_is_of_meaning_not_of_spelling),
    };
    return cmocka_run_group_tests_name("view/features", tests, prepare, release);
}
