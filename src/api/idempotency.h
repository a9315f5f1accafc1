#ifndef API_IDEMPOTENCY_H
#define API_IDEMPOTENCY_H

/*
 * idempotency: what was answered to a request that carried an Idempotency-Key, for ten minutes, so
 * that a client that did not hear the answer may ask again without doing the thing twice.
 *
 * A key belongs to who sent it. The same request again gets the first answer; another request with
 * that key is refused; and so is the same one while the first is under way. Only answers that did
 * something are kept: after a failure nothing was done, and the request runs again.
 *
 * Bounded: API_IDEMPOTENCY_MAX keys and API_IDEMPOTENCY_BYTES of answers; past that new keys are
 * refused (503), never old ones forgotten. In memory: a restart forgets them.
 * Ownership: copies. Threads: any; a mutex is held for a look-up or a copy.
 */

#include "base/arena.h"

enum { API_IDEMPOTENCY_MAX = 65536, API_IDEMPOTENCY_MS = 10 * 60 * 1000 };
#define API_IDEMPOTENCY_BYTES ((size_t)64 << 20)

struct api_idempotency;
LX_MUST_USE enum lx_err api_idempotency_open(struct api_idempotency **ret_table,
                                             struct lx_error *err);
void api_idempotency_close(struct api_idempotency *table); /* NULL is fine */

enum api_repeat {
    API_FIRST,     /* run it, then say how it ended */
    API_REPEATED,  /* the answer is there */
    API_OTHER,     /* 422 */
    API_UNDER_WAY, /* 409 */
    API_FULL,      /* 503 */
};

/* Both are SHA-256: of who and the key; of method, path and body. */
struct api_repeat_key {
    uint8_t key[32], request[32];
};
struct api_repeat_answer {
    int status;
    const char *body; /* in the arena */
    size_t length;
};
/* *ret_ticket is for the end; the answer is there where it was REPEATED. FULL also where the arena
 * is. */
enum api_repeat api_idempotency_begin(struct api_idempotency *table,
                                      const struct api_repeat_key *key, int64_t now_ms,
                                      struct lx_arena *arena, uint32_t *ret_ticket,
                                      struct api_repeat_answer *ret_answer);
/* body NULL: it failed, the key is free again. So it is where the copy cannot be kept. */
void api_idempotency_end(struct api_idempotency *table, uint32_t ticket, int status,
                         const char *body, size_t length);

#endif
