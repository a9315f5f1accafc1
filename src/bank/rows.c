/* The small tables: rows of named texts. One table below says what they are made of. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "bank/loading.h"
#include "base/buffer.h"
#include "base/date.h"
#include "codec/field.h"

enum column_type {
    COLUMN_END,
    COLUMN_TEXT,
    COLUMN_INT,
    COLUMN_DAY,
    COLUMN_MOMENT,
    COLUMN_CUSTOMER,
    COLUMN_PRODUCT,
    COLUMN_BRANCH,
    COLUMN_STAFF,
    COLUMN_INSTITUTION,
    COLUMN_EXPERIMENT,
    COLUMN_CHANNEL, /* `all` is 0 */
    COLUMN_OWN,     /* the number of the row's code in the list of the table */
};

struct row_column {
    const char *name;
    enum column_type type;
    bool is_key;
};

struct row_table {
    const char *name;
    enum bank_list list; /* of COLUMN_OWN */
    /* The moment at which a fact ends, or NULL, and when that was known: with the row unless it
     * says otherwise. Such a row stays known since it first was. */
    const char *end, *end_known;
    bool is_end_announced; /* it may be known before it comes */
    struct row_column columns[ROW_COLUMNS_MAX];
};

#define AT                                                                                         \
    {"at_ms", COLUMN_MOMENT, false},                                                               \
    {                                                                                              \
        "known_at_ms", COLUMN_MOMENT, false                                                        \
    }
#define KEY_AT                                                                                     \
    {"at_ms", COLUMN_MOMENT, true},                                                                \
    {                                                                                              \
        "known_at_ms", COLUMN_MOMENT, false                                                        \
    }

