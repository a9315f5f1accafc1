#include "expr/check.h"

#include <string.h>
#include <strings.h>

struct place place_of(const struct expr_node *node)
{
    return (struct place){(int)node->line, (int)node->column};
}

enum lx_err draft_new(struct checker *checker, enum expr_op op, enum expr_type type,
                      struct place place, uint32_t child_count, struct draft **ret_draft)
{
    struct compiler *compiler = checker->compiler;
    if (++checker->node_count > EXPR_NODES_MAX)
        return compiler_fail(compiler, LX_ERR_LIMIT, place,
                             "more than %d operators, operands and literals", (int)EXPR_NODES_MAX);
    struct draft *draft = lx_arena_alloc(&compiler->arena, sizeof *draft);
    const struct expr_node **children =
        lx_arena_array(&compiler->arena, child_count, sizeof *children);
    if (draft == NULL || children == NULL) return compiler_no_memory(compiler);
    draft->node = (struct expr_node){.op = op,
                                     .type = type,
                                     .line = (uint32_t)place.line,
                                     .column = (uint32_t)place.column,
                                     .child_count = child_count,
                                     .children = children};
    *ret_draft = draft;
    return LX_OK;
}

/* --- Names ---------------------------------------------------------------------------------- */

static bool is_same_text(const char *name, const char *text, size_t length)
{
    return name != NULL && strlen(name) == length && memcmp(name, text, length) == 0;
}

bool is_named(const char *name, const char *zh, const char *text, size_t length)
{
    return is_same_text(name, text, length) || is_same_text(zh, text, length);
}

/* A schema's Chinese name may have capitals in it; the lexer makes all letters small. */
bool is_called(const char *name, const char *zh, const char *text, size_t length)
{
    return is_same_text(name, text, length) ||
           (zh != NULL && strlen(zh) == length && strncasecmp(zh, text, length) == 0);
}

size_t find_field(const struct expr_field *fields, size_t count, const char *name, size_t length)
{
    for (size_t i = 0; i < count; i++)
        if (is_called(fields[i].name, fields[i].zh, name, length)) return i;
    return count;
}

enum lx_err draft_field(struct checker *checker, size_t field, struct place place,
                        struct draft **ret_draft)
{
    const struct expr_field *found = &checker->compiler->schema->fields[field];
    enum lx_err code = draft_new(checker, EXPR_OP_FIELD, found->type, place, 0, ret_draft);
    if (code != LX_OK) return code;
    (*ret_draft)->node.enumeration = found->enumeration;
    (*ret_draft)->node.index = (uint32_t)field;
    if (checker->relation == NULL)
        checker->is_read[field] = true;
    else
        checker->reads_row = true;
    return LX_OK;
}

static enum lx_err draft_relation_field(struct checker *checker, size_t field, struct place place,
                                        struct draft **ret_draft)
{
    const struct expr_field *found = &checker->relation->fields[field];
    enum lx_err code = draft_new(checker, EXPR_OP_RELATION_FIELD, found->type, place, 0, ret_draft);
    if (code != LX_OK) return code;
    (*ret_draft)->node.enumeration = found->enumeration;
    (*ret_draft)->node.index = (uint32_t)field;
    (*ret_draft)->node.relation = checker->relation_index;
    return LX_OK;
}

/* The names that could have been meant here. */
static const char *hint_name(struct checker *checker, const char *text)
{
    const struct expr_schema *schema = checker->compiler->schema;
    const struct expr_relation *relation = checker->relation;
    size_t inner = relation == NULL ? 0 : relation->field_count;
    const char **names =
        lx_arena_array(&checker->compiler->arena, 2 * (inner + schema->field_count), sizeof *names);
    if (names == NULL) return "";
    size_t count = 0;
    for (size_t i = 0; i < inner; i++) {
        names[count++] = relation->fields[i].name;
        names[count++] = relation->fields[i].zh;
    }
    for (size_t i = 0; i < schema->field_count; i++) {
        names[count++] = schema->fields[i].name;
        names[count++] = schema->fields[i].zh;
    }
    return compiler_hint(checker->compiler, text, names, count, "`");
}

