#include "expr/compiler.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/suggest.h"
#include "expr/check.h"

/* What compiling the largest text needs, several times over. */
static const size_t ARENA_MAX = (size_t)64 << 20;

enum { HINT_LIST_MAX = 8 };

/* --- Errors --------------------------------------------------------------------------------- */

enum lx_err compiler_fail(struct compiler *compiler, enum lx_err code, struct place place,
                          const char *format, ...)
{
    struct expr_fault fault = {.line = place.line, .column = place.column};
    struct lx_error message;
    char text[sizeof fault.message];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    lx_fail(&message, code, "%s", text);
    size_t length = strlen(message.text);
    /* What was cut may have been cut inside a character. */
    while (length > 0 && length + 1 == sizeof text &&
           ((unsigned char)message.text[length - 1] & 0x80) != 0)
        length--;
    memcpy(fault.message, message.text, length);
    fault.message[length] = '\0';
    if (compiler->fault != NULL) *compiler->fault = fault;
    return lx_fail(compiler->err, code, "%d:%d: %s", place.line, place.column, fault.message);
}

enum lx_err compiler_no_memory(struct compiler *compiler)
{
    if (compiler->fault != NULL) *compiler->fault = (struct expr_fault){1, 1, "out of memory"};
    return lx_fail(compiler->err, LX_ERR_NO_MEMORY, "out of memory for an expression");
}

const char *compiler_hint(struct compiler *compiler, const char *word, const char *const *names,
                          size_t count, const char *quote)
{
    struct lx_arena *arena = &compiler->arena;
    const char *near = lx_suggest(word, names, count);
    const char *hint = "";
    size_t listed = 0;
    if (near != NULL) {
        hint = lx_arena_printf(arena, ": did you mean %s%s%s?", quote, near, quote);
        return hint == NULL ? "" : hint;
    }
    for (size_t i = 0; i < count; i++) listed += names[i] != NULL;
    if (listed > HINT_LIST_MAX) return "";
    for (size_t i = 0; i < count && hint != NULL; i++)
        if (names[i] != NULL)
            hint = lx_arena_printf(arena, "%s%s%s%s%s", hint, hint[0] == '\0' ? ": one of " : ", ",
                                   quote, names[i], quote);
    return hint == NULL ? "" : hint;
}

/* --- One block ------------------------------------------------------------------------------ */

/* Where the parts of the result go; both halves of the block are filled from the front. */
struct packer {
    struct compiler *compiler;
    struct expr *expr;
    char *aligned, *text;
};

struct sizes {
    size_t node_count, aligned, text;
};

static size_t text_size(const struct expr_node *node)
{
    bool is_text =
        node->op == EXPR_OP_LIKE || (node->op == EXPR_OP_LITERAL && node->type == EXPR_STRING);
    size_t size = is_text ? node->value.as.string.length : 0;
    const struct expr_node *child = node->op == EXPR_OP_IN ? node->children[0] : NULL;
    if (child != NULL && child->type == EXPR_STRING)
        for (uint32_t i = 0; i < node->set_count; i++) size += node->set[i].as.string.length;
    return size;
}

static enum lx_err measure(struct compiler *compiler, const struct expr_node *node, int depth,
                           struct sizes *sizes)
{
    if (node == NULL) return LX_OK;
    if (depth > EXPR_DEPTH_MAX)
        return compiler_fail(compiler, LX_ERR_LIMIT, place_of(node),
                             "nested deeper than %d levels: take a part out", (int)EXPR_DEPTH_MAX);
    sizes->node_count++;
    sizes->aligned += node->child_count * sizeof *node->children;
    sizes->aligned += node->set_count * sizeof *node->set;
    sizes->text += text_size(node);
    for (uint32_t i = 0; i < node->child_count; i++) {
        enum lx_err code = measure(compiler, node->children[i], depth + 1, sizes);
        if (code != LX_OK) return code;
    }
    return LX_OK;
}

static void *take(struct packer *packer, size_t size)
{
    void *memory = packer->aligned;
    packer->aligned += size;
    return memory;
}

static void pack_string(struct packer *packer, struct expr_value *value)
{
    if (value->is_null) {
        value->as.string.length = 0;
        value->as.string.text = packer->text;
        return;
    }
    memcpy(packer->text, value->as.string.text, value->as.string.length);
    value->as.string.text = packer->text;
    packer->text += value->as.string.length;
}

