/*
 * Goal:   evaluation over columns gives, to the bit, what evaluation row by row gives: values,
 *         nulls, counts, and where something overflows the same error; whatever the columns'
 *         storage, the kernel and the number of threads.
 * Method: bounds of every storage against constants around them; calls and windows with columns and
 *         without; then random tables in random storages and random well-typed expressions of
 *         generator.h, 10,000 or as many as EXPR_AGREEMENTS says; EXPR_SEED chooses others.
 */
#include "cmocka_all.h"

#include <math.h>
#include <roaring/roaring.h>

#include "expr/columns.h"
#include "generator.h"
#include "scratch.h"

enum { BLOCK_ROWS = 16384, ROWS_MAX = 40000 };

/* --- Tables --------------------------------------------------------------------------------- */

/* The same values twice: as rows, and packed into columns. */
struct packed {
    size_t row_count;
    struct expr_value *rows; /* row_count * COLUMN_COUNT */
    uint64_t *sets;
    struct expr_column columns[COLUMN_COUNT];
    void *memory[COLUMN_COUNT][2]; /* values, nulls */
    uint64_t *offsets;
    char *texts;
    struct frame_strings strings;
};

static const struct expr_value *value_at(const struct packed *table, size_t row, size_t column)
{
    return &table->rows[row * COLUMN_COUNT + column];
}

static bool is_real_column(size_t column)
{
    return column_types[column] == 'r';
}

/* The distinct strings of the generator, in order. */
static int by_bytes(const void *left, const void *right)
{
    return strcmp(*(const char *const *)left, *(const char *const *)right);
}

static const char *sorted_strings[LX_COUNT_OF(some_strings)];

static void sort_strings(struct packed *table)
{
    size_t count = LX_COUNT_OF(some_strings), length = 0;
    memcpy(sorted_strings, some_strings, sizeof sorted_strings);
    qsort(sorted_strings, count, sizeof *sorted_strings, by_bytes);
    table->offsets = lx_calloc(count + 1, sizeof *table->offsets);
    table->texts = lx_calloc(1, 4096);
    for (size_t i = 0; i < count; i++) {
        memcpy(table->texts + length, sorted_strings[i], strlen(sorted_strings[i]));
        length += strlen(sorted_strings[i]);
        table->offsets[i + 1] = length;
    }
    table->strings = (struct frame_strings){count, table->offsets, table->texts};
}

static int64_t code_of(const struct expr_value *value)
{
    char text[64] = "";
    memcpy(text, value->as.string.text, value->as.string.length);
    for (size_t i = 0; i < LX_COUNT_OF(sorted_strings); i++)
        if (strcmp(text, sorted_strings[i]) == 0) return (int64_t)i;
    fail_msg("no string %s", text);
    return 0;
}

static size_t size_of(enum expr_storage storage)
{
    static const size_t sizes[] = {0, 0, 1, 2, 2, 4, 8, 4, 8, 1, 2, 4, 8};
    return sizes[storage];
}

static enum expr_storage random_storage(struct lx_rng *rng, char type)
{
    static const enum expr_storage integers[] = {EXPR_STORE_U8, EXPR_STORE_I16, EXPR_STORE_U16,
                                                 EXPR_STORE_I32, EXPR_STORE_I64};
    static const enum expr_storage booleans[] = {EXPR_STORE_BITS, EXPR_STORE_ROARING,
                                                 EXPR_STORE_U8};
    switch (type) {
    case 'i':
    case 'm':
    case 'd': return integers[lx_rng_below(rng, 5)];
    case 'r': return lx_rng_chance(rng, 0.5) ? EXPR_STORE_F32 : EXPR_STORE_F64;
    case 's': return EXPR_STORE_CODE_8 + (enum expr_storage)lx_rng_below(rng, 3);
    case 'h': return EXPR_STORE_SET;
    case 'b': return booleans[lx_rng_below(rng, 3)];
    default: return lx_rng_chance(rng, 0.5) ? EXPR_STORE_U8 : EXPR_STORE_U16;
    }
}

/* What the storage keeps of an integer. */
static int64_t narrowed(enum expr_storage storage, int64_t value)
{
    switch (storage) {
    case EXPR_STORE_U8: return (uint8_t)value;
    case EXPR_STORE_I16: return (int16_t)value;
    case EXPR_STORE_U16: return (uint16_t)value;
    case EXPR_STORE_I32: return (int32_t)value;
    default: return value;
    }
}

static struct expr_value stored_value(struct lx_rng *rng, size_t column, enum expr_storage storage,
                                      bool is_wild)
{
    struct expr_value value = random_value(rng, column_types[column]);
    char type = column_types[column];
    if (value.is_null) return value;
    if (type == 'r') {
        if (!is_wild && fabs(value.as.real) > 1e9) value.as.real = 1.25;
        if (storage == EXPR_STORE_F32) value.as.real = (double)(float)value.as.real;
        if (is_wild && lx_rng_chance(rng, 0.05)) value.as.real = lx_rng_chance(rng, 0.5) ? -0.0 : 0;
    } else if (type == 'i' || type == 'm') {
        if (!is_wild) value.as.integer %= 1000;
        value.as.integer = narrowed(storage, value.as.integer);
    } else if (type == 'd') {
        if (!is_wild) value.as.integer %= 20000;
        value.as.integer = narrowed(storage, value.as.integer);
    }
    return value;
}

