#include "decide/monitor.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/date.h"
#include "decide/engine_parts.h"

enum { RECORD_ARENA_MAX = 64 << 20, PLACES_MAX = 1 << 24 };

static const struct {
    const char *name, *zh, *en;
} policy_texts[] = {
#define X(name, text, zh, en) {text, zh, en},
    MONITOR_POLICY_MAP(X)
#undef X
};

const char *monitor_policy_name(enum monitor_policy policy)
{
    LX_ASSERT(policy < MONITOR_POLICIES);
    return policy_texts[policy].name;
}

const char *monitor_policy_zh(enum monitor_policy policy)
{
    LX_ASSERT(policy < MONITOR_POLICIES);
    return policy_texts[policy].zh;
}

const char *monitor_policy_en(enum monitor_policy policy)
{
    LX_ASSERT(policy < MONITOR_POLICIES);
    return policy_texts[policy].en;
}

/* A contested place; rivals are all of the catalogue's products that competed. */
struct place {
    uint64_t position; /* of the decision */
    int64_t customer;
    uint32_t segment;
    int product; /* that was shown */
    double chance;
    bool is_explored, is_answered, is_yes;
    uint8_t rivals[LX_PRODUCT_MAX / 8];
    int choices[MONITOR_POLICIES]; /* of the policies that choose one */
    int rival_count;
};

struct gathering {
    const struct engine *engine;
    struct place *places; /* ascending by position */
    size_t count, capacity;
    struct lx_arena arena;
    struct lx_error *err;
};

static uint32_t segment_of(const struct engine *engine, const char *name)
{
    const struct actions *actions = &engine->actions;
    uint32_t i = 0;
    while (i < actions->segment_count && strcmp(actions->segments[i].name, name) != 0) i++;
    return i;
}

static double merit(const struct record_candidate *candidate, enum monitor_policy policy)
{
    if (policy == MONITOR_PRIORITY) return candidate->factors.priority;
    if (policy == MONITOR_PROBABILITY) return candidate->factors.probability;
    return beta_mean(candidate->a, candidate->b);
}

static void choose(const struct record_decision *decision, struct place *place)
{
    double best[MONITOR_POLICIES];
    for (int p = 0; p < MONITOR_POLICIES; p++) best[p] = -INFINITY;
    for (size_t i = 0; i < decision->candidate_count; i++) {
        const struct record_candidate *candidate = &decision->candidates[i];
        if (!(candidate->a > 0)) continue; /* did not compete */
        place->rival_count++;
        place->rivals[candidate->product / 8] |= (uint8_t)(1 << candidate->product % 8);
        for (int p = 0; p < MONITOR_UNIFORM; p++) {
            double value = merit(candidate, (enum monitor_policy)p);
            if (!(value > best[p])) continue;
            best[p] = value;
            place->choices[p] = candidate->product;
        }
    }
}

static enum lx_err see_decision(struct gathering *gathering, uint64_t position,
                                const struct record_decision *decision)
{
    if (!(decision->explore > 0)) return LX_OK;
    for (size_t i = 0; i < decision->candidate_count; i++) {
        const struct record_candidate *candidate = &decision->candidates[i];
        if (candidate->rank != decision->asked || !(candidate->a > 0) ||
            (size_t)candidate->product >= gathering->engine->product_count)
            continue;
        enum lx_err code = lx_grow(&gathering->places, &gathering->capacity, gathering->count + 1,
                                   PLACES_MAX, sizeof *gathering->places);
        if (code != LX_OK) return lx_fail(gathering->err, code, "off-policy: contested places");
        struct place *place = &gathering->places[gathering->count++];
        *place = (struct place){.position = position,
                                .customer = decision->customer,
                                .segment = segment_of(gathering->engine, decision->segment),
                                .product = candidate->product,
                                .chance = candidate->show_probability,
                                .is_explored = candidate->place == RECORD_PLACE_EXPLORED};
        choose(decision, place);
        return LX_OK;
    }
    return LX_OK;
}

static int by_position(const void *key, const void *element)
{
    uint64_t a = *(const uint64_t *)key, b = ((const struct place *)element)->position;
    return (a > b) - (a < b);
}

