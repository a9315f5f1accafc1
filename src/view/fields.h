#ifndef VIEW_FIELDS_H
#define VIEW_FIELDS_H

/*
 * fields: the customer's own fields as columns of a snapshot, so that expressions over everybody
 * need nothing else. Private to view.
 *
 *   field.NAME   each field of the schema that comes before the features and is no set: BOOLEAN U8,
 *                ENUM U8 or U16, INTEGER and DATE I32, MONEY I64 (fen, exact); with its nulls
 *   call.NAME    the same of a function without parameters: age
 *   held.NUMBER  BITMAP: who holds the product of that number in the catalogue
 *
 * Memory:  about 50 bytes a customer, and a bit for each product.
 * Threads: customers of different ranges (view/scan.h) may be added at once.
 */

#include "frame/frame.h"
#include "view/schema.h"

#define FIELDS_FIELD "field."
#define FIELDS_CALL "call."
#define FIELDS_HELD "held."

struct fields;

LX_MUST_USE enum lx_err fields_open(struct bank *bank, int64_t customers,
                                    struct fields **ret_fields, struct lx_error *err);
void fields_close(struct fields *fields); /* NULL is fine */

/* The customer is the row. */
LX_MUST_USE enum lx_err fields_add(struct fields *fields, const struct bank_history *history,
                                   const struct view_context *context,
                                   const struct view_facts *facts, int64_t as_of_ms,
                                   struct lx_error *err);
LX_MUST_USE enum lx_err fields_write(const struct fields *fields, struct frame_writer *writer,
                                     struct lx_error *err);

#endif
