#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "base/suggest.h"
#include "codec/ini.h"
#include "view/feature_set.h"

enum { PIECES_MAX = 64, DEFINE_DEPTH_MAX = 4 };

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

static const char *const keys[] = {"scope", "expression", "type",    "group",
                                   "zh",    "en",         "default", "in_credit"};

/* A stretch of an expanded expression, and the value in the file that it came from. */
struct piece {
    size_t from, length; /* in the expanded text */
    const struct ini_entry *entry;
    size_t offset; /* in the entry's value */
};

struct expansion {
    struct lx_buffer text;
    struct piece pieces[PIECES_MAX];
    size_t count;
};

struct parse {
    struct view_features *features;
    const char *file, *bytes;
    size_t length;
    struct ini ini;
    struct expansion expansion;
    struct lx_error *err;
};

/* --- Places ---------------------------------------------------------------------------------- */

/* Where the n-th line of the file begins. */
static const char *line_at(const struct parse *parse, int line)
{
    const char *at = parse->bytes, *end = parse->bytes + parse->length;
    for (int i = 1; i < line && at < end; i++) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        at = newline == NULL ? end : newline + 1;
    }
    return at;
}

struct file_place {
    int line, column;
};

/* Characters between two places of one line, and one. */
static int column_of(const char *line, const char *at)
{
    int column = 1;
    for (; line < at; line++) column += ((unsigned char)*line & 0xC0) != 0x80;
    return column;
}

/* Where a byte of an entry's value stands in the file. */
static struct file_place place_of(const struct parse *parse, const struct ini_entry *entry,
                                  size_t offset)
{
    int below = 0;
    const char *start = entry->value, *text = entry->value + offset;
    for (const char *at = entry->value; at < text; at++)
        if (*at == '\n') {
            below++;
            start = at + 1;
        }
    int number = entry->line + below;
    const char *line = line_at(parse, number), *end = parse->bytes + parse->length;
    const char *newline = memchr(line, '\n', (size_t)(end - line));
    size_t width = (size_t)((newline == NULL ? end : newline) - line);
    size_t length = strcspn(start, "\n");
    const char *found = length == 0 ? NULL : memmem(line, width, start, length);
    if (below == 0 && found != NULL) { /* the name may say the same as its value */
        const char *equals = memchr(line, '=', width);
        if (equals != NULL && found < equals)
            found = memmem(equals, width - (size_t)(equals - line), start, length);
    }
    if (found == NULL) return (struct file_place){number, 1};
    return (struct file_place){number, column_of(line, found + (text - start))};
}

static enum lx_err fail_at(const struct parse *parse, const struct ini_entry *entry, size_t offset,
                           const char *message)
{
    struct file_place place = place_of(parse, entry, offset);
    return lx_fail(parse->err, LX_ERR_BAD_INPUT, "%s:%d:%d: [%s] %s", parse->file, place.line,
                   place.column, entry->section, message);
}

static enum lx_err fail_word(const struct parse *parse, const struct ini_entry *entry,
                             const char *what, const char *word, const char *const *names,
                             size_t count)
{
    char message[512];
    const char *near = lx_suggest(word, names, count);
    snprintf(message, sizeof message, "%s `%.60s`%s%s%s", what, word,
             near == NULL ? "" : ": did you mean `", near == NULL ? "" : near,
             near == NULL ? "" : "`?");
    return fail_at(parse, entry, 0, message);
}

static enum lx_err out_of_memory(const struct parse *parse)
{
    return lx_fail(parse->err, LX_ERR_NO_MEMORY, "%s: out of memory", parse->file);
}

/* --- {names} --------------------------------------------------------------------------------- */

static enum lx_err add_piece(struct parse *parse, const struct ini_entry *entry, size_t offset,
                             size_t length)
{
    struct expansion *expansion = &parse->expansion;
    if (expansion->count == PIECES_MAX)
        return fail_at(parse, entry, offset, "more than 32 names in braces");
    expansion->pieces[expansion->count++] =
        (struct piece){expansion->text.length, length, entry, offset};
    lx_buffer_append(&expansion->text, entry->value + offset, length);
    return LX_OK;
}

static enum lx_err fail_define(struct parse *parse, const struct ini_entry *entry, size_t offset,
                               const char *name)
{
    const char *names[256];
    char message[256];
    size_t count = 0;
    for (size_t i = 0; i < parse->ini.count && count < LX_COUNT_OF(names); i++)
        if (strcmp(parse->ini.entries[i].section, "define") == 0)
            names[count++] = parse->ini.entries[i].name;
    const char *near = lx_suggest(name, names, count);
    snprintf(message, sizeof message, "unknown name {%.60s}%s%s%s", name,
             near == NULL ? "" : ": did you mean {", near == NULL ? "" : near,
             near == NULL ? "" : "}?");
    return fail_at(parse, entry, offset, message);
}

