#ifndef INGEST_IMPORT_FACT_H
#define INGEST_IMPORT_FACT_H

/*
 * import_fact: the values of a row's fields as a fact of the bank; what import_row.c and
 * import_fact.c share, nobody else includes it.
 */

#include "ingest/import_plan.h"

/* What is wrong with a row. */
struct import_trouble {
    enum import_reason reason;
    const char *column; /* NULL: the row as a whole */
    char detail[128];
};

void import_refuse(struct import_trouble *trouble, enum import_reason reason, const char *column,
                   const char *detail);

/* The column in which a person finds the field, or the field's name. */
const char *import_column_of(const struct import_plan *plan, enum mapping_field_id id);

/* Copies a text into the block; ask lx_buffer_error(&block->text) once for the row. */
struct import_slice import_keep(struct import_block *block, const char *text, size_t length);

/* A moment or day: *number is what its column says (ignored for other bases) and becomes the value;
 * `at_ms` is what `at` means. False outside the years 1 to 9999. */
bool import_moment(const struct import_plan *plan, const struct import_cell *cell, int64_t at_ms,
                   int64_t *number);

/* Makes the fact of the section's entity out of plan->values, into a zeroed row. */
LX_MUST_USE enum lx_err import_fact(struct import_plan *plan, const struct csv_row *csv,
                                    struct import_block *block, struct import_row *row,
                                    struct import_trouble *trouble);

#endif
