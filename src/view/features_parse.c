#include <math.h>
#include <stdio.h>
#include <string.h>

#include "codec/field.h"
#include "view/definitions.h"
#include "view/feature_set.h"
#include "view/sentence.h"

static const struct {
    const char *name;
    unsigned types; /* bits of those that the expression may have */
} types[] = {
#define TYPE(type) (1U << EXPR_##type)
    [VIEW_UNIT_COUNT] = {"count", TYPE(INTEGER) | TYPE(REAL)},
    [VIEW_UNIT_FEN] = {"money", TYPE(MONEY) | TYPE(REAL)},
    [VIEW_UNIT_DAYS] = {"days", TYPE(INTEGER)},
    [VIEW_UNIT_YEARS] = {"years", TYPE(INTEGER) | TYPE(REAL)},
    [VIEW_UNIT_SHARE] = {"share", TYPE(REAL)},
    [VIEW_UNIT_FLAG] = {"flag", TYPE(BOOLEAN)},
    [VIEW_UNIT_LEVEL] = {"level", TYPE(INTEGER)},
    [VIEW_UNIT_SECONDS] = {"seconds", TYPE(INTEGER)},
    [VIEW_UNIT_RATIO] = {"ratio", TYPE(INTEGER) | TYPE(REAL)},
    [VIEW_UNIT_CODE] = {"code", TYPE(ENUM)},
#undef TYPE
};

static const char *const keys[] = {"scope",    "expression", "type",      "group",  "zh",
                                   "en",       "default",    "in_credit", "say_zh", "say_en",
                                   "say_from", "say_to",     "topic"};

struct parse {
    struct view_features *features;
    struct definitions definitions;
    struct lx_error *err;
};

static enum lx_err fail_at(const struct parse *parse, const struct ini_entry *entry,
                           const char *message)
{
    return definitions_fail(&parse->definitions, entry, 0, message);
}

static enum lx_err out_of_memory(const struct parse *parse)
{
    return definitions_no_memory(&parse->definitions);
}

/* --- One feature ----------------------------------------------------------------------------- */

struct entries {
    const struct ini_entry *scope, *expression, *type, *group, *zh, *en, *otherwise, *in_credit;
    const struct ini_entry *say_zh, *say_en, *say_from, *say_to, *topic;
};

static const char *copy(struct parse *parse, const char *text)
{
    return lx_arena_strndup(&parse->features->arena, text, strlen(text));
}

static enum lx_err read_title(struct parse *parse, const struct entries *entries,
                              struct view_feature *title)
{
    static const char *const groups[] = {
#define X(name, text, zh, en) text,
        VIEW_GROUP_MAP(X)
#undef X
    };
    const char *names[LX_COUNT_OF(types)];
    size_t unit = 0, group = 0;
    for (size_t i = 0; i < LX_COUNT_OF(types); i++) names[i] = types[i].name;
    while (unit < LX_COUNT_OF(types) && strcmp(entries->type->value, names[unit]) != 0) unit++;
    if (unit == LX_COUNT_OF(types))
        return definitions_fail_word(&parse->definitions, entries->type, 0, "unknown type",
                                     entries->type->value, names, LX_COUNT_OF(names));
    while (group < VIEW_GROUP_COUNT && strcmp(entries->group->value, groups[group]) != 0) group++;
    if (group == VIEW_GROUP_COUNT)
        return definitions_fail_word(&parse->definitions, entries->group, 0, "unknown group",
                                     entries->group->value, groups, LX_COUNT_OF(groups));
    if (entries->in_credit != NULL && strcmp(entries->in_credit->value, "yes") != 0 &&
        strcmp(entries->in_credit->value, "no") != 0)
        return fail_at(parse, entries->in_credit, "in_credit is neither yes nor no");
    title->unit = (enum view_unit)unit;
    title->group = (enum view_group)group;
    title->is_in_credit =
        entries->in_credit != NULL && strcmp(entries->in_credit->value, "yes") == 0;
    title->name = copy(parse, entries->expression->section);
    title->zh = copy(parse, entries->zh->value);
    title->en = copy(parse, entries->en->value);
    title->otherwise = entries->otherwise == NULL ? NULL : copy(parse, entries->otherwise->value);
    bool is_whole = title->name != NULL && title->zh != NULL && title->en != NULL &&
                    (entries->otherwise == NULL || title->otherwise != NULL);
    return is_whole ? LX_OK : out_of_memory(parse);
}

