#include "decide/rule_book.h"

#include <string.h>

static enum lx_err open_schema(struct rule_book *book, struct lx_error *err)
{
    return rule_schema_open(view_features_schema(book->features), &book->schema, err);
}

enum lx_err rule_book_open_schema(struct view_schema *view, struct rule_book *ret_book,
                                  struct lx_error *err)
{
    struct rule_book book = {0};
    enum lx_err code = view_features_parse_shipped(view, &book.features, err);
    if (code == LX_OK) code = open_schema(&book, err);
    if (code == LX_OK)
        *ret_book = book;
    else
        rule_book_release(&book);
    return code;
}

enum lx_err rule_book_open(struct bank *bank, struct rule_book *ret_book, struct lx_error *err)
{
    struct view_features *features = NULL;
    enum lx_err code = view_features_open(bank, &features, err);
    if (code == LX_OK) code = rule_book_open_with(bank, features, ret_book, err);
    view_features_close(features);
    return code;
}

enum lx_err rule_book_open_with(struct bank *bank, const struct view_features *features,
                                struct rule_book *ret_book, struct lx_error *err)
{
    struct rule_book book = {.features = view_features_share(features)};
    enum lx_err code = open_schema(&book, err);
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
    view_features_close(book->features);
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
    size_t product_count = context->catalogue->count,
           pair_count = view_features_count(view_snapshot_features(snapshot), VIEW_PAIR);
    struct view_scratch *scratch = NULL;
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
    enum lx_err code =
        view_scratch_open(view_snapshot_features(snapshot), context->catalogue, &scratch, err);
    memset(ret_drops, 0, rules_count(book->rules) * sizeof *ret_drops);
    for (int64_t i = 0; i < view_snapshot_customers(snapshot) && code == LX_OK; i++) {
        view_snapshot_facts(snapshot, i, &facts);
        view_snapshot_customer(snapshot, i, customer_values);
        if (reads_pairs) view_snapshot_pairs(snapshot, i, scratch, pair_values);
        code = rules_judge(book->rules, &question, NULL, refused, err);
        for (size_t k = 0; k < product_count && code == LX_OK; k++)
            if (refused[k] != RULE_NONE) ret_drops[refused[k]]++;
    }
    *ret_pairs = (uint64_t)view_snapshot_customers(snapshot) * product_count;
    view_scratch_close(scratch);
    lx_free(pair_values);
    return code;
}
