#include "codec/ini.h"

#include <ini.h>
#include <stdatomic.h>
#include <string.h>

#include "base/buffer.h"
#include "base/limits.h"
#include "codec/utf8.h"

enum {
    LINE_MAX_BYTES = 1 << 16,
    SECTION_MAX = 48, /* inih cuts a section's name after 49 bytes without a word */
    NAME_KEPT = 49,   /* and hands out as much of a name whose value goes on */
    ENTRIES_MAX = 1 << 18,
};

/* What the two callbacks of inih share. */
struct parse {
    struct ini *ini;
    const char *bytes;
    size_t length, at;
    int line;
    bool is_indented, is_after_section;
    struct lx_buffer value; /* of the last entry, which may go on */
    enum lx_err code;       /* the first failure */
    struct lx_error *err;
};

static void check_line(struct parse *parse, const char *text, size_t length)
{
    const char *file = parse->ini->file;
    if (memchr(text, '\0', length) != NULL)
        parse->code = lx_fail(parse->err, LX_ERR_BAD_INPUT, "%s:%d: a NUL byte", file, parse->line);
    else if (utf8_valid_length(text, length) != length)
        parse->code = lx_fail(parse->err, LX_ERR_BAD_INPUT, "%s:%d: bytes that are not UTF-8", file,
                              parse->line);
    else if (length > LINE_MAX_BYTES - 4)
        parse->code = lx_fail(parse->err, LX_ERR_BAD_INPUT, "%s:%d: a line of more than %d bytes",
                              file, parse->line, LINE_MAX_BYTES - 4);
}

/* fgets over the bytes, as inih wants its lines. */
static char *next_line(char *line, int size, void *context)
{
    struct parse *parse = context;
    if (parse->code != LX_OK || parse->at == parse->length) return NULL;

    const char *text = parse->bytes + parse->at;
    size_t left = parse->length - parse->at;
    const char *newline = memchr(text, '\n', left);
    size_t length = newline == NULL ? left : (size_t)(newline - text) + 1;
    parse->line++;
    check_line(parse, text, length);
    if (parse->code != LX_OK) return NULL;

    LX_ASSERT(size > 0 && length < (size_t)size);
    memcpy(line, text, length);
    line[length] = '\0';
    parse->at += length;
    parse->is_indented = text[0] == ' ' || text[0] == '\t';
    if (text[0] == '[') parse->is_after_section = true;
    return line;
}

static enum lx_err close_value(struct parse *parse)
{
    struct ini *ini = parse->ini;
    if (ini->count == 0) return LX_OK;
    enum lx_err code = lx_buffer_error(&parse->value);
    if (code != LX_OK) return code;

    char *copy = lx_arena_strndup(&ini->texts, lx_buffer_text(&parse->value), parse->value.length);
    if (copy == NULL) return LX_ERR_NO_MEMORY;
    ini->entries[ini->count - 1].value = copy;
    return LX_OK;
}

static enum lx_err add_key(struct ini *ini, const char *section, const char *name, bool *ret_is_new)
{
    size_t section_length = strlen(section), name_length = strlen(name);
    char *key = lx_arena_alloc(&ini->texts, section_length + name_length + 2);
    if (key == NULL) return LX_ERR_NO_MEMORY;
    memcpy(key, section, section_length);
    memcpy(key + section_length + 1, name, name_length);

    enum lx_err code =
        lx_grow(&ini->entries, &ini->capacity, ini->count + 1, ENTRIES_MAX, sizeof *ini->entries);
    if (code != LX_OK) return code;
    uint32_t number;
    code =
        lx_dictionary_add(&ini->keys, key, section_length + 1 + name_length, &number, ret_is_new);
    if (code != LX_OK || !*ret_is_new) return code;

    LX_ASSERT(number == ini->count);
    ini->entries[ini->count++] =
        (struct ini_entry){.section = key, .name = key + section_length + 1, .value = ""};
    return LX_OK;
}

static enum lx_err add_entry(struct parse *parse, const char *section, const char *name,
                             const char *value)
{
    struct ini *ini = parse->ini;
    if (name[0] == '\0')
        return lx_fail(parse->err, LX_ERR_BAD_INPUT, "%s:%d: a value without a name", ini->file,
                       parse->line);
    if (strlen(section) > SECTION_MAX)
        return lx_fail(parse->err, LX_ERR_BAD_INPUT, "%s:%d: [%s...]: more than %d bytes",
                       ini->file, parse->line, section, SECTION_MAX);
    bool is_new = true;
    enum lx_err code = close_value(parse);
    if (code == LX_OK) code = add_key(ini, section, name, &is_new);
    if (code != LX_OK)
        return lx_fail(parse->err, code, "%s:%d: %s", ini->file, parse->line, lx_err_text(code));
    if (!is_new)
        return lx_fail(parse->err, LX_ERR_BAD_INPUT, "%s:%d: [%s] %s: already on line %d",
                       ini->file, parse->line, section, name, ini_find(ini, section, name)->line);
    ini->entries[ini->count - 1].line = parse->line;
    lx_buffer_clear(&parse->value);
    lx_buffer_append_text(&parse->value, value);
    return LX_OK;
}

