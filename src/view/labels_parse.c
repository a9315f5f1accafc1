#include <stdio.h>
#include <string.h>

#include "base/suggest.h"
#include "codec/digest.h"
#include "codec/field.h"
#include "view/definitions.h"
#include "view/label_set.h"

enum { WORDS_MAX = 4, WORD_SIZE = VIEW_LABEL_TEXT_MAX };

#define BIT(type) (1U << EXPR_##type)
static const struct {
    const char *text;
    unsigned types;
    const char *zh, *en;
} types[] = {
#define X(name, text, types, zh, en) {text, types, zh, en},
    VIEW_LABEL_TYPE_MAP(X)
#undef X
};
#undef BIT

static const struct {
    const char *text;
    enum view_comparison comparison;
} comparisons[] = {
    {"<=", VIEW_AT_MOST},
    {">=", VIEW_AT_LEAST},
    {"<", VIEW_BELOW},
    {">", VIEW_ABOVE},
};

#define KEY_MAP(X)                                                                                 \
    X(layer)                                                                                       \
    X(expression)                                                                                  \
    X(model)                                                                                       \
    X(type) X(threshold) X(zh) X(en) X(owner) X(lift_of) X(bands) X(values) X(unit_zh) X(unit_en)

static const char *const keys[] = {
#define X(name) #name,
    KEY_MAP(X)
#undef X
};

/* The settings of one label; NULL: not there. */
struct entries {
#define X(name) const struct ini_entry *name;
    KEY_MAP(X)
#undef X
    const struct ini_entry *first;
};

struct parse {
    struct view_labels *labels;
    const struct bank_catalogue *catalogue;
    struct definitions definitions;
    struct lx_error *err;
};

const char *view_label_type_text(enum view_label_type type)
{
    LX_ASSERT(type < VIEW_LABEL_TYPE_COUNT);
    return types[type].text;
}

static enum lx_err refuse(const struct parse *parse, const struct ini_entry *entry, size_t offset,
                          const char *message)
{
    return definitions_fail(&parse->definitions, entry, offset, message);
}

static enum lx_err out_of_memory(const struct parse *parse)
{
    return definitions_no_memory(&parse->definitions);
}

static const char *copy_bytes(struct parse *parse, const char *text, size_t length)
{
    return lx_arena_strndup(&parse->labels->arena, text, length);
}

static enum lx_err copy(struct parse *parse, const char *text, const char **ret_text)
{
    *ret_text = copy_bytes(parse, text, strlen(text));
    return *ret_text == NULL ? out_of_memory(parse) : LX_OK;
}

/* --- Words ----------------------------------------------------------------------------------- */

struct word {
    const char *text; /* in the entry's value */
    size_t length, offset;
};

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static struct word word_between(const char *value, const char *from, const char *to)
{
    while (from < to && is_space(*from)) from++;
    while (to > from && is_space(to[-1])) to--;
    return (struct word){from, (size_t)(to - from), (size_t)(from - value)};
}

/* A line of `a | b | c`; how many there are, of which at most WORDS_MAX are told. */
static size_t split_line(const char *value, const char *from, const char *end,
                         struct word words[WORDS_MAX])
{
    size_t count = 0;
    for (;;) {
        const char *bar = memchr(from, '|', (size_t)(end - from));
        const char *to = bar == NULL ? end : bar;
        if (count < WORDS_MAX) words[count] = word_between(value, from, to);
        count++;
        if (bar == NULL) return count;
        from = bar + 1;
    }
}

/* What a number of the file is in the expression's type. */
static enum lx_err read_number(struct parse *parse, const struct ini_entry *entry,
                               const struct word *word, enum expr_type type,
                               struct expr_value *ret_value)
{
    struct lx_error why;
    char message[256];
    enum lx_err code = LX_ERR_BAD_INPUT;
    *ret_value = (struct expr_value){0};
    snprintf(why.text, sizeof why.text, "expected a number");
    bool is_plain = word->length > 0;
    for (size_t i = 0; i < word->length; i++) is_plain = is_plain && word->text[i] != ',';
    if (is_plain && type == EXPR_MONEY)
        code = field_yuan(word->text, word->length, &ret_value->as.integer, &why);
    else if (is_plain && type == EXPR_INTEGER)
        code = field_int64(word->text, word->length, &ret_value->as.integer, &why);
    else if (is_plain)
        code = field_real(word->text, word->length, &ret_value->as.real, &why);
    if (code == LX_OK) return LX_OK;
    snprintf(message, sizeof message, "`%.*s`: %.200s",
             (int)(word->length < 40 ? word->length : 40), word->text, why.text);
    return refuse(parse, entry, word->offset, message);
}

