#include <string.h>

#include "expr/columns_plan.h"

enum { SPARSE_ROWS = COLUMNS_ROWS / 32 };

/* ---- Ranges and tables ---- */

/* Word by word over whole words of rows. */
static void look_up(const struct plan_run *run, const struct plan_node *node, const void *values,
                    const uint64_t *table, size_t word_count, uint64_t *ret_bits)
{
    const struct expr_kernel_functions *kernels = run->plan->kernels;
    enum expr_storage storage = node->column->storage;
    if (node->op == PLAN_REAL_RANGE) {
        if (storage == EXPR_STORE_F32)
            kernels->range_f32(values, word_count, (float)node->real_low, (float)node->real_high,
                               ret_bits);
        else
            kernels->range_f64(values, word_count, node->real_low, node->real_high, ret_bits);
        return;
    }
    bool is_table = node->op == PLAN_TABLE;
    switch (column_element_size(storage)) {
    case 1:
        if (is_table)
            kernels->table_8(values, word_count, table, ret_bits);
        else
            kernels->range_8(values, word_count, node->low, node->span, ret_bits);
        break;
    case 2:
        if (is_table)
            kernels->table_16(values, word_count, table, ret_bits);
        else
            kernels->range_16(values, word_count, node->low, node->span, ret_bits);
        break;
    case 4:
        if (is_table)
            kernels->table_32(values, word_count, table, node->code_count, ret_bits);
        else
            kernels->range_32(values, word_count, node->low, node->span, ret_bits);
        break;
    default: kernels->range_64(values, word_count, node->low, node->span, ret_bits);
    }
}

/* A table's last rows are copied: nothing behind them is read. */
static void look_up_all(const struct plan_run *run, const struct plan_node *node,
                        const uint64_t *table, uint64_t *ret_bits)
{
    size_t size = column_element_size(node->column->storage), whole = run->row_count / 64;
    const uint8_t *values = (const uint8_t *)node->column->values + run->first_row * size;
    look_up(run, node, values, table, whole, ret_bits);
    if (run->row_count % 64 == 0) return;
    uint64_t rest[64] = {0};
    memcpy(rest, values + whole * 64 * size, run->row_count % 64 * size);
    look_up(run, node, rest, table, 1, ret_bits + whole);
}

static bool is_in(const struct plan_node *node, const uint64_t *table, size_t row)
{
    if (node->op == PLAN_REAL_RANGE) {
        double value = column_real(node->column, row);
        return value >= node->real_low && value <= node->real_high;
    }
    if (node->op == PLAN_RANGE && column_is_integer(node->column))
        return (uint64_t)column_integer(node->column, row) - node->low <= node->span;
    uint32_t code = column_code(node->column, row);
    if (node->op == PLAN_RANGE) return code - node->low <= node->span;
    return (column_element_size(node->column->storage) < 4 || code < node->code_count) &&
           plan_bit(table, code);
}

/* Few rows: one by one costs less than fetching all. */
static void look_up_some(const struct plan_run *run, const struct plan_node *node,
                         const uint64_t *table, const uint64_t *live, uint64_t *ret_bits)
{
    for (size_t w = 0; w < run->word_count; w++) {
        ret_bits[w] = 0;
        for (uint64_t left = live[w]; left != 0; left &= left - 1) {
            size_t row = w * 64 + (size_t)__builtin_ctzll(left);
            ret_bits[w] |= (uint64_t)is_in(node, table, run->first_row + row) << row % 64;
        }
    }
}

static bool has_few(const struct plan_run *run, const struct plan_node *node, const uint64_t *live)
{
    return node->is_sparse && run->plan->kernels->count(live, run->word_count) <= SPARSE_ROWS;
}

