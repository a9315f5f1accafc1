#include "expr/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/date.h"
#include "base/suggest.h"
#include "codec/field.h"

/* --- Numbers -------------------------------------------------------------------------------- */

/* A number as it was written: digits * 10^exponent, without zeros at either end of the digits. */
struct decimal {
    char digits[80];
    int count, exponent;
    bool is_negative, is_fraction; /* written with a point that 万 does not fill, or an exponent */
};

static struct decimal decimal_of(const struct syntax *syntax)
{
    struct decimal decimal = {.exponent = syntax->power, .is_negative = syntax->is_negative};
    bool is_after_point = false;
    const char *text = syntax->text;
    for (; *text != '\0' && *text != 'e'; text++) {
        if (*text == '.') {
            is_after_point = true;
            continue;
        }
        decimal.exponent -= is_after_point;
        if (*text == '0' && decimal.count == 0) continue;
        LX_ASSERT(decimal.count < (int)sizeof decimal.digits);
        decimal.digits[decimal.count++] = *text;
    }
    bool has_exponent = *text == 'e';
    if (has_exponent) {
        long exponent = strtol(text + 1, NULL, 10);
        if (exponent < -100000) exponent = -100000;
        if (exponent > 100000) exponent = 100000;
        decimal.exponent += (int)exponent;
    }
    while (decimal.count > 0 && decimal.digits[decimal.count - 1] == '0') {
        decimal.count--;
        decimal.exponent++;
    }
    if (decimal.count == 0) decimal.exponent = 0;
    decimal.is_fraction =
        has_exponent || (is_after_point && syntax->power == 0) || decimal.exponent < 0;
    return decimal;
}

/* digits * 10^(exponent + shift), if that is a whole number of 64 bits. */
static bool decimal_to_integer(const struct decimal *decimal, int shift, int64_t *ret_value)
{
    int exponent = decimal->exponent + shift;
    int64_t value = 0; /* negative on the way, as there is one more of those */
    if (decimal->count > 19 || exponent > 19) return false;
    if (decimal->count > 0 && exponent < 0) return false;
    for (int i = 0; i < decimal->count + (decimal->count > 0 ? exponent : 0); i++) {
        int digit = i < decimal->count ? decimal->digits[i] - '0' : 0;
        if (__builtin_mul_overflow(value, 10, &value)) return false;
        if (__builtin_sub_overflow(value, digit, &value)) return false;
    }
    if (!decimal->is_negative && __builtin_sub_overflow(0, value, &value)) return false;
    *ret_value = value;
    return true;
}

static enum lx_err number_as_real(struct checker *checker, const struct syntax *syntax,
                                  double *ret_value)
{
    struct decimal decimal = decimal_of(syntax);
    char text[sizeof decimal.digits + 24];
    snprintf(text, sizeof text, "%s%.*se%d", decimal.is_negative ? "-" : "",
             decimal.count > 0 ? decimal.count : 1, decimal.count > 0 ? decimal.digits : "0",
             decimal.exponent);
    struct lx_error ignored;
    double value;
    if (field_real(text, strlen(text), &value, &ignored) == LX_OK) {
        *ret_value = value + 0.0; /* there is one zero */
        return LX_OK;
    }
    return compiler_fail(checker->compiler, LX_ERR_BAD_INPUT, syntax->place,
                         "%s is out of a real's range", syntax->text);
}

static enum lx_err number_as_money(struct checker *checker, const struct syntax *syntax,
                                   int64_t *ret_fen)
{
    struct decimal decimal = decimal_of(syntax);
    if (decimal_to_integer(&decimal, 2, ret_fen)) return LX_OK;
    if (decimal.exponent < -2)
        return compiler_fail(checker->compiler, LX_ERR_BAD_INPUT, syntax->place,
                             "a number beside money is yuan with at most two decimals, found %s",
                             syntax->text);
    return compiler_fail(checker->compiler, LX_ERR_BAD_INPUT, syntax->place,
                         "%s yuan is more than money holds (92233720368547758.07)", syntax->text);
}

static enum lx_err number_as_integer(struct checker *checker, const struct syntax *syntax,
                                     int64_t *ret_value)
{
    struct decimal decimal = decimal_of(syntax);
    if (decimal.is_fraction)
        return compiler_fail(checker->compiler, LX_ERR_BAD_INPUT, syntax->place,
                             "expected an integer, found %s", syntax->text);
    if (decimal_to_integer(&decimal, 0, ret_value)) return LX_OK;
    return compiler_fail(checker->compiler, LX_ERR_BAD_INPUT, syntax->place,
                         "%s is more than an integer holds (9223372036854775807); with a point it "
                         "is a real",
                         syntax->text);
}

int64_t whole_number(const char *digits, int64_t max)
{
    int64_t value = 0;
    for (; *digits != '\0'; digits++) {
        value = value * 10 + (*digits - '0');
        if (value > max) return -1;
    }
    return value;
}

/* --- Literals ------------------------------------------------------------------------------- */

