#include "view/audience.h"

#include <stdio.h>
#include <string.h>

#include "expr/columns.h"
#include "view/feature_set.h"
#include "view/fields.h"
#include "view/program.h"
#include "view/scan.h"
#include "view/past.h"

enum { HELD_WORDS = (LX_PRODUCT_MAX + 63) / 64 };

/* Columns that are made for one condition. */
#define COLUMNS_BYTES_MAX ((size_t)16 << 30)

struct view_audience {
    const char *folder;
    struct bank *bank;
    const struct view_features *features;
    const struct view_snapshot *snapshot;
    const struct frame *frame;
    struct view_context context;
    size_t rows;
};

/* One condition. */
struct selection {
    const struct view_audience *audience;
    const struct expr *expr;
    struct lx_arena arena;
    struct expr_column windows[EXPR_WINDOWS_MAX];
    bool is_feature[EXPR_WINDOWS_MAX]; /* the window's column is that of a feature */
};

/* --- Compiling ------------------------------------------------------------------------------ */

enum lx_err view_audience_compile(const struct view_features *features, const char *text,
                                  size_t length, struct expr **ret_expr,
                                  struct expr_fault *ret_fault, struct lx_error *err)
{
    LX_ASSERT(features != NULL && text != NULL && ret_expr != NULL && ret_fault != NULL);

    const struct view_schema *schema = view_features_schema(features);
    struct expr *of_pairs = NULL;
    struct lx_error ignored;
    enum lx_err code = expr_compile_as(view_schema_scope(schema, VIEW_CUSTOMER), EXPR_BOOLEAN, text,
                                       length, ret_expr, ret_fault, err);
    if (code != LX_ERR_BAD_INPUT) return code;
    if (expr_compile_as(view_schema_scope(schema, VIEW_PAIR), EXPR_BOOLEAN, text, length, &of_pairs,
                        NULL, &ignored) == LX_OK) {
        expr_free(of_pairs);
        snprintf(ret_fault->message, sizeof ret_fault->message,
                 "speaks of a product, and an audience is of customers; holds_product('P07') and "
                 "windows speak of products by name");
        return lx_fail(err, code, "%d:%d: %s", ret_fault->line, ret_fault->column,
                       ret_fault->message);
    }
    return code;
}

/* --- Opening -------------------------------------------------------------------------------- */

enum lx_err view_audience_open(const char *folder, struct bank *bank,
                               const struct view_features *features,
                               const struct view_snapshot *snapshot,
                               struct view_audience **ret_audience, struct lx_error *err)
{
    LX_ASSERT(folder != NULL && bank != NULL && features != NULL && snapshot != NULL);

    struct view_audience *audience = lx_calloc(1, sizeof *audience);
    if (audience == NULL) return lx_fail(err, LX_ERR_NO_MEMORY, "audience: out of memory");
    *audience = (struct view_audience){
        .folder = folder,
        .bank = bank,
        .features = features,
        .snapshot = snapshot,
        .frame = view_snapshot_frame(snapshot),
        .context = {.catalogue = bank_catalogue(bank),
                    .peers = view_snapshot_peers(snapshot),
                    .utc_offset_minutes = bank_utc_offset_minutes(bank)},
        .rows = (size_t)view_snapshot_customers(snapshot),
    };
    *ret_audience = audience;
    return LX_OK;
}

void view_audience_close(struct view_audience *audience)
{
    lx_free(audience);
}

/* --- Columns of the snapshot ---------------------------------------------------------------- */

static enum lx_err out_of_memory(struct lx_error *err)
{
    return lx_fail(err, LX_ERR_NO_MEMORY, "audience: out of memory");
}

static enum lx_err find_column(const struct frame *frame, const char *prefix, const char *name,
                               struct expr_column *ret_column, struct lx_error *err)
{
    char full[FRAME_NAME_MAX + 1];
    snprintf(full, sizeof full, "%s%s", prefix, name);
    for (size_t i = 0; i < frame_column_count(frame); i++) {
        struct frame_column column;
        enum lx_err code = frame_column_at(frame, i, &column, err);
        if (code != LX_OK) return code;
        if (strcmp(column.name, full) == 0)
            return expr_column_of_frame(&column, NULL, ret_column, err);
    }
    return lx_fail(err, LX_ERR_NOT_READY, "the snapshot has no `%s`; run `lingxi refresh` again",
                   name);
}

