#include "ingest/import_row.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/date.h"
#include "codec/digest.h"
#include "ingest/import_fact.h"
#include "ingest/mapping_value.h"

enum { HASH_HEX_DIGITS = 32 };

const char *import_reason_text(enum import_reason reason)
{
    static const char *const texts[] = {
#define X(name, text) text,
        IMPORT_REASON_MAP(X)
#undef X
    };
    LX_ASSERT((unsigned)reason < IMPORT_REASON_COUNT);

    return texts[reason];
}

void import_refuse(struct import_trouble *trouble, enum import_reason reason, const char *column,
                   const char *detail)
{
    trouble->reason = reason;
    trouble->column = column;
    snprintf(trouble->detail, sizeof trouble->detail, "%.*s", (int)sizeof trouble->detail - 1,
             detail);
}

const char *import_column_of(const struct import_plan *plan, enum mapping_field_id id)
{
    for (size_t i = 0; i < plan->cell_count; i++) {
        const struct import_cell *cell = &plan->cells[i];
        if (cell->field->id != id) continue;
        for (size_t term = 0; term < cell->field->term_count; term++)
            if (cell->columns[term] >= 0) return plan->names[cell->columns[term]];
    }
    return mapping_field_text(id);
}

static bool is_space(char byte)
{
    return byte == ' ' || byte == '\t';
}

static void trim(const char **text, size_t *length)
{
    while (*length > 0 && is_space(**text)) {
        (*text)++;
        (*length)--;
    }
    while (*length > 0 && is_space((*text)[*length - 1])) (*length)--;
}

static void append_term(struct import_plan *plan, const struct import_cell *cell, size_t index,
                        const struct csv_row *row)
{
    const struct mapping_term *term = &cell->field->terms[index];
    switch (term->kind) {
    case MAPPING_TERM_COLUMN:
    case MAPPING_TERM_POSITION: {
        const char *text = row->fields[cell->columns[index]].text;
        size_t length = row->fields[cell->columns[index]].length;
        trim(&text, &length);
        lx_buffer_append(&plan->scratch, text, length);
        return;
    }
    case MAPPING_TERM_CONSTANT: lx_buffer_append_text(&plan->scratch, term->text); return;
    case MAPPING_TERM_LINE: lx_buffer_printf(&plan->scratch, "%" PRIu64, plan->row); return;
    case MAPPING_TERM_FILE: lx_buffer_append_text(&plan->scratch, plan->stem); return;
    }
}

static void hash_scratch(struct import_plan *plan)
{
    uint8_t hash[DIGEST_SIZE];
    char text[DIGEST_TEXT_SIZE];
    digest_of(lx_buffer_text(&plan->scratch), plan->scratch.length, hash);
    digest_text(hash, text);
    lx_buffer_clear(&plan->scratch);
    lx_buffer_append(&plan->scratch, text, HASH_HEX_DIGITS);
}

/* The terms joined, or their hash; valid until the next cell. */
static void compose(struct import_plan *plan, const struct import_cell *cell,
                    const struct csv_row *row, const char **ret_text, size_t *ret_length)
{
    lx_buffer_clear(&plan->scratch);
    for (size_t i = 0; i < cell->field->term_count; i++) {
        /* A separator that no text holds, so that "a","bc" and "ab","c" differ. */
        if (cell->field->is_hash && i > 0) lx_buffer_append_byte(&plan->scratch, '\x1F');
        append_term(plan, cell, i, row);
    }
    if (cell->field->is_hash && lx_buffer_error(&plan->scratch) == LX_OK) hash_scratch(plan);
    *ret_text = lx_buffer_text(&plan->scratch);
    *ret_length = plan->scratch.length;
}

static bool is_nothing(const struct mapping_file *file, const char *text, size_t length)
{
    return length == 0 || lx_dictionary_find(&file->nulls, text, length) >= 0;
}

struct import_slice import_keep(struct import_block *block, const char *text, size_t length)
{
    struct import_slice slice = {(uint32_t)block->text.length, (uint32_t)length};
    lx_buffer_append(&block->text, text, length);
    return slice;
}