/* `<= 30`: what it compares by, and the number behind it. */
static enum lx_err read_comparison(const struct parse *parse, const struct ini_entry *entry,
                                   struct word *word, enum view_comparison *ret_comparison)
{
    for (size_t i = 0; i < LX_COUNT_OF(comparisons); i++) {
        size_t length = strlen(comparisons[i].text);
        if (word->length < length || memcmp(word->text, comparisons[i].text, length) != 0) continue;
        const char *value = word->text - word->offset;
        *word = word_between(value, word->text + length, word->text + word->length);
        *ret_comparison = comparisons[i].comparison;
        return LX_OK;
    }
    return refuse(parse, entry, word->offset, "expected <=, >=, < or > and a number");
}

/* --- Bands and values ------------------------------------------------------------------------ */

static enum lx_err copy_word(struct parse *parse, const struct ini_entry *entry,
                             const struct word *word, const char **ret_text)
{
    if (word->length == 0) return refuse(parse, entry, word->offset, "a text that says nothing");
    if (word->length >= VIEW_LABEL_TEXT_MAX)
        return refuse(parse, entry, word->offset, "a text of more than 511 bytes");
    *ret_text = copy_bytes(parse, word->text, word->length);
    return *ret_text == NULL ? out_of_memory(parse) : LX_OK;
}

static enum lx_err copy_value(struct parse *parse, const struct ini_entry *entry,
                              const struct word words[3], struct view_label_value *value)
{
    enum lx_err code = copy_word(parse, entry, &words[0], &value->code);
    if (code == LX_OK) code = copy_word(parse, entry, &words[1], &value->zh);
    if (code == LX_OK) code = copy_word(parse, entry, &words[2], &value->en);
    return code;
}

/* `< LIMIT | value | zh | en`, or `else | ...` on the last line. */
static enum lx_err read_band(struct parse *parse, const struct ini_entry *entry,
                             enum expr_type type, bool is_last, struct word words[WORDS_MAX],
                             struct view_label_value *band, const struct view_label_value *before)
{
    enum view_comparison comparison = VIEW_NO_THRESHOLD;
    bool is_else = words[0].length == 4 && memcmp(words[0].text, "else", 4) == 0;
    enum lx_err code = LX_OK;
    if (is_else != is_last)
        return refuse(parse, entry, words[0].offset,
                      "the last band, and no other, begins with `else`");
    if (!is_else) {
        code = read_comparison(parse, entry, &words[0], &comparison);
        if (code == LX_OK && comparison != VIEW_BELOW)
            code = refuse(parse, entry, words[0].offset, "a band begins with < and a number");
        if (code == LX_OK) code = read_number(parse, entry, &words[0], type, &band->limit);
        if (code == LX_OK && before != NULL &&
            label_compare(type, &before->limit, &band->limit) >= 0)
            code = refuse(parse, entry, words[0].offset, "not above the band before it");
    }
    return code == LX_OK ? copy_value(parse, entry, words + 1, band) : code;
}

/* Lines of words; `is_bands` says which form. */
static enum lx_err read_lines(struct parse *parse, const struct ini_entry *entry, bool is_bands,
                              enum expr_type type, const struct view_label_value **ret_values,
                              size_t *ret_count)
{
    size_t count = 1, width = is_bands ? 4 : 3, made = 0;
    const char *value = entry->value;
    for (const char *at = value; *at != '\0'; at++) count += *at == '\n';
    if (count > VIEW_LABEL_VALUES_MAX) return refuse(parse, entry, 0, "more than 64 values");
    struct view_label_value *values = lx_arena_array(&parse->labels->arena, count, sizeof *values);
    if (values == NULL) return out_of_memory(parse);
    for (const char *from = value; made < count; made++) {
        struct word words[WORDS_MAX];
        const char *end = from + strcspn(from, "\n");
        enum lx_err code = LX_OK;
        if (split_line(value, from, end, words) != width)
            code = refuse(parse, entry, (size_t)(from - value),
                          is_bands ? "expected < LIMIT | value | zh | en"
                                   : "expected value | zh | en");
        else if (is_bands)
            code = read_band(parse, entry, type, made + 1 == count, words, &values[made],
                             made == 0 ? NULL : &values[made - 1]);
        else
            code = copy_value(parse, entry, words, &values[made]);
        if (code != LX_OK) return code;
        from = end + 1;
    }
    *ret_values = values;
    *ret_count = count;
    return LX_OK;
}

