#ifndef EXPR_LEXER_H
#define EXPR_LEXER_H

/*
 * lexer: text to tokens. Private to expr.
 *
 * Outside strings full-width letters, digits and signs are their ASCII twins, and ASCII letters may
 * be in either case. Chinese is written without spaces: a run of letters that is no known word as a
 * whole is cut into the longest words that the language and the schema know, if that uses all of
 * it (`年龄大于30且资产小于50万`); else it is one unknown name.
 */

#include "expr/compiler.h"

enum token_kind {
    TOKEN_END,
    TOKEN_NUMBER, /* text: digits, at most one '.', an exponent; power: of 万 and 亿 */
    TOKEN_STRING,
    TOKEN_NAME, /* text: lower case; also words that mean something in one place only: date, days */
    TOKEN_OPEN,
    TOKEN_CLOSE,
    TOKEN_COMMA,
    TOKEN_PLUS,
    TOKEN_MINUS,
    TOKEN_STAR,
    TOKEN_SLASH,
    TOKEN_PERCENT,
    TOKEN_EQ,
    TOKEN_NE,
    TOKEN_LT,
    TOKEN_LE,
    TOKEN_GT,
    TOKEN_GE,
    TOKEN_AND,
    TOKEN_OR,
    TOKEN_NOT,
    TOKEN_IS,
    TOKEN_NULL,
    TOKEN_TRUE,
    TOKEN_FALSE,
    TOKEN_BETWEEN,
    TOKEN_BETWEEN_AND, /* 与 */
    TOKEN_BETWEEN_END, /* 之间 */
    TOKEN_IN,
    TOKEN_LIKE,
    TOKEN_ESCAPE,
    TOKEN_CASE,
    TOKEN_WHEN,
    TOKEN_THEN,
    TOKEN_ELSE,
    TOKEN_CASE_END,
    TOKEN_WHERE,
    TOKEN_OVER,
    TOKEN_BEFORE,
    TOKEN_IS_NULL,     /* 为空 */
    TOKEN_IS_NOT_NULL, /* 不为空 */
    TOKEN_NOT_BETWEEN, /* 不介于 */
    TOKEN_NOT_IN,      /* 不属于 */
};

struct token {
    enum token_kind kind;
    struct place place;
    const char *text; /* NAME, NUMBER and STRING, NUL-terminated; lives in the arena */
    size_t length;
    int power;
    const char *source; /* as it stands in the text, for messages */
    size_t source_length;
};

struct lexer {
    struct compiler *compiler;
    const char *text;
    size_t length, at;
    struct place place;
    size_t cut_until; /* up to here a run of letters is cut into known words */
};

/* Refuses a text that is too long, not UTF-8, or has a NUL in it. */
LX_MUST_USE enum lx_err lexer_init(struct lexer *lexer, struct compiler *compiler, const char *text,
                                   size_t length);
LX_MUST_USE enum lx_err lexer_next(struct lexer *lexer, struct token *ret_token);

#endif
