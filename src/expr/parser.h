#ifndef EXPR_PARSER_H
#define EXPR_PARSER_H

/*
 * parser: tokens to a tree of what was written, without names or types. Private to expr.
 *
 * Recursive descent; it goes at most EXPR_DEPTH_MAX levels down, and no tree that it makes is
 * higher.
 */

#include "expr/lexer.h"

enum syntax_kind {
    SYNTAX_NUMBER,  /* text, power, is_negative */
    SYNTAX_STRING,  /* text */
    SYNTAX_DATE,    /* text */
    SYNTAX_BOOLEAN, /* is_true */
    SYNTAX_NULL,
    SYNTAX_NAME,     /* text */
    SYNTAX_CALL,     /* text; children: arguments; where, over, before if it is a window */
    SYNTAX_OPERATOR, /* op; children; a NOT of IN and the like stands above it */
    SYNTAX_LIKE,     /* children: value, pattern [, escape] */
    SYNTAX_IN,       /* children: value, members */
    SYNTAX_IN_SET,   /* children: value, set */
    SYNTAX_CASE,     /* children: [subject,] condition, value, ... [, else] */
    SYNTAX_INTERVAL, /* child: how many; is_months, and each unit is `months_each` of them */
};

/* `over 90 days`; text is NULL where it is left out. */
struct syntax_span {
    const char *text;
    struct place place;
    bool is_months, is_years;
};

struct syntax {
    enum syntax_kind kind;
    enum expr_op op;
    struct place place;
    const char *text;
    size_t length;
    int power;
    bool is_negative, is_true, has_subject, has_else, is_months, is_years;
    struct syntax *first, *last, *next;
    uint32_t child_count, height;
    struct syntax *where; /* of a window */
    struct syntax_span over, before;
};

LX_MUST_USE enum lx_err parser_parse(struct compiler *compiler, const char *text, size_t length,
                                     struct syntax **ret_syntax);

#endif
