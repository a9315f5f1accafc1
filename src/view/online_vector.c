/* One customer's values: the snapshot's row, with what the arrivals touch counted anew. */
#include <string.h>

#include "base/date.h"
#include "view/online_state.h"

/* One question that a record is to answer. */
struct question {
    const struct view_online *online;
    struct view_online_reader *reader;
    const struct online_header *header;
    struct view_facts facts;
    uint64_t *touched, *needed; /* of the scope at hand */
    bool has_balance;
};

static bool is_set(const uint64_t *bits, size_t place)
{
    return (bits[place / 64] >> (place % 64) & 1) != 0;
}

/* Whether the record tells what is true as of the moment. */
static bool is_covered(const struct view_online *online, const struct online_header *header,
                       int64_t as_of_ms)
{
    if ((header->flags & (ONLINE_WARM | ONLINE_RECOUNT)) != ONLINE_WARM) return false;
    if (as_of_ms < online->from_ms || as_of_ms >= online->until_ms) return false;
    int64_t at = as_of_ms - online->day_start_ms;
    return at >= (int64_t)header->from && at < (int64_t)header->until;
}

static const struct arrival *next_arrival(const struct question *question,
                                          const struct arrival *arrival)
{
    uint32_t number = arrival == NULL ? question->header->arrivals : arrival->next;
    return number == 0 ? NULL : &question->online->arrivals[number - 1];
}

#define EACH_ARRIVAL(question, arrival)                                                            \
    for (const struct arrival *arrival = next_arrival(question, NULL); arrival != NULL;            \
         arrival = next_arrival(question, arrival))

static void begin_scope(struct question *question, enum view_scope scope, struct run *run,
                        struct view_reading *reading)
{
    size_t words = run->program->words;
    online_begin_reading(question->online, question->reader, &question->facts, reading);
    run_begin(run, reading);
    memset(question->touched, 0, (words + 1) * sizeof *question->touched);
    memset(question->needed, 0, (words + 1) * sizeof *question->needed);
    EACH_ARRIVAL(question, arrival)
    if (arrival->kind != ARRIVAL_DELETION) run_touch(run, &arrival->event, question->touched);
}

static bool has_touched_window(const struct question *question, const struct feature *feature)
{
    for (size_t k = 0; k < expr_window_count(feature->expr); k++)
        if (is_set(question->touched, feature->places[k])) return true;
    return false;
}

static void need_windows(struct question *question, const struct feature *feature)
{
    for (size_t k = 0; k < expr_window_count(feature->expr); k++)
        question->needed[feature->places[k] / 64] |= (uint64_t)1 << (feature->places[k] % 64);
}

static bool reads_touched(const struct question *question, const struct feature *feature,
                          const bool *is_touched)
{
    const struct view_schema *schema = question->online->features->schema;
    for (size_t k = 0; k < expr_field_count(feature->expr); k++) {
        size_t place;
        if (view_schema_field_kind(schema, expr_field_at(feature->expr, k), &place) ==
                VIEW_FIELD_CUSTOMER_FEATURE &&
            is_touched[place])
            return true;
    }
    return false;
}

/* Which customer features the arrivals touch; false where one cannot be told from a record. */
static bool find_touched(struct question *question)
{
    const struct view_online *online = question->online;
    bool *is_touched = question->reader->is_touched;
    for (size_t i = 0; i < online->features->counts[VIEW_CUSTOMER]; i++) {
        const struct feature *feature = &online->features->items[VIEW_CUSTOMER][i];
        is_touched[i] = !feature->is_late && (has_touched_window(question, feature) ||
                                              online->has_plain[VIEW_CUSTOMER][i] ||
                                              (online->reads_assets[i] && question->has_balance) ||
                                              reads_touched(question, feature, is_touched));
        if (!is_touched[i]) continue;
        if (online->has_plain[VIEW_CUSTOMER][i] || online->reads_profile[i]) return false;
        need_windows(question, feature);
    }
    return true;
}

/* A window of home SNAPSHOT counts on from the feature; a correction took something out of it. */
static bool load_needed(struct question *question, enum view_scope scope, int product,
                        const float *values, struct run *run)
{
    const struct online_plan *plan = &question->online->plan;
    for (size_t i = 0; i < run->program->window_count; i++) {
        const struct online_slot *slot = &plan->slots[scope][i];
        if (!is_set(question->needed, i) || slot->home == VIEW_ONLINE_MEMORY) continue;
        if (slot->home == VIEW_ONLINE_RECOMPUTED) return false;
        if ((question->header->flags & ONLINE_CHANGED) != 0) return false;
        if (!online_load_feature(plan, scope, i, product, values[slot->feature], run)) return false;
    }
    return true;
}

/* The arrivals on top of what the snapshot told; what lives has them already and comes last. */
static void finish_scope(struct question *question, enum view_scope scope, struct run *run)
{
    run->is_late = (question->header->flags & ONLINE_LATE) != 0;
    EACH_ARRIVAL(question, arrival)
    if (arrival->kind == ARRIVAL_NEW) run_add_event(run, &arrival->event);
    run->is_late = false;
    online_load(&question->online->plan, scope, (const uint8_t *)question->header, run);
    run_close(run);
}

static bool update_customer(struct question *question)
{
    struct view_online_reader *reader = question->reader;
    const struct view_online *online = question->online;
    struct run *run = feature_run(reader->context.scratch, VIEW_CUSTOMER);
    struct view_reading reading;
    begin_scope(question, VIEW_CUSTOMER, run, &reading);
    if (!find_touched(question)) return false;
    if (!load_needed(question, VIEW_CUSTOMER, BANK_NO_PRODUCT, reader->values, run)) return false;
    finish_scope(question, VIEW_CUSTOMER, run);
    feature_compute_wanted(reader->context.scratch, &reader->context, &question->facts,
                           online->as_of_ms, BANK_NO_PRODUCT, reader->is_touched, reader->values,
                           reader->values);
    view_compute_late(reader->context.scratch, &reader->context, &question->facts, online->as_of_ms,
                      reader->values);
    return true;
}

