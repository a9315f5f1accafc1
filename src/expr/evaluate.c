#include <math.h>

#include "base/date.h"
#include "base/real.h"
#include "expr/arithmetic.h"
#include "expr/tree.h"
#include "money/money.h"

struct evaluation {
    const struct expr_row *row;
    const struct expr *expr;
    struct lx_error *err;
};

/* By operator; the table stands at the end. */
static enum lx_err (*const operators[EXPR_OP_COUNT])(const struct evaluation *,
                                                     const struct expr_node *, struct expr_value *);

/* The tree is at most EXPR_DEPTH_MAX high, and so is the recursion. */
static inline enum lx_err evaluate(const struct evaluation *evaluation,
                                   const struct expr_node *node, struct expr_value *ret_value)
{
    if (node->op == EXPR_OP_LITERAL) {
        *ret_value = node->value;
        return LX_OK;
    }
    if (node->op == EXPR_OP_FIELD)
        return evaluation->row->field(evaluation->row->context, node->index, ret_value,
                                      evaluation->err);
    return operators[node->op](evaluation, node, ret_value);
}

/* --- Results -------------------------------------------------------------------------------- */

static enum lx_err put_null(struct expr_value *ret_value)
{
    *ret_value = (struct expr_value){.is_null = true};
    return LX_OK;
}

static enum lx_err put_integer(struct expr_value *ret_value, int64_t value)
{
    ret_value->is_null = false;
    ret_value->as.integer = value;
    return LX_OK;
}

static enum lx_err fail_overflow(const struct evaluation *evaluation, const struct expr_node *node)
{
    return lx_fail(evaluation->err, LX_ERR_OVERFLOW, "%u:%u: the result is past the range of %s",
                   node->line, node->column, expr_type_name(node->type));
}

/* `is_exact`: an integer computation that stayed within its range. */
static enum lx_err put_checked(const struct evaluation *evaluation, const struct expr_node *node,
                               bool is_exact, int64_t value, struct expr_value *ret_value)
{
    return is_exact ? put_integer(ret_value, value) : fail_overflow(evaluation, node);
}

static enum lx_err put_real(const struct evaluation *evaluation, const struct expr_node *node,
                            double value, struct expr_value *ret_value)
{
    if (!isfinite(value)) return fail_overflow(evaluation, node);
    ret_value->is_null = false;
    ret_value->as.real = value + 0.0; /* there is one zero */
    return LX_OK;
}

/* --- Leaves --------------------------------------------------------------------------------- */

static enum lx_err evaluate_leaf(const struct evaluation *evaluation, const struct expr_node *node,
                                 struct expr_value *ret_value)
{
    return evaluate(evaluation, node, ret_value);
}

static enum lx_err evaluate_relation_field(const struct evaluation *evaluation,
                                           const struct expr_node *node,
                                           struct expr_value *ret_value)
{
    const struct expr_row *row = evaluation->row;
    LX_ASSERT(row->relation_field != NULL);
    return row->relation_field(row->context, node->relation, node->index, ret_value,
                               evaluation->err);
}

static enum lx_err evaluate_window(const struct evaluation *evaluation,
                                   const struct expr_node *node, struct expr_value *ret_value)
{
    const struct expr_row *row = evaluation->row;
    LX_ASSERT(row->window != NULL);
    return row->window(row->context, &evaluation->expr->windows[node->index], ret_value,
                       evaluation->err);
}

static enum lx_err evaluate_call(const struct evaluation *evaluation, const struct expr_node *node,
                                 struct expr_value *ret_value)
{
    const struct expr_row *row = evaluation->row;
    struct expr_value arguments[EXPR_ARGUMENTS_MAX];
    LX_ASSERT(row->call != NULL && node->child_count <= EXPR_ARGUMENTS_MAX);
    for (uint32_t i = 0; i < node->child_count; i++) {
        enum lx_err code = evaluate(evaluation, node->children[i], &arguments[i]);
        if (code != LX_OK) return code;
    }
    return row->call(row->context, node->index, arguments, node->child_count, ret_value,
                     evaluation->err);
}

