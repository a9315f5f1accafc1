/* Decisions: made, answered, looked at, proved. */
#include <string.h>

#include "api/body.h"
#include "api/parts.h"
#include "audit/log.h"
#include "base/date.h"
#include "codec/base64.h"
#include "codec/digest.h"
#include "decide/actions.h"
#include "decide/answer.h"
#include "decide/decision_json.h"
#include "decide/record.h"
#include "journal/journal.h"

enum { ANSWERS_MAX = LX_PRODUCT_MAX };

static void tell(struct api_call *call, const struct decision *decision)
{
    decision_json(&call->json, decision, call->is_english);
}

/* Told to the metrics once it is recorded. */
static void count(struct api_call *call, const struct decision *decision, bool is_preview)
{
    call->is_counted = true;
    call->outcome = API_DECIDED;
    if (is_preview)
        call->outcome = API_PREVIEWED;
    else if (decision->round == 2)
        call->outcome = API_SECOND_ROUND;
    else if (decision->item_count == 0)
        call->outcome = API_NO_OFFER;
    call->drops.items = decision->item_count;
    memcpy(call->drops.by_stage, decision->drops, sizeof call->drops.by_stage);
}

enum lx_err api_recommend(struct api_call *call)
{
    struct api_body body;
    struct decision decision = {0};
    size_t length = 0;
    const char *bytes = http_request_body(call->exchange, &length);
    struct decide_request request = {.customer = http_request_parameter(call->exchange, 0)};
    enum lx_err code = api_body_read(bytes, length, &body, &call->err);
    if (code == LX_OK) {
        request.placement = api_body_text(&body, "placement", ACTIONS_NAME_MAX, NULL);
        request.count = (int)api_body_int(&body, "n", 1, DECISION_ITEMS_MAX, 0);
        request.is_preview = api_body_bool(&body, "preview", false);
        code = api_body_end(&body);
    }
    if (code == LX_OK) code = decide_recommend(call->seat->engine, &request, &decision, &call->err);
    if (code == LX_OK) {
        call->status = request.is_preview ? 200 : 201;
        tell(call, &decision);
        count(call, &decision, request.is_preview);
    }
    decision_release(&decision);
    api_body_release(&body);
    return code;
}

static enum lx_err read_answers(struct api_body *body, struct answer *answers, size_t *ret_count,
                                struct lx_error *err)
{
    size_t number = api_body_count(body, "answers", ANSWERS_MAX);
    for (size_t i = 0; i < number; i++) {
        char text[LX_CODE_MAX + 64];
        const char *product = api_body_item(body, "answers", i, "product", LX_CODE_MAX);
        const char *answer = api_body_item(body, "answers", i, "answer", 32);
        if (body->code != LX_OK) break;
        size_t length = strlen(product);
        memcpy(text, product, length);
        text[length] = '=';
        memcpy(text + length + 1, answer, strlen(answer) + 1);
        enum lx_err code = answer_parse(text, &answers[i], err);
        if (code != LX_OK) return code;
    }
    *ret_count = number;
    return LX_OK;
}

/* Whose decision it is, where that matters for who may see it. */
static enum lx_err check_owner(struct api_call *call, const char *id)
{
    struct decision decision = {0};
    if (!call->api->options.authorizer->asks_customers) return LX_OK;
    enum lx_err code = decide_find(call->seat->engine, id, &decision, &call->err);
    if (code == LX_OK) code = api_ask_customer(call, decision.customer);
    decision_release(&decision);
    return code;
}

