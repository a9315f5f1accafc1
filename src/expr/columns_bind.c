#include <string.h>

#include "expr/columns_plan.h"

struct binder {
    struct expr_plan *plan;
    struct lx_error *err;
};

static enum lx_err no_memory(const struct binder *binder)
{
    return lx_fail(binder->err, LX_ERR_NO_MEMORY, "expression over columns: out of memory");
}

/* ---- Columns ---- */

const struct expr_column *plan_column(const struct expr_plan *plan, const struct expr_node *node)
{
    if (node->op == EXPR_OP_FIELD) return &plan->fields[node->index];
    if (node->op != EXPR_OP_CALL && node->op != EXPR_OP_WINDOW) return NULL;
    for (size_t i = 0; i < plan->answer_count; i++)
        if (expr_node_equal(plan->answers[i].node, node)) return &plan->answers[i].column;
    return NULL;
}

static enum lx_err expect_fit(const struct binder *binder, const struct expr_node *node,
                              const struct expr_column *column)
{
    if (column_fits(column, node->type)) return LX_OK;
    return lx_fail(binder->err, LX_ERR_BAD_INPUT, "%u:%u: the table's column is not of type %s",
                   node->line, node->column, expr_type_name(node->type));
}

static enum lx_err bind_field(const struct binder *binder, const struct expr_node *node)
{
    struct expr_plan *plan = binder->plan;
    struct expr_column *column = &plan->fields[node->index];
    if (plan->has_field[node->index]) return LX_OK;
    enum lx_err code = plan->table->field(plan->table->context, node->index, column, binder->err);
    if (code == LX_OK) code = expect_fit(binder, node, column);
    plan->has_field[node->index] = code == LX_OK;
    return code;
}

static enum lx_err keep_answer(const struct binder *binder, const struct expr_node *node,
                               const struct expr_column *column)
{
    enum lx_err code = expect_fit(binder, node, column);
    if (code == LX_OK)
        binder->plan->answers[binder->plan->answer_count++] = (struct plan_answer){node, *column};
    return code;
}

static bool has_literals_only(const struct expr_node *node)
{
    for (uint32_t i = 0; i < node->child_count; i++)
        if (node->children[i]->op != EXPR_OP_LITERAL) return false;
    return true;
}

static enum lx_err bind_call(const struct binder *binder, const struct expr_node *node)
{
    const struct expr_table *table = binder->plan->table;
    struct expr_value arguments[EXPR_ARGUMENTS_MAX];
    struct expr_column column;
    bool has_column = false;
    enum lx_err code = LX_OK;
    if (plan_column(binder->plan, node) != NULL) return LX_OK;
    if (table->call != NULL && has_literals_only(node)) {
        for (uint32_t i = 0; i < node->child_count; i++) arguments[i] = node->children[i]->value;
        code = table->call(table->context, node->index, arguments, node->child_count, &column,
                           &has_column, binder->err);
    }
    if (code != LX_OK) return code;
    if (has_column) return keep_answer(binder, node, &column);
    if (table->call_row == NULL)
        return lx_fail(binder->err, LX_ERR_NOT_BUILT, "%u:%u: the table does not answer `%s`",
                       node->line, node->column,
                       binder->plan->expr->schema->functions[node->index].name);
    return LX_OK;
}

static enum lx_err bind_columns(const struct binder *binder, const struct expr_node *node);

static enum lx_err bind_window(const struct binder *binder, const struct expr_node *node)
{
    const struct expr_table *table = binder->plan->table;
    const struct expr_window *window = &binder->plan->expr->windows[node->index];
    struct expr_column column;
    bool has_column = false;
    enum lx_err code = LX_OK;
    if (table->window != NULL)
        code = table->window(table->context, window, &column, &has_column, binder->err);
    if (code != LX_OK) return code;
    if (has_column) return keep_answer(binder, node, &column);
    if (table->window_row == NULL)
        return lx_fail(binder->err, LX_ERR_NOT_BUILT, "%u:%u: the table does not answer windows",
                       node->line, node->column);
    if (window->argument != NULL) code = bind_columns(binder, window->argument);
    if (code == LX_OK && window->where != NULL) code = bind_columns(binder, window->where);
    return code;
}

/* Every column that the tree reads. */
static enum lx_err bind_columns(const struct binder *binder, const struct expr_node *node)
{
    enum lx_err code = LX_OK;
    if (node->op == EXPR_OP_FIELD) code = bind_field(binder, node);
    if (node->op == EXPR_OP_CALL) code = bind_call(binder, node);
    if (node->op == EXPR_OP_WINDOW) return bind_window(binder, node);
    for (uint32_t i = 0; i < node->child_count && code == LX_OK; i++)
        code = bind_columns(binder, node->children[i]);
    return code;
}

