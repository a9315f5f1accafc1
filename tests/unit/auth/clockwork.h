#ifndef TESTS_AUTH_CLOCKWORK_H
#define TESTS_AUTH_CLOCKWORK_H

/* clockwork: an environment whose time stands until a test moves it, and whose entropy counts up.
 * */

#include "cmocka_all.h"

#include "base/env.h"
#include "base/rng.h"
#include "tests/scratch.h"

struct clockwork {
    int64_t now_ms;
    struct lx_rng rng;
};

static inline int64_t clockwork_now(void *context)
{
    return ((struct clockwork *)context)->now_ms;
}

static inline void clockwork_entropy(void *context, void *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++)
        ((uint8_t *)bytes)[i] = (uint8_t)lx_rng_next(&((struct clockwork *)context)->rng);
}

static inline struct lx_env clockwork_env(struct clockwork *clockwork)
{
    return (struct lx_env){
        .context = clockwork, .now_ms = clockwork_now, .entropy = clockwork_entropy};
}

#endif
