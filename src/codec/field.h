#ifndef CODEC_FIELD_H
#define CODEC_FIELD_H

/*
 * field: the value of one text field, strictly. Surrounding spaces are ignored; anything else that
 * is not the value is refused, with a message such as `month 13` that says what is wrong.
 *
 * Ownership: plain values. Errors: LX_ERR_BAD_INPUT, LX_ERR_OVERFLOW; ret_ only on LX_OK.
 * Threads:   pure functions.
 */

#include "base/base.h"

LX_MUST_USE enum lx_err field_int64(const char *text, size_t length, int64_t *ret_value,
                                    struct lx_error *err);

/* Decimal or exponent form, correctly rounded; inf and nan are refused. */
LX_MUST_USE enum lx_err field_real(const char *text, size_t length, double *ret_value,
                                   struct lx_error *err);

/*
 * An amount in yuan with at most two decimals -> fen, without floating point; thousands separators
 * (1,234.50) are allowed where they are in the right places.
 */
LX_MUST_USE enum lx_err field_yuan(const char *text, size_t length, int64_t *ret_fen,
                                   struct lx_error *err);

/* Date and time forms. Each is exact. */
#define FIELD_DATE_MAP(X)                                                                          \
    X(ISO, "YYYY-MM-DD")                                                                           \
    X(COMPACT, "YYYYMMDD")                                                                         \
    X(SLASH, "YYYY/MM/DD")                                                                         \
    X(DMY, "DD-MM-YYYY")                                                                           \
    X(YEAR, "YYYY")                                                                                \
    X(EPOCH_SECONDS, "epoch-seconds")                                                              \
    X(EPOCH_MS, "epoch-ms")                                                                        \
    X(DATETIME, "YYYY-MM-DD HH:MM:SS")                                                             \
    X(COMPACT_DATETIME, "YYYYMMDDHHMMSS")

enum field_date_form {
#define X(name, text) FIELD_DATE_##name,
    FIELD_DATE_MAP(X)
#undef X
        FIELD_DATE_FORM_COUNT
};

const char *field_date_form_text(enum field_date_form form);
/* The form whose text it is; false if there is none. */
bool field_date_form_find(const char *text, enum field_date_form *ret_form);

/* The moment; a form without a time means the day's beginning in the bank's time. */
LX_MUST_USE enum lx_err field_moment(const char *text, size_t length, enum field_date_form form,
                                     int utc_offset_minutes, int64_t *ret_at_ms,
                                     struct lx_error *err);

#endif