static void put_integer_at(void *memory, size_t size, size_t row, int64_t value)
{
    memcpy((char *)memory + row * size, &value, size); /* little-endian */
}

static void *pack_bits(const struct packed *table, size_t column, bool is_roaring)
{
    uint64_t *bits = lx_calloc(frame_bit_words(table->row_count) + 1, sizeof *bits);
    roaring_bitmap_t *bitmap = roaring_bitmap_create();
    for (size_t row = 0; row < table->row_count; row++) {
        const struct expr_value *value = value_at(table, row, column);
        if (value->is_null || value->as.integer == 0) continue;
        bits[row / 64] |= (uint64_t)1 << row % 64;
        roaring_bitmap_add(bitmap, (uint32_t)row);
    }
    if (is_roaring) {
        lx_free(bits);
        return bitmap;
    }
    roaring_bitmap_free(bitmap);
    return bits;
}

static void pack_value(const struct packed *table, size_t row, size_t column,
                       enum expr_storage storage, void *memory)
{
    const struct expr_value *value = value_at(table, row, column);
    if (storage == EXPR_STORE_F64)
        ((double *)memory)[row] = value->is_null ? NAN : value->as.real;
    else if (storage == EXPR_STORE_F32)
        ((float *)memory)[row] = value->is_null ? NAN : (float)value->as.real;
    else if (value->is_null)
        return;
    else if (storage == EXPR_STORE_SET)
        ((uint64_t *)memory)[row] = *value->as.set;
    else
        put_integer_at(memory, size_of(storage), row,
                       column_types[column] == 's' ? code_of(value) : value->as.integer);
}

static void pack_column(struct packed *table, size_t column, enum expr_storage storage)
{
    uint64_t *nulls = lx_calloc(frame_bit_words(table->row_count) + 1, sizeof *nulls);
    bool has_null = false;
    void *memory;
    if (storage == EXPR_STORE_BITS || storage == EXPR_STORE_ROARING) {
        memory = pack_bits(table, column, storage == EXPR_STORE_ROARING);
    } else {
        /* Not one element more: a read past the end is one that a sanitizer sees. */
        memory = lx_calloc(table->row_count + 1, size_of(storage));
        for (size_t row = 0; row < table->row_count; row++)
            pack_value(table, row, column, storage, memory);
    }
    for (size_t row = 0; row < table->row_count; row++)
        if (value_at(table, row, column)->is_null && !is_real_column(column)) {
            nulls[row / 64] |= (uint64_t)1 << row % 64;
            has_null = true;
        }
    table->memory[column][0] = memory;
    table->memory[column][1] = nulls;
    table->columns[column] = (struct expr_column){
        .storage = storage, .values = memory, .nulls = has_null ? nulls : NULL};
    if (column_types[column] == 's') table->columns[column].strings = table->strings;
}

static void pack_table(struct packed *table, struct lx_rng *rng, size_t row_count, bool is_wild)
{
    *table = (struct packed){.row_count = row_count};
    table->rows = lx_calloc(row_count * COLUMN_COUNT + 1, sizeof *table->rows);
    table->sets = lx_calloc(row_count + 1, sizeof *table->sets);
    sort_strings(table);
    for (size_t column = 0; column < COLUMN_COUNT; column++) {
        enum expr_storage storage = random_storage(rng, column_types[column]);
        bool has_nulls = lx_rng_chance(rng, 0.7);
        for (size_t row = 0; row < row_count; row++) {
            struct expr_value *value = &table->rows[row * COLUMN_COUNT + column];
            do *value = stored_value(rng, column, storage, is_wild);
            while (value->is_null && !has_nulls);
            if (column_types[column] != 'h') continue;
            table->sets[row] = lx_rng_below(rng, 16);
            value->as.set = &table->sets[row];
        }
        pack_column(table, column, storage);
    }
}

static void release_table(struct packed *table)
{
    for (size_t column = 0; column < COLUMN_COUNT; column++) {
        if (table->columns[column].storage == EXPR_STORE_ROARING)
            roaring_bitmap_free(table->memory[column][0]);
        else
            lx_free(table->memory[column][0]);
        lx_free(table->memory[column][1]);
    }
    lx_free(table->rows);
    lx_free(table->sets);
    lx_free(table->offsets);
    lx_free(table->texts);
}

static enum lx_err packed_field(void *context, size_t field, struct expr_column *ret_column,
                                struct lx_error *err)
{
    (void)err;
    *ret_column = ((const struct packed *)context)->columns[field];
    return LX_OK;
}

