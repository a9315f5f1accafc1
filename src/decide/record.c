#include "decide/record.h"

#include <string.h>

#include "codec/bytes.h"
#include "model/life_record.h"

enum {
    COUNT_MAX = LX_PRODUCT_MAX, /* candidates, refusals, answers */
};

const char *record_place_text(enum record_place place)
{
    static const char *const texts[RECORD_PLACE_END] = {"plain", "explored", "informative"};
    LX_ASSERT(place < RECORD_PLACE_END);
    return texts[place];
}

/* The bits of each, as bytes_put_u32 would put them one by one. */
static void put_floats(struct lx_buffer *buffer, const float *values, size_t count)
{
    char *room = lx_buffer_reserve(buffer, 4 * count);
    if (room == NULL) return;
    for (size_t i = 0; i < count; i++) {
        uint32_t bits;
        memcpy(&bits, &values[i], sizeof bits);
        for (size_t j = 0; j < 4; j++) room[4 * i + j] = (char)(bits >> 8 * j & 255);
    }
    lx_buffer_advance(buffer, 4 * count);
}

static void put_string(struct lx_buffer *buffer, const char *text)
{
    bytes_put_text(buffer, text, strlen(text));
}

static void put_given(struct lx_buffer *buffer, const struct record_given *given, size_t count)
{
    bytes_put_varint(buffer, count);
    for (size_t i = 0; i < count; i++) {
        bytes_put_varint(buffer, (uint64_t)given[i].product);
        put_string(buffer, given[i].code);
        bytes_put_u8(buffer, (uint8_t)given[i].answer);
    }
}

static void put_candidate(struct lx_buffer *buffer, const struct record_candidate *candidate,
                          size_t pair_count)
{
    const struct decision_factors *factors = &candidate->factors;
    bytes_put_varint(buffer, (uint64_t)candidate->product);
    put_string(buffer, candidate->code);
    bytes_put_varint(buffer, (uint64_t)candidate->rank);
    bytes_put_u8(buffer, (uint8_t)candidate->place);
    bytes_put_real(buffer, candidate->a);
    bytes_put_real(buffer, candidate->b);
    bytes_put_varint(buffer, (uint64_t)candidate->score);
    bytes_put_real(buffer, candidate->base_log_odds);
    bytes_put_real(buffer, candidate->log_odds);
    bytes_put_real(buffer, candidate->show_probability);
    bytes_put_real(buffer, factors->probability);
    bytes_put_real(buffer, factors->value);
    bytes_put_real(buffer, factors->context);
    bytes_put_real(buffer, factors->lever);
    bytes_put_real(buffer, factors->priority);
    put_floats(buffer, candidate->pair_values, pair_count);
    bytes_put_varint(buffer, candidate->reason_count);
    for (size_t i = 0; i < candidate->reason_count; i++) {
        const struct decision_reason *reason = &candidate->reasons[i];
        put_string(buffer, reason->zh);
        put_string(buffer, reason->en);
        put_string(buffer, reason->feature);
        bytes_put_real(buffer, reason->weight);
    }
}

/* Each rule once, then what it refused. */
static void put_refusals(struct lx_buffer *buffer, const struct record_refusal *refusals,
                         size_t count)
{
    size_t number[COUNT_MAX], rule_count = 0;
    const struct record_refusal *rules[COUNT_MAX];
    LX_ASSERT(count <= COUNT_MAX);
    for (size_t i = 0; i < count; i++) {
        number[i] = 0;
        while (number[i] < rule_count && strcmp(rules[number[i]]->rule, refusals[i].rule) != 0)
            number[i]++;
        if (number[i] == rule_count) rules[rule_count++] = &refusals[i];
    }
    bytes_put_varint(buffer, rule_count);
    for (size_t i = 0; i < rule_count; i++) {
        put_string(buffer, rules[i]->rule);
        bytes_put_u8(buffer, (uint8_t)rules[i]->stage);
        put_string(buffer, rules[i]->zh);
        put_string(buffer, rules[i]->en);
    }
    bytes_put_varint(buffer, count);
    for (size_t i = 0; i < count; i++) {
        bytes_put_varint(buffer, (uint64_t)refusals[i].product);
        put_string(buffer, refusals[i].code);
        bytes_put_varint(buffer, number[i]);
    }
}

