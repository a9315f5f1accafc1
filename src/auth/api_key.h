#ifndef AUTH_API_KEY_H
#define AUTH_API_KEY_H

/*
 * api_key: how the bank's own systems are known: `Authorization: Bearer lx_ID_SECRET`. ID is 12
 * hexadecimal digits and may be shown; of SECRET only the hash is kept. A key has scopes
 * (policy.h), an end, a quota of calls a day and a price a call; what it used is counted by day and
 * route.
 *
 * Counts live in memory and go to access.db by api_keys_write: after a crash the calls since the
 * last one are not charged.
 *
 * Ownership: api_keys_close; the accounts are borrowed. Threads: one at a time.
 * Errors:    LX_ERR_LIMIT (API_KEYS_MAX), LX_ERR_NOT_FOUND (an id), LX_ERR_BAD_INPUT, store's.
 */

#include "auth/accounts.h"
#include "auth/secret.h"
#include "base/buffer.h"

enum {
    API_KEY_ID_SIZE = 13,
    API_KEY_TEXT_SIZE = 3 + API_KEY_ID_SIZE + SECRET_TEXT_SIZE, /* "lx_" ID "_" SECRET, NUL */
    API_KEY_OWNER_MAX = 100,
    API_KEYS_MAX = 512
};

struct api_key {
    char id[API_KEY_ID_SIZE];
    char owner[API_KEY_OWNER_MAX + 1];
    unsigned scopes;   /* bit 1 << enum policy_scope */
    int64_t quota;     /* calls a day; 0: none */
    int64_t price_fen; /* a call */
    int64_t at_ms, until_ms;
    int64_t revoked_ms; /* 0: it counts */
};

struct api_keys;
LX_MUST_USE enum lx_err api_keys_open(struct accounts *accounts, struct api_keys **ret_keys,
                                      struct lx_error *err);
/* What was counted and not written is lost: api_keys_write first. NULL is fine. */
void api_keys_close(struct api_keys *keys);

/* Of owner, scopes, quota, price and until. The text is told this once. */
LX_MUST_USE enum lx_err api_keys_make(struct api_keys *keys, const struct lx_env *env,
                                      const struct api_key *wanted, struct api_key *ret_key,
                                      char ret_text[API_KEY_TEXT_SIZE], struct lx_error *err);
LX_MUST_USE enum lx_err api_keys_revoke(struct api_keys *keys, const char *id, int64_t now_ms,
                                        struct lx_error *err);
size_t api_keys_count(const struct api_keys *keys);
const struct api_key *api_keys_at(const struct api_keys *keys,
                                  size_t index); /* by time of making */

enum api_key_state {
    API_KEY_GOOD,
    API_KEY_UNKNOWN, /* no such key, a wrong secret, revoked, or past its end: which is not told */
    API_KEY_OVER_QUOTA
};
/* Counts a call of policy rule `route` (policy_at) on that bank day, if the key is good; *ret_key
 * is then the key. The first call of a day writes what the day before left. */
LX_MUST_USE enum lx_err api_keys_use(struct api_keys *keys, const char *text, size_t length,
                                     size_t route, int64_t now_ms, int32_t day,
                                     enum api_key_state *ret_state, struct api_key *ret_key,
                                     struct lx_error *err);
/* Adds what was counted since to access.db, in one transaction. */
LX_MUST_USE enum lx_err api_keys_write(struct api_keys *keys, struct lx_error *err);

/* A month's use as CSV (RFC 4180): key,owner,day,route,calls,price_fen. Days from first to last. */
LX_MUST_USE enum lx_err api_keys_statement(struct api_keys *keys, int32_t first_day,
                                           int32_t last_day, struct lx_buffer *buffer,
                                           struct lx_error *err);

#endif
