#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/date.h"
#include "base/limits.h"
#include "ingest/mapping_parse.h"
#include "ingest/mapping_value.h"

enum lx_err mapping_refuse(const struct mapping_parse *parse, const char *format, ...)
{
    char text[LX_ERROR_TEXT_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return lx_fail(parse->err, LX_ERR_BAD_INPUT, "%s:%d: %s", parse->file, parse->line, text);
}

enum lx_err mapping_no_memory(const struct mapping_parse *parse)
{
    return lx_fail(parse->err, LX_ERR_NO_MEMORY, "%s: out of memory", parse->file);
}

struct mapping_hint mapping_hint_of(const char *name, const char *const *names, size_t count)
{
    struct mapping_hint hint = {""};
    const char *nearest = mapping_nearest(name, names, count);
    if (nearest != NULL) snprintf(hint.text, sizeof hint.text, "; did you mean `%s`?", nearest);
    return hint;
}

static bool is_blank(char byte)
{
    return byte == ' ' || byte == '\t' || byte == '\n';
}

enum lx_err mapping_copy(const struct mapping_parse *parse, const char *text, size_t length,
                         const char **ret_copy)
{
    while (length > 0 && is_blank(text[0])) {
        text++;
        length--;
    }
    while (length > 0 && is_blank(text[length - 1])) length--;
    char *copy = lx_arena_strndup(&parse->mapping->texts, text, length);
    if (copy == NULL) return mapping_no_memory(parse);
    for (char *at = copy; *at != '\0'; at++)
        if (*at == '\n') *at = ' ';
    *ret_copy = copy;
    return LX_OK;
}

const char *mapping_split(const char *text, const char *separator)
{
    char quote = '\0';
    int depth = 0;
    size_t length = strlen(separator);
    for (; *text != '\0'; text++) {
        if (quote != '\0') {
            if (*text == quote) quote = '\0';
            continue;
        }
        if (depth == 0 && strncmp(text, separator, length) == 0) return text;
        if (*text == '\'' || *text == '`') quote = *text;
        depth += *text == '(' ? 1 : *text == ')' && depth > 0 ? -1 : 0;
    }
    return NULL;
}

/* The last such place. */
static const char *split_last(const char *text, const char *separator)
{
    const char *last = NULL;
    for (const char *at = mapping_split(text, separator); at != NULL;
         at = mapping_split(at + strlen(separator), separator))
        last = at;
    return last;
}

/* The word at `text`: *ret_length bytes from *ret_start on; false at the end. */
static bool next_word(const char **text, const char **ret_start, size_t *ret_length)
{
    const char *at = *text;
    while (is_blank(*at)) at++;
    if (*at == '\0') return false;
    const char *close = *at == '`' ? strchr(at + 1, '`') : NULL;
    if (close != NULL) {
        *ret_start = at + 1;
        *ret_length = (size_t)(close - at - 1);
        *text = close + 1;
        return true;
    }
    *ret_start = at;
    while (*at != '\0' && !is_blank(*at)) at++;
    *ret_length = (size_t)(at - *ret_start);
    *text = at;
    return true;
}

enum lx_err mapping_words(const struct mapping_parse *parse, const char *text,
                          struct mapping_texts *ret_texts)
{
    const char *at = text, *start;
    size_t length, count = 0;
    while (next_word(&at, &start, &length)) count++;
    if (count == 0) return mapping_refuse(parse, "nothing after the `=`");

