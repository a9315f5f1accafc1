/*
 * Goal:   a record comes back as it was written, the same record gives the same bytes, and no bytes
 *         whatever make the reader crash, read past the end or ask for much memory.
 * Method: random decisions and answers; every truncation, every single flipped bit.
 */
#include "tests/living_bank.h"

#include <math.h>

#include "codec/bytes.h"
#include "decide/record.h"

enum { CUSTOMER_FEATURES = 5, PAIR_FEATURES = 3, CANDIDATES_MAX = 6 };

struct made {
    struct record_decision decision;
    struct record_candidate candidates[CANDIDATES_MAX];
    struct record_refusal refusals[CANDIDATES_MAX];
    struct record_given given[CANDIDATES_MAX];
    float customer_values[CUSTOMER_FEATURES], pair_values[CANDIDATES_MAX][PAIR_FEATURES];
};

static const char *const codes[] = {"P00", "P01", "P02", "P03", "P04", "P05"};

static const struct record_refusal rules[] = {
    {.rule = "stopped", .stage = RULE_STAGE_EMERGENCY_STOP, .zh = "停", .en = "stopped"},
    {.rule = "too_risky", .stage = RULE_STAGE_SUITABILITY, .zh = "险", .en = "too risky"},
    {.rule = "not_now", .stage = RULE_STAGE_CONTACT_POLICY, .zh = "晚", .en = "not now"}};

static void make(struct made *made, uint64_t seed)
{
    struct lx_rng rng = lx_rng_of(seed, 9);
    size_t count = (size_t)lx_rng_below(&rng, CANDIDATES_MAX + 1);
    memset(made, 0, sizeof *made);
    for (int i = 0; i < CUSTOMER_FEATURES; i++)
        made->customer_values[i] = i == 2 ? NAN : (float)lx_rng_normal(&rng);
    for (size_t i = 0; i < count; i++) {
        for (int j = 0; j < PAIR_FEATURES; j++)
            made->pair_values[i][j] = (float)lx_rng_normal(&rng);
        made->candidates[i] = (struct record_candidate){
            .product = (int)i,
            .code = codes[i],
            .rank = i < 2 ? (int)i + 1 : 0,
            .score = (int)lx_rng_below(&rng, 101),
            .base_log_odds = lx_rng_normal(&rng),
            .log_odds = lx_rng_normal(&rng),
            .show_probability = 1,
            .place = i == 1 ? RECORD_PLACE_EXPLORED : RECORD_PLACE_PLAIN,
            .a = 0.5 + (double)i,
            .b = 9.5,
            .factors = {0.1, 1, 2, 3, 0.6},
            .pair_values = made->pair_values[i],
            .reasons = {{"理由", "reason", "age", 0.25}, {"二", "two", "balance", 0.125}},
            .reason_count = i < 2 ? 2 : 0};
        size_t rule = (size_t)lx_rng_below(&rng, LX_COUNT_OF(rules));
        made->refusals[i] = rules[rule];
        made->refusals[i].product = (int)i;
        made->refusals[i].code = codes[i];
        made->given[i] = (struct record_given){(int)i, codes[i], (enum bank_answer)(1 + i),
                                               (enum bank_answer)(i % 3), (int64_t)i * 7};
    }
    made->decision = (struct record_decision){.customer_id = "0123456789abcdef",
                                              .placement = "rm",
                                              .customer = (int64_t)lx_rng_below(&rng, 1 << 30),
                                              .round = 1 + (int)lx_rng_below(&rng, 2),
                                              .asked = 5,
                                              .segment = seed % 3 == 0 ? "young" : "",
                                              .explore = 0.1,
                                              .is_personalised = lx_rng_chance(&rng, 0.5),
                                              .decided_ms = -5 + (int64_t)lx_rng_below(&rng, 10),
                                              .as_of_ms = (int64_t)lx_rng_next(&rng),
                                              .model = "0123456789ab",
                                              .customer_values = made->customer_values,
                                              .customer_count = CUSTOMER_FEATURES,
                                              .pair_count = PAIR_FEATURES,
                                              .candidates = made->candidates,
                                              .candidate_count = count,
                                              .refusals = made->refusals,
                                              .refusal_count = count,
                                              .given = made->given,
                                              .given_count = count};
    for (int i = 0; i < RECORD_ID_BYTES; i++) made->decision.id[i] = (uint8_t)lx_rng_next(&rng);
}

