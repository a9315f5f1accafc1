#include "ingest/mapping.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "ingest/mapping_parse.h"
#include "ingest/mapping_value.h"

/* A hard bound on the arena: every text is copied a few times at most. */
#define TEXTS_MAX ((size_t)LX_CONFIG_MAX * 64)

static const struct {
    const char *text, *fields;
} entities[] = {
#define X(name, text, fields) {text, fields},
    MAPPING_ENTITY_MAP(X)
#undef X
};

static const char *const entity_names[] = {
#define X(name, text, fields) text,
    MAPPING_ENTITY_MAP(X)
#undef X
};

static const char *const field_names[] = {
#define X(name, text, type) text,
    MAPPING_FIELD_MAP(X)
#undef X
};

static const enum mapping_type field_types[] = {
#define X(name, text, type) MAPPING_##type,
    MAPPING_FIELD_MAP(X)
#undef X
};

/* What a [file ...] section may say beside its fields. The first eight also stand in [mapping]. */
static const char *const options[] = {"encoding", "delimiter", "quote",   "null",   "dates",
                                      "amounts",  "yes",       "no",      "entity", "files",
                                      "header",   "columns",   "trailer", "only",   "except",
                                      "held",     "unheld",    "absent",  "about",  "known_at"};
enum { SHARED_OPTIONS = 8, FILE_OPTIONS = 18, ABOUT = 18, KNOWN_AT = 19 };

const char *mapping_entity_text(enum mapping_entity entity)
{
    LX_ASSERT((unsigned)entity < MAPPING_ENTITY_COUNT);

    return entity_names[entity];
}

const char *mapping_field_text(enum mapping_field_id id)
{
    LX_ASSERT((unsigned)id < MAPPING_FIELD_COUNT);

    return field_names[id];
}

enum mapping_type mapping_field_type(enum mapping_field_id id)
{
    LX_ASSERT((unsigned)id < MAPPING_FIELD_COUNT);

    return field_types[id];
}

enum use { USE_NONE, USE_MAY, USE_MUST };

/* How an entity uses a field: its words say. */
static enum use use_of(enum mapping_entity entity, const char *name)
{
    size_t length = strlen(name);
    for (const char *at = entities[entity].fields; *at != '\0';) {
        size_t word = strcspn(at, " ");
        if (word >= length && strncmp(at, name, length) == 0) {
            if (word == length) return USE_MAY;
            if (word == length + 1 && at[length] == '!') return USE_MUST;
        }
        at += word + strspn(at + word, " ");
    }
    return USE_NONE;
}

static int index_of(const char *name, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(name, names[i]) == 0) return (int)i;
    return -1;
}

/* The value of an option in the section, or else in [mapping]; its line goes to parse->line. */
static const char *option(struct mapping_parse *parse, const char *section, const char *name)
{
    const struct ini_entry *entry = ini_find(&parse->mapping->ini, section, name);
    if (entry == NULL && index_of(name, options, SHARED_OPTIONS) >= 0)
        entry = ini_find(&parse->mapping->ini, "mapping", name);
    if (entry == NULL) return NULL;
    parse->line = entry->line;
    return entry->value;
}

/* One of two words; `fallback` where the option is not there. */
static enum lx_err read_choice(struct mapping_parse *parse, const char *section, const char *name,
                               const char *no, const char *yes, bool *value, bool *ret_is_said)
{
    const char *text = option(parse, section, name);
    if (ret_is_said != NULL) *ret_is_said = text != NULL;
    if (text == NULL) return LX_OK;
    *value = strcmp(text, yes) == 0;
    if (*value || strcmp(text, no) == 0) return LX_OK;
    return mapping_refuse(parse, "%s = %s: either %s or %s", name, text, yes, no);
}