static uint64_t *new_bits(struct selection *selection)
{
    return lx_arena_array(&selection->arena, frame_bit_words(selection->audience->rows) + 1,
                          sizeof(uint64_t));
}

/* Room for whole words of rows: kernels read 64 at a time. */
static void *new_values(struct selection *selection, size_t size)
{
    return lx_arena_array(&selection->arena, frame_bit_words(selection->audience->rows) * 64 + 64,
                          size);
}

static size_t size_of(enum expr_type type, enum expr_storage *ret_storage)
{
    switch (type) {
    case EXPR_BOOLEAN: *ret_storage = EXPR_STORE_U8; return sizeof(uint8_t);
    case EXPR_ENUM: *ret_storage = EXPR_STORE_U16; return sizeof(uint16_t);
    case EXPR_REAL: *ret_storage = EXPR_STORE_F64; return sizeof(double);
    default: *ret_storage = EXPR_STORE_I64; return sizeof(int64_t);
    }
}

/* A column that is filled value by value. */
static enum lx_err make_column(struct selection *selection, enum expr_type type,
                               struct expr_column *ret_column, struct lx_error *err)
{
    struct expr_column column = {0};
    size_t size = size_of(type, &column.storage);
    column.values = new_values(selection, size);
    column.nulls = new_bits(selection);
    if (column.values == NULL || column.nulls == NULL) return out_of_memory(err);
    *ret_column = column;
    return LX_OK;
}

static void put_value(const struct expr_column *column, size_t row, const struct expr_value *value)
{
    void *values = (void *)(uintptr_t)column->values;
    uint64_t *nulls = (uint64_t *)(uintptr_t)column->nulls;
    if (value->is_null) nulls[row / 64] |= (uint64_t)1 << (row % 64);
    int64_t integer = value->is_null ? 0 : value->as.integer;
    switch (column->storage) {
    case EXPR_STORE_U8: ((uint8_t *)values)[row] = (uint8_t)integer; break;
    case EXPR_STORE_U16: ((uint16_t *)values)[row] = (uint16_t)integer; break;
    case EXPR_STORE_F64:
        ((double *)values)[row] = value->is_null ? (double)NAN : value->as.real;
        break;
    default: ((int64_t *)values)[row] = integer;
    }
}

/* Whole numbers lie there as such. A feature of which some value fitted none of their columns lies
 * there as a float and is read as its type. */
static enum lx_err feature_column(struct selection *selection, const struct expr_field *field,
                                  struct expr_column *ret_column, struct lx_error *err)
{
    struct expr_column stored;
    enum lx_err code = find_column(selection->audience->frame, "", field->name, &stored, err);
    if (code != LX_OK) return code;
    if (field->type == EXPR_REAL || stored.storage != EXPR_STORE_F32) {
        *ret_column = stored;
        return LX_OK;
    }
    code = make_column(selection, field->type, ret_column, err);
    for (size_t row = 0; row < selection->audience->rows && code == LX_OK; row++) {
        struct expr_value value =
            view_value_of_float(((const float *)stored.values)[row], field->type);
        put_value(ret_column, row, &value);
    }
    return code;
}

/* Sets are few and wide, and lie there as lists; they become words a row. */
static enum lx_err set_column(struct selection *selection, size_t field,
                              struct expr_column *ret_column, struct lx_error *err)
{
    const struct view_audience *audience = selection->audience;
    const struct view_schema *schema = view_features_schema(audience->features);
    size_t words = frame_bit_words(
        view_schema_scope(schema, VIEW_CUSTOMER)->fields[field].enumeration->value_count);
    uint64_t *values = new_values(selection, words * sizeof(uint64_t));
    if (values == NULL) return out_of_memory(err);
    for (size_t row = 0; row < audience->rows; row++) {
        struct view_facts facts;
        struct view_reading reading;
        struct expr_value value;
        view_snapshot_facts(audience->snapshot, (int64_t)row, &facts);
        view_reading_begin(schema, &audience->context, &facts, NULL,
                           view_snapshot_as_of_ms(audience->snapshot), NULL, &reading);
        enum lx_err code = view_reading_field(&reading, field, &value, err);
        if (code != LX_OK) return code;
        memcpy(values + row * words, value.as.set, words * sizeof *values);
    }
    *ret_column = (struct expr_column){.storage = EXPR_STORE_SET, .values = values};
    return LX_OK;
}

