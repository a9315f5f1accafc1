#include "view/labels.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "host/file.h"
#include "money/money.h"
#include "view/label_set.h"
#include "view/past.h"

/* Titles, texts and programs of one file. */
#define LABELS_BYTES_MAX ((size_t)32 << 20)

/* data/labels.ini; made by tools/embed.sh. */
extern const char shipped_labels[];
extern const unsigned long shipped_labels_length;

#define X(name, text, zh, en) {text, zh, en},
static const struct {
    const char *text, *zh, *en;
} layers[] = {VIEW_LAYER_MAP(X)};
#undef X

const char *view_layer_text(enum view_layer layer)
{
    LX_ASSERT(layer < VIEW_LAYER_COUNT);
    return layers[layer].text;
}

const char *view_layer_zh(enum view_layer layer)
{
    LX_ASSERT(layer < VIEW_LAYER_COUNT);
    return layers[layer].zh;
}

const char *view_layer_en(enum view_layer layer)
{
    LX_ASSERT(layer < VIEW_LAYER_COUNT);
    return layers[layer].en;
}

bool view_subject_has(const struct view_subject *subject, const struct bank_catalogue *catalogue,
                      int product)
{
    switch (subject->kind) {
    case VIEW_ONE_PRODUCT: return product == subject->number;
    case VIEW_ONE_CATEGORY: return (int)catalogue->products[product].category == subject->number;
    case VIEW_ANY_PRODUCT: break;
    }
    return true;
}

/* --- Opening --------------------------------------------------------------------------------- */

static enum lx_err no_memory(struct lx_error *err)
{
    return lx_fail(err, LX_ERR_NO_MEMORY, "labels: out of memory");
}

/* One program has the windows of all labels. */
static enum lx_err make_program(struct view_labels *labels, struct lx_error *err)
{
    struct program_source sources[VIEW_LABELS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < labels->count; i++) {
        if (labels->exprs[i] == NULL) continue;
        size_t windows = expr_window_count(labels->exprs[i]);
        labels->places[i] = lx_arena_array(&labels->arena, windows + 1, sizeof(uint16_t));
        if (labels->places[i] == NULL) return no_memory(err);
        sources[count++] = (struct program_source){labels->exprs[i], labels->places[i]};
    }
    return program_make(view_features_schema(labels->features), sources, count, &labels->program,
                        err);
}

enum lx_err view_labels_parse(const char *file, const char *bytes, size_t length,
                              const struct view_features *features,
                              const struct bank_catalogue *catalogue,
                              struct view_labels **ret_labels, struct lx_error *err)
{
    LX_ASSERT(file != NULL && bytes != NULL && features != NULL && catalogue != NULL);
    LX_ASSERT(ret_labels != NULL);

    struct view_labels *labels = lx_calloc(1, sizeof *labels);
    if (labels == NULL) return no_memory(err);
    labels->features = features;
    lx_arena_init(&labels->arena, LABELS_BYTES_MAX);
    enum lx_err code = label_set_read(labels, file, bytes, length, catalogue, err);
    if (code == LX_OK) {
        code = make_program(labels, err);
        if (code != LX_OK) code = lx_error_prefix(err, "%s", file);
    }
    if (code != LX_OK) {
        view_labels_close(labels);
        return code;
    }
    *ret_labels = labels;
    return LX_OK;
}

enum lx_err view_labels_open_shipped(const struct view_features *features,
                                     const struct bank_catalogue *catalogue,
                                     struct view_labels **ret_labels, struct lx_error *err)
{
    return view_labels_parse("labels.ini (shipped)", shipped_labels, shipped_labels_length,
                             features, catalogue, ret_labels, err);
}

enum lx_err view_labels_open(const char *folder, const struct view_features *features,
                             const struct bank_catalogue *catalogue,
                             struct view_labels **ret_labels, struct lx_error *err)
{
    LX_ASSERT(folder != NULL && ret_labels != NULL);

    char path[LX_PATH_MAX];
    struct lx_buffer text;
    lx_buffer_init(&text, LX_CONFIG_MAX);
    enum lx_err code = host_join(path, folder, "labels.ini", err);
    if (code == LX_OK) code = host_read_file(path, &text, err);
    if (code == LX_OK)
        code = view_labels_parse(path, lx_buffer_text(&text), text.length, features, catalogue,
                                 ret_labels, err);
    else if (code == LX_ERR_NOT_FOUND) /* the directory is older than the file */
        code = view_labels_open_shipped(features, catalogue, ret_labels, err);
    lx_buffer_release(&text);
    return code;
}

void view_labels_close(struct view_labels *labels)
{
    if (labels == NULL) return;
    for (size_t i = 0; i < labels->count; i++) expr_free(labels->exprs[i]);
    program_release(&labels->program);
    lx_arena_release(&labels->arena);
    lx_free(labels);
}

