#ifndef AUTH_THROTTLE_H
#define AUTH_THROTTLE_H

/*
 * throttle: how soon may somebody try again? A bounded table of failures by a key: an account's
 * name or an address.
 *
 * After THROTTLE_FREE failures each further one doubles the wait, from a second up to
 * THROTTLE_WAIT_MAX_MS; a success forgets them, and so does a quiet THROTTLE_FORGET_MS. A full
 * table forgets who has failed least, so that nobody can fill the memory or make it forget an
 * account that is being guessed at.
 *
 * Ownership: throttle_close. Threads: one at a time.
 */

#include "base/base.h"

enum {
    THROTTLE_FREE = 4, /* a person who mistypes does not notice */
    THROTTLE_WAIT_MAX_MS = 15 * 60 * 1000,
    THROTTLE_FORGET_MS = 60 * 60 * 1000,
    THROTTLE_KEYS_MAX = 4096,
    THROTTLE_KEY_MAX = 64 /* bytes of a key that count */
};

struct throttle;
LX_MUST_USE enum lx_err throttle_open(struct throttle **ret_throttle, struct lx_error *err);
void throttle_close(struct throttle *throttle); /* NULL is fine */

/* Milliseconds to wait before the next try; 0: now. */
int64_t throttle_wait_ms(const struct throttle *throttle, const char *key, int64_t now_ms);
void throttle_failed(struct throttle *throttle, const char *key, int64_t now_ms);
void throttle_succeeded(struct throttle *throttle, const char *key);

#endif