/* The last answer to the product stands; one that says nothing of taste leaves the row out. */
static void see_answer(struct gathering *gathering, const struct record_answer *answer)
{
    if (gathering->count == 0) return;
    struct place *place = bsearch(&answer->decision_position, gathering->places, gathering->count,
                                  sizeof *gathering->places, by_position);
    for (size_t i = 0; place != NULL && i < answer->given_count; i++) {
        double weight;
        if (answer->given[i].product != place->product) continue;
        enum bank_answer said = answer->given[i].answer;
        bool is_yes = false;
        place->is_answered = rounds_answer_weight(said, &weight, &is_yes);
        place->is_yes = said == BANK_ANSWER_INTERESTED || said == BANK_ANSWER_BOUGHT;
    }
}

static enum lx_err see_record(struct gathering *gathering, const struct journal_record *bytes)
{
    struct record record;
    bool is_known = false;
    lx_arena_clear(&gathering->arena);
    enum lx_err code = record_read(bytes->bytes, bytes->length, &gathering->arena, &record,
                                   &is_known, gathering->err);
    if (code != LX_OK || !is_known) return code;
    if (record.kind == RECORD_DECISION)
        return see_decision(gathering, bytes->position, &record.decision);
    if (record.kind == RECORD_ANSWER) see_answer(gathering, &record.answer);
    return LX_OK;
}

/* Only what was answered, and of it the newest. */
static void keep_answered(struct gathering *gathering)
{
    size_t kept = 0;
    for (size_t i = 0; i < gathering->count; i++)
        if (gathering->places[i].is_answered) gathering->places[kept++] = gathering->places[i];
    size_t surplus = kept > MONITOR_ROWS_MAX ? kept - MONITOR_ROWS_MAX : 0;
    gathering->count = kept - surplus;
    if (surplus > 0)
        memmove(gathering->places, gathering->places + surplus,
                gathering->count * sizeof *gathering->places);
}

static enum lx_err gather(struct gathering *gathering)
{
    struct journal_cursor *cursor = NULL;
    struct journal_record record;
    bool has_record = true;
    enum lx_err code = journal_seek(gathering->engine->journal, 0, &cursor, gathering->err);
    while (code == LX_OK) {
        code = journal_read(cursor, &record, &has_record, gathering->err);
        if (code != LX_OK || !has_record) break;
        code = see_record(gathering, &record);
    }
    journal_cursor_close(cursor);
    if (code != LX_OK) return code;
    keep_answered(gathering);
    if (gathering->count > 0) return LX_OK;
    return lx_fail(gathering->err, LX_ERR_NOT_READY,
                   "off-policy: no answered place was left to chance yet: set [explore] share in "
                   "actions.ini above 0, recommend, and record answers");
}

/* The columns of all rows. */
struct columns {
    double *propensities, *targets, *rewards, *predicted, *predicted_targets, *row_targets;
    uint32_t *contexts, *actions, *clusters;
};

static void release(struct columns *columns)
{
    lx_free(columns->propensities);
    lx_free(columns->targets);
    lx_free(columns->rewards);
    lx_free(columns->predicted);
    lx_free(columns->predicted_targets);
    lx_free(columns->row_targets);
    lx_free(columns->contexts);
    lx_free(columns->actions);
    lx_free(columns->clusters);
}

static enum lx_err make_columns(const struct gathering *gathering, struct columns *columns)
{
    size_t count = gathering->count, products = gathering->engine->product_count;
    columns->propensities = lx_calloc(count, sizeof *columns->propensities);
    columns->targets = lx_calloc(count, sizeof *columns->targets);
    columns->rewards = lx_calloc(count, sizeof *columns->rewards);
    columns->predicted = lx_calloc(count, sizeof *columns->predicted);
    columns->predicted_targets = lx_calloc(count, sizeof *columns->predicted_targets);
    columns->row_targets = lx_calloc(count * products, sizeof *columns->row_targets);
    columns->contexts = lx_calloc(count, sizeof *columns->contexts);
    columns->actions = lx_calloc(count, sizeof *columns->actions);
    columns->clusters = lx_calloc(count, sizeof *columns->clusters);
    bool is_ready = columns->propensities != NULL && columns->targets != NULL &&
                    columns->rewards != NULL && columns->predicted != NULL &&
                    columns->predicted_targets != NULL && columns->row_targets != NULL &&
                    columns->contexts != NULL && columns->actions != NULL &&
                    columns->clusters != NULL;
    if (!is_ready) return lx_fail(gathering->err, LX_ERR_NO_MEMORY, "off-policy: %zu rows", count);
    for (size_t i = 0; i < count; i++) {
        const struct place *place = &gathering->places[i];
        columns->propensities[i] = fmin(place->chance, 1);
        columns->rewards[i] = place->is_yes;
        columns->contexts[i] = place->segment;
        columns->actions[i] = (uint32_t)place->product;
        columns->clusters[i] = (uint32_t)place->customer;
    }
    return LX_OK;
}