/* Which pair features the arrivals touch, of whichever product. */
static bool find_touched_pairs(struct question *question, bool *ret_any)
{
    const struct view_online *online = question->online;
    bool *is_touched = question->reader->is_touched;
    *ret_any = false;
    for (size_t i = 0; i < online->features->counts[VIEW_PAIR]; i++) {
        const struct feature *feature = &online->features->items[VIEW_PAIR][i];
        is_touched[i] = !feature->is_derived &&
                        (online->has_plain[VIEW_PAIR][i] || has_touched_window(question, feature));
        if (!is_touched[i]) continue;
        if (online->has_plain[VIEW_PAIR][i]) return false;
        for (size_t k = 0; k < expr_window_count(feature->expr); k++)
            if (!online->features->programs[VIEW_PAIR].windows[feature->places[k]].is_keyed)
                return false;
        need_windows(question, feature);
        *ret_any = true;
    }
    return true;
}

static bool update_pairs(struct question *question)
{
    struct view_online_reader *reader = question->reader;
    const struct view_online *online = question->online;
    struct run *run = feature_run(reader->context.scratch, VIEW_PAIR);
    size_t stride = online->features->counts[VIEW_PAIR];
    struct view_reading reading;
    bool is_met[LX_PRODUCT_MAX] = {false}, has_any;
    if (online->pair_reads_customer) return false;
    begin_scope(question, VIEW_PAIR, run, &reading);
    if (!find_touched_pairs(question, &has_any)) return false;
    if (!has_any) return true;
    EACH_ARRIVAL(question, arrival)
    if (arrival->event.product >= 0 &&
        (size_t)arrival->event.product < reader->context.catalogue->count)
        is_met[arrival->event.product] = true;
    for (size_t i = 0; i < reader->context.catalogue->count; i++)
        if (is_met[i] && !load_needed(question, VIEW_PAIR, (int)i, reader->pairs + i * stride, run))
            return false;
    finish_scope(question, VIEW_PAIR, run);
    for (size_t i = 0; i < reader->context.catalogue->count; i++)
        if (is_met[i])
            feature_compute_wanted(reader->context.scratch, &reader->context, &question->facts,
                                   online->as_of_ms, (int)i, reader->is_touched, reader->values,
                                   reader->pairs + i * stride);
    return true;
}

static void update_facts(struct question *question)
{
    EACH_ARRIVAL(question, arrival)
    {
        if (arrival->event.balance_fen == BANK_NO_AMOUNT) continue;
        question->has_balance = true;
        question->facts.assets_fen = arrival->event.balance_fen;
    }
}

static bool answer_from_record(const struct view_online *online, struct view_online_reader *reader,
                               int64_t customer, struct view_online_values *ret_values)
{
    struct question question = {.online = online,
                                .reader = reader,
                                .header = online_header(online, customer),
                                .touched = reader->touched,
                                .needed = reader->needed};
    view_snapshot_facts(online->snapshot, customer, &question.facts);
    view_snapshot_customer(online->snapshot, customer, reader->values);
    view_snapshot_kept(online->snapshot, customer, reader->pairs);
    if (question.header->arrivals != 0) {
        update_facts(&question);
        if (!update_customer(&question) || !update_pairs(&question)) return false;
    }
    view_compute_derived(reader->context.scratch, &reader->context, &question.facts,
                         online->as_of_ms, reader->values, reader->pairs);
    ret_values->facts = question.facts;
    return true;
}

static enum lx_err recompute(const struct view_online *online, struct view_online_reader *reader,
                             int64_t customer, int64_t as_of_ms,
                             struct view_online_values *ret_values, struct lx_error *err)
{
    struct bank_history history;
    struct view_scratch *scratch = reader->context.scratch;
    lx_arena_clear(&reader->arena);
    enum lx_err code = bank_history_read(reader->bank, customer, &reader->arena, &history, err);
    if (code == LX_OK) code = online_add_arrivals(online, reader, customer, &history, err);
    if (code != LX_OK) return code;
    view_facts(&history, &reader->context, as_of_ms, &ret_values->facts);
    view_compute_customer(scratch, &history, &reader->context, &ret_values->facts, as_of_ms,
                          reader->values);
    view_compute_kept(scratch, &history, &reader->context, &ret_values->facts, as_of_ms,
                      reader->values, reader->pairs);
    view_compute_derived(scratch, &reader->context, &ret_values->facts, as_of_ms, reader->values,
                         reader->pairs);
    return LX_OK;
}

enum lx_err view_online_vector(const struct view_online *online, struct view_online_reader *reader,
                               int64_t customer, int64_t as_of_ms,
                               struct view_online_values *ret_values, struct lx_error *err)
{
    LX_ASSERT(online != NULL && reader != NULL && ret_values != NULL);
    LX_ASSERT(customer >= 0 && customer < online->customers);

    struct view_online_values values = {.customer = reader->values, .pairs = reader->pairs};
    if (!is_covered(online, online_header(online, customer), as_of_ms) ||
        !answer_from_record(online, reader, customer, &values)) {
        values.is_recomputed = true;
        enum lx_err code = recompute(online, reader, customer, as_of_ms, &values, err);
        if (code != LX_OK) return code;
    }
    *ret_values = values;
    return LX_OK;
}
