#include "expr/parser.h"

#include <string.h>

struct parser {
    struct compiler *compiler;
    struct lexer lexer;
    struct token token, ahead;
    int depth;
    uint32_t node_count;
};

static enum lx_err parse_expression(struct parser *parser, struct syntax **ret_syntax);

/* --- Tokens --------------------------------------------------------------------------------- */

static enum lx_err step(struct parser *parser)
{
    parser->token = parser->ahead;
    if (parser->token.kind == TOKEN_END) return LX_OK;
    return lexer_next(&parser->lexer, &parser->ahead);
}

static bool at(const struct parser *parser, enum token_kind kind)
{
    return parser->token.kind == kind;
}

static bool at_name(const struct token *token, const char *name)
{
    return token->kind == TOKEN_NAME && strcmp(token->text, name) == 0;
}

static enum lx_err fail_expected(struct parser *parser, const char *expected)
{
    const struct token *token = &parser->token;
    if (token->kind == TOKEN_END)
        return compiler_fail(parser->compiler, LX_ERR_BAD_INPUT, token->place,
                             "expected %s, found the end of the text", expected);
    int length = token->source_length > 80 ? 80 : (int)token->source_length;
    while (length > 0 && length < (int)token->source_length &&
           ((unsigned char)token->source[length] & 0xC0) == 0x80)
        length--;
    return compiler_fail(parser->compiler, LX_ERR_BAD_INPUT, token->place,
                         "expected %s, found `%.*s`", expected, length, token->source);
}

static enum lx_err expect(struct parser *parser, enum token_kind kind, const char *expected)
{
    return at(parser, kind) ? step(parser) : fail_expected(parser, expected);
}

/* --- Nodes ---------------------------------------------------------------------------------- */

static enum lx_err node_new(struct parser *parser, enum syntax_kind kind, struct place place,
                            struct syntax **ret_syntax)
{
    if (++parser->node_count > EXPR_NODES_MAX)
        return compiler_fail(parser->compiler, LX_ERR_LIMIT, place,
                             "more than %d operators, operands and literals", (int)EXPR_NODES_MAX);
    struct syntax *syntax = lx_arena_alloc(&parser->compiler->arena, sizeof *syntax);
    if (syntax == NULL) return compiler_no_memory(parser->compiler);
    syntax->kind = kind;
    syntax->place = place;
    syntax->text = parser->token.text;
    syntax->length = parser->token.length;
    syntax->power = parser->token.power;
    syntax->height = 1;
    *ret_syntax = syntax;
    return LX_OK;
}

static enum lx_err fail_too_deep(struct parser *parser, struct place place)
{
    return compiler_fail(parser->compiler, LX_ERR_LIMIT, place,
                         "nested deeper than %d levels: take a part out", (int)EXPR_DEPTH_MAX);
}

static enum lx_err adopt(struct parser *parser, struct syntax *parent, struct syntax *child)
{
    LX_ASSERT(child->next == NULL);
    if (parent->last == NULL)
        parent->first = child;
    else
        parent->last->next = child;
    parent->last = child;
    parent->child_count++;
    if (child->height >= parent->height) parent->height = child->height + 1;
    return parent->height > EXPR_DEPTH_MAX ? fail_too_deep(parser, parent->place) : LX_OK;
}

/* An operator over one or two that are there already. */
static enum lx_err operator_over(struct parser *parser, enum syntax_kind kind, enum expr_op op,
                                 struct place place, struct syntax *left, struct syntax *right,
                                 struct syntax **ret_syntax)
{
    struct syntax *syntax = NULL;
    enum lx_err code = node_new(parser, kind, place, &syntax);
    if (code != LX_OK) return code;
    syntax->op = op;
    code = adopt(parser, syntax, left);
    if (code == LX_OK && right != NULL) code = adopt(parser, syntax, right);
    if (code == LX_OK) *ret_syntax = syntax;
    return code;
}

static enum lx_err negated(struct parser *parser, struct place place, struct syntax **syntax)
{
    return operator_over(parser, SYNTAX_OPERATOR, EXPR_OP_NOT, place, *syntax, NULL, syntax);
}

/* --- Operands ------------------------------------------------------------------------------- */

