#include "view/ask.h"

#include "view/program.h"
#include "view/past.h"

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

/* A derived pair feature may ask; it is not worth knowing which do. */
static bool asks_peers(const struct view_features *features, const struct expr_node *node)
{
    size_t place;
    if (node->op == EXPR_OP_CALL) return view_schema_asks_peers(node->index);
    if (node->op != EXPR_OP_FIELD) return false;
    switch (view_schema_field_kind(view_features_schema(features), node->index, &place)) {
    case VIEW_FIELD_CUSTOMER_FEATURE: return view_features_is_late(features, place);
    case VIEW_FIELD_PAIR_FEATURE: return view_features_is_derived(features, place);
    default: return false;
    }
}

bool view_ask_needs_peers(const struct view_features *features, const struct expr *expr)
{
    for (size_t i = 0; i < expr->node_count; i++)
        if (asks_peers(features, &expr->nodes[i])) return true;
    return false;
}

/* The reading comes first: the schema's callbacks take one. */
struct asking {
    struct view_reading reading;
    const struct expr *expr;
    const struct view_answer *answer;
    struct view_scratch *scratch;
    struct program program; /* of the expression's own windows */
    struct run run;
    uint16_t places[EXPR_WINDOWS_MAX];
    struct view_facts facts;
    float values[LX_FEATURES_MAX];
};

static enum lx_err read_window(void *context, const struct expr_window *window,
                               struct expr_value *ret_value, struct lx_error *err)
{
    struct asking *asking = context;
    size_t number = (size_t)(window - expr_window_at(asking->expr, 0));
    return run_value(&asking->run, asking->places[number], ret_value, err);
}

static enum lx_err answer_one(struct asking *asking, struct lx_error *err)
{
    const struct view_answer *answer = asking->answer;
    struct expr_row row = view_reading_row(&asking->reading);
    struct expr_value value;
    row.window = read_window;
    enum lx_err code = expr_evaluate(asking->expr, &row, &value, err);
    if (code != LX_OK) return code;
    return answer->take(answer->context, asking->reading.product, &value, err);
}

static enum lx_err answer_products(struct asking *asking, const struct view_features *features,
                                   const struct bank_history *history, struct lx_error *err)
{
    const struct view_context *context = asking->reading.context;
    size_t stride = view_features_count(features, VIEW_PAIR), count = context->catalogue->count;
    int64_t as_of_ms = asking->reading.as_of_ms;
    float *values = lx_malloc((count * stride + 1) * sizeof *values);
    enum lx_err code = LX_OK;
    if (values == NULL) return lx_fail(err, LX_ERR_NO_MEMORY, "ask: out of memory");
    view_compute_kept(asking->scratch, history, context, &asking->facts, as_of_ms, asking->values,
                      values);
    view_compute_derived(asking->scratch, context, &asking->facts, as_of_ms, asking->values,
                         values);
    for (size_t i = 0; i < count && code == LX_OK; i++) {
        view_reading_turn(&asking->reading, (int)i, values + i * stride);
        code = answer_one(asking, err);
    }
    lx_free(values);
    return code;
}

static enum lx_err prepare(struct asking *asking, const struct view_features *features,
                           const struct bank_catalogue *catalogue, struct lx_error *err)
{
    const struct program_source source = {asking->expr, asking->places};
    enum lx_err code = view_scratch_open(features, catalogue, &asking->scratch, err);
    if (code == LX_OK)
        code = program_make(view_features_schema(features), &source, 1, &asking->program, err);
    if (code == LX_OK) code = run_open(&asking->program, catalogue, &asking->run, err);
    return code;
}

static enum lx_err answer_all(struct asking *asking, const struct view_features *features,
                              enum view_scope scope, const struct bank_history *history,
                              const struct view_as_of *moment, struct lx_error *err)
{
    const struct view_context *context = moment->context;
    const struct view_moment at = view_moment_of(moment->as_of_ms, context->utc_offset_minutes);
    view_facts(history, context, moment->as_of_ms, &asking->facts);
    view_compute_customer(asking->scratch, history, context, &asking->facts, moment->as_of_ms,
                          asking->values);
    view_reading_begin(view_features_schema(features), context, &asking->facts,
                       view_profile_at(history, &at), moment->as_of_ms, asking->values,
                       &asking->reading);
    view_reading_find_peers(&asking->reading);
    run_pass(&asking->run, history, &asking->reading);
    if (scope == VIEW_PAIR) return answer_products(asking, features, history, err);
    return answer_one(asking, err);
}

enum lx_err view_ask(const struct view_features *features, const struct expr *expr,
                     enum view_scope scope, const struct bank_history *history,
                     const struct view_as_of *moment, const struct view_answer *answer,
                     struct lx_error *err)
{
    LX_ASSERT(features != NULL && expr != NULL && history != NULL && moment != NULL);
    LX_ASSERT(answer != NULL && answer->take != NULL);

    struct asking *asking = lx_calloc(1, sizeof *asking);
    if (asking == NULL) return lx_fail(err, LX_ERR_NO_MEMORY, "ask: out of memory");
    asking->expr = expr;
    asking->answer = answer;
    enum lx_err code = prepare(asking, features, moment->context->catalogue, err);
    if (code == LX_OK) code = answer_all(asking, features, scope, history, moment, err);
    run_release(&asking->run);
    program_release(&asking->program);
    view_scratch_close(asking->scratch);
    lx_free(asking);
    return code;
}