/* The value with every {name} replaced by its definition in parentheses. */
static enum lx_err expand(struct parse *parse, const struct ini_entry *entry, int depth)
{
    const char *value = entry->value;
    size_t from = 0;
    enum lx_err code = LX_OK;
    while (code == LX_OK) {
        const char *open = strchr(value + from, '{');
        size_t to = open == NULL ? strlen(value) : (size_t)(open - value);
        code = add_piece(parse, entry, from, to - from);
        if (code != LX_OK || open == NULL) break;
        const char *close = strchr(open, '}');
        char name[FEATURE_NAME_MAX + 1];
        size_t length = close == NULL ? 0 : (size_t)(close - open - 1);
        if (length == 0 || length > FEATURE_NAME_MAX)
            return fail_at(parse, entry, to, "expected a name and `}` after `{`");
        memcpy(name, open + 1, length);
        name[length] = '\0';
        const struct ini_entry *define = ini_find(&parse->ini, "define", name);
        if (define == NULL) return fail_define(parse, entry, to, name);
        if (depth == DEFINE_DEPTH_MAX)
            return fail_at(parse, entry, to, "names in braces nested deeper than 4");
        lx_buffer_append(&parse->expansion.text, "(", 1);
        code = expand(parse, define, depth + 1);
        lx_buffer_append(&parse->expansion.text, ")", 1);
        from = (size_t)(close - value) + 1;
    }
    return code;
}

/* The byte of a text that line and column name. */
static size_t offset_of(const char *text, size_t length, int line, int column)
{
    size_t at = 0;
    for (int i = 1; i < line && at < length; at++) i += text[at] == '\n';
    for (int i = 1; i < column && at < length; i++) do
            at++;
        while (at < length && ((unsigned char)text[at] & 0xC0) == 0x80);
    return at;
}

static enum lx_err fail_expression(struct parse *parse, const struct ini_entry *entry,
                                   const struct expr_fault *fault)
{
    const struct expansion *expansion = &parse->expansion;
    size_t at =
        offset_of(expansion->text.bytes, expansion->text.length, fault->line, fault->column);
    for (size_t i = 0; i < expansion->count; i++) {
        const struct piece *piece = &expansion->pieces[i];
        if (at < piece->from || at > piece->from + piece->length) continue;
        if (at == piece->from + piece->length && i + 1 < expansion->count) continue;
        struct file_place place = place_of(parse, piece->entry, piece->offset + (at - piece->from));
        return lx_fail(parse->err, LX_ERR_BAD_INPUT, "%s:%d:%d: [%s] %s", parse->file, place.line,
                       place.column, entry->section, fault->message);
    }
    return fail_at(parse, entry, 0, fault->message);
}

/* --- One feature ----------------------------------------------------------------------------- */