static enum lx_err evaluate_today(const struct evaluation *evaluation, const struct expr_node *node,
                                  struct expr_value *ret_value)
{
    return put_integer(ret_value, evaluation->row->today);
}

/* --- Logic ---------------------------------------------------------------------------------- */

static enum lx_err evaluate_not(const struct evaluation *evaluation, const struct expr_node *node,
                                struct expr_value *ret_value)
{
    enum lx_err code = evaluate(evaluation, node->children[0], ret_value);
    if (code != LX_OK || ret_value->is_null) return code;
    return put_integer(ret_value, ret_value->as.integer == 0);
}

/* Left to right, until one decides: false for `and`, true for `or`. */
static enum lx_err evaluate_logic(const struct evaluation *evaluation, const struct expr_node *node,
                                  struct expr_value *ret_value)
{
    int64_t decisive = node->op == EXPR_OP_OR;
    bool has_null = false;
    for (uint32_t i = 0; i < node->child_count; i++) {
        struct expr_value value;
        enum lx_err code = evaluate(evaluation, node->children[i], &value);
        if (code != LX_OK) return code;
        if (value.is_null)
            has_null = true;
        else if (value.as.integer == decisive)
            return put_integer(ret_value, decisive);
    }
    return has_null ? put_null(ret_value) : put_integer(ret_value, !decisive);
}

static enum lx_err evaluate_is(const struct evaluation *evaluation, const struct expr_node *node,
                               struct expr_value *ret_value)
{
    struct expr_value value;
    enum lx_err code = evaluate(evaluation, node->children[0], &value);
    if (code != LX_OK) return code;
    if (node->op == EXPR_OP_IS_NULL) return put_integer(ret_value, value.is_null);
    return put_integer(ret_value,
                       !value.is_null && value.as.integer == (node->op == EXPR_OP_IS_TRUE));
}

/* --- Comparisons ---------------------------------------------------------------------------- */

static bool is_so(enum expr_op op, int order)
{
    switch (op) {
    case EXPR_OP_EQ: return order == 0;
    case EXPR_OP_NE: return order != 0;
    case EXPR_OP_LT: return order < 0;
    case EXPR_OP_LE: return order <= 0;
    case EXPR_OP_GT: return order > 0;
    default: return order >= 0;
    }
}

static enum lx_err evaluate_comparison(const struct evaluation *evaluation,
                                       const struct expr_node *node, struct expr_value *ret_value)
{
    struct expr_value left, right;
    enum lx_err code = evaluate(evaluation, node->children[0], &left);
    if (code != LX_OK) return code;
    if (left.is_null) return put_null(ret_value);
    code = evaluate(evaluation, node->children[1], &right);
    if (code != LX_OK) return code;
    if (right.is_null) return put_null(ret_value);
    int order = expr_value_compare(node->children[0]->type, &left, &right);
    return put_integer(ret_value, is_so(node->op, order));
}

/* value >= low and value <= high, so that a null end leaves false possible. */
static enum lx_err evaluate_between(const struct evaluation *evaluation,
                                    const struct expr_node *node, struct expr_value *ret_value)
{
    struct expr_value value, low, high;
    enum expr_type type = node->children[0]->type;
    enum lx_err code = evaluate(evaluation, node->children[0], &value);
    if (code != LX_OK) return code;
    if (value.is_null) return put_null(ret_value);
    code = evaluate(evaluation, node->children[1], &low);
    if (code != LX_OK) return code;
    if (!low.is_null && expr_value_compare(type, &value, &low) < 0)
        return put_integer(ret_value, 0);
    code = evaluate(evaluation, node->children[2], &high);
    if (code != LX_OK) return code;
    if (!high.is_null && expr_value_compare(type, &value, &high) > 0)
        return put_integer(ret_value, 0);
    return low.is_null || high.is_null ? put_null(ret_value) : put_integer(ret_value, 1);
}