static enum lx_err table_field(void *context, size_t field, struct expr_column *ret_column,
                               struct lx_error *err)
{
    struct selection *selection = context;
    const struct view_schema *schema = view_features_schema(selection->audience->features);
    const struct expr_field *of = &view_schema_scope(schema, VIEW_CUSTOMER)->fields[field];
    if (field >= view_schema_own_count()) return feature_column(selection, of, ret_column, err);
    if (of->type == EXPR_SET) return set_column(selection, field, ret_column, err);
    return find_column(selection->audience->frame, FIELDS_FIELD, of->name, ret_column, err);
}

/* --- Functions ------------------------------------------------------------------------------ */

static enum lx_err add_holders(const struct view_audience *audience, size_t product, uint64_t *bits,
                               uint64_t *words, struct lx_error *err)
{
    const struct roaring_bitmap_s *holders = NULL;
    size_t word_count = frame_bit_words(audience->rows);
    char name[FRAME_NAME_MAX + 1];
    snprintf(name, sizeof name, FIELDS_HELD "%zu", product);
    enum lx_err code = frame_bitmap_open(audience->frame, name, &holders, err);
    if (code != LX_OK) return code;
    frame_bitmap_words(holders, 0, word_count, words);
    for (size_t i = 0; i < word_count; i++) bits[i] |= words[i];
    frame_bitmap_close(holders);
    return LX_OK;
}

static enum lx_err held_column(struct selection *selection, const uint64_t products[HELD_WORDS],
                               struct expr_column *ret_column, struct lx_error *err)
{
    uint64_t *bits = new_bits(selection), *words = new_bits(selection);
    enum lx_err code = LX_OK;
    if (bits == NULL || words == NULL) return out_of_memory(err);
    for (size_t i = 0; i < selection->audience->context.catalogue->count && code == LX_OK; i++)
        if ((products[i / 64] >> (i % 64) & 1) != 0)
            code = add_holders(selection->audience, i, bits, words, err);
    *ret_column = (struct expr_column){.storage = EXPR_STORE_BITS, .values = bits};
    return code;
}

static enum lx_err table_call(void *context, size_t function, const struct expr_value *arguments,
                              size_t argument_count, struct expr_column *ret_column, bool *ret_has,
                              struct lx_error *err)
{
    struct selection *selection = context;
    const struct view_audience *audience = selection->audience;
    const struct view_schema *schema = view_features_schema(audience->features);
    const struct expr_function *of = &view_schema_scope(schema, VIEW_CUSTOMER)->functions[function];
    uint64_t products[HELD_WORDS];
    *ret_has = true;
    if (of->parameter_count == 0)
        return find_column(audience->frame, FIELDS_CALL, of->name, ret_column, err);
    if (view_schema_asks_held(audience->context.catalogue, function, arguments, argument_count,
                              products))
        return held_column(selection, products, ret_column, err);
    *ret_has = false;
    return LX_OK;
}

static enum lx_err table_call_row(void *context, size_t row, size_t function,
                                  const struct expr_value *arguments, size_t argument_count,
                                  struct expr_value *ret_value, struct lx_error *err)
{
    const struct selection *selection = context;
    const struct view_audience *audience = selection->audience;
    bool asks_peers = view_schema_asks_peers(function);
    float values[LX_FEATURES_MAX];
    struct view_facts facts;
    struct view_reading reading;
    view_snapshot_facts(audience->snapshot, (int64_t)row, &facts);
    if (asks_peers) view_snapshot_customer(audience->snapshot, (int64_t)row, values);
    view_reading_begin(view_features_schema(audience->features), &audience->context, &facts, NULL,
                       view_snapshot_as_of_ms(audience->snapshot), asks_peers ? values : NULL,
                       &reading);
    if (asks_peers) view_reading_find_peers(&reading);
    return view_reading_call(&reading, function, arguments, argument_count, ret_value, err);
}

/* --- Windows -------------------------------------------------------------------------------- */

/* What cannot overflow, since there a feature is missing and a condition fails. */
static bool is_safe(const struct expr_window *window)
{
    switch (window->aggregate) {
    case EXPR_COUNT:
    case EXPR_DISTINCT:
    case EXPR_TOP:
    case EXPR_DAYS_SINCE_LAST:
    case EXPR_DAYS_SINCE_FIRST: return true;
    default: return window->argument != NULL && window->argument->op == EXPR_OP_RELATION_FIELD;
    }
}