static enum lx_err parse_arguments(struct parser *parser, struct syntax *call)
{
    enum lx_err code = step(parser);
    if (code != LX_OK) return code;
    if (at(parser, TOKEN_CLOSE)) return step(parser);
    for (;;) {
        struct syntax *argument;
        if ((code = parse_expression(parser, &argument)) != LX_OK) return code;
        if ((code = adopt(parser, call, argument)) != LX_OK) return code;
        if (!at(parser, TOKEN_COMMA)) break;
        if ((code = step(parser)) != LX_OK) return code;
    }
    return expect(parser, TOKEN_CLOSE, "`,` or `)`");
}

static bool unit_of(const struct token *token, bool *ret_is_months, bool *ret_is_years)
{
    *ret_is_years = at_name(token, "year") || at_name(token, "years");
    *ret_is_months = at_name(token, "month") || at_name(token, "months") || *ret_is_years;
    return *ret_is_months || at_name(token, "day") || at_name(token, "days");
}

/* `90 days` after over or before. */
static enum lx_err parse_span(struct parser *parser, struct syntax_span *span)
{
    enum lx_err code = step(parser);
    if (code != LX_OK) return code;
    if (!at(parser, TOKEN_NUMBER)) return fail_expected(parser, "a number of days or months");
    span->text = parser->token.text;
    span->place = parser->token.place;
    if (parser->token.power > 0 || strspn(span->text, "0123456789") != strlen(span->text))
        return fail_expected(parser, "a whole number of days or months");
    if ((code = step(parser)) != LX_OK) return code;
    if (!unit_of(&parser->token, &span->is_months, &span->is_years))
        return fail_expected(parser, "`days`, `months` or `years`");
    return step(parser);
}

/* [where COND] [over N days] [before N days] */
static enum lx_err parse_window_tail(struct parser *parser, struct syntax *call)
{
    enum lx_err code = LX_OK;
    if (at(parser, TOKEN_WHERE)) {
        if ((code = step(parser)) != LX_OK) return code;
        if ((code = parse_expression(parser, &call->where)) != LX_OK) return code;
        if (call->where->height >= call->height) call->height = call->where->height + 1;
        if (call->height > EXPR_DEPTH_MAX) return fail_too_deep(parser, call->place);
    }
    if (at(parser, TOKEN_OVER) && (code = parse_span(parser, &call->over)) != LX_OK) return code;
    if (at(parser, TOKEN_BEFORE) && (code = parse_span(parser, &call->before)) != LX_OK)
        return code;
    if (at(parser, TOKEN_WHERE) || at(parser, TOKEN_OVER))
        return fail_expected(parser, "a window's parts in this order: `where`, `over`, `before`");
    return LX_OK;
}

static enum lx_err parse_name(struct parser *parser, struct syntax **ret_syntax)
{
    bool is_date = at_name(&parser->token, "date") && parser->ahead.kind == TOKEN_STRING;
    bool is_call = parser->ahead.kind == TOKEN_OPEN;
    struct place place = parser->token.place;
    enum lx_err code = is_date ? step(parser) : LX_OK;
    if (code != LX_OK) return code;
    if (is_date) place = parser->token.place;
    enum syntax_kind kind = is_date ? SYNTAX_DATE : is_call ? SYNTAX_CALL : SYNTAX_NAME;
    if ((code = node_new(parser, kind, place, ret_syntax)) != LX_OK) return code;
    if ((code = step(parser)) != LX_OK || !is_call || is_date) return code;
    if ((code = parse_arguments(parser, *ret_syntax)) != LX_OK) return code;
    return parse_window_tail(parser, *ret_syntax);
}

/* when ... then ..., at least once */
static enum lx_err parse_branches(struct parser *parser, struct syntax *node)
{
    do {
        struct syntax *part;
        enum lx_err code = expect(parser, TOKEN_WHEN, "`when`");
        if (code == LX_OK) code = parse_expression(parser, &part);
        if (code == LX_OK) code = adopt(parser, node, part);
        if (code == LX_OK) code = expect(parser, TOKEN_THEN, "`then`");
        if (code == LX_OK) code = parse_expression(parser, &part);
        if (code == LX_OK) code = adopt(parser, node, part);
        if (code != LX_OK) return code;
    } while (at(parser, TOKEN_WHEN));
    return LX_OK;
}

