#ifndef EXPR_ARITHMETIC_H
#define EXPR_ARITHMETIC_H

/*
 * arithmetic: what the operators compute on values that are not NULL. Private to expr; both ways of
 * evaluation use it. Threads: pure functions.
 *
 * Errors: false where the result does not exist exactly as the language promises it (past 64 bits,
 *         past the calendar, no finite real); then nothing is written.
 */

#include "base/base.h"

/* amount * factor: the exact product, rounded once, half to even. */
LX_MUST_USE bool arithmetic_money_times_real(int64_t fen, double factor, int64_t *ret_fen);

/* amount / divisor: the exact quotient, rounded once, half to even. divisor is not 0. */
LX_MUST_USE bool arithmetic_money_by_real(int64_t fen, double divisor, int64_t *ret_fen);

/* Half to even, and down, to an integer. */
LX_MUST_USE bool arithmetic_round(double value, int64_t *ret_value);
LX_MUST_USE bool arithmetic_floor(double value, int64_t *ret_value);

/* Dates stay within the years 1 to 9999. */
LX_MUST_USE bool arithmetic_plus_days(int64_t day, int64_t count, int64_t *ret_day);
LX_MUST_USE bool arithmetic_plus_months(int64_t day, int64_t count, int64_t *ret_day);

/* Case counts; `_` is one character, `%` any number; behind `escape` (0: none) a byte is itself. */
bool arithmetic_is_like(const char *text, size_t length, const char *pattern, size_t pattern_length,
                        char escape);

/* Characters of UTF-8. */
int64_t arithmetic_length(const char *text, size_t length);

#endif
