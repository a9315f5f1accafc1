#include "ingest/import_plan.h"

#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "ingest/mapping_value.h"

enum { NAMES_BYTES_MAX = 1 << 24, SCRATCH_MAX = 1 << 22, MEMO_MAX = 1 << 16 };

static enum lx_err refuse(const struct import_plan *plan, int line, const char *what,
                          struct lx_error *err)
{
    return lx_fail(err, LX_ERR_BAD_INPUT, "%s:%d: %s", plan->context->mapping_file, line, what);
}

static enum lx_err no_memory(const struct import_plan *plan, struct lx_error *err)
{
    return lx_fail(err, LX_ERR_NO_MEMORY, "%s: out of memory", plan->path);
}

static void copy_stem(struct import_plan *plan)
{
    const char *slash = strrchr(plan->path, '/');
    const char *start = slash == NULL ? plan->path : slash + 1, *dot = strrchr(start, '.');
    int length = dot == NULL || dot == start ? (int)strlen(start) : (int)(dot - start);
    snprintf(plan->stem, sizeof plan->stem, "%.*s", length, start);
}

/* The names of the columns: from the header, from the mapping, or #1 #2 ... */
static enum lx_err copy_names(struct import_plan *plan, const struct csv_row *first,
                              struct lx_error *err)
{
    const struct mapping_texts *named = &plan->file->columns;
    plan->column_count = named->count > 0 ? named->count : first == NULL ? 0 : first->count;
    plan->names = lx_calloc(plan->column_count + 1, sizeof *plan->names);
    if (plan->names == NULL) return no_memory(plan, err);
    for (size_t i = 0; i < plan->column_count; i++) {
        if (plan->file->has_header) {
            const char *text = first->fields[i].text;
            size_t length = first->fields[i].length;
            while (length > 0 && *text == ' ') {
                text++;
                length--;
            }
            while (length > 0 && text[length - 1] == ' ') length--;
            plan->names[i] = lx_arena_strndup(&plan->texts, text, length);
        } else if (named->count > 0) {
            plan->names[i] = named->texts[i];
        } else {
            plan->names[i] = lx_arena_printf(&plan->texts, "#%zu", i + 1);
        }
        if (plan->names[i] == NULL) return no_memory(plan, err);
    }
    return LX_OK;
}

/* "the columns are a, b, c ... and 12 more", as far as there is room. */
static void list_columns(const struct import_plan *plan, char *text, size_t size)
{
    size_t length = 0, i = 0;
    for (; i < plan->column_count; i++) {
        int written =
            snprintf(text + length, size - length, "%s%s", i == 0 ? "" : ", ", plan->names[i]);
        if (written < 0 || length + (size_t)written >= size) break;
        length += (size_t)written;
    }
    text[length] = '\0';
    if (i == plan->column_count) return;
    snprintf(text + length, size - length, " ... (%zu in all)", plan->column_count);
}

static enum lx_err no_column(const struct import_plan *plan, int line, const char *field,
                             const char *name, struct lx_error *err)
{
    enum { COLUMNS_TEXT = 500 };
    char columns[COLUMNS_TEXT], nearest[LX_FIELD_NAME_MAX + 32] = "";
    list_columns(plan, columns, sizeof columns - 32);
    const char *near = mapping_nearest(name, plan->names, plan->column_count);
    if (near != NULL) snprintf(nearest, sizeof nearest, ", did you mean `%s`?", near);
    return lx_fail(err, LX_ERR_BAD_INPUT, "%s:%d: %s = %s: %s has no column `%s`%s Its columns: %s",
                   plan->context->mapping_file, line, field, name, plan->path, name,
                   near == NULL ? "." : nearest, columns);
}

static enum lx_err find_column(const struct import_plan *plan, int line, const char *field,
                               const struct mapping_term *term, int32_t *ret_column,
                               struct lx_error *err)
{
    char text[LX_FIELD_NAME_MAX + 128];
    if (term->kind == MAPPING_TERM_POSITION) {
        *ret_column = (int32_t)term->position;
        if (term->position < plan->column_count) return LX_OK;
        snprintf(text, sizeof text, "%s = #%u: there are only %zu columns", field,
                 term->position + 1, plan->column_count);
        return refuse(plan, line, text, err);
    }
    int32_t found = -1;
    for (size_t i = 0; i < plan->column_count; i++) {
        if (strcmp(plan->names[i], term->text) != 0) continue;
        if (found >= 0) {
            snprintf(text, sizeof text, "%s = %s: two columns of that name; use #N", field,
                     term->text);
            return refuse(plan, line, text, err);
        }
        found = (int32_t)i;
    }
    if (found < 0) return no_column(plan, line, field, term->text, err);
    *ret_column = found;
    return LX_OK;
}

static bool is_code(enum mapping_type type)
{
    switch (type) {
    case MAPPING_BOOL:
    case MAPPING_SIGN:
    case MAPPING_LEVEL:
    case MAPPING_KIND:
    case MAPPING_CHANNEL:
    case MAPPING_ANSWER:
    case MAPPING_GENDER:
    case MAPPING_MERCHANT:
    case MAPPING_PRODUCT_CODE: return true;
    default: return false;
    }
}