static void range_truth(const struct plan_run *run, const struct plan_node *node,
                        const uint64_t *live, uint64_t *truth, uint64_t *null)
{
    uint64_t bits[COLUMNS_WORDS], space[COLUMNS_WORDS];
    if (has_few(run, node, live))
        look_up_some(run, node, NULL, live, bits);
    else
        look_up_all(run, node, NULL, bits);
    /* A NaN is in no range, so its nulls matter only to those who ask, and to the negation. */
    bool needs_nulls = node->is_negated || null != NULL || !column_is_real(node->column);
    const uint64_t *nulls = needs_nulls ? column_nulls(run, node->column, space) : NULL;
    uint64_t turn = node->is_negated ? UINT64_MAX : 0;
    for (size_t w = 0; w < run->word_count; w++) {
        uint64_t missing = nulls == NULL ? 0 : nulls[w];
        truth[w] = (bits[w] ^ turn) & ~missing & live[w];
        if (null != NULL) null[w] = missing & live[w];
    }
}

static void table_truth(const struct plan_run *run, const struct plan_node *node,
                        const uint64_t *live, uint64_t *truth, uint64_t *null)
{
    uint64_t bits[COLUMNS_WORDS], unknown[COLUMNS_WORDS] = {0};
    bool is_few = has_few(run, node, live), wants_null = null != NULL && node->is_null != NULL;
    if (is_few) {
        look_up_some(run, node, node->is_true, live, bits);
        if (wants_null) look_up_some(run, node, node->is_null, live, unknown);
    } else {
        look_up_all(run, node, node->is_true, bits);
        if (wants_null) look_up_all(run, node, node->is_null, unknown);
    }
    const uint64_t *nulls = column_nulls(run, node->column, NULL);
    bool null_is_null = node->null_value.is_null;
    bool null_is_true = !null_is_null && node->null_value.as.integer != 0;
    for (size_t w = 0; w < run->word_count; w++) {
        uint64_t missing = nulls == NULL ? 0 : nulls[w];
        truth[w] = ((bits[w] & ~missing) | (null_is_true ? missing : 0)) & live[w];
        if (null != NULL)
            null[w] = ((unknown[w] & ~missing) | (null_is_null ? missing : 0)) & live[w];
    }
}

static void bits_truth(const struct plan_run *run, const struct plan_node *node,
                       const uint64_t *live, uint64_t *truth, uint64_t *null)
{
    uint64_t space[COLUMNS_WORDS];
    const uint64_t *bits = space, *nulls = column_nulls(run, node->column, NULL);
    if (node->column->storage == EXPR_STORE_BITS)
        bits = (const uint64_t *)node->column->values + run->first_row / 64;
    else
        frame_bitmap_words(node->column->values, run->first_row / 64, run->word_count, space);
    for (size_t w = 0; w < run->word_count; w++) {
        uint64_t missing = nulls == NULL ? 0 : nulls[w];
        truth[w] = bits[w] & ~missing & live[w];
        if (null != NULL) null[w] = missing & live[w];
    }
}

/* ---- Logic ---- */

/*
 * A row stays in the running until a child decides it: false for `and`, true for `or`; `kept` are
 * those that no child made null so far, `unknown` the others. Who only wants what is true need not
 * know `unknown`, unless a child can fail: expr_evaluate reaches it for rows that are null so far.
 */
static void and_truth(struct plan_run *run, const struct plan_node *node, const uint64_t *live,
                      uint64_t *truth, uint64_t *null, uint32_t slot)
{
    uint64_t kept[COLUMNS_WORDS], unknown[COLUMNS_WORDS] = {0}, wanted[COLUMNS_WORDS];
    uint64_t is_true[COLUMNS_WORDS], is_null[COLUMNS_WORDS] = {0};
    size_t words = run->word_count;
    memcpy(kept, live, words * sizeof *live);
    for (uint32_t i = 0; i < node->child_count && !run->is_failed; i++) {
        for (size_t w = 0; w < words; w++) wanted[w] = kept[w] | unknown[w];
        if (!plan_any(wanted, words)) break;
        plan_truth(run, node->children[i], wanted, is_true, is_null, slot);
        for (size_t w = 0; w < words; w++) {
            kept[w] &= is_true[w];
            unknown[w] = (is_true[w] | is_null[w]) & ~kept[w];
        }
    }
    memcpy(truth, kept, words * sizeof *truth);
    if (null != NULL) memcpy(null, unknown, words * sizeof *null);
}

