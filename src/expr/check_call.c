#include "expr/check.h"

#include <string.h>

const struct builtin expr_builtins[] = {
    {"today", "今天", EXPR_OP_TODAY, 0, 0},     {"coalesce", NULL, EXPR_OP_COALESCE, 2, 255},
    {"nullif", NULL, EXPR_OP_NULLIF, 2, 2},     {"abs", "绝对值", EXPR_OP_ABS, 1, 1},
    {"round", "四舍六入", EXPR_OP_ROUND, 1, 1}, {"floor", "下取整", EXPR_OP_FLOOR, 1, 1},
    {"least", "取最小", EXPR_OP_LEAST, 2, 255}, {"greatest", "取最大", EXPR_OP_GREATEST, 2, 255},
    {"ln", "自然对数", EXPR_OP_LN, 1, 1},       {"year", "年份", EXPR_OP_YEAR, 1, 1},
    {"month", "月份", EXPR_OP_MONTH, 1, 1},     {"day", "日", EXPR_OP_DAY, 1, 1},
    {"length", "长度", EXPR_OP_LENGTH, 1, 1},   {"yuan", "元", EXPR_OP_TO_REAL, 1, 1},
};
const size_t expr_builtin_count = LX_COUNT_OF(expr_builtins);

const struct aggregate_name expr_aggregates[EXPR_AGGREGATE_COUNT] = {
    [EXPR_COUNT] = {"count", "次数"},
    [EXPR_SUM] = {"sum", "合计"},
    [EXPR_AVG] = {"avg", "平均"},
    [EXPR_MIN] = {"min", "最小"},
    [EXPR_MAX] = {"max", "最大"},
    [EXPR_LAST] = {"last", "最近值"},
    [EXPR_DISTINCT] = {"distinct", "种数"},
    [EXPR_TOP] = {"top", "最多"},
    [EXPR_SLOPE] = {"slope", "斜率"},
    [EXPR_DAYS_SINCE_LAST] = {"days_since_last", "距末次天数"},
    [EXPR_DAYS_SINCE_FIRST] = {"days_since_first", "距首次天数"},
};

/* --- Functions of the language -------------------------------------------------------------- */

static enum lx_err check_argument_count(struct checker *checker, const struct syntax *syntax,
                                        uint32_t least, uint32_t most)
{
    uint32_t found = syntax->child_count;
    if (found >= least && found <= most) return LX_OK;
    if (least == most)
        return compiler_fail(checker->compiler, LX_ERR_BAD_INPUT, syntax->place,
                             "`%s` takes %u argument%s, found %u", syntax->text, least,
                             least == 1 ? "" : "s", found);
    if (found < least)
        return compiler_fail(checker->compiler, LX_ERR_BAD_INPUT, syntax->place,
                             "`%s` takes %u argument%s or more, found %u", syntax->text, least,
                             least == 1 ? "" : "s", found);
    return compiler_fail(checker->compiler, LX_ERR_BAD_INPUT, syntax->place,
                         "`%s` takes at most %u arguments, found %u", syntax->text, most, found);
}

/* abs, coalesce, nullif, least, greatest: the result has the type of the arguments. */
static enum lx_err check_same_type(struct checker *checker, const struct syntax *syntax,
                                   const char *what, struct draft *draft)
{
    enum expr_op op = draft->node.op;
    bool needs_order = op == EXPR_OP_LEAST || op == EXPR_OP_GREATEST;
    unsigned types = op == EXPR_OP_ABS ? TYPES_NUMBER : needs_order ? TYPES_ORDERED : TYPES_EQUAL;
    struct found_type found;
    enum lx_err code =
        unify(checker, children_of(draft), types, needs_order, what, syntax->place, &found);
    if (code != LX_OK) return code;
    draft->node.type = found.type;
    draft->node.enumeration = found.enumeration;
    return LX_OK;
}