size_t view_labels_count(const struct view_labels *labels)
{
    return labels->count;
}

const struct view_label *view_labels_at(const struct view_labels *labels, size_t index)
{
    LX_ASSERT(index < labels->count);
    return &labels->items[index];
}

size_t view_labels_find(const struct view_labels *labels, const char *name)
{
    for (size_t i = 0; i < labels->count; i++)
        if (strcmp(labels->items[i].name, name) == 0) return i;
    return SIZE_MAX;
}

const struct view_features *view_labels_features(const struct view_labels *labels)
{
    return labels->features;
}

/* --- One customer ---------------------------------------------------------------------------- */

/* The reading comes first: the schema's callbacks take one. */
struct view_label_reader {
    struct view_reading reading;
    const struct view_labels *labels;
    size_t label; /* being evaluated */
    struct run run;
};

enum lx_err view_label_reader_open(const struct view_labels *labels,
                                   const struct bank_catalogue *catalogue,
                                   struct view_label_reader **ret_reader, struct lx_error *err)
{
    LX_ASSERT(labels != NULL && catalogue != NULL && ret_reader != NULL);

    struct view_label_reader *reader = lx_calloc(1, sizeof *reader);
    if (reader == NULL) return no_memory(err);
    reader->labels = labels;
    enum lx_err code = run_open(&labels->program, catalogue, &reader->run, err);
    if (code != LX_OK) {
        view_label_reader_close(reader);
        return code;
    }
    *ret_reader = reader;
    return LX_OK;
}

void view_label_reader_close(struct view_label_reader *reader)
{
    if (reader == NULL) return;
    run_release(&reader->run);
    lx_free(reader);
}

void view_label_reader_begin(struct view_label_reader *reader, const struct bank_history *history,
                             const struct view_context *context, const struct view_facts *facts,
                             int64_t as_of_ms, const float *customer_values)
{
    const struct view_moment moment = view_moment_of(as_of_ms, context->utc_offset_minutes);
    view_reading_begin(view_features_schema(reader->labels->features), context, facts,
                       view_profile_at(history, &moment), as_of_ms, customer_values,
                       &reader->reading);
    view_reading_find_peers(&reader->reading);
    run_pass(&reader->run, history, &reader->reading);
}

static enum lx_err read_window(void *context, const struct expr_window *window,
                               struct expr_value *ret_value, struct lx_error *err)
{
    struct view_label_reader *reader = context;
    const struct view_labels *labels = reader->labels;
    size_t number = (size_t)(window - expr_window_at(labels->exprs[reader->label], 0));
    return run_value(&reader->run, labels->places[reader->label][number], ret_value, err);
}

enum lx_err view_label_reader_value(struct view_label_reader *reader, size_t label,
                                    struct expr_value *ret_value, struct lx_error *err)
{
    LX_ASSERT(label < reader->labels->count && reader->labels->exprs[label] != NULL);

    struct expr_row row = view_reading_row(&reader->reading);
    row.window = read_window;
    reader->label = label;
    enum lx_err code = expr_evaluate(reader->labels->exprs[label], &row, ret_value, err);
    if (code != LX_ERR_OVERFLOW) return code;
    *ret_value = (struct expr_value){.is_null = true};
    return LX_OK;
}

/* --- What a value says ----------------------------------------------------------------------- */

int label_compare(enum expr_type type, const struct expr_value *a, const struct expr_value *b)
{
    if (type == EXPR_REAL) return (a->as.real > b->as.real) - (a->as.real < b->as.real);
    return (a->as.integer > b->as.integer) - (a->as.integer < b->as.integer);
}

static enum expr_type type_of(const struct view_label *label)
{
    if (label->expr != NULL) return expr_result(label->expr);
    return label->output == VIEW_OUTPUT_PROBABILITY ? EXPR_REAL : EXPR_INTEGER;
}

bool view_label_has(const struct view_label *label, const struct expr_value *value)
{
    if (value->is_null) return false;
    if (label->type == VIEW_LABEL_FLAG) return value->as.integer != 0;
    if (label->comparison == VIEW_NO_THRESHOLD) return true;
    int order = label_compare(type_of(label), value, &label->threshold);
    switch (label->comparison) {
    case VIEW_AT_MOST: return order <= 0;
    case VIEW_AT_LEAST: return order >= 0;
    case VIEW_BELOW: return order < 0;
    default: return order > 0;
    }
}

static void say_same(struct view_saying *saying, const char *text)
{
    saying->value = saying->zh = saying->en = text;
}

static void say_value(struct view_saying *saying, const struct view_label_value *value)
{
    saying->value = value->code;
    saying->zh = value->zh;
    saying->en = value->en;
}