/* Children first, so that a node stands behind what it reads. */
static const struct expr_node *pack(struct packer *packer, const struct expr_node *node)
{
    if (node == NULL) return NULL;
    const struct expr_node **children = take(packer, node->child_count * sizeof *children);
    for (uint32_t i = 0; i < node->child_count; i++) children[i] = pack(packer, node->children[i]);
    struct expr_node *copy = &packer->expr->nodes[packer->expr->node_count++];
    *copy = *node;
    copy->children = children;
    if (node->set_count > 0) {
        copy->set = take(packer, node->set_count * sizeof *copy->set);
        memcpy(copy->set, node->set, node->set_count * sizeof *copy->set);
    }
    if (node->op == EXPR_OP_LIKE || (node->op == EXPR_OP_LITERAL && node->type == EXPR_STRING))
        pack_string(packer, &copy->value);
    if (node->op == EXPR_OP_IN && node->children[0]->type == EXPR_STRING)
        for (uint32_t i = 0; i < node->set_count; i++) pack_string(packer, &copy->set[i]);
    return copy;
}

static void pack_fields(struct packer *packer, const struct checker *checker, size_t count)
{
    struct expr *expr = packer->expr;
    expr->fields = take(packer, count * sizeof *expr->fields);
    for (size_t i = 0; i < expr->schema->field_count; i++)
        if (checker->is_read[i]) expr->fields[expr->field_count++] = i;
    LX_ASSERT(expr->field_count == count);
}

static enum lx_err pack_all(struct compiler *compiler, const struct checker *checker,
                            const struct expr_node *root, struct expr **ret_expr)
{
    struct sizes sizes = {0};
    enum lx_err code = measure(compiler, root, 1, &sizes);
    for (size_t i = 0; i < checker->window_count && code == LX_OK; i++) {
        code = measure(compiler, checker->windows[i].argument, 1, &sizes);
        if (code == LX_OK) code = measure(compiler, checker->windows[i].where, 1, &sizes);
    }
    if (code != LX_OK) return code;
    size_t field_count = 0;
    for (size_t i = 0; i < compiler->schema->field_count; i++) field_count += checker->is_read[i];

    size_t aligned = sizeof(struct expr) + sizes.node_count * sizeof(struct expr_node) +
                     sizes.aligned + field_count * sizeof(size_t) +
                     checker->window_count * sizeof(struct expr_window);
    char *memory = lx_malloc(aligned + sizes.text + 1);
    if (memory == NULL) return compiler_no_memory(compiler);
    struct packer packer = {compiler, (struct expr *)memory, memory, memory + aligned};
    struct expr *expr = take(&packer, sizeof *expr);
    *expr = (struct expr){.schema = compiler->schema, .memory = memory};
    expr->nodes = take(&packer, sizes.node_count * sizeof *expr->nodes);
    expr->windows = take(&packer, checker->window_count * sizeof *expr->windows);
    pack_fields(&packer, checker, field_count);
    for (; expr->window_count < checker->window_count; expr->window_count++) {
        struct expr_window *window = &expr->windows[expr->window_count];
        *window = checker->windows[expr->window_count];
        window->argument = pack(&packer, window->argument);
        window->where = pack(&packer, window->where);
    }
    expr->window_node_count = expr->node_count;
    expr->root = pack(&packer, root);
    LX_ASSERT(expr->node_count == sizes.node_count);
    LX_ASSERT(packer.aligned == memory + aligned && packer.text <= memory + aligned + sizes.text);
    *ret_expr = expr;
    return LX_OK;
}

/*
 * Numbers the windows in the order in which the finished tree reads them, so that one tree has one
 * order whatever it was written as. `number` is 0 for a window that was not met yet, else one more
 * than its new number.
 */
static void order_windows(const struct expr_node *node, size_t number[EXPR_WINDOWS_MAX],
                          size_t *count)
{
    for (uint32_t i = 0; i < node->child_count; i++)
        order_windows(node->children[i], number, count);
    if (node->op != EXPR_OP_WINDOW) return;
    if (number[node->index] == 0) number[node->index] = ++*count;
    ((struct draft *)(uintptr_t)node)->node.index = (uint32_t)number[node->index] - 1;
}

static enum lx_err sort_windows(struct checker *checker, const struct expr_node *root)
{
    size_t number[EXPR_WINDOWS_MAX] = {0}, count = 0;
    struct expr_window *sorted =
        lx_arena_array(&checker->compiler->arena, EXPR_WINDOWS_MAX, sizeof *sorted);
    if (sorted == NULL) return compiler_no_memory(checker->compiler);
    order_windows(root, number, &count);
    LX_ASSERT(count == checker->window_count);
    for (size_t i = 0; i < count; i++) sorted[number[i] - 1] = checker->windows[i];
    checker->windows = sorted;
    return LX_OK;
}

/* --- Compiling ------------------------------------------------------------------------------ */

/* An integer that must be money is yuan: it is multiplied by one yuan. */
static enum lx_err integer_as_yuan(struct checker *checker, struct draft **root)
{
    struct draft *yuan, *product;
    struct place place = place_of(&(*root)->node);
    enum lx_err code = draft_integer(checker, EXPR_MONEY, 100, place, &yuan);
    if (code == LX_OK)
        code = draft_new(checker, EXPR_OP_MONEY_TIMES_INTEGER, EXPR_MONEY, place, 2, &product);
    if (code != LX_OK) return code;
    product->node.children[0] = &yuan->node;
    product->node.children[1] = &(*root)->node;
    *root = product;
    return LX_OK;
}

