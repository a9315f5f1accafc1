#ifndef EXPR_EXPR_H
#define EXPR_EXPR_H

/*
 * expr: the one expression language. A text is parsed and type-checked once against a schema, and
 * then gives a value for one row here, or for columns in expr/columns.h; both give the same.
 *
 *   age() between 30 and 50 and assets >= 500000 and not holds('wealth')
 *   sum(amount) where kind = 'transfer_in' over 90 days before 30 days
 *   年龄 between 30 and 50 且 资产 >= 50万
 *
 * The meaning is SQL's, three-valued logic included; docs/reference/expressions.md has the grammar,
 * an example of every function and the table of deviations. The folder knows no catalogue and no
 * customer: fields, enumerations, functions and relations come in as a schema of plain tables, the
 * values as callbacks.
 *
 * Lifetimes:  a schema is borrowed by the expressions compiled against it and must outlive them;
 *             an expression is one block of memory, immutable, and belongs to who compiled it.
 * Errors:     LX_ERR_BAD_INPUT with the place in struct expr_fault; LX_ERR_LIMIT past one below;
 *             LX_ERR_OVERFLOW when a value cannot be computed exactly; LX_ERR_NO_MEMORY.
 * Threads:    a compiled expression may be evaluated by any number of threads.
 */

#include "base/base.h"

enum {
    EXPR_TEXT_MAX = 16 << 10, /* bytes of one text */
    EXPR_DEPTH_MAX = 64,      /* nesting */
    EXPR_NODES_MAX = 4096,    /* operators, operands and literals of one text */
    EXPR_SET_MAX = 1024,      /* members of one literal set */
    EXPR_ARGUMENTS_MAX = 8,   /* of one function */
    EXPR_STRING_MAX = 4096,   /* bytes of a string value */
    EXPR_WINDOWS_MAX = 64,    /* windows in one text */
    EXPR_WINDOW_DAYS_MAX = 36600
};

/*
 * REAL is finite, MONEY is fen, DATE days since 1970-01-01, ENUM the position of a value in its
 * enumeration, SET a set of such positions. INTERVAL (whole days, or whole calendar months) is what
 * `90 days` is; it lives only beside a date and is never a field. NULL is the type of the literal
 * alone.
 */
enum expr_type {
    EXPR_NULL,
    EXPR_BOOLEAN,
    EXPR_INTEGER,
    EXPR_MONEY,
    EXPR_REAL,
    EXPR_DATE,
    EXPR_STRING,
    EXPR_ENUM,
    EXPR_SET,
    EXPR_INTERVAL,
    EXPR_TYPE_COUNT
};
const char *expr_type_name(enum expr_type type); /* "money" */

/* A value of any type. Which member counts follows from the type that the checker found. */
struct expr_value {
    bool is_null;
    union {
        int64_t integer; /* BOOLEAN 0 or 1, INTEGER, MONEY fen, DATE days, ENUM position */
        double real;
        struct {
            const char *text; /* UTF-8, not NUL-terminated, borrowed until the row changes */
            size_t length;
        } string;
        const uint64_t *set; /* EXPR_SET: `value_count` bits of its enumeration */
    } as;
};

/* --- What an expression may speak of ------------------------------------------------------- */

struct expr_enumeration {
    const char *name;         /* "channel"; appears in messages */
    const char *const *codes; /* what an expression writes in quotes */
    const char *const *zh;    /* the same in Chinese, each also accepted; NULL: none */
    uint16_t value_count;     /* at most 65,535 */
    bool is_ordered;          /* whether < and > mean anything */
};

struct expr_field {
    const char *name; /* lower case, digits, '_' and one '.' at most: "assets", "product.risk" */
    const char *zh;   /* an alias, NULL: none */
    enum expr_type type;
    const struct expr_enumeration *enumeration; /* ENUM and SET */
    bool is_state; /* of a relation: holds from its row to the next one, and is aggregated by day
                      (`avg(balance)` is the mean over days) instead of by row */
};