/* --- A label --------------------------------------------------------------------------------- */

/* A category or a product. */
static enum lx_err read_subject(struct parse *parse, const struct ini_entry *entry,
                                const struct word *word, struct view_subject *ret_subject)
{
    const char *names[BANK_CATEGORY_END + LX_PRODUCT_MAX];
    char text[64];
    size_t count = 0;
    if (word->length >= sizeof text)
        return refuse(parse, entry, word->offset, "neither a category nor a product");
    memcpy(text, word->text, word->length);
    text[word->length] = '\0';
    *ret_subject = (struct view_subject){.text = copy_bytes(parse, text, word->length)};
    if (ret_subject->text == NULL) return out_of_memory(parse);
    enum bank_category category = bank_category_find(text, word->length);
    if (category != BANK_CATEGORY_NONE) {
        ret_subject->kind = VIEW_ONE_CATEGORY;
        ret_subject->number = (int)category;
        return LX_OK;
    }
    for (size_t i = 0; i < parse->catalogue->count; i++) {
        names[count++] = parse->catalogue->products[i].code;
        if (strcmp(text, parse->catalogue->products[i].code) != 0) continue;
        ret_subject->kind = VIEW_ONE_PRODUCT;
        ret_subject->number = (int)i;
        return LX_OK;
    }
    for (int i = 1; i < BANK_CATEGORY_END; i++)
        names[count++] = bank_category_text((enum bank_category)i);
    return definitions_fail_word(&parse->definitions, entry, word->offset,
                                 "neither a category nor a product:", text, names, count);
}

/* `wealth probability` */
static enum lx_err read_model(struct parse *parse, const struct entries *entries,
                              struct view_label *label)
{
    static const char *const outputs[] = {"product", "probability", "score"};
    const struct ini_entry *entry = entries->model;
    const char *value = entry->value;
    size_t length = strcspn(value, " \t\n");
    const struct word subject = {value, length, 0};
    enum lx_err code = read_subject(parse, entry, &subject, &label->model);
    if (code != LX_OK) return code;
    struct word rest = word_between(value, value + length, value + strlen(value));
    char text[64];
    snprintf(text, sizeof text, "%.*s", (int)(rest.length < 60 ? rest.length : 60), rest.text);
    size_t output = 0;
    while (output < LX_COUNT_OF(outputs) && strcmp(text, outputs[output]) != 0) output++;
    if (output == LX_COUNT_OF(outputs))
        return definitions_fail_word(&parse->definitions, entry, rest.offset,
                                     "a model tells product, probability or score, not", text,
                                     outputs, LX_COUNT_OF(outputs));
    if (entries->type != NULL)
        return refuse(parse, entries->type, 0, "a model's output has no type of its own");
    label->output = (enum view_output)(VIEW_OUTPUT_PRODUCT + output);
    label->type = label->output == VIEW_OUTPUT_PRODUCT ? VIEW_LABEL_CODE
                  : label->output == VIEW_OUTPUT_SCORE ? VIEW_LABEL_COUNT
                                                       : VIEW_LABEL_SHARE;
    char definition[128];
    snprintf(definition, sizeof definition, "model %s %s", label->model.text, outputs[output]);
    return copy(parse, definition, &label->definition);
}

