#include "expr/check.h"

#include <stdlib.h>
#include <string.h>

#include "base/date.h"
#include "codec/utf8.h"

/* --- in ------------------------------------------------------------------------------------- */

static int by_integer(const void *left, const void *right)
{
    const struct expr_value *a = left, *b = right;
    return (a->as.integer > b->as.integer) - (a->as.integer < b->as.integer);
}

static int by_real(const void *left, const void *right)
{
    const struct expr_value *a = left, *b = right;
    return (a->as.real > b->as.real) - (a->as.real < b->as.real);
}

static int by_string(const void *left, const void *right)
{
    const struct expr_value *a = left, *b = right;
    size_t a_length = a->as.string.length, b_length = b->as.string.length;
    int order =
        memcmp(a->as.string.text, b->as.string.text, a_length < b_length ? a_length : b_length);
    return order != 0 ? order : (a_length > b_length) - (a_length < b_length);
}

/* The members as sorted values without repeats; the node keeps its first child alone. */
static enum lx_err gather_set(struct checker *checker, struct draft *draft)
{
    struct expr_node *node = &draft->node;
    struct expr_value *set =
        lx_arena_array(&checker->compiler->arena, node->child_count, sizeof *set);
    if (set == NULL) return compiler_no_memory(checker->compiler);
    uint32_t count = 0, kept = 0;
    for (uint32_t i = 1; i < node->child_count; i++) {
        if (node->children[i]->value.is_null)
            node->has_null_member = true;
        else
            set[count++] = node->children[i]->value;
    }
    enum expr_type type = node->children[0]->type;
    int (*order)(const void *, const void *) = type == EXPR_REAL     ? by_real
                                               : type == EXPR_STRING ? by_string
                                                                     : by_integer;
    qsort(set, count, sizeof *set, order);
    for (uint32_t i = 0; i < count; i++)
        if (kept == 0 || order(&set[kept - 1], &set[i]) != 0) set[kept++] = set[i];
    node->set = set;
    node->set_count = kept;
    node->child_count = 1;
    return LX_OK;
}

static enum lx_err finish_in_set(struct checker *checker, const struct syntax *syntax,
                                 struct draft *draft)
{
    const struct expr_node *set = draft->node.children[1];
    draft->node.op = EXPR_OP_IN_SET;
    if (set->type != EXPR_SET)
        return compiler_fail(checker->compiler, LX_ERR_BAD_INPUT, place_of(set),
                             "`in` needs a list in parentheses or a set, found %s",
                             type_text(checker, type_of(set)));
    return convert(checker, &draft->node.children[0],
                   (struct found_type){EXPR_ENUM, set->enumeration}, "`in`");
}

enum lx_err check_in_set(struct checker *checker, const struct syntax *syntax,
                         struct draft **ret_draft)
{
    enum lx_err code = check_children(checker, syntax, EXPR_OP_IN_SET, EXPR_BOOLEAN, ret_draft);
    return code == LX_OK ? finish_in_set(checker, syntax, *ret_draft) : code;
}

enum lx_err check_in(struct checker *checker, const struct syntax *syntax, struct draft **ret_draft)
{
    enum lx_err code = check_children(checker, syntax, EXPR_OP_IN, EXPR_BOOLEAN, ret_draft);
    if (code != LX_OK) return code;
    struct draft *draft = *ret_draft;
    if (draft->node.child_count == 2 && draft->node.children[1]->type == EXPR_SET)
        return finish_in_set(checker, syntax, draft);
    for (uint32_t i = 1; i < draft->node.child_count; i++)
        if (draft->node.children[i]->op != EXPR_OP_LITERAL)
            return compiler_fail(checker->compiler, LX_ERR_BAD_INPUT,
                                 place_of(draft->node.children[i]),
                                 "a member of an `in` list is written out: for anything else use "
                                 "`=` and `or`");
    struct found_type found;
    code = unify(checker, children_of(draft), TYPES_EQUAL, false, "`in`", syntax->place, &found);
    return code == LX_OK ? gather_set(checker, draft) : code;
}

/* --- like ----------------------------------------------------------------------------------- */

