#include "view/fields.h"

#include <stdio.h>
#include <string.h>

#include "view/scan.h"
#include "view/past.h"

_Static_assert(VIEW_RANGE_CUSTOMERS % 64 == 0, "no two ranges share a word of nulls");

struct column {
    char name[FRAME_NAME_MAX + 1];
    enum frame_type type;
    enum expr_type value_type;
    bool is_call;
    size_t number; /* of the field or function */
    size_t size;
    void *values;
    uint64_t *nulls;
};

struct fields {
    struct view_schema *schema;
    struct column *columns;
    size_t column_count, product_count, words;
    int64_t customers;
    uint64_t *held; /* [product][words] */
};

static enum frame_type frame_type_of(enum expr_type type,
                                     const struct expr_enumeration *enumeration, size_t *ret_size)
{
    switch (type) {
    case EXPR_BOOLEAN: *ret_size = sizeof(uint8_t); return FRAME_U8;
    case EXPR_ENUM:
        *ret_size = enumeration->value_count > UINT8_MAX + 1 ? sizeof(uint16_t) : sizeof(uint8_t);
        return *ret_size == 1 ? FRAME_U8 : FRAME_U16;
    case EXPR_INTEGER:
    case EXPR_DATE: *ret_size = sizeof(int32_t); return FRAME_I32;
    case EXPR_MONEY: *ret_size = sizeof(int64_t); return FRAME_I64;
    default: lx_bug(__FILE__, __LINE__, "type of a field");
    }
}

static enum lx_err out_of_memory(struct lx_error *err)
{
    return lx_fail(err, LX_ERR_NO_MEMORY, "snapshot: out of memory");
}

static enum lx_err add_column(struct fields *fields, const char *prefix, const char *name,
                              enum expr_type type, const struct expr_enumeration *enumeration,
                              size_t number, struct lx_error *err)
{
    struct column *column = &fields->columns[fields->column_count++];
    column->type = frame_type_of(type, enumeration, &column->size);
    column->value_type = type;
    column->number = number;
    column->is_call = strcmp(prefix, FIELDS_CALL) == 0;
    column->values = lx_calloc((size_t)fields->customers, column->size);
    column->nulls = lx_calloc(fields->words, sizeof *column->nulls);
    int length = snprintf(column->name, sizeof column->name, "%s%s", prefix, name);
    LX_ASSERT(length > 0 && (size_t)length < sizeof column->name);
    return column->values == NULL || column->nulls == NULL ? out_of_memory(err) : LX_OK;
}

static enum lx_err add_columns(struct fields *fields, struct lx_error *err)
{
    const struct expr_schema *scope = view_schema_scope(fields->schema, VIEW_CUSTOMER);
    size_t own_count = view_schema_own_count();
    enum lx_err code = LX_OK;
    fields->columns = lx_calloc(own_count + scope->function_count, sizeof *fields->columns);
    fields->held = lx_calloc(fields->product_count * fields->words + 1, sizeof *fields->held);
    if (fields->columns == NULL || fields->held == NULL) return out_of_memory(err);
    for (size_t i = 0; i < own_count && code == LX_OK; i++) {
        const struct expr_field *field = &scope->fields[i];
        if (field->type == EXPR_SET) continue;
        code =
            add_column(fields, FIELDS_FIELD, field->name, field->type, field->enumeration, i, err);
    }
    for (size_t i = 0; i < scope->function_count && code == LX_OK; i++) {
        const struct expr_function *function = &scope->functions[i];
        if (function->parameter_count > 0) continue;
        code = add_column(fields, FIELDS_CALL, function->name, function->result,
                          function->result_enumeration, i, err);
    }
    return code;
}

enum lx_err fields_open(struct bank *bank, int64_t customers, struct fields **ret_fields,
                        struct lx_error *err)
{
    LX_ASSERT(bank != NULL && customers > 0 && ret_fields != NULL);

    struct fields *fields = lx_calloc(1, sizeof *fields);
    if (fields == NULL) return out_of_memory(err);
    fields->customers = customers;
    fields->words = frame_bit_words((uint64_t)customers);
    fields->product_count = bank_catalogue(bank)->count;
    enum lx_err code = view_schema_open_bank(bank, &fields->schema, err);
    if (code == LX_OK) code = add_columns(fields, err);
    if (code != LX_OK) {
        fields_close(fields);
        return code;
    }
    *ret_fields = fields;
    return LX_OK;
}

void fields_close(struct fields *fields)
{
    if (fields == NULL) return;
    for (size_t i = 0; i < fields->column_count; i++) {
        lx_free(fields->columns[i].values);
        lx_free(fields->columns[i].nulls);
    }
    lx_free(fields->columns);
    lx_free(fields->held);
    view_schema_close(fields->schema);
    lx_free(fields);
}

static void put(struct column *column, size_t row, const struct expr_value *value)
{
    if (value->is_null) {
        column->nulls[row / 64] |= (uint64_t)1 << (row % 64);
        return;
    }
    int64_t integer = value->as.integer;
    switch (column->type) {
    case FRAME_U8: ((uint8_t *)column->values)[row] = (uint8_t)integer; break;
    case FRAME_U16: ((uint16_t *)column->values)[row] = (uint16_t)integer; break;
    case FRAME_I32: ((int32_t *)column->values)[row] = (int32_t)integer; break;
    default: ((int64_t *)column->values)[row] = integer;
    }
}

enum lx_err fields_add(struct fields *fields, const struct bank_history *history,
                       const struct view_context *context, const struct view_facts *facts,
                       int64_t as_of_ms, struct lx_error *err)
{
    LX_ASSERT(history->customer >= 0 && history->customer < fields->customers);

    size_t row = (size_t)history->customer;
    const struct view_moment moment = view_moment_of(as_of_ms, context->utc_offset_minutes);
    struct view_reading reading;
    enum lx_err code = LX_OK;
    view_reading_begin(fields->schema, context, facts, view_profile_at(history, &moment), as_of_ms,
                       NULL, &reading);
    for (size_t i = 0; i < fields->column_count && code == LX_OK; i++) {
        struct column *column = &fields->columns[i];
        struct expr_value value;
        code = column->is_call ? view_reading_call(&reading, column->number, NULL, 0, &value, err)
                               : view_reading_field(&reading, column->number, &value, err);
        if (code == LX_OK) put(column, row, &value);
    }
    for (size_t i = 0; i < fields->product_count; i++)
        fields->held[i * fields->words + row / 64] |= (uint64_t)view_holds(facts, (int)i)
                                                      << (row % 64);
    return code;
}

enum lx_err fields_write(const struct fields *fields, struct frame_writer *writer,
                         struct lx_error *err)
{
    enum lx_err code = LX_OK;
    for (size_t i = 0; i < fields->column_count && code == LX_OK; i++) {
        const struct column *column = &fields->columns[i];
        code = frame_write_nullable(writer, column->name, column->type, column->values,
                                    column->nulls, err);
    }
    for (size_t i = 0; i < fields->product_count && code == LX_OK; i++) {
        char name[FRAME_NAME_MAX + 1];
        snprintf(name, sizeof name, FIELDS_HELD "%zu", i);
        code = frame_write_bits(writer, name, fields->held + i * fields->words, err);
    }
    return code;
}