static const struct row_table tables[] = {
    /* clang-format off */
    {"institution", 0, NULL, NULL, false, {{"code", COLUMN_TEXT, true}, {"name", COLUMN_TEXT, false}, AT}},
    {"branch", BANK_LIST_BRANCH, NULL, NULL, false,
     {{"branch", COLUMN_OWN, false}, {"code", COLUMN_TEXT, true}, {"name", COLUMN_TEXT, false},
      {"institution", COLUMN_INSTITUTION, false}, {"parent", COLUMN_TEXT, false},
      {"region", COLUMN_TEXT, false}, {"opened_day", COLUMN_DAY, false},
      {"closed_day", COLUMN_DAY, false}, AT}},
    {"staff", 0, NULL, NULL, false,
     {{"code", COLUMN_TEXT, true}, {"name", COLUMN_TEXT, false}, {"role", COLUMN_TEXT, false},
      {"branch", COLUMN_BRANCH, false}, {"joined_day", COLUMN_DAY, false},
      {"left_day", COLUMN_DAY, false}, AT}},
    {"placement", 0, NULL, NULL, false,
     {{"code", COLUMN_TEXT, true}, {"name", COLUMN_TEXT, false},
      {"channel", COLUMN_CHANNEL, false}, AT}},
    {"campaign", BANK_LIST_CAMPAIGN, NULL, NULL, false,
     {{"campaign", COLUMN_OWN, false}, {"code", COLUMN_TEXT, true}, {"name", COLUMN_TEXT, false},
      {"product", COLUMN_PRODUCT, false}, {"channel", COLUMN_CHANNEL, false},
      {"starts_ms", COLUMN_MOMENT, false}, {"ends_ms", COLUMN_MOMENT, false},
      {"control_ppm", COLUMN_INT, false}, {"random_ppm", COLUMN_INT, false}, AT}},
    {"account", 0, NULL, NULL, false,
     {{"customer", COLUMN_CUSTOMER, true}, {"code", COLUMN_TEXT, true},
      {"product", COLUMN_PRODUCT, false}, {"branch", COLUMN_BRANCH, false},
      {"opened_day", COLUMN_DAY, false}, {"closed_day", COLUMN_DAY, false}, AT}},
    {"assignment", 0, NULL, NULL, false,
     {{"customer", COLUMN_CUSTOMER, true}, {"staff", COLUMN_STAFF, true}, KEY_AT,
      {"until_ms", COLUMN_MOMENT, false}}},
    {"do_not_contact", 0, "until_ms", "until_known_at_ms", true,
     {{"customer", COLUMN_CUSTOMER, true}, {"channel", COLUMN_CHANNEL, true}, KEY_AT,
      {"until_ms", COLUMN_MOMENT, false}, {"until_known_at_ms", COLUMN_MOMENT, false},
      {"reason", COLUMN_TEXT, false}}},
    {"complaint", 0, "closed_at_ms", "closed_known_at_ms", false,
     {{"customer", COLUMN_CUSTOMER, true}, {"code", COLUMN_TEXT, true}, KEY_AT,
      {"subject", COLUMN_TEXT, false}, {"product", COLUMN_PRODUCT, false},
      {"closed_at_ms", COLUMN_MOMENT, false}, {"closed_known_at_ms", COLUMN_MOMENT, false}}},
    {"label", 0, NULL, NULL, false,
     {{"customer", COLUMN_CUSTOMER, true}, {"name", COLUMN_TEXT, true}, KEY_AT,
      {"layer", COLUMN_TEXT, false}, {"value", COLUMN_TEXT, false},
      {"until_ms", COLUMN_MOMENT, false}, {"source", COLUMN_TEXT, false}}},
    {"legal_hold", 0, NULL, NULL, false,
     {{"customer", COLUMN_CUSTOMER, true}, KEY_AT, {"until_ms", COLUMN_MOMENT, false},
      {"reason", COLUMN_TEXT, false}}},
    {"task", 0, NULL, NULL, false,
     {{"code", COLUMN_TEXT, true}, {"customer", COLUMN_CUSTOMER, false},
      {"staff", COLUMN_STAFF, false}, {"kind", COLUMN_TEXT, false}, {"due_ms", COLUMN_MOMENT, false},
      {"note", COLUMN_TEXT, false}, {"done_at_ms", COLUMN_MOMENT, false},
      {"outcome", COLUMN_TEXT, false}, AT}},
    {"experiment", 0, NULL, NULL, false,
     {{"code", COLUMN_TEXT, true}, {"name", COLUMN_TEXT, false}, {"hypothesis", COLUMN_TEXT, false},
      {"metric", COLUMN_TEXT, false}, {"starts_ms", COLUMN_MOMENT, false},
      {"ends_ms", COLUMN_MOMENT, false}, {"seed", COLUMN_INT, false}, AT}},
    {"experiment_arm", 0, NULL, NULL, false,
     {{"experiment", COLUMN_EXPERIMENT, true}, {"arm", COLUMN_TEXT, true},
      {"share_ppm", COLUMN_INT, false}, {"is_control", COLUMN_INT, false}}},
    {"product_terms", 0, NULL, NULL, false,
     {{"product", COLUMN_PRODUCT, true}, {"at_ms", COLUMN_MOMENT, true},
      {"known_at_ms", COLUMN_MOMENT, true}, {"minimum_fen", COLUMN_INT, false},
      {"rate_ppm", COLUMN_INT, false}, {"term_days", COLUMN_INT, false}}},
    /* clang-format on */
};
_Static_assert(LX_COUNT_OF(tables) <= ROW_TABLES_MAX, "a statement for each");

void bank_load_release_rows(struct bank_load *load)
{
    for (size_t i = 0; i < ROW_TABLES_MAX; i++) {
        store_finalize(load->rows[i]);
        load->rows[i] = NULL;
    }
}

static size_t column_count(const struct row_table *table)
{
    size_t count = 0;
    while (count < ROW_COLUMNS_MAX && table->columns[count].type != COLUMN_END) count++;
    return count;
}

/* -1 if there is none. */
static int column_find(const struct row_table *table, const char *name)
{
    for (size_t i = 0; i < column_count(table); i++)
        if (table->columns[i].type != COLUMN_OWN && strcmp(table->columns[i].name, name) == 0)
            return (int)i;
    return -1;
}