/* coalesce(EXPRESSION, DEFAULT) */
static enum lx_err compile_default(struct parse *parse, const struct entries *entries,
                                   const struct expr_schema *scope, struct feature *feature)
{
    struct lx_buffer text;
    struct expr_fault fault;
    struct expr *expr = NULL;
    const char *otherwise = entries->otherwise->value;
    lx_buffer_init(&text, EXPR_TEXT_MAX + 64);
    lx_buffer_append(&text, "coalesce(", 9);
    lx_buffer_append(&text, parse->definitions.text.bytes, parse->definitions.text.length);
    lx_buffer_append(&text, ", ", 2);
    lx_buffer_append(&text, otherwise, strlen(otherwise));
    lx_buffer_append(&text, ")", 1);
    enum lx_err code = lx_buffer_error(&text);
    if (code != LX_OK)
        code = lx_fail(parse->err, code, "%s: [%s]: %s", parse->definitions.file,
                       entries->expression->section, lx_err_text(code));
    else
        code = expr_compile(scope, text.bytes, text.length, &expr, &fault, parse->err);
    if (code == LX_ERR_BAD_INPUT) code = fail_at(parse, entries->otherwise, fault.message);
    lx_buffer_release(&text);
    if (code != LX_OK) return code;
    expr_free(feature->expr);
    feature->expr = expr;
    return LX_OK;
}

static enum lx_err check_type(struct parse *parse, const struct entries *entries,
                              const struct feature *feature)
{
    char message[256];
    enum expr_type type = expr_result(feature->expr);
    if ((types[feature->title.unit].types >> type & 1) != 0) return LX_OK;
    snprintf(message, sizeof message, "type = %s does not fit an expression that is %s",
             types[feature->title.unit].name, expr_type_name(type));
    return fail_at(parse, entries->type, message);
}

/* In its canonical form, which is what a person is shown and what the hash is over. */
static enum lx_err tell_definition(struct parse *parse, struct feature *feature)
{
    size_t length = expr_format(feature->expr, NULL, 0);
    char *text = lx_arena_alloc(&parse->features->arena, length + 1);
    if (text == NULL) return out_of_memory(parse);
    expr_format(feature->expr, text, length + 1);
    feature->title.definition = text;
    return LX_OK;
}

static enum lx_err compile(struct parse *parse, const struct entries *entries,
                           enum view_scope scope, struct feature *feature)
{
    const struct expr_schema *schema = view_schema_scope(parse->features->schema, scope);
    enum lx_err code =
        definitions_compile(&parse->definitions, entries->expression, schema, &feature->expr);
    if (code == LX_OK) code = check_type(parse, entries, feature);
    if (code == LX_OK) code = tell_definition(parse, feature);
    if (code == LX_OK && entries->otherwise != NULL)
        code = compile_default(parse, entries, schema, feature);
    if (code != LX_OK) return code;
    enum expr_type type = expr_result(feature->expr);
    feature->is_yuan = feature->title.unit == VIEW_UNIT_FEN && type == EXPR_REAL;
    feature->type = feature->is_yuan ? EXPR_MONEY : type;
    return LX_OK;
}

