#include <math.h>
#include <string.h>

#include "expr/columns_plan.h"

size_t column_element_size(enum expr_storage storage)
{
    switch (storage) {
    case EXPR_STORE_U8:
    case EXPR_STORE_CODE_8: return 1;
    case EXPR_STORE_I16:
    case EXPR_STORE_U16:
    case EXPR_STORE_CODE_16: return 2;
    case EXPR_STORE_I32:
    case EXPR_STORE_F32:
    case EXPR_STORE_CODE_32: return 4;
    case EXPR_STORE_I64:
    case EXPR_STORE_F64: return 8;
    case EXPR_STORE_BITS:
    case EXPR_STORE_ROARING:
    case EXPR_STORE_SET: return 0;
    }
    lx_bug(__FILE__, __LINE__, "storage");
}

bool column_is_integer(const struct expr_column *column)
{
    return column->storage >= EXPR_STORE_U8 && column->storage <= EXPR_STORE_I64;
}

bool column_is_real(const struct expr_column *column)
{
    return column->storage == EXPR_STORE_F32 || column->storage == EXPR_STORE_F64;
}

bool column_is_code(const struct expr_column *column)
{
    return column->storage >= EXPR_STORE_CODE_8 && column->storage <= EXPR_STORE_CODE_32;
}

bool column_fits(const struct expr_column *column, enum expr_type type)
{
    enum expr_storage storage = column->storage;
    switch (type) {
    case EXPR_BOOLEAN:
        return storage == EXPR_STORE_BITS || storage == EXPR_STORE_ROARING ||
               storage == EXPR_STORE_U8;
    case EXPR_INTEGER:
    case EXPR_MONEY:
    case EXPR_DATE: return column_is_integer(column);
    case EXPR_ENUM: return storage == EXPR_STORE_U8 || storage == EXPR_STORE_U16;
    case EXPR_REAL: return column_is_real(column);
    case EXPR_STRING: return column_is_code(column);
    case EXPR_SET: return storage == EXPR_STORE_SET;
    default: return false;
    }
}

int64_t column_integer(const struct expr_column *column, size_t row)
{
    switch (column->storage) {
    case EXPR_STORE_U8: return ((const uint8_t *)column->values)[row];
    case EXPR_STORE_I16: return ((const int16_t *)column->values)[row];
    case EXPR_STORE_U16: return ((const uint16_t *)column->values)[row];
    case EXPR_STORE_I32: return ((const int32_t *)column->values)[row];
    case EXPR_STORE_I64: return ((const int64_t *)column->values)[row];
    default: lx_bug(__FILE__, __LINE__, "storage");
    }
}

double column_real(const struct expr_column *column, size_t row)
{
    if (column->storage == EXPR_STORE_F64) return ((const double *)column->values)[row];
    LX_ASSERT(column->storage == EXPR_STORE_F32);
    return (double)((const float *)column->values)[row];
}

uint32_t column_code(const struct expr_column *column, size_t row)
{
    switch (column->storage) {
    case EXPR_STORE_U8:
    case EXPR_STORE_CODE_8: return ((const uint8_t *)column->values)[row];
    case EXPR_STORE_U16:
    case EXPR_STORE_CODE_16: return ((const uint16_t *)column->values)[row];
    case EXPR_STORE_CODE_32: return ((const uint32_t *)column->values)[row];
    default: lx_bug(__FILE__, __LINE__, "storage");
    }
}

static bool has_bit(const struct expr_column *column, size_t row)
{
    if (column->storage == EXPR_STORE_BITS) return plan_bit(column->values, row);
    uint64_t word;
    frame_bitmap_words(column->values, row / 64, 1, &word);
    return (word >> row % 64 & 1) != 0;
}

static void put_string(const struct expr_column *column, size_t row, struct expr_value *ret_value)
{
    const struct frame_strings *strings = &column->strings;
    uint32_t code = column_code(column, row);
    ret_value->as.string.text = "";
    ret_value->as.string.length = 0;
    if (code >= strings->count) return;
    ret_value->as.string.text = strings->bytes + strings->offsets[code];
    ret_value->as.string.length = (size_t)(strings->offsets[code + 1] - strings->offsets[code]);
}

void expr_column_value(const struct expr_column *column, enum expr_type type,
                       const struct expr_enumeration *enumeration, size_t row,
                       struct expr_value *ret_value)
{
    LX_ASSERT(column_fits(column, type));

