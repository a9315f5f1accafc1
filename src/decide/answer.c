#include "decide/answer.h"

#include <string.h>

#include "decide/round.h"

enum { ANSWER_ARENA_MAX = 128 << 20 };

static enum lx_err refuse_answer(const char *text, struct lx_error *err)
{
    return lx_fail(err, LX_ERR_USAGE,
                   "\"%.60s\": an answer is PRODUCT=interested, not_interested, owns, viewed, "
                   "ignored, bought or retracted",
                   text);
}

enum lx_err answer_parse(const char *text, struct answer *ret_answer, struct lx_error *err)
{
    const char *equals = strchr(text, '=');
    if (equals == NULL || equals == text) return refuse_answer(text, err);
    size_t length = (size_t)(equals - text);
    if (length > LX_CODE_MAX)
        return lx_fail(err, LX_ERR_USAGE, "\"%.40s...\": a product's code has at most %d bytes",
                       text, LX_CODE_MAX);
    enum bank_answer answer = bank_answer_find(equals + 1, strlen(equals + 1));
    if (answer == BANK_ANSWER_NONE) return refuse_answer(text, err);
    *ret_answer = (struct answer){.answer = answer};
    memcpy(ret_answer->product, text, length);
    return LX_OK;
}

/* One call of answer_record. */
struct answering {
    struct engine *engine;
    const char *id; /* of the decision, as the caller wrote it */
    const struct answer *answers;
    size_t count;
    bool is_final; /* said by the caller */
    struct lx_arena arena;
    struct overlay_decision found;
    struct record record;
    const struct record_decision *round; /* the one that is answered */
    struct overlay_answer *all;          /* the customer's, with this call's at the end */
    size_t all_count;
    struct record_given *given; /* this call's, by product */
    struct lx_error *err;
};

static enum lx_err find_round(struct answering *answering)
{
    uint8_t key[RECORD_ID_BYTES];
    struct overlay *overlay = answering->engine->overlay;
    if (!record_id_parse(answering->id, key))
        return lx_fail(answering->err, LX_ERR_NOT_FOUND,
                       "decision \"%.40s\": an id is 32 hex digits", answering->id);
    enum lx_err code = overlay_find(overlay, key, &answering->found, answering->err);
    if (code == LX_OK)
        code = overlay_read(overlay, answering->found.position, &answering->arena,
                            &answering->record, answering->err);
    if (code != LX_OK) return code;
    bool is_first = answering->record.kind == RECORD_DECISION;
    answering->round = is_first ? &answering->record.decision : &answering->record.answer.next;
    if (answering->found.is_void)
        return lx_fail(answering->err, LX_ERR_REFUSED,
                       "decision %s: an answer that it rested on was retracted; answer the first "
                       "round again",
                       answering->id);
    return LX_OK;
}

/* The customer's answers with room for those of this call. */
static enum lx_err read_answers(struct answering *answering)
{
    struct overlay_answer *answers = NULL;
    size_t count = 0;
    enum lx_err code = overlay_answers(answering->engine->overlay, answering->found.customer,
                                       &answering->arena, &answers, &count, answering->err);
    if (code != LX_OK) return code;
    answering->all =
        lx_arena_array(&answering->arena, count + answering->count, sizeof *answering->all);
    answering->given =
        lx_arena_array(&answering->arena, answering->count, sizeof *answering->given);
    if (answering->all == NULL || answering->given == NULL)
        return lx_fail(answering->err, LX_ERR_NO_MEMORY, "answers: out of memory");
    if (count > 0) memcpy(answering->all, answers, count * sizeof *answers);
    answering->all_count = count;
    return LX_OK;
}

static enum bank_answer standing(const struct answering *answering, int product)
{
    int64_t answered_ms = 0;
    return overlay_standing(answering->all, answering->all_count, product,
                            answering->found.position, &answered_ms);
}

static const struct record_candidate *find_shown(const struct record_decision *round, int product)
{
    for (size_t i = 0; i < round->candidate_count; i++)
        if (round->candidates[i].product == product && round->candidates[i].rank > 0)
            return &round->candidates[i];
    return NULL;
}