static bool is_moment_of_row(const struct row_column *column)
{
    return strcmp(column->name, "at_ms") == 0 || strcmp(column->name, "known_at_ms") == 0;
}

/* When the end of a fact was known; its end tells whether it changes. */
static bool is_known_of_end(const struct row_table *table, const struct row_column *column)
{
    return table->end != NULL && strcmp(column->name, table->end_known) == 0;
}

/* Columns that a row with the same key may change. */
static bool is_content(const struct row_table *table, const struct row_column *column)
{
    return !column->is_key && column->type != COLUMN_OWN && !is_moment_of_row(column) &&
           !is_known_of_end(table, column);
}

static void write_list(struct lx_buffer *sql, const struct row_table *table, const char *separator,
                       bool (*is_chosen)(const struct row_table *table,
                                         const struct row_column *column),
                       const char *form)
{
    const char *between = "";
    for (size_t i = 0; i < column_count(table); i++) {
        const char *name = table->columns[i].name;
        if (!is_chosen(table, &table->columns[i])) continue;
        lx_buffer_append_text(sql, between);
        for (const char *at = form; *at != '\0'; at++) {
            if (*at == '@')
                lx_buffer_append_text(sql, name);
            else if (*at == '#')
                lx_buffer_append_text(sql, table->name);
            else
                lx_buffer_append_byte(sql, *at);
        }
        between = separator;
    }
}

static bool is_any(const struct row_table *table, const struct row_column *column)
{
    return true;
}

static bool is_key(const struct row_table *table, const struct row_column *column)
{
    return column->is_key;
}

/* A row that says something new is known since then, but not a fact that only came to an end. */
static bool is_changed(const struct row_table *table, const struct row_column *column)
{
    if (is_content(table, column)) return true;
    return table->end == NULL && !column->is_key && is_moment_of_row(column);
}

static enum lx_err prepare(struct bank_load *load, const struct row_table *table,
                           struct store_statement **ret_statement, struct lx_error *err)
{
    struct lx_buffer sql;
    lx_buffer_init(&sql, 1 << 14);
    lx_buffer_printf(&sql, "INSERT INTO %s (", table->name);
    write_list(&sql, table, ", ", is_any, "@");
    lx_buffer_append_text(&sql, ") VALUES (");
    for (size_t i = 0; i < column_count(table); i++)
        lx_buffer_printf(&sql, "%s$%zu", i == 0 ? "" : ", ", i + 1);
    lx_buffer_append_text(&sql, ") ON CONFLICT (");
    write_list(&sql, table, ", ", is_key, "@");
    lx_buffer_append_text(&sql, ") DO UPDATE SET ");
    write_list(&sql, table, ", ", is_changed, "@ = coalesce(excluded.@, #.@)");
    if (table->end != NULL)
        lx_buffer_printf(&sql,
                         ", %s = CASE WHEN excluded.%s IS NULL OR excluded.%s = %s.%s"
                         " THEN %s.%s ELSE excluded.%s END",
                         table->end_known, table->end, table->end, table->name, table->end,
                         table->name, table->end_known, table->end_known);
    lx_buffer_append_text(&sql, " WHERE ");
    write_list(&sql, table, " OR ", is_content, "coalesce(excluded.@, #.@) IS DISTINCT FROM #.@");
    enum lx_err code = lx_buffer_error(&sql);
    if (code != LX_OK) code = lx_fail(err, code, "%s: out of memory", table->name);
    if (code == LX_OK) code = store_prepare(load->target, sql.bytes, ret_statement, err);
    lx_buffer_release(&sql);
    return code;
}

static enum bank_put refuse(struct bank_load *load, const struct bank_value *value, const char *why)
{
    int length = value->length < 60 ? (int)value->length : 60;
    snprintf(load->refusal, sizeof load->refusal, "%.30s \"%.*s\": %.120s", value->column, length,
             value->text, why);
    return BANK_PUT_BAD_VALUE;
}