static enum lx_err row_field(void *context, size_t field, struct expr_value *ret_value,
                             struct lx_error *err)
{
    (void)err;
    *ret_value = ((const struct expr_value *)context)[field];
    return LX_OK;
}

/* --- Comparing ------------------------------------------------------------------------------ */

/* What row evaluation says of a table, and where it stopped. */
struct expected {
    struct expr_value values[ROWS_MAX];
    uint64_t true_count;
    enum lx_err code;
    struct lx_error err;
};

static void expect_rows(const struct expr *expr, const struct packed *table,
                        struct expected *expected)
{
    expected->true_count = 0;
    expected->code = LX_OK;
    for (size_t i = 0; i < table->row_count && expected->code == LX_OK; i++) {
        struct expr_row row = {.context = (void *)(uintptr_t)value_at(table, i, 0),
                               .today = day_of(2026, 3, 1),
                               .field = row_field};
        struct expr_value *value = &expected->values[i];
        expected->code = expr_evaluate(expr, &row, value, &expected->err);
        expected->true_count += expected->code == LX_OK && !value->is_null &&
                                expr_result(expr) == EXPR_BOOLEAN && value->as.integer != 0;
    }
}

static int64_t integers[ROWS_MAX];
static double reals[ROWS_MAX];
static struct expr_value values[ROWS_MAX];
static uint64_t bits[ROWS_MAX / 64 + 1], nulls[ROWS_MAX / 64 + 1];

static bool bit_of(const uint64_t *words, size_t row)
{
    return (words[row / 64] >> row % 64 & 1) != 0;
}

static bool is_same(enum expr_type type, const struct expr_value *want, size_t row)
{
    if (want->is_null != bit_of(nulls, row)) return false;
    if (type == EXPR_STRING)
        return want->is_null == values[row].is_null &&
               (want->is_null || (want->as.string.length == values[row].as.string.length &&
                                  memcmp(want->as.string.text, values[row].as.string.text,
                                         want->as.string.length) == 0));
    if (type == EXPR_SET) return want->is_null || *want->as.set == *values[row].as.set;
    if (type == EXPR_REAL) {
        double real = want->is_null ? 0 : want->as.real;
        return memcmp(&real, &reals[row], sizeof real) == 0;
    }
    return integers[row] == (want->is_null ? 0 : want->as.integer);
}

static void check_error(const char *text, const struct expected *expected, enum lx_err code,
                        const struct lx_error *err)
{
    if (code != expected->code || (code != LX_OK && strcmp(err->text, expected->err.text) != 0))
        fail_msg("%s\ngot %s %s\nwant %s %s", text, lx_err_name(code),
                 code == LX_OK ? "" : err->text, lx_err_name(expected->code),
                 expected->code == LX_OK ? "" : expected->err.text);
}

static void check_values(const char *text, const struct expr_plan *plan, const struct expr *expr,
                         const struct packed *table, const struct expected *expected, int threads)
{
    struct lx_error err;
    struct expr_vector vector = {integers, reals, values, nulls};
    enum lx_err code = expr_plan_values(plan, threads, &vector, &err);
    check_error(text, expected, code, &err);
    for (size_t row = 0; row < table->row_count && code == LX_OK; row++)
        if (!is_same(expr_result(expr), &expected->values[row], row))
            fail_msg("%s\nrow %zu of %zu, %d threads: want %s%ld %g, got %s%ld %g", text, row,
                     table->row_count, threads, expected->values[row].is_null ? "null " : "",
                     (long)expected->values[row].as.integer, expected->values[row].as.real,
                     bit_of(nulls, row) ? "null " : "", (long)integers[row], reals[row]);
}

static void check_bits(const char *text, const struct expr_plan *plan, const struct packed *table,
                       const struct expected *expected, int threads)
{
    struct lx_error err;
    uint64_t count = 0, selected = 0;
    enum lx_err code = expr_plan_count(plan, threads, &count, &err);
    check_error(text, expected, code, &err);
    code = expr_plan_select(plan, threads, bits, NULL, &selected, &err);
    check_error(text, expected, code, &err);
    if (code != LX_OK) return;
    if (count != expected->true_count || selected != count)
        fail_msg("%s\ncounted %lu, selected %lu, want %lu", text, (unsigned long)count,
                 (unsigned long)selected, (unsigned long)expected->true_count);
    for (size_t row = 0; row < table->row_count; row++) {
        const struct expr_value *want = &expected->values[row];
        if (bit_of(bits, row) != (!want->is_null && want->as.integer != 0))
            fail_msg("%s\nrow %zu of %zu: selected %d", text, row, table->row_count,
                     bit_of(bits, row));
    }
}

static size_t row_node_count, plan_count;

