#ifndef EXPR_COLUMNS_H
#define EXPR_COLUMNS_H

/*
 * columns: a compiled expression over all rows of a table whose values lie in columns. A plan is
 * the expression bound to such a table once; running it gives, to the bit, what expr_evaluate gives
 * row by row.
 *
 * How:   16,384 rows at a time, a bit a row for "true" and one for "null". A comparison with a
 *        constant is translated once into the column's own narrow type and becomes a range of it;
 *        whatever depends on one enumeration or one dictionary alone is evaluated once for each of
 *        its values and becomes a look-up; sets of rows are bits already. Conditions under `and`
 *        and `or` are ordered by what they cost and by the share of sampled rows that they decide,
 *        and a condition is not looked at where no row is left. Arithmetic, `case` and `coalesce`
 *        run over vectors; what has no column and no loop is evaluated row by row, those rows only
 *        that are still wanted.
 * Errors: an overflow counts only where expr_evaluate would meet it: a block in which a vector
 *        overflowed is evaluated again row by row, and that decides. The error is that of the first
 *        such row, whatever the number of threads.
 * Ownership: a plan borrows expression, table and columns, all of which outlive it.
 * Threads: thread_count is the most that a run uses: fewer where starting them costs more than they
 *        save. The result is the same. The table's callbacks are called from several at once then.
 *        A plan may be run by any number of threads at once.
 */

#include "expr/expr.h"
#include "expr/kernel.h"
#include "frame/frame.h"

/* How a column's values lie in memory, and of which types they may be. */
enum expr_storage {
    EXPR_STORE_BITS,    /* uint64_t words, a bit a row: BOOLEAN */
    EXPR_STORE_ROARING, /* one struct roaring_bitmap_s: BOOLEAN */
    EXPR_STORE_U8,      /* BOOLEAN (0 or 1), INTEGER, MONEY, DATE, ENUM */
    EXPR_STORE_I16,     /* INTEGER, MONEY, DATE */
    EXPR_STORE_U16,     /* INTEGER, MONEY, DATE, ENUM */
    EXPR_STORE_I32,     /* INTEGER, MONEY, DATE */
    EXPR_STORE_I64,     /* INTEGER, MONEY, DATE */
    EXPR_STORE_F32,     /* REAL; NaN is null */
    EXPR_STORE_F64,     /* REAL; NaN is null */
    EXPR_STORE_CODE_8,  /* STRING: numbers of `strings` */
    EXPR_STORE_CODE_16,
    EXPR_STORE_CODE_32,
    EXPR_STORE_SET, /* SET: for each row the words of its enumeration's values */
};

struct expr_column {
    enum expr_storage storage;
    const void *values;
    const uint64_t *nulls; /* a bit a row, set where it is null; NULL: none is. Not of F32, F64 */
    struct frame_strings strings; /* CODE_* */
};

struct expr_table {
    void *context;
    size_t row_count;
    int32_t today;
    /* The column of a field of the schema; each that the expression reads must have one. */
    enum lx_err (*field)(void *context, size_t field, struct expr_column *ret_column,
                         struct lx_error *err);
    /* The column of a function whose arguments are all literals, or of a window; *ret_has false:
     * there is none. NULL: there are none at all. */
    enum lx_err (*call)(void *context, size_t function, const struct expr_value *arguments,
                        size_t argument_count, struct expr_column *ret_column, bool *ret_has,
                        struct lx_error *err);
    enum lx_err (*window)(void *context, const struct expr_window *window,
                          struct expr_column *ret_column, bool *ret_has, struct lx_error *err);
    /* The same for one row, for what has no column; NULL: everything has one. A real is finite, a
     * string stays valid as long as the table. `outer` reads that row, for a window's condition. */
    enum lx_err (*call_row)(void *context, size_t row, size_t function,
                            const struct expr_value *arguments, size_t argument_count,
                            struct expr_value *ret_value, struct lx_error *err);
    enum lx_err (*window_row)(void *context, size_t row, const struct expr_window *window,
                              const struct expr_row *outer, struct expr_value *ret_value,
                              struct lx_error *err);
};

/* The column as it lies in a frame; LX_ERR_BAD_INPUT for TEXT, LIST and BLOB. A BITMAP's values are
 * what frame_bitmap_open gave. The frame is verified, or codes that it does not have count as
 * strings that equal nothing. */
LX_MUST_USE enum lx_err expr_column_of_frame(const struct frame_column *column,
                                             const struct roaring_bitmap_s *bitmap,
                                             struct expr_column *ret_column, struct lx_error *err);

/* One row of a column as a value of `type`; strings and sets are borrowed from the column. */
void expr_column_value(const struct expr_column *column, enum expr_type type,
                       const struct expr_enumeration *enumeration, size_t row,
                       struct expr_value *ret_value);

struct expr_plan;

/* LX_ERR_NOT_BUILT: something has neither a column nor a way to be asked row by row. LX_ERR_LIMIT
 * past 2^40 rows. `kernel` is supported. */
LX_MUST_USE enum lx_err expr_plan_open(const struct expr *expr, const struct expr_table *table,
                                       enum expr_kernel kernel, struct expr_plan **ret_plan,
                                       struct lx_error *err);
void expr_plan_close(struct expr_plan *plan); /* NULL is fine */

/* How many nodes of the tree are evaluated row by row; 0: all runs over columns. */
size_t expr_plan_row_nodes(const struct expr_plan *plan);

/* Of a BOOLEAN: how many rows hold: are true, not false, not NULL. */
LX_MUST_USE enum lx_err expr_plan_count(const struct expr_plan *plan, int thread_count,
                                        uint64_t *ret_count, struct lx_error *err);

/* And which: frame_bit_words(row_count) words. `ret_nulls`, if not NULL, gets those that are NULL.
 * After a failure their contents are undefined. */
LX_MUST_USE enum lx_err expr_plan_select(const struct expr_plan *plan, int thread_count,
                                         uint64_t *ret_bits, uint64_t *ret_nulls,
                                         uint64_t *ret_count, struct lx_error *err);

/*
 * Of any type: the value of each row. The member that fits the expression's type is not NULL and
 * holds row_count elements (`integers` for BOOLEAN, INTEGER, MONEY, DATE and ENUM); nulls as above,
 * and the value of a row that is null is 0. Strings and sets are borrowed from columns, expression
 * and table. After a failure their contents are undefined.
 */
struct expr_vector {
    int64_t *integers;
    double *reals;
    struct expr_value *values; /* STRING and SET */
    uint64_t *nulls;
};
LX_MUST_USE enum lx_err expr_plan_values(const struct expr_plan *plan, int thread_count,
                                         const struct expr_vector *vector, struct lx_error *err);

#endif
