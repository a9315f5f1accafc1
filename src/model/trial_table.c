#include "model/trial_table.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "codec/csv.h"
#include "codec/field.h"
#include "host/file.h"

static enum lx_err read_source(void *context, void *bytes, size_t size, size_t *ret_length,
                               struct lx_error *err)
{
    return host_read(context, bytes, size, ret_length, err);
}

static void trim(const char **text, size_t *length)
{
    while (*length > 0 && isspace((unsigned char)**text)) {
        (*text)++;
        (*length)--;
    }
    while (*length > 0 && isspace((unsigned char)(*text)[*length - 1])) (*length)--;
}

static enum lx_err check_problem(const struct trial_table *table, const struct csv_row *row,
                                 struct lx_error *err)
{
    if (row->problem == CSV_PROBLEM_NONE) return LX_OK;
    return lx_fail(err, LX_ERR_BAD_INPUT, "%s:%llu: field %zu: %s", table->file,
                   (unsigned long long)row->line, row->problem_field + 1,
                   csv_problem_text(row->problem));
}

static enum lx_err no_memory(const struct trial_table *table, enum lx_err code,
                             struct lx_error *err)
{
    return lx_fail(err, code, "%s: row %zu: %s", table->file, table->row_count + 1,
                   lx_err_text(code));
}

static enum lx_err take_header(struct trial_table *table, const struct csv_row *row,
                               struct lx_error *err)
{
    table->columns = lx_calloc(row->count, sizeof *table->columns);
    if (table->columns == NULL) return no_memory(table, LX_ERR_NO_MEMORY, err);
    for (size_t i = 0; i < row->count; i++) {
        struct trial_column *column = &table->columns[i];
        const char *text = row->fields[i].text;
        size_t length = row->fields[i].length;
        trim(&text, &length);
        lx_dictionary_init(&column->levels, TRIAL_LEVELS_MAX);
        table->column_count = i + 1;
        column->name = lx_malloc(length + 1);
        if (column->name == NULL) return no_memory(table, LX_ERR_NO_MEMORY, err);
        memcpy(column->name, text, length);
        column->name[length] = 0;
        if (trial_table_find(table, column->name) != column)
            return lx_fail(err, LX_ERR_BAD_INPUT, "%s:%llu: column \"%.60s\" stands there twice",
                           table->file, (unsigned long long)row->line, column->name);
    }
    return LX_OK;
}

static enum lx_err take_row(struct trial_table *table, const struct csv_row *row,
                            struct lx_error *err)
{
    if (row->count != table->column_count)
        return lx_fail(err, LX_ERR_BAD_INPUT, "%s:%llu: %zu fields, the header has %zu",
                       table->file, (unsigned long long)row->line, row->count, table->column_count);
    for (size_t i = 0; i < row->count; i++) {
        struct trial_column *column = &table->columns[i];
        const char *text = row->fields[i].text;
        size_t length = row->fields[i].length;
        uint32_t level;
        bool is_new;
        trim(&text, &length);
        enum lx_err code = lx_grow(&column->rows, &column->capacity, table->row_count + 1,
                                   TRIAL_ROWS_MAX, sizeof *column->rows);
        if (code == LX_OK) code = lx_dictionary_add(&column->levels, text, length, &level, &is_new);
        if (code != LX_OK) return no_memory(table, code, err);
        column->rows[table->row_count] = level;
    }
    table->row_count++;
    return LX_OK;
}

static enum lx_err read_rows(struct trial_table *table, struct csv_reader *reader,
                             struct lx_error *err)
{
    for (;;) {
        const struct csv_row *row;
        enum lx_err code = csv_next(reader, &row, err);
        if (code != LX_OK) return lx_error_prefix(err, "%s", table->file);
        if (row == NULL) break;
        code = check_problem(table, row, err);
        if (code == LX_OK)
            code =
                table->columns == NULL ? take_header(table, row, err) : take_row(table, row, err);
        if (code != LX_OK) return code;
    }
    if (table->columns == NULL)
        return lx_fail(err, LX_ERR_BAD_INPUT, "%s: empty, not even a header", table->file);
    if (table->row_count == 0)
        return lx_fail(err, LX_ERR_BAD_INPUT, "%s: a header, but no rows", table->file);
    return LX_OK;
}