static void compare_table(const char *text, const struct expr *expr, const struct packed *table,
                          enum expr_kernel kernel, int threads)
{
    static struct expected expected;
    struct lx_error err;
    struct expr_plan *plan = NULL;
    struct expr_table source = {.context = (void *)(uintptr_t)table,
                                .row_count = table->row_count,
                                .today = day_of(2026, 3, 1),
                                .field = packed_field};
    expect_rows(expr, table, &expected);
    if (expr_plan_open(expr, &source, kernel, &plan, &err) != LX_OK)
        fail_msg("%s\n%s", text, err.text);
    row_node_count += expr_plan_row_nodes(plan) > 0;
    plan_count++;
    check_values(text, plan, expr, table, &expected, threads);
    if (expr_result(expr) == EXPR_BOOLEAN) check_bits(text, plan, table, &expected, threads);
    expr_plan_close(plan);
}

static void compare_text(const char *text, const struct packed *table, enum expr_kernel kernel,
                         int threads)
{
    struct expr *expr = NULL;
    struct lx_error err;
    if (expr_compile(&table_schema, text, strlen(text), &expr, NULL, &err) != LX_OK)
        fail_msg("%s\n%s", text, err.text);
    compare_table(text, expr, table, kernel, threads);
    expr_free(expr);
}

/* --- Random --------------------------------------------------------------------------------- */

static uint64_t number_from(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);
    return text == NULL ? otherwise : strtoull(text, NULL, 10);
}

static enum expr_kernel random_kernel(struct lx_rng *rng)
{
    for (;;) {
        enum expr_kernel kernel = (enum expr_kernel)lx_rng_below(rng, EXPR_KERNEL_COUNT);
        if (expr_kernel_is_supported(kernel)) return kernel;
    }
}

/* Blocks whole, begun, and several. */
static size_t random_row_count(struct lx_rng *rng)
{
    switch (lx_rng_below(rng, 16)) {
    case 0: return BLOCK_ROWS;
    case 1: return BLOCK_ROWS + (size_t)lx_rng_below(rng, ROWS_MAX - BLOCK_ROWS);
    case 2:
    case 3: return (size_t)lx_rng_below(rng, 3);
    case 4:
    case 5: return 64 * (1 + (size_t)lx_rng_below(rng, 4));
    default: return 1 + (size_t)lx_rng_below(rng, 300);
    }
}

static void test_random_expressions_agree_with_row_evaluation(void **state)
{
    (void)state;
    static struct forest forest;
    static struct text ours;
    static const char roots[] = "iimmrrddscckbbbbbbbbbb";
    uint64_t seed = number_from("EXPR_SEED", 20260302);
    uint64_t agreements = number_from("EXPR_AGREEMENTS", 10000);
    struct packed table = {0};
    forest.rng = lx_rng_of(seed, 1);
    print_message("seed %lu\n", (unsigned long)seed);
    for (uint64_t i = 0; i < agreements; i++) {
        if (i % 20 == 0) {
            bool is_wild = lx_rng_chance(&forest.rng, 0.2);
            if (i > 0) release_table(&table);
            pack_table(&table, &forest.rng,
                       is_wild ? (size_t)lx_rng_below(&forest.rng, 9)
                               : random_row_count(&forest.rng),
                       is_wild);
        }
        forest.count = 0;
        struct tree *tree = grow(&forest, roots[lx_rng_below(&forest.rng, sizeof roots - 1)],
                                 1 + (int)lx_rng_below(&forest.rng, 4));
        ours.length = 0;
        write_ours(&ours, tree, 0);
        compare_text(ours.bytes, &table, random_kernel(&forest.rng),
                     1 + (int)lx_rng_below(&forest.rng, 3));
    }
    release_table(&table);
    print_message("%lu expressions agree; %zu of %zu were evaluated row by row in part\n",
                  (unsigned long)agreements, row_node_count, plan_count);
    assert_true(row_node_count * 2 < plan_count);
}

/* --- Bounds --------------------------------------------------------------------------------- */

/* Every comparison of the column with constants at, beside and far past its type's ends. */
static void test_constants_at_the_ends_of_a_storage_compare_as_in_rows(void **state)
{
    (void)state;
    static const char *const operators[] = {"=", "<>", "<", "<=", ">", ">="};
    static const char *const constants[] = {"0",
                                            "-1",
                                            "1",
                                            "127",
                                            "128",
                                            "255",
                                            "256",
                                            "-32768",
                                            "-32769",
                                            "32767",
                                            "32768",
                                            "65535",
                                            "65536",
                                            "2147483647",
                                            "2147483648",
                                            "-2147483648",
                                            "-2147483649",
                                            "9223372036854775807",
                                            "-9223372036854775807 - 1"};
    char text[128];
    for (uint64_t seed = 0; seed < 10; seed++) {
        struct lx_rng rng = lx_rng_of(seed, 3);
        struct packed table;
        pack_table(&table, &rng, 200, true);
        for (size_t i = 0; i < LX_COUNT_OF(constants); i++) {
            for (size_t k = 0; k < LX_COUNT_OF(operators); k++) {
                snprintf(text, sizeof text, "i %s %s", operators[k], constants[i]);
                compare_text(text, &table, random_kernel(&rng), 1);
                snprintf(text, sizeof text, "%s %s i", constants[i], operators[k]);
                compare_text(text, &table, random_kernel(&rng), 1);
            }
            snprintf(text, sizeof text, "i between %s and %s", constants[i],
                     constants[lx_rng_below(&rng, LX_COUNT_OF(constants))]);
            compare_text(text, &table, random_kernel(&rng), 1);
        }
        release_table(&table);
    }
}