static enum lx_err read_type(struct parse *parse, const struct entries *entries,
                             struct view_label *label)
{
    const char *names[VIEW_LABEL_TYPE_COUNT];
    char message[256];
    size_t type = 0;
    for (int i = 0; i < VIEW_LABEL_TYPE_COUNT; i++) names[i] = types[i].text;
    if (entries->type == NULL)
        return refuse(parse, entries->expression, 0,
                      "type is missing: how a person reads the value");
    while (type < LX_COUNT_OF(types) && strcmp(entries->type->value, names[type]) != 0) type++;
    if (type == LX_COUNT_OF(types))
        return definitions_fail_word(&parse->definitions, entries->type, 0, "unknown type",
                                     entries->type->value, names, LX_COUNT_OF(names));
    label->type = (enum view_label_type)type;
    if ((types[type].types >> expr_result(label->expr) & 1) != 0) return LX_OK;
    snprintf(message, sizeof message, "type = %s does not fit an expression that is %s",
             names[type], expr_type_name(expr_result(label->expr)));
    return refuse(parse, entries->type, 0, message);
}

/* In its canonical form. */
static enum lx_err tell_definition(struct parse *parse, struct view_label *label)
{
    size_t length = expr_format(label->expr, NULL, 0);
    char *text = lx_arena_alloc(&parse->labels->arena, length + 1);
    if (text == NULL) return out_of_memory(parse);
    expr_format(label->expr, text, length + 1);
    label->definition = text;
    return LX_OK;
}

static enum lx_err read_expression(struct parse *parse, const struct entries *entries, size_t index,
                                   struct view_label *label)
{
    struct view_labels *labels = parse->labels;
    const struct expr_schema *schema =
        view_schema_scope(view_features_schema(labels->features), VIEW_CUSTOMER);
    enum lx_err code = definitions_compile(&parse->definitions, entries->expression, schema,
                                           &labels->exprs[index]);
    label->expr = labels->exprs[index];
    if (code == LX_OK) code = tell_definition(parse, label);
    if (code == LX_OK) code = read_type(parse, entries, label);
    return code;
}

static enum expr_type type_of(const struct view_label *label)
{
    if (label->expr != NULL) return expr_result(label->expr);
    return label->output == VIEW_OUTPUT_PROBABILITY ? EXPR_REAL
           : label->output == VIEW_OUTPUT_SCORE     ? EXPR_INTEGER
                                                    : EXPR_ENUM;
}

static bool is_number(enum expr_type type)
{
    return type == EXPR_INTEGER || type == EXPR_MONEY || type == EXPR_REAL;
}

static enum lx_err read_threshold(struct parse *parse, const struct entries *entries,
                                  struct view_label *label)
{
    const struct ini_entry *entry = entries->threshold;
    label->threshold_text = "";
    if (entry == NULL) return LX_OK;
    if (!is_number(type_of(label))) return refuse(parse, entry, 0, "a threshold is of a number");
    if (entries->bands != NULL)
        return refuse(parse, entry, 0, "a label has bands or a threshold, not both");
    const char *value = entry->value;
    struct word word = word_between(value, value, value + strlen(value));
    enum lx_err code = copy(parse, value, &label->threshold_text);
    if (code == LX_OK) code = read_comparison(parse, entry, &word, &label->comparison);
    if (code == LX_OK) code = read_number(parse, entry, &word, type_of(label), &label->threshold);
    return code;
}

static enum lx_err read_texts(struct parse *parse, const struct entries *entries,
                              struct view_label *label)
{
    enum expr_type type = type_of(label);
    enum lx_err code = LX_OK;
    if (entries->bands != NULL && !is_number(type))
        return refuse(parse, entries->bands, 0, "bands are of a number");
    if (entries->bands != NULL && label->expr == NULL)
        return refuse(parse, entries->bands, 0, "bands are of an expression");
    if (entries->bands != NULL && entries->values != NULL)
        return refuse(parse, entries->values, 0, "a label has bands or values, not both");
    if (entries->bands != NULL)
        code = read_lines(parse, entries->bands, true, type, &label->bands, &label->band_count);
    if (code == LX_OK && entries->values != NULL)
        code = read_lines(parse, entries->values, false, type, &label->values, &label->value_count);
    label->unit_zh = types[label->type].zh;
    label->unit_en = types[label->type].en;
    if (code == LX_OK && entries->unit_zh != NULL)
        code = copy(parse, entries->unit_zh->value, &label->unit_zh);
    if (code == LX_OK && entries->unit_en != NULL) {
        char unit[VIEW_LABEL_TEXT_MAX];
        snprintf(unit, sizeof unit, " %.500s", entries->unit_en->value);
        code = copy(parse, unit, &label->unit_en);
    }
    return code;
}