static enum lx_err escape_of(struct checker *checker, const struct syntax *escape,
                             const char **ret_text, size_t *ret_length)
{
    *ret_text = "";
    *ret_length = 0;
    if (escape == NULL) return LX_OK;
    if (escape->length == 0 || utf8_character(escape->text, escape->length) != escape->length)
        return compiler_fail(checker->compiler, LX_ERR_BAD_INPUT, escape->place,
                             "`escape` takes one character, found '%.40s'", escape->text);
    *ret_text = escape->text;
    *ret_length = escape->length;
    return LX_OK;
}

/* The pattern in one form: a backslash before what means itself, if there is any such. */
static enum lx_err normal_pattern(struct checker *checker, const struct syntax *pattern,
                                  const struct syntax *escape, struct expr_node *node)
{
    const char *mark;
    size_t mark_length, length = 0;
    enum lx_err code = escape_of(checker, escape, &mark, &mark_length);
    if (code != LX_OK) return code;
    char *text = lx_arena_alloc(&checker->compiler->arena, 2 * pattern->length + 1);
    if (text == NULL) return compiler_no_memory(checker->compiler);
    for (int pass = 0; pass < 2; pass++) {
        length = 0;
        for (size_t i = 0; i < pattern->length;) {
            bool is_marked = mark_length > 0 && pattern->length - i >= mark_length &&
                             memcmp(pattern->text + i, mark, mark_length) == 0;
            if (is_marked) i += mark_length;
            if (i == pattern->length)
                return compiler_fail(checker->compiler, LX_ERR_BAD_INPUT, pattern->place,
                                     "the pattern ends in its escape character");
            char first = pattern->text[i];
            bool is_special = first == '%' || first == '_';
            if (is_marked && is_special) node->index = '\\';
            if (node->index != 0 && ((is_marked && is_special) || first == '\\'))
                text[length++] = '\\';
            size_t size = utf8_character(pattern->text + i, pattern->length - i);
            memcpy(text + length, pattern->text + i, size);
            length += size;
            i += size;
        }
    }
    node->value.as.string.text = text;
    node->value.as.string.length = length;
    return LX_OK;
}

enum lx_err check_like(struct checker *checker, const struct syntax *syntax,
                       struct draft **ret_draft)
{
    struct draft *draft, *value;
    const struct syntax *pattern = syntax->first->next;
    enum lx_err code = draft_new(checker, EXPR_OP_LIKE, EXPR_BOOLEAN, syntax->place, 1, &draft);
    if (code == LX_OK) code = check_tree(checker, syntax->first, &value);
    if (code != LX_OK) return code;
    draft->node.children[0] = &value->node;
    code = convert(checker, &draft->node.children[0], (struct found_type){EXPR_STRING, NULL},
                   "`like`");
    if (code == LX_OK) code = normal_pattern(checker, pattern, pattern->next, &draft->node);
    if (code == LX_OK) *ret_draft = draft;
    return code;
}

/* --- case ----------------------------------------------------------------------------------- */

/* The condition of one branch; with a subject, that it equals what stands after `when`. */
static enum lx_err check_branch(struct checker *checker, const struct syntax *subject,
                                const struct syntax *when, struct draft **ret_draft)
{
    if (subject == NULL) return check_boolean(checker, when, ret_draft);
    struct draft *draft, *left, *right;
    enum lx_err code = draft_new(checker, EXPR_OP_EQ, EXPR_BOOLEAN, when->place, 2, &draft);
    if (code == LX_OK) code = check_tree(checker, subject, &left);
    if (code == LX_OK) code = check_tree(checker, when, &right);
    if (code != LX_OK) return code;
    draft->node.children[0] = &left->node;
    draft->node.children[1] = &right->node;
    struct found_type found;
    code = unify(checker, children_of(draft), TYPES_EQUAL, false, "`case`", when->place, &found);
    if (code == LX_OK) *ret_draft = draft;
    return code;
}

