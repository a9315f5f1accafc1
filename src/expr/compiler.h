#ifndef EXPR_COMPILER_H
#define EXPR_COMPILER_H

/*
 * compiler: what lexer, parser and checker share while one text is compiled: the schema, the memory
 * that is given back at the end, and the one place where errors are written. Private to expr.
 */

#include "base/arena.h"
#include "expr/tree.h"

struct compiler {
    const struct expr_schema *schema;
    struct lx_arena arena;
    struct expr_fault *fault; /* may be NULL */
    struct lx_error *err;
};

/* A place in the text, from 1; columns count characters. */
struct place {
    int line, column;
};

enum lx_err compiler_fail(struct compiler *compiler, enum lx_err code, struct place place,
                          const char *format, ...) LX_PRINTF(4, 5);
enum lx_err compiler_no_memory(struct compiler *compiler);

/*
 * ": did you mean `near`?" for a word that is none of `names`; else ": one of a, b, c" if they are
 * few; else nothing. `quote` stands before and after each name. Valid as long as the arena; never
 * NULL.
 */
const char *compiler_hint(struct compiler *compiler, const char *word, const char *const *names,
                          size_t count, const char *quote);

/* The names of functions and aggregates that the language itself has. */
struct builtin {
    const char *name, *zh;
    enum expr_op op;
    uint8_t least_arguments, most_arguments; /* 255: EXPR_SET_MAX */
};
extern const struct builtin expr_builtins[];
extern const size_t expr_builtin_count;

struct aggregate_name {
    const char *name, *zh;
};
extern const struct aggregate_name expr_aggregates[EXPR_AGGREGATE_COUNT];

#endif