static enum lx_err read_numbers(struct trial_table *table, struct lx_error *err)
{
    for (size_t i = 0; i < table->column_count; i++) {
        struct trial_column *column = &table->columns[i];
        column->numbers = lx_calloc(column->levels.count, sizeof *column->numbers);
        if (column->numbers == NULL) return no_memory(table, LX_ERR_NO_MEMORY, err);
        for (size_t level = 0; level < column->levels.count; level++) {
            size_t length;
            const char *text = lx_dictionary_text(&column->levels, (uint32_t)level, &length);
            if (field_real(text, length, &column->numbers[level], NULL) != LX_OK)
                column->numbers[level] = NAN;
        }
    }
    return LX_OK;
}

enum lx_err trial_table_read(const char *path, struct trial_table *ret_table, struct lx_error *err)
{
    struct trial_table table = {.file = lx_strdup(path)};
    struct host_file *file = NULL;
    struct csv_reader *reader = NULL;
    struct csv_format format = {.quote = '"'};
    enum lx_err code = LX_OK;
    if (table.file == NULL) code = lx_fail(err, LX_ERR_NO_MEMORY, "%s", path);
    if (code == LX_OK) code = host_open(path, HOST_READ, &file, err);
    if (code == LX_OK)
        code = csv_reader_open(&format, (struct csv_source){file, read_source}, &reader, err);
    if (code == LX_OK) code = read_rows(&table, reader, err);
    if (code == LX_OK) code = read_numbers(&table, err);
    csv_reader_close(reader);
    host_close(file);
    if (code != LX_OK) {
        trial_table_release(&table);
        return code;
    }
    *ret_table = table;
    return LX_OK;
}

void trial_table_release(struct trial_table *table)
{
    for (size_t i = 0; i < table->column_count; i++) {
        lx_free(table->columns[i].name);
        lx_free(table->columns[i].rows);
        lx_free(table->columns[i].numbers);
        lx_dictionary_release(&table->columns[i].levels);
    }
    lx_free(table->columns);
    lx_free(table->file);
    *table = (struct trial_table){0};
}

const struct trial_column *trial_table_find(const struct trial_table *table, const char *name)
{
    for (size_t i = 0; i < table->column_count; i++)
        if (strcmp(table->columns[i].name, name) == 0) return &table->columns[i];
    return NULL;
}

enum lx_err trial_table_column(const struct trial_table *table, const char *name,
                               const struct trial_column **ret_column, struct lx_error *err)
{
    const struct trial_column *column = trial_table_find(table, name);
    if (column == NULL)
        return lx_fail(err, LX_ERR_BAD_INPUT, "%s: no column \"%s\"; the first is \"%.40s\"",
                       table->file, name, table->columns[0].name);
    *ret_column = column;
    return LX_OK;
}

const char *trial_text(const struct trial_column *column, size_t row)
{
    return lx_dictionary_text(&column->levels, column->rows[row], NULL);
}

double trial_number(const struct trial_column *column, size_t row)
{
    return column->numbers[column->rows[row]];
}

static const char *skip_digits(const char *text)
{
    while (isdigit((unsigned char)*text)) text++;
    return text;
}

static const char *skip_spaces(const char *text)
{
    while (*text == ' ') text++;
    return text;
}

double trial_label_order(const char *text)
{
    if (isalpha((unsigned char)text[0]) && text[1] == ' ') text += 2;
    const char *end = skip_digits(text);
    if (end == text) return NAN;

    const char *rest = skip_spaces(end);
    if (*rest == '-') {
        rest = skip_spaces(rest + 1);
        const char *bound = *rest == '?' ? rest + 1 : skip_digits(rest);
        if (bound == rest) return NAN;
        rest = bound;
    }
    if (*rest == '%') rest++;
    return *rest == 0 ? strtod(text, NULL) : NAN;
}