static void write_any(const struct made *made, bool is_answer, struct lx_buffer *buffer)
{
    struct record_answer answer = {.decision_position = 77,
                                   .customer = 5,
                                   .answered_ms = 123,
                                   .is_final = true,
                                   .segment = made->decision.segment,
                                   .given = (struct record_given *)(uintptr_t)made->given,
                                   .given_count = made->decision.given_count,
                                   .has_next = made->decision.round == 2,
                                   .next = made->decision};
    lx_buffer_init(buffer, LX_CONFIG_MAX);
    if (is_answer)
        record_answer_write(&answer, buffer);
    else
        record_decision_write(&made->decision, buffer);
    assert_int_equal(lx_buffer_error(buffer), LX_OK);
}

static void test_a_record_comes_back_as_it_was(void **state)
{
    for (uint64_t seed = 1; seed <= 200; seed++) {
        struct lx_error err;
        struct made made;
        struct record record;
        struct lx_buffer bytes, again;
        struct lx_arena arena;
        bool is_known = false, is_answer = seed % 2 == 0;
        lx_arena_init(&arena, 1 << 20);
        make(&made, seed);
        write_any(&made, is_answer, &bytes);
        MUST(record_read(bytes.bytes, bytes.length, &arena, &record, &is_known, &err));
        assert_true(is_known);
        assert_int_equal(record.kind, is_answer ? RECORD_ANSWER : RECORD_DECISION);
        lx_buffer_init(&again, LX_CONFIG_MAX);
        if (is_answer)
            record_answer_write(&record.answer, &again);
        else
            record_decision_write(&record.decision, &again);
        assert_int_equal(bytes.length, again.length);
        assert_memory_equal(bytes.bytes, again.bytes, bytes.length);
        lx_buffer_release(&bytes);
        lx_buffer_release(&again);
        lx_arena_release(&arena);
    }
}

static void test_every_truncation_is_refused(void **state)
{
    for (uint64_t seed = 1; seed <= 6; seed++) {
        struct made made;
        struct lx_buffer bytes;
        make(&made, seed);
        write_any(&made, seed % 2 == 0, &bytes);
        for (size_t length = 0; length < bytes.length; length++) {
            struct lx_error err;
            struct record record;
            struct lx_arena arena;
            bool is_known = false;
            char *copy = malloc(length > 0 ? length : 1); /* so that ASan sees a byte too far */
            memcpy(copy, bytes.bytes, length);
            lx_arena_init(&arena, 1 << 20);
            MUST_FAIL(record_read(copy, length, &arena, &record, &is_known, &err), LX_ERR_CORRUPT);
            lx_arena_release(&arena);
            free(copy);
        }
        lx_buffer_release(&bytes);
    }
}

static void test_flipped_bits_never_crash(void **state)
{
    for (uint64_t seed = 1; seed <= 4; seed++) {
        struct made made;
        struct lx_buffer bytes;
        make(&made, seed);
        write_any(&made, seed % 2 == 0, &bytes);
        for (size_t i = 0; i < 8 * bytes.length; i++) {
            struct lx_error err;
            struct record record;
            struct lx_arena arena;
            bool is_known = false;
            lx_arena_init(&arena, 1 << 20);
            bytes.bytes[i / 8] = (char)(bytes.bytes[i / 8] ^ (1 << i % 8));
            enum lx_err code =
                record_read(bytes.bytes, bytes.length, &arena, &record, &is_known, &err);
            assert_true(code == LX_OK || code == LX_ERR_CORRUPT || code == LX_ERR_VERSION);
            bytes.bytes[i / 8] = (char)(bytes.bytes[i / 8] ^ (1 << i % 8));
            lx_arena_release(&arena);
        }
        lx_buffer_release(&bytes);
    }
}

