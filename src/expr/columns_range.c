#include <math.h>

#include "expr/columns_plan.h"

/* ---- Constants ---- */

static bool reads_row(const struct expr_node *node)
{
    switch (node->op) {
    case EXPR_OP_FIELD:
    case EXPR_OP_RELATION_FIELD:
    case EXPR_OP_WINDOW:
    case EXPR_OP_CALL: return true;
    default: break;
    }
    for (uint32_t i = 0; i < node->child_count; i++)
        if (reads_row(node->children[i])) return true;
    return false;
}

bool plan_fold(const struct expr_plan *plan, const struct expr_node *node,
               struct expr_value *ret_value)
{
    const struct expr_row no_row = {.today = plan->table->today};
    struct lx_error ignored;
    return !reads_row(node) &&
           expr_evaluate_node(plan->expr, node, &no_row, ret_value, &ignored) == LX_OK;
}

/* ---- Integers ---- */

struct integers {
    int64_t low, high; /* low > high: none */
};

static const struct integers no_integers = {1, 0};

static struct integers integers_of(enum expr_op op, int64_t constant)
{
    switch (op) {
    case EXPR_OP_LT:
        return constant == INT64_MIN ? no_integers : (struct integers){INT64_MIN, constant - 1};
    case EXPR_OP_LE: return (struct integers){INT64_MIN, constant};
    case EXPR_OP_GT:
        return constant == INT64_MAX ? no_integers : (struct integers){constant + 1, INT64_MAX};
    case EXPR_OP_GE: return (struct integers){constant, INT64_MAX};
    default: return (struct integers){constant, constant};
    }
}

static struct integers bounds_of(enum expr_storage storage)
{
    switch (storage) {
    case EXPR_STORE_U8: return (struct integers){0, UINT8_MAX};
    case EXPR_STORE_I16: return (struct integers){INT16_MIN, INT16_MAX};
    case EXPR_STORE_U16: return (struct integers){0, UINT16_MAX};
    case EXPR_STORE_I32: return (struct integers){INT32_MIN, INT32_MAX};
    default: return (struct integers){INT64_MIN, INT64_MAX};
    }
}

/* Nothing in the range is everything outside it. */
static void put_integers(const struct expr_column *column, struct integers range,
                         struct plan_node *bound)
{
    struct integers bounds = bounds_of(column->storage);
    if (range.low < bounds.low) range.low = bounds.low;
    if (range.high > bounds.high) range.high = bounds.high;
    if (range.low > range.high) {
        range = bounds;
        bound->is_negated = !bound->is_negated;
    }
    bound->op = PLAN_RANGE;
    bound->column = column;
    bound->low = (uint64_t)range.low;
    bound->span = (uint64_t)range.high - (uint64_t)range.low;
}

/* ---- Reals ---- */

struct reals {
    double low, high; /* low > high: none */
};

/* The values of the column's own type that compare with the constant as the double does: a bound
 * that the type does not have moves to the next value inside. */
static double real_at_least(const struct expr_column *column, double constant, bool is_strict)
{
    if (is_strict) constant = nextafter(constant, INFINITY);
    if (column->storage == EXPR_STORE_F64) return constant;
    float nearest = (float)constant;
    if ((double)nearest < constant) nearest = nextafterf(nearest, INFINITY);
    return (double)nearest;
}

static double real_at_most(const struct expr_column *column, double constant, bool is_strict)
{
    return -real_at_least(column, -constant, is_strict);
}

static struct reals reals_of(const struct expr_column *column, enum expr_op op, double constant)
{
    static const struct reals none = {1, 0};
    switch (op) {
    case EXPR_OP_LT:
        if (constant <= -INFINITY) return none;
        return (struct reals){-INFINITY, real_at_most(column, constant, true)};
    case EXPR_OP_LE: return (struct reals){-INFINITY, real_at_most(column, constant, false)};
    case EXPR_OP_GT:
        if (constant >= INFINITY) return none;
        return (struct reals){real_at_least(column, constant, true), INFINITY};
    case EXPR_OP_GE: return (struct reals){real_at_least(column, constant, false), INFINITY};
    default:
        return (struct reals){real_at_least(column, constant, false),
                              real_at_most(column, constant, false)};
    }
}

static void put_reals(const struct expr_column *column, struct reals range, struct plan_node *bound)
{
    if (range.low > range.high) {
        range = (struct reals){-INFINITY, INFINITY};
        bound->is_negated = !bound->is_negated;
    }
    bound->op = PLAN_REAL_RANGE;
    bound->column = column;
    bound->real_low = range.low;
    bound->real_high = range.high;
}

/* ---- Nodes ---- */

static enum expr_op turned(enum expr_op op)
{
    switch (op) {
    case EXPR_OP_LT: return EXPR_OP_GT;
    case EXPR_OP_LE: return EXPR_OP_GE;
    case EXPR_OP_GT: return EXPR_OP_LT;
    case EXPR_OP_GE: return EXPR_OP_LE;
    default: return op;
    }
}

static bool bind_comparison(const struct expr_plan *plan, const struct expr_node *node,
                            struct plan_node *bound)
{
    const struct expr_node *left = node->children[0], *right = node->children[1];
    enum expr_op op = node->op;
    struct expr_value constant;
    const struct expr_column *column = plan_column(plan, left);
    if (column == NULL) {
        column = plan_column(plan, right);
        right = left;
        op = turned(op);
    }
    if (column == NULL || !plan_fold(plan, right, &constant)) return false;
    if (!column_is_integer(column) && !column_is_real(column)) return false;
    if (constant.is_null) {
        bound->op = PLAN_CONSTANT;
        bound->value = constant;
        return true;
    }
    bound->is_negated = op == EXPR_OP_NE;
    if (column_is_integer(column))
        put_integers(column, integers_of(op, constant.as.integer), bound);
    else
        put_reals(column, reals_of(column, op, constant.as.real), bound);
    return true;
}

static bool bind_between(const struct expr_plan *plan, const struct expr_node *node,
                         struct plan_node *bound)
{
    struct expr_value low, high;
    const struct expr_column *column = plan_column(plan, node->children[0]);
    if (column == NULL || !plan_fold(plan, node->children[1], &low) ||
        !plan_fold(plan, node->children[2], &high) || low.is_null || high.is_null)
        return false;
    if (column_is_integer(column)) {
        put_integers(column, (struct integers){low.as.integer, high.as.integer}, bound);
        return true;
    }
    if (!column_is_real(column)) return false;
    struct reals from = reals_of(column, EXPR_OP_GE, low.as.real);
    struct reals to = reals_of(column, EXPR_OP_LE, high.as.real);
    put_reals(column, (struct reals){from.low, to.high}, bound);
    return true;
}

bool plan_bind_range(const struct expr_plan *plan, const struct expr_node *node,
                     struct plan_node *bound)
{
    return node->op == EXPR_OP_BETWEEN ? bind_between(plan, node, bound)
                                       : bind_comparison(plan, node, bound);
}
