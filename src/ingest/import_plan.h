#ifndef INGEST_IMPORT_PLAN_H
#define INGEST_IMPORT_PLAN_H

/*
 * import_plan: one section of a mapping, bound to the columns of one file and to the bank's codes:
 * all that can be looked up before the rows is looked up here, and a column or a product that is
 * not there is found here.
 *
 * Ownership: open/close; borrows the section, the context and the catalogue.
 * Errors:    LX_ERR_BAD_INPUT naming the mapping's line, the column, the columns there are.
 * Threads:   one at a time.
 */

#include "bank/catalogue.h"
#include "ingest/import_row.h"
#include "ingest/mapping.h"

struct import_context {
    const char *mapping_file; /* for messages */
    const struct bank_catalogue *catalogue;
    int utc_offset_minutes;
    int64_t now_ms;
};

/* What a row says about a field. */
struct import_field_value {
    int64_t number;           /* by mapping_value.h; a product: its number in the catalogue */
    struct import_slice text; /* of a text or an id */
    bool is_there;
};

#define IMPORT_NOTHING INT64_MIN /* a code that means no value */

/* Where a field comes from in this file. */
struct import_cell {
    const struct mapping_field *field;
    enum mapping_type type;
    bool is_required;
    bool is_code;          /* the values are few, so they are remembered */
    bool is_constant;      /* the same number in every row */
    bool is_fixed;         /* and it has been found */
    int32_t column;        /* the one column, or -1: composed of the terms */
    int32_t *columns;      /* owned; by term, -1 where the term is no column */
    int64_t *code_numbers; /* owned; by code of the value map, IMPORT_NOTHING */
    int64_t other_number, empty_number;
    struct lx_dictionary memo;
    int64_t *memo_numbers; /* owned; IMPORT_NOTHING */
    size_t memo_capacity;
    char last_text[24]; /* the last moment that was read, as dates come in runs */
    uint32_t last_length;
    int64_t last_number;
    int32_t month; /* month-from: first day of the month of the row before; INT32_MIN at first */
};

struct import_held {
    uint32_t column;
    int16_t product;
};

struct import_plan {
    const struct import_context *context;
    const struct mapping_file *file;
    const char *path;
    char stem[LX_FIELD_NAME_MAX + 1];
    int32_t file_day;   /* INT32_MIN: the name has no date */
    const char **names; /* owned; of the columns, borrowed from `texts` */
    size_t column_count;
    struct lx_arena texts;
    struct import_cell *cells; /* owned */
    size_t cell_count;
    struct import_held *held; /* owned */
    size_t held_count, held_capacity;
    struct import_products covered; /* by `held` */
    int32_t filter_columns[MAPPING_FILTERS_MAX];
    uint64_t row; /* number of the row, from 1 */
    struct import_field_value values[MAPPING_FIELD_COUNT];
    struct lx_buffer scratch;
};

/* `first` is the file's first row: its header, or where there is none a row to count columns by
 * (NULL for an empty file). */
LX_MUST_USE enum lx_err import_plan_open(const struct import_context *context,
                                         const struct mapping_file *file, const char *path,
                                         int32_t file_day, const struct csv_row *first,
                                         struct import_plan **ret_plan, struct lx_error *err);
void import_plan_close(struct import_plan *plan); /* NULL is fine */

/* Converts a row; adds it to the block, taken, passed over or rejected. LX_ERR_NO_MEMORY only. */
LX_MUST_USE enum lx_err import_plan_row(struct import_plan *plan, const struct csv_row *row,
                                        struct import_block *block, struct lx_error *err);

/* True if the row is the section's trailer; *ret_count is the number it names, -1 if none. */
bool import_plan_is_trailer(const struct mapping_file *file, const struct csv_row *row,
                            int64_t *ret_count);

/* The serial number that the content of an event stands for: equal for equal events, a close before
 * an open of the same moment; never BANK_SEQUENCE_AUTO. */
uint32_t import_sequence_of(const struct bank_event *event);

#endif