/* A feature that is this window and nothing else; NULL: there is none. */
static const struct feature *feature_of(const struct view_features *features,
                                        const struct expr_window *window)
{
    for (size_t i = 0; i < features->counts[VIEW_CUSTOMER] && is_safe(window); i++) {
        const struct feature *feature = &features->items[VIEW_CUSTOMER][i];
        const struct expr_node *root = feature->expr->root;
        if (root->op == EXPR_OP_WINDOW &&
            program_is_same_window(expr_window_at(feature->expr, root->index), window))
            return feature;
    }
    return NULL;
}

/* The snapshot may have the window already. A feature is a float before it is a whole number, so
 * only where its column is too narrow for one that a float rounds is it the window's value. */
static enum lx_err borrow_feature(struct selection *selection, size_t place, bool *ret_has,
                                  struct lx_error *err)
{
    const struct view_audience *audience = selection->audience;
    const struct feature *feature =
        feature_of(audience->features, expr_window_at(selection->expr, place));
    struct expr_column column;
    *ret_has = false;
    if (feature == NULL) return LX_OK;
    enum lx_err code = find_column(audience->frame, "", feature->title.name, &column, err);
    if (code != LX_OK) return code;
    *ret_has = column.storage == EXPR_STORE_U8 || column.storage == EXPR_STORE_I16 ||
               column.storage == EXPR_STORE_U16;
    if (*ret_has) selection->windows[place] = column;
    return LX_OK;
}

/* The pass over the bank. */
struct window_pass {
    struct selection *selection;
    struct program program;
    uint16_t places[EXPR_WINDOWS_MAX];
    struct run runs[LX_THREADS_MAX];
    bool has_run[LX_THREADS_MAX];
    bool reads_outer; /* some window reads the customer's features */
};

struct window_visit {
    struct window_pass *pass;
    struct view_context context;
    struct run *run;
};

static enum lx_err visit_customer(void *context, const struct bank_history *history,
                                  struct lx_error *err)
{
    const struct window_visit *visit = context;
    const struct selection *selection = visit->pass->selection;
    const struct view_snapshot *snapshot = selection->audience->snapshot;
    const int64_t as_of_ms = view_snapshot_as_of_ms(snapshot);
    const struct view_moment moment = view_moment_of(as_of_ms, visit->context.utc_offset_minutes);
    bool reads_outer = visit->pass->reads_outer;
    float values[LX_FEATURES_MAX];
    struct view_facts facts;
    struct view_reading reading;
    view_snapshot_facts(snapshot, history->customer, &facts);
    if (reads_outer) view_snapshot_customer(snapshot, history->customer, values);
    view_reading_begin(view_features_schema(selection->audience->features), &visit->context, &facts,
                       view_profile_at(history, &moment), as_of_ms, reads_outer ? values : NULL,
                       &reading);
    if (reads_outer) view_reading_find_peers(&reading);
    run_pass(visit->run, history, &reading);
    for (size_t i = 0; i < expr_window_count(selection->expr); i++) {
        struct expr_value value;
        if (selection->is_feature[i]) continue;
        enum lx_err code = run_value(visit->run, visit->pass->places[i], &value, err);
        if (code != LX_OK) return lx_error_prefix(err, "customer %s", history->id);
        put_value(&selection->windows[i], (size_t)history->customer, &value);
    }
    return LX_OK;
}

/* A run borrows the catalogue of the bank that the audience has open, which is the same for all. */
static enum lx_err pass_range(void *context, int worker, struct bank *bank, size_t range,
                              int64_t first, int64_t last, struct lx_error *err)
{
    struct window_pass *pass = context;
    const struct view_audience *audience = pass->selection->audience;
    struct window_visit visit = {pass, audience->context, &pass->runs[worker]};
    if (!pass->has_run[worker]) {
        enum lx_err code =
            run_open(&pass->program, audience->context.catalogue, &pass->runs[worker], err);
        if (code != LX_OK) return code;
        pass->has_run[worker] = true;
    }
    return bank_scan(bank, first, last, visit_customer, &visit, err);
}