/* ln, round, floor, yuan: a real is wanted; an integer or money becomes one. */
static enum lx_err check_of_real(struct checker *checker, const struct syntax *syntax,
                                 const char *what, struct draft **draft)
{
    const struct expr_node **child = &(*draft)->node.children[0];
    enum expr_op op = (*draft)->node.op;
    bool is_yuan = op == EXPR_OP_TO_REAL;
    if (is_yuan && (*child)->type != EXPR_MONEY)
        return compiler_fail(checker->compiler, LX_ERR_BAD_INPUT, syntax->place,
                             "`yuan` takes money, found %s", type_text(checker, type_of(*child)));
    (*draft)->node.type = is_yuan || op == EXPR_OP_LN ? EXPR_REAL : EXPR_INTEGER;
    if (is_yuan) return LX_OK;
    if ((*child)->type == EXPR_INTEGER && op != EXPR_OP_LN) { /* a whole number already */
        *draft = (struct draft *)(uintptr_t)*child;
        return LX_OK;
    }
    if ((*child)->type == EXPR_MONEY) {
        struct draft *real;
        enum lx_err code =
            draft_new(checker, EXPR_OP_TO_REAL, EXPR_REAL, place_of(*child), 1, &real);
        if (code != LX_OK) return code;
        real->node.children[0] = *child;
        *child = &real->node;
    }
    return convert(checker, child, (struct found_type){EXPR_REAL, NULL}, what);
}

static enum lx_err check_builtin(struct checker *checker, const struct syntax *syntax,
                                 const struct builtin *builtin, struct draft **ret_draft)
{
    uint32_t most = builtin->most_arguments == 255 ? EXPR_NODES_MAX : builtin->most_arguments;
    enum lx_err code = check_argument_count(checker, syntax, builtin->least_arguments, most);
    struct draft *draft;
    if (code == LX_OK) code = check_children(checker, syntax, builtin->op, EXPR_INTEGER, &draft);
    if (code != LX_OK) return code;
    const char *what = lx_arena_printf(&checker->compiler->arena, "`%s`", builtin->name);
    if (what == NULL) return compiler_no_memory(checker->compiler);
    const struct found_type date = {EXPR_DATE, NULL}, string = {EXPR_STRING, NULL};
    switch (builtin->op) {
    case EXPR_OP_TODAY: draft->node.type = EXPR_DATE; break;
    case EXPR_OP_YEAR:
    case EXPR_OP_MONTH:
    case EXPR_OP_DAY: code = convert(checker, draft->node.children, date, what); break;
    case EXPR_OP_LENGTH: code = convert(checker, draft->node.children, string, what); break;
    case EXPR_OP_LN:
    case EXPR_OP_ROUND:
    case EXPR_OP_FLOOR:
    case EXPR_OP_TO_REAL: code = check_of_real(checker, syntax, what, &draft); break;
    default: code = check_same_type(checker, syntax, what, draft);
    }
    if (code == LX_OK) *ret_draft = draft;
    return code;
}

/* --- Functions of the host ------------------------------------------------------------------ */

enum lx_err check_host_call(struct checker *checker, const struct syntax *syntax, size_t number,
                            struct draft **ret_draft)
{
    const struct expr_function *function = &checker->compiler->schema->functions[number];
    uint32_t count = function->parameter_count;
    struct draft *draft;
    enum lx_err code = check_argument_count(checker, syntax, count,
                                            function->is_variadic ? EXPR_ARGUMENTS_MAX : count);
    if (code == LX_OK)
        code = check_children(checker, syntax, EXPR_OP_CALL, function->result, &draft);
    if (code != LX_OK) return code;
    for (uint32_t i = 0; i < draft->node.child_count; i++) {
        uint32_t parameter = i < count ? i : count - 1;
        struct found_type target = {function->parameters[parameter].type,
                                    function->parameters[parameter].enumeration};
        const char *what = lx_arena_printf(&checker->compiler->arena, "argument %u of `%s`", i + 1,
                                           function->name);
        if (what == NULL) return compiler_no_memory(checker->compiler);
        const struct expr_node **child = &draft->node.children[i];
        if ((code = convert(checker, child, target, what)) != LX_OK) return code;
        if (function->parameters[parameter].is_literal && (*child)->op != EXPR_OP_LITERAL)
            return compiler_fail(checker->compiler, LX_ERR_BAD_INPUT, place_of(*child),
                                 "%s must be written out, such as 'wealth'", what);
    }
    draft->node.index = (uint32_t)number;
    draft->node.enumeration = function->result_enumeration;
    checker->reads_row = true;
    *ret_draft = draft;
    return LX_OK;
}