static bool is_member(const struct expr_node *node, enum expr_type type,
                      const struct expr_value *value)
{
    uint32_t low = 0, high = node->set_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = expr_value_compare(type, value, &node->set[middle]);
        if (order == 0) return true;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return false;
}

static enum lx_err evaluate_in(const struct evaluation *evaluation, const struct expr_node *node,
                               struct expr_value *ret_value)
{
    struct expr_value value;
    enum lx_err code = evaluate(evaluation, node->children[0], &value);
    if (code != LX_OK) return code;
    if (value.is_null) return put_null(ret_value);
    if (is_member(node, node->children[0]->type, &value)) return put_integer(ret_value, 1);
    return node->has_null_member ? put_null(ret_value) : put_integer(ret_value, 0);
}

static enum lx_err evaluate_in_set(const struct evaluation *evaluation,
                                   const struct expr_node *node, struct expr_value *ret_value)
{
    struct expr_value value, set;
    enum lx_err code = evaluate(evaluation, node->children[0], &value);
    if (code != LX_OK) return code;
    if (value.is_null) return put_null(ret_value);
    code = evaluate(evaluation, node->children[1], &set);
    if (code != LX_OK) return code;
    if (set.is_null) return put_null(ret_value);
    uint64_t position = (uint64_t)value.as.integer;
    return put_integer(ret_value, set.as.set[position / 64] >> (position % 64) & 1);
}

static enum lx_err evaluate_like(const struct evaluation *evaluation, const struct expr_node *node,
                                 struct expr_value *ret_value)
{
    struct expr_value value;
    enum lx_err code = evaluate(evaluation, node->children[0], &value);
    if (code != LX_OK) return code;
    if (value.is_null) return put_null(ret_value);
    return put_integer(ret_value,
                       arithmetic_is_like(value.as.string.text, value.as.string.length,
                                          node->value.as.string.text, node->value.as.string.length,
                                          (char)node->index));
}

/* --- Arithmetic ----------------------------------------------------------------------------- */

/* Both operands; *ret_is_null if either is NULL, and then the second may not have been computed. */
static enum lx_err evaluate_two(const struct evaluation *evaluation, const struct expr_node *node,
                                struct expr_value *left, struct expr_value *right,
                                bool *ret_is_null)
{
    enum lx_err code = evaluate(evaluation, node->children[0], left);
    if (code != LX_OK) return code;
    *ret_is_null = left->is_null;
    if (left->is_null) return LX_OK;
    code = evaluate(evaluation, node->children[1], right);
    *ret_is_null = code == LX_OK && right->is_null;
    return code;
}

static enum lx_err compute_reals(const struct evaluation *evaluation, const struct expr_node *node,
                                 double a, double b, struct expr_value *ret_value)
{
    switch (node->op) {
    case EXPR_OP_ADD: return put_real(evaluation, node, a + b, ret_value);
    case EXPR_OP_SUBTRACT: return put_real(evaluation, node, a - b, ret_value);
    case EXPR_OP_MULTIPLY: return put_real(evaluation, node, a * b, ret_value);
    default:
        if (b == 0) return put_null(ret_value);
        return put_real(evaluation, node, a / b, ret_value);
    }
}