/* offers.amount for `amount` of rows that the window does not run over; NULL if there is none. */
static const char *field_elsewhere(struct checker *checker, const char *text)
{
    const struct expr_schema *schema = checker->compiler->schema;
    for (size_t i = 0; checker->relation != NULL && i < schema->relation_count; i++) {
        const struct expr_relation *relation = &schema->relations[i];
        size_t found = find_field(relation->fields, relation->field_count, text, strlen(text));
        if (found < relation->field_count)
            return lx_arena_printf(&checker->compiler->arena, "%s.%s", relation->name,
                                   relation->fields[found].name);
    }
    return NULL;
}

static enum lx_err fail_unknown_name(struct checker *checker, const struct syntax *syntax)
{
    struct compiler *compiler = checker->compiler;
    const struct expr_schema *schema = compiler->schema;
    const char *text = syntax->text;
    for (size_t i = 0; i < schema->function_count; i++)
        if (is_called(schema->functions[i].name, schema->functions[i].zh, text, syntax->length))
            return compiler_fail(compiler, LX_ERR_BAD_INPUT, syntax->place,
                                 "`%s` is a function: write `%s(%s)`", text, text,
                                 schema->functions[i].parameter_count > 0 ? "..." : "");
    for (size_t i = 0; i < expr_builtin_count; i++)
        if (is_named(expr_builtins[i].name, expr_builtins[i].zh, text, syntax->length))
            return compiler_fail(compiler, LX_ERR_BAD_INPUT, syntax->place,
                                 "`%s` is a function: write `%s(%s)`", text, text,
                                 expr_builtins[i].most_arguments > 0 ? "..." : "");
    for (size_t i = 0; i < schema->relation_count; i++) {
        const struct expr_relation *relation = &schema->relations[i];
        const char *dot = strchr(text, '.');
        size_t length = dot == NULL ? syntax->length : (size_t)(dot - text);
        if (!is_called(relation->name, relation->zh, text, length)) continue;
        if (checker->relation == relation && dot != NULL) continue;
        return compiler_fail(compiler, LX_ERR_BAD_INPUT, syntax->place,
                             "`%s` is of the rows of `%s`, which are read in a window: "
                             "count(%s), sum(%s.x)",
                             text, relation->name, relation->name, relation->name);
    }
    const char *elsewhere = field_elsewhere(checker, text);
    if (elsewhere != NULL)
        return compiler_fail(compiler, LX_ERR_BAD_INPUT, syntax->place,
                             "`%s` is no field of `%s`: write `%s`", text, checker->relation->name,
                             elsewhere);
    const struct expr_relation *relation = checker->relation;
    const char *own = relation == NULL ? NULL : behind_prefix(text, relation->name, relation->zh);
    return compiler_fail(compiler, LX_ERR_BAD_INPUT, syntax->place, "unknown field `%.120s`%s",
                         text, hint_name(checker, own != NULL ? own : text));
}

const char *behind_prefix(const char *text, const char *name, const char *zh)
{
    const char *dot = strchr(text, '.');
    if (dot == NULL || !is_called(name, zh, text, (size_t)(dot - text))) return NULL;
    return dot + 1;
}

static enum lx_err check_name(struct checker *checker, const struct syntax *syntax,
                              struct draft **ret_draft)
{
    const struct expr_schema *schema = checker->compiler->schema;
    const struct expr_relation *relation = checker->relation;
    const char *text = syntax->text, *of_this = behind_prefix(text, "this", NULL);
    if (relation != NULL && of_this == NULL) {
        const char *own = behind_prefix(text, relation->name, relation->zh);
        for (int pass = 0; pass < 2; pass++, own = text) {
            if (own == NULL) continue;
            size_t found = find_field(relation->fields, relation->field_count, own, strlen(own));
            if (found < relation->field_count)
                return draft_relation_field(checker, found, syntax->place, ret_draft);
        }
    }
    const char *name = of_this != NULL ? of_this : text;
    size_t found = find_field(schema->fields, schema->field_count, name, strlen(name));
    if (found < schema->field_count) return draft_field(checker, found, syntax->place, ret_draft);
    /* In Chinese a function without parameters is written as if it were a field: 年龄. */
    for (size_t i = 0; i < schema->function_count; i++) {
        const struct expr_function *function = &schema->functions[i];
        if (function->parameter_count == 0 && is_called(NULL, function->zh, text, syntax->length))
            return check_host_call(checker, syntax, i, ret_draft);
    }
    return fail_unknown_name(checker, syntax);
}