static enum lx_err find_entries(struct parse *parse, const char *section,
                                struct entries *ret_entries)
{
    const struct ini *ini = &parse->definitions.ini;
    *ret_entries = (struct entries){
        ini_find(ini, section, "scope"),    ini_find(ini, section, "expression"),
        ini_find(ini, section, "type"),     ini_find(ini, section, "group"),
        ini_find(ini, section, "zh"),       ini_find(ini, section, "en"),
        ini_find(ini, section, "default"),  ini_find(ini, section, "in_credit"),
        ini_find(ini, section, "say_zh"),   ini_find(ini, section, "say_en"),
        ini_find(ini, section, "say_from"), ini_find(ini, section, "say_to"),
        ini_find(ini, section, "topic"),
    };
    const char *missing = ret_entries->expression == NULL ? "expression"
                          : ret_entries->type == NULL     ? "type"
                          : ret_entries->group == NULL    ? "group"
                          : ret_entries->zh == NULL       ? "zh"
                          : ret_entries->en == NULL       ? "en"
                                                          : NULL;
    if (missing != NULL)
        return lx_fail(parse->err, LX_ERR_BAD_INPUT, "%s: [%s] %s is missing",
                       parse->definitions.file, section, missing);
    if (!definitions_is_name(section))
        return fail_at(parse, ret_entries->expression,
                       "a feature's name has small letters, digits and `_`, at most 48");
    return LX_OK;
}

static enum lx_err check_keys(const struct parse *parse)
{
    const struct ini *ini = &parse->definitions.ini;
    enum lx_err code = definitions_check_keys(&parse->definitions, keys, LX_COUNT_OF(keys));
    for (size_t i = 0; i < ini->count && code == LX_OK; i++) {
        const struct ini_entry *entry = &ini->entries[i];
        if (definitions_is_own(entry) && ini_find(ini, entry->section, "expression") == NULL)
            code = lx_fail(parse->err, LX_ERR_BAD_INPUT, "%s:%d:1: [%s] expression is missing",
                           parse->definitions.file, entry->line, entry->section);
    }
    return code;
}

static enum lx_err read_sentence(struct parse *parse, const struct ini_entry *entry,
                                 const char **ret_text)
{
    size_t offset = 0;
    const char *fault = view_sentence_fault(entry->value, &offset);
    if (fault != NULL) return definitions_fail(&parse->definitions, entry, offset, fault);
    *ret_text = copy(parse, entry->value);
    return *ret_text == NULL ? out_of_memory(parse) : LX_OK;
}

static enum lx_err read_bound(struct parse *parse, const struct ini_entry *entry, double *ret_bound)
{
    struct lx_error unused;
    if (entry == NULL) return LX_OK;
    if (field_real(entry->value, strlen(entry->value), ret_bound, &unused) == LX_OK) return LX_OK;
    return fail_at(parse, entry, "a number is wanted, as the feature's values are kept");
}

/* All of a reason or nothing of it. */
static enum lx_err read_sentences(struct parse *parse, const struct entries *entries,
                                  struct view_feature *title)
{
    const struct ini_entry *others[] = {entries->say_en, entries->say_from, entries->say_to,
                                        entries->topic};
    title->say_from = -INFINITY;
    title->say_to = INFINITY;
    for (size_t i = 0; entries->say_zh == NULL && i < LX_COUNT_OF(others); i++)
        if (others[i] != NULL) return fail_at(parse, others[i], "say_zh is missing beside it");
    if (entries->say_zh == NULL) return LX_OK;
    if (entries->say_en == NULL)
        return fail_at(parse, entries->say_zh, "say_en is missing beside it");
    enum lx_err code = read_sentence(parse, entries->say_zh, &title->say_zh);
    if (code == LX_OK) code = read_sentence(parse, entries->say_en, &title->say_en);
    if (code == LX_OK) code = read_bound(parse, entries->say_from, &title->say_from);
    if (code == LX_OK) code = read_bound(parse, entries->say_to, &title->say_to);
    if (code != LX_OK) return code;
    title->topic = entries->topic == NULL ? title->name : copy(parse, entries->topic->value);
    return title->topic == NULL ? out_of_memory(parse) : LX_OK;
}