static enum lx_err read_delimiter(struct mapping_parse *parse, const char *section,
                                  struct csv_format *format)
{
    static const struct {
        const char *name, *text;
    } names[] = {{"comma", ","}, {"tab", "\t"}, {"semicolon", ";"}, {"pipe", "|"}, {"space", " "}};
    const char *text = option(parse, section, "delimiter");
    if (text == NULL) text = "comma";
    for (size_t i = 0; i < LX_COUNT_OF(names); i++)
        if (strcmp(text, names[i].name) == 0) text = names[i].text;
    size_t length = strlen(text);
    if (length == 0 || length > CSV_DELIMITER_MAX)
        return mapping_refuse(parse,
                              "delimiter: 1 to %d characters, or comma, tab, semicolon, pipe",
                              CSV_DELIMITER_MAX);
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)text[i] >= 0x80 || (unsigned char)text[i] == format->quote)
            return mapping_refuse(parse, "delimiter: only ASCII, and not the quote");
    memcpy(format->delimiter, text, length + 1);
    return LX_OK;
}

static enum lx_err read_format(struct mapping_parse *parse, const char *section,
                               struct csv_format *format)
{
    const char *quote = option(parse, section, "quote");
    if (quote == NULL || strcmp(quote, "double") == 0)
        format->quote = '"';
    else if (strcmp(quote, "single") == 0)
        format->quote = '\'';
    else if (strcmp(quote, "none") != 0)
        return mapping_refuse(parse, "quote = %s: double, single or none", quote);

    const char *encoding = option(parse, section, "encoding");
    if (encoding != NULL && strcmp(encoding, "gb18030") == 0)
        format->encoding = CSV_GB18030;
    else if (encoding != NULL && strcmp(encoding, "utf-8") != 0)
        return mapping_refuse(parse, "encoding = %s: utf-8 or gb18030", encoding);
    return read_delimiter(parse, section, format);
}

static enum lx_err read_texts(struct mapping_parse *parse, const char *section, const char *name,
                              const char *fallback, struct lx_dictionary *dictionary)
{
    enum { TEXTS_COUNT_MAX = 1000 };
    lx_dictionary_init(dictionary, TEXTS_COUNT_MAX);
    const char *text = option(parse, section, name);
    if (text == NULL) text = fallback;
    return text == NULL ? LX_OK : mapping_list(parse, text, dictionary);
}

static enum lx_err read_words(struct mapping_parse *parse, const char *section, const char *name,
                              struct mapping_texts *ret_texts)
{
    const char *text = option(parse, section, name);
    return text == NULL ? LX_OK : mapping_words(parse, text, ret_texts);
}

/* The form in braces, or NULL where there are none. */
static enum lx_err check_pattern(struct mapping_parse *parse, const char *pattern)
{
    static const char *const forms[] = {"{YYYYMMDD}", "{YYYY-MM-DD}", "{YYYYMM}", "{YYYY-MM}"};
    if (strchr(pattern, '/') != NULL)
        return mapping_refuse(parse, "%s: a name in the source folder, without /", pattern);
    const char *open = strchr(pattern, '{');
    if (open == NULL && strchr(pattern, '}') == NULL) return LX_OK;
    for (size_t i = 0; open != NULL && i < LX_COUNT_OF(forms); i++) {
        size_t length = strlen(forms[i]);
        if (strncmp(open, forms[i], length) == 0 && strpbrk(open + length, "{}") == NULL)
            return LX_OK;
    }
    return mapping_refuse(parse, "%s: braces hold one of YYYYMMDD YYYY-MM-DD YYYYMM YYYY-MM",
                          pattern);
}

static enum lx_err read_patterns(struct mapping_parse *parse, const char *section,
                                 struct mapping_file *file)
{
    enum lx_err code = read_words(parse, section, "files", &file->patterns);
    if (code != LX_OK) return code;
    if (file->patterns.count == 0) {
        parse->line = file->line;
        return mapping_refuse(parse, "[%s] has no `files`", section);
    }
    for (size_t i = 0; code == LX_OK && i < file->patterns.count; i++)
        code = check_pattern(parse, file->patterns.texts[i]);
    return code;
}