/* ---- Nodes ---- */

static enum lx_err bind_truth(const struct binder *binder, const struct expr_node *node,
                              struct plan_node **ret_bound);
static enum lx_err bind_value(const struct binder *binder, const struct expr_node *node,
                              struct plan_node **ret_bound);

/* Whether evaluating the node can fail, apart from its children. */
static bool can_fail(const struct expr_plan *plan, const struct expr_node *node)
{
    switch (node->op) {
    case EXPR_OP_CALL:
    case EXPR_OP_WINDOW: return plan_column(plan, node) == NULL;
    case EXPR_OP_DATE_MINUS_DATE:
    case EXPR_OP_REMAINDER:
    case EXPR_OP_TO_REAL:
    case EXPR_OP_LN: return false;
    default:
        return node->op >= EXPR_OP_NEGATE && node->op < EXPR_OP_CASE
                   ? true
                   : node->op == EXPR_OP_ABS || node->op == EXPR_OP_ROUND ||
                         node->op == EXPR_OP_FLOOR;
    }
}

static bool can_anything_fail(const struct expr_plan *plan, const struct expr_node *node)
{
    if (can_fail(plan, node)) return true;
    for (uint32_t i = 0; i < node->child_count; i++)
        if (can_anything_fail(plan, node->children[i])) return true;
    return false;
}

static struct plan_node *new_node(const struct binder *binder, enum plan_op op,
                                  const struct expr_node *node, uint32_t child_count)
{
    struct plan_node *bound = lx_arena_alloc(&binder->plan->arena, sizeof *bound);
    if (bound == NULL) return NULL;
    bound->op = op;
    bound->node = node;
    bound->may_be_null = true;
    bound->child_count = child_count;
    bound->cost = 0.05;
    bound->pass = 0.5;
    bound->children = lx_arena_array(&binder->plan->arena, child_count, sizeof *bound->children);
    return bound->children == NULL ? NULL : bound;
}

/* Row by row, by expr_evaluate_node. */
static enum lx_err bind_rows(const struct binder *binder, const struct expr_node *node,
                             enum plan_op op, struct plan_node **ret_bound)
{
    struct plan_node *bound = new_node(binder, op, node, 0);
    if (bound == NULL) return no_memory(binder);
    bound->can_fail = can_anything_fail(binder->plan, node);
    bound->cost = 200;
    bound->slot_count = op == PLAN_ROW_VALUES;
    binder->plan->row_node_count++;
    *ret_bound = bound;
    return LX_OK;
}

/* Slots in use when a child begins: the values before it that are compared with it, or the one that
 * it is combined with. */
static uint32_t slots_before(const struct plan_node *bound, uint32_t child)
{
    switch (bound->op) {
    case PLAN_COMPARE:
    case PLAN_BETWEEN: return child;
    case PLAN_TRUTH_VALUE:
    case PLAN_CASE: return 1;
    case PLAN_BINARY:
    case PLAN_COALESCE:
    case PLAN_NULLIF:
    case PLAN_EXTREME: return child > 0;
    default: return 0;
    }
}

/* What a node has from its children. */
static void sum_up(const struct expr_plan *plan, struct plan_node *bound)
{
    bound->can_fail = can_fail(plan, bound->node);
    bound->slot_count = bound->op >= PLAN_LITERAL;
    for (uint32_t i = 0; i < bound->child_count; i++) {
        const struct plan_node *child = bound->children[i];
        uint32_t needed = child->slot_count + slots_before(bound, i);
        bound->can_fail |= child->can_fail;
        bound->cost += child->cost;
        if (bound->slot_count < needed) bound->slot_count = needed;
    }
}

static enum lx_err bind_children(
    const struct binder *binder, const struct expr_node *node, enum plan_op op,
    enum lx_err (*child)(const struct binder *, const struct expr_node *, struct plan_node **),
    struct plan_node **ret_bound)
{
    struct plan_node *bound = new_node(binder, op, node, node->child_count);
    if (bound == NULL) return no_memory(binder);
    for (uint32_t i = 0; i < node->child_count; i++) {
        enum lx_err code = child(binder, node->children[i], &bound->children[i]);
        if (code != LX_OK) return code;
    }
    sum_up(binder->plan, bound);
    *ret_bound = bound;
    return LX_OK;
}