enum lx_err draft_integer(struct checker *checker, enum expr_type type, int64_t value,
                          struct place place, struct draft **ret_draft)
{
    enum lx_err code = draft_new(checker, EXPR_OP_LITERAL, type, place, 0, ret_draft);
    if (code == LX_OK) (*ret_draft)->node.value.as.integer = value;
    return code;
}

static enum lx_err date_of(struct checker *checker, const struct syntax *syntax, int64_t *ret_day)
{
    int32_t day;
    if (lx_day_parse(syntax->text, syntax->length, &day) != LX_OK)
        return compiler_fail(checker->compiler, LX_ERR_BAD_INPUT, syntax->place,
                             "'%.40s' is no date: expected 'YYYY-MM-DD' and a day that exists",
                             syntax->text);
    *ret_day = day;
    return LX_OK;
}

enum lx_err check_literal(struct checker *checker, const struct syntax *syntax,
                          struct draft **ret_draft)
{
    struct draft *draft;
    enum lx_err code = draft_new(checker, EXPR_OP_LITERAL, EXPR_NULL, syntax->place, 0, &draft);
    if (code != LX_OK) return code;
    struct expr_value *value = &draft->node.value;
    draft->literal = syntax;
    switch (syntax->kind) {
    case SYNTAX_NULL: value->is_null = true; break;
    case SYNTAX_BOOLEAN:
        draft->node.type = EXPR_BOOLEAN;
        draft->literal = NULL;
        value->as.integer = syntax->is_true;
        break;
    case SYNTAX_DATE:
        draft->node.type = EXPR_DATE;
        draft->literal = NULL;
        code = date_of(checker, syntax, &value->as.integer);
        break;
    case SYNTAX_STRING:
        draft->node.type = EXPR_STRING;
        value->as.string.text = syntax->text;
        value->as.string.length = syntax->length;
        break;
    default:
        LX_ASSERT(syntax->kind == SYNTAX_NUMBER);
        if (decimal_of(syntax).is_fraction) {
            draft->node.type = EXPR_REAL;
            code = number_as_real(checker, syntax, &value->as.real);
        } else {
            draft->node.type = EXPR_INTEGER;
            code = number_as_integer(checker, syntax, &value->as.integer);
        }
    }
    if (code == LX_OK) *ret_draft = draft;
    return code;
}

static enum lx_err code_of(struct checker *checker, const struct syntax *syntax,
                           const struct expr_enumeration *enumeration, int64_t *ret_position)
{
    for (uint16_t i = 0; i < enumeration->value_count; i++) {
        const char *zh = enumeration->zh == NULL ? NULL : enumeration->zh[i];
        if (!is_named(enumeration->codes[i], zh, syntax->text, syntax->length)) continue;
        *ret_position = i;
        return LX_OK;
    }
    size_t count = enumeration->value_count;
    const char *hint =
        compiler_hint(checker->compiler, syntax->text, enumeration->codes, count, "'");
    if (strncmp(hint, ": did", 5) != 0 && enumeration->zh != NULL) {
        const char *near = lx_suggest(syntax->text, enumeration->zh, count);
        if (near != NULL)
            hint = compiler_hint(checker->compiler, syntax->text, enumeration->zh, count, "'");
    }
    return compiler_fail(checker->compiler, LX_ERR_BAD_INPUT, syntax->place, "unknown %s '%.*s'%s",
                         enumeration->name, syntax->length > 80 ? 80 : (int)syntax->length,
                         syntax->text, hint);
}

/* --- Types ---------------------------------------------------------------------------------- */

struct found_type type_of(const struct expr_node *node)
{
    return (struct found_type){node->type, node->enumeration};
}

const char *type_text(struct checker *checker, struct found_type found)
{
    if (found.enumeration == NULL) return expr_type_name(found.type);
    const char *text = lx_arena_printf(&checker->compiler->arena, "%s %s",
                                       expr_type_name(found.type), found.enumeration->name);
    return text == NULL ? expr_type_name(found.type) : text;
}

static bool is_same(struct found_type a, struct found_type b)
{
    return a.type == b.type && a.enumeration == b.enumeration;
}

static enum lx_err fail_mismatch(struct checker *checker, const struct expr_node *node,
                                 struct found_type target, const char *what)
{
    return compiler_fail(checker->compiler, LX_ERR_BAD_INPUT, place_of(node),
                         "%s: expected %s, found %s", what, type_text(checker, target),
                         type_text(checker, type_of(node)));
}