static enum lx_err read_filter(struct mapping_parse *parse, const char *section, bool is_except,
                               struct mapping_file *file)
{
    const char *name = is_except ? "except" : "only", *term;
    const char *text = option(parse, section, name);
    if (text == NULL) return LX_OK;
    const char *in = mapping_split(text, " in ");
    if (in == NULL) return mapping_refuse(parse, "%s: not of the form COLUMN in a, b", name);

    struct mapping_filter *filter = &file->filters[file->filter_count++];
    filter->is_except = is_except;
    filter->line = parse->line;
    lx_dictionary_init(&filter->values, LX_CONFIG_MAX);
    enum lx_err code = mapping_copy(parse, text, (size_t)(in - text), &term);
    if (code == LX_OK) code = mapping_parse_term(parse, term, &filter->term);
    if (code == LX_OK && filter->term.kind > MAPPING_TERM_POSITION)
        code = mapping_refuse(parse, "%s: `%s` is no column", name, term);
    return code == LX_OK ? mapping_list(parse, in + 4, &filter->values) : code;
}

static enum lx_err read_held(struct mapping_parse *parse, const char *section,
                             struct mapping_file *file)
{
    enum lx_err code = read_words(parse, section, "held", &file->held);
    if (code == LX_OK)
        code = read_choice(parse, section, "unheld", "closed", "unknown", &file->is_unheld_unknown,
                           &file->has_unheld);
    if (code == LX_OK)
        code = read_choice(parse, section, "absent", "unknown", "closed", &file->is_absent_closed,
                           &file->has_absent);
    if (code != LX_OK) return code;
    bool is_wide = file->held.count > 0;
    if (is_wide && use_of(file->entity, "held") == USE_NONE)
        return mapping_refuse(parse, "`held` belongs to holding and snapshot");
    if (file->has_absent && file->entity != MAPPING_ENTITY_SNAPSHOT)
        return mapping_refuse(parse, "`absent` belongs to snapshot");
    if (file->has_unheld && (file->entity != MAPPING_ENTITY_SNAPSHOT || !is_wide))
        return mapping_refuse(parse, "`unheld` belongs to a snapshot with `held`");
    return LX_OK;
}

static enum lx_err read_options(struct mapping_parse *parse, const char *section,
                                struct mapping_file *file)
{
    enum lx_err code = read_format(parse, section, &file->format);
    if (code == LX_OK) code = read_patterns(parse, section, file);
    if (code == LX_OK) code = read_texts(parse, section, "null", NULL, &file->nulls);
    if (code == LX_OK)
        code = read_texts(parse, section, "yes", "1, Y, y, yes, true, TRUE, T", &file->yes);
    if (code == LX_OK)
        code = read_texts(parse, section, "no", "0, N, n, no, false, FALSE, F", &file->no);
    if (code == LX_OK)
        code = read_choice(parse, section, "header", "no", "yes", &file->has_header, NULL);
    if (code == LX_OK) code = read_words(parse, section, "columns", &file->columns);
    if (code == LX_OK && file->columns.count > 0 && file->has_header)
        code = mapping_refuse(parse, "columns: the header names them; or say `header = no`");
    if (code == LX_OK) code = read_words(parse, section, "trailer", &file->trailer);
    if (code == LX_OK) code = read_filter(parse, section, false, file);
    if (code == LX_OK) code = read_filter(parse, section, true, file);
    return code == LX_OK ? read_held(parse, section, file) : code;
}

