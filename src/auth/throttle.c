#include "auth/throttle.h"

#include <string.h>

struct entry {
    char key[THROTTLE_KEY_MAX + 1];
    int failures; /* 0: the place is free */
    int64_t last_ms;
};

struct throttle {
    struct entry entries[THROTTLE_KEYS_MAX];
};

enum lx_err throttle_open(struct throttle **ret_throttle, struct lx_error *err)
{
    struct throttle *throttle = lx_calloc(1, sizeof *throttle);
    if (throttle == NULL) return lx_fail(err, LX_ERR_NO_MEMORY, "throttle: out of memory");
    *ret_throttle = throttle;
    return LX_OK;
}

void throttle_close(struct throttle *throttle)
{
    lx_free(throttle);
}

static struct entry *find(const struct throttle *throttle, const char *key)
{
    for (size_t i = 0; i < THROTTLE_KEYS_MAX; i++) {
        const struct entry *entry = &throttle->entries[i];
        if (entry->failures > 0 && strncmp(entry->key, key, THROTTLE_KEY_MAX) == 0)
            return (struct entry *)(uintptr_t)entry;
    }
    return NULL;
}

static bool is_forgotten(const struct entry *entry, int64_t now_ms)
{
    return now_ms - entry->last_ms >= THROTTLE_FORGET_MS;
}

int64_t throttle_wait_ms(const struct throttle *throttle, const char *key, int64_t now_ms)
{
    const struct entry *entry = find(throttle, key);
    if (entry == NULL || entry->failures < THROTTLE_FREE || is_forgotten(entry, now_ms)) return 0;
    int doublings = entry->failures - THROTTLE_FREE;
    int64_t wait_ms = doublings < 20 ? INT64_C(1000) << doublings : THROTTLE_WAIT_MAX_MS;
    if (wait_ms > THROTTLE_WAIT_MAX_MS) wait_ms = THROTTLE_WAIT_MAX_MS;
    int64_t left_ms = entry->last_ms + wait_ms - now_ms;
    return left_ms > 0 ? left_ms : 0;
}

/* A free place, or that of who has failed least, and among those longest ago: so that whoever is
 * tried again and again is not forgotten because of many who were tried once. */
static struct entry *make_place(struct throttle *throttle)
{
    struct entry *least = &throttle->entries[0];
    for (size_t i = 0; i < THROTTLE_KEYS_MAX; i++) {
        struct entry *entry = &throttle->entries[i];
        if (entry->failures == 0) return entry;
        bool is_less = entry->failures < least->failures;
        if (entry->failures == least->failures) is_less = entry->last_ms < least->last_ms;
        if (is_less) least = entry;
    }
    return least;
}

void throttle_failed(struct throttle *throttle, const char *key, int64_t now_ms)
{
    struct entry *entry = find(throttle, key);
    if (entry == NULL) {
        entry = make_place(throttle);
        memset(entry, 0, sizeof *entry);
        memcpy(entry->key, key, strnlen(key, THROTTLE_KEY_MAX));
    } else if (is_forgotten(entry, now_ms)) {
        entry->failures = 0;
    }
    if (entry->failures < INT32_MAX) entry->failures++;
    entry->last_ms = now_ms;
}

void throttle_succeeded(struct throttle *throttle, const char *key)
{
    struct entry *entry = find(throttle, key);
    if (entry != NULL) *entry = (struct entry){0};
}
