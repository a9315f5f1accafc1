#include "base/real.h"

#include <math.h>
#include <string.h>

/* ln 2 in two parts: LN2_HIGH times an exponent is exact. */
static const double LN2_HIGH = 0x1.62e42feep-1, LN2_LOW = 0x1.a39ef35793c76p-33;
static const double SQRT_HALF = 0x1.6a09e667f3bcdp-1, LN2_INVERSE = 0x1.71547652b82fep+0;

/* 2 atanh(s) = log((1 + s) / (1 - s)), |s| <= 0.172; the first term left out is below 1e-18. */
static double twice_atanh(double s)
{
    double z = s * s, zz = z * z, z4 = zz * zz;
    double a = (2.0 / 3 + z * (2.0 / 5)) + zz * (2.0 / 7 + z * (2.0 / 9));
    double b = (2.0 / 11 + z * (2.0 / 13)) + zz * (2.0 / 15 + z * (2.0 / 17));
    double c = (2.0 / 19 + z * (2.0 / 21)) + zz * (2.0 / 23);
    return 2 * s + s * z * (a + z4 * (b + z4 * c));
}

double lx_log(double x)
{
    LX_ASSERT(x > 0 && x < INFINITY);

    int exponent;
    double m = frexp(x, &exponent);
    if (m < SQRT_HALF) {
        m *= 2;
        exponent--;
    }
    double s = (m - 1) / (m + 1);
    return exponent * LN2_HIGH + (twice_atanh(s) + exponent * LN2_LOW);
}

/* value * 2^k. By the exponent's bits where the power is a normal number: ldexp is a call. */
static double scale(double value, int k)
{
    if (k < -1022 || k > 1023) return ldexp(value, k);
    uint64_t bits = (uint64_t)(k + 1023) << 52;
    double power;
    memcpy(&power, &bits, sizeof power);
    return value * power;
}

double lx_exp(double x)
{
    LX_ASSERT(!isnan(x));

    if (x > 710) return INFINITY;
    if (x < -746) return 0;

    int k = (int)(x * LN2_INVERSE + (x < 0 ? -0.5 : 0.5));
    double r = (x - k * LN2_HIGH) - k * LN2_LOW;
    double rr = r * r, r4 = rr * rr;
    double a = (1.0 / 2 + r * (1.0 / 6)) + rr * (1.0 / 24 + r * (1.0 / 120));
    double b = (1.0 / 720 + r * (1.0 / 5040)) + rr * (1.0 / 40320 + r * (1.0 / 362880));
    double c = (1.0 / 3628800 + r * (1.0 / 39916800)) + rr * (1.0 / 479001600);
    double sum = r + rr * (a + r4 * (b + r4 * c));
    return scale(1 + sum, k);
}
