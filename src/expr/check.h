#ifndef EXPR_CHECK_H
#define EXPR_CHECK_H

/*
 * check: the parser's tree to a checked one: names are found, types are known, literals take the
 * type of what they stand beside, conversions become nodes. Private to expr.
 *
 *   check.c           names and operators
 *   check_form.c      in, like, case, intervals
 *   check_call.c      functions and windows
 *   check_literal.c   literals, and several operands to one type
 */

#include "expr/parser.h"

/* A node while it is made; `node` is first, so that a node's children are drafts too. */
struct draft {
    struct expr_node node;
    const struct syntax *literal; /* a number, string or null that may still change its type */
};

struct checker {
    struct compiler *compiler;
    const struct expr_relation *relation; /* whose window is being checked; NULL outside */
    uint32_t relation_index;
    bool reads_row;              /* the window reads the outer row or calls the host */
    struct expr_window *windows; /* EXPR_WINDOWS_MAX */
    size_t window_count;
    bool *is_read; /* per field of the schema */
    uint32_t node_count;
};

struct operands {
    const struct expr_node **items;
    uint32_t count;
};

/* What a group of operands became. */
struct found_type {
    enum expr_type type;
    const struct expr_enumeration *enumeration;
};

/* Sets of types, as bits. */
#define TYPES_OF(type) (1U << (type))
enum {
    TYPES_NUMBER = 1 << EXPR_INTEGER | 1 << EXPR_MONEY | 1 << EXPR_REAL,
    TYPES_EQUAL =
        TYPES_NUMBER | 1 << EXPR_BOOLEAN | 1 << EXPR_DATE | 1 << EXPR_STRING | 1 << EXPR_ENUM,
    TYPES_ORDERED = TYPES_NUMBER | 1 << EXPR_DATE | 1 << EXPR_STRING | 1 << EXPR_ENUM,
};

/* --- check.c --- */
LX_MUST_USE enum lx_err check_tree(struct checker *checker, const struct syntax *syntax,
                                   struct draft **ret_draft);
LX_MUST_USE enum lx_err check_boolean(struct checker *checker, const struct syntax *syntax,
                                      struct draft **ret_draft);
/* A node with room for its children, which are not set. */
LX_MUST_USE enum lx_err draft_new(struct checker *checker, enum expr_op op, enum expr_type type,
                                  struct place place, uint32_t child_count,
                                  struct draft **ret_draft);
/* `schema`'s field, read from the outer row. */
LX_MUST_USE enum lx_err draft_field(struct checker *checker, size_t field, struct place place,
                                    struct draft **ret_draft);
/* The children of what was written, checked, as children of a new node. */
LX_MUST_USE enum lx_err check_children(struct checker *checker, const struct syntax *syntax,
                                       enum expr_op op, enum expr_type type,
                                       struct draft **ret_draft);
struct operands children_of(struct draft *draft);
size_t find_field(const struct expr_field *fields, size_t count, const char *name, size_t length);
/* `text` is the one or the other, which may be NULL. */
bool is_named(const char *name, const char *zh, const char *text, size_t length);
/* The same for names of the schema: ASCII letters of `zh` may be capitals. */
bool is_called(const char *name, const char *zh, const char *text, size_t length);
/* What is left of `text` behind "name."; NULL if it does not begin so. */
const char *behind_prefix(const char *text, const char *name, const char *zh);
struct place place_of(const struct expr_node *node);

/* --- check_form.c --- */
LX_MUST_USE enum lx_err check_in(struct checker *checker, const struct syntax *syntax,
                                 struct draft **ret_draft);
LX_MUST_USE enum lx_err check_in_set(struct checker *checker, const struct syntax *syntax,
                                     struct draft **ret_draft);
LX_MUST_USE enum lx_err check_like(struct checker *checker, const struct syntax *syntax,
                                   struct draft **ret_draft);
LX_MUST_USE enum lx_err check_case(struct checker *checker, const struct syntax *syntax,
                                   struct draft **ret_draft);
LX_MUST_USE enum lx_err check_interval(struct checker *checker, const struct syntax *syntax,
                                       struct draft **ret_draft);

/* --- check_call.c --- */
LX_MUST_USE enum lx_err check_call(struct checker *checker, const struct syntax *syntax,
                                   struct draft **ret_draft);
LX_MUST_USE enum lx_err check_host_call(struct checker *checker, const struct syntax *syntax,
                                        size_t function, struct draft **ret_draft);

/* --- check_literal.c --- */
LX_MUST_USE enum lx_err check_literal(struct checker *checker, const struct syntax *syntax,
                                      struct draft **ret_draft);
/* A literal of that type, not null. */
LX_MUST_USE enum lx_err draft_integer(struct checker *checker, enum expr_type type, int64_t value,
                                      struct place place, struct draft **ret_draft);
/* A number written in digits only; -1 past `max`. */
int64_t whole_number(const char *digits, int64_t max);
/* "money", "enumeration channel" */
const char *type_text(struct checker *checker, struct found_type found);
struct found_type type_of(const struct expr_node *node);
/* Makes it of that type if it can be without loss of meaning: a literal takes it, an integer
 * becomes a real. `what` begins the message: "`like`". */
LX_MUST_USE enum lx_err convert(struct checker *checker, const struct expr_node **item,
                                struct found_type target, const char *what);
/* One type for all: the one of those that are no literals, or REAL if integers and reals mix. It
 * must be one of `types`. */
LX_MUST_USE enum lx_err unify(struct checker *checker, struct operands operands, unsigned types,
                              bool needs_order, const char *what, struct place place,
                              struct found_type *ret_found);

#endif
