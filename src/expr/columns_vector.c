#include <math.h>
#include <string.h>

#include "base/real.h"
#include "expr/arithmetic.h"
#include "expr/columns_plan.h"
#include "money/money.h"

/* `failed`: rows, by bit, whose result does not exist; only one that is wanted and not null
 * counts. */
static void expect_none(struct plan_run *run, const uint64_t *live, const uint64_t *nulls,
                        const uint64_t *failed)
{
    for (size_t w = 0; w < run->word_count; w++)
        run->is_failed |= (failed[w] & live[w] & ~nulls[w]) != 0;
}

/* `statement` for each row; it may set bit `row % 64` of `failed[w]` through FAIL and of the nulls
 * through NULL_IF. */
#define FOR_EACH_ROW(statement)                                                                    \
    for (size_t w = 0; w < run->word_count; w++) {                                                 \
        uint64_t bad = 0, none = 0;                                                                \
        for (size_t i = 0; i < 64; i++) {                                                          \
            size_t row = 64 * w + i;                                                               \
            statement;                                                                             \
        }                                                                                          \
        failed[w] = bad;                                                                           \
        nulls[w] |= none;                                                                          \
    }
#define FAIL_IF(condition) (bad |= (uint64_t)(condition) << i)
#define NULL_IF(condition) (none |= (uint64_t)(condition) << i)

/* ---- One operand ---- */

static void unary_real(struct plan_run *run, const struct plan_node *node, struct plan_slot *slot,
                       uint64_t *failed)
{
    double *a = slot->as.reals;
    uint64_t *nulls = slot->nulls;
    switch (node->node->op) {
    /* There is one zero, as in expr_evaluate. */
    case EXPR_OP_NEGATE: FOR_EACH_ROW(a[row] = -a[row] + 0.0; FAIL_IF(!isfinite(a[row]))) break;
    case EXPR_OP_ABS: FOR_EACH_ROW(a[row] = fabs(a[row]) + 0.0; FAIL_IF(!isfinite(a[row]))) break;
    default: /* LN */
        FOR_EACH_ROW(bool is_null = !(a[row] > 0); NULL_IF(is_null);
                     a[row] = is_null || !isfinite(a[row]) ? a[row] : lx_log(a[row]) + 0.0;
                     FAIL_IF(!isfinite(a[row])))
    }
}

static void unary_integer(struct plan_run *run, const struct plan_node *node,
                          struct plan_slot *slot, uint64_t *failed)
{
    int64_t *a = slot->as.integers;
    double *real = slot->as.reals;
    uint64_t *nulls = slot->nulls;
    double unit = node->node->children[0]->type == EXPR_MONEY ? 100 : 1;
    switch (node->node->op) {
    case EXPR_OP_NEGATE:
        FOR_EACH_ROW(FAIL_IF(__builtin_sub_overflow((int64_t)0, a[row], &a[row])))
        break;
    case EXPR_OP_ABS:
        FOR_EACH_ROW(int64_t value = a[row]; FAIL_IF(value == INT64_MIN);
                     a[row] = value < 0 && value != INT64_MIN ? -value : value)
        break;
    case EXPR_OP_ROUND:
        FOR_EACH_ROW(int64_t value = 0; FAIL_IF(!arithmetic_round(real[row], &value));
                     a[row] = value)
        break;
    case EXPR_OP_FLOOR:
        FOR_EACH_ROW(int64_t value = 0; FAIL_IF(!arithmetic_floor(real[row], &value));
                     a[row] = value)
        break;
    default: /* TO_REAL */ FOR_EACH_ROW(real[row] = (double)a[row] / unit + 0.0)
    }
}

static void unary_value(struct plan_run *run, const struct plan_node *node, const uint64_t *live,
                        uint32_t slot)
{
    uint64_t failed[COLUMNS_WORDS];
    struct plan_slot *own = &run->slots[slot];
    plan_value(run, node->children[0], live, slot);
    bool is_real = node->node->type == EXPR_REAL && node->node->children[0]->type == EXPR_REAL;
    if (is_real)
        unary_real(run, node, own, failed);
    else
        unary_integer(run, node, own, failed);
    expect_none(run, live, own->nulls, failed);
}

/* ---- Two operands ---- */