/* --- Operators ------------------------------------------------------------------------------ */

enum lx_err check_children(struct checker *checker, const struct syntax *syntax, enum expr_op op,
                           enum expr_type type, struct draft **ret_draft)
{
    struct draft *draft, *child;
    enum lx_err code = draft_new(checker, op, type, syntax->place, syntax->child_count, &draft);
    if (code != LX_OK) return code;
    uint32_t i = 0;
    for (const struct syntax *part = syntax->first; part != NULL; part = part->next) {
        if ((code = check_tree(checker, part, &child)) != LX_OK) return code;
        draft->node.children[i++] = &child->node;
    }
    *ret_draft = draft;
    return LX_OK;
}

struct operands children_of(struct draft *draft)
{
    return (struct operands){draft->node.children, draft->node.child_count};
}

static enum lx_err check_comparison(struct checker *checker, const struct syntax *syntax,
                                    struct draft **ret_draft)
{
    static const char *const signs[EXPR_OP_COUNT] = {
        [EXPR_OP_EQ] = "`=`",           [EXPR_OP_NE] = "`<>`", [EXPR_OP_LT] = "`<`",
        [EXPR_OP_LE] = "`<=`",          [EXPR_OP_GT] = "`>`",  [EXPR_OP_GE] = "`>=`",
        [EXPR_OP_BETWEEN] = "`between`"};
    enum lx_err code = check_children(checker, syntax, syntax->op, EXPR_BOOLEAN, ret_draft);
    if (code != LX_OK) return code;
    bool needs_order = syntax->op != EXPR_OP_EQ && syntax->op != EXPR_OP_NE;
    struct found_type found;
    return unify(checker, children_of(*ret_draft), needs_order ? TYPES_ORDERED : TYPES_EQUAL,
                 needs_order, signs[syntax->op], syntax->place, &found);
}

/* Children of one op become children of the parent: (a and b) and c is one node of three. */
static enum lx_err flatten(struct checker *checker, struct draft *draft)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < draft->node.child_count; i++) {
        const struct expr_node *child = draft->node.children[i];
        count += child->op == draft->node.op ? child->child_count : 1;
    }
    if (count == draft->node.child_count) return LX_OK;
    const struct expr_node **children =
        lx_arena_array(&checker->compiler->arena, count, sizeof *children);
    if (children == NULL) return compiler_no_memory(checker->compiler);
    uint32_t at = 0;
    for (uint32_t i = 0; i < draft->node.child_count; i++) {
        const struct expr_node *child = draft->node.children[i];
        bool is_same_op = child->op == draft->node.op;
        for (uint32_t j = 0; j < (is_same_op ? child->child_count : 1); j++)
            children[at++] = is_same_op ? child->children[j] : child;
    }
    draft->node.children = children;
    draft->node.child_count = count;
    return LX_OK;
}

static enum lx_err check_logic(struct checker *checker, const struct syntax *syntax,
                               struct draft **ret_draft)
{
    static const char *const words[EXPR_OP_COUNT] = {[EXPR_OP_NOT] = "`not`",
                                                     [EXPR_OP_AND] = "`and`",
                                                     [EXPR_OP_OR] = "`or`",
                                                     [EXPR_OP_IS_TRUE] = "`is true`",
                                                     [EXPR_OP_IS_FALSE] = "`is false`"};
    enum lx_err code = check_children(checker, syntax, syntax->op, EXPR_BOOLEAN, ret_draft);
    if (code != LX_OK) return code;
    struct operands operands = children_of(*ret_draft);
    for (uint32_t i = 0; i < operands.count && code == LX_OK; i++)
        code = convert(checker, &operands.items[i], (struct found_type){EXPR_BOOLEAN, NULL},
                       words[syntax->op]);
    bool is_list = syntax->op == EXPR_OP_AND || syntax->op == EXPR_OP_OR;
    return code == LX_OK && is_list ? flatten(checker, *ret_draft) : code;
}

static enum lx_err check_is_null(struct checker *checker, const struct syntax *syntax,
                                 struct draft **ret_draft)
{
    enum lx_err code = check_children(checker, syntax, EXPR_OP_IS_NULL, EXPR_BOOLEAN, ret_draft);
    if (code != LX_OK) return code;
    const struct expr_node **child = &(*ret_draft)->node.children[0];
    if ((*child)->type == EXPR_INTERVAL)
        return compiler_fail(checker->compiler, LX_ERR_BAD_INPUT, place_of(*child),
                             "an interval stands only beside a date");
    if ((*child)->type != EXPR_NULL) return LX_OK;
    return convert(checker, child, (struct found_type){EXPR_BOOLEAN, NULL}, "`is null`");
}

