#ifndef AUTH_SESSION_H
#define AUTH_SESSION_H

/*
 * session: who is logged in. A session is a random token that only the browser has (cookie) and a
 * second one that a form must send along (against cross-site requests); kept are their hashes, in
 * memory and in access.db, so that a restart logs nobody out.
 *
 * A session ends SESSION_IDLE_MS after it was last seen and SESSION_MAX_MS after it began,
 * whichever comes first; an account has SESSION_EACH_MAX at most, and one more ends the one that
 * was seen longest ago. When it was last seen is written down once a minute.
 *
 * Ownership: sessions_close; the accounts are borrowed. Threads: one at a time.
 * Errors:    LX_ERR_LIMIT (too many are logged in), store's. A token that is not there, has ended
 *            or is of a disabled account is an outcome: false.
 */

#include "auth/accounts.h"
#include "auth/secret.h"

enum {
    SESSION_IDLE_MS = 15 * 60 * 1000,
    SESSION_MAX_MS = 8 * 60 * 60 * 1000,
    SESSION_EACH_MAX = 5,
    SESSIONS_MAX = 4096
};

struct session {
    char account[ACCOUNT_NAME_MAX + 1];
    uint8_t token[DIGEST_SIZE], form_token[DIGEST_SIZE]; /* hashes */
    int64_t begun_ms, seen_ms;
    bool has_second;
};

struct sessions;
/* Those that have not ended by now. */
LX_MUST_USE enum lx_err sessions_open(struct accounts *accounts, int64_t now_ms,
                                      struct sessions **ret_sessions, struct lx_error *err);
void sessions_close(struct sessions *sessions); /* NULL is fine */

struct session_tokens {
    char token[SECRET_TEXT_SIZE], form_token[SECRET_TEXT_SIZE];
};
LX_MUST_USE enum lx_err sessions_begin(struct sessions *sessions, const struct lx_env *env,
                                       const char *account, struct session_tokens *ret_tokens,
                                       struct lx_error *err);
/* Sees the session: it is not idle. */
LX_MUST_USE enum lx_err sessions_find(struct sessions *sessions, const char *token, int64_t now_ms,
                                      bool *ret_is_there, struct session *ret_session,
                                      struct lx_error *err);
bool session_form_is_right(const struct session *session, const char *form_token);
/* The second factor was right. The token is another one from now on: *ret_tokens. */
LX_MUST_USE enum lx_err sessions_raise(struct sessions *sessions, const struct lx_env *env,
                                       const char *token, struct session_tokens *ret_tokens,
                                       struct lx_error *err);
LX_MUST_USE enum lx_err sessions_end(struct sessions *sessions, const char *token,
                                     struct lx_error *err);
/* After a new password, or when an account is disabled. */
LX_MUST_USE enum lx_err sessions_end_account(struct sessions *sessions, const char *account,
                                             struct lx_error *err);
size_t sessions_count(const struct sessions *sessions, int64_t now_ms);

#endif