/* Only what is true: each child takes away from what the ones before it left. */
static void and_holds(struct plan_run *run, const struct plan_node *node, const uint64_t *live,
                      uint64_t *truth, uint32_t slot)
{
    if (truth != live) memcpy(truth, live, run->word_count * sizeof *truth);
    for (uint32_t i = 0; i < node->child_count && !run->is_failed; i++) {
        if (!plan_any(truth, run->word_count)) return;
        plan_truth(run, node->children[i], truth, truth, NULL, slot);
    }
}

static void or_truth(struct plan_run *run, const struct plan_node *node, const uint64_t *live,
                     uint64_t *truth, uint64_t *null, uint32_t slot)
{
    uint64_t found[COLUMNS_WORDS] = {0}, unknown[COLUMNS_WORDS] = {0}, wanted[COLUMNS_WORDS];
    uint64_t is_true[COLUMNS_WORDS], is_null[COLUMNS_WORDS] = {0};
    size_t words = run->word_count;
    for (uint32_t i = 0; i < node->child_count && !run->is_failed; i++) {
        for (size_t w = 0; w < words; w++) wanted[w] = live[w] & ~found[w];
        if (!plan_any(wanted, words)) break;
        plan_truth(run, node->children[i], wanted, is_true, null != NULL ? is_null : NULL, slot);
        for (size_t w = 0; w < words; w++) {
            found[w] |= is_true[w];
            unknown[w] = (unknown[w] | is_null[w]) & ~found[w];
        }
    }
    memcpy(truth, found, words * sizeof *truth);
    if (null != NULL) memcpy(null, unknown, words * sizeof *null);
}

/* NOT, IS NULL, IS TRUE, IS FALSE of a predicate. */
static void turned_truth(struct plan_run *run, const struct plan_node *node, const uint64_t *live,
                         uint64_t *truth, uint64_t *null, uint32_t slot)
{
    uint64_t is_true[COLUMNS_WORDS], is_null[COLUMNS_WORDS] = {0};
    const struct plan_node *child = node->children[0];
    bool needs_null = child->may_be_null && (node->op != PLAN_IS_TRUE);
    plan_truth(run, child, live, is_true, needs_null ? is_null : NULL, slot);
    for (size_t w = 0; w < run->word_count; w++) {
        uint64_t missing = needs_null ? is_null[w] : 0;
        if (null != NULL) null[w] = node->op == PLAN_NOT ? missing : 0;
        switch (node->op) {
        case PLAN_IS_NULL: truth[w] = missing; break;
        case PLAN_IS_TRUE: truth[w] = is_true[w]; break;
        default: truth[w] = live[w] & ~is_true[w] & ~missing;
        }
    }
}

/* ---- Values ---- */