/* The field that `name` begins with, up to a dot; -1 with an error that says what there is. */
static enum lx_err find_field(struct mapping_parse *parse, const struct mapping_file *file,
                              const char *name, enum mapping_field_id *ret_id)
{
    char head[LX_FIELD_NAME_MAX + 1];
    size_t length = strcspn(name, ".");
    if (length > LX_FIELD_NAME_MAX) length = LX_FIELD_NAME_MAX;
    memcpy(head, name, length);
    head[length] = '\0';
    int id = index_of(head, field_names, LX_COUNT_OF(field_names));
    if (id >= 0 && use_of(file->entity, head) != USE_NONE) {
        *ret_id = (enum mapping_field_id)id;
        return LX_OK;
    }
    const char *known[LX_COUNT_OF(field_names) + LX_COUNT_OF(options)];
    size_t count = 0;
    for (size_t i = 0; i < LX_COUNT_OF(field_names); i++)
        if (use_of(file->entity, field_names[i]) != USE_NONE) known[count++] = field_names[i];
    for (size_t i = 0; i < FILE_OPTIONS; i++) known[count++] = options[i];
    struct mapping_hint hint = mapping_hint_of(head, known, count);
    return mapping_refuse(parse, "%s has no field `%s`%s (fields: %s)", entity_names[file->entity],
                          head, hint.text, entities[file->entity].fields);
}

static struct mapping_field *field_of(struct mapping_file *file, enum mapping_field_id id)
{
    for (size_t i = 0; i < file->field_count; i++)
        if (file->fields[i].id == id) return &file->fields[i];
    return NULL;
}

const struct mapping_field *mapping_field(const struct mapping_file *file, enum mapping_field_id id)
{
    return field_of((struct mapping_file *)file, id);
}

static enum lx_err add_field(struct mapping_parse *parse, const struct mapping_defaults *defaults,
                             struct mapping_file *file, enum mapping_field_id id, const char *text)
{
    struct mapping_field *field = &file->fields[file->field_count++];
    *field = (struct mapping_field){.id = id, .line = parse->line};
    lx_dictionary_init(&field->codes.codes, LX_CONFIG_MAX);
    return mapping_parse_source(parse, defaults, text, field);
}

static struct mapping_codes *codes_of(struct mapping_file *file, enum mapping_field_id id)
{
    if (id == MAPPING_FIELD_HELD) return file->held.count > 0 ? &file->held_codes : NULL;
    struct mapping_field *field = field_of(file, id);
    return field == NULL ? NULL : &field->codes;
}

static enum lx_err add_code(struct mapping_parse *parse, struct mapping_file *file,
                            enum mapping_field_id id, const struct ini_entry *entry)
{
    struct mapping_codes *codes = codes_of(file, id);
    const char *name = field_names[id];
    if (codes == NULL)
        return mapping_refuse(parse, "%s: a value map of `%s`, which has no source", entry->name,
                              name);
    const struct mapping_field *field = mapping_field(file, id);
    if (field != NULL && field->base != MAPPING_BASE_SOURCE)
        return mapping_refuse(parse, "%s: `%s` comes from no column", entry->name, name);
    const char *value;
    enum lx_err code = mapping_copy(parse, entry->value, strlen(entry->value), &value);
    if (code != LX_OK) return code;
    return mapping_codes_add(parse, entry->name + strlen(name) + 1, value, codes);
}

/* known_at of [mapping], for a section that has none of its own. What is counted from `at` means
 * nothing where an entity may do without both. */
static enum lx_err inherit_known_at(struct mapping_parse *parse,
                                    const struct mapping_defaults *defaults,
                                    struct mapping_file *file)
{
    const struct ini_entry *known_at = ini_find(&parse->mapping->ini, "mapping", "known_at");
    enum use use = use_of(file->entity, "known_at");
    if (known_at == NULL || use == USE_NONE || field_of(file, MAPPING_FIELD_KNOWN_AT) != NULL)
        return LX_OK;
    parse->line = known_at->line;
    enum lx_err code = add_field(parse, defaults, file, MAPPING_FIELD_KNOWN_AT, known_at->value);
    bool is_from_at = file->fields[file->field_count - 1].base == MAPPING_BASE_AT;
    if (code == LX_OK && use == USE_MAY && is_from_at && field_of(file, MAPPING_FIELD_AT) == NULL)
        file->field_count--;
    return code;
}

