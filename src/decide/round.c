#include "decide/round.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/date.h"
#include "model/teach.h"
#include "decide/arbitrate.h"
#include "view/arrivals.h"

/* The customer as the decision sees him. */
struct sight {
    struct engine *engine;
    const struct round_request *request;
    const struct bank_catalogue *catalogue;
    const struct actions_placement *placement;
    struct lx_arena *arena;
    struct view_facts facts;
    float *customer_values, *pair_values; /* pair values of every product */
    int64_t as_of_ms;
    struct lx_error *err;
};

static enum lx_err out_of_memory(const struct sight *sight)
{
    return lx_fail(sight->err, LX_ERR_NO_MEMORY, "decision: out of memory");
}

static bool is_held_by_answer(const struct sight *sight, int product)
{
    int64_t answered_ms = 0;
    enum bank_answer answer = overlay_standing(
        sight->request->answers, sight->request->answer_count, product, UINT64_MAX, &answered_ms);
    return answer == BANK_ANSWER_OWNS || answer == BANK_ANSWER_BOUGHT;
}

/* Is there a product that he told us he has and the bank's records do not know? */
static bool has_correction(const struct sight *sight)
{
    for (size_t i = 0; sight->request->answer_count > 0 && i < sight->catalogue->count; i++)
        if (!view_holds(&sight->facts, (int)i) && is_held_by_answer(sight, (int)i)) return true;
    return false;
}

/* A holding that the customer told us of began we do not know when: longer ago than any window, so
 * that it counts as held and as nothing that happened lately. */
enum { CORRECTION_DAYS_AGO = 400 };

static enum lx_err correct_history(const struct sight *sight, struct bank_history *history)
{
    size_t count = 0;
    int64_t at_ms = sight->as_of_ms - CORRECTION_DAYS_AGO * LX_MS_PER_DAY;
    struct bank_event *events =
        lx_arena_array(sight->arena, sight->catalogue->count, sizeof *events);
    if (events == NULL) return out_of_memory(sight);
    for (size_t i = 0; i < sight->catalogue->count; i++) {
        if (view_holds(&sight->facts, (int)i) || !is_held_by_answer(sight, (int)i)) continue;
        events[count++] = (struct bank_event){.at_ms = at_ms,
                                              .known_at_ms = at_ms,
                                              .amount_fen = BANK_NO_AMOUNT,
                                              .balance_fen = BANK_NO_AMOUNT,
                                              .sequence = UINT32_MAX,
                                              .product = (int16_t)i,
                                              .kind = BANK_EVENT_KIND_OPEN};
    }
    return view_history_add(history, events, count, sight->arena, history, sight->err);
}

/* The features of a customer whose holdings he corrected, by the one definition that there is. */
static enum lx_err see_corrected(struct sight *sight)
{
    struct engine *engine = sight->engine;
    struct bank_history history;
    const struct view_context context = {sight->catalogue, view_snapshot_peers(engine->snapshot),
                                         bank_utc_offset_minutes(engine->bank),
                                         engine->view_scratch};
    enum lx_err code = bank_history_read(engine->bank, sight->request->customer, sight->arena,
                                         &history, sight->err);
    if (code == LX_OK) code = correct_history(sight, &history);
    if (code != LX_OK) return code;
    view_facts(&history, &context, sight->as_of_ms, &sight->facts);
    view_customer_features(&history, &context, sight->as_of_ms, sight->customer_values);
    view_pair_features(&history, &context, sight->as_of_ms, sight->customer_values,
                       sight->pair_values);
    return LX_OK;
}

static enum lx_err see(struct sight *sight)
{
    struct engine *engine = sight->engine;
    int64_t customer = sight->request->customer;
    size_t pairs = engine->product_count * engine->pair_count;
    sight->customer_values =
        lx_arena_array(sight->arena, engine->customer_count, sizeof *sight->customer_values);
    sight->pair_values = lx_arena_array(sight->arena, pairs, sizeof *sight->pair_values);
    if (sight->customer_values == NULL || sight->pair_values == NULL) return out_of_memory(sight);
    view_snapshot_customer(engine->snapshot, customer, sight->customer_values);
    view_snapshot_pairs(engine->snapshot, customer, engine->view_scratch, sight->pair_values);
    view_snapshot_facts(engine->snapshot, customer, &sight->facts);
    return has_correction(sight) ? see_corrected(sight) : LX_OK;
}

