#ifndef BASE_REAL_H
#define BASE_REAL_H

/*
 * real: logarithm and exponential that give the same bits on every machine. The C library's differ
 * in the last place from one version or processor to the next, so what must be reproduced from a
 * seed uses these. Only IEEE-754 binary64 with + - * / in a fixed order (no contraction) is used.
 *
 * Accuracy: within 4 units in the last place. Threads: pure functions.
 * Source:   argument reduction and series as in Muller et al., "Handbook of Floating-Point
 *           Arithmetic" (2018), chapter 10.
 */

#include "base/base.h"

/* Natural logarithm; x > 0 and finite. */
double lx_log(double x);

/* e to the power x; 0 below the range of a double, infinity above it; x is not NaN. */
double lx_exp(double x);

#endif