/* What the whole text must be; EXPR_NULL: anything that is a value. */
static enum lx_err finish_root(struct checker *checker, enum expr_type type, struct draft **root)
{
    const struct expr_node *node = &(*root)->node;
    if (node->type == EXPR_INTERVAL)
        return compiler_fail(checker->compiler, LX_ERR_BAD_INPUT, place_of(node),
                             "an interval stands only beside a date: today() - 90 days");
    if (type == EXPR_NULL || (node->type == type && (*root)->literal == NULL)) return LX_OK;
    bool is_yuan = type == EXPR_MONEY && node->type == EXPR_INTEGER;
    if (is_yuan && (*root)->literal == NULL) return integer_as_yuan(checker, root);
    struct found_type target = {type, node->enumeration};
    enum lx_err code = convert(checker, &node, target, "the whole text");
    *root = (struct draft *)(uintptr_t)node;
    return code;
}

static enum lx_err compile(struct compiler *compiler, enum expr_type type, const char *text,
                           size_t length, struct expr **ret_expr)
{
    struct syntax *syntax;
    struct draft *root;
    struct checker checker = {.compiler = compiler};
    enum lx_err code = parser_parse(compiler, text, length, &syntax);
    if (code != LX_OK) return code;
    checker.windows = lx_arena_array(&compiler->arena, EXPR_WINDOWS_MAX, sizeof *checker.windows);
    checker.is_read =
        lx_arena_array(&compiler->arena, compiler->schema->field_count, sizeof *checker.is_read);
    if (checker.windows == NULL || checker.is_read == NULL) return compiler_no_memory(compiler);
    code = check_tree(&checker, syntax, &root);
    if (code == LX_OK) code = finish_root(&checker, type, &root);
    if (code == LX_OK) code = sort_windows(&checker, &root->node);
    return code == LX_OK ? pack_all(compiler, &checker, &root->node, ret_expr) : code;
}

static enum lx_err compile_text(const struct expr_schema *schema, enum expr_type type,
                                const char *text, size_t length, struct expr **ret_expr,
                                struct expr_fault *ret_fault, struct lx_error *err)
{
    LX_ASSERT(schema != NULL && ret_expr != NULL);
    LX_ASSERT(text != NULL || length == 0);

    struct compiler compiler = {.schema = schema, .fault = ret_fault, .err = err};
    lx_arena_init(&compiler.arena, ARENA_MAX);
    enum lx_err code = compile(&compiler, type, text, length, ret_expr);
    lx_arena_release(&compiler.arena);
    return code;
}

enum lx_err expr_compile(const struct expr_schema *schema, const char *text, size_t length,
                         struct expr **ret_expr, struct expr_fault *ret_fault, struct lx_error *err)
{
    return compile_text(schema, EXPR_NULL, text, length, ret_expr, ret_fault, err);
}

enum lx_err expr_compile_as(const struct expr_schema *schema, enum expr_type type, const char *text,
                            size_t length, struct expr **ret_expr, struct expr_fault *ret_fault,
                            struct lx_error *err)
{
    LX_ASSERT(type != EXPR_NULL && type != EXPR_INTERVAL);

    return compile_text(schema, type, text, length, ret_expr, ret_fault, err);
}

void expr_free(struct expr *expr)
{
    lx_free(expr);
}

/* --- Reading -------------------------------------------------------------------------------- */

enum expr_type expr_result(const struct expr *expr)
{
    return expr->root->type;
}

const struct expr_enumeration *expr_result_enumeration(const struct expr *expr)
{
    return expr->root->enumeration;
}

size_t expr_field_count(const struct expr *expr)
{
    return expr->field_count;
}

size_t expr_field_at(const struct expr *expr, size_t index)
{
    LX_ASSERT(index < expr->field_count);
    return expr->fields[index];
}

size_t expr_window_count(const struct expr *expr)
{
    return expr->window_count;
}

const struct expr_window *expr_window_at(const struct expr *expr, size_t index)
{
    LX_ASSERT(index < expr->window_count);
    return &expr->windows[index];
}

const char *expr_type_name(enum expr_type type)
{
    static const char *const names[EXPR_TYPE_COUNT] = {
        [EXPR_NULL] = "null",        [EXPR_BOOLEAN] = "boolean",  [EXPR_INTEGER] = "integer",
        [EXPR_MONEY] = "money",      [EXPR_REAL] = "real",        [EXPR_DATE] = "date",
        [EXPR_STRING] = "string",    [EXPR_ENUM] = "enumeration", [EXPR_SET] = "set",
        [EXPR_INTERVAL] = "interval"};
    LX_ASSERT((unsigned)type < EXPR_TYPE_COUNT);
    return names[type];
}
