#include "view/definitions.h"

#include <stdio.h>
#include <string.h>

#include "base/suggest.h"

enum { NAMES_MAX = 256 };

static const char *const define_section = "define";

enum lx_err definitions_read(const char *file, const char *bytes, size_t length,
                             struct definitions *ret_definitions, struct lx_error *err)
{
    LX_ASSERT(file != NULL && bytes != NULL && ret_definitions != NULL && err != NULL);

    *ret_definitions = (struct definitions){.file = file, .bytes = bytes, .length = length};
    ret_definitions->err = err;
    lx_buffer_init(&ret_definitions->text, EXPR_TEXT_MAX * DEFINITION_DEPTH_MAX);
    return ini_read(file, bytes, length, &ret_definitions->ini, err);
}

void definitions_release(struct definitions *definitions)
{
    ini_release(&definitions->ini);
    lx_buffer_release(&definitions->text);
}

bool definitions_is_own(const struct ini_entry *entry)
{
    return strcmp(entry->section, define_section) != 0;
}

bool definitions_is_name(const char *name)
{
    size_t length = strlen(name);
    return length > 0 && length <= DEFINITION_NAME_MAX &&
           strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == length &&
           (name[0] < '0' || name[0] > '9');
}

/* --- Places ---------------------------------------------------------------------------------- */