/* The first day of that month, in the year in which it is not before the row before. */
static int32_t month_after(struct import_cell *cell, int month)
{
    int32_t before = cell->month == INT32_MIN ? cell->field->first_month : cell->month;
    struct lx_civil civil = lx_civil_of_day(before);
    if (month < civil.month && civil.year < 9999) civil.year++;
    cell->month = lx_day_of_civil((struct lx_civil){civil.year, month, 1});
    return cell->month;
}

static int64_t of_day(const struct import_plan *plan, const struct import_cell *cell, int32_t day)
{
    return cell->type == MAPPING_DAY ? day : lx_ms_of_day(day, plan->context->utc_offset_minutes);
}

static enum lx_err read_special(const struct import_plan *plan, struct import_cell *cell,
                                const char *text, size_t length, int64_t *ret_number,
                                struct lx_error *err)
{
    int number = 0;
    enum lx_err code = cell->field->form == MAPPING_FORM_AGE
                           ? mapping_age(text, length, &number, err)
                           : mapping_month(text, length, &number, err);
    if (code != LX_OK) return code;
    if (cell->field->form == MAPPING_FORM_MONTH_FROM) {
        *ret_number = of_day(plan, cell, month_after(cell, number));
        return LX_OK;
    }
    const struct import_field_value *at = &plan->values[MAPPING_FIELD_AT];
    if (!at->is_there) return lx_fail(err, LX_ERR_BAD_INPUT, "an age without `at`");
    int32_t day = lx_day_of_ms(at->number, plan->context->utc_offset_minutes);
    if (day < LX_DAY_MIN + 366 * (number + 1))
        return lx_fail(err, LX_ERR_BAD_INPUT, "born before the year 1");
    *ret_number = of_day(plan, cell, lx_day_add_months(day, -12 * number));
    return LX_OK;
}

/* A moment or another number; dates come in runs, so the last one is kept. */
static enum lx_err read_number(const struct import_plan *plan, struct import_cell *cell,
                               const char *text, size_t length, int64_t *ret_number,
                               struct lx_error *err)
{
    const struct mapping_field *field = cell->field;
    if (field->form == MAPPING_FORM_AGE || field->form == MAPPING_FORM_MONTH_FROM)
        return read_special(plan, cell, text, length, ret_number, err);
    bool is_date = cell->type == MAPPING_MOMENT || cell->type == MAPPING_DAY;
    if (is_date && length == cell->last_length && memcmp(text, cell->last_text, length) == 0) {
        *ret_number = cell->last_number;
        return LX_OK;
    }
    enum lx_err code = mapping_value(plan->file, field, text, length,
                                     plan->context->utc_offset_minutes, ret_number, err);
    if (code == LX_OK && is_date && length <= sizeof cell->last_text) {
        memcpy(cell->last_text, text, length);
        cell->last_length = (uint32_t)length;
        cell->last_number = *ret_number;
    }
    return code;
}

static enum lx_err read_product(const struct import_plan *plan, const char *text, size_t length,
                                int64_t *ret_number, struct lx_error *err)
{
    *ret_number = bank_catalogue_find(plan->context->catalogue, text, length);
    if (*ret_number != BANK_NO_PRODUCT) return LX_OK;
    return lx_fail(err, LX_ERR_BAD_INPUT, "product \"%.*s\"", mapping_shown_length(text, length),
                   text);
}

/* What a code means: by the value map, by its `*`, or as it is. */
static enum lx_err resolve(const struct import_plan *plan, struct import_cell *cell,
                           const char *text, size_t length, int64_t *ret_number,
                           struct lx_error *err)
{
    const struct mapping_codes *codes = &cell->field->codes;
    int64_t code = lx_dictionary_find(&codes->codes, text, length);
    if (code >= 0) {
        *ret_number = cell->code_numbers[code];
        return LX_OK;
    }
    if (codes->other != NULL) {
        *ret_number = cell->other_number;
        return LX_OK;
    }
    if (cell->type == MAPPING_PRODUCT_CODE)
        return read_product(plan, text, length, ret_number, err);
    return read_number(plan, cell, text, length, ret_number, err);
}