/* What everybody does, for a customer who does not want to be told by what he does himself. */
static double popular_log_odds(const struct sight *sight, size_t product)
{
    const struct view_peers *peers = view_snapshot_peers(sight->engine->snapshot);
    double customers = (double)view_peers_customers(peers);
    double rate = ((double)view_peers_openings(peers, (int)product) + 0.5) / (customers + 1);
    return log(rate / (1 - rate));
}

static void score_products(const struct sight *sight)
{
    struct engine *engine = sight->engine;
    size_t columns = engine->customer_count + engine->pair_count;
    for (size_t i = 0; i < engine->product_count; i++) {
        float *row = engine->rows + i * columns;
        memcpy(row, sight->customer_values, engine->customer_count * sizeof *row);
        memcpy(row + engine->customer_count, sight->pair_values + i * engine->pair_count,
               engine->pair_count * sizeof *row);
    }
    if (sight->facts.has_personal_consent)
        model_log_odds(engine->model, engine->rows, engine->product_count, engine->score_scratch,
                       engine->log_odds);
    else
        for (size_t i = 0; i < engine->product_count; i++)
            engine->log_odds[i] = popular_log_odds(sight, i);
}

/* Everything that he has said and did not take back, this round's answers and earlier ones, each by
 * its age. */
static void weigh_answers(const struct sight *sight, float *ret_answers)
{
    const struct round_request *request = sight->request;
    for (size_t i = 0; i < sight->catalogue->count; i++) {
        int64_t answered_ms = 0;
        enum bank_answer answer = overlay_standing(request->answers, request->answer_count, (int)i,
                                                   UINT64_MAX, &answered_ms);
        ret_answers[i] = (float)second_answer_weight(answer, request->now_ms - answered_ms);
    }
}

static void apply_answers(const struct sight *sight)
{
    struct engine *engine = sight->engine;
    float answers[LX_PRODUCT_MAX];
    bool is_held[LX_PRODUCT_MAX];
    size_t count = engine->product_count;
    memcpy(engine->posterior, engine->log_odds, count * sizeof *engine->posterior);
    if (sight->request->first == NULL || !sight->facts.has_personal_consent) return;
    for (size_t i = 0; i < count; i++) is_held[i] = view_holds(&sight->facts, (int)i);
    weigh_answers(sight, answers);
    second_score(engine->second, engine->log_odds, is_held, answers, engine->second_scratch,
                 engine->posterior);
}

static bool is_of_first_round(const struct round_request *request, int product)
{
    for (size_t i = 0; request->first != NULL && i < request->first->candidate_count; i++)
        if (request->first->candidates[i].product == product)
            return request->first->candidates[i].rank > 0;
    return false;
}

/* What the rules may count: the offers of the customer, with the channel of their placement. */
static enum lx_err past_offers(void *context, const struct rule_past **ret_past, size_t *ret_count,
                               struct lx_error *err)
{
    const struct sight *sight = context;
    const struct round_request *request = sight->request;
    struct overlay_offer *offers = NULL;
    size_t count = 0;
    int64_t since_ms = request->now_ms - RULE_PAST_DAYS_MAX * LX_MS_PER_DAY;
    enum lx_err code = overlay_offers(sight->engine->overlay, request->customer, since_ms,
                                      sight->arena, &offers, &count, err);
    if (code != LX_OK) return code;
    struct rule_past *past = lx_arena_array(sight->arena, count, sizeof *past);
    if (past == NULL) return out_of_memory(sight);
    for (size_t i = 0; i < count; i++) {
        struct lx_error unknown; /* a placement that actions.ini has no more is of no channel */
        const struct actions_placement *placement = NULL;
        past[i] = (struct rule_past){.offered_ms = offers[i].offered_ms,
                                     .decision = offers[i].decision,
                                     .product = offers[i].product,
                                     .is_first_round = offers[i].is_first_round};
        if (actions_placement(&sight->engine->actions, offers[i].placement, &placement, &unknown) ==
            LX_OK)
            past[i].channel = placement->channel;
    }
    *ret_past = past;
    *ret_count = count;
    return LX_OK;
}

