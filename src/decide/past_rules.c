#include "decide/past_rules.h"

#include "decide/rule_book.h"

struct judge {
    struct bank *bank;
    struct rule_book book;
};

static void close_judge(void *context)
{
    struct judge *judge = context;
    if (judge == NULL) return;
    rule_book_release(&judge->book);
    bank_close(judge->bank);
    lx_free(judge);
}

static enum lx_err open_judge(void *folder, void **ret_judge, struct lx_error *err)
{
    struct judge *judge = lx_calloc(1, sizeof *judge);
    if (judge == NULL) return lx_fail(err, LX_ERR_NO_MEMORY, "rules: out of memory");
    enum lx_err code = bank_open(folder, STORE_READ, &judge->bank, err);
    if (code == LX_OK) code = rule_book_open(judge->bank, &judge->book, err);
    if (code == LX_OK)
        *ret_judge = judge;
    else
        close_judge(judge);
    return code;
}

static bool speaks_of_customers(const struct rule *rule)
{
    return rule->stage == RULE_STAGE_ELIGIBILITY || rule->stage == RULE_STAGE_SUITABILITY;
}

static enum lx_err refuse(void *context, const struct rows_asked *asked,
                          uint64_t ret_refused[ROWS_PRODUCT_WORDS], struct lx_error *err)
{
    struct judge *judge = context;
    struct rules *rules = judge->book.rules;
    struct view_context context_here = *asked->context; /* the same catalogue, this bank's own */
    context_here.catalogue = bank_catalogue(judge->bank);
    const struct rule_question question = {.context = &context_here,
                                           .facts = asked->facts,
                                           .as_of_ms = asked->as_of_ms,
                                           .customer_values = asked->customer_values,
                                           .pair_values = asked->pair_values,
                                           .pair_count =
                                               view_features_count(judge->book.features, VIEW_PAIR),
                                           .round = 1,
                                           .now_ms = asked->as_of_ms};
    int16_t first[LX_PRODUCT_MAX];
    enum lx_err code = rules_judge(rules, &question, NULL, first, err);
    for (size_t i = 0; i < context_here.catalogue->count && code == LX_OK; i++) {
        bool is_never =
            first[i] != RULE_NONE && speaks_of_customers(rules_at(rules, (size_t)first[i]));
        ret_refused[i / 64] |= (uint64_t)is_never << i % 64;
    }
    return code;
}

struct rows_rules past_rules(const char *folder)
{
    return (struct rows_rules){.context = (void *)(uintptr_t)folder,
                               .open = open_judge,
                               .refuse = refuse,
                               .close = close_judge};
}