static enum lx_err parse_case(struct parser *parser, struct syntax **ret_syntax)
{
    struct syntax *node, *part;
    enum lx_err code = node_new(parser, SYNTAX_CASE, parser->token.place, &node);
    if (code == LX_OK) code = step(parser);
    if (code != LX_OK) return code;
    node->has_subject = !at(parser, TOKEN_WHEN);
    if (node->has_subject) {
        if ((code = parse_expression(parser, &part)) != LX_OK) return code;
        if ((code = adopt(parser, node, part)) != LX_OK) return code;
    }
    if ((code = parse_branches(parser, node)) != LX_OK) return code;
    node->has_else = at(parser, TOKEN_ELSE);
    if (node->has_else) {
        if ((code = step(parser)) != LX_OK) return code;
        if ((code = parse_expression(parser, &part)) != LX_OK) return code;
        if ((code = adopt(parser, node, part)) != LX_OK) return code;
    }
    *ret_syntax = node;
    return expect(parser, TOKEN_CASE_END, node->has_else ? "`end`" : "`when`, `else` or `end`");
}

static enum lx_err parse_literal(struct parser *parser, enum syntax_kind kind,
                                 struct syntax **ret_syntax)
{
    enum lx_err code = node_new(parser, kind, parser->token.place, ret_syntax);
    if (code != LX_OK) return code;
    (*ret_syntax)->is_true = at(parser, TOKEN_TRUE);
    return step(parser);
}

static enum lx_err parse_primary(struct parser *parser, struct syntax **ret_syntax)
{
    enum lx_err code;
    switch (parser->token.kind) {
    case TOKEN_NUMBER: return parse_literal(parser, SYNTAX_NUMBER, ret_syntax);
    case TOKEN_STRING: return parse_literal(parser, SYNTAX_STRING, ret_syntax);
    case TOKEN_NULL: return parse_literal(parser, SYNTAX_NULL, ret_syntax);
    case TOKEN_TRUE:
    case TOKEN_FALSE: return parse_literal(parser, SYNTAX_BOOLEAN, ret_syntax);
    case TOKEN_NAME: return parse_name(parser, ret_syntax);
    case TOKEN_CASE: return parse_case(parser, ret_syntax);
    case TOKEN_OPEN:
        if ((code = step(parser)) != LX_OK) return code;
        if ((code = parse_expression(parser, ret_syntax)) != LX_OK) return code;
        return expect(parser, TOKEN_CLOSE, "an operator or `)`");
    default: return fail_expected(parser, "a value");
    }
}

/* A unit behind an operand makes an interval of it: 90 days, term months. */
static enum lx_err parse_operand(struct parser *parser, struct syntax **ret_syntax)
{
    enum lx_err code = parse_primary(parser, ret_syntax);
    if (code != LX_OK) return code;
    bool is_months, is_years;
    if (!unit_of(&parser->token, &is_months, &is_years)) return LX_OK;
    struct place place = (*ret_syntax)->place;
    code = operator_over(parser, SYNTAX_INTERVAL, 0, place, *ret_syntax, NULL, ret_syntax);
    if (code != LX_OK) return code;
    (*ret_syntax)->is_months = is_months;
    (*ret_syntax)->is_years = is_years;
    return step(parser);
}

/* --- Operators, from the one that binds most ------------------------------------------------ */

static enum lx_err parse_unary(struct parser *parser, struct syntax **ret_syntax)
{
    struct place places[EXPR_DEPTH_MAX];
    int count = 0;
    while (at(parser, TOKEN_MINUS) || at(parser, TOKEN_PLUS)) {
        if (at(parser, TOKEN_MINUS)) {
            if (count == EXPR_DEPTH_MAX) return fail_too_deep(parser, parser->token.place);
            places[count++] = parser->token.place;
        }
        enum lx_err code = step(parser);
        if (code != LX_OK) return code;
    }
    enum lx_err code = parse_operand(parser, ret_syntax);
    while (code == LX_OK && count-- > 0) {
        if ((*ret_syntax)->kind == SYNTAX_NUMBER && !(*ret_syntax)->is_negative) {
            (*ret_syntax)->is_negative = true; /* so that the least integer can be written */
            (*ret_syntax)->place = places[count];
        } else {
            code = operator_over(parser, SYNTAX_OPERATOR, EXPR_OP_NEGATE, places[count],
                                 *ret_syntax, NULL, ret_syntax);
        }
    }
    return code;
}