static void put_decision(const struct record_decision *decision, struct lx_buffer *buffer)
{
    LX_ASSERT(decision->candidate_count <= COUNT_MAX && decision->refusal_count <= COUNT_MAX);

    lx_buffer_append(buffer, decision->id, sizeof decision->id);
    lx_buffer_append(buffer, decision->parent, sizeof decision->parent);
    put_string(buffer, decision->customer_id);
    bytes_put_varint(buffer, (uint64_t)decision->customer);
    put_string(buffer, decision->placement);
    bytes_put_u8(buffer, (uint8_t)decision->round);
    bytes_put_varint(buffer, (uint64_t)decision->asked);
    put_string(buffer, decision->segment != NULL ? decision->segment : "");
    bytes_put_real(buffer, decision->explore);
    bytes_put_u8(buffer, decision->is_personalised);
    bytes_put_signed(buffer, decision->decided_ms);
    bytes_put_signed(buffer, decision->as_of_ms);
    put_string(buffer, decision->model);
    lx_buffer_append(buffer, decision->rules_hash, sizeof decision->rules_hash);
    lx_buffer_append(buffer, decision->actions_hash, sizeof decision->actions_hash);
    lx_buffer_append(buffer, decision->feature_set, sizeof decision->feature_set);
    bytes_put_varint(buffer, decision->customer_count);
    bytes_put_varint(buffer, decision->pair_count);
    put_floats(buffer, decision->customer_values, decision->customer_count);
    bytes_put_varint(buffer, decision->candidate_count);
    for (size_t i = 0; i < decision->candidate_count; i++)
        put_candidate(buffer, &decision->candidates[i], decision->pair_count);
    put_refusals(buffer, decision->refusals, decision->refusal_count);
    put_given(buffer, decision->given, decision->given_count);
}

void record_decision_write(const struct record_decision *decision, struct lx_buffer *buffer)
{
    bytes_put_u8(buffer, RECORD_DECISION);
    bytes_put_u8(buffer, RECORD_VERSION);
    put_decision(decision, buffer);
}

void record_answer_write(const struct record_answer *answer, struct lx_buffer *buffer)
{
    bytes_put_u8(buffer, RECORD_ANSWER);
    bytes_put_u8(buffer, RECORD_VERSION);
    lx_buffer_append(buffer, answer->decision, sizeof answer->decision);
    bytes_put_varint(buffer, answer->decision_position);
    bytes_put_varint(buffer, (uint64_t)answer->customer);
    bytes_put_signed(buffer, answer->answered_ms);
    bytes_put_u8(buffer, answer->is_final);
    put_given(buffer, answer->given, answer->given_count);
    put_string(buffer, answer->segment != NULL ? answer->segment : "");
    for (size_t i = 0; i < answer->given_count; i++) {
        bytes_put_u8(buffer, (uint8_t)answer->given[i].before);
        bytes_put_signed(buffer, answer->given[i].before_ms);
    }
    bytes_put_u8(buffer, answer->has_next);
    if (answer->has_next) put_decision(&answer->next, buffer);
}

void record_rules_write(const struct record_rules *rules, struct lx_buffer *buffer)
{
    LX_ASSERT(rules->file_count <= RULES_FILES_MAX);

    bytes_put_u8(buffer, RECORD_RULES);
    bytes_put_u8(buffer, RECORD_VERSION);
    bytes_put_signed(buffer, rules->at_ms);
    lx_buffer_append(buffer, rules->before, sizeof rules->before);
    lx_buffer_append(buffer, rules->after, sizeof rules->after);
    bytes_put_varint(buffer, rules->file_count);
    for (size_t i = 0; i < rules->file_count; i++) {
        put_string(buffer, rules->files[i].name);
        bytes_put_text(buffer, rules->files[i].bytes, rules->files[i].length);
    }
}

/* Reads on after a mistake with zeros; `is_failed` is asked once at the end. */
struct reading {
    struct bytes_reader bytes;
    struct lx_arena *arena;
    int version;
    bool is_out_of_memory;
};

static bool is_bad(const struct reading *reading)
{
    return reading->bytes.is_failed || reading->is_out_of_memory;
}

static void *get_array(struct reading *reading, size_t count, size_t size)
{
    void *memory = is_bad(reading) ? NULL : lx_arena_array(reading->arena, count, size);
    if (memory == NULL) reading->is_out_of_memory = true;
    return memory;
}

static const char *get_string(struct reading *reading)
{
    size_t length = 0;
    const char *text = bytes_get_text(&reading->bytes, &length);
    if (is_bad(reading)) return "";
    char *copy = lx_arena_strndup(reading->arena, text, length);
    if (copy == NULL) reading->is_out_of_memory = true;
    return copy != NULL ? copy : "";
}