static void test_a_rule_set_comes_back_as_it_was(void **state)
{
    struct rules_file files[] = {{"a.ini", "[a]\n", 4}, {"b.ini", "", 0}};
    const struct record_rules rules_of = {
        .at_ms = -7, .before = {1, 2, 3}, .after = {4, 5}, .files = files, .file_count = 2};
    struct lx_error err;
    struct record record;
    struct lx_arena arena;
    struct lx_buffer bytes;
    bool is_known = false;
    lx_buffer_init(&bytes, LX_CONFIG_MAX);
    record_rules_write(&rules_of, &bytes);
    for (size_t length = 0; length <= bytes.length; length++) {
        lx_arena_init(&arena, 1 << 20);
        enum lx_err code = record_read(bytes.bytes, length, &arena, &record, &is_known, &err);
        assert_int_equal(code, length < bytes.length ? LX_ERR_CORRUPT : LX_OK);
        if (code != LX_OK) lx_arena_release(&arena);
    }
    assert_true(is_known && record.kind == RECORD_RULES);
    assert_true(record.rules.at_ms == -7 && record.rules.file_count == 2);
    assert_memory_equal(record.rules.before, rules_of.before, 32);
    assert_memory_equal(record.rules.after, rules_of.after, 32);
    for (size_t i = 0; i < 2; i++) {
        assert_string_equal(record.rules.files[i].name, files[i].name);
        assert_string_equal(record.rules.files[i].bytes, files[i].bytes);
        assert_int_equal(record.rules.files[i].length, files[i].length);
    }
    lx_arena_release(&arena);
    lx_buffer_release(&bytes);
}

/* As the first version wrote them: the rule's name where its number stands now. */
static void test_a_decision_of_version_1_has_its_rules_names(void **state)
{
    struct made made;
    struct lx_buffer bytes, old;
    struct lx_error err;
    struct record record;
    struct lx_arena arena;
    bool is_known = false;
    uint64_t seed = 1;
    do make(&made, seed++);
    while (made.decision.refusal_count != 2);
    made.decision.refusals = NULL;
    made.decision.refusal_count = made.decision.given_count = made.decision.candidate_count = 0;
    made.decision.segment = "here is the segment";
    write_any(&made, false, &bytes);
    const char *segment = memmem(bytes.bytes, bytes.length, "here is the segment", 19);
    assert_non_null(segment);
    size_t before = (size_t)(segment - (const char *)bytes.bytes) - 1, behind = before + 1 + 19 + 8;
    lx_buffer_init(&old, LX_CONFIG_MAX);
    lx_buffer_append(&old, "\x01\x01", 2);
    lx_buffer_append(&old, bytes.bytes + 2, before - 2);
    /* 0 rules, 0 refusals, 0 answers come last */
    lx_buffer_append(&old, bytes.bytes + behind, bytes.length - behind - 3);
    bytes_put_varint(&old, 2);
    for (int i = 0; i < 2; i++) {
        bytes_put_varint(&old, (uint64_t)i);
        bytes_put_text(&old, codes[i], strlen(codes[i]));
        bytes_put_text(&old, i == 0 ? "not_on_sale" : "age_unknown", 11);
    }
    bytes_put_varint(&old, 0);
    lx_arena_init(&arena, 1 << 20);
    MUST(record_read(old.bytes, old.length, &arena, &record, &is_known, &err));
    assert_int_equal(record.decision.refusal_count, 2);
    assert_string_equal(record.decision.refusals[0].rule, "not_on_sale");
    assert_string_equal(record.decision.refusals[1].rule, "age_unknown");
    assert_string_equal(record.decision.refusals[1].code, codes[1]);
    assert_int_equal(record.decision.refusals[1].stage, RULE_STAGE_NONE);
    assert_string_equal(record.decision.segment, "");
    assert_true(record.decision.explore == 0);
    lx_arena_release(&arena);
    lx_buffer_release(&bytes);
    lx_buffer_release(&old);
}