static enum lx_err remember(struct import_cell *cell, const char *text, size_t length,
                            int64_t number)
{
    uint32_t at;
    size_t count = cell->memo.count;
    if (count == cell->memo.max_count) return LX_OK;
    enum lx_err code = lx_dictionary_add(&cell->memo, text, length, &at, NULL);
    if (code == LX_OK)
        code = lx_grow(&cell->memo_numbers, &cell->memo_capacity, count + 1, cell->memo.max_count,
                       sizeof *cell->memo_numbers);
    if (code != LX_OK) return LX_ERR_NO_MEMORY;
    cell->memo_numbers[at] = number;
    return LX_OK;
}

/* The number of a text that is not empty, IMPORT_NOTHING if it means none; refused in `trouble`. */
static enum lx_err convert(const struct import_plan *plan, struct import_cell *cell,
                           const char *text, size_t length, int64_t *ret_number,
                           struct import_trouble *trouble)
{
    int64_t known = cell->is_code ? lx_dictionary_find(&cell->memo, text, length) : -1;
    if (known >= 0) {
        *ret_number = cell->memo_numbers[known];
        return LX_OK;
    }
    struct lx_error why = {0};
    enum lx_err code = resolve(plan, cell, text, length, ret_number, &why);
    if (code == LX_OK) return cell->is_code ? remember(cell, text, length, *ret_number) : LX_OK;

    bool is_code = cell->is_code && cell->type != MAPPING_BOOL && cell->type != MAPPING_SIGN &&
                   cell->type != MAPPING_LEVEL;
    const char *detail = strncmp(why.text, "unknown code ", 13) == 0 ? why.text + 13 : why.text;
    import_refuse(trouble, is_code ? IMPORT_REASON_UNKNOWN_CODE : IMPORT_REASON_BAD_VALUE,
                  import_column_of(plan, cell->field->id), detail);
    return LX_OK;
}

/* Cuts a moment to its day and moves it by the field's offset; false outside years 1 to 9999. */
static bool shift(const struct import_plan *plan, const struct mapping_field *field,
                  int64_t *number)
{
    static const int64_t unit_ms[] = {LX_MS_PER_DAY, 3600000, 60000};
    int utc_offset_minutes = plan->context->utc_offset_minutes;
    int64_t first_ms = lx_ms_of_day(LX_DAY_MIN + 1, utc_offset_minutes);
    int64_t last_ms = lx_ms_of_day(LX_DAY_MAX, utc_offset_minutes);
    if (field->is_day_of)
        *number = lx_ms_of_day(lx_day_of_ms(*number, utc_offset_minutes), utc_offset_minutes);
    if (field->unit != MAPPING_MONTHS) {
        *number += field->offset * unit_ms[field->unit];
        return *number >= first_ms && *number < last_ms;
    }
    if (*number < first_ms || *number >= last_ms) return false;
    int32_t day = lx_day_of_ms(*number, utc_offset_minutes);
    int64_t months = (int64_t)lx_civil_of_day(day).year * 12 + field->offset;
    if (months < 24 || months >= 9999 * 12) return false;
    *number += (lx_day_add_months(day, field->offset) - day) * LX_MS_PER_DAY;
    return true;
}

bool import_moment(const struct import_plan *plan, const struct import_cell *cell, int64_t at_ms,
                   int64_t *number)
{
    const struct mapping_field *field = cell->field;
    int utc_offset_minutes = plan->context->utc_offset_minutes;
    bool is_day = cell->type == MAPPING_DAY;
    switch (field->base) {
    case MAPPING_BASE_SOURCE:
        if (is_day) *number = lx_ms_of_day((int32_t)*number, utc_offset_minutes);
        break;
    case MAPPING_BASE_CONSTANT:
        *number = field->constant_ms - (int64_t)utc_offset_minutes * 60000;
        break;
    case MAPPING_BASE_AT: *number = at_ms; break;
    case MAPPING_BASE_FILE_DATE: *number = lx_ms_of_day(plan->file_day, utc_offset_minutes); break;
    case MAPPING_BASE_IMPORT: *number = plan->context->now_ms; break;
    case MAPPING_BASE_AUTO: lx_bug(__FILE__, __LINE__, "auto is no moment");
    }
    if ((field->is_day_of || field->offset != 0) && !shift(plan, field, number)) return false;
    if (is_day) *number = lx_day_of_ms(*number, utc_offset_minutes);
    return true;
}