struct binary {
    enum token_kind token;
    enum expr_op op;
};

static const struct binary multiplicative[] = {
    {TOKEN_STAR, EXPR_OP_MULTIPLY},
    {TOKEN_SLASH, EXPR_OP_DIVIDE},
    {TOKEN_PERCENT, EXPR_OP_REMAINDER},
};
static const struct binary additive[] = {
    {TOKEN_PLUS, EXPR_OP_ADD},
    {TOKEN_MINUS, EXPR_OP_SUBTRACT},
};
static const struct binary comparisons[] = {
    {TOKEN_EQ, EXPR_OP_EQ}, {TOKEN_NE, EXPR_OP_NE}, {TOKEN_LT, EXPR_OP_LT},
    {TOKEN_LE, EXPR_OP_LE}, {TOKEN_GT, EXPR_OP_GT}, {TOKEN_GE, EXPR_OP_GE},
};

static const struct binary *find_binary(const struct binary *table, size_t count,
                                        enum token_kind token)
{
    for (size_t i = 0; i < count; i++)
        if (table[i].token == token) return &table[i];
    return NULL;
}

/* left OP right OP right ..., to the left */
static enum lx_err parse_chain(struct parser *parser, const struct binary *table, size_t count,
                               enum lx_err (*operand)(struct parser *, struct syntax **),
                               struct syntax **ret_syntax)
{
    enum lx_err code = operand(parser, ret_syntax);
    const struct binary *binary;
    while (code == LX_OK && (binary = find_binary(table, count, parser->token.kind)) != NULL) {
        struct place place = parser->token.place;
        struct syntax *right;
        if ((code = step(parser)) != LX_OK) return code;
        if ((code = operand(parser, &right)) != LX_OK) return code;
        code = operator_over(parser, SYNTAX_OPERATOR, binary->op, place, *ret_syntax, right,
                             ret_syntax);
    }
    return code;
}

static enum lx_err parse_product(struct parser *parser, struct syntax **ret_syntax)
{
    return parse_chain(parser, multiplicative, LX_COUNT_OF(multiplicative), parse_unary,
                       ret_syntax);
}

static enum lx_err parse_sum(struct parser *parser, struct syntax **ret_syntax)
{
    return parse_chain(parser, additive, LX_COUNT_OF(additive), parse_product, ret_syntax);
}

static enum lx_err parse_between(struct parser *parser, struct syntax **syntax)
{
    struct place place = parser->token.place;
    struct syntax *low, *high;
    enum lx_err code = step(parser);
    if (code == LX_OK) code = parse_sum(parser, &low);
    if (code != LX_OK) return code;
    if (!at(parser, TOKEN_AND) && !at(parser, TOKEN_BETWEEN_AND))
        return fail_expected(parser, "`and` of `between`");
    if ((code = step(parser)) != LX_OK) return code;
    if ((code = parse_sum(parser, &high)) != LX_OK) return code;
    if (at(parser, TOKEN_BETWEEN_END) && (code = step(parser)) != LX_OK) return code;
    code = operator_over(parser, SYNTAX_OPERATOR, EXPR_OP_BETWEEN, place, *syntax, low, syntax);
    return code == LX_OK ? adopt(parser, *syntax, high) : code;
}

static enum lx_err parse_members(struct parser *parser, struct syntax *node)
{
    do {
        struct syntax *member;
        enum lx_err code = step(parser);
        if (code == LX_OK) code = parse_sum(parser, &member);
        if (code == LX_OK) code = adopt(parser, node, member);
        if (code != LX_OK) return code;
        if (node->child_count > EXPR_SET_MAX + 1)
            return compiler_fail(parser->compiler, LX_ERR_LIMIT, member->place,
                                 "a list of more than %d members", (int)EXPR_SET_MAX);
    } while (at(parser, TOKEN_COMMA));
    return expect(parser, TOKEN_CLOSE, "`,` or `)`");
}