/* Whether a customer has it, in the language: what an audience is asked by. */
static enum lx_err tell_condition(struct parse *parse, const struct entries *entries,
                                  struct view_label *label)
{
    if (label->expr == NULL) return LX_OK;
    label->condition = label->definition;
    if (label->type == VIEW_LABEL_FLAG) return LX_OK;
    const struct expr_schema *schema =
        view_schema_scope(view_features_schema(parse->labels->features), VIEW_CUSTOMER);
    const char *test =
        label->comparison == VIEW_NO_THRESHOLD ? "is not null" : label->threshold_text;
    size_t size = strlen(label->definition) + strlen(test) + 4;
    char *text = lx_arena_alloc(&parse->labels->arena, size);
    struct expr *expr = NULL;
    struct expr_fault fault;
    if (text == NULL) return out_of_memory(parse);
    snprintf(text, size, "(%s) %s", label->definition, test);
    label->condition = text;
    enum lx_err code =
        expr_compile_as(schema, EXPR_BOOLEAN, text, size - 1, &expr, &fault, parse->err);
    expr_free(expr);
    if (code == LX_OK || code == LX_ERR_NO_MEMORY) return code;
    const struct ini_entry *entry =
        entries->threshold != NULL ? entries->threshold : entries->expression;
    return refuse(parse, entry, 0, fault.message);
}

/* What was counted or measured of another definition is not taken for this one's. */
static enum lx_err tell_version(struct parse *parse, struct view_label *label)
{
    const char *parts[] = {label->definition, label->threshold_text, label->lift_of.text};
    uint8_t hash[DIGEST_SIZE];
    char text[DIGEST_TEXT_SIZE];
    struct digest digest;
    if (digest_init(&digest) != LX_OK) return out_of_memory(parse);
    for (size_t i = 0; i < LX_COUNT_OF(parts); i++)
        digest_add(&digest, parts[i], strlen(parts[i]) + 1);
    digest_finish(&digest, hash);
    digest_text(hash, text);
    label->version = copy_bytes(parse, text, 16);
    return label->version == NULL ? out_of_memory(parse) : LX_OK;
}

static enum lx_err read_layer(struct parse *parse, const struct entries *entries,
                              struct view_label *label)
{
    const char *names[VIEW_LAYER_COUNT];
    for (int i = 0; i < VIEW_LAYER_COUNT; i++) names[i] = view_layer_text((enum view_layer)i);
    size_t layer = 0;
    while (layer < VIEW_LAYER_COUNT && strcmp(entries->layer->value, names[layer]) != 0) layer++;
    if (layer == VIEW_LAYER_COUNT)
        return definitions_fail_word(&parse->definitions, entries->layer, 0, "unknown layer",
                                     entries->layer->value, names, VIEW_LAYER_COUNT);
    label->layer = (enum view_layer)layer;
    if ((entries->model != NULL) != (label->layer == VIEW_LAYER_PREDICTION))
        return refuse(parse, entries->layer, 0,
                      "a prediction is a model's output, and a model's output is a prediction");
    return LX_OK;
}

/* NULL: nothing is missing. */
static const char *missing_of(const struct entries *entries)
{
    if (entries->layer == NULL) return "layer";
    if (entries->expression == NULL && entries->model == NULL) return "expression";
    if (entries->zh == NULL) return "zh";
    return entries->en == NULL ? "en" : NULL;
}

static enum lx_err check_entries(const struct parse *parse, const struct entries *entries)
{
    const char *missing = missing_of(entries);
    if (missing != NULL)
        return lx_fail(parse->err, LX_ERR_BAD_INPUT, "%s:%d:1: [%s] %s is missing",
                       parse->definitions.file, entries->first->line, entries->first->section,
                       missing);
    if (!definitions_is_name(entries->first->section))
        return lx_fail(parse->err, LX_ERR_BAD_INPUT,
                       "%s:%d:1: [%s] a label's name has small letters, digits and `_`, at most %d",
                       parse->definitions.file, entries->first->line, entries->first->section,
                       DEFINITION_NAME_MAX);
    if (entries->expression != NULL && entries->model != NULL)
        return refuse(parse, entries->model, 0, "a label is an expression or a model's output");
    return LX_OK;
}