/* A literal takes the type that it stands beside. */
static enum lx_err adapt(struct checker *checker, struct draft *draft, struct found_type target,
                         const char *what)
{
    const struct syntax *literal = draft->literal;
    struct expr_value value = draft->node.value;
    enum lx_err code = LX_OK;
    if (literal->kind == SYNTAX_NULL)
        value.as.integer = 0;
    else if (literal->kind == SYNTAX_NUMBER && target.type == EXPR_INTEGER)
        code = number_as_integer(checker, literal, &value.as.integer);
    else if (literal->kind == SYNTAX_NUMBER && target.type == EXPR_REAL)
        code = number_as_real(checker, literal, &value.as.real);
    else if (literal->kind == SYNTAX_NUMBER && target.type == EXPR_MONEY)
        code = number_as_money(checker, literal, &value.as.integer);
    else if (literal->kind == SYNTAX_STRING && target.type == EXPR_DATE)
        code = date_of(checker, literal, &value.as.integer);
    else if (literal->kind == SYNTAX_STRING && target.type == EXPR_ENUM)
        code = code_of(checker, literal, target.enumeration, &value.as.integer);
    else if (draft->node.type != target.type)
        code = fail_mismatch(checker, &draft->node, target, what);
    if (code != LX_OK) return code;
    draft->node.type = target.type;
    draft->node.enumeration = target.enumeration;
    draft->node.value = value;
    return LX_OK;
}

enum lx_err convert(struct checker *checker, const struct expr_node **item,
                    struct found_type target, const char *what)
{
    struct draft *draft = (struct draft *)(uintptr_t)*item;
    if (draft->literal != NULL) return adapt(checker, draft, target, what);
    if (is_same(type_of(*item), target)) return LX_OK;
    if ((*item)->type != EXPR_INTEGER || target.type != EXPR_REAL)
        return fail_mismatch(checker, *item, target, what);
    struct draft *real;
    enum lx_err code = draft_new(checker, EXPR_OP_TO_REAL, EXPR_REAL, place_of(*item), 1, &real);
    if (code != LX_OK) return code;
    real->node.children[0] = *item;
    *item = &real->node;
    return LX_OK;
}

static enum lx_err fail_unlike(struct checker *checker, struct found_type a, struct found_type b,
                               const char *what, struct place place)
{
    bool is_money = (a.type == EXPR_MONEY || b.type == EXPR_MONEY) &&
                    (TYPES_NUMBER >> a.type & 1) != 0 && (TYPES_NUMBER >> b.type & 1) != 0;
    return compiler_fail(checker->compiler, LX_ERR_BAD_INPUT, place,
                         "%s needs one type, found %s and %s%s", what, type_text(checker, a),
                         type_text(checker, b),
                         is_money ? ": only a number that is written out is taken as yuan; "
                                    "yuan(x) makes a real of money"
                                  : "");
}

/* The type of the operands whose type is certain; literals are looked at in a second pass. */
static enum lx_err combine(struct checker *checker, struct operands operands, bool is_literals,
                           const char *what, struct place place, struct found_type *found)
{
    for (uint32_t i = 0; i < operands.count; i++) {
        const struct expr_node *node = operands.items[i];
        const struct syntax *literal = ((const struct draft *)node)->literal;
        if ((literal != NULL) != is_literals) continue;
        if (is_literals && literal->kind == SYNTAX_NULL) continue;
        struct found_type one = type_of(node);
        bool is_mixed = (one.type == EXPR_REAL && found->type == EXPR_INTEGER) ||
                        (one.type == EXPR_INTEGER && found->type == EXPR_REAL);
        if (is_mixed)
            found->type = EXPR_REAL;
        else if (found->type == EXPR_NULL)
            *found = one;
        else if (!is_same(one, *found) && !is_literals)
            return fail_unlike(checker, *found, one, what, place);
    }
    return LX_OK;
}

static enum lx_err fail_type(struct checker *checker, unsigned types, struct found_type found,
                             const char *what, struct place place)
{
    char list[160] = "";
    size_t length = 0;
    for (int type = 0; type < EXPR_TYPE_COUNT; type++) {
        if ((types >> type & 1) == 0) continue;
        length += (size_t)snprintf(list + length, sizeof list - length, "%s%s",
                                   length > 0 ? ", " : "", expr_type_name((enum expr_type)type));
    }
    return compiler_fail(checker->compiler, LX_ERR_BAD_INPUT, place, "%s takes %s; found %s", what,
                         list, type_text(checker, found));
}

enum lx_err unify(struct checker *checker, struct operands operands, unsigned types,
                  bool needs_order, const char *what, struct place place,
                  struct found_type *ret_found)
{
    struct found_type found = {EXPR_NULL, NULL};
    enum lx_err code = combine(checker, operands, false, what, place, &found);
    if (code == LX_OK) code = combine(checker, operands, true, what, place, &found);
    if (code != LX_OK) return code;
    if (found.type == EXPR_NULL)
        return compiler_fail(checker->compiler, LX_ERR_BAD_INPUT, place,
                             "%s has nothing but null: its type cannot be known", what);
    if ((types >> found.type & 1) == 0) return fail_type(checker, types, found, what, place);
    if (needs_order && found.type == EXPR_ENUM && !found.enumeration->is_ordered)
        return compiler_fail(checker->compiler, LX_ERR_BAD_INPUT, place,
                             "%s: the values of %s have no order", what, found.enumeration->name);
    for (uint32_t i = 0; i < operands.count; i++)
        if ((code = convert(checker, &operands.items[i], found, what)) != LX_OK) return code;
    *ret_found = found;
    return LX_OK;
}