static void test_reals_of_four_bytes_compare_as_the_doubles_that_they_are(void **state)
{
    (void)state;
    static const char *const operators[] = {"=", "<>", "<", "<=", ">", ">="};
    static const double constants[] = {
        0,   0.1, -0.1, 0.5, 16777217, 1e38, 3.5e38, 1e300, -3.5e38, 2e-5, 3.4028234663852886e38,
        0.25};
    static float floats[256];
    struct packed table = {.row_count = 0};
    struct lx_rng rng = lx_rng_of(1, 4);
    pack_table(&table, &rng, 256, false);
    for (size_t i = 0; i < 256; i++) {
        float base = (float)constants[i % LX_COUNT_OF(constants)];
        floats[i] = i % 3 == 0   ? base
                    : i % 3 == 1 ? nextafterf(base, INFINITY)
                                 : nextafterf(base, -INFINITY);
        if (i == 100) floats[i] = -0.0F;
        if (i == 101) floats[i] = NAN;
        if (i == 102) floats[i] = -INFINITY;
        struct expr_value *value = &table.rows[i * COLUMN_COUNT + COLUMN_R];
        *value = (struct expr_value){.is_null = isnan(floats[i])};
        if (!value->is_null) value->as.real = (double)floats[i];
    }
    table.columns[COLUMN_R].storage = EXPR_STORE_F32;
    table.columns[COLUMN_R].values = floats;
    char text[128];
    for (size_t i = 0; i < LX_COUNT_OF(constants); i++)
        for (size_t k = 0; k < LX_COUNT_OF(operators); k++)
            for (int sign = -1; sign <= 1; sign += 2) {
                snprintf(text, sizeof text, "r %s %.17g", operators[k], sign * constants[i]);
                if (strpbrk(strchr(text, ' ') + 3, ".e") == NULL) strcat(text, ".0");
                compare_text(text, &table, random_kernel(&rng), 1);
            }
    table.columns[COLUMN_R].storage = EXPR_STORE_F64; /* its own memory goes back as it came */
    release_table(&table);
}

/* --- Order and failure ---------------------------------------------------------------------- */

static void test_an_overflow_counts_only_where_a_row_reaches_it(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "i <> 0 and 9223372036854775807 + i > 0",
        "i < 0 and 9223372036854775807 + i > 0",
        "9223372036854775807 + i > 0 and i < 0",
        "j > 5 and i < 0 and 9223372036854775807 + i > 0 and j < 7",
        "b or 9223372036854775807 + i > 0",
        /* dear enough for more than one thread */
        "(s < t or not s < t) and 9223372036854775807 + i > 0",
        "case when s < t then 9223372036854775807 + i else i end",
        "case when i < 0 then 9223372036854775807 + i else i end",
        "case when i > 0 then 9223372036854775807 + i else i end",
        "coalesce(i, 9223372036854775807 + j)",
        "coalesce(j, 9223372036854775807 + i)",
        "(b and null) and 9223372036854775807 + i > 0",
    };
    for (uint64_t seed = 0; seed < 6; seed++) {
        struct lx_rng rng = lx_rng_of(seed, 5);
        struct packed table;
        pack_table(&table, &rng, 20000, false);
        for (size_t i = 0; i < LX_COUNT_OF(texts); i++)
            for (int threads = 1; threads <= 3; threads++)
                compare_text(texts[i], &table, random_kernel(&rng), threads);
        release_table(&table);
    }
}

static void test_conditions_of_every_selectivity_agree(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "i between 10 and 12 and j > 990 and m > 1 and c = 'web' and b",
        "j > 990 and s like '客%' and t in ('a', 'b', '客户') and not b",
        "not (i > 100) and (q > 20.5 or q is null) and k in ('R1', 'R3', null)",
        "i > 990 or j > 990 or c = 'web' or b",
        "i = 7 and j = 7 and m = 7 and c in h",
        "today() - 90 days < d and d < today() + 3 months",
        "s < t and c = g and k >= 'R2'",
    };
    for (uint64_t seed = 0; seed < 8; seed++) {
        struct lx_rng rng = lx_rng_of(seed, 6);
        struct packed table;
        pack_table(&table, &rng, 34000, false);
        for (size_t i = 0; i < LX_COUNT_OF(texts); i++)
            compare_text(texts[i], &table, random_kernel(&rng), 1 + (int)(seed % 3));
        release_table(&table);
    }
}

/* --- Frames --------------------------------------------------------------------------------- */

