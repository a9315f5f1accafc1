#include "decide/project.h"

#include <math.h>
#include <string.h>

#include "codec/digest.h"
#include "codec/json.h"

enum { RECORD_ARENA_MAX = 64 << 20, REASONS_BYTES_MAX = 1 << 16 };

/* Parameters in the order of the table's columns. */
#define STATEMENT_MAP(X)                                                                           \
    X(DECISION,                                                                                    \
      "INSERT INTO decision (customer, position, id, at_ms, kind, round, parent, as_of_ms, "       \
      "model, "                                                                                    \
      "rule_set, placement) VALUES ($1, $2, $3, $4, 'recommend', $5, $6, $7, $8, $9, $10)")        \
    X(ITEM, "INSERT INTO decision_item (customer, position, rank, product, score, probability, "   \
            "show_probability, value, context_weight, lever, reasons) "                            \
            "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)")                               \
    X(REFUSAL,                                                                                     \
      "INSERT INTO decision_refusal (customer, position, product, rule) VALUES ($1, $2, $3, $4)")  \
    X(ANSWER, "INSERT INTO answer (customer, position, product, decision, at_ms, answer) "         \
              "VALUES ($1, $2, $3, $4, $5, $6)")                                                   \
    X(FINAL, "UPDATE decision SET is_final = $1 WHERE customer = $2 AND position = $3")            \
    X(RULES, "INSERT INTO rule_set_version (rule_set, version, sha256, at_ms, known_at_ms, "       \
             "content) SELECT 'rules', coalesce(max(version), 0) + 1, $1, $2, $2, $3 "             \
             "FROM rule_set_version WHERE rule_set = 'rules'")                                     \
    X(POSITION, "INSERT INTO projection (name, next_position) VALUES ('decide', $1) "              \
                "ON CONFLICT (name) DO UPDATE SET next_position = excluded.next_position")

enum {
#define X(name, sql) STATEMENT_##name,
    STATEMENT_MAP(X)
#undef X
        STATEMENT_COUNT
};

static const char *const statement_texts[] = {
#define X(name, sql) sql,
    STATEMENT_MAP(X)
#undef X
};

struct projecting {
    struct store_statement *statements[STATEMENT_COUNT];
    struct lx_arena arena;    /* of one record */
    struct lx_buffer reasons; /* of one item */
    uint64_t position;
    struct lx_error *err;
};

enum lx_err project_position(struct store *store, uint64_t *ret_position, struct lx_error *err)
{
    struct store_statement *statement = NULL;
    bool has_row = false;
    enum lx_err code = store_prepare(
        store, "SELECT next_position FROM projection WHERE name = 'decide'", &statement, err);
    if (code == LX_OK) code = store_step(statement, &has_row, err);
    if (code == LX_OK) *ret_position = has_row ? (uint64_t)store_int(statement, 0) : 0;
    store_finalize(statement);
    return code;
}

static void bind_string(struct store_statement *statement, int index, const char *text)
{
    store_bind_text(statement, index, text, strlen(text));
}

/* A number that the column may not hold (NaN) is left out. */
static void bind_real(struct store_statement *statement, int index, double value)
{
    if (isnan(value))
        store_bind_null(statement, index);
    else
        store_bind_real(statement, index, value);
}

static void write_reasons(const struct record_candidate *candidate, struct lx_buffer *buffer)
{
    struct json_writer json;
    lx_buffer_clear(buffer);
    json_init(&json, buffer);
    json_array_begin(&json);
    for (size_t i = 0; i < candidate->reason_count; i++) {
        const struct decision_reason *reason = &candidate->reasons[i];
        json_object_begin(&json);
        json_name_text(&json, "zh", reason->zh);
        json_name_text(&json, "en", reason->en);
        json_name_text(&json, "feature", reason->feature);
        json_name_real(&json, "weight", reason->weight);
        json_object_end(&json);
    }
    json_array_end(&json);
}