static enum lx_err parse_in(struct parser *parser, struct syntax **syntax)
{
    struct place place = parser->token.place;
    struct syntax *set;
    enum lx_err code = step(parser);
    if (code != LX_OK) return code;
    if (at(parser, TOKEN_OPEN)) {
        code = operator_over(parser, SYNTAX_IN, 0, place, *syntax, NULL, syntax);
        return code == LX_OK ? parse_members(parser, *syntax) : code;
    }
    if (!at(parser, TOKEN_NAME)) return fail_expected(parser, "`(` and a list, or a set's name");
    if ((code = parse_primary(parser, &set)) != LX_OK) return code;
    return operator_over(parser, SYNTAX_IN_SET, 0, place, *syntax, set, syntax);
}

static enum lx_err parse_like(struct parser *parser, struct syntax **syntax)
{
    struct place place = parser->token.place;
    struct syntax *part;
    enum lx_err code = step(parser);
    if (code != LX_OK) return code;
    if (!at(parser, TOKEN_STRING)) return fail_expected(parser, "a pattern in quotes");
    if ((code = parse_literal(parser, SYNTAX_STRING, &part)) != LX_OK) return code;
    code = operator_over(parser, SYNTAX_LIKE, 0, place, *syntax, part, syntax);
    if (code != LX_OK || !at(parser, TOKEN_ESCAPE)) return code;
    if ((code = step(parser)) != LX_OK) return code;
    if (!at(parser, TOKEN_STRING)) return fail_expected(parser, "one character in quotes");
    if ((code = parse_literal(parser, SYNTAX_STRING, &part)) != LX_OK) return code;
    return adopt(parser, *syntax, part);
}

/* [not] null, true or false after `is` */
static enum lx_err parse_is(struct parser *parser, struct syntax **syntax)
{
    struct place place = parser->token.place;
    enum lx_err code = step(parser);
    if (code != LX_OK) return code;
    bool is_not = at(parser, TOKEN_NOT);
    if (is_not && (code = step(parser)) != LX_OK) return code;
    enum expr_op op = at(parser, TOKEN_NULL)    ? EXPR_OP_IS_NULL
                      : at(parser, TOKEN_TRUE)  ? EXPR_OP_IS_TRUE
                      : at(parser, TOKEN_FALSE) ? EXPR_OP_IS_FALSE
                                                : EXPR_OP_COUNT;
    if (op == EXPR_OP_COUNT) return fail_expected(parser, "`null`, `true` or `false`");
    if ((code = step(parser)) != LX_OK) return code;
    code = operator_over(parser, SYNTAX_OPERATOR, op, place, *syntax, NULL, syntax);
    return code == LX_OK && is_not ? negated(parser, place, syntax) : code;
}

/* 为空 and 不为空 */
static enum lx_err parse_is_null_word(struct parser *parser, struct syntax **syntax)
{
    struct place place = parser->token.place;
    bool is_not = at(parser, TOKEN_IS_NOT_NULL);
    enum lx_err code = step(parser);
    if (code != LX_OK) return code;
    code = operator_over(parser, SYNTAX_OPERATOR, EXPR_OP_IS_NULL, place, *syntax, NULL, syntax);
    return code == LX_OK && is_not ? negated(parser, place, syntax) : code;
}

/* What may stand behind `not` inside a predicate: between, in, like. */
static enum lx_err parse_ranged(struct parser *parser, bool is_not, struct syntax **syntax)
{
    struct place place = parser->token.place;
    enum lx_err code;
    switch (parser->token.kind) {
    case TOKEN_BETWEEN:
    case TOKEN_NOT_BETWEEN: code = parse_between(parser, syntax); break;
    case TOKEN_IN:
    case TOKEN_NOT_IN: code = parse_in(parser, syntax); break;
    case TOKEN_LIKE: code = parse_like(parser, syntax); break;
    default: return fail_expected(parser, "`between`, `in` or `like`");
    }
    return code == LX_OK && is_not ? negated(parser, place, syntax) : code;
}

static enum lx_err parse_comparison(struct parser *parser, const struct binary *binary,
                                    struct syntax **syntax)
{
    struct place place = parser->token.place;
    struct syntax *right;
    enum lx_err code = step(parser);
    if (code == LX_OK) code = parse_sum(parser, &right);
    if (code == LX_OK)
        code = operator_over(parser, SYNTAX_OPERATOR, binary->op, place, *syntax, right, syntax);
    if (code == LX_OK &&
        find_binary(comparisons, LX_COUNT_OF(comparisons), parser->token.kind) != NULL)
        return fail_expected(parser, "`and` between two comparisons");
    return code;
}