static bool read_moment(const struct bank_load *load, const struct bank_value *value,
                        int64_t *ret_at_ms)
{
    static const enum field_date_form forms[] = {FIELD_DATE_DATETIME, FIELD_DATE_ISO,
                                                 FIELD_DATE_EPOCH_MS};
    for (size_t i = 0; i < LX_COUNT_OF(forms); i++)
        if (field_moment(value->text, value->length, forms[i], load->bank->utc_offset_minutes,
                         ret_at_ms, NULL) == LX_OK)
            return true;
    return false;
}

/* A row that another one names by its code, though no file has brought it yet: it is made, with
 * nothing known but the code, as a branch is. */
static enum lx_err ensure_row(struct bank_load *load, enum reference reference,
                              const struct bank_value *value, struct lx_error *err)
{
    static const char *const sqls[REFERENCE_COUNT] = {
        [REFERENCE_STAFF] = "INSERT INTO staff (code, at_ms, known_at_ms) VALUES ($1, $2, $2)"
                            " ON CONFLICT DO NOTHING",
        [REFERENCE_INSTITUTION] = "INSERT INTO institution (code, at_ms, known_at_ms)"
                                  " VALUES ($1, $2, $2) ON CONFLICT DO NOTHING",
        [REFERENCE_EXPERIMENT] = "INSERT INTO experiment (code, seed, at_ms, known_at_ms)"
                                 " VALUES ($1, 0, $2, $2) ON CONFLICT DO NOTHING",
    };
    uint32_t number = 0;
    bool is_new = false;
    struct store_statement *statement = NULL;
    enum lx_err code = lx_dictionary_add(&load->references[reference], value->text, value->length,
                                         &number, &is_new);
    if (code != LX_OK) return lx_fail(err, code, "%s: %s", value->column, lx_err_text(code));
    if (!is_new) return LX_OK;
    code = store_prepare(load->target, sqls[reference], &statement, err);
    if (code != LX_OK) return code;
    store_bind_text(statement, 1, value->text, value->length);
    store_bind_int(statement, 2, load->now_ms);
    code = store_run(statement, err);
    store_finalize(statement);
    return code;
}

static enum reference reference_of(enum column_type type)
{
    return type == COLUMN_STAFF         ? REFERENCE_STAFF
           : type == COLUMN_INSTITUTION ? REFERENCE_INSTITUTION
                                        : REFERENCE_EXPERIMENT;
}

static enum lx_err bind_value(struct bank_load *load, struct store_statement *statement, int index,
                              enum column_type type, const struct bank_value *value,
                              enum bank_put *ret_outcome, struct lx_error *err)
{
    struct lx_error why = {0};
    int64_t number = 0;
    int32_t day = 0;
    int code_number = 0;
    enum lx_err code = LX_OK;
    switch (type) {
    case COLUMN_STAFF:
    case COLUMN_INSTITUTION:
    case COLUMN_EXPERIMENT:
        code = ensure_row(load, reference_of(type), value, err);
        store_bind_text(statement, index, value->text, value->length);
        return code;
    case COLUMN_TEXT: store_bind_text(statement, index, value->text, value->length); return LX_OK;
    case COLUMN_INT:
        if (field_int64(value->text, value->length, &number, &why) != LX_OK)
            *ret_outcome = refuse(load, value, why.text);
        break;
    case COLUMN_DAY:
        if (lx_day_parse(value->text, value->length, &day) != LX_OK)
            *ret_outcome = refuse(load, value, "is no day YYYY-MM-DD");
        number = day;
        break;
    case COLUMN_MOMENT:
        if (!read_moment(load, value, &number))
            *ret_outcome = refuse(load, value, "is no moment YYYY-MM-DD HH:MM:SS");
        break;
    case COLUMN_CUSTOMER:
        number = bank_load_customer(load, value->text, value->length);
        if (number < 0) *ret_outcome = BANK_PUT_UNKNOWN_CUSTOMER;
        break;
    case COLUMN_PRODUCT:
        number = bank_catalogue_find(&load->bank->catalogue, value->text, value->length);
        if (number < 0) *ret_outcome = refuse(load, value, "no such product in the catalogue");
        break;
    case COLUMN_CHANNEL:
        number = bank_channel_find(value->text, value->length);
        if (number == 0 && !(value->length == 3 && memcmp(value->text, "all", 3) == 0))
            *ret_outcome = refuse(load, value, "no such channel");
        break;
    case COLUMN_BRANCH:
        code =
            bank_load_list(load, BANK_LIST_BRANCH, value->text, value->length, &code_number, err);
        number = code_number;
        break;
    case COLUMN_OWN:
    case COLUMN_END: lx_bug(__FILE__, __LINE__, "type of column");
    }
    store_bind_int(statement, index, number);
    return code;
}

