#include <string.h>
#include <strings.h>

#include "base/limits.h"
#include "expr/lexer.h"

/* Whether a text would be read as this one name: a keyword, a space or a sign would not. */
static bool is_one_name(struct compiler *compiler, const char *name)
{
    struct lexer lexer;
    struct token token, end;
    struct lx_error *err = compiler->err;
    struct lx_error ignored;
    compiler->err = &ignored;
    enum lx_err code = lexer_init(&lexer, compiler, name, strlen(name));
    if (code == LX_OK) code = lexer_next(&lexer, &token);
    if (code == LX_OK) code = lexer_next(&lexer, &end);
    compiler->err = err;
    return code == LX_OK && token.kind == TOKEN_NAME && end.kind == TOKEN_END &&
           strcasecmp(token.text, name) == 0;
}

static enum lx_err check_name(struct compiler *compiler, const char *what, const char *name)
{
    if (name == NULL || is_one_name(compiler, name)) return LX_OK;
    return lx_fail(compiler->err, LX_ERR_BAD_INPUT,
                   "expr:%s `%s`: an expression cannot say this name; expected letters, digits and "
                   "`_`, and no word of the language",
                   what, name);
}

static enum lx_err check_type(struct compiler *compiler, const char *name, enum expr_type type,
                              const struct expr_enumeration *enumeration)
{
    bool has_values = type == EXPR_ENUM || type == EXPR_SET;
    if (type != EXPR_NULL && type != EXPR_INTERVAL && has_values == (enumeration != NULL))
        return LX_OK;
    return lx_fail(compiler->err, LX_ERR_BAD_INPUT, "expr:%s: type %s %s an enumeration", name,
                   expr_type_name(type), enumeration == NULL ? "without" : "with");
}

static bool is_in(const char *name, const struct expr_field *field)
{
    return name != NULL && (strcmp(name, field->name) == 0 ||
                            (field->zh != NULL && strcasecmp(name, field->zh) == 0));
}

static enum lx_err check_fields(struct compiler *compiler, const struct expr_field *fields,
                                size_t count)
{
    for (size_t i = 0; i < count; i++) {
        enum lx_err code = check_name(compiler, "field", fields[i].name);
        if (code == LX_OK) code = check_name(compiler, "field", fields[i].zh);
        if (code == LX_OK)
            code = check_type(compiler, fields[i].name, fields[i].type, fields[i].enumeration);
        if (code != LX_OK) return code;
        for (size_t j = 0; j < i; j++)
            if (is_in(fields[i].name, &fields[j]) || is_in(fields[i].zh, &fields[j]))
                return lx_fail(compiler->err, LX_ERR_BAD_INPUT,
                               "expr:field `%s`: its name or Chinese name is that of `%s` too",
                               fields[i].name, fields[j].name);
    }
    return LX_OK;
}

static enum lx_err check_function(struct compiler *compiler, const struct expr_function *function)
{
    enum lx_err code = check_name(compiler, "function", function->name);
    if (code == LX_OK) code = check_name(compiler, "function", function->zh);
    if (code == LX_OK)
        code = check_type(compiler, function->name, function->result, function->result_enumeration);
    if (code != LX_OK) return code;
    if (function->parameter_count > EXPR_ARGUMENTS_MAX ||
        (function->is_variadic && function->parameter_count == 0))
        return lx_fail(compiler->err, LX_ERR_BAD_INPUT, "expr:function `%s`: %u parameters",
                       function->name, function->parameter_count);
    for (uint8_t i = 0; i < function->parameter_count && code == LX_OK; i++)
        code = check_type(compiler, function->name, function->parameters[i].type,
                          function->parameters[i].enumeration);
    for (size_t i = 0; i < expr_builtin_count + EXPR_AGGREGATE_COUNT && code == LX_OK; i++) {
        const char *own = i < expr_builtin_count ? expr_builtins[i].name
                                                 : expr_aggregates[i - expr_builtin_count].name;
        if (strcmp(own, function->name) == 0)
            code = lx_fail(compiler->err, LX_ERR_BAD_INPUT,
                           "expr:function `%s`: the language has one of this name", own);
    }
    return code;
}

static enum lx_err check_schema(struct compiler *compiler)
{
    const struct expr_schema *schema = compiler->schema;
    enum lx_err code = check_fields(compiler, schema->fields, schema->field_count);
    for (size_t i = 0; i < schema->function_count && code == LX_OK; i++)
        code = check_function(compiler, &schema->functions[i]);
    for (size_t i = 0; i < schema->relation_count && code == LX_OK; i++) {
        const struct expr_relation *relation = &schema->relations[i];
        code = check_name(compiler, "past rows", relation->name);
        if (code == LX_OK) code = check_name(compiler, "past rows", relation->zh);
        if (code == LX_OK) code = check_fields(compiler, relation->fields, relation->field_count);
    }
    return code;
}

enum lx_err expr_schema_check(const struct expr_schema *schema, struct lx_error *err)
{
    LX_ASSERT(schema != NULL);

    struct compiler compiler = {.schema = schema, .err = err};
    lx_arena_init(&compiler.arena, LX_CONFIG_MAX);
    enum lx_err code = check_schema(&compiler);
    lx_arena_release(&compiler.arena);
    return code;
}
