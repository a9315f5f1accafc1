#include "decide/decide.h"

#include <string.h>

#include "decide/round.h"

enum { ROUND_ARENA_MAX = 64 << 20 };

static const char *const default_placement = "rm";

static enum lx_err find_customer(struct engine *engine, const char *customer_id,
                                 struct lx_arena *arena, struct round_request *request,
                                 struct lx_error *err)
{
    struct overlay_answer *answers = NULL;
    enum lx_err code = view_snapshot_find(engine->snapshot, customer_id, &request->customer, err);
    if (code == LX_OK)
        code = overlay_answers(engine->overlay, request->customer, arena, &answers,
                               &request->answer_count, err);
    request->customer_id = customer_id;
    request->answers = answers;
    request->now_ms = engine->env->now_ms(engine->env->context);
    return code;
}

static enum lx_err check_request(const struct engine *engine, const struct decide_request *request,
                                 struct lx_error *err)
{
    if (request->count < 0 || request->count > DECISION_ITEMS_MAX)
        return lx_fail(err, LX_ERR_USAGE, "%d products: 1 to %d can be asked for", request->count,
                       DECISION_ITEMS_MAX);
    LX_ASSERT(request->is_preview || engine->mode != ENGINE_READ);
    return LX_OK;
}

enum lx_err decide_recommend(struct engine *engine, const struct decide_request *request,
                             struct decision *ret_decision, struct lx_error *err)
{
    struct lx_arena arena;
    struct record_decision decision;
    uint8_t id[RECORD_ID_BYTES];
    struct round_request round = {
        .placement = request->placement != NULL ? request->placement : default_placement,
        .count = request->count > 0 ? request->count : DECISION_DEFAULT_COUNT};
    lx_arena_init(&arena, ROUND_ARENA_MAX);
    enum lx_err code = check_request(engine, request, err);
    if (code == LX_OK) code = find_customer(engine, request->customer, &arena, &round, err);
    if (code == LX_OK && !request->is_preview) {
        record_id_make(engine->env, round.now_ms, id);
        round.id = id;
    }
    if (code == LX_OK) code = round_decide(engine, &round, &arena, &decision, err);
    if (code == LX_OK && !request->is_preview)
        code = overlay_append_decision(engine->overlay, &decision, err);
    if (code == LX_OK)
        code =
            round_tell(engine, &decision, !request->is_preview, false, NULL, 0, ret_decision, err);
    lx_arena_release(&arena);
    return code;
}

enum lx_err decide_find(struct engine *engine, const char *id, struct decision *ret_decision,
                        struct lx_error *err)
{
    uint8_t key[RECORD_ID_BYTES];
    struct lx_arena arena;
    struct overlay_decision found;
    struct overlay_answer *answers = NULL;
    struct record_given *given = NULL;
    struct record record;
    size_t answer_count = 0, given_count = 0;
    if (!record_id_parse(id, key))
        return lx_fail(err, LX_ERR_NOT_FOUND, "decision \"%.40s\": an id is 32 hex digits", id);
    lx_arena_init(&arena, ROUND_ARENA_MAX);
    enum lx_err code = overlay_find(engine->overlay, key, &found, err);
    if (code == LX_OK) code = overlay_read(engine->overlay, found.position, &arena, &record, err);
    if (code == LX_OK)
        code =
            overlay_answers(engine->overlay, found.customer, &arena, &answers, &answer_count, err);
    if (code == LX_OK) {
        const struct record_decision *decision =
            record.kind == RECORD_DECISION ? &record.decision : &record.answer.next;
        code = round_given(decision, found.position, answers, answer_count, &arena, &given,
                           &given_count, err);
        if (code == LX_OK)
            code = round_tell(engine, decision, true, found.is_final, given, given_count,
                              ret_decision, err);
    }
    lx_arena_release(&arena);
    return code;
}

enum lx_err decide_position(struct engine *engine, const char *id, uint64_t *ret_position,
                            struct lx_error *err)
{
    uint8_t key[RECORD_ID_BYTES];
    struct overlay_decision found;
    if (!record_id_parse(id, key))
        return lx_fail(err, LX_ERR_NOT_FOUND, "decision \"%.40s\": an id is 32 hex digits", id);
    enum lx_err code = overlay_find(engine->overlay, key, &found, err);
    if (code == LX_OK) *ret_position = found.position;
    return code;
}

bool decide_may_offer(void *engine, int64_t customer, int product)
{
    struct lx_error err;
    int rule;
    return round_rule(engine, customer, product, &rule, &err) == LX_OK && rule == RULE_NONE;
}

static void add_likeliest(struct decide_outlook *outlook, const struct record_candidate *candidate)
{
    size_t at = outlook->count++;
    for (; at > 0 && outlook->items[at - 1].probability < candidate->factors.probability; at--)
        outlook->items[at] = outlook->items[at - 1];
    outlook->items[at].product = candidate->product;
    outlook->items[at].score = candidate->score;
    outlook->items[at].probability = candidate->factors.probability;
}

enum lx_err decide_outlook(struct engine *engine, const char *customer,
                           struct decide_outlook *ret_outlook, struct lx_error *err)
{
    struct lx_arena arena;
    struct record_decision decision;
    struct round_request round = {.placement = default_placement, .count = 1};
    lx_arena_init(&arena, ROUND_ARENA_MAX);
    enum lx_err code = find_customer(engine, customer, &arena, &round, err);
    if (code == LX_OK) code = round_decide(engine, &round, &arena, &decision, err);
    if (code == LX_OK) {
        ret_outlook->is_personalised = decision.is_personalised;
        ret_outlook->count = 0;
        for (size_t i = 0; i < decision.candidate_count; i++)
            add_likeliest(ret_outlook, &decision.candidates[i]);
    }
    lx_arena_release(&arena);
    return code;
}