/* --- Windows -------------------------------------------------------------------------------- */

static size_t find_relation(const struct expr_schema *schema, const char *text, size_t length)
{
    for (size_t i = 0; i < schema->relation_count; i++)
        if (is_called(schema->relations[i].name, schema->relations[i].zh, text, length)) return i;
    return schema->relation_count;
}

/* The relation whose name stands before a dot somewhere below; the count if there is none. */
static size_t named_relation(const struct expr_schema *schema, const struct syntax *syntax)
{
    if (syntax == NULL) return schema->relation_count;
    if (syntax->kind == SYNTAX_NAME) {
        const char *dot = strchr(syntax->text, '.');
        return dot == NULL ? schema->relation_count
                           : find_relation(schema, syntax->text, (size_t)(dot - syntax->text));
    }
    for (const struct syntax *part = syntax->first; part != NULL; part = part->next) {
        size_t found = named_relation(schema, part);
        if (found < schema->relation_count) return found;
    }
    return schema->relation_count;
}

/* Chooses the relation, and says whether the only argument is its name. */
static enum lx_err choose_relation(struct checker *checker, const struct syntax *syntax,
                                   bool *ret_is_name)
{
    const struct expr_schema *schema = checker->compiler->schema;
    const struct syntax *argument = syntax->first;
    size_t found = schema->relation_count;
    *ret_is_name = false;
    if (schema->relation_count == 0)
        return compiler_fail(checker->compiler, LX_ERR_BAD_INPUT, syntax->place,
                             "there are no past rows here for `%s` to run over", syntax->text);
    if (argument != NULL && argument->kind == SYNTAX_NAME) {
        found = find_relation(schema, argument->text, argument->length);
        *ret_is_name = found < schema->relation_count;
    }
    if (found == schema->relation_count) found = named_relation(schema, argument);
    if (found == schema->relation_count) found = named_relation(schema, syntax->where);
    if (found == schema->relation_count) found = 0;
    checker->relation = &schema->relations[found];
    checker->relation_index = (uint32_t)found;
    return LX_OK;
}

static enum lx_err check_span(struct checker *checker, const struct syntax_span *span,
                              int32_t *ret_count, bool *ret_is_months)
{
    static const int64_t months_max = EXPR_WINDOW_DAYS_MAX / 30;
    if (span->text == NULL) return LX_OK;
    int64_t max = span->is_years    ? months_max / 12
                  : span->is_months ? months_max
                                    : EXPR_WINDOW_DAYS_MAX;
    int64_t count = whole_number(span->text, max);
    if (count < 0)
        return compiler_fail(checker->compiler, LX_ERR_LIMIT, span->place,
                             "a window of %s %s, more than %lld", span->text,
                             span->is_years    ? "years"
                             : span->is_months ? "months"
                                               : "days",
                             (long long)max);
    if (count == 0)
        return compiler_fail(checker->compiler, LX_ERR_BAD_INPUT, span->place,
                             "a window of no days: expected 1 or more");
    *ret_count = (int32_t)(span->is_years ? 12 * count : count);
    *ret_is_months = span->is_months;
    return LX_OK;
}

static unsigned argument_types(enum expr_aggregate aggregate)
{
    switch (aggregate) {
    case EXPR_SUM:
    case EXPR_AVG:
    case EXPR_SLOPE: return TYPES_NUMBER;
    case EXPR_MIN:
    case EXPR_MAX: return TYPES_ORDERED & ~TYPES_OF(EXPR_STRING);
    case EXPR_TOP: return TYPES_OF(EXPR_ENUM);
    default: return TYPES_EQUAL;
    }
}

static void set_result(struct expr_window *window)
{
    window->type = EXPR_INTEGER;
    switch (window->aggregate) {
    case EXPR_SUM:
    case EXPR_MIN:
    case EXPR_MAX:
    case EXPR_LAST:
    case EXPR_TOP:
        window->type = window->argument->type;
        window->enumeration = window->argument->enumeration;
        break;
    case EXPR_AVG:
        window->type = window->argument->type == EXPR_MONEY ? EXPR_MONEY : EXPR_REAL;
        break;
    case EXPR_SLOPE: window->type = EXPR_REAL; break;
    default: break;
    }
}