static void binary_real(struct plan_run *run, enum expr_op op, struct plan_slot *left,
                        const struct plan_slot *right, uint64_t *failed)
{
    double *a = left->as.reals;
    const double *b = right->as.reals;
    uint64_t *nulls = left->nulls;
    switch (op) {
    case EXPR_OP_ADD:
        FOR_EACH_ROW(a[row] = a[row] + b[row] + 0.0; FAIL_IF(!isfinite(a[row])))
        break;
    case EXPR_OP_SUBTRACT:
        FOR_EACH_ROW(a[row] = a[row] - b[row] + 0.0; FAIL_IF(!isfinite(a[row])))
        break;
    case EXPR_OP_MULTIPLY:
        FOR_EACH_ROW(a[row] = a[row] * b[row] + 0.0; FAIL_IF(!isfinite(a[row])))
        break;
    default: /* DIVIDE */
        FOR_EACH_ROW(double divisor = b[row] == 0 ? 1 : b[row]; NULL_IF(b[row] == 0);
                     a[row] = a[row] / divisor + 0.0; FAIL_IF(!isfinite(a[row])))
    }
}

static void binary_integer(struct plan_run *run, enum expr_op op, struct plan_slot *left,
                           const struct plan_slot *right, uint64_t *failed)
{
    int64_t *a = left->as.integers;
    const int64_t *b = right->as.integers;
    uint64_t *nulls = left->nulls;
    switch (op) {
    case EXPR_OP_ADD: FOR_EACH_ROW(FAIL_IF(__builtin_add_overflow(a[row], b[row], &a[row]))) break;
    case EXPR_OP_SUBTRACT:
        FOR_EACH_ROW(FAIL_IF(__builtin_sub_overflow(a[row], b[row], &a[row])))
        break;
    case EXPR_OP_DATE_MINUS_DATE:
        FOR_EACH_ROW(a[row] = (int64_t)((uint64_t)a[row] - (uint64_t)b[row]))
        break;
    case EXPR_OP_MULTIPLY:
    case EXPR_OP_MONEY_TIMES_INTEGER:
        FOR_EACH_ROW(FAIL_IF(__builtin_mul_overflow(a[row], b[row], &a[row])))
        break;
    case EXPR_OP_DIVIDE:
        FOR_EACH_ROW(bool is_past = a[row] == INT64_MIN && b[row] == -1; NULL_IF(b[row] == 0);
                     FAIL_IF(is_past); a[row] = b[row] == 0 || is_past ? 0 : a[row] / b[row])
        break;
    case EXPR_OP_REMAINDER:
        FOR_EACH_ROW(NULL_IF(b[row] == 0);
                     a[row] = b[row] == 0 || b[row] == -1 ? 0 : a[row] % b[row])
        break;
    case EXPR_OP_MONEY_BY_INTEGER:
        FOR_EACH_ROW(int64_t fen = 0; NULL_IF(b[row] == 0);
                     FAIL_IF(b[row] != 0 &&
                             money_div_round(a[row], b[row], MONEY_ROUND_HALF_EVEN, &fen) != LX_OK);
                     a[row] = fen)
        break;
    case EXPR_OP_DATE_PLUS_DAYS:
        FOR_EACH_ROW(int64_t day = 0; FAIL_IF(!arithmetic_plus_days(a[row], b[row], &day));
                     a[row] = day)
        break;
    default: /* DATE_PLUS_MONTHS */
        FOR_EACH_ROW(int64_t day = 0; FAIL_IF(!arithmetic_plus_months(a[row], b[row], &day));
                     a[row] = day)
    }
}

static void binary_money(struct plan_run *run, enum expr_op op, struct plan_slot *left,
                         const struct plan_slot *right, uint64_t *failed)
{
    int64_t *a = left->as.integers;
    double *real = left->as.reals;
    const double *b = right->as.reals;
    const int64_t *money = right->as.integers;
    uint64_t *nulls = left->nulls;
    switch (op) {
    case EXPR_OP_MONEY_TIMES_REAL:
        FOR_EACH_ROW(int64_t fen = 0; FAIL_IF(!arithmetic_money_times_real(a[row], b[row], &fen));
                     a[row] = fen)
        break;
    case EXPR_OP_MONEY_BY_REAL:
        FOR_EACH_ROW(int64_t fen = 0; NULL_IF(b[row] == 0);
                     FAIL_IF(b[row] != 0 && !arithmetic_money_by_real(a[row], b[row], &fen));
                     a[row] = fen)
        break;
    default: /* MONEY_BY_MONEY */
        FOR_EACH_ROW(bool is_null = money[row] == 0; NULL_IF(is_null);
                     real[row] = is_null ? 0 : (double)a[row] / (double)money[row] + 0.0)
    }
}