static bool is_moment(const struct import_cell *cell)
{
    return cell->type == MAPPING_MOMENT || cell->type == MAPPING_DAY;
}

/* A field that comes from no text: a constant moment, the row's `at`, the file's date, `auto`. */
static void compute(struct import_plan *plan, const struct import_cell *cell,
                    struct import_trouble *trouble)
{
    struct import_field_value *value = &plan->values[cell->field->id];
    const struct import_field_value *at = &plan->values[MAPPING_FIELD_AT];
    value->is_there = false;
    if (cell->field->base == MAPPING_BASE_AUTO) {
        *value = (struct import_field_value){.number = BANK_SEQUENCE_AUTO, .is_there = true};
        return;
    }
    /* A contract's facts have an `at` each; they are computed when they are made. */
    if (cell->field->base == MAPPING_BASE_AT && !at->is_there) return;
    if (import_moment(plan, cell, at->number, &value->number)) {
        value->is_there = true;
        return;
    }
    import_refuse(trouble, IMPORT_REASON_BAD_VALUE, mapping_field_text(cell->field->id),
                  "outside the years 1 to 9999");
}

static void set_text(struct import_cell *cell, const char *text, size_t length,
                     struct import_block *block, struct import_field_value *value,
                     struct import_trouble *trouble, const struct import_plan *plan)
{
    const struct mapping_codes *codes = &cell->field->codes;
    int64_t code = lx_dictionary_find(&codes->codes, text, length);
    if (code >= 0)
        text = codes->values[code];
    else if (codes->other != NULL)
        text = codes->other;
    if (code >= 0 || codes->other != NULL) length = strlen(text);
    if (cell->type == MAPPING_ID && length > LX_ID_MAX) {
        char detail[48];
        snprintf(detail, sizeof detail, "%zu bytes, at most %d", length, LX_ID_MAX);
        import_refuse(trouble, IMPORT_REASON_BAD_VALUE, import_column_of(plan, cell->field->id),
                      detail);
        return;
    }
    value->is_there = length > 0;
    value->text = import_keep(block, text, length);
}

static enum lx_err set_number(struct import_plan *plan, struct import_cell *cell, const char *text,
                              size_t length, struct import_trouble *trouble)
{
    struct import_field_value *value = &plan->values[cell->field->id];
    int64_t number = IMPORT_NOTHING;
    enum lx_err code = convert(plan, cell, text, length, &number, trouble);
    if (code != LX_OK || trouble->reason != IMPORT_REASON_NONE || number == IMPORT_NOTHING)
        return code;
    if (is_moment(cell) && !import_moment(plan, cell, 0, &number)) {
        import_refuse(trouble, IMPORT_REASON_BAD_VALUE, import_column_of(plan, cell->field->id),
                      "outside the years 1 to 9999");
        return LX_OK;
    }
    value->number = number;
    value->is_there = true;
    cell->is_fixed = cell->is_constant;
    return LX_OK;
}

static enum lx_err read_cell(struct import_plan *plan, struct import_cell *cell,
                             const struct csv_row *row, struct import_block *block,
                             struct import_trouble *trouble)
{
    if (cell->is_fixed) return LX_OK;
    if (cell->field->base != MAPPING_BASE_SOURCE) {
        compute(plan, cell, trouble);
        return LX_OK;
    }
    struct import_field_value *value = &plan->values[cell->field->id];
    const char *text;
    size_t length;
    value->is_there = false;
    if (cell->column >= 0) {
        text = row->fields[cell->column].text;
        length = row->fields[cell->column].length;
    } else {
        compose(plan, cell, row, &text, &length);
        if (lx_buffer_error(&plan->scratch) != LX_OK) return LX_ERR_NO_MEMORY;
    }
    trim(&text, &length);
    bool is_text = cell->type == MAPPING_TEXT || cell->type == MAPPING_ID;
    if (!is_nothing(plan->file, text, length)) {
        if (!is_text) return set_number(plan, cell, text, length, trouble);
        set_text(cell, text, length, block, value, trouble, plan);
        return LX_OK;
    }
    const char *empty = cell->field->codes.empty;
    if (empty == NULL || empty[0] == '\0') return LX_OK;
    value->is_there = true;
    value->number = cell->empty_number;
    if (is_text) value->text = import_keep(block, empty, strlen(empty));
    return LX_OK;
}

