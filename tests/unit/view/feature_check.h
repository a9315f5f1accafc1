#ifndef TESTS_FEATURE_CHECK_H
#define TESTS_FEATURE_CHECK_H

/* feature_check: features by name, and comparisons that say which one differs. */

#include "cmocka_all.h"
#include "random_history.h"
#include "view/feature.h"

/* Room for every customer feature, or every pair feature of the catalogue. */
enum { VALUES_MAX = 1024 };

/* NaN equals NaN: compared as bits. */
static inline bool same_float(float a, float b)
{
    return memcmp(&a, &b, sizeof a) == 0 || (isnan(a) && isnan(b)) || a == b;
}

static inline bool near_float(float a, float b, double relative)
{
    if (same_float(a, b)) return true;
    double size = fabs((double)a) + fabs((double)b);
    return fabs((double)a - (double)b) <= relative * size;
}

static inline size_t customer_feature(const char *name)
{
    for (size_t i = 0; i < view_customer_feature_count(); i++)
        if (strcmp(view_customer_feature(i)->name, name) == 0) return i;
    fail_msg("no customer feature %s", name);
    return 0;
}

static inline size_t pair_feature(const char *name)
{
    for (size_t i = 0; i < view_pair_feature_count(); i++)
        if (strcmp(view_pair_feature(i)->name, name) == 0) return i;
    fail_msg("no pair feature %s", name);
    return 0;
}

static inline void check_same_features(const float *got, const float *want, uint64_t seed,
                                       const char *what)
{
    for (size_t i = 0; i < view_customer_feature_count(); i++)
        if (!same_float(got[i], want[i]))
            fail_msg("seed %lu: %s: %s: got %.9g, want %.9g", (unsigned long)seed, what,
                     view_customer_feature(i)->name, (double)got[i], (double)want[i]);
}

static inline void check_same_pairs(const float *got, const float *want, size_t product_count,
                                    uint64_t seed, const char *what)
{
    size_t stride = view_pair_feature_count();
    for (size_t i = 0; i < product_count * stride; i++)
        if (!same_float(got[i], want[i]))
            fail_msg("seed %lu: %s: product %zu: %s: got %.9g, want %.9g", (unsigned long)seed,
                     what, i / stride, view_pair_feature(i % stride)->name, (double)got[i],
                     (double)want[i]);
}

#endif