static void put_words(const struct plan_run *run, const uint64_t *live, const uint64_t *bits,
                      const uint64_t *nulls, uint64_t *truth, uint64_t *null)
{
    for (size_t w = 0; w < run->word_count; w++) {
        truth[w] = bits[w] & ~nulls[w] & live[w];
        if (null != NULL) null[w] = nulls[w] & live[w];
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

static void compare_truth(struct plan_run *run, const struct plan_node *node, const uint64_t *live,
                          uint64_t *truth, uint64_t *null, uint32_t slot)
{
    uint64_t bits[COLUMNS_WORDS], nulls[COLUMNS_WORDS];
    struct plan_slot *left = &run->slots[slot], *right = left + 1;
    enum expr_op op = node->node->op;
    plan_value(run, node->children[0], live, slot);
    plan_value(run, node->children[1], live, slot + 1);
    enum expr_comparison comparison = EXPR_IS_EQUAL;
    if (op == EXPR_OP_LT || op == EXPR_OP_GE) comparison = EXPR_IS_LESS;
    if (op == EXPR_OP_GT || op == EXPR_OP_LE) comparison = EXPR_IS_GREATER;
    bool is_turned = op == EXPR_OP_NE || op == EXPR_OP_LE || op == EXPR_OP_GE;
    compare_slots(run, node->node->children[0]->type == EXPR_REAL, left, right, comparison, bits);
    for (size_t w = 0; w < run->word_count; w++) {
        nulls[w] = left->nulls[w] | right->nulls[w];
        if (is_turned) bits[w] = ~bits[w];
    }
    put_words(run, live, bits, nulls, truth, null);
}

/* Below the low end or above the high one is false, even where the other end is null. */
static void between_truth(struct plan_run *run, const struct plan_node *node, const uint64_t *live,
                          uint64_t *truth, uint64_t *null, uint32_t slot)
{
    uint64_t below[COLUMNS_WORDS], above[COLUMNS_WORDS];
    struct plan_slot *value = &run->slots[slot], *low = value + 1, *high = value + 2;
    bool is_real = node->node->children[0]->type == EXPR_REAL;
    for (uint32_t i = 0; i < 3; i++) plan_value(run, node->children[i], live, slot + i);
    compare_slots(run, is_real, value, low, EXPR_IS_LESS, below);
    compare_slots(run, is_real, value, high, EXPR_IS_GREATER, above);
    for (size_t w = 0; w < run->word_count; w++) {
        uint64_t is_false =
            ((below[w] & ~low->nulls[w]) | (above[w] & ~high->nulls[w])) & ~value->nulls[w];
        uint64_t is_null = (value->nulls[w] | low->nulls[w] | high->nulls[w]) & ~is_false;
        truth[w] = live[w] & ~is_false & ~is_null;
        if (null != NULL) null[w] = is_null & live[w];
    }
}

static bool is_member(const struct expr_node *node, const struct expr_value *value)
{
    uint32_t low = 0, high = node->set_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = expr_value_compare(node->children[0]->type, value, &node->set[middle]);
        if (order == 0) return true;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return false;
}

static void in_truth(struct plan_run *run, const struct plan_node *node, const uint64_t *live,
                     uint64_t *truth, uint64_t *null, uint32_t slot)
{
    const struct plan_slot *values = &run->slots[slot];
    bool is_real = node->node->children[0]->type == EXPR_REAL;
    plan_value(run, node->children[0], live, slot);
    for (size_t w = 0; w < run->word_count; w++) {
        uint64_t known = live[w] & ~values->nulls[w], found = 0;
        for (uint64_t left = known; left != 0; left &= left - 1) {
            size_t row = w * 64 + (size_t)__builtin_ctzll(left);
            struct expr_value value = {.as.integer = values->as.integers[row]};
            if (is_real) value.as.real = values->as.reals[row];
            found |= (uint64_t)is_member(node->node, &value) << row % 64;
        }
        truth[w] = found;
        if (null != NULL)
            null[w] =
                (live[w] & values->nulls[w]) | (node->node->has_null_member ? known & ~found : 0);
    }
}

static void value_truth(struct plan_run *run, const struct plan_node *node, const uint64_t *live,
                        uint64_t *truth, uint64_t *null, uint32_t slot)
{
    const struct plan_slot *values = &run->slots[slot];
    uint64_t bits[COLUMNS_WORDS];
    plan_value(run, node->children[0], live, slot);
    if (node->op == PLAN_VALUE_IS_NULL) {
        for (size_t w = 0; w < run->word_count; w++) {
            truth[w] = values->nulls[w] & live[w];
            if (null != NULL) null[w] = 0;
        }
        return;
    }
    run->plan->kernels->range_64(values->as.integers, run->word_count, 1, UINT64_MAX - 1, bits);
    put_words(run, live, bits, values->nulls, truth, null);
}

/* ---- The rest ---- */

static void rows_truth(struct plan_run *run, const struct plan_node *node, const uint64_t *live,
                       uint64_t *truth, uint64_t *null)
{
    struct plan_reader reader;
    struct expr_value value;
    struct lx_error ignored;
    plan_reader_init(&reader, run->plan);
    for (size_t w = 0; w < run->word_count; w++) {
        uint64_t is_true = 0, is_null = 0;
        for (uint64_t left = live[w]; left != 0 && !run->is_failed; left &= left - 1) {
            int bit = __builtin_ctzll(left);
            reader.row = run->first_row + w * 64 + (size_t)bit;
            run->is_failed = expr_evaluate_node(run->plan->expr, node->node, &reader.as_row, &value,
                                                &ignored) != LX_OK;
            if (run->is_failed) break;
            is_null |= (uint64_t)value.is_null << bit;
            is_true |= (uint64_t)(!value.is_null && value.as.integer != 0) << bit;
        }
        truth[w] = is_true;
        if (null != NULL) null[w] = is_null;
    }
}

static void constant_truth(const struct plan_run *run, const struct expr_value *value,
                           const uint64_t *live, uint64_t *truth, uint64_t *null)
{
    bool is_true = !value->is_null && value->as.integer != 0;
    for (size_t w = 0; w < run->word_count; w++) {
        truth[w] = is_true ? live[w] : 0;
        if (null != NULL) null[w] = value->is_null ? live[w] : 0;
    }
}

static void null_truth(const struct plan_run *run, const struct plan_node *node,
                       const uint64_t *live, uint64_t *truth, uint64_t *null)
{
    uint64_t space[COLUMNS_WORDS];
    const uint64_t *nulls = column_nulls(run, node->column, space);
    for (size_t w = 0; w < run->word_count; w++) {
        truth[w] = nulls == NULL ? 0 : nulls[w] & live[w];
        if (null != NULL) null[w] = 0;
    }
}

void plan_truth(struct plan_run *run, const struct plan_node *node, const uint64_t *live,
                uint64_t *truth, uint64_t *null, uint32_t slot)
{
    switch (node->op) {
    case PLAN_CONSTANT: constant_truth(run, &node->value, live, truth, null); break;
    case PLAN_RANGE:
    case PLAN_REAL_RANGE: range_truth(run, node, live, truth, null); break;
    case PLAN_TABLE: table_truth(run, node, live, truth, null); break;
    case PLAN_BITS: bits_truth(run, node, live, truth, null); break;
    case PLAN_COLUMN_IS_NULL: null_truth(run, node, live, truth, null); break;
    case PLAN_AND:
        if (node->may_be_null && (null != NULL || node->can_fail)) {
            and_truth(run, node, live, truth, null, slot);
            break;
        }
        and_holds(run, node, live, truth, slot);
        if (null != NULL) memset(null, 0, run->word_count * sizeof *null);
        break;
    case PLAN_OR: or_truth(run, node, live, truth, null, slot); break;
    case PLAN_NOT:
    case PLAN_IS_NULL:
    case PLAN_IS_TRUE:
    case PLAN_IS_FALSE: turned_truth(run, node, live, truth, null, slot); break;
    case PLAN_VALUE_IS_NULL:
    case PLAN_VALUE_HOLDS: value_truth(run, node, live, truth, null, slot); break;
    case PLAN_COMPARE: compare_truth(run, node, live, truth, null, slot); break;
    case PLAN_BETWEEN: between_truth(run, node, live, truth, null, slot); break;
    case PLAN_IN: in_truth(run, node, live, truth, null, slot); break;
    case PLAN_ROWS: rows_truth(run, node, live, truth, null); break;
    default: lx_bug(__FILE__, __LINE__, "predicate");
    }
}