static enum lx_err parse_predicate(struct parser *parser, struct syntax **ret_syntax)
{
    enum lx_err code = parse_sum(parser, ret_syntax);
    if (code != LX_OK) return code;
    const struct binary *binary =
        find_binary(comparisons, LX_COUNT_OF(comparisons), parser->token.kind);
    bool is_not = at(parser, TOKEN_NOT);
    bool is_not_word = at(parser, TOKEN_NOT_BETWEEN) || at(parser, TOKEN_NOT_IN);
    if (binary != NULL) {
        code = parse_comparison(parser, binary, ret_syntax);
    } else if (is_not) {
        if ((code = step(parser)) != LX_OK) return code;
        code = parse_ranged(parser, true, ret_syntax);
    } else if (is_not_word || at(parser, TOKEN_BETWEEN) || at(parser, TOKEN_IN) ||
               at(parser, TOKEN_LIKE)) {
        code = parse_ranged(parser, is_not_word, ret_syntax);
    }
    while (code == LX_OK) {
        if (at(parser, TOKEN_IS))
            code = parse_is(parser, ret_syntax);
        else if (at(parser, TOKEN_IS_NULL) || at(parser, TOKEN_IS_NOT_NULL))
            code = parse_is_null_word(parser, ret_syntax);
        else
            break;
    }
    return code;
}

static enum lx_err parse_not(struct parser *parser, struct syntax **ret_syntax)
{
    struct place places[EXPR_DEPTH_MAX];
    int count = 0;
    while (at(parser, TOKEN_NOT)) {
        if (count == EXPR_DEPTH_MAX) return fail_too_deep(parser, parser->token.place);
        places[count++] = parser->token.place;
        enum lx_err code = step(parser);
        if (code != LX_OK) return code;
    }
    enum lx_err code = parse_predicate(parser, ret_syntax);
    while (code == LX_OK && count-- > 0) code = negated(parser, places[count], ret_syntax);
    return code;
}

/* One node for a whole chain of `and` or of `or`, so that it may be long. */
static enum lx_err parse_list(struct parser *parser, enum token_kind token, enum expr_op op,
                              enum lx_err (*operand)(struct parser *, struct syntax **),
                              struct syntax **ret_syntax)
{
    enum lx_err code = operand(parser, ret_syntax);
    if (code != LX_OK || !at(parser, token)) return code;
    struct place place = parser->token.place;
    code = operator_over(parser, SYNTAX_OPERATOR, op, place, *ret_syntax, NULL, ret_syntax);
    while (code == LX_OK && at(parser, token)) {
        struct syntax *part;
        if ((code = step(parser)) != LX_OK) return code;
        if ((code = operand(parser, &part)) != LX_OK) return code;
        code = adopt(parser, *ret_syntax, part);
    }
    return code;
}

static enum lx_err parse_and(struct parser *parser, struct syntax **ret_syntax)
{
    return parse_list(parser, TOKEN_AND, EXPR_OP_AND, parse_not, ret_syntax);
}

/* Every way down comes through here. */
static enum lx_err parse_expression(struct parser *parser, struct syntax **ret_syntax)
{
    if (parser->depth == EXPR_DEPTH_MAX) return fail_too_deep(parser, parser->token.place);
    parser->depth++;
    enum lx_err code = parse_list(parser, TOKEN_OR, EXPR_OP_OR, parse_and, ret_syntax);
    parser->depth--;
    return code;
}

enum lx_err parser_parse(struct compiler *compiler, const char *text, size_t length,
                         struct syntax **ret_syntax)
{
    struct parser parser = {.compiler = compiler};
    enum lx_err code = lexer_init(&parser.lexer, compiler, text, length);
    if (code == LX_OK) code = lexer_next(&parser.lexer, &parser.token);
    parser.ahead = parser.token;
    if (code == LX_OK && parser.token.kind != TOKEN_END)
        code = lexer_next(&parser.lexer, &parser.ahead);
    struct syntax *syntax = NULL;
    if (code == LX_OK) code = parse_expression(&parser, &syntax);
    if (code == LX_OK && !at(&parser, TOKEN_END))
        return fail_expected(&parser, "an operator or the end");
    if (code == LX_OK) *ret_syntax = syntax;
    return code;
}