static void get_raw(struct reading *reading, uint8_t *ret_bytes, size_t count)
{
    for (size_t i = 0; i < count; i++) ret_bytes[i] = bytes_get_u8(&reading->bytes);
}

/* A number of things that each take at least a byte, so a flipped bit cannot ask for gigabytes. */
static size_t get_count(struct reading *reading, size_t max)
{
    uint64_t count = bytes_get_varint(&reading->bytes);
    size_t left = reading->bytes.length - reading->bytes.position;
    if (count <= max && count <= left) return (size_t)count;
    reading->bytes.is_failed = true;
    return 0;
}

static int get_int(struct reading *reading, int max)
{
    uint64_t value = bytes_get_varint(&reading->bytes);
    if (value <= (uint64_t)max) return (int)value;
    reading->bytes.is_failed = true;
    return 0;
}

static int64_t get_customer(struct reading *reading)
{
    uint64_t value = bytes_get_varint(&reading->bytes);
    if (value <= INT64_MAX) return (int64_t)value;
    reading->bytes.is_failed = true;
    return 0;
}

static const float *get_floats(struct reading *reading, size_t count)
{
    float *values = get_array(reading, count, sizeof *values);
    for (size_t i = 0; values != NULL && i < count; i++) {
        uint32_t bits = bytes_get_u32(&reading->bytes);
        memcpy(&values[i], &bits, sizeof bits);
    }
    return values;
}

static enum bank_answer get_said(struct reading *reading)
{
    uint8_t answer = bytes_get_u8(&reading->bytes);
    if (answer <= BANK_ANSWER_RETRACTED) return answer;
    reading->bytes.is_failed = true;
    return BANK_ANSWER_NONE;
}

static void get_given(struct reading *reading, struct record_given **ret_given, size_t *ret_count)
{
    size_t count = get_count(reading, COUNT_MAX);
    struct record_given *given = get_array(reading, count, sizeof *given);
    for (size_t i = 0; given != NULL && i < count; i++) {
        given[i].product = get_int(reading, LX_PRODUCT_MAX - 1);
        given[i].code = get_string(reading);
        given[i].answer = get_said(reading);
        given[i].before = BANK_ANSWER_NONE;
        given[i].before_ms = 0;
    }
    *ret_given = given;
    *ret_count = given != NULL ? count : 0;
}

static void get_candidate(struct reading *reading, size_t pair_count,
                          struct record_candidate *candidate)
{
    struct bytes_reader *bytes = &reading->bytes;
    candidate->product = get_int(reading, LX_PRODUCT_MAX - 1);
    candidate->code = get_string(reading);
    candidate->rank = get_int(reading, LX_PRODUCT_MAX);
    candidate->place = RECORD_PLACE_PLAIN;
    candidate->a = candidate->b = 0;
    if (reading->version > 2) {
        uint8_t place = bytes_get_u8(bytes);
        if (place >= RECORD_PLACE_END) bytes->is_failed = true;
        candidate->place = place < RECORD_PLACE_END ? (enum record_place)place : RECORD_PLACE_PLAIN;
        candidate->a = bytes_get_real(bytes);
        candidate->b = bytes_get_real(bytes);
    }
    candidate->score = get_int(reading, 100);
    candidate->base_log_odds = bytes_get_real(bytes);
    candidate->log_odds = bytes_get_real(bytes);
    candidate->show_probability = bytes_get_real(bytes);
    candidate->factors.probability = bytes_get_real(bytes);
    candidate->factors.value = bytes_get_real(bytes);
    candidate->factors.context = bytes_get_real(bytes);
    candidate->factors.lever = bytes_get_real(bytes);
    candidate->factors.priority = bytes_get_real(bytes);
    candidate->pair_values = get_floats(reading, pair_count);
    candidate->reason_count = get_count(reading, DECISION_REASONS_MAX);
    for (size_t i = 0; i < candidate->reason_count; i++) {
        struct decision_reason *reason = &candidate->reasons[i];
        reason->zh = get_string(reading);
        reason->en = get_string(reading);
        reason->feature = get_string(reading);
        reason->weight = bytes_get_real(bytes);
    }
}

static void get_candidates(struct reading *reading, struct record_decision *decision)
{
    size_t count = get_count(reading, COUNT_MAX);
    decision->candidates = get_array(reading, count, sizeof *decision->candidates);
    decision->candidate_count = decision->candidates != NULL ? count : 0;
    for (size_t i = 0; i < decision->candidate_count && !is_bad(reading); i++)
        get_candidate(reading, decision->pair_count, &decision->candidates[i]);
}

