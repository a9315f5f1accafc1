#ifndef TESTS_WORLD_H
#define TESTS_WORLD_H

/* world: a living bank with a snapshot and a model, ready to decide; and what tests ask of it. */

#include "tests/living_bank.h"

#include "decide/answer.h"
#include "model/train.h"

struct world {
    struct living_bank bank;
    struct living_clock clock;
    struct lx_env env;
    struct engine *engine; /* NULL until world_engine */
};

static inline void world_open(struct world *world, int64_t customers, uint64_t seed)
{
    struct lx_error err;
    struct view_refresh_result refreshed;
    struct train_result trained;
    const struct train_options options = {.as_of_ms = BANK_UNKNOWN_MS, .seed = 1, .rows_max = 4000};
    memset(world, 0, sizeof *world);
    living_open(&world->bank, customers, seed);
    world->clock = living_clock_of(seed);
    world->env = living_env(&world->clock, 1);
    MUST(train(world->bank.folder, &options, &world->env, &trained, &err));
    MUST(view_refresh(world->bank.folder, BANK_UNKNOWN_MS, 0, &world->env, &refreshed, &err));
}

static inline void world_engine(struct world *world, enum engine_mode mode)
{
    struct lx_error err;
    engine_close(world->engine);
    world->engine = NULL;
    MUST(engine_open(world->bank.folder, mode, &world->env, &world->engine, &err));
}

static inline void world_close(struct world *world)
{
    engine_close(world->engine);
    living_remove(&world->bank);
}

static inline void recommend(struct world *world, int64_t customer, int count, bool is_preview,
                             struct decision *ret_decision)
{
    struct lx_error err;
    char id[LX_ID_MAX + 1];
    living_id(customer, id);
    const struct decide_request request = {
        .customer = id, .count = count, .is_preview = is_preview};
    MUST(decide_recommend(world->engine, &request, ret_decision, &err));
}

static inline const struct decision_item *item_of(const struct decision *decision,
                                                  const char *product)
{
    for (size_t i = 0; i < decision->item_count; i++)
        if (strcmp(decision->items[i].product, product) == 0) return &decision->items[i];
    return NULL;
}

static inline const struct decision_refusal *refusal_of(const struct decision *decision,
                                                        const char *product)
{
    for (size_t i = 0; i < decision->refused_count; i++)
        if (strcmp(decision->refused[i].product, product) == 0) return &decision->refused[i];
    return NULL;
}

static inline struct answer answer_of(const char *product, enum bank_answer answer)
{
    struct answer made = {.answer = answer};
    snprintf(made.product, sizeof made.product, "%s", product);
    return made;
}

/* A customer of a certain age and consent who is shown at least `items` products, from `first`. */
static inline int64_t find_shown(struct world *world, int64_t first, size_t items)
{
    for (int64_t customer = first; customer < world->bank.customers; customer++) {
        struct decision decision;
        recommend(world, customer, DECISION_ITEMS_MAX, true, &decision);
        bool is_enough = decision.item_count >= items && decision.is_personalised;
        decision_release(&decision);
        if (is_enough) return customer;
    }
    fail_msg("no customer is shown %zu products", items);
    return 0;
}

/* Everything that the caller is told, as text, to compare. */
static inline void tell(const struct decision *decision, struct lx_buffer *text)
{
    lx_buffer_printf(text, "%s %s %s %s %d %d %d %lld %lld %s %s\n", decision->id, decision->parent,
                     decision->customer, decision->placement, decision->round, decision->is_final,
                     decision->is_personalised, (long long)decision->decided_ms,
                     (long long)decision->as_of_ms, decision->model, decision->rules);
    for (size_t i = 0; i < decision->item_count; i++) {
        const struct decision_item *item = &decision->items[i];
        const struct decision_factors *f = &item->factors;
        lx_buffer_printf(text, "%s %s %s %d %a %a %a %a %a %a %a %d\n", item->product, item->zh,
                         item->en, item->score, item->probability, item->show_probability,
                         f->probability, f->value, f->context, f->lever, f->priority, item->answer);
        for (size_t j = 0; j < item->reason_count; j++)
            lx_buffer_printf(text, "  %s | %s | %s | %a\n", item->reasons[j].zh,
                             item->reasons[j].en, item->reasons[j].feature,
                             item->reasons[j].weight);
    }
    for (size_t i = 0; i < decision->refused_count; i++)
        lx_buffer_printf(text, "%s %s %s %s\n", decision->refused[i].product,
                         decision->refused[i].rule, decision->refused[i].zh,
                         decision->refused[i].en);
}

static inline void assert_same_decision(const struct decision *a, const struct decision *b)
{
    struct lx_buffer one, two;
    lx_buffer_init(&one, LX_CONFIG_MAX);
    lx_buffer_init(&two, LX_CONFIG_MAX);
    tell(a, &one);
    tell(b, &two);
    assert_string_equal(lx_buffer_text(&one), lx_buffer_text(&two));
    lx_buffer_release(&one);
    lx_buffer_release(&two);
}

/* All rows of the four tables that the journal feeds, as text. */
static inline void dump_tables(const struct world *world, struct lx_buffer *text)
{
    static const char *const queries[] = {
        "SELECT customer, position, id, at_ms, kind, round, parent, as_of_ms, model, rule_set, "
        "placement, is_final FROM decision ORDER BY customer, position",
        "SELECT customer, position, rank, product, score, probability, show_probability, value, "
        "context_weight, lever, reasons FROM decision_item ORDER BY customer, position, rank",
        "SELECT customer, position, product, rule FROM decision_refusal "
        "ORDER BY customer, position, product",
        "SELECT customer, position, product, decision, at_ms, answer FROM answer "
        "ORDER BY customer, position, product",
        "SELECT name, next_position FROM projection ORDER BY name"};
    static const int columns[] = {12, 11, 4, 6, 2};
    struct lx_error err;
    struct bank *bank = NULL;
    MUST(bank_open(world->bank.folder, STORE_READ, &bank, &err));
    for (size_t i = 0; i < LX_COUNT_OF(queries); i++) {
        struct store_statement *statement = NULL;
        bool has_row = true;
        MUST(store_prepare(bank_store(bank), queries[i], &statement, &err));
        while (true) {
            MUST(store_step(statement, &has_row, &err));
            if (!has_row) break;
            for (int j = 0; j < columns[i]; j++) {
                const char *value = store_text(statement, j, NULL);
                lx_buffer_printf(text, "%s%s", j == 0 ? "" : "|", value == NULL ? "-" : value);
            }
            lx_buffer_append_byte(text, '\n');
        }
        store_finalize(statement);
        lx_buffer_append_text(text, "--\n");
    }
    bank_close(bank);
    assert_int_equal(lx_buffer_error(text), LX_OK);
}

#endif