/* A value of the map as a number; a text stays one and is looked up by the code's number. */
static enum lx_err number_of(const struct import_plan *plan, const struct import_cell *cell,
                             const char *value, int line, int64_t *ret_number, struct lx_error *err)
{
    *ret_number = IMPORT_NOTHING;
    if (value == NULL || value[0] == '\0') return LX_OK;
    if (cell->type == MAPPING_TEXT || cell->type == MAPPING_ID) {
        *ret_number = 0;
        return LX_OK;
    }
    if (cell->type == MAPPING_PRODUCT_CODE) {
        int product = bank_catalogue_find(plan->context->catalogue, value, strlen(value));
        char text[LX_FIELD_NAME_MAX + 64];
        *ret_number = product;
        if (product != BANK_NO_PRODUCT) return LX_OK;
        snprintf(text, sizeof text, "product `%.*s` is not in the bank's catalogue", LX_CODE_MAX,
                 value);
        return refuse(plan, line, text, err);
    }
    return mapping_value_written(plan->file, cell->field, value, plan->context->utc_offset_minutes,
                                 ret_number, err);
}

static enum lx_err bind_codes(const struct import_plan *plan, struct import_cell *cell,
                              struct lx_error *err)
{
    const struct mapping_codes *codes = &cell->field->codes;
    cell->code_numbers = lx_calloc(codes->codes.count + 1, sizeof *cell->code_numbers);
    if (cell->code_numbers == NULL) return no_memory(plan, err);
    enum lx_err code = LX_OK;
    for (size_t i = 0; code == LX_OK && i < codes->codes.count; i++)
        code =
            number_of(plan, cell, codes->values[i], codes->lines[i], &cell->code_numbers[i], err);
    if (code == LX_OK)
        code = number_of(plan, cell, codes->other, codes->other_line, &cell->other_number, err);
    if (code == LX_OK)
        code = number_of(plan, cell, codes->empty, codes->empty_line, &cell->empty_number, err);
    return code;
}

static bool is_required(const struct mapping_file *file, enum mapping_field_id id)
{
    static const char *const fields[] = {
#define X(name, text, fields) fields,
        MAPPING_ENTITY_MAP(X)
#undef X
    };
    char word[LX_FIELD_NAME_MAX + 2];
    if (file->entity == MAPPING_ENTITY_SNAPSHOT && id == MAPPING_FIELD_PRODUCT) return true;
    snprintf(word, sizeof word, "%s!", mapping_field_text(id));
    const char *at = strstr(fields[file->entity], word);
    return at != NULL && (at == fields[file->entity] || at[-1] == ' ');
}

static enum lx_err bind_cell(const struct import_plan *plan, const struct mapping_field *field,
                             struct import_cell *cell, struct lx_error *err)
{
    *cell = (struct import_cell){.field = field,
                                 .type = mapping_field_type(field->id),
                                 .is_required = is_required(plan->file, field->id),
                                 .column = -1,
                                 .month = INT32_MIN};
    cell->is_code = is_code(cell->type);
    cell->is_constant = cell->type != MAPPING_TEXT && cell->type != MAPPING_ID &&
                        field->base == MAPPING_BASE_SOURCE && field->form != MAPPING_FORM_AGE;
    lx_dictionary_init(&cell->memo, MEMO_MAX);
    cell->columns = lx_calloc(field->term_count + 1, sizeof *cell->columns);
    if (cell->columns == NULL) return no_memory(plan, err);
    for (size_t i = 0; i < field->term_count; i++) {
        const struct mapping_term *term = &field->terms[i];
        cell->columns[i] = -1;
        if (term->kind != MAPPING_TERM_CONSTANT) cell->is_constant = false;
        if (term->kind > MAPPING_TERM_POSITION) continue;
        enum lx_err code = find_column(plan, field->line, mapping_field_text(field->id), term,
                                       &cell->columns[i], err);
        if (code != LX_OK) return code;
    }
    if (field->term_count == 1 && !field->is_hash) cell->column = cell->columns[0];
    return bind_codes(plan, cell, err);
}

static enum lx_err add_held(struct import_plan *plan, size_t column, const char *product_code,
                            size_t length, struct lx_error *err)
{
    int line = plan->file->held.line;
    int64_t number = lx_dictionary_find(&plan->file->held_codes.codes, plan->names[column],
                                        strlen(plan->names[column]));
    if (number >= 0) {
        product_code = plan->file->held_codes.values[number];
        length = strlen(product_code);
        line = plan->file->held_codes.lines[number];
    }
    int product = bank_catalogue_find(plan->context->catalogue, product_code, length);
    if (product == BANK_NO_PRODUCT) {
        char text[2 * LX_FIELD_NAME_MAX + 128];
        snprintf(text, sizeof text,
                 "held: column `%s`: product `%.*s` is not in the bank's catalogue",
                 plan->names[column], (int)length, product_code);
        return refuse(plan, line, text, err);
    }
    if (lx_grow(&plan->held, &plan->held_capacity, plan->held_count + 1, LX_FIELDS_MAX,
                sizeof *plan->held) != LX_OK)
        return no_memory(plan, err);
    plan->held[plan->held_count++] =
        (struct import_held){.column = (uint32_t)column, .product = (int16_t)product};
    plan->covered.words[product / 64] |= UINT64_C(1) << (product % 64);
    return LX_OK;
}