static enum lx_err compute_integers(const struct evaluation *evaluation,
                                    const struct expr_node *node, int64_t a, int64_t b,
                                    struct expr_value *ret_value)
{
    int64_t result = 0;
    bool is_exact = true;
    switch (node->op) {
    case EXPR_OP_ADD: is_exact = !__builtin_add_overflow(a, b, &result); break;
    case EXPR_OP_SUBTRACT: is_exact = !__builtin_sub_overflow(a, b, &result); break;
    case EXPR_OP_MULTIPLY: is_exact = !__builtin_mul_overflow(a, b, &result); break;
    case EXPR_OP_DIVIDE:
        if (b == 0) return put_null(ret_value);
        is_exact = a != INT64_MIN || b != -1;
        result = is_exact ? a / b : 0;
        break;
    default:
        if (b == 0) return put_null(ret_value);
        result = b == -1 ? 0 : a % b; /* the machine divides, and overflows, for INT64_MIN % -1 */
    }
    return put_checked(evaluation, node, is_exact, result, ret_value);
}

static enum lx_err evaluate_arithmetic(const struct evaluation *evaluation,
                                       const struct expr_node *node, struct expr_value *ret_value)
{
    struct expr_value a, b;
    bool is_null;
    enum lx_err code = evaluate_two(evaluation, node, &a, &b, &is_null);
    if (code != LX_OK) return code;
    if (is_null) return put_null(ret_value);
    if (node->type == EXPR_REAL)
        return compute_reals(evaluation, node, a.as.real, b.as.real, ret_value);
    return compute_integers(evaluation, node, a.as.integer, b.as.integer, ret_value);
}

static enum lx_err evaluate_money(const struct evaluation *evaluation, const struct expr_node *node,
                                  struct expr_value *ret_value)
{
    struct expr_value money, other;
    bool is_null, is_exact;
    int64_t fen = 0;
    enum lx_err code = evaluate_two(evaluation, node, &money, &other, &is_null);
    if (code != LX_OK) return code;
    if (is_null) return put_null(ret_value);
    switch (node->op) {
    case EXPR_OP_MONEY_TIMES_INTEGER:
        is_exact = money_mul(money.as.integer, other.as.integer, &fen) == LX_OK;
        break;
    case EXPR_OP_MONEY_TIMES_REAL:
        is_exact = arithmetic_money_times_real(money.as.integer, other.as.real, &fen);
        break;
    case EXPR_OP_MONEY_BY_INTEGER:
        if (other.as.integer == 0) return put_null(ret_value);
        is_exact = money_div_round(money.as.integer, other.as.integer, MONEY_ROUND_HALF_EVEN,
                                   &fen) == LX_OK;
        break;
    case EXPR_OP_MONEY_BY_REAL:
        if (other.as.real == 0) return put_null(ret_value);
        is_exact = arithmetic_money_by_real(money.as.integer, other.as.real, &fen);
        break;
    default: /* MONEY_BY_MONEY */
        if (other.as.integer == 0) return put_null(ret_value);
        return put_real(evaluation, node, (double)money.as.integer / (double)other.as.integer,
                        ret_value);
    }
    return put_checked(evaluation, node, is_exact, fen, ret_value);
}

static enum lx_err evaluate_dates(const struct evaluation *evaluation, const struct expr_node *node,
                                  struct expr_value *ret_value)
{
    struct expr_value date, other;
    bool is_null;
    int64_t result = 0;
    enum lx_err code = evaluate_two(evaluation, node, &date, &other, &is_null);
    if (code != LX_OK) return code;
    if (is_null) return put_null(ret_value);
    if (node->op == EXPR_OP_DATE_MINUS_DATE)
        return put_integer(ret_value, date.as.integer - other.as.integer);
    bool is_exact = node->op == EXPR_OP_DATE_PLUS_DAYS
                        ? arithmetic_plus_days(date.as.integer, other.as.integer, &result)
                        : arithmetic_plus_months(date.as.integer, other.as.integer, &result);
    return put_checked(evaluation, node, is_exact, result, ret_value);
}