static bool is_number_literal(const struct expr_node *node)
{
    const struct syntax *literal = ((const struct draft *)node)->literal;
    return literal != NULL && literal->kind == SYNTAX_NUMBER;
}

static bool is_zero_literal(const struct expr_node *node)
{
    if (!is_number_literal(node)) return false;
    return node->type == EXPR_REAL ? node->value.as.real == 0 : node->value.as.integer == 0;
}

/* The parser makes one number of - and 28, but not of - and round(28), which is 28. */
static enum lx_err check_negative_literal(struct checker *checker, struct place place,
                                          const struct syntax *number, struct draft **ret_draft)
{
    struct syntax *negative = lx_arena_alloc(&checker->compiler->arena, sizeof *negative);
    if (negative == NULL) return compiler_no_memory(checker->compiler);
    *negative = *number;
    negative->is_negative = true;
    negative->place = place;
    return check_literal(checker, negative, ret_draft);
}

static enum lx_err check_negate(struct checker *checker, const struct syntax *syntax,
                                struct draft **ret_draft)
{
    enum lx_err code = check_children(checker, syntax, EXPR_OP_NEGATE, EXPR_INTEGER, ret_draft);
    if (code != LX_OK) return code;
    struct draft *draft = *ret_draft;
    const struct expr_node *child = draft->node.children[0];
    if (child->type == EXPR_INTERVAL) { /* -(90 days): the sign goes to the number */
        const struct expr_node *number = child->children[0];
        if (number->op == EXPR_OP_LITERAL)
            ((struct draft *)(uintptr_t)number)->node.value.as.integer *= -1;
        draft->node.children[0] = number;
        if (number->op != EXPR_OP_LITERAL)
            ((struct draft *)(uintptr_t)child)->node.children[0] = &draft->node;
        *ret_draft = (struct draft *)(uintptr_t)child;
        return LX_OK;
    }
    if (is_zero_literal(child)) { /* -0 would be written as a literal */
        *ret_draft = (struct draft *)(uintptr_t)child;
        return LX_OK;
    }
    if (is_number_literal(child) && !((const struct draft *)child)->literal->is_negative)
        return check_negative_literal(checker, syntax->place,
                                      ((const struct draft *)child)->literal, ret_draft);
    struct found_type found = {EXPR_INTEGER, NULL};
    code =
        unify(checker, children_of(draft), TYPES_NUMBER, false, "unary `-`", syntax->place, &found);
    draft->node.type = found.type;
    return code;
}

/* --- Arithmetic ----------------------------------------------------------------------------- */

static const char *sign_of(enum expr_op op)
{
    switch (op) {
    case EXPR_OP_ADD: return "`+`";
    case EXPR_OP_SUBTRACT: return "`-`";
    case EXPR_OP_MULTIPLY: return "`*`";
    case EXPR_OP_DIVIDE: return "`/`";
    default: return "`%`";
    }
}

/* Both sides of one numeric type, which is the result's. */
static enum lx_err check_numbers(struct checker *checker, const struct syntax *syntax,
                                 unsigned types, struct draft *draft)
{
    const struct expr_node **side = draft->node.children;
    if (side[0]->type == EXPR_NULL && side[1]->type == EXPR_NULL) {
        enum lx_err code = convert(checker, &side[0], (struct found_type){EXPR_INTEGER, NULL}, "");
        if (code != LX_OK) return code;
        ((struct draft *)(uintptr_t)side[0])->literal = NULL;
    }
    struct found_type found = {EXPR_INTEGER, NULL};
    enum lx_err code = unify(checker, children_of(draft), types, false, sign_of(syntax->op),
                             syntax->place, &found);
    draft->node.type = found.type;
    return code;
}