/* What the rules and the segments are told of; `context` and `shown` are borrowed. */
static struct rule_question question_of(struct sight *sight, const struct view_context *context,
                                        const uint64_t *shown)
{
    const struct round_request *request = sight->request;
    return (struct rule_question){.context = context,
                                  .facts = &sight->facts,
                                  .as_of_ms = sight->as_of_ms,
                                  .customer_values = sight->customer_values,
                                  .pair_values = sight->pair_values,
                                  .pair_count = sight->engine->pair_count,
                                  .placement = request->placement,
                                  .channel = sight->placement->channel,
                                  .round = request->first == NULL ? 1 : 2,
                                  .now_ms = request->now_ms,
                                  .answers = request->answers,
                                  .answer_count = request->answer_count,
                                  .shown = shown,
                                  .past = sight->arena != NULL ? past_offers : NULL,
                                  .past_context = sight};
}

static struct view_context context_of(const struct sight *sight)
{
    return (struct view_context){sight->catalogue, view_snapshot_peers(sight->engine->snapshot),
                                 bank_utc_offset_minutes(sight->engine->bank)};
}

static enum lx_err ask_rules(struct sight *sight, const uint64_t *wanted, int16_t *ret_rules)
{
    const struct round_request *request = sight->request;
    const struct view_context context = context_of(sight);
    uint64_t shown[(LX_PRODUCT_MAX + 63) / 64] = {0};
    for (size_t i = 0; request->first != NULL && i < sight->catalogue->count; i++)
        if (is_of_first_round(request, (int)i)) shown[i / 64] |= UINT64_C(1) << i % 64;
    const struct rule_question question = question_of(sight, &context, shown);
    return rules_judge(sight->engine->book.rules, &question, wanted, ret_rules, sight->err);
}

static enum lx_err find_segment(struct sight *sight, struct record_decision *decision)
{
    const struct view_context context = context_of(sight);
    const struct rule_question question = question_of(sight, &context, NULL);
    return segments_find(sight->engine->segments, &question, &decision->segment, sight->err);
}

enum lx_err round_rule(struct engine *engine, int64_t customer, int product, int *ret_rule,
                       struct lx_error *err)
{
    static const struct actions_placement nowhere = {.elsewhere = 1};
    const struct round_request request = {.customer = customer,
                                          .now_ms = view_snapshot_as_of_ms(engine->snapshot)};
    float customer_values[LX_FEATURES_MAX];
    int16_t rules[LX_PRODUCT_MAX];
    uint64_t wanted[(LX_PRODUCT_MAX + 63) / 64] = {0};
    struct sight sight = {.engine = engine,
                          .request = &request,
                          .catalogue = bank_catalogue(engine->bank),
                          .placement = &nowhere,
                          .customer_values = customer_values,
                          .pair_values = engine->pairs,
                          .as_of_ms = view_snapshot_as_of_ms(engine->snapshot),
                          .err = err};
    wanted[product / 64] = UINT64_C(1) << product % 64;
    view_snapshot_customer(engine->snapshot, customer, customer_values);
    view_snapshot_facts(engine->snapshot, customer, &sight.facts);
    if (rules_reads_pairs(engine->book.rules))
        view_snapshot_pairs(engine->snapshot, customer, engine->view_scratch, engine->pairs);
    enum lx_err code = ask_rules(&sight, wanted, rules);
    if (code == LX_OK) *ret_rule = rules[product];
    return code;
}

static void weigh(const struct sight *sight, size_t product, struct record_candidate *candidate)
{
    const struct engine *engine = sight->engine;
    const struct bank_product *about = &sight->catalogue->products[product];
    struct decision_factors *factors = &candidate->factors;
    candidate->product = (int)product;
    candidate->code = about->code;
    candidate->base_log_odds = engine->log_odds[product];
    candidate->log_odds = engine->posterior[product];
    candidate->score = model_score(engine->model, candidate->log_odds);
    candidate->pair_values = sight->pair_values + product * engine->pair_count;
    factors->probability = model_probability(candidate->log_odds);
    factors->value = engine->actions.value[product];
    factors->context = actions_context(sight->placement, about);
    factors->lever = engine->actions.lever[product];
    factors->priority = factors->probability * factors->value * factors->context * factors->lever;
}

static enum lx_err gather(struct sight *sight, struct record_decision *decision)
{
    const struct rules *rules = sight->engine->book.rules;
    int16_t refused[LX_PRODUCT_MAX];
    size_t count = sight->catalogue->count;
    decision->candidates = lx_arena_array(sight->arena, count, sizeof *decision->candidates);
    decision->refusals = lx_arena_array(sight->arena, count, sizeof *decision->refusals);
    if (decision->candidates == NULL || decision->refusals == NULL) return out_of_memory(sight);
    enum lx_err code = ask_rules(sight, NULL, refused);
    for (size_t i = 0; i < count && code == LX_OK; i++) {
        if (refused[i] == RULE_NONE) {
            weigh(sight, i, &decision->candidates[decision->candidate_count++]);
            continue;
        }
        const struct rule *rule = rules_at(rules, (size_t)refused[i]);
        decision->refusals[decision->refusal_count++] =
            (struct record_refusal){.product = (int)i,
                                    .code = sight->catalogue->products[i].code,
                                    .rule = rule->name,
                                    .stage = rule->stage,
                                    .zh = rule->zh,
                                    .en = rule->en};
    }
    return code;
}