static enum lx_err evaluate_sign(const struct evaluation *evaluation, const struct expr_node *node,
                                 struct expr_value *ret_value)
{
    struct expr_value value;
    enum lx_err code = evaluate(evaluation, node->children[0], &value);
    if (code != LX_OK) return code;
    if (value.is_null) return put_null(ret_value);
    bool is_abs = node->op == EXPR_OP_ABS;
    if (node->type == EXPR_REAL)
        return put_real(evaluation, node, is_abs ? fabs(value.as.real) : -value.as.real, ret_value);
    int64_t result = value.as.integer;
    bool is_exact = (is_abs && result >= 0) || !__builtin_sub_overflow(0, result, &result);
    return put_checked(evaluation, node, is_exact, result, ret_value);
}

/* --- Functions of one value ----------------------------------------------------------------- */

static enum lx_err evaluate_of_real(const struct evaluation *evaluation,
                                    const struct expr_node *node, struct expr_value *ret_value)
{
    struct expr_value value;
    int64_t result = 0;
    bool is_exact;
    enum lx_err code = evaluate(evaluation, node->children[0], &value);
    if (code != LX_OK) return code;
    if (value.is_null) return put_null(ret_value);
    if (node->op == EXPR_OP_LN) {
        if (value.as.real <= 0) return put_null(ret_value);
        return put_real(evaluation, node, lx_log(value.as.real), ret_value);
    }
    if (node->op == EXPR_OP_ROUND)
        is_exact = arithmetic_round(value.as.real, &result);
    else
        is_exact = arithmetic_floor(value.as.real, &result);
    return put_checked(evaluation, node, is_exact, result, ret_value);
}

static enum lx_err evaluate_to_real(const struct evaluation *evaluation,
                                    const struct expr_node *node, struct expr_value *ret_value)
{
    struct expr_value value;
    enum lx_err code = evaluate(evaluation, node->children[0], &value);
    if (code != LX_OK) return code;
    if (value.is_null) return put_null(ret_value);
    double real = (double)value.as.integer;
    if (node->children[0]->type == EXPR_MONEY) real /= 100;
    return put_real(evaluation, node, real, ret_value);
}

static enum lx_err evaluate_date_part(const struct evaluation *evaluation,
                                      const struct expr_node *node, struct expr_value *ret_value)
{
    struct expr_value value;
    enum lx_err code = evaluate(evaluation, node->children[0], &value);
    if (code != LX_OK) return code;
    if (value.is_null) return put_null(ret_value);
    struct lx_civil civil = lx_civil_of_day((int32_t)value.as.integer);
    return put_integer(ret_value, node->op == EXPR_OP_YEAR    ? civil.year
                                  : node->op == EXPR_OP_MONTH ? civil.month
                                                              : civil.day);
}

static enum lx_err evaluate_size(const struct evaluation *evaluation, const struct expr_node *node,
                                 struct expr_value *ret_value)
{
    struct expr_value value;
    enum lx_err code = evaluate(evaluation, node->children[0], &value);
    if (code != LX_OK) return code;
    if (value.is_null) return put_null(ret_value);
    if (node->op == EXPR_OP_LENGTH)
        return put_integer(ret_value,
                           arithmetic_length(value.as.string.text, value.as.string.length));
    int64_t count = 0;
    size_t words = ((size_t)node->children[0]->enumeration->value_count + 63) / 64;
    for (size_t i = 0; i < words; i++) count += __builtin_popcountll(value.as.set[i]);
    return put_integer(ret_value, count);
}

/* --- Choices -------------------------------------------------------------------------------- */

static enum lx_err evaluate_case(const struct evaluation *evaluation, const struct expr_node *node,
                                 struct expr_value *ret_value)
{
    uint32_t i = 0;
    for (; i + 1 < node->child_count; i += 2) {
        struct expr_value condition;
        enum lx_err code = evaluate(evaluation, node->children[i], &condition);
        if (code != LX_OK) return code;
        if (!condition.is_null && condition.as.integer != 0)
            return evaluate(evaluation, node->children[i + 1], ret_value);
    }
    return evaluate(evaluation, node->children[i], ret_value);
}