static enum lx_err check_window_argument(struct checker *checker, const struct syntax *syntax,
                                         bool is_relation, struct expr_window *window)
{
    bool is_days =
        window->aggregate == EXPR_DAYS_SINCE_LAST || window->aggregate == EXPR_DAYS_SINCE_FIRST;
    bool may_be_none = is_days || window->aggregate == EXPR_COUNT;
    if (may_be_none && (syntax->child_count == 0 || is_relation)) return LX_OK;
    if (is_relation)
        return compiler_fail(checker->compiler, LX_ERR_BAD_INPUT, syntax->first->place,
                             "`%s` needs a field of `%s`: %s(%s.x)", syntax->text,
                             syntax->first->text, syntax->text, syntax->first->text);
    if (is_days)
        return compiler_fail(checker->compiler, LX_ERR_BAD_INPUT, syntax->first->place,
                             "`%s` takes nothing or the name of past rows; what counts stands "
                             "after `where`",
                             syntax->text);
    struct draft *argument;
    enum lx_err code = check_argument_count(checker, syntax, 1, 1);
    if (code == LX_OK) code = check_tree(checker, syntax->first, &argument);
    if (code != LX_OK) return code;
    window->argument = &argument->node;
    struct found_type found;
    const char *what =
        lx_arena_printf(&checker->compiler->arena, "`%s`", expr_aggregates[window->aggregate].name);
    if (what == NULL) return compiler_no_memory(checker->compiler);
    return unify(checker, (struct operands){&window->argument, 1},
                 argument_types(window->aggregate),
                 window->aggregate == EXPR_MIN || window->aggregate == EXPR_MAX, what,
                 syntax->place, &found);
}

static bool is_same_window(const struct expr_window *a, const struct expr_window *b)
{
    return a->aggregate == b->aggregate && a->relation == b->relation && a->over == b->over &&
           a->before == b->before && a->is_over_months == b->is_over_months &&
           a->is_before_months == b->is_before_months &&
           expr_node_equal(a->argument, b->argument) && expr_node_equal(a->where, b->where);
}

/* The same window written twice is one, so that the host computes it once. */
static enum lx_err keep_window(struct checker *checker, const struct expr_window *window,
                               struct place place, struct draft **ret_draft)
{
    size_t index = 0;
    while (index < checker->window_count && !is_same_window(&checker->windows[index], window))
        index++;
    if (index == EXPR_WINDOWS_MAX)
        return compiler_fail(checker->compiler, LX_ERR_LIMIT, place, "more than %d windows",
                             (int)EXPR_WINDOWS_MAX);
    if (index == checker->window_count) checker->windows[checker->window_count++] = *window;
    enum lx_err code = draft_new(checker, EXPR_OP_WINDOW, window->type, place, 0, ret_draft);
    if (code != LX_OK) return code;
    (*ret_draft)->node.enumeration = window->enumeration;
    (*ret_draft)->node.index = (uint32_t)index;
    return LX_OK;
}

static enum lx_err check_window(struct checker *checker, const struct syntax *syntax,
                                enum expr_aggregate aggregate, struct draft **ret_draft)
{
    if (checker->relation != NULL)
        return compiler_fail(checker->compiler, LX_ERR_BAD_INPUT, syntax->place,
                             "`%s`: a window does not stand inside a window", syntax->text);
    struct expr_window window = {.aggregate = aggregate};
    bool is_relation, reads_row_before = checker->reads_row;
    enum lx_err code = choose_relation(checker, syntax, &is_relation);
    if (code != LX_OK) return code;
    checker->reads_row = false;
    window.relation = (uint16_t)checker->relation_index;
    code = check_window_argument(checker, syntax, is_relation, &window);
    if (code == LX_OK && syntax->where != NULL) {
        struct draft *where;
        code = check_boolean(checker, syntax->where, &where);
        if (code == LX_OK) window.where = &where->node;
    }
    if (code == LX_OK)
        code = check_span(checker, &syntax->over, &window.over, &window.is_over_months);
    if (code == LX_OK)
        code = check_span(checker, &syntax->before, &window.before, &window.is_before_months);
    window.is_constant = !checker->reads_row;
    checker->relation = NULL;
    checker->reads_row = reads_row_before;
    if (code != LX_OK) return code;
    set_result(&window);
    return keep_window(checker, &window, syntax->place, ret_draft);
}