static enum lx_err bind_constant(const struct binder *binder, const struct expr_node *node,
                                 enum plan_op op, const struct expr_value *value,
                                 struct plan_node **ret_bound)
{
    struct plan_node *bound = new_node(binder, op, node, 0);
    if (bound == NULL) return no_memory(binder);
    bound->value = *value;
    bound->may_be_null = value->is_null;
    bound->slot_count = op == PLAN_LITERAL;
    bound->cost = 0.01;
    *ret_bound = bound;
    return LX_OK;
}

/* ---- Tables by code ---- */

/* The one column of codes that the tree reads; NULL if there is another thing it reads. */
static const struct expr_node *only_code(const struct expr_plan *plan, const struct expr_node *node,
                                         const struct expr_node *found, bool *is_other)
{
    if (node->op == EXPR_OP_FIELD) {
        const struct expr_column *column = &plan->fields[node->index];
        *is_other |= found != NULL && found->index != node->index;
        *is_other |= !column_is_code(column) && node->type != EXPR_ENUM;
        return node;
    }
    *is_other |= node->op == EXPR_OP_CALL || node->op == EXPR_OP_WINDOW ||
                 node->op == EXPR_OP_RELATION_FIELD;
    for (uint32_t i = 0; i < node->child_count && !*is_other; i++)
        found = only_code(plan, node->children[i], found, is_other);
    return found;
}

static enum lx_err give_value(void *context, size_t field, struct expr_value *ret_value,
                              struct lx_error *err)
{
    *ret_value = *(const struct expr_value *)context;
    return LX_OK;
}

static uint32_t code_count_of(const struct expr_column *column, const struct expr_node *field)
{
    if (column_is_code(column)) return (uint32_t)column->strings.count;
    return field->enumeration->value_count;
}

static size_t table_words(const struct plan_node *bound)
{
    switch (column_element_size(bound->column->storage)) {
    case 1: return 256 / 64;
    case 2: return 65536 / 64;
    default: return frame_bit_words(bound->code_count) + 1;
    }
}

/* Codes that the file or the enumeration does not have are left false. */
static bool fill_table(const struct expr_plan *plan, struct plan_node *bound)
{
    struct expr_value value = {.is_null = true}, result;
    const struct expr_row row = {
        .context = &value, .today = plan->table->today, .field = give_value};
    const struct frame_strings *strings = &bound->column->strings;
    struct lx_error ignored;
    bool has_null = false;
    if (expr_evaluate_node(plan->expr, bound->node, &row, &bound->null_value, &ignored) != LX_OK)
        return false;
    value.is_null = false;
    for (uint32_t code = 0; code < bound->code_count; code++) {
        value.as.integer = code;
        if (column_is_code(bound->column)) {
            value.as.string.text = strings->bytes + strings->offsets[code];
            value.as.string.length = (size_t)(strings->offsets[code + 1] - strings->offsets[code]);
        }
        if (expr_evaluate_node(plan->expr, bound->node, &row, &result, &ignored) != LX_OK)
            return false;
        uint64_t bit = (uint64_t)1 << code % 64;
        if (result.is_null) bound->is_null[code / 64] |= bit;
        if (!result.is_null && result.as.integer != 0) bound->is_true[code / 64] |= bit;
        has_null |= result.is_null;
    }
    if (!has_null) bound->is_null = NULL;
    return true;
}

/* Codes without a gap are a range, which is looked up faster than a table. */
static void narrow_table(struct plan_node *bound)
{
    uint32_t first = 0, last, code;
    if (bound->is_null != NULL || !bound->null_value.is_null) return;
    while (first < bound->code_count && !plan_bit(bound->is_true, first)) first++;
    for (last = first; last + 1 < bound->code_count && plan_bit(bound->is_true, last + 1);) last++;
    for (code = last + 1; code < bound->code_count; code++)
        if (plan_bit(bound->is_true, code)) return;
    if (first >= bound->code_count) return;
    bound->op = PLAN_RANGE;
    bound->low = first;
    bound->span = last - first;
}