static enum lx_err check_answer(const struct answering *answering, const struct answer *answer,
                                int *ret_product)
{
    const struct bank_catalogue *catalogue = bank_catalogue(answering->engine->bank);
    const char *code = answer->product;
    int product = bank_catalogue_find(catalogue, code, strlen(code));
    if (product == BANK_NO_PRODUCT)
        return lx_fail(answering->err, LX_ERR_NOT_FOUND,
                       "product %s: the catalogue has no such product", code);
    if (find_shown(answering->round, product) == NULL)
        return lx_fail(answering->err, LX_ERR_BAD_INPUT, "product %s was not shown in decision %s",
                       code, answering->id);
    if (answer->answer == BANK_ANSWER_RETRACTED && standing(answering, product) == BANK_ANSWER_NONE)
        return lx_fail(answering->err, LX_ERR_BAD_INPUT,
                       "product %s: there is no answer in decision %s to retract", code,
                       answering->id);
    *ret_product = product;
    return LX_OK;
}

/* Inserts by product, so that the same answers in another order give the same record. */
static enum lx_err put_given(struct answering *answering, size_t count, int product,
                             const struct answer *answer)
{
    size_t at = count;
    for (; at > 0 && answering->given[at - 1].product >= product; at--)
        if (answering->given[at - 1].product == product)
            return lx_fail(answering->err, LX_ERR_BAD_INPUT, "product %s is answered twice",
                           answer->product);
    memmove(answering->given + at + 1, answering->given + at,
            (count - at) * sizeof *answering->given);
    struct record_given given = {product, find_shown(answering->round, product)->code,
                                 answer->answer, BANK_ANSWER_NONE, 0};
    given.before = overlay_standing(answering->all, answering->all_count, product,
                                    answering->found.position, &given.before_ms);
    answering->given[at] = given;
    return LX_OK;
}

static enum lx_err check_answers(struct answering *answering)
{
    for (size_t i = 0; i < answering->count; i++) {
        int product = BANK_NO_PRODUCT;
        enum lx_err code = check_answer(answering, &answering->answers[i], &product);
        if (code == LX_OK) code = put_given(answering, i, product, &answering->answers[i]);
        if (code != LX_OK) return code;
    }
    return LX_OK;
}

/* Does the call say only what stands already? */
static bool is_repeated(const struct answering *answering)
{
    for (size_t i = 0; i < answering->count; i++)
        if (standing(answering, answering->given[i].product) != answering->given[i].answer)
            return false;
    return true;
}

static bool is_retraction(const struct answering *answering)
{
    for (size_t i = 0; i < answering->count; i++)
        if (answering->given[i].answer != BANK_ANSWER_RETRACTED) return false;
    return answering->count > 0;
}

static bool has_all_answers(const struct answering *answering)
{
    for (size_t i = 0; i < answering->round->candidate_count; i++) {
        const struct record_candidate *candidate = &answering->round->candidates[i];
        if (candidate->rank > 0 && standing(answering, candidate->product) == BANK_ANSWER_NONE)
            return false;
    }
    return true;
}

static void add_given(struct answering *answering, int64_t now_ms, uint64_t position)
{
    for (size_t i = 0; i < answering->count; i++)
        answering->all[answering->all_count++] =
            (struct overlay_answer){.position = position,
                                    .decision = answering->found.position,
                                    .answered_ms = now_ms,
                                    .product = answering->given[i].product,
                                    .answer = answering->given[i].answer};
}

static enum lx_err decide_next(struct answering *answering, int64_t now_ms,
                               struct record_answer *record)
{
    struct record_given *given = NULL;
    size_t given_count = 0;
    enum lx_err code =
        round_given(answering->round, answering->found.position, answering->all,
                    answering->all_count, &answering->arena, &given, &given_count, answering->err);
    if (code != LX_OK) return code;
    const struct round_request request = {.customer_id = answering->round->customer_id,
                                          .customer = answering->found.customer,
                                          .placement = answering->round->placement,
                                          .count = answering->round->asked,
                                          .now_ms = now_ms,
                                          .answers = answering->all,
                                          .answer_count = answering->all_count,
                                          .first = answering->round,
                                          .given = given,
                                          .given_count = given_count};
    code =
        round_decide(answering->engine, &request, &answering->arena, &record->next, answering->err);
    if (code != LX_OK) return code;
    record_id_make(answering->engine->env, now_ms, record->next.id);
    memcpy(record->next.parent, answering->round->id, sizeof record->next.parent);
    record->has_next = true;
    return LX_OK;
}

