#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/date.h"
#include "expr/compiler.h"
#include "money/money.h"

/* How much an operator binds; a part that binds less than its place asks for stands in parentheses.
 */
enum level {
    LEVEL_OR, /* also a window whose `where` has no end of its own */
    LEVEL_AND,
    LEVEL_NOT,
    LEVEL_PREDICATE,
    LEVEL_SUM,
    LEVEL_PRODUCT,
    LEVEL_UNARY,
    LEVEL_PRIMARY
};

/* Counts what there is no room for, as snprintf does. */
struct writer {
    const struct expr *expr;
    char *text;
    size_t size, length;
};

static void put_bytes(struct writer *writer, const char *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++, writer->length++)
        if (writer->length + 1 < writer->size) writer->text[writer->length] = bytes[i];
}

static void put(struct writer *writer, const char *text)
{
    put_bytes(writer, text, strlen(text));
}

static size_t finish(struct writer *writer)
{
    size_t end = writer->length;
    if (writer->size == 0) return end;
    if (end >= writer->size) end = writer->size - 1;
    writer->text[end] = '\0';
    return writer->length;
}

/* --- Values --------------------------------------------------------------------------------- */

static void put_integer(struct writer *writer, int64_t value)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRId64, value);
    put(writer, text);
}

/* The fewest digits that read back as the same double, and always a point or an exponent. */
static void put_real(struct writer *writer, double value)
{
    char text[40];
    for (int digits = 1; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value) break;
    }
    bool is_round = strchr(text, 'e') != NULL && value > -1e17 && value < 1e17 &&
                    value == (double)(int64_t)value;
    if (is_round) snprintf(text, sizeof text, "%" PRId64, (int64_t)value);
    put(writer, text);
    if (strpbrk(text, ".en") == NULL) put(writer, ".0");
}

static void put_day(struct writer *writer, int64_t day)
{
    char text[LX_DATE_TEXT_SIZE];
    lx_day_format((int32_t)day, text);
    put(writer, text);
}

/* In yuan without separators, and without fen if there are none. */
static void put_yuan(struct writer *writer, int64_t fen)
{
    char text[MONEY_TEXT_SIZE];
    money_format(fen, text);
    size_t length = strlen(text);
    if (fen % 100 == 0) length -= 3;
    for (size_t i = 0; i < length; i++)
        if (text[i] != ',') put_bytes(writer, &text[i], 1);
}

static void put_quoted(struct writer *writer, const char *text, size_t length)
{
    put(writer, "'");
    for (size_t i = 0; i < length; i++) {
        if (text[i] == '\'') put(writer, "'");
        put_bytes(writer, &text[i], 1);
    }
    put(writer, "'");
}

static void put_literal(struct writer *writer, enum expr_type type,
                        const struct expr_enumeration *enumeration, const struct expr_value *value)
{
    if (value->is_null) {
        put(writer, "null");
        return;
    }
    switch (type) {
    case EXPR_BOOLEAN: put(writer, value->as.integer != 0 ? "true" : "false"); break;
    case EXPR_MONEY: put_yuan(writer, value->as.integer); break;
    case EXPR_REAL: put_real(writer, value->as.real); break;
    case EXPR_DATE:
        put(writer, "date '");
        put_day(writer, value->as.integer);
        put(writer, "'");
        break;
    case EXPR_STRING: put_quoted(writer, value->as.string.text, value->as.string.length); break;
    case EXPR_ENUM: {
        const char *code = enumeration->codes[value->as.integer];
        put_quoted(writer, code, strlen(code));
        break;
    }
    default: put_integer(writer, value->as.integer);
    }
}

static void put_set(struct writer *writer, const struct expr_enumeration *enumeration,
                    const uint64_t *set)
{
    bool is_first = true;
    put(writer, "{");
    for (size_t i = 0; i < enumeration->value_count; i++) {
        if ((set[i / 64] >> (i % 64) & 1) == 0) continue;
        if (!is_first) put(writer, ", ");
        put(writer, enumeration->codes[i]);
        is_first = false;
    }
    put(writer, "}");
}