static enum lx_err evaluate_coalesce(const struct evaluation *evaluation,
                                     const struct expr_node *node, struct expr_value *ret_value)
{
    for (uint32_t i = 0; i < node->child_count; i++) {
        enum lx_err code = evaluate(evaluation, node->children[i], ret_value);
        if (code != LX_OK || !ret_value->is_null) return code;
    }
    return put_null(ret_value);
}

static enum lx_err evaluate_nullif(const struct evaluation *evaluation,
                                   const struct expr_node *node, struct expr_value *ret_value)
{
    struct expr_value value, other;
    enum lx_err code = evaluate(evaluation, node->children[0], &value);
    if (code != LX_OK) return code;
    if (value.is_null) return put_null(ret_value);
    code = evaluate(evaluation, node->children[1], &other);
    if (code != LX_OK) return code;
    if (!other.is_null && expr_value_compare(node->type, &value, &other) == 0)
        return put_null(ret_value);
    *ret_value = value;
    return LX_OK;
}

static enum lx_err evaluate_extreme(const struct evaluation *evaluation,
                                    const struct expr_node *node, struct expr_value *ret_value)
{
    struct expr_value best = {.is_null = true};
    for (uint32_t i = 0; i < node->child_count; i++) {
        struct expr_value value;
        enum lx_err code = evaluate(evaluation, node->children[i], &value);
        if (code != LX_OK) return code;
        if (value.is_null) return put_null(ret_value);
        int order = i == 0 ? 0 : expr_value_compare(node->type, &value, &best);
        if (i == 0 || (node->op == EXPR_OP_LEAST ? order < 0 : order > 0)) best = value;
    }
    *ret_value = best;
    return LX_OK;
}

/* --- The table ------------------------------------------------------------------------------ */

static enum lx_err (*const operators[EXPR_OP_COUNT])(const struct evaluation *,
                                                     const struct expr_node *,
                                                     struct expr_value *) = {
    [EXPR_OP_LITERAL] = evaluate_leaf,
    [EXPR_OP_FIELD] = evaluate_leaf,
    [EXPR_OP_RELATION_FIELD] = evaluate_relation_field,
    [EXPR_OP_WINDOW] = evaluate_window,
    [EXPR_OP_CALL] = evaluate_call,
    [EXPR_OP_TODAY] = evaluate_today,
    [EXPR_OP_NOT] = evaluate_not,
    [EXPR_OP_AND] = evaluate_logic,
    [EXPR_OP_OR] = evaluate_logic,
    [EXPR_OP_EQ] = evaluate_comparison,
    [EXPR_OP_NE] = evaluate_comparison,
    [EXPR_OP_LT] = evaluate_comparison,
    [EXPR_OP_LE] = evaluate_comparison,
    [EXPR_OP_GT] = evaluate_comparison,
    [EXPR_OP_GE] = evaluate_comparison,
    [EXPR_OP_BETWEEN] = evaluate_between,
    [EXPR_OP_IN] = evaluate_in,
    [EXPR_OP_IN_SET] = evaluate_in_set,
    [EXPR_OP_LIKE] = evaluate_like,
    [EXPR_OP_IS_NULL] = evaluate_is,
    [EXPR_OP_IS_TRUE] = evaluate_is,
    [EXPR_OP_IS_FALSE] = evaluate_is,
    [EXPR_OP_NEGATE] = evaluate_sign,
    [EXPR_OP_ADD] = evaluate_arithmetic,
    [EXPR_OP_SUBTRACT] = evaluate_arithmetic,
    [EXPR_OP_MULTIPLY] = evaluate_arithmetic,
    [EXPR_OP_DIVIDE] = evaluate_arithmetic,
    [EXPR_OP_REMAINDER] = evaluate_arithmetic,
    [EXPR_OP_MONEY_TIMES_INTEGER] = evaluate_money,
    [EXPR_OP_MONEY_TIMES_REAL] = evaluate_money,
    [EXPR_OP_MONEY_BY_INTEGER] = evaluate_money,
    [EXPR_OP_MONEY_BY_REAL] = evaluate_money,
    [EXPR_OP_MONEY_BY_MONEY] = evaluate_money,
    [EXPR_OP_DATE_PLUS_DAYS] = evaluate_dates,
    [EXPR_OP_DATE_PLUS_MONTHS] = evaluate_dates,
    [EXPR_OP_DATE_MINUS_DATE] = evaluate_dates,
    [EXPR_OP_TO_REAL] = evaluate_to_real,
    [EXPR_OP_CASE] = evaluate_case,
    [EXPR_OP_COALESCE] = evaluate_coalesce,
    [EXPR_OP_NULLIF] = evaluate_nullif,
    [EXPR_OP_ABS] = evaluate_sign,
    [EXPR_OP_ROUND] = evaluate_of_real,
    [EXPR_OP_FLOOR] = evaluate_of_real,
    [EXPR_OP_LEAST] = evaluate_extreme,
    [EXPR_OP_GREATEST] = evaluate_extreme,
    [EXPR_OP_LN] = evaluate_of_real,
    [EXPR_OP_YEAR] = evaluate_date_part,
    [EXPR_OP_MONTH] = evaluate_date_part,
    [EXPR_OP_DAY] = evaluate_date_part,
    [EXPR_OP_LENGTH] = evaluate_size,
    [EXPR_OP_COUNT_SET] = evaluate_size,
};