static enum lx_err read_titles(struct parse *parse, const struct entries *entries,
                               struct view_label *label)
{
    enum lx_err code = copy(parse, entries->first->section, &label->name);
    if (code == LX_OK) code = copy(parse, entries->zh->value, &label->zh);
    if (code == LX_OK) code = copy(parse, entries->en->value, &label->en);
    if (code == LX_OK)
        code = copy(parse, entries->owner == NULL ? "" : entries->owner->value, &label->owner);
    label->lift_of.text = "";
    if (code == LX_OK && entries->lift_of != NULL) {
        const char *value = entries->lift_of->value;
        struct word word = word_between(value, value, value + strlen(value));
        code = read_subject(parse, entries->lift_of, &word, &label->lift_of);
    }
    return code;
}

static enum lx_err read_label(struct parse *parse, const char *section)
{
    const struct ini *ini = &parse->definitions.ini;
    struct entries entries = {
#define X(name) .name = ini_find(ini, section, #name),
        KEY_MAP(X)
#undef X
    };
    size_t index = parse->labels->count;
    struct view_label *label = &parse->labels->items[index];
    for (size_t i = 0; entries.first == NULL; i++)
        if (strcmp(ini->entries[i].section, section) == 0) entries.first = &ini->entries[i];
    enum lx_err code = check_entries(parse, &entries);
    if (code != LX_OK) return code;
    parse->labels->count++; /* what it owns is released with the others from here */
    code = read_titles(parse, &entries, label);
    if (code == LX_OK) code = read_layer(parse, &entries, label);
    if (code == LX_OK)
        code = entries.model != NULL ? read_model(parse, &entries, label)
                                     : read_expression(parse, &entries, index, label);
    if (code == LX_OK) code = read_threshold(parse, &entries, label);
    if (code == LX_OK) code = read_texts(parse, &entries, label);
    if (code == LX_OK) code = tell_condition(parse, &entries, label);
    if (code == LX_OK) code = tell_version(parse, label);
    return code;
}

static enum lx_err make_room(struct parse *parse)
{
    struct view_labels *labels = parse->labels;
    size_t count = 0;
    while (ini_section(&parse->definitions.ini, count) != NULL) count++;
    if (count > VIEW_LABELS_MAX)
        return lx_fail(parse->err, LX_ERR_LIMIT, "%s: more than %d labels", parse->definitions.file,
                       VIEW_LABELS_MAX);
    labels->items = lx_arena_array(&labels->arena, count + 1, sizeof *labels->items);
    labels->exprs = lx_arena_array(&labels->arena, count + 1, sizeof *labels->exprs);
    labels->places = lx_arena_array(&labels->arena, count + 1, sizeof *labels->places);
    bool is_made = labels->items != NULL && labels->exprs != NULL && labels->places != NULL;
    return is_made ? LX_OK : out_of_memory(parse);
}

enum lx_err label_set_read(struct view_labels *labels, const char *file, const char *bytes,
                           size_t length, const struct bank_catalogue *catalogue,
                           struct lx_error *err)
{
    struct parse *parse = lx_calloc(1, sizeof *parse);
    if (parse == NULL) return lx_fail(err, LX_ERR_NO_MEMORY, "%s: out of memory", file);
    parse->labels = labels;
    parse->catalogue = catalogue;
    parse->err = err;
    enum lx_err code = definitions_read(file, bytes, length, &parse->definitions, err);
    if (code == LX_OK) code = definitions_check_keys(&parse->definitions, keys, LX_COUNT_OF(keys));
    if (code == LX_OK) code = make_room(parse);
    const char *section;
    for (size_t i = 0; code == LX_OK && (section = ini_section(&parse->definitions.ini, i)) != NULL;
         i++)
        if (strcmp(section, "define") != 0) code = read_label(parse, section);
    definitions_release(&parse->definitions);
    lx_free(parse);
    return code;
}