/* The values after `then` and `else` get one type, which is the node's. */
static enum lx_err unify_branches(struct checker *checker, const struct syntax *syntax,
                                  struct draft *draft)
{
    struct expr_node *node = &draft->node;
    uint32_t count = node->child_count / 2 + 1;
    const struct expr_node **values =
        lx_arena_array(&checker->compiler->arena, count, sizeof *values);
    if (values == NULL) return compiler_no_memory(checker->compiler);
    for (uint32_t i = 0; i < count; i++)
        values[i] = node->children[i + 1 < count ? 2 * i + 1 : node->child_count - 1];
    struct found_type found;
    enum lx_err code = unify(checker, (struct operands){values, count}, TYPES_EQUAL, false,
                             "`case`", syntax->place, &found);
    if (code != LX_OK) return code;
    for (uint32_t i = 0; i < count; i++)
        node->children[i + 1 < count ? 2 * i + 1 : node->child_count - 1] = values[i];
    node->type = found.type;
    node->enumeration = found.enumeration;
    return LX_OK;
}

enum lx_err check_case(struct checker *checker, const struct syntax *syntax,
                       struct draft **ret_draft)
{
    const struct syntax *subject = syntax->has_subject ? syntax->first : NULL;
    const struct syntax *part = syntax->has_subject ? syntax->first->next : syntax->first;
    uint32_t branches = (syntax->child_count - syntax->has_subject) / 2;
    struct draft *draft, *child;
    enum lx_err code =
        draft_new(checker, EXPR_OP_CASE, EXPR_NULL, syntax->place, 2 * branches + 1, &draft);
    for (uint32_t i = 0; i < 2 * branches && code == LX_OK; i++, part = part->next) {
        code = i % 2 == 0 ? check_branch(checker, subject, part, &child)
                          : check_tree(checker, part, &child);
        if (code == LX_OK) draft->node.children[i] = &child->node;
    }
    if (code != LX_OK) return code;
    const struct syntax nothing = {.kind = SYNTAX_NULL, .place = syntax->place};
    struct syntax *absent = lx_arena_alloc(&checker->compiler->arena, sizeof *absent);
    if (absent == NULL) return compiler_no_memory(checker->compiler);
    *absent = nothing;
    code = check_tree(checker, part != NULL ? part : absent, &child);
    if (code != LX_OK) return code;
    draft->node.children[2 * branches] = &child->node;
    code = unify_branches(checker, syntax, draft);
    if (code == LX_OK) *ret_draft = draft;
    return code;
}

/* --- Intervals ------------------------------------------------------------------------------ */

static enum lx_err in_months(struct checker *checker, const struct expr_node **number)
{
    struct draft *twelve, *product;
    struct place place = place_of(*number);
    if ((*number)->op == EXPR_OP_LITERAL) {
        ((struct draft *)(uintptr_t)*number)->node.value.as.integer *= 12;
        return LX_OK;
    }
    enum lx_err code = draft_integer(checker, EXPR_INTEGER, 12, place, &twelve);
    if (code == LX_OK)
        code = draft_new(checker, EXPR_OP_MULTIPLY, EXPR_INTEGER, place, 2, &product);
    if (code != LX_OK) return code;
    product->node.children[0] = *number;
    product->node.children[1] = &twelve->node;
    *number = &product->node;
    return LX_OK;
}

/* `index` is 1 for months and 0 for days until the interval is used up by its date. */
enum lx_err check_interval(struct checker *checker, const struct syntax *syntax,
                           struct draft **ret_draft)
{
    static const int64_t most = (int64_t)LX_DAY_MAX - LX_DAY_MIN;
    enum lx_err code = check_children(checker, syntax, EXPR_OP_LITERAL, EXPR_INTERVAL, ret_draft);
    if (code != LX_OK) return code;
    const struct expr_node **number = &(*ret_draft)->node.children[0];
    code = convert(checker, number, (struct found_type){EXPR_INTEGER, NULL}, "an interval");
    if (code != LX_OK) return code;
    if ((*number)->op == EXPR_OP_LITERAL &&
        ((*number)->value.as.integer > most || (*number)->value.as.integer < -most))
        return compiler_fail(checker->compiler, LX_ERR_LIMIT, place_of(*number),
                             "an interval of more than %lld days or months", (long long)most);
    (*ret_draft)->node.index = syntax->is_months;
    return syntax->is_years ? in_months(checker, number) : LX_OK;
}