enum lx_err expr_evaluate_node(const struct expr *expr, const struct expr_node *node,
                               const struct expr_row *row, struct expr_value *ret_value,
                               struct lx_error *err)
{
    const struct evaluation evaluation = {row, expr, err};
    struct expr_value value;
    enum lx_err code = evaluate(&evaluation, node, &value);
    if (code == LX_OK) *ret_value = value;
    return code;
}

enum lx_err expr_evaluate(const struct expr *expr, const struct expr_row *row,
                          struct expr_value *ret_value, struct lx_error *err)
{
    return expr_evaluate_node(expr, expr->root, row, ret_value, err);
}

enum lx_err expr_holds(const struct expr *expr, const struct expr_row *row, bool *ret_holds,
                       struct lx_error *err)
{
    LX_ASSERT(expr->root->type == EXPR_BOOLEAN);

    struct expr_value value;
    enum lx_err code = expr_evaluate(expr, row, &value, err);
    if (code == LX_OK) *ret_holds = !value.is_null && value.as.integer != 0;
    return code;
}

size_t expr_part_count(const struct expr *expr)
{
    return expr->root->op == EXPR_OP_AND ? expr->root->child_count : 1;
}

const struct expr_node *expr_part_at(const struct expr *expr, size_t index)
{
    LX_ASSERT(index < expr_part_count(expr));

    return expr->root->op == EXPR_OP_AND ? expr->root->children[index] : expr->root;
}

void expr_part_reads(const struct expr_node *part,
                     void (*visit)(void *context, const struct expr_read *read), void *context)
{
    struct expr_read read = {
        .index = part->index, .line = (int)part->line, .column = (int)part->column};
    bool is_read = true;
    if (part->op == EXPR_OP_FIELD)
        read.source = EXPR_READS_FIELD;
    else if (part->op == EXPR_OP_WINDOW)
        read.source = EXPR_READS_WINDOW;
    else if (part->op == EXPR_OP_CALL)
        read.source = EXPR_READS_CALL;
    else
        is_read = false;
    if (part->op == EXPR_OP_CALL && part->child_count > 0 &&
        part->children[0]->op == EXPR_OP_LITERAL)
        read.argument = &part->children[0]->value;
    if (is_read) visit(context, &read);
    for (uint32_t i = 0; i < part->child_count; i++)
        expr_part_reads(part->children[i], visit, context);
}