struct entries {
    const struct ini_entry *scope, *expression, *type, *group, *zh, *en, *otherwise, *in_credit;
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
        return fail_word(parse, entries->type, "unknown type", entries->type->value, names,
                         LX_COUNT_OF(names));
    while (group < VIEW_GROUP_COUNT && strcmp(entries->group->value, groups[group]) != 0) group++;
    if (group == VIEW_GROUP_COUNT)
        return fail_word(parse, entries->group, "unknown group", entries->group->value, groups,
                         LX_COUNT_OF(groups));
    if (entries->in_credit != NULL && strcmp(entries->in_credit->value, "yes") != 0 &&
        strcmp(entries->in_credit->value, "no") != 0)
        return fail_at(parse, entries->in_credit, 0, "in_credit is neither yes nor no");
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
    lx_buffer_append(&text, parse->expansion.text.bytes, parse->expansion.text.length);
    lx_buffer_append(&text, ", ", 2);
    lx_buffer_append(&text, otherwise, strlen(otherwise));
    lx_buffer_append(&text, ")", 1);
    enum lx_err code = lx_buffer_error(&text);
    if (code != LX_OK)
        code = lx_fail(parse->err, code, "%s: [%s]: %s", parse->file, entries->expression->section,
                       lx_err_text(code));
    else
        code = expr_compile(scope, text.bytes, text.length, &expr, &fault, parse->err);
    if (code == LX_ERR_BAD_INPUT) code = fail_at(parse, entries->otherwise, 0, fault.message);
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
    return fail_at(parse, entries->type, 0, message);
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
    struct expansion *expansion = &parse->expansion;
    struct expr_fault fault;
    lx_buffer_clear(&expansion->text);
    expansion->count = 0;
    enum lx_err code = expand(parse, entries->expression, 0);
    if (code != LX_OK) return code;
    if (lx_buffer_error(&expansion->text) != LX_OK) return out_of_memory(parse);
    code = expr_compile(schema, expansion->text.bytes, expansion->text.length, &feature->expr,
                        &fault, parse->err);
    if (code == LX_ERR_BAD_INPUT || code == LX_ERR_LIMIT)
        return fail_expression(parse, entries->expression, &fault);
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

static bool is_name(const char *name)
{
    size_t length = strlen(name);
    return length > 0 && length <= FEATURE_NAME_MAX &&
           strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == length &&
           (name[0] < '0' || name[0] > '9');
}

static enum lx_err find_entries(struct parse *parse, const char *section,
                                struct entries *ret_entries)
{
    const struct ini *ini = &parse->ini;
    *ret_entries = (struct entries){
        ini_find(ini, section, "scope"),   ini_find(ini, section, "expression"),
        ini_find(ini, section, "type"),    ini_find(ini, section, "group"),
        ini_find(ini, section, "zh"),      ini_find(ini, section, "en"),
        ini_find(ini, section, "default"), ini_find(ini, section, "in_credit"),
    };
    const char *missing = ret_entries->expression == NULL ? "expression"
                          : ret_entries->type == NULL     ? "type"
                          : ret_entries->group == NULL    ? "group"
                          : ret_entries->zh == NULL       ? "zh"
                          : ret_entries->en == NULL       ? "en"
                                                          : NULL;
    if (missing != NULL)
        return lx_fail(parse->err, LX_ERR_BAD_INPUT, "%s: [%s] %s is missing", parse->file, section,
                       missing);
    if (!is_name(section))
        return fail_at(parse, ret_entries->expression, 0,
                       "a feature's name has small letters, digits and `_`, at most 48");
    if (strlen(ret_entries->expression->value) >= EXPR_TEXT_MAX)
        return fail_at(parse, ret_entries->expression, 0, "longer than an expression may be");
    return LX_OK;
}

static enum lx_err check_keys(struct parse *parse)
{
    for (size_t i = 0; i < parse->ini.count; i++) {
        const struct ini_entry *entry = &parse->ini.entries[i];
        bool is_known = strcmp(entry->section, "define") == 0;
        for (size_t k = 0; k < LX_COUNT_OF(keys); k++)
            is_known = is_known || strcmp(entry->name, keys[k]) == 0;
        if (is_known) continue;
        const char *near = lx_suggest(entry->name, keys, LX_COUNT_OF(keys));
        return lx_fail(parse->err, LX_ERR_BAD_INPUT, "%s:%d:1: [%s] unknown setting `%.60s`%s%s%s",
                       parse->file, entry->line, entry->section, entry->name,
                       near == NULL ? "" : ": did you mean `", near == NULL ? "" : near,
                       near == NULL ? "" : "`?");
    }
    return LX_OK;
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
    return fail_word(parse, entries->scope, "unknown scope", word, scopes, 2);
}

static enum lx_err read_feature(struct parse *parse, const struct entries *entries,
                                enum view_scope scope)
{
    struct view_features *features = parse->features;
    struct feature *feature = &features->items[scope][features->counts[scope]];
    enum lx_err code = read_title(parse, entries, &feature->title);
    if (code == LX_OK) code = compile(parse, entries, scope, feature);
    if (feature->expr != NULL) features->counts[scope]++; /* released with the others from here */
    if (code != LX_OK) return code;
    code = view_schema_add(features->schema, scope, feature->title.name, feature->title.zh,
                           feature->type, expr_result_enumeration(feature->expr), parse->err);
    return code;
}

/* Customer features first: those of pairs may read all of them. */
static enum lx_err read_features(struct parse *parse)
{
    enum lx_err code = check_keys(parse);
    for (int scope = VIEW_CUSTOMER; scope <= VIEW_PAIR && code == LX_OK; scope++) {
        const char *section;
        if (scope == VIEW_PAIR) view_schema_seal(parse->features->schema);
        for (size_t i = 0; code == LX_OK && (section = ini_section(&parse->ini, i)) != NULL; i++) {
            struct entries entries;
            enum view_scope own = VIEW_CUSTOMER;
            if (strcmp(section, "define") == 0) continue;
            code = find_entries(parse, section, &entries);
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
    while (ini_section(&parse->ini, count) != NULL) count++;
    if (count > LX_FEATURES_MAX)
        return lx_fail(parse->err, LX_ERR_LIMIT, "%s: more than %d features", parse->file,
                       LX_FEATURES_MAX);
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
    parse->file = file;
    parse->bytes = bytes;
    parse->length = length;
    parse->err = err;
    lx_buffer_init(&parse->expansion.text, EXPR_TEXT_MAX * DEFINE_DEPTH_MAX);
    enum lx_err code = ini_read(file, bytes, length, &parse->ini, err);
    if (code == LX_OK) {
        code = make_room(parse);
        if (code == LX_OK) code = read_features(parse);
        ini_release(&parse->ini);
    }
    lx_buffer_release(&parse->expansion.text);
    lx_free(parse);
    return code;
}