/* The forms of fields that name none, tried out on fields that are thrown away. */
static enum lx_err read_defaults(struct mapping_parse *parse, const char *section,
                                 struct mapping_defaults *ret_defaults)
{
    struct mapping_defaults defaults = {"YYYY-MM-DD", "yuan"};
    struct mapping_field moment = {.id = MAPPING_FIELD_AT}, amount = {.id = MAPPING_FIELD_AMOUNT};
    enum lx_err code = LX_OK;
    const char *text = option(parse, section, "dates");
    if (text != NULL) defaults.dates = text;
    if (text != NULL) code = mapping_parse_source(parse, &defaults, "column", &moment);
    text = code == LX_OK ? option(parse, section, "amounts") : NULL;
    if (text != NULL) defaults.amounts = text;
    if (text != NULL) code = mapping_parse_source(parse, &defaults, "column", &amount);
    *ret_defaults = defaults;
    return code;
}

/* Fields first, then their value maps, which may stand before them. */
static enum lx_err read_fields(struct mapping_parse *parse, const char *section,
                               struct mapping_file *file)
{
    const struct ini *ini = &parse->mapping->ini;
    struct mapping_defaults defaults;
    enum lx_err checked = read_defaults(parse, section, &defaults);
    if (checked != LX_OK) return checked;
    enum lx_err code = LX_OK;
    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; code == LX_OK && i < ini->count; i++) {
            const struct ini_entry *entry = &ini->entries[i];
            bool is_code = strchr(entry->name, '.') != NULL;
            if (strcmp(entry->section, section) != 0 || is_code != (pass == 1)) continue;
            if (index_of(entry->name, options, FILE_OPTIONS) >= 0) continue;
            enum mapping_field_id id = MAPPING_FIELD_CUSTOMER;
            parse->line = entry->line;
            code = find_field(parse, file, entry->name, &id);
            if (code != LX_OK) break;
            code = is_code ? add_code(parse, file, id, entry)
                           : add_field(parse, &defaults, file, id, entry->value);
        }
    }
    return code == LX_OK ? inherit_known_at(parse, &defaults, file) : code;
}

/* [codes FIELD]: for every section that has the field from a column. */
static enum lx_err add_shared_codes(struct mapping_parse *parse, struct mapping_file *file)
{
    const struct ini *ini = &parse->mapping->ini;
    static const char prefix[] = "codes ";
    for (size_t i = 0; i < ini->count; i++) {
        const struct ini_entry *entry = &ini->entries[i];
        if (strncmp(entry->section, prefix, sizeof prefix - 1) != 0) continue;
        parse->line = entry->line;
        const char *name = entry->section + sizeof prefix - 1, *value;
        int id = index_of(name, field_names, LX_COUNT_OF(field_names));
        if (id < 0) {
            struct mapping_hint hint = mapping_hint_of(name, field_names, LX_COUNT_OF(field_names));
            return mapping_refuse(parse, "[%s]: no such field%s", entry->section, hint.text);
        }
        struct mapping_codes *codes = codes_of(file, (enum mapping_field_id)id);
        const struct mapping_field *field = mapping_field(file, (enum mapping_field_id)id);
        if (codes == NULL || (field != NULL && field->base != MAPPING_BASE_SOURCE)) continue;
        enum lx_err code = mapping_copy(parse, entry->value, strlen(entry->value), &value);
        if (code == LX_OK) code = mapping_codes_add(parse, entry->name, value, codes);
        if (code != LX_OK) return code;
    }
    return LX_OK;
}