static double target_of(const struct place *place, enum monitor_policy policy, int product)
{
    bool is_rival = place->rivals[product / 8] >> product % 8 & 1;
    if (!is_rival) return 0;
    return policy == MONITOR_UNIFORM ? 1.0 / place->rival_count : place->choices[policy] == product;
}

static enum lx_err estimate(const struct gathering *gathering, struct columns *columns,
                            enum monitor_policy policy, uint64_t seed,
                            struct off_policy_result *ret_result)
{
    size_t count = gathering->count, products = gathering->engine->product_count;
    for (size_t i = 0; i < count; i++) {
        const struct place *place = &gathering->places[i];
        for (size_t p = 0; p < products; p++)
            columns->row_targets[i * products + p] = target_of(place, policy, (int)p);
        columns->targets[i] = target_of(place, policy, place->product);
    }
    const struct off_policy_cells cells = {.count = count,
                                           .action_count = products,
                                           .context_count =
                                               gathering->engine->actions.segment_count + 1,
                                           .actions = columns->actions,
                                           .contexts = columns->contexts,
                                           .rewards = columns->rewards,
                                           .clusters = columns->clusters,
                                           .row_targets = columns->row_targets};
    const struct off_policy_log log = {.count = count,
                                       .propensities = columns->propensities,
                                       .targets = columns->targets,
                                       .rewards = columns->rewards,
                                       .predicted = columns->predicted,
                                       .predicted_targets = columns->predicted_targets,
                                       .clusters = columns->clusters};
    const struct off_policy_options options = {.seed = seed}; /* all that competes has a chance */
    enum lx_err code = off_policy_rates(&cells, OFF_POLICY_FOLDS, seed, columns->predicted,
                                        columns->predicted_targets, gathering->err);
    return code == LX_OK ? off_policy_estimate(&log, &options, ret_result, gathering->err) : code;
}

enum lx_err monitor_off_policy(struct engine *engine, uint64_t seed,
                               struct monitor_result *ret_result, struct lx_error *err)
{
    struct gathering gathering = {.engine = engine, .err = err};
    struct monitor_result result = {.rows = 0};
    struct columns columns = {0};
    lx_arena_init(&gathering.arena, RECORD_ARENA_MAX);
    enum lx_err code = gather(&gathering);
    if (code == LX_OK) code = make_columns(&gathering, &columns);
    for (int p = 0; p < MONITOR_POLICIES && code == LX_OK; p++)
        code = estimate(&gathering, &columns, (enum monitor_policy)p, seed, &result.policies[p]);
    result.rows = gathering.count;
    for (size_t i = 0; i < gathering.count; i++) {
        result.yes += gathering.places[i].is_yes;
        result.explored += gathering.places[i].is_explored;
    }
    if (result.rows > 0) result.on_policy = (double)result.yes / (double)result.rows;
    release(&columns);
    lx_arena_release(&gathering.arena);
    lx_free(gathering.places);
    if (code == LX_OK) *ret_result = result;
    return code;
}

struct monitor_rate monitor_rate(const struct engine *engine, const char *segment, int product)
{
    int64_t now_ms = engine->env->now_ms(engine->env->context);
    int32_t day = lx_day_of_ms(now_ms, bank_utc_offset_minutes(engine->bank));
    struct posterior posterior = posteriors_of(engine->posteriors, segment, product, day);
    return (struct monitor_rate){.yes = posterior.yes,
                                 .answers = posterior.answers,
                                 .mean = beta_mean(posterior.a, posterior.b),
                                 .low = beta_quantile(posterior.a, posterior.b, 0.025),
                                 .high = beta_quantile(posterior.a, posterior.b, 0.975)};
}

bool monitor_segment(const struct engine *engine, size_t index, struct monitor_segment *ret_segment)
{
    if (index >= engine->actions.segment_count) return false;
    const struct actions_segment *segment = &engine->actions.segments[index];
    *ret_segment = (struct monitor_segment){segment->name, segment->zh, segment->en};
    return true;
}