static enum lx_err bind_held(struct import_plan *plan, struct lx_error *err)
{
    const struct mapping_texts *held = &plan->file->held;
    bool is_taken[LX_FIELDS_MAX] = {false};
    for (size_t i = 0; i < held->count; i++) {
        size_t start = 0, length = 0, before = plan->held_count;
        for (size_t column = 0; column < plan->column_count && column < LX_FIELDS_MAX; column++) {
            if (is_taken[column]) continue;
            if (!mapping_match_column(held->texts[i], plan->names[column], &start, &length))
                continue;
            is_taken[column] = true;
            enum lx_err code = add_held(plan, column, plan->names[column] + start, length, err);
            if (code != LX_OK) return code;
        }
        if (plan->held_count == before)
            return no_column(plan, held->line, "held", held->texts[i], err);
    }
    return LX_OK;
}

static enum lx_err bind_fields(struct import_plan *plan, struct lx_error *err)
{
    const struct mapping_file *file = plan->file;
    plan->cells = lx_calloc(file->field_count + 1, sizeof *plan->cells);
    if (plan->cells == NULL) return no_memory(plan, err);
    enum lx_err code = LX_OK;
    for (size_t i = 0; code == LX_OK && i < file->field_count; i++)
        code = bind_cell(plan, &file->fields[i], &plan->cells[plan->cell_count++], err);
    for (size_t i = 0; code == LX_OK && i < file->filter_count; i++)
        code =
            find_column(plan, file->filters[i].line, file->filters[i].is_except ? "except" : "only",
                        &file->filters[i].term, &plan->filter_columns[i], err);
    return code == LX_OK ? bind_held(plan, err) : code;
}

enum lx_err import_plan_open(const struct import_context *context, const struct mapping_file *file,
                             const char *path, int32_t file_day, const struct csv_row *first,
                             struct import_plan **ret_plan, struct lx_error *err)
{
    LX_ASSERT(context != NULL && file != NULL && path != NULL && ret_plan != NULL);
    LX_ASSERT(first != NULL || !file->has_header);

    struct import_plan *plan = lx_calloc(1, sizeof *plan);
    if (plan == NULL) return lx_fail(err, LX_ERR_NO_MEMORY, "%s: out of memory", path);
    plan->context = context;
    plan->file = file;
    plan->path = path;
    plan->file_day = file_day;
    lx_arena_init(&plan->texts, NAMES_BYTES_MAX);
    lx_buffer_init(&plan->scratch, SCRATCH_MAX);
    copy_stem(plan);
    enum lx_err code = copy_names(plan, first, err);
    /* An empty file without a header has no columns to look for, and no rows either. */
    if (code == LX_OK && plan->column_count > 0) code = bind_fields(plan, err);
    if (code == LX_OK)
        *ret_plan = plan;
    else
        import_plan_close(plan);
    return code;
}

void import_plan_close(struct import_plan *plan)
{
    if (plan == NULL) return;
    for (size_t i = 0; i < plan->cell_count; i++) {
        lx_free(plan->cells[i].columns);
        lx_free(plan->cells[i].code_numbers);
        lx_free(plan->cells[i].memo_numbers);
        lx_dictionary_release(&plan->cells[i].memo);
    }
    lx_free(plan->cells);
    lx_free(plan->names);
    lx_free(plan->held);
    lx_arena_release(&plan->texts);
    lx_buffer_release(&plan->scratch);
    lx_free(plan);
}

bool import_plan_is_trailer(const struct mapping_file *file, const struct csv_row *row,
                            int64_t *ret_count)
{
    const struct mapping_texts *trailer = &file->trailer;
    *ret_count = -1;
    if (trailer->count == 0 || row->problem != CSV_PROBLEM_NONE) return false;
    size_t count = row->count;
    if (count == trailer->count + 1 && row->fields[count - 1].length == 0) count--;
    if (count != trailer->count) return false;
    for (size_t i = 0; i < count; i++) {
        const char *want = trailer->texts[i];
        const struct csv_field *field = &row->fields[i];
        if (strcmp(want, "*") == 0) continue;
        if (strcmp(want, "{count}") == 0) {
            if (field_int64(field->text, field->length, ret_count, NULL) != LX_OK) return false;
            continue;
        }
        if (strlen(want) != field->length || memcmp(want, field->text, field->length) != 0)
            return false;
    }
    return true;
}