static enum lx_err put_item(struct projecting *projecting, const struct record_decision *decision,
                            const struct record_candidate *candidate)
{
    struct store_statement *statement = projecting->statements[STATEMENT_ITEM];
    write_reasons(candidate, &projecting->reasons);
    enum lx_err code = lx_buffer_error(&projecting->reasons);
    if (code != LX_OK) return lx_fail(projecting->err, code, "reasons of an item");
    store_bind_int(statement, 1, decision->customer);
    store_bind_int(statement, 2, (int64_t)projecting->position);
    store_bind_int(statement, 3, candidate->rank);
    store_bind_int(statement, 4, candidate->product);
    store_bind_real(statement, 5, candidate->score);
    bind_real(statement, 6, candidate->factors.probability);
    bind_real(statement, 7, candidate->show_probability);
    bind_real(statement, 8, candidate->factors.value);
    bind_real(statement, 9, candidate->factors.context);
    bind_real(statement, 10, candidate->factors.lever);
    store_bind_text(statement, 11, projecting->reasons.bytes, projecting->reasons.length);
    return store_run(statement, projecting->err);
}

static enum lx_err put_refusal(struct projecting *projecting,
                               const struct record_decision *decision,
                               const struct record_refusal *refusal)
{
    struct store_statement *statement = projecting->statements[STATEMENT_REFUSAL];
    store_bind_int(statement, 1, decision->customer);
    store_bind_int(statement, 2, (int64_t)projecting->position);
    store_bind_int(statement, 3, refusal->product);
    bind_string(statement, 4, refusal->rule);
    return store_run(statement, projecting->err);
}

static bool is_zero(const uint8_t id[RECORD_ID_BYTES])
{
    for (size_t i = 0; i < RECORD_ID_BYTES; i++)
        if (id[i] != 0) return false;
    return true;
}

static enum lx_err put_decision(struct projecting *projecting,
                                const struct record_decision *decision)
{
    struct store_statement *statement = projecting->statements[STATEMENT_DECISION];
    char id[DECISION_ID_SIZE], parent[DECISION_ID_SIZE], rules[DIGEST_TEXT_SIZE];
    record_id_text(decision->id, id);
    record_id_text(decision->parent, parent);
    digest_text(decision->rules_hash, rules);
    store_bind_int(statement, 1, decision->customer);
    store_bind_int(statement, 2, (int64_t)projecting->position);
    bind_string(statement, 3, id);
    store_bind_int(statement, 4, decision->decided_ms);
    store_bind_int(statement, 5, decision->round);
    if (is_zero(decision->parent))
        store_bind_null(statement, 6);
    else
        bind_string(statement, 6, parent);
    store_bind_int(statement, 7, decision->as_of_ms);
    bind_string(statement, 8, decision->model);
    store_bind_text(statement, 9, rules, REGISTRY_ID_DIGITS);
    bind_string(statement, 10, decision->placement);
    enum lx_err code = store_run(statement, projecting->err);
    for (size_t i = 0; code == LX_OK && i < decision->candidate_count; i++)
        if (decision->candidates[i].rank > 0)
            code = put_item(projecting, decision, &decision->candidates[i]);
    for (size_t i = 0; code == LX_OK && i < decision->refusal_count; i++)
        code = put_refusal(projecting, decision, &decision->refusals[i]);
    return code;
}

static enum lx_err put_answer(struct projecting *projecting, const struct record_answer *answer)
{
    struct store_statement *statement = projecting->statements[STATEMENT_ANSWER];
    enum lx_err code = LX_OK;
    for (size_t i = 0; code == LX_OK && i < answer->given_count; i++) {
        store_bind_int(statement, 1, answer->customer);
        store_bind_int(statement, 2, (int64_t)projecting->position);
        store_bind_int(statement, 3, answer->given[i].product);
        store_bind_int(statement, 4, (int64_t)answer->decision_position);
        store_bind_int(statement, 5, answer->answered_ms);
        store_bind_int(statement, 6, answer->given[i].answer);
        code = store_run(statement, projecting->err);
    }
    statement = projecting->statements[STATEMENT_FINAL];
    store_bind_int(statement, 1, answer->is_final);
    store_bind_int(statement, 2, answer->customer);
    store_bind_int(statement, 3, (int64_t)answer->decision_position);
    if (code == LX_OK) code = store_run(statement, projecting->err);
    if (code == LX_OK && answer->has_next) code = put_decision(projecting, &answer->next);
    return code;
}

