#include "decide/rule_book.h"

#include <string.h>

static enum expr_type type_of(enum view_unit unit)
{
    switch (unit) {
    case VIEW_UNIT_FEN: return EXPR_MONEY;
    case VIEW_UNIT_FLAG: return EXPR_BOOLEAN;
    case VIEW_UNIT_SHARE:
    case VIEW_UNIT_RATIO: return EXPR_REAL;
    default: return EXPR_INTEGER;
    }
}

static size_t place_of(const char *name)
{
    for (size_t i = 0; i < view_customer_feature_count(); i++)
        if (strcmp(view_customer_feature(i)->name, name) == 0) return i;
    lx_bug(__FILE__, __LINE__, "a feature that cohorts are made of does not exist");
}

static enum lx_err add_features(struct view_schema *schema, struct lx_error *err)
{
    const size_t cohort[3] = {place_of("age"), place_of("balance"), place_of("acts_90d")};
    enum lx_err code = LX_OK;
    for (size_t i = 0; i < view_customer_feature_count() && code == LX_OK; i++) {
        const struct view_feature *feature = view_customer_feature(i);
        code = view_schema_add(schema, VIEW_CUSTOMER, feature->name, feature->zh,
                               type_of(feature->unit), NULL, err);
    }
    if (code != LX_OK) return code;
    view_schema_seal(schema);
    for (size_t i = 0; i < view_pair_feature_count() && code == LX_OK; i++) {
        const struct view_feature *feature = view_pair_feature(i);
        code = view_schema_add(schema, VIEW_PAIR, feature->name, feature->zh,
                               type_of(feature->unit), NULL, err);
    }
    view_schema_set_cohort(schema, cohort);
    return code;
}

enum lx_err rule_book_open_schema(struct view_schema *view, struct rule_book *ret_book,
                                  struct lx_error *err)
{
    struct rule_book book = {.view = view};
    enum lx_err code = add_features(book.view, err);
    if (code == LX_OK) code = rule_schema_open(book.view, &book.schema, err);
    if (code == LX_OK)
        *ret_book = book;
    else
        rule_book_release(&book);
    return code;
}

enum lx_err rule_book_open(struct bank *bank, struct rule_book *ret_book, struct lx_error *err)
{
    struct rule_book book = {0};
    struct view_schema *view = NULL;
    enum lx_err code = view_schema_open_bank(bank, &view, err);
    if (code == LX_OK) code = rule_book_open_schema(view, &book, err);
    if (code == LX_OK)
        code = rules_open(bank_folder(bank), book.schema, bank_catalogue(bank), &book.rules, err);
    if (code == LX_OK)
        *ret_book = book;
    else
        rule_book_release(&book);
    return code;
}

void rule_book_release(struct rule_book *book)
{
    rules_close(book->rules);
    rule_schema_close(book->schema);
    view_schema_close(book->view);
    *book = (struct rule_book){0};
}

enum lx_err rule_book_count(struct rule_book *book, const struct view_snapshot *snapshot,
                            const struct view_context *context, enum bank_channel channel,
                            int64_t now_ms, uint64_t *ret_drops, uint64_t *ret_pairs,
                            struct lx_error *err)
{
    float customer_values[LX_FEATURES_MAX];
    int16_t refused[LX_PRODUCT_MAX];
    struct view_facts facts;
    size_t product_count = context->catalogue->count, pair_count = view_pair_feature_count();
    bool reads_pairs = rules_reads_pairs(book->rules);
    float *pair_values =
        lx_calloc(reads_pairs ? product_count * pair_count + 1 : 1, sizeof *pair_values);
    if (pair_values == NULL) return lx_fail(err, LX_ERR_NO_MEMORY, "rules: out of memory");
    const struct rule_question question = {.context = context,
                                           .facts = &facts,
                                           .as_of_ms = view_snapshot_as_of_ms(snapshot),
                                           .customer_values = customer_values,
                                           .pair_values = pair_values,
                                           .pair_count = pair_count,
                                           .channel = channel,
                                           .round = 1,
                                           .now_ms = now_ms};
    enum lx_err code = LX_OK;
    memset(ret_drops, 0, rules_count(book->rules) * sizeof *ret_drops);
    for (int64_t i = 0; i < view_snapshot_customers(snapshot) && code == LX_OK; i++) {
        view_snapshot_facts(snapshot, i, &facts);
        view_snapshot_customer(snapshot, i, customer_values);
        if (reads_pairs) view_snapshot_pairs(snapshot, i, pair_values);
        code = rules_judge(book->rules, &question, NULL, refused, err);
        for (size_t k = 0; k < product_count && code == LX_OK; k++)
            if (refused[k] != RULE_NONE) ret_drops[refused[k]]++;
    }
    *ret_pairs = (uint64_t)view_snapshot_customers(snapshot) * product_count;
    lx_free(pair_values);
    return code;
}