static bool is_new(const struct sight *sight, int product, int32_t day)
{
    const struct actions_explore *explore = &sight->engine->actions.explore;
    int32_t age = day - sight->catalogue->products[product].launched_day;
    if (age < 0 || age >= explore->new_days) return false;
    return posteriors_of(sight->engine->posteriors, NULL, product, day).answers <
           explore->new_answers;
}

static double or_else(double own, double common)
{
    return isnan(own) ? common : own;
}

/* The candidate whose answer in the last place would teach most; NULL: none, or teaching was not
 * shown to gain anything. The list is by priority, which is what the bank wants shown. */
static const struct record_candidate *find_teacher(const struct sight *sight,
                                                   const struct record_decision *decision)
{
    const struct engine *engine = sight->engine;
    const struct model_card *card = model_card(engine->model);
    size_t count = decision->candidate_count, places = (size_t)decision->asked;
    uint16_t order[LX_PRODUCT_MAX];
    float answers[LX_PRODUCT_MAX];
    bool is_held[LX_PRODUCT_MAX];
    if (!card->has_second || !card->second.teaches || places < 2 || places >= count) return NULL;
    const struct record_candidate *sorted[LX_PRODUCT_MAX];
    for (size_t i = 0; i < count; i++) {
        size_t at = i;
        for (; at > 0 && arbitrate_is_before(&decision->candidates[i], sorted[at - 1]); at--)
            sorted[at] = sorted[at - 1];
        sorted[at] = &decision->candidates[i];
    }
    for (size_t i = 0; i < count; i++) order[i] = (uint16_t)sorted[i]->product;
    for (size_t i = 0; i < engine->product_count; i++)
        is_held[i] = view_holds(&sight->facts, (int)i);
    weigh_answers(sight, answers);
    const struct teach_question question = {.second = engine->second,
                                            .log_odds = engine->log_odds,
                                            .is_held = is_held,
                                            .answers = answers,
                                            .order = order,
                                            .count = count,
                                            .places = places};
    struct teach_choice choice = teach_choose(&question, engine->second_scratch);
    for (size_t i = 0; i < count; i++)
        if (decision->candidates[i].product == choice.product) return &decision->candidates[i];
    return NULL;
}

/* The second round is there to be right with what has just been learnt, and who wants no
 * personalisation gets the list that everybody gets: only first rounds of the others explore. */
static void assign_places(const struct sight *sight, struct record_decision *decision)
{
    const struct beta_table *tables[LX_PRODUCT_MAX];
    bool news[LX_PRODUCT_MAX];
    const struct engine *engine = sight->engine;
    const struct actions_explore *explore = &engine->actions.explore;
    struct arbitrate_plan plan = {.places = decision->asked};
    if (decision->round == 1 && decision->is_personalised) {
        int32_t day = lx_day_of_ms(decision->decided_ms, bank_utc_offset_minutes(engine->bank));
        plan.explore = (struct arbitrate_explore){
            .share = or_else(sight->placement->explore_share, explore->share),
            .new_share = or_else(sight->placement->explore_new_share, explore->new_share),
            .floor = explore->floor,
            .is_drawn = sight->request->id != NULL,
            .seed = sight->request->id != NULL ? arbitrate_seed(sight->request->id) : 0,
            .tables = tables,
            .is_new = news};
        plan.teach = find_teacher(sight, decision);
        plan.teach_floor = TEACH_FLOOR;
        for (size_t i = 0; i < decision->candidate_count; i++) {
            int product = decision->candidates[i].product;
            tables[i] = posteriors_table(engine->posteriors, decision->segment, product, day);
            news[i] = is_new(sight, product, day);
        }
    }
    decision->explore = arbitrate(&plan, decision->candidates, decision->candidate_count);
}