/* A function that the host answers: `holds('wealth')`, `risk_allows(product)`. */
struct expr_function {
    const char *name, *zh;
    enum expr_type result;
    const struct expr_enumeration *result_enumeration;
    uint8_t parameter_count;
    bool is_variadic; /* the last parameter may be given 1 to EXPR_ARGUMENTS_MAX times */
    struct {
        enum expr_type type;
        const struct expr_enumeration *enumeration;
        bool is_literal; /* must be written out, so that it is known when the text is checked */
    } parameters[EXPR_ARGUMENTS_MAX];
};

/* Rows of the past that windows run over: events, offers. The first of a schema is the default. */
struct expr_relation {
    const char *name, *zh;
    const struct expr_field *fields;
    size_t field_count;
};

struct expr_schema {
    const struct expr_field *fields;
    size_t field_count;
    const struct expr_function *functions;
    size_t function_count;
    const struct expr_relation *relations;
    size_t relation_count;
};

/* For schemas that come from a file: whether every name can be said in an expression (no word of
 * the language, one meaning) and every type is complete. LX_ERR_BAD_INPUT names the first that is
 * not. */
LX_MUST_USE enum lx_err expr_schema_check(const struct expr_schema *schema, struct lx_error *err);

/* --- Compiling ------------------------------------------------------------------------------ */

/* Where and what. Lines and columns from 1; a column counts characters, not bytes. */
struct expr_fault {
    int line, column;
    char message[512]; /* "unknown field `assests`: did you mean `assets`?" */
};

struct expr;

/* `ret_fault` may be NULL; `err` gets "LINE:COLUMN: message" as well. */
LX_MUST_USE enum lx_err expr_compile(const struct expr_schema *schema, const char *text,
                                     size_t length, struct expr **ret_expr,
                                     struct expr_fault *ret_fault, struct lx_error *err);
/* The same, and the result must be of `type`, or NULL; an INTEGER is accepted and turned into REAL
 * or, as yuan, MONEY. */
LX_MUST_USE enum lx_err expr_compile_as(const struct expr_schema *schema, enum expr_type type,
                                        const char *text, size_t length, struct expr **ret_expr,
                                        struct expr_fault *ret_fault, struct lx_error *err);
void expr_free(struct expr *expr); /* NULL is fine */

enum expr_type expr_result(const struct expr *expr);
const struct expr_enumeration *expr_result_enumeration(const struct expr *expr);

/*
 * The canonical text: English names, fewest parentheses, literals in one form. Compiling it as it
 * was compiled (as a type or not) gives the same tree, which is how two texts are compared. Returns
 * the length, as snprintf does.
 */
size_t expr_format(const struct expr *expr, char *text, size_t size);

/* Which fields of the schema the text reads itself, outside its windows; ascending. */
size_t expr_field_count(const struct expr *expr);
size_t expr_field_at(const struct expr *expr, size_t index);

/* --- Windows -------------------------------------------------------------------------------- */

enum expr_aggregate {
    EXPR_COUNT, /* rows; with an argument those where it is not null */
    EXPR_SUM,   /* NULL over no rows, as in SQL */
    EXPR_AVG,   /* REAL, of money MONEY half to even */
    EXPR_MIN,
    EXPR_MAX,
    EXPR_LAST,            /* the argument of the newest row where it is not null */
    EXPR_DISTINCT,        /* how many different values that are not null */
    EXPR_TOP,             /* the value most rows have; of equals the smallest; enumerations only */
    EXPR_SLOPE,           /* REAL: least squares against days, per day, of MONEY in yuan; NULL below
                             two days */
    EXPR_DAYS_SINCE_LAST, /* whole days from the newest row to the as-of day; NULL without one */
    EXPR_DAYS_SINCE_FIRST,
    EXPR_AGGREGATE_COUNT
};

struct expr_node;

/*
 * One window. Its span is the whole days that end `before` days or months ahead of the as-of day:
 * over 30 days as of t are the 30 days that end with t's own; over 3 months, those after the same
 * day of the month three months earlier. Without `over` it reaches back to the beginning.
 */