static bool is_passed(const struct import_plan *plan, const struct csv_row *row)
{
    for (size_t i = 0; i < plan->file->filter_count; i++) {
        const struct mapping_filter *filter = &plan->file->filters[i];
        const struct csv_field *field = &row->fields[plan->filter_columns[i]];
        const char *text = field->text;
        size_t length = field->length;
        trim(&text, &length);
        bool is_listed = lx_dictionary_find(&filter->values, text, length) >= 0;
        if (is_listed == filter->is_except) return true;
    }
    return false;
}

static void check_shape(const struct import_plan *plan, const struct csv_row *row,
                        struct import_trouble *trouble)
{
    char detail[64];
    if (row->problem != CSV_PROBLEM_NONE) {
        size_t field = row->problem_field;
        import_refuse(trouble, IMPORT_REASON_UNREADABLE,
                      field < plan->column_count ? plan->names[field] : NULL,
                      csv_problem_text(row->problem));
        return;
    }
    if (row->count == plan->column_count) return;
    /* Dumps that end each row in a delimiter. */
    if (row->count == plan->column_count + 1 && row->fields[row->count - 1].length == 0) return;
    snprintf(detail, sizeof detail, "%zu, expected %zu", row->count, plan->column_count);
    import_refuse(trouble, IMPORT_REASON_FIELD_COUNT, NULL, detail);
}

static enum lx_err read_cells(struct import_plan *plan, const struct csv_row *row,
                              struct import_block *block, struct import_trouble *trouble)
{
    for (size_t i = 0; i < plan->cell_count; i++) {
        struct import_cell *cell = &plan->cells[i];
        enum lx_err code = read_cell(plan, cell, row, block, trouble);
        if (code != LX_OK || trouble->reason != IMPORT_REASON_NONE) return code;
        bool is_later = cell->field->base == MAPPING_BASE_AT; /* a contract's known_at */
        if (!cell->is_required || is_later || plan->values[cell->field->id].is_there) continue;
        import_refuse(trouble, IMPORT_REASON_EMPTY, import_column_of(plan, cell->field->id), "");
        return LX_OK;
    }
    return LX_OK;
}

static void reject(struct import_block *block, struct import_row *row, size_t text_length,
                   const struct import_trouble *trouble)
{
    block->text.length = text_length; /* forget what the row had put there */
    *row = (struct import_row){
        .line = row->line, .state = IMPORT_REJECTED, .reason = (uint8_t)trouble->reason};
    const char *column = trouble->column == NULL ? "" : trouble->column;
    row->as.reject.column = import_keep(block, column, strlen(column));
    row->as.reject.detail = import_keep(block, trouble->detail, strlen(trouble->detail));
}

enum lx_err import_plan_row(struct import_plan *plan, const struct csv_row *row,
                            struct import_block *block, struct lx_error *err)
{
    LX_ASSERT(plan != NULL && row != NULL && block != NULL && block->count < IMPORT_BLOCK_ROWS);

    struct import_row *target = &block->rows[block->count++];
    struct import_trouble trouble = {.reason = IMPORT_REASON_NONE};
    size_t text_length = block->text.length, value_count = block->value_count;
    memset(target, 0, sizeof *target);
    target->line = row->line;
    plan->row++;
    enum lx_err code = LX_OK;
    check_shape(plan, row, &trouble);
    if (trouble.reason == IMPORT_REASON_NONE && is_passed(plan, row)) {
        target->state = IMPORT_PASSED;
        return LX_OK;
    }
    if (trouble.reason == IMPORT_REASON_NONE) code = read_cells(plan, row, block, &trouble);
    if (code == LX_OK && trouble.reason == IMPORT_REASON_NONE)
        code = import_fact(plan, row, block, target, &trouble);
    if (code == LX_OK && trouble.reason != IMPORT_REASON_NONE) {
        block->value_count = value_count;
        reject(block, target, text_length, &trouble);
    }
    if (code == LX_OK) code = lx_buffer_error(&block->text);
    return code == LX_OK ? LX_OK : lx_fail(err, LX_ERR_NO_MEMORY, "%s: out of memory", plan->path);
}