    struct expr_value value = {.is_null = column->nulls != NULL && plan_bit(column->nulls, row)};
    if (!value.is_null) switch (column->storage) {
        case EXPR_STORE_BITS:
        case EXPR_STORE_ROARING: value.as.integer = has_bit(column, row); break;
        case EXPR_STORE_F32:
        case EXPR_STORE_F64:
            value.as.real = column_real(column, row);
            value.is_null = isnan(value.as.real);
            break;
        case EXPR_STORE_CODE_8:
        case EXPR_STORE_CODE_16:
        case EXPR_STORE_CODE_32: put_string(column, row, &value); break;
        case EXPR_STORE_SET:
            value.as.set =
                (const uint64_t *)column->values + row * frame_bit_words(enumeration->value_count);
            break;
        default: value.as.integer = column_integer(column, row);
        }
    *ret_value = value;
}

enum lx_err expr_column_of_frame(const struct frame_column *column,
                                 const struct roaring_bitmap_s *bitmap,
                                 struct expr_column *ret_column, struct lx_error *err)
{
    static const int storages[] = {
        [FRAME_F32] = EXPR_STORE_F32,
        [FRAME_I32] = EXPR_STORE_I32,
        [FRAME_I64] = EXPR_STORE_I64,
        [FRAME_U8] = EXPR_STORE_U8,
        [FRAME_TEXT] = -1,
        [FRAME_LIST] = -1,
        [FRAME_BLOB] = -1,
        [FRAME_I16] = EXPR_STORE_I16,
        [FRAME_U16] = EXPR_STORE_U16,
        [FRAME_F64] = EXPR_STORE_F64,
        [FRAME_DICTIONARY] = EXPR_STORE_CODE_8,
        [FRAME_BITMAP] = EXPR_STORE_ROARING,
    };
    int storage = storages[column->type];
    if (storage < 0)
        return lx_fail(err, LX_ERR_BAD_INPUT, "column %s: lists, texts and blobs have no values",
                       column->name);
    LX_ASSERT(column->type != FRAME_BITMAP || bitmap != NULL);
    if (column->type == FRAME_DICTIONARY && column->element_size != 1)
        storage = column->element_size == 2 ? EXPR_STORE_CODE_16 : EXPR_STORE_CODE_32;
    *ret_column = (struct expr_column){
        .storage = (enum expr_storage)storage,
        .values = column->type == FRAME_BITMAP ? (const void *)bitmap : column->values,
        .nulls = column->nulls,
        .strings = column->strings,
    };
    return LX_OK;
}

/* ---- Blocks ---- */

static void nan_words(const struct plan_run *run, const struct expr_column *column,
                      const void *values, size_t word_count, uint64_t *ret_words)
{
    if (column->storage == EXPR_STORE_F32)
        run->plan->kernels->nan_f32(values, word_count, ret_words);
    else
        run->plan->kernels->nan_f64(values, word_count, ret_words);
}

const uint64_t *column_nulls(const struct plan_run *run, const struct expr_column *column,
                             uint64_t space[COLUMNS_WORDS])
{
    if (!column_is_real(column))
        return column->nulls == NULL ? NULL : column->nulls + run->first_row / 64;
    size_t size = column_element_size(column->storage), whole = run->row_count / 64;
    const uint8_t *values = (const uint8_t *)column->values + run->first_row * size;
    nan_words(run, column, values, whole, space);
    if (run->row_count % 64 != 0) {
        double rest[64] = {0};
        memcpy(rest, values + whole * 64 * size, run->row_count % 64 * size);
        nan_words(run, column, rest, 1, space + whole);
    }
    return space;
}

#define LOAD(type)                                                                                 \
    for (size_t i = 0; i < run->row_count; i++)                                                    \
        ret_values[i] = ((const type *)column->values)[run->first_row + i];                        \
    break

void column_load_integers(const struct plan_run *run, const struct expr_column *column,
                          int64_t *ret_values)
{
    switch (column->storage) {
    case EXPR_STORE_U8: LOAD(uint8_t);
    case EXPR_STORE_I16: LOAD(int16_t);
    case EXPR_STORE_U16: LOAD(uint16_t);
    case EXPR_STORE_I32: LOAD(int32_t);
    case EXPR_STORE_I64: LOAD(int64_t);
    default: lx_bug(__FILE__, __LINE__, "storage");
    }
}

void column_load_reals(const struct plan_run *run, const struct expr_column *column,
                       double *ret_values)
{
    switch (column->storage) {
    case EXPR_STORE_F32: LOAD(float);
    case EXPR_STORE_F64: LOAD(double);
    default: lx_bug(__FILE__, __LINE__, "storage");
    }
}