static enum frame_type type_of_storage(enum expr_storage storage)
{
    switch (storage) {
    case EXPR_STORE_U8: return FRAME_U8;
    case EXPR_STORE_I16: return FRAME_I16;
    case EXPR_STORE_U16: return FRAME_U16;
    case EXPR_STORE_I32: return FRAME_I32;
    case EXPR_STORE_I64: return FRAME_I64;
    case EXPR_STORE_F32: return FRAME_F32;
    default: return FRAME_F64;
    }
}

static enum lx_err write_column(struct frame_writer *writer, const struct packed *table,
                                size_t column, struct lx_error *err)
{
    static uint32_t codes[ROWS_MAX];
    const struct expr_column *own = &table->columns[column];
    const char *name = columns[column].name;
    if (own->storage == EXPR_STORE_BITS) return frame_write_bits(writer, name, own->values, err);
    if (own->storage == EXPR_STORE_ROARING)
        return frame_write_bitmap(writer, name, own->values, err);
    if (column_types[column] != 's')
        return frame_write_nullable(writer, name, type_of_storage(own->storage), own->values,
                                    own->nulls, err);
    for (size_t row = 0; row < table->row_count; row++) {
        const struct expr_value *value = value_at(table, row, column);
        codes[row] = value->is_null ? 0 : (uint32_t)code_of(value);
    }
    return frame_write_dictionary(writer, name, &table->strings, codes, own->nulls, err);
}

static void write_frame(const char *path, const struct packed *table)
{
    struct lx_error err;
    struct frame_writer *writer = NULL;
    MUST(frame_writer_open(path, table->row_count, &writer, &err));
    for (size_t column = 0; column < COLUMN_COUNT; column++)
        if (column_types[column] != 'h') MUST(write_column(writer, table, column, &err));
    MUST(frame_writer_commit(writer, "", 0, &err));
    frame_writer_close(writer);
}

/* The table's columns become those of the frame; a boolean of a bitmap has no nulls there. */
static void read_frame(const struct frame *frame, struct packed *table,
                       const struct roaring_bitmap_s *bitmaps[COLUMN_COUNT])
{
    struct lx_error err;
    for (size_t column = 0, number = 0; column < COLUMN_COUNT; column++) {
        struct frame_column found;
        if (column_types[column] == 'h') continue;
        MUST(frame_column_at(frame, number++, &found, &err));
        if (found.type == FRAME_BITMAP)
            MUST(frame_bitmap_open(frame, found.name, &bitmaps[column], &err));
        MUST(expr_column_of_frame(&found, bitmaps[column], &table->columns[column], &err));
        for (size_t row = 0; row < table->row_count && found.type == FRAME_BITMAP; row++) {
            struct expr_value *value = &table->rows[row * COLUMN_COUNT + column];
            if (value->is_null) *value = integer_value(0);
        }
    }
}

static void test_a_frame_answers_as_the_columns_that_were_written(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "i > 10 and m <= 5 or r > 0.5",
        "s like '客%' or t = 'a' or t is null",
        "c = 'web' and k in ('R1', 'R3')",
        "b or not a",
        "i + j",
        "coalesce(s, t)",
        "case when b then d + 1 days else e end",
    };
    char folder[LX_PATH_MAX], path[LX_PATH_MAX];
    struct lx_error err;
    scratch_make(folder);
    MUST(host_join(path, folder, "table.frame", &err));
    for (uint64_t seed = 0; seed < 12; seed++) {
        struct lx_rng rng = lx_rng_of(seed, 8);
        struct packed table;
        struct expr_column own[COLUMN_COUNT];
        struct frame *frame = NULL;
        const struct roaring_bitmap_s *bitmaps[COLUMN_COUNT] = {NULL};
        pack_table(&table, &rng, 1 + (size_t)lx_rng_below(&rng, 3000), false);
        memcpy(own, table.columns, sizeof own);
        write_frame(path, &table);
        MUST(frame_open(path, &frame, &err));
        MUST(frame_verify(frame, &err));
        read_frame(frame, &table, bitmaps);
        for (size_t i = 0; i < LX_COUNT_OF(texts); i++)
            compare_text(texts[i], &table, random_kernel(&rng), 1);
        for (size_t i = 0; i < COLUMN_COUNT; i++) frame_bitmap_close(bitmaps[i]);
        frame_close(frame);
        memcpy(table.columns, own, sizeof own);
        release_table(&table);
    }
    scratch_remove(folder);
}

static void test_a_list_is_no_column_of_values(void **state)
{
    (void)state;
    static const enum frame_type types[] = {FRAME_TEXT, FRAME_LIST, FRAME_BLOB};
    struct expr_column column;
    struct lx_error err;
    for (size_t i = 0; i < LX_COUNT_OF(types); i++) {
        struct frame_column found = {.name = "pairs", .type = types[i]};
        MUST_FAIL(expr_column_of_frame(&found, NULL, &column, &err), LX_ERR_BAD_INPUT);
        assert_non_null(strstr(err.text, "column pairs"));
    }
}

/* --- Calls and windows ---------------------------------------------------------------------- */

enum { BANK_ROWS = 300 };