/* The row's values by column; LX_ERR_USAGE for a column that the table does not have. */
static enum lx_err arrange(const struct row_table *table, const struct bank_value *values,
                           size_t count, const struct bank_value **by_column, struct lx_error *err)
{
    for (size_t i = 0; i < count; i++) {
        int column = column_find(table, values[i].column);
        if (column < 0)
            return lx_fail(err, LX_ERR_USAGE, "table %s: has no column \"%.60s\"", table->name,
                           values[i].column);
        /* An empty text is no value: no file tells the two apart. */
        if (values[i].text != NULL && values[i].length > 0) by_column[column] = &values[i];
    }
    return LX_OK;
}

static const struct bank_value *value_in(const struct row_table *table,
                                         const struct bank_value **by_column, const char *name)
{
    int column = name == NULL ? -1 : column_find(table, name);
    return column < 0 ? NULL : by_column[column];
}

/* at_ms and known_at_ms may be left to the batch: known now, and so since now. An end was known
 * with its row. */
static void bind_default(struct bank_load *load, struct store_statement *statement, int index,
                         const struct row_table *table, const struct row_column *column,
                         const struct bank_value **by_column)
{
    const struct bank_value *known_at = value_in(table, by_column, "known_at_ms");
    int64_t known_at_ms = load->now_ms;
    bool is_end = is_known_of_end(table, column) && value_in(table, by_column, table->end) != NULL;
    if (known_at != NULL && !read_moment(load, known_at, &known_at_ms)) known_at_ms = load->now_ms;
    if (is_moment_of_row(column) || is_end)
        store_bind_int(statement, index, known_at_ms);
    else
        store_bind_null(statement, index);
}

static enum lx_err bind_row(struct bank_load *load, struct store_statement *statement,
                            const struct row_table *table, const struct bank_value **by_column,
                            enum bank_put *ret_outcome, struct lx_error *err)
{
    enum lx_err code = LX_OK;
    for (size_t i = 0; i < column_count(table) && code == LX_OK; i++) {
        const struct row_column *column = &table->columns[i];
        const struct bank_value *value = by_column[i];
        int index = (int)i + 1;
        if (column->type == COLUMN_OWN)
            continue;
        else if (value != NULL)
            code = bind_value(load, statement, index, column->type, value, ret_outcome, err);
        else if (column->is_key && !is_moment_of_row(column))
            *ret_outcome = refuse(load, &(struct bank_value){column->name, "", 0}, "is missing");
        else
            bind_default(load, statement, index, table, column, by_column);
        if (*ret_outcome != BANK_PUT_DONE) break;
    }
    return code;
}

/* What is not announced cannot be known before it came. */
static enum bank_put check_end(const struct bank_load *load, const struct row_table *table,
                               const struct bank_value **by_column)
{
    int64_t end_ms = 0, known_at_ms = load->now_ms;
    const struct bank_value *end = value_in(table, by_column, table->end);
    const struct bank_value *known = value_in(table, by_column, table->end_known);
    if (end == NULL || table->is_end_announced || !read_moment(load, end, &end_ms))
        return BANK_PUT_DONE;
    if (known == NULL) known = value_in(table, by_column, "known_at_ms");
    if (known != NULL && !read_moment(load, known, &known_at_ms)) return BANK_PUT_DONE;
    return known_at_ms < end_ms ? BANK_PUT_KNOWN_BEFORE_IT_HAPPENED : BANK_PUT_DONE;
}