    struct mapping_texts texts = {.count = count, .line = parse->line};
    texts.texts = lx_arena_array(&parse->mapping->texts, count, sizeof *texts.texts);
    if (texts.texts == NULL) return mapping_no_memory(parse);
    at = text;
    for (size_t i = 0; next_word(&at, &start, &length); i++) {
        enum lx_err code = mapping_copy(parse, start, length, &texts.texts[i]);
        if (code != LX_OK) return code;
    }
    *ret_texts = texts;
    return LX_OK;
}

/* The text between quotes, or the text itself. */
static void unquote(const char **text, size_t *length)
{
    if (*length < 2 || (*text)[0] != '\'' || (*text)[*length - 1] != '\'') return;
    *text += 1;
    *length -= 2;
}

enum lx_err mapping_list(const struct mapping_parse *parse, const char *text,
                         struct lx_dictionary *dictionary)
{
    while (text != NULL) {
        const char *comma = mapping_split(text, ","), *item;
        enum lx_err code =
            mapping_copy(parse, text, comma == NULL ? strlen(text) : (size_t)(comma - text), &item);
        if (code != LX_OK) return code;
        size_t length = strlen(item);
        unquote(&item, &length);
        uint32_t number;
        code = lx_dictionary_add(dictionary, item, length, &number, NULL);
        if (code == LX_ERR_LIMIT) return mapping_refuse(parse, "too many texts");
        if (code != LX_OK) return mapping_no_memory(parse);
        text = comma == NULL ? NULL : comma + 1;
    }
    return LX_OK;
}

static enum lx_err parse_position(const struct mapping_parse *parse, const char *text,
                                  struct mapping_term *ret_term)
{
    int64_t position;
    if (field_int64(text + 1, strlen(text + 1), &position, NULL) != LX_OK || position < 1 ||
        position > LX_FIELDS_MAX)
        return mapping_refuse(parse, "%s: a column's number is #1 to #%d", text, LX_FIELDS_MAX);
    *ret_term =
        (struct mapping_term){.kind = MAPPING_TERM_POSITION, .position = (uint32_t)position - 1};
    return LX_OK;
}

enum lx_err mapping_parse_term(const struct mapping_parse *parse, const char *text,
                               struct mapping_term *ret_term)
{
    size_t length = strlen(text);
    if (length == 0) return mapping_refuse(parse, "an empty term");
    if (text[0] == '#') return parse_position(parse, text, ret_term);
    struct mapping_term term = {.kind = MAPPING_TERM_COLUMN, .text = text};
    if (strcmp(text, "line()") == 0) {
        term.kind = MAPPING_TERM_LINE;
    } else if (strcmp(text, "file()") == 0) {
        term.kind = MAPPING_TERM_FILE;
    } else if (text[0] == '\'' || text[0] == '`') {
        if (length < 2 || strchr(text + 1, text[0]) != text + length - 1)
            return mapping_refuse(parse, "%s: a quote that is not closed at the end", text);
        term.kind = text[0] == '\'' ? MAPPING_TERM_CONSTANT : MAPPING_TERM_COLUMN;
        enum lx_err code = mapping_copy(parse, "", 0, &term.text);
        char *inner = lx_arena_strndup(&parse->mapping->texts, text + 1, length - 2);
        if (code != LX_OK || inner == NULL) return mapping_no_memory(parse);
        term.text = inner;
    } else if (length > LX_FIELD_NAME_MAX) {
        return mapping_refuse(parse, "%.40s...: a column's name has at most %d bytes", text,
                              LX_FIELD_NAME_MAX);
    }
    *ret_term = term;
    return LX_OK;
}

static enum lx_err parse_terms(const struct mapping_parse *parse, const char *text,
                               const char *separator, struct mapping_field *field)
{
    size_t count = 1, skip = strlen(separator);
    for (const char *at = mapping_split(text, separator); at != NULL;
         at = mapping_split(at + skip, separator))
        count++;
    field->terms = lx_arena_array(&parse->mapping->texts, count, sizeof *field->terms);
    if (field->terms == NULL) return mapping_no_memory(parse);
    for (field->term_count = 0; field->term_count < count; field->term_count++) {
        const char *end = mapping_split(text, separator), *term;
        enum lx_err code =
            mapping_copy(parse, text, end == NULL ? strlen(text) : (size_t)(end - text), &term);
        if (code == LX_OK) code = mapping_parse_term(parse, term, &field->terms[field->term_count]);
        if (code != LX_OK) return code;
        text = end == NULL ? text : end + skip;
    }
    return LX_OK;
}

static enum lx_err parse_hash_or_terms(const struct mapping_parse *parse, const char *text,
                                       struct mapping_field *field)
{
    size_t length = strlen(text);
    if (strncmp(text, "hash(", 5) != 0 || text[length - 1] != ')')
        return parse_terms(parse, text, " + ", field);