static enum lx_err scope_of(struct parse *parse, const struct entries *entries,
                            enum view_scope *ret_scope)
{
    static const char *const scopes[] = {"customer", "pair"};
    const char *word = entries->scope == NULL ? scopes[0] : entries->scope->value;
    for (int i = 0; i < 2; i++)
        if (strcmp(word, scopes[i]) == 0) {
            *ret_scope = (enum view_scope)i;
            return LX_OK;
        }
    return definitions_fail_word(&parse->definitions, entries->scope, 0, "unknown scope", word,
                                 scopes, 2);
}

static enum lx_err read_feature(struct parse *parse, const struct entries *entries,
                                enum view_scope scope)
{
    struct view_features *features = parse->features;
    struct feature *feature = &features->items[scope][features->counts[scope]];
    enum lx_err code = read_title(parse, entries, &feature->title);
    if (code == LX_OK) code = read_sentences(parse, entries, &feature->title);
    if (code == LX_OK) code = compile(parse, entries, scope, feature);
    if (feature->expr != NULL) features->counts[scope]++; /* released with the others from here */
    if (code != LX_OK) return code;
    code = view_schema_add(features->schema, scope, feature->title.name, feature->title.zh,
                           feature->type, expr_result_enumeration(feature->expr), parse->err);
    return code;
}

/* A feature is a section, and has one expression. */
static bool is_feature(const struct ini_entry *entry)
{
    return strcmp(entry->name, "expression") == 0 && definitions_is_own(entry);
}

/* Customer features first: those of pairs may read all of them. */
static enum lx_err read_features(struct parse *parse)
{
    enum lx_err code = check_keys(parse);
    for (int scope = VIEW_CUSTOMER; scope <= VIEW_PAIR && code == LX_OK; scope++) {
        if (scope == VIEW_PAIR) view_schema_seal(parse->features->schema);
        for (size_t i = 0; code == LX_OK && i < parse->definitions.ini.count; i++) {
            struct entries entries;
            enum view_scope own = VIEW_CUSTOMER;
            if (!is_feature(&parse->definitions.ini.entries[i])) continue;
            code = find_entries(parse, parse->definitions.ini.entries[i].section, &entries);
            if (code == LX_OK) code = scope_of(parse, &entries, &own);
            if (code == LX_OK && own == (enum view_scope)scope)
                code = read_feature(parse, &entries, own);
        }
    }
    return code;
}

static enum lx_err make_room(struct parse *parse)
{
    size_t count = 0;
    for (size_t i = 0; i < parse->definitions.ini.count; i++)
        count += is_feature(&parse->definitions.ini.entries[i]);
    if (count > LX_FEATURES_MAX)
        return lx_fail(parse->err, LX_ERR_LIMIT, "%s: more than %d features",
                       parse->definitions.file, LX_FEATURES_MAX);
    for (int i = 0; i < 2; i++) {
        parse->features->items[i] =
            lx_arena_array(&parse->features->arena, count, sizeof(struct feature));
        if (parse->features->items[i] == NULL) return out_of_memory(parse);
    }
    return LX_OK;
}

enum lx_err feature_set_read(struct view_features *features, const char *file, const char *bytes,
                             size_t length, struct lx_error *err)
{
    struct parse *parse = lx_calloc(1, sizeof *parse);
    if (parse == NULL) return lx_fail(err, LX_ERR_NO_MEMORY, "%s: out of memory", file);
    parse->features = features;
    parse->err = err;
    enum lx_err code = definitions_read(file, bytes, length, &parse->definitions, err);
    if (code == LX_OK) code = make_room(parse);
    if (code == LX_OK) code = read_features(parse);
    definitions_release(&parse->definitions);
    lx_free(parse);
    return code;
}