/* Customers of schema.h, of whom ages, holdings and windows lie in columns, or do not. */
struct bank_table {
    struct bank_row rows[BANK_ROWS];
    int64_t assets[BANK_ROWS], windows[BANK_ROWS];
    uint8_t ages[BANK_ROWS], risks[BANK_ROWS];
    uint64_t wealth[BANK_ROWS / 64 + 1];
    bool has_columns;
};

static enum lx_err bank_column(void *context, size_t field, struct expr_column *ret_column,
                               struct lx_error *err)
{
    const struct bank_table *table = context;
    if (field == FIELD_ASSETS)
        *ret_column = (struct expr_column){.storage = EXPR_STORE_I64, .values = table->assets};
    else if (field == FIELD_RISK || field == FIELD_PRODUCT_RISK)
        *ret_column = (struct expr_column){.storage = EXPR_STORE_U8, .values = table->risks};
    else
        return lx_fail(err, LX_ERR_NOT_FOUND, "field %zu", field);
    return LX_OK;
}

static enum lx_err bank_call_column(void *context, size_t function,
                                    const struct expr_value *arguments, size_t argument_count,
                                    struct expr_column *ret_column, bool *ret_has,
                                    struct lx_error *err)
{
    const struct bank_table *table = context;
    (void)err;
    *ret_has = table->has_columns &&
               (function == CALL_AGE ||
                (function == CALL_HOLDS && argument_count == 1 && arguments[0].as.integer == 2));
    if (function == CALL_AGE)
        *ret_column = (struct expr_column){.storage = EXPR_STORE_U8, .values = table->ages};
    else
        *ret_column = (struct expr_column){.storage = EXPR_STORE_BITS, .values = table->wealth};
    return LX_OK;
}

static enum lx_err bank_window_column(void *context, const struct expr_window *window,
                                      struct expr_column *ret_column, bool *ret_has,
                                      struct lx_error *err)
{
    const struct bank_table *table = context;
    (void)err;
    *ret_has = table->has_columns && window->aggregate == EXPR_SUM;
    *ret_column = (struct expr_column){.storage = EXPR_STORE_I64, .values = table->windows};
    return LX_OK;
}

static enum lx_err bank_call_row(void *context, size_t row, size_t function,
                                 const struct expr_value *arguments, size_t argument_count,
                                 struct expr_value *ret_value, struct lx_error *err)
{
    struct bank_table *table = context;
    return bank_call(&table->rows[row], function, arguments, argument_count, ret_value, err);
}

static enum lx_err bank_window_row(void *context, size_t row, const struct expr_window *window,
                                   const struct expr_row *outer, struct expr_value *ret_value,
                                   struct lx_error *err)
{
    struct bank_table *table = context;
    struct expr_value assets;
    /* The outer row is the row that is asked for. */
    if (window->where != NULL &&
        (outer->field(outer->context, FIELD_ASSETS, &assets, err) != LX_OK ||
         assets.as.integer != table->assets[row]))
        return LX_ERR_CORRUPT;
    return bank_window(&table->rows[row], window, ret_value, err);
}

static void fill_bank(struct bank_table *table)
{
    struct lx_rng rng = lx_rng_of(9, 9);
    for (size_t i = 0; i < BANK_ROWS; i++) {
        struct bank_row *row = &table->rows[i];
        bank_row_init(row);
        row->age = (int)lx_rng_below(&rng, 100);
        row->holdings = lx_rng_below(&rng, 32);
        table->ages[i] = (uint8_t)row->age;
        table->risks[i] = (uint8_t)lx_rng_below(&rng, 5);
        table->assets[i] = (int64_t)lx_rng_below(&rng, 100000000);
        table->windows[i] = (int64_t)lx_rng_below(&rng, 1000000);
        table->wealth[i / 64] |= (row->holdings >> 2 & 1) << i % 64;
        row->fields[FIELD_ASSETS] = integer_value(table->assets[i]);
        row->fields[FIELD_RISK] = integer_value(table->risks[i]);
        row->fields[FIELD_PRODUCT_RISK] = integer_value(table->risks[i]);
        for (size_t w = 0; w < EXPR_WINDOWS_MAX; w++)
            row->windows[w] = integer_value(table->windows[i]);
    }
}

static void compare_bank(struct bank_table *table, const char *text)
{
    struct expr *expr = NULL;
    struct expr_plan *plan = NULL;
    struct lx_error err;
    uint64_t count = 0, want = 0;
    const struct expr_table source = {.context = table,
                                      .row_count = BANK_ROWS,
                                      .today = day_of(2026, 3, 1),
                                      .field = bank_column,
                                      .call = bank_call_column,
                                      .window = bank_window_column,
                                      .call_row = bank_call_row,
                                      .window_row = bank_window_row};
    if (expr_compile(&schema, text, strlen(text), &expr, NULL, &err) != LX_OK)
        fail_msg("%s\n%s", text, err.text);
    for (size_t i = 0; i < BANK_ROWS; i++) {
        table->rows[i].expr = expr;
        struct expr_row row = bank_expr_row(&table->rows[i]);
        bool holds = false;
        assert_int_equal(expr_holds(expr, &row, &holds, &err), LX_OK);
        want += holds;
    }
    if (expr_plan_open(expr, &source, EXPR_KERNEL_BEST, &plan, &err) != LX_OK ||
        expr_plan_count(plan, 2, &count, &err) != LX_OK)
        fail_msg("%s\n%s", text, err.text);
    if (count != want)
        fail_msg("%s\ngot %lu, want %lu", text, (unsigned long)count, (unsigned long)want);
    expr_plan_close(plan);
    expr_free(expr);
}