    char *inner = lx_arena_strndup(&parse->mapping->texts, text + 5, length - 6);
    if (inner == NULL) return mapping_no_memory(parse);
    field->is_hash = true;
    return parse_terms(parse, inner, ",", field);
}

static enum lx_err parse_month_from(const struct mapping_parse *parse, const char *form,
                                    struct mapping_field *field)
{
    char day[LX_DATE_TEXT_SIZE];
    snprintf(day, sizeof day, "%.7s-01", form);
    if (strlen(form) != 7 || lx_day_parse(day, strlen(day), &field->first_month) != LX_OK)
        return mapping_refuse(parse, "month-from-%s: not of the form month-from-YYYY-MM", form);
    field->form = MAPPING_FORM_MONTH_FROM;
    return LX_OK;
}

static enum lx_err parse_date_form(const struct mapping_parse *parse, const char *form,
                                   struct mapping_field *field)
{
    static const char from[] = "month-from-";
    if (field_date_form_find(form, &field->date_form)) {
        field->form = MAPPING_FORM_DATE;
    } else if (strcmp(form, "YYYY-MM") == 0) {
        field->form = MAPPING_FORM_MONTH;
    } else if (strcmp(form, "YYYYMM") == 0) {
        field->form = MAPPING_FORM_COMPACT_MONTH;
    } else if (strcmp(form, "ISO-8601") == 0) {
        field->form = MAPPING_FORM_ISO_8601;
    } else if (strncmp(form, from, sizeof from - 1) == 0) {
        return parse_month_from(parse, form + sizeof from - 1, field);
    } else if (strcmp(form, "age") == 0 && field->id == MAPPING_FIELD_BIRTH) {
        field->form = MAPPING_FORM_AGE;
    } else {
        static const char *const names[] = {"YYYY-MM-DD",
                                            "YYYYMMDD",
                                            "YYYY/MM/DD",
                                            "DD-MM-YYYY",
                                            "YYYY",
                                            "epoch-seconds",
                                            "epoch-ms",
                                            "YYYY-MM-DD HH:MM:SS",
                                            "YYYYMMDDHHMMSS",
                                            "YYYY-MM",
                                            "YYYYMM",
                                            "ISO-8601",
                                            "month-from-YYYY-MM",
                                            "age"};
        struct mapping_hint hint = mapping_hint_of(form, names, LX_COUNT_OF(names));
        return mapping_refuse(parse, "%s: no such date form%s", form, hint.text);
    }
    return LX_OK;
}

static enum lx_err parse_form(const struct mapping_parse *parse, const char *form,
                              struct mapping_field *field)
{
    static const struct {
        enum mapping_type type;
        const char *text;
        enum mapping_form form;
    } forms[] = {
        {MAPPING_AMOUNT, "yuan", MAPPING_FORM_YUAN},
        {MAPPING_AMOUNT, "fen", MAPPING_FORM_FEN},
        {MAPPING_AMOUNT, "yuan-rounded", MAPPING_FORM_YUAN_ROUNDED},
        {MAPPING_AMOUNT, "yuan-a-year", MAPPING_FORM_YUAN_A_YEAR},
        {MAPPING_SHARE, "one", MAPPING_FORM_ONE},
        {MAPPING_SHARE, "percent", MAPPING_FORM_PERCENT},
        {MAPPING_SHARE, "ppm", MAPPING_FORM_PPM},
    };
    enum mapping_type type = mapping_field_type(field->id);
    if (type == MAPPING_MOMENT || type == MAPPING_DAY) return parse_date_form(parse, form, field);
    for (size_t i = 0; i < LX_COUNT_OF(forms); i++) {
        if (forms[i].type != type || strcmp(forms[i].text, form) != 0) continue;
        field->form = forms[i].form;
        return LX_OK;
    }
    return mapping_refuse(parse, "%s has no form `%s`", mapping_field_text(field->id), form);
}

/* Takes " as FORM" off the end of the text; the default where there is none. */
static enum lx_err take_form(const struct mapping_parse *parse,
                             const struct mapping_defaults *defaults, char *text,
                             struct mapping_field *field)
{
    const char *as = split_last(text, " as ");
    enum mapping_type type = mapping_field_type(field->id);
    if (as != NULL) {
        const char *form;
        enum lx_err code = mapping_copy(parse, as + 4, strlen(as + 4), &form);
        text[as - text] = '\0';
        return code == LX_OK ? parse_form(parse, form, field) : code;
    }
    if (type == MAPPING_MOMENT || type == MAPPING_DAY)
        return parse_form(parse, defaults->dates, field);
    if (type == MAPPING_AMOUNT) return parse_form(parse, defaults->amounts, field);
    if (type == MAPPING_SHARE) field->form = MAPPING_FORM_ONE;
    return LX_OK;
}

/* True if the text is "N days" and the like. */
static bool is_offset(const char *text, int32_t *ret_offset, enum mapping_unit *ret_unit)
{
    static const char *const units[] = {"day", "hour", "minute", "month"};
    enum { OFFSET_DIGITS = 6 };
    int64_t offset;
    size_t digits = strspn(text, "0123456789");
    if (digits == 0 || digits > OFFSET_DIGITS || text[digits] != ' ') return false;
    if (field_int64(text, digits, &offset, NULL) != LX_OK) return false;
    const char *unit = text + digits + strspn(text + digits, " ");
    for (size_t i = 0; i < LX_COUNT_OF(units); i++) {
        size_t length = strlen(units[i]);
        if (strncmp(unit, units[i], length) != 0) continue;
        if (unit[length] != '\0' && strcmp(unit + length, "s") != 0) continue;
        *ret_offset = (int32_t)offset;
        *ret_unit = (enum mapping_unit)i;
        return true;
    }
    return false;
}

static void take_offset(char *text, struct mapping_field *field)
{
    const char *plus = split_last(text, " + "), *minus = split_last(text, " - ");
    const char *sign = plus == NULL || (minus != NULL && minus > plus) ? minus : plus;
    if (sign == NULL || !is_offset(sign + 3, &field->offset, &field->unit)) return;
    if (sign[1] == '-') field->offset = -field->offset;
    text[sign - text] = '\0';
}

static enum lx_err parse_moment(const struct mapping_parse *parse,
                                const struct mapping_defaults *defaults, char *text,
                                struct mapping_field *field)
{
    take_offset(text, field);
    if (strncmp(text, "day of ", 7) == 0) {
        field->is_day_of = true;
        text += 7;
    }
    bool has_form = mapping_split(text, " as ") != NULL;
    enum lx_err code = take_form(parse, defaults, text, field);
    if (code != LX_OK) return code;