enum lx_err api_answer(struct api_call *call)
{
    struct answer *answers =
        lx_arena_array(http_request_arena(call->exchange), ANSWERS_MAX, sizeof *answers);
    if (answers == NULL) return lx_fail(&call->err, LX_ERR_NO_MEMORY, "answers: out of memory");
    struct api_body body;
    struct decision decision = {0};
    size_t length = 0, number = 0;
    const char *bytes = http_request_body(call->exchange, &length);
    const char *id = http_request_parameter(call->exchange, 0);
    bool is_final = false;
    enum lx_err code = api_body_read(bytes, length, &body, &call->err);
    if (code == LX_OK) code = read_answers(&body, answers, &number, &call->err);
    if (code == LX_OK) {
        is_final = api_body_bool(&body, "final", false);
        code = api_body_end(&body);
    }
    if (code == LX_OK) code = check_owner(call, id);
    if (code == LX_OK)
        code =
            answer_record(call->seat->engine, id, answers, number, is_final, &decision, &call->err);
    if (code == LX_OK) {
        tell(call, &decision);
        if (decision.round == 2 && strcmp(decision.id, id) != 0) count(call, &decision, false);
    }
    decision_release(&decision);
    api_body_release(&body);
    return code;
}

enum lx_err api_decision(struct api_call *call)
{
    struct decision decision = {0};
    enum lx_err code = decide_find(call->seat->engine, http_request_parameter(call->exchange, 0),
                                   &decision, &call->err);
    if (code == LX_OK) code = api_ask_customer(call, decision.customer);
    if (code == LX_OK) {
        call->is_tagged = true;
        tell(call, &decision);
    }
    decision_release(&decision);
    return code;
}

static void name_hex(struct json_writer *json, const char *name, const void *bytes, size_t length)
{
    struct lx_buffer text;
    lx_buffer_init(&text, 1 << 16);
    hex_put(&text, bytes, length);
    json_name(json, name);
    json_text_bytes(json, lx_buffer_text(&text), text.length);
    lx_buffer_release(&text);
}

static void tell_evidence(struct api_call *call, const char *id, const struct audit_log *log,
                          const struct audit_evidence *evidence, const struct lx_buffer *content)
{
    struct json_writer *json = &call->json;
    const struct audit_checkpoint *checkpoint = audit_log_checkpoint(log);
    struct lx_buffer text;
    char hash[DIGEST_TEXT_SIZE];
    json_name_text(json, "decision", id);
    json_name_text(json, "origin", checkpoint->origin);
    json_name_int(json, "tree_size", (int64_t)checkpoint->size);
    digest_text(checkpoint->root.bytes, hash);
    json_name_text(json, "root", hash);
    json_name_int(json, "index", (int64_t)evidence->index);
    digest_text(evidence->leaf.bytes, hash);
    json_name_text(json, "leaf", hash);
    name_hex(json, "entry", evidence->entry, sizeof evidence->entry);
    name_hex(json, "salt", evidence->salt, sizeof evidence->salt);
    json_name(json, "proof");
    json_array_begin(json);
    for (size_t i = 0; i < evidence->proof.count; i++) {
        digest_text(evidence->proof.hashes[i].bytes, hash);
        json_text(json, hash);
    }
    json_array_end(json);
    lx_buffer_init(&text, 2 * JOURNAL_RECORD_MAX);
    base64_put(&text, content->bytes, content->length);
    json_name(json, "content");
    json_text_bytes(json, lx_buffer_text(&text), text.length);
    json_name_text(json, "checkpoint", audit_log_note(log));
    lx_buffer_release(&text);
}

enum lx_err api_proof(struct api_call *call)
{
    const char *id = http_request_parameter(call->exchange, 0);
    struct journal *journal = NULL;
    struct audit_log *log = NULL;
    struct audit_evidence evidence;
    struct lx_buffer content;
    uint64_t position = 0;
    lx_buffer_init(&content, JOURNAL_RECORD_MAX);
    enum lx_err code = check_owner(call, id);
    if (code == LX_OK) code = decide_position(call->seat->engine, id, &position, &call->err);
    if (code == LX_OK)
        code = journal_open(call->api->options.folder, JOURNAL_READ, &journal, &call->err);
    if (code == LX_OK)
        code = audit_log_open(call->api->options.folder, journal, record_moment, &call->api->env,
                              &log, &call->err);
    if (code == LX_OK) code = audit_log_prove(log, position, &evidence, &content, &call->err);
    if (code == LX_OK) tell_evidence(call, id, log, &evidence, &content);
    lx_buffer_release(&content);
    audit_log_close(log);
    journal_close(journal);
    return code;
}