static void binary_value(struct plan_run *run, const struct plan_node *node, const uint64_t *live,
                         uint32_t slot)
{
    uint64_t failed[COLUMNS_WORDS];
    struct plan_slot *left = &run->slots[slot], *right = left + 1;
    enum expr_op op = node->node->op;
    plan_value(run, node->children[0], live, slot);
    plan_value(run, node->children[1], live, slot + 1);
    for (size_t w = 0; w < run->word_count; w++) left->nulls[w] |= right->nulls[w];
    if (op == EXPR_OP_MONEY_TIMES_REAL || op == EXPR_OP_MONEY_BY_REAL ||
        op == EXPR_OP_MONEY_BY_MONEY)
        binary_money(run, op, left, right, failed);
    else if (node->node->type == EXPR_REAL)
        binary_real(run, op, left, right, failed);
    else
        binary_integer(run, op, left, right, failed);
    expect_none(run, live, left->nulls, failed);
}

/* ---- Choices ---- */

/* The chosen rows of the one slot become the other's, with their nulls. */
static void take_rows(const struct plan_run *run, const uint64_t *chosen,
                      const struct plan_slot *from, struct plan_slot *to)
{
    for (size_t w = 0; w < run->word_count; w++) {
        const int64_t *source = from->as.integers + 64 * w;
        int64_t *target = to->as.integers + 64 * w;
        to->nulls[w] = (to->nulls[w] & ~chosen[w]) | (from->nulls[w] & chosen[w]);
        if (chosen[w] == UINT64_MAX)
            memcpy(target, source, 64 * sizeof *target);
        else if (chosen[w] != 0)
            for (size_t i = 0; i < 64; i++)
                target[i] = (chosen[w] >> i & 1) != 0 ? source[i] : target[i];
    }
}

static void case_value(struct plan_run *run, const struct plan_node *node, const uint64_t *live,
                       uint32_t slot)
{
    uint64_t left[COLUMNS_WORDS], chosen[COLUMNS_WORDS];
    struct plan_slot *own = &run->slots[slot];
    memcpy(left, live, run->word_count * sizeof *live);
    memset(own->nulls, 0, sizeof own->nulls);
    for (uint32_t i = 0; i < node->child_count && !run->is_failed; i += 2) {
        bool is_else = i + 1 == node->child_count;
        if (!plan_any(left, run->word_count)) break;
        if (is_else)
            memcpy(chosen, left, run->word_count * sizeof *left);
        else
            plan_truth(run, node->children[i], left, chosen, NULL, slot + 1);
        if (!plan_any(chosen, run->word_count)) continue;
        plan_value(run, node->children[is_else ? i : i + 1], chosen, slot + 1);
        take_rows(run, chosen, own + 1, own);
        for (size_t w = 0; w < run->word_count; w++) left[w] &= ~chosen[w];
    }
}

static void coalesce_value(struct plan_run *run, const struct plan_node *node, const uint64_t *live,
                           uint32_t slot)
{
    uint64_t left[COLUMNS_WORDS];
    struct plan_slot *own = &run->slots[slot];
    memcpy(left, live, run->word_count * sizeof *live);
    plan_value(run, node->children[0], live, slot);
    for (uint32_t i = 1; i < node->child_count && !run->is_failed; i++) {
        for (size_t w = 0; w < run->word_count; w++) left[w] &= own->nulls[w];
        if (!plan_any(left, run->word_count)) break;
        plan_value(run, node->children[i], left, slot + 1);
        take_rows(run, left, own + 1, own);
    }
}

static void compare_slots(const struct plan_run *run, bool is_real, const struct plan_slot *left,
                          const struct plan_slot *right, enum expr_comparison comparison,
                          uint64_t *bits)
{
    const struct expr_kernel_functions *kernels = run->plan->kernels;
    if (is_real)
        kernels->compare_f64(left->as.reals, right->as.reals, run->word_count, comparison, bits);
    else
        kernels->compare_i64(left->as.integers, right->as.integers, run->word_count, comparison,
                             bits);
}

static void nullif_value(struct plan_run *run, const struct plan_node *node, const uint64_t *live,
                         uint32_t slot)
{
    uint64_t bits[COLUMNS_WORDS];
    struct plan_slot *left = &run->slots[slot], *right = left + 1;
    plan_value(run, node->children[0], live, slot);
    plan_value(run, node->children[1], live, slot + 1);
    compare_slots(run, node->node->type == EXPR_REAL, left, right, EXPR_IS_EQUAL, bits);
    for (size_t w = 0; w < run->word_count; w++)
        left->nulls[w] |= bits[w] & ~left->nulls[w] & ~right->nulls[w];
}

