#include "expr/arithmetic.h"

#include <math.h>

#include "base/date.h"

__extension__ typedef unsigned __int128 u128;

/* |value| = mantissa * 2^exponent with an odd mantissa below 2^53, or 0. */
struct binary {
    uint64_t mantissa;
    int exponent;
    bool is_negative;
};

static struct binary binary_of(double value)
{
    struct binary binary = {.is_negative = signbit(value) != 0};
    double fraction = frexp(fabs(value), &binary.exponent);
    binary.mantissa = (uint64_t)ldexp(fraction, 53);
    binary.exponent -= 53;
    if (binary.mantissa == 0) return (struct binary){0, 0, binary.is_negative};
    int zeros = __builtin_ctzll(binary.mantissa);
    binary.mantissa >>= zeros;
    binary.exponent += zeros;
    return binary;
}

static uint64_t magnitude(int64_t value)
{
    return value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
}

static bool with_sign(u128 value, bool is_negative, int64_t *ret_value)
{
    const u128 most = (u128)INT64_MAX + is_negative;
    if (value > most) return false;
    *ret_value = (int64_t)(is_negative ? 0 - (uint64_t)value : (uint64_t)value);
    return true;
}

/* value / 2^shift, half to even */
static u128 shift_right(u128 value, int shift)
{
    if (shift == 0) return value;
    if (shift > 127) return 0; /* below a half: the value has at most 117 bits */
    u128 quotient = value >> shift, rest = value - (quotient << shift),
         half = (u128)1 << (shift - 1);
    return quotient + (rest > half || (rest == half && (quotient & 1) == 1));
}

/*
 * A real is a whole number of at most 53 bits times a power of two, so the product with 63 bits of
 * fen is a whole number of at most 116 bits times that power: nothing is lost before the one
 * rounding.
 */
bool arithmetic_money_times_real(int64_t fen, double factor, int64_t *ret_fen)
{
    if (!isfinite(factor)) return false;
    struct binary binary = binary_of(factor);
    bool is_negative = (fen < 0) != binary.is_negative;
    u128 product = (u128)magnitude(fen) * binary.mantissa;
    if (product == 0) return with_sign(0, false, ret_fen);
    if (binary.exponent <= 0)
        return with_sign(shift_right(product, -binary.exponent), is_negative, ret_fen);
    if (binary.exponent > 63 || product >> (127 - binary.exponent) != 0) return false;
    return with_sign(product << binary.exponent, is_negative, ret_fen);
}

/* above / below, half to even */
static u128 divide_half_even(u128 above, u128 below)
{
    u128 quotient = above / below, rest = above % below;
    return quotient + (rest > below - rest || (rest == below - rest && (quotient & 1) == 1));
}

/*
 * fen / (m * 2^e) with m below 2^53. For e >= 0 the divisor is a whole number; past 2^65 the
 * quotient is below a quarter. For e < 0 the dividend is fen * 2^-e: up to 64 bits at once, the
 * rest in a second step of the same long division, whose remainder is below 2^53.
 */
bool arithmetic_money_by_real(int64_t fen, double divisor, int64_t *ret_fen)
{
    LX_ASSERT(divisor != 0);

    if (!isfinite(divisor)) return false;
    struct binary binary = binary_of(divisor);
    bool is_negative = (fen < 0) != binary.is_negative;
    uint64_t dividend = magnitude(fen);
    if (dividend == 0) return with_sign(0, false, ret_fen);
    if (binary.exponent > 64) return with_sign(0, false, ret_fen);
    if (binary.exponent >= 0)
        return with_sign(divide_half_even(dividend, (u128)binary.mantissa << binary.exponent),
                         is_negative, ret_fen);
    int shift = -binary.exponent;
    /* The quotient is at least 2^(shift - 53). */
    if (shift >= 53 + 64) return false;
    int first = shift < 64 ? shift : 64, second = shift - first;
    u128 above = (u128)dividend << first;
    if (second == 0)
        return with_sign(divide_half_even(above, binary.mantissa), is_negative, ret_fen);
    u128 quotient = above / binary.mantissa, rest = above % binary.mantissa;
    if (quotient >> (64 - second) != 0) return false;
    u128 tail = rest << second;
    u128 whole = (quotient << second) + tail / binary.mantissa;
    u128 left = tail % binary.mantissa, twice = 2 * left;
    whole += twice > binary.mantissa || (twice == binary.mantissa && (whole & 1) == 1);
    return with_sign(whole, is_negative, ret_fen);
}

static bool to_integer(double value, int64_t *ret_value)
{
    /* -2^63 is a double, 2^63 - 1 is none. */
    if (!(value >= -0x1p63 && value < 0x1p63)) return false;
    *ret_value = (int64_t)value;
    return true;
}

bool arithmetic_round(double value, int64_t *ret_value)
{
    return to_integer(rint(value), ret_value);
}

bool arithmetic_floor(double value, int64_t *ret_value)
{
    return to_integer(floor(value), ret_value);
}

bool arithmetic_plus_days(int64_t day, int64_t count, int64_t *ret_day)
{
    int64_t sum;
    if (__builtin_add_overflow(day, count, &sum)) return false;
    if (sum < LX_DAY_MIN || sum > LX_DAY_MAX) return false;
    *ret_day = sum;
    return true;
}

bool arithmetic_plus_months(int64_t day, int64_t count, int64_t *ret_day)
{
    if (day < LX_DAY_MIN || day > LX_DAY_MAX || count > 120000 || count < -120000) return false;
    struct lx_civil civil = lx_civil_of_day((int32_t)day);
    int64_t months = 12 * (int64_t)civil.year + civil.month - 1 + count;
    if (months < 12 || months >= 12 * 10000) return false;
    *ret_day = lx_day_add_months((int32_t)day, (int)count);
    return true;
}

static size_t character(const char *text, size_t at, size_t length)
{
    size_t next = at + 1;
    while (next < length && ((unsigned char)text[next] & 0xC0) == 0x80) next++;
    return next;
}

/*
 * Only the last % can have to take in more, so one place to go back to is enough. Bytes are
 * compared although `_` is a character: in UTF-8 no character begins inside another.
 */
bool arithmetic_is_like(const char *text, size_t length, const char *pattern, size_t pattern_length,
                        char escape)
{
    size_t at = 0, next = 0, back_at = 0, back_next = SIZE_MAX;
    while (at < length) {
        char sign = next < pattern_length ? pattern[next] : '\0';
        bool is_escaped = escape != 0 && sign == escape && next + 1 < pattern_length;
        if (next < pattern_length && sign == '%') {
            back_next = ++next;
            back_at = at;
        } else if (next < pattern_length && sign == '_') {
            at = character(text, at, length);
            next++;
        } else if (next < pattern_length && text[at] == pattern[next + is_escaped]) {
            at++;
            next += 1 + (size_t)is_escaped;
        } else if (back_next != SIZE_MAX) {
            back_at = character(text, back_at, length);
            at = back_at;
            next = back_next;
        } else {
            return false;
        }
    }
    while (next < pattern_length && pattern[next] == '%') next++;
    return next == pattern_length;
}

int64_t arithmetic_length(const char *text, size_t length)
{
    int64_t count = 0;
    for (size_t i = 0; i < length; i++) count += ((unsigned char)text[i] & 0xC0) != 0x80;
    return count;
}
