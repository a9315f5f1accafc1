#ifndef INGEST_MAPPING_VALUE_H
#define INGEST_MAPPING_VALUE_H

/*
 * mapping_value: the text of one field as the value that its type and form say. The same function
 * checks the values written in a mapping, and reads those in the files.
 *
 * Ownership: plain values. Errors: LX_ERR_BAD_INPUT and LX_ERR_OVERFLOW, with a text that says what
 *            is wrong and never repeats the value: it may be a customer's. The exception are codes
 *            (kind, channel ...), which belong to the bank.
 * Threads:   pure functions.
 */

#include "ingest/mapping.h"

/*
 * A moment is in milliseconds, an amount in fen, a day in days, a code in its enumeration's number,
 * a sign -1 or 1, a boolean 0 or 1, a share in double's bits (mapping_share_of). Texts, ids,
 * products and `held` have no such value: calling it for them is a bug, as is
 * MAPPING_FORM_MONTH_FROM (which depends on the row before) and MAPPING_FORM_AGE (on another
 * field), see below.
 */
LX_MUST_USE enum lx_err mapping_value(const struct mapping_file *file,
                                      const struct mapping_field *field, const char *text,
                                      size_t length, int utc_offset_minutes, int64_t *ret_value,
                                      struct lx_error *err);

/* A value written in a mapping: as above, but moments and days are YYYY-MM-DD [HH:MM:SS] there. */
LX_MUST_USE enum lx_err mapping_value_written(const struct mapping_file *file,
                                              const struct mapping_field *field, const char *text,
                                              int utc_offset_minutes, int64_t *ret_value,
                                              struct lx_error *err);

/* "YYYY-MM-DD" or "YYYY-MM-DD HH:MM:SS". */
LX_MUST_USE enum lx_err mapping_constant_moment(const char *text, size_t length,
                                                int utc_offset_minutes, int64_t *ret_at_ms,
                                                struct lx_error *err);

/* An English month, "may" or "May" or "MAY" or in full: 1 to 12. */
LX_MUST_USE enum lx_err mapping_month(const char *text, size_t length, int *ret_month,
                                      struct lx_error *err);

/* Whole years, 0 to 150. */
LX_MUST_USE enum lx_err mapping_age(const char *text, size_t length, int *ret_years,
                                    struct lx_error *err);

double mapping_share_of(int64_t value);

/* How many bytes of a code a message shows: at most LX_CODE_MAX, whole characters. */
int mapping_shown_length(const char *text, size_t length);

#endif
