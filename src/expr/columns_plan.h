#ifndef EXPR_COLUMNS_PLAN_H
#define EXPR_COLUMNS_PLAN_H

/*
 * columns_plan: a bound expression inside. Private to the columns.
 *
 *   columns_bind.c    tree to plan: which loop for which node
 *   columns_range.c   a comparison with a constant as a range of the column's own type
 *   columns_column.c  what lies in a column
 *   columns_row.c     one row of the columns for expr_evaluate
 *   columns_truth.c   predicates over a block
 *   columns_vector.c  values over a block
 *   columns.c         ordering, blocks, threads, results
 *
 * A block is COLUMNS_ROWS rows and begins at a multiple of it. Of a predicate it has two words of
 * bits for each 64 rows, true and null, never both, and never of a row that was not wanted. Of a
 * value it has a slot.
 */

#include "base/arena.h"
#include "expr/columns.h"
#include "expr/tree.h"

/* Columns of one byte a row are read four pages at a stretch: the processor fetches ahead within a
 * page only, and 4,096 rows took a third longer. Three slots of 8 bytes a row fit a usual
 * second-level cache. */
enum { COLUMNS_ROWS = 16384, COLUMNS_WORDS = COLUMNS_ROWS / 64 };

enum plan_op {
    /* predicates */
    PLAN_CONSTANT,       /* value */
    PLAN_RANGE,          /* integer or code column within low .. low + span, or not */
    PLAN_REAL_RANGE,     /* real column within real_low .. real_high, or not */
    PLAN_TABLE,          /* code column: is_true, is_null; of a row that is null null_value */
    PLAN_BITS,           /* BITS or ROARING column */
    PLAN_COLUMN_IS_NULL, /* column */
    PLAN_NOT,
    PLAN_AND, /* children in the order in which they run */
    PLAN_OR,
    PLAN_IS_NULL, /* of a predicate */
    PLAN_IS_TRUE,
    PLAN_IS_FALSE,
    PLAN_VALUE_IS_NULL,
    PLAN_VALUE_HOLDS, /* of a BOOLEAN as a value */
    PLAN_COMPARE,     /* two values */
    PLAN_BETWEEN,     /* three values */
    PLAN_IN,          /* a value among the node's literals */
    PLAN_ROWS,        /* expr_evaluate_node row by row */
    /* values */
    PLAN_LITERAL,     /* value */
    PLAN_LOAD,        /* column */
    PLAN_TRUTH_VALUE, /* a predicate as 0 and 1 */
    PLAN_UNARY,       /* node->op */
    PLAN_BINARY,      /* node->op */
    PLAN_CASE,        /* condition, value, ..., else */
    PLAN_COALESCE,
    PLAN_NULLIF,
    PLAN_EXTREME,    /* least, greatest */
    PLAN_ROW_VALUES, /* expr_evaluate_node row by row */
};

struct plan_node {
    enum plan_op op;
    const struct expr_node *node;
    const struct expr_column *column;
    struct plan_node **children;
    uint32_t child_count;
    uint32_t slot_count; /* that evaluating it takes, a value's own among them */
    bool may_be_null;    /* of a predicate */
    bool can_fail;       /* it, or what is below it */
    bool is_negated;     /* ranges */
    bool is_sparse;      /* few rows are expected to be left when it runs */
    double cost, pass;   /* nanoseconds a row, roughly; share of sampled rows that are true */
    uint64_t low, span;  /* PLAN_RANGE */
    double real_low, real_high;
    uint64_t *is_true, *is_null; /* PLAN_TABLE, bits by code; is_null may be NULL */
    uint32_t code_count;
    struct expr_value value, null_value;
};

/* A window or a call that has a column. */
struct plan_answer {
    const struct expr_node *node;
    struct expr_column column;
};

struct expr_plan {
    const struct expr *expr;
    const struct expr_table *table;
    const struct expr_kernel_functions *kernels;
    struct lx_arena arena;
    struct expr_column *fields; /* by number of the schema */
    bool *has_field;
    struct plan_answer *answers;
    size_t answer_count, row_node_count;
    struct plan_node *root;
};

struct plan_slot {
    union {
        int64_t integers[COLUMNS_ROWS];
        double reals[COLUMNS_ROWS];
    } as;
    uint64_t nulls[COLUMNS_WORDS];
};

/* One block being evaluated by one thread. */
struct plan_run {
    const struct expr_plan *plan;
    size_t first_row, row_count, word_count;
    struct plan_slot *slots;
    bool is_failed; /* a vector overflowed or a row failed: evaluate the block row by row */
};

static inline bool plan_bit(const uint64_t *bits, size_t row)
{
    return (bits[row / 64] >> row % 64 & 1) != 0;
}

/* --- columns_column.c --- */
size_t column_element_size(enum expr_storage storage);    /* 0: not one element a row */
bool column_is_integer(const struct expr_column *column); /* U8 to I64 */
bool column_is_real(const struct expr_column *column);
bool column_is_code(const struct expr_column *column);
bool column_fits(const struct expr_column *column, enum expr_type type);
int64_t column_integer(const struct expr_column *column, size_t row);
double column_real(const struct expr_column *column, size_t row);
uint32_t column_code(const struct expr_column *column, size_t row); /* U8, U16 and CODE_* */
/* The words of nulls of a block: of a real column made in `space`; NULL: none is null. */
const uint64_t *column_nulls(const struct plan_run *run, const struct expr_column *column,
                             uint64_t space[COLUMNS_WORDS]);
/* The wanted elements of a block as integers or reals, all of them. */
void column_load_integers(const struct plan_run *run, const struct expr_column *column,
                          int64_t *ret_values);
void column_load_reals(const struct plan_run *run, const struct expr_column *column,
                       double *ret_values);

/* --- columns_bind.c --- */
LX_MUST_USE enum lx_err plan_bind(struct expr_plan *plan, struct lx_error *err);
/* The column that a field, call or window has; NULL: none, or another kind of node. */
const struct expr_column *plan_column(const struct expr_plan *plan, const struct expr_node *node);

/* --- columns_range.c --- */
/* `node` is a comparison or BETWEEN. If it is a column against constants `bound` becomes what it is
 * and true is returned. */
bool plan_bind_range(const struct expr_plan *plan, const struct expr_node *node,
                     struct plan_node *bound);
/* The value of what depends on no row; false where it does, or where it fails. */
bool plan_fold(const struct expr_plan *plan, const struct expr_node *node,
               struct expr_value *ret_value);

/* --- columns_row.c --- */
struct plan_reader {
    const struct expr_plan *plan;
    size_t row;
    struct expr_row as_row; /* its context is this reader */
};
void plan_reader_init(struct plan_reader *reader, const struct expr_plan *plan);

/* --- columns_truth.c --- */
/* `live`: the rows that are wanted. `null` may be NULL: nobody asks; then `truth` may be `live`.
 * `slot`: the first free one. */
void plan_truth(struct plan_run *run, const struct plan_node *node, const uint64_t *live,
                uint64_t *truth, uint64_t *null, uint32_t slot);
static inline bool plan_any(const uint64_t *words, size_t count)
{
    for (size_t w = 0; w < count; w++)
        if (words[w] != 0) return true;
    return false;
}

/* --- columns_vector.c --- */
/* Into slot number `slot`; those after it are free. Rows that are not live may hold anything. */
void plan_value(struct plan_run *run, const struct plan_node *node, const uint64_t *live,
                uint32_t slot);

#endif