static enum lx_err shift_date(struct checker *checker, const struct syntax *syntax,
                              struct draft *draft, int interval_side)
{
    const struct expr_node **side = draft->node.children;
    const struct expr_node *interval = side[interval_side], *date = side[1 - interval_side];
    const struct expr_node *number = interval->children[0];
    if (syntax->op == EXPR_OP_SUBTRACT && interval_side == 0)
        return compiler_fail(checker->compiler, LX_ERR_BAD_INPUT, syntax->place,
                             "nothing is taken from an interval: expected a date before `-`");
    enum lx_err code =
        convert(checker, &date, (struct found_type){EXPR_DATE, NULL}, "beside an interval");
    if (code != LX_OK) return code;
    if (syntax->op == EXPR_OP_SUBTRACT) {
        struct draft *negated;
        if (number->op == EXPR_OP_LITERAL) {
            ((struct draft *)(uintptr_t)number)->node.value.as.integer *= -1;
        } else {
            code = draft_new(checker, EXPR_OP_NEGATE, EXPR_INTEGER, syntax->place, 1, &negated);
            if (code != LX_OK) return code;
            negated->node.children[0] = number;
            number = &negated->node;
        }
    }
    draft->node.op = interval->index != 0 ? EXPR_OP_DATE_PLUS_MONTHS : EXPR_OP_DATE_PLUS_DAYS;
    draft->node.type = EXPR_DATE;
    side[0] = date;
    side[1] = number;
    return LX_OK;
}

static enum lx_err check_dates(struct checker *checker, const struct syntax *syntax,
                               struct draft *draft)
{
    const struct found_type date = {EXPR_DATE, NULL};
    const struct expr_node **side = draft->node.children;
    if (syntax->op != EXPR_OP_SUBTRACT || (TYPES_NUMBER >> side[1]->type & 1) != 0)
        return compiler_fail(checker->compiler, LX_ERR_BAD_INPUT, syntax->place,
                             "%s: beside a date expected an interval such as `90 days`, found %s",
                             sign_of(syntax->op),
                             type_text(checker, type_of(side[side[0]->type == EXPR_DATE])));
    enum lx_err code = convert(checker, &side[0], date, "`-`");
    if (code == LX_OK) code = convert(checker, &side[1], date, "`-`");
    draft->node.op = EXPR_OP_DATE_MINUS_DATE;
    draft->node.type = EXPR_INTEGER;
    return code;
}

static enum lx_err check_sum(struct checker *checker, const struct syntax *syntax,
                             struct draft *draft)
{
    const struct expr_node **side = draft->node.children;
    for (int i = 1; i >= 0; i--)
        if (side[i]->type == EXPR_INTERVAL) return shift_date(checker, syntax, draft, i);
    if (side[0]->type == EXPR_DATE || side[1]->type == EXPR_DATE)
        return check_dates(checker, syntax, draft);
    return check_numbers(checker, syntax, TYPES_NUMBER, draft);
}

/* Money times or by something; the money stands first. */
static enum lx_err scale_money(struct checker *checker, const struct syntax *syntax,
                               struct draft *draft, enum expr_op by_integer, enum expr_op by_real)
{
    const struct expr_node **side = draft->node.children;
    bool is_real = side[1]->type == EXPR_REAL;
    bool is_integer = side[1]->type == EXPR_INTEGER || side[1]->type == EXPR_NULL;
    draft->node.op = is_real ? by_real : by_integer;
    draft->node.type = EXPR_MONEY;
    if (!is_real && !is_integer)
        return compiler_fail(checker->compiler, LX_ERR_BAD_INPUT, syntax->place,
                             "%s: money with %s has no meaning", sign_of(syntax->op),
                             type_text(checker, type_of(side[1])));
    return convert(checker, &side[1], (struct found_type){is_real ? EXPR_REAL : EXPR_INTEGER, NULL},
                   sign_of(syntax->op));
}

static enum lx_err check_product(struct checker *checker, const struct syntax *syntax,
                                 struct draft *draft)
{
    const struct expr_node **side = draft->node.children;
    if (side[1]->type == EXPR_MONEY && side[0]->type != EXPR_MONEY) {
        const struct expr_node *money = side[1];
        side[1] = side[0];
        side[0] = money;
    }
    if (side[0]->type == EXPR_MONEY)
        return scale_money(checker, syntax, draft, EXPR_OP_MONEY_TIMES_INTEGER,
                           EXPR_OP_MONEY_TIMES_REAL);
    return check_numbers(checker, syntax, TYPES_OF(EXPR_INTEGER) | TYPES_OF(EXPR_REAL), draft);
}

