#include "view/ask.h"

#include <string.h>

#include "expr/tree.h"
#include "view/feature_table.h"
#include "view/past.h"
#include "view/state.h"

/* What a feature is read as; the snapshot has it as a float. */
static enum expr_type type_of(const struct view_feature *feature)
{
    switch (feature->unit) {
    case VIEW_UNIT_FEN: return EXPR_MONEY;
    case VIEW_UNIT_FLAG: return EXPR_BOOLEAN;
    case VIEW_UNIT_COUNT:
    case VIEW_UNIT_DAYS:
    case VIEW_UNIT_LEVEL:
    case VIEW_UNIT_SECONDS: return EXPR_INTEGER;
    default: return EXPR_REAL;
    }
}

static enum lx_err add_features(struct view_schema *schema, enum view_scope scope,
                                struct lx_error *err)
{
    bool is_pair = scope == VIEW_PAIR;
    size_t count = is_pair ? view_pair_feature_count() : view_customer_feature_count();
    enum lx_err code = LX_OK;
    for (size_t i = 0; i < count && code == LX_OK; i++) {
        const struct view_feature *feature =
            is_pair ? view_pair_feature(i) : view_customer_feature(i);
        code =
            view_schema_add(schema, scope, feature->name, feature->zh, type_of(feature), NULL, err);
    }
    return code;
}

enum lx_err view_ask_schema(struct bank *bank, struct view_schema **ret_schema,
                            struct lx_error *err)
{
    static const size_t cohort[] = {VIEW_CUSTOMER_age, VIEW_CUSTOMER_balance,
                                    VIEW_CUSTOMER_acts_90d};
    struct view_schema *schema = NULL;
    enum lx_err code = view_schema_open_bank(bank, &schema, err);
    if (code != LX_OK) return code;
    code = add_features(schema, VIEW_CUSTOMER, err);
    view_schema_seal(schema);
    if (code == LX_OK) code = add_features(schema, VIEW_PAIR, err);
    if (code != LX_OK) {
        view_schema_close(schema);
        return code;
    }
    view_schema_set_cohort(schema, cohort);
    *ret_schema = schema;
    return LX_OK;
}

enum lx_err view_ask_compile(const struct view_schema *schema, const char *text, size_t length,
                             struct expr **ret_expr, enum view_scope *ret_scope,
                             struct expr_fault *ret_fault, struct lx_error *err)
{
    LX_ASSERT(schema != NULL && text != NULL && ret_expr != NULL && ret_scope != NULL);

    enum view_scope scope = VIEW_CUSTOMER;
    struct lx_error narrow;
    enum lx_err code =
        expr_compile(view_schema_scope(schema, scope), text, length, ret_expr, ret_fault, &narrow);
    if (code == LX_ERR_BAD_INPUT) {
        scope = VIEW_PAIR;
        code =
            expr_compile(view_schema_scope(schema, scope), text, length, ret_expr, ret_fault, err);
    } else if (code != LX_OK) {
        return lx_fail(err, code, "%s", narrow.text);
    }
    if (code == LX_OK) *ret_scope = scope;
    return code;
}

static bool is_of_peers(const struct view_schema *schema, const struct expr_node *node)
{
    size_t place;
    if (node->op == EXPR_OP_CALL) return view_schema_asks_peers(node->index);
    if (node->op != EXPR_OP_FIELD) return false;
    switch (view_schema_field_kind(schema, node->index, &place)) {
    case VIEW_FIELD_CUSTOMER_FEATURE:
        return view_customer_feature(place)->group == VIEW_GROUP_PEERS;
    case VIEW_FIELD_PAIR_FEATURE: return view_pair_feature(place)->group == VIEW_GROUP_PEERS;
    default: return false;
    }
}

bool view_ask_needs_peers(const struct view_schema *schema, const struct expr *expr)
{
    for (size_t i = 0; i < expr->node_count; i++)
        if (is_of_peers(schema, &expr->nodes[i])) return true;
    return false;
}

/* The reading comes first: the schema's callbacks take one. */
struct asking {
    struct view_reading reading;
    const struct expr *expr;
    const struct bank_history *history;
};

static enum lx_err read_window(void *context, const struct expr_window *window,
                               struct expr_value *ret_value, struct lx_error *err)
{
    struct asking *asking = context;
    return view_past_value(asking->expr, window, asking->history, &asking->reading, ret_value, err);
}

static enum lx_err answer_one(struct asking *asking, const struct view_answer *answer,
                              struct lx_error *err)
{
    struct expr_row row = view_reading_row(&asking->reading);
    struct expr_value value;
    row.window = read_window;
    enum lx_err code = expr_evaluate(asking->expr, &row, &value, err);
    if (code != LX_OK) return code;
    return answer->take(answer->context, asking->reading.product, &value, err);
}

static enum lx_err answer_products(struct asking *asking, const struct view_as_of *moment,
                                   const float *customer_values, const struct view_answer *answer,
                                   struct lx_error *err)
{
    size_t stride = view_pair_feature_count(), count = moment->context->catalogue->count;
    float *values = lx_malloc(count * stride * sizeof *values + 1);
    enum lx_err code = LX_OK;
    if (values == NULL) return lx_fail(err, LX_ERR_NO_MEMORY, "ask: out of memory");
    view_pair_features(asking->history, moment->context, moment->as_of_ms, customer_values, values);
    for (size_t i = 0; i < count && code == LX_OK; i++) {
        view_reading_turn(&asking->reading, (int)i, values + i * stride);
        code = answer_one(asking, answer, err);
    }
    lx_free(values);
    return code;
}

enum lx_err view_ask(const struct view_schema *schema, const struct expr *expr,
                     enum view_scope scope, const struct bank_history *history,
                     const struct view_as_of *moment, const struct view_answer *answer,
                     struct lx_error *err)
{
    LX_ASSERT(schema != NULL && expr != NULL && history != NULL && moment != NULL);
    LX_ASSERT(answer != NULL && answer->take != NULL);

    float values[LX_FEATURES_MAX];
    struct view_facts facts;
    struct asking asking = {.expr = expr, .history = history};
    const struct view_context *context = moment->context;
    const struct view_moment at = view_moment_of(moment->as_of_ms, context->utc_offset_minutes);
    view_facts(history, context, moment->as_of_ms, &facts);
    view_customer_features(history, context, moment->as_of_ms, values);
    view_reading_begin(schema, context, &facts, view_profile_at(history, &at), moment->as_of_ms,
                       values, &asking.reading);
    view_reading_find_peers(&asking.reading);
    if (scope == VIEW_PAIR) return answer_products(&asking, moment, values, answer, err);
    return answer_one(&asking, answer, err);
}