size_t expr_value_format(const struct expr_value *value, enum expr_type type,
                         const struct expr_enumeration *enumeration, char *text, size_t size)
{
    struct writer writer = {.text = text, .size = size};
    char money[MONEY_TEXT_SIZE];
    bool is_null = value->is_null || type == EXPR_NULL;
    if (is_null) {
        put(&writer, "null");
    } else if (type == EXPR_MONEY) {
        money_format(value->as.integer, money);
        put(&writer, money);
    } else if (type == EXPR_DATE) {
        put_day(&writer, value->as.integer);
    } else if (type == EXPR_STRING) {
        put_bytes(&writer, value->as.string.text, value->as.string.length);
    } else if (type == EXPR_ENUM) {
        put(&writer, enumeration->codes[value->as.integer]);
    } else if (type == EXPR_SET) {
        put_set(&writer, enumeration, value->as.set);
    } else {
        put_literal(&writer, type, enumeration, value);
    }
    return finish(&writer);
}

/* --- Nodes ---------------------------------------------------------------------------------- */

static void put_node(struct writer *writer, const struct expr_node *node, enum level least);

static const char *sign_of(enum expr_op op)
{
    switch (op) {
    case EXPR_OP_AND: return " and ";
    case EXPR_OP_OR: return " or ";
    case EXPR_OP_EQ: return " = ";
    case EXPR_OP_NE: return " <> ";
    case EXPR_OP_LT: return " < ";
    case EXPR_OP_LE: return " <= ";
    case EXPR_OP_GT: return " > ";
    case EXPR_OP_GE: return " >= ";
    case EXPR_OP_ADD: return " + ";
    case EXPR_OP_SUBTRACT:
    case EXPR_OP_DATE_MINUS_DATE: return " - ";
    case EXPR_OP_MULTIPLY:
    case EXPR_OP_MONEY_TIMES_INTEGER:
    case EXPR_OP_MONEY_TIMES_REAL: return " * ";
    case EXPR_OP_DIVIDE:
    case EXPR_OP_MONEY_BY_INTEGER:
    case EXPR_OP_MONEY_BY_REAL:
    case EXPR_OP_MONEY_BY_MONEY: return " / ";
    case EXPR_OP_REMAINDER: return " % ";
    default: return NULL;
    }
}

static bool is_open_window(const struct writer *writer, const struct expr_node *node)
{
    const struct expr_window *window = &writer->expr->windows[node->index];
    return window->where != NULL && window->over == 0 && window->before == 0;
}

/* What has a form of its own with `not` in it. */
static bool has_negative_form(const struct expr_node *node)
{
    return (node->op >= EXPR_OP_BETWEEN && node->op <= EXPR_OP_IS_FALSE);
}

/* An integer that was turned into yuan at the root: it is written as it stood. */
static bool is_yuan_of_integer(const struct expr_node *node)
{
    return node->op == EXPR_OP_MONEY_TIMES_INTEGER && node->children[0]->op == EXPR_OP_LITERAL;
}

static enum level level_of(const struct writer *writer, const struct expr_node *node)
{
    switch (node->op) {
    case EXPR_OP_OR: return LEVEL_OR;
    case EXPR_OP_AND: return LEVEL_AND;
    case EXPR_OP_NOT: return has_negative_form(node->children[0]) ? LEVEL_PREDICATE : LEVEL_NOT;
    case EXPR_OP_ADD:
    case EXPR_OP_SUBTRACT:
    case EXPR_OP_DATE_PLUS_DAYS:
    case EXPR_OP_DATE_PLUS_MONTHS:
    case EXPR_OP_DATE_MINUS_DATE: return LEVEL_SUM;
    case EXPR_OP_NEGATE: return LEVEL_UNARY;
    case EXPR_OP_WINDOW: return is_open_window(writer, node) ? LEVEL_OR : LEVEL_PRIMARY;
    default: break;
    }
    if (node->op >= EXPR_OP_EQ && node->op <= EXPR_OP_IS_FALSE) return LEVEL_PREDICATE;
    return sign_of(node->op) != NULL ? LEVEL_PRODUCT : LEVEL_PRIMARY;
}

static void put_list(struct writer *writer, const struct expr_node *node, const char *between,
                     enum level least)
{
    for (uint32_t i = 0; i < node->child_count; i++) {
        if (i > 0) put(writer, between);
        put_node(writer, node->children[i], least);
    }
}

static void put_call(struct writer *writer, const struct expr_node *node, const char *name)
{
    put(writer, name);
    put(writer, "(");
    put_list(writer, node, ", ", LEVEL_OR);
    put(writer, ")");
}

/* The chain goes on to the left, so only the right side needs to bind more. */
static void put_binary(struct writer *writer, const struct expr_node *node)
{
    enum level level = level_of(writer, node);
    bool is_comparison = level == LEVEL_PREDICATE;
    put_node(writer, node->children[0], is_comparison ? LEVEL_SUM : level);
    put(writer, sign_of(node->op));
    put_node(writer, node->children[1], is_comparison ? LEVEL_SUM : (enum level)(level + 1));
}