/* Where the n-th line of the file begins. */
static const char *line_at(const struct definitions *definitions, int line)
{
    const char *at = definitions->bytes, *end = definitions->bytes + definitions->length;
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
static struct file_place place_of(const struct definitions *definitions,
                                  const struct ini_entry *entry, size_t offset)
{
    int below = 0;
    const char *start = entry->value, *text = entry->value + offset;
    for (const char *at = entry->value; at < text; at++)
        if (*at == '\n') {
            below++;
            start = at + 1;
        }
    int number = entry->line + below;
    const char *line = line_at(definitions, number);
    const char *end = definitions->bytes + definitions->length;
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

/* `section`: of the definition that is at fault, which a name in braces may stand outside of. */
static enum lx_err fail_in(const struct definitions *definitions, const struct ini_entry *entry,
                           size_t offset, const char *section, const char *message)
{
    struct file_place place = place_of(definitions, entry, offset);
    return lx_fail(definitions->err, LX_ERR_BAD_INPUT, "%s:%d:%d: [%s] %s", definitions->file,
                   place.line, place.column, section, message);
}

enum lx_err definitions_fail(const struct definitions *definitions, const struct ini_entry *entry,
                             size_t offset, const char *message)
{
    return fail_in(definitions, entry, offset, entry->section, message);
}

enum lx_err definitions_fail_word(const struct definitions *definitions,
                                  const struct ini_entry *entry, size_t offset, const char *what,
                                  const char *word, const char *const *names, size_t count)
{
    char message[512];
    const char *near = lx_suggest(word, names, count);
    snprintf(message, sizeof message, "%s `%.60s`%s%s%s", what, word,
             near == NULL ? "" : ": did you mean `", near == NULL ? "" : near,
             near == NULL ? "" : "`?");
    return definitions_fail(definitions, entry, offset, message);
}

enum lx_err definitions_no_memory(const struct definitions *definitions)
{
    return lx_fail(definitions->err, LX_ERR_NO_MEMORY, "%s: out of memory", definitions->file);
}

enum lx_err definitions_check_keys(const struct definitions *definitions, const char *const *keys,
                                   size_t count)
{
    for (size_t i = 0; i < definitions->ini.count; i++) {
        const struct ini_entry *entry = &definitions->ini.entries[i];
        if (!definitions_is_own(entry)) continue;
        bool is_known = false;
        for (size_t k = 0; k < count; k++) is_known = is_known || strcmp(entry->name, keys[k]) == 0;
        if (is_known) continue;
        const char *near = lx_suggest(entry->name, keys, count);
        return lx_fail(definitions->err, LX_ERR_BAD_INPUT,
                       "%s:%d:1: [%s] unknown setting `%.60s`%s%s%s", definitions->file,
                       entry->line, entry->section, entry->name,
                       near == NULL ? "" : ": did you mean `", near == NULL ? "" : near,
                       near == NULL ? "" : "`?");
    }
    return LX_OK;
}

/* --- {names} --------------------------------------------------------------------------------- */

static enum lx_err add_piece(struct definitions *definitions, const struct ini_entry *entry,
                             size_t offset, size_t length)
{
    if (definitions->piece_count == DEFINITION_PIECES_MAX)
        return definitions_fail(definitions, entry, offset, "more than 32 names in braces");
    definitions->pieces[definitions->piece_count++] =
        (struct definition_piece){definitions->text.length, length, entry, offset};
    lx_buffer_append(&definitions->text, entry->value + offset, length);
    return LX_OK;
}

static enum lx_err fail_define(const struct definitions *definitions, const struct ini_entry *entry,
                               size_t offset, const char *name)
{
    const char *names[NAMES_MAX];
    char message[256];
    size_t count = 0;
    for (size_t i = 0; i < definitions->ini.count && count < NAMES_MAX; i++)
        if (!definitions_is_own(&definitions->ini.entries[i]))
            names[count++] = definitions->ini.entries[i].name;
    const char *near = lx_suggest(name, names, count);
    snprintf(message, sizeof message, "unknown name {%.60s}%s%s%s", name,
             near == NULL ? "" : ": did you mean {", near == NULL ? "" : near,
             near == NULL ? "" : "}?");
    return definitions_fail(definitions, entry, offset, message);
}

/* The value with every {name} replaced by its definition in parentheses. */
static enum lx_err expand(struct definitions *definitions, const struct ini_entry *entry, int depth)
{
    const char *value = entry->value;
    size_t from = 0;
    enum lx_err code = LX_OK;
    while (code == LX_OK) {
        const char *open = strchr(value + from, '{');
        size_t to = open == NULL ? strlen(value) : (size_t)(open - value);
        code = add_piece(definitions, entry, from, to - from);
        if (code != LX_OK || open == NULL) break;
        const char *close = strchr(open, '}');
        char name[DEFINITION_NAME_MAX + 1];
        size_t length = close == NULL ? 0 : (size_t)(close - open - 1);
        if (length == 0 || length > DEFINITION_NAME_MAX)
            return definitions_fail(definitions, entry, to, "expected a name and `}` after `{`");
        memcpy(name, open + 1, length);
        name[length] = '\0';
        const struct ini_entry *define = ini_find(&definitions->ini, define_section, name);
        if (define == NULL) return fail_define(definitions, entry, to, name);
        if (depth == DEFINITION_DEPTH_MAX)
            return definitions_fail(definitions, entry, to, "names in braces nested deeper than 4");
        lx_buffer_append(&definitions->text, "(", 1);
        code = expand(definitions, define, depth + 1);
        lx_buffer_append(&definitions->text, ")", 1);
        from = (size_t)(close - value) + 1;
    }
    return code;
}

enum lx_err definitions_expand(struct definitions *definitions, const struct ini_entry *entry)
{
    if (strlen(entry->value) >= EXPR_TEXT_MAX)
        return definitions_fail(definitions, entry, 0, "longer than an expression may be");
    lx_buffer_clear(&definitions->text);
    definitions->piece_count = 0;
    enum lx_err code = expand(definitions, entry, 0);
    if (code == LX_OK && lx_buffer_error(&definitions->text) != LX_OK)
        code = definitions_no_memory(definitions);
    return code;
}

/* --- Expressions ----------------------------------------------------------------------------- */

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

enum lx_err definitions_fail_expression(const struct definitions *definitions,
                                        const struct ini_entry *entry,
                                        const struct expr_fault *fault)
{
    const struct lx_buffer *text = &definitions->text;
    size_t at = offset_of(text->bytes, text->length, fault->line, fault->column);
    for (size_t i = 0; i < definitions->piece_count; i++) {
        const struct definition_piece *piece = &definitions->pieces[i];
        if (at < piece->from || at > piece->from + piece->length) continue;
        if (at == piece->from + piece->length && i + 1 < definitions->piece_count) continue;
        return fail_in(definitions, piece->entry, piece->offset + (at - piece->from),
                       entry->section, fault->message);
    }
    return definitions_fail(definitions, entry, 0, fault->message);
}

enum lx_err definitions_compile(struct definitions *definitions, const struct ini_entry *entry,
                                const struct expr_schema *schema, struct expr **ret_expr)
{
    struct expr_fault fault;
    enum lx_err code = definitions_expand(definitions, entry);
    if (code != LX_OK) return code;
    code = expr_compile(schema, definitions->text.bytes, definitions->text.length, ret_expr, &fault,
                        definitions->err);
    if (code == LX_ERR_BAD_INPUT || code == LX_ERR_LIMIT)
        return definitions_fail_expression(definitions, entry, &fault);
    return code;
}