/* A constant is the same in every row, so it is refused here and not a million times later. */
static enum lx_err check_constant(struct mapping_parse *parse, const struct mapping_file *file,
                                  const struct mapping_field *field)
{
    enum mapping_type type = mapping_field_type(field->id);
    if (field->term_count != 1 || field->terms[0].kind != MAPPING_TERM_CONSTANT ||
        type == MAPPING_TEXT || type == MAPPING_ID || type == MAPPING_PRODUCT_CODE ||
        field->form == MAPPING_FORM_AGE || field->form == MAPPING_FORM_MONTH_FROM ||
        field->is_hash || field->codes.codes.count > 0 || field->codes.other != NULL)
        return LX_OK;
    const char *text = field->terms[0].text;
    struct lx_error why = {0};
    int64_t value;
    if (text[0] == '\0' || mapping_value(file, field, text, strlen(text), 0, &value, &why) == LX_OK)
        return LX_OK;
    parse->line = field->line;
    return mapping_refuse(parse, "%s = '%s': %s", field_names[field->id], text, why.text);
}

static bool has_date(const struct mapping_file *file)
{
    for (size_t i = 0; i < file->patterns.count; i++)
        if (strchr(file->patterns.texts[i], '{') == NULL) return false;
    return true;
}

static enum lx_err check_moment(struct mapping_parse *parse, const struct mapping_file *file,
                                const struct mapping_field *field)
{
    parse->line = field->line;
    const char *name = field_names[field->id];
    bool has_at = use_of(file->entity, "at") != USE_NONE &&
                  field_of((struct mapping_file *)file, MAPPING_FIELD_AT) != NULL;
    bool is_contract_part = field->id == MAPPING_FIELD_OPENED || field->id == MAPPING_FIELD_CLOSED;
    bool can_at = has_at || (file->entity == MAPPING_ENTITY_CONTRACT && !is_contract_part);
    if ((field->base == MAPPING_BASE_AT || field->form == MAPPING_FORM_AGE) && !can_at)
        return mapping_refuse(parse, "%s: this section has no `at`", name);
    if (field->base == MAPPING_BASE_FILE_DATE && !has_date(file))
        return mapping_refuse(
            parse, "%s = file date: `files` has a pattern without {YYYYMMDD} or the like", name);
    return LX_OK;
}

static enum lx_err check_required(struct mapping_parse *parse, const char *section,
                                  const struct mapping_file *file)
{
    parse->line = file->line;
    for (size_t i = 0; i < LX_COUNT_OF(field_names); i++) {
        if (use_of(file->entity, field_names[i]) != USE_MUST) continue;
        bool is_there = i == MAPPING_FIELD_HELD
                            ? file->held.count > 0
                            : mapping_field(file, (enum mapping_field_id)i) != NULL;
        if (!is_there)
            return mapping_refuse(parse, "[%s] (%s) says nothing about `%s`", section,
                                  entity_names[file->entity], field_names[i]);
    }
    bool has_product = mapping_field(file, MAPPING_FIELD_PRODUCT) != NULL;
    if (file->entity == MAPPING_ENTITY_SNAPSHOT && has_product == (file->held.count > 0))
        return mapping_refuse(parse, "[%s] needs either `held` (wide) or `product` (long)",
                              section);
    const struct mapping_field *sequence = mapping_field(file, MAPPING_FIELD_SEQUENCE);
    if (file->entity == MAPPING_ENTITY_EVENT_CHANGE && sequence->base == MAPPING_BASE_AUTO) {
        parse->line = sequence->line;
        return mapping_refuse(parse, "sequence = auto: a number that the loader gave cannot be "
                                     "named by a change");
    }
    return LX_OK;
}

static enum lx_err check_file(struct mapping_parse *parse, const char *section,
                              const struct mapping_file *file)
{
    enum lx_err code = check_required(parse, section, file);
    for (size_t i = 0; code == LX_OK && i < file->field_count; i++) {
        const struct mapping_field *field = &file->fields[i];
        enum mapping_type type = mapping_field_type(field->id);
        if (type == MAPPING_MOMENT || type == MAPPING_DAY) code = check_moment(parse, file, field);
        if (code == LX_OK) code = mapping_codes_check(parse, file, field);
        if (code == LX_OK) code = check_constant(parse, file, field);
    }
    return code;
}