/* Last, so that a row that is refused adds no code to the list. */
static enum lx_err bind_own(struct bank_load *load, struct store_statement *statement,
                            const struct row_table *table, const struct bank_value **by_column,
                            struct lx_error *err)
{
    if (table->columns[0].type != COLUMN_OWN) return LX_OK;
    const struct bank_value *value = by_column[column_find(table, "code")];
    int number = 0;
    enum lx_err code = bank_load_list(load, table->list, value->text, value->length, &number, err);
    store_bind_int(statement, 1, number);
    return code;
}

static const struct row_table *table_find(const char *name, size_t *ret_place)
{
    for (size_t i = 0; i < LX_COUNT_OF(tables); i++) {
        *ret_place = i;
        if (strcmp(tables[i].name, name) == 0) return &tables[i];
    }
    return NULL;
}

static void count_row(struct bank_load *load, const struct row_table *table,
                      const struct bank_value **by_column, bool has_changed,
                      enum bank_put *ret_outcome)
{
    const struct bank_value *known_at = value_in(table, by_column, "known_at_ms");
    const struct bank_value *end_known = value_in(table, by_column, table->end_known);
    int64_t known_at_ms = BANK_UNKNOWN_MS, end_known_at_ms = BANK_UNKNOWN_MS;
    if (!has_changed) {
        *ret_outcome = BANK_PUT_DUPLICATE;
        load->duplicates++;
        return;
    }
    if (known_at != NULL && !read_moment(load, known_at, &known_at_ms))
        known_at_ms = BANK_UNKNOWN_MS;
    if (end_known != NULL && !read_moment(load, end_known, &end_known_at_ms))
        end_known_at_ms = BANK_UNKNOWN_MS;
    bank_load_count(load, end_known_at_ms > known_at_ms ? end_known_at_ms : known_at_ms);
}

enum lx_err bank_put_row(struct bank_load *load, const char *table_name,
                         const struct bank_value *values, size_t count, enum bank_put *ret_outcome,
                         struct lx_error *err)
{
    LX_ASSERT(load != NULL && table_name != NULL && ret_outcome != NULL);
    LX_ASSERT(values != NULL || count == 0);

    size_t place = 0;
    const struct bank_value *by_column[ROW_COLUMNS_MAX] = {NULL};
    const struct row_table *table = table_find(table_name, &place);
    if (table == NULL) return lx_fail(err, LX_ERR_USAGE, "no table \"%.60s\"", table_name);
    enum lx_err code = arrange(table, values, count, by_column, err);
    if (code == LX_OK && load->rows[place] == NULL)
        code = prepare(load, table, &load->rows[place], err);
    if (code != LX_OK) return code;

    struct store_statement *statement = load->rows[place];
    *ret_outcome = BANK_PUT_DONE;
    code = bind_row(load, statement, table, by_column, ret_outcome, err);
    if (code == LX_OK && *ret_outcome == BANK_PUT_DONE)
        *ret_outcome = check_end(load, table, by_column);
    if (code == LX_OK && *ret_outcome == BANK_PUT_DONE)
        code = bind_own(load, statement, table, by_column, err);
    if (code == LX_OK && *ret_outcome == BANK_PUT_DONE) {
        struct lx_error why = {0};
        code = store_run(statement, &why);
        if (code == LX_ERR_REFUSED) {
            *ret_outcome = BANK_PUT_BAD_VALUE;
            /* The file's name before the reason says nothing to him who reads it. */
            const char *reason = strstr(why.text, "constraint failed");
            snprintf(load->refusal, sizeof load->refusal, "%s: %.200s", table->name,
                     reason == NULL ? why.text : reason);
            return LX_OK;
        }
        if (code != LX_OK) return lx_fail(err, code, "%s", why.text);
        if (code == LX_OK)
            count_row(load, table, by_column, store_changes(load->target) > 0, ret_outcome);
    }
    return code;
}