/* Of equals the first stays, as in expr_evaluate: it matters to zeros of both signs. */
static void extreme_value(struct plan_run *run, const struct plan_node *node, const uint64_t *live,
                          uint32_t slot)
{
    uint64_t better[COLUMNS_WORDS];
    struct plan_slot *own = &run->slots[slot], *next = own + 1;
    enum expr_comparison comparison =
        node->node->op == EXPR_OP_LEAST ? EXPR_IS_LESS : EXPR_IS_GREATER;
    plan_value(run, node->children[0], live, slot);
    for (uint32_t i = 1; i < node->child_count && !run->is_failed; i++) {
        plan_value(run, node->children[i], live, slot + 1);
        compare_slots(run, node->node->type == EXPR_REAL, next, own, comparison, better);
        for (size_t w = 0; w < run->word_count; w++) {
            next->nulls[w] |= own->nulls[w];
            better[w] |= next->nulls[w];
        }
        take_rows(run, better, next, own);
    }
}

/* ---- Leaves ---- */

static void literal_value(const struct plan_run *run, const struct expr_value *value,
                          struct plan_slot *own)
{
    uint64_t nulls = value->is_null ? UINT64_MAX : 0;
    int64_t integer = value->is_null ? 0 : value->as.integer; /* a real's bits, too */
    for (size_t w = 0; w < run->word_count; w++) own->nulls[w] = nulls;
    for (size_t row = 0; row < run->word_count * 64; row++) own->as.integers[row] = integer;
}

static void load_value(const struct plan_run *run, const struct plan_node *node,
                       struct plan_slot *own)
{
    const uint64_t *nulls = column_nulls(run, node->column, own->nulls);
    if (nulls == NULL)
        memset(own->nulls, 0, sizeof own->nulls);
    else if (nulls != own->nulls)
        memcpy(own->nulls, nulls, run->word_count * sizeof *nulls);
    if (column_is_real(node->column))
        column_load_reals(run, node->column, own->as.reals);
    else
        column_load_integers(run, node->column, own->as.integers);
}

static void truth_value(struct plan_run *run, const struct plan_node *node, const uint64_t *live,
                        uint32_t slot)
{
    uint64_t truth[COLUMNS_WORDS];
    struct plan_slot *own = &run->slots[slot];
    plan_truth(run, node->children[0], live, truth, own->nulls, slot + 1);
    for (size_t row = 0; row < run->word_count * 64; row++)
        own->as.integers[row] = plan_bit(truth, row);
}

static void row_value(struct plan_run *run, const struct plan_node *node, const uint64_t *live,
                      struct plan_slot *own)
{
    struct plan_reader reader;
    struct expr_value value;
    struct lx_error ignored;
    plan_reader_init(&reader, run->plan);
    for (size_t w = 0; w < run->word_count; w++) {
        own->nulls[w] = 0;
        for (uint64_t left = live[w]; left != 0; left &= left - 1) {
            int bit = __builtin_ctzll(left);
            size_t row = 64 * w + (size_t)bit;
            reader.row = run->first_row + row;
            run->is_failed |= expr_evaluate_node(run->plan->expr, node->node, &reader.as_row,
                                                 &value, &ignored) != LX_OK;
            if (run->is_failed) return;
            own->nulls[w] |= (uint64_t)value.is_null << bit;
            own->as.integers[row] = value.is_null ? 0 : value.as.integer;
            if (!value.is_null && node->node->type == EXPR_REAL) own->as.reals[row] = value.as.real;
        }
    }
}

void plan_value(struct plan_run *run, const struct plan_node *node, const uint64_t *live,
                uint32_t slot)
{
    struct plan_slot *own = &run->slots[slot];
    switch (node->op) {
    case PLAN_LITERAL: literal_value(run, &node->value, own); break;
    case PLAN_LOAD: load_value(run, node, own); break;
    case PLAN_TRUTH_VALUE: truth_value(run, node, live, slot); break;
    case PLAN_UNARY: unary_value(run, node, live, slot); break;
    case PLAN_BINARY: binary_value(run, node, live, slot); break;
    case PLAN_CASE: case_value(run, node, live, slot); break;
    case PLAN_COALESCE: coalesce_value(run, node, live, slot); break;
    case PLAN_NULLIF: nullif_value(run, node, live, slot); break;
    case PLAN_EXTREME: extreme_value(run, node, live, slot); break;
    case PLAN_ROW_VALUES: row_value(run, node, live, own); break;
    default: lx_bug(__FILE__, __LINE__, "value");
    }
}