    if (strcmp(text, "at") == 0 && field->id != MAPPING_FIELD_AT) {
        field->base = MAPPING_BASE_AT;
    } else if (strcmp(text, "file date") == 0) {
        field->base = MAPPING_BASE_FILE_DATE;
    } else if (strcmp(text, "import") == 0) {
        field->base = MAPPING_BASE_IMPORT;
    } else {
        code = parse_hash_or_terms(parse, text, field);
        if (code != LX_OK || field->term_count != 1) return code;
        if (field->terms[0].kind != MAPPING_TERM_CONSTANT || has_form) return LX_OK;
        field->base = MAPPING_BASE_CONSTANT;
        struct lx_error why = {0};
        const char *constant = field->terms[0].text;
        if (mapping_constant_moment(constant, strlen(constant), 0, &field->constant_ms, &why) !=
            LX_OK)
            return mapping_refuse(parse, "'%s': %s", constant, why.text);
        field->term_count = 0;
        return LX_OK;
    }
    if (has_form) return mapping_refuse(parse, "`%s` has no form", text);
    return LX_OK;
}

enum lx_err mapping_parse_source(const struct mapping_parse *parse,
                                 const struct mapping_defaults *defaults, const char *text,
                                 struct mapping_field *field)
{
    const char *copy;
    enum lx_err code = mapping_copy(parse, text, strlen(text), &copy);
    if (code != LX_OK) return code;
    if (copy[0] == '\0') return mapping_refuse(parse, "nothing after the `=`");
    char *scratch = lx_arena_strndup(&parse->mapping->texts, copy, strlen(copy));
    if (scratch == NULL) return mapping_no_memory(parse);