/* date + 90 days; a number below 0 or under a minus is written behind `-` */
static void put_shift(struct writer *writer, const struct expr_node *node)
{
    const struct expr_node *count = node->children[1];
    bool is_literal = count->op == EXPR_OP_LITERAL && !count->value.is_null;
    bool is_negated = count->op == EXPR_OP_NEGATE && count->children[0]->op != EXPR_OP_LITERAL;
    bool is_minus = is_literal ? count->value.as.integer < 0 : is_negated;
    put_node(writer, node->children[0], LEVEL_SUM);
    put(writer, is_minus ? " - " : " + ");
    if (is_literal)
        put_integer(writer, is_minus ? -count->value.as.integer : count->value.as.integer);
    else
        put_node(writer, is_minus ? count->children[0] : count, LEVEL_PRIMARY);
    put(writer, node->op == EXPR_OP_DATE_PLUS_DAYS ? " days" : " months");
}

static void put_members(struct writer *writer, const struct expr_node *node)
{
    const struct expr_node *value = node->children[0];
    put(writer, "(");
    for (uint32_t i = 0; i < node->set_count; i++) {
        if (i > 0) put(writer, ", ");
        put_literal(writer, value->type, value->enumeration, &node->set[i]);
    }
    if (node->has_null_member) put(writer, node->set_count > 0 ? ", null" : "null");
    put(writer, ")");
}

/* between, in, like, is; `is_not` puts `not` into its place */
static void put_predicate(struct writer *writer, const struct expr_node *node, bool is_not)
{
    bool is_is =
        node->op == EXPR_OP_IS_NULL || node->op == EXPR_OP_IS_TRUE || node->op == EXPR_OP_IS_FALSE;
    put_node(writer, node->children[0], LEVEL_SUM);
    put(writer, is_is ? " is" : "");
    put(writer, is_not ? " not " : " ");
    switch (node->op) {
    case EXPR_OP_BETWEEN:
        put(writer, "between ");
        put_node(writer, node->children[1], LEVEL_SUM);
        put(writer, " and ");
        put_node(writer, node->children[2], LEVEL_SUM);
        break;
    case EXPR_OP_IN:
        put(writer, "in ");
        put_members(writer, node);
        break;
    case EXPR_OP_IN_SET:
        put(writer, "in ");
        put_node(writer, node->children[1], LEVEL_PRIMARY);
        break;
    case EXPR_OP_LIKE:
        put(writer, "like ");
        put_quoted(writer, node->value.as.string.text, node->value.as.string.length);
        put(writer, node->index != 0 ? " escape '\\'" : "");
        break;
    case EXPR_OP_IS_NULL: put(writer, "null"); break;
    case EXPR_OP_IS_TRUE: put(writer, "true"); break;
    default: put(writer, "false");
    }
}

static void put_case(struct writer *writer, const struct expr_node *node)
{
    uint32_t i = 0;
    put(writer, "case");
    for (; i + 1 < node->child_count; i += 2) {
        put(writer, " when ");
        put_node(writer, node->children[i], LEVEL_OR);
        put(writer, " then ");
        put_node(writer, node->children[i + 1], LEVEL_OR);
    }
    if (node->children[i]->op != EXPR_OP_LITERAL || !node->children[i]->value.is_null) {
        put(writer, " else ");
        put_node(writer, node->children[i], LEVEL_OR);
    }
    put(writer, " end");
}

static void put_span(struct writer *writer, const char *word, int32_t count, bool is_months)
{
    if (count == 0) return;
    put(writer, word);
    put_integer(writer, count);
    put(writer, is_months ? " months" : " days");
}

static void put_window(struct writer *writer, const struct expr_window *window)
{
    put(writer, expr_aggregates[window->aggregate].name);
    put(writer, "(");
    if (window->argument != NULL)
        put_node(writer, window->argument, LEVEL_OR);
    else if (window->relation > 0)
        put(writer, writer->expr->schema->relations[window->relation].name);
    put(writer, ")");
    if (window->where != NULL) {
        put(writer, " where ");
        put_node(writer, window->where, LEVEL_OR);
    }
    put_span(writer, " over ", window->over, window->is_over_months);
    put_span(writer, " before ", window->before, window->is_before_months);
}

static void put_relation_field(struct writer *writer, const struct expr_node *node)
{
    const struct expr_relation *relation = &writer->expr->schema->relations[node->relation];
    if (node->relation > 0) {
        put(writer, relation->name);
        put(writer, ".");
    }
    put(writer, relation->fields[node->index].name);
}