struct expr_window {
    enum expr_aggregate aggregate;
    uint16_t relation;
    const struct expr_node *argument; /* over the relation's row; NULL: none */
    const struct expr_node *where;    /* BOOLEAN over the relation's row and, as this.x, the outer
                                         row; NULL: every row */
    int32_t over, before;             /* 0: no bound, no shift */
    bool is_over_months, is_before_months;
    enum expr_type type; /* of the result */
    const struct expr_enumeration *enumeration;
    bool is_constant; /* nothing of the outer row is read and no function of the host called, so the
                         value is the customer's alone */
};
size_t expr_window_count(const struct expr *expr);
const struct expr_window *expr_window_at(const struct expr *expr, size_t index);

/* The window's own canonical text, by which hosts know that two expressions ask for the same. */
size_t expr_window_format(const struct expr *expr, size_t index, char *text, size_t size);

/* The first and the last day that count, as of a day. first is INT32_MIN without `over`. */
void expr_window_span(const struct expr_window *window, int32_t as_of_day, int32_t *ret_first_day,
                      int32_t *ret_last_day);

/* --- One row -------------------------------------------------------------------------------- */

/*
 * Where values come from. `field` is the schema's number. `call` gets arguments in order; `window`
 * the window's number in this expression. A callback that fails stops the evaluation.
 * `relation_field` gives the field of the row of the past that the window is looking at.
 */
struct expr_row {
    void *context;
    int32_t today; /* the as-of day */
    enum lx_err (*field)(void *context, size_t field, struct expr_value *ret_value,
                         struct lx_error *err);
    enum lx_err (*call)(void *context, size_t function, const struct expr_value *arguments,
                        size_t argument_count, struct expr_value *ret_value, struct lx_error *err);
    enum lx_err (*window)(void *context, const struct expr_window *window,
                          struct expr_value *ret_value, struct lx_error *err);
    enum lx_err (*relation_field)(void *context, size_t relation, size_t field,
                                  struct expr_value *ret_value, struct lx_error *err);
};

/*
 * No allocation. LX_ERR_OVERFLOW with line and column of the operator. From left to right, and only
 * what is needed: `and` stops at the first false, `or` at the first true, `case`, `coalesce` and
 * `between` likewise, and an operator whose left side is NULL does not look at its right one. So an
 * overflow that nobody needs is none.
 */
LX_MUST_USE enum lx_err expr_evaluate(const struct expr *expr, const struct expr_row *row,
                                      struct expr_value *ret_value, struct lx_error *err);

/* A part of an expression: the argument or the condition of a window for the row of the past that
 * relation_field speaks of. */
LX_MUST_USE enum lx_err expr_evaluate_node(const struct expr *expr, const struct expr_node *node,
                                           const struct expr_row *row, struct expr_value *ret_value,
                                           struct lx_error *err);

/*
 * A condition as the parts that `and` joins at its top; one part where there is no `and`. It is
 * true when all parts are, and not false when none of them is, so they may be evaluated apart and
 * in any order: what does not depend on the row is then evaluated once.
 */
size_t expr_part_count(const struct expr *expr);
const struct expr_node *expr_part_at(const struct expr *expr, size_t index);

/* What a part reads outside its windows, each time that it does. */
enum expr_source { EXPR_READS_FIELD, EXPR_READS_CALL, EXPR_READS_WINDOW };
struct expr_read {
    enum expr_source source;
    size_t index; /* of the schema's field or function, of the expression's window */
    int line, column;
    const struct expr_value *argument; /* of a call, the first one, if it is a literal; or NULL */
};
void expr_part_reads(const struct expr_node *part,
                     void (*visit)(void *context, const struct expr_read *read), void *context);

/* True if the condition holds: not false, not NULL. `expr` is BOOLEAN. */
LX_MUST_USE enum lx_err expr_holds(const struct expr *expr, const struct expr_row *row,
                                   bool *ret_holds, struct lx_error *err);

/*
 * The value as a person reads it: money in yuan, dates, codes. "null" for NULL. As snprintf.
 * `enumeration` for ENUM and SET.
 */
size_t expr_value_format(const struct expr_value *value, enum expr_type type,
                         const struct expr_enumeration *enumeration, char *text, size_t size);

#endif