static void test_calls_and_windows_come_from_columns_or_row_by_row(void **state)
{
    (void)state;
    static struct bank_table table;
    static const char *const texts[] = {
        "age() between 30 and 50 and assets >= 50万 and not holds('wealth')",
        "holds('wealth', 'credit') or age() < 20",
        "sum(amount) over 30 days > 5000 and holds('wealth')",
        "count() over 30 days > 3000 or age() + 1 > 90",
        "count() where amount < this.assets over 30 days > 3000 and age() < 60",
        "risk_allows(product.risk) and assets > 1",
        "holds('wealth') = (age() > 50)",
    };
    fill_bank(&table);
    for (int has_columns = 0; has_columns < 2; has_columns++) {
        table.has_columns = has_columns == 1;
        for (size_t i = 0; i < LX_COUNT_OF(texts); i++) compare_bank(&table, texts[i]);
    }
}

static void test_what_no_one_answers_is_refused_when_the_plan_is_made(void **state)
{
    (void)state;
    static struct bank_table table;
    static const struct {
        const char *text;
        enum lx_err code;
        const char *message;
    } rows[] = {
        {"assets > 1 and holds('wealth')", LX_ERR_NOT_BUILT, "1:16: the table does not answer"},
        {"sum(amount) > 1", LX_ERR_NOT_BUILT, "1:1: the table does not answer windows"},
        {"debt > 1", LX_ERR_NOT_FOUND, "field"},
    };
    const struct expr_table source = {
        .context = &table, .row_count = BANK_ROWS, .field = bank_column};
    for (size_t i = 0; i < LX_COUNT_OF(rows); i++) {
        struct expr *expr = NULL;
        struct expr_plan *plan = NULL;
        struct lx_error err;
        assert_int_equal(
            expr_compile(&schema, rows[i].text, strlen(rows[i].text), &expr, NULL, &err), LX_OK);
        enum lx_err code = expr_plan_open(expr, &source, EXPR_KERNEL_BEST, &plan, &err);
        if (code != rows[i].code || strstr(err.text, rows[i].message) == NULL)
            fail_msg("%s: %s %s", rows[i].text, lx_err_name(code), err.text);
        expr_free(expr);
    }
}

static void test_refused_memory_is_an_error_and_loses_none(void **state)
{
    (void)state;
    static const char text[] = "i + 1 > j and s like 'a%' and (b or c = 'web')";
    struct packed table;
    struct lx_rng rng = lx_rng_of(3, 7);
    struct expr *expr = NULL;
    struct lx_error err;
    pack_table(&table, &rng, 300, false);
    struct expr_table source = {.context = &table, .row_count = 300, .field = packed_field};
    assert_int_equal(expr_compile(&table_schema, text, strlen(text), &expr, NULL, &err), LX_OK);
    for (uint64_t allocation = 1;; allocation++) {
        struct expr_plan *plan = NULL;
        uint64_t count;
        lx_alloc_fail_at(allocation);
        enum lx_err code = expr_plan_open(expr, &source, EXPR_KERNEL_BEST, &plan, &err);
        if (code == LX_OK) code = expr_plan_count(plan, 1, &count, &err);
        lx_alloc_fail_at(0);
        expr_plan_close(plan);
        if (code == LX_OK) {
            assert_true(allocation > 4);
            break;
        }
        assert_int_equal(code, LX_ERR_NO_MEMORY);
    }
    expr_free(expr);
    release_table(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_constants_at_the_ends_of_a_storage_compare_as_in_rows),
        cmocka_unit_test(test_reals_of_four_bytes_compare_as_the_doubles_that_they_are),
        cmocka_unit_test(test_an_overflow_counts_only_where_a_row_reaches_it),
        cmocka_unit_test(test_conditions_of_every_selectivity_agree),
        cmocka_unit_test(test_a_frame_answers_as_the_columns_that_were_written),
        cmocka_unit_test(test_a_list_is_no_column_of_values),
        cmocka_unit_test(test_calls_and_windows_come_from_columns_or_row_by_row),
        cmocka_unit_test(test_what_no_one_answers_is_refused_when_the_plan_is_made),
        cmocka_unit_test(test_refused_memory_is_an_error_and_loses_none),
        cmocka_unit_test(test_random_expressions_agree_with_row_evaluation),
    };
    return cmocka_run_group_tests_name("columns", tests, NULL, NULL);
}