static int compare_fields(const void *a, const void *b)
{
    const struct mapping_field *left = a, *right = b;
    return (left->id > right->id) - (left->id < right->id);
}

static enum lx_err read_entity(struct mapping_parse *parse, const char *section,
                               enum mapping_entity *ret_entity)
{
    const char *text = option(parse, section, "entity");
    if (text == NULL) return mapping_refuse(parse, "[%s] has no `entity`", section);
    int entity = index_of(text, entity_names, MAPPING_ENTITY_COUNT);
    if (entity < 0) {
        struct mapping_hint hint = mapping_hint_of(text, entity_names, MAPPING_ENTITY_COUNT);
        return mapping_refuse(parse, "entity = %s: no such entity%s", text, hint.text);
    }
    *ret_entity = (enum mapping_entity)entity;
    return LX_OK;
}

static enum lx_err read_file(struct mapping_parse *parse, const char *section)
{
    struct mapping *mapping = parse->mapping;
    enum { SECTIONS_MAX = 1000 };
    enum lx_err code = lx_grow(&mapping->files, &mapping->file_capacity, mapping->file_count + 1,
                               SECTIONS_MAX, sizeof *mapping->files);
    if (code == LX_ERR_LIMIT) return mapping_refuse(parse, "more than %d sections", SECTIONS_MAX);
    if (code != LX_OK) return mapping_no_memory(parse);

    struct mapping_file *file = &mapping->files[mapping->file_count++];
    *file = (struct mapping_file){.line = parse->line, .has_header = true};
    lx_dictionary_init(&file->held_codes.codes, LX_CONFIG_MAX);
    code = mapping_copy(parse, section + strlen("file"), strlen(section + strlen("file")),
                        &file->name);
    if (code == LX_OK) code = read_entity(parse, section, &file->entity);
    file->is_absent_closed =
        file->entity == MAPPING_ENTITY_SNAPSHOT && ini_get(&mapping->ini, section, "held") == NULL;
    if (code == LX_OK) code = read_options(parse, section, file);
    file->fields = lx_calloc(MAPPING_FIELD_COUNT + 1, sizeof *file->fields);
    if (code == LX_OK && file->fields == NULL) code = mapping_no_memory(parse);
    if (code == LX_OK) code = read_fields(parse, section, file);
    if (code == LX_OK) code = add_shared_codes(parse, file);
    if (code == LX_OK) code = check_file(parse, section, file);
    if (code == LX_OK) qsort(file->fields, file->field_count, sizeof *file->fields, compare_fields);
    return code;
}

static enum lx_err check_mapping_section(struct mapping_parse *parse)
{
    const struct ini *ini = &parse->mapping->ini;
    const char *known[SHARED_OPTIONS + 2];
    memcpy(known, options, SHARED_OPTIONS * sizeof *known);
    known[SHARED_OPTIONS] = options[ABOUT];
    known[SHARED_OPTIONS + 1] = options[KNOWN_AT];
    for (size_t i = 0; i < ini->count; i++) {
        const struct ini_entry *entry = &ini->entries[i];
        if (strcmp(entry->section, "mapping") != 0) continue;
        parse->line = entry->line;
        if (index_of(entry->name, known, LX_COUNT_OF(known)) >= 0) continue;
        struct mapping_hint hint = mapping_hint_of(entry->name, known, LX_COUNT_OF(known));
        return mapping_refuse(parse, "[mapping] has no `%s`%s", entry->name, hint.text);
    }
    return LX_OK;
}