/* --- Calls ---------------------------------------------------------------------------------- */

/* count(holdings) of a set of the outer row is no window. */
static enum lx_err check_set_count(struct checker *checker, const struct syntax *syntax,
                                   bool *ret_is_set, struct draft **ret_draft)
{
    const struct expr_schema *schema = checker->compiler->schema;
    const struct syntax *argument = syntax->first;
    *ret_is_set = false;
    if (syntax->child_count != 1 || argument->kind != SYNTAX_NAME) return LX_OK;
    const char *of_this = behind_prefix(argument->text, "this", NULL);
    const char *name = of_this != NULL ? of_this : argument->text;
    size_t field = find_field(schema->fields, schema->field_count, name, strlen(name));
    if (field == schema->field_count || schema->fields[field].type != EXPR_SET) return LX_OK;
    struct draft *set, *draft;
    enum lx_err code = draft_field(checker, field, argument->place, &set);
    if (code == LX_OK)
        code = draft_new(checker, EXPR_OP_COUNT_SET, EXPR_INTEGER, syntax->place, 1, &draft);
    if (code != LX_OK) return code;
    draft->node.children[0] = &set->node;
    *ret_draft = draft;
    *ret_is_set = true;
    return LX_OK;
}

static enum lx_err fail_unknown_function(struct checker *checker, const struct syntax *syntax)
{
    const struct expr_schema *schema = checker->compiler->schema;
    size_t most = 2 * (expr_builtin_count + EXPR_AGGREGATE_COUNT + schema->function_count);
    const char **names = lx_arena_array(&checker->compiler->arena, most, sizeof *names);
    if (names == NULL) return compiler_no_memory(checker->compiler);
    size_t count = 0;
    for (size_t i = 0; i < expr_builtin_count; i++) {
        names[count++] = expr_builtins[i].name;
        names[count++] = expr_builtins[i].zh;
    }
    for (size_t i = 0; i < EXPR_AGGREGATE_COUNT; i++) {
        names[count++] = expr_aggregates[i].name;
        names[count++] = expr_aggregates[i].zh;
    }
    for (size_t i = 0; i < schema->function_count; i++) {
        names[count++] = schema->functions[i].name;
        names[count++] = schema->functions[i].zh;
    }
    LX_ASSERT(count == most);
    return compiler_fail(checker->compiler, LX_ERR_BAD_INPUT, syntax->place,
                         "unknown function `%.120s`%s", syntax->text,
                         compiler_hint(checker->compiler, syntax->text, names, count, "`"));
}

enum lx_err check_call(struct checker *checker, const struct syntax *syntax,
                       struct draft **ret_draft)
{
    const struct expr_schema *schema = checker->compiler->schema;
    const char *text = syntax->text;
    bool has_tail =
        syntax->where != NULL || syntax->over.text != NULL || syntax->before.text != NULL;
    for (int i = 0; i < EXPR_AGGREGATE_COUNT; i++) {
        if (!is_named(expr_aggregates[i].name, expr_aggregates[i].zh, text, syntax->length))
            continue;
        bool is_set = false;
        enum lx_err code = LX_OK;
        if (i == EXPR_COUNT && !has_tail)
            code = check_set_count(checker, syntax, &is_set, ret_draft);
        if (code != LX_OK || is_set) return code;
        return check_window(checker, syntax, (enum expr_aggregate)i, ret_draft);
    }
    if (has_tail)
        return compiler_fail(checker->compiler, LX_ERR_BAD_INPUT, syntax->place,
                             "`where`, `over` and `before` belong to a window such as count(); "
                             "`%s` is none",
                             text);
    for (size_t i = 0; i < expr_builtin_count; i++)
        if (is_named(expr_builtins[i].name, expr_builtins[i].zh, text, syntax->length))
            return check_builtin(checker, syntax, &expr_builtins[i], ret_draft);
    for (size_t i = 0; i < schema->function_count; i++)
        if (is_called(schema->functions[i].name, schema->functions[i].zh, text, syntax->length))
            return check_host_call(checker, syntax, i, ret_draft);
    return fail_unknown_function(checker, syntax);
}