static enum lx_err compute_windows(struct selection *selection, const struct lx_env *env,
                                   struct lx_error *err)
{
    size_t count = expr_window_count(selection->expr), left = 0;
    for (size_t i = 0; i < count; i++) {
        enum lx_err code = borrow_feature(selection, i, &selection->is_feature[i], err);
        if (code != LX_OK) return code;
        left += !selection->is_feature[i];
    }
    if (left == 0) return LX_OK;
    struct window_pass *pass = lx_calloc(1, sizeof *pass);
    if (pass == NULL) return out_of_memory(err);
    pass->selection = selection;
    const struct program_source source = {selection->expr, pass->places};
    const struct view_scan scan = {selection->audience->folder, "audience",
                                   (int64_t)selection->audience->rows, pass, pass_range};
    enum lx_err code = LX_OK;
    for (size_t i = 0; i < count && code == LX_OK; i++) {
        const struct expr_window *window = expr_window_at(selection->expr, i);
        if (selection->is_feature[i]) continue;
        pass->reads_outer = pass->reads_outer || !window->is_constant;
        code = make_column(selection, window->type, &selection->windows[i], err);
    }
    if (code == LX_OK)
        code = program_make(view_features_schema(selection->audience->features), &source, 1,
                            &pass->program, err);
    if (code == LX_OK) code = view_scan_run(&scan, env, err);
    for (int i = 0; i < env->thread_count; i++)
        if (pass->has_run[i]) run_release(&pass->runs[i]);
    program_release(&pass->program);
    lx_free(pass);
    return code;
}

static enum lx_err table_window(void *context, const struct expr_window *window,
                                struct expr_column *ret_column, bool *ret_has, struct lx_error *err)
{
    struct selection *selection = context;
    *ret_has = true;
    *ret_column = selection->windows[window - expr_window_at(selection->expr, 0)];
    return LX_OK;
}

/* --- Selecting ------------------------------------------------------------------------------ */

enum lx_err view_audience_select(struct view_audience *audience, const struct expr *expr,
                                 const struct lx_env *env, uint64_t *ret_bits, uint64_t *ret_count,
                                 struct lx_error *err)
{
    LX_ASSERT(audience != NULL && expr != NULL && env != NULL && ret_bits != NULL);
    LX_ASSERT(expr_result(expr) == EXPR_BOOLEAN || expr_result(expr) == EXPR_NULL);

    struct selection *selection = lx_calloc(1, sizeof *selection);
    struct expr_plan *plan = NULL;
    if (selection == NULL) return out_of_memory(err);
    selection->audience = audience;
    selection->expr = expr;
    lx_arena_init(&selection->arena, COLUMNS_BYTES_MAX);
    const struct expr_table table = {
        .context = selection,
        .row_count = audience->rows,
        .today = lx_day_of_ms(view_snapshot_as_of_ms(audience->snapshot),
                              audience->context.utc_offset_minutes),
        .field = table_field,
        .call = table_call,
        .window = table_window,
        .call_row = table_call_row,
    };
    enum lx_err code = compute_windows(selection, env, err);
    if (code == LX_OK) code = expr_plan_open(expr, &table, EXPR_KERNEL_BEST, &plan, err);
    if (code == LX_OK)
        code = expr_plan_select(plan, env->thread_count, ret_bits, NULL, ret_count, err);
    expr_plan_close(plan);
    lx_arena_release(&selection->arena);
    lx_free(selection);
    return code;
}

/* --- Ids ------------------------------------------------------------------------------------ */

static bool begins_character(char byte)
{
    return ((unsigned char)byte & 0xC0u) != 0x80u;
}

void view_mask_id(const char *id, size_t length, char ret_masked[VIEW_MASKED_ID_SIZE])
{
    size_t characters = 0, place = 0, out = 0;
    LX_ASSERT(length <= LX_ID_MAX);
    for (size_t i = 0; i < length; i++) characters += begins_character(id[i]);
    size_t ends = characters > 4 ? 2 : 0, last = characters > 4 ? 2 : 1;
    for (size_t i = 0; i < length; i++) {
        if (i > 0 && begins_character(id[i])) place++;
        if (place < ends || place + last >= characters)
            ret_masked[out++] = id[i];
        else if (begins_character(id[i]))
            ret_masked[out++] = '*';
    }
    ret_masked[out] = '\0';
}
