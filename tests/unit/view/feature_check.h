#ifndef TESTS_FEATURE_CHECK_H
#define TESTS_FEATURE_CHECK_H

/* feature_check: features by name, and comparisons that say which one differs. */

#include "cmocka_all.h"
#include "features_fixture.h"
#include "random_history.h"

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

/* The shipped features, over the catalogue of a test; those of the test before are closed. */
static struct view_features *features;
static struct view_scratch *feature_scratch;

static inline struct view_scratch *open_features(const struct bank_catalogue *catalogue)
{
    struct lx_error err;
    view_scratch_close(feature_scratch);
    view_features_close(features);
    features = fixture_features(catalogue);
    MUST(view_scratch_open(features, catalogue, &feature_scratch, &err));
    return feature_scratch;
}

static inline size_t customer_count(void)
{
    return view_features_count(features, VIEW_CUSTOMER);
}

static inline size_t pair_count(void)
{
    return view_features_count(features, VIEW_PAIR);
}

static inline const struct view_feature *customer_at(size_t place)
{
    return view_features_at(features, VIEW_CUSTOMER, place);
}

static inline const struct view_feature *pair_at(size_t place)
{
    return view_features_at(features, VIEW_PAIR, place);
}

static inline size_t customer_feature(const char *name)
{
    size_t place = view_features_find(features, VIEW_CUSTOMER, name);
    if (place == SIZE_MAX) fail_msg("no customer feature %s", name);
    return place;
}

static inline size_t pair_feature(const char *name)
{
    size_t place = view_features_find(features, VIEW_PAIR, name);
    if (place == SIZE_MAX) fail_msg("no pair feature %s", name);
    return place;
}

static inline void check_same_features(const float *got, const float *want, uint64_t seed,
                                       const char *what)
{
    for (size_t i = 0; i < customer_count(); i++)
        if (!same_float(got[i], want[i]))
            fail_msg("seed %lu: %s: %s: got %.9g, want %.9g", (unsigned long)seed, what,
                     customer_at(i)->name, (double)got[i], (double)want[i]);
}

static inline void check_same_pairs(const float *got, const float *want, size_t product_count,
                                    uint64_t seed, const char *what)
{
    size_t stride = pair_count();
    for (size_t i = 0; i < product_count * stride; i++)
        if (!same_float(got[i], want[i]))
            fail_msg("seed %lu: %s: product %zu: %s: got %.9g, want %.9g", (unsigned long)seed,
                     what, i / stride, pair_at(i % stride)->name, (double)got[i], (double)want[i]);
}

#endif