    enum mapping_type type = mapping_field_type(field->id);
    if (type == MAPPING_MOMENT || type == MAPPING_DAY)
        return parse_moment(parse, defaults, scratch, field);
    if (type == MAPPING_SEQUENCE && strcmp(scratch, "auto") == 0) {
        field->base = MAPPING_BASE_AUTO;
        return LX_OK;
    }
    code = take_form(parse, defaults, scratch, field);
    return code == LX_OK ? parse_hash_or_terms(parse, scratch, field) : code;
}

enum lx_err mapping_codes_add(const struct mapping_parse *parse, const char *code,
                              const char *value, struct mapping_codes *codes)
{
    if (code[0] == '\0') {
        codes->empty = value;
        codes->empty_line = parse->line;
        return LX_OK;
    }
    if (strcmp(code, "*") == 0) {
        if (codes->other == NULL) {
            codes->other = value;
            codes->other_line = parse->line;
        }
        return LX_OK;
    }
    bool is_new;
    uint32_t number;
    size_t values_capacity = codes->capacity, count = codes->codes.count;
    enum lx_err err = lx_dictionary_add(&codes->codes, code, strlen(code), &number, &is_new);
    if (err == LX_OK && is_new) {
        err = lx_grow(&codes->values, &values_capacity, count + 1, LX_CONFIG_MAX,
                      sizeof *codes->values);
        if (err == LX_OK)
            err = lx_grow(&codes->lines, &codes->capacity, count + 1, LX_CONFIG_MAX,
                          sizeof *codes->lines);
    }
    if (err != LX_OK) return mapping_no_memory(parse);
    if (!is_new) return LX_OK; /* the section's own line went first */
    codes->values[number] = value;
    codes->lines[number] = parse->line;
    return LX_OK;
}

static bool has_number(enum mapping_type type)
{
    return type != MAPPING_TEXT && type != MAPPING_ID && type != MAPPING_PRODUCT_CODE &&
           type != MAPPING_HELD;
}

static enum lx_err check_value(struct mapping_parse *parse, const struct mapping_file *file,
                               const struct mapping_field *field, int line, const char *value)
{
    parse->line = line;
    if (value == NULL || value[0] == '\0' || !has_number(mapping_field_type(field->id)))
        return LX_OK;
    int64_t number;
    struct lx_error why = {0};
    if (mapping_value_written(file, field, value, 0, &number, &why) == LX_OK) return LX_OK;
    return mapping_refuse(parse, "%s: `%s`: %s", mapping_field_text(field->id), value, why.text);
}

enum lx_err mapping_codes_check(struct mapping_parse *parse, const struct mapping_file *file,
                                const struct mapping_field *field)
{
    const struct mapping_codes *codes = &field->codes;
    enum lx_err code = check_value(parse, file, field, codes->other_line, codes->other);
    if (code == LX_OK) code = check_value(parse, file, field, codes->empty_line, codes->empty);
    for (size_t i = 0; code == LX_OK && i < codes->codes.count; i++)
        code = check_value(parse, file, field, codes->lines[i], codes->values[i]);
    return code;
}