/* *ret_bound stays NULL where the node is not of that kind. */
static enum lx_err bind_table(const struct binder *binder, const struct expr_node *node,
                              struct plan_node **ret_bound)
{
    struct expr_plan *plan = binder->plan;
    bool is_other = false;
    const struct expr_node *field = only_code(plan, node, NULL, &is_other);
    if (is_other || field == NULL) return LX_OK;
    struct plan_node *bound = new_node(binder, PLAN_TABLE, node, 0);
    if (bound == NULL) return no_memory(binder);
    bound->column = &plan->fields[field->index];
    bound->code_count = code_count_of(bound->column, field);
    if (bound->code_count > 256 && column_element_size(bound->column->storage) == 1)
        bound->code_count = 256;
    size_t words = table_words(bound);
    bound->is_true = lx_arena_array(&plan->arena, words, sizeof *bound->is_true);
    bound->is_null = lx_arena_array(&plan->arena, words, sizeof *bound->is_null);
    if (bound->is_true == NULL || bound->is_null == NULL) return no_memory(binder);
    if (!fill_table(plan, bound)) return LX_OK;
    narrow_table(bound);
    bound->may_be_null =
        bound->is_null != NULL || (bound->column->nulls != NULL && bound->null_value.is_null);
    bound->cost = bound->op == PLAN_RANGE                            ? 0.1
                  : column_element_size(bound->column->storage) == 1 ? 0.15
                                                                     : 1.5;
    *ret_bound = bound;
    return LX_OK;
}

/* ---- Predicates ---- */

static void cost_of_column(struct plan_node *bound)
{
    size_t size = column_element_size(bound->column->storage);
    bound->cost = size == 0 ? 0.02 : 0.06 * (double)size;
    bound->may_be_null = bound->column->nulls != NULL || column_is_real(bound->column);
}

static enum lx_err bind_comparison(const struct binder *binder, const struct expr_node *node,
                                   struct plan_node **ret_bound)
{
    enum expr_type type = node->children[0]->type;
    struct plan_node *bound = new_node(binder, PLAN_COMPARE, node, 0);
    if (bound == NULL) return no_memory(binder);
    if (type == EXPR_STRING || type == EXPR_NULL)
        return bind_rows(binder, node, PLAN_ROWS, ret_bound);
    if (!plan_bind_range(binder->plan, node, bound)) {
        enum plan_op op = node->op == EXPR_OP_BETWEEN ? PLAN_BETWEEN : PLAN_COMPARE;
        return bind_children(binder, node, op, bind_value, ret_bound);
    }
    if (bound->column != NULL) cost_of_column(bound);
    *ret_bound = bound;
    return LX_OK;
}

/* A BOOLEAN that lies in a column. */
static enum lx_err bind_boolean(const struct binder *binder, const struct expr_node *node,
                                const struct expr_column *column, struct plan_node **ret_bound)
{
    bool is_byte = column->storage == EXPR_STORE_U8;
    struct plan_node *bound = new_node(binder, is_byte ? PLAN_RANGE : PLAN_BITS, node, 0);
    if (bound == NULL) return no_memory(binder);
    bound->column = column;
    bound->low = 1;
    bound->span = UINT8_MAX - 1;
    cost_of_column(bound);
    *ret_bound = bound;
    return LX_OK;
}

static enum lx_err bind_is_null(const struct binder *binder, const struct expr_node *node,
                                struct plan_node **ret_bound)
{
    const struct expr_node *child = node->children[0];
    const struct expr_column *column = plan_column(binder->plan, child);
    enum lx_err code;
    if (column != NULL) {
        struct plan_node *bound = new_node(binder, PLAN_COLUMN_IS_NULL, node, 0);
        if (bound == NULL) return no_memory(binder);
        bound->column = column;
        cost_of_column(bound);
        if (!column_is_real(column)) bound->cost = 0.02;
        bound->may_be_null = false;
        *ret_bound = bound;
        return LX_OK;
    }
    if (child->type == EXPR_STRING || child->type == EXPR_SET || child->type == EXPR_NULL)
        code = bind_rows(binder, node, PLAN_ROWS, ret_bound);
    else if (child->type == EXPR_BOOLEAN)
        code = bind_children(binder, node, PLAN_IS_NULL, bind_truth, ret_bound);
    else
        code = bind_children(binder, node, PLAN_VALUE_IS_NULL, bind_value, ret_bound);
    if (code == LX_OK) (*ret_bound)->may_be_null = false;
    return code;
}

static enum lx_err bind_in(const struct binder *binder, const struct expr_node *node,
                           struct plan_node **ret_bound)
{
    if (node->children[0]->type == EXPR_STRING)
        return bind_rows(binder, node, PLAN_ROWS, ret_bound);
    enum lx_err code = bind_children(binder, node, PLAN_IN, bind_value, ret_bound);
    if (code == LX_OK) (*ret_bound)->cost += 5;
    return code;
}

