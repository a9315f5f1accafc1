#ifndef TESTS_SHIPPED_FEATURES_H
#define TESTS_SHIPPED_FEATURES_H

/* shipped_features: the definitions that the program carries, for tests that ask for names; and
 * those of a bank, for tests that compute. */

#include "tests/scratch.h"
#include "view/features.h"

/* Opened once, and kept. */
static inline const struct view_features *shipped(void)
{
    static struct view_features *features;
    struct lx_error err;
    if (features == NULL) MUST(view_features_open_shipped(&features, &err));
    return features;
}

static inline size_t shipped_count(void)
{
    return view_features_count(shipped(), VIEW_CUSTOMER) +
           view_features_count(shipped(), VIEW_PAIR);
}

static inline struct view_features *features_of(const char *folder)
{
    struct view_features *features = NULL;
    struct bank *bank = NULL;
    struct lx_error err;
    MUST(bank_open(folder, STORE_READ, &bank, &err));
    MUST(view_features_open(bank, &features, &err));
    bank_close(bank);
    return features;
}

#endif
