/* What the caller of a decision is told, out of its record. */
#include <string.h>

#include "codec/digest.h"
#include "decide/round.h"

enum { DECISION_ARENA_MAX = 8 << 20 };

struct telling {
    const struct record_decision *record;
    const struct bank_catalogue *catalogue;
    const struct rules *rules;
    const struct record_given *answers;
    size_t answer_count;
    struct decision *decision;
    bool is_out_of_memory;
};

static const char *copy(struct telling *telling, const char *text)
{
    const char *copied = lx_arena_strndup(&telling->decision->arena, text, strlen(text));
    if (copied == NULL) telling->is_out_of_memory = true;
    return copied;
}

static void *array(struct telling *telling, size_t count, size_t size)
{
    void *memory = lx_arena_array(&telling->decision->arena, count, size);
    if (memory == NULL) telling->is_out_of_memory = true;
    return memory;
}

static enum bank_answer answer_of(const struct telling *telling, int product)
{
    for (size_t i = 0; i < telling->answer_count; i++)
        if (telling->answers[i].product == product) return telling->answers[i].answer;
    return BANK_ANSWER_NONE;
}

static void tell_item(struct telling *telling, const struct record_candidate *candidate,
                      struct decision_item *item)
{
    const struct bank_product *product = &telling->catalogue->products[candidate->product];
    *item = (struct decision_item){.product = copy(telling, candidate->code),
                                   .zh = copy(telling, product->zh),
                                   .en = copy(telling, product->en),
                                   .product_index = candidate->product,
                                   .score = candidate->score,
                                   .place = record_place_text(candidate->place),
                                   .probability = candidate->factors.probability,
                                   .show_probability = candidate->show_probability,
                                   .factors = candidate->factors,
                                   .reason_count = candidate->reason_count,
                                   .answer = answer_of(telling, candidate->product)};
    for (size_t i = 0; i < candidate->reason_count; i++) {
        const struct decision_reason *reason = &candidate->reasons[i];
        item->reasons[i] =
            (struct decision_reason){copy(telling, reason->zh), copy(telling, reason->en),
                                     copy(telling, reason->feature), reason->weight};
    }
}

static void tell_items(struct telling *telling)
{
    const struct record_decision *record = telling->record;
    struct decision *decision = telling->decision;
    decision->items = array(telling, record->candidate_count, sizeof *decision->items);
    if (decision->items == NULL) return;
    for (size_t i = 0; i < record->candidate_count; i++) {
        int rank = record->candidates[i].rank;
        if (rank == 0) continue;
        tell_item(telling, &record->candidates[i], &decision->items[rank - 1]);
        decision->item_count++;
    }
}

/* Of a record of version 1 only the rule's name is there: today's rule of that name has the words,
 * and if there is none the name is told. */
static struct record_refusal in_words(const struct telling *telling,
                                      const struct record_refusal *refusal)
{
    struct record_refusal told = *refusal;
    if (told.stage != RULE_STAGE_NONE) return told;
    const struct rule *rule = rules_find(telling->rules, refusal->rule);
    told.zh = rule != NULL ? rule->zh : refusal->rule;
    told.en = rule != NULL ? rule->en : refusal->rule;
    told.stage = rule != NULL ? rule->stage : RULE_STAGE_NONE;
    return told;
}

static void tell_refusals(struct telling *telling)
{
    const struct record_decision *record = telling->record;
    struct decision *decision = telling->decision;
    decision->refused = array(telling, record->refusal_count, sizeof *decision->refused);
    for (size_t i = 0; decision->refused != NULL && i < record->refusal_count; i++) {
        const struct record_refusal refusal = in_words(telling, &record->refusals[i]);
        decision->refused[decision->refused_count++] =
            (struct decision_refusal){.product = copy(telling, refusal.code),
                                      .product_index = refusal.product,
                                      .rule = copy(telling, refusal.rule),
                                      .stage = rule_stage_text(refusal.stage),
                                      .zh = copy(telling, refusal.zh),
                                      .en = copy(telling, refusal.en)};
        decision->drops[refusal.stage]++;
    }
}

/* A record that was read back may name what this catalogue lacks; ranks must be 1, 2, ... */
static bool is_sound(const struct record_decision *record, size_t product_count)
{
    size_t shown = 0;
    for (size_t i = 0; i < record->candidate_count; i++) {
        if ((size_t)record->candidates[i].product >= product_count) return false;
        shown += record->candidates[i].rank > 0;
    }
    for (size_t rank = 1; rank <= shown; rank++) {
        size_t count = 0;
        for (size_t i = 0; i < record->candidate_count; i++)
            count += record->candidates[i].rank == (int)rank;
        if (count != 1) return false;
    }
    return true;
}

enum lx_err round_tell(struct engine *engine, const struct record_decision *record,
                       bool is_recorded, bool is_final, const struct record_given *answers,
                       size_t answer_count, struct decision *ret_decision, struct lx_error *err)
{
    static const uint8_t none[RECORD_ID_BYTES];
    struct decision decision = {.round = record->round,
                                .is_final = is_final,
                                .is_personalised = record->is_personalised,
                                .decided_ms = record->decided_ms,
                                .as_of_ms = record->as_of_ms};
    struct telling telling = {.record = record,
                              .catalogue = bank_catalogue(engine->bank),
                              .rules = engine->book.rules,
                              .answers = answers,
                              .answer_count = answer_count,
                              .decision = &decision};
    if (!is_sound(record, telling.catalogue->count))
        return lx_fail(err, LX_ERR_CORRUPT, "decision of customer %s: its record is damaged",
                       record->customer_id);
    char rules[DIGEST_TEXT_SIZE];
    digest_text(record->rules_hash, rules);
    rules[REGISTRY_ID_DIGITS] = '\0';
    lx_arena_init(&decision.arena, DECISION_ARENA_MAX);
    if (is_recorded) record_id_text(record->id, decision.id);
    if (memcmp(record->parent, none, sizeof none) != 0)
        record_id_text(record->parent, decision.parent);
    decision.customer = copy(&telling, record->customer_id);
    decision.placement = copy(&telling, record->placement);
    decision.model = copy(&telling, record->model);
    decision.rules = copy(&telling, rules);
    tell_items(&telling);
    tell_refusals(&telling);
    if (telling.is_out_of_memory) {
        decision_release(&decision);
        return lx_fail(err, LX_ERR_NO_MEMORY, "decision: out of memory");
    }
    *ret_decision = decision;
    return LX_OK;
}

void decision_release(struct decision *decision)
{
    lx_arena_release(&decision->arena);
    *decision = (struct decision){.round = 0};
}