static enum lx_err bind_logic(const struct binder *binder, const struct expr_node *node,
                              struct plan_node **ret_bound)
{
    static const enum plan_op ops[] = {
        [EXPR_OP_NOT] = PLAN_NOT,
        [EXPR_OP_AND] = PLAN_AND,
        [EXPR_OP_OR] = PLAN_OR,
        [EXPR_OP_IS_TRUE] = PLAN_IS_TRUE,
        [EXPR_OP_IS_FALSE] = PLAN_IS_FALSE,
    };
    enum lx_err code = bind_children(binder, node, ops[node->op], bind_truth, ret_bound);
    if (code != LX_OK) return code;
    struct plan_node *bound = *ret_bound;
    bound->may_be_null = false;
    if (bound->op == PLAN_IS_TRUE || bound->op == PLAN_IS_FALSE) return LX_OK;
    for (uint32_t i = 0; i < bound->child_count; i++)
        bound->may_be_null |= bound->children[i]->may_be_null;
    return LX_OK;
}

/* CASE, COALESCE and the like of BOOLEANs. */
static enum lx_err bind_holds(const struct binder *binder, const struct expr_node *node,
                              struct plan_node **ret_bound)
{
    struct plan_node *bound = new_node(binder, PLAN_VALUE_HOLDS, node, 1);
    if (bound == NULL) return no_memory(binder);
    enum lx_err code = bind_value(binder, node, &bound->children[0]);
    if (code != LX_OK) return code;
    sum_up(binder->plan, bound);
    *ret_bound = bound;
    return LX_OK;
}

static bool is_choice(enum expr_op op)
{
    return op == EXPR_OP_CASE || op == EXPR_OP_COALESCE || op == EXPR_OP_NULLIF ||
           op == EXPR_OP_LEAST || op == EXPR_OP_GREATEST;
}

static enum lx_err bind_truth(const struct binder *binder, const struct expr_node *node,
                              struct plan_node **ret_bound)
{
    struct expr_value value;
    const struct expr_column *column = plan_column(binder->plan, node);
    *ret_bound = NULL;
    if (plan_fold(binder->plan, node, &value))
        return bind_constant(binder, node, PLAN_CONSTANT, &value, ret_bound);
    if (column != NULL) return bind_boolean(binder, node, column, ret_bound);
    enum lx_err code = bind_table(binder, node, ret_bound);
    if (code != LX_OK || *ret_bound != NULL) return code;
    if (is_choice(node->op)) return bind_holds(binder, node, ret_bound);
    switch (node->op) {
    case EXPR_OP_NOT:
    case EXPR_OP_AND:
    case EXPR_OP_OR:
    case EXPR_OP_IS_TRUE:
    case EXPR_OP_IS_FALSE: return bind_logic(binder, node, ret_bound);
    case EXPR_OP_IS_NULL: return bind_is_null(binder, node, ret_bound);
    case EXPR_OP_EQ:
    case EXPR_OP_NE:
    case EXPR_OP_LT:
    case EXPR_OP_LE:
    case EXPR_OP_GT:
    case EXPR_OP_GE:
    case EXPR_OP_BETWEEN: return bind_comparison(binder, node, ret_bound);
    case EXPR_OP_IN: return bind_in(binder, node, ret_bound);
    default: return bind_rows(binder, node, PLAN_ROWS, ret_bound);
    }
}

/* ---- Values ---- */

static enum lx_err bind_load(const struct binder *binder, const struct expr_node *node,
                             const struct expr_column *column, struct plan_node **ret_bound)
{
    struct plan_node *bound = new_node(binder, PLAN_LOAD, node, 0);
    if (bound == NULL) return no_memory(binder);
    bound->column = column;
    bound->slot_count = 1;
    bound->cost = 0.3;
    *ret_bound = bound;
    return LX_OK;
}

static enum lx_err bind_truth_value(const struct binder *binder, const struct expr_node *node,
                                    struct plan_node **ret_bound)
{
    struct plan_node *bound = new_node(binder, PLAN_TRUTH_VALUE, node, 1);
    if (bound == NULL) return no_memory(binder);
    enum lx_err code = bind_truth(binder, node, &bound->children[0]);
    if (code != LX_OK) return code;
    sum_up(binder->plan, bound);
    *ret_bound = bound;
    return LX_OK;
}