static enum lx_err check_quotient(struct checker *checker, const struct syntax *syntax,
                                  struct draft *draft)
{
    const struct expr_node **side = draft->node.children;
    bool is_literal = is_number_literal(side[0]) || side[0]->type == EXPR_NULL;
    if (side[1]->type == EXPR_MONEY && (side[0]->type == EXPR_MONEY || is_literal)) {
        draft->node.op = EXPR_OP_MONEY_BY_MONEY;
        draft->node.type = EXPR_REAL;
        return convert(checker, &side[0], (struct found_type){EXPR_MONEY, NULL}, "`/`");
    }
    if (side[0]->type == EXPR_MONEY)
        return scale_money(checker, syntax, draft, EXPR_OP_MONEY_BY_INTEGER, EXPR_OP_MONEY_BY_REAL);
    return check_numbers(checker, syntax, TYPES_OF(EXPR_INTEGER) | TYPES_OF(EXPR_REAL), draft);
}

static enum lx_err check_arithmetic(struct checker *checker, const struct syntax *syntax,
                                    struct draft **ret_draft)
{
    enum lx_err code = check_children(checker, syntax, syntax->op, EXPR_INTEGER, ret_draft);
    if (code != LX_OK) return code;
    switch (syntax->op) {
    case EXPR_OP_ADD:
    case EXPR_OP_SUBTRACT: return check_sum(checker, syntax, *ret_draft);
    case EXPR_OP_MULTIPLY: return check_product(checker, syntax, *ret_draft);
    case EXPR_OP_DIVIDE: return check_quotient(checker, syntax, *ret_draft);
    default: return check_numbers(checker, syntax, TYPES_OF(EXPR_INTEGER), *ret_draft);
    }
}

static enum lx_err check_operator(struct checker *checker, const struct syntax *syntax,
                                  struct draft **ret_draft)
{
    switch (syntax->op) {
    case EXPR_OP_NOT:
    case EXPR_OP_AND:
    case EXPR_OP_OR:
    case EXPR_OP_IS_TRUE:
    case EXPR_OP_IS_FALSE: return check_logic(checker, syntax, ret_draft);
    case EXPR_OP_IS_NULL: return check_is_null(checker, syntax, ret_draft);
    case EXPR_OP_NEGATE: return check_negate(checker, syntax, ret_draft);
    case EXPR_OP_ADD:
    case EXPR_OP_SUBTRACT:
    case EXPR_OP_MULTIPLY:
    case EXPR_OP_DIVIDE:
    case EXPR_OP_REMAINDER: return check_arithmetic(checker, syntax, ret_draft);
    default: return check_comparison(checker, syntax, ret_draft);
    }
}

enum lx_err check_tree(struct checker *checker, const struct syntax *syntax,
                       struct draft **ret_draft)
{
    switch (syntax->kind) {
    case SYNTAX_NUMBER:
    case SYNTAX_STRING:
    case SYNTAX_DATE:
    case SYNTAX_BOOLEAN:
    case SYNTAX_NULL: return check_literal(checker, syntax, ret_draft);
    case SYNTAX_NAME: return check_name(checker, syntax, ret_draft);
    case SYNTAX_CALL: return check_call(checker, syntax, ret_draft);
    case SYNTAX_OPERATOR: return check_operator(checker, syntax, ret_draft);
    case SYNTAX_LIKE: return check_like(checker, syntax, ret_draft);
    case SYNTAX_IN: return check_in(checker, syntax, ret_draft);
    case SYNTAX_IN_SET: return check_in_set(checker, syntax, ret_draft);
    case SYNTAX_CASE: return check_case(checker, syntax, ret_draft);
    case SYNTAX_INTERVAL: return check_interval(checker, syntax, ret_draft);
    }
    LX_ASSERT(false);
    return LX_ERR_BAD_INPUT;
}

enum lx_err check_boolean(struct checker *checker, const struct syntax *syntax,
                          struct draft **ret_draft)
{
    struct draft *draft;
    enum lx_err code = check_tree(checker, syntax, &draft);
    if (code != LX_OK) return code;
    const struct expr_node *node = &draft->node;
    code = convert(checker, &node, (struct found_type){EXPR_BOOLEAN, NULL}, "a condition");
    if (code == LX_OK) *ret_draft = (struct draft *)(uintptr_t)node;
    return code;
}
