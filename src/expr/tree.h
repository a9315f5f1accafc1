#ifndef EXPR_TREE_H
#define EXPR_TREE_H

/*
 * tree: what a checked expression looks like inside; what parser, checker, both evaluations and the
 * formatter share. Private to expr. Pure data.
 *
 * After the check every name is resolved, every type is known and no conversion is implied: a
 * number beside money has become fen, an integer beside a real stands under EXPR_OP_TO_REAL.
 * Children stand before their parents in `nodes`, so one pass over the array visits them in order.
 */

#include "expr/expr.h"

enum expr_op {
    EXPR_OP_LITERAL,        /* value */
    EXPR_OP_FIELD,          /* index: the schema's field (inside a window: written this.x) */
    EXPR_OP_RELATION_FIELD, /* index: the field of the window's relation */
    EXPR_OP_WINDOW,         /* index: the expression's window */
    EXPR_OP_CALL,           /* index: the schema's function; children: arguments */
    EXPR_OP_TODAY,
    /* BOOLEAN, three-valued */
    EXPR_OP_NOT,
    EXPR_OP_AND, /* children: two or more, flattened */
    EXPR_OP_OR,
    EXPR_OP_EQ, /* both sides of one type; ENUM of one enumeration */
    EXPR_OP_NE,
    EXPR_OP_LT,
    EXPR_OP_LE,
    EXPR_OP_GT,
    EXPR_OP_GE,
    EXPR_OP_BETWEEN, /* children: value, low, high */
    EXPR_OP_IN,      /* child: value; set: literals, sorted, without NULL; has_null_member */
    EXPR_OP_IN_SET,  /* children: ENUM, SET */
    EXPR_OP_LIKE,    /* child: value; literal pattern in `value`; index: 0, or '\\' if that stands
                        before each %, _ and \ of the pattern that means itself */
    EXPR_OP_IS_NULL,
    EXPR_OP_IS_TRUE,
    EXPR_OP_IS_FALSE,
    /* arithmetic: INTEGER, MONEY and REAL of one type unless said */
    EXPR_OP_NEGATE,
    EXPR_OP_ADD,
    EXPR_OP_SUBTRACT,
    EXPR_OP_MULTIPLY,  /* INTEGER, REAL */
    EXPR_OP_DIVIDE,    /* INTEGER toward zero, REAL; by zero NULL */
    EXPR_OP_REMAINDER, /* INTEGER; by zero NULL */
    EXPR_OP_MONEY_TIMES_INTEGER,
    EXPR_OP_MONEY_TIMES_REAL, /* half to even */
    EXPR_OP_MONEY_BY_INTEGER, /* half to even; by zero NULL */
    EXPR_OP_MONEY_BY_REAL,
    EXPR_OP_MONEY_BY_MONEY,   /* REAL; by zero NULL */
    EXPR_OP_DATE_PLUS_DAYS,   /* children: DATE, INTEGER */
    EXPR_OP_DATE_PLUS_MONTHS, /* children: DATE, INTEGER; the 31st becomes the month's last day */
    EXPR_OP_DATE_MINUS_DATE,  /* INTEGER days */
    /* the rest */
    EXPR_OP_TO_REAL,  /* INTEGER, or MONEY as yuan: written yuan(x) */
    EXPR_OP_CASE,     /* children: condition, value, condition, value, ..., else */
    EXPR_OP_COALESCE, /* children: two or more of one type */
    EXPR_OP_NULLIF,
    EXPR_OP_ABS,
    EXPR_OP_ROUND, /* REAL to INTEGER, half to even */
    EXPR_OP_FLOOR, /* REAL to INTEGER */
    EXPR_OP_LEAST, /* children: two or more; NULL if one is */
    EXPR_OP_GREATEST,
    EXPR_OP_LN,   /* REAL; NULL at 0 and below */
    EXPR_OP_YEAR, /* of a DATE */
    EXPR_OP_MONTH,
    EXPR_OP_DAY,
    EXPR_OP_LENGTH,    /* characters of a STRING */
    EXPR_OP_COUNT_SET, /* members of a SET */
    EXPR_OP_COUNT
};

struct expr_node {
    enum expr_op op;
    enum expr_type type;
    const struct expr_enumeration *enumeration; /* ENUM and SET */
    uint32_t line, column;                      /* of the operator or the name */
    uint32_t index;
    uint32_t relation; /* RELATION_FIELD: the schema's relation */
    uint32_t child_count;
    const struct expr_node **children;
    struct expr_value value; /* LITERAL and LIKE; strings are the expression's own */
    struct expr_value *set;  /* IN */
    uint32_t set_count;
    bool has_null_member;
};

struct expr {
    const struct expr_schema *schema;
    const struct expr_node *root;
    struct expr_node *nodes; /* children before parents; first the parts of the windows */
    size_t node_count, window_node_count;
    struct expr_window *windows;
    size_t window_count;
    size_t *fields;
    size_t field_count;
    void *memory; /* the one block that all of it lies in */
};

/* Whether two trees are one: operators, names, values. Places do not count. NULL equals NULL. */
bool expr_node_equal(const struct expr_node *a, const struct expr_node *b);

/* Below, at or above 0. Of an ordered type or ENUM, BOOLEAN; neither is NULL. Strings by code
 * point. */
int expr_value_compare(enum expr_type type, const struct expr_value *a, const struct expr_value *b);

#endif