static enum lx_err bind_case(const struct binder *binder, const struct expr_node *node,
                             struct plan_node **ret_bound)
{
    struct plan_node *bound = new_node(binder, PLAN_CASE, node, node->child_count);
    if (bound == NULL) return no_memory(binder);
    for (uint32_t i = 0; i < node->child_count; i++) {
        bool is_condition = i % 2 == 0 && i + 1 < node->child_count;
        enum lx_err code = (is_condition ? bind_truth : bind_value)(binder, node->children[i],
                                                                    &bound->children[i]);
        if (code != LX_OK) return code;
    }
    sum_up(binder->plan, bound);
    *ret_bound = bound;
    return LX_OK;
}

/* Operators that have a loop over vectors; PLAN_ROW_VALUES for the others. */
static enum plan_op vector_op(const struct expr_node *node)
{
    switch (node->op) {
    case EXPR_OP_NEGATE:
    case EXPR_OP_ABS:
    case EXPR_OP_ROUND:
    case EXPR_OP_FLOOR:
    case EXPR_OP_TO_REAL:
    case EXPR_OP_LN: return PLAN_UNARY;
    case EXPR_OP_ADD:
    case EXPR_OP_SUBTRACT:
    case EXPR_OP_MULTIPLY:
    case EXPR_OP_DIVIDE:
    case EXPR_OP_REMAINDER:
    case EXPR_OP_MONEY_TIMES_INTEGER:
    case EXPR_OP_MONEY_TIMES_REAL:
    case EXPR_OP_MONEY_BY_INTEGER:
    case EXPR_OP_MONEY_BY_REAL:
    case EXPR_OP_MONEY_BY_MONEY:
    case EXPR_OP_DATE_PLUS_DAYS:
    case EXPR_OP_DATE_PLUS_MONTHS:
    case EXPR_OP_DATE_MINUS_DATE: return PLAN_BINARY;
    case EXPR_OP_CASE: return PLAN_CASE;
    case EXPR_OP_COALESCE: return PLAN_COALESCE;
    case EXPR_OP_NULLIF: return PLAN_NULLIF;
    case EXPR_OP_LEAST:
    case EXPR_OP_GREATEST: return PLAN_EXTREME;
    default: return PLAN_ROW_VALUES;
    }
}

static enum lx_err bind_value(const struct binder *binder, const struct expr_node *node,
                              struct plan_node **ret_bound)
{
    struct expr_value value;
    const struct expr_column *column = plan_column(binder->plan, node);
    if (plan_fold(binder->plan, node, &value))
        return bind_constant(binder, node, PLAN_LITERAL, &value, ret_bound);
    if (column != NULL && (column_is_integer(column) || column_is_real(column)))
        return bind_load(binder, node, column, ret_bound);
    if (node->type == EXPR_BOOLEAN && !is_choice(node->op))
        return bind_truth_value(binder, node, ret_bound);
    enum plan_op op = vector_op(node);
    if (op == PLAN_CASE) return bind_case(binder, node, ret_bound);
    if (op == PLAN_ROW_VALUES) return bind_rows(binder, node, op, ret_bound);
    enum lx_err code = bind_children(binder, node, op, bind_value, ret_bound);
    if (code == LX_OK) (*ret_bound)->cost += 1;
    return code;
}

/* ---- All of it ---- */

static size_t answer_limit(const struct expr *expr)
{
    size_t count = 1;
    for (size_t i = 0; i < expr->node_count; i++)
        count += expr->nodes[i].op == EXPR_OP_CALL || expr->nodes[i].op == EXPR_OP_WINDOW;
    return count;
}

enum lx_err plan_bind(struct expr_plan *plan, struct lx_error *err)
{
    const struct binder binder = {plan, err};
    const struct expr_node *root = plan->expr->root;
    size_t field_count = plan->expr->schema->field_count + 1;
    plan->fields = lx_arena_array(&plan->arena, field_count, sizeof *plan->fields);
    plan->has_field = lx_arena_array(&plan->arena, field_count, sizeof *plan->has_field);
    plan->answers = lx_arena_array(&plan->arena, answer_limit(plan->expr), sizeof *plan->answers);
    if (plan->fields == NULL || plan->has_field == NULL || plan->answers == NULL)
        return no_memory(&binder);

    enum lx_err code = bind_columns(&binder, root);
    if (code != LX_OK) return code;
    if (root->type == EXPR_BOOLEAN) return bind_truth(&binder, root, &plan->root);
    if (root->type == EXPR_STRING || root->type == EXPR_SET || root->type == EXPR_NULL)
        return bind_rows(&binder, root, PLAN_ROW_VALUES, &plan->root);
    return bind_value(&binder, root, &plan->root);
}