static enum lx_err give_reasons(const struct sight *sight, struct record_decision *decision)
{
    struct engine *engine = sight->engine;
    size_t columns = engine->customer_count + engine->pair_count;
    for (size_t i = 0; decision->is_personalised && i < decision->candidate_count; i++) {
        struct record_candidate *candidate = &decision->candidates[i];
        if (candidate->rank == 0) continue;
        const float *row = engine->rows + (size_t)candidate->product * columns;
        const struct explain_input input = {.index = &engine->sentences,
                                            .row = row,
                                            .contributions = engine->contributions,
                                            .feature_count = columns,
                                            .catalogue = sight->catalogue,
                                            .product = candidate->product,
                                            .facts = &sight->facts,
                                            .peers = view_snapshot_peers(engine->snapshot)};
        attribution_explain(engine->attribution, row, engine->explain_scratch,
                            engine->contributions);
        enum lx_err code =
            explain(&input, sight->arena, candidate->reasons, &candidate->reason_count, sight->err);
        if (code != LX_OK) return code;
    }
    return LX_OK;
}

static enum lx_err copy_given(const struct sight *sight, struct record_decision *decision)
{
    size_t count = sight->request->given_count;
    decision->given = lx_arena_array(sight->arena, count, sizeof *decision->given);
    if (decision->given == NULL) return out_of_memory(sight);
    for (size_t i = 0; i < count; i++) decision->given[i] = sight->request->given[i];
    decision->given_count = count;
    return LX_OK;
}

enum lx_err round_decide(struct engine *engine, const struct round_request *request,
                         struct lx_arena *arena, struct record_decision *ret_decision,
                         struct lx_error *err)
{
    LX_ASSERT(request->count > 0 && request->count <= DECISION_ITEMS_MAX);

    struct sight sight = {.engine = engine,
                          .request = request,
                          .catalogue = bank_catalogue(engine->bank),
                          .arena = arena,
                          .as_of_ms = view_snapshot_as_of_ms(engine->snapshot),
                          .err = err};
    struct record_decision decision = {.customer_id = request->customer_id,
                                       .placement = request->placement,
                                       .customer = request->customer,
                                       .round = request->first == NULL ? 1 : 2,
                                       .asked = request->count,
                                       .decided_ms = request->now_ms,
                                       .as_of_ms = sight.as_of_ms,
                                       .customer_count = engine->customer_count,
                                       .pair_count = engine->pair_count};
    enum lx_err code =
        actions_placement(&engine->actions, request->placement, &sight.placement, err);
    if (code == LX_OK) code = see(&sight);
    if (code != LX_OK) return code;
    score_products(&sight);
    apply_answers(&sight);
    decision.is_personalised = sight.facts.has_personal_consent;
    decision.customer_values = sight.customer_values;
    memcpy(decision.model, model_id(engine->model), sizeof decision.model);
    memcpy(decision.rules_hash, rules_hash(engine->book.rules), sizeof decision.rules_hash);
    memcpy(decision.actions_hash, engine->actions.hash, sizeof decision.actions_hash);
    memcpy(decision.feature_set, model_card(engine->model)->feature_set,
           sizeof decision.feature_set);
    if (request->id != NULL) memcpy(decision.id, request->id, sizeof decision.id);
    code = find_segment(&sight, &decision);
    if (code == LX_OK) code = gather(&sight, &decision);
    if (code == LX_OK) code = copy_given(&sight, &decision);
    if (code != LX_OK) return code;
    assign_places(&sight, &decision);
    code = give_reasons(&sight, &decision);
    if (code == LX_OK) *ret_decision = decision;
    return code;
}

enum lx_err round_given(const struct record_decision *round, uint64_t position,
                        const struct overlay_answer *answers, size_t answer_count,
                        struct lx_arena *arena, struct record_given **ret_given, size_t *ret_count,
                        struct lx_error *err)
{
    size_t count = 0;
    struct record_given *given = lx_arena_array(arena, round->candidate_count, sizeof *given);
    if (given == NULL) return lx_fail(err, LX_ERR_NO_MEMORY, "answers: out of memory");
    for (size_t i = 0; i < round->candidate_count; i++) {
        const struct record_candidate *candidate = &round->candidates[i];
        int64_t answered_ms = 0;
        if (candidate->rank == 0) continue;
        enum bank_answer answer =
            overlay_standing(answers, answer_count, candidate->product, position, &answered_ms);
        if (answer == BANK_ANSWER_NONE) continue;
        given[count++] = (struct record_given){
            .product = candidate->product, .code = candidate->code, .answer = answer};
    }
    *ret_given = given;
    *ret_count = count;
    return LX_OK;
}