/* A number, what follows it in each language; one of something loses its s. */
static void say_number(const struct view_label *label, bool is_one, const char *plain,
                       const char *zh, const char *en, struct view_saying *saying)
{
    size_t unit = strlen(label->unit_en);
    if (is_one && unit > 1 && label->unit_en[unit - 1] == 's') unit--;
    snprintf(saying->buffers[0], VIEW_LABEL_TEXT_MAX, "%s", plain);
    snprintf(saying->buffers[1], VIEW_LABEL_TEXT_MAX, "%s%s", zh, label->unit_zh);
    snprintf(saying->buffers[2], VIEW_LABEL_TEXT_MAX, "%s%.*s", en, (int)unit, label->unit_en);
    saying->value = saying->buffers[0];
    saying->zh = saying->buffers[1];
    saying->en = saying->buffers[2];
}

static void say_money(const struct view_label *label, int64_t fen, struct view_saying *saying)
{
    char plain[MONEY_TEXT_SIZE], zh[MONEY_TEXT_SIZE], en[MONEY_TEXT_SIZE];
    uint64_t size_fen = fen < 0 ? 0 - (uint64_t)fen : (uint64_t)fen;
    snprintf(plain, sizeof plain, "%s%" PRIu64 ".%02" PRIu64, fen < 0 ? "-" : "", size_fen / 100,
             size_fen % 100);
    money_format_short(fen, zh);
    money_format(fen, en);
    say_number(label, false, plain, zh, en, saying);
}

static void say_real(const struct view_label *label, double real, struct view_saying *saying)
{
    char plain[64], read[64];
    snprintf(plain, sizeof plain, "%.9g", real);
    if (label->type == VIEW_LABEL_SHARE)
        snprintf(read, sizeof read, "%.2f", real * 100);
    else
        snprintf(read, sizeof read, "%.1f", real);
    say_number(label, false, plain, read, read, saying);
}

static void say_code(const struct expr_enumeration *enumeration,
                     const struct bank_catalogue *catalogue, int64_t place,
                     struct view_saying *saying)
{
    const char *code = enumeration->codes[place];
    say_same(saying, code);
    if (enumeration->zh != NULL && enumeration->zh[place] != NULL)
        saying->zh = enumeration->zh[place];
    /* What a language's own name is missing is called by its code. */
    if (strcmp(enumeration->name, "product") == 0 && (size_t)place < catalogue->count &&
        catalogue->products[place].en != NULL)
        saying->en = catalogue->products[place].en;
}

static void say_plain(const struct view_label *label, const struct bank_catalogue *catalogue,
                      const struct expr_value *value, struct view_saying *saying)
{
    char text[64];
    enum expr_type type = type_of(label);
    switch (type) {
    case EXPR_MONEY: say_money(label, value->as.integer, saying); return;
    case EXPR_REAL: say_real(label, value->as.real, saying); return;
    case EXPR_ENUM:
        say_code(expr_result_enumeration(label->expr), catalogue, value->as.integer, saying);
        return;
    case EXPR_STRING:
        snprintf(saying->buffers[0], VIEW_LABEL_TEXT_MAX, "%.*s",
                 (int)(value->as.string.length < VIEW_LABEL_TEXT_MAX ? value->as.string.length : 0),
                 value->as.string.text);
        say_same(saying, saying->buffers[0]);
        return;
    case EXPR_DATE:
        expr_value_format(value, type, NULL, saying->buffers[0], VIEW_LABEL_TEXT_MAX);
        say_same(saying, saying->buffers[0]);
        return;
    default:
        snprintf(text, sizeof text, "%" PRId64, value->as.integer);
        say_number(label, value->as.integer == 1, text, text, text, saying);
    }
}

bool view_label_say(const struct view_label *label, const struct bank_catalogue *catalogue,
                    const struct expr_value *value, struct view_saying *ret_saying)
{
    static const struct view_label_value yes = {.code = "yes", .zh = "是", .en = "yes"};
    LX_ASSERT(!value->is_null);

    if (label->band_count > 0) {
        size_t band = 0;
        while (band + 1 < label->band_count &&
               label_compare(type_of(label), value, &label->bands[band].limit) >= 0)
            band++;
        say_value(ret_saying, &label->bands[band]);
        return true;
    }
    if (label->type == VIEW_LABEL_FLAG)
        say_value(ret_saying, &yes);
    else
        say_plain(label, catalogue, value, ret_saying);
    for (size_t i = 0; i < label->value_count; i++)
        if (strcmp(label->values[i].code, ret_saying->value) == 0) {
            say_value(ret_saying, &label->values[i]);
            break;
        }
    return ret_saying->value[0] != '\0';
}