/* inih repeats the name for every further line of a value, but does not say that it does. */
static bool goes_on(const struct parse *parse, const char *name)
{
    if (!parse->is_indented || parse->is_after_section || parse->ini->count == 0) return false;
    return strncmp(parse->ini->entries[parse->ini->count - 1].name, name, NAME_KEPT) == 0;
}

static int on_pair(void *context, const char *section, const char *name, const char *value)
{
    struct parse *parse = context;
    if (goes_on(parse, name)) {
        lx_buffer_append_byte(&parse->value, '\n');
        lx_buffer_append_text(&parse->value, value);
        return 1;
    }
    parse->is_after_section = false;
    parse->code = add_entry(parse, section, name, value);
    return parse->code == LX_OK;
}

/* The library keeps its options in globals, and several threads open banks at once: they are set by
 * the first, and the others wait. */
static void set_options(void)
{
    enum { UNSET, SETTING, SET };
    static atomic_int state = UNSET;
    int expected = UNSET;
    if (!atomic_compare_exchange_strong(&state, &expected, SETTING)) {
        while (atomic_load(&state) != SET) continue;
        return;
    }
    ini_use_stack = false;
    ini_allow_realloc = false;
    ini_initial_alloc = ini_max_line = LINE_MAX_BYTES;
    ini_allow_inline_comments = false;
    ini_stop_on_first_error = true;
    ini_allow_multiline = ini_allow_bom = true;
    ini_allow_no_value = false;
    atomic_store(&state, SET);
}

static enum lx_err run_inih(struct parse *parse)
{
    set_options();
    int status = ini_parse_stream(next_line, parse, on_pair, parse);
    const char *file = parse->ini->file;
    if (parse->code != LX_OK) return parse->code;
    if (status == -2) return lx_fail(parse->err, LX_ERR_NO_MEMORY, "%s: out of memory", file);
    if (status != 0)
        return lx_fail(parse->err, LX_ERR_BAD_INPUT,
                       "%s:%d: neither `[section]` nor `name = value`", file, status);
    enum lx_err code = close_value(parse);
    return code == LX_OK ? code : lx_fail(parse->err, code, "%s: %s", file, lx_err_text(code));
}

enum lx_err ini_read(const char *file, const char *bytes, size_t length, struct ini *ret_ini,
                     struct lx_error *err)
{
    LX_ASSERT(file != NULL && ret_ini != NULL);
    LX_ASSERT(bytes != NULL || length == 0);

    if (length > LX_CONFIG_MAX)
        return lx_fail(err, LX_ERR_LIMIT, "%s: more than %d bytes", file, LX_CONFIG_MAX);
    struct ini ini = {0};
    lx_arena_init(&ini.texts, (size_t)LX_CONFIG_MAX * 16);
    lx_dictionary_init(&ini.keys, ENTRIES_MAX);
    struct parse parse = {.ini = &ini, .bytes = bytes, .length = length, .err = err};
    lx_buffer_init(&parse.value, LX_CONFIG_MAX);

    ini.file = lx_strdup(file);
    enum lx_err code = ini.file == NULL ? lx_fail(err, LX_ERR_NO_MEMORY, "%s: out of memory", file)
                                        : run_inih(&parse);
    lx_buffer_release(&parse.value);
    if (code == LX_OK)
        *ret_ini = ini;
    else
        ini_release(&ini);
    return code;
}

void ini_release(struct ini *ini)
{
    lx_free(ini->entries);
    lx_free(ini->file);
    lx_arena_release(&ini->texts);
    lx_dictionary_release(&ini->keys);
    *ini = (struct ini){0};
}

const char *ini_get(const struct ini *ini, const char *section, const char *name)
{
    const struct ini_entry *entry = ini_find(ini, section, name);
    return entry == NULL ? NULL : entry->value;
}

const struct ini_entry *ini_find(const struct ini *ini, const char *section, const char *name)
{
    LX_ASSERT(section != NULL && name != NULL);

    char key[SECTION_MAX + LINE_MAX_BYTES];
    size_t section_length = strlen(section), name_length = strlen(name);
    if (section_length > SECTION_MAX || name_length >= LINE_MAX_BYTES - 1) return NULL;
    memcpy(key, section, section_length + 1);
    memcpy(key + section_length + 1, name, name_length);
    int64_t number = lx_dictionary_find(&ini->keys, key, section_length + 1 + name_length);
    return number < 0 ? NULL : &ini->entries[number];
}

const char *ini_section(const struct ini *ini, size_t n)
{
    for (size_t i = 0; i < ini->count; i++) {
        const char *section = ini->entries[i].section;
        if (i > 0 && strcmp(section, ini->entries[i - 1].section) == 0) continue;
        bool is_first = true;
        for (size_t j = 0; j < i && is_first; j++)
            is_first = strcmp(section, ini->entries[j].section) != 0;
        if (is_first && n-- == 0) return section;
    }
    return NULL;
}