static void get_rule(struct reading *reading, struct record_refusal *rule)
{
    uint8_t stage = 0;
    *rule = (struct record_refusal){.rule = get_string(reading), .zh = "", .en = ""};
    if (reading->version > 1) {
        stage = bytes_get_u8(&reading->bytes);
        rule->zh = get_string(reading);
        rule->en = get_string(reading);
    }
    if (rule->rule[0] == '\0' || stage >= RULE_STAGE_END) reading->bytes.is_failed = true;
    rule->stage = stage < RULE_STAGE_END ? (enum rule_stage)stage : RULE_STAGE_NONE;
}

/* In version 1 the rule's name stands where its number does now. */
static void get_refusals(struct reading *reading, struct record_decision *decision)
{
    size_t rule_count = reading->version > 1 ? get_count(reading, COUNT_MAX) : 0;
    struct record_refusal *rules = get_array(reading, rule_count, sizeof *rules);
    for (size_t i = 0; i < rule_count && !is_bad(reading); i++) get_rule(reading, &rules[i]);
    size_t count = get_count(reading, COUNT_MAX);
    decision->refusals = get_array(reading, count, sizeof *decision->refusals);
    decision->refusal_count = decision->refusals != NULL ? count : 0;
    for (size_t i = 0; i < decision->refusal_count && !is_bad(reading); i++) {
        struct record_refusal *refusal = &decision->refusals[i];
        int product = get_int(reading, LX_PRODUCT_MAX - 1);
        const char *code = get_string(reading);
        if (reading->version == 1) {
            get_rule(reading, refusal);
        } else {
            size_t number = (size_t)get_int(reading, COUNT_MAX);
            if (number >= rule_count) reading->bytes.is_failed = true;
            if (!is_bad(reading)) *refusal = rules[number];
        }
        refusal->product = product;
        refusal->code = code;
    }
}

static void get_decision(struct reading *reading, struct record_decision *decision)
{
    struct bytes_reader *bytes = &reading->bytes;
    get_raw(reading, decision->id, sizeof decision->id);
    get_raw(reading, decision->parent, sizeof decision->parent);
    decision->customer_id = get_string(reading);
    decision->customer = get_customer(reading);
    decision->placement = get_string(reading);
    decision->round = bytes_get_u8(bytes);
    decision->asked = get_int(reading, LX_PRODUCT_MAX);
    decision->segment = reading->version > 2 ? get_string(reading) : "";
    decision->explore = reading->version > 2 ? bytes_get_real(bytes) : 0;
    decision->is_personalised = bytes_get_u8(bytes) != 0;
    decision->decided_ms = bytes_get_signed(bytes);
    decision->as_of_ms = bytes_get_signed(bytes);
    const char *model = get_string(reading);
    if (strlen(model) >= sizeof decision->model) bytes->is_failed = true;
    if (!bytes->is_failed) memcpy(decision->model, model, strlen(model) + 1);
    get_raw(reading, decision->rules_hash, sizeof decision->rules_hash);
    get_raw(reading, decision->actions_hash, sizeof decision->actions_hash);
    get_raw(reading, decision->feature_set, sizeof decision->feature_set);
    decision->customer_count = get_count(reading, LX_FEATURES_MAX);
    decision->pair_count = get_count(reading, LX_FEATURES_MAX);
    decision->customer_values = get_floats(reading, decision->customer_count);
    get_candidates(reading, decision);
    get_refusals(reading, decision);
    get_given(reading, &decision->given, &decision->given_count);
}

static void get_answer(struct reading *reading, struct record_answer *answer)
{
    get_raw(reading, answer->decision, sizeof answer->decision);
    answer->decision_position = bytes_get_varint(&reading->bytes);
    answer->customer = get_customer(reading);
    answer->answered_ms = bytes_get_signed(&reading->bytes);
    answer->is_final = bytes_get_u8(&reading->bytes) != 0;
    get_given(reading, &answer->given, &answer->given_count);
    answer->segment = reading->version > 2 ? get_string(reading) : "";
    for (size_t i = 0; reading->version > 2 && i < answer->given_count; i++) {
        answer->given[i].before = get_said(reading);
        answer->given[i].before_ms = bytes_get_signed(&reading->bytes);
    }
    answer->has_next = bytes_get_u8(&reading->bytes) != 0;
    if (answer->has_next && !is_bad(reading)) get_decision(reading, &answer->next);
}