static bool is_in_window(const struct writer *writer, const struct expr_node *node)
{
    return (size_t)(node - writer->expr->nodes) < writer->expr->window_node_count;
}

static void put_leaf(struct writer *writer, const struct expr_node *node)
{
    const struct expr_schema *schema = writer->expr->schema;
    switch (node->op) {
    case EXPR_OP_LITERAL: put_literal(writer, node->type, node->enumeration, &node->value); break;
    case EXPR_OP_FIELD:
        if (is_in_window(writer, node)) put(writer, "this.");
        put(writer, schema->fields[node->index].name);
        break;
    case EXPR_OP_RELATION_FIELD: put_relation_field(writer, node); break;
    case EXPR_OP_WINDOW: put_window(writer, &writer->expr->windows[node->index]); break;
    default:
        LX_ASSERT(node->op == EXPR_OP_CALL);
        put_call(writer, node, schema->functions[node->index].name);
    }
}

static void put_function(struct writer *writer, const struct expr_node *node)
{
    if (node->op == EXPR_OP_COUNT_SET) {
        put_call(writer, node, "count");
        return;
    }
    for (size_t i = 0; i < expr_builtin_count; i++)
        if (expr_builtins[i].op == node->op) {
            put_call(writer, node, expr_builtins[i].name);
            return;
        }
    LX_ASSERT(false);
}

static bool begins_with_minus(const struct expr_node *node)
{
    if (node->op == EXPR_OP_TO_REAL && node->children[0]->type == EXPR_INTEGER)
        return begins_with_minus(node->children[0]);
    if (node->op != EXPR_OP_LITERAL || node->value.is_null) return node->op == EXPR_OP_NEGATE;
    return node->type == EXPR_REAL ? node->value.as.real < 0 : node->value.as.integer < 0;
}

static void put_bare(struct writer *writer, const struct expr_node *node)
{
    switch (node->op) {
    case EXPR_OP_LITERAL:
    case EXPR_OP_FIELD:
    case EXPR_OP_RELATION_FIELD:
    case EXPR_OP_WINDOW:
    case EXPR_OP_CALL: put_leaf(writer, node); break;
    case EXPR_OP_AND: put_list(writer, node, " and ", LEVEL_NOT); break;
    case EXPR_OP_OR: put_list(writer, node, " or ", LEVEL_AND); break;
    case EXPR_OP_NOT:
        if (has_negative_form(node->children[0])) {
            put_predicate(writer, node->children[0], true);
            break;
        }
        put(writer, "not ");
        put_node(writer, node->children[0], LEVEL_NOT);
        break;
    case EXPR_OP_NEGATE:
        /* Two of them without a space begin a comment. */
        put(writer, begins_with_minus(node->children[0]) ? "- " : "-");
        put_node(writer, node->children[0], LEVEL_UNARY);
        break;
    case EXPR_OP_DATE_PLUS_DAYS:
    case EXPR_OP_DATE_PLUS_MONTHS: put_shift(writer, node); break;
    case EXPR_OP_CASE: put_case(writer, node); break;
    default:
        if (has_negative_form(node))
            put_predicate(writer, node, false);
        else if (sign_of(node->op) != NULL)
            put_binary(writer, node);
        else
            put_function(writer, node);
    }
}

static void put_node(struct writer *writer, const struct expr_node *node, enum level least)
{
    /* A conversion is not written: where it stands, the checker puts it again. */
    if (node->op == EXPR_OP_TO_REAL && node->children[0]->type == EXPR_INTEGER) {
        put_node(writer, node->children[0], least);
        return;
    }
    if (is_yuan_of_integer(node)) {
        put_node(writer, node->children[1], least);
        return;
    }
    bool needs_parentheses = level_of(writer, node) < least;
    if (needs_parentheses) put(writer, "(");
    put_bare(writer, node);
    if (needs_parentheses) put(writer, ")");
}

size_t expr_format(const struct expr *expr, char *text, size_t size)
{
    struct writer writer = {.expr = expr, .text = text, .size = size};
    put_node(&writer, expr->root, LEVEL_OR);
    return finish(&writer);
}

size_t expr_window_format(const struct expr *expr, size_t index, char *text, size_t size)
{
    LX_ASSERT(index < expr->window_count);

    struct writer writer = {.expr = expr, .text = text, .size = size};
    put_window(&writer, &expr->windows[index]);
    return finish(&writer);
}