/* The files one after the other, each below its name. */
static enum lx_err put_rules(struct projecting *projecting, const struct record_rules *rules)
{
    struct store_statement *statement = projecting->statements[STATEMENT_RULES];
    char hash[DIGEST_TEXT_SIZE];
    struct lx_buffer content;
    lx_buffer_init(&content, JOURNAL_RECORD_MAX);
    for (size_t i = 0; i < rules->file_count; i++) {
        lx_buffer_printf(&content, "; %s\n", rules->files[i].name);
        lx_buffer_append(&content, rules->files[i].bytes, rules->files[i].length);
    }
    enum lx_err code = lx_buffer_error(&content);
    if (code != LX_OK) (void)lx_fail(projecting->err, code, "rules of the journal: out of memory");
    digest_text(rules->after, hash);
    if (code == LX_OK) {
        bind_string(statement, 1, hash);
        store_bind_int(statement, 2, rules->at_ms);
        store_bind_text(statement, 3, lx_buffer_text(&content), content.length);
        code = store_run(statement, projecting->err);
    }
    lx_buffer_release(&content);
    return code;
}

static enum lx_err put_record(struct projecting *projecting, const struct journal_record *found)
{
    struct record record;
    bool is_known = false;
    projecting->position = found->position;
    lx_arena_clear(&projecting->arena);
    enum lx_err code = record_read(found->bytes, found->length, &projecting->arena, &record,
                                   &is_known, projecting->err);
    if (code != LX_OK || !is_known) return code;
    if (record.kind == RECORD_RULES) return put_rules(projecting, &record.rules);
    return record.kind == RECORD_DECISION ? put_decision(projecting, &record.decision)
                                          : put_answer(projecting, &record.answer);
}

static enum lx_err put_all(struct projecting *projecting, struct journal *journal, uint64_t first,
                           uint64_t *ret_next)
{
    struct journal_cursor *cursor = NULL;
    struct journal_record record;
    bool has_record = true;
    uint64_t next = first;
    enum lx_err code = journal_seek(journal, first, &cursor, projecting->err);
    while (code == LX_OK) {
        code = journal_read(cursor, &record, &has_record, projecting->err);
        if (code != LX_OK || !has_record) break;
        code = put_record(projecting, &record);
        next = record.position + 1;
    }
    journal_cursor_close(cursor);
    if (code != LX_OK) return code;
    struct store_statement *statement = projecting->statements[STATEMENT_POSITION];
    store_bind_int(statement, 1, (int64_t)next);
    *ret_next = next;
    return store_run(statement, projecting->err);
}

enum lx_err project(struct store *store, struct journal *journal, uint64_t first,
                    uint64_t *ret_next, struct lx_error *err)
{
    struct projecting projecting = {.err = err};
    uint64_t next = first;
    bool has_begun = false;
    lx_arena_init(&projecting.arena, RECORD_ARENA_MAX);
    lx_buffer_init(&projecting.reasons, REASONS_BYTES_MAX);
    enum lx_err code = LX_OK;
    for (size_t i = 0; code == LX_OK && i < STATEMENT_COUNT; i++)
        code = store_prepare(store, statement_texts[i], &projecting.statements[i], err);
    if (code == LX_OK) code = store_begin(store, err);
    has_begun = code == LX_OK;
    if (code == LX_OK) code = put_all(&projecting, journal, first, &next);
    if (code == LX_OK) code = store_commit(store, err);
    for (size_t i = 0; i < STATEMENT_COUNT; i++) store_finalize(projecting.statements[i]);
    if (code != LX_OK && has_begun) store_rollback(store);
    lx_buffer_release(&projecting.reasons);
    lx_arena_release(&projecting.arena);
    if (code == LX_OK) *ret_next = next;
    return code;
}