static void test_records_of_others_are_passed_over(void **state)
{
    struct lx_error err;
    struct record record;
    struct lx_arena arena;
    bool is_known = true;
    lx_arena_init(&arena, 1 << 20);
    MUST(record_read("\x63\x01hello", 7, &arena, &record, &is_known, &err));
    assert_false(is_known);
    MUST_FAIL(record_read("\x01\x09", 2, &arena, &record, &is_known, &err), LX_ERR_VERSION);
    lx_arena_release(&arena);
}

static void test_ids_ascend_in_time_and_read_back(void **state)
{
    struct living_clock clock = living_clock_of(3);
    struct lx_env env = living_env(&clock, 1);
    char last[DECISION_ID_SIZE] = "";
    for (int i = 0; i < 1000; i++) {
        uint8_t id[RECORD_ID_BYTES], back[RECORD_ID_BYTES];
        char text[DECISION_ID_SIZE];
        record_id_make(&env, living_now_ms(&clock), id);
        record_id_text(id, text);
        assert_true(strcmp(last, text) < 0);
        assert_true(record_id_parse(text, back));
        assert_memory_equal(id, back, sizeof id);
        memcpy(last, text, sizeof last);
    }
    uint8_t id[RECORD_ID_BYTES];
    assert_false(record_id_parse("", id));
    assert_false(record_id_parse("0123456789abcdef0123456789abcdeg", id));
    assert_false(record_id_parse("0123456789ABCDEF0123456789ABCDEF", id));
    assert_false(record_id_parse("0123456789abcdef0123456789abcdef0", id));
}

static void test_a_record_says_its_moment_in_its_first_bytes(void **state)
{
    struct made made;
    struct lx_buffer bytes;
    (void)state;
    lx_buffer_init(&bytes, 1 << 20);
    make(&made, 3);
    struct lx_rng rng = lx_rng_of(5, 1);
    for (int i = 0; i < 100; i++) {
        int64_t at_ms = (int64_t)(lx_rng_next(&rng) >> 17); /* 47 bits: some 4,400 years */
        for (int j = 0; j < 6; j++) made.decision.id[j] = (uint8_t)(at_ms >> (40 - 8 * j));
        lx_buffer_clear(&bytes);
        record_decision_write(&made.decision, &bytes);
        assert_int_equal(record_moment(bytes.bytes, bytes.length), at_ms);
        const struct record_answer answer = {.decision_position = lx_rng_next(&rng) >> 1,
                                             .customer = (int64_t)(lx_rng_next(&rng) >> 40),
                                             .answered_ms = at_ms};
        lx_buffer_clear(&bytes);
        record_answer_write(&answer, &bytes);
        assert_int_equal(record_moment(bytes.bytes, bytes.length), at_ms);
        const struct record_rules rules_of = {.at_ms = at_ms};
        lx_buffer_clear(&bytes);
        record_rules_write(&rules_of, &bytes);
        assert_int_equal(record_moment(bytes.bytes, bytes.length), at_ms);
        for (size_t length = 0; length < bytes.length; length++)
            (void)record_moment(bytes.bytes, length); /* stays within its bytes */
    }
    assert_int_equal(record_moment("\x63\x01 some other part's record", 26), 0);
    assert_int_equal(record_moment("\x01", 1), 0);
    lx_buffer_release(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_record_comes_back_as_it_was),
        cmocka_unit_test(test_every_truncation_is_refused),
        cmocka_unit_test(test_flipped_bits_never_crash),
        cmocka_unit_test(test_a_rule_set_comes_back_as_it_was),
        cmocka_unit_test(test_a_decision_of_version_1_has_its_rules_names),
        cmocka_unit_test(test_records_of_others_are_passed_over),
        cmocka_unit_test(test_a_record_says_its_moment_in_its_first_bytes),
        cmocka_unit_test(test_ids_ascend_in_time_and_read_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