/* The round that was answered, as it stands now. */
static enum lx_err tell_round(struct answering *answering, bool is_final,
                              struct decision *ret_decision)
{
    struct record_given *given = NULL;
    size_t count = 0;
    enum lx_err code =
        round_given(answering->round, answering->found.position, answering->all,
                    answering->all_count, &answering->arena, &given, &count, answering->err);
    if (code != LX_OK) return code;
    return round_tell(answering->engine, answering->round, true, is_final, given, count,
                      ret_decision, answering->err);
}

static enum lx_err record_open(struct answering *answering, struct decision *ret_decision)
{
    int64_t now_ms = answering->engine->env->now_ms(answering->engine->env->context);
    struct record_answer record = {.decision_position = answering->found.position,
                                   .customer = answering->found.customer,
                                   .answered_ms = now_ms,
                                   .segment = answering->round->segment,
                                   .given = answering->given,
                                   .given_count = answering->count};
    memcpy(record.decision, answering->round->id, sizeof record.decision);
    add_given(answering, now_ms, UINT64_MAX);
    bool is_reopened = answering->found.is_final;
    record.is_final = answering->is_final || (!is_reopened && has_all_answers(answering));
    enum lx_err code = LX_OK;
    if (record.is_final && answering->round->round == 1)
        code = decide_next(answering, now_ms, &record);
    if (code == LX_OK)
        code = overlay_append_answer(answering->engine->overlay, &record, answering->err);
    if (code != LX_OK) return code;
    /* A server's answer counts once it is on disk for good (engine_begin). */
    if (answering->engine->mode == ENGINE_WRITE)
        posteriors_apply(answering->engine->posteriors, &record);
    if (!record.has_next) return tell_round(answering, record.is_final, ret_decision);
    return round_tell(answering->engine, &record.next, true, false, NULL, 0, ret_decision,
                      answering->err);
}

/* The same answers once more: the round that they led to, and nothing is recorded. */
static enum lx_err tell_again(struct answering *answering, struct decision *ret_decision)
{
    struct overlay *overlay = answering->engine->overlay;
    uint8_t next[RECORD_ID_BYTES];
    bool has_next = false;
    enum lx_err code = overlay_next(overlay, answering->found.customer, answering->round->id, next,
                                    &has_next, answering->err);
    if (code != LX_OK) return code;
    if (!has_next) return tell_round(answering, true, ret_decision);
    char id[DECISION_ID_SIZE];
    record_id_text(next, id);
    return decide_find(answering->engine, id, ret_decision, answering->err);
}

enum lx_err answer_record(struct engine *engine, const char *decision, const struct answer *answers,
                          size_t count, bool is_final, struct decision *ret_decision,
                          struct lx_error *err)
{
    LX_ASSERT(engine->mode != ENGINE_READ);

    struct answering answering = {.engine = engine,
                                  .id = decision,
                                  .answers = answers,
                                  .count = count,
                                  .is_final = is_final,
                                  .err = err};
    lx_arena_init(&answering.arena, ANSWER_ARENA_MAX);
    enum lx_err code = LX_OK;
    if (count > LX_PRODUCT_MAX)
        code = lx_fail(err, LX_ERR_LIMIT, "%zu answers: at most %d", count, LX_PRODUCT_MAX);
    if (code == LX_OK) code = find_round(&answering);
    if (code == LX_OK) code = read_answers(&answering);
    if (code == LX_OK) code = check_answers(&answering);
    if (code == LX_OK && count == 0 && !is_final)
        code = lx_fail(err, LX_ERR_USAGE, "no answer: name a product, or say that it is final");
    if (code == LX_OK) {
        if (answering.found.is_final && is_repeated(&answering))
            code = tell_again(&answering, ret_decision);
        else if (answering.found.is_final && !is_retraction(&answering))
            code = lx_fail(err, LX_ERR_REFUSED,
                           "decision %s is final: retract an answer to open it again", decision);
        else
            code = record_open(&answering, ret_decision);
    }
    lx_arena_release(&answering.arena);
    return code;
}
