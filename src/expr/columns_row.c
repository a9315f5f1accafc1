#include <string.h>

#include "expr/columns_plan.h"

static enum lx_err read_field(void *context, size_t field, struct expr_value *ret_value,
                              struct lx_error *err)
{
    const struct plan_reader *reader = context;
    const struct expr_plan *plan = reader->plan;
    const struct expr_field *own = &plan->expr->schema->fields[field];
    LX_ASSERT(plan->has_field[field]);
    expr_column_value(&plan->fields[field], own->type, own->enumeration, reader->row, ret_value);
    return LX_OK;
}

static bool has_arguments(const struct expr_node *node, const struct expr_value *arguments)
{
    for (uint32_t i = 0; i < node->child_count; i++) {
        const struct expr_node *own = node->children[i];
        if (own->value.is_null || arguments[i].is_null) {
            if (own->value.is_null != arguments[i].is_null) return false;
        } else if (expr_value_compare(own->type, &own->value, &arguments[i]) != 0) {
            return false;
        }
    }
    return true;
}

static enum lx_err read_call(void *context, size_t function, const struct expr_value *arguments,
                             size_t argument_count, struct expr_value *ret_value,
                             struct lx_error *err)
{
    const struct plan_reader *reader = context;
    const struct expr_plan *plan = reader->plan;
    for (size_t i = 0; i < plan->answer_count; i++) {
        const struct expr_node *node = plan->answers[i].node;
        if (node->op != EXPR_OP_CALL || node->index != function ||
            node->child_count != argument_count || !has_arguments(node, arguments))
            continue;
        expr_column_value(&plan->answers[i].column, node->type, node->enumeration, reader->row,
                          ret_value);
        return LX_OK;
    }
    return plan->table->call_row(plan->table->context, reader->row, function, arguments,
                                 argument_count, ret_value, err);
}

static enum lx_err read_window(void *context, const struct expr_window *window,
                               struct expr_value *ret_value, struct lx_error *err)
{
    const struct plan_reader *reader = context;
    const struct expr_plan *plan = reader->plan;
    for (size_t i = 0; i < plan->answer_count; i++) {
        const struct expr_node *node = plan->answers[i].node;
        if (node->op != EXPR_OP_WINDOW || &plan->expr->windows[node->index] != window) continue;
        expr_column_value(&plan->answers[i].column, node->type, node->enumeration, reader->row,
                          ret_value);
        return LX_OK;
    }
    return plan->table->window_row(plan->table->context, reader->row, window, &reader->as_row,
                                   ret_value, err);
}

void plan_reader_init(struct plan_reader *reader, const struct expr_plan *plan)
{
    *reader = (struct plan_reader){
        .plan = plan,
        .as_row = {.context = reader,
                   .today = plan->table->today,
                   .field = read_field,
                   .call = read_call,
                   .window = read_window},
    };
}