static void get_rules(struct reading *reading, struct record_rules *rules)
{
    rules->at_ms = bytes_get_signed(&reading->bytes);
    get_raw(reading, rules->before, sizeof rules->before);
    get_raw(reading, rules->after, sizeof rules->after);
    size_t count = get_count(reading, RULES_FILES_MAX);
    rules->files = get_array(reading, count, sizeof *rules->files);
    rules->file_count = rules->files != NULL ? count : 0;
    for (size_t i = 0; i < rules->file_count && !is_bad(reading); i++) {
        rules->files[i].name = get_string(reading);
        rules->files[i].bytes = get_string(reading);
        rules->files[i].length = strlen(rules->files[i].bytes);
    }
}

enum lx_err record_read(const void *bytes, size_t length, struct lx_arena *arena,
                        struct record *ret_record, bool *ret_is_known, struct lx_error *err)
{
    struct reading reading = {.bytes = bytes_reader_of(bytes, length), .arena = arena};
    struct record record = {.kind = bytes_get_u8(&reading.bytes)};
    uint8_t version = bytes_get_u8(&reading.bytes);
    bool is_known = record.kind == RECORD_DECISION || record.kind == RECORD_ANSWER ||
                    record.kind == RECORD_RULES;
    *ret_is_known = is_known;
    if (!is_known && !reading.bytes.is_failed) return LX_OK;
    if (!reading.bytes.is_failed && (version < 1 || version > RECORD_VERSION))
        return lx_fail(err, LX_ERR_VERSION, "journal record of version %d, this program reads %d",
                       version, RECORD_VERSION);
    reading.version = version;

    if (record.kind == RECORD_DECISION) get_decision(&reading, &record.decision);
    if (record.kind == RECORD_ANSWER) get_answer(&reading, &record.answer);
    if (record.kind == RECORD_RULES) get_rules(&reading, &record.rules);
    if (reading.bytes.is_failed || (!reading.is_out_of_memory && !bytes_is_at_end(&reading.bytes)))
        return lx_fail(err, LX_ERR_CORRUPT, "journal record of %zu bytes is not a decision",
                       length);
    if (reading.is_out_of_memory)
        return lx_fail(err, LX_ERR_NO_MEMORY, "journal record: out of memory");
    *ret_record = record;
    return LX_OK;
}

/* The id of a decision begins with its moment; an answer has its own behind three other fields, a
 * rule set and a change of models have it first. */
int64_t record_moment(const void *bytes, size_t length)
{
    struct bytes_reader reader = bytes_reader_of(bytes, length);
    uint8_t kind = bytes_get_u8(&reader), id[RECORD_ID_BYTES];
    int64_t at_ms = 0;
    (void)bytes_get_u8(&reader); /* every version so far begins like this */
    if (kind == RECORD_RULES || kind == LIFE_RECORD_KIND) {
        at_ms = bytes_get_signed(&reader);
        return reader.is_failed ? 0 : at_ms;
    }
    for (size_t i = 0; i < sizeof id; i++) id[i] = bytes_get_u8(&reader);
    if (kind == RECORD_DECISION) {
        for (size_t i = 0; i < 6; i++) at_ms = at_ms << 8 | id[i];
    } else if (kind == RECORD_ANSWER) {
        (void)bytes_get_varint(&reader); /* position of the decision */
        (void)bytes_get_varint(&reader); /* customer */
        at_ms = bytes_get_signed(&reader);
    }
    return reader.is_failed ? 0 : at_ms;
}

void record_id_text(const uint8_t id[RECORD_ID_BYTES], char ret_text[DECISION_ID_SIZE])
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < RECORD_ID_BYTES; i++) {
        ret_text[2 * i] = digits[id[i] >> 4];
        ret_text[2 * i + 1] = digits[id[i] & 15];
    }
    ret_text[2 * RECORD_ID_BYTES] = '\0';
}

static int digit_of(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool record_id_parse(const char *text, uint8_t ret_id[RECORD_ID_BYTES])
{
    uint8_t id[RECORD_ID_BYTES];
    if (strlen(text) != 2 * RECORD_ID_BYTES) return false;
    for (size_t i = 0; i < RECORD_ID_BYTES; i++) {
        int high = digit_of(text[2 * i]), low = digit_of(text[2 * i + 1]);
        if (high < 0 || low < 0) return false;
        id[i] = (uint8_t)(16 * high + low);
    }
    memcpy(ret_id, id, sizeof id);
    return true;
}

void record_id_make(const struct lx_env *env, int64_t now_ms, uint8_t ret_id[RECORD_ID_BYTES])
{
    env->entropy(env->context, ret_id, RECORD_ID_BYTES);
    for (int i = 0; i < 6; i++) ret_id[i] = (uint8_t)((uint64_t)now_ms >> (40 - 8 * i));
}