static enum lx_err read_section(struct mapping_parse *parse, const char *section)
{
    static const char *const kinds[] = {"mapping", "file NAME", "codes FIELD", "product CODE"};
    for (size_t i = 0; i < parse->mapping->ini.count; i++) {
        if (strcmp(parse->mapping->ini.entries[i].section, section) != 0) continue;
        parse->line = parse->mapping->ini.entries[i].line;
        break;
    }
    if (strncmp(section, "file ", 5) == 0) return read_file(parse, section);
    if (strncmp(section, "product ", 8) == 0) return mapping_read_product(parse, section + 8);
    if (strcmp(section, "mapping") == 0 || strncmp(section, "codes ", 6) == 0) return LX_OK;
    struct mapping_hint hint = mapping_hint_of(section, kinds, LX_COUNT_OF(kinds));
    return mapping_refuse(parse,
                          "[%s]: no such section%s (there are [mapping], [file NAME], "
                          "[codes FIELD] and [product CODE])",
                          section, hint.text);
}

/* A stable order by entity: sections of one entity stay as they stand. */
static void sort_files(struct mapping *mapping)
{
    for (size_t i = 1; i < mapping->file_count; i++) {
        struct mapping_file file = mapping->files[i];
        size_t at = i;
        for (; at > 0 && mapping->files[at - 1].entity > file.entity; at--)
            mapping->files[at] = mapping->files[at - 1];
        mapping->files[at] = file;
    }
}

static enum lx_err read_sections(struct mapping_parse *parse)
{
    struct mapping *mapping = parse->mapping;
    enum lx_err code = check_mapping_section(parse);
    const char *section;
    for (size_t i = 0; code == LX_OK && (section = ini_section(&mapping->ini, i)) != NULL; i++)
        code = read_section(parse, section);
    if (code != LX_OK) return code;
    if (mapping->file_count == 0) {
        parse->line = 1;
        return mapping_refuse(parse, "no [file NAME] section");
    }
    mapping->about = ini_get(&mapping->ini, "mapping", "about");
    if (mapping->about == NULL) mapping->about = "";
    sort_files(mapping);
    return LX_OK;
}

static enum lx_err copy_name(const struct mapping_parse *parse)
{
    const char *slash = strrchr(parse->file, '/');
    const char *start = slash == NULL ? parse->file : slash + 1, *dot = strrchr(start, '.');
    size_t length = dot == NULL || dot == start ? strlen(start) : (size_t)(dot - start);
    return mapping_copy(parse, start, length, &parse->mapping->name);
}

enum lx_err mapping_parse(const char *file, const char *bytes, size_t length,
                          struct mapping *ret_mapping, struct lx_error *err)
{
    LX_ASSERT(file != NULL && ret_mapping != NULL);

    struct mapping mapping = {0};
    lx_arena_init(&mapping.texts, TEXTS_MAX);
    struct mapping_parse parse = {&mapping, file, bytes, length, 1, err};
    enum lx_err code = ini_read(file, bytes, length, &mapping.ini, err);
    if (code == LX_OK) code = copy_name(&parse);
    if (code == LX_OK) code = read_sections(&parse);
    if (code == LX_OK)
        *ret_mapping = mapping;
    else
        mapping_release(&mapping);
    return code;
}

static void release_codes(struct mapping_codes *codes)
{
    lx_dictionary_release(&codes->codes);
    lx_free(codes->values);
    lx_free(codes->lines);
}

static void release_file(struct mapping_file *file)
{
    lx_dictionary_release(&file->nulls);
    lx_dictionary_release(&file->yes);
    lx_dictionary_release(&file->no);
    release_codes(&file->held_codes);
    for (size_t i = 0; i < file->filter_count; i++) lx_dictionary_release(&file->filters[i].values);
    for (size_t i = 0; i < file->field_count; i++) release_codes(&file->fields[i].codes);
    lx_free(file->fields);
}

void mapping_release(struct mapping *mapping)
{
    for (size_t i = 0; i < mapping->file_count; i++) release_file(&mapping->files[i]);
    for (size_t i = 0; i < mapping->product_count; i++)
        bank_catalogue_release(&mapping->products[i]);
    lx_free(mapping->files);
    lx_free(mapping->products);
    ini_release(&mapping->ini);
    lx_arena_release(&mapping->texts);
    *mapping = (struct mapping){0};
}
